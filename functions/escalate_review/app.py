"""Negotiation step: nobody decided about the offers in time."""

from typing import Any

from accord import clock
from accord.aws.steps import StepInput, case_store, negotiation_step, take_step
from accord.lifecycle import escalate_review

store = case_store()


@negotiation_step(StepInput)
def handler(request: StepInput) -> dict[str, Any]:
    return take_step(store, request, lambda case: escalate_review(case, clock.now()))
