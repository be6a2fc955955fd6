"""What many accounts add up to: counts and sums alone, so that a report needs as much memory for ten rows as for ten
million. Whole numbers only; whatever is added in whichever order, the totals are the same.
"""

from collections import Counter
from dataclasses import dataclass, field, fields
from typing import Any

from infra.simulation.compare import MARKS, compare
from infra.simulation.result import COMPONENTS, Result
from infra.simulation.spread import spread

REJECTS_SHOWN = 100
Count = Counter[Any]


class Sums:
    """Totals of one kind that can be added to each other."""

    def add(self, other: Any) -> None:
        """Add another one's counts to these."""
        for part in fields(self):  # type: ignore[arg-type]
            getattr(self, part.name).update(getattr(other, part.name))


@dataclass
class Side(Sums):
    """All accounts under one policy."""

    outcomes: Count = field(default_factory=Counter)  # (bucket, outcome)
    nothing: Count = field(default_factory=Counter)  # (outcome, why)
    groups: Count = field(default_factory=Counter)  # (kind of group, group, outcome)
    review_reasons: Count = field(default_factory=Counter)
    offers: Count = field(default_factory=Counter)  # how many offers an account gets
    terms: Count = field(default_factory=Counter)  # (product, months): offers
    rates: Count = field(default_factory=Counter)  # yearly rate in ppm: offers by instalments
    money: Count = field(default_factory=Counter)  # (bucket, figure): minor units; of accounts with offers
    value: Count = field(default_factory=Counter)  # (bucket, figure): minor units; of every account that was reckoned
    waived: Count = field(default_factory=Counter)  # (component, figure): minor units; of accounts with offers
    shares: Count = field(default_factory=Counter)  # (least, mean or most; per cent), or ("unknown",): accounts
    failed: Count = field(default_factory=Counter)  # what went wrong

    def take(self, result: Result) -> None:
        """Count an account."""
        bucket, plans = result.bucket, result.plans
        self.outcomes[bucket, result.outcome] += 1
        for kind in ("segment", "treatment", "vulnerable"):
            if (group := getattr(result, kind)) is not None:
                self.groups[kind, str(group), result.outcome] += 1
        self.review_reasons.update(result.review_reasons)
        if not plans:
            self.nothing[result.outcome, result.why or result.outcome] += 1
            if result.without_plan is not None:
                _add(self.value, bucket, _worth(result, [result.without_plan]))
            return
        self.offers[len(plans)] += 1
        for plan in plans:
            self.terms[plan.product, plan.months] += 1
            if plan.monthly is not None:
                self.rates[plan.annual_rate_ppm] += 1
        worth = _worth(result, [plan.expected for plan in plans])
        _add(self.value, bucket, worth)
        _add(self.money, bucket, worth | _spread_of("waived", [sum(plan.waived) for plan in plans]))
        for number, component in enumerate(COMPONENTS):
            waived = _spread_of("waived", [plan.waived[number] for plan in plans])
            _add(self.waived, component, waived | {"owed": result.owed[number]})
        known = [plan.share_percent for plan in plans if plan.share_percent is not None]
        if known:
            for name, percent in spread(known)._asdict().items():
                self.shares[name, percent] += 1
        else:
            self.shares["unknown",] += 1

    @property
    def denied(self) -> int:
        """How many accounts the policy could not decide on for want of a rule."""
        return sum(number for (outcome, _), number in self.nothing.items() if outcome == "DENIED")


@dataclass
class Differences(Sums):
    """All accounts, from the first policy to the second."""

    outcomes: Count = field(default_factory=Counter)  # (outcome under the first, under the second)
    decided: Count = field(default_factory=Counter)  # bucket: accounts
    changed: Count = field(default_factory=Counter)  # bucket: accounts that get something else
    verdicts: Count = field(default_factory=Counter)  # (for the person, for the bank)
    marks: Count = field(default_factory=Counter)  # (mark, -1, 0 or 1)
    gain: Count = field(default_factory=Counter)  # (bucket, "accounts", "more" or "less"): minor units

    def take(self, first: Result, second: Result) -> None:
        """Count an account."""
        told = compare(first, second)
        self.outcomes[first.outcome, second.outcome] += 1
        self.decided[first.bucket] += 1
        self.changed[first.bucket] += told.change is not None
        self.verdicts[told.person, told.bank] += 1
        for mark, sign in zip(MARKS, told.marks or (), strict=False):
            self.marks[mark, sign] += 1
        if told.gain is not None:
            self.gain[first.bucket, "accounts"] += 1
            self.gain[first.bucket, "more"] += max(told.gain, 0)
            self.gain[first.bucket, "less"] += max(-told.gain, 0)


@dataclass
class Totals:
    """A portfolio, or a part of one. Every line is in exactly one of lines' counts."""

    sides: list[Side]
    differences: Differences = field(default_factory=Differences)
    lines: Count = field(default_factory=Counter)  # blank, not_at_risk, rejected, failed, decided
    rejected: Count = field(default_factory=Counter)  # (field, problem)
    rejects: list[tuple[int, str, str]] = field(default_factory=list)  # line, field, problem of the first ones

    def add(self, other: "Totals") -> None:
        """Add another part of the portfolio."""
        for mine, theirs in zip(self.sides, other.sides, strict=True):
            mine.add(theirs)
        self.differences.add(other.differences)
        self.lines.update(other.lines)
        self.rejected.update(other.rejected)
        self.rejects = sorted(self.rejects + other.rejects)[:REJECTS_SHOWN]


def _add(count: Count, place: str, figures: dict[str, int]) -> None:
    for figure, amount in figures.items():
        count[place, figure] += amount


def _worth(result: Result, expected: list[int]) -> dict[str, int]:
    """What an account is worth to the bank, with its plans and without one."""
    return {
        "accounts": 1,
        "owed": sum(result.owed),
        "without_plan": result.without_plan or 0,
        **_spread_of("expected", expected),
    }


def _spread_of(name: str, amounts: list[int]) -> dict[str, int]:
    return {f"{name}_{key}": amount for key, amount in spread(amounts)._asdict().items()}
