"""What becomes of a message that fails again and again: the last try has to leave work for a person."""

import os

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord


def is_last_try(record: SQSRecord) -> bool:
    """Whether a failure of this one sends the message to the dead letters. `MAX_RECEIVES` is the queue's own number."""
    return int(record.attributes.approximate_receive_count) >= int(os.environ["MAX_RECEIVES"])
