"""Billing's newer figures: they replace the older ones, wait for the next assessment, or change nothing."""

from datetime import timedelta
from typing import Any

import pytest
from builders import (
    NOW,
    TODAY,
    YUAN,
    a_balance,
    a_counter_offer,
    a_policy,
    an_account,
    an_offered_case,
    the_policy,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from accord.assessment import assess
from accord.case import Account, Balance, Case, Circumstances, Decision, Figures, Status
from accord.events import ContactRequested
from accord.figures import (
    NEW_FIGURES,
    called_for,
    calls_for_assessment,
    changes_offers,
    note_figures,
    with_figures,
)
from accord.identification import identify
from accord.lifecycle import apply_review, invite, remind
from accord.means import OF_BILLING
from accord.offers import propose, reject_offers
from accord.reach import ContactRecord, Reach

NOBODY_REACHED = Reach(cardholder_id="holder-1")
LATER = NOW + timedelta(days=1)


def figures(account: Account | None = None, **changes: Any) -> Figures:
    whole: dict[str, Any] = {
        "told_at": LATER, "sent_at": LATER, "event_id": "e-2", "at_risk": False,
        "account": account or an_account(), "circumstances": Circumstances(), "time_zone": "Asia/Shanghai",
        "language": invited().language, "reachable_by": invited().reachable_by,
    }  # fmt: skip
    given = whole | changes
    told = (given["told_at"], given["sent_at"], given["event_id"])
    known = given["circumstances"].model_dump(exclude_none=True, include=set(OF_BILLING))
    return Figures(**given, means_told=dict.fromkeys(known, told))


def invited(**changes: Any) -> Case:
    return an_offered_case().moved(Status.INVITED, **({"told": (NOW, NOW, "e-1"), "untold": False} | changes))


def a_contact(template: str) -> ContactRecord:
    return ContactRecord(contact_id="c-1", channel="SMS", at=NOW - timedelta(days=3), template=template)


OWN = ("monthly_essential_spend", "monthly_income")
HALF = an_account(balance=a_balance(principal=5_000 * YUAN))
PAID = an_account(days_past_due=0)
NOTHING_OWED = an_account(days_past_due=0, balance=Balance())


@pytest.mark.parametrize(
    ("account", "changes"),
    [
        (an_account(), False),
        (an_account(balance=a_balance(interest=601 * YUAN)), False),  # interest ran on
        (an_account(days_past_due=90), False),
        (an_account(days_past_due=91), True),  # the next bucket
        (HALF, True),
        (PAID, True),
    ],
)
def test_what_was_paid_or_is_later_by_a_bucket_changes_the_offers(account: Account, changes: bool) -> None:
    assert changes_offers(invited(), figures(account)) == changes
    note = note_figures(invited(), figures(account), LATER)
    assert [type(event).__name__ for event in note.events] == (["FiguresTold"] if changes else [])
    assert (note.case.decision is not None and note.case.decision.kind == NEW_FIGURES) == changes


def test_help_that_came_before_anything_was_late_ends_when_something_is() -> None:
    early = invited(at_risk=True, account=PAID)
    assert not changes_offers(early, figures(an_account(days_past_due=0, balance=a_balance(interest=601 * YUAN))))
    assert changes_offers(early, figures(an_account(days_past_due=0, balance=a_balance(principal=1)))), "it was paid"
    assert changes_offers(early, figures(an_account(days_past_due=3)))
    assert with_figures(early, figures(PAID)).at_risk
    assert not with_figures(early, figures(an_account(days_past_due=3))).at_risk


@pytest.mark.parametrize(
    "older", [{"told_at": NOW - timedelta(days=1)}, {"told_at": NOW, "sent_at": NOW, "event_id": "e-0"}]
)
def test_what_is_older_changes_nothing(older: dict[str, Any]) -> None:
    case = invited()
    assert note_figures(case, figures(HALF, **older), LATER).case == case


def test_of_one_moment_what_was_sent_later_counts() -> None:
    case = an_offered_case().model_copy(update={"status": Status.IDENTIFIED, "told": (NOW, NOW, "e-9")})
    corrected = figures(HALF, told_at=NOW, sent_at=LATER, event_id="e-1")
    assert note_figures(case, corrected, LATER).case.account == HALF
    assert (
        note_figures(note_figures(case, corrected, LATER).case, figures(told_at=NOW, sent_at=NOW), LATER).case.account
        == HALF
    )


def test_what_is_signed_stays_and_the_chain_has_what_billing_said_before_it_began() -> None:
    case = invited().model_copy(update={"status": Status.SIGNED})
    change = note_figures(case, figures(HALF), LATER)
    assert [type(event).__name__ for event in change.events] == ["FiguresTold"]
    assert change.case.newer is not None
    assert change.case.newer.account == HALF
    as_before = {"newer": case.newer, "told": case.told, "most_owed_since": 0}
    assert change.case.model_copy(update=as_before) == case, "no offer, no decision"
    assert note_figures(change.case, figures(HALF), LATER).events == (), "the same again is no news"


@pytest.mark.parametrize("status", [Status.ACTIVE, Status.CLOSED])
def test_what_has_begun_or_ended_stays(status: Status) -> None:
    case = invited().model_copy(update={"status": status})
    change = note_figures(case, figures(HALF), LATER)
    assert change.events == ()
    assert change.case.model_copy(update={"told": case.told}) == case


ELSEWHERE = {"time_zone": "Europe/London", "language": "en", "reachable_by": ("SMS", "CALL", "EMAIL")}


@pytest.mark.parametrize("status", [Status.OFFERED, Status.INVITED, Status.NEGOTIATING, Status.SIGNED, Status.ACTIVE])
def test_where_a_person_lives_and_how_they_are_reached_holds_at_once(status: Status) -> None:
    """The next message leaves by day where they are, in the language that they read."""
    case = invited().model_copy(update={"status": status})
    change = note_figures(case, figures(**ELSEWHERE), LATER)
    assert {name: getattr(change.case, name) for name in ELSEWHERE} == ELSEWHERE
    assert [type(event).__name__ for event in change.events] == ["FiguresTold"]
    assert (change.case.decision, change.case.account) == (None, case.account)
    again = note_figures(change.case, figures(told_at=NOW - timedelta(days=3)), LATER).case
    assert {name: getattr(again, name) for name in ELSEWHERE} == ELSEWHERE, "an older word moves nobody back"
    assert (
        note_figures(invited().model_copy(update={"status": Status.CLOSED}), figures(**ELSEWHERE), LATER).events == ()
    )


def test_an_event_that_says_nothing_of_the_means_takes_none_of_them_back() -> None:
    known = invited(circumstances=Circumstances(), account=an_account())
    first = figures(circumstances=Circumstances(monthly_income=8_000 * YUAN, dependants=1))
    silent = figures(HALF, told_at=LATER + timedelta(days=1), event_id="e-3")
    case = note_figures(note_figures(known, first, LATER).case, silent, LATER).case
    assessed = assess(case, the_policy(), TODAY).case
    assert (assessed.account, assessed.circumstances) == (HALF, first.circumstances)


WORDS = [
    figures(told_at=LATER, event_id="e-2", circumstances=Circumstances(monthly_income=8_000 * YUAN)),
    figures(HALF, told_at=LATER + timedelta(days=1), event_id="e-3", **ELSEWHERE),
    figures(
        told_at=LATER + timedelta(days=2), event_id="e-4", circumstances=Circumstances(monthly_income=9_000 * YUAN)
    ),
    figures(told_at=LATER + timedelta(days=3), event_id="e-5", circumstances=Circumstances(dependants=2)),
    figures(an_account(days_past_due=80), told_at=LATER + timedelta(days=3), event_id="e-6", reachable_by=("SMS",)),
]


@pytest.mark.parametrize("status", [Status.IDENTIFIED, Status.INVITED, Status.IN_REVIEW, Status.ACTIVE])
@settings(max_examples=40)
@given(order=st.permutations(WORDS), again=st.lists(st.sampled_from(WORDS), max_size=4))
def test_in_whatever_order_billing_is_heard_the_same_is_known(
    status: Status, order: list[Figures], again: list[Figures]
) -> None:
    def heard(words: list[Figures]) -> Case:
        case = invited(circumstances=Circumstances()).model_copy(update={"status": status})
        for word in words:
            case = note_figures(case, word, LATER).case
        return case.model_copy(update={"decision": None})

    assert heard([*order, *again]) == heard(WORDS)
    if status is Status.INVITED:
        newer = heard(WORDS).newer
        assert newer is not None
        assert (newer.circumstances.monthly_income, newer.circumstances.dependants) == (9_000 * YUAN, 2)


def test_a_decision_of_the_customer_goes_first_and_leads_to_the_assessment_anyway() -> None:
    asked = invited(decision=a_counter_offer(60_000))
    noted = note_figures(asked, figures(HALF), LATER).case
    assert (noted.decision, noted.newer and noted.newer.account) == (asked.decision, HALF)
    assessed = assess(noted, the_policy(), TODAY).case
    assert (assessed.account, assessed.newer, assessed.proposed_monthly) == (HALF, None, 60_000)


@pytest.mark.parametrize(
    ("status", "by", "kind"),
    [
        (Status.IN_REVIEW, "STAFF", "REASSESS"),
        (Status.OFFERED, "STAFF", "RETRY"),  # staff look for a way to reach the customer
        (Status.ASSESSED, "STAFF", "RETRY"),
        (Status.INVITED, "CUSTOMER", NEW_FIGURES),
    ],
)
def test_whoever_is_waited_for_new_figures_lead_back_to_the_assessment(status: Status, by: str, kind: str) -> None:
    case = an_offered_case().model_copy(update={"status": status})
    decision = note_figures(case, figures(HALF), LATER).case.decision
    assert decision is not None
    assert (decision.by, decision.kind) == (by, kind)


@pytest.mark.parametrize("word", ["APPROVED", "REJECTED", "REASSESS"])
def test_whatever_staff_decided_it_was_about_what_was_owed_before(word: str) -> None:
    decided = Decision(decision_id="t-1", by="STAFF", kind=word, at=NOW, staff_id="staff-7", reason="NOT_AFFORDABLE")
    case = an_offered_case().model_copy(update={"status": Status.IN_REVIEW, "decision": decided})
    noted = note_figures(case, figures(HALF), LATER).case
    assert noted.decision == decided
    assert apply_review(noted, NOW).result == {"outcome": "REASSESS"}
    with_the_customer = decided.model_copy(update={"kind": "REJECTED", "reason": "OTHER_SOLUTION"})
    found = noted.model_copy(update={"decision": with_the_customer})
    assert apply_review(found, NOW).result == {"outcome": "WITHDRAWN"}


def test_what_was_approved_about_an_older_debt_waits_for_the_next_one() -> None:
    noted = note_figures(an_offered_case(), figures(HALF), LATER).case.model_copy(update={"decision": None})
    approved = noted
    assert invite(approved, NOBODY_REACHED, the_policy(), NOW).result == {"outcome": "REASSESS"}
    waiting = approved.moved(Status.INVITED)
    assert remind(waiting, NOBODY_REACHED, the_policy(), NOW).result == {"outcome": "REASSESS"}
    called = called_for(waiting, NOW).decision
    assert called is not None
    assert called.kind == NEW_FIGURES


def test_what_the_customer_told_of_their_means_is_not_replaced_by_billing() -> None:
    own = Circumstances(monthly_income=7_000 * YUAN, told_by="CUSTOMER", own=("monthly_income",))
    told = figures(circumstances=Circumstances(monthly_income=1))
    kept = own.model_copy(update={"income_on_record": 1})
    assert with_figures(invited(circumstances=own), told).circumstances == kept, "the record is kept beside it"
    assert with_figures(invited(), told).circumstances.monthly_income == 1


@pytest.mark.parametrize(
    ("account", "flags", "outcome"),
    [
        (HALF, (), "ASSESSED"),
        (PAID, (), "CURED"),
        (NOTHING_OWED, (), "CURED"),
        (HALF, ("SOLD",), "EXCLUDED"),
        (PAID, ("SOLD",), "EXCLUDED"),
    ],
)  # fmt: skip
def test_the_assessment_takes_the_newer_figures_up_first(
    account: Account, flags: tuple[str, ...], outcome: str
) -> None:
    case = note_figures(invited(flags=flags), figures(account), LATER).case
    change = assess(case, the_policy(), TODAY)
    assert (change.result, change.case.account, change.case.decision) == ({"outcome": outcome}, account, None)
    assert type(change.events[0]).__name__ == "CaseIdentified"


def test_a_later_bucket_brings_what_its_policy_allows() -> None:
    policy = a_policy(offer__products={"M3": ["REDUCED_RATE"], "M4": ["INTEREST_FREE"]})
    later = note_figures(invited(), figures(an_account(days_past_due=100)), LATER).case
    identification = assess(later, policy, TODAY).case.identification
    assert identification is not None
    assert identification.delinquency_bucket == "M4"


def test_what_was_told_between_calls_for_nothing_when_it_is_as_it_was() -> None:
    """Paid and taken back, or in order and late again: the newest word is the one that was assessed."""
    paid = note_figures(invited(), figures(HALF), LATER).case
    back = figures(told_at=LATER + timedelta(hours=1), event_id="e-3")
    as_it_was = note_figures(paid, back, LATER).case
    assert (calls_for_assessment(as_it_was), as_it_was.told) == (False, (back.told_at, back.sent_at, "e-3"))
    late_word = note_figures(as_it_was, figures(PAID), LATER).case
    assert not calls_for_assessment(late_word), "it is older than what is known"


def test_the_interest_of_each_night_is_reckoned_with_when_something_else_is_worked_out() -> None:
    """It calls for nothing, and the next proposal is about all that is owed."""
    grown = an_account(balance=a_balance(interest=700 * YUAN))
    case = note_figures(invited(), figures(grown), LATER).case
    assert not calls_for_assessment(case)
    asked = case.model_copy(update={"decision": a_counter_offer(60_000)})
    assert assess(asked, the_policy(), TODAY).case.account == grown


def test_promised_offers_stand_aside_through_a_second_review_as_well() -> None:
    """A day of lateness more while a person looks: whatever they decide, what was promised is not lost."""
    promised = an_offered_case().offers
    unapproved = tuple(offer.model_copy(update={"approved_by": None}) for offer in promised)
    case = invited(human_review=True).model_copy(
        update={"status": Status.IN_REVIEW, "offers": unapproved, "offers_before": promised}
    )
    later = note_figures(case, figures(an_account(days_past_due=91)), LATER).case
    again = propose(assess(later, the_policy(), TODAY).case, the_policy(), NOW)
    assert (again.result["outcome"], again.case.offers_before) == ("REVIEW", promised)
    kept = reject_offers(again.case, "NOT_AFFORDABLE", NOW)
    assert (kept.result, kept.case.offers) == ({"outcome": "OFFERED"}, promised)


@pytest.mark.parametrize("event_at_risk", [True, False])
def test_help_that_has_begun_does_not_end_because_the_danger_is_less(event_at_risk: bool) -> None:
    """Neither by the next look at the figures, nor where the customer then asks for something."""
    calm = a_policy(identification__early_contact_pd_ppm=999_999)  # nobody is in danger by it
    early = invited(at_risk=True, account=an_account(days_past_due=0))
    told = note_figures(early, figures(an_account(days_past_due=0), at_risk=event_at_risk), LATER).case
    for kind in ("COUNTER", "HUMAN_REVIEW", "INCOME_FORM"):
        decision = a_counter_offer(60_000).model_copy(update={"kind": kind})
        assert assess(told.model_copy(update={"decision": decision}), calm, TODAY).result == {"outcome": "ASSESSED"}
    late = note_figures(told, figures(told_at=LATER + timedelta(days=1), event_id="e-9"), LATER).case
    assert assess(late, calm, TODAY).case.at_risk is False
    new = early.model_copy(update={"status": Status.OPENED})
    assert identify(new, calm, NOW).result["outcome"] == "EXCLUDED", "help that has not begun does not begin"


@pytest.mark.parametrize("late_first", [True, False])
def test_help_ends_when_something_was_late_meanwhile_whenever_that_is_heard(late_first: bool) -> None:
    """Seen coming, late, in order again: heard in this order or not, nobody is helped who is in order."""
    early = invited(at_risk=True, risk_told=(NOW, NOW, "e-1"), account=an_account(days_past_due=0))
    days = LATER, LATER + timedelta(days=1)
    late = figures(told_at=days[0], event_id="e-2", late_told=(days[0], LATER, "e-2"))
    fine = figures(an_account(days_past_due=0), told_at=days[1], event_id="e-3")
    case = early
    for word in (late, fine) if late_first else (fine, late):
        case = note_figures(case, word, LATER).case
        if calls_for_assessment(case):
            case = assess(case, the_policy(), TODAY).case
            case = case.model_copy(update={"status": Status.INVITED})
    assert case.identification is not None
    assert (case.identification.exclusion, case.at_risk) == ("NOT_OVERDUE", False)


def test_staff_who_gave_up_before_a_start_again_are_heard_where_plans_are_worked_out() -> None:
    given_up = Decision(decision_id="t-1", by="STAFF", kind="GIVE_UP", at=NOW, staff_id="staff-7")
    assessed = assess(invited(), the_policy(), TODAY).case.model_copy(update={"decision": given_up})
    change = propose(assessed, the_policy(), NOW)
    assert (change.result, change.events, change.case.decision) == ({"outcome": "GIVE_UP"}, (), None)


@pytest.mark.parametrize(("untold", "template"), [(True, "INVITATION"), (False, None)])
def test_the_first_message_leaves_although_the_rules_find_nothing_any_more(untold: bool, template: str | None) -> None:
    """It waited for the morning when billing told of less income; the offers were promised, and nobody was told."""
    less = figures(circumstances=Circumstances(monthly_income=1, monthly_essential_spend=0, dependants=0))
    case = note_figures(invited(untold=untold), less, LATER).case.model_copy(update={"decision": None})
    change = propose(assess(case, the_policy(), TODAY).case, the_policy(), NOW)
    assert change.result == {"outcome": "OFFERED" if untold else "KEPT"}
    if template:
        sent = invite(change.case, NOBODY_REACHED, the_policy(), NOW)
        assert [event.template for event in sent.events if isinstance(event, ContactRequested)] == [template]


@pytest.mark.parametrize("promised", [True, False])
def test_who_was_promised_a_message_is_not_taken_for_somebody_who_sees_it_on_the_page(promised: bool) -> None:
    """They had asked for other offers, and staff had these worked out afresh when they ran out in the review."""
    asked = invited(came=True, asked_again=True, untold=promised).model_copy(update={"status": Status.IDENTIFIED})
    change = propose(assess(asked, the_policy(), TODAY).case, the_policy(), NOW)
    at_night = invite(change.case, NOBODY_REACHED, the_policy(), NOW + timedelta(hours=12))
    assert at_night.result["outcome"] == ("WAIT" if promised else "INVITED")


def test_staff_who_gave_up_are_heard_after_the_assessment_too() -> None:
    given_up = Decision(decision_id="t-1", by="STAFF", kind="GIVE_UP", at=NOW, staff_id="staff-7")
    assessed = assess(invited(decision=given_up), the_policy(), TODAY).case
    assert propose(assessed, the_policy(), NOW).result == {"outcome": "GIVE_UP"}


def test_a_question_that_takes_the_place_of_offers_is_told_in_the_morning() -> None:
    asked = invited(came=True, untold=True, offers=(), answer_by=NOW + timedelta(days=7)).model_copy(
        update={"status": Status.ASSESSED}
    )
    waits = invite(asked, NOBODY_REACHED, the_policy(), NOW + timedelta(hours=12))
    assert waits.result["outcome"] == "WAIT"


@pytest.mark.parametrize(("account", "outcome"), [(HALF, "OFFERED"), (an_account(days_past_due=100), "OFFERED")])
def test_the_word_that_nothing_is_new_is_not_sent_about_new_offers(account: Account, outcome: str) -> None:
    case = invited(rejected_for="CONCESSION_TOO_HIGH", came=True)
    told = note_figures(case, figures(account), LATER).case
    change = propose(assess(told, the_policy(), TODAY).case, the_policy(), NOW)
    assert (change.result["outcome"], change.case.rejected_for) == (outcome, None)


def test_the_word_that_older_offers_stand_is_still_sent_where_they_stand() -> None:
    """The review ended in the evening, and in the night no plan was possible any more: the morning brings the word."""
    nothing_left = Circumstances(monthly_income=1 * YUAN, monthly_essential_spend=0, told_by="CUSTOMER", own=OWN)
    case = invited(rejected_for="CONCESSION_TOO_HIGH", untold=True, came=True, circumstances=nothing_left)
    told = note_figures(case, figures(an_account(days_past_due=100)), LATER).case
    change = propose(assess(told, the_policy(), TODAY).case, the_policy(), NOW)
    assert (change.result["outcome"], change.case.offers) == ("OFFERED", case.offers)
    invitation = invite(change.case, NOBODY_REACHED, the_policy(), NOW)
    assert [event.template for event in invitation.events if isinstance(event, ContactRequested)] == ["REVIEW_KEPT"]


@pytest.mark.parametrize(
    ("decision", "figures_too", "template"),
    [
        (a_counter_offer(60_000), False, "NEW_OFFERS"),
        (None, True, "CHANGED_OFFERS"),
    ],
)
def test_offers_that_billing_changed_are_told_as_such_whatever_the_customer_said_before(
    decision: Decision | None, figures_too: bool, template: str
) -> None:
    before = invited(came=True, proposed_monthly=50_000, asked_again=True, decision=decision)
    before = before.model_copy(update={"contacts": (a_contact("INVITATION"),)})
    case = note_figures(before, figures(HALF), LATER).case if figures_too else before
    offered = propose(assess(case, the_policy(), TODAY).case, the_policy(), NOW).case
    by_day = invite(offered, NOBODY_REACHED, the_policy(), NOW)
    assert [event.template for event in by_day.events if isinstance(event, ContactRequested)] == [template]
    by_night = invite(offered, NOBODY_REACHED, the_policy(), NOW + timedelta(hours=12))
    assert by_night.result["outcome"] == ("WAIT" if figures_too else "INVITED"), "who asked sees them on the page"


def test_a_payment_that_is_taken_back_after_the_assessment_counts() -> None:
    assessed_on_half = invited(account=HALF)
    assert changes_offers(assessed_on_half, figures())


OTHEROF_BILLING = {
    "monthly_income": 9_000 * YUAN,
    "monthly_essential_spend": 7_500 * YUAN,
    "other_debt_payments": 3_900 * YUAN,
    "dependants": 4,
    "hardship": "ILLNESS",
}


@pytest.mark.parametrize("name", OTHEROF_BILLING)
def test_other_means_than_were_on_record_are_reckoned_with(name: str) -> None:
    """Somebody who fell ill gets the care that the policy has for it, also after the offers were made."""
    told = figures(circumstances=Circumstances(**{name: OTHEROF_BILLING[name]}))
    for known in (Circumstances(), Circumstances(monthly_income=5_000 * YUAN, hardship="JOB_LOSS", dependants=1)):
        case = invited(circumstances=known)
        assert changes_offers(case, told)
        assert not changes_offers(invited(circumstances=told.circumstances), told)
        assert not changes_offers(invited(circumstances=told.circumstances), figures()), "silence is no word"
        decision = note_figures(case, told, LATER).case.decision
        assert decision is not None
        assert decision.kind == NEW_FIGURES


def test_how_long_another_hardship_was_to_last_says_nothing_of_a_new_one() -> None:
    """The customer had said how long their illness would last; then billing hears that they lost their work."""
    ill = Circumstances(hardship="ILLNESS", hardship_months=24, own=("hardship_months",))
    told = figures(circumstances=Circumstances(hardship="JOB_LOSS"))
    heard = with_figures(invited(circumstances=ill), told).circumstances
    assert (heard.hardship, heard.hardship_months, heard.own) == ("JOB_LOSS", None, ("hardship_months",))
    same = with_figures(invited(circumstances=ill), figures(circumstances=Circumstances(hardship="ILLNESS")))
    assert (same.circumstances.hardship_months, same.circumstances.own) == (24, ("hardship_months",))


def test_the_same_word_night_after_night_fills_no_chain_while_nobody_has_taken_it_up() -> None:
    case, lengths = invited(stopped="run-1"), []
    for night in range(1, 4):
        at = LATER + timedelta(days=night)
        told = figures(HALF, told_at=at, sent_at=at, event_id=f"e-{night + 1}")
        change = note_figures(case, told, at)
        case, lengths = change.case, [*lengths, len(change.events)]
    assert lengths == [1, 0, 0]


def test_what_the_customer_told_is_theirs_but_a_record_of_another_income_is_heard() -> None:
    theirs = Circumstances(
        monthly_income=40_000 * YUAN,
        monthly_essential_spend=4_000 * YUAN,
        told_by="CUSTOMER",
        own=OWN,
    )
    case = invited(circumstances=theirs)
    costs = figures(circumstances=Circumstances(monthly_essential_spend=9_000 * YUAN, other_debt_payments=1))
    doubted = assess(note_figures(case, costs, LATER).case, the_policy(), TODAY).case
    known = doubted.circumstances
    assert (known.monthly_essential_spend, known.spend_on_record) == (4_000 * YUAN, 9_000 * YUAN)
    assert (known.other_debt_payments, known.debts_on_record) == (1, None), "which the customer has not told"
    assert doubted.assessment is not None
    assert "SPEND_UNLIKE_RECORD" in doubted.assessment.doubts
    assert not changes_offers(doubted, costs), "once is enough"
    record = figures(circumstances=Circumstances(monthly_income=6_000 * YUAN))
    assert changes_offers(case, record)
    assessed = assess(note_figures(case, record, LATER).case, the_policy(), TODAY).case
    assert assessed.circumstances.monthly_income == 40_000 * YUAN
    assert assessed.assessment is not None
    assert "INCOME_UNLIKE_RECORD" in assessed.assessment.doubts
    assert not changes_offers(assessed, record), "once is enough"


def test_what_staff_saw_on_papers_is_not_replaced_by_billing_either() -> None:
    seen = Circumstances(
        monthly_income=7_000 * YUAN,
        other_debt_payments=5,
        told_by="STAFF",
        seen=("monthly_income", "other_debt_payments"),
    )
    told = figures(circumstances=Circumstances(monthly_income=1, other_debt_payments=2, monthly_essential_spend=3))
    kept = with_figures(invited(circumstances=seen), told).circumstances
    record = {"income_on_record": 1, "debts_on_record": 2, "monthly_essential_spend": 3}
    since = {"told_since": ("monthly_income", "other_debt_payments")}
    assert kept == seen.model_copy(update=record | since)
    again = note_figures(invited(circumstances=kept), told, LATER).case
    assert again.newer is not None
    assert again.newer.circumstances.monthly_income == 1, "billing's own word is what is compared with its next"


def test_figures_in_another_currency_are_none_of_this_account() -> None:
    assert note_figures(invited(), figures(an_account(currency="USD")), LATER).case == invited()


def test_no_offer_on_a_debt_that_was_paid_stands_where_no_plan_is_found() -> None:
    little = an_account(balance=Balance(principal=50 * YUAN))
    case = note_figures(invited(), figures(little), LATER).case
    change = propose(assess(case, the_policy(), TODAY).case, the_policy(), NOW)
    assert change.result["outcome"] == "NO_AFFORDABLE_OFFER"
    assert change.case.offers == ()


def test_a_rejection_brings_back_no_offer_on_a_debt_that_was_paid() -> None:
    before = an_offered_case().offers
    case = an_offered_case().model_copy(update={"status": Status.IN_REVIEW, "offers_before": before, "account": HALF})
    assert reject_offers(case, "CONCESSION_TOO_HIGH", NOW).result == {"outcome": "NO_AFFORDABLE_OFFER"}
    same = case.model_copy(update={"account": an_offered_case().account})
    assert reject_offers(same, "CONCESSION_TOO_HIGH", NOW).result == {"outcome": "OFFERED"}


@pytest.mark.parametrize(("interest", "stand"), [(600, True), (700, True), (10_000, False)])
def test_interest_that_ran_on_takes_no_promise_away(interest: int, stand: bool) -> None:
    """The offers are on 12,000 yuan; more than a tenth on top is no interest of a few days."""
    grown = an_account(days_past_due=100, balance=a_balance(interest=interest * YUAN))
    case = note_figures(invited(), figures(grown), LATER).case
    nothing_left = Circumstances(monthly_income=1 * YUAN, monthly_essential_spend=0, told_by="CUSTOMER", own=OWN)
    assessed = assess(case.model_copy(update={"circumstances": nothing_left}), the_policy(), TODAY).case
    assert propose(assessed, the_policy(), NOW).result["outcome"] == ("KEPT" if stand else "NO_AFFORDABLE_OFFER")
    in_review = assessed.model_copy(update={"status": Status.IN_REVIEW, "offers_before": invited().offers})
    outcome = reject_offers(in_review, "NOT_AFFORDABLE", NOW).result["outcome"]
    assert outcome == ("OFFERED" if stand else "NO_AFFORDABLE_OFFER")


@pytest.mark.parametrize(("account", "outcome"), [(HALF, "ASSESSED"), (PAID, "CURED"), (NOTHING_OWED, "CURED")])
def test_figures_between_identification_and_assessment_are_identified_again(account: Account, outcome: str) -> None:
    identified = identify(invited().model_copy(update={"status": Status.OPENED}), the_policy(), NOW).case
    change = assess(note_figures(identified, figures(account), LATER).case, the_policy(), TODAY)
    assert change.result == {"outcome": outcome}
    assert change.case.identification is not None
    assert (change.case.identification.exclusion is None) == (outcome == "ASSESSED")


@pytest.mark.parametrize("account", [HALF, PAID])
def test_nothing_is_offered_on_figures_that_are_old_already(account: Account) -> None:
    assessed = assess(invited(), the_policy(), TODAY).case
    change = propose(note_figures(assessed, figures(account), LATER).case, the_policy(), NOW)
    assert (change.result, change.events) == ({"outcome": "REASSESS"}, ())
    again = assess(change.case, the_policy(), TODAY)
    assert again.result == {"outcome": "ASSESSED" if account is HALF else "CURED"}


def test_the_same_account_told_again_before_the_assessment_fills_no_chain() -> None:
    heard = an_offered_case().model_copy(update={"status": Status.OPENED, "told": (NOW, NOW, "e-1")})
    first = figures().model_copy(update={"late_told": (LATER, LATER, "e-2"), "risk_told": (LATER, LATER, "e-2")})
    identified = identify(note_figures(heard, first, LATER).case, the_policy(), NOW).case
    next_day = (LATER + timedelta(days=1), LATER + timedelta(days=1), "e-3")
    told_at, sent_at, event_id = next_day
    again = first.model_copy(
        update={"told_at": told_at, "sent_at": sent_at, "event_id": event_id, "late_told": next_day}
        | {"risk_told": next_day}
    )
    change = note_figures(identified, again, LATER)
    assert (change.events, change.case.identification) == ((), identified.identification)
    assert change.case.late_told == next_day
