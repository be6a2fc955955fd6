"""Comprehension: a few questions made from the very offer, so that nobody signs what was not understood.

A term that a customer did not notice or understand may be no part of the contract (Civil Code 496; Supreme People's
Court, bank card rules 2021, Art. 2). Questions, choices and their order follow from the offer alone, in every language.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from accord.case import Offer, Product
from accord.money import format_money
from accord.schedule import due_dates
from accord.texts import format_date, texts

_IDS = ("a", "b", "c")


@dataclass(frozen=True)
class Choice:
    """One answer to pick from. The id is the same in every language."""

    id: str
    text: str


@dataclass(frozen=True)
class Question:
    """One question about an offer."""

    id: str
    text: str
    choices: tuple[Choice, ...]
    right: str  # the id of the right choice
    explanation: str


@dataclass(frozen=True)
class Marked:
    """What became of one question. `answer` is the id that was picked, empty when none was."""

    question: str
    answer: str
    right: bool
    explanation: str


def questions(offer: Offer, language: str) -> tuple[Question, ...]:
    """Three to five questions with three choices each. The same offer always has the same ones in the same order."""
    once = offer.product is Product.LUMP_SUM
    suffix = "_ONCE" if once else ""
    asked = [
        _question(offer, f"AMOUNT{suffix}", _amounts(offer, language), language),
        _question(offer, f"FIRST_DUE{suffix}", _days(offer, language), language),
    ]
    if not once:
        asked.append(_question(offer, "MONTHS", _months(offer, language), language))
    named = [f"MISSED{suffix}"] + (["NO_NEW_CARD"] if offer.no_new_card else [])
    for name in named:
        choices = (choice[language] for choice in texts("comprehension")[name]["choices"])
        asked.append(_question(offer, name, choices, language))
    return tuple(asked)


def mark(offer: Offer, language: str, answers: Mapping[str, str]) -> tuple[bool, tuple[Marked, ...]]:
    """Whether all questions were answered rightly, and each verdict with its explanation. No answer is a wrong one.

    `answers` has the id of the picked choice by the question's id; anything else in it counts as no answer.
    """
    verdicts = []
    for question in questions(offer, language):
        picked = answers.get(question.id, "")
        answer = picked if picked in _IDS else ""
        verdicts.append(Marked(question.id, answer, answer == question.right, question.explanation))
    return all(verdict.right for verdict in verdicts), tuple(verdicts)


def _question(offer: Offer, name: str, choices: Iterable[str], language: str) -> Question:
    """A question from its choices, the right one first; they are turned so that it does not always stand first."""
    right, *wrong = choices
    said = texts("comprehension")[name]
    place = hashlib.sha256(f"{offer.offer_id}/{name}".encode()).digest()[0] % len(_IDS)
    shown = [*wrong[:place], right, *wrong[place:]]
    return Question(
        id=name,
        text=said["question"][language],
        choices=tuple(Choice(choice, text) for choice, text in zip(_IDS, shown, strict=True)),
        right=_IDS[place],
        explanation=said["explanation"][language].format(right=right),
    )


def _amounts(offer: Offer, language: str) -> list[str]:
    """The instalment, and two amounts near it that are no figure of this offer."""
    right = offer.regular_instalment
    own = {right, offer.last_instalment, offer.total_payable, offer.financed, offer.owed.total}
    amounts = _with_two_near(right, max(right // 5, 1), own, offer)
    return [format_money(amount, offer.currency, language) for amount in amounts]


def _days(offer: Offer, language: str) -> list[str]:
    """The first due day, a day before it, and the same day of the next month."""
    first, later = due_dates(offer.first_due_date, 2)
    return [format_date(day, language) for day in (first, first - timedelta(days=9), later)]


def _months(offer: Offer, language: str) -> list[str]:
    """The number of instalments, and two others."""
    said = texts("comprehension")["MONTHS"]["choice"][language]
    return [said.format(months=months) for months in _with_two_near(offer.months, 6, {offer.months}, offer)]


def _with_two_near(right: int, step: int, never: set[int], offer: Offer) -> list[int]:
    """The right number and two wrong ones: below, above or around it as the offer's id falls, never one of `never`."""
    turn = hashlib.sha256(offer.offer_id.encode()).digest()[1] % 3
    preferred = ((-1, 1), (1, 2), (-1, -2))[turn]
    steps = (*preferred, *range(1, len(never) + 3))
    wrong = dict.fromkeys(right + count * step for count in steps)
    return [right, *[number for number in wrong if number > 0 and number not in never][:2]]
