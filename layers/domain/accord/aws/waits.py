"""Handing a decision to the execution that waits for it.

The decision is on the case and in its chain before anybody calls here, so this may be tried by the stream, by the wait
itself and by the schedule, in any order and any number of times: only the current token resumes an execution, once.
"""

import json

from botocore.exceptions import ClientError

from accord.aws.clients import client, error_code, translated
from accord.aws.store import CaseStore

# The token was used already, its wait has timed out, or its execution is gone. Whoever waits next looks again.
_NOBODY_WAITS = frozenset({"TaskTimedOut", "TaskDoesNotExist", "InvalidToken"})


def hand_over_decision(store: CaseStore, case_id: str, who: str) -> str:
    """Resume the execution that waits for `who` (CUSTOMER or STAFF) with the decision on the case.

    Returns RESUMED, NOTHING_DECIDED or NOBODY_WAITS. Raises ServiceUnavailableError.
    """
    decision = store.get(case_id).decision
    if decision is None or decision.by != who:
        return "NOTHING_DECIDED"
    token = store.token(case_id, who)
    if token is None:
        return "NOBODY_WAITS"
    try:
        with translated():
            client("stepfunctions").send_task_success(taskToken=token, output=json.dumps({"kind": decision.kind}))
    except ClientError as error:
        if error_code(error) in _NOBODY_WAITS:
            return "NOBODY_WAITS"
        raise
    return "RESUMED"
