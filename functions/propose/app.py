"""Negotiation step: which plans are affordable and within the policy?"""

from typing import Any

from accord import clock
from accord.aws.steps import StepInput, case_store, negotiation_step, take_step
from accord.case import Case, Change
from accord.channels import acknowledged
from accord.messages import OFFERS_STAND
from accord.offers import propose
from accord.policy import load_policy

store = case_store()


@negotiation_step(StepInput)
def handler(request: StepInput) -> dict[str, Any]:
    def decide(case: Case) -> Change:
        policy, now = load_policy(case.jurisdiction), clock.now()
        change = propose(case, policy, now)
        if change.result["outcome"] != "KEPT" or not change.case.asked_again:
            return change  # who told us nothing has nothing to hear
        standing = tuple(offer.offer_id for offer in change.case.offers)
        return acknowledged(change, OFFERS_STAND, store.reach(case.cardholder_id), policy, now, standing)

    return take_step(store, request, decide)
