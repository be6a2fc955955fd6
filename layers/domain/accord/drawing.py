"""A signature drawn by hand: strokes of points on a field of 600 by 200, as short text ("12,40 13,42;100,50 101,52").

It is personal data: the text lies with the documents, and everywhere else there is its SHA-256.
"""

import hashlib
import re

WIDTH, HEIGHT = 600, 200
MOST_CHARACTERS = 6_000
_FORM = re.compile(
    r"[0-9]{1,3},[0-9]{1,3}(?: [0-9]{1,3},[0-9]{1,3})+(?:;[0-9]{1,3},[0-9]{1,3}(?: [0-9]{1,3},[0-9]{1,3})+)*"
)

Stroke = list[tuple[int, int]]


def strokes(text: str) -> list[Stroke]:
    """The strokes of a drawing. Raises ValueError for what is none: too long, one point alone, outside the field."""
    if len(text) > MOST_CHARACTERS or not _FORM.fullmatch(text):
        raise ValueError("drawing: not strokes of at least two points each")
    drawn = [[(int(x), int(y)) for x, y in (point.split(",") for point in part.split(" "))] for part in text.split(";")]
    if any(x > WIDTH or y > HEIGHT for stroke in drawn for x, y in stroke):
        raise ValueError(f"drawing: a point lies outside {WIDTH} by {HEIGHT}")
    return drawn


def drawing_hash(text: str) -> str:
    """SHA-256 of a drawing, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def drawing_key(case_id: str, digest: str) -> str:
    """Where a drawing lies among the documents. The name carries the hash, so that nothing can take its place."""
    return f"signatures/{case_id}/{digest}.txt"
