"""`accord score`: the chance of a missed payment for every row of a file in the data set's form."""

import csv
import gzip
import os
import re
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from accord.early_warning import load_card
from infra.data.uci import COLUMNS, behaviour

_WHOLE = re.compile(r"-?[0-9]{1,15}", re.ASCII)
_STANDARD_OUTPUT = Path("-")
BAD_INPUT = 2


class BadFileError(Exception):
    """The file is not what the command reads; the text is a sentence that names line and column."""


def score(
    uci: Annotated[Path, typer.Option(metavar="IN.csv", help="The data set's columns; IN.csv.gz is read too.")],
    out: Annotated[Path, typer.Argument(metavar="OUT.csv", help="ID,pd; - is the standard output.")],
) -> None:
    """Score a file of card accounts: the chance that next month's payment is missed, a row for each of its rows.

    Columns that are not needed are ignored; sex, education, marriage and age are never read.
    """
    card = load_card()
    try:
        rows = list(rows_of(uci))
        console = Console(stderr=True)
        bar = track(rows, "scoring", console=console, disable=not console.is_terminal)
        lines = [f"{row['ID']},{card.score(behaviour(row)).pd:.6f}\n" for row in bar]
        write(out, "".join(("ID,pd\n", *lines)))
    except (BadFileError, OSError) as problem:
        typer.echo(f"accord score: {problem}", err=True)
        raise typer.Exit(BAD_INPUT) from None


def rows_of(source: Path) -> Iterator[dict[str, int]]:
    """The rows as whole numbers, by column. Raises BadFileError that names the first thing wrong, OSError if unread."""
    try:
        opened = gzip.open if source.suffix == ".gz" else open
        with opened(source, "rt", encoding="utf-8-sig", newline="") as text:
            reader = csv.reader(text, strict=True)
            header = [name.strip() for name in next(reader, [])]
            where = _places(source, header)
            for cells in reader:
                if cells:  # not a blank line
                    yield _row(f"{source}, line {reader.line_num}", cells, header, where)
    except UnicodeDecodeError:
        raise BadFileError(f"{source}: it is not text in UTF-8") from None
    except csv.Error as error:
        raise BadFileError(f"{source}, line {reader.line_num}: {error}") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadFileError(f"{source}: it cannot be unpacked: {error}") from None


def _places(source: Path, header: list[str]) -> dict[str, int]:
    """Where each column that is needed stands."""
    if not any(header):
        raise BadFileError(f"{source}, line 1: there is no header line; it begins ID,LIMIT_BAL")
    for name in COLUMNS:
        if header.count(name) != 1:
            many = "is missing" if name not in header else "stands there more than once"
            raise BadFileError(f"{source}, line 1: the column {name} {many}")
    return {name: header.index(name) for name in COLUMNS}


def _row(where: str, cells: list[str], header: list[str], places: dict[str, int]) -> dict[str, int]:
    if len(cells) != len(header):
        raise BadFileError(f"{where}: {len(cells)} cells, but the header has {len(header)} columns")
    row = {}
    for name, place in places.items():
        cell = cells[place].strip()
        if not _WHOLE.fullmatch(cell):
            raise BadFileError(f"{where}, column {name}: {cell[:40]!r} is not a whole number")
        row[name] = int(cell)
        lowest = 1 if name == "LIMIT_BAL" else 0 if name.startswith("PAY_AMT") else None
        if lowest is not None and row[name] < lowest:
            raise BadFileError(f"{where}, column {name}: {row[name]} is below {lowest}")
    return row


def write(target: Path, text: str) -> None:
    """All of it or nothing: a file beside the target takes its name once it is whole."""
    if target == _STANDARD_OUTPUT:
        typer.echo(text, nl=False)
        return
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        part.write_text(text, encoding="utf-8", newline="")
        part.replace(target)
    finally:
        with suppress(FileNotFoundError):
            part.unlink()
