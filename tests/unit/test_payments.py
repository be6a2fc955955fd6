"""Payments reach the case: towards the debt before anything is signed, towards the plan afterwards, or to a person."""

import json
import random
from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from builders import NOW, TODAY, YUAN, a_balance, a_policy, an_account, an_offered_case, the_policy
from hypothesis import given
from hypothesis import strategies as st
from unit.test_figures import figures

from accord.agreement import terms_of
from accord.assessment import assess
from accord.case import Agreement, Case, Change, Posting, Status, TaskKind
from accord.events import CaseEvent, FiguresTold, InstalmentPaid, PaymentCounted, PaymentTakenBack, PlanCompleted
from accord.figures import note_figures, with_payments
from accord.lifecycle import activate
from accord.payments import note_payment
from accord.plan import begun, standing, towards_plan

FIGURES_AT = NOW - timedelta(days=2)
DAY = timedelta(days=1)


def a_posting(amount: int, payment_id: str = "p-1", at: datetime = NOW, *, void: bool = False) -> Posting:
    return Posting(payment_id=payment_id, amount=amount, posted_at=at, void=void)


def noted(case: Case, posting: Posting, currency: str = "CNY", now: datetime = NOW + DAY) -> Change:
    return note_payment(case, posting, currency, the_policy(), now)


def invited(**account: Any) -> Case:
    case = an_offered_case(account=an_account(**account)).moved(Status.INVITED)
    return case.model_copy(update={"figures_at": FIGURES_AT, "told": (FIGURES_AT, FIGURES_AT, "e-1")})


def signed() -> Case:
    case = invited()
    offer = case.offers[0]
    terms = json.dumps(terms_of(case, offer, the_policy(), "en", TODAY))
    agreement = Agreement(
        offer_id=offer.offer_id, terms=terms, terms_hash="t", signed_at=NOW, document_key="k", document_sha256="d"
    )
    return case.moved(Status.NEGOTIATING).moved(Status.SIGNED, agreement=agreement)


def with_plan() -> Case:
    return begun(signed(), NOW)


def rows(case: Case) -> list[tuple[date, int]]:
    assert case.agreement is not None
    return [(row.due_date, row.amount) for row in case.agreement.schedule]


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 4, tzinfo=UTC)


def paid_as_agreed(case: Case, count: int) -> Case:
    for at, (due, amount) in enumerate(rows(case)[:count], start=1):
        case = noted(case, a_posting(amount, f"p-{at}", noon(due)), now=noon(due)).case
    return case


# --- before anything is signed ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days_past_due", "paid", "principal", "total"),
    [
        (75, 800 * YUAN, 11_000, 11_200),  # interest and what goes with it first
        (75, 1_500 * YUAN, 10_500, 10_500),
        (91, 1_500 * YUAN, 9_500, 10_500),  # from the 91st day on principal first
    ],
)
def test_what_was_paid_before_the_plan_is_allocated_by_the_law(
    days_past_due: int, paid: int, principal: int, total: int
) -> None:
    case = invited(balance=a_balance(), days_past_due=days_past_due)
    change = noted(case, a_posting(paid))
    assert change.case.newer is not None
    owed = change.case.newer.account.balance
    assert (owed.principal, owed.total) == (principal * YUAN, total * YUAN)
    assert [type(event) for event in change.events] == [PaymentCounted, FiguresTold]
    assert change.case.decision is not None, "other offers are worked out"
    assert change.case.decision.kind == "NEW_FIGURES"


def test_a_payment_that_billing_knew_of_changes_nothing() -> None:
    case = invited()
    change = noted(case, a_posting(500 * YUAN, at=FIGURES_AT - timedelta(hours=1)))
    assert (change.case, change.events, change.tasks) == (case, (), ())
    back = a_posting(500 * YUAN, at=FIGURES_AT - timedelta(hours=1), void=True)
    assert noted(case, back).tasks == (), "billing tells what is owed then"
    assert [task.reason for task in noted(with_plan(), back).tasks] == ["PAID_BACK_AFTERWARDS"], "but this is signed"


def test_the_same_payment_counts_once_and_one_that_is_taken_back_not_at_all() -> None:
    once = noted(invited(), a_posting(500 * YUAN))
    assert noted(once.case, a_posting(500 * YUAN)) == Change(once.case, (), once.actor)
    back = noted(once.case, a_posting(500 * YUAN, void=True))
    assert back.case.newer is not None
    assert back.case.newer.account == once.case.account
    assert [type(event) for event in back.events] == [PaymentTakenBack, FiguresTold]
    before_it_came = noted(invited(), a_posting(500 * YUAN, void=True)).case
    assert noted(before_it_came, a_posting(500 * YUAN)).case == before_it_came


def test_offers_that_counted_on_a_payment_are_worked_out_anew_when_it_comes_back_however_small() -> None:
    heard = noted(invited(), a_posting(100 * YUAN)).case
    assessed = assess(heard, the_policy(), TODAY).case.model_copy(update={"status": Status.INVITED})
    assert assessed.counted == ("p-1",)
    back = noted(assessed, a_posting(100 * YUAN, void=True)).case
    assert back.decision is not None
    assert back.decision.kind == "NEW_FIGURES"
    again = assess(back, the_policy(), TODAY).case
    assert (again.counted, again.account.balance.total) == ((), invited().account.balance.total)


def test_what_pays_all_leaves_nothing_to_negotiate_about() -> None:
    change = noted(invited(), a_posting(99_999 * YUAN))
    assert change.case.newer is not None
    assert change.case.newer.account.balance.total == 0
    assert change.tasks == ()


@pytest.mark.parametrize("order", list(permutations(range(5))))
def test_billings_words_and_payments_in_any_order_come_to_the_same_debt(order: tuple[int, ...]) -> None:
    """Two payments, one before and one after billing's newer figures; the first of these is taken back later."""
    newer = figures(an_account(balance=a_balance(principal=9_000 * YUAN)), told_at=NOW, sent_at=NOW, event_id="e-2")
    steps = [
        a_posting(100 * YUAN, "early", NOW - timedelta(hours=5)),
        a_posting(200 * YUAN, "late", NOW + timedelta(hours=1)),
        a_posting(300 * YUAN, "back", NOW + timedelta(hours=2)),
        a_posting(300 * YUAN, "back", NOW + timedelta(hours=2), void=True),
        newer,
    ]
    case = invited()
    for step in (steps[at] for at in order):
        if isinstance(step, Posting):
            case = noted(case, step).case
        else:
            heard = with_payments(step, case.postings, the_policy().rule("allocation.order", TODAY))
            case = note_figures(case, heard, NOW + DAY).case
    assert case.newer is not None
    assert case.newer.account.balance.total == 10_000 * YUAN - 200 * YUAN
    assert case.newer.counted == ("late",)


# --- between the signature and the plan ------------------------------------------------------------------------


def test_what_is_paid_after_the_signature_counts_for_the_plan_and_stops_nothing() -> None:
    (_, amount), *_ = rows(signed())
    case = noted(signed(), a_posting(amount)).case
    assert case.agreement == signed().agreement
    begun_plan = activate(case, the_policy(), NOW)
    assert begun_plan.result == {"outcome": "ACTIVE"}
    assert standing(begun_plan.case, TODAY).paid == amount


def test_billing_that_knows_of_that_payment_is_no_doubt_either() -> None:
    case = noted(signed(), a_posting(300 * YUAN)).case
    less = figures(
        an_account(balance=a_balance(principal=10_700 * YUAN)), told_at=NOW + DAY, sent_at=NOW + DAY, event_id="e-2"
    )
    heard = note_figures(case, less, NOW + DAY).case
    assert activate(heard, the_policy(), NOW + DAY).result == {"outcome": "ACTIVE"}
    unexplained = note_figures(signed(), less, NOW + DAY).case
    assert activate(unexplained, the_policy(), NOW + DAY).result == {"outcome": "STOPPED"}


# --- towards the plan ------------------------------------------------------------------------------------------


def test_each_instalment_is_told_once_when_it_is_paid() -> None:
    case = with_plan()
    (first, amount), (second, _), *_ = rows(case)
    half = noted(case, a_posting(amount // 2, "p-1", noon(first)), now=noon(first))
    assert [type(event) for event in half.events] == [PaymentCounted]
    whole = noted(half.case, a_posting(2 * amount - amount // 2, "p-2", noon(first)), now=noon(first))
    told = [event for event in whole.events if isinstance(event, InstalmentPaid)]
    assert [(event.number, event.due_date, event.paid_on) for event in told] == [(1, first, first), (2, second, first)]
    again = noted(whole.case, a_posting(1, "p-3", noon(second)), now=noon(second))
    assert not any(isinstance(event, InstalmentPaid) for event in again.events)


def test_who_pays_every_instalment_has_completed_the_plan_to_the_cent() -> None:
    case = paid_as_agreed(with_plan(), 99)
    assert case.status is Status.COMPLETED
    last_due, _ = rows(case)[-1]
    assert standing(case, last_due).left == 0
    before = paid_as_agreed(with_plan(), len(rows(case)) - 1)
    last = noted(before, a_posting(rows(case)[-1][1], "last", noon(last_due)), now=noon(last_due))
    completed = last.events[-1]
    assert isinstance(completed, PlanCompleted)
    assert (completed.instalments, completed.in_time) == (len(rows(case)), len(rows(case)))
    assert completed.paid == sum(amount for _, amount in rows(case))
    assert last.tasks == ()


def test_a_cent_short_of_the_end_is_not_the_end() -> None:
    before = paid_as_agreed(with_plan(), len(rows(with_plan())) - 1)
    due, amount = rows(before)[-1]
    short = noted(before, a_posting(amount - 1, "last", noon(due)), now=noon(due)).case
    assert short.status is Status.ACTIVE
    assert standing(short, due + 90 * DAY).left == 1


def test_who_pays_more_than_is_left_gets_it_back() -> None:
    before = paid_as_agreed(with_plan(), len(rows(with_plan())) - 1)
    due, amount = rows(before)[-1]
    change = noted(before, a_posting(amount + 7, "last", noon(due)), now=noon(due))
    assert change.case.status is Status.COMPLETED
    (task,) = change.tasks
    assert (task.kind, task.reason) == (TaskKind.UNMATCHED_PAYMENT, "PAID_TOO_MUCH")
    assert task.facts == {"payment": "last", "amount": str(amount + 7)}


def test_a_payment_that_comes_back_takes_its_instalment_with_it_until_it_is_paid_again() -> None:
    case = paid_as_agreed(with_plan(), 2)
    due, amount = rows(case)[1]
    back = noted(case, a_posting(amount, "p-2", noon(due), void=True), now=noon(due)).case
    assert standing(back, due).paid == amount
    again = noted(back, a_posting(amount, "p-9", noon(due) + DAY), now=noon(due) + DAY)
    assert [event.number for event in again.events if isinstance(event, InstalmentPaid)] == [2]


def test_what_is_paid_while_late_brings_the_plan_back() -> None:
    due, amount = rows(with_plan())[0]
    late = with_plan().moved(Status.IN_GRACE)
    part = noted(late, a_posting(amount // 2, "p-1", noon(due) + 9 * DAY), now=noon(due) + 9 * DAY)
    assert part.case.status is Status.IN_GRACE
    rest = noted(part.case, a_posting(amount - amount // 2, "p-2", noon(due) + 10 * DAY), now=noon(due) + 10 * DAY)
    assert rest.case.status is Status.ACTIVE


def test_the_plan_lives_by_what_was_agreed_whatever_the_policy_becomes() -> None:
    due, amount = rows(with_plan())[0]
    stricter = a_policy(plan__tolerance=0, plan__grace_days=0)
    short = note_payment(with_plan(), a_posting(amount - 10 * YUAN, "p", noon(due)), "CNY", stricter, noon(due))
    assert any(isinstance(event, InstalmentPaid) for event in short.events)


# --- what fits nowhere -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "posting", "currency", "reason"),
    [
        (with_plan, a_posting(100, "p"), "USD", "OTHER_CURRENCY_PAID"),
        (invited, a_posting(100, "p"), "USD", "OTHER_CURRENCY_PAID"),
        (lambda: paid_as_agreed(with_plan(), 99), a_posting(100, "after", NOW + 999 * DAY), "CNY", "PAID_AFTER_END"),
        (
            lambda: paid_as_agreed(with_plan(), 99),
            a_posting(rows(with_plan())[-1][1], f"p-{len(rows(with_plan()))}", NOW, void=True),
            "CNY",
            "PAID_BACK_AFTERWARDS",
        ),
    ],
    ids=["other currency", "other currency before", "after the end", "back after the end"],
)
def test_what_fits_nowhere_is_a_task_and_moves_nothing(case: Any, posting: Posting, currency: str, reason: str) -> None:
    before = case()
    change = noted(before, posting, currency)
    (task,) = change.tasks
    assert (task.kind, task.reason) == (TaskKind.UNMATCHED_PAYMENT, reason)
    assert change.case.status is before.status


def test_a_payment_that_the_agreed_debt_counted_on_and_that_comes_back_is_a_persons_to_look_at() -> None:
    case = with_plan().model_copy(update={"counted": ("p-0",), "postings": (a_posting(500, "p-0"),)})
    assert towards_plan(case) == ()
    change = noted(case, a_posting(500, "p-0", void=True))
    assert [task.reason for task in change.tasks] == ["PAID_BACK_AFTERWARDS"]


def test_what_ended_without_a_plan_is_billings_again() -> None:
    closed = invited().moved(Status.CLOSED)
    assert noted(closed, a_posting(100)) == Change(closed, (), noted(closed, a_posting(100)).actor)


# --- by replay -------------------------------------------------------------------------------------------------


def replayed(events: list[CaseEvent]) -> tuple[Posting, ...]:
    """The payments of a case by its chain alone."""
    found: dict[str, Posting] = {}
    for event in events:
        if isinstance(event, PaymentCounted | PaymentTakenBack):
            found[event.payment_id] = Posting(
                payment_id=event.payment_id,
                amount=event.amount,
                posted_at=datetime.fromisoformat(event.posted_at),
                void=isinstance(event, PaymentTakenBack),
            )
    return tuple(found.values())


@given(
    paid=st.lists(st.tuples(st.integers(1, 5_000 * YUAN), st.integers(-5, 900), st.booleans()), max_size=8),
    seed=st.integers(0, 2**32),
)
def test_a_chain_replayed_from_nothing_comes_to_the_same_balance_in_any_order(
    paid: list[tuple[int, int, bool]], seed: int
) -> None:
    steps = [a_posting(amount, f"p-{at}", NOW + days * DAY) for at, (amount, days, _) in enumerate(paid)]
    steps += [step.model_copy(update={"void": True}) for step, (_, _, back) in zip(steps, paid, strict=True) if back]
    steps += steps[:2]  # twice
    shuffled = random.Random(seed).sample(steps, len(steps))
    case, events = with_plan(), []
    for step in shuffled:
        change = noted(case, step, now=NOW + 950 * DAY)
        case, events = change.case, [*events, *change.events]
    today = (NOW + 950 * DAY).date()
    if case.status is Status.COMPLETED:  # whatever comes afterwards is a person's to look at
        return
    from_nothing = with_plan().model_copy(update={"postings": replayed(events)})
    assert standing(from_nothing, today) == standing(case, today)
    in_order = with_plan().model_copy(update={"postings": tuple(replayed(events))[::-1]})
    assert standing(in_order, today) == standing(case, today)
