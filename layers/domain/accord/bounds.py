"""Bounds: which rule set each figure of a plan, found by looking at the plans beside it that were not chosen."""

from collections.abc import Iterator

from accord.authority import ROLES, is_within
from accord.case import Bound, Case, Product
from accord.policy import RulesOfTheDay
from accord.search import Candidate, Pick, Search, most_waived

_FLOOR = "offer.price_floor_percent"


def bounds(pick: Pick, found: Search, case: Case, rules: RulesOfTheDay) -> tuple[Bound, ...]:
    """Each figure of the plan with the rule that bound it, and what that rule allowed. The case is assessed."""
    return (
        Bound(figure="FIRST_DUE", rule="offer.first_due_after_days", allows=rules["offer.first_due_after_days"]),
        *(
            _of_one_payment(case, rules)
            if pick.candidate.product is Product.LUMP_SUM
            else _of_instalments(pick, case, found, rules)
        ),
        *_of_the_waiver(pick, case, found, rules),
        *_of_the_worth(pick, found),
    )


def _of_one_payment(case: Case, rules: RulesOfTheDay) -> Iterator[Bound]:
    assessment = case.assessment
    if assessment is not None:
        put_aside = (assessment.affordable_monthly or 0) * rules["lump_sum.months_to_pay"]
        at_most = put_aside + (assessment.savings_available or 0)
        yield Bound(figure="LUMP_SUM", rule="lump_sum.months_to_pay", allows=at_most)


def _of_instalments(pick: Pick, case: Case, found: Search, rules: RulesOfTheDay) -> Iterator[Bound]:
    plan, beside = pick.candidate, pick.beside
    by_means, affordable = _means(case)
    yield Bound(figure="MONTHLY", rule=by_means, allows=affordable)

    longest = (
        "plan.max_term_months" if found.longest > rules["offer.ordinary_max_months"] else "offer.ordinary_max_months"
    )
    if beside.longer is None:
        yield Bound(figure="MONTHS", rule=longest, allows=rules[longest])
    else:
        yield from _why_not("MONTHS", beside.longer, found.floor_percent, case, found, rules)
    if not plan.by_policy:
        pass  # made for the customer's own amount, which says why it is so long
    elif beside.shorter is None:
        yield Bound(figure="NOT_SHORTER", rule="offer.terms_months", allows=plan.months)
    else:
        yield from _why_not("NOT_SHORTER", beside.shorter, found.floor_percent, case, found, rules)

    rate = plan.annual_rate_ppm
    by_rates = plan.product is Product.REDUCED_RATE
    yield Bound(figure="RATE", rule="offer.rates_ppm" if by_rates else "offer.products", allows=rate)
    if beside.cheaper is not None:
        yield from _why_not("NOT_CHEAPER", beside.cheaper, beside.cheaper.annual_rate_ppm, case, found, rules)
    elif rate:
        yield Bound(figure="NOT_CHEAPER", rule="offer.products", allows=rate)


def _of_the_waiver(pick: Pick, case: Case, found: Search, rules: RulesOfTheDay) -> Iterator[Bound]:
    plan, more = pick.candidate, pick.beside.waives_more
    bucket = case.identification.delinquency_bucket if case.identification is not None else ""
    key = "waiver.lump_sum_percent" if plan.product is Product.LUMP_SUM else "waiver.plan_percent"
    ceiling = most_waived(case.account.balance, rules[key], bucket, 100).total
    if ceiling:
        yield Bound(figure="WAIVED", rule=key, allows=ceiling)
    if plan.waived.total:
        yield Bound(figure="APPROVER", rule="authority.concession", allows=ROLES.index(plan.approver))
    if more is None:
        if plan.waived.total < ceiling:
            yield Bound(figure="NOT_MORE_WAIVED", rule="waiver.steps_percent", allows=plan.waived.total)
    elif more.approver in ROLES[: ROLES.index(found.authority) + 1]:
        yield from _why_not("NOT_MORE_WAIVED", more, more.waived.total, case, found, rules)
    else:
        caps = rules["authority.concession"].get(found.authority, {})
        at_once = is_within(caps, more.waived, case.account.balance, bucket)
        rule = "authority.cumulative_12_months" if at_once else "authority.concession"
        yield Bound(figure="NOT_MORE_WAIVED", rule=rule, allows=more.waived.total)


def _means(case: Case) -> tuple[str, int]:
    """The rule that set what is affordable a month, and what that is in minor units."""
    by = "affordability" if case.circumstances.monthly_income is not None else "history"
    affordable = case.assessment.affordable_monthly if case.assessment is not None else None
    return f"assessment.{by}_percent", affordable or 0


def _why_not(
    figure: str, other: Candidate, allows: int, case: Case, found: Search, rules: RulesOfTheDay
) -> Iterator[Bound]:
    """Why the plan beside this one could not be picked: it is too small or too much by the month, or worth too little.

    Nothing where it could have been, and is only less good for the person. `allows` is told where it is the worth.
    """
    least = rules["offer.min_instalment"]
    by_means, affordable = _means(case)
    by_month = other.product is not Product.LUMP_SUM
    if by_month and other.monthly < least:
        yield Bound(figure=figure, rule="offer.min_instalment", allows=least)
    elif by_month and other.highest > affordable:
        yield Bound(figure=figure, rule=by_means, allows=other.highest)
    elif other.expected < found.floor:
        yield Bound(figure=figure, rule=_FLOOR, allows=allows)
    elif other.expected <= found.without_plan:
        yield Bound(figure=figure, rule=found.without_plan_by, allows=allows)


def _of_the_worth(pick: Pick, found: Search) -> Iterator[Bound]:
    """What stands behind the two figures of worth. For staff alone."""
    yield Bound(figure="WORTH", rule=_FLOOR, allows=found.floor_percent)
    yield Bound(figure="BREAKS", rule="pricing.break_ppm_a_month", allows=pick.break_ppm)
    yield Bound(figure="DISCOUNT", rule="pricing.discount_rate_ppm", allows=found.discount_ppm)
    yield Bound(figure="WITHOUT_PLAN", rule=found.without_plan_by, allows=found.without_plan)
