"""Policy packs: data with source and dates; what no rule allows is denied."""

from datetime import date
from typing import Any

import pytest
import yaml
from builders import TODAY, a_policy, the_policy
from loading import ROOT

from accord.case import Product
from accord.errors import RuleMissingError
from accord.policy import Policy, jurisdictions, load_policy, read_policy

MODULES = [*(ROOT / "layers" / "domain" / "accord").rglob("*.py"), *(ROOT / "functions").rglob("*.py")]


def test_there_is_a_pack_for_china() -> None:
    assert "CN" in jurisdictions()
    assert load_policy("CN").currencies == ("CNY",)
    assert load_policy("CN") is load_policy("CN")


@pytest.mark.parametrize("jurisdiction", ["XX", "cn", "", "../CN"])
def test_a_jurisdiction_without_a_pack_is_denied(jurisdiction: str) -> None:
    with pytest.raises(RuleMissingError, match="no policy pack"):
        load_policy(jurisdiction)


@pytest.mark.parametrize("jurisdiction", jurisdictions())
def test_every_rule_of_a_shipped_pack_names_its_source(jurisdiction: str) -> None:
    rules = load_policy(jurisdiction).rules
    assert all(rule.citation.strip() for rule in rules.values())
    assert {rule.confidence for rule in rules.values()} <= {"high", "medium", "low"}


@pytest.mark.parametrize("jurisdiction", jurisdictions())
def test_every_rule_of_a_shipped_pack_is_read_by_something(jurisdiction: str) -> None:
    """A rule that nothing asks for looks like a promise and binds nobody."""
    read = "".join(path.read_text(encoding="utf-8") for path in MODULES if path.name != "policy.py")
    assert [key for key in load_policy(jurisdiction).rules if f'"{key}"' not in read] == []


def test_a_value_has_the_type_that_its_key_asks_for() -> None:
    assert the_policy().rule("offer.products", TODAY)["M4"] == (Product.INTEREST_FREE, Product.LUMP_SUM)
    assert the_policy().rule("plan.max_term_months", TODAY) == 60


def test_a_missing_rule_is_denied_by_name() -> None:
    with pytest.raises(RuleMissingError, match=r"cn-2026\.2 has no rule plan\.max_term_months"):
        a_policy(plan__max_term_months=None).rule("plan.max_term_months", TODAY)


@pytest.mark.parametrize(
    ("today", "in_force"),
    [(date(2025, 12, 31), False), (date(2026, 1, 1), True), (date(2026, 6, 30), True), (date(2026, 7, 1), False)],
)
def test_a_rule_holds_from_its_first_to_its_last_day(today: date, in_force: bool) -> None:
    rule = A_RULE | {"value": 60, "effective_to": "2026-06-30"}
    policy = Policy.model_validate(the_policy().model_dump() | {"rules": {"plan.max_term_months": rule}})
    if in_force:
        assert policy.rule("plan.max_term_months", today) == 60
    else:
        with pytest.raises(RuleMissingError, match="in force only"):
            policy.rule("plan.max_term_months", today)


def test_what_was_asked_of_a_policy_is_remembered_once() -> None:
    rules = the_policy().on(TODAY)
    _ = rules["plan.cure_days"], rules["plan.grace_days"], rules["plan.cure_days"]
    assert rules.used == ("plan.cure_days", "plan.grace_days")


# --- a pack that is wrong ----------------------------------------------------------------------------------------


def broken(**changes: Any) -> str:
    """The shipped pack as YAML with a change in one rule."""
    pack = the_policy().model_dump(mode="json")
    for name, change in changes.items():
        pack["rules"].setdefault(name.replace("__", "."), {}).update(change)
    return yaml.safe_dump(pack, allow_unicode=True)


A_RULE = {"value": 1, "citation": "test", "confidence": "low", "effective_from": "2026-01-01"}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (broken(plan__max_term_month=A_RULE),
         "plan.max_term_month: there is no such rule"),
        (broken(plan__max_term_months={"value": 0}), "plan.max_term_months.value: Input should be greater"),
        (broken(plan__max_term_months={"value": "60"}), "plan.max_term_months.value: Input should be a valid int"),
        (broken(waiver__plan_percent={"value": {"late_fees": {"M2": 101}}}), "late_fees.M2: Input should be less"),
        (broken(waiver__plan_percent={"value": {"principal": {"M2": 10}}}), "waiver.plan_percent.value.principal"),
        (broken(contact__quiet_hours_local={"value": {"start": "08:00", "end": "08:00"}}), "the same"),
        (broken(plan__cure_days={"citation": ""}), "rules.plan.cure_days.citation"),
        (broken(plan__cure_days={"confidence": "certain"}), "rules.plan.cure_days.confidence"),
        (broken(plan__cure_days={"note": "x"}), "rules.plan.cure_days.note"),
        (broken().replace("Asia/Shanghai", "Asia/Nowhere"), "time_zone"),
        (broken().replace("- CNY", "- XAU"), "currencies"),
        ("rules: [", "not YAML"),
    ],
)  # fmt: skip
def test_a_pack_that_is_wrong_is_refused_by_the_name_of_what_is_wrong(text: str, names: str) -> None:
    with pytest.raises(ValueError, match="(?s).*" + names.replace(".", r"\.").replace("(", r"\(")):
        read_policy(text)
