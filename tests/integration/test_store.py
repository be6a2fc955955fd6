"""The case store keeps its promises: one transaction a change, once a key, an unbroken chain, one case an account."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from billing_events import overdue_event
from botocore.exceptions import ClientError
from integration.tables import tables_on_moto
from loading import CONTEXT, load_app

from accord import clock
from accord.aws.store import CaseStore
from accord.aws.waits import hand_over_decision
from accord.case import Case, Change, ClosedReason, Decision, Status, TaskKind, TaskReason, new_task
from accord.errors import CaseChangedError, CaseDamagedError, CaseNotFoundError, ServiceUnavailableError
from accord.events import Actor, CaseClosed, CaseIdentified, verify_chain
from accord.lifecycle import close
from accord.opening import NEW_ACCOUNT, AccountCases, open_case
from accord.reach import ContactRecord, Reach

NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
SYSTEM = Actor(kind="SYSTEM", id="test")


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[CaseStore]:
    with tables_on_moto(monkeypatch) as names:
        yield CaseStore(names["CASES_TABLE"], names["EVENTS_TABLE"])


def opened(store: CaseStore, event_id: str = "e-1", account_id: str = "a-1") -> str:
    event = overdue_event(event_id=event_id, account_id=account_id)
    opening = open_case(event, store.cases_of(account_id), NOW)
    assert store.open(opening, key=f"open/{event_id}") == "OPENED"
    return opening.case.case_id


def identified(case: Case) -> Change:
    event = CaseIdentified(
        delinquency_bucket="M2",
        segment="STANDARD",
        treatment="NEGOTIATION",
        exclusion=None,
        vulnerable=False,
        pd_ppm=None,
        pd_reasons=(),
        policy_version="v1",
        rules=(),
    )
    return Change(case.moved(Status.IDENTIFIED), (event,), SYSTEM, {"outcome": "NEGOTIATE"})


def test_a_change_writes_the_case_and_its_event_together(store: CaseStore) -> None:
    case_id = opened(store)
    assert store.change(case_id, "step-1", identified) == {"outcome": "NEGOTIATE"}
    case, chain = store.get(case_id), list(store.events(case_id))
    assert case.status is Status.IDENTIFIED
    assert [event.type for event in chain] == ["CaseOpened", "CaseIdentified"]
    assert verify_chain(chain, case.head, case.version) == 2


def test_a_repeated_key_returns_the_first_result_and_changes_nothing(store: CaseStore) -> None:
    case_id = opened(store)
    store.change(case_id, "step-1", identified)

    def never(case: Case) -> Change:
        raise AssertionError("decided twice")

    assert store.change(case_id, "step-1", never) == {"outcome": "NEGOTIATE"}
    assert store.get(case_id).version == 2


def test_a_change_that_lost_a_race_is_decided_again_on_the_newer_case(store: CaseStore) -> None:
    case_id = opened(store)
    seen = []

    def slow(case: Case) -> Change:
        seen.append(case.version)
        if len(seen) == 1:  # somebody else is quicker
            store.change(case_id, "other", identified)
        return Change(case.model_copy(update={"reminders": case.reminders + 1}), (), SYSTEM, {})

    store.change(case_id, "mine", slow)
    after = store.get(case_id)
    assert seen == [1, 2]
    assert (after.status, after.reminders) == (Status.IDENTIFIED, 1)


def test_a_case_that_never_holds_still_is_an_error_to_retry(store: CaseStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accord.aws.store.time.sleep", lambda seconds: None)
    case_id = opened(store)

    def always_late(case: Case) -> Change:
        store.change(case_id, f"other-{case.version}", lambda now: Change(now, (CaseClosed(reason="X"),), SYSTEM))
        return Change(case, (CaseClosed(reason="X"),), SYSTEM)

    with pytest.raises(CaseChangedError):
        store.change(case_id, "mine", always_late)
    assert store.result_of(case_id, "mine") is None


def test_a_change_without_an_event_still_protects_against_a_lost_update(store: CaseStore) -> None:
    case_id = opened(store)
    seen = []

    def slow(case: Case) -> Change:
        seen.append(case.reminders)
        if len(seen) == 1:
            store.change(case_id, "other", lambda now: Change(now.model_copy(update={"reminders": 5}), (), SYSTEM))
        return Change(case.model_copy(update={"reminders": case.reminders + 1}), (), SYSTEM)

    store.change(case_id, "mine", slow)
    assert store.get(case_id).reminders == 6


def test_an_account_has_one_open_case_and_a_new_round_after_it_ended(store: CaseStore) -> None:
    first = opened(store, "e-1")
    second = open_case(overdue_event(event_id="e-2", account_id="a-1"), store.cases_of("a-1"), NOW)
    assert store.open(second, key="open/e-2") == "ALREADY_OPEN"
    assert store.cases_of("a-1").open_case_id == first
    store.change(first, "end", lambda case: close(case, ClosedReason.EXCLUDED))
    assert store.cases_of("a-1").open_case_id is None
    ended = store.cases_of("a-1").last_end
    assert ended is not None
    assert (ended.how, abs(ended.at - clock.now()) < timedelta(minutes=5)) == ("EXCLUDED", True)
    third = opened(store, "e-3")
    assert store.get(third).round == 2


@pytest.mark.parametrize("how", [Status.COMPLETED, Status.BREACHED])
def test_how_a_plan_ended_is_known_whatever_came_after_it(store: CaseStore, how: Status) -> None:
    first = opened(store, "e-1")
    store.change(first, "plan", lambda case: Change(case.model_copy(update={"status": how}), (), SYSTEM))
    second = opened(store, "e-2")
    assert store.get(second).plan_before == how
    store.change(second, "end", lambda case: close(case, ClosedReason.WITHDRAWN))
    assert store.get(opened(store, "e-3")).plan_before == how


def test_opening_twice_with_the_same_event_is_the_same_case(store: CaseStore) -> None:
    assert opened(store) == opened(store)
    assert len(list(store.events(opened(store)))) == 1


def second_opening(known: AccountCases = NEW_ACCOUNT) -> Change:
    return open_case(overdue_event(event_id="e-2", account_id="a-1"), known, NOW)


def test_two_events_of_the_same_moment_open_one_case(store: CaseStore, monkeypatch: pytest.MonkeyPatch) -> None:
    once = AccountCases(None, 1, None)
    looked = iter([once])  # no open case at the first look; by the time of the write there is one
    first = opened(store, "e-1")
    asked = store.cases_of
    monkeypatch.setattr(store, "cases_of", lambda account: next(looked, asked(account)))
    assert store.open(second_opening(once), key="open/e-2") == "ALREADY_OPEN"
    assert asked("a-1").open_case_id == first


def test_a_round_is_counted_once(store: CaseStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a second case was being prepared, the first was opened and ended: both would be round 1."""
    monkeypatch.setattr("accord.aws.store.time.sleep", lambda seconds: None)
    stale = second_opening()
    store.change(opened(store, "e-1"), "end", lambda case: close(case, ClosedReason.EXCLUDED))
    with pytest.raises(CaseChangedError):
        store.open(stale, key="open/e-2")
    assert store.cases_of("a-1").open_case_id is None


def test_a_chain_never_goes_back_in_time_although_one_hosts_clock_is_behind(
    store: CaseStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    case_id = opened(store)
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(minutes=5))
    store.change(case_id, "step-1", identified)
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(minutes=4, seconds=57))
    store.change(case_id, "step-2", lambda case: close(case, ClosedReason.NO_AFFORDABLE_OFFER))
    moments = [event.moment for event in store.events(case_id)]
    assert moments[-2:] == [NOW + timedelta(minutes=5)] * 2
    assert moments == sorted(moments)


def test_an_event_in_the_chain_is_never_overwritten(store: CaseStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accord.aws.store.time.sleep", lambda seconds: None)
    case_id = opened(store)
    store.change(case_id, "step-1", identified)
    before = list(store.events(case_id))
    whole = Case.model_validate_json

    def that_lost_count(_: type[Case], body: str) -> Case:
        return whole(body).model_copy(update={"version": 1})

    monkeypatch.setattr(Case, "model_validate_json", classmethod(that_lost_count))
    with pytest.raises(CaseChangedError):
        store.change(case_id, "step-2", lambda case: close(case, ClosedReason.EXPIRED))
    assert list(store.events(case_id)) == before


@pytest.mark.parametrize(
    ("codes", "error"),
    [
        (["None", "ConditionalCheckFailed"], CaseChangedError),
        (["TransactionConflict", "None"], CaseChangedError),
        (["None", "ThrottlingError"], ServiceUnavailableError),
        (["ConditionalCheckFailed", "ProvisionedThroughputExceeded"], ServiceUnavailableError),
        (["ValidationError", "None"], ClientError),
        ([], ClientError),
    ],
)
def test_a_cancelled_transaction_says_whether_trying_again_helps(
    store: CaseStore, monkeypatch: pytest.MonkeyPatch, codes: list[str], error: type[Exception]
) -> None:
    monkeypatch.setattr("accord.aws.store.time.sleep", lambda seconds: None)
    case_id = opened(store)

    def cancelled(**request: Any) -> None:
        reasons = [{"Code": code} for code in codes]
        answer: Any = {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons}
        raise ClientError(answer, "TransactWriteItems")

    monkeypatch.setattr(store, "_db", Overtaking(store._db, cancelled))
    with pytest.raises(error):
        store.change(case_id, "step-1", identified)


class Overtaking:
    """A DynamoDB client whose transactions end as a test says."""

    def __init__(self, real: Any, transact_write_items: Any) -> None:
        self._real, self.transact_write_items = real, transact_write_items

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def test_an_older_word_of_billing_never_overwrites_a_newer_one(store: CaseStore) -> None:
    store.record_account_status("a-1", "DISPUTED", NOW)
    store.record_account_status("a-1", "NORMAL", NOW - timedelta(days=1))
    assert store.account_status("a-1") == "DISPUTED"
    store.record_account_status("a-1", "NORMAL", NOW + timedelta(days=1))
    assert store.account_status("a-1") is None


def test_open_tasks_are_listed_by_urgency_until_they_are_closed(store: CaseStore) -> None:
    case_id = opened(store)
    for hours in (5, 1):
        task, created = new_task(
            store.get(case_id), TaskKind.CALL_CUSTOMER, NOW, TaskReason.AMOUNT_DISPUTED, within=timedelta(hours=hours)
        )
        store.change(case_id, f"task-{hours}", lambda case, t=task, e=created: Change(case, (e,), SYSTEM, tasks=(t,)))
    listed = store.open_tasks(TaskKind.CALL_CUSTOMER)
    assert [task.due_at for task in listed] == [NOW + timedelta(hours=1), NOW + timedelta(hours=5)]
    done = listed[0].model_copy(update={"outcome": "REACHED", "closed_by": "s-1", "closed_at": NOW})
    store.change(case_id, "done", lambda case: Change(case, (), SYSTEM, tasks=(done,)))
    assert [task.task_id for task in store.open_tasks(TaskKind.CALL_CUSTOMER)] == [listed[1].task_id]
    assert store.task(case_id, done.task_id) == done
    assert len(store.tasks(case_id)) == 2


def test_a_decision_is_listed_as_undelivered_until_it_is_taken_up(store: CaseStore) -> None:
    case_id = opened(store)
    decision = Decision(decision_id="d-1", by="CUSTOMER", kind="DECLINED", at=NOW)
    store.change(case_id, "decide", lambda case: Change(case.model_copy(update={"decision": decision}), (), SYSTEM))
    assert store.undelivered_decisions("CUSTOMER", NOW) == []
    assert store.undelivered_decisions("CUSTOMER", NOW + timedelta(minutes=3)) == [case_id]
    assert store.undelivered_decisions("STAFF", NOW + timedelta(minutes=3)) == []
    store.change(case_id, "end", lambda case: close(case, ClosedReason.DECLINED))
    assert store.undelivered_decisions("CUSTOMER", NOW + timedelta(minutes=3)) == []


def test_a_decision_resumes_only_the_wait_that_it_answers(store: CaseStore) -> None:
    case_id = opened(store)
    store.hold_token(case_id, "STAFF", "a token that must not be used")
    decision = Decision(decision_id="d-1", by="CUSTOMER", kind="DECLINED", at=NOW)
    store.change(case_id, "decide", lambda case: Change(case.model_copy(update={"decision": decision}), (), SYSTEM))
    assert hand_over_decision(store, case_id, "STAFF") == "NOTHING_DECIDED"
    assert hand_over_decision(store, case_id, "CUSTOMER") == "NOBODY_WAITS"


def test_an_unknown_case_is_an_error_by_name(store: CaseStore) -> None:
    with pytest.raises(CaseNotFoundError):
        store.get("c-nowhere")


def damage(case_id: str, sk: str, name: str, value: Any) -> None:
    """Write something else into an attribute of an item of the case."""
    boto3.client("dynamodb").update_item(
        TableName="CasesTable",
        Key={"pk": {"S": f"CASE#{case_id}"}, "sk": {"S": sk}},
        UpdateExpression="SET #name = :value",
        ExpressionAttributeNames={"#name": name},
        ExpressionAttributeValues={":value": value},
    )


OTHER_TYPES = pytest.mark.parametrize("value", [{"N": "4711"}, {"L": []}, {"M": {}}, {"NULL": True}, {"B": b"4711"}])


def with_a_task(case: Case) -> Change:
    task, created = new_task(case, TaskKind.CALL_CUSTOMER, NOW, TaskReason.CUSTOMER_ASKED_FOR_CALL)
    return Change(case, (created,), SYSTEM, tasks=(task,))


@OTHER_TYPES
def test_whatever_item_of_a_case_is_damaged_is_an_error_by_name(store: CaseStore, value: dict[str, Any]) -> None:
    case_id = opened(store)
    store.change(case_id, "task", with_a_task)
    store.hold_token(case_id, "CUSTOMER", "token")
    (task,) = store.tasks(case_id)
    for sk, name, read in (
        ("DONE#open/e-1", "result", lambda: store.result_of(case_id, "open/e-1")),
        ("WAIT#CUSTOMER", "task_token", lambda: store.token(case_id, "CUSTOMER")),
        (f"TASK#{task.task_id}", "body", lambda: store.task(case_id, task.task_id)),
        ("CASE", "body", lambda: store.change(case_id, "step", identified)),
    ):
        damage(case_id, sk, name, value)
        with pytest.raises(CaseDamagedError) as raised:
            read()
        assert str(raised.value) == (case_id if sk == "CASE" else f"{case_id}, {sk}")
    assert [damaged.task_id for damaged in store.tasks(case_id)] == [task.task_id]


@pytest.mark.parametrize("result", ["", "[]", "7", "{", "[" * 100_000])
def test_a_marker_that_holds_no_result_is_damaged(store: CaseStore, result: str) -> None:
    case_id = opened(store)
    damage(case_id, "DONE#open/e-1", "result", {"S": result})
    with pytest.raises(CaseDamagedError, match="DONE#open/e-1"):
        store.result_of(case_id, "open/e-1")


def test_another_case_in_the_place_of_a_case_is_damage(store: CaseStore) -> None:
    case_id, other = opened(store), opened(store, "e-2", "a-2")
    damage(case_id, "CASE", "body", {"S": store.get(other).model_dump_json()})
    with pytest.raises(CaseDamagedError, match=case_id):
        store.get(case_id)


def test_a_damaged_case_holds_back_no_decision_of_another(store: CaseStore) -> None:
    decided = clock.now() - timedelta(hours=1)
    for number in range(3):
        told = {"decision": Decision(decision_id="d-1", by="CUSTOMER", kind="DECLINED", at=decided)}
        case_id = opened(store, f"e-{number}", f"a-{number}")
        store.change(case_id, "say", lambda case, told=told: Change(case.model_copy(update=told), (), SYSTEM))
    broken, *others = store.undelivered_decisions("CUSTOMER", clock.now())
    damage(broken, "CASE", "body", {"N": "4711"})
    schedule, handed_over = load_app("redeliver_decisions"), []
    hand_over = schedule.hand_over_decision

    def noted(store: CaseStore, case_id: str, who: str) -> str:
        outcome: str = hand_over(store, case_id, who)
        handed_over.append((case_id, outcome))
        return outcome

    schedule.hand_over_decision = noted
    with pytest.raises(CaseDamagedError, match=broken):  # by which an alarm tells of it
        schedule.handler({}, CONTEXT)
    assert handed_over == [(case_id, "NOBODY_WAITS") for case_id in others]


def test_markers_expire_long_after_anything_could_repeat_a_step(store: CaseStore) -> None:
    opened(store)
    items = boto3.client("dynamodb").scan(TableName="CasesTable")["Items"]
    markers = [item for item in items if item["sk"]["S"].startswith("DONE#")]
    assert len(markers) == 1
    expires = datetime.fromtimestamp(int(markers[0]["expires_at"]["N"]), UTC)
    assert expires > clock.now() + timedelta(days=366)


# --- how a person may be reached -----------------------------------------------------------------------------------


def contacts(case: Case, reach: Reach) -> Change:
    record = ContactRecord(contact_id=f"{case.case_id}-1", channel="SMS", at=NOW, template="INVITATION")
    return Change(case, (), SYSTEM, {"outcome": "INVITED"}, reach=reach.with_contact(record))


def test_contacts_count_for_the_person_over_all_accounts(store: CaseStore) -> None:
    one, two = opened(store, "e-1", "a-1"), opened(store, "e-2", "a-2")
    assert store.reach("holder-1") == Reach(cardholder_id="holder-1")
    for case_id in (one, two):
        store.change(case_id, "contact", lambda case: contacts(case, store.reach("holder-1")))
    assert [record.contact_id for record in store.reach("holder-1").contacts] == [f"{one}-1", f"{two}-1"]


def test_of_two_cases_that_contact_one_person_at_once_the_second_looks_again(store: CaseStore) -> None:
    one, two = opened(store, "e-1", "a-1"), opened(store, "e-2", "a-2")
    seen: list[int] = []

    def second(case: Case) -> Change:
        reach = store.reach("holder-1")
        seen.append(len(reach.contacts))
        if len(seen) == 1:  # the other case contacts between our look and our write
            store.change(one, "contact", lambda other: contacts(other, store.reach("holder-1")))
        return contacts(case, reach)

    store.change(two, "contact", second)
    assert seen == [0, 1]
    assert len(store.reach("holder-1").contacts) == 2


def test_a_damaged_record_of_contacts_is_named_and_nothing_is_sent_on_it(store: CaseStore) -> None:
    db = boto3.client("dynamodb")
    db.put_item(TableName=store._cases, Item={"pk": {"S": "PERSON#h-1"}, "sk": {"S": "REACH"}, "body": {"S": "{}"}})
    with pytest.raises(CaseDamagedError, match="PERSON#h-1, REACH"):
        store.reach("h-1")
