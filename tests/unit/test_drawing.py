"""A signature drawn by hand comes as strokes on a field; what is none is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.drawing import HEIGHT, MOST_CHARACTERS, WIDTH, drawing_hash, drawing_key, strokes

POINT = st.tuples(st.integers(0, WIDTH), st.integers(0, HEIGHT))
STROKES = st.lists(st.lists(POINT, min_size=2, max_size=20), min_size=1, max_size=8)


@given(STROKES)
def test_what_a_browser_sends_is_read_as_it_was_drawn(drawn: list[list[tuple[int, int]]]) -> None:
    text = ";".join(" ".join(f"{x},{y}" for x, y in stroke) for stroke in drawn)
    assert strokes(text) == drawn


@pytest.mark.parametrize(
    "text",
    ["", "1,1", "1,1 2,2;", "1,1  2,2", "601,0 1,1", "0,201 1,1", "-1,0 1,1", "1,1 2,2\n", "١,١ ٢,٢", "a,b c,d"],
)  # fmt: skip
def test_what_is_no_drawing_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="drawing: "):
        strokes(text)


def test_a_drawing_has_a_limit_that_a_signature_does_not_reach() -> None:
    dot = "1,1 2,2;"
    strokes((dot * (MOST_CHARACTERS // len(dot))).rstrip(";"))
    with pytest.raises(ValueError, match="drawing: "):
        strokes((dot * (MOST_CHARACTERS // len(dot) + 1)).rstrip(";"))


def test_the_name_of_a_drawing_is_its_hash() -> None:
    digest = drawing_hash("1,1 2,2")
    assert drawing_key("c-1", digest) == f"signatures/c-1/{digest}.txt"
    assert drawing_hash("1,1 2,3") != digest
