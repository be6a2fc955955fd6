"""Builds what is signed, for tests that make documents."""

from datetime import UTC, date, datetime
from typing import Any

from builders import a_case, an_offer, the_policy

from accord.agreement import terms_hash, terms_of
from accord.case import Product
from accord.person import Person

SIGNED_AT = datetime.fromisoformat("2026-03-06T12:05:00+08:00")


def a_person(**changes: Any) -> Person:
    """Someone made up, whose name has characters that small fonts lack."""
    made_up = {
        "cardholder_id": "P-1",
        "name": "张堃璟·喆",
        "phone": "+8613800000000",
        "language": "zh-CN",
        "id_last4": "123X",
        "birth_date": date(1990, 1, 1),
        "told_at": datetime(2026, 3, 1, tzinfo=UTC),
    }
    return Person.model_validate(made_up | changes)


def agreed_terms(language: str, months: int = 24, annual_rate_ppm: int = 60_000) -> dict[str, Any]:
    """The terms of a plan; of one payment when `months` is 1."""
    plan = {"months": months, "annual_rate_ppm": annual_rate_ppm}
    offer = an_offer(**plan, **({"product": Product.LUMP_SUM} if months == 1 else {}))
    return terms_of(a_case(), offer, the_policy(), language, SIGNED_AT.date())


def reference_of(terms: dict[str, Any]) -> dict[str, str]:
    """What binds the document to its case."""
    return {"case_id": "c-1", "terms_hash": terms_hash(terms), "chain_head": "0f1e2d3c" * 8}
