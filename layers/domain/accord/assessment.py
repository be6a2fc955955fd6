"""Assessment: what a person can really pay a month, step by step, and the two preconditions of an Art. 70 plan.

A deterministic calculation on the person's means; every step is logged with the rule that set it. What is not known
stays unknown: it is asked for, lowers the confidence, and widens the range. It never counts as nothing.
"""

from datetime import date

from accord.affordability import Log, essential_spend, reckon, round_down, spending_is_known, with_less_income
from accord.case import Account, Assessment, Case, Change, Circumstances, Identification, Status
from accord.errors import MoveNotAllowedError
from accord.events import Actor, CaseAssessed, CaseEvent, CaseIdentified
from accord.evidence import doubts, papers
from accord.figures import calls_for_assessment, with_figures
from accord.identification import ending, identified
from accord.policy import Policy, RulesOfTheDay
from accord.search import exceeds_ability
from accord.willingness import net_payment, willingness

_STEP = Actor(kind="SYSTEM", id="assess")
# By these the customer asks on the page for other offers.
_ASKED = ("COUNTER", "INCOME_FORM", "HUMAN_REVIEW")


def assess(case: Case, policy: Policy, today: date) -> Change:
    """Assess the case with all that is known, and take up what the customer decided. Outcome: ASSESSED.

    That may be a counter-offer, new circumstances, or the wish that a person decides (PIPL Art. 24). Where billing told
    newer figures, who the cardholder is to us is found out again first; the case may end there: CURED or EXCLUDED.
    Raises MoveNotAllowedError for a case that is not identified.
    """
    if case.status is Status.OPENED:
        raise MoveNotAllowedError(f"{case.status} to {Status.ASSESSED}: the case is not identified")
    rules = policy.on(today)
    events: tuple[CaseEvent, ...] = ()
    identification = case.identification
    decided = case.decision.kind if case.decision is not None else None
    # Offers that the customer did not ask for are news to them.
    asked_again = decided in _ASKED if decided in _ASKED or calls_for_assessment(case) else case.asked_again
    if case.newer is not None:
        case, identification = with_figures(case, case.newer), None
    if identification is None:
        identification, _ = identified(case, rules, today)
        case = case.model_copy(update={"identification": identification})
        events = (CaseIdentified(**identification.model_dump(), policy_version=policy.version),)
        if end := ending(case, identification, again=True):
            return Change(case.model_copy(update={"decision": None}), events, _STEP, {"outcome": end})
    proposed = case.decision.amount if case.decision is not None and decided == "COUNTER" else case.proposed_monthly
    assessment = _assessment(case, identification, proposed, rules)
    assessed = CaseAssessed(
        **assessment.model_dump(include=set(CaseAssessed.model_fields)), policy_version=policy.version
    )
    after = case.moved(
        Status.ASSESSED,
        assessment=assessment,
        proposed_monthly=proposed,
        human_review=case.human_review or decided == "HUMAN_REVIEW",
        asked_again=asked_again,
        decision=case.decision if case.given_up else None,  # the next step ends the case
        answer_by=None,
    )
    return Change(after, (*events, assessed), _STEP, {"outcome": "ASSESSED"})


def _assessment(case: Case, identification: Identification, proposed: int | None, rules: RulesOfTheDay) -> Assessment:
    told, owed, log, at_best = case.circumstances, case.account.balance.total, Log(), Log()
    known = spending_is_known(told)
    affordable = disposable = most = stressed = essential = None
    if told.monthly_income is None:
        part = _from_history(case.account, proposed, log, rules)
        if part is not None:
            affordable = round_down(part, rules)
        if known:
            essential = essential_spend(told, 0, "most", rules, Log())
    else:
        cautious = reckon(told, told.monthly_income, owed, "most", rules, log)
        affordable, essential = cautious.affordable, cautious.essential
        disposable = cautious.disposable if known else None
        most = reckon(told, told.monthly_income, owed, "least", rules, at_best).affordable
        stressed = with_less_income(cautious, told, owed, rules["assessment.stress_percent"], rules).affordable
    if affordable is not None:
        log.add("affordable_monthly", affordable, "assessment.rounding_step")
    if most is not None and most != affordable:
        log.add("affordable_most", most)
        at_best.add("affordable_most", most, "assessment.rounding_step")
    if stressed is not None:
        log.add("stressed_monthly", stressed, "assessment.stress_percent")
    savings = _savings(told, essential, log, rules)
    hardship_months = _hardship_months(told, log, rules)
    shown = willingness(case, proposed, rules, log)
    assessment = Assessment(
        affordable_monthly=affordable,
        affordable_most=most,
        stressed_monthly=stressed,
        savings_available=savings,
        disposable_income=disposable,
        band=_band(affordable, owed, rules),
        confidence=_confidence(told),
        exceeds_ability=None,
        willing=shown.willing,
        willingness=shown.level,
        hardship=told.hardship,
        hardship_months=hardship_months,
        questions=_questions(told),
        evidence=papers(case, rules),
        doubts=doubts(case, rules),
        lines=tuple(log),
        lines_at_best=() if most == affordable else tuple(at_best),
        rules=rules.used,
    )
    exceeds = None if affordable is None else exceeds_ability(case, identification, assessment, rules)
    if told.monthly_income is None and exceeds:
        exceeds = None  # what was paid says what a person can do at least; that they can do no more, it does not say
    return assessment.model_copy(update={"exceeds_ability": exceeds, "rules": rules.used})


def _from_history(account: Account, proposed: int | None, log: Log, rules: RulesOfTheDay) -> int | None:
    """A cautious estimate while income is unknown: part of what was paid a month beyond what was newly spent.

    Where the person named a higher amount, their own word counts; the offers then wait for a person's look. Up to where
    they could really go nobody knows, so the range has no other end. None where neither says anything.
    """
    average = net_payment(account)
    log.add("paid_monthly", average)
    estimate: int = average * rules["assessment.history_percent"] // 100
    log.add("estimate_from_history", estimate, "assessment.history_percent")
    if proposed is None or proposed <= estimate:
        return estimate or None  # who paid nothing may well be able to: that is not known
    log.add("proposed_monthly", proposed)
    return proposed


def _band(affordable: int | None, owed: int, rules: RulesOfTheDay) -> str:
    """What the affordable amount comes to: nothing, less than any instalment, a part of the debt, or all of it."""
    if affordable is None:
        return "UNKNOWN"
    if affordable == 0:
        return "NONE"
    if affordable < rules["offer.min_instalment"]:
        return "TOKEN"
    return "PARTIAL" if affordable * rules["plan.max_term_months"] < owed else "FULL"


def _savings(told: Circumstances, essential: int | None, log: Log, rules: RulesOfTheDay) -> int | None:
    """What a lump sum may draw on: savings less some months' living. None while one of the two is unknown."""
    if told.savings is None or essential is None:
        return None
    log.add("savings", told.savings, by=told.teller("savings"))
    available: int = max(0, told.savings - essential * rules["assessment.savings_kept_months"])
    log.add("savings_available", available, "assessment.savings_kept_months")
    return available


def _hardship_months(told: Circumstances, log: Log, rules: RulesOfTheDay) -> int | None:
    """How long the hardship is expected to last: as told, else as the policy expects of its kind; else unknown."""
    if told.hardship is None:
        return None
    months, rule = told.hardship_months, None
    if months is None:
        rule = "assessment.hardship_months"
        months = rules[rule].get(told.hardship)
    if months is not None:
        log.add("hardship_months", months, rule, by=None if rule else told.teller("hardship_months"))
    return months


def _questions(told: Circumstances) -> tuple[str, ...]:
    """What to ask the customer."""
    asked = {
        "INCOME": told.monthly_income is not None,
        "ESSENTIAL_SPEND": spending_is_known(told),
        "OTHER_DEBTS": told.other_debt_payments is not None or told.other_unsecured_balance is not None,
        "DEPENDANTS": told.dependants is not None,
        "SAVINGS": told.savings is not None,
    }
    return tuple(question for question, is_known in asked.items() if not is_known)


def _confidence(told: Circumstances) -> str:
    """HIGH when all is known from records or seen by staff, LOW when income or spending is unknown, else MEDIUM."""
    unknown = _questions(told)
    if "INCOME" in unknown or "ESSENTIAL_SPEND" in unknown:
        return "LOW"
    return "MEDIUM" if unknown or set(told.own) - set(told.seen) else "HIGH"
