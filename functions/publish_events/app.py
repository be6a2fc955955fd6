"""The chain's published events go on the bus, in order, as the bank's other systems know them.

The chain only grows. An item of it that was changed or removed, or is no event, is a breach: it is published to
nobody and raises an alarm.
"""

import os
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit, single_metric
from aws_lambda_powertools.utilities.typing import LambdaContext

from accord.aws.bus import BusEntry, put_events
from accord.aws.store import chained_event
from accord.errors import ChainBrokenError
from accord.events import ChainedEvent, announcement

logger = Logger()
bus = os.environ["EVENT_BUS_NAME"]


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, list[Any]]:
    """A batch that fails is tried again from its first record: every event carries an `eventId` for its receivers."""
    entries = []
    for record in event["Records"]:
        try:
            chained = added_event(record)
        except ChainBrokenError as error:
            keys = record["dynamodb"]["Keys"]
            with single_metric(name="ChainAltered", unit=MetricUnit.Count, value=1):
                logger.error(
                    "the chain was altered", case_id=keys["case_id"]["S"], seq=keys["seq"]["N"], why=str(error)
                )
            continue
        detail = announcement(chained)
        if detail is not None:
            entries.append(BusEntry(source="accord", detail_type=chained.type, detail=detail))
    put_events(bus, entries)
    logger.info("events published", count=len(entries))
    return {"batchItemFailures": []}


def added_event(record: dict[str, Any]) -> ChainedEvent:
    """The event that a record adds to the chain. Raises ChainBrokenError for any other change, and for no event."""
    if record["eventName"] != "INSERT":
        raise ChainBrokenError("an event was changed or removed")
    return chained_event(record["dynamodb"]["NewImage"])
