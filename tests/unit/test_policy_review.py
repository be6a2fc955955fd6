"""Reviewing a policy pack: the line, what is wrong and the way out; and what differs between two packs."""

from datetime import date
from typing import Any

import pytest
from builders import TODAY, a_policy, the_policy
from loading import ROOT

from accord.policy import Policy
from accord.policy_review import Difference, Review, differences, review

PACK = (ROOT / "layers/domain/accord/policies/cn.yaml").read_text(encoding="utf-8")
HEAD = "jurisdiction: CN\nversion: cn-1\ncurrencies: [CNY]\ntime_zone: Asia/Shanghai\nrules:\n"


def line_of(text: str, words: str) -> int:
    """The number of the one line that holds these words."""
    (number,) = [number for number, line in enumerate(text.splitlines(), start=1) if words in line]
    return number


def with_change(old: str, new: str) -> str:
    assert PACK.count(old) == 1, old
    return PACK.replace(old, new)


def test_a_pack_that_ships_has_no_problems_and_says_what_is_weak() -> None:
    found = review(PACK, TODAY)
    assert found.problems == ()
    assert found.policy == the_policy()
    assert "support.free_help" in found.low_confidence
    assert "plan.max_term_months" not in found.low_confidence


@pytest.mark.parametrize(
    ("old", "new", "where", "what", "way_out"),
    [
        ("FROM_91_DAYS: [principal, ", "FROM_91_DAYS: [", "allocation.order.value.FROM_91_DAYS",
         "it has to name each of principal", "name all of them"),
        ("value: {least: 40, most: 60}", "value: {least: 40, most: 160}",
         "assessment.essential_percent_when_unknown.value.most", "160 stands here", "within the bounds 0 and 100"),
        ("value: {start: \"22:00\", end: \"08:00\"}", "value: {start: 22:00, end: \"08:00\"}",
         "contact.quiet_hours_local.value.start", "22:00 could be read as another number", 'in quotes: "22:00"'),
        ("M4: [REDUCED_RATE, INTEREST_FREE, LUMP_SUM]", "M4: [REDUCED_RATE, GIFT]", "offer.products.value.M4.1",
         '"GIFT" is not known here', "one of these: INSTALMENT, REDUCED_RATE"),
        ("{ALL: 12, M6+: 8}", "{ALL: 112, M6+: 8}", "pricing.bulk_sale_percent.value.ALL", "112 stands here",
         "within the bounds"),
        ("{ALL: 12, M6+: 8}", "{M6+: 8}", "pricing.bulk_sale_percent.value", "it lacks M0, M1", "add what is missing"),
        ("  plan.cure_days:", "  plan.cure_day:", "plan.cure_day", "there is no such rule", "write plan.cure_days"),
        ("time_zone: Asia/Shanghai", "time_zone: Asia/Peking", "time_zone", "not a time zone", "Asia/Shanghai"),
        ("version: cn-2026.3", "version: CN 2026", "version", "not spelt", "small letters"),
        ("jurisdiction: CN", "jurisdiction: CM", "jurisdiction", "the law of CM is not known here", "CN, UK, US"),
        ("jurisdiction: CN", "jurisdiction: XX", "jurisdiction", "the law of XX is not known here", "CN, UK, US"),
    ],
)  # fmt: skip
def test_a_problem_is_told_with_its_line_and_the_way_out(
    old: str, new: str, where: str, what: str, way_out: str
) -> None:
    text = with_change(old, new)
    (problem,) = review(text, TODAY).problems
    assert (problem.line, problem.where) == (line_of(text, new.splitlines()[0]), where)
    assert what in problem.what
    assert way_out in problem.way_out


def problems(text: str, today: date = TODAY) -> dict[str, tuple[int, str]]:
    found: Review = review(text, today)
    return {problem.where: (problem.line, problem.what) for problem in found.problems}


def test_what_a_rule_lacks_and_what_it_has_too_much_stand_on_the_rules_own_lines() -> None:
    rule = (
        "  plan.cure_days:\n    value: fifteen\n    confidence: certain\n    note: x\n    effective_from: 2020-01-01\n"
    )
    found = problems(HEAD + rule)
    assert found["plan.cure_days.citation"] == (6, "it is missing")
    assert found["plan.cure_days.value"][0] == 7
    assert found["plan.cure_days.confidence"][0] == 8
    assert found["plan.cure_days.note"][0] == 9
    assert found["plan.max_term_months"] == (5, "the rule is missing: whatever asks for it is denied")


def test_what_stands_there_twice_is_found_although_yaml_takes_the_last() -> None:
    text = PACK + "  plan.cure_days: {value: 99, citation: x, confidence: low, effective_from: 2020-01-01}\n"
    first, last = line_of(PACK, "plan.cure_days:"), len(text.splitlines())
    assert problems(text) == {"plan.cure_days": (last, f"it stands on line {first} already")}


def test_rules_that_contradict_each_other_are_told_at_the_line_of_one() -> None:
    text = with_change("value: 24\n    citation: bank setting; longer plans", "value: 61\n    citation: longer plans")
    assert list(problems(text)) == ["offer.ordinary_max_months"]
    assert problems(text)["offer.ordinary_max_months"][0] == line_of(text, "  offer.ordinary_max_months:")


def test_a_rule_that_is_not_in_force_on_the_day_is_a_problem_and_one_that_ends_soon_a_warning() -> None:
    cure = "  plan.cure_days:\n    value: 15\n    citation: bank setting\n    confidence: medium\n"
    text = with_change(cure + "    effective_from: 2020-01-01", cure + "    effective_from: 2026-01-01\n"
                       "    effective_to: 2026-06-30")  # fmt: skip
    assert review(text, date(2026, 3, 31)).expiring == ()
    assert review(text, date(2026, 3, 31)).problems == ()
    assert review(text, date(2026, 4, 1)).expiring == (("plan.cure_days", date(2026, 6, 30)),)
    assert review(text, date(2026, 6, 30)).problems == ()
    line, what = problems(text, date(2026, 7, 1))["plan.cure_days"]
    assert (line, what[:34]) == (line_of(text, "effective_to: "), "it was in force until 2026-06-30: ")
    early = problems(PACK, date(2025, 12, 31))
    assert early["contact.third_party_allowed_when"][1].startswith("it is in force only from 2026-01-30")


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("rules: [\n", 1, "it is not YAML"),
        ("a: b\n\tc: d\n", 2, "it is not YAML"),
        ("a: !!python/object:os.system x\n", 1, "a tag of YAML"),
        ("", 1, "it is no pack"),
        ("- a\n- b\n", 1, "it is no pack"),
        ("jurisdiction: CN\n", 1, "it is no pack"),
        ("rules: 3\n", 1, "it is no pack"),
        ("\x00", 1, "U+0000 is no text"),
    ],
)
def test_a_file_that_is_no_pack_is_told_so(text: str, line: int, what: str) -> None:
    (problem,) = review(text, TODAY).problems
    assert problem.line == line
    assert what in problem.what


@pytest.mark.parametrize("rule", ["3", "[]", "null", "{value: {}}", "{1: 2}"])
def test_any_nonsense_in_place_of_a_rule_is_a_problem_and_no_crash(rule: str) -> None:
    text = HEAD + f"  offer.products: {rule}\n  7: {rule}\n"
    lines = {problem.where.partition(".v")[0]: problem.line for problem in review(text, TODAY).problems}
    assert lines["7"] == 7
    assert 6 in lines.values()


def test_a_value_that_is_wrong_hides_nothing_of_the_rules_that_can_be_read() -> None:
    text = with_change("{least: 40, most: 60}", "{least: 40, most: 600}")
    text = text.replace('start: "22:00"', 'start: "23:00"').replace("time_zone: Asia/Shanghai", "time_zone: Peking")
    text = text.replace("value: {ALL: 12, M6+: 8}", "value: {ALL: 12, M6+: 18}")
    text = text.replace("lump_sum.months_to_pay:\n    value: 3", "lump_sum.months_to_pay:\n    value: 61")
    found = review(text, TODAY)
    assert found.policy is None
    assert [problem.where for problem in found.problems] == [
        "time_zone",
        "contact.quiet_hours_local",  # looser than the law
        "assessment.essential_percent_when_unknown.value.most",
        "lump_sum.months_to_pay",  # contradicts the longest plan
    ]
    assert "pricing.bulk_sale_percent" in {doubt.where for doubt in found.warnings}
    assert "support.free_help" in found.low_confidence


def test_a_file_of_many_rules_that_nobody_knows_is_one_problem() -> None:
    (problem,) = review(HEAD + "".join(f"  r{number}: 1\n" for number in range(2_000)), TODAY).problems
    assert (problem.line, problem.what[:17]) == (5, "it has 2000 rules")


# --- two packs ---------------------------------------------------------------------------------------------------


def test_a_pack_does_not_differ_from_itself_however_it_is_written() -> None:
    spelt_out = with_change("{ALL: 12, M6+: 8}", "{M0: 12, M1: 12, M2: 12, M3: 12, M4: 12, M5: 12, M6: 12, M6+: 8}")
    other = review(spelt_out, TODAY).policy
    assert other is not None
    assert differences(the_policy(), other) == []


@pytest.mark.parametrize(
    ("changes", "part", "old", "new"),
    [
        ({"plan__max_term_months": 48}, "value", 60, 48),
        ({"contact__cooldown_after_conversation_days": 7}, "value", None, 7),
        ({"contact__quiet_hours_local": {"start": "21:00", "end": "08:00"}}, "value.start", "22:00:00", "21:00:00"),
        ({"waiver__plan_percent": {"late_fees": {"M1": 50}}}, "value.penalty_interest",
         {"M2": 50, "M3": 100, "M4": 100, "M5": 100, "M6": 100, "M6+": 100}, None),
        ({"offer__rates_ppm": [1]}, "value", [150000, 120000, 90000, 75000, 60000, 45000, 30000, 15000], [1]),
    ],
)  # fmt: skip
def test_a_value_that_changed_is_told_as_it_was_and_as_it_is(
    changes: dict[str, Any], part: str, old: Any, new: Any
) -> None:
    found = differences(the_policy(), a_policy(**changes))
    (key,) = [name.replace("__", ".") for name in changes]
    assert Difference(key, "CHANGED", part, old, new) in found
    assert {one.key for one in found} == {key}


def test_rules_that_came_and_went_and_what_is_said_about_them() -> None:
    fewer = a_policy(plan__cure_days=None)
    assert differences(the_policy(), fewer) == [Difference("plan.cure_days", "REMOVED", "value", 15, None)]
    assert differences(fewer, the_policy()) == [Difference("plan.cure_days", "ADDED", "value", None, 15)]
    pack = the_policy().model_dump()
    pack["rules"]["plan.cure_days"] |= {"citation": "x", "effective_to": date(2027, 1, 1)}
    assert differences(the_policy(), Policy.model_validate(pack | {"version": "cn-2"})) == [
        Difference("version", "CHANGED", "", "cn-2026.3", "cn-2"),
        Difference("plan.cure_days", "CHANGED", "citation", "bank setting", "x"),
        Difference("plan.cure_days", "CHANGED", "effective_to", None, "2027-01-01"),
    ]
