"""`accord explain`: why a case was treated, assessed and offered what it was, with the rule behind each figure."""

import os
from collections.abc import Iterable, Iterator
from typing import Annotated

import typer
from rich.cells import cell_len

from accord.audit import UnreadableError, printable, tables_of
from accord.case import Case, Product
from accord.errors import CaseDamagedError, CaseNotFoundError
from accord.explain import (
    Sentence,
    explain_assessment,
    explain_best,
    explain_identification,
    explain_no_offer,
    explain_offer,
    explain_worth,
)
from accord.money import format_rate
from accord.policy import load_policy
from accord.texts import texts
from infra.command.language import Language
from infra.command.refusal import refuse

_WIDTH = 17  # of the column of figures
# A local stack takes any credentials, but a client wants some.
LOCALLY = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_DEFAULT_REGION": "ap-southeast-1"}
_STACK = typer.Option(help="the stack whose tables to read, for example accord-prod")
_ENDPOINT = typer.Option(help="of a local stack, for example http://127.0.0.1:4566")


def explain(
    case_id: Annotated[str, typer.Argument(metavar="CASE", help="its id; the console and the executions show it")],
    stack: Annotated[str, _STACK] = "accord-local",
    endpoint_url: Annotated[str | None, _ENDPOINT] = None,
    language: Language = "en",
) -> None:
    """Say in sentences which rule bound each figure of a case. For staff: it names what the offers are worth."""
    if endpoint_url:
        os.environ["AWS_ENDPOINT_URL"] = endpoint_url
        for name, value in LOCALLY.items():
            os.environ.setdefault(name, value)
    try:
        case = _read(case_id, stack)
    except UnreadableError as problem:
        refuse("explain", str(problem))
    for line in lines(case, language):
        typer.echo(printable(line))


def _read(case_id: str, stack: str) -> Case:
    from accord.aws.store import CaseStore  # AWS's library takes a moment, and a wrong option needs none of it

    try:
        return CaseStore(*tables_of(stack)).get(case_id)
    except CaseNotFoundError:
        raise UnreadableError(f"{stack} holds no case {case_id}") from None
    except CaseDamagedError:
        raise UnreadableError(f"the case {case_id} of {stack} is damaged and cannot be read") from None


def lines(case: Case, language: str) -> Iterator[str]:
    """The explanation of a case, line by line; nothing in it is personal."""
    policy, said = load_policy(case.jurisdiction), _Words(language)
    status = said("statuses", case.status)
    if case.closed_reason is not None:
        status += f"  {said('closed_reasons', case.closed_reason)}"
    yield said("headings", "case", case=case.case_id, round=case.round, status=status)
    yield from _told(said("headings", "identification"), explain_identification(case, policy, language), said)
    yield from _told(said("headings", "assessment"), explain_assessment(case, policy, language), said)
    yield from _told(said("headings", "at_best"), explain_best(case, policy, language), said)
    yield from _told(said("headings", "no_offer"), explain_no_offer(case, policy, language), said)
    for number, offer in enumerate(case.offers, start=1):
        title = said(
            "headings",
            "offer_once" if offer.product is Product.LUMP_SUM else "offer",
            number=number,
            offer=offer.offer_id,
            product=said("products", offer.product),
            months=offer.months,
            rate=format_rate(offer.annual_rate_ppm),
        )
        yield from _told(title, explain_offer(case, offer, policy, language), said)
        yield from _told(said("headings", "worth"), explain_worth(offer, policy, language), said)
    if case.review_reasons:
        yield from ("", said("headings", "review"))
        yield from (f"  {said('review', reason)}" for reason in case.review_reasons)


class _Words:
    """What stands around the sentences, in one language; a code that is newer than the words stands for itself."""

    def __init__(self, language: str) -> None:
        self._language = language

    def __call__(self, group: str, key: str, **values: object) -> str:
        told: str = texts("explain")[group].get(key, {}).get(self._language, key)
        return told.format(**values)


def _told(title: str, sentences: Iterable[Sentence], said: _Words) -> Iterator[str]:
    shown = list(sentences)
    if not shown:
        return
    yield from ("", title)
    for sentence in shown:
        # A Chinese character is two columns wide.
        yield f"  {' ' * max(_WIDTH - cell_len(sentence.figure), 0)}{sentence.figure}  {sentence.text}"
        if sentence.rule:
            yield f"  {'':>{_WIDTH}}  [{sentence.rule}: {sentence.citation or said('headings', 'no_rule')}]"
