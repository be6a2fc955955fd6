"""What was signed, held against its chain: asked before the bank's seal goes on it and before billing hears of it."""

from itertools import islice

from accord.agreement import check_as_signed
from accord.aws.store import CaseStore
from accord.case import Case
from accord.events import ChainedEvent, verify_chain


def signature_of(store: CaseStore, case: Case) -> ChainedEvent:
    """The event of the signature, when the case's chain is whole and its agreement is the one that was signed.

    Raises ChainBrokenError, TermsAlteredError.
    """
    chain = list(islice(store.events(case.case_id), case.version))  # what came after the case was read it knows not
    verify_chain(chain, case.head, case.version)
    return check_as_signed(case.agreement, chain)
