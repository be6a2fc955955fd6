"""Who holds the key that seals: KMS, or a licensed certification authority behind an adapter of the bank's.

Nothing else of sealing knows where a key lies. An adapter has the authority's certificates and asks it for a signature.
"""

from collections.abc import Sequence
from typing import Any, Protocol

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from accord.errors import SealCertificateError
from accord_documents.certificates import sign_with_kms


class SealProvider(Protocol):
    """A certificate and the key that belongs to it, wherever that is."""

    @property
    def chain(self) -> Sequence[x509.Certificate]:
        """Its own certificate, then those that lead to a root."""

    def sign(self, message: bytes) -> bytes:
        """The signature over a message of at most 4096 bytes with SHA-256: ECDSA in DER, or RSA after PKCS #1 v1.5."""


class KmsSealProvider:
    """The bank's own key in KMS. `certificate_pem` is its certificate, then the chain.

    Raises SealCertificateError where that cannot be read; errors of KMS pass through.
    """

    def __init__(self, kms_client: Any, key_id: str, certificate_pem: str) -> None:
        self.chain = certificates_of(certificate_pem)
        self._kms, self._key_id = kms_client, key_id

    def sign(self, message: bytes) -> bytes:
        return sign_with_kms(self._kms, self._key_id, message)


def certificates_of(pem: str) -> list[x509.Certificate]:
    """The certificates of a chain. Raises SealCertificateError for what is none."""
    try:
        return x509.load_pem_x509_certificates(pem.encode())
    except ValueError:
        raise SealCertificateError("the seal's certificate is not a PEM certificate") from None


def longest_signature(certificate: x509.Certificate) -> int:
    """How many bytes a signature of the certificate's key takes at most. Raises SealCertificateError."""
    key = certificate.public_key()
    if isinstance(key, ec.EllipticCurvePublicKey):
        # Two integers, each with a sign and a header, in a sequence whose own header takes up to three bytes.
        return 2 * ((key.key_size + 7) // 8 + 3) + 3
    if isinstance(key, rsa.RSAPublicKey):
        return key.key_size // 8
    raise SealCertificateError("the seal's certificate holds a key that is neither ECDSA nor RSA")


def check_signature(certificate: x509.Certificate, message: bytes, signature: bytes) -> None:
    """Raises SealCertificateError where a signature was not made with the certificate's key."""
    key = certificate.public_key()
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
        elif isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
        else:
            raise InvalidSignature
    except InvalidSignature:
        raise SealCertificateError(
            "the seal's certificate belongs to another key: put the certificate of the seal key in its place"
        ) from None
