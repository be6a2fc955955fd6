"""What SES and End User Messaging tell of a message becomes a receipt for the intake, by the template's rules alone."""

import json
import re
from typing import Any

import boto3
import pytest
from contract.definitions import ROOT, TEMPLATE, of_type
from moto.events.models import EventPattern
from samtranslator.yaml_helper import yaml_parse

from accord.billing import ContactReceipt, parse
from accord.receipts import case_of

NAME, CONTACT = "accord-prod", "c-0456872e4d7a8ce2e214289a-12"
APART: dict[str, Any] = yaml_parse((ROOT / "infra" / "mail-events.yaml").read_text(encoding="utf-8"))


def told_by_ses(kind: str, configuration_set: str = NAME) -> dict[str, Any]:
    """An event as SES puts it on the default bus, as far as it matters here."""
    return {
        "version": "0",
        "id": "12c3a1b2-0000-4444-8888-0123456789ab",
        "detail-type": f"Email {kind}",
        "source": "aws.ses",
        "time": "2026-11-28T02:03:04Z",
        "detail": {
            "eventType": kind,
            "mail": {"tags": {"contact": [CONTACT], "ses:configuration-set": [configuration_set]}},
        },
    }


def told_by_end_user_messaging(kind: str, stage: str = "prod", contact: str = CONTACT) -> dict[str, Any]:
    """An event as it puts it on the default bus for a text, as far as it matters here."""
    return {
        "version": "0",
        "id": "5c0fa4f8-e4ba-ed02-6101-c795472fccd0",
        "detail-type": "Text Message Delivery Status Updated",
        "source": "aws.sms-voice",
        "time": "2026-11-28T02:03:04Z",
        "detail": {
            "eventType": kind,
            "isFinal": True,
            "messageId": "ed23196c-75ce-4727-93ee-7bf72b64998f",
            "messageStatus": kind.removeprefix("TEXT_"),
            "context": {"contact": contact, "stage": stage},
        },
    }


def rules(prefix: str = "Mail") -> list[dict[str, Any]]:
    return [rule for name, rule in of_type("AWS::Events::Rule").items() if name.startswith(prefix)]


def matching(event: dict[str, Any]) -> list[dict[str, Any]]:
    def named(pattern: Any) -> Any:
        text = json.dumps(pattern).replace(json.dumps({"Ref": "MailEvents"}), json.dumps(NAME))
        return json.loads(text.replace(json.dumps({"Ref": "Stage"}), json.dumps("prod")))

    rules_of_both = [*rules("Mail"), *rules("Text")]
    return [
        rule
        for rule in rules_of_both
        if EventPattern.load(json.dumps(named(rule["EventPattern"]))).matches_event(event)
    ]


def transformed(rule: dict[str, Any], event: dict[str, Any]) -> dict[str, Any]:
    """The message of the queue, as the rule's transformer makes it."""
    (target,) = rule["Targets"]
    transformer = target["InputTransformer"]

    def at(path: str) -> str:
        found: Any = event
        for key in re.findall(r"[^.$\[\]]+", path):
            found = found[int(key)] if isinstance(found, list) else found[key]
        return str(found)

    text = transformer["InputTemplate"]
    for name, path in transformer["InputPathsMap"].items():
        text = text.replace(f"<{name}>", at(path))
    message: dict[str, Any] = json.loads(text)
    return message


@pytest.mark.parametrize(
    ("kind", "status"), [("Delivered", "DELIVERED"), ("Bounced", "FAILED"), ("Rejected", "FAILED")]
)
def test_each_word_of_ses_is_one_receipt(kind: str, status: str) -> None:
    event = told_by_ses(kind)
    (rule,) = matching(event)
    message = transformed(rule, event)
    assert message["detail-type"] == "ContactReceipt"
    receipt = parse(ContactReceipt, message["detail"])
    assert (receipt.contact_id, receipt.status) == (CONTACT, status)
    assert receipt.at.isoformat() == "2026-11-28T02:03:04+00:00"
    assert case_of(receipt.contact_id) == "c-0456872e4d7a8ce2e214289a"


@pytest.mark.parametrize("event", [told_by_ses("Opened"), told_by_ses("Delivered", "of-somebody-else")])
def test_nothing_else_is_taken_for_a_receipt(event: dict[str, Any]) -> None:
    assert matching(event) == []


def test_ses_is_asked_for_what_the_rules_take() -> None:
    (destination,) = [body["Properties"] for body in APART["Resources"].values() if "Destination" in body["Type"]]
    asked = set(destination["EventDestination"]["MatchingEventTypes"])
    taken = {kind for rule in rules() for kind in rule["EventPattern"]["detail-type"]}
    words = {"delivery": "Email Delivered", "bounce": "Email Bounced", "reject": "Email Rejected"}
    assert {words[kind] for kind in asked} == taken
    assert TEMPLATE["Parameters"]["MailEvents"]["Default"] == ""


TEXT_EVENTS = (
    boto3.client("pinpoint-sms-voice-v2", region_name="us-east-1").meta.service_model.shape_for("EventType").enum
)


@pytest.mark.parametrize("kind", [kind for kind in TEXT_EVENTS if kind.startswith("TEXT_") and kind != "TEXT_ALL"])
def test_each_final_word_about_a_text_is_one_receipt(kind: str) -> None:
    """That it is under way, or that a carrier took it, is no word about whether it arrived; nor is UNKNOWN."""
    under_way = {"TEXT_SENT", "TEXT_PENDING", "TEXT_QUEUED", "TEXT_SUCCESSFUL", "TEXT_UNKNOWN"}
    event = told_by_end_user_messaging(kind)
    statuses = [transformed(rule, event)["detail"]["status"] for rule in matching(event)]
    assert statuses == ([] if kind in under_way else ["DELIVERED" if kind == "TEXT_DELIVERED" else "FAILED"])
    for rule in matching(event):
        receipt = parse(ContactReceipt, transformed(rule, event)["detail"])
        assert (receipt.contact_id, receipt.at.isoformat()) == (CONTACT, "2026-11-28T02:03:04+00:00")


@pytest.mark.parametrize(
    "event",
    [
        told_by_end_user_messaging("TEXT_DELIVERED", stage="dev"),
        told_by_end_user_messaging("TEXT_DELIVERED", contact="code-5c0fa4f8e4baed026101c795"),
    ],
    ids=["another stage's", "a code's"],
)
def test_a_text_of_another_stage_and_a_code_have_no_receipt(event: dict[str, Any]) -> None:
    assert matching(event) == []
