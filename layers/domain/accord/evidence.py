"""Evidence: which papers the amount and the hardship ask for, and which figures a person has to look at first."""

from collections.abc import Mapping
from datetime import date
from itertools import pairwise

from accord.affordability import (
    FLEXIBLE,
    fixed_costs_assumed,
    guideline,
    household,
    protected_floor,
    spending_by_category,
    spending_told,
    statement_is_complete,
)
from accord.case import ON_RECORD, Account, Case, Circumstances, HistoryMonth
from accord.policy import Doubts, RulesOfTheDay
from accord.willingness import usual_payment

# Lateness is counted from the due date, from the end of the grace period or by statements: about a month lies between.
_DAYS_COUNTED_APART = 31
_DAYS_A_MONTH = 30
_TOTAL = "monthly_essential_spend"
_MONTHS_COUNTED_ON = 6  # some billing systems count no further: their last number stands for all that are more


def papers(case: Case, rules: RulesOfTheDay) -> tuple[str, ...]:
    """The papers that the person has to show, by what is owed and by the hardship that was told, or is on record where
    the customer told another; each once, sorted.
    """
    owed = case.account.balance.total
    hardships = {case.circumstances.hardship, case.circumstances.hardship_on_record} - {None}
    asked = (
        rule.papers
        for rule in rules["assessment.evidence"]
        if owed >= rule.owed_from and (not rule.hardships or not hardships.isdisjoint(rule.hardships))
    )
    return tuple(sorted({paper for needed in asked for paper in needed}))


def doubts(case: Case, rules: RulesOfTheDay) -> tuple[str, ...]:
    """Why a person has to look at the figures: they contradict each other or are too good, as they were told.

    Only known figures can be doubted. Where the household is not known, it is the one that makes the least of a doubt.
    """
    limits: Doubts = rules["assessment.doubts"]
    told = case.circumstances
    income, spend = told.monthly_income, spending_told(told)
    found = []
    if income is not None and spend is not None:
        if spend > income:
            found.append("SPEND_ABOVE_INCOME")
        surplus = _surplus_told(told, income, spend, case.account.balance.total)
        if surplus is not None and surplus * 100 > income * limits.surplus_above_percent:
            found.append("SURPLUS_TOO_HIGH")
    if income is not None:
        paid, limit = usual_payment(case.account.history), case.account.credit_limit
        if paid * 100 > income * limits.paid_above_income_percent:
            found.append("PAID_ABOVE_INCOME")
        # An account without a limit says nothing about the income.
        if limit and income * 100 > limit * limits.income_above_limit_percent:
            found.append("INCOME_ABOVE_LIMIT")
        # On record from before the job or the business was lost, most likely.
        is_gone = told.hardship in limits.income_gone_hardships
        before = told.told_by == "BILLING" or "hardship" in told.told_since
        if income and before and is_gone:
            found.append("INCOME_BEFORE_HARDSHIP")
        if _is_unlike(told, "monthly_income", income, limits, lower_is_explained=is_gone):
            found.append("INCOME_UNLIKE_RECORD")
    # Where a part contradicts the total there is no total: then the parts were stated.
    stated = spending_by_category(told) if spend is None else spend
    put_aside = spend is None and any(stated > other for other, *_ in _other_words(told, _TOTAL, limits))
    if put_aside or _is_unlike(told, _TOTAL, stated, limits):
        found.append("SPEND_UNLIKE_RECORD")
    if told.teller("dependants") == "CUSTOMER" and told.dependants_on_record not in (None, told.dependants):
        found.append("DEPENDANTS_UNLIKE_RECORD")
    denied = {told.hardship_on_record}.intersection(limits.income_gone_hardships) - {told.hardship}
    if denied or "hardship_on_record" in told.told_since:
        found.append("HARDSHIP_UNLIKE_RECORD")
    savings, savings_seen = told.savings or 0, told.on_papers.get("savings", 0)
    if savings < savings_seen and _are_far_apart(savings, savings_seen, limits.unlike_papers_percent):
        found.append("SAVINGS_BELOW_PAPERS")
    if spend is not None:
        floor = protected_floor(told, household(told, "least", rules), rules)
        living = sum((told.flexible_costs or {}).values()) if statement_is_complete(told) else spend
        if living * 100 < floor * limits.spend_below_floor_percent:
            found.append("SPEND_BELOW_FLOOR")
    if _is_above_guideline(told, rules, limits):
        found.append("ABOVE_GUIDELINE")
    if _debts_are_unlike_record(told, income, spend, case.account.balance.total, limits):
        found.append("DEBTS_UNLIKE_RECORD")
    # Nobody pays more a month than they owe.
    if told.other_unsecured_balance is not None and told.other_unsecured_balance < (told.other_debt_payments or 0):
        found.append("PAYMENTS_WITHOUT_DEBT")
    if _dates_contradict(case.account):
        found.append("DATES_CONTRADICT")
    # They may keep them; whether the debt exceeds what they can pay is then for a person to say.
    if (told.savings or 0) >= case.account.balance.total > 0:
        found.append("SAVINGS_ABOVE_DEBT")
    return tuple(sorted(found))


DOUBTS = frozenset(
    {
        "SURPLUS_TOO_HIGH",
        "PAID_ABOVE_INCOME",
        "SPEND_BELOW_FLOOR",
        "INCOME_ABOVE_LIMIT",
        "INCOME_BEFORE_HARDSHIP",
        "INCOME_UNLIKE_RECORD",
        "SPEND_UNLIKE_RECORD",
        "DEBTS_UNLIKE_RECORD",
        "DEPENDANTS_UNLIKE_RECORD",
        "HARDSHIP_UNLIKE_RECORD",
        "SAVINGS_BELOW_PAPERS",
        "SPEND_ABOVE_INCOME",
        "ABOVE_GUIDELINE",
        "PAYMENTS_WITHOUT_DEBT",
        "SAVINGS_ABOVE_DEBT",
        "DATES_CONTRADICT",
    }
)

# Doubts by which the person may have more than was reckoned with, and what to ask about where no plan is affordable.
MAY_HIDE_MEANS: Mapping[str, tuple[str, ...]] = {
    "PAID_ABOVE_INCOME": ("INCOME",),
    "INCOME_UNLIKE_RECORD": ("INCOME",),
    "SPEND_ABOVE_INCOME": ("INCOME", "ESSENTIAL_SPEND"),
    "ABOVE_GUIDELINE": ("ESSENTIAL_SPEND",),
    "SAVINGS_ABOVE_DEBT": ("SAVINGS",),
    "SAVINGS_BELOW_PAPERS": ("SAVINGS",),
    "SPEND_UNLIKE_RECORD": ("ESSENTIAL_SPEND",),
    "DEBTS_UNLIKE_RECORD": ("OTHER_DEBTS",),
    "DEPENDANTS_UNLIKE_RECORD": ("DEPENDANTS",),
}


def _dates_contradict(account: Account) -> bool:
    """Whether dates, days past due and statements cannot be true together, so that nobody knows how late it is."""
    due, days_told = account.oldest_unpaid_due_date, account.days_past_due
    if due is not None and due < account.opened_on:
        return True
    if due is not None and abs((account.as_of - due).days - days_told) > _DAYS_COUNTED_APART:
        return True
    if not account.history:
        return False
    opened = f"{account.opened_on:%Y-%m}"
    if any(month.month < opened and (month.billed or month.paid) for month in account.history):
        return True
    if any(_jumps(newer, older) for newer, older in pairwise(account.history)):
        return True
    newest = account.history[0]
    at_least = (newest.months_past_due - 1) * _DAYS_A_MONTH - _DAYS_COUNTED_APART
    if days_told < at_least and account.balance.total >= newest.billed:  # nothing was paid since that explains it
        return True
    since = (account.as_of - date.fromisoformat(f"{newest.month}-01")).days
    at_most = newest.months_past_due * _DAYS_A_MONTH + since + _DAYS_COUNTED_APART
    return newest.months_past_due < _MONTHS_COUNTED_ON and days_told > at_most


def _jumps(newer: HistoryMonth, older: HistoryMonth) -> bool:
    """Whether it got later by more months than went by, and one: a month that was closed late shows with the next."""
    between = _month_number(newer) - _month_number(older)
    return newer.months_past_due > older.months_past_due + between + 1


def _month_number(month: HistoryMonth) -> int:
    return int(month.month[:4]) * 12 + int(month.month[5:])


def _surplus_told(told: Circumstances, income: int, spend: int, owed: int) -> int | None:
    """What the figures leave as they were told; None while nothing is known of other debts.

    Where their balance is known, this debt has its share of what is left, as in the assessment.
    """
    if told.other_unsecured_balance is not None and owed > 0:
        return (income - spend) * owed // (owed + told.other_unsecured_balance)
    if told.other_debt_payments is not None:
        return income - spend - told.other_debt_payments
    return None


def _other_words(told: Circumstances, name: str, limits: Doubts) -> list[tuple[int, int, bool]]:
    """What else was told of a figure, with how far apart in per cent it may be, and whether staff saw it on papers.

    To the customer's word that is what staff saw, else the record; and what billing has told since staff saw it, to
    whoever's word.
    """
    teller, seen, record = told.teller(name), told.on_papers.get(name), getattr(told, ON_RECORD[name])
    words = []
    if teller == "CUSTOMER" and seen is not None:
        words.append((seen, limits.unlike_papers_percent, True))
    since = name in told.told_since or (teller == "CUSTOMER" and seen is None)
    if teller != "BILLING" and since and record is not None:
        words.append((record, limits.income_unlike_record_percent, False))
    return words


def _is_unlike(
    told: Circumstances, name: str, figure: int, limits: Doubts, *, lower_is_explained: bool = False
) -> bool:
    """Whether a figure is quite another than what else was told of it. Less is explained by what happened to the
    person, unless staff saw more after that.
    """
    for other, percent, on_papers in _other_words(told, name, limits):
        explained = lower_is_explained and figure < other and (not on_papers or "hardship" in told.told_since)
        if not explained and _are_far_apart(figure, other, percent):
            return True
    return False


def _are_far_apart(one: int, other: int, percent: int) -> bool:
    """Whether the larger of two amounts is above the smaller by more than so many per cent of it."""
    smaller, larger = sorted((one, other))
    return larger * 100 > smaller * (100 + percent)


def _debts_are_unlike_record(
    told: Circumstances, income: int | None, spend: int | None, owed: int, limits: Doubts
) -> bool:
    """Whether other creditors get quite another sum a month by the customer's word than is on record, or than they get
    now by that very word, where the means would allow it.

    Where their balance is known they get their share of what is left, as in the assessment.
    """
    name, balance = "other_debt_payments", told.other_unsecured_balance
    if balance is None:
        payments = told.other_debt_payments
        return payments is not None and _is_unlike(told, name, payments, limits)
    left = (income or 0) - (spend or 0)
    if told.teller("other_unsecured_balance") != "CUSTOMER" or income is None or left <= 0 or owed <= 0:
        return False
    share, percent = left * balance // (owed + balance), limits.income_unlike_record_percent
    others = [(other, apart) for other, apart, _ in _other_words(told, name, limits)]
    if told.teller(name) != "CUSTOMER" and told.other_debt_payments is not None:
        others.append((told.other_debt_payments, percent))
    # With unknown spending it can only be shown to be too little: it would be even where nothing were spent.
    if any(_are_far_apart(share, other, apart) for other, apart in others if spend is not None or share < other):
        return True
    now = told.other_debt_payments or 0
    return share < now <= left and _are_far_apart(share, now, percent)


def _is_above_guideline(told: Circumstances, rules: RulesOfTheDay, doubts_from: Doubts) -> bool:
    """Whether a flexible category is above what needs no explanation, or has no such guideline at all; or whether a
    total that the customer tells alone is far above all guidelines together, with the fixed costs as told or assumed.
    """
    spent_on = told.flexible_costs or {}
    total = told.monthly_essential_spend if told.teller("monthly_essential_spend") == "CUSTOMER" else None
    if not spent_on and total is None:
        return False
    persons = household(told, "most", rules)
    limits = {name: guideline(told, name, persons, rules) for name in {*spent_on, *FLEXIBLE}}
    if any(spent > (limits[name] or 0) for name, spent in spent_on.items()):
        return True
    if total is None or statement_is_complete(told):
        return False
    fixed = max(sum((told.fixed_costs or {}).values()), fixed_costs_assumed(told, persons, rules))
    explained = fixed + sum(limits[name] or 0 for name in FLEXIBLE)
    return total > explained and _are_far_apart(total, explained, doubts_from.income_unlike_record_percent)
