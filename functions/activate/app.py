"""Negotiation step: the plan begins."""

from typing import Any

from accord.aws.steps import StepInput, case_store, negotiation_step
from accord.lifecycle import activate

store = case_store()


@negotiation_step(StepInput)
def handler(request: StepInput) -> dict[str, Any]:
    return store.change(
        request.case_id,
        request.step,
        lambda case: activate(case),
    )
