"""An answer to a text message becomes a receipt of the newest message to that telephone, for the intake to take in."""

import hashlib
import json
from datetime import datetime

from accord.aws.clients import client, translated
from accord.aws.people import PeopleStore
from accord.aws.store import CaseStore
from accord.reach import ContactRecord
from accord.replies import is_opt_out


class Replies:
    """Finds whose answer it is. The words go no further: they may be personal."""

    def __init__(self, cases: CaseStore, people: PeopleStore, intake_queue_url: str) -> None:
        self._cases = cases
        self._people = people
        self._intake_queue_url = intake_queue_url

    def hear(self, reply_id: str, phone: str, words: str, at: datetime) -> int:
        """Tell the intake of an answer, by one receipt for each message that it answers; how many people it was of.

        A stop holds for every cardholder with that telephone, also for who only ever had a code by it. The same answer
        again is the same receipts. In other words it is heard only where a text went to that telephone before.
        """
        newest, stop, without_text = [], is_opt_out(words), 0
        for holder in self._people.of_phone(phone):
            text = self._newest_text(holder, at)
            if text is not None:
                newest.append(text)
            elif stop:  # no case of theirs has a message to which it could be told
                self._cases.change_reach(
                    holder, lambda reach: reach if reach.agreed_at.get("SMS", at) > at else reach.refusing("SMS")
                )
                without_text += 1
        if not stop:  # of two people with one telephone, it is an answer to who was written to last
            newest = sorted(newest, key=lambda text: text.at)[-1:]
        for text in newest:
            receipt = {
                "eventId": f"reply-{hashlib.sha256(f'{reply_id}/{text.contact_id}'.encode()).hexdigest()[:32]}",
                "contactId": text.contact_id,
                "status": "OPTED_OUT" if stop else "REPLIED",
                "at": at.isoformat(),
            }
            event = {"source": "aws.sms-voice", "detail-type": "ContactReceipt", "time": at.isoformat()}
            with translated():
                client("sqs").send_message(
                    QueueUrl=self._intake_queue_url, MessageBody=json.dumps(event | {"detail": receipt})
                )
        return len(newest) + without_text

    def _newest_text(self, cardholder_id: str, at: datetime) -> ContactRecord | None:
        contacts = self._cases.reach(cardholder_id).contacts
        texts = [record for record in contacts if record.channel == "SMS" and record.at <= at]
        return max(texts, key=lambda record: record.at, default=None)
