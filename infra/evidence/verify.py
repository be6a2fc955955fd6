"""Judges a bundle offline: what is whole, what is complete, and what somebody outside the bank's own log confirms."""

import base64
import hashlib
import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Literal
from zoneinfo import ZoneInfo

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import ValidationError

from accord.agreement import check_as_signed, check_complete
from accord.anchors import ANCHORED, ChainEnd, Signed, leads_to_root
from accord.audit import Record, UnreadableError, lines_of, record_of
from accord.errors import AccordError, GlyphMissingError
from accord.events import ChainedEvent, DamagedEvent, EvidenceCollected, OfferMade, verify_chain
from accord.policy import load_policy
from accord_documents import SealVerdict, read_time_stamp, render_agreement, verify_sealed
from accord_documents.rendering import LAYOUT
from infra.evidence.bundle import MANIFEST, BundleUnreadableError, problem_of, unpack
from infra.evidence.collect import VERSION, bundle_json, files_digest, way_json
from infra.evidence.keys import certificates, fingerprint, public_keys, seal_pem
from infra.evidence.printed import Signatory, difference, layout_of, signatory_of, text_of
from infra.evidence.story import problem_of_story, signed_without_term

for reader in ("pypdf", "pyhanko"):  # what they find wrong with a document, the verdicts say
    logging.getLogger(reader).setLevel(logging.CRITICAL)

Question = Literal["INTEGRITY", "COMPLETENESS", "OUTSIDE WITNESS"]
_PARTS = re.compile(
    r"MANIFEST\.sha256|README\.txt|bundle\.json|events\.jsonl|terms\.json|signature\.txt|agreement\.pdf"
    r"|keys/(anchor|seal)\.pem|anchors/[0-9]{10}\.(body|sig)|days/[0-9]{4}-[0-9]{2}-[0-9]{2}\.(body|sig|path\.json|tsr)"
)
# What is signed itself after the collection, or is the chain: the event of the collection does not name it.
_BESIDE = re.compile(r"events\.jsonl$|anchors/")
# After this, the night's root must stand over an event: one failed night is made good by the next.
_ROOTED_AFTER = timedelta(hours=50)
# By how much the clocks of the bank and of an authority may differ; some of these tell whole seconds.
_STAMPED_WITHIN = timedelta(minutes=5)


@dataclass(frozen=True)
class Verdict:
    """One thing that was asked; `holds` is None where nothing in the bundle can tell."""

    question: Question
    holds: bool | None
    sentence: str


@dataclass(frozen=True)
class Night:
    """A night's statement, and where the case's leaf stands under its root."""

    name: str
    signed: Signed
    end: ChainEnd
    index: int
    path: tuple[str, ...]


class BrokenError(AccordError):
    """Something in the bundle is not as it must be."""


@dataclass(frozen=True)
class Trusted:
    """Whom the judge trusts, each for one thing alone: the bank for its keys, and authorities for the time.

    PEM texts, None where they are not at hand. Raises ValueError where one holds nothing of the kind.
    """

    published: str | None = None
    authorities: str | None = None

    def __post_init__(self) -> None:
        if self.published is not None and not (self.roots or self.keys):
            raise ValueError("there is neither a public key nor a certificate in what the bank publishes")
        if self.authorities is not None and not self.of_time:
            raise ValueError("there is no certificate of a time-stamping authority")

    @cached_property
    def keys(self) -> list[bytes]:
        """The public keys that the bank publishes for the anchors."""
        return public_keys(self.published or "")

    @cached_property
    def roots(self) -> str:
        """The certificates that the bank publishes for its seal."""
        return certificates(self.published or "")

    @cached_property
    def of_time(self) -> str:
        """The certificates of the authorities."""
        return certificates(self.authorities or "")


NOBODY = Trusted()


class Evidence:
    """A bundle, part by part. A part that cannot be read raises BrokenError when it is asked for."""

    def __init__(self, data: bytes, trusted: Trusted) -> None:
        self.data = data
        self.trusted = trusted
        self.files = unpack(data)
        told = self._json("bundle.json")
        self.case_id = str(told.get("case_id"))
        if (version := told.get("v")) != VERSION:
            raise BundleUnreadableError(
                f"it is a bundle of version {version}, and this `accord verify` judges version {VERSION}: use the one "
                "that came with the `accord evidence` that wrote it"
            )
        if self.files["bundle.json"] != bundle_json(self.case_id):
            raise BundleUnreadableError("bundle.json is not what `accord evidence` writes")

    @cached_property
    def record(self) -> Record:
        text = self._text("events.jsonl")
        try:
            record = record_of(text, "events.jsonl")
        except UnreadableError as error:
            raise BrokenError(str(error)) from None
        if "".join(f"{line}\n" for line in lines_of(record)) != text:
            raise BrokenError("events.jsonl: it is written in another form than `accord evidence` writes")
        damaged = next((event for event in record.events if isinstance(event, DamagedEvent)), None)
        if damaged is not None:
            raise BrokenError(f"event {damaged.seq}: {damaged.problem}")
        return record

    @property
    def events(self) -> list[ChainedEvent]:
        return [event for event in self.record.events if isinstance(event, ChainedEvent)]

    @property
    def is_lost(self) -> bool:
        """Whether the case itself says nothing: it was gone or damaged, so that its chain tells of no collection."""
        return not self.record.claims

    @property
    def end(self) -> ChainedEvent:
        """The last event: that by which the evidence was collected, or of a lost case the last that is left."""
        last = self.events[-1]
        if last.type != EvidenceCollected.__name__ and not self.is_lost:
            raise BrokenError(
                f"end: TRUNCATED, the last event is {last.seq} ({last.type}) and not the collection of this evidence: "
                "what came after it is not there"
            )
        return last

    @property
    def terms(self) -> dict[str, Any] | None:
        return None if self.record.agreement is None else self.record.agreement.agreed

    def event(self, kind: str) -> ChainedEvent | None:
        """The last event of a kind."""
        return next((event for event in reversed(self.events) if event.type == kind), None)

    @cached_property
    def seal(self) -> SealVerdict | None:
        """What is found of the seal, by the certificates that are published or else by its own; None without one."""
        sealed, document = self.event("AgreementSealed"), self.files.get("agreement.pdf")
        roots = self.trusted.roots or certificates(self.keys("seal"))
        if sealed is None or document is None or not roots:
            return None
        digest = sealed.told("documentSha256")
        return verify_sealed(document, roots, sealed.moment, digest, self.trusted.of_time)

    @cached_property
    def anchors(self) -> dict[str, Signed]:
        return {name: self._statement(f"anchors/{name}") for name in self._names("anchors/", ".body")}

    @cached_property
    def nights(self) -> list[Night]:
        return [self._night(name) for name in self._names("days/", ".body")]

    def keys(self, name: str) -> str:
        """The PEM text of a key file; empty where there is none."""
        return self.files.get(f"keys/{name}.pem", b"").decode(errors="replace")

    def _night(self, name: str) -> Night:
        told = self._json(f"days/{name}.path.json")
        try:
            end = ChainEnd.model_validate(told["end"])
            night = Night(name, self._statement(f"days/{name}"), end, int(told["index"]), tuple(map(str, told["path"])))
        except (KeyError, TypeError, ValueError):
            raise BrokenError(f"days/{name}.path.json is not the way to a root") from None
        if way_json(night.end, night.index, night.path) != self.files[f"days/{name}.path.json"]:
            raise BrokenError(f"days/{name}.path.json is written in another form than `accord evidence` writes")
        return night

    def _statement(self, name: str) -> Signed:
        body, signature = self.files.get(f"{name}.body", b""), self.files.get(f"{name}.sig", b"")
        try:
            signed = Signed(body=body.decode(), signature=base64.b64encode(signature).decode())
            if not isinstance(signed.told.get("at"), str):
                raise ValueError
        except (ValueError, ValidationError, RecursionError):
            raise BrokenError(f"{name}.body is not a statement") from None
        return signed

    def _names(self, folder: str, ending: str) -> list[str]:
        found = (name for name in self.files if name.startswith(folder) and name.endswith(ending))
        return sorted(name[len(folder) : -len(ending)] for name in found)

    def _json(self, name: str) -> dict[str, Any]:
        try:
            told = json.loads(self._text(name))
        except (ValueError, RecursionError):
            told = None
        if not isinstance(told, dict):
            raise BundleUnreadableError(f"{name} is missing, or is not a JSON object")
        return told

    def _text(self, name: str) -> str:
        return self.files.get(name, b"").decode(errors="replace")


def verify(data: bytes, trusted: Trusted = NOBODY) -> Iterator[Verdict]:
    """Every verdict on a bundle. Raises BundleUnreadableError."""
    evidence = Evidence(data, trusted)
    asked: tuple[tuple[Question, Callable[[], tuple[bool | None, str] | str | None]], ...] = (
        ("INTEGRITY", lambda: _bundle(evidence)),
        ("INTEGRITY", lambda: _chain(evidence)),
        ("INTEGRITY", lambda: _story(evidence)),
        ("INTEGRITY", lambda: _terms(evidence)),
        ("INTEGRITY", lambda: _document(evidence)),
        ("INTEGRITY", lambda: _print(evidence)),
        ("COMPLETENESS", lambda: _collected(evidence)),
        ("COMPLETENESS", lambda: _claim(evidence)),
        ("COMPLETENESS", lambda: _anchored(evidence)),
        ("COMPLETENESS", lambda: _rooted(evidence)),
        ("OUTSIDE WITNESS", lambda: _signatures(evidence)),
        ("OUTSIDE WITNESS", lambda: _anchor_key(evidence)),
        ("OUTSIDE WITNESS", lambda: _seal_certificate(evidence)),
        ("OUTSIDE WITNESS", lambda: _time_stamp(evidence)),
        ("OUTSIDE WITNESS", lambda: _nights_stamped(evidence)),
    )
    for question, ask in asked:
        try:
            answer = ask()
        except AccordError as error:
            yield Verdict(question, False, str(error))
            continue
        except Exception as error:  # a hostile bundle fails anywhere; whatever it is, it is not what was written
            yield Verdict(question, False, f"what must be read there cannot be read ({type(error).__name__})")
            continue
        if isinstance(answer, tuple):
            yield Verdict(question, *answer)
        elif answer is not None:
            yield Verdict(question, True, answer)


# --- integrity: nothing that is there was changed ----------------------------------------------------------------


def _bundle(evidence: Evidence) -> str:
    if problem := problem_of(evidence.data, evidence.files):
        raise BrokenError(f"bundle: {problem}")
    if strange := sorted(name for name in evidence.files if not _PARTS.fullmatch(name)):
        raise BrokenError(f"bundle: {strange[0]} is no part of one")
    return f"bundle: its {len(evidence.files)} files are those of the manifest, in the one form that a bundle has"


def _chain(evidence: Evidence) -> str:
    count = verify_chain(evidence.record.events)
    if strangers := {event.case_id for event in evidence.events} - {evidence.case_id}:
        raise BrokenError(f"chain: events of another case stand in it, {min(strangers)}")
    return f"chain: {count} events, each names the hash of the one before"


def _story(evidence: Evidence) -> tuple[bool | None, str]:
    if problem := problem_of_story(evidence.events):
        raise BrokenError(f"story: {problem}")
    said = "story: each step came after those that it needs, and no event is earlier than the one before"
    if unsaid := signed_without_term(evidence.events):
        return None, f"{said}; until when the offer of event {unsaid} stood, was not recorded then"
    return True, said


def _terms(evidence: Evidence) -> tuple[bool | None, str] | None:
    signed, agreement = evidence.event("AgreementSigned"), evidence.record.agreement
    if evidence.is_lost:
        if strange := sorted({"terms.json", "signature.txt"} & evidence.files.keys()):
            raise BrokenError(f"terms: {strange[0]} is there, and the case that holds it is not")
        if signed is None:
            return None
        return None, f"terms: those that event {signed.seq} says were signed are gone with the case"
    if signed is None and agreement is None:
        return None
    signed = check_as_signed(agreement, evidence.events)
    if agreement is None or evidence.files.get("terms.json", b"") != agreement.terms.encode():
        raise BrokenError("terms: terms.json is not what the case holds")
    if agreement.drawing_sha256 is not None:
        drawn = evidence.files.get("signature.txt")
        if drawn is None or hashlib.sha256(drawn).hexdigest() != agreement.drawing_sha256:
            raise BrokenError("terms: signature.txt is not what was drawn when they were signed")
    terms = agreement.agreed
    try:
        policy = load_policy(str(terms["jurisdiction"]))
        check_complete(terms, policy, signed.moment.astimezone(ZoneInfo(terms["time_zone"])).date())
        _check_as_offered(terms, evidence)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise BrokenError(f"terms: they lack {error}") from None
    return True, (
        f"terms: as signed in event {signed.seq} and as offered before; all that the law asks for stands there, and "
        f"the figures agree (judged by policy {policy.version}, made by {terms.get('policy_version')})"
    )


def _check_as_offered(terms: Mapping[str, Any], evidence: Evidence) -> None:
    """What was signed is what the chain says was offered, figure by figure."""
    offers = [
        offer
        for event in evidence.events
        if event.type == OfferMade.__name__
        for offer in event.content["data"]["offers"]
        if offer["offerId"] == terms["offer_id"]
    ]
    if not offers:
        raise BrokenError(f"terms: the chain has no offer {terms['offer_id']}")
    agreed = {
        "product": terms["product"],
        "months": terms["months"],
        "regularInstalment": terms["regular_instalment"],
        "lastInstalment": terms["last_instalment"],
        "waived": terms["waived"]["total"],
        "totalPayable": terms["total_payable"],
    }
    for name, figure in agreed.items():
        if figure != offers[-1][name]:
            raise BrokenError(f"terms: {name} is not what was offered")


def _document(evidence: Evidence) -> str | None:
    sealed, agreement = evidence.event("AgreementSealed"), evidence.record.agreement
    document = evidence.files.get("agreement.pdf")
    if sealed is None:
        if document is not None or (agreement is not None and agreement.document_key is not None):
            raise BrokenError("document: there is one, and no event says that it was sealed")
        return None
    if document is None:
        raise BrokenError(f"document: event {sealed.seq} sealed one, and it is not there")
    if seal_pem(document).decode() != evidence.keys("seal"):
        raise BrokenError("document: keys/seal.pem is not what the document carries")
    if evidence.seal is None:
        raise BrokenError("document: it carries no certificate")
    if not evidence.seal.genuine:
        raise BrokenError(f"document: {evidence.seal.problem}")
    if sealed.told("unsealedSha256") not in _revisions(document):
        raise BrokenError("document: below the seal is another document than the one that was typeset")
    if agreement is not None and agreement.document_sha256 != sealed.told("documentSha256"):
        raise BrokenError("document: the case names another one")
    return f"document: sealed in event {sealed.seq}, not a byte was changed or added since"


def _is_as_sealed(evidence: Evidence) -> bool:
    try:
        return _document(evidence) is not None
    except BrokenError:
        return False


def _revisions(document: bytes) -> set[str]:
    """The SHA-256 of each state that the file says it had: each ends with a mark, and perhaps a line break."""
    ends = [match.end() for match in re.finditer(rb"%%EOF", document)]
    return {hashlib.sha256(document[: end + more]).hexdigest() for end in ends for more in range(3)}


def _print(evidence: Evidence) -> tuple[bool | None, str] | None:
    """What the document says in print is what was agreed, and nothing else: nobody reads the terms as JSON."""
    terms, sealed, document = evidence.terms, evidence.event("AgreementSealed"), evidence.files.get("agreement.pdf")
    if sealed is None or document is None:
        return None
    if evidence.is_lost:
        return None, "print: the terms are gone with the case, so what the document says in print nobody compared"
    if terms is None or not _is_as_sealed(evidence):
        return None, "print: the terms are missing or the document is not as it was sealed, so nobody compared them"
    if sealed.told("chainHead") not in {event.hash for event in evidence.events if event.seq < sealed.seq}:
        raise BrokenError("print: the end of the chain that the document names is not in the chain before it")
    if (layout := layout_of(document)) != LAYOUT:
        return None, (
            f"print: the document was typeset by {layout or 'a layout it does not name'}, this `accord verify` has "
            f"{LAYOUT}, and only one with the same can compare what is drawn{_said_of_words(evidence, terms, document)}"
        )
    person = _signatory(document)
    if problem := difference(document, _typeset(evidence, terms, person)):
        raise BrokenError(f"print: the document is not what the terms print: {problem}")
    return True, (
        f"print: the document is what the terms print, from the first page to the last, and nothing else ({LAYOUT}); "
        f'the name "{person.name}" and the last four {person.id_last4} are its own word, no event tells them'
    )


def _said_of_words(evidence: Evidence, terms: dict[str, Any], document: bytes) -> str:
    """That a document of another layout has the words of this one, where it has: of that alone nothing follows."""
    try:
        agreed = _typeset(evidence, terms, _signatory(document))
    except BrokenError:
        return ""
    is_the_same = text_of(document) == text_of(agreed)
    return f"; its words are those of {LAYOUT}, from the first to the last" if is_the_same else ""


def _signatory(document: bytes) -> Signatory:
    if (person := signatory_of(document)) is None:
        raise BrokenError("print: the document does not say for whom it is, or names what nobody could sign with")
    return person


def _typeset(evidence: Evidence, terms: dict[str, Any], person: Signatory) -> bytes:
    """The document anew, from what was signed."""
    signed, sealed = evidence.event("AgreementSigned"), evidence.event("AgreementSealed")
    if signed is None or sealed is None:
        raise BrokenError("print: the chain does not say when it was signed")
    reference = {
        "case_id": evidence.case_id,
        "terms_hash": sealed.told("termsHash"),
        "chain_head": sealed.told("chainHead"),
    }
    signed_at = signed.moment.astimezone(ZoneInfo(str(terms["time_zone"])))
    drawing = evidence.files.get("signature.txt", b"").decode()
    try:
        return render_agreement(terms, person, reference, str(terms["language"]), signed_at, drawing)
    except (GlyphMissingError, KeyError, TypeError, ValueError) as error:
        raise BrokenError(f"print: the terms cannot be typeset: {error}") from None


# --- completeness: nothing that must be there is missing ---------------------------------------------------------


def _collected(evidence: Evidence) -> tuple[bool | None, str]:
    """The chain ends with its own collection, which names every file that was taken beside it."""
    last = evidence.end
    if evidence.is_lost:
        said = (
            "collected: the case itself is not in the bundle, as where it was gone: there is no event of its "
            "collection, nothing names the files that were taken, and whether the chain went on after event "
            f"{last.seq} nobody says"
        )
        if last.type == EvidenceCollected.__name__:
            said += "; the case was there when that event collected it, so ask for the bundle of that day too"
        return None, said
    taken = {name: content for name, content in evidence.files.items() if name != MANIFEST and not _BESIDE.match(name)}
    if last.told("filesSha256") != files_digest(taken, evidence.record):
        raise BrokenError(f"collected: other files are in the bundle than event {last.seq} says were taken")
    by = last.content["actor"]["id"]
    return True, f"collected: by {by} at {last.at}, as event {last.seq} says; it names the files that were taken"


def _claim(evidence: Evidence) -> tuple[bool | None, str]:
    record = evidence.record
    if evidence.is_lost:
        return None, "end: the case itself is not in the bundle, so only anchors tell where its chain ends"
    verify_chain(record.events, record.head, record.count)
    return True, f"end: the chain ends with event {record.count}, as the case says"


def _anchored(evidence: Evidence) -> tuple[bool | None, str]:
    """Whatever was anchored is still what the chain says, and nothing that must be anchored is not."""
    by_number = {event.seq: event for event in evidence.events}
    counts = set()
    digests = {signed.digest for signed in evidence.anchors.values()}
    for name, signed in evidence.anchors.items():
        told = signed.told
        end = _end_of(told, f"anchor {name}")
        _check_end(end, by_number, evidence.case_id, f"anchor {name}")
        if name != f"{end.count:010}":
            raise BrokenError(f"anchor {name} is of event {end.count}")
        if told.get("prev") is not None and told["prev"] not in digests:
            raise BrokenError(f"anchor {name} names one before it that is not there")
        counts.add(end.count)
    last = evidence.end
    for event in evidence.events:
        # Moments pass between an event and its anchor; that of the collection was waited for.
        is_due = (event is last and not evidence.is_lost) or event.moment < last.moment - timedelta(hours=1)
        if event.type in ANCHORED and event.seq not in counts and is_due:
            raise BrokenError(f"anchors: event {event.seq} ({event.type}) must be anchored, and is not")
    said = f"anchors: {len(counts) or 'none'}, each is what the chain says at its place"
    if evidence.is_lost and (unseen := _unwitnessed(evidence, counts)):
        return None, f"{said}; {'; '.join(unseen)}"
    return True, f"{said}; every event is under one, or under a night's root"


def _unwitnessed(evidence: Evidence, counts: set[int]) -> list[str]:
    """What nobody bears witness to in a lost case, whose chain ends with no collection that had to be anchored."""
    covered = max(counts | {night.end.count for night in evidence.nights}, default=0)
    said = []
    if covered < evidence.end.seq:
        said.append(
            f"nobody bears witness to event {covered + 1} and what follows, they are under none and under no night's "
            "root: whoever has no key could have written them"
        )
    bare = [event for event in evidence.events if event.type in ANCHORED and event.seq not in counts]
    return said + [f"event {event.seq} ({event.type}) must have one of its own, and has none" for event in bare]


def _rooted(evidence: Evidence) -> tuple[bool | None, str]:
    by_number = {event.seq: event for event in evidence.events}
    covered = 0
    for night in evidence.nights:
        where = f"the root of {night.name}"
        told = night.signed.told
        _check_end(night.end, by_number, evidence.case_id, where)
        is_under = leads_to_root(night.end, night.index, _whole(told.get("count")), night.path, str(told.get("root")))
        if told.get("kind") != "day" or told.get("day") != night.name or not is_under:
            raise BrokenError(f"{where}: the case does not stand under it")
        covered = max(covered, night.end.count)
    late = [event for event in evidence.events if event.moment < evidence.end.moment - _ROOTED_AFTER]
    if late and late[-1].seq > covered:
        raise BrokenError(f"nights: event {late[-1].seq} is older than two nights, and under no root")
    if not evidence.nights and evidence.is_lost:
        return None, "nights: none, and whether one was due only the events tell that nobody bears witness to"
    if not evidence.nights:
        return True, "nights: none since the case began, so no root is due yet"
    last = evidence.nights[-1].name
    return True, f"nights: {len(evidence.nights)} roots stand over the case, the last (of {last}) over {covered} events"


def _end_of(told: Mapping[str, Any], where: str) -> ChainEnd:
    try:
        if told.get("kind") != "case":
            raise ValueError
        return ChainEnd.model_validate({name: told[name] for name in ChainEnd.model_fields})
    except (KeyError, ValueError):
        raise BrokenError(f"{where} does not say where a chain ended") from None


def _check_end(end: ChainEnd, by_number: Mapping[int, ChainedEvent], case_id: str, where: str) -> None:
    if end.case != case_id:
        raise BrokenError(f"{where} is of another case")
    event = by_number.get(end.count)
    if event is None:
        raise BrokenError(f"{where}: TRUNCATED, the chain had {end.count} events then and has {len(by_number)} now")
    if event.hash != end.head:
        raise BrokenError(f"{where}: REWRITTEN, event {end.count} was another one then")


def _whole(number: object) -> int:
    return number if isinstance(number, int) else 0


# --- outside witness: what others than the bank's own log confirm ------------------------------------------------


def _signatures(evidence: Evidence) -> tuple[bool | None, str]:
    keys = _anchor_keys(evidence.keys("anchor"))
    if not keys:
        raise BrokenError("signatures: the bundle holds no key of the anchors")
    statements = {f"anchors/{name}": signed for name, signed in evidence.anchors.items()}
    statements |= {f"days/{night.name}": night.signed for night in evidence.nights}
    for name, signed in statements.items():
        if not any(_is_signed(signed, key) for key in keys):
            raise BrokenError(f"signatures: {name} is not signed by the key of the anchors")
    if not statements:
        return None, "signatures: there is no anchor and no night, so nobody has signed anything of this chain"
    return True, f"signatures: of anchors and nights {len(statements)}, each by the key of the anchors"


def _anchor_keys(text: str) -> list[bytes]:
    try:
        return public_keys(text)
    except ValueError:
        raise BrokenError("signatures: keys/anchor.pem holds what is no key") from None


def _is_signed(signed: Signed, key: bytes) -> bool:
    public = serialization.load_der_public_key(key)
    if not isinstance(public, ec.EllipticCurvePublicKey):
        return False
    try:
        public.verify(base64.b64decode(signed.signature), signed.body.encode(), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def _time_stamp(evidence: Evidence) -> tuple[bool | None, str] | None:
    """What an authority says of the time of the seal; nothing where none was asked."""
    sealed = evidence.event("AgreementSealed")
    asked = sealed.content["data"].get("timeStamp", "NONE") if sealed is not None else "NONE"
    if sealed is None or evidence.seal is None or asked == "NONE":
        return None
    if asked == "FAILED":
        return None, f"time: no authority answered when it was sealed, as event {sealed.seq} says"
    at = evidence.seal.stamped_at
    if at is None:
        raise BrokenError("time: the document has no time-stamp that holds, and one was set on it")
    if abs(at - sealed.moment) > _STAMPED_WITHIN:
        raise BrokenError(f"time: the authority says {_moment(at)}, the chain {sealed.at}")
    said = f"time: an authority says that the seal was there at {_moment(at)}"
    return (True, said) if evidence.seal.stamp_trusted else (None, f"{said}; {_NO_AUTHORITY}")


def _nights_stamped(evidence: Evidence) -> tuple[bool | None, str] | None:
    """What an authority says of the time of the nights' roots; nothing where it was asked of none."""
    stamps, later = {}, {}
    for night in evidence.nights:
        token = evidence.files.get(f"days/{night.name}.tsr")
        if token is None:
            continue
        stamp = read_time_stamp(token, night.signed.body.encode(), evidence.trusted.of_time)
        if stamp is None:
            raise BrokenError(f"nights' time: days/{night.name}.tsr is no time-stamp of that night's root")
        later[night.name] = stamp.at - datetime.fromisoformat(night.signed.told["at"])
        if later[night.name] < -_STAMPED_WITHIN:
            raise BrokenError(
                f"nights' time: the authority says that the root of {night.name} was there at {_moment(stamp.at)}, and "
                f"it says of itself that it was made at {night.signed.told['at']}"
            )
        stamps[night.name] = stamp
    if stray := [name for name in evidence.files if name.endswith(".tsr") and name[5:15] not in stamps]:
        raise BrokenError(f"nights' time: {stray[0]} is of no night that is there")
    if not stamps:
        return None
    last, slowest = max(stamps), max(later, key=lambda name: later[name])
    said = (
        f"nights' time: an authority says of {len(stamps)} of {len(evidence.nights)} roots when they were there, at "
        f"most {_duration(later[slowest])} after they say that they were made (the root of {slowest}); the last (of "
        f"{last}) was there at {_moment(stamps[last].at)}"
    )
    return (True, said) if all(stamp.trusted for stamp in stamps.values()) else (None, f"{said}; {_NO_AUTHORITY}")


_NO_AUTHORITY = "no authority that you trust says so (--authorities FILE names some), or not while it could"


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S %Z}"


def _duration(later: timedelta) -> str:
    return str(timedelta(seconds=max(0, round(later.total_seconds()))))


def _anchor_key(evidence: Evidence) -> tuple[bool | None, str]:
    """Whose key it is: a bundle could bring one of its own making."""
    used = _anchor_keys(evidence.keys("anchor"))
    if not used:
        return None, "key: the bundle brings none of the anchors, so there is nothing to compare"
    if not evidence.trusted.keys:
        named = "; ".join(fingerprint(key) for key in used)
        return None, (
            "key: it came with the bundle. Compare the anchors' key with the one that the bank publishes "
            f"(--published FILE does so), SHA-256 {named}"
        )
    strange = [key for key in used if key not in evidence.trusted.keys]
    if strange:
        return False, f"key: the bank does not publish the anchors' key {fingerprint(strange[0])}"
    if not (evidence.anchors or evidence.nights):
        return None, "key: the bank publishes it, and nothing in the bundle is signed by it"
    return True, "key: the anchors are by the key that the bank publishes"


def _seal_certificate(evidence: Evidence) -> tuple[bool | None, str] | None:
    """Whose seal it is, of a document that is as it was sealed."""
    if evidence.event("AgreementSealed") is None:
        return None
    if not evidence.trusted.roots:
        return None, "seal: no certificate among published keys was at hand, so whose seal it is nobody compared"
    if not _is_as_sealed(evidence):
        return None, "seal: the document is not as it was sealed, so there is no seal to compare"
    return True, "seal: its certificate leads to one that the bank publishes"
