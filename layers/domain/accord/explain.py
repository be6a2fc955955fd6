"""Explanations: why each figure of an assessment and of an offer is what it is, in sentences for staff.

Only figures on record are named, so that a sentence stays true when the policy changes; nothing personal goes in. What
an offer is worth to the bank stands apart, because a customer never learns it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from accord.affordability import Step
from accord.authority import ROLES, higher
from accord.case import Assessment, AssessmentLine, Bound, Case, Identification, Offer, Status
from accord.early_warning import EarlyWarning, early_warning, exact, load_card, sentence
from accord.money import format_money, format_rate
from accord.policy import Policy
from accord.schedule import due_dates
from accord.texts import format_date, texts

# What a step's amount counts, where it is not money.
COUNTS: frozenset[Step] = frozenset({"dependants_assumed", "hardship_months", "months_observed", "months_with_payment"})
# Which rule decides that an account is not negotiated about; where none does, the account itself is the reason.
_STANDING_RULE = "identification.exclusions"
EXCLUSION_RULES: Mapping[str, str | None] = {
    "NOTHING_OWED": None,
    "NOT_OVERDUE": None,
    "NOT_AT_RISK": "identification.early_contact_pd_ppm",
}
# Which rule decides on each precondition of a personalised plan, and on what is asked for and doubted.
_PRECONDITIONS: Mapping[str, str] = {
    "exceeds_ability": "offer.ordinary_max_months",
    "willing": "assessment.willing_within_months",
}
_LISTED: Mapping[str, tuple[str, str | None]] = {
    "questions": ("questions", None),
    "evidence": ("papers", "assessment.evidence"),
    "doubts": ("doubts", "assessment.doubts"),
}
_NO_OFFER_RULES: Mapping[str, str] = {
    "NO_PRODUCT": "offer.products",
    "BEYOND_MEANS": "assessment.affordability_percent",
    "WILLINGNESS_NOT_SHOWN": "assessment.willing_within_months",
    "WORTH_LESS_THAN_NO_PLAN": "pricing.cost_of_plan",
    "BEYOND_AUTHORITY": "authority.concession",
}
# Which rule decides on the treatment of any other account, by the sentence that tells it.
TREATMENT_RULES: Mapping[str, str | None] = {
    "NONE": _STANDING_RULE,
    "SELF_CURE_WATCH": "identification.watch",
    "EARLY_CONTACT": "identification.early_contact_pd_ppm",
    "EARLY_CONTACT.unknown": None,
    "NEGOTIATION": _STANDING_RULE,
    "SPECIALIST_DESK": "identification.vulnerable_hardships",
    "SPECIALIST_DESK.flagged": None,
}
_BY_POLICY = "policy"
# What was reckoned with the more generous end of what is not known.
_ASSUMED = ("_unknown", "rounding_step", "guidelines")
YES_OR_NO: frozenset[Step] = frozenset({"own_figures_told", "came_to_the_pages", "plan_before_kept"})


@dataclass(frozen=True)
class Sentence:
    """One figure and why it is what it is."""

    figure: str  # as people read it: ¥860.00, 24, 9%, 5 March 2026
    text: str
    rule: str | None  # the policy key that set it
    citation: str | None  # where that rule comes from


def figure_of(line: AssessmentLine, currency: str, language: str) -> str:
    """A step's amount as people read it: money, a number, or yes and no."""
    if line.name in COUNTS:
        return str(line.amount)
    if line.name in YES_OR_NO:
        return _word("yes" if line.amount else "no", language)
    return format_money(line.amount, currency, language)


def explain_identification(case: Case, policy: Policy, language: str) -> tuple[Sentence, ...]:
    """How late the account is, how likely the next payment is missed and why, and what is done about it."""
    found = case.identification
    if found is None:
        return ()
    said = texts("explain")["identification"]

    def sentence_of(name: str, figure: str, rule: str | None = None) -> Sentence:
        text = said[name][language].format(figure=figure, days=case.account.days_past_due)
        return Sentence(figure, text, rule, _citation(policy, rule))

    told = [sentence_of("bucket", found.delinquency_bucket)]
    decided_by: str | None = None
    if found.exclusion is not None:
        decided_by = EXCLUSION_RULES.get(found.exclusion, _STANDING_RULE)
        words = texts("explain")["exclusions"].get(found.exclusion)
        told.append(
            Sentence("", words[language], decided_by, _citation(policy, decided_by))
            if words
            else sentence_of("exclusion", found.exclusion, decided_by)
        )
    warnings = [Sentence("", text, None, None) for text in _warnings(case, found.pd_reasons, language)]
    if found.pd_ppm is not None:
        told.append(sentence_of("pd" if warnings else "pd.alone", format_rate(found.pd_ppm)))
    told += warnings
    key = _treatment(case, found)
    treatment: str = texts("explain")["treatments"][found.treatment][language]
    told.append(sentence_of(key, treatment, TREATMENT_RULES[key] if found.exclusion is None else decided_by))
    return tuple(told)


def _treatment(case: Case, found: Identification) -> str:
    """Which sentence tells the treatment: two of them have another where no rule of the policy is the reason."""
    if found.treatment == "SPECIALIST_DESK" and "VULNERABLE" in case.flags:
        return "SPECIALIST_DESK.flagged"
    if found.treatment == "EARLY_CONTACT" and found.pd_ppm is None:
        return "EARLY_CONTACT.unknown"
    return found.treatment


def _warnings(case: Case, codes: tuple[str, ...], language: str) -> Iterator[str]:
    """What weighs most in the early warning, with what was measured in the account as billing handed it over."""
    card, currency = load_card(), case.account.currency
    warning = early_warning(case.account, card)
    if isinstance(warning, EarlyWarning):
        for reason in warning.reasons:
            if reason.code in codes:
                yield sentence(exact(reason, case.account), {currency: 1}, currency, language)


def explain_assessment(case: Case, policy: Policy, language: str) -> tuple[Sentence, ...]:
    """A sentence for each step of the case's assessment, in its order; none while it is not assessed.

    A step of an older record that has no sentence any more is left out.
    """
    if case.assessment is None:
        return ()
    return _steps(case.assessment.lines, case, policy, language) + tuple(_findings(case.assessment, policy, language))


def explain_best(case: Case, policy: Policy, language: str) -> tuple[Sentence, ...]:
    """The same for the other end of the range, where all that is not known turned out well; none where it is one."""
    if case.assessment is None:
        return ()
    return _steps(case.assessment.lines_at_best, case, policy, language, at_best=True)


def explain_no_offer(case: Case, policy: Policy, language: str) -> tuple[Sentence, ...]:
    """Why no plan could be offered; none where one was, or nothing was searched yet."""
    if case.why_no_offer is None or case.assessment is None:
        return ()
    affordable = case.assessment.affordable_monthly
    figure = "" if affordable is None else format_money(affordable, case.account.currency, language)
    decided_by = _NO_OFFER_RULES.get(case.why_no_offer)
    text = texts("explain")["no_offer"][case.why_no_offer][language].format(affordable=figure)
    return (Sentence(figure, text, decided_by, _citation(policy, decided_by)),)


def _findings(assessment: Assessment, policy: Policy, language: str) -> Iterator[Sentence]:
    """The two preconditions of a personalised plan, and what is still to ask, to see and to look at."""
    said, answers = texts("explain")["findings"], {True: "yes", False: "no", None: "unknown"}
    for precondition, set_by in _PRECONDITIONS.items():
        text = said[f"{precondition}.{answers[getattr(assessment, precondition)]}"][language]
        yield Sentence("", text, set_by, _citation(policy, set_by))
    for finding, (group, rule) in _LISTED.items():
        found = getattr(assessment, finding)
        if found:
            words = texts("explain")[group]
            named = "；" if language == "zh-CN" else "; "
            listed = named.join(words[code][language] if code in words else code for code in found)
            yield Sentence("", said[finding][language].format(words=listed), rule, _citation(policy, rule))


def _steps(
    lines: tuple[AssessmentLine, ...], case: Case, policy: Policy, language: str, at_best: bool = False
) -> tuple[Sentence, ...]:
    said = texts("explain")["lines"]
    figures = {line.name: figure_of(line, case.account.currency, language) for line in lines}
    # Two steps may follow from different ones before them.
    figures["for_this_debt"] = _first(figures, "share_of_this_debt", "disposable_income")
    figures["before_rounding"] = _first(figures, "affordable_share", "proposed_monthly", "estimate_from_history")
    told = []
    for line in lines:
        if (key := _sentence_for(line, figures, said, at_best)) is not None:
            figure = figures[line.name]
            words = {"figure": figure, "teller": texts("explain")["tellers"][line.by or "UNKNOWN"][language]}
            text = said[key][language].format(**figures | words)
            told.append(Sentence(figure, text, line.rule, _citation(policy, line.rule)))
    return tuple(told)


def explain_offer(case: Case, offer: Offer, policy: Policy, language: str) -> tuple[Sentence, ...]:
    """A sentence for each figure of the offer that a rule bound, whether it would hold with less income, what it is
    best at, and who has approved it; nothing of its worth.
    """
    own = _figures(offer, language)
    bound = [
        _bound("bounds", bound, own[bound.figure], offer, policy, language)
        for bound in offer.bounds
        if bound.figure in own
    ]
    last_due = due_dates(offer.first_due_date, offer.months)[-1]
    named = offer.regular_instalment if offer.own_amount is None else offer.own_amount
    best = {
        "LOWEST_MONTHLY": own["MONTHLY"],
        "LOWEST_TOTAL": format_money(offer.total_payable, offer.currency, language),
        "SOONEST_FREE": format_date(last_due, language),
        "OWN_AMOUNT": format_money(named, offer.currency, language),
    }
    said = texts("explain")["best_at"]
    at_best = [
        Sentence(best[word], said[word][language].format(figure=best[word]), None, None)
        for word in offer.best_at
        if word in best
    ]
    return (*bound, *_resilience(offer, policy, language), *at_best, _approval(case, offer, language))


def _resilience(offer: Offer, policy: Policy, language: str) -> Iterator[Sentence]:
    """Whether the plan would hold with part of the income gone, by the means that it was made for; nothing where that
    was not reckoned.
    """
    if offer.stressed_monthly is None:
        return
    rule, figure = "assessment.stress_percent", format_money(offer.stressed_monthly, offer.currency, language)
    text = texts("explain")["resilience"]["yes" if offer.resilient else "no"][language]
    yield Sentence(figure, text.format(figure=figure), rule, _citation(policy, rule))


def _approval(case: Case, offer: Offer, language: str) -> Sentence:
    """Who has approved the offer, or whom it waits for. All offers of a case are approved together."""
    together = (offer, *case.offers)
    who = offer.approved_by or case.first_approver or ""
    if offer.approved_by is not None:
        key = "POLICY" if offer.approved_by == _BY_POLICY else "STAFF"
    elif case.status is not Status.IN_REVIEW:
        key = "NOBODY"
    elif not any(one.four_eyes for one in together):
        key = "WAITS"
    else:
        key = "WAITS_FOR_THE_SECOND" if case.first_approver else "WAITS_FOR_TWO"
    role = _word(higher("NEGOTIATOR", *(one.approver for one in together)), language)
    return Sentence("", texts("explain")["approval"][key][language].format(who=who, role=role), None, None)


def explain_worth(offer: Offer, policy: Policy, language: str) -> tuple[Sentence, ...]:
    """What the bank may expect of the offer, and of having none. For staff alone; none where nothing was reckoned."""
    if offer.worth is None:
        return ()
    expected = format_money(offer.worth.expected, offer.currency, language)
    told = texts("explain")["worth"]["expected"][language].format(figure=expected)
    behind = {"BREAKS": "", "DISCOUNT": "", "WORTH": expected}
    behind["WITHOUT_PLAN"] = format_money(offer.worth.without_plan, offer.currency, language)
    bound = [
        _bound("worth", bound, behind[bound.figure], offer, policy, language)
        for bound in offer.bounds
        if bound.figure in behind
    ]
    return (Sentence(expected, told, None, None), *bound)


def _sentence_for(
    line: AssessmentLine, figures: Mapping[str, str], said: Mapping[str, object], at_best: bool
) -> str | None:
    """Which sentence tells a step: that of the rule which set it, of its answer, of what it follows from."""
    name = line.name
    assumed = (line.rule or "").endswith(_ASSUMED)
    if (line.rule or "").endswith("guidelines"):  # the smaller household's, where its size is not known
        assumed = name != "essential_spend" and "dependants_assumed" in figures
    if at_best and f"{name}.at_best" in said and assumed:
        return f"{name}.at_best"
    variants = [f"{name}.{(line.rule or '').rpartition('.')[2]}", name]
    if name in YES_OR_NO:
        variants = [f"{name}.{'yes' if line.amount else 'no'}"]
    if name == "surplus" and "other_debt_payments" not in figures:
        variants = ["surplus.shared"]
    if name == "income_counted" and "income_on_record" in figures:
        variants = ["income_counted.recorded"]
    return next((variant for variant in variants if variant in said), None)


def _figures(offer: Offer, language: str) -> dict[str, str]:
    """The offer's own figures by the words that bounds have for them.

    The approver is whose authority the concession is within; that a review asks for more is no figure of the offer.
    """

    def money(minor: int) -> str:
        return format_money(minor, offer.currency, language)

    def role(place: int) -> str:
        return _word(ROLES[place], language)

    return {
        "MONTHLY": money(offer.regular_instalment),
        "MONTHS": str(offer.months),
        "NOT_SHORTER": str(offer.months),
        "RATE": format_rate(offer.annual_rate_ppm),
        "NOT_CHEAPER": format_rate(offer.annual_rate_ppm),
        "WAIVED": money(offer.waived.total),
        "NOT_MORE_WAIVED": money(offer.waived.total),
        "FIRST_DUE": format_date(offer.first_due_date, language),
        "LUMP_SUM": money(offer.total_payable),
        "APPROVER": next((role(bound.allows) for bound in offer.bounds if bound.figure == "APPROVER"), ""),
    }


# Rules that have one sentence together: what may set how much comes in without a plan, and what is affordable.
_TOGETHER: Mapping[str, str] = {
    "pricing.recovery_percent_without_plan": "without_plan",
    "pricing.months_collected_without_plan": "without_plan",
    "pricing.bulk_sale_percent": "without_plan",
    "assessment.affordability_percent": "means",
    "assessment.history_percent": "means",
}


def _bound(group: str, bound: Bound, figure: str, offer: Offer, policy: Policy, language: str) -> Sentence:
    """The sentence of one bound: the figure, the rule in words, and what it allowed."""
    rules, said = texts("explain")["rules"], texts("explain")[group]
    rule = rules[bound.rule][language] if bound.rule in rules else bound.rule
    key = f"{bound.figure}.{bound.rule.rpartition('.')[2]}"
    if key not in said and bound.rule in _TOGETHER:
        key = f"{bound.figure}.{_TOGETHER[bound.rule]}"
    if bound.figure == "RATE":
        key = f"RATE.{offer.product}"
    if bound.figure == "MONTHLY" and offer.last_instalment != offer.regular_instalment:
        key = "MONTHLY.uneven"
    text: str = said[key if key in said else bound.figure][language]
    words = {
        "figure": figure,
        "rule": rule,
        "allows": _allowed(bound, offer.currency, language),
        "last": format_money(offer.last_instalment, offer.currency, language),
        "role": _own_authority(offer, language),
    }
    return Sentence(figure, text.format(**words), bound.rule, _citation(policy, bound.rule))


def _own_authority(offer: Offer, language: str) -> str:
    """Whose authority the concession is within; who gives up nothing needs none but the policy's.

    The review of an offer may ask for more than its concession does, which is another matter.
    """
    places = [bound.allows for bound in offer.bounds if bound.figure == "APPROVER"]
    return _word(ROLES[places[0] if places else 0], language)


def _allowed(bound: Bound, currency: str, language: str) -> str:
    """What a rule allowed: money, a number of months or days, a rate in parts per million, a role, per cent."""
    match bound.figure, bound.rule:
        case _, "offer.min_instalment" | "assessment.affordability_percent" | "assessment.history_percent":
            return format_money(bound.allows, currency, language)
        case ("FIRST_DUE", _) | (
            "MONTHS" | "NOT_SHORTER",
            "plan.max_term_months" | "offer.ordinary_max_months" | "offer.terms_months",
        ):
            return str(bound.allows)
        case "RATE" | "NOT_CHEAPER" | "BREAKS" | "DISCOUNT", _:
            return format_rate(bound.allows)
        case "APPROVER", _:
            return _word(ROLES[bound.allows], language)  # a bound names the role by its place
        case ("WORTH", _) | ("MONTHS" | "NOT_SHORTER", "offer.price_floor_percent"):
            return f"{bound.allows}%"
        case _:
            return format_money(bound.allows, currency, language)


def _first(figures: Mapping[str, str], *names: str) -> str:
    return next((figures[name] for name in names if name in figures), "")


def _word(word: str, language: str) -> str:
    told: str = texts("explain")["words"][word][language]
    return told


def _citation(policy: Policy, rule: str | None) -> str | None:
    """Where a rule comes from; none for what the policy does not (any more) have."""
    return policy.rules[rule].citation if rule in policy.rules and rule is not None else None
