"""What staff decide about a task: it closes, and where the workflow waits for it, the decision stands on the case.

Every choice is a word from a closed list, so that nothing personal can be written down. A choice that ends something
names its reason after a slash: `REJECTED/NOT_AFFORDABLE`.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from accord.authority import ROLES
from accord.calls import CALLED, CALLS, call_made, counted
from accord.case import (
    ENDED,
    Case,
    Change,
    Decision,
    StaffTask,
    Status,
    TaskKind,
    TaskReason,
    new_task,
)
from accord.channels import acknowledged, next_way, request_contact
from accord.customer import offers_to_show, with_call
from accord.errors import DecisionRefusedError, NotApprovedError
from accord.events import AccessUnlocked, Actor, CaseEvent, PapersSeen, StaffDecided, StaffTaskClosed
from accord.figures import NEW_FIGURES, called_for
from accord.means import ON_PAPERS, with_word
from accord.messages import CALL_TRIED, COMPLAINT_ANSWERED, NEW_LINK, purpose_of
from accord.offers import check_approval
from accord.policy import Policy
from accord.reach import Reach, Word

_RECONSIDER = "REASSESS"
# Figures were seen on papers, and all is worked out anew by them.
PAPERS_SEEN = f"{_RECONSIDER}/PAPERS_SEEN"
_REVIEW = (
    "APPROVED",
    _RECONSIDER,
    PAPERS_SEEN,
    "REJECTED/NOT_AFFORDABLE",
    "REJECTED/CONCESSION_TOO_HIGH",
    "REJECTED/FIGURES_DOUBTFUL",
    "REJECTED/OTHER_SOLUTION",
)
_RETRY = ("RETRY", "GIVE_UP/CUSTOMER_WITHDREW", "GIVE_UP/CANNOT_BE_SOLVED", "GIVE_UP/OTHER_SOLUTION")
_TALK = ("REACHED", "NOT_REACHED", "NO_LONGER_NEEDED")
_CONFIRMED = "IDENTITY_CONFIRMED"
START_AGAIN = "START_AGAIN"
_UNLOCK = (_CONFIRMED, "NOT_REACHED", "NOT_THE_CUSTOMER", "NO_LONGER_NEEDED")

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
    TaskKind.MISSING_GLYPH: _TALK,
    TaskKind.ACCOUNT_STANDING: ("NO_LONGER_NEEDED",),
    TaskKind.CALL_CUSTOMER: _TALK,
    TaskKind.UNLOCK_ACCESS: _UNLOCK,
    TaskKind.ADVISE_CUSTOMER: _TALK,
    TaskKind.FAILED_STEP: ("NO_LONGER_NEEDED",),
    TaskKind.CHECK_DOCUMENT: ("MENDED", "NO_LONGER_NEEDED"),
    TaskKind.UNMATCHED_PAYMENT: ("POSTED_RIGHTLY", "GIVEN_BACK", "NO_LONGER_NEEDED"),
    TaskKind.COMPLAINT: ("UPHELD", "UPHELD_IN_PART", "NOT_UPHELD", "WITHDRAWN_BY_CUSTOMER"),
}
_TIME_TO_DECIDE = timedelta(days=3)  # left after a complaint, whatever it took
_PROMISED = (TaskReason.CUSTOMER_ASKED_FOR_CALL, TaskReason.AMOUNT_DISPUTED, TaskReason.NOT_UNDERSTOOD)
_PROMISED_CALLS = 3  # whoever was promised a call is tried so often
_ANSWERS = ("UPHELD", "UPHELD_IN_PART", "NOT_UPHELD")


def resumes(case: Case, task: StaffTask) -> bool:
    """Whether the workflow waits for this task's decision; never for a name that was noticed before the signature."""
    if task.reason is TaskReason.NAME_NOT_PRINTABLE:
        return False
    if case.status is Status.ASSESSED and case.answer_by is None:  # plans are being worked out; nobody is asked yet
        return False
    return task.kind in _WAITS and case.status in _WAITS[task.kind][0]


def stopped_case(case: Case, task: StaffTask) -> bool:
    """Whether no execution has taken the case up since the failure that this task is about."""
    return task.kind is TaskKind.FAILED_STEP and case.stopped is not None and task.facts["execution"] == case.stopped


def choices(case: Case, task: StaffTask, now: datetime) -> tuple[str, ...]:
    """What may be chosen for the task now; nothing when it is closed, and a call alone while a decision is taken up.

    Offers that ran out cannot be approved any more, and the pages of a case that has ended are not opened again. A case
    that stopped can only be started again: closing its task otherwise would leave it where nobody looks.
    """
    if task.outcome is not None:
        return ()
    if stopped_case(case, task):
        return (START_AGAIN,)
    if not resumes(case, task):
        ended = case.status in ENDED
        return tuple(choice for choice in _OUTCOMES[task.kind] if not (choice == _CONFIRMED and ended))
    if case.decision is not None:
        return CALLED if task.kind in CALLS else ()
    ran_out = any(offer.valid_until <= now for offer in case.offers)
    # What ran out, or is not there, cannot be approved; it is worked out afresh.
    closed = "APPROVED" if ran_out or not case.offers else _RECONSIDER
    decisions = tuple(choice for choice in _WAITS[task.kind][1] if choice != closed)
    return (*CALLED, *decisions) if task.kind in CALLS else decisions


def decide(
    case: Case,
    task: StaffTask,
    others: Iterable[StaffTask],
    reach: Reach,
    choice: str,
    staff_id: str,
    role: str,
    policy: Policy,
    now: datetime,
    seen: Mapping[str, int] | None = None,
) -> Change:
    """Close the task with a choice. `role` is the authority of who decides: NEGOTIATOR, LEAD or MANAGER.

    `seen` are the figures that PAPERS_SEEN is about: some of ON_PAPERS, in minor units, a month but for savings.

    Raises DecisionRefusedError when that choice is not open (any more, or yet), or beyond the authority.

    A decision that the workflow waits for also closes `others`, the case's tasks of the same kind: an escalated review
    has several, and one answer settles them. Result: `outcome` and `staff_id`, so that a repeat can tell whose it was,
    `seen` where figures were, and `unlocked` where the pages' lock of that number is to be lifted. Who records
    START_AGAIN started an execution just before; it may have taken the case up already. A call (`CALLED/…`) is recorded
    and closes nothing.
    """
    started = choice == START_AGAIN and task.kind is TaskKind.FAILED_STEP and task.outcome is None
    if not started and choice not in choices(case, task, now):
        raise DecisionRefusedError("NOT_OPEN")
    closing: list[StaffTask] = [task]
    following: list[StaffTask] = []
    events: list[CaseEvent] = []
    result: dict[str, Any] = {"outcome": choice, "staff_id": staff_id}
    actor = Actor(kind="STAFF", id=staff_id)
    call = call_made(case, task, choice, reach, policy, now)
    if call is not None and choice in CALLED:
        case, known = counted(case, reach, call[0])
        return Change(case, (call[1],), actor, result, reach=known)
    known = reach
    if task.kind is TaskKind.REVIEW_OFFERS and choice == "APPROVED" and not _is_last_approval(case, staff_id, role):
        case = case.model_copy(update={"first_approver": staff_id})
        again, created = new_task(case, task.kind, now, TaskReason.SECOND_APPROVAL)
        following.append(again)
        events.append(created)
    elif resumes(case, task):
        if choice == PAPERS_SEEN:
            case, papers = _by_papers(case, seen or {}, role)
            events.append(papers)
            result["seen"] = dict(seen or {})
        closing += [other for other in others if other.kind is task.kind and other.outcome is None and other != task]
        kind, _, why = choice.partition("/")
        decision = Decision(
            decision_id=task.task_id, by="STAFF", kind=kind, at=now, staff_id=staff_id, reason=why or None
        )
        case = case.model_copy(update={"decision": decision})
        if kind == "RETRY" and case.begin_doubt and task.reason in (TaskReason.BEGINS_LATE, TaskReason.LESS_OWED):
            case = case.model_copy(update={"begin_despite": (*case.begin_despite, case.begin_doubt)})
        events.append(StaffDecided(decision_id=task.task_id, kind=kind, task_id=task.task_id))
    if task.reason in _PROMISED:
        case = case.model_copy(update={"call_arranged": False})
        if choice == "REACHED" or (choice == "NO_LONGER_NEEDED" and task.reason is TaskReason.CUSTOMER_ASKED_FOR_CALL):
            case = _spoken_with(case, now)
        elif case.stopped is not None and case.decision is not None and case.decision.kind == "CALL_ME":
            case, calls, asked_for = with_call(case, now)  # the wish stands, and no execution would arrange it
            following += calls
            events += asked_for
    if task.reason is TaskReason.REPLIED:
        case = case.model_copy(update={"answer_due": False})
    if task.reason is TaskReason.OFFERS_BEYOND_MEANS:
        case = case.model_copy(update={"advice_due": False})
    if task.kind is TaskKind.COMPLAINT:
        case = _with_time_again(case.model_copy(update={"complaint": "CLOSED"}), task, now)
        known = known.hearing(Word(kind="COMPLAINT", word="ANSWERED", account_id=case.account_id, at=now))
    if task.kind is TaskKind.CHECK_DOCUMENT:
        case = case.model_copy(update={"copy_missing": False})
    if any(closed.reason is TaskReason.NAME_NOT_PRINTABLE for closed in closing):
        case = case.model_copy(update={"glyph_task": "CLOSED"})
    if stopped_case(case, task):
        case = case.model_copy(update={"stopped": None})
    if choice == _CONFIRMED:
        case, known, unlocked = _unlock(case, int(task.facts["lock"]), reach, policy, now)
        events += unlocked
        result["unlocked"] = case.unlocked
    events += [StaffTaskClosed(task_id=closed.task_id, outcome=choice) for closed in closing]
    if choice == "NOT_REACHED" and _has_to_be_reached(case, task, others):
        again, created = new_task(case, task.kind, now, task.reason, task.facts)
        following.append(again)
        events.append(created)
        if task.reason is TaskReason.NAME_NOT_PRINTABLE:
            case = case.model_copy(update={"glyph_task": "OPEN"})
        if task.reason in _PROMISED:
            case = case.model_copy(update={"call_arranged": True})
    if call is not None:
        # After the new link: the call that lets it leave must not be what bars it.
        case, known = counted(case, known, call[0])
        events.insert(0, call[1])
    said = {"outcome": choice, "closed_by": staff_id, "closed_at": now}
    change = Change(
        case,
        tuple(events),
        actor,
        result,
        tasks=tuple(closed.model_copy(update=said) for closed in closing) + tuple(following),
        reach=None if known is reach else known,
    )
    if choice in _ANSWERS:
        return acknowledged(change, COMPLAINT_ANSWERED, reach, policy, now)
    if choice == "NOT_REACHED" and task.reason in _PROMISED:
        return acknowledged(change, CALL_TRIED, reach, policy, now)
    return change


def _with_time_again(case: Case, task: StaffTask, now: datetime) -> Case:
    """The complaint is answered. Where the offers ran out meanwhile, or soon will, new ones are worked out."""
    waiting = case.status in (Status.INVITED, Status.NEGOTIATING) and case.decision is None
    if not waiting or case.decide_by is None or case.decide_by > now + _TIME_TO_DECIDE:
        return case
    decision = Decision(decision_id=task.task_id, by="CUSTOMER", kind=NEW_FIGURES, at=now)
    return case.model_copy(update={"decision": decision})


def _by_papers(case: Case, seen: Mapping[str, int], role: str) -> tuple[Case, PapersSeen]:
    """The case with the figures that staff saw. It takes a role of the bank's, because such figures count in full."""
    if role not in ROLES[1:]:
        raise DecisionRefusedError("NO_ROLE")
    if not seen or not seen.keys() <= set(ON_PAPERS) or min(seen.values()) < 0:
        raise DecisionRefusedError("NOTHING_SEEN")
    means = with_word(case.circumstances, seen, seen.keys(), "STAFF")
    asked = case.assessment.evidence if case.assessment is not None else ()
    means = means.model_copy(update={"shown": tuple(sorted({*means.shown, *asked}))})
    fields = tuple(name for name in ON_PAPERS if name in seen)
    return case.model_copy(update={"circumstances": means}), PapersSeen(fields=fields)


def _spoken_with(case: Case, now: datetime) -> Case:
    """The wish for a call is fulfilled, also where nothing goes on: starting the case again makes no second one. What
    billing told while it stood counts now.
    """
    if case.decision is None or case.decision.kind != "CALL_ME":
        return case
    return called_for(case.model_copy(update={"decision": None, "untold": False}), now)


def _has_to_be_reached(case: Case, task: StaffTask, others: Iterable[StaffTask]) -> bool:
    """Whether somebody has to try again: the customer can go no further before, or was promised the call."""
    if case.status in ENDED:
        return False
    if task.reason is TaskReason.NAME_NOT_PRINTABLE:
        return case.agreement is None
    if task.reason in _PROMISED:
        since = case.call_promised_at or task.created_at  # an earlier promise has had its tries
        tried = [
            other
            for other in others
            if other.reason in _PROMISED and other.outcome == "NOT_REACHED" and other.created_at >= since
        ]
        return len([other for other in tried if other != task]) + 1 < _PROMISED_CALLS
    return task.kind is TaskKind.UNLOCK_ACCESS


def _is_last_approval(case: Case, staff_id: str, role: str) -> bool:
    """Whether nobody else has to approve. Raises DecisionRefusedError where this person may not."""
    try:
        return check_approval(case, staff_id, role)
    except NotApprovedError as refusal:
        raise DecisionRefusedError("FOUR_EYES" if case.first_approver == staff_id else "BEYOND_AUTHORITY") from refusal


def _unlock(
    case: Case, lock: int, reach: Reach, policy: Policy, now: datetime
) -> tuple[Case, Reach, tuple[CaseEvent, ...]]:
    """The person may come in again, with a new link: the old one may be in other hands.

    Raises DecisionRefusedError where no message may leave now: without the new link nobody could come in.
    """
    way = next_way(case, reach, purpose_of(NEW_LINK), policy, now)
    if not way.verdict.allowed:
        later = way.verdict.not_before
        raise DecisionRefusedError("MESSAGE_LATER" if later else "MESSAGE_FORBIDDEN", later)
    offer_ids = tuple(offer.offer_id for offer in offers_to_show(case, now))
    contacted, counted, requested = request_contact(case, reach, NEW_LINK, offer_ids, way, now)
    return contacted.model_copy(update={"unlocked": lock}), counted, (AccessUnlocked(lock=lock), requested)
