"""The negotiation when people are slow: reminders, escalation, expiry. Durations are seconds here, days in a bank."""

from pathlib import Path

import pytest
from workflow.performance import perform
from workflow.play import SCENARIOS, scenario

from infra.local.stack import LocalStack

HASTY_ONES = [path for path in SCENARIOS if scenario(path).get("hasty")]


@pytest.mark.xdist_group("hasty")
@pytest.mark.parametrize("path", HASTY_ONES, ids=lambda path: path.stem)
def test_a_case_goes_its_way_when_people_are_slow(path: Path, hasty_stack: LocalStack) -> None:
    perform(hasty_stack, path)
