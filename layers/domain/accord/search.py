"""The search for plans: every product, term, rate and waiver of the policy, priced; and the few that are shown.

A plan is in the pool when the person can afford it, the law allows it, somebody at the bank may approve it, and it is
worth more to the bank than no plan. Of what the policy approves by itself, plans that wait for a person come only where
nothing else is affordable. From the pool the person gets the best for themselves at each thing that they can name, as
long as it leaves the bank a set share (`offer.price_floor_percent`) of the best that it could expect: more where an
ordinary plan is affordable, less where the debt exceeds what the person can pay.
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
LEAST_MONTHS = 2  # one month is a single payment


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


class Beside(NamedTuple):
    """The nearest plans that differ in one thing alone, where the policy has any: they show what bound the plan."""

    shorter: Candidate | None
    longer: Candidate | None
    cheaper: Candidate | None
    waives_more: Candidate | None


class Pick(NamedTuple):
    """A plan to show: what it is best at, its exact payments, and whether two persons have to approve it."""

    candidate: Candidate
    best_at: tuple[str, ...]
    payments: tuple[Payment, ...]
    four_eyes: bool
    break_ppm: int  # the monthly chance of a break that it was priced with
    beside: Beside


@dataclass
class Search:
    """What a search came to. `why_none` says where the last candidate was lost."""

    considered: int = 0
    affordable: int = 0
    worthwhile: int = 0
    without_plan: int = 0
    without_plan_by: str = ""  # the rule that set it
    longest: int = 0  # months that a plan may have
    floor: int = 0  # the least worth of a plan beside the best of its authority
    floor_percent: int = 0
    discount_ppm: int = 0
    why_none: str | None = None
    picks: list[Pick] = field(default_factory=list)


def search(case: Case, identification: Identification, assessment: Assessment, rules: RulesOfTheDay) -> Search:
    """Consider every plan of the policy for a case, and pick at most three.

    Where a plan is only a question away, `why_none` says so: MEANS_UNKNOWN or WILLINGNESS_NOT_SHOWN.
    """
    result = _searched(case, identification, assessment, rules)
    if result.picks:
        return result
    for question, answers in _questions(case, assessment):
        answered = _searched(case, identification, assessment.model_copy(update=answers), rules)
        if answered.picks:
            result.why_none = question
            break
        if question == "MEANS_UNKNOWN":  # if not even the best answer helps, it is not the means
            result.why_none = answered.why_none
    return result


def _questions(case: Case, assessment: Assessment) -> Iterator[tuple[str, dict[str, object]]]:
    """What a person might be asked, with what it would change in the assessment at best. Who answers is willing."""
    if assessment.exceeds_ability and not assessment.willing:
        yield "WILLINGNESS_NOT_SHOWN", {"willing": True}
    best = assessment.affordable_most if case.circumstances.told_by == "BILLING" else None
    if case.circumstances.monthly_income is None:
        best = case.account.balance.total  # whatever they earn
    if best is not None:
        yield "MEANS_UNKNOWN", {"affordable_monthly": best, "willing": True}


def exceeds_ability(case: Case, identification: Identification, assessment: Assessment, rules: RulesOfTheDay) -> bool:
    """Art. 70, first precondition: no ordinary plan of instalments is within the means.

    Savings do not count: who could pay at once with them may still choose to keep them, and nobody is pressed to pay in
    one sum. `assessment` says nothing of it yet, so the plans here are ordinary ones.
    """
    plans = _Plans(case, identification, assessment, rules)
    if plans.owed.total <= plans.affordable:
        return False
    return not any(
        candidate.highest <= plans.affordable and plans.exact(candidate, plans.affordable) is not None
        for candidate in plans
        if candidate.product is not Product.LUMP_SUM
    )


def _searched(case: Case, identification: Identification, assessment: Assessment, rules: RulesOfTheDay) -> Search:
    found = _Plans(case, identification, assessment, rules)
    result = Search(
        without_plan=found.alternative,
        without_plan_by=found.alternative_by,
        longest=found.longest,
        floor_percent=found.floor_percent,
        discount_ppm=found.prices.discount_ppm,
    )
    pool: list[Candidate] = []
    lost_to = "NO_PRODUCT"
    every = list(found)
    result.considered = len(every)
    for candidate in every:
        if candidate.highest > found.limit(candidate):
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
    result.floor, result.picks = _picks(pool, every, case.proposed_monthly, found)
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
        self._break_at = [self.prices.break_at(share) for share in range(101)]  # looked up for every plan
        self._annuities: dict[tuple[int, int, int], int] = {}  # the steps of a waiver share them
        self.affordable = assessment.affordable_monthly or 0  # what nobody knows, nobody promises
        self.alternative, self.alternative_by = without_plan(
            self.owed.total, assessment.affordable_monthly, self.prices
        )
        # After a break the bank is where it would be without a plan: nobody pays more for having broken one.
        self.recovery_ppm = self.alternative * PPM // self.owed.total if self.owed.total else 0
        self.months_to_pay: int = rules["lump_sum.months_to_pay"]
        # What can be put aside until it is due, and what is there already.
        self.once = self.affordable * self.months_to_pay + (assessment.savings_available or 0)
        self.left = self.affordable  # the share is taken of what is left of a month
        if assessment.disposable_income:
            self.left = assessment.disposable_income
        self.longest: int = rules["plan.max_term_months"]
        personalised = assessment.exceeds_ability and assessment.willing
        if not personalised:  # Art. 70: without both, an ordinary plan
            self.longest = min(self.longest, rules["offer.ordinary_max_months"])
        # How much of a plan's worth may be left to the person depends on whether they need it.
        self.floor_percent: int = rules["offer.price_floor_percent"]["PERSONALISED" if personalised else "ORDINARY"]
        self.terms = [months for months in rules["offer.terms_months"] if LEAST_MONTHS <= months <= self.longest]
        self.least: int = rules["offer.min_instalment"]
        # Naming more than one can pay makes no plan longer than naming what one can.
        named = case.proposed_monthly
        self.own_amount = None if named is None else min(named, self.affordable)
        self.waived_before = case.waived_before

    def __iter__(self) -> Iterator[Candidate]:
        waivers = list(self._waivers("waiver.plan_percent"))
        for product in self.products:
            if product is Product.LUMP_SUM:
                yield from self._single_payments()
                continue
            for rate in self._rates(product):
                for waived, approver in waivers:
                    yield from self._instalments(product, rate, waived, approver)

    def _rates(self, product: Product) -> tuple[int, ...]:
        """The yearly rates of a product. A debt that bears no interest has no rate to reduce."""
        apr = self.apr_ppm if self.owed.principal else 0
        if product is Product.INTEREST_FREE:
            return (0,)
        ceiling: int = self.rules["offer.price_ceiling_ppm"]
        if product is Product.INSTALMENT:
            return (apr,) if apr <= ceiling else ()
        return tuple(rate for rate in self.rules["offer.rates_ppm"] if 0 < rate < apr and rate <= ceiling)

    def limit(self, candidate: Candidate) -> int:
        """The most that any payment of a plan may be."""
        return self.once if candidate.product is Product.LUMP_SUM else self.affordable

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
        terms = list(self.terms)
        own = self._own_term(bearing, free, rate)
        if own is not None and own not in terms:
            terms.append(own)
        for months in terms:
            regular = free // months
            if bearing:
                regular += self._annuity(bearing, rate, months)
            by_policy = months in self.terms and regular >= self.least
            if not by_policy and months != own:
                continue
            total = financed if rate == 0 else regular * months
            yield Candidate(
                product, waived, approver, rate, months, months,
                regular, regular + free % months, total,
                worth_of_instalments(
                    regular, months, bearing, free, rate,
                    self._breaks(regular, self.left), self.recovery_ppm, self.prices,
                ),
                by_policy,
            )  # fmt: skip

    def _own_term(self, bearing: int, free: int, rate: int) -> int | None:
        """The shortest term whose regular instalment is within the customer's own amount a month.

        The last one takes up what does not divide, and is held against what is affordable.
        """
        if self.own_amount is None:
            return None
        low, high = LEAST_MONTHS, min(self.longest, (bearing + free) // max(self.least, 1))
        if high < low:
            return None

        def fits(months: int) -> bool:
            regular = free // months + (annuity_amount(bearing, rate, months) if bearing else 0)
            return regular <= (self.own_amount or 0) and regular + free % months <= self.affordable

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
            # Due when so many months have passed after the last day to sign, so that it can have been put aside.
            due_after = self.months_to_pay + 1
            expected = worth_of_one_payment(
                amount, self.owed.total, due_after, self._breaks(amount, self.once), self.recovery_ppm, self.prices
            )
            yield Candidate(Product.LUMP_SUM, waived, approver, 0, 1, due_after, amount, amount, amount, expected, True)

    def _breaks(self, amount: int, available: int) -> int:
        """How many of a million such plans break each month, by the share of what is there that the payment takes."""
        return self._break_at[min(amount * 100 // available, 100) if available else 100]

    def _annuity(self, bearing: int, rate: int, months: int) -> int:
        key = (bearing, rate, months)
        amount = self._annuities.get(key)
        if amount is None:
            amount = self._annuities[key] = annuity_amount(bearing, rate, months)
        return amount

    def break_ppm(self, candidate: Candidate) -> int:
        """The monthly chance of a break that a plan was priced with."""
        return self._breaks(candidate.monthly, self.once if candidate.product is Product.LUMP_SUM else self.left)

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


def _picks(
    pool: list[Candidate], every: list[Candidate], own_amount: int | None, plans: _Plans
) -> tuple[int, list[Pick]]:
    """At most three plans of the pool, of the least authority that has any, and the least worth they had to have."""
    for role in ROLES:
        within = [candidate for candidate in pool if ROLES.index(candidate.approver) <= ROLES.index(role)]
        if not within:
            continue
        # The customer's own term moves no floor: naming an amount takes no other plan away. Nor does a plan at the
        # card's own rate: that it becomes affordable takes no relief away.
        measured = [candidate.expected for candidate in within if candidate.by_policy]
        relief = [candidate.expected for candidate in within if candidate.by_policy and _is_relief(candidate)]
        best = max(relief or measured, default=0)
        floor = best * plans.floor_percent // 100
        if picks := _best_of(within, floor, every, own_amount, plans):
            return floor, picks
    return 0, []


def _is_relief(candidate: Candidate) -> bool:
    return candidate.product is not Product.INSTALMENT


def _best_of(
    within: list[Candidate], floor: int, every: list[Candidate], own_amount: int | None, plans: _Plans
) -> list[Pick]:
    """The best for the person at each thing they can name, of the plans that leave the bank its share."""
    eligible = [candidate for candidate in within if candidate.expected >= floor]
    monthly = [candidate for candidate in eligible if candidate.product is not Product.LUMP_SUM]
    wishes = [(label, key, monthly if label == "LOWEST_MONTHLY" else eligible) for label, key in _BEST_AT]
    if own_amount is not None:
        own = [candidate for candidate in monthly if candidate.monthly <= own_amount]
        wishes.insert(0, ("OWN_AMOUNT", _BEST_AT[0][1], own))
    chosen: dict[Candidate, Pick] = {}
    for label, key, among in wishes:
        found = _first_that_can_be_made(among, key, plans)
        if found is not None:
            candidate, rows = found
            before = chosen[candidate].best_at if candidate in chosen else ()
            four_eyes = needs_four_eyes(candidate.waived, plans.waived_before, plans.rules)
            break_ppm, beside = plans.break_ppm(candidate), _beside(candidate, every)
            chosen[candidate] = Pick(candidate, (*before, label), rows, four_eyes, break_ppm, beside)
    return list(chosen.values())[:MOST_OFFERS]


def _beside(plan: Candidate, every: list[Candidate]) -> Beside:
    """The nearest plan of the policy on either side of a plan, one thing changed at a time.

    Every step of a waiver is one object in all the plans that have it, so `is` tells whether two waive the same.
    """
    shorter = longer = cheaper = waives_more = None
    once, rate, months, waived = plan.product is Product.LUMP_SUM, plan.annual_rate_ppm, plan.months, plan.waived
    for other in every:
        if (other.product is Product.LUMP_SUM) != once or not other.by_policy:
            continue
        if other.annual_rate_ppm != rate:
            if other.months == months and other.annual_rate_ppm < rate and other.waived is waived:
                cheaper = other if cheaper is None or other.annual_rate_ppm > cheaper.annual_rate_ppm else cheaper
        elif other.months != months:
            if other.waived is not waived:
                continue
            if other.months < months:
                shorter = other if shorter is None or other.months > shorter.months else shorter
            else:
                longer = other if longer is None or other.months < longer.months else longer
        elif other.waived.total > waived.total and (
            waives_more is None or other.waived.total < waives_more.waived.total
        ):
            waives_more = other
    return Beside(shorter, longer, cheaper, waives_more)


def _first_that_can_be_made(
    among: list[Candidate], key: Callable[[Candidate], tuple[int, ...]], plans: _Plans
) -> tuple[Candidate, tuple[Payment, ...]] | None:
    """The first by `key` whose payments, to the unit, can be made and are within what the person can pay."""
    while among:
        first = min(among, key=key)
        rows = plans.exact(first, plans.limit(first))
        if rows is not None:
            return first, rows
        among = [candidate for candidate in among if candidate is not first]
    return None
