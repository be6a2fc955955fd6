"""Reads a file of the UCI data set, plain or gzip'ed: whole numbers by column, or a sentence on what is wrong."""

import csv
import gzip
import re
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from infra.data.accounts import MONTHS

PAY = ("PAY_0", "PAY_2", "PAY_3", "PAY_4", "PAY_5", "PAY_6")
AMOUNTS = tuple(f"{kind}_AMT{number}" for kind in ("BILL", "PAY") for number in range(1, MONTHS + 1))
COLUMNS = ("ID", "LIMIT_BAL", *PAY, *AMOUNTS)
LABEL = "default"
_OTHER_NAMES = {"default.payment.next.month": LABEL}
_WHOLE = re.compile(r"-?[0-9]{1,15}", re.ASCII)


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
            for cells in reader:
                if cells:  # not a blank line
                    yield _row(f"{source}, line {reader.line_num}", cells, header, places)
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
        if not _WHOLE.fullmatch(cell):
            raise BadFileError(f"{where}, column {name}: {cell[:40]!r} is not a whole number")
        row[name] = int(cell)
        lowest = 1 if name == "LIMIT_BAL" else 0 if name.startswith("PAY_AMT") else None
        if lowest is not None and row[name] < lowest:
            raise BadFileError(f"{where}, column {name}: {row[name]} is below {lowest}")
    return row
