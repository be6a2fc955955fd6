"""A call by a person: the gate is asked, the script says nothing before the customer is known, and the call counts."""

from datetime import datetime, timedelta
from string import Formatter
from typing import Any

import pytest
from builders import NOBODY_REACHED, NOW, TALKED, TODAY, after, an_offered_case, the_policy
from unit.test_messages import FORBIDDEN

from accord import staff
from accord.calls import CALLS, Script, may_call, script
from accord.case import TASK_FACTS, Case, Change, Decision, StaffTask, Status, TaskKind, TaskReason, new_task
from accord.events import CallMade, ContactRequested
from accord.money import format_money
from accord.policy import load_policy
from accord.reach import ContactRecord, Reach
from accord.texts import LANGUAGES, format_date, texts

NIGHT = NOW.replace(hour=15)  # 23:00 in Shanghai
TEXTS = texts("calls")
# Each reason of a task that is a call, with a kind that it comes with.
REASONS = {
    TaskReason.CUSTOMER_ASKED_FOR_CALL: TaskKind.CALL_CUSTOMER,
    TaskReason.AMOUNT_DISPUTED: TaskKind.CALL_CUSTOMER,
    TaskReason.NOT_UNDERSTOOD: TaskKind.CALL_CUSTOMER,
    TaskReason.NO_AFFORDABLE_OFFER: TaskKind.ADVISE_CUSTOMER,
    TaskReason.NO_PLAN_POSSIBLE: TaskKind.ADVISE_CUSTOMER,
    TaskReason.MEANS_UNKNOWN: TaskKind.ADVISE_CUSTOMER,
    TaskReason.OFFERS_BEYOND_MEANS: TaskKind.ADVISE_CUSTOMER,
    TaskReason.CONTACT_REFUSED: TaskKind.REACH_BY_HAND,
    TaskReason.OUTCOME_UNTOLD: TaskKind.REACH_BY_HAND,
    TaskReason.WRONG_PERSON: TaskKind.REACH_BY_HAND,
    TaskReason.MESSAGE_STUCK: TaskKind.REACH_BY_HAND,
    TaskReason.ACCESS_LOCKED: TaskKind.UNLOCK_ACCESS,
    TaskReason.NAME_NOT_PRINTABLE: TaskKind.MISSING_GLYPH,
    TaskReason.STANDING_CHANGED: TaskKind.ACCOUNT_STANDING,
    TaskReason.BEGINS_LATE: TaskKind.ACCOUNT_STANDING,
    TaskReason.LESS_OWED: TaskKind.ACCOUNT_STANDING,
}
EVERY = [(reason, language) for reason in REASONS for language in LANGUAGES]


def task_of(case: Case, reason: TaskReason = TaskReason.CUSTOMER_ASKED_FOR_CALL) -> StaffTask:
    facts = dict.fromkeys(TASK_FACTS[reason], "1")
    return new_task(case, REASONS[reason], NOW, reason, facts)[0]


def said(reason: TaskReason, language: str = "en", **changes: Any) -> Script:
    case = an_offered_case(language=language).model_copy(update=changes)
    return script(case, task_of(case, reason), the_policy(), NOW)


def settled(choice: str, reason: TaskReason = TaskReason.CUSTOMER_ASKED_FOR_CALL, **told: Any) -> Change:
    case = an_offered_case()
    task = task_of(case, reason)
    known: dict[str, Any] = {"now": NOW, "reach": NOBODY_REACHED} | told
    policy, now = the_policy(), known["now"]
    return staff.decide(case, task, [task], known["reach"], choice, "mei", "LEAD", policy, now)


# --- what is said ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("reason", "language"), EVERY)
def test_until_the_customer_is_known_nothing_is_said_but_who_calls(reason: TaskReason, language: str) -> None:
    told = said(reason, language)
    institution = {"zh-CN": "示例银行", "en": "Example Bank"}[language]
    assert institution in told.opening
    for line in (told.opening, told.stranger, told.identity):
        assert not [word for word in FORBIDDEN[language] if word in line.lower()]
        assert not any(character.isdigit() for character in line)


@pytest.mark.parametrize(("reason", "language"), EVERY)
def test_nothing_in_a_call_threatens(reason: TaskReason, language: str) -> None:
    told = said(reason, language)
    everything = " ".join((*told[:4], *told.offers, told.closing)).lower()
    assert not [word for word in FORBIDDEN[language] if word in everything]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_figure_is_that_of_an_offer_that_may_be_quoted_now(language: str) -> None:
    case = an_offered_case(language=language)
    first, *others = case.offers
    withheld = first.model_copy(update={"approved_by": None})
    told = said(TaskReason.CUSTOMER_ASKED_FOR_CALL, language, offers=(withheld, *others)).offers
    assert len(told) == len(others) + 1
    for line, offer in zip(told, others, strict=False):
        assert format_money(offer.regular_instalment, offer.currency, language) in line
        assert format_date(offer.first_due_date, language) in line
    assert said(TaskReason.CUSTOMER_ASKED_FOR_CALL, language, offers=(withheld,)).offers == ()
    until = format_date((NOW + timedelta(days=14)).date(), language)
    assert until in told[-1]


@pytest.mark.parametrize("status", Status)
def test_offers_are_quoted_only_to_who_still_has_to_choose(status: Status) -> None:
    quoted = said(TaskReason.CUSTOMER_ASKED_FOR_CALL, status=status).offers
    assert bool(quoted) == (status in (Status.OFFERED, Status.INVITED, Status.NEGOTIATING))


@pytest.mark.parametrize(("kind", "quoted"), [("CALL_ME", True), ("DECLINED", False), ("SIGNED", False)])
def test_who_has_just_said_no_or_signed_is_offered_nothing_more(kind: str, quoted: bool) -> None:
    decision = Decision(decision_id="d-1", by="CUSTOMER", kind=kind, at=NOW)
    told = said(TaskReason.AMOUNT_DISPUTED, status=Status.NEGOTIATING, decision=decision)
    assert bool(told.offers) == quoted


@pytest.mark.parametrize("reason", [TaskReason.ACCESS_LOCKED, TaskReason.NAME_NOT_PRINTABLE])
def test_where_nothing_is_to_be_chosen_no_offer_is_quoted(reason: TaskReason) -> None:
    assert said(reason).offers == ()


def test_the_texts_name_only_what_can_be_filled_in() -> None:
    known = {"institution", "phone", "free_help", "months", "amount", "first", "total", "until"}

    def names(node: Any) -> set[str]:
        if isinstance(node, dict):
            return set().union(*(names(part) for part in node.values()))
        return {name for _, name, _, _ in Formatter().parse(str(node)) if name}

    assert names(TEXTS) == known


def test_each_kind_of_call_and_no_other_reason_has_its_words() -> None:
    assert set(TEXTS["kinds"]) == {kind.value for kind in CALLS}
    assert set(TEXTS["reasons"]) <= {reason.value for reason in TaskReason}


# --- the gate -------------------------------------------------------------------------------------------------


def test_the_gate_is_asked_for_each_call() -> None:
    case = an_offered_case()
    assert may_call(case, task_of(case), NOBODY_REACHED, the_policy(), NOW).allowed
    by_night = may_call(case, task_of(case), NOBODY_REACHED, the_policy(), NIGHT)
    assert (by_night.rule, by_night.not_before) == ("contact.quiet_hours_local", NIGHT + timedelta(hours=9))


def test_who_complained_is_called_back_where_they_asked_for_it_and_not_for_our_own_wish() -> None:
    case = an_offered_case().model_copy(update={"complaint": "OPEN"})
    assert may_call(case, task_of(case), NOBODY_REACHED, the_policy(), NOW).allowed
    ours = task_of(case, TaskReason.NO_AFFORDABLE_OFFER)
    assert may_call(case, ours, NOBODY_REACHED, the_policy(), NOW).rule == "contact.stop_on"


def test_who_asks_for_a_call_is_called_although_they_want_no_calls_otherwise() -> None:
    refuses = NOBODY_REACHED.refusing("CALL")
    case = who_was_promised_a_call()
    asked, ours = task_of(case), task_of(case, TaskReason.NO_AFFORDABLE_OFFER)
    assert may_call(case, asked, refuses, the_policy(), NOW).allowed
    assert may_call(case, ours, refuses, the_policy(), NOW).rule == "opted_out"
    a_week_later = NOW + timedelta(days=7, minutes=1)
    assert may_call(case, asked, refuses, the_policy(), a_week_later).rule == "opted_out", "no wish holds for ever"


@pytest.mark.parametrize(("jurisdiction", "allowed"), [("US", True), ("CN", True)])
def test_a_call_that_was_asked_for_does_not_wait_a_week_for_the_last_conversation(
    jurisdiction: str, allowed: bool
) -> None:
    case = who_was_promised_a_call().model_copy(update={"jurisdiction": jurisdiction})
    talked = NOBODY_REACHED.with_contact(TALKED.model_copy(update={"at": NOW - timedelta(days=2)}))
    policy = load_policy(jurisdiction)
    assert may_call(case, task_of(case), talked, policy, NOW).allowed is allowed
    ours = may_call(case, task_of(case, TaskReason.NO_AFFORDABLE_OFFER), talked, policy, NOW)
    assert ours.allowed is (jurisdiction == "CN")


def test_by_night_nobody_is_called_whatever_they_asked_for() -> None:
    case = an_offered_case()
    assert may_call(case, task_of(case), NOBODY_REACHED, the_policy(), NIGHT).rule == "contact.quiet_hours_local"


def who_was_promised_a_call(at: datetime = NOW) -> Case:
    return an_offered_case().model_copy(update={"call_promised_at": at, "call_arranged": True})


def test_tries_do_not_make_a_wish_hold_longer() -> None:
    case, refuses = who_was_promised_a_call(), NOBODY_REACHED.refusing("CALL")
    late = NOW + timedelta(days=8)
    fresh = task_of(case).model_copy(update={"created_at": late})
    assert may_call(case, fresh, refuses, the_policy(), late).rule == "opted_out"


@pytest.mark.parametrize(
    "reason", [TaskReason.CUSTOMER_ASKED_FOR_CALL, TaskReason.AMOUNT_DISPUTED, TaskReason.NOT_UNDERSTOOD]
)
def test_a_promised_call_is_tried_three_times_and_the_customer_hears_of_each(reason: TaskReason) -> None:
    case, tasks, reach, now = who_was_promised_a_call(), [], NOBODY_REACHED, NOW
    for promise in (1, 2):  # one that is made later has its own three
        task = task_of(case, reason).model_copy(update={"created_at": now, "task_id": f"t-{promise}"})
        for tried in (1, 2, 3):
            change = staff.decide(case, task, [*tasks, task], reach, "NOT_REACHED", "mei", "LEAD", the_policy(), now)
            told = [event.template for event in change.events if isinstance(event, ContactRequested)]
            assert told == ["CALL_TRIED"]
            closed, *again = change.tasks
            assert [one.reason for one in again] == ([task.reason] if tried < 3 else [])
            assert change.case.call_arranged is (tried < 3)
            case, tasks, reach, now = after(change), [*tasks, closed], change.reach or reach, now + timedelta(days=3)
            task = again[0] if again else task
        case = case.model_copy(update={"call_promised_at": now, "call_arranged": True})


# --- how it counts --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("choice", "outcome", "connected"), [("REACHED", "ANSWERED", True), ("NOT_REACHED", "NO_ANSWER", False)]
)
def test_a_call_counts_for_the_case_and_for_the_person(choice: str, outcome: str, connected: bool) -> None:
    change = settled(choice)
    called = change.events[0]
    assert called == CallMade(contact_id=change.tasks[0].task_id, outcome=outcome, text="CALL/1/zh-CN")
    assert change.reach is not None
    record = change.reach.contacts[0]
    assert change.case.contacts == change.reach.contacts
    assert (record.channel, record.status, record.connected) == ("CALL", outcome, connected)
    assert change.reach.seen_at == ((NOW,) if connected else ())


def test_a_task_that_needed_no_call_counts_as_none() -> None:
    change = settled("NO_LONGER_NEEDED")
    assert (change.case.contacts, change.reach) == ((), None)


def test_a_call_against_the_gate_is_in_the_history_with_the_rule() -> None:
    called = settled("REACHED", now=NIGHT).events[0]
    assert isinstance(called, CallMade)
    assert called.against == "contact.quiet_hours_local"


def test_calls_that_reached_the_person_use_up_the_days_limit() -> None:
    reach: Reach = NOBODY_REACHED
    for number in range(3):
        record = ContactRecord(
            contact_id=f"t-{number}", channel="CALL", at=NOW, template="CALL_CUSTOMER", connected=True
        )
        reach = reach.with_contact(record)
    case = an_offered_case()
    verdict = may_call(case, task_of(case), reach, the_policy(), NOW)
    assert verdict.rule == "contact.max_connected_voice_per_debtor_per_day"
    assert verdict.not_before is not None
    assert verdict.not_before.date() == TODAY or verdict.not_before > NOW


def test_who_turned_out_to_be_somebody_else_was_not_reached() -> None:
    change = settled("NOT_THE_CUSTOMER", TaskReason.ACCESS_LOCKED)
    assert change.reach is not None
    (record,) = change.reach.contacts
    assert (record.status, record.connected, change.reach.seen_at) == ("WRONG_PERSON", False, ())
