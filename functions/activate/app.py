"""Negotiation step: the plan begins, unless the account's standing has come to forbid it."""

from typing import Any

from accord import clock
from accord.aws.signed import signature_of
from accord.aws.steps import StepInput, case_store, negotiation_step, take_step
from accord.case import Case, Change
from accord.lifecycle import activate
from accord.policy import load_policy

store = case_store()


@negotiation_step(StepInput)
def handler(request: StepInput) -> dict[str, Any]:
    def begin(case: Case) -> Change:
        signature_of(store, case)  # billing is told what was signed and nothing else
        return activate(case, load_policy(case.jurisdiction), clock.now())

    return take_step(store, request, begin)
