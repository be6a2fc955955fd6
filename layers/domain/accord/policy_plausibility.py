"""Rules of a policy pack that may be meant, but look like a slip: every one is worth a second look before use."""

from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any, get_args

from accord.billing import Flag
from accord.early_warning import load_card
from accord.policy import BUCKETS, Policy, Role
from accord.policy_contradictions import Finding
from accord.texts import texts

# Published tables are rounded part by part: so little may be missing from a sum.
_ROUNDING_PERCENT = 1
# An amount ten times out of proportion is most often in the wrong unit: fen for yuan, or yuan for fen.
_WRONG_UNIT = 10


def check_plausible(policy: Policy) -> list[Finding]:
    """What looks like a slip, and what to do if it is one. Missing rules pass."""
    rules = {key: rule.value for key, rule in policy.rules.items()}
    checks: tuple[Callable[[Policy, Mapping[str, Any]], Iterator[Finding]], ...] = (
        _by_bucket, _sale, _share_bands, _products, _price_floor, _authority, _four_eyes, _waivers, _instalment,
        _means, _words, _scorecard,
    )  # fmt: skip
    return [finding for check in checks for finding in check(policy, rules)]


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


# --- authority ---------------------------------------------------------------------------------------------------


def _authority(_: Policy, rules: Mapping[str, Any]) -> Iterator[Finding]:
    key = "authority.cumulative_12_months"
    amounts = rules.get(key, {})
    for lower, higher in pairwise(role for role in get_args(Role) if role in amounts):
        if amounts[higher] < amounts[lower]:
            yield Finding(
                key,
                f"{higher} may give up less in twelve months ({amounts[higher]}) than {lower} ({amounts[lower]})",
                f"raise it for {higher}, or lower it for {lower}",
            )


def _four_eyes(_: Policy, rules: Mapping[str, Any]) -> Iterator[Finding]:
    names = ("authority.four_eyes_above", "authority.concession", "authority.cumulative_12_months")
    if any(name not in rules for name in names):
        return
    above, matrix, cumulative = (rules[name] for name in names)
    by_component = matrix.get("POLICY", {}).values()
    at_once = max(sum(caps[bucket].amount for caps in by_component if bucket in caps) for bucket in BUCKETS)
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


# --- words that nobody says ----------------------------------------------------------------------------------------


def _words(_: Policy, rules: Mapping[str, Any]) -> Iterator[Finding]:
    """Words that are compared with words from elsewhere: one that is misspelt never matches, and nobody notices."""
    known = rules.get("assessment.hardship_months")
    if known is not None:
        for key, words in _hardships(rules):
            # OTHER is on every income form, and nobody can say how long it lasts.
            yield from _strange(key, words, {*known, "OTHER"}, "assessment.hardship_months has no hardship")
    for key in ("identification.exclusions", "contact.stop_on"):
        yield from _strange(key, rules.get(key, ()), get_args(Flag), "billing has no standing")
    key = "review.least_role"
    yield from _strange(key, rules.get(key, ()), texts("explain")["review"], "there is no reason for a review")


def _hardships(rules: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
    yield "identification.vulnerable_hardships", rules.get("identification.vulnerable_hardships", ())
    yield "assessment.evidence", tuple(word for one in rules.get("assessment.evidence", ()) for word in one.hardships)
    if "assessment.doubts" in rules:
        yield "assessment.doubts", rules["assessment.doubts"].income_gone_hardships


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
