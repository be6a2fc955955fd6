"""No cent is lost: the rules of money agree with a slow exact oracle that was written from their definitions."""

from datetime import date
from fractions import Fraction
from itertools import product
from typing import Any

import exact
import oracle
import pytest
from builders import TODAY, YUAN, a_balance, an_account, an_assessed_case, circumstances, the_policy
from exact import (
    DisagreementError,
    compare_means,
    compare_proposal,
    compare_schedule,
    compare_waivers,
    policies,
)
from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from accord.case import Balance, Circumstances
from accord.policy import BUCKETS
from accord.schedule import Payment, annual_cost_ppm, payments

FIRST = date(2026, 3, 26)
COMPONENT = st.one_of(st.integers(0, 200), st.integers(0, 10**9))
BALANCES = st.builds(
    Balance,
    principal=st.integers(1, 10**7),
    interest=COMPONENT,
    penalty_interest=COMPONENT,
    late_fees=COMPONENT,
    fees=COMPONENT,
)

# --- the oracle itself, against published figures -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("bearing", "free", "rate", "months", "regular", "last", "interest"),
    [(0, 1_000_000, 0, 36, 27_777, 27_805, 0), (1_000_000, 0, 60_000, 36, 30_422, 30_418, 95_188),
     (3_000_000, 0, 87_600, 60, 61_926, 61_942, 715_576), (1_000_000, 0, 182_500, 12, 91_799, 91_798, 101_587)],
)  # fmt: skip
def test_the_oracle_knows_the_published_vectors(
    bearing: int, free: int, rate: int, months: int, regular: int, last: int, interest: int
) -> None:
    rows = oracle.schedule(bearing, free, rate, months)
    assert rows is not None
    assert (rows[0][0], rows[-1][0], sum(row[2] for row in rows)) == (regular, last, interest)


@pytest.mark.parametrize(("value", "rounded"), [("1/2", 1), ("3/2", 2), ("5/2", 3), ("49/100", 0), ("7/3", 2)])
def test_the_oracle_rounds_a_half_upwards(value: str, rounded: int) -> None:
    assert oracle.half_up(Fraction(value)) == rounded


@pytest.mark.parametrize(("financed", "amounts", "cost"), [(1_200_000, [107_200] * 12, 1303), (100, [50, 53], 2368)])
def test_the_oracle_takes_the_nearest_part_of_a_rate_and_no_other(financed: int, amounts: list[int], cost: int) -> None:
    """0.6 % a month of the first balance for a year cost 13.03 %, 103 for 100 in two months 23.68."""
    (found,) = [
        near for near in range((cost - 1) * 100, (cost + 2) * 100) if oracle.is_annual_cost(near, financed, amounts)
    ]
    assert found // 100 == cost


@given(st.integers(1, 10**9), st.integers(0, 10**9), st.integers(1, 10**6), st.integers(2, 24))
def test_both_ways_of_the_oracle_to_a_present_value_are_one(regular: int, last: int, rate: int, months: int) -> None:
    amounts = [regular] * (months - 1) + [last]
    growth = 1 + Fraction(rate, 12 * 10**6)
    one_by_one = sum(amount / growth**month for month, amount in enumerate(amounts, start=1))
    assert oracle.present_value(amounts, Fraction(rate)) == one_by_one


# --- schedules ---------------------------------------------------------------------------------------------------


@settings(max_examples=400)
@given(
    st.one_of(st.integers(0, 500), st.integers(0, 10**11)),
    st.one_of(st.integers(0, 500), st.integers(0, 10**9)),
    st.one_of(st.integers(0, 365_000), st.integers(0, 1_000_000)),
    st.integers(1, 72),
    st.dates(date(2000, 1, 1), date(2099, 12, 31)),
)
@example(20, 60, 360_000, 60, FIRST)  # the free part must not hide that the debt would grow
@example(0, 59, 60_000, 60, FIRST)
@example(10**11, 1, 1, 60, date(2028, 2, 29))
def test_any_schedule_its_dates_and_its_cost_agree_with_the_oracle(
    bearing: int, free: int, rate: int, months: int, first: date
) -> None:
    kind = compare_schedule(bearing, free or (0 if bearing else 1), rate, months, first)
    event(kind)
    assert kind in {"schedules", "schedules refused"}


def test_every_small_schedule_agrees_with_the_oracle() -> None:
    """Where rounding weighs most, by brute force: all amounts to forty fen, with few and many instalments."""
    seen = [
        compare_schedule(bearing, free, rate, months, FIRST)
        for bearing, free, rate, months in product(range(40), range(4), (0, 1, 182_500, 1_000_000), (1, 2, 3, 7, 12))
        if bearing + free
    ]
    assert {"schedules", "schedules refused"} == set(seen)


@given(st.integers(1, 10**9), st.lists(st.integers(0, 10**8), min_size=1, max_size=12))
def test_the_cost_of_any_row_of_payments_agrees_with_the_oracle(financed: int, amounts: list[int]) -> None:
    financed = max(financed, sum(amounts) // 3)
    assert oracle.is_annual_cost(annual_cost_ppm(financed, amounts), financed, amounts)


# --- waivers and authority ---------------------------------------------------------------------------------------


@settings(max_examples=150)
@given(BALANCES, st.sampled_from(BUCKETS), st.integers(0, 10**7), st.integers(0, 12))
def test_waivers_are_rounded_down_and_approved_as_the_oracle_says(
    owed: Balance, bucket: str, before: int, policy: int
) -> None:
    assert compare_waivers(owed, bucket, before, policies()[policy]) == "waivers"


# --- what is affordable ------------------------------------------------------------------------------------------


@given(st.integers(0, 3 * 10**6), st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 6),
       st.one_of(st.none(), st.integers(0, 10**8)), st.integers(0, 12))  # fmt: skip
def test_what_is_affordable_agrees_with_the_oracle_where_everything_is_known(
    income: int, spend: int, others: int, dependants: int, elsewhere: int | None, policy: int
) -> None:
    told = circumstances(monthly_income=income, monthly_essential_spend=spend, other_debt_payments=others,
                         dependants=dependants, other_unsecured_balance=elsewhere)  # fmt: skip
    case = an_assessed_case(policies()[policy], circumstances=told)
    assert case.assessment is not None
    assert compare_means(told, case.account.balance.total, case.assessment, policies()[policy].on(TODAY), repr(told))


# --- whole proposals ---------------------------------------------------------------------------------------------

MEANS = st.builds(
    Circumstances,
    monthly_income=st.one_of(st.none(), st.integers(0, 3 * 10**6)),
    monthly_essential_spend=st.one_of(st.none(), st.integers(0, 500_000)),
    other_debt_payments=st.one_of(st.none(), st.integers(0, 200_000)),
    dependants=st.one_of(st.none(), st.integers(0, 4)),
    other_unsecured_balance=st.one_of(st.none(), st.integers(0, 10**7)),
    savings=st.one_of(st.none(), st.integers(0, 10**7)),
    told_by=st.sampled_from(["BILLING", "CUSTOMER", "STAFF"]),
)
ACCOUNTS = st.builds(an_account, balance=BALANCES, days_past_due=st.integers(1, 400), apr_ppm=st.integers(0, 365_000))


@settings(max_examples=150)
@given(ACCOUNTS, MEANS, st.one_of(st.none(), st.integers(1, 10**6)), st.integers(0, 12))
def test_every_sum_of_a_proposal_agrees_with_the_oracle(
    account: Any, told: Circumstances, own: int | None, policy: int
) -> None:
    kind = compare_proposal(account, told, own, policies()[policy])
    event(kind)
    assert kind in {"proposals", "proposals without an offer"}


# --- a difference would be seen ------------------------------------------------------------------------------------


def a_cent_off(*given: int) -> list[Payment]:
    first, *others = payments(*given)
    return [first._replace(amount=first.amount + 1), *others]


def test_a_schedule_that_is_a_cent_off_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact, "payments", a_cent_off)
    with pytest.raises(DisagreementError, match=r"payments\(1000000, 0, 60000, 36\)"):
        compare_schedule(1_000_000, 0, 60_000, 36, FIRST)


def test_a_cost_that_is_one_part_off_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    rate = exact.annual_cost_ppm
    monkeypatch.setattr(exact, "annual_cost_ppm", lambda financed, amounts: rate(financed, amounts) + 1)
    with pytest.raises(DisagreementError, match="annual cost"):
        compare_schedule(1_000_000, 0, 60_000, 36, FIRST)


def test_an_offer_that_asks_a_cent_more_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    propose = exact.propose

    def dearer(*given: Any) -> Any:
        change = propose(*given)
        first, *others = change.case.offers
        wrong = first.model_copy(update={"total_payable": first.total_payable + 1})
        object.__setattr__(change, "case", change.case.model_copy(update={"offers": (wrong, *others)}))
        return change

    monkeypatch.setattr(exact, "propose", dearer)
    with pytest.raises(DisagreementError, match="total payable"):
        compare_proposal(an_account(), circumstances(), None, the_policy())


def test_a_waiver_that_is_not_rounded_down_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    waivers = exact._Plans._waivers

    def rounded_up(plans: Any, ceiling: str) -> Any:
        for waived, role in waivers(plans, ceiling):
            yield waived.model_copy(update={"late_fees": waived.late_fees + 1}), role

    monkeypatch.setattr(exact._Plans, "_waivers", rounded_up)
    with pytest.raises(DisagreementError, match=r"waiver\.plan_percent"):
        compare_waivers(a_balance(late_fees=200 * YUAN), "M3", 0, the_policy())


def test_the_same_seed_makes_the_same_cases_and_another_makes_others() -> None:
    one, again, other = (exact.Chunk(seed, 0, 60).run() for seed in (1, 1, 2))
    assert one == again != other
    assert one.total() == other.total() == 60


def test_a_failed_case_is_named_so_that_it_can_be_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact, "payments", a_cent_off)
    with pytest.raises(DisagreementError, match=r"^case \d+ of seed 7: payments: "):
        exact.Chunk(7, 0, 60).run()


def test_the_run_ends_with_what_differs_and_a_failing_status(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def differs(*_: Any) -> Any:
        raise DisagreementError("case 3 of seed 1: payments: the rules say 1, the oracle 2")

    monkeypatch.setattr(exact, "run", differs)
    assert exact.main(["--cases", "10"]) == 1
    assert capsys.readouterr().out == "case 3 of seed 1: payments: the rules say 1, the oracle 2\n"
