"""The words of the customer pages, what people may type there, and the small chart."""

import re
import sys
from collections.abc import Iterator
from datetime import timedelta
from importlib import import_module
from string import Formatter
from types import ModuleType
from typing import Any

import pytest
import yaml
from builders import NOW, an_offered_case
from hypothesis import given
from hypothesis import strategies as st
from loading import ROOT

from accord.case import ClosedReason, Status
from accord.customer import DECLINE_REASONS
from accord.money import format_money

FOLDER = ROOT / "functions" / "customer_web"
TEXTS: dict[str, dict[str, str]] = yaml.safe_load((FOLDER / "texts.yaml").read_text(encoding="utf-8"))
TEMPLATES = {path.name: path.read_text(encoding="utf-8") for path in (FOLDER / "templates").glob("*.html")}


@pytest.fixture(scope="module")
def pages() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        yield import_module("pages")
        sys.modules.pop("pages", None)


# --- words -----------------------------------------------------------------------------------------------------


def test_every_sentence_stands_in_both_languages_and_fills_in_the_same_things() -> None:
    for key, texts in TEXTS.items():
        assert set(texts) == {"zh-CN", "en"}, key
        assert all(text.strip() for text in texts.values()), key
        named = [{name for _, name, _, _ in Formatter().parse(text) if name} for text in texts.values()]
        assert named[0] == named[1], key


def test_chinese_is_chinese_and_english_is_english() -> None:
    for key, texts in TEXTS.items():
        assert not re.search(r"[\u4e00-\u9fff]", texts["en"]), key
        assert re.search(r"[\u4e00-\u9fff]", texts["zh-CN"]), key


def used_keys() -> tuple[set[str], set[str]]:
    """Keys that stand in templates in full, and beginnings that are completed from a value."""
    code = "\n".join([*TEMPLATES.values(), (FOLDER / "app.py").read_text(), (FOLDER / "pages.py").read_text()])
    whole = set(re.findall(r'["\'](\w+(?:\.\w+)+)["\']', code)) & set(TEXTS)
    begun = set(re.findall(r't\(\s*["\']([\w.]+\.)["\'] ~', code))
    return whole, begun


def test_no_sentence_is_left_over() -> None:
    whole, begun = used_keys()
    notices = ("ended.", "left.", "forged.", "broken.", "failed.", "refused.", "called.")  # notice.html completes these
    unused = [key for key in TEXTS if key not in whole and not key.startswith((*begun, *notices))]
    assert unused == []


def test_every_key_that_a_template_names_is_there() -> None:
    for name, template in TEMPLATES.items():
        for key in re.findall(r't\(["\']([\w.]+)["\'][,)]', template):
            assert key in TEXTS, f"{name}: {key}"


def test_every_refusal_and_every_reason_has_its_words() -> None:
    raised = re.findall(
        r'DecisionRefusedError\("(\w+)"',
        (ROOT / "layers/domain/accord/customer.py").read_text() + (FOLDER / "app.py").read_text(),
    )
    for reason in {*raised, "PENDING", "OFFER_EXPIRED", "NOT_CHOSEN"}:
        assert f"refused.{reason}" in TEXTS
    for reason in DECLINE_REASONS:
        assert f"decline.{reason}" in TEXTS


def test_sentences_are_short() -> None:
    for key, texts in TEXTS.items():
        for sentence in re.split(r"[。？！；，：]", texts["zh-CN"]):
            assert len(sentence) <= 30, key
        for sentence in re.split(r"[.?!:] ", texts["en"]):
            assert len(sentence.split()) <= 20, key


# --- what people type ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "minor"),
    [
        ("800", 80_000),
        ("800.5", 80_050),
        (" 1,234.56 ", 123_456),
        ("¥1,000,000", 100_000_000),
        ("１２００元", 120_000),
        ("￥ 0.01", 1),
        ("0", 0),
    ],
)
def test_amounts_are_read_as_people_write_them(pages: ModuleType, typed: str, minor: int) -> None:
    assert pages.parse_amount(typed, "CNY") == minor


@pytest.mark.parametrize(
    "typed", ["", "-1", "+1", "1e3", "1.234", "1,23", "12,34,567", "1.", ".5", "NaN", "٣", "1" * 12, "1 000 0x", "$5"]
)
def test_what_is_no_amount_is_none(pages: ModuleType, typed: str) -> None:
    assert pages.parse_amount(typed, "CNY") is None


@pytest.mark.parametrize(
    ("currency", "typed", "minor"), [("JPY", "800", 800), ("JPY", "800.5", None), ("KWD", "1.5", 1500)]
)
def test_amounts_follow_the_currencys_minor_unit(
    pages: ModuleType, currency: str, typed: str, minor: int | None
) -> None:
    assert pages.parse_amount(typed, currency) == minor


@given(minor=st.integers(0, 10**13 - 1), currency=st.sampled_from(["CNY", "JPY", "KWD"]))
def test_what_we_print_can_be_typed_back_to_the_cent(pages: ModuleType, minor: int, currency: str) -> None:
    printed = re.sub(r"[^0-9.,]", "", format_money(minor, currency, "en"))
    if len(printed.split(".")[0].replace(",", "")) <= 11:
        assert pages.parse_amount(printed, currency) == minor


@given(typed=st.text(max_size=30))
def test_no_typed_text_breaks_the_parser(pages: ModuleType, typed: str) -> None:
    amount = pages.parse_amount(typed, "CNY")
    assert amount is None or amount >= 0
    pages.parse_circumstances({"monthly_income": typed, "dependants": typed}, "CNY")


@pytest.mark.parametrize(
    ("header", "language"),
    [("en-US,en;q=0.9", "en"), ("zh-Hans-CN", "zh-CN"), ("de, en;q=0.5", "en"), ("", "zh-CN"), (";;,,", "zh-CN")],
)
def test_the_browsers_language_is_followed(pages: ModuleType, header: str, language: str) -> None:
    assert pages.preferred(header) == language


# --- what is shown ---------------------------------------------------------------------------------------------


def test_each_option_says_what_it_is_best_at_and_all_charts_have_one_scale(pages: ModuleType) -> None:
    case = an_offered_case()
    shown = pages.offers_view(case, case.offers, "en")["offers"]
    best = [label for offer in shown for label in offer["best"]]
    assert {"month", "total", "soon"} <= set(best)
    ends = [int(re.findall(r"H(\d+)V68$", offer["chart"])[0]) for offer in shown if offer["chart"]]
    months = [offer["months"] for offer in shown if offer["chart"]]
    assert max(ends) == 240
    assert ends == [240 * number // max(offer.months for offer in case.offers) for number in months]


def test_a_single_option_is_not_called_the_best(pages: ModuleType) -> None:
    case = an_offered_case()
    assert pages.offers_view(case, case.offers[:1], "en")["offers"][0]["best"] == []


def test_the_options_answer_what_the_customer_suggested(pages: ModuleType) -> None:
    case = an_offered_case()
    lowest = min(offer.regular_instalment for offer in case.offers)
    number = str([offer.regular_instalment for offer in case.offers].index(lowest) + 1)
    for proposed, within in (
        (lowest, number),
        (lowest - 1, ""),
        (10**9, ", ".join(str(number + 1) for number in range(len(case.offers)))),
    ):
        view = pages.offers_view(case.model_copy(update={"proposed_monthly": proposed}), case.offers, "en")
        assert view["proposed"] == format_money(proposed, "CNY", "en")
        assert view["within"] == within
    assert pages.offers_view(case, case.offers, "en")["proposed"] == ""


def test_a_chart_only_ever_falls(pages: ModuleType) -> None:
    case = an_offered_case()
    for offer in pages.offers_view(case, case.offers, "en")["offers"]:
        heights = [int(height) for height in re.findall(r"V(\d+)", offer["chart"])]
        assert heights == sorted(heights)


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"status": Status.CLOSED, "closed_reason": ClosedReason.DECLINED}, "closed"),
        ({"status": Status.CLOSED, "closed_reason": ClosedReason.EXPIRED}, "closed"),
        ({"status": Status.BREACHED}, "ended"),
        ({"status": Status.COMPLETED}, "ended"),
        ({"status": Status.NEGOTIATING}, "expired"),
        ({"status": Status.ASSESSED}, "working"),
        ({"status": Status.IN_REVIEW}, "working"),
        ({"status": Status.OFFERED}, "working"),
    ],
)
def test_every_standing_has_a_page(pages: ModuleType, changes: dict[str, Any], state: str) -> None:
    case = an_offered_case().model_copy(update=changes)
    view = pages.plan_view(case, NOW + timedelta(days=30), "en")
    assert view["state"] == state
    assert f"plan.{state}.title" in TEXTS


def test_a_page_asks_again_only_while_something_is_about_to_change(pages: ModuleType) -> None:
    case = an_offered_case()
    refresh = {
        status: pages.plan_view(case.model_copy(update={"status": status}), NOW, "en")["refresh"]
        for status in (Status.ASSESSED, Status.OFFERED, Status.IN_REVIEW, Status.CLOSED)
    }
    assert refresh == {
        Status.ASSESSED: True,
        Status.OFFERED: True,
        Status.IN_REVIEW: False,
        Status.CLOSED: False,
    }
