"""The negotiation's state machine, executed with the real handlers: one scenario file a way that a case can go."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from contract.definitions import ROOT, definition
from werkzeug.test import Client
from workflow.performance import perform
from workflow.play import SCENARIOS, Play, broken, payload_of, scenario

from accord.errors import ServiceUnavailableError
from accord.events import verify_chain
from infra.local.functions import LambdaContext
from infra.local.gateway import Gateway
from infra.local.stack import LocalStack

STATES = definition(ROOT / "statemachines" / "negotiation.asl.yaml")["States"]
CHOICES = {name for name, state in STATES.items() if state["Type"] == "Choice"}
PATIENT_ONES = [path for path in SCENARIOS if not scenario(path).get("hasty")]


@pytest.mark.xdist_group("patient")
@pytest.mark.parametrize("path", PATIENT_ONES, ids=lambda path: path.stem)
def test_a_case_goes_its_way(path: Path, patient_stack: LocalStack) -> None:
    play = perform(patient_stack, path)
    assert play.case().status == scenario(path)["ends"]["status"]


@pytest.mark.xdist_group("patient")
def test_every_state_is_entered_by_some_scenario() -> None:
    """A way that no scenario takes is a way that nobody has seen."""
    told = {name for path in SCENARIOS for name in scenario(path)["ends"]["visits"]}
    assert set(STATES) - CHOICES <= told


@pytest.mark.xdist_group("patient")
def test_a_message_that_was_promised_leaves_although_a_step_failed_on_the_way(patient_stack: LocalStack) -> None:
    """A person approves late in the evening. In the morning the invitation fails, and staff start the case again."""
    play = Play(patient_stack, "promised", {})
    play.start()
    play.wait_at("Wait for the customer", 1)
    play.ask_for_a_person()
    play.wait_at("Wait for review", 1)
    patient_stack.advance(timedelta(hours=12))
    play.approve()
    play.wait_at("Wait until contact is allowed", 1)
    with broken(patient_stack, {"function": "InviteFunction", "error": "ValueError", "times": 1}):
        play.let_the_morning_come()
        play.wait_for_the_end()
    assert (play.execution_status(), play.case().status, play.case().untold) == ("FAILED", "NEGOTIATING", True)
    play.start_again()
    play.wait_at("Wait for the customer", 1)
    assert (play.case().contacts[-1].template, play.case().untold) == ("NEW_OFFERS", False)
    play.decline()
    play.wait_for_the_end()


@pytest.mark.xdist_group("patient")
def test_an_execution_carries_nothing_personal(patient_stack: LocalStack) -> None:
    play = Play(patient_stack, "private", {})
    play.start()
    play.wait_at("Wait for the customer", 1)
    play.decline()
    play.wait_for_the_end()
    carried = payload_of(patient_stack, play.case_id)
    holder = play.detail["cardholder"]
    for secret in (holder["name"], holder["phone"], holder["email"], holder["idLast4"], holder["birthDate"]):
        assert secret not in carried


@pytest.mark.xdist_group("patient")
@pytest.mark.parametrize(
    ("function", "status", "goes_on_with"),
    [
        ("AssessFunction", "IDENTIFIED", "Assess"),
        ("ProposeFunction", "ASSESSED", "Propose"),
        ("InviteFunction", "OFFERED", "Invite"),
        ("AwaitDecisionFunction", "INVITED", "Wait for the customer"),
        ("SealFunction", "SIGNED", "Seal"),
        ("ActivateFunction", "SIGNED", "Activate"),
    ],
)
def test_a_case_whose_execution_failed_goes_on_where_it_stands(
    patient_stack: LocalStack, function: str, status: str, goes_on_with: str
) -> None:
    play = Play(patient_stack, f"again-{function}", {})
    with broken(patient_stack, {"function": function, "error": "ZeroDivisionError", "times": 100}):
        play.start()
        if status == "SIGNED":
            play.wait_at("Wait for the customer", 1)
            play.sign()
        play.wait_for_the_end()
        assert (play.case().status, play.open_tasks()) == (status, ["FAILED_STEP"])
        play.start_again()
        play.wait_for_the_end()
        assert (play.case().status, play.open_tasks()) == (status, ["FAILED_STEP"] * 2), "each failure has its task"
    before = [event.type for event in play.cases.events(play.case_id)]
    play.start_again()
    if status != "SIGNED":
        play.wait_at("Wait for the customer", 1)
        play.sign()
    play.wait_for_the_end()
    assert [name for name in play.visits() if name not in CHOICES][1] == goes_on_with
    assert play.case().status == "ACTIVE"
    types = [event.type for event in play.cases.events(play.case_id)]
    assert types[: len(before)] == before
    assert types.count("AgreementSealed") == 1


@pytest.mark.xdist_group("patient")
def test_staff_start_a_case_that_stopped_again_and_their_decision_is_taken_up(patient_stack: LocalStack) -> None:
    play = Play(patient_stack, "console", {"cardholder": {"flags": ["VULNERABLE"]}})
    with broken(patient_stack, {"function": "ApplyReviewFunction", "error": "ZeroDivisionError", "times": 100}):
        play.start()
        play.wait_at("Wait for review", 1)
        play.approve()
        play.wait_for_the_end()
    assert (play.case().status, play.open_tasks()) == ("IN_REVIEW", ["FAILED_STEP"])
    task = play.open_task("FAILED_STEP")
    staff_browser = Client(Gateway(patient_stack))
    answer = staff_browser.post(
        f"/ops/tasks/{play.case_id}/{task.task_id}",
        data={"choice": "START_AGAIN"},
        headers={"Origin": "https://plan.bank.example"},
    )
    assert answer.status_code == 303, answer.text
    play.until("the invitation", lambda: play.case().status == "INVITED")
    assert (play.case().stopped, play.open_tasks()) == (None, [])


@pytest.mark.xdist_group("patient")
def test_an_execution_that_was_overtaken_by_hand_and_then_aborted_stops_nothing(patient_stack: LocalStack) -> None:
    play = Play(patient_stack, "overtaken", {})
    play.start()
    play.wait_at("Wait for the customer", 1)
    first = str(play.case().execution)
    play.start_again()
    play.until("the second execution", lambda: play.case().execution not in (None, first))
    play.wait_at("Wait for the customer", 1)
    patient_stack.client("stepfunctions").stop_execution(executionArn=play.arn_of(first))
    play.until("the word of it", lambda: "StepFailed" in [event.type for event in play.cases.events(play.case_id)])
    assert (play.case().stopped, play.open_tasks()) == (None, [])
    play.sign()
    play.wait_for_the_end()
    assert (play.case().status, play.open_tasks()) == ("ACTIVE", [])


@pytest.mark.xdist_group("patient")
def test_an_execution_of_a_case_that_has_ended_ends_at_once(patient_stack: LocalStack) -> None:
    play = Play(patient_stack, "ended", {})
    play.start()
    play.wait_at("Wait for the customer", 1)
    play.decline()
    play.wait_for_the_end()
    events = len(list(play.cases.events(play.case_id)))
    play.start_again()
    play.wait_for_the_end()
    assert play.execution_status() == "SUCCEEDED"
    assert len(list(play.cases.events(play.case_id))) == events


@pytest.mark.xdist_group("patient")
def test_a_crash_after_the_work_of_any_step_changes_nothing(
    patient_stack: LocalStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every step does its work, and its answer is lost; every message of a queue or a stream comes twice."""
    machine = patient_stack.template.translated["Resources"]["NegotiationStateMachine"]
    steps = {name.removesuffix("Arn") for name in machine["Properties"]["DefinitionSubstitutions"]}
    for name, function in patient_stack.functions.items():
        if name.endswith("WebFunction"):
            continue
        function.load()
        monkeypatch.setattr(function, "_entry", twice(function._entry, loses_its_answer=name in steps))
    play = Play(patient_stack, "crashes", {})
    play.start()
    play.wait_at("Wait for the customer", 1)
    play.call_me()
    play.wait_at("Wait for the customer", 2)
    play.sign()
    play.wait_for_the_end()
    case = play.case()
    assert case.status == "ACTIVE"
    types = [event.type for event in play.cases.events(play.case_id)]
    once = {"CaseOpened", "CaseIdentified", "CaseAssessed", "OfferMade",
            "AgreementSigned", "AgreementSealed", "PlanActivated", "StaffTaskCreated"}  # fmt: skip
    assert {kind: types.count(kind) for kind in once} == dict.fromkeys(once, 1)
    messages = [
        event.content["data"]["template"]
        for event in play.cases.events(play.case_id)
        if event.type == "ContactRequested"
    ]
    assert messages == ["INVITATION", "PLAN_ACTIVE"]
    assert types.count("ContactDelivered") == 2
    verify_chain(play.cases.events(play.case_id), case.head, case.version)


def twice(works: Any, *, loses_its_answer: bool) -> Any:
    """A handler whose first answer to each event is lost, after it has done its work."""
    seen: set[str] = set()

    def handler(event: Any, context: LambdaContext) -> Any:
        answer, again = works(event, context), json.dumps(event, sort_keys=True)
        if again in seen:
            return answer
        seen.add(again)
        if loses_its_answer:
            raise ServiceUnavailableError("the answer is lost")
        return works(event, context)

    return handler
