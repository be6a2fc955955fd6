"""Billing's figures of an account that is negotiated about: the newest count, in whatever order they come.

While nothing was assessed they simply replace the older ones. Later they wait on the case for the next assessment, and
call for one where they change what can be offered. What is signed stays as it was signed.
"""

from datetime import datetime

from accord.billing import AccountAtRisk, AccountInOrder, AccountOverdue
from accord.case import Balance, Case, Change, Decision, Figures, Status
from accord.events import Actor, FiguresTold
from accord.identification import bucket

_NOT_ASSESSED = (Status.OPENED, Status.IDENTIFIED)
_UNSIGNED = (Status.ASSESSED, Status.IN_REVIEW, Status.OFFERED, Status.INVITED, Status.NEGOTIATING)
NEW_FIGURES = "NEW_FIGURES"
# Who decides by the case's status, and which of their decisions leads back to the assessment, at once or by the
# invitation.
_LEADS_BACK = {
    Status.INVITED: ("CUSTOMER", NEW_FIGURES),
    Status.NEGOTIATING: ("CUSTOMER", NEW_FIGURES),
    Status.IN_REVIEW: ("STAFF", "REASSESS"),
    Status.OFFERED: ("STAFF", "RETRY"),
    Status.ASSESSED: ("STAFF", "RETRY"),
}
_MORE_THAN_INTEREST_PERCENT = 110


def figures_of(event: AccountOverdue, sent_at: datetime) -> Figures:
    """What an event says of the account and of what is known about the person's means.

    Of two that tell of one moment the one that was sent later counts (`sent_at`), as in a corrected file.
    """
    return Figures(
        told_at=event.occurred_at,
        sent_at=sent_at,
        event_id=event.event_id,
        at_risk=isinstance(event, AccountAtRisk) and not isinstance(event, AccountInOrder),
        account=event.as_account(),
        circumstances=event.as_circumstances(),
        time_zone=event.cardholder.time_zone,
        language=event.cardholder.language,
        reachable_by=("SMS", "CALL", "EMAIL") if event.cardholder.email else ("SMS", "CALL"),
    )


def with_figures(case: Case, figures: Figures) -> Case:
    """The case with these figures. What the customer or staff told of the means stays, and so does help that was worked
    out before anything was late: that nothing is late yet ends it no more than it began it.
    """
    helped = case.at_risk and case.status not in _NOT_ASSESSED and figures.account.days_past_due <= 0
    told = figures.circumstances if case.circumstances.told_by == "BILLING" else case.circumstances
    return case.model_copy(
        update={
            "account": figures.account,
            "at_risk": figures.at_risk or helped,
            "circumstances": told,
            "time_zone": figures.time_zone,
            "language": figures.language,
            "reachable_by": figures.reachable_by,
            "told": _told(figures),
            "newer": None,
        }
    )


def note_figures(case: Case, figures: Figures, now: datetime) -> Change:
    """Billing tells the account again. Only what is newer counts, and while nothing is assessed every difference;
    afterwards what changes the offers, so that the interest of each night does not fill the chain.

    A customer who is about to decide hears of it: the decision NEW_FIGURES leads back to the assessment.
    """
    actor = Actor(kind="BILLING", id=figures.event_id)
    if figures.account.currency != case.account.currency or _is_older(figures, case):
        return Change(case, (), actor)
    told = FiguresTold(
        told_at=figures.told_at.isoformat(),
        days_past_due=figures.account.days_past_due,
        balance=figures.account.balance.total,
    )
    if case.status in _NOT_ASSESSED:
        after = with_figures(case, figures)
        if after == case.model_copy(update={"told": after.told}):
            return Change(after, (), actor)
        # Who the cardholder is to us was found out by the older ones.
        return Change(after.model_copy(update={"identification": None}), (told,), actor)
    if case.status not in _UNSIGNED:
        return Change(case, (), actor)
    if not changes_offers(case, figures):  # what was assessed is what is so, whatever was told between
        return Change(case.model_copy(update={"newer": None, "told": _told(figures)}), (), actor)
    newer = case.model_copy(update={"newer": figures, "told": _told(figures)})
    return Change(called_for(newer, now), (told,), actor)


def called_for(case: Case, now: datetime) -> Case:
    """The case with the decision that leads back to the assessment, where newer figures wait and somebody else may
    decide: the customer, or staff who review the offers or look for a way to reach the customer.
    """
    if case.newer is None or case.decision is not None or case.status not in _LEADS_BACK:
        return case
    by, kind = _LEADS_BACK[case.status]
    decision = Decision(decision_id=case.newer.event_id, by=by, kind=kind, at=now)
    return case.model_copy(update={"decision": decision})


def changes_offers(case: Case, figures: Figures) -> bool:
    """Whether the figures change what can be offered: something was paid, or taken back; it is later by a bucket, or
    late no more; or an income is told that nobody knew.

    Interest that ran on changes nothing: the bank stands by its offers. Nor does it that nothing is late yet where help
    was offered because something might be.
    """
    before, after = case.account, figures.account
    told = figures.circumstances.monthly_income
    return (
        not is_same_debt(before.balance, after.balance)
        or bucket(after.days_past_due) != bucket(before.days_past_due)
        or (case.circumstances.told_by == "BILLING" and told not in (None, case.circumstances.monthly_income))
    )


def is_same_debt(before: Balance, after: Balance) -> bool:
    """Whether no more than interest lies between the two: nothing was paid, bought or taken back."""
    return before.total <= after.total and after.total * 100 <= before.total * _MORE_THAN_INTEREST_PERCENT


def _is_older(figures: Figures, case: Case) -> bool:
    if case.told is None:  # opened by an older version, which kept the day alone
        return figures.account.as_of < case.account.as_of
    return _told(figures) <= case.told


def _told(figures: Figures) -> tuple[datetime, datetime, str]:
    return figures.told_at, figures.sent_at, figures.event_id
