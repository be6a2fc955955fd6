"""What passes by itself is tried again: every error of AWS that says so, for every call that a function may make."""

import re
from collections.abc import Iterator

import botocore.session
import pytest
from botocore.exceptions import ClientError
from botocore.loaders import Loader
from botocore.retries import standard
from contract.definitions import TEMPLATE

from accord.aws.clients import translated
from accord.errors import ServiceUnavailableError

CLIENTS = {"states": "stepfunctions", "ses": "sesv2"}
PASSES = re.compile(
    r"throttl|internal|unavailable|timeout|TooManyRequests|TooManyUpdates|RequestLimit|InProgress|WriteConflict"
    r"|TransactionConflict|ExecutionLimit",
    re.I,
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


def tried_again_by_botocore() -> Iterator[str]:
    """The codes that botocore itself tries again: those of any service, and those of the services that are called."""
    yield from standard.ThrottledRetryableChecker._THROTTLED_ERROR_CODES
    yield from standard.TransientRetryableChecker._TRANSIENT_ERROR_CODES
    rules = Loader().load_data("_retry")
    for service in {service for service, _ in calls()}:
        for policy in rules["retry"].get(service, {}).get("__default__", {}).get("policies", {}).values():
            code = policy["applies_when"]["response"].get("service_error_code")
            if code and code != "BadDigest":  # a body that was damaged on the way; botocore sends it again
                yield code


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


# Of services that no function calls: machines, and signing in by another provider.
NOT_CALLED = {"EC2ThrottledException", "IDPCommunicationError"}


@pytest.mark.parametrize("code", sorted({*tried_again_by_botocore()} - NOT_CALLED))
def test_so_is_what_botocore_itself_tries_again(code: str) -> None:
    with pytest.raises(ServiceUnavailableError), translated():
        raise raised(code, 400)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("TooManyUpdates", 400),  # SSM's for a parameter that is being written
        ("OperationAborted", 409),  # S3's for a write beside another one
        ("KMS.ThrottlingException", 400),  # of a key behind a queue or a bucket
        ("Whatever", 429),
        ("Whatever", 502),
    ],
)
def test_so_is_what_no_model_lists(code: str, status: int) -> None:
    with pytest.raises(ServiceUnavailableError), translated():
        raise raised(code, status)


@pytest.mark.parametrize("code", ["AccessDenied", "ValidationException", "ConditionalCheckFailedException"])
def test_what_trying_again_does_not_mend_stays_as_it_is(code: str) -> None:
    with pytest.raises(ClientError), translated():
        raise raised(code, 400)
