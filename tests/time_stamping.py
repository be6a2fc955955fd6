"""A time-stamping authority on this machine, for tests: it answers as RFC 3161 says, with a certificate of its own."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

from asn1crypto import cms, keys, tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pyhanko.sign.timestamps import DummyTimeStamper

from accord import clock

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


def pem_of(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def with_certificates(token: cms.ContentInfo, number: int) -> bytes:
    """A token that brings so many certificates more: they are not signed."""
    more = token.copy()
    for _ in range(number):
        der = authority(datetime.now(UTC)).public_bytes(serialization.Encoding.DER)
        added = cms.CertificateChoices("certificate", asn1_x509.Certificate.load(der))
        more["content"]["certificates"].append(added)
    return bytes(more.dump(force=True))


def of_another_statement(asked: tsp.TimeStampReq, rightly: Callable[[tsp.TimeStampReq], bytes]) -> bytes:
    asked["message_imprint"]["hashed_message"] = hashlib.sha256(b"something else").digest()
    return rightly(asked)


def to_another_request(asked: tsp.TimeStampReq, rightly: Callable[[tsp.TimeStampReq], bytes]) -> bytes:
    asked["nonce"] = 1
    return rightly(asked)


def wrongly_signed(asked: tsp.TimeStampReq, rightly: Callable[[tsp.TimeStampReq], bytes]) -> bytes:
    *others, last = rightly(asked)
    return bytes([*others, last ^ 1])


WRONGLY: tuple[Answer, ...] = (of_another_statement, to_another_request, wrongly_signed)


def with_more(*numbers: int) -> Answer:
    """Answers whose tokens bring so many certificates more, one after the other."""
    left = iter(numbers)

    def answer(asked: tsp.TimeStampReq, rightly: Callable[[tsp.TimeStampReq], bytes]) -> bytes:
        reply = tsp.TimeStampResp.load(rightly(asked))
        reply["time_stamp_token"] = cms.ContentInfo.load(with_certificates(reply["time_stamp_token"], next(left)))
        return bytes(reply.dump(force=True))

    return answer


@contextmanager
def time_stamping(
    certificate: x509.Certificate, now: datetime | None, answer: bytes | Answer | None = None
) -> Iterator[str]:
    """The address of the authority while the context lasts. Where `answer` is given, it answers that, right or not.

    Its time is `now`, or business time as that goes on.
    """
    der = serialization.Encoding.DER
    private = _KEY.private_bytes(der, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    stamper = DummyTimeStamper(
        asn1_x509.Certificate.load(certificate.public_bytes(der)),
        keys.PrivateKeyInfo.load(private),
    )

    def rightly(asked: tsp.TimeStampReq) -> bytes:
        stamper.fixed_dt = (now or clock.now()).astimezone(UTC)
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
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
