"""Reads template.yaml as AWS would and makes of it what moto's CloudFormation can create.

The AWS SAM translator turns the template into plain CloudFormation. What moto cannot create is left out, as little as
possible, and each with its reason. The properties of what is left out are handed to CloudFormation as an output, so
that it resolves every Ref, GetAtt and Sub in them; the local stack then does the work of those resources itself.
"""

import copy
import json
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import yaml
from moto.cloudformation.parsing import get_model_map
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

logging.getLogger("samtranslator").setLevel(logging.ERROR)  # it warns of metrics that it would send nowhere

# The code that S3 would hold; the functions run from their folders, so an empty archive under each key will do.
CODE_BUCKET = "accord-local-code"

# The output in which CloudFormation hands back resolved properties.
RESOLVED = "LocallyResolvedProperties"

# The properties that the local stack reads, with every intrinsic resolved; all of them where no fields are named.
_READ_HERE: dict[str, frozenset[str]] = {
    "AWS::Lambda::Function": frozenset({"Handler", "Environment", "Timeout", "MemorySize", "LoggingConfig"}),
    "AWS::Lambda::EventSourceMapping": frozenset(),
    "AWS::Lambda::EventInvokeConfig": frozenset(),
    "AWS::StepFunctions::StateMachine": frozenset(
        {"DefinitionS3Location", "DefinitionSubstitutions", "RoleArn", "StateMachineType"}
    ),
    "AWS::ApiGateway::Stage": frozenset({"StageName"}),
    "AWS::S3::Bucket": frozenset(
        {"NotificationConfiguration", "VersioningConfiguration", "ObjectLockEnabled", "ObjectLockConfiguration"}
    ),
    "AWS::Events::Rule": frozenset({"ScheduleExpression", "State", "Targets"}),
    "AWS::Scheduler::Schedule": frozenset(),
}

# Known to moto's CloudFormation, but left out all the same. What it does not know at all is left out anyway.
_DONE_HERE = {
    "AWS::Lambda::EventSourceMapping": "moto would invoke within the write, without partial failure or retries",
    "AWS::ApiGateway::Deployment": "the gateway serves the routes as they stand in the template",
    "AWS::ApiGateway::Stage": "the gateway serves the routes as they stand in the template",
    "AWS::Lambda::Permission": "nobody is refused here",
}

# Where packaged code is named, by the type of the resource.
_CODE_FIELDS = {
    "AWS::Serverless::Function": "CodeUri",
    "AWS::Serverless::LayerVersion": "ContentUri",
    "AWS::Serverless::StateMachine": "DefinitionUri",
}


class TemplateError(Exception):
    """The template cannot be run here, and why."""


@dataclass(frozen=True)
class Route:
    """One Api event of a function."""

    function: str  # logical id
    path: str
    method: str  # upper case; ANY for all
    iam: bool  # signed with AWS credentials


@dataclass(frozen=True)
class LocalTemplate:
    """A template, ready for moto."""

    folder: Path
    source: Mapping[str, Any]  # as written, with intrinsics in their long form
    translated: Mapping[str, Any]  # plain CloudFormation, complete
    body: Mapping[str, Any]  # what moto is asked to create
    left_out: Mapping[str, str]  # logical id → why moto does not create it

    def resources(self, kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Logical id and properties of each resource of a CloudFormation type, after translation."""
        for logical_id, resource in self.translated["Resources"].items():
            if resource["Type"] == kind:
                yield logical_id, resource.get("Properties", {})

    def code_keys(self) -> set[str]:
        """Every key in the code bucket that the template names."""
        return {folder for kind, field in _CODE_FIELDS.items() for folder in self._paths(kind, field)}

    def _paths(self, kind: str, field: str) -> Iterator[str]:
        for resource in self.source["Resources"].values():
            if resource["Type"] == kind:
                yield resource["Properties"][field]["Key"]

    def layers_of(self, function: Mapping[str, Any]) -> tuple[Path, ...]:
        """The folders of the layers that a function names, without repetition."""
        keys = [
            self.translated["Resources"][layer["Ref"]]["Properties"]["Content"]["S3Key"]
            for layer in function.get("Layers", [])
        ]
        return tuple(self.folder / key for key in dict.fromkeys(keys))

    def binary_bodies(self) -> bool:
        """Whether the REST API passes every body on as base64, because it counts all types as binary."""
        return "*/*" in self._rest_api().get("x-amazon-apigateway-binary-media-types", [])

    def gateway_responses(self) -> Mapping[str, Mapping[str, Any]]:
        """What the REST API itself answers, by the type of answer, where the template says so."""
        responses: Mapping[str, Mapping[str, Any]] = self._rest_api().get("x-amazon-apigateway-gateway-responses", {})
        return responses

    def _rest_api(self) -> Mapping[str, Any]:
        """The OpenAPI document that SAM makes of the REST API; empty without one."""
        bodies = [properties.get("Body", {}) for _, properties in self.resources("AWS::ApiGateway::RestApi")]
        return bodies[0] if bodies else {}

    def routes(self) -> list[Route]:
        """Every route of the REST API."""
        routes = []
        for logical_id, resource in self.source["Resources"].items():
            for event in resource.get("Properties", {}).get("Events", {}).values():
                if event["Type"] == "Api":
                    properties = event["Properties"]
                    authorizer = properties.get("Auth", {}).get("Authorizer")
                    routes.append(
                        Route(logical_id, properties["Path"], properties["Method"].upper(), authorizer == "AWS_IAM")
                    )
        return routes


def read_template(path: Path, region: str, parameters: Mapping[str, str]) -> LocalTemplate:
    """Read and translate a SAM template. Raises TemplateError with the reason when it cannot be."""
    source = yaml_parse(path.read_text(encoding="utf-8"))
    for logical_id, resource in source["Resources"].items():
        field = _CODE_FIELDS.get(resource["Type"])
        if field is None:
            continue
        folder = resource["Properties"].get(field, source.get("Globals", {}).get("Function", {}).get(field))
        if not isinstance(folder, str) or not (path.parent / folder).exists():
            raise TemplateError(f"{logical_id}: {field} names {folder!r}, which is not there")
        resource["Properties"][field] = {"Bucket": CODE_BUCKET, "Key": folder.strip("/").removeprefix("./")}
    try:
        translated = Translator({}, Parser(), boto_session=boto3.Session(region_name=region)).translate(
            copy.deepcopy(source), dict(parameters)
        )
    except Exception as error:
        causes = getattr(error, "causes", None) or [error]
        raise TemplateError("; ".join(str(getattr(cause, "message", cause)) for cause in causes)) from error
    known = get_model_map()
    left_out = {}
    for logical_id, resource in translated["Resources"].items():
        kind = resource["Type"]
        if kind in _DONE_HERE:
            left_out[logical_id] = f"{kind}: {_DONE_HERE[kind]}"
        elif kind not in known:
            left_out[logical_id] = f"{kind}: moto's CloudFormation does not know it"
    return LocalTemplate(path.parent, source, translated, _creatable(translated, left_out), left_out)


def _creatable(translated: Mapping[str, Any], left_out: Mapping[str, str]) -> dict[str, Any]:
    body: dict[str, Any] = copy.deepcopy(dict(translated))
    read_here = {
        logical_id: {
            name: value
            for name, value in resource.get("Properties", {}).items()
            if name in (_READ_HERE[resource["Type"]] or {name})
        }
        for logical_id, resource in body["Resources"].items()
        if resource["Type"] in _READ_HERE
    }
    body["Resources"] = {key: resource for key, resource in body["Resources"].items() if key not in left_out}
    for resource in body["Resources"].values():
        if "DependsOn" in resource:
            needed = resource["DependsOn"]
            resource["DependsOn"] = [
                key for key in ([needed] if isinstance(needed, str) else needed) if key not in left_out
            ]
        if resource["Type"] == "AWS::ApiGateway::RestApi":  # moto cannot read the body that SAM generates
            resource["Properties"] = {"Name": "local"}
    outputs = {
        key: output
        for key, output in body.get("Outputs", {}).items()
        if not any(name in left_out for name in _references(output))
    }
    body["Outputs"] = {**outputs, RESOLVED: {"Value": {"Fn::ToJsonString": read_here}}}
    return body


def _references(node: Any) -> Iterator[str]:
    """The logical ids that a piece of a template refers to."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "Ref":
                yield value
            elif key == "Fn::GetAtt":
                yield value[0] if isinstance(value, list) else value.split(".")[0]
            elif key == "Fn::Sub":
                text = value[0] if isinstance(value, list) else value
                yield from re.findall(r"\$\{([A-Za-z0-9]+)", text)
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def definition(text: str, substitutions: Mapping[str, Any]) -> str:
    """A state machine's definition as JSON, after DefinitionSubstitutions, which CloudFormation makes in the text.

    Raises TemplateError when a substitution is missing.
    """
    for name, value in substitutions.items():
        text = text.replace(f"${{{name}}}", str(value))
    missing = sorted(set(re.findall(r"\$\{(\w+)\}", text)))
    if missing:
        raise TemplateError(f"DefinitionSubstitutions lack {', '.join(missing)}")
    return json.dumps(yaml.safe_load(text))
