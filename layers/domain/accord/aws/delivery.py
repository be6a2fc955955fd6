"""Messages leave here, each contact once at most: at the right moment, to the right person, with a new link."""

from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from accord.agreement import found_until
from accord.aws.access import Claim, Deliveries, Links, Tries
from accord.aws.outbound import Outbound
from accord.aws.people import PeopleStore
from accord.aws.store import CaseStore
from accord.case import ENDED, Case, Change, Status, TaskReason
from accord.channels import history, standing
from accord.contact_gate import Ask, may_contact
from accord.customer import left_late, note_delivery, note_stuck_message, offers_to_show
from accord.errors import NotSentError, PersonNotFoundError, ServiceUnavailableError
from accord.glyphs import missing_glyphs
from accord.messages import (
    CALL_NOTED,
    COMPLAINT_NOTED,
    NEW_LINK,
    PERSON_NOTED,
    PLAN_ACTIVE,
    WITHOUT_LINK,
    Message,
    check_template,
    contact_message,
    purpose_of,
    sender_of,
    text_id,
)
from accord.person import Person
from accord.policy import Policy, load_policy

# An attempt lives as long as the function, 30 s. A claim that nobody has settled after this is in doubt.
_BUSY_FOR = timedelta(minutes=2)


class Contact(BaseModel):
    """A contact that the gate allowed, as the event `ContactRequested` says it."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True, extra="ignore")

    case_id: str
    contact_id: str
    channel: Literal["SMS", "EMAIL"]
    template: str
    offer_ids: tuple[str, ...]


def _is_overtaken(contact: Contact, case: Case, now: datetime) -> bool:
    """Whether the case has moved on, so that nobody needs the message any more."""
    if contact.template == NEW_LINK:  # the pages are there until the case ends, whatever they hold meanwhile
        return case.status in ENDED
    if contact.template == PLAN_ACTIVE:
        return case.status not in (Status.ACTIVE, Status.IN_GRACE)
    asked_for = case.decision.kind if case.decision is not None else None
    if contact.template == CALL_NOTED:  # until they were called
        return not case.call_arranged and asked_for != "CALL_ME"
    if contact.template == PERSON_NOTED:  # until a person has decided
        return asked_for != "HUMAN_REVIEW" and case.status not in (Status.ASSESSED, Status.IN_REVIEW)
    if contact.template == COMPLAINT_NOTED:  # until it is answered
        return case.complaint != "OPEN"
    if contact.template in WITHOUT_LINK:  # how it ended is news whatever comes after
        return False
    if case.status not in (Status.INVITED, Status.NEGOTIATING):
        return True
    if not contact.offer_ids:
        return bool(case.offers)
    return {offer.offer_id for offer in offers_to_show(case, now)}.isdisjoint(contact.offer_ids)


class Messenger:
    """Delivers the contacts that the gate allowed."""

    def __init__(
        self,
        cases: CaseStore,
        people: PeopleStore,
        links: Links,
        tries: Tries,
        deliveries: Deliveries,
        out: Outbound,
        public_base_url: str,
        mail_sender: str,
    ) -> None:
        self._cases = cases
        self._people = people
        self._links = links
        self._tries = tries
        self._deliveries = deliveries
        self._out = out
        self._base_url = public_base_url
        self._mail_sender = mail_sender

    def deliver(self, contact: Contact, now: datetime) -> str:
        """Send one contact with a new link, once at most, and record the outcome: SENT, FAILED or OVERTAKEN.

        FAILED leaves a task for staff; OVERTAKEN means that the case has moved on and needs no message.
        Raises ServiceUnavailableError where the contact may be tried again.
        """
        key = f"delivered/{contact.contact_id}"
        if (done := self._cases.result_of(contact.case_id, key)) is not None:
            return str(done["outcome"])
        case = self._cases.get(contact.case_id)
        person = self._person(case)
        if case.unlocked:
            # Who decided it may have stopped before the lock was lifted; lifted after this, it would end the new link.
            self._tries.lift(case.case_id, case.unlocked)
        failure: NotSentError | None = None
        try:
            outcome = self._send_once(contact, case, person, now)
        except NotSentError as error:
            outcome, failure = "FAILED", error
        text = text_id(contact.template, case.language)
        # Looked at here, because whoever reaches the pages does so by a link from here, and the person is known here.
        printable = person is None or not missing_glyphs(person.name)

        def note(case: Case) -> Change:
            needs_it = failure is not None or left_late(case, contact.contact_id, now)
            reach = history(case, self._cases.reach(case.cardholder_id)) if needs_it else None
            return note_delivery(case, contact.contact_id, outcome, text, now, failure, reach, printable=printable)

        self._cases.change(contact.case_id, key, note)
        return outcome

    def give_up(self, contact: Contact, now: datetime) -> None:
        """The last try failed as well, nobody knows why: staff have the task, once a contact, whatever the case does.

        The message goes to the dead letters, from where it can still be sent when the cause is mended.
        """
        self._cases.change(contact.case_id, f"stuck/{contact.contact_id}", lambda case: note_stuck_message(case, now))

    def _person(self, case: Case) -> Person | None:
        try:
            return self._people.get(case.cardholder_id)
        except PersonNotFoundError:
            return None

    def _send_once(self, contact: Contact, case: Case, person: Person | None, now: datetime) -> str:
        policy = load_policy(case.jurisdiction)
        if _is_overtaken(contact, case, now):
            return "OVERTAKEN"
        # The queue may have held the contact back for hours: what was allowed then need not be allowed now.
        others = history(case, self._cases.reach(case.cardholder_id)).besides(contact.contact_id)
        ask = Ask(contact.channel, purpose_of(contact.template))
        verdict = may_contact(policy, now, case.time_zone, ask, standing(case), others)
        if not verdict.allowed:
            raise NotSentError(TaskReason.MESSAGE_TOO_LATE, rule=str(verdict.rule))
        if person is None:
            raise NotSentError(TaskReason.CUSTOMER_DATA_MISSING)
        if contact.channel == "EMAIL" and person.email is None:
            raise NotSentError(TaskReason.EMAIL_MISSING)
        claim = self._deliveries.claim(contact.contact_id, now, _BUSY_FOR)
        if claim is Claim.BUSY:
            raise ServiceUnavailableError("the contact is being sent right now")
        if claim is Claim.DOUBTFUL:
            raise NotSentError(TaskReason.MESSAGE_IN_DOUBT)
        try:
            message = self._message(contact, case, policy, now)
        except Exception:
            self._deliveries.give_back(contact.contact_id)  # nothing has left yet, whatever is wrong
            raise
        try:
            self._send(contact, person, message)
        except ServiceUnavailableError:
            self._deliveries.give_back(contact.contact_id)
            raise
        return "SENT"

    def _message(self, contact: Contact, case: Case, policy: Policy, now: datetime) -> Message:
        check_template(contact.template)  # a new link ends the one before
        link = "" if contact.template in WITHOUT_LINK else self._new_link(case, now)
        return contact_message(
            contact.template,
            case,
            contact.offer_ids,
            sender_of(policy, now.astimezone(ZoneInfo(case.time_zone)).date(), case.language),
            link,
            now,
        )

    def _send(self, contact: Contact, person: Person, message: Message) -> None:
        if contact.channel == "EMAIL" and person.email is not None:
            self._out.email(contact.contact_id, self._mail_sender, person.email, message.subject, message.email)
        else:
            self._out.sms(contact.contact_id, person.phone, message.sms)

    def _new_link(self, case: Case, now: datetime) -> str:
        stands_until = case.decide_by or now
        if case.agreement is not None:
            stands_until = found_until(case.agreement.schedule[-1].due_date, case.time_zone)
        return f"{self._base_url}/c/{self._links.issue(case.case_id, case.cardholder_id, now, stands_until)}"
