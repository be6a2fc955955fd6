"""Negotiation step: take up what staff decided about the offers."""

from typing import Any

from accord import clock
from accord.aws.steps import StepInput, case_store, negotiation_step, take_step
from accord.lifecycle import apply_review

store = case_store()


@negotiation_step(StepInput)
def handler(request: StepInput) -> dict[str, Any]:
    return take_step(store, request, lambda case: apply_review(case, clock.now()))
