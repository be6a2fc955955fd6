"""An execution waits for the customer or for staff: keep its token, and hand over at once what is decided already."""

from typing import Any

from accord.aws.steps import WaitInput, case_store, check_in_hand, negotiation_step
from accord.aws.waits import hand_over_decision

store = case_store()


@negotiation_step(WaitInput)
def handler(request: WaitInput) -> dict[str, Any]:
    check_in_hand(store.get(request.case_id), request.execution)
    whose = ("CUSTOMER", "STAFF") if request.waits_for == "ANYBODY" else (request.waits_for,)
    for who in whose:
        store.hold_token(request.case_id, who, request.task_token)
    # A decision made before the token was kept found nobody waiting; one made after it finds this token.
    return {"outcomes": [hand_over_decision(store, request.case_id, who) for who in whose]}
