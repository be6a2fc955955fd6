"""Negotiation step: the case ends, with its reason."""

from typing import Any

from accord.aws.steps import CloseInput, case_store, negotiation_step
from accord.lifecycle import close

store = case_store()


@negotiation_step(CloseInput)
def handler(request: CloseInput) -> dict[str, Any]:
    return store.change(request.case_id, request.step, lambda case: close(case, request.reason))
