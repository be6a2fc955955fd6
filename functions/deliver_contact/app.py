"""Sends the messages that the contact gate allowed: one queue message is one contact, sent once at most."""

import json
import os

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from accord import clock
from accord.aws.access import Deliveries, Links, Tries
from accord.aws.delivery import Contact, Messenger
from accord.aws.outbound import outbound
from accord.aws.queues import is_last_try
from accord.aws.steps import case_store, people_store

logger = Logger()
processor = BatchProcessor(event_type=EventType.SQS)
ACCESS_TABLE = os.environ["ACCESS_TABLE"]
messenger = Messenger(
    case_store(),
    people_store(),
    Links(ACCESS_TABLE),
    Tries(ACCESS_TABLE),
    Deliveries(ACCESS_TABLE),
    outbound(),
    os.environ["PUBLIC_BASE_URL"],
    os.environ["MAIL_SENDER"],
)


def deliver(record: SQSRecord) -> None:
    """One contact of the queue. Whatever it raises brings it again, so it is logged; at last a person is told."""
    contact = None
    try:
        contact = Contact.model_validate(json.loads(record.body)["detail"])
        outcome = messenger.deliver(contact, clock.now())
    except Exception:
        logger.exception("contact not delivered", message_id=record.message_id)
        if contact is not None and is_last_try(record):
            messenger.give_up(contact, clock.now())
        raise
    logger.info("contact delivered", case_id=contact.case_id, contact_id=contact.contact_id, outcome=outcome)


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, object], context: LambdaContext) -> PartialItemFailureResponse:
    return process_partial_response(event, deliver, processor, context)
