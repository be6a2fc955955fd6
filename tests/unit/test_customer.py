"""What a customer may do with a case, when, and that nothing else changes it."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from builders import NOBODY_REACHED, NOW, TODAY, YUAN, a_counter_offer, after, an_offered_case, the_policy
from hypothesis import given
from hypothesis import strategies as st

from accord import customer
from accord.affordability import FIXED, FLEXIBLE
from accord.agreement import terms_hash, terms_of
from accord.case import Agreement, Balance, Case, Change, Circumstances, Status, TaskKind, TaskReason, new_task
from accord.comprehension import questions
from accord.errors import DecisionRefusedError, NotSentError
from accord.events import Actor
from accord.evidence import doubts
from accord.figures import NEW_FIGURES, known_figures, note_figures
from accord.lifecycle import arrange_call, invite, record_failure
from accord.schedule import schedule_of
from accord.staff import decide

ACTOR = Actor(kind="CUSTOMER", id="f" * 64)
LATER = NOW + timedelta(days=30)


def invited(**changes: Any) -> Case:
    case = after(invite(an_offered_case(), NOBODY_REACHED, the_policy(), NOW))
    assert case.status is Status.INVITED
    return case.model_copy(update=changes)


def chosen(**changes: Any) -> Case:
    case = invited()
    return after(customer.choose_offer(case, case.offers[0].offer_id, ACTOR, NOW)).model_copy(update=changes)


def right(case: Case) -> dict[str, str]:
    offer = case.offer(case.chosen_offer_id)
    assert offer is not None
    return {question.id: question.right for question in questions(offer, "en")}


def understood(**changes: Any) -> Case:
    case = chosen()
    return after(customer.answer_questions(case, case.chosen_offer_id, "en", right(case), ACTOR, NOW)).model_copy(
        update=changes
    )


def terms(case: Case, number: int = 0) -> dict[str, Any]:
    return terms_of(case, case.offers[number], the_policy(), "en", TODAY)


def with_code(case: Case) -> Case:
    """The case after a code that signs the first offer's terms was sent."""
    return customer.note_code(case, "SIGNATURE", terms_hash(terms(case)), ACTOR).case


def types(change: Change) -> list[str]:
    return [type(event).__name__ for event in change.events]


DECISIONS = {
    "choose": lambda case, now: customer.choose_offer(case, case.offers[0].offer_id, ACTOR, now),
    "answer": lambda case, now: customer.answer_questions(case, case.chosen_offer_id, "en", {}, ACTOR, now),
    "sign": lambda case, now: customer.sign(case, terms(case), "d-1", ACTOR, now),
    "propose": lambda case, now: customer.propose_amount(case, 300 * YUAN, "d-1", ACTOR, now),
    "tell": lambda case, now: customer.tell_circumstances(case, {"dependants": 2}, "d-1", ACTOR, now),
    "call": lambda case, now: customer.ask_for_call(case, "d-1", ACTOR, now),
    "person": lambda case, now: customer.ask_for_person_to_decide(case, "d-1", ACTOR, now),
    "decline": lambda case, now: customer.decline(case, "NOT_TOLD", "d-1", ACTOR, now),
}


# --- coming in -------------------------------------------------------------------------------------------------


def test_an_invited_customer_who_proved_who_they_are_is_negotiating() -> None:
    change = customer.confirm_identity(invited(), NOBODY_REACHED, ACTOR, NOW)
    assert change.case.status is Status.NEGOTIATING
    assert types(change) == ["IdentityConfirmed"]
    assert change.reach is not None
    assert change.reach.seen_at == (NOW,), "when they are there is remembered for the next message"


@pytest.mark.parametrize("status", [Status.NEGOTIATING, Status.SIGNED, Status.ACTIVE, Status.CLOSED, Status.IN_REVIEW])
def test_who_comes_back_later_changes_no_status(status: Status) -> None:
    assert customer.confirm_identity(invited(status=status), NOBODY_REACHED, ACTOR, NOW).case.status is status


@pytest.mark.parametrize(
    ("status", "answer_by", "led_back"),
    [
        (Status.OFFERED, None, True),
        (Status.ASSESSED, NOW, True),  # their means are to be asked for
        (Status.ASSESSED, None, False),  # plans are being worked out
        (Status.IN_REVIEW, None, False),
        (Status.NEGOTIATING, None, False),
    ],
)
def test_who_comes_before_anybody_could_tell_them_leads_back_to_the_invitation(
    status: Status, answer_by: datetime | None, led_back: bool
) -> None:
    case = invited(status=status).model_copy(update={"answer_by": answer_by})
    after = customer.confirm_identity(case, NOBODY_REACHED, ACTOR, NOW).case
    assert after.came
    decision = after.decision
    assert (decision is not None and (decision.by, decision.kind) == ("STAFF", "RETRY")) == led_back


@pytest.mark.parametrize("stopped", [None, "run-1"])
def test_who_comes_while_nothing_goes_on_sees_no_offers_and_is_still_owed_the_message(stopped: str | None) -> None:
    case = invited(status=Status.OFFERED).model_copy(update={"untold": True, "stopped": stopped})
    assert customer.confirm_identity(case, NOBODY_REACHED, ACTOR, NOW).case.untold is (stopped is not None)


@pytest.mark.parametrize("stopped", [None, "run-1"])
def test_who_asks_for_something_while_nothing_goes_on_is_told_what_came_of_it(stopped: str | None) -> None:
    case = invited(status=Status.NEGOTIATING).model_copy(update={"untold": stopped is None, "stopped": stopped})
    asked = customer.propose_amount(case, 500 * YUAN, "d-1", ACTOR, NOW).case
    assert asked.untold is (stopped is not None)


def test_a_lock_calls_a_person_who_may_unlock() -> None:
    change = customer.lock_access(invited(), 2, ACTOR, NOW)
    assert types(change) == ["AccessLocked", "StaffTaskCreated"]
    (task,) = change.tasks
    assert (task.kind, task.reason, task.facts) == ("UNLOCK_ACCESS", "ACCESS_LOCKED", {"lock": "2"})
    assert task.due_at == NOW + timedelta(days=1)


# --- towards an agreement --------------------------------------------------------------------------------------


def test_choosing_remembers_every_offer_that_stood_beside_it() -> None:
    case = invited()
    change = customer.choose_offer(case, case.offers[-1].offer_id, ACTOR, NOW)
    assert change.case.chosen_offer_id == case.offers[-1].offer_id
    assert change.case.status is Status.NEGOTIATING
    (event,) = change.events
    assert event.model_dump()["shown"] == tuple(offer.offer_id for offer in case.offers)


def test_choosing_another_asks_the_questions_again_and_choosing_the_same_does_not() -> None:
    case = understood()
    assert customer.has_understood(case)
    assert customer.has_understood(customer.choose_offer(case, case.offers[0].offer_id, ACTOR, NOW).case)
    assert not customer.has_understood(customer.choose_offer(case, case.offers[1].offer_id, ACTOR, NOW).case)


@pytest.mark.parametrize("offer_id", ["", "c-1-9-9", "../../x"])
def test_an_offer_that_is_none_cannot_be_chosen(offer_id: str) -> None:
    with pytest.raises(DecisionRefusedError, match="OFFER_EXPIRED"):
        customer.choose_offer(invited(), offer_id, ACTOR, NOW)


def test_questions_count_their_attempts_and_pass_only_when_all_is_right() -> None:
    case = chosen()
    once = customer.answer_questions(case, case.chosen_offer_id, "en", right(case) | {"MONTHS": "z"}, ACTOR, NOW)
    assert once.result == {"passed": False}
    assert not customer.has_understood(once.case)
    twice = customer.answer_questions(once.case, case.chosen_offer_id, "en", right(case), ACTOR, NOW)
    assert twice.result == {"passed": True}
    assert twice.case.comprehension is not None
    assert twice.case.comprehension.attempts == 2
    assert customer.has_understood(twice.case)


@pytest.mark.parametrize(
    ("changes", "about", "now", "reason"),
    [
        ({}, "another", NOW, "OTHER_CHOSEN"),
        ({}, "", NOW, "OTHER_CHOSEN"),
        ({"chosen_offer_id": None}, "another", NOW, "NOT_CHOSEN"),
        ({}, "another", LATER, "OFFER_EXPIRED"),
        ({"decision": a_counter_offer(100)}, "another", NOW, "PENDING"),
        ({"status": Status.SIGNED}, "another", NOW, "NOT_OPEN"),
    ],
)
def test_answers_about_another_offer_are_refused_for_that_only_where_one_is_chosen(
    changes: dict[str, Any], about: str, now: datetime, reason: str
) -> None:
    with pytest.raises(DecisionRefusedError, match=reason):
        customer.answer_questions(chosen(**changes), about, "en", right(chosen()), ACTOR, now)


def test_answers_about_the_chosen_offer_are_marked() -> None:
    case = chosen()
    change = customer.answer_questions(case, case.chosen_offer_id, "en", right(case), ACTOR, NOW)
    assert change.result == {"passed": True}


def test_who_gets_it_wrong_three_times_is_called_once_and_may_go_on() -> None:
    case, kinds = chosen(), []
    for _ in range(5):
        change = customer.answer_questions(
            case, case.chosen_offer_id, "en", right(case) | {"MONTHS": "z", "AMOUNT": "z"}, ACTOR, NOW
        )
        case = change.case
        kinds.append([(task.kind, task.reason, task.facts) for task in change.tasks])
    called = [("CALL_CUSTOMER", "NOT_UNDERSTOOD", {"questions": "AMOUNT, MONTHS"})]
    assert kinds == [[], [], called, [], []]
    assert case.call_arranged
    assert customer.answer_questions(case, case.chosen_offer_id, "en", right(case), ACTOR, NOW).result == {
        "passed": True
    }


def test_signing_keeps_the_very_terms_their_hash_and_the_schedule() -> None:
    case = with_code(understood())
    signed = customer.sign(case, terms(case), "d-1", ACTOR, NOW)
    agreement = signed.case.agreement
    assert isinstance(agreement, Agreement)
    assert json.loads(agreement.terms) == terms(case)
    assert agreement.terms_hash == terms_hash(terms(case))
    assert agreement.schedule == schedule_of(case.offers[0])
    assert types(signed) == ["AgreementSigned", "CustomerDecided"]
    assert signed.events[0].model_dump()["consents"] == tuple(terms(case)["consents"])
    assert signed.case.decision is not None
    assert (signed.case.decision.kind, signed.case.status) == ("SIGNED", Status.SIGNED)


def test_nobody_signs_what_was_not_chosen_or_not_understood() -> None:
    case = invited(status=Status.NEGOTIATING)
    with pytest.raises(DecisionRefusedError, match="NOT_CHOSEN"):
        customer.sign(case, terms(case), "d-1", ACTOR, NOW)
    case = chosen()
    with pytest.raises(DecisionRefusedError, match="NOT_UNDERSTOOD"):
        customer.sign(case, terms(case), "d-1", ACTOR, NOW)


def test_nobody_signs_by_a_code_that_the_chain_does_not_name() -> None:
    """It may have come all the same; a signature by it would be no evidence."""
    case = understood()
    never, others = case, case.model_copy(update={"code_for": "f" * 64})
    for unnamed in (never, others):
        with pytest.raises(DecisionRefusedError, match="NO_CODE"):
            customer.sign(unnamed, terms(case), "d-1", ACTOR, NOW)


def test_the_terms_of_another_offer_cannot_be_signed() -> None:
    case = understood()
    with pytest.raises(DecisionRefusedError, match="TERMS_CHANGED"):
        customer.sign(case, terms(case, 1), "d-1", ACTOR, NOW)


def test_understanding_one_offer_is_not_understanding_another() -> None:
    case = understood()
    other = case.model_copy(update={"chosen_offer_id": case.offers[1].offer_id})
    with pytest.raises(DecisionRefusedError, match="NOT_UNDERSTOOD"):
        customer.sign(other, terms(other, 1), "d-1", ACTOR, NOW)


@pytest.mark.parametrize("act", ["answer", "sign"])
def test_an_offer_that_ran_out_can_be_neither_answered_about_nor_signed(act: str) -> None:
    with pytest.raises(DecisionRefusedError, match="OFFER_EXPIRED"):
        DECISIONS[act](understood(), LATER)


def test_offers_that_nobody_approved_or_that_ran_out_are_not_shown() -> None:
    case = invited()
    assert customer.offers_to_show(case, NOW) == case.offers
    assert customer.offers_to_show(case, LATER) == ()
    withheld = tuple(offer.model_copy(update={"approved_by": None}) for offer in case.offers)
    assert customer.offers_to_show(invited(offers=withheld), NOW) == ()


# --- once, and only while it is open ------------------------------------------------------------------------------


@pytest.mark.parametrize("act", DECISIONS)
def test_nothing_is_decided_while_a_decision_waits(act: str) -> None:
    with pytest.raises(DecisionRefusedError, match="PENDING"):
        DECISIONS[act](understood(decision=a_counter_offer(100)), NOW)


@pytest.mark.parametrize("status", [status for status in Status if status not in (Status.INVITED, Status.NEGOTIATING)])
@pytest.mark.parametrize("act", DECISIONS)
def test_nothing_is_decided_when_the_case_is_not_open_for_it(act: str, status: Status) -> None:
    with pytest.raises(DecisionRefusedError, match="NOT_OPEN"):
        DECISIONS[act](understood(status=status), NOW)


@pytest.mark.parametrize(
    ("act", "kind"),
    [
        ("propose", "COUNTER"),
        ("tell", "INCOME_FORM"),
        ("call", "CALL_ME"),
        ("person", "HUMAN_REVIEW"),
        ("decline", "DECLINED"),
    ],
)
def test_a_decision_waits_for_the_workflow_in_the_same_status(act: str, kind: str) -> None:
    case = invited()
    change = DECISIONS[act](case, NOW)
    assert change.case.status is case.status
    assert change.case.decision is not None
    assert (change.case.decision.by, change.case.decision.kind, change.case.decision.at) == ("CUSTOMER", kind, NOW)
    assert types(change)[-1] == "CustomerDecided"
    assert change.actor == ACTOR


def test_the_wish_for_a_persons_decision_is_about_offers_that_stand_and_is_told_once() -> None:
    for case, reason in (
        (invited(offers=()), "NOT_OPEN"),
        (invited(human_review=True), "ALREADY_ASKED"),
    ):
        with pytest.raises(DecisionRefusedError, match=reason):
            customer.ask_for_person_to_decide(case, "d-1", ACTOR, NOW)


def knowing(**known: Any) -> Case:
    case = invited()
    return case.model_copy(update={"circumstances": case.circumstances.model_copy(update=known)})


def told(case: Case, **figures: Any) -> Circumstances:
    """What is known after the customer told these figures."""
    return customer.tell_circumstances(case, figures, "d-1", ACTOR, NOW).case.circumstances


def spending(known: Circumstances) -> tuple[int | None, dict[str, int] | None, dict[str, int] | None]:
    return known.monthly_essential_spend, known.fixed_costs, known.flexible_costs


COSTS = {"fixed_costs": dict.fromkeys(FIXED, 100), "flexible_costs": dict.fromkeys(FLEXIBLE, 100)}  # 1,300 in all


def test_a_new_total_of_the_spending_is_newer_than_what_was_known_by_category() -> None:
    part = knowing(fixed_costs={"HOUSING": 100}, flexible_costs={"personal": 100})
    assert spending(told(part, monthly_essential_spend=5)) == (5, None, None)
    assert told(part, monthly_income=5).fixed_costs == {"HOUSING": 100}
    whole = knowing(**COSTS, monthly_essential_spend=1_300)
    for total, fixed in ((999, None), (1_000, COSTS["fixed_costs"]), (2_000, COSTS["fixed_costs"])):
        assert spending(told(whole, monthly_essential_spend=total)) == (total, fixed, None)
        # The page shows the categories again, and they come back with the form as they were.
        assert spending(told(whole, monthly_essential_spend=total, **COSTS)) == (total, fixed, None)


def test_a_total_that_has_room_for_the_categories_stands_beside_them() -> None:
    part = knowing(fixed_costs={"HOUSING": 100}, monthly_essential_spend=500)
    assert spending(told(part, monthly_essential_spend=800)) == (800, {"HOUSING": 100}, None)
    assert spending(told(part, fixed_costs={"TAX": 50})) == (500, {"HOUSING": 100, "TAX": 50}, None)


@pytest.mark.parametrize("total", [None, 0, 1_000, 2_000])
def test_when_every_category_is_told_the_total_is_their_sum(total: int | None) -> None:
    assert told(knowing(monthly_essential_spend=total), **COSTS).monthly_essential_spend == 1_300
    both = told(invited(), **COSTS, monthly_essential_spend=total if total is not None else 1)
    assert spending(both) == (1_300, COSTS["fixed_costs"], COSTS["flexible_costs"])


def test_a_part_that_was_told_after_the_rest_completes_the_statement() -> None:
    flexible = dict.fromkeys(FLEXIBLE[1:], 100)
    most = knowing(fixed_costs=COSTS["fixed_costs"], flexible_costs=flexible, monthly_essential_spend=None)
    assert told(most, savings=1).monthly_essential_spend is None
    assert told(most, flexible_costs={FLEXIBLE[0]: 100}).monthly_essential_spend == 1_300


def test_a_total_below_a_part_of_it_does_not_count() -> None:
    """Its sum would say that what was left out is nothing, food among it."""
    figures = {"monthly_essential_spend": 1_000, "fixed_costs": {"HOUSING": 1_500}}
    assert spending(told(knowing(monthly_essential_spend=None), **figures)) == (None, {"HOUSING": 1_500}, None)
    on_record = told(invited(), **figures)
    assert spending(on_record) == (invited().circumstances.monthly_essential_spend, {"HOUSING": 1_500}, None)
    assert on_record.teller("monthly_essential_spend") == "BILLING"


def test_zero_is_known_and_what_is_left_out_stays_as_it_was() -> None:
    known = told(
        knowing(fixed_costs={"HOUSING": 100, "TAX": 7}, savings=9),
        fixed_costs={"HOUSING": 0, "SCHOOL": 3},
        other_unsecured_balance=0,
        region="CN_BJ",
    )
    assert known.fixed_costs == {"HOUSING": 0, "TAX": 7, "SCHOOL": 3}
    assert (known.savings, known.other_unsecured_balance, known.region) == (9, 0, "CN_BJ")


def test_the_event_names_what_is_news_and_no_amount() -> None:
    case = knowing(fixed_costs={"HOUSING": 100}, savings=900)
    figures = {"monthly_income": case.circumstances.monthly_income, "fixed_costs": {"HOUSING": 100, "TAX": 77}}
    change = customer.tell_circumstances(case, figures | {"savings": 900, "dependants": 3}, "d-1", ACTOR, NOW)
    assert change.events[0].model_dump() == {"fields": ("fixed_costs", "dependants")}


def test_what_comes_back_as_it_was_known_is_nothing_told() -> None:
    case = knowing(fixed_costs={"HOUSING": 100}, hardship="ILLNESS", hardship_months=3)
    for figures in (
        {"fixed_costs": {"HOUSING": 100}, "hardship": "ILLNESS"},
        {"dependants": case.circumstances.dependants, "hardship_months": 3},
    ):
        with pytest.raises(DecisionRefusedError, match="NOTHING_TOLD"):
            customer.tell_circumstances(case, figures, "d-1", ACTOR, NOW)


def test_that_what_is_known_is_right_is_an_answer_where_they_were_asked_whether_they_are_willing() -> None:
    asked = invited().model_copy(update={"why_no_offer": "WILLINGNESS_NOT_SHOWN", "offers": ()})
    told = {"monthly_income": asked.circumstances.monthly_income}
    change = customer.tell_circumstances(asked, told, "d-1", ACTOR, NOW)
    assert change.case.circumstances == asked.circumstances, "billing's own figures do not become the customer's word"
    assert types(change) == ["CustomerDecided"]


@pytest.mark.parametrize(
    ("figures", "then"),
    [
        ({"hardship": "JOB_LOSS"}, ("JOB_LOSS", None)),  # how long the illness was to last says nothing of this
        ({"hardship": "JOB_LOSS", "hardship_months": 12}, ("JOB_LOSS", 12)),
        ({"hardship_months": 2}, ("ILLNESS", 2)),
        ({"hardship": None, "hardship_months": 12}, (None, None)),
        ({"savings": 1}, ("ILLNESS", 12)),
    ],
)
def test_a_hardship_and_how_long_it_lasts_belong_together(
    figures: dict[str, Any], then: tuple[str | None, int | None]
) -> None:
    known = told(knowing(hardship="ILLNESS", hardship_months=12), **figures)
    assert (known.hardship, known.hardship_months) == then


@pytest.mark.parametrize("amount", [0, -1, 12_000 * YUAN + 1])
def test_a_proposal_is_above_nothing_and_within_what_is_owed(amount: int) -> None:
    with pytest.raises(DecisionRefusedError, match="AMOUNT"):
        customer.propose_amount(invited(), amount, "d-1", ACTOR, NOW)


def test_what_the_customer_does_not_tell_stays_unknown_or_as_it_was() -> None:
    case = invited()
    unknown = case.model_copy(update={"circumstances": case.circumstances.model_copy(update={"dependants": None})})
    known = told(unknown, monthly_income=0)
    assert (known.monthly_income, known.dependants, known.told_by) == (0, None, "CUSTOMER")
    assert known.monthly_essential_spend == case.circumstances.monthly_essential_spend
    with pytest.raises(DecisionRefusedError, match="NOTHING_TOLD"):
        customer.tell_circumstances(case, {}, "d-1", ACTOR, NOW)


def test_one_figure_that_the_customer_tells_makes_no_statement_of_the_others() -> None:
    """What billing has on record stays on record, counts in full, and is doubted as such."""
    case = invited()
    known = told(case, hardship="JOB_LOSS")
    assert (known.own, known.told_by, known.income_on_record) == (("hardship",), "BILLING", None)
    assert "INCOME_BEFORE_HARDSHIP" in doubts(case.model_copy(update={"circumstances": known}), the_policy().on(TODAY))
    nothing_saved = told(case, savings=case.circumstances.savings or 5)
    assert (nothing_saved.own, nothing_saved.told_by) == (("savings",), "BILLING")
    by_category = told(case, fixed_costs={"HOUSING": 1})
    assert by_category.own == ("fixed_costs",)


def test_an_income_that_the_customer_states_stands_beside_the_one_on_record() -> None:
    case = invited()
    stated = told(case, monthly_income=1)
    assert (stated.told_by, stated.income_on_record) == ("CUSTOMER", case.circumstances.monthly_income)
    corrected = told(case.model_copy(update={"circumstances": stated}), monthly_income=2)
    assert (corrected.monthly_income, corrected.income_on_record) == (2, case.circumstances.monthly_income)


def test_spending_and_debts_that_the_customer_tells_stand_beside_those_on_record() -> None:
    case = invited()
    before = case.circumstances
    stated = told(case, monthly_essential_spend=1, other_debt_payments=2)
    assert (stated.spend_on_record, stated.debts_on_record) == (
        before.monthly_essential_spend, before.other_debt_payments,
    )  # fmt: skip
    corrected = told(case.model_copy(update={"circumstances": stated}), other_debt_payments=3)
    assert (corrected.other_debt_payments, corrected.debts_on_record) == (3, before.other_debt_payments)


def test_what_the_customer_tells_after_staff_saw_papers_is_their_word_beside_what_was_seen() -> None:
    seen = knowing(told_by="STAFF", seen=("monthly_income", "savings"), monthly_income=500_000, income_on_record=1)
    stated = told(seen, monthly_income=900_000)
    assert (stated.told_by, stated.income_on_record, stated.seen) == ("CUSTOMER", 1, ("savings",))
    assert stated.on_papers == {"monthly_income": 500_000}


def test_who_says_that_the_amount_is_wrong_gets_a_person() -> None:
    change = customer.decline(invited(), "AMOUNT_WRONG", "d-1", ACTOR, NOW)
    assert [(task.kind, task.reason) for task in change.tasks] == [("CALL_CUSTOMER", "AMOUNT_DISPUTED")]
    assert not customer.decline(invited(), "OTHER_HELP", "d-1", ACTOR, NOW).tasks
    with pytest.raises(DecisionRefusedError, match="REASON"):
        customer.decline(invited(), "my name is …", "d-1", ACTOR, NOW)


def test_a_copy_can_be_noted_only_of_a_sealed_agreement() -> None:
    case = with_code(understood())
    signed = customer.sign(case, terms(case), "d-1", ACTOR, NOW).case
    with pytest.raises(DecisionRefusedError, match="NOT_SEALED"):
        customer.note_download(signed, ACTOR)
    assert signed.agreement is not None
    sealed = signed.model_copy(update={"agreement": signed.agreement.model_copy(update={"document_sha256": "a" * 64})})
    assert customer.note_download(sealed, ACTOR).events[0].model_dump() == {"document_sha256": "a" * 64}


# --- where one goes on -----------------------------------------------------------------------------------------


def test_each_moment_of_a_case_has_its_place() -> None:
    case = with_code(understood())
    signed = customer.sign(case, terms(case), "d-1", ACTOR, NOW).case
    assert customer.place(invited(), NOW) == "offers"
    assert customer.place(chosen(), NOW) == "questions"
    assert customer.place(case, NOW) == "agreement"
    assert customer.place(signed, NOW) == "plan"
    assert customer.place(case, LATER) == "plan"
    assert customer.place(understood(decision=a_counter_offer(100)), NOW) == "plan"
    assert customer.place(chosen(chosen_offer_id="an older offer"), NOW) == "offers"


@given(st.sampled_from(Status), st.booleans(), st.booleans(), st.booleans())
def test_every_case_has_a_place(status: Status, pending: bool, picked: bool, late: bool) -> None:
    case = understood(status=status, decision=a_counter_offer(1) if pending else None)
    if not picked:
        case = case.model_copy(update={"chosen_offer_id": None})
    place = customer.place(case, LATER if late else NOW)
    assert place in {"offers", "questions", "agreement", "plan"}
    if pending or late or status not in (Status.INVITED, Status.NEGOTIATING):
        assert place == "plan"


# --- names -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("王小明", "王小明"),
        (" 王 小明 ", "王小明"),
        ("阿依古丽·买买提", "阿依古丽•买买提"),
        ("阿依古丽买买提", "阿依古丽・买买提"),
        ("mary-ann o'neill", "Mary Ann O’Neill"),
        ("ＷＡＮＧ　ＬＩ", "Wang Li"),
        ("José", "Jose\u0301"),
        ("王\ue863", "王䶮"),
    ],
)
def test_a_name_is_the_same_however_it_is_typed(typed: str, name: str) -> None:
    assert customer.same_name(typed, name)


@pytest.mark.parametrize(("typed", "name"), [("王晓明", "王小明"), ("", ""), ("·", "·"), ("Li", "Li Wang"), ("", "王")])
def test_another_name_or_none_is_not(typed: str, name: str) -> None:
    assert not customer.same_name(typed, name)


def test_a_change_never_touches_what_it_is_not_about() -> None:
    case = invited()
    for act in ("choose", "propose", "call", "decline"):
        changed = DECISIONS[act](case, NOW).case
        kept = {"account", "offers", "assessment", "contacts", "opened_at", "flags", "circumstances"}
        assert changed.model_dump(include=kept) == case.model_dump(include=kept)


def test_delivery_that_failed_says_what_a_person_has_to_do() -> None:
    sent = customer.note_delivery(invited(), "k-1", "SENT", "INVITATION/1/en", NOW)
    refused = NotSentError("MESSAGE_REJECTED", error="InvalidParameter")
    failed = customer.note_delivery(invited(), "k-1", "FAILED", "INVITATION/1/en", NOW, refused)
    assert (types(sent), sent.tasks) == (["ContactDelivered"], ())
    assert types(failed) == ["ContactDelivered", "StaffTaskCreated"]
    assert [(task.reason, task.facts) for task in failed.tasks] == [("MESSAGE_REJECTED", {"error": "InvalidParameter"})]
    assert replace(sent).result == {"outcome": "SENT"}


def test_a_name_that_cannot_be_printed_is_told_to_staff_with_the_first_message_and_once() -> None:
    first = customer.note_delivery(invited(), "k-1", "SENT", "INVITATION/1/en", NOW, printable=False)
    (task,) = first.tasks
    assert (task.kind, task.reason, task.facts) == ("MISSING_GLYPH", "NAME_NOT_PRINTABLE", {})
    assert types(first) == ["ContactDelivered", "StaffTaskCreated"]
    assert (first.result, first.case.glyph_task) == ({"outcome": "SENT"}, "OPEN")
    for glyph_task in ("OPEN", "CLOSED"):  # staff have heard of it
        known = first.case.model_copy(update={"glyph_task": glyph_task})
        assert customer.note_delivery(known, "k-2", "SENT", "REMINDER/1/en", NOW, printable=False).tasks == ()


def test_it_is_told_also_where_the_message_did_not_leave() -> None:
    refused = NotSentError("MESSAGE_REJECTED", error="InvalidParameter")
    change = customer.note_delivery(invited(), "k-1", "FAILED", "INVITATION/1/en", NOW, refused, printable=False)
    assert [task.reason for task in change.tasks] == ["MESSAGE_REJECTED", "NAME_NOT_PRINTABLE"]
    assert len({task.task_id for task in change.tasks}) == 2


@pytest.mark.parametrize("status", [Status.SIGNED, Status.ACTIVE, Status.CLOSED])
def test_where_nobody_will_sign_any_more_the_name_is_no_task(status: Status) -> None:
    case = invited(status=status)
    assert customer.note_delivery(case, "k-1", "SENT", "PLAN_ACTIVE/1/en", NOW, printable=False).tasks == ()


def test_the_pages_tell_staff_of_the_name_again_when_their_task_was_closed() -> None:
    once = customer.note_unprintable_name(invited(), ACTOR, NOW)
    assert [task.reason for task in once.tasks] == ["NAME_NOT_PRINTABLE"]
    assert customer.note_unprintable_name(once.case, ACTOR, NOW).events == ()
    closed = once.case.model_copy(update={"glyph_task": "CLOSED"})
    assert len(customer.note_unprintable_name(closed, ACTOR, NOW).tasks) == 1


@pytest.mark.parametrize("standing", ["SOLD", "DISPUTED", "BANKRUPT", "DECEASED"])
@pytest.mark.parametrize("act", sorted(DECISIONS))
def test_nothing_is_decided_on_an_account_that_is_in_another_procedure(act: str, standing: str) -> None:
    case = understood(flags=(standing,))
    assert customer.place(case, NOW) == "plan"
    with pytest.raises(DecisionRefusedError, match="STOPPED"):
        DECISIONS[act](case, NOW)


def test_who_asked_not_to_be_contacted_may_still_decide() -> None:
    assert customer.place(understood(flags=("CEASE_CONTACT", "REPRESENTED")), NOW) == "agreement"


def test_who_asks_for_a_call_while_the_case_has_stopped_is_on_somebodys_list_at_once() -> None:
    stopped = invited().model_copy(update={"stopped": "run-1"})
    change = customer.ask_for_call(stopped, "d-1", ACTOR, NOW)
    assert [(task.kind, task.reason) for task in change.tasks] == [("CALL_CUSTOMER", "CUSTOMER_ASKED_FOR_CALL")]
    assert change.case.call_arranged
    assert arrange_call(after(change), NOW).tasks == (), "started again, nobody is asked to call twice"
    assert customer.ask_for_call(invited(), "d-1", ACTOR, NOW).tasks == (), "else the workflow makes the task"


def test_who_asked_for_a_call_just_before_a_step_failed_is_on_somebodys_list_too() -> None:
    asked = after(customer.ask_for_call(invited(), "d-1", ACTOR, NOW))
    failed = record_failure(asked, "run-1", NOW)
    assert [task.kind for task in failed.tasks] == ["FAILED_STEP", "CALL_CUSTOMER"]
    assert arrange_call(after(failed), NOW).tasks == ()


def test_a_wish_for_a_call_outlives_another_call_that_nobody_made() -> None:
    """Somebody was to explain the plan; the customer also asked for a call, and the first task is closed unmade."""
    case = invited().model_copy(update={"stopped": "run-1", "call_arranged": True})
    task, _ = new_task(case, TaskKind.CALL_CUSTOMER, NOW, TaskReason.NOT_UNDERSTOOD, {"questions": "TERM"})
    asked = after(customer.ask_for_call(case, "d-1", ACTOR, NOW))
    closed = decide(asked, task, [task], NOBODY_REACHED, "NO_LONGER_NEEDED", "mei", "LEAD", the_policy(), NOW)
    assert [one.reason for one in closed.tasks if one.outcome is None] == ["CUSTOMER_ASKED_FOR_CALL"]
    assert closed.case.call_arranged
    talked = decide(asked, task, [task], NOBODY_REACHED, "REACHED", "mei", "LEAD", the_policy(), NOW)
    assert (talked.case.decision, [one for one in talked.tasks if one.outcome is None]) == (None, [])


def test_what_billing_told_while_a_call_was_due_counts_when_it_was_made() -> None:
    """Nobody signs what newer figures have overtaken, only because a step had failed meanwhile."""
    asked = record_failure(after(customer.ask_for_call(invited(), "d-1", ACTOR, NOW)), "run-1", NOW)
    account = asked.case.account.model_copy(update={"balance": Balance(principal=1)})
    told = known_figures(asked.case).model_copy(update={"account": account, "told_at": NOW + timedelta(hours=1)})
    heard = after(note_figures(after(asked), told, NOW + timedelta(hours=1)))
    _, call = asked.tasks
    called = decide(heard, call, [call], NOBODY_REACHED, "REACHED", "mei", "LEAD", the_policy(), NOW).case
    assert called.decision is not None
    assert called.decision.kind == NEW_FIGURES
    assert customer.place(called, NOW) == "plan"


@pytest.mark.parametrize(("choice", "is_due"), [("REACHED", False), ("NO_LONGER_NEEDED", False), ("NOT_REACHED", True)])
def test_who_was_called_while_the_case_stood_still_is_not_called_again_when_it_goes_on(
    choice: str, is_due: bool
) -> None:
    stopped = invited().model_copy(update={"stopped": "run-1"})
    asked = customer.ask_for_call(stopped, "d-1", ACTOR, NOW)
    (task,) = asked.tasks
    called = decide(after(asked), task, [task], NOBODY_REACHED, choice, "mei", "LEAD", the_policy(), NOW).case
    assert (called.decision is not None) == is_due
    assert called.untold == is_due
