"""Makes the customer's pages: words in the reader's language, figures as people read them, headers of safety."""

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from chalice import Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from accord.affordability import FIXED, FLEXIBLE
from accord.case import Case, Circumstances, ClosedReason, Instalment, Offer, Product, Status
from accord.comprehension import questions as questions_about
from accord.customer import is_stopped
from accord.messages import CODE_MINUTES, last_day
from accord.money import format_money, format_rate, minor_digits
from accord.plan import local_day, standing
from accord.policy import Policy
from accord.schedule import schedule_of
from accord.texts import format_date

_FOLDER = Path(__file__).parent
_TEXTS: dict[str, dict[str, str]] = yaml.safe_load((_FOLDER / "texts.yaml").read_text(encoding="utf-8"))
_STYLE = (_FOLDER / "assets" / "style.css").read_text(encoding="utf-8")
_STYLE_NAME = f"style-{hashlib.sha256(_STYLE.encode()).hexdigest()[:12]}.css"
_SCRIPT = (_FOLDER / "assets" / "draw.js").read_text(encoding="utf-8")
_SCRIPT_NAME = f"draw-{hashlib.sha256(_SCRIPT.encode()).hexdigest()[:12]}.js"
ASSETS = {
    _STYLE_NAME: ("text/css; charset=utf-8", _STYLE),
    _SCRIPT_NAME: ("text/javascript; charset=utf-8", _SCRIPT),
}

# `same-origin` and not `no-referrer`: under that one a browser sends `Origin: null` with our own forms.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cache-Control": "no-store",
}

# The page where one signs, and no other, has a script of ours.
WITH_SCRIPT = {"Content-Security-Policy": HEADERS["Content-Security-Policy"] + "; script-src 'self'"}

_OTHER = {"zh-CN": {"tag": "en", "name": "English"}, "en": {"tag": "zh-CN", "name": "中文"}}
# What people write beside an amount of a currency, and means nothing more.
_SIGNS = {"CNY": r"[\s¥元]|RMB", "USD": r"[\s$]|USD", "GBP": r"[\s£]|GBP"}
_UNITS = {"CNY": {"zh-CN": "元", "en": "yuan"}}  # what people call it; any other currency keeps its code
_COMPONENTS = ("principal", "interest", "penalty_interest", "late_fees", "fees")
_SEALED_WITHIN = timedelta(minutes=2)  # beyond this somebody has to look, and the customer need not wait
_CHART_WIDTH, _CHART_TOP, _CHART_FLOOR = 240, 6, 68

_templates = Environment(
    loader=FileSystemLoader(_FOLDER / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def _dialled(number: str) -> str:
    return re.sub(r"[^0-9+]", "", number)


_templates.filters["dialled"] = _dialled


def html(template: str, language: str, status: int, **values: Any) -> Response:
    """A page as an answer."""

    def t(key: str, **words: Any) -> Markup:
        if "phone" in words:  # one touch calls, and the number never breaks across lines
            link = Markup('<a href="tel:{}">{}</a>')
            words["phone"] = link.format(_dialled(words["phone"]), words["phone"])
        return Markup(_TEXTS[key][language]).format(**words)  # noqa: S704 - our own words; what is filled in is escaped

    page = _templates.get_template(template).render(
        _DEFAULTS | values,
        t=t,
        language=language,
        other=_OTHER[language],
        style=_STYLE_NAME,
        script=_SCRIPT_NAME,
        code_minutes=CODE_MINUTES,
    )
    return Response(page, {"Content-Type": "text/html; charset=utf-8", "Content-Language": language}, status)


# What a page may leave unsaid.
_DEFAULTS: dict[str, Any] = dict.fromkeys(
    (
        "csrf", "problem", "free_help", "reason", "next", "value", "name", "unticked", "elsewhere", "drawing", "until",
        "kept",
    ),
    "",
) | {"typed": {}}  # fmt: skip


def preferred(accept_language: str) -> str:
    """The first language of a browser's list that we write; Chinese when there is none."""
    for wanted in accept_language.lower().split(","):
        tag = wanted.split(";")[0].strip()
        if tag.startswith(("zh", "en")):
            return "zh-CN" if tag.startswith("zh") else "en"
    return "zh-CN"


# --- what pages show -------------------------------------------------------------------------------------------


def shown_offer(offer: Offer, language: str) -> dict[str, Any]:
    """An offer in words and figures. It comes from `accord.offers.quotable`."""

    def money(minor: int) -> str:
        return format_money(minor, offer.currency, language)

    schedule = schedule_of(offer)
    return {
        "offer_id": offer.offer_id,
        "product": offer.product.value,
        "at_once": offer.product is Product.LUMP_SUM,
        "instalment": money(offer.regular_instalment),
        "last_instalment": money(offer.last_instalment),
        "months": offer.months,
        "first": format_date(offer.first_due_date, language),
        "finished": format_date(schedule[-1].due_date, language),
        "financed": money(offer.financed),
        "payable": money(offer.total_payable),
        "waived": money(offer.waived.total) if offer.waived.total else "",
        "rate": format_rate(offer.annual_cost_ppm) if offer.annual_cost_ppm else "",
        "no_new_card": offer.no_new_card,
    }


def _falling(offer: Offer, longest: int) -> str:
    """The path of a small chart: what is left after each payment, in steps down to nothing.

    All charts of a page have the same scale of time, `longest` months, so that a shorter plan is seen to end sooner.
    """
    left = offer.financed
    path = [f"M0 {_CHART_TOP}"]
    for row in schedule_of(offer):
        left -= row.principal
        down = _CHART_FLOOR - (_CHART_FLOOR - _CHART_TOP) * left // offer.financed
        path.append(f"H{_CHART_WIDTH * row.number // longest}V{down}")
    return "".join(path)


def offers_view(case: Case, offers: tuple[Offer, ...], language: str) -> dict[str, Any]:
    """The options side by side, each with what it is best at. None is preselected."""
    figures = [
        # A single payment may be due later than the last of several instalments.
        {"month": offer.regular_instalment, "total": offer.total_payable, "soon": schedule_of(offer)[-1].due_date}
        for offer in offers
    ]
    best = {name: min(own[name] for own in figures) for name in figures[0]}
    longest = max(offer.months for offer in offers)
    shown = []
    for offer, own in zip(offers, figures, strict=True):
        labels = [name for name, value in own.items() if value == best[name]] if len(offers) > 1 else []
        chart = _falling(offer, longest) if offer.months > 1 else ""
        shown.append(shown_offer(offer, language) | {"best": labels, "chart": chart})
    proposed = case.proposed_monthly
    within = {
        n: offer for n, offer in enumerate(offers, 1) if proposed is not None and offer.regular_instalment <= proposed
    }
    last_above = [n for n, offer in within.items() if proposed is not None and offer.last_instalment > proposed]
    return owed_view(case, language) | {
        "why": why_view(case, language),
        "offers": shown,
        "chosen": case.chosen_offer_id,
        "told": bool(case.circumstances.own),
        "beyond_means": case.offers_beyond_means,
        "advice_due": case.advice_due,
        "papers": _papers(case),
        "proposed": format_money(proposed, case.account.currency, language) if proposed is not None else "",
        "within": ", ".join(map(str, within)),
        "last_above": ", ".join(map(str, last_above)),
        "until": format_date(last_day(offers, case), language),
    }


def why_view(case: Case, language: str) -> dict[str, Any]:
    """Why the bank writes: what is late, since when, as of which day."""
    account = case.account
    due = account.oldest_unpaid_due_date
    kind = "early" if account.days_past_due <= 0 else "late" if due is not None else "late.undated"
    return {
        "kind": kind,
        "due": format_date(due, language) if due is not None else "",
        "as_of": format_date(account.as_of, language),
        "days": account.days_past_due,
    }


def _papers(case: Case) -> list[str]:
    """The papers that the bank may ask for; those that the texts have no words for stand together as OTHER."""
    asked = case.assessment.evidence if case.assessment is not None else ()
    return list(dict.fromkeys(paper if f"papers.{paper}" in _TEXTS else "OTHER" for paper in asked))


def unit(currency: str, language: str) -> str:
    """What an amount is typed in, in a word."""
    return _UNITS.get(currency, {}).get(language, currency)


def owed_view(case: Case, language: str) -> dict[str, Any]:
    """What is owed, and how it is made up."""
    balance, currency = case.account.balance, case.account.currency
    parts = [(name, getattr(balance, name)) for name in _COMPONENTS]
    return {
        "unit": unit(currency, language),
        "owed": {
            "as_of": format_date(case.account.as_of, language),
            "total": format_money(balance.total, currency, language),
            "parts": [(name, format_money(amount, currency, language)) for name, amount in parts if amount],
        },
    }


def progress_view(case: Case, now: datetime, language: str) -> dict[str, Any]:
    """Where a plan is: what was paid, what is left by the schedule, what would settle it today, and what is next."""
    today = local_day(case, now)
    stands = standing(case, today)
    total = sum(row.amount for row in stands.rows)

    def money(minor: int) -> str:
        return format_money(minor, case.account.currency, language)

    row = stands.next_row
    return {
        "paid": money(stands.paid),
        "left": money(total - stands.paid),
        "payoff": money(stands.left) if stands.left < total - stands.paid else None,
        "next": row and {"amount": money(row.amount - row.paid), "due": format_date(row.due_date, language)},
        "late": row is not None and row.due_date < today,
    }


def completed_view(case: Case, now: datetime, language: str) -> dict[str, Any] | None:
    """That all is paid, and when; None where the payments do not say so any more."""
    stands = standing(case, local_day(case, now)) if case.agreement is not None else None
    if stands is None or stands.settled_on is None:
        return None
    paid, day = format_money(stands.paid, case.account.currency, language), format_date(stands.settled_on, language)
    return {"state": "completed", "refresh": False, "paid": paid, "day": day}


def shown_schedule(schedule: Sequence[Instalment], currency: str, language: str) -> list[dict[str, Any]]:
    """The payments as rows of a table, each with what is left to pay after it."""
    left, rows = sum(row.amount for row in schedule), []
    for row in schedule:
        left -= row.amount
        figures = {"amount": row.amount, "left": left}
        shown = {name: format_money(figure, currency, language) for name, figure in figures.items()}
        rows.append({"number": row.number, "due": format_date(row.due_date, language)} | shown)
    return rows


def questions_view(case: Case, offer: Offer, language: str) -> dict[str, Any]:
    """The questions about the chosen offer. After a try the wrong ones are explained, the right ones stay picked."""
    tried = case.comprehension if case.comprehension and case.comprehension.offer_id == offer.offer_id else None
    last = {answer["question"]: answer for answer in tried.answers} if tried else {}
    shown = []
    for number, question in enumerate(questions_about(offer, language), start=1):
        answer = last.get(question.id)
        wrong = answer is not None and answer["right"] == "no"
        shown.append(
            {
                "id": question.id,
                "number": number,
                "text": question.text,
                "choices": question.choices,
                "picked": answer["answer"] if answer is not None and not wrong else "",
                "explanation": question.explanation if wrong else "",
            }
        )
    return {
        "offer": shown_offer(offer, language),
        "questions": shown,
        "wrong": sum(bool(question["explanation"]) for question in shown),
        "attempts": tried.attempts if tried else 0,
        "will_call": case.call_arranged,
    }


def agreement_view(terms: Mapping[str, Any], offer: Offer, language: str) -> dict[str, Any]:
    """The agreement from the very terms that are hashed, signed and printed."""
    currency = terms["currency"]

    def money(minor: int) -> str:
        return format_money(minor, currency, language)

    schedule = [Instalment(**row | {"due_date": date.fromisoformat(row["due_date"])}) for row in terms["schedule"]]
    return {
        "heading": terms["title"],
        "offer": shown_offer(offer, language),
        "cards": terms["cards"],
        "clauses": terms["clauses"],
        "institution": terms["institution"],
        "account": terms["account_id"],
        "debt": [
            (name, money(terms["owed"][name]), money(terms["waived"][name]))
            for name in (*_COMPONENTS, "total")
            if terms["owed"][name]
        ],
        "schedule": shown_schedule(schedule, currency, language),
        "consents": terms["consent_texts"],
    }


def plan_view(case: Case, now: datetime, language: str) -> dict[str, Any]:
    """Where a case stands on which there is nothing to decide: `state`, and whether the page asks again by itself."""
    signed, offer = case.agreement, None
    if signed is not None:
        offer = case.offer(signed.offer_id)
    if case.status is Status.CLOSED:
        known = case.closed_reason in (ClosedReason.DECLINED, ClosedReason.CURED)
        why = str(case.closed_reason) if known else "other" if signed is None else "not_begun"
        return {"state": "closed", "why": why, "will_call": case.call_arranged, "refresh": False}
    if case.status is Status.COMPLETED and (completed := completed_view(case, now, language)) is not None:
        return completed
    if case.status in (Status.COMPLETED, Status.BREACHED):
        return {"state": "ended", "refresh": False}
    soon = signed is not None and now - signed.signed_at < _SEALED_WITHIN
    if signed is not None and offer is not None and signed.document_key is not None:
        waits = case.status is Status.SIGNED and (not soon or case.stopped is not None or is_stopped(case))
        return {
            "state": "held" if waits else "done",
            "refresh": False,
            "active": case.status is not Status.SIGNED,
            "progress": progress_view(case, now, language) if case.plan is not None else None,
            "offer": shown_offer(offer, language),
            "schedule": shown_schedule(signed.schedule, offer.currency, language),
        }
    if is_stopped(case):
        return {"state": "stopped", "refresh": False}
    if signed is not None and case.stopped is None:
        return {"state": "sealing" if soon else "working", "kind": "", "refresh": soon}
    if case.decision is None and case.status in (Status.INVITED, Status.NEGOTIATING):
        return {"state": "complained" if case.complaint == "OPEN" else "expired", "refresh": False}
    if case.stopped is not None:
        return {"state": "mending", "refresh": False}
    if case.decision is not None and case.decision.by == "CUSTOMER":
        return {"state": "working", "kind": case.decision.kind, "refresh": True}
    if case.decision is None and case.status is Status.IN_REVIEW:  # a person takes days, and a message follows
        return {"state": "working", "kind": "", "refresh": False}
    return {"state": "working", "kind": "SOON", "refresh": True}


# --- what people type ------------------------------------------------------------------------------------------


def parse_amount(typed: str, currency: str) -> int | None:
    """An amount as people write it ("1,200.50", "１２００ 元", "¥800", "$150") in minor units; None when it is none."""
    plain = re.sub(_SIGNS.get(currency, r"[\s]"), "", unicodedata.normalize("NFKC", typed))
    match = re.fullmatch(r"(\d{1,11}|\d{1,3}(?:,\d{3}){1,3})(?:\.(\d{1,3}))?", plain, re.ASCII)
    if match is None:
        return None
    whole, part = match[1].replace(",", ""), match[2] or ""
    digits = minor_digits(currency)
    if len(part) > digits:
        return None
    return int(whole + part.ljust(digits, "0"))


# --- the income form -------------------------------------------------------------------------------------------

# The fields in the order of the page: the short part, which is enough, and what tells it more exactly.
SHORT = ("monthly_income", "monthly_essential_spend", "other_debt_payments", "dependants")
OWNED = ("savings", "other_unsecured_balance")
MORE = (*FIXED, *FLEXIBLE, "everything", *OWNED, "hardship", "hardship_months", "region")
_NO_HARDSHIP = "NONE"
# The pages whose form is kept when it could not be sent. Neither has a field for a name, a code or a document's number.
DRAFTED = ("income", "proposal")

Choices = Mapping[str, tuple[str, ...]]


def income_choices(policy: Policy, today: date) -> Choices:
    """What can be picked on the income form: the hardships and the regions that the policy names.

    A hardship that the texts have no words for is left out. There are regions only where the tables name any.
    """
    named = policy.rule("assessment.hardship_months", today)
    hardships = [name for name in named if f"income.hardship.{name}" in _TEXTS]
    tables = [policy.rule(f"assessment.{table}", today) for table in ("protected_floor", "guidelines")]
    regions = sorted({region for table in tables for region in table} - {"DEFAULT"})
    return {
        "hardship": (*dict.fromkeys((*hardships, "OTHER", _NO_HARDSHIP)),),
        "region": (*regions, "DEFAULT") if regions else (),
    }


def income_view(
    case: Case, choices: Choices, language: str, values: Mapping[str, str] | None, problems: Mapping[str, str]
) -> dict[str, Any]:
    """The income form: with what was typed into it just now, or else with what is known, to be corrected."""
    currency = case.account.currency
    known = known_values(case.circumstances, currency)
    shown = known if values is None else values
    return {
        "unit": unit(currency, language),
        "values": shown,
        "known": values is None and bool(known),
        "problems": problems,
        "more": any(shown.get(name) or name in problems for name in MORE),
        "parts": {"short": SHORT, "fixed": FIXED, "flexible": FLEXIBLE, "owned": OWNED},
        "hardships": choices["hardship"],
        "regions": {region: region.replace("_", " ").title() for region in choices["region"]},
    }


def known_values(told: Circumstances, currency: str) -> dict[str, str]:
    """What is known of the person's means, by the fields of the income form, as it would be typed there."""
    amounts = {name: getattr(told, name) for name in (*SHORT, *OWNED) if name != "dependants"}
    amounts |= {name: (told.fixed_costs or {}).get(name) for name in FIXED}
    amounts |= {name: (told.flexible_costs or {}).get(name) for name in FLEXIBLE}
    plain = {name: getattr(told, name) for name in ("dependants", "hardship", "hardship_months", "region")}
    return {name: typed_amount(amount, currency) for name, amount in amounts.items() if amount is not None} | {
        name: str(value) for name, value in plain.items() if value is not None
    }


def typed_amount(minor: int, currency: str) -> str:
    """An amount as people would type it: 800, or 800.50."""
    digits = minor_digits(currency)
    whole, part = divmod(minor, 10**digits)
    return f"{whole}.{part:0{digits}}" if part else str(whole)


def parse_circumstances(
    form: Mapping[str, str], currency: str, choices: Choices
) -> tuple[dict[str, Any], dict[str, str]]:
    """What the income form tells, and what is wrong with it: a field's name with the key of the words for it.

    An empty field tells nothing, and 0 is a known nothing. Who ticks `everything` tells 0 for every cost left empty.
    Problems stand in the order of the page.
    """
    told: dict[str, Any] = {}
    problems: dict[str, str] = {}

    def take(names: Iterable[str], parse: Callable[[str], Any], problem: str) -> dict[str, Any]:
        found = {}
        for name in names:
            if form.get(name):
                value = parse(form[name])
                if value is None:
                    problems[name] = problem
                else:
                    found[name] = value
        return found

    def amount(typed: str) -> int | None:
        minor = parse_amount(typed, currency)
        return minor if minor is not None and minor <= 10**11 else None

    told |= take((name for name in SHORT if name != "dependants"), amount, "field.amount")
    told |= take(["dependants"], lambda typed: _whole_number(typed, 0, 30), "field.count")
    fixed, flexible = (take(names, amount, "field.amount") for names in (FIXED, FLEXIBLE))
    if form.get("everything"):
        if not any(form.get(name) for name in (*FIXED, *FLEXIBLE)):
            problems["everything"] = "field.everything"
        fixed, flexible = dict.fromkeys(FIXED, 0) | fixed, dict.fromkeys(FLEXIBLE, 0) | flexible
    told |= {name: costs for name, costs in (("fixed_costs", fixed), ("flexible_costs", flexible)) if costs}
    told |= take(OWNED, amount, "field.amount")
    told |= take(["hardship"], lambda picked: picked if picked in choices["hardship"] else None, "field.pick")
    if told.get("hardship") == _NO_HARDSHIP:
        told["hardship"] = None
    told |= take(["hardship_months"], lambda typed: _whole_number(typed, 1, 600), "field.months")
    told |= take(["region"], lambda picked: picked if picked in choices["region"] else None, "field.pick")
    if not told and not problems:
        problems["monthly_income"] = "field.nothing"
    return told, problems


def draft_of(page: str, form: Mapping[str, str], currency: str, choices: Choices) -> dict[str, str]:
    """What is kept of a form of DRAFTED that was not sent: of its own fields, what reads as a figure or is a pick.

    A name that was typed into the wrong box is neither. `everything` makes 0 of what is empty, so that it is kept only
    where nothing else was left out.
    """
    if page == "proposal":
        return {"amount": form["amount"]} if parse_amount(form.get("amount", ""), currency) is not None else {}
    _, wrong = parse_circumstances(form, currency, choices)
    kept = {name: form[name] for name in (*SHORT, *MORE) if form.get(name) and name not in wrong}
    if kept.pop("everything", "") and not wrong:
        kept["everything"] = "yes"
    return kept


def _whole_number(typed: str, least: int, most: int) -> int | None:
    """A number as people write it ("2", "１２"); None when it is none or out of bounds."""
    plain = unicodedata.normalize("NFKC", typed)
    return int(plain) if re.fullmatch(r"[0-9]{1,3}", plain) and least <= int(plain) <= most else None
