"""Intake: a billing event, as the bus wrapped it, becomes a case and a running negotiation; or is rejected by name."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial

from accord import clock
from accord.aws.executions import start_negotiation
from accord.aws.payments import PaymentBook, post
from accord.aws.people import PeopleStore
from accord.aws.rejects import read_envelope
from accord.aws.store import CaseStore
from accord.billing import AccountAtRisk, AccountInOrder, AccountOverdue, AccountStatusChanged, ContactReceipt, parse
from accord.case import ENDED, Case, Change, Status
from accord.errors import CaseNotFoundError, InputRejectedError
from accord.events import Actor
from accord.figures import figures_of, note_figures, with_payments
from accord.lifecycle import failure_key, record_failure
from accord.opening import (
    HEARD_WITHOUT_A_CASE,
    case_id_of,
    check_acceptable,
    check_told_by_now,
    is_too_soon,
    note_words,
    open_case,
    standing_of,
    with_flags_told,
    with_standing_told,
    with_words,
    with_words_of,
)
from accord.policy import load_policy
from accord.reach import Reach
from accord.receipts import case_of, note_receipt


class Intake:
    """Takes billing's events in, each once."""

    def __init__(self, cases: CaseStore, people: PeopleStore, payments: PaymentBook, negotiation_arn: str) -> None:
        self._cases = cases
        self._people = people
        self._payments = payments
        self._negotiation_arn = negotiation_arn

    def take(self, body: str) -> str:
        """Take one bus event in; return OPENED, ALREADY_OPEN, TOO_SOON for a new round, OVERTAKEN, or NOTED.

        The same event again changes nothing and returns the same, except that what it says anew of the person is kept:
        a portfolio row's id leaves that out. Raises InputRejectedError for what can never be
        right, ServiceUnavailableError for what may be right later.
        """
        kind, detail, sent_at = read_envelope(body)
        match kind:
            case "AccountOverdue":
                return self._open(parse(AccountOverdue, detail), sent_at)
            case "AccountAtRisk":
                return self._open(parse(AccountAtRisk, detail), sent_at)
            case "AccountInOrder":
                return self._hear(parse(AccountInOrder, detail), sent_at)
            case "AccountStatusChanged":
                return self._note(parse(AccountStatusChanged, detail))
            case "ContactReceipt":
                return self._receive(parse(ContactReceipt, detail))
            case other:
                raise InputRejectedError.of("detail-type", "UNKNOWN_TYPE", f"not taken in here: {other}")

    def _once(
        self,
        event: AccountOverdue | AccountStatusChanged | ContactReceipt,
        about: str,
        act: Callable[[], str],
        keep_person: Callable[[], None] = lambda: None,
    ) -> str:
        """Act on an event that was not heard to the end yet; keep its person whether it was or not."""
        cardholder_id = event.cardholder.cardholder_id if isinstance(event, AccountOverdue) else ""
        heard = self._cases.claim_event(event.event_id, type(event).__name__, about, cardholder_id)
        keep_person()
        if heard is not None:
            return heard
        outcome = act()
        self._cases.settle_event(event.event_id, outcome)
        return outcome

    def _open(self, event: AccountOverdue, sent_at: datetime) -> str:
        now = clock.now()
        check_acceptable(event, now)
        return self._once(
            event,
            event.account.account_id,
            lambda: self._open_case(event, now, sent_at),
            lambda: self._people.put(event.as_person(), sent_at),
        )

    def _open_case(self, event: AccountOverdue, now: datetime, sent_at: datetime) -> str:
        heard_by = self._record_what_is_said(event)
        with self._others_hear_too(heard_by, event.account.account_id, event.event_id):
            return self._open_or_tell(event, now, sent_at)

    def _open_or_tell(self, event: AccountOverdue, now: datetime, sent_at: datetime) -> str:
        known = self._cases.cases_of(event.account.account_id)
        opening = open_case(event, known, now, sent_at)
        if known.open_case_id is None and known.last_end is not None:
            standing, reach, _ = self._cases.told_about(opening.case)
            case = with_words(opening.case, standing, reach)
            if is_too_soon(case, known.last_end, load_policy(case.jurisdiction), now):
                return "TOO_SOON"
        is_another = known.open_case_id not in (None, opening.case.case_id)
        outcome = "ALREADY_OPEN" if is_another else self._cases.open(opening, key=f"open/{event.event_id}")
        if outcome == "ALREADY_OPEN":
            self._tell_figures(event, now, sent_at)  # the case that is open already has to hear of them
        if outcome == "OPENED":
            case_id = case_id_of(event)
            for payment in self._payments.of_account(event.account.account_id):
                if payment.posted_at > event.occurred_at:  # it came before the word of what was owed until then
                    post(self._cases, case_id, payment)
            start_negotiation(self._negotiation_arn, case_id, case_id)  # by the case's own name: once
        return outcome

    def give_up(self, body: str) -> None:
        """The last try failed as well. Where a case was opened and its negotiation did not start, staff have the task.

        Does nothing where the message itself is what is wrong.
        """
        try:
            account_id = parse(AccountOverdue, read_envelope(body)[1]).account.account_id
        except InputRejectedError:
            return
        case_id = self._cases.cases_of(account_id).open_case_id
        if case_id is not None and _nobody_started(self._cases.get(case_id)):
            self._cases.change(case_id, failure_key(case_id), lambda case: record_failure(case, case_id, clock.now()))

    def _hear(self, event: AccountInOrder, sent_at: datetime) -> str:
        """Nothing is opened for it: a person of whom no case speaks is not kept."""
        now = clock.now()
        check_acceptable(event, now)
        account_id = event.account.account_id

        def act() -> str:
            heard_by = self._record_what_is_said(event)
            self._cases.record_in_order(account_id, (event.occurred_at, sent_at, event.event_id))
            with self._others_hear_too(heard_by, account_id, event.event_id):
                self._tell_figures(event, now, sent_at)
            return "NOTED"

        def keep_person() -> None:
            if self._cases.cases_of(account_id).open_case_id is not None:
                self._people.put(event.as_person(), sent_at)

        return self._once(event, account_id, act, keep_person)

    def _record_what_is_said(self, event: AccountOverdue) -> frozenset[str]:
        """What the flags say of the account and of its holders, whether there is a case to hear it or not; returns who
        has heard something. Somebody who is new to the account hears what was told of it before.
        """
        account_id, cardholder_id = event.account.account_id, event.cardholder.cardholder_id
        if standing := standing_of(event):
            self._cases.record_account_status(account_id, standing, event.occurred_at)
        self._cases.record_flags(account_id, {"VULNERABLE"}.intersection(event.cardholder.flags))
        known = self._cases.cases_of(account_id).holders
        heard_by: frozenset[str] = frozenset()
        if cardholder_id not in known:
            for other in map(self._cases.reach, sorted(known)):
                heard_by = self._tell_holders(
                    [cardholder_id], partial(with_words_of, other=other, account_id=account_id)
                )
            # Before the standing is read: who tells one writes it first and then looks for holders.
            self._cases.record_holder(account_id, cardholder_id)
        # Also of a holder who is known: the try that made them known may have stopped before they heard it.
        if told := self._cases.told_of_holder(account_id):
            heard_by = self._tell_holders([cardholder_id], lambda reach: with_standing_told(reach, account_id, *told))
        if not HEARD_WITHOUT_A_CASE.isdisjoint(event.cardholder.flags):
            heard_by = self._tell_holders({*known, cardholder_id}, lambda reach: with_flags_told(reach, event))
        return heard_by

    def _tell_holders(self, holders: Iterable[str], told: Callable[[Reach], Reach]) -> frozenset[str]:
        for holder in (found := frozenset(holders)):
            self._cases.change_reach(holder, told)
        return found

    @contextmanager
    def _others_hear_too(self, holders: frozenset[str], account_id: str, event_id: str) -> Iterator[None]:
        try:
            yield
        finally:  # whatever is wrong with the account's own case
            self._tell_other_cases(holders, account_id, event_id)

    def _tell_other_cases(self, holders: frozenset[str], account_id: str, event_id: str) -> None:
        """What was told of persons with one account reaches their open cases about the others, whatever is wrong with
        one of these. Raises the first error at the end.
        """
        failed: list[Exception] = []
        for case_id in [found for holder in holders for found in self._cases.open_cases_of(holder, account_id)]:
            try:
                if self._with_newest_words(self._cases.get(case_id), event_id).events:
                    self._cases.change(
                        case_id, f"person/{event_id}", lambda case: self._with_newest_words(case, event_id)
                    )
            except Exception as error:
                failed.append(error)
        if failed:
            raise failed[0]

    def _with_newest_words(self, case: Case, event_id: str, flags: Iterable[str] = ()) -> Change:
        if case.status in ENDED:  # the index of open cases may still have it
            return Change(case, (), Actor(kind="BILLING", id=event_id))
        # Asked after the case was read: of two words at once, the later write sees the newer one.
        standing, reach, _ = self._cases.told_about(case)
        return note_words(case, standing, reach, event_id, flags)

    def _tell_figures(self, event: AccountOverdue, now: datetime, sent_at: datetime) -> None:
        """The case that is open hears what the event says: its figures, where they are the newest, and its flags."""

        def note(case: Case) -> Change:
            figures = Change(case, (), Actor(kind="BILLING", id=event.event_id))
            if event.jurisdiction == case.jurisdiction:  # another law's figures are none of this case
                order = load_policy(case.jurisdiction).rule("allocation.order", clock.today(case.time_zone))
                latest = with_payments(figures_of(event, sent_at), case.postings, order)
                figures = note_figures(case, latest, now)
            words = self._with_newest_words(figures.case, event.event_id, event.cardholder.flags)
            return Change(words.case, (*figures.events, *words.events), words.actor)

        self._tell_open_case(event.account.account_id, event.event_id, note)

    def _note(self, event: AccountStatusChanged) -> str:
        check_told_by_now("at", event.at, clock.now())
        return self._once(event, event.account_id, lambda: self._note_standing(event))

    def _receive(self, receipt: ContactReceipt) -> str:
        check_told_by_now("at", receipt.at, clock.now())
        return self._once(receipt, receipt.contact_id, lambda: self._note_receipt(receipt))

    def _note_receipt(self, receipt: ContactReceipt) -> str:
        def note(case: Case) -> Change:
            return note_receipt(case, self._cases.reach(case.cardholder_id), receipt, clock.now())

        try:
            self._cases.change(case_of(receipt.contact_id), f"receipt/{receipt.event_id}", note)
        except CaseNotFoundError:
            raise InputRejectedError.of("contactId", "UNKNOWN", "no such contact was asked for") from None
        return "NOTED"

    def _note_standing(self, event: AccountStatusChanged) -> str:
        account_id, event_id = event.account_id, event.event_id
        self._cases.record_account_status(account_id, event.status, event.at)
        heard_by = self._tell_holders(
            self._cases.cases_of(account_id).holders,
            lambda reach: with_standing_told(reach, account_id, event.status, event.at),
        )
        with self._others_hear_too(heard_by, account_id, event_id):
            self._tell_open_case(account_id, event_id, lambda case: self._with_newest_words(case, event_id))
        return "NOTED"

    def _tell_open_case(self, account_id: str, event_id: str, note: Callable[[Case], Change]) -> None:
        """Note something on the case that is open. One whose start failed for good, when it was opened, starts now."""
        case_id = self._cases.cases_of(account_id).open_case_id
        if case_id is None:
            return
        self._cases.change(case_id, f"standing/{event_id}", note)
        if _nobody_started(self._cases.get(case_id)):
            start_negotiation(self._negotiation_arn, case_id, case_id)


def _nobody_started(case: Case) -> bool:
    """Whether no execution has taken the case up yet. One that is on its way is started once, by the case's name."""
    return case.status is Status.OPENED and case.execution is None
