"""Offers: affordable, within the policy, approved before anybody quotes a figure of them."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import oracle
import pytest
from builders import (
    NOW,
    TALKED,
    TODAY,
    YUAN,
    a_balance,
    a_case,
    a_counter_offer,
    a_history,
    a_policy,
    after,
    an_account,
    an_assessed_case,
    an_offered_case,
    circumstances,
    the_policy,
)
from hypothesis import event, given, settings
from hypothesis import strategies as st

from accord.assessment import assess
from accord.authority import ROLES
from accord.case import Account, Balance, Case, Change, Circumstances, Offer, Product, Status, TaskKind, TaskReason
from accord.errors import MoveNotAllowedError, NotApprovedError, RuleMissingError
from accord.events import OfferMade, ReviewRequested, StaffTaskCreated
from accord.identification import identify
from accord.offers import approve_offers, check_approval, propose, quotable, reject_offers
from accord.policy import Policy, load_policy
from accord.schedule import schedule_of

END_OF_LAST_DAY = datetime(2026, 3, 19, 15, 59, 59, tzinfo=UTC)  # the end of 19 March in Shanghai


def proposed(policy: Policy | None = None, **changes: Any) -> Change:
    return propose(an_assessed_case(policy, **changes), policy or the_policy(), NOW)


def plans(change: Change) -> list[tuple[str, int]]:
    return [(offer.product.value, offer.months) for offer in change.case.offers]


def affordable(case: Case) -> int:
    assert case.assessment is not None
    return case.assessment.affordable_monthly


# --- which plans -------------------------------------------------------------------------------------------------


def test_the_soonest_the_lowest_a_month_and_the_lowest_in_all_stand_side_by_side() -> None:
    change = proposed()
    assert change.result == {"outcome": "OFFERED"}
    assert change.case.status is Status.OFFERED
    assert plans(change) == [("INTEREST_FREE", 15), ("INTEREST_FREE", 24)]
    assert [offer.best_at for offer in change.case.offers] == [("SOONEST_FREE", "LOWEST_TOTAL"), ("LOWEST_MONTHLY",)]
    lowest = change.case.offers[1]
    assert lowest.waived == Balance(penalty_interest=150 * YUAN, late_fees=200 * YUAN)
    assert lowest.financed == 11_650 * YUAN
    assert (lowest.regular_instalment, lowest.annual_rate_ppm) == (485_41, 0)
    assert lowest.approved_by == "policy"
    assert change.case.chosen_offer_id is None  # nothing is preselected


def test_who_has_little_left_gets_the_plan_without_interest() -> None:
    """11,650 yuan over 60 months: 209.33 a month at 3 %, which is within 210, but 194.16 without interest."""
    change = proposed(circumstances=circumstances(monthly_income=5_100 * YUAN))
    assert affordable(change.case) == 210 * YUAN
    assert plans(change) == [("INTEREST_FREE", 60)]
    assert change.case.offers[0].annual_cost_ppm == 0


def test_from_the_fourth_month_plans_are_free_of_interest() -> None:
    change = proposed(account=an_account(days_past_due=100))
    assert {offer.product for offer in change.case.offers} == {Product.INTEREST_FREE}
    assert change.case.offers[0].waived.interest == 180 * YUAN  # 30 % of 600


EVERY_FLOOR_75 = a_policy(offer__price_floor_percent={"ORDINARY": 75, "PERSONALISED": 75})


def test_a_single_payment_is_offered_where_it_can_be_put_aside_until_it_is_due() -> None:
    owed = a_balance(principal=2_000 * YUAN)
    change = proposed(EVERY_FLOOR_75, account=an_account(balance=owed))
    (lump_sum,) = [offer for offer in change.case.offers if offer.product is Product.LUMP_SUM]
    assert lump_sum.best_at == ("SOONEST_FREE", "LOWEST_TOTAL")
    # Three quarters of half the interest and of all penalties: the whole of them is below the bank's price floor.
    assert lump_sum.total_payable == 3_000 * YUAN - (300 + 150 + 200) * YUAN * 3 // 4
    assert lump_sum.total_payable <= 3 * affordable(change.case)
    assert lump_sum.months == 1
    assert lump_sum.first_due_date == date(2026, 6, 26)  # three whole months after the last day to sign


def test_principal_is_never_waived() -> None:
    change = proposed(account=an_account(days_past_due=400, balance=a_balance(principal=500 * YUAN)))
    assert change.case.offers
    assert all(offer.waived.principal == 0 for offer in change.case.offers)


def test_a_rate_is_never_raised() -> None:
    assert all(offer.annual_rate_ppm <= 40_000 for offer in proposed(account=an_account(apr_ppm=40_000)).case.offers)


def test_a_card_without_interest_gets_plans_without_interest() -> None:
    change = proposed(account=an_account(apr_ppm=0))
    assert {offer.product for offer in change.case.offers} == {Product.INTEREST_FREE}


@pytest.mark.parametrize(
    "account",
    [an_account(history=a_history(0, 0, 0, 0, 0, 0)), an_account(balance=a_balance(principal=0))],
    ids=["not willing", "within the means"],
)
def test_without_both_preconditions_of_art_70_no_plan_is_longer_than_an_ordinary_one(account: Account) -> None:
    change = proposed(account=account, circumstances=circumstances(monthly_income=8_000 * YUAN))
    assert change.result["outcome"] == "OFFERED"
    assert max(offer.months for offer in change.case.offers) <= 24


def test_a_plan_whose_last_instalment_is_too_high_is_not_offered() -> None:
    """2,580.02 yuan in three instalments: 860.00, 860.00 and 860.02, where 860.00 is affordable."""
    owed = Balance(principal=2_580_02)
    change = proposed(account=an_account(balance=owed, apr_ppm=0))
    assert affordable(change.case) == 860 * YUAN
    assert change.case.offers[0].months == 6


def test_no_instalment_is_below_the_banks_smallest() -> None:
    offers = proposed(a_policy(offer__min_instalment=500 * YUAN)).case.offers
    assert offers
    assert all(offer.regular_instalment >= 500 * YUAN for offer in offers)


def test_no_plan_is_longer_than_the_law_allows_whatever_terms_the_bank_lists() -> None:
    policy = a_policy(offer__terms_months=[12, 60, 61, 120])
    change = proposed(policy, account=an_account(balance=a_balance(principal=40_000 * YUAN)))
    assert change.case.offers
    assert max(offer.months for offer in change.case.offers) == 60


# --- any case ----------------------------------------------------------------------------------------------------

COMPONENT = st.integers(0, 10**7)
PRINCIPAL = st.one_of(st.integers(0, 2 * 10**6), st.integers(0, 10**9))
ACCOUNTS = st.builds(
    an_account,
    balance=st.builds(
        Balance,
        principal=PRINCIPAL,
        interest=COMPONENT,
        penalty_interest=COMPONENT,
        late_fees=COMPONENT,
        fees=COMPONENT,
    ),
    days_past_due=st.integers(1, 400),
    apr_ppm=st.integers(0, 365_000),
    history=st.lists(st.integers(0, 10**7), max_size=12).map(lambda paid: a_history(*paid)),
)
MEANS = st.builds(
    Circumstances,
    monthly_income=st.one_of(st.none(), st.integers(0, 5 * 10**6)),
    monthly_essential_spend=st.one_of(st.none(), st.integers(0, 10**6)),
    other_debt_payments=st.one_of(st.none(), st.integers(0, 10**6)),
    dependants=st.one_of(st.none(), st.integers(0, 6)),
    told_by=st.sampled_from(["BILLING", "CUSTOMER", "STAFF"]),
)


@settings(max_examples=250)
@given(ACCOUNTS, MEANS, st.one_of(st.none(), st.integers(1, 10**7)))
def test_every_offer_is_affordable_lawful_distinct_and_adds_up(
    account: Account, told: Circumstances, own_amount: int | None
) -> None:
    change = proposed(account=account, circumstances=told, proposed_monthly=own_amount)
    case, offers = change.case, change.case.offers
    assert case.assessment is not None
    event(change.result["outcome"])
    event(f"{len(offers)} offers")
    assert len(offers) <= 3
    assert len({(offer.product, offer.months, offer.annual_rate_ppm, offer.waived) for offer in offers}) == len(offers)
    assert [label for offer in offers for label in offer.best_at].count("SOONEST_FREE") <= 1
    assert (change.result["outcome"] in ("ASK", "NO_AFFORDABLE_OFFER")) == (not offers)
    if change.result["outcome"] == "ASK":
        assert case.why_no_offer in ("MEANS_UNKNOWN", "WILLINGNESS_NOT_SHOWN")
    personalised = case.assessment.exceeds_ability and case.assessment.willing
    for offer in offers:
        rows = schedule_of(offer)
        most = max(row.amount for row in rows)
        put_aside = 3 if offer.product is Product.LUMP_SUM else 1
        assert most <= affordable(case) * put_aside
        assert offer.months <= (60 if personalised else 24)
        assert sum(row.amount for row in rows) == offer.total_payable
        assert sum(row.principal for row in rows) == offer.financed > 0
        assert offer.waived.principal == offer.waived.fees == 0
        assert offer.annual_rate_ppm <= account.apr_ppm
        assert offer.total_payable <= account.balance.total or offer.annual_rate_ppm > 0
        assert rows[0].due_date > offer.valid_until.date()
        assert (offer.approved_by is None) == (case.status is Status.IN_REVIEW)
        if "LOWEST_MONTHLY" in offer.best_at and offer.product is not Product.LUMP_SUM:
            assert "MONTHS" in {bound.figure for bound in offer.bounds}, "nobody says why it is not longer"


def test_the_same_case_gets_the_same_offers_whatever_the_language() -> None:
    assert proposed(language="en").case.offers == proposed(language="zh-CN").case.offers


# --- a counter-offer ---------------------------------------------------------------------------------------------


def countered(amount: int) -> Change:
    case = an_offered_case().moved(Status.NEGOTIATING, decision=a_counter_offer(amount), chosen_offer_id="c-1-4-1")
    return propose(after(assess(case, the_policy(), TODAY)), the_policy(), NOW + timedelta(hours=1))


def test_an_amount_within_the_policy_gets_its_plan_first() -> None:
    change = countered(500 * YUAN)
    own, *others = change.case.offers
    assert (own.months, own.best_at) == (24, ("OWN_AMOUNT", "LOWEST_MONTHLY"))
    assert own.regular_instalment <= 500 * YUAN
    assert [offer.best_at for offer in others] == [("SOONEST_FREE", "LOWEST_TOTAL")]


def test_three_offers_are_the_most_that_stand_side_by_side() -> None:
    """The own amount, one payment, the lowest a month, and perhaps another one that is lowest in all."""
    small = an_account(balance=a_balance(principal=2_000 * YUAN))
    change = proposed(account=small, proposed_monthly=300 * YUAN)
    assert [offer.best_at for offer in change.case.offers] == [
        ("OWN_AMOUNT",),
        ("SOONEST_FREE", "LOWEST_TOTAL"),
        ("LOWEST_MONTHLY",),
    ]


@pytest.mark.parametrize("amount", [100 * YUAN, 5_000 * YUAN], ids=["below any plan", "beyond the means"])
def test_an_amount_outside_the_policy_leaves_the_other_plans(amount: int) -> None:
    usual, countered_plans = proposed().case.offers, countered(amount).case.offers
    assert countered_plans[-1].total_payable == usual[-1].total_payable, "the lowest a month is there as before"
    assert countered_plans[0].months <= usual[0].months, "naming more never makes a plan longer"


def test_new_offers_replace_the_old_and_what_was_chosen_of_them() -> None:
    before = {offer.offer_id for offer in an_offered_case().offers}
    change = countered(500 * YUAN)
    assert before.isdisjoint(offer.offer_id for offer in change.case.offers)
    assert (change.case.chosen_offer_id, change.case.comprehension) == (None, None)


# --- no plan -----------------------------------------------------------------------------------------------------


def test_where_no_plan_is_affordable_a_person_advises() -> None:
    change = proposed(circumstances=circumstances(monthly_income=4_000 * YUAN))
    assert change.result == {"outcome": "NO_AFFORDABLE_OFFER", "why": "BEYOND_MEANS"}
    assert (change.case.status, change.case.offers) == (Status.ASSESSED, ())
    (task,) = change.tasks
    assert (task.kind, task.reason, task.facts) == (TaskKind.ADVISE_CUSTOMER, "NO_AFFORDABLE_OFFER", {})
    assert change.events == (StaffTaskCreated(task_id=task.task_id, kind="ADVISE_CUSTOMER", due_at=task.due_at),)


def test_who_advises_is_told_what_to_ask_first() -> None:
    change = proposed(circumstances=Circumstances(monthly_income=1_200 * YUAN))
    assert change.result == {"outcome": "NO_AFFORDABLE_OFFER", "why": "BEYOND_MEANS"}
    (task,) = change.tasks
    assert task.reason == "MEANS_UNKNOWN"
    assert task.facts["questions"].startswith("ESSENTIAL_SPEND, OTHER_DEBTS")


@pytest.mark.parametrize(
    ("means", "doubts", "ask"),
    [
        (
            {"monthly_income": 0, "savings": None},
            "PAID_ABOVE_INCOME, SPEND_ABOVE_INCOME",
            "INCOME, ESSENTIAL_SPEND, SAVINGS",
        ),
        ({"monthly_income": 3_000 * YUAN}, "SPEND_ABOVE_INCOME", "INCOME, ESSENTIAL_SPEND"),
        (
            {"monthly_income": 3_600 * YUAN, "told_by": "CUSTOMER", "income_on_record": 9_000 * YUAN},
            "INCOME_UNLIKE_RECORD",
            "INCOME",
        ),
    ],
)
def test_where_the_figures_do_not_fit_together_who_advises_is_told_which_and_what_to_ask(
    means: dict[str, Any], doubts: str, ask: str
) -> None:
    change = proposed(circumstances=circumstances(**means))
    assert change.result == {"outcome": "NO_AFFORDABLE_OFFER", "why": "BEYOND_MEANS"}
    (task,) = change.tasks
    assert (task.kind, task.reason) == (TaskKind.ADVISE_CUSTOMER, TaskReason.FIGURES_DOUBTFUL)
    assert task.facts == {"doubts": doubts, "questions": ask}


def test_a_doubt_by_which_nobody_has_more_changes_nothing_for_who_advises() -> None:
    """That the income may be from before the job was lost makes no plan affordable."""
    change = proposed(circumstances=circumstances(monthly_income=3_600 * YUAN, hardship="JOB_LOSS"))
    assert change.case.assessment is not None
    assert change.case.assessment.doubts == ("INCOME_BEFORE_HARDSHIP",)
    assert [task.reason for task in change.tasks] == [TaskReason.NO_AFFORDABLE_OFFER]


def test_costs_far_below_the_record_by_the_customers_word_wait_for_a_person() -> None:
    told = circumstances(other_debt_payments=0, own=("other_debt_payments",), debts_on_record=1_200 * YUAN)
    change = proposed(circumstances=told)
    assert (change.result, change.case.review_reasons) == ({"outcome": "REVIEW"}, ("FIGURES_DOUBTFUL",))


def test_who_might_well_afford_a_plan_is_asked_before_they_are_refused() -> None:
    told = Circumstances(monthly_income=2_000 * YUAN)
    change = proposed(circumstances=told)
    assert (change.result, change.case.why_no_offer, change.tasks) == ({"outcome": "ASK"}, "MEANS_UNKNOWN", ())
    more = Circumstances(monthly_income=3_000 * YUAN)
    for part in ({"savings": 0}, {"dependants": 1}, {"hardship": "ILLNESS"}):
        answered = proposed(circumstances=more.model_copy(update=part | {"own": tuple(part)}))
        assert answered.result == {"outcome": "ASK"}, "who tells a part of it is not worse off than who tells nothing"


@pytest.mark.parametrize(("history", "willing"), [((), None), ((0, 0, 0, 0, 0, 0), False)])
def test_who_has_shown_no_will_to_pay_is_asked_and_has_a_plan_once_they_come(
    history: tuple[int, ...], willing: bool | None
) -> None:
    owed = an_account(balance=a_balance(principal=24_000 * YUAN), history=a_history(*history))
    silent = proposed(account=owed)
    assert silent.case.assessment is not None
    assert (silent.case.assessment.exceeds_ability, silent.case.assessment.willing) == (True, willing)
    assert (silent.result, silent.case.why_no_offer) == ({"outcome": "ASK"}, "WILLINGNESS_NOT_SHOWN")
    came = proposed(account=owed, contacts=(TALKED,))
    assert came.case.offers


def test_where_income_is_unknown_and_nothing_was_paid_the_customer_is_asked_instead_of_refused() -> None:
    change = proposed(circumstances=Circumstances(), account=an_account(history=a_history(0, 0, 0)))
    assert change.result == {"outcome": "ASK"}
    assert (change.case.status, change.case.offers, change.tasks) == (Status.ASSESSED, (), ())
    assert change.case.answer_by == END_OF_LAST_DAY


def test_where_a_plan_would_bring_less_than_none_a_person_hears_why_and_nobody_is_asked_for_their_income() -> None:
    """Fifty yuan: a plan costs thirty, and who owes so little mostly pays."""
    tiny = Balance(principal=50 * YUAN)
    history = a_history(*[400 * YUAN] * 6)
    change = proposed(
        account=an_account(balance=tiny, days_past_due=15, history=history), circumstances=Circumstances()
    )
    assert change.result == {"outcome": "NO_AFFORDABLE_OFFER", "why": "WORTH_LESS_THAN_NO_PLAN"}
    (task,) = change.tasks
    assert (task.reason, task.facts) == (TaskReason.NO_PLAN_POSSIBLE, {"why_none": "WORTH_LESS_THAN_NO_PLAN"})


def told_of_hard_times(income: int, now: datetime = NOW, **changes: Any) -> Change:
    """The customer has offers in hand and says that less comes in."""
    before = an_offered_case().model_copy(update={"untold": False} | changes)
    told = before.model_copy(update={"status": Status.INVITED, "circumstances": circumstances(monthly_income=income)})
    return propose(after(assess(told, the_policy(), now.date())), the_policy(), now)


def test_who_tells_of_hard_times_keeps_what_was_promised_and_a_person_calls() -> None:
    before = an_offered_case().offers
    change = told_of_hard_times(4_000 * YUAN)
    assert change.result == {"outcome": "KEPT"}
    assert change.case.offers == before
    assert (change.case.status, change.case.offers_beyond_means) == (Status.NEGOTIATING, True)
    (task,) = change.tasks
    assert (task.kind, task.reason, task.facts) == (TaskKind.ADVISE_CUSTOMER, TaskReason.OFFERS_BEYOND_MEANS, {})
    again = told_of_hard_times(3_000 * YUAN, offers_beyond_means=True, advice_due=True)
    assert (again.result, again.tasks, again.case.offers) == ({"outcome": "KEPT"}, (), before)
    advised = told_of_hard_times(3_000 * YUAN, offers_beyond_means=True)
    assert [task.kind for task in advised.tasks] == [TaskKind.ADVISE_CUSTOMER], "they were called, and ask again"


def test_who_was_not_told_of_the_offers_yet_is_told_though_no_other_plan_is_found() -> None:
    before = an_offered_case().offers
    change = told_of_hard_times(4_000 * YUAN, untold=True)
    assert (change.result, change.case.status) == ({"outcome": "OFFERED"}, Status.OFFERED)
    assert (change.case.offers, change.events[0].__class__.__name__) == (before, "StaffTaskCreated")


@pytest.mark.parametrize("promised", [True, False])
def test_who_asked_for_a_person_has_one_also_where_the_rules_find_no_plan(promised: bool) -> None:
    """PIPL Art. 24: it is not for the rules to say no."""
    offers = an_offered_case().offers
    unapproved = tuple(offer.model_copy(update={"approved_by": None}) for offer in offers)
    asked = {"human_review": True} | ({} if promised else {"offers": unapproved})
    change = told_of_hard_times(4_000 * YUAN, **asked)
    assert (change.result, change.case.review_reasons) == ({"outcome": "REVIEW"}, ("CUSTOMER_ASKED", "NO_PLAN_FOUND"))
    assert change.case.offers == (unapproved if promised else ())
    assert [task.kind for task in change.tasks] == [TaskKind.REVIEW_OFFERS]
    in_hand = change.case
    rejected = reject_offers(in_hand, "NOT_AFFORDABLE", NOW)
    assert rejected.result == {"outcome": "OFFERED" if promised else "NO_AFFORDABLE_OFFER"}
    assert rejected.case.offers == (offers if promised else ())
    if promised:
        assert {offer.approved_by for offer in approve_offers(in_hand, "s-7", NOW).case.offers} == {"s-7"}
    else:
        with pytest.raises(NotApprovedError):
            approve_offers(in_hand, "s-7", NOW)


def test_new_figures_that_carry_a_plan_end_the_doubt() -> None:
    change = told_of_hard_times(5_100 * YUAN, offers_beyond_means=True)
    assert change.result == {"outcome": "OFFERED"}
    assert not change.case.offers_beyond_means
    assert plans(change) == [("INTEREST_FREE", 60)]


def test_what_nobody_approved_or_what_has_run_out_is_no_promise() -> None:
    unapproved = tuple(offer.model_copy(update={"approved_by": None}) for offer in an_offered_case().offers)
    late = NOW + timedelta(days=15)
    for change in (told_of_hard_times(4_000 * YUAN, offers=unapproved), told_of_hard_times(4_000 * YUAN, late)):
        assert change.result == {"outcome": "NO_AFFORDABLE_OFFER", "why": "BEYOND_MEANS"}
        assert (change.case.offers, change.case.offers_beyond_means) == ((), False)


# --- a person looks first ----------------------------------------------------------------------------------------

BIG = an_account(balance=a_balance(principal=250_000 * YUAN))
WELL_OFF = circumstances(monthly_income=30_000 * YUAN, monthly_essential_spend=9_000 * YUAN)
MIDDLE = an_account(
    balance=a_balance(principal=60_000 * YUAN), history=a_history(0, 3_000 * YUAN, 3_000 * YUAN, 3_000 * YUAN)
)


@pytest.mark.parametrize(
    ("changes", "reasons"),
    [
        ({"account": BIG, "circumstances": WELL_OFF}, ("AMOUNT_ABOVE_LIMIT", "PAPERS_TO_SEE")),
        ({"flags": ("VULNERABLE",)}, ("VULNERABLE",)),
        (
            {"account": MIDDLE, "circumstances": Circumstances(monthly_income=12_000 * YUAN)},
            ("LOW_CONFIDENCE", "PAPERS_TO_SEE"),
        ),
        ({"circumstances": Circumstances(), "proposed_monthly": 900 * YUAN}, ("OWN_AMOUNT_UNCHECKED",)),
    ],
)
def test_a_person_looks_before_such_offers_are_made(changes: dict[str, Any], reasons: tuple[str, ...]) -> None:
    change = proposed(**changes)
    assert change.result == {"outcome": "REVIEW"}
    assert (change.case.status, change.case.review_reasons) == (Status.IN_REVIEW, reasons)
    assert change.case.offers
    assert all(offer.approved_by is None for offer in change.case.offers)
    (task,) = change.tasks
    assert task.kind is TaskKind.REVIEW_OFFERS
    assert (task.reason, task.facts) == ("OFFERS_NEED_REVIEW", {"review_reasons": ", ".join(reasons)})
    assert change.events == (
        ReviewRequested(reasons=reasons),
        StaffTaskCreated(task_id=task.task_id, kind="REVIEW_OFFERS", due_at=task.due_at),
    )


def test_a_hardship_that_was_told_after_identification_makes_a_person_look_too() -> None:
    case = an_assessed_case()
    assert case.identification is not None
    assert not case.identification.vulnerable
    ill = case.model_copy(update={"circumstances": circumstances(hardship="ILLNESS")})
    assert propose(ill, the_policy(), NOW).case.review_reasons == ("VULNERABLE",)
    flagged = case.model_copy(update={"flags": ("VULNERABLE",)})
    assert propose(flagged, the_policy(), NOW).case.review_reasons == ("VULNERABLE",)


def in_review() -> Case:
    return after(proposed(flags=("VULNERABLE",)))


def test_approval_by_staff_makes_the_offers() -> None:
    change = approve_offers(in_review(), "s-7", NOW + timedelta(days=1))
    assert change.result == {"outcome": "OFFERED"}
    assert change.case.status is Status.OFFERED
    assert {offer.approved_by for offer in change.case.offers} == {"s-7"}
    (event,) = change.events
    assert isinstance(event, OfferMade)
    assert (event.approved_by, change.actor.kind, change.actor.id) == ("s-7", "STAFF", "s-7")


@pytest.mark.parametrize("hour", [0, 2, 15, 16, 23])
def test_offers_stand_until_the_end_of_the_day_that_people_are_told(hour: int) -> None:
    """Whatever the hour at which they were made, on the last day they stand until midnight where the customer is."""
    made_at = NOW.replace(hour=hour)
    shanghai = ZoneInfo("Asia/Shanghai")
    for offer in propose(an_assessed_case(), the_policy(), made_at).case.offers:
        ends = offer.valid_until.astimezone(shanghai)
        assert (f"{ends:%H:%M:%S}", offer.valid_until.tzinfo) == ("23:59:59", UTC)
        assert ends.date() == made_at.astimezone(shanghai).date() + timedelta(days=14)


@pytest.mark.parametrize(
    ("zone", "made_on"),
    [
        ("America/Santiago", date(2027, 3, 20)),  # at midnight after 3 April it is eleven once more
        ("America/Nuuk", date(2027, 3, 13)),  # on 27 March eleven in the evening becomes midnight
        ("Africa/Cairo", date(2026, 10, 15)),
        ("Asia/Beirut", date(2026, 10, 10)),
    ],
)
def test_the_last_day_is_whole_where_clocks_change_at_midnight(zone: str, made_on: date) -> None:
    made_at = datetime(made_on.year, made_on.month, made_on.day, 12, tzinfo=UTC)
    for days in range(5):
        case = an_assessed_case(time_zone=zone)
        ends = propose(case, the_policy(), made_at + timedelta(days=days)).case.offers[0].valid_until
        last_day = (made_at + timedelta(days=days)).astimezone(ZoneInfo(zone)).date() + timedelta(days=14)
        assert ends.astimezone(ZoneInfo(zone)).date() == last_day
        assert (ends + timedelta(seconds=1)).astimezone(ZoneInfo(zone)).date() == last_day + timedelta(days=1)


def test_offers_that_ran_out_in_review_cannot_be_approved() -> None:
    with pytest.raises(NotApprovedError, match="ran out"):
        approve_offers(in_review(), "s-7", END_OF_LAST_DAY)


def reviewed(**changes: Any) -> Case:
    """Offers in review that give up what the test says."""
    case = in_review()
    return case.model_copy(update={"offers": tuple(offer.model_copy(update=changes) for offer in case.offers)})


@pytest.mark.parametrize(("role", "last"), [("NEGOTIATOR", None), ("LEAD", True), ("MANAGER", True)])
def test_only_a_role_with_the_authority_approves(role: str, last: bool | None) -> None:
    case = reviewed(approver="LEAD")
    if last:
        assert check_approval(case, "s-7", role)
    else:
        with pytest.raises(NotApprovedError, match="authority of LEAD"):
            check_approval(case, "s-7", role)


def test_four_eyes_are_two_persons() -> None:
    case = reviewed(four_eyes=True)
    assert not check_approval(case, "s-7", "MANAGER")
    once = case.model_copy(update={"first_approver": "s-7"})
    with pytest.raises(NotApprovedError, match="four eyes"):
        check_approval(once, "s-7", "MANAGER")
    assert check_approval(once, "s-8", "LEAD")


def test_every_figure_of_an_offer_names_the_rule_that_bound_it() -> None:
    for offer in proposed().case.offers:
        figures = {bound.figure: bound for bound in offer.bounds}
        assert {"MONTHLY", "RATE", "FIRST_DUE", "WORTH", "WITHOUT_PLAN", "BREAKS", "DISCOUNT"} <= set(figures)
        assert {"MONTHS", "NOT_SHORTER"} & set(figures)
        assert ("APPROVER" in figures) == (offer.waived.total > 0)
        assert {bound.rule for bound in offer.bounds} <= set(the_policy().rules)
        assert offer.regular_instalment <= figures["MONTHLY"].allows
        assert offer.waived.total <= figures["WAIVED"].allows
        assert figures["WITHOUT_PLAN"].allows == offer.worth.without_plan if offer.worth else True
        assert offer.worth is not None
        assert offer.worth.expected > offer.worth.without_plan


@cache
def random_proposals() -> tuple[tuple[Case, tuple[Offer, ...]], ...]:
    """Debts old and new with much to waive, own amounts, and what was given up before; always the same ones."""
    random, found = Random(20_261_129), []
    while len(found) < 500:
        late, owed = random.choice((1, 20, 40, 75, 100, 130, 160, 200)), random.randrange(50_000, 9_000_000)
        penalty, interest = owed * random.randrange(15) // 100, owed * random.randrange(25) // 100
        account = an_account(
            balance=Balance(principal=owed, interest=interest, penalty_interest=penalty, late_fees=penalty),
            days_past_due=late,
            apr_ppm=random.choice((0, 100_000, 182_500, 240_000)),
            history=(),
        )
        income = random.randrange(300_000, 2_500_000)
        change = proposed(
            account=account,
            circumstances=circumstances(
                monthly_income=income,
                monthly_essential_spend=income * random.randrange(40, 93) // 100,
                other_debt_payments=0,
                savings=random.choice((0, random.randrange(2_000_000))),
            ),
            proposed_monthly=random.choice((None, random.randrange(10_000, 300_000))),
            waived_before=random.choice((0, 0, random.randrange(1_500_000))),
        )
        if change.case.offers:
            found.append((change.case, change.case.offers))
    return tuple(found)


def random_offers() -> Iterator[tuple[Case, Offer, Mapping[str, Any]]]:
    """The same offers, each with its bounds by their figures."""
    for case, offers in random_proposals():
        for offer in offers:
            yield case, offer, {bound.figure: bound for bound in offer.bounds}


def test_no_waiver_below_its_ceiling_and_no_rate_is_without_a_reason() -> None:
    for _, offer, figures in random_offers():
        if "WAIVED" in figures and offer.waived.total < figures["WAIVED"].allows:
            assert "NOT_MORE_WAIVED" in figures, offer
        assert ("NOT_CHEAPER" in figures) == (offer.annual_rate_ppm > 0), offer


def test_the_next_waiver_is_beyond_the_rule_that_is_named() -> None:
    """By the oracle: the matrix where it forbids it, the twelve months where only they do."""
    rules, seen = the_policy().on(TODAY), set()
    cumulative = rules["authority.cumulative_12_months"]
    caps = {
        role: {
            part: {name: (cap.percent, cap.amount) for name, cap in by_bucket.items()}
            for part, by_bucket in components.items()
        }
        for role, components in rules["authority.concession"].items()
    }
    for case, offers in random_proposals():
        role = max((b.allows for o in offers for b in o.bounds if b.figure == "APPROVER"), default=0)
        may = {ROLES[role]: caps[ROLES[role]]}
        assert case.identification is not None
        bucket, owed = case.identification.delinquency_bucket, dict(case.account.balance)
        for offer in offers:
            once = offer.product is Product.LUMP_SUM
            ceilings = rules["waiver.lump_sum_percent" if once else "waiver.plan_percent"]
            for bound in offer.bounds:
                if bound.figure != "NOT_MORE_WAIVED":
                    continue
                steps = oracle.waivers(owed, ceilings, bucket, rules["waiver.steps_percent"])
                more = next(step for step in steps if sum(step.values()) > offer.waived.total)
                at_once = oracle.least_role(more, owed, bucket, 0, may, dict.fromkeys(ROLES, 10**18))
                in_a_year = oracle.least_role(more, owed, bucket, case.waived_before, may, cumulative)
                authority = (
                    None if in_a_year else "authority.cumulative_12_months" if at_once else "authority.concession"
                )
                seen.add(bound.rule)
                assert authority == (bound.rule if bound.rule.startswith("authority.") else None), (offer, bound)
                if bound.rule == "offer.min_instalment":
                    assert _instalment(offer, offer.annual_rate_ppm, offer.months, sum(more.values())) < bound.allows
                else:
                    assert bound.allows == sum(more.values())
    assert {"authority.concession", "authority.cumulative_12_months", "offer.min_instalment"} <= seen


def _instalment(offer: Offer, rate: int, months: int, waived: int) -> int:
    """The regular instalment of the plan with another rate, term or waiver; principal is never waived."""
    bearing = offer.owed.principal if rate else 0
    rows = oracle.schedule(bearing, offer.owed.total - waived - bearing, rate, months)
    return rows[0][0] if rows else 0


def test_the_next_lower_rate_and_the_next_term_are_too_small_where_it_is_said() -> None:
    rules, seen = the_policy().on(TODAY), set()
    for case, offer, figures in random_offers():
        assert case.identification is not None
        for figure in {"MONTHS", "NOT_CHEAPER"} & set(figures):
            bound = figures[figure]
            if bound.rule != "offer.min_instalment":
                continue
            seen.add(figure)
            rate, months = offer.annual_rate_ppm, offer.months
            if figure == "MONTHS":
                months = min(term for term in rules["offer.terms_months"] if term > months)
            else:
                free = Product.INTEREST_FREE in rules["offer.products"][case.identification.delinquency_bucket]
                rate = max(lower for lower in (*rules["offer.rates_ppm"], *[0] * free) if lower < rate)
            assert _instalment(offer, rate, months, offer.waived.total) < bound.allows == 100 * YUAN
    assert seen == {"MONTHS", "NOT_CHEAPER"}


def test_a_waiver_of_some_cents_that_makes_the_last_instalment_too_high_is_told_so() -> None:
    """12 x 150 yuan are affordable; of some cents less the last instalment takes up what does not divide."""
    owed = Balance(principal=179_960, interest=22, penalty_interest=20, late_fees=6)
    case = an_assessed_case(account=an_account(history=(), balance=owed))
    assert case.assessment is not None
    means = case.assessment.model_copy(update={"affordable_monthly": 15_000, "disposable_income": 16_700})
    offers = propose(case.model_copy(update={"assessment": means}), the_policy(), NOW).case.offers
    told = {bound.rule: bound.allows for o in offers for bound in o.bounds if bound.figure == "NOT_MORE_WAIVED"}
    assert told["assessment.affordability_percent"] == 15_004


def test_where_the_steps_end_below_the_ceiling_it_is_said() -> None:
    policy = a_policy(waiver__steps_percent=[0, 25])
    account = an_account(days_past_due=100, balance=a_balance(interest=400 * YUAN))
    (told,) = {
        bound.rule
        for offer in proposed(policy, account=account).case.offers
        if offer.waived.total
        for bound in offer.bounds
        if bound.figure == "NOT_MORE_WAIVED"
    }
    assert told == "waiver.steps_percent"


def test_where_no_lower_rate_is_among_the_products_it_is_said() -> None:
    policy = a_policy(offer__products={"ALL": ["REDUCED_RATE"]}, offer__rates_ppm=[90_000])
    for offer in proposed(policy).case.offers:
        assert ("NOT_CHEAPER", "offer.products") in {(bound.figure, bound.rule) for bound in offer.bounds}


def test_what_is_not_in_review_cannot_be_approved() -> None:
    with pytest.raises(NotApprovedError):
        approve_offers(an_offered_case(), "s-7", NOW)


# --- the one door to any figure ----------------------------------------------------------------------------------


def test_an_approved_offer_is_quotable_until_it_runs_out() -> None:
    case = an_offered_case()
    offer = case.offers[0]
    last = offer.valid_until - timedelta(milliseconds=1)
    assert quotable(case, offer.offer_id, last) is offer
    with pytest.raises(NotApprovedError, match="was valid until"):
        quotable(case, offer.offer_id, offer.valid_until)


def test_an_offer_in_review_is_not_quotable() -> None:
    case = in_review()
    with pytest.raises(NotApprovedError, match="nobody has approved"):
        quotable(case, case.offers[0].offer_id, NOW)


def test_an_unknown_offer_is_not_quotable() -> None:
    with pytest.raises(NotApprovedError, match="no offer c-9"):
        quotable(an_offered_case(), "c-9", NOW)


# --- what is said of it ------------------------------------------------------------------------------------------


def test_the_event_tells_other_systems_what_was_offered() -> None:
    change = proposed()
    (event,) = change.events
    assert isinstance(event, OfferMade)
    assert [summary.offer_id for summary in event.offers] == ["c-1-4-1", "c-1-4-2"]
    lowest = change.case.offers[1]
    assert (event.offers[1].waived, event.offers[1].total_payable) == (350 * YUAN, lowest.total_payable)
    assert "offer.products" in event.rules


@pytest.mark.parametrize(
    ("now", "first_due"),
    [
        (datetime.fromisoformat("2026-03-05T15:59:00+00:00"), date(2026, 3, 26)),
        (datetime.fromisoformat("2026-03-05T16:01:00+00:00"), date(2026, 3, 27)),  # it is tomorrow in Shanghai
    ],
)
def test_days_are_counted_where_the_customer_lives(now: datetime, first_due: date) -> None:
    offers: tuple[Offer, ...] = propose(an_assessed_case(), the_policy(), now).case.offers
    assert offers[0].first_due_date == first_due


def test_the_first_payment_is_never_due_before_the_offer_has_run_out() -> None:
    offer = proposed(a_policy(offer__valid_days=40)).case.offers[0]
    assert offer.first_due_date == date(2026, 4, 15)


def test_without_a_rule_nothing_is_offered() -> None:
    with pytest.raises(RuleMissingError, match=r"review\.financed_above"):
        propose(an_assessed_case(), a_policy(review__financed_above=None), NOW)


def test_a_case_that_is_not_assessed_gets_no_offer() -> None:
    with pytest.raises(MoveNotAllowedError):
        propose(identify(a_case(), the_policy(), NOW).case, the_policy(), NOW)


def test_a_bucket_without_products_gets_no_offer() -> None:
    change = proposed(a_policy(offer__products={"M1": ["LUMP_SUM"]}))
    assert change.result["outcome"] == "NO_AFFORDABLE_OFFER"


# --- no cliff between more and less ------------------------------------------------------------------------------


def across(jurisdiction: str, account: Account, told: Circumstances) -> Change:
    """What is proposed to somebody elsewhere who is at risk, or late where the account says so."""
    currency, zone = {"US": ("USD", "America/New_York"), "UK": ("GBP", "Europe/London")}[jurisdiction]
    policy = load_policy(jurisdiction)
    case = an_assessed_case(
        policy,
        jurisdiction=jurisdiction,
        time_zone=zone,
        language="en",
        account=account.model_copy(update={"currency": currency}),
        circumstances=told,
        at_risk=account.days_past_due == 0,
    )
    return propose(case, policy, NOW)


@pytest.mark.parametrize("income", range(1_040, 1_120, 5))
def test_who_earns_a_little_more_loses_no_plan_because_collection_would_take_more(income: int) -> None:
    """What is collected over two years is worth less the later it comes, as a plan's payments are."""
    owed = a_balance(principal=4_000_00, interest=0, penalty_interest=0, late_fees=0, fees=0)
    account = an_account(days_past_due=0, apr_ppm=0, balance=owed, history=a_history(80_00, 80_00, 80_00))
    told = circumstances(monthly_income=income * 100, monthly_essential_spend=780_00, other_debt_payments=0)
    seen = {"told_by": "STAFF", "seen": ("monthly_essential_spend", "monthly_income"), "dependants": 0}
    assert across("US", account, told.model_copy(update=seen)).case.offers


def test_that_a_plan_at_the_cards_own_rate_becomes_affordable_takes_no_relief_away() -> None:
    owed = a_balance(principal=7_650_00, interest=0, penalty_interest=0, late_fees=0, fees=0)
    account = an_account(days_past_due=0, apr_ppm=240_000, balance=owed)
    least = []
    for spend in (500, 496, 492, 480):
        told = circumstances(monthly_income=800_00, monthly_essential_spend=spend * 100, other_debt_payments=0)
        offers = across("UK", account, told.model_copy(update={"told_by": "STAFF", "dependants": 0})).case.offers
        least.append(min(offer.total_payable for offer in offers))
    assert least == sorted(least, reverse=True), "who has more left pays no more in all"


def test_who_is_unknown_in_two_ways_is_asked_for_both_at_once() -> None:
    owed = a_balance(principal=80_000 * YUAN, interest=0, penalty_interest=0, late_fees=0, fees=0)
    account = an_account(days_past_due=20, balance=owed, history=())
    silent = proposed(circumstances=Circumstances(monthly_income=6_000 * YUAN), account=account)
    assert (silent.result, silent.case.why_no_offer) == ({"outcome": "ASK"}, "MEANS_UNKNOWN")


def test_nobody_is_asked_where_no_answer_would_help() -> None:
    owed = a_balance(principal=33 * YUAN, interest=5 * YUAN, penalty_interest=3 * YUAN, late_fees=1 * YUAN, fees=0)
    account = an_account(days_past_due=30, balance=owed, history=())
    change = proposed(circumstances=Circumstances(), account=account)
    assert change.result["outcome"] == "NO_AFFORDABLE_OFFER"
    assert change.case.why_no_offer != "MEANS_UNKNOWN"


def test_a_term_made_for_the_customers_own_amount_is_not_called_one_of_the_terms_on_offer() -> None:
    owed = a_balance(principal=1_306_72, interest=0, penalty_interest=0, late_fees=0, fees=0)
    account = an_account(days_past_due=60, apr_ppm=99_000, balance=owed)
    change = proposed(account=account, proposed_monthly=700 * YUAN)
    own = next(offer for offer in change.case.offers if "OWN_AMOUNT" in offer.best_at)
    assert own.months == 2
    assert not [bound for bound in own.bounds if bound.figure == "NOT_SHORTER" and bound.rule == "offer.terms_months"]
