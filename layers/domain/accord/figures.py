"""Billing's figures of an account that is negotiated about: the newest count, in whatever order they come.

While nothing was assessed they simply replace the older ones. Later they wait on the case for the next assessment, and
call for one where they change what can be offered. What is signed stays as it was signed. Where the person lives and
how they can be reached holds at once, for the next message already.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, time

from accord.billing import AccountAtRisk, AccountInOrder, AccountOverdue
from accord.case import ENDED, Balance, Case, Change, Decision, Figures, Posting, Status, Told
from accord.events import Actor, FiguresTold
from accord.identification import bucket
from accord.ledger import allocate
from accord.means import OF_BILLING, as_billing_has_it, with_record

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
_COLLECTED_AS_LATE = 91  # from so many days past due on Art. 57 has another order
_REACHED = ("time_zone", "language", "reachable_by")
_WHEN_TOLD = ("told", "figures_at", "postings", "means_told", "late_told", "risk_told")


def figures_of(event: AccountOverdue, sent_at: datetime) -> Figures:
    """What an event says of the account and of what is known about the person's means.

    Of two that tell of one moment the one that was sent later counts (`sent_at`), as in a corrected file.
    """
    means = event.as_circumstances()
    told = (event.occurred_at, sent_at, event.event_id)
    at_risk = isinstance(event, AccountAtRisk) and not isinstance(event, AccountInOrder)
    return Figures(
        told_at=event.occurred_at,
        sent_at=sent_at,
        event_id=event.event_id,
        means_told={name: told for name in OF_BILLING if getattr(means, name) is not None},
        late_told=told if event.account.days_past_due > 0 else None,
        risk_told=told if at_risk else None,
        at_risk=at_risk,
        account=event.as_account(),
        circumstances=means,
        time_zone=event.cardholder.time_zone,
        language=event.cardholder.language,
        reachable_by=("SMS", "CALL", "EMAIL") if event.cardholder.email else ("SMS", "CALL"),
    )


def with_payments(figures: Figures, postings: Iterable[Posting], order: Mapping[str, Sequence[str]]) -> Figures:
    """The figures less the payments that were posted since billing told them, allocated by `allocation.order`.

    In China: interest and fees first until 90 days past due, from the 91st on principal first (Art. 57).
    """
    since = [posting for posting in postings if not posting.void and posting.posted_at > figures.told_at]
    billed = figures.billed or figures.account.balance
    phase = "UP_TO_90_DAYS" if figures.account.days_past_due < _COLLECTED_AS_LATE else "FROM_91_DAYS"
    balance = allocate(billed, sum(posting.amount for posting in since), order[phase])
    return figures.model_copy(
        update={
            "account": figures.account.model_copy(update={"balance": balance}),
            "billed": billed if since else None,
            "counted": tuple(sorted(posting.payment_id for posting in since)),
        }
    )


def with_figures(case: Case, figures: Figures) -> Case:
    """The case with these figures, and the payments since. What the customer told of the means stays, and so does help
    that was worked out before anything was late: that nothing is late yet ends it no more than it began it.
    """
    return _reached_by(case, figures).model_copy(
        update={
            "account": figures.account,
            "figures_at": figures.told_at,
            "postings": tuple(one for one in case.postings if one.posted_at > figures.told_at),
            "billed": figures.billed,
            "counted": figures.counted,
            "at_risk": figures.at_risk or _helped_still(case, figures),
            "late_told": figures.late_told,
            "risk_told": figures.risk_told,
            "circumstances": with_record(case.circumstances, figures.circumstances),
            "means_told": figures.means_told,
            "newer": None,
        }
    )


def note_figures(case: Case, figures: Figures, now: datetime) -> Change:
    """Billing tells the account again. Only what is newer counts, of the means each by itself.

    While nothing is assessed every difference is an event; afterwards only what changes the offers or how the person is
    reached, so that the interest of each night does not fill the chain. A customer who is about to decide hears of
    other offers: the decision NEW_FIGURES leads back to the assessment.
    """
    actor = Actor(kind="BILLING", id=figures.event_id)
    if figures.account.currency != case.account.currency or case.status in ENDED:
        return Change(case, (), actor)
    latest = _newest(known_figures(case), figures)
    after, matters = heard(case, latest, now)
    return Change(after, (figures_told(latest),) if matters else (), actor)


def figures_told(figures: Figures) -> FiguresTold:
    """What the chain says of figures that count now."""
    return FiguresTold(
        told_at=figures.told_at.isoformat(),
        days_past_due=figures.account.days_past_due,
        balance=figures.account.balance.total,
    )


def heard(case: Case, latest: Figures, now: datetime) -> tuple[Case, bool]:
    """The case with what billing is known to have told by now, and whether that changes anything for anybody."""
    known = known_figures(case)
    if case.status in _NOT_ASSESSED:
        after = with_figures(case, latest)
        if after == case.model_copy(update={name: getattr(after, name) for name in _WHEN_TOLD}):
            return after, False
        # Who the cardholder is to us was found out by the older ones.
        return after.model_copy(update={"identification": None}), True
    after = _reached_by(case, latest)
    matters = any(getattr(after, name) != getattr(case, name) for name in _REACHED)
    if case.status in _UNSIGNED and latest != known:
        after = after.model_copy(update={"newer": latest})
        before = case if case.newer is None else with_figures(case, case.newer)
        matters = matters or changes_offers(before, latest)
        after = called_for(after, now)
    elif case.status is Status.SIGNED and latest != known:  # what is signed stands; whoever lets it begin sees this
        most = max(case.most_owed_since, billed_total(latest))
        after = after.model_copy(update={"newer": latest, "most_owed_since": most})
        matters = matters or billed_total(known) != billed_total(latest)
    return after, matters


def billed_total(figures: Figures) -> int:
    """What billing told is owed, whatever was paid since."""
    return (figures.billed or figures.account.balance).total


def known_figures(case: Case) -> Figures:
    """What billing is known to have told, as if in one event."""
    if case.newer is not None:
        return case.newer
    told_at, sent_at, event_id = case.told or (datetime.combine(case.account.as_of, time(), UTC),) * 2 + ("",)
    return Figures(
        told_at=told_at,
        sent_at=sent_at,
        event_id=event_id,
        means_told=case.means_told,
        late_told=case.late_told,
        risk_told=case.risk_told,
        at_risk=case.at_risk,
        account=case.account,
        billed=case.billed,
        counted=case.counted,
        circumstances=as_billing_has_it(case.circumstances),
        **{name: getattr(case, name) for name in _REACHED},
    )


def _newest(known: Figures, figures: Figures) -> Figures:
    """What is known with one more event: the newer of the two, and of each of the means the newest word."""
    means, means_told = known.circumstances, dict(known.means_told)
    for name, told in figures.means_told.items():
        if name not in means_told or told > means_told[name]:
            means = means.model_copy(update={name: getattr(figures.circumstances, name)})
            means_told[name] = told
    base = figures if _told(figures) > _told(known) else known
    late_told, risk_told = (
        max((one for one in (getattr(known, name), getattr(figures, name)) if one is not None), default=None)
        for name in ("late_told", "risk_told")
    )
    return base.model_copy(
        update={"circumstances": means, "means_told": means_told, "late_told": late_told, "risk_told": risk_told}
    )


def _helped_still(case: Case, figures: Figures) -> bool:
    """Whether help that came before anything was late goes on: nothing was late since, whenever that is heard."""
    late_since = figures.late_told is not None and (figures.risk_told is None or figures.late_told > figures.risk_told)
    return case.at_risk and case.status not in _NOT_ASSESSED and figures.account.days_past_due <= 0 and not late_since


def _reached_by(case: Case, figures: Figures) -> Case:
    """The case with where the person lives and how they are reached."""
    told = {name: getattr(figures, name) for name in _REACHED if not (name == "language" and case.own_language)}
    return case.model_copy(update={"told": _told(figures)} | told)


def calls_for_assessment(case: Case) -> bool:
    """Whether billing told figures since the last assessment that change what can be offered."""
    return case.newer is not None and changes_offers(case, case.newer)


def called_for(case: Case, now: datetime) -> Case:
    """The case with the decision that leads back to the assessment, where newer figures call for it and somebody else
    may decide: the customer, or staff who review the offers or look for a way to reach the customer.
    """
    if case.newer is None or case.decision is not None or case.status not in _LEADS_BACK:
        return case
    if not calls_for_assessment(case):
        return case
    by, kind = _LEADS_BACK[case.status]
    decision = Decision(decision_id=case.newer.event_id, by=by, kind=kind, at=now)
    return case.model_copy(update={"decision": decision})


def changes_offers(case: Case, figures: Figures) -> bool:
    """Whether the figures change what can be offered: something was paid, or taken back; it is later by a bucket, or
    late no more; or the means on record are others, as far as they are not the customer's own word.

    Interest that ran on changes nothing: the bank stands by its offers. Nor does it that nothing is late yet where help
    was offered because something might be.
    """
    before, after = case.account, figures.account
    return (
        not is_same_debt(before.balance, after.balance)
        or any(one.void and one.payment_id in case.counted for one in case.postings)
        or bucket(after.days_past_due) != bucket(before.days_past_due)
        or (case.at_risk and after.days_past_due <= 0 and not (figures.at_risk or _helped_still(case, figures)))
        or with_record(case.circumstances, figures.circumstances) != case.circumstances
    )


def is_same_debt(before: Balance, after: Balance) -> bool:
    """Whether no more than interest lies between the two: nothing was paid, bought or taken back."""
    return before.total <= after.total and after.total * 100 <= before.total * _MORE_THAN_INTEREST_PERCENT


def _told(figures: Figures) -> Told:
    return figures.told_at, figures.sent_at, figures.event_id
