"""`accord simulate`: what one policy, or two, would do to a whole portfolio, as a report in one HTML file."""

from concurrent.futures.process import BrokenProcessPool
from datetime import UTC, datetime, time
from pathlib import Path
from time import monotonic
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from accord.errors import InputRejectedError
from accord.policy import Policy
from infra.command.language import Language
from infra.command.refusal import refuse
from infra.simulation import run
from infra.simulation.policies import WrongPolicyError, check_comparable, policy_of, with_problems
from infra.simulation.totals import Totals

FAILED = 1
_A_DAY = len("2026-11-24")


def simulate(
    portfolio: Annotated[Path, typer.Option(metavar="FILE", help="A portfolio file: CSV, one account a line.")],
    policy: Annotated[
        list[str],
        typer.Option(
            metavar="POLICY", help="A jurisdiction whose policy ships (CN), or a YAML file; twice for A and B."
        ),
    ],
    report: Annotated[Path, typer.Option(metavar="FILE", help="The report.")] = Path("simulation.html"),
    as_of: Annotated[
        str | None,
        typer.Option(metavar="DAY", help="The day or moment of the decisions; else the newest occurredAt in the file."),
    ] = None,
    language: Language = "en",
    processes: Annotated[int | None, typer.Option(min=1, help="How many work at once; else one a core.")] = None,
) -> None:
    """Simulate a policy on a portfolio: offers, waivers, expected recovery, and who gets nothing and why.

    With two policies the report also shows where B differs from A, and for whom it is better. Nothing is sent.
    """
    policies = _policies(policy)
    try:
        survey = run.survey(portfolio)
        now = _moment(as_of, policies[0]) or survey.newest or datetime.now(UTC)
        totals, seconds = _run(portfolio, policies, now, processes, survey.lines)
    except InputRejectedError as error:
        refuse("simulate", *(f"{portfolio}: {problem['field']}: {problem['problem']}" for problem in error.problems))
    except OSError as error:
        refuse("simulate", f"{portfolio}: {error.strerror}")
    except BrokenProcessPool:
        typer.echo("accord simulate: a process was ended from outside; is there too little memory?", err=True)
        raise typer.Exit(FAILED) from None

    # The plotting library takes a while to load, and nobody needs it before.
    from infra.simulation.report import About
    from infra.simulation.report import report as page

    about = About(portfolio.name, now, tuple(Path(told).name for told in policy), policies)
    try:
        report.write_text(page(totals, about, language), encoding="utf-8")
    except OSError as error:
        refuse("simulate", f"{report}: {error.strerror}")
    _tell(totals, seconds, report)
    if not totals.lines.total():
        typer.echo(f"accord simulate: {portfolio} has no account in it", err=True)
    if totals.lines["rejected"] and not totals.lines["decided"]:
        typer.echo("accord simulate: no account could be decided on; the report says what is wrong", err=True)
        raise typer.Exit(FAILED)
    if totals.lines["failed"]:
        raise typer.Exit(FAILED)


def _run(
    portfolio: Path, policies: tuple[Policy, ...], now: datetime, processes: int | None, lines: int
) -> tuple[Totals, float]:
    """The totals, and how many seconds they took."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    times = (TimeElapsedColumn(), TimeRemainingColumn())
    started = monotonic()
    with Progress(*columns, *times, console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task("accounts", total=lines)
        totals = run.simulate(portfolio, policies, now, processes, lambda done: progress.advance(bar, done))
    return totals, monotonic() - started


def _policies(told: list[str]) -> tuple[Policy, ...]:
    if len(told) > 2:
        refuse("simulate", "--policy: one policy, or two to compare")
    try:
        read = [policy_of(name, datetime.now(UTC).date()) for name in told]
        policies = tuple(policy for policy, _ in read)
        if len(policies) > 1:
            check_comparable(*policies)
    except WrongPolicyError as error:
        refuse("simulate", *error.problems)
    # A simulation is there to try what is not in force, so a looser pack is simulated, and said to be one.
    for name, (_, problems) in zip(told, read, strict=True):
        if problems:
            said = with_problems(name, problems, f"accord policy check {name}")
            typer.echo(f"accord simulate: {said}", err=True)
    return policies


def _moment(told: str | None, policy: Policy) -> datetime | None:
    """A day counts as its noon, in the time zone of the policy."""
    if told is None:
        return None
    try:
        moment = datetime.fromisoformat(told)
    except ValueError:
        refuse("simulate", "--as-of: a day or a moment in ISO 8601, for example 2026-11-24")
    if len(told) == _A_DAY:
        moment = datetime.combine(moment.date(), time(12))
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(policy.time_zone))


def _tell(totals: Totals, seconds: float, report: Path) -> None:
    lines = totals.lines
    told = {"decided": "accounts decided on", "not_at_risk": "neither late nor at risk"}
    counts = ", ".join(f"{lines[kind]:,} {told.get(kind, kind)}" for kind in (*told, "rejected", "failed"))
    typer.echo(f"{counts}; {lines.total() / max(seconds, 0.001):,.0f} rows a second")
    for name, side in zip("AB", totals.sides, strict=False):
        share = 100 * side.offers.total() / max(lines["decided"], 1)
        typer.echo(f"{name}: {side.offers.total():,} accounts with offers ({share:.1f} %)")
        if side.denied:
            typer.echo(f"{name}: {side.denied:,} accounts denied for want of a rule; see accord policy check", err=True)
    typer.echo(f"report: {report}")
