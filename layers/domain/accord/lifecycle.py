"""The moves of a negotiation between offer and plan: inviting, reminding, staff's word, sealing, activation, end."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from accord.case import (
    Agreement,
    Case,
    Change,
    ClosedReason,
    Status,
    TaskKind,
    TaskReason,
    new_task,
)
from accord.channels import Way, better_moment, next_way, request_contact
from accord.contact_gate import MESSAGES
from accord.customer import is_stopped, with_call
from accord.errors import AgreementIncompleteError, CaseChangedError, MoveNotAllowedError, NotApprovedError
from accord.events import (
    Actor,
    AgreementSealed,
    CaseClosed,
    CaseEvent,
    ContactRequested,
    PlanActivated,
    PlannedInstalment,
    StepFailed,
    WaivedAmounts,
)
from accord.figures import billed_total, called_for, calls_for_assessment
from accord.messages import (
    CHANGED_OFFERS,
    DECLINED,
    IN_ORDER,
    PLAN_ACTIVE,
    PLAN_WITHDRAWN,
    RAN_OUT,
    REVIEW_KEPT,
    REVIEW_NO_PLAN,
    purpose_of,
)
from accord.offers import approve_offers, reject_offers
from accord.plan import begun, local_day, towards_plan
from accord.policy import Policy
from accord.reach import Reach

# Once an agreement is signed no case ends as if there were none.
_AGREED = (Status.SIGNED, Status.ACTIVE, Status.IN_GRACE)
_WITHOUT_AGREEMENT = (ClosedReason.EXPIRED, ClosedReason.DECLINED, ClosedReason.NO_AFFORDABLE_OFFER)
_WORKFLOW = Actor(kind="SYSTEM", id="negotiation")
# Templates of messages that brought offers.
_OFFERED_BEFORE = frozenset({"INVITATION", "EARLY_HELP", "NEW_OFFERS", CHANGED_OFFERS, REVIEW_KEPT})
# Known without a message: the page has said it, nobody waits for it, or whoever ended it had the task to call.
_KNOWN_ANYWAY = frozenset({DECLINED, RAN_OUT, PLAN_WITHDRAWN})
# A review that was escalated this often goes to the failure path, where operations see it.
_MAX_ESCALATIONS = 3


# --- inviting and reminding ------------------------------------------------------------------------------------


def invite(case: Case, reach: Reach, policy: Policy, now: datetime) -> Change:
    """Ask the contact gate for the message that brings the personal link, to offers or to the question of income.

    Outcomes: INVITED, WAIT (with `wait_seconds`), REFUSED (with a task for staff), EXPIRED where the offers ran out
    before anybody could be told of them, EXCLUDED where the account's standing came to forbid it, GIVE_UP where staff
    ended it meanwhile, REASSESS where billing told figures since that change what can be offered. A customer who asked
    for these offers on the page sees them there, whatever the hour; the message is then only an addition. Who had to
    wait for a person was promised the message and may have left: it follows when the gate opens, unless they came and
    decided before. What nobody waits for waits for the hour at which the person was there before; a reminder follows
    whole days later, at the same hour.
    """
    if case.decision is not None and case.decision.by == "CUSTOMER":
        return Change(case, (), _WORKFLOW, {"outcome": "INVITED"})  # the wait for the customer hands it over
    taken = case.model_copy(update={"decision": None})
    if case.given_up:
        return Change(taken, (), _WORKFLOW, {"outcome": "GIVE_UP"})
    if _against(case, policy, now):
        return Change(taken, (), _WORKFLOW, {"outcome": "EXCLUDED"})
    if calls_for_assessment(case):
        return Change(taken, (), _WORKFLOW, {"outcome": "REASSESS"})
    if case.offers and not any(offer.approved_by for offer in case.offers):
        raise NotApprovedError("no offer is approved")
    if _ran_out(case, reach, now):
        return Change(taken, (), _WORKFLOW, {"outcome": "EXPIRED"})
    template = _invitation(case)
    way = next_way(case, reach, purpose_of(template), policy, now)
    verdict = way.verdict
    waited_for = _asked_on_the_page(case) or purpose_of(template) == "SERVICE"
    if (
        verdict.allowed
        and not waited_for
        and (better := better_moment(case, reach, way, policy, now, case.decide_by or now))
    ):
        return Change(taken, (), _WORKFLOW, _wait_until(better, now))
    if verdict.allowed:
        contacted, counted, requested = _contact(taken, reach, template, way, now)
        status = Status.NEGOTIATING if _asked_on_the_page(case) else Status.INVITED
        invited = contacted.moved(status, rejected_for=None, untold=False)
        return Change(invited, (requested,), _WORKFLOW, {"outcome": "INVITED"}, reach=counted)
    if _asked_on_the_page(case) and not case.untold:
        return Change(taken.moved(Status.NEGOTIATING), (), _WORKFLOW, {"outcome": "INVITED"})
    if verdict.not_before is not None:
        shown = taken.moved(Status.NEGOTIATING) if _asked_on_the_page(case) else taken
        return Change(shown, (), _WORKFLOW, _wait_until(verdict.not_before, now))
    facts = {"rule": str(verdict.rule)}
    if _asked_on_the_page(case):  # they find the offers there, and a person tells them so
        task, created = new_task(case, TaskKind.REACH_BY_HAND, now, TaskReason.OUTCOME_UNTOLD, facts)
        shown = taken.moved(Status.NEGOTIATING, rejected_for=None, untold=False)
        return Change(shown, (created,), _WORKFLOW, {"outcome": "INVITED"}, tasks=(task,))
    task, created = new_task(case, TaskKind.REACH_BY_HAND, now, TaskReason.CONTACT_REFUSED, facts)
    return Change(taken, (created,), _WORKFLOW, {"outcome": "REFUSED"}, tasks=(task,))


def _asked_on_the_page(case: Case) -> bool:
    """Whether the customer came to the pages, so that what is offered since is theirs to see, whatever the hour."""
    return case.came or case.proposed_monthly is not None or bool(case.circumstances.own) or case.human_review


def _invitation(case: Case) -> str:
    if not case.offers:
        return "QUESTIONS"
    if case.rejected_for:
        return REVIEW_KEPT
    heard_before = any(contact.template in _OFFERED_BEFORE for contact in case.contacts)
    # What was promised before stands although the rules find nothing else: it has not changed.
    if case.asked_again or (case.offers_beyond_means and heard_before):
        return "NEW_OFFERS"
    if heard_before:
        return CHANGED_OFFERS
    return "EARLY_HELP" if case.account.days_past_due <= 0 else "INVITATION"


def _wait_until(moment: datetime, now: datetime) -> dict[str, object]:
    return {"outcome": "WAIT", "wait_seconds": max(1, int((moment - now).total_seconds()) + 1)}


def inform(case: Case, reach: Reach, policy: Policy, now: datetime, *, has_gone_on: bool = False) -> Change:
    """Tell the customer what became of it: the plan is active, a person decided against one, or it ended otherwise.

    Outcomes: WAIT (with `wait_seconds`) until the gate opens, else the case's status. Where no message may be sent at
    all, a person gets the task to tell them. Nothing is told where the account has gone on (`has_gone_on`): a newer
    case is open, and what became of this one is no news any more.
    """
    done = {"outcome": case.status.value}
    template = None if has_gone_on else _news(case)
    if template is None or any(contact.template == template for contact in case.contacts):
        return Change(case, (), _WORKFLOW, done)
    way = next_way(case, reach, purpose_of(template), policy, now)
    verdict = way.verdict
    if verdict.allowed:
        contacted, counted, requested = _contact(case, reach, template, way, now)
        return Change(contacted, (requested,), _WORKFLOW, done, reach=counted)
    if verdict.not_before is not None:
        return Change(case, (), _WORKFLOW, _wait_until(verdict.not_before, now))
    if template in _KNOWN_ANYWAY:
        return Change(case, (), _WORKFLOW, done)
    facts = {"rule": str(verdict.rule)}
    task, created = new_task(case, TaskKind.REACH_BY_HAND, now, TaskReason.OUTCOME_UNTOLD, facts)
    return Change(case, (created,), _WORKFLOW, done, tasks=(task,))


def _news(case: Case) -> str | None:
    """What the customer has to be told now. Who never heard of offers, or died, hears of no end."""
    if case.status is Status.ACTIVE:
        return PLAN_ACTIVE
    if case.closed_reason is ClosedReason.WITHDRAWN and case.agreement is not None:
        return PLAN_WITHDRAWN if "DECEASED" not in case.flags else None
    if is_stopped(case):
        return None
    if case.closed_reason is ClosedReason.CURED:
        return IN_ORDER if _was_written_to(case) else None
    if case.closed_reason is ClosedReason.EXPIRED:
        return RAN_OUT if _was_written_to(case) else None
    if case.closed_reason is ClosedReason.DECLINED:
        return DECLINED
    return REVIEW_NO_PLAN if case.rejected_for and _asked_on_the_page(case) else None


def _was_written_to(case: Case) -> bool:
    return any(contact.channel in MESSAGES for contact in case.contacts)


def remind(case: Case, reach: Reach, policy: Policy, now: datetime) -> Change:
    """The customer has not decided yet.

    Outcomes: WAIT (reminded or not), EXCLUDED when the account's standing forbids to go on, REASSESS where billing told
    figures since that change what can be offered, EXPIRED when no offer is valid any more.
    """
    waits = {"outcome": "WAIT"}
    if case.decision is not None:  # it came in this very moment: the wait hands it over at once
        return Change(case, (), _WORKFLOW, waits)
    if _against(case, policy, now):
        return Change(case, (), _WORKFLOW, {"outcome": "EXCLUDED"})
    if calls_for_assessment(case):
        return Change(case, (), _WORKFLOW, {"outcome": "REASSESS"})
    if _ran_out(case, reach, now):
        return Change(case, (), _WORKFLOW, {"outcome": "EXPIRED"})
    template = "REMINDER" if case.offers else "QUESTIONS"
    way = next_way(case, reach, purpose_of(template), policy, now)
    today = now.astimezone(ZoneInfo(case.time_zone)).date()
    if case.reminders >= policy.rule("reminders.max_count", today) or not way.verdict.allowed:
        return Change(case, (), _WORKFLOW, waits)
    contacted, counted, requested = _contact(case, reach, template, way, now)
    reminded = contacted.model_copy(update={"reminders": case.reminders + 1, "untold": False})
    return Change(reminded, (requested,), _WORKFLOW, waits, reach=counted)


def _ran_out(case: Case, reach: Reach, now: datetime) -> bool:
    """Whether there is nothing to decide any more. Nobody's time runs out while a complaint of theirs is looked at,
    with whichever account they made it. Once it is answered, new offers are worked out (`accord.staff`).
    """
    complains = case.complaint == "OPEN" or "COMPLAINT" in reach.stops
    return not complains and (case.decide_by or now) <= now


def _contact(case: Case, reach: Reach, template: str, way: Way, now: datetime) -> tuple[Case, Reach, ContactRequested]:
    return request_contact(case, reach, template, tuple(offer.offer_id for offer in case.offers), way, now)


# --- staff's word ----------------------------------------------------------------------------------------------


def escalate_review(case: Case, now: datetime) -> Change:
    """Nobody reviewed the offers in time: the task falls due now. Outcomes: WAIT, or GIVE_UP after the last time."""
    if case.decision is not None:
        return Change(case, (), _WORKFLOW, {"outcome": "WAIT"})
    if case.review_escalations >= _MAX_ESCALATIONS:
        return Change(case, (), _WORKFLOW, {"outcome": "GIVE_UP"})
    task, created = new_task(case, TaskKind.REVIEW_OFFERS, now, TaskReason.REVIEW_OVERDUE, within=timedelta(0))
    escalated = case.model_copy(update={"review_escalations": case.review_escalations + 1})
    return Change(escalated, (created,), _WORKFLOW, {"outcome": "WAIT"}, tasks=(task,))


def apply_review(case: Case, now: datetime) -> Change:
    """Take up what staff decided about the offers. Outcomes: OFFERED, REASSESS, NO_AFFORDABLE_OFFER, WITHDRAWN."""
    decision = case.decision
    taken = case.model_copy(update={"decision": None, "review_escalations": 0})
    if calls_for_assessment(case) and not (decision is not None and decision.reason == "OTHER_SOLUTION"):
        # Whatever was decided, it was about what was owed before. Only what staff found with the customer stands.
        return Change(taken, (), _WORKFLOW, {"outcome": "REASSESS"})
    if decision is not None and decision.by == "STAFF":
        ran_out = any(offer.valid_until <= now for offer in case.offers)
        if decision.kind == "APPROVED" and not ran_out:
            return approve_offers(taken, str(decision.staff_id), now)
        if decision.kind in ("APPROVED", "REASSESS"):  # the offers ran out before anybody decided, or took it up
            return Change(taken, (), _WORKFLOW, {"outcome": "REASSESS"})
        if decision.kind == "REJECTED":
            return reject_offers(taken, str(decision.reason), now)
    raise NotApprovedError("no decision of staff about the offers is there to take up")


def arrange_call(case: Case, now: datetime) -> Change:
    """The customer asked for a person. The pages stay open meanwhile; who asks again still gets one call."""
    if case.decision is None or case.decision.kind != "CALL_ME":  # somebody has called already, while a step failed
        return Change(called_for(case, now), (), _WORKFLOW, {"outcome": "ARRANGED"})
    arranged, tasks, created = with_call(case.model_copy(update={"decision": None}), now)
    return Change(called_for(arranged, now), created, _WORKFLOW, {"outcome": "ARRANGED"}, tasks=tasks)


# --- sealing and activation ------------------------------------------------------------------------------------


def signed_agreement(case: Case) -> Agreement:
    """The agreement that the customer signed. Raises NotApprovedError when there is none."""
    if case.agreement is None or case.status is not Status.SIGNED:
        raise NotApprovedError("nothing is signed")
    return case.agreement


def is_held_back(case: Case, policy: Policy, now: datetime) -> bool:
    """Whether the account's standing came to forbid the plan that was signed: sold, disputed, bankrupt, dead."""
    return bool(_against(case, policy, now))


def hold_back(case: Case, policy: Policy, now: datetime) -> Change:
    """The customer signed in good faith and the plan cannot begin: a person decides and tells them. Outcome: STOPPED.

    Raises CaseChangedError where nothing stands against it any more: whoever tries again can go on.
    """
    against = _against(case, policy, now)
    if not against:
        raise CaseChangedError(case.case_id)
    facts = {"standing": ", ".join(against)}
    task, created = new_task(case, TaskKind.ACCOUNT_STANDING, now, TaskReason.STANDING_CHANGED, facts)
    taken = case.model_copy(update={"decision": None})
    return Change(taken, (created,), _WORKFLOW, {"outcome": "STOPPED"}, tasks=(task,))


def _against(case: Case, policy: Policy, now: datetime) -> list[str]:
    today = now.astimezone(ZoneInfo(case.time_zone)).date()
    return [reason for reason in policy.rule("identification.exclusions", today) if reason in case.flags]


def withdraw(case: Case) -> Change:
    """Staff ended what was signed before the plan began. Outcome: GIVE_UP."""
    return Change(case.model_copy(update={"decision": None}), (), _WORKFLOW, {"outcome": "GIVE_UP"})


def sealed(case: Case, sealing: AgreementSealed) -> Change:
    """The signed terms have become a sealed document. Outcome: SEALED."""
    agreement = signed_agreement(case).model_copy(
        update={"document_key": sealing.document_key, "document_sha256": sealing.document_sha256}
    )
    after = case.model_copy(update={"agreement": agreement, "decision": None})
    return Change(after, (sealing,), _WORKFLOW, {"outcome": "SEALED"})


def sealed_before(case: Case) -> Change:
    """The document is there already, and staff let the plan go on. Outcome: SEALED."""
    return Change(case.model_copy(update={"decision": None}), (), _WORKFLOW, {"outcome": "SEALED"})


def cannot_print(case: Case, now: datetime) -> Change:
    """The document has a character that no font can draw. Outcome: MISSING_GLYPH, with a task."""
    task, created = new_task(case, TaskKind.MISSING_GLYPH, now, TaskReason.GLYPH_MISSING)
    taken = case.model_copy(update={"decision": None})
    return Change(taken, (created,), _WORKFLOW, {"outcome": "MISSING_GLYPH"}, tasks=(task,))


def activate(case: Case, policy: Policy, now: datetime) -> Change:
    """The plan begins; `PlanActivated` tells billing to stop interest, late fees and collection (Art. 70).

    Outcomes: ACTIVE, STOPPED (see `hold_back`; also where it is a person's to say whether it should begin any more), or
    GIVE_UP where staff ended it meanwhile.
    """
    agreement = signed_agreement(case)
    if case.given_up:
        return withdraw(case)
    if agreement.document_sha256 is None:
        raise AgreementIncompleteError("the agreement is not sealed")
    if is_held_back(case, policy, now):
        return hold_back(case, policy, now)
    if doubt := _doubt_to_begin(case, agreement, now):
        name, reason, facts = doubt
        task, created = new_task(case, TaskKind.ACCOUNT_STANDING, now, reason, facts)
        taken = case.model_copy(update={"decision": None, "begin_doubt": name})
        return Change(taken, (created,), _WORKFLOW, {"outcome": "STOPPED"}, tasks=(task,))
    terms = agreement.agreed
    active = PlanActivated(
        offer_id=terms["offer_id"],
        currency=terms["currency"],
        waived=WaivedAmounts(**{name: terms["waived"][name] for name in WaivedAmounts.model_fields}),
        schedule=tuple(
            PlannedInstalment(number=row.number, due_date=row.due_date, amount=row.amount) for row in agreement.schedule
        ),
        annual_rate_ppm=terms["annual_rate_ppm"],
        document_sha256=agreement.document_sha256,
    )
    return Change(begun(case, now), (active,), _WORKFLOW, {"outcome": "ACTIVE"})


def _doubt_to_begin(case: Case, agreement: Agreement, now: datetime) -> tuple[str, TaskReason, dict[str, str]] | None:
    """Why a person has to say whether a plan should still begin, that something held up after the signature.

    The gravest doubt that no member of staff has settled yet; the next one follows when they have. Its name says what
    they looked at: another sum, or one more payment that fell due, is another doubt.
    """
    today = local_day(case, now)
    due = [row.due_date for row in agreement.schedule if row.due_date <= today]
    doubts: list[tuple[str, TaskReason, dict[str, str]]] = []
    if case.newer is not None:
        owed = billed_total(case.newer)
        # Less is owed because it was paid towards the plan: that is no doubt.
        paid = sum(one.amount for one in towards_plan(case, until=case.newer.told_at) if not one.void)
        if owed + paid < max(case.account.balance.total, case.most_owed_since):
            doubts.append((f"{TaskReason.LESS_OWED}/{owed}", TaskReason.LESS_OWED, {}))
    if due:
        doubts.append(
            (f"{TaskReason.BEGINS_LATE}/{len(due)}", TaskReason.BEGINS_LATE, {"first_due": due[0].isoformat()})
        )
    return next((doubt for doubt in doubts if doubt[0] not in case.begin_despite), None)


# --- the end ---------------------------------------------------------------------------------------------------


def close(case: Case, reason: ClosedReason) -> Change:
    """The case ends without a plan; the account is free for a new one. A standing that forbids a plan is the reason of
    an end that time brought: nobody let the offers run out.

    Outcomes: CLOSED, or DECIDED_BY_CUSTOMER or DECIDED_BY_STAFF where time ran out (EXPIRED) in the very moment in
    which somebody decided: that decision still counts.
    """
    if case.status in _AGREED and reason in _WITHOUT_AGREEMENT:
        raise MoveNotAllowedError(f"{case.status} to {Status.CLOSED} as {reason}: an agreement is signed")
    if reason is ClosedReason.EXPIRED and case.decision is not None:
        return Change(case, (), _WORKFLOW, {"outcome": f"DECIDED_BY_{case.decision.by}"})
    if reason is ClosedReason.EXPIRED and is_stopped(case):
        reason = ClosedReason.EXCLUDED
    closed = case.moved(Status.CLOSED, closed_reason=reason, decision=None)
    return Change(closed, (CaseClosed(reason=reason),), _WORKFLOW, {"outcome": "CLOSED"})


def failure_key(execution: str, redrives: int = 0) -> str:
    """One execution fails once, and once more after each redrive, whoever notices it first."""
    return f"failure/{execution}/{redrives}" if redrives else f"failure/{execution}"


def record_failure(case: Case, execution: str, now: datetime) -> Change:
    """A step failed for good: the case keeps its status and a person gets the task to set it right.

    Outcomes: RECORDED; OVERTAKEN where the word comes late and another execution has taken the case over: that goes on,
    or fails by a word of its own, so the chain keeps this one and nobody has anything to do.
    """
    if execution in case.executions_before:
        return Change(case, (StepFailed(execution=execution),), _WORKFLOW, {"outcome": "OVERTAKEN"})
    task, created = new_task(case, TaskKind.FAILED_STEP, now, TaskReason.STEP_FAILED, {"execution": execution})
    failed: tuple[CaseEvent, ...] = (StepFailed(execution=execution), created)
    # Who asked for something on the page has a message when it is there: nobody waits until it is mended.
    asked = case.decision is not None and case.decision.by == "CUSTOMER"
    untold = case.untold or asked or case.status in (Status.ASSESSED, Status.OFFERED)
    stopped = case.model_copy(update={"stopped": execution, "untold": untold})
    if case.decision is None or case.decision.kind != "CALL_ME":
        return Change(stopped, failed, _WORKFLOW, {"outcome": "RECORDED"}, tasks=(task,))
    # The page has promised a call within a working day, whatever is mended until then.
    arranged, calls, asked_for = with_call(stopped, now)
    return Change(arranged, (*failed, *asked_for), _WORKFLOW, {"outcome": "RECORDED"}, tasks=(task, *calls))
