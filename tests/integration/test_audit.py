"""The audit command against the tables: it reads what the store wrote and finds what somebody changed behind it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import boto3
import pytest
from integration.tables import tables_on_moto

from accord import audit
from accord.aws.store import CaseStore
from accord.billing import AccountOverdue, parse
from accord.case import Case, Change
from accord.events import Actor, ReviewRequested
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
