"""Negotiation step: the customer asked for a person; a task makes one call."""

from typing import Any

from accord import clock
from accord.aws.steps import StepInput, case_store, negotiation_step, take_step
from accord.lifecycle import arrange_call

store = case_store()


@negotiation_step(StepInput)
def handler(request: StepInput) -> dict[str, Any]:
    return take_step(store, request, lambda case: arrange_call(case, clock.now()))
