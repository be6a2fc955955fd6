"""What every section of a report needs: the sides, their words, and tables and figures as the template wants them."""

import base64
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from accord.policy import BUCKETS, Policy
from infra.simulation import figures
from infra.simulation.totals import Side, Totals
from infra.simulation.wording import Words

SIDES = ("A", "B")
OUTCOMES = ("OFFERED", "REVIEW", "ASK", "NO_AFFORDABLE_OFFER", "WATCH", "EXCLUDED", "DENIED")
WITH_OFFERS = ("OFFERED", "REVIEW")
Part = dict[str, Any]


class About(NamedTuple):
    """What was simulated."""

    file: str
    now: datetime
    names: tuple[str, ...]  # of the policies, as they were given
    policies: tuple[Policy, ...]


class View:
    """The totals as a report tells them."""

    def __init__(self, totals: Totals, about: About, words: Words) -> None:
        self.totals, self.about, self.words = totals, about, words
        self.sides: dict[str, Side] = dict(zip(SIDES, totals.sides, strict=False))
        self.two = len(self.sides) > 1
        self.decided = totals.lines["decided"]

    def names(self) -> list[str]:
        """The headings of a column a side."""
        return list(self.sides) if self.two else [self.words["number"]]

    def buckets(self) -> list[str]:
        """The buckets that occur, in their order."""
        there = {bucket for side in self.sides.values() for bucket, _ in side.outcomes}
        return sorted(there, key=lambda bucket: BUCKETS.index(bucket) if bucket in BUCKETS else len(BUCKETS))

    def kinds(self) -> list[str]:
        """The outcomes that occur, the usual ones in their order."""
        there = {outcome for side in self.sides.values() for _, outcome in side.outcomes}
        return [*[kind for kind in OUTCOMES if kind in there], *sorted(there - set(OUTCOMES))]

    def legend(self) -> list[tuple[str, str, str]]:
        """Shape, colour and word of each side; nothing where there is but one."""
        if not self.two:
            return []
        return [("striped" if name == "B" else "", figures.COLOURS[name], name) for name in self.sides]

    def counts(self, name: str, number: str, sides: list[dict[str, int]], say: Callable[[str], str]) -> Part:
        """A table of counts by code, the largest first."""
        rows = []
        for code in by_size(*sides):
            told = [side.get(code, 0) for side in sides]
            rows.append([say(code), *[f"{count:,}" for count in told]])
            if self.two:
                rows[-1].append(signed(told[1] - told[0]))
        names = [f"{number}, {side}" for side in self.sides] if self.two else [number]
        return table([name, *names, *([self.words["change"]] if self.two else [])], rows)

    def figure(
        self, name: str, svg: str, legend: list[tuple[str, str, str]], alt: str, note: str | None = None
    ) -> Part:
        """A picture under its title; `alt` tells its numbers to those who do not see it."""
        caption = self.words[name]
        return {
            "kind": "figure",
            "caption": caption,
            "legend": legend,
            "picture": base64.b64encode(svg.encode()).decode(),
            "alt": f"{caption}. {alt}",
            "note": note,
        }


def table(head: list[str], rows: list[list[str]], caption: str | None = None, words: int = 1) -> Part:
    """A table whose first `words` columns are text."""
    return {"kind": "table", "head": head, "rows": rows, "caption": caption, "words": words}


def by_size(*sides: dict[Any, int]) -> list[Any]:
    """Every key with a count, the largest first; the same counts always in the same order."""
    keys = {key for side in sides for key, number in side.items() if number}
    return sorted(keys, key=lambda key: (-sum(side.get(key, 0) for side in sides), key))


def signed(number: int) -> str:
    """`+1,234`, `−5`, `0`."""
    return f"{number:+,}".replace("-", "−") if number else "0"


def plus(amount: str) -> str:
    """An amount that is written already, with its sign."""
    return amount if amount.startswith("−") or not amount.strip("0.") else f"+{amount}"
