"""Assessment: what a person can really pay, with every step on record and nothing unknown counted as nothing."""

from typing import Any

import pytest
from builders import (
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
    an_offered_case,
    circumstances,
    the_policy,
)
from hypothesis import given
from hypothesis import strategies as st

from accord.assessment import assess
from accord.case import Assessment, Case, Circumstances, Decision, Status
from accord.events import CaseAssessed
from accord.identification import identify


def assessed(told: Circumstances | None = None, **changes: Any) -> Assessment:
    case = an_assessed_case(circumstances=told or circumstances(), **changes)
    assert case.assessment is not None
    return case.assessment


def lines(assessment: Assessment) -> dict[str, int]:
    return {line.name: line.amount for line in assessment.lines}


# --- the calculation ---------------------------------------------------------------------------------------------


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
    }
    assert (assessment.affordable_monthly, assessment.disposable_income) == (860 * YUAN, 1_080 * YUAN)
    assert (assessment.confidence, assessment.questions) == ("HIGH", ())
    assert {line.rule for line in assessment.lines} - {None} <= set(assessment.rules)


def test_the_floor_is_kept_however_little_somebody_says_to_need() -> None:
    assessment = assessed(circumstances(monthly_essential_spend=500 * YUAN, dependants=2))
    assert lines(assessment)["essential_spend"] == 3_600 * YUAN


def test_the_reserve_is_capped() -> None:
    assessment = assessed(circumstances(monthly_income=30_000 * YUAN))
    assert lines(assessment)["contingency"] == 500 * YUAN


def test_income_that_the_customer_states_counts_less_than_income_on_record() -> None:
    stated = assessed(circumstances(told_by="CUSTOMER"))
    assert lines(stated)["income_counted"] == 5_400 * YUAN
    assert stated.affordable_monthly < assessed().affordable_monthly
    assert stated.confidence == "MEDIUM"


@pytest.mark.parametrize("income", [0, 3_000 * YUAN, 4_800 * YUAN])
def test_who_has_nothing_left_can_pay_nothing(income: int) -> None:
    assessment = assessed(circumstances(monthly_income=income))
    assert (assessment.affordable_monthly, assessment.disposable_income) == (0, 0)


MONEY = st.integers(0, 10**9)
MEANS = st.builds(
    Circumstances,
    monthly_income=MONEY,
    monthly_essential_spend=MONEY,
    other_debt_payments=MONEY,
    dependants=st.integers(0, 30),
    told_by=st.sampled_from(["BILLING", "CUSTOMER", "STAFF"]),
)


@given(MEANS, st.sampled_from(["monthly_essential_spend", "other_debt_payments", "dependants"]), st.integers(0, 10**6))
def test_the_payment_never_rises_when_a_cost_rises(told: Circumstances, cost: str, more: int) -> None:
    rise = more % 31 if cost == "dependants" else more
    dearer = told.model_copy(update={cost: getattr(told, cost) + rise})
    assert assessed(dearer).affordable_monthly <= assessed(told).affordable_monthly


@given(MEANS, MONEY)
def test_the_payment_never_falls_when_income_rises(told: Circumstances, more: int) -> None:
    assert told.monthly_income is not None
    richer = told.model_copy(update={"monthly_income": told.monthly_income + more})
    assert assessed(richer).affordable_monthly >= assessed(told).affordable_monthly


@given(MEANS)
def test_the_payment_never_exceeds_what_is_left_and_never_touches_the_floor(told: Circumstances) -> None:
    assessment = assessed(told)
    assert assessment.disposable_income is not None
    assert told.monthly_income is not None
    assert told.other_debt_payments is not None
    assert told.dependants is not None
    assert 0 <= assessment.affordable_monthly <= assessment.disposable_income
    assert assessment.affordable_monthly % (10 * YUAN) == 0
    if assessment.affordable_monthly:
        left = told.monthly_income - told.other_debt_payments - assessment.affordable_monthly
        assert left >= 1_200 * YUAN * (1 + told.dependants)


# --- what is not known -------------------------------------------------------------------------------------------

NOTHING_KNOWN = Circumstances()


def test_unknown_income_is_estimated_from_what_was_really_paid() -> None:
    history = a_history(0, 300 * YUAN, 0, 900 * YUAN, 800 * YUAN, 5_000 * YUAN)
    assessment = assessed(NOTHING_KNOWN, account=an_account(history=history))
    # (0 + 300 + 0 + 900 + 800) / 5 = 400, without the best month; 80 % of it is 320
    assert lines(assessment) == {
        "paid_monthly": 400 * YUAN, "estimate_from_history": 320 * YUAN, "affordable_monthly": 320 * YUAN,
    }  # fmt: skip
    assert assessment.disposable_income is None
    assert assessment.confidence == "LOW"
    assert assessment.questions == ("INCOME", "ESSENTIAL_SPEND", "OTHER_DEBTS", "DEPENDANTS")


@pytest.mark.parametrize(("paid", "average"), [((), 0), ((900,), 900), ((900, 300), 600), ((900, 300, 600), 450)])
def test_a_short_history_is_taken_as_it_is(paid: tuple[int, ...], average: int) -> None:
    history = a_history(*(amount * YUAN for amount in paid))
    assert lines(assessed(NOTHING_KNOWN, account=an_account(history=history)))["paid_monthly"] == average * YUAN


def test_unknown_spending_is_estimated_with_caution_and_asked_for() -> None:
    assessment = assessed(circumstances(monthly_income=10_000 * YUAN, monthly_essential_spend=None))
    assert lines(assessment)["essential_spend"] == 6_000 * YUAN
    assert (assessment.disposable_income, assessment.confidence) == (None, "LOW")
    assert assessment.questions == ("ESSENTIAL_SPEND",)
    assert assessment.affordable_monthly > 0


@pytest.mark.parametrize("unknown", ["other_debt_payments", "dependants"])
def test_unknown_is_never_taken_for_none(unknown: str) -> None:
    known = circumstances(monthly_income=10_000 * YUAN, monthly_essential_spend=0)
    nothing = assessed(known.model_copy(update={unknown: 0}))
    not_known = assessed(known.model_copy(update={unknown: None}))
    assert not_known.affordable_monthly < nothing.affordable_monthly
    assert (nothing.confidence, not_known.confidence) == ("HIGH", "MEDIUM")
    assert len(not_known.questions) == 1


# --- the two preconditions of Art. 70 ----------------------------------------------------------------------------


@pytest.mark.parametrize(("principal", "exceeds"), [(1_080 * YUAN, False), (1_080 * YUAN + 1, True)])
def test_a_debt_exceeds_the_ability_when_one_month_does_not_clear_it(principal: int, exceeds: bool) -> None:
    owed = a_balance(principal=principal, interest=0, penalty_interest=0, late_fees=0, fees=0)
    assert assessed(account=an_account(balance=owed)).exceeds_ability is exceeds


@pytest.mark.parametrize(("principal", "exceeds"), [(320 * YUAN, False), (320 * YUAN + 1, True)])
def test_while_income_is_unknown_the_estimate_is_the_ability(principal: int, exceeds: bool) -> None:
    owed = a_balance(principal=principal, interest=0, penalty_interest=0, late_fees=0, fees=0)
    account = an_account(balance=owed, history=a_history(400 * YUAN, 400 * YUAN))
    assert assessed(Circumstances(), account=account).exceeds_ability is exceeds


SILENT = an_account(history=a_history(0, 0, 0, 0, 0, 0, 900 * YUAN))


@pytest.mark.parametrize(
    ("changes", "willing"),
    [
        ({"account": SILENT}, False),
        ({"account": an_account(history=a_history(0, 0, 0, 0, 0, 1))}, True),
        ({"account": SILENT, "circumstances": circumstances(told_by="CUSTOMER")}, True),
        ({"account": SILENT, "proposed_monthly": 300 * YUAN}, True),
        ({"account": an_account(history=())}, False),
    ],
)
def test_willingness_rests_on_behaviour_towards_this_debt_alone(changes: dict[str, Any], willing: bool) -> None:
    case = an_assessed_case(**changes)
    assert case.assessment is not None
    assert case.assessment.willing is willing


# --- taking up what the customer said ----------------------------------------------------------------------------


def negotiating(decision: Decision, **changes: Any) -> Case:
    return an_offered_case().moved(Status.NEGOTIATING, decision=decision, **changes)


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


@pytest.mark.parametrize(("amount", "affordable"), [(700, 700), (100, 320), (705, 700)])
def test_while_income_is_unknown_the_own_word_counts_where_it_is_higher(amount: int, affordable: int) -> None:
    history = a_history(0, 300 * YUAN, 0, 900 * YUAN, 800 * YUAN, 5_000 * YUAN)
    case = a_case(circumstances=NOTHING_KNOWN, account=an_account(history=history), proposed_monthly=amount * YUAN)
    case = after(assess(identify(case, the_policy(), TODAY).case, the_policy(), TODAY))
    assert case.assessment is not None
    assert case.assessment.affordable_monthly == affordable * YUAN
    assert case.assessment.confidence == "LOW"


def test_the_event_says_what_was_found_and_nothing_personal() -> None:
    change = assess(identify(a_case(), the_policy(), TODAY).case, the_policy(), TODAY)
    (event,) = change.events
    assert event == CaseAssessed(
        affordable_monthly=860 * YUAN, confidence="HIGH", exceeds_ability=True, willing=True, questions=(),
        policy_version="cn-2026.2", rules=change.case.assessment.rules if change.case.assessment else (),
    )  # fmt: skip


def test_the_same_means_give_the_same_result_whatever_the_language_and_the_name() -> None:
    assert assessed(language="en", cardholder_id="P-2", time_zone="Asia/Urumqi") == assessed()


def test_another_policy_gives_another_result() -> None:
    case = an_assessed_case(a_policy(assessment__affordability_percent=50))
    assert case.assessment is not None
    assert case.assessment.affordable_monthly == 540 * YUAN
