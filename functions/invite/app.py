"""Negotiation step: ask the contact gate, then request the contact that brings the personal link."""

from typing import Any

from accord import clock
from accord.aws.steps import StepInput, case_store, negotiation_step, take_step
from accord.case import Case, Change
from accord.lifecycle import invite
from accord.policy import load_policy

store = case_store()


@negotiation_step(StepInput)
def handler(request: StepInput) -> dict[str, Any]:
    def decide(case: Case) -> Change:
        return invite(case, store.reach(case.cardholder_id), load_policy(case.jurisdiction), clock.now())

    return take_step(store, request, decide)
