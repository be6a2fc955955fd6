"""Same figures, same offer: no name, sex, age or language decides anything, and no rule could ask for one."""

import ast
import dataclasses
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from billing_events import overdue_detail
from builders import NOW, an_assessed_case, the_policy
from hypothesis import event, example, given, settings
from hypothesis import strategies as st
from loading import ROOT
from pydantic import BaseModel

from accord.billing import AccountOverdue, parse
from accord.case import Case, Change
from accord.offers import propose
from accord.opening import NEW_ACCOUNT, check_acceptable, open_case

# --- from the event to the offer ---------------------------------------------------------------------------------


def decided(detail: dict[str, Any]) -> Change:
    """What comes of an event, from intake to the offers."""
    told = parse(AccountOverdue, detail)
    check_acceptable(told, NOW)
    return propose(an_assessed_case(**dict(open_case(told, NEW_ACCOUNT, NOW).case)), the_policy(), NOW)


def decisions(change: Change) -> dict[str, Any]:
    """All that was decided. The case's id comes from the account and the event, so that even ids are the same."""
    case, tasks = change.case, [task.model_dump() for task in change.tasks]
    who = {"identification", "assessment", "offers", "review_reasons", "status", "answer_by", "jurisdiction"}
    return case.model_dump(include=who) | {"result": change.result, "tasks": tasks}


# Who the person is: what billing tells of it, and what a bank that knows more might add.
PERSONS = st.fixed_dictionaries(
    {
        "cardholderId": st.from_regex(r"[A-Za-z0-9_.:-]{1,64}", fullmatch=True),
        "name": st.one_of(
            st.sampled_from(["王小明", "阿依古丽·买买提", "Fatima Al-Sayed", "José", "Nguyễn Thị Mai", "Smith"]),
            st.text(st.characters(categories=["L"]), min_size=1, max_size=40),
        ),
        "language": st.sampled_from(["zh-CN", "en"]),
        "email": st.one_of(st.none(), st.emails().filter(lambda email: len(email) < 100)),
        "phone": st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True),
        "birthDate": st.dates(
            min_value=NOW.date().replace(year=1920), max_value=NOW.date().replace(year=NOW.year - 19)
        ).map(str),
        "idLast4": st.from_regex(r"[0-9A-Z]{4}", fullmatch=True),
    },
    optional={
        "sex": st.sampled_from(["F", "M", "X"]),
        "gender": st.sampled_from(["FEMALE", "MALE"]),
        "maritalStatus": st.sampled_from(["SINGLE", "MARRIED", "DIVORCED"]),
        "education": st.integers(1, 6),
        "ethnicity": st.sampled_from(["汉", "维吾尔", "藏"]),
        "nationality": st.sampled_from(["CN", "US", "NG"]),
    },
)
AMOUNT = st.integers(0, 300_000)
ACCOUNTS = st.fixed_dictionaries(
    {
        "daysPastDue": st.integers(1, 400),
        "apr": st.sampled_from(["0", "0.12", "0.1825", "0.36"]),
        "balance": st.fixed_dictionaries(
            {"principal": st.integers(1, 4_000_000), "interest": AMOUNT, "penaltyInterest": AMOUNT, "lateFees": AMOUNT}
        ),
    }
)
MEANS = st.fixed_dictionaries(
    {
        "monthlyIncome": st.one_of(st.none(), st.integers(0, 2_000_000)),
        "monthlyEssentialSpend": st.one_of(st.none(), st.integers(0, 600_000)),
        "dependants": st.one_of(st.none(), st.integers(0, 4)),
        "hardship": st.sampled_from([None, "JOB_LOSS", "ILLNESS", "INCOME_REDUCED"]),
        "flags": st.sampled_from([[], ["VULNERABLE"]]),
    }
)
USUAL: dict[str, Any] = {"daysPastDue": 52}
ONE, OTHER = {"name": "王小明", "language": "zh-CN", "sex": "M"}, {"name": "Smith", "language": "en", "sex": "F"}


@settings(max_examples=200)
@given(ACCOUNTS, MEANS, PERSONS, PERSONS)
@example(USUAL, {}, ONE, OTHER)
def test_whoever_the_person_is_the_same_figures_come_to_the_same_offers(
    account: dict[str, Any], means: dict[str, Any], one: dict[str, Any], other: dict[str, Any]
) -> None:
    first, second = (decided(overdue_detail(account=account, cardholder=means | person)) for person in (one, other))
    event(f"{len(first.case.offers)} offers")
    assert decisions(first) == decisions(second)


def test_other_figures_do_come_to_other_offers() -> None:
    """So that sameness above means something."""
    poorer = overdue_detail(cardholder={"monthlyIncome": 700_000})
    assert decisions(decided(overdue_detail())) != decisions(decided(poorer))


# --- what a rule can ask for at all ------------------------------------------------------------------------------

PROTECTED = {
    "age", "birth", "birthday", "born", "disabled", "education", "ethnic", "ethnicity", "gender", "marital", "marriage",
    "married", "name", "nationality", "race", "religion", "school", "sex", "surname",
}  # fmt: skip
DOMAIN = ROOT / "layers" / "domain" / "accord"
# These hold a person, and nobody decides by them: what billing sends, and the table of people.
OF_PERSONS = {"billing", "person"}
# A step of a calculation, a row of the policy, a scorecard and the like have names too; people are in none of them.
NAMES_OF_THINGS = {"accord.case.AssessmentLine.name", "accord.policy.Segment.name"}


def attributes(kind: type) -> Iterator[tuple[str, Any]]:
    """The fields that a class of values has."""
    is_tuple = issubclass(kind, tuple) and hasattr(kind, "_fields")
    if is_tuple or issubclass(kind, BaseModel) or dataclasses.is_dataclass(kind):
        for name, hint in get_type_hints(kind, include_extras=True).items():
            yield f"{kind.__module__}.{kind.__qualname__}.{name}", hint


def within(hint: Any) -> Iterator[type]:
    """The classes that a type consists of."""
    if isinstance(hint, type):
        yield hint
    for part in get_args(hint):
        yield from within(part)


def reachable(*roots: type) -> dict[str, Any]:
    """Every field of these classes, of the values in them, and so on."""
    fields: dict[str, Any] = {}
    waiting, seen = list(roots), set()
    while waiting:
        kind = waiting.pop()
        if kind in seen:
            continue
        seen.add(kind)
        for name, hint in attributes(kind):
            fields[name] = hint
            waiting += within(hint)
    return fields


def is_protected(field: str) -> bool:
    """Whether a word of a field's name is a protected attribute: `birth_date`, `sex`, but not `hardship_months`."""
    return bool(PROTECTED & set(re.split(r"[^a-z]+", field.rpartition(".")[2].lower())))


def modules_that_decide() -> list[Path]:
    return [path for path in sorted(DOMAIN.glob("*.py")) if path.stem not in OF_PERSONS]


def test_a_case_and_all_that_is_in_it_holds_no_protected_attribute() -> None:
    fields = reachable(Case)
    assert {
        "accord.case.Account.balance",
        "accord.case.Assessment.affordable_monthly",
        "accord.case.Circumstances.monthly_income",
        "accord.case.HistoryMonth.paid",
        "accord.case.Offer.worth",
    } <= set(fields)
    assert {field for field in fields if is_protected(field)} <= NAMES_OF_THINGS


def test_no_value_of_a_module_that_decides_holds_a_protected_attribute() -> None:
    """Also what a later module reckons with: the behaviour behind a scorecard, the plans of a search."""
    own = {
        kind
        for path in modules_that_decide()
        for kind in vars(importlib.import_module(f"accord.{path.stem}")).values()
        if isinstance(kind, type) and kind.__module__ == f"accord.{path.stem}"
    }
    fields = {field for kind in own for field, _ in attributes(kind)}
    assert {"accord.pricing.Prices.break_ppm", "accord.search.Candidate.monthly"} <= fields
    wrong = {field for field in fields if is_protected(field)} - NAMES_OF_THINGS
    # A scorecard and what it measures have names of their own.
    assert {field for field in wrong if not re.search(r"\.(Scorecard|Measure)\.name$", field)} == set()


@pytest.mark.parametrize("field", ["sex", "birth_date", "marital_status", "cardholder_name", "a.b.C.education"])
def test_a_protected_attribute_would_be_seen(field: str) -> None:
    assert is_protected(field)


@pytest.mark.parametrize("field", ["hardship_months", "package", "language", "named", "average"])
def test_other_fields_are_none(field: str) -> None:
    assert not is_protected(field)


DECIDE = ["affordability", "assessment", "authority", "behaviour", "early_warning", "evidence", "identification",
          "offers", "pricing", "schedule", "search", "willingness"]  # fmt: skip


def asks_who_it_is(tree: ast.AST) -> Iterator[int]:
    """The lines of a source that read a person, the language of one, or whether the name is a rare one."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr="language" | "cardholder_id" | "glyph_task"):
                yield node.lineno
            case ast.ImportFrom(module="accord.person" | "accord.billing"):
                yield node.lineno


@pytest.mark.parametrize("module", DECIDE)
def test_no_step_towards_an_offer_reads_who_the_person_is(module: str) -> None:
    tree = ast.parse((DOMAIN / f"{module}.py").read_text(encoding="utf-8"))
    assert list(asks_who_it_is(tree)) == []


@pytest.mark.parametrize(
    "source", ["a = case.language", "a = case.cardholder_id", "a = case.glyph_task", "from accord.person import Person"]
)
def test_reading_who_the_person_is_would_be_seen(source: str) -> None:
    assert list(asks_who_it_is(ast.parse(source))) == [1]
