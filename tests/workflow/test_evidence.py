"""The evidence of a case that was played to its active plan: whole as it is, and broken by whatever is done to it."""

import base64
import hashlib
import io
import json
import random
import re
import subprocess
import zipfile
from contextlib import suppress
from datetime import datetime, timedelta
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import boto3
import pytest
import rfc8785
from cryptography.hazmat.primitives import serialization
from evidence_bundles import (
    Files,
    Kept,
    collected_anew,
    cut_off,
    rewritten,
    unwitnessed,
    with_events,
    witnessed_until,
)
from moto import mock_aws
from rich.console import Console
from time_stamping import authority, time_stamping
from typer.testing import CliRunner

from accord_documents import self_signed_certificate, subject_name, time_stamp
from infra.command.app import app
from infra.evidence.bundle import MANIFEST, BundleUnreadableError, pack
from infra.evidence.verify import verify

pytestmark = pytest.mark.xdist_group("evidence")


@pytest.fixture(scope="module")
def kept() -> Kept:
    return Kept.play(Console(file=io.StringIO()), timedelta(days=3))


def broken(files: Files, published: str | None) -> list[str]:
    """What does not hold of these files, packed as a bundle is."""
    return [verdict.sentence for verdict in verify(pack(files), published) if verdict.holds is False]


def test_the_evidence_of_a_case_is_whole_complete_and_witnessed(kept: Kept) -> None:
    verdicts = list(verify(kept.bundle, kept.published))
    assert [verdict for verdict in verdicts if verdict.holds is not True] == []
    assert [verdict.sentence.partition(":")[0] for verdict in verdicts] == [
        "bundle", "chain", "story", "terms", "document", "print", "collected", "end", "anchors", "nights", "signatures",
        "key", "seal",
    ]  # fmt: skip
    (collected,) = (verdict.sentence for verdict in verdicts if verdict.sentence.startswith("collected"))
    assert "by auditor-1 at " in collected


def test_without_the_published_keys_nobody_says_whose_they_are(kept: Kept) -> None:
    *others, key, seal = verify(kept.bundle)
    assert all(verdict.holds for verdict in others)
    assert [(last.holds, last.question) for last in (key, seal)] == [(None, "OUTSIDE WITNESS")] * 2


@pytest.mark.parametrize(("part", "open_question"), [("PUBLIC KEY", "seal"), ("CERTIFICATE", "key")])
def test_what_is_not_among_the_published_keys_is_not_said_to_be(kept: Kept, part: str, open_question: str) -> None:
    """Whoever publishes the anchors' key alone has said nothing of the seal, and the other way round."""
    blocks = re.findall(r"-----BEGIN ([A-Z ]+)-----.*?-----END \1-----\n", kept.published, re.DOTALL)
    assert set(blocks) == {"PUBLIC KEY", "CERTIFICATE"}
    pattern = rf"-----BEGIN {part}-----.*?-----END {part}-----\n"
    published = "".join(found[0] for found in re.finditer(pattern, kept.published, re.DOTALL))
    open_ones = [verdict for verdict in verify(kept.bundle, published) if verdict.holds is None]
    assert [verdict.sentence.partition(":")[0] for verdict in open_ones] == [open_question]


def test_keys_that_the_bank_does_not_publish_are_told(kept: Kept) -> None:
    with mock_aws():
        kms = boto3.client("kms", region_name="eu-central-1")
        key = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
        strange = kms.get_public_key(KeyId=key)["PublicKey"]
    pem = f"-----BEGIN PUBLIC KEY-----\n{base64.encodebytes(strange).decode()}-----END PUBLIC KEY-----\n"
    certificates = kept.published[kept.published.index("-----BEGIN CERTIFICATE") :]
    (problem,) = broken(kept.files, pem + certificates)
    assert problem.startswith("key: the bank does not publish the anchors' key")
    found = broken(kept.files | {"keys/anchor.pem": pem.encode()}, kept.published)
    assert [sentence.partition(":")[0] for sentence in found] == ["collected", "signatures", "key"]


@pytest.mark.parametrize("seed", range(8))
def test_a_byte_of_the_document_that_is_flipped_or_added_is_found(kept: Kept, seed: int) -> None:
    """Whoever does it makes the manifest and the bundle anew."""
    chance = random.Random(seed)
    document = bytearray(kept.files["agreement.pdf"])
    if seed % 4:
        document[chance.randrange(len(document))] ^= 1 << chance.randrange(8)
    else:
        document.insert(chance.choice([len(document), chance.randrange(len(document))]), chance.randrange(256))
    found = broken(kept.files | {"agreement.pdf": bytes(document)}, kept.published)
    assert [sentence for sentence in found if sentence.startswith("document: ")]


@pytest.mark.parametrize("seed", range(8))
def test_a_byte_of_the_bundle_that_is_flipped_or_added_is_found(kept: Kept, seed: int) -> None:
    chance = random.Random(seed)
    data = bytearray(kept.bundle)
    if seed % 4:
        # Half of them in the zip file's own structure, which holds no content.
        start = 0 if seed % 2 else data.index(b"PK\x01\x02")
        data[chance.randrange(start, len(data))] ^= 1 << chance.randrange(8)
    else:
        data.append(chance.randrange(256))
    with suppress(BundleUnreadableError):
        assert [verdict for verdict in verify(bytes(data), kept.published) if verdict.holds is False]


@pytest.mark.parametrize("kept_events", range(1, 20, 2))
def test_a_chain_whose_end_was_cut_off_is_found_although_the_case_says_the_same(kept: Kept, kept_events: int) -> None:
    claim, events = kept.chain
    assert len(events) == 20
    cut = events[:kept_events]
    found = broken(
        with_events(kept.files, claim | {"head": cut[-1]["hash"], "count": kept_events}, cut), kept.published
    )
    assert any("TRUNCATED" in sentence for sentence in found)


@pytest.mark.parametrize("number", range(0, 20, 2))
def test_a_chain_that_was_written_anew_is_found_although_every_hash_fits(kept: Kept, number: int) -> None:
    def another_actor(bodies: list[dict[str, Any]]) -> None:
        bodies[number]["actor"]["id"] += "x"

    found = broken(rewritten(kept.files, another_actor), kept.published)
    assert any("REWRITTEN" in sentence for sentence in found)


def test_an_event_that_was_left_out_is_found(kept: Kept) -> None:
    def without_the_questions(bodies: list[dict[str, Any]]) -> None:
        bodies[:] = [body for body in bodies if body["type"] != "ComprehensionChecked"]

    found = broken(rewritten(kept.files, without_the_questions), kept.published)
    assert [sentence for sentence in found if "the questions on this offer were not all answered rightly" in sentence]
    assert any("REWRITTEN" in sentence for sentence in found)


@pytest.mark.parametrize(
    ("kind", "field", "said"),
    [
        ("OfferMade", "offers", "no such offer was made"),
        ("OfferChosen", "offerId", "no such offer was made"),
        ("AgreementSigned", "offerId", "another offer was chosen"),
        ("CodeSent", "termsHash", "the code before it was sent for other terms"),
        ("AgreementSealed", "termsHash", "other terms were signed"),
        ("PlanActivated", "documentSha256", "another document was sealed"),
        ("CodeSent", "purpose", "no code was sent before"),
    ],
)
def test_a_story_that_cannot_have_happened_is_found(kept: Kept, kind: str, field: str, said: str) -> None:
    def change(bodies: list[dict[str, Any]]) -> None:
        for body in bodies:
            if body["type"] == kind:
                body["data"][field] = [] if field == "offers" else "another"

    found = broken(rewritten(kept.files, change), kept.published)
    assert any(said in sentence for sentence in found)


def test_who_acts_before_anybody_knows_who_they_are_is_found(kept: Kept) -> None:
    def without_identity(bodies: list[dict[str, Any]]) -> None:
        bodies[:] = [body for body in bodies if body["type"] != "IdentityConfirmed"]

    assert any(
        "nobody had confirmed who they are" in found for found in broken(rewritten(kept.files, without_identity), None)
    )


def test_an_event_out_of_its_time_is_found(kept: Kept) -> None:
    def later(bodies: list[dict[str, Any]]) -> None:
        bodies[5]["at"] = "2199-01-01T00:00:00.000Z"

    assert any(
        "it is earlier than the event before it" in found for found in broken(rewritten(kept.files, later), None)
    )


@pytest.mark.parametrize("name", ["anchors/0000000013", "days/"])
def test_a_statement_that_is_missing_is_missed(kept: Kept, name: str) -> None:
    left = {file: content for file, content in kept.files.items() if not file.startswith(name)}
    (problem,) = broken(left, kept.published)
    expected = "names one before it that is not there" if name.startswith("anchors") else "under no root"
    assert expected in problem


def test_an_anchor_that_somebody_else_signed_is_found(kept: Kept) -> None:
    """A rewritten chain with anchors to match needs the key."""
    files = kept.files
    body = json.loads(files["anchors/0000000013.body"]) | {"head": "f" * 64}
    found = broken(files | {"anchors/0000000013.body": rfc8785.dumps(body)}, kept.published)
    assert any("not signed by the key of the anchors" in sentence for sentence in found)


def test_terms_that_were_changed_afterwards_are_found(kept: Kept) -> None:
    claim, events = kept.chain
    terms = json.loads(claim["agreement"]["terms"])
    terms["schedule"][0]["amount"] += 1
    text = rfc8785.dumps(terms)
    claim["agreement"] |= {"terms": text.decode(), "terms_hash": hashlib.sha256(text).hexdigest()}
    files = with_events(kept.files, claim, events) | {"terms.json": text}
    found = [sentence.partition(":")[0] for sentence in broken(files, kept.published)]
    assert "the case names other terms than were signed in event 13" in found
    assert "print" in found, "the document says what was signed, and not this"


@pytest.mark.parametrize("left", [1, 4, 5, 11, 13, 14, 18, 19, 20])
def test_a_chain_without_anything_that_was_signed_of_it_is_no_evidence(kept: Kept, left: int) -> None:
    """Whoever has no key takes the statements away, cuts the chain and has it end with a collection of its own."""
    claim, events = kept.chain
    cut_short = collected_anew(unwitnessed(kept.files), left)
    assert any("must be anchored, and is not" in sentence for sentence in broken(cut_short, kept.published))
    early = unwitnessed(with_events(kept.files, *cut_off(claim, events, left)))
    assert broken(early, kept.published)


@pytest.mark.parametrize("left", [1, 4, 5, 11, 13, 14, 18, 19])
def test_the_state_of_an_earlier_day_is_not_the_evidence_of_today(kept: Kept, left: int) -> None:
    """All that was signed until then may be there: the chain does not end with its collection."""
    claim, events = kept.chain
    early = with_events(witnessed_until(kept.files, left), *cut_off(claim, events, left))
    assert any("TRUNCATED" in sentence for sentence in broken(early, kept.published))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("README.txt", b"SHA-256 of the key: 00", "collected: other files"),
        ("agreement-amended.pdf", b"%PDF-1.7", "is no part of one"),
        ("../../etc/cron.d/x", b"x", "is no part of one"),
        ("keys/bank.pem", b"x", "is no part of one"),
        ("keys/seal.pem", b"x", "keys/seal.pem is not what the document carries"),
    ],
)
def test_what_is_no_signed_part_of_the_chain_is_named_by_its_collection(
    kept: Kept, name: str, content: bytes, said: str
) -> None:
    assert any(said in sentence for sentence in broken(kept.files | {name: content}, kept.published))


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("events.jsonl", b'"count": 20', b'"count": 20, "note": "settled in full"'),
        ("events.jsonl", b'{"case_id"', b'{"case_id": "c-other", "case_id"'),
        ("days/*.path.json", b'"index": 0', b'"index": 0.0'),
        ("days/*.path.json", b'"index": 0', b'"note": 1, "index": 0'),
    ],
)
def test_what_is_read_stands_there_in_one_form_alone(kept: Kept, name: str, old: bytes, new: bytes) -> None:
    (found,) = (file for file in kept.files if fnmatch(file, name))
    altered = kept.files[found].replace(old, new, 1)
    assert altered != kept.files[found]
    assert broken(kept.files | {found: altered}, kept.published)


def test_a_statement_under_another_name_is_found(kept: Kept) -> None:
    names = sorted(name for name in kept.files if name.startswith("anchors/"))
    again = {f"anchors/0000000099{name[-5:]}": kept.files[name] for name in names[:1]}
    again["anchors/0000000099.body"] = kept.files[names[0]]
    again["anchors/0000000099.sig"] = kept.files[names[1]]
    assert any("is of event" in sentence for sentence in broken(kept.files | again, kept.published))


@pytest.mark.parametrize("field", ["document_sha256", "document_key", "signed_at"])
def test_what_the_case_says_of_its_agreement_is_named_by_the_collection(kept: Kept, field: str) -> None:
    claim, events = kept.chain
    later = datetime.fromisoformat(claim["agreement"]["signed_at"]) + timedelta(minutes=4)
    claim["agreement"][field] = later.isoformat() if field == "signed_at" else "0" * 64
    found = broken(with_events(kept.files, claim, events), kept.published)
    assert any(sentence.startswith("collected: other files") for sentence in found)


def test_an_authoritys_word_on_a_night_counts_by_its_certificate_and_for_that_night_alone(kept: Kept) -> None:
    (night,) = (name for name in kept.files if re.fullmatch(r"days/[0-9-]+\.body", name))
    told = datetime.fromisoformat("2026-12-01T00:05:00+00:00")
    certificate = authority(told)
    with time_stamping(certificate, told) as url:
        token, other = time_stamp(kept.files[night], url), time_stamp(b"something else", url)
    name = night.replace(".body", ".tsr")
    pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
    for published, holds in ((kept.published + pem, True), (kept.published, None)):
        verdicts = verify(pack(kept.files | {name: token}), published)
        (said,) = (verdict for verdict in verdicts if "nights' time" in verdict.sentence)
        assert (said.holds, "2026-12-01 00:05:00 UTC" in said.sentence) == (holds, True)
    for files in ({name: other}, {"days/2026-01-01.tsr": token}):
        assert any("nights' time" in sentence for sentence in broken(kept.files | files, kept.published + pem))


def test_what_was_signed_after_the_offer_had_run_out_is_found(kept: Kept) -> None:
    def run_out(bodies: list[dict[str, Any]]) -> None:
        for body in bodies:
            if body["type"] == "OfferMade":
                past = {"validUntil": "2026-01-01T00:00:00+00:00"}
                body["data"]["offers"] = [offer | past for offer in body["data"]["offers"]]

    assert any("the offer had run out" in sentence for sentence in broken(rewritten(kept.files, run_out), None))


def test_what_was_signed_is_what_was_offered(kept: Kept) -> None:
    def cheaper(bodies: list[dict[str, Any]]) -> None:
        for body in bodies:
            if body["type"] == "OfferMade":
                body["data"]["offers"] = [offer | {"totalPayable": 1} for offer in body["data"]["offers"]]

    assert "terms: totalPayable is not what was offered" in broken(rewritten(kept.files, cheaper), None)


def test_a_seal_by_an_earlier_certificate_stays_good_when_that_is_published_too(kept: Kept) -> None:
    """A renewed certificate comes beside the one before, in what `accord keys` prints."""
    with mock_aws():
        kms = boto3.client("kms", region_name="eu-central-1")
        key = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
        bank, now = subject_name("示例银行", "CN"), datetime.fromisoformat("2026-11-28T00:00:00+00:00")
        renewed = self_signed_certificate(kms, key, bank, now)
    start = kept.published.index("-----BEGIN CERTIFICATE")
    key_alone, before = kept.published[:start], kept.published[start:]
    assert [verdict for verdict in verify(kept.bundle, key_alone + renewed + before) if not verdict.holds] == []
    assert broken(kept.files, key_alone + renewed)


@pytest.mark.parametrize("name", ["agreement.pdf", "terms.json", "keys/seal.pem", "keys/anchor.pem", "events.jsonl"])
def test_a_part_that_is_missing_is_named_or_refused(kept: Kept, name: str) -> None:
    left = {file: content for file, content in kept.files.items() if file != name}
    assert broken(left, None)


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\n[]"])
def test_what_is_no_part_of_a_bundle_breaks_nothing_but_the_verdict(kept: Kept, content: bytes) -> None:
    for name in kept.files:
        if name == "bundle.json":
            with pytest.raises(BundleUnreadableError):
                broken(kept.files | {name: content}, kept.published)
            continue
        assert broken(kept.files | {name: content}, kept.published), name


@pytest.mark.parametrize("data", [b"", b"no zip", zipfile.ZIP_STORED.to_bytes(4, "big")])
def test_what_is_no_bundle_is_refused(data: bytes) -> None:
    with pytest.raises(BundleUnreadableError):
        list(verify(data))


def test_the_command_says_it_in_words_and_by_its_exit_status(kept: Kept, tmp_path: Path) -> None:
    whole, damaged, published = tmp_path / "case.zip", tmp_path / "damaged.zip", tmp_path / "keys.pem"
    whole.write_bytes(kept.bundle)
    damaged.write_bytes(kept.bundle + b" ")
    published.write_text(kept.published)
    told = CliRunner().invoke(app, ["verify", str(whole), "--published", str(published)])
    assert told.exit_code == 0, told.output
    assert [line for line in told.output.splitlines() if line.isupper()] == [
        "INTEGRITY",
        "COMPLETENESS",
        "OUTSIDE WITNESS",
    ]
    assert "Whole and complete" in told.output
    told = CliRunner().invoke(app, ["verify", str(damaged)])
    assert (told.exit_code, "BROKEN" in told.output) == (1, True)
    assert CliRunner().invoke(app, ["verify", str(tmp_path / "nothing.zip")]).exit_code == 2
    assert CliRunner().invoke(app, ["verify", str(published)]).exit_code == 2


def test_the_bundle_can_be_checked_without_accord(kept: Kept, tmp_path: Path) -> None:
    """The manifest and the signatures, with nothing but what every machine has."""
    with zipfile.ZipFile(io.BytesIO(kept.bundle)) as archive:
        archive.extractall(tmp_path)
    checked = subprocess.run(
        ["sha256sum", "--check", "--strict", MANIFEST], cwd=tmp_path, capture_output=True, check=False
    )
    assert checked.returncode == 0, checked.stdout
    for body in tmp_path.glob("*/*.body"):
        command = [
            "openssl",
            "dgst",
            "-sha256",
            "-verify",
            "keys/anchor.pem",
            "-signature",
            body.with_suffix(".sig"),
            body,
        ]
        signed = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
        assert signed.returncode == 0, signed.stdout
