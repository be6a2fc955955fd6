"""The negotiation's state machine, executed with the real handlers: one scenario file a way that a case can go."""

from pathlib import Path

import pytest
from contract.definitions import ROOT, definition
from workflow.performance import perform
from workflow.play import SCENARIOS, Play, payload_of, scenario

from infra.local.stack import LocalStack

PATIENT_ONES = [path for path in SCENARIOS if not scenario(path).get("hasty")]


@pytest.mark.xdist_group("patient")
@pytest.mark.parametrize("path", PATIENT_ONES, ids=lambda path: path.stem)
def test_a_case_goes_its_way(path: Path, patient_stack: LocalStack) -> None:
    perform(patient_stack, path)


@pytest.mark.xdist_group("patient")
def test_every_state_is_entered_by_some_scenario() -> None:
    """A way that no scenario takes is a way that nobody has seen."""
    states = definition(ROOT / "statemachines" / "negotiation.asl.yaml")["States"]
    told = {name for path in SCENARIOS for name in scenario(path)["ends"]["visits"]}
    assert {name for name, state in states.items() if state["Type"] != "Choice"} <= told


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
