"""Negotiation step: who is the cardholder to us now, and is there a reason not to negotiate?"""

from typing import Any

from accord import clock
from accord.aws.steps import StepInput, case_store, negotiation_step, take_step
from accord.case import Case, Change
from accord.identification import identify
from accord.opening import with_words
from accord.policy import load_policy

store = case_store()


@negotiation_step(StepInput)
def handler(request: StepInput) -> dict[str, Any]:
    def decide(case: Case) -> Change:
        known = with_words(case.taken_up(request.execution), *store.told_about(case))
        return identify(known, load_policy(case.jurisdiction), clock.now())

    return take_step(store, request, decide)
