"""Every few minutes: decisions that no execution has taken up are handed over again, so that none is ever lost."""

from datetime import timedelta
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from accord import clock
from accord.aws.steps import case_store
from accord.aws.waits import hand_over_decision
from accord.errors import CaseDamagedError

logger = Logger()
store = case_store()
# The stream takes a second; what is older than this was lost on the way.
LOST_AFTER = timedelta(minutes=2)


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    outcomes: dict[str, int] = {}
    damage = None
    for who in ("CUSTOMER", "STAFF"):
        for case_id in store.undelivered_decisions(who, clock.now() - LOST_AFTER):
            try:
                outcome = hand_over_decision(store, case_id, who)
            except CaseDamagedError as error:  # it holds back no decision of another case
                logger.exception("decision not handed over", case_id=case_id)
                damage = error
                continue
            logger.warning("decision handed over again", case_id=case_id, outcome=outcome)
            outcomes[outcome] = outcomes.get(outcome, 0) + 1
    if damage is not None:
        raise damage  # a failure of the schedule is kept, and an alarm tells of it
    return outcomes
