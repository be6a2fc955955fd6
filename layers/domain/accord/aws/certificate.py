"""The certificate of the bank's seal, where the stack holds it: a parameter of SSM with the PEM chain, leaf first."""

from aws_lambda_powertools.utilities.parameters import GetParameterError, SSMProvider
from botocore.exceptions import ClientError

from accord.aws.clients import client, error_code, translated
from accord.errors import SealCertificateError

_KEPT_SECONDS = 300


class SealCertificate:
    """The parameter that holds the certificate."""

    def __init__(self, parameter: str) -> None:
        self._parameter = parameter
        self._parameters = SSMProvider(boto3_client=client("ssm"))

    def forget(self) -> None:
        """What was read was no certificate for the seal: the next one asks anew, so that mending it helps at once."""
        self._parameters.store.clear()

    def pem(self) -> str:
        """The certificate and its chain. Raises ServiceUnavailableError; SealCertificateError where there is none."""
        try:
            with translated():
                try:
                    return str(self._parameters.get(self._parameter, max_age=_KEPT_SECONDS))
                except GetParameterError as error:  # it hides what SSM said, and so whether to try again
                    raise error.__context__ or error from None
        except ClientError as error:
            if error_code(error) != "ParameterNotFound":
                raise
            raise SealCertificateError(
                f"the seal's certificate is missing: the SSM parameter {self._parameter} holds none"
            ) from error
