"""Negotiation step: a step failed for good; the case gets a task, so that a person sets it right."""

from typing import Any

from accord import clock
from accord.aws.steps import StepInput, case_store, negotiation_step
from accord.lifecycle import failure_key, record_failure

store = case_store()


@negotiation_step(StepInput)
def handler(request: StepInput) -> dict[str, Any]:
    key = failure_key(request.execution)
    return store.change(request.case_id, key, lambda case: record_failure(case, request.execution, clock.now()))
