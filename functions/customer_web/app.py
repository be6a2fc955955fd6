"""The customer's pages: from a personal link to a signed agreement. Server-made HTML that needs no script.

A GET changes no case. A POST has to come from our own page (Origin), and within a visit it carries the visit's token
and its page's one-time key, so that a form sent twice acts once. Every decision is a change of the case; the workflow
hears of it from the chain of events.
"""

import hashlib
import hmac
import json
import os
import re
import secrets
import time
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import wraps
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pages
from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import ClientError
from chalice import BadRequestError, Chalice, Response

from accord import clock, complaint, customer
from accord.agreement import found_until, terms_hash, terms_of
from accord.aws.access import (
    CODE_FOR,
    DRAFT_FOR,
    LINK_FOR,
    Codes,
    Drafts,
    Links,
    Purpose,
    Session,
    Sessions,
    Tries,
    csrf_token,
    fingerprint,
)
from accord.aws.clients import client, translated
from accord.aws.outbound import outbound
from accord.aws.steps import case_store, people_store
from accord.case import Agreement, Case, Change, Offer, TaskReason
from accord.channels import next_way, noted
from accord.drawing import drawing_hash, drawing_key, strokes
from accord.errors import (
    DecisionRefusedError,
    NotSentError,
    PersonNotFoundError,
    ServiceUnavailableError,
    TextNotReviewedError,
    TransientError,
)
from accord.events import Actor
from accord.glyphs import missing_glyphs
from accord.messages import (
    CALL_NOTED,
    PERSON_NOTED,
    Sender,
    check_codes,
    identity_code_sms,
    last_day,
    sender_of,
    signature_code_sms,
)
from accord.person import Person
from accord.policy import Policy, jurisdictions, load_policy
from accord.texts import LANGUAGES, format_date

logger = Logger()
cases, people = case_store(), people_store()
ACCESS_TABLE = os.environ["ACCESS_TABLE"]
links, sessions, drafts, tries = Links(ACCESS_TABLE), Sessions(ACCESS_TABLE), Drafts(ACCESS_TABLE), Tries(ACCESS_TABLE)
codes = Codes(ACCESS_TABLE, os.environ["CODE_KEY_ID"])
out = outbound()
BUCKET = os.environ["DOCUMENTS_BUCKET"]
_url = urlsplit(os.environ["PUBLIC_BASE_URL"])
BASE, HOST, ORIGIN = _url.path.rstrip("/"), _url.hostname or "", f"{_url.scheme}://{_url.netloc}"

app = Chalice("customer_web", configure_logs=False)
app.log = logger
app.api.binary_types = ["application/pdf"]

FORM, UPLOAD = ["application/x-www-form-urlencoded"], ["multipart/form-data"]
SESSION_COOKIE, CODE_COOKIE = "__Host-session", "__Host-code"
_MAX_FORM = 16 * 1024
_MAX_UPLOAD = 1024 * 1024 + 10_000  # seven times the longest agreement, and the form around it
_MOST_PARTS, _LONGEST_KIND = 4, 200
_LOCATOR = re.compile(r"[A-Za-z0-9_-]{43}")
_LAST4, _CODE = re.compile(r"[0-9A-Z]{4}"), re.compile(r"[0-9]{6}")
_KEY = re.compile(r"[A-Za-z0-9_-]{22}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NOBODY = "-"  # no case and no cardholder has this id: an unknown link is looked up to the end, at the same cost
_PERSON_ON_REQUEST = "automated_decision.human_review_on_request"
_PLACES = (
    "offers", "questions", "agreement", "sign", "plan", "proposal", "income", "call", "person", "decline", "complaint",
    "contact",
)  # fmt: skip

Form = Mapping[str, str]


@dataclass(frozen=True)
class Visit:
    """A person who has proved who they are, and their case."""

    session: Session
    csrf: str
    case: Case

    @property
    def language(self) -> str:
        return self.session.language

    @property
    def actor(self) -> Actor:
        return Actor(kind="CUSTOMER", id=self.session.key)

    @property
    def policy(self) -> Policy:
        return load_policy(self.case.jurisdiction)

    @property
    def today(self) -> date:
        return clock.today(self.case.time_zone)

    @property
    def sender(self) -> Sender:
        return sender_of(self.policy, self.today, self.language)

    def change(self, form: Form, decide: Callable[[Case], Change]) -> dict[str, Any]:
        """Change the case once for this form, however often it is sent."""
        return cases.change(self.case.case_id, f"form/{said(form)}", decide)

    def done(self, form: Form) -> bool:
        """Whether this form was sent before, and acted."""
        return has_acted(self.case.case_id, form)


# --- what every request passes through -------------------------------------------------------------------------


@app.middleware("http")
def guard(request: Any, get_response: Callable[[Any], Response]) -> Response:
    """Refuse what another site sent; give every answer the safety headers and, in place of JSON, a page."""
    if request.method == "POST" and request.headers.get("origin") != ORIGIN:
        response = notice("forged", 403)
    else:
        response = get_response(request)
    if isinstance(response.body, dict):  # Chalice's own answer to an error
        response = notice("failed" if response.status_code >= 500 else "broken", response.status_code)
    response.headers = {**pages.HEADERS, **response.headers}
    return response


def reading(view: Callable[[Visit], Response]) -> Callable[[], Response]:
    """A page of a visit."""

    @wraps(view)
    def get() -> Response:
        try:
            visit = current_visit()
            return view(visit) if visit else ended({})
        except TransientError:
            logger.exception("could not be read now")
            return notice("failed", 503)

    return get


def acting(view: Callable[[Visit, Form], Response]) -> Callable[[], Response]:
    """A form of a visit: with its token, and answered with a page when it is refused."""

    @wraps(view)
    def post() -> Response:
        form = read_form()
        try:
            visit = current_visit()
            if visit is None:
                return ended(form)
            if not hmac.compare_digest(form.get("csrf", "").encode(), visit.csrf.encode()):
                return notice("forged", 403)
            return refusing(visit, view, form)
        except TransientError:
            logger.exception("could not act now")
            return notice("failed", 503)

    return post


def refusing(visit: Visit, view: Callable[[Visit, Form], Response], form: Form) -> Response:
    """What the form came to, or why it is refused."""
    try:
        return view(visit, form)
    except DecisionRefusedError as refusal:
        return refused(visit, refusal.reason)


def ended(form: Form) -> Response:
    """There is no visit, or no longer; what became of the form is said, and the browser forgets what it has seen."""
    session = session_of(form)
    reason = "unsent" if form.get("key") else ""  # who leaves or changes the language sends nothing of theirs
    if session is not None and has_acted(session.case_id, form):
        reason = ""  # it was sent in time, and comes again
    elif session is not None and keep_draft(session, form):
        reason = "kept"
    return forgotten(notice("ended", 403, reason))


def session_of(form: Form) -> Session | None:
    """The visit that had just ended when its form was sent."""
    session_id = cookie(SESSION_COOKIE)
    session = sessions.find_ended(session_id, clock.now()) if session_id else None
    its_own = hmac.compare_digest(form.get("csrf", "").encode(), csrf_token(session_id).encode())
    return session if its_own else None


def forgotten(response: Response) -> Response:
    """The browser forgets what it has seen of the pages: without this its Back shows them once more, though no-store
    says that it may not keep them.
    """
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


def keep_draft(session: Session, form: Form) -> bool:
    """Keep what was typed when a visit had just ended, for the same case's next one; whether it was kept."""
    page = app.current_request.path.rpartition("/")[2]
    return page in pages.DRAFTED and keep_typed(session, cases.get(session.case_id), page, form)


def keep_typed(session: Session, case: Case, page: str, form: Form) -> bool:
    """Keep the figures and picks of a form that was not sent, for its page; whether it was kept."""
    typed = draft_of(case, page, form)
    return bool(typed) and drafts.keep(session, page, typed, clock.now())


def draft_of(case: Case, page: str, form: Form) -> Form:
    """The figures and picks of a page's form."""
    choices = pages.income_choices(load_policy(case.jurisdiction), clock.today(case.time_zone))
    return pages.draft_of(page, form, case.account.currency, choices)


def keyed(form: Form) -> Form:
    """The form, when it has the one-time key that its page gave it."""
    if not _KEY.fullmatch(form.get("key", "")):
        raise BadRequestError("key")
    return form


def said(form: Form) -> str:
    """What a form says, and where: the same for the same form of the same page alone.

    Two forms of one page, or one with something else in it, are two. The key and the token in it tell nobody the rest.
    """
    fields = sorted(form.items())
    return hashlib.sha256(json.dumps([app.current_request.path, fields]).encode()).hexdigest()


def has_acted(case_id: str, form: Form) -> bool:
    """Whether a form was sent before, and acted."""
    return cases.result_of(case_id, f"form/{said(form)}") is not None


def read_form() -> Form:
    """The fields of the form that was sent, the first value of each. Raises BadRequestError for anything odd."""
    try:
        body = app.current_request.raw_body
        if len(body) > _MAX_FORM:
            raise BadRequestError("too long")
        fields = parse_qs(body.decode("ascii"), keep_blank_values=True, max_num_fields=60, errors="strict")
    except ValueError as error:
        raise BadRequestError("not a form") from error
    form = {name: values[0] for name, values in fields.items()}
    if any(_CONTROL.search(name + value) for name, value in form.items()):
        raise BadRequestError("control characters")
    return {name: value.strip() for name, value in form.items()}


def current_visit() -> Visit | None:
    """Who is visiting, by the session cookie; None when there is no session, or no longer."""
    session_id = cookie(SESSION_COOKIE)
    session = sessions.find(session_id, clock.now()) if session_id else None
    if session is None:
        return None
    logger.append_keys(case_id=session.case_id)
    return Visit(session, csrf_token(session_id), cases.get(session.case_id))


def cookie(name: str) -> str:
    """A cookie's value, or nothing."""
    for part in app.current_request.headers.get("cookie", "").split(";"):
        key, _, value = part.strip().partition("=")
        if key == name:
            return str(value)
    return ""


def set_cookie(name: str, value: str, lives: timedelta) -> str:
    """A cookie that only we read, over TLS alone, and that no other site can make the browser send."""
    return f"{name}={value}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age={lives // timedelta(seconds=1)}"


def asked_language() -> str | None:
    """The language that the address asks for."""
    asked = (app.current_request.query_params or {}).get("lang")
    return asked if asked in LANGUAGES else None


def outside_language() -> str:
    """The language before we know who reads: as the address or the browser asks."""
    return asked_language() or pages.preferred(app.current_request.headers.get("accept-language", ""))


def language_for(case: Case) -> str:
    """The language of who comes in to a case: as the address asks, as was chosen on its pages, as the browser asks."""
    return asked_language() or (case.language if case.own_language else outside_language())


def notice(name: str, status: int, reason: str = "") -> Response:
    """A page that says one thing, before or after a visit."""
    # What answered a form may have no page of its own, so the other language is asked of one that always has.
    elsewhere = f"{BASE}/my" if app.current_request.method == "POST" else ""
    return outside("notice.html", status, notice=name, reason=reason, elsewhere=elsewhere)


def outside(template: str, status: int = 200, **values: Any) -> Response:
    """A page for somebody we do not know yet; the same for everybody."""
    language, policy = outside_language(), load_policy(jurisdictions()[0])
    sender = sender_of(policy, clock.today(policy.time_zone), language)
    return pages.html(template, language, status, base=BASE, sender=sender, **values)


def inside(visit: Visit, here: str, status: int = 200, template: str = "", **values: Any) -> Response:
    """A page of a visit."""
    return pages.html(
        template or f"{here}.html",
        visit.language,
        status,
        base=BASE,
        here=here,
        csrf=visit.csrf,
        key=secrets.token_urlsafe(16),
        sender=visit.sender,
        free_help=visit.policy.rule("support.free_help", visit.today)[visit.language],
        **values,
    )


def refused(visit: Visit, reason: str) -> Response:
    """What the customer wanted is not possible now: why, and the way on."""
    later = dict.fromkeys(("UNSENT", "IN_DOUBT", "UNSENDABLE", "UNREVIEWED", "COPY_MISSING"), 503)
    status = ({"TOO_OFTEN": 429} | later).get(reason, 409)
    return inside(visit, "plan", status, "notice.html", notice="refused", reason=reason, next=f"{BASE}/my")


def to(path: str, *cookies: str) -> Response:
    """Go on to another page of ours."""
    headers: dict[str, Any] = {"Location": f"{BASE}{path}"}
    if cookies:
        headers["Set-Cookie"] = list(cookies)
    return Response("", headers, 303)


# --- coming in -------------------------------------------------------------------------------------------------


@app.route("/c/{locator}", methods=["GET"])
def landing(locator: str) -> Response:
    """The same for every locator: it tells nothing and looks nothing up."""
    return outside("landing.html")


def at_the_door(view: Callable[[str], Response]) -> Callable[[str], Response]:
    """A form from outside; what cannot be answered now may be sent again."""

    @wraps(view)
    def post(locator: str) -> Response:
        try:
            return view(locator)
        except TransientError:
            logger.exception("could not answer now")
            return notice("failed", 503)

    return post


@app.route("/c/{locator}", methods=["POST"], content_types=FORM)
@at_the_door
def identify(locator: str) -> Response:
    """Check the last four of the identity document, then send the code."""
    now, last4 = clock.now(), read_form().get("last4", "")
    if not codes_are_reviewed():
        return outside("landing.html", 503, problem="unreviewed")
    person, case_id = identified(locator, last4)
    if person is None:
        return outside("landing.html", 403, problem="refused")
    case = cases.get(case_id)
    holder = secrets.token_urlsafe(32)
    code = codes.new(case_id, Purpose.IDENTITY, fingerprint(holder), "", now)
    if code is None:
        return outside("landing.html", 429, problem="often")
    language = language_for(case)
    sender = sender_of(load_policy(case.jurisdiction), clock.today(case.time_zone), language)
    try:
        out.sms(f"code-{secrets.token_hex(12)}", person.phone, identity_code_sms(code, language, sender, HOST))
    except (NotSentError, ServiceUnavailableError) as error:
        return outside("landing.html", 503, problem=unsent(case_id, Purpose.IDENTITY, now, error).lower())
    note_code(case_id, Purpose.IDENTITY, "", Actor(kind="CUSTOMER", id=fingerprint(holder)))
    return to(f"/c/{locator}/code{query()}", set_cookie(CODE_COOKIE, holder, CODE_FOR))


def codes_are_reviewed() -> bool:
    """Whether codes may be written at all; asked before one is made, because it would count and never arrive."""
    try:
        check_codes()
    except TextNotReviewedError:
        logger.exception("no code can be sent")
        return False
    return True


def unsent(case_id: str, purpose: Purpose, asked_at: datetime, error: NotSentError | ServiceUnavailableError) -> str:
    """Why no code left: UNSENT where it may be asked for again, IN_DOUBT where it may have left all the same and then
    counts as one that was sent, UNSENDABLE where the telephone takes none.
    """
    if isinstance(error, NotSentError) and error.reason is TaskReason.MESSAGE_IN_DOUBT:
        logger.warning("code not sent", reason=error.reason)
        return "IN_DOUBT"
    codes.did_not_leave(case_id, purpose, asked_at)
    never = isinstance(error, NotSentError) and error.reason in (TaskReason.OPTED_OUT, TaskReason.MESSAGE_REJECTED)
    logger.warning("code not sent", reason=error.reason if never else type(error).__name__)
    return "UNSENDABLE" if never else "UNSENT"


@app.route("/c/{locator}/code", methods=["GET"])
def code_form(locator: str) -> Response:
    """Where the code is typed, for the browser that asked for it."""
    now = clock.now()
    link = links.find(locator, now)
    holder = fingerprint(cookie(CODE_COOKIE))
    waiting = codes.waits_for(link.case_id if link else _NOBODY, Purpose.IDENTITY, holder, now)
    tail = people.get(link.cardholder_id).phone[-2:] if link and waiting is not None else ""
    return outside("code.html", tail=tail, landing=landing_url(locator))


@app.route("/c/{locator}/code", methods=["POST"], content_types=FORM)
@at_the_door
def enter(locator: str) -> Response:
    """The right code opens the visit."""
    now, code = clock.now(), read_form().get("code", "")
    link = links.find(locator, now)
    case_id = link.case_id if link else _NOBODY
    if not _CODE.fullmatch(digits(code)):  # no guess either
        return outside("code.html", 403, problem="refused", tail="", landing=landing_url(locator))
    if not codes.accept(case_id, Purpose.IDENTITY, fingerprint(cookie(CODE_COOKIE)), "", digits(code), now):
        lock_if_due(case_id, Purpose.IDENTITY)
        return outside("code.html", 403, problem="refused", tail="", landing=landing_url(locator))
    try:
        session_id = sessions.open(case_id, language_for(cases.get(case_id)), now)
        actor = Actor(kind="CUSTOMER", id=fingerprint(session_id))
        cases.change(
            case_id,
            f"identity/{actor.id}",
            lambda case: customer.confirm_identity(case, cases.reach(case.cardholder_id), actor, clock.now()),
        )
    except Exception:
        codes.restore(case_id, Purpose.IDENTITY)  # the same code, typed again, opens
        raise
    # The cookie outlives the visit: what is typed when that has ended is taken by it.
    return to("/my", set_cookie(SESSION_COOKIE, session_id, DRAFT_FOR), set_cookie(CODE_COOKIE, "", timedelta(0)))


def identified(locator: str, last4: str) -> tuple[Person | None, str]:
    """The person whose link and last four these are, and the case; None, after the same look-ups, for anyone else."""
    link = links.find(locator, clock.now())
    case_id, cardholder_id = (link.case_id, link.cardholder_id) if link else (_NOBODY, _NOBODY)
    logger.append_keys(link=fingerprint(locator)[:8])
    try:
        person = people.get(cardholder_id)
    except PersonNotFoundError:
        person = None
    typed, right = unicodedata.normalize("NFKC", last4).upper(), person.id_last4.upper() if person else ""
    if not _LAST4.fullmatch(typed):  # no guess: scanners press buttons, and lock nobody out
        return None, case_id
    if tries.begin(case_id, Purpose.IDENTITY) and hmac.compare_digest(typed.encode(), right.encode()) and person:
        tries.give_back(case_id, Purpose.IDENTITY)
        return person, case_id
    lock_if_due(case_id, Purpose.IDENTITY)
    return None, case_id


def lock_if_due(case_id: str, purpose: Purpose) -> bool:
    """Whether the door is locked: after the last failed try a person takes over. Each lock is recorded once.

    Whether that is done is read also where nothing is locked, so that no answer is quicker than another.
    """
    lock = tries.lock(case_id, purpose)
    key = f"access-locked/{lock or 0}"
    recorded = cases.result_of(case_id, key) is not None
    if lock is None:
        return False
    if not recorded:
        actor = Actor(kind="SYSTEM", id="customer_web")
        cases.change(case_id, key, lambda case: customer.lock_access(case, lock, actor, clock.now()))
    return True


def landing_url(locator: str) -> str:
    """Back to the landing page, in the same language; a locator of no possible form is not repeated."""
    return f"{BASE}/c/{locator if _LOCATOR.fullmatch(locator) else _NOBODY}{query()}"


def query() -> str:
    """Keeps the language that the address asks for."""
    return f"?lang={asked_language()}" if asked_language() else ""


def note_code(case_id: str, purpose: Purpose, bound_to: str, actor: Actor) -> None:
    key = f"code/{secrets.token_hex(8)}"
    cases.change(case_id, key, lambda case: customer.note_code(case, purpose, bound_to, actor))


def digits(typed: str) -> str:
    """A code as people type it: with spaces, or in full-width digits."""
    return "".join(str(int(char)) for char in typed if char.isdecimal())


# --- for anybody: is this document ours ------------------------------------------------------------------------


@app.route("/verify", methods=["GET"])
def verify_form() -> Response:
    return outside("verify.html", query=query(), verdict="")


@app.route("/verify", methods=["POST"], content_types=UPLOAD)
def verify() -> Response:
    """Whether a document is, byte for byte, one that the bank sealed. Nothing else is told, and it is not kept."""
    document = uploaded("document") if len(app.current_request.raw_body) <= _MAX_UPLOAD else b""
    if not document:
        problem = "missing" if document is None else "long"
        return outside("verify.html", 400, query=query(), verdict="", problem=problem)
    is_ours = cases.is_sealed(hashlib.sha256(document).hexdigest())
    return outside("verify.html", query=query(), verdict="ours" if is_ours else "other")


def uploaded(name: str) -> bytes | None:
    """The file that a form sent in a field; None where it sent none, or what is no form."""
    import multipart  # for this one page

    request = app.current_request
    kind, options = multipart.parse_options_header(str(request.headers.get("content-type", ""))[:_LONGEST_KIND])
    body = request.raw_body
    try:
        parts = multipart.MultipartParser(
            BytesIO(body), options.get("boundary", ""), len(body), part_limit=_MOST_PARTS,
            spool_limit=len(body), memory_limit=len(body),
        )  # fmt: skip
        part = parts.get(name) if kind == "multipart/form-data" else None
        return (part.raw or None) if part is not None else None
    except (multipart.MultipartError, ValueError):
        return None


# --- towards an agreement --------------------------------------------------------------------------------------


@app.route("/my", methods=["GET"])
@reading
def home(visit: Visit) -> Response:
    return to(f"/my/{customer.place(visit.case, clock.now())}")


@app.route("/my/offers", methods=["GET"])
@reading
def offers(visit: Visit) -> Response:
    now = clock.now()
    if (place := customer.place(visit.case, now)) in ("plan", "income"):
        return to(f"/my/{place}")
    shown = customer.offers_to_show(visit.case, now)
    grace, cure = (visit.policy.rule(f"plan.{name}_days", visit.today) for name in ("grace", "cure"))
    view = pages.offers_view(visit.case, shown, visit.language)
    person = ["person"] if may_ask_for_person(visit) else []
    ways = ["proposal", "income", "call", *person, "decline"]
    name = {"unprintable": is_unprintable(visit), "called": visit.case.glyph_task == "OPEN"}
    more = {"grace": grace, "cure": cure, "ways": ways, "will_call": visit.case.call_arranged}
    return inside(visit, "offers", **view, **name, **more)


@app.route("/my/offers", methods=["POST"], content_types=FORM)
@acting
def choose(visit: Visit, form: Form) -> Response:
    """The option that was touched last counts, also where one page sends one, another, and the first again."""
    offer_id, now = keyed(form).get("offer", ""), clock.now()
    if offer_id != visit.case.chosen_offer_id:
        key = f"choice/{secrets.token_hex(8)}"
        cases.change(visit.case.case_id, key, lambda case: customer.choose_offer(case, offer_id, visit.actor, now))
    note_if_unprintable(visit, form)
    return to("/my")


@app.route("/my/questions", methods=["GET"])
@reading
def questions(visit: Visit) -> Response:
    offer = chosen(visit)
    if offer is None:
        return to("/my")
    cure = visit.policy.rule("plan.cure_days", visit.today)
    return inside(visit, "questions", **pages.questions_view(visit.case, offer, visit.language), cure=cure)


@app.route("/my/questions", methods=["POST"], content_types=FORM)
@acting
def answer(visit: Visit, form: Form) -> Response:
    """Wrong answers are explained on the same page; right ones lead to the agreement."""
    now, language, about = clock.now(), visit.language, form.get("offer", "")
    visit.change(keyed(form), lambda case: customer.answer_questions(case, about, language, form, visit.actor, now))
    note_if_unprintable(visit, form)
    return to("/my")


@app.route("/my/agreement", methods=["GET"])
@reading
def agreement(visit: Visit) -> Response:
    offer = chosen(visit)
    if offer is None or not customer.has_understood(visit.case):
        return to("/my")
    if is_unprintable(visit):
        return name_page(visit, called=visit.case.glyph_task == "OPEN")
    return agreement_page(visit, offer)


@app.route("/my/agreement", methods=["POST"], content_types=FORM)
@acting
def consent(visit: Visit, form: Form) -> Response:
    """With every box ticked, a code that signs these very terms goes to the phone."""
    offer, terms, digest = terms_to_sign(visit, form)
    if note_if_unprintable(visit, form):
        return name_page(visit, 409, called=True)
    if any(form.get(f"consent-{text['id']}") != "yes" for text in terms["consents"]):
        return agreement_page(visit, offer, 422, unticked=True)
    if visit.done(keyed(form)):
        return to("/my/sign")
    if not codes_are_reviewed():
        raise DecisionRefusedError("UNREVIEWED")
    if tries.lock(visit.case.case_id, Purpose.SIGNATURE) is not None:
        raise DecisionRefusedError("LOCKED")  # no code would be accepted
    now, case_id = clock.now(), visit.case.case_id
    try:
        if not codes.claim(case_id, said(form), now):
            return to("/my/sign")
        send_code_to_sign(visit, form, offer, digest, now)
    except Exception:
        codes.release(case_id, said(form))
        raise
    return to("/my/sign")


def send_code_to_sign(visit: Visit, form: Form, offer: Offer, digest: str, now: datetime) -> None:
    """Send the code, and say in the chain that it was sent: without that nobody can sign by it."""
    case_id = visit.case.case_id
    code = codes.new(case_id, Purpose.SIGNATURE, visit.session.key, digest, now)
    if code is None:
        raise DecisionRefusedError("TOO_OFTEN")
    text = signature_code_sms(code, offer, digest, visit.language, visit.sender, HOST)
    try:
        out.sms(f"code-{secrets.token_hex(12)}", people.get(visit.case.cardholder_id).phone, text)
    except (NotSentError, ServiceUnavailableError) as error:
        raise DecisionRefusedError(unsent(case_id, Purpose.SIGNATURE, now, error)) from error
    visit.change(form, lambda case: customer.note_code(case, Purpose.SIGNATURE, digest, visit.actor))


@app.route("/my/sign", methods=["GET"])
@reading
def sign_form(visit: Visit) -> Response:
    offer = chosen(visit)
    if offer is None or not customer.has_understood(visit.case):
        return to("/my")
    if is_unprintable(visit):
        return name_page(visit, called=visit.case.glyph_task == "OPEN")
    digest = terms_hash(terms_for(visit, offer))
    case_id, now = visit.case.case_id, clock.now()
    if codes.waits_for(case_id, Purpose.SIGNATURE, visit.session.key, now) != digest:
        return to("/my/agreement")
    return sign_page(visit, offer, digest)


@app.route("/my/sign", methods=["POST"], content_types=FORM)
@acting
def sign(visit: Visit, form: Form) -> Response:
    """The typed name and the code for these terms make the signature."""
    if visit.done(keyed(form)):
        return to("/my/plan")
    offer, terms, digest = terms_to_sign(visit, form)
    if note_if_unprintable(visit, form):
        return name_page(visit, 409, called=True)
    name, now, drawing = form.get("name", ""), clock.now(), drawn(form)
    if not customer.same_name(name, people.get(visit.case.cardholder_id).name):
        return sign_page(visit, offer, digest, 422, problem="wrong_name", name=name, drawing=drawing)
    case_id = visit.case.case_id
    if not _CODE.fullmatch(digits(form.get("code", ""))):
        return sign_page(visit, offer, digest, 403, problem="wrong_code", name=name, drawing=drawing)
    try:
        if not codes.claim(case_id, said(form), now):
            wait_for(visit, form)  # the same form, sent twice at the same moment, is using the code
            return to("/my/plan")
        return sign_by_code(visit, form, offer, terms, digest, drawing, now)
    except Exception:
        codes.release(case_id, said(form))
        raise


def wait_for(visit: Visit, form: Form) -> None:
    """Wait a moment for what the same form is doing already."""
    for _ in range(10):
        if visit.done(form):
            return
        time.sleep(0.2)


def sign_by_code(
    visit: Visit, form: Form, offer: Offer, terms: dict[str, Any], digest: str, drawing: str, now: datetime
) -> Response:
    """The code, and with the right one the signature."""
    case_id, holder, name = visit.case.case_id, visit.session.key, form.get("name", "")
    if not codes.accept(case_id, Purpose.SIGNATURE, holder, digest, digits(form.get("code", "")), now):
        codes.release(case_id, said(form))
        if lock_if_due(case_id, Purpose.SIGNATURE):
            raise DecisionRefusedError("LOCKED")
        return sign_page(visit, offer, digest, 403, problem="wrong_code", name=name, drawing=drawing)
    try:
        # The agreement says for how long; it must not hang on a message that may never leave.
        links.extend(case_id, found_until(date.fromisoformat(terms["last_due_date"]), visit.case.time_zone))
        digest_drawn = keep_drawing(case_id, drawing)
        visit.change(form, lambda case: customer.sign(case, terms, decision_id(form), visit.actor, now, digest_drawn))
    except Exception:
        codes.restore(case_id, Purpose.SIGNATURE)  # the same form, sent again, signs
        raise
    return to("/my/plan")


def drawn(form: Form) -> str:
    """The signature that was drawn by hand; nothing where none was. Raises BadRequestError for what is none."""
    drawing = form.get("drawing", "")
    try:
        if drawing:
            strokes(drawing)
    except ValueError as error:
        raise BadRequestError("drawing") from error
    return drawing


def keep_drawing(case_id: str, drawing: str) -> str | None:
    """Keep a drawing among the documents, under its hash, which it returns; the case names that hash alone.

    Raises ServiceUnavailableError.
    """
    if not drawing:
        return None
    digest = drawing_hash(drawing)
    with translated():
        client("s3").put_object(
            Bucket=BUCKET, Key=drawing_key(case_id, digest), Body=drawing.encode(), ContentType="text/plain"
        )
    return digest


@app.route("/my/plan", methods=["GET"])
@reading
def plan(visit: Visit) -> Response:
    """Where the case stands when there is nothing for the customer to do: being worked on, sealed, active, ended."""
    now = clock.now()
    if customer.place(visit.case, now) != "plan":
        return to("/my")
    view = pages.plan_view(visit.case, now, visit.language)
    response = inside(visit, "plan", **view, told_by_message=told_by_message(visit))
    if view["refresh"]:
        # A header rather than a tag: the page asks again by itself, without any script.
        response.headers["Refresh"] = f"2; url={BASE}/my"
    return response


@app.route("/my/plan", methods=["POST"], content_types=FORM)
@acting
def download(visit: Visit, form: Form) -> Response:
    """The sealed agreement, exactly the file that the chain names; recorded once it is there to be handed over."""
    keyed(form)
    signed = visit.case.agreement
    if signed is None or signed.document_key is None:
        raise DecisionRefusedError("NOT_SEALED")
    document = sealed_document(signed)
    if document is None:
        cases.change(
            visit.case.case_id, f"copy/{said(form)}", lambda case: customer.note_missing_copy(case, clock.now())
        )
        raise DecisionRefusedError("COPY_MISSING")
    visit.change(form, lambda case: customer.note_download(case, visit.actor))
    # Who sends this form asks for the file, also with a browser that names only pages: Chalice would answer 400.
    app.current_request.headers = {**app.current_request.headers, "accept": "*/*"}
    name = f"agreement-{signed.terms_hash[:8]}.pdf"
    headers = {"Content-Type": "application/pdf", "Content-Disposition": f'attachment; filename="{name}"'}
    return Response(document, headers)


def sealed_document(signed: Agreement) -> bytes | None:
    """The file that was sealed; None when it is not there, or is another one. Raises ServiceUnavailableError."""
    try:
        with translated():
            document: bytes = client("s3").get_object(Bucket=BUCKET, Key=signed.document_key)["Body"].read()
    except ClientError:  # who may not list a bucket is told "denied" of a file that is gone
        logger.exception("agreement not read")
        return None
    if hashlib.sha256(document).hexdigest() != signed.document_sha256:
        logger.error("the stored agreement is not the one that was sealed")
        return None
    return document


def chosen(visit: Visit) -> Offer | None:
    """The offer that the customer may agree on now; None sends them where they can go on."""
    if customer.place(visit.case, clock.now()) == "plan":
        return None
    return customer.chosen_offer(visit.case, clock.now())


def terms_for(visit: Visit, offer: Offer) -> dict[str, Any]:
    return terms_of(visit.case, offer, visit.policy, visit.language, visit.today)


def terms_to_sign(visit: Visit, form: Form) -> tuple[Offer, dict[str, Any], str]:
    """The offer, its terms and their hash, if they are still the ones that the form shows."""
    offer = chosen(visit)
    if offer is None:
        stopped = "STOPPED" if customer.is_stopped(visit.case) else "OFFER_EXPIRED"
        raise DecisionRefusedError("PENDING" if visit.case.decision else stopped)
    if not customer.has_understood(visit.case):
        raise DecisionRefusedError("NOT_UNDERSTOOD")
    terms = terms_for(visit, offer)
    digest = terms_hash(terms)
    if form.get("terms_hash") != digest:
        raise DecisionRefusedError("TERMS_CHANGED")
    return offer, terms, digest


def agreement_page(visit: Visit, offer: Offer, status: int = 200, **values: Any) -> Response:
    terms = terms_for(visit, offer)
    view = pages.agreement_view(terms, offer, visit.language)
    last4 = people.get(visit.case.cardholder_id).id_last4
    return inside(visit, "agreement", status, **view, last4=last4, terms_hash=terms_hash(terms), **values)


def sign_page(visit: Visit, offer: Offer, digest: str, status: int = 200, **values: Any) -> Response:
    tail = people.get(visit.case.cardholder_id).phone[-2:]
    shown = pages.shown_offer(offer, visit.language)
    account = visit.case.account_id
    response = inside(visit, "sign", status, offer=shown, terms_hash=digest, tail=tail, account=account, **values)
    response.headers |= pages.WITH_SCRIPT
    return response


def is_unprintable(visit: Visit) -> bool:
    """Whether the documents cannot print the person's name. Asked every time: a font may have come since."""
    return bool(missing_glyphs(people.get(visit.case.cardholder_id).name))


def note_if_unprintable(visit: Visit, form: Form) -> bool:
    """Whether the documents cannot print the person's name; then staff have the task to see to it."""
    if not is_unprintable(visit):
        return False
    actor, key = Actor(kind="SYSTEM", id="customer_web"), f"name/{said(keyed(form))}"
    cases.change(visit.case.case_id, key, lambda case: customer.note_unprintable_name(case, actor, clock.now()))
    return True


def name_page(visit: Visit, status: int = 200, *, called: bool) -> Response:
    """Why nobody can sign under this name yet, in place of the agreement. `called`: staff have the task to call."""
    until = last_day(customer.offers_to_show(visit.case, clock.now()), visit.case)
    shown = format_date(until, visit.language)
    return inside(visit, "agreement", status, "name.html", until=shown, called=called)


def told_so(visit: Visit, template: str, decide: Callable[[Case], Change]) -> Callable[[Case], Change]:
    """What the customer decides, with a message that it was heard, where that takes nothing from another."""

    def heard(case: Case) -> Change:
        return noted(decide(case), template, cases.reach(case.cardholder_id), visit.policy, clock.now())

    return heard


def decision_id(form: Form) -> str:
    """One form makes one decision, however often it is sent."""
    return f"customer-{said(form)}"


# --- other ways ------------------------------------------------------------------------------------------------


def while_deciding(view: Callable[[Visit], Response]) -> Callable[[], Response]:
    """A page that is there only as long as the customer may decide."""

    @wraps(view)
    def get(visit: Visit) -> Response:
        return to("/my/plan") if customer.place(visit.case, clock.now()) == "plan" else view(visit)

    return reading(get)


@app.route("/my/proposal", methods=["GET"])
@while_deciding
def proposal(visit: Visit) -> Response:
    draft = drafts.find(visit.case.case_id, "proposal", clock.now())
    return proposal_page(visit, kept=True, value=draft.get("amount", "")) if draft else proposal_page(visit)


@app.route("/my/proposal", methods=["POST"], content_types=FORM)
@acting
def propose(visit: Visit, form: Form) -> Response:
    """The customer's own amount a month goes back to assessment."""
    typed, now = form.get("amount", ""), clock.now()
    amount = pages.parse_amount(typed, visit.case.account.currency)
    if amount is None:
        return proposal_page(visit, 422, problem="field.amount", value=typed)  # no figure, so no draft either
    if not 0 < amount <= visit.case.account.balance.total:
        draft = draft_of(visit.case, "proposal", form)
        return proposal_page(visit, 422, problem="field.amount.range", value=typed, typed=draft)
    visit.change(keyed(form), lambda case: customer.propose_amount(case, amount, decision_id(form), visit.actor, now))
    drafts.sent(visit.session, "proposal", now)
    return to("/my")


def proposal_page(visit: Visit, status: int = 200, **values: Any) -> Response:
    return inside(visit, "proposal", status, **pages.owed_view(visit.case, visit.language), **values)


@app.route("/my/income", methods=["GET"])
@while_deciding
def income(visit: Visit) -> Response:
    draft = drafts.find(visit.case.case_id, "income", clock.now())
    return income_page(visit, values=draft, kept=True) if draft else income_page(visit)


@app.route("/my/income", methods=["POST"], content_types=FORM)
@acting
def tell(visit: Visit, form: Form) -> Response:
    """What the customer earns and spends goes back to assessment; what is left out stays unknown."""
    choices = pages.income_choices(visit.policy, visit.today)
    told, problems = pages.parse_circumstances(form, visit.case.account.currency, choices)
    if problems:
        return income_page(visit, 422, form, problems)
    now = clock.now()
    try:
        visit.change(
            keyed(form), lambda case: customer.tell_circumstances(case, told, decision_id(form), visit.actor, now)
        )
    except DecisionRefusedError as refusal:
        if refusal.reason != "NOTHING_TOLD":
            raise
        return income_page(visit, 422, form, {"monthly_income": "field.nothing"})  # it came back as it was shown
    drafts.sent(visit.session, "income", now)
    return to("/my")


def income_page(
    visit: Visit, status: int = 200, values: Form | None = None, problems: Form | None = None, *, kept: bool = False
) -> Response:
    first = customer.place(visit.case, clock.now()) == "income"  # nothing can be offered before this is known
    choices = pages.income_choices(visit.policy, visit.today)
    view = pages.income_view(visit.case, choices, visit.language, values, problems or {})
    typed = draft_of(visit.case, "income", values) if problems and values is not None else {}
    return inside(visit, "income", status, **view, first=first, kept=kept, typed=typed)


@app.route("/my/call", methods=["GET"])
@while_deciding
def call_form(visit: Visit) -> Response:
    return inside(visit, "call")


@app.route("/my/call", methods=["POST"], content_types=FORM)
@acting
def call(visit: Visit, form: Form) -> Response:
    """A person will call; the pages stay open."""
    now = clock.now()
    decision = decision_id(keyed(form))
    visit.change(form, told_so(visit, CALL_NOTED, lambda case: customer.ask_for_call(case, decision, visit.actor, now)))
    return inside(visit, "call", template="notice.html", notice="called", next=f"{BASE}/my")


@app.route("/my/person", methods=["GET"])
@while_deciding
def person_form(visit: Visit) -> Response:
    if not may_ask_for_person(visit):
        return to("/my")
    approved = any(offer.approved_by != "policy" for offer in customer.offers_to_show(visit.case, clock.now()))
    return inside(visit, "person", approved=approved, told_by_message=told_by_message(visit))


@app.route("/my/person", methods=["POST"], content_types=FORM)
@acting
def ask_for_person(visit: Visit, form: Form) -> Response:
    """A person is to decide in place of the rules alone."""
    if not visit.policy.rule(_PERSON_ON_REQUEST, visit.today):
        raise DecisionRefusedError("NOT_OPEN")
    decision, now = decision_id(keyed(form)), clock.now()

    def ask(case: Case) -> Change:
        return customer.ask_for_person_to_decide(case, decision, visit.actor, now)

    visit.change(form, told_so(visit, PERSON_NOTED, ask))
    return to("/my")


def told_by_message(visit: Visit) -> bool:
    """Whether a message can tell the customer what came of it, now or later: not where they refused every channel."""
    way = next_way(visit.case, cases.reach(visit.case.cardholder_id), "SERVICE", visit.policy, clock.now())
    return way.verdict.allowed or way.verdict.not_before is not None


def may_ask_for_person(visit: Visit) -> bool:
    """Whether there is an automatic decision that the customer may have a person make (PIPL Art. 24)."""
    asked, offered = visit.case.human_review, customer.offers_to_show(visit.case, clock.now())
    return bool(visit.policy.rule(_PERSON_ON_REQUEST, visit.today) and offered and not asked)


@app.route("/my/decline", methods=["GET"])
@while_deciding
def decline_form(visit: Visit) -> Response:
    return inside(visit, "decline", reasons=customer.DECLINE_REASONS)


@app.route("/my/decline", methods=["POST"], content_types=FORM)
@acting
def decline(visit: Visit, form: Form) -> Response:
    """The customer wants none of it."""
    reason, now = form.get("reason", ""), clock.now()
    if reason not in customer.DECLINE_REASONS:
        return inside(visit, "decline", 422, reasons=customer.DECLINE_REASONS, problem="field.pick")
    visit.change(keyed(form), lambda case: customer.decline(case, reason, decision_id(form), visit.actor, now))
    return to("/my")


# --- at any time -----------------------------------------------------------------------------------------------


@app.route("/my/complaint", methods=["GET"])
@reading
def complaint_form(visit: Visit) -> Response:
    return complained_page(visit) if visit.case.complaint == "OPEN" else complaint_page(visit)


@app.route("/my/complaint", methods=["POST"], content_types=FORM)
@acting
def complain(visit: Visit, form: Form) -> Response:
    """Something was not right. Staff answer; until then nobody presses."""
    about, now = form.get("about", ""), clock.now()
    if about not in complaint.ABOUT:
        return complaint_page(visit, 422, problem="field.pick")

    def decide(case: Case) -> Change:
        return complaint.complain(case, cases.reach(case.cardholder_id), about, visit.policy, visit.actor, now)

    visit.change(keyed(form), decide)
    # Time stands still until the answer: the way here has to last as long, and a little for what follows it.
    answered = now + timedelta(days=complaint.answer_within_days(visit.policy, visit.case, now))
    links.extend(visit.case.case_id, answered + LINK_FOR)
    return to("/my/complaint")


def complained_page(visit: Visit) -> Response:
    day = complaint.answer_day(visit.case, visit.today)
    told = {"until": format_date(day, visit.language)} if day is not None else {"reason": "undated"}
    return inside(visit, "complaint", template="notice.html", notice="complained", **told, next=f"{BASE}/my")


def complaint_page(visit: Visit, status: int = 200, problem: str = "") -> Response:
    days = complaint.answer_within_days(visit.policy, visit.case, clock.now())
    return inside(visit, "complaint", status, abouts=complaint.ABOUT, days=days, problem=problem)


@app.route("/my/contact", methods=["GET"])
@reading
def contact_form(visit: Visit) -> Response:
    return contact_page(visit)


@app.route("/my/contact", methods=["POST"], content_types=FORM)
@acting
def prefer(visit: Visit, form: Form) -> Response:
    """By which channels the customer wants to hear from the bank."""
    wanted = {channel for channel in visit.case.reachable_by if form.get(channel) == "yes"}
    asked_for = visit.policy.rule("contact.express_consent", visit.today)
    if wanted != {channel for channel, ticked in channels_of(visit) if ticked}:  # so the newest wish always counts
        cases.change(
            visit.case.case_id,
            f"contact/{secrets.token_hex(8)}",
            lambda case: customer.prefer_channels(
                case, cases.reach(case.cardholder_id), wanted, asked_for, visit.actor, clock.now()
            ),
        )
    return contact_page(visit, saved=True)


def contact_page(visit: Visit, saved: bool = False) -> Response:
    return inside(visit, "contact", channels=channels_of(visit), saved=saved)


def channels_of(visit: Visit) -> list[tuple[str, bool]]:
    """The channels that reach the customer, and whether each has its box ticked."""
    reach, asked_for = cases.reach(visit.case.cardholder_id), visit.policy.rule("contact.express_consent", visit.today)
    # A box that is ticked already would be nobody's consent.
    return [
        (channel, channel in reach.consents or (channel not in reach.opted_out and channel not in asked_for))
        for channel in visit.case.reachable_by
    ]


# --- the visit itself, and what pages look like -----------------------------------------------------------------


@app.route("/my/language", methods=["POST"], content_types=FORM)
@acting
def speak(visit: Visit, form: Form) -> Response:
    language, page = form.get("language"), form.get("page")
    if language not in LANGUAGES or page not in _PLACES:
        raise BadRequestError("language or page")
    sessions.speak(visit.session, language)
    if page in pages.DRAFTED:  # a form that was refused says again what was typed into it
        keep_typed(visit.session, visit.case, page, form)
    if (language, True) != (visit.case.language, visit.case.own_language):  # what is written to them is in it too
        key = f"language/{secrets.token_hex(8)}"
        cases.change(visit.case.case_id, key, lambda case: customer.choose_language(case, language, visit.actor))
    return to(f"/my/{page}")


@app.route("/my/leave", methods=["POST"], content_types=FORM)
@acting
def leave(visit: Visit, form: Form) -> Response:
    for page in pages.DRAFTED:
        drafts.drop(visit.case.case_id, page)
    sessions.end(visit.session)
    response = forgotten(notice("left", 200))
    response.headers["Set-Cookie"] = set_cookie(SESSION_COOKIE, "", timedelta(0))
    return response


@app.route("/assets/{name}", methods=["GET"])
def asset(name: str) -> Response:
    """A file that never changes under its name, so that a browser keeps it."""
    if name not in pages.ASSETS:
        return notice("broken", 404)
    kind, body = pages.ASSETS[name]
    return Response(body, {"Content-Type": kind, "Cache-Control": "public, max-age=31536000, immutable"})


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_REST, clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    answer: dict[str, Any] = app(event, context)
    return answer
