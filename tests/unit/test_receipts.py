"""Receipts: the best word about a contact counts, a stranger most; two that were received a month apart are proof."""

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from builders import NOW, an_offered_case, the_policy

from accord.billing import ContactReceipt, parse
from accord.case import Case, TaskReason
from accord.errors import InputRejectedError
from accord.reach import ContactRecord, Reach
from accord.receipts import case_of, note_receipt, proven_collections
from accord.staff import decide

NOBODY_REACHED = Reach(cardholder_id="holder-1")


def contacted(channel: str = "SMS") -> Case:
    case = an_offered_case()
    record = ContactRecord(contact_id=f"{case.case_id}-7", channel=channel, at=NOW, template="INVITATION")
    return case.model_copy(update={"contacts": (record,), "left": (record.contact_id,)})


def receipt(status: str, contact_id: str | None = None, **changes: Any) -> ContactReceipt:
    told = {"eventId": f"r-{status}", "contactId": contact_id or f"{contacted().case_id}-7", "status": status,
            "at": "2026-03-05T10:00:00+08:00"}  # fmt: skip
    return parse(ContactReceipt, told | changes)


def statuses(order: tuple[str, ...], channel: str = "SMS") -> tuple[Case, Reach]:
    case, reach = contacted(channel), NOBODY_REACHED
    for status in order:
        change = note_receipt(case, reach, receipt(status), NOW)
        case, reach = change.case, change.reach or reach
        assert type(change.events[0]).__name__ == "ReceiptNoted", "whatever counts, it is evidence"
    return case, reach


@pytest.mark.parametrize("order", [*permutations(("FAILED", "DELIVERED", "READ"))])
def test_in_any_order_the_best_word_counts(order: tuple[str, ...]) -> None:
    case, reach = statuses(order)
    assert [record.status for record in (*case.contacts, *reach.contacts)] == ["READ", "READ"]


@pytest.mark.parametrize(
    ("status", "times"),
    [("DELIVERED", 0), ("READ", 1), ("REPLIED", 1), ("ANSWERED", 1), ("NO_ANSWER", 0), ("WRONG_PERSON", 0)],
)
def test_the_moment_at_which_the_person_was_there_is_remembered(status: str, times: int) -> None:
    change = note_receipt(contacted(), NOBODY_REACHED, receipt(status), NOW)
    assert change.reach is not None
    assert change.reach.seen_at == (receipt(status).at,) * times


def test_a_call_that_was_answered_is_a_conversation() -> None:
    case, reach = statuses(("NO_ANSWER", "ANSWERED"), "CALL")
    assert case.contacts[0].connected
    assert reach.contacts[0].connected
    assert not statuses(("READ",))[0].contacts[0].connected


def test_where_somebody_else_answered_the_channel_is_closed_and_a_person_looks() -> None:
    change = note_receipt(contacted(), NOBODY_REACHED, receipt("WRONG_PERSON"), NOW)
    assert change.reach is not None
    assert change.reach.opted_out == ("SMS",)
    assert [task.reason for task in change.tasks] == [TaskReason.WRONG_PERSON]
    again = note_receipt(change.case, change.reach, receipt("DELIVERED"), NOW)
    assert (again.case, again.reach, again.tasks) == (change.case, change.reach, ())


def test_who_answers_a_text_with_stop_gets_no_more_of_them_and_the_chain_says_so() -> None:
    before = NOBODY_REACHED.agreeing("SMS", NOW - timedelta(days=1)).agreeing("EMAIL", NOW)
    change = note_receipt(contacted(), before, receipt("OPTED_OUT"), NOW)
    assert change.reach is not None
    assert (change.reach.opted_out, change.reach.consents) == (("SMS",), ("EMAIL",))
    assert [event.model_dump() for event in change.events[1:]] == [{"refused": ("SMS",), "agreed": ("EMAIL",)}]
    assert change.tasks == ()
    assert len(proven_collections(change.case)) == 1, "whoever answers has received it"
    allowed = change.reach.agreeing("SMS", receipt("OPTED_OUT").at + timedelta(hours=1))
    late = note_receipt(change.case, allowed, receipt("OPTED_OUT"), NOW)
    assert late.reach == allowed, "the same answer, told once more"
    anew = receipt("OPTED_OUT", at="2026-03-05T12:00:00+08:00")
    again = note_receipt(change.case, allowed, anew, NOW)
    assert again.reach is not None
    assert again.reach.opted_out == ("SMS",), "who allowed texts again and says stop again is heard again"


def test_a_receipt_from_before_its_message_proves_nothing() -> None:
    # Clocks differ.
    note_receipt(
        contacted(), NOBODY_REACHED, receipt("DELIVERED", at="2026-03-05T09:10:00+08:00"), NOW
    )  # clocks differ
    with pytest.raises(InputRejectedError) as refused:
        note_receipt(contacted(), NOBODY_REACHED, receipt("DELIVERED", at="2023-09-17T10:00:00+08:00"), NOW)
    assert [(one["field"], one["code"]) for one in refused.value.problems] == [("at", "BEFORE_THE_CONTACT")]


def test_who_answers_a_text_in_their_own_words_is_called_once_while_the_task_is_open() -> None:
    change = note_receipt(contacted(), NOBODY_REACHED, receipt("REPLIED"), NOW)
    assert [(task.kind, task.reason, task.facts) for task in change.tasks] == [("CALL_CUSTOMER", "REPLIED", {})]
    assert change.reach is not None
    assert change.reach.opted_out == ()
    assert note_receipt(change.case, change.reach, receipt("REPLIED"), NOW).tasks == ()
    (task,) = change.tasks
    policy = the_policy()
    closed = decide(change.case, task, [task], change.reach, "REACHED", "mei", "NEGOTIATOR", policy, NOW)
    assert len(note_receipt(closed.case, change.reach, receipt("REPLIED"), NOW).tasks) == 1
    after_a_stop = note_receipt(contacted(), NOBODY_REACHED, receipt("OPTED_OUT"), NOW)
    assert len(note_receipt(after_a_stop.case, NOBODY_REACHED, receipt("REPLIED"), NOW).tasks) == 1


@pytest.mark.parametrize("status", ["REPLIED", "OPTED_OUT"])
def test_an_answer_after_a_message_that_never_left_is_heard_and_proves_nothing_of_it(status: str) -> None:
    change = note_receipt(contacted().model_copy(update={"left": ()}), NOBODY_REACHED, receipt(status), NOW)
    assert change.case.contacts[0].status is None
    assert proven_collections(change.case) == ()
    assert change.reach is not None
    assert (len(change.tasks), change.reach.opted_out) == {"REPLIED": (1, ()), "OPTED_OUT": (0, ("SMS",))}[status]


@pytest.mark.parametrize(("status", "calls"), [("READ", 0), ("WRONG_PERSON", 0), ("REPLIED", 1)])
def test_what_a_stranger_does_with_it_is_no_habit_of_the_debtor_and_a_person_hears_an_answer(
    status: str, calls: int
) -> None:
    known = note_receipt(contacted(), NOBODY_REACHED, receipt("WRONG_PERSON"), NOW)
    assert known.reach is not None
    change = note_receipt(known.case, known.reach, receipt(status), NOW)
    assert len(change.tasks) == calls
    assert change.case.contacts == known.case.contacts
    assert change.reach == known.reach


def test_a_receipt_for_what_was_never_asked_for_is_refused_by_its_field() -> None:
    with pytest.raises(InputRejectedError) as refused:
        note_receipt(contacted(), NOBODY_REACHED, receipt("READ", f"{contacted().case_id}-8"), NOW)
    assert [problem["field"] for problem in refused.value.problems] == ["contactId"]
    assert case_of(f"{contacted().case_id}-8") == contacted().case_id


@pytest.mark.parametrize(
    ("days", "proven"),
    [((), 0), ((0,), 1), ((0, 29), 1), ((0, 30), 2), ((0, 29, 31), 2), ((0, 20, 40, 60), 2), ((0, 30, 60), 3)],
)
def test_two_collections_that_were_received_a_month_apart_are_proof(days: tuple[int, ...], proven: int) -> None:
    records = [collection(day) for day in days]
    lost = collection(90, status="FAILED")
    case = contacted().model_copy(update={"contacts": (*records, lost)})
    assert len(proven_collections(case)) == proven


def collection(day: int, **changes: Any) -> ContactRecord:
    record = ContactRecord(
        contact_id=str(day), channel="SMS", at=NOW + timedelta(days=day), template="REMINDER", status="DELIVERED"
    )
    return record.model_copy(update=changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"template": "COMPLAINT_NOTED"},
        {"template": "PLAN_ACTIVE"},
        {"early": True},
        {"channel": "CALL", "template": "REACH_BY_HAND", "status": "ANSWERED", "party": "THIRD_PARTY"},
        {"channel": "CALL", "template": "CALL_CUSTOMER", "status": "ANSWERED"},
        {"channel": "CALL", "template": "REACH_BY_HAND", "status": "NO_ANSWER"},
        {"status": "WRONG_PERSON"},
        {"status": None},
    ],
)
def test_what_is_no_collection_of_a_debt_from_the_debtor_is_no_proof_of_one(changes: dict[str, Any]) -> None:
    records = (collection(0, **changes), collection(31, **changes))
    assert proven_collections(contacted().model_copy(update={"contacts": records})) == ()


def test_a_call_for_our_own_wish_that_was_answered_is_proof() -> None:
    called = {"channel": "CALL", "template": "REACH_BY_HAND", "status": "ANSWERED"}
    case = contacted().model_copy(update={"contacts": (collection(0, **called), collection(31))})
    assert proven_collections(case) == (NOW, NOW + timedelta(days=31))
