"""Rules that contradict each other, or that can never be used."""

from typing import Any

import pytest
from builders import a_policy, the_policy

from accord.policy import Policy
from accord.policy_contradictions import check_together

MATRIX = {"POLICY": {"interest": {"ALL": {"percent": 50, "amount": 100}}}}


@pytest.mark.parametrize(
    ("changes", "key", "what"),
    [
        ({"offer__ordinary_max_months": 61}, "offer.ordinary_max_months", "61 months are more than"),
        ({"offer__terms_months": [12, 72, 84]}, "offer.terms_months", "72, 84 months are more than"),
        ({"offer__terms_months": [1, 12]}, "offer.terms_months", "nobody is offered 1"),
        ({"lump_sum__months_to_pay": 61}, "lump_sum.months_to_pay", "after the longest plan"),
        ({"offer__terms_months": [36, 60]}, "offer.terms_months", "none is within offer.ordinary_max_months (24)"),
        ({"offer__rates_ppm": []}, "offer.rates_ppm", "REDUCED_RATE in M0, M1, M2, M3"),
        ({"offer__rates_ppm": [90_000, 182_501]}, "offer.rates_ppm", "182501 are above offer.price_ceiling_ppm"),
        ({"offer__rates_ppm": [90_000, 0]}, "offer.rates_ppm", "no reduced rate is 0"),
        ({"waiver__plan_percent": {"principal": {"M6": 10}}}, "waiver.plan_percent", "10 % of principal in M6"),
        ({"waiver__lump_sum_percent": {"fees": {"ALL": 100}, "principal": {"M6+": 1}}}, "waiver.lump_sum_percent",
         "more than 0 %"),
        ({"authority__concession": MATRIX | {"LEAD": {"interest": {"ALL": {"percent": 50, "amount": 99}}}},
          "waiver__plan_percent": {}, "waiver__lump_sum_percent": {}}, "authority.concession",
         "LEAD may give up less of interest than POLICY in M0, M1"),
        ({"authority__concession": MATRIX | {"MANAGER": {}},
          "waiver__plan_percent": {}, "waiver__lump_sum_percent": {}}, "authority.concession",
         "MANAGER may give up less of interest than POLICY"),
        ({"authority__cumulative_12_months": {"POLICY": 1, "NEGOTIATOR": 1, "LEAD": 1}},
         "authority.cumulative_12_months", "MANAGER has authority, but"),
        ({"plan__no_new_card_undertaking": False}, "plan.no_new_card_undertaking", "no agreement is sealed"),
        ({"plan__cure_days": 28}, "plan.breach_after_days_past_due", "3 + 28 days to catch up"),
        ({"review__least_role": {"AMOUNT_ABOVE_LIMIT": "POLICY"}}, "review.least_role", "POLICY is no person"),
        ({"contact__max_messages_per_day": 0}, "contact.max_messages_per_day", "nobody is ever written to"),
        ({"contact__max_contacts_rolling_7_days": 0}, "contact.max_contacts_rolling_7_days", "0: nobody is ever"),
        ({"reminders__max_count": 30}, "reminders.max_count", "leave room for 14"),
        ({"reminders__max_count": 2, "offer__valid_days": 1}, "reminders.max_count", "leave room for 2"),
    ],
)  # fmt: skip
def test_a_contradiction_is_found_and_explained(changes: dict[str, Any], key: str, what: str) -> None:
    found = check_together(a_policy(**changes))
    assert {one.key for one in found} == {key}
    assert what in found[0].what
    assert found[0].way_out


def test_a_ceiling_that_one_role_may_approve_is_fine() -> None:
    assert check_together(a_policy(waiver__plan_percent={"interest": {"ALL": 100}})) == []


def test_amounts_in_two_currencies_are_ambiguous() -> None:
    policy = Policy.model_validate(the_policy().model_dump() | {"currencies": ("CNY", "USD")})
    assert [one.way_out for one in check_together(policy)] == ["write a pack for each currency"]


@pytest.mark.parametrize("key", sorted(the_policy().rules))
def test_a_rule_that_is_missing_contradicts_nothing(key: str) -> None:
    assert check_together(a_policy(**{key.replace(".", "__"): None})) == []
