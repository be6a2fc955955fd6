"""Hears what customers answer to text messages, as End User Messaging tells it: a stop closes the channel at once."""

import json
import os
from datetime import datetime
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit, single_metric
from aws_lambda_powertools.utilities.typing import LambdaContext

from accord.aws.replies import Replies
from accord.aws.steps import case_store, people_store

logger = Logger()
replies = Replies(case_store(), people_store(), os.environ["INTAKE_QUEUE_URL"])


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> None:
    """One answer an event. What raises brings it again, and at last leaves it with the events that did not arrive."""
    for record in event["Records"]:
        told = json.loads(record["Sns"]["Message"])
        at = datetime.fromisoformat(record["Sns"]["Timestamp"])
        count = replies.hear(told["inboundMessageId"], told["originationNumber"], told["messageBody"], at)
        logger.info("answer heard", reply_id=told["inboundMessageId"], heard_for=count)
        if count == 0:  # a number of no customer's, or nothing was written to it
            with single_metric(name="ReplyUnmatched", unit=MetricUnit.Count, value=1):
                logger.warning("answer of nobody who was written to", reply_id=told["inboundMessageId"])
