"""The anchors' bucket: signed with a key of their own, written once, and locked so that nobody can take them back."""

import base64
import json
from collections.abc import Callable, Sequence
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
        key = f"{_of_case(end.case)}{end.count:010}.json"
        kept = self._keys(_of_case(end.case))
        if key in kept:
            return False
        earlier = [found for found in kept if found < key]
        before = self._signed(earlier[-1]) if earlier else None
        return self._keep(key, case_statement(end, now, self._key_arn, before))

    def of_case(self, case_id: str) -> list[Signed]:
        """The anchors of a case, the earliest first. Raises AnchorDamagedError."""
        return [self._signed(key) for key in self._keys(_of_case(case_id))]

    def days_from(self, day: date) -> list[date]:
        """The days from `day` on whose roots are kept, the earliest first."""
        days = (date.fromisoformat(key[5:15]) for key in self._keys("days/") if key.endswith(".json"))
        return sorted(found for found in days if found >= day)

    def last_day_before(self, day: date) -> date | None:
        """The latest day before `day` whose root is kept, however long that is ago; None where there is none."""
        return max((found for found in self.days_from(date.min) if found < day), default=None)

    def anchor_day(self, day: date, ends: Sequence[ChainEnd], now: datetime) -> bool:
        """Keep the root over the ends of the chains that grew, once a day; False where it is kept already."""
        if self._read(_of_day(day)) is not None:
            return False
        last = self.last_day_before(day)
        statement = day_statement(day, ends, now, self._key_arn, self._signed(_of_day(last)) if last else None)
        # The leaves first, under their root: a failure between the two leaves nothing that is named wrongly.
        leaves = "".join(f"{end.model_dump_json()}\n" for end in ends)
        self._put(_leaves_of(day, json.loads(statement)["root"]), leaves.encode())
        return self._keep(_of_day(day), statement)

    def stamp_day(self, day: date, stamp: Callable[[bytes], bytes]) -> bool:
        """Keep what an authority says of the time at which a day's root was there, once; False where that is kept.

        What `stamp` raises passes through: another night asks again.
        """
        if self._first_versions(_stamp_of(day)):
            return False
        return self._put(_stamp_of(day), stamp(self._signed(_of_day(day)).body.encode()), "application/timestamp-reply")

    def stamp_of(self, day: date) -> bytes | None:
        """The authority's token over the root of a day (RFC 3161, DER); None where there is none."""
        return self._read_bytes(_stamp_of(day))

    def of_day(self, day: date) -> tuple[Signed, list[ChainEnd]] | None:
        """What is kept of a day, and the ends under its root; None where nothing is. Raises AnchorDamagedError."""
        if self._read(_of_day(day)) is None:
            return None
        signed = self._signed(_of_day(day))
        leaves = self._read(_leaves_of(day, str(signed.told.get("root")))) or ""
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

    def _keys(self, prefix: str) -> list[str]:
        return sorted(self._first_versions(prefix))

    def _first_versions(self, prefix: str) -> dict[str, str]:
        """The version that was written first of each key. No lock bars what is put over it or hides it."""
        with translated():
            pages = client("s3").get_paginator("list_object_versions")
            found = pages.paginate(Bucket=self._bucket, Prefix=prefix)
            # The newest of a key comes first, so the last one that is read is the oldest.
            return {item["Key"]: item["VersionId"] for page in found for item in page.get("Versions", ())}

    def _signed(self, key: str) -> Signed:
        try:
            return Signed.model_validate_json(self._read(key) or "")
        except ValidationError:
            raise AnchorDamagedError(key) from None

    def _read(self, key: str) -> str | None:
        content = self._read_bytes(key)
        return None if content is None else content.decode(errors="replace")

    def _read_bytes(self, key: str) -> bytes | None:
        """What is kept under a key. The first that was written counts: the bucket has versions, and locks them all."""
        version = self._first_versions(key).get(key)
        if version is None:
            return None
        with translated():
            answer = client("s3").get_object(Bucket=self._bucket, Key=key, VersionId=version)
            content: bytes = answer["Body"].read()
        return content


def _of_case(case_id: str) -> str:
    return f"cases/{case_id}/"


def _of_day(day: date) -> str:
    return f"days/{day}.json"


def _stamp_of(day: date) -> str:
    return f"days/{day}.tsr"


def _leaves_of(day: date, root: str) -> str:
    return f"days/{day}/{root}.jsonl"


def public_key(key_arn: str) -> bytes:
    """The public half of a signing key (DER, SubjectPublicKeyInfo)."""
    with translated():
        answer: dict[str, Any] = client("kms").get_public_key(KeyId=key_arn)
    return bytes(answer["PublicKey"])
