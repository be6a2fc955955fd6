"""The same account under two policies: which of them serves the person better, and which the bank."""

from typing import NamedTuple

from infra.simulation.result import Plan, Result
from infra.simulation.spread import spread

SAME, BETTER, WORSE, MIXED, UNKNOWN = "SAME", "BETTER", "WORSE", "MIXED", "UNKNOWN"
_NO_MONTHLY = 10**15  # only a single payment is offered: harder a month than any plan
MARKS = ("monthly", "total", "free_after")
# What may change for a person, by the part of the result that tells it; the first that differs is named.
CHANGES = {
    "outcome": "another outcome",
    "review_reasons": "other reasons for a review",
    "offers": "other offers",
    "agreements": "other terms in the agreement",
    "papers": "other papers to show",
    "answer_by": "another time to answer",
    "why": "another reason for no offer",
}


class Difference(NamedTuple):
    """How the second policy compares with the first."""

    change: str | None  # what changes for the person, None where all that they get is the same
    person: str  # SAME, BETTER, WORSE, or MIXED: better in one thing and worse in another
    marks: tuple[int, ...] | None  # -1, 0, 1 for each of MARKS: lower, same, higher; None without offers on both sides
    bank: str  # SAME, BETTER, WORSE, or UNKNOWN where one of them never reckons what the account is worth
    gain: int | None  # minor units that the bank may expect more, by the mean over the offers; None where unknown


def compare(first: Result, second: Result) -> Difference:
    """Compare two outcomes of one account. No weights: a person is better off when nothing is worse for them."""
    change, marks = change_of(first, second), None
    if first.plans and second.plans:
        before, after = _marks(first.plans), _marks(second.plans)
        marks = tuple((new > old) - (new < old) for old, new in zip(before, after, strict=True))
        person = {(False, False): SAME, (True, False): BETTER, (False, True): WORSE, (True, True): MIXED}[
            -1 in marks, 1 in marks
        ]
    else:
        person = BETTER if second.plans else WORSE if first.plans else SAME
    values = expected_of(first), expected_of(second)
    if values[0] is None or values[1] is None:
        return Difference(change, person, marks, SAME if values == (None, None) else UNKNOWN, None)
    gain = values[1] - values[0]
    return Difference(change, person, marks, SAME if gain == 0 else BETTER if gain > 0 else WORSE, gain)


def change_of(first: Result, second: Result) -> str | None:
    """What changes for the person: all that they are offered, would sign and are asked for is compared."""
    if first.outcome == second.outcome == "DENIED":
        return None  # why names the policy, and the person gets nothing either way
    return next((told for part, told in CHANGES.items() if getattr(first, part) != getattr(second, part)), None)


def expected_of(outcome: Result) -> int | None:
    """What the bank may expect of an account: the mean over its offers, or what it gets without a plan."""
    return spread(plan.expected for plan in outcome.plans).mean if outcome.plans else outcome.without_plan


def _marks(plans: tuple[Plan, ...]) -> tuple[int, ...]:
    """The best that a person can choose: the lowest monthly payment, the lowest total, the soonest end."""
    monthly = [plan.monthly for plan in plans if plan.monthly is not None]
    return min(monthly, default=_NO_MONTHLY), min(plan.total for plan in plans), min(plan.free_after for plan in plans)
