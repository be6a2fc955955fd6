"""Reads a file of the UCI data set, plain or gzip'ed: whole numbers by column, or a sentence on what is wrong."""

import csv
import gzip
import re
import zlib
from collections.abc import Iterator, Sequence
from math import inf
from pathlib import Path

from infra.data.accounts import MONTHS

PAY = ("PAY_0", "PAY_2", "PAY_3", "PAY_4", "PAY_5", "PAY_6")
AMOUNTS = tuple(f"{kind}_AMT{number}" for kind in ("BILL", "PAY") for number in range(1, MONTHS + 1))
COLUMNS = ("ID", "LIMIT_BAL", *PAY, *AMOUNTS)
LABEL = "default"
_OTHER_NAMES = {"default.payment.next.month": LABEL}
_WHOLE = re.compile(r"(-?[0-9]+)(?:\.0+)?", re.ASCII)
_MOST_DIGITS = 15
# Between which bounds a value means anything; of PAY, how many months late, 9 stands for nine and more.
_MEANING: dict[str, tuple[float, float]] = {
    "LIMIT_BAL": (1, inf),
    "SEX": (1, 2),
    **dict.fromkeys(PAY, (-2, 9)),
    **{name: (0, inf) for name in AMOUNTS if name.startswith("PAY_AMT")},
    LABEL: (0, 1),
}


class BadFileError(Exception):
    """The file is not the data set; the text is a sentence that names line and column."""


def read_rows(source: Path, columns: Sequence[str] = COLUMNS) -> Iterator[dict[str, int]]:
    """These columns of the rows, in the file's order; others are never read.

    Raises BadFileError that names the first thing wrong, OSError if the file cannot be opened.
    """
    try:
        opened = gzip.open if source.suffix == ".gz" else open
        with opened(source, "rt", encoding="utf-8-sig", newline="") as text:
            reader = csv.reader(text, strict=True)
            header = [_OTHER_NAMES.get(name.strip(), name.strip()) for name in next(reader, [])]
            places = _places(source, header, columns)
            lines: dict[int, int] = {}  # ID → the line where it stands
            for cells in reader:
                if not cells:  # a blank line
                    continue
                where = f"{source}, line {reader.line_num}"
                row = _row(where, cells, header, places)
                first = lines.setdefault(row["ID"], reader.line_num)
                if first != reader.line_num:
                    raise BadFileError(f"{where}, column ID: {row['ID']} stands in line {first} already")
                yield row
    except UnicodeDecodeError:
        raise BadFileError(f"{source}: it is not text in UTF-8") from None
    except csv.Error as error:
        raise BadFileError(f"{source}, line {reader.line_num}: {error}") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadFileError(f"{source}: it cannot be unpacked: {error}") from None


def _places(source: Path, header: list[str], columns: Sequence[str]) -> dict[str, int]:
    """Where each column that is needed stands."""
    if not any(header):
        raise BadFileError(f"{source}, line 1: there is no header line; it begins ID,LIMIT_BAL")
    for name in columns:
        if header.count(name) != 1:
            many = "is missing" if name not in header else "stands there more than once"
            raise BadFileError(f"{source}, line 1: the column {name} {many}")
    return {name: header.index(name) for name in columns}


def _row(where: str, cells: list[str], header: list[str], places: dict[str, int]) -> dict[str, int]:
    if len(cells) != len(header):
        raise BadFileError(f"{where}: {len(cells)} cells, but the header has {len(header)} columns")
    row = {}
    for name, place in places.items():
        cell = cells[place].strip()
        number = _WHOLE.fullmatch(cell)
        if not number:
            raise BadFileError(f"{where}, column {name}: {cell[:40]!r} is not a whole number")
        if len(number[1].lstrip("-")) > _MOST_DIGITS:
            raise BadFileError(f"{where}, column {name}: {cell[:40]!r} is too large: {_MOST_DIGITS} digits at most")
        row[name] = int(number[1])
        least, most = _MEANING.get(name, (-inf, inf))
        if row[name] < least:
            raise BadFileError(f"{where}, column {name}: {row[name]} is below {least}")
        if row[name] > most:
            raise BadFileError(f"{where}, column {name}: {row[name]} is above {most}")
    return row
