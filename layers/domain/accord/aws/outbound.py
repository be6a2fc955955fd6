"""How a text leaves: through AWS (End User Messaging or SNS, and SES), or through the bank's own gateway.

One interface, two ways. The gateway takes signed HTTPS (docs/gateway.md) and sends each reference once, so that a lost
answer may be asked for again; of AWS's services nobody knows, and nothing is sent twice.
"""

import hashlib
import hmac
import json
import os
from collections.abc import Callable
from typing import Any, Protocol

import urllib3
from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError

from accord import clock
from accord.aws.clients import client, error_code, translated
from accord.case import TaskReason
from accord.errors import NotSentError, ServiceUnavailableError

_WITHIN = urllib3.Timeout(connect=3, read=7)
_KEEP_SECRET_SECONDS = 300


class Outbound(Protocol):
    """Sends a text once. Raises NotSentError, or ServiceUnavailableError where trying again sends nothing twice."""

    def sms(self, reference: str, phone: str, text: str) -> None: ...

    def email(self, reference: str, sender: str, address: str, subject: str, text: str) -> None: ...


def outbound() -> Outbound:
    """The way that this function's settings name."""
    url, secret = os.environ["GATEWAY_URL"], os.environ["GATEWAY_SECRET_PARAMETER"]
    if url:
        return GatewayOutbound(url, secret)
    return AwsOutbound(os.environ["MAIL_EVENTS"], os.environ["SMS_ORIGINATION"], os.environ["STAGE"])


class AwsOutbound:
    """SMS from the bank's own number by End User Messaging, or by SNS where it has none; e-mail through SES.

    What becomes of a text that left by the bank's number is told on the default bus, with its contact and the stage.
    So it is of an e-mail, where a configuration set is named. A text by SNS has no receipt.
    """

    def __init__(self, mail_events: str, sms_origination: str, stage: str) -> None:
        self._mail_events = mail_events
        self._sms_origination = sms_origination
        self._stage = stage

    def sms(self, reference: str, phone: str, text: str) -> None:
        if self._sms_origination:
            _call(
                lambda: client("pinpoint-sms-voice-v2", attempts=1).send_text_message(
                    DestinationPhoneNumber=phone,
                    OriginationIdentity=self._sms_origination,
                    MessageBody=text,
                    MessageType="TRANSACTIONAL",
                    Context={"contact": reference, "stage": self._stage},
                )
            )
            return
        _refuse_opted_out(phone)
        kind = {"AWS.SNS.SMS.SMSType": {"DataType": "String", "StringValue": "Transactional"}}
        _call(lambda: client("sns", attempts=1).publish(PhoneNumber=phone, Message=text, MessageAttributes=kind))

    def email(self, reference: str, sender: str, address: str, subject: str, text: str) -> None:
        content = {"Simple": {"Subject": {"Data": subject}, "Body": {"Text": {"Data": text, "Charset": "UTF-8"}}}}
        told: dict[str, Any] = {}
        if self._mail_events:
            told["ConfigurationSetName"] = self._mail_events
            told["EmailTags"] = [{"Name": "contact", "Value": reference}]
        _call(
            lambda: client("sesv2", attempts=1).send_email(
                FromEmailAddress=sender,
                Destination={"ToAddresses": [address]},
                Content=content,
                **told,
            )
        )


class GatewayOutbound:
    """The bank's own gateway. Every request says who it is from by a signature over its moment and its body."""

    def __init__(self, url: str, secret_parameter: str) -> None:
        # Whoever has no gateway does not pay for loading this.
        from aws_lambda_powertools.utilities.parameters import SSMProvider

        self._url = url
        self._secret_parameter = secret_parameter
        self._parameters = SSMProvider(boto3_client=client("ssm"))
        self._http = urllib3.PoolManager(retries=False, timeout=_WITHIN)

    def sms(self, reference: str, phone: str, text: str) -> None:
        self._post({"reference": reference, "channel": "SMS", "to": phone, "text": text})

    def email(self, reference: str, sender: str, address: str, subject: str, text: str) -> None:
        mail = {"reference": reference, "channel": "EMAIL", "to": address, "subject": subject, "text": text}
        self._post(mail | {"from": sender})

    def _post(self, message: dict[str, str]) -> None:
        body = json.dumps(message, ensure_ascii=False).encode()
        moment = str(int(clock.now().timestamp()))
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "X-Accord-Timestamp": moment,
            "X-Accord-Signature": signature(self._secret(), moment, body),
        }
        try:
            status = self._http.request("POST", self._url, body=body, headers=headers, redirect=False).status
        except urllib3.exceptions.HTTPError as error:
            raise ServiceUnavailableError(f"the gateway: {type(error).__name__}") from None
        if status in (200, 201, 202, 204, 409):  # 409: it has this reference already
            return
        if status in (408, 425, 429) or status >= 500:
            raise ServiceUnavailableError(f"the gateway answered {status}")
        raise NotSentError(TaskReason.MESSAGE_REJECTED, error=f"HTTP {status}")

    def _secret(self) -> str:
        with translated():
            return str(self._parameters.get(self._secret_parameter, decrypt=True, max_age=_KEEP_SECRET_SECONDS))


def signature(secret: str, moment: str, body: bytes) -> str:
    """HMAC-SHA256 over `<moment>.<body>`, in hex, after the version of this way to sign."""
    return "v1=" + hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()


def _call(send: Callable[[], object]) -> None:
    try:
        with translated():
            send()
    except ServiceUnavailableError as error:
        if _certainly_not_sent(error.__cause__):
            raise
        raise NotSentError(TaskReason.MESSAGE_IN_DOUBT) from None
    except ClientError as error:
        if error.response.get("Reason") == "DESTINATION_PHONE_NUMBER_OPTED_OUT":
            raise NotSentError(TaskReason.OPTED_OUT) from None
        raise NotSentError(TaskReason.MESSAGE_REJECTED, error=error_code(error)) from None


def _refuse_opted_out(phone: str) -> None:
    """SNS takes a text for a telephone that answered stop, and drops it without a word; so it is asked first."""
    try:
        with translated():
            refused = client("sns").check_if_phone_number_is_opted_out(phoneNumber=phone)["isOptedOut"]
    except ClientError as error:
        raise NotSentError(TaskReason.MESSAGE_REJECTED, error=error_code(error)) from None
    if refused:
        raise NotSentError(TaskReason.OPTED_OUT)


def _certainly_not_sent(cause: BaseException | None) -> bool:
    """Throttled, unavailable (503) or never reached; another error of the server or a lost answer may have sent it."""
    if isinstance(cause, ClientError):
        status = cause.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
        return status < 500 or status == 503
    return isinstance(cause, ConnectTimeoutError | EndpointConnectionError)
