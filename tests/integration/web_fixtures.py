"""A card holder's browser for tests: drives the pages' handler as API Gateway would, and fills the forms it finds."""

import hashlib
import re
import sys
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from types import ModuleType, SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import boto3
import pytest
from billing_events import overdue_event
from integration.tables import tables_on_moto
from loading import CONTEXT, ROOT, load_app
from moto.core import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends
from moto.sns.models import sns_backends

from accord import clock
from accord.assessment import assess
from accord.aws.access import Links
from accord.aws.people import PeopleStore
from accord.aws.store import CaseStore
from accord.case import Case, Change
from accord.comprehension import questions
from accord.events import AgreementSealed
from accord.identification import identify
from accord.lifecycle import activate, invite, sealed
from accord.offers import propose
from accord.opening import NEW_ACCOUNT, open_case
from accord.policy import load_policy

REGION = "eu-central-1"
BASE = "/prod"
ORIGIN = "https://plan.bank.example"
NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)  # ten in the morning in Shanghai
LAST4, NAME, PHONE = "204X", "王小明", "+8610000000001"
FORM_TYPE = "application/x-www-form-urlencoded"
PDF = b"%PDF-1.7 a sealed agreement"
BOUNDARY = "----accord-test"


class _Forms(HTMLParser):
    """The forms of a page with their fields, as a browser would send them; unticked boxes are not sent."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[dict[str, Any]] = []
        self.inside = False
        self.select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "form":
            self.inside = True
            self.forms.append({"action": values.get("action"), "fields": {}, "choices": {}, "buttons": []})
        elif self.inside and tag == "input":
            form, name = self.forms[-1], str(values.get("name"))
            if values.get("type") in ("radio", "checkbox"):
                form["choices"].setdefault(name, []).append(values.get("value", "on"))
                if "checked" in values:
                    form["fields"][name] = values.get("value", "on")
            else:
                form["fields"][name] = values.get("value") or ""
        elif self.inside and tag == "select":
            self.select = str(values.get("name"))
        elif self.inside and tag == "option":
            form, value = self.forms[-1], values.get("value") or ""
            form["choices"].setdefault(self.select, []).append(value)
            if "selected" in values or self.select not in form["fields"]:  # the first is sent if none is selected
                form["fields"][self.select] = value
        elif self.inside and tag == "button":
            self.forms[-1]["buttons"].append((values.get("name"), values.get("value")))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.inside = False


@dataclass
class Page:
    """What came back."""

    method: str
    path: str
    status: int
    headers: dict[str, str]
    cookies: list[str]
    body: bytes

    @property
    def html(self) -> str:
        return self.body.decode()

    @property
    def text(self) -> str:
        """The words of the page, without tags."""
        return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", self.html)).strip()

    @property
    def forms(self) -> list[dict[str, Any]]:
        parser = _Forms()
        parser.feed(self.html)
        return parser.forms

    @property
    def form(self) -> dict[str, Any]:
        """The page's own form, after those of its head."""
        own = [form for form in self.forms if form["action"] is None]
        assert own, f"{self.path} has no form: {self.text[:300]}"
        return own[0]


@dataclass
class Browser:
    """One browser: it keeps cookies, follows redirects and sends forms from our own page."""

    handler: Any
    routes: tuple[str, ...]
    language: str = "en"
    cookies: dict[str, str] = field(default_factory=dict)
    until: dict[str, datetime] = field(default_factory=dict)  # when it forgets a cookie

    def get(self, path: str, **headers: str) -> Page:
        page = self.send("GET", path, **headers)
        while page.status == 303:
            page = self.send("GET", page.headers["location"].removeprefix(BASE))
        return page

    def post(self, path: str, fields: dict[str, str] | bytes, **headers: str) -> Page:
        """Send a form and go where it leads."""
        page = self.send("POST", path, fields, **headers)
        return self.get(page.headers["location"].removeprefix(BASE)) if page.status == 303 else page

    def submit(self, page: Page, button: int = 0, **typed: str) -> Page:
        """Fill the page's form and press one of its buttons."""
        return self.post(page.path, self.filled(page, button, **typed))

    def filled(self, page: Page, button: int = 0, **typed: str) -> dict[str, str]:
        name, value = page.form["buttons"][button]
        pressed = {name: value} if name else {}
        return page.form["fields"] | pressed | {key.replace("_-", "-"): text for key, text in typed.items()}

    def send(self, method: str, path: str, fields: dict[str, str] | bytes = b"", **headers: str) -> Page:
        """One request, without following."""
        split = urlsplit(path)
        route, parameters = self._matched(split.path)
        body = urlencode(fields).encode() if isinstance(fields, dict) else fields
        sent = {"accept": "text/html,*/*;q=0.8", "accept-language": self.language}
        self._forget()
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if method == "POST":
            sent |= {"origin": ORIGIN, "content-type": FORM_TYPE}
        sent = {
            name: value
            for name, value in (sent | {k.replace("_", "-"): v for k, v in headers.items()}).items()
            if value
        }
        query = parse_qs(split.query) or None
        event = {
            "resource": route,
            "path": split.path,
            "httpMethod": method,
            "headers": sent,
            "multiValueHeaders": {name: [value] for name, value in sent.items()},
            "queryStringParameters": query and {name: values[-1] for name, values in query.items()},
            "multiValueQueryStringParameters": query,
            "pathParameters": parameters or None,
            "stageVariables": None,
            "requestContext": {"resourcePath": route, "httpMethod": method, "requestId": "q", "stage": "prod"},
            "body": b64encode(body).decode() if body else None,
            "isBase64Encoded": bool(body),
        }
        answer = self.handler(event, CONTEXT)
        many = answer.get("multiValueHeaders", {})
        page = Page(
            method=method,
            path=path,
            status=answer["statusCode"],
            headers={name.lower(): value for name, value in answer["headers"].items()},
            cookies=many.get(
                "Set-Cookie", [answer["headers"]["Set-Cookie"]] if "Set-Cookie" in answer["headers"] else []
            ),
            body=b64decode(answer["body"]) if answer.get("isBase64Encoded") else answer["body"].encode(),
        )
        for cookie in page.cookies:
            name, _, rest = cookie.partition("=")
            self.cookies[name] = rest.split(";")[0]
            self.until[name] = clock.now() + timedelta(seconds=int(rest.rpartition("Max-Age=")[2]))
        self._forget()
        return page

    def _forget(self) -> None:
        """A cookie is there until its time, and no longer."""
        for name in [name for name, until in self.until.items() if until <= clock.now()]:
            del self.until[name]
            self.cookies.pop(name, None)

    def _matched(self, path: str) -> tuple[str, dict[str, str]]:
        for route in self.routes:
            match = re.fullmatch(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", route), path)
            if match:
                return route, match.groupdict()
        raise AssertionError(f"no route for {path}")


class Web:
    """The pages with their tables, a clock that tests set, and the phone that gets the messages."""

    def __init__(self, tables: dict[str, str], app: ModuleType) -> None:
        self.tables, self.app = tables, app
        self.cases = CaseStore(tables["CASES_TABLE"], tables["EVENTS_TABLE"])
        self.people = PeopleStore(tables["PEOPLE_TABLE"])
        self.links = Links(tables["ACCESS_TABLE"])
        self.now = NOW
        self.count = 0

    def browser(self, language: str = "en") -> Browser:
        return Browser(self.app.handler, tuple(self.app.app.routes), language)

    def later(self, **duration: float) -> None:
        self.now += timedelta(**duration)

    def invited(self, **changes: Any) -> Case:
        """A case that came the whole way from billing's event to the invitation."""
        self.count += 1
        event = overdue_event(event_id=f"evt-{self.count}", account_id=f"acct-{self.count}", **changes)
        policy = load_policy("CN")
        opening = open_case(event, NEW_ACCOUNT, self.now)
        self.people.put(event.as_person(), self.now)
        assert self.cases.open(opening, "open") == "OPENED"
        case_id = opening.case.case_id
        today = clock.today("Asia/Shanghai")
        self.change(case_id, lambda case: identify(case, policy, self.now))
        self.change(case_id, lambda case: assess(case, policy, today))
        self.change(case_id, lambda case: propose(case, policy, self.now))
        assert (
            self.change(case_id, lambda case: invite(case, self.cases.reach(case.cardholder_id), policy, self.now))[
                "outcome"
            ]
            == "INVITED"
        )
        return self.cases.get(case_id)

    def change(self, case_id: str, decide: Any) -> dict[str, Any]:
        self.count += 1
        return self.cases.change(case_id, f"test-{self.count}", decide)

    def update(self, case_id: str, **changes: Any) -> None:
        """Put a case where a test needs it."""
        actor = SimpleNamespace()
        self.change(case_id, lambda case: Change(case.model_copy(update=changes), (), actor))  # type: ignore[arg-type]

    def link(self, case: Case) -> str:
        """The path of a new personal link."""
        return f"/c/{self.links.issue(case.case_id, case.cardholder_id, self.now, self.now)}"

    def sms(self) -> list[str]:
        """Every text message that left, oldest first."""
        return [message[1] for message in sns_backends[DEFAULT_ACCOUNT_ID][REGION].sms_messages.values()]

    def last_code(self) -> str:
        found = re.search(r"#(\d{6})$", self.sms()[-1])
        assert found, self.sms()[-1]
        return found[1]

    def entered(self, case: Case, language: str = "en") -> tuple[Browser, Page]:
        """A browser that came in by link, last four and code; and the page it stands on."""
        browser = self.browser(language)
        landing = browser.get(self.link(case))
        code = browser.submit(landing, last4=LAST4)
        assert code.status == 200, code.text
        return browser, browser.submit(code, code=self.last_code())

    def clear(self) -> None:
        """Forget everything and go back to the first moment."""
        self.now = NOW
        for table in dynamodb_backends[DEFAULT_ACCOUNT_ID][REGION].tables.values():
            table.items.clear()
        sns_backends[DEFAULT_ACCOUNT_ID][REGION].sms_messages.clear()

    def dump(self, *tables: str) -> list[dict[str, Any]]:
        """Everything that is stored, to see whether anything changed."""
        db = boto3.client("dynamodb")
        names = tables or tuple(self.tables.values())
        return [item for name in names for item in sorted(db.scan(TableName=name)["Items"], key=str)]


@contextmanager
def web_on_moto() -> Iterator[Web]:
    """The pages on moto. Make it once for a module: making it is most of a test's time."""
    with pytest.MonkeyPatch.context() as patch, tables_on_moto(patch) as tables:
        key = boto3.client("kms").create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
        boto3.client("s3").create_bucket(Bucket="documents", CreateBucketConfiguration={"LocationConstraint": REGION})
        patch.setenv("CODE_KEY_ID", key["KeyMetadata"]["KeyId"])
        patch.setenv("DOCUMENTS_BUCKET", "documents")
        patch.setenv("PUBLIC_BASE_URL", f"{ORIGIN}{BASE}")
        patch.setenv("MAIL_SENDER", "no-reply@bank.example")
        patch.setenv("MAX_RECEIVES", "5")
        patch.setenv("GATEWAY_URL", "")
        patch.setenv("MAIL_EVENTS", "")
        patch.setenv("SMS_ORIGINATION", "")
        patch.setenv("STAGE", "test")
        patch.setenv("GATEWAY_SECRET_PARAMETER", "/accord/test/gateway-secret")
        patch.syspath_prepend(str(ROOT / "functions" / "customer_web"))
        web = Web(tables, load_app("customer_web"))
        patch.setattr(clock, "now", lambda: web.now)
        yield web
        sys.modules.pop("pages", None)


# --- steps of the way, for tests that begin further on ---------------------------------------------------------------


def answers(web: Web, case: Case) -> dict[str, str]:
    """The right answers about the offer that was chosen."""
    offer = web.cases.get(case.case_id).offer(web.cases.get(case.case_id).chosen_offer_id)
    assert offer is not None
    return {question.id: question.right for question in questions(offer, "en")}


def understood(web: Web, case: Case, browser: Browser, offers: Page) -> Page:
    """Choose the first option and answer rightly: the page is the agreement."""
    chosen = browser.submit(offers)
    assert chosen.path == "/my/questions", chosen.text
    agreement = browser.submit(chosen, **answers(web, case))
    assert agreement.path == "/my/agreement", agreement.text
    return agreement


def ticked(page: Page) -> dict[str, str]:
    return dict.fromkeys(page.form["choices"], "yes")


def before_signing(web: Web, case: Case, browser: Browser, offers: Page) -> Page:
    agreement = understood(web, case, browser, offers)
    return browser.post("/my/agreement", browser.filled(agreement) | ticked(agreement))


def signed(web: Web, case: Case, language: str = "en") -> tuple[Browser, Page]:
    browser, offers = web.entered(case, language)
    sign = before_signing(web, case, browser, offers)
    assert sign.path == "/my/sign", sign.text
    return browser, browser.submit(sign, name=NAME, code=web.last_code())


def seal_it(web: Web, case: Case) -> None:
    """What the workflow does after the signature."""
    now = web.cases.get(case.case_id)
    assert now.agreement is not None
    key, digest = f"agreements/{case.case_id}/1.pdf", hashlib.sha256(PDF).hexdigest()
    boto3.client("s3").put_object(Bucket="documents", Key=key, Body=PDF)
    sealing = AgreementSealed(
        document_key=key,
        document_sha256=digest,
        unsealed_sha256="0" * 64,
        terms_hash=now.agreement.terms_hash,
        chain_head=now.head,
        key_arn="arn:aws:kms:::key/seal",
    )
    web.change(case.case_id, lambda case: sealed(case, sealing))
    web.change(case.case_id, lambda signed: activate(signed, load_policy("CN"), NOW))


def form_of(content: bytes, name: str = "document") -> bytes:
    """A form that sends a file."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; filename="a.pdf"\r\n'
    return f"{head}Content-Type: application/pdf\r\n\r\n".encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()
