"""Starting negotiations: the state machine's executions, by name."""

import json

from botocore.exceptions import ClientError

from accord.aws.clients import client, error_code, translated


def start_negotiation(arn: str, name: str, case_id: str) -> None:
    """Start an execution of the negotiation under a name; starting it again under the same one is a no-op.

    It takes up where the case stands. Raises ServiceUnavailableError.
    """
    try:
        with translated():
            client("stepfunctions").start_execution(
                stateMachineArn=arn, name=name, input=json.dumps({"case_id": case_id})
            )
    except ClientError as error:
        if error_code(error) != "ExecutionAlreadyExists":
            raise


def is_running(arn: str, name: str) -> bool:
    """Whether the execution of this name runs; one that failed may have been redriven.

    Raises ServiceUnavailableError.
    """
    execution = f"{arn.replace(':stateMachine:', ':execution:')}:{name}"
    try:
        with translated():
            return bool(client("stepfunctions").describe_execution(executionArn=execution)["status"] == "RUNNING")
    except ClientError as error:
        if error_code(error) == "ExecutionDoesNotExist":  # its history is kept for ninety days
            return False
        raise
