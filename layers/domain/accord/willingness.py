"""Willingness: what the person did about this debt, which alone says whether they are willing to repay it.

Never who they are, how they write, or what others did. It lowers no floor and raises no amount.
"""

from dataclasses import dataclass
from itertools import pairwise

from accord.affordability import Log
from accord.case import Account, Case, HistoryMonth
from accord.money import PPM
from accord.policy import RulesOfTheDay

# An average of fewer months than this keeps its best month: there is too little to tell the exception from the rule.
_MONTHS_FOR_A_PATTERN = 3


@dataclass(frozen=True)
class Willingness:
    """Art. 70's second precondition, and how strongly behaviour speaks for it."""

    willing: bool | None  # None where there is no behaviour yet that could speak for it or against it
    level: str  # HIGH, MEDIUM or LOW


def usual_payment(history: tuple[HistoryMonth, ...]) -> int:
    """What was really paid a month, in minor units, without the best month; nothing where there is no history."""
    paid = sorted(month.paid for month in history)
    usual = paid[:-1] if len(paid) >= _MONTHS_FOR_A_PATTERN else paid
    return sum(usual) // len(usual) if usual else 0


def net_payment(account: Account) -> int:
    """What was paid a month beyond what was newly spent on the card, in minor units: money that could carry a plan.

    New spending is what a bill rose by beyond a month's interest, with the payment taken back. The lower of the usual
    month (without the best) and of the newest three counts: who has stopped paying is not reckoned by better days.
    """
    months = account.history
    net = [_beyond_spending(newer, older, account.apr_ppm) for newer, older in pairwise(months)]
    if len(months) == 1:  # nothing to compare it with
        net = [months[0].paid]
    if not net:
        return 0
    usual = sorted(net)[:-1] if len(net) >= _MONTHS_FOR_A_PATTERN else net
    recent = net[:_MONTHS_FOR_A_PATTERN]
    return min(sum(usual) // len(usual), sum(recent) // len(recent))


def _beyond_spending(newer: HistoryMonth, older: HistoryMonth, apr_ppm: int) -> int:
    owed_before = max(older.billed, 0)
    interest = owed_before * apr_ppm // (12 * PPM)
    spent = newer.billed - owed_before - interest + newer.paid
    return max(0, newer.paid - max(0, spent))


def willingness(case: Case, proposed: int | None, rules: RulesOfTheDay, log: Log) -> Willingness:
    """How willing the person is, from behaviour towards this debt alone, each observation in the log.

    Willing is who kept the plan before this one to its end, paid lately, told their own figures, named an amount, or
    came to talk. HIGH is who paid in half of the months or more, or did two of these; LOW is who did none.
    """
    key = "assessment.willing_within_months"
    recent = case.account.history[: rules[key]]
    months_paid = sum(month.paid > 0 for month in recent)
    told_own = proposed is not None or bool(case.circumstances.own)
    came = case.came or any(contact.connected for contact in case.contacts)
    log.add("months_observed", len(recent), key)
    log.add("months_with_payment", months_paid)
    log.add("own_figures_told", int(told_own))
    log.add("came_to_the_pages", int(came))
    kept = case.plan_before == "COMPLETED"
    if case.plan_before is not None:
        log.add("plan_before_kept", int(kept))

    did = (months_paid > 0) + told_own + came + kept
    steady = months_paid > 0 and 2 * months_paid >= len(recent)
    level = "HIGH" if steady or did >= 2 else "MEDIUM" if did else "LOW"
    return Willingness(willing=did > 0 or (False if recent else None), level=level)
