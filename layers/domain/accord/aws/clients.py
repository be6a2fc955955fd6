"""One low-level client a service, made on first use, with timeouts that suit a short Lambda step."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from accord.errors import ServiceUnavailableError

# A step lives seconds: give up on a silent service early and let the state machine retry.
_CONFIG = Config(connect_timeout=2, read_timeout=8)

# What passes by itself although its status, 400 most often, does not say so.
_TRANSIENT = frozenset(
    {
        "BandwidthLimitExceeded", "DependencyTimeoutException", "ExecutionLimitExceeded", "InternalError",
        "InternalException", "InternalFailure", "InternalServerError", "KMS.ThrottlingException",
        "KMSInternalException", "KMSThrottling", "KeyUnavailableException", "KmsThrottled", "KmsThrottlingException",
        "LimitExceededException", "OperationAborted", "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException", "ReplicatedWriteConflictException", "RequestLimitExceeded",
        "RequestThrottled", "RequestThrottledException", "RequestTimeout", "RequestTimeoutException",
        "ServiceUnavailable", "ServiceUnavailableException", "SlowDown", "Throttled", "ThrottledException",
        "Throttling", "ThrottlingException", "TooManyRequestsException", "TooManyUpdates",
        "TransactionConflictException", "TransactionInProgressException",
    }
)  # fmt: skip
_TOO_MANY_REQUESTS, _SERVER_ERROR = 429, 500


@lru_cache
def client(service: str, attempts: int = 3) -> Any:
    """The client of an AWS service, one for the life of the process. `attempts=1` for what must not happen twice."""
    make: Any = boto3.client  # its type stubs want each service's name as a literal
    return make(service, config=_CONFIG.merge(Config(retries={"mode": "standard", "total_max_attempts": attempts})))


def error_code(error: ClientError) -> str:
    """The service's own name for what went wrong."""
    return str(error.response.get("Error", {}).get("Code", ""))


def _is_transient(error: ClientError) -> bool:
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
    return error_code(error) in _TRANSIENT or status == _TOO_MANY_REQUESTS or status >= _SERVER_ERROR


@contextmanager
def translated() -> Iterator[None]:
    """Turn throttling and outages into ServiceUnavailableError, which state machines and queues retry by name."""
    try:
        yield
    except ClientError as error:
        if _is_transient(error):
            raise ServiceUnavailableError(error_code(error)) from error
        raise
    except BotoCoreError as error:
        raise ServiceUnavailableError(type(error).__name__) from error
