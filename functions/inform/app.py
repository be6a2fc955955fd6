"""Negotiation step: tell the customer what became of it, through the contact gate."""

from typing import Any

from accord import clock
from accord.aws.steps import StepInput, case_store, negotiation_step
from accord.lifecycle import inform
from accord.policy import load_policy

store = case_store()


@negotiation_step(StepInput)
def handler(request: StepInput) -> dict[str, Any]:
    return store.change(
        request.case_id,
        request.step,
        lambda case: inform(case, store.reach(case.cardholder_id), load_policy(case.jurisdiction), clock.now()),
    )
