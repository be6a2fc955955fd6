"""The person's means with figures that somebody told: whose word each is, and what stays on record beside it."""

from collections.abc import Collection, Mapping
from typing import Any, Literal

from accord.affordability import spending_by_category, statement_is_complete
from accord.case import ON_RECORD, Circumstances

BY_CATEGORY = frozenset({"fixed_costs", "flexible_costs"})


def with_word(
    known: Circumstances, figures: Mapping[str, Any], news: Collection[str], by: Literal["CUSTOMER", "STAFF"]
) -> Circumstances:
    """The means with `figures`, of which `news` are told by the customer, or by staff who saw papers.

    The record is kept beside an income or a cost that is told otherwise. To the customer's word what staff saw before
    is a record too. Papers go before the customer's word and take nothing from it: that they told it stays true.

    The total of the spending and its categories contradict each other where the categories come to more, or where all
    of them are known and come to something else. A new total alone then puts the categories aside: it is the newer
    word. Otherwise the categories win: the total is their sum where all are known, and is not known any more where a
    part of them is already above it, because what is left out is never nothing.
    """
    # Who tells a category tells of the total too.
    total = () if BY_CATEGORY.isdisjoint(news) else ("monthly_essential_spend",)
    told = {*news, *total}
    whole = known.model_dump() | dict(figures)
    for name, record in ON_RECORD.items():
        if name in told and known.teller(name) not in ("CUSTOMER", by):
            whole[record] = getattr(known, name)
    if "monthly_income" in told:
        whole["told_by"] = by
    if by == "CUSTOMER":
        seen_before = {name for name in told & ON_RECORD.keys() if known.teller(name) == "STAFF"}
        whole["own"] = tuple(sorted({*known.own, *told}))
        whole["seen"] = tuple(sorted({*known.seen} - told))
        whole["papers"] = tuple(sorted({*known.papers} | seen_before))
    else:
        whole["seen"] = tuple(sorted({*known.seen, *told}))
        whole["papers"] = tuple(sorted({*known.papers} - told))
        if "other_debt_payments" in told and known.teller("other_unsecured_balance") == "CUSTOMER":
            # A balance goes before the payments: nobody would reckon with what staff saw.
            kept = tuple(name for name in known.own if name != "other_unsecured_balance")
            whole |= {"other_unsecured_balance": None, "own": kept}
    total_alone = "monthly_essential_spend" in news and not total
    return _without_contradiction(Circumstances.model_validate(whole), total_alone)


def _without_contradiction(told: Circumstances, total_alone: bool) -> Circumstances:
    """The figures, with a total and categories that fit together; `total_alone`: of these, only the total is news."""
    total, by_category, complete = told.monthly_essential_spend, spending_by_category(told), statement_is_complete(told)
    contradicts = total != by_category if complete else total is not None and total < by_category
    if not contradicts:
        return told
    if total_alone:
        return told.model_copy(update=dict.fromkeys(BY_CATEGORY))
    return told.model_copy(update={"monthly_essential_spend": by_category if complete else None})
