"""Screening a portfolio file on AWS's interfaces: plan, screen, summarise, with the real handlers on moto."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ReadTimeoutError
from integration.tables import tables_on_moto
from loading import CONTEXT, ROOT, load_app
from unit.test_portfolio import file_of

from accord.aws import bus
from accord.aws.portfolio_files import PortfolioFile
from accord.errors import InputRejectedError, ServiceUnavailableError

BUCKET = "portfolio-bucket"
KEY = "portfolio/night/2026-06-15.csv"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("EVENT_BUS_NAME", "accord-test")
    with tables_on_moto(monkeypatch):
        where = {"LocationConstraint": "eu-central-1"}
        boto3.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=where)
        _bus_into_queue()
        yield


def _bus_into_queue() -> None:
    events, sqs = boto3.client("events"), boto3.client("sqs")
    url = sqs.create_queue(QueueName="heard")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.create_event_bus(Name="accord-test")
    pattern = json.dumps({"source": [{"prefix": "billing"}], "detail-type": ["AccountOverdue", "AccountInOrder"]})
    events.put_rule(Name="overdue", EventBusName="accord-test", EventPattern=pattern)
    events.put_targets(Rule="overdue", EventBusName="accord-test", Targets=[{"Id": "q", "Arn": arn}])


def heard() -> list[dict[str, Any]]:
    """The details of all events that came out of the bus since the last call."""
    sqs = boto3.client("sqs")
    url = sqs.get_queue_url(QueueName="heard")["QueueUrl"]
    details = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            details.append(json.loads(message["Body"])["detail"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return details


def uploaded(data: bytes) -> dict[str, str]:
    etag = boto3.client("s3").put_object(Bucket=BUCKET, Key=KEY, Body=data)["ETag"].strip('"')
    return {"bucket": BUCKET, "key": KEY, "etag": etag, "sent_at": "2026-06-15T01:00:00Z"}


def documents(key: str) -> list[Any]:
    body = boto3.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read().decode()
    return [json.loads(line) for line in body.splitlines()]


def screened(file: dict[str, str]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Plan, screen every range, as the state machine does."""
    plan = load_app("plan_portfolio").handler(file, CONTEXT)
    assert plan["outcome"] == "SCREEN"
    (ranges,) = documents(plan["manifest_key"])
    screen = load_app("screen_portfolio").handler
    return plan, [screen({"file": file, "columns": plan["columns"], "range": piece}, CONTEXT) for piece in ranges]


SAMPLE = (ROOT / "samples" / "portfolio.csv").read_bytes()
SAMPLE_WITH_ERRORS = (ROOT / "samples" / "portfolio_with_errors.csv").read_bytes()


def test_every_overdue_account_of_a_file_comes_out_of_the_bus_once(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accord.portfolio.LINES_A_RANGE", 7)
    file = uploaded(SAMPLE)
    plan, counts = screened(file)
    assert len(counts) > 5
    details = heard()
    assert len(details) == sum(piece["overdue"] for piece in counts)
    assert len({detail["eventId"] for detail in details}) == len(details)
    summary = load_app("summarise_portfolio").handler(
        {"file": file, "lines": plan["lines"], "ignored_columns": plan["ignored_columns"], "ranges": counts}, CONTEXT
    )
    assert summary["outcome"] == "COMPLETE"
    (told,) = documents(summary["summary_key"])
    assert told["lines"] == SAMPLE.count(b"\n") - 1
    assert told["overdue"] == len(details)


def test_a_repeated_range_sends_the_same_event_ids(aws: None) -> None:
    file = uploaded(SAMPLE)
    screened(file)
    first = [detail["eventId"] for detail in heard()]
    screened(file)
    assert sorted(detail["eventId"] for detail in heard()) == sorted(first)


def an_account_in_order(account: str, **changes: str) -> dict[str, str]:
    row = {"account.accountId": account, "account.daysPastDue": "0", "account.oldestUnpaidDueDate": ""}
    return row | {"cardholder.flags": ""} | {name.replace("_", "."): value for name, value in changes.items()}


def test_of_accounts_in_order_those_leave_that_somebody_has_to_hear_of(aws: None) -> None:
    """A case is open, or the row tells what holds without one; most of a portfolio is neither and costs no event."""
    boto3.client("dynamodb").put_item(
        TableName="CasesTable",
        Item={"pk": {"S": "ACCOUNT#open"}, "sk": {"S": "CASES"}, "open_case_id": {"S": "c-1"}, "rounds": {"N": "1"}},
    )
    boto3.client("dynamodb").put_item(
        TableName="CasesTable", Item={"pk": {"S": "ACCOUNT#ended"}, "sk": {"S": "CASES"}, "rounds": {"N": "1"}}
    )
    rows = [an_account_in_order(f"a-{number}") for number in range(250)]
    rows += [
        an_account_in_order("open"),
        an_account_in_order("ended"),
        an_account_in_order("dead", cardholder_flags="DECEASED"),
        an_account_in_order("careful", cardholder_flags="VULNERABLE"),
        an_account_in_order("represented", cardholder_flags="REPRESENTED"),
        an_account_in_order("stop", cardholder_flags="CEASE_CONTACT"),
        an_account_in_order("again", cardholder_flags="CONTACT_AGAIN"),
    ]
    _, (counts,) = screened(uploaded(file_of(*rows)))
    assert (counts["notAtRisk"], counts["overdue"], counts["rejected"]) == (257, 0, 0)
    assert [detail["account"]["accountId"] for detail in heard()] == ["open", "dead", "represented", "stop", "again"]


def test_what_a_row_says_was_said_when_its_file_was_uploaded(aws: None) -> None:
    screened(uploaded(file_of({})))
    url = boto3.client("sqs").get_queue_url(QueueName="heard")["QueueUrl"]
    (message,) = boto3.client("sqs").receive_message(QueueUrl=url)["Messages"]
    assert json.loads(message["Body"])["time"] == "2026-06-15T01:00:00Z"


class Broken:
    """A body whose connection breaks while it is read."""

    def read(self) -> bytes:
        raise ReadTimeoutError(endpoint_url="https://s3")

    def iter_chunks(self, size: int) -> Iterator[bytes]:
        yield b"account.accountId"
        raise ReadTimeoutError(endpoint_url="https://s3")


def test_a_connection_that_breaks_while_the_file_is_read_is_tried_again_by_name(
    aws: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = PortfolioFile.model_validate(uploaded(SAMPLE))
    monkeypatch.setattr(PortfolioFile, "_get", lambda self, **which: Broken())
    with pytest.raises(ServiceUnavailableError):
        file.read(0, 10)
    with pytest.raises(ServiceUnavailableError):
        list(file.chunks())


def test_broken_rows_go_to_the_rejects_without_values_and_the_rest_goes_on(aws: None) -> None:
    file = uploaded(SAMPLE_WITH_ERRORS)
    _, (counts,) = screened(file)
    rejects = documents(f"rejects/night/2026-06-15.csv/{file['etag']}/from-line-00000002.jsonl")
    assert counts["rejected"] == len({reject["line"] for reject in rejects}) > 0
    assert all(set(reject) == {"line", "field", "code", "problem"} for reject in rejects)
    assert {"account.balance.principal", "cardholder.name", "row", "jurisdiction"} <= {r["field"] for r in rejects}
    assert len(heard()) == counts["overdue"] > 0


def test_a_file_that_is_no_portfolio_is_rejected_as_a_whole(aws: None) -> None:
    file = uploaded(b"\x1f\x8b\x08\x00not a csv")
    answer = load_app("plan_portfolio").handler(file, CONTEXT)
    assert answer["outcome"] == "REJECTED"
    assert documents(answer["rejects_key"]) == [
        {"field": "file", "code": "NOT_UTF8", "problem": "it is compressed with gzip: send the CSV itself"}
    ]
    assert heard() == []


def test_a_file_replaced_meanwhile_is_not_mixed_with_the_new_one(aws: None) -> None:
    old = uploaded(SAMPLE)
    plan = load_app("plan_portfolio").handler(old, CONTEXT)
    ((piece,),) = documents(plan["manifest_key"])
    uploaded(SAMPLE_WITH_ERRORS)
    with pytest.raises(InputRejectedError, match="replaced"):
        load_app("screen_portfolio").handler({"file": old, "columns": plan["columns"], "range": piece}, CONTEXT)
    assert load_app("plan_portfolio").handler(old, CONTEXT)["outcome"] == "REJECTED"
    assert heard() == []


class ShakyBus:
    """A bus that refuses, of each call, the entries whose turn it is; keeps what it took."""

    def __init__(self, refusals: list[set[int]]) -> None:
        self.refusals = refusals
        self.taken: list[str] = []

    def put_events(self, Entries: list[dict[str, str]]) -> dict[str, Any]:
        refused = self.refusals.pop(0) if self.refusals else set()
        answers = []
        for index, entry in enumerate(Entries):
            if index in refused:
                answers.append({"ErrorCode": "ThrottlingException", "ErrorMessage": "slow down"})
            else:
                self.taken.append(json.loads(entry["Detail"])["eventId"])
                answers.append({"EventId": "e"})
        return {"FailedEntryCount": len(refused), "Entries": answers}


def _entries(count: int) -> list[bus.BusEntry]:
    return [bus.BusEntry("billing.portfolio", "AccountOverdue", {"eventId": str(number)}) for number in range(count)]


def test_only_refused_entries_are_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    shaky = ShakyBus([{1, 3}, {0}, set(), set()])
    monkeypatch.setattr(bus, "client", lambda _: shaky)
    bus.put_events("b", _entries(12))
    assert sorted(shaky.taken, key=int) == [str(number) for number in range(12)]


def test_a_bus_that_keeps_refusing_is_an_outage_that_the_state_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    shaky = ShakyBus([{0}] * 100)
    monkeypatch.setattr(bus, "client", lambda _: shaky)
    monkeypatch.setattr(bus.time, "sleep", lambda _: None)
    with pytest.raises(ServiceUnavailableError, match="refused 1 events: ThrottlingException"):
        bus.put_events("b", _entries(3))
