"""Instalments in whole minor units: equal ones, annuities, due dates, and the yearly cost of a row of payments.

Whatever is rounded, the last instalment settles it, so that a schedule always repays exactly what is owed.
"""

from calendar import monthrange
from collections.abc import Callable, Sequence
from datetime import date
from functools import lru_cache, partial
from typing import NamedTuple

from accord.case import Instalment, Offer
from accord.money import PPM

MAX_MONTHS = 600
_MONTHS_A_YEAR = 12


class Payment(NamedTuple):
    """One payment of a plan before it has a due date, in minor units."""

    amount: int
    principal: int
    interest: int


# A search makes hundreds of schedules: this takes half the time of calling the class with three arguments.
_as_payment: Callable[[tuple[int, int, int]], Payment] = partial(tuple.__new__, Payment)


def payments(bearing: int, free: int, annual_rate_ppm: int, months: int) -> list[Payment]:
    """The payments of a plan in which interest runs on `bearing` alone and `free` is repaid beside it without any.

    `free` is repaid in equal instalments, `free // months` each; `bearing` as an annuity with a twelfth of the yearly
    rate on the balance each month. Interest may not run on fees (People's Bank of China, credit card notice in force
    since 2017): they are `free`. Amounts in minor units.
    Raises ValueError when there is too little for so many instalments, or a value is out of range.
    """
    if not 1 <= months <= MAX_MONTHS:
        raise ValueError(f"months: {months} is not from 1 to {MAX_MONTHS}")
    if not 0 <= annual_rate_ppm <= PPM:
        raise ValueError(f"annual_rate_ppm: {annual_rate_ppm} is not from 0 to {PPM}")
    if bearing < 0 or free < 0 or bearing + free < 1:
        raise ValueError("there is nothing to repay")
    if annual_rate_ppm == 0:
        bearing, free = 0, bearing + free
    share, rest = divmod(free, months)
    if bearing:
        rows = _annuity(bearing, annual_rate_ppm, months, share)
    elif share:
        rows = [Payment(share, share, 0)] * months
    else:
        raise _too_small(months)
    if rest:
        amount, principal, interest = rows[-1]
        rows[-1] = Payment(amount + rest, principal + rest, interest)
    return rows


def schedule_of(offer: Offer) -> tuple[Instalment, ...]:
    """The schedule of an offer: the same offer always has the same one."""
    bearing = offer.owed.principal - offer.waived.principal
    rows = payments(bearing, offer.financed - bearing, offer.annual_rate_ppm, offer.months)
    dates = due_dates(offer.first_due_date, offer.months)
    return tuple(
        Instalment(number, due, row.amount, row.principal, row.interest)
        for number, (due, row) in enumerate(zip(dates, rows, strict=True), start=1)
    )


def due_dates(first_due: date, months: int) -> list[date]:
    """The same day each month, or the month's last where it is too short: 31 January, 28 February, 31 March."""
    return [nth_due(first_due, index) for index in range(months)]


def nth_due(first_due: date, index: int) -> date:
    """The day so many months after the first due date; before it where `index` is below 0."""
    year, month = divmod(first_due.year * _MONTHS_A_YEAR + first_due.month - 1 + index, _MONTHS_A_YEAR)
    day = first_due.day
    return date(year, month + 1, day if day <= 28 else min(day, monthrange(year, month + 1)[1]))


def annual_cost_ppm(financed: int, amounts: Sequence[int]) -> int:
    """What a plan costs as one nominal yearly rate, in parts per million: twelve times the monthly internal rate.

    `financed` (minor units) is repaid by monthly `amounts`, the first a month from now. Exact, to the nearest part;
    0 when no more is repaid than was financed. Raises ValueError when nothing is financed.
    """
    if financed < 1:
        raise ValueError("financed: there is nothing to repay")
    if sum(amounts) <= financed:
        return 0
    low, high = 0, 2 * PPM  # in half parts, so that the last bit rounds
    while _repaid_with_interest(financed, amounts, high):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        if _repaid_with_interest(financed, amounts, middle):
            low = middle
        else:
            high = middle
    return (low + 1) // 2


def _repaid_with_interest(financed: int, amounts: Sequence[int], half_ppm: int) -> bool:
    """Whether the amounts repay what was financed together with interest at this yearly rate. Integers only."""
    unit = 2 * PPM * _MONTHS_A_YEAR
    balance, scale = financed, 1
    for amount in amounts:  # balance / scale is what is left after each payment
        scale *= unit
        balance = balance * (unit + half_ppm) - amount * scale
    return balance <= 0


def annuity_amount(principal: int, annual_rate_ppm: int, months: int) -> int:
    """The equal instalment A = P·r / (1 − (1+r)^−n), rounded half up; r is a twelfth of the yearly rate, above 0."""
    factor, divisor = _annuity_factor(annual_rate_ppm, months)
    return (2 * principal * factor + divisor) // (2 * divisor)


@lru_cache(maxsize=4096)
def _annuity_factor(annual_rate_ppm: int, months: int) -> tuple[int, int]:
    """Numerator and denominator of r / (1 − (1+r)^−n)."""
    unit = PPM * _MONTHS_A_YEAR
    grown = (unit + annual_rate_ppm) ** months
    return annual_rate_ppm * grown, unit * (grown - unit**months)


@lru_cache(maxsize=4096)
def most_rounded(annual_rate_ppm: int, months: int) -> int:
    """By how many minor units the last instalment of an annuity may differ from the others; 0 without interest.

    The instalment and each month's interest are rounded by half a unit at most, and each half grows with interest until
    the end: together ((1+r)^n - 1) / r.
    """
    if annual_rate_ppm == 0:
        return 0
    unit = PPM * _MONTHS_A_YEAR
    grown, whole = (unit + annual_rate_ppm) ** months, unit**months
    rounded_up: int = -((whole - grown) * unit // (whole * annual_rate_ppm))
    return rounded_up


def _annuity(principal: int, annual_rate_ppm: int, months: int, share: int) -> list[Payment]:
    """An annuity with interest = balance·r rounded half up each month; the last instalment repays the rest.

    Each instalment carries a `share` of what bears no interest besides.
    """
    rate, unit = annual_rate_ppm, PPM * _MONTHS_A_YEAR
    amount = annuity_amount(principal, rate, months)
    half = unit // 2
    if months > 1 and amount <= (principal * rate + half) // unit:  # not even the first month's interest is paid
        raise _too_small(months)
    balance, with_share = principal, amount + share
    rows = []
    for _ in range(months - 1):
        interest = (balance * rate + half) // unit
        balance += interest - amount
        rows.append((with_share, with_share - interest, interest))
    if balance < 1:
        raise _too_small(months)
    interest = (balance * rate + half) // unit
    rows.append((balance + interest + share, balance + share, interest))
    return list(map(_as_payment, rows))


def _too_small(months: int) -> ValueError:
    return ValueError(f"the amount is too small to be repaid in {months} instalments; choose fewer")
