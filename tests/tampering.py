"""`make tampering`: the evidence of one case, altered in every way that chance finds; `accord verify` finds each out.

Whoever alters it knows all that is public: hashes, manifest and bundle are made anew to fit. The keys are not theirs,
but for prints that nobody signed: there the seal's own key is.
"""

import io
import multiprocessing
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any

from evidence_bundles import (
    Kept,
    collected_anew,
    cut_off,
    resealed,
    rewritten,
    typeset,
    unwitnessed,
    with_events,
    without_case,
    witnessed_until,
)
from exact import Chunk, DisagreementError, command
from rich.console import Console

from infra.evidence.bundle import BundleUnreadableError, pack
from infra.evidence.verify import verify

_KEPT = "ACCORD_TAMPERING_KEPT"


@lru_cache
def kept() -> Kept:
    return Kept.read(Path(os.environ[_KEPT]))


def is_found(data: bytes) -> bool:
    try:
        return any(verdict.holds is False for verdict in verify(data, kept().trusted))
    except BundleUnreadableError:
        return True


def check(what: str, data: bytes) -> str:
    if not is_found(data):
        raise DisagreementError(f"{what}: nobody noticed")
    return what


def a_byte_of_the_document(random: Random) -> str:
    document = bytearray(kept().files["agreement.pdf"])
    place = random.randrange(len(document))
    if random.random() < 0.75:
        document[place] ^= 1 << random.randrange(8)
        what = "bytes of the document flipped"
    else:
        document.insert(random.choice((place, len(document))), random.randrange(256))
        what = "bytes added to the document"
    return check(what, pack(kept().files | {"agreement.pdf": bytes(document)}))


def a_byte_of_the_bundle(random: Random) -> str:
    data = bytearray(kept().bundle)
    data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    return check("bytes of the bundle flipped", bytes(data))


def a_chain_that_ends_early(random: Random) -> str:
    """With all that was signed of it, with what was signed until then, or with nothing and a collection of its own."""
    claim, events = kept().chain
    left, way = random.randrange(1, len(events)), random.randrange(3)
    if way == 2:
        return check("chains cut off, nothing signed", pack(collected_anew(unwitnessed(kept().files), left)))
    files = kept().files if way == 0 else witnessed_until(kept().files, left)
    claim, cut = cut_off(claim, events, left)
    return check("chains cut off", pack(with_events(files, claim, cut)))


def a_byte_of_a_part(random: Random) -> str:
    """Of any other file: a statement, a key, the chain, a time-stamp."""
    files = kept().files
    name = random.choice(sorted(files.keys() - {"agreement.pdf"}))
    content = bytearray(files[name])
    content[random.randrange(len(content))] ^= 1 << random.randrange(8)
    return check(f"bytes of {name.partition('/')[0]} flipped", pack(files | {name: bytes(content)}))


def a_statement_or_a_file_that_is_gone(random: Random) -> str:
    """One file, all that there is of an anchor or a night, or all that was signed."""
    files = kept().files
    gone = random.choice(sorted({part for name in files for part in (name, name.partition(".")[0])}))
    left = {name: content for name, content in files.items() if not name.startswith(gone)}
    return check("files, anchors and nights taken away", pack(unwitnessed(left) if random.random() < 0.2 else left))


def a_chain_written_anew(random: Random) -> str:
    """From any event on: a word of it changed, the event taken out, or one said twice; then every hash made to fit.

    Also without any statement, so that nothing contradicts it: then nothing bears witness to the collection either.
    """
    _, events = kept().chain
    number, way = random.randrange(len(events) - 1), random.randrange(3)

    def change(bodies: list[dict[str, object]]) -> None:
        if way == 0:
            bodies[number]["actor"] = {"kind": "SYSTEM", "id": f"{random.random()}"}
        elif way == 1:
            del bodies[number]
        else:
            bodies.insert(number, bodies[number])

    files = kept().files
    if random.random() < 0.5:
        return check("chains written anew", pack(rewritten(files, change)))
    forged = collected_anew(rewritten(unwitnessed(files), change), len(events))
    return check("chains written anew, nothing signed", pack(forged))


def a_case_that_is_said_to_be_lost(random: Random) -> str:
    """Cut and invented from an event on, with some of the anchors: nothing under none is said to be witnessed."""
    _, events = kept().chain
    left, anchored = random.randrange(1, len(events) + 1), random.choice((0, 4, 13, 19))
    number = random.randrange(left)

    def invent(bodies: list[dict[str, Any]]) -> None:
        del bodies[left:]
        bodies[number]["actor"] = {"kind": "SYSTEM", "id": f"{random.random()}"}

    files = without_case(rewritten(witnessed_until(kept().files, anchored), invent))
    if "AgreementSealed" not in {event["type"] for event in events[:left]}:
        files = {name: content for name, content in files.items() if name not in ("agreement.pdf", "keys/seal.pem")}
    found = {verdict.sentence.partition(":")[0]: verdict.holds for verdict in verify(pack(files), kept().trusted)}
    if False not in found.values() and found["anchors"]:
        raise DisagreementError(f"event {number + 1} of {left}, anchored to {anchored}: said to be witnessed")
    return "cases said to be lost"


def a_print_that_nobody_signed(random: Random) -> str:
    """By whoever has the seal's key and the chain: a character more, or a figure that is one off, in print alone."""

    def change(terms: dict[str, Any]) -> None:
        said = [
            *((card, "text") for card in terms["cards"]),
            *((clause["paragraphs"], 0) for clause in terms["clauses"]),
            *((terms["consent_texts"], name) for name in terms["consent_texts"]),
            *((row, "amount") for row in terms["schedule"]),
            *((terms, name) for name in ("title", "regular_instalment", "total_payable", "financed")),
        ]
        part, name = random.choice(said)
        if isinstance(part[name], int):
            part[name] += random.choice((-1, 1))
        else:
            place = random.randrange(len(part[name]) + 1)
            part[name] = part[name][:place] + random.choice("不9") + part[name][place:]

    data = pack(resealed(kept().files, typeset(kept().files, change)))
    found = {verdict.sentence.partition(":")[0]: verdict.holds for verdict in verify(data)}
    if (found["document"], found["print"]) != (True, False):
        raise DisagreementError("a print that nobody signed: nobody noticed")
    return "prints that nobody signed"


def drawn(random: Random) -> Callable[[Random], str]:
    draw = random.random()
    if draw < 0.04:
        return a_print_that_nobody_signed if draw < 0.01 else a_case_that_is_said_to_be_lost
    if draw < 0.65:
        return a_byte_of_the_document
    if draw < 0.7:
        return a_byte_of_a_part
    if draw < 0.8:
        return a_byte_of_the_bundle
    if draw < 0.83:
        return a_statement_or_a_file_that_is_gone
    return a_chain_that_ends_early if draw < 0.91 else a_chain_written_anew


class Tampered(Chunk):
    def run(self) -> Counter[str]:
        return self.compare(drawn)


def main(arguments: list[str] | None = None) -> int:
    with tempfile.TemporaryDirectory() as folder:
        os.environ[_KEPT] = folder
        # The typesetter has its threads by then: a forked process would wait for them for ever.
        multiprocessing.set_start_method("spawn")
        Kept.play(Console(file=io.StringIO()), timedelta(days=3)).write(Path(folder))
        return command(str(__doc__), Tampered, 10_000, arguments, said="altered bundles are found out")


if __name__ == "__main__":
    sys.exit(main())
