"""What the rules of money should come to: slow, in exact fractions, and written from their definitions.

Nothing here is taken from the code that it judges, and nothing of that code is imported. Amounts are minor units, rates
parts per million a year; whatever is rounded is first known exactly.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from fractions import Fraction
from math import floor
from typing import NamedTuple

COMPONENTS = ("principal", "interest", "penalty_interest", "late_fees", "fees")
Row = tuple[int, int, int]  # amount, principal, interest


def half_up(value: Fraction) -> int:
    """To the nearest whole number, a half upwards."""
    return floor(value + Fraction(1, 2))


def percent_of(amount: int | Fraction, *percents: int) -> Fraction:
    """A share of an amount, and a share of that, exactly."""
    exact = Fraction(amount)
    for percent in percents:
        exact *= Fraction(percent, 100)
    return exact


# --- instalments -------------------------------------------------------------------------------------------------


def schedule(bearing: int, free: int, annual_rate_ppm: int, months: int) -> list[Row] | None:
    """A plan's instalments; None where there is too little for so many: one of them would repay nothing.

    On `bearing` an annuity A = P·r / (1 − (1 + r)^−n), rounded half up, r being a twelfth of the yearly rate, and each
    month's interest on the balance rounded half up. Beside it `free` in equal parts, rounded down. The last instalment
    settles both.
    """
    monthly = Fraction(annual_rate_ppm, 12 * 10**6)
    part = floor(Fraction(free, months))
    if not bearing or not monthly:
        part, free, bearing = floor(Fraction(bearing + free, months)), bearing + free, 0
    amount = half_up(bearing * monthly / (1 - (1 + monthly) ** -months)) if bearing else 0
    balance, rows = bearing, []
    for number in range(1, months + 1):
        interest = half_up(balance * monthly)
        last = number == months
        repaid = balance if last else amount - interest
        if bearing and repaid < 1:
            return None
        balance -= repaid
        beside = free - part * (months - 1) if last else part
        if repaid + beside < 1:
            return None
        rows.append((repaid + interest + beside, repaid + beside, interest))
    return rows


def due_dates(first: date, months: int) -> list[date]:
    """The first day, then each month the same day, or that month's last where it has no such day."""
    dates = []
    year, month = first.year, first.month
    for _ in range(months):
        dates.append(min(date(year, month, 1) + timedelta(days=first.day - 1), _end(year, month)))
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
    return dates


def _end(year: int, month: int) -> date:
    """A month's last day: the one before the next month's first."""
    return (date(year, month + 1, 1) if month < 12 else date(year + 1, 1, 1)) - timedelta(days=1)


# --- the internal rate -------------------------------------------------------------------------------------------


def present_value(amounts: Sequence[int], annual_rate: Fraction) -> Fraction:
    """What monthly amounts, the first a month from now, are worth today at a nominal yearly rate in parts per million.

    By the closed form of an annuity where all but the last are equal, else payment by payment.
    """
    growth = 1 + annual_rate / (12 * 10**6)
    if len(set(amounts[:-1])) == 1 and growth != 1:
        regular, last, months = amounts[0], amounts[-1], len(amounts)
        return regular * (1 - growth ** -(months - 1)) / (growth - 1) + last * growth**-months
    return sum((amount * growth**-month for month, amount in enumerate(amounts, start=1)), Fraction(0))


def is_annual_cost(cost_ppm: int, financed: int, amounts: Sequence[int]) -> bool:
    """Whether this is the internal rate of a plan to the nearest part per million; a plan that costs nothing has 0.

    The rate at which the payments are worth what was financed lies between half a part below and half a part above.
    """
    if sum(amounts) <= financed:
        return cost_ppm == 0
    half = Fraction(1, 2)
    above = present_value(amounts, cost_ppm + half) < financed
    return cost_ppm >= 0 and above and (cost_ppm == 0 or present_value(amounts, cost_ppm - half) >= financed)


# --- waivers -----------------------------------------------------------------------------------------------------


def waivers(
    owed: Mapping[str, int], ceilings: Mapping[str, Mapping[str, int]], bucket: str, steps: Iterable[int]
) -> list[dict[str, int]]:
    """What may be given up: of each component the step's share of its ceiling, rounded down; each such waiver once."""
    found: list[dict[str, int]] = []
    for step in sorted(steps):
        waived = {
            component: floor(percent_of(owed[component], ceilings.get(component, {}).get(bucket, 0), step))
            for component in COMPONENTS
        }
        if waived not in found:
            found.append(waived)
    return found


def least_role(
    waived: Mapping[str, int],
    owed: Mapping[str, int],
    bucket: str,
    before: int,
    caps: Mapping[str, Mapping[str, Mapping[str, tuple[int, int]]]],
    cumulative: Mapping[str, int],
) -> str | None:
    """The first role of four whose caps (a share in per cent and an amount, by component and bucket) allow all of it.

    Together with what was given up `before`, it has to be within the role's sum of twelve months. None where no role
    may; nothing given up takes no authority.
    """
    if not any(waived.values()):
        return "POLICY"
    for role in ("POLICY", "NEGOTIATOR", "LEAD", "MANAGER"):
        allowed = sum(waived.values()) + before <= cumulative.get(role, 0)
        for component, amount in waived.items():
            if amount:
                percent, most = caps.get(role, {}).get(component, {}).get(bucket, (0, 0))
                allowed = allowed and amount <= most and amount <= percent_of(owed[component], percent)
        if allowed:
            return role
    return None


# --- what a person can pay ---------------------------------------------------------------------------------------


def living(fixed: int, flexible: Mapping[str, int], limits: Mapping[str, int], floor_of_household: int) -> int:
    """What a household that told all its costs spends: the rent is no food, so the floor is beside what is fixed."""
    return fixed + max(floor_of_household, sum(min(spent, limits[name]) for name, spent in flexible.items()))


def counted(income: int, percent_stated: int, record: int | None, percent_recorded: int) -> int:
    """What of a stated income counts: of what is on record as well, no less than a recorded one would."""
    alone = floor(percent_of(income, percent_stated))
    return alone if record is None else max(alone, floor(percent_of(min(income, record), percent_recorded)))


def affordable(
    counted_income: int,
    essential_spend: int,
    other_debts: int,
    *,
    owed: int,
    owed_elsewhere: int | None,
    reserve_percent: int,
    reserve_cap: int,
    share_percent: int,
    step: int,
) -> int:
    """The monthly amount where everything is known: a share of what is left, down to a whole step.

    What is left of the income that counts is without essential spending, without the payments on other debts, and
    without a reserve. Where it is known what is owed elsewhere, every creditor has a share by balance in place of those
    payments. Every amount on the way is a whole one, rounded down.
    """
    payments = other_debts if owed_elsewhere is None else 0
    surplus = counted_income - essential_spend - payments
    if surplus <= 0:
        return 0
    left = surplus - min(floor(percent_of(surplus, reserve_percent)), reserve_cap)
    if owed_elsewhere is not None:
        left = floor(left * Fraction(owed, owed + owed_elsewhere))
    return floor(Fraction(floor(percent_of(left, share_percent)), step)) * step


# --- the life of a plan ------------------------------------------------------------------------------------------


class Life(NamedTuple):
    """How a plan stands on a day."""

    due: list[date]
    paid: list[int]
    left: int
    surplus: int
    settled_on: date | None
    days_past_due: int
    missed: int


def plan_life(
    rows: Sequence[Row],
    first_due: date,
    payments: Iterable[tuple[date, str, int]],
    pauses: Iterable[tuple[date, date]],
    tolerance: int,
    grace_days: int,
    today: date,
) -> Life:
    """A plan day by day: each payment fills the oldest instalment first, unit by unit of time and of money.

    What would fall due in a pause moves a month at a time until it is over, and all behind it as well. Interest of a
    month runs by the day. The plan is settled once as much is paid as all principal and the interest that has run.
    """
    pauses, offsets = list(pauses), list(range(len(rows)))
    calendar = due_dates(first_due, len(rows) + 200)
    for since, until in pauses:
        while inside := [at for at, month in enumerate(offsets) if since <= calendar[month] < until]:
            offsets = [month + (at >= inside[0]) for at, month in enumerate(offsets)]
    due = [calendar[month] for month in offsets]

    def interest_run(number: int, day: date) -> int:
        month = offsets[number]
        begins = calendar[month - 1] if month else _same_day_before(first_due)
        whole = (due[number] - begins).days
        run = sum(begins < begins + timedelta(days=n) <= day for n in range(1, whole + 1))
        return floor(Fraction(rows[number][2] * run, whole))

    def takes(day: date) -> int:
        return sum(row[1] + interest_run(number, day) for number, row in enumerate(rows))

    given, settled_on, together = sorted(payments), None, 0
    for day, _, amount in given:
        together += amount
        if settled_on is None and together >= takes(day):
            settled_on = day
    needed = takes(settled_on or today)
    paid, left_over = [], min(together, needed)
    for amount, _, _ in rows:
        paid.append(min(amount, left_over))
        left_over -= paid[-1]

    def days_late(day: date) -> int:
        passed = [day + timedelta(days=n) for n in range(max(0, (today - day).days))]
        return sum(not any(since <= one < until for since, until in pauses) for one in passed)

    late = []
    for number, day in enumerate(due):
        short = sum(row[0] for row in rows[: number + 1]) - together
        if settled_on is None and day < today and (short > tolerance or short >= rows[number][0]):
            late.append(days_late(day))
    return Life(
        due, paid, needed - min(together, needed), together - min(together, needed), settled_on,
        late[0] if late else 0, sum(days > grace_days for days in late),
    )  # fmt: skip


def _month_before(day: date) -> date:
    return day.replace(day=1) - timedelta(days=1)


def _same_day_before(day: date) -> date:
    before = _month_before(day)
    return min(before.replace(day=1) + timedelta(days=day.day - 1), before)
