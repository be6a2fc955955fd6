"""A negotiation's execution failed, timed out or was aborted: make sure that the case has a task for a person."""

import json
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from accord import clock
from accord.aws.steps import case_store
from accord.lifecycle import failure_key, record_failure

logger = Logger()
store = case_store()


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> None:
    ended = event["detail"]
    execution, case_id = ended["name"], json.loads(ended["input"])["case_id"]
    logger.append_keys(case_id=case_id, execution=execution)
    key = failure_key(execution, ended.get("redriveCount", 0))
    noted = store.change(case_id, key, lambda case: record_failure(case, execution, clock.now()))
    logger.warning("execution ended without an outcome", status=ended["status"], outcome=noted["outcome"])
