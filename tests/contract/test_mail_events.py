"""What SES tells of an e-mail becomes a receipt that the intake takes, by rules of the template alone."""

import json
import re
from typing import Any

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


def rules() -> list[dict[str, Any]]:
    return [rule for name, rule in of_type("AWS::Events::Rule").items() if name.startswith("Mail")]


def matching(event: dict[str, Any]) -> list[dict[str, Any]]:
    def named(pattern: Any) -> Any:
        return json.loads(json.dumps(pattern).replace(json.dumps({"Ref": "MailEvents"}), json.dumps(NAME)))

    return [rule for rule in rules() if EventPattern.load(json.dumps(named(rule["EventPattern"]))).matches_event(event)]


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
