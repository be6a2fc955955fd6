"""Screen one range of a portfolio file: accounts that are late, likely to be, or spoken of go to the bus."""

import os
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from accord import clock, portfolio
from accord.aws.bus import BusEntry, put_events
from accord.aws.portfolio_files import PortfolioFile
from accord.aws.steps import case_store

logger = Logger()
bus = os.environ["EVENT_BUS_NAME"]
cases = case_store()


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """How the lines of the range came out. A repeat sends the same event ids again, which changes nothing."""
    file = PortfolioFile.model_validate(event["file"])
    piece = portfolio.Range(**event["range"])
    data = file.read(piece.start, piece.end)
    screening = portfolio.screen(data, tuple(event["columns"]), piece.line, clock.now())
    found = {
        "AccountOverdue": screening.overdue,
        "AccountAtRisk": screening.at_risk,
        "AccountInOrder": to_be_told(screening.in_order),
    }
    put_events(
        bus,
        [
            BusEntry("billing.portfolio", kind, detail, file.sent_at)
            for kind, details in found.items()
            for detail in details
        ],
    )
    if screening.rejects:
        file.write("rejects", f"/from-line-{piece.line:08}.jsonl", screening.rejects)
    return screening.counts()


def to_be_told(in_order: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of the accounts in order, most of a portfolio, those that somebody has to hear of.

    A case is open, or what is said holds without one. The others cost no event.
    """
    under_way = cases.with_open_case(detail["account"]["accountId"] for detail in in_order)
    return [
        detail
        for detail in in_order
        if detail["account"]["accountId"] in under_way or portfolio.is_heard_without_a_case(detail)
    ]
