"""Offers: the plans within the bank's policy that a person can afford, and the one door to any figure of them.

Waive first, then spread what is left. Principal is never waived here: that needs a write-off. A plan of more than the
bank's ordinary term is a personalised one under Art. 70: only when the debt exceeds the ability to pay and the person
is willing, and at most five years.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from accord.case import (
    Assessment,
    Balance,
    Case,
    Change,
    Identification,
    Offer,
    Product,
    Status,
    TaskKind,
    TaskReason,
    new_task,
)
from accord.errors import MoveNotAllowedError, NotApprovedError
from accord.events import Actor, OfferMade, OfferSummary, ReviewRequested
from accord.policy import Policy, RulesOfTheDay
from accord.schedule import annual_cost_ppm, due_dates, payments

_STEP = Actor(kind="SYSTEM", id="propose")
_BY_POLICY = "policy"
_MOST_OFFERS = 3


@dataclass(frozen=True)
class _Plan:
    """A plan that could be offered. Amounts in minor units."""

    product: Product
    waived: Balance
    annual_rate_ppm: int
    amounts: tuple[int, ...]
    interest: int

    @property
    def most(self) -> int:
        return max(self.amounts)


def propose(case: Case, policy: Policy, now: datetime) -> Change:
    """Make at most three affordable offers within the policy, or say that there is none.

    Outcomes: OFFERED (approved by policy), REVIEW (a person with authority looks first), ASK (income is unknown and
    what was paid so far carries no plan: the customer is asked), NO_AFFORDABLE_OFFER (a person advises the customer).
    Earlier offers of the case are replaced.
    """
    if case.assessment is None or case.identification is None:
        raise MoveNotAllowedError(f"{case.status} to {Status.OFFERED}: the case is not assessed")
    rules = policy.on(now.astimezone(ZoneInfo(case.time_zone)).date())
    plans = _best(_plans(case, case.identification, case.assessment, rules))
    # A decision that no wait has taken up was about the offers before; it must not be taken for one about these.
    fresh = {"chosen_offer_id": None, "comprehension": None, "review_reasons": (), "decision": None}
    if not plans and case.circumstances.monthly_income is None:
        answer_by = now + timedelta(days=rules["offer.valid_days"])
        asking = case.model_copy(update={"offers": (), "answer_by": answer_by, **fresh})
        return Change(asking, (), _STEP, {"outcome": "ASK"})
    if not plans:
        unknown = case.assessment.questions
        reason = TaskReason.MEANS_UNKNOWN if unknown else TaskReason.NO_AFFORDABLE_OFFER
        facts = {"questions": ", ".join(unknown)} if unknown else {}
        task, created = new_task(case, TaskKind.ADVISE_CUSTOMER, now, reason, facts)
        none = case.model_copy(update={"offers": (), **fresh})
        return Change(none, (created,), _STEP, {"outcome": "NO_AFFORDABLE_OFFER"}, tasks=(task,))

    reasons = _review_reasons(plans, case, case.identification, case.assessment, rules)
    offers = _offers(plans, case, now, None if reasons else _BY_POLICY, rules)
    if reasons:
        why = {"review_reasons": ", ".join(reasons)}
        task, created = new_task(case, TaskKind.REVIEW_OFFERS, now, TaskReason.OFFERS_NEED_REVIEW, why)
        in_review = case.moved(Status.IN_REVIEW, offers=offers, **(fresh | {"review_reasons": reasons}))
        events = (ReviewRequested(reasons=reasons), created)
        return Change(in_review, events, _STEP, {"outcome": "REVIEW"}, tasks=(task,))
    offered = case.moved(Status.OFFERED, offers=offers, **fresh)
    return Change(offered, (_made(offers),), _STEP, {"outcome": "OFFERED"})


def approve_offers(case: Case, staff_id: str, now: datetime) -> Change:
    """A member of staff with authority stands by the offers in review. Outcome: OFFERED.

    Raises NotApprovedError when there is nothing to approve, or the offers have run out meanwhile.
    """
    if case.status is not Status.IN_REVIEW or not staff_id:
        raise NotApprovedError("no offers are in review, or nobody stands by them")
    if any(offer.valid_until <= now for offer in case.offers):
        raise NotApprovedError("the offers ran out before they were approved; assess the case again")
    offers = tuple(offer.model_copy(update={"approved_by": staff_id}) for offer in case.offers)
    approved = case.moved(Status.OFFERED, offers=offers)
    return Change(approved, (_made(offers),), Actor(kind="STAFF", id=staff_id), {"outcome": "OFFERED"})


def quotable(case: Case, offer_id: str, now: datetime) -> Offer:
    """The offer, if its figures may be shown or said now: the one door to any figure.

    Raises NotApprovedError for an unknown, unapproved or expired offer.
    """
    offer = case.offer(offer_id)
    if offer is None:
        raise NotApprovedError(f"the case has no offer {offer_id}")
    if offer.approved_by is None:
        raise NotApprovedError(f"nobody has approved the offer {offer_id}")
    if offer.valid_until <= now:
        raise NotApprovedError(f"the offer {offer_id} was valid until {offer.valid_until.isoformat()}")
    return offer


# --- which plans there are ---------------------------------------------------------------------------------------


def _plans(case: Case, identification: Identification, assessment: Assessment, rules: RulesOfTheDay) -> Iterator[_Plan]:
    """Every affordable plan of the policy: to the customer's own amount, by instalments, and by one payment."""
    products: tuple[Product, ...] = rules["offer.products"].get(identification.delinquency_bucket, ())
    for product in products:
        if product is Product.LUMP_SUM:
            continue
        plans = list(_instalment_plans(product, case, identification, assessment, rules))
        if plans:  # the ladder of concessions: the next one only where this one is beyond the person's means
            yield from plans
            break
    if Product.LUMP_SUM in products:
        yield from _lump_sum(case, identification, assessment, rules)


def _instalment_plans(
    product: Product, case: Case, identification: Identification, assessment: Assessment, rules: RulesOfTheDay
) -> Iterator[_Plan]:
    owed = case.account.balance
    waived = _waived(owed, rules["waiver.plan_percent"], identification.delinquency_bucket)
    rate = 0
    if product is Product.REDUCED_RATE:
        rate = min(rules["offer.reduced_rate_ppm"], case.account.apr_ppm)
        if rate == 0:
            return  # that is an interest-free plan, and one of those comes next
    least: int = rules["offer.min_instalment"]
    longest: int = rules["plan.max_term_months"]
    if not (assessment.exceeds_ability and assessment.willing):
        longest = min(longest, rules["offer.ordinary_max_months"])

    def plan(months: int) -> _Plan | None:
        bearing = owed.principal - waived.principal
        free = owed.total - waived.total - bearing
        if bearing + free < least * months:
            return None
        try:
            rows = payments(bearing, free, rate, months)
        except ValueError:  # too little for so many instalments
            return None
        return _Plan(product, waived, rate, tuple(row.amount for row in rows), sum(row.interest for row in rows))

    proposed = case.proposed_monthly
    if proposed is not None and proposed <= assessment.affordable_monthly:
        own = (plan(months) for months in range(2, longest + 1))
        yield from [fitting for fitting in own if fitting is not None and fitting.most <= proposed][:1]
    regular = (plan(months) for months in sorted(rules["offer.terms_months"]) if months <= longest)
    affordable = [one for one in regular if one is not None and one.most <= assessment.affordable_monthly]
    # The soonest to be free, which also costs least in interest, and the one with the lowest amount a month.
    yield from affordable[:1]
    yield from affordable[-1:]


def _lump_sum(
    case: Case, identification: Identification, assessment: Assessment, rules: RulesOfTheDay
) -> Iterator[_Plan]:
    """One payment with a higher waiver, where it can be put aside until it is due."""
    owed = case.account.balance
    waived = _waived(owed, rules["waiver.lump_sum_percent"], identification.delinquency_bucket)
    amount = owed.total - waived.total
    if 0 < amount <= assessment.affordable_monthly * rules["lump_sum.months_to_pay"]:
        yield _Plan(Product.LUMP_SUM, waived, 0, (amount,), 0)


def _waived(owed: Balance, percent: Mapping[str, Mapping[str, int]], bucket: str) -> Balance:
    """What the policy waives of each component, rounded down. What it does not name is not waived."""
    return Balance(
        **{
            component: getattr(owed, component) * by_bucket[bucket] // 100
            for component, by_bucket in percent.items()
            if bucket in by_bucket
        }
    )


def _best(plans: Iterator[_Plan]) -> list[_Plan]:
    """The first three that differ. Each is best at something: the own amount, soonest, lowest a month, one payment."""
    distinct: dict[tuple[Product, int], _Plan] = {}
    for plan in plans:
        distinct.setdefault((plan.product, len(plan.amounts)), plan)
    return list(distinct.values())[:_MOST_OFFERS]


# --- what becomes of them ----------------------------------------------------------------------------------------


def _review_reasons(
    plans: list[_Plan], case: Case, identification: Identification, assessment: Assessment, rules: RulesOfTheDay
) -> tuple[str, ...]:
    financed = max(case.account.balance.total - plan.waived.total for plan in plans)
    reasons = []
    if financed > rules["review.financed_above"]:
        reasons.append("AMOUNT_ABOVE_LIMIT")
    if rules["review.vulnerable"] and identification.vulnerable:
        reasons.append("VULNERABLE")
    if assessment.confidence == "LOW" and financed > rules["review.low_confidence_above"]:
        reasons.append("LOW_CONFIDENCE")
    if "INCOME" in assessment.questions and (case.proposed_monthly or 0) >= assessment.affordable_monthly:
        reasons.append("OWN_AMOUNT_UNCHECKED")  # nothing but the person's own word says that they can afford it
    return tuple(reasons)


def _offers(
    plans: list[_Plan], case: Case, now: datetime, approved_by: str | None, rules: RulesOfTheDay
) -> tuple[Offer, ...]:
    zone = ZoneInfo(case.time_zone)
    valid_until = now + timedelta(days=rules["offer.valid_days"])
    # Whenever it is signed, the first payment is still ahead.
    instalments_from = max(
        now.astimezone(zone).date() + timedelta(days=rules["offer.first_due_after_days"]),
        valid_until.astimezone(zone).date() + timedelta(days=1),
    )
    owed = case.account.balance
    no_new_card = rules["plan.no_new_card_undertaking"]
    offers = []
    for number, plan in enumerate(plans, start=1):
        first_due = instalments_from
        if plan.product is Product.LUMP_SUM:
            first_due = due_dates(first_due, rules["lump_sum.months_to_pay"])[-1]
        offers.append(
            Offer(
                offer_id=f"{case.case_id}-{case.version + 1}-{number}",
                product=plan.product,
                currency=case.account.currency,
                owed=owed,
                waived=plan.waived,
                months=len(plan.amounts),
                annual_rate_ppm=plan.annual_rate_ppm,
                regular_instalment=plan.amounts[0],
                last_instalment=plan.amounts[-1],
                interest=plan.interest,
                total_payable=sum(plan.amounts),
                annual_cost_ppm=annual_cost_ppm(owed.total - plan.waived.total, plan.amounts),
                no_new_card=no_new_card,
                first_due_date=first_due,
                valid_until=valid_until,
                policy_version=rules.version,
                rules=rules.used,
                approved_by=approved_by,
            )
        )
    return tuple(offers)


def _made(offers: tuple[Offer, ...]) -> OfferMade:
    first = offers[0]
    return OfferMade(
        currency=first.currency,
        offers=tuple(
            OfferSummary(
                offer_id=offer.offer_id,
                product=offer.product,
                months=offer.months,
                regular_instalment=offer.regular_instalment,
                last_instalment=offer.last_instalment,
                waived=offer.waived.total,
                total_payable=offer.total_payable,
            )
            for offer in offers
        ),
        approved_by=str(first.approved_by),
        policy_version=first.policy_version,
        rules=first.rules,
    )
