"""What moto does without our patches. A test that fails here after an upgrade names the patch that can go."""

import copy
import json
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from unittest.mock import patch

import boto3
import moto.core.responses
import pytest
from boto3.session import Session
from botocore.signers import RequestSigner
from botocore.useragent import UserAgentString
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.serialize import AttributePicker
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.table import Table
from moto.sns.models import sns_backends
from moto.sqs.models import Queue, sqs_backends
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.asl.utils import json_path
from moto.stepfunctions.parser.backend.execution import Execution

from infra.local.moto_patches import requests_cost_less

REGION = "eu-central-1"
WAIT = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 30, "End": True}}}
TASK = {
    "StartAt": "T",
    "States": {
        "T": {
            "Type": "Task",
            "Resource": f"arn:aws:lambda:{REGION}:{DEFAULT_ACCOUNT_ID}:function:step",
            "Parameters": {"order.$": "$.order"},
            "End": True,
        }
    },
}
CALLBACK = {
    "StartAt": "C",
    "States": {
        "C": {
            "Type": "Task",
            "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            "TimeoutSeconds": 30,
            "Parameters": {"QueueUrl.$": "$.queue", "MessageBody": {"token.$": "$$.Task.Token"}},
            "Next": "Later",
        },
        "Later": {"Type": "Wait", "Seconds": 30, "End": True},
    },
}


@pytest.fixture(autouse=True)
def plain_moto() -> Iterator[None]:
    with mock_aws(config={"stepfunctions": {"execute_state_machine": True}, "lambda": {"use_docker": False}}):
        boto3.setup_default_session(region_name=REGION)
        yield


def client(service: str) -> Any:
    return boto3.client(service, region_name=REGION)


def machine(definition: dict[str, Any]) -> str:
    return client("stepfunctions").create_state_machine(
        name="machine", definition=json.dumps(definition), roleArn=f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:role/r"
    )["stateMachineArn"]


def start(machine_arn: str, name: str, **given: str) -> str:
    return client("stepfunctions").start_execution(
        stateMachineArn=machine_arn, name=name, input=json.dumps({"order": "1", **given})
    )["executionArn"]


def status(execution: str) -> str:
    return client("stepfunctions").describe_execution(executionArn=execution)["status"]


def until(condition: Any, seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)


def queue(name: str = "queue") -> str:
    return client("sqs").create_queue(QueueName=name)["QueueUrl"]


def table(name: str) -> None:
    client("dynamodb").create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )


def received(url: str) -> list[Any]:
    return [json.loads(message["Body"]) for message in client("sqs").receive_message(QueueUrl=url).get("Messages", [])]


def function(name: str = "step") -> None:
    role = client("iam").create_role(RoleName="r", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    client("lambda").create_function(
        FunctionName=name, Runtime="python3.13", Role=role, Handler="app.handler",
        Code={"ZipFile": b"PK\x05\x06" + bytes(18)},
    )  # fmt: skip


def rule(pattern: dict[str, Any], target: str) -> None:
    client("events").put_rule(Name="rule", EventPattern=json.dumps(pattern))
    client("events").put_targets(Rule="rule", Targets=[{"Id": "1", "Arn": target}])


def queue_arn(url: str) -> str:
    return client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def stack_with(resource: dict[str, Any]) -> dict[str, Any]:
    template = {"Resources": {"It": resource}, "Outputs": {"Ref": {"Value": {"Ref": "It"}}}}
    client("cloudformation").create_stack(StackName="s", TemplateBody=json.dumps(template))
    return client("cloudformation").describe_stacks(StackName="s")["Stacks"][0]["Outputs"][0]


# --- every service -------------------------------------------------------------------------------------------------


def test_making_clients_is_not_serialised(monkeypatch: pytest.MonkeyPatch) -> None:
    inside, most = 0, 0

    def create(*_: Any, **__: Any) -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        time.sleep(0.05)
        inside -= 1

    session = Session(region_name=REGION)
    monkeypatch.setattr(session._session, "create_client", create)
    threads = [threading.Thread(target=session.client, args=("sqs",)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most > 1


def test_a_request_costs_work_that_nobody_looks_at(monkeypatch: pytest.MonkeyPatch) -> None:
    url = queue()
    done: list[str] = []
    for owner, name in (
        (moto.core.responses, "method_names_from_class"), (moto.core.responses, "camelcase_to_underscores"),
        (moto.core.responses, "gen_amzn_requestid_long"), (UserAgentString, "to_string"), (RequestSigner, "sign"),
    ):  # fmt: skip
        original = getattr(owner, name)

        def spy(*args: Any, original: Any = original, name: str = name, **kwargs: Any) -> Any:
            done.append(name)
            return original(*args, **kwargs)

        monkeypatch.setattr(owner, name, spy)
    sqs = client("sqs")
    for _ in range(2):
        sqs.get_queue_attributes(QueueUrl=url)
    assert min(done.count(name) for name in set(done)) == 2
    assert len(set(done)) == 5
    looked_at = []
    picked = AttributePicker.__call__

    def looks(self: AttributePicker, context: Any) -> Any:
        looked_at.append(context.key)
        return picked(self, context)

    monkeypatch.setattr(AttributePicker, "__call__", looks)
    table("t")
    client("dynamodb").put_item(TableName="t", Item={"id": {"S": "a"}, "text": {"S": "words"}})
    looked_at.clear()
    client("dynamodb").get_item(TableName="t", Key={"id": {"S": "a"}})
    assert looked_at.count("BOOL") == 2
    services = [service for service, _ in moto.backend_index.backend_url_patterns]
    assert services.index("sqs") > 100  # so many addresses are tried first


def test_an_item_comes_back_as_moto_itself_would_tell_it() -> None:
    values: dict[str, Any] = {
        "id": {"S": "a"}, "empty": {"S": ""}, "number": {"N": "1.50"}, "true": {"BOOL": True}, "null": {"NULL": True},
        "bytes": {"B": b"\x00"}, "set": {"SS": ["x", "y"]}, "list": {"L": [{"S": "x"}, {"N": "1"}, {"M": {}}]},
        "map": {"M": {"S": {"S": "S"}, "N": {"L": []}}},
    }  # fmt: skip
    table("t")
    db = client("dynamodb")
    db.put_item(TableName="t", Item=values)
    plainly = db.get_item(TableName="t", Key={"id": {"S": "a"}})["Item"]
    with ExitStack() as patched:
        for target, name, value in requests_cost_less():
            patched.enter_context(patch.object(target, name, value))
        assert db.get_item(TableName="t", Key={"id": {"S": "a"}})["Item"] == plainly == values
        assert db.scan(TableName="t")["Items"] == [values]


# --- Lambda and Step Functions -------------------------------------------------------------------------------------


def test_an_invocation_gets_a_canned_result() -> None:
    function()
    answer = client("lambda").invoke(FunctionName="step", Payload=b'{"order": 1}')
    assert json.load(answer["Payload"]) == {"order": 1}  # what went in


def test_a_task_makes_a_client_and_a_request_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    function()
    made: list[str] = []
    original = lambda_eval_utils.boto_client_for

    def spy(**kwargs: Any) -> Any:
        made.append(kwargs["service"])
        return original(**kwargs)

    monkeypatch.setattr(lambda_eval_utils, "boto_client_for", spy)
    arn = machine(TASK)
    executions = [start(arn, name) for name in ("one", "two")]
    until(lambda: all(status(execution) == "SUCCEEDED" for execution in executions))
    assert made == ["lambda", "lambda"]


def test_definitions_and_paths_are_parsed_anew_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    function()
    arn = machine(TASK)
    parsed: list[str] = []
    parse_definition, parse_path = AmazonStateLanguageParser.parse, json_path.parse
    monkeypatch.setattr(
        AmazonStateLanguageParser, "parse", lambda text: parsed.append("definition") or parse_definition(text)
    )
    monkeypatch.setattr(json_path, "parse", lambda path: parsed.append(path) or parse_path(path))
    executions = [start(arn, name) for name in ("one", "two")]
    until(lambda: all(status(execution) == "SUCCEEDED" for execution in executions))
    assert parsed.count("definition") == 2
    assert parsed.count("$.order") == 2


def test_two_executions_without_a_name_are_taken_for_one() -> None:
    arn = machine(WAIT)
    started = [client("stepfunctions").start_execution(stateMachineArn=arn)["executionArn"] for _ in range(2)]
    assert started[0] == started[1]


def test_an_execution_that_is_just_starting_has_no_status_and_no_history(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[type[Exception]] = []

    def start_later(self: Execution) -> None:
        states = client("stepfunctions")
        for ask in (
            lambda: states.list_executions(stateMachineArn=arn),
            lambda: states.get_execution_history(executionArn=self.exec_arn),
        ):
            try:
                ask()
            except AttributeError as error:
                seen.append(type(error))

    arn = machine(WAIT)
    monkeypatch.setattr(Execution, "start", start_later)
    start(arn, "one")
    assert seen == [AttributeError, AttributeError]


def test_a_token_is_accepted_twice() -> None:
    url = queue()
    start(machine(CALLBACK), "one", queue=url)
    tokens: list[Any] = []
    until(lambda: tokens.extend(received(url)) or tokens)
    for output in ("1", "2"):  # the second is TaskTimedOut in AWS
        answer = client("stepfunctions").send_task_success(taskToken=tokens[0]["token"], output=output)
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_a_waiting_execution_looks_like_one_at_work_and_stop_does_not_end_it() -> None:
    url = queue()
    execution = start(machine(CALLBACK), "one", queue=url)
    until(lambda: received(url))
    assert status(execution) == "RUNNING"
    client("stepfunctions").stop_execution(executionArn=execution)
    time.sleep(0.2)
    assert status(execution) == "RUNNING"  # AWS: ABORTED


def test_no_event_tells_of_the_end_of_an_execution() -> None:
    url = queue()
    rule({"source": ["aws.states"]}, queue_arn(url))
    execution = start(machine({"StartAt": "S", "States": {"S": {"Type": "Succeed"}}}), "one")
    until(lambda: status(execution) == "SUCCEEDED")
    assert received(url) == []


# --- DynamoDB and SQS ----------------------------------------------------------------------------------------------


def test_a_transaction_that_fails_swaps_whole_tables() -> None:
    client("dynamodb").create_table(
        TableName="t", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )  # fmt: skip
    tables = dynamodb_backends[DEFAULT_ACCOUNT_ID][REGION].tables
    before = tables["t"]
    put = {"TableName": "t", "Item": {"id": {"S": "1"}}}
    refused = {"TableName": "t", "Key": {"id": {"S": "2"}}, "ConditionExpression": "attribute_exists(id)"}
    with pytest.raises(Exception, match="ConditionalCheckFailed"):
        client("dynamodb").transact_write_items(TransactItems=[{"Put": put}, {"ConditionCheck": refused}])
    assert tables["t"] is not before
    # Whoever reads the stream of the table has seen a record of what never happened.
    assert [record.record["eventName"] for record in before.stream_shard.items] == ["INSERT"]


def test_a_query_reads_the_whole_table(monkeypatch: pytest.MonkeyPatch) -> None:
    client("dynamodb").create_table(
        TableName="t", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )  # fmt: skip
    for number in range(3):
        client("dynamodb").put_item(TableName="t", Item={"id": {"S": str(number)}})
    read: list[Any] = []
    original = Table.all_items
    monkeypatch.setattr(Table, "all_items", lambda self: (read.append(item) or item for item in original(self)))
    found = client("dynamodb").query(
        TableName="t", KeyConditionExpression="id = :id", ExpressionAttributeValues={":id": {"S": "1"}}
    )
    assert (found["Count"], len(read)) == (1, 3)


def test_a_message_that_arrives_while_another_is_deleted_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    url = queue()
    sqs = client("sqs")
    sqs.send_message(QueueUrl=url, MessageBody="1")
    handle = sqs.receive_message(QueueUrl=url)["Messages"][0]["ReceiptHandle"]
    original = Queue.__setattr__

    def while_deleting(self: Queue, name: str, value: Any) -> None:
        if name == "_messages":
            other = threading.Thread(target=lambda: client("sqs").send_message(QueueUrl=url, MessageBody="2"))
            other.start()
            other.join(2)
        original(self, name, value)

    with monkeypatch.context() as patched:
        patched.setattr(Queue, "__setattr__", while_deleting)
        sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)
    assert sqs_backends[DEFAULT_ACCOUNT_ID][REGION].queues["queue"]._messages == []


# --- EventBridge, S3, SNS, KMS and CloudFormation ------------------------------------------------------------------


def test_a_rule_does_not_reach_a_function() -> None:
    rule({"source": ["shop"]}, f"arn:aws:lambda:{REGION}:{DEFAULT_ACCOUNT_ID}:function:step")
    with pytest.raises(NotImplementedError):
        client("events").put_events(Entries=[{"Source": "shop", "DetailType": "d", "Detail": "{}"}])


def test_an_event_of_any_size_is_taken() -> None:
    detail = json.dumps({"padding": "x" * 2_000_000})
    assert (
        client("events").put_events(Entries=[{"Source": "s", "DetailType": "d", "Detail": detail}])["FailedEntryCount"]
        == 0
    )


def test_a_list_of_some_versions_copies_them_all(monkeypatch: pytest.MonkeyPatch) -> None:
    s3 = client("s3")
    s3.create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_versioning(Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})
    for number in range(3):
        s3.put_object(Bucket="bucket", Key=f"{number}/key", Body=b"")
    copied: list[str] = []
    original = copy.deepcopy

    def spy(value: Any, memo: Any = None) -> Any:
        copied.extend(version.name for version in value) if isinstance(value, list) else None
        return original(value, memo)

    monkeypatch.setattr(copy, "deepcopy", spy)
    assert len(s3.list_object_versions(Bucket="bucket", Prefix="1/")["Versions"]) == 1
    assert copied == ["0/key", "1/key", "2/key"]


def test_an_event_of_s3_names_its_fields_otherwise_than_aws() -> None:
    url = queue()
    rule({"source": ["aws.s3"]}, queue_arn(url))
    s3 = client("s3")
    s3.create_bucket(Bucket="b-1", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_notification_configuration(Bucket="b-1", NotificationConfiguration={"EventBridgeConfiguration": {}})
    s3.put_object(Bucket="b-1", Key="k", Body=b"")
    (event,) = received(url)
    assert "eTag" in event["detail"]["object"]
    assert "etag" not in event["detail"]["object"]


def test_nobody_knows_when_a_text_message_was_sent() -> None:
    client("sns").publish(PhoneNumber="+8613800000001", Message="m")
    (message,) = sns_backends[DEFAULT_ACCOUNT_ID][REGION].sms_message_objects.values()
    assert set(vars(message)) == {"message_id", "phone_number", "message"}


def test_a_key_of_cloudformation_is_symmetric_whatever_is_asked() -> None:
    policy = {"Version": "2012-10-17", "Statement": []}
    properties = {"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY", "KeyPolicy": policy}
    key = stack_with({"Type": "AWS::KMS::Key", "Properties": properties})["OutputValue"]
    with pytest.raises(TypeError, match="not dict"):
        client("kms").describe_key(KeyId=key)


def test_a_ref_to_a_bus_is_not_its_name() -> None:
    assert stack_with({"Type": "AWS::Events::EventBus", "Properties": {"Name": "bus"}}).get("OutputValue") != "bus"
