"""What the law of a jurisdiction leaves no pack to loosen: a pack may be stricter than this table, never less strict.

Only what a text names in numbers or words stands here; what a bank decides itself does not.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import time
from typing import Any, NamedTuple

from accord.policy import Policy, QuietHours, Reage
from accord.policy_contradictions import Finding

_MINUTES_A_DAY = 24 * 60
_MOST_MONTHS = 60  # of a plan by Art. 70
# What Accord itself notes of a case: an answer to what the person did may pass by these alone.
OWN_WORDS = ("COMPLAINT", "PLAN_PERFORMING")


class Demand(NamedTuple):
    """What a value has to fulfil, and how that is said."""

    holds: Callable[[Any], bool]
    words: str


class Floor(NamedTuple):
    """One rule that a pack of the jurisdiction may only tighten, and where that stands."""

    key: str
    demand: Demand
    citation: str


def _at_most(number: int) -> Demand:
    return Demand(lambda value: value is not None and value <= number, f"{number} at most")


def _at_least(number: int) -> Demand:
    return Demand(lambda value: value is not None and value >= number, f"{number} at least")


def _is(wanted: bool) -> Demand:
    return Demand(lambda value: value is wanted, str(wanted).lower())


def _includes(*words: str) -> Demand:
    return Demand(lambda value: set(words) <= set(value), f"{', '.join(words)} among it")


def _only(*words: str) -> Demand:
    return Demand(lambda value: set(value) <= set(words), f"none but {', '.join(words)}")


def _none_of(*words: str) -> Demand:
    return Demand(lambda value: set(words).isdisjoint(value), f"none of {', '.join(words)}")


def _first(phase: str, component: str) -> Demand:
    return Demand(lambda order: order[phase][0] == component, f"{component} first in {phase}")


def _last(phase: str, component: str) -> Demand:
    return Demand(lambda order: order[phase][-1] == component, f"{component} last in {phase}")


def _quiet(start: time, end: time) -> Demand:
    def holds(quiet: QuietHours) -> bool:
        into = _minutes(quiet.start, start)
        return into + _minutes(start, end) <= _minutes(quiet.start, quiet.end)

    return Demand(holds, f"no contact from {start:%H:%M} to {end:%H:%M}")


def _reage(months: int, payments: int, per_12: int, per_60: int, workout_per_60: int) -> Demand:
    def holds(limits: Reage | None) -> bool:
        return (
            limits is not None
            and limits.account_months >= months
            and limits.payments_first >= payments
            and limits.per_12_months <= per_12
            and limits.per_60_months <= per_60
            and limits.workout_per_60_months <= workout_per_60
        )

    return Demand(
        holds,
        f"account_months {months} and payments_first {payments} at least, per_12_months {per_12}, per_60_months "
        f"{per_60} and workout_per_60_months {workout_per_60} at most",
    )


def _stops(*words: str, citation: str) -> tuple[Floor, Floor]:
    """Words at which contact stops, and which no answer to the person passes by: what stop_on says, service_despite
    may not take back.
    """
    kept = [word for word in words if word not in OWN_WORDS]
    return (
        Floor("contact.stop_on", _includes(*words), citation),
        Floor("contact.service_despite", _none_of(*kept), citation),
    )


def _minutes(start: time, end: time) -> int:
    """From one time of day to the next other, over midnight where that comes earlier in the day."""
    return (end.hour * 60 + end.minute - start.hour * 60 - start.minute) % _MINUTES_A_DAY


_CARD_RULES = "商业银行信用卡业务监督管理办法 (银监会令2011年第2号)"
_ART_70 = f"{_CARD_RULES} Art. 70"
_ART_57 = f"{_CARD_RULES} Art. 57, by translated copies"
_ART_68 = f"{_CARD_RULES} Art. 68"
_GUIDE_2026 = "中国银行业协会《金融机构个人消费类贷款催收工作指引（试行）》2026-01-30 (by secondary reports)"
_BREATHING_SPACE = "Debt Respite Scheme Regulations 2020 (SI 2020/1311)"

# Regulation F binds debt collectors alone; a bank that collects its own debt follows it as good practice.
STATUTORY: Mapping[str, tuple[Floor, ...]] = {
    "CN": (
        Floor("plan.max_term_months", _at_most(_MOST_MONTHS), _ART_70),
        Floor(
            "plan.agreement_required_fields",
            _includes("debt", "repayment", "charges", "no_new_card", "rights_and_breach", "other"),
            f"{_ART_70} (1)–(6)",
        ),
        Floor("plan.no_new_card_undertaking", _is(True), f"{_ART_70} (4)"),
        # A plan is agreed with the cardholder, and collected from them and a guarantor alone. That a bankrupt is not
        # negotiated with stands in no law of the whole country, so it is the bank's to say.
        Floor("identification.exclusions", _includes("DECEASED"), f"{_ART_70} and Art. 68"),
        *_stops("DECEASED", "PLAN_PERFORMING", citation=f"{_ART_68} and Art. 70"),
        Floor("contact.quiet_hours_local", _quiet(time(22), time(8)), f"{_GUIDE_2026}; GB/T 45251-2025"),
        Floor("contact.max_connected_voice_per_debtor_per_day", _at_most(3), "GB/T 45251-2025 (by a secondary report)"),
        Floor("contact.max_unanswered_attempts_per_number_per_day", _at_most(6), _GUIDE_2026),
        # By the guide a third person may be asked where the debtor cannot be reached, and at no other time.
        Floor("contact.third_party_allowed_when", _only("DEBTOR_UNREACHABLE"), _GUIDE_2026),
        Floor(
            "interest.on_fees",
            _is(False),
            "中国人民银行《关于信用卡业务有关事项的通知》(2016, in force 2017-01-01), by a translation",
        ),
        Floor("allocation.order", _last("UP_TO_90_DAYS", "principal"), _ART_57),
        Floor("allocation.order", _first("FROM_91_DAYS", "principal"), _ART_57),
        Floor("automated_decision.human_review_on_request", _is(True), "个人信息保护法 Art. 24"),
        Floor("retention.recording_years", _at_least(2), _ART_68),
        Floor("retention.impact_assessment_years", _at_least(3), "个人信息保护法 Art. 56"),
    ),
    "US": (
        Floor("contact.quiet_hours_local", _quiet(time(21), time(8)), "Regulation F, 12 CFR 1006.6(b)(1)"),
        Floor("contact.max_calls_rolling_7d_per_debt", _at_most(7), "Regulation F, 12 CFR 1006.14(b)(2)(i)"),
        Floor("contact.cooldown_after_conversation_days", _at_least(7), "Regulation F, 12 CFR 1006.14(b)(2)(ii)"),
        *_stops(
            "CEASE_CONTACT",
            "REPRESENTED",
            "BANKRUPT",
            citation="Regulation F, 12 CFR 1006.6(b)(2) and 1006.6(c), and 11 USC 362 (from memory)",
        ),
        Floor(
            "contact.third_party_allowed_when", _only("LOCATION_UNKNOWN"), "Regulation F, 12 CFR 1006.10 (from memory)"
        ),
        Floor("identification.exclusions", _includes("BANKRUPT"), "11 USC 362 (from memory)"),
        Floor(
            "reage.limits",
            _reage(months=9, payments=3, per_12=1, per_60=2, workout_per_60=1),
            "FFIEC Uniform Retail Credit Classification and Account Management Policy, 65 FR 36903",
        ),
        Floor(
            "plan.max_term_months",
            _at_most(60),
            "OCC 2003-1, FDIC FIL-2-2003, SR 03-1 (the term by a secondary report)",
        ),
        Floor("retention.recording_years", _at_least(3), "Regulation F, 12 CFR 1006.100"),
        # In cents: 600 dollars given up, and more, are reported.
        Floor("tax.forgiveness_report_threshold", _at_most(60_000), "26 CFR 1.6050P-1(a)(1)"),
    ),
    "UK": (
        Floor("identification.exclusions", _includes("MORATORIUM"), _BREATHING_SPACE),
        *_stops("MORATORIUM", citation=_BREATHING_SPACE),
        Floor("automated_decision.human_review_on_request", _is(True), "UK GDPR Art. 22 (from memory)"),
    ),
}


def check_statutory(policy: Policy) -> Iterator[Finding]:
    """Where a pack is looser than the law of its jurisdiction. What a pack lacks altogether is denied anyway."""
    for floor in STATUTORY.get(policy.jurisdiction, ()):
        rule = policy.rules.get(floor.key)
        if rule is not None and not floor.demand.holds(rule.value):
            yield Finding(
                floor.key,
                f"it is looser than the law, which wants {floor.demand.words} ({floor.citation})",
                "a pack may be stricter than the law, never less strict",
            )
    if policy.jurisdiction == "CN":
        yield from _kept_until_settled(policy)


def _kept_until_settled(policy: Policy) -> Iterator[Finding]:
    """What was agreed by voice is kept until the debt is settled: as long as the longest plan lasts, at least."""
    key, longest = "retention.recording_years", policy.rules.get("plan.max_term_months")
    years = policy.rules.get(key)
    # A longer plan than the law allows is told already, and does not lengthen what is kept.
    months = min(longest.value, _MOST_MONTHS) if longest is not None else 0
    if years is not None and years.value * 12 < months:
        yield Finding(
            key,
            f"it is looser than the law: {years.value} years are less than the longest plan lasts ({months} months, "
            f"plan.max_term_months), and a recording is kept until the debt is settled ({_ART_70})",
            f"write {-(-months // 12)} at least, or shorten the longest plan",
        )
