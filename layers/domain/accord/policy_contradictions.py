"""Rules of a policy pack that contradict each other, or that can never be used: what no single rule shows."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, NamedTuple, get_args

from accord.case import Product
from accord.policy import BUCKETS, Policy, Role
from accord.search import LEAST_MONTHS


class Finding(NamedTuple):
    """What is wrong with rules that are each fine, or looks like a slip. `key` is the rule to look at."""

    key: str
    what: str
    way_out: str


def check_together(policy: Policy) -> list[Finding]:
    """What no single rule shows: rules that contradict each other, or that can never be used. Missing rules pass."""
    rules = {key: rule.value for key, rule in policy.rules.items()}
    return [
        finding
        for check in (_currencies, _terms, _products, _authority, _agreement, _breach, _reminders)
        for finding in check(policy, rules)
    ]


def _currencies(policy: Policy, _: Mapping[str, Any]) -> Iterator[Finding]:
    if len(policy.currencies) > 1:
        yield Finding(
            "offer.min_instalment",
            f"an amount would mean the same number of {' and of '.join(policy.currencies)}",
            "write a pack for each currency",
        )


def _terms(_: Policy, rules: Mapping[str, Any]) -> Iterator[Finding]:
    longest = rules.get("plan.max_term_months")
    if longest is None:
        return
    if rules.get("offer.ordinary_max_months", 0) > longest:
        yield Finding(
            "offer.ordinary_max_months",
            f"{rules['offer.ordinary_max_months']} months are more than plan.max_term_months ({longest}) allows",
            "lower it",
        )
    beyond = [months for months in rules.get("offer.terms_months", ()) if months > longest]
    if beyond:
        yield Finding(
            "offer.terms_months",
            f"{', '.join(map(str, beyond))} months are more than plan.max_term_months ({longest}) allows",
            "take them out: nobody is offered them",
        )
    single = [months for months in rules.get("offer.terms_months", ()) if months < LEAST_MONTHS]
    if single:
        yield Finding(
            "offer.terms_months",
            f"a plan has {LEAST_MONTHS} instalments at least: nobody is offered {', '.join(map(str, single))}",
            "take it out; a single payment is the product LUMP_SUM",
        )
    ordinary = rules.get("offer.ordinary_max_months", longest)
    if not any(LEAST_MONTHS <= months <= ordinary for months in rules.get("offer.terms_months", (ordinary,))):
        yield Finding(
            "offer.terms_months",
            f"none is within offer.ordinary_max_months ({ordinary}): nobody is offered an ordinary plan",
            "add a shorter term",
        )
    if rules.get("lump_sum.months_to_pay", 0) > longest:
        yield Finding(
            "lump_sum.months_to_pay",
            f"one payment after {rules['lump_sum.months_to_pay']} months comes after the longest plan ({longest})",
            "lower it",
        )


def _products(_: Policy, rules: Mapping[str, Any]) -> Iterator[Finding]:
    products = rules.get("offer.products", {})
    reduced = [bucket for bucket in BUCKETS if Product.REDUCED_RATE in products.get(bucket, ())]
    if reduced and rules.get("offer.rates_ppm") == ():
        yield Finding(
            "offer.rates_ppm",
            f"there is no rate, but offer.products has REDUCED_RATE in {', '.join(reduced)}",
            "name a rate, or take the product out",
        )
    ceiling = rules.get("offer.price_ceiling_ppm")
    beyond = [rate for rate in rules.get("offer.rates_ppm", ()) if ceiling is not None and rate > ceiling]
    if beyond:
        yield Finding(
            "offer.rates_ppm",
            f"{', '.join(map(str, beyond))} are above offer.price_ceiling_ppm ({ceiling})",
            "take them out: nobody is offered them",
        )
    if 0 in rules.get("offer.rates_ppm", ()):
        yield Finding(
            "offer.rates_ppm", "no reduced rate is 0: nobody is offered it", "take it out; no interest is INTEREST_FREE"
        )


def _authority(_: Policy, rules: Mapping[str, Any]) -> Iterator[Finding]:
    """Ceilings that nobody can approve, and persons with less authority than those below them."""
    matrix = rules.get("authority.concession")
    if matrix is None:
        return
    for key in ("waiver.plan_percent", "waiver.lump_sum_percent"):
        for component, by_bucket in rules.get(key, {}).items():
            for bucket, percent in by_bucket.items():
                most = max((_caps(matrix, role, component, bucket)[0] for role in get_args(Role)), default=0)
                if percent > most:
                    yield Finding(
                        key,
                        f"{percent} % of {component} in {bucket}, but no role in authority.concession may give up more "
                        f"than {most} %",
                        "lower the waiver, or give a role the authority",
                    )
    ladder = [role for role in get_args(Role) if role in matrix]
    components = {component for caps in matrix.values() for component in caps}
    for lower, higher in pairwise(ladder):
        for component in sorted(components):
            less = [
                bucket
                for bucket in BUCKETS
                if any(
                    below > above
                    for below, above in zip(
                        _caps(matrix, lower, component, bucket), _caps(matrix, higher, component, bucket), strict=True
                    )
                )
            ]
            if less:
                yield Finding(
                    "authority.concession",
                    f"{higher} may give up less of {component} than {lower} in {', '.join(less)}",
                    f"raise it for {higher}, or lower it for {lower}",
                )
    nobody = [reason for reason, role in rules.get("review.least_role", {}).items() if role == "POLICY"]
    if nobody:
        what = f"{', '.join(nobody)}: POLICY is no person, and a review is a person's"
        yield Finding("review.least_role", what, "write NEGOTIATOR, LEAD or MANAGER")
    cumulative = rules.get("authority.cumulative_12_months")
    for role in ladder:
        if cumulative is not None and role not in cumulative:
            yield Finding(
                "authority.cumulative_12_months",
                f"{role} has authority, but no amount for twelve months: it is denied everything",
                f"add an amount for {role}, or take the role out of authority.concession",
            )


def _caps(matrix: Mapping[str, Any], role: str, component: str, bucket: str) -> tuple[int, int]:
    """Up to which share and amount a role may give up a component in a bucket; nothing where it is not named."""
    cap = matrix.get(role, {}).get(component, {}).get(bucket)
    return (cap.percent, cap.amount) if cap is not None else (0, 0)


def _agreement(_: Policy, rules: Mapping[str, Any]) -> Iterator[Finding]:
    asked = "no_new_card" in rules.get("plan.agreement_required_fields", ())
    if asked and rules.get("plan.no_new_card_undertaking") is False:
        yield Finding(
            "plan.no_new_card_undertaking",
            "nothing is undertaken, but plan.agreement_required_fields asks for no_new_card: no agreement is sealed",
            "make it true, or take no_new_card out there",
        )


def _breach(_: Policy, rules: Mapping[str, Any]) -> Iterator[Finding]:
    names = ("plan.grace_days", "plan.cure_days", "plan.breach_after_days_past_due")
    if any(name not in rules for name in names):
        return
    grace, cure, breach = (rules[name] for name in names)
    if grace + cure > breach:
        yield Finding(
            "plan.breach_after_days_past_due",
            f"after {breach} days the plan is breached, but the customer has {grace} + {cure} days to catch up "
            f"(plan.grace_days, plan.cure_days)",
            f"make it {grace + cure} at least",
        )


def _reminders(_: Policy, rules: Mapping[str, Any]) -> Iterator[Finding]:
    """An invitation and all its reminders have to fit into the days of an offer."""
    names = ("reminders.max_count", "offer.valid_days", "contact.max_contacts_rolling_7_days")
    if any(name not in rules for name in (*names, "contact.max_messages_per_day")):
        return
    count, days, per_week = (rules[name] for name in names)
    room = min(days * rules["contact.max_messages_per_day"], -(-days // 7) * per_week)
    if room == 0:
        caps = ("contact.max_messages_per_day", "contact.max_contacts_rolling_7_days")
        for key in (name for name in caps if rules[name] == 0):
            yield Finding(key, "0: nobody is ever written to, so no offer reaches anybody", "allow one at least")
    elif count + 1 > room:
        yield Finding(
            "reminders.max_count",
            f"an invitation and {count} reminders do not fit into the {days} days of an offer: the contact caps leave "
            f"room for {room}",
            "remind less often, or let offers stand longer",
        )
