"""The step that seals: what lacks a content of Art. 70, or is not signed, is refused by name and leaves no trace."""

import hashlib
import json
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import boto3
import pytest
import rfc8785
from agreements import SIGNED_AT, a_person, agreed_terms, reference_of
from aws_lambda_powertools.utilities.parameters import SSMProvider
from billing_events import overdue_event
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from builders import an_offer
from integration.tables import tables_on_moto
from loading import CONTEXT, load_app
from time_stamping import authority, time_stamping

from accord import clock
from accord.agreement import terms_hash
from accord.aws.people import PeopleStore
from accord.aws.store import CaseStore
from accord.case import Agreement, Change, Status
from accord.drawing import drawing_hash, drawing_key
from accord.errors import (
    AgreementIncompleteError,
    ChainBrokenError,
    NotApprovedError,
    SealCertificateError,
    ServiceUnavailableError,
    TermsAlteredError,
)
from accord.events import Actor, AgreementSigned
from accord.opening import NEW_ACCOUNT, open_case
from accord_documents import render_agreement, self_signed_certificate, subject_name, verify_sealed


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[CaseStore]:
    with tables_on_moto(monkeypatch) as names:
        PeopleStore(names["PEOPLE_TABLE"]).put(a_person(cardholder_id="holder-of-acct-0001"), SIGNED_AT)
        yield CaseStore(names["CASES_TABLE"], names["EVENTS_TABLE"])


@pytest.fixture
def step(store: CaseStore, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The handler. There is no bucket, no key and no certificate: whatever gets that far fails with another error."""
    for name in ("DOCUMENTS_BUCKET", "SEAL_KEY_ARN", "SEAL_CERTIFICATE_PARAMETER"):
        monkeypatch.setenv(name, "none")
    monkeypatch.setenv("TIME_STAMP_URL", "")
    return load_app("seal")


@pytest.mark.parametrize(("answers", "said"), [(True, "STAMPED"), (False, "FAILED"), (None, "NONE")])
def test_an_authority_that_fails_holds_up_no_agreement(
    step: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    answers: bool | None,
    said: str,
) -> None:
    """Whether there is a time-stamp stands in the chain; that there should be one raises an alarm."""
    kms = boto3.client("kms")
    key = str(kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"])
    monkeypatch.setattr(step, "KEY_ARN", key)
    now = clock.now()
    certificate = self_signed_certificate(kms, key, subject_name("Example Bank", "CN"), now)
    terms = agreed_terms("en")
    plain = render_agreement(terms, a_person(), reference_of(terms), "en", SIGNED_AT)
    with time_stamping(authority(now), now, None if answers else b"closed") as url:
        monkeypatch.setattr(step, "TIME_STAMP_URL", "" if answers is None else url)
        document, time_stamp = step.sealed_document(plain, certificate)
    verdict = verify_sealed(document, certificate, now)
    assert (verdict.genuine, time_stamp, verdict.stamped_at is not None) == (True, said, answers is True)
    assert ("TimeStampFailed" in capsys.readouterr().out) == (answers is False)


def signed_case(
    store: CaseStore, terms: dict[str, Any], status: Status = Status.SIGNED, drawing_sha256: str | None = None
) -> str:
    opening = open_case(overdue_event(), NEW_ACCOUNT, SIGNED_AT)
    store.open(opening, "open")
    offer = an_offer(annual_rate_ppm=60_000)
    agreement = Agreement(
        offer_id=offer.offer_id,
        terms=rfc8785.dumps(terms).decode(),
        terms_hash=terms_hash(terms),
        signed_at=clock.now(),
        drawing_sha256=drawing_sha256,
    )
    changes = {"status": status, "offers": (offer,), "agreement": agreement}
    signed = AgreementSigned(
        offer_id=offer.offer_id,
        terms_hash=terms_hash(terms),
        consents=tuple(terms["consents"]),
        language="en",
        drawing_sha256=drawing_sha256,
    )
    actor = Actor(kind="CUSTOMER", id="s-1")
    store.change(opening.case.case_id, "sign", lambda case: Change(case.model_copy(update=changes), (signed,), actor))
    return opening.case.case_id


@pytest.mark.parametrize("content", ["debt", "repayment", "charges", "no_new_card", "rights_and_breach", "other"])
def test_terms_that_lack_a_content_of_art_70_are_never_sealed(store: CaseStore, step: ModuleType, content: str) -> None:
    terms = agreed_terms("en")
    terms["clauses"] = [clause for clause in terms["clauses"] if clause["id"] != content]
    case_id = signed_case(store, terms)
    before = store.get(case_id)
    with pytest.raises(AgreementIncompleteError, match=f"{content}: the agreement does not say it"):
        step.handler({"case_id": case_id, "step": "Seal"}, CONTEXT)
    assert store.get(case_id) == before


def alter(case_id: str, change: Callable[[dict[str, Any]], None]) -> None:
    """Somebody writes to the case behind the store."""
    key = {"pk": {"S": f"CASE#{case_id}"}, "sk": {"S": "CASE"}}
    item = boto3.client("dynamodb").get_item(TableName="CasesTable", Key=key)["Item"]
    body = json.loads(item["body"]["S"])
    change(body["agreement"])
    boto3.client("dynamodb").put_item(TableName="CasesTable", Item=item | {"body": {"S": json.dumps(body)}})


def lower_the_instalment(agreement: dict[str, Any]) -> None:
    agreement["terms"] = agreement["terms"].replace('"regular_instalment":', '"regular_instalment":1')


def date_it_back(agreement: dict[str, Any]) -> None:
    agreement["signed_at"] = "2025-01-01T00:00:00Z"


def name_another_drawing(agreement: dict[str, Any]) -> None:
    agreement["drawing_sha256"] = "0" * 64


def name_another_offer(agreement: dict[str, Any]) -> None:
    agreement["offer_id"] = "another"


def with_a_hash_that_fits(agreement: dict[str, Any]) -> None:
    lower_the_instalment(agreement)
    agreement["terms_hash"] = hashlib.sha256(agreement["terms"].encode()).hexdigest()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lower_the_instalment, "text of the terms"),
        (with_a_hash_that_fits, "names other terms"),
        (date_it_back, "another time of the signature"),
        (name_another_offer, "another offer"),
        (name_another_drawing, "another drawn signature"),
    ],
)
def test_terms_other_than_those_signed_are_never_sealed(
    store: CaseStore, step: ModuleType, change: Callable[[dict[str, Any]], None], said: str
) -> None:
    case_id = signed_case(store, agreed_terms("en"))
    alter(case_id, change)
    before = store.get(case_id)
    with pytest.raises(TermsAlteredError, match=f"{said}.* signed in event 2"):
        step.handler({"case_id": case_id, "step": "Seal"}, CONTEXT)
    assert store.get(case_id) == before


def test_nothing_is_sealed_on_a_broken_chain(store: CaseStore, step: ModuleType) -> None:
    case_id = signed_case(store, agreed_terms("en"))
    key = {"case_id": {"S": case_id}, "seq": {"N": "2"}}
    item = boto3.client("dynamodb").get_item(TableName="EventsTable", Key=key)["Item"]
    body = item["body"]["S"].replace('"termsHash":"', '"termsHash":"0')
    boto3.client("dynamodb").put_item(TableName="EventsTable", Item=item | {"body": {"S": body}})
    with pytest.raises(ChainBrokenError, match="event 2"):
        step.handler({"case_id": case_id, "step": "Seal"}, CONTEXT)


@pytest.mark.parametrize(("kept", "said"), [(None, "cannot be read"), ("1,1 2,3", "not the one that was signed with")])
def test_a_drawing_other_than_the_one_that_was_signed_with_is_never_sealed(
    store: CaseStore, step: ModuleType, monkeypatch: pytest.MonkeyPatch, kept: str | None, said: str
) -> None:
    monkeypatch.setattr(step, "BUCKET", "documents")
    boto3.client("s3").create_bucket(
        Bucket="documents", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    digest = drawing_hash("1,1 2,2")
    case_id = signed_case(store, agreed_terms("en"), drawing_sha256=digest)
    if kept is not None:
        boto3.client("s3").put_object(Bucket="documents", Key=drawing_key(case_id, digest), Body=kept.encode())
    with pytest.raises(TermsAlteredError, match=said):
        step.handler({"case_id": case_id, "step": "Seal"}, CONTEXT)


def ssm_says(step: ModuleType, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    ssm = boto3.client("ssm")
    stubber = Stubber(ssm)
    stubber.add_client_error("get_parameter", code)
    stubber.activate()
    monkeypatch.setattr(step.certificate, "_parameters", SSMProvider(boto3_client=ssm))


@pytest.mark.parametrize(
    ("code", "error", "said"),
    [
        ("ThrottlingException", ServiceUnavailableError, "ThrottlingException"),
        ("InternalServerError", ServiceUnavailableError, "InternalServerError"),
        ("ParameterNotFound", SealCertificateError, "the SSM parameter none holds none"),
        ("AccessDeniedException", ClientError, "AccessDeniedException"),
    ],
)
def test_what_keeps_the_certificate_back_has_its_own_name_so_that_only_what_may_pass_is_tried_again(
    store: CaseStore, step: ModuleType, monkeypatch: pytest.MonkeyPatch, code: str, error: type[Exception], said: str
) -> None:
    case_id = signed_case(store, agreed_terms("en"))
    ssm_says(step, monkeypatch, code)
    with pytest.raises(error, match=said):
        step.handler({"case_id": case_id, "step": "Seal"}, CONTEXT)


def test_a_certificate_that_was_mended_is_used_at_once(
    store: CaseStore, step: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever mends it starts the case again the next moment."""
    kms, ssm = boto3.client("kms"), boto3.client("ssm")
    key = str(kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"])
    monkeypatch.setattr(step, "KEY_ARN", key)
    monkeypatch.setattr(step.certificate, "_parameter", "/seal/mended")
    case_id = signed_case(store, agreed_terms("en"))
    ssm.put_parameter(Name="/seal/mended", Value="no certificate", Type="String")
    with pytest.raises(SealCertificateError):
        step.handler({"case_id": case_id, "step": "Seal"}, CONTEXT)
    pem = self_signed_certificate(kms, key, subject_name("Example Bank", "CN"), clock.now())
    ssm.put_parameter(Name="/seal/mended", Value=pem, Type="String", Overwrite=True)
    with pytest.raises(ClientError, match="NoSuchBucket"):  # it is sealed, and there is nowhere to keep it
        step.handler({"case_id": case_id, "step": "Seal again"}, CONTEXT)


def test_what_is_not_signed_is_never_sealed(store: CaseStore, step: ModuleType) -> None:
    case_id = signed_case(store, agreed_terms("en"), Status.NEGOTIATING)
    with pytest.raises(NotApprovedError, match="nothing is signed"):
        step.handler({"case_id": case_id, "step": "Seal"}, CONTEXT)


def test_billing_hears_of_no_plan_whose_terms_were_altered_after_the_seal(store: CaseStore, step: ModuleType) -> None:
    case_id = signed_case(store, agreed_terms("en"))
    alter(case_id, lambda agreement: agreement.update(document_key="d.pdf", document_sha256="0" * 64))
    alter(case_id, lower_the_instalment)
    for function in (step, load_app("activate")):
        with pytest.raises(TermsAlteredError, match="text of the terms"):
            function.handler({"case_id": case_id, "step": "again"}, CONTEXT)
    assert store.get(case_id).status is Status.SIGNED
