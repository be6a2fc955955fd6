"""The search for plans: every product, term, rate and waiver of the policy, priced; and the few that are shown.

A plan is in the pool when the person can afford it, the law allows it, somebody at the bank may approve it, and it is
worth more to the bank than no plan. Of what the policy approves by itself, plans that wait for a person come only where
nothing else is affordable. From the pool the person gets the best for themselves at each thing that they can name, as
long as it leaves the bank a set share (`offer.price_floor_percent`) of the best that it could expect.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from accord.authority import ROLES, least_role, needs_four_eyes
from accord.case import Assessment, Balance, Case, Identification, Product
from accord.money import PPM
from accord.policy import RulesOfTheDay
from accord.pricing import Prices, prices, without_plan, worth_of_instalments, worth_of_one_payment
from accord.schedule import Payment, annuity_amount, payments

MOST_OFFERS = 3
_LEAST_MONTHS = 2  # one month is a single payment


class Candidate(NamedTuple):
    """A plan that was considered. Amounts in minor units, to the unit only when checked (see `_Plans.exact`)."""

    product: Product
    waived: Balance
    approver: str
    annual_rate_ppm: int
    months: int  # instalments; 1 for a single payment
    free_after: int  # months until nothing is owed
    monthly: int  # the regular instalment, or the single payment
    highest: int  # of all payments: the last one takes up what does not divide
    total: int
    expected: int
    by_policy: bool  # a term of the policy's, and not one made for the customer's own amount


class Pick(NamedTuple):
    """A plan to show: what it is best at, its exact payments, and whether two persons have to approve it."""

    candidate: Candidate
    best_at: tuple[str, ...]
    payments: tuple[Payment, ...]
    four_eyes: bool


@dataclass
class Search:
    """What a search came to. `why_none` says where the last candidate was lost."""

    considered: int = 0
    affordable: int = 0
    worthwhile: int = 0
    without_plan: int = 0
    why_none: str | None = None
    picks: list[Pick] = field(default_factory=list)


def search(case: Case, identification: Identification, assessment: Assessment, rules: RulesOfTheDay) -> Search:
    """Consider every plan of the policy for a case, and pick at most three."""
    found = _Plans(case, identification, assessment, rules)
    result = Search(without_plan=found.alternative)
    pool: list[Candidate] = []
    lost_to = "NO_PRODUCT"
    for candidate in found:
        result.considered += 1
        limit = found.once if candidate.product is Product.LUMP_SUM else assessment.affordable_monthly
        if candidate.highest > limit:
            lost_to = _furthest(lost_to, "BEYOND_MEANS")
            continue
        result.affordable += 1
        if candidate.expected <= found.alternative:
            lost_to = _furthest(lost_to, "WORTH_LESS_THAN_NO_PLAN")
            continue
        result.worthwhile += 1
        if not candidate.approver:
            lost_to = _furthest(lost_to, "BEYOND_AUTHORITY")
            continue
        pool.append(candidate)
    result.picks = _picks(pool, case.proposed_monthly, found)
    if not result.picks:
        result.why_none = lost_to
    return result


_STAGES = ("NO_PRODUCT", "BEYOND_MEANS", "WORTH_LESS_THAN_NO_PLAN", "BEYOND_AUTHORITY")


def _furthest(one: str, other: str) -> str:
    return max(one, other, key=_STAGES.index)


def most_waived(owed: Balance, percent: Mapping[str, Mapping[str, int]], bucket: str, step: int) -> Balance:
    """What a rule gives up of each component, rounded down: a step, in per cent, of what it allows at most.

    What it does not name is not given up.
    """
    return Balance(
        **{
            component: getattr(owed, component) * by_bucket[bucket] * step // 10_000
            for component, by_bucket in percent.items()
            if bucket in by_bucket
        }
    )


class _Plans:
    """All plans of the policy for one case."""

    def __init__(
        self, case: Case, identification: Identification, assessment: Assessment, rules: RulesOfTheDay
    ) -> None:
        self.owed, self.apr_ppm = case.account.balance, case.account.apr_ppm
        self.assessment, self.rules = assessment, rules
        self.bucket = identification.delinquency_bucket
        self.products: tuple[Product, ...] = rules["offer.products"].get(self.bucket, ())
        self.prices: Prices = prices(rules, self.bucket)
        self.alternative = without_plan(self.owed.total, assessment.affordable_monthly, self.prices)
        # After a break the bank is where it would be without a plan: nobody pays more for having broken one.
        self.recovery_ppm = self.alternative * PPM // self.owed.total if self.owed.total else 0
        self.months_to_pay: int = rules["lump_sum.months_to_pay"]
        # What can be put aside until it is due, and what is there already.
        self.once = assessment.affordable_monthly * self.months_to_pay + assessment.savings_available
        self.left = assessment.affordable_monthly  # the share is taken of what is left of a month
        if assessment.disposable_income:
            self.left = assessment.disposable_income
        self.longest: int = rules["plan.max_term_months"]
        if not (assessment.exceeds_ability and assessment.willing):  # Art. 70: without both, an ordinary plan
            self.longest = min(self.longest, rules["offer.ordinary_max_months"])
        self.terms = [months for months in rules["offer.terms_months"] if _LEAST_MONTHS <= months <= self.longest]
        self.least: int = rules["offer.min_instalment"]
        # Naming more than one can pay makes no plan longer than naming what one can.
        named = case.proposed_monthly
        self.own_amount = None if named is None else min(named, assessment.affordable_monthly)
        self.waived_before = case.waived_before

    def __iter__(self) -> Iterator[Candidate]:
        by_product = {
            Product.INSTALMENT: (self.apr_ppm,),
            Product.REDUCED_RATE: tuple(rate for rate in self.rules["offer.rates_ppm"] if 0 < rate < self.apr_ppm),
            Product.INTEREST_FREE: (0,),
        }
        waivers = list(self._waivers("waiver.plan_percent"))
        for product in self.products:
            if product is Product.LUMP_SUM:
                yield from self._single_payments()
                continue
            for rate in by_product[product]:
                if rate == 0 and product is not Product.INTEREST_FREE:
                    continue  # a card without interest: the plan without interest is another product
                for waived, approver in waivers:
                    yield from self._instalments(product, rate, waived, approver)

    def _waivers(self, ceiling: str) -> Iterator[tuple[Balance, str]]:
        """What may be given up, by steps, each with the least role that may; the smallest concession first."""
        percent = self.rules[ceiling]
        seen = set()
        for step in sorted(self.rules["waiver.steps_percent"]):
            waived = most_waived(self.owed, percent, self.bucket, step)
            if waived not in seen:
                seen.add(waived)
                yield waived, least_role(waived, self.owed, self.bucket, self.waived_before, self.rules) or ""

    def _instalments(self, product: Product, rate: int, waived: Balance, approver: str) -> Iterator[Candidate]:
        bearing = self.owed.principal - waived.principal
        free = self.owed.total - waived.total - bearing
        if rate == 0:
            bearing, free = 0, bearing + free
        financed = bearing + free
        regular_terms = [months for months in self.terms if financed >= self.least * months]
        terms = list(regular_terms)
        own = self._own_term(bearing, free, rate)
        if own is not None and own not in terms:
            terms.append(own)
        for months in terms:
            regular = free // months
            if bearing:
                regular += annuity_amount(bearing, rate, months)
            total = financed if rate == 0 else regular * months
            share = min(regular * 100 // self.left, 100) if self.left else 100
            yield Candidate(
                product, waived, approver, rate, months, months,
                regular, regular + free % months, total,
                worth_of_instalments(
                    regular, months, bearing, free, rate, self.prices.break_at(share), self.recovery_ppm, self.prices
                ),
                months in regular_terms,
            )  # fmt: skip

    def _own_term(self, bearing: int, free: int, rate: int) -> int | None:
        """The shortest term whose instalment is within the customer's own amount a month."""
        if self.own_amount is None:
            return None
        low, high = _LEAST_MONTHS, min(self.longest, (bearing + free) // max(self.least, 1))
        if high < low:
            return None

        def fits(months: int) -> bool:
            amount = free // months + free % months
            return amount + (annuity_amount(bearing, rate, months) if bearing else 0) <= (self.own_amount or 0)

        if not fits(high):
            return None
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if fits(middle) else (middle + 1, high)
        return low

    def _single_payments(self) -> Iterator[Candidate]:
        for waived, approver in self._waivers("waiver.lump_sum_percent"):
            amount = self.owed.total - waived.total
            if amount <= 0:
                continue
            share = min(amount * 100 // self.once, 100) if self.once else 100
            # Due when so many months have passed after the last day to sign, so that it can have been put aside.
            due_after = self.months_to_pay + 1
            expected = worth_of_one_payment(
                amount, self.owed.total, due_after, self.prices.break_at(share), self.recovery_ppm, self.prices
            )
            yield Candidate(Product.LUMP_SUM, waived, approver, 0, 1, due_after, amount, amount, amount, expected, True)

    def exact(self, candidate: Candidate, limit: int) -> tuple[Payment, ...] | None:
        """The payments of a plan to the unit; None where they cannot be made or the highest is above the limit."""
        if candidate.product is Product.LUMP_SUM:
            return (Payment(candidate.total, candidate.total, 0),)
        bearing = self.owed.principal - candidate.waived.principal
        free = self.owed.total - candidate.waived.total - bearing
        try:
            rows = payments(bearing, free, candidate.annual_rate_ppm, candidate.months)
        except ValueError:  # too little for so many instalments
            return None
        return tuple(rows) if max(row.amount for row in rows) <= limit else None


# What a plan can be best at, in the order in which plans stand beside each other, and how it is told. Ties go to what
# costs the person least, then to what the bank may expect most of: so no plan that is shown is beaten in everything.
_BEST_AT: tuple[tuple[str, Callable[[Candidate], tuple[int, ...]]], ...] = (
    ("SOONEST_FREE", lambda one: (one.free_after, one.total, one.monthly, -one.expected)),
    ("LOWEST_MONTHLY", lambda one: (one.monthly, one.total, one.free_after, -one.expected)),
    ("LOWEST_TOTAL", lambda one: (one.total, one.free_after, one.monthly, -one.expected)),
)


def _picks(pool: list[Candidate], own_amount: int | None, plans: _Plans) -> list[Pick]:
    """At most three plans of the pool, of the least authority that has any."""
    for role in ROLES:
        within = [candidate for candidate in pool if ROLES.index(candidate.approver) <= ROLES.index(role)]
        picks = _best_of(within, own_amount, plans) if within else []
        if picks:
            return picks
    return []


def _best_of(within: list[Candidate], own_amount: int | None, plans: _Plans) -> list[Pick]:
    """The best for the person at each thing they can name, of the plans that leave the bank its share."""
    # The customer's own term moves no floor: naming an amount takes no other plan away.
    best = max((candidate.expected for candidate in within if candidate.by_policy), default=0)
    floor = best * plans.rules["offer.price_floor_percent"] // 100
    eligible = [candidate for candidate in within if candidate.expected >= floor]
    monthly = [candidate for candidate in eligible if candidate.product is not Product.LUMP_SUM]
    affordable = plans.assessment.affordable_monthly
    wishes = [(label, key, monthly if label == "LOWEST_MONTHLY" else eligible, affordable) for label, key in _BEST_AT]
    if own_amount is not None:
        own_limit = min(own_amount, affordable)
        own = [candidate for candidate in monthly if candidate.highest <= own_limit]
        wishes.insert(0, ("OWN_AMOUNT", _BEST_AT[0][1], own, own_limit))
    chosen: dict[Candidate, Pick] = {}
    for label, key, among, limit in wishes:
        found = _first_that_can_be_made(among, key, plans, limit)
        if found is not None:
            candidate, rows = found
            before = chosen[candidate].best_at if candidate in chosen else ()
            four_eyes = needs_four_eyes(candidate.waived, plans.waived_before, plans.rules)
            chosen[candidate] = Pick(candidate, (*before, label), rows, four_eyes)
    return list(chosen.values())[:MOST_OFFERS]


def _first_that_can_be_made(
    among: list[Candidate], key: Callable[[Candidate], tuple[int, ...]], plans: _Plans, limit: int
) -> tuple[Candidate, tuple[Payment, ...]] | None:
    """The first by `key` whose payments, to the unit, can be made and are within the limit."""
    while among:
        first = min(among, key=key)
        rows = plans.exact(first, limit)
        if rows is not None:
            return first, rows
        among = [candidate for candidate in among if candidate is not first]
    return None
