"""The portfolio screening as the template describes it: a file arrives in S3, its overdue accounts leave by the bus."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from contract.definitions import RESOURCES, TEMPLATE
from loading import ROOT

from accord import portfolio
from accord.aws import bus
from accord.errors import ServiceUnavailableError
from infra.local.stack import LocalStack

LISTENER = {
    "Heard": {"Type": "AWS::SQS::Queue"},
    "HeardRule": {
        "Type": "AWS::Events::Rule",
        "Properties": {
            "EventBusName": {"Fn::GetAtt": ["Bus", "Name"]},
            "EventPattern": {"source": [{"prefix": "billing"}], "detail-type": ["AccountOverdue"]},
            "Targets": [{"Id": "heard", "Arn": {"Fn::GetAtt": ["Heard", "Arn"]}}],
        },
    },
}
SAMPLE = (ROOT / "samples" / "portfolio.csv").read_bytes()
SAMPLE_WITH_ERRORS = (ROOT / "samples" / "portfolio_with_errors.csv").read_bytes()
OVERDUE = 54  # accounts of the sample that are overdue; four are not


def needed_by(*names: str) -> dict[str, Any]:
    """These resources of the template and all that they refer to."""
    found = {name: RESOURCES[name] for name in names}
    text = json.dumps({"resources": found, "globals": TEMPLATE["Globals"]})
    referred = {name for name in RESOURCES if re.search(rf'"{name}[".]|\$\{{{name}\b', text)}
    return found if referred <= set(found) else needed_by(*{*names, *referred})


pytestmark = pytest.mark.xdist_group("screening")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """The part of the template that screens portfolio files, with a queue that hears what leaves it."""
    folder = tmp_path_factory.mktemp("screening")
    for name in ("functions", "layers", "statemachines"):
        (folder / name).symlink_to(ROOT / name)
    part = {key: value for key, value in TEMPLATE.items() if key != "Outputs"}
    part["Resources"] = needed_by("PortfolioScreeningStateMachine", "Bus") | LISTENER
    (folder / "template.yaml").write_text(json.dumps(part))
    parameters = {"PublicBaseUrl": "https://accord.example.com", "RetrySeconds": "1"}
    with LocalStack(folder / "template.yaml", parameters) as running:
        yield running


@pytest.fixture(autouse=True)
def small_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portfolio, "LINES_A_RANGE", 20)


def screened(stack: LocalStack, name: str, data: bytes) -> str:
    """Put a file and return how its screening ended: SUCCEEDED or the name of the error."""
    before = len(stack.executions("PortfolioScreeningStateMachine"))
    stack.client("s3").put_object(Bucket=stack.physical_id("PortfolioBucket"), Key=f"portfolio/{name}", Body=data)
    stack.settle(60)
    (execution,) = stack.executions("PortfolioScreeningStateMachine")[before:]
    told = stack.client("stepfunctions").describe_execution(executionArn=execution.execution_arn)
    return told["status"] if told["status"] == "SUCCEEDED" else told["error"]


def heard(stack: LocalStack) -> list[dict[str, Any]]:
    """The details of the events that left since the last call."""
    sqs, url, details = stack.client("sqs"), stack.physical_id("Heard"), []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            details.append(json.loads(message["Body"])["detail"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return details


def written(stack: LocalStack, folder: str, name: str) -> list[Any]:
    """Every document that screening wrote beside a file."""
    s3, bucket = stack.client("s3"), stack.physical_id("PortfolioBucket")
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket=bucket, Prefix=f"{folder}/{name}/").get("Contents", [])]
    bodies = [s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode() for key in keys]
    return [json.loads(line) for body in bodies for line in body.splitlines()]


def test_every_overdue_account_of_a_file_leaves_by_the_bus_once(stack: LocalStack) -> None:
    assert screened(stack, "night.csv", SAMPLE) == "SUCCEEDED"
    details = heard(stack)
    assert len({detail["account"]["accountId"] for detail in details}) == len(details) == OVERDUE
    (summary,) = written(stack, "summaries", "night.csv")
    del summary["etag"]
    assert summary == {
        "file": "portfolio/night.csv",
        "outcome": "COMPLETE",
        "lines": 58,
        "overdue": OVERDUE,
        "atRisk": 0,
        "notAtRisk": 4,
        "rejected": 0,
        "blank": 0,
        "failedFromLines": [],
        "ignoredColumns": [],
    }
    assert written(stack, "rejects", "night.csv") == []


def test_broken_rows_are_rejected_by_line_and_field_and_the_rest_goes_on(stack: LocalStack) -> None:
    assert screened(stack, "broken.csv", SAMPLE_WITH_ERRORS) == "SUCCEEDED"
    assert [detail["account"]["accountId"] for detail in heard(stack)] == ["S-00001", "S-00011"]
    rejects = written(stack, "rejects", "broken.csv")
    (summary,) = written(stack, "summaries", "broken.csv")
    assert summary["overdue"] == 2
    assert summary["rejected"] == len({reject["line"] for reject in rejects}) == 11
    assert {"line": 3, "field": "account.balance.principal"}.items() <= rejects[0].items()


@pytest.mark.parametrize(
    ("name", "data", "field"),
    [
        ("empty.csv", b"", "file"),
        ("packed.csv", b"\x1f\x8b\x08\x00", "file"),
        ("other.csv", b"name,amount\nx,1\n", "file"),
        ("encoding.csv", "账户,余额\n".encode("gbk"), "header"),
    ],
)
def test_a_file_that_is_no_portfolio_fails_visibly_and_says_why(
    stack: LocalStack, name: str, data: bytes, field: str
) -> None:
    assert screened(stack, name, data) == "PortfolioRejected"
    assert written(stack, "rejects", name)[0]["field"] == field
    assert heard(stack) == []


def test_a_header_alone_is_a_complete_night(stack: LocalStack) -> None:
    assert screened(stack, "quiet.csv", SAMPLE.splitlines(keepends=True)[0]) == "SUCCEEDED"
    assert written(stack, "summaries", "quiet.csv")[0]["lines"] == 0


def test_a_range_that_fails_for_good_is_named_and_the_other_ranges_go_on(
    stack: LocalStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = portfolio.screen

    def screen(data: bytes, columns: tuple[str, ...], first_line: int, *rest: Any) -> portfolio.Screening:
        if first_line == 22:
            raise RuntimeError("this range cannot be screened")
        return real(data, columns, first_line, *rest)

    monkeypatch.setattr(portfolio, "screen", screen)
    assert screened(stack, "half.csv", SAMPLE) == "PortfolioIncomplete"
    (summary,) = written(stack, "summaries", "half.csv")
    assert summary["failedFromLines"] == [22]
    assert summary["overdue"] + summary["atRisk"] + summary["notAtRisk"] == 38
    assert len(heard(stack)) == summary["overdue"] + summary["atRisk"]


def test_a_bus_that_refuses_for_a_moment_loses_nothing(stack: LocalStack, monkeypatch: pytest.MonkeyPatch) -> None:
    real, failures = bus._put_batch, [ServiceUnavailableError("busy"), ServiceUnavailableError("busy")]

    def put_batch(waiting: Any) -> None:
        if failures:
            raise failures.pop()
        real(waiting)

    monkeypatch.setattr(bus, "_put_batch", put_batch)
    assert screened(stack, "shaky.csv", SAMPLE) == "SUCCEEDED"
    details = heard(stack)
    assert {detail["account"]["accountId"] for detail in details} >= {"S-00001", "S-00054"}
    assert len({detail["eventId"] for detail in details}) == OVERDUE
