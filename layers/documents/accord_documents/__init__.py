"""Documents of Accord: typesetting, sealing and checking agreements. Only functions that make documents import this."""

from typing import TYPE_CHECKING, Any

from accord_documents.certificates import certificate_request, self_signed_certificate, subject_name
from accord_documents.seal_provider import KmsSealProvider, SealProvider
from accord_documents.sealing import good_until, seal
from accord_documents.time_stamps import TimeStamp, read_time_stamp, time_stamp
from accord_documents.verification import SealVerdict, verify_sealed

if TYPE_CHECKING:
    from accord_documents.rendering import render_agreement

__all__ = [
    "KmsSealProvider",
    "SealProvider",
    "SealVerdict",
    "TimeStamp",
    "certificate_request",
    "good_until",
    "read_time_stamp",
    "render_agreement",
    "seal",
    "self_signed_certificate",
    "subject_name",
    "time_stamp",
    "verify_sealed",
]


def __getattr__(name: str) -> Any:
    """The typesetter comes when it is asked for: who seals, checks or asks for the time does without it."""
    if name != "render_agreement":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from accord_documents.rendering import render_agreement

    return render_agreement
