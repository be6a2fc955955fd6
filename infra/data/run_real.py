"""Real accounts through the local stack: each from billing's event to an offer, or to the reason why there is none.

`python -m infra.data.run_real --source uci_credit_card.csv.gz --rows 300` prints what became of every account; the exit
status is 0 when none was lost and none is stuck.
"""

import argparse
import json
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from accord.aws.bus import BusEntry, put_events
from accord.aws.store import CaseStore
from accord.billing import AccountOverdue, parse
from accord.case import Case, StaffTask, Status, TaskKind
from accord.opening import case_id_of
from infra.data.uci import chosen, source_options
from infra.local.application import BUS, accord_stack
from infra.local.stack import LocalStack, Problem

# With nothing finished for so long, what is left counts as stuck.
PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class Ending:
    """What a case came to, why, and how long it took from its opening."""

    outcome: str
    reason: str
    seconds: float


def ending_of(case: Case, open_tasks: Iterable[StaffTask]) -> tuple[str, str] | None:
    """Outcome and reason of a case that waits for a person outside or has ended; None while the workflow is at work."""
    waits_for_staff = {task.kind for task in open_tasks}
    if TaskKind.FAILED_STEP in waits_for_staff:
        return "FAILED", case.status
    if case.status is Status.CLOSED:
        excluded = case.identification.exclusion if case.identification else None
        return "CLOSED", f"{case.closed_reason}{f': {excluded}' if excluded else ''}"
    if case.status is Status.INVITED:
        return "INVITED", f"offers: {len(case.offers)}" if case.offers else "asked for income first"
    if case.status is Status.IN_REVIEW and TaskKind.REVIEW_OFFERS in waits_for_staff:
        return "IN_REVIEW", ", ".join(sorted(case.review_reasons))
    # Without any offer yet where the customer is to be asked for their means first.
    if case.status in (Status.OFFERED, Status.ASSESSED) and TaskKind.REACH_BY_HAND in waits_for_staff:
        return case.status.value, "no message may be sent: staff reach the customer by hand"
    return None


def run(stack: LocalStack, events: Sequence[AccountOverdue], details: Sequence[dict[str, object]]) -> dict[str, Ending]:
    """Send the events and follow each case to its ending; whatever is missing in the result is lost or stuck."""
    store = CaseStore(stack.physical_id("CasesTable"), stack.physical_id("EventsTable"))
    accounts = {case_id_of(event): event.account.account_id for event in events}
    endings: dict[str, Ending] = {}
    put_events(BUS, [BusEntry("billing", "AccountOverdue", detail) for detail in details])
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task("from event to offer", total=len(accounts))
        last_ending = time.monotonic()
        while accounts and time.monotonic() - last_ending < PATIENCE_SECONDS:
            time.sleep(0.25)
            waiting = stack.waiting()
            for execution in stack.executions("NegotiationStateMachine"):
                at_rest = execution.execution_arn in waiting or execution.status != "RUNNING"
                if execution.name not in accounts or not at_rest:
                    continue
                ending = _ending(store, execution.name)
                if ending:
                    endings[accounts.pop(execution.name)] = ending
                    progress.advance(bar)
                    last_ending = time.monotonic()
    return endings


def _ending(store: CaseStore, case_id: str) -> Ending | None:
    case = store.get(case_id)
    found = ending_of(case, (task for task in store.tasks(case_id) if task.outcome is None))
    if found is None:
        return None
    *_, last = store.events(case_id)
    return Ending(*found, (datetime.fromisoformat(last.at) - case.opened_at).total_seconds())


def dead_letters(stack: LocalStack) -> dict[str, int]:
    """How many messages lie in each dead-letter queue: events that were refused, messages that could not be sent."""
    sqs = stack.client("sqs")
    queues = {
        url: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        for url in sqs.list_queues()["QueueUrls"]
    }
    redriven = [json.loads(told["RedrivePolicy"]) for told in queues.values() if "RedrivePolicy" in told]
    last_stops = {policy["deadLetterTargetArn"] for policy in redriven}
    counts = {
        url.rpartition("/")[2]: int(told["ApproximateNumberOfMessages"])
        for url, told in queues.items()
        if told["QueueArn"] in last_stops
    }
    return {name: count for name, count in counts.items() if count}


def report(endings: dict[str, Ending], accounts: Sequence[str], dead: dict[str, int], elapsed: float) -> bool:
    """Print the summary; return whether every account came to a proper ending and nothing lies undelivered."""
    console = Console()
    table = Table("outcome", "reason", "accounts", "median s", title="What became of the accounts")
    counts = Counter((ending.outcome, ending.reason) for ending in endings.values())
    for (outcome, reason), count in sorted(counts.items(), key=lambda item: (item[0][0], -item[1])):
        times = [e.seconds for e in endings.values() if (e.outcome, e.reason) == (outcome, reason)]
        table.add_row(outcome, reason, str(count), f"{statistics.median(times):.2f}")
    console.print(table)
    if endings:
        times = sorted(ending.seconds for ending in endings.values())
        console.print(f"{len(endings)} accounts in {elapsed:.1f} s: {len(endings) / elapsed:.1f} cases a second")
        console.print(
            f"a case took {statistics.median(times):.2f} s (median), {times[len(times) * 95 // 100]:.2f} s (95 %), "
            f"{times[-1]:.2f} s (longest), the wait for its turn included"
        )
    unfinished = [account for account in accounts if account not in endings]
    failed = [account for account, ending in endings.items() if ending.outcome == "FAILED"]
    console.print(f"lost or stuck: {len(unfinished)}; failed: {len(failed)}")
    for account in unfinished + failed:
        console.print(f"  {account}")
    for queue, count in dead.items():
        console.print(f"{count} messages lie in the dead-letter queue {queue}")
    return not (unfinished or failed or dead)


def _tell(problem: Problem) -> None:
    print(f"{problem.where}: {problem.what}", file=sys.stderr)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the accounts that the options choose; return the exit status."""
    parser = argparse.ArgumentParser(description="Real accounts through the local stack, from event to offer.")
    source_options(parser)
    options = parser.parse_args(arguments)
    details, counts = chosen(options)
    print(", ".join(f"{count} {name}" for name, count in counts.items()))
    print("names, phones, incomes and the like are invented: python -m infra.data.uci --help")
    events = [parse(AccountOverdue, detail) for detail in details]
    with accord_stack("http://localhost:8080", on_problem=_tell) as stack:
        started = time.monotonic()
        endings = run(stack, events, details)
        elapsed = time.monotonic() - started
        stack.settle(60)
        fine = report(endings, [event.account.account_id for event in events], dead_letters(stack), elapsed)
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
