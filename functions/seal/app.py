"""Negotiation step: make the agreement's PDF from the signed terms and seal it with the bank's key."""

import hashlib
import os
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit, single_metric

from accord import clock
from accord.agreement import check_complete
from accord.aws.certificate import SealCertificate
from accord.aws.clients import client, translated
from accord.aws.signed import drawn_signature, signature_of
from accord.aws.steps import StepInput, case_store, check_in_hand, negotiation_step, people_store, take_step
from accord.case import Agreement, Case, Change
from accord.errors import GlyphMissingError, SealCertificateError, TimeStampError
from accord.events import AgreementSealed, ChainedEvent
from accord.lifecycle import cannot_print, hold_back, is_held_back, sealed, sealed_before, signed_agreement, withdraw
from accord.person import Person
from accord.policy import Policy, load_policy
from accord_documents import KmsSealProvider, render_agreement, seal

logger = Logger()
store = case_store()
people = people_store()
certificate = SealCertificate(os.environ["SEAL_CERTIFICATE_PARAMETER"])
BUCKET = os.environ["DOCUMENTS_BUCKET"]
KEY_ARN = os.environ["SEAL_KEY_ARN"]
TIME_STAMP_URL = os.environ["TIME_STAMP_URL"]


@negotiation_step(StepInput)
def handler(request: StepInput) -> dict[str, Any]:
    if (done := store.result_of(request.case_id, request.step)) is not None:
        return done  # sealing is dear: a retry does not do it twice
    case = store.get(request.case_id)
    check_in_hand(case, request.execution)
    policy = load_policy(case.jurisdiction)

    def change(decide: Callable[[Case], Change]) -> dict[str, Any]:
        return take_step(store, request, decide)

    agreement = signed_agreement(case)
    signed = signature_of(store, case)
    if case.given_up:
        return change(withdraw)
    if agreement.document_key is not None:
        return change(sealed_before)
    if is_held_back(case, policy, clock.now()):
        return change(lambda case: hold_back(case, policy, clock.now()))
    try:
        sealing = make_document(case, agreement, signed, people.get(case.cardholder_id), policy)
    except GlyphMissingError:
        return change(lambda case: cannot_print(case, clock.now()))
    return change(lambda case: sealed(case, sealing))


def make_document(
    case: Case, agreement: Agreement, signed: ChainedEvent, person: Person, policy: Policy
) -> AgreementSealed:
    """Render, seal and keep the agreement; the event to record. Raises GlyphMissingError, AgreementIncompleteError."""
    terms = agreement.agreed
    signed_at = signed.moment.astimezone(ZoneInfo(terms["time_zone"]))
    check_complete(terms, policy, signed_at.date())
    reference = {"case_id": case.case_id, "terms_hash": agreement.terms_hash, "chain_head": case.head}
    drawing = drawn_signature(BUCKET, case.case_id, agreement)
    plain = render_agreement(terms, person, reference, agreement.language, signed_at, drawing)
    chain = certificate.pem()
    with translated():
        try:
            document, time_stamp = sealed_document(plain, chain)
        except SealCertificateError:
            certificate.forget()
            raise
        digest = hashlib.sha256(document).hexdigest()
        # The name carries the content's hash: a repeated attempt can never overwrite what the case refers to.
        key = f"agreements/{case.case_id}/{digest}.pdf"
        client("s3").put_object(Bucket=BUCKET, Key=key, Body=document, ContentType="application/pdf")
    return AgreementSealed(
        document_key=key,
        document_sha256=digest,
        unsealed_sha256=hashlib.sha256(plain).hexdigest(),
        terms_hash=agreement.terms_hash,
        chain_head=case.head,
        key_arn=KEY_ARN,
        time_stamp=time_stamp,
    )


def sealed_document(plain: bytes, chain: str) -> tuple[bytes, str]:
    """The sealed document, and what became of its time-stamp: an authority that fails holds up no agreement."""
    provider = KmsSealProvider(client("kms"), KEY_ARN, chain)
    if not TIME_STAMP_URL:
        return seal(plain, provider, clock.now()), "NONE"
    try:
        return seal(plain, provider, clock.now(), TIME_STAMP_URL), "STAMPED"
    except TimeStampError as error:
        logger.warning("no time-stamp", why=str(error))
        with single_metric(name="TimeStampFailed", unit=MetricUnit.Count, value=1):
            return seal(plain, provider, clock.now()), "FAILED"
