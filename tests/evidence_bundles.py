"""The evidence of a case that is played to its active plan, and what may be done to it without the keys."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import rfc8785
from billing_events import overdue_event
from cryptography.hazmat.primitives import serialization
from licensed_ca import LicensedCa
from rich.console import Console
from time_stamping import authority, time_stamping

from accord import clock
from accord.anchors import ChainEnd
from accord.audit import lines_of, record_of, stores_of
from accord.aws.anchors import Anchors
from accord.aws.clients import client
from accord.aws.store import CaseStore
from accord.case import Change
from accord.events import Actor, ReviewRequested, chain_hash
from accord.opening import NEW_ACCOUNT, open_case
from accord_documents import render_agreement, seal, self_signed_certificate, subject_name
from infra import demo
from infra.evidence.bundle import MANIFEST, pack, unpack
from infra.evidence.collect import collect, files_digest
from infra.evidence.keys import anchor_pem, seal_certificates, seal_pem
from infra.evidence.printed import signatory_of
from infra.evidence.verify import Trusted
from infra.local.application import accord_stack
from infra.local.business_time import business_time_offset

Files = dict[str, bytes]
Chain = tuple[dict[str, Any], list[dict[str, Any]]]


@dataclass(frozen=True)
class Kept:
    """What was collected, also when the case itself was gone; what the bank publishes, and the authority of time."""

    bundle: bytes
    lost: bytes
    published: str
    authority: str

    @classmethod
    def play(cls, console: Console, later: timedelta) -> "Kept":
        """A case to its active plan, and some time later its bundle."""
        began, now = clock.now() - datetime.now(UTC), datetime.now(UTC)
        ours = authority(now + business_time_offset(now))
        with time_stamping(ours, None) as url, accord_stack(demo.BASE_URL, {"TimeStampUrl": url}) as stack:
            demo.run(console, stack, Path("/dev/null"))
            stack.advance(later)
            stack.settle()
            (execution,) = stack.executions("NegotiationStateMachine")
            case_id = execution.execution_arn.rpartition(":")[2]
            bundle = pack(collect(case_id, "accord-local", "auditor-1"))
            stores = stores_of("accord-local")
            lose_case(stack.client("dynamodb"), stores.cases_table, case_id)
            lost = pack(collect(case_id, "accord-local", "auditor-1"))
            assert stores.anchor_key_arn
            assert stores.seal_certificate_parameter
            published = anchor_pem(stores.anchor_key_arn).decode()
            published += seal_certificates(stores.seal_certificate_parameter)
        clock.move(began)
        return cls(bundle, lost, published, ours.public_bytes(serialization.Encoding.PEM).decode())

    @classmethod
    def read(cls, folder: Path) -> "Kept":
        bundles = ((folder / name).read_bytes() for name in ("case.zip", "lost.zip"))
        return cls(*bundles, *((folder / name).read_text() for name in ("keys.pem", "authority.pem")))

    def write(self, folder: Path) -> None:
        (folder / "case.zip").write_bytes(self.bundle)
        (folder / "lost.zip").write_bytes(self.lost)
        (folder / "keys.pem").write_text(self.published)
        (folder / "authority.pem").write_text(self.authority)

    @property
    def trusted(self) -> Trusted:
        return Trusted(self.published, self.authority)

    @property
    def files(self) -> Files:
        return files_of(self.bundle)

    @property
    def chain(self) -> Chain:
        """What the case claims, and its events."""
        return chain_of(self.files)


def files_of(bundle: bytes) -> Files:
    """What is in a bundle beside its manifest, which is made anew with it."""
    return {name: content for name, content in unpack(bundle).items() if name != MANIFEST}


def chain_of(files: Files) -> Chain:
    claim, *events = (json.loads(line) for line in files["events.jsonl"].decode().splitlines())
    return claim, events


def with_events(files: Files, claim: dict[str, Any], events: list[dict[str, Any]]) -> Files:
    """The files with another chain, in the form in which a chain is written."""
    told = "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in (claim, *events))
    return files | {"events.jsonl": "".join(f"{line}\n" for line in lines_of(record_of(told, "events"))).encode()}


def cut_off(claim: dict[str, Any], events: list[dict[str, Any]], left: int) -> Chain:
    """The first events alone, and a case that claims no more."""
    return claim | {"head": events[left - 1]["hash"], "count": left}, events[:left]


def rewritten(files: Files, change: Callable[[list[dict[str, Any]]], None]) -> Files:
    """The chain made anew from bodies that somebody changed: every hash fits, and the case claims the new head."""
    claim, events = chain_of(files)
    bodies = [json.loads(event["body"]) for event in events]
    change(bodies)
    prev, made = "0" * 64, []
    for number, body in enumerate(bodies, start=1):
        canonical = rfc8785.dumps(body | {"seq": number, "prev": prev})
        prev = chain_hash(canonical)
        told = {"case_id": body["case"], "seq": number, "type": body["type"], "at": body["at"]}
        made.append(told | {"body": canonical.decode(), "hash": prev})
    return with_events(files, claim | {"head": prev, "count": len(made)}, made)


def unwitnessed(files: Files) -> Files:
    """What is left when somebody takes away all that was signed of the chain."""
    return {name: content for name, content in files.items() if not name.startswith(("anchors/", "days/"))}


def witnessed_until(files: Files, count: int) -> Files:
    """What was there when the chain had so many events, without its nights."""
    early = {
        name: content for name, content in files.items() if name.startswith("anchors/") and int(name[8:18]) <= count
    }
    return unwitnessed(files) | early


def collected_anew(files: Files, left: int) -> Files:
    """So many events alone, the last a collection that names what is there: all that can be forged without a key."""

    def cut(bodies: list[dict[str, Any]]) -> None:
        *others, last = bodies
        kept = others[: left - 1]
        bodies[:] = [*kept, last | {"at": (kept or others)[-1]["at"]}]

    def name_them(bodies: list[dict[str, Any]]) -> None:
        bodies[-1]["data"]["filesSha256"] = files_digest(taken, record)

    short = rewritten(files, cut)
    record = record_of(short["events.jsonl"].decode(), "events.jsonl")
    beside = ("events.jsonl", "anchors/")
    taken = {name: content for name, content in files.items() if not name.startswith(beside)}
    return rewritten(short, name_them)


def typeset(files: Files, change: Callable[[dict[str, Any]], None] = lambda _: None, **person: str) -> bytes:
    """The document without its seal, as the bank would print it of other terms or for somebody else."""
    claim, events = chain_of(files)
    told = {event["type"]: event for event in events}
    sealed = json.loads(told["AgreementSealed"]["body"])["data"]
    reference = {"case_id": claim["case_id"], "terms_hash": sealed["termsHash"], "chain_head": sealed["chainHead"]}
    terms, named = json.loads(files["terms.json"]), signatory_of(files["agreement.pdf"])
    signed_at = datetime.fromisoformat(told["AgreementSigned"]["at"]).astimezone(ZoneInfo(terms["time_zone"]))
    assert named
    change(terms)
    drawing = files.get("signature.txt", b"").decode()
    return render_agreement(terms, replace(named, **person), reference, terms["language"], signed_at, drawing)


def resealed(files: Files, document: bytes, recorded: bytes | None = None) -> Files:
    """A bundle of whoever has the seal's key and the chain: another document is sealed, and the chain tells of it.

    What is sealed may have grown since it was `recorded`. No anchor fits such a chain: that is not what it is for.
    """
    claim, events = chain_of(files)
    (at,) = (datetime.fromisoformat(event["at"]) for event in events if event["type"] == "AgreementSealed")
    sealed = seal(document, LicensedCa("P-256", at), at)
    digests = {"documentSha256": sealed, "unsealedSha256": recorded or document}

    def tell(bodies: list[dict[str, Any]]) -> None:
        for body in bodies:
            if body["type"] in ("AgreementSealed", "PlanActivated"):
                body["data"] |= {
                    name: hashlib.sha256(made).hexdigest() for name, made in digests.items() if name in body["data"]
                }

    claim["agreement"]["document_sha256"] = hashlib.sha256(sealed).hexdigest()
    return rewritten(with_events(files, claim, events), tell) | {
        "agreement.pdf": sealed,
        "keys/seal.pem": seal_pem(sealed),
    }


def without_case(files: Files) -> Files:
    """What somebody shows who says that the case was lost: the claim and what was agreed are not there."""
    chain = files["events.jsonl"].partition(b"\n")[2]
    left = {name: content for name, content in files.items() if name not in ("terms.json", "signature.txt")}
    return left | {"events.jsonl": chain}


class Desk:
    """A stack on moto with one open case, in which nothing runs by itself: whoever signs the chains is played."""

    name = "accord-desk"

    def __init__(self, names: dict[str, str]) -> None:
        self.cases_table = names["CASES_TABLE"]
        self.store = CaseStore(self.cases_table, names["EVENTS_TABLE"])
        self.parameter = "/accord/seal-certificate"
        place = {"LocationConstraint": "eu-central-1"}
        client("s3").create_bucket(Bucket="anchors", CreateBucketConfiguration=place)
        client("s3").put_bucket_versioning(Bucket="anchors", VersioningConfiguration={"Status": "Enabled"})
        self.key = str(client("kms").create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"])
        self.anchors = Anchors("anchors", self.key)
        told = {
            "CasesTableName": self.cases_table,
            "EventsTableName": names["EVENTS_TABLE"],
            "AnchorsBucketName": "anchors",
            "AnchorKeyArn": self.key,
            "SealCertificateParameterName": self.parameter,
        }
        outputs = {output: {"Value": value} for output, value in told.items()}
        template = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}, "Outputs": outputs}
        client("cloudformation").create_stack(StackName=self.name, TemplateBody=json.dumps(template))
        opening = open_case(overdue_event(), NEW_ACCOUNT, clock.now())
        self.store.open(opening, "open")
        self.case_id = opening.case.case_id

    def go_on(self) -> None:
        """Something else happens to the case."""
        event, system = ReviewRequested(reasons=("VULNERABLE",)), Actor(kind="SYSTEM", id="test")
        self.store.change(self.case_id, f"{uuid4()}", lambda case: Change(case, (event,), system))

    def sign(self) -> None:
        """What the function does that signs the chains."""
        case = self.store.get(self.case_id)
        self.anchors.anchor(ChainEnd(case=case.case_id, count=case.version, head=case.head), clock.now())

    def lose(self) -> None:
        """The case itself is no longer there, its events are."""
        lose_case(client("dynamodb"), self.cases_table, self.case_id)

    def certificate(self, organisation: str) -> str:
        return self_signed_certificate(client("kms"), self.key, subject_name(organisation, "CN"), clock.now())


def lose_case(dynamodb: Any, table: str, case_id: str) -> None:
    dynamodb.delete_item(TableName=table, Key={"pk": {"S": f"CASE#{case_id}"}, "sk": {"S": "CASE"}})
