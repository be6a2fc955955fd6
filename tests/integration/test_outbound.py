"""The bank's own gateway gets signed requests, and its answers decide whether a message is tried again."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from integration.tables import tables_on_moto

from accord import clock
from accord.aws import outbound as sending
from accord.aws.outbound import AwsOutbound, GatewayOutbound, outbound
from accord.errors import NotSentError, ServiceUnavailableError

SECRET = "a shared secret"
PARAMETER = "/accord/test/gateway-secret"


class Gateway(HTTPServer):
    """A bank's gateway that keeps what it gets and answers what it is told."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.status = 202

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/messages"


class Handler(BaseHTTPRequestHandler):
    server: Gateway

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((dict(self.headers), body))
        self.send_response(self.server.status)
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def world() -> Iterator[None]:
    """The parameter with the secret. Made once: making it is most of a test's time."""
    with pytest.MonkeyPatch.context() as patch, tables_on_moto(patch):
        boto3.client("ssm").put_parameter(Name=PARAMETER, Value=SECRET, Type="SecureString")
        yield


@pytest.fixture
def gateway(world: None) -> Iterator[Gateway]:
    server = Gateway()
    Thread(target=partial(server.serve_forever, poll_interval=0.01), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_message_is_signed_over_its_moment_and_its_bytes(gateway: Gateway) -> None:
    way = GatewayOutbound(gateway.url, PARAMETER)
    way.sms("c-1-7", "+8610000000001", "【示例银行】您好")
    way.email("c-1-8", "no-reply@bank.example", "li@example.com", "主题", "正文")
    for headers, body in gateway.got:
        moment = headers["X-Accord-Timestamp"]
        expected = hmac.new(SECRET.encode(), moment.encode() + b"." + body, hashlib.sha256).hexdigest()
        assert hmac.compare_digest(headers["X-Accord-Signature"], f"v1={expected}")
        assert abs(int(moment) - clock.now().timestamp()) < 60
    sms, mail = (json.loads(body) for _, body in gateway.got)
    assert sms == {"reference": "c-1-7", "channel": "SMS", "to": "+8610000000001", "text": "【示例银行】您好"}
    assert mail == {
        "reference": "c-1-8", "channel": "EMAIL", "from": "no-reply@bank.example", "to": "li@example.com",
        "subject": "主题", "text": "正文",
    }  # fmt: skip


@pytest.mark.parametrize("status", [200, 201, 202, 204, 409])
def test_what_is_accepted_or_was_before_is_done(gateway: Gateway, status: int) -> None:
    gateway.status = status
    GatewayOutbound(gateway.url, PARAMETER).sms("c-1-7", "+8610000000001", "x")
    assert len(gateway.got) == 1


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_what_may_be_taken_later_is_tried_again(gateway: Gateway, status: int) -> None:
    gateway.status = status
    with pytest.raises(ServiceUnavailableError, match=str(status)):
        GatewayOutbound(gateway.url, PARAMETER).sms("c-1-7", "+8610000000001", "x")


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 404, 422])
def test_what_is_never_taken_is_work_for_a_person_and_no_redirect_is_followed(gateway: Gateway, status: int) -> None:
    gateway.status = status
    with pytest.raises(NotSentError) as refused:
        GatewayOutbound(gateway.url, PARAMETER).sms("c-1-7", "+8610000000001", "x")
    assert (refused.value.reason, refused.value.facts) == ("MESSAGE_REJECTED", {"error": f"HTTP {status}"})
    assert len(gateway.got) == 1


def test_a_gateway_that_is_not_there_is_tried_again_and_no_number_is_told(gateway: Gateway) -> None:
    gateway.server_close()
    with pytest.raises(ServiceUnavailableError) as down:
        GatewayOutbound(gateway.url, PARAMETER).sms("c-1-7", "+8610000000001", "x")
    assert "+86" not in str(down.value)


@pytest.mark.parametrize(("url", "way"), [("", AwsOutbound), ("https://gateway.bank.example/", GatewayOutbound)])
def test_the_settings_say_which_way_it_goes(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, url: str, way: type
) -> None:
    monkeypatch.setenv("GATEWAY_URL", url)
    monkeypatch.setenv("GATEWAY_SECRET_PARAMETER", PARAMETER)
    for setting in ("MAIL_EVENTS", "SMS_ORIGINATION", "STAGE"):
        monkeypatch.setenv(setting, "")
    assert isinstance(outbound(), way)


@pytest.mark.parametrize("mail_events", ["accord-test", ""])
def test_an_e_mail_names_its_contact_to_whoever_tells_what_becomes_of_it(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, mail_events: str
) -> None:
    ses = boto3.client("sesv2")
    stubber = Stubber(ses)
    told: dict[str, Any] = {
        "ConfigurationSetName": mail_events, "EmailTags": [{"Name": "contact", "Value": "c-1-8"}],
    }  # fmt: skip
    content = {"Simple": {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "t", "Charset": "UTF-8"}}}}
    expected = {"FromEmailAddress": "a@bank.example", "Destination": {"ToAddresses": ["li@example.com"]}}
    stubber.add_response("send_email", {}, expected | {"Content": content} | (told if mail_events else {}))
    stubber.activate()
    monkeypatch.setattr(sending, "client", lambda service, attempts: ses)
    AwsOutbound(mail_events, "", "test").email("c-1-8", "a@bank.example", "li@example.com", "s", "t")
    stubber.assert_no_pending_responses()


NUMBER = "arn:aws:sms-voice:us-east-1:123456789012:phone-number/phone-1234567890abcdef"
LEAVES = {
    "DestinationPhoneNumber": "+12025550147", "OriginationIdentity": NUMBER, "MessageBody": "Example Bank: hello",
    "MessageType": "TRANSACTIONAL", "Context": {"contact": "c-1-7", "stage": "prod"},
}  # fmt: skip


@pytest.fixture
def texting(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    """End User Messaging, which moto does not have: botocore holds each request against the service's own model."""
    service = boto3.client("pinpoint-sms-voice-v2")
    with Stubber(service) as stubber:
        monkeypatch.setattr(sending, "client", lambda name, attempts: {"pinpoint-sms-voice-v2": service}[name])
        yield stubber
        stubber.assert_no_pending_responses()


def test_a_text_by_the_banks_own_number_names_its_contact_and_stage(texting: Stubber) -> None:
    texting.add_response("send_text_message", {"MessageId": "m-1"}, LEAVES)
    AwsOutbound("", NUMBER, "prod").sms("c-1-7", "+12025550147", "Example Bank: hello")
    texting.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("code", "reason", "expected"),
    [
        ("ConflictException", "DESTINATION_PHONE_NUMBER_OPTED_OUT", ("OPTED_OUT", {})),
        ("ConflictException", "RESOURCE_NOT_ACTIVE", ("MESSAGE_REJECTED", {"error": "ConflictException"})),
        ("ValidationException", "INVALID_PARAMETER", ("MESSAGE_REJECTED", {"error": "ValidationException"})),
        ("InternalServerException", None, ("MESSAGE_IN_DOUBT", {})),
    ],
)  # fmt: skip
def test_what_never_left_is_work_for_a_person(
    texting: Stubber, code: str, reason: str | None, expected: tuple[str, dict[str, str]]
) -> None:
    status = 500 if code.startswith("Internal") else 400
    more = {"Reason": reason} if reason else {}
    texting.add_client_error(
        "send_text_message", code, http_status_code=status, expected_params=LEAVES, modeled_fields=more
    )
    with pytest.raises(NotSentError) as refused:
        AwsOutbound("", NUMBER, "prod").sms("c-1-7", "+12025550147", "Example Bank: hello")
    assert (refused.value.reason, refused.value.facts) == expected


def test_a_throttled_text_is_tried_again(texting: Stubber) -> None:
    texting.add_client_error("send_text_message", "ThrottlingException", http_status_code=400, expected_params=LEAVES)
    with pytest.raises(ServiceUnavailableError):
        AwsOutbound("", NUMBER, "prod").sms("c-1-7", "+12025550147", "Example Bank: hello")


def test_sns_is_asked_first_whether_the_telephone_takes_texts(gateway: Gateway) -> None:
    """SNS drops a text for whoever answered stop, and says that it left; moto has numbers that end in 99 opted out."""
    with pytest.raises(NotSentError) as refused:
        AwsOutbound("", "", "prod").sms("c-1-7", "+12025550199", "Example Bank: hello")
    assert (refused.value.reason, refused.value.facts) == ("OPTED_OUT", {})
    AwsOutbound("", "", "prod").sms("c-1-7", "+12025550147", "Example Bank: hello")
