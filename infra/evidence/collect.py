"""Collects all evidence of one case from a deployed stack into the files of a bundle."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from accord.anchors import ChainEnd, Signed, path
from accord.audit import Record, Stores, UnreadableError, lines_of, read_document, read_tables, stores_of
from accord.drawing import drawing_key
from accord.events import ChainedEvent
from infra.evidence.keys import anchor_pem, seal_pem

if TYPE_CHECKING:
    from accord.aws.anchors import Anchors

_README = Path(__file__).with_name("README.txt")
# A chain that grew is under the root of the following night; one that failed is made good by a later one.
_NIGHTS = 8


def collect(case_id: str, stack: str, now: datetime) -> dict[str, bytes]:
    """The files of a case's bundle. Raises UnreadableError where a part of the evidence cannot be read."""
    stores = stores_of(stack)
    record = read_tables(case_id, stores)
    collected_at = now.astimezone(UTC).isoformat(timespec="seconds")
    files = {
        "README.txt": _README.read_bytes(),
        "bundle.json": _pretty({"v": 1, "case_id": case_id, "collected_at": collected_at}),
        "events.jsonl": "".join(f"{line}\n" for line in lines_of(record)).encode(),
    }
    if record.agreement is not None:
        files["terms.json"] = record.agreement.terms.encode()
        if record.agreement.drawing_sha256 is not None:
            files |= _drawing(drawing_key(case_id, record.agreement.drawing_sha256), stores)
        if record.agreement.document_key is not None:
            files |= _document(record.agreement.document_key, stores)
    files |= _anchors(record, stores)
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


def _anchors(record: Record, stores: Stores) -> dict[str, bytes]:
    """The statements of the case, and of each night that tells of it, with the way from its leaf to the root."""
    from accord.aws.anchors import Anchors

    if stores.anchors_bucket is None or stores.anchor_key_arn is None:
        raise UnreadableError("the stack has no output AnchorsBucketName, or no output AnchorKeyArn")
    anchors = Anchors(stores.anchors_bucket, stores.anchor_key_arn)
    try:
        files = {"keys/anchor.pem": anchor_pem(stores.anchor_key_arn)}
        for signed in anchors.of_case(record.case_id):
            files |= _statement(f"anchors/{signed.told['count']:010}", signed)
        for day, signed, ends in _nights(record, anchors):
            index = next(number for number, end in enumerate(ends) if end.case == record.case_id)
            files |= _statement(f"days/{day}", signed)
            way = {"end": ends[index].model_dump(), "index": index, "path": path(ends, index)}
            files[f"days/{day}.path.json"] = _pretty(way)
    except Exception as error:  # whatever it is, the evidence would not be whole
        raise UnreadableError(f"{type(error).__name__}: {error}") from error
    return files


def _nights(record: Record, anchors: "Anchors") -> Iterator[tuple[date, Signed, list[ChainEnd]]]:
    """The nights whose root stands over this case, the earliest first."""
    events = (event for event in record.events if isinstance(event, ChainedEvent))
    grew_on = {event.moment.astimezone(UTC).date() for event in events}
    kept = anchors.days_from(min(grew_on))
    for day in sorted({night for grown in grew_on for night in [one for one in kept if one >= grown][:_NIGHTS]}):
        found = anchors.of_day(day)
        if found is not None and any(end.case == record.case_id for end in found[1]):
            yield day, *found


def _statement(name: str, signed: Signed) -> dict[str, bytes]:
    """A statement as `openssl dgst -verify` takes it: the bytes that were signed, and the signature."""
    return {f"{name}.body": signed.body.encode(), f"{name}.sig": base64.b64decode(signed.signature)}


def _pretty(told: dict[str, Any]) -> bytes:
    return (json.dumps(told, indent=2, ensure_ascii=False) + "\n").encode()
