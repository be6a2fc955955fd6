"""Explanations: why each figure of an assessment and of an offer is what it is, in sentences for staff.

Only figures on record are named, so that a sentence stays true when the policy changes; nothing personal goes in. What
an offer is worth to the bank stands apart, because a customer never learns it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from accord.affordability import Step
from accord.authority import ROLES
from accord.case import AssessmentLine, Bound, Case, Offer
from accord.early_warning import EarlyWarning, early_warning, load_card, sentence
from accord.money import format_money, format_rate
from accord.policy import Policy
from accord.schedule import due_dates
from accord.texts import format_date, texts

# What a step's amount counts, where it is not money.
COUNTS: frozenset[Step] = frozenset({"dependants_assumed", "hardship_months", "months_observed", "months_with_payment"})
# Which rule decides on a treatment.
TREATMENT_RULES: Mapping[str, str] = {
    "NONE": "identification.exclusions",
    "SELF_CURE_WATCH": "identification.watch",
    "EARLY_CONTACT": "identification.early_contact_pd_ppm",
    "NEGOTIATION": "identification.exclusions",
    "SPECIALIST_DESK": "identification.vulnerable_hardships",
}
YES_OR_NO: frozenset[Step] = frozenset({"own_figures_told", "came_to_the_pages"})


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
    if found.exclusion is not None:
        told.append(sentence_of("exclusion", found.exclusion, "identification.exclusions"))
    if found.pd_ppm is not None:
        told.append(sentence_of("pd", format_rate(found.pd_ppm)))
    told += [Sentence("", text, None, None) for text in _warnings(case, found.pd_reasons, language)]
    treatment: str = texts("explain")["treatments"][found.treatment][language]
    told.append(sentence_of(found.treatment, treatment, TREATMENT_RULES[found.treatment]))
    return tuple(told)


def _warnings(case: Case, codes: tuple[str, ...], language: str) -> Iterator[str]:
    """What weighs most in the early warning, with what was measured in the account as billing handed it over."""
    card = load_card()
    warning = early_warning(case.account, card)
    if isinstance(warning, EarlyWarning):
        for reason in warning.reasons:
            if reason.code in codes:
                yield sentence(reason, card, case.account.currency, language)


def explain_assessment(case: Case, policy: Policy, language: str) -> tuple[Sentence, ...]:
    """A sentence for each step of the case's assessment, in its order; none while it is not assessed.

    A step of an older record that has no sentence any more is left out.
    """
    if case.assessment is None:
        return ()
    lines, said = case.assessment.lines, texts("explain")["lines"]
    figures = {line.name: figure_of(line, case.account.currency, language) for line in lines}
    # Two steps may follow from different ones before them.
    figures["for_this_debt"] = _first(figures, "share_of_this_debt", "disposable_income")
    figures["before_rounding"] = _first(figures, "affordable_share", "proposed_monthly", "estimate_from_history")
    told = []
    for line in lines:
        if (key := _sentence_for(line, figures, said)) is not None:
            figure = figures[line.name]
            text = said[key][language].format(**figures | {"figure": figure})
            told.append(Sentence(figure, text, line.rule, _citation(policy, line.rule)))
    return tuple(told)


def explain_offer(case: Case, offer: Offer, policy: Policy, language: str) -> tuple[Sentence, ...]:
    """A sentence for each figure of the offer that a rule bound, and for what it is best at; nothing of its worth."""
    own = _figures(offer, language)
    bound = [
        _bound("bounds", bound, own[bound.figure], offer, policy, language)
        for bound in offer.bounds
        if bound.figure in own
    ]
    last_due = due_dates(offer.first_due_date, offer.months)[-1]
    named = offer.regular_instalment if case.proposed_monthly is None else case.proposed_monthly
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
    return (*bound, *at_best)


def explain_worth(offer: Offer, policy: Policy, language: str) -> tuple[Sentence, ...]:
    """What the bank may expect of the offer, and of having none. For staff alone; none where nothing was reckoned."""
    if offer.worth is None:
        return ()
    said = texts("explain")["worth"]
    told = []
    for name in ("expected", "without_plan"):
        figure = format_money(getattr(offer.worth, name), offer.currency, language)
        told.append(Sentence(figure, said[name][language].format(figure=figure), None, None))
    told += [
        _bound("worth", bound, told[0].figure, offer, policy, language)
        for bound in offer.bounds
        if bound.figure == "WORTH"
    ]
    return tuple(told)


def _sentence_for(line: AssessmentLine, figures: Mapping[str, str], said: Mapping[str, object]) -> str | None:
    """Which sentence tells a step: that of the rule which set it, of its answer, of what it follows from."""
    name = line.name
    variants = [f"{name}.{(line.rule or '').rpartition('.')[2]}", name]
    if name in YES_OR_NO:
        variants = [f"{name}.{'yes' if line.amount else 'no'}"]
    if name == "surplus" and "other_debt_payments" not in figures:
        variants = ["surplus.shared"]
    return next((variant for variant in variants if variant in said), None)


def _figures(offer: Offer, language: str) -> dict[str, str]:
    """The offer's own figures by the words that bounds have for them."""

    def money(minor: int) -> str:
        return format_money(minor, offer.currency, language)

    return {
        "MONTHLY": money(offer.regular_instalment),
        "MONTHS": str(offer.months),
        "RATE": format_rate(offer.annual_rate_ppm),
        "WAIVED": money(offer.waived.total),
        "FIRST_DUE": format_date(offer.first_due_date, language),
        "LUMP_SUM": money(offer.total_payable),
        "APPROVER": _word(offer.approver, language),
    }


def _bound(group: str, bound: Bound, figure: str, offer: Offer, policy: Policy, language: str) -> Sentence:
    """The sentence of one bound: the figure, the rule in words, and what it allowed."""
    rules = texts("explain")["rules"]
    rule = rules[bound.rule][language] if bound.rule in rules else bound.rule
    text = texts("explain")[group][bound.figure][language]
    allows = _allowed(bound, offer.currency, language)
    return Sentence(
        figure, text.format(figure=figure, rule=rule, allows=allows), bound.rule, _citation(policy, bound.rule)
    )


def _allowed(bound: Bound, currency: str, language: str) -> str:
    """What a rule allowed: money, a number of months or days, a rate in parts per million, a role, per cent."""
    match bound.figure:
        case "MONTHS" | "FIRST_DUE":
            return str(bound.allows)
        case "RATE":
            return format_rate(bound.allows)
        case "APPROVER":
            return _word(ROLES[bound.allows], language)  # a bound names the role by its place
        case "WORTH":
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
