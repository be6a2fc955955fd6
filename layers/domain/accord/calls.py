"""A call by a person: whether the contact gate opens for it, what may be said, and how it counts afterwards."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from accord.case import Case, Offer, Product, StaffTask, Status, TaskKind, TaskReason
from accord.channels import history, may_reach
from accord.contact_gate import Ask, Purpose, Verdict
from accord.customer import offers_to_show
from accord.events import CallMade
from accord.messages import last_day, sender_of
from accord.money import format_money
from accord.policy import Policy
from accord.reach import ContactRecord, Reach, Receipt
from accord.texts import format_date, texts
from accord.wording import check_reviewed

# Tasks that are, or may need, a call to the customer, and whether it answers what they did or is our own wish.
CALLS: Mapping[TaskKind, Purpose] = {
    TaskKind.CALL_CUSTOMER: "SERVICE",
    TaskKind.UNLOCK_ACCESS: "SERVICE",
    TaskKind.MISSING_GLYPH: "SERVICE",
    TaskKind.ACCOUNT_STANDING: "SERVICE",
    TaskKind.ADVISE_CUSTOMER: "COLLECTION",
    TaskKind.REACH_BY_HAND: "COLLECTION",
}
# In these calls nobody asks the customer to choose anything.
_WITHOUT_OFFERS = frozenset({TaskKind.UNLOCK_ACCESS, TaskKind.MISSING_GLYPH})
# What staff record of a task that was a call, as the receipt of one.
_CAME_OF: Mapping[str, Receipt] = {
    "REACHED": "ANSWERED",
    "IDENTITY_CONFIRMED": "ANSWERED",
    "NOT_REACHED": "NO_ANSWER",
    "NOT_THE_CUSTOMER": "WRONG_PERSON",
    "CALLED/REACHED": "ANSWERED",
    "CALLED/NOT_REACHED": "NO_ANSWER",
}
_A_WISH_HOLDS = timedelta(days=7)  # Regulation F, 12 CFR 1006.14(b)(3)(i): consent given within seven days
# The customer asked for the call, or said that an amount is wrong and was promised one.
WISHED = frozenset({TaskReason.CUSTOMER_ASKED_FOR_CALL, TaskReason.AMOUNT_DISPUTED})
# Calls for a task that something else decides: they are recorded, and it stays open.
CALLED = ("CALLED/REACHED", "CALLED/NOT_REACHED")
_UNDECIDED = (Status.OFFERED, Status.INVITED, Status.NEGOTIATING)


class Script(NamedTuple):
    """What to say, in the customer's language, in this order."""

    opening: str
    stranger: str  # instead of all that follows, where it is somebody else
    identity: str
    reason: str
    offers: tuple[str, ...]  # approved and valid now; the last line says until when
    closing: str


def may_call(case: Case, task: StaffTask, reach: Reach, policy: Policy, now: datetime) -> Verdict:
    """What the contact gate says of calling the customer now, for what the task is about.

    Whoever asked for a call is called although they want none otherwise, within `contact.wish_opens`.
    """
    asked_for = (
        task.reason in WISHED
        and case.call_promised_at is not None
        and now - case.call_promised_at <= _A_WISH_HOLDS  # since they asked, however often it was tried
    )
    return may_reach(case, reach, Ask("CALL", CALLS[task.kind], wished=asked_for), policy, now)


def script(case: Case, task: StaffTask, policy: Policy, now: datetime) -> Script:
    """What to say to the customer; figures are those of offers that may be quoted now.

    Raises TextNotReviewedError where the words are not those that were reviewed.
    """
    said, language = texts("calls"), case.language
    check_reviewed(f"calls/{said['version']}", said)
    today = now.astimezone(ZoneInfo(case.time_zone)).date()
    sender = sender_of(policy, today, language)
    words = {
        "institution": sender.institution,
        "phone": sender.phone,
        "free_help": policy.rule("support.free_help", today)[language],
    }
    offers = offers_to_show(case, now) if _may_choose(case, task) else ()
    until = [said["until"][language].format(until=format_date(last_day(offers, case), language))] if offers else []
    return Script(
        opening=said["opening"][language].format(**words),
        stranger=said["stranger"][language],
        identity=said["identity"][language],
        reason=said["reasons"].get(task.reason, said["kinds"][task.kind])[language],
        offers=(*(_offered(offer, language) for offer in offers), *until),
        closing=said["closing"][language].format(**words),
    )


def _may_choose(case: Case, task: StaffTask) -> bool:
    """Whether the customer still has something to choose, and this call is about it: who signed or said no has not."""
    undecided = case.decision is None or case.decision.kind in ("CALL_ME", "RETRY")
    return task.kind not in _WITHOUT_OFFERS and case.status in _UNDECIDED and undecided


def call_made(
    case: Case, task: StaffTask, choice: str, reach: Reach, policy: Policy, now: datetime
) -> tuple[ContactRecord, CallMade] | None:
    """The call that staff record with a choice, whatever the gate said of it: it happened. None where there was none.

    A call against the gate is in the case's history with the rule.
    """
    status = _CAME_OF.get(choice) if task.kind in CALLS else None
    if status is None:
        return None
    verdict = may_call(case, task, reach, policy, now)
    # A task may take several calls before it is decided, and is closed once.
    contact_id = f"{task.task_id}-{case.version + 1}" if choice in CALLED else task.task_id
    record = ContactRecord(
        contact_id=contact_id,
        channel="CALL",
        at=now,
        template=task.kind.value,
        connected=status == "ANSWERED",
        status=status,
        early=case.account.days_past_due <= 0,
    )
    text = f"CALL/{texts('calls')['version']}/{case.language}"
    against = None if verdict.allowed else verdict.rule
    return record, CallMade(contact_id=contact_id, outcome=status, text=text, against=against)


def counted(case: Case, reach: Reach, call: ContactRecord) -> tuple[Case, Reach]:
    """The case and what is known of the person with one call more."""
    after = history(case, reach).with_contact(call)
    contacted = case.model_copy(update={"contacts": (*case.contacts, call)})
    return contacted, after.seeing(call.at) if call.connected else after


def _offered(offer: Offer, language: str) -> str:
    kind = "once" if offer.product is Product.LUMP_SUM else "instalments"
    told: str = texts("calls")["offers"][kind][language]
    return told.format(
        months=offer.months,
        amount=format_money(offer.regular_instalment, offer.currency, language),
        first=format_date(offer.first_due_date, language),
        total=format_money(offer.total_payable, offer.currency, language),
    )
