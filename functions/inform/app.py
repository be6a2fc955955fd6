"""Negotiation step: tell the customer what became of it, through the contact gate."""

from typing import Any

from accord import clock
from accord.aws.steps import StepInput, case_store, negotiation_step, take_step
from accord.case import ENDED, Case, Change
from accord.lifecycle import inform
from accord.opening import with_words
from accord.policy import load_policy

store = case_store()


@negotiation_step(StepInput)
def handler(request: StepInput) -> dict[str, Any]:
    def decide(case: Case) -> Change:
        standing, reach, flags = store.told_about(case)
        has_gone_on = store.cases_of(case.account_id).open_case_id not in (None, case.case_id)
        if case.status in ENDED:  # it hears nothing any more: what billing said since is kept with the account
            case = with_words(case, standing, reach, flags)
        return inform(case, reach, load_policy(case.jurisdiction), clock.now(), has_gone_on=has_gone_on)

    return take_step(store, request, decide)
