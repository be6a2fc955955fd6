"""The `accord` command itself. A command is a function in a file of its own; here it is registered, one line each."""

import typer

from accord.early_warning import load_card
from accord.errors import CardBrokenError
from infra.command import policy
from infra.command.evidence import evidence, keys, verify
from infra.command.explain import explain
from infra.command.refusal import refuse
from infra.command.score import score
from infra.command.simulate import simulate


def _group(told: str) -> typer.Typer:
    return typer.Typer(
        help=told,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_show_locals=False,  # a row may be personal
        rich_markup_mode=None,
    )


app = _group("Accord's tools for risk, policy and support.")


@app.callback()
def check_card(context: typer.Context) -> None:
    """Every command reckons with the early-warning card: where it is broken, that is said once, and first."""
    try:
        load_card()
    except CardBrokenError as problem:
        refuse(str(context.invoked_subcommand), str(problem))


app.command()(score)
app.command()(explain)
app.command()(simulate)
app.command()(evidence)
app.command()(verify)
app.command()(keys)

packs = _group("Policy packs: what law, supervisors and the bank allow.")
packs.command()(policy.check)
packs.command()(policy.diff)
app.add_typer(packs, name="policy")
