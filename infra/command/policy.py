"""`accord policy`: check a policy pack line by line, and show what differs between two packs and for whom."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Annotated, Any, NoReturn
from zoneinfo import ZoneInfo

import typer
from rich.console import Console

from accord.errors import InputRejectedError
from accord.policy import Policy
from accord.policy_review import EXPIRES_WITHIN, Difference, Review, differences, review
from infra.command.policy_effect import EXAMPLES, compare, tell
from infra.simulation.policies import WrongPolicyError, check_comparable

_PACK = typer.Argument(help="a policy pack, YAML", show_default=False)
_DAY = typer.Option("--on", formats=["%Y-%m-%d"], help="the day on which the rules have to hold; today if not given")

BAD_INPUT = 2
app = typer.Typer(
    name="policy",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,  # a row may be personal
    rich_markup_mode=None,
)


@app.callback()
def _group() -> None:
    """Policy packs: what law, supervisors and the bank allow."""


@app.command()
def check(file: Annotated[Path, _PACK], on: Annotated[datetime | None, _DAY] = None) -> None:
    """Explain what is wrong with a pack, and warn of what looks like a slip.

    Exit status: 0 fine or warnings alone, 1 something is wrong, 2 the file cannot be read.
    """
    found = _reviewed(file, on.date() if on else datetime.now(UTC).date())
    for problem in found.problems:
        typer.echo(f"{file}:{problem.line}: {problem.where}: {problem.what}; {problem.way_out}")
    for doubt in found.warnings:
        typer.echo(f"{file}:{doubt.line}: warning: {doubt.where}: {doubt.what}; {doubt.way_out}")
    typer.echo(_summary(found))
    raise typer.Exit(1 if found.problems else 0)


@app.command()
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
    typer.echo(f"{old} and {new}: {len(found)} differences" if found else f"{old} and {new} say the same")
    if portfolio is not None:
        try:
            check_comparable(before, after)
        except WrongPolicyError as error:
            _give_up(str(error))
        now = datetime.combine(on, time(12), ZoneInfo(before.time_zone)) if on else datetime.now(UTC)
        try:
            tell(compare(_read(portfolio), before, after, now), before.currencies[0], Console())
        except InputRejectedError as error:
            _give_up(f"{portfolio} cannot be read: {error}")
    raise typer.Exit(1 if found else 0)


# --- one pack ----------------------------------------------------------------------------------------------------


def _reviewed(file: Path, today: date) -> Review:
    try:
        return review(file.read_text(encoding="utf-8"), today)
    except (OSError, UnicodeDecodeError) as error:
        _give_up(f"{file} cannot be read: {error}")


def _valid(file: Path, on: datetime | None) -> Policy:
    found = _reviewed(file, on.date() if on else datetime.now(UTC).date())
    if found.policy is None:
        _give_up(f"{file} is no pack that works ({len(found.problems)} problems): accord policy check {file}")
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
    return "\n".join(said)


def _number(count: int, of: str) -> str:
    return f"{count or 'no'} {of}{'s' if count != 1 else ''}"


def _some(names: tuple[str, ...]) -> str:
    more = len(names) - EXAMPLES
    return ", ".join(names[:EXAMPLES]) + (f" and {more} more" if more > 0 else "")


# --- two packs ---------------------------------------------------------------------------------------------------


def _line(one: Difference) -> str:
    if one.kind == "ADDED":
        return f"+ {one.key}: {_value(one.new)}"
    if one.kind == "REMOVED":
        return f"- {one.key}: {_value(one.old)}"
    return f"~ {one.key}{f' {one.part}' if one.part else ''}: {_value(one.old)} -> {_value(one.new)}"


def _value(value: Any) -> str:
    if value is None:
        return "none"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _read(portfolio: Path) -> Iterator[bytes]:
    try:
        with portfolio.open("rb") as file:
            yield from file
    except OSError as error:
        _give_up(f"{portfolio} cannot be read: {error}")


def _give_up(why: str) -> NoReturn:
    typer.echo(f"accord policy: {why}", err=True)
    raise typer.Exit(BAD_INPUT)


if __name__ == "__main__":
    app()
