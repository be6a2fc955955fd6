"""Affordability: from income and spending to what can be paid a month, at either end of what is not known.

The steps of a standard financial statement: income, fixed costs (priority debts among them), flexible costs up to their
guidelines, never less than the protected floor; then a reserve, this debt's share, and the part of it that the policy
takes, rounded down. Amounts are minor units a month. What is not known is reckoned with at both ends of the policy's
band and never as nothing: `most` is the cautious end, `least` the generous one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar, get_args

from accord.case import AssessmentLine, Circumstances
from accord.policy import Flexible, Household, RulesOfTheDay

End = Literal["least", "most"]
# Every step that an assessment may log. Each has a sentence in texts/explain.yaml.
Step = Literal[
    "income", "income_on_record", "income_counted",
    "dependants_assumed", "protected_floor",
    "fixed_costs", "fixed_costs_assumed", "priority_debts",
    "food_housekeeping", "communications_leisure", "personal", "other_flexible",
    "essential_spend", "other_debt_payments",
    "surplus", "contingency", "disposable_income",
    "other_unsecured_balance", "share_of_this_debt", "affordable_share",
    "paid_monthly", "estimate_from_history", "proposed_monthly",
    "affordable_monthly", "affordable_most", "stressed_monthly",
    "savings", "savings_available", "hardship_months",
    "months_observed", "months_with_payment", "own_figures_told", "came_to_the_pages", "plan_before_kept",
]  # fmt: skip

# The fixed costs that a whole statement names, as people are asked for them; arrears may also be told by their kind.
FIXED = (
    "HOUSING", "UTILITIES", "CARE_AND_HEALTH", "TRANSPORT", "SCHOOL", "INSURANCE_AND_PENSION", "TAX",
    "CHILD_SUPPORT", "SECURED_DEBT", "PRIORITY_ARREARS",
)  # fmt: skip
# Fixed costs that come before any card: who does not pay them loses the home, the power, or the children's keep.
PRIORITY_DEBTS = frozenset(
    {"RENT_ARREARS", "UTILITY_ARREARS", "TAX_ARREARS", "PRIORITY_ARREARS", "CHILD_SUPPORT", "SECURED_DEBT"}
)
FLEXIBLE: tuple[Flexible, ...] = get_args(Flexible)

_FLOOR, _GUIDELINES = "assessment.protected_floor", "assessment.guidelines"
_FIXED_UNKNOWN = "assessment.fixed_costs_when_unknown"
_SPEND_UNKNOWN = "assessment.essential_percent_when_unknown"
_DEBTS_UNKNOWN = "assessment.other_debts_percent_when_unknown"
_Row = TypeVar("_Row")


class Log(list[AssessmentLine]):
    """The steps of a calculation, in their order."""

    def add(self, step: Step, amount: int, rule: str | None = None, by: str | None = None) -> None:
        """One more step; `rule` is the policy key that set the amount, `by` who told it."""
        self.append(AssessmentLine(name=step, amount=amount, rule=rule, by=by))


@dataclass(frozen=True)
class Month:
    """One month, reckoned at one end."""

    counted: int  # the income, as far as it counts
    essential: int
    others: int  # payments on other debts; they come off before this debt's share where no balance shares
    disposable: int  # what is left, never below nothing
    share: int  # this debt's share of it
    affordable: int  # the part of the share that the policy takes, rounded down


def reckon(told: Circumstances, income: int, owed: int, end: End, rules: RulesOfTheDay, log: Log) -> Month:
    """The month of somebody with that income who owes `owed` on this card, each step in the log."""
    log.add("income", income, by=told.told_by)
    counted = _counted(told, income, rules["assessment.income_counted_percent"], log)
    log.add("income_counted", counted, "assessment.income_counted_percent")
    essential = essential_spend(told, counted, end, rules, log)
    others = _other_debts(told, counted, end, rules, log)
    return _lesser(told, owed, counted, essential, others, rules, log)


def _counted(told: Circumstances, income: int, percent: Mapping[str, int], log: Log) -> int:
    """What of an income counts, by who told it. Of what the customer states, what is on record as well counts as that:
    nobody has less because they say a little more than billing knows.
    """
    counted = income * percent[told.told_by] // 100
    seen, by = told.on_papers.get("monthly_income"), "STAFF"
    if seen is None:
        seen, by = told.income_on_record, "BILLING"
    if told.told_by == "CUSTOMER" and seen is not None:
        on_record = min(income, seen)
        log.add("income_on_record", on_record, by=by)
        counted = max(counted, on_record * percent[by] // 100)
    return counted


def with_less_income(month: Month, told: Circumstances, owed: int, percent: int, rules: RulesOfTheDay) -> Month:
    """The same month with so much less income. What goes out stays, also where it was assumed from the income."""
    counted = month.counted * (100 - percent) // 100
    return _lesser(told, owed, counted, month.essential, month.others, rules, Log())


def essential_spend(told: Circumstances, counted: int, end: End, rules: RulesOfTheDay, log: Log) -> int:
    """What has to be spent on living. The floor protects what is flexible: fixed costs come on top of it, as told."""
    persons = household(told, end, rules)
    if told.dependants is None:
        log.add("dependants_assumed", persons - 1, "assessment.dependants_when_unknown")
    floor = protected_floor(told, persons, rules)
    log.add("protected_floor", floor, _FLOOR)

    fixed, flexible = _statement(told, persons, rules, log)
    untold = _fixed_untold(told, persons, end, rules)
    fixed += untold
    capped = fixed + flexible < untold + spending_by_category(told)
    spend, rule = fixed + flexible, _FIXED_UNKNOWN if untold else _GUIDELINES if capped else None
    by = told.teller("flexible_costs" if told.fixed_costs is None else "fixed_costs")
    if not statement_is_complete(told) or told.teller("monthly_essential_spend") == "STAFF":
        # What is known only in total, was seen on papers, or is not known at all; a part that was told by category
        # counts in full.
        total, teller = told.monthly_essential_spend, told.teller("monthly_essential_spend")
        assumed = _assumed_percent(told, end, rules) * counted // 100
        if total is None and assumed > spend:
            spend, rule = assumed, _SPEND_UNKNOWN
        if total is None:  # put aside, because a part is above it: the whole is no less than that
            total, teller = told.on_papers.get("monthly_essential_spend"), "STAFF"
        if total is None:
            total, teller = told.spend_on_record, "BILLING"
        if total is not None and total > spend:
            spend, rule, by = total, None, teller
    total = told.monthly_essential_spend
    as_seen = _fixed_are_told(told) or told.teller("monthly_essential_spend") == "STAFF"
    if total is not None and end == "most" and not as_seen:
        # How much of the sum is rent nobody knows; the floor stands beside what it would be by assumption.
        within = max(fixed, min(total, fixed_costs_assumed(told, persons, rules)))
        fixed, untold = within, within - fixed
    # A customer may not bargain away food, whatever the rent is.
    if fixed + floor > spend:
        spend, rule = fixed + floor, _FLOOR
    if untold and rule in (_FIXED_UNKNOWN, _FLOOR):
        log.add("fixed_costs_assumed", untold, _FIXED_UNKNOWN)
    log.add("essential_spend", spend, rule, by=None if rule else by)
    return spend


def _fixed_untold(told: Circumstances, persons: int, end: End, rules: RulesOfTheDay) -> int:
    """What is assumed, with caution, for the fixed costs that were not told: a rent alone is not all of them."""
    is_known = told.monthly_essential_spend is not None or _fixed_are_told(told)
    return 0 if is_known or end == "least" else fixed_costs_assumed(told, persons, rules)


def _fixed_are_told(told: Circumstances) -> bool:
    return set(FIXED) <= set(told.fixed_costs or ())


def fixed_costs_assumed(told: Circumstances, persons: int, rules: RulesOfTheDay) -> int:
    """What is assumed, with caution, for the fixed costs of a household of which nothing is known."""
    row: Household = _of_region(rules[_FIXED_UNKNOWN], told.region)
    return row.of(persons)


def spending_is_known(told: Circumstances) -> bool:
    """Whether nothing has to be assumed about the spending: its total is known, or every category."""
    return told.monthly_essential_spend is not None or statement_is_complete(told)


def statement_is_complete(told: Circumstances) -> bool:
    """Whether every fixed and every flexible category was told. A category that was left out is not known."""
    return _fixed_are_told(told) and set(FLEXIBLE) <= set(told.flexible_costs or ())


def spending_told(told: Circumstances) -> int | None:
    """The spending as it was told, before guidelines and floor; None where it is not known as a whole."""
    return spending_by_category(told) if statement_is_complete(told) else told.monthly_essential_spend


def spending_by_category(told: Circumstances) -> int:
    """What the categories that were told come to, before guidelines and floor."""
    return sum((told.fixed_costs or {}).values()) + sum((told.flexible_costs or {}).values())


def household(told: Circumstances, end: End, rules: RulesOfTheDay) -> int:
    """How many persons live on the income, the customer among them."""
    dependants = told.dependants
    if dependants is None:
        dependants = getattr(rules["assessment.dependants_when_unknown"], end)
    return 1 + int(dependants)


def protected_floor(told: Circumstances, persons: int, rules: RulesOfTheDay) -> int:
    """What the household needs to live in its region, whatever it owes."""
    row: Household = _of_region(rules[_FLOOR], told.region)
    return row.of(persons)


def guideline(told: Circumstances, category: str, persons: int, rules: RulesOfTheDay) -> int | None:
    """Up to what a flexible category needs no explanation; None where the policy has no guideline for it."""
    rows: Mapping[str, Household] = _of_region(rules[_GUIDELINES], told.region)
    return rows[category].of(persons) if category in rows else None


def round_down(amount: int, rules: RulesOfTheDay) -> int:
    """What a person pays a month is rounded down, in their favour."""
    step: int = rules["assessment.rounding_step"]
    return amount // step * step


def _of_region(regions: Mapping[str, _Row], region: str | None) -> _Row:
    return regions[region] if region in regions and region is not None else regions["DEFAULT"]


def _statement(told: Circumstances, persons: int, rules: RulesOfTheDay, log: Log) -> tuple[int, int]:
    """What was told by category: the fixed costs, and of the flexible ones what is accepted."""
    fixed = sum((told.fixed_costs or {}).values())
    if told.fixed_costs is not None:
        log.add("fixed_costs", fixed)
        if priority := PRIORITY_DEBTS & set(told.fixed_costs):
            log.add("priority_debts", sum(told.fixed_costs[category] for category in priority))
    flexible, without_guideline = 0, 0
    spent_on = told.flexible_costs or {}
    for category in FLEXIBLE:
        if category not in spent_on:
            continue
        spent, limit = spent_on[category], guideline(told, category, persons, rules)
        # Without a guideline nothing says that it is too much: it counts as told, and a person looks at it.
        capped = limit is not None and spent > limit
        accepted = limit if limit is not None and capped else spent
        log.add(category, accepted, _GUIDELINES if capped else None)
        flexible += accepted
    unheard_of = set(spent_on) - set(FLEXIBLE)
    if unheard_of:
        without_guideline = sum(spent_on[category] for category in unheard_of)
        log.add("other_flexible", without_guideline)
    return fixed, flexible + without_guideline


def _assumed_percent(told: Circumstances, end: End, rules: RulesOfTheDay) -> int:
    """The share of income that is assumed for spending, in per cent; none where the spending is known."""
    return 0 if spending_is_known(told) else int(getattr(rules[_SPEND_UNKNOWN], end))


def _other_debts(told: Circumstances, counted: int, end: End, rules: RulesOfTheDay, log: Log) -> int:
    """What goes to other creditors a month, where their balance does not say what their share is."""
    if told.other_debt_payments is not None:
        return told.other_debt_payments
    if told.other_unsecured_balance is not None:
        return 0
    # Where the spending is assumed too, both shares are taken of the income in one go: two roundings could make
    # the payment fall by a step when the income rises by a cent.
    before = _assumed_percent(told, end, rules)
    both: int = before + getattr(rules[_DEBTS_UNKNOWN], end)
    return counted * both // 100 - counted * before // 100


def _lesser(
    told: Circumstances, owed: int, counted: int, essential: int, others: int, rules: RulesOfTheDay, log: Log
) -> Month:
    """What is left by the balance of other debts, or by what is paid on them a month.

    Everybody who is owed something has a share of what is left, by balance. The payments on the other debts are what
    those creditors' shares are for: taking them off as well would count them twice. Where staff saw such payments, and
    the customer told the balance, that counts which leaves less.
    """
    name = "other_debt_payments"
    seen = told.other_debt_payments is not None and (told.teller(name) == "STAFF" or name in told.on_papers)
    by_balance = told.other_unsecured_balance is not None
    months = [
        (_left(told, owed, counted, essential, others, shares, rules, steps := Log()), steps)
        for shares in (True, False)
        if (by_balance if shares else seen or not by_balance)
    ]
    month, steps = min(months, key=lambda found: found[0].share)
    log.extend(steps)
    return month


def _left(
    told: Circumstances, owed: int, counted: int, essential: int, others: int, shares: bool, rules: RulesOfTheDay,
    log: Log,
) -> Month:  # fmt: skip
    """What is left when all that comes first is paid, and what of it can go to this debt; `shares`: by balance."""
    surplus = counted - essential
    if not shares:
        rule = _DEBTS_UNKNOWN if told.other_debt_payments is None else None
        log.add("other_debt_payments", others, rule, by=None if rule else told.teller("other_debt_payments"))
        surplus -= others
    log.add("surplus", surplus)
    reserve = min(max(surplus, 0) * rules["assessment.contingency_percent"] // 100, rules["assessment.contingency_cap"])
    log.add("contingency", reserve, "assessment.contingency_percent")
    disposable: int = max(0, surplus - reserve)
    log.add("disposable_income", disposable)
    share, elsewhere = disposable, told.other_unsecured_balance
    if shares and elsewhere is not None:
        log.add("other_unsecured_balance", elsewhere, by=told.teller("other_unsecured_balance"))
        if owed + elsewhere > 0:
            share = disposable * owed // (owed + elsewhere)
        log.add("share_of_this_debt", share)
    part = share * rules["assessment.affordability_percent"] // 100
    log.add("affordable_share", part, "assessment.affordability_percent")
    return Month(counted, essential, others, disposable, share, round_down(part, rules))
