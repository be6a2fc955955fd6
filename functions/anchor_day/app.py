"""Each night: one signed root over the ends of all chains that grew since the night before."""

import os
from datetime import timedelta
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from accord import clock
from accord.aws.anchors import LOOK_BACK, Anchors
from accord.aws.steps import case_store

logger = Logger()
store = case_store()
anchors = Anchors(os.environ["ANCHORS_BUCKET"], os.environ["ANCHOR_KEY_ARN"])


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Runs after midnight (UTC), for the day that is over. What changed since midnight is under that root too."""
    today = clock.now().date()
    day = today - timedelta(days=1)
    first = anchors.last_day_before(day) or day - LOOK_BACK
    # The night's run before this one saw a part of its own day.
    days = [first + timedelta(days=number) for number in range(1, (today - first).days + 1)]
    ends = store.chains_that_grew(days)
    is_new = anchors.anchor_day(day, ends, clock.now())
    logger.info("day anchored", day=str(day), chains=len(ends), is_new=is_new)
    return {"day": str(day), "chains": len(ends)}
