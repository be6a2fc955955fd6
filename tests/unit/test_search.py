"""The search for plans: wide, priced, and fair to both sides."""

from typing import Any

import pytest
from builders import (
    TODAY,
    YUAN,
    a_balance,
    a_history,
    a_policy,
    an_account,
    an_assessed_case,
    circumstances,
    the_policy,
)
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from accord.authority import ROLES
from accord.case import Balance, Case, Circumstances, Product
from accord.policy import Policy
from accord.search import Candidate, Search, _Plans, search


def found(policy: Policy | None = None, **changes: Any) -> Search:
    return search(*parts(policy, **changes))


def parts(policy: Policy | None = None, **changes: Any) -> tuple[Any, ...]:
    case: Case = an_assessed_case(policy, **changes)
    assert case.identification is not None
    assert case.assessment is not None
    return case, case.identification, case.assessment, (policy or the_policy()).on(TODAY)


def every_candidate(policy: Policy | None = None, **changes: Any) -> list[Candidate]:
    return list(_Plans(*parts(policy, **changes)))


def test_hundreds_of_plans_are_considered() -> None:
    assert found().considered == len(every_candidate()) >= 300


def test_each_plan_that_is_shown_is_the_best_at_what_it_says() -> None:
    picks = found().picks
    by_label = {label: pick.candidate for pick in picks for label in pick.best_at}
    assert set(by_label) == {"SOONEST_FREE", "LOWEST_MONTHLY", "LOWEST_TOTAL"}
    assert by_label["SOONEST_FREE"].free_after == min(pick.candidate.free_after for pick in picks)
    assert by_label["LOWEST_MONTHLY"].monthly == min(pick.candidate.monthly for pick in picks)
    assert by_label["LOWEST_TOTAL"].total == min(pick.candidate.total for pick in picks)


ACCOUNTS = st.builds(
    an_account,
    balance=st.builds(
        Balance, principal=st.integers(10**5, 3 * 10**6), interest=st.integers(0, 10**6),
        penalty_interest=st.integers(0, 10**6),
        late_fees=st.integers(0, 10**5), fees=st.integers(0, 10**5),
    ),
    days_past_due=st.integers(1, 400),
    apr_ppm=st.integers(0, 365_000),
    history=st.lists(st.integers(0, 10**6), max_size=6).map(lambda paid: a_history(*paid)),
)  # fmt: skip
MEANS = st.builds(
    Circumstances, monthly_income=st.integers(8 * 10**5, 3 * 10**6), monthly_essential_spend=st.integers(0, 3 * 10**5),
    other_debt_payments=st.integers(0, 10**5), dependants=st.integers(0, 4),
)  # fmt: skip


@settings(max_examples=150)
@given(ACCOUNTS, MEANS)
def test_no_plan_that_the_bank_would_grant_beats_one_that_is_shown(account: Any, told: Circumstances) -> None:
    """Of the pool, nothing is better for the person in month, total and time at once, and for the bank as well."""
    case, identification, assessment, rules = parts(account=account, circumstances=told)
    result = search(case, identification, assessment, rules)
    assume(result.picks)
    plans = _Plans(case, identification, assessment, rules)
    role = max(ROLES.index(pick.candidate.approver) for pick in result.picks)
    granted = [
        one for one in plans
        if one.approver and ROLES.index(one.approver) <= role and one.expected > plans.alternative
        and one.monthly <= (plans.once if one.product is Product.LUMP_SUM else assessment.affordable_monthly)
    ]  # fmt: skip
    pool = [made.plan for one in granted if (made := plans.made(one)) is not None]
    for pick in result.picks:
        shown = pick.candidate
        assert shown.total == sum(row.amount for row in pick.payments)
        assert shown.expected > result.without_plan, "worth more than no offer"
        for other in pool:
            better = (
                other.monthly <= shown.monthly and other.total <= shown.total and other.free_after <= shown.free_after
                and other.expected >= shown.expected
            )  # fmt: skip
            same = (other.monthly, other.total, other.free_after, other.expected) == (
                shown.monthly, shown.total, shown.free_after, shown.expected
            )  # fmt: skip
            assert same or not better


@settings(max_examples=150)
@given(ACCOUNTS, MEANS, st.none() | st.integers(10**4, 10**6), st.integers(0, 10**7))
def test_what_is_shown_is_the_best_of_all_that_leave_the_bank_its_share(
    account: Any, told: Circumstances, proposed: int | None, savings: int
) -> None:
    """Every plan is made to the unit here, and the best at each wish looked up among them all."""
    told = told.model_copy(update={"savings": savings})
    case, identification, assessment, rules = parts(account=account, circumstances=told, proposed_monthly=proposed)
    result = search(case, identification, assessment, rules)
    assume(result.picks)
    plans = _Plans(case, identification, assessment, rules)
    role = max(ROLES.index(pick.candidate.approver) for pick in result.picks)
    made = [plans.made(one) for one in plans if one.approver and ROLES.index(one.approver) <= role]
    pool = [
        one.plan for one in made
        if one is not None and one.plan.expected > plans.alternative and one.plan.highest <= plans.limit(one.plan)
    ]  # fmt: skip
    monthly = [one for one in pool if one.product is not Product.LUMP_SUM]
    at_card_rate = [one for one in monthly if one.by_policy]
    relief = [one for one in at_card_rate if one.product is not Product.INSTALMENT]
    measured = relief or at_card_rate or [one for one in pool if one.by_policy]
    assert result.floor == max((one.expected for one in measured), default=0) * result.floor_percent // 100
    shown = {wish: pick.candidate for pick in result.picks for wish in pick.best_at}
    own_pick = [shown["OWN_AMOUNT"]] if "OWN_AMOUNT" in shown else []
    with_own = [one for one in pool if one.expected >= result.floor]
    kept = [one for one in with_own if one.by_policy] + own_pick
    monthly = [one for one in kept if one.product is not Product.LUMP_SUM]
    assert len(result.picks) <= 3
    assert ("SOONEST_FREE" in shown) or ("OWN_AMOUNT" in shown and len(result.picks) == 3)
    for wish, plan in shown.items():
        match wish:
            case "LOWEST_TOTAL":
                assert plan.total == min(one.total for one in kept)
            case "LOWEST_MONTHLY":
                assert plan.monthly == min(one.monthly for one in monthly)
            case "SOONEST_FREE":
                soonest = min(one.free_after for one in kept)
                assert plan.free_after == soonest
                assert plan.total == min(one.total for one in kept if one.free_after == soonest)
            case "OWN_AMOUNT":
                within = [one for one in with_own if one.product is not Product.LUMP_SUM]
                assert plan.free_after == min(one.free_after for one in within if one.monthly <= (proposed or 0))
            case _:
                pytest.fail(wish)


def test_the_lowest_total_is_lowest_to_the_cent() -> None:
    """What does not divide is in the last payment: a plan of fewer cents a month may come to more in all."""
    owed = Balance(principal=1_550, interest=4_889, penalty_interest=9_449, late_fees=18_269, fees=76_076)
    picks = found(account=an_account(balance=owed, days_past_due=45)).picks
    by_wish = {wish: pick for pick in picks for wish in pick.best_at}
    totals = [sum(row.amount for row in pick.payments) for pick in picks]
    assert sum(row.amount for row in by_wish["LOWEST_TOTAL"].payments) == min(totals)


@pytest.mark.parametrize("own", [610, 900, 1_220])
def test_naming_an_amount_hides_neither_the_lowest_total_nor_the_lowest_instalment(own: int) -> None:
    account = an_account(balance=a_balance(principal=15_000 * YUAN), days_past_due=45)
    means = circumstances(monthly_income=6_475 * YUAN)
    before, after = (
        {wish: pick.candidate for pick in found(account=account, circumstances=means, **named).picks
         for wish in pick.best_at}
        for named in ({}, {"proposed_monthly": own * YUAN})
    )  # fmt: skip
    assert after["LOWEST_TOTAL"].total <= before["LOWEST_TOTAL"].total
    assert after["LOWEST_MONTHLY"].monthly <= before["LOWEST_MONTHLY"].monthly


SMALL = st.builds(
    an_account,
    balance=st.builds(
        Balance, principal=st.integers(2 * 10**4, 4 * 10**5), interest=st.integers(0, 10**5),
        penalty_interest=st.integers(0, 5 * 10**4), late_fees=st.integers(0, 5 * 10**4),
    ),
    days_past_due=st.sampled_from([20, 50, 75, 100, 130, 200, 400]),
    apr_ppm=st.integers(0, 365_000),
)  # fmt: skip


@settings(max_examples=400)
@given(SMALL, MEANS, st.integers(8_000, 10**5), st.sampled_from([0, 10**7]), st.integers(0, 10**6), st.booleans())
def test_naming_an_amount_adds_one_plan_and_worsens_no_other(
    account: Any, told: Circumstances, named: int, savings: int, before: int, tight: bool
) -> None:
    """Only the plan for the own amount may have a term that is none of the policy's."""
    told = told.model_copy(update={"savings": savings})
    case, identification, assessment, rules = parts(account=account, circumstances=told, waived_before=before)
    if tight:
        assessment = assessment.model_copy(update={"affordable_monthly": named // 1_000 * 1_000})
    plain = search(case, identification, assessment, rules).picks
    picks = search(case.model_copy(update={"proposed_monthly": named}), identification, assessment, rules).picks
    for pick in picks:
        if "OWN_AMOUNT" not in pick.best_at and pick.candidate.product is not Product.LUMP_SUM:
            assert pick.candidate.by_policy
            assert pick.candidate.months in rules["offer.terms_months"]
    lowest, before_it = (
        [pick.candidate.monthly for pick in one if "LOWEST_MONTHLY" in pick.best_at] for one in (picks, plain)
    )
    assert not before_it or lowest <= before_it
    assert not plain or min(pick.candidate.total for pick in picks) <= min(pick.candidate.total for pick in plain)


@pytest.mark.parametrize(
    ("owed", "named", "means"),
    [
        ({"principal": 48_437, "interest": 6_170, "penalty_interest": 394, "late_fees": 179, "fees": 12}, 18_195, 400),
        ({"principal": 81_601, "interest": 720, "penalty_interest": 20_836, "late_fees": 11, "fees": 53}, 11_675, 0),
    ],
)
def test_no_term_between_those_of_the_policy_is_called_the_lowest_by_the_month(
    owed: dict[str, int], named: int, means: int
) -> None:
    account = an_account(balance=a_balance(**owed), days_past_due=means, apr_ppm=100_000, history=())
    told = circumstances(monthly_income=1_000_000, other_debt_payments=0)
    picks = found(account=account, circumstances=told, proposed_monthly=named, at_risk=not means).picks
    (own,) = [pick for pick in picks if "OWN_AMOUNT" in pick.best_at]
    assert all(pick is own or pick.candidate.by_policy for pick in picks)


@pytest.mark.parametrize("days", [95, 125, 155, 185, 365])
def test_savings_take_the_instalments_of_an_own_amount_away_in_no_bucket(days: int) -> None:
    """Two thousand are owed and a hundred can be paid: eighteen months are too few, and twenty-one too small."""
    means = circumstances(monthly_income=6_000 * YUAN, monthly_essential_spend=4_655 * YUAN,
                          other_debt_payments=1_200 * YUAN, savings=10_000 * YUAN)  # fmt: skip
    account = an_account(balance=Balance(principal=2_000 * YUAN), days_past_due=days)
    shown = {pick.candidate.product for pick in found(account=account, circumstances=means).picks}
    assert shown == {Product.LUMP_SUM}, "no term of the policy fits"
    named = found(account=account, circumstances=means, proposed_monthly=100 * YUAN)
    assert {pick.candidate for pick in named.picks if "OWN_AMOUNT" in pick.best_at}.pop().product != Product.LUMP_SUM


def test_by_naming_an_amount_nobody_comes_to_have_more_means() -> None:
    """Also where the longest ordinary plan is no term of the policy."""
    policy = a_policy(offer__terms_months=[3, 6, 12, 18, 30, 36, 42, 48, 54, 60])
    account = an_account(balance=Balance(principal=16_000 * YUAN), days_past_due=95)
    for named in ({}, {"proposed_monthly": 800 * YUAN}):
        case = an_assessed_case(policy, account=account, **named)
        assert case.assessment is not None
        assert case.assessment.exceeds_ability


@settings(max_examples=60)
@given(ACCOUNTS, MEANS, st.integers(0, 5 * 10**6), st.integers(1, 10**7))
def test_more_savings_make_no_instalments_dearer(account: Any, told: Circumstances, savings: int, more: int) -> None:
    """Nobody is pressed to pay in one sum, and who could pays no more by the month for it."""
    lowest = []
    for saved in (savings, savings + more):
        case, identification, assessment, rules = parts(account=account, circumstances=told)
        assessment = assessment.model_copy(update={"savings_available": saved})
        picks = search(case, identification, assessment, rules).picks
        by_month = [pick.candidate for pick in picks if "LOWEST_MONTHLY" in pick.best_at]
        lowest.append([(one.monthly, one.total) for one in by_month])
    assert lowest[0] == lowest[1] or not lowest[0]


def test_savings_that_would_do_for_all_of_it_take_no_instalments_away() -> None:
    """A single payment of everything needs nobody's word; the instalments that need one stay."""
    owed = a_balance(
        principal=21_616 * YUAN, interest=2_702 * YUAN, penalty_interest=1_351 * YUAN, late_fees=1_351 * YUAN
    )
    means = circumstances(
        monthly_income=4_850 * YUAN, monthly_essential_spend=3_395 * YUAN, other_debt_payments=0, dependants=0
    )
    case, identification, assessment, rules = parts(
        account=an_account(balance=owed, days_past_due=165), circumstances=means
    )
    shown = []
    for saved in (owed.total // 2, owed.total * 3 // 2):
        picks = search(case, identification, assessment.model_copy(update={"savings_available": saved}), rules).picks
        shown.append([pick.candidate for pick in picks if pick.candidate.months > 1])
    assert shown[0] == shown[1] != []


@settings(max_examples=100)
@given(ACCOUNTS, MEANS)
def test_the_shorter_plan_beside_one_that_is_shown_is_told_to_the_cent(account: Any, told: Circumstances) -> None:
    case, identification, assessment, rules = parts(account=account, circumstances=told)
    plans = _Plans(case, identification, assessment, rules)
    for pick in search(case, identification, assessment, rules).picks:
        shorter = pick.beside.shorter
        if shorter is not None and (made := plans.to_the_unit(shorter)) is not None:
            assert shorter.highest == max(row.amount for row in made.payments)


BOTH_70, BOTH_98 = ({"ORDINARY": percent, "PERSONALISED": percent} for percent in (70, 98))


def test_the_banks_share_decides_how_much_is_left_to_the_person() -> None:
    generous, strict = (found(a_policy(offer__price_floor_percent=floors)) for floors in (BOTH_70, BOTH_98))
    lowest = [min(pick.candidate.total for pick in result.picks) for result in (generous, strict)]
    assert lowest[0] < lowest[1]
    assert sum(pick.candidate.waived.total for pick in strict.picks) <= sum(
        pick.candidate.waived.total for pick in generous.picks
    )


def test_a_plan_that_needs_more_authority_comes_only_where_the_policys_own_are_beyond_the_means() -> None:
    policy = a_policy(
        waiver__plan_percent={"interest": {"ALL": 100}}, waiver__lump_sum_percent={}, offer__terms_months=[12],
        waiver__steps_percent=[50, 100],
    )  # fmt: skip
    owed = a_balance(principal=9_000 * YUAN, interest=6_000 * YUAN, penalty_interest=0, late_fees=0, fees=0)
    account = an_account(days_past_due=100, balance=owed)
    means = circumstances(monthly_income=6_200 * YUAN)  # 1,000 a month
    (pick,) = found(policy, account=account, circumstances=means).picks
    assert (pick.candidate.approver, pick.candidate.waived.interest) == ("POLICY", 3_000 * YUAN)
    tighter = circumstances(monthly_income=6_050 * YUAN)  # 900
    (pick,) = found(policy, account=account, circumstances=tighter).picks
    assert (pick.candidate.approver, pick.candidate.waived.interest) == ("MANAGER", 6_000 * YUAN)


@pytest.mark.parametrize(
    ("changes", "policy", "why"),
    [
        ({"account": an_account(balance=a_balance(principal=60_000 * YUAN))}, {}, "BEYOND_MEANS"),
        ({}, {"offer__products": {"M1": ["LUMP_SUM"]}}, "NO_PRODUCT"),
        ({}, {"pricing__cost_of_plan": 10**10}, "WORTH_LESS_THAN_NO_PLAN"),
        ({}, {"authority__cumulative_12_months": {}, "waiver__steps_percent": [100]}, "BEYOND_AUTHORITY"),
    ],
)
def test_where_nothing_is_found_it_says_what_was_in_the_way(
    changes: dict[str, Any], policy: dict[str, Any], why: str
) -> None:
    result = found(a_policy(**policy), **changes)
    assert (result.picks, result.why_none) == ([], why)


def test_savings_beyond_a_months_living_may_pay_a_lump_sum() -> None:
    case, identification, assessment, rules = parts(account=an_account(balance=a_balance(principal=9_000 * YUAN)))
    without = search(case, identification, assessment, rules)
    saved = assessment.model_copy(update={"savings_available": 8_000 * YUAN})
    with_savings = search(case, identification, saved, rules)
    assert all(pick.candidate.product is not Product.LUMP_SUM for pick in without.picks)
    assert any(pick.candidate.product is Product.LUMP_SUM for pick in with_savings.picks)


@given(st.integers(100, 900))
def test_an_own_amount_gets_the_shortest_plan_within_it(yuan: int) -> None:
    result = found(proposed_monthly=yuan * YUAN)
    own = [pick for pick in result.picks if "OWN_AMOUNT" in pick.best_at]
    for pick in own:
        assert max(row.amount for row in pick.payments) <= yuan * YUAN
        assert pick is result.picks[0]
    if yuan >= 500:
        assert own
