"""Rules of a policy pack that may be meant, but look like a slip: every one is worth a second look before use."""

from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel

from accord.billing import AccountStatus, Flag
from accord.case import Product
from accord.early_warning import load_card
from accord.money import PPM
from accord.policy import BUCKETS, Policy, Role
from accord.policy_contradictions import Finding
from accord.policy_statutory import OWN_WORDS
from accord.texts import texts
from accord.wording import improper

# What each further person in a household needs, beside the first: the IRS tables of 2025 have 7 per cent at least.
_LEAST_PERCENT, _MOST_PERCENT = 5, 150
# Published tables are rounded part by part: so little may be missing from a sum.
_ROUNDING_PERCENT = 1
# A debt that is late is never collected nearly whole by itself.
_MOST_RECOVERED = 90
# Who has less than that of what is left after living pays no bill that comes beside it.
_LEAST_KEPT_PERCENT = 5
# An amount ten times out of proportion is most often in the wrong unit: fen for yuan, or yuan for fen.
_WRONG_UNIT = 10
# Whom else somebody may ask about a debtor: the words of the packs that ship, which the law's tables know.
_THIRD_PARTY = ("DEBTOR_UNREACHABLE", "LOCATION_UNKNOWN")
_CHANNELS = ("SMS", "EMAIL", "CALL")
_STANDINGS = tuple(word for word in get_args(AccountStatus) if word != "NORMAL")
# Where a single payment may leave principal unpaid, and in which buckets: one before a card is charged off, which is at
# 180 days, the end of M6 (FFIEC, 65 FR 36903). Anywhere else that needs a write-off first.
_PRINCIPAL_SETTLED = {"US": ("M5", "M6", "M6+")}


class Usual(NamedTuple):
    """Between which bounds a number is usual, and how it is written. 0 may be meant to switch the rule off."""

    least: int
    most: int
    unit: str
    zero: bool = False


_DAYS, _MONTHS, _YEARS = "days", "months", "years"
_TIMES = "times"
_HOURS = "hours"
# What happens to people anywhere; a pack may have more words.
_HARDSHIPS = (
    "JOB_LOSS", "INCOME_REDUCED", "ILLNESS", "DISABILITY", "BEREAVEMENT", "FAMILY_CHANGE", "BUSINESS_FAILED",
)  # fmt: skip
_PERCENT = "in whole per cent (80 is 80 per cent)"
_PPM = "in parts per million (1 per cent is written 10000)"

# Our own bounds, wide on purpose: outside of them a number is most likely in another unit, or a digit is too many.
# Where a bound is taken from the field, a comment says so.
USUAL: Mapping[str, Usual] = {
    "identification.watch.days_past_due_up_to": Usual(0, 15, _DAYS),
    "identification.watch.pd_below_ppm": Usual(1_000, 500_000, _PPM, zero=True),  # below: likelier paid than not
    "identification.early_contact_pd_ppm": Usual(1_000, PPM, _PPM),
    "negotiation.new_round_after_days": Usual(0, 366, _DAYS),
    "contact.best_time.seen_times": Usual(2, 10, _TIMES),
    "contact.best_time.wait_hours": Usual(1, 24, _HOURS),
    "contact.max_connected_voice_per_debtor_per_day": Usual(0, 10, _TIMES),
    "contact.max_unanswered_attempts_per_number_per_day": Usual(0, 20, _TIMES),
    "contact.max_calls_rolling_7d_per_debt": Usual(0, 30, _TIMES),
    "contact.cooldown_after_conversation_days": Usual(0, 90, _DAYS),
    "contact.max_messages_per_day": Usual(0, 10, _TIMES),
    "contact.max_contacts_rolling_7_days": Usual(0, 30, _TIMES),
    "complaint.answer_within_days": Usual(3, 60, _DAYS),
    "reminders.max_count": Usual(0, 10, _TIMES),
    "assessment.income_counted_percent": Usual(10, 100, _PERCENT),
    "assessment.dependants_when_unknown.most": Usual(1, 10, "persons"),
    "assessment.essential_percent_when_unknown.least": Usual(10, 90, _PERCENT),
    "assessment.essential_percent_when_unknown.most": Usual(30, 95, _PERCENT),  # food alone: some 30
    "assessment.other_debts_percent_when_unknown.most": Usual(2, 80, _PERCENT),
    "assessment.contingency_percent": Usual(2, 50, _PERCENT, zero=True),
    "assessment.affordability_percent": Usual(10, 100, _PERCENT),
    "assessment.history_percent": Usual(10, 100, _PERCENT),
    "assessment.willing_within_months": Usual(1, 36, _MONTHS),
    "assessment.stress_percent": Usual(2, 50, _PERCENT, zero=True),
    "assessment.savings_kept_months": Usual(0, 24, _MONTHS),
    "assessment.hardship_months": Usual(1, 120, _MONTHS),
    "assessment.doubts.surplus_above_percent": Usual(10, 100, _PERCENT),
    "assessment.doubts.paid_above_income_percent": Usual(10, 1_000, _PERCENT),
    "assessment.doubts.spend_below_floor_percent": Usual(5, 100, _PERCENT, zero=True),
    "assessment.doubts.income_above_limit_percent": Usual(50, 10_000, _PERCENT),
    "assessment.doubts.income_unlike_record_percent": Usual(10, 300, _PERCENT),
    "assessment.doubts.unlike_papers_percent": Usual(0, 100, _PERCENT),
    "plan.max_term_months": Usual(6, 120, _MONTHS),
    "plan.grace_days": Usual(0, 30, _DAYS),
    "plan.cure_days": Usual(1, 90, _DAYS, zero=True),
    "plan.breach_after_missed": Usual(1, 6, _TIMES),
    "plan.breach_after_days_past_due": Usual(1, 180, _DAYS),  # FFIEC, 65 FR 36903: charged off at 180
    "reage.limits.account_months": Usual(3, 60, _MONTHS, zero=True),
    "reage.limits.payments_first": Usual(0, 24, _TIMES),
    "reage.limits.per_12_months": Usual(0, 12, _TIMES),
    "reage.limits.per_60_months": Usual(0, 12, _TIMES),
    "reage.limits.workout_per_60_months": Usual(0, 12, _TIMES),
    "retention.recording_years": Usual(1, 30, _YEARS),
    "retention.impact_assessment_years": Usual(1, 30, _YEARS),
    "offer.valid_days": Usual(2, 90, _DAYS),
    "offer.first_due_after_days": Usual(3, 92, _DAYS),
    "offer.terms_months": Usual(1, 120, _MONTHS),
    "offer.ordinary_max_months": Usual(3, 120, _MONTHS),
    "offer.rates_ppm": Usual(1_000, 400_000, f"a year, {_PPM}"),
    "offer.price_ceiling_ppm": Usual(50_000, 400_000, f"a year, {_PPM}"),
    # Below: more than half of the best affordable plan's worth is given away. 0 has a warning of its own.
    "offer.price_floor_percent": Usual(50, 100, _PERCENT, zero=True),
    "waiver.plan_percent": Usual(2, 100, _PERCENT, zero=True),
    "waiver.lump_sum_percent": Usual(2, 100, _PERCENT, zero=True),
    "waiver.steps_percent": Usual(2, 100, _PERCENT, zero=True),
    "lump_sum.months_to_pay": Usual(1, 12, _MONTHS),  # settlements are usually paid within six
    "pricing.discount_rate_ppm": Usual(1_000, 300_000, f"a year, {_PPM}"),
    # Plans of debt management break by some 2 % a month.
    "pricing.break_ppm_a_month": Usual(100, 300_000, f"a month, {_PPM}"),
    "pricing.break_percent_by_share.percent": Usual(10, 1_000, _PERCENT),
    "pricing.bulk_sale_percent": Usual(0, 50, _PERCENT),  # bulk sales in China: 12.6 % at most (2025 Q1)
    "pricing.months_collected_without_plan": Usual(2, 120, _MONTHS),
    "authority.concession.percent": Usual(2, 100, _PERCENT, zero=True),
}

# Amounts have no usual size in every currency, so they stand in thousandths of a month's living: what one person has
# in all categories of assessment.guidelines. Bounds as above; an amount in whole yuan or pounds is a hundredth.
USUAL_IN_LIVINGS: Mapping[str, Usual] = {
    "identification.segments.owed_below": Usual(50, 1_000_000, ""),
    "assessment.fixed_costs_when_unknown.first": Usual(50, 2_000, ""),
    "assessment.fixed_costs_when_unknown.further": Usual(10, 1_000, ""),
    "assessment.contingency_cap": Usual(20, 2_000, "", zero=True),
    "assessment.rounding_step": Usual(1, 100, "", zero=True),
    "assessment.evidence.owed_from": Usual(1_000, 250_000, "", zero=True),
    "plan.tolerance": Usual(0, 100, ""),
    "tax.forgiveness_report_threshold": Usual(20, 100_000, "", zero=True),
    "offer.min_instalment": Usual(1, 2_000, "", zero=True),
    "pricing.cost_of_plan": Usual(1, 1_000, "", zero=True),
    "authority.concession.amount": Usual(50, 1_000_000, "", zero=True),
    "authority.four_eyes_above": Usual(50, 1_000_000, "", zero=True),
    "authority.cumulative_12_months": Usual(10, 1_000_000, "", zero=True),
    # Twenty years of living: hardly a card is owed more, so no person would ever look.
    "review.financed_above": Usual(50, 250_000, "", zero=True),
    "review.low_confidence_above": Usual(1_000, 250_000, "", zero=True),
}


def check_plausible(policy: Policy) -> list[Finding]:
    """What looks like a slip, and what to do if it is one. Missing rules pass."""
    rules = {key: rule.value for key, rule in policy.rules.items()}
    checks: tuple[Callable[[Policy, Mapping[str, Any]], Iterator[Finding]], ...] = (
        _numbers, _amounts, _repeated, _by_bucket, _sale, _share_bands, _later_and_less, _products, _terms,
        _price_floor, _waivers, _principal, _instalment, _authority, _twelve_months, _four_eyes, _means, _households,
        _unknowns, _kept, _tellers, _refused, _words, _left_out, _switched_off, _despite, _papers, _scorecard, _wording,
    )  # fmt: skip
    return [finding for check in checks for finding in check(policy, rules)]


# --- units ---------------------------------------------------------------------------------------------------------


def _numbers(_: Policy, rules: Mapping[str, Any]) -> Iterator[Finding]:
    for part, key, values in _by_part(rules):
        usual = USUAL.get(part)
        strange = [value for value in values if usual is not None and _is_strange(value, usual)]
        if usual is not None and strange:
            yield Finding(
                key,
                f"{_where(part, key)}{_listed(strange)} is unusual: usual are {usual.least} to {usual.most} "
                f"{usual.unit}",
                "check the unit and the digits",
            )


def _amounts(_: Policy, rules: Mapping[str, Any]) -> Iterator[Finding]:
    table = rules.get("assessment.guidelines", {}).get("DEFAULT", {})
    living = sum(household.first for household in table.values())
    for part, key, values in _by_part(rules):
        usual = USUAL_IN_LIVINGS.get(part)
        strange = [
            value for value in values if usual is not None and living and _is_strange(value * 1_000, usual, living)
        ]
        if strange:
            yield Finding(
                key,
                f"{_where(part, key)}{_listed(strange)} is unusual beside a month's living of one person ({living} in "
                f"assessment.guidelines): amounts are in minor units (fen, cents, pence)",
                "check the unit and the digits",
            )


def _is_strange(value: int, usual: Usual, of: int = 1) -> bool:
    return not usual.least * of <= value <= usual.most * of and not (usual.zero and value == 0)


def _by_part(rules: Mapping[str, Any]) -> Iterator[tuple[str, str, list[int]]]:
    """The numbers of each rule by the part in which they stand, whatever the bucket, role or region."""
    for key, value in rules.items():
        found: dict[str, list[int]] = {}
        for part, number in _each_number(value, key):
            found.setdefault(part, []).append(number)
        for part, numbers in found.items():
            yield part, key, numbers


def _each_number(value: Any, part: str) -> Iterator[tuple[str, int]]:
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _each_number(getattr(value, name), f"{part}.{name}")
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _each_number(one, part)
    elif isinstance(value, tuple):
        for one in value:
            yield from _each_number(one, part)
    elif isinstance(value, int) and not isinstance(value, bool):
        yield part, value


def _where(part: str, key: str) -> str:
    return f"{part.removeprefix(key + '.')}: " if part != key else ""


def _listed(values: list[int]) -> str:
    return ", ".join(map(str, dict.fromkeys(values)))


def _repeated(_: Policy, rules: Mapping[str, Any]) -> Iterator[Finding]:
    """What stands in a list twice changes nothing, and one of the two was most likely meant to be another."""
    for key, value in rules.items():
        twice = dict.fromkeys(str(one) for values in _lists(value) for one in values if values.count(one) > 1)
        if twice:
            yield Finding(key, f"{', '.join(twice)}: twice in one list", "take it out, or write what was meant")


def _lists(value: Any) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _lists(getattr(value, name))
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _lists(one)
    elif isinstance(value, tuple):
        yield value
        for one in value:
            yield from _lists(one)


# --- prices ------------------------------------------------------------------------------------------------------


def _by_bucket(_: Policy, rules: Mapping[str, Any]) -> Iterator[Finding]:
    """The later the account, the less comes in and the more plans break."""
    expected = {
        "pricing.recovery_percent_without_plan": (-1, "less is recovered of a debt that is later"),
        "pricing.bulk_sale_percent": (-1, "a buyer pays less for a debt that is later"),
        "pricing.break_ppm_a_month": (1, "plans for a debt that is later break more often"),
    }
    for key, (direction, usual) in expected.items():
        value = rules.get(key, {})
        for earlier, later in pairwise(bucket for bucket in BUCKETS if bucket in value):
            if (value[later] - value[earlier]) * direction < 0:
                turns = "falls" if direction > 0 else "rises"
                yield Finding(
                    key,
                    f"it {turns} from {value[earlier]} in {earlier} to {value[later]} in {later}; {usual}",
                    "check both",
                )


def _sale(_: Policy, rules: Mapping[str, Any]) -> Iterator[Finding]:
    sold, kept = (rules.get(f"pricing.{name}", {}) for name in ("bulk_sale_percent", "recovery_percent_without_plan"))
    above = [bucket for bucket in BUCKETS if bucket in sold and bucket in kept and sold[bucket] > kept[bucket]]
    if above:
        yield Finding(
            "pricing.bulk_sale_percent",
            f"a buyer would pay more than pricing.recovery_percent_without_plan expects in {', '.join(above)}",
            "check both",
        )


def _share_bands(_: Policy, rules: Mapping[str, Any]) -> Iterator[Finding]:
    key = "pricing.break_percent_by_share"
    for lower, higher in pairwise(rules.get(key, ())):
        if higher.percent < lower.percent:
            yield Finding(
                key,
                f"a plan that takes up to {higher.share_up_to} % of what is left would break less often than one that "
                f"takes up to {lower.share_up_to} %",
                "check both",
            )


def _price_floor(_: Policy, rules: Mapping[str, Any]) -> Iterator[Finding]:
    key = "offer.price_floor_percent"
    meant = {0: "the bank would take any plan that beats none", 100: "only the plan that is best for the bank is left"}
    floors = rules.get(key, {})
    for need in sorted(need for need in floors if floors[need] in meant):
        yield Finding(key, f"{need} at {floors[need]}: {meant[floors[need]]}", "name the share that a plan has to keep")
    if floors and floors["ORDINARY"] < floors["PERSONALISED"]:
        yield Finding(key, "who needs a personalised plan is left less than who needs an ordinary one", "check both")


# --- offers ------------------------------------------------------------------------------------------------------


def _products(_: Policy, rules: Mapping[str, Any]) -> Iterator[Finding]:
    key = "offer.products"
    without = [bucket for bucket in BUCKETS if not rules.get(key, {}).get(bucket)]
    if key in rules and without:
        yield Finding(key, f"nobody in {', '.join(without)} is offered anything", "name a product for each bucket")

    only_at_once = [bucket for bucket, names in rules.get(key, {}).items() if names == (Product.LUMP_SUM,)]
    if only_at_once:
        what = f"in {', '.join(only_at_once)} it has to be paid at once: nobody may pay by instalments"
        yield Finding(key, what, "add a product of instalments")

    # A single payment beside them relieves nobody who has not the money for it.
    unrelieved = [
        bucket
        for bucket, names in rules.get(key, {}).items()
        if Product.INSTALMENT in names and not {Product.REDUCED_RATE, Product.INTEREST_FREE} & set(names)
    ]
    if unrelieved:
        what = f"in {', '.join(unrelieved)} every plan of instalments bears the card's own rate: that is no relief"
        yield Finding(key, what, "add REDUCED_RATE or INTEREST_FREE")


def _terms(_: Policy, rules: Mapping[str, Any]) -> Iterator[Finding]:
    """A term for who cannot pay within the ordinary one, and an ordinary one that is shorter than the longest."""
    longest, ordinary = rules.get("plan.max_term_months"), rules.get("offer.ordinary_max_months")
    terms = rules.get("offer.terms_months", ())
    if longest is None or ordinary is None:
        return
    if ordinary >= longest:
        what = f"{ordinary} months are plan.max_term_months: it is never asked whether the debt exceeds the means"
        yield Finding("offer.ordinary_max_months", what, "lower it, or leave it if that is meant")
    elif terms and max(terms) <= ordinary:
        what = f"none is longer than offer.ordinary_max_months ({ordinary}): nobody gets a personalised plan"
        yield Finding("offer.terms_months", what, "add longer terms")


def _instalment(_: Policy, rules: Mapping[str, Any]) -> Iterator[Finding]:
    names = ("offer.min_instalment", "plan.max_term_months", "review.financed_above")
    if any(name not in rules for name in names):
        return
    least, longest, limit = (rules[name] for name in names)
    if least * longest > limit:
        yield Finding(
            "offer.min_instalment",
            f"{longest} instalments of {least} come to more than a person has to look at (review.financed_above, "
            f"{limit}): the policy by itself can make no plan of the longest term",
            "check the unit of both amounts",
        )


def _waivers(_: Policy, rules: Mapping[str, Any]) -> Iterator[Finding]:
    """A share that somebody may give up is worth nothing where the amount beside it is none."""
    key = "waiver.steps_percent"
    for step, effect in ((0, "every plan waives something"), (100, "no plan waives as much as the policy allows")):
        if step not in rules.get(key, (step,)):
            yield Finding(key, f"{step} is not among the steps: {effect}", f"add {step}, or leave it if that is meant")
    matrix = rules.get("authority.concession")
    if matrix is None:
        return
    for key in ("waiver.plan_percent", "waiver.lump_sum_percent"):
        for component, by_bucket in rules.get(key, {}).items():
            nothing = [
                bucket
                for bucket, percent in by_bucket.items()
                if percent
                and (caps := [caps[component][bucket] for caps in matrix.values() if bucket in caps.get(component, {})])
                and not any(cap.amount for cap in caps)
            ]
            if nothing:
                yield Finding(
                    key,
                    f"{component} may be waived in {', '.join(nothing)}, but by authority.concession nobody may give "
                    f"up any amount of it",
                    "raise the amounts, or take the waiver out",
                )


def _principal(policy: Policy, rules: Mapping[str, Any]) -> Iterator[Finding]:
    """What was lent is given up by persons alone, and late."""
    caps = rules.get("authority.concession", {}).get("POLICY", {}).get("principal", {})
    by_itself = [bucket for bucket, cap in caps.items() if cap.percent and cap.amount]
    if by_itself:
        what = f"POLICY may give up principal in {', '.join(by_itself)}: the debt itself, and no person looks"
        yield Finding("authority.concession", what, "take principal out at POLICY: a person gives it up")
    settled = {"waiver.plan_percent": (), "waiver.lump_sum_percent": _PRINCIPAL_SETTLED.get(policy.jurisdiction, ())}
    for key, buckets in settled.items():
        by_bucket = rules.get(key, {}).get("principal", {})
        waived = [bucket for bucket, percent in by_bucket.items() if percent and bucket not in buckets]
        if waived:
            what = f"principal is waived in {', '.join(waived)}: that needs a write-off first"
            yield Finding(key, what, "take principal out there")


# --- authority ---------------------------------------------------------------------------------------------------


def _authority(_: Policy, rules: Mapping[str, Any]) -> Iterator[Finding]:
    """Who has authority on paper alone, and who has less of it than those below them."""
    for role, by_component in rules.get("authority.concession", {}).items():
        for component, by_bucket in by_component.items():
            half = [bucket for bucket, cap in by_bucket.items() if (cap.percent == 0) != (cap.amount == 0)]
            if half:
                yield Finding(
                    "authority.concession",
                    f"{role} may give up a share of {component} but no amount, or an amount but no share, in "
                    f"{', '.join(half)}: that is nothing",
                    "name both, or take them out",
                )
    key = "authority.cumulative_12_months"
    amounts = rules.get(key, {})
    for lower, higher in pairwise(role for role in get_args(Role) if role in amounts):
        if amounts[higher] < amounts[lower]:
            yield Finding(
                key,
                f"{higher} may give up less in twelve months ({amounts[higher]}) than {lower} ({amounts[lower]})",
                f"raise it for {higher}, or lower it for {lower}",
            )


def _refused(_: Policy, rules: Mapping[str, Any]) -> Iterator[Finding]:
    """Who is not negotiated with, that should be; and a standing that nobody has."""
    key, effect = "identification.exclusions", {
        "VULNERABLE": "whoever needs care most is refused",
        "REPRESENTED": "whoever has a representative is refused, although only contact has to stop",
        "CEASE_CONTACT": "whoever wants no contact is refused, although they may come by themselves",
        "NORMAL": "no account is refused for being in order",
    }  # fmt: skip
    for word in (word for word in rules.get(key, ()) if word in effect):
        yield Finding(key, f"{word}: {effect[word]}", "take it out")


def _wording(_: Policy, rules: Mapping[str, Any]) -> Iterator[Finding]:
    """What the bank calls itself stands at the head of every message, and its help at the foot of a page."""
    for key in ("institution.name", "support.free_help"):
        for language, text in rules.get(key, {}).items():
            for word in improper(text, language):
                yield Finding(key, f"{word!r} is no word for a customer ({language})", "use other words")


def _papers(_: Policy, rules: Mapping[str, Any]) -> Iterator[Finding]:
    asked = tuple(paper for one in rules.get("assessment.evidence", ()) for paper in one.papers)
    yield from _strange("assessment.evidence", asked, texts("explain")["papers"], "no page has words for")


def _later_and_less(_: Policy, rules: Mapping[str, Any]) -> Iterator[Finding]:
    """The later the account, the more is waived; and the less of it comes in without a plan, never nearly all."""
    for key in ("waiver.plan_percent", "waiver.lump_sum_percent"):
        for component, by_bucket in rules.get(key, {}).items():
            for earlier, later in pairwise(bucket for bucket in BUCKETS if bucket in by_bucket):
                if by_bucket[later] < by_bucket[earlier]:
                    what = (
                        f"{component} falls from {by_bucket[earlier]} in {earlier} to {by_bucket[later]} in {later}; "
                        "more is waived of a debt that is later"
                    )
                    yield Finding(key, what, "check both")
    key = "pricing.recovery_percent_without_plan"
    nearly_all = [bucket for bucket in BUCKETS[1:] if rules.get(key, {}).get(bucket, 0) > _MOST_RECOVERED]
    if nearly_all:
        what = f"more than {_MOST_RECOVERED} % come in without a plan in {', '.join(nearly_all)}: no plan is worth more"
        yield Finding(key, what, "check the unit and the digits")


def _twelve_months(_: Policy, rules: Mapping[str, Any]) -> Iterator[Finding]:
    """Who may give up an amount of one component in one plan needs as much for twelve months."""
    key, matrix = "authority.cumulative_12_months", rules.get("authority.concession", {})
    for role, amount in rules.get(key, {}).items():
        by_component = matrix.get(role, {}).values()
        at_once = max((cap.amount for by_bucket in by_component for cap in by_bucket.values()), default=0)
        if amount < at_once:
            yield Finding(
                key,
                f"{role} may give up {at_once} of one component in one plan (authority.concession), but {amount} in "
                "twelve months",
                f"raise it for {role}, or lower what {role} may give up",
            )


def _four_eyes(_: Policy, rules: Mapping[str, Any]) -> Iterator[Finding]:
    names = ("authority.four_eyes_above", "authority.concession", "authority.cumulative_12_months")
    if any(name not in rules for name in names):
        return
    above, matrix, cumulative = (rules[name] for name in names)
    by_component = matrix.get("POLICY", {}).values()
    at_once = max(sum(caps[bucket].amount for caps in by_component if bucket in caps) for bucket in BUCKETS)
    highest = max(cumulative.values(), default=0)
    if above >= highest:
        yield Finding(
            "authority.four_eyes_above",
            f"two persons above {above}, but nobody may give up more than {highest} in a year: two are never asked",
            f"lower it below {highest} (authority.cumulative_12_months)",
        )
    alone = min(at_once, cumulative.get("POLICY", 0))
    if above < alone:
        yield Finding(
            "authority.four_eyes_above",
            f"two persons above {above}, but the policy has authority for {alone} by itself: what lies between "
            f"always waits for two",
            "raise it, or lower what POLICY may give up",
        )


# --- what a person can pay ---------------------------------------------------------------------------------------


def _means(_: Policy, rules: Mapping[str, Any]) -> Iterator[Finding]:
    """The protected floor beside the guidelines: both are a month of one person's living, so they are of one size."""
    floors, guidelines = (rules.get(f"assessment.{name}", {}) for name in ("protected_floor", "guidelines"))
    key = "assessment.protected_floor"
    for region in sorted(floors.keys() | guidelines.keys()):
        floor = floors.get(region, floors.get("DEFAULT"))
        table = guidelines.get(region, guidelines.get("DEFAULT"))
        if floor is None or table is None:
            continue
        kept, usual = floor.first, sum(one.first for one in table.values())
        if not kept:
            yield Finding(key, f"nothing is protected for one person in {region}", "name an amount")
        elif kept > usual * _WRONG_UNIT or kept * _WRONG_UNIT < usual:
            yield Finding(
                key,
                f"{kept} for one person in {region}, beside {usual} in assessment.guidelines",
                "amounts are in minor units: check both",
            )
        elif usual * 100 < kept * (100 - _ROUNDING_PERCENT):
            yield Finding(
                "assessment.guidelines",
                f"one person in {region} has {usual} in all categories, less than assessment.protected_floor ({kept})",
                "raise them: what is protected need not be explained",
            )


def _households(_: Policy, rules: Mapping[str, Any]) -> Iterator[Finding]:
    """Whoever comes to live there needs about as much as the first, and never nothing."""
    tables = {"assessment.protected_floor": [rules.get("assessment.protected_floor", {})]}
    tables["assessment.guidelines"] = [
        {f"{region}, {category}": row for category, row in table.items()}
        for region, table in rules.get("assessment.guidelines", {}).items()
    ]
    for key, found in tables.items():
        for where, household in (pair for table in found for pair in table.items()):
            each = (*household.next, household.further)
            if any(
                not household.first * _LEAST_PERCENT <= one * 100 <= household.first * _MOST_PERCENT for one in each
            ):
                more = ", ".join(map(str, each))
                yield Finding(
                    key,
                    f"{where}: {more} for each further person, beside {household.first} for the first",
                    "check the digits",
                )


def _unknowns(_: Policy, rules: Mapping[str, Any]) -> Iterator[Finding]:
    """Unknown is not none: the cautious end of a band has to be one, and to leave something."""
    names = [f"assessment.{name}_percent_when_unknown" for name in ("essential", "other_debts")]
    for key in ("assessment.dependants_when_unknown", *names):
        band = rules.get(key)
        if band is not None and band.most <= band.least:
            what = f"least and most are both {band.most}: what nobody knows counts as if it were known"
            yield Finding(key, what, "raise most: what is offered reckons with it")
    if all(name in rules for name in names):
        taken = sum(rules[name].most for name in names)
        if taken >= 100:
            yield Finding(
                names[0],
                f"where nothing is known, {taken} % of the income are taken as spent, with {names[1]}: nobody can pay",
                "lower one of the two",
            )


def _kept(_: Policy, rules: Mapping[str, Any]) -> Iterator[Finding]:
    """A plan that takes all that is left breaks at the first bill that comes beside it."""
    key, reserve = "assessment.affordability_percent", "assessment.contingency_percent"
    if key not in rules or reserve not in rules:
        return
    kept_first = rules[reserve] if rules.get("assessment.contingency_cap") != 0 else 0
    taken = rules[key] * (100 - kept_first) // 100
    if taken > 100 - _LEAST_KEPT_PERCENT:
        yield Finding(
            key,
            f"a plan may take {taken} % of what is left after living, with {reserve} and its cap: hardly anything "
            "is kept for what comes beside it",
            f"lower it, or raise {reserve} and its cap",
        )


def _tellers(_: Policy, rules: Mapping[str, Any]) -> Iterator[Finding]:
    key = "assessment.income_counted_percent"
    counted = rules.get(key)
    if counted and counted["CUSTOMER"] > counted["STAFF"]:
        yield Finding(key, "what a customer says counts for more than what staff have seen", "check both")
    if counted and counted["CUSTOMER"] > counted["BILLING"]:
        yield Finding(key, "what a customer says counts for more than what is on record", "check both")


# --- words that nobody says ----------------------------------------------------------------------------------------


def _words(_: Policy, rules: Mapping[str, Any]) -> Iterator[Finding]:
    """Words that are compared with words from elsewhere: one that is misspelt never matches, and nobody notices."""
    known = rules.get("assessment.hardship_months")
    if known is not None:
        for key, words in _hardships(rules):
            # OTHER is on every income form, and nobody can say how long it lasts.
            yield from _strange(key, words, {*known, "OTHER"}, "assessment.hardship_months has no hardship")
    key = "identification.exclusions"
    yield from _strange(key, rules.get(key, ()), get_args(Flag), "billing has no standing")
    for key in ("contact.stop_on", "contact.service_despite"):
        yield from _strange(key, rules.get(key, ()), (*get_args(Flag), *OWN_WORDS), "nothing sets the word")
    for key in ("contact.channels", "contact.express_consent"):
        yield from _strange(key, rules.get(key, ()), _CHANNELS, "nobody is contacted by")
    if "contact.holidays" in rules:
        key = "contact.holidays"
        yield from _strange(key, rules[key].closed_to, _CHANNELS, "nobody is contacted by")
    key = "contact.third_party_allowed_when"
    yield from _strange(key, rules.get(key, ()), _THIRD_PARTY, "nothing is known of")
    key = "review.least_role"
    yield from _strange(key, rules.get(key, ()), texts("explain")["review"], "there is no reason for a review")


def _hardships(rules: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
    yield "identification.vulnerable_hardships", rules.get("identification.vulnerable_hardships", ())
    yield "assessment.evidence", tuple(word for one in rules.get("assessment.evidence", ()) for word in one.hardships)
    if "assessment.doubts" in rules:
        yield "assessment.doubts", rules["assessment.doubts"].income_gone_hardships


def _left_out(_: Policy, rules: Mapping[str, Any]) -> Iterator[Finding]:
    """Words that are missing from a list where all packs that ship have them."""
    effects = {
        "contact.stop_on": ((*_STANDINGS, "CEASE_CONTACT", "REPRESENTED", *OWN_WORDS), "messages and calls go on at"),
        "identification.exclusions": (_STANDINGS, "plans are offered at"),
        "assessment.hardship_months": (_HARDSHIPS, "billing's events are refused that tell"),
        "review.least_role": (("AMOUNT_ABOVE_LIMIT", "FOUR_EYES"), "any of staff may decide at"),
    }
    for key, (words, effect) in effects.items():
        missing = [word for word in words if key in rules and word not in rules[key]]
        if missing:
            yield Finding(key, f"{effect} {', '.join(missing)}", "add what was forgotten")
    key = "assessment.doubts"
    if key in rules and not rules[key].income_gone_hardships:
        what = "income_gone_hardships is empty: an income from before a job was lost is not doubted"
        yield Finding(key, what, "add what was forgotten")


def _switched_off(_: Policy, rules: Mapping[str, Any]) -> Iterator[Finding]:
    """What lets a person look, and is empty or false."""
    effects = {
        "identification.vulnerable_hardships": "nobody is vulnerable by what happened to them",
        "assessment.evidence": "nobody has to show a paper, whatever they owe",
        "review.vulnerable": "no person looks at what is offered to who needs extra care",
        "automated_decision.human_review_on_request": "who asks for a person's decision gets a computer's",
    }
    for key in (key for key in effects if key in rules and not rules[key]):
        state, way_out = ("false", "write true") if rules[key] is False else ("empty", "add what was forgotten")
        yield Finding(key, f"it is {state}: {effects[key]}", way_out)
    key = "negotiation.new_round_after_days"
    if rules.get(key) and not any(rules[key].values()):
        yield Finding(
            key, "whoever declined is asked again the next night", "write days above 0 where somebody said no"
        )


def _despite(_: Policy, rules: Mapping[str, Any]) -> Iterator[Finding]:
    """What stops contact and is passed by all the same."""
    key = "contact.service_despite"
    undone = [word for word in rules.get(key, ()) if word in rules.get("contact.stop_on", ()) and word not in OWN_WORDS]
    if undone:
        what = f"{', '.join(undone)}: answers are sent although contact.stop_on stops contact there"
        yield Finding(key, what, f"take it out: what an answer may pass by is {' and '.join(OWN_WORDS)}")


def _strange(key: str, words: Any, known: Any, what: str) -> Iterator[Finding]:
    strange = [word for word in dict.fromkeys(words) if word not in known]
    if strange:
        what = f"{what} {', '.join(strange)}: a word that is misspelt never matches"
        yield Finding(key, what, "correct it, or add it where it is missing")


# --- the early warning ---------------------------------------------------------------------------------------------


def _scorecard(policy: Policy, rules: Mapping[str, Any]) -> Iterator[Finding]:
    """Bounds of a chance that the scorecard never tells in the pack's currency."""
    strange = [currency for currency in policy.currencies if currency not in load_card().minor_units]
    bounds = {
        "identification.watch": "nobody is watched first",
        "identification.early_contact_pd_ppm": "in a portfolio nobody is found at risk, and all whom billing sees at "
        "risk are contacted",
    }
    for key, effect in bounds.items():
        if strange and key in rules:
            yield Finding(
                key,
                f"the scorecard knows no {', '.join(strange)}, so the bound is never used: {effect}",
                "calibrate the scorecard on the bank's own accounts first",
            )
