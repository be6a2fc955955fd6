"""Checking a sealed PDF, without AWS and without the network."""

import hashlib
import io
from dataclasses import dataclass
from datetime import datetime

from asn1crypto import cms
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import MDPPerm
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext

from accord_documents.time_stamps import MOST_CERTIFICATES, certificates_in, is_valid_at, read_time_stamp

# Asked in this order; the first that does not hold is the reason told.
_PROBLEMS = (
    ("intact", "the document was changed after it was sealed"),
    ("valid", "the seal's signature is wrong"),
    ("trusted", "the seal's certificate does not lead to a trusted root, or was not valid at that moment"),
    ("whole_file", "something was added to the file after the seal"),
    ("certified", "the seal does not forbid changes, or a change was made against it"),
    ("as_recorded", "the file is not the one whose SHA-256 was recorded"),
)


@dataclass(frozen=True)
class SealVerdict:
    """What was found, each question apart. `genuine` is the one answer to all of them."""

    intact: bool = False  # the sealed bytes are what they were
    valid: bool = False  # the signature over them is right
    trusted: bool = False  # its certificate leads to a trusted root and was valid at the moment asked for
    whole_file: bool = False  # the seal covers every byte: nothing was put behind it
    certified: bool = False  # the document forbids every change, and none was made
    as_recorded: bool | None = None  # the file's SHA-256 is the recorded one; None when none was given
    unreadable: str = ""  # why nothing could be asked
    stamped_at: datetime | None = None  # when an authority says that the seal was there; None without its time-stamp
    stamp_trusted: bool = False  # that authority is one of those trusted for the time

    @property
    def problem(self) -> str:
        """Why it is not genuine, in plain words; empty when it is."""
        failed = (words for question, words in _PROBLEMS if getattr(self, question) is False)
        return self.unreadable or next(failed, "")

    @property
    def genuine(self) -> bool:
        return not self.problem


def verify_sealed(
    pdf: bytes, trust_roots_pem: str, moment: datetime, expected_sha256: str | None = None, authorities_pem: str = ""
) -> SealVerdict:
    """Check the seal of a PDF against trusted roots, at a moment: today, or the time of sealing that the chain records.

    `expected_sha256` is the hexadecimal digest that the chain of events holds. Only with it is every single byte
    accounted for: a signature leaves the unused room of its own container free. `authorities_pem` are the authorities
    that are trusted for the time of the seal, and for nothing else. Never raises for a bad document.
    """
    context = ValidationContext(trust_roots=certificates_in(trust_roots_pem), allow_fetching=False, moment=moment)
    try:
        signatures = PdfFileReader(io.BytesIO(pdf)).embedded_signatures
        if len(signatures) != 1:
            return SealVerdict(
                unreadable=f"the document carries {len(signatures)} signatures; a sealed one carries one"
            )
        signature, tokens = signatures[0], _tokens(signatures[0])
        signed = [signature.signed_data, *(token["content"] for token in tokens)]
        if len(tokens) > 1 or any(len(one["certificates"]) > MOST_CERTIFICATES for one in signed):
            return SealVerdict(unreadable="the document carries more certificates or time-stamps than a seal has")
        # What pyHanko itself says of the time does not count: it would judge the authority as of `moment`.
        own = [certificate.chosen for token in tokens for certificate in token["content"]["certificates"]]
        anybody = ValidationContext(trust_roots=own, allow_fetching=False, moment=moment)
        status = validate_pdf_signature(signature, context, ts_validation_context=anybody)
        permission = signature.docmdp_level
        is_valid = is_valid_at(status.signing_cert, moment)
        sealed_with = signature.signer_info["signature"].native
        stamp = read_time_stamp(tokens[0].dump(), sealed_with, authorities_pem) if tokens else None
    except Exception as error:  # a damaged or hostile file fails anywhere in the parser; whatever it is, it is not ours
        return SealVerdict(unreadable=f"the document cannot be read as a sealed PDF ({type(error).__name__})")
    return SealVerdict(
        intact=status.intact,
        valid=status.valid,
        trusted=status.trusted and is_valid,
        whole_file=status.coverage is SignatureCoverageLevel.ENTIRE_FILE,
        certified=bool(status.docmdp_ok) and permission is MDPPerm.NO_CHANGES,
        stamped_at=stamp.at if stamp else None,
        stamp_trusted=stamp is not None and stamp.trusted,
        as_recorded=None if expected_sha256 is None else hashlib.sha256(pdf).hexdigest() == expected_sha256,
    )


def _tokens(signature: EmbeddedPdfSignature) -> list[cms.ContentInfo]:
    """The time-stamps of a signature: over it, and over what was signed."""
    attributes = [*signature.signer_info["unsigned_attrs"], *signature.signer_info["signed_attrs"]]
    kinds = ("signature_time_stamp_token", "content_time_stamp")
    return [token for attribute in attributes if attribute["type"].native in kinds for token in attribute["values"]]
