"""Assessment: what a person can really pay, with every step on record and nothing unknown counted as nothing."""

from datetime import timedelta
from typing import Any, get_args

import pytest
from builders import (
    NOW,
    TALKED,
    TODAY,
    YUAN,
    a_balance,
    a_case,
    a_counter_offer,
    a_history,
    a_policy,
    after,
    an_account,
    an_assessed_case,
    an_offer,
    circumstances,
    the_policy,
)
from hypothesis import given
from hypothesis import strategies as st

from accord.affordability import FIXED, FLEXIBLE, PRIORITY_DEBTS, Log, Step, reckon
from accord.assessment import assess
from accord.case import Account, Assessment, Case, Circumstances, Decision, HistoryMonth, Status
from accord.events import CaseAssessed
from accord.evidence import DOUBTS
from accord.identification import identify
from accord.offers import propose
from accord.policy import Policy, load_policy
from accord.willingness import net_payment


def assessed(told: Circumstances | None = None, policy: Policy | None = None, **changes: Any) -> Assessment:
    case = an_assessed_case(policy, circumstances=told or circumstances(), **changes)
    assert case.assessment is not None
    return case.assessment


def lines(assessment: Assessment) -> dict[str, int]:
    return {line.name: line.amount for line in assessment.lines}


def rules(assessment: Assessment) -> dict[str, str | None]:
    return {line.name: line.rule for line in assessment.lines}


def owing(total: int, **changes: Any) -> Account:
    balance = a_balance(principal=total, interest=0, penalty_interest=0, late_fees=0, fees=0)
    return an_account(balance=balance, **changes)


# --- the calculation ---------------------------------------------------------------------------------------------

BEHAVIOUR = {"months_observed": 6, "months_with_payment": 4, "own_figures_told": 0, "came_to_the_pages": 0}


def test_every_step_of_the_calculation_is_on_record() -> None:
    assessment = assessed()
    assert lines(assessment) == {
        "income": 6_000 * YUAN,
        "income_counted": 6_000 * YUAN,
        "protected_floor": 2_400 * YUAN,  # two persons
        "essential_spend": 3_600 * YUAN,
        "other_debt_payments": 1_200 * YUAN,
        "surplus": 1_200 * YUAN,
        "contingency": 120 * YUAN,
        "disposable_income": 1_080 * YUAN,
        "affordable_share": 864 * YUAN,
        "affordable_monthly": 860 * YUAN,
        "stressed_monthly": 430 * YUAN,  # 600 less come in: 80 % of 540
        "savings": 0,
        "savings_available": 0,
        **BEHAVIOUR,
    }
    assert (assessment.affordable_monthly, assessment.disposable_income) == (860 * YUAN, 1_080 * YUAN)
    assert (assessment.affordable_most, assessment.stressed_monthly) == (860 * YUAN, 430 * YUAN)
    assert (assessment.confidence, assessment.questions, assessment.doubts) == ("HIGH", (), ())
    assert set(rules(assessment).values()) - {None} <= set(assessment.rules)


def test_the_floor_is_kept_however_little_somebody_says_to_need() -> None:
    assessment = assessed(circumstances(monthly_essential_spend=500 * YUAN, dependants=2))
    assert lines(assessment)["essential_spend"] == 4_100 * YUAN, "all of the 500 may be rent"
    assert rules(assessment)["essential_spend"] == "assessment.protected_floor"
    assert assessment.affordable_most is not None
    assert assessment.affordable_most >= assessment.affordable_monthly


def test_the_reserve_is_capped() -> None:
    assessment = assessed(circumstances(monthly_income=30_000 * YUAN))
    assert lines(assessment)["contingency"] == 500 * YUAN


def test_income_that_the_customer_states_counts_less_than_income_on_record() -> None:
    stated = assessed(circumstances(told_by="CUSTOMER", own=("monthly_income",)))
    assert lines(stated)["income_counted"] == 5_400 * YUAN
    assert stated.affordable_monthly < assessed().affordable_monthly
    assert stated.confidence == "MEDIUM"


@pytest.mark.parametrize(
    ("income", "on_record", "counted"),
    [
        (6_000, None, 5_400),  # the customer's word alone
        (6_000, 6_000, 6_000),  # as it is on record
        (6_100, 6_000, 6_000),  # a little more: what is on record still counts in full
        (8_000, 6_000, 7_200),
        (5_000, 6_000, 5_000),  # less than is on record
        (6_000, 0, 5_400),
    ],
)
def test_what_is_on_record_counts_in_full_whatever_the_customer_states_beside_it(
    income: int, on_record: int | None, counted: int
) -> None:
    record = None if on_record is None else on_record * YUAN
    told = circumstances(
        monthly_income=income * YUAN, income_on_record=record, told_by="CUSTOMER", own=("monthly_income",)
    )
    assert lines(assessed(told))["income_counted"] == counted * YUAN


@given(st.integers(0, 10**7), st.integers(0, 10**7), st.integers(0, 10**6))
def test_who_states_more_never_has_less_that_counts(income: int, record: int, more: int) -> None:
    def counted(stated: int) -> int:
        told = circumstances(
            monthly_income=stated, income_on_record=record, told_by="CUSTOMER", own=("monthly_income",)
        )
        return lines(assessed(told))["income_counted"]

    assert counted(income) <= counted(income + more)
    assert counted(record) >= record * 9 // 10


@pytest.mark.parametrize("income", [0, 3_000 * YUAN, 4_800 * YUAN])
def test_who_has_nothing_left_can_pay_nothing(income: int) -> None:
    assessment = assessed(circumstances(monthly_income=income))
    assert (assessment.affordable_monthly, assessment.disposable_income, assessment.band) == (0, 0, "NONE")


def test_each_figure_that_somebody_told_names_who_told_it() -> None:
    told = circumstances(
        told_by="CUSTOMER", income_on_record=5_000 * YUAN, own=("monthly_income", "savings"), seen=("savings",)
    )
    by = {line.name: line.by for line in assessed(told).lines if line.by is not None}
    assert by == {
        "income": "CUSTOMER", "income_on_record": "BILLING", "essential_spend": "BILLING",
        "other_debt_payments": "BILLING", "savings": "STAFF",
    }  # fmt: skip
    assert lines(assessed(told))["income_on_record"] == 5_000 * YUAN
    less = told.model_copy(update={"income_on_record": 7_000 * YUAN})
    assert lines(assessed(less))["income_on_record"] == 6_000 * YUAN, "as much of it as was told"
    assumed = assessed(circumstances(monthly_essential_spend=None, other_debt_payments=None))
    assert {line.name for line in assumed.lines if line.by is not None} == {"income", "savings"}


REGIONS = {
    "DEFAULT": {"first": 1_200 * YUAN, "further": 1_200 * YUAN},
    "CN_BJ": {"first": 2_000 * YUAN, "further": 1_500 * YUAN},
}


@pytest.mark.parametrize(("region", "floor"), [("CN_BJ", 3_500), (None, 2_400), ("CN_SOMEWHERE", 2_400)])
def test_the_floor_is_that_of_the_region_and_of_all_regions_where_it_has_none(region: str | None, floor: int) -> None:
    policy = a_policy(assessment__protected_floor=REGIONS)
    assert lines(assessed(circumstances(region=region), policy))["protected_floor"] == floor * YUAN


@pytest.mark.parametrize("currency", ["JPY", "KWD"])
def test_the_calculation_is_the_same_in_any_minor_unit(currency: str) -> None:
    assert assessed(account=an_account(currency=currency)) == assessed()


# --- a statement by category -------------------------------------------------------------------------------------

NO_COSTS = dict.fromkeys(FIXED, 0)
PAID = NO_COSTS | {"HOUSING": 1_500 * YUAN, "RENT_ARREARS": 200 * YUAN, "TRANSPORT": 100 * YUAN}
SPENT = {"food_housekeeping": 2_000 * YUAN, "communications_leisure": 300 * YUAN, "personal": 400 * YUAN}


def statement(**changes: Any) -> Circumstances:
    """The costs by category, in place of their total: two persons, 4,500 yuan in all."""
    return circumstances(**{"monthly_essential_spend": None, "fixed_costs": PAID, "flexible_costs": SPENT, **changes})


def test_a_statement_counts_the_fixed_costs_as_told_and_names_the_priority_debts_among_them() -> None:
    assessment = assessed(statement())
    told = lines(assessment)
    assert (told["fixed_costs"], told["priority_debts"], told["essential_spend"]) == (180_000, 20_000, 450_000)
    assert (assessment.confidence, assessment.questions, assessment.doubts) == ("HIGH", (), ())
    assert assessment.disposable_income is not None


def test_a_category_above_its_guideline_counts_up_to_it_and_a_person_looks() -> None:
    assessment = assessed(statement(flexible_costs=SPENT | {"personal": 900 * YUAN}))
    assert (lines(assessment)["personal"], rules(assessment)["personal"]) == (650 * YUAN, "assessment.guidelines")
    assert lines(assessment)["essential_spend"] == 4_750 * YUAN
    assert rules(assessment)["essential_spend"] == "assessment.guidelines", "and not by the word of anybody"
    assert assessment.doubts == ("ABOVE_GUIDELINE",)


@pytest.mark.parametrize(("total", "spend", "by"), [(5_500, 5_500, "BILLING"), (None, 5_300, "CUSTOMER")])
def test_the_spending_is_the_word_of_who_told_what_it_was_reckoned_from(total: int | None, spend: int, by: str) -> None:
    means = circumstances(
        monthly_essential_spend=total and total * YUAN,
        dependants=0,
        fixed_costs={"HOUSING": 4_000 * YUAN},
        flexible_costs={"food_housekeeping": 1_300 * YUAN},
        own=("fixed_costs", "flexible_costs"),
    )
    reckon(means, 6_000 * YUAN, 0, "least", the_policy().on(TODAY), log := Log())
    assert [(line.amount, line.rule, line.by) for line in log if line.name == "essential_spend"] == [
        (spend * YUAN, None, by)
    ]


def test_a_category_without_a_guideline_counts_as_told_and_a_person_looks() -> None:
    assessment = assessed(statement(flexible_costs=SPENT | {"pets": 100 * YUAN}))
    assert lines(assessment)["essential_spend"] == 4_600 * YUAN
    assert assessment.doubts == ("ABOVE_GUIDELINE",)


def test_a_household_that_tells_less_than_the_floor_is_left_the_floor() -> None:
    frugal = statement(fixed_costs=NO_COSTS, flexible_costs=dict.fromkeys(FLEXIBLE, 300 * YUAN))
    assessment = assessed(frugal)
    assert lines(assessment)["essential_spend"] == 2_400 * YUAN
    assert assessment.doubts == ("SPEND_BELOW_FLOOR",)


@pytest.mark.parametrize("rent", [1_000, 1_500, 2_500])
def test_what_is_protected_is_food_and_not_the_rent(rent: int) -> None:
    """Who says that nothing goes into food has the floor beside the rent, and a person looks at it."""
    hungry = statement(fixed_costs=NO_COSTS | {"HOUSING": rent * YUAN}, flexible_costs=dict.fromkeys(FLEXIBLE, 0))
    assessment = assessed(hungry)
    assert lines(assessment)["essential_spend"] == (rent + 2_400) * YUAN
    assert rules(assessment)["essential_spend"] == "assessment.protected_floor"
    assert assessment.doubts == ("SPEND_BELOW_FLOOR",)


def test_an_american_family_of_two_has_what_the_calculation_by_hand_says() -> None:
    """3,200 dollars come in, 1,250 are fixed, and 1,300 for living are below the floor of 1,481: 469 are left.

    Less a tenth as a reserve, two thirds of it are this card's (6,000 of 9,000), and four fifths of them can be paid.
    """
    told = Circumstances(
        told_by="BILLING",
        monthly_income=320_000,
        dependants=1,
        fixed_costs=NO_COSTS | {"HOUSING": 125_000},
        flexible_costs={"food_housekeeping": 90_000, "communications_leisure": 20_000, "personal": 20_000},
        other_unsecured_balance=300_000,
    )
    log = Log()
    month = reckon(told, 320_000, 600_000, "most", load_policy("US").on(TODAY), log)
    assert (month.essential, month.disposable, month.share, month.affordable) == (273_100, 42_210, 28_140, 22_500)


def test_a_category_that_was_left_out_is_asked_for_and_never_nothing() -> None:
    gap = assessed(statement(flexible_costs={"personal": 300 * YUAN}))
    assert gap.questions == ("ESSENTIAL_SPEND",)
    assert (gap.confidence, gap.disposable_income) == ("LOW", None)
    # The fixed costs, which are all known, and, for all that is flexible, no less than the floor of two.
    assert lines(gap)["essential_spend"] == 4_200 * YUAN
    better_off = assessed(statement(flexible_costs={"personal": 300 * YUAN}, monthly_income=9_000 * YUAN))
    assert better_off.affordable_most is not None
    assert better_off.affordable_most > better_off.affordable_monthly


def test_a_rent_alone_is_not_all_that_is_fixed() -> None:
    """What else there is, nobody knows: nothing at best; with caution the policy's amount for a household of two."""
    rent = {"HOUSING": 1_500 * YUAN}
    gap = assessed(statement(fixed_costs=rent, flexible_costs=dict.fromkeys(FLEXIBLE, 0)))
    assert (lines(gap)["fixed_costs_assumed"], lines(gap)["essential_spend"]) == (400 * YUAN, 4_300 * YUAN)
    assert rules(gap)["fixed_costs_assumed"] == "assessment.fixed_costs_when_unknown"
    assert gap.affordable_most is not None
    assert gap.affordable_most > gap.affordable_monthly
    total = assessed(circumstances(fixed_costs=rent, monthly_essential_spend=5_000 * YUAN))
    assert "fixed_costs_assumed" not in lines(total), "within a total that is known"


@pytest.mark.parametrize("left_out", FIXED)
def test_a_fixed_cost_that_was_left_out_is_asked_for_too(left_out: str) -> None:
    gap = assessed(statement(fixed_costs={name: cost for name, cost in PAID.items() if name != left_out}))
    assert (gap.questions, gap.confidence, gap.disposable_income) == (("ESSENTIAL_SPEND",), "LOW", None)


def test_a_part_that_was_told_raises_a_total_that_is_too_small_for_it() -> None:
    assessment = assessed(statement(monthly_essential_spend=1_000 * YUAN, flexible_costs={"personal": 900 * YUAN}))
    assert lines(assessment)["essential_spend"] == 4_200 * YUAN  # 1,800 of fixed costs, and the floor of two


@given(st.permutations([*PAID]), st.permutations([*SPENT]))
def test_the_order_of_categories_is_irrelevant(fixed: list[str], flexible: list[str]) -> None:
    shuffled = statement(
        fixed_costs={name: PAID[name] for name in fixed}, flexible_costs={name: SPENT[name] for name in flexible}
    )
    assert assessed(shuffled) == assessed(statement())


# --- other creditors ---------------------------------------------------------------------------------------------


def test_every_creditor_has_a_share_by_balance_and_their_payments_are_not_taken_off_as_well() -> None:
    assessment = assessed(circumstances(other_unsecured_balance=6_000 * YUAN))  # beside 12,000 on this card
    told = lines(assessment)
    assert "other_debt_payments" not in told
    assert (told["disposable_income"], told["share_of_this_debt"]) == (2_160 * YUAN, 1_440 * YUAN)
    assert assessment.affordable_monthly == 1_150 * YUAN
    assert assessment.disposable_income == 2_160 * YUAN


def test_what_others_are_owed_is_enough_to_know_of_them() -> None:
    told = circumstances(other_debt_payments=None, other_unsecured_balance=6_000 * YUAN)
    assert (assessed(told).questions, assessed(told).confidence) == ((), "HIGH")


@given(st.integers(1, 10**9), st.integers(1, 10**9), st.integers(0, 10**8))
def test_the_shares_of_all_creditors_are_never_more_than_what_is_left(ours: int, theirs: int, income: int) -> None:
    told = circumstances(monthly_income=income)
    one = assessed(told.model_copy(update={"other_unsecured_balance": theirs}), account=owing(ours))
    other = assessed(told.model_copy(update={"other_unsecured_balance": ours}), account=owing(theirs))
    assert one.disposable_income is not None
    assert lines(one)["share_of_this_debt"] + lines(other)["share_of_this_debt"] <= one.disposable_income


# --- what always holds -------------------------------------------------------------------------------------------

INCOME, MONEY = st.integers(0, 3 * 10**6), st.integers(0, 10**6)
TOLD_BY = st.sampled_from(["BILLING", "CUSTOMER", "STAFF"])
PERSONS = st.integers(0, 30)
BY_TOTAL = st.builds(
    Circumstances,
    monthly_income=INCOME,
    monthly_essential_spend=MONEY,
    other_debt_payments=MONEY,
    dependants=PERSONS,
    told_by=TOLD_BY,
)
BY_CATEGORY = st.builds(
    Circumstances,
    monthly_income=INCOME,
    fixed_costs=st.fixed_dictionaries(
        dict.fromkeys(FIXED, MONEY), optional=dict.fromkeys(sorted(PRIORITY_DEBTS - set(FIXED)), MONEY)
    ),
    flexible_costs=st.fixed_dictionaries(dict.fromkeys(FLEXIBLE, MONEY), optional={"pets": MONEY}),
    other_unsecured_balance=MONEY,
    dependants=PERSONS,
    told_by=TOLD_BY,
)
MEANS = st.one_of(BY_TOTAL, BY_CATEGORY)
# Any of it may be unknown, and of a statement any part.
PARTLY_KNOWN = st.builds(
    Circumstances,
    monthly_income=INCOME,
    monthly_essential_spend=st.none() | MONEY,
    other_debt_payments=st.none() | MONEY,
    other_unsecured_balance=st.none() | MONEY,
    dependants=st.none() | PERSONS,
    fixed_costs=st.none()
    | st.dictionaries(st.sampled_from(["HOUSING", "TAX_ARREARS"]), MONEY).map(lambda costs: NO_COSTS | costs)
    | st.dictionaries(st.sampled_from(["HOUSING", "TAX_ARREARS"]), MONEY),
    flexible_costs=st.none() | st.dictionaries(st.sampled_from([*FLEXIBLE, "pets"]), MONEY),
    told_by=TOLD_BY,
)


def costs_of(told: Circumstances) -> list[str]:
    """The costs that are known, by the name that `dearer` takes."""
    plain = ("monthly_essential_spend", "other_debt_payments", "other_unsecured_balance", "dependants")
    named = [name for name in plain if getattr(told, name) is not None]
    for statement_part in ("fixed_costs", "flexible_costs"):
        named += [f"{statement_part}.{name}" for name in getattr(told, statement_part) or ()]
    return named


def dearer(told: Circumstances, cost: str, more: int) -> Circumstances:
    part, _, category = cost.partition(".")
    if category:
        costs = getattr(told, part)
        return told.model_copy(update={part: costs | {category: costs[category] + more}})
    return told.model_copy(update={part: getattr(told, part) + (more % 31 if part == "dependants" else more)})


@given(PARTLY_KNOWN, st.data(), MONEY)
def test_the_payment_never_rises_when_a_cost_rises(told: Circumstances, data: st.DataObject, more: int) -> None:
    costs = costs_of(told)
    if costs:
        after_rise = dearer(told, data.draw(st.sampled_from(costs)), more)
        assert assessed(after_rise).affordable_monthly <= assessed(told).affordable_monthly


@given(PARTLY_KNOWN, st.integers(0, 3) | MONEY)
def test_the_payment_never_falls_when_income_rises(told: Circumstances, more: int) -> None:
    assert told.monthly_income is not None
    richer = told.model_copy(update={"monthly_income": told.monthly_income + more})
    before, then = assessed(told), assessed(richer)
    assert then.affordable_monthly >= before.affordable_monthly
    assert (then.affordable_most or 0) >= (before.affordable_most or 0)


@given(MEANS)
def test_the_payment_never_exceeds_what_is_left_and_never_touches_the_floor(told: Circumstances) -> None:
    assessment = assessed(told)
    assert assessment.disposable_income is not None
    assert told.monthly_income is not None
    assert told.dependants is not None
    assert 0 <= assessment.affordable_monthly <= assessment.disposable_income
    assert assessment.affordable_monthly % (10 * YUAN) == 0
    if assessment.affordable_monthly:
        left = told.monthly_income - (told.other_debt_payments or 0) - assessment.affordable_monthly
        assert left >= 1_200 * YUAN * (1 + told.dependants)


@given(PARTLY_KNOWN)
def test_with_less_income_no_more_can_be_paid_and_nothing_unknown_narrows_the_range(told: Circumstances) -> None:
    assessment = assessed(told)
    assert assessment.affordable_most is not None
    assert assessment.stressed_monthly is not None
    assert assessment.stressed_monthly <= assessment.affordable_monthly <= assessment.affordable_most
    if not assessment.questions:
        assert assessment.affordable_monthly == assessment.affordable_most


@given(PARTLY_KNOWN)
def test_every_step_and_every_doubt_is_one_of_a_closed_list(told: Circumstances) -> None:
    assessment = assessed(told)
    assert set(lines(assessment)) <= set(get_args(Step))
    assert len(lines(assessment)) == len(assessment.lines), "no step stands twice"
    assert set(assessment.doubts) <= DOUBTS


# --- what is not known -------------------------------------------------------------------------------------------

NOTHING_KNOWN = Circumstances()
UNKNOWN_AND_NONE: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"monthly_essential_spend": None}, {"monthly_essential_spend": 0}),
    ({"other_debt_payments": None}, {"other_debt_payments": 0}),
    ({"other_debt_payments": None}, {"other_debt_payments": None, "other_unsecured_balance": 0}),
    ({"dependants": None}, {"dependants": 0}),
    ({"fixed_costs": None}, {"fixed_costs": NO_COSTS}),
    ({"fixed_costs": None}, {"fixed_costs": {"HOUSING": 0}}),
    ({"fixed_costs": {"HOUSING": 0}}, {"fixed_costs": NO_COSTS}),
    ({"flexible_costs": None}, {"flexible_costs": dict.fromkeys(FLEXIBLE, 0)}),
    ({"flexible_costs": {}}, {"flexible_costs": {"personal": 0}}),
    ({"flexible_costs": {"personal": 0}}, {"flexible_costs": dict.fromkeys(FLEXIBLE, 0)}),
]


@given(PARTLY_KNOWN, st.sampled_from(UNKNOWN_AND_NONE))
def test_unknown_never_gives_more_than_none(told: Circumstances, pair: tuple[dict[str, Any], dict[str, Any]]) -> None:
    unknown, none = (assessed(told.model_copy(update=update)) for update in pair)
    assert unknown.affordable_monthly <= none.affordable_monthly


@given(PARTLY_KNOWN, st.data())
def test_the_range_holds_what_the_exact_figures_give(told: Circumstances, data: st.DataObject) -> None:
    """Whatever the unknown figure turns out to be inside the policy's band."""
    told = told.model_copy(update={"fixed_costs": None, "flexible_costs": None})
    first = assessed(told)
    counted = lines(first)["income_counted"]

    def within(least: int, most: int) -> int:
        return data.draw(st.integers(-(-counted * least // 100), counted * most // 100))

    exact: dict[str, int] = {}
    if told.dependants is None:
        exact["dependants"] = data.draw(st.integers(0, 1))
    if told.monthly_essential_spend is None and -(-counted * 40 // 100) <= counted * 60 // 100:
        exact["monthly_essential_spend"] = within(40, 60)
    if told.other_debt_payments is None:
        exact["other_debt_payments"] = within(0, 10)
    found = assessed(told.model_copy(update=exact)).affordable_monthly
    assert first.affordable_most is not None
    assert first.affordable_monthly <= found <= first.affordable_most


def test_what_is_unknown_widens_the_range() -> None:
    known = circumstances(monthly_income=10_000 * YUAN)
    unknown = assessed(known.model_copy(update={"other_debt_payments": None, "dependants": None}))
    assert lines(unknown)["dependants_assumed"] == 1
    assert lines(unknown)["other_debt_payments"] == 1_000 * YUAN
    assert unknown.affordable_most is not None
    assert lines(unknown)["affordable_most"] == unknown.affordable_most > unknown.affordable_monthly


def test_unknown_income_is_estimated_from_what_was_really_paid() -> None:
    history = a_history(0, 300 * YUAN, 0, 900 * YUAN, 800 * YUAN, 5_000 * YUAN)
    assessment = assessed(NOTHING_KNOWN, account=an_account(history=history))
    # (0 + 300 + 0 + 800) / 4 = 275 without the best month, but (0 + 300 + 0) / 3 = 100 lately; 80 % of that is 80
    assert lines(assessment) == {
        "paid_monthly": 100 * YUAN, "estimate_from_history": 80 * YUAN, "affordable_monthly": 80 * YUAN, **BEHAVIOUR,
    }  # fmt: skip
    assert assessment.disposable_income is None
    assert (assessment.affordable_most, assessment.stressed_monthly) == (None, None), "nobody knows how far it goes"
    assert assessment.confidence == "LOW"
    assert assessment.questions == ("INCOME", "ESSENTIAL_SPEND", "OTHER_DEBTS", "DEPENDANTS", "SAVINGS")


@pytest.mark.parametrize(("paid", "average"), [((), 0), ((900,), 900), ((900, 300), 900), ((900, 300, 600), 600)])
def test_a_short_history_is_taken_as_far_as_its_bills_can_be_compared(paid: tuple[int, ...], average: int) -> None:
    history = a_history(*(amount * YUAN for amount in paid))
    assert lines(assessed(NOTHING_KNOWN, account=an_account(history=history)))["paid_monthly"] == average * YUAN


def with_bills(*months: tuple[int, int]) -> Account:
    """An account without interest from its bills and payments in yuan, newest first."""
    history = tuple(
        HistoryMonth(month=f"2026-{12 - back:02}", billed=billed * YUAN, paid=paid * YUAN, months_past_due=0)
        for back, (billed, paid) in enumerate(months)
    )
    return an_account(history=history, apr_ppm=0)


@pytest.mark.parametrize(
    ("months", "a_month"),
    [
        ([(20_000, 8_000)] * 6, 0),  # as much newly spent as paid
        ([(7_000, 1_000), (8_000, 1_000), (9_000, 1_000), (10_000, 1_000)], 1_000),
        ([(7_500, 1_000), (8_000, 1_000), (8_500, 1_000), (9_000, 1_000)], 500),
        ([(9_000, 0), (9_000, 0), (9_000, 0), (9_000, 2_000), (11_000, 2_000), (13_000, 2_000)], 0),  # it has stopped
        ([], 0),
    ],
)
def test_what_is_spent_again_at_once_carries_no_plan(months: list[tuple[int, int]], a_month: int) -> None:
    assert net_payment(with_bills(*months)) == a_month * YUAN


def test_unknown_spending_is_estimated_with_caution_and_asked_for() -> None:
    assessment = assessed(circumstances(monthly_income=10_000 * YUAN, monthly_essential_spend=None))
    assert lines(assessment)["essential_spend"] == 6_000 * YUAN
    assert (assessment.disposable_income, assessment.confidence) == (None, "LOW")
    assert assessment.questions == ("ESSENTIAL_SPEND",)
    assert assessment.affordable_monthly > 0


def test_spending_that_was_assumed_does_not_shrink_when_the_income_does() -> None:
    assessment = assessed(circumstances(monthly_income=10_000 * YUAN, monthly_essential_spend=None))
    # 9,000 less the 6,000 that were assumed of 10,000, less 1,200: 1,800; a reserve of 180; 80 % of 1,620
    assert assessment.stressed_monthly == 1_290 * YUAN


@pytest.mark.parametrize("unknown", ["other_debt_payments", "dependants"])
def test_unknown_is_never_taken_for_none(unknown: str) -> None:
    known = circumstances(monthly_income=10_000 * YUAN, monthly_essential_spend=0)
    nothing = assessed(known.model_copy(update={unknown: 0}))
    not_known = assessed(known.model_copy(update={unknown: None}))
    assert not_known.affordable_monthly < nothing.affordable_monthly
    assert (nothing.confidence, not_known.confidence) == ("HIGH", "MEDIUM")
    assert len(not_known.questions) == 1


# --- savings, and what it comes to -------------------------------------------------------------------------------


@pytest.mark.parametrize(("savings", "available"), [(0, 0), (3_600, 0), (5_000, 1_400)])
def test_a_months_living_stays_in_the_savings(savings: int, available: int) -> None:
    assert assessed(circumstances(savings=savings * YUAN)).savings_available == available * YUAN


def test_savings_that_nobody_told_are_not_known_and_asked_for() -> None:
    assessment = assessed(circumstances(savings=None))
    assert (assessment.savings_available, assessment.questions, assessment.confidence) == (None, ("SAVINGS",), "MEDIUM")


def test_savings_count_while_income_is_unknown_but_never_while_the_spending_is() -> None:
    known = Circumstances(savings=9_000 * YUAN, monthly_essential_spend=3_000 * YUAN)
    assert assessed(known).savings_available == 6_000 * YUAN
    assert assessed(known.model_copy(update={"monthly_essential_spend": None})).savings_available is None


@pytest.mark.parametrize(
    ("income", "owed", "band"),
    [(4_800, 12_000, "NONE"), (4_900, 12_000, "TOKEN"), (5_100, 12_000, "FULL"), (5_100, 13_000, "PARTIAL")],
)
def test_the_band_says_what_the_amount_comes_to(income: int, owed: int, band: str) -> None:
    assert assessed(circumstances(monthly_income=income * YUAN), account=owing(owed * YUAN)).band == band


# --- the two preconditions of Art. 70 ----------------------------------------------------------------------------


@pytest.mark.parametrize(("principal", "exceeds"), [(24 * 860 * YUAN, False), (24 * 860 * YUAN + 1, True)])
def test_a_debt_exceeds_the_ability_when_an_ordinary_plan_cannot_clear_it(principal: int, exceeds: bool) -> None:
    assert assessed(account=owing(principal)).exceeds_ability is exceeds


@pytest.mark.parametrize("savings", [0, 20_000, 40_000])
def test_savings_say_nothing_of_what_can_be_paid_a_month(savings: int) -> None:
    """Who could pay at once may still choose to keep them; whether they should is for a person to say."""
    assessment = assessed(circumstances(savings=savings * YUAN), account=owing(24_000 * YUAN))
    assert assessment.exceeds_ability
    assert ("SAVINGS_ABOVE_DEBT" in assessment.doubts) == (savings >= 24_000)


@pytest.mark.parametrize("savings", [None, 0, 5_000, 20_000, 22_000, 25_000, 40_000])
def test_telling_of_savings_takes_no_plan_away(savings: int | None) -> None:
    told = circumstances(savings=None if savings is None else savings * YUAN)
    policy = the_policy()
    case = an_assessed_case(policy, circumstances=told, account=owing(24_000 * YUAN))
    without = an_assessed_case(policy, circumstances=circumstances(savings=None), account=owing(24_000 * YUAN))
    monthly = [
        {(offer.months, offer.annual_rate_ppm) for offer in propose(one, policy, NOW).case.offers if offer.months > 1}
        for one in (case, without)
    ]
    assert monthly[0]
    assert max(monthly[0]) == max(monthly[1]), "the lowest a month is there as before"


@pytest.mark.parametrize("cents", range(-3, 4))
def test_no_cent_and_no_interest_lie_between_an_ordinary_plan_and_a_personalised_one(cents: int) -> None:
    policy = the_policy()
    for days, total in ((0, 24 * 860 * YUAN), (45, 24 * 860 * YUAN), (0, 18_900 * YUAN), (0, 17_700 * YUAN)):
        account = owing(total + cents, days_past_due=days)
        case = an_assessed_case(policy, account=account, at_risk=days == 0)
        assert propose(case, policy, NOW).case.offers, (days, total + cents)


@pytest.mark.parametrize(("owed", "monthly"), [(250 * YUAN, 90), (90 * YUAN, 50), (1_000 * YUAN, 60)])
def test_that_an_instalment_would_be_too_small_says_nothing_of_the_person(owed: int, monthly: int) -> None:
    policy = a_policy(assessment__rounding_step=100)
    means = circumstances(monthly_income=4_800 * YUAN + monthly * 139 * YUAN // 100)
    assessment = assessed(means, policy, account=owing(owed, days_past_due=45))
    assert assessment.affordable_monthly is not None
    assert monthly * YUAN <= assessment.affordable_monthly < 100 * YUAN  # less than the least instalment
    assert assessment.exceeds_ability is False


def test_a_plan_that_brings_less_than_none_does_not_bar_a_longer_one() -> None:
    """Only a plan that gives nearly all up fits into the ordinary term: nobody would agree to it."""
    policy = a_policy(
        waiver__plan_percent={"penalty_interest": {"ALL": 100}, "late_fees": {"ALL": 100}},
        offer__terms_months=[6, 12, 18, 24, 36], offer__ordinary_max_months=12,
        authority__concession={"MANAGER": {part: {"ALL": {"percent": 100, "amount": 10**8}}
                                           for part in ("penalty_interest", "late_fees")}},
        authority__cumulative_12_months={"MANAGER": 10**8},
    )  # fmt: skip
    owed = a_balance(principal=2_000 * YUAN, interest=0, penalty_interest=6_000 * YUAN, late_fees=6_000 * YUAN, fees=0)
    account = an_account(days_past_due=12, balance=owed, history=a_history(*[100 * YUAN] * 6))
    for income in (5_300, 5_400, 5_600, 6_000, 6_600):
        case = an_assessed_case(policy, account=account, circumstances=circumstances(monthly_income=income * YUAN))
        assert case.assessment is not None
        change = propose(case, policy, NOW)
        longest = (case.assessment.affordable_monthly or 0) * 36
        if longest > owed.total:
            assert change.case.offers, income
        assert case.assessment.exceeds_ability == ((case.assessment.affordable_monthly or 0) * 12 < owed.total)


def test_what_other_creditors_have_a_share_of_does_not_clear_this_debt() -> None:
    alone = circumstances(other_debt_payments=0)  # 2,160 are left, all of it for this debt
    assert not assessed(alone, account=owing(24_000 * YUAN)).exceeds_ability
    shared = circumstances(other_unsecured_balance=24_000 * YUAN)  # half of it is this debt's share
    assert assessed(shared, account=owing(24_000 * YUAN)).exceeds_ability


@pytest.mark.parametrize(("principal", "exceeds"), [(24 * 320 * YUAN, False), (24 * 320 * YUAN + 1, None)])
def test_while_income_is_unknown_nobody_is_said_to_be_unable_to_pay(principal: int, exceeds: bool | None) -> None:
    """What was paid shows what they can pay at least. More than two years are offered when the means are known."""
    case = an_assessed_case(
        circumstances=Circumstances(), account=owing(principal, history=a_history(*[400 * YUAN] * 2))
    )
    assert case.assessment is not None
    assert case.assessment.exceeds_ability is exceeds
    change = propose(case, the_policy(), NOW)
    asked = {"outcome": "ASK"}, "MEANS_UNKNOWN", ()
    if exceeds is None:
        assert (change.result, change.case.why_no_offer, change.case.offers) == asked
    else:
        assert max(offer.months for offer in change.case.offers) <= 24


SILENT = an_account(history=a_history(0, 0, 0, 0, 0, 0, 900 * YUAN))


@pytest.mark.parametrize(
    ("changes", "willing", "level"),
    [
        ({"account": SILENT}, False, "LOW"),
        ({"account": an_account(history=a_history(0, 0, 0, 0, 0, 1))}, True, "MEDIUM"),
        ({"account": an_account(history=a_history(0, 1, 0, 1, 0, 1))}, True, "HIGH"),
        ({"account": SILENT, "circumstances": circumstances(own=("dependants",))}, True, "MEDIUM"),
        ({"account": SILENT, "proposed_monthly": 300 * YUAN}, True, "MEDIUM"),
        ({"account": SILENT, "proposed_monthly": 300 * YUAN, "contacts": (TALKED,)}, True, "HIGH"),
        ({"account": SILENT, "contacts": (TALKED,)}, True, "MEDIUM"),
        ({"account": SILENT, "contacts": (TALKED.model_copy(update={"connected": False}),)}, False, "LOW"),
        ({"account": an_account(history=())}, None, "LOW"),
    ],
)
def test_willingness_rests_on_behaviour_towards_this_debt_alone(
    changes: dict[str, Any], willing: bool | None, level: str
) -> None:
    assessment = assessed(changes.pop("circumstances", None), **changes)
    assert (assessment.willing, assessment.willingness) == (willing, level)


def test_willingness_changes_no_amount() -> None:
    amounts = [
        (found.affordable_monthly, found.affordable_most, found.stressed_monthly)
        for found in (assessed(account=SILENT), assessed(account=SILENT, contacts=(TALKED,)), assessed())
    ]
    assert len(set(amounts)) == 1


# --- hardship, evidence, doubts ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "months"),
    [
        ({"hardship": "JOB_LOSS"}, 6),
        ({"hardship": "JOB_LOSS", "hardship_months": 3}, 3),
        ({"hardship": "FLOOD"}, None),
        ({"hardship_months": 3}, None),
    ],
)
def test_a_hardship_lasts_as_long_as_was_told_or_as_the_policy_expects(
    told: dict[str, Any], months: int | None
) -> None:
    assessment = assessed(circumstances(**told))
    assert (assessment.hardship, assessment.hardship_months) == (told.get("hardship"), months)
    assert lines(assessment).get("hardship_months") == months


@pytest.mark.parametrize(
    ("owed", "hardship", "papers"),
    [
        (19_999, "ILLNESS", ()),
        (20_000, "ILLNESS", ("MEDICAL_PROOF",)),
        (49_999, None, ()),
        (50_000, None, ("INCOME_PROOF",)),
        (100_000, "JOB_LOSS", ("BANK_STATEMENTS_6_MONTHS", "INCOME_PROOF", "UNEMPLOYMENT_PROOF")),
    ],
)
def test_papers_are_asked_for_by_amount_and_hardship(owed: int, hardship: str | None, papers: tuple[str, ...]) -> None:
    assert assessed(circumstances(hardship=hardship), account=owing(owed * YUAN)).evidence == papers


def test_a_paper_that_two_rules_ask_for_is_asked_for_once() -> None:
    twice = [{"owed_from": 0, "papers": ["B", "A"]}, {"owed_from": 1, "papers": ["A"]}]
    assert assessed(policy=a_policy(assessment__evidence=twice)).evidence == ("A", "B")


OWES_NOBODY_ELSE = {"other_debt_payments": None, "other_unsecured_balance": 0}


def stated(income: int, on_record: int | None) -> dict[str, Any]:
    """The customer states an income beside the one on record, in yuan."""
    record = None if on_record is None else on_record * YUAN
    return {"monthly_income": income * YUAN, "told_by": "CUSTOMER", "income_on_record": record}


def told_by_customer(**figures: Any) -> dict[str, Any]:
    """The customer tells these figures, beside 3,600 for living and 1,200 for other debts on record."""
    record = {"spend_on_record": 3_600 * YUAN, "debts_on_record": 1_200 * YUAN}
    return figures | {"own": tuple(name for name in figures)} | record


@pytest.mark.parametrize(
    ("told", "doubts"),
    [
        ({}, ()),
        (told_by_customer(monthly_essential_spend=2_400 * YUAN), ()),  # on record is half as much again
        (told_by_customer(monthly_essential_spend=2_400 * YUAN - 1), ("SPEND_UNLIKE_RECORD",)),
        (told_by_customer(monthly_essential_spend=5_400 * YUAN, fixed_costs={"HOUSING": 3_000 * YUAN}), ()),
        # A sum alone that is half as much again as all guidelines together.
        (
            told_by_customer(monthly_essential_spend=6_000 * YUAN + 1, monthly_income=9_000 * YUAN)
            | {"spend_on_record": None},
            ("ABOVE_GUIDELINE",),
        ),
        (told_by_customer(monthly_essential_spend=4_500 * YUAN), ()),
        (
            told_by_customer(monthly_essential_spend=5_400 * YUAN + 1, fixed_costs={"HOUSING": 3_000 * YUAN}),
            ("SPEND_UNLIKE_RECORD",),  # costs that are made up make a plan cheaper
        ),
        ({"monthly_essential_spend": 2_300 * YUAN, "spend_on_record": 3_600 * YUAN}, ()),  # not the customer's word
        (
            told_by_customer(monthly_essential_spend=2_300 * YUAN) | {"seen": ("monthly_essential_spend",)},
            (),  # somebody saw the papers
        ),
        (told_by_customer(monthly_essential_spend=2_300 * YUAN) | {"spend_on_record": None}, ()),
        (told_by_customer(other_debt_payments=800 * YUAN), ()),
        (told_by_customer(other_debt_payments=800 * YUAN - 1), ("DEBTS_UNLIKE_RECORD",)),
        (told_by_customer(other_debt_payments=0), ("DEBTS_UNLIKE_RECORD",)),
        (told_by_customer(other_debt_payments=0) | {"seen": ("other_debt_payments",)}, ()),
        # By balance the others get their share of the 2,400 that are left: 800 of them, or less.
        (told_by_customer(other_unsecured_balance=6_000 * YUAN), ()),
        (told_by_customer(other_unsecured_balance=5_990 * YUAN), ("DEBTS_UNLIKE_RECORD",)),
        (
            told_by_customer(other_unsecured_balance=5_990 * YUAN, other_debt_payments=100 * YUAN),
            ("DEBTS_UNLIKE_RECORD",),
        ),
        (told_by_customer(other_unsecured_balance=5_990 * YUAN) | {"other_debt_payments": 600 * YUAN}, ()),
        (
            told_by_customer(other_unsecured_balance=10, monthly_income=3_600 * YUAN),
            ("PAYMENTS_WITHOUT_DEBT",),  # nothing is left to share, and less is owed than is paid a month
        ),
        (
            told_by_customer(other_unsecured_balance=10) | {"monthly_essential_spend": None},
            ("DEBTS_UNLIKE_RECORD", "PAYMENTS_WITHOUT_DEBT"),  # even if they spent nothing on living
        ),
        (told_by_customer(other_unsecured_balance=90_000 * YUAN), ("DEBTS_UNLIKE_RECORD",)),
        (
            told_by_customer(monthly_essential_spend=None, fixed_costs={"HOUSING": 500 * YUAN}),
            ("SPEND_UNLIKE_RECORD",),  # a part above the total leaves no total
        ),
        (told_by_customer(dependants=1) | {"dependants_on_record": 1}, ()),
        (told_by_customer(dependants=1) | {"dependants_on_record": 2}, ("DEPENDANTS_UNLIKE_RECORD",)),
        (told_by_customer(dependants=1) | {"dependants_on_record": 0}, ("DEPENDANTS_UNLIKE_RECORD",)),
        ({"dependants": 1, "dependants_on_record": 2}, ()),
        ({"monthly_income": 16_000 * YUAN}, ()),  # 70 % are left
        ({"monthly_income": 16_001 * YUAN}, ("SURPLUS_TOO_HIGH",)),
        ({"monthly_income": 16_001 * YUAN, "other_debt_payments": None}, ()),
        # Nothing is taken off for other debts where only their balance is known: the surplus is as high.
        ({"monthly_income": 16_001 * YUAN} | OWES_NOBODY_ELSE, ("SURPLUS_TOO_HIGH",)),
        ({"monthly_income": 16_001 * YUAN} | OWES_NOBODY_ELSE | {"other_unsecured_balance": 3}, ("SURPLUS_TOO_HIGH",)),
        ({"monthly_income": 16_001 * YUAN} | OWES_NOBODY_ELSE | {"other_unsecured_balance": 9**9}, ()),
        ({"monthly_income": 200_001 * YUAN, "monthly_essential_spend": None}, ("INCOME_ABOVE_LIMIT",)),
        ({"hardship": "JOB_LOSS"}, ("INCOME_BEFORE_HARDSHIP",)),
        ({"hardship": "JOB_LOSS", "told_by": "CUSTOMER"}, ()),
        ({"hardship": "JOB_LOSS", "own": ("hardship",)}, ("INCOME_BEFORE_HARDSHIP",)),  # the income is on record
        (stated(9_000, on_record=6_000), ()),
        (stated(9_001, on_record=6_000), ("INCOME_UNLIKE_RECORD",)),
        (stated(6_000, on_record=12_001), ("INCOME_UNLIKE_RECORD",)),
        (stated(6_000, on_record=12_001) | {"hardship": "JOB_LOSS"}, ()),  # which says why it is less
        (stated(9_001, on_record=6_000) | {"hardship": "JOB_LOSS"}, ("INCOME_UNLIKE_RECORD",)),
        (stated(9_001, on_record=None), ()),
        # Less is explained by what happened to the person, but not less than staff saw after it.
        (
            stated(4_200, on_record=None) | {"hardship": "JOB_LOSS", "on_papers": {"monthly_income": 8_000 * YUAN}},
            ("INCOME_UNLIKE_RECORD",),
        ),
        (
            stated(4_200, on_record=None)
            | {"hardship": "JOB_LOSS", "on_papers": {"monthly_income": 4_300 * YUAN}, "told_since": ("hardship",)},
            ("INCOME_BEFORE_HARDSHIP",),
        ),
        ({"hardship": None, "own": ("hardship",), "hardship_on_record": "JOB_LOSS"}, ("HARDSHIP_UNLIKE_RECORD",)),
        ({"hardship": None, "own": ("hardship",), "hardship_on_record": "ILLNESS"}, ()),
        (
            {
                "hardship": None,
                "own": ("hardship",),
                "hardship_on_record": "ILLNESS",
                "told_since": ("hardship_on_record",),
            },
            ("HARDSHIP_UNLIKE_RECORD",),
        ),
        # What billing told since staff saw it stands against the customer's later word too.
        (stated(5_001, on_record=10_000) | {"on_papers": {"monthly_income": 5_000 * YUAN}}, ()),
        (
            stated(5_001, on_record=10_000)
            | {"on_papers": {"monthly_income": 5_000 * YUAN}, "told_since": ("monthly_income",)},
            ("INCOME_UNLIKE_RECORD",),
        ),
        # A part above what is on record contradicts it, however little more it is.
        (
            told_by_customer(monthly_essential_spend=None, fixed_costs={"HOUSING": 3_601 * YUAN}),
            ("SPEND_UNLIKE_RECORD",),
        ),
        # What is not spent for certain is not nothing: a larger share for others shows nothing then.
        (told_by_customer(other_unsecured_balance=12_000 * YUAN) | {"monthly_essential_spend": None}, ()),
        ({"savings": 4_300 * YUAN, "on_papers": {"savings": 5_000 * YUAN}}, ("SAVINGS_BELOW_PAPERS",)),
        ({"savings": 4_999 * YUAN, "on_papers": {"savings": 5_000 * YUAN}}, ()),
        ({"hardship": "INCOME_REDUCED"}, ()),
        ({"monthly_income": 3_599 * YUAN}, ("SPEND_ABOVE_INCOME",)),
        ({"monthly_income": 399 * YUAN, "monthly_essential_spend": None}, ("PAID_ABOVE_INCOME",)),
        ({"monthly_income": 400 * YUAN, "monthly_essential_spend": None}, ()),
        ({"monthly_essential_spend": 1_199 * YUAN}, ("SPEND_BELOW_FLOOR",)),
        ({"monthly_essential_spend": 1_200 * YUAN}, ()),
        ({"monthly_essential_spend": 1_199 * YUAN, "dependants": None}, ()),  # enough for one person
        (
            {"monthly_essential_spend": 599 * YUAN, "dependants": None, "other_debt_payments": None},
            ("SPEND_BELOW_FLOOR",),
        ),
        ({"other_unsecured_balance": 0}, ("PAYMENTS_WITHOUT_DEBT",)),
        ({"other_unsecured_balance": 0, "other_debt_payments": 0}, ()),
        (dict.fromkeys(("monthly_income", "monthly_essential_spend", "other_debt_payments", "dependants")), ()),
    ],
)
def test_figures_that_contradict_each_other_or_are_too_good_go_to_a_person(
    told: dict[str, Any], doubts: tuple[str, ...]
) -> None:
    assert assessed(circumstances(**told)).doubts == doubts


def late_by(*months_past_due: int, billed: int = 12_000 * YUAN) -> tuple[HistoryMonth, ...]:
    """Statement months, newest first, so many months late."""
    months = a_history(*(0 for _ in months_past_due))
    pairs = zip(months, months_past_due, strict=True)
    return tuple(month.model_copy(update={"months_past_due": late, "billed": billed}) for month, late in pairs)


@pytest.mark.parametrize(
    ("account", "doubted"),
    [
        ({"days_past_due": 75}, False),
        ({"days_past_due": 75, "oldest_unpaid_due_date": TODAY - timedelta(days=75 + 31)}, False),
        ({"days_past_due": 75, "oldest_unpaid_due_date": TODAY - timedelta(days=75 + 32)}, True),
        ({"days_past_due": 75, "oldest_unpaid_due_date": TODAY - timedelta(days=75 - 32)}, True),
        ({"opened_on": TODAY - timedelta(days=75), "history": ()}, False),
        ({"opened_on": TODAY - timedelta(days=74), "history": ()}, True),
        ({"days_past_due": 0, "oldest_unpaid_due_date": TODAY - timedelta(days=31), "history": late_by(1)}, False),
        ({"days_past_due": 0, "oldest_unpaid_due_date": TODAY - timedelta(days=400)}, True),
        # The newest statement is of February: three months late, and not five.
        ({"days_past_due": 153}, False),
        ({"days_past_due": 154}, True),
        ({"days_past_due": 500, "history": late_by(6)}, False),  # some systems count no further
        ({"days_past_due": 180, "history": late_by(0)}, True),
        ({"days_past_due": 1, "history": late_by(6)}, True),
        ({"days_past_due": 1, "history": late_by(6), "balance": a_balance(principal=5_000 * YUAN)}, False),
        ({"days_past_due": 1, "history": late_by(2)}, False),
        ({"history": late_by(2, 0, 0)}, False),  # a month that was closed late
        ({"history": late_by(3, 0, 0)}, True),
        ({"opened_on": TODAY - timedelta(days=100), "history": late_by(0, 0, 0, 0, 0, 0)}, True),
        ({"days_past_due": 1, "opened_on": TODAY - timedelta(days=100), "history": late_by(*[0] * 6, billed=0)}, False),
    ],
)
def test_an_account_whose_dates_cannot_be_true_together_goes_to_a_person(
    account: dict[str, Any], doubted: bool
) -> None:
    assert ("DATES_CONTRADICT" in assessed(account=an_account(**account)).doubts) == doubted


def test_an_account_without_a_limit_says_nothing_about_the_income() -> None:
    rich = circumstances(monthly_income=60_001 * YUAN, monthly_essential_spend=30_000 * YUAN)
    assert assessed(rich, account=an_account(credit_limit=0)).doubts == ()


# --- taking up what the customer said ----------------------------------------------------------------------------


def negotiating(decision: Decision, **changes: Any) -> Case:
    offered = an_assessed_case().moved(Status.OFFERED, offers=(an_offer(),))
    return offered.moved(Status.NEGOTIATING, decision=decision, **changes)


def test_a_counter_offer_is_taken_up_and_remembered() -> None:
    change = assess(negotiating(a_counter_offer(500 * YUAN)), the_policy(), TODAY)
    assert change.result == {"outcome": "ASSESSED"}
    assert change.case.status is Status.ASSESSED
    assert (change.case.decision, change.case.proposed_monthly) == (None, 500 * YUAN)
    again = assess(change.case.model_copy(update={"status": Status.INVITED}), the_policy(), TODAY)
    assert again.case.proposed_monthly == 500 * YUAN


def test_a_counter_offer_does_not_raise_what_is_affordable() -> None:
    case = assess(negotiating(a_counter_offer(5_000 * YUAN)), the_policy(), TODAY).case
    assert case.assessment is not None
    assert case.assessment.affordable_monthly == 860 * YUAN


def test_who_came_to_the_pages_has_shown_so() -> None:
    case = assess(negotiating(a_counter_offer(500 * YUAN), account=SILENT, came=True), the_policy(), TODAY).case
    assert case.assessment is not None
    assert lines(case.assessment)["came_to_the_pages"] == 1
    assert case.assessment.willingness == "HIGH"
    in_review = negotiating(a_counter_offer(1), account=SILENT, came=True).model_copy(
        update={"status": Status.IN_REVIEW}
    )
    again = assess(in_review, the_policy(), TODAY).case.assessment
    assert again is not None
    assert lines(again)["came_to_the_pages"] == 1, "whatever has become of the case since"


@pytest.mark.parametrize(
    ("before", "willing", "level"), [("COMPLETED", True, "MEDIUM"), ("BREACHED", False, "LOW"), (None, False, "LOW")]
)
def test_who_kept_a_plan_before_has_shown_so(before: str | None, willing: bool, level: str) -> None:
    assessment = assessed(account=SILENT, plan_before=before)
    assert (assessment.willing, assessment.willingness) == (willing, level)
    assert lines(assessment).get("plan_before_kept") == {"COMPLETED": 1, "BREACHED": 0, None: None}[before]


@pytest.mark.parametrize(("amount", "affordable"), [(700, 700), (50, 80), (705, 700)])
def test_while_income_is_unknown_the_own_word_counts_where_it_is_higher(amount: int, affordable: int) -> None:
    history = a_history(0, 300 * YUAN, 0, 900 * YUAN, 800 * YUAN, 5_000 * YUAN)
    case = a_case(circumstances=NOTHING_KNOWN, account=an_account(history=history), proposed_monthly=amount * YUAN)
    case = after(assess(identify(case, the_policy(), NOW).case, the_policy(), TODAY))
    assert case.assessment is not None
    assert case.assessment.affordable_monthly == affordable * YUAN
    assert case.assessment.confidence == "LOW"


def test_the_wish_that_a_person_decides_is_taken_up_once_and_holds_for_the_case() -> None:
    wish = Decision(decision_id="d-1", by="CUSTOMER", kind="HUMAN_REVIEW", at=NOW)
    case = assess(negotiating(wish), the_policy(), TODAY).case
    assert (case.human_review, case.decision, case.proposed_monthly) == (True, None, None)
    again = negotiating(a_counter_offer(500 * YUAN), human_review=True)
    assert assess(again, the_policy(), TODAY).case.human_review
    assert not assess(negotiating(a_counter_offer(500 * YUAN)), the_policy(), TODAY).case.human_review


def test_the_event_says_what_was_found_and_nothing_personal() -> None:
    change = assess(identify(a_case(), the_policy(), NOW).case, the_policy(), TODAY)
    (event,) = change.events
    assert event == CaseAssessed(
        affordable_monthly=860 * YUAN, affordable_most=860 * YUAN, band="FULL", confidence="HIGH",
        exceeds_ability=False, willing=True, willingness="HIGH", questions=(), doubts=(),
        policy_version=the_policy().version,
        rules=change.case.assessment.rules if change.case.assessment else (),
    )  # fmt: skip


def test_the_same_means_give_the_same_result_whoever_it_is() -> None:
    """Neither the language nor who somebody is goes in: the case knows no name, age or sex at all."""
    assert assessed(language="en", cardholder_id="P-2", time_zone="Asia/Urumqi") == assessed()
    assert not {"name", "sex", "gender", "birth_date", "age"} & (
        set(Case.model_fields) | set(Circumstances.model_fields)
    )


def test_another_policy_gives_another_result() -> None:
    assert assessed(policy=a_policy(assessment__affordability_percent=50)).affordable_monthly == 540 * YUAN
