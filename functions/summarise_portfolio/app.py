"""Sum up the screening of a portfolio file, and notice when a line was not screened."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from accord import portfolio
from accord.aws.portfolio_files import PortfolioFile

logger = Logger()
metrics = Metrics()


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """COMPLETE when every line is in a count, else INCOMPLETE; the summary stands in S3 either way."""
    file = PortfolioFile.model_validate(event["file"])
    summary = portfolio.summarise(event["lines"], event["ranges"])
    metrics.add_metric("PortfolioRowsRejected", MetricUnit.Count, summary["rejected"])
    told = {"file": file.key, "etag": file.etag, **summary, "ignoredColumns": event["ignored_columns"]}
    summary_key = file.write("summaries", ".json", [told])
    logger.info("portfolio file screened", **told)
    return {"outcome": summary["outcome"], "summary_key": summary_key}
