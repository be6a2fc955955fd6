"""Delivering a contact: sent once at most whatever the queue brings, never without a trace, never against the gate."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from types import ModuleType
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities.batch.exceptions import BatchProcessingError
from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError
from integration.web_fixtures import BASE, CONTEXT, LAST4, NAME, ORIGIN, PHONE, REGION, Web, web_on_moto
from loading import load_app
from moto.core import DEFAULT_ACCOUNT_ID
from moto.sesv2.models import sesv2_backends

from accord.aws import clients
from accord.case import Case, ClosedReason, Status
from accord.events import announcement
from accord.lifecycle import close, inform, remind
from accord.policy import load_policy
from accord.texts import texts


@pytest.fixture(scope="module")
def pages() -> Iterator[tuple[Web, ModuleType]]:
    with web_on_moto() as web:
        boto3.client("sesv2").create_email_identity(EmailIdentity="no-reply@bank.example")
        yield web, load_app("deliver_contact")


@pytest.fixture
def web(pages: tuple[Web, ModuleType]) -> Web:
    pages[0].clear()
    return pages[0]


@pytest.fixture
def app(pages: tuple[Web, ModuleType]) -> ModuleType:
    return pages[1]


def detail_of(web: Web, case: Case, **changes: Any) -> dict[str, Any]:
    """What the bus says of the last contact that was requested."""
    requested = [event for event in web.cases.events(case.case_id) if event.type == "ContactRequested"]
    return (announcement(requested[-1]) or {}) | changes


def record(detail: dict[str, Any], message_id: str = "m-1", tries: int = 1) -> dict[str, Any]:
    body = {"source": "accord", "detail-type": "ContactRequested", "detail": detail}
    told = {"messageId": message_id, "body": json.dumps(body), "eventSource": "aws:sqs"}
    return told | {"attributes": {"ApproximateReceiveCount": str(tries)}}


def delivered(app: ModuleType, *details: dict[str, Any], tries: int = 1) -> list[str]:
    """Bring the messages, for the so-manieth time; the ids of those that failed and will come again."""
    records = [record(detail, f"m-{number}", tries) for number, detail in enumerate(details)]
    try:
        answer = app.handler({"Records": records}, CONTEXT)
    except BatchProcessingError:  # all of them failed
        return [record["messageId"] for record in records]
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def outcomes(web: Web, case: Case) -> list[dict[str, Any]]:
    found = (event for event in web.cases.events(case.case_id) if event.type == "ContactDelivered")
    return [event.content["data"] for event in found]


def tasks(web: Web, case: Case) -> list[str]:
    return [task.kind for task in web.cases.tasks(case.case_id)]


def failing_sns(monkeypatch: pytest.MonkeyPatch, *failures: Exception | None) -> list[str]:
    """Make SNS answer with these, one a call; returns the texts that it saw."""
    sns, waiting, seen = clients.client("sns", attempts=1), list(failures), []
    publish = sns.publish

    def answer(**request: Any) -> Any:
        seen.append(request["Message"])
        failure = waiting.pop(0) if waiting else None
        if failure is not None:
            raise failure
        return publish(**request)

    monkeypatch.setattr(sns, "publish", answer)
    return seen


def refused(code: str, status: int = 400) -> ClientError:
    answer = {"Error": {"Code": code, "Message": "…"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "Publish")  # type: ignore[arg-type]  # the rest of an answer is of no use here


def test_an_invitation_leaves_by_sms_with_a_link_that_opens_the_case(web: Web, app: ModuleType) -> None:
    case = web.invited()
    assert delivered(app, detail_of(web, case)) == []
    (text,) = web.sms()
    link = re.search(rf"{ORIGIN}{BASE}(/c/[\w-]{{43}})", text)
    assert link
    browser = web.browser()
    assert browser.submit(browser.get(link[1]), last4=LAST4).path == f"{link[1]}/code"
    assert text.startswith("【示例银行】")
    for personal in (NAME, "24,916", "¥", PHONE):
        assert personal not in text
    assert outcomes(web, case) == [
        {"contactId": detail_of(web, case)["contactId"], "outcome": "SENT", "text": "INVITATION/1/zh-CN"}
    ]


def test_a_contact_that_comes_again_is_not_sent_again(web: Web, app: ModuleType) -> None:
    case = web.invited()
    detail = detail_of(web, case)
    for _ in range(3):
        assert delivered(app, detail) == []
    assert delivered(app, detail, detail) == []
    assert len(web.sms()) == 1
    assert len(outcomes(web, case)) == 1


def test_a_new_link_ends_the_one_before(web: Web, app: ModuleType) -> None:
    case = web.invited()
    old = web.link(case)
    delivered(app, detail_of(web, case))
    assert web.browser().post(old, {"last4": LAST4}).status == 403


def test_a_contact_by_email_goes_to_the_mailbox(web: Web, app: ModuleType) -> None:
    case = web.invited()
    assert delivered(app, detail_of(web, case, channel="EMAIL")) == []
    (mail,) = sesv2_backends[DEFAULT_ACCOUNT_ID][REGION].core_backend.sent_messages[-1:]
    assert mail.source == "no-reply@bank.example"
    assert mail.destinations["ToAddresses"] == ["holder-0001@example.com"]
    assert not web.sms()
    assert outcomes(web, case)[0]["outcome"] == "SENT"


def test_without_an_address_a_person_takes_over(web: Web, app: ModuleType) -> None:
    case = web.invited(cardholder={"email": None})
    assert delivered(app, detail_of(web, case, channel="EMAIL")) == []
    assert outcomes(web, case)[0]["outcome"] == "FAILED"
    assert tasks(web, case) == ["REACH_BY_HAND"]


@pytest.mark.parametrize("failure", [refused("Throttling"), ConnectTimeoutError(endpoint_url="https://sns")])
def test_what_certainly_did_not_leave_is_tried_again(
    web: Web, app: ModuleType, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    case = web.invited()
    seen = failing_sns(monkeypatch, failure)
    assert delivered(app, detail_of(web, case)) == ["m-0"]
    assert outcomes(web, case) == []
    assert delivered(app, detail_of(web, case)) == []
    assert len(seen) == 2
    assert len(web.sms()) == 1
    assert outcomes(web, case)[0]["outcome"] == "SENT"


@pytest.mark.parametrize(
    "failure", [ReadTimeoutError(endpoint_url="https://sns"), refused("InternalError", 500), refused("Whatever", 504)]
)
def test_a_lost_answer_is_never_followed_by_a_second_message(
    web: Web, app: ModuleType, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    case = web.invited()
    seen = failing_sns(monkeypatch, failure)
    for _ in range(3):
        assert delivered(app, detail_of(web, case)) == []
    assert len(seen) == 1
    assert outcomes(web, case)[0]["outcome"] == "FAILED"
    (task,) = web.cases.tasks(case.case_id)
    assert (task.kind, task.reason) == ("REACH_BY_HAND", "MESSAGE_IN_DOUBT")


def test_a_refused_number_becomes_a_task_that_names_the_reason_but_no_number(
    web: Web, app: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = web.invited()
    failing_sns(monkeypatch, refused("InvalidParameter"))
    assert delivered(app, detail_of(web, case)) == []
    (task,) = web.cases.tasks(case.case_id)
    assert (task.reason, task.facts) == ("MESSAGE_REJECTED", {"error": "InvalidParameter"})


def test_a_telephone_that_takes_no_texts_closes_the_channel_and_a_person_tells_the_customer(
    web: Web, app: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The customer answered stop, and AWS heard it first; moto counts the numbers that end in 99 among these."""
    case = web.invited(cardholder={"phone": "+12025550199"})
    assert delivered(app, detail_of(web, case)) == []
    assert web.sms() == []
    (task,) = web.cases.tasks(case.case_id)
    assert (task.kind, task.reason) == ("REACH_BY_HAND", "OPTED_OUT")
    assert web.cases.reach(case.cardholder_id).opted_out == ("SMS",)
    told = [event.content["data"] for event in web.cases.events(case.case_id) if event.type == "ContactPreferencesTold"]
    assert told == [{"refused": ["SMS"], "agreed": []}]


def test_a_crash_between_claim_and_send_leaves_a_task_and_no_second_message(
    web: Web, app: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = web.invited()
    seen = failing_sns(monkeypatch, SystemExit("the instance died"))  # type: ignore[arg-type]  # as a killed process
    with pytest.raises(SystemExit):
        app.handler({"Records": [record(detail_of(web, case))]}, CONTEXT)
    assert delivered(app, detail_of(web, case)) == ["m-0"]  # perhaps somebody is still at it
    assert outcomes(web, case) == []
    web.later(minutes=3)
    assert delivered(app, detail_of(web, case)) == []
    assert outcomes(web, case)[0]["outcome"] == "FAILED"
    assert tasks(web, case) == ["REACH_BY_HAND"]
    assert len(seen) == 1


def test_a_crash_after_sending_never_sends_again(web: Web, app: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    case = web.invited()

    def died(*_: Any) -> None:
        raise RuntimeError("the instance died")

    with monkeypatch.context() as broken:
        broken.setattr(type(app.messenger._cases), "change", died)
        assert delivered(app, detail_of(web, case)) == ["m-0"]
    web.later(minutes=3)
    assert delivered(app, detail_of(web, case)) == []
    assert len(web.sms()) == 1
    assert outcomes(web, case)[0]["outcome"] == "FAILED"  # nobody knows, and a person finds out


def test_one_bad_message_holds_up_no_other(web: Web, app: ModuleType) -> None:
    first, second = web.invited(), web.invited()
    broken = detail_of(web, first, caseId="c-none")
    odd = detail_of(web, first, channel="PIGEON")
    assert delivered(app, broken, detail_of(web, second), odd) == ["m-0", "m-2"]
    assert outcomes(web, second)[0]["outcome"] == "SENT"


def test_a_link_that_cannot_be_made_keeps_no_message_back_when_it_can(
    web: Web, app: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing has left, so the claim is given back whatever was wrong."""
    case = web.invited()

    def denied(*_: Any) -> str:
        raise PermissionError("AccessDenied")

    with monkeypatch.context() as patch:
        patch.setattr(app.messenger._links, "issue", denied)
        assert delivered(app, detail_of(web, case)) == ["m-0"]
    assert delivered(app, detail_of(web, case), tries=2) == []
    assert (len(web.sms()), tasks(web, case)) == (1, [])


def test_a_text_that_nobody_reviewed_ends_no_link(web: Web, app: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    case = web.invited()
    link = web.link(case)
    monkeypatch.setitem(texts("messages")["contacts"]["INVITATION"], "version", 99)
    assert delivered(app, detail_of(web, case)) == ["m-0"]
    assert not web.sms()
    assert web.browser().post(link, {"last4": LAST4}).status == 200


def test_that_the_account_is_in_order_is_news_after_the_case_has_ended(web: Web, app: ModuleType) -> None:
    case = web.invited()
    web.change(case.case_id, lambda case: close(case, ClosedReason.CURED))
    web.change(case.case_id, lambda case: inform(case, web.cases.reach(case.cardholder_id), load_policy("CN"), web.now))
    assert delivered(app, detail_of(web, case)) == []
    assert "账户已恢复正常" in web.sms()[-1]
    assert [outcome["outcome"] for outcome in outcomes(web, case)] == ["SENT"]


def test_what_fails_to_the_last_leaves_a_task_and_can_still_be_sent(web: Web, app: ModuleType) -> None:
    """Nobody knows why, so nobody but a person can see to it; what is mended later is sent from the dead letters."""
    case = web.invited()
    people, key = boto3.resource("dynamodb").Table(web.people._people), {"cardholder_id": case.cardholder_id}
    whole = people.get_item(Key=key)["Item"]
    people.put_item(Item=whole | {"body": "{}"})
    for number in range(1, 6):
        assert delivered(app, detail_of(web, case), tries=number) == ["m-0"]
        assert tasks(web, case) == (["REACH_BY_HAND"] if number == 5 else [])
    assert delivered(app, detail_of(web, case), tries=6) == ["m-0"]
    assert (tasks(web, case), web.sms()) == (["REACH_BY_HAND"], [])
    people.put_item(Item=whole)
    assert delivered(app, detail_of(web, case), tries=7) == []
    assert len(web.sms()) == 1


@pytest.mark.parametrize("hours", [13, 20])  # 23:00 and 06:00 in Shanghai
def test_a_message_that_was_held_up_into_the_quiet_hours_does_not_leave(web: Web, app: ModuleType, hours: int) -> None:
    case = web.invited()
    web.later(hours=hours)
    assert delivered(app, detail_of(web, case)) == []
    assert not web.sms()
    assert outcomes(web, case)[0]["outcome"] == "FAILED"
    (task,) = web.cases.tasks(case.case_id)
    assert (task.reason, task.facts) == ("MESSAGE_TOO_LATE", {"rule": "contact.quiet_hours_local"})


def test_a_contact_does_not_count_against_itself(web: Web, app: ModuleType) -> None:
    """Two messages a day are allowed, and this is the second: it was counted when the gate let it through."""
    case = web.invited()
    (this,) = case.contacts
    first = this.model_copy(update={"contact_id": "the-first", "at": this.at - timedelta(minutes=5)})
    web.update(case.case_id, contacts=(first, this))
    delivered(app, detail_of(web, case))
    assert outcomes(web, case)[0]["outcome"] == "SENT"
    assert tasks(web, case) == []


@pytest.mark.parametrize(("minutes", "late"), [(14, False), (16, True)])
def test_what_leaves_late_counts_from_when_it_left(web: Web, app: ModuleType, minutes: int, late: bool) -> None:
    case = web.invited()
    asked = web.now
    web.later(minutes=minutes)
    delivered(app, detail_of(web, case))
    left = web.now if late else asked
    assert [record.at for record in web.cases.get(case.case_id).contacts] == [left]
    assert [record.at for record in web.cases.reach(case.cardholder_id).contacts] == [left]


def test_a_message_that_lay_in_a_queue_for_days_counts_what_left_since(web: Web, app: ModuleType) -> None:
    """Two messages a day are allowed; the two of this morning left while this one was with the dead letters."""
    case = web.invited()
    (this,) = case.contacts
    web.later(hours=24)
    since = [this.model_copy(update={"contact_id": f"since-{number}", "at": web.now}) for number in range(2)]
    web.later(minutes=5)
    web.update(case.case_id, contacts=(this, *since))
    delivered(app, detail_of(web, case))
    assert not web.sms()
    (task,) = web.cases.tasks(case.case_id)
    assert (task.reason, task.facts) == ("MESSAGE_TOO_LATE", {"rule": "contact.max_messages_per_day"})


@pytest.mark.parametrize(
    ("template", "as_promised", "done"),
    [
        ("CALL_NOTED", {"call_arranged": True}, {"call_arranged": False}),
        ("PERSON_NOTED", {"status": Status.IN_REVIEW}, {"status": Status.OFFERED}),
        ("COMPLAINT_NOTED", {"complaint": "OPEN"}, {"complaint": "CLOSED"}),
    ],
)
def test_what_was_promised_is_not_announced_when_it_has_been_done(
    web: Web, app: ModuleType, template: str, as_promised: dict[str, Any], done: dict[str, Any]
) -> None:
    for changes, outcome in ((as_promised, "SENT"), (done, "OVERTAKEN")):
        case = web.invited()
        web.update(case.case_id, **changes)
        delivered(app, detail_of(web, case, template=template, offerIds=[]))
        assert [told["outcome"] for told in outcomes(web, case)] == [outcome]
        assert tasks(web, case) == []
    assert len(web.sms()) == 1


def test_that_the_plan_has_begun_leaves_with_a_link_and_not_when_the_plan_is_over(web: Web, app: ModuleType) -> None:
    begun, over = web.invited(), web.invited()
    for case, status in ((begun, Status.ACTIVE), (over, Status.BREACHED)):
        web.update(case.case_id, status=Status.ACTIVE)
        web.later(minutes=1)
        web.change(
            case.case_id, lambda case: inform(case, web.cases.reach(case.cardholder_id), load_policy("CN"), web.now)
        )
        web.update(case.case_id, status=status)
        delivered(app, detail_of(web, case))
    (text,) = web.sms()
    assert "您签署的安排已生效" in text
    assert f"{ORIGIN}{BASE}/c/" in text
    assert [outcome["outcome"] for case in (begun, over) for outcome in outcomes(web, case)] == ["SENT", "OVERTAKEN"]


def test_that_a_person_decided_leaves_after_the_case_has_ended_and_keeps_the_link(web: Web, app: ModuleType) -> None:
    case = web.invited()
    link = web.link(case)
    web.update(case.case_id, human_review=True, rejected_for="NOT_AFFORDABLE")
    web.change(case.case_id, lambda case: close(case, ClosedReason.NO_AFFORDABLE_OFFER))
    web.change(case.case_id, lambda case: inform(case, web.cases.reach(case.cardholder_id), load_policy("CN"), web.now))
    delivered(app, detail_of(web, case))
    (text,) = web.sms()
    assert "/c/" not in text
    assert "400-000-0000" in text
    assert web.browser().post(link, {"last4": LAST4}).status == 200, "nothing new to see: the link of before stays"


def test_a_request_to_stop_that_came_meanwhile_stops_the_message(web: Web, app: ModuleType) -> None:
    case = web.invited()
    web.update(case.case_id, flags=("CEASE_CONTACT",))
    delivered(app, detail_of(web, case))
    assert not web.sms()
    assert tasks(web, case) == ["REACH_BY_HAND"]


def test_a_message_that_the_case_has_overtaken_does_not_leave_and_needs_nobody(web: Web, app: ModuleType) -> None:
    closed, expired = web.invited(), web.invited()
    web.change(closed.case_id, lambda case: close(case, ClosedReason.WITHDRAWN))
    past = web.now - timedelta(seconds=1)
    web.update(expired.case_id, offers=tuple(o.model_copy(update={"valid_until": past}) for o in expired.offers))
    for case in (closed, expired):
        assert delivered(app, detail_of(web, case)) == []
        assert outcomes(web, case)[0]["outcome"] == "OVERTAKEN"
        assert tasks(web, case) == []
    assert not web.sms()


def test_a_name_that_cannot_be_printed_gets_the_message_and_staff_the_task_once(web: Web, app: ModuleType) -> None:
    case = web.invited(cardholder={"name": "王\U00020bb7"})
    delivered(app, detail_of(web, case))
    assert (len(web.sms()), outcomes(web, case)[0]["outcome"]) == (1, "SENT")
    (task,) = web.cases.tasks(case.case_id)
    assert (task.kind, task.reason, task.facts) == ("MISSING_GLYPH", "NAME_NOT_PRINTABLE", {})
    for text in ("王", "\U00020bb7"):
        assert text not in json.dumps(web.dump("CasesTable", "EventsTable"), ensure_ascii=False)
    web.later(days=1)
    web.change(case.case_id, lambda case: remind(case, web.cases.reach(case.cardholder_id), load_policy("CN"), web.now))
    delivered(app, detail_of(web, case))
    assert (len(web.sms()), tasks(web, case)) == (2, ["MISSING_GLYPH"])


def test_somebody_who_was_erased_gets_no_message(web: Web, app: ModuleType) -> None:
    case = web.invited()
    boto3.client("dynamodb").delete_item(TableName="PeopleTable", Key={"cardholder_id": {"S": case.cardholder_id}})
    assert delivered(app, detail_of(web, case)) == []
    assert outcomes(web, case)[0]["outcome"] == "FAILED"


def test_no_log_line_holds_the_person_or_the_link(web: Web, app: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    log = StringIO()
    monkeypatch.setattr(app.logger.registered_handler, "stream", log)
    first, second = web.invited(), web.invited()
    delivered(app, detail_of(web, first), detail_of(web, second, channel="EMAIL"))
    failing_sns(monkeypatch, refused("Throttling"))
    delivered(app, detail_of(web, web.invited()))
    written = log.getvalue()
    assert "contact delivered" in written
    assert "ServiceUnavailableError" in written
    for secret in (NAME, PHONE, "holder-0001@example.com", "/c/"):
        assert secret not in written
