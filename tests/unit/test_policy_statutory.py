"""No pack is looser than the law of its jurisdiction, and each demand of the law says where it stands."""

from datetime import time
from typing import Any

import pytest

from accord.policy import KEYS, Policy, load_policy
from accord.policy_statutory import STATUTORY, check_statutory

PACKS = pytest.mark.parametrize("jurisdiction", ["CN", "UK", "US"])


def with_values(jurisdiction: str, **values: Any) -> Policy:
    pack = load_policy(jurisdiction).model_dump()
    for name, value in values.items():
        pack["rules"][name.replace("__", ".")]["value"] = value
    return Policy.model_validate(pack)


@PACKS
def test_a_pack_that_ships_is_no_looser_than_the_law(jurisdiction: str) -> None:
    assert list(check_statutory(load_policy(jurisdiction))) == []
    assert {floor.key for floor in STATUTORY[jurisdiction]} <= KEYS
    assert all(floor.citation for floor in STATUTORY[jurisdiction])


@PACKS
def test_a_rule_that_is_missing_is_no_matter_of_the_law(jurisdiction: str) -> None:
    pack = load_policy(jurisdiction)
    assert list(check_statutory(pack.model_copy(update={"rules": {}}))) == []


REAGE = {"account_months": 9, "payments_first": 3, "per_12_months": 1, "per_60_months": 2, "workout_per_60_months": 1}
ORDER = {"UP_TO_90_DAYS": ["interest", "penalty_interest", "late_fees", "fees", "principal"],
         "FROM_91_DAYS": ["principal", "interest", "penalty_interest", "late_fees", "fees"],
         "IN_PLAN": ["principal", "interest", "penalty_interest", "late_fees", "fees"]}  # fmt: skip


@pytest.mark.parametrize(
    ("jurisdiction", "key", "value", "said"),
    [
        ("CN", "plan__max_term_months", 61, "60 at most"),
        ("CN", "plan__agreement_required_fields", ["debt", "repayment", "charges", "no_new_card"], "rights_and_breach"),
        ("CN", "plan__no_new_card_undertaking", False, "wants true"),
        ("CN", "interest__on_fees", True, "wants false"),
        ("CN", "automated_decision__human_review_on_request", False, "Art. 24"),
        ("CN", "identification__exclusions", ["FRAUD"], "DECEASED among it"),
        ("CN", "contact__quiet_hours_local", {"start": "22:00", "end": "07:59"}, "from 22:00 to 08:00"),
        ("CN", "contact__quiet_hours_local", {"start": "22:01", "end": "08:00"}, "from 22:00 to 08:00"),
        ("CN", "contact__quiet_hours_local", {"start": "00:00", "end": "08:00"}, "from 22:00 to 08:00"),
        ("CN", "contact__quiet_hours_local", {"start": "08:00", "end": "22:00"}, "from 22:00 to 08:00"),
        ("CN", "contact__max_connected_voice_per_debtor_per_day", 4, "3 at most"),
        ("CN", "contact__max_connected_voice_per_debtor_per_day", None, "3 at most"),
        ("CN", "contact__max_unanswered_attempts_per_number_per_day", 7, "6 at most"),
        ("CN", "allocation__order", ORDER | {"FROM_91_DAYS": ORDER["UP_TO_90_DAYS"]}, "principal first"),
        ("CN", "allocation__order", ORDER | {"UP_TO_90_DAYS": ORDER["FROM_91_DAYS"]}, "principal last"),
        ("CN", "retention__impact_assessment_years", None, "3 at least"),
        ("CN", "retention__recording_years", 4, "the longest plan lasts (60 months"),
        ("CN", "contact__third_party_allowed_when", ["ALWAYS"], "none but DEBTOR_UNREACHABLE"),
        ("US", "contact__third_party_allowed_when", ["DEBTOR_UNREACHABLE"], "none but LOCATION_UNKNOWN"),
        ("US", "reage__limits", None, "65 FR 36903"),
        ("US", "reage__limits", REAGE | {"account_months": 8}, "account_months 9"),
        ("US", "reage__limits", REAGE | {"payments_first": 2}, "payments_first 3"),
        ("US", "reage__limits", REAGE | {"per_12_months": 2}, "per_12_months 1"),
        ("US", "reage__limits", REAGE | {"per_60_months": 3}, "per_60_months 2"),
        ("US", "reage__limits", REAGE | {"workout_per_60_months": 2}, "workout_per_60_months 1 at most"),
        ("US", "contact__quiet_hours_local", {"start": "22:00", "end": "08:00"}, "from 21:00 to 08:00"),
        ("US", "contact__max_calls_rolling_7d_per_debt", 8, "7 at most"),
        ("US", "contact__cooldown_after_conversation_days", 6, "7 at least"),
        ("US", "contact__stop_on", ["CEASE_CONTACT"], "1006.6(c)"),
        ("CN", "contact__stop_on", ["DECEASED"], "Art. 70"),  # collection stops once a plan is signed
        ("CN", "contact__service_despite", ["DECEASED", "COMPLAINT"], "none of DECEASED"),
        ("US", "contact__service_despite", ["PLAN_PERFORMING", "BANKRUPT"], "11 USC 362"),
        ("US", "contact__service_despite", ["REPRESENTED"], "none of CEASE_CONTACT, REPRESENTED, BANKRUPT"),
        ("US", "contact__service_despite", ["CEASE_CONTACT"], "1006.6(c)"),
        ("UK", "contact__service_despite", ["COMPLAINT", "MORATORIUM"], "none of MORATORIUM"),
        ("US", "tax__forgiveness_report_threshold", None, "26 CFR 1.6050P-1"),
        ("US", "tax__forgiveness_report_threshold", 60_001, "60000 at most"),
        ("US", "plan__max_term_months", 72, "60 at most"),
        ("UK", "identification__exclusions", ["DECEASED"], "SI 2020/1311"),
        ("UK", "contact__stop_on", ["DECEASED"], "SI 2020/1311"),
        ("UK", "automated_decision__human_review_on_request", False, "UK GDPR"),
    ],
)
def test_what_is_looser_than_the_law_is_named_with_its_source(
    jurisdiction: str, key: str, value: Any, said: str
) -> None:
    (found,) = check_statutory(with_values(jurisdiction, **{key: value}))
    assert found.key == key.replace("__", ".")
    assert said in found.what


def test_recordings_may_go_as_soon_as_the_longest_plan_is_over() -> None:
    shorter = {"plan__max_term_months": 24, "retention__recording_years": 2}
    assert list(check_statutory(with_values("CN", **shorter))) == []
    found = list(check_statutory(with_values("CN", **(shorter | {"retention__recording_years": 1}))))
    assert [one.what.split(" (")[0] for one in found] == [
        "it is looser than the law, which wants 2 at least",
        "it is looser than the law: 1 years are less than the longest plan lasts",
    ]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("plan__max_term_months", 36),
        ("contact__quiet_hours_local", {"start": time(20), "end": time(9)}),
        ("contact__quiet_hours_local", {"start": time(12), "end": time(11)}),
        ("contact__max_connected_voice_per_debtor_per_day", 0),
        ("retention__recording_years", 9),
        ("contact__third_party_allowed_when", []),
        ("contact__service_despite", []),
        ("contact__service_despite", ["COMPLAINT", "PLAN_PERFORMING"]),  # an answer is no collection
    ],
)
def test_a_pack_may_be_stricter_than_the_law(key: str, value: Any) -> None:
    assert list(check_statutory(with_values("CN", **{key: value}))) == []
