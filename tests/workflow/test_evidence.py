"""The evidence of a case that was played to its active plan: whole as it is, and broken by whatever is done to it."""

import base64
import hashlib
import io
import json
import random
import re
import subprocess
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import date, datetime, timedelta
from fnmatch import fnmatch
from itertools import repeat
from pathlib import Path
from typing import Any

import boto3
import pikepdf
import pytest
import rfc8785
from cryptography import x509
from evidence_bundles import (
    Desk,
    Files,
    Kept,
    collected_anew,
    cut_off,
    files_of,
    resealed,
    rewritten,
    typeset,
    unwitnessed,
    with_events,
    without_case,
    witnessed_until,
)
from integration.tables import tables_on_moto
from moto import mock_aws
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import InvisSigSettings
from rich.console import Console
from time_stamping import time_stamping
from typer.testing import CliRunner

from accord.audit import Record, UnreadableError, record_of
from accord.aws.anchors import Anchors
from accord.aws.clients import client
from accord.case import Agreement
from accord_documents import self_signed_certificate, subject_name, time_stamp
from infra.command.app import app
from infra.evidence.bundle import MANIFEST, BundleUnreadableError, pack
from infra.evidence.collect import bundle_json, collect, files_digest
from infra.evidence.keys import anchor_pem
from infra.evidence.verify import NOBODY, Trusted, verify

pytestmark = pytest.mark.xdist_group("evidence")


@pytest.fixture(scope="module")
def kept() -> Kept:
    return Kept.play(Console(file=io.StringIO()), timedelta(days=3))


def broken(files: Files, trusted: Trusted = NOBODY) -> list[str]:
    """What does not hold of these files, packed as a bundle is."""
    verdicts = list(verify(pack(files), trusted))
    found = [verdict.sentence for verdict in verdicts if verdict.holds is False]
    if any(sentence.startswith("document: ") for sentence in found):
        assert not [verdict for verdict in verdicts if verdict.holds and verdict.sentence.startswith("seal: ")]
    return found


def told(data: bytes, trusted: Trusted, what: str) -> list[tuple[bool | None, str]]:
    """What the verdicts say of one thing, and whether it holds."""
    verdicts = verify(data, trusted)
    return [(verdict.holds, verdict.sentence) for verdict in verdicts if verdict.sentence.startswith(f"{what}: ")]


def test_the_evidence_of_a_case_is_whole_complete_and_witnessed(kept: Kept) -> None:
    verdicts = list(verify(kept.bundle, kept.trusted))
    assert [verdict for verdict in verdicts if verdict.holds is not True] == []
    assert [verdict.sentence.partition(":")[0] for verdict in verdicts] == [
        "bundle", "chain", "story", "terms", "document", "print", "collected", "end", "anchors", "nights", "signatures",
        "key", "seal", "time", "nights' time",
    ]  # fmt: skip
    (collected,) = (verdict.sentence for verdict in verdicts if verdict.sentence.startswith("collected"))
    assert "by auditor-1 at " in collected


def test_without_the_published_keys_nobody_says_whose_they_are(kept: Kept) -> None:
    *others, key, seal, sealed_at, nights_at = verify(kept.bundle)
    assert all(verdict.holds for verdict in others)
    found = [(last.holds, last.question) for last in (key, seal, sealed_at, nights_at)]
    assert found == [(None, "OUTSIDE WITNESS")] * 4


@pytest.mark.parametrize(("part", "open_question"), [("PUBLIC KEY", "seal"), ("CERTIFICATE", "key")])
def test_what_is_not_among_the_published_keys_is_not_said_to_be(kept: Kept, part: str, open_question: str) -> None:
    """Whoever publishes the anchors' key alone has said nothing of the seal, and the other way round."""
    blocks = re.findall(r"-----BEGIN ([A-Z ]+)-----.*?-----END \1-----\n", kept.published, re.DOTALL)
    assert set(blocks) == {"PUBLIC KEY", "CERTIFICATE"}
    pattern = rf"-----BEGIN {part}-----.*?-----END {part}-----\n"
    published = "".join(found[0] for found in re.finditer(pattern, kept.published, re.DOTALL))
    open_ones = [verdict for verdict in verify(kept.bundle, Trusted(published, kept.authority)) if not verdict.holds]
    assert [verdict.sentence.partition(":")[0] for verdict in open_ones] == [open_question]


def test_keys_that_the_bank_does_not_publish_are_told(kept: Kept) -> None:
    with mock_aws():
        kms = boto3.client("kms", region_name="eu-central-1")
        key = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
        strange = kms.get_public_key(KeyId=key)["PublicKey"]
    pem = f"-----BEGIN PUBLIC KEY-----\n{base64.encodebytes(strange).decode()}-----END PUBLIC KEY-----\n"
    certificates = kept.published[kept.published.index("-----BEGIN CERTIFICATE") :]
    (problem,) = broken(kept.files, Trusted(pem + certificates))
    assert problem.startswith("key: the bank does not publish the anchors' key")
    found = broken(kept.files | {"keys/anchor.pem": pem.encode()}, kept.trusted)
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
    found = broken(kept.files | {"agreement.pdf": bytes(document)}, kept.trusted)
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
        assert [verdict for verdict in verify(bytes(data), kept.trusted) if verdict.holds is False]


@pytest.mark.parametrize("kept_events", range(1, 20, 2))
def test_a_chain_whose_end_was_cut_off_is_found_although_the_case_says_the_same(kept: Kept, kept_events: int) -> None:
    claim, events = kept.chain
    assert len(events) == 20
    cut = events[:kept_events]
    found = broken(with_events(kept.files, claim | {"head": cut[-1]["hash"], "count": kept_events}, cut), kept.trusted)
    assert any("TRUNCATED" in sentence for sentence in found)


@pytest.mark.parametrize("number", range(0, 20, 2))
def test_a_chain_that_was_written_anew_is_found_although_every_hash_fits(kept: Kept, number: int) -> None:
    def another_actor(bodies: list[dict[str, Any]]) -> None:
        bodies[number]["actor"]["id"] += "x"

    found = broken(rewritten(kept.files, another_actor), kept.trusted)
    assert any("REWRITTEN" in sentence for sentence in found)


def test_an_event_that_was_left_out_is_found(kept: Kept) -> None:
    def without_the_questions(bodies: list[dict[str, Any]]) -> None:
        bodies[:] = [body for body in bodies if body["type"] != "ComprehensionChecked"]

    found = broken(rewritten(kept.files, without_the_questions), kept.trusted)
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

    found = broken(rewritten(kept.files, change), kept.trusted)
    assert any(said in sentence for sentence in found)


def test_who_acts_before_anybody_knows_who_they_are_is_found(kept: Kept) -> None:
    def without_identity(bodies: list[dict[str, Any]]) -> None:
        bodies[:] = [body for body in bodies if body["type"] != "IdentityConfirmed"]

    assert any(
        "nobody had confirmed who they are" in found for found in broken(rewritten(kept.files, without_identity))
    )


def test_an_event_out_of_its_time_is_found(kept: Kept) -> None:
    def later(bodies: list[dict[str, Any]]) -> None:
        bodies[5]["at"] = "2199-01-01T00:00:00.000Z"

    assert any("it is earlier than the event before it" in found for found in broken(rewritten(kept.files, later)))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("anchors/0000000013", ["names one before it that is not there"]),
        ("days/", ["other files are in the bundle", "under no root"]),
        ("days/*.tsr", ["other files are in the bundle"]),
    ],
)
def test_a_statement_that_is_missing_is_missed(kept: Kept, name: str, said: list[str]) -> None:
    left = {file: content for file, content in kept.files.items() if not fnmatch(file, f"{name}*")}
    found = broken(left, kept.trusted)
    assert [words in sentence for words, sentence in zip(said, found, strict=True)] == [True] * len(said)


def test_an_anchor_that_somebody_else_signed_is_found(kept: Kept) -> None:
    """A rewritten chain with anchors to match needs the key."""
    files = kept.files
    body = json.loads(files["anchors/0000000013.body"]) | {"head": "f" * 64}
    found = broken(files | {"anchors/0000000013.body": rfc8785.dumps(body)}, kept.trusted)
    assert any("not signed by the key of the anchors" in sentence for sentence in found)


def test_terms_that_were_changed_afterwards_are_found(kept: Kept) -> None:
    claim, events = kept.chain
    terms = json.loads(claim["agreement"]["terms"])
    terms["schedule"][0]["amount"] += 1
    text = rfc8785.dumps(terms)
    claim["agreement"] |= {"terms": text.decode(), "terms_hash": hashlib.sha256(text).hexdigest()}
    files = with_events(kept.files, claim, events) | {"terms.json": text}
    found = [sentence.partition(":")[0] for sentence in broken(files, kept.trusted)]
    assert "the case names other terms than were signed in event 13" in found
    assert "print" in found, "the document says what was signed, and not this"


@pytest.mark.parametrize("left", [1, 4, 5, 11, 13, 14, 18, 19, 20])
def test_a_chain_without_anything_that_was_signed_of_it_is_no_evidence(kept: Kept, left: int) -> None:
    """Whoever has no key takes the statements away, cuts the chain and has it end with a collection of its own."""
    claim, events = kept.chain
    cut_short = collected_anew(unwitnessed(kept.files), left)
    assert any("must be anchored, and is not" in sentence for sentence in broken(cut_short, kept.trusted))
    early = unwitnessed(with_events(kept.files, *cut_off(claim, events, left)))
    assert broken(early, kept.trusted)


@pytest.mark.parametrize("left", [1, 4, 5, 11, 13, 14, 18, 19])
def test_the_state_of_an_earlier_day_is_not_the_evidence_of_today(kept: Kept, left: int) -> None:
    """All that was signed until then may be there: the chain does not end with its collection."""
    claim, events = kept.chain
    early = with_events(witnessed_until(kept.files, left), *cut_off(claim, events, left))
    assert any("TRUNCATED" in sentence for sentence in broken(early, kept.trusted))


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
    assert any(said in sentence for sentence in broken(kept.files | {name: content}, kept.trusted))


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
    assert broken(kept.files | {found: altered}, kept.trusted)


def test_a_statement_under_another_name_is_found(kept: Kept) -> None:
    names = sorted(name for name in kept.files if name.startswith("anchors/"))
    again = {f"anchors/0000000099{name[-5:]}": kept.files[name] for name in names[:1]}
    again["anchors/0000000099.body"] = kept.files[names[0]]
    again["anchors/0000000099.sig"] = kept.files[names[1]]
    assert any("is of event" in sentence for sentence in broken(kept.files | again, kept.trusted))


@pytest.mark.parametrize("field", ["document_sha256", "document_key", "signed_at"])
def test_what_the_case_says_of_its_agreement_is_named_by_the_collection(kept: Kept, field: str) -> None:
    claim, events = kept.chain
    later = datetime.fromisoformat(claim["agreement"]["signed_at"]) + timedelta(minutes=4)
    claim["agreement"][field] = later.isoformat() if field == "signed_at" else "0" * 64
    found = broken(with_events(kept.files, claim, events), kept.trusted)
    assert any(sentence.startswith("collected: other files") for sentence in found)


def stamped(kept: Kept, later: timedelta, statement: bytes | None = None) -> tuple[str, bytes]:
    """The name of a night's time-stamp, and one that the authority might have made so much later than the root."""
    (night,) = (name for name in kept.files if re.fullmatch(r"days/[0-9-]+\.body", name))
    told = datetime.fromisoformat(json.loads(kept.files[night])["at"]) + later
    with time_stamping(x509.load_pem_x509_certificate(kept.authority.encode()), told) as url:
        return night.replace(".body", ".tsr"), time_stamp(statement or kept.files[night], url)


def test_whoever_is_trusted_for_the_time_is_for_nothing_else_and_the_other_way_round(kept: Kept) -> None:
    seal = kept.published[kept.published.index("-----BEGIN CERTIFICATE") :]
    for trusted in (Trusted(kept.published + kept.authority), Trusted(kept.published, seal)):
        open_ones = [
            verdict.sentence.partition(":")[0] for verdict in verify(kept.bundle, trusted) if not verdict.holds
        ]
        assert open_ones == ["time", "nights' time"]
    other = Trusted(kept.published.replace(seal, kept.authority), seal)
    assert [found for found in broken(kept.files, other) if "does not lead to a trusted root" in found]


def test_an_authoritys_word_on_a_night_is_of_that_night_alone(kept: Kept) -> None:
    name, other = stamped(kept, timedelta(0), b"something else")
    for files in ({name: other}, {"days/2026-01-01.tsr": kept.files[name]}):
        assert any("nights' time" in sentence for sentence in broken(kept.files | files, kept.trusted))


@pytest.mark.parametrize(
    ("later", "said"),
    [
        (timedelta(days=-2000), "and it says of itself that it was made at"),
        (timedelta(minutes=-6), "and it says of itself that it was made at"),
        (timedelta(seconds=-1), "at most 0:00:00 after"),  # of an authority that tells whole seconds
        (timedelta(days=50, seconds=1), "at most 50 days, 0:00:0"),
    ],
)
def test_a_night_is_not_stamped_before_it_was_made_and_how_long_after_is_told(
    kept: Kept, later: timedelta, said: str
) -> None:
    """Whoever has the anchors' key can sign for nights of long ago, and no authority will stamp them for that time."""
    name, token = stamped(kept, later)
    files = kept.files | {name: token}
    ((holds, sentence),) = told(pack(files), kept.trusted, "nights' time")
    assert (holds, said in sentence) == (later > timedelta(minutes=-5), True)
    assert any(found.startswith("collected: other files") for found in broken(files, kept.trusted))


def test_what_was_signed_after_the_offer_had_run_out_is_found(kept: Kept) -> None:
    def run_out(bodies: list[dict[str, Any]]) -> None:
        for body in bodies:
            if body["type"] == "OfferMade":
                past = {"validUntil": "2026-01-01T00:00:00+00:00"}
                body["data"]["offers"] = [offer | past for offer in body["data"]["offers"]]

    assert any("the offer had run out" in sentence for sentence in broken(rewritten(kept.files, run_out)))


def test_an_offer_of_which_no_chain_said_yet_until_when_it_stands_is_no_broken_one(kept: Kept) -> None:
    def unsaid(bodies: list[dict[str, Any]]) -> None:
        for body in bodies:
            for offer in body["data"].get("offers", ()):
                del offer["validUntil"]

    ((holds, sentence),) = told(pack(rewritten(kept.files, unsaid)), kept.trusted, "story")
    assert (holds, "until when the offer of event 4 stood, was not recorded" in sentence) == (None, True)


def test_what_was_signed_is_what_was_offered(kept: Kept) -> None:
    def cheaper(bodies: list[dict[str, Any]]) -> None:
        for body in bodies:
            if body["type"] == "OfferMade":
                body["data"]["offers"] = [offer | {"totalPayable": 1} for offer in body["data"]["offers"]]

    assert "terms: totalPayable is not what was offered" in broken(rewritten(kept.files, cheaper))


def test_a_seal_by_an_earlier_certificate_stays_good_when_that_is_published_too(kept: Kept) -> None:
    """A renewed certificate comes beside the one before, in what `accord keys` prints."""
    with mock_aws():
        kms = boto3.client("kms", region_name="eu-central-1")
        key = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
        bank, now = subject_name("示例银行", "CN"), datetime.fromisoformat("2026-11-28T00:00:00+00:00")
        renewed = self_signed_certificate(kms, key, bank, now)
    start = kept.published.index("-----BEGIN CERTIFICATE")
    key_alone, before = kept.published[:start], kept.published[start:]
    trusted = Trusted(key_alone + renewed + before, kept.authority)
    assert [verdict for verdict in verify(kept.bundle, trusted) if not verdict.holds] == []
    assert broken(kept.files, Trusted(key_alone + renewed))


@pytest.mark.parametrize("name", ["agreement.pdf", "terms.json", "keys/seal.pem", "keys/anchor.pem", "events.jsonl"])
def test_a_part_that_is_missing_is_named_or_refused(kept: Kept, name: str) -> None:
    left = {file: content for file, content in kept.files.items() if file != name}
    assert broken(left)


def test_where_there_is_nothing_to_compare_nothing_is_said_to_be_published(kept: Kept) -> None:
    data = pack(kept.files | {"keys/anchor.pem": b""})
    assert [holds for holds, _ in told(data, kept.trusted, "key")] == [None]
    data = pack({name: content for name, content in kept.files.items() if name != "agreement.pdf"})
    assert [holds for holds, _ in told(data, kept.trusted, "seal")] == [None]


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\n[]"])
def test_what_is_no_part_of_a_bundle_breaks_nothing_but_the_verdict(kept: Kept, content: bytes) -> None:
    for name in kept.files:
        if name == "bundle.json":
            with pytest.raises(BundleUnreadableError):
                broken(kept.files | {name: content}, kept.trusted)
            continue
        assert broken(kept.files | {name: content}, kept.trusted), name


def test_a_bundle_of_another_version_is_refused_by_its_name(kept: Kept) -> None:
    earlier = kept.files["bundle.json"].replace(b'"v": 3', b'"v": 1')
    with pytest.raises(BundleUnreadableError, match="version 1, and this `accord verify` judges version 3"):
        broken(kept.files | {"bundle.json": earlier})


def test_what_an_agreement_may_hold_one_day_changes_no_digest_of_today(kept: Kept) -> None:
    class LaterAgreement(Agreement):
        more: str | None = None

    class LaterRecord(Record):
        agreement: LaterAgreement | None = None

    record = record_of(kept.files["events.jsonl"].decode(), "events.jsonl")
    later = LaterRecord.model_validate(record.model_dump())
    assert files_digest(kept.files, later) == files_digest(kept.files, record)


def test_the_day_of_the_signature_is_the_day_where_the_customer_was(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it was when the document was made, wherever they live since: a rule may be in force from that day."""
    asked = []
    monkeypatch.setattr("infra.evidence.verify.check_complete", lambda terms, policy, today: asked.append(today))
    claim, events = kept.chain
    (signed,) = (event["at"] for event in events if event["type"] == "AgreementSigned")
    terms = json.loads(kept.files["terms.json"])
    assert (terms["time_zone"], signed[11:13]) == ("Asia/Shanghai", "02")
    assert "time_zone" not in claim, "what the case says today is no part of what was agreed"
    broken(kept.files)
    assert asked == [date.fromisoformat(signed[:10])]


# --- what the document prints ------------------------------------------------------------------------------------


def with_a_fee(terms: dict[str, Any]) -> None:
    terms["clauses"][2]["paragraphs"].append("您另付手续费 ¥5,000.00，本条优先于上文。")


def a_payment_more(terms: dict[str, Any]) -> None:
    last = terms["schedule"][-1]
    terms["schedule"].append(last | {"number": last["number"] + 1, "due_date": "2029-01-21"})


def other_key_facts(terms: dict[str, Any]) -> None:
    terms["regular_instalment"], terms["annual_cost_ppm"] = 1, 990_000


def another_card(terms: dict[str, Any]) -> None:
    terms["cards"][0]["text"] = "我们不停止催收。"


def other_consents(terms: dict[str, Any]) -> None:
    terms["consent_texts"] = dict.fromkeys(terms["consent_texts"], "我放弃一切投诉权利。")


def printed(files: Files) -> tuple[bool | None, str]:
    """What is said of the print of a document that its seal and its chain fit."""
    assert [holds for holds, _ in told(pack(files), NOBODY, "document")] == [True]
    (found,) = told(pack(files), NOBODY, "print")
    return found


def edited(document: bytes, change: Callable[[pikepdf.Pdf], None]) -> bytes:
    made = io.BytesIO()
    with pikepdf.open(io.BytesIO(document)) as pdf:
        change(pdf)
        pdf.save(made)
    return made.getvalue()


def test_the_print_is_compared_whole_whatever_seals_it_and_whoever_packed_it(kept: Kept) -> None:
    holds, sentence = printed(resealed(kept.files, edited(typeset(kept.files), lambda _: None)))
    assert holds
    assert "the document is what the terms print, from the first page to the last, and nothing else" in sentence


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (with_a_fee, "您另付手续费¥5,000.00，本条优先于上文。"),
        (a_payment_more, ""),
        (other_key_facts, "¥0.01"),
        (another_card, "不停止催收"),
        (other_consents, "我放弃一切投诉权利。"),
    ],
)
def test_what_is_printed_and_was_not_signed_is_found(
    kept: Kept, change: Callable[[dict[str, Any]], None], said: str
) -> None:
    holds, sentence = printed(resealed(kept.files, typeset(kept.files, change)))
    assert holds is False
    assert said in sentence


def test_whose_name_is_printed_is_told_for_whoever_judges_to_compare(kept: Kept) -> None:
    """No event holds a name."""
    holds, sentence = printed(resealed(kept.files, typeset(kept.files, name="王大明", id_last4="0001")))
    assert holds
    assert 'the name "王大明" and the last four 0001 are its own word, no event tells them' in sentence


def test_the_name_that_is_printed_is_the_one_that_the_document_tells_of_itself(kept: Kept) -> None:
    def tell(told: str) -> Callable[[pikepdf.Pdf], None]:
        return lambda pdf: pdf.docinfo.__setitem__("/Subject", told)

    for said in ("王大明 (0001)", "王大明", "\u202e大明 (0001)", "大" * 101 + " (0001)"):
        holds, _ = printed(resealed(kept.files, edited(typeset(kept.files), tell(said))))
        assert holds is False


def draw_over(pdf: pikepdf.Pdf) -> None:
    """A white sheet over the figures, and not a word."""
    pdf.pages[0].contents_add(b"q 1 1 1 rg 0 0 600 900 re f Q")


def add_a_note(pdf: pikepdf.Pdf) -> None:
    note = {"Type": "/Annot", "Subtype": "/FreeText", "Rect": [50, 50, 500, 90], "Contents": "x", "DA": "/F 9 Tf"}
    kinds = {"Type", "Subtype"}
    made = {f"/{name}": pikepdf.Name(value) if name in kinds else value for name, value in note.items()}
    pdf.pages[1].obj.Annots = pdf.make_indirect(pikepdf.Array([pdf.make_indirect(pikepdf.Dictionary(made))]))


def run_a_script(pdf: pikepdf.Pdf) -> None:
    pdf.Root.OpenAction = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS="x")


def exchange_letters(pdf: pikepdf.Pdf) -> None:
    """What is copied or read aloud is no longer what is seen."""
    for font in (item for item in pdf.objects if isinstance(item, pikepdf.Dictionary) and "/ToUnicode" in item):
        font.ToUnicode.write(font.ToUnicode.read_bytes().replace(b"<0035>", b"<0039>"))


@pytest.mark.parametrize("change", [draw_over, add_a_note, run_a_script, exchange_letters])
def test_what_is_drawn_over_the_words_or_lies_behind_them_is_found(
    kept: Kept, change: Callable[[pikepdf.Pdf], None]
) -> None:
    holds, sentence = printed(resealed(kept.files, edited(typeset(kept.files), change)))
    assert holds is False
    assert "it says" in sentence


def test_what_was_laid_over_the_document_when_it_was_sealed_is_found(kept: Kept) -> None:
    """Below it the document is still there, byte for byte as it was recorded."""
    plain = typeset(kept.files)
    writer = IncrementalPdfFileWriter(io.BytesIO(plain))
    page = writer.root["/Pages"]["/Kids"][0].get_object()
    while page["/Type"] != "/Page":
        page = page["/Kids"][0].get_object()
    page[generic.pdf_name("/Contents")] = writer.add_object(generic.StreamObject(stream_data=b""))
    writer.update_container(page)
    grown = io.BytesIO()
    writer.write(grown)
    assert grown.getvalue().startswith(plain)
    holds, _ = printed(resealed(kept.files, grown.getvalue(), recorded=plain))
    assert holds is False


def test_a_seal_that_stands_on_a_page_is_found(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accord_documents.sealing.InvisSigSettings", lambda **_: InvisSigSettings())
    holds, _ = printed(resealed(kept.files, typeset(kept.files)))
    assert holds is False


@pytest.mark.parametrize("layout", ["layout 2", None])
def test_the_print_of_another_layout_is_not_judged_and_what_of_it_agrees_is_told(
    kept: Kept, layout: str | None
) -> None:
    def mark(pdf: pikepdf.Pdf) -> None:
        pdf.docinfo["/Keywords"] = layout or "layout of mine"

    holds, sentence = printed(resealed(kept.files, edited(typeset(kept.files), mark)))
    assert holds is None
    assert f"typeset by {layout or 'a layout it does not name'}" in sentence
    assert "its words are those of layout 1, from the first to the last" in sentence
    holds, sentence = printed(resealed(kept.files, edited(typeset(kept.files, with_a_fee), mark)))
    assert (holds, "its words are" in sentence) == (None, False)


# --- a case that is lost -----------------------------------------------------------------------------------------


def test_what_is_left_of_a_lost_case_is_judged_and_what_is_not_is_told(kept: Kept) -> None:
    verdicts = list(verify(kept.lost, kept.trusted))
    open_ones = [verdict.sentence.partition(":")[0] for verdict in verdicts if verdict.holds is None]
    assert open_ones == ["terms", "print", "collected", "end"]
    assert [verdict for verdict in verdicts if verdict.holds is False] == []
    ((_, sentence),) = told(kept.lost, kept.trusted, "collected")
    assert "there is no event of its collection" in sentence
    assert "ask for the bundle of that day too" in sentence


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("events.jsonl", b'"seq":7', b'"seq":8', "event 8"),
        ("events.jsonl", b'{"case_id"', b'{"note":1,"case_id"', "written in another form"),
        ("anchors/0000000013.body", b'"count":13', b'"count":12', "REWRITTEN"),
        ("days/*.body", b'"count":', b'"count":1', "does not stand under it"),
        ("agreement.pdf", b"%%EOF", b"%%EOE", "document: "),
        ("terms.json", b"", b"{}", "terms: terms.json is there"),
        ("signature.txt", b"", b"1,1", "terms: signature.txt is there"),
    ],
)
def test_what_is_altered_of_a_lost_case_is_found(kept: Kept, name: str, old: bytes, new: bytes, said: str) -> None:
    files = files_of(kept.lost)
    (found,) = [file for file in files if fnmatch(file, name)] or [name]
    altered = files.get(found, b"").replace(old, new, 1)
    assert altered != files.get(found)
    assert any(said in sentence for sentence in broken(files | {found: altered}, kept.trusted))


def test_a_case_that_somebody_invents_without_a_key_is_witnessed_by_nobody(kept: Kept) -> None:
    """All within an hour, with no statement, and with the key that the bank publishes laid beside it."""
    invented = "c-000000000000000000000001"

    def invent(bodies: list[dict[str, Any]]) -> None:
        bodies[:] = [body | {"case": invented} for body in bodies[:13]]
        for body in bodies:
            for offer in body["data"].get("offers", ()):
                offer |= {"totalPayable": 1}

    chain = without_case(rewritten(kept.files, invent))["events.jsonl"]
    parts = {name: kept.files[name] for name in ("README.txt", "keys/anchor.pem")}
    data = pack(parts | {"bundle.json": bundle_json(invented), "events.jsonl": chain})
    verdicts = list(verify(data, kept.trusted))
    assert [verdict for verdict in verdicts if verdict.holds and verdict.question != "INTEGRITY"] == []
    for what in ("signatures", "key"):
        assert [holds for holds, _ in told(data, kept.trusted, what)] == [None]
    ((holds, sentence),) = told(data, kept.trusted, "anchors")
    assert holds is None
    assert "nobody bears witness to event 1 and what follows" in sentence
    assert "event 4 (OfferMade) must have one of its own, and has none" in sentence


def test_what_is_written_anew_after_the_last_anchor_of_a_lost_case_is_witnessed_by_nobody(kept: Kept) -> None:
    def other_terms(bodies: list[dict[str, Any]]) -> None:
        bodies[:] = bodies[:13]
        for body in bodies[4:]:
            body["data"] |= {"termsHash": "e" * 64} if "termsHash" in body["data"] else {}

    files = without_case(witnessed_until(rewritten(kept.files, other_terms), 4))
    left = {name: content for name, content in files.items() if name not in ("agreement.pdf", "keys/seal.pem")}
    assert broken(left, kept.trusted) == []
    ((holds, sentence),) = told(pack(left), kept.trusted, "anchors")
    assert (holds, "nobody bears witness to event 5 and what follows" in sentence) == (None, True)
    assert "event 13 (AgreementSigned) must have one of its own" in sentence
    (earlier,) = told(pack(witnessed_until(left, 3)), kept.trusted, "anchors")
    assert "event 1 and what follows" in earlier[1]


@pytest.mark.parametrize("trusted", [True, False])
def test_a_case_that_is_there_gets_out_of_no_check_by_leaving_its_word_away(kept: Kept, trusted: bool) -> None:
    """Without what the case says it is shown as a lost one: nothing of it that was not judged is said to hold."""
    found = list(verify(pack(without_case(kept.files)), kept.trusted if trusted else NOBODY))
    open_ones = {verdict.sentence.partition(":")[0] for verdict in found if verdict.holds is None}
    assert {"terms", "print", "collected", "end"} <= open_ones


# --- collecting --------------------------------------------------------------------------------------------------


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with tables_on_moto(monkeypatch) as names:
        yield Desk(names)


def answering(desk: Desk, monkeypatch: pytest.MonkeyPatch, before: Iterable[Callable[[], None]]) -> None:
    """Whoever signs the chains does it when somebody looks, each time after something else."""
    steps, is_anchored = iter(before), Anchors.is_anchored

    def look(anchors: Anchors, case_id: str, count: int) -> bool:
        desk.sign()
        next(steps)()
        return is_anchored(anchors, case_id, count)

    monkeypatch.setattr(Anchors, "is_anchored", look)


def collections(files: Files) -> list[str]:
    """Who collected what, by the chain."""
    bodies = (json.loads(event["body"]) for event in map(json.loads, files["events.jsonl"].splitlines()[1:]))
    return [body["actor"]["id"] for body in bodies if body["type"] == "EvidenceCollected"]


@pytest.mark.parametrize("attempts", [1, 2, 3])
def test_a_case_that_went_on_meanwhile_is_collected_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, attempts: int
) -> None:
    answering(desk, monkeypatch, [desk.go_on] * (attempts - 1) + [lambda: None])
    files = collect(desk.case_id, desk.name, "auditor-1")
    assert collections(files) == ["auditor-1"] * attempts
    assert broken(files) == []


def test_a_case_that_never_holds_still_is_not_collected(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    answering(desk, monkeypatch, repeat(desk.go_on))
    with pytest.raises(UnreadableError, match="is changing right now"):
        collect(desk.case_id, desk.name, "auditor-1")


def test_where_nobody_signs_the_chain_there_is_no_evidence(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.evidence.collect._ANCHORED_WITHIN", timedelta(0))
    with pytest.raises(UnreadableError, match=r"event 2 of .*, and nobody has signed the chain up to it"):
        collect(desk.case_id, desk.name, "auditor-1")


def test_a_case_that_is_lost_before_anything_of_it_was_signed_is_collected(desk: Desk) -> None:
    desk.lose()
    files = collect(desk.case_id, desk.name, "auditor-1")
    assert broken(files) == []
    assert [holds for holds, _ in told(pack(files), NOBODY, "anchors")] == [None]


def test_the_command_says_as_what_and_who_somebody_collected_and_overwrites_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answering(desk, monkeypatch, [lambda: None])
    file = tmp_path / "case.zip"
    command = ["evidence", desk.case_id, "--stack", desk.name, "--out", str(file)]
    said = CliRunner().invoke(app, command)
    assert said.exit_code == 0, said.output
    assert f"To check it: accord verify {file}" in said.output.replace("\n", "")
    assert collections(files_of(file.read_bytes())) == ["user/moto"]
    assert CliRunner().invoke(app, command).exit_code == 2
    assert desk.store.get(desk.case_id).version == 2, "nothing is collected for nothing"


def test_the_command_prints_what_the_bank_publishes_and_leaves_out_what_was_once_wrong(desk: Desk) -> None:
    first, today = desk.certificate("A Bank"), desk.certificate("The Bank")
    damaged = first.replace("MII", "NII", 1)
    for value in (first, damaged, today):
        client("ssm").put_parameter(Name=desk.parameter, Value=value, Type="String", Overwrite=True)
    said = CliRunner().invoke(app, ["keys", "--stack", desk.name])
    assert (said.exit_code, said.stdout) == (0, anchor_pem(desk.key).decode() + today + first)
    assert f"{desk.parameter}, version 2, is left out" in said.stderr
    client("ssm").put_parameter(Name=desk.parameter, Value=damaged, Type="String", Overwrite=True)
    assert CliRunner().invoke(app, ["keys", "--stack", desk.name]).exit_code == 2


# --- judging -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [b"", b"no zip", zipfile.ZIP_STORED.to_bytes(4, "big")])
def test_what_is_no_bundle_is_refused(data: bytes) -> None:
    with pytest.raises(BundleUnreadableError):
        list(verify(data))


def test_the_command_says_it_in_words_and_by_its_exit_status(kept: Kept, tmp_path: Path) -> None:
    whole, damaged, published = tmp_path / "case.zip", tmp_path / "damaged.zip", tmp_path / "keys.pem"
    of_time, certificates, lost = tmp_path / "authority.pem", tmp_path / "seal.pem", tmp_path / "lost.zip"
    certificates.write_text(kept.published[kept.published.index("-----BEGIN CERTIFICATE") :])
    whole.write_bytes(kept.bundle)
    damaged.write_bytes(kept.bundle + b" ")
    published.write_text(kept.published)
    of_time.write_text(kept.authority)
    trusted = ["--published", str(published), "--authorities", str(of_time)]
    said = CliRunner().invoke(app, ["verify", str(whole), *trusted])
    assert said.exit_code == 0, said.output
    assert [line for line in said.output.splitlines() if line.isupper()] == [
        "INTEGRITY",
        "COMPLETENESS",
        "OUTSIDE WITNESS",
    ]
    assert "Whole and complete." in said.output
    for files in ([], ["--authorities", str(of_time)], ["--published", str(certificates), *trusted[2:]]):
        said = CliRunner().invoke(app, ["verify", str(whole), *files])
        assert (said.exit_code, "Whole" in said.output, "Not shown: key" in said.output) == (3, False, True)
    lost.write_bytes(kept.lost)
    said = CliRunner().invoke(app, ["verify", str(lost), *trusted])
    assert (said.exit_code, "Whole" in said.output) == (3, False)
    assert "Nothing is broken. Shown: bundle, chain, story, document, anchors, nights, signatures" in said.output
    assert "Not shown: terms, print, collected, end. Nobody vouches for what is not shown." in said.output
    said = CliRunner().invoke(app, ["verify", str(damaged)])
    assert (said.exit_code, "BROKEN" in said.output) == (1, True)
    damaged.write_text("no certificate")
    assert CliRunner().invoke(app, ["verify", str(whole), "--authorities", str(damaged)]).exit_code == 2
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
