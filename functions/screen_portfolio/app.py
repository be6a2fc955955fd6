"""Screen one range of a portfolio file: accounts that are late or likely to be go to the bus, rejects to S3."""

import os
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from accord import clock, portfolio
from accord.aws.bus import BusEntry, put_events
from accord.aws.portfolio_files import PortfolioFile

logger = Logger()
bus = os.environ["EVENT_BUS_NAME"]


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """How the lines of the range came out. A repeat sends the same event ids again, which changes nothing."""
    file = PortfolioFile.model_validate(event["file"])
    piece = portfolio.Range(**event["range"])
    data = file.read(piece.start, piece.end)
    screening = portfolio.screen(data, tuple(event["columns"]), piece.line, clock.now())
    found = {"AccountOverdue": screening.overdue, "AccountAtRisk": screening.at_risk}
    put_events(
        bus, [BusEntry("billing.portfolio", kind, detail) for kind, details in found.items() for detail in details]
    )
    if screening.rejects:
        file.write("rejects", f"/from-line-{piece.line:08}.jsonl", screening.rejects)
    return screening.counts()
