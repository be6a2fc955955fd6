"""A portfolio file in S3, and what screening writes beside it: the manifest, the rejects and the summary.

`portfolio/<name>` is read; `manifests/`, `rejects/` and `summaries/` + `<name>/<etag>` are written. Only the first
holds personal data.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from botocore.exceptions import ClientError
from pydantic import AwareDatetime, BaseModel, ConfigDict

from accord.aws.clients import client, error_code, translated
from accord.errors import InputRejectedError

_CHUNK = 1024 * 1024
_GONE = frozenset({"NoSuchKey", "PreconditionFailed"})


class PortfolioFile(BaseModel):
    """One content of one file, as the event `Object Created` names it."""

    model_config = ConfigDict(frozen=True)

    bucket: str
    key: str
    etag: str
    sent_at: AwareDatetime

    def chunks(self) -> Iterator[bytes]:
        """The whole file, piece by piece. Raises InputRejectedError when it was replaced or removed meanwhile."""
        with translated():
            yield from self._get().iter_chunks(_CHUNK)

    def read(self, start: int, end: int) -> bytes:
        """The bytes from `start` up to `end`. Raises InputRejectedError when the file was replaced or removed."""
        with translated():
            data: bytes = self._get(Range=f"bytes={start}-{end - 1}").read()
        return data

    def write(self, folder: str, name: str, lines: Iterable[Any]) -> str:
        """Write JSON, one document a line, beside the file; return its key. The same name is written over."""
        key = f"{folder}/{self.key.removeprefix('portfolio/')}/{self.etag}{name}"
        body = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        with translated():
            client("s3").put_object(
                Bucket=self.bucket, Key=key, Body=body.encode(), ContentType="application/json; charset=utf-8"
            )
        return key

    def _get(self, **which: str) -> Any:
        try:
            return client("s3").get_object(Bucket=self.bucket, Key=self.key, IfMatch=self.etag, **which)["Body"]
        except ClientError as error:
            if error_code(error) in _GONE:
                problem = "it was replaced or removed while it was read; a new file is screened by itself"
                raise InputRejectedError.of("file", "REPLACED", problem) from error
            raise
