"""The ledger of a plan: what was paid of it, by replay of all payments, so that no order of their arrival matters.

A payment goes to the oldest instalment first, and what is more to the next, as the agreement says. One that was taken
back counts as if it had never been made. Who pays all that is left before its time owes no interest for the time after.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from accord.case import Balance, Instalment, Pause, Posting
from accord.schedule import nth_due


class LedgerRow(NamedTuple):
    """One instalment and what went to it."""

    number: int
    due_date: date  # after the pauses
    amount: int
    paid: int
    made_on: date | None  # the day since which it counts as paid: no more than the tolerance was missing


@dataclass(frozen=True)
class Ledger:
    """How a plan stands on a day. Amounts are minor units."""

    rows: tuple[LedgerRow, ...]
    paid: int  # towards the plan; never more than it takes
    left: int  # what settles the plan on this day; exactly 0 once it is settled
    surplus: int  # what was paid beyond that
    arrears: int  # what is due by this day and not paid
    days_past_due: int  # of the oldest instalment that does not count as paid
    missed: int  # instalments that do not count as paid beyond their days of grace
    settled_on: date | None

    @property
    def next_row(self) -> LedgerRow | None:
        """The oldest instalment that does not count as paid."""
        return next((row for row in self.rows if row.made_on is None), None)


@dataclass(frozen=True)
class Terms:
    """What was agreed, as far as payments go."""

    schedule: Sequence[Instalment]
    grace_days: int
    tolerance: int
    time_zone: str


def ledger(terms: Terms, postings: Iterable[Posting], pauses: Iterable[Pause], today: date) -> Ledger:
    """How the plan stands on `today`, with every payment that is known, also one of a later day."""
    schedule, zone = terms.schedule, ZoneInfo(terms.time_zone)
    pauses = sorted(pauses, key=lambda pause: pause.since)
    months = _months(schedule[0].due_date, len(schedule), pauses, today)
    days = [nth_due(schedule[0].due_date, month) for month in months]
    made: list[date | None] = [None] * len(schedule)
    paid, reached, due, settled_on = 0, 0, 0, None
    ends = [due := due + row.amount for row in schedule]
    # Short by the tolerance counts as paid, but of each instalment something has to be.
    enough = [end - min(terms.tolerance, row.amount - 1) for row, end in zip(schedule, ends, strict=True)]
    counted = [posting for posting in postings if not posting.void]
    for posting in sorted(counted, key=lambda posting: (posting.posted_at, posting.payment_id)):
        day = posting.posted_at.astimezone(zone).date()
        paid += posting.amount
        while reached < len(enough) and paid >= enough[reached]:
            made[reached], reached = day, reached + 1
        if settled_on is None and paid >= _takes(schedule, months, day):
            settled_on = day
    if settled_on is not None:
        made = [day or settled_on for day in made]
    takes = _takes(schedule, months, today if settled_on is None else settled_on)
    towards = min(paid, takes)
    late = [day for day, on in zip(days, made, strict=True) if on is None and day < today]
    fallen_due = sum(row.amount for row, day in zip(schedule, days, strict=True) if day <= today)
    return Ledger(
        rows=tuple(
            LedgerRow(row.number, day, row.amount, max(0, min(row.amount, towards - end + row.amount)), on)
            for row, day, end, on in zip(schedule, days, ends, made, strict=True)
        ),
        paid=towards,
        left=takes - towards,
        surplus=paid - towards,
        arrears=0 if settled_on is not None else max(0, fallen_due - paid),
        days_past_due=_days_late(late[0], today, pauses) if late else 0,
        missed=sum(_days_late(day, today, pauses) > terms.grace_days for day in late),
        settled_on=settled_on,
    )


def allocate(balance: Balance, amount: int, order: Iterable[str]) -> Balance:
    """What is left of each component when `amount` is paid in that order; what is more than all of it is nobody's."""
    left = balance.model_dump()
    for component in order:
        part = min(amount, left[component])
        left[component] -= part
        amount -= part
    return Balance(**left)


def _months(first_due: date, count: int, pauses: Iterable[Pause], today: date) -> list[int]:
    """In which month each instalment falls due, counted from the first due date. What would fall due in a pause, and
    all that comes later, moves by whole months, as few as it takes until the pause is over. One that has no end yet is
    not over today.
    """
    months = list(range(count))
    for pause in pauses:
        until = pause.until or max(pause.since, today + timedelta(days=1))
        first = next((at for at, month in enumerate(months) if nth_due(first_due, month) >= pause.since), count)
        by = 0
        while first < count and nth_due(first_due, months[first] + by) < until:
            by += 1
        months[first:] = [month + by for month in months[first:]]
    return months


def _takes(schedule: Sequence[Instalment], months: Sequence[int], day: date) -> int:
    """What settles the plan on a day, from its beginning: the whole debt, and the interest up to that day. Of the month
    that runs, interest counts by the day, rounded down; of those of a pause it does not.
    """
    total, first_due = 0, schedule[0].due_date
    for row, month in zip(schedule, months, strict=True):
        due, begins = nth_due(first_due, month), nth_due(first_due, month - 1)
        run = max(0, (min(day, due) - begins).days)
        total += row.principal + row.interest * run // (due - begins).days
    return total


def _days_late(due: date, today: date, pauses: Iterable[Pause]) -> int:
    """The days since an instalment fell due, without those of a pause."""
    paused = sum(max(0, (min(pause.until or today, today) - max(pause.since, due)).days) for pause in pauses)
    return (today - due).days - paused
