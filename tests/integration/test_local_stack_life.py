"""The local stack starts and stops, many times in one process, whatever waits in it."""

import json
import os
import sys
import time
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from infra.local.stack import LocalStack
from infra.local.template import TemplateError

TEMPLATE = Path(__file__).parent / "fixtures" / "local_stack" / "template.yaml"


def start_delivery(stack: LocalStack, order: str) -> str:
    return stack.client("stepfunctions").start_execution(
        stateMachineArn=stack.physical_id("DeliveryStateMachine"), name=order, input=json.dumps({"order": order})
    )["executionArn"]


def test_a_missed_callback_is_a_timeout_that_the_state_machine_catches() -> None:
    with LocalStack(TEMPLATE, {"Stage": "local", "PauseSeconds": "0", "CallbackSeconds": "1"}) as stack:
        start_delivery(stack, "late-1")
        stack.settle()
        table = stack.physical_id("NoteTable")
        kept = stack.client("dynamodb").get_item(TableName=table, Key={"id": {"S": "token-late-1"}})["Item"]
        deadline = time.monotonic() + 5
        while stack.executions()[0].status == "RUNNING" and time.monotonic() < deadline:
            time.sleep(0.02)
        assert stack.executions()[0].status == "FAILED"
        with pytest.raises(ClientError, match="TaskTimedOut"):
            stack.client("stepfunctions").send_task_success(taskToken=kept["token"]["S"], output="{}")


def test_a_stack_with_waiting_executions_stops_within_two_seconds() -> None:
    stack = LocalStack(TEMPLATE, {"Stage": "local", "PauseSeconds": "0"}).start()
    for number in range(20):
        start_delivery(stack, f"left-{number}")
    stack.settle()
    began = time.monotonic()
    stack.stop()
    assert time.monotonic() - began < 2


def test_a_stack_leaves_the_process_as_it_found_it() -> None:
    environment, output = os.environ, sys.stdout
    for _ in range(2):
        with LocalStack(TEMPLATE, {"Stage": "local"}) as stack:
            stack.invoke("StepFunction", {"order": "any"})
    assert os.environ is environment
    assert sys.stdout is output


def test_stopping_again_or_before_the_start_does_nothing() -> None:
    stack = LocalStack(TEMPLATE, {"Stage": "local"})
    stack.stop()
    stack.start()
    LocalStack(TEMPLATE).stop()
    assert stack.invoke("StepFunction", {"order": "any"})["order"] == "any"
    stack.stop()
    stack.stop()


@pytest.mark.parametrize(("region", "partition"), [("us-east-1", "aws"), ("cn-north-1", "aws-cn")])
def test_the_template_runs_in_other_regions_and_in_the_partition_of_china(region: str, partition: str) -> None:
    with LocalStack(TEMPLATE, {"Stage": "local", "PauseSeconds": "0"}, region=region) as stack:
        start_delivery(stack, "abroad-1")
        stack.settle()
        (execution,) = stack.executions()
        assert execution.exec_arn.startswith(f"arn:{partition}:states:{region}:")
        assert execution.exec_arn in stack.waiting()


def test_a_second_stack_beside_the_first_is_refused() -> None:
    with LocalStack(TEMPLATE, {"Stage": "local"}), pytest.raises(RuntimeError, match="stop it first"):
        LocalStack(TEMPLATE, {"Stage": "local"}).start()


def test_a_stack_that_cannot_start_leaves_room_for_the_next(tmp_path: Path) -> None:
    broken = tmp_path / "template.yaml"
    broken.write_text(
        "Resources: {Q: {Type: AWS::SQS::Queue, Properties: {QueueName: !Ref Nothing}}}", encoding="utf-8"
    )
    with pytest.raises(TemplateError, match="Nothing"):
        LocalStack(broken).start()
    with LocalStack(TEMPLATE, {"Stage": "local"}) as stack:
        assert stack.output("OrderTableName")
