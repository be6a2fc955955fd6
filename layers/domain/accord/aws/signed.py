"""What was signed, held against its chain: asked before the bank's seal goes on it and before billing hears of it."""

from itertools import islice

from botocore.exceptions import ClientError

from accord.agreement import check_as_signed
from accord.aws.clients import client, translated
from accord.aws.store import CaseStore
from accord.case import Agreement, Case
from accord.drawing import drawing_hash, drawing_key
from accord.errors import TermsAlteredError
from accord.events import ChainedEvent, verify_chain


def signature_of(store: CaseStore, case: Case) -> ChainedEvent:
    """The event of the signature, when the case's chain is whole and its agreement is the one that was signed.

    Raises ChainBrokenError, TermsAlteredError.
    """
    chain = list(islice(store.events(case.case_id), case.version))  # what came after the case was read it knows not
    verify_chain(chain, case.head, case.version)
    return check_as_signed(case.agreement, chain)


def drawn_signature(bucket: str, case_id: str, agreement: Agreement) -> str:
    """What the customer drew when they signed; nothing where they did not. Raises TermsAlteredError."""
    if agreement.drawing_sha256 is None:
        return ""
    key = drawing_key(case_id, agreement.drawing_sha256)
    try:
        with translated():
            drawing: bytes = client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:  # who may not list a bucket is told "denied" of a file that is gone
        raise TermsAlteredError("the drawn signature cannot be read from among the documents") from error
    if drawing_hash(drawing.decode(errors="replace")) != agreement.drawing_sha256:
        raise TermsAlteredError("the drawn signature is not the one that was signed with")
    return drawing.decode()
