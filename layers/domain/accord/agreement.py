"""The agreement's terms: everything that the pages show, the customer signs and the document prints, from one offer.

Terms are plain JSON without personal data. Their hash is what the customer's code signs; so the same offer, policy and
language always make the same terms.
"""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import rfc8785

from accord.case import Agreement, Balance, Case, Offer, Product
from accord.errors import AgreementIncompleteError, TermsAlteredError
from accord.events import AgreementSigned, ChainedEvent
from accord.money import MINOR_DIGITS, format_money, format_rate
from accord.policy import Policy, RulesOfTheDay
from accord.schedule import due_dates, schedule_of
from accord.texts import LANGUAGES, format_date, texts

_DOWNLOADABLE_AFTER = timedelta(days=90)  # the last payment
_TERMS_VERSION = 2
# What counts as paid in time, and what follows otherwise: the plan lives by these, whatever the policy becomes.
PERFORMANCE = ("grace_days", "tolerance", "cure_days", "breach_after_missed", "breach_after_days_past_due")
# A signature is written to the chain moments after its time was taken.
_WRITTEN_WITHIN = timedelta(minutes=5)


def terms_of(case: Case, offer: Offer, policy: Policy, language: str, today: date) -> dict[str, Any]:
    """The terms of an offer in a language: figures, schedule, clauses and consents, as canonical JSON can hold them.

    Raises RuleMissingError when the policy lacks what the agreement has to say, ValueError for an unknown language.
    """
    if language not in LANGUAGES:
        raise ValueError(f"language: {language!r} is not one of {', '.join(LANGUAGES)}")
    rules = policy.on(today)
    schedule = schedule_of(offer)
    at_once = offer.product is Product.LUMP_SUM
    words = _words(case, offer, schedule[-1].due_date, rules, language)
    return {
        "v": _TERMS_VERSION,
        "texts": texts("agreement")["version"],
        "language": language,
        "jurisdiction": case.jurisdiction,
        "time_zone": case.time_zone,  # by its days the agreement counts, wherever the customer lives later
        "policy_version": offer.policy_version,
        "account_id": case.account_id,
        "offer_id": offer.offer_id,
        "product": offer.product.value,
        "title": texts("agreement")["titles"]["once" if at_once else "instalments"][language],
        "institution": rules["institution.name"][language],
        "phone": words["phone"],
        "currency": offer.currency,
        "owed_as_of": case.account.as_of.isoformat(),
        "owed": _components(offer.owed),
        "waived": _components(offer.waived),
        "financed": offer.financed,
        "months": offer.months,
        "regular_instalment": offer.regular_instalment,
        "last_instalment": offer.last_instalment,
        "first_due_date": offer.first_due_date.isoformat(),
        "last_due_date": schedule[-1].due_date.isoformat(),
        "annual_rate_ppm": offer.annual_rate_ppm,
        "annual_cost_ppm": offer.annual_cost_ppm,
        "interest": offer.interest,
        "total_payable": offer.total_payable,
        "performance": {name: rules[f"plan.{name}"] for name in PERFORMANCE},
        "schedule": [row._asdict() | {"due_date": row.due_date.isoformat()} for row in schedule],
        "cards": _cards(offer, words, language),
        "clauses": _clauses(offer, words, language),
        **_consents(offer, language),
    }


def terms_hash(terms: Mapping[str, Any]) -> str:
    """SHA-256 of the terms in canonical JSON (RFC 8785), in hexadecimal."""
    return hashlib.sha256(rfc8785.dumps(dict(terms))).hexdigest()


def is_signed(events: Iterable[ChainedEvent]) -> bool:
    """Whether a chain says that something was signed."""
    return any(event.type == AgreementSigned.__name__ for event in events)


def check_as_signed(agreement: Agreement | None, events: Iterable[ChainedEvent]) -> ChainedEvent:
    """Check that a case's agreement is the one of the AgreementSigned event in its chain, byte for byte.

    Returns that event. Raises TermsAlteredError, ChainBrokenError.
    """
    signed = [event for event in events if event.type == AgreementSigned.__name__]
    if not signed:
        raise TermsAlteredError("the case holds an agreement, and its chain has no event AgreementSigned")
    event, told = signed[-1], signed[-1].told("termsHash")
    if agreement is None:
        raise TermsAlteredError(f"event {event.seq} says that terms were signed, and the case holds none")
    if agreement.terms_hash != told:
        raise TermsAlteredError(f"the case names other terms than were signed in event {event.seq}")
    if hashlib.sha256(agreement.terms.encode(errors="replace")).hexdigest() != told:
        raise TermsAlteredError(
            f"the text of the terms on the case is not the one that was signed in event {event.seq}"
        )
    if agreement.offer_id != event.told("offerId") or agreement.offer_id != agreement.agreed.get("offer_id"):
        raise TermsAlteredError(f"the case names another offer than was signed in event {event.seq}")
    if agreement.drawing_sha256 != event.content["data"].get("drawingSha256"):
        raise TermsAlteredError(f"the case names another drawn signature than was signed in event {event.seq}")
    if agreement.signed_at.tzinfo is None or abs(agreement.signed_at - event.moment) > _WRITTEN_WITHIN:
        raise TermsAlteredError(f"the case names another time of the signature than was signed in event {event.seq}")
    return event


def check_complete(terms: Mapping[str, Any], policy: Policy, today: date) -> None:
    """Check that terms hold all that the law asks for (China: Art. 70 (1)-(6)) and that their figures agree.

    Raises AgreementIncompleteError that names everything that is missing or wrong.
    """
    rules = policy.on(today)
    checks = {
        "debt": _debt_problems,
        "repayment": _repayment_problems,
        "charges": _charges_problems,
        "no_new_card": _undertaking_problems,
    }  # the other contents are words alone
    said = {clause["id"] for clause in terms.get("clauses", ()) if any(text.strip() for text in clause["paragraphs"])}
    problems = []
    for content in rules["plan.agreement_required_fields"]:
        if content not in said:
            problems.append(f"{content}: the agreement does not say it")
        if content in checks:
            problems += [f"{content}: {problem}" for problem in checks[content](terms)]
    if terms.get("months", 0) > rules["plan.max_term_months"]:
        problems.append(f"repayment: {terms['months']} months are more than the law allows")
    agreed = {consent["id"]: consent["hash"] for consent in terms.get("consents", ())}
    shown = {name: _text_hash(text) for name, text in terms.get("consent_texts", {}).items()}
    if not agreed or agreed != shown:
        problems.append("consents: they are not those whose texts were shown")
    if problems:
        raise AgreementIncompleteError("; ".join(problems))


# --- making the terms --------------------------------------------------------------------------------------------


def _words(case: Case, offer: Offer, last_due: date, rules: RulesOfTheDay, language: str) -> dict[str, str]:
    """Every figure that a clause may name, as people read it."""

    def money(minor: int) -> str:
        return format_money(minor, offer.currency, language)

    return {
        "currency": offer.currency,
        "as_of": format_date(case.account.as_of, language),
        "owed": money(offer.owed.total),
        "waived": money(offer.waived.total),
        "financed": money(offer.financed),
        "months": str(offer.months),
        "regular": money(offer.regular_instalment),
        "last": money(offer.last_instalment),
        "interest": money(offer.interest),
        "total": money(offer.total_payable),
        "rate": format_rate(offer.annual_rate_ppm),
        "annual_cost": format_rate(offer.annual_cost_ppm),
        "first_due": format_date(offer.first_due_date, language),
        "last_due": format_date(last_due, language),
        "grace_days": str(rules["plan.grace_days"]),
        "tolerance": money(rules["plan.tolerance"]),
        "cure_days": str(rules["plan.cure_days"]),
        "missed": str(rules["plan.breach_after_missed"]),
        "late_days": str(rules["plan.breach_after_days_past_due"]),
        "phone": rules["institution.phone"],
        "free_help": rules["support.free_help"][language],
        "kept_until": format_date(kept_until(last_due), language),
    }


def kept_until(last_due: date) -> date:
    """Until when the customer finds the agreement on the pages; later the bank sends a copy when asked."""
    return last_due + _DOWNLOADABLE_AFTER


def found_until(last_due: date, time_zone: str) -> datetime:
    """The moment at which that last day is over where the customer is: the personal link works until then."""
    return datetime.combine(kept_until(last_due) + timedelta(days=1), time(), ZoneInfo(time_zone))


def _components(balance: Balance) -> dict[str, int]:
    return balance.model_dump() | {"total": balance.total}


def _cards(offer: Offer, words: Mapping[str, str], language: str) -> list[dict[str, str]]:
    """The short explanations beside the key figures."""
    missed = "missed_once" if offer.product is Product.LUMP_SUM else "missed"
    undertaking = ("no_new_card",) if offer.no_new_card else ()
    shown = ("what_changes", missed, *undertaking, "help")
    cards = {name: texts("agreement")["cards"][name] for name in shown}
    return [
        {"id": name, "title": card["title"][language], "text": card["text"][language].format(**words)}
        for name, card in cards.items()
    ]


def _clauses(offer: Offer, words: Mapping[str, str], language: str) -> list[dict[str, Any]]:
    """The contents of the agreement, in the order and under the names of Art. 70."""
    once = offer.product is Product.LUMP_SUM
    parts = {
        "debt": ("debt",),
        "repayment": ("repayment_once" if once else "repayment_instalments",),
        "charges": ("charges_rate" if offer.annual_rate_ppm else "charges_free",),
        "no_new_card": ("no_new_card",) if offer.no_new_card else (),
        "rights_and_breach": ("duties", "breach_once" if once else "breach_instalments", "rights"),
        "other": ("other",),
    }
    said = texts("agreement")
    return [
        {
            "id": name,
            "title": said["headings"][name][language],
            "paragraphs": [text[language].format(**words) for part in named for text in said["paragraphs"][part]],
        }
        for name, named in parts.items()
        if named
    ]


def _consents(offer: Offer, language: str) -> dict[str, Any]:
    """What the customer confirms: the texts, and for the record the id, version and hash of each."""
    said = texts("agreement")
    shown = {
        name: text[language] for name, text in said["consents"].items() if name != "no_new_card" or offer.no_new_card
    }
    return {
        "consent_texts": shown,
        "consents": [
            {"id": name, "version": said["version"], "hash": _text_hash(text)} for name, text in shown.items()
        ],
    }


def _text_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


# --- checking them -----------------------------------------------------------------------------------------------


def _day(text: object) -> date | None:
    try:
        return date.fromisoformat(str(text))
    except ValueError:
        return None


def _debt_problems(terms: Mapping[str, Any]) -> list[str]:
    """(1) balance, structure and currency of the debt."""
    problems = [f"{name} is missing" for name in ("currency", "owed", "waived", "financed") if not terms.get(name)]
    if problems:
        return problems
    if terms["currency"] not in MINOR_DIGITS:
        problems.append(f"the currency {terms['currency']} is none")
    for name in ("owed", "waived"):
        if min(terms[name][part] for part in Balance.model_fields) < 0:
            problems.append(f"a part of {name} is below nothing")
        if sum(terms[name][part] for part in Balance.model_fields) != terms[name]["total"]:
            problems.append(f"the parts of {name} do not add up to its total")
    if terms["owed"]["total"] - terms["waived"]["total"] != terms["financed"]:
        problems.append("what is owed less what is waived is not what is repaid")
    return problems


def _repayment_problems(terms: Mapping[str, Any]) -> list[str]:
    """(2) period, way, currency, dates and the amount of each instalment."""
    schedule = terms.get("schedule")
    if not schedule or any(_day(row.get("due_date")) is None or row.get("amount", 0) < 1 for row in schedule):
        return ["the schedule lacks a date or an amount"]
    problems = []
    days = [date.fromisoformat(row["due_date"]) for row in schedule]
    if days != due_dates(days[0], len(days)):
        problems.append("the payments are not a month apart")
    first, last = schedule[0], schedule[-1]
    if (terms.get("first_due_date"), terms.get("last_due_date")) != (first["due_date"], last["due_date"]):
        problems.append("the first or the last day is not that of the schedule")
    if any(row["amount"] != terms.get("regular_instalment") for row in schedule[:-1]) or (
        last["amount"] != terms.get("last_instalment")
    ):
        problems.append("an instalment is not that of the schedule")
    if len(schedule) != terms.get("months"):
        problems.append("the schedule has another number of instalments than the agreement says")
    if sum(row["principal"] for row in schedule) != terms.get("financed"):
        problems.append("the schedule does not repay exactly what is owed after the waiver")
    if sum(row["amount"] for row in schedule) != terms.get("total_payable"):
        problems.append("the schedule does not add up to the total")
    return problems


def _charges_problems(terms: Mapping[str, Any]) -> list[str]:
    """(3) whether interest and fees run while it is repaid."""
    needed = ("annual_rate_ppm", "annual_cost_ppm", "interest", "total_payable")
    problems = [f"{name} is missing" for name in needed if name not in terms]
    if not problems and any(not isinstance(terms[name], int) or terms[name] < 0 for name in needed):
        problems.append("a charge is no amount")
    if not problems and terms["total_payable"] != terms.get("financed", 0) + terms["interest"]:
        problems.append("the total is not what is repaid with its interest")
    if not problems and terms["interest"] != sum(row["interest"] for row in terms.get("schedule") or ()):
        problems.append("the interest is not that of the schedule")
    return problems


def _undertaking_problems(terms: Mapping[str, Any]) -> list[str]:
    """(4) the undertaking not to apply for a credit card, confirmed on its own."""
    given = "no_new_card" in terms.get("consent_texts", {})
    return [] if given else ["the customer does not confirm it"]
