"""Offers: the plans that the search found become offers, and the one door to any figure of them.

Waive first, then spread what is left. A plan of more than the bank's ordinary term is a personalised one under Art. 70:
only when the debt exceeds the ability to pay and the person is willing, and at most five years.
"""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from accord.authority import ROLES, check_authority, higher
from accord.bounds import bounds
from accord.case import (
    Assessment,
    Case,
    Change,
    Identification,
    Offer,
    Product,
    Status,
    TaskKind,
    TaskReason,
    Worth,
    new_task,
)
from accord.errors import MoveNotAllowedError, NotApprovedError
from accord.events import Actor, OfferMade, OfferSummary, ReviewRequested
from accord.evidence import MAY_HIDE_MEANS
from accord.figures import calls_for_assessment, is_same_debt
from accord.policy import Policy, RulesOfTheDay
from accord.schedule import annual_cost_ppm, due_dates
from accord.search import Pick, Search, search

_STEP = Actor(kind="SYSTEM", id="propose")
_REVIEW = Actor(kind="SYSTEM", id="negotiation")
_BY_POLICY = "policy"
# Who is not known is asked before anybody is refused, and so is who would only have to show that they are willing.
_ASK_FIRST = ("MEANS_UNKNOWN", "WILLINGNESS_NOT_SHOWN")


def propose(case: Case, policy: Policy, now: datetime) -> Change:
    """Make at most three affordable offers within the policy, or say that there is none.

    Outcomes: OFFERED (approved by policy), REVIEW (a person with authority looks first), ASK (the customer is asked
    first: their means are not known well enough, or nothing shows yet that they are willing), NO_AFFORDABLE_OFFER
    (a person advises the customer), KEPT (as well, but offers that the bank approved stand until their time: who tells
    of hard times loses none), REASSESS (billing told figures since the assessment that change what can be offered),
    GIVE_UP (staff ended it meanwhile). Otherwise earlier offers of the case are replaced. Who asked for a person's
    decision has one also where the rules find no plan. What is not told yet is told by the invitation.
    """
    if case.assessment is None or case.identification is None:
        raise MoveNotAllowedError(f"{case.status} to {Status.OFFERED}: the case is not assessed")
    if case.given_up:
        return Change(case.model_copy(update={"decision": None}), (), _STEP, {"outcome": "GIVE_UP"})
    if calls_for_assessment(case):
        return Change(case, (), _STEP, {"outcome": "REASSESS"})
    rules = policy.on(now.astimezone(ZoneInfo(case.time_zone)).date())
    found = search(case, case.identification, case.assessment, rules)
    # A decision that no wait has taken up was about the offers before; it must not be taken for one about these.
    gone = {"chosen_offer_id": None, "comprehension": None, "decision": None, "first_approver": None}
    fresh = gone | {
        "review_reasons": (),
        "rejected_for": None,
        "offers_before": (),
        "offers_beyond_means": False,
        "why_no_offer": found.why_none,
    }
    # Those that stand aside during a review are promised as well.
    promised = _still_promised(case, (*case.offers, *case.offers_before), now)
    if not found.picks and case.human_review and rules["automated_decision.human_review_on_request"]:
        standing = tuple(offer.model_copy(update={"approved_by": None}) for offer in promised)
        fresh |= {"offers_beyond_means": bool(promised)}
        return _in_review(case, standing, promised, ("CUSTOMER_ASKED", "NO_PLAN_FOUND"), fresh, now)
    if promised and not found.picks:
        outcome, status = ("OFFERED", Status.OFFERED) if case.untold else ("KEPT", Status.NEGOTIATING)
        still = {"offers_beyond_means": True, "rejected_for": case.rejected_for, "advice_due": True}
        kept = case.moved(status, offers=promised, **(fresh | still))
        if case.advice_due:  # a person has the task already
            return Change(kept, (), _STEP, {"outcome": outcome})
        task, created = new_task(case, TaskKind.ADVISE_CUSTOMER, now, TaskReason.OFFERS_BEYOND_MEANS)
        return Change(kept, (created,), _STEP, {"outcome": outcome}, tasks=(task,))
    # Who asked for it on the page sees it there, unless they were promised a message meanwhile.
    seen = {"untold": case.untold or not case.asked_again}
    if found.why_none in _ASK_FIRST:
        answer_by = _until(case, now, rules)
        asking = case.model_copy(update={"offers": (), "answer_by": answer_by, **fresh, **seen})
        return Change(asking, (), _STEP, {"outcome": "ASK"})
    if not found.picks:
        reason, facts = _why_advise(found, case.assessment)
        task, created = new_task(case, TaskKind.ADVISE_CUSTOMER, now, reason, facts)
        none = case.model_copy(update={"offers": (), **fresh})
        return Change(none, (created,), _STEP, {"outcome": "NO_AFFORDABLE_OFFER", "why": found.why_none}, tasks=(task,))

    reasons = _review_reasons(found.picks, case, case.identification, case.assessment, rules)
    offers = _offers(found, case, now, None if reasons else _BY_POLICY, rules)
    least = rules["review.least_role"]  # without it nobody knows who may decide, and nothing is offered
    if reasons:
        deciding = higher("NEGOTIATOR", *(least.get(reason, "NEGOTIATOR") for reason in reasons))
        offers = tuple(offer.model_copy(update={"approver": higher(offer.approver, deciding)}) for offer in offers)
        return _in_review(case, offers, promised, reasons, fresh, now)
    offered = case.moved(Status.OFFERED, offers=offers, **fresh, **seen)
    return Change(offered, (_made(offers),), _STEP, {"outcome": "OFFERED"})


def _why_advise(found: Search, assessment: Assessment) -> tuple[TaskReason, dict[str, str]]:
    """Why a person advises the customer, and what they clear up first: what is doubtful, or not known."""
    unknown = assessment.questions
    if found.why_none != "BEYOND_MEANS":
        return TaskReason.NO_PLAN_POSSIBLE, {"why_none": str(found.why_none)}
    if doubtful := [doubt for doubt in assessment.doubts if doubt in MAY_HIDE_MEANS]:
        ask = dict.fromkeys(question for doubt in doubtful for question in MAY_HIDE_MEANS[doubt])
        questions = ", ".join(dict.fromkeys((*ask, *unknown)))
        return TaskReason.FIGURES_DOUBTFUL, {"doubts": ", ".join(doubtful), "questions": questions}
    if unknown:
        return TaskReason.MEANS_UNKNOWN, {"questions": ", ".join(unknown)}
    return TaskReason.NO_AFFORDABLE_OFFER, {}


def _in_review(
    case: Case,
    offers: tuple[Offer, ...],
    promised: tuple[Offer, ...],
    reasons: tuple[str, ...],
    fresh: dict[str, Any],
    now: datetime,
) -> Change:
    """The offers, if there are any, wait for a person; those that were promised stand aside. Outcome: REVIEW."""
    why = {"review_reasons": ", ".join(reasons)}
    task, created = new_task(case, TaskKind.REVIEW_OFFERS, now, TaskReason.OFFERS_NEED_REVIEW, why)
    waiting = {"review_reasons": reasons, "offers_before": promised, "untold": True}
    in_review = case.moved(Status.IN_REVIEW, offers=offers, **(fresh | waiting))
    events = (ReviewRequested(reasons=reasons), created)
    return Change(in_review, events, _STEP, {"outcome": "REVIEW"}, tasks=(task,))


def approve_offers(case: Case, staff_id: str, now: datetime) -> Change:
    """A member of staff stands by the offers in review. Outcome: OFFERED.

    Whether they have the authority was checked when they decided (`check_approval`). Raises NotApprovedError when there
    is nothing to approve, or the offers have run out meanwhile.
    """
    if case.status is not Status.IN_REVIEW or not staff_id or not case.offers:
        raise NotApprovedError("no offers are in review, or nobody stands by them")
    if any(offer.valid_until <= now for offer in case.offers):
        raise NotApprovedError("the offers ran out before they were approved; assess the case again")
    if any(offer.four_eyes for offer in case.offers) and case.first_approver in (None, staff_id):
        raise NotApprovedError("four eyes: two persons have to approve these offers")
    offers = tuple(offer.model_copy(update={"approved_by": staff_id}) for offer in case.offers)
    approved = case.moved(Status.OFFERED, offers=offers, offers_before=(), rejected_for=None)
    return Change(approved, (_made(offers),), Actor(kind="STAFF", id=staff_id), {"outcome": "OFFERED"})


def reject_offers(case: Case, reason: str, now: datetime) -> Change:
    """A member of staff stands by none of the offers in review. What the bank approved before stands until its time.

    Outcomes: OFFERED (what was approved before), or how the case ends: NO_AFFORDABLE_OFFER, or WITHDRAWN where the
    reason says nothing of the person's means. Another solution ends the case, since it takes the offers' place.
    """
    valid = _still_promised(case, case.offers_before, now)
    rejected = case.model_copy(update={"offers_before": (), "rejected_for": reason})
    if valid and reason != "OTHER_SOLUTION":
        kept = rejected.moved(Status.OFFERED, offers=valid)
        if reason != "NOT_AFFORDABLE":
            return Change(kept, (), _REVIEW, {"outcome": "OFFERED"})
        beyond = kept.model_copy(update={"offers_beyond_means": True, "advice_due": True})
        if case.advice_due:  # a person has the task already
            return Change(beyond, (), _REVIEW, {"outcome": "OFFERED"})
        task, created = new_task(case, TaskKind.ADVISE_CUSTOMER, now, TaskReason.OFFERS_BEYOND_MEANS)
        return Change(beyond, (created,), _REVIEW, {"outcome": "OFFERED"}, tasks=(task,))
    means = reason in ("NOT_AFFORDABLE", "CONCESSION_TOO_HIGH")
    return Change(rejected, (), _REVIEW, {"outcome": "NO_AFFORDABLE_OFFER" if means else "WITHDRAWN"})


def check_approval(case: Case, staff_id: str, role: str) -> bool:
    """Whether this approval is the last that the offers in review need; the first of two persons answers False.

    Raises NotApprovedError where the role has not the authority, or one person would be both.
    """
    check_authority(case.offers, role)
    if not any(offer.four_eyes for offer in case.offers):
        return True
    if case.first_approver == staff_id:
        raise NotApprovedError("four eyes: another person has to approve as well")
    return case.first_approver is not None


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


def _still_promised(case: Case, offers: tuple[Offer, ...], now: datetime) -> tuple[Offer, ...]:
    """Those of the offers that the bank stands by: approved, in time, and about what is owed now but for the interest
    that ran on. Nobody is held to a plan for a debt that was paid since.
    """
    return tuple(
        offer
        for offer in offers
        if offer.approved_by is not None and offer.valid_until > now and is_same_debt(offer.owed, case.account.balance)
    )


# --- what becomes of the plans ---------------------------------------------------------------------------------


def _review_reasons(
    picks: list[Pick], case: Case, identification: Identification, assessment: Assessment, rules: RulesOfTheDay
) -> tuple[str, ...]:
    financed = max(case.account.balance.total - pick.candidate.waived.total for pick in picks)
    reasons = []
    if any(pick.candidate.approver != ROLES[0] for pick in picks):
        reasons.append("BEYOND_POLICY_AUTHORITY")
    if any(pick.four_eyes for pick in picks):
        reasons.append("FOUR_EYES")
    if financed > rules["review.financed_above"]:
        reasons.append("AMOUNT_ABOVE_LIMIT")
    # It may have been told since the case was identified.
    hardships = {case.circumstances.hardship, case.circumstances.hardship_on_record}
    if rules["review.vulnerable"] and (
        identification.vulnerable
        or "VULNERABLE" in case.flags
        or not hardships.isdisjoint(rules["identification.vulnerable_hardships"])
    ):
        reasons.append("VULNERABLE")
    if assessment.confidence == "LOW" and financed > rules["review.low_confidence_above"]:
        reasons.append("LOW_CONFIDENCE")
    if "INCOME" in assessment.questions and (case.proposed_monthly or 0) >= (assessment.affordable_monthly or 0):
        reasons.append("OWN_AMOUNT_UNCHECKED")  # nothing but the person's own word says that they can afford it
    seen = case.circumstances.told_by == "STAFF" and set(assessment.evidence) <= set(case.circumstances.shown)
    if assessment.evidence and not seen:
        reasons.append("PAPERS_TO_SEE")
    if assessment.doubts:
        reasons.append("FIGURES_DOUBTFUL")
    if case.human_review and rules["automated_decision.human_review_on_request"]:
        reasons.append("CUSTOMER_ASKED")  # not to be decided about by a computer alone
    return tuple(reasons)


def _until(case: Case, now: datetime, rules: RulesOfTheDay) -> datetime:
    """The end of the last day on which the offers stand, where the customer is: people are told a day and no hour."""
    zone = ZoneInfo(case.time_zone)
    over = now.astimezone(zone).date() + timedelta(days=rules["offer.valid_days"] + 1)
    # Clocks may change at that very midnight: of two such hours it is the earlier, which the day ends with.
    return datetime.combine(over, time(), zone).astimezone(UTC) - timedelta(seconds=1)


def _offers(
    found: Search, case: Case, now: datetime, approved_by: str | None, rules: RulesOfTheDay
) -> tuple[Offer, ...]:
    zone = ZoneInfo(case.time_zone)
    valid_until = _until(case, now, rules)
    # Whenever it is signed, the first payment is still ahead.
    instalments_from = max(
        now.astimezone(zone).date() + timedelta(days=rules["offer.first_due_after_days"]),
        valid_until.astimezone(zone).date() + timedelta(days=1),
    )
    assessment, owed = case.assessment, case.account.balance
    offers = []
    for number, pick in enumerate(found.picks, start=1):
        plan, amounts = pick.candidate, [row.amount for row in pick.payments]
        once = plan.product is Product.LUMP_SUM
        stressed = None if assessment is None or once else assessment.stressed_monthly
        offers.append(
            Offer(
                offer_id=f"{case.case_id}-{case.version + 1}-{number}",
                product=plan.product,
                currency=case.account.currency,
                owed=owed,
                waived=plan.waived,
                months=len(amounts),
                annual_rate_ppm=plan.annual_rate_ppm,
                regular_instalment=amounts[0],
                last_instalment=amounts[-1],
                interest=sum(row.interest for row in pick.payments),
                total_payable=sum(amounts),
                annual_cost_ppm=annual_cost_ppm(owed.total - plan.waived.total, amounts),
                no_new_card=rules["plan.no_new_card_undertaking"],
                first_due_date=due_dates(instalments_from, plan.free_after)[-1] if once else instalments_from,
                valid_until=valid_until,
                policy_version=rules.version,
                best_at=pick.best_at,
                bounds=bounds(pick, found, case, rules),
                worth=Worth(expected=plan.expected, without_plan=found.without_plan),
                resilient=stressed is None or max(amounts) <= stressed,
                stressed_monthly=stressed,
                own_amount=case.proposed_monthly,
                approver=plan.approver,
                four_eyes=pick.four_eyes,
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
                valid_until=offer.valid_until.isoformat(),
            )
            for offer in offers
        ),
        approved_by=str(first.approved_by),
        policy_version=first.policy_version,
        rules=first.rules,
    )
