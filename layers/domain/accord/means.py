"""The person's means with a newer word, told by somebody or on record: whose each is, and what stays beside it.

Three may tell a figure: billing has it on record, the customer tells it, or staff saw it on papers. The newest word of
the customer or of staff is reckoned with; billing's stands beside it, and so does what staff saw before the customer
told another.
"""

from collections.abc import Collection, Mapping
from typing import Any, Literal

from accord.affordability import spending_by_category, statement_is_complete
from accord.case import ON_RECORD, Circumstances

BY_CATEGORY = frozenset({"fixed_costs", "flexible_costs"})
# What billing may tell of the person's means, and may leave out.
OF_BILLING = ("monthly_income", "monthly_essential_spend", "other_debt_payments", "dependants", "hardship")
# What staff may see on papers.
ON_PAPERS = ("monthly_income", "monthly_essential_spend", "other_debt_payments", "savings")
_TOTAL = "monthly_essential_spend"


def with_word(
    known: Circumstances, figures: Mapping[str, Any], news: Collection[str], by: Literal["CUSTOMER", "STAFF"]
) -> Circumstances:
    """The means with `figures`, of which `news` are told by the customer, or by staff who saw papers.

    The total of the spending and its categories contradict each other where the categories come to more, or where all
    of them are known and come to something else. A new total alone then puts the categories aside: it is the newer
    word. The fixed costs stay where the new total has room for them, because the floor stands beside them. Otherwise
    the categories win: the total is their sum where all are known, and where a part of them is already above it, it is
    put aside until something fits again, because what is left out is never nothing. Who tells categories tells of the
    total only where they contradict it: else it stays whose it was.
    """
    told = frozenset(news)
    after: dict[str, Any] = {}
    for name in told:
        after |= _set_aside(known.model_copy(update=after), name, by)
    if "monthly_income" in told:
        after["told_by"] = by
    if by == "CUSTOMER":
        after["own"] = tuple(sorted({*known.own, *told}))
        after["seen"] = tuple(sorted({*known.seen} - told))
    else:
        after["seen"] = tuple(sorted({*known.seen, *told}))
    since = {*known.told_since} - told
    if "hardship" in told:
        since.discard("hardship_on_record")  # whatever billing told of it is older now
    if "monthly_income" in told:
        since.discard("hardship")
    elif "hardship" in told and known.told_by != "BILLING" and figures["hardship"] != known.hardship:
        since.add("hardship")  # the income was told, or seen, before it
    after["told_since"] = tuple(sorted(since))
    whole = Circumstances.model_validate(known.model_dump() | dict(figures) | after)
    if _TOTAL in told and BY_CATEGORY.isdisjoint(told):
        return _by_total(whole)
    return _by_parts(whole)


def with_record(known: Circumstances, told: Circumstances) -> Circumstances:
    """The person's means with what billing told of them. What the customer told, or staff saw, goes before; the record
    is kept beside it. What billing leaves out stays.
    """
    after: dict[str, Any] = {}
    since = {*known.told_since}
    for name in OF_BILLING:
        value = getattr(told, name)
        if value is None:
            continue
        if known.teller(name) == "BILLING":
            after[name] = value
            continue
        is_news = getattr(known, ON_RECORD[name]) != value
        if is_news and name == "hardship":
            since.add("hardship_on_record")
        elif is_news and (known.teller(name) == "STAFF" or name in known.on_papers):
            since.add(name)
        after[ON_RECORD[name]] = value
    if "hardship" in after and after["hardship"] != known.hardship:
        after["hardship_months"] = None  # how long another hardship was to last says nothing of this one
        if known.told_by != "BILLING":
            since.add("hardship")  # the income was told, or seen, before it
    if after.get("hardship_on_record") == known.hardship:
        since.discard("hardship_on_record")  # nobody says anything else
    return _by_parts(known.model_copy(update=after | {"told_since": tuple(sorted(since))}))


def as_billing_has_it(known: Circumstances) -> Circumstances:
    """The means with what is on record in place of what somebody else told."""
    others = (name for name in ON_RECORD if known.teller(name) != "BILLING")
    return known.model_copy(update={name: getattr(known, ON_RECORD[name]) for name in others})


def _set_aside(known: Circumstances, name: str, by: Literal["CUSTOMER", "STAFF"]) -> dict[str, Any]:
    """What stays of a figure beside another word of it."""
    before, value = known.teller(name), getattr(known, name)
    if before == "BILLING" and name in ON_RECORD:
        return {ON_RECORD[name]: value}
    papers = {paper: seen for paper, seen in known.on_papers.items() if paper != name}
    if by == "STAFF":
        return {"on_papers": papers}
    if before == "STAFF" and name in ON_PAPERS:
        return {"on_papers": papers | {name: value}}
    return {}


def _by_total(told: Circumstances) -> Circumstances:
    """The figures with a new total of the spending, which categories that do not fit yield to."""
    if _fits(told, told.monthly_essential_spend):
        return told
    fixed = told.fixed_costs
    if fixed is not None and sum(fixed.values()) > (told.monthly_essential_spend or 0):
        fixed = None
    return told.model_copy(update={"fixed_costs": fixed, "flexible_costs": None})


def _by_parts(told: Circumstances) -> Circumstances:
    """The figures with a total that fits the categories: as it was told, else as it was on papers or on record, else
    their sum where all of them are known, else none.
    """
    if told.monthly_essential_spend is not None and not _fits(told, told.monthly_essential_spend):
        aside = _set_aside(told, _TOTAL, "CUSTOMER")
        theirs = {"own": tuple(sorted({*told.own, _TOTAL})), "seen": tuple(n for n in told.seen if n != _TOTAL)}
        told = told.model_copy(update={_TOTAL: None} | aside | theirs)
    if told.monthly_essential_spend is not None:
        return told
    seen, record = told.on_papers.get(_TOTAL), told.spend_on_record
    not_theirs = {"own": tuple(name for name in told.own if name != _TOTAL)}
    if seen is not None and _fits(told, seen):
        papers = {paper: figure for paper, figure in told.on_papers.items() if paper != _TOTAL}
        again = {_TOTAL: seen, "on_papers": papers, "seen": tuple(sorted({*told.seen, _TOTAL}))}
        return told.model_copy(update=not_theirs | again)
    if seen is None and record is not None and _fits(told, record):
        return told.model_copy(update=not_theirs | {_TOTAL: record, "spend_on_record": None})
    if statement_is_complete(told):
        own = tuple(sorted({*told.own, _TOTAL}))
        return told.model_copy(update={_TOTAL: spending_by_category(told), "own": own})
    return told


def _fits(told: Circumstances, total: int | None) -> bool:
    parts = spending_by_category(told)
    return total == parts if statement_is_complete(told) else total is None or total >= parts
