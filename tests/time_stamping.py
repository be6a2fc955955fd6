"""A time-stamping authority on this machine, for tests: it answers as RFC 3161 says, with a certificate of its own."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

from asn1crypto import keys, tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pyhanko.sign.timestamps import DummyTimeStamper

_KEY = rsa.generate_private_key(65537, 2048)
# What the authority makes of a request, and of what it would answer rightly to one.
Answer = Callable[[tsp.TimeStampReq, Callable[[tsp.TimeStampReq], bytes]], bytes]


def authority(now: datetime) -> x509.Certificate:
    """The authority's own certificate."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Time of the Test")])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(_KEY.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365))
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(_KEY.public_key()), critical=False)
        .sign(_KEY, hashes.SHA256())
    )


@contextmanager
def time_stamping(certificate: x509.Certificate, now: datetime, answer: bytes | Answer | None = None) -> Iterator[str]:
    """The address of the authority while the context lasts. Where `answer` is given, it answers that, right or not."""
    der = serialization.Encoding.DER
    private = _KEY.private_bytes(der, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    stamper = DummyTimeStamper(
        asn1_x509.Certificate.load(certificate.public_bytes(der)),
        keys.PrivateKeyInfo.load(private),
        fixed_dt=now.astimezone(UTC),
    )

    def rightly(asked: tsp.TimeStampReq) -> bytes:
        return bytes(stamper.request_tsa_response(asked).dump())

    def answer_to(asked: tsp.TimeStampReq) -> bytes:
        if isinstance(answer, bytes):
            return answer
        return answer(asked, rightly) if answer else rightly(asked)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told = answer_to(tsp.TimeStampReq.load(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
