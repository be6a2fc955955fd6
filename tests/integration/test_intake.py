"""Intake on the local stack: each account once, whatever the order and number of events; what is wrong is named."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from billing_events import overdue_detail
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from unit.test_portfolio import file_of

from accord import clock
from accord.aws.people import PeopleStore
from accord.aws.store import CaseStore
from accord.billing import AccountOverdue, parse
from accord.customer import decline
from accord.events import Actor, verify_chain
from accord.opening import case_id_of
from infra.local.application import accord_stack
from infra.local.stack import LocalStack

pytestmark = pytest.mark.xdist_group("intake")


@pytest.fixture(scope="module")
def stack() -> Iterator[LocalStack]:
    with accord_stack("https://plan.bank.example") as stack:
        yield stack


@pytest.fixture
def cases(stack: LocalStack) -> CaseStore:
    return CaseStore(stack.physical_id("CasesTable"), stack.physical_id("EventsTable"))


def rejected(stack: LocalStack) -> list[dict[str, Any]]:
    """What stands in the intake's dead-letter queue; it is emptied."""
    sqs, url, found = stack.client("sqs"), stack.physical_id("IntakeDeadLetters"), []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            found.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return found


def tell(stack: LocalStack, detail: dict[str, Any], detail_type: str = "AccountOverdue") -> None:
    stack.put_event(stack.output("BusName"), "billing.cards", detail_type, detail)


def case_of(detail: dict[str, Any]) -> str:
    return case_id_of(parse(AccountOverdue, detail))


def test_an_event_opens_a_case_and_starts_its_negotiation(stack: LocalStack, cases: CaseStore) -> None:
    detail = overdue_detail(event_id="i-1", account_id="i-acct-1")
    tell(stack, detail)
    stack.settle()
    assert cases.get(case_of(detail)).status == "INVITED"
    assert cases.cases_of("i-acct-1").open_case_id == case_of(detail)


def test_the_same_event_twice_is_one_case_and_one_execution(stack: LocalStack, cases: CaseStore) -> None:
    detail = overdue_detail(event_id="i-2", account_id="i-acct-2")
    for _ in range(3):
        tell(stack, detail)
    stack.settle()
    named = [run for run in stack.executions("NegotiationStateMachine") if run.name == case_of(detail)]
    assert len(named) == 1
    types = [event.type for event in cases.events(case_of(detail))]
    assert types.count("CaseOpened") == 1
    assert types.count("ContactRequested") == 1


@pytest.mark.parametrize(
    ("detail_type", "again"),
    [
        ("AccountOverdue", overdue_detail(event_id="i-30", account_id="i-acct-31")),
        ("AccountAtRisk", overdue_detail(event_id="i-30", account_id="i-acct-30", account={"daysPastDue": 0})),
        (
            "AccountStatusChanged",
            {"eventId": "i-30", "accountId": "i-acct-30", "status": "DECEASED", "at": "2025-11-24T09:00:00+08:00"},
        ),
        ("AccountOverdue", overdue_detail(event_id="i-30", account_id="i-acct-30", cardholder={"cardholderId": "i-h"})),
    ],
    ids=["another account", "another kind", "a word on the standing", "another cardholder"],
)
def test_an_id_that_another_event_had_is_rejected_by_its_field_and_nothing_is_lost(
    stack: LocalStack, cases: CaseStore, detail_type: str, again: dict[str, Any]
) -> None:
    tell(stack, overdue_detail(event_id="i-30", account_id="i-acct-30"))
    stack.settle()
    tell(stack, again, detail_type)
    stack.settle()
    (message,) = rejected(stack)
    assert [problem["field"] for problem in message["rejected"]["problems"]] == ["eventId"]
    assert json.loads(message["event"])["detail"] == again
    assert cases.cases_of("i-acct-31").open_case_id is None


def test_another_event_for_an_account_with_an_open_case_opens_none(stack: LocalStack, cases: CaseStore) -> None:
    first = overdue_detail(event_id="i-3", account_id="i-acct-3")
    second = overdue_detail(event_id="i-4", account_id="i-acct-3", account={"daysPastDue": 53})
    tell(stack, first)
    stack.settle()
    tell(stack, second)
    stack.settle()
    assert cases.cases_of("i-acct-3").open_case_id == case_of(first)
    assert list(cases.events(case_of(second))) == []
    assert rejected(stack) == []


def test_a_file_says_of_an_open_case_what_is_new_though_nothing_is_late(stack: LocalStack, cases: CaseStore) -> None:
    at_risk = {"daysPastDue": 0, "oldestUnpaidDueDate": None, "history": []}
    late = overdue_detail(event_id="i-40", account_id="i-acct-40", account=at_risk)
    tell(stack, late, "AccountAtRisk")
    stack.settle()
    row = {
        "occurredAt": f"{clock.now():%Y-%m-%dT%H:%M:%SZ}", "account.accountId": "i-acct-40",
        "account.daysPastDue": "0", "account.oldestUnpaidDueDate": "",
        "cardholder.cardholderId": late["cardholder"]["cardholderId"], "cardholder.flags": "CEASE_CONTACT",
    } | {f"account.balance.{part}": str(amount) for part, amount in late["account"]["balance"].items()}  # fmt: skip
    row["cardholder.monthlyIncome"] = str(late["cardholder"]["monthlyIncome"])
    bucket, people = stack.physical_id("PortfolioBucket"), PeopleStore(stack.physical_id("PeopleTable"))
    for phone in ("+8610000000071", "+8610000000072", "+8610000000071"):
        data = file_of(row | {"cardholder.phone": phone})
        stack.client("s3").put_object(Bucket=bucket, Key="portfolio/tonight.csv", Body=data)
        stack.settle()
        assert people.get(late["cardholder"]["cardholderId"]).phone == phone
    case = cases.get(case_of(late))
    assert (case.flags, case.status) == (("CEASE_CONTACT",), "INVITED"), "help that was offered is not taken back"
    assert rejected(stack) == []


def test_a_file_that_says_that_nothing_is_late_any_more_ends_the_case(stack: LocalStack, cases: CaseStore) -> None:
    late = overdue_detail(event_id="i-41", account_id="i-acct-41")
    tell(stack, late)
    stack.settle()
    row = {
        "occurredAt": f"{clock.now():%Y-%m-%dT%H:%M:%SZ}", "account.accountId": "i-acct-41",
        "account.daysPastDue": "0", "account.oldestUnpaidDueDate": "",
        "cardholder.cardholderId": late["cardholder"]["cardholderId"], "cardholder.flags": "",
    }  # fmt: skip
    bucket = stack.physical_id("PortfolioBucket")
    stack.client("s3").put_object(Bucket=bucket, Key="portfolio/paid.csv", Body=file_of(row))
    stack.settle()
    case = cases.get(case_of(late))
    assert (case.status, case.closed_reason, case.contacts[-1].template) == ("CLOSED", "CURED", "IN_ORDER")
    tell(stack, late | {"eventId": "i-42"})
    stack.settle()
    assert cases.cases_of("i-acct-41").open_case_id is None, "what is older than that opens nothing"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"account": {"balance": {"principal": -5}}}, "account.balance.principal"),
        ({"account": {"balance": {"principal": 10.5}}}, "account.balance.principal"),
        ({"account": {"currency": "XXX"}}, "account.currency"),
        ({"account": {"currency": "EUR"}}, "account.currency"),
        ({"account": {"apr": "1.5"}}, "account.apr"),
        ({"account": {"apr": "0.12345678"}}, "account.apr"),
        ({"account": {"daysPastDue": 0}}, "account.daysPastDue"),
        ({"account": {"oldestUnpaidDueDate": None}}, "account.oldestUnpaidDueDate"),
        ({"account": {"creditLimit": 10**4_000}}, "account.creditLimit"),
        ({"account": {"openedOn": "2199-01-01"}}, "account.openedOn"),
        ({"account": {"history": [{"month": "2025-13", "billed": 1, "paid": 1, "monthsPastDue": 0}]}},
         "account.history.0.month"),
        ({"account": {"history": [{"month": "2025-10", "billed": 1, "paid": 1, "monthsPastDue": 0}] * 2}},
         "account.history"),
        ({"account": {"history": [{"month": "2025-12", "billed": 1, "paid": 0, "monthsPastDue": 0}]}},
         "account.history"),
        ({"account": {"balance": {"principal": 10**13, "interest": 1}}}, "account.balance"),
        ({"cardholder": {"phone": "12345"}}, "cardholder.phone"),
        ({"cardholder": {"phone": "+86１２３４５６７８"}}, "cardholder.phone"),
        ({"cardholder": {"name": "王\u202e小明"}}, "cardholder.name"),
        ({"cardholder": {"name": "王小明\u0000"}}, "cardholder.name"),
        ({"cardholder": {"birthDate": "2098-01-01"}}, "cardholder.birthDate"),
        ({"cardholder": {"birthDate": f"{clock.now() - timedelta(days=17 * 365):%Y-%m-%d}"}}, "cardholder.birthDate"),
        ({"cardholder": {"timeZone": "Asia/Nowhere"}}, "cardholder.timeZone"),
        ({"cardholder": {"timeZone": "Asia"}}, "cardholder.timeZone"),
        ({"cardholder": {"monthlyIncome": -1}}, "cardholder.monthlyIncome"),
        ({"cardholder": {"name": "x" * 1_000}}, "cardholder.name"),
        ({"jurisdiction": "ZZ"}, "jurisdiction"),
        ({"occurredAt": "yesterday"}, "occurredAt"),
        ({"occurredAt": "2025-11-24T01:00:00"}, "occurredAt"),
        ({"occurredAt": "2098-01-01T00:00:00Z"}, "occurredAt"),
        ({"occurredAt": "9999-12-31T23:59:59-14:00"}, "occurredAt"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_rejected_with_the_field_and_without_the_value(
    stack: LocalStack, changes: dict[str, Any], field: str
) -> None:
    detail = overdue_detail(event_id="i-bad", account_id="i-acct-bad", **changes)
    tell(stack, detail)
    stack.settle()
    (message,) = rejected(stack)
    ((named, code),) = [(problem["field"], problem["code"]) for problem in message["rejected"]["problems"]]
    assert (named, code.isupper()) == (field, True)
    assert json.loads(message["event"])["detail"] == detail, "the event itself is kept"
    reasons = json.dumps(message["rejected"], ensure_ascii=False)
    assert not any(secret in reasons for secret in ("王小明", "12345", "xxxx"))


def test_an_event_that_does_not_parse_is_rejected_and_the_rest_of_the_batch_is_taken(
    stack: LocalStack, cases: CaseStore
) -> None:
    queue = stack.physical_id("IntakeQueue")
    good = overdue_detail(event_id="i-5", account_id="i-acct-5")
    bodies = [
        "{not json",
        "[1, 2]",
        "[" * 100_000,
        json.dumps({"detail-type": "SomethingElse", "detail": {}}),
        json.dumps({"detail-type": "\ud800\uffff\x00", "detail": {}}),
        json.dumps({"detail-type": "AccountOverdue"}),
        json.dumps({"detail-type": "AccountOverdue", "detail": good, "time": "yesterday"}),
        json.dumps({"detail-type": "AccountOverdue", "detail": good}).replace(
            '"currency"', '"currency": "CNY", "currency"'
        ),
        json.dumps({"detail-type": "AccountOverdue", "detail": good}),
    ]
    entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)]
    stack.client("sqs").send_message_batch(QueueUrl=queue, Entries=entries)
    stack.settle()
    assert cases.get(case_of(good)).status == "INVITED"
    fields = sorted(message["rejected"]["problems"][0]["field"] for message in rejected(stack))
    assert fields == ["currency", "detail", "detail-type", "detail-type", "message", "message", "message", "time"]


def test_an_event_of_billing_that_nobody_takes_is_kept_with_the_reason(stack: LocalStack) -> None:
    tell(stack, {"eventId": "i-12", "accountId": "i-acct-12"}, "AccountOverDue")  # misspelt: no rule may just drop it
    stack.settle()
    (message,) = rejected(stack)
    assert message["rejected"]["problems"][0]["field"] == "detail-type"


def test_half_a_character_is_rejected_by_its_field_and_its_neighbours_are_taken(
    stack: LocalStack, cases: CaseStore
) -> None:
    """JSON can name a lone surrogate, and no text holds one."""
    told = [overdue_detail(event_id=f"i-20-{number}", account_id=f"i-acct-20-{number}") for number in range(5)]
    told[2]["cardholder"]["name"] = "a\ud800"
    entries = [
        {"EventBusName": stack.output("BusName"), "Source": "billing.cards", "DetailType": "AccountOverdue",
         "Detail": json.dumps(detail)}
        for detail in told
    ]  # fmt: skip
    assert stack.client("events").put_events(Entries=entries)["FailedEntryCount"] == 0
    stack.settle()
    (message,) = rejected(stack)
    assert [problem["field"] for problem in message["rejected"]["problems"]] == ["cardholder.name"]
    assert json.loads(message["event"])["detail"] == told[2]
    for number in (0, 1, 3, 4):
        assert cases.get(case_of(told[number])).status == "INVITED"


@pytest.mark.parametrize("letter", ["x", "王", '"'])
def test_a_rejected_event_is_kept_whole_however_long_it_is(stack: LocalStack, letter: str) -> None:
    detail = overdue_detail(event_id="i-13", jurisdiction="ZZ", padding=letter * (240_000 // len(letter.encode()) // 2))
    tell(stack, detail)
    stack.settle()
    (message,) = rejected(stack)
    assert [problem["field"] for problem in message["rejected"]["problems"]] == ["jurisdiction"]
    if "event" in message:
        kept = message["event"]
    else:
        where = message["eventObject"]
        found = stack.client("s3").get_object(Bucket=where["bucket"], Key=where["key"])
        kept = found["Body"].read().decode()
        assert found["ServerSideEncryption"] == "aws:kms"
    assert json.loads(kept)["detail"] == detail


def test_a_message_of_ten_megabytes_is_rejected_and_kept_whole(stack: LocalStack) -> None:
    """No queue brings one; whoever calls the function with one loses nothing either."""
    body = json.dumps({"detail-type": "AccountOverdue", "detail": {"padding": "x" * 10_000_000}})
    record = {"messageId": "m-1", "body": body, "eventSource": "aws:sqs"}
    assert stack.invoke("IntakeFunction", {"Records": [record]}) == {"batchItemFailures": []}
    (message,) = rejected(stack)
    assert {problem["field"] for problem in message["rejected"]["problems"]} >= {"account", "cardholder", "eventId"}
    where = message["eventObject"]
    kept = stack.client("s3").get_object(Bucket=where["bucket"], Key=where["key"])["Body"].read()
    assert kept.decode() == body


def test_an_event_that_is_far_too_large_is_refused_at_the_bus(stack: LocalStack) -> None:
    huge = overdue_detail(event_id="i-6", account_id="i-acct-6", padding="x" * 10_000_000)
    with pytest.raises(Exception, match=r"(?i)size|limit|large"):
        tell(stack, huge)


def test_a_standing_reaches_the_open_case(stack: LocalStack, cases: CaseStore) -> None:
    detail = overdue_detail(event_id="i-7", account_id="i-acct-7")
    tell(stack, detail)
    stack.settle()
    change = {"eventId": "s-1", "accountId": "i-acct-7", "status": "DISPUTED", "at": "2025-11-24T09:00:00+08:00"}
    for _ in range(2):
        tell(stack, change, "AccountStatusChanged")
    stack.settle()
    assert "DISPUTED" in cases.get(case_of(detail)).flags
    assert [event.type for event in cases.events(case_of(detail))].count("AccountStatusRecorded") == 1


def test_personal_data_is_in_the_people_table_alone(stack: LocalStack, cases: CaseStore) -> None:
    detail = overdue_detail(
        event_id="i-8", account_id="i-acct-8", cardholder={"name": "独一无二", "phone": "+8610999999999"}
    )
    tell(stack, detail)
    stack.settle()
    secrets = ("独一无二", "+8610999999999", detail["cardholder"]["email"], "1988-06-01", "204X")
    dynamodb = stack.client("dynamodb")
    for table in ("CasesTable", "EventsTable"):
        held = json.dumps(dynamodb.scan(TableName=stack.physical_id(table))["Items"], ensure_ascii=False)
        assert not [secret for secret in secrets if secret in held]
    for function in stack.functions:
        logged = "\n".join(stack.logs(function))
        assert not [secret for secret in secrets if secret in logged], function


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_order_and_repetition_of_the_same_events_leads_to_the_same_case(
    stack: LocalStack, cases: CaseStore, data: st.DataObject
) -> None:
    """An overdue event and two words on the account's standing, shuffled and repeated, while the workflow runs."""
    number = data.draw(st.integers(0, 10**9), label="account")
    account = f"p-acct-{number}"
    overdue = ("AccountOverdue", overdue_detail(event_id=f"p-{number}", account_id=account))
    standing = [
        (
            "AccountStatusChanged",
            {
                "eventId": f"p-{number}-{status}",
                "accountId": account,
                "status": status,
                "at": f"2025-11-2{day}T09:00:00Z",
            },
        )
        for day, status in ((1, "DISPUTED"), (2, "NORMAL"))
    ]
    told = data.draw(
        st.lists(st.sampled_from([overdue, *standing]), min_size=3, max_size=8).filter(
            lambda events: (
                {name for name, _ in events} == {"AccountOverdue", "AccountStatusChanged"}
                and all(event in events for event in [overdue, *standing])
            )
        ),
        label="events",
    )
    for detail_type, detail in told:
        tell(stack, detail, detail_type)
    stack.settle()
    case_id = case_of(overdue[1])
    case = cases.get(case_id)
    assert cases.cases_of(account).open_case_id in (case_id, None)
    assert cases.account_status(account) is None, "the newest word counts, whatever came last"
    if case.status != "CLOSED":  # it was identified while the account was disputed
        assert case.flags == (), "an older word that came late does not hold the case back"
    assert [event.type for event in cases.events(case_id)].count("CaseOpened") == 1
    verify_chain(cases.events(case_id), case.head, case.version)
    assert rejected(stack) == []


def test_an_older_word_that_comes_late_does_not_hold_the_case_back(stack: LocalStack, cases: CaseStore) -> None:
    detail = overdue_detail(event_id="i-9", account_id="i-acct-9")
    tell(stack, detail)
    stack.settle()
    for status, day in (("NORMAL", 22), ("DISPUTED", 21)):
        change = {"eventId": f"s-9-{day}", "accountId": "i-acct-9", "status": status, "at": f"2025-11-{day}T09:00:00Z"}
        tell(stack, change, "AccountStatusChanged")
        stack.settle()
    assert cases.get(case_of(detail)).flags == ()


@pytest.mark.parametrize("at", ["2098-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_word_from_the_future_or_out_of_time_is_rejected_and_shuts_out_no_later_one(
    stack: LocalStack, cases: CaseStore, at: str
) -> None:
    for number, when in enumerate((at, "2025-11-24T00:00:00Z")):
        status = "SOLD" if number == 0 else "DISPUTED"
        change = {"eventId": f"s-10-{number}", "accountId": "i-acct-10", "status": status, "at": when}
        tell(stack, change, "AccountStatusChanged")
    stack.settle()
    (message,) = rejected(stack)
    assert message["rejected"]["problems"][0]["field"] == "at"
    assert cases.account_status("i-acct-10") == "DISPUTED"


def test_history_in_any_order_is_kept_newest_first(stack: LocalStack, cases: CaseStore) -> None:
    months = overdue_detail()["account"]["history"]
    detail = overdue_detail(event_id="i-11", account_id="i-acct-11", account={"history": months[::-1]})
    tell(stack, detail)
    stack.settle()
    assert [month.month for month in cases.get(case_of(detail)).account.history] == [m["month"] for m in months]


def night(number: int) -> dict[str, Any]:
    """The same account in the portfolio of another night."""
    account = {"daysPastDue": 52 + number}
    return overdue_detail(event_id=f"i-15-{number}", account_id="i-acct-15", account=account)


def test_who_declined_is_not_asked_again_every_night(stack: LocalStack, cases: CaseStore) -> None:
    first = night(0)
    tell(stack, first)
    stack.settle()
    customer = Actor(kind="CUSTOMER", id="s")
    cases.change(case_of(first), "no", lambda case: decline(case, "OTHER_HELP", "d-1", customer, clock.now()))
    stack.settle()
    assert cases.get(case_of(first)).closed_reason == "DECLINED"
    tell(stack, night(1))
    stack.settle()
    assert list(cases.events(case_of(night(1)))) == []
    assert rejected(stack) == []
    assert any("TOO_SOON" in line for line in stack.logs("IntakeFunction"))
    began = clock.now() - datetime.now(UTC)
    try:
        stack.advance(timedelta(days=31))
        tell(stack, night(31))
        stack.settle()
        assert cases.get(case_of(night(31))).round == 2
    finally:
        clock.move(began)


def test_an_event_that_opened_no_case_opens_none_when_it_is_sent_again_after_that_case_has_ended(
    stack: LocalStack, cases: CaseStore
) -> None:
    first, second = (
        overdue_detail(event_id=f"i-32-{number}", account_id="i-acct-32", account={"daysPastDue": 52 + number})
        for number in range(2)
    )
    for detail in (first, second):
        tell(stack, detail)
        stack.settle()
    customer = Actor(kind="CUSTOMER", id="s")
    cases.change(case_of(first), "no", lambda case: decline(case, "OTHER_HELP", "d-1", customer, clock.now()))
    stack.settle()
    began = clock.now() - datetime.now(UTC)
    try:
        stack.advance(timedelta(days=31))
        for detail in (second, first):
            tell(stack, detail)
            stack.settle()
        assert cases.cases_of("i-acct-32").open_case_id is None
        assert cases.cases_of("i-acct-32").rounds == 1
        assert rejected(stack) == []
    finally:
        clock.move(began)


def test_an_excluded_account_comes_again_as_soon_as_the_reason_has_gone(stack: LocalStack, cases: CaseStore) -> None:
    first, second, third = (
        overdue_detail(event_id=f"i-16-{number}", account_id="i-acct-16", account={"daysPastDue": 52 + number})
        for number in range(3)
    )
    standing = {"accountId": "i-acct-16"}
    tell(
        stack,
        standing | {"eventId": "s-16-1", "status": "DISPUTED", "at": "2025-11-24T09:00:00Z"},
        "AccountStatusChanged",
    )
    stack.settle()
    for detail in (first, second):
        tell(stack, detail)
        stack.settle()
    assert cases.get(case_of(first)).closed_reason == "EXCLUDED"
    assert list(cases.events(case_of(second))) == [], "it is disputed still"
    tell(
        stack,
        standing | {"eventId": "s-16-2", "status": "NORMAL", "at": "2025-11-25T09:00:00Z"},
        "AccountStatusChanged",
    )
    stack.settle()
    tell(stack, third)
    stack.settle()
    assert (cases.get(case_of(third)).round, cases.get(case_of(third)).status) == (2, "INVITED")


def test_an_event_of_the_chain_that_somebody_wrote_over_is_noticed_and_announced_to_nobody(
    stack: LocalStack, cases: CaseStore
) -> None:
    detail = overdue_detail(event_id="i-34", account_id="i-acct-34")
    tell(stack, detail)
    stack.settle()
    table, key = stack.physical_id("EventsTable"), {"case_id": {"S": case_of(detail)}, "seq": {"N": "1"}}
    before = len(stack.logs("PublishEventsFunction"))
    item = stack.client("dynamodb").get_item(TableName=table, Key=key)["Item"]
    stack.client("dynamodb").put_item(TableName=table, Item=item | {"at": {"S": "2001-01-01T00:00:00.000000Z"}})
    stack.client("dynamodb").delete_item(TableName=table, Key=key | {"seq": {"N": "2"}})
    stack.client("dynamodb").put_item(TableName=table, Item=item | {"seq": {"N": "3.5"}})
    stack.settle()
    logged = [json.loads(line) for line in stack.logs("PublishEventsFunction")[before:]]
    altered = [(line["case_id"], line["seq"]) for line in logged if line.get("level") == "ERROR"]
    assert altered == [(case_of(detail), seq) for seq in ("1", "2", "3.5")]
    assert [line["ChainAltered"] for line in logged if line.get("service") == "accord" and "_aws" in line] == [[1]] * 3
    assert sum(line["count"] for line in logged if line.get("message") == "events published") == 0


def fail_to_start(stack: LocalStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Step Functions refuses every start by the intake, as where a policy lacks it."""
    stack.functions["IntakeFunction"].load()

    def denied(*_: Any) -> None:
        raise PermissionError("StartExecution")

    monkeypatch.setattr("accord.aws.intake.start_negotiation", denied)


def test_a_case_whose_negotiation_cannot_be_started_leaves_a_task(
    stack: LocalStack, cases: CaseStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    detail = overdue_detail(event_id="i-60", account_id="i-acct-60")
    with monkeypatch.context() as patch:
        fail_to_start(stack, patch)
        tell(stack, detail)
        stack.settle()
    case = cases.get(case_of(detail))
    assert (case.status, case.execution, case.stopped) == ("OPENED", None, case.case_id)
    assert [task.reason for task in cases.tasks(case.case_id)] == ["STEP_FAILED"]
    assert len(rejected(stack)) == 1, "the event lies in the dead letters as it came"
    stack.problems.clear()


def test_a_case_that_nobody_started_starts_with_the_next_word_about_its_account(
    stack: LocalStack, cases: CaseStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = overdue_detail(event_id="i-61", account_id="i-acct-61")
    with monkeypatch.context() as patch:
        fail_to_start(stack, patch)
        tell(stack, first)
        stack.settle()
    rejected(stack)
    stack.problems.clear()
    tell(stack, overdue_detail(event_id="i-62", account_id="i-acct-61", occurredAt="2025-11-25T09:00:00+08:00"))
    stack.settle()
    case = cases.get(case_of(first))
    assert (case.status, case.stopped) == ("INVITED", None)


# --- what became of a contact --------------------------------------------------------------------------------------


def test_a_receipt_reaches_the_case_and_what_is_known_of_the_person(stack: LocalStack, cases: CaseStore) -> None:
    detail = overdue_detail(event_id="i-70", account_id="i-acct-70")
    tell(stack, detail)
    stack.settle()
    (contact,) = cases.get(case_of(detail)).contacts
    for status in ("DELIVERED", "READ", "DELIVERED"):
        told = {
            "eventId": f"i-71-{status}",
            "contactId": contact.contact_id,
            "status": status,
            "at": f"{clock.now():%Y-%m-%dT%H:%M:%SZ}",
        }
        tell(stack, told, "ContactReceipt")
    stack.settle()
    case = cases.get(case_of(detail))
    assert [record.status for record in case.contacts] == ["READ"]
    assert [record.status for record in cases.reach(case.cardholder_id).contacts] == ["READ"]
    assert [event.type for event in cases.events(case.case_id)].count("ReceiptNoted") == 2
    assert rejected(stack) == []


@pytest.mark.parametrize("contact_id", ["c-000000000000000000000000-3", "nothing"])
def test_a_receipt_of_nobodys_contact_is_rejected_by_its_field(stack: LocalStack, contact_id: str) -> None:
    told = {"eventId": f"i-72-{contact_id}", "contactId": contact_id, "status": "READ", "at": "2026-01-01T00:00:00Z"}
    tell(stack, told, "ContactReceipt")
    stack.settle()
    (message,) = rejected(stack)
    assert [problem["field"] for problem in message["rejected"]["problems"]] == ["contactId"]
