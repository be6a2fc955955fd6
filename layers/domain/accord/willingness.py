"""Willingness: what the person did about this debt, which alone says whether they are willing to repay it.

Never who they are, how they write, or what others did. It lowers no floor and raises no amount.
"""

from dataclasses import dataclass

from accord.affordability import Log
from accord.case import Case, HistoryMonth, Status
from accord.policy import RulesOfTheDay

# An average of fewer months than this keeps its best month: there is too little to tell the exception from the rule.
_MONTHS_FOR_A_PATTERN = 3


@dataclass(frozen=True)
class Willingness:
    """Art. 70's second precondition, and how strongly behaviour speaks for it."""

    willing: bool
    level: str  # HIGH, MEDIUM or LOW


def usual_payment(history: tuple[HistoryMonth, ...]) -> int:
    """What was really paid a month, in minor units, without the best month; nothing where there is no history."""
    paid = sorted(month.paid for month in history)
    usual = paid[:-1] if len(paid) >= _MONTHS_FOR_A_PATTERN else paid
    return sum(usual) // len(usual) if usual else 0


def willingness(case: Case, proposed: int | None, rules: RulesOfTheDay, log: Log) -> Willingness:
    """How willing the person is, from behaviour towards this debt alone, each observation in the log.

    Willing is who paid lately, told their own figures, or named an amount. HIGH is who paid in half of the months or
    more, or did two of the things that count; LOW is who did none. Promises join them once the case has any to keep.
    """
    key = "assessment.willing_within_months"
    recent = case.account.history[: rules[key]]
    months_paid = sum(month.paid > 0 for month in recent)
    told_own = proposed is not None or case.circumstances.told_by == "CUSTOMER"
    came = case.status is Status.NEGOTIATING or any(contact.connected for contact in case.contacts)
    log.add("months_observed", len(recent), key)
    log.add("months_with_payment", months_paid)
    log.add("own_figures_told", int(told_own))
    log.add("came_to_the_pages", int(came))

    did = (months_paid > 0) + told_own + came
    steady = months_paid > 0 and 2 * months_paid >= len(recent)
    level = "HIGH" if steady or did >= 2 else "MEDIUM" if did else "LOW"
    return Willingness(willing=months_paid > 0 or told_own, level=level)
