"""What every step of a state machine shares: its input, the log context, and the stores that its settings name."""

import os
from collections.abc import Callable
from functools import wraps
from typing import Any, Literal, TypeVar

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, ConfigDict, Field

from accord.aws.people import PeopleStore
from accord.aws.store import CaseStore
from accord.case import Case, Change, ClosedReason
from accord.errors import OvertakenError


class StepInput(BaseModel):
    """What a state passes to its Lambda. `step` names this one entry of the state: a retry carries the same."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    case_id: str = Field(min_length=1, max_length=64)
    step: str = Field(min_length=1, max_length=300)

    @property
    def execution(self) -> str:
        """The name of the execution, with which `step` begins."""
        return self.step.partition("/")[0]


class WaitInput(StepInput):
    """What a state passes that waits for the decision of the CUSTOMER, of STAFF, or of ANYBODY."""

    task_token: str = Field(min_length=1, max_length=2048)
    waits_for: Literal["CUSTOMER", "STAFF", "ANYBODY"]


class CloseInput(StepInput):
    """What a state passes that closes the case."""

    reason: ClosedReason


Input = TypeVar("Input", bound=StepInput)


def case_store() -> CaseStore:
    """The case store of this function's settings. A missing setting fails when the function starts."""
    return CaseStore(os.environ["CASES_TABLE"], os.environ["EVENTS_TABLE"])


def people_store() -> PeopleStore:
    """The people store of this function's settings."""
    return PeopleStore(os.environ["PEOPLE_TABLE"])


def take_step(store: CaseStore, request: StepInput, decide: Callable[[Case], Change]) -> dict[str, Any]:
    """Change the case in this step's name, once. Raises OvertakenError where another execution has the case by now."""

    def in_hand(case: Case) -> Change:
        check_in_hand(case, request.execution)
        return decide(case)

    return store.change(request.case_id, request.step, in_hand)


def check_in_hand(case: Case, execution: str) -> None:
    """An execution that was overtaken (started again beside it, or redriven after that) touches nothing any more.

    Raises OvertakenError, which ends it: the case goes on in the hands of the other one.
    """
    if execution in case.executions_before:
        raise OvertakenError(f"{execution}: {case.execution} has the case")


Handler = Callable[[dict[str, Any], LambdaContext], dict[str, Any]]


def negotiation_step(takes: type[Input]) -> Callable[[Callable[[Input], dict[str, Any]]], Handler]:
    """Make a Lambda handler of a step: parse the input, log with the case id, return plain JSON."""
    logger = Logger()

    def of(work: Callable[[Input], dict[str, Any]]) -> Handler:
        @wraps(work)
        @logger.inject_lambda_context(clear_state=True)
        def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
            request = takes.model_validate(event)
            logger.append_keys(case_id=request.case_id, step=request.step)
            result = work(request)
            logger.info("step done", outcome=result.get("outcome"))
            return result

        return handler

    return of
