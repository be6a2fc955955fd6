"""What the packs of China, the United Kingdom and the United States say by law; and what agreements there hold."""

from datetime import date, time
from typing import Any

import pytest
from builders import a_balance, a_case, an_account, an_offer

from accord.agreement import check_complete, terms_of
from accord.case import Balance
from accord.errors import AgreementIncompleteError
from accord.policy import BUCKETS, Policy, QuietHours, Reage, load_policy

DAY = date(2026, 11, 24)
CURRENCIES = {"CN": "CNY", "UK": "GBP", "US": "USD"}
ZONES = {"CN": "Asia/Shanghai", "UK": "Europe/London", "US": "America/New_York"}


@pytest.mark.parametrize(
    ("jurisdiction", "key", "value"),
    [
        ("CN", "contact.quiet_hours_local", QuietHours(start=time(22), end=time(8))),
        ("UK", "contact.quiet_hours_local", QuietHours(start=time(21), end=time(8))),
        ("US", "contact.quiet_hours_local", QuietHours(start=time(21), end=time(8))),
        ("US", "contact.max_calls_rolling_7d_per_debt", 7),
        ("US", "contact.cooldown_after_conversation_days", 7),
        ("US", "contact.max_connected_voice_per_debtor_per_day", None),
        ("UK", "contact.max_calls_rolling_7d_per_debt", None),
        ("UK", "contact.third_party_allowed_when", ()),
        ("CN", "plan.max_term_months", 60),
        ("US", "plan.max_term_months", 60),
        ("CN", "plan.no_new_card_undertaking", True),
        ("UK", "plan.no_new_card_undertaking", False),
        ("US", "plan.no_new_card_undertaking", False),
        ("CN", "reage.limits", None),
        ("UK", "reage.limits", None),
        ("US", "reage.limits",
         Reage(account_months=9, payments_first=3, per_12_months=1, per_60_months=2, workout_per_60_months=1)),
        ("US", "tax.forgiveness_report_threshold", 600_00),
        ("UK", "tax.forgiveness_report_threshold", None),
        ("CN", "retention.recording_years", 5),
        ("US", "retention.recording_years", 3),
        ("UK", "assessment.contingency_cap", 20_00),
    ],
)  # fmt: skip
def test_what_the_law_says_stands_in_the_pack(jurisdiction: str, key: str, value: Any) -> None:
    assert load_policy(jurisdiction).rule(key, DAY) == value


@pytest.mark.parametrize("jurisdiction", CURRENCIES)
def test_a_pack_has_the_currency_and_the_time_of_its_country_and_says_both_languages(jurisdiction: str) -> None:
    policy = load_policy(jurisdiction)
    assert (policy.currencies, policy.time_zone) == ((CURRENCIES[jurisdiction],), ZONES[jurisdiction])
    assert policy.rule("institution.name", DAY).keys() == {"zh-CN", "en"}


@pytest.mark.parametrize("jurisdiction", CURRENCIES)
def test_every_rule_is_in_force_and_a_null_says_why(jurisdiction: str) -> None:
    policy = load_policy(jurisdiction)
    for key, rule in policy.rules.items():
        policy.rule(key, DAY)
        if rule.value is None:
            assert "no rule" in rule.citation or "no such rule" in rule.citation or "no period" in rule.citation


@pytest.mark.parametrize(("persons", "dollars"), [(1, 839), (2, 1481), (3, 1753), (4, 2129), (5, 2523), (6, 2917)])
def test_the_united_states_protect_what_the_national_standards_allow(persons: int, dollars: int) -> None:
    us = load_policy("US")
    assert us.rule("assessment.protected_floor", DAY)["DEFAULT"].of(persons) == dollars * 100
    by_category = us.rule("assessment.guidelines", DAY)["DEFAULT"].values()
    parts = sum(household.of(persons) for household in by_category)
    assert parts == dollars * 100 - (100 if persons == 1 else 0)  # the published parts fall a dollar short


def test_principal_is_given_up_in_late_settlements_in_the_united_states_alone_and_by_persons_alone() -> None:
    for jurisdiction in CURRENCIES:
        policy = load_policy(jurisdiction)
        assert "principal" not in policy.rule("waiver.plan_percent", DAY)
        assert "principal" not in policy.rule("authority.concession", DAY)["POLICY"]
    settled = {j: load_policy(j).rule("waiver.lump_sum_percent", DAY).get("principal", {}) for j in CURRENCIES}
    assert settled == {"CN": {}, "UK": {}, "US": {"M5": 20, "M6": 40, "M6+": 50}}


@pytest.mark.parametrize("jurisdiction", CURRENCIES)
def test_a_plan_with_a_reduced_rate_is_offered_before_an_account_is_late(jurisdiction: str) -> None:
    products = load_policy(jurisdiction).rule("offer.products", DAY)
    assert set(products) == set(BUCKETS)
    assert [str(product) for product in products["M0"]] == ["INSTALMENT", "REDUCED_RATE"]


# --- what is signed ----------------------------------------------------------------------------------------------


def terms(jurisdiction: str, language: str = "en", waived: Balance | None = None) -> tuple[dict[str, Any], Policy]:
    policy = load_policy(jurisdiction)
    currency = CURRENCIES[jurisdiction]
    undertaking = policy.rule("plan.no_new_card_undertaking", DAY)
    case = a_case(jurisdiction=jurisdiction, time_zone=policy.time_zone, account=an_account(currency=currency))
    changes = {} if waived is None else {"waived": waived}
    offer = an_offer(currency=currency, no_new_card=undertaking, policy_version=policy.version, **changes)
    return terms_of(case, offer, policy, language, DAY), policy


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize("jurisdiction", CURRENCIES)
def test_an_agreement_is_complete_in_every_jurisdiction_and_language(jurisdiction: str, language: str) -> None:
    said, policy = terms(jurisdiction, language)
    check_complete(said, policy, DAY)
    assert ("no_new_card" in said["consent_texts"]) == (jurisdiction == "CN")
    assert ("no_new_card" in {clause["id"] for clause in said["clauses"]}) == (jurisdiction == "CN")


@pytest.mark.parametrize("jurisdiction", CURRENCIES)
@pytest.mark.parametrize("content", ["debt", "repayment", "charges", "rights_and_breach", "other"])
def test_an_agreement_that_lacks_a_content_is_refused_in_every_jurisdiction(jurisdiction: str, content: str) -> None:
    said, policy = terms(jurisdiction)
    said["clauses"] = [clause for clause in said["clauses"] if clause["id"] != content]
    with pytest.raises(AgreementIncompleteError, match=f"{content}: the agreement does not say it"):
        check_complete(said, policy, DAY)


def test_an_agreement_in_which_principal_is_given_up_adds_up() -> None:
    half = Balance(principal=a_balance().principal // 2, interest=600_00, late_fees=200_00)
    said, policy = terms("US", waived=half)
    check_complete(said, policy, DAY)
    assert said["financed"] == a_balance().total - half.total
