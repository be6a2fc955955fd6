"""Two stages live in one account: nothing that one of them names is the other's too."""

from collections.abc import Iterator
from typing import Any

import pytest
from contract.definitions import ROOT
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

# What a resource is called in the account, by its type. A type without an entry gets a name from CloudFormation.
NAMED_BY = {
    "AWS::ApiGateway::RestApi": "Name",
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::Events::EventBus": "Name",
    "AWS::Events::Rule": "Name",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::Role": "RoleName",
    "AWS::KMS::Alias": "AliasName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Lambda::LayerVersion": "LayerName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::SSM::Parameter": "Name",
    "AWS::Scheduler::Schedule": "Name",
    "AWS::StepFunctions::StateMachine": "StateMachineName",
}
# What has no name of its own, or only one within what it belongs to.
NAMELESS = {
    "AWS::ApiGateway::Account", "AWS::ApiGateway::Deployment", "AWS::ApiGateway::Stage", "AWS::KMS::Key",
    "AWS::Lambda::EventInvokeConfig", "AWS::Lambda::EventSourceMapping", "AWS::Lambda::Permission",
    "AWS::S3::BucketPolicy", "AWS::SNS::Subscription", "AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy",
}  # fmt: skip


def translated(stage: str) -> dict[str, Any]:
    """The template as CloudFormation gets it for a stage."""
    template = yaml_parse((ROOT / "template.yaml").read_text(encoding="utf-8"))
    for properties in (body["Properties"] for body in template["Resources"].values() if "Properties" in body):
        for key in ("CodeUri", "ContentUri", "DefinitionUri"):
            if key in properties:
                properties[key] = "s3://artifacts/built"

    class NoPolicies:
        def load(self) -> dict[str, str]:
            return {}

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_DEFAULT_REGION", "ap-southeast-1")
        made = transform(template, {"AWS::Region": "ap-southeast-1", "Stage": stage}, NoPolicies())
    return {part: in_stage(made[part], stage) for part in ("Resources", "Outputs")}


@pytest.fixture(scope="module")
def beta() -> dict[str, Any]:
    return translated("beta")


@pytest.fixture(scope="module")
def prod() -> dict[str, Any]:
    return translated("prod")


def of_kind(template: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    return {name: body["Properties"] for name, body in template["Resources"].items() if body["Type"] == kind}


def in_stage(value: Any, stage: str) -> Any:
    """A value with the stage put in; what CloudFormation makes for a stack of its own stays as it is written."""
    if isinstance(value, dict):
        if value == {"Ref": "Stage"}:
            return stage
        if isinstance(value.get("Fn::Sub"), str):
            return value["Fn::Sub"].replace("${Stage}", stage)
        return {key: in_stage(inner, stage) for key, inner in value.items()}
    return [in_stage(inner, stage) for inner in value] if isinstance(value, list) else value


def names(template: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Type and name of all that the template itself names."""
    for logical_id, body in template["Resources"].items():
        kind = body["Type"]
        assert kind in NAMED_BY or kind in NAMELESS, f"{logical_id}: say whether {kind} has a name in the account"
        name = body.get("Properties", {}).get(NAMED_BY.get(kind, ""))
        if name is not None:
            yield kind, str(name)
    for output in template["Outputs"].values():
        if "Export" in output:
            yield "export", str(output["Export"]["Name"])


def test_no_name_of_one_stage_is_a_name_of_the_other(beta: dict[str, Any], prod: dict[str, Any]) -> None:
    named = list(names(beta))
    assert set(named).isdisjoint(names(prod))
    assert len(named) == len(set(named)), "nor has one stage a name twice"
    assert {kind for kind, _ in named} >= {"AWS::Events::EventBus", "AWS::Logs::LogGroup", "AWS::Scheduler::Schedule"}


def test_an_alarm_hears_the_metrics_of_its_own_stage_alone(beta: dict[str, Any], prod: dict[str, Any]) -> None:
    others = of_kind(prod, "AWS::CloudWatch::Alarm")
    for name, alarm in of_kind(beta, "AWS::CloudWatch::Alarm").items():
        # What CloudFormation names is another thing in another stack.
        of_the_stack = any(isinstance(dimension["Value"], dict) for dimension in alarm["Dimensions"])
        heard = [(each["Namespace"], each["Dimensions"]) for each in (alarm, others[name])]
        assert of_the_stack or heard[0] != heard[1], name
        if not alarm["Namespace"].startswith("AWS/"):
            functions = of_kind(beta, "AWS::Lambda::Function").values()
            written = {given["Environment"]["Variables"]["POWERTOOLS_METRICS_NAMESPACE"] for given in functions}
            assert written == {alarm["Namespace"]}


def test_a_rule_on_the_bus_of_the_account_hears_its_own_stage_alone(beta: dict[str, Any]) -> None:
    shared = [rule for rule in of_kind(beta, "AWS::Events::Rule").values() if "EventBusName" not in rule]
    assert {rule["EventPattern"]["source"][0] for rule in shared} == {
        "aws.s3",
        "aws.states",
        "aws.ses",
        "aws.sms-voice",
    }
    for rule in shared:
        detail = str(rule["EventPattern"]["detail"])
        assert "'Ref'" in detail or "beta" in detail, "by a resource or a setting of its own stack, or by its stage"


def test_each_stage_looks_for_the_certificate_of_its_own_key(beta: dict[str, Any], prod: dict[str, Any]) -> None:
    for name, resources in (("beta", beta), ("prod", prod)):
        seal = of_kind(resources, "AWS::Lambda::Function")["SealFunction"]
        condition, _, otherwise = seal["Environment"]["Variables"]["SEAL_CERTIFICATE_PARAMETER"]["Fn::If"]
        assert (condition, otherwise) == ("SealCertificateIsNamed", f"/accord/{name}/seal-certificate")
