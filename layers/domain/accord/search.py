"""The search for plans: every product, term, rate and waiver of the policy, priced; and the few that are shown.

A plan is in the pool when the person can afford it, the law allows it, somebody at the bank may approve it, and it is
worth more to the bank than no plan. Plans that wait for a person come only where the policy approves no instalments by
itself. From the pool the person gets the best for themselves at each thing that they can name, as
long as it leaves the bank a set share (`offer.price_floor_percent`) of the best that it could expect: more where an
ordinary plan is affordable, less where the debt exceeds what the person can pay.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from heapq import heapify, heappop
from typing import Any, Literal, NamedTuple

from accord.authority import ROLES, least_role, needs_four_eyes
from accord.case import Assessment, Balance, Case, Identification, Product
from accord.money import PPM
from accord.policy import RulesOfTheDay
from accord.pricing import Prices, chances, prices, without_plan, worth_of_instalments, worth_of_one_payment
from accord.schedule import Payment, annuity_amount, most_rounded, payments

Lost = Literal["NO_PRODUCT", "BEYOND_MEANS", "WORTH_LESS_THAN_NO_PLAN", "BEYOND_AUTHORITY"]

MOST_OFFERS = 3
LEAST_MONTHS = 2  # one month is a single payment


class Candidate(NamedTuple):
    """A plan that was considered. Amounts in minor units; the highest and the total are bounds until it is made."""

    product: Product
    waived: Balance
    approver: str
    annual_rate_ppm: int
    months: int  # instalments; 1 for a single payment
    free_after: int  # months until nothing is owed
    monthly: int  # the regular instalment, or the single payment
    highest: int  # of all payments, at least: the last one takes up what does not divide
    total: int  # at least
    expected: int
    by_policy: bool  # a term of the policy's, and not one made for the customer's own amount


# A search makes hundreds of candidates: this takes half the time of calling the class with so many arguments.
_as_candidate: Callable[[tuple[Any, ...]], Candidate] = partial(tuple.__new__, Candidate)


class Made(NamedTuple):
    """A plan to the unit."""

    plan: Candidate
    payments: tuple[Payment, ...]


class Beside(NamedTuple):
    """The nearest plans that differ in one thing alone, where the policy has any: they show what bound the plan.

    Whatever their instalments come to: that one would be too small is a reason as well.
    """

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
    approved: int = 0
    without_plan: int = 0
    without_plan_by: str = ""  # the rule that set it
    longest: int = 0  # months that a plan may have
    authority: str = ""  # the least role within whose authority there were plans to pick from
    floor: int = 0  # the least worth of a plan beside the best of its authority
    floor_percent: int = 0
    discount_ppm: int = 0
    why_none: str | None = None
    picks: list[Pick] = field(default_factory=list)

    @property
    def lost_to(self) -> Lost:
        """What the last plans were lost to, where none came through."""
        if self.approved:
            return "BEYOND_MEANS"  # by the unit: what does not divide makes the last payment too high
        if self.worthwhile:
            return "BEYOND_AUTHORITY"
        if self.affordable:
            return "WORTH_LESS_THAN_NO_PLAN"
        return "BEYOND_MEANS" if self.considered else "NO_PRODUCT"


def search(case: Case, identification: Identification, assessment: Assessment, rules: RulesOfTheDay) -> Search:
    """Consider every plan of the policy for a case, and pick at most three.

    Where a plan is only a question away, `why_none` says so: MEANS_UNKNOWN or WILLINGNESS_NOT_SHOWN.
    """
    result = _searched(case, identification, assessment, rules)
    if result.picks:
        return result
    for question, answers in _questions(case, assessment):
        plans = _Plans(case, identification, assessment.model_copy(update=answers), rules)
        answered = Search()
        if any(plans.made(candidate) is not None for candidate in _pool(plans, plans, answered)):
            result.why_none = question
            break
        if question == "MEANS_UNKNOWN":  # if not even the best answer helps, it is not the means
            result.why_none = answered.lost_to
    return result


def _questions(case: Case, assessment: Assessment) -> Iterator[tuple[str, dict[str, object]]]:
    """What a person might be asked, with what it would change in the assessment at best. Who answers is willing."""
    if assessment.exceeds_ability and not assessment.willing:
        yield "WILLINGNESS_NOT_SHOWN", {"willing": True}
    best = assessment.affordable_most if assessment.questions else None
    if case.circumstances.monthly_income is None:
        best = case.account.balance.total  # whatever they earn
    if best is not None:
        yield "MEANS_UNKNOWN", {"affordable_monthly": best, "willing": True}


def exceeds_ability(case: Case, identification: Identification, assessment: Assessment, rules: RulesOfTheDay) -> bool:
    """Art. 70, first precondition: no ordinary plan of instalments that the bank could agree to is within the means.

    It could agree to what somebody may approve and what brings more than no plan. That a plan which gives nothing up
    is not worth its own cost, or its instalment too small, is the bank's affair and says nothing of the person. Savings
    do not count: who could pay at once with them may still choose to keep them, and nobody is pressed to pay in one
    sum. `assessment` says nothing of it yet, so the plans here are ordinary ones.
    """
    plans = _Plans(case, identification, assessment, rules)
    plans.least = 0
    if plans.owed.total <= plans.affordable:
        return False
    if plans.least_owed > plans.affordable * plans.longest:  # whatever the plan: no need to look at each
        return True
    more_than, cost = plans.alternative, plans.prices.cost_of_plan
    return not any(
        candidate.highest <= plans.affordable
        and candidate.approver
        and candidate.expected > more_than - (0 if candidate.waived.total else cost)
        and plans.made(candidate) is not None
        for candidate in plans
        # The customer's own term is none: by naming an amount nobody comes to have more means.
        if candidate.product is not Product.LUMP_SUM and candidate.months in plans.terms
    )


def _searched(case: Case, identification: Identification, assessment: Assessment, rules: RulesOfTheDay) -> Search:
    plans = _Plans(case, identification, assessment, rules)
    result = Search(
        without_plan=plans.alternative,
        without_plan_by=plans.alternative_by,
        longest=plans.longest,
        floor_percent=plans.floor_percent,
        discount_ppm=plans.prices.discount_ppm,
    )
    pool = list(_pool(plans, plans, result))
    result.authority, result.floor, result.picks = _picks(pool, case.proposed_monthly, plans)
    if not result.picks:
        result.why_none = result.lost_to
    return result


def _pool(every: Iterable[Candidate], plans: "_Plans", result: Search) -> Iterator[Candidate]:
    """What is affordable, worth more than no plan, and within somebody's authority; what came how far is counted."""
    affordable, alternative = plans.affordable, plans.alternative
    for candidate in every:
        result.considered += 1
        if candidate.highest > affordable and candidate.highest > plans.limit(candidate):
            continue
        result.affordable += 1
        if candidate.expected <= alternative:
            continue
        result.worthwhile += 1
        if candidate.approver:
            result.approved += 1
            yield candidate


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
        self._break_at = self.prices.breaks()  # looked up for every plan
        self._with_annuity: dict[tuple[int, int], list[tuple[int, int, int]]] = {}  # the steps of a waiver share them
        self._made: dict[Candidate, Made | None] = {}
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
        self.waivers = list(self._waivers("waiver.plan_percent"))
        # No plan of instalments repays less than this in all.
        self.least_owed = self.owed.total - max((waived.total for waived, _ in self.waivers), default=0)

    def __iter__(self) -> Iterator[Candidate]:
        for product in self.products:
            yield from self._single_payments() if product is Product.LUMP_SUM else self._by_month(product)

    def of_term(self, months: int) -> Iterator[Candidate]:
        """The plans of that term with each rate and waiver, whatever their instalments come to."""
        for product in self.products:
            if product is not Product.LUMP_SUM:
                yield from self._by_month(product, months)

    def _by_month(self, product: Product, at: int | None = None) -> Iterator[Candidate]:
        for rate in self._rates(product):
            for waived, approver in self.waivers:
                yield from self._instalments(product, rate, waived, approver, at)

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

    def _instalments(
        self, product: Product, rate: int, waived: Balance, approver: str, at: int | None = None
    ) -> Iterator[Candidate]:
        """A plan of each term and of the customer's own; or of one term alone, whatever its instalments come to."""
        bearing = self.owed.principal - waived.principal
        free = self.owed.total - waived.total - bearing
        if rate == 0:
            bearing, free = 0, bearing + free
        if at is None:
            own, terms = self._own_term(bearing, free, rate), self._terms_at(bearing, rate)
            if own is not None and own not in self.terms:
                terms = [*terms, _term_at(bearing, rate, own)]
        else:
            own, terms = at, [_term_at(bearing, rate, at)]
        break_at, left, discount = self._break_at, self.left, self.prices.discount_ppm
        for months, annuity, rounded in terms:
            share, rest = divmod(free, months)
            regular = annuity + share
            by_policy = regular >= self.least and months in self.terms
            if not by_policy and months != own:
                continue
            beyond = rest - rounded  # by so much the last one is higher, at least
            break_ppm = break_at[min(regular * 100 // left, 100)] if left else break_at[100]
            expected = worth_of_instalments(
                regular, bearing, free, chances(months, rate, break_ppm, discount), self.recovery_ppm, self.prices
            )
            yield _as_candidate((
                product, waived, approver, rate, months, months,
                regular, regular + beyond if beyond > 0 else regular, regular * months + beyond, expected, by_policy,
            ))  # fmt: skip

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
            if waived.total < self.owed.total:
                yield self._single_payment(waived, approver)

    def _single_payment(self, waived: Balance, approver: str) -> Candidate:
        amount = self.owed.total - waived.total
        # Due when so many months have passed after the last day to sign, so that it can have been put aside.
        due_after = self.months_to_pay + 1
        expected = worth_of_one_payment(
            amount, self.owed.total, due_after, self._breaks(amount, self.once), self.recovery_ppm, self.prices
        )
        return Candidate(Product.LUMP_SUM, waived, approver, 0, 1, due_after, amount, amount, amount, expected, True)

    def _breaks(self, amount: int, available: int) -> int:
        """How many of a million such plans break each month, by the share of what is there that the payment takes."""
        return self._break_at[min(amount * 100 // available, 100) if available else 100]

    def _terms_at(self, bearing: int, rate: int) -> list[tuple[int, int, int]]:
        """Each term of the policy with its annuity."""
        terms = self._with_annuity.get((bearing, rate))
        if terms is None:
            terms = self._with_annuity[bearing, rate] = [_term_at(bearing, rate, months) for months in self.terms]
        return terms

    def break_ppm(self, candidate: Candidate) -> int:
        """The monthly chance of a break that a plan was priced with."""
        return self._breaks(candidate.monthly, self.once if candidate.product is Product.LUMP_SUM else self.left)

    def beside(self, plan: Candidate) -> Beside:
        """The nearest plans on either side of a plan, to the unit: what does not divide may be too much as well."""
        once, months, rate = plan.product is Product.LUMP_SUM, plan.months, plan.annual_rate_ppm
        steps = self._waivers("waiver.lump_sum_percent") if once else self.waivers
        more = next((step for step in steps if step[0].total > plan.waived.total), None)
        if once:
            return Beside(None, None, None, more and self._single_payment(*more))
        by_month = [product for product in self.products if product is not Product.LUMP_SUM]
        lower = [(other, product) for product in by_month for other in self._rates(product) if other < rate]
        cheapest = max(lower, default=None)
        shorter = max((term for term in self.terms if term < months), default=None)
        longer = min((term for term in self.terms if term > months), default=None)
        return Beside(
            shorter=shorter and self._changed(plan, months=shorter),
            longer=longer and self._changed(plan, months=longer),
            cheaper=cheapest and self._changed(plan, annual_rate_ppm=cheapest[0], product=cheapest[1]),
            waives_more=more and self._changed(plan, waived=more[0], approver=more[1]),
        )

    def _changed(self, plan: Candidate, **changes: Any) -> Candidate:
        """The plan with these changes, whatever its instalments come to."""
        to = plan._replace(**changes)
        (priced,) = self._instalments(to.product, to.annual_rate_ppm, to.waived, to.approver, to.months)
        exact = self.to_the_unit(priced)
        return priced if exact is None else exact.plan

    def made(self, candidate: Candidate) -> Made | None:
        """The plan to the unit; None where the payments cannot be made, or one is beyond the means."""
        if candidate not in self._made:
            exact = self.to_the_unit(candidate)
            self._made[candidate] = exact if exact and exact.plan.highest <= self.limit(candidate) else None
        return self._made[candidate]

    def to_the_unit(self, candidate: Candidate) -> Made | None:
        """The plan to the unit, whoever could pay it; None where the payments cannot be made."""
        if candidate.product is Product.LUMP_SUM:
            return Made(candidate, (Payment(candidate.total, candidate.total, 0),))
        bearing = self.owed.principal - candidate.waived.principal
        free = self.owed.total - candidate.waived.total - bearing
        try:
            rows = payments(bearing, free, candidate.annual_rate_ppm, candidate.months)
        except ValueError:  # too little for so many instalments
            return None
        highest = max(row.amount for row in rows)
        exact = candidate._replace(highest=highest, total=sum(row.amount for row in rows))
        return Made(exact, tuple(rows))


def _term_at(bearing: int, rate: int, months: int) -> tuple[int, int, int]:
    """A term, its annuity and by how much the last instalment may be off; both 0 where nothing bears interest."""
    return (months, annuity_amount(bearing, rate, months), most_rounded(rate, months)) if bearing else (months, 0, 0)


# What a plan can be best at, in the order in which plans stand beside each other, and how it is told. Ties go to what
# costs the person least, then to what the bank may expect most of: so no plan that is shown is beaten in everything.
_WISHES: Mapping[str, Callable[[Candidate], tuple[int, ...]]] = {
    "SOONEST_FREE": lambda one: (one.free_after, one.total, one.monthly, -one.expected),
    "LOWEST_MONTHLY": lambda one: (one.monthly, one.total, one.free_after, -one.expected),
    "LOWEST_TOTAL": lambda one: (one.total, one.free_after, one.monthly, -one.expected),
}


def _picks(pool: list[Candidate], own_amount: int | None, plans: _Plans) -> tuple[str, int, list[Pick]]:
    """At most three plans of the pool, with the least authority that has any and the least worth they had to have.

    Authority is asked for instalments at the policy's own terms first: by naming an amount nobody loses any plan. Where
    no authority has these, the customer's own term counts, and single payments alone are shown only where none has
    that either: savings press nobody to pay in one sum.
    """
    found = []
    for role in ROLES:
        within = _within(pool, role)
        best_worth, by_month = _best_worth(within, plans)
        floor = best_worth * plans.floor_percent // 100
        best_at = _best_of(within, role, floor, own_amount, plans)
        by_policy = any(made.plan.by_policy for made in best_at.values())
        found.append(((by_month, "LOWEST_MONTHLY" in best_at, by_policy), role, floor, best_at))
        if by_month:
            break
    _, role, floor, best_at = max(found, key=lambda one: one[0])  # the least authority of those that have as much
    return role, floor, _shown(best_at, plans)


def _within(pool: Iterable[Candidate], role: str) -> list[Candidate]:
    return [candidate for candidate in pool if ROLES.index(candidate.approver) <= ROLES.index(role)]


def _best_worth(within: list[Candidate], plans: _Plans) -> tuple[int, bool]:
    """What the best of the plans is worth to the bank that the price floor is a share of; 0 where there is none.

    With it comes whether there are instalments at a term of the policy. The best is that of the instalments below the
    card's own rate: neither that the full rate becomes affordable nor that savings would do for a single payment takes
    any relief away. Where there are none, all instalments count, and then all plans. The customer's own term is none of
    them: naming an amount makes no other plan dearer. Where theirs are the only instalments it counts if it is worth
    less, so that no single payment takes them away.
    """
    by_policy = [candidate for candidate in within if candidate.by_policy]
    instalments = [candidate for candidate in by_policy if candidate.product is not Product.LUMP_SUM]
    relief = [candidate for candidate in instalments if candidate.product is not Product.INSTALMENT]
    for measured in (relief, instalments):
        if best := _first(measured, lambda one: (-one.expected,), plans):
            return best.plan.expected, True
    own = [candidate for candidate in within if candidate.product is not Product.LUMP_SUM]
    bests = (_first(measured, lambda one: (-one.expected,), plans) for measured in (own, by_policy))
    return min((best.plan.expected for best in bests if best), default=0), False


def _best_of(within: list[Candidate], role: str, floor: int, own_amount: int | None, plans: _Plans) -> dict[str, Made]:
    """The best for the person at each thing they can name, of the plans that leave the bank its share.

    A term that is none of the policy's comes with the customer's own amount alone, which says why it is so long.
    """
    eligible = [candidate for candidate in within if candidate.expected >= floor]
    best_at: dict[str, Made | None] = {}
    own = None
    if own_amount is not None:
        own = best_at["OWN_AMOUNT"] = _own(eligible, role, floor, own_amount, plans)
        eligible = [candidate for candidate in eligible if candidate.by_policy]
    monthly = [candidate for candidate in eligible if candidate.product is not Product.LUMP_SUM]
    for wish, key in _WISHES.items():
        best = _first(monthly if wish == "LOWEST_MONTHLY" else eligible, key, plans)
        best_at[wish] = own if own and (best is None or key(own.plan) < key(best.plan)) else best
    return {wish: made for wish, made in best_at.items() if made is not None}


def _own(eligible: list[Candidate], role: str, floor: int, own_amount: int, plans: _Plans) -> Made | None:
    """The soonest free within the customer's own amount, with the best rate and waiver that its term can have.

    Of each rate and waiver only the shortest term was considered, and for the best of them it may be worth too little.
    """
    soonest = _WISHES["SOONEST_FREE"]
    by_month = [candidate for candidate in eligible if candidate.product is not Product.LUMP_SUM]
    own = _first([candidate for candidate in by_month if candidate.monthly <= own_amount], soonest, plans)
    if own is None or own.plan.months in plans.terms:
        return own
    of_that_term = _within(_pool(plans.of_term(own.plan.months), plans, Search()), role)
    same = [one for one in of_that_term if one.expected >= floor and plans.least <= one.monthly <= own_amount]
    return _first(same, soonest, plans) or own


def _shown(best_at: dict[str, Made], plans: _Plans) -> list[Pick]:
    """The plans to show, each once, with all that it is best at and the plans that lie beside it."""
    if len(set(best_at.values())) > MOST_OFFERS:
        # The plan for an own amount is the soonest free for that amount: it takes the place of the soonest of all.
        best_at = {wish: made for wish, made in best_at.items() if wish != "SOONEST_FREE"}
    return [
        Pick(
            made.plan,
            tuple(wish for wish, best in best_at.items() if best == made),
            made.payments,
            needs_four_eyes(made.plan.waived, plans.waived_before, plans.rules),
            plans.break_ppm(made.plan),
            plans.beside(made.plan),
        )
        for made in dict.fromkeys(best_at.values())
    ]


def _first(among: list[Candidate], key: Callable[[Candidate], tuple[int, ...]], plans: _Plans) -> Made | None:
    """The first by `key`, to the unit, of the plans that can be made and are within the means.

    A candidate's total is a bound from below, so that only the few are made that may still come first.
    """
    waiting = [(key(candidate), number) for number, candidate in enumerate(among)]
    heapify(waiting)
    best: Made | None = None
    while waiting:
        at_least, number = heappop(waiting)
        if best is not None and at_least > key(best.plan):
            break
        made = plans.made(among[number])
        if made is not None and (best is None or key(made.plan) < key(best.plan)):
            best = made
    return best
