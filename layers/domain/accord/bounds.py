"""Bounds: which rule set each figure of a plan, found by looking at the plans beside it that were not chosen."""

from collections.abc import Iterator

from accord.authority import ROLES
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
    affordable = (case.assessment.affordable_monthly or 0) if case.assessment is not None else 0
    reckoned = case.circumstances.monthly_income is not None
    by_means = "assessment.affordability_percent" if reckoned else "assessment.history_percent"
    yield Bound(figure="MONTHLY", rule=by_means, allows=affordable)

    longest = (
        "plan.max_term_months" if found.longest > rules["offer.ordinary_max_months"] else "offer.ordinary_max_months"
    )
    least = rules["offer.min_instalment"]
    next_term = min(
        (months for months in rules["offer.terms_months"] if plan.months < months <= found.longest), default=0
    )
    if not next_term:
        yield Bound(figure="MONTHS", rule=longest, allows=rules[longest])
    elif beside.longer is None:  # the instalments of the next term would be too small
        yield Bound(figure="MONTHS", rule="offer.min_instalment", allows=least)
    else:
        yield from _worth_too_little("MONTHS", beside.longer, found, found.floor_percent)
    if not plan.by_policy:
        pass  # made for the customer's own amount, which says why it is so long
    elif beside.shorter is None:
        yield Bound(figure="NOT_SHORTER", rule="offer.terms_months", allows=plan.months)
    elif beside.shorter.highest > affordable:
        yield Bound(figure="NOT_SHORTER", rule=by_means, allows=beside.shorter.highest)
    else:
        yield from _worth_too_little("NOT_SHORTER", beside.shorter, found, found.floor_percent)

    match plan.product:
        case Product.INSTALMENT:
            yield Bound(figure="RATE", rule="offer.products", allows=plan.annual_rate_ppm)
        case Product.INTEREST_FREE:
            yield Bound(figure="RATE", rule="offer.products", allows=0)
        case _:
            yield Bound(figure="RATE", rule="offer.rates_ppm", allows=plan.annual_rate_ppm)
    if beside.cheaper is not None:
        yield from _worth_too_little("NOT_CHEAPER", beside.cheaper, found, beside.cheaper.annual_rate_ppm)


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
        return
    if more.approver != plan.approver:
        yield Bound(figure="NOT_MORE_WAIVED", rule="authority.concession", allows=more.waived.total)
    else:
        yield from _worth_too_little("NOT_MORE_WAIVED", more, found, more.waived.total)


def _worth_too_little(figure: str, other: Candidate, found: Search, allows: int) -> Iterator[Bound]:
    """Where the plan beside this one would bring the bank less than it must, or no more than no plan."""
    if other.expected < found.floor:
        yield Bound(figure=figure, rule=_FLOOR, allows=allows)
    elif other.expected <= found.without_plan:
        yield Bound(figure=figure, rule=found.without_plan_by, allows=allows)


def _of_the_worth(pick: Pick, found: Search) -> Iterator[Bound]:
    """What stands behind the two figures of worth. For staff alone."""
    yield Bound(figure="WORTH", rule=_FLOOR, allows=found.floor_percent)
    yield Bound(figure="BREAKS", rule="pricing.break_ppm_a_month", allows=pick.break_ppm)
    yield Bound(figure="DISCOUNT", rule="pricing.discount_rate_ppm", allows=found.discount_ppm)
    yield Bound(figure="WITHOUT_PLAN", rule=found.without_plan_by, allows=found.without_plan)
