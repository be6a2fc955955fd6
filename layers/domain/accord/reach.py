"""How a person may be reached, over all their accounts: what left and was tried, what they refused and agreed to.

It holds no personal data: a number is told by its place, and the person by the cardholder id.
"""

from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from accord.value import Value

Party = Literal["DEBTOR", "THIRD_PARTY"]
# What a receipt says of a contact. Whoever is asked about a debtor and refuses is never asked again.
Receipt = Literal[
    "DELIVERED", "FAILED", "READ", "REPLIED", "ANSWERED", "NO_ANSWER", "OPTED_OUT", "WRONG_PERSON", "REFUSED"
]
SUCCEEDED: frozenset[str] = frozenset({"READ", "REPLIED", "ANSWERED"})
DID_NOT_ARRIVE: frozenset[str] = frozenset({"FAILED", "WRONG_PERSON"})

# So many of the moments at which the person was there: a habit shows in the newest ones.
_MOMENTS = 20
# So many contacts are remembered: more than any policy counts. What is older stays in the chains of the cases.
_REMEMBERED = 200
# By the Chinese guide: who did not answer three times may be unreachable, from the next day on.
_UNANSWERED = 3
_LATELY = timedelta(days=30)


class ContactRecord(Value):
    """One contact that left or was tried, as the gate counts it."""

    contact_id: str
    channel: str  # SMS, EMAIL, CALL
    at: datetime
    template: str
    connected: bool = False
    party: str = "DEBTOR"  # or THIRD_PARTY
    number: str = ""  # which of the person's numbers was called, by its place; never the number itself
    status: str | None = None  # what the newest receipt says
    early: bool = False  # nothing was late then, and help was offered before it would be


# What stops contact with a person whichever of their accounts it came with.
_STOPS_THE_PERSON = frozenset({"DECEASED", "BANKRUPT", "MORATORIUM", "REPRESENTED", "CEASE_CONTACT", "COMPLAINT"})


class Word(Value):
    """What was last told of a person with one of their accounts: of one kind, the newest word counts."""

    kind: str  # STANDING, or the word itself where it stands for itself
    word: str
    account_id: str
    at: datetime


class Reach(Value):
    """What the contact gate knows of a person besides the case."""

    cardholder_id: str
    revision: Annotated[int, Field(ge=0)] = 0
    opted_out: tuple[str, ...] = ()  # channels that the person does not want
    consents: tuple[str, ...] = ()  # channels that the person expressly agreed to
    agreed_at: dict[str, datetime] = Field(default_factory=dict)  # when they last did, by channel
    contacts: tuple[ContactRecord, ...] = ()  # oldest first
    seen_at: tuple[datetime, ...] = ()  # when the person read a message, took a call or came to the pages, oldest first
    words: tuple[Word, ...] = ()  # what was told with their accounts

    @property
    def stops(self) -> frozenset[str]:
        """What stops contact with the person, over all their accounts."""
        return _STOPS_THE_PERSON.intersection(word.word for word in self.words)

    def hearing(self, told: Word, lighter: Collection[str] = ()) -> "Reach":
        """One word more. An older one changes nothing, nor one of the same moment unless what is known is `lighter`."""
        same = next((word for word in self.words if (word.kind, word.account_id) == (told.kind, told.account_id)), None)
        if same is not None and (same.at > told.at or (same.at == told.at and same.word not in lighter)):
            return self
        return self.model_copy(update={"words": (*(word for word in self.words if word is not same), told)})

    def seeing(self, moment: datetime) -> "Reach":
        """The person was there, at a moment."""
        return self.model_copy(update={"seen_at": tuple(sorted({*self.seen_at, moment}))[-_MOMENTS:]})

    def with_contact(self, record: ContactRecord) -> "Reach":
        """One contact more."""
        return self.model_copy(update={"contacts": (*self.contacts, record)[-_REMEMBERED:]})

    def besides(self, contact_id: str) -> "Reach":
        """All that counts against a contact which was asked for: neither it nor what came with it, as the call does in
        which somebody asked for a new link. What left since counts: the contact may have lain in a queue for days.
        """
        moment = next((record.at for record in self.contacts if record.contact_id == contact_id), None)
        return self.model_copy(update={"contacts": tuple(one for one in self.contacts if one.at != moment)})

    def refusing(self, channel: str) -> "Reach":
        """The person does not want this channel any more. It ends a consent as well."""
        kept = tuple(one for one in self.consents if one != channel)
        return self.model_copy(update={"opted_out": tuple(sorted({*self.opted_out, channel})), "consents": kept})

    def agreeing(self, channel: str, at: datetime) -> "Reach":
        """The person expressly agrees to this channel."""
        return self.model_copy(
            update={
                "consents": tuple(sorted({*self.consents, channel})),
                "opted_out": tuple(one for one in self.opted_out if one != channel),
                "agreed_at": self.agreed_at | {channel: at},
            }
        )


def with_news(
    contacts: tuple[ContactRecord, ...], contact_id: str, news: Mapping[str, Any]
) -> tuple[ContactRecord, ...]:
    """The contacts, with what became known of one of them."""
    return tuple(one.model_copy(update=news) if one.contact_id == contact_id else one for one in contacts)


def facts_for_third_parties(reach: Reach, now: datetime, zone: ZoneInfo) -> set[str]:
    """What has to be so before anybody else may be asked where the debtor is; the policy says which of it suffices."""
    told = [record for record in reach.contacts if record.party == "DEBTOR" and record.at <= now]
    calls = [record for record in told if record.channel == "CALL"]
    # Whoever read a message or came to the pages was reached, and calls of long ago say nothing of today.
    there = [record.at for record in told if record.connected or record.status in SUCCEEDED]
    there += [moment for moment in reach.seen_at if moment <= now]
    reached = max([*there, now - _LATELY])
    since = [record for record in calls if record.at > reached]
    unanswered = sorted(record.at.astimezone(zone).date() for record in since)
    facts = set()
    if any(record.status in DID_NOT_ARRIVE for record in since[-1:]) or _lies_before(unanswered, now, zone):
        facts.add("DEBTOR_UNREACHABLE")
    newest = {record.channel: record.status for record in sorted(told, key=lambda record: record.at)}
    if newest and set(newest.values()) <= DID_NOT_ARRIVE:
        facts.add("LOCATION_UNKNOWN")
    return facts


def _lies_before(unanswered: list[date], now: datetime, zone: ZoneInfo) -> bool:
    return len(unanswered) >= _UNANSWERED and unanswered[_UNANSWERED - 1] < now.astimezone(zone).date()
