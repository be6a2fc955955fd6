"""The whole main path through the real pages, as `make demo` plays it: it goes well, and nothing personal is left."""

import io
import json
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from contract.definitions import of_type
from rich.console import Console

from infra import demo
from infra.local.application import accord_stack
from infra.local.gateway import Gateway
from infra.local.stack import LocalStack

pytestmark = pytest.mark.xdist_group("main path")

HOLDER = demo.overdue_account(date(2026, 1, 1))["cardholder"]
NOT_A_PHONE, NOT_AN_ADDRESS, NOT_FOUR = "0731-MARK-55", "mark at example.com", "MARK9"
PERSONAL = [HOLDER[field] for field in ("name", "phone", "email", "idLast4", "birthDate")]
REFUSED = [NOT_A_PHONE, NOT_AN_ADDRESS, NOT_FOUR]
addresses: list[str] = []


class NotingGateway(Gateway):
    """The gateway, noting every address that it was asked for."""

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        addresses.append(f"{environ['PATH_INFO']}?{environ['QUERY_STRING']}")
        return super().__call__(environ, start_response)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A stack on which the demonstration was played, from billing's event to the download of the sealed agreement."""
    copy = tmp_path_factory.mktemp("main-path") / "agreement.pdf"
    with pytest.MonkeyPatch.context() as patch, accord_stack(demo.BASE_URL) as stack:
        patch.setattr(demo, "Gateway", NotingGateway)
        listen_to_the_bus(stack)
        demo.run(Console(file=io.StringIO()), stack, copy)
        send_what_is_refused(stack)
        assert copy.stat().st_size > 10_000
        yield stack


def listen_to_the_bus(stack: LocalStack) -> None:
    """Keep everything that Accord announces, as another system of the bank would."""
    events, sqs, bus = stack.client("events"), stack.client("sqs"), stack.output("BusName")
    queue = sqs.create_queue(QueueName="another-system")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name="another-system", EventBusName=bus, EventPattern=json.dumps({"source": ["accord"]}))
    events.put_targets(Rule="another-system", EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn}])


def send_what_is_refused(stack: LocalStack) -> None:
    """The same person in events that are wrong, each in a field of theirs: refusals are logged as well."""
    for number, wrong in enumerate(
        ({"phone": NOT_A_PHONE}, {"email": NOT_AN_ADDRESS}, {"idLast4": NOT_FOUR}, {"name": ""})
    ):
        detail = demo.overdue_account(date(2026, 1, 1))
        detail |= {"eventId": f"refused-{number}", "cardholder": HOLDER | wrong}
        stack.put_event(stack.output("BusName"), "billing.cards", "AccountOverdue", detail)
    stack.settle()


def found(text: str) -> list[str]:
    """What of the person stands in a text, as it is or as JSON may write it."""
    return [secret for secret in PERSONAL + REFUSED if secret in text or json.dumps(secret)[1:-1] in text]


def test_no_table_but_the_people_table_holds_anything_personal(played: LocalStack) -> None:
    dynamodb = played.client("dynamodb")
    held = {
        name: json.dumps(dynamodb.scan(TableName=played.physical_id(name))["Items"], ensure_ascii=False)
        for name in of_type("AWS::DynamoDB::Table")
    }
    assert sorted(found(held.pop("PeopleTable"))) == sorted(PERSONAL), "the search finds what is there"
    assert len(held) == 3
    assert {name: found(text) for name, text in held.items() if found(text)} == {}


def test_no_log_holds_anything_personal_nor_what_lets_a_person_in(played: LocalStack) -> None:
    codes = [part for message in played.messages for part in message.text.split("#")[1:]]
    locators = [address.split("/")[2].rstrip("?") for address in addresses if address.startswith("/c/")]
    assert len(codes) == 2
    assert locators
    logged = {name: "\n".join(played.logs(name)) for name in played.functions}
    assert sum(map(len, logged.values())) > 1_000
    leaked = {name: found(text) + [key for key in codes + locators if key in text] for name, text in logged.items()}
    assert {name: secrets for name, secrets in leaked.items() if secrets} == {}


def test_no_event_on_the_bus_holds_anything_personal_nor_what_lets_a_person_in(played: LocalStack) -> None:
    sqs = played.client("sqs")
    queue = sqs.get_queue_url(QueueName="another-system")["QueueUrl"]
    heard: list[str] = []
    while batch := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        heard += [message["Body"] for message in batch]
    kinds = {json.loads(message)["detail-type"] for message in heard}
    assert {"CaseOpened", "OfferMade", "ContactRequested", "AgreementSigned", "PlanActivated"} <= kinds
    assert {message: found(message) for message in heard if found(message)} == {}
    locators = [address.split("/")[2].rstrip("?") for address in addresses if address.startswith("/c/")]
    assert not any(locator in message for locator in locators for message in heard)


def test_what_was_refused_is_kept_for_billing_alone(played: LocalStack) -> None:
    """The dead letters hold the events as they came, under the key of personal data; no log does."""
    sqs = played.client("sqs")
    queue = played.physical_id("IntakeDeadLetters")
    refused = [m["Body"] for m in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]]
    assert len(refused) == 4
    assert {secret for message in refused for secret in found(message)} >= set(REFUSED)
    assert "PeopleKey" in str(of_type("AWS::SQS::Queue")["IntakeDeadLetters"]["KmsMasterKeyId"])


def test_no_execution_carries_anything_personal(played: LocalStack) -> None:
    states = played.client("stepfunctions")
    (execution,) = played.executions("NegotiationStateMachine")
    history = states.get_execution_history(executionArn=execution.execution_arn, maxResults=1000)["events"]
    told = json.dumps([states.describe_execution(executionArn=execution.execution_arn), history], default=str)
    assert "Plan active" in told
    assert found(told) == []


def test_no_address_and_no_name_of_a_document_holds_anything_personal(played: LocalStack) -> None:
    assert "/my/plan?" in addresses
    assert [address for address in addresses if found(address)] == []
    s3 = played.client("s3")
    documents = s3.list_objects_v2(Bucket=played.physical_id("DocumentsBucket"))["Contents"]
    assert len(documents) == 1
    assert found(documents[0]["Key"]) == []
    assert s3.head_object(Bucket=played.physical_id("DocumentsBucket"), Key=documents[0]["Key"])["Metadata"] == {}


def test_nothing_went_wrong_behind_the_scenes(played: LocalStack) -> None:
    assert played.problems == []
