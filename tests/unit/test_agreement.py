"""The agreement: one source for page, questions and document; complete before it is sealed; nothing personal in it."""

import json
import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
import rfc8785
from builders import TODAY, YUAN, a_balance, a_case, a_policy, an_offer, an_offered_case, the_policy

from accord.agreement import check_complete, terms_hash, terms_of
from accord.case import Balance, Offer, Product
from accord.errors import AgreementIncompleteError, RuleMissingError
from accord.texts import LANGUAGES, format_date, texts

FREE = an_offer()
RATE = an_offer(annual_rate_ppm=60_000)
ONCE = an_offer(product=Product.LUMP_SUM, months=1)


def terms(offer: Offer = FREE, language: str = "en") -> dict[str, Any]:
    return terms_of(a_case(), offer, the_policy(), language, TODAY)


def said(offer: Offer, language: str = "en") -> str:
    """All clauses as one text."""
    return " ".join(text for clause in terms(offer, language)["clauses"] for text in clause["paragraphs"])


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("offer", [FREE, RATE, ONCE], ids=["free", "rate", "once"])
def test_the_terms_of_any_offer_are_complete(offer: Offer, language: str) -> None:
    made = terms(offer, language)
    check_complete(made, the_policy(), TODAY)
    assert [clause["id"] for clause in made["clauses"]] == [
        "debt", "repayment", "charges", "no_new_card", "rights_and_breach", "other",
    ]  # fmt: skip
    assert "{" not in json.dumps(made["clauses"] + made["cards"], ensure_ascii=False).replace('{"', "")


def test_the_figures_are_those_of_the_offer() -> None:
    made = terms(RATE)
    assert made["owed"] == {**RATE.owed.model_dump(), "total": 12_000 * YUAN}
    assert (made["financed"], made["interest"], made["months"]) == (RATE.financed, RATE.interest, 24)
    assert sum(row["amount"] for row in made["schedule"]) == made["total_payable"] == RATE.total_payable
    assert made["schedule"][0] | {"principal": 0, "interest": 0} == {
        "number": 1, "due_date": "2026-03-31", "amount": RATE.regular_instalment, "principal": 0, "interest": 0,
    }  # fmt: skip
    assert made["last_due_date"] == "2028-02-29"
    assert made["institution"] == "Example Bank"


def test_every_amount_in_the_words_is_one_of_the_figures() -> None:
    for offer in (FREE, RATE, ONCE):
        amounts = {amount for clause in terms(offer)["clauses"] for text in clause["paragraphs"]
                   for amount in re.findall(r"¥([\d,]+\.\d\d)", text)}  # fmt: skip
        figures = {
            offer.owed.total, offer.waived.total, offer.financed, offer.regular_instalment, offer.last_instalment,
            offer.interest, offer.total_payable, 10 * YUAN,
        }  # fmt: skip
        assert {int(amount.replace(",", "").replace(".", "")) for amount in amounts} <= figures


def test_the_words_fit_the_product() -> None:
    assert "no interest" in said(FREE)
    assert "6% a year" in said(RATE)
    assert "once, on or before 31 March 2026" in said(ONCE)
    assert "instalments in a row" not in said(ONCE)
    assert "连续 2 期未还" in said(FREE, "zh-CN")


def test_the_undertaking_stands_only_where_the_offer_has_it() -> None:
    made = terms(an_offer(no_new_card=False))
    assert "no_new_card" not in made["consent_texts"]
    assert "no_new_card" not in {part["id"] for part in made["clauses"] + made["cards"]}
    with pytest.raises(AgreementIncompleteError, match="no_new_card: the agreement does not say it"):
        check_complete(made, the_policy(), TODAY)
    check_complete(made, a_policy(plan__agreement_required_fields=["debt", "repayment", "charges", "other"]), TODAY)


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_threatens(language: str) -> None:
    words = said(FREE, language) + said(ONCE, language)
    assert not re.search(r"court|police|crime|criminal|blacklist|报警|公安|刑事|坐牢|起诉|黑名单|家人|单位", words)


# --- the hash ----------------------------------------------------------------------------------------------------


def test_the_same_offer_has_the_same_terms_on_any_day() -> None:
    later = terms_of(a_case(), FREE, the_policy(), "en", TODAY + timedelta(days=9))
    assert terms_hash(later) == terms_hash(terms())


def test_the_hash_survives_storage_and_changes_with_any_word_or_figure() -> None:
    made = terms()
    stored = json.loads(rfc8785.dumps(made))
    assert terms_hash(stored) == terms_hash(made)
    assert len({terms_hash(terms(offer, language)) for offer in (FREE, RATE, ONCE) for language in LANGUAGES}) == 6
    stored["schedule"][3]["amount"] += 1
    assert terms_hash(stored) != terms_hash(made)


def test_no_personal_data_can_reach_the_terms() -> None:
    case = a_case(cardholder_id="P-SECRET")
    made = json.dumps(terms_of(case, FREE, the_policy(), "en", TODAY))
    assert "P-SECRET" not in made


# --- what is missing is named ------------------------------------------------------------------------------------


def without_clause(name: str) -> Callable[[dict[str, Any]], None]:
    return lambda made: made.update(clauses=[clause for clause in made["clauses"] if clause["id"] != name])


def empty_clause(name: str) -> Callable[[dict[str, Any]], None]:
    def empty(made: dict[str, Any]) -> None:
        next(clause for clause in made["clauses"] if clause["id"] == name)["paragraphs"] = [" "]

    return empty


@pytest.mark.parametrize("name", ["debt", "repayment", "charges", "no_new_card", "rights_and_breach", "other"])
@pytest.mark.parametrize("take", [without_clause, empty_clause])
def test_each_of_the_six_contents_is_required_by_name(
    name: str, take: Callable[[str], Callable[[dict[str, Any]], None]]
) -> None:
    made = terms()
    take(name)(made)
    with pytest.raises(AgreementIncompleteError, match=f"^{name}: the agreement does not say it$"):
        check_complete(made, the_policy(), TODAY)


def change(made: Any, path: str, value: Any) -> None:
    *parents, last = path.split(".")
    for parent in parents:
        made = made[int(parent) if parent.isdigit() else parent]
    if value is None:
        del made[last]
    else:
        made[last] = value


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("currency", None, "debt: currency is missing"),
        ("owed", None, "debt: owed is missing"),
        ("owed.interest", 0, "debt: the parts of owed do not add up"),
        ("financed", 1, "debt: what is owed less what is waived is not what is repaid"),
        ("schedule", None, "repayment: the schedule lacks"),
        ("schedule.0.due_date", "", "repayment: the schedule lacks a date or an amount"),
        ("currency", "XXX", "debt: the currency XXX is none"),
        ("waived.interest", -1, "debt: a part of waived is below nothing"),
        ("schedule.0.due_date", "soon", "repayment: the schedule lacks a date or an amount"),
        ("schedule.5.due_date", "2026-03-31", "repayment: the payments are not a month apart"),
        ("schedule.23.due_date", "2060-02-29", "repayment: the payments are not a month apart"),
        ("first_due_date", "2030-01-01", "repayment: the first or the last day is not that of the schedule"),
        ("last_due_date", "2099-01-01", "repayment: the first or the last day is not that of the schedule"),
        ("regular_instalment", 1, "repayment: an instalment is not that of the schedule"),
        ("last_instalment", 1, "repayment: an instalment is not that of the schedule"),
        ("annual_cost_ppm", "none", "charges: a charge is no amount"),
        ("total_payable", 1, "charges: the total is not what is repaid with its interest"),
        ("schedule.5.amount", 0, "repayment: the schedule lacks a date or an amount"),
        ("schedule.5.amount", 1, "repayment: the schedule does not add up to the total"),
        ("schedule.5.principal", 1, "repayment: the schedule does not repay exactly"),
        ("months", 23, "repayment: the schedule has another number of instalments"),
        ("annual_cost_ppm", None, "charges: annual_cost_ppm is missing"),
        ("interest", 5, "charges: the total is not what is repaid with its interest"),
        ("schedule.5.interest", 5, "charges: the interest is not that of the schedule"),
        ("consent_texts.no_new_card", None, "no_new_card: the customer does not confirm it"),
        ("consent_texts.terms", "I agree to anything.", "consents: they are not those whose texts were shown"),
        ("consents", [], "consents: they are not those whose texts were shown"),
    ],
)
def test_figures_that_do_not_agree_are_named(path: str, value: Any, problem: str) -> None:
    made = terms()
    change(made, path, value)
    with pytest.raises(AgreementIncompleteError, match=problem):
        check_complete(made, the_policy(), TODAY)


def test_a_plan_beyond_the_legal_term_is_named() -> None:
    with pytest.raises(AgreementIncompleteError, match="repayment: 61 months are more than the law allows"):
        check_complete(terms(an_offer(months=61)), the_policy(), TODAY)


def test_all_problems_are_named_at_once() -> None:
    with pytest.raises(AgreementIncompleteError) as error:
        check_complete({}, the_policy(), TODAY)
    for name in ("debt", "repayment", "charges", "no_new_card", "rights_and_breach", "other", "consents"):
        assert f"{name}: " in str(error.value)


def test_without_the_rule_no_agreement_is_complete() -> None:
    with pytest.raises(RuleMissingError):
        check_complete(terms(), a_policy(plan__agreement_required_fields=None), TODAY)


# --- words and days ----------------------------------------------------------------------------------------------


def test_an_offer_of_a_real_negotiation_becomes_complete_terms() -> None:
    case = an_offered_case()
    for offer in case.offers:
        check_complete(terms_of(case, offer, the_policy(), case.language, TODAY), the_policy(), TODAY)


def test_a_language_without_texts_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^language: 'fr' is not one of zh-CN, en"):
        terms(FREE, "fr")


def test_a_waiver_of_nothing_is_said_as_it_is() -> None:
    offer = an_offer(owed=a_balance(penalty_interest=0, late_fees=0), waived=Balance())
    assert "The bank waives ¥0.00." in said(offer)


@pytest.mark.parametrize(
    ("day", "language", "text"),
    [
        (date(2026, 3, 5), "zh-CN", "2026年3月5日"),
        (date(2026, 3, 5), "en", "5 March 2026"),
        (date(2027, 12, 31), "en", "31 December 2027"),
    ],
)
def test_days_are_written_as_people_read_them(day: date, language: str, text: str) -> None:
    assert format_date(day, language) == text


@pytest.mark.parametrize("name", ["agreement", "comprehension"])
def test_every_text_stands_in_every_language(name: str) -> None:
    def check(node: Any, where: str) -> None:
        if isinstance(node, dict) and set(node) & set(LANGUAGES):
            assert set(node) == set(LANGUAGES), where
            assert all(text.strip() for text in node.values()), where
            slots = {language: sorted(re.findall(r"{(\w+)}", text)) for language, text in node.items()}
            assert slots["zh-CN"] == slots["en"], where
        elif isinstance(node, dict):
            for key, part in node.items():
                check(part, f"{where}.{key}")
        elif isinstance(node, list):
            for index, part in enumerate(node):
                check(part, f"{where}.{index}")
        else:
            assert where == ".version"

    check(texts(name), "")
