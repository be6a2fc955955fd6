"""The evidence of a case that was played to its active plan: whole as it is, and broken by whatever is done to it."""

import base64
import hashlib
import io
import json
import random
import subprocess
import zipfile
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
import rfc8785
from evidence_bundles import Files, Kept, rewritten, with_events
from moto import mock_aws
from rich.console import Console
from typer.testing import CliRunner

from infra.command.app import app
from infra.evidence.bundle import MANIFEST, BundleUnreadableError, pack
from infra.evidence.verify import Verdict, verify

pytestmark = pytest.mark.xdist_group("evidence")


@pytest.fixture(scope="module")
def kept() -> Kept:
    return Kept.play(Console(file=io.StringIO()), timedelta(days=1))


def broken(files: Files, published: str | None) -> list[str]:
    """What does not hold of these files, packed as a bundle is."""
    return [verdict.sentence for verdict in verify(pack(files), published) if verdict.holds is False]


def test_the_evidence_of_a_case_is_whole_complete_and_witnessed(kept: Kept) -> None:
    verdicts = list(verify(kept.bundle, kept.published))
    assert [verdict for verdict in verdicts if verdict.holds is not True] == []
    assert [verdict.sentence.partition(":")[0] for verdict in verdicts] == [
        "bundle", "chain", "story", "terms", "document", "print", "end", "anchors", "nights", "signatures", "keys",
    ]  # fmt: skip


def test_without_the_published_keys_nobody_says_whose_they_are(kept: Kept) -> None:
    *others, last = verify(kept.bundle)
    assert all(verdict.holds for verdict in others)
    assert isinstance(last, Verdict)
    assert (last.holds, last.question) == (None, "OUTSIDE WITNESS")


def test_keys_that_the_bank_does_not_publish_are_told(kept: Kept) -> None:
    with mock_aws():
        kms = boto3.client("kms", region_name="eu-central-1")
        key = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
        strange = kms.get_public_key(KeyId=key)["PublicKey"]
    pem = f"-----BEGIN PUBLIC KEY-----\n{base64.encodebytes(strange).decode()}-----END PUBLIC KEY-----\n"
    certificates = kept.published[kept.published.index("-----BEGIN CERTIFICATE") :]
    (problem,) = broken(kept.files, pem + certificates)
    assert problem.startswith("keys: the bank does not publish the anchors' key")
    found = broken(kept.files | {"keys/anchor.pem": pem.encode()}, kept.published)
    assert [sentence.partition(":")[0] for sentence in found] == ["signatures", "keys"]


@pytest.mark.parametrize("seed", range(24))
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


@pytest.mark.parametrize("seed", range(24))
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


@pytest.mark.parametrize("kept_events", range(1, 19))
def test_a_chain_whose_end_was_cut_off_is_found_although_the_case_says_the_same(kept: Kept, kept_events: int) -> None:
    claim, events = kept.chain
    assert len(events) == 19
    cut = events[:kept_events]
    found = broken(
        with_events(kept.files, claim | {"head": cut[-1]["hash"], "count": kept_events}, cut), kept.published
    )
    assert any("TRUNCATED" in sentence for sentence in found)


@pytest.mark.parametrize("number", range(19))
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
    told = json.loads(left["bundle.json"])
    told["collected_at"] = "2199-01-01T00:00:00+00:00"
    (problem,) = broken(left | {"bundle.json": json.dumps(told).encode()}, kept.published)
    expected = "must be anchored, and is not" if name.startswith("anchors") else "under no root"
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


@pytest.mark.parametrize("name", ["agreement.pdf", "terms.json", "keys/seal.pem", "keys/anchor.pem", "events.jsonl"])
def test_a_part_that_is_missing_is_named_or_refused(kept: Kept, name: str) -> None:
    left = {file: content for file, content in kept.files.items() if file != name}
    assert broken(left, None)


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\n[]"])
def test_what_is_no_part_of_a_bundle_breaks_nothing_but_the_verdict(kept: Kept, content: bytes) -> None:
    for name in kept.files:
        if name in ("README.txt", "bundle.json"):
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
