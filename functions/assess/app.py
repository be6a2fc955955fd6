"""Negotiation step: what can the person really pay a month?"""

from typing import Any

from accord import clock
from accord.assessment import assess
from accord.aws.steps import StepInput, case_store, negotiation_step, take_step
from accord.policy import load_policy

store = case_store()


@negotiation_step(StepInput)
def handler(request: StepInput) -> dict[str, Any]:
    return take_step(
        store, request, lambda case: assess(case, load_policy(case.jurisdiction), clock.today(case.time_zone))
    )
