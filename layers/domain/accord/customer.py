"""What a customer does on the pages, each act as one change of the case.

Every decision that the workflow waits for (signing, a proposal, the income form, a call, the wish for a person's
decision, a refusal) is taken once: the next one has to wait until the workflow has taken up the first.
"""

import unicodedata
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

import rfc8785

from accord.agreement import terms_hash
from accord.case import (
    Agreement,
    Case,
    Change,
    Comprehension,
    Decision,
    Offer,
    StaffTask,
    Status,
    TaskKind,
    TaskReason,
    new_task,
)
from accord.comprehension import mark
from accord.errors import DecisionRefusedError, NotApprovedError, NotSentError
from accord.events import (
    AccessLocked,
    Actor,
    AgreementDownloaded,
    AgreementSigned,
    CaseEvent,
    CircumstancesTold,
    CodeSent,
    ComprehensionChecked,
    ContactDelivered,
    ContactPreferencesTold,
    CustomerDecided,
    IdentityConfirmed,
    LanguageChosen,
    OfferChosen,
)
from accord.means import BY_CATEGORY, with_word
from accord.names import without_private_codes
from accord.offers import quotable
from accord.opening import STANDINGS
from accord.reach import Reach, with_news

_AT_ONCE = timedelta(minutes=15)  # a message that leaves later counts from then on
_CALLED_AFTER = 3  # tries at the questions about one offer
# Why a customer may decline; the pages offer these words and no free text, which could hold personal data.
DECLINE_REASONS = ("CANNOT_AFFORD", "AMOUNT_WRONG", "OTHER_HELP", "NOT_TOLD")
IDENTITY_METHOD = "ID_LAST4_AND_SMS_CODE"

_DECIDING = frozenset({Status.INVITED, Status.NEGOTIATING})


# --- coming in -------------------------------------------------------------------------------------------------


def confirm_identity(case: Case, reach: Reach, actor: Actor, now: datetime) -> Change:
    """The person proved who they are. An invited customer is negotiating from now on.

    What waits for the hour, or for a lawful way, to tell them of it is theirs to see: the invitation is tried again.
    """
    status = Status.NEGOTIATING if case.status is Status.INVITED else case.status
    came = case.moved(status, came=True)
    asked = case.status is Status.ASSESSED and case.answer_by is not None
    if case.stopped is None and (asked or case.status in (Status.OFFERED, *_DECIDING)):
        came = came.model_copy(update={"untold": False})  # they see it now
    if (asked or case.status is Status.OFFERED) and case.decision is None:
        again = Decision(decision_id=actor.id, by="STAFF", kind="RETRY", at=now)
        came = came.model_copy(update={"decision": again})
    return Change(came, (IdentityConfirmed(method=IDENTITY_METHOD),), actor, reach=reach.seeing(now))


def note_code(case: Case, purpose: str, bound_to: str, actor: Actor) -> Change:
    """A one-time code left by SMS; `bound_to` is the hash of the terms that it signs, or empty."""
    sent = CodeSent(purpose=purpose, terms_hash=bound_to or None)
    return Change(case.model_copy(update={"code_for": bound_to or case.code_for}), (sent,), actor)


def lock_access(case: Case, lock: int, actor: Actor, now: datetime) -> Change:
    """Too many tries failed, for the first, second … time: nobody gets in by the web until a person let them."""
    task, created = new_task(case, TaskKind.UNLOCK_ACCESS, now, TaskReason.ACCESS_LOCKED, {"lock": str(lock)})
    return Change(case, (AccessLocked(reason="FAILED_TRIES", lock=lock), created), actor, tasks=(task,))


def note_delivery(
    case: Case,
    contact_id: str,
    outcome: str,
    text: str,
    now: datetime,
    failure: NotSentError | None = None,
    reach: Reach | None = None,
    *,
    printable: bool = True,
) -> Change:
    """A message was SENT, FAILED or OVERTAKEN. With its `failure` a person gets the task to do something about it.

    So they do, once in the case, where the person's name is not `printable` and they may be about to sign with it.
    A failure, and what left late, goes with what is known of the person (`reach`): a channel that they refused is
    closed for all their accounts, and what left late counts from when it left.
    """
    actor = Actor(kind="SYSTEM", id="deliver_contact")
    events: list[CaseEvent] = [ContactDelivered(contact_id=contact_id, outcome=outcome, text=text)]
    tasks: list[StaffTask] = []
    if failure is not None:
        task, created = new_task(case, TaskKind.REACH_BY_HAND, now, TaskReason(failure.reason), failure.facts)
        tasks, events = [task], [*events, created]
    if outcome == "SENT":
        case = case.model_copy(update={"left": (*case.left, contact_id)})
    known = reach
    if reach is not None and left_late(case, contact_id, now) and outcome == "SENT":
        left = {"at": now}
        case = case.model_copy(update={"contacts": with_news(case.contacts, contact_id, left)})
        known = reach.model_copy(update={"contacts": with_news(reach.contacts, contact_id, left)})
    if reach is not None and failure is not None and failure.reason == TaskReason.OPTED_OUT:
        channel = next(record.channel for record in case.contacts if record.contact_id == contact_id)
        known = reach.refusing(channel)
        events.append(ContactPreferencesTold(refused=known.opted_out, agreed=known.consents))
    if not printable and case.glyph_task is None and case.status in _DECIDING:
        noted = note_unprintable_name(case, actor, now)
        case, tasks, events = noted.case, [*tasks, *noted.tasks], [*events, *noted.events]
    return Change(
        case, tuple(events), actor, {"outcome": outcome}, tasks=tuple(tasks), reach=None if known is reach else known
    )


def left_late(case: Case, contact_id: str, now: datetime) -> bool:
    """Whether a message leaves so long after it was asked for that it counts from now on."""
    return any(record.contact_id == contact_id and now - record.at > _AT_ONCE for record in case.contacts)


def note_stuck_message(case: Case, now: datetime) -> Change:
    """A message failed again and again and lies in the dead letters: a person reaches the customer in another way."""
    task, created = new_task(case, TaskKind.REACH_BY_HAND, now, TaskReason.MESSAGE_STUCK)
    return Change(case, (created,), Actor(kind="SYSTEM", id="deliver_contact"), tasks=(task,))


def note_unprintable_name(case: Case, actor: Actor, now: datetime) -> Change:
    """The documents cannot print the name, so nobody can sign: a person is told, once while the task is open."""
    if case.glyph_task == "OPEN":
        return Change(case, (), actor)
    task, created = new_task(case, TaskKind.MISSING_GLYPH, now, TaskReason.NAME_NOT_PRINTABLE)
    return Change(case.model_copy(update={"glyph_task": "OPEN"}), (created,), actor, tasks=(task,))


# --- towards an agreement --------------------------------------------------------------------------------------


def offers_to_show(case: Case, now: datetime) -> tuple[Offer, ...]:
    """The offers that may be shown now, in their order: approved and still valid."""
    shown = []
    for offer in case.offers:
        try:
            shown.append(quotable(case, offer.offer_id, now))
        except NotApprovedError:
            continue
    return tuple(shown)


def chosen_offer(case: Case, now: datetime) -> Offer | None:
    """The offer that the customer chose, while it may still be agreed on."""
    return next((offer for offer in offers_to_show(case, now) if offer.offer_id == case.chosen_offer_id), None)


def has_understood(case: Case) -> bool:
    """Whether the questions about the chosen offer were answered rightly (Civil Code 496: terms are explained)."""
    answered = case.comprehension
    return answered is not None and answered.passed_at is not None and answered.offer_id == case.chosen_offer_id


def is_stopped(case: Case) -> bool:
    """Whether the account's standing (sold, disputed, bankrupt …) came to forbid any agreement while it was open."""
    return not STANDINGS.isdisjoint(case.flags)


def place(case: Case, now: datetime) -> str:
    """Where the customer goes on, whenever they come back: income, offers, questions, agreement, or plan.

    `income` is for a customer whose means have to be known before anything can be offered; `plan` is the page for
    everything on which there is nothing to decide now.
    """
    if case.status not in _DECIDING or case.decision is not None or is_stopped(case):
        return "plan"
    if not offers_to_show(case, now):
        return "plan" if case.offers else "income"
    if chosen_offer(case, now) is None:
        return "offers"
    return "agreement" if has_understood(case) else "questions"


def choose_offer(case: Case, offer_id: str, actor: Actor, now: datetime) -> Change:
    """Choose one of the offers that stand side by side. Nothing is agreed yet; another may be chosen until signing."""
    _check_may_decide(case)
    shown = tuple(offer.offer_id for offer in offers_to_show(case, now))
    if offer_id not in shown:
        raise DecisionRefusedError("OFFER_EXPIRED")
    if offer_id == case.chosen_offer_id:
        return Change(case.moved(Status.NEGOTIATING), (), actor)
    chosen = case.moved(Status.NEGOTIATING, chosen_offer_id=offer_id, comprehension=None)
    return Change(chosen, (OfferChosen(offer_id=offer_id, shown=shown),), actor)


def answer_questions(
    case: Case, about: str | None, language: str, answers: Mapping[str, str], actor: Actor, now: datetime
) -> Change:
    """Mark the answers about the chosen offer. Wrong ones are explained and asked again; result: `passed`.

    `about` is the offer that the page asked about: another one may have been chosen since, in another window. Who still
    gets some wrong after the third time is called: explaining it again in the same words helps nobody. They may go on
    meanwhile.
    """
    _check_may_decide(case)
    offer = _chosen(case, now)
    if about != offer.offer_id:
        raise DecisionRefusedError("OTHER_CHOSEN")
    passed, verdicts = mark(offer, language, answers)
    before = case.comprehension
    attempt = before.attempts + 1 if before is not None and before.offer_id == offer.offer_id else 1
    marked = tuple(
        {"question": verdict.question, "answer": verdict.answer, "right": "yes" if verdict.right else "no"}
        for verdict in verdicts
    )
    comprehension = Comprehension(
        offer_id=offer.offer_id, attempts=attempt, passed_at=now if passed else None, answers=marked
    )
    checked = ComprehensionChecked(offer_id=offer.offer_id, attempt=attempt, passed=passed, answers=marked)
    answered = case.model_copy(update={"comprehension": comprehension})
    if passed or attempt < _CALLED_AFTER or case.call_arranged:
        return Change(answered, (checked,), actor, {"passed": passed})
    facts = {"questions": ", ".join(verdict.question for verdict in verdicts if not verdict.right)}
    task, created = new_task(case, TaskKind.CALL_CUSTOMER, now, TaskReason.NOT_UNDERSTOOD, facts)
    called = answered.model_copy(update={"call_arranged": True, "call_promised_at": now})
    return Change(called, (checked, created), actor, {"passed": passed}, tasks=(task,))


def sign(
    case: Case,
    terms: Mapping[str, Any],
    decision_id: str,
    actor: Actor,
    now: datetime,
    drawing_sha256: str | None = None,
) -> Change:
    """Sign the terms of the chosen offer, with every consent in them, and a drawing where they made one.

    The caller has checked the typed name, that it can be printed, and the one-time code that is bound to these very
    terms. Raises DecisionRefusedError when the offer has expired, was not understood, or is not the one in the terms,
    or when the chain does not say that a code was sent for them: the signature would be no evidence.
    """
    _check_may_decide(case)
    offer = _chosen(case, now)
    if not has_understood(case):
        raise DecisionRefusedError("NOT_UNDERSTOOD")
    if terms["offer_id"] != offer.offer_id:
        raise DecisionRefusedError("TERMS_CHANGED")
    digest = terms_hash(terms)
    if case.code_for != digest:
        raise DecisionRefusedError("NO_CODE")
    agreement = Agreement(
        offer_id=offer.offer_id,
        terms=rfc8785.dumps(dict(terms)).decode(),
        terms_hash=digest,
        signed_at=now,
        drawing_sha256=drawing_sha256,
    )
    signed = AgreementSigned(
        offer_id=offer.offer_id,
        terms_hash=digest,
        consents=tuple(terms["consents"]),
        language=terms["language"],
        drawing_sha256=drawing_sha256,
    )
    decided = CustomerDecided(decision_id=decision_id, kind="SIGNED")
    after = case.moved(
        Status.SIGNED,
        agreement=agreement,
        decision=Decision(decision_id=decision_id, by="CUSTOMER", kind="SIGNED", at=now),
    )
    return Change(after, (signed, decided), actor)


def same_name(typed: str, name: str) -> bool:
    """Whether a typed name is the person's: without regard to case, width, spaces and the dot between parts.

    A private code of an older keyboard counts as the character that it stands for.
    """
    return _plain_name(typed) == _plain_name(name) != ""


def _plain_name(name: str) -> str:
    folded = unicodedata.normalize("NFKC", without_private_codes(name)).casefold()
    return "".join(char for char in folded if not char.isspace() and char not in "·•・.-'’")


def note_download(case: Case, actor: Actor) -> Change:
    """The customer took a copy of the sealed agreement. Raises DecisionRefusedError when there is none yet."""
    if case.agreement is None or case.agreement.document_sha256 is None:
        raise DecisionRefusedError("NOT_SEALED")
    return Change(case, (AgreementDownloaded(document_sha256=case.agreement.document_sha256),), actor)


def note_missing_copy(case: Case, now: datetime) -> Change:
    """The sealed agreement is gone, or is another one: a person is told, once while the task is open."""
    actor = Actor(kind="SYSTEM", id="customer_web")
    if case.copy_missing:
        return Change(case, (), actor)
    task, created = new_task(case, TaskKind.CHECK_DOCUMENT, now, TaskReason.DOCUMENT_MISSING)
    return Change(case.model_copy(update={"copy_missing": True}), (created,), actor, tasks=(task,))


# --- other ways ------------------------------------------------------------------------------------------------


def propose_amount(case: Case, amount: int, decision_id: str, actor: Actor, now: datetime) -> Change:
    """The customer's own proposal: what they could pay a month, in minor units. It goes back to assessment."""
    _check_may_decide(case)
    if not 0 < amount <= case.account.balance.total:
        raise DecisionRefusedError("AMOUNT")
    return _decided(case, "COUNTER", decision_id, actor, now, amount=amount)


def tell_circumstances(case: Case, told: Mapping[str, Any], decision_id: str, actor: Actor, now: datetime) -> Change:
    """The customer's own figures; what is left out stays as it was known. It goes back to assessment.

    `told` has any fields of Circumstances; of fixed_costs and flexible_costs it has the categories that are told, and
    the others stay. A hardship of None says that there is none. The page shows what is known, so most of it comes back
    unchanged: only what differs is news. Nothing new is an answer only to the question whether they are willing.
    """
    _check_may_decide(case)
    known = case.circumstances
    figures = dict(told)
    for part in told.keys() & BY_CATEGORY:
        figures[part] = (getattr(known, part) or {}) | dict(told[part])
    news = tuple(name for name in told if figures[name] != getattr(known, name))
    if not news and case.why_no_offer == "WILLINGNESS_NOT_SHOWN":
        return _decided(case, "INCOME_FORM", decision_id, actor, now)  # that they came and confirmed it is the answer
    if not news:
        raise DecisionRefusedError("NOTHING_TOLD")
    if "hardship" in news and (told["hardship"] is None or "hardship_months" not in told):
        figures["hardship_months"] = None  # how long another hardship was to last says nothing of this one
    after = case.model_copy(update={"circumstances": with_word(known, figures, news, "CUSTOMER")})
    return _decided(after, "INCOME_FORM", decision_id, actor, now, before=(CircumstancesTold(fields=news),))


def ask_for_call(case: Case, decision_id: str, actor: Actor, now: datetime) -> Change:
    """The customer wants to speak with a person; the pages stay open.

    Where the case has stopped nobody would take it up today: the page promises a call, so the task is there at once.
    """
    _check_may_decide(case)
    asked = _decided(case, "CALL_ME", decision_id, actor, now)
    if case.stopped is None:
        return asked
    arranged, tasks, created = with_call(asked.case, now)
    return Change(arranged, (*asked.events, *created), actor, tasks=tasks)


def with_call(case: Case, now: datetime) -> tuple[Case, tuple[StaffTask, ...], tuple[CaseEvent, ...]]:
    """The case with the call that the customer was promised on somebody's list, once."""
    if case.call_arranged:
        return case, (), ()
    task, created = new_task(case, TaskKind.CALL_CUSTOMER, now, TaskReason.CUSTOMER_ASKED_FOR_CALL)
    promised = {"call_arranged": True, "call_promised_at": now}
    return case.model_copy(update=promised), (task,), (created,)


def ask_for_person_to_decide(case: Case, decision_id: str, actor: Actor, now: datetime) -> Change:
    """The customer wants a person to decide instead of the rules alone (PIPL Art. 24). It goes back to assessment.

    There has to be an automatic decision, so offers that stand; and one wish is enough, it holds for the whole case.
    """
    _check_may_decide(case)
    if not offers_to_show(case, now):
        raise DecisionRefusedError("NOT_OPEN")
    if case.human_review:
        raise DecisionRefusedError("ALREADY_ASKED")
    return _decided(case, "HUMAN_REVIEW", decision_id, actor, now)


def prefer_channels(
    case: Case, reach: Reach, wanted: Collection[str], asked_for: Collection[str], actor: Actor, now: datetime
) -> Change:
    """By which of the channels that reach them the customer wants to be written to or called.

    Consent is a box that they ticked themselves: of a channel that needs it (`asked_for`), or that they had refused.
    """
    told = reach
    for channel in case.reachable_by:
        if channel not in wanted:
            told = told.refusing(channel)
        elif channel in asked_for or channel in reach.opted_out:
            told = told.agreeing(channel, now)
    said = ContactPreferencesTold(refused=told.opted_out, agreed=told.consents)
    return Change(case, (said,), actor, reach=told)


def choose_language(case: Case, language: str, actor: Actor) -> Change:
    """The customer reads another language, in messages and on paper as well; billing's word yields to it."""
    chosen = case.model_copy(update={"language": language, "own_language": True})
    return Change(chosen, (LanguageChosen(language=language),), actor)


def decline(case: Case, reason: str, decision_id: str, actor: Actor, now: datetime) -> Change:
    """The customer wants none of it. Who says that the amount is wrong is called by a person."""
    _check_may_decide(case)
    if reason not in DECLINE_REASONS:
        raise DecisionRefusedError("REASON")
    declined = _decided(case, "DECLINED", decision_id, actor, now, reason=reason)
    if reason != "AMOUNT_WRONG":
        return declined
    task, created = new_task(case, TaskKind.CALL_CUSTOMER, now, TaskReason.AMOUNT_DISPUTED)
    promised = declined.case.model_copy(update={"call_arranged": True, "call_promised_at": now})
    return Change(promised, (*declined.events, created), actor, tasks=(task,))


def _decided(
    case: Case,
    kind: str,
    decision_id: str,
    actor: Actor,
    now: datetime,
    *,
    amount: int | None = None,
    reason: str | None = None,
    before: tuple[CircumstancesTold, ...] = (),
) -> Change:
    decision = Decision(decision_id=decision_id, by="CUSTOMER", kind=kind, at=now, amount=amount)
    decided = CustomerDecided(decision_id=decision_id, kind=kind, amount=amount, reason=reason)
    # Who decides on the pages has seen what stands there. What comes of it while nothing goes on they cannot wait for.
    untold = case.stopped is not None
    return Change(case.model_copy(update={"decision": decision, "untold": untold}), (*before, decided), actor)


def _check_may_decide(case: Case) -> None:
    if case.decision is not None:
        raise DecisionRefusedError("PENDING")
    if case.status not in _DECIDING:
        raise DecisionRefusedError("NOT_OPEN")
    if is_stopped(case):
        raise DecisionRefusedError("STOPPED")


def _chosen(case: Case, now: datetime) -> Offer:
    offer = chosen_offer(case, now)
    if offer is None:
        raise DecisionRefusedError("OFFER_EXPIRED" if case.chosen_offer_id else "NOT_CHOSEN")
    return offer
