"""Accord's own template on this machine: its parameters, and what a bank would have set up around it before."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from accord import clock
from accord.person import Person
from accord_documents import self_signed_certificate, subject_name
from infra.local.business_time import business_time_offset
from infra.local.stack import LocalStack, Problem

ROOT = Path(__file__).resolve().parents[2]
SAMPLE_PORTFOLIO = ROOT / "samples" / "portfolio.csv"
BUS = "accord-local"
_MAIL_SENDER = "no-reply@bank.example"
_SEAL_CERTIFICATE = "/accord/seal-certificate"


def accord_stack(
    public_url: str,
    parameters: Mapping[str, str] | None = None,
    on_problem: Callable[[Problem], None] = lambda problem: None,
) -> LocalStack:
    """Accord as a local stack, not yet started. Business time is set to ten in the morning of a working day in China.

    `public_url` is where its pages will be; `parameters` override the template's.
    """
    clock.move(business_time_offset(datetime.now(UTC)))
    given = {
        "Stage": "local",
        "PublicBaseUrl": public_url,
        "MailSender": _MAIL_SENDER,
        "SealCertificateParameter": _SEAL_CERTIFICATE,
        **(parameters or {}),
    }
    return LocalStack(ROOT / "template.yaml", given, seed=_set_up, on_problem=on_problem)


def send_portfolio(stack: LocalStack, file: Path) -> str:
    """Put a portfolio file where the bank's systems would; returns its key. Screening starts by itself."""
    key = f"portfolio/{file.name}"
    stack.client("s3").put_object(Bucket=stack.physical_id("PortfolioBucket"), Key=key, Body=file.read_bytes())
    return key


def holders(stack: LocalStack) -> dict[str, tuple[str, str]]:
    """Name and last four of the ID by telephone number and address, so that a demonstration can play the customer."""
    found: dict[str, tuple[str, str]] = {}
    pages = stack.client("dynamodb").get_paginator("scan").paginate(TableName=stack.physical_id("PeopleTable"))
    for page in pages:
        for item in page["Items"]:
            person = Person.model_validate_json(item["body"]["S"])
            found |= dict.fromkeys(filter(None, (person.phone, person.email)), (person.name, person.id_last4))
    return found


def _set_up(stack: LocalStack) -> None:
    """The sender's identity in SES, and a certificate for the seal key: self-signed, as only a demonstration may."""
    stack.client("sesv2").create_email_identity(EmailIdentity=_MAIL_SENDER)
    certificate = self_signed_certificate(
        stack.client("kms"),
        stack.physical_id("SealKey"),
        subject_name("Example Bank (demonstration)", "CN"),
        clock.now(),
    )
    stack.client("ssm").put_parameter(Name=_SEAL_CERTIFICATE, Value=certificate, Type="String", Tier="Advanced")
