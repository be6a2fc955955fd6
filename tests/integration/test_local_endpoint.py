"""Another process sees and drives the same stack through the AWS endpoint."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.endpoint import aws_endpoint
from infra.local.server import listen
from infra.local.stack import LocalStack

TEMPLATE = Path(__file__).parent / "fixtures" / "local_stack" / "template.yaml"

# What a colleague's terminal would do: another process, boto3 and an endpoint.
FROM_OUTSIDE = """
import json, sys
import boto3

endpoint, region, machine, function, queue, table = sys.argv[1:]

def client(service):
    return boto3.client(
        service, endpoint_url=endpoint, region_name=region, aws_access_key_id="any", aws_secret_access_key="any"
    )

started = client("stepfunctions").start_execution(
    stateMachineArn=machine, name="outside-1", input='{"order": "outside-1"}'
)
sent = client("events").put_events(
    Entries=[{"EventBusName": "orders-local", "Source": "shop.web", "DetailType": "OrderPlaced",
              "Detail": '{"id": "outside-2"}'}]
)
answer = client("lambda").invoke(FunctionName=function, Payload=json.dumps({"order": "refused", "step": "s"}))
client("sqs").send_message(QueueUrl=queue, MessageBody='{"id": "outside-3"}')
print(json.dumps({
    "execution": started["executionArn"],
    "refused": sent["FailedEntryCount"],
    "error": answer["FunctionError"],
    "type": json.load(answer["Payload"])["errorType"],
    "items": client("dynamodb").scan(TableName=table)["Count"],
}))
"""


@pytest.fixture(scope="module")
def stack() -> Iterator[LocalStack]:
    with LocalStack(TEMPLATE, {"Stage": "local", "PauseSeconds": "0"}) as running:
        yield running


@pytest.mark.enable_socket
def test_another_process_starts_sends_and_invokes(stack: LocalStack) -> None:
    table = stack.output("OrderTableName")
    stack.client("dynamodb").put_item(TableName=table, Item={"id": {"S": "inside-1"}})
    server = aws_endpoint(listen(0))
    server.start()
    try:
        done = subprocess.run(
            [
                sys.executable, "-c", FROM_OUTSIDE, server.url, stack.region,
                stack.physical_id("DeliveryStateMachine"), stack.physical_id("StepFunction"),
                stack.physical_id("OrderQueue"), table,
            ],
            capture_output=True, text=True, timeout=60, env={"PATH": os.environ["PATH"]}, check=False,
        )  # fmt: skip
    finally:
        server.stop()
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert (seen["refused"], seen["error"], seen["type"]) == (0, "Unhandled", "RefusedError")
    assert seen["items"] >= 1
    stack.settle()
    assert seen["execution"] in stack.waiting()
    orders = {item["id"]["S"] for item in stack.client("dynamodb").scan(TableName=table)["Items"]}
    assert {"outside-2", "outside-3"} <= orders
