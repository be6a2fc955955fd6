"""The shipped sample and the tool that turns the UCI data set into accounts."""

import csv
import io
import json
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from loading import ROOT

from accord import portfolio
from accord.billing import AccountOverdue, parse
from infra.data import sample, uci
from infra.data.accounts import PHONE_PREFIX

NOW = datetime(2026, 6, 16, tzinfo=UTC)
AS_OF = date(2026, 6, 15)
HEADER = (
    "ID,LIMIT_BAL,SEX,EDUCATION,MARRIAGE,AGE,PAY_0,PAY_2,PAY_3,PAY_4,PAY_5,PAY_6,BILL_AMT1,BILL_AMT2,BILL_AMT3,"
    "BILL_AMT4,BILL_AMT5,BILL_AMT6,PAY_AMT1,PAY_AMT2,PAY_AMT3,PAY_AMT4,PAY_AMT5,PAY_AMT6,default"
)
# Invented rows in the data set's form: two months late; in time; late with a credit balance; late owing nothing.
ROWS = (
    "1,20000,2,2,1,24,2,2,-1,-1,-2,0,4001,3102,689,-30,0,0,0,689,0,0,0,0,1",
    "2,90000,1,2,2,34,0,0,0,0,0,0,29239,14027,13559,14331,14948,15549,1518,1500,1000,1000,1000,5000,0",
    "3,50000,1,1,2,37,1,0,0,0,0,0,-150,100,0,0,0,0,100,0,0,0,0,0,0",
    "4,50000,1,1,2,37,1,0,0,0,0,0,0,100,0,0,0,0,100,0,0,0,0,0,0",
    "5,50000,2,1,2,57,9,8,7,6,5,4,9999,9000,8000,7000,6000,5000,0,0,0,0,0,0,1",
)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "uci.csv"
    path.write_text("\n".join((HEADER, *ROWS)) + "\n")
    return path


@pytest.mark.parametrize(
    ("name", "made"),
    [("portfolio.csv", sample.portfolio), ("portfolio_with_errors.csv", sample.portfolio_with_errors)],
)
def test_the_shipped_sample_is_what_its_generator_makes(name: str, made: object) -> None:
    assert callable(made)
    assert (ROOT / "samples" / name).read_bytes() == made(), "run python -m infra.data.sample"


def test_the_sample_holds_every_situation() -> None:
    data = sample.portfolio()
    plan = portfolio.plan([data])
    (piece,) = plan.ranges
    result = portfolio.screen(data[piece.start : piece.end], plan.columns, piece.line, NOW)
    assert result.rejects == []
    assert len(result.in_order) == 4
    buckets = {(detail["account"]["daysPastDue"] + 29) // 30 for detail in result.overdue}
    assert {1, 2, 3, 4, 5, 6, 7} <= buckets
    flags = {flag for detail in result.overdue for flag in detail["cardholder"].get("flags", [])}
    assert {"VULNERABLE", "REPRESENTED", "CEASE_CONTACT", "DECEASED", "BANKRUPT", "FRAUD", "DISPUTED"} <= flags
    known = Counter("monthlyIncome" in detail["cardholder"] for detail in result.overdue)
    assert known[True] > 20
    assert known[False] > 10
    assert {detail["cardholder"]["language"] for detail in result.overdue} == {"zh-CN", "en"}


def test_nobody_can_be_reached_at_an_invented_phone_or_address() -> None:
    for row in csv.DictReader(io.StringIO(sample.portfolio().decode())):
        assert row["cardholder.phone"].startswith(PHONE_PREFIX)
        assert row["cardholder.email"] == "" or row["cardholder.email"].endswith("@example.com")


def test_the_broken_sample_names_each_of_its_defects_and_keeps_the_good_rows() -> None:
    data = sample.portfolio_with_errors()
    plan = portfolio.plan([data])
    (piece,) = plan.ranges
    result = portfolio.screen(data[piece.start : piece.end], plan.columns, piece.line, NOW)
    fields = {reject["field"] for reject in result.rejects}
    assert fields == {
        "account.balance.principal",
        "jurisdiction",
        "account.currency",
        "account.balance.interest",
        "cardholder.phone",
        "account.oldestUnpaidDueDate",
        "cardholder.birthDate",
        "row",
        "cardholder.name",
    }
    assert [detail["account"]["accountId"] for detail in result.overdue] == ["S-00001", "S-00011"]


def test_a_row_of_the_data_set_keeps_its_figures_exactly(source: Path) -> None:
    counts: Counter[str] = Counter()
    details = list(uci.accounts(uci.read_rows(source), 10, 1, 7, AS_OF, counts))
    assert counts == {"read": 5, "taken": 2, "fewer months behind": 1, "nothing owed or a credit balance": 2}
    event = parse(AccountOverdue, details[0])
    account = event.as_account()
    assert account.balance.total == 4001 * 25
    assert account.credit_limit == 20_000 * 25
    assert account.days_past_due == 45
    assert account.oldest_unpaid_due_date == date(2026, 5, 1)
    assert [month.billed for month in account.history] == [100_025, 77_550, 17_225, -750, 0, 0]
    assert [month.paid for month in account.history] == [0, 17_225, 0, 0, 0, 0]
    assert [month.months_past_due for month in account.history] == [2, 2, 0, 0, 0, 0]
    assert [month.month for month in account.history][:2] == ["2026-05", "2026-04"]


def test_nine_months_late_still_owes_mostly_principal(source: Path) -> None:
    details = list(uci.accounts(uci.read_rows(source), 10, 1, 7, AS_OF, Counter()))
    balance = details[1]["account"]["balance"]
    assert sum(balance.values()) == 9999 * 25
    assert balance["principal"] > sum(balance.values()) * 8 // 10


def test_protected_attributes_change_nothing(tmp_path: Path, source: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text(source.read_text().replace("1,20000,2,2,1,24,", "1,20000,1,4,3,71,"))
    first, second = (list(uci.accounts(uci.read_rows(path), 10, 0, 7, AS_OF, Counter())) for path in (source, other))
    assert first == second


def test_the_same_seed_invents_the_same_and_another_another(source: Path) -> None:
    def people(seed: int) -> list[object]:
        return [detail["cardholder"] for detail in uci.accounts(uci.read_rows(source), 10, 0, seed, AS_OF, Counter())]

    assert people(7) == people(7)
    assert people(7) != people(8)


def test_the_tool_writes_a_portfolio_and_the_same_accounts_as_events(
    tmp_path: Path, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    uci.main(["--source", str(source), "--rows", "9", "--as-of", "2026-06-15", "--out", str(out)])
    printed = capsys.readouterr().out
    assert "2  nothing owed or a credit balance" in printed
    assert "invented" in printed
    data = (out / "portfolio.csv").read_bytes()
    plan = portfolio.plan([data])
    (piece,) = plan.ranges
    rows = portfolio.screen(data[piece.start : piece.end], plan.columns, piece.line, NOW).overdue
    lines = [json.loads(line) for line in (out / "events.jsonl").read_text(encoding="utf-8").splitlines()]
    from_rows, from_lines = ([parse(AccountOverdue, detail) for detail in each] for each in (rows, lines))
    assert [event.account for event in from_rows] == [event.account for event in from_lines]
    assert [event.cardholder for event in from_rows] == [event.cardholder for event in from_lines]


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "", HEADER + "\n" + ROWS[0].replace("4001", "lots") + "\n"])
def test_a_source_that_is_not_the_data_set_is_a_clear_end(tmp_path: Path, text: str) -> None:
    path = tmp_path / "other.csv"
    path.write_text(text)
    with pytest.raises(SystemExit) as end:
        uci.main(["--source", str(path), "--out", str(tmp_path)])
    assert str(path) in str(end.value)


def test_a_source_that_does_not_exist_is_a_clear_end(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="cannot read"):
        uci.main(["--source", str(tmp_path / "none.csv.gz"), "--out", str(tmp_path)])
