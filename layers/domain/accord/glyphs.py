"""What the documents can draw. Typesetting is silent about a missing glyph, so it is asked here, before anybody signs.

The table is made from the fonts of the documents (`make glyphs`). It lies here and not beside the fonts, so that the
pages can ask it without the layer that makes documents.
"""

import json
from bisect import bisect_right
from functools import cache
from pathlib import Path
from typing import Any

TABLE = Path(__file__).with_suffix(".json")
# These end a line instead of being drawn.
_NOT_DRAWN = frozenset("\n")


@cache
def _coverage() -> tuple[list[int], list[int]]:
    """First and last code points of the ranges that a font has glyphs for, in both weights."""
    ranges = json.loads(TABLE.read_text(encoding="ascii"))
    return [first for first, _ in ranges], [last for _, last in ranges]


def missing_glyphs(content: Any) -> set[str]:
    """The characters of a text, or of every text in a JSON-able structure, that the fonts cannot draw.

    Characters without a shape of their own (controls, direction marks) count as missing: they hide in a contract.
    """
    firsts, lasts = _coverage()
    characters = _characters(content) - _NOT_DRAWN
    return {c for c in characters if (at := bisect_right(firsts, ord(c))) == 0 or ord(c) > lasts[at - 1]}


def _characters(content: Any) -> set[str]:
    if isinstance(content, str):
        return set(content)
    if isinstance(content, dict):
        return set().union(*map(_characters, content.values()))
    if isinstance(content, (list, tuple)):
        return set().union(*map(_characters, content))
    return set()
