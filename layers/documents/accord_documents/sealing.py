"""The bank's seal on a finished PDF: a PAdES certification signature by a seal provider; B-T with a time-stamp.

It is the bank's seal, not the customer's signature: the customer signs by consent and one-time code, which the
chain of events records. The seal shows that the document is the bank's and was not changed since.
"""

import io
from datetime import datetime
from typing import Any

from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.writer import BasePdfFileWriter
from pyhanko.sign.fields import InvisSigSettings, MDPPerm, SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.general import SigningError
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner, Signer
from pyhanko.sign.signers.constants import ESIC_EXTENSION_1
from pyhanko.sign.signers.pdf_signer import PdfSigningSession
from pyhanko.sign.timestamps import TimeStamper
from pyhanko_certvalidator.registry import SimpleCertificateStore

from accord.errors import SealCertificateError, TimeStampError
from accord_documents.seal_provider import SealProvider, certificates_of, check_signature, longest_signature
from accord_documents.time_stamps import MOST_CERTIFICATES, Authority

FIELD_NAME = "BankSeal"
_REASON = "银行电子印章：证明本协议自签订后未被更改 / Bank's seal: this agreement has not changed since it was signed"


class _Signer(Signer):
    """Lets a seal provider sign what pyHanko prepared: the signed attributes, some 220 bytes."""

    def __init__(self, provider: SealProvider) -> None:
        chain = list(map(_asn1, provider.chain))
        registry = SimpleCertificateStore.from_certs(chain)  # type: ignore[no-untyped-call] # of pyHanko
        super().__init__(signing_cert=chain[0], cert_registry=registry)
        self._provider = provider

    async def async_sign_raw(self, data: bytes, digest_algorithm: str, dry_run: bool = False) -> bytes:
        certificate = self._provider.chain[0]
        if dry_run:  # pyHanko measures how much room the seal needs
            return bytes(longest_signature(certificate))
        signature = self._provider.sign(data)
        check_signature(certificate, data, signature)
        return signature


class _Sealer(PdfSigner):
    """pyHanko's signer, told the time instead of reading a clock."""

    def __init__(
        self,
        metadata: PdfSignatureMetadata,
        signer: Signer,
        field: SigFieldSpec,
        now: datetime,
        stamper: TimeStamper | None,
    ) -> None:
        super().__init__(metadata, signer, timestamper=stamper, new_field_spec=field)
        self._now = now

    def init_signing_session(self, *args: Any, **kwargs: Any) -> PdfSigningSession:
        session = super().init_signing_session(*args, **kwargs)
        session.system_time = self._now
        return session

    def register_extensions(self, pdf_out: BasePdfFileWriter, *, md_algorithm: str) -> None:
        # pyHanko would call a document with an elliptic curve PDF 2.0, which no PDF/A-2 is. ETSI EN 319 142-1 has its
        # seals in PDF 1.7, whatever their keys, under this extension.
        pdf_out.register_extension(ESIC_EXTENSION_1)


class _SealOnly(IncrementalPdfFileWriter):
    """Adds the seal to a document and leaves what its metadata says of its making as it was."""

    def _update_meta(self) -> None:
        # pyHanko would write the machine's time and its own name; PDF/A wants metadata and Info dictionary in step.
        pass


def _asn1(certificate: x509.Certificate) -> asn1_x509.Certificate:
    return asn1_x509.Certificate.load(certificate.public_bytes(serialization.Encoding.DER))


def good_until(certificate_pem: str) -> datetime:
    """The moment (UTC) at which the first certificate of a chain ends. Raises SealCertificateError for what is none."""
    return min(certificate.not_valid_after_utc for certificate in certificates_of(certificate_pem))


def seal(pdf: bytes, provider: SealProvider, now: datetime, time_stamp_url: str = "") -> bytes:
    """The PDF with the bank's seal over all of it; no change is allowed afterwards. The provider signs once.

    Raises SealCertificateError when its certificate is not valid at `now`, belongs to another key or has too long a
    chain to be checked; its own errors pass through. With a `time_stamp_url` an authority (RFC 3161) says when the seal
    was there already; raises TimeStampError when it does not answer with a good token.
    """
    chain = provider.chain
    if len(chain) >= MOST_CERTIFICATES:  # its own certificate stands in the seal once more
        raise SealCertificateError(f"the seal's chain has {len(chain)} certificates, {MOST_CERTIFICATES - 1} at most")
    if now < chain[0].not_valid_before_utc:
        raise SealCertificateError(f"the seal's certificate is not valid before {chain[0].not_valid_before_utc}")
    if now > chain[0].not_valid_after_utc:
        raise SealCertificateError(
            f"the seal's certificate expired at {chain[0].not_valid_after_utc}: renew it, then try again"
        )
    metadata = PdfSignatureMetadata(
        field_name=FIELD_NAME,
        md_algorithm="sha256",
        subfilter=SigSeedSubFilter.PADES,
        certify=True,
        docmdp_permissions=MDPPerm.NO_CHANGES,
        reason=_REASON,
    )
    # Invisible, and outside the page: an untagged field on it would break PDF/UA, a hidden one PDF/A.
    field = SigFieldSpec(FIELD_NAME, invis_sig_settings=InvisSigSettings(box_out_of_bounds=True))
    stamper = Authority(time_stamp_url) if time_stamp_url else None
    sealer = _Sealer(metadata, _Signer(provider), field, now, stamper)
    try:
        return bytes(sealer.sign_pdf(_SealOnly(io.BytesIO(pdf))).getvalue())
    except SigningError as error:  # the authority is asked twice: its second token has no room that its first measured
        if stamper is None:
            raise
        raise TimeStampError(type(error).__name__) from error
