"""What a plan is worth to the bank: the payments that it may expect, beside what it gets without any plan.

Whole numbers alone: amounts in minor units, chances and rates in parts per million, sums of chances in billionths. The
parameters are policy data with their source, and none of them is a model: they are a bank's own figures to fill in.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from accord.money import PPM
from accord.policy import RulesOfTheDay, ShareBand

_MONTHS_A_YEAR = 12
_SCALE = 10**9


@dataclass(frozen=True)
class Prices:
    """The parameters for one bucket on one day."""

    discount_ppm: int
    break_ppm: int  # a month, where the instalment takes all that is left
    by_share: tuple[ShareBand, ...]
    recovery_percent: int  # of what is owed, without a plan or after one broke
    bulk_sale_percent: int
    months_collected: int
    cost_of_plan: int

    def break_at(self, share_percent: int) -> int:
        """How many plans of a million break each month whose instalment takes that share of what is left."""
        return self.breaks()[min(share_percent, 100)]

    def breaks(self) -> tuple[int, ...]:
        """The same for each share from 0 to 100 per cent."""
        return _breaks(self.break_ppm, self.by_share)


@lru_cache(maxsize=256)
def _breaks(break_ppm: int, by_share: tuple[ShareBand, ...]) -> tuple[int, ...]:
    percents = [
        next((band.percent for band in by_share if share <= band.share_up_to), by_share[-1].percent)
        for share in range(101)
    ]
    return tuple(min(break_ppm * percent // 100, PPM) for percent in percents)


def prices(rules: RulesOfTheDay, bucket: str) -> Prices:
    """The parameters of a bucket. Raises RuleMissingError when the policy lacks one."""
    return Prices(
        discount_ppm=rules["pricing.discount_rate_ppm"],
        break_ppm=rules["pricing.break_ppm_a_month"][bucket],
        by_share=rules["pricing.break_percent_by_share"],
        recovery_percent=rules["pricing.recovery_percent_without_plan"][bucket],
        bulk_sale_percent=rules["pricing.bulk_sale_percent"][bucket],
        months_collected=rules["pricing.months_collected_without_plan"],
        cost_of_plan=rules["pricing.cost_of_plan"],
    )


def without_plan(owed: int, affordable_monthly: int | None, of: Prices) -> tuple[int, str]:
    """What the bank may expect if nothing is agreed: its usual recovery, or a buyer's price where that is more.

    Collection takes no more from a person than they can pay a month, as far as that is known, for as long as it lasts.
    Like the payments of a plan, these come less surely and are worth less the later they are due. The amount comes with
    the rule that set it.
    """
    ways = [(owed * of.recovery_percent // 100, "pricing.recovery_percent_without_plan")]
    if affordable_monthly is not None:
        months = chances(of.months_collected, 0, of.break_at(100), of.discount_ppm)
        ways.append((affordable_monthly * months.paid // _SCALE, "pricing.months_collected_without_plan"))
    sold = (owed * of.bulk_sale_percent // 100, "pricing.bulk_sale_percent")
    return max(min(ways), sold)


def worth_of_instalments(
    regular: int, bearing: int, free: int, of_plan: "Chances", recovery_ppm: int, of: Prices
) -> int:
    """What a plan of equal instalments is worth today: each as far as it may be expected, and what a break leaves.

    `bearing` bears interest, `free` none; `recovery_ppm` is the part of an open debt that comes in after a break: the
    same as without any plan.
    """
    paid, bearing_left, free_left = of_plan
    recovered = (bearing * bearing_left + free * free_left) * recovery_ppm // PPM
    return (regular * paid + recovered) // _SCALE - of.cost_of_plan


def worth_of_one_payment(
    amount: int, owed: int, months_to_pay: int, break_ppm: int, recovery_ppm: int, of: Prices
) -> int:
    """What one payment is worth today that is due after so many months; if it fails to come, all is owed still."""
    kept, broken = _kept(months_to_pay, break_ppm, of.discount_ppm)
    return (amount * kept + owed * broken * recovery_ppm // PPM) // _SCALE - of.cost_of_plan


class Chances(NamedTuple):
    """What to expect of a plan: how many instalments come, and which part of the debt is open when it breaks.

    Discounted to today and in billionths.
    """

    paid: int
    bearing_left: int  # of what bears interest
    free_left: int


@lru_cache(maxsize=65_536)
def chances(months: int, annual_rate_ppm: int, break_ppm: int, discount_ppm: int) -> Chances:
    """What to expect of a plan of `months` with that chance of a break each month (see `Prices.break_at`)."""
    unit = PPM * _MONTHS_A_YEAR
    grown = [_SCALE]  # (1 + i)^k
    for _ in range(months):
        grown.append(grown[-1] * (unit + annual_rate_ppm) // unit)
    paid = bearing_left = free_left = 0
    alive = _SCALE  # still kept after k instalments, discounted
    for k in range(1, months + 1):
        month = alive * unit // (unit + discount_ppm)
        broken = month * break_ppm // PPM
        alive = month - broken
        paid += alive
        evenly = (months - k + 1) * _SCALE // months
        free_left += broken * evenly // _SCALE
        as_annuity = evenly
        if annual_rate_ppm:
            as_annuity = (grown[months] - grown[k - 1]) * _SCALE // (grown[months] - _SCALE)
        bearing_left += broken * as_annuity // _SCALE
    return Chances(paid, bearing_left, free_left)


@lru_cache(maxsize=4_096)
def _kept(months: int, break_ppm: int, discount_ppm: int) -> tuple[int, int]:
    """How likely one payment comes after so many months, and how likely not; discounted, in billionths."""
    unit = PPM * _MONTHS_A_YEAR
    alive, lost = _SCALE, 0
    for _ in range(months):
        month = alive * unit // (unit + discount_ppm)
        broken = month * break_ppm // PPM
        alive, lost = month - broken, lost + broken
    return alive, lost
