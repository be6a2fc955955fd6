"""The audit command: shows a case's events and says whether their chain is whole, or which event breaks it.

It also says whether the terms on the case are those that were signed, and whether the sealed document is unaltered.

    python -m accord.audit verify CASE_ID --stack S   reads the tables and the documents of a deployed stack
    python -m accord.audit export CASE_ID > FILE      what `verify --file` needs, for a machine without AWS
    python -m accord.audit verify --file FILE

Exit status: 0 all is whole, 1 something is broken, 2 it could not be read.
"""

import argparse
import hashlib
import json
import os
import sys
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from accord.agreement import check_as_signed, is_signed
from accord.case import Agreement
from accord.errors import (
    AccordError,
    CaseDamagedError,
    CaseNotFoundError,
    ChainBrokenError,
    DocumentAlteredError,
    TermsAlteredError,
)
from accord.events import AgreementSealed, ChainedEvent, DamagedEvent, found_event, verify_chain


class Record(BaseModel):
    """A case's chain as it was found, and what the case itself claims, if that was found too."""

    case_id: str
    head: str | None = None
    count: int | None = None
    agreement: Agreement | None = None
    lost: str | None = None  # why the case itself is not there to claim anything, though it has events
    events: tuple[ChainedEvent | DamagedEvent, ...] = ()

    @property
    def claims(self) -> bool:
        """Whether the case itself was found."""
        return self.head is not None


class Stores(BaseModel):
    """Where a stack keeps what is verified."""

    cases_table: str
    events_table: str
    documents_bucket: str | None = None
    anchors_bucket: str | None = None
    anchor_key_arn: str | None = None
    seal_certificate_parameter: str | None = None


class UnreadableError(AccordError):
    """The record could not be read, so nothing can be said about it."""


def read_file(path: Path) -> Record:
    """A record from a file: one JSON document a line, the events in order; the line without `seq` is the case's claim.

    Raises UnreadableError that names the line.
    """
    try:
        text = path.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableError(f"{path}: {error}") from error
    return record_of(text, str(path))


def record_of(text: str, where: str) -> Record:
    """The same of a text; `where` is what it is called when it cannot be read."""
    claim: dict[str, Any] = {}
    events: list[ChainedEvent | DamagedEvent] = []
    # Other line breaks may stand in a text of JSON.
    for number, line in enumerate(text.removesuffix("\n").split("\n") if text else (), start=1):
        try:
            document = json.loads(line)
        except (ValueError, RecursionError):
            raise UnreadableError(f"{where}, line {number}: it is not JSON") from None
        if not isinstance(document, dict):
            raise UnreadableError(f"{where}, line {number}: it is not a JSON object")
        if "seq" in document:
            events.append(found_event(document))
        elif isinstance(document.get("case_id"), str) and "head" in document and "count" in document:
            claim = document
        else:
            raise UnreadableError(f"{where}, line {number}: it is neither an event nor what a case claims")
    if not events:
        raise UnreadableError(f"{where}: it holds no events")
    named = next((event.case_id for event in events if isinstance(event, ChainedEvent)), "?")
    try:
        return Record.model_validate({"case_id": named, **claim, "events": events})
    except ValidationError:
        raise UnreadableError(f"{where}: what the case claims is not what export wrote") from None


def lines_of(record: Record) -> Iterator[str]:
    """A record as a file holds it, line by line. Of a case that is not there it has the events alone."""
    if record.claims:
        yield _printable_json(json.dumps(record.model_dump(mode="json", exclude={"events"}, exclude_none=True)))
    for event in record.events:
        yield _printable_json(json.dumps(event.model_dump(), ensure_ascii=False, separators=(",", ":")))


def read_tables(case_id: str, stores: Stores) -> Record:
    """A record from the tables, read consistently. Raises UnreadableError when that fails or there is no such case."""
    from accord.aws.store import CaseStore  # the offline use of this command needs no AWS library

    claim: dict[str, Any]
    try:
        store = CaseStore(stores.cases_table, stores.events_table)
        try:
            case = store.get(case_id)
            claim = {"head": case.head, "count": case.version, "agreement": case.agreement}
        except CaseNotFoundError:
            claim = {"lost": f"{stores.cases_table} holds no case {case_id}"}
        except CaseDamagedError:
            claim = {"lost": f"the case {case_id} in {stores.cases_table} is damaged and cannot be read"}
        record = Record(case_id=case_id, **claim, events=tuple(store.found_events(case_id)))
    except Exception as error:  # no region, no credentials, no such table …: whatever it is, nothing was verified
        raise UnreadableError(f"{type(error).__name__}: {error}") from error
    if record.lost and not record.events:
        raise UnreadableError(f"{record.lost}, and {stores.events_table} no event of it")
    return record


def tables_of(stack: str) -> tuple[str, str]:
    """The names of a stack's cases and events tables, from its outputs. Raises UnreadableError when it tells none."""
    stores = stores_of(stack)
    return stores.cases_table, stores.events_table


def stores_of(stack: str) -> Stores:
    """Where a stack keeps its records, from its outputs. Raises UnreadableError when it does not tell."""
    from accord.aws.clients import client

    try:
        outputs = client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0].get("Outputs", [])
    except Exception as error:  # no region, no credentials, no such stack …
        raise UnreadableError(f"stack {stack}: {type(error).__name__}: {error}") from error
    named = {output["OutputKey"]: output["OutputValue"] for output in outputs}
    missing = [name for name in ("CasesTableName", "EventsTableName") if name not in named]
    if missing:
        raise UnreadableError(f"stack {stack}: it has no output {' and no output '.join(missing)}")
    return Stores(
        cases_table=named["CasesTableName"],
        events_table=named["EventsTableName"],
        documents_bucket=named.get("DocumentsBucketName"),
        anchors_bucket=named.get("AnchorsBucketName"),
        anchor_key_arn=named.get("AnchorKeyArn"),
        seal_certificate_parameter=named.get("SealCertificateParameterName"),
    )


def timeline(record: Record) -> Iterator[str]:
    """The events for a reader, one line each: number, time, type, who, and the short facts of what happened."""
    yield f"case {record.case_id}, {len(record.events)} events"
    for event in record.events:
        if isinstance(event, DamagedEvent):
            yield f"{event.seq:>4}  (damaged: {event.problem})"
            continue
        who, facts = described(event)
        told = " ".join(f"{name}={value}" for name, value in facts.items())
        yield f"{event.seq:>4}  {event.at}  {event.type:<22} {who:<28} {told}"


def described(event: ChainedEvent) -> tuple[str, dict[str, str]]:
    """Who caused an event and its short facts; a body that cannot be read says so, because it may have been altered."""
    try:
        content = event.content
        who = f"{content['actor']['kind']} {content['actor']['id']}"
        told = content["data"].items()
        facts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in told}
        "".join((who, *facts.values())).encode()  # half a character can be written nowhere
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return "?", {"body": "(unreadable)"}
    return who, {name: fact for name, fact in facts.items() if fact != "null" and len(fact) <= 40}


def verdict(record: Record) -> str:
    """One sentence for a whole chain. Raises ChainBrokenError that names the first event which does not fit."""
    count = verify_chain(record.events, record.head, record.count)
    strangers = {event.case_id for event in _whole_events(record)} - {record.case_id}
    if strangers:
        raise ChainBrokenError(f"events of another case stand in the chain of {record.case_id}")
    if record.lost:
        raise ChainBrokenError(f"{record.lost}; its {count} events are whole in themselves, a cut end would not show")
    if not record.claims:
        last = _whole_events(record)[-1].hash
        return f"whole: {count} events, head {last}; without the case's claim a cut end would not show"
    return f"whole: {count} events, head {record.head}, as the case says"


def terms_verdict(record: Record) -> str | None:
    """One sentence for the terms that were signed; None where none are, or the case is not there to hold any.

    Raises TermsAlteredError.
    """
    events = _whole_events(record)
    if record.agreement is None and not (record.claims and is_signed(events)):
        return None
    return f"terms: as signed, sha256 {check_as_signed(record.agreement, events).told('termsHash')}"


def document_verdict(record: Record, read: Callable[[str], bytes]) -> str | None:
    """One sentence for the sealed document; None where nothing was sealed.

    `read` finds a document by its key. Raises DocumentAlteredError when it is not there or not the one that was sealed.
    """
    sealed = [event for event in _whole_events(record) if event.type == AgreementSealed.__name__]
    if not sealed:
        return None
    where, key, digest = f"event {sealed[-1].seq}", sealed[-1].told("documentKey"), sealed[-1].told("documentSha256")
    held = (record.agreement.document_key, record.agreement.document_sha256) if record.agreement else None
    if record.claims and held != (key, digest):
        raise DocumentAlteredError(f"the case names another document than was sealed in {where}")
    try:
        found = hashlib.sha256(read(key)).hexdigest()
    except FileNotFoundError:
        raise DocumentAlteredError(f"the document that was sealed in {where} is missing: {key}") from None
    except UnreadableError as error:
        return f"document: not checked, {error}"
    if found != digest:
        raise DocumentAlteredError(f"the document was altered: it has sha256 {found}, {where} sealed {digest}")
    return f"document: as sealed, sha256 {digest}"


def _whole_events(record: Record) -> list[ChainedEvent]:
    return [event for event in record.events if isinstance(event, ChainedEvent)]


def read_document(bucket: str | None, key: str) -> bytes:
    """A document from the bucket. Raises FileNotFoundError, UnreadableError."""
    if bucket is None:
        raise UnreadableError("no bucket of documents is named")
    from accord.aws.clients import client

    try:
        return bytes(client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())
    except Exception as error:
        if getattr(error, "response", {}).get("Error", {}).get("Code") == "NoSuchKey":
            raise FileNotFoundError(key) from error
        raise UnreadableError(f"{type(error).__name__}: {error}") from error


def verdicts(record: Record, bucket: str | None) -> Iterator[tuple[bool, str]]:
    """Whether each thing is whole, and the sentence that says so: the chain, the terms, the document."""
    checks: tuple[Callable[[], str | None], ...] = (
        lambda: verdict(record),
        lambda: terms_verdict(record),
        lambda: document_verdict(record, lambda key: read_document(bucket, key)),
    )
    for check in checks:
        try:
            sentence = check()
        except (ChainBrokenError, TermsAlteredError, DocumentAlteredError) as error:
            yield False, f"BROKEN: {error}"
        else:
            if sentence is not None:
                yield True, sentence


def printable(line: str) -> str:
    """A line as a terminal may have it. What is found may be forged: no control character in it moves a cursor, begins
    a line of its own or turns the reading direction. It is shown by its number instead.
    """
    return "".join(char.encode("unicode_escape").decode() if _is_unprintable(char) else char for char in line)


def _printable_json(document: str) -> str:
    """The same for JSON, which stays the same document: outside of its texts it has no such character."""
    return "".join(json.dumps(char)[1:-1] if _is_unprintable(char) else char for char in document)


def _is_unprintable(char: str) -> bool:
    category = unicodedata.category(char)
    return category.startswith("C") or category in ("Zl", "Zp")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    options = _options(arguments)
    try:
        stores = None if options.file else _stores(options)
        record = read_tables(options.case_id, stores) if stores else read_file(options.file)
    except AccordError as error:
        print(printable(f"cannot tell: {error}"), file=sys.stderr)
        return 2
    if options.command == "export":
        for line in lines_of(record):
            print(line)
        return 0
    for line in timeline(record):
        print(printable(line))
    found = list(verdicts(record, stores.documents_bucket if stores else None))
    for _, sentence in found:
        print(printable(sentence))
    return 0 if all(whole for whole, _ in found) else 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m accord.audit", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, job in (("verify", "check a case's chain"), ("export", "write a case's chain as JSON lines")):
        command = commands.add_parser(name, help=job, description=job)
        source = command.add_mutually_exclusive_group(required=True)
        source.add_argument("case_id", nargs="?", help="a case in the tables")
        source.add_argument("--file", type=Path, help="a file that export wrote")
        command.add_argument("--stack", help="the stack whose tables to read, for example accord-prod")
        command.add_argument("--cases-table", default=os.environ.get("CASES_TABLE"), help="default: $CASES_TABLE")
        command.add_argument("--events-table", default=os.environ.get("EVENTS_TABLE"), help="default: $EVENTS_TABLE")
        command.add_argument("--documents-bucket", default=os.environ.get("DOCUMENTS_BUCKET"), help="of the PDFs")
        command.add_argument("--endpoint-url", help="of a local stack, for example http://127.0.0.1:4566")
    return parser.parse_args(arguments)


def _stores(options: argparse.Namespace) -> Stores:
    if options.endpoint_url:
        os.environ["AWS_ENDPOINT_URL"] = options.endpoint_url
    if options.stack:
        return stores_of(options.stack)
    if not (options.cases_table and options.events_table):
        raise UnreadableError(
            "name the stack with --stack, or its tables: --cases-table and --events-table, CASES_TABLE and EVENTS_TABLE"
        )
    return Stores(
        cases_table=options.cases_table,
        events_table=options.events_table,
        documents_bucket=options.documents_bucket,
    )


if __name__ == "__main__":
    sys.exit(main())
