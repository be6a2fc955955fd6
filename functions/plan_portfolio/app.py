"""Plan how a portfolio file is screened: check its header, cut it into ranges of rows, write the manifest."""

from dataclasses import asdict
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from accord import portfolio
from accord.aws.portfolio_files import PortfolioFile
from accord.errors import InputRejectedError

logger = Logger()


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """SCREEN or NO_ROWS with the key of the manifest, or REJECTED with the key of what is wrong with the file."""
    file = PortfolioFile.model_validate(event)
    try:
        plan = portfolio.plan(file.chunks())
    except InputRejectedError as error:
        logger.warning("portfolio file rejected", key=file.key, problems=error.problems)
        return {"outcome": "REJECTED", "rejects_key": file.write("rejects", "/file.jsonl", error.problems)}
    manifest_key = file.write("manifests", ".json", [[asdict(piece) for piece in plan.ranges]])
    logger.info("portfolio file planned", key=file.key, lines=plan.lines, ranges=len(plan.ranges))
    return {
        "outcome": "SCREEN" if plan.ranges else "NO_ROWS",
        "manifest_key": manifest_key,
        "lines": plan.lines,
        "columns": plan.columns,
        "ignored_columns": plan.ignored_columns,
    }
