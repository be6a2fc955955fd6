"""A member of staff's browser for tests: asks the console's handler as API Gateway would."""

import re
from base64 import b64encode
from types import ModuleType
from typing import Any
from urllib.parse import urlencode

from loading import CONTEXT, load_app

from accord.aws.store import CaseStore
from accord.case import StaffTask

ROUTES = (
    "/ops",
    "/ops/cases/{case_id}",
    "/ops/tasks/{case_id}/{task_id}",
    "/ops/assets/{name}",
)

NEGOTIATION = "arn:aws:states:eu-central-1:123456789012:stateMachine:accord-test-negotiation"


class Console:
    """The application with a store behind it, asked as API Gateway asks."""

    def __init__(self, store: CaseStore, origin: str) -> None:
        self.store, self.origin = store, origin
        self.app: ModuleType = load_app("ops_web")

    def ask(
        self, path: str, form: dict[str, str] | str | None = None, **changes: Any
    ) -> tuple[int, str, dict[str, str]]:
        route, parameters = matched(path)
        body = form if isinstance(form, str) or form is None else urlencode(form)
        headers = {"accept-language": "en"}
        if form is not None:
            headers |= {"origin": self.origin, "content-type": "application/x-www-form-urlencoded"}
        headers |= changes.get("headers", {})
        event = {
            "resource": route,
            "path": path,
            "httpMethod": "GET" if form is None else "POST",
            "headers": headers,
            "multiValueHeaders": {name: [value] for name, value in headers.items()},
            "queryStringParameters": changes.get("query"),
            "multiValueQueryStringParameters": {k: [v] for k, v in (changes.get("query") or {}).items()} or None,
            "pathParameters": parameters or None,
            "stageVariables": None,
            "requestContext": {
                "resourcePath": route,
                "httpMethod": "GET" if form is None else "POST",
                "path": f"/prod{path}",
                "identity": {
                    "userArn": changes.get("arn", "arn:aws:sts::123456789012:assumed-role/accord-test-LEAD/mei")
                },
            },
            "body": None if body is None else b64encode(body.encode()).decode(),
            "isBase64Encoded": body is not None,
        }
        answer = self.app.handler(event, CONTEXT)
        told = {name.lower(): value for name, value in answer["headers"].items()}
        return answer["statusCode"], answer["body"], told


def matched(path: str) -> tuple[str, dict[str, str]]:
    for route in ROUTES:
        match = re.fullmatch(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", route), path)
        if match:
            return route, match.groupdict()
    raise AssertionError(path)


def address(task: StaffTask) -> str:
    """The page of a task."""
    return f"/ops/tasks/{task.case_id}/{task.task_id}"
