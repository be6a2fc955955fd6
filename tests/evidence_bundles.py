"""The evidence of a case that is played to its active plan, and what may be done to it without the keys."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import rfc8785
from rich.console import Console

from accord import clock
from accord.audit import lines_of, record_of, stores_of
from accord.events import chain_hash
from infra import demo
from infra.evidence.bundle import MANIFEST, pack, unpack
from infra.evidence.collect import collect, files_digest
from infra.evidence.keys import anchor_pem, seal_certificates
from infra.local.application import accord_stack

Files = dict[str, bytes]
Chain = tuple[dict[str, Any], list[dict[str, Any]]]


@dataclass(frozen=True)
class Kept:
    """What was collected, and what the bank publishes."""

    bundle: bytes
    published: str

    @classmethod
    def play(cls, console: Console, later: timedelta) -> "Kept":
        """A case to its active plan, and some time later its bundle."""
        began = clock.now() - datetime.now(UTC)
        with accord_stack(demo.BASE_URL) as stack:
            demo.run(console, stack, Path("/dev/null"))
            stack.advance(later)
            stack.settle()
            (execution,) = stack.executions("NegotiationStateMachine")
            bundle = pack(collect(execution.execution_arn.rpartition(":")[2], "accord-local", "auditor-1"))
            stores = stores_of("accord-local")
            assert stores.anchor_key_arn
            assert stores.seal_certificate_parameter
            published = anchor_pem(stores.anchor_key_arn).decode()
            published += seal_certificates(stores.seal_certificate_parameter)
        clock.move(began)
        return cls(bundle, published)

    @classmethod
    def read(cls, folder: Path) -> "Kept":
        return cls((folder / "case.zip").read_bytes(), (folder / "keys.pem").read_text())

    def write(self, folder: Path) -> None:
        (folder / "case.zip").write_bytes(self.bundle)
        (folder / "keys.pem").write_text(self.published)

    @property
    def files(self) -> Files:
        return {name: content for name, content in unpack(self.bundle).items() if name != MANIFEST}

    @property
    def chain(self) -> Chain:
        """What the case claims, and its events."""
        return chain_of(self.files)


def chain_of(files: Files) -> Chain:
    claim, *events = (json.loads(line) for line in files["events.jsonl"].decode().splitlines())
    return claim, events


def with_events(files: Files, claim: dict[str, Any], events: list[dict[str, Any]]) -> Files:
    """The files with another chain, in the form in which a chain is written."""
    told = "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in (claim, *events))
    return files | {"events.jsonl": "".join(f"{line}\n" for line in lines_of(record_of(told, "events"))).encode()}


def cut_off(claim: dict[str, Any], events: list[dict[str, Any]], left: int) -> Chain:
    """The first events alone, and a case that claims no more."""
    return claim | {"head": events[left - 1]["hash"], "count": left}, events[:left]


def rewritten(files: Files, change: Callable[[list[dict[str, Any]]], None]) -> Files:
    """The chain made anew from bodies that somebody changed: every hash fits, and the case claims the new head."""
    claim, events = chain_of(files)
    bodies = [json.loads(event["body"]) for event in events]
    change(bodies)
    prev, made = "0" * 64, []
    for number, body in enumerate(bodies, start=1):
        canonical = rfc8785.dumps(body | {"seq": number, "prev": prev})
        prev = chain_hash(canonical)
        told = {"case_id": body["case"], "seq": number, "type": body["type"], "at": body["at"]}
        made.append(told | {"body": canonical.decode(), "hash": prev})
    return with_events(files, claim | {"head": prev, "count": len(made)}, made)


def unwitnessed(files: Files) -> Files:
    """What is left when somebody takes away all that was signed of the chain."""
    return {name: content for name, content in files.items() if not name.startswith(("anchors/", "days/"))}


def witnessed_until(files: Files, count: int) -> Files:
    """What was there when the chain had so many events, without its nights."""
    early = {
        name: content for name, content in files.items() if name.startswith("anchors/") and int(name[8:18]) <= count
    }
    return unwitnessed(files) | early


def collected_anew(files: Files, left: int) -> Files:
    """So many events alone, the last a collection that names what is there: all that can be forged without a key."""

    def cut(bodies: list[dict[str, Any]]) -> None:
        *others, last = bodies
        kept = others[: left - 1]
        bodies[:] = [*kept, last | {"at": (kept or others)[-1]["at"]}]

    def name_them(bodies: list[dict[str, Any]]) -> None:
        bodies[-1]["data"]["filesSha256"] = files_digest(taken, record)

    short = rewritten(files, cut)
    record = record_of(short["events.jsonl"].decode(), "events.jsonl")
    taken = {name: content for name, content in unwitnessed(files).items() if name != "events.jsonl"}
    return rewritten(short, name_them)
