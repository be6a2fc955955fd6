"""`make exact`: as many random cases as are asked for against the slow exact oracle; the first that differs ends it.

The same seed makes the same cases. What is compared is the rules' own functions: schedules with their due dates and
yearly cost, the waivers of a policy with the role that may give them, and whole proposals from the event on.
"""

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, wait
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import oracle
from builders import NOW, TODAY, a_policy, an_account, an_assessed_case

from accord.affordability import FIXED, FLEXIBLE
from accord.case import Account, Assessment, Balance, Case, Circumstances, Identification, Offer, Product
from accord.offers import propose
from accord.policy import BUCKETS, Policy, RulesOfTheDay
from accord.schedule import annual_cost_ppm, due_dates, payments, schedule_of
from accord.search import _Plans

CHUNK = 1_000


class DisagreementError(Exception):
    """The rules and the oracle differ."""


def same(what: str, ours: Any, exact: Any, given: str) -> None:
    if ours != exact:
        raise DisagreementError(f"{what}: the rules say {ours!r}, the oracle {exact!r}, for {given}")


# --- one comparison each; what it was about is returned, to be counted --------------------------------------------


def compare_schedule(bearing: int, free: int, rate: int, months: int, first: date) -> str:
    given = f"payments({bearing}, {free}, {rate}, {months}), first due {first}"
    exact = oracle.schedule(bearing, free, rate, months)
    try:
        rows = payments(bearing, free, rate, months)
    except ValueError:
        same("refused", None, exact, given)
        return "schedules refused"
    same("payments", [tuple(row) for row in rows], exact, given)
    same("due dates", due_dates(first, months), oracle.due_dates(first, months), given)
    compare_cost(bearing + free, [row.amount for row in rows], given)
    return "schedules"


def compare_cost(financed: int, amounts: list[int], given: str) -> None:
    cost = annual_cost_ppm(financed, amounts)
    if not oracle.is_annual_cost(cost, financed, amounts):
        raise DisagreementError(
            f"annual cost: {cost} is not the internal rate of {amounts} for {financed}, for {given}"
        )


def compare_waivers(owed: Balance, bucket: str, before: int, policy: Policy) -> str:
    """All waivers of a policy for an account, for plans and for single payments, each with the least role."""
    rules = policy.on(TODAY)
    plans = _Plans(*_a_case_with(owed, bucket, before), rules)
    caps = {
        role: {
            part: {name: (cap.percent, cap.amount) for name, cap in by_bucket.items()}
            for part, by_bucket in components.items()
        }
        for role, components in rules["authority.concession"].items()
    }
    for ceiling in ("waiver.plan_percent", "waiver.lump_sum_percent"):
        exact = [
            (
                waived,
                oracle.least_role(waived, dict(owed), bucket, before, caps, rules["authority.cumulative_12_months"]),
            )
            for waived in oracle.waivers(dict(owed), rules[ceiling], bucket, rules["waiver.steps_percent"])
        ]
        ours = [(dict(waived), role or None) for waived, role in plans._waivers(ceiling)]
        same(ceiling, ours, exact, f"{owed!r}, {bucket}, {before} before, {policy.version}")
    return "waivers"


def _a_case_with(owed: Balance, bucket: str, before: int) -> tuple[Case, Identification, Assessment]:
    case, identification, assessment = _some_case()
    account = case.account.model_copy(update={"balance": owed})
    return (
        case.model_copy(update={"account": account, "waived_before": before}),
        identification.model_copy(update={"delinquency_bucket": bucket}),
        assessment,
    )


@cache
def _some_case() -> tuple[Case, Identification, Assessment]:
    case = an_assessed_case()
    assert case.identification is not None
    assert case.assessment is not None
    return case, case.identification, case.assessment


def compare_proposal(account: Account, told: Circumstances, own: int | None, policy: Policy) -> str:
    """A whole proposal: what is affordable, what is waived, and every sum and date of every offer."""
    given = f"{account!r}, {told!r}, own amount {own}, {policy.version}"
    case = an_assessed_case(policy, account=account, circumstances=told, proposed_monthly=own)
    assert case.assessment is not None
    compare_means(told, account.balance.total, case.assessment, policy.on(TODAY), given)
    change = propose(case, policy, NOW)
    for offer in change.case.offers:
        compare_offer(offer, case, policy.on(TODAY), given)
    return "proposals" if change.case.offers else "proposals without an offer"


def compare_means(told: Circumstances, owed: int, assessment: Assessment, rules: RulesOfTheDay, given: str) -> bool:
    """What is affordable; whether nothing is unknown, so that it could be compared."""
    spend_is_known = told.monthly_essential_spend is not None or told.fixed_costs is not None
    if told.monthly_income is None or not spend_is_known or told.other_debt_payments is None or told.dependants is None:
        return False
    household = rules["assessment.protected_floor"]["DEFAULT"]
    floor = household.first + household.further * told.dependants
    if told.fixed_costs is not None:
        limits = {
            name: row.first + row.further * told.dependants
            for name, row in rules["assessment.guidelines"]["DEFAULT"].items()
        }
        essential = oracle.living(sum(told.fixed_costs.values()), told.flexible_costs or {}, limits, floor)
    else:
        # How much of the total is rent is not known: the floor stands beside what it would be by assumption.
        total, rent = told.monthly_essential_spend or 0, rules["assessment.fixed_costs_when_unknown"]["DEFAULT"]
        essential = max(total, floor + min(total, rent.first + rent.further * told.dependants))
    percent = rules["assessment.income_counted_percent"]
    record = told.income_on_record if told.told_by == "CUSTOMER" else None
    ways = [told.other_unsecured_balance]
    if "other_debt_payments" in told.seen:
        ways.append(None)  # seen on papers: it counts where it leaves less than the balance does
    exact = min(
        oracle.affordable(
            oracle.counted(told.monthly_income, percent[told.told_by], record, percent["BILLING"]),
            essential,
            told.other_debt_payments,
            owed=owed,
            owed_elsewhere=owed_elsewhere,
            reserve_percent=rules["assessment.contingency_percent"],
            reserve_cap=rules["assessment.contingency_cap"],
            share_percent=rules["assessment.affordability_percent"],
            step=rules["assessment.rounding_step"],
        )
        for owed_elsewhere in ways
    )
    same("affordable a month", assessment.affordable_monthly, exact, given)
    return True


def compare_offer(offer: Offer, case: Case, rules: RulesOfTheDay, given: str) -> None:
    given = f"{offer!r} of {given}"
    assert case.assessment is not None
    assert case.identification is not None
    once = offer.product is Product.LUMP_SUM
    owed, waived = dict(case.account.balance), dict(offer.waived)
    ceilings = rules["waiver.lump_sum_percent" if once else "waiver.plan_percent"]
    bucket = case.identification.delinquency_bucket
    if waived not in oracle.waivers(owed, ceilings, bucket, rules["waiver.steps_percent"]):
        raise DisagreementError(f"waived: {waived} is no step of the ceilings, for {given}")
    financed = sum(owed.values()) - sum(waived.values())
    bearing = 0 if offer.annual_rate_ppm == 0 else owed["principal"] - waived["principal"]
    exact = oracle.schedule(bearing, financed - bearing, offer.annual_rate_ppm, offer.months)
    if exact is None:
        raise DisagreementError(f"schedule: there is too little for so many instalments, for {given}")
    rows = schedule_of(offer)
    same("schedule", [(row.amount, row.principal, row.interest) for row in rows], exact, given)
    same("due dates", [row.due_date for row in rows], oracle.due_dates(offer.first_due_date, offer.months), given)
    same("financed", (offer.financed, sum(repaid for _, repaid, _ in exact)), (financed, financed), given)
    same("regular instalment", offer.regular_instalment, exact[0][0], given)
    same("last instalment", offer.last_instalment, exact[-1][0], given)
    same("interest", offer.interest, sum(interest for _, _, interest in exact), given)
    same("total payable", offer.total_payable, financed + offer.interest, given)
    compare_cost(financed, [amount for amount, _, _ in exact], given)
    limit = case.assessment.affordable_monthly
    if once:
        limit = limit * rules["lump_sum.months_to_pay"] + (case.assessment.savings_available or 0)
    if max(amount for amount, _, _ in exact) > limit:
        raise DisagreementError(f"affordable: an instalment is above {limit}, for {given}")
    last_day = offer.valid_until.astimezone(ZoneInfo(case.time_zone)).date()
    if offer.first_due_date <= last_day:
        raise DisagreementError(f"first due: {offer.first_due_date} is not after {last_day}, for {given}")


# --- random cases ------------------------------------------------------------------------------------------------

RATES = (0, 1, 30_000, 60_000, 150_000, 182_500, 240_000, 360_000, 999_999, 1_000_000)


def an_amount(random: Random, most: int) -> int:
    """Small, middling and large ones alike, and the round ones that people owe."""
    amount = random.randrange(10 ** random.randint(1, len(str(most)))) % (most + 1)
    return amount if random.random() < 0.8 else amount // 100 * 100


def random_schedule(random: Random) -> str:
    bearing = an_amount(random, 10**11) if random.random() < 0.9 else 0
    free = an_amount(random, 10**9) if random.random() < 0.6 else 0
    rate = random.choice(RATES) if random.random() < 0.3 else random.randint(0, random.choice((240_000, 1_000_000)))
    months = random.randint(1, 60) if random.random() < 0.97 else random.randint(61, 120)
    first = date(2000, 1, 1) + timedelta(days=random.randrange(36_500))
    return compare_schedule(bearing or (0 if free else 1), free, rate, months, first)


def a_random_balance(random: Random, most: int) -> Balance:
    parts = {part: an_amount(random, most) if random.random() < 0.8 else 0 for part in oracle.COMPONENTS[1:]}
    return Balance(principal=an_amount(random, most * 10), **parts)


def random_waivers(random: Random) -> str:
    before = random.choice((0, 0, an_amount(random, 10**7)))
    owed = a_random_balance(random, 10 ** random.randint(2, 11))
    return compare_waivers(owed, random.choice(BUCKETS), before, random.choice(policies()))


def random_proposal(random: Random) -> str:
    def known(most: int) -> int | None:
        return an_amount(random, most) if random.random() < 0.85 else None

    income = random.choice((None, *[random.randrange(3 * 10**6) for _ in range(9)]))
    by_category = random.random() < 0.3
    told = Circumstances(
        monthly_income=income,
        income_on_record=random.randrange(3 * 10**6) if random.random() < 0.5 else None,
        monthly_essential_spend=None if by_category else known(400_000),
        fixed_costs={name: random.choice((0, an_amount(random, 200_000))) for name in FIXED} if by_category else None,
        flexible_costs={name: an_amount(random, 300_000) for name in FLEXIBLE} if by_category else None,
        other_debt_payments=known(100_000),
        dependants=random.choice((None, 0, 0, 1, 2, 5)),
        other_unsecured_balance=an_amount(random, 10**7) if random.random() < 0.3 else None,
        savings=an_amount(random, 10**7) if random.random() < 0.3 else None,
        told_by=random.choice(("BILLING", "CUSTOMER", "STAFF")),
        # Who told what, and what else is on record of it, changes no amount but the income's.
        own=("monthly_essential_spend",) if random.random() < 0.5 else (),
        seen=("other_debt_payments",) if random.random() < 0.5 else (),
        spend_on_record=known(400_000),
        debts_on_record=known(100_000),
    )
    account = an_account(
        balance=a_random_balance(random, 10 ** random.randint(3, 6)),
        days_past_due=random.randint(1, 400),
        apr_ppm=random.choice(RATES[:8]) if random.random() < 0.5 else random.randint(0, 365_000),
    )
    if account.balance.total == 0:
        return random_proposal(random)
    own = an_amount(random, 10**6) + 1 if random.random() < 0.2 else None
    return compare_proposal(account, told, own, random.choice(policies()))


@cache
def policies() -> tuple[Policy, ...]:
    """The shipped policy and others with uneven ceilings, caps, terms and rates; always the same ones."""
    random, found = Random(20_260_305), [a_policy()]
    for number in range(12):
        caps, most = {}, 10_000
        for role in ("POLICY", "NEGOTIATOR", "LEAD", "MANAGER"):
            most *= random.randint(1, 12)
            caps[role] = {
                part: {"ALL": {"percent": random.randint(0, 100), "amount": random.randint(0, most)}}
                for part in oracle.COMPONENTS[random.randint(0, 1) :]
            }
        ceilings = [
            {
                part: {bucket: random.randint(0, 100) for bucket in BUCKETS if random.random() < 0.8}
                for part in oracle.COMPONENTS[1:]
            }
            for _ in range(2)
        ]
        changed = a_policy(
            waiver__plan_percent=ceilings[0],
            waiver__lump_sum_percent=ceilings[1],
            waiver__steps_percent=sorted(random.sample(range(101), random.randint(1, 6))),
            authority__concession=caps,
            authority__cumulative_12_months={"POLICY": 200_000, "LEAD": 2_000_000, "MANAGER": 10**9},
            offer__terms_months=sorted(random.sample(range(2, 61), random.randint(1, 14))),
            offer__rates_ppm=random.sample(range(1, 300_000), random.randint(1, 5)),
            offer__min_instalment=random.choice((0, 1, 10_000)),
            assessment__affordability_percent=random.randint(1, 100),
            assessment__rounding_step=random.choice((1, 7, 1_000)),
        )
        found.append(changed.model_copy(update={"version": f"random-{number}"}))
    return tuple(found)


# --- the run -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Chunk:
    """Cases from a number on; each has a seed of its own, so that one of them can be made again."""

    seed: int
    first: int
    count: int

    def run(self) -> Counter[str]:
        """Compare them. Raises DisagreementError that says which case it was."""
        return self.compare(drawn)

    def compare(self, which: Callable[[Random], Callable[[Random], str]]) -> Counter[str]:
        """Make each case by the comparison that `which` draws."""
        seen: Counter[str] = Counter()
        for number in range(self.first, self.first + self.count):
            random = Random(self.seed << 40 | number)
            compare = which(random)
            try:
                seen[compare(random)] += 1
            except DisagreementError as problem:
                raise DisagreementError(f"case {number:,} of seed {self.seed}: {problem}") from None
            except Exception as problem:
                raise DisagreementError(
                    f"case {number:,} of seed {self.seed}: {compare.__name__} failed: {problem!r}"
                ) from problem
        return seen


def drawn(random: Random) -> Callable[[Random], str]:
    """Mostly schedules, because there is most to go wrong."""
    draw = random.random()
    return random_schedule if draw < 0.8 else random_waivers if draw < 0.95 else random_proposal


def chunks(kind: type[Chunk], cases: int, seed: int) -> Iterator[Chunk]:
    for first in range(0, cases, CHUNK):
        yield kind(seed, first, min(CHUNK, cases - first))


def run(kind: type[Chunk], cases: int, seed: int, workers: int) -> Counter[str]:
    """Compare so many cases, with a line of progress. Raises DisagreementError at the first that differs."""
    started, seen, shown = time.monotonic(), Counter[str](), 0
    with ProcessPoolExecutor(workers) as pool:
        waiting = {pool.submit(chunk.run) for chunk in chunks(kind, cases, seed)}
        try:
            while waiting:
                done, waiting = wait(waiting, timeout=1, return_when=FIRST_EXCEPTION)
                for finished in done:
                    seen += finished.result()
                agreed, seconds = seen.total(), time.monotonic() - started
                if sys.stdout.isatty() or agreed * 20 // cases > shown:
                    shown = agreed * 20 // cases
                    line = f"{agreed:,} of {cases:,} agree after {seconds:,.0f} s"
                    print(line, end="\r" if sys.stdout.isatty() else "\n", flush=True)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return seen


def command(
    about: str,
    kind: type[Chunk],
    cases: int,
    arguments: list[str] | None = None,
    said: str = "random cases agree with the oracle",
) -> int:
    """Run as a command; the exit status."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--cases", type=int, default=cases)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args(arguments)
    started = time.monotonic()
    try:
        seen = run(kind, asked.cases, asked.seed, asked.workers)
    except DisagreementError as problem:
        print(problem)
        return 1
    of = ", ".join(f"{number:,} {what}" for what, number in sorted(seen.items()))
    print(f"{seen.total():,} of {asked.cases:,} {said}: {of}")
    print(f"seed {asked.seed}, {time.monotonic() - started:,.0f} s, {asked.workers} processes")
    return 0


def main(arguments: list[str] | None = None) -> int:
    return command(str(__doc__), Chunk, 1_000_000, arguments)


if __name__ == "__main__":
    sys.exit(main())
