"""A licensed certification authority for tests: a root, an intermediate, and a bank's certificate whose key it keeps.

It stands where an adapter for a real one would: the bank sends what is to be signed and gets a signature back.
"""

from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

_VALID = timedelta(days=365)
PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


class LicensedCa:
    """Seals for the bank with a key of a kind: RSA-2048, or ECDSA on P-256 or P-384."""

    def __init__(self, kind: str, now: datetime) -> None:
        root, between, self._key = _new_key("P-256"), _new_key("P-384"), _new_key(kind)
        top = _certificate("Licensed CA Root", root, "Licensed CA Root", root, now, ca=True)
        middle = _certificate("Licensed CA 3", between, "Licensed CA Root", root, now, ca=True)
        own = _certificate("Example Bank Seal", self._key, "Licensed CA 3", between, now, ca=False)
        self.root_pem = top.public_bytes(serialization.Encoding.PEM).decode()
        self.chain = [own, middle]
        self.asked = 0

    def sign(self, message: bytes) -> bytes:
        self.asked += 1
        if isinstance(self._key, rsa.RSAPrivateKey):
            return self._key.sign(message, padding.PKCS1v15(), hashes.SHA256())
        return self._key.sign(message, ec.ECDSA(hashes.SHA256()))


def _new_key(kind: str) -> PrivateKey:
    if kind == "RSA-2048":
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return ec.generate_private_key({"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1()}[kind])


def _certificate(
    name: str, key: PrivateKey, issuer: str, issuer_key: PrivateKey, now: datetime, *, ca: bool
) -> x509.Certificate:
    usage = dict.fromkeys(
        ("key_encipherment", "data_encipherment", "key_agreement", "encipher_only", "decipher_only"), False
    )
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _VALID)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(digital_signature=not ca, content_commitment=not ca, key_cert_sign=ca, crl_sign=ca, **usage),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        .sign(issuer_key, hashes.SHA256())
    )
