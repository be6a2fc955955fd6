"""Assessment: what a person can really pay a month, step by step, and the two preconditions of an Art. 70 plan.

A deterministic calculation on the person's means; every step is logged with the rule that set it. What is not known
stays unknown: it is estimated with caution, asked for, and lowers the confidence. It never counts as nothing.
"""

from datetime import date

from accord.case import Assessment, AssessmentLine, Case, Change, Circumstances, HistoryMonth, Status
from accord.events import Actor, CaseAssessed
from accord.policy import Policy, RulesOfTheDay

_STEP = Actor(kind="SYSTEM", id="assess")
# An average of fewer months than this keeps its best month: there is too little to tell the exception from the rule.
_MONTHS_FOR_A_PATTERN = 3


def assess(case: Case, policy: Policy, today: date) -> Change:
    """Assess the case with all that is known, and take up a counter-offer or new circumstances. Outcome: ASSESSED."""
    rules = policy.on(today)
    decision = case.decision
    proposed = decision.amount if decision is not None and decision.kind == "COUNTER" else case.proposed_monthly
    assessment = _assessment(case, proposed, rules)
    assessed = CaseAssessed(
        **assessment.model_dump(include=set(CaseAssessed.model_fields)), policy_version=policy.version
    )
    after = case.moved(Status.ASSESSED, assessment=assessment, proposed_monthly=proposed, decision=None)
    return Change(after, (assessed,), _STEP, {"outcome": "ASSESSED"})


def _assessment(case: Case, proposed: int | None, rules: RulesOfTheDay) -> Assessment:
    told = case.circumstances
    lines = _Lines()
    disposable = None
    if told.monthly_income is None:
        free_to_pay = _from_history(case.account.history, proposed, lines, rules)
    else:
        estimated = _disposable(told, told.monthly_income, lines, rules)
        disposable = estimated if told.monthly_essential_spend is not None else None
        free_to_pay = estimated * rules["assessment.affordability_percent"] // 100
        lines.add("affordable_share", free_to_pay, "assessment.affordability_percent")
    step = rules["assessment.rounding_step"]
    affordable = free_to_pay // step * step
    lines.add("affordable_monthly", affordable, "assessment.rounding_step")
    return Assessment(
        affordable_monthly=affordable,
        disposable_income=disposable,
        confidence=_confidence(told),
        # Art. 70, first precondition: what is free in one billing cycle does not clear the debt.
        exceeds_ability=case.account.balance.total > (affordable if disposable is None else disposable),
        willing=_willing(case, proposed, rules),
        questions=_questions(told),
        lines=tuple(lines),
        rules=rules.used,
    )


class _Lines(list[AssessmentLine]):
    """The log of the calculation."""

    def add(self, name: str, amount: int, rule: str | None = None) -> None:
        self.append(AssessmentLine(name=name, amount=amount, rule=rule))


def _disposable(told: Circumstances, income: int, lines: _Lines, rules: RulesOfTheDay) -> int:
    """Income less essential spending, other debts and a reserve: what is left of a month, never below nothing."""
    lines.add("income", income)
    counted = income * rules["assessment.income_counted_percent"][told.told_by] // 100
    lines.add("income_counted", counted, "assessment.income_counted_percent")

    dependants = told.dependants
    if dependants is None:
        dependants = rules["assessment.dependants_when_unknown"].most
        lines.add("dependants_assumed", dependants, "assessment.dependants_when_unknown")
    floor = rules["assessment.protected_floor"]["DEFAULT"].of(1 + dependants)
    lines.add("protected_floor", floor, "assessment.protected_floor")
    if told.monthly_essential_spend is not None:
        spend, spend_rule = told.monthly_essential_spend, None
    else:
        spend_rule = "assessment.essential_percent_when_unknown"
        spend = counted * rules[spend_rule].most // 100
    # A customer may not bargain away food: below the floor the floor counts.
    if floor > spend:
        spend, spend_rule = floor, "assessment.protected_floor"
    lines.add("essential_spend", spend, spend_rule)

    others, others_rule = told.other_debt_payments, None
    if others is None:
        others_rule = "assessment.other_debts_percent_when_unknown"
        others = counted * rules[others_rule].most // 100
    lines.add("other_debt_payments", others, others_rule)

    surplus = counted - spend - others
    lines.add("surplus", surplus)
    reserve = min(max(surplus, 0) * rules["assessment.contingency_percent"] // 100, rules["assessment.contingency_cap"])
    lines.add("contingency", reserve, "assessment.contingency_percent")
    disposable: int = max(0, surplus - reserve)
    lines.add("disposable_income", disposable)
    return disposable


def _from_history(history: tuple[HistoryMonth, ...], proposed: int | None, lines: _Lines, rules: RulesOfTheDay) -> int:
    """A cautious estimate while income is unknown: part of what was really paid a month, without the best month.

    Where the person named a higher amount, their own word counts; the offers then wait for a person's look.
    """
    paid = sorted(month.paid for month in history)
    usual = paid[:-1] if len(paid) >= _MONTHS_FOR_A_PATTERN else paid
    average = sum(usual) // len(usual) if usual else 0
    lines.add("paid_monthly", average)
    estimate: int = average * rules["assessment.history_percent"] // 100
    lines.add("estimate_from_history", estimate, "assessment.history_percent")
    if proposed is None or proposed <= estimate:
        return estimate
    lines.add("proposed_monthly", proposed)
    return proposed


def _questions(told: Circumstances) -> tuple[str, ...]:
    """What to ask the customer."""
    asked = {
        "INCOME": told.monthly_income,
        "ESSENTIAL_SPEND": told.monthly_essential_spend,
        "OTHER_DEBTS": told.other_debt_payments,
        "DEPENDANTS": told.dependants,
    }
    return tuple(question for question, known in asked.items() if known is None)


def _confidence(told: Circumstances) -> str:
    """HIGH when all is known from records or seen by staff, LOW when income or spending is unknown, else MEDIUM."""
    unknown = _questions(told)
    if "INCOME" in unknown or "ESSENTIAL_SPEND" in unknown:
        return "LOW"
    return "MEDIUM" if unknown or told.told_by == "CUSTOMER" else "HIGH"


def _willing(case: Case, proposed: int | None, rules: RulesOfTheDay) -> bool:
    """Art. 70, second precondition, from behaviour towards this debt alone: a recent payment, or own figures told."""
    recent = case.account.history[: rules["assessment.willing_within_months"]]
    return proposed is not None or case.circumstances.told_by == "CUSTOMER" or any(month.paid > 0 for month in recent)
