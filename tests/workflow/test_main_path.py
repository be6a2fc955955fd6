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
PERSONAL = [HOLDER[field] for field in ("name", "phone", "email", "idLast4", "birthDate")]
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
        demo.run(Console(file=io.StringIO()), stack, copy)
        assert copy.stat().st_size > 10_000
        yield stack


def found(text: str) -> list[str]:
    """What of the person stands in a text, as it is or as JSON may write it."""
    return [secret for secret in PERSONAL if secret in text or json.dumps(secret)[1:-1] in text]


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
