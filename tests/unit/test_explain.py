"""Explanations: every step and every bound has a true sentence in both languages; the worth stands apart."""

import re
from string import Formatter
from typing import Any, get_args

import pytest
from builders import (
    NOW,
    YUAN,
    a_case,
    a_history,
    a_policy,
    an_account,
    an_assessed_case,
    an_offer,
    an_offered_case,
    circumstances,
    the_policy,
)

from accord.affordability import FIXED, FLEXIBLE, Step
from accord.case import Bound, Case, Circumstances, Identification, Product, Status, Worth
from accord.explain import (
    COUNTS,
    EXCLUSION_RULES,
    TREATMENT_RULES,
    YES_OR_NO,
    Sentence,
    explain_assessment,
    explain_best,
    explain_identification,
    explain_no_offer,
    explain_offer,
    explain_worth,
    figure_of,
)
from accord.money import format_money
from accord.offers import propose
from accord.policy import Role, Teller
from accord.texts import LANGUAGES, texts

TEXTS = texts("explain")
BOTH = pytest.mark.parametrize("language", LANGUAGES)
BOUNDS = (
    Bound(figure="MONTHLY", rule="assessment.affordability_percent", allows=86_000),
    Bound(figure="MONTHS", rule="plan.max_term_months", allows=60),
    Bound(figure="RATE", rule="offer.rates_ppm", allows=90_000),
    Bound(figure="WAIVED", rule="waiver.plan_percent", allows=41_000),
    Bound(figure="LUMP_SUM", rule="lump_sum.months_to_pay", allows=2_600_000),
    Bound(figure="APPROVER", rule="authority.concession", allows=2),
    Bound(figure="FIRST_DUE", rule="offer.first_due_after_days", allows=21),
    Bound(figure="MONTHS", rule="offer.min_instalment", allows=10_000),
    Bound(figure="NOT_SHORTER", rule="assessment.affordability_percent", allows=97_000),
    Bound(figure="NOT_SHORTER", rule="assessment.history_percent", allows=97_000),
    Bound(figure="NOT_SHORTER", rule="offer.terms_months", allows=24),
    Bound(figure="NOT_SHORTER", rule="offer.price_floor_percent", allows=75),
    Bound(figure="NOT_CHEAPER", rule="offer.price_floor_percent", allows=75_000),
    Bound(figure="NOT_MORE_WAIVED", rule="authority.concession", allows=42_000),
    Bound(figure="NOT_MORE_WAIVED", rule="offer.price_floor_percent", allows=42_000),
    Bound(figure="MONTHS", rule="offer.price_floor_percent", allows=75),
    Bound(figure="MONTHS", rule="pricing.recovery_percent_without_plan", allows=75),
    Bound(figure="NOT_SHORTER", rule="pricing.bulk_sale_percent", allows=75),
    Bound(figure="NOT_CHEAPER", rule="pricing.bulk_sale_percent", allows=75_000),
    Bound(figure="NOT_MORE_WAIVED", rule="pricing.months_collected_without_plan", allows=42_000),
    Bound(figure="NOT_MORE_WAIVED", rule="authority.cumulative_12_months", allows=42_000),
    Bound(figure="NOT_MORE_WAIVED", rule="offer.min_instalment", allows=10_000),
    Bound(figure="NOT_MORE_WAIVED", rule="waiver.steps_percent", allows=42_000),
    Bound(figure="NOT_MORE_WAIVED", rule="assessment.affordability_percent", allows=86_001),
    Bound(figure="NOT_CHEAPER", rule="assessment.history_percent", allows=86_001),
    Bound(figure="MONTHS", rule="assessment.affordability_percent", allows=86_001),
    Bound(figure="NOT_CHEAPER", rule="offer.min_instalment", allows=10_000),
    Bound(figure="NOT_CHEAPER", rule="offer.products", allows=90_000),
)
OF_WORTH = (
    Bound(figure="BREAKS", rule="pricing.break_ppm_a_month", allows=25_000),
    Bound(figure="DISCOUNT", rule="pricing.discount_rate_ppm", allows=60_000),
    Bound(figure="WITHOUT_PLAN", rule="pricing.recovery_percent_without_plan", allows=555_555),
    Bound(figure="WITHOUT_PLAN", rule="pricing.months_collected_without_plan", allows=555_555),
    Bound(figure="WITHOUT_PLAN", rule="pricing.bulk_sale_percent", allows=555_555),
    Bound(figure="WORTH", rule="offer.price_floor_percent", allows=85),
)
BEST = ("LOWEST_MONTHLY", "LOWEST_TOTAL", "SOONEST_FREE", "OWN_AMOUNT")
PAID = dict.fromkeys(FIXED, 0) | {"HOUSING": 1_500 * YUAN, "RENT_ARREARS": 200 * YUAN}
CASES: dict[str, dict[str, Any]] = {
    "all known": {},
    "nothing known": {"circumstances": Circumstances()},
    "a plan kept before": {"plan_before": "COMPLETED"},
    "a plan broken before": {"plan_before": "BREACHED"},
    "nothing known and nothing paid": {"circumstances": Circumstances(), "account": an_account(history=())},
    "own amount alone": {"circumstances": Circumstances(), "proposed_monthly": 900 * YUAN},
    "income alone": {"circumstances": Circumstances(monthly_income=9_000 * YUAN)},
    "a rent alone": {
        "circumstances": circumstances(
            monthly_income=3_000 * YUAN, fixed_costs={"HOUSING": 2_500 * YUAN}, monthly_essential_spend=None
        )
    },
    "all but the fixed costs": {
        "circumstances": circumstances(
            monthly_income=3_000 * YUAN,
            fixed_costs={"HOUSING": 500 * YUAN},
            flexible_costs=dict.fromkeys(FLEXIBLE, 3_000 * YUAN),
            monthly_essential_spend=None,
        )
    },
    "below the floor": {"circumstances": circumstances(monthly_essential_spend=0)},
    "more goes out than comes in": {"circumstances": circumstances(monthly_income=0)},
    "a statement": {
        "circumstances": circumstances(
            fixed_costs=PAID,
            flexible_costs=dict.fromkeys((*FLEXIBLE, "pets"), 3_000 * YUAN),
            other_unsecured_balance=5_000 * YUAN,
            savings=9_000 * YUAN,
            hardship="JOB_LOSS",
        )
    },
    "a statement of a household that is not known": {
        "circumstances": circumstances(
            fixed_costs=PAID,
            flexible_costs=dict(zip(FLEXIBLE, (2_000 * YUAN, 500 * YUAN, 600 * YUAN), strict=True)),
            monthly_essential_spend=None,
            dependants=None,
        )
    },
    "a statement within the guidelines": {
        "circumstances": circumstances(
            fixed_costs=PAID,
            flexible_costs=dict.fromkeys(FLEXIBLE, 200 * YUAN),
            hardship="ILLNESS",
            hardship_months=3,
            told_by="CUSTOMER",
        )
    },
}
CASES["an income that is stated beside the one on record"] = {
    "circumstances": circumstances(
        monthly_income=9_000 * YUAN,
        income_on_record=6_000 * YUAN,
        other_debt_payments=0,
        told_by="CUSTOMER",
        own=("monthly_income", "other_debt_payments"),
        seen=("savings",),
    )
}
ANY = pytest.mark.parametrize("name", CASES)


def words_of(node: Any) -> list[dict[str, str]]:
    if set(node) == set(LANGUAGES):
        return [node]
    return [words for part in node.values() for words in words_of(part)]


def assessed(name: str) -> Case:
    return an_assessed_case(**CASES[name])


def text_of(sentences: tuple[Sentence, ...]) -> str:
    return "\n".join(sentence.text for sentence in sentences)


# --- code and texts ----------------------------------------------------------------------------------------------


def test_every_step_of_the_code_has_a_sentence_and_no_sentence_is_left_over() -> None:
    keys = set(TEXTS["lines"])
    assert {key.partition(".")[0] for key in keys} == set(get_args(Step))
    answers = {f"{step}.{answer}" for step in YES_OR_NO for answer in ("yes", "no")}
    # Every step can be told, whatever rule set it; only these two tell nothing but their answer.
    assert {key for key in keys if "." not in key} == set(get_args(Step)) - YES_OR_NO
    assert answers <= keys
    by_rule = {key.partition(".")[2] for key in keys - answers if "." in key} - {"shared", "at_best", "recorded"}
    assert by_rule <= {rule.rpartition(".")[2] for rule in the_policy().rules if rule.startswith("assessment.")}
    assert set(get_args(Step)) >= COUNTS | YES_OR_NO
    assert set(TEXTS["tellers"]) == {*get_args(Teller), "UNKNOWN"}


def test_every_bound_and_every_word_for_the_best_has_a_sentence() -> None:
    for group, bounds in (("bounds", BOUNDS), ("worth", OF_WORTH)):
        told = {sentence_of_bound(group, bound) for bound in bounds}
        by_product = {f"RATE.{product}" for product in Product if product is not Product.LUMP_SUM}
        assert told | by_product | {"MONTHLY.uneven", "expected"} >= set(TEXTS[group]) >= told
    assert set(TEXTS["best_at"]) == set(BEST)
    assert set(TEXTS["words"]) == {"yes", "no", *get_args(Role)}
    assert set(TEXTS["rules"]) <= set(the_policy().rules)
    assert "assessment.history_percent" in TEXTS["rules"]  # of the instalment, where income is unknown
    assert {bound.rule for bound in (*BOUNDS, *OF_WORTH)} <= set(TEXTS["rules"])


def sentence_of_bound(group: str, bound: Bound) -> str:
    if bound.figure == "RATE":
        return "RATE.REDUCED_RATE"
    by_rule = f"{bound.figure}.{bound.rule.rpartition('.')[2]}"
    together = {"pricing": "without_plan", "assessment": "means"}.get(bound.rule.partition(".")[0])
    return next((key for key in (by_rule, f"{bound.figure}.{together}") if key in TEXTS[group]), bound.figure)


def test_every_sentence_stands_in_both_languages_and_fills_in_the_same_things() -> None:
    for words in words_of(TEXTS):
        named = [{name for _, name, _, _ in Formatter().parse(words[tag]) if name} for tag in LANGUAGES]
        assert named[0] == named[1], words
        assert re.search(r"[\u4e00-\u9fff]", words["zh-CN"])
        assert not re.search(r"[\u4e00-\u9fff]", words["en"])


# --- the assessment ----------------------------------------------------------------------------------------------


@BOTH
@ANY
def test_every_step_is_told_with_its_figure_its_rule_and_where_that_comes_from(name: str, language: str) -> None:
    case = assessed(name)
    assert case.assessment is not None
    lines = case.assessment.lines
    sentences = explain_assessment(case, the_policy(), language)[: len(lines)]
    assert [sentence.rule for sentence in sentences] == [line.rule for line in lines]
    for line, sentence in zip(lines, sentences, strict=True):
        assert sentence.figure == figure_of(line, "CNY", language)
        assert sentence.figure in sentence.text or line.name in YES_OR_NO
        assert not re.search(r"[{}]", sentence.text)
        assert (sentence.citation is None) == (line.rule is None)


def test_every_sentence_about_the_assessment_is_told_of_some_case() -> None:
    """What no case comes to nobody has read."""
    both = (explain_assessment, explain_best)
    told = "\n".join(text_of(explain(assessed(name), the_policy(), "en")) for name in CASES for explain in both)
    for key, words in TEXTS["lines"].items():
        pattern = re.sub(r"\\\{\w+\\\}", ".+", re.escape(words["en"]))
        if key != "came_to_the_pages.yes":  # a case that was just opened has seen nobody yet
            assert re.search(pattern, told), key


def test_the_sentences_say_what_was_reckoned() -> None:
    told = text_of(explain_assessment(assessed("all known"), the_policy(), "en"))
    assert "¥6,000.00 that count, less ¥3,600.00 for living and ¥1,200.00 for other debts, leave ¥1,200.00." in told
    assert "¥864.00, rounded down: ¥860.00 a month are affordable." in told
    assert "Months with a payment: 4 of the last 6." in told
    assert "¥864.00 向下取整，每月可负担 ¥860.00。" in text_of(
        explain_assessment(assessed("all known"), the_policy(), "zh-CN")
    )
    shared = text_of(explain_assessment(assessed("a statement"), the_policy(), "en"))
    assert "for all creditors by balance" in shared
    assert "Personal spending is above the guideline: ¥650.00 count" in shared


def test_the_sentences_say_who_told_a_figure() -> None:
    case = assessed("an income that is stated beside the one on record")
    told = text_of(explain_assessment(case, the_policy(), "en"))
    assert "¥9,000.00 come in a month (the customer's word)." in told
    assert "Essential spending is ¥3,600.00 a month (on record)." in told
    assert "¥0.00 a month go to other debts (the customer's word)." in told
    assert "¥0.00 of savings could be drawn at once (seen on papers by staff)." in told
    chinese = text_of(explain_assessment(case, the_policy(), "zh-CN"))
    assert "每月偿还其他债务 ¥0.00（客户自述）。" in chinese
    assert "每月必要支出为 ¥3,600.00（登记数据）。" in chinese
    later = case.circumstances.model_copy(update={"own": (), "told_by": "STAFF"})
    changed = case.model_copy(update={"circumstances": later})
    assert text_of(explain_assessment(changed, the_policy(), "en")) == told, "as it was told when it was reckoned"


def test_who_told_a_figure_of_an_older_record_is_not_guessed() -> None:
    case = assessed("all known")
    assert case.assessment is not None
    older = tuple(line.model_copy(update={"by": None}) for line in case.assessment.lines)
    assessment = case.assessment.model_copy(update={"lines": older})
    told = text_of(explain_assessment(case.model_copy(update={"assessment": assessment}), the_policy(), "en"))
    assert "¥6,000.00 come in a month (who told it was not recorded)." in told


@pytest.mark.parametrize("billing", [100, 50])
def test_what_counts_of_a_stated_income_is_told_as_it_was_reckoned(billing: int) -> None:
    policy = a_policy(assessment__income_counted_percent={"BILLING": billing, "CUSTOMER": 90, "STAFF": 100})
    stated = CASES["an income that is stated beside the one on record"]["circumstances"]
    case = an_assessed_case(policy, circumstances=stated)
    assert (
        "Of it, ¥6,000.00 are known otherwise as well (on record).\n"
        "Of the income of ¥9,000.00, ¥8,100.00 count: the greater of the policy's"
        " share of what the customer states and its share of what is known otherwise of it."
    ) in text_of(explain_assessment(case, policy, "en"))
    assert (
        "其中 ¥6,000.00 另有依据（登记数据）。\n月收入 ¥9,000.00 中计入 ¥8,100.00："
        "分别按客户自述收入和其中另有依据部分的政策比例计算，取较高者。"
    ) in text_of(explain_assessment(case, policy, "zh-CN"))
    known = text_of(explain_assessment(an_assessed_case(policy), policy, "en"))
    counted = {100: "6,000", 50: "3,000"}[billing]
    assert f"Of the income of ¥6,000.00, ¥{counted}.00 count: the policy's share of an income of this source." in known
    assert "in full" not in known


def test_a_case_that_is_not_assessed_has_nothing_to_explain() -> None:
    case = an_assessed_case().model_copy(update={"assessment": None})
    assert explain_assessment(case, the_policy(), "en") == ()


def test_a_rule_that_is_gone_is_named_without_its_source() -> None:
    without = a_policy(assessment__contingency_percent=None)
    (reserve,) = (s for s in explain_assessment(assessed("all known"), without, "en") if "are kept" in s.text)
    assert (reserve.rule, reserve.citation) == ("assessment.contingency_percent", None)


def test_a_step_of_an_older_record_without_a_sentence_is_left_out() -> None:
    case = assessed("all known")
    assert case.assessment is not None
    older = case.assessment.lines[0].model_copy(update={"name": "goodwill"})
    assessment = case.assessment.model_copy(update={"lines": (older, *case.assessment.lines)})
    told = explain_assessment(case.model_copy(update={"assessment": assessment}), the_policy(), "en")
    assert told == explain_assessment(case, the_policy(), "en")


@BOTH
@ANY
def test_the_preconditions_and_what_is_still_open_are_told_after_the_steps(name: str, language: str) -> None:
    case = assessed(name)
    found = case.assessment
    assert found is not None
    told = explain_assessment(case, the_policy(), language)[len(found.lines) :]
    listed = [bool(found.questions), bool(found.evidence), bool(found.doubts)]
    assert len(told) == 2 + sum(listed)
    assert [sentence.rule for sentence in told[:2]] == ["offer.ordinary_max_months", "assessment.willing_within_months"]
    words = text_of(told)
    assert not re.search(r"[A-Z]{2,}_|[{}]", words)
    answers = {True: "yes", False: "no", None: "unknown"}
    assert told[0].text == TEXTS["findings"][f"exceeds_ability.{answers[found.exceeds_ability]}"][language]
    assert told[1].text == TEXTS["findings"][f"willing.{answers[found.willing]}"][language]


def test_the_other_end_of_the_range_has_its_steps_too() -> None:
    case = assessed("income alone")
    assert case.assessment is not None
    told = text_of(explain_best(case, the_policy(), "en"))
    assert case.assessment.affordable_most == case.assessment.lines_at_best[-1].amount
    assert told.endswith(f"{format_money(case.assessment.lines_at_best[-1].amount, 'CNY', 'en')} a month at best.")
    assert "with caution" not in told
    assert explain_best(assessed("all known"), the_policy(), "en") == ()


@BOTH
@pytest.mark.parametrize("why", sorted(TEXTS["no_offer"]))
def test_why_there_is_no_offer_is_told_with_its_rule(why: str, language: str) -> None:
    case = an_assessed_case().model_copy(update={"why_no_offer": why})
    (told,) = explain_no_offer(case, the_policy(), language)
    assert "{" not in told.text
    assert (told.rule is None) == (why == "MEANS_UNKNOWN")
    assert (told.citation is None) == (told.rule is None)
    assert explain_no_offer(an_offered_case(), the_policy(), language) == ()


def test_amounts_are_those_of_the_account() -> None:
    case = an_assessed_case(account=an_account(currency="JPY", history=a_history(0, 40_000)))
    assert "JP¥600,000 come in a month (on record)." in text_of(explain_assessment(case, the_policy(), "en"))


# --- an offer ----------------------------------------------------------------------------------------------------


@BOTH
def test_every_bound_of_an_offer_is_told(language: str) -> None:
    worth = Worth(expected=777_777, without_plan=555_555)
    offer = an_offer(bounds=BOUNDS, best_at=BEST, approver="LEAD", worth=worth, stressed_monthly=500 * YUAN)
    sentences = explain_offer(an_assessed_case(), offer, the_policy(), language)
    assert len(sentences) == len(BOUNDS) + 1 + len(BEST) + 1  # whether it would hold, and who approved it
    assert [sentence.rule for sentence in sentences[: len(BOUNDS)]] == [bound.rule for bound in BOUNDS]
    for sentence in sentences:
        assert sentence.figure in sentence.text
        assert (sentence.citation is None) == (sentence.rule is None)


def test_what_an_offer_is_worth_is_told_apart_and_never_beside_its_figures() -> None:
    offer = an_offer(bounds=(*BOUNDS, *OF_WORTH), worth=Worth(expected=777_777, without_plan=555_555))
    for language in LANGUAGES:
        beside = text_of(explain_offer(an_assessed_case(), offer, the_policy(), language))
        assert not re.search(r"7,777|5,555|85%|WORTH", beside)
        apart = text_of(explain_worth(offer, the_policy(), language))
        assert all(figure in apart for figure in ("¥7,777.77", "¥5,555.55", "85%", "2.5%", "6%"))
    assert explain_worth(an_offer(), the_policy(), "en") == ()


def test_the_sentences_of_an_offer_name_its_own_figures() -> None:
    offer = an_offer(bounds=BOUNDS, best_at=BEST, approver="LEAD", own_amount=600 * YUAN, stressed_monthly=500 * YUAN)
    # What the customer named since, and what their means have become, says nothing of an offer that was kept.
    told = text_of(explain_offer(an_assessed_case(proposed_monthly=50 * YUAN), offer, the_policy(), "en"))
    for words in (
        "Each instalment is ¥485.41 and the last ¥485.57; by “what is affordable a month” each may be ¥860.00 at most.",
        "Number of instalments: 24; by “the longest personalised plan” 60 at most.",
        "The first payment is due on 31 March 2026",
        "¥350.00 are waived; “the most that a plan waives” would allow up to ¥410.00.",
        "The concession is within the authority of a lead, by “who may concede how much”.",
        "The soonest to be free of all offers: 29 February 2028.",
        "It keeps to the ¥600.00 a month that the customer named",
        "¥500.00 a month would still be affordable",
    ):
        assert words in told


@BOTH
def test_every_offer_that_is_found_is_told_without_a_gap(language: str) -> None:
    case = an_offered_case()
    for offer in case.offers:
        assert offer.bounds
        assert {bound.rule for bound in offer.bounds} <= set(TEXTS["rules"])
        told = explain_offer(case, offer, the_policy(), language) + explain_worth(offer, the_policy(), language)
        reckoned = offer.product is not Product.LUMP_SUM
        assert len(told) == len(offer.bounds) + reckoned + len(offer.best_at) + 1 + 1  # who approved it, and its worth


@pytest.mark.parametrize("before", [0, 995_000])
def test_the_twelve_months_are_named_where_they_bind_and_not_the_matrix(before: int) -> None:
    """The matrix lets the policy give up all of the ¥132.50; what was given up before leaves ¥50."""
    case = an_assessed_case(account=an_account(days_past_due=100, history=()), waived_before=before)
    offers = propose(case, the_policy(), NOW).case.offers
    told = {
        (sentence.rule, sentence.text)
        for offer in offers
        for sentence in explain_offer(case, offer, the_policy(), "en")
        if sentence.text.startswith("No more than")
    }
    by_authority = {rule for rule, _ in told if rule is not None and rule.startswith("authority.")}
    assert by_authority == ({"authority.cumulative_12_months"} if before else set())
    if before:
        assert any("the account would be given more in twelve months" in text for _, text in told)


@pytest.mark.parametrize(
    ("product", "rate", "said"),
    [
        (Product.INSTALMENT, 182_500, "stays at 18.25%: “the products for this bucket” include instalments at the"),
        (Product.REDUCED_RATE, 45_000, "is 4.5%, one of “the rates on offer” below the card's own."),
        (Product.INTEREST_FREE, 0, "is 0%: “the products for this bucket” include interest-free instalments."),
    ],
)
def test_a_rate_is_told_without_going_in_a_circle(product: Product, rate: int, said: str) -> None:
    rule = "offer.rates_ppm" if product is Product.REDUCED_RATE else "offer.products"
    bound = Bound(figure="RATE", rule=rule, allows=rate)
    offer = an_offer(product=product, annual_rate_ppm=rate, bounds=(bound,))
    assert explain_offer(an_assessed_case(), offer, the_policy(), "en")[0].text.startswith(f"The yearly rate {said}")


def test_what_is_too_small_is_told_in_money() -> None:
    for figure in ("MONTHS", "NOT_CHEAPER", "NOT_MORE_WAIVED"):
        bound = Bound(figure=figure, rule="offer.min_instalment", allows=10_000)
        for language in LANGUAGES:
            told = explain_offer(an_assessed_case(), an_offer(bounds=(bound,)), the_policy(), language)
            assert "¥100.00" in told[0].text


def test_a_rule_without_words_is_named_by_its_key() -> None:
    strange = Bound(figure="MONTHLY", rule="assessment.rounding_step", allows=1_000)
    sentence = explain_offer(an_assessed_case(), an_offer(bounds=(strange,)), the_policy(), "en")[0]
    assert "“assessment.rounding_step”" in sentence.text


def test_an_offer_without_bounds_says_only_who_approved_it() -> None:
    once = an_offer(product=Product.LUMP_SUM, months=1)
    assert text_of(explain_offer(an_assessed_case(), once, the_policy(), "en")) == "The policy itself has approved it."


@pytest.mark.parametrize(
    ("case", "offer", "said"),
    [
        ({}, {"approved_by": "policy"}, "The policy itself has approved it."),
        ({}, {"approved_by": "s-7"}, "A member of staff has approved it: s-7."),
        ({"status": Status.IN_REVIEW}, {}, "it waits for a person with the authority of a negotiator at least."),
        ({"status": Status.IN_REVIEW}, {"approver": "MANAGER"}, "with the authority of a manager at least."),
        ({"status": Status.IN_REVIEW}, {"four_eyes": True, "approver": "LEAD"}, "it waits for two persons"),
        ({"status": Status.IN_REVIEW, "first_approver": "s-7"}, {"four_eyes": True}, "s-7 has agreed. It waits for a"),
        ({"status": Status.CLOSED}, {"approver": "LEAD"}, "Nobody has approved it."),
    ],
)
def test_whose_authority_it_takes_is_one_thing_and_who_approved_it_another(
    case: dict[str, Any], offer: dict[str, Any], said: str
) -> None:
    within = Bound(figure="APPROVER", rule="authority.concession", allows=0)
    made = an_offer(bounds=(within,), **({"approved_by": None} | offer))
    told = text_of(explain_offer(an_assessed_case().model_copy(update=case), made, the_policy(), "en"))
    assert "within the authority of the policy itself" in told
    assert said in told.splitlines()[-1]


def test_an_offer_waits_for_whoever_may_approve_all_offers_beside_it() -> None:
    mine, other = an_offer(approved_by=None), an_offer(approved_by=None, offer_id="c-1-4-2", approver="LEAD")
    case = an_assessed_case().model_copy(update={"status": Status.IN_REVIEW, "offers": (mine, other)})
    assert explain_offer(case, mine, the_policy(), "zh-CN")[-1].text == "尚未批准，待组长或更高权限的人员批准。"


@pytest.mark.parametrize(("resilient", "said"), [(True, "it would hold with"), (False, "it would not hold with")])
def test_whether_a_plan_would_hold_with_less_income_is_told(resilient: bool, said: str) -> None:
    offer = an_offer(resilient=resilient, stressed_monthly=430 * YUAN)
    (told, _) = explain_offer(an_assessed_case(), offer, the_policy(), "en")
    assert said in told.text
    assert told.rule == "assessment.stress_percent"
    unknown = an_offer(stressed_monthly=None)
    assert not any("would" in s.text for s in explain_offer(an_assessed_case(), unknown, the_policy(), "en"))


# --- nothing personal ----------------------------------------------------------------------------------------------


@BOTH
@ANY
def test_no_sentence_names_anybody(name: str, language: str) -> None:
    case = assessed(name)
    told = text_of(explain_assessment(case, the_policy(), language))
    hardship = case.circumstances.hardship
    assert not any(word in told for word in (case.case_id, case.account_id, case.cardholder_id, hardship or "JOB_LOSS"))


# --- who the cardholder is ---------------------------------------------------------------------------------------


def identified(case: Case | None = None, **changes: Any) -> tuple[Sentence, ...]:
    """The English explanation of a case that was identified with these changes."""
    case = case or an_offered_case()
    assert case.identification is not None
    found: Identification = case.identification.model_copy(update=changes)
    return explain_identification(case.model_copy(update={"identification": found}), the_policy(), "en")


@BOTH
@pytest.mark.parametrize("treatment", ["SELF_CURE_WATCH", "EARLY_CONTACT", "NEGOTIATION", "SPECIALIST_DESK"])
def test_every_treatment_has_its_sentence_and_its_rule(treatment: str, language: str) -> None:
    case = an_offered_case()
    assert case.identification is not None
    treated = case.identification.model_copy(update={"treatment": treatment})
    told = explain_identification(case.model_copy(update={"identification": treated}), the_policy(), language)
    assert told[-1].rule == TREATMENT_RULES[treatment]
    assert told[-1].citation
    assert all(sentence.text and "{" not in sentence.text for sentence in told)


def test_a_hardship_that_billing_told_is_not_said_to_be_the_customers_word() -> None:
    assert "客户所述" not in TEXTS["identification"]["SPECIALIST_DESK"]["zh-CN"]


def test_extra_care_names_a_rule_only_where_the_hardship_is_the_reason() -> None:
    by_hardship = identified(treatment="SPECIALIST_DESK", vulnerable=True)[-1]
    assert (by_hardship.rule, "hardship" in by_hardship.text) == ("identification.vulnerable_hardships", True)
    flagged = an_offered_case().model_copy(update={"flags": ("VULNERABLE",)})
    by_billing = identified(flagged, treatment="SPECIALIST_DESK", vulnerable=True)[-1]
    assert (by_billing.rule, "Billing has flagged" in by_billing.text) == (None, True)


def test_an_early_contact_names_the_threshold_only_where_there_is_a_score() -> None:
    scored = identified(treatment="EARLY_CONTACT")[-1]
    assert scored.rule == "identification.early_contact_pd_ppm"
    unknown = identified(treatment="EARLY_CONTACT", pd_ppm=None, pd_reasons=())[-1]
    assert (unknown.rule, "no score can be made" in unknown.text) == (None, True)


@BOTH
def test_every_reason_not_to_negotiate_is_a_sentence_with_the_rule_that_made_it(language: str) -> None:
    codes = {*the_policy().rules["identification.exclusions"].value, *EXCLUSION_RULES}
    assert codes == set(TEXTS["exclusions"])
    for code in codes:
        case = an_offered_case()
        assert case.identification is not None
        excluded = case.identification.model_copy(update={"exclusion": code, "treatment": "NONE"})
        told = explain_identification(case.model_copy(update={"identification": excluded}), the_policy(), language)
        assert not any(code in sentence.text for sentence in told)
        assert told[1].text == TEXTS["exclusions"][code][language]
        rule = EXCLUSION_RULES.get(code, "identification.exclusions")
        assert (told[1].rule, told[-1].rule) == (rule, rule)
        assert bool(told[1].citation) == (rule is not None)


def test_a_reason_of_the_banks_own_is_named_by_its_code() -> None:
    assert "SANCTIONED" in identified(exclusion="SANCTIONED", treatment="NONE")[1].text


def test_the_early_warning_is_told_with_what_weighs_most_in_it() -> None:
    case = an_offered_case()
    assert case.identification is not None
    assert case.identification.pd_ppm is not None
    told = [sentence.text for sentence in explain_identification(case, the_policy(), "en")]
    assert "75 days past due" in told[0]
    assert "missed with a chance of" in told[1]
    assert len(told) == 2 + len(case.identification.pd_reasons) + 1
    unknown = case.identification.model_copy(update={"pd_ppm": None, "pd_reasons": ()})
    assert len(explain_identification(case.model_copy(update={"identification": unknown}), the_policy(), "en")) == 2
    alone = identified(case, pd_reasons=())
    assert (len(alone), alone[1].text.endswith("%.")) == (3, True)


def test_a_case_that_is_not_identified_has_nothing_to_explain() -> None:
    assert explain_identification(a_case(), the_policy(), "en") == ()
