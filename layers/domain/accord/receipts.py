"""What became of a contact: receipts of its channel, kept on the case, on what is known of the person, and as evidence.

A receipt may come late, twice or after a better one; the best word counts, and that somebody else answered counts most.
"""

from datetime import datetime, timedelta

from accord.billing import ContactReceipt
from accord.calls import CALLS
from accord.case import Case, Change, TaskKind, TaskReason, new_task
from accord.channels import history
from accord.errors import InputRejectedError
from accord.events import Actor, ContactPreferencesTold, ReceiptNoted
from accord.messages import purpose_of
from accord.reach import SUCCEEDED, ContactRecord, Reach

# The later one counts: a message that was read had arrived, and nobody hears of READ from a stranger.
_RANK = ("NO_ANSWER", "FAILED", "DELIVERED", "READ", "REPLIED", "ANSWERED", "OPTED_OUT", "WRONG_PERSON")
# 两高 2018, 妨害信用卡管理解释 Art. 6: two collections, each with proof of its receipt, at least thirty days apart.
_RECEIVED = frozenset({"DELIVERED", "READ", "REPLIED", "ANSWERED", "OPTED_OUT"})
_APART = timedelta(days=30)
_EARLY_HELP = "EARLY_HELP"


def case_of(contact_id: str) -> str:
    """The case whose contact it is: the id begins with it."""
    return contact_id.rpartition("-")[0]


def note_receipt(case: Case, reach: Reach, receipt: ContactReceipt, now: datetime) -> Change:
    """What a channel says of a contact that was asked for.

    Where somebody else answered, the channel is closed and a person looks for the right number or address: the next
    message would tell a stranger. Who answers that they want no more of it has the channel closed as well; who answers
    anything else is called. Raises InputRejectedError for a contact that the case has not.
    """
    actor = Actor(kind="GATEWAY", id=receipt.event_id)
    record = next((one for one in case.contacts if one.contact_id == receipt.contact_id), None)
    if record is None:
        raise InputRejectedError.of("contactId", "UNKNOWN", "no such contact was asked for")
    noted = ReceiptNoted(contact_id=receipt.contact_id, status=receipt.status, received_at=receipt.at.isoformat())
    if record.status is not None and _RANK.index(receipt.status) <= _RANK.index(record.status):
        return Change(case, (noted,), actor)
    after = case.model_copy(
        update={"contacts": tuple(_with(one, receipt) if one is record else one for one in case.contacts)}
    )
    known = history(case, reach)
    known = known.model_copy(
        update={
            "contacts": tuple(
                _with(one, receipt) if one.contact_id == receipt.contact_id else one for one in known.contacts
            )
        }
    )
    if receipt.status in SUCCEEDED:
        known = known.seeing(receipt.at)
    if receipt.status == "OPTED_OUT":
        known = known.refusing(record.channel)
        said = ContactPreferencesTold(refused=known.opted_out, agreed=known.consents)
        return Change(after, (noted, said), actor, reach=known)
    if receipt.status == "WRONG_PERSON":
        task, created = new_task(case, TaskKind.REACH_BY_HAND, now, TaskReason.WRONG_PERSON)
        return Change(after, (noted, created), actor, tasks=(task,), reach=known.refusing(record.channel))
    if receipt.status == "REPLIED":
        task, created = new_task(case, TaskKind.CALL_CUSTOMER, now, TaskReason.REPLIED)
        return Change(after, (noted, created), actor, tasks=(task,), reach=known)
    return Change(after, (noted,), actor, reach=known)


def proven_collections(case: Case) -> tuple[datetime, ...]:
    """When the debtor demonstrably received our own wish to be paid, each at least thirty days after the one before: a
    court in China asks for two. What answers their own acts, what reached somebody else, and help that was offered
    before anything was late are none.
    """
    found: list[datetime] = []
    if case.at_risk:
        return ()
    for record in sorted(case.contacts, key=lambda record: record.at):
        if not _is_collection(record) or record.party != "DEBTOR" or record.status not in _RECEIVED:
            continue
        if not found or record.at - found[-1] >= _APART:
            found.append(record.at)
    return tuple(found)


def _is_collection(record: ContactRecord) -> bool:
    if record.channel == "CALL":
        return record.template in TaskKind.__members__ and CALLS.get(TaskKind(record.template)) == "COLLECTION"
    return record.template != _EARLY_HELP and purpose_of(record.template) == "COLLECTION"


def _with(record: ContactRecord, receipt: ContactReceipt) -> ContactRecord:
    answered = record.connected or (record.channel == "CALL" and receipt.status == "ANSWERED")
    return record.model_copy(update={"status": receipt.status, "connected": answered})
