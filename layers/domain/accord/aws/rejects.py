"""A bus event from a queue: read field by field, or kept whole beside the reasons for which it was rejected."""

import hashlib
import json
import re
from datetime import datetime
from typing import Any

from accord import clock
from accord.aws.clients import client, translated
from accord.errors import InputRejectedError

# What a message of a queue may have, with room to spare; an event that does not fit beside the reasons is kept in S3.
_MESSAGE_BYTES = 200_000


class Rejects:
    """Where staff find what was rejected: the dead-letter queue of the intake, and a bucket for what is too long."""

    def __init__(self, queue_url: str, bucket: str) -> None:
        self._queue_url = queue_url
        self._bucket = bucket

    def keep(self, body: str, rejection: InputRejectedError) -> None:
        """Keep what was rejected, whole, beside the reasons.

        An event that a message cannot carry as it is lies in the bucket, and the message says where.
        """
        reasons = {"rejected": {"problems": rejection.problems, "at": clock.now().isoformat()}}
        message = json.dumps(reasons | {"event": body}, ensure_ascii=False)
        if _plain(message) != message or len(message.encode()) > _MESSAGE_BYTES:
            kept = self._put(body.encode(errors="surrogatepass"))
            message = _plain(json.dumps(reasons | {"eventObject": kept}, ensure_ascii=False))
        with translated():
            client("sqs").send_message(QueueUrl=self._queue_url, MessageBody=message)

    def _put(self, event: bytes) -> dict[str, str]:
        """Put an event in the bucket under its own hash, so that keeping it again changes nothing."""
        key = f"rejects/events/{hashlib.sha256(event).hexdigest()}.json"
        with translated():
            client("s3").put_object(
                Bucket=self._bucket, Key=key, Body=event, ContentType="application/json; charset=utf-8"
            )
        return {"bucket": self._bucket, "key": key}


def read_envelope(body: str) -> tuple[str, Any, datetime]:
    """What the bus says of an event: its type, its detail, and when it was sent. Raises InputRejectedError."""
    envelope = _json_object(body, "message")
    return _named(str(envelope.get("detail-type"))), envelope.get("detail"), _sent_at(envelope)


def _sent_at(envelope: dict[str, Any]) -> datetime:
    """When the event was sent, as the bus says, or the sender through it; now, where it came past the bus."""
    if "time" not in envelope:
        return clock.now()
    try:
        return datetime.fromisoformat(envelope["time"]).astimezone()
    except (TypeError, ValueError, OverflowError):
        raise InputRejectedError.of("time", "NOT_A_TIME", "should be the time that the bus gives an event") from None


def _plain(text: str) -> str:
    """Without the few characters that a queue does not carry; JSON text can name them, as in "\\ud800"."""
    return re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]", "\ufffd", text)


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON. Which of two values under one key was meant, nobody knows."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InputRejectedError.of(_named(twice), "REPEATED", "it stands there more than once in the same object")
    return found


def _named(key: str) -> str:
    """A key as a field's name, where it is one: anything else may be personal."""
    return key if re.fullmatch(r"[A-Za-z][A-Za-z0-9-]{0,40}", key) else "(no name)"


def _json_object(text: str, field: str) -> dict[str, Any]:
    try:
        # No field takes a number as long as that; cut, it is still too large, and the field is named that it stands in.
        parsed = json.loads(text, parse_int=lambda digits: int(digits[:40]), object_pairs_hook=_each_key_once)
    except ValueError as error:
        raise InputRejectedError.of(field, "NOT_JSON", f"not JSON: {error}") from None
    except RecursionError:
        raise InputRejectedError.of(field, "TOO_DEEP", "nested too deeply") from None
    if not isinstance(parsed, dict):
        raise InputRejectedError.of(field, "NOT_AN_OBJECT", "not a JSON object")
    return parsed
