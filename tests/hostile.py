"""`make hostile`: thousands of hostile requests against every page; nothing breaks, changes or tells anything.

schemathesis makes them from the OpenAPI document of the pages, right ones and wrong ones; a list of attacks is sent as
well. Four attackers send them: somebody with no way in, somebody with another person's link, another site in the
browser of a customer, and a customer. Only the customer may change a case, and none of them brings the server down.
"""

import argparse
import json
import re
import secrets
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from integration.web_fixtures import _Forms
from openapi import Form, document, routes
from rich.console import Console
from rich.progress import Progress
from schemathesis import GenerationMode
from werkzeug.test import Client, EnvironBuilder, TestResponse

from accord import clock
from accord.aws.store import CaseStore
from accord.comprehension import questions
from accord.events import verify_chain
from infra import demo
from infra.local.application import accord_stack
from infra.local.gateway import Gateway
from infra.local.stack import LocalStack
from infra.phone import Phone

ORIGIN = demo.BASE_URL
_SESSION, _CODE = "__Host-session", "__Host-code"
# What a failed try may leave in a case: the lock, and the task for a person to call.
_LOCKS = {"AccessLocked", "StaffTaskCreated"}
_UNKNOWN = "A" * 43
_ON_THE_WAY = ("/my/offers", "/my/questions", "/my/agreement", "/my/sign")


class BrokenError(Exception):
    """A hostile request did what none may do."""


@dataclass
class Customer:
    """A customer with a case and a telephone; after `come_in` with a session as well."""

    number: int
    case_id: str
    phone: Phone
    locator: str
    session: str = ""
    forms: dict[str, Form] = field(default_factory=dict)

    def token(self) -> str:
        """The token of the visit's forms."""
        return re.findall(r'name="csrf" value="([^"]+)"', self.phone.page)[0]


@dataclass(frozen=True)
class World:
    """The application, and whoever is attacked."""

    stack: LocalStack
    gateway: Gateway
    cases: CaseStore
    inside: Customer  # has come in, and is about to sign
    typing: Customer  # so has this one, and sends what they like
    outside: Customer  # has a link and has not opened it

    def state(self) -> dict[str, str]:
        """Everything that the application keeps but the access table, where tries are counted."""
        dynamodb, kept = self.stack.client("dynamodb"), {}
        for table in ("CasesTable", "EventsTable", "PeopleTable"):
            for page in dynamodb.get_paginator("scan").paginate(TableName=self.stack.physical_id(table)):
                kept |= {f"{table} {json.dumps(self._key(item))}": json.dumps(item) for item in page["Items"]}
        return kept

    @staticmethod
    def _key(item: dict[str, Any]) -> list[Any]:
        return [item[name] for name in ("pk", "sk", "case_id", "seq", "cardholder_id") if name in item]

    def events(self, customer: Customer) -> list[str]:
        return [event.type for event in self.cases.events(customer.case_id)]


# --- the customers ------------------------------------------------------------------------------------------------


def customer(stack: LocalStack, gateway: Gateway, number: int) -> Customer:
    """Billing's event, and the invitation that follows."""
    detail = demo.overdue_account(clock.today("Asia/Shanghai"))
    detail["eventId"], detail["account"]["accountId"] = f"hostile-event-{number}", f"hostile-account-{number}"
    detail["cardholder"] |= {"cardholderId": f"hostile-holder-{number}", "phone": f"+861000000{number:04d}"}
    stack.put_event(stack.output("BusName"), "billing.cards", "AccountOverdue", detail)
    phone = Phone(stack, gateway, ORIGIN, detail["cardholder"]["phone"])
    deadline = time.monotonic() + 30
    while not phone.messages():
        if time.monotonic() > deadline:
            raise BrokenError("no invitation came")
        time.sleep(0.05)
    stack.settle()
    case_id = next(
        body["case_id"]["S"]
        for body in stack.client("dynamodb").scan(TableName=stack.physical_id("EventsTable"))["Items"]
        if detail["account"]["accountId"] in body["body"]["S"]
    )
    return Customer(number, case_id, phone, phone.link().removeprefix("/c/"))


def come_in(cases: CaseStore, one: Customer) -> None:
    """From the link to the page where one signs; every form on the way is noted, by the route that takes it."""
    phone = one.phone

    def note(path: str) -> None:
        page = _Forms()
        page.feed(phone.page)
        for form in page.forms:
            route = "/" + (form["action"] or path).split("?")[0].lstrip("/")
            names = form["fields"].keys() | form["choices"].keys() | {name for name, _ in form["buttons"] if name}
            buttons = {name: [value] for name, value in form["buttons"] if name}
            one.forms.setdefault(route, {name: (form["choices"] | buttons).get(name, []) for name in sorted(names)})

    def look(path: str, route: str = "") -> None:
        phone.open(path)
        note(route or phone.path)

    look(f"/c/{one.locator}", "/c/{locator}")
    phone.send({"last4": demo.LAST4})
    note("/c/{locator}/code")
    phone.send({"code": phone.code()})
    note(phone.path)
    for page in ("proposal", "income", "call", "person", "decline", "complaint", "contact"):
        look(f"/my/{page}")
    look("/verify")
    look("/my/offers")
    case = cases.get(one.case_id)
    phone.send({"offer": case.offers[0].offer_id})
    note(phone.path)
    phone.send({question.id: question.right for question in questions(case.offers[0], "zh-CN")})
    note(phone.path)
    consents = [part.split('"')[0] for part in phone.page.split('name="consent-')[1:]]
    phone.send({f"consent-{consent}": "yes" for consent in consents})
    note(phone.path)
    one.forms["/my/plan"] = {"csrf": [], "key": []}
    one.session = phone.cookie(_SESSION)


# --- the attackers ------------------------------------------------------------------------------------------------

Attacker = Callable[[World, schemathesis.Case], None]


def nobody(world: World, case: schemathesis.Case) -> None:
    """Sends whatever they like to wherever they like."""


def with_a_link(world: World, case: schemathesis.Case) -> None:
    """Found another person's link."""
    if "locator" in case.path_parameters:
        case.path_parameters["locator"] = world.outside.locator


def another_site(world: World, case: schemathesis.Case) -> None:
    """Makes a customer's browser send its cookie, and knows everything of the form but its token."""
    if isinstance(case.body, dict):
        case.body["key"] = secrets.token_urlsafe(16)
    case.cookies = {**case.cookies, _SESSION: world.inside.session}


def a_customer(world: World, case: schemathesis.Case) -> None:
    """Is who they are, and types what they like."""
    if isinstance(case.body, dict):
        case.body |= {"csrf": world.typing.token(), "key": secrets.token_urlsafe(16)}
    case.cookies = {**case.cookies, _SESSION: world.typing.session}


ATTACKERS: tuple[Attacker, ...] = (nobody, with_a_link, another_site, a_customer)


def cannot_harm(attacker: Attacker, case: schemathesis.Case) -> bool:
    """A customer may leave and decline, and would then be out; that these forms act is seen in other tests."""
    return attacker is a_customer and case.method == "POST" and case.path in ("/my/leave", "/my/decline")


# --- what is checked ----------------------------------------------------------------------------------------------


def check_answer(what: str, status: int, headers: Any, body: str) -> None:
    if status >= 500:
        raise BrokenError(f"{what}: {status}\n{body[:400]}")
    if "text/html" in headers.get("Content-Type", "") and "default-src 'none'" not in headers.get(
        "Content-Security-Policy", ""
    ):
        raise BrokenError(f"{what}: a page without its policy")
    if re.search(r"<script(?! src=)", body, re.IGNORECASE) or "1787569" in body:
        raise BrokenError(f"{what}: what was sent is carried out")


def check_unchanged(world: World, before: dict[str, str], events: list[str], who: str) -> None:
    """Nothing is other than it was, and the customer is still inside; the link that was found may be locked."""
    headers = {"Cookie": f"{_SESSION}={world.inside.session}"}
    if Client(world.gateway, use_cookies=False).get("/my/contact", base_url=ORIGIN, headers=headers).status_code != 200:
        raise BrokenError(f"{who} made the customer leave")
    world.stack.settle()
    told = world.events(world.outside)[len(events) :]
    if not set(told) <= _LOCKS:
        raise BrokenError(f"{who} brought about {told}")
    after = world.state()
    for name in sorted(before.keys() | after.keys()):
        locked = world.outside.case_id in name and told
        if before.get(name) != after.get(name) and not locked:
            raise BrokenError(f"{who} changed {name}: {before.get(name)} became {after.get(name)}")


# --- what is sent -------------------------------------------------------------------------------------------------


def by_schemathesis(world: World, requests: int, number: int, told: Callable[[str], None]) -> None:
    """So many requests over all routes, half of them as the document has it and half of them not, by each attacker."""
    cases = _drawn(world, -(-requests // len(ATTACKERS)), number)
    for attacker in ATTACKERS:
        before, events = world.state(), world.events(world.outside)
        for case in cases:
            if not cannot_harm(attacker, case):
                _send(world, attacker, case.derive(), told)
        if attacker is not a_customer:
            check_unchanged(world, before, events, attacker.__name__)


def _drawn(world: World, how_many: int, number: int) -> list[schemathesis.Case]:
    """So many cases or a few more, the same ones for the same number."""
    schema = schemathesis.openapi.from_dict(document(world.inside.forms))
    schema.app = world.gateway
    # The pages of the way first: what is told elsewhere takes the customer back to its beginning.
    operations = sorted(routes(), key=lambda route: -_ON_THE_WAY.index(route[0]) if route[0] in _ON_THE_WAY else 1)
    each = -(-how_many // (2 * len(operations)))
    cases: list[schemathesis.Case] = []
    phases, checks = [Phase.generate], list(HealthCheck)
    for path, method in operations:
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            strategy = schema[path][method.upper()].as_strategy(generation_mode=mode)

            @seed(number)
            @settings(max_examples=each, database=None, deadline=None, phases=phases, suppress_health_check=checks)
            @given(case=strategy)
            def draw(case: schemathesis.Case) -> None:
                cases.append(case)

            draw()
    return cases


def _send(world: World, attacker: Attacker, case: schemathesis.Case, told: Callable[[str], None]) -> None:
    attacker(world, case)
    # Cookies that the library hands over are kept for another host, and never sent.
    case.headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in case.cookies.items())
    case.cookies = {}
    if case.method == "POST":
        case.headers["Origin"] = ORIGIN
    what = f"{attacker.__name__}: {case.as_curl_command()}"
    status, body = _answer(world, case, what)
    if attacker is with_a_link and "locator" in case.path_parameters:
        case.path_parameters["locator"] = _UNKNOWN
        if (status, body.replace(world.outside.locator, _UNKNOWN)) != _answer(world, case, what):
            raise BrokenError(f"{what}: a link that is none gets another answer")
    told(f"{attacker.__name__} {status}")


def _answer(world: World, case: schemathesis.Case, what: str) -> tuple[int, str]:
    answer = case.call(base_url=ORIGIN, session=Client(world.gateway, use_cookies=False))
    headers = {name.title(): values[0] for name, values in answer.headers.items()}
    check_answer(what, answer.status_code, headers, answer.text or "")
    return answer.status_code, answer.text or ""


def attacks(world: World) -> Iterator[tuple[str, EnvironBuilder]]:
    """Attacks that have a name, each as a request."""
    inside, outside = world.inside, world.outside
    cookie, form = f"{_SESSION}={inside.session}", "application/x-www-form-urlencoded"

    def request(path: str, method: str = "GET", body: bytes = b"", **headers: str) -> EnvironBuilder:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        post = {"Origin": ORIGIN, "Content-Type": form} if method == "POST" else {}
        return EnvironBuilder(path, base_url=ORIGIN, method=method, data=body, headers=post | named)

    for method in ("PUT", "DELETE", "PATCH", "TRACE", "OPTIONS", "HEAD", "CONNECT"):
        for path in ("/my/offers", f"/c/{outside.locator}", "/verify", "/ops"):
            yield "another method", request(path, method, Cookie=cookie)
    for header in ("X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"):
        yield "a method in a header", request("/my/leave", Cookie=cookie, **{header: "POST"})
    yield "a method in the form", request("/my/offers", "POST", b"_method=DELETE", Cookie=cookie)
    for name in ("Host", "X-Forwarded-Host", "X-Host", "Forwarded", "X-Original-URL", "X-Rewrite-URL"):
        value = "host=evil.example" if name == "Forwarded" else "evil.example"
        yield "another host", request(f"/c/{outside.locator}", Cookie=cookie, **{name: value})
        yield "another host", request("/my/leave", "POST", b"csrf=x", Cookie=cookie, **{name: value})
    for origin in ("https://evil.example", "null", "", ORIGIN + ".evil.example", ORIGIN.upper(), "http" + ORIGIN[5:]):
        yield "another origin", request("/my/leave", "POST", b"csrf=x&key=y", Cookie=cookie, Origin=origin)
    for path in (
        "/my/../ops", "/my/%2e%2e/ops", "//my/offers", "/my//offers", "/my/offers/", "/my/offers%00", "/my;/offers",
        "/my/offers%2f..%2fplan", "/c/", f"/c/{outside.locator}/../../my", f"/c/{outside.locator}%00",
        f"/c/{outside.locator}.css", "/c/" + "A" * 5_000, "/c/%F0%9F%98%80", "/c/%ff%fe", "/assets/..%2fapp.py",
        "/assets/%2e%2e%2f%2e%2e%2fetc%2fpasswd", "/assets/app.py", "/ops/cases/%2e%2e", "/ops/assets/..%2fapp.py",
        "/my/offers?lang=../../etc", "/my/offers?lang[]=en&lang[]=zh", "/my/offers?" + "a=b&" * 2_000,
        f"/ops/tasks/{outside.case_id}/x'%20OR%20'1'='1", "/ops/cases/%7B%7B1337*1337%7D%7D",
    ):  # fmt: skip
        yield "a trick with the path", request(path, Cookie=cookie)
        yield "a trick with the path", request(path, "POST", b"csrf=x&key=y", Cookie=cookie)
    kinds = (
        "application/json", "text/plain", "application/xml", "multipart/form-data", f"{form}; charset=utf-7", "x",
        "multipart/form-data; boundary=", "multipart/form-data; boundary=" + "b" * 10_000,
    )  # fmt: skip
    bodies = (
        b'{"csrf": "x"}', b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>', b"\xff\xfe\x00",
        b"csrf=" + b"%" * 1_000, b"&" * 10_000, b"--\r\n\r\n\r\n----\r\n",
    )  # fmt: skip
    for path in ("/my/income", f"/c/{_UNKNOWN}", "/verify"):
        for kind in kinds:
            for body in bodies:
                yield "another kind of body", request(path, "POST", body, Cookie=cookie, Content_Type=kind)
        yield "a body of 12 MB", request(path, "POST", b"a=" + b"b" * 12_000_000, Cookie=cookie)
    for forged in (
        f"{_SESSION}={_UNKNOWN}", f"{_SESSION}={outside.locator}", f"{_SESSION}={inside.case_id}", f"{_SESSION}=",
        f"{_SESSION}={inside.session[:-1]}", f"{_SESSION}={_UNKNOWN}; {cookie}", f"{_SESSION}={'A' * 8_000}",
        f"session={inside.session}", f"__host-session={inside.session}", f'{_SESSION}="{inside.session}x"',
        "\x00\x7f=;;;===", f"{_CODE}={inside.session}",
    ):  # fmt: skip
        for path in ("/my", "/my/plan", "/my/income"):
            yield "a forged cookie", request(path, Cookie=forged)
            yield "a forged cookie", request(path, "POST", b"csrf=x&key=y", Cookie=forged)


TYPED = (
    "{{1337*1337}}", "${1337*1337}", "#{1337*1337}", "<script>alert(1)</script>", "\"><script>alert(1)</script>",
    "' OR '1'='1", "=1337*1337", "=cmd|'/c calc'!A0", "@SUM(1337*1337)", "x\r\nSet-Cookie: planted=1", "\x00", "%00",
    "../../../etc/passwd", "9" * 5_000, "-1", "1e309", "NaN", "\u202e12", "１２", "𠮷" * 50, "\ud7ff\ufffe",
)  # fmt: skip


def typed(world: World, words: tuple[str, ...]) -> Iterator[tuple[str, EnvironBuilder]]:
    """What a customer may type that is meant for a template, a table or a spreadsheet, in every field of every form."""
    # The forms of the way first: what is told elsewhere takes the customer back to its beginning.
    for route, form in reversed(world.typing.forms.items()):
        world.stack.settle()
        if route in ("/my/leave", "/my/decline", "/verify"):
            continue
        path = route.replace("{locator}", _UNKNOWN)
        for field_name in form:
            for text in words:
                filled = {name: choices[0] if choices else "" for name, choices in form.items()}
                filled |= {"csrf": world.typing.token(), "key": secrets.token_urlsafe(16), field_name: text}
                headers = {"Origin": ORIGIN, "Cookie": f"{_SESSION}={world.typing.session}"}
                yield "an injection", EnvironBuilder(path, base_url=ORIGIN, method="POST", data=filled, headers=headers)


def send_all(world: World, requests: Iterator[tuple[str, EnvironBuilder]], told: Callable[[str], None]) -> None:
    browser = Client(world.gateway, use_cookies=False)
    for what, builder in requests:
        answer: TestResponse = browser.open(builder)
        said = f"{what}: {builder.method} {builder.path[:200]} {builder.headers.get('Cookie', '')[:80]}"
        body = "" if answer.mimetype == "application/pdf" else answer.get_data(as_text=True)
        check_answer(said, answer.status_code, answer.headers, body)
        if "evil.example" in body or "evil.example" in str(answer.headers) or "planted" in str(answer.headers):
            raise BrokenError(f"{said}: the answer follows the attacker\n{answer.headers}")
        told(f"{what} {answer.status_code}")


# --- the whole ----------------------------------------------------------------------------------------------------


def run(requests: int, number: int, told: Callable[[str], None], words: tuple[str, ...] = TYPED) -> None:
    """About so many requests of schemathesis, all named attacks, and these words in every field. Raises BrokenError."""
    with accord_stack(ORIGIN) as stack:
        gateway = Gateway(stack)
        cases = CaseStore(stack.physical_id("CasesTable"), stack.physical_id("EventsTable"))
        inside, typing, outside = (customer(stack, gateway, number) for number in (1, 2, 3))
        for one in (inside, typing):
            come_in(cases, one)
        world = World(stack, gateway, cases, inside, typing, outside)
        stack.settle()
        before, events = world.state(), world.events(world.outside)
        send_all(world, attacks(world), told)
        check_unchanged(world, before, events, "a named attack")
        by_schemathesis(world, requests, number, told)
        send_all(world, typed(world, words), told)
        stack.settle()
        for one in (inside, typing, outside):
            case = cases.get(one.case_id)
            verify_chain(cases.events(one.case_id), case.head, case.version)
        if stack.problems:
            raise BrokenError(f"something failed behind the scenes: {stack.problems}")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    console, counts, began = Console(), Counter[str](), time.monotonic()
    with Progress(console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task("requests", total=options.cases)

        def told(what: str) -> None:
            counts[what] += 1
            progress.advance(bar)

        try:
            run(options.cases, options.seed, told)
        except BrokenError as error:
            console.print(f"After {counts.total():,} requests: {error}", markup=False)
            return 1
    for what, count in counts.most_common():
        console.print(f"{count:>8,}  {what}")
    console.print(f"{counts.total():,} hostile requests in {time.monotonic() - began:.0f} s; seed {options.seed}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
