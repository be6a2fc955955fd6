"""Performs a scenario on a stack and holds what came of it against what the scenario says."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from workflow.play import Play, broken, just_before, scenario

from accord import clock
from accord.events import verify_chain
from infra.local.stack import LocalStack


def perform(stack: LocalStack, path: Path) -> Play:
    """Play a scenario and hold what came of it against what it says."""
    told = scenario(path)
    if at := told.get("clock"):
        clock.move(datetime.fromisoformat(at) - datetime.now(tz=UTC))
    play = Play(stack, path.stem, told)
    with broken(stack, told.get("break"), told.get("break_too")), just_before(play, told.get("just_before")):
        play.start()
        seen: dict[str, int] = {}
        at, did = "", ""
        for step in told.get("then", []):
            # Two acts in a row at the same wait belong to the same visit, unless the first one ends the wait.
            if step["at"] != at or ends_the_wait(did):
                seen[step["at"]] = seen.get(step["at"], 0) + 1
            play.wait_at(step["at"], seen[step["at"]])
            play.do(step)
            at, did = step["at"], step["do"]
        play.wait_for_the_end()
    compare(play, told["ends"])
    return play


def ends_the_wait(act: str) -> bool:
    return act not in (
        "lift_the_stop",
        "lift_the_stop_weeks_later",
        "mend_the_name",
        "find_the_task_about_the_name",
        "call_about_the_name",
        "nothing",
        "misunderstand",
        "explain_on_the_phone",
        "let_the_offers_expire",
        "answer_stop",
    )


def compare(play: Play, ends: dict[str, Any]) -> None:
    case, visits = play.case(), play.visits()
    assert (play.execution_status(), case.status, case.closed_reason) == (
        ends["execution"],
        ends["status"],
        ends.get("reason"),
    ), visits
    assert is_within(ends["visits"], visits), visits
    assert play.open_tasks() == sorted(ends["open_tasks"]), play.cases.tasks(case.case_id)
    # A step that failed keeps the decision: whoever mends it goes on from there.
    assert case.decision is None or ends["execution"] == "FAILED", "the decision was not taken up"
    if "published" in ends:
        assert play.published() == ends["published"]
    if "channels" in ends:
        assert [contact.channel for contact in case.contacts] == ends["channels"]
    if not_before := ends.get("no_contact_before"):
        assert case.contacts
        assert all(contact.at >= datetime.fromisoformat(not_before) for contact in case.contacts)
    # The account is free again exactly when the case has ended.
    assert play.cases.cases_of(case.account_id).open_case_id == (None if case.status == "CLOSED" else case.case_id)
    verify_chain(play.cases.events(case.case_id), case.head, case.version)


def is_within(wanted: list[str], states: list[str]) -> bool:
    """Whether the wanted states were entered in that order, others between them allowed."""
    remaining = iter(states)
    return all(name in remaining for name in wanted)
