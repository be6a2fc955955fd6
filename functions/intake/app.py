"""Billing's events from the queue: each overdue account becomes one case; what is not right is rejected by name."""

import os
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from accord.aws.intake import Intake
from accord.aws.payments import PaymentBook
from accord.aws.queues import is_last_try
from accord.aws.rejects import Rejects
from accord.aws.steps import case_store, people_store
from accord.errors import InputRejectedError

logger = Logger()
metrics = Metrics()
processor = BatchProcessor(event_type=EventType.SQS)
intake = Intake(case_store(), people_store(), PaymentBook(os.environ["CASES_TABLE"]), os.environ["NEGOTIATION_ARN"])
rejects = Rejects(os.environ["REJECTS_QUEUE_URL"], os.environ["REJECTS_BUCKET"])


def take_in(record: SQSRecord) -> None:
    """One message of the queue. What raises brings it again, so it is said in the log; at last a person is told."""
    try:
        outcome = intake.take(record.body)
    except InputRejectedError as rejection:
        rejects.keep(record.body, rejection)
        outcome = "REJECTED"
        logger.warning("event rejected", problems=rejection.problems, message_id=record.message_id)
    except Exception:
        logger.exception("event not taken", message_id=record.message_id)
        metrics.add_metric(name="IntakeFailed", unit=MetricUnit.Count, value=1)
        if is_last_try(record):
            intake.give_up(record.body)
        raise
    metrics.add_metric(name=f"Intake{outcome.title().replace('_', '')}", unit=MetricUnit.Count, value=1)
    logger.info("event taken", outcome=outcome, message_id=record.message_id)


@metrics.log_metrics
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    return process_partial_response(event, take_in, processor, context)
