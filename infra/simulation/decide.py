"""One account under one policy: the application's own functions, in memory, and what came of them."""

from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from accord.assessment import assess
from accord.billing import AccountOverdue
from accord.case import Balance, Case, Offer, Product
from accord.identification import identify
from accord.offers import propose
from accord.opening import NEW_ACCOUNT, open_case
from accord.policy import Policy
from accord.pricing import prices, without_plan

COMPONENTS = tuple(Balance.model_fields)
_MONTHS_A_YEAR = 12


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


class Outcome(NamedTuple):
    """What became of an account."""

    bucket: str
    segment: str | None
    treatment: str | None
    vulnerable: bool
    outcome: str  # OFFERED, REVIEW, ASK, NO_AFFORDABLE_OFFER; or what identification said: EXCLUDED …
    why: str | None = None
    review_reasons: tuple[str, ...] = ()
    plans: tuple[Plan, ...] = ()
    owed: tuple[int, ...] = (0,) * len(COMPONENTS)
    without_plan: int | None = None  # None where it was never reckoned


def decide(event: AccountOverdue, policy: Policy, now: datetime) -> Outcome:
    """Open, identify, assess and propose, as the workflow does, and keep nothing of it.

    Raises RuleMissingError where the policy lacks a rule that is asked for.
    """
    today = now.astimezone(ZoneInfo(event.cardholder.time_zone)).date()
    identified = identify(open_case(event, NEW_ACCOUNT, now).case, policy, today)
    who = identified.case.identification
    assert who is not None
    seen = Outcome(
        bucket=who.delinquency_bucket,
        segment=getattr(who, "segment", None),
        treatment=getattr(who, "treatment", None),
        vulnerable=who.vulnerable,
        outcome=identified.result["outcome"],
        why=who.exclusion,
        owed=_by_component(identified.case.account.balance),
    )
    if seen.outcome != "NEGOTIATE":
        return seen
    proposed = propose(assess(identified.case, policy, today).case, policy, now)
    case, outcome = proposed.case, proposed.result["outcome"]
    return seen._replace(
        outcome=outcome,
        why=proposed.result.get("why") or ("INCOME_UNKNOWN" if outcome == "ASK" else None),
        review_reasons=case.review_reasons,
        plans=tuple(_plan(offer, case, now) for offer in case.offers),
        without_plan=_without_plan(case, policy, now),
    )


def _plan(offer: Offer, case: Case, now: datetime) -> Plan:
    monthly = None if offer.product is Product.LUMP_SUM else max(offer.regular_instalment, offer.last_instalment)
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


def _without_plan(case: Case, policy: Policy, now: datetime) -> int:
    """What the bank may expect if nothing is agreed: from the offers, or reckoned in the same way without any."""
    if case.offers and case.offers[0].worth is not None:
        return case.offers[0].worth.without_plan
    assert case.identification is not None
    assert case.assessment is not None
    rules = policy.on(now.astimezone(ZoneInfo(case.time_zone)).date())
    of = prices(rules, case.identification.delinquency_bucket)
    return without_plan(case.account.balance.total, case.assessment.affordable_monthly, of)


def _by_component(balance: Balance) -> tuple[int, ...]:
    return tuple(getattr(balance, part) for part in COMPONENTS)
