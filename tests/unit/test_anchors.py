"""Anchors: a tree as RFC 9162 describes it, and statements that name what came before them."""

import hashlib
import json
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.anchors import (
    ChainEnd,
    Signed,
    announced_end,
    case_statement,
    day_statement,
    leads_to_root,
    leaf,
    path,
    root,
)
from accord.events import Actor, CaseClosed, announcement, link

NOW = datetime(2026, 11, 28, 0, 15, tzinfo=UTC)


def ends(count: int) -> list[ChainEnd]:
    return [ChainEnd(case=f"c-{number}", count=number + 1, head=f"{number:064x}") for number in range(count)]


def node(left: str, right: str) -> str:
    return hashlib.sha256(b"\x01" + bytes.fromhex(left) + bytes.fromhex(right)).hexdigest()


def test_the_root_is_built_as_the_standard_says() -> None:
    """Five leaves: the first four are a whole tree of their own, the fifth stands alone beside it."""
    a, b, c, d, e = (leaf(end).hex() for end in ends(5))
    assert a == hashlib.sha256(b'\x00{"case":"c-0","count":1,"head":"' + b"0" * 64 + b'"}').hexdigest()
    assert root(ends(5)) == node(node(node(a, b), node(c, d)), e)
    assert path(ends(5), 4) == (node(node(a, b), node(c, d)),)
    assert path(ends(5), 1) == (a, node(c, d), e)
    assert root(ends(1)) == a
    assert root([]) == hashlib.sha256(b"").hexdigest()


@given(count=st.integers(1, 70), data=st.data())
def test_every_leaf_leads_to_the_root_and_no_other_does(count: int, data: st.DataObject) -> None:
    tree = ends(count)
    index = data.draw(st.integers(0, count - 1))
    way = path(tree, index)
    assert leads_to_root(tree[index], index, count, way, root(tree))
    longer = tree[index].model_copy(update={"count": tree[index].count + 1})
    assert not leads_to_root(longer, index, count, way, root(tree))
    assert not leads_to_root(tree[index], index, count, (*way, "00" * 32), root(tree))
    assert not leads_to_root(tree[index], index, count, way[:-1], root(tree)) or count == 1
    if way:
        place = data.draw(st.integers(0, len(way) - 1))
        assert not leads_to_root(tree[index], index, count, (*way[:place], "11" * 32, *way[place + 1 :]), root(tree))


@pytest.mark.parametrize(("index", "way"), [(-1, ()), (1, ()), (0, ("no hash",)), (0, ("00" * 32,))])
def test_what_is_no_path_leads_nowhere(index: int, way: tuple[str, ...]) -> None:
    assert not leads_to_root(ends(1)[0], index, 1, way, root(ends(1)))


def test_a_statement_says_what_where_and_after_what() -> None:
    first = case_statement(ends(1)[0], NOW, "arn:key", None)
    assert json.loads(first) == {
        "v": 1, "kind": "case", "case": "c-0", "count": 1, "head": "0" * 64, "at": "2026-11-28T00:15:00.000Z",
        "key": "arn:key", "alg": "ECDSA_SHA_256", "prev": None,
    }  # fmt: skip
    signed = Signed(body=first.decode(), signature="")
    assert json.loads(case_statement(ends(2)[1], NOW, "arn:key", signed))["prev"] == hashlib.sha256(first).hexdigest()
    told = json.loads(day_statement(date(2026, 11, 27), ends(3), NOW, "arn:key", signed))
    assert (told["kind"], told["day"], told["count"], told["root"]) == ("day", "2026-11-27", 3, root(ends(3)))


def test_what_the_bus_tells_of_an_event_says_where_the_chain_ended() -> None:
    event = link("c-7-x", "a-1", 12, "0" * 64, NOW, Actor(kind="SYSTEM", id="close"), CaseClosed(reason="DECLINED"))
    detail = announcement(event)
    assert detail is not None
    assert announced_end(detail) == ChainEnd(case="c-7-x", count=12, head=event.hash)
