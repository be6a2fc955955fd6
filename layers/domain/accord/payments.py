"""A payment reaches the case: towards the debt while nothing is agreed, towards the plan afterwards, or to a person."""

from datetime import datetime

from accord.case import ENDED, Case, Change, Posting, Status, TaskKind, TaskReason, new_task
from accord.events import Actor, CaseEvent, PaymentCounted, PaymentTakenBack
from accord.figures import figures_told, heard, known_figures, with_payments
from accord.plan import IN_PLAN, local_day, standing, with_progress
from accord.policy import Policy


def note_payment(case: Case, posting: Posting, currency: str, policy: Policy, now: datetime) -> Change:
    """A payment, or that one was taken back (`void`), once and in whatever order.

    While nothing is signed it lowers what is owed, and new offers are worked out. From the beginning of the plan on it
    goes to the instalments. What fits nowhere is a task for staff: another currency, after the end, more than is owed,
    or taken back after an agreement counted on it.
    """
    actor = Actor(kind="BILLING", id=posting.payment_id)
    found = next((one for one in case.postings if one.payment_id == posting.payment_id), None)
    merged = posting if found is None else found.model_copy(update={"void": found.void or posting.void})
    if merged == found or (case.status in ENDED and case.plan is None):  # what ended without a plan is billing's again
        return Change(case, (), actor)
    if case.figures_at is not None and posting.posted_at <= case.figures_at:
        # Billing had counted it when it told what is owed. That it came back since, billing tells as well; but what was
        # signed stands on those figures.
        if posting.void and case.agreement is not None:
            return _to_a_person(case, (), merged, TaskReason.PAID_BACK_AFTERWARDS, actor, now)
        return Change(case, (), actor)
    if currency != case.account.currency:
        return _to_a_person(case, (), merged, TaskReason.OTHER_CURRENCY_PAID, actor, now)
    postings = (*(one for one in case.postings if one is not found), merged)
    in_order = sorted(postings, key=lambda one: (one.posted_at, one.payment_id))
    paid = case.model_copy(update={"postings": tuple(in_order)})
    after, progress = _counted(case, paid, policy, now)
    told = PaymentTakenBack if merged.void else PaymentCounted
    events = (
        told(payment_id=merged.payment_id, amount=merged.amount, posted_at=merged.posted_at.isoformat()),
        *progress,
    )
    reason = _for_a_person(case, after, merged, now)
    if reason is not None:
        return _to_a_person(after, events, merged, reason, actor, now)
    return Change(after, events, actor)


def _counted(case: Case, paid: Case, policy: Policy, now: datetime) -> tuple[Case, tuple[CaseEvent, ...]]:
    if case.status in ENDED:
        return paid, ()
    if case.status in IN_PLAN:
        return with_progress(paid, now)
    order = policy.rule("allocation.order", local_day(case, now))
    latest = with_payments(known_figures(case), paid.postings, order)
    after, matters = heard(paid, latest, now)
    return after, (figures_told(latest),) if matters else ()  # whoever waits for a decision hears of it by this


def _for_a_person(case: Case, after: Case, posting: Posting, now: datetime) -> TaskReason | None:
    """Why somebody has to look at a payment; None where it fits."""
    if posting.void:
        agreed_on = posting.payment_id in case.counted and case.agreement is not None
        return TaskReason.PAID_BACK_AFTERWARDS if case.status in ENDED or agreed_on else None
    if case.status in ENDED:
        return TaskReason.PAID_AFTER_END
    if after.status is Status.COMPLETED and standing(after, local_day(after, now)).surplus:
        return TaskReason.PAID_TOO_MUCH
    return None


def _to_a_person(
    case: Case, events: tuple[CaseEvent, ...], posting: Posting, reason: TaskReason, actor: Actor, now: datetime
) -> Change:
    facts = {"payment": posting.payment_id, "amount": str(posting.amount)}
    task, created = new_task(case, TaskKind.UNMATCHED_PAYMENT, now, reason, facts)
    return Change(case, (*events, created), actor, tasks=(task,))
