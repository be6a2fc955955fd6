"""Putting events on the bus: in batches, every entry's answer checked, only the refused ones sent again."""

import json
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from accord.aws.clients import client, translated
from accord.errors import ServiceUnavailableError

_BATCH = 10  # what one PutEvents call takes
_ATTEMPTS = 5


@dataclass(frozen=True)
class BusEntry:
    """One event for a bus. `time` is when it was said, where that is not now."""

    source: str
    detail_type: str
    detail: Mapping[str, Any]
    time: datetime | None = None


def put_events(bus: str, entries: Sequence[BusEntry]) -> None:
    """Put events on a bus, in their order as far as the bus keeps one.

    Raises ServiceUnavailableError when the bus still refuses some after several attempts; then the caller repeats the
    whole call, which does no harm because every detail carries its eventId.
    """
    waiting = [
        {
            "EventBusName": bus,
            "Source": entry.source,
            "DetailType": entry.detail_type,
            "Detail": json.dumps(entry.detail, ensure_ascii=False, separators=(",", ":")),
            **({"Time": entry.time} if entry.time is not None else {}),
        }
        for entry in entries
    ]
    for start in range(0, len(waiting), _BATCH):
        _put_batch(waiting[start : start + _BATCH])


def _put_batch(waiting: list[dict[str, Any]]) -> None:
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(random.uniform(0, 0.05 * 2**attempt))  # noqa: S311 - jitter, not a secret
        with translated():
            answer = client("events").put_events(Entries=waiting)
        if answer["FailedEntryCount"] == 0:
            return
        refused = [(entry, told) for entry, told in zip(waiting, answer["Entries"], strict=True) if "ErrorCode" in told]
        waiting = [entry for entry, _ in refused]
        codes = sorted({told["ErrorCode"] for _, told in refused})
    raise ServiceUnavailableError(f"the bus refused {len(waiting)} events: {', '.join(codes)}")
