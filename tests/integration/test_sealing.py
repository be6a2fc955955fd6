"""The bank's seal, with KMS played by moto and the result judged by pyHanko, poppler and OpenSSL."""

import hashlib
import io
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pikepdf
import pikepdf.pdfa
import pytest
from agreements import SIGNED_AT, a_person, agreed_terms, reference_of
from cryptography import x509
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from licensed_ca import LicensedCa
from moto import mock_aws
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import MDPPerm
from pyhanko.sign.general import SigningError
from time_stamping import WRONGLY, Answer, authority, pem_of, time_stamping, with_more

from accord.errors import SealCertificateError, TimeStampError
from accord_documents import (
    KmsSealProvider,
    certificate_request,
    render_agreement,
    seal,
    sealing,
    self_signed_certificate,
    subject_name,
    time_stamps,
    verify_sealed,
)

NOW = datetime(2026, 3, 2, 4, 5, tzinfo=UTC)
BANK = subject_name("示例银行", "CN")


class CountingKms:
    """A KMS client that counts how often it signs."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.signatures = 0

    def get_public_key(self, **kwargs: Any) -> Any:
        return self._client.get_public_key(**kwargs)

    def sign(self, **kwargs: Any) -> Any:
        self.signatures += 1
        return self._client.sign(**kwargs)


@pytest.fixture(scope="module")
def kms() -> Iterator[CountingKms]:
    with mock_aws():
        secrets = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        yield CountingKms(boto3.client("kms", region_name="cn-north-1", **secrets))


def new_key(kms: CountingKms, spec: str = "ECC_NIST_P256") -> str:
    return str(kms._client.create_key(KeySpec=spec, KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"])


@pytest.fixture(scope="module")
def key(kms: CountingKms) -> str:
    return new_key(kms)


@pytest.fixture(scope="module")
def certificate(kms: CountingKms, key: str) -> str:
    return self_signed_certificate(kms, key, BANK, NOW)


@pytest.fixture(scope="module")
def plain() -> bytes:
    terms = agreed_terms("zh-CN")
    return render_agreement(terms, a_person(), reference_of(terms), "zh-CN", SIGNED_AT)


@pytest.fixture(scope="module")
def sealed(kms: CountingKms, key: str, certificate: str, plain: bytes) -> bytes:
    return seal(plain, KmsSealProvider(kms, key, certificate), NOW)


def test_a_sealed_document_is_genuine(sealed: bytes, certificate: str) -> None:
    verdict = verify_sealed(sealed, certificate, NOW, hashlib.sha256(sealed).hexdigest())
    assert verdict.genuine, verdict.problem
    assert (verdict.intact, verdict.valid, verdict.trusted) == (True, True, True)
    assert (verdict.whole_file, verdict.certified, verdict.as_recorded) == (True, True, True)


@pytest.mark.skipif(not shutil.which("pdfsig"), reason="needs poppler")
def test_poppler_finds_the_signature_valid_over_the_whole_document(sealed: bytes, tmp_path: Path) -> None:
    file = tmp_path / "sealed.pdf"
    file.write_bytes(sealed)
    report = subprocess.run(["pdfsig", str(file)], capture_output=True, text=True, check=False).stdout
    assert "Signature is Valid." in report
    assert "Total document signed" in report
    assert "ETSI.CAdES.detached" in report
    assert "Signing Time: Mar 02 2026" in report  # the time it was told, not the machine's


@pytest.mark.skipif(not shutil.which("openssl"), reason="needs OpenSSL")
def test_openssl_needs_none_of_our_code_to_check_it(sealed: bytes, certificate: str, tmp_path: Path) -> None:
    start, before, after, rest = map(int, re.search(rb"/ByteRange ?\[(\d+) (\d+) (\d+) (\d+) *\]", sealed).groups())
    (tmp_path / "content").write_bytes(sealed[start : start + before] + sealed[after : after + rest])
    container = bytes.fromhex(sealed[before + 1 : after - 1].decode())
    (tmp_path / "cms.der").write_bytes(container)
    (tmp_path / "root.pem").write_text(certificate)
    command = ["openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", "cms.der", "-content", "content"]
    command += ["-CAfile", "root.pem", "-purpose", "any", "-attime", str(int(NOW.timestamp())), "-out", "out"]
    outcome = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stderr


def test_sealing_asks_kms_once(kms: CountingKms, key: str, certificate: str, plain: bytes) -> None:
    before = kms.signatures
    seal(plain, KmsSealProvider(kms, key, certificate), NOW)
    assert kms.signatures == before + 1


def test_the_document_itself_stays_byte_for_byte(sealed: bytes, plain: bytes) -> None:
    assert sealed.startswith(plain)
    assert sealed.count(b"<x:xmpmeta") == plain.count(b"<x:xmpmeta") == 1


# What pikepdf's checker does not know, and so does not approve: it knows the levels b, which ask for less.
UNKNOWN_TO_THE_CHECKER = {
    "pdfaid:conformance is 'A', expected 'B'",
    "the content of structured XMP property xmpMM:History is not checked",
    "interactive forms (/AcroForm) are not supported",  # the seal's field
    "permissions (/Perms) are not supported",  # the seal allows no change
}
# Metadata that the standard allows: of the page count (XMP), of PDF/UA, and the descriptions of the latter.
KNOWN_METADATA = re.compile(r"XMP (namespace|property) (xmpTPg|pdfuaid|pdfaExtension|pdfaSchema|pdfaProperty)[=:]")


def test_the_sealed_document_is_fit_for_archives_for_an_independent_checker(sealed: bytes) -> None:
    """PDF/A-2, of objects packed and sealed by a later section: pikepdf's rules find nothing wrong that they know."""
    findings = pikepdf.pdfa.validate_written(io.BytesIO(sealed), "2b").findings
    unknown = {finding.message for finding in findings if not KNOWN_METADATA.match(finding.message)}
    assert unknown == UNKNOWN_TO_THE_CHECKER


def test_the_checker_of_archives_does_find_what_is_wrong(plain: bytes) -> None:
    broken = io.BytesIO()
    with pikepdf.open(io.BytesIO(plain)) as document:
        document.Root.AA = pikepdf.Dictionary()
        document.Root.Version = pikepdf.Name("/2.0")
        document.save(broken)
    found = {finding.message for finding in pikepdf.pdfa.validate_written(broken, "2b").findings}
    assert any("/AA" in message for message in found)
    assert any("/2.0" in message for message in found)


def test_a_wrong_recorded_digest_is_refused(sealed: bytes, certificate: str) -> None:
    verdict = verify_sealed(sealed, certificate, NOW, "0" * 64)
    assert verdict.as_recorded is False
    assert not verdict.genuine


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_flipped_bit_is_noticed(sealed: bytes, certificate: str, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(sealed) - 1))
    bit = data.draw(st.integers(0, 7))
    damaged = bytearray(sealed)
    damaged[position] ^= 1 << bit
    verdict = verify_sealed(bytes(damaged), certificate, NOW, hashlib.sha256(sealed).hexdigest())
    assert not verdict.genuine
    assert verdict.problem


def test_a_changed_page_breaks_the_seal_even_without_a_recorded_digest(sealed: bytes, certificate: str) -> None:
    stream = sealed.index(b"stream\n") + 20
    damaged = sealed[:stream] + bytes([sealed[stream] ^ 1]) + sealed[stream + 1 :]
    assert not verify_sealed(damaged, certificate, NOW).genuine


@pytest.mark.parametrize("tail", [b"\n", b"x", b"% a comment behind the end\n"])
def test_bytes_behind_the_seal_are_refused(sealed: bytes, certificate: str, tail: bytes) -> None:
    verdict = verify_sealed(sealed + tail, certificate, NOW)
    assert not verdict.genuine
    assert not verdict.whole_file


def test_a_later_revision_is_refused(sealed: bytes, certificate: str) -> None:

    out = io.BytesIO(sealed)
    writer = IncrementalPdfFileWriter(out)
    writer.root["/Lang"] = writer.root["/Lang"]
    writer.update_root()
    writer.write_in_place()
    assert not verify_sealed(out.getvalue(), certificate, NOW).genuine


def test_a_seal_that_allows_changes_is_refused(
    kms: CountingKms, key: str, certificate: str, plain: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "MDPPerm", SimpleNamespace(NO_CHANGES=MDPPerm.FILL_FORMS))
    verdict = verify_sealed(seal(plain, KmsSealProvider(kms, key, certificate), NOW), certificate, NOW)
    assert (verdict.intact, verdict.valid, verdict.whole_file, verdict.certified) == (True, True, True, False)
    assert "does not forbid changes" in verdict.problem


def test_a_seal_of_somebody_else_is_not_trusted(kms: CountingKms, sealed: bytes) -> None:
    stranger = self_signed_certificate(kms, new_key(kms), BANK, NOW)
    verdict = verify_sealed(sealed, stranger, NOW)
    assert (verdict.intact, verdict.valid, verdict.trusted) == (True, True, False)
    assert not verdict.genuine


@pytest.mark.parametrize("file", [b"", b"%PDF-1.7\nnothing", b"\x00" * 1000], ids=["empty", "truncated", "no PDF"])
def test_what_is_no_sealed_pdf_is_refused_in_words(file: bytes, certificate: str) -> None:
    assert "cannot be read" in verify_sealed(file, certificate, NOW).problem


def test_an_unsealed_document_is_refused(plain: bytes, certificate: str) -> None:
    assert "0 signatures" in verify_sealed(plain, certificate, NOW).problem


def test_the_certificate_must_have_been_valid_at_the_moment_asked_for(sealed: bytes, certificate: str) -> None:
    expiry = x509.load_pem_x509_certificate(certificate.encode()).not_valid_after_utc
    assert verify_sealed(sealed, certificate, expiry - timedelta(seconds=1)).genuine
    assert not verify_sealed(sealed, certificate, expiry + timedelta(seconds=1)).trusted


def test_an_expired_certificate_seals_nothing(kms: CountingKms, key: str, certificate: str, plain: bytes) -> None:
    expiry = x509.load_pem_x509_certificate(certificate.encode()).not_valid_after_utc
    before = kms.signatures
    with pytest.raises(SealCertificateError, match="expired"):
        seal(plain, KmsSealProvider(kms, key, certificate), expiry + timedelta(seconds=1))
    assert kms.signatures == before


def test_a_certificate_of_the_future_seals_nothing(kms: CountingKms, key: str, certificate: str, plain: bytes) -> None:
    with pytest.raises(SealCertificateError, match="not valid before"):
        seal(plain, KmsSealProvider(kms, key, certificate), NOW - timedelta(days=40))


def test_a_certificate_of_another_key_seals_nothing(kms: CountingKms, certificate: str, plain: bytes) -> None:
    with pytest.raises(SealCertificateError, match="another key"):
        seal(plain, KmsSealProvider(kms, new_key(kms), certificate), NOW)


def test_a_chain_that_no_verifier_would_follow_seals_nothing(
    kms: CountingKms, key: str, certificate: str, plain: bytes
) -> None:
    with pytest.raises(SealCertificateError, match="has 6 certificates, 5 at most"):
        seal(plain, KmsSealProvider(kms, key, certificate * 6), NOW)
    assert verify_sealed(seal(plain, KmsSealProvider(kms, key, certificate * 5), NOW), certificate, NOW).genuine


def test_a_broken_certificate_is_named(kms: CountingKms, key: str, plain: bytes) -> None:
    with pytest.raises(SealCertificateError, match="PEM"):
        seal(plain, KmsSealProvider(kms, key, "not yet configured"), NOW)


def test_a_document_is_sealed_once(kms: CountingKms, key: str, certificate: str, sealed: bytes) -> None:
    with pytest.raises(SigningError, match="filled already"):
        seal(sealed, KmsSealProvider(kms, key, certificate), NOW)


def test_a_request_names_the_bank_and_is_signed_by_the_key(kms: CountingKms, key: str) -> None:
    request = x509.load_pem_x509_csr(certificate_request(kms, key, BANK).encode())
    assert request.is_signature_valid
    assert request.subject == BANK
    assert request.extensions.get_extension_for_class(x509.KeyUsage).value.content_commitment


def test_only_a_p256_signing_key_can_be_the_seal_key(kms: CountingKms) -> None:
    with pytest.raises(ValueError, match="ECC_NIST_P256"):
        certificate_request(kms, new_key(kms, "ECC_NIST_P384"), BANK)


# --- with a time-stamp -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stamped(plain: bytes, kms: CountingKms, key: str, certificate: str) -> tuple[bytes, str]:
    """A document with a time-stamp, and the authority's certificate."""
    ours = authority(NOW)
    with time_stamping(ours, NOW + timedelta(seconds=2)) as url:
        before = kms.signatures
        document = seal(plain, KmsSealProvider(kms, key, certificate), NOW, url)
        assert kms.signatures == before + 1
    return document, pem_of(ours)


def test_an_authority_says_when_the_seal_was_there(stamped: tuple[bytes, str], certificate: str) -> None:
    document, theirs = stamped
    digest = hashlib.sha256(document).hexdigest()
    verdict = verify_sealed(document, certificate, NOW, digest, theirs)
    assert verdict.genuine, verdict.problem
    assert (verdict.stamped_at, verdict.stamp_trusted) == (NOW + timedelta(seconds=2), True)
    unknown = verify_sealed(document, certificate, NOW, digest)
    assert (unknown.genuine, unknown.stamped_at is not None, unknown.stamp_trusted) == (True, True, False)
    later = verify_sealed(document, certificate, NOW + timedelta(days=400), digest, theirs)
    assert (later.genuine, later.stamp_trusted) == (True, True), "its certificate was valid when it said so"


def test_who_is_trusted_for_the_seal_is_not_for_the_time_and_the_other_way_round(
    stamped: tuple[bytes, str], certificate: str
) -> None:
    document, theirs = stamped
    assert not verify_sealed(document, certificate + theirs, NOW).stamp_trusted
    assert not verify_sealed(document, theirs, NOW, authorities_pem=certificate).trusted


def test_an_authority_whose_certificate_had_run_out_is_not_trusted(
    plain: bytes, kms: CountingKms, key: str, certificate: str
) -> None:
    ours = authority(NOW - timedelta(days=366))
    with time_stamping(ours, NOW) as url:
        document = seal(plain, KmsSealProvider(kms, key, certificate), NOW, url)
    verdict = verify_sealed(document, certificate, NOW, authorities_pem=pem_of(ours))
    assert (verdict.genuine, verdict.stamped_at, verdict.stamp_trusted) == (True, NOW, False)


def test_a_document_that_brings_many_certificates_keeps_nobody_waiting(
    plain: bytes, kms: CountingKms, key: str, certificate: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever made it: where each may have issued each, ways to a root are millions."""
    others = [self_signed_certificate(kms, key, BANK, NOW + timedelta(seconds=number)) for number in range(20)]
    stranger = self_signed_certificate(kms, new_key(kms), BANK, NOW)
    for module in (time_stamps, sealing):
        monkeypatch.setattr(module, "MOST_CERTIFICATES", 100)
    with time_stamping(authority(NOW), NOW, with_more(20, 20)) as url:
        of_time = seal(plain, KmsSealProvider(kms, key, certificate), NOW, url)
    of_many = seal(plain, KmsSealProvider(kms, key, certificate + "".join(others)), NOW)
    monkeypatch.undo()
    for document in (of_many, of_time):
        for root in (certificate, stranger):
            assert "more certificates" in verify_sealed(document, root, NOW, authorities_pem=stranger).problem


def test_without_an_authority_nothing_is_said_of_the_time(
    plain: bytes, kms: CountingKms, key: str, certificate: str
) -> None:
    verdict = verify_sealed(seal(plain, KmsSealProvider(kms, key, certificate), NOW), certificate, NOW)
    assert (verdict.stamped_at, verdict.stamp_trusted) == (None, False)


@pytest.mark.skipif(not shutil.which("pdfsig"), reason="needs poppler")
def test_others_read_a_document_with_a_time_stamp(stamped: tuple[bytes, str], tmp_path: Path) -> None:
    file = tmp_path / "stamped.pdf"
    file.write_bytes(stamped[0])
    said = subprocess.run(["pdfsig", "-nocert", str(file)], capture_output=True, text=True, check=False).stdout
    assert "Signature is Valid" in said
    assert "Total document signed" in said


@pytest.mark.parametrize("answer", [b"", b"no reply", b"0\x00", *WRONGLY, with_more(20), with_more(0, 5)])
def test_an_authority_that_does_not_answer_rightly_is_named(
    plain: bytes, kms: CountingKms, key: str, certificate: str, answer: bytes | Answer
) -> None:
    """The last is right and too long: its token has no room, which the one before it measured."""
    with time_stamping(authority(NOW), NOW, answer) as url, pytest.raises(TimeStampError):
        seal(plain, KmsSealProvider(kms, key, certificate), NOW, url)


def test_an_authority_that_is_not_there_is_named(plain: bytes, kms: CountingKms, key: str, certificate: str) -> None:
    with time_stamping(authority(NOW), NOW) as url:
        pass
    with pytest.raises(TimeStampError):
        seal(plain, KmsSealProvider(kms, key, certificate), NOW, url)


# --- a licensed certification authority in place of KMS ----------------------------------------------------------


@pytest.mark.parametrize("kind", ["RSA-2048", "P-256", "P-384"])
def test_a_licensed_authority_can_seal_in_place_of_kms(plain: bytes, kind: str) -> None:
    """It keeps the key and gives the chain. A verifier needs to trust its root alone."""
    ca, other = LicensedCa(kind, NOW), LicensedCa(kind, NOW)
    document = seal(plain, ca, NOW)
    assert ca.asked == 1
    verdict = verify_sealed(document, ca.root_pem, NOW)
    assert verdict.genuine, verdict.problem
    assert not verify_sealed(document, other.root_pem, NOW).trusted


def test_what_an_authority_signs_with_another_key_is_no_seal(plain: bytes) -> None:
    ca = LicensedCa("P-256", NOW)
    ca.chain = LicensedCa("P-256", NOW).chain
    with pytest.raises(SealCertificateError, match="another key"):
        seal(plain, ca, NOW)


@pytest.mark.skipif(not shutil.which("pdfsig"), reason="needs poppler")
def test_poppler_reads_the_seal_of_a_licensed_authority(plain: bytes, tmp_path: Path) -> None:
    file = tmp_path / "sealed.pdf"
    file.write_bytes(seal(plain, LicensedCa("RSA-2048", NOW), NOW))
    said = subprocess.run(["pdfsig", "-nocert", file], capture_output=True, text=True, check=False).stdout
    assert "Signature is Valid" in said
    assert "Total document signed" in said
    assert "Example Bank Seal" in said
