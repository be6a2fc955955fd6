"""Negotiation step: remind through the contact gate, wait on, or find the offers expired."""

from typing import Any

from accord import clock
from accord.aws.steps import StepInput, case_store, negotiation_step
from accord.lifecycle import remind
from accord.policy import load_policy

store = case_store()


@negotiation_step(StepInput)
def handler(request: StepInput) -> dict[str, Any]:
    return store.change(
        request.case_id,
        request.step,
        lambda case: remind(case, store.reach(case.cardholder_id), load_policy(case.jurisdiction), clock.now()),
    )
