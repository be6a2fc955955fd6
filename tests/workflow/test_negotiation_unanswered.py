"""The negotiation when people are slow: reminders, escalation, expiry. Durations are seconds here, days in a bank."""

from pathlib import Path
from typing import Any

import pytest
from workflow.performance import perform
from workflow.play import SCENARIOS, Play, just_before, scenario

from accord import clock
from infra.local.functions import LambdaContext
from infra.local.stack import LocalStack

HASTY_ONES = [path for path in SCENARIOS if scenario(path).get("hasty")]


@pytest.mark.xdist_group("hasty")
@pytest.mark.parametrize("path", HASTY_ONES, ids=lambda path: path.stem)
def test_a_case_goes_its_way_when_people_are_slow(path: Path, hasty_stack: LocalStack) -> None:
    play = perform(hasty_stack, path)
    assert play.case().status == scenario(path)["ends"]["status"]


@pytest.mark.xdist_group("hasty")
def test_a_decision_in_the_moment_in_which_time_runs_out_still_counts(
    hasty_stack: LocalStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Staff let the message go when the wait has timed out and the case is about to be closed."""
    play = Play(hasty_stack, "last-moment", {"cardholder": {"flags": ["CEASE_CONTACT"]}})
    close = hasty_stack.functions["CloseFunction"]
    close.load()
    works, late = close._entry, [play.give_up]
    assert works is not None

    def decided_before(event: Any, context: LambdaContext) -> Any:
        if event["case_id"] == play.case_id and late:
            late.pop()()
        return works(event, context)

    monkeypatch.setattr(close, "_entry", decided_before)
    play.start()
    play.wait_for_the_end()
    assert play.case().closed_reason == "WITHDRAWN"
    assert play.visits().count("Wait for contact by hand") == 2


@pytest.mark.xdist_group("hasty")
def test_an_execution_that_was_overtaken_neither_reminds_nor_closes(hasty_stack: LocalStack) -> None:
    """Somebody started a second execution beside one that waits; that one's time runs out when the plan is signed."""
    play = Play(hasty_stack, "overtaken-late", {})
    play.start()
    play.wait_at("Wait for the customer", 1)
    first = play.arn_of(str(play.case().execution))
    play.start_again()
    play.wait_at("Wait for the customer", 1)
    play.sign()
    play.wait_for_the_end()
    contacts = play.case().contacts
    states = hasty_stack.client("stepfunctions")
    play.until("the first one's end", lambda: states.describe_execution(executionArn=first)["status"] != "RUNNING")
    assert states.describe_execution(executionArn=first)["status"] == "FAILED"
    hasty_stack.settle()
    assert (play.case().status, play.case().contacts, play.open_tasks()) == ("ACTIVE", contacts, [])


@pytest.mark.xdist_group("hasty")
def test_staff_who_end_what_was_signed_while_it_is_stopped_are_heard(hasty_stack: LocalStack) -> None:
    """Nobody decided in time about an account that was sold. Then staff end it, and the sale turns out a mistake."""
    play = Play(hasty_stack, "ended-while-stopped", {})
    with just_before(play, {"function": "SealFunction", "do": "record_the_sale"}):
        play.start()
        play.wait_at("Wait for the customer", 1)
        play.sign()
        play.wait_for_the_end()
    assert (play.execution_status(), play.case().status) == ("FAILED", "SIGNED")
    play.give_up()
    play.lift_the_stop()
    play.start_again()
    play.wait_for_the_end()
    assert (play.case().status, play.case().closed_reason, play.case().decision) == ("CLOSED", "WITHDRAWN", None)
    went = iter(play.visits())
    assert all(state in went for state in ("Identify", "Seal", "Close as withdrawn", "Inform", "Case closed"))


@pytest.mark.xdist_group("hasty")
def test_an_approval_that_is_taken_up_after_the_offers_ran_out_has_them_worked_out_afresh(
    hasty_stack: LocalStack,
) -> None:
    """Staff approved while the case was stopped, and it was started again when the offers had run out."""
    play = Play(hasty_stack, "approved-while-stopped", {"cardholder": {"flags": ["VULNERABLE"]}})
    play.start()
    play.wait_for_the_end()
    assert (play.execution_status(), play.case().status) == ("FAILED", "IN_REVIEW")
    play.approve()
    play.let_the_offers_expire()
    play.start_again()
    play.wait_at("Wait for review", 2)
    assert all(offer.valid_until > clock.now() for offer in play.case().offers)
    play.approve()
    play.wait_at("Wait for the customer", 1)
    assert play.case().status == "INVITED"
