"""The certificate of the bank's seal: a request to a certification authority, or a self-signed one to demonstrate.

The private key never leaves KMS. cryptography builds the structures and this module lets KMS sign them.
"""

from datetime import datetime, timedelta
from typing import Any, NoReturn

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

# Business time may run days ahead of other clocks on a developer's machine; a verifier there must not stumble over it.
_SELF_SIGNED_BEFORE = timedelta(days=30)
_SELF_SIGNED_FOR = timedelta(days=3 * 365)


class _KmsKey(ec.EllipticCurvePrivateKey):
    """A P-256 signing key that lives in KMS: it can sign and show its public half, and nothing else."""

    def __init__(self, kms_client: Any, key_id: str) -> None:
        self._kms = kms_client
        self._key_id = key_id
        public_key = serialization.load_der_public_key(kms_client.get_public_key(KeyId=key_id)["PublicKey"])
        if not isinstance(public_key, ec.EllipticCurvePublicKey) or not isinstance(public_key.curve, ec.SECP256R1):
            raise ValueError("the seal key must be an ECC_NIST_P256 key for signing")
        self._public_key = public_key

    def sign(self, data: Any, signature_algorithm: ec.EllipticCurveSignatureAlgorithm) -> bytes:
        if not isinstance(signature_algorithm.algorithm, hashes.SHA256):
            raise ValueError("the seal key signs SHA-256 only")
        return sign_with_kms(self._kms, self._key_id, bytes(data))

    def public_key(self) -> ec.EllipticCurvePublicKey:
        return self._public_key

    @property
    def curve(self) -> ec.EllipticCurve:
        return self._public_key.curve

    @property
    def key_size(self) -> int:
        return self._public_key.key_size

    def exchange(self, algorithm: ec.ECDH, peer_public_key: ec.EllipticCurvePublicKey) -> NoReturn:
        raise TypeError("the seal key only signs")

    def private_numbers(self) -> NoReturn:
        raise TypeError("the seal key does not leave KMS")

    def private_bytes(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("the seal key does not leave KMS")

    def __copy__(self) -> "_KmsKey":
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> "_KmsKey":
        return self


def sign_with_kms(kms_client: Any, key_id: str, message: bytes) -> bytes:
    """The DER signature of a message of at most 4096 bytes (the limit of KMS), in one call."""
    answer = kms_client.sign(KeyId=key_id, Message=message, MessageType="RAW", SigningAlgorithm="ECDSA_SHA_256")
    return bytes(answer["Signature"])


def subject_name(organisation: str, country: str) -> x509.Name:
    """The name in a seal certificate: the institution that seals. `country` has two letters (ISO 3166)."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, country),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
            x509.NameAttribute(NameOID.COMMON_NAME, f"{organisation} Seal"),
        ]
    )


def _key_usage() -> x509.KeyUsage:
    """What PAdES verifiers ask of a sealing certificate: signatures that cannot be denied, and nothing besides."""
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def certificate_request(kms_client: Any, key_id: str, subject: x509.Name) -> str:
    """The PEM request that a certification authority turns into the certificate of the seal key.

    Raises ValueError when the KMS key is not a P-256 signing key.
    """
    key = _KmsKey(kms_client, key_id)
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    request = builder.add_extension(_key_usage(), critical=True).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM).decode()


def self_signed_certificate(kms_client: Any, key_id: str, subject: x509.Name, now: datetime) -> str:
    """A PEM certificate for demonstrations: readers show the seal as valid, but of an issuer they do not know.

    Raises ValueError when the KMS key is not a P-256 signing key.
    """
    key = _KmsKey(kms_client, key_id)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SELF_SIGNED_BEFORE)
        .not_valid_after(now + _SELF_SIGNED_FOR)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(), critical=True)
        .add_extension(identifier, critical=False)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
