"""`accord explain`: why a case was treated, assessed and offered what it was, with the rule behind each figure."""

import os
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Annotated

import typer

from accord.audit import UnreadableError, tables_of
from accord.case import Case
from accord.errors import CaseNotFoundError
from accord.explain import Sentence, explain_assessment, explain_identification, explain_offer, explain_worth
from accord.money import format_rate
from accord.policy import load_policy

NOT_READ = 2
# A local stack takes any credentials, but a client wants some.
_LOCALLY = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_DEFAULT_REGION": "ap-southeast-1"}
_STACK = typer.Option(help="the stack whose tables to read, for example accord-prod")
_ENDPOINT = typer.Option(help="of a local stack, for example http://127.0.0.1:4566")


class Language(StrEnum):
    """What the sentences may be in."""

    ZH = "zh-CN"
    EN = "en"


def explain(
    case_id: Annotated[str, typer.Argument(metavar="CASE", help="its id; the console and the executions show it")],
    stack: Annotated[str, _STACK] = "accord-local",
    endpoint_url: Annotated[str | None, _ENDPOINT] = None,
    language: Annotated[Language, typer.Option(help="of the sentences")] = Language.EN,
) -> None:
    """Say in sentences which rule bound each figure of a case. For staff: it names what the offers are worth."""
    if endpoint_url:
        os.environ["AWS_ENDPOINT_URL"] = endpoint_url
        for name, value in _LOCALLY.items():
            os.environ.setdefault(name, value)
    try:
        case = _read(case_id, stack)
    except UnreadableError as problem:
        typer.echo(f"accord explain: {problem}", err=True)
        raise typer.Exit(NOT_READ) from None
    for line in lines(case, language.value):
        typer.echo(line)


def _read(case_id: str, stack: str) -> Case:
    from accord.aws.store import CaseStore  # AWS's library takes a moment, and a wrong option needs none of it

    try:
        return CaseStore(*tables_of(stack)).get(case_id)
    except CaseNotFoundError:
        raise UnreadableError(f"{stack} holds no case {case_id}") from None


def lines(case: Case, language: str) -> Iterator[str]:
    """The explanation of a case, line by line; nothing in it is personal."""
    policy = load_policy(case.jurisdiction)
    yield f"{case.case_id}  round {case.round}  {case.status}{f'  {case.closed_reason}' if case.closed_reason else ''}"
    yield from _told("Identification", explain_identification(case, policy, language))
    yield from _told("Assessment", explain_assessment(case, policy, language))
    for number, offer in enumerate(case.offers, start=1):
        rate = format_rate(offer.annual_rate_ppm)
        title = (
            f"Offer {number}  {offer.offer_id}  {offer.product}  {offer.months} × {rate}  {', '.join(offer.best_at)}"
        )
        yield from _told(title, explain_offer(case, offer, policy, language))
        yield from _told("Worth to the bank, never told to the customer", explain_worth(offer, policy, language))
    if case.review_reasons:
        yield from ("", f"A person has to approve: {', '.join(case.review_reasons)}")


def _told(title: str, sentences: Iterable[Sentence]) -> Iterator[str]:
    said = list(sentences)
    if not said:
        return
    yield from ("", title)
    for sentence in said:
        yield f"  {sentence.figure:>16}  {sentence.text}"
        if sentence.rule:
            yield f"  {'':>16}  [{sentence.rule}: {sentence.citation or 'no such rule in the pack today'}]"
