"""The audit command: shows a case's events and says whether their chain is whole, or which event breaks it.

    python -m accord.audit verify CASE_ID --stack S   reads the tables of a deployed stack
    python -m accord.audit export CASE_ID > FILE      what `verify --file` needs, for a machine without AWS
    python -m accord.audit verify --file FILE

Exit status: 0 the chain is whole, 1 it is broken, 2 it could not be read.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from accord.errors import AccordError, CaseNotFoundError, ChainBrokenError
from accord.events import ChainedEvent, verify_chain


class Record(BaseModel):
    """A case's chain as it was found. `head` and `count` are what the case itself claims, if that was found too."""

    case_id: str
    head: str | None = None
    count: int | None = None
    events: tuple[ChainedEvent, ...]


class UnreadableError(AccordError):
    """The record could not be read, so nothing can be said about it."""


def read_file(path: Path) -> Record:
    """A record from a file: one JSON document a line, the events in order; the line without `seq` is the case's claim.

    Raises UnreadableError that names the line.
    """
    claim: dict[str, Any] = {}
    events: list[ChainedEvent] = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableError(f"{path}: {error}") from error
    for number, line in enumerate(lines, start=1):
        try:
            document = json.loads(line)
            if "seq" in document:
                events.append(ChainedEvent.model_validate(document))
            else:
                claim = {"head": document["head"], "count": document["count"], "case_id": document["case_id"]}
        except (ValueError, TypeError, KeyError) as error:
            reason = f"{error.error_count()} wrong fields" if isinstance(error, ValidationError) else repr(error)
            raise UnreadableError(f"{path}, line {number}: not an event: {reason}") from error
    if not events:
        raise UnreadableError(f"{path}: it holds no events")
    return Record.model_validate({"case_id": events[0].case_id, **claim, "events": events})


def read_tables(case_id: str, cases_table: str, events_table: str) -> Record:
    """A record from the tables, read consistently. Raises UnreadableError when that fails or there is no such case."""
    from accord.aws.store import CaseStore  # the offline use of this command needs no AWS library

    try:
        store = CaseStore(cases_table, events_table)
        case = store.get(case_id)
        return Record(case_id=case_id, head=case.head, count=case.version, events=tuple(store.events(case_id)))
    except CaseNotFoundError:
        raise UnreadableError(f"{cases_table} holds no case {case_id}") from None
    except Exception as error:  # no region, no credentials, no such table …: whatever it is, nothing was verified
        raise UnreadableError(f"{type(error).__name__}: {error}") from error


def tables_of(stack: str) -> tuple[str, str]:
    """The names of a stack's cases and events tables, from its outputs. Raises UnreadableError when it tells none."""
    from accord.aws.clients import client

    try:
        outputs = client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]["Outputs"]
        named = {output["OutputKey"]: output["OutputValue"] for output in outputs}
        return named["CasesTableName"], named["EventsTableName"]
    except Exception as error:  # no region, no credentials, no such stack …
        raise UnreadableError(f"stack {stack}: {type(error).__name__}: {error}") from error


def timeline(record: Record) -> Iterator[str]:
    """The events for a reader, one line each: number, time, type, who, and the short facts of what happened."""
    yield f"case {record.case_id}, {len(record.events)} events"
    for event in record.events:
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
    except (ValueError, KeyError, TypeError, AttributeError):
        return "?", {"body": "(unreadable)"}
    return who, {name: fact for name, fact in facts.items() if fact != "null" and len(fact) <= 40}


def verdict(record: Record) -> str:
    """One sentence for a whole chain. Raises ChainBrokenError that names the first event which does not fit."""
    count = verify_chain(record.events, record.head, record.count)
    strangers = {event.case_id for event in record.events} - {record.case_id}
    if strangers:
        raise ChainBrokenError(f"events of another case stand in the chain of {record.case_id}")
    if record.head is None:
        return (
            f"whole: {count} events, head {record.events[-1].hash}; without the case's claim a cut end would not show"
        )
    return f"whole: {count} events, head {record.head}, as the case says"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    options = _options(arguments)
    try:
        record = read_file(options.file) if options.file else read_tables(*_tables(options))
    except AccordError as error:
        print(f"cannot tell: {error}", file=sys.stderr)
        return 2
    if options.command == "export":
        print(json.dumps({"case_id": record.case_id, "head": record.head, "count": record.count}))
        for event in record.events:
            print(event.model_dump_json())
        return 0
    for line in timeline(record):
        print(line)
    try:
        print(verdict(record))
    except ChainBrokenError as error:
        print(f"BROKEN: {error}")
        return 1
    return 0


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
        command.add_argument("--endpoint-url", help="of a local stack, for example http://127.0.0.1:4566")
    return parser.parse_args(arguments)


def _tables(options: argparse.Namespace) -> tuple[str, str, str]:
    if options.endpoint_url:
        os.environ["AWS_ENDPOINT_URL"] = options.endpoint_url
    if options.stack:
        return options.case_id, *tables_of(options.stack)
    if not (options.cases_table and options.events_table):
        raise UnreadableError(
            "name the stack with --stack, or its tables: --cases-table and --events-table, CASES_TABLE and EVENTS_TABLE"
        )
    return options.case_id, options.cases_table, options.events_table


if __name__ == "__main__":
    sys.exit(main())
