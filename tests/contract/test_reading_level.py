"""What customers read is easy to read: short Chinese clauses, and English for somebody who left school early.

Every text of the pages, the messages, the questions and the agreement counts, by the place where it is read.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import readability
import yaml

from accord.texts import texts

PAGES = Path(__file__).parents[2] / "functions/customer_web/texts.yaml"
# A place with fewer words is judged by its longest sentence alone: one long word would decide its grade.
FEWEST_WORDS = 20
MOST_GRADE = 8
MOST_WORDS_A_SENTENCE = 25
MOST_CHARACTERS_A_CLAUSE = 25


def _pairs(node: Any) -> Iterator[tuple[str, str]]:
    """Every text below a node, in Chinese and English."""
    if isinstance(node, dict) and {"zh-CN", "en"} <= node.keys():
        yield node["zh-CN"], node["en"]
    elif isinstance(node, dict | list):
        for part in node.values() if isinstance(node, dict) else node:
            yield from _pairs(part)


def _places() -> dict[str, list[tuple[str, str]]]:
    """The texts by where they are read: a page, a message, a part of the agreement."""
    found: dict[str, list[tuple[str, str]]] = {}
    for key, text in yaml.safe_load(PAGES.read_text(encoding="utf-8")).items():
        found.setdefault(f"page {key.split('.')[0]}", []).extend(_pairs(text))
    for kind in ("agreement", "comprehension", "messages", "calls"):
        for key, text in texts(kind).items():
            parts = text.items() if key == "contacts" else [(key, text)]
            for name, part in parts:
                found.setdefault(f"{kind} {name}", []).extend(_pairs(part))
    return {place: pairs for place, pairs in found.items() if pairs}


PLACES = _places()


def sentences(text: str) -> list[str]:
    """The English sentences of a text, as words; labels and headings are none. What is filled in counts as a word, and
    a link ends its sentence.
    """
    filled = re.sub(r"\{[^}]*\}", "twelve", text.replace("{link} ", "{link}. "))
    parts = re.split(r"\n+|(?<=[.!?])\s+", filled)
    return [" ".join(re.findall(r"[\w'’-]+", part)) for part in parts if part.rstrip().endswith((".", "!", "?"))]


def clauses(text: str) -> list[int]:
    """How many characters each Chinese clause has; a number or a Latin word counts as one, what is filled in as two."""
    filled = re.sub(r"\{[^}]*\}", "十二", text)
    counts = (
        len(re.findall(r"[\u4e00-\u9fff]|[A-Za-z0-9]+", part)) for part in re.split(r"[，。；：？！、（）\n]", filled)
    )
    return [count for count in counts if count]


def grade(lines: list[str]) -> float:
    """The Flesch-Kincaid grade: the years at school that reading takes."""
    return float(readability.getmeasures("\n".join(lines), lang="en")["readability grades"]["Kincaid"])


@pytest.mark.parametrize("place", PLACES)
def test_english_is_read_with_eight_years_of_school(place: str) -> None:
    lines = [line for _, text in PLACES[place] for line in sentences(text)]
    longest = max(lines, key=lambda line: len(line.split()), default="")
    assert len(longest.split()) <= MOST_WORDS_A_SENTENCE, longest
    if sum(len(line.split()) for line in lines) >= FEWEST_WORDS:
        assert grade(lines) <= MOST_GRADE


@pytest.mark.parametrize("place", PLACES)
def test_chinese_comes_in_short_clauses(place: str) -> None:
    counts = [count for text, _ in PLACES[place] for count in clauses(text)]
    assert sum(counts) / len(counts) <= MOST_CHARACTERS_A_CLAUSE


def test_the_measure_tells_plain_words_from_a_lawyers() -> None:
    plain = "We call you tomorrow. You can ask us to stop."
    stiff = (
        "Notwithstanding any contrary provision hereinbefore contained, the obligor irrevocably acknowledges liability."
    )
    assert grade(sentences(plain)) < 3
    assert grade(sentences(stiff)) > MOST_GRADE
    assert clauses("银行停止催收，晚还不超过 {days} 天没有影响。") == [6, 12]
