"""The public keys that evidence is checked with: of the anchors, and of the seal."""

import hashlib
import io
import re
import sys

from asn1crypto import pem as pem_format
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from pyhanko.pdf_utils.reader import PdfFileReader

_BLOCK = re.compile(r"-----BEGIN (PUBLIC KEY|CERTIFICATE)-----.*?-----END \1-----\n?", re.DOTALL)


def anchor_pem(key_arn: str) -> bytes:
    """The public half of the key that signs anchors."""
    from accord.aws.anchors import public_key

    key = serialization.load_der_public_key(public_key(key_arn))
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def seal_certificates(parameter: str) -> str:
    """The certificates of the seal as the stack holds and held them: those of today first, leaf first.

    A document is judged by the certificate that it was sealed under, for as long as the plan may be disputed. What was
    wrong and is there no longer is told on stderr. Raises ValueError where those of today are none.
    """
    from accord.aws.clients import client

    pages = client("ssm").get_paginator("get_parameter_history").paginate(Name=parameter)
    *earlier, today = [version for page in pages for version in page["Parameters"]]
    blocks = _blocks(certificates(today["Value"]))
    for version in reversed(earlier):
        try:
            blocks += _blocks(certificates(version["Value"]))
        except ValueError as problem:
            print(f"{parameter}, version {version['Version']}, is left out: {problem}", file=sys.stderr)
    return "".join(dict.fromkeys(blocks))


def seal_pem(document: bytes) -> bytes:
    """The certificates that a sealed document carries, the seal's own first; nothing where it carries none."""
    try:
        (signature,) = PdfFileReader(io.BytesIO(document)).embedded_signatures
        found = [signature.signer_cert, *signature.other_embedded_certs]
        ders = list(dict.fromkeys(certificate.dump() for certificate in found))
    except Exception:  # a damaged document fails anywhere in the parser; what is wrong with it, `accord verify` says
        return b""
    return b"".join(pem_format.armor("CERTIFICATE", der) for der in ders)


def public_keys(text: str) -> list[bytes]:
    """The public keys in a PEM text (DER), those of certificates not among them. Raises ValueError."""
    blocks = (match[0] for match in _BLOCK.finditer(text) if match[1] == "PUBLIC KEY")
    return [_der(serialization.load_pem_public_key(block.encode())) for block in blocks]


def certificates(text: str) -> str:
    """The certificates in a PEM text, as one. Raises ValueError."""
    blocks = _blocks(text)
    for block in blocks:
        x509.load_pem_x509_certificate(block.encode())
    return "".join(blocks)


def _blocks(text: str) -> list[str]:
    found = (match[0] for match in _BLOCK.finditer(text) if match[1] == "CERTIFICATE")
    return [block if block.endswith("\n") else f"{block}\n" for block in found]


def fingerprint(der: bytes) -> str:
    """How a key is named on paper: the SHA-256 of it, in groups."""
    digest = hashlib.sha256(der).hexdigest()
    return " ".join(digest[place : place + 8] for place in range(0, len(digest), 8))


def _der(key: object) -> bytes:
    public_bytes = key.public_bytes  # type: ignore[attr-defined]
    return bytes(public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo))
