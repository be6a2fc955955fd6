"""What billing tells is taken field by field: names that can be signed with, refusals that a person can read."""

import re
import unicodedata
from typing import Any

import pytest
from billing_events import overdue_detail

from accord.billing import AccountOverdue, parse
from accord.errors import InputRejectedError


def problems_of(detail: Any) -> list[dict[str, str]]:
    with pytest.raises(InputRejectedError) as refused:
        parse(AccountOverdue, detail)
    return refused.value.problems


def name_as_taken(name: str) -> str:
    return parse(AccountOverdue, overdue_detail(cardholder={"name": name})).cardholder.name


# --- names -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "王小明",
        "阿依古丽·买买提",
        "O'Neill",
        "O’Neill",
        "Anne-Marie St. John",
        "Łukasz Żółć-Kowalčík",
        "Şeyma Gökçe",
        "王𠀀",
        "𫠠\U00030000\U000313ac\U000323b0",
        "\U000313ac",
        "Nguyễn Thị Ánh",
        "李〇",
    ],
)
def test_a_name_that_people_have_is_taken_as_it_is(name: str) -> None:
    assert name_as_taken(name) == name


def test_a_name_is_kept_composed_and_without_space_around_it() -> None:
    assert name_as_taken("\u3000 " + unicodedata.normalize("NFD", "Zoë Ångström") + " ") == "Zoë Ångström"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("\u200b", "INVISIBLE_CHARACTER"),
        ("王\u200b小明", "INVISIBLE_CHARACTER"),
        ("\u3164", "INVISIBLE_CHARACTER"),
        ("\u1160王", "INVISIBLE_CHARACTER"),
        ("\uffa0", "INVISIBLE_CHARACTER"),
        ("葛\U000e0100", "INVISIBLE_CHARACTER"),
        ("葛\ufe00", "INVISIBLE_CHARACTER"),
        ("\u200fAda", "INVISIBLE_CHARACTER"),
        ("Ada\ufeff", "INVISIBLE_CHARACTER"),
        ("A\u00adda", "INVISIBLE_CHARACTER"),
        ("\u2800\u2800", "INVISIBLE_CHARACTER"),
        ("A\u034fda", "INVISIBLE_CHARACTER"),
        ("\U000e0041", "INVISIBLE_CHARACTER"),
        ("王\u202e小明", "INVISIBLE_CHARACTER"),
        ("王\u0000", "CONTROL_CHARACTER"),
        ("王\u2028明", "CONTROL_CHARACTER"),
        ("...", "NO_LETTER"),
        ("123", "NO_LETTER"),
        ("·", "NO_LETTER"),
        ("\u0301", "NO_LETTER"),
        ("\u02bc", "NO_LETTER"),
        ("李\uffff", "NO_CHARACTER"),
        ("李\ufdd0", "NO_CHARACTER"),
        ("李\ue000", "NO_CHARACTER"),
        ("\U0002fffe", "NO_CHARACTER"),
        ("\U0003fff0", "NO_CHARACTER"),
        ("   ", "TOO_SHORT"),
        ("\ud800", "NOT_TEXT"),
    ],
)
def test_a_name_that_nobody_could_sign_with_is_refused(name: str, code: str) -> None:
    (problem,) = problems_of(overdue_detail(cardholder={"name": name}))
    assert (problem["field"], problem["code"]) == ("cardholder.name", code)


# --- what the sender reads -----------------------------------------------------------------------------------------

ODD: list[Any] = [None, True, -1, 10**4_000, 0.5, float("nan"), float("inf"), "", "?", "x" * 1_000, "\ud800", [],
                  ["?"] * 100, {}, {"?": 1}, "2026-02-30", "2026-06-15T99:00:00Z", "1.5"]  # fmt: skip


def paths(detail: dict[str, Any], above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = []
    for name, value in detail.items():
        found.append((*above, name))
        if isinstance(value, dict):
            found += paths(value, (*above, name))
        if isinstance(value, list) and value and isinstance(value[0], dict):
            found += [(*above, name, 0), *paths(value[0], (*above, name, 0))]
    return found


@pytest.mark.parametrize("path", paths(overdue_detail()), ids=lambda path: ".".join(map(str, path)))
def test_whatever_is_wrong_is_said_in_plain_words_with_a_code(path: tuple[Any, ...]) -> None:
    for odd in ODD:
        detail = overdue_detail()
        target: Any = detail
        for part in path[:-1]:
            target = target[part]
        target[path[-1]] = odd
        try:
            parse(AccountOverdue, detail)
        except InputRejectedError as refused:
            for problem in refused.problems:
                assert problem.keys() == {"field", "code", "problem"}
                assert re.fullmatch(r"[A-Z][A-Z0-9_]+", problem["code"])
                assert problem["code"] != "INVALID", (odd, problem)
                assert not re.search(r"Input|Value error|tuple|dictionary|pattern|\^|\[", problem["problem"]), problem


def test_what_is_no_object_is_said_of_the_detail() -> None:
    assert problems_of([]) == [{"field": "detail", "code": "NOT_AN_OBJECT", "problem": "should be an object"}]


def test_a_form_is_said_in_words_and_not_as_a_pattern() -> None:
    detail = overdue_detail(account={"currency": "yuan"}, cardholder={"language": "fr"})
    assert problems_of(detail) == [
        {
            "field": "account.currency",
            "code": "WRONG_FORM",
            "problem": "should be three capital letters, for example CNY",
        },
        {"field": "cardholder.language", "code": "NOT_A_CHOICE", "problem": "should be zh-CN or en"},
    ]
