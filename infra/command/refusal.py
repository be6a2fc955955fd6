"""How every command refuses what it is given: a sentence on the standard error, and an exit status of its own."""

from typing import NoReturn

import typer

BAD_INPUT = 2


def refuse(command: str, *problems: str) -> NoReturn:
    """End the command with a line for each problem."""
    for problem in problems:
        typer.echo(f"accord {command}: {problem}", err=True)
    raise typer.Exit(BAD_INPUT) from None
