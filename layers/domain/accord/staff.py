"""What staff decide about a task: it closes, and where the workflow waits for it, the decision stands on the case.

Every choice is a word from a closed list, so that no note can carry personal data. A choice that ends something names
its reason after a slash: `REJECTED/NOT_AFFORDABLE`.
"""

from collections.abc import Iterable
from datetime import datetime

from accord.case import Case, Change, Decision, StaffTask, Status, TaskKind
from accord.errors import DecisionRefusedError
from accord.events import Actor, CaseEvent, StaffDecided, StaffTaskClosed

_REVIEW = (
    "APPROVED",
    "REJECTED/NOT_AFFORDABLE",
    "REJECTED/CONCESSION_TOO_HIGH",
    "REJECTED/FIGURES_DOUBTFUL",
    "REJECTED/OTHER_SOLUTION",
)
_RETRY = ("RETRY", "GIVE_UP/CUSTOMER_WITHDREW", "GIVE_UP/CANNOT_BE_SOLVED", "GIVE_UP/OTHER_SOLUTION")
_TALK = ("REACHED", "NOT_REACHED", "NO_LONGER_NEEDED")

# The statuses in which the workflow waits for a person, by the kind of task, and what that person may decide.
_WAITS = {
    TaskKind.REVIEW_OFFERS: ({Status.IN_REVIEW}, _REVIEW),
    # Without any offer where the customer is asked for their means first.
    TaskKind.REACH_BY_HAND: ({Status.OFFERED, Status.ASSESSED}, _RETRY),
    TaskKind.MISSING_GLYPH: ({Status.SIGNED}, _RETRY),
    TaskKind.ACCOUNT_STANDING: ({Status.SIGNED}, _RETRY),
}
# What else a task can come to; nothing waits for it.
_OUTCOMES = {
    TaskKind.REVIEW_OFFERS: ("NO_LONGER_NEEDED",),
    TaskKind.REACH_BY_HAND: _TALK,
    TaskKind.MISSING_GLYPH: ("NO_LONGER_NEEDED",),
    TaskKind.ACCOUNT_STANDING: ("NO_LONGER_NEEDED",),
    TaskKind.CALL_CUSTOMER: _TALK,
    TaskKind.ADVISE_CUSTOMER: _TALK,
    TaskKind.FAILED_STEP: ("MENDED", "NO_LONGER_NEEDED"),
}


def resumes(case: Case, task: StaffTask) -> bool:
    """Whether the workflow waits for this task's decision."""
    return task.kind in _WAITS and case.status in _WAITS[task.kind][0]


def choices(case: Case, task: StaffTask, now: datetime) -> tuple[str, ...]:
    """What may be chosen for the task now; nothing when it is closed or a decision is still being taken up.

    Offers that ran out cannot be approved any more.
    """
    if task.outcome is not None:
        return ()
    if not resumes(case, task):
        return _OUTCOMES[task.kind]
    if case.decision is not None:
        return ()
    ran_out = any(offer.valid_until <= now for offer in case.offers)
    return tuple(choice for choice in _WAITS[task.kind][1] if not (choice == "APPROVED" and ran_out))


def decide(
    case: Case, task: StaffTask, others: Iterable[StaffTask], choice: str, staff_id: str, now: datetime
) -> Change:
    """Close the task with a choice. Raises DecisionRefusedError when that choice is not open (any more).

    A decision that the workflow waits for also closes `others`, the case's tasks of the same kind: an escalated review
    has several, and one answer settles them. Result: `outcome` and `staff_id`, so that a repeat can tell whose it was.
    """
    if choice not in choices(case, task, now):
        raise DecisionRefusedError("NOT_OPEN")
    closing = [task]
    events: list[CaseEvent] = []
    if resumes(case, task):
        closing += [other for other in others if other.kind is task.kind and other.outcome is None and other != task]
        kind = choice.partition("/")[0]
        decision = Decision(decision_id=task.task_id, by="STAFF", kind=kind, at=now, staff_id=staff_id)
        case = case.model_copy(update={"decision": decision})
        events.append(StaffDecided(decision_id=task.task_id, kind=kind, task_id=task.task_id))
    events += [StaffTaskClosed(task_id=closed.task_id, outcome=choice) for closed in closing]
    return Change(
        case,
        tuple(events),
        Actor(kind="STAFF", id=staff_id),
        {"outcome": choice, "staff_id": staff_id},
        tasks=tuple(
            closed.model_copy(update={"outcome": choice, "closed_by": staff_id, "closed_at": now}) for closed in closing
        ),
    )
