"""What was paid of a plan, by replay: the oldest instalment first, whatever came late, twice, ahead or back again."""

from datetime import UTC, date, datetime, timedelta
from itertools import permutations

import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.case import Balance, Instalment, Pause, Posting
from accord.ledger import Ledger, Terms, allocate, ledger
from accord.schedule import due_dates, payments

ZONE = "Asia/Shanghai"
FIRST_DUE = date(2027, 1, 31)


def terms(bearing: int = 0, free: int = 120_000, rate: int = 0, months: int = 12, tolerance: int = 1_000) -> Terms:
    rows = zip(due_dates(FIRST_DUE, months), payments(bearing, free, rate, months), strict=True)
    schedule = [Instalment(at, due, *row) for at, (due, row) in enumerate(rows, start=1)]
    return Terms(schedule=schedule, grace_days=3, tolerance=tolerance, time_zone=ZONE)


def paid(day: date, amount: int, payment_id: str = "", *, void: bool = False) -> Posting:
    at = datetime(day.year, day.month, day.day, 4, tzinfo=UTC)  # noon in Shanghai
    return Posting(payment_id=payment_id or f"{day}-{amount}", amount=amount, posted_at=at, void=void)


def standing(postings: list[Posting], today: date, of: Terms | None = None, pauses: tuple[Pause, ...] = ()) -> Ledger:
    return ledger(of or terms(), postings, pauses, today)


def monthly(count: int, amount: int = 10_000) -> list[Posting]:
    return [paid(day, amount) for day in due_dates(FIRST_DUE, count)]


# --- what goes where -------------------------------------------------------------------------------------------


def test_a_payment_goes_to_the_oldest_instalment_and_what_is_more_to_the_next() -> None:
    now = standing([paid(date(2027, 1, 20), 12_500)], date(2027, 1, 20))
    assert [row.paid for row in now.rows[:3]] == [10_000, 2_500, 0]
    assert (now.paid, now.left, now.arrears, now.surplus) == (12_500, 107_500, 0, 0)
    assert now.next_row is not None
    assert (now.next_row.number, now.rows[0].made_on) == (2, date(2027, 1, 20))


def test_who_pays_twelve_instalments_owes_nothing_to_the_cent() -> None:
    now = standing(monthly(12), date(2027, 12, 31))
    assert (now.left, now.surplus, now.missed, now.settled_on) == (0, 0, 0, date(2027, 12, 31))
    assert [row.made_on for row in now.rows] == due_dates(FIRST_DUE, 12)


def test_a_cent_that_is_missing_is_never_forgotten() -> None:
    now = standing([*monthly(11), paid(date(2027, 12, 31), 9_999)], date(2028, 6, 1))
    assert (now.left, now.settled_on, now.missed, now.days_past_due) == (1, None, 0, 0), "in time, and still owed"
    assert now.arrears == 1


def test_what_is_paid_beyond_the_plan_is_a_surplus() -> None:
    now = standing([*monthly(12), paid(date(2028, 1, 5), 700)], date(2028, 1, 5))
    assert (now.paid, now.surplus, now.left) == (120_000, 700, 0)


def test_the_day_of_a_payment_is_the_one_where_the_customer_lives() -> None:
    late_evening = Posting(payment_id="p", amount=10_000, posted_at=datetime(2027, 1, 30, 17, tzinfo=UTC))
    assert standing([late_evening], FIRST_DUE).rows[0].made_on == date(2027, 1, 31)


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_payments_in_any_order_and_one_taken_back_come_to_the_same(order: tuple[int, ...]) -> None:
    given = [*monthly(3), paid(date(2027, 2, 10), 10_000, "back", void=True)]
    now = standing([given[at] for at in order], date(2027, 4, 10))
    assert now == standing(monthly(3), date(2027, 4, 10))


# --- late ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("today", "days_past_due", "missed"),
    [
        (date(2027, 1, 31), 0, 0),  # due today is not late
        (date(2027, 2, 1), 1, 0),
        (date(2027, 2, 3), 3, 0),  # the last day of grace
        (date(2027, 2, 4), 4, 1),
        (date(2027, 3, 3), 31, 1),  # the second is due on the 28th, and still in its days of grace
        (date(2027, 3, 4), 32, 2),
    ],
)
def test_late_is_counted_from_the_due_date_and_missed_from_the_end_of_grace(
    today: date, days_past_due: int, missed: int
) -> None:
    now = standing([], today)
    assert (now.days_past_due, now.missed) == (days_past_due, missed)


@pytest.mark.parametrize(("amount", "days_past_due"), [(9_000, 0), (8_999, 9)])
def test_a_payment_short_by_no_more_than_the_tolerance_counts_as_made(amount: int, days_past_due: int) -> None:
    now = standing([paid(FIRST_DUE, amount)], date(2027, 2, 9))
    assert now.days_past_due == days_past_due
    assert now.arrears == 10_000 - amount, "what is short stays owed"


# --- early -----------------------------------------------------------------------------------------------------


def test_who_settles_early_owes_no_interest_for_the_time_after() -> None:
    bearing = terms(bearing=100_000, free=0, rate=120_000)  # a hundredth a month
    before = ledger(bearing, [], (), date(2026, 12, 31))
    assert before.left == 100_000
    half = date(2027, 1, 15)  # 15 of the 31 days
    assert ledger(bearing, [], (), half).left == 100_000 + 1_000 * 15 // 31
    settled = ledger(bearing, [paid(half, 100_483)], (), date(2027, 6, 1))
    assert (settled.left, settled.surplus, settled.settled_on) == (0, 0, half)
    assert ledger(bearing, [paid(half, 100_482)], (), date(2027, 1, 15)).left == 1
    assert ledger(bearing, [], (), date(2028, 1, 31)).left == sum(row.amount for row in bearing.schedule)


def test_without_interest_early_is_the_same_sum() -> None:
    assert standing([paid(date(2027, 1, 2), 120_000)], date(2027, 1, 2)).settled_on == date(2027, 1, 2)


# --- pauses ----------------------------------------------------------------------------------------------------


def test_a_pause_moves_what_would_fall_due_in_it_and_all_that_comes_later() -> None:
    pause = Pause(since=date(2027, 2, 10), until=date(2027, 4, 10))
    now = standing(monthly(1), date(2027, 4, 1), pauses=(pause,))
    assert [row.due_date for row in now.rows[:3]] == [date(2027, 1, 31), date(2027, 4, 30), date(2027, 5, 31)]
    assert now.rows[-1].due_date == date(2028, 2, 29), "two months more, and the last of a short month"
    assert (now.days_past_due, now.missed) == (0, 0)


def test_an_open_pause_lasts_as_long_as_nobody_ends_it() -> None:
    open_pause = (Pause(since=date(2027, 1, 10)),)
    for today in (date(2027, 1, 31), date(2027, 9, 30), date(2029, 1, 1)):
        now = standing([], today, pauses=open_pause)
        assert (now.days_past_due, now.missed, now.arrears) == (0, 0, 0)
        assert now.rows[0].due_date > today


def test_days_of_a_pause_make_nobody_later() -> None:
    pause = Pause(since=date(2027, 2, 3), until=date(2027, 3, 5))
    assert standing([], date(2027, 2, 3), pauses=(pause,)).days_past_due == 3
    assert standing([], date(2027, 3, 5), pauses=(pause,)).days_past_due == 3
    assert standing([], date(2027, 3, 6), pauses=(pause,)).days_past_due == 4


def test_a_pause_costs_no_interest() -> None:
    bearing, pause = terms(bearing=100_000, free=0, rate=120_000), Pause(since=FIRST_DUE, until=date(2027, 4, 30))
    assert ledger(bearing, [], (pause,), date(2027, 3, 30)).left == 100_000
    assert ledger(bearing, [], (pause,), date(2027, 4, 30)).left == 101_000


# --- by component ----------------------------------------------------------------------------------------------


OWED = Balance(principal=1_000, interest=100, penalty_interest=50, late_fees=30, fees=20)


@pytest.mark.parametrize(
    ("order", "amount", "left"),
    [
        (("interest", "penalty_interest", "late_fees", "fees", "principal"), 170, (1_000, 0, 0, 10, 20)),
        (("principal", "interest", "penalty_interest", "late_fees", "fees"), 1_050, (0, 50, 50, 30, 20)),
        (("principal", "interest", "penalty_interest", "late_fees", "fees"), 9_999, (0, 0, 0, 0, 0)),
    ],
)
def test_a_payment_goes_to_the_components_in_their_order(
    order: tuple[str, ...], amount: int, left: tuple[int, ...]
) -> None:
    assert tuple(allocate(OWED, amount, order).model_dump().values()) == left


# --- against the slow oracle -----------------------------------------------------------------------------------

days = st.integers(-20, 800).map(lambda after: FIRST_DUE + timedelta(days=after))
postings = st.lists(st.tuples(days, st.integers(1, 60_000), st.booleans()), max_size=12)
pause_days = st.lists(st.tuples(st.integers(0, 500), st.integers(1, 120)), max_size=2)


@given(
    bearing=st.integers(0, 300_000),
    free=st.integers(0, 100_000),
    rate=st.integers(0, 360_000),
    months=st.integers(1, 24),
    made=postings,
    paused=pause_days,
    today=days,
    order=st.randoms(use_true_random=False),
)
def test_the_ledger_is_what_the_oracle_reckons_day_by_day(
    bearing: int, free: int, rate: int, months: int, made: list[tuple[date, int, bool]],
    paused: list[tuple[int, int]], today: date, order: object,
) -> None:  # fmt: skip
    try:
        of = terms(bearing, free, rate, months)
    except ValueError:
        return  # too little for so many instalments
    pauses, at = [], FIRST_DUE - timedelta(days=30)
    for after, length in paused:  # one after the other
        since = at + timedelta(days=after)
        at = since + timedelta(days=length)
        pauses.append(Pause(since=since, until=at))
    given = [paid(day, amount, f"p-{at}", void=void) for at, (day, amount, void) in enumerate(made)]
    order.shuffle(given)  # type: ignore[attr-defined]
    ours = ledger(of, given, pauses, today)
    exact = oracle.plan_life(
        [(row.amount, row.principal, row.interest) for row in of.schedule],
        FIRST_DUE,
        [(day, f"p-{at}", amount) for at, (day, amount, void) in enumerate(made) if not void],
        [(pause.since, pause.until) for pause in pauses if pause.until],
        of.tolerance,
        of.grace_days,
        today,
    )
    assert [row.due_date for row in ours.rows] == exact.due
    assert [row.paid for row in ours.rows] == exact.paid
    assert (ours.left, ours.surplus, ours.settled_on) == (exact.left, exact.surplus, exact.settled_on)
    assert (ours.days_past_due, ours.missed) == (exact.days_past_due, exact.missed)
