"""Negotiation step: the case ends, with its reason."""

from typing import Any

from accord.aws.steps import CloseInput, case_store, negotiation_step, take_step
from accord.lifecycle import close

store = case_store()


@negotiation_step(CloseInput)
def handler(request: CloseInput) -> dict[str, Any]:
    return take_step(store, request, lambda case: close(case, request.reason))
