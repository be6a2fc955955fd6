"""The anchors' bucket: signed with a key of their own, written once, and locked so that nobody can take them back."""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError
from pydantic import ValidationError

from accord.anchors import ALGORITHM, ChainEnd, Signed, case_statement, day_statement
from accord.aws.clients import client, error_code, translated
from accord.errors import AnchorDamagedError

# How far back the first night of all looks; every later one looks back to the night before it, however long ago.
LOOK_BACK = timedelta(days=14)


class Anchors:
    """Signs and keeps what chains were, and finds it again."""

    def __init__(self, bucket: str, key_arn: str) -> None:
        self._bucket = bucket
        self._key_arn = key_arn

    def anchor(self, end: ChainEnd, now: datetime) -> bool:
        """Keep where a chain ended, once; False where that is kept already."""
        key = _of_event(end.case, end.count)
        kept = self._first_versions(_of_case(end.case))
        if key in kept:
            return False
        earlier = max((found for found in kept if found < key), default=None)
        before = self._signed(earlier, kept) if earlier else None
        return self._keep(key, case_statement(end, now, self._key_arn, before))

    def is_anchored(self, case_id: str, count: int) -> bool:
        """Whether it is kept where the chain of a case ended with so many events."""
        key = _of_event(case_id, count)
        return key in self._first_versions(key)

    def of_case(self, case_id: str) -> list[Signed]:
        """The anchors of a case, the earliest first. Raises AnchorDamagedError."""
        kept = self._first_versions(_of_case(case_id))
        return [self._signed(key, kept) for key in sorted(kept)]

    def days(self) -> list[date]:
        """The days whose roots are kept, the earliest first."""
        return sorted(date.fromisoformat(key[5:15]) for key in self._first_versions("days/") if key.endswith(".json"))

    def anchor_day(self, day: date, ends: Sequence[ChainEnd], now: datetime, last: date | None) -> bool:
        """Keep the root over the ends of the chains that grew, once a day; False where it is kept already.

        `last` is the latest day before it whose root is kept. Raises AnchorDamagedError.
        """
        if _of_day(day) in self._first_versions(_of_day(day)):
            return False
        before = self._signed(_of_day(last), self._first_versions(_of_day(last))) if last else None
        statement = day_statement(day, ends, now, self._key_arn, before)
        # The leaves first, under their root: a failure between the two leaves nothing that is named wrongly.
        leaves = "".join(f"{end.model_dump_json()}\n" for end in ends)
        self._put(_leaves_of(day, json.loads(statement)["root"]), leaves.encode())
        return self._keep(_of_day(day), statement)

    def stamp_day(self, day: date, stamp: Callable[[bytes], bytes]) -> bool:
        """Keep what an authority says of the time at which a day's root was there, once; False where that is kept.

        What `stamp` raises passes through: another night asks again. Raises AnchorDamagedError.
        """
        kept = self._first_versions(_about_day(day))
        if _stamp_of(day) in kept:
            return False
        statement = self._signed(_of_day(day), kept).body.encode()
        return self._put(_stamp_of(day), stamp(statement), "application/timestamp-reply")

    def stamp_of(self, day: date) -> bytes | None:
        """The authority's token over the root of a day (RFC 3161, DER); None where there is none."""
        return self._read(_stamp_of(day), self._first_versions(_stamp_of(day)))

    def of_day(self, day: date) -> tuple[Signed, list[ChainEnd]] | None:
        """What is kept of a day, and the ends under its root; None where nothing is. Raises AnchorDamagedError."""
        kept = self._first_versions(_about_day(day))
        if _of_day(day) not in kept:
            return None
        signed = self._signed(_of_day(day), kept)
        leaves = self._read(_leaves_of(day, str(signed.told.get("root"))), kept) or b""
        try:
            return signed, [ChainEnd.model_validate_json(line) for line in leaves.splitlines()]
        except ValidationError:
            raise AnchorDamagedError(f"the leaves of {day}") from None

    def _keep(self, key: str, statement: bytes) -> bool:
        with translated():
            answer = client("kms").sign(
                KeyId=self._key_arn, Message=statement, MessageType="RAW", SigningAlgorithm=ALGORITHM
            )
        signature = base64.b64encode(answer["Signature"]).decode()
        return self._put(key, Signed(body=statement.decode(), signature=signature).model_dump_json().encode())

    def _put(self, key: str, content: bytes, kind: str = "application/json") -> bool:
        """Write what nobody wrote before; False where somebody did."""
        try:
            with translated():
                client("s3").put_object(Bucket=self._bucket, Key=key, Body=content, ContentType=kind, IfNoneMatch="*")
        except ClientError as error:
            if error_code(error) != "PreconditionFailed":
                raise
            return False
        return True

    def _first_versions(self, prefix: str) -> dict[str, str]:
        """The keys, and of each the version that was written first, which counts: the lock keeps every version.

        What the lock does not bar, and only the bucket's policy does, is what is put over it or hides it. So nothing
        is read by its key alone.
        """
        with translated():
            pages = client("s3").get_paginator("list_object_versions")
            found = pages.paginate(Bucket=self._bucket, Prefix=prefix)
            # The newest of a key comes first, so the last one that is read is the oldest.
            return {item["Key"]: item["VersionId"] for page in found for item in page.get("Versions", ())}

    def _signed(self, key: str, kept: Mapping[str, str]) -> Signed:
        try:
            return Signed.model_validate_json(self._read(key, kept) or b"")
        except ValidationError:
            raise AnchorDamagedError(key) from None

    def _read(self, key: str, kept: Mapping[str, str]) -> bytes | None:
        """What is kept under a key; None where it is not among those that are kept."""
        if key not in kept:
            return None
        with translated():
            answer = client("s3").get_object(Bucket=self._bucket, Key=key, VersionId=kept[key])
            content: bytes = answer["Body"].read()
        return content


def _of_case(case_id: str) -> str:
    return f"cases/{case_id}/"


def _of_event(case_id: str, count: int) -> str:
    return f"{_of_case(case_id)}{count:010}.json"


def _about_day(day: date) -> str:
    return f"days/{day}"


def _of_day(day: date) -> str:
    return f"{_about_day(day)}.json"


def _stamp_of(day: date) -> str:
    return f"{_about_day(day)}.tsr"


def _leaves_of(day: date, root: str) -> str:
    return f"{_about_day(day)}/{root}.jsonl"


def public_key(key_arn: str) -> bytes:
    """The public half of a signing key (DER, SubjectPublicKeyInfo)."""
    with translated():
        answer: dict[str, Any] = client("kms").get_public_key(KeyId=key_arn)
    return bytes(answer["PublicKey"])
