"""Anchors: what a chain was at a moment, to be signed and kept out of reach; and one root over all chains of a day.

A chain shows by itself that an event was changed, but not that its end was cut off or all of it written anew. An
anchor shows both: it was signed while the chain was what it says. The root of a day shows the same of every chain that
grew since the day before, and so of a case of which nothing at all is left.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import rfc8785
from pydantic import BaseModel, ConfigDict

from accord.events import AgreementSigned, CaseClosed, EvidenceCollected, OfferMade, PlanActivated
from accord.value import Value

ANCHOR_VERSION = 1
# What somebody may later dispute. The document is sealed just before the plan begins, and names it; who declines
# closes the case. That evidence was collected bears witness to every event before.
ANCHORED = tuple(kind.__name__ for kind in (OfferMade, AgreementSigned, PlanActivated, CaseClosed, EvidenceCollected))
ALGORITHM = "ECDSA_SHA_256"  # as KMS calls it: P-256 over the SHA-256 of the body


class ChainEnd(Value):
    """How far a chain had come: how many events, and the hash of the last."""

    case: str
    count: int
    head: str


class Signed(BaseModel):
    """A signed statement. `body` is the canonical JSON that was signed, byte for byte; `signature` is DER in base64."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    body: str
    signature: str

    @property
    def told(self) -> dict[str, Any]:
        """The body, parsed. Raises ValueError where it, which may be altered, is no JSON object."""
        parsed = json.loads(self.body)
        if not isinstance(parsed, dict):
            raise ValueError("the body is not a JSON object")
        return parsed

    @property
    def digest(self) -> str:
        """What the next statement names this one by."""
        return hashlib.sha256(self.body.encode()).hexdigest()


def announced_end(detail: Mapping[str, Any]) -> ChainEnd:
    """Where the chain of a case ended with an event, from what the bus tells of the event."""
    case, _, number = str(detail["eventId"]).rpartition("-")
    return ChainEnd(case=case, count=int(number), head=detail["eventHash"])


def case_statement(end: ChainEnd, at: datetime, key: str, before: Signed | None) -> bytes:
    """What is signed of one case: where its chain ended when `at` was now, and which anchor of it came before."""
    return _canonical({"kind": "case", **end.model_dump()}, at, key, before)


def day_statement(day: date, ends: Sequence[ChainEnd], at: datetime, key: str, before: Signed | None) -> bytes:
    """What is signed of a day: the root over the ends of all chains that grew since the root before."""
    told = {"kind": "day", "day": day.isoformat(), "count": len(ends), "root": root(ends)}
    return _canonical(told, at, key, before)


def _canonical(told: Mapping[str, Any], at: datetime, key: str, before: Signed | None) -> bytes:
    return rfc8785.dumps(
        {
            "v": ANCHOR_VERSION,
            **told,
            "at": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "key": key,
            "alg": ALGORITHM,
            "prev": before.digest if before else None,
        }
    )


# --- the tree of RFC 9162, section 2.1 -------------------------------------------------------------------------------


def root(ends: Sequence[ChainEnd]) -> str:
    """The root of the Merkle tree over these, in their order (hexadecimal)."""
    return _root([leaf(end) for end in ends]).hex()


def leaf(end: ChainEnd) -> bytes:
    """The hash of a leaf: what a chain's end is in the tree."""
    return hashlib.sha256(b"\x00" + rfc8785.dumps(end.model_dump())).digest()


def path(ends: Sequence[ChainEnd], index: int) -> tuple[str, ...]:
    """The hashes that lead from leaf `index` (from 0) to the root, the nearest first."""
    return tuple(digest.hex() for digest in _path([leaf(end) for end in ends], index))


def leads_to_root(end: ChainEnd, index: int, count: int, way: Sequence[str], root_hash: str) -> bool:
    """Whether a leaf stood at `index` of a tree of `count` leaves with this root."""
    if not 0 <= index < count:
        return False
    number, last, found = index, count - 1, leaf(end)
    try:
        for digest in map(bytes.fromhex, way):
            if last == 0:
                return False
            if number % 2 or number == last:
                found = _node(digest, found)
                while number % 2 == 0 and number:
                    number, last = number // 2, last // 2
            else:
                found = _node(found, digest)
            number, last = number // 2, last // 2
    except ValueError:
        return False
    return last == 0 and found.hex() == root_hash


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def _root(leaves: Sequence[bytes]) -> bytes:
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    half = _half(len(leaves))
    return _node(_root(leaves[:half]), _root(leaves[half:]))


def _path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    if len(leaves) == 1:
        return []
    half = _half(len(leaves))
    if index < half:
        return [*_path(leaves[:half], index), _root(leaves[half:])]
    return [*_path(leaves[half:], index - half), _root(leaves[:half])]


def _half(count: int) -> int:
    """The greatest power of two below `count`."""
    return 1 << (count - 1).bit_length() - 1
