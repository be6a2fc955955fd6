"""The person's means with a newer word, told by somebody or on record: whose each is, and what stays beside it."""

from collections.abc import Collection, Mapping
from typing import Any, Literal

from accord.affordability import spending_by_category, statement_is_complete
from accord.case import ON_RECORD, Circumstances

BY_CATEGORY = frozenset({"fixed_costs", "flexible_costs"})
# What billing may tell of the person's means, and may leave out.
OF_BILLING = ("monthly_income", "monthly_essential_spend", "other_debt_payments", "dependants", "hardship")


def with_word(
    known: Circumstances, figures: Mapping[str, Any], news: Collection[str], by: Literal["CUSTOMER", "STAFF"]
) -> Circumstances:
    """The means with `figures`, of which `news` are told by the customer, or by staff who saw papers.

    The record is kept beside an income or a cost that is told otherwise. To the customer's word what staff saw before
    is a record too. Papers go before the customer's word and take nothing from it: that they told it stays true.

    The total of the spending and its categories contradict each other where the categories come to more, or where all
    of them are known and come to something else. A new total alone then puts the categories aside: it is the newer
    word. Otherwise the categories win: the total is their sum where all are known, and is not known any more where a
    part of them is already above it, because what is left out is never nothing. Who tells categories tells of the
    total only where they contradict it: else it stays whose it was.
    """
    whole = Circumstances.model_validate(known.model_dump() | dict(figures))
    total_alone = "monthly_essential_spend" in news and BY_CATEGORY.isdisjoint(news)
    fitting = _without_contradiction(whole, total_alone)
    told = {*news}
    if fitting.monthly_essential_spend != known.monthly_essential_spend:
        told.add("monthly_essential_spend")
    after: dict[str, Any] = {
        record: getattr(known, name)
        for name, record in ON_RECORD.items()
        if name in told and known.teller(name) not in ("CUSTOMER", by)
    }
    if "monthly_income" in told:
        after["told_by"] = by
    if by == "CUSTOMER":
        seen_before = {name for name in told & ON_RECORD.keys() if known.teller(name) == "STAFF"}
        after["own"] = tuple(sorted({*known.own, *told}))
        after["seen"] = tuple(sorted({*known.seen} - told))
        after["papers"] = tuple(sorted({*known.papers} | seen_before))
    else:
        after["seen"] = tuple(sorted({*known.seen, *told}))
        after["papers"] = tuple(sorted({*known.papers} - told))
        if "other_debt_payments" in told and known.teller("other_unsecured_balance") == "CUSTOMER":
            # A balance goes before the payments: nobody would reckon with what staff saw.
            kept = tuple(name for name in known.own if name != "other_unsecured_balance")
            after |= {"other_unsecured_balance": None, "own": kept}
    return fitting.model_copy(update=after)


def with_record(own: Circumstances, told: Circumstances) -> Circumstances:
    """The person's means with what billing told of them. What the customer told, or staff saw, goes before; the record
    of an income or a cost is kept beside it. What billing leaves out stays.
    """
    said = {name: value for name in OF_BILLING if (value := getattr(told, name)) is not None}
    theirs = {*own.own, *own.seen}
    beside = (theirs & ON_RECORD.keys()) - {*own.papers}  # what staff saw is the better record
    after: dict[str, Any] = {name: value for name, value in said.items() if name not in theirs}
    after |= {ON_RECORD[name]: value for name, value in said.items() if name in beside}
    if after.get("hardship", own.hardship) != own.hardship:
        # How long another hardship was to last says nothing of this one.
        after |= {"hardship_months": None, "own": tuple(name for name in own.own if name != "hardship_months")}
    known = own.model_copy(update=after)
    fitting = _without_contradiction(known, total_alone=False)
    if "monthly_essential_spend" not in after or fitting == known:
        return known
    # The categories that the customer told contradict the newer total: that is their word against the record.
    theirs_too = tuple(sorted({*known.own, "monthly_essential_spend"}))
    return fitting.model_copy(update={"own": theirs_too, "spend_on_record": known.monthly_essential_spend})


def as_billing_has_it(known: Circumstances) -> Circumstances:
    """The means with what is on record in place of what somebody else told."""
    others = {name for name in ON_RECORD if known.teller(name) != "BILLING"} - {*known.papers}
    kept = {name: getattr(known, ON_RECORD[name]) for name in others}
    return known.model_copy(update=kept)


def _without_contradiction(told: Circumstances, total_alone: bool) -> Circumstances:
    """The figures, with a total and categories that fit together; `total_alone`: of these, only the total is news."""
    total, by_category, complete = told.monthly_essential_spend, spending_by_category(told), statement_is_complete(told)
    contradicts = total != by_category if complete else total is not None and total < by_category
    if not contradicts:
        return told
    if total_alone:
        return told.model_copy(update=dict.fromkeys(BY_CATEGORY))
    return told.model_copy(update={"monthly_essential_spend": by_category if complete else None})
