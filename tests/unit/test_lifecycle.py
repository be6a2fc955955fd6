"""The moves between offer and plan: inviting, reminding, staff's word, sealing, activation, and every end."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from builders import (
    NOBODY_REACHED,
    NOW,
    TODAY,
    YUAN,
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

from accord import figures
from accord.agreement import terms_of
from accord.case import (
    Agreement,
    Balance,
    Case,
    Change,
    Circumstances,
    ClosedReason,
    Decision,
    Status,
    TaskKind,
)
from accord.errors import AgreementIncompleteError, CaseChangedError, MoveNotAllowedError, NotApprovedError
from accord.events import AgreementSealed, CaseClosed, ContactRequested, PlanActivated, StepFailed
from accord.lifecycle import (
    activate,
    apply_review,
    arrange_call,
    cannot_print,
    close,
    escalate_review,
    failure_key,
    hold_back,
    inform,
    invite,
    is_held_back,
    record_failure,
    remind,
    sealed,
    sealed_before,
    signed_agreement,
    withdraw,
)
from accord.offers import propose
from accord.reach import ContactRecord
from accord.staff import decide

NIGHT = NOW.replace(hour=15)  # 23:00 in Shanghai
HOUR = timedelta(hours=1)


def templates(change: Change) -> list[str]:
    return [event.template for event in change.events if isinstance(event, ContactRequested)]


def kinds(change: Change) -> list[TaskKind]:
    return [task.kind for task in change.tasks]


def staff_said(kind: str, reason: str | None = None) -> Decision:
    return Decision(decision_id="t-1", by="STAFF", kind=kind, at=NOW, staff_id="s-7", reason=reason)


# --- inviting ----------------------------------------------------------------------------------------------------


def test_an_invitation_asks_for_one_message_and_is_counted() -> None:
    change = invite(an_offered_case(), NOBODY_REACHED, the_policy(), NOW)
    assert change.result == {"outcome": "INVITED"}
    assert change.case.status is Status.INVITED
    (requested,) = change.events
    assert isinstance(requested, ContactRequested)
    assert (requested.template, requested.channel) == ("INVITATION", "SMS")
    assert requested.offer_ids == tuple(offer.offer_id for offer in change.case.offers)
    assert "contact.quiet_hours_local" in requested.rules
    (record,) = change.case.contacts
    assert (record.contact_id, record.at) == (requested.contact_id, NOW)


def test_in_the_night_an_invitation_waits_until_the_gate_opens() -> None:
    change = invite(an_offered_case(), NOBODY_REACHED, the_policy(), NIGHT)
    assert change.result == {"outcome": "WAIT", "wait_seconds": 9 * 3600 + 1}
    assert (change.case.status, change.events) == (Status.OFFERED, ())


IN_THE_EVENINGS = NOBODY_REACHED.seeing(NOW - timedelta(hours=15)).seeing(NOW - timedelta(hours=39))


def test_an_invitation_waits_for_the_hour_in_which_the_person_was_there_before() -> None:
    change = invite(an_offered_case(), IN_THE_EVENINGS, the_policy(), NOW)
    assert change.result == {"outcome": "WAIT", "wait_seconds": 9 * 3600 + 1}
    assert (change.case.status, change.events) == (Status.OFFERED, ())
    assert templates(invite(an_offered_case(), IN_THE_EVENINGS, the_policy(), NOW + 9 * HOUR)) == ["INVITATION"]


@pytest.mark.parametrize(
    ("changes", "sent"),
    [
        ({"came": True}, "INVITATION"),
        ({"human_review": True}, "INVITATION"),
        ({"asked_again": True}, "NEW_OFFERS"),  # an answer, not our own wish
    ],
)
def test_what_a_person_waits_for_waits_for_no_hour(changes: dict[str, bool], sent: str) -> None:
    waited_for = an_offered_case().model_copy(update=changes)
    assert templates(invite(waited_for, IN_THE_EVENINGS, the_policy(), NOW)) == [sent]


def test_where_no_message_may_be_sent_a_person_finds_another_way() -> None:
    change = invite(
        an_offered_case().moved(Status.OFFERED, flags=("CEASE_CONTACT",)), NOBODY_REACHED, the_policy(), NOW
    )
    assert change.result == {"outcome": "REFUSED"}
    assert kinds(change) == [TaskKind.REACH_BY_HAND]
    assert (change.tasks[0].reason, change.tasks[0].facts) == ("CONTACT_REFUSED", {"rule": "contact.stop_on"})


@pytest.mark.parametrize(("now", "sent"), [(NOW, ["NEW_OFFERS"]), (NIGHT, [])])
def test_who_asked_on_the_page_finds_new_offers_there_whatever_the_hour(now: datetime, sent: list[str]) -> None:
    asked = an_offered_case(circumstances=circumstances(own=("savings",))).model_copy(
        update={"asked_again": True, "untold": False}
    )
    change = invite(asked, NOBODY_REACHED, the_policy(), now)
    assert change.result == {"outcome": "INVITED"}
    assert (change.case.status, templates(change)) == (Status.NEGOTIATING, sent)


def test_who_has_to_be_asked_first_is_sent_to_the_question() -> None:
    asked = propose(an_assessed_case(**INCOME_UNKNOWN), the_policy(), NOW).case
    assert templates(invite(asked, NOBODY_REACHED, the_policy(), NOW)) == ["QUESTIONS"]


def test_offers_that_nobody_approved_invite_nobody() -> None:
    case = an_offered_case()
    withheld = tuple(offer.model_copy(update={"approved_by": None}) for offer in case.offers)
    with pytest.raises(NotApprovedError):
        invite(case.moved(Status.OFFERED, offers=withheld), NOBODY_REACHED, the_policy(), NOW)


def test_whom_staff_have_given_up_is_not_invited_any_more() -> None:
    """They decided between two steps, while nobody waited for it."""
    given_up = Decision(decision_id="t-1", by="STAFF", kind="GIVE_UP", at=NOW, staff_id="staff-7")
    change = invite(an_offered_case().moved(Status.OFFERED, decision=given_up), NOBODY_REACHED, the_policy(), NOW)
    assert (change.result, change.events, change.case.decision) == ({"outcome": "GIVE_UP"}, (), None)


def test_a_standing_that_came_just_before_the_invitation_excludes_the_case() -> None:
    change = invite(an_offered_case().moved(Status.OFFERED, flags=("DECEASED",)), NOBODY_REACHED, the_policy(), NOW)
    assert (change.result, change.events) == ({"outcome": "EXCLUDED"}, ())


def test_time_that_runs_out_after_such_a_standing_came_is_not_the_reason_of_the_end() -> None:
    change = close(an_offered_case().model_copy(update={"flags": ("DECEASED",)}), ClosedReason.EXPIRED)
    assert (change.case.closed_reason, change.events) == (ClosedReason.EXCLUDED, (CaseClosed(reason="EXCLUDED"),))


def test_offers_that_ran_out_before_anybody_could_be_told_expire() -> None:
    case = an_offered_case()
    change = invite(case, NOBODY_REACHED, the_policy(), case.offers[0].valid_until)
    assert (change.result, change.events) == ({"outcome": "EXPIRED"}, ())


# --- reminding ---------------------------------------------------------------------------------------------------

INCOME_UNKNOWN = {"circumstances": Circumstances(), "account": an_account(history=a_history(0, 0, 0))}


def invited() -> Case:
    return after(invite(an_offered_case(), NOBODY_REACHED, the_policy(), NOW))


def test_a_reminder_asks_for_one_message_and_counts_itself() -> None:
    change = remind(invited(), NOBODY_REACHED, the_policy(), NOW + HOUR)
    assert (change.result, templates(change)) == ({"outcome": "WAIT"}, ["REMINDER"])
    assert (change.case.reminders, len(change.case.contacts)) == (1, 2)


@pytest.mark.parametrize(("sent_before", "sent"), [(1, ["REMINDER"]), (2, []), (3, [])])
def test_no_more_reminders_than_the_policy_allows(sent_before: int, sent: list[str]) -> None:
    case = invited().model_copy(update={"reminders": sent_before})
    change = remind(case, NOBODY_REACHED, a_policy(reminders__max_count=2), NOW + HOUR)
    assert (change.result, templates(change)) == ({"outcome": "WAIT"}, sent)


def test_a_reminder_that_the_gate_refuses_is_left_out_and_not_counted() -> None:
    change = remind(invited(), NOBODY_REACHED, the_policy(), NIGHT)
    assert (change.result, change.events, change.case.reminders) == ({"outcome": "WAIT"}, (), 0)


def test_a_decision_of_this_very_moment_is_not_answered_with_a_reminder() -> None:
    case = invited().model_copy(update={"decision": a_counter_offer(500 * YUAN)})
    change = remind(case, NOBODY_REACHED, the_policy(), NOW + timedelta(days=30))
    assert (change.result, change.events, change.case) == ({"outcome": "WAIT"}, (), case)


def test_a_case_expires_only_with_the_last_of_its_offers() -> None:
    case = invited()
    first, *others = case.offers
    later = first.model_copy(update={"valid_until": first.valid_until + HOUR})
    two = case.model_copy(update={"offers": (later, *others)})
    assert remind(two, NOBODY_REACHED, the_policy(), first.valid_until).result == {"outcome": "WAIT"}
    assert remind(two, NOBODY_REACHED, the_policy(), later.valid_until).result == {"outcome": "EXPIRED"}


def test_a_question_of_income_expires_too() -> None:
    asked = propose(an_assessed_case(**INCOME_UNKNOWN), the_policy(), NOW).case
    case = after(invite(asked, NOBODY_REACHED, the_policy(), NOW))
    assert case.answer_by is not None
    assert templates(remind(case, NOBODY_REACHED, the_policy(), NOW + HOUR)) == ["QUESTIONS"]
    assert remind(case, NOBODY_REACHED, the_policy(), case.answer_by).result == {"outcome": "EXPIRED"}


@pytest.mark.parametrize("flag", ["DECEASED", "DISPUTED", "SOLD"])
def test_a_standing_that_forbids_to_go_on_ends_the_waiting(flag: str) -> None:
    change = remind(invited().model_copy(update={"flags": (flag,)}), NOBODY_REACHED, the_policy(), NOW + HOUR)
    assert (change.result, change.events) == ({"outcome": "EXCLUDED"}, ())


# --- staff's word ------------------------------------------------------------------------------------------------


def in_review() -> Case:
    return after(propose(an_assessed_case(flags=("VULNERABLE",)), the_policy(), NOW))


def test_a_review_that_nobody_does_is_due_at_once_three_times_and_then_given_up() -> None:
    case = in_review()
    for escalations in (1, 2, 3):
        change = escalate_review(case, NOW + HOUR)
        assert (change.result, change.case.review_escalations) == ({"outcome": "WAIT"}, escalations)
        assert [(task.kind, task.due_at) for task in change.tasks] == [(TaskKind.REVIEW_OFFERS, NOW + HOUR)]
        assert change.tasks[0].reason == "REVIEW_OVERDUE"
        case = after(change)
    assert escalate_review(case, NOW + HOUR).result == {"outcome": "GIVE_UP"}


def test_a_review_that_was_decided_this_very_moment_is_not_escalated() -> None:
    case = in_review().model_copy(update={"decision": staff_said("APPROVED")})
    change = escalate_review(case, NOW)
    assert (change.result, change.tasks, change.case) == ({"outcome": "WAIT"}, (), case)


def test_offers_that_staff_approve_are_offered() -> None:
    change = apply_review(in_review().model_copy(update={"decision": staff_said("APPROVED")}), NOW)
    assert change.result == {"outcome": "OFFERED"}
    assert (change.case.status, change.case.decision) == (Status.OFFERED, None)


def test_an_approval_that_is_taken_up_too_late_has_the_offers_worked_out_afresh() -> None:
    case = in_review().model_copy(update={"decision": staff_said("APPROVED")})
    late = min(offer.valid_until for offer in case.offers)
    change = apply_review(case, late)
    assert (change.result, change.case.decision, change.case.status) == ({"outcome": "REASSESS"}, None, "IN_REVIEW")


def rejected(case: Case, reason: str, now: datetime = NOW) -> Change:
    return apply_review(case.model_copy(update={"decision": staff_said("REJECTED", reason)}), now)


@pytest.mark.parametrize(
    ("reason", "outcome"),
    [
        ("NOT_AFFORDABLE", "NO_AFFORDABLE_OFFER"),
        ("CONCESSION_TOO_HIGH", "NO_AFFORDABLE_OFFER"),
        ("FIGURES_DOUBTFUL", "WITHDRAWN"),
        ("OTHER_SOLUTION", "WITHDRAWN"),
    ],
)
def test_offers_that_staff_reject_end_the_case_by_the_reason(reason: str, outcome: str) -> None:
    change = rejected(in_review(), reason)
    assert (change.result, change.case.decision) == ({"outcome": outcome}, None)


def reviewed_on_request() -> Case:
    """A customer with offers that the policy approved wants a person to decide; the new ones wait for staff."""
    asked = after(invite(an_offered_case(), NOBODY_REACHED, the_policy(), NOW)).moved(
        Status.NEGOTIATING, human_review=True
    )
    assessed = asked.moved(Status.ASSESSED)
    change = propose(assessed, the_policy(), NOW + HOUR)
    assert change.result == {"outcome": "REVIEW"}
    return after(change)


@pytest.mark.parametrize(("reason", "beyond"), [("CONCESSION_TOO_HIGH", False), ("NOT_AFFORDABLE", True)])
def test_a_rejection_leaves_what_the_bank_approved_before(reason: str, beyond: bool) -> None:
    case = reviewed_on_request()
    before = an_offered_case().offers
    assert not set(case.offers) & set(before)
    change = rejected(case, reason, NOW + HOUR)
    assert change.result == {"outcome": "OFFERED"}
    assert (change.case.offers, change.case.offers_beyond_means) == (before, beyond)
    assert kinds(change) == ([TaskKind.ADVISE_CUSTOMER] if beyond else [])
    told = invite(after(change), NOBODY_REACHED, the_policy(), NOW + HOUR)
    assert templates(told) == ["REVIEW_KEPT"]
    assert (told.case.status, told.case.rejected_for) == (Status.NEGOTIATING, None)


def test_a_rejection_brings_nothing_back_that_has_run_out_or_that_another_solution_replaces() -> None:
    case = reviewed_on_request()
    assert rejected(case, "OTHER_SOLUTION", NOW + HOUR).result == {"outcome": "WITHDRAWN"}
    late = max(offer.valid_until for offer in case.offers_before)
    assert rejected(case, "CONCESSION_TOO_HIGH", late).result == {"outcome": "NO_AFFORDABLE_OFFER"}


def test_offers_approved_by_a_person_replace_those_of_before() -> None:
    case = reviewed_on_request()
    approved = apply_review(case.model_copy(update={"decision": staff_said("APPROVED")}), NOW + HOUR).case
    assert [offer.offer_id for offer in approved.offers] == [offer.offer_id for offer in case.offers]
    assert approved.offers_before == ()


# --- telling what became of it -----------------------------------------------------------------------------------


def approved_by_a_person() -> Case:
    case = reviewed_on_request().model_copy(update={"decision": staff_said("APPROVED")})
    return after(apply_review(case, NOW + HOUR))


def test_who_waits_for_a_promised_message_may_decide_on_the_pages_meanwhile() -> None:
    asked = an_offered_case().model_copy(update={"human_review": True, "review_reasons": ("CUSTOMER_ASKED",)})
    waits = after(invite(asked, NOBODY_REACHED, the_policy(), NIGHT))
    assert waits.status is Status.NEGOTIATING, "the pages show the offers, whatever the hour"
    decided = waits.model_copy(update={"decision": a_counter_offer(500 * YUAN)})
    change = invite(decided, NOBODY_REACHED, the_policy(), NOW)
    assert (change.result, change.events, change.case) == ({"outcome": "INVITED"}, (), decided)


def test_who_was_promised_a_message_gets_it_when_the_gate_opens() -> None:
    """The page said that one may close it: what a person approved at night is announced in the morning."""
    change = invite(
        approved_by_a_person().model_copy(update={"asked_again": True}), NOBODY_REACHED, the_policy(), NIGHT
    )
    assert change.result == {"outcome": "WAIT", "wait_seconds": 9 * 3600 + 1}
    assert templates(invite(change.case, NOBODY_REACHED, the_policy(), NOW + HOUR * 24)) == ["NEW_OFFERS"]


def test_who_may_not_be_written_to_finds_the_offers_and_is_told_by_a_person() -> None:
    change = invite(
        approved_by_a_person().model_copy(update={"flags": ("CEASE_CONTACT",)}),
        NOBODY_REACHED,
        the_policy(),
        NOW + HOUR,
    )
    assert (change.result, change.case.status) == ({"outcome": "INVITED"}, Status.NEGOTIATING)
    assert [(task.kind, task.reason) for task in change.tasks] == [(TaskKind.REACH_BY_HAND, "OUTCOME_UNTOLD")]


def with_a_plan() -> Case:
    return signed().moved(Status.ACTIVE)


def closed_after_review() -> Case:
    return after(close(rejected(reviewed_on_request(), "OTHER_SOLUTION", NOW + HOUR).case, ClosedReason.WITHDRAWN))


@pytest.mark.parametrize(("case", "template"), [(with_a_plan, "PLAN_ACTIVE"), (closed_after_review, "REVIEW_NO_PLAN")])
def test_what_became_of_it_is_told_once_and_waits_for_the_hour(case: Callable[[], Case], template: str) -> None:
    status = case().status.value
    waits = inform(case(), NOBODY_REACHED, the_policy(), NIGHT)
    assert (waits.result, waits.events) == ({"outcome": "WAIT", "wait_seconds": 9 * 3600 + 1}, ())
    told = inform(case(), NOBODY_REACHED, the_policy(), NOW + HOUR)
    assert (told.result, templates(told), told.case.status.value) == ({"outcome": status}, [template], status)
    assert templates(inform(after(told), NOBODY_REACHED, the_policy(), NOW + HOUR)) == []


@pytest.mark.parametrize("case", [with_a_plan, closed_after_review])
def test_what_no_message_may_tell_a_person_tells(case: Callable[[], Case]) -> None:
    change = inform(case().model_copy(update={"flags": ("CEASE_CONTACT",)}), NOBODY_REACHED, the_policy(), NOW + HOUR)
    assert change.result == {"outcome": case().status.value}
    (task,) = change.tasks
    assert (task.kind, task.reason, task.facts) == ("REACH_BY_HAND", "OUTCOME_UNTOLD", {"rule": "contact.stop_on"})


def test_what_became_of_a_case_is_no_news_once_the_account_has_a_newer_one() -> None:
    """In order in the evening, late again in the night: by morning the account is not in order."""
    change = inform(closed_after_review(), NOBODY_REACHED, the_policy(), NOW + HOUR, has_gone_on=True)
    assert (change.events, change.result) == ((), {"outcome": "CLOSED"})


def test_nobody_writes_to_the_dead_that_their_account_is_in_order() -> None:
    cured = close(invited(), ClosedReason.CURED).case
    assert templates(inform(cured, NOBODY_REACHED, the_policy(), NOW + HOUR)) == ["IN_ORDER"]
    died = inform(cured.model_copy(update={"flags": ("DECEASED",)}), NOBODY_REACHED, the_policy(), NOW + HOUR)
    assert (died.events, died.tasks) == ((), ())


@pytest.mark.parametrize(
    ("reason", "template"), [(ClosedReason.DECLINED, "DECLINED"), (ClosedReason.EXPIRED, "RAN_OUT")]
)
def test_how_it_ended_without_a_plan_is_told_to_whom_it_was_offered(reason: ClosedReason, template: str) -> None:
    ended = after(close(invited(), reason))
    waits = inform(ended, NOBODY_REACHED, the_policy(), NIGHT)
    assert (waits.result["outcome"], waits.events) == ("WAIT", ())
    assert templates(inform(ended, NOBODY_REACHED, the_policy(), NOW + HOUR)) == [template]
    refused = inform(ended, NOBODY_REACHED.refusing("SMS"), the_policy(), NOW + HOUR)
    assert (refused.events, refused.tasks) == ((), ()), "nobody is troubled for it in another way"


def test_what_ran_out_before_anybody_heard_of_it_is_no_news() -> None:
    unheard = close(an_offered_case(), ClosedReason.EXPIRED).case
    assert inform(unheard, NOBODY_REACHED, the_policy(), NOW).events == ()


def test_who_never_heard_of_offers_is_not_told_that_there_are_none() -> None:
    case = close(rejected(in_review(), "NOT_AFFORDABLE").case, ClosedReason.NO_AFFORDABLE_OFFER).case
    assert inform(case, NOBODY_REACHED, the_policy(), NOW).events == ()
    assert inform(close(invited(), ClosedReason.WITHDRAWN).case, NOBODY_REACHED, the_policy(), NOW).events == ()
    died = closed_after_review().model_copy(update={"flags": ("DECEASED",)})
    assert inform(died, NOBODY_REACHED, the_policy(), NOW + HOUR).events == ()


@pytest.mark.parametrize("decision", [None, staff_said("APPROVED").model_copy(update={"by": "CUSTOMER"})])
def test_a_review_is_never_decided_by_anybody_but_staff(decision: Decision | None) -> None:
    with pytest.raises(NotApprovedError, match="no decision of staff"):
        apply_review(in_review().model_copy(update={"decision": decision}), NOW)


def who_asks_for_a_call(case: Case) -> Case:
    return case.model_copy(update={"decision": Decision(decision_id="d-1", by="CUSTOMER", kind="CALL_ME", at=NOW)})


def test_a_call_is_arranged_within_a_day() -> None:
    change = arrange_call(who_asks_for_a_call(invited()), NOW)
    assert change.case.decision is None
    assert [(task.kind, task.due_at) for task in change.tasks] == [(TaskKind.CALL_CUSTOMER, NOW + timedelta(days=1))]


def test_who_asks_for_a_call_twice_is_called_once_and_can_ask_again_when_staff_are_done() -> None:
    first = arrange_call(who_asks_for_a_call(invited()), NOW)
    (task,) = first.tasks
    again = arrange_call(who_asks_for_a_call(first.case), NOW)
    assert (again.result, again.tasks, again.events) == (first.result, (), ())
    assert again.case.decision is None
    done = decide(again.case, task, [task], NOBODY_REACHED, "NO_LONGER_NEEDED", "s-7", "NEGOTIATOR", the_policy(), NOW)
    assert [task.kind for task in arrange_call(who_asks_for_a_call(done.case), NOW).tasks] == [TaskKind.CALL_CUSTOMER]


def test_who_was_called_before_the_step_ran_again_is_not_called_again() -> None:
    """Staff record the call of a case whose step failed; then the execution is redriven, or another one comes."""
    failed = record_failure(who_asks_for_a_call(invited()), "run-1", NOW)
    _, call = failed.tasks
    called = decide(failed.case, call, [call], NOBODY_REACHED, "REACHED", "mei", "LEAD", the_policy(), NOW).case
    again = arrange_call(called, NOW)
    assert (again.result, again.tasks, again.case.decision) == ({"outcome": "ARRANGED"}, (), None)
    decided = called.model_copy(update={"decision": a_counter_offer(1)})
    assert arrange_call(decided, NOW).case.decision == a_counter_offer(1), "what they decide now is taken up next"


# --- sealing and activation --------------------------------------------------------------------------------------

SEALING = AgreementSealed(
    document_key="agreements/c-1/d.pdf", document_sha256="d", unsealed_sha256="u", terms_hash="t", chain_head="h",
    key_arn="k",
)  # fmt: skip


def signed() -> Case:
    case = invited()
    offer = case.offers[0]
    terms = terms_of(case, offer, the_policy(), "en", TODAY)
    agreement = Agreement(offer_id=offer.offer_id, terms=json.dumps(terms), terms_hash="t", signed_at=NOW)
    return case.moved(Status.NEGOTIATING).moved(Status.SIGNED, agreement=agreement)


def test_a_sealed_agreement_keeps_what_was_signed_and_where_the_document_is() -> None:
    change = sealed(signed(), SEALING)
    assert (change.result, change.events) == ({"outcome": "SEALED"}, (SEALING,))
    agreement = signed().agreement
    assert agreement is not None
    assert change.case.agreement == agreement.model_copy(
        update={"document_key": "agreements/c-1/d.pdf", "document_sha256": "d"}
    )


def test_the_plan_that_billing_hears_of_is_the_plan_that_was_signed() -> None:
    case = after(sealed(signed(), SEALING))
    change = activate(case, the_policy(), NOW)
    assert (change.result, change.case.status) == ({"outcome": "ACTIVE"}, Status.ACTIVE)
    (told,) = change.events
    assert isinstance(told, PlanActivated)
    offer = case.offers[0]
    assert sum(row.amount for row in told.schedule) == offer.total_payable
    assert told.waived.model_dump() == offer.waived.model_dump()
    assert told.annual_rate_ppm == offer.annual_rate_ppm
    other = offer.model_copy(update={"waived": Balance(principal=1), "annual_rate_ppm": 240_000})
    again = activate(case.model_copy(update={"offers": (other,)}), the_policy(), NOW)
    assert again.events == (told,), "whatever the offers on the case say meanwhile"
    assert (told.stop_interest, told.stop_late_fees, told.stop_collection) == (True, True, True)
    assert told.document_sha256 == "d"


def test_nothing_is_activated_before_it_is_sealed() -> None:
    with pytest.raises(AgreementIncompleteError, match="not sealed"):
        activate(signed(), the_policy(), NOW)


@pytest.mark.parametrize("standing", ["SOLD", "DISPUTED", "BANKRUPT", "DECEASED", "MORATORIUM", "FRAUD"])
def test_what_was_signed_waits_for_a_person_when_the_standing_forbids_it(standing: str) -> None:
    case = after(sealed(signed(), SEALING)).model_copy(update={"flags": (standing,), "decision": staff_said("RETRY")})
    assert is_held_back(case, the_policy(), NOW)
    for change in (hold_back(case, the_policy(), NOW), activate(case, the_policy(), NOW)):
        assert (change.result, kinds(change)) == ({"outcome": "STOPPED"}, [TaskKind.ACCOUNT_STANDING])
        assert (change.case.status, change.case.decision) == (Status.SIGNED, None)
        assert [type(event).__name__ for event in change.events] == ["StaffTaskCreated"], "billing hears of no plan"


def test_an_agreement_whose_standing_was_set_right_meanwhile_is_tried_again() -> None:
    assert not is_held_back(signed(), the_policy(), NOW)
    with pytest.raises(CaseChangedError):
        hold_back(signed(), the_policy(), NOW)


def test_what_staff_ended_after_the_signature_does_not_begin() -> None:
    """They decided while nobody waited for it: between two steps, or while the case was stopped."""
    change = activate(
        after(sealed(signed(), SEALING)).model_copy(update={"decision": staff_said("GIVE_UP")}), the_policy(), NOW
    )
    assert (change.result, change.events, change.case.decision) == ({"outcome": "GIVE_UP"}, (), None)
    assert withdraw(change.case).result == {"outcome": "GIVE_UP"}


def test_a_plan_whose_first_payment_is_due_before_it_could_begin_is_a_persons_to_say() -> None:
    """Something held it up: nobody begins a plan late, and nobody takes one away that the customer relies on."""
    case = after(sealed(signed(), SEALING))
    assert case.agreement is not None
    first_due = case.agreement.schedule[0].due_date
    the_day = datetime.combine(first_due, time(), ZoneInfo(case.time_zone))
    assert activate(case, the_policy(), the_day - timedelta(seconds=1)).result == {"outcome": "ACTIVE"}
    late = activate(case, the_policy(), the_day)
    assert (late.result, kinds(late)) == ({"outcome": "STOPPED"}, [TaskKind.ACCOUNT_STANDING])
    assert (late.tasks[0].reason, late.tasks[0].facts) == ("BEGINS_LATE", {"first_due": first_due.isoformat()})
    said = decide(after(late), late.tasks[0], late.tasks, NOBODY_REACHED, "RETRY", "mei", "LEAD", the_policy(), the_day)
    assert activate(sealed_before(after(said)).case, the_policy(), the_day).result == {"outcome": "ACTIVE"}
    ended = decide(
        after(late), late.tasks[0], late.tasks, NOBODY_REACHED, "GIVE_UP/OTHER_SOLUTION", "mei", "LEAD", the_policy(),
        the_day,
    )  # fmt: skip
    assert activate(after(ended), the_policy(), the_day).result == {"outcome": "GIVE_UP"}


def told_of(case: Case, principal: int, hours: int = 1) -> Case:
    """The case after billing told that so much is owed now."""
    account = case.account.model_copy(update={"balance": Balance(principal=principal), "days_past_due": 0})
    moment = NOW + hours * HOUR
    said = figures.known_figures(case).model_copy(update={"account": account, "told_at": moment, "sent_at": moment})
    told = figures.note_figures(case, said, moment)
    assert [type(event).__name__ for event in told.events] == ["FiguresTold"], "the chain has it"
    return after(told)


@pytest.mark.parametrize("less", [1, 1_000 * YUAN, None])
def test_a_plan_for_a_debt_of_which_something_was_paid_since_is_a_persons_to_say(less: int | None) -> None:
    case = after(sealed(signed(), SEALING))
    owed = case.account.balance.total
    held = activate(told_of(case, owed - less if less else 0), the_policy(), NOW + HOUR)
    assert (held.result, held.tasks[0].reason) == ({"outcome": "STOPPED"}, "LESS_OWED")
    assert activate(told_of(case, owed + 100), the_policy(), NOW + HOUR).result == {"outcome": "ACTIVE"}, "interest"


def test_what_staff_settled_of_one_doubt_says_nothing_of_another() -> None:
    case = after(sealed(signed(), SEALING))
    assert case.agreement is not None
    late = datetime.combine(case.agreement.schedule[0].due_date, time(12), ZoneInfo(case.time_zone))
    reasons = []
    for change in (activate(case, the_policy(), late), None):
        held = change or activate(told_of(case, 0), the_policy(), late)
        (task,) = held.tasks
        reasons.append(task.reason)
        case = after(decide(after(held), task, [task], NOBODY_REACHED, "RETRY", "mei", "LEAD", the_policy(), late))
        case = sealed_before(case).case
    assert reasons == ["BEGINS_LATE", "LESS_OWED"]
    assert activate(case, the_policy(), late).result == {"outcome": "ACTIVE"}


def settled(held: Change, now: datetime) -> Case:
    """The case after staff said that the plan should begin all the same."""
    (task,) = held.tasks
    said = decide(after(held), task, [task], NOBODY_REACHED, "RETRY", "mei", "LEAD", the_policy(), now)
    return sealed_before(after(said)).case


def test_what_staff_settled_says_nothing_of_what_they_could_not_know() -> None:
    """Another sum that was paid, or another payment that fell due while something else held the plan up."""
    case = after(sealed(signed(), SEALING))
    assert case.agreement is not None
    owed = case.account.balance.total
    first, second = (
        datetime.combine(row.due_date, time(12), ZoneInfo(case.time_zone)) for row in case.agreement.schedule[:2]
    )
    held = activate(told_of(case, owed - 1), the_policy(), first)
    assert held.tasks[0].reason == "LESS_OWED"
    late = activate(settled(held, first), the_policy(), first)
    assert late.tasks[0].reason == "BEGINS_LATE"
    meanwhile = settled(replace(late, case=told_of(after(late), 0, hours=2)), first)
    again = activate(meanwhile, the_policy(), first)
    assert [task.reason for task in again.tasks] == ["LESS_OWED"], (
        "all of it was paid while they were asked about a day"
    )
    later = activate(settled(again, first), the_policy(), second)
    assert [task.reason for task in later.tasks] == ["BEGINS_LATE"], "one more payment is due than they knew of"
    assert activate(settled(later, second), the_policy(), second).result == {"outcome": "ACTIVE"}


def test_interest_does_not_hide_what_was_paid_since_the_signature() -> None:
    case = after(sealed(signed(), SEALING))
    owed = case.account.balance.total
    grown = told_of(case, owed + 5_000)
    assert activate(grown, the_policy(), NOW + HOUR).result == {"outcome": "ACTIVE"}
    paid = told_of(grown, owed + 1_000, hours=2)
    assert [task.reason for task in activate(paid, the_policy(), NOW + 2 * HOUR).tasks] == ["LESS_OWED"]


def test_who_was_called_but_never_written_to_is_not_told_what_came_of_a_message() -> None:
    called = ContactRecord(contact_id="t-1", channel="CALL", at=NOW, template="ADVISE_CUSTOMER")
    for reason in (ClosedReason.EXPIRED, ClosedReason.CURED):
        ended = close(an_offered_case().model_copy(update={"contacts": (called,)}), reason).case
        assert inform(ended, NOBODY_REACHED, the_policy(), NOW + HOUR).events == ()


def test_who_signed_what_does_not_begin_is_told_not_to_pay_by_it() -> None:
    case = after(close(signed(), ClosedReason.WITHDRAWN))
    assert templates(inform(case, NOBODY_REACHED, the_policy(), NOW + HOUR)) == ["PLAN_WITHDRAWN"]
    sold = inform(case.model_copy(update={"flags": ("SOLD",)}), NOBODY_REACHED, the_policy(), NOW + HOUR)
    assert (sold.events, sold.tasks) == ((), ()), "no message may leave, and whoever ended it has called"
    dead = inform(case.model_copy(update={"flags": ("DECEASED",)}), NOBODY_REACHED, the_policy(), NOW + HOUR)
    assert (dead.events, dead.tasks) == ((), ())


def test_a_sealed_agreement_is_not_sealed_again_when_staff_let_it_go_on() -> None:
    case = after(sealed(signed(), SEALING)).model_copy(update={"decision": staff_said("RETRY")})
    change = sealed_before(case)
    assert (change.result, change.events, change.case.decision) == ({"outcome": "SEALED"}, (), None)
    assert change.case.agreement == case.agreement


def test_an_agreement_counts_as_signed_in_the_status_signed_alone() -> None:
    with pytest.raises(NotApprovedError, match="nothing is signed"):
        signed_agreement(invited())
    with pytest.raises(NotApprovedError, match="nothing is signed"):
        signed_agreement(signed().moved(Status.CLOSED))


def test_what_cannot_be_printed_becomes_work_for_a_person() -> None:
    change = cannot_print(signed(), NOW)
    assert (change.result, kinds(change)) == ({"outcome": "MISSING_GLYPH"}, [TaskKind.MISSING_GLYPH])


# --- the end -----------------------------------------------------------------------------------------------------


def test_a_case_that_closes_says_why_and_leaves_no_decision_behind() -> None:
    change = close(invited().model_copy(update={"decision": a_counter_offer(1)}), ClosedReason.DECLINED)
    assert (change.case.status, change.case.closed_reason) == (Status.CLOSED, ClosedReason.DECLINED)
    assert (change.events, change.case.decision) == ((CaseClosed(reason="DECLINED"),), None)


@pytest.mark.parametrize("decision", [a_counter_offer(1), staff_said("APPROVED")], ids=lambda said: said.by)
def test_a_decision_in_the_moment_of_expiry_still_counts(decision: Decision) -> None:
    case = invited().model_copy(update={"decision": decision})
    change = close(case, ClosedReason.EXPIRED)
    assert (change.result, change.case) == ({"outcome": f"DECIDED_BY_{decision.by}"}, case)


@pytest.mark.parametrize("status", [Status.SIGNED, Status.ACTIVE, Status.IN_GRACE])
@pytest.mark.parametrize("reason", ["EXPIRED", "DECLINED", "NO_AFFORDABLE_OFFER"])
def test_once_an_agreement_is_signed_no_case_ends_as_if_there_were_none(status: Status, reason: str) -> None:
    with pytest.raises(MoveNotAllowedError, match="an agreement is signed"):
        close(signed().model_copy(update={"status": status}), ClosedReason(reason))


def test_a_closed_case_moves_nowhere() -> None:
    closed = close(invited(), ClosedReason.EXPIRED).case
    with pytest.raises(MoveNotAllowedError):
        closed.moved(Status.NEGOTIATING)


@pytest.mark.parametrize(
    ("status", "asked", "untold"),
    [("ASSESSED", False, True), ("OFFERED", False, True), ("INVITED", True, True), ("INVITED", False, False)],
)
def test_who_waits_on_the_page_when_a_step_fails_has_a_message_when_it_is_there(
    status: str, asked: bool, untold: bool
) -> None:
    decision = a_counter_offer(1) if asked else None
    case = an_offered_case().model_copy(update={"status": Status(status), "decision": decision, "untold": False})
    assert record_failure(case, "run-1", NOW).case.untold is untold


def test_a_failure_keeps_the_status_and_calls_a_person_within_hours() -> None:
    change = record_failure(signed(), "c-1", NOW)
    assert (change.case.status, kinds(change)) == (Status.SIGNED, [TaskKind.FAILED_STEP])
    assert change.tasks[0].due_at == NOW + timedelta(hours=4)
    assert (change.tasks[0].reason, change.tasks[0].facts) == ("STEP_FAILED", {"execution": "c-1"})
    assert change.events[0] == StepFailed(execution="c-1")
    assert failure_key("c-1") != failure_key("c-2")


def held(*executions: str) -> Case:
    """A case that these executions took up, one after another."""
    case = an_offered_case()
    for execution in executions:
        case = case.taken_up(execution)
    return case


@pytest.mark.parametrize("stopped", [None, "e-2"])
def test_late_word_of_an_execution_that_was_overtaken_is_kept_and_stops_nothing(stopped: str | None) -> None:
    case = held("e-1", "e-2").model_copy(update={"stopped": stopped})
    change = record_failure(case, "e-1", NOW)
    assert (change.case, change.tasks) == (case, ())
    assert (change.events, change.result) == ((StepFailed(execution="e-1"),), {"outcome": "OVERTAKEN"})


@pytest.mark.parametrize(
    ("executions", "failed"),
    [
        ((), "e-1"),  # it failed before it had the case
        (("e-1",), "e-1"),
        (("e-1", "e-2"), "e-2"),
        (("e-1",), "e-2"),  # the second one failed before it had the case
        (("e-1", "e-2", "e-1"), "e-1"),  # it was redriven, and looked at the case again
        (("e-1", "e-1"), "e-1"),  # it watched, and looks again
    ],
)
def test_the_word_of_an_execution_that_nobody_overtook_stops_the_case(executions: tuple[str, ...], failed: str) -> None:
    change = record_failure(held(*executions), failed, NOW)
    assert (change.case.stopped, kinds(change)) == (failed, [TaskKind.FAILED_STEP])
    taken_up = change.case.taken_up("e-9")
    assert (taken_up.stopped, taken_up.execution) == (None, "e-9")
