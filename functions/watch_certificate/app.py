"""Each night: how many days the seal's certificate is still good for. Alarms tell 60, 30 and 7 days before its end."""

import os
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit, single_metric
from aws_lambda_powertools.utilities.typing import LambdaContext

from accord import clock
from accord.aws.certificate import SealCertificate
from accord_documents import good_until

logger = Logger()
certificate = SealCertificate(os.environ["SEAL_CERTIFICATE_PARAMETER"])


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Raises SealCertificateError where there is none that can be read; the schedule's dead letters alarm of it."""
    until = good_until(certificate.pem())
    days = (until - clock.now()).days
    with single_metric(name="SealCertificateDays", unit=MetricUnit.Count, value=days):
        logger.info("certificate looked at", good_until=until.isoformat(), days=days)
    return {"days": days}
