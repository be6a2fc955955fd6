"""The customer's pages as a browser meets them: the whole way, every refusal, and that a GET changes nothing."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from io import StringIO
from threading import Lock
from typing import Any

import boto3
import pytest
from billing_events import overdue_event
from botocore.exceptions import ReadTimeoutError
from integration.web_fixtures import (
    BASE,
    CONTEXT,
    LAST4,
    NAME,
    NOW,
    ORIGIN,
    PDF,
    PHONE,
    Browser,
    Page,
    Web,
    answers,
    before_signing,
    seal_it,
    signed,
    ticked,
    understood,
    web_on_moto,
)

from accord import glyphs, staff, wording
from accord.agreement import check_complete, found_until, terms_hash
from accord.assessment import assess
from accord.aws import clients, outbound
from accord.aws.access import FAILURES_PER_CASE, TRIES_PER_CODE, Purpose
from accord.case import Case, Change, ClosedReason, Decision, Status, TaskReason
from accord.channels import next_way
from accord.comprehension import questions
from accord.customer import DECLINE_REASONS
from accord.errors import NotSentError, ServiceUnavailableError
from accord.events import Actor, verify_chain
from accord.figures import figures_of, note_figures
from accord.lifecycle import arrange_call, close, remind
from accord.messages import CODE_MINUTES
from accord.policy import load_policy
from accord.texts import format_date

STAFFS_WORDS = {choice.split("/")[0] for _, words in staff._WAITS.values() for choice in words}
MEI = Actor(kind="STAFF", id="mei")

DRAWING = "12,40 13,42 200,180;100,50 600,200"
PAGES = ("offers", "questions", "agreement", "sign", "plan", "proposal", "income", "call", "person", "decline")
LANGUAGES = ("zh-CN", "en")


@pytest.fixture(scope="module")
def pages() -> Iterator[Web]:
    with web_on_moto() as web:
        yield web


@pytest.fixture
def web(pages: Web) -> Web:
    pages.clear()
    return pages


def happened(web: Web, case: Case) -> list[str]:
    return [event.type for event in web.cases.events(case.case_id)]


# --- the whole way ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_customer_comes_from_the_link_to_the_sealed_agreement(web: Web, language: str) -> None:
    case = web.invited()
    browser, page = signed(web, case, language)
    assert page.path == "/my/plan"
    assert page.headers["refresh"] == f"2; url={BASE}/my"
    seal_it(web, case)
    done = browser.get("/my")
    assert "refresh" not in done.headers
    copy = browser.submit(done)
    assert copy.body == PDF
    assert copy.headers["content-type"] == "application/pdf"
    assert re.fullmatch(r'attachment; filename="agreement-[0-9a-f]{8}\.pdf"', copy.headers["content-disposition"])
    assert happened(web, case)[5:] == [
        "CodeSent",
        "IdentityConfirmed",
        "OfferChosen",
        "ComprehensionChecked",
        "CodeSent",
        "AgreementSigned",
        "CustomerDecided",
        "AgreementSealed",
        "PlanActivated",
        "AgreementDownloaded",
    ]
    verify_chain(web.cases.events(case.case_id))


def test_an_old_browser_that_asks_for_pages_alone_gets_the_agreement(web: Web) -> None:
    case = web.invited()
    browser, _ = signed(web, case)
    seal_it(web, case)
    page = browser.get("/my")
    assert browser.post(page.path, browser.filled(page), accept="text/html").body == PDF


@pytest.mark.parametrize(
    "harm",
    [
        lambda s3, key: s3.put_object(Bucket="documents", Key=key, Body=PDF + b" "),
        lambda s3, key: s3.delete_object(Bucket="documents", Key=key),
    ],
    ids=["other content", "gone"],
)
def test_an_agreement_that_cannot_be_handed_over_is_told_to_staff_once_and_not_recorded_as_downloaded(
    web: Web, harm: Callable[[Any, str], object]
) -> None:
    case = web.invited()
    browser, _ = signed(web, case)
    seal_it(web, case)
    agreement = web.cases.get(case.case_id).agreement
    assert agreement is not None
    harm(boto3.client("s3"), str(agreement.document_key))
    for _ in range(2):
        page = browser.submit(browser.get("/my"))
        assert page.status == 503
        assert "The bank has been told" in page.text
    assert happened(web, case)[-2:] == ["PlanActivated", "StaffTaskCreated"]
    (task,) = web.cases.tasks(case.case_id)
    assert (task.kind, task.reason) == ("CHECK_DOCUMENT", "DOCUMENT_MISSING")
    done = staff.decide(
        web.cases.get(case.case_id),
        task,
        [],
        web.cases.reach(case.cardholder_id),
        "MENDED",
        "mei",
        "LEAD",
        load_policy("CN"),
        web.now,
    )
    web.change(case.case_id, lambda _: done)
    browser.submit(browser.get("/my"))
    assert len(web.cases.tasks(case.case_id)) == 2, "who mended it in vain hears of it again"


def test_a_bucket_that_does_not_answer_is_no_task(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    case = web.invited()
    browser, _ = signed(web, case)
    seal_it(web, case)
    page = browser.get("/my")

    def lost(**_: Any) -> None:
        raise ReadTimeoutError(endpoint_url="https://s3")

    monkeypatch.setattr(clients.client("s3"), "get_object", lost)
    assert "try again in a moment" in browser.submit(page).text
    assert web.cases.tasks(case.case_id) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_signed_is_what_was_shown(web: Web, language: str) -> None:
    case = web.invited()
    browser, offers = web.entered(case, language)
    page = understood(web, case, browser, offers)
    browser.submit(browser.post("/my/agreement", browser.filled(page) | ticked(page)), name=NAME, code=web.last_code())
    agreement = web.cases.get(case.case_id).agreement
    assert agreement is not None
    terms = json.loads(agreement.terms)
    assert agreement.terms_hash == terms_hash(terms) == page.form["fields"]["terms_hash"]
    assert agreement.language == terms["language"] == language
    check_complete(terms, load_policy("CN"), NOW.date())
    for clause in terms["clauses"]:
        for paragraph in clause["paragraphs"]:
            assert paragraph in page.text
    for text in terms["consent_texts"].values():
        assert text in page.text
    (event,) = (event for event in web.cases.events(case.case_id) if event.type == "AgreementSigned")
    assert event.content["data"]["consents"] == terms["consents"]


def test_a_signature_is_a_decision_of_the_customer_that_the_workflow_can_take_up(web: Web) -> None:
    case = web.invited()
    signed(web, case)
    now = web.cases.get(case.case_id)
    assert now.status is Status.SIGNED
    assert now.decision is not None
    assert (now.decision.by, now.decision.kind) == ("CUSTOMER", "SIGNED")


def test_no_event_of_the_way_holds_personal_data(web: Web) -> None:
    case = web.invited()
    signed(web, case)
    stored = json.dumps([event.body for event in web.cases.events(case.case_id)], ensure_ascii=False)
    for personal in (NAME, PHONE, LAST4, "holder-0001@example.com"):
        assert personal not in stored


def test_no_log_line_holds_personal_data_a_link_or_a_code(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    log = StringIO()
    monkeypatch.setattr(web.app.logger.registered_handler, "stream", log)
    monkeypatch.setattr(web.app.sessions, "end", None)  # a fault, so that a traceback is written too
    case = web.invited()
    browser = web.browser()
    link = web.link(case)
    browser.submit(browser.get(link), last4="9999")
    code = browser.submit(browser.get(link), last4=LAST4)
    browser.submit(code, code="000000")
    offers = browser.submit(code, code=web.last_code())
    sign = before_signing(web, case, browser, offers)
    browser.submit(sign, name="Somebody Else", code="1")
    assert browser.post("/my/leave", sign.forms[1]["fields"]).status == 500
    written = log.getvalue()
    assert "Caught exception" in written
    for secret in (
        NAME,
        PHONE,
        LAST4,
        link.removeprefix("/c/"),
        web.last_code(),
        "Somebody Else",
        *browser.cookies.values(),
    ):
        assert secret not in written


# --- coming in -------------------------------------------------------------------------------------------------


def test_the_landing_page_is_the_same_for_every_link_and_tells_nothing(web: Web) -> None:
    case = web.invited()
    browser = web.browser()
    known, unknown = browser.get(web.link(case)), browser.get(f"/c/{'x' * 43}")
    assert (known.status, known.body, known.headers) == (unknown.status, unknown.body, unknown.headers)
    assert "Example Bank" in known.text
    for told in ("¥", "24,916", "overdue", NAME, PHONE[-2:] + "."):
        assert told not in known.text


def test_unknown_expired_replaced_locked_and_wrong_get_the_same_answer(web: Web) -> None:
    replaced, wrong, locked, expired = (web.invited() for _ in range(4))
    old = web.link(expired)
    web.later(days=8)
    first = web.link(replaced)
    web.link(replaced)
    locked_link = web.link(locked)
    while web.app.tries.begin(locked.case_id, Purpose.IDENTITY):
        pass
    links = {
        "unknown": (f"/c/{'a' * 43}", LAST4),
        "malformed": ("/c/%2e%2e", LAST4),
        "expired": (old, LAST4),
        "replaced": (first, LAST4),
        "wrong": (web.link(wrong), "0000"),
        "locked": (locked_link, LAST4),
    }
    sent = len(web.sms())
    found = {name: web.browser().send("POST", link, {"last4": last4}) for name, (link, last4) in links.items()}
    assert {(page.status, page.body, str(page.headers), str(page.cookies)) for page in found.values()} == {
        (403, found["wrong"].body, str(found["wrong"].headers), "[]")
    }
    assert len(web.sms()) == sent


def test_a_wrong_used_expired_or_foreign_code_gets_the_same_answer(web: Web) -> None:
    def asked() -> tuple[Browser, str, str]:
        browser, link = web.browser(), web.link(web.invited())
        browser.submit(browser.get(link), last4=LAST4)
        return browser, f"{link}/code", web.last_code()

    pages = []
    browser, path, code = asked()
    pages.append(browser.send("POST", path, {"code": f"{(int(code) + 1) % 10**6:06d}"}))
    pages.append(web.browser().send("POST", path, {"code": code}))  # the right code, in another browser
    assert browser.send("POST", path, {"code": code}).status == 303
    browser, path, code = asked()
    stolen = dict(browser.cookies)
    assert browser.send("POST", path, {"code": code}).status == 303
    browser.cookies = stolen
    pages.append(browser.send("POST", path, {"code": code}))
    browser, path, code = asked()
    web.later(minutes=5)
    pages.append(browser.send("POST", path, {"code": code}))
    pages.append(browser.send("POST", f"/c/{'x' * 43}/code", {"code": code}))
    texts = {re.sub(r"/c/[\w-]{43}", "/c/…", page.html) for page in pages}
    assert len(texts) == 1
    assert {(page.status, str(page.cookies)) for page in pages} == {(403, "[]")}


@pytest.mark.parametrize("path", ["GET /code", "POST /code", "POST "])
def test_unknown_wrong_and_locked_links_ask_the_tables_for_as_much(
    web: Web, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """So that no answer is quicker than another."""
    method, _, rest = path.partition(" ")
    locked = web.invited()
    links = {"unknown": f"/c/{'x' * 43}", "known": web.link(web.invited()), "locked": web.link(locked)}
    for guess in range(FAILURES_PER_CASE[Purpose.IDENTITY] + 1):
        web.browser().send("POST", links["locked"], {"last4": f"00{guess:02d}"})
    db, calls = clients.client("dynamodb"), []
    call = db._make_api_call

    def counted(operation: str, arguments: dict[str, Any]) -> Any:
        calls.append(operation)
        return call(operation, arguments)

    monkeypatch.setattr(db, "_make_api_call", counted)
    found = {}
    for name, link in links.items():
        calls.clear()
        web.browser().send(method, link + rest, {"code": "123456", "last4": "0000"} if method == "POST" else b"")
        found[name] = list(calls)
    assert found["known"] == found["unknown"] == found["locked"] != []


def test_the_code_goes_to_the_phone_on_file_and_the_page_shows_its_last_two_digits_alone(web: Web) -> None:
    case = web.invited()
    browser = web.browser()
    page = browser.submit(browser.get(web.link(case)), last4=" ２０４x ")  # as a Chinese keyboard may write it
    assert "ends in 01" in page.text
    assert PHONE not in page.html
    assert f"@plan.bank.example #{web.last_code()}" in web.sms()[-1]
    assert "¥" not in web.sms()[-1]


def test_a_code_may_be_typed_with_spaces_or_full_width_digits(web: Web) -> None:
    browser = web.browser()
    page = browser.submit(browser.get(web.link(web.invited())), last4=LAST4)
    code = web.last_code().translate(str.maketrans("0123456789", "０１２３４５６７８９"))
    assert browser.submit(page, code=f" {code[:3]} {code[3:]} ").path == "/my/offers"


def test_a_code_page_that_nobody_asked_for_shows_no_form(web: Web) -> None:
    link = web.link(web.invited())
    page = web.browser().get(f"{link}/code")
    assert not page.forms
    assert "01" not in page.text


@pytest.mark.parametrize("last4", [LAST4, "0000"])
@pytest.mark.parametrize(("language", "words"), [("en", "This does not work right now"), ("zh-CN", "现在用不了")])
def test_where_the_words_of_codes_were_never_reviewed_none_is_counted_and_the_page_says_to_call(
    web: Web, monkeypatch: pytest.MonkeyPatch, last4: str, language: str, words: str
) -> None:
    link, browser = web.link(web.invited()), web.browser(language)
    landing, before = browser.get(link), web.dump()
    with monkeypatch.context() as patch:
        patch.setattr(wording, "_reviewed", dict)
        for _ in range(4):
            page = browser.submit(landing, last4=last4)
            assert (page.status, words in page.text) == (503, True)
    assert (web.dump(), web.sms()) == (before, [])
    for _ in range(3):
        assert browser.submit(landing, last4=LAST4).path == f"{link}/code", "none of the three was used up"


def test_the_same_holds_for_the_codes_that_sign(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    case = web.invited()
    browser, offers = web.entered(case)
    agreement = understood(web, case, browser, offers)
    sent = browser.filled(agreement) | ticked(agreement)
    before = web.dump()
    with monkeypatch.context() as patch:
        patch.setattr(wording, "_reviewed", dict)
        for _ in range(4):
            page = browser.post("/my/agreement", sent)
            assert (page.status, "This does not work right now" in page.text) == (503, True)
    assert web.dump() == before
    assert browser.post("/my/agreement", sent).path == "/my/sign", "the same form, when they are"


def test_a_code_and_its_cookie_are_good_for_as_long_as_every_page_says(
    web: Web,
) -> None:
    browser, case = web.browser(), web.invited()
    asked = browser.send("POST", web.link(case), {"last4": LAST4})
    assert [f"Max-Age={60 * CODE_MINUTES}" in cookie for cookie in asked.cookies] == [True]
    code = browser.get(asked.headers["location"].removeprefix(BASE))
    assert f"good for {CODE_MINUTES} minutes" in code.text
    sign = before_signing(web, case, browser, browser.submit(code, code=web.last_code()))
    assert f"Good for {CODE_MINUTES} minutes" in sign.text


def test_session_and_code_cookies_are_locked_to_us(web: Web) -> None:
    browser = web.browser()
    link = web.link(web.invited())
    asked = browser.send("POST", link, {"last4": LAST4})
    entered = browser.send("POST", f"{link}/code", {"code": web.last_code()})
    for cookie in (*asked.cookies, *entered.cookies):
        name, *flags = cookie.split("; ")
        assert name.startswith("__Host-")
        assert {"Path=/", "Secure", "HttpOnly", "SameSite=Strict"} <= set(flags)
        assert not any(flag.startswith("Domain") for flag in flags)
    assert len(entered.cookies) == 2  # the session, and the end of the code's cookie
    assert set(browser.cookies) == {"__Host-session"}


def test_a_cookie_that_was_planted_before_is_not_the_session_afterwards(web: Web) -> None:
    browser = web.browser()
    browser.cookies = {"__Host-session": "planted", "__Host-code": "planted"}
    page = browser.submit(browser.get(web.link(web.invited())), last4=LAST4)
    browser.submit(page, code=web.last_code())
    assert "planted" not in browser.cookies.values()


def test_three_codes_an_hour_then_wait(web: Web) -> None:
    browser, link = web.browser(), web.link(web.invited())
    for _ in range(3):
        assert browser.submit(browser.get(link), last4=LAST4).status == 200
    sent = len(web.sms())
    refused = browser.submit(browser.get(link), last4=LAST4)
    assert refused.status == 429
    assert "asked for a code three times" in refused.text
    assert len(web.sms()) == sent
    web.later(hours=1)
    assert browser.submit(browser.get(link), last4=LAST4).status == 200


def test_the_tenth_failure_locks_the_case_and_calls_a_person_once(web: Web) -> None:
    case = web.invited()
    browser, link = web.browser(), web.link(case)
    for _ in range(FAILURES_PER_CASE[Purpose.IDENTITY]):
        assert browser.submit(browser.get(link), last4="0000").status == 403
    assert browser.submit(browser.get(link), last4=LAST4).status == 403
    assert browser.submit(browser.get(web.link(case)), last4=LAST4).status == 403  # a new link does not help
    assert happened(web, case).count("AccessLocked") == 1
    (task,) = web.cases.tasks(case.case_id)
    assert (task.kind, task.reason, task.facts) == ("UNLOCK_ACCESS", "ACCESS_LOCKED", {"lock": "1"})


def test_guesses_at_the_same_moment_never_get_more_than_ten_looks(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    case = web.invited()
    link = web.link(case)
    lock, db = Lock(), clients.client("dynamodb")
    call = db._make_api_call

    def locked(*args: Any, **kwargs: Any) -> Any:
        with lock:
            return call(*args, **kwargs)

    monkeypatch.setattr(db, "_make_api_call", locked)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda number: web.app.identified(link[3:], f"{number:04d}")[0], range(40)))
    assert not any(found)
    assert web.app.tries.lock(case.case_id, Purpose.IDENTITY) == 1
    (item,) = (item for item in web.dump("AccessTable") if item["pk"]["S"] == f"CASE#{case.case_id}")
    assert item["failures"]["N"] == str(FAILURES_PER_CASE[Purpose.IDENTITY])


def test_an_sms_that_cannot_be_sent_is_said_and_opens_nothing(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    case = web.invited()
    browser, link = web.browser(), web.link(case)

    def lost(*_: Any, **__: Any) -> None:
        raise ReadTimeoutError(endpoint_url="https://sns")

    monkeypatch.setattr(clients.client("sns", attempts=1), "publish", lost)
    page = browser.submit(browser.get(link), last4=LAST4)
    assert page.status == 503
    assert "may not have been sent" in page.text
    assert not browser.cookies
    assert "CodeSent" not in happened(web, case)


def test_a_code_that_did_not_leave_is_none_of_the_three(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither at the door nor where one signs. Whoever tries on and on meanwhile is told to wait, as after three."""
    case = web.invited()
    link, browser = web.link(case), web.browser()
    landing = browser.get(link)
    with nothing_leaves(web, monkeypatch):
        found = [browser.submit(landing, last4=LAST4) for _ in range(4)]
    assert [page.status for page in found] == [503, 503, 503, 429]
    assert "asked for a code three times" in found[3].text
    assert "an hour at most" in found[3].text
    web.later(minutes=5)
    for _ in range(3):
        code = browser.submit(landing, last4=LAST4)
        assert code.path == f"{link}/code"
    agreement = understood(web, case, browser, browser.submit(code, code=web.last_code()))
    agreed = ticked(agreement)
    with nothing_leaves(web, monkeypatch):
        for _ in range(3):
            fields = browser.filled(browser.get("/my/agreement")) | agreed
            assert browser.post("/my/agreement", fields).status == 503
            assert browser.get("/my/sign").path == "/my/agreement", "no page says that a code was sent"
    web.later(minutes=5)
    for _ in range(3):
        fields = browser.filled(browser.get("/my/agreement")) | agreed
        assert browser.post("/my/agreement", fields).path == "/my/sign"


def test_a_code_that_may_have_left_counts_as_one_that_did(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    browser, link = web.browser(), web.link(web.invited())
    with nothing_leaves(web, monkeypatch, NotSentError(TaskReason.MESSAGE_IN_DOUBT)):
        for _ in range(3):
            assert browser.submit(browser.get(link), last4=LAST4).status == 503
    web.later(minutes=5)
    assert browser.submit(browser.get(link), last4=LAST4).status == 429


@contextmanager
def nothing_leaves(web: Web, monkeypatch: pytest.MonkeyPatch, error: Exception | None = None) -> Iterator[None]:
    """No text message leaves; for certain, unless another error says otherwise."""

    def down(*_: str) -> None:
        raise error or ServiceUnavailableError("throttled")

    with monkeypatch.context() as patch:
        patch.setattr(web.app.out, "sms", down)
        yield


def test_who_opted_out_of_texts_is_told_to_call_and_not_to_try_again(web: Web) -> None:
    """moto counts the numbers that end in 99 among those that answered stop."""
    case = web.invited(cardholder={"phone": "+12025550199"})
    browser = web.browser()
    page = browser.submit(browser.get(web.link(case)), last4=LAST4)
    assert page.status == 503
    assert "answered STOP" in page.text
    assert "try again" not in page.text
    assert web.sms() == []


# --- a GET changes nothing, and a POST has to be ours ------------------------------------------------------------


def test_routes_know_no_other_method_than_get_and_post(web: Web) -> None:
    assert {method for methods in web.app.app.routes.values() for method in methods} == {"GET", "POST"}


def test_a_get_changes_no_case_and_outside_a_visit_nothing_at_all(web: Web) -> None:
    case = web.invited()
    link = web.link(case)
    stranger = web.browser()
    before = web.dump()
    for path in (
        link,
        f"{link}/code",
        f"{link}?lang=en",
        "/my",
        *(f"/my/{page}" for page in PAGES),
        "/assets/style.css",
    ):
        stranger.get(path)
    assert web.dump() == before

    browser, _ = web.entered(case)
    web.later(minutes=2)
    cases, access = web.dump("CasesTable", "EventsTable", "PeopleTable"), web.dump("AccessTable")
    for page in ("", *(f"/{page}" for page in PAGES)):
        browser.get(f"/my{page}")
    assert web.dump("CasesTable", "EventsTable", "PeopleTable") == cases
    without_clock = [{k: v for k, v in item.items() if k != "seen_at"} for item in access]
    assert [{k: v for k, v in item.items() if k != "seen_at"} for item in web.dump("AccessTable")] == without_clock


def everything_posted(web: Web, browser: Browser) -> Iterator[tuple[str, dict[str, str]]]:
    """A good form for every action of a visit."""
    offers = browser.get("/my/offers")
    fields = browser.filled(offers)
    yield "/my/offers", fields
    for page, typed in {
        "proposal": {"amount": "500"},
        "income": {"monthly_income": "9000"},
        "call": {},
        "person": {},
        "decline": {"reason": "NOT_TOLD"},
    }.items():
        yield f"/my/{page}", browser.filled(browser.get(f"/my/{page}")) | typed
    for path in ("/my/questions", "/my/agreement", "/my/sign", "/my/plan", "/my/leave"):
        yield path, fields
    yield "/my/language", fields | {"language": "zh-CN", "page": "offers"}


@pytest.mark.parametrize(
    ("headers", "changes"),
    [
        ({"origin": "https://evil.example"}, {}),
        ({"origin": "null"}, {}),
        ({"origin": ""}, {}),
        ({"origin": f"{ORIGIN}.evil.example", "host": "plan.bank.example"}, {}),
        ({"origin": "https://evil.example", "host": "evil.example", "x-forwarded-host": "evil.example"}, {}),
        ({}, {"csrf": ""}),
        ({}, {"csrf": "0" * 64}),
        ({}, {"csrf": "é"}),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_forged_form_changes_nothing(web: Web, headers: dict[str, str], changes: dict[str, str]) -> None:
    case = web.invited()
    browser, _ = web.entered(case)
    forms = list(everything_posted(web, browser))
    before = web.dump()
    for path, fields in forms:
        page = browser.send("POST", path, fields | changes, **headers)
        assert page.status == 403, path
        assert not page.cookies
    assert web.dump() == before


def test_the_token_of_one_visit_is_none_for_another(web: Web) -> None:
    case = web.invited()
    mine, _ = web.entered(case)
    theirs, offers = web.entered(web.invited())
    before = web.dump()
    assert mine.send("POST", "/my/offers", theirs.filled(offers)).status == 403
    assert web.dump() == before


def test_the_landing_form_of_another_site_sends_no_code(web: Web) -> None:
    link = web.link(web.invited())
    before, sent = web.dump(), len(web.sms())
    assert web.browser().send("POST", link, {"last4": LAST4}, origin="https://evil.example").status == 403
    assert (web.dump(), len(web.sms())) == (before, sent)


def test_a_method_override_is_no_post(web: Web) -> None:
    browser, _ = web.entered(web.invited())
    before = web.dump("CasesTable", "EventsTable")
    browser.send("GET", "/my/decline", x_http_method_override="POST", x_method_override="POST")
    assert web.dump("CasesTable", "EventsTable") == before


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b'{"last4": "204X"}', "application/json", 415),
        (b"last4=204X", "text/plain", 415),
        (b"last4=204X", "", 415),
        (b"last4=" + b"9" * 20_000, "application/x-www-form-urlencoded", 400),
        (b"&".join(b"a%d=1" % n for n in range(100)), "application/x-www-form-urlencoded", 400),
        (b"last4=%ff%fe", "application/x-www-form-urlencoded", 400),
        ("last4=é".encode(), "application/x-www-form-urlencoded", 400),
        (b"last4=20%004X", "application/x-www-form-urlencoded", 400),
        (b"last4=204X&csrf=%0d%0aSet-Cookie:x", "application/x-www-form-urlencoded", 400),
        (b"", "application/x-www-form-urlencoded", 403),
        (b"\x00\x01", "application/x-www-form-urlencoded", 400),
        (b"=&=&;", "application/x-www-form-urlencoded", 403),
    ],
    ids=range(12),
)
def test_an_odd_body_is_refused_in_words(web: Web, body: bytes, kind: str, status: int) -> None:
    link = web.link(web.invited())
    page = web.browser().send("POST", link, body, content_type=kind)
    assert page.status == status
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "Example Bank" in page.text


def test_a_body_that_is_not_base64_is_refused(web: Web) -> None:
    event = {
        "multiValueQueryStringParameters": None,
        "headers": {"origin": ORIGIN, "content-type": "application/x-www-form-urlencoded"},
        "pathParameters": {"locator": "x" * 43},
        "requestContext": {"resourcePath": "/c/{locator}", "httpMethod": "POST", "requestId": "q"},
        "stageVariables": None,
        "body": "a",
        "isBase64Encoded": True,
    }
    assert web.app.handler(event, CONTEXT)["statusCode"] == 400


def test_a_form_without_its_one_time_key_is_refused(web: Web) -> None:
    browser, offers = web.entered(web.invited())
    before = web.dump("CasesTable", "EventsTable")
    for key in ("", "short", "x" * 500, "../" * 7 + "x"):
        assert browser.post("/my/offers", browser.filled(offers) | {"key": key}).status == 400
    assert web.dump("CasesTable", "EventsTable") == before


def test_typed_words_never_become_markup(web: Web) -> None:
    browser, offers = web.entered(web.invited())
    evil = '"><script>alert(1)</script>{{ 7*7 }}'
    for page in (
        browser.submit(browser.get("/my/proposal"), amount=evil),
        browser.submit(browser.get("/my/income"), monthly_income=evil, dependants=evil),
    ):
        assert page.status == 422
        assert "<script" not in page.html
        assert "49" not in page.form["fields"].get("amount", "")
    assert browser.send("GET", "/my/offers?lang=%22%3E%3Cscript%3E").html.count("<script") == 0
    assert offers.html.count("<script") == 0


# --- a name that the documents cannot print ------------------------------------------------------------------------

RARE = "王\U00020bb7"
SAID = {
    "en": ("your name", "cannot show yet", "do not write a name wrongly", "so you cannot sign for now"),
    "zh-CN": ("您的姓名", "显示不出来", "姓名不能写错", "还不能签署"),
}
CALLED = {"en": "They will call you", "zh-CN": "会给您打电话"}


def says_why(page: Page, language: str = "en") -> bool:
    return all(words in page.text or words.capitalize() in page.text for words in SAID[language])


def name_tasks(web: Web, case: Case) -> list[str | None]:
    found = [task for task in web.cases.tasks(case.case_id) if task.reason == "NAME_NOT_PRINTABLE"]
    return [task.outcome for task in found]


def printable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bank has deployed a font with every character."""
    monkeypatch.setattr(glyphs, "_coverage", lambda: ([0], [0x10FFFF]))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_name_that_cannot_be_printed_is_told_with_the_offers_and_in_place_of_the_agreement(
    web: Web, language: str
) -> None:
    case = web.invited(cardholder={"name": RARE})
    browser, offers = web.entered(case, language)
    before = web.dump("CasesTable", "EventsTable")
    offers = browser.get("/my/offers")
    assert says_why(offers, language)
    assert CALLED[language] not in offers.text  # nobody was asked to call yet
    assert f'href="{BASE}/my/call"' in offers.html
    assert web.dump("CasesTable", "EventsTable") == before
    agreement = understood(web, case, browser, offers)
    assert agreement.status == 200
    assert says_why(agreement, language)
    assert CALLED[language] in agreement.text
    assert name_tasks(web, case) == [None]
    assert ("2026年" if language == "zh-CN" else "2026") in agreement.text  # until when the offers stand
    assert f'href="{BASE}/my/call"' in agreement.html
    assert [form["action"] for form in agreement.forms] == [f"{BASE}/my/language", f"{BASE}/my/leave"]
    assert CALLED[language] in browser.get("/my/offers").text


def test_no_code_leaves_and_nothing_is_signed_under_a_name_that_cannot_be_printed(web: Web) -> None:
    case = web.invited()
    browser, offers = web.entered(case)
    agreement = understood(web, case, browser, offers)
    consents = browser.filled(agreement) | ticked(agreement)
    rename(web, case, RARE)  # billing hands over another record meanwhile
    sent = len(web.sms())
    refused = browser.post("/my/agreement", consents)
    assert (refused.status, says_why(refused), len(web.sms())) == (409, True, sent)
    assert (name_tasks(web, case), "CodeSent" in happened(web, case)[-2:]) == ([None], False)
    rename(web, case, NAME)
    sign = browser.post("/my/agreement", browser.filled(browser.get("/my/agreement")) | ticked(agreement))
    assert sign.path == "/my/sign"
    rename(web, case, RARE)
    refused = browser.submit(sign, name=RARE, code=web.last_code())
    assert (refused.status, says_why(refused)) == (409, True)
    assert says_why(browser.get("/my/sign"))
    assert web.cases.get(case.case_id).status is Status.NEGOTIATING
    assert name_tasks(web, case) == [None]
    rename(web, case, NAME)  # the code is still good
    assert browser.submit(sign, name=NAME, code=web.last_code()).path == "/my/plan"


def rename(web: Web, case: Case, name: str) -> None:
    web.people.put(web.people.get(case.cardholder_id).model_copy(update={"name": name}), web.now)
    web.later(seconds=1)


def test_when_a_font_with_the_character_is_there_the_customer_goes_on_and_signs(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = web.invited(cardholder={"name": RARE})
    browser, offers = web.entered(case)
    assert says_why(understood(web, case, browser, offers))
    printable(monkeypatch)
    assert not says_why(browser.get("/my/offers"))
    agreement = browser.get("/my/agreement")
    sign = browser.post("/my/agreement", browser.filled(agreement) | ticked(agreement))
    assert browser.submit(sign, name=RARE, code=web.last_code()).path == "/my/plan"
    assert web.cases.get(case.case_id).status is Status.SIGNED


def test_a_call_about_the_name_is_promised_only_while_staff_have_the_task(web: Web) -> None:
    case = web.invited(cardholder={"name": RARE})
    browser, offers = web.entered(case)
    understood(web, case, browser, offers)
    (task,) = web.cases.tasks(case.case_id)
    policy = load_policy("CN")
    web.change(
        case.case_id,
        lambda case: staff.decide(
            case, task, [task], web.cases.reach(case.cardholder_id), "REACHED", "mei", "LEAD", policy, web.now
        ),
    )
    for path in ("/my/offers", "/my/agreement"):
        page = browser.get(path)
        assert says_why(page)
        assert CALLED["en"] not in page.text
        assert "Have us call you about it" in page.text
    browser.submit(browser.get("/my/offers"))  # they want to go on all the same
    assert sorted(name_tasks(web, case), key=str) == [None, "REACHED"]


# --- where one left off ----------------------------------------------------------------------------------------


def test_an_interrupted_customer_comes_back_where_they_were(web: Web) -> None:
    case = web.invited()
    places = []

    def again() -> tuple[Browser, Page]:
        web.later(hours=1)
        browser, page = web.entered(case)
        places.append(page.path)
        return browser, page

    browser, offers = again()
    browser.submit(offers)
    browser, asked = again()
    agreement = browser.submit(asked, **answers(web, case))
    browser.post("/my/agreement", browser.filled(agreement) | ticked(agreement))
    browser, agreement = again()  # the code was for the other visit, so the agreement is shown again
    sign = browser.post("/my/agreement", browser.filled(agreement) | ticked(agreement))
    browser.submit(sign, name=NAME, code=web.last_code())
    again()
    assert places == ["/my/offers", "/my/questions", "/my/agreement", "/my/plan"]


def test_pages_ahead_lead_back_to_where_one_is(web: Web) -> None:
    browser, offers = web.entered(web.invited())
    for page in ("questions", "agreement", "sign", "plan"):
        assert browser.get(f"/my/{page}").path == "/my/offers"
    browser.submit(offers)
    for page in ("agreement", "sign", "plan"):
        assert browser.get(f"/my/{page}").path == "/my/questions"


def test_another_option_can_be_chosen_until_signing(web: Web) -> None:
    case = web.invited()
    browser, offers = web.entered(case)
    assert len(case.offers) > 1
    understood(web, case, browser, offers)
    again = browser.get("/my/offers")
    assert "You chose this one before" in again.text
    other = browser.filled(again) | {"offer": case.offers[1].offer_id}
    assert browser.post("/my/offers", other).path == "/my/questions"
    assert web.cases.get(case.case_id).comprehension is None


def test_a_session_ends_when_idle_and_the_page_says_how_to_go_on(web: Web) -> None:
    browser, offers = web.entered(web.invited())
    web.later(minutes=11)
    leave = offers.forms[1]["fields"]
    for page in (browser.get("/my/offers"), browser.post("/my/leave", leave), browser.submit(offers)):
        assert page.status == 403
        assert "Open the link in your message again" in page.text
        assert ("did not get through" in page.text) == (page.path == "/my/offers" and page.method == "POST")


def test_an_account_that_was_sold_meanwhile_can_no_longer_be_agreed_on(web: Web) -> None:
    case = web.invited()
    browser, offers = web.entered(case)
    web.update(case.case_id, flags=("SOLD",))
    refused = browser.post("/my/offers", browser.filled(offers) | {"offer": case.offers[0].offer_id})
    assert refused.status == 409
    page = browser.get("/my")
    assert (page.path, page.status) == ("/my/plan", 200)
    assert "Something about your account has changed" in page.text
    assert web.cases.get(case.case_id).chosen_offer_id is None


def test_who_leaves_or_was_signed_out_leaves_no_page_behind_that_back_would_show(web: Web) -> None:
    browser, page = web.entered(web.invited())
    assert "clear-site-data" not in page.headers
    web.later(minutes=11)
    for answer in (browser.send("GET", "/my/offers"), browser.send("POST", "/my/offers", browser.filled(page))):
        assert (answer.status, answer.headers["clear-site-data"]) == (403, '"cache"')
    browser, page = web.entered(web.invited())
    left = browser.send("POST", "/my/leave", page.forms[1]["fields"])
    assert (left.status, left.headers["clear-site-data"]) == (200, '"cache"')


def test_who_leaves_is_out(web: Web) -> None:
    browser, offers = web.entered(web.invited())
    cookies = dict(browser.cookies)
    page = browser.post("/my/leave", offers.forms[1]["fields"])
    assert page.status == 200
    assert not browser.cookies
    browser.cookies = cookies
    assert browser.get("/my").status == 403


def test_a_notice_after_a_form_changes_its_language_on_a_page_that_can_be_opened(web: Web) -> None:
    browser, offers = web.entered(web.invited())
    left = browser.post("/my/leave", offers.forms[1]["fields"])
    other = re.findall(r'href="([^"]*\?lang=[^"]*)"', left.html)
    assert other == [f"{BASE}/my?lang=zh-CN"]  # /my/leave itself takes nothing but the form
    assert "再次打开消息里的链接" in browser.get("/my?lang=zh-CN").text
    assert 'href="?lang=zh-CN"' in browser.get("/my/offers").html


def test_the_banks_number_can_be_called_wherever_it_is_named(web: Web) -> None:
    browser, _ = web.entered(web.invited())
    page = browser.submit(browser.get("/my/decline"), reason="NOT_TOLD")
    landing = browser.submit(browser.get("/c/" + "x" * 43), last4="0000")
    assert "tel:" not in landing.html, "before we know who it is, no number is right for everybody"
    assert "the number in our message or on your card" in landing.text
    for shown in (page, browser.get("/my/complaint")):
        number = re.findall(r'href="tel:([0-9+]+)"', shown.html)[0]
        plain = re.sub(r"<a [^>]*>[^<]*</a>", "", shown.html)
        assert number not in re.sub(r"[^0-9+]", "", plain)


def test_the_offers_say_why_the_bank_writes_and_all_that_hangs_on_a_missed_payment(web: Web) -> None:
    case = web.invited()
    browser, page = web.entered(case)
    due = format_date(case.account.oldest_unpaid_due_date or web.now.date(), "en")
    assert f"A payment on your card was due on {due}." in page.text
    assert f"it was {case.account.days_past_due} days late" in page.text
    assert "what was waived stays waived" in page.text
    assert "no new credit card until all is paid" in page.text
    for days, words in {1: "it was 1 day late.", 0: "Nothing is late on your account"}.items():
        web.update(case.case_id, account=case.account.model_copy(update={"days_past_due": days}))
        assert words in browser.get("/my/offers").text


@pytest.mark.parametrize("when", ["before", "at the same moment"])
def test_answers_about_a_plan_that_is_not_the_chosen_one_any_more_are_not_recorded(
    web: Web, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """Two windows: the one shows the questions about the first plan while the other chooses the second."""
    case = web.invited()
    browser, offers = web.entered(case)
    browser.submit(offers, button=0)
    asked = browser.get("/my/questions")
    first = web.cases.get(case.case_id)
    other = next(offer for offer in case.offers if offer.offer_id != first.chosen_offer_id)
    browser.post("/my/offers", browser.filled(browser.get("/my/offers")) | {"offer": other.offer_id})
    if when == "at the same moment":
        monkeypatch.setattr(web.app.cases, "get", lambda case_id: first)
    for changes in ({}, {"offer": ""}):
        page = browser.submit(asked, **dict.fromkeys(asked.form["choices"], "x") | changes)
        assert page.status == 409
        assert "You chose another plan in another window" in page.text
    assert web.cases.get(case.case_id).comprehension is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"chosen_offer_id": None}, "Please choose an option first."),
        ({"offers": ()}, "This option has run out, or a newer one has replaced it."),
        ({"chosen_offer_id": None, "flags": ("SOLD",)}, "Something about your account has changed"),
    ],
)
def test_nobody_is_told_that_they_chose_another_plan_who_did_not(web: Web, changes: dict[str, Any], words: str) -> None:
    """Offers that are made anew, and an account that was sold, are no other window of theirs."""
    case = web.invited()
    browser, offers = web.entered(case)
    asked = browser.submit(offers)
    web.update(case.case_id, **changes)
    page = browser.submit(asked, **dict.fromkeys(asked.form["choices"], "a"))
    assert (page.status, words in page.text) == (409, True)


@pytest.mark.parametrize("wait", [{"minutes": 11}, {"minutes": 31}, {"hours": 23}])
@pytest.mark.parametrize(
    ("path", "typed"),
    [
        (
            "/my/income",
            {"monthly_income": "7777", "HOUSING": "１２ 元", "everything": "yes", "hardship": "JOB_LOSS"},
        ),
        ("/my/proposal", {"amount": "800.5"}),
    ],
)
def test_what_was_typed_when_the_visit_ended_is_there_again(
    web: Web, wait: dict[str, float], path: str, typed: dict[str, str]
) -> None:
    case = web.invited()
    browser, _ = web.entered(case)
    page = browser.get(path)
    web.later(**wait)
    ended = browser.submit(page, **typed)
    assert (ended.status, "figures that you typed are kept for you" in ended.text) == (403, True)
    web.update(
        case.case_id,
        offers=tuple(o.model_copy(update={"valid_until": web.now + timedelta(days=9)}) for o in case.offers),
    )
    again, _ = web.entered(case)
    page = again.get(path)
    assert "figures that you typed before are filled in again, and not sent yet" in page.text
    for name, value in typed.items():
        assert page.form["fields"][name] == value
    sent = again.submit(page)
    assert sent.status == 200
    assert "filled in again" not in again.get(path).text
    assert not drafts(web)


def drafts(web: Web) -> list[dict[str, str]]:
    """What is kept of forms that were not sent."""
    return [json.loads(item["body"]["S"]) for item in web.dump("AccessTable") if item["pk"]["S"].startswith("DRAFT#")]


def test_a_form_that_was_sent_in_time_and_comes_again_after_the_end_is_no_draft(web: Web) -> None:
    browser, _ = web.entered(web.invited())
    page = browser.get("/my/proposal")
    assert browser.submit(page, amount="700").status == 200
    web.later(minutes=11)
    again = browser.submit(page, amount="700")
    assert (again.status, "What you sent is kept." in again.text, drafts(web)) == (403, True, [])
    assert "are kept for you" in browser.submit(page, amount="750").text, "another form of that visit is one"


def test_what_an_older_visit_sends_after_a_newer_one_was_heard_is_no_draft(web: Web) -> None:
    case = web.invited()
    old, _ = web.entered(case)
    page = old.get("/my/proposal")
    new, _ = web.entered(case)
    assert new.submit(new.get("/my/proposal"), amount="900").status == 200
    web.later(minutes=11)
    ended = old.submit(page, amount="700")
    assert ("did not get through" in ended.text, drafts(web)) == (True, [])
    web.update(case.case_id, decision=None)
    later, _ = web.entered(case)
    page = later.get("/my/proposal")
    web.later(minutes=11)
    assert "are kept for you" in later.submit(page, amount="950").text, "who came after that is heard"


@pytest.mark.parametrize(
    ("path", "typed", "kept"),
    [
        (
            "/my/income",
            {
                "monthly_income": NAME,
                "savings": "7777",
                "dependants": "two, and 13800000000",
                "HOUSING": "110101199001010000",
                "hardship": NAME,
                "region": NAME,
                "everything": NAME,
                "name": NAME,
                "code": "123456",
                "last4": LAST4,
                "amount": "800",
            },
            [{"savings": "7777"}],
        ),
        ("/my/income", {"monthly_income": NAME, "code": "123456"}, []),
        ("/my/proposal", {"amount": "800", "name": NAME, "monthly_income": "5"}, [{"amount": "800"}]),
        ("/my/proposal", {"amount": NAME}, []),
    ],
)
def test_no_more_is_kept_of_a_form_than_the_figures_and_picks_that_it_asks_for(
    web: Web, path: str, typed: dict[str, str], kept: list[dict[str, str]]
) -> None:
    browser, _ = web.entered(web.invited())
    page = browser.get(path)
    web.later(minutes=11)
    empty = dict.fromkeys(page.form["fields"], "") | {"csrf": page.form["fields"]["csrf"]}
    ended = browser.post(path, empty | typed)
    assert (ended.status, "are kept for you" in ended.text) == (403, bool(kept))
    assert drafts(web) == kept


@pytest.mark.parametrize(
    ("path", "typed"),
    [("/my/income", {"monthly_income": "7777", "dependants": "<i>"}), ("/my/proposal", {"amount": "99999999"})],
)
def test_what_was_typed_into_a_form_that_is_refused_is_there_in_the_other_language(
    web: Web, path: str, typed: dict[str, str]
) -> None:
    browser, _ = web.entered(web.invited())
    wrong = browser.submit(browser.get(path), **typed)
    assert (wrong.status, drafts(web)) == (422, [])
    fields = wrong.forms[0]["fields"]
    page = browser.post("/my/language", fields | {"language": "zh-CN", "name": NAME, "code": "123456"})
    assert (page.path, page.headers["content-language"]) == (path, "zh-CN")
    assert "您之前填的金额和选项还没有提交" in page.text
    name = next(iter(typed))
    (kept,) = drafts(web)
    assert page.form["fields"][name] == kept[name] == typed[name]
    assert not {"dependants", "name", "code", "csrf", "page", "language"} & set(kept)
    browser.post("/my/leave", page.forms[1]["fields"])
    assert not drafts(web), "who leaves by themselves leaves nothing"


def test_a_visit_of_an_older_version_has_ended(web: Web) -> None:
    browser, _ = web.entered(web.invited())
    page = browser.get("/my/income")
    db = boto3.client("dynamodb")
    (visit,) = [item for item in web.dump("AccessTable") if item["pk"]["S"].startswith("SESSION#")]
    del visit["ends_at"]
    db.put_item(TableName=web.tables["ACCESS_TABLE"], Item=visit)
    assert browser.get("/my").status == 403
    assert "figures that you typed are kept for you" in browser.submit(page, monthly_income="7777").text


@pytest.mark.parametrize("why", ["left", "forged", "a day later", "another page"])
def test_nothing_is_kept_of_who_left_or_of_what_is_not_theirs(web: Web, why: str) -> None:
    case = web.invited()
    browser, _ = web.entered(case)
    path = "/my/decline" if why == "another page" else "/my/income"
    page = browser.get(path)
    fields = browser.filled(page) | ({"reason": "NOT_TOLD"} if why == "another page" else {"monthly_income": "7777"})
    if why == "left":
        cookies = dict(browser.cookies)
        browser.post("/my/leave", {"csrf": page.form["fields"]["csrf"]})
        browser.cookies = cookies  # a browser that does not forget
    if why == "forged":
        fields["csrf"] = "0" * 64
    web.later(hours=25 if why == "a day later" else 1)
    ended = browser.post(path, fields)
    assert (ended.status, "What you sent just now did not get through." in ended.text) == (403, True)
    assert not drafts(web)


def test_the_language_that_is_chosen_on_a_page_is_that_of_all_that_follows(web: Web) -> None:
    case = web.invited()
    assert case.language == "zh-CN"
    browser, page = web.entered(case, "zh-CN")
    browser.post("/my/language", {"csrf": page.form["fields"]["csrf"], "page": "offers", "language": "en"})
    chosen = web.cases.get(case.case_id)
    assert (chosen.language, chosen.own_language) == ("en", True)
    assert happened(web, case)[-1] == "LanguageChosen"
    told = figures_of(
        overdue_event(event_id="e-2", account_id=case.account_id, occurredAt="2026-11-24T10:00:00+08:00"), web.now
    )
    assert note_figures(chosen, told, web.now).case.language == "en", "billing's word yields to it"


@pytest.mark.parametrize("told_by_billing", LANGUAGES)
def test_who_chose_a_language_gets_the_next_code_and_visit_in_it_whatever_the_browser_asks_for(
    web: Web, told_by_billing: str
) -> None:
    case = web.invited()
    web.update(case.case_id, language=told_by_billing)
    browser, page = web.entered(case, "zh-CN")
    browser.post("/my/language", {"csrf": page.form["fields"]["csrf"], "page": "offers", "language": "en"})
    again, page = web.entered(case, "zh-CN")
    assert "your code is" in web.sms()[-1]
    assert page.headers["content-language"] == "en"
    link = f"{web.link(case)}?lang=zh-CN"  # what the address asks for was chosen later than that
    code = again.submit(again.get(link), last4=LAST4)
    assert "验证码" in web.sms()[-1]
    assert again.submit(code, code=web.last_code()).headers["content-language"] == "zh-CN"


def test_until_a_language_is_chosen_the_browsers_is_that_of_the_code_and_the_visit(web: Web) -> None:
    case = web.invited()
    assert case.language == "zh-CN"
    _, page = web.entered(case, "en")
    assert "your code is" in web.sms()[0]
    assert page.headers["content-language"] == "en"


def test_a_suggestion_that_no_plan_meets_is_answered(web: Web) -> None:
    case = web.invited()
    browser, _ = web.entered(case)
    web.update(case.case_id, proposed_monthly=1000)
    assert "You suggested ¥10.00 a month. We have no plan that low." in browser.get("/my/offers").text


def test_who_finds_it_too_much_is_shown_other_ways_before_declining(web: Web) -> None:
    browser, _ = web.entered(web.invited())
    page = browser.get("/my/decline")
    assert f'href="{BASE}/my/income"' in page.html
    assert f'href="{BASE}/my/call"' in page.html


def test_the_language_changes_in_place(web: Web) -> None:
    browser, offers = web.entered(web.invited())
    name, value = offers.forms[0]["buttons"][0]
    page = browser.post("/my/language", offers.forms[0]["fields"] | {name: value})
    assert page.path == "/my/offers"
    assert "您可以选的安排" in page.text
    for odd in ({"language": "xx"}, {"page": "../../evil"}, {"page": "//evil.example"}):
        assert browser.send("POST", "/my/language", offers.forms[0]["fields"] | {name: value} | odd).status == 400


def test_the_language_is_the_addresss_then_the_browsers_then_chinese(web: Web) -> None:
    link = web.link(web.invited())
    for asked, query, language in (
        ("en-GB,zh;q=0.5", "", "en"),
        ("fr,zh-TW;q=0.5", "", "zh-CN"),
        ("fr", "", "zh-CN"),
        ("", "", "zh-CN"),
        ("en", "?lang=zh-CN", "zh-CN"),
        ("zh", "?lang=en", "en"),
        ("zh", "?lang=xx", "zh-CN"),
    ):
        assert web.browser(asked).get(link + query).headers["content-language"] == language


# --- understanding and signing -----------------------------------------------------------------------------------


def test_wrong_answers_are_explained_and_asked_again_and_then_a_person_is_offered(web: Web) -> None:
    case = web.invited()
    browser, offers = web.entered(case)
    page = browser.submit(offers)
    right = answers(web, case)
    wrong = right | {"AMOUNT": next(choice for choice in "abc" if choice != right["AMOUNT"])}
    again = browser.submit(page, **wrong)
    assert again.path == "/my/questions"
    assert "One of your answers differs from the plan." in again.text
    (number,) = re.findall(r'<a href="#AMOUNT">Question (\d)</a>', again.html)
    assert re.search(rf'<fieldset id="AMOUNT" class="differs"[^>]*>\s*<legend>{number}\. ', again.html)
    offer = case.offers[0]
    explanation = next(q.explanation for q in questions(offer, "en") if q.id == "AMOUNT")
    assert explanation in again.text
    assert again.form["fields"].get("AMOUNT") is None  # the wrong one is not picked any more
    assert again.form["fields"]["MONTHS"] == right["MONTHS"]
    assert "we can call you" not in again.text
    twice = browser.submit(again, **wrong | {"MONTHS": next(choice for choice in "abc" if choice != right["MONTHS"])})
    assert "we can call you" in twice.text
    assert "2 of your answers differ from the plan." in twice.text
    assert len(re.findall(r">Question \d</a>", twice.html)) == 2
    assert browser.submit(browser.get("/my"), **right).path == "/my/agreement"
    checked = [
        event.content["data"] for event in web.cases.events(case.case_id) if event.type == "ComprehensionChecked"
    ]
    assert [(event["attempt"], event["passed"]) for event in checked] == [(1, False), (2, False), (3, True)]


def test_without_every_tick_no_code_is_sent(web: Web) -> None:
    case = web.invited()
    browser, offers = web.entered(case)
    agreement = understood(web, case, browser, offers)
    assert "checked" not in agreement.html
    sent = len(web.sms())
    for left_out in ticked(agreement):
        fields = browser.filled(agreement) | {k: v for k, v in ticked(agreement).items() if k != left_out}
        page = browser.post("/my/agreement", fields)
        assert page.status == 422
        assert "Please tick every box" in page.text
    assert len(web.sms()) == sent


def test_the_signing_sms_says_what_is_signed(web: Web) -> None:
    case = web.invited()
    browser, offers = web.entered(case)
    sign = before_signing(web, case, browser, offers)
    text, offer = web.sms()[-1], case.offers[0]
    assert f"{offer.months} instalments of ¥{offer.regular_instalment / 100:,.2f}" in text
    assert "15 December 2026" in text
    assert f"Terms end in {sign.form['fields']['terms_hash'][-4:]}" in text
    assert f"The terms end in {sign.form['fields']['terms_hash'][-4:]}" in sign.text


def test_a_wrong_name_does_not_use_up_the_code(web: Web) -> None:
    case = web.invited()
    browser, offers = web.entered(case)
    sign = before_signing(web, case, browser, offers)
    again = browser.submit(sign, name="李小明", code=web.last_code(), drawing=DRAWING)
    assert again.status == 422
    assert "not the name" in again.text
    assert again.form["fields"]["drawing"] == DRAWING, "what was drawn is there again"
    assert browser.submit(again, name=" 王 小明", code=web.last_code()).path == "/my/plan"


def test_a_wrong_signing_code_is_refused_and_the_case_locks_in_the_end(web: Web) -> None:
    case = web.invited()
    browser, offers = web.entered(case)
    sign = before_signing(web, case, browser, offers)
    wrong = f"{(int(web.last_code()) + 1) % 10**6:06d}"
    assert browser.submit(sign, name=NAME, code=wrong).status == 403
    while web.app.tries.begin(case.case_id, Purpose.SIGNATURE):
        pass
    page = browser.submit(sign, name=NAME, code=wrong)
    assert page.status == 409
    assert "too many wrong codes" in page.text
    assert browser.submit(sign, name=NAME, code=web.last_code()).status == 409
    assert web.cases.get(case.case_id).status is Status.NEGOTIATING
    assert happened(web, case).count("AccessLocked") == 1


def test_a_stranger_with_the_link_stops_nobody_who_is_inside(web: Web) -> None:
    case = web.invited()
    link = web.link(case)
    browser = web.browser()
    offers = browser.submit(browser.submit(browser.get(link), last4=LAST4), code=web.last_code())
    agreement = understood(web, case, browser, offers)
    stranger = web.browser()
    for guess in range(FAILURES_PER_CASE[Purpose.IDENTITY] + 1):
        assert stranger.send("POST", link, {"last4": f"00{guess:02d}"}).status == 403
    assert happened(web, case).count("AccessLocked") == 1
    sign = browser.post("/my/agreement", browser.filled(agreement) | ticked(agreement))
    wrong = f"{(int(web.last_code()) + 1) % 10**6:06d}"
    assert "too many" not in browser.submit(sign, name=NAME, code=wrong).text
    assert browser.submit(sign, name=NAME, code=web.last_code()).path == "/my/plan"


def test_where_no_code_would_sign_none_is_sent_and_the_page_says_so(web: Web) -> None:
    case = web.invited()
    browser, offers = web.entered(case)
    agreement = understood(web, case, browser, offers)
    while web.app.tries.begin(case.case_id, Purpose.SIGNATURE):
        pass
    sent = len(web.sms())
    page = browser.post("/my/agreement", browser.filled(agreement) | ticked(agreement))
    assert (page.status, "you cannot sign for now, and we send no code" in page.text) == (409, True)
    assert len(web.sms()) == sent


def test_a_code_to_come_in_signs_nothing(web: Web) -> None:
    case = web.invited()
    browser, offers = web.entered(case)
    entry = web.last_code()
    sign = before_signing(web, case, browser, offers)
    if entry != web.last_code():
        assert browser.submit(sign, name=NAME, code=entry).status == 403


def test_other_terms_void_the_code(web: Web) -> None:
    case = web.invited()
    browser, offers = web.entered(case)
    sign = before_signing(web, case, browser, offers)
    browser.post("/my/language", sign.forms[0]["fields"] | {"language": "zh-CN"})
    page = browser.submit(sign, name=NAME, code=web.last_code())
    assert page.status == 409
    assert "协议内容有更新" in page.text
    assert browser.get("/my/sign").path == "/my/agreement"
    assert web.cases.get(case.case_id).agreement is None


def at_the_signature(web: Web, case: Case) -> tuple[Browser, Page]:
    browser, offers = web.entered(case)
    agreement = understood(web, case, browser, offers)
    return browser, browser.post("/my/agreement", browser.filled(agreement) | ticked(agreement))


def test_what_is_drawn_lies_with_the_documents_and_the_case_has_its_hash_alone(web: Web) -> None:
    case = web.invited()
    browser, page = at_the_signature(web, case)
    assert page.headers["content-security-policy"].endswith("; script-src 'self'")
    browser.submit(page, name=NAME, code=web.last_code(), drawing=DRAWING)
    signed = web.cases.get(case.case_id).agreement
    assert signed is not None
    assert signed.drawing_sha256 == hashlib.sha256(DRAWING.encode()).hexdigest()
    key = f"signatures/{case.case_id}/{signed.drawing_sha256}.txt"
    assert boto3.client("s3").get_object(Bucket="documents", Key=key)["Body"].read() == DRAWING.encode()
    (event,) = [event for event in web.cases.events(case.case_id) if event.type == "AgreementSigned"]
    assert event.content["data"]["drawingSha256"] == signed.drawing_sha256
    assert not any(DRAWING in web.dump(table) for table in ("CasesTable", "EventsTable", "AccessTable"))


def test_the_typed_name_is_enough(web: Web) -> None:
    case = web.invited()
    browser, page = at_the_signature(web, case)
    browser.submit(page, name=NAME, code=web.last_code())
    signed = web.cases.get(case.case_id).agreement
    assert signed is not None
    assert signed.drawing_sha256 is None


@pytest.mark.parametrize("drawing", ["1,1", "1,1 2,2;", "601,1 2,2", "1,201 2,2", "<svg/>", "1,1 2,2 " * 900])
def test_what_is_no_drawing_is_refused_and_signs_nothing(web: Web, drawing: str) -> None:
    case = web.invited()
    browser, page = at_the_signature(web, case)
    assert browser.submit(page, name=NAME, code=web.last_code(), drawing=drawing).status == 400
    assert web.cases.get(case.case_id).agreement is None
    assert browser.submit(page, name=NAME, code=web.last_code(), drawing=DRAWING).path == "/my/plan", "the code is good"


def test_an_offer_that_ran_out_while_it_was_read_cannot_be_signed(web: Web) -> None:
    case = web.invited()
    web.update(
        case.case_id,
        offers=tuple(o.model_copy(update={"valid_until": NOW + timedelta(minutes=3)}) for o in case.offers),
    )
    browser, offers = web.entered(case)
    sign = before_signing(web, case, browser, offers)
    web.later(minutes=4)
    page = browser.submit(sign, name=NAME, code=web.last_code())
    assert page.status == 409
    assert "run out" in page.text
    assert "These options have run out" in browser.get("/my").text


def test_an_offer_that_is_not_approved_is_never_shown(web: Web) -> None:
    case = web.invited()
    first, *rest = case.offers
    web.update(case.case_id, offers=(first.model_copy(update={"approved_by": None}), *rest))
    browser, offers = web.entered(case)
    assert first.offer_id not in offers.html
    page = browser.post("/my/offers", browser.filled(offers) | {"offer": first.offer_id})
    assert page.status == 409
    assert web.cases.get(case.case_id).chosen_offer_id is None


def test_nobody_signs_what_was_not_understood(web: Web) -> None:
    case = web.invited()
    browser, offers = web.entered(case)
    agreement = understood(web, case, browser, offers)
    fields = browser.filled(agreement) | ticked(agreement)
    web.update(case.case_id, comprehension=None)
    assert browser.post("/my/agreement", fields).status == 409
    assert browser.post("/my/sign", fields | {"name": NAME, "code": "000000"}).status == 409
    assert web.cases.get(case.case_id).agreement is None


def test_there_is_no_copy_before_the_seal(web: Web) -> None:
    case = web.invited()
    browser, page = signed(web, case)
    fields = {"csrf": page.forms[0]["fields"]["csrf"], "key": "x" * 22}
    assert browser.post("/my/plan", fields).status == 409


# --- other ways ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("page", "typed", "kind"),
    [
        ("proposal", {"amount": "500"}, "COUNTER"),
        ("income", {"monthly_income": "9,000", "dependants": "2"}, "INCOME_FORM"),
        ("call", {}, "CALL_ME"),
        ("person", {}, "HUMAN_REVIEW"),
        ("decline", {"reason": "CANNOT_AFFORD"}, "DECLINED"),
    ],
)
def test_another_way_is_a_decision_that_stays_until_it_is_taken_up(
    web: Web, page: str, typed: dict[str, str], kind: str
) -> None:
    case = web.invited()
    browser, offers = web.entered(case)
    browser.submit(browser.get(f"/my/{page}"), **typed)
    waiting = browser.get("/my")
    assert waiting.path == "/my/plan"
    assert "refresh" in waiting.headers
    decision = web.cases.get(case.case_id).decision
    assert decision is not None
    assert (decision.by, decision.kind) == ("CUSTOMER", kind)
    events = happened(web, case)
    refused = browser.submit(offers)
    assert refused.status == 409
    assert "still working on what you sent before" in refused.text
    assert happened(web, case) == events


@pytest.mark.parametrize("stopped", [None, "run-1"])
@pytest.mark.parametrize("kind", sorted(STAFFS_WORDS))
def test_what_staff_decided_and_no_step_has_heard_yet_is_no_word_to_the_customer(
    web: Web, kind: str, stopped: str | None
) -> None:
    """The page waits with them, and asks again by itself as long as somebody is at work. It promises no message."""
    case = web.invited()
    browser, _ = web.entered(case)
    decision = Decision(decision_id="t-1", by="STAFF", kind=kind, at=web.now, staff_id="mei")
    changes = {"status": Status.OFFERED, "decision": decision, "stopped": stopped}
    web.cases.change(case.case_id, "staff", lambda case: Change(case.model_copy(update=changes), (), MEI))
    page = browser.get("/my")
    assert (page.path, page.status, "refresh" in page.headers) == ("/my/plan", 200, stopped is None)
    assert ("one of us is mending it" if stopped else "It is nearly ready") in page.text


def test_a_proposal_keeps_the_amount_exactly(web: Web) -> None:
    case = web.invited()
    browser, _ = web.entered(case)
    browser.submit(browser.get("/my/proposal"), amount="￥１,２３４.５０ 元")
    decision = web.cases.get(case.case_id).decision
    assert decision is not None
    assert decision.amount == 123_450


@pytest.mark.parametrize("amount", ["", "0", "-5", "1.234", "1,5", "abc", "1e3", "99999999999", "24916.01", "0.00"])
def test_an_amount_that_is_none_is_refused_with_a_hint(web: Web, amount: str) -> None:
    case = web.invited()
    browser, _ = web.entered(case)
    page = browser.submit(browser.get("/my/proposal"), amount=amount)
    assert page.status == 422
    assert "amount" in page.text
    assert page.form["fields"]["amount"] == amount
    assert web.cases.get(case.case_id).decision is None


@pytest.mark.parametrize("language", LANGUAGES)
def test_offers_that_turned_out_to_be_too_much_stand_and_say_so(web: Web, language: str) -> None:
    case = web.invited()
    warnings = {"zh-CN": "可能超出您的承受能力", "en": "may be more than you can pay"}
    browser, before = web.entered(case, language)
    assert warnings[language] not in before.text
    told = case.circumstances.model_copy(update={"told_by": "CUSTOMER"})
    web.update(case.case_id, offers_beyond_means=True, circumstances=told)
    page = browser.get("/my/offers")
    assert warnings[language] in page.text
    assert "worked out with what you told us" not in page.text
    assert browser.post("/my/offers", browser.filled(page)).path == "/my/questions"


def test_what_the_income_form_leaves_out_stays_as_it_was_known(web: Web) -> None:
    case = web.invited()
    browser, _ = web.entered(case)
    browser.submit(browser.get("/my/income"), monthly_income="9000", dependants="0")
    now = web.cases.get(case.case_id).circumstances
    assert (now.monthly_income, now.dependants, now.told_by) == (900_000, 0, "CUSTOMER")
    assert now.monthly_essential_spend == case.circumstances.monthly_essential_spend
    (told,) = (event for event in web.cases.events(case.case_id) if event.type == "CircumstancesTold")
    assert told.content["data"]["fields"] == ["monthly_income", "dependants"]


def test_who_has_to_tell_their_means_first_can_also_ask_for_a_person_or_decline(web: Web) -> None:
    case = web.invited()
    web.update(case.case_id, offers=())
    browser, page = web.entered(case)
    assert page.path == "/my/income"
    assert "we first need to know" in page.text
    assert browser.get("/my/offers").path == "/my/income"
    for way in ("call", "decline"):
        assert f'href="{BASE}/my/{way}"' in page.html
        assert browser.get(f"/my/{way}").path == f"/my/{way}"
    assert browser.submit(page, monthly_income="9000").path == "/my/plan"


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ({"monthly_income": "a lot"}, "monthly_income"),
        ({"other_debt_payments": "1.001"}, "other_debt_payments"),
        ({"dependants": "31"}, "dependants"),
        ({"dependants": "1.5"}, "dependants"),
        ({"CARE_AND_HEALTH": "-3"}, "CARE_AND_HEALTH"),
        ({"food_housekeeping": "little"}, "food_housekeeping"),
        ({"savings": "1e3"}, "savings"),
        ({"other_unsecured_balance": "0,5"}, "other_unsecured_balance"),
        ({"hardship": "LAZINESS"}, "hardship"),
        ({"hardship_months": "601"}, "hardship_months"),
        ({}, "monthly_income"),  # what is known came back as it was shown
    ],
)
def test_a_wrong_field_of_the_income_form_is_named(web: Web, typed: dict[str, str], name: str) -> None:
    case = web.invited()
    browser, _ = web.entered(case)
    page = browser.submit(browser.get("/my/income"), **typed)
    assert page.status == 422
    assert f'id="{name}-wrong"' in page.html
    assert f'aria-describedby="{name}-wrong {name}-hint"' in page.html
    assert web.cases.get(case.case_id).decision is None


EXACTLY = {
    "monthly_income": "9,000",
    "HOUSING": "2000",
    "SECURED_DEBT": "0",
    "food_housekeeping": "1200.50",
    "savings": "3000",
    "other_unsecured_balance": "15000",
    "hardship": "JOB_LOSS",
    "hardship_months": "6",
}


def test_what_is_told_more_exactly_is_known_and_shown_again(web: Web) -> None:
    case = web.invited()
    browser, _ = web.entered(case)
    page = browser.get("/my/income")
    known = case.circumstances
    assert page.form["fields"]["monthly_essential_spend"] == f"{known.monthly_essential_spend // 100}"  # type: ignore[operator]
    browser.submit(page, **EXACTLY)
    now = web.cases.get(case.case_id).circumstances
    assert (now.monthly_income, now.savings, now.other_unsecured_balance) == (900_000, 300_000, 1_500_000)
    assert now.fixed_costs == {"HOUSING": 200_000, "SECURED_DEBT": 0}
    assert now.flexible_costs == {"food_housekeeping": 120_050}
    assert (now.hardship, now.hardship_months, now.region) == ("JOB_LOSS", 6, None)
    (told,) = (event for event in web.cases.events(case.case_id) if event.type == "CircumstancesTold")
    assert set(told.content["data"]["fields"]) == {
        "monthly_income",
        "fixed_costs",
        "flexible_costs",
        "savings",
        "other_unsecured_balance",
        "hardship",
        "hardship_months",
    }
    web.update(case.case_id, decision=None)
    again = browser.get("/my/income")
    assert {name: again.form["fields"][name] for name in EXACTLY} == EXACTLY | {"monthly_income": "9000"}
    assert '<details class="more" open>' in again.html
    assert again.form["fields"]["UTILITIES"] == ""
    browser.submit(again, UTILITIES="300", hardship="NONE")
    then = web.cases.get(case.case_id).circumstances
    assert then.fixed_costs == {"HOUSING": 200_000, "SECURED_DEBT": 0, "UTILITIES": 30_000}
    assert (then.hardship, then.hardship_months, then.savings) == (None, None, 300_000)


def test_who_says_that_this_is_all_has_told_a_whole_statement(web: Web) -> None:
    case = web.invited()
    browser, _ = web.entered(case)
    browser.submit(browser.get("/my/income"), HOUSING="2000", food_housekeeping="1200", everything="yes")
    known = web.cases.get(case.case_id).circumstances
    assert known.monthly_essential_spend == 320_000
    web.change(case.case_id, lambda case: assess(case, load_policy("CN"), NOW.date()))
    assessment = web.cases.get(case.case_id).assessment
    assert assessment is not None
    assert "ESSENTIAL_SPEND" not in assessment.questions


def test_the_longer_part_is_closed_while_nothing_of_it_is_known(web: Web) -> None:
    case = web.invited()
    web.update(case.case_id, circumstances=case.circumstances.model_copy(update={"hardship": None}))
    browser, _ = web.entered(case)
    page = browser.get("/my/income")
    assert '<details class="more">' in page.html
    assert page.form["choices"]["hardship"][0] == ""
    assert "region" not in page.form["fields"]  # the policy's tables know one place alone


def test_the_region_is_asked_for_where_the_policy_names_any(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    case = web.invited()
    browser, _ = web.entered(case)
    rule = load_policy("CN").rules["assessment.protected_floor"]
    tables = {
        "assessment.protected_floor": rule.model_copy(
            update={"value": {**rule.value, "NEW_TOWN": rule.value["DEFAULT"]}}
        )
    }
    policy = load_policy("CN").model_copy(update={"rules": load_policy("CN").rules | tables})
    monkeypatch.setattr(web.app, "load_policy", lambda jurisdiction: policy)
    page = browser.get("/my/income")
    assert page.form["choices"]["region"] == ["", "NEW_TOWN", "DEFAULT"]
    assert "New Town" in page.text
    browser.submit(page, region="NEW_TOWN")
    assert web.cases.get(case.case_id).circumstances.region == "NEW_TOWN"


def test_everything_typed_is_kept_and_escaped_when_something_is_wrong(web: Web) -> None:
    browser, _ = web.entered(web.invited())
    typed = EXACTLY | {"HOUSING": '"><b>x</b>', "everything": "yes", "dependants": "<i>"}
    page = browser.submit(browser.get("/my/income"), **typed)
    assert page.status == 422
    assert "<b>x" not in page.html
    assert "<i>" not in page.html
    assert {name: page.form["fields"][name] for name in typed} == typed
    assert '<details class="more" open>' in page.html
    for name in ("HOUSING", "dependants"):
        assert f'aria-describedby="{name}-wrong {name}-hint"' in page.html


def test_the_options_name_the_papers_that_the_bank_may_ask_for_and_wait_for_none(web: Web) -> None:
    case = web.invited()
    assert case.assessment is not None
    evidence = {"evidence": ("INCOME_PROOF", "MEDICAL_PROOF")}
    web.update(case.case_id, assessment=case.assessment.model_copy(update=evidence))
    browser, offers = web.entered(case)
    assert "may ask you for: proof of income, a letter from your doctor." in offers.text
    assert browser.submit(offers).path == "/my/questions"
    web.update(case.case_id, assessment=case.assessment.model_copy(update={"evidence": ()}))
    assert "may ask you for" not in browser.get("/my/offers").text


def test_a_customer_who_says_that_the_amount_is_wrong_is_called(web: Web) -> None:
    case = web.invited()
    browser, _ = web.entered(case)
    browser.submit(browser.get("/my/decline"), reason="AMOUNT_WRONG")
    (task,) = web.cases.tasks(case.case_id)
    assert task.kind == "CALL_CUSTOMER"
    (decided,) = (event for event in web.cases.events(case.case_id) if event.type == "CustomerDecided")
    assert decided.content["data"]["reason"] == "AMOUNT_WRONG"


def test_declining_needs_one_of_the_reasons(web: Web) -> None:
    case = web.invited()
    browser, _ = web.entered(case)
    page = browser.get("/my/decline")
    assert page.form["choices"]["reason"] == list(DECLINE_REASONS)
    for reason in ("", "BECAUSE"):
        assert browser.submit(page, reason=reason).status == 422
    assert web.cases.get(case.case_id).decision is None


def test_anyone_may_have_a_person_decide_once_and_is_told_what_follows(web: Web) -> None:
    case = web.invited()
    browser, offers = web.entered(case)
    assert f'href="{BASE}/my/person"' in offers.html
    page = browser.get("/my/person")
    for words in ("A computer worked out", "within one working day", "you cannot sign"):
        assert words in page.text
    assert "a person will decide" in browser.submit(page).text
    web.change(case.case_id, lambda case: assess(case, load_policy("CN"), NOW.date()))
    taken_up = web.cases.get(case.case_id)
    assert (taken_up.human_review, taken_up.decision) == (True, None)
    web.update(case.case_id, status=Status.NEGOTIATING)  # a person has decided, and the offers are open again
    assert f'href="{BASE}/my/person"' not in browser.get("/my/offers").html
    assert browser.get("/my/person").path == "/my/offers"
    assert "Once is enough" in browser.submit(page, key="k" * 22).text


def test_where_the_policy_does_not_have_it_no_page_asks_for_a_person(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    case = web.invited()
    browser, _ = web.entered(case)
    page = browser.get("/my/person")
    rule = load_policy("CN").rules["automated_decision.human_review_on_request"]
    without = {"automated_decision.human_review_on_request": rule.model_copy(update={"value": False})}
    policy = load_policy("CN").model_copy(update={"rules": load_policy("CN").rules | without})
    monkeypatch.setattr(web.app, "load_policy", lambda jurisdiction: policy)
    assert f'href="{BASE}/my/person"' not in browser.get("/my/offers").html
    assert browser.get("/my/person").path == "/my/offers"
    assert browser.submit(page).status == 409
    assert web.cases.get(case.case_id).decision is None


@pytest.mark.parametrize(("path", "template"), [("/my/call", "CALL_NOTED"), ("/my/person", "PERSON_NOTED")])
def test_who_asks_for_a_person_has_it_in_writing_unless_that_takes_the_place_of_news(
    web: Web, path: str, template: str
) -> None:
    """Two messages a day: on the day of the invitation the second is left for what comes of it."""
    sent = {}
    for days in (0, 1):
        case = web.invited()
        web.later(days=days)
        browser, _ = web.entered(case)
        browser.submit(browser.get(path))
        sent[days] = [contact.template for contact in web.cases.get(case.case_id).contacts]
    assert sent == {0: ["INVITATION"], 1: ["INVITATION", template]}


def test_after_a_call_was_arranged_the_pages_are_open_again(web: Web) -> None:
    case = web.invited()
    browser, _ = web.entered(case)
    assert "We will call you" in browser.submit(browser.get("/my/call")).text
    web.change(case.case_id, lambda case: arrange_call(case, web.now))
    assert browser.get("/my").path == "/my/offers"


@pytest.mark.parametrize(
    ("reason", "words"),
    [(ClosedReason.DECLINED, "We respect your choice"), (ClosedReason.EXPIRED, "nothing to decide")],
)
def test_a_closed_case_says_so_kindly_and_offers_nothing(web: Web, reason: ClosedReason, words: str) -> None:
    case = web.invited()
    browser, offers = web.entered(case)
    web.change(case.case_id, lambda case: close(case, reason))
    assert words in browser.get("/my").text
    assert browser.submit(offers).status == 409


# --- twice is once ---------------------------------------------------------------------------------------------


def test_every_form_sent_twice_acts_once(web: Web) -> None:
    for page, typed in {
        "offers": {},
        "proposal": {"amount": "500"},
        "income": {"monthly_income": "9000"},
        "call": {},
        "person": {},
        "decline": {"reason": "AMOUNT_WRONG"},
    }.items():
        case = web.invited()
        browser, _ = web.entered(case)
        fields = browser.filled(browser.get(f"/my/{page}")) | typed
        first = browser.post(f"/my/{page}", fields)
        events, stored = happened(web, case), web.dump("CasesTable", "EventsTable")
        second = browser.post(f"/my/{page}", fields)
        assert (second.path, second.status) == (first.path, first.status)
        assert happened(web, case) == events
        assert web.dump("CasesTable", "EventsTable") == stored


def test_of_the_options_that_one_page_sends_the_last_one_is_chosen(web: Web) -> None:
    case = web.invited()
    browser, offers = web.entered(case)
    first, second = (browser.filled(offers) | {"offer": offer.offer_id} for offer in case.offers[:2])
    for fields in (first, second, second, first):
        assert browser.post("/my/offers", fields).path == "/my/questions"
        assert web.cases.get(case.case_id).chosen_offer_id == fields["offer"]
    assert happened(web, case).count("OfferChosen") == 3


def test_right_answers_after_wrong_ones_from_the_same_page_count(web: Web) -> None:
    case = web.invited()
    browser, offers = web.entered(case)
    page = browser.submit(offers)
    right = answers(web, case)
    wrong = {question: next(choice for choice in "abc" if choice != right[question]) for question in right}
    for given, path in ((wrong, "/my/questions"), (wrong, "/my/questions"), (right, "/my/agreement")):
        assert browser.submit(page, **given).path == path
    assert happened(web, case).count("ComprehensionChecked") == 2
    assert browser.submit(page, **wrong).path == "/my/agreement", "the first form again, come late, takes nothing back"


def test_another_decision_from_the_same_page_is_refused_until_the_first_is_taken_up_and_never_lost(web: Web) -> None:
    case = web.invited()
    browser, _ = web.entered(case)
    page = browser.get("/my/proposal")
    assert browser.submit(page, amount="500").status == 200
    refused = browser.submit(page, amount="800")
    assert (refused.status, "still working on what you sent before" in refused.text) == (409, True)
    first = web.cases.get(case.case_id).decision
    assert first is not None
    assert first.amount == 50_000
    web.update(case.case_id, decision=None)
    browser.submit(page, amount="800")
    second = web.cases.get(case.case_id).decision
    assert second is not None
    assert (second.amount, second.decision_id != first.decision_id) == (80_000, True)


def test_a_second_signature_from_the_same_page_signs_nothing_more(web: Web) -> None:
    case = web.invited()
    browser, offers = web.entered(case)
    sign = before_signing(web, case, browser, offers)
    assert browser.submit(sign, name=NAME, code=web.last_code()).path == "/my/plan"
    assert browser.submit(sign, name=f" {NAME[0]} {NAME[1:]}", code=web.last_code()).status == 409
    assert happened(web, case).count("AgreementSigned") == 1


def test_answers_sent_twice_are_one_attempt(web: Web) -> None:
    case = web.invited()
    browser, offers = web.entered(case)
    fields = browser.filled(browser.submit(offers)) | answers(web, case)
    for _ in range(2):
        assert browser.post("/my/questions", fields).path == "/my/agreement"
    assert happened(web, case).count("ComprehensionChecked") == 1


def test_a_signature_sent_twice_is_one_signature_and_one_code(web: Web) -> None:
    case = web.invited()
    browser, offers = web.entered(case)
    agreement = understood(web, case, browser, offers)
    fields = browser.filled(agreement) | ticked(agreement)
    sent = len(web.sms())
    assert browser.post("/my/agreement", fields).path == browser.post("/my/agreement", fields).path == "/my/sign"
    assert len(web.sms()) == sent + 1
    fields = browser.filled(browser.get("/my/sign")) | {"name": NAME, "code": web.last_code()}
    for _ in range(2):
        assert browser.post("/my/sign", fields).path == "/my/plan"
    assert happened(web, case).count("AgreementSigned") == 1


def test_the_same_form_signs_when_what_was_down_is_up_again(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    """The code was right and the tables did not answer: nobody needs another code for that."""
    case = web.invited()
    browser, offers = web.entered(case)
    agreement = understood(web, case, browser, offers)
    browser.post("/my/agreement", browser.filled(agreement) | ticked(agreement))
    fields = browser.filled(browser.get("/my/sign")) | {"name": NAME, "code": web.last_code()}

    def down(*_: Any, **__: Any) -> None:
        raise ServiceUnavailableError("throttled")

    with monkeypatch.context() as patch:
        patch.setattr(web.app.cases, "change", down)
        assert browser.post("/my/sign", fields).status == 503
    assert "AgreementSigned" not in happened(web, case)
    assert browser.post("/my/sign", fields | {"code": "000000"}).status == 403
    assert browser.post("/my/sign", fields).path == "/my/plan"
    assert happened(web, case).count("AgreementSigned") == 1


def test_a_double_click_on_the_agreement_sends_one_code(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second comes while the first is still sending."""
    case = web.invited()
    browser, offers = web.entered(case)
    agreement = understood(web, case, browser, offers)
    fields, sent, send = browser.filled(agreement) | ticked(agreement), len(web.sms()), web.app.out.sms
    second: list[str] = []

    def slow(*told: Any) -> None:
        monkeypatch.setattr(web.app.out, "sms", send)
        second.append(browser.post("/my/agreement", fields).path)
        send(*told)

    monkeypatch.setattr(web.app.out, "sms", slow)
    assert browser.post("/my/agreement", fields).path == "/my/sign"
    assert second == ["/my/sign"]
    assert len(web.sms()) == sent + 1


def test_a_double_click_on_the_signature_is_never_told_that_the_code_is_wrong(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = web.invited()
    browser, offers = web.entered(case)
    sign = before_signing(web, case, browser, offers)
    fields = browser.filled(sign) | {"name": NAME, "code": web.last_code()}
    change, second = web.app.cases.change, []
    monkeypatch.setattr(web.app.time, "sleep", lambda _: None)

    def slow(*told: Any) -> Any:
        monkeypatch.setattr(web.app.cases, "change", change)
        second.append(browser.post("/my/sign", fields).status)
        return change(*told)

    monkeypatch.setattr(web.app.cases, "change", slow)
    assert browser.post("/my/sign", fields).path == "/my/plan"
    assert second == [200]
    assert happened(web, case).count("AgreementSigned") == 1


def test_a_code_that_came_although_nobody_noted_it_signs_nothing(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was sent, and then the tables did not answer: a signature by it would have no proof in the chain."""
    case = web.invited()
    browser, offers = web.entered(case)
    agreement = understood(web, case, browser, offers)
    fields, change = browser.filled(agreement) | ticked(agreement), web.app.cases.change

    def down(*_: Any, **__: Any) -> None:
        raise ServiceUnavailableError("throttled")

    with monkeypatch.context() as patch:
        patch.setattr(web.app.cases, "change", down)
        assert browser.post("/my/agreement", fields).status == 503
    assert web.app.cases.change == change
    page = browser.submit(browser.get("/my/sign"), name=NAME, code=web.last_code())
    assert (page.status, "ask for a new" in page.text) == (409, True)
    assert "AgreementSigned" not in happened(web, case)
    again = browser.get("/my/agreement")
    sign = browser.post("/my/agreement", browser.filled(again) | ticked(again))
    assert browser.submit(sign, name=NAME, code=web.last_code()).path == "/my/plan"


def test_a_code_to_come_in_is_good_again_when_what_was_down_is_up(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    case = web.invited()
    browser, link = web.browser(), web.link(case)
    page = browser.submit(browser.get(link), last4=LAST4)

    def down(*_: Any, **__: Any) -> None:
        raise ServiceUnavailableError("throttled")

    with monkeypatch.context() as patch:
        patch.setattr(web.app.sessions, "open", down)
        assert browser.submit(page, code=web.last_code()).status == 503
    assert browser.submit(page, code=web.last_code()).status == 200
    assert "IdentityConfirmed" in happened(web, case)


def test_the_link_works_as_long_as_the_agreement_says_though_no_message_leaves(web: Web) -> None:
    case = web.invited()
    browser, _ = signed(web, case)
    agreement = web.cases.get(case.case_id).agreement
    assert agreement is not None
    ends = found_until(agreement.schedule[-1].due_date, case.time_zone)
    links = web.app.links
    (item,) = (item for item in web.dump("AccessTable") if item["pk"]["S"] == f"CASE#{case.case_id}")
    held = next(one for one in web.dump("AccessTable") if one["pk"]["S"] == f"LINK#{item['link']['S']}")
    assert int(held["expires_at"]["N"]) == int(ends.timestamp())
    assert int(item["expires_at"]["N"]) > int(held["expires_at"]["N"])
    links.extend(case.case_id, web.now)
    assert held in web.dump("AccessTable"), "it is never made shorter"
    assert browser.get("/my").status == 200


# --- at any time ---------------------------------------------------------------------------------------------------


def test_a_complaint_about_one_account_is_heard_for_all_of_that_person(web: Web) -> None:
    holder = {"cardholderId": "holder-of-both"}
    first, second = web.invited(cardholder=holder), web.invited(cardholder=holder)
    browser, _ = web.entered(first)
    browser.submit(browser.get("/my/complaint"), about="CONDUCT")
    web.later(days=1)
    reach = web.cases.reach("holder-of-both")
    assert remind(web.cases.get(second.case_id), reach, load_policy("CN"), web.now).events == ()


@pytest.mark.parametrize("typed", ["", "  ", "20", "20422", "２０４", "....", "x" * 500, "王小明王"])
def test_a_scanner_that_presses_the_button_again_and_again_locks_nobody_out(web: Web, typed: str) -> None:
    """What cannot be the last four characters of anything is no guess."""
    case = web.invited()
    link, before = web.link(case), web.dump()
    assert web.browser().send("POST", link, {"last4": typed}).status == 403
    assert web.browser().send("POST", f"{link}/code", {"code": typed}).status == 403
    assert web.dump() == before, "nothing was counted"
    web.entered(case)


@pytest.mark.parametrize("typed", ["", "  ", "12345", "1234567", "abcdef", "１２３４５", "x" * 500])
def test_what_cannot_be_a_code_uses_up_no_try_of_the_code_that_waits(web: Web, typed: str) -> None:
    browser = web.browser()
    code = browser.submit(browser.get(web.link(case := web.invited())), last4=LAST4)
    for _ in range(TRIES_PER_CODE + 1):
        assert browser.submit(code, code=typed).status == 403
    offers = browser.submit(code, code=web.last_code())
    assert offers.path == "/my/offers"
    sign = before_signing(web, case, browser, offers)
    for _ in range(TRIES_PER_CODE + 1):
        assert browser.submit(sign, name=NAME, code=typed).status == 403
    assert browser.submit(sign, name=NAME, code=web.last_code()).path == "/my/plan"


def test_a_complaint_is_staffs_work_with_a_day_to_answer_and_nobody_presses_meanwhile(web: Web) -> None:
    case = web.invited()
    browser, _ = web.entered(case)
    page = browser.get("/my/complaint")
    assert "within 15 days" in page.text
    assert browser.submit(page, about="nonsense").status == 422
    other_tab = browser.get("/my/complaint")
    page = browser.submit(browser.get("/my/complaint"), about="MISUNDERSTOOD")
    assert "We have your complaint" in page.text
    assert happened(web, case)[-3:] == ["ComplaintRaised", "StaffTaskCreated", "ContactRequested"]
    assert web.cases.get(case.case_id).contacts[-1].template == "COMPLAINT_NOTED"
    assert browser.submit(other_tab, about="OTHER").status == 409
    (task,) = web.cases.tasks(case.case_id)
    assert (task.kind, task.facts, (task.due_at - web.now).days) == ("COMPLAINT", {"about": "MISUNDERSTOOD"}, 15)
    complained = web.cases.get(case.case_id)
    reach, policy = web.cases.reach(case.cardholder_id), load_policy("CN")
    web.later(days=1)
    assert remind(complained, reach, policy, web.now).events == (), "no reminder"
    assert next_way(complained, reach, "SERVICE", policy, web.now).verdict.allowed
    done = staff.decide(complained, task, [], reach, "UPHELD", "mei", "LEAD", policy, web.now)
    assert done.case.complaint == "CLOSED"
    assert done.reach is not None
    assert remind(done.case, reach, policy, web.now).events == (), "what is known of the person counts, and is written"
    assert remind(done.case, done.reach, policy, web.now).events != ()


@pytest.mark.parametrize(
    ("language", "by"), [("en", "You get an answer by 10 December 2026."), ("zh-CN", "最晚2026年12月10日答复您。")]
)
def test_the_day_by_which_a_complaint_is_answered_stays_the_same(web: Web, language: str, by: str) -> None:
    """It is made at one in the morning of the 25th in Shanghai, where it still is the 24th in UTC."""
    case = web.invited()
    web.later(hours=15)
    browser, _ = web.entered(case, language)
    page = browser.submit(browser.get("/my/complaint"), about="OTHER")
    assert (page.path, by in page.text) == ("/my/complaint", True)
    web.later(days=6)
    browser, _ = web.entered(case, language)
    assert by in browser.get("/my/complaint").text


def test_a_day_for_the_answer_that_is_past_is_promised_no_more(web: Web) -> None:
    case = web.invited()
    web.update(case.case_id, complaint="OPEN", complaint_answer_by=web.now - timedelta(days=1))
    browser, _ = web.entered(case)
    assert "A person looks into it and answers you." in browser.get("/my/complaint").text


def test_the_customer_says_how_they_may_be_reached(web: Web) -> None:
    case = web.invited(reachable_by=("SMS", "CALL", "EMAIL"))
    browser, _ = web.entered(case)
    page = browser.get("/my/contact")
    assert page.html.count(" checked") == 3
    fields = {name: value for name, value in browser.filled(page).items() if name not in ("SMS", "CALL")}
    page = browser.post("/my/contact", fields)
    assert "It is saved" in page.text
    assert page.html.count(" checked") == 1
    reach = web.cases.reach(case.cardholder_id)
    assert (reach.opted_out, reach.consents) == (("CALL", "SMS"), ()), "a box that was ticked already is no consent"
    browser.post("/my/contact", browser.filled(browser.get("/my/contact")) | {"SMS": "yes"})
    again = web.cases.reach(case.cardholder_id)
    assert (again.opted_out, again.consents) == (("CALL",), ("SMS",)), "one that they ticked themselves is"
    assert happened(web, case)[-1] == "ContactPreferencesTold"
    assert next_way(web.cases.get(case.case_id), reach, "COLLECTION", load_policy("CN"), web.now).channel == "EMAIL"


def test_each_save_of_a_page_about_channels_is_what_counts_from_then_on(web: Web) -> None:
    case = web.invited(reachable_by=("SMS", "CALL", "EMAIL"))
    browser, _ = web.entered(case)
    fields = browser.filled(browser.get("/my/contact"))
    fewer = {name: value for name, value in fields.items() if name not in ("SMS", "CALL")}
    for sent, refused in ((fewer, ("CALL", "SMS")), (fewer, ("CALL", "SMS")), (fields, ()), (fewer, ("CALL", "SMS"))):
        assert "It is saved" in browser.post("/my/contact", sent).text
        assert web.cases.reach(case.cardholder_id).opted_out == refused
    assert happened(web, case).count("ContactPreferencesTold") == 3


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_message_is_promised_to_who_refused_every_channel(web: Web, language: str) -> None:
    promised, look = {
        "en": ("send you a message when it is ready", "look here again tomorrow"),
        "zh-CN": ("准备好后，我们会发消息给您", "请明天再来这里看"),
    }[language]
    asking = {"en": "Then we send you a message.", "zh-CN": "然后我们发消息告诉您。"}[language]
    case = web.invited(reachable_by=("SMS", "CALL", "EMAIL"))
    browser, _ = web.entered(case, language)
    assert asking in browser.get("/my/person").text
    web.update(case.case_id, status=Status.IN_REVIEW)
    page = browser.get("/my")
    assert (promised in page.text, look in page.text) == (True, False)
    form = browser.filled(browser.get("/my/contact"))
    browser.post("/my/contact", {name: form[name] for name in ("csrf", "key")})
    page = browser.get("/my")
    assert (promised in page.text, look in page.text) == (False, True)
    web.update(case.case_id, status=Status.NEGOTIATING)
    assert asking not in browser.get("/my/person").text


def test_what_a_person_approved_is_not_told_as_a_computers_alone(web: Web) -> None:
    case = web.invited()
    browser, _ = web.entered(case)
    assert "a person at the bank approved them" not in browser.get("/my/person").text
    approved = tuple(offer.model_copy(update={"approved_by": "mei"}) for offer in case.offers)
    web.update(case.case_id, offers=approved)
    assert "a person at the bank approved them" in browser.get("/my/person").text


# --- what every answer has ---------------------------------------------------------------------------------------


def test_every_answer_has_the_safety_headers(web: Web) -> None:
    browser, offers = web.entered(web.invited())
    answers = [
        browser.send("GET", f"/c/{'x' * 43}"),
        browser.send("GET", "/my/offers"),
        browser.send("GET", "/my"),
        browser.send("POST", "/my/offers", browser.filled(offers) | {"csrf": "no"}),
        browser.send("POST", "/my/offers", b"{}", content_type="application/json"),
        browser.send("GET", "/assets/none.css"),
        web.browser().send("GET", "/my"),
    ]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert "script-src" not in policy  # there is no script at all
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["strict-transport-security"].startswith("max-age=")


def test_the_style_sheet_is_kept_by_browsers_and_every_link_has_the_base_path(web: Web) -> None:
    browser, offers = web.entered(web.invited())
    href = re.search(r'rel="stylesheet" href="([^"]+)"', offers.html)
    assert href
    style = browser.get(href[1].removeprefix(BASE))
    assert style.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert style.headers["content-type"] == "text/css; charset=utf-8"
    for address in re.findall(r'(?:href|action)="(/[^"]*)"', offers.html):
        assert address.startswith(f"{BASE}/")


@pytest.mark.parametrize("language", LANGUAGES)
def test_pages_are_small_need_no_script_and_hold_no_inline_style(web: Web, language: str) -> None:
    case = web.invited()
    browser, offers = web.entered(case, language)
    seen = [offers, *(browser.get(f"/my/{page}") for page in ("proposal", "income", "call", "person", "decline"))]
    seen.append(browser.submit(offers))
    seen.append(browser.submit(seen[-1], **answers(web, case)))
    seen.append(browser.post("/my/agreement", browser.filled(seen[-1]) | ticked(seen[-1])))
    seen.append(browser.submit(seen[-1], name=NAME, code=web.last_code()))
    for page in seen:
        assert page.status == 200
        assert page.html.startswith("<!doctype html>")
        assert f'<html lang="{language}">' in page.html
        script = re.findall(rf'<script src="{BASE}/assets/draw-[0-9a-f]{{12}}\.js" defer></script>', page.html)
        assert len(script) == (page.path == "/my/sign")
        assert page.html.count("<script") == len(script)
        assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", page.html)
        assert len(page.body) < 60 * 1024
        assert page.html.count("<h1>") == 1


def test_delivery_and_pages_send_through_a_client_that_never_tries_twice() -> None:
    assert clients.client("sns", attempts=1).meta.config.retries["total_max_attempts"] == 1
    assert outbound.client is clients.client
