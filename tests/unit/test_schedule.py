"""Schedules: exact to the last minor unit, whatever is rounded on the way."""

import json
from calendar import monthrange
from datetime import date
from fractions import Fraction

import pytest
from builders import TODAY, a_balance, a_case, an_offer, the_policy
from hypothesis import assume, example, given
from hypothesis import strategies as st

from accord.agreement import terms_of
from accord.case import Agreement, Balance, Instalment, Product
from accord.schedule import annual_cost_ppm, due_dates, most_rounded, payments, schedule_of

# --- published vectors -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("total", "months", "regular", "last"),
    [(3_000_000, 60, 50_000, 50_000), (1_000_000, 36, 27_777, 27_805), (1_234_567, 24, 51_440, 51_447),
     (10_001, 3, 3_333, 3_335), (1, 1, 1, 1)],
)  # fmt: skip
def test_equal_instalments_leave_the_remainder_to_the_last(total: int, months: int, regular: int, last: int) -> None:
    amounts = [row.amount for row in payments(0, total, 0, months)]
    assert amounts == [regular] * (months - 1) + [last]


@pytest.mark.parametrize(
    ("principal", "rate", "months", "regular", "last", "interest"),
    [(1_000_000, 60_000, 36, 30_422, 30_418, 95_188), (3_000_000, 87_600, 60, 61_926, 61_942, 715_576),
     (1_000_000, 182_500, 12, 91_799, 91_798, 101_587)],
)  # fmt: skip
def test_annuities_match_the_published_vectors(
    principal: int, rate: int, months: int, regular: int, last: int, interest: int
) -> None:
    rows = payments(principal, 0, rate, months)
    assert {row.amount for row in rows[:-1]} == {regular}
    assert rows[-1].amount == last
    assert sum(row.interest for row in rows) == interest


# --- every schedule ----------------------------------------------------------------------------------------------

AMOUNTS = st.integers(1, 10**11)
RATES = st.integers(0, 1_000_000)
MONTHS = st.integers(1, 120)


def half_up(value: Fraction) -> int:
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


def slow_annuity(principal: int, rate: int, months: int) -> list[tuple[int, int, int]]:
    """The same by the formula of the textbook, in exact fractions."""
    monthly = Fraction(rate, 12_000_000)
    amount = half_up(principal * monthly / (1 - (1 + monthly) ** -months))
    rows, balance = [], principal
    for number in range(1, months + 1):
        interest = half_up(balance * monthly)
        repaid = balance if number == months else amount - interest
        rows.append((repaid + interest, repaid, interest))
        balance -= repaid
    return rows


@given(AMOUNTS, st.integers(1, 1_000_000), MONTHS)
def test_an_annuity_equals_the_textbook_in_exact_fractions(principal: int, rate: int, months: int) -> None:
    expected = slow_annuity(principal, rate, months)
    if any(repaid < 1 for _, repaid, _ in expected):
        with pytest.raises(ValueError, match="too small"):
            payments(principal, 0, rate, months)
    else:
        assert [tuple(row) for row in payments(principal, 0, rate, months)] == expected


@given(st.integers(0, 10**11), st.integers(0, 10**9), RATES, MONTHS)
@example(0, 59, 60_000, 60)
@example(31, 0, 1, 60)
def test_any_schedule_repays_exactly_what_is_owed_and_ends_at_zero(
    bearing: int, free: int, rate: int, months: int
) -> None:
    try:
        rows = payments(bearing, free, rate, months)
    except ValueError:
        assume(False)
    assert len(rows) == months
    assert sum(row.principal for row in rows) == bearing + free
    assert all(row.amount == row.principal + row.interest for row in rows)
    assert all(row.principal > 0 and row.interest >= 0 for row in rows)
    assert len({row.amount for row in rows[:-1]}) <= 1
    assert sum(row.interest for row in rows) > 0 or rate == 0 or bearing * rate < 12_000_000


@given(st.integers(60_000, 10**10), st.integers(0, 240_000), st.integers(1, 60))
def test_the_last_instalment_is_near_the_others(principal: int, rate: int, months: int) -> None:
    rows = payments(principal, 0, rate, months)
    assert abs(rows[-1].amount - rows[0].amount) <= 2 * months


@given(st.integers(10_000, 10**9), RATES, st.integers(2, 60))
def test_the_last_instalment_is_off_by_no_more_than_what_was_rounded(principal: int, rate: int, months: int) -> None:
    try:
        rows = payments(principal, 0, rate, months)
    except ValueError:
        assume(False)
    divided = principal % months if rate == 0 else 0
    assert abs(rows[-1].amount - rows[0].amount - divided) <= most_rounded(rate, months)


@given(st.integers(100_000, 10**9), st.integers(0, 100_000), RATES, st.integers(1, 60))
def test_interest_never_runs_on_the_part_that_is_free_of_it(bearing: int, free: int, rate: int, months: int) -> None:
    alone = payments(bearing, 0, rate, months)
    together = payments(bearing, free, rate, months)
    assert [row.interest for row in together] == [row.interest for row in alone]


@pytest.mark.parametrize("months", [0, -1, 601])
def test_months_out_of_range_are_refused(months: int) -> None:
    with pytest.raises(ValueError, match=r"^months: "):
        payments(0, 100_000, 0, months)


@pytest.mark.parametrize("rate", [-1, 1_000_001])
def test_a_rate_out_of_range_is_refused(rate: int) -> None:
    with pytest.raises(ValueError, match=r"^annual_rate_ppm: "):
        payments(100_000, 0, rate, 12)


@pytest.mark.parametrize(("bearing", "free"), [(0, 0), (-1, 5), (5, -1)])
def test_nothing_to_repay_is_refused(bearing: int, free: int) -> None:
    with pytest.raises(ValueError, match="nothing to repay"):
        payments(bearing, free, 0, 3)


def test_more_instalments_than_minor_units_are_refused() -> None:
    with pytest.raises(ValueError, match="too small to be repaid in 3 instalments; choose fewer"):
        payments(0, 2, 0, 3)


def test_an_annuity_never_lets_the_debt_grow() -> None:
    with pytest.raises(ValueError, match="too small"):
        payments(20, 0, 360_000, 60)
    with pytest.raises(ValueError, match="too small"):
        payments(20, 60, 360_000, 60)  # what bears no interest does not hide it


def test_an_annuity_without_a_rate_is_a_row_of_equal_instalments() -> None:
    assert payments(10_001, 0, 0, 3) == payments(0, 10_001, 0, 3)


# --- due dates ---------------------------------------------------------------------------------------------------


def test_the_thirty_first_falls_back_and_comes_back() -> None:
    assert due_dates(date(2026, 1, 31), 4) == [
        date(2026, 1, 31),
        date(2026, 2, 28),
        date(2026, 3, 31),
        date(2026, 4, 30),
    ]


def test_the_twenty_ninth_of_february_is_kept_in_leap_years() -> None:
    dates = due_dates(date(2028, 2, 29), 49)
    assert dates[12] == date(2029, 2, 28)
    assert dates[48] == date(2032, 2, 29)


@given(st.dates(date(2000, 1, 1), date(2100, 12, 31)), st.integers(1, 600))
def test_due_dates_are_one_a_month_on_the_same_day_or_the_months_last(first: date, months: int) -> None:
    dates = due_dates(first, months)
    assert dates == sorted(set(dates))
    for index, due in enumerate(dates):
        assert due.year * 12 + due.month == first.year * 12 + first.month + index
        assert due.day == min(first.day, monthrange(due.year, due.month)[1])


# --- what a plan costs -------------------------------------------------------------------------------------------


@given(st.integers(1_000_000, 10**10), st.integers(0, 1_000_000), st.integers(1, 60))
def test_the_cost_of_an_annuity_is_its_own_rate(principal: int, rate: int, months: int) -> None:
    cost = annual_cost_ppm(principal, [row.amount for row in payments(principal, 0, rate, months)])
    assert abs(cost - rate) <= 12  # a minor unit in a million


@given(st.integers(1, 10**9), st.integers(0, 10**9))
def test_the_cost_of_one_payment_follows_from_its_surplus(financed: int, surplus: int) -> None:
    assume(surplus < financed * 100)
    assert annual_cost_ppm(financed, [financed + surplus]) == half_up(Fraction(12_000_000 * surplus, financed))


def test_a_flat_monthly_fee_costs_about_twice_what_it_seems() -> None:
    assert annual_cost_ppm(1_200_000, [107_200] * 12) // 100 == 1303  # 0.6 % a month for a year: 13.03 %
    assert annual_cost_ppm(3_600_000, [125_920] * 36) // 100 == 1563  # 0.72 % a month for three years: 15.63 %


def test_an_interest_free_plan_costs_nothing() -> None:
    assert annual_cost_ppm(10_001, [3_333, 3_333, 3_335]) == 0


def test_a_cost_of_nothing_financed_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing to repay"):
        annual_cost_ppm(0, [100])


# --- the schedule of an offer ------------------------------------------------------------------------------------


@given(st.integers(1, 60), st.integers(0, 240_000), st.integers(100_000, 10**9), st.integers(0, 10**6))
def test_an_offers_schedule_says_what_the_offer_says(months: int, rate: int, principal: int, fees: int) -> None:
    offer = an_offer(months=months, annual_rate_ppm=rate, owed=a_balance(principal=principal, fees=fees))
    rows = schedule_of(offer)
    assert rows == schedule_of(offer)
    assert len(rows) == offer.months
    assert (rows[0].due_date, rows[0].amount) == (offer.first_due_date, offer.regular_instalment)
    assert rows[-1].amount == offer.last_instalment
    assert sum(row.principal for row in rows) == offer.financed
    assert sum(row.interest for row in rows) == offer.interest
    assert sum(row.amount for row in rows) == offer.total_payable
    assert [row.number for row in rows] == list(range(1, months + 1))


def test_interest_runs_on_the_principal_alone() -> None:
    owed = Balance(principal=1_000_000, interest=30_000, fees=6_000)
    offer = an_offer(months=36, annual_rate_ppm=60_000, owed=owed, waived=Balance(), product=Product.REDUCED_RATE)
    assert sum(row.interest for row in schedule_of(offer)) == 95_188
    assert offer.annual_cost_ppm < 60_000


def test_a_schedule_survives_storage() -> None:
    offer = an_offer(months=2)
    terms = json.dumps(terms_of(a_case(), offer, the_policy(), "en", TODAY))
    agreement = Agreement(offer_id=offer.offer_id, terms=terms, terms_hash="0", signed_at=offer.valid_until)
    read = Agreement.model_validate_json(agreement.model_dump_json())
    assert read == agreement
    assert read.schedule == schedule_of(offer)
    assert isinstance(read.schedule[0], Instalment)
