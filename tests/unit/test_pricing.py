"""What a plan is worth to the bank: whole numbers that agree with exact fractions, and move the way they should."""

from fractions import Fraction

import pytest
from builders import TODAY, YUAN, the_policy
from hypothesis import given
from hypothesis import strategies as st

from accord.policy import BUCKETS, ShareBand
from accord.pricing import Prices, chances, prices, without_plan, worth_of_instalments, worth_of_one_payment
from accord.schedule import payments

PPM = 1_000_000
A_YEAR = PPM * 12


def some_prices(**changes: int) -> Prices:
    whole = {"discount_ppm": 60_000, "break_ppm": 20_000, "recovery_percent": 40, "bulk_sale_percent": 12,
             "months_collected": 24, "cost_of_plan": 0}  # fmt: skip
    bands = (ShareBand(share_up_to=50, percent=50), ShareBand(share_up_to=100, percent=200))
    return Prices(by_share=bands, **(whole | changes))


def exact_worth(regular: int, months: int, bearing: int, free: int, rate: int, break_ppm: int, of: Prices) -> Fraction:
    """The same by fractions: each month some plans break, and what is open then is recovered in part."""
    keep, discount = 1 - Fraction(break_ppm, PPM), 1 / (1 + Fraction(of.discount_ppm, A_YEAR))
    growth = 1 + Fraction(rate, A_YEAR)
    alive, worth = Fraction(1), Fraction(0)
    for k in range(1, months + 1):
        broken = alive * discount * (1 - keep)
        alive = alive * discount * keep
        open_free = free * Fraction(months - k + 1, months)
        if rate:
            open_bearing = bearing * (growth**months - growth ** (k - 1)) / (growth**months - 1)
        else:
            open_bearing = bearing * Fraction(months - k + 1, months)
        worth += alive * regular + broken * (open_free + open_bearing) * of.recovery_percent / 100
    return worth - of.cost_of_plan


@given(
    st.integers(1, 10**9), st.integers(0, 10**8), st.integers(0, 360_000), st.integers(2, 60), st.integers(0, 100_000)
)
def test_the_worth_of_a_plan_agrees_with_exact_fractions(
    bearing: int, free: int, rate: int, months: int, break_ppm: int
) -> None:
    of = some_prices()
    regular = (bearing + free) // months + 1
    to_expect = chances(months, rate, break_ppm, of.discount_ppm)
    worth = worth_of_instalments(regular, bearing, free, to_expect, 400_000, of)
    assert (
        abs(worth - exact_worth(regular, months, bearing, free, rate, break_ppm, of)) <= 2 + (bearing + free) // 10**6
    )


def test_a_plan_that_nobody_breaks_at_no_discount_is_worth_its_payments() -> None:
    of = some_prices(discount_ppm=0)
    rows = payments(1_200 * YUAN, 0, 60_000, 12)
    worth = worth_of_instalments(rows[0].amount, 1_200 * YUAN, 0, chances(12, 60_000, 0, 0), 400_000, of)
    assert abs(worth - sum(row.amount for row in rows)) <= 12


@given(st.integers(2, 59), st.integers(0, 50_000))
def test_a_plan_is_worth_less_the_likelier_it_breaks(months: int, break_ppm: int) -> None:
    of = some_prices()
    to_expect = [chances(months, 0, chance, of.discount_ppm) for chance in (break_ppm, break_ppm + 5_000)]
    worth = [worth_of_instalments(1_000 * YUAN, 0, 1_000 * YUAN * months, each, 400_000, of) for each in to_expect]
    assert worth[1] <= worth[0]


def test_one_payment_is_worth_less_the_later_it_comes() -> None:
    of = some_prices()
    worth = [worth_of_one_payment(9_000 * YUAN, 10_000 * YUAN, months, 10_000, 400_000, of) for months in (1, 3, 6)]
    assert worth == sorted(worth, reverse=True)
    assert worth[0] < 9_000 * YUAN


@pytest.mark.parametrize(
    ("owed", "affordable", "expected"),
    [
        (10_000, 1_000, 4_000),  # what is usually recovered
        (
            10_000,
            100,
            1_422,
        ),  # 100 a month for two years, as surely as a plan that takes all, and worth that much today
        (10_000, 0, 1_200),  # then a buyer pays more
    ],
)
def test_without_a_plan_nobody_pays_more_than_they_can_and_no_debt_is_worth_less_than_a_buyer_pays(
    owed: int, affordable: int, expected: int
) -> None:
    assert without_plan(owed, affordable, some_prices())[0] == expected


@pytest.mark.parametrize(("share", "chance"), [(0, 10_000), (50, 10_000), (51, 40_000), (100, 40_000), (250, 40_000)])
def test_the_more_of_what_is_left_an_instalment_takes_the_likelier_the_plan_breaks(share: int, chance: int) -> None:
    assert some_prices().break_at(share) == chance


@pytest.mark.parametrize("bucket", BUCKETS)
def test_every_bucket_has_its_prices(bucket: str) -> None:
    of = prices(the_policy().on(TODAY), bucket)
    assert 0 < of.recovery_percent <= 100
    assert of.bulk_sale_percent <= of.recovery_percent
