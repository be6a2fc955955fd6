"""The template on the local stack, for tests that execute the state machines with the real handlers."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from accord import clock
from infra.local.application import accord_stack
from infra.local.stack import LocalStack

# People take days. A patient stack gives them all the time that a test may need; on a hasty one nobody answers in time.
PATIENT = {"RemindAfterSeconds": "600", "ReviewWithinSeconds": "600", "StaffWithinSeconds": "600", "RetrySeconds": "1"}
HASTY = {"RemindAfterSeconds": "2", "ReviewWithinSeconds": "1", "StaffWithinSeconds": "1", "RetrySeconds": "1"}


@pytest.fixture(scope="module")
def patient_stack() -> Iterator[LocalStack]:
    with accord_stack("https://plan.bank.example", PATIENT) as stack:
        yield stack


@pytest.fixture(scope="module")
def hasty_stack() -> Iterator[LocalStack]:
    with accord_stack("https://plan.bank.example", HASTY) as stack:
        yield stack


@pytest.fixture(autouse=True)
def business_time() -> Iterator[None]:
    """Scenarios may move the clock; the next one starts where this one did."""
    began = clock.now() - datetime.now(tz=UTC)
    yield
    clock.move(began)
