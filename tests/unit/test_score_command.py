"""`accord score`: a file in, a chance a row out; what is wrong is named by line and column, and nothing is written."""

import csv
import gzip
import io
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from behaviours import COLUMNS, as_csv, rows
from loading import ROOT
from typer.testing import CliRunner, Result

from accord.early_warning import load_card, read_card
from infra.command.app import app
from infra.data import uci

ROWS = list(rows(40))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in.csv"
    path.write_text(as_csv(ROWS))
    return path


def score(source: Path, out: Path | str) -> Result:
    return CliRunner().invoke(app, ["score", "--uci", str(source), str(out)])


def test_every_row_gets_its_chance_in_the_files_order(source: Path, tmp_path: Path) -> None:
    shuffled = ROWS[::-1]
    source.write_text(as_csv(shuffled))
    result = score(source, tmp_path / "out.csv")
    assert result.exit_code == 0, result.output
    lines = (tmp_path / "out.csv").read_text().splitlines()
    card = load_card()
    assert lines == ["ID,pd", *(f"{row['ID']},{card.score(uci.behaviour(row)).pd:.6f}" for row in shuffled)]
    assert result.stderr == ""  # no bar where nobody looks


def test_the_same_from_gzip_and_to_the_standard_output(source: Path, tmp_path: Path) -> None:
    packed = tmp_path / "in.csv.gz"
    packed.write_bytes(gzip.compress(source.read_bytes()))
    assert score(packed, tmp_path / "out.csv").exit_code == 0
    assert score(source, "-").stdout == (tmp_path / "out.csv").read_text()


def test_the_file_to_score_is_never_written_over(source: Path, tmp_path: Path) -> None:
    before = source.read_bytes()
    linked = tmp_path / "linked.csv"
    linked.symlink_to(source)
    for out in (source, linked):
        result = score(source, out)
        assert result.exit_code == 2
        assert "is the file to score" in result.stderr
    assert source.read_bytes() == before


def test_protected_columns_are_not_read(source: Path, tmp_path: Path) -> None:
    protected = {"SEX", "EDUCATION", "MARRIAGE", "AGE", "default"}
    kept = [name for name in COLUMNS if name not in protected]
    bare = tmp_path / "bare.csv"
    bare.write_text("".join(f"{','.join(line)}\n" for line in [kept, *([str(r[n]) for n in kept] for r in ROWS)]))
    odd = tmp_path / "odd.csv"
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    writer.writerows(row | dict.fromkeys(protected, "n/a") for row in ROWS)
    odd.write_text(text.getvalue())
    assert score(bare, "-").stdout == score(odd, "-").stdout == score(source, "-").stdout


def test_the_headings_and_line_ends_of_other_copies_are_understood(source: Path, tmp_path: Path) -> None:
    text = source.read_text()
    other = tmp_path / "other.csv"
    other.write_bytes(
        b"\xef\xbb\xbf" + text.replace(",default", ',"default.payment.next.month"').replace("\n", "\r").encode()
    )
    assert score(other, "-").stdout == score(source, "-").stdout


def test_a_file_without_rows_has_a_result_without_rows(tmp_path: Path) -> None:
    empty = tmp_path / "empty.csv"
    empty.write_text(as_csv([]) + "\n\n")
    assert score(empty, "-").stdout == "ID,pd\n"


LAST = as_csv(ROWS).splitlines()[-1]
FIRST = as_csv(ROWS).splitlines()[1]


def with_cell(column: str, cell: str) -> str:
    """The last row with another value."""
    return ",".join(cell if name == column else told for name, told in zip(COLUMNS, LAST.split(","), strict=True))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("PAY_4", "PAY_X", "line 1: the column PAY_4 is missing"),
        ("EDUCATION", "PAY_4", "line 1: the column PAY_4 stands there more than once"),
        (f"\n{FIRST}", f"\nx{FIRST}", "line 2, column ID: 'x1' is not a whole number"),
        (
            LAST,
            LAST.replace(",", ",1e5,", 1).replace(f",{ROWS[-1]['LIMIT_BAL']},", ",", 1),
            "line 41, column LIMIT_BAL",
        ),
        (LAST, LAST.replace(f",{ROWS[-1]['LIMIT_BAL']},", ",0,", 1), "line 41, column LIMIT_BAL: 0 is below 1"),
        (LAST, f"{LAST},5", "line 41: 26 cells, but the header has 25 columns"),
        (LAST, LAST.rpartition(",")[0], "line 41: 24 cells, but the header has 25 columns"),
        (LAST, LAST.replace(f"{ROWS[-1]['ID']},", '"40,', 1), "line"),
        (LAST, LAST.replace("40,", "４０,", 1), "line 41, column ID: '４０' is not a whole number"),
        (LAST, LAST.replace("40,", "9" * 5000 + ",", 1), "line 41, column ID"),
        (LAST, LAST.replace("40,", "0" * 5000 + ",", 1), "15 digits at most"),
        (LAST, LAST.replace("40,", "1234567890123456,", 1), "'1234567890123456' is too large: 15 digits at most"),
        (LAST, LAST.replace("40,", "40.5,", 1), "line 41, column ID: '40.5' is not a whole number"),
        (LAST, LAST.replace("40,", "7,", 1), "line 41, column ID: 7 stands in line 8 already"),
        (LAST, with_cell("PAY_0", "99"), "line 41, column PAY_0: 99 is above 9"),
        (LAST, with_cell("PAY_6", "-3"), "line 41, column PAY_6: -3 is below -2"),
        (LAST, with_cell("PAY_AMT1", "-1"), "line 41, column PAY_AMT1: -1 is below 0"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_written(
    source: Path, tmp_path: Path, old: str, new: str, said: str
) -> None:
    text = source.read_text()
    assert old in text
    source.write_text(text.replace(old, new, 1))
    out = tmp_path / "out" / "scores.csv"
    out.parent.mkdir()
    out.write_text("before")
    result = score(source, out)
    assert result.exit_code == 2
    assert said in result.stderr
    assert "Traceback" not in result.output
    assert [path.name for path in out.parent.iterdir()] == ["scores.csv"]
    assert out.read_text() == "before"


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("in.csv", b"", "no header line"),
        ("in.csv", b"\xff\xfe\x00", "not text in UTF-8"),
        ("in.csv.gz", b"ID,LIMIT_BAL\n", "cannot be unpacked"),
        ("in.csv.gz", gzip.compress(as_csv(ROWS).encode(), mtime=0)[:-30], "cannot be unpacked"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_clear_end(tmp_path: Path, name: str, data: bytes, said: str) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    result = score(path, tmp_path / "out.csv")
    assert result.exit_code == 2
    assert said in result.stderr
    assert not (tmp_path / "out.csv").exists()


def test_places_that_do_not_exist_are_a_clear_end(source: Path, tmp_path: Path) -> None:
    missing = score(tmp_path / "none.csv", tmp_path / "out.csv")
    nowhere = score(source, tmp_path / "no" / "out.csv")
    folder = score(source, tmp_path)
    assert missing.exit_code == nowhere.exit_code == folder.exit_code == 2
    assert missing.stderr == f"accord score: {tmp_path / 'none.csv'}: No such file or directory\n"
    assert nowhere.stderr == f"accord score: {tmp_path / 'no' / 'out.csv'}: No such file or directory\n"
    assert folder.stderr == f"accord score: {tmp_path}: Is a directory\n"


def test_a_pipe_is_written_to_and_stays_one(source: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as reader:
        read = reader.submit(pipe.read_text)
        assert score(source, pipe).exit_code == 0
        assert read.result() == score(source, "-").stdout
    assert pipe.is_fifo()


def test_a_link_is_written_through_and_stays_one(source: Path, tmp_path: Path) -> None:
    target, link = tmp_path / "target.csv", tmp_path / "link.csv"
    link.symlink_to(target)
    for _ in ("the target is not there yet", "it is"):
        assert score(source, link).exit_code == 0
        assert (link.is_symlink(), target.read_text()) == (True, score(source, "-").stdout)


def test_whole_numbers_with_a_decimal_point_are_read_as_such(source: Path, tmp_path: Path) -> None:
    pointed = tmp_path / "pointed.csv"
    head, *lines = source.read_text().splitlines()
    pointed.write_text("\n".join([head, *(line.replace(",", ".0,") for line in lines)]))
    assert score(pointed, "-").stdout == score(source, "-").stdout


@pytest.mark.parametrize("command", [["score", "--uci", "in.csv", "-"], ["policy", "check", "cn.yaml"]])
def test_a_broken_card_is_a_clear_end_of_every_command(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "card.json").write_text("{}")
    monkeypatch.setattr("infra.command.app.load_card", lambda: read_card(tmp_path / "card.json"))
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"accord {command[0]}: {tmp_path / 'card.json'}: name: Field required; ")
    assert "Traceback" not in result.output


def test_the_launcher_works_from_any_folder(source: Path, tmp_path: Path) -> None:
    """A folder called infra where the command is called must not get in its way."""
    (tmp_path / "checkout").mkdir()
    for name in (".venv", "infra", "layers"):
        (tmp_path / "checkout" / name).mkdir()
    (tmp_path / "checkout" / ".venv" / "bin").mkdir()
    bin_folder = tmp_path / "checkout" / ".venv" / "bin"
    launcher = bin_folder / "accord"
    launcher.write_bytes((ROOT / "infra" / "command" / "accord.sh").read_bytes())
    launcher.chmod(0o755)
    python = bin_folder / "python"
    python.write_text('#!/bin/sh\necho "$PYTHONPATH" "$@"\n')
    python.chmod(0o755)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    done = subprocess.run(
        [os.fspath(launcher), "score", "--uci", "a b.csv", "-"],
        cwd=elsewhere,
        capture_output=True,
        text=True,
        check=True,
    )
    root = tmp_path / "checkout"
    assert done.stdout == (
        f"{root}/layers/domain:{root}/layers/documents:{root} -P -m infra.command score --uci a b.csv -\n"
    )
