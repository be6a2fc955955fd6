"""The chain says that the customer or staff decided: hand the decision to the execution that waits for it."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from accord.aws.steps import case_store
from accord.aws.waits import hand_over_decision

logger = Logger()
processor = BatchProcessor(event_type=EventType.DynamoDBStreams)
store = case_store()
# New figures of billing's lead back to the assessment, whoever is waited for. Who comes by themselves need not be told.
WHO = {
    "CustomerDecided": ("CUSTOMER",),
    "StaffDecided": ("STAFF",),
    "IdentityConfirmed": ("STAFF",),
    "FiguresTold": ("CUSTOMER", "STAFF"),
}


def hand_over(record: DynamoDBRecord) -> None:
    """One decision of the stream. What raises brings the record again, so it is said in the log."""
    item = record.raw_event["dynamodb"]["NewImage"]
    case_id = item["case_id"]["S"]
    try:
        outcomes = [hand_over_decision(store, case_id, who) for who in WHO[item["type"]["S"]]]
    except Exception:
        logger.exception("decision not handed over", case_id=case_id)
        raise
    logger.info("decision handed over", case_id=case_id, outcomes=outcomes)


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    return process_partial_response(event, hand_over, processor, context)
