"""A call by a person: whether the contact gate opens for it, what may be said, and how it counts afterwards."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from accord.case import Case, Offer, Product, StaffTask, TaskKind
from accord.channels import history, standing
from accord.contact_gate import Ask, Purpose, Verdict, may_contact
from accord.customer import offers_to_show
from accord.events import CallMade
from accord.messages import sender_of
from accord.money import format_money
from accord.policy import Policy
from accord.reach import ContactRecord, Reach, Receipt
from accord.texts import format_date, texts

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
}


class Script(NamedTuple):
    """What to say, in the customer's language, in this order."""

    text_id: str  # version and language: the evidence of what was to be said
    opening: str
    stranger: str  # instead of all that follows, where it is somebody else
    identity: str
    reason: str
    offers: tuple[str, ...]  # approved and valid now; the last line says until when
    closing: str


def may_call(case: Case, task: StaffTask, reach: Reach, policy: Policy, now: datetime) -> Verdict:
    """What the contact gate says of calling the customer now, for what the task is about."""
    ask = Ask("CALL", CALLS[task.kind])
    return may_contact(policy, now, case.time_zone, ask, standing(case), history(case, reach))


def script(case: Case, task: StaffTask, policy: Policy, now: datetime) -> Script:
    """What to say to the customer; figures are those of offers that may be quoted now."""
    said, language = texts("calls"), case.language
    today = now.astimezone(ZoneInfo(case.time_zone)).date()
    sender = sender_of(policy, today, language)
    words = {
        "institution": sender.institution,
        "phone": sender.phone,
        "free_help": policy.rule("support.free_help", today)[language],
    }
    offers = () if task.kind in _WITHOUT_OFFERS else offers_to_show(case, now)
    return Script(
        text_id=_text_id(language),
        opening=said["opening"][language].format(**words),
        stranger=said["stranger"][language],
        identity=said["identity"][language],
        reason=said["reasons"].get(task.reason, said["kinds"][task.kind])[language],
        offers=(*(_offered(offer, language) for offer in offers), *_until(offers, case)),
        closing=said["closing"][language].format(**words),
    )


def count_call(
    case: Case, task: StaffTask, choice: str, reach: Reach, policy: Policy, now: datetime
) -> tuple[Case, Reach, tuple[CallMade, ...]]:
    """What staff record of a task that was a call counts as a contact, whatever the gate said of it: it happened.

    A call against the gate is in the case's history with the rule. The contact has the task's id.
    """
    status = _CAME_OF.get(choice) if task.kind in CALLS else None
    if status is None:
        return case, reach, ()
    verdict = may_call(case, task, reach, policy, now)
    record = ContactRecord(
        contact_id=task.task_id,
        channel="CALL",
        at=now,
        template=task.kind.value,
        connected=status == "ANSWERED",
        status=status,
    )
    counted = history(case, reach).with_contact(record)
    made = CallMade(
        contact_id=task.task_id,
        outcome=status,
        text=_text_id(case.language),
        against=None if verdict.allowed else verdict.rule,
    )
    contacted = case.model_copy(update={"contacts": (*case.contacts, record)})
    return contacted, counted.seeing(now) if status == "ANSWERED" else counted, (made,)


def _text_id(language: str) -> str:
    return f"CALL/{texts('calls')['version']}/{language}"


def _offered(offer: Offer, language: str) -> str:
    kind = "once" if offer.product is Product.LUMP_SUM else "instalments"
    told: str = texts("calls")["offers"][kind][language]
    return told.format(
        months=offer.months,
        amount=format_money(offer.regular_instalment, offer.currency, language),
        first=format_date(offer.first_due_date, language),
        total=format_money(offer.total_payable, offer.currency, language),
    )


def _until(offers: tuple[Offer, ...], case: Case) -> tuple[str, ...]:
    if not offers:
        return ()
    last = min(offer.valid_until for offer in offers).astimezone(ZoneInfo(case.time_zone)).date()
    told: str = texts("calls")["until"][case.language]
    return (told.format(until=format_date(last, case.language)),)
