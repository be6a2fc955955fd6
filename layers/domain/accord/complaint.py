"""A complaint: made at any time, whatever the case is at; our own wishes are silent until a person has answered."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from accord.case import Case, Change, TaskKind, TaskReason, new_task
from accord.channels import acknowledged
from accord.errors import DecisionRefusedError
from accord.events import Actor, CaseEvent, ComplaintRaised
from accord.messages import COMPLAINT_NOTED
from accord.policy import Policy
from accord.reach import Reach, Word

# What a complaint may be about: a word from a list, because the case holds nothing personal.
ABOUT = ("AMOUNT", "CONDUCT", "MISUNDERSTOOD", "PRIVACY", "OTHER")


def answer_within_days(policy: Policy, case: Case, now: datetime) -> int:
    """In how many days a complaint is answered."""
    days: int = policy.rule("complaint.answer_within_days", now.astimezone(ZoneInfo(case.time_zone)).date())
    return days


def answer_day(case: Case, today: date) -> date | None:
    """The last day for the answer, where the customer is; None once it is over: nobody promises what is past."""
    by = case.complaint_answer_by
    day = by.astimezone(ZoneInfo(case.time_zone)).date() if by is not None else date.min
    return day if day >= today else None


def complain(case: Case, reach: Reach, about: str, policy: Policy, actor: Actor, now: datetime) -> Change:
    """The customer complains. A message says that it was heard, where one may leave now: the page has said it.

    One complaint at a time: while it is open a person hears the rest.
    """
    if about not in ABOUT:
        raise DecisionRefusedError("REASON")
    if case.complaint == "OPEN":
        raise DecisionRefusedError("ALREADY_COMPLAINED")
    within = timedelta(days=answer_within_days(policy, case, now))
    task, created = new_task(case, TaskKind.COMPLAINT, now, TaskReason.COMPLAINT_MADE, {"about": about}, within)
    raised = ComplaintRaised(about=about, answer_by=task.due_at)
    complained = case.model_copy(update={"complaint": "OPEN", "complaint_answer_by": task.due_at})
    heard = Word(kind="COMPLAINT", word="COMPLAINT", account_id=case.account_id, at=now)
    reach = reach.hearing(heard)
    events: tuple[CaseEvent, ...] = (raised, created)
    return acknowledged(
        Change(complained, events, actor, tasks=(task,), reach=reach), COMPLAINT_NOTED, reach, policy, now
    )
