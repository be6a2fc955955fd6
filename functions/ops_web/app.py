"""The staff pages: open tasks, a case with its verified record, and recording what a person decided.

Behind API Gateway's IAM authorizer. No page shows personal data; a POST is taken only from these pages themselves.
"""

import os
import re
import secrets
import unicodedata
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import wraps
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import yaml
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import ClientError
from chalice import Chalice, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from accord import calls, clock, staff
from accord.audit import described
from accord.aws.access import Tries
from accord.aws.executions import is_running, start_negotiation
from accord.aws.steps import case_store
from accord.case import AssessmentLine, Case, Change, DamagedTask, Offer, StaffTask, TaskKind
from accord.channels import best_hours
from accord.errors import (
    CaseDamagedError,
    CaseNotFoundError,
    ChainBrokenError,
    DecisionRefusedError,
    ServiceUnavailableError,
    TextNotReviewedError,
)
from accord.events import DamagedEvent, verify_chain
from accord.explain import (
    Sentence,
    explain_assessment,
    explain_best,
    explain_identification,
    explain_no_offer,
    explain_offer,
    explain_worth,
    figure_of,
)
from accord.means import ON_PAPERS
from accord.money import format_money, minor_digits
from accord.policy import Policy, load_policy
from accord.receipts import proven_collections
from accord.texts import texts

HERE = Path(__file__).parent
TEXTS = yaml.safe_load((HERE / "texts.yaml").read_text(encoding="utf-8"))
# Words that the explanations have too stand there.
TEXTS |= {group: texts("explain")[group] for group in ("papers", "doubts", "questions", "review")}
LANGUAGES = ("en", "zh-CN")
TASKS_A_KIND = 50
AMOUNTS = frozenset({"balance", "affordableMonthly", "affordableMost", "amount"})  # facts of events in minor units
# Facts of tasks that are codes, and the group of texts with their words.
CODES = {
    "review_reasons": "review",
    "questions": "questions",
    "doubts": "doubts",
    "rule": "rules",
    "standing": "standings",
    "why_none": "why_none",
}
MAX_FORM_BYTES = 4096
MOST = 10**11  # of a figure of the person's means, in minor units: as on the customer's own form
NEGOTIATION_ARN = os.environ["NEGOTIATION_ARN"]
BASE_URL = os.environ["PUBLIC_BASE_URL"].rstrip("/")
ORIGIN = "{0.scheme}://{0.netloc}".format(urlsplit(BASE_URL))
HEADERS: dict[str, str | list[str]] = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
}

logger = Logger()
store, tries = case_store(), Tries(os.environ["ACCESS_TABLE"])
app = Chalice(app_name="ops_web", configure_logs=False)
app.log = logger
templates = Environment(
    loader=FileSystemLoader(HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


class Page:
    """One request: the language, the member of staff, and what templates need of both."""

    def __init__(self, request: Any) -> None:
        asked = (request.query_params or {}).get("lang")
        preferred = "zh-CN" if request.headers.get("accept-language", "").startswith("zh") else "en"
        self.language = asked if asked in LANGUAGES else preferred
        self.path: str = request.context["path"].removeprefix(urlsplit(BASE_URL).path)
        self.suffix = f"?lang={asked}" if asked in LANGUAGES else ""
        arn = (request.context.get("identity") or {}).get("userArn") or ""
        self.staff_id: str = re.sub(
            r"[^\w.@+-]", "", arn.rpartition("/")[2], flags=re.ASCII
        ).lower()  # one person, however typed
        # Staff come in under a role of the bank's whose name ends in theirs: assumed-role/accord-prod-LEAD/mei.
        named = re.search(r":assumed-role/accord-[\w+=,.@-]*?-(NEGOTIATOR|LEAD|MANAGER)/", arn)
        self.role: str = named[1] if named else ""  # who has none approves nothing

    def render(self, template: str, status: int = 200, **values: Any) -> Response:
        """A template as an HTML response."""
        body = templates.get_template(template).render(page=self, now=clock.now(), **values)
        return Response(body, status_code=status, headers=HEADERS)

    def message(self, key: str, status: int) -> Response:
        """A page of one sentence, with the way back."""
        return self.render("message.html", status, text=self.text(key))

    def text(self, key: str, **values: Any) -> str:
        """A sentence in the page's language."""
        told: str = TEXTS[key][self.language]
        return told.format(**values)

    def word(self, group: str, key: str) -> str:
        """The word for a code; a code that is newer than the words stands for itself."""
        told: str = TEXTS[group].get(key, {}).get(self.language, key)
        return told

    def why(self, task: StaffTask) -> str:
        """Why the task is there and what to do, in a sentence."""
        told: str = TEXTS["task_reasons"][task.reason][self.language]
        return told.format(**{name: self.fact(name, value) for name, value in task.facts.items()})

    def fact(self, name: str, value: str) -> str:
        """A fact of a task: codes by their words, anything else as it is."""
        if name not in CODES:
            return value
        words = [self.word(CODES[name], code) for code in value.split(", ")]
        return ("、" if self.language == "zh-CN" else ", ").join(words)

    def link(self, path: str) -> str:
        """The address of another staff page, in the same language."""
        return f"{BASE_URL}{path}{self.suffix}"

    def other_language(self) -> str:
        """This page in the other language."""
        return f"{BASE_URL}{self.path}?lang={'en' if self.language == 'zh-CN' else 'zh-CN'}"

    def money(self, case: Case, minor: int | None) -> str:
        """An amount of the case's account."""
        return self.text("unknown") if minor is None else format_money(minor, case.account.currency, self.language)

    def answer(self, found: bool | None) -> str:
        """Yes, no, or not known."""
        return self.text("unknown" if found is None else "yes" if found else "no")

    def step(self, case: Case, line: AssessmentLine) -> str:
        """A step of the assessment as people read it."""
        return figure_of(line, case.account.currency, self.language)

    def why_treated(self, case: Case) -> tuple[Sentence, ...]:
        """Why the case is treated as it is."""
        return explain_identification(case, load_policy(case.jurisdiction), self.language)

    def why_assessed(self, case: Case) -> tuple[Sentence, ...]:
        """Why the figures of the assessment are what they are."""
        return explain_assessment(case, load_policy(case.jurisdiction), self.language)

    def why_at_best(self, case: Case) -> tuple[Sentence, ...]:
        """The same for the other end of the range."""
        return explain_best(case, load_policy(case.jurisdiction), self.language)

    def why_no_offer(self, case: Case) -> tuple[Sentence, ...]:
        """Why there is no offer."""
        return explain_no_offer(case, load_policy(case.jurisdiction), self.language)

    def why_offered(self, case: Case, offer: Offer) -> tuple[Sentence, ...]:
        """Why the figures of an offer are what they are, and what it is worth: these pages are for staff alone."""
        policy = load_policy(case.jurisdiction)
        return explain_offer(case, offer, policy, self.language) + explain_worth(offer, policy, self.language)

    def when(self, moment: datetime | str | None, time_zone: str) -> str:
        """A moment on the clocks of the case's time zone, to the minute."""
        if moment is None:
            return ""
        try:
            at = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
        except ValueError:  # of an event that was altered: the page that says so has to be seen
            return str(moment)
        return at.astimezone(ZoneInfo(time_zone)).strftime("%Y-%m-%d %H:%M")


def for_staff(view: Callable[..., Response]) -> Callable[..., Response]:
    """Give a view its page; without a member of staff, or for a case that does not exist, the view is not reached."""

    @wraps(view)
    def guarded(**ids: str) -> Response:
        page = Page(app.current_request)
        if not page.staff_id:
            return page.message("no_staff", 403)
        if not all(re.fullmatch(r"[A-Za-z0-9_-]{1,120}", value) for value in ids.values()):
            return page.message("case_not_found", 404)
        try:
            return view(page, **ids)
        except CaseNotFoundError:
            return page.message("case_not_found", 404)
        except CaseDamagedError:
            logger.exception("case damaged", path=page.path)
            return page.render("message.html", 409, text=page.text("case_damaged", case_id=ids["case_id"]))
        except Exception:
            logger.exception("page failed", path=page.path)
            return page.message("failed", 500)

    return guarded


@app.route("/ops")
@for_staff
def tasks(page: Page) -> Response:
    """Open tasks by kind; the kind with the most urgent task first."""
    found = {kind: store.open_tasks(kind, TASKS_A_KIND) for kind in TaskKind}
    queues = [(kind, _whole(those), len(those) == TASKS_A_KIND) for kind, those in found.items()]
    queues = sorted((queue for queue in queues if queue[1]), key=lambda queue: queue[1][0].due_at)
    damaged = [task for those in found.values() for task in _damaged(those)]
    return page.render("tasks.html", queues=queues, limit=TASKS_A_KIND, damaged=damaged)


@app.route("/ops/cases/{case_id}")
@for_staff
def case(page: Page, case_id: str) -> Response:
    """Everything about a case that is not personal, and whether its record is whole."""
    found = store.get(case_id)
    events = list(store.found_events(case_id))
    try:
        verify_chain(events, found.head, found.version)
        broken = None
    except ChainBrokenError as error:
        broken = str(error)
    everything = store.tasks(case_id)
    newest_first = sorted(_whole(everything), key=lambda task: task.created_at, reverse=True)
    timeline = []
    for event in events:
        if isinstance(event, DamagedEvent):  # `broken` names the first one
            continue
        who, facts = described(event)
        told = {k: page.money(found, int(v)) if k in AMOUNTS and v.isdecimal() else v for k, v in facts.items()}
        timeline.append((event, who, told))
    shown = {"timeline": timeline, "broken": broken, "tasks": newest_first, "damaged": _damaged(everything)}
    shown["collections"] = [page.when(moment, found.time_zone) for moment in proven_collections(found)]
    return page.render("case.html", case=found, **shown)


@app.route("/ops/tasks/{case_id}/{task_id}")
@for_staff
def task(page: Page, case_id: str, task_id: str) -> Response:
    """One task, its case in short, and the form for what came of it."""
    return _task_page(page, store.get(case_id), _task(case_id, task_id))


@app.route("/ops/tasks/{case_id}/{task_id}", methods=["POST"], content_types=["application/x-www-form-urlencoded"])
@for_staff
def settle(page: Page, case_id: str, task_id: str) -> Response:
    """Record what a person decided; the same form twice is recorded once."""
    request = app.current_request
    if request.headers.get("origin") != ORIGIN:
        return page.message("wrong_origin", 403)
    body = request.raw_body
    form = parse_qs(body.decode("ascii", "replace")) if len(body) <= MAX_FORM_BYTES else {}
    choice = form.get("choice", [""])[0]
    found = _task(case_id, task_id)
    if not choice:
        return _task_page(page, store.get(case_id), found, page.text("choose_first"), 400)
    seen: dict[str, int] = {}
    if choice == staff.PAPERS_SEEN:
        case = store.get(case_id)
        typed = {name: form[name][0] for name in ON_PAPERS if form.get(name, [""])[0].strip()}
        amounts = {name: _minor_units(text, case.account.currency) for name, text in typed.items()}
        seen = {name: amount for name, amount in amounts.items() if amount is not None}
        if len(seen) < len(amounts) or not amounts:
            problem = page.text("not_recorded" if amounts else "nothing_seen")
            wrong = frozenset(amounts.keys() - seen.keys())
            return _task_page(page, case, found, problem, 422, typed, wrong)
    if choice == staff.START_AGAIN and not _started_again(store.get(case_id), found):
        return _task_page(page, store.get(case_id), found, page.text("not_started"), 503)
    others = _whole(store.tasks(case_id))

    def decide(case: Case) -> Change:
        about_offers = choice.partition("/")[0] in ("APPROVED", "REJECTED")
        if about_offers and form.get("offers", [""])[0] != _offers_named(case):
            raise DecisionRefusedError("OFFERS_CHANGED")
        policy = load_policy(case.jurisdiction)
        reach = store.reach(case.cardholder_id)
        return staff.decide(case, found, others, reach, choice, page.staff_id, page.role, policy, clock.now(), seen)

    # Of a task that stays open each call is an act of its own, named by the form on which it was recorded.
    sheet = re.sub(r"[^0-9a-f]", "", form.get("sheet", [""])[0])[:16]
    is_call = choice in calls.CALLED
    try:
        done = store.change(case_id, f"task/{task_id}/call/{sheet}" if is_call else f"task/{task_id}", decide)
    except DecisionRefusedError as refusal:
        case = store.get(case_id)
        not_before = page.when(refusal.not_before, case.time_zone)
        problem = page.text(refusal.reason.lower(), not_before=not_before)
        return _task_page(page, case, _task(case_id, task_id), problem, 409)
    if "unlocked" in done:  # whoever sends the form again: what was decided may not have been carried out yet
        tries.lift(case_id, done["unlocked"])
    if (done["outcome"], done["staff_id"], done.get("seen", {})) != (choice, page.staff_id, seen):
        return _task_page(page, store.get(case_id), _task(case_id, task_id), page.text("not_open"), 409)
    logger.info("task settled", case_id=case_id, task_id=task_id, outcome=choice, staff_id=page.staff_id)
    next_page = f"/ops/tasks/{case_id}/{task_id}" if is_call else f"/ops/cases/{case_id}"
    return Response("", status_code=303, headers=HEADERS | {"Location": page.link(next_page)})


@app.route("/ops/assets/{name}")
def asset(name: str) -> Response:
    """The style sheet."""
    if name != "ops.css":
        return Response("", status_code=404, headers=HEADERS)
    cached = HEADERS | {"Content-Type": "text/css; charset=utf-8", "Cache-Control": "public, max-age=3600"}
    return Response((HERE / "ops.css").read_text(encoding="utf-8"), headers=cached)


def _whole(tasks: list[StaffTask | DamagedTask]) -> list[StaffTask]:
    return [task for task in tasks if isinstance(task, StaffTask)]


def _damaged(tasks: list[StaffTask | DamagedTask]) -> list[DamagedTask]:
    return [task for task in tasks if isinstance(task, DamagedTask)]


def _task(case_id: str, task_id: str) -> StaffTask:
    found = store.task(case_id, task_id)
    if found is None:
        raise CaseNotFoundError(case_id)
    return found


def _offers_named(case: Case) -> str:
    """What a review says that it is about: nobody decides about offers that the page did not show them."""
    return " ".join(offer.offer_id for offer in case.offers)


def _started_again(case: Case, task: StaffTask) -> bool:
    """Whether an execution has the case: one that is started now, under the task's id, or one that runs already."""
    if not staff.stopped_case(case, task):
        return True
    try:
        # The word that one was aborted may come after somebody started another by hand.
        if not any(is_running(NEGOTIATION_ARN, name) for name in {case.stopped, case.execution} if name is not None):
            start_negotiation(NEGOTIATION_ARN, task.task_id, case.case_id)
    except (ClientError, ServiceUnavailableError):
        logger.exception("negotiation not started", case_id=case.case_id, task_id=task.task_id)
        return False
    return True


def _minor_units(typed: str, currency: str) -> int | None:
    """A whole amount as people write it ("6500", "6,500", "６５００") in minor units; None when it is none."""
    match = re.fullmatch(r"\d{1,11}|\d{1,3}(,\d{3}){1,3}", unicodedata.normalize("NFKC", typed).strip(), re.ASCII)
    if match is None:
        return None
    minor = int(match[0].replace(",", "")) * 10 ** minor_digits(currency)
    return minor if minor <= MOST else None


def _task_page(
    page: Page,
    case: Case,
    task: StaffTask,
    problem: str | None = None,
    status: int = 200,
    typed: Mapping[str, str] = MappingProxyType({}),
    wrong: frozenset[str] = frozenset(),
) -> Response:
    """The page of a task; `typed` are the figures of papers that were sent, of which those in `wrong` are none."""
    choices = staff.choices(case, task, clock.now())
    if staff.stopped_case(case, task):
        intro = "start_again_intro"
    elif choices == calls.CALLED:  # what was decided is still being taken up
        intro = "being_taken_up" if case.stopped is None else "taken_up_later"
    elif staff.resumes(case, task):
        intro = "decision_intro" if case.stopped is None else "decision_intro_stopped"
    else:
        intro = "outcome_intro"
    decisions = tuple(choice for choice in choices if choice != staff.PAPERS_SEEN)
    shown = {"choices": decisions, "intro": intro, "problem": problem, "offers_named": _offers_named(case)}
    if staff.PAPERS_SEEN in choices:  # which has a form of its own
        shown["papers"] = {"choice": staff.PAPERS_SEEN, "names": ON_PAPERS, "typed": typed, "wrong": wrong}
    else:
        shown["papers"] = None
    shown["sheet"] = secrets.token_hex(8)
    shown["call"] = _call(case, task) if task.outcome is None and task.kind in calls.CALLS else None
    return page.render("task.html", status, case=case, task=task, **shown)


def _call(case: Case, task: StaffTask) -> dict[str, Any]:
    """Whether the customer may be called now, when they are best reached, and what to say."""
    now, policy, reach = clock.now(), load_policy(case.jurisdiction), store.reach(case.cardholder_id)
    hours = sorted(best_hours(case, reach, policy, now))
    return {
        "verdict": calls.may_call(case, task, reach, policy, now),
        "best_hours": [f"{hour:02}:00–{(hour + 1) % 24:02}:00" for hour in hours],
        "script": _script(case, task, policy, now),
    }


def _script(case: Case, task: StaffTask, policy: Policy, now: datetime) -> calls.Script | None:
    """What to say; None where nobody reviewed its words: the page is needed all the same, to record a call."""
    try:
        return calls.script(case, task, policy, now)
    except TextNotReviewedError:
        logger.exception("no script can be shown", case_id=case.case_id, task_id=task.task_id)
        return None


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """API Gateway's entry."""
    response: dict[str, Any] = app(event, context)
    logger.info("page served", route=event.get("resource"), status=response["statusCode"])
    return response
