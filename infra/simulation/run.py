"""A portfolio file under one or two policies, on all cores: a few ranges of lines at a time, never the whole file."""

import csv
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO, NamedTuple
from zoneinfo import ZoneInfo

from accord.billing import AccountAtRisk, AccountOverdue
from accord.errors import AccordError, InputRejectedError, RuleMissingError
from accord.identification import is_at_risk, pd_of
from accord.policy import Policy
from accord.portfolio import MAX_LINE_BYTES, read_header, read_row
from infra.simulation.result import result_of
from infra.simulation.totals import REJECTS_SHOWN, Side, Totals

LINES_A_RANGE = 200  # a fraction of a second of work: the bar moves, and no core waits long for the last range
_MAX_RANGE_BYTES = 4 * MAX_LINE_BYTES
_RANGES_A_PROCESS = 3  # under way at once: enough that no core waits, and few enough that memory stays flat


class Job(NamedTuple):
    """What holds for every line of a file."""

    columns: tuple[str, ...]
    policies: tuple[Policy, ...]
    now: datetime


@dataclass(frozen=True)
class Survey:
    """A first look at a file."""

    lines: int  # without the header
    newest: datetime | None  # the newest occurredAt; what claims to be of the future does not count


def survey(path: Path, today: datetime | None = None) -> Survey:
    """Count the lines and find the newest event. Raises InputRejectedError when the file cannot be read as one."""
    latest = (today or datetime.now(UTC)) + timedelta(days=1)
    with path.open("rb") as file:
        columns = read_header(file.readline(MAX_LINE_BYTES + 1))
        place = columns.index("occurredAt")
        newest, lines = None, 0
        for line in _lines(file):
            lines += 1
            told = _moment(line, place)
            if told is not None and told <= latest and (newest is None or told > newest):
                newest = told
    return Survey(lines, newest)


def simulate(
    path: Path,
    policies: tuple[Policy, ...],
    now: datetime,
    processes: int | None = None,
    advance: Callable[[int], None] = lambda lines: None,
    lines_a_range: int = LINES_A_RANGE,
) -> Totals:
    """Decide on every account of a file under each policy. `advance` is told how many lines are done.

    Raises InputRejectedError when the file as a whole cannot be read; a row that cannot be is counted.
    """
    with path.open("rb") as file:
        job = Job(read_header(file.readline(MAX_LINE_BYTES + 1)), policies, now)
        totals = Totals([Side() for _ in policies])
        for lines, part in _parts(job, _ranges(file, lines_a_range), processes or os.cpu_count() or 1):
            totals.add(part)
            advance(lines)
    return totals


def count(job: Job, lines: list[bytes], first_line: int) -> Totals:
    """What a range of lines comes to."""
    totals = Totals([Side() for _ in job.policies])
    for number, line in enumerate(lines, start=first_line):
        totals.lines[_count_line(job, line, number, totals)] += 1
    return totals


def _count_line(job: Job, line: bytes, number: int, totals: Totals) -> str:
    """Count one line, and say as what."""
    if not line.strip():
        return "blank"
    try:
        event = _event(line, job)
    except InputRejectedError as error:
        for problem in sorted((told["field"], told["problem"]) for told in error.problems):
            totals.rejected[problem] += 1
            if len(totals.rejects) < REJECTS_SHOWN:
                totals.rejects.append((number, *problem))
        return "rejected"
    if event is None:
        return "not_at_risk"
    results = []
    for side, policy in zip(totals.sides, job.policies, strict=True):
        try:
            results.append(result_of(event, policy, job.now))
        # One account that cannot be decided on must not hide what becomes of the others; the report says how many.
        except Exception as error:
            # Only Accord's own messages are repeated: they hold nothing personal.
            side.failed[str(error) if isinstance(error, AccordError) else type(error).__name__] += 1
    if len(results) < len(job.policies):
        return "failed"
    for side, result in zip(totals.sides, results, strict=True):
        side.take(result)
    if len(results) > 1:
        totals.differences.take(*results)
    return "decided"


def _event(line: bytes, job: Job) -> AccountOverdue | None:
    """The event of a row; None for an account that is not late and, by every policy, not likely to be.

    Raises InputRejectedError.
    """
    _, event = read_row(line, job.columns, job.now, job.policies)
    policy = job.policies[0]
    if event.jurisdiction != policy.jurisdiction:
        raise InputRejectedError.of("jurisdiction", "NOT_SERVED", f"the policy is for {policy.jurisdiction}")
    if event.account.currency != policy.currencies[0]:  # amounts are added up
        problem = f"only {policy.currencies[0]} is added up"
        raise InputRejectedError.of("account.currency", "NOT_SERVED", problem)
    if isinstance(event, AccountAtRisk) and not counts_as_at_risk(event, job.policies, job.now):
        return None
    return event


def counts_as_at_risk(event: AccountAtRisk, policies: tuple[Policy, ...], now: datetime) -> bool:
    """Whether one of the policies finds the account likely to be late.

    As the screening of portfolios has it: where the history does not tell, nobody is at risk.
    """
    pd_ppm = pd_of(event.as_account())[0]
    today = now.astimezone(ZoneInfo(event.cardholder.time_zone)).date()
    try:
        return pd_ppm is not None and any(is_at_risk(pd_ppm, policy.on(today)) for policy in policies)
    except RuleMissingError:
        return True  # the decision says what is missing


# --- lines and processes -----------------------------------------------------------------------------------------


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """The lines of a file from where it stands. Raises InputRejectedError for one that is out of all bounds."""
    number = 1
    while line := file.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(line) > MAX_LINE_BYTES:
            problem = f"line {number} is longer than {MAX_LINE_BYTES:,} bytes: one account is one line"
            raise InputRejectedError.of("file", "TOO_LONG", problem)
        yield line


def _ranges(file: BinaryIO, lines_a_range: int) -> Iterator[tuple[int, list[bytes]]]:
    """The lines in small ranges, each with the number of its first line; the header is line 1."""
    lines: list[bytes] = []
    first = 2
    size = 0
    for line in _lines(file):
        lines.append(line)
        size += len(line)
        if len(lines) == lines_a_range or size > _MAX_RANGE_BYTES:
            yield first, lines
            first, lines, size = first + len(lines), [], 0
    if lines:
        yield first, lines


def _parts(job: Job, ranges: Iterator[tuple[int, list[bytes]]], processes: int) -> Iterator[tuple[int, Totals]]:
    """The totals of each range, in the order in which they are done, with its number of lines."""
    if processes == 1:
        for first, lines in ranges:
            yield len(lines), count(job, lines, first)
        return
    # Spawned, not forked: a progress bar has a thread, and a fork beside a thread may hang.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(processes, mp_context=context, initializer=_begin, initargs=(job,))
    under_way: dict[Future[Totals], int] = {}
    try:
        for first, lines in ranges:
            under_way[pool.submit(_count, lines, first)] = len(lines)
            if len(under_way) == processes * _RANGES_A_PROCESS:
                yield from _done(under_way)
        while under_way:
            yield from _done(under_way)
    finally:
        pool.shutdown(cancel_futures=True)


def _done(under_way: dict[Future[Totals], int]) -> Iterator[tuple[int, Totals]]:
    """Wait for one range at least; what is done is under way no more."""
    for future in wait(under_way, return_when=FIRST_COMPLETED).done:
        yield under_way.pop(future), future.result()


_job: Job


def _begin(job: Job) -> None:
    """In each process of the pool, once."""
    global _job
    _job = job
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one that started this


def _count(lines: list[bytes], first_line: int) -> Totals:
    return count(_job, lines, first_line)


def _moment(line: bytes, place: int) -> datetime | None:
    """The moment in one cell of a line, if one stands there."""
    try:
        cell = next(csv.reader([line.decode(errors="replace")]))[place]
        told = datetime.fromisoformat(cell)
    except (csv.Error, IndexError, StopIteration, ValueError):
        return None
    return told if told.tzinfo else None
