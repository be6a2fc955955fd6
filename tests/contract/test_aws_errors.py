"""What passes by itself is tried again: every error of AWS that says so, for every call that a function may make."""

import re
from collections.abc import Iterator

import botocore.session
import pytest
from botocore.exceptions import ClientError
from contract.definitions import TEMPLATE

from accord.aws.clients import translated
from accord.errors import ServiceUnavailableError

CLIENTS = {"states": "stepfunctions", "ses": "sesv2"}
PASSES = re.compile(
    r"throttl|internal|unavailable|timeout|TooManyRequests|TooManyUpdates|RequestLimit|InProgress", re.I
)


def calls() -> set[tuple[str, str]]:
    """Service and operation of every action in the template's policies that boto3 has a call of the same name for."""
    session = botocore.session.get_session()
    found = set()
    for service, operation in set(re.findall(r"'(\w+):([A-Z]\w+)'", str(TEMPLATE["Resources"]))):
        name = CLIENTS.get(service, service)
        if name in session.get_available_services() and operation in session.get_service_model(name).operation_names:
            found.add((name, operation))
    return found


def errors() -> Iterator[tuple[str, str, int]]:
    session = botocore.session.get_session()
    for service, operation in sorted(calls()):
        for shape in session.get_service_model(service).operation_model(operation).error_shapes:
            told = shape.metadata.get("error", {})
            code = told.get("code", shape.name)
            if PASSES.search(shape.name) or shape.metadata.get("retryable"):
                yield service, code, told.get("httpStatusCode", 400)


def raised(code: str, status: int) -> ClientError:
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "Call")


def test_the_calls_of_the_template_are_known() -> None:
    assert {
        ("dynamodb", "PutItem"),
        ("kms", "Sign"),
        ("ssm", "GetParameter"),
        ("stepfunctions", "StartExecution"),
    } <= calls()


@pytest.mark.parametrize(("service", "code", "status"), sorted(set(errors())))
def test_an_error_that_passes_is_told_as_such(service: str, code: str, status: int) -> None:
    with pytest.raises(ServiceUnavailableError), translated():
        raise raised(code, status)


@pytest.mark.parametrize(("code", "status"), [("TooManyUpdates", 400), ("Whatever", 429), ("Whatever", 502)])
def test_so_is_what_no_model_lists(code: str, status: int) -> None:
    with pytest.raises(ServiceUnavailableError), translated():
        raise raised(code, status)


@pytest.mark.parametrize("code", ["AccessDenied", "ValidationException", "ConditionalCheckFailedException"])
def test_what_trying_again_does_not_mend_stays_as_it_is(code: str) -> None:
    with pytest.raises(ClientError), translated():
        raise raised(code, 400)
