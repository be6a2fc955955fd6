"""The means with a newer word: whose each figure is, what stays on record beside it, and how spending fits together."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.affordability import FIXED, FLEXIBLE, spending_by_category, statement_is_complete
from accord.case import Circumstances
from accord.means import as_billing_has_it, with_record, with_word

BILLING = Circumstances(monthly_essential_spend=360_000)
WHOLE = {"fixed_costs": dict.fromkeys(FIXED, 10_000), "flexible_costs": dict.fromkeys(FLEXIBLE, 20_000)}
COMES_TO = 160_000


def told(known: Circumstances, **figures: Any) -> Circumstances:
    return with_word(known, figures, figures.keys(), "CUSTOMER")


def seen(known: Circumstances, **figures: int) -> Circumstances:
    return with_word(known, figures, figures.keys(), "STAFF")


def recorded(known: Circumstances, total: int) -> Circumstances:
    return with_record(known, Circumstances(monthly_essential_spend=total))


def spending(known: Circumstances) -> tuple[int | None, str, int | None]:
    """The total, who told it, and what is on record beside it."""
    return known.monthly_essential_spend, known.teller("monthly_essential_spend"), known.spend_on_record


def test_a_category_below_the_total_leaves_it_whose_it_was() -> None:
    rent = told(BILLING, fixed_costs={"HOUSING": 150_000})
    assert spending(rent) == (360_000, "BILLING", None)
    assert rent.own == ("fixed_costs",)
    assert spending(recorded(rent, 400_000)) == (400_000, "BILLING", None), "billing's newer total still counts"
    papers = seen(BILLING, monthly_essential_spend=350_000)
    assert spending(told(papers, fixed_costs={"HOUSING": 150_000})) == (350_000, "STAFF", 360_000)


def test_all_categories_are_the_total_and_the_record_stays_beside_it() -> None:
    assert spending(told(BILLING, **WHOLE)) == (COMES_TO, "CUSTOMER", 360_000)
    assert spending(told(Circumstances(), **WHOLE)) == (COMES_TO, "CUSTOMER", None)
    papers = seen(BILLING, monthly_essential_spend=350_000)
    assert spending(told(papers, **WHOLE)) == (COMES_TO, "CUSTOMER", 350_000)


def test_categories_that_come_to_the_total_confirm_it() -> None:
    same = told(Circumstances(monthly_essential_spend=COMES_TO), **WHOLE)
    assert spending(same) == (COMES_TO, "BILLING", None)
    assert spending(recorded(same, COMES_TO + 1)) == (COMES_TO, "CUSTOMER", COMES_TO + 1), "against a newer record"


def test_a_part_above_the_total_puts_it_aside() -> None:
    rent = told(BILLING, fixed_costs={"HOUSING": 400_000})
    assert spending(rent) == (None, "CUSTOMER", 360_000)
    assert spending(recorded(rent, 370_000)) == (None, "CUSTOMER", 370_000)
    assert as_billing_has_it(rent).monthly_essential_spend == 360_000


def test_a_newer_record_below_the_parts_that_were_told_does_not_make_them_less() -> None:
    rent = told(BILLING, fixed_costs={"HOUSING": 150_000})
    assert spending(recorded(rent, 140_000)) == (None, "CUSTOMER", 140_000)


def test_the_customers_total_alone_puts_their_older_categories_aside() -> None:
    less = told(told(BILLING, **WHOLE), monthly_essential_spend=200_000)
    assert spending(less) == (200_000, "CUSTOMER", 360_000)
    assert (less.fixed_costs, less.flexible_costs) == (None, None)


@pytest.mark.parametrize("by", ["CUSTOMER", "STAFF"])
def test_what_staff_saw_is_the_record_that_billing_does_not_replace(by: str) -> None:
    papers = seen(BILLING, monthly_essential_spend=350_000)
    if by == "CUSTOMER":
        stated = recorded(told(papers, monthly_essential_spend=500_000), 900_000)
        assert spending(stated) == (500_000, "CUSTOMER", 350_000)
    else:
        assert spending(recorded(papers, 900_000)) == (350_000, "STAFF", 900_000)


amounts = st.integers(0, 500_000)
words = st.lists(
    st.one_of(
        st.tuples(st.just("total"), amounts),
        st.tuples(st.just("rent"), amounts),
        st.tuples(st.just("whole"), amounts),
        st.tuples(st.just("papers"), amounts),
        st.tuples(st.just("record"), amounts),
    ),
    max_size=8,
)


@given(words)
def test_whatever_is_told_in_whatever_order_the_spending_fits_together_and_the_record_is_kept(
    words: list[tuple[str, int]],
) -> None:
    known, billing, papers = Circumstances(), None, False
    for word, amount in words:
        match word:
            case "total":
                known = told(known, monthly_essential_spend=amount)
            case "rent":
                known = told(known, fixed_costs=(known.fixed_costs or {}) | {"HOUSING": amount})
            case "whole":
                known = told(known, **WHOLE | {"flexible_costs": dict.fromkeys(FLEXIBLE, amount)})
            case "papers":
                known, papers = seen(known, monthly_essential_spend=amount), True
                assert spending(known)[:2] == (amount, "STAFF"), "what was seen counts"
            case _:
                known, billing = recorded(known, amount), amount
        total, by_category = known.monthly_essential_spend, spending_by_category(known)
        if statement_is_complete(known):
            assert total == by_category
        else:
            assert total is None or total >= by_category, "a part is never more than the whole"
        if not papers:
            assert as_billing_has_it(known).monthly_essential_spend == billing, "the newest record is never lost"
