"""Judges a bundle offline: what is whole, what is complete, and what somebody outside the bank's own log confirms."""

import base64
import hashlib
import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import ValidationError

from accord.agreement import check_as_signed, check_complete
from accord.anchors import ANCHORED, ChainEnd, Signed, leads_to_root
from accord.audit import Record, UnreadableError, record_of
from accord.errors import AccordError
from accord.events import ChainedEvent, DamagedEvent, verify_chain
from accord.money import format_money
from accord.policy import load_policy
from accord.texts import format_date
from accord_documents import verify_sealed
from infra.evidence.bundle import BundleUnreadableError, problem_of, unpack
from infra.evidence.keys import certificates, fingerprint, public_keys, seal_pem
from infra.evidence.story import problem_of_story
from infra.evidence.text import text_of

for reader in ("pypdf", "pyhanko"):  # what they find wrong with a document, the verdicts say
    logging.getLogger(reader).setLevel(logging.CRITICAL)

Question = Literal["INTEGRITY", "COMPLETENESS", "OUTSIDE WITNESS"]
# After this, the night's root must stand over an event: one failed night is made good by the next.
_ROOTED_AFTER = timedelta(hours=50)
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


class Evidence:
    """A bundle, part by part. A part that cannot be read raises BrokenError when it is asked for."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.files = unpack(data)
        told = self._json("bundle.json")
        try:
            self.case_id = str(told["case_id"])
            self.collected_at = datetime.fromisoformat(told["collected_at"]).astimezone(UTC)
        except (KeyError, TypeError, ValueError):
            raise BundleUnreadableError("bundle.json does not say which case was collected, and when") from None

    @cached_property
    def record(self) -> Record:
        try:
            record = record_of(self._text("events.jsonl"), "events.jsonl")
        except UnreadableError as error:
            raise BrokenError(str(error)) from None
        damaged = next((event for event in record.events if isinstance(event, DamagedEvent)), None)
        if damaged is not None:
            raise BrokenError(f"event {damaged.seq}: {damaged.problem}")
        return record

    @property
    def events(self) -> list[ChainedEvent]:
        return [event for event in self.record.events if isinstance(event, ChainedEvent)]

    @property
    def terms(self) -> dict[str, Any] | None:
        return None if self.record.agreement is None else self.record.agreement.agreed

    def event(self, kind: str) -> ChainedEvent | None:
        """The last event of a kind."""
        return next((event for event in reversed(self.events) if event.type == kind), None)

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
            return Night(name, self._statement(f"days/{name}"), end, int(told["index"]), tuple(map(str, told["path"])))
        except (KeyError, TypeError, ValueError):
            raise BrokenError(f"days/{name}.path.json is not the way to a root") from None

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


def verify(data: bytes, published: str | None = None) -> Iterator[Verdict]:
    """Every verdict on a bundle. `published` is the PEM text of the keys as the bank publishes them, if it is at hand.

    Raises BundleUnreadableError, ValueError where the published keys are none.
    """
    evidence = Evidence(data)
    roots = certificates(published) if published is not None else None
    if published is not None and not roots and not public_keys(published):
        raise ValueError("there is neither a public key nor a certificate in it")
    asked: tuple[tuple[Question, Callable[[], tuple[bool | None, str] | str | None]], ...] = (
        ("INTEGRITY", lambda: _bundle(evidence)),
        ("INTEGRITY", lambda: _chain(evidence)),
        ("INTEGRITY", lambda: _story(evidence)),
        ("INTEGRITY", lambda: _terms(evidence)),
        ("INTEGRITY", lambda: _document(evidence, roots)),
        ("INTEGRITY", lambda: _print(evidence)),
        ("COMPLETENESS", lambda: _claim(evidence)),
        ("COMPLETENESS", lambda: _anchored(evidence)),
        ("COMPLETENESS", lambda: _rooted(evidence)),
        ("OUTSIDE WITNESS", lambda: _signatures(evidence)),
        ("OUTSIDE WITNESS", lambda: _published(evidence, published)),
        ("OUTSIDE WITNESS", lambda: _time_stamp(evidence, roots)),
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
    return f"bundle: every byte of its {len(evidence.files)} files is as it was written"


def _chain(evidence: Evidence) -> str:
    count = verify_chain(evidence.record.events)
    if strangers := {event.case_id for event in evidence.events} - {evidence.case_id}:
        raise BrokenError(f"chain: events of another case stand in it, {min(strangers)}")
    return f"chain: {count} events, each names the hash of the one before"


def _story(evidence: Evidence) -> str:
    if problem := problem_of_story(evidence.events):
        raise BrokenError(f"story: {problem}")
    return "story: each step came after those that it needs, and no event is earlier than the one before"


def _terms(evidence: Evidence) -> str | None:
    signed = evidence.event("AgreementSigned")
    if signed is None and evidence.record.agreement is None:
        return None
    agreement = evidence.record.agreement
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
        check_complete(terms, policy, signed.moment.date())
    except (KeyError, TypeError, AttributeError) as error:
        raise BrokenError(f"terms: they lack {error}") from None
    return (
        f"terms: as signed in event {signed.seq}; all that the law asks for stands there, and the figures agree "
        f"(judged by policy {policy.version}, made by {terms.get('policy_version')})"
    )


def _document(evidence: Evidence, roots: str | None) -> str | None:
    sealed = evidence.event("AgreementSealed")
    document = evidence.files.get("agreement.pdf")
    if sealed is None:
        if document is not None:
            raise BrokenError("document: there is one, and no event says that it was sealed")
        return None
    if document is None:
        raise BrokenError(f"document: event {sealed.seq} sealed one, and it is not there")
    if seal_pem(document).decode() != evidence.keys("seal"):
        raise BrokenError("document: keys/seal.pem is not what the document carries")
    trusted = roots or certificates(evidence.keys("seal"))
    if not trusted:
        raise BrokenError("document: it carries no certificate")
    verdict = verify_sealed(document, trusted, sealed.moment, sealed.told("documentSha256"))
    if not verdict.genuine:
        raise BrokenError(f"document: {verdict.problem}")
    if sealed.told("unsealedSha256") not in _revisions(document):
        raise BrokenError("document: below the seal is another document than the one that was typeset")
    return f"document: sealed in event {sealed.seq}, not a byte was changed or added since"


def _revisions(document: bytes) -> set[str]:
    """The SHA-256 of each state that the file says it had: each ends with a mark, and perhaps a line break."""
    ends = [match.end() for match in re.finditer(rb"%%EOF", document)]
    return {hashlib.sha256(document[: end + more]).hexdigest() for end in ends for more in range(3)}


def _print(evidence: Evidence) -> str | None:
    """What the document says in print is what was agreed: nobody reads the terms as JSON."""
    terms, sealed, document = evidence.terms, evidence.event("AgreementSealed"), evidence.files.get("agreement.pdf")
    if terms is None or sealed is None or document is None:
        return None
    printed = text_of(document)
    head = sealed.told("chainHead")
    if head not in {event.hash for event in evidence.events if event.seq < sealed.seq}:
        raise BrokenError("print: the end of the chain that the document names is not in the chain before it")
    try:
        expected = list(expected_print(terms, evidence.case_id, head, sealed.told("termsHash")))
    except (KeyError, TypeError, ValueError) as error:
        raise BrokenError(f"print: the terms lack {error}") from None
    missing = next((what for what, text in expected if _bare(text) not in printed), None)
    if missing:
        raise BrokenError(f"print: the document does not say {missing} as agreed")
    return f"print: the document says each of the {len(terms['schedule'])} payments, the sums and the hashes as agreed"


def expected_print(terms: Mapping[str, Any], case_id: str, head: str, terms_hash: str) -> Iterator[tuple[str, str]]:
    language, currency = terms["language"], terms["currency"]

    def money(minor: int) -> str:
        return format_money(minor, currency, language)

    left = terms["total_payable"]
    for row in terms["schedule"]:
        left -= row["amount"]
        due = format_date(date.fromisoformat(row["due_date"]), language)
        interest = money(row["interest"]) if terms["interest"] else ""
        line = f"{row['number']}{due}{money(row['amount'])}{interest}{money(left)}"
        yield f"payment {row['number']}", line
    for name in ("owed", "waived"):
        yield f"what is {name}", money(terms[name]["total"])
    for name in ("financed", "total_payable"):
        yield name.replace("_", " "), money(terms[name])
    for clause in terms["clauses"]:
        for paragraph in clause["paragraphs"]:
            yield f"a paragraph of {clause['id']}", paragraph
    yield "the case", case_id
    yield "the hash of the terms", terms_hash
    yield "the end of the chain", head


def _bare(text: str) -> str:
    return re.sub(r"\s+", "", text)


# --- completeness: nothing that must be there is missing ---------------------------------------------------------


def _claim(evidence: Evidence) -> tuple[bool | None, str]:
    record = evidence.record
    if not record.claims:
        return None, "end: the case itself is not in the bundle, so only anchors tell where its chain ends"
    verify_chain(record.events, record.head, record.count)
    return True, f"end: the chain ends with event {record.count}, as the case says"


def _anchored(evidence: Evidence) -> str:
    """Whatever was anchored is still what the chain says, and nothing that must be anchored is not."""
    by_number = {event.seq: event for event in evidence.events}
    counts = set()
    for name, signed in evidence.anchors.items():
        told = signed.told
        end = _end_of(told, f"anchor {name}")
        _check_end(end, by_number, evidence.case_id, f"anchor {name}")
        counts.add(end.count)
    for event in evidence.events:
        # Moments pass between an event and its anchor.
        is_old = event.moment < evidence.collected_at - timedelta(hours=1)
        if event.type in ANCHORED and event.seq not in counts and is_old:
            raise BrokenError(f"anchors: event {event.seq} ({event.type}) must be anchored, and is not")
    return f"anchors: {len(counts)}, and each is what the chain says at its place"


def _rooted(evidence: Evidence) -> str:
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
    late = [event for event in evidence.events if event.moment < evidence.collected_at - _ROOTED_AFTER]
    if late and late[-1].seq > covered:
        raise BrokenError(f"nights: event {late[-1].seq} is older than two nights, and under no root")
    if not evidence.nights:
        return "nights: none since the case began, so no root is due yet"
    last = evidence.nights[-1].name
    return (
        f"nights: {len(evidence.nights)} roots stand over the case, the last (of {last}) over {covered} events; "
        "whether anything came after that, only the bank's locked bucket shows"
    )


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


def _signatures(evidence: Evidence) -> str:
    keys = _anchor_keys(evidence.keys("anchor"))
    if not keys:
        raise BrokenError("signatures: the bundle holds no key of the anchors")
    statements = {f"anchors/{name}": signed for name, signed in evidence.anchors.items()}
    statements |= {f"days/{night.name}": night.signed for night in evidence.nights}
    for name, signed in statements.items():
        if not any(_is_signed(signed, key) for key in keys):
            raise BrokenError(f"signatures: {name} is not signed by the key of the anchors")
    return f"signatures: of anchors and nights {len(statements)}, each by the key of the anchors"


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


def _time_stamp(evidence: Evidence, roots: str | None) -> tuple[bool | None, str] | None:
    """What an authority says of the time of the seal; nothing where none was asked."""
    sealed, document = evidence.event("AgreementSealed"), evidence.files.get("agreement.pdf")
    asked = sealed.content["data"].get("timeStamp", "NONE") if sealed is not None else "NONE"
    if sealed is None or document is None or asked == "NONE":
        return None
    if asked == "FAILED":
        return None, f"time: no authority answered when it was sealed, as event {sealed.seq} says"
    verdict = verify_sealed(document, roots or certificates(evidence.keys("seal")), sealed.moment)
    if verdict.stamped_at is None:
        raise BrokenError("time: the document has no time-stamp that holds, and one was set on it")
    if abs(verdict.stamped_at - sealed.moment) > _STAMPED_WITHIN:
        raise BrokenError(f"time: the authority says {verdict.stamped_at:%Y-%m-%d %H:%M:%S %Z}, the chain {sealed.at}")
    said = f"time: an authority says that the seal was there at {verdict.stamped_at:%Y-%m-%d %H:%M:%S %Z}"
    if verdict.stamp_trusted:
        return True, said
    return None, f"{said}; whose word that is, its certificate among the published ones would tell"


def _published(evidence: Evidence, published: str | None) -> tuple[bool | None, str]:
    """Whose keys they are: a bundle could bring keys of its own making."""
    used = _anchor_keys(evidence.keys("anchor"))
    if published is None:
        named = "; ".join(fingerprint(key) for key in used)
        return None, (
            "keys: they came with the bundle. Compare the anchors' key with the one that the bank publishes "
            f"(--published FILE does so), SHA-256 {named}"
        )
    trusted = public_keys(published)
    strange = [key for key in used if key not in trusted]
    if strange:
        return False, f"keys: the bank does not publish the anchors' key {fingerprint(strange[0])}"
    return True, "keys: the anchors and the seal are by keys that the bank publishes"
