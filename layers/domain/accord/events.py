"""What can happen to a case, as events, and the hash chain that makes them evidence.

Published events are the contract with the bank's other systems (docs/events); the others stay in the chain.
No event carries personal data.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any, ClassVar

import rfc8785
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from accord.errors import ChainBrokenError

CHAIN_VERSION = 1
GENESIS = "0" * 64
_HASH_PREFIX = b"audit-event-v1\n"


class Actor(BaseModel):
    """Who caused an event. `id` is never a name: a staff id, a session's hash, a function, a billing event id."""

    model_config = ConfigDict(frozen=True)

    kind: str  # SYSTEM, BILLING, CUSTOMER, STAFF
    id: str


class EventPart(BaseModel):
    """A part of an event: camelCase on the wire."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True, extra="forbid")


class CaseEvent(EventPart):
    """Something that happened to a case. The class name is the event's type."""

    published: ClassVar[bool] = False


class CaseOpened(CaseEvent):
    published = True
    round: int
    jurisdiction: str
    currency: str
    balance: int
    days_past_due: int


class FiguresTold(CaseEvent):
    """Billing told the account again, and it counts: what is owed and how late it is now."""

    told_at: str
    days_past_due: int
    balance: int


class CaseIdentified(CaseEvent):
    delinquency_bucket: str
    segment: str
    treatment: str
    exclusion: str | None
    vulnerable: bool
    pd_ppm: int | None
    pd_reasons: tuple[str, ...]
    policy_version: str
    rules: tuple[str, ...]


class CaseAssessed(CaseEvent):
    published = True
    affordable_monthly: int | None  # null where nothing is known yet
    affordable_most: int | None  # the other end of the range; null where nobody knows how far it goes
    band: str  # NONE, TOKEN, PARTIAL or FULL
    confidence: str
    exceeds_ability: bool | None
    willing: bool | None
    willingness: str  # HIGH, MEDIUM or LOW
    questions: tuple[str, ...]
    doubts: tuple[str, ...]
    policy_version: str
    rules: tuple[str, ...]


class OfferSummary(EventPart):
    """One offer as told to other systems."""

    offer_id: str
    product: str
    months: int
    regular_instalment: int
    last_instalment: int
    waived: int
    total_payable: int
    valid_until: str


class OfferMade(CaseEvent):
    published = True
    currency: str
    offers: tuple[OfferSummary, ...]
    approved_by: str
    policy_version: str
    rules: tuple[str, ...]


class ReviewRequested(CaseEvent):
    reasons: tuple[str, ...]


class StaffDecided(CaseEvent):
    decision_id: str
    kind: str
    task_id: str


class ContactRequested(CaseEvent):
    published = True
    contact_id: str
    channel: str
    template: str
    offer_ids: tuple[str, ...]
    rules: tuple[str, ...]


class ContactDelivered(CaseEvent):
    contact_id: str
    outcome: str  # SENT, FAILED or OVERTAKEN
    text: str  # template, version and language of what was sent


class CallMade(CaseEvent):
    """Somebody called the customer; `against` is the rule of the contact gate that stood against it, if one did."""

    contact_id: str  # that of the task
    outcome: str  # ANSWERED, NO_ANSWER or WRONG_PERSON
    text: str  # version and language of what was to be said
    against: str | None = None


class ReceiptNoted(CaseEvent):
    """What the gateway of a channel said of a contact: evidence that it was received."""

    contact_id: str
    status: str
    received_at: str


class CodeSent(CaseEvent):
    purpose: str  # IDENTITY or SIGNATURE
    terms_hash: str | None = None


class AccessLocked(CaseEvent):
    reason: str
    lock: int  # the case's first, second … lock


class AccessUnlocked(CaseEvent):
    lock: int


class IdentityConfirmed(CaseEvent):
    method: str


class CircumstancesTold(CaseEvent):
    fields: tuple[str, ...]


class PapersSeen(CaseEvent):
    """Staff recorded figures of the person's means that they saw on papers."""

    fields: tuple[str, ...]


class OfferChosen(CaseEvent):
    offer_id: str
    shown: tuple[str, ...]  # every offer that stood beside it, in the order shown


class ComprehensionChecked(CaseEvent):
    offer_id: str
    attempt: int
    passed: bool
    answers: tuple[dict[str, str], ...]


class CustomerDecided(CaseEvent):
    decision_id: str
    kind: str
    amount: int | None = None
    reason: str | None = None  # of a refusal: one of the words the page offers, never free text


class ComplaintRaised(CaseEvent):
    published = True
    about: str  # one of the words the page offers, never free text
    answer_by: datetime


class LanguageChosen(CaseEvent):
    language: str


class ContactPreferencesTold(CaseEvent):
    """The channels that the customer does not want, and those that they expressly agreed to."""

    refused: tuple[str, ...]
    agreed: tuple[str, ...]


class AgreementSigned(CaseEvent):
    published = True
    offer_id: str
    terms_hash: str
    consents: tuple[dict[str, str], ...]  # id, version and hash of every text agreed to
    language: str
    drawing_sha256: str | None = None  # of the signature that was drawn by hand, where one was


class AgreementSealed(CaseEvent):
    document_key: str
    document_sha256: str
    unsealed_sha256: str
    terms_hash: str
    chain_head: str  # the head printed in the document
    key_arn: str
    time_stamp: str = "NONE"  # STAMPED by an authority; FAILED where it did not answer; NONE where none is asked


class AgreementDownloaded(CaseEvent):
    document_sha256: str


class WaivedAmounts(EventPart):
    """What the plan gives up of each component; billing writes it off when the plan is completed."""

    principal: int
    interest: int
    penalty_interest: int
    late_fees: int
    fees: int


class PlannedInstalment(EventPart):
    number: int
    due_date: date
    amount: int


class PlanActivated(CaseEvent):
    published = True
    offer_id: str
    currency: str
    waived: WaivedAmounts
    schedule: tuple[PlannedInstalment, ...]
    annual_rate_ppm: int
    document_sha256: str
    stop_interest: bool = True
    stop_late_fees: bool = True
    stop_collection: bool = True


class PaymentCounted(CaseEvent):
    """Billing posted a payment."""

    payment_id: str
    amount: int
    posted_at: str


class PaymentTakenBack(CaseEvent):
    """A payment counts as if it had never been made, also one of which nothing was heard before."""

    payment_id: str
    amount: int
    posted_at: str


class InstalmentPaid(CaseEvent):
    published = True
    number: int
    due_date: date
    amount: int
    paid_on: date
    left: int  # what would settle the plan now


class PlanCompleted(CaseEvent):
    """All is paid, to the cent. Billing writes off what was waived, and reports the account as settled."""

    published = True
    offer_id: str
    currency: str
    paid: int
    settled_on: date
    instalments: int
    in_time: int  # so many of these were paid within their days of grace
    waived: WaivedAmounts


class CaseClosed(CaseEvent):
    published = True
    reason: str


class StaffTaskCreated(CaseEvent):
    published = True
    task_id: str
    kind: str
    due_at: datetime


class StaffTaskClosed(CaseEvent):
    task_id: str
    outcome: str


class EvidenceCollected(CaseEvent):
    """Somebody took all evidence of the case away. Its anchor bears witness to every event before it."""

    published = True
    files_sha256: str  # of the list of what was taken beside the chain itself, each with its hash


class StepFailed(CaseEvent):
    execution: str


class AccountStatusRecorded(CaseEvent):
    status: str


EVENT_TYPES: dict[str, type[CaseEvent]] = {kind.__name__: kind for kind in CaseEvent.__subclasses__()}
PUBLISHED = tuple(name for name, kind in EVENT_TYPES.items() if kind.published)


class ChainedEvent(BaseModel):
    """An event in its place in the chain. `body` is the canonical JSON that was hashed, byte for byte."""

    model_config = ConfigDict(frozen=True)

    case_id: str
    seq: int
    type: str
    at: str
    body: str
    hash: str

    @property
    def content(self) -> dict[str, Any]:
        """The body, parsed."""
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed

    @property
    def moment(self) -> datetime:
        """When it happened. Raises ChainBrokenError where the time, which may be altered, is none."""
        try:
            moment = datetime.fromisoformat(self.at)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            raise ChainBrokenError(f"event {self.seq} ({self.type}): its time is none")
        return moment

    def told(self, name: str) -> str:
        """A text of the event's data. Raises ChainBrokenError where the body, which may be altered, tells none."""
        try:
            text = self.content["data"][name]
        except (ValueError, KeyError, TypeError, RecursionError):
            text = None
        if not isinstance(text, str):
            raise ChainBrokenError(f"event {self.seq} ({self.type}, {self.at}): its body does not tell {name}")
        return text


class DamagedEvent(BaseModel):
    """Something in an event's place that is no event: a field is missing, or is not what it was written as."""

    model_config = ConfigDict(frozen=True)

    seq: str
    problem: str


def found_event(fields: Mapping[str, Any]) -> ChainedEvent | DamagedEvent:
    """What was found in an event's place, field by field."""
    for name in ChainedEvent.model_fields:
        value = fields.get(name)
        right = type(value) is int if name == "seq" else isinstance(value, str)
        if not right:
            wrong = "is no whole number" if name == "seq" else "is no text"
            return DamagedEvent(
                seq=str(fields.get("seq", "?")),
                problem=f"its {name} {wrong}" if name in fields else f"it has no {name}",
            )
    strange = sorted(fields.keys() - ChainedEvent.model_fields.keys())
    if strange:
        return DamagedEvent(seq=str(fields["seq"]), problem=f"it has {strange[0]}, which no event has")
    return ChainedEvent.model_validate(dict(fields))


def chain_hash(canonical_body: bytes) -> str:
    """SHA-256 over a domain prefix and the canonical body."""
    return hashlib.sha256(_HASH_PREFIX + canonical_body).hexdigest()


def link(
    case_id: str, account_id: str, seq: int, prev: str, at: datetime, actor: Actor, event: CaseEvent
) -> ChainedEvent:
    """The event as number `seq` (the first is 1) of a case's chain, after the event whose hash is `prev`."""
    at_text = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    body = rfc8785.dumps(
        {
            "v": CHAIN_VERSION,
            "case": case_id,
            "account": account_id,
            "seq": seq,
            "prev": prev,
            "type": type(event).__name__,
            "at": at_text,
            "actor": actor.model_dump(),
            "data": event.model_dump(mode="json", by_alias=True),
        }
    )
    return ChainedEvent(
        case_id=case_id, seq=seq, type=type(event).__name__, at=at_text, body=body.decode(), hash=chain_hash(body)
    )


def verify_chain(
    events: Iterable[ChainedEvent | DamagedEvent], head: str | None = None, count: int | None = None
) -> int:
    """Check that events, in order, form one unbroken chain; return how many there are.

    `head` and `count` are what the case itself claims: they reveal a tail that was cut off. Raises ChainBrokenError
    that names the first event which does not fit.
    """
    prev, seq = GENESIS, 0
    for seq, event in enumerate(events, start=1):
        if isinstance(event, DamagedEvent):
            raise ChainBrokenError(f"event {event.seq}: {event.problem}")
        if count is not None and seq > count:
            raise ChainBrokenError(f"event {event.seq} ({event.type}, {event.at}): the case counts {count}")
        if event.seq > seq:
            raise ChainBrokenError(
                f"event {seq}: it is missing; event {event.seq} ({event.type}, {event.at}) stands in its place"
            )
        where = f"event {event.seq} ({event.type}, {event.at})"
        if event.seq < seq:
            raise ChainBrokenError(f"{where}: it stands in the wrong place, where event {seq} belongs")
        try:
            content = event.content
            canonical = rfc8785.dumps(content)
        except (ValueError, RecursionError) as error:
            raise ChainBrokenError(f"{where}: the body is not JSON: {error}") from error
        if not isinstance(content, dict):
            raise ChainBrokenError(f"{where}: the body is not a JSON object")
        if canonical.decode() != event.body:
            raise ChainBrokenError(f"{where}: the body is not in canonical form")
        if chain_hash(canonical) != event.hash:
            raise ChainBrokenError(f"{where}: the body does not have the hash {event.hash[:12]}…")
        stored = {"case": event.case_id, "number": event.seq, "type": event.type, "time": event.at}
        told = (content.get(name) for name in ("case", "seq", "type", "at"))
        differing = [name for (name, value), other in zip(stored.items(), told, strict=True) if value != other]
        if differing:
            raise ChainBrokenError(f"{where}: its body tells another {' and another '.join(differing)}")
        if content.get("prev") != prev:
            raise ChainBrokenError(f"{where}: it does not follow the event before it")
        prev = event.hash
    if count is not None and count != seq:
        raise ChainBrokenError(f"the chain ends at event {seq}, the case counts {count}")
    if head is not None and head != prev:
        raise ChainBrokenError(f"the last event is {prev[:12]}…, the case names {head[:12]}…")
    return seq


def announcement(event: ChainedEvent) -> dict[str, Any] | None:
    """The detail to put on the bus for a published event, or None for one that stays inside."""
    if event.type not in PUBLISHED:
        return None
    content = event.content
    return {
        "eventId": f"{event.case_id}-{event.seq}",
        "caseId": event.case_id,
        "accountId": content["account"],
        "at": event.at,
        "eventHash": event.hash,
        **content["data"],
    }
