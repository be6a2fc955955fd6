"""The `accord` command itself. A command is a function in a file of its own; here it is registered, one line each."""

import typer

from infra.command import policy
from infra.command.explain import explain
from infra.command.score import score
from infra.command.simulate import simulate

app = typer.Typer(
    name="accord",
    help="Accord's tools for risk, policy and support.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,  # a row may be personal
    rich_markup_mode=None,
)


@app.callback()
def accord() -> None:
    """Accord's tools for risk, policy and support."""


app.command()(score)
app.command()(explain)
app.command()(simulate)
app.add_typer(policy.app, name="policy")
