"""The words of the customer pages, what people may type there, and the small chart."""

import json
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
from builders import NOW, TODAY, a_policy, an_offered_case, the_policy
from hypothesis import given
from hypothesis import strategies as st
from loading import ROOT

from accord.affordability import FIXED, FLEXIBLE
from accord.agreement import terms_of
from accord.case import Agreement, Assessment, Circumstances, ClosedReason, Product, Status
from accord.complaint import ABOUT
from accord.customer import DECLINE_REASONS
from accord.money import format_money
from accord.policy import jurisdictions, load_policy
from accord.schedule import schedule_of
from accord.texts import texts as words_of

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


def test_what_may_come_by_e_mail_is_no_text_message_in_either_language() -> None:
    """The link, and the number to call, also come by e-mail; codes come by SMS alone."""
    for key, texts in TEXTS.items():
        assert not re.search("短信里(或|的链接)|新短信", texts["zh-CN"]), key
        assert bool(re.search("in (our|your|a) message", texts["en"])) == ("消息里" in texts["zh-CN"]), key


def test_both_languages_say_what_kind_of_rate_it_is() -> None:
    assert ["单利" in TEXTS["offers.rate"]["zh-CN"], "simple interest" in TEXTS["offers.rate"]["en"]] == [True, True]


def used_keys() -> tuple[set[str], set[str]]:
    """Keys that stand in templates in full, and beginnings that are completed from a value."""
    code = "\n".join([*TEMPLATES.values(), (FOLDER / "app.py").read_text(), (FOLDER / "pages.py").read_text()])
    whole = set(re.findall(r'["\'](\w+(?:\.\w+)+)["\']', code)) & set(TEXTS)
    begun = set(re.findall(r't\(\s*["\']([\w.]+\.)["\'] ~', code))
    return whole, begun


def test_no_sentence_is_left_over() -> None:
    whole, begun = used_keys()
    # notice.html completes these
    notices = ("ended.", "left.", "forged.", "broken.", "failed.", "refused.", "called.", "complained.")
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
    for about in ABOUT:
        assert f"complaint.{about}" in TEXTS
    for reason in DECLINE_REASONS:
        assert f"decline.{reason}" in TEXTS


def test_sentences_are_short() -> None:
    for key, texts in TEXTS.items():
        for sentence in re.split(r"[。？！；，：]", texts["zh-CN"]):
            assert len(sentence) <= 30, key
        for sentence in re.split(r"[.?!:] ", texts["en"]):
            assert len(sentence.split()) <= 20, key


def papers_and_hardships() -> tuple[set[str], set[str]]:
    """Every paper that a pack asks for, and every hardship that it knows."""
    packs = [load_policy(name).rules for name in jurisdictions()]
    papers = {paper for rules in packs for asked in rules["assessment.evidence"].value for paper in asked.papers}
    return papers, {name for rules in packs for name in rules["assessment.hardship_months"].value}


def test_every_cost_paper_and_hardship_of_every_pack_has_its_words(pages: ModuleType) -> None:
    papers, hardships = papers_and_hardships()
    assert {f"papers.{name}" for name in (*papers, "OTHER")} == {key for key in TEXTS if key.startswith("papers.")}
    for name in (*hardships, "OTHER", "NONE"):
        assert f"income.hardship.{name}" in TEXTS
    for name in (*pages.SHORT, *FIXED, *FLEXIBLE, *pages.OWNED, "hardship", "hardship_months", "region"):
        assert {f"income.{name}", f"income.{name}.hint"} <= set(TEXTS)


def test_staff_have_words_for_every_paper_of_every_pack() -> None:
    assert set(words_of("explain")["papers"]) >= papers_and_hardships()[0]


def test_the_income_form_speaks_simply() -> None:
    """Chinese clauses have 25 characters on average at most, and English reads at the eighth grade or below."""
    told = [texts for key, texts in TEXTS.items() if key.startswith(("income.", "papers."))]
    clauses = [clause for texts in told for clause in re.split(r"[。？！；，：、]", texts["zh-CN"]) if clause]
    assert sum(map(len, clauses)) / len(clauses) <= 25
    sentences = [part for texts in told for part in re.split(r"[.?!;:]", texts["en"]) if part.strip()]
    words = [word for sentence in sentences for word in re.findall(r"[a-z]+", sentence.lower())]
    syllables = sum(max(1, len(re.findall(r"[aeiouy]+", re.sub(r"(?<!l)e$", "", word)))) for word in words)
    assert 0.39 * len(words) / len(sentences) + 11.8 * syllables / len(words) - 15.59 <= 8


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
    choices = {"hardship": ("JOB_LOSS", "NONE"), "region": ()}
    fields = (*pages.SHORT, *pages.MORE)
    told, problems = pages.parse_circumstances(dict.fromkeys(fields, typed), "CNY", choices)
    assert told or problems
    Circumstances.model_validate(told)
    for name in fields:
        assert set(pages.parse_circumstances({name: typed}, "CNY", choices)[1]) <= {name, "monthly_income"}


@given(minor=st.integers(0, 10**11), currency=st.sampled_from(["CNY", "JPY", "KWD"]))
def test_what_is_shown_again_is_read_as_the_same_amount(pages: ModuleType, minor: int, currency: str) -> None:
    assert pages.parse_amount(pages.typed_amount(minor, currency), currency) == minor


def test_amounts_are_shown_again_as_people_type_them(pages: ModuleType) -> None:
    shown = [pages.typed_amount(minor, "CNY") for minor in (0, 80_000, 80_050, 5)]
    assert shown == ["0", "800", "800.50", "0.05"]


# --- the income form -------------------------------------------------------------------------------------------

CHOICES = {"hardship": ("JOB_LOSS", "OTHER", "NONE"), "region": ("BEIJING", "DEFAULT")}
AMOUNTS = ("monthly_income", "monthly_essential_spend", "other_debt_payments", "savings", "other_unsecured_balance")


@pytest.mark.parametrize(("typed", "minor"), [("1,200.50", 120_050), ("0", 0), ("￥８００", 80_000)])
def test_every_amount_of_the_income_form_is_read(pages: ModuleType, typed: str, minor: int) -> None:
    for name in AMOUNTS:
        assert pages.parse_circumstances({name: typed}, "CNY", CHOICES) == ({name: minor}, {})
    for name in FIXED:
        assert pages.parse_circumstances({name: typed}, "CNY", CHOICES) == ({"fixed_costs": {name: minor}}, {})
    for name in FLEXIBLE:
        assert pages.parse_circumstances({name: typed}, "CNY", CHOICES) == ({"flexible_costs": {name: minor}}, {})


@pytest.mark.parametrize("typed", ["much", "-1", "1.001", "99999999999"])
def test_a_wrong_amount_is_named_and_nothing_else(pages: ModuleType, typed: str) -> None:
    for name in (*AMOUNTS, *FIXED, *FLEXIBLE):
        told, problems = pages.parse_circumstances({name: typed, "dependants": "2"}, "CNY", CHOICES)
        assert (told, problems) == ({"dependants": 2}, {name: "field.amount"})


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"hardship": "JOB_LOSS", "hardship_months": "６"}, {"hardship": "JOB_LOSS", "hardship_months": 6}),
        ({"hardship": "OTHER"}, {"hardship": "OTHER"}),
        ({"hardship": "NONE"}, {"hardship": None}),
        ({"hardship": "", "dependants": "0"}, {"dependants": 0}),
        ({"hardship_months": "600"}, {"hardship_months": 600}),
        ({"region": "BEIJING"}, {"region": "BEIJING"}),
        ({"region": "DEFAULT"}, {"region": "DEFAULT"}),
    ],
)
def test_what_is_picked_on_the_income_form_is_read(
    pages: ModuleType, form: dict[str, str], told: dict[str, Any]
) -> None:
    assert pages.parse_circumstances(form, "CNY", CHOICES) == (told, {})


@pytest.mark.parametrize(
    ("form", "problem"),
    [
        ({"hardship": "LAZINESS"}, "field.pick"),
        ({"hardship": "job_loss"}, "field.pick"),
        ({"region": "NONE"}, "field.pick"),
        ({"hardship_months": "0"}, "field.months"),
        ({"hardship_months": "601"}, "field.months"),
        ({"hardship_months": "1.5"}, "field.months"),
        ({"hardship_months": "soon"}, "field.months"),
        ({"dependants": "31"}, "field.count"),
        ({"dependants": "-1"}, "field.count"),
        ({"everything": "yes"}, "field.everything"),
        ({}, "field.nothing"),
    ],
)
def test_what_is_wrong_on_the_income_form_is_named(pages: ModuleType, form: dict[str, str], problem: str) -> None:
    name = next(iter(form), "monthly_income")
    _, problems = pages.parse_circumstances(form, "CNY", CHOICES)
    assert problems == {name: problem}
    assert problem in TEXTS


def test_an_empty_field_tells_nothing_until_the_customer_says_that_this_is_all(pages: ModuleType) -> None:
    form = dict.fromkeys((*pages.SHORT, *pages.MORE), "") | {"HOUSING": "1500", "personal": "0"}
    told, _ = pages.parse_circumstances(form, "CNY", CHOICES)
    assert told == {"fixed_costs": {"HOUSING": 150_000}, "flexible_costs": {"personal": 0}}
    told, _ = pages.parse_circumstances(form | {"everything": "yes"}, "CNY", CHOICES)
    assert told["fixed_costs"] == dict.fromkeys(FIXED, 0) | {"HOUSING": 150_000}
    assert told["flexible_costs"] == dict.fromkeys(FLEXIBLE, 0)


def test_problems_stand_in_the_order_of_the_page(pages: ModuleType) -> None:
    form = dict.fromkeys(reversed((*pages.SHORT, *pages.MORE)), "x")
    _, problems = pages.parse_circumstances(form, "CNY", CHOICES)
    assert list(problems) == [name for name in (*pages.SHORT, *pages.MORE) if name != "everything"]


def test_what_is_known_is_shown_as_it_would_be_typed(pages: ModuleType) -> None:
    known = Circumstances(
        monthly_income=600_000,
        dependants=0,
        fixed_costs={"HOUSING": 150_050, "RENT_ARREARS": 1},
        flexible_costs={"personal": 0},
        savings=0,
        hardship="JOB_LOSS",
        hardship_months=6,
        region="BEIJING",
    )
    values = pages.known_values(known, "CNY")
    assert values == {
        "monthly_income": "6000",
        "dependants": "0",
        "HOUSING": "1500.50",
        "personal": "0",
        "savings": "0",
        "hardship": "JOB_LOSS",
        "hardship_months": "6",
        "region": "BEIJING",
    }
    told, problems = pages.parse_circumstances(values, "CNY", CHOICES)
    assert not problems
    assert told["fixed_costs"] == {"HOUSING": 150_050}
    assert pages.known_values(Circumstances(), "CNY") == {}


def test_the_longer_part_is_open_when_something_stands_in_it_or_is_wrong(pages: ModuleType) -> None:
    case = an_offered_case()
    for name in pages.MORE:
        assert pages.income_view(case, CHOICES, "en", {name: "1"}, {})["more"]
        assert pages.income_view(case, CHOICES, "en", {}, {name: "field.amount"})["more"]
    assert not pages.income_view(case, CHOICES, "en", {"monthly_income": "x"}, {"monthly_income": "x"})["more"]
    unknown = case.model_copy(update={"circumstances": case.circumstances.model_copy(update={"savings": None})})
    assert not pages.income_view(unknown, CHOICES, "en", None, {})["more"]


def test_the_policy_says_what_can_be_picked(pages: ModuleType) -> None:
    hardships = load_policy("CN").rules["assessment.hardship_months"].value
    assert pages.income_choices(the_policy(), TODAY) == {"hardship": (*hardships, "OTHER", "NONE"), "region": ()}
    tables = {"DEFAULT": {"first": 1, "further": 1}, "NEW_YORK": {"first": 2, "further": 2}}
    policy = a_policy(assessment__hardship_months={"FLOOD": 3, "ILLNESS": 2}, assessment__protected_floor=tables)
    choices = pages.income_choices(policy, TODAY)
    # For a flood there are no words: it is something else.
    assert choices == {"hardship": ("ILLNESS", "OTHER", "NONE"), "region": ("NEW_YORK", "DEFAULT")}
    assert pages.income_view(an_offered_case(), choices, "en", {}, {})["regions"]["NEW_YORK"] == "New York"


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


def test_the_option_that_ends_first_is_called_the_soonest_also_beside_a_late_single_payment(pages: ModuleType) -> None:
    case = an_offered_case()
    plan = case.offers[0].model_copy(update={"months": 3, "best_at": ("SOONEST_FREE",)})
    ends = schedule_of(plan)[-1].due_date
    once = {"offer_id": "o-once", "product": Product.LUMP_SUM, "months": 1, "best_at": ("LOWEST_TOTAL",)}
    for days, soonest in ((1, [True, False]), (0, [True, True]), (-1, [False, True])):
        payment = plan.model_copy(update=once | {"first_due_date": ends + timedelta(days=days)})
        shown = pages.offers_view(case, (plan, payment), "en")["offers"]
        assert ["soon" in offer["best"] for offer in shown] == soonest


def test_the_soonest_on_the_page_is_the_soonest_of_the_search(pages: ModuleType) -> None:
    case = an_offered_case()
    assert any("SOONEST_FREE" in offer.best_at for offer in case.offers)
    for offer, shown in zip(case.offers, pages.offers_view(case, case.offers, "en")["offers"], strict=True):
        assert ("soon" in shown["best"]) == ("SOONEST_FREE" in offer.best_at)


def test_a_last_payment_above_what_the_customer_suggested_is_told(pages: ModuleType) -> None:
    case = an_offered_case()
    lowest = min(case.offers, key=lambda offer: offer.regular_instalment)
    number = str(case.offers.index(lowest) + 1)
    for last, told in ((16, number), (0, "")):
        above = lowest.model_copy(update={"last_instalment": lowest.regular_instalment + last})
        offers = tuple(above if offer is lowest else offer for offer in case.offers)
        suggested = case.model_copy(update={"proposed_monthly": lowest.regular_instalment})
        view = pages.offers_view(suggested, offers, "en")
        assert (view["within"], view["last_above"]) == (number, told)


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


def test_the_papers_that_the_bank_may_ask_for_are_told_and_unknown_ones_stand_together(pages: ModuleType) -> None:
    case = an_offered_case()
    assert isinstance(case.assessment, Assessment)
    for evidence, told in (
        (("INCOME_PROOF", "MEDICAL_PROOF"), ["INCOME_PROOF", "MEDICAL_PROOF"]),
        (("INCOME_PROOF", "A_LETTER", "A_SEAL"), ["INCOME_PROOF", "OTHER"]),
        ((), []),
    ):
        assessed = case.model_copy(update={"assessment": case.assessment.model_copy(update={"evidence": evidence})})
        assert pages.offers_view(assessed, case.offers, "en")["papers"] == told


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


SEALED = {"document_key": "agreements/c-1/d.pdf", "document_sha256": "d"}


@pytest.mark.parametrize(
    ("sealed", "changes", "minutes", "state"),
    [
        ({}, {}, 1, "sealing"),
        ({}, {}, 5, "working"),
        ({}, {"stopped": "run-1"}, 1, "mending"),  # no message is promised, and nothing takes a few seconds
        ({}, {"stopped": "run-1"}, 5, "mending"),
        ({}, {"flags": ("SOLD",)}, 1, "stopped"),
        (SEALED, {}, 1, "done"),
        (SEALED, {}, 5, "held"),
        (SEALED, {"stopped": "run-1"}, 1, "held"),
        (SEALED, {"flags": ("SOLD",)}, 1, "held"),  # nobody stops collection, and nobody is to pay by it yet
        (SEALED, {"status": Status.ACTIVE}, 500, "done"),
        (SEALED, {"status": Status.CLOSED, "closed_reason": ClosedReason.WITHDRAWN}, 5, "closed"),
    ],
)
def test_what_is_signed_has_a_page_that_is_true(
    pages: ModuleType, sealed: dict[str, str], changes: dict[str, Any], minutes: int, state: str
) -> None:
    case = an_offered_case()
    terms = terms_of(case, case.offers[0], the_policy(), "en", TODAY)
    agreement = Agreement(
        offer_id=case.offers[0].offer_id, terms=json.dumps(terms), terms_hash="t", signed_at=NOW, **sealed
    )
    signed = case.model_copy(update={"status": Status.SIGNED, "agreement": agreement} | changes)
    view = pages.plan_view(signed, NOW + timedelta(minutes=minutes), "en")
    assert view["state"] == state
    assert f"plan.{state}.title" in TEXTS
    assert view.get("why") in (None, "not_begun")


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
