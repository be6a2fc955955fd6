"""API Gateway on this machine: HTTP in, REST proxy events to the functions, and a few pages of the stack's own."""

import base64
import json
import re
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup
from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from accord import clock
from infra.local.business_time import BUSINESS_ZONE
from infra.local.stack import FunctionError, LocalStack
from infra.local.template import Route

# Who a request signed with AWS credentials comes from, here where nothing is signed.
STAFF_ARN = "arn:aws:sts::123456789012:assumed-role/accord-local-MANAGER/local-staff"
_BODY_LIMIT = 10 * 1024 * 1024  # API Gateway's quota for a payload


class Gateway:
    """The WSGI application: the template's routes first, then the pages about the stack itself."""

    def __init__(self, stack: LocalStack, holders: Callable[[], Mapping[str, tuple[str, str]]] = dict) -> None:
        """`holders` tells, by telephone number or address, the name and last four of whoever got a message."""
        self._stack, self._holders = stack, holders
        self._routes = stack.template.routes()
        self._binary = stack.template.binary_bodies()
        self._own_answers = stack.template.gateway_responses()
        self._api_id = uuid.uuid4().hex[:10]
        self._map = Map(
            [_rule(index, route) for index, route in enumerate(self._routes)], strict_slashes=False, merge_slashes=False
        )
        self._pages = Map(
            [
                Rule("/", endpoint=self._index),
                Rule("/outbox", endpoint=self._outbox),
                Rule("/outbox/<int:number>", endpoint=self._answer_form, methods=["GET"]),
                Rule("/outbox/<int:number>", endpoint=self._send_answer, methods=["POST"]),
                Rule("/executions", endpoint=self._executions),
                Rule("/executions/<machine>/<name>", endpoint=self._execution),
                Rule("/clock", endpoint=self._clock, methods=["GET"]),
                Rule("/clock", endpoint=self._move_clock, methods=["POST"]),
            ]
        )
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(Path(__file__).parent / "pages"), autoescape=True, trim_blocks=True
        )
        self._templates.filters["with_links"] = with_links
        self._templates.filters["on_business_clock"] = on_business_clock

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        return self._answer(Request(environ))(environ, start_response)

    def _answer(self, request: Request) -> Response:
        try:
            index, parameters = self._map.bind_to_environ(request.environ).match()
        except HTTPException:
            return self._page(request)
        if (request.content_length or 0) > _BODY_LIMIT:
            return self._own_answer("REQUEST_TOO_LARGE", 413, "Request Too Long")
        route = self._routes[index]
        event = proxy_event(request, route, parameters, self._stack.api_stage, self._api_id, self._binary)
        try:
            result = self._stack.invoke(route.function, event)
        except FunctionError as error:
            self._stack.report(route.function, error.in_one_line)
            result = None
        return http_response(result) or self._own_answer("DEFAULT_5XX", 502, "Internal server error")

    def _own_answer(self, kind: str, status: int, message: str) -> Response:
        """What the gateway itself answers: as the template has it for the type, or else for its family, or else in
        API Gateway's own words. A template's `$context` variables are not filled in here."""
        answer = self._own_answers.get(kind) or self._own_answers.get(f"DEFAULT_{status // 100}XX") or {}
        headers = Headers({"Content-Type": "application/json"})
        for name, value in answer.get("responseParameters", {}).items():
            headers[name.removeprefix("gatewayresponse.header.")] = value[1:-1]  # a static value is quoted
        body = answer.get("responseTemplates", {}).get("application/json", json.dumps({"message": message}))
        return Response(body, status=int(answer.get("statusCode", status)), headers=headers)

    def _page(self, request: Request) -> Response:
        try:
            page, parameters = self._pages.bind_to_environ(request.environ).match()
        except HTTPException:
            # API Gateway's name for a route that is not there
            return self._own_answer("MISSING_AUTHENTICATION_TOKEN", 403, "Missing Authentication Token")
        chinese = request.args.get("lang", request.accept_languages.best_match(["en", "zh"], "en")).startswith("zh")
        headers = {"Cache-Control": "no-store"}
        if page == self._move_clock:
            return self._move_clock(request, chinese)
        if page == self._send_answer:
            return self._send_answer(request, **parameters)
        if page == self._clock:
            parameters = {"unit": request.args.get("unit", "")}
        if page not in (self._execution, self._clock, self._answer_form):
            headers["Refresh"] = "5"  # what arrives shows by itself; these are for reading and writing
        return Response(page(chinese=chinese, **parameters), content_type="text/html; charset=utf-8", headers=headers)

    # --- pages -----------------------------------------------------------------------------------------------------

    def _render(self, page: str, chinese: bool, **values: Any) -> str:
        staffed = any(route.path == "/ops" for route in self._routes)
        return self._templates.get_template(page).render(zh=chinese, stack=self._stack, staffed=staffed, **values)

    def _index(self, chinese: bool) -> str:
        executions = self._stack.executions()
        counts = dict.fromkeys(("RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"), 0)
        for execution in executions:
            counts[execution.status] += 1
        return self._render("index.html", chinese, counts=counts, now=clock.now())

    def _clock(self, chinese: bool, unit: str, count: str = "1", problem: bool = False) -> str:
        return self._render("clock.html", chinese, now=clock.now(), unit=unit, count=count, problem=problem)

    def _move_clock(self, request: Request, chinese: bool) -> Response:
        """Move business time forward, for whoever sits at this machine: a form of another site is refused."""
        if request.headers.get("Origin") != request.host_url.rstrip("/"):
            return Response("", status=403)
        count, unit = request.form.get("count", "").strip(), request.form.get("unit", "")
        if unit not in ("days", "hours") or not re.fullmatch(r"[0-9]{1,3}", count) or not 1 <= int(count) <= 366:
            page = self._clock(chinese, unit, count[:20], problem=True)
            return Response(page, status=422, content_type="text/html; charset=utf-8")
        self._stack.advance(timedelta(**{unit: int(count)}))
        return Response("", status=303, headers={"Location": f"/clock?lang={'zh' if chinese else 'en'}&unit={unit}"})

    def _outbox(self, chinese: bool) -> str:
        return self._render(
            "outbox.html", chinese, messages=list(enumerate(self._stack.messages))[::-1], holders=self._holders()
        )

    def _answer_form(self, chinese: bool, number: int) -> str:
        messages = self._stack.messages
        return self._render("answer.html", chinese, message=messages[number] if number < len(messages) else None)

    def _send_answer(self, request: Request, number: int) -> Response:
        """Answer a text, for whoever sits at this machine: a form of another site is refused."""
        if request.headers.get("Origin") != request.host_url.rstrip("/"):
            return Response("", status=403)
        words = request.form.get("words", "").strip()[:1600]
        if words and number < len(self._stack.messages):
            self._stack.answer_text(self._stack.messages[number].to, words)
        return Response("", status=303, headers={"Location": "/outbox"})

    def _executions(self, chinese: bool) -> str:
        newest = sorted(self._stack.executions(), key=lambda execution: execution.start_date, reverse=True)[:200]
        rows = [(execution, current_state(execution)) for execution in newest]
        return self._render("executions.html", chinese, rows=rows)

    def _execution(self, chinese: bool, machine: str, name: str) -> str:
        found = [e for e in self._stack.executions() if e.state_machine.name == machine and e.name == name]
        events = found[0].to_history_output()["events"] if found else []
        return self._render("execution.html", chinese, execution=found[0] if found else None, name=name, events=events)


def with_links(text: str) -> Markup:
    """The text with its addresses clickable, each in a tab of its own, beside the messages that are still needed.

    An address ends where ASCII does: Chinese puts no space after it.
    """
    parts = re.split(r"(https?://[!-~]*[A-Za-z0-9_/=&#-])", text)
    return Markup("").join(
        Markup('<a href="{0}" target="_blank" rel="noreferrer">{0}</a>').format(part) if index % 2 else part
        for index, part in enumerate(parts)
    )


def on_business_clock(moment: datetime) -> str:
    """The moment as the clocks of business show it, to the minute."""
    return moment.astimezone(BUSINESS_ZONE).strftime("%Y-%m-%d %H:%M")


def current_state(execution: Any) -> str:
    """The name of the state that an execution entered last."""
    for event in reversed(execution.to_history_output()["events"]):
        if "stateEnteredEventDetails" in event:
            return str(event["stateEnteredEventDetails"]["name"])
    return ""


def _rule(index: int, route: Route) -> Rule:
    path = re.sub(r"\{(\w+)\+\}", r"<path:\1>", route.path)
    rule = Rule(
        re.sub(r"\{(\w+)\}", r"<\1>", path), endpoint=index, methods=None if route.method == "ANY" else [route.method]
    )
    if rule.methods is not None:
        rule.methods.discard("HEAD")  # werkzeug adds it to GET, API Gateway does not
    return rule


def proxy_event(
    request: Request, route: Route, parameters: Mapping[str, str], stage: str, api_id: str, binary: bool
) -> dict[str, Any]:
    """The event of a REST API (version 1) with proxy integration, as API Gateway sends it to Lambda."""
    now = datetime.now(UTC)
    headers: dict[str, list[str]] = {}
    for name, value in request.headers.items():
        headers.setdefault(name, []).append(value)
    address = request.remote_addr or "127.0.0.1"
    headers["X-Forwarded-For"] = [address]
    headers["X-Forwarded-Proto"] = [request.scheme]
    headers["X-Forwarded-Port"] = [str(request.environ["SERVER_PORT"])]
    query = {name: request.args.getlist(name) for name in request.args}
    body = request.get_data()
    return {
        "resource": route.path,
        "path": request.path,
        "httpMethod": request.method,
        "headers": {name: values[-1] for name, values in headers.items()},
        "multiValueHeaders": headers,
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": dict(parameters) or None,
        "stageVariables": None,
        "requestContext": {
            "resourceId": uuid.uuid5(uuid.NAMESPACE_URL, route.path).hex[:6],
            "resourcePath": route.path,
            "httpMethod": request.method,
            "extendedRequestId": uuid.uuid4().hex[:12],
            "requestTime": now.strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "requestTimeEpoch": int(time.time() * 1000),
            "path": f"/{stage}{request.path}",
            "accountId": "123456789012",
            "protocol": request.environ.get("SERVER_PROTOCOL", "HTTP/1.1"),
            "stage": stage,
            "domainName": request.host,
            "domainPrefix": request.host.partition(".")[0],
            "requestId": str(uuid.uuid4()),
            "apiId": api_id,
            "identity": {
                **dict.fromkeys(
                    ("cognitoIdentityPoolId", "cognitoIdentityId", "cognitoAuthenticationType",
                     "cognitoAuthenticationProvider", "principalOrgId", "accessKey", "caller", "user", "accountId")
                ),
                "sourceIp": address,
                "userAgent": request.headers.get("User-Agent"),
                "userArn": STAFF_ARN if route.iam else None,
            },
        },
        "body": (base64.b64encode(body).decode() if binary else body.decode("utf-8", "replace")) if body else None,
        "isBase64Encoded": bool(body) and binary,
    }  # fmt: skip


def http_response(result: Any) -> Response | None:
    """What API Gateway makes of a function's answer; None when it is of another form, which ends as a 502."""
    if not isinstance(result, dict) or not str(result.get("statusCode", "")).isdecimal():
        return None
    headers = Headers()
    many = result.get("multiValueHeaders") or {}
    for name, value in (result.get("headers") or {}).items():
        if name not in many:
            headers.add(name, str(value))
    for name, values in many.items():
        for value in values:
            headers.add(name, str(value))
    body = result.get("body") or ""
    content = base64.b64decode(body) if result.get("isBase64Encoded") else body.encode()
    headers.setdefault("Content-Type", "application/json")
    return Response(content, status=int(result["statusCode"]), headers=headers)
