"""The life of a signed plan: what each payment makes of it, from its beginning to the last cent."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from accord.case import Case, Plan, Posting, Status
from accord.errors import CaseDamagedError
from accord.events import CaseEvent, InstalmentPaid, PlanCompleted, WaivedAmounts
from accord.ledger import Ledger, Terms, ledger

IN_PLAN = (Status.ACTIVE, Status.IN_GRACE)


def begun(case: Case, now: datetime) -> Case:
    """The case with its plan, which begins today where the customer is."""
    return case.moved(Status.ACTIVE, decision=None, plan=Plan(begun_on=local_day(case, now)))


def standing(case: Case, today: date) -> Ledger:
    """How the case's plan stands on a day. Raises CaseDamagedError where nothing was agreed."""
    if case.agreement is None:
        raise CaseDamagedError(case.case_id)
    agreed = case.agreement.agreed["performance"]
    zone = case.agreement.agreed["time_zone"]
    terms = Terms(case.agreement.schedule, agreed["grace_days"], agreed["tolerance"], zone)
    return ledger(terms, towards_plan(case), case.plan.pauses if case.plan is not None else (), today)


def towards_plan(case: Case, until: datetime | None = None) -> tuple[Posting, ...]:
    """The payments that go towards the plan: those after the figures that it was agreed on."""
    return tuple(
        posting
        for posting in case.postings
        if posting.payment_id not in case.counted
        and (case.figures_at is None or posting.posted_at > case.figures_at)
        and (until is None or posting.posted_at <= until)
    )


def with_progress(case: Case, now: datetime) -> tuple[Case, tuple[CaseEvent, ...]]:
    """What the payments have come to: each instalment that is paid now is told once, and that all of it is."""
    if case.agreement is None or case.plan is None or case.status not in IN_PLAN:
        return case, ()
    stands, agreed = standing(case, local_day(case, now)), case.agreement.agreed
    made = [(row, row.made_on) for row in stands.rows if row.made_on is not None]
    events: list[CaseEvent] = [
        InstalmentPaid(number=row.number, due_date=row.due_date, amount=row.amount, paid_on=day, left=stands.left)
        for row, day in made[case.plan.told_as_paid :]
    ]
    after = case.model_copy(update={"plan": case.plan.model_copy(update={"told_as_paid": len(made)})})
    if stands.settled_on is not None:
        grace = timedelta(days=agreed["performance"]["grace_days"])
        completed = PlanCompleted(
            offer_id=case.agreement.offer_id,
            currency=agreed["currency"],
            paid=stands.paid,
            settled_on=stands.settled_on,
            instalments=len(stands.rows),
            in_time=sum(day <= row.due_date + grace for row, day in made),
            waived=WaivedAmounts(**{name: agreed["waived"][name] for name in WaivedAmounts.model_fields}),
        )
        return after.moved(Status.COMPLETED), (*events, completed)
    if after.status is Status.IN_GRACE and stands.days_past_due == 0:
        after = after.moved(Status.ACTIVE)
    return after, tuple(events)


def local_day(case: Case, now: datetime) -> date:
    """The day where the customer is."""
    return now.astimezone(ZoneInfo(case.time_zone)).date()
