"""Identification: how late the account is, whether something forbids negotiating, and who needs extra care."""

from datetime import date

from accord.case import Case, Change, Identification, Status
from accord.events import Actor, CaseIdentified
from accord.policy import Policy, RulesOfTheDay

_STEP = Actor(kind="SYSTEM", id="identify")
_DAYS_A_BUCKET = 30
_LAST_BUCKET = 6


def bucket(days_past_due: int) -> str:
    """The delinquency bucket: M0 not overdue, M1 1-30 days, … M6 151-180 days, M6+ above (convention of the field)."""
    if days_past_due <= 0:
        return "M0"
    number = (days_past_due + _DAYS_A_BUCKET - 1) // _DAYS_A_BUCKET
    return f"M{number}" if number <= _LAST_BUCKET else f"M{_LAST_BUCKET}+"


def exclusion_of(case: Case, rules: RulesOfTheDay) -> str | None:
    """Why the account may not be negotiated about: its standing, or nothing that is owed and late; else None."""
    standing = [reason for reason in rules["identification.exclusions"] if reason in case.flags]
    if standing:
        return str(standing[0])
    if case.account.balance.total == 0:
        return "NOTHING_OWED"
    return "NOT_OVERDUE" if case.account.days_past_due <= 0 else None


def identify(case: Case, policy: Policy, today: date) -> Change:
    """Who the cardholder is to us now. Outcomes: NEGOTIATE, or EXCLUDED (the workflow then closes the case).

    A case that is further already belonged to an execution that stopped: the outcome is then its status, or SEALED
    for a signed agreement that has its document, and the workflow goes on from there.
    """
    if case.status not in (Status.OPENED, Status.IDENTIFIED):
        sealed = case.status is Status.SIGNED and case.agreement is not None and case.agreement.document_key
        return Change(case, (), _STEP, {"outcome": "SEALED" if sealed else case.status.value})
    rules = policy.on(today)
    exclusion = exclusion_of(case, rules)
    vulnerable = (
        "VULNERABLE" in case.flags or case.circumstances.hardship in rules["identification.vulnerable_hardships"]
    )
    identification = Identification(
        delinquency_bucket=bucket(case.account.days_past_due),
        exclusion=exclusion,
        vulnerable=vulnerable,
        rules=rules.used,
    )
    identified = CaseIdentified(**identification.model_dump(), policy_version=policy.version)
    return Change(
        case.moved(Status.IDENTIFIED, identification=identification),
        (identified,),
        _STEP,
        {"outcome": "EXCLUDED" if exclusion else "NEGOTIATE"},
    )
