"""What became of a contact: receipts of its channel, kept on the case, on what is known of the person, and as evidence.

A receipt may come late, twice or after a better one: of what came of a contact the best word counts, and that somebody
else answered counts most. What a person wants is heard each time.
"""

from datetime import datetime, timedelta

from accord.billing import ContactReceipt
from accord.calls import CALLS
from accord.case import Case, Change, StaffTask, TaskKind, TaskReason, new_task
from accord.channels import history
from accord.errors import InputRejectedError
from accord.events import Actor, CaseEvent, ContactPreferencesTold, ReceiptNoted
from accord.messages import purpose_of
from accord.reach import SUCCEEDED, ContactRecord, Reach, with_news

# The later one counts: a message that was read had arrived, and nobody hears of READ from a stranger.
_GROWING = ("NO_ANSWER", "FAILED", "DELIVERED", "READ", "REPLIED", "ANSWERED", "OPTED_OUT", "WRONG_PERSON")
_RANK = {status: rank for rank, status in enumerate(_GROWING)}
# What a person says back; told of the newest message to their telephone.
_ANSWERS = ("REPLIED", "OPTED_OUT")
# 两高 2018, 妨害信用卡管理解释 Art. 6: two collections, each with proof of its receipt, at least thirty days apart.
_RECEIVED = frozenset({"DELIVERED", "READ", "REPLIED", "ANSWERED", "OPTED_OUT"})
_APART = timedelta(days=30)
_CLOCKS_DIFFER = timedelta(hours=1)


def case_of(contact_id: str) -> str:
    """The case whose contact it is: the id begins with it."""
    return contact_id.rpartition("-")[0]


def note_receipt(case: Case, reach: Reach, receipt: ContactReceipt, now: datetime) -> Change:
    """What a channel says of a contact that was asked for.

    Where somebody else answered, the channel is closed and a person looks for the right number or address: the next
    message would tell a stranger. Who answers that they want no more of it has the channel closed as well, each time;
    unless they agreed to it again since; who answers anything else is called, once while the task is open. An answer to
    a message that never left is one to an earlier message: what came of this one it does not say. Raises
    InputRejectedError for a contact that the case has not, or that was asked for later.
    """
    record = next((one for one in case.contacts if one.contact_id == receipt.contact_id), None)
    if record is None:
        raise InputRejectedError.of("contactId", "UNKNOWN", "no such contact was asked for")
    if receipt.at < record.at - _CLOCKS_DIFFER:
        raise InputRejectedError.of("at", "BEFORE_THE_CONTACT", "it lies before the message that it is about")
    after, known, is_stranger = case, history(case, reach), record.status == "WRONG_PERSON"
    events: list[CaseEvent] = [
        ReceiptNoted(contact_id=receipt.contact_id, status=receipt.status, received_at=receipt.at.isoformat())
    ]
    tasks: list[StaffTask] = []
    says_what_came_of_it = receipt.status not in _ANSWERS or record.contact_id in case.left
    if says_what_came_of_it and (record.status is None or _RANK[receipt.status] > _RANK[record.status]):
        answered = record.connected or (record.channel == "CALL" and receipt.status == "ANSWERED")
        news = {"status": receipt.status, "connected": answered}
        after = case.model_copy(update={"contacts": with_news(case.contacts, record.contact_id, news)})
        known = known.model_copy(update={"contacts": with_news(known.contacts, record.contact_id, news)})
    if receipt.status in SUCCEEDED and not is_stranger:
        known = known.seeing(receipt.at)
    agreed_at = known.agreed_at.get(record.channel)
    if receipt.status == "OPTED_OUT" and (agreed_at is None or agreed_at < receipt.at):
        known = known.refusing(record.channel)
        events.append(ContactPreferencesTold(refused=known.opted_out, agreed=known.consents))
    if receipt.status == "WRONG_PERSON" and not is_stranger:
        known = known.refusing(record.channel)
        task, created = new_task(case, TaskKind.REACH_BY_HAND, now, TaskReason.WRONG_PERSON)
        tasks, events = [task], [*events, created]
    if receipt.status == "REPLIED" and not case.answer_due:  # also of a stranger: a person finds out who it was
        task, created = new_task(case, TaskKind.CALL_CUSTOMER, now, TaskReason.REPLIED)
        tasks, events = [task], [*events, created]
        after = after.model_copy(update={"answer_due": True})
    actor = Actor(kind="GATEWAY", id=receipt.event_id)
    return Change(after, tuple(events), actor, tasks=tuple(tasks), reach=known)


def proven_collections(case: Case) -> tuple[datetime, ...]:
    """When the debtor demonstrably received our own wish to be paid, each at least thirty days after the one before: a
    court in China asks for two. What answers their own acts, what reached somebody else, and help that was offered
    before anything was late are none.
    """
    found: list[datetime] = []
    for record in sorted(case.contacts, key=lambda record: record.at):
        received = record.party == "DEBTOR" and record.status in _RECEIVED
        if received and _is_collection(record) and (not found or record.at - found[-1] >= _APART):
            found.append(record.at)
    return tuple(found)


def _is_collection(record: ContactRecord) -> bool:
    if record.early:
        return False
    if record.channel == "CALL":
        return record.template in TaskKind.__members__ and CALLS.get(TaskKind(record.template)) == "COLLECTION"
    return purpose_of(record.template) == "COLLECTION"
