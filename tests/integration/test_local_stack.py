"""The local stack runs a template as AWS would: one small application with one of everything."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from accord import clock
from infra.local.stack import FunctionError, LocalStack
from infra.local.template import TemplateError, definition, read_template

TEMPLATE = Path(__file__).parent / "fixtures" / "local_stack" / "template.yaml"


pytestmark = pytest.mark.xdist_group("local stack")


@pytest.fixture(scope="module")
def stack() -> Iterator[LocalStack]:
    with LocalStack(TEMPLATE, {"Stage": "local", "PauseSeconds": "0"}) as running:
        yield running


def place(stack: LocalStack, order: str, **more: Any) -> None:
    stack.put_event("orders-local", "shop.web", "OrderPlaced", {"id": order, **more})


def note(stack: LocalStack, key: str) -> dict[str, Any] | None:
    table = stack.physical_id("NoteTable")
    return stack.client("dynamodb").get_item(TableName=table, Key={"id": {"S": key}}).get("Item")


def messages(stack: LocalStack, queue: str) -> list[dict[str, Any]]:
    url = stack.physical_id(queue)
    found = stack.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    for message in found:
        stack.client("sqs").delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return [json.loads(message["Body"]) for message in found]


def start_delivery(stack: LocalStack, order: str) -> str:
    return stack.client("stepfunctions").start_execution(
        stateMachineArn=stack.physical_id("DeliveryStateMachine"), name=order, input=json.dumps({"order": order})
    )["executionArn"]


def status(stack: LocalStack, execution: str) -> str:
    return stack.client("stepfunctions").describe_execution(executionArn=execution)["status"]


def until_waiting(stack: LocalStack, order: str) -> str:
    stack.settle()
    kept = note(stack, f"token-{order}")
    assert kept is not None
    return kept["token"]["S"]


# --- functions -----------------------------------------------------------------------------------------------------


def test_a_function_sees_the_variables_of_the_template_and_nothing_of_this_machine(
    stack: LocalStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OF_THIS_MACHINE", "1")
    result = stack.invoke("StepFunction", {"order": "environment"})
    environment = result["environment"]
    assert environment["GIVEN_TO_ALL"] == "yes"
    assert "ORDER_TABLE" not in environment  # given to another function
    assert "OF_THIS_MACHINE" not in environment
    assert environment["AWS_REGION"] == stack.region
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == stack.physical_id("StepFunction")
    assert result["context"] == [stack.physical_id("StepFunction"), 256]


def test_a_missing_variable_fails_as_in_lambda(stack: LocalStack) -> None:
    with pytest.raises(FunctionError) as raised:
        stack.invoke("StepFunction", {"order": "missing variable"})
    assert raised.value.name == "KeyError"


def test_a_result_that_is_not_json_is_an_error_of_the_runtime(stack: LocalStack) -> None:
    with pytest.raises(FunctionError) as raised:
        stack.invoke("StepFunction", {"order": "unserialisable"})
    assert raised.value.name == "Runtime.MarshalError"


def test_an_error_comes_back_through_the_api_as_lambda_shows_it(stack: LocalStack) -> None:
    answer = stack.client("lambda").invoke(
        FunctionName=stack.physical_id("StepFunction"), Payload=json.dumps({"order": "refused", "step": "s"})
    )
    payload = json.load(answer["Payload"])
    assert answer["FunctionError"] == "Unhandled"
    assert payload["errorType"] == "RefusedError"
    assert payload["errorMessage"] == "refused by step"  # a module of its own, named like one of another function
    assert any("app.py" in line for line in payload["stackTrace"])


def test_what_a_function_prints_is_in_its_log(stack: LocalStack, capsys: pytest.CaptureFixture[str]) -> None:
    stack.invoke("KeepTokenFunction", {"order": "logged", "token": "t"})
    assert stack.logs("KeepTokenFunction")[-1] == "keeping the token of logged"
    groups = stack.client("logs").describe_log_groups()["logGroups"]
    assert any(stack.physical_id("KeepTokenFunction") in group["logGroupName"] for group in groups)


def test_an_asynchronous_invocation_that_fails_for_good_goes_to_its_destination(stack: LocalStack) -> None:
    stack.client("lambda").invoke(
        FunctionName=stack.physical_id("ReportFunction"), InvocationType="Event", Payload=b'{"fail": true}'
    )
    stack.settle()
    (letter,) = messages(stack, "Undelivered")
    assert letter["requestPayload"] == {"fail": True}
    assert letter["responsePayload"]["errorType"] == "RuntimeError"
    assert any(problem.where == "ReportFunction" for problem in stack.problems)


# --- queues and streams --------------------------------------------------------------------------------------------


def test_one_bad_message_of_a_batch_goes_to_the_dead_letters_and_the_others_are_done(stack: LocalStack) -> None:
    for order in ("good-1", "bad-1", "good-2"):
        place(stack, order)
    stack.settle()
    orders = stack.client("dynamodb").scan(TableName=stack.output("OrderTableName"))["Items"]
    assert {"good-1", "good-2"} <= {item["id"]["S"] for item in orders}
    assert messages(stack, "DeadOrders") == [{"id": "bad-1"}]


def test_a_stream_is_read_in_order_and_a_record_that_never_succeeds_does_not_stop_it(stack: LocalStack) -> None:
    db, table = stack.client("dynamodb"), stack.output("OrderTableName")
    for order in ("first", "second", "poison", "third", "fourth"):
        db.put_item(TableName=table, Item={"id": {"S": order}})
    db.put_item(TableName=table, Item={"id": {"S": "first"}, "changed": {"BOOL": True}})  # the filter wants INSERT only
    stack.settle()
    seen = note(stack, "seen")
    assert seen is not None
    assert [entry["S"] for entry in seen["orders"]["L"]][-4:] == ["first", "second", "third", "fourth"]
    (letter,) = messages(stack, "Undelivered")
    assert letter["DDBStreamBatchInfo"]["batchSize"] == 1


def test_settle_names_what_is_still_at_work(stack: LocalStack) -> None:
    place(stack, "bad-2")
    with pytest.raises(TimeoutError, match="OrderQueue"):
        stack.settle(timeout=0.3)
    stack.settle()
    messages(stack, "DeadOrders")


# --- state machines ------------------------------------------------------------------------------------------------


def test_a_retry_by_error_name_repeats_the_same_entry_of_the_state(stack: LocalStack) -> None:
    execution = start_delivery(stack, "flaky-1")
    until_waiting(stack, "flaky-1")
    history = stack.client("stepfunctions").get_execution_history(executionArn=execution)["events"]
    outputs = [
        json.loads(event["stateExitedEventDetails"]["output"])
        for event in history
        if event.get("stateExitedEventDetails", {}).get("name") == "Prepare"
    ]
    steps = outputs[0]["prepare"]["steps"]
    assert len(steps) == 3
    assert len(set(steps)) == 1  # the entered time does not change over attempts: good for an idempotency key


def test_a_caught_error_ends_the_execution_and_the_rule_on_its_status_tells(stack: LocalStack) -> None:
    execution = start_delivery(stack, "refused-1")
    stack.settle()
    assert status(stack, execution) == "FAILED"
    report = note(stack, "report-refused-1")
    assert report is not None
    event = json.loads(report["body"]["S"])
    assert event["source"] == "aws.states"
    assert event["detail"]["status"] == "FAILED"
    assert event["detail"]["executionArn"] == execution


def test_a_callback_resumes_the_execution_once(stack: LocalStack) -> None:
    execution = start_delivery(stack, "waiting-1")
    token = until_waiting(stack, "waiting-1")
    assert execution in stack.waiting()
    workflows = stack.client("stepfunctions")
    workflows.send_task_success(taskToken=token, output='{"yes": true}')
    with pytest.raises(ClientError, match="TaskTimedOut"):
        workflows.send_task_success(taskToken=token, output='{"yes": false}')
    stack.settle()
    output = workflows.describe_execution(executionArn=execution)["output"]
    assert json.loads(output)["answer"] == {"yes": True}
    with pytest.raises(ClientError, match="InvalidToken"):
        workflows.send_task_success(taskToken="never given", output="{}")


def test_stopping_a_waiting_execution_aborts_it_at_once(stack: LocalStack) -> None:
    execution = start_delivery(stack, "stopped-1")
    until_waiting(stack, "stopped-1")
    stack.client("stepfunctions").stop_execution(executionArn=execution)
    stack.settle()
    assert status(stack, execution) == "ABORTED"
    assert note(stack, "report-stopped-1") is not None


def test_executions_without_a_name_are_separate(stack: LocalStack) -> None:
    workflows = stack.client("stepfunctions")
    started = [
        workflows.start_execution(
            stateMachineArn=stack.physical_id("DeliveryStateMachine"), input='{"order": "refused-x"}'
        )["executionArn"]
        for _ in range(2)
    ]
    stack.settle()
    assert len(set(started)) == 2


# --- rules, files and schedules ------------------------------------------------------------------------------------


def test_a_file_starts_the_state_machine_that_waits_for_it(stack: LocalStack) -> None:
    bucket = stack.physical_id("FileBucket")
    stack.client("s3").put_object(Bucket=bucket, Key="in/orders.csv", Body=b"id\n1\n")
    stack.client("s3").put_object(Bucket=bucket, Key="elsewhere/orders.csv", Body=b"")
    stack.settle()
    (execution,) = stack.executions("ImportStateMachine")
    assert execution.status == "SUCCEEDED"
    assert execution.output["order"] == "in/orders.csv"


def test_an_event_that_no_rule_wants_goes_nowhere(stack: LocalStack) -> None:
    stack.put_event("orders-local", "somebody", "OrderPlaced", {"id": "unwanted"})
    stack.settle()
    table = stack.output("OrderTableName")
    assert "Item" not in stack.client("dynamodb").get_item(TableName=table, Key={"id": {"S": "unwanted"}})


def test_a_request_beyond_the_limit_of_the_bus_is_refused(stack: LocalStack) -> None:
    with pytest.raises(ClientError, match="over the limit"):
        place(stack, "large", padding="x" * 300_000)


def test_a_schedule_fires_in_business_time_when_its_hour_comes(stack: LocalStack) -> None:
    assert note(stack, "report-nightly") is None
    before = clock.now()
    stack.advance(timedelta(hours=24))
    stack.settle()
    assert note(stack, "report-nightly") is not None
    assert clock.now() - before >= timedelta(hours=24)


@pytest.mark.parametrize(("seconds", "ends"), [(10, "RUNNING"), (30, "FAILED")])
def test_a_wait_ends_when_business_time_is_moved_past_its_end(stack: LocalStack, seconds: int, ends: str) -> None:
    execution = start_delivery(stack, f"moved-{seconds}")
    until_waiting(stack, f"moved-{seconds}")
    stack.advance(timedelta(seconds=seconds))
    stack.settle()
    assert status(stack, execution) == ends


def test_a_signing_key_is_one(stack: LocalStack) -> None:
    key = stack.client("kms").describe_key(KeyId=stack.physical_id("SignKey"))["KeyMetadata"]
    assert (key["KeySpec"], key["KeyUsage"]) == ("ECC_NIST_P256", "SIGN_VERIFY")


# --- life ----------------------------------------------------------------------------------------------------------


def test_what_is_left_out_is_known_with_its_reason(stack: LocalStack) -> None:
    reasons = stack.template.left_out
    assert "partial failure" in reasons["TakeOrdersFunctionOrders"]
    assert "does not know" in reasons["ReportFunctionNightly"]
    assert "WebFunction" not in reasons


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    template = tmp_path / "template.yaml"
    template.write_text(TEMPLATE.read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(TemplateError, match="RulesLayer: ContentUri names 'layer/'"):
        read_template(template, "eu-central-1", {})


def test_a_substitution_that_is_missing_is_named() -> None:
    with pytest.raises(TemplateError, match="NobodyGives"):
        definition("StartAt: ${Start}\nStates: {A: {Type: Pass, Result: '${NobodyGives}'}}", {"Start": "A"})
