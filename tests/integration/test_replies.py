"""An answer to a text finds the message that it answers, by the telephone alone; the intake hears what it says."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import boto3
import pytest
from integration.web_fixtures import CONTEXT, PHONE, Web, web_on_moto
from loading import load_app

from accord.billing import ContactReceipt, parse
from accord.case import Case

Receipts = list[tuple[str, str]]


class Telephones:
    """Customers who were written to, and the function that hears what they answer."""

    def __init__(self, web: Web) -> None:
        self.web, self._sqs = web, boto3.client("sqs")
        self._queue = self._sqs.create_queue(QueueName="intake")["QueueUrl"]
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("INTAKE_QUEUE_URL", self._queue)
            self._app = load_app("hear_reply")
        self.event_ids: list[str] = []

    def answer(self, words: str, phone: str = PHONE, reply: str = "in-1", at: datetime | None = None) -> Receipts:
        """The contacts of which the intake is told, and what it is told."""
        moment = at or self.web.now
        told = {
            "originationNumber": phone, "destinationNumber": "+12025550111", "messageKeyword": "KEYWORD_1",
            "messageBody": words, "inboundMessageId": reply, "previousPublishedMessageId": "m-1",
        }  # fmt: skip
        notice = {"Type": "Notification", "Message": json.dumps(told), "Timestamp": moment.isoformat()}
        self._app.handler({"Records": [{"EventSource": "aws:sns", "Sns": notice}]}, CONTEXT)
        found = []
        while messages := self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
                body: dict[str, Any] = json.loads(message["Body"])
                assert body["detail-type"] == "ContactReceipt"
                assert words not in json.dumps(body, ensure_ascii=False), "the words go no further"
                receipt = parse(ContactReceipt, body["detail"])
                assert receipt.at == moment
                self.event_ids.append(receipt.event_id)
                found.append((receipt.contact_id, receipt.status))
        return sorted(found)


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with web_on_moto() as web:
        yield web


@pytest.fixture
def telephones(web: Web) -> Telephones:
    web.clear()
    return Telephones(web)


def text_to(case: Case) -> str:
    return case.contacts[-1].contact_id


def test_a_stop_is_told_of_the_newest_text_once_for_each_answer(web: Web, telephones: Telephones) -> None:
    case = web.invited()
    assert telephones.answer("STOP") == [(text_to(case), "OPTED_OUT")]
    assert telephones.answer("STOP") == [(text_to(case), "OPTED_OUT")], "brought again"
    assert len(set(telephones.event_ids)) == 1
    telephones.answer("STOP", reply="in-2")
    assert len(set(telephones.event_ids)) == 2


def test_own_words_are_told_as_an_answer_and_are_nowhere_kept(
    web: Web, telephones: Telephones, capsys: pytest.CaptureFixture[str]
) -> None:
    case = web.invited()
    words = "我是张三，请别打给我妈妈 13900001111"
    assert telephones.answer(words) == [(text_to(case), "REPLIED")]
    log = capsys.readouterr().out
    assert words not in log
    assert PHONE not in log
    assert PHONE.removeprefix("+86") not in log


def test_two_people_with_one_telephone_are_both_left_in_peace_and_who_was_written_to_last_is_called(
    web: Web, telephones: Telephones
) -> None:
    first = web.invited()
    web.later(minutes=5)
    second = web.invited()
    assert first.cardholder_id != second.cardholder_id
    assert telephones.answer("退订") == sorted([(text_to(first), "OPTED_OUT"), (text_to(second), "OPTED_OUT")])
    assert telephones.answer("好的") == [(text_to(second), "REPLIED")]


def test_who_only_ever_had_a_code_by_text_is_left_in_peace_too(
    web: Web, telephones: Telephones, capsys: pytest.CaptureFixture[str]
) -> None:
    case = web.invited()
    web.update(case.case_id, contacts=())
    web.cases.change_reach(case.cardholder_id, lambda reach: reach.model_copy(update={"contacts": ()}))
    assert telephones.answer("never mind") == []
    assert web.cases.reach(case.cardholder_id).opted_out == ()
    assert '"ReplyUnmatched":[1.0]' in capsys.readouterr().out
    assert telephones.answer("STOP") == []
    assert web.cases.reach(case.cardholder_id).opted_out == ("SMS",)
    assert "ReplyUnmatched" not in capsys.readouterr().out
    web.cases.change_reach(case.cardholder_id, lambda reach: reach.agreeing("SMS", web.now + timedelta(minutes=10)))
    telephones.answer("STOP")
    assert web.cases.reach(case.cardholder_id).opted_out == (), "the same answer, brought once more"


@pytest.mark.parametrize("case", ["nobody's number", "before anything was sent"])
def test_an_answer_of_nobody_who_was_written_to_is_counted_and_changes_nothing(
    web: Web, telephones: Telephones, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    invited = web.invited()
    if case == "nobody's number":
        assert telephones.answer("STOP", phone="+8610000000999") == []
    else:
        assert telephones.answer("When?", at=web.now - timedelta(days=1)) == []
    assert '"ReplyUnmatched":[1.0]' in capsys.readouterr().out
    assert web.cases.reach(invited.cardholder_id).opted_out == ()
