"""`accord policy`: check a policy pack line by line, and show what differs between two packs and for whom."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console

from accord.errors import InputRejectedError
from accord.policy import Policy
from accord.policy_review import EXPIRES_WITHIN, Difference, Review, differences
from infra.command.policy_effect import EXAMPLES, compare, tell
from infra.command.refusal import refuse
from infra.simulation.policies import WrongPolicyError, as_text, check_comparable, reviewed, with_problems

_PACK = typer.Argument(help="a policy pack, YAML", show_default=False)
_DAY = typer.Option("--on", formats=["%Y-%m-%d"], help="the day on which the rules have to hold; today if not given")


def check(file: Annotated[Path, _PACK], on: Annotated[datetime | None, _DAY] = None) -> None:
    """Explain what is wrong with a pack, and warn of what looks like a slip.

    Exit status: 0 fine or warnings alone, 1 what stands in it is wrong, 2 there is no file that can be opened.
    """
    found = _reviewed(file, on.date() if on else datetime.now(UTC).date())
    for problem in found.problems:
        typer.echo(f"{file}:{problem.line}: {problem.where}: {problem.what}; {problem.way_out}")
    for doubt in found.warnings:
        typer.echo(f"{file}:{doubt.line}: warning: {doubt.where}: {doubt.what}; {doubt.way_out}")
    typer.echo(_summary(found))
    raise typer.Exit(1 if found.problems else 0)


def diff(
    old: Annotated[Path, _PACK],
    new: Annotated[Path, _PACK],
    portfolio: Annotated[Path | None, typer.Option(help="accounts, CSV: say what would change for whom")] = None,
    on: Annotated[datetime | None, _DAY] = None,
) -> None:
    """Show which rules differ, and with a portfolio for whom. Exit status: 0 alike, 1 different, 2 cannot be read."""
    before, after = (_valid(file, on) for file in (old, new))
    found = differences(before, after)
    for one in found:
        typer.echo(_line(one))
    typer.echo(f"{old} and {new}: {_counted(found)}" if found else f"{old} and {new} say the same")
    if portfolio is not None:
        try:
            check_comparable(before, after)
        except WrongPolicyError as error:
            refuse("policy", *error.problems)
        now = datetime.combine(on, time(12), ZoneInfo(before.time_zone)) if on else datetime.now(UTC)
        try:
            tell(compare(_read(portfolio), before, after, now), before.currencies[0], Console())
        except InputRejectedError as error:
            refuse("policy", f"{portfolio} cannot be read: {error}")
    raise typer.Exit(1 if found else 0)


def _counted(found: list[Difference]) -> str:
    return "one difference" if len(found) == 1 else f"{len(found)} differences"


# --- one pack ----------------------------------------------------------------------------------------------------


def _reviewed(file: Path, today: date) -> Review:
    try:
        return reviewed(str(file), today)
    except WrongPolicyError as error:
        refuse("policy", *error.problems)


def _valid(file: Path, on: datetime | None) -> Policy:
    """A pack that works. If a check of it finds problems, that is said before what it is used for."""
    found = _reviewed(file, on.date() if on else datetime.now(UTC).date())
    check = f"accord policy check {file}" + (f" --on {on:%Y-%m-%d}" if on else "")
    if found.policy is None:
        refuse("policy", f"{file} is no pack that works ({_number(len(found.problems), 'problem')}): {check}")
    if found.problems:
        typer.echo(f"accord policy: {with_problems(str(file), len(found.problems), check)}", err=True)
    return found.policy


def _summary(found: Review) -> str:
    said = [", ".join((_number(len(found.problems), "problem"), _number(len(found.warnings), "warning")))]
    if found.policy is not None:
        said.insert(0, f"{found.policy.version}, {len(found.policy.rules)} rules")
    if found.expiring:
        ends = ", ".join(f"{key} on {end}" for key, end in found.expiring)
        said.append(f"{len(found.expiring)} end within {EXPIRES_WITHIN.days} days: {ends}")
    if found.low_confidence:
        said.append(f"{len(found.low_confidence)} have a weak source (confidence low): {_some(found.low_confidence)}")
    if found.unread:
        said.append(f"{len(found.unread)} are recorded and not used by any code yet: {', '.join(found.unread)}")
    return "\n".join(said)


def _number(count: int, of: str) -> str:
    return f"{count or 'no'} {of}{'s' if count != 1 else ''}"


def _some(names: tuple[str, ...]) -> str:
    more = len(names) - EXAMPLES
    return ", ".join(names[:EXAMPLES]) + (f" and {more} more" if more > 0 else "")


# --- two packs ---------------------------------------------------------------------------------------------------


def _line(one: Difference) -> str:
    old, new = as_text(one.old, "none"), as_text(one.new, "none")
    if one.kind == "ADDED":
        return f"+ {one.key}: {new}"
    if one.kind == "REMOVED":
        return f"- {one.key}: {old}"
    return f"~ {one.key}{f' {one.part}' if one.part else ''}: {old} -> {new}"


def _read(portfolio: Path) -> Iterator[bytes]:
    try:
        with portfolio.open("rb") as file:
            yield from file
    except OSError as error:
        refuse("policy", f"{portfolio} cannot be read: {error}")
