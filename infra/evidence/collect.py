"""Collects all evidence of one case from a deployed stack into the files of a bundle.

That it was collected is an event of the case itself, and its anchor bears witness to every event before it: whoever
cuts the chain or writes it anew afterwards would have to sign that anchor.
"""

import base64
import json
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, timedelta
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from accord.anchors import ChainEnd, Signed, path
from accord.audit import Record, Stores, UnreadableError, lines_of, read_document, read_tables, stores_of
from accord.case import Case, Change
from accord.drawing import drawing_key
from accord.errors import CaseDamagedError, CaseNotFoundError, ChainBrokenError
from accord.events import Actor, AgreementSealed, ChainedEvent, EvidenceCollected
from infra.evidence.bundle import manifest
from infra.evidence.keys import anchor_pem, seal_pem

if TYPE_CHECKING:
    from accord.aws.anchors import Anchors

VERSION = 3  # of what a bundle holds, and of what its collection names
README = Path(__file__).with_name("README.txt")
# A chain that grew is under the root of the following night; one that failed is made good by a later one.
_NIGHTS = 8
_ANCHORED_WITHIN = timedelta(minutes=1)
_ATTEMPTS = 3


def collect(case_id: str, stack: str, who: str) -> dict[str, bytes]:
    """The files of a case's bundle, after `who` took it has become the last event of its chain.

    A case that is not there or is damaged says nothing any more; what is left of its chain is collected all the same.
    Raises UnreadableError where a part of the evidence cannot be read, or the case did not hold still.
    """
    from accord.aws.anchors import Anchors

    stores = stores_of(stack)
    if stores.anchors_bucket is None or stores.anchor_key_arn is None:
        raise UnreadableError("the stack has no output AnchorsBucketName, or no output AnchorKeyArn")
    anchors = Anchors(stores.anchors_bucket, stores.anchor_key_arn)
    for _ in range(_ATTEMPTS):
        record = read_tables(case_id, stores)
        taken, nights = _taken(record, stores, stores.anchor_key_arn), _night_statements(record, anchors)
        if record.claims:
            digest = files_digest(taken | nights, record)
            _say_it(record.case_id, stores, anchors, digest, who)
            record = read_tables(case_id, stores)
            found = _taken(record, stores, stores.anchor_key_arn) | nights
            if files_digest(found, record) != digest or not _ends_with_it(record):
                continue  # the case went on meanwhile
        chain = "".join(f"{line}\n" for line in lines_of(record)).encode()
        return {**taken, **nights, "events.jsonl": chain, **_case_statements(record, anchors)}
    raise UnreadableError(f"{case_id} is changing right now; try again in a moment")


def files_digest(files: dict[str, bytes], record: Record) -> str:
    """What the event of a collection says of the files that were taken, and of what the case says was agreed.

    What an agreement does not hold is not written, so that what later ones may hold changes nothing of this one.
    """
    agreed = record.model_dump_json(include={"agreement"}, exclude_none=True)
    return sha256(manifest(files) + agreed.encode()).hexdigest()


def bundle_json(case_id: str) -> bytes:
    """What kind of bundle it is, and of which case."""
    return pretty({"v": VERSION, "case_id": case_id})


def way_json(end: ChainEnd, index: int, way: tuple[str, ...]) -> bytes:
    """The way from a case to the root of a night."""
    return pretty({"end": end.model_dump(), "index": index, "path": way})


def pretty(told: dict[str, Any]) -> bytes:
    """JSON for people, in one form."""
    return (json.dumps(told, indent=2, ensure_ascii=False) + "\n").encode()


def _taken(record: Record, stores: Stores, anchor_key_arn: str) -> dict[str, bytes]:
    """All that is taken beside the chain and what was signed of it.

    The document is the one that the chain names, so that it is there also where the case is not.
    """
    with _read_whole():
        key = anchor_pem(anchor_key_arn)
    files = {"README.txt": README.read_bytes(), "bundle.json": bundle_json(record.case_id), "keys/anchor.pem": key}
    if record.agreement is not None:
        files["terms.json"] = record.agreement.terms.encode()
        if record.agreement.drawing_sha256 is not None:
            files |= _drawing(drawing_key(record.case_id, record.agreement.drawing_sha256), stores)
    sealed = [event for event in _whole_events(record) if event.type == AgreementSealed.__name__]
    for event in sealed[-1:]:
        with suppress(ChainBrokenError):  # what is wrong with the event, `accord verify` says
            files |= _document(event.told("documentKey"), stores)
    return files


def _drawing(key: str, stores: Stores) -> dict[str, bytes]:
    try:
        return {"signature.txt": read_document(stores.documents_bucket, key)}
    except FileNotFoundError:
        return {}  # its absence is for `accord verify` to tell


def _document(key: str, stores: Stores) -> dict[str, bytes]:
    try:
        document = read_document(stores.documents_bucket, key)
    except FileNotFoundError:
        return {}  # its absence is for `accord verify` to tell
    return {"agreement.pdf": document} | ({"keys/seal.pem": pem} if (pem := seal_pem(document)) else {})


def _say_it(case_id: str, stores: Stores, anchors: "Anchors", digest: str, who: str) -> None:
    """Put the collection into the chain, and wait until it is anchored."""
    from accord.aws.store import CaseStore

    event, actor = EvidenceCollected(files_sha256=digest), Actor(kind="STAFF", id=who)
    store = CaseStore(stores.cases_table, stores.events_table)

    def say(case: Case) -> Change:
        return Change(case, (event,), actor, {"count": case.version + 1})

    with _read_whole(), suppress(CaseNotFoundError, CaseDamagedError):  # such a one says nothing any more
        count = store.change(case_id, f"evidence/{uuid.uuid4()}", say)["count"]
        until = time.monotonic() + _ANCHORED_WITHIN.total_seconds()
        while not anchors.is_anchored(case_id, count):
            if time.monotonic() > until:
                raise UnreadableError(
                    f"the collection of the evidence is event {count} of {case_id}, and nobody has signed the chain up "
                    "to it: look at the queue of the anchors and its dead letters, then collect again"
                )
            time.sleep(0.1)


def _ends_with_it(record: Record) -> bool:
    last = record.events[-1] if record.events else None
    return isinstance(last, ChainedEvent) and last.type == EvidenceCollected.__name__ and last.seq == record.count


def _case_statements(record: Record, anchors: "Anchors") -> dict[str, bytes]:
    """What was signed of the case."""
    files: dict[str, bytes] = {}
    with _read_whole():
        for signed in anchors.of_case(record.case_id):
            files |= _statement(f"anchors/{signed.told['count']:010}", signed)
    return files


def _night_statements(record: Record, anchors: "Anchors") -> dict[str, bytes]:
    """What was signed of each night that tells of the case, with the way from its leaf to the root."""
    files: dict[str, bytes] = {}
    with _read_whole():
        for day, signed, ends in _nights(record, anchors):
            index = next(number for number, end in enumerate(ends) if end.case == record.case_id)
            files |= _statement(f"days/{day}", signed)
            if (token := anchors.stamp_of(day)) is not None:
                files[f"days/{day}.tsr"] = token
            files[f"days/{day}.path.json"] = way_json(ends[index], index, path(ends, index))
    return files


def _nights(record: Record, anchors: "Anchors") -> Iterator[tuple[date, Signed, list[ChainEnd]]]:
    """The nights whose root stands over this case, the earliest first."""
    grew_on = {event.moment.astimezone(UTC).date() for event in _whole_events(record)}
    kept = anchors.days()
    for day in sorted({night for grown in grew_on for night in [one for one in kept if one >= grown][:_NIGHTS]}):
        found = anchors.of_day(day)
        if found is not None and any(end.case == record.case_id for end in found[1]):
            yield day, *found


@contextmanager
def _read_whole() -> Iterator[None]:
    """Whatever fails, the evidence would not be whole. Raises UnreadableError."""
    try:
        yield
    except UnreadableError:
        raise
    except Exception as error:
        raise UnreadableError(f"{type(error).__name__}: {error}") from error


def _whole_events(record: Record) -> list[ChainedEvent]:
    return [event for event in record.events if isinstance(event, ChainedEvent)]


def _statement(name: str, signed: Signed) -> dict[str, bytes]:
    """A statement as `openssl dgst -verify` takes it: the bytes that were signed, and the signature."""
    return {f"{name}.body": signed.body.encode(), f"{name}.sig": base64.b64decode(signed.signature)}
