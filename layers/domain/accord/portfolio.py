"""Portfolio files: one account a row, the fields of AccountOverdue flattened with dots; how rows become events.

A file is UTF-8, comma separated, with a header, one account a line. `history.1` is the newest statement month, the
month before `occurredAt` unless a column `history.1.month` says otherwise; `cardholder.flags` is separated by `|`.
The event id comes from what the row says, so that the same row makes the same event: in the same file, in a copy of it,
and in a corrected file that repeats the rows which were right. Ids are logged, so name, phone and the like are no part
of them; intake keeps these whenever a row says them anew.
"""

import csv
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from accord.billing import AccountAtRisk, AccountOverdue, parse
from accord.errors import InputRejectedError
from accord.identification import is_at_risk, pd_of
from accord.opening import HEARD_WITHOUT_A_CASE, check_acceptable
from accord.policy import Policy, load_policy

LINES_A_RANGE = 2_000
# The counts of all ranges come back to the workflow in one state; Step Functions holds 256 KiB there.
MAX_RANGES = 2_500
# The longest valid row (60 months of history) has about 5 KB. The bound on any line keeps the planner's memory flat.
MAX_ROW_BYTES = 16 * 1024
MAX_LINE_BYTES = 1024 * 1024
# A range is held in memory: 2,000 of the longest valid rows fit, and a row that is out of all bounds harms few others.
MAX_RANGE_BYTES = 32 * 1024 * 1024

_HISTORY = re.compile(r"history\.([1-9]\d?)\.(month|billed|paid|monthsPastDue)")
_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,18}")
# What of a row goes into the people table alone.
_PERSONAL = ("name", "phone", "email", "idLast4", "birthDate")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_EXCELS_SEPARATOR = re.compile(r'"?sep=.{0,3}"?', re.IGNORECASE)
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_NOT_TEXT = {
    b"\x1f\x8b": "it is compressed with gzip: send the CSV itself",
    b"PK\x03\x04": "it is a ZIP or Excel file: send it as CSV, UTF-8",
    b"\xff\xfe\x00\x00": "it is UTF-32: save it as UTF-8",
    b"\x00\x00\xfe\xff": "it is UTF-32: save it as UTF-8",
    b"\xff\xfe": "it is UTF-16: save it as UTF-8",
    b"\xfe\xff": "it is UTF-16: save it as UTF-8",
    b"%PDF": "it is a PDF: send the rows as CSV, UTF-8",
    b"\xd0\xcf\x11\xe0": "it is an old Excel file: save it as CSV, UTF-8",
}
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars", "，": "full-width commas"}


@dataclass(frozen=True)
class Range:
    """Whole lines of a file: bytes from `start` up to `end`; the first of them is number `line` (the header is 1).

    A line out of all bounds stands alone in its range and with its beginning only: enough to reject it by its number.
    """

    start: int
    end: int
    line: int
    lines: int


@dataclass(frozen=True)
class Plan:
    """How a file will be screened."""

    columns: tuple[str, ...]
    ignored_columns: tuple[str, ...]  # that no field of AccountOverdue has: told to the sender, never an error
    lines: int  # without the header
    ranges: tuple[Range, ...]


@dataclass
class Screening:
    """What the rows of one range came to. Every line is in exactly one of the counts."""

    overdue: list[dict[str, Any]] = field(default_factory=list)  # details of AccountOverdue
    at_risk: list[dict[str, Any]] = field(default_factory=list)  # details of AccountAtRisk
    in_order: list[dict[str, Any]] = field(default_factory=list)  # details of AccountInOrder
    blank: int = 0
    rejected: int = 0
    rejects: list[dict[str, Any]] = field(default_factory=list)  # line, field, problem: one entry a problem, no values

    def counts(self) -> dict[str, int]:
        """How many lines came out how."""
        return {
            "overdue": len(self.overdue),
            "atRisk": len(self.at_risk),
            "notAtRisk": len(self.in_order),
            "rejected": self.rejected,
            "blank": self.blank,
        }


def plan(chunks: Iterable[bytes]) -> Plan:
    """Read a file once and cut it into ranges of whole lines.

    Raises InputRejectedError when the file as a whole cannot be read: empty, no CSV, not UTF-8, columns missing.
    """
    lines = _lines(chunks)
    header, end = next(lines, (b"", 0))
    columns = read_header(header)
    ranges: list[Range] = []
    start, first, number = end, 2, 1
    for number, (_, length) in enumerate(lines, start=2):
        if length > MAX_LINE_BYTES:
            if end > start:
                ranges.append(Range(start, end, first, number - first))
            ranges.append(Range(end, end + MAX_ROW_BYTES + 1, number, 1))
            start = end = end + length
            first = number + 1
            continue
        end += length
        if number - first + 1 == LINES_A_RANGE or end - start > MAX_RANGE_BYTES - MAX_LINE_BYTES:
            ranges.append(Range(start, end, first, number - first + 1))
            start, first = end, number + 1
    if end > start:
        ranges.append(Range(start, end, first, number - first + 1))
    if len(ranges) > MAX_RANGES:
        raise InputRejectedError.of(
            "file", "TOO_LONG", f"it has more than {MAX_RANGES * LINES_A_RANGE:,} rows: split it into several files"
        )
    known = tuple(name if _is_known(name) else "" for name in columns)
    ignored = (_told_column(place, name) for place, name in enumerate(columns, start=1) if not _is_known(name))
    return Plan(known, tuple(ignored), number - 1, tuple(ranges))


def _told_column(place: int, name: str) -> str:
    """A column's name, where it is one: in a file without its header, or one that slipped, a cell may be personal."""
    return name if re.fullmatch(r"(account|cardholder|history)(\.[A-Za-z0-9]{1,40}){1,3}", name) else f"column {place}"


def read_header(line: bytes) -> tuple[str, ...]:
    """The columns that a header line names. Raises InputRejectedError that names what is missing or wrong."""
    while line.startswith(_BYTE_ORDER_MARK):  # some programs write it before one that is there
        line = line.removeprefix(_BYTE_ORDER_MARK)
    if not line.strip():
        raise InputRejectedError.of(
            "file", "EMPTY", "it is empty, or its first line is: the first line names the columns"
        )
    if b"\r" in line.rstrip(b"\r\n") and b"\0" not in line:
        raise InputRejectedError.of(
            "file", "WRONG_LINE_ENDS", "its lines end with carriage returns alone: save it with line feeds"
        )
    if len(line) > MAX_ROW_BYTES:
        raise InputRejectedError.of("header", "TOO_LONG", f"it is longer than {MAX_ROW_BYTES:,} bytes")
    if (problem := _not_text(line)) is not None:
        raise InputRejectedError.of("file", "NOT_UTF8", problem)
    try:
        text = line.decode()
    except UnicodeDecodeError:
        raise InputRejectedError.of("header", "NOT_UTF8", "it is not UTF-8: save the file as CSV, UTF-8") from None
    if _EXCELS_SEPARATOR.fullmatch(text.strip()):
        raise InputRejectedError.of(
            "file", "NO_HEADER", "its first line is for Excel alone (sep=): take it out, and separate with commas"
        )
    if (separator := _separated_by(text)) is not None:
        raise InputRejectedError.of(
            "file", "WRONG_SEPARATOR", f"it seems to be separated by {separator}: save it with commas"
        )
    try:
        columns = _cells(text)
    except csv.Error as error:
        raise InputRejectedError.of("header", "NOT_CSV", f"it is not a line of CSV: {error}") from None
    if not any(map(_is_known, columns)):
        problem = "its first line names none of the columns: the first line is the header, with names like account.apr"
        raise InputRejectedError.of("file", "NO_HEADER", problem)
    months = {match[1] for name in columns if (match := _HISTORY.fullmatch(name))}
    needed = [name for name, told in _fields().items() if told["required"]]
    needed += [
        f"history.{month}.{part}" for month in sorted(months, key=int) for part in ("billed", "paid", "monthsPastDue")
    ]
    problems = [_of_column(name, "MISSING", "the column is missing") for name in needed if name not in columns]
    # Only names that are ours are repeated: a file without a header has a person's data in its first line.
    problems += [
        _of_column(name, "REPEATED", "the column stands there more than once")
        for name, times in Counter(columns).items()
        if times > 1 and _is_known(name)
    ]
    if problems:
        raise InputRejectedError(problems)
    return tuple(columns)


def screen(data: bytes, columns: tuple[str, ...], first_line: int, now: datetime) -> Screening:
    """Judge every line of a range: an event for an account that is late, likely to be, or in order; or rejects.

    Rejects name line and field. Who is not late is scored; where the history does not tell, nobody is at risk. Rows
    that tell one account or one cardholder in two ways at one moment are all rejected: nobody knows which is true.
    """
    result = Screening()
    rows: dict[int, tuple[dict[str, Any], AccountOverdue]] = {}
    lines = data.removesuffix(b"\n").split(b"\n")
    for number, line in enumerate(lines, start=first_line):
        if not line.strip():
            result.blank += 1
            continue
        try:
            rows[number] = read_row(line, columns, now)
        except InputRejectedError as error:
            result.rejected += 1
            result.rejects += [{"line": number, **problem} for problem in error.problems]
    for number, problems in _contradictions(rows).items():
        del rows[number]
        result.rejected += 1
        result.rejects += [{"line": number, **problem} for problem in problems]
    for detail, event in rows.values():
        if not isinstance(event, AccountAtRisk):
            result.overdue.append(detail)
        elif _is_likely_to_be_late(event, now):
            result.at_risk.append(detail)
        else:
            # An id of its own: the same row may be one at risk by another policy.
            result.in_order.append(detail | {"eventId": detail["eventId"].replace("file-", "note-")})
    return result


def is_heard_without_a_case(detail: Mapping[str, Any]) -> bool:
    """Whether a row says what has to be known before any case, or in the holder's cases on other accounts."""
    return bool(HEARD_WITHOUT_A_CASE.intersection(detail["cardholder"].get("flags", ())))


def _contradictions(rows: dict[int, tuple[dict[str, Any], AccountOverdue]]) -> dict[int, list[dict[str, str]]]:
    """What is wrong with each line whose account or cardholder stands there again, at one moment, with other words."""
    told: dict[tuple[str, str, datetime], list[int]] = {}
    for number, (_, event) in rows.items():
        for what, which in (("account", event.account.account_id), ("cardholder", event.cardholder.cardholder_id)):
            told.setdefault((what, which, event.occurred_at), []).append(number)
    found: dict[int, dict[str, dict[str, str]]] = {}
    for (what, _, _), numbers in told.items():
        if len(numbers) == 1:
            continue
        by_line = {number: _columns_told(rows[number][1], what) for number in numbers}
        lines = ", ".join(map(str, islice(by_line, 5))) + (" …" if len(by_line) > 5 else "")
        problem = f"the lines {lines} tell the same {what} at the same moment, and contradict each other here"
        for name in dict.fromkeys(name for words in by_line.values() for name in words):
            if len({words[name] for words in by_line.values() if name in words}) > 1:
                wrong = _of_column(name, "CONTRADICTION", problem)
                for number in by_line:
                    found.setdefault(number, {}).setdefault(name, wrong)
    return {number: list(problems.values()) for number, problems in sorted(found.items())}


def _columns_told(event: AccountOverdue, what: str) -> dict[str, Any]:
    """What a row says of the account, or of the cardholder alone, by column and as it is understood: 0.18 is 0.180.

    What it leaves out contradicts nothing, but for a person's own data: an address that is there and is not there is
    two. Flags add up over rows, and no row takes one back.
    """
    said: dict[str, Any] = {}
    detail = event.model_dump(by_alias=True)
    if what == "account":
        said["history"] = json.dumps(detail["account"]["history"], sort_keys=True, default=str)
    for name in _fields():
        if what == "cardholder" and not name.startswith("cardholder."):
            continue
        value: Any = detail
        for part in name.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        personal = name.removeprefix("cardholder.") in _PERSONAL
        if name not in ("occurredAt", "cardholder.flags") and (value is not None or personal):
            said[name] = value
    return said


def _is_likely_to_be_late(event: AccountAtRisk, now: datetime) -> bool:
    """Whether the early warning says so, by the policy of the account's jurisdiction."""
    pd_ppm = pd_of(event.as_account())[0]
    today = now.astimezone(ZoneInfo(event.cardholder.time_zone)).date()
    return pd_ppm is not None and is_at_risk(pd_ppm, load_policy(event.jurisdiction).on(today))


def read_row(
    line: bytes, columns: tuple[str, ...], now: datetime, judging: Sequence[Policy] = ()
) -> tuple[dict[str, Any], AccountOverdue]:
    """One line as the detail of AccountOverdue or, for an account that is not late, of AccountAtRisk; and the event.

    `judging` as in `check_acceptable`. Raises InputRejectedError that names every column that is wrong.
    """
    if len(line) > MAX_ROW_BYTES:
        raise InputRejectedError.of("row", "TOO_LONG", f"it is longer than {MAX_ROW_BYTES:,} bytes")
    try:
        # Bytes that are no UTF-8 become lone surrogates, so that the field they stand in can be named.
        cells = _cells(line.decode(errors="surrogateescape"))
    except csv.Error as error:
        raise InputRejectedError.of(
            "row", "NOT_CSV", f"it is not a line of CSV: {error}; a field must not hold a line break"
        ) from None
    if len(cells) != len(columns):
        raise InputRejectedError.of("row", "NOT_CSV", f"it has {len(cells)} fields, the header has {len(columns)}")
    row = dict(zip(columns, cells, strict=True))
    problems = [{"field": name} | unreadable for name, text in row.items() if (unreadable := _unreadable(text))]
    if problems:
        raise InputRejectedError(problems)
    months = _history(row)
    detail: dict[str, Any] = {"account": {"balance": {}}, "cardholder": {}}
    for name, told in _fields().items():
        if row.get(name, "") != "":
            _place(detail, name, _value(row[name], told))
    detail["account"]["history"] = list(months.values())
    known = {name: value for name, value in detail["cardholder"].items() if name not in _PERSONAL}
    said = json.dumps(detail | {"cardholder": known}, sort_keys=True)
    detail["eventId"] = f"file-{hashlib.sha256(said.encode()).hexdigest()[:40]}"
    try:
        event = parse(AccountOverdue, detail)
        if event.account.days_past_due == 0:
            event = parse(AccountAtRisk, detail)
        check_acceptable(event, now, judging)
    except InputRejectedError as error:
        raise InputRejectedError(
            [{**problem, "field": _column(problem["field"], list(months))} for problem in error.problems]
        ) from None
    return detail, event


def summarise(lines: int, ranges: list[dict[str, Any]]) -> dict[str, Any]:
    """Add up the counts of all ranges of a file with so many lines.

    A range that failed for good stands there as `{"failedFromLine": n}`. INCOMPLETE means that some line is in no
    count; screening the same file again is then the way out, and harmless.
    """
    names = Screening().counts()
    summary: dict[str, Any] = {name: sum(piece.get(name, 0) for piece in ranges) for name in names}
    failed = sorted(piece["failedFromLine"] for piece in ranges if "failedFromLine" in piece)
    complete = sum(summary.values()) == lines and not failed
    return {"outcome": "COMPLETE" if complete else "INCOMPLETE", "lines": lines, **summary, "failedFromLines": failed}


# --- parts -----------------------------------------------------------------------------------------------------


def _lines(chunks: Iterable[bytes]) -> Iterator[tuple[bytes, int]]:
    """The lines of a file, each with its line feed and its length; one out of all bounds is not kept whole."""
    rest, let_go = b"", 0
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line + b"\n", let_go + len(line) + 1
            let_go = 0
        if len(rest) > MAX_LINE_BYTES:
            let_go += len(rest) - MAX_LINE_BYTES
            rest = rest[:MAX_LINE_BYTES]
    if rest:
        yield rest, let_go + len(rest)


def _not_text(line: bytes) -> str | None:
    """What a file is that begins with no UTF-8 text, and what to do about it."""
    for magic, problem in _NOT_TEXT.items():
        if line.startswith(magic):
            return problem
    if b"\0" not in line:
        return None
    # A Latin letter takes two or four bytes there, all but one of them zero.
    zeros = [line[offset::4].count(0) > len(line) // 8 for offset in range(4)]
    wide = {1: None, 2: "UTF-16", 3: "UTF-32"}.get(sum(zeros))
    return f"it seems to be {wide}: save it as UTF-8" if wide else "it is no text: send the rows as CSV, UTF-8"


def _separated_by(text: str) -> str | None:
    """What a header is separated by that names columns of ours, where it is no comma."""
    for separator, name in _SEPARATORS.items():
        if separator in text and any(_is_known(cell.strip(' "\r\n')) for cell in text.split(separator)):
            return name
    return None


def _of_column(name: str, code: str, problem: str) -> dict[str, str]:
    return {"field": name, "code": code, "problem": problem}


def _cells(line: str) -> list[str]:
    return next(csv.reader([line.rstrip("\r\n")], strict=True))


def _unreadable(text: str) -> dict[str, str]:
    if _CONTROL.search(text):
        return {"code": "CONTROL_CHARACTER", "problem": "it holds a control character"}
    try:
        text.encode()
    except UnicodeEncodeError:
        return {"code": "NOT_UTF8", "problem": "it is not UTF-8"}
    return {}


@cache
def _fields() -> Mapping[str, dict[str, Any]]:
    """The columns that AccountOverdue asks for, from its own JSON Schema: name → {required, type}; without history."""
    schema = AccountOverdue.model_json_schema()

    def walk(node: dict[str, Any], prefix: str) -> Iterator[tuple[str, dict[str, Any]]]:
        for name, told in node["properties"].items():
            if "$ref" in told:
                yield from walk(schema["$defs"][told["$ref"].rpartition("/")[2]], f"{prefix}{name}.")
                continue
            kinds = {option.get("type") for option in told.get("anyOf", [told])}
            yield prefix + name, {"required": name in node["required"], "kinds": kinds}

    made_here = ("eventId", "account.history")
    return {name: told for name, told in walk(schema, "") if name not in made_here}


def _is_known(column: str) -> bool:
    return column in _fields() or _HISTORY.fullmatch(column) is not None


def _value(text: str, told: dict[str, Any]) -> Any:
    """A cell as its field wants it. What does not fit stays text: the model then says what is wrong."""
    if "integer" in told["kinds"] and _WHOLE_NUMBER.fullmatch(text):
        return int(text)
    if "array" in told["kinds"]:
        return text.split("|")
    return text


def _place(detail: dict[str, Any], name: str, value: Any) -> None:
    *parents, last = name.split(".")
    for parent in parents:
        detail = detail[parent]
    detail[last] = value


def _history(row: dict[str, str]) -> dict[int, dict[str, Any]]:
    """The months of a row that hold anything, by their number, newest first."""
    told_on = re.match(r"(\d{4})-(\d{2})-", row["occurredAt"])
    if not told_on:
        return {}  # the row is refused for that
    months: dict[int, dict[str, Any]] = {}
    for name, text in row.items():
        if text != "" and (match := _HISTORY.fullmatch(name)):
            value = int(text) if _WHOLE_NUMBER.fullmatch(text) else text
            months.setdefault(int(match[1]), {})[match[2]] = value
    for number, month in months.items():
        year, index = divmod(int(told_on[1]) * 12 + int(told_on[2]) - 1 - number, 12)
        month.setdefault("month", f"{year:04}-{index + 1:02}")
    return dict(sorted(months.items()))


def _column(path: str, months: list[int]) -> str:
    """The column that a field of the event came from."""
    match = re.fullmatch(r"account\.history\.(\d+)(.*)", path)
    return f"history.{months[int(match[1])]}{match[2]}" if match else path
