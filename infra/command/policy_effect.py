"""What a change of policy does to the accounts of a portfolio: for whom, for better or worse, and in money."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from rich.console import Console
from rich.table import Table

from accord.billing import AccountAtRisk, AccountOverdue
from accord.errors import InputRejectedError
from accord.money import format_money
from accord.policy import BUCKETS, Policy
from accord.portfolio import read_header, read_row
from infra.simulation.compare import BETTER, MIXED, SAME, UNKNOWN, WORSE, change_of, expected_of
from infra.simulation.result import Result, result_of
from infra.simulation.run import counts_as_at_risk
from infra.simulation.spread import spread
from infra.simulation.totals import Differences

EXAMPLES = 3
PEOPLE, BANKS = (SAME, BETTER, WORSE, MIXED), (SAME, BETTER, WORSE, UNKNOWN)


@dataclass
class Sum:
    """One figure, added up over the accounts that have it under both packs: else the sums were of different people."""

    accounts: int = 0
    before: int = 0
    after: int = 0

    def take(self, before: int | None, after: int | None) -> None:
        """Add an account's figure in minor units."""
        if before is not None and after is not None:
            self.accounts += 1
            self.before += before
            self.after += after


@dataclass
class Comparison:
    """What two packs decide about the accounts of a portfolio. Accounts stand here by their id alone."""

    accounts: Counter[str] = field(default_factory=Counter)  # by bucket
    changed: dict[tuple[str, str], list[str]] = field(default_factory=dict)  # (bucket, what changes) → account ids
    differences: Differences = field(default_factory=Differences)  # of the accounts for which something changes
    sums: dict[str, Sum] = field(default_factory=dict)  # of the same accounts, by figure
    denied: Counter[str] = field(default_factory=Counter)  # what a pack lacks → decisions
    refused: list[str] = field(default_factory=list)  # rows that cannot be read: line, field, problem
    not_at_risk: int = 0  # neither late nor, by either pack, likely to be
    elsewhere: int = 0  # of another jurisdiction


def compare(lines: Iterable[bytes], old: Policy, new: Policy, now: datetime) -> Comparison:
    """Decide every account of a portfolio file under both packs. Raises InputRejectedError without a header."""
    result = Comparison()
    for event in _events(lines, old, new, now, result):
        before, after = result_of(event, old, now), result_of(event, new, now)
        result.accounts[before.bucket] += 1
        result.denied.update(str(one.why) for one in (before, after) if one.outcome == "DENIED")
        change = change_of(before, after)
        if change is None:
            continue
        if before.outcome != after.outcome:
            change = f"{before.outcome} -> {after.outcome}"
        result.changed.setdefault((before.bucket, change), []).append(event.account.account_id)
        result.differences.take(before, after)
        was, will_be = _sums_of(before), _sums_of(after)
        for figure in was:
            result.sums.setdefault(figure, Sum()).take(was[figure], will_be[figure])
    return result


def _events(
    lines: Iterable[bytes], old: Policy, new: Policy, now: datetime, result: Comparison
) -> Iterator[AccountOverdue]:
    """The accounts to decide on; the others are counted."""
    rows = iter(lines)
    columns = read_header(next(rows, b""))
    for number, line in enumerate(rows, start=2):
        if not line.strip():
            continue
        try:
            _, event = read_row(line, columns, now, (old, new))
        except InputRejectedError as error:
            result.refused.append(f"line {number}, {error.problems[0]['field']}: {error.problems[0]['problem']}")
            continue
        if event.jurisdiction != old.jurisdiction:
            result.elsewhere += 1
        elif event.account.currency != old.currencies[0]:  # amounts are added up
            result.refused.append(f"line {number}, account.currency: only {old.currencies[0]} is added up")
        elif isinstance(event, AccountAtRisk) and not counts_as_at_risk(event, (old, new), now):
            result.not_at_risk += 1
        else:
            yield event


def _sums_of(result: Result) -> dict[str, int | None]:
    """What a person or the bank reads of an account's plans, in minor units; None where there is no such figure."""
    plans = result.plans
    return {
        "waived, mean of offers": spread(sum(plan.waived) for plan in plans).mean if plans else None,
        "lowest a month": min((plan.monthly for plan in plans if plan.monthly is not None), default=None),
        "lowest total": min((plan.total for plan in plans), default=None),
        "the bank expects": expected_of(result),
    }


# --- as it is told -------------------------------------------------------------------------------------------------


def tell(found: Comparison, currency: str, console: Console) -> None:
    """Print for whom something changes, for better or worse, and what it comes to."""
    changed = sum(len(ids) for ids in found.changed.values())
    if changed:
        console.print(_for_whom(found))
        console.print(_verdicts(found.differences))
        console.print(_sums(found.sums, currency))
    decided = found.accounts.total()
    told = [f"{decided} accounts decided: {changed} get something else" if decided else "no account was decided on"]
    told += [f"{count} decisions denied: {reason}" for reason, count in found.denied.most_common()]
    if found.not_at_risk:
        told.append(f"{found.not_at_risk} are neither late nor at risk")
    if found.elsewhere:
        told.append(f"{found.elsewhere} are of another jurisdiction")
    told += [f"not read: {row}" for row in found.refused[:EXAMPLES]]
    if len(found.refused) > EXAMPLES:
        told.append(f"rows not read beside these: {len(found.refused) - EXAMPLES}")
    for line in told:
        console.print(line, soft_wrap=True, markup=False, highlight=False)


def _for_whom(found: Comparison) -> Table:
    table = Table("bucket", "what changes", "accounts", "of", "for example", title="For whom something changes")
    for (bucket, change), ids in sorted(found.changed.items(), key=lambda one: (BUCKETS.index(one[0][0]), one[0][1])):
        of = str(found.accounts[bucket])
        table.add_row(bucket, change, str(len(ids)), of, ", ".join(ids[:EXAMPLES]))
    return table


def _verdicts(differences: Differences) -> Table:
    """Who is better off: a person where nothing is worse for them, the bank by what it may expect."""
    table = Table("person ↓  bank →", *map(str.lower, BANKS), title="For better or worse")
    for person in PEOPLE:
        counts = [differences.verdicts[person, bank] for bank in BANKS]
        if any(counts):
            table.add_row(person.lower(), *map(str, counts))
    return table


def _sums(sums: dict[str, Sum], currency: str) -> Table:
    """The money of the accounts that change; each figure where it exists under both packs."""
    caption = "each figure over those of them who have it under both packs"
    table = Table("figure", "accounts", "before", "after", "more", title="What it comes to for them", caption=caption)
    for figure, one in sums.items():
        amounts = (format_money(minor, currency, "en") for minor in (one.before, one.after, one.after - one.before))
        table.add_row(figure, str(one.accounts), *amounts)
    return table
