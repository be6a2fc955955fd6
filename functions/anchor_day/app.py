"""Each night: one signed root over the ends of all chains that grew since the night before."""

import os
from collections.abc import Iterable
from datetime import date, timedelta
from functools import partial
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit, single_metric
from aws_lambda_powertools.utilities.typing import LambdaContext

from accord import clock
from accord.aws.anchors import LOOK_BACK, Anchors
from accord.aws.steps import case_store
from accord.errors import AnchorDamagedError, TimeStampError

logger = Logger()
TIME_STAMP_URL = os.environ["TIME_STAMP_URL"]
store = case_store()
anchors = Anchors(os.environ["ANCHORS_BUCKET"], os.environ["ANCHOR_KEY_ARN"])


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Runs after midnight (UTC), for the day that is over. What changed since midnight is under that root too."""
    today = clock.now().date()
    day = today - timedelta(days=1)
    nights = anchors.days()
    last = max((night for night in nights if night < day), default=None)
    first = last or day - LOOK_BACK
    # The night's run before this one saw a part of its own day.
    days = [first + timedelta(days=number) for number in range(1, (today - first).days + 1)]
    ends = store.chains_that_grew(days)
    is_new = anchors.anchor_day(day, ends, clock.now(), last)
    logger.info("day anchored", day=str(day), chains=len(ends), is_new=is_new)
    if TIME_STAMP_URL:
        stamp_nights(night for night in sorted({*nights, day}) if night >= today - LOOK_BACK)
    return {"day": str(day), "chains": len(ends)}


def stamp_nights(nights: Iterable[date]) -> None:
    """Have an outside authority say when each root was there; a night that it did not answer for is asked for again.

    What is wrong with one night is reported, and the others have their turn.
    """
    from accord_documents.time_stamps import time_stamp  # only now: what cannot be imported stops no root

    for night in nights:
        try:
            anchors.stamp_day(night, partial(time_stamp, url=TIME_STAMP_URL))
        except (TimeStampError, AnchorDamagedError) as error:
            with single_metric(name="TimeStampFailed", unit=MetricUnit.Count, value=1):
                logger.warning("no time-stamp", day=str(night), why=type(error).__name__, error=str(error))
