"""`accord simulate` from the file to the report, in this process and in several."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from loading import ROOT
from typer.testing import CliRunner, Result

from accord.policy import load_policy
from infra.command.app import app
from infra.data import sample
from infra.simulation import run

NOW = datetime(2025, 6, 15, 4, 0, tzinfo=UTC)
CN = ROOT / "layers" / "domain" / "accord" / "policies" / "cn.yaml"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("simulate") / "portfolio.csv"
    path.write_bytes(sample.portfolio())
    return path


def accord_simulate(*options: str | Path) -> Result:
    return CliRunner().invoke(app, ["simulate", *(str(option) for option in ("--processes", "1", *options))])


def test_one_process_or_several_come_to_the_same(file: Path) -> None:
    policies = (load_policy("CN"), load_policy("CN"))
    done: list[int] = []
    alone = run.simulate(file, policies, NOW, processes=1)
    assert run.simulate(file, policies, NOW, 2, done.append, lines_a_range=3) == alone
    assert sum(done) == alone.lines.total() == len(sample.details())


def test_the_command_writes_a_report_and_says_what_it_found(file: Path, tmp_path: Path) -> None:
    told = accord_simulate("--portfolio", file, "--policy", "CN", "--policy", CN, "--report", tmp_path / "ab.html")
    assert told.exit_code == 0, told.output
    assert "54 accounts decided on, 4 neither late nor at risk, 0 rejected, 0 failed" in told.output
    page = (tmp_path / "ab.html").read_text(encoding="utf-8")
    assert "cn.yaml" in page
    assert "2025-06-15T01:00+08:00" in page  # the newest event of the file


def test_with_one_policy_the_report_shows_that_alone(file: Path, tmp_path: Path) -> None:
    options = ("--portfolio", file, "--policy", "CN", "--language", "zh-CN", "--as-of", "2025-07-01")
    told = accord_simulate(*options, "--report", tmp_path / "a.html")
    assert told.exit_code == 0, told.output
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert "2025-07-01T12:00+08:00" in page
    assert "<h1>政策模拟</h1>" in page
    assert "从 A 到 B" not in page


def test_broken_rows_do_not_stop_it(tmp_path: Path) -> None:
    path = tmp_path / "portfolio.csv"
    path.write_bytes(sample.portfolio_with_errors())
    told = accord_simulate("--portfolio", path, "--policy", "CN", "--report", tmp_path / "a.html")
    assert told.exit_code == 0, told.output
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert "account.balance.interest" in page
    assert "two" not in page.split("<main>")[1]  # a name from a row that was torn in two


def test_a_file_of_which_no_row_can_be_read_shows_in_the_exit_status(tmp_path: Path) -> None:
    path = tmp_path / "portfolio.csv"
    path.write_bytes(sample.portfolio().replace(b",CNY,", b",XXX,"))
    told = accord_simulate("--portfolio", path, "--policy", "CN", "--report", tmp_path / "a.html")
    assert told.exit_code == 1
    assert "no account could be decided on" in told.output


def test_what_a_policy_lacks_is_told_and_the_others_are_decided(file: Path, tmp_path: Path) -> None:
    late = tmp_path / "late.yaml"
    late.write_text(CN.read_text(encoding="utf-8").replace("2011-01-13", "2030-01-13"), encoding="utf-8")
    told = accord_simulate("--portfolio", file, "--policy", late, "--report", tmp_path / "a.html")
    assert told.exit_code == 0, told.output
    assert "accounts denied for want of a rule; see accord policy check" in told.output
    assert "is in force only from 2030-01-13" in (tmp_path / "a.html").read_text(encoding="utf-8")


def test_a_failure_shows_in_the_exit_status(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("infra.simulation.run.result_of")
    told = accord_simulate("--portfolio", file, "--policy", "CN", "--report", tmp_path / "a.html")
    assert told.exit_code == 1
    assert "54 failed" in told.output
    assert "NameError" in (tmp_path / "a.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--policy", "XX"), "XX: no shipped policy (CN, UK, US), and no file"),
        (("--policy", "{folder}/wrong.yaml"), "wrong.yaml:5: no.such: there is no such rule"),
        (("--policy", "CN", "--policy", "CN", "--policy", "CN"), "one policy, or two to compare"),
        (("--policy", "CN", "--as-of", "tomorrow"), "--as-of: a day or a moment in ISO 8601"),
        (("--policy", "CN", "--portfolio", "{folder}/none.csv"), "none.csv: No such file"),
        (("--policy", "CN", "--portfolio", "{folder}/wrong.yaml"), "names none of the columns"),
        (("--policy", "CN", "--report", "{folder}/no/such/folder.html"), "folder.html: No such file"),
    ],
)
def test_what_cannot_be_right_is_said_and_ends_with_2(
    file: Path, tmp_path: Path, options: tuple[str, ...], problem: str
) -> None:
    wrong = "jurisdiction: CN\nversion: a\ncurrencies: [CNY]\ntime_zone: Asia/Shanghai\nrules: {no.such: {value: 1}}\n"
    (tmp_path / "wrong.yaml").write_text(wrong, encoding="utf-8")
    told = accord_simulate("--portfolio", file, *(option.format(folder=tmp_path) for option in options))
    assert told.exit_code == 2
    assert problem in told.output
    assert "Traceback" not in told.output


def test_a_line_without_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "portfolio.csv"
    path.write_bytes(sample.portfolio() + b"x" * (2 * 1024 * 1024))
    told = accord_simulate("--portfolio", path, "--policy", "CN")
    assert told.exit_code == 2
    assert "line 60 is longer than" in told.output
