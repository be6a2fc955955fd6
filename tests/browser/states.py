"""The table of everything that a customer can come to see: each page in each of its states, and the way there.

A scene goes on from page to page as a customer does, and names what it sees. A new page or state gets a line here.
"""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from unittest.mock import patch

import yaml
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError
from builders import a_balance, an_offer
from integration.web_fixtures import (
    BOUNDARY,
    LAST4,
    NAME,
    NOW,
    PDF,
    Browser,
    Page,
    Web,
    answers,
    before_signing,
    form_of,
    seal_it,
    signed,
    ticked,
    understood,
)
from loading import ROOT

from accord import wording
from accord.aws import clients
from accord.case import Case, ClosedReason, Decision, Plan, Posting, Product, Status
from accord.errors import DecisionRefusedError, ServiceUnavailableError
from accord.policy import load_policy

Seen = Iterator[tuple[str, Page]]
TEXTS: dict[str, dict[str, str]] = yaml.safe_load(
    (ROOT / "functions" / "customer_web" / "texts.yaml").read_text(encoding="utf-8")
)
REASONS = [key.removeprefix("refused.") for key in TEXTS if key.startswith("refused.") and key != "refused.title"]
PAPERS = tuple(key.removeprefix("papers.") for key in TEXTS if key.startswith("papers."))
RARE = "\U00020bb7" * 100
MILLIONS = a_balance(
    principal=888_888_888, interest=188_888_888, penalty_interest=288_888_888, late_fees=388_888_888, fees=488_888_888
)
WAIVED = MILLIONS.model_copy(update={"principal": 1, "late_fees": 0})
STANDS: dict[str, Any] = {
    "first_due_date": date(2026, 12, 15), "valid_until": NOW + timedelta(days=14), "owed": MILLIONS, "waived": WAIVED,
}  # fmt: skip
ONE_PAYMENT = an_offer(offer_id="o-1", product=Product.LUMP_SUM, months=1, **STANDS)
SIXTY_MONTHS = an_offer(offer_id="o-2", months=60, annual_rate_ppm=60_000, **STANDS)
OWN_RATE = an_offer(offer_id="o-3", product=Product.INSTALMENT, months=24, annual_rate_ppm=182_500, **STANDS)
EVIL = "https://evil.example"


def states(web: Web, language: str) -> dict[str, Page]:
    """All of them, by name."""
    seen: dict[str, Page] = {}
    for scene in (coming_in, no_code_leaves, deciding, another_plan, no_name, other_ways, plan, any_time, notices):
        web.clear()
        for name, page in scene(web, language):
            assert name not in seen, f"{name} stands there twice"
            seen[name] = page
    return seen


def coming_in(web: Web, language: str) -> Seen:
    link, browser = web.link(web.invited()), web.browser(language)
    landing = browser.get(link)
    yield "landing", landing
    yield "landing: not confirmed", browser.submit(landing, last4="0000")
    code = browser.submit(landing, last4=LAST4)
    yield "code", code
    yield "code: wrong", browser.submit(code, code="x")
    yield "code: nobody asked for it", web.browser(language).get(f"{link}/code")
    for _ in range(2):
        browser.submit(landing, last4=LAST4)
    yield "landing: too often", browser.submit(landing, last4=LAST4)


def no_code_leaves(web: Web, language: str) -> Seen:
    browser = web.browser(language)
    landing = browser.get(web.link(web.invited()))
    with patch.object(clients.client("sns", attempts=1), "publish", side_effect=ReadTimeoutError(endpoint_url="sns")):
        yield "landing: in doubt", browser.submit(landing, last4=LAST4)
    with patch.object(
        clients.client("sns", attempts=1), "publish", side_effect=EndpointConnectionError(endpoint_url="sns")
    ):
        yield "landing: unsent", browser.submit(landing, last4=LAST4)
    opted_out = web.invited(cardholder={"phone": "+12025550199"})  # moto counts it among those that answered stop
    yield "landing: unsendable", browser.submit(browser.get(web.link(opted_out)), last4=LAST4)
    with patch.object(wording, "_reviewed", dict):
        yield "landing: words not reviewed", browser.submit(browser.get(web.link(web.invited())), last4=LAST4)


def deciding(web: Web, language: str) -> Seen:
    case = web.invited()
    browser, offers = web.entered(case, language)
    yield "offers", offers
    assert case.assessment is not None
    for name, changes in {
        "offers: a call is due": {"call_arranged": True},
        "offers: one within the proposal": {"proposed_monthly": max(offer.regular_instalment for offer in case.offers)},
        "offers: the last payment above the proposal": {
            "proposed_monthly": SIXTY_MONTHS.regular_instalment,
            "offers": (SIXTY_MONTHS.model_copy(update={"last_instalment": SIXTY_MONTHS.regular_instalment + 1}),),
        },
        "offers: none within the proposal": {"proposed_monthly": 1_000},
        "offers: by what was told": {"circumstances": case.circumstances.model_copy(update={"own": ("savings",)})},
        "offers: beyond the means": {"offers_beyond_means": True, "advice_due": True},
        "offers: papers": {"assessment": case.assessment.model_copy(update={"evidence": PAPERS})},
        "offers: nothing late yet": {
            "account": case.account.model_copy(update={"days_past_due": 0, "oldest_unpaid_due_date": None})
        },
        "offers: one day late": {"account": case.account.model_copy(update={"days_past_due": 1})},
        "offers: late since nobody knows when": {
            "account": case.account.model_copy(update={"oldest_unpaid_due_date": None})
        },
        "offers: three": {"offers": (ONE_PAYMENT, SIXTY_MONTHS, OWN_RATE)},
        "offers: in pounds": in_currency(case, "GBP"),
        "offers: in Hong Kong dollars": in_currency(case, "HKD"),
    }.items():
        yield name, changed(web, case, browser, "/my/offers", **changes)
    questions = browser.submit(offers)
    yield "questions", questions
    right = answers(web, case)
    wrong = {question: next(choice for choice in "abc" if choice != right[question]) for question in right}
    yield "questions: one wrong", browser.submit(questions, **right | {"AMOUNT": wrong["AMOUNT"]})
    yield "questions: all wrong", browser.submit(browser.get("/my"), **wrong)
    yield "questions: wrong again", browser.submit(browser.get("/my"), **wrong)
    yield "offers: one chosen", browser.get("/my/offers")
    agreement = browser.submit(browser.get("/my"), **right)
    yield "agreement", agreement
    yield "agreement: not every box ticked", browser.submit(agreement)
    sign = browser.post("/my/agreement", browser.filled(agreement) | ticked(agreement))
    yield "sign", sign
    yield "sign: wrong name", browser.submit(sign, name="王", code=web.last_code())
    yield "sign: wrong code", browser.submit(sign, name=NAME, code="x")


def another_plan(web: Web, language: str) -> Seen:
    """The shortest plan and the longest one, about large sums."""
    for name, offer in {"one payment": ONE_PAYMENT, "60 months": SIXTY_MONTHS}.items():
        case = web.invited()
        account = case.account.model_copy(update={"balance": MILLIONS})
        web.update(case.case_id, account=account, offers=(offer,))
        browser, offers = web.entered(case, language)
        yield f"offers: {name}", offers
        yield f"questions: {name}", browser.submit(offers)
        agreement = understood(web, case, browser, browser.get("/my/offers"))
        yield f"agreement: {name}", agreement
        sign = browser.post("/my/agreement", browser.filled(agreement) | ticked(agreement))
        yield f"sign: {name}", sign
        browser.submit(sign, name=NAME, code=web.last_code())
        seal_it(web, case)
        yield f"plan: {name}", browser.get("/my")


def no_name(web: Web, language: str) -> Seen:
    """The documents cannot print the name."""
    case = web.invited(cardholder={"name": RARE})
    browser, offers = web.entered(case, language)
    yield "offers: name not printable", offers
    yield "name: instead of the agreement", understood(web, case, browser, offers)
    yield "offers: a call about the name is due", browser.get("/my/offers")
    web.update(case.case_id, glyph_task="CLOSED")
    yield "name: nobody has the task", browser.get("/my/agreement")


def other_ways(web: Web, language: str) -> Seen:
    case = web.invited()
    browser, _ = web.entered(case, language)
    proposal = browser.get("/my/proposal")
    yield "proposal", proposal
    yield "proposal: no amount", browser.submit(proposal, amount="much")
    yield "proposal: too much", browser.submit(proposal, amount="99999999")
    income = browser.get("/my/income")
    yield "income", income
    yield "income: nothing told", browser.submit(income)
    wrong = dict.fromkeys(name for name in income.form["fields"] if name not in ("csrf", "key"))
    yield "income: all wrong", browser.submit(income, **dict.fromkeys(wrong, "'<b>x"))
    nothing = dict.fromkeys(wrong, "") | {"everything": "yes"}
    yield "income: everything, but no cost", browser.submit(income, **nothing)
    yield "income: known", changed(web, case, browser, "/my/income", circumstances=all_told(case))
    with patch.object(web.app, "load_policy", lambda _: with_regions()):
        yield "income: regions", browser.get("/my/income")
    yield "income: first", changed(web, case, browser, "/my", offers=())
    yield "person", browser.get("/my/person")
    approved = tuple(offer.model_copy(update={"approved_by": "mei"}) for offer in case.offers)
    yield "person: approved by one", changed(web, case, browser, "/my/person", offers=approved)
    decline = browser.get("/my/decline")
    yield "decline", decline
    yield "decline: no reason", browser.submit(decline, reason="")
    call = browser.get("/my/call")
    yield "call", call
    for reason in REASONS:
        with patch.object(web.app.customer, "ask_for_call", side_effect=DecisionRefusedError(reason)):
            yield f"refused: {reason}", browser.submit(call)
    with patch.object(web.app.customer, "ask_for_call", side_effect=ServiceUnavailableError("DynamoDB")):
        yield "failed: not now", browser.submit(call)
    yield "called", browser.submit(call)


def being_paid(web: Web, sealed: Case, browser: Browser) -> Seen:
    """The plan's page on its way to the last payment."""
    agreement = sealed.agreement
    assert agreement is not None
    rows = agreement.schedule

    def paid(count: int) -> tuple[Posting, ...]:
        return tuple(
            Posting(payment_id=f"p-{row.number}", amount=row.amount, posted_at=NOW + timedelta(minutes=row.number))
            for row in rows[:count]
        )

    running: dict[str, Any] = {"status": Status.ACTIVE, "plan": Plan(begun_on=NOW.date()), "figures_at": NOW}
    yield "plan: three paid", changed(web, sealed, browser, "/my", **running, postings=paid(3))
    with patch.object(web.app.pages, "local_day", lambda *_: rows[0].due_date + timedelta(days=9)):
        yield "plan: late", changed(web, sealed, browser, "/my", **running, postings=())
    terms = agreement.agreed
    dearer = [row | {"interest": 100, "principal": row["principal"] - 100} for row in terms["schedule"]]
    costly = agreement.model_copy(update={"terms": json.dumps(terms | {"schedule": dearer})})
    yield "plan: with interest", changed(web, sealed, browser, "/my", **running, postings=(), agreement=costly)
    done = running | {"status": Status.COMPLETED, "postings": paid(len(rows)), "agreement": agreement}
    yield "plan: completed", changed(web, sealed, browser, "/my", **done)


def plan(web: Web, language: str) -> Seen:
    case = web.invited()
    browser, page = signed(web, case, language)
    yield "plan: sealing", page
    yield "plan: mending", changed(web, case, browser, "/my", stopped="run-1")
    seal_it(web, case)
    yield "plan: active", browser.get("/my")
    sealed = web.cases.get(case.case_id)
    yield "plan: sealed", changed(web, case, browser, "/my", status=Status.SIGNED)
    yield "plan: ended", changed(web, case, browser, "/my", status=Status.BREACHED)
    yield from being_paid(web, sealed, browser)
    closed: dict[str, Any] = {"status": Status.CLOSED, "closed_reason": ClosedReason.WITHDRAWN}
    yield "plan: closed, not begun", changed(web, case, browser, "/my", **closed)
    for reason in (ClosedReason.DECLINED, ClosedReason.CURED, ClosedReason.EXPIRED):
        closed |= {"agreement": None, "closed_reason": reason, "call_arranged": True}
        yield f"plan: closed, {reason}", changed(web, case, browser, "/my", **closed)
    open_again: dict[str, Any] = {"status": Status.NEGOTIATING, "agreement": None, "decision": None}
    yield "plan: stopped", changed(web, case, browser, "/my", **open_again, flags=("SOLD",))
    ran_out = tuple(offer.model_copy(update={"valid_until": NOW}) for offer in sealed.offers)
    yield "plan: expired", changed(web, case, browser, "/my", **open_again, offers=ran_out)
    complained: dict[str, Any] = open_again | {"complaint": "OPEN"}
    yield "plan: expired under a complaint", changed(web, case, browser, "/my", **complained, offers=ran_out)
    for kind in [key.removeprefix("plan.working.") for key in TEXTS if key.startswith("plan.working.")]:
        if kind != "title":
            by = "STAFF" if kind == "SOON" else "CUSTOMER"
            waits = open_again | {"decision": Decision(decision_id="d-1", by=by, kind=kind, at=NOW)}
            yield f"plan: working, {kind}", changed(web, case, browser, "/my", **waits)
    in_review = open_again | {"status": Status.IN_REVIEW}
    yield "plan: working, a person decides", changed(web, case, browser, "/my", **in_review)
    web.later(minutes=3)
    yield "plan: held", changed(web, case, browser, "/my", status=Status.SIGNED)


def any_time(web: Web, language: str) -> Seen:
    case = web.invited(reachable_by=("SMS", "CALL", "EMAIL"))
    browser, _ = web.entered(case, language)
    contact = browser.get("/my/contact")
    yield "contact", contact
    yield "contact: saved", browser.submit(contact)
    fields = browser.filled(contact)
    browser.post("/my/contact", {name: fields[name] for name in ("csrf", "key")})
    yield "person: no message may come", browser.get("/my/person")
    in_review = {"status": Status.IN_REVIEW}
    yield "plan: working, no message may come", changed(web, case, browser, "/my", **in_review)
    complaint = browser.get("/my/complaint")
    yield "complaint", complaint
    yield "complaint: nothing picked", browser.submit(complaint)
    yield "complained", browser.submit(complaint, about="OTHER")
    over = web.now - timedelta(days=1)
    yield "complained: the day is past", changed(web, case, browser, "/my/complaint", complaint_answer_by=over)


def notices(web: Web, language: str) -> Seen:
    case = web.invited()
    browser, offers = web.entered(case, language)
    before_signing(web, case, browser, offers)
    yield "signed out", web.browser(language).get("/my")
    yield "forged", browser.post("/my/offers", browser.filled(offers), origin=EVIL)
    yield "broken", browser.post("/my/offers", browser.filled(offers) | {"key": ""})
    yield "broken: no such file", browser.get("/assets/none.css")
    leaving = offers.forms[1]["fields"]
    with patch.object(web.app.sessions, "end", None):
        yield "failed", browser.post("/my/leave", leaving)
    yield "left", browser.post("/my/leave", leaving)

    browser, _ = web.entered(case, language)
    proposal = browser.get("/my/proposal")
    web.later(minutes=11)
    yield "signed out: what was typed is kept", browser.submit(proposal, amount="700")
    yield "signed out: what was sent", browser.submit(proposal, amount="")
    browser, _ = web.entered(case, language)
    yield "proposal: typed before", browser.get("/my/proposal")

    yield "verify", browser.get("/verify")
    case = web.invited()
    signed(web, case)
    seal_it(web, case)
    kind = f"multipart/form-data; boundary={BOUNDARY}"
    for verdict, sent in {
        "ours": form_of(PDF),
        "not ours": form_of(b"another"),
        "no file": b"",
        "too long": form_of(b"x" * 2**21),
    }.items():
        yield f"verify: {verdict}", browser.post("/verify", sent, content_type=kind)


# --- what the scenes are made of ---------------------------------------------------------------------------------


def changed(web: Web, case: Case, browser: Browser, path: str, **changes: Any) -> Page:
    """What stands at `path` when the case is another in this; what is stored stays as it is."""
    other = web.cases.get(case.case_id).model_copy(update=changes)
    with patch.object(web.app.cases, "get", return_value=other):
        return browser.get(path)


def in_currency(case: Case, currency: str) -> dict[str, Any]:
    """The same figures as other people write them."""
    changes = {"currency": currency}
    return {
        "account": case.account.model_copy(update=changes),
        "offers": tuple(offer.model_copy(update=changes) for offer in case.offers),
    }


def all_told(case: Case) -> Any:
    """Means that are known to the last of them."""
    return case.circumstances.model_copy(
        update={"savings": 88_888_888, "fixed_costs": {"HOUSING": 888_888}, "hardship_months": 12}
    )


def with_regions() -> Any:
    """A policy whose tables name a region."""
    policy = load_policy("CN")
    floor = policy.rules["assessment.protected_floor"]
    named = floor.model_copy(update={"value": {**floor.value, "NEW_TOWN": floor.value["DEFAULT"]}})
    return policy.model_copy(update={"rules": policy.rules | {"assessment.protected_floor": named}})
