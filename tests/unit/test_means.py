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
    """The total, who told it, and what billing has beside it."""
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
    papers = told(seen(BILLING, monthly_essential_spend=350_000), **WHOLE)
    assert spending(papers) == (COMES_TO, "CUSTOMER", 360_000)
    assert papers.on_papers == {"monthly_essential_spend": 350_000}, "and so does what staff saw"


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


@pytest.mark.parametrize("by", [told, seen])
def test_a_total_alone_puts_older_categories_aside_but_the_fixed_costs_that_it_has_room_for(by: Any) -> None:
    more = by(told(BILLING, **WHOLE), monthly_essential_spend=200_000)
    assert spending(more) == (200_000, "CUSTOMER" if by is told else "STAFF", 360_000)
    assert (more.fixed_costs, more.flexible_costs) == (WHOLE["fixed_costs"], None)
    less = by(told(BILLING, **WHOLE), monthly_essential_spend=99_999)
    assert (less.fixed_costs, less.flexible_costs) == (None, None)


def test_a_total_that_was_put_aside_comes_back_when_it_fits_again() -> None:
    typo = told(BILLING, fixed_costs={"HOUSING": 15_000_000})
    assert spending(typo) == (None, "CUSTOMER", 360_000)
    assert told(typo, fixed_costs={"HOUSING": 150_000}) == told(BILLING, fixed_costs={"HOUSING": 150_000})
    corrected = recorded(told(BILLING, fixed_costs={"HOUSING": 400_000}), 500_000)
    assert corrected == told(recorded(BILLING, 500_000), fixed_costs={"HOUSING": 400_000}), (
        "in whatever order they come"
    )
    papers = told(seen(BILLING, monthly_essential_spend=350_000), fixed_costs={"HOUSING": 400_000})
    assert spending(papers) == (None, "CUSTOMER", 360_000)
    again = told(papers, fixed_costs={"HOUSING": 100_000})
    assert (spending(again), again.on_papers) == ((350_000, "STAFF", 360_000), {})


def test_what_staff_saw_stands_beside_billings_word_and_beside_the_customers_later_one() -> None:
    papers = seen(BILLING, monthly_essential_spend=350_000)
    night = recorded(papers, 900_000)
    assert (spending(night), night.told_since) == ((350_000, "STAFF", 900_000), ("monthly_essential_spend",))
    assert recorded(papers, 360_000).told_since == (), "what billing always said is no news"
    stated = recorded(told(papers, monthly_essential_spend=500_000), 900_000)
    assert spending(stated) == (500_000, "CUSTOMER", 900_000)
    assert stated.on_papers == {"monthly_essential_spend": 350_000}
    once_more = seen(stated, monthly_essential_spend=400_000)
    assert (spending(once_more), once_more.on_papers, once_more.told_since) == ((400_000, "STAFF", 900_000), {}, ())


def test_savings_that_staff_saw_are_not_forgotten_when_the_customer_says_that_there_are_none() -> None:
    none_left = told(seen(BILLING, savings=5_000_000), savings=0)
    assert (none_left.savings, none_left.on_papers) == (0, {"savings": 5_000_000})


@pytest.mark.parametrize("billing", [True, False])
def test_papers_that_were_seen_before_another_hardship_say_nothing_of_the_time_after(billing: bool) -> None:
    papers = seen(Circumstances(hardship="ILLNESS"), monthly_income=600_000)
    lost = Circumstances(hardship="JOB_LOSS")
    after = with_record(papers, lost) if billing else told(papers, hardship="JOB_LOSS")
    assert (after.hardship, after.told_since) == ("JOB_LOSS", ("hardship",))
    assert with_record(papers, Circumstances(hardship="ILLNESS")).told_since == ()
    assert seen(after, monthly_income=200_000).told_since == ()


def test_a_hardship_that_billing_tells_after_the_customer_stands_beside_theirs() -> None:
    healthy = told(Circumstances(hardship="INCOME_REDUCED"), hardship=None)
    assert (healthy.hardship, healthy.hardship_on_record, healthy.told_since) == (None, "INCOME_REDUCED", ())
    assert with_record(healthy, Circumstances(hardship="INCOME_REDUCED")) == healthy, "the same file, night after night"
    ill = with_record(healthy, Circumstances(hardship="ILLNESS"))
    assert (ill.hardship, ill.hardship_on_record, ill.told_since) == (None, "ILLNESS", ("hardship_on_record",))
    assert told(ill, hardship="INCOME_REDUCED").told_since == (), "theirs is the newer word again"


@pytest.mark.parametrize("billing", [True, False])
def test_an_income_that_the_customer_told_before_they_lost_their_work_is_from_before_it(billing: bool) -> None:
    stated = told(Circumstances(monthly_income=800_000), monthly_income=790_000)
    lost = Circumstances(hardship="JOB_LOSS")
    after = with_record(stated, lost) if billing else told(stated, hardship="JOB_LOSS")
    assert after.told_since == ("hardship",)
    assert told(after, monthly_income=300_000).told_since == ()
    assert told(stated, hardship="JOB_LOSS", monthly_income=300_000).told_since == (), "told together"


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
    known, billing = Circumstances(), None
    for word, amount in words:
        match word:
            case "total":
                known = told(known, monthly_essential_spend=amount)
            case "rent":
                known = told(known, fixed_costs=(known.fixed_costs or {}) | {"HOUSING": amount})
            case "whole":
                known = told(known, **WHOLE | {"flexible_costs": dict.fromkeys(FLEXIBLE, amount)})
            case "papers":
                known = seen(known, monthly_essential_spend=amount)
                assert spending(known)[:2] == (amount, "STAFF"), "what was seen counts"
            case _:
                known, billing = recorded(known, amount), amount
        total, by_category = known.monthly_essential_spend, spending_by_category(known)
        if statement_is_complete(known):
            assert total == by_category
        else:
            assert total is None or total >= by_category, "a part is never more than the whole"
        assert as_billing_has_it(known).monthly_essential_spend == billing, "the newest record is never lost"
