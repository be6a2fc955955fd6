"""What a plan is worth to the bank: the payments that it may expect, beside what it gets without any plan.

Whole numbers alone: amounts in minor units, chances and rates in parts per million, sums of chances in billionths. The
parameters are policy data with their source, and none of them is a model: they are a bank's own figures to fill in.
"""

from dataclasses import dataclass
from functools import lru_cache

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
        for band in self.by_share:
            if share_percent <= band.share_up_to:
                return min(self.break_ppm * band.percent // 100, PPM)
        return min(self.break_ppm * self.by_share[-1].percent // 100, PPM)


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
        months, _ = _chances(of.months_collected, 0, of.break_at(100), of.discount_ppm)
        ways.append((affordable_monthly * months // _SCALE, "pricing.months_collected_without_plan"))
    sold = (owed * of.bulk_sale_percent // 100, "pricing.bulk_sale_percent")
    return max(min(ways), sold)


def worth_of_instalments(
    regular: int,
    months: int,
    bearing: int,
    free: int,
    annual_rate_ppm: int,
    break_ppm: int,
    recovery_ppm: int,
    of: Prices,
) -> int:
    """What a plan of equal instalments is worth today: each as far as it may be expected, and what a break leaves.

    `bearing` bears interest, `free` none; `break_ppm` is the monthly chance of a break (see `Prices.break_at`), and
    `recovery_ppm` the part of an open debt that comes in after one: the same as without any plan.
    """
    paid, left = _chances(months, 0, break_ppm, of.discount_ppm)
    recovered = free * left
    if bearing:
        recovered += bearing * (_chances(months, annual_rate_ppm, break_ppm, of.discount_ppm)[1])
    return (regular * paid + recovered * recovery_ppm // PPM) // _SCALE - of.cost_of_plan


def worth_of_one_payment(
    amount: int, owed: int, months_to_pay: int, break_ppm: int, recovery_ppm: int, of: Prices
) -> int:
    """What one payment is worth today that is due after so many months; if it fails to come, all is owed still."""
    kept, broken = _kept(months_to_pay, break_ppm, of.discount_ppm)
    return (amount * kept + owed * broken * recovery_ppm // PPM) // _SCALE - of.cost_of_plan


@lru_cache(maxsize=65_536)
def _chances(months: int, annual_rate_ppm: int, break_ppm: int, discount_ppm: int) -> tuple[int, int]:
    """For a plan of `months`: how many instalments come, and which part of the debt is open when it breaks.

    Both discounted to today and in billionths. The chance to break is the same each month.
    """
    unit = PPM * _MONTHS_A_YEAR
    grown = [_SCALE]  # (1 + i)^k
    for _ in range(months):
        grown.append(grown[-1] * (unit + annual_rate_ppm) // unit)
    paid = left = 0
    alive = _SCALE  # still kept after k instalments, discounted
    for k in range(1, months + 1):
        month = alive * unit // (unit + discount_ppm)
        broken = month * break_ppm // PPM
        alive = month - broken
        paid += alive
        if annual_rate_ppm:
            still_open = (grown[months] - grown[k - 1]) * _SCALE // (grown[months] - _SCALE)
        else:
            still_open = (months - k + 1) * _SCALE // months
        left += broken * still_open // _SCALE
    return paid, left


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
