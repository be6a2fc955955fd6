"""`accord policy check` and `diff`: what they print, for whom, and with which exit status."""

import csv
import io
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from loading import ROOT
from typer.testing import CliRunner, Result

from accord.billing import AccountOverdue, parse
from accord.case import Product
from accord.money import format_money
from accord.policy import load_policy, read_policy
from infra.command.app import app
from infra.data.accounts import as_csv
from infra.simulation.decide import decide
from infra.simulation.result import result_of

PACK = ROOT / "layers/domain/accord/policies/cn.yaml"
NOW = datetime(2026, 3, 5, 4, tzinfo=UTC)
DETAIL = json.loads((ROOT / "tests/fixtures/account_overdue.json").read_text(encoding="utf-8"))
TOO_MUCH = ("{least: 40, most: 60}", "{least: 40, most: 600}")
EXCLUSIONS = """  identification.exclusions:
    value: [DECEASED, BANKRUPT, FRAUD, DISPUTED, MORATORIUM, SOLD, CLOSED]
    citation: bank setting; each of these has a procedure of its own
    confidence: medium
    effective_from: 2020-01-01
"""
ALL_PRODUCTS = "[REDUCED_RATE, INTEREST_FREE, LUMP_SUM]"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["policy", *map(str, arguments)], catch_exceptions=False)


def changed(folder: Path, *changes: tuple[str, str], name: str = "new.yaml") -> Path:
    """The shipped pack with other words, as a file."""
    text = PACK.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


# --- check -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("jurisdiction", ["cn", "uk", "us"])
def test_a_shipped_pack_is_fine_and_its_weak_rules_are_counted(jurisdiction: str) -> None:
    result = run("check", PACK.with_name(f"{jurisdiction}.yaml"), "--on", "2026-11-24")
    assert result.exit_code == 0
    assert "no problems" in result.output
    assert "have a weak source (confidence low)" in result.output
    # The scorecard was made for other currencies, so the bounds of its chance are never used there.
    doubtful = [line for line in result.output.splitlines() if ": warning: identification." in line]
    assert len(doubtful) == (0 if jurisdiction == "cn" else 2)
    assert len(result.output.splitlines()) == 4 + len(doubtful)


def test_every_problem_is_a_line_that_begins_with_file_and_line(tmp_path: Path) -> None:
    file = changed(tmp_path, ("  plan.cure_days:", "  plan.cure_day:"), TOO_MUCH)
    result = run("check", file, "--on", "2026-11-24")
    assert result.exit_code == 1
    first, second, last, *_ = result.output.splitlines()
    assert first.startswith(f"{file}:")
    assert "essential_percent_when_unknown.value.most: 600 stands here, where a share in whole per cent from" in first
    assert second.endswith("plan.cure_day: there is no such rule; write plan.cure_days")
    assert last == "2 problems, no warnings"


def test_what_is_looser_than_the_law_is_a_problem_and_what_looks_like_a_slip_a_warning(tmp_path: Path) -> None:
    loose = changed(tmp_path, ('start: "22:00"', 'start: "23:00"'))
    result = run("check", loose, "--on", "2026-11-24")
    assert result.exit_code == 1
    first = result.output.splitlines()[0]
    assert "contact.quiet_hours_local: it is looser than the law, which wants no contact from 22:00 to 08:00" in first
    assert "GB/T 45251-2025" in first

    doubtful = changed(tmp_path, ("{ALL: 12, M6+: 8}", "{ALL: 12, M6+: 18}"))
    result = run("check", doubtful, "--on", "2026-11-24")
    assert result.exit_code == 0
    first, second, _, counts = result.output.splitlines()[:4]
    assert first.startswith(f"{doubtful}:")
    assert "warning: pricing.bulk_sale_percent: it rises from 12 in M6 to 18 in M6+" in first
    assert "a buyer would pay more" in second
    assert counts == "no problems, 2 warnings"


def test_what_is_recorded_and_followed_by_no_code_is_told_once_and_is_no_warning(tmp_path: Path) -> None:
    result = run("check", PACK, "--on", "2026-11-24")
    told = [line for line in result.output.splitlines() if "not used by any code yet" in line]
    # What China's pack has no rule for (null) is not recorded.
    assert told == [
        "3 are recorded and not used by any code yet: interest.on_fees, retention.recording_years, "
        "retention.impact_assessment_years"
    ]
    assert "no problems, no warnings" in result.output
    limits = "reage.limits:\n    value: null"
    reaged = changed(tmp_path, (limits, "reage.limits:\n    value: {account_months: 9, payments_first: 3, "
                                "per_12_months: 1, per_60_months: 2, workout_per_60_months: 1}"))  # fmt: skip
    assert "4 are recorded and not used by any code yet: " in run("check", reaged, "--on", "2026-11-24").output


def test_a_currency_that_does_not_exist_is_one_problem(tmp_path: Path) -> None:
    result = run("check", changed(tmp_path, ("currencies: [CNY]", "currencies: [RMB]")), "--on", "2026-11-24")
    assert result.output.splitlines()[1] == "1 problem, no warnings"
    assert '"RMB" is not a code of ISO 4217' in result.output
    none = run("check", changed(tmp_path, ("currencies: [CNY]", "currencies: []")), "--on", "2026-11-24")
    assert "currencies: name one at least" in none.output


def test_a_rule_that_ends_soon_is_named_with_its_day(tmp_path: Path) -> None:
    end = "effective_from: 2026-01-30\n    effective_to: 2026-12-31"
    file = changed(tmp_path, ("effective_from: 2026-01-30", end))
    result = run("check", file, "--on", "2026-11-24")
    assert result.exit_code == 0
    assert "2 end within 90 days: contact.max_unanswered_attempts_per_number_per_day on 2026-12-31" in result.output
    assert run("check", file, "--on", "2027-01-01").exit_code == 1


def test_a_file_that_cannot_be_read_is_another_exit_status(tmp_path: Path) -> None:
    for name, said in (("none.yaml", "there is no such file"), (".", "it is a folder")):
        result = run("check", tmp_path / name)
        assert (result.exit_code, said in result.stderr) == (2, True)
    if os.geteuid():  # whoever may do everything may read everything
        (tmp_path / "locked.yaml").touch(mode=0)
        assert "you may not read it" in run("check", tmp_path / "locked.yaml").stderr
    assert run("check").exit_code == 2
    assert run("check", PACK, "--on", "tomorrow").exit_code == 2


# --- diff --------------------------------------------------------------------------------------------------------


def test_packs_that_say_the_same_have_no_difference() -> None:
    result = run("diff", PACK, PACK)
    assert (result.exit_code, "say the same" in result.output) == (0, True)


def test_every_difference_is_a_line(tmp_path: Path) -> None:
    gone = "  plan.tolerance:\n    value: 1000\n    citation: bank setting, after the banks' 容差 convention\n"
    gone += "    confidence: low\n    effective_from: 2020-01-01\n"
    new = changed(tmp_path, ("{least: 40, most: 60}", "{least: 40, most: 70}"), (gone, ""))
    result = run("diff", PACK, new)
    assert result.exit_code == 1
    assert result.stdout.splitlines()[:2] == [
        "~ assessment.essential_percent_when_unknown value.most: 60 -> 70",
        "- plan.tolerance: 1000",
    ]
    assert "+ plan.tolerance: 1000" in run("diff", new, PACK).output


def test_a_pack_that_does_not_work_cannot_be_compared(tmp_path: Path) -> None:
    broken = changed(tmp_path, TOO_MUCH)
    for pair in ((PACK, broken), (broken, PACK), (PACK, tmp_path / "none.yaml")):
        assert run("diff", *pair).exit_code == 2


def test_a_pack_that_a_check_rejects_is_compared_and_simulated_but_first_said_to_be_so(tmp_path: Path) -> None:
    looser = changed(tmp_path, ('start: "22:00"', 'start: "23:00"'))
    compared = run("diff", PACK, looser, "--on", "2026-11-24")
    assert compared.exit_code == 1
    assert compared.stderr == (
        f"accord policy: {looser} has 1 problem and should not be used as it is; accord policy check {looser} "
        "--on 2026-11-24 explains what is wrong\n"
    )
    simulation = ["simulate", "--portfolio", str(a_portfolio(tmp_path, an_account(1, 100))), "--processes", "1"]
    simulation += ["--report", str(tmp_path / "report.html"), "--policy", "CN"]
    simulated = CliRunner().invoke(app, [*simulation, "--policy", str(looser)], catch_exceptions=False)
    assert simulated.exit_code == 0
    assert simulated.stderr == (
        f"accord simulate: {looser} has 1 problem and should not be used as it is; accord policy check {looser} "
        "explains what is wrong\n"
    )
    assert CliRunner().invoke(app, simulation, catch_exceptions=False).stderr == ""


# --- diff, with a portfolio ---------------------------------------------------------------------------------------


def an_account(number: int, days: int, flags: list[str] | None = None, jurisdiction: str = "CN") -> dict[str, Any]:
    """An account that paid every month and whose income is unknown."""
    detail: dict[str, Any] = json.loads(json.dumps(DETAIL))
    paid = [
        {"month": f"2026-{month:02}", "billed": 280_000 - month * 90_000, "paid": 90_000, "monthsPastDue": 3}
        for month in (2, 1)
    ]
    detail |= {"eventId": f"e-{number}", "occurredAt": "2026-03-05T01:00:00+08:00", "jurisdiction": jurisdiction}
    detail["account"] |= {"accountId": f"A-{number}", "daysPastDue": days, "history": paid}
    detail["account"] |= {"oldestUnpaidDueDate": "2025-10-01" if days else None}
    detail["cardholder"] |= {"flags": flags or [], "monthlyIncome": None, "monthlyEssentialSpend": None}
    return detail


def a_portfolio(folder: Path, *details: dict[str, Any]) -> Path:
    file = folder / "portfolio.csv"
    file.write_text(as_csv(details), encoding="utf-8")
    return file


def test_the_accounts_for_which_something_changes_are_counted_by_bucket(tmp_path: Path) -> None:
    file = a_portfolio(
        tmp_path,
        an_account(1, 100, ["DISPUTED"]),
        an_account(2, 100, ["DISPUTED"]),
        an_account(3, 400, ["DISPUTED"]),
        an_account(4, 100, ["SOLD"]),
        an_account(5, 0),
    )
    new = changed(tmp_path, ("DISPUTED, MORATORIUM, SOLD, CLOSED]\n    citation: bank setting; each",
                             "MORATORIUM, SOLD, CLOSED]\n    citation: bank setting; each"))  # fmt: skip
    result = run("diff", PACK, new, "--portfolio", file, "--on", "2026-03-05")
    assert result.exit_code == 1
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in result.output.splitlines() if "│ M" in line]
    assert [(row[0], row[1].split(" ")[0], row[2], row[3], row[4]) for row in rows] == [
        ("M4", "EXCLUDED", "2", "3", "A-1, A-2"),
        ("M6+", "EXCLUDED", "1", "1", "A-3"),
    ]
    assert "4 accounts decided: 3 get something else" in result.output
    assert "1 are neither late nor at risk" in result.output


def cells(output: str, first: str) -> list[list[str]]:
    """The rows of the printed tables whose first cell begins so."""
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in output.splitlines() if line.startswith("│")]
    return [row for row in rows if row[0].startswith(first)]


def at_risk(number: int) -> dict[str, Any]:
    """An account that is not late and pays little of its bills: the scorecard finds it likely to miss a payment."""
    detail = an_account(number, 0)
    months = ["2026-02", "2026-01", "2025-12", "2025-11", "2025-10", "2025-09"]
    detail["account"]["history"] = [
        {"month": month, "billed": 1_900_000, "paid": 1_000, "monthsPastDue": late}
        for month, late in zip(months, (0, 0, 1, 1, 2, 2), strict=True)
    ]
    detail["cardholder"] |= {"monthlyIncome": 900_000, "monthlyEssentialSpend": 300_000, "otherDebtPayments": 0}
    return detail


def test_who_is_not_late_but_at_risk_is_decided_on_in_bucket_m0(tmp_path: Path) -> None:
    file = a_portfolio(tmp_path, at_risk(1), an_account(2, 0))
    bound = "value: 300000\n    citation: bank setting; some six"
    new = changed(tmp_path, (bound, bound.replace("300000", "1000000")))
    result = run("diff", PACK, new, "--portfolio", file, "--on", "2026-03-05")
    assert "1 accounts decided: 1 get something else" in result.output
    assert "1 are neither late nor at risk" in result.output
    ((bucket, what, accounts, of, example),) = cells(result.output, "M0")
    assert what.endswith("EXCLUDED")
    assert (bucket, accounts, of, example) == ("M0", "1", "1", "A-1")


def test_a_hardship_that_a_new_policy_adds_is_judged_by_it(tmp_path: Path) -> None:
    detail = an_account(1, 100)
    detail["cardholder"]["hardship"] = "FLOOD"
    file = a_portfolio(tmp_path, detail)
    new = changed(tmp_path, ("value: {JOB_LOSS: 6,", "value: {FLOOD: 6, JOB_LOSS: 6,"))
    result = run("diff", PACK, new, "--portfolio", file, "--on", "2026-03-05")
    assert "new.yaml: one difference" in result.output
    assert "1 accounts decided" in result.output
    assert "not a hardship of the CN policy" in run("diff", PACK, PACK, "--portfolio", file).output


def test_a_change_is_told_as_better_or_worse_with_the_sums_before_and_after(tmp_path: Path) -> None:
    known = {"monthlyIncome": 700_000, "monthlyEssentialSpend": 300_000, "otherDebtPayments": 0}
    details = [an_account(number, 100) for number in (1, 2)]
    for detail in details:
        detail["cardholder"] |= known
    file = a_portfolio(tmp_path, *details)
    meaner = changed(tmp_path, ("{ORDINARY: 87, PERSONALISED: 75}", "{ORDINARY: 98, PERSONALISED: 98}"))
    result = run("diff", PACK, meaner, "--portfolio", file, "--on", "2026-03-05")
    assert "2 accounts decided: 2 get something else" in result.output
    assert cells(result.output, "worse") == [["worse", "0", "2", "0", "0"]]
    policies = [read_policy(path.read_text(encoding="utf-8")) for path in (PACK, meaner)]
    day = datetime(2026, 3, 5, 4, tzinfo=UTC)
    sides = [[result_of(parse(AccountOverdue, detail), policy, day) for detail in details] for policy in policies]
    totals = [sum(min(plan.total for plan in one.plans) for one in side) for side in sides]
    ((_, accounts, before, after, more),) = cells(result.output, "lowest total")
    assert accounts == "2"
    assert [before, after, more] == [format_money(n, "CNY", "en") for n in (*totals, totals[1] - totals[0])]
    assert totals[1] > totals[0]
    ((_, _, _, _, waived),), ((_, _, _, _, expected),) = (
        cells(result.output, "waived"),
        cells(result.output, "the bank"),
    )
    assert waived.startswith("-")
    assert not expected.startswith("-")


def test_a_figure_is_added_up_only_where_both_packs_have_it(tmp_path: Path) -> None:
    file = a_portfolio(tmp_path, an_account(1, 100, ["DISPUTED"]))
    new = changed(tmp_path, ("FRAUD, DISPUTED, MORATORIUM, SOLD, CLOSED]\n    citation: bank setting; each",
                             "FRAUD, MORATORIUM, SOLD, CLOSED]\n    citation: bank setting; each"))  # fmt: skip
    result = run("diff", PACK, new, "--portfolio", file, "--on", "2026-03-05")
    assert [row[1] for row in cells(result.output, "lowest")] == ["0", "0"]
    assert [row[1] for row in cells(result.output, "the bank")] == ["0"]


def test_amounts_of_another_currency_are_not_added_up(tmp_path: Path) -> None:
    other = an_account(1, 100)
    other["account"]["currency"] = "USD"
    result = run("diff", PACK, PACK, "--portfolio", a_portfolio(tmp_path, other), "--on", "2026-03-05")
    assert "no account was decided on" in result.output
    assert "not read: line 2, account.currency" in result.output


def test_nothing_personal_is_printed(tmp_path: Path) -> None:
    file = a_portfolio(tmp_path, an_account(1, 100, ["DISPUTED"]), an_account(2, 100, ["NONSENSE"]))
    new = changed(tmp_path, ("DISPUTED, MORATORIUM", "MORATORIUM"))
    result = run("diff", PACK, new, "--portfolio", file, "--on", "2026-03-05")
    told = DETAIL["cardholder"]
    for secret in (told["name"], told["phone"], told["email"], told["idLast4"], told["birthDate"]):
        assert secret not in result.output
    assert "not read: line 3, cardholder.flags.0:" in result.output


def test_accounts_of_another_jurisdiction_are_left_out(tmp_path: Path) -> None:
    other = an_account(2, 100, jurisdiction="UK")
    other["account"]["currency"] = "GBP"
    file = a_portfolio(tmp_path, an_account(1, 100), other)
    result = run("diff", PACK, PACK, "--portfolio", file, "--on", "2026-03-05")
    assert result.exit_code == 0
    assert "1 accounts decided: 0 get something else" in result.output
    assert "1 are of another jurisdiction" in result.output
    assert run("diff", PACK, PACK.with_name("uk.yaml"), "--portfolio", file).exit_code == 2


def test_a_portfolio_that_cannot_be_read_is_another_exit_status(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_bytes(b"")
    for name in ("none.csv", "empty.csv"):
        result = run("diff", PACK, PACK, "--portfolio", tmp_path / name)
        assert result.exit_code == 2
        assert "cannot be read" in result.stderr


def test_the_portfolio_that_ships_can_be_compared() -> None:
    sample = ROOT / "samples/portfolio.csv"
    rows = list(csv.DictReader(io.StringIO(sample.read_text("utf-8"))))
    late = sum(row["account.daysPastDue"] != "0" for row in rows)
    result = run("diff", PACK, PACK, "--portfolio", sample, "--on", "2026-03-05")
    decided, others = (int(line.split(" ")[0]) for line in result.output.splitlines()[1:3])
    assert "accounts decided: 0 get something else" in result.output
    assert decided >= late
    assert decided + others == len(rows)


# --- deciding ----------------------------------------------------------------------------------------------------


def test_an_account_is_decided_by_the_domains_own_steps_under_any_policy() -> None:
    event = parse(AccountOverdue, an_account(1, 100))
    text = PACK.read_text(encoding="utf-8")
    usual = decide(event, read_policy(text), NOW)
    assert usual.bucket == "M4"
    assert usual.outcome in ("OFFERED", "REVIEW", "ASK")
    assert {offer.product for offer in usual.offers} <= {Product.REDUCED_RATE, Product.INTEREST_FREE, Product.LUMP_SUM}
    nothing = decide(event, read_policy(text.replace(f"M4: {ALL_PRODUCTS}", "M4: []")), NOW)
    assert (nothing.outcome in ("ASK", "NO_AFFORDABLE_OFFER"), nothing.offers) == (True, ())


def test_an_account_that_may_not_be_negotiated_about_is_excluded() -> None:
    event = parse(AccountOverdue, an_account(1, 100, ["DISPUTED"]))
    excluded = decide(event, read_policy(PACK.read_text(encoding="utf-8")), NOW)
    assert (excluded.outcome, excluded.offers) == ("EXCLUDED", ())


def test_where_a_policy_lacks_a_rule_the_account_is_denied_by_its_name() -> None:
    event = parse(AccountOverdue, an_account(1, 100))
    text = PACK.read_text(encoding="utf-8").replace(EXCLUSIONS, "", 1)
    denied = decide(event, read_policy(text), NOW)
    assert denied.outcome == "DENIED"
    assert "has no rule identification.exclusions" in str(denied.why)


@pytest.mark.parametrize("days", [1, 20, 45, 75, 100, 135, 170, 400])
@pytest.mark.parametrize(("jurisdiction", "currency"), [("CN", "CNY"), ("UK", "GBP"), ("US", "USD")])
def test_a_shipped_pack_denies_nothing_that_it_is_asked_for(jurisdiction: str, currency: str, days: int) -> None:
    detail = an_account(1, days, jurisdiction=jurisdiction)
    detail["account"]["currency"] = currency
    for income in (None, 600_000):
        detail["cardholder"]["monthlyIncome"] = income
        assert decide(parse(AccountOverdue, detail), load_policy(jurisdiction), NOW).outcome != "DENIED"
