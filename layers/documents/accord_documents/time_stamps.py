"""What an outside authority says of the time (RFC 3161): asked for a statement, and checked without the network."""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from asn1crypto import cms, pem, x509
from pyhanko.sign.timestamps import HTTPTimeStamper
from pyhanko.sign.validation.generic_cms import validate_tst_signed_data
from pyhanko_certvalidator import ValidationContext

from accord.errors import TimeStampError

_ANSWERS_WITHIN = 5  # seconds
# The ways from one to a root are as many as their orders, and anybody may add some: a hostile twenty take for ever.
MOST_CERTIFICATES = 6


@dataclass(frozen=True)
class TimeStamp:
    """What a token says: when the statement was there, and whether the authority is one of the trusted.

    One whose certificate was not valid at that time is not.
    """

    at: datetime
    trusted: bool


class Authority(HTTPTimeStamper):
    """An authority at its address. Its answer is checked at once: what is kept with a wrong one cannot be mended."""

    def __init__(self, url: str) -> None:
        super().__init__(url, timeout=_ANSWERS_WITHIN)

    async def async_timestamp(self, message_digest: bytes, md_algorithm: str) -> cms.ContentInfo:
        """Its token over a digest. Raises TimeStampError when it does not answer, or not with such a token."""
        try:
            token = await super().async_timestamp(message_digest, md_algorithm)
        except Exception as error:  # a damaged or hostile answer fails anywhere in the parser
            raise TimeStampError(type(error).__name__) from error

        def imprint(algorithm: str) -> bytes:
            return message_digest if algorithm == md_algorithm else b""

        if await _read(token.dump(), imprint, ()) is None:
            raise TimeStampError("the token is not of what was asked for, or not signed as it must be")
        return token


def time_stamp(statement: bytes, url: str) -> bytes:
    """The authority's token over a statement (DER). Raises TimeStampError when it does not answer with one."""
    digest = hashlib.sha256(statement).digest()
    return bytes(asyncio.run(Authority(url).async_timestamp(digest, "sha256")).dump())


def read_time_stamp(token: bytes, statement: bytes, trust_roots_pem: str) -> TimeStamp | None:
    """What a token says of a statement; None where it is none, is of another statement, or is not signed as it must be.

    Never raises for a bad token.
    """

    def imprint(algorithm: str) -> bytes:
        return hashlib.new(algorithm, statement).digest()

    return asyncio.run(_read(token, imprint, certificates_in(trust_roots_pem)))


async def _read(token: bytes, imprint: Callable[[str], bytes], roots: Sequence[x509.Certificate]) -> TimeStamp | None:
    try:
        signed = cms.ContentInfo.load(token, strict=True)["content"]
        if len(signed["certificates"]) > MOST_CERTIFICATES:
            return None
        moment = signed["encap_content_info"]["content"].parsed["gen_time"].native
        # Who trusts nobody has its own certificates for roots: then the signature alone is asked for.
        own = [certificate.chosen for certificate in signed["certificates"]]
        context = ValidationContext(trust_roots=roots or own, allow_fetching=False, moment=moment)
        found = await validate_tst_signed_data(signed, context, imprint)
        leads_to_root = bool(roots) and found.get("trust_problem_indic") is None
        is_trusted = leads_to_root and is_valid_at(found["signing_cert"], moment)
    except Exception:  # a damaged or hostile token fails anywhere in the parser
        return None
    return TimeStamp(at=moment, trusted=is_trusted) if found["intact"] and found["valid"] else None


def certificates_in(text: str) -> list[x509.Certificate]:
    """The certificates in a PEM text, which may be empty."""
    return [x509.Certificate.load(der) for _, _, der in pem.unarmor(text.encode(), multiple=True)] if text else []


def is_valid_at(certificate: x509.Certificate, moment: datetime) -> bool:
    """Whether a moment lies in a certificate's lifetime. Of one that is itself a root, path validation does not ask."""
    return bool(certificate.not_valid_before <= moment <= certificate.not_valid_after)
