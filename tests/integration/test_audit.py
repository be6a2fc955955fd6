"""The audit command against the tables: it reads what the store wrote and finds what somebody changed behind it."""

import hashlib
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from integration.tables import tables_on_moto

from accord import audit, clock
from accord.aws.store import CaseStore
from accord.billing import AccountOverdue, parse
from accord.case import Agreement, Case, Change
from accord.events import Actor, AgreementSealed, AgreementSigned, ReviewRequested
from accord.opening import NEW_ACCOUNT, open_case
from infra.data import sample

NOW = datetime(2026, 6, 16, 2, 0, tzinfo=UTC)


@pytest.fixture
def case_id(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A case of four events in the tables that the environment names."""
    with tables_on_moto(monkeypatch) as names:
        store = CaseStore(names["CASES_TABLE"], names["EVENTS_TABLE"])
        opening = open_case(parse(AccountOverdue, sample.details()[0]), NEW_ACCOUNT, NOW)
        store.open(opening, "open")
        for number in range(3):
            store.change(opening.case.case_id, f"step-{number}", reviewed)
        yield opening.case.case_id


def reviewed(case: Case) -> Change:
    return Change(case, (ReviewRequested(reasons=("VULNERABLE",)),), Actor(kind="SYSTEM", id="test"))


def test_an_untouched_case_is_whole(case_id: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit.main(["verify", case_id]) == 0
    printed = capsys.readouterr().out
    assert "CaseOpened" in printed
    assert "whole: 4 events" in printed


def test_a_stack_tells_which_tables_are_its_own(
    case_id: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = {f"{name}TableName": {"Value": f"{name}Table"} for name in ("Cases", "Events")}
    template = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}, "Outputs": outputs}
    boto3.client("cloudformation").create_stack(StackName="accord-test", TemplateBody=json.dumps(template))
    monkeypatch.delenv("CASES_TABLE")
    monkeypatch.delenv("EVENTS_TABLE")
    assert audit.main(["verify", case_id, "--stack", "accord-test"]) == 0
    assert "whole: 4 events" in capsys.readouterr().out
    assert audit.main(["verify", case_id, "--stack", "accord-other"]) == 2
    assert "cannot tell: stack accord-other" in capsys.readouterr().err
    assert audit.main(["verify", case_id]) == 2
    assert "--stack" in capsys.readouterr().err


@pytest.mark.parametrize(("seq", "named"), [("2", "event 2"), ("4", "the chain ends at event 3, the case counts 4")])
def test_a_deleted_event_is_named(case_id: str, seq: str, named: str, capsys: pytest.CaptureFixture[str]) -> None:
    key = {"case_id": {"S": case_id}, "seq": {"N": seq}}
    boto3.client("dynamodb").delete_item(TableName="EventsTable", Key=key)
    assert audit.main(["verify", case_id]) == 1
    assert f"BROKEN: {named}" in capsys.readouterr().out


def put(item: dict[str, Any]) -> None:
    boto3.client("dynamodb").put_item(TableName="EventsTable", Item=item)


def event_item(case_id: str, seq: int) -> dict[str, Any]:
    key = {"case_id": {"S": case_id}, "seq": {"N": str(seq)}}
    item: dict[str, Any] = boto3.client("dynamodb").get_item(TableName="EventsTable", Key=key)["Item"]
    return item


def verified(case_id: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """The exit status and the last line."""
    status = audit.main(["verify", case_id])
    printed = capsys.readouterr()
    assert not re.search(r"[A-Z][a-z]+Error|\('", printed.out + printed.err), "no Python in a sentence"
    return status, (printed.out or printed.err).splitlines()[-1]


@pytest.mark.parametrize("name", ["body", "hash", "type", "at"])
@pytest.mark.parametrize(("value", "problem"), [(None, "it has no {}"), ({"N": "5"}, "its {} is no text")])
def test_an_event_with_a_damaged_attribute_is_named(
    case_id: str, name: str, value: Any, problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    item = event_item(case_id, 3)
    del item[name]
    put(item | ({name: value} if value else {}))
    assert verified(case_id, capsys) == (1, f"BROKEN: event 3: {problem.format(name)}")


def test_of_several_broken_events_the_first_is_named(case_id: str, capsys: pytest.CaptureFixture[str]) -> None:
    put(event_item(case_id, 4) | {"body": {"N": "5"}})
    put(event_item(case_id, 2) | {"hash": {"S": "0" * 64}})
    status, told = verified(case_id, capsys)
    assert (status, told.split(":")[1].split("(")[0].strip()) == (1, "event 2")


@pytest.mark.parametrize(
    ("seq", "problem"),
    [
        ("0", "event 0 (CaseOpened, {at}): it stands in the wrong place, where event 1 belongs"),
        ("-7", "event -7 (CaseOpened, {at}): it stands in the wrong place, where event 1 belongs"),
        ("3.5", "event 3.5: its seq is no whole number"),
        ("5", "event 5 (CaseOpened, {at}): the case counts 4"),
        ("99", "event 99 (CaseOpened, {at}): the case counts 4"),
    ],
)
def test_an_event_that_was_put_in_is_named(
    case_id: str, seq: str, problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    item = event_item(case_id, 1)
    put(item | {"seq": {"N": seq}})
    assert verified(case_id, capsys) == (1, f"BROKEN: {problem.format(at=item['at']['S'])}")


def test_an_event_whose_body_belongs_elsewhere_says_so_in_words(
    case_id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = event_item(case_id, 1), event_item(case_id, 2)
    put(second | {name: first[name] for name in ("body", "hash")})
    told = verified(case_id, capsys)[1]
    assert told.startswith("BROKEN: event 2 (ReviewRequested")
    assert "its body tells another number and another type" in told


CASE_SK = {"sk": {"S": "CASE"}}


def test_events_whose_case_was_deleted_are_checked_all_the_same(
    case_id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    key = {"pk": {"S": f"CASE#{case_id}"}} | CASE_SK
    boto3.client("dynamodb").delete_item(TableName="CasesTable", Key=key)
    status, told = verified(case_id, capsys)
    assert (status, told) == (
        1,
        f"BROKEN: CasesTable holds no case {case_id}; its 4 events are whole in themselves, a cut end would not show",
    )
    put(event_item(case_id, 2) | {"hash": {"S": "0" * 64}})
    assert "BROKEN: event 2" in verified(case_id, capsys)[1]


@pytest.mark.parametrize("body", [None, {"N": "1"}, {"S": "{}"}, {"S": "no JSON"}])
def test_a_case_that_is_damaged_is_said_beside_its_events(
    case_id: str, body: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    item = {"pk": {"S": f"CASE#{case_id}"}} | CASE_SK | ({"body": body} if body else {})
    boto3.client("dynamodb").put_item(TableName="CasesTable", Item=item)
    status, told = verified(case_id, capsys)
    assert (status, told[: told.index(";")]) == (
        1,
        f"BROKEN: the case {case_id} in CasesTable is damaged and cannot be read",
    )


# --- what was signed, and what was sealed ------------------------------------------------------------------------

PDF = b"%PDF-1.7 sealed"
KEY = "agreements/sealed.pdf"
TERMS = '{"offer_id":"o-1"}'


@pytest.fixture
def sealed(case_id: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The case, signed and sealed, with its document in a bucket."""
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="documents", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    s3.put_object(Bucket="documents", Key=KEY, Body=PDF)
    monkeypatch.setenv("DOCUMENTS_BUCKET", "documents")
    digest, signed_hash = hashlib.sha256(PDF).hexdigest(), hashlib.sha256(TERMS.encode()).hexdigest()
    agreement = Agreement(offer_id="o-1", terms=TERMS, terms_hash=signed_hash, signed_at=clock.now(),
                          document_key=KEY, document_sha256=digest)  # fmt: skip
    events = (
        AgreementSigned(offer_id="o-1", terms_hash=signed_hash, consents=(), language="en"),
        AgreementSealed(document_key=KEY, document_sha256=digest, unsealed_sha256="0" * 64, terms_hash=signed_hash,
                        chain_head="0" * 64, key_arn="arn"),
    )  # fmt: skip
    CaseStore("CasesTable", "EventsTable").change(
        case_id,
        "seal",
        lambda case: Change(case.model_copy(update={"agreement": agreement}), events, Actor(kind="SYSTEM", id="test")),
    )
    return case_id


def lines_of(case_id: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    status = audit.main(["verify", case_id])
    return status, capsys.readouterr().out.splitlines()[-3:]


def test_signed_terms_and_sealed_document_have_lines_of_their_own(
    sealed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, (whole, terms, document) = lines_of(sealed, capsys)
    assert status == 0
    assert whole.startswith("whole: 6 events")
    assert terms == f"terms: as signed, sha256 {hashlib.sha256(TERMS.encode()).hexdigest()}"
    assert document == f"document: as sealed, sha256 {hashlib.sha256(PDF).hexdigest()}"


def test_terms_that_somebody_changed_are_broken_also_in_an_export(
    sealed: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = {"pk": {"S": f"CASE#{sealed}"}} | CASE_SK
    item = boto3.client("dynamodb").get_item(TableName="CasesTable", Key=key)["Item"]
    body = item["body"]["S"].replace('o-1\\"}', 'o-2\\"}')
    assert body != item["body"]["S"]
    boto3.client("dynamodb").put_item(TableName="CasesTable", Item=item | {"body": {"S": body}})
    broken = "BROKEN: the text of the terms on the case is not the one that was signed in event 5"
    status, (whole, terms, document) = lines_of(sealed, capsys)
    assert (status, whole[:5], terms, document[:19]) == (1, "whole", broken, "document: as sealed")
    audit.main(["export", sealed])
    file = tmp_path / "case.jsonl"
    file.write_text(capsys.readouterr().out, encoding="utf-8")
    assert audit.main(["verify", "--file", str(file)]) == 1
    assert broken in capsys.readouterr().out


def test_a_document_that_was_altered_or_removed_is_broken(sealed: str, capsys: pytest.CaptureFixture[str]) -> None:
    s3 = boto3.client("s3")
    s3.put_object(Bucket="documents", Key=KEY, Body=PDF + b"!")
    status, (whole, _, document) = lines_of(sealed, capsys)
    assert (status, whole[:5], document[:32]) == (1, "whole", "BROKEN: the document was altered")
    s3.delete_object(Bucket="documents", Key=KEY)
    status, (_, _, document) = lines_of(sealed, capsys)
    assert (status, document) == (1, f"BROKEN: the document that was sealed in event 6 is missing: {KEY}")


def test_a_document_that_may_not_be_read_is_not_called_broken(
    sealed: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for bucket, why in (("somewhere-else", "NoSuchBucket"), (None, "no bucket of documents is named")):
        monkeypatch.setenv("DOCUMENTS_BUCKET", bucket) if bucket else monkeypatch.delenv("DOCUMENTS_BUCKET")
        status, (_, _, document) = lines_of(sealed, capsys)
        assert (status, document[:22], why in document) == (0, "document: not checked,", True)


def test_an_exported_case_is_verified_without_the_tables(
    case_id: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit.main(["export", case_id]) == 0
    file = tmp_path / "case.jsonl"
    file.write_text(capsys.readouterr().out, encoding="utf-8")
    assert audit.main(["verify", "--file", str(file)]) == 0
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    file.write_text("".join(lines[:-1]), encoding="utf-8")
    assert audit.main(["verify", "--file", str(file)]) == 1


@pytest.mark.parametrize("arguments", [["verify", "none"], ["verify", "none", "--events-table", "missing"]])
def test_a_case_that_is_not_there_cannot_be_judged(
    case_id: str, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit.main(arguments) == 2
    assert "cannot tell" in capsys.readouterr().err


def test_a_missing_table_is_a_sentence(case_id: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit.main(["verify", case_id, "--cases-table", "missing"]) == 2
    assert "ResourceNotFoundException" in capsys.readouterr().err
