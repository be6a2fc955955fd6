"""`accord score`: the chance of a missed payment for every row of a file in the data set's form."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from accord.early_warning import load_card
from infra.command.refusal import refuse
from infra.data.uci import behaviour
from infra.data.uci_file import BadFileError, read_rows

_STANDARD_OUTPUT = Path("-")


def score(
    uci: Annotated[Path, typer.Option(metavar="IN.csv", help="The data set's columns; IN.csv.gz is read too.")],
    out: Annotated[Path, typer.Argument(metavar="OUT.csv", help="ID,pd; - is the standard output.")],
) -> None:
    """Score a file of card accounts: the chance that next month's payment is missed, a row for each of its rows.

    Columns that are not needed are ignored; sex, education, marriage and age are never read.
    """
    card = load_card()
    if out.exists() and uci.exists() and out.samefile(uci):
        refuse("score", f"{out} is the file to score: name another one, or nothing would be left of it")
    try:
        rows = list(read_rows(uci))
        console = Console(stderr=True)
        bar = track(rows, "scoring", console=console, disable=not console.is_terminal)
        lines = [f"{row['ID']},{card.score(behaviour(row)).pd:.6f}\n" for row in bar]
    except BadFileError as problem:
        refuse("score", str(problem))
    except OSError as error:
        refuse("score", f"{uci}: {error.strerror}")
    try:
        write(out, "".join(("ID,pd\n", *lines)))
    except OSError as error:
        refuse("score", f"{out}: {error.strerror}")


def write(target: Path, text: str) -> None:
    """All of it or nothing: a file beside the target takes its name once it is whole."""
    if target == _STANDARD_OUTPUT:
        typer.echo(text, nl=False)
        return
    # A device, a pipe or a link keeps what it is: it is written to, and never replaced by a file.
    if target.is_symlink() or (target.exists() and not target.is_file()):
        target.write_text(text, encoding="utf-8", newline="")
        return
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        part.write_text(text, encoding="utf-8", newline="")
        part.replace(target)
    finally:
        with suppress(FileNotFoundError):
            part.unlink()
