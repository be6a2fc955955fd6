"""Checking a sealed PDF, without AWS and without the network."""

import hashlib
import io
from dataclasses import dataclass
from datetime import datetime

from asn1crypto import pem, x509
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import MDPPerm
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext

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
    stamp_trusted: bool = False  # the authority's certificate leads to a trusted root

    @property
    def problem(self) -> str:
        """Why it is not genuine, in plain words; empty when it is."""
        failed = (words for question, words in _PROBLEMS if getattr(self, question) is False)
        return self.unreadable or next(failed, "")

    @property
    def genuine(self) -> bool:
        return not self.problem


def verify_sealed(
    pdf: bytes, trust_roots_pem: str, moment: datetime, expected_sha256: str | None = None
) -> SealVerdict:
    """Check the seal of a PDF against trusted roots, at a moment: today, or the time of sealing that the chain records.

    `expected_sha256` is the hexadecimal digest that the chain of events holds. Only with it is every single byte
    accounted for: a signature leaves the unused room of its own container free. Never raises for a bad document.
    """
    roots = [x509.Certificate.load(der) for _, _, der in pem.unarmor(trust_roots_pem.encode(), multiple=True)]
    context = ValidationContext(trust_roots=roots, allow_fetching=False, moment=moment)
    try:
        signatures = PdfFileReader(io.BytesIO(pdf)).embedded_signatures
        if len(signatures) != 1:
            return SealVerdict(
                unreadable=f"the document carries {len(signatures)} signatures; a sealed one carries one"
            )
        status = validate_pdf_signature(signatures[0], context)
        permission = signatures[0].docmdp_level
        stamp = status.timestamp_validity
        lifetime = status.signing_cert.not_valid_before, status.signing_cert.not_valid_after
    except Exception as error:  # a damaged or hostile file fails anywhere in the parser; whatever it is, it is not ours
        return SealVerdict(unreadable=f"the document cannot be read as a sealed PDF ({type(error).__name__})")
    return SealVerdict(
        intact=status.intact,
        valid=status.valid,
        # The lifetime is asked here too: of a certificate that is itself a root, path validation does not ask.
        trusted=status.trusted and lifetime[0] <= moment <= lifetime[1],
        whole_file=status.coverage is SignatureCoverageLevel.ENTIRE_FILE,
        certified=bool(status.docmdp_ok) and permission is MDPPerm.NO_CHANGES,
        stamped_at=stamp.timestamp if stamp is not None and stamp.intact and stamp.valid else None,
        stamp_trusted=stamp is not None and bool(stamp.trusted),
        as_recorded=None if expected_sha256 is None else hashlib.sha256(pdf).hexdigest() == expected_sha256,
    )
