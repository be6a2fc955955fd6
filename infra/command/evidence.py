"""`accord evidence`, `accord verify`, `accord keys`: what a court or a supervisor asks for, and how they check it."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError

from accord.audit import UnreadableError, printable, stores_of
from infra.command.explain import LOCALLY
from infra.command.refusal import refuse

if TYPE_CHECKING:
    from infra.evidence.verify import Verdict

_STACK = typer.Option(help="the stack to read, for example accord-prod")
_ENDPOINT = typer.Option(help="of a local stack, for example http://127.0.0.1:4566")
_BROKEN = 1
_NOT_ALL_SHOWN = 3
_SIGNS = {True: "  holds       ", False: "  BROKEN      ", None: "  not judged  "}


def evidence(
    case_id: Annotated[str, typer.Argument(metavar="CASE", help="its id; the console and the executions show it")],
    stack: Annotated[str, _STACK] = "accord-local",
    endpoint_url: Annotated[str | None, _ENDPOINT] = None,
    out: Annotated[Path | None, typer.Option(help="the file to write; case-<id>.zip where none is given")] = None,
) -> None:
    """Write all evidence of a case into one file, for whoever has to judge it. It holds personal data.

    That you took it becomes the last event of the case's chain. Its anchor bears witness to all before it.
    """
    from accord.aws.clients import client
    from infra.evidence.bundle import pack
    from infra.evidence.collect import collect

    _at(endpoint_url)
    target = out or Path(f"case-{case_id}.zip")
    try:
        if target.exists():  # evidence never overwrites evidence, and nothing is collected for nothing
            raise FileExistsError(f"{target} is there already")
        who = str(client("sts").get_caller_identity()["Arn"]).rpartition(":")[2]  # of a role, it names the session too
        bundle = pack(collect(case_id, stack, who))
        with target.open("xb") as file:
            file.write(bundle)
    except (UnreadableError, OSError, BotoCoreError, ClientError) as problem:
        refuse("evidence", printable(str(problem)))
    typer.echo(f"{target}: {len(bundle):,} bytes, personal data among them. To check it: accord verify {target}")


def verify(
    bundle: Annotated[Path, typer.Argument(help="what `accord evidence` wrote")],
    published: Annotated[
        Path | None, typer.Option(help="the bank's keys as it publishes them: what `accord keys` prints")
    ] = None,
    authorities: Annotated[
        Path | None,
        typer.Option(
            help="certificates (PEM) of the time-stamping authorities that you trust; no seal is judged by them"
        ),
    ] = None,
) -> None:
    """Judge a bundle, offline: is it whole and complete, and what confirms it from outside.

    Exit status: 0 all of it holds; 1 broken; 2 unreadable; 3 nothing is broken, but not all could be judged, as where
    the case was lost, or where you named no keys or no authority that you trust.
    """
    from infra.evidence.bundle import BundleUnreadableError
    from infra.evidence.verify import Trusted
    from infra.evidence.verify import verify as judge

    try:
        trusted = Trusted(*(_text(file) for file in (published, authorities)))
        verdicts = list(judge(bundle.read_bytes(), trusted))
    except (OSError, BundleUnreadableError, ValueError) as problem:
        refuse("verify", printable(f"{bundle}: {problem}"))
    question = None
    for verdict in verdicts:
        if verdict.question != question:
            typer.echo(f"{verdict.question}")
            question = verdict.question
        typer.echo(printable(f"{_SIGNS[verdict.holds]}{verdict.sentence}"))
    if any(verdict.holds is False for verdict in verdicts):
        typer.echo("This is not the evidence that Accord kept, or not all of it.")
        raise typer.Exit(_BROKEN)
    shown, unshown = (_names(verdicts, holds) for holds in (True, None))
    if unshown:
        typer.echo(f"Nothing is broken. Shown: {shown}. Not shown: {unshown}. Nobody vouches for what is not shown.")
        raise typer.Exit(_NOT_ALL_SHOWN)
    typer.echo("Whole and complete.")
    typer.echo(_ITS_WORD)


def _names(verdicts: "list[Verdict]", holds: bool | None) -> str:
    """Of what the verdicts are that say so."""
    return ", ".join(verdict.sentence.partition(":")[0] for verdict in verdicts if verdict.holds is holds)


_ITS_WORD = (
    "That what the bank's own log says is true, no signature shows: it is the bank's word, given at the time and not "
    "changed since."
)


def keys(stack: Annotated[str, _STACK] = "accord-local", endpoint_url: Annotated[str | None, _ENDPOINT] = None) -> None:
    """Print the public keys that the bank publishes: the anchors' key, and all certificates that the seal ever had."""
    from infra.evidence.keys import anchor_pem, seal_certificates

    _at(endpoint_url)
    try:
        stores = stores_of(stack)
        if stores.anchor_key_arn is None or stores.seal_certificate_parameter is None:
            raise UnreadableError(f"{stack} has no output AnchorKeyArn, or no output SealCertificateParameterName")
        typer.echo(anchor_pem(stores.anchor_key_arn).decode(), nl=False)
        typer.echo(seal_certificates(stores.seal_certificate_parameter), nl=False)
    except Exception as problem:
        refuse("keys", printable(f"{problem}"))


def _text(file: Path | None) -> str | None:
    return file.read_text(encoding="utf-8", errors="replace") if file else None


def _at(endpoint_url: str | None) -> None:
    if endpoint_url:
        os.environ["AWS_ENDPOINT_URL"] = endpoint_url
        for name, value in LOCALLY.items():
            os.environ.setdefault(name, value)
