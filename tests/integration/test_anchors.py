"""What was anchored stays: one anchor an event, one root a day, signed by a key of its own, locked in the bucket."""

import base64
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

import boto3
import pytest
from asn1crypto import cms
from billing_events import overdue_event
from botocore.exceptions import ClientError
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from integration.tables import tables_on_moto
from licensed_ca import LicensedCa
from loading import CONTEXT, load_app
from time_stamping import WRONGLY, Answer, authority, pem_of, time_stamping, with_certificates

from accord import clock
from accord.anchors import ChainEnd, Signed, root
from accord.aws.anchors import Anchors, public_key
from accord.aws.clients import client
from accord.aws.store import CaseStore
from accord.errors import AnchorDamagedError
from accord.opening import open_case
from accord_documents import TimeStamp, read_time_stamp, time_stamp

NOW = datetime.fromisoformat("2026-11-28T09:00:00+00:00")
DAY = date(2026, 11, 27)


class World:
    """A bucket under lock, a signing key, and the tables."""

    def __init__(self, names: dict[str, str]) -> None:
        self.s3 = boto3.client("s3")
        self.s3.create_bucket(
            Bucket="anchors",
            CreateBucketConfiguration={"LocationConstraint": "eu-central-1"},
            ObjectLockEnabledForBucket=True,
        )
        self.s3.put_object_lock_configuration(
            Bucket="anchors",
            ObjectLockConfiguration={
                "ObjectLockEnabled": "Enabled",
                "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}},
            },
        )
        key = boto3.client("kms").create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
        self.key_arn = key["KeyMetadata"]["Arn"]
        self.anchors = Anchors("anchors", self.key_arn)
        self.store = CaseStore(names["CASES_TABLE"], names["EVENTS_TABLE"])

    def open_case(self, account: str) -> ChainEnd:
        opening = open_case(
            overdue_event(event_id=f"e-{account}", account_id=account), self.store.cases_of(account), NOW
        )
        self.store.open(opening, "open")
        case = self.store.get(opening.case.case_id)
        return ChainEnd(case=case.case_id, count=case.version, head=case.head)

    def requests(self, act: Callable[[], object]) -> list[str]:
        """What is asked of S3 meanwhile; of a list also what it is of."""
        asked: list[str] = []

        def note(params: dict[str, Any], model: Any, **_: object) -> None:
            asked.append(f"{model.name} {params['Prefix']}" if "Prefix" in params else model.name)

        events = client("s3").meta.events
        events.register("before-parameter-build.s3", note)
        act()
        events.unregister("before-parameter-build.s3", note)
        return asked

    def is_signed(self, signed: Signed) -> bool:
        key = serialization.load_der_public_key(public_key(self.key_arn))
        assert isinstance(key, ec.EllipticCurvePublicKey)
        try:
            key.verify(base64.b64decode(signed.signature), signed.body.encode(), ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with tables_on_moto(monkeypatch) as names:
        monkeypatch.setattr(clock, "now", lambda: NOW)
        world = World(names)
        monkeypatch.setenv("ANCHORS_BUCKET", "anchors")
        monkeypatch.setenv("ANCHOR_KEY_ARN", world.key_arn)
        monkeypatch.setenv("TIME_STAMP_URL", "")
        yield world


def end(count: int) -> ChainEnd:
    return ChainEnd(case="c-1", count=count, head=f"{count:064x}")


def test_an_anchor_is_signed_and_names_the_one_before(world: World) -> None:
    assert world.anchors.anchor(end(5), NOW)
    assert world.anchors.anchor(end(12), NOW + timedelta(hours=1))
    first, second = world.anchors.of_case("c-1")
    assert (first.told["count"], second.told["count"]) == (5, 12)
    assert (first.told["prev"], second.told["prev"]) == (None, first.digest)
    assert world.is_signed(first)
    assert world.is_signed(second)
    assert not world.is_signed(Signed(body=first.body, signature=second.signature))
    assert world.anchors.of_case("c-2") == []
    assert [world.anchors.is_anchored("c-1", count) for count in (5, 6, 12)] == [True, False, True]


def test_the_same_event_again_anchors_nothing_and_another_head_cannot_take_its_place(world: World) -> None:
    assert world.anchors.anchor(end(5), NOW)
    kept = world.anchors.of_case("c-1")
    assert not world.anchors.anchor(end(5).model_copy(update={"head": "f" * 64}), NOW + timedelta(days=1))
    assert world.anchors.of_case("c-1") == kept


def test_two_at_once_leave_one_anchor(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other one wrote between this one's look and its write."""
    monkeypatch.setattr(world.anchors, "_first_versions", lambda key: {})
    assert world.anchors.anchor(end(5), NOW)
    assert not world.anchors.anchor(end(5), NOW + timedelta(seconds=1))


def test_nobody_takes_an_anchor_back(world: World) -> None:
    world.anchors.anchor(end(5), NOW)
    (version,) = world.s3.list_object_versions(Bucket="anchors")["Versions"]
    with pytest.raises(ClientError, match="AccessDenied"):
        world.s3.delete_object(Bucket="anchors", Key=version["Key"], VersionId=version["VersionId"])


@pytest.mark.parametrize("cover", ["a mark of deletion", "another version"])
def test_what_lies_over_an_anchor_hides_nothing_and_takes_no_place(world: World, cover: str) -> None:
    """The lock keeps every version and lets others be put above it; the bucket's policy forbids that as well."""
    world.anchors.anchor(end(5), NOW)
    kept = world.anchors.of_case("c-1")
    if cover == "another version":
        world.s3.put_object(Bucket="anchors", Key="cases/c-1/0000000005.json", Body=b"{}")
    else:
        world.s3.delete_object(Bucket="anchors", Key="cases/c-1/0000000005.json")
    assert world.anchors.of_case("c-1") == kept
    assert not world.anchors.anchor(end(5).model_copy(update={"head": "f" * 64}), NOW)
    assert world.anchors.of_case("c-1") == kept
    assert world.anchors.anchor(end(12), NOW)
    first, second = world.anchors.of_case("c-1")
    assert second.told["prev"] == first.digest


def test_nothing_is_listed_or_read_twice(world: World) -> None:
    world.open_case("a-1")
    world.anchors.anchor(end(5), NOW)
    find, read, write = "ListObjectVersions", "GetObject", "PutObject"
    assert world.requests(lambda: world.anchors.anchor(end(12), NOW)) == [f"{find} cases/c-1/", read, write]
    assert world.requests(lambda: world.anchors.of_case("c-1")) == [f"{find} cases/c-1/", read, read]
    looks = world.requests(lambda: world.anchors.is_anchored("c-1", 12))
    assert looks == [f"{find} cases/c-1/0000000012.json"]
    handler = load_app("anchor_day").handler
    handler({}, CONTEXT)
    assert world.requests(lambda: world.anchors.of_day(DAY)) == [f"{find} days/{DAY}", read, read]
    assert world.requests(lambda: handler({}, CONTEXT)).count(f"{find} days/") == 1


def test_what_is_no_anchor_is_named(world: World) -> None:
    world.s3.put_object(Bucket="anchors", Key="cases/c-1/0000000005.json", Body=b"{}")
    with pytest.raises(AnchorDamagedError, match=r"cases/c-1/0000000005\.json"):
        world.anchors.of_case("c-1")


def test_the_root_of_a_night_stands_over_every_chain_that_grew(world: World) -> None:
    grown = sorted((world.open_case(f"a-{number}") for number in range(20)), key=lambda end: end.case)
    anchor_day = load_app("anchor_day").handler
    # Of what changed today, tonight's run tells, and so does the run after it that signs for today.
    assert anchor_day({}, CONTEXT) == {"day": "2026-11-27", "chains": 20}
    found = world.anchors.of_day(DAY)
    assert found is not None
    signed, ends = found
    assert ends == grown
    assert (signed.told["root"], signed.told["count"], signed.told["prev"]) == (root(grown), 20, None)
    assert world.is_signed(signed)
    assert anchor_day({}, CONTEXT)["day"] == "2026-11-27"
    assert world.anchors.of_day(DAY) == found, "a night is signed for once"


@pytest.mark.parametrize("nights", [4, 60])
def test_nights_that_nobody_ran_are_made_good_by_the_next_however_many(
    world: World, monkeypatch: pytest.MonkeyPatch, nights: int
) -> None:
    anchor_day = load_app("anchor_day").handler
    anchor_day({}, CONTEXT)
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(days=1))
    grown = world.open_case("a-1")
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(days=nights))
    anchor_day({}, CONTEXT)
    late = DAY + timedelta(days=nights)
    found, before = world.anchors.of_day(late), world.anchors.of_day(DAY)
    assert found is not None
    assert before is not None
    signed, ends = found
    assert (ends, signed.told["prev"]) == ([grown], before[0].digest)
    assert world.anchors.days() == [DAY, late]


def test_a_day_on_which_nothing_happened_is_signed_for_all_the_same(world: World) -> None:
    """A gap in the days is then a sign that something is missing."""
    assert load_app("anchor_day").handler({}, CONTEXT)["chains"] == 0
    found = world.anchors.of_day(DAY)
    assert found is not None
    assert (found[0].told["root"], found[1]) == (root([]), [])


def test_a_message_that_cannot_be_anchored_comes_again_alone(world: World) -> None:
    handler = load_app("anchor_case").handler

    def record(message_id: str, detail: str) -> dict[str, object]:
        return {"messageId": message_id, "body": detail, "attributes": {"ApproximateReceiveCount": "1"}}

    good = record("m-1", '{"detail": {"eventId": "c-1-7", "eventHash": "' + "a" * 64 + '"}}')
    assert handler({"Records": [good, record("m-2", "{}")]}, CONTEXT) == {
        "batchItemFailures": [{"itemIdentifier": "m-2"}]
    }
    (kept,) = world.anchors.of_case("c-1")
    assert (kept.told["count"], kept.told["head"]) == (7, "a" * 64)


def test_an_authority_says_when_a_root_was_there_and_is_asked_again_where_it_did_not_answer(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told = NOW + timedelta(hours=1)
    certificate = authority(told)
    pem = pem_of(certificate)
    with time_stamping(certificate, told, answer=b"not now") as url:
        monkeypatch.setenv("TIME_STAMP_URL", url)
        load_app("anchor_day").handler({}, CONTEXT)
    assert world.anchors.stamp_of(DAY) is None
    assert '"TimeStampFailed":[1.0]' in capsys.readouterr().out
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(days=1))
    with time_stamping(certificate, told) as url:
        monkeypatch.setenv("TIME_STAMP_URL", url)
        app = load_app("anchor_day")
        app.handler({}, CONTEXT)
        stamps = [world.anchors.stamp_of(DAY + timedelta(days=number)) for number in (0, 1)]
        app.handler({}, CONTEXT)
    found = world.anchors.of_day(DAY)
    assert found is not None
    assert None not in stamps
    assert stamps == [world.anchors.stamp_of(DAY + timedelta(days=number)) for number in (0, 1)], "each is kept once"
    token, statement = stamps[0] or b"", found[0].body.encode()
    assert read_time_stamp(token, statement, pem) == TimeStamp(at=told, trusted=True)
    assert read_time_stamp(token, statement, "") == TimeStamp(at=told, trusted=False)
    assert read_time_stamp(stamps[1] or b"", statement, pem) is None, "it is of another night"


@pytest.mark.parametrize("answer", WRONGLY)
def test_a_token_that_is_not_of_that_night_is_not_kept(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], answer: Answer
) -> None:
    """What is kept can never be replaced, so a wrong token would break the evidence of every case of that night."""
    certificate = authority(NOW)
    for told, is_kept in ((answer, False), (None, True)):
        with time_stamping(certificate, NOW, told) as url:
            monkeypatch.setenv("TIME_STAMP_URL", url)
            load_app("anchor_day").handler({}, CONTEXT)
        assert (world.anchors.stamp_of(DAY) is not None) == is_kept
        assert ('"TimeStampFailed":[1.0]' in capsys.readouterr().out) != is_kept


def test_a_night_that_is_damaged_is_reported_and_keeps_no_other_from_its_time_stamp(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    load_app("anchor_day").handler({}, CONTEXT)
    damaged = DAY - timedelta(days=7)
    world.s3.put_object(Bucket="anchors", Key=f"days/{damaged}.json", Body=b"{}")
    with time_stamping(authority(NOW), NOW) as url:
        monkeypatch.setenv("TIME_STAMP_URL", url)
        assert load_app("anchor_day").handler({}, CONTEXT)["day"] == str(DAY)
    assert [world.anchors.stamp_of(day) is not None for day in (damaged, DAY)] == [False, True]
    said = caplog.records[-1].__dict__
    assert (said["day"], said["why"]) == (str(damaged), "AnchorDamagedError")
    assert '"TimeStampFailed":[1.0]' in capsys.readouterr().out


def test_what_makes_documents_and_time_stamps_can_be_broken_and_the_root_is_kept(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIME_STAMP_URL", "http://127.0.0.1:1")
    monkeypatch.setitem(sys.modules, "accord_documents.time_stamps", None)
    with pytest.raises(ImportError):
        load_app("anchor_day").handler({}, CONTEXT)
    assert world.anchors.days() == [DAY]


def test_a_time_stamp_needs_nothing_that_typesets() -> None:
    told = "import sys, accord_documents.time_stamps; print(sorted({'typst', 'pikepdf'} & sys.modules.keys()))"
    where = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    asked = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True, env=where)
    assert asked.stdout == "[]\n"


def test_a_token_that_brings_many_certificates_keeps_nobody_waiting() -> None:
    """They are not signed, so anybody may add some; where each may have issued each, ways to a root are millions."""
    strange = LicensedCa("RSA-2048", NOW).root_pem
    with time_stamping(authority(NOW), NOW) as url:
        token = cms.ContentInfo.load(time_stamp(b"a root", url))
    few, many = with_certificates(token, 5), with_certificates(token, 20)
    assert read_time_stamp(few, b"a root", strange) == TimeStamp(at=NOW, trusted=False)
    for roots in ("", strange, pem_of(authority(NOW))):
        assert read_time_stamp(many, b"a root", roots) is None


@pytest.mark.parametrize(
    ("at", "is_trusted"),
    [
        (NOW - timedelta(days=1, seconds=1), False),
        (NOW - timedelta(days=1), True),
        (NOW + timedelta(days=365), True),
        (NOW + timedelta(days=365, seconds=1), False),
    ],
)
def test_an_authority_is_trusted_while_its_certificate_was_valid(at: datetime, is_trusted: bool) -> None:
    """Also where it is itself the one that is trusted."""
    certificate = authority(NOW)
    with time_stamping(certificate, at) as url:
        token = time_stamp(b"a root", url)
    assert read_time_stamp(token, b"a root", pem_of(certificate)) == TimeStamp(at=at, trusted=is_trusted)


def test_a_token_of_which_a_bit_was_changed_says_nothing_else() -> None:
    told, statement = NOW, b'{"kind":"day"}'
    certificate = authority(told)
    pem = pem_of(certificate)
    with time_stamping(certificate, told) as url:
        token = time_stamp(statement, url)
    chance = Random(1)
    for _ in range(60):
        changed = bytearray(token)
        changed[chance.randrange(len(token))] ^= 1 << chance.randrange(8)
        assert read_time_stamp(bytes(changed), statement, pem) in (None, TimeStamp(told, True), TimeStamp(told, False))
    assert read_time_stamp(token, statement + b" ", pem) is None
