"""The same loan as the packages amortization and mortgagemath compute it: how fast, and whether to the cent the same.

Both round the instalment and each month's interest to the cent and let the last instalment settle the rest, as we do
(mortgagemath once it is told to round the instalment half up: by itself it rounds up). amortization reckons in floats,
mortgagemath with a rate of fifty decimal digits, so either may lose a half cent; neither repays anything beside the
loan without interest.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from random import Random

import amortization
import mortgagemath
import oracle
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from accord.schedule import payments

Row = tuple[int, int, int]
Loan = tuple[int, int, int]  # minor units, parts per million a year, months
LOAN = (3_000_000, 87_600, 60)


def accord(principal: int, rate: int, months: int) -> Sequence[Row]:
    return payments(principal, 0, rate, months)


def by_amortization(principal: int, rate: int, months: int) -> list[Row]:
    rows = amortization.amortization_schedule(principal / 100, rate / 1_000_000, months)
    return [(round(row.amount * 100), round(row.principal * 100), round(row.interest * 100)) for row in rows]


def by_mortgagemath(principal: int, rate: int, months: int) -> list[Row]:
    half_up = mortgagemath.PaymentRounding.ROUND_HALF_UP
    loan = mortgagemath.LoanParams(
        Decimal(principal).scaleb(-2), Decimal(rate).scaleb(-4), months, payment_rounding=half_up
    )
    _, *rows = mortgagemath.amortization_schedule(loan)
    return [(int(row.payment * 100), int(row.principal * 100), int(row.interest * 100)) for row in rows]


@pytest.mark.benchmark(group="sixty instalments at 8.76 %")
@pytest.mark.parametrize("compute", [accord, by_amortization, by_mortgagemath])
def test_sixty_instalments_and_to_the_cent_the_same(
    benchmark: BenchmarkFixture, compute: Callable[[int, int, int], Sequence[Row]]
) -> None:
    """Each package's own loop and types, with the cents taken out at the end."""
    assert benchmark(compute, *LOAN) == oracle.schedule(LOAN[0], 0, *LOAN[1:])


def loans(seed: int, rates: range) -> list[Loan]:
    random = Random(seed)
    return [(random.randint(100_000, 10**9), random.choice(rates), random.randint(2, 60)) for _ in range(300)]


@pytest.mark.benchmark(group="three hundred loans of all sizes")
def test_mortgagemath_agrees_on_every_loan_whose_monthly_rate_is_a_finite_decimal(benchmark: BenchmarkFixture) -> None:
    several = loans(1, range(1_200, 360_000, 1_200))  # whole hundredths of a per cent a month
    theirs = benchmark.pedantic(lambda: [by_mortgagemath(*loan) for loan in several], rounds=1)
    assert theirs == [accord(*loan) for loan in several]


@pytest.mark.benchmark(group="three hundred loans of all sizes")
def test_ours_for_the_same(benchmark: BenchmarkFixture) -> None:
    several = loans(1, range(1_200, 360_000, 1_200))
    ours = benchmark.pedantic(lambda: [accord(*loan) for loan in several], rounds=3)
    assert ours == [oracle.schedule(principal, 0, rate, months) for principal, rate, months in several]


@pytest.mark.benchmark(group="where they part")
def test_a_half_cent_is_lost_by_floats_and_by_a_rate_that_never_ends(benchmark: BenchmarkFixture) -> None:
    """A balance whose interest is an odd number of half cents: a rate of 25 % a year is 2.08333… % a month."""
    ends_not, floats = (581_437_223, 250_000, 29), (382_166_318, 120_000, 21)
    exact = [oracle.schedule(principal, 0, rate, months) for principal, rate, months in (ends_not, floats)]
    assert benchmark(lambda: [accord(*ends_not), accord(*floats)]) == exact
    assert by_mortgagemath(*floats) == exact[1]
    for wrong, right in ((by_mortgagemath(*ends_not), exact[0]), (by_amortization(*floats), exact[1])):
        assert right is not None
        assert wrong != right
        assert max(abs(ours - theirs) for one, other in zip(wrong, right, strict=True)
                   for ours, theirs in zip(one, other, strict=True)) == 1  # fmt: skip
