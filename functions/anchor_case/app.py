"""What somebody may later dispute is anchored: where the case's chain ended is signed and kept out of reach."""

import json
import os

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from accord import clock
from accord.anchors import announced_end
from accord.aws.anchors import Anchors

logger = Logger()
processor = BatchProcessor(event_type=EventType.SQS)
anchors = Anchors(os.environ["ANCHORS_BUCKET"], os.environ["ANCHOR_KEY_ARN"])


def anchor(record: SQSRecord) -> None:
    """One event of the bus. What raises brings it again; its last try leaves it in the dead letters, which alarm."""
    try:
        end = announced_end(json.loads(record.body)["detail"])
        is_new = anchors.anchor(end, clock.now())
    except Exception:
        logger.exception("chain not anchored", message_id=record.message_id)
        raise
    logger.info("chain anchored", case_id=end.case, count=end.count, is_new=is_new)


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, object], context: LambdaContext) -> PartialItemFailureResponse:
    return process_partial_response(event, anchor, processor, context)
