"""Billing's payments from the queue: each counts at once, towards the debt or the plan; or is rejected by name."""

import os
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from accord.aws.payments import PaymentBook, Payments
from accord.aws.rejects import Rejects
from accord.aws.steps import case_store
from accord.errors import InputRejectedError

logger = Logger()
metrics = Metrics()
processor = BatchProcessor(event_type=EventType.SQS)
payments = Payments(case_store(), PaymentBook(os.environ["CASES_TABLE"]))
rejects = Rejects(os.environ["REJECTS_QUEUE_URL"], os.environ["REJECTS_BUCKET"])


def take(record: SQSRecord) -> None:
    """One message of the queue. What raises brings it again, so it is said in the log."""
    try:
        outcome = payments.take(record.body)
    except InputRejectedError as rejection:
        rejects.keep(record.body, rejection)
        outcome = "REJECTED"
        logger.warning("payment rejected", problems=rejection.problems, message_id=record.message_id)
    except Exception:
        logger.exception("payment not taken", message_id=record.message_id)
        metrics.add_metric(name="PaymentFailed", unit=MetricUnit.Count, value=1)
        raise
    metrics.add_metric(name=f"Payment{outcome.title().replace('_', '')}", unit=MetricUnit.Count, value=1)
    logger.info("payment taken", outcome=outcome, message_id=record.message_id)


@metrics.log_metrics
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    return process_partial_response(event, take, processor, context)
