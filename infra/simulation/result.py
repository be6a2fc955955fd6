"""What a decision about an account comes to in figures that can be added up: small, and without the case."""

from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from accord.billing import AccountOverdue
from accord.case import Balance, Case, Offer, Product
from accord.policy import Policy
from accord.pricing import prices, without_plan
from infra.simulation.decide import decide

COMPONENTS = tuple(Balance.model_fields)
_MONTHS_A_YEAR = 12
# Of an offer and of its terms everything else is compared: these only name them, or no customer ever sees them.
_NAMES = {"offer_id", "policy_version"}
_UNSEEN = _NAMES | {"rules", "bounds", "worth", "best_at", "resilient"}


class Plan(NamedTuple):
    """An offer as it is added up. Amounts in minor units; `monthly` is None for a single payment."""

    product: str
    months: int
    annual_rate_ppm: int
    monthly: int | None
    free_after: int  # calendar months until the last payment
    waived: tuple[int, ...]  # by component
    total: int
    expected: int  # what the bank may expect of it
    share_percent: int | None  # of what is left of a month; None for a single payment, or where that is unknown


class Result(NamedTuple):
    """What became of an account."""

    bucket: str
    segment: str | None
    treatment: str | None
    vulnerable: bool | None
    outcome: str  # as `decide` has it: OFFERED, REVIEW, ASK, NO_AFFORDABLE_OFFER, WATCH, EXCLUDED, DENIED
    why: str | None = None
    review_reasons: tuple[str, ...] = ()
    plans: tuple[Plan, ...] = ()
    owed: tuple[int, ...] = (0,) * len(COMPONENTS)
    without_plan: int | None = None  # None where it was never reckoned
    offers: tuple[dict[str, Any], ...] = ()  # as the customer sees them
    agreements: tuple[dict[str, Any], ...] = ()  # the terms that the customer would sign
    papers: tuple[str, ...] = ()  # that the customer is asked for with the offers
    answer_by: datetime | None = None  # until when the customer is asked for the income


def result_of(event: AccountOverdue, policy: Policy, now: datetime) -> Result:
    """Decide about an account under a policy, and keep what is added up and what is compared."""
    decided = decide(event, policy, now)
    case, who = decided.case, decided.case.identification
    why = decided.why or (who.exclusion if who else None) or ("INCOME_UNKNOWN" if decided.outcome == "ASK" else None)
    denied = decided.outcome == "DENIED"  # a step may have gone well, but nothing came of it
    offers = () if denied else decided.offers
    return Result(
        bucket=decided.bucket,
        segment=who.segment if who else None,
        treatment=who.treatment if who else None,
        vulnerable=who.vulnerable if who else None,
        outcome=decided.outcome,
        why=why,
        review_reasons=case.review_reasons,
        plans=tuple(_plan(offer, case, now) for offer in offers),
        owed=_by_component(case.account.balance),
        without_plan=None if denied else _without_plan(case, policy, now),
        offers=tuple(offer.model_dump(exclude=_UNSEEN) for offer in offers),
        agreements=tuple(
            {name: value for name, value in terms.items() if name not in _NAMES} for terms in decided.agreements
        ),
        papers=case.assessment.evidence if offers and case.assessment else (),
        answer_by=case.answer_by,
    )


def _plan(offer: Offer, case: Case, now: datetime) -> Plan:
    monthly = None if offer.product is Product.LUMP_SUM else offer.regular_instalment
    left = case.assessment.disposable_income if case.assessment else None
    first, start = offer.first_due_date, now.astimezone(ZoneInfo(case.time_zone)).date()
    assert offer.worth is not None
    return Plan(
        product=offer.product.value,
        months=offer.months,
        annual_rate_ppm=offer.annual_rate_ppm,
        monthly=monthly,
        free_after=(first.year - start.year) * _MONTHS_A_YEAR + first.month - start.month + offer.months - 1,
        waived=_by_component(offer.waived),
        total=offer.total_payable,
        expected=offer.worth.expected,
        share_percent=monthly * 100 // left if monthly is not None and left else None,
    )


def _without_plan(case: Case, policy: Policy, now: datetime) -> int | None:
    """What the bank may expect if nothing is agreed; None where nobody assessed what the person can pay."""
    if case.offers and case.offers[0].worth is not None:
        return case.offers[0].worth.without_plan
    if case.assessment is None or case.identification is None:
        return None
    rules = policy.on(now.astimezone(ZoneInfo(case.time_zone)).date())
    of = prices(rules, case.identification.delinquency_bucket)
    return without_plan(case.account.balance.total, case.assessment.affordable_monthly, of)[0]


def _by_component(balance: Balance) -> tuple[int, ...]:
    return tuple(getattr(balance, part) for part in COMPONENTS)
