"""Negotiation step: which plans are affordable and within the policy?"""

from typing import Any

from accord import clock
from accord.aws.steps import StepInput, case_store, negotiation_step, take_step
from accord.offers import propose
from accord.policy import load_policy

store = case_store()


@negotiation_step(StepInput)
def handler(request: StepInput) -> dict[str, Any]:
    return take_step(store, request, lambda case: propose(case, load_policy(case.jurisdiction), clock.now()))
