"""Collects all evidence of one case from a deployed stack into the files of a bundle.

That it was collected is an event of the case itself, and its anchor bears witness to every event before it: whoever
cuts the chain or writes it anew afterwards would have to sign that anchor.
"""

import base64
import json
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, date, timedelta
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from accord.anchors import ChainEnd, Signed, path
from accord.audit import Record, Stores, UnreadableError, lines_of, read_document, read_tables, stores_of
from accord.case import Case, Change
from accord.drawing import drawing_key
from accord.errors import CaseDamagedError, CaseNotFoundError
from accord.events import Actor, ChainedEvent, EvidenceCollected
from infra.evidence.bundle import manifest
from infra.evidence.keys import anchor_pem, seal_pem

if TYPE_CHECKING:
    from accord.aws.anchors import Anchors

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
        taken = _taken(record, stores, stores.anchor_key_arn)
        if not record.lost:
            _say_it(record.case_id, stores, anchors, files_digest(taken, record), who)
            record = read_tables(case_id, stores)
            if _taken(record, stores, stores.anchor_key_arn) != taken or not _ends_with_it(record):
                continue  # the case went on meanwhile
        chain = "".join(f"{line}\n" for line in lines_of(record)).encode()
        return {**taken, "events.jsonl": chain, **_statements(record, anchors)}
    raise UnreadableError(f"{case_id} is changing right now; try again in a moment")


def files_digest(files: dict[str, bytes], record: Record) -> str:
    """What the event of a collection says of the files that were taken, and of what the case says was agreed."""
    agreed = "" if record.agreement is None else record.agreement.model_dump_json()
    return sha256(manifest(files) + agreed.encode()).hexdigest()


def bundle_json(case_id: str) -> bytes:
    """What kind of bundle it is, and of which case."""
    return pretty({"v": 2, "case_id": case_id})


def way_json(end: ChainEnd, index: int, way: tuple[str, ...]) -> bytes:
    """The way from a case to the root of a night."""
    return pretty({"end": end.model_dump(), "index": index, "path": way})


def pretty(told: dict[str, Any]) -> bytes:
    """JSON for people, in one form."""
    return (json.dumps(told, indent=2, ensure_ascii=False) + "\n").encode()


def _taken(record: Record, stores: Stores, anchor_key_arn: str) -> dict[str, bytes]:
    """All that is taken beside the chain and what was signed of it."""
    try:
        key = anchor_pem(anchor_key_arn)
    except Exception as error:  # whatever it is, the evidence would not be whole
        raise UnreadableError(f"{type(error).__name__}: {error}") from error
    files = {"README.txt": README.read_bytes(), "bundle.json": bundle_json(record.case_id), "keys/anchor.pem": key}
    if record.agreement is not None:
        files["terms.json"] = record.agreement.terms.encode()
        if record.agreement.drawing_sha256 is not None:
            files |= _drawing(drawing_key(record.case_id, record.agreement.drawing_sha256), stores)
        if record.agreement.document_key is not None:
            files |= _document(record.agreement.document_key, stores)
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

    try:
        count = store.change(case_id, f"evidence/{uuid.uuid4()}", say)["count"]
        until = time.monotonic() + _ANCHORED_WITHIN.total_seconds()
        while all(signed.told.get("count") != count for signed in anchors.of_case(case_id)):
            if time.monotonic() > until:
                raise UnreadableError(
                    f"the collection of the evidence is event {count} of {case_id}, and nobody has signed the chain up "
                    "to it: look at the queue of the anchors and its dead letters, then collect again"
                )
            time.sleep(0.1)
    except (CaseNotFoundError, CaseDamagedError):
        return  # it says nothing any more
    except UnreadableError:
        raise
    except Exception as error:  # whatever it is, the evidence would not be whole
        raise UnreadableError(f"{type(error).__name__}: {error}") from error


def _ends_with_it(record: Record) -> bool:
    last = record.events[-1] if record.events else None
    return isinstance(last, ChainedEvent) and last.type == EvidenceCollected.__name__ and last.seq == record.count


def _statements(record: Record, anchors: "Anchors") -> dict[str, bytes]:
    """The statements of the case, and of each night that tells of it, with the way from its leaf to the root."""
    files: dict[str, bytes] = {}
    try:
        for signed in anchors.of_case(record.case_id):
            files |= _statement(f"anchors/{signed.told['count']:010}", signed)
        for day, signed, ends in _nights(record, anchors):
            index = next(number for number, end in enumerate(ends) if end.case == record.case_id)
            files |= _statement(f"days/{day}", signed)
            if (token := anchors.stamp_of(day)) is not None:
                files[f"days/{day}.tsr"] = token
            files[f"days/{day}.path.json"] = way_json(ends[index], index, path(ends, index))
    except Exception as error:  # whatever it is, the evidence would not be whole
        raise UnreadableError(f"{type(error).__name__}: {error}") from error
    return files


def _nights(record: Record, anchors: "Anchors") -> Iterator[tuple[date, Signed, list[ChainEnd]]]:
    """The nights whose root stands over this case, the earliest first."""
    events = (event for event in record.events if isinstance(event, ChainedEvent))
    grew_on = {event.moment.astimezone(UTC).date() for event in events}
    kept = anchors.days()
    for day in sorted({night for grown in grew_on for night in [one for one in kept if one >= grown][:_NIGHTS]}):
        found = anchors.of_day(day)
        if found is not None and any(end.case == record.case_id for end in found[1]):
            yield day, *found


def _statement(name: str, signed: Signed) -> dict[str, bytes]:
    """A statement as `openssl dgst -verify` takes it: the bytes that were signed, and the signature."""
    return {f"{name}.body": signed.body.encode(), f"{name}.sig": base64.b64decode(signed.signature)}
