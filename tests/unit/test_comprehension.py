"""Comprehension: the questions come from the offer, have one right answer, and explain what was not understood."""

from collections import Counter
from datetime import date

import pytest
from builders import YUAN, an_offer
from hypothesis import given
from hypothesis import strategies as st

from accord.case import Balance, Offer, Product
from accord.comprehension import Question, mark, questions
from accord.money import format_money
from accord.texts import LANGUAGES, format_date


def right_answers(offer: Offer, language: str = "en") -> dict[str, str]:
    return {question.id: question.right for question in questions(offer, language)}


def right_text(question: Question) -> str:
    return next(choice.text for choice in question.choices if choice.id == question.right)


OFFERS = st.builds(
    lambda number, months, rate, principal, once, first: an_offer(
        offer_id=f"c-{number}-1-1",
        months=1 if once else months,
        annual_rate_ppm=0 if once else rate,
        owed=Balance(principal=principal),
        waived=Balance(),
        first_due_date=first,
        no_new_card=bool(number % 2),
        **({"product": Product.LUMP_SUM} if once else {}),
    ),
    st.integers(0, 10**6),
    st.integers(2, 60),
    st.integers(0, 240_000),
    st.integers(100_000, 10**9),
    st.booleans(),
    st.dates(date(2026, 1, 1), date(2030, 12, 31)),
)


@given(OFFERS, st.sampled_from(LANGUAGES))
def test_any_offer_has_three_to_five_questions_each_with_one_right_answer(offer: Offer, language: str) -> None:
    asked = questions(offer, language)
    assert 3 <= len(asked) <= 5
    assert len({question.id for question in asked}) == len(asked)
    for question in asked:
        assert [choice.id for choice in question.choices] == ["a", "b", "c"]
        assert len({choice.text for choice in question.choices}) == 3
        assert question.right in "abc"
        assert "{" not in question.text + question.explanation
    assert asked == questions(offer, language)


@given(OFFERS)
def test_the_right_answers_are_the_offers_own_figures_and_the_wrong_ones_are_none_of_them(offer: Offer) -> None:
    amount, first, *_ = questions(offer, "en")
    own = {
        format_money(minor, offer.currency, "en")
        for minor in (offer.regular_instalment, offer.last_instalment, offer.total_payable, offer.financed)
    }
    assert right_text(amount) == format_money(offer.regular_instalment, offer.currency, "en")
    wrong = {choice.text for choice in amount.choices if choice.id != amount.right}
    assert own.isdisjoint(wrong)
    assert right_text(first) == format_date(offer.first_due_date, "en")


@given(OFFERS)
def test_the_answers_are_the_same_in_every_language(offer: Offer) -> None:
    assert right_answers(offer, "zh-CN") == right_answers(offer, "en")


@given(st.integers(1, 200), st.integers(0, 50), st.integers(0, 10**4))
def test_even_the_smallest_debt_has_distinct_choices(principal: int, interest: int, number: int) -> None:
    offer = an_offer(
        offer_id=f"c-{number}-1-1",
        product=Product.LUMP_SUM,
        months=1,
        owed=Balance(principal=principal, interest=interest),
        waived=Balance(interest=interest),
    )
    for question in questions(offer, "en"):
        assert len({choice.text for choice in question.choices}) == 3
    amount = questions(offer, "en")[0]
    wrong = {choice.text for choice in amount.choices} - {right_text(amount)}
    assert format_money(offer.owed.total, "CNY", "en") not in wrong


def test_the_right_answer_does_not_stand_in_one_place() -> None:
    places = Counter(
        right for number in range(60) for right in right_answers(an_offer(offer_id=f"c-{number}-4-1")).values()
    )
    assert set(places) == {"a", "b", "c"}
    assert min(places.values()) > sum(places.values()) // 5


def test_the_right_amount_is_not_always_the_one_in_the_middle() -> None:
    ranks = set()
    for number in range(30):
        question = questions(an_offer(offer_id=f"c-{number}-4-1"), "en")[0]
        ranks.add(sorted(choice.text for choice in question.choices).index(right_text(question)))
    assert ranks == {0, 1, 2}


def test_an_instalment_plan_is_asked_about_what_matters() -> None:
    assert [question.id for question in questions(an_offer(), "en")] == [
        "AMOUNT", "FIRST_DUE", "MONTHS", "MISSED", "NO_NEW_CARD",
    ]  # fmt: skip


def test_a_single_payment_has_its_own_questions() -> None:
    offer = an_offer(product=Product.LUMP_SUM, months=1, no_new_card=False)
    assert [question.id for question in questions(offer, "en")] == ["AMOUNT_ONCE", "FIRST_DUE_ONCE", "MISSED_ONCE"]


# --- marking -----------------------------------------------------------------------------------------------------


def test_all_right_is_passed() -> None:
    passed, verdicts = mark(an_offer(), "zh-CN", right_answers(an_offer()))
    assert passed
    assert all(verdict.right for verdict in verdicts)


def test_one_wrong_answer_is_not_passed_and_explained_with_the_offers_own_figure() -> None:
    offer = an_offer()
    wrong = next(choice for choice in "abc" if choice != right_answers(offer)["AMOUNT"])
    passed, verdicts = mark(offer, "en", right_answers(offer) | {"AMOUNT": wrong})
    assert not passed
    assert [verdict.question for verdict in verdicts if not verdict.right] == ["AMOUNT"]
    assert verdicts[0].answer == wrong
    assert (
        verdicts[0].explanation
        == f"Under this plan you pay {format_money(offer.regular_instalment, 'CNY', 'en')} each month."
    )


@pytest.mark.parametrize("given_answers", [{}, {"AMOUNT": ""}, {"AMOUNT": "d"}, {"AMOUNT": "¥485.41"}, {"OTHER": "a"}])
def test_no_answer_is_a_wrong_answer(given_answers: dict[str, str]) -> None:
    passed, verdicts = mark(an_offer(), "en", given_answers)
    assert not passed
    assert [(verdict.answer, verdict.right) for verdict in verdicts] == [("", False)] * 5


def test_what_happens_when_a_payment_is_missed_is_explained_without_a_threat() -> None:
    _, verdicts = mark(an_offer(regular_instalment=500 * YUAN), "en", {})
    assert "you have time to catch up" in verdicts[3].explanation
