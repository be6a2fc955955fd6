"""How a card was used and paid over six statement months, and what the early warning measures in that."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from accord.case import Account

MONTHS = 6
_MOST = 9_999  # a payment far above its bill says no more than this many thousandths
_NEVER = MONTHS  # "months since" what did not happen in the months that are known
_PAID_UP = -10  # paying still more than what was billed says no more than this
# A measure that looks only at accounts that are late, or only at those that are not, gives the others the value that
# its trend makes the best one: what does not apply can cost no points and is nobody's reason.
_DOES_NOT_APPLY = -100
_FREE_WITHOUT_END = 10**14


class Unit(StrEnum):
    """What a measured number counts."""

    MONTHS = "MONTHS"
    SHARE = "SHARE"  # thousandths
    AMOUNT = "AMOUNT"  # units of the card's money


class Unknown(StrEnum):
    """Why nothing can be said of an account. Unknown stays unknown: nothing is filled in."""

    SHORT_HISTORY = "SHORT_HISTORY"
    HISTORY_WITH_GAPS = "HISTORY_WITH_GAPS"
    NO_LIMIT = "NO_LIMIT"
    OTHER_CURRENCY = "OTHER_CURRENCY"


@dataclass(frozen=True)
class Behaviour:
    """Six statement months, newest first, and the limit; amounts are whole units of the card's money.

    What is paid in a month answers the bill of the month before. Raises ValueError for another number of months or a
    limit that is not above zero.
    """

    limit: int
    billed: tuple[int, ...]
    paid: tuple[int, ...]
    late: tuple[int, ...]  # months past due

    def __post_init__(self) -> None:
        if {len(self.billed), len(self.paid), len(self.late)} != {MONTHS}:
            raise ValueError(f"{MONTHS} months are needed")
        if self.limit <= 0:
            raise ValueError("the limit must be above zero")

    @cached_property
    def charged(self) -> tuple[int, ...]:
        """What each month added to the debt, the oldest month excepted: purchases, interest and fees."""
        billed, paid = self.billed, self.paid
        return tuple(billed[i] - billed[i + 1] + paid[i] for i in range(MONTHS - 1))

    @cached_property
    def unpaid(self) -> int:
        """What the newest payment left of the bill that it answers; below zero where more was paid."""
        return self.billed[1] - self.paid[0]

    def of_limit(self, amount: int) -> int:
        """An amount in thousandths of the limit, rounded down."""
        return amount * 1000 // self.limit


class Measure(NamedTuple):
    """One number read from behaviour.

    `trend` is +1 where a higher number can only mean more risk, -1 less, and 0 where it may turn.
    """

    of: Callable[[Behaviour], int]
    unit: Unit
    trend: int


def _months_since_two_late(seen: Behaviour) -> int:
    return next((back for back, late in enumerate(seen.late) if late >= 2), _NEVER)


def _months_two_late(seen: Behaviour) -> int:
    return sum(late >= 2 for late in seen.late)


def _unpaid_while_late(seen: Behaviour) -> int:
    return max(seen.of_limit(seen.unpaid), _PAID_UP) if seen.late[0] else _DOES_NOT_APPLY


def _unpaid_in_time(seen: Behaviour) -> int:
    return _DOES_NOT_APPLY if seen.late[0] else max(seen.of_limit(seen.unpaid), _PAID_UP)


def _free_in_time(seen: Behaviour) -> int:
    return _FREE_WITHOUT_END if seen.late[0] else seen.limit - seen.billed[0]


def _swing(seen: Behaviour) -> int:
    return seen.of_limit(max(seen.billed)) - seen.of_limit(min(seen.billed))


def _smallest_share_paid(seen: Behaviour) -> int:
    """Of the three newest payments; a month in which nothing was to be paid counts as paid."""
    answered = zip(seen.paid[:3], seen.billed[1:4], strict=True)
    return min(min(paid * 1000 // billed, _MOST) if billed > 0 else _MOST for paid, billed in answered)


MEASURES: Mapping[str, Measure] = {
    "months_since_two_late": Measure(_months_since_two_late, Unit.MONTHS, -1),
    "months_two_late": Measure(_months_two_late, Unit.MONTHS, 1),
    "months_late_in_all": Measure(lambda seen: sum(seen.late), Unit.MONTHS, 1),
    "unpaid_while_late": Measure(_unpaid_while_late, Unit.SHARE, 1),
    "unpaid_in_time": Measure(_unpaid_in_time, Unit.SHARE, 1),
    "free_in_time": Measure(_free_in_time, Unit.AMOUNT, -1),
    "smallest_share_paid": Measure(_smallest_share_paid, Unit.SHARE, -1),
    "smallest_payment": Measure(lambda seen: min(seen.paid), Unit.AMOUNT, -1),
    "mean_payment": Measure(lambda seen: sum(seen.paid) // MONTHS, Unit.AMOUNT, -1),
    "second_newest_payment": Measure(lambda seen: seen.paid[1], Unit.AMOUNT, -1),
    "third_newest_payment": Measure(lambda seen: seen.paid[2], Unit.AMOUNT, -1),
    "newest_charges": Measure(lambda seen: seen.charged[0], Unit.AMOUNT, 0),
    "largest_charges": Measure(lambda seen: max(seen.charged), Unit.AMOUNT, 0),
    "mean_charges": Measure(lambda seen: sum(seen.charged) // (MONTHS - 1), Unit.AMOUNT, 0),
    "recent_charges": Measure(lambda seen: seen.of_limit(max(seen.charged[:3])), Unit.SHARE, 0),
    "newest_bill": Measure(lambda seen: seen.billed[0], Unit.AMOUNT, 0),
    "mean_bill": Measure(lambda seen: sum(seen.billed) // MONTHS, Unit.AMOUNT, 0),
    "swing_of_use": Measure(_swing, Unit.SHARE, 0),
}


def behaviour_of(account: Account, minor_units: Mapping[str, int]) -> Behaviour | Unknown:
    """The account's behaviour in a card's money, or why it is unknown.

    `minor_units` tells how many of a currency's minor units are one unit of the card's money. Of a longer history the
    six newest months count.
    """
    unit = minor_units.get(account.currency)
    months = account.history[:MONTHS]
    if unit is None:
        return Unknown.OTHER_CURRENCY
    if account.credit_limit < unit:
        return Unknown.NO_LIMIT
    if len(months) < MONTHS:
        return Unknown.SHORT_HISTORY
    numbers = [int(month.month[:4]) * 12 + int(month.month[5:]) for month in months]
    if any(newer - older != 1 for newer, older in pairwise(numbers)):
        return Unknown.HISTORY_WITH_GAPS
    return Behaviour(
        account.credit_limit // unit,
        tuple(month.billed // unit for month in months),
        tuple(month.paid // unit for month in months),
        tuple(month.months_past_due for month in months),
    )
