"""What an outside authority says of the time (RFC 3161): asked for a statement, and checked without the network."""

import asyncio
import hashlib
from dataclasses import dataclass
from datetime import datetime

from asn1crypto import cms, pem, x509
from pyhanko.sign.timestamps import HTTPTimeStamper
from pyhanko.sign.timestamps.common_utils import TimestampRequestError
from pyhanko.sign.validation.generic_cms import validate_tst_signed_data
from pyhanko_certvalidator import ValidationContext

from accord.errors import TimeStampError

_ANSWERS_WITHIN = 5  # seconds


@dataclass(frozen=True)
class TimeStamp:
    """What a token says: when the statement was there, and whether the authority is one of the trusted."""

    at: datetime
    trusted: bool


def time_stamp(statement: bytes, url: str) -> bytes:
    """The authority's token over a statement (DER). Raises TimeStampError when it does not answer, or with no token."""
    digest = hashlib.sha256(statement).digest()
    try:
        return bytes(
            asyncio.run(HTTPTimeStamper(url, timeout=_ANSWERS_WITHIN).async_timestamp(digest, "sha256")).dump()
        )
    except (TimestampRequestError, TimeoutError, ValueError) as error:
        raise TimeStampError(type(error).__name__) from error


def read_time_stamp(token: bytes, statement: bytes, trust_roots_pem: str) -> TimeStamp | None:
    """What a token says of a statement; None where it is none, is of another statement, or is not signed as it must be.

    Never raises for a bad token.
    """
    blocks = pem.unarmor(trust_roots_pem.encode(), multiple=True) if trust_roots_pem else ()
    roots = [x509.Certificate.load(der) for _, _, der in blocks]

    def imprint(algorithm: str) -> bytes:
        return hashlib.new(algorithm, statement).digest()

    try:
        signed = cms.ContentInfo.load(token, strict=True)["content"]
        moment = signed["encap_content_info"]["content"].parsed["gen_time"].native
        context = ValidationContext(trust_roots=roots, allow_fetching=False, moment=moment)
        found = asyncio.run(validate_tst_signed_data(signed, context, imprint))
    except Exception:  # a damaged or hostile token fails anywhere in the parser
        return None
    if not (found["intact"] and found["valid"]):
        return None
    return TimeStamp(at=found["timestamp"], trusted=found.get("trust_problem_indic") is None)
