"""Every state machine is a sound graph in which no failure ends where nobody sees it."""

import ast
import inspect
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from contract.definitions import MACHINES, RESOURCES, ROOT, all_states, definition, of_type, substitutions, targets

from accord import customer, errors, figures, staff

MACHINE = pytest.mark.parametrize("path", MACHINES, ids=lambda path: path.name.split(".")[0])
LAMBDA_ERRORS = {
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
    # A function that was cut off, by its timeout or for want of memory. Steps are safe to repeat.
    "Lambda.Unknown",
    "Sandbox.Timedout",
}
EXPIRED = "Close as expired"
TRANSIENT = {
    name
    for name, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, errors.TransientError) and kind is not errors.TransientError
}


def graphs(machine: dict[str, Any]) -> list[dict[str, Any]]:
    """The machine and every machine inside it."""
    nested = [
        inner
        for state in machine["States"].values()
        for inner in [state[key] for key in ("ItemProcessor", "Iterator") if key in state] + state.get("Branches", [])
    ]
    return [machine, *(graph for inner in nested for graph in graphs(inner))]


@MACHINE
def test_every_target_exists_and_every_state_is_reachable(path: Path) -> None:
    for graph in graphs(definition(path)):
        states = graph["States"]
        reached, ahead = set(), {graph["StartAt"]}
        while ahead:
            name = ahead.pop()
            assert name in states, f"{name} does not exist"
            reached.add(name)
            ahead |= targets(states[name]) - reached
        assert reached == set(states)


@MACHINE
def test_every_task_has_a_timeout_and_retries_what_may_pass(path: Path) -> None:
    for name, state in all_states(definition(path)).items():
        if state["Type"] != "Task":
            continue
        assert isinstance(state.get("TimeoutSeconds"), int) or "TimeoutSecondsPath" in state, name
        retried = {error for retrier in state.get("Retry", []) for error in retrier["ErrorEquals"]}
        # A portfolio's steps change no case, so no case can change under them.
        may_pass = LAMBDA_ERRORS | (TRANSIENT if path.name.startswith("negotiation") else {"ServiceUnavailableError"})
        assert may_pass <= retried, f"{name} does not retry {may_pass - retried}"
        for retrier in state["Retry"]:
            assert retrier["MaxAttempts"] >= 3, name
            assert retrier["JitterStrategy"] == "FULL", name


@MACHINE
def test_every_task_catches_everything_and_keeps_its_input(path: Path) -> None:
    for name, state in all_states(definition(path)).items():
        if state["Type"] not in ("Task", "Map"):
            continue
        caught = [error for catcher in state.get("Catch", []) for error in catcher["ErrorEquals"]]
        assert caught, f"{name} has no Catch"
        assert caught[-1] == "States.ALL", f"{name} lets errors escape"
        assert all(catcher["ResultPath"].startswith("$.") for catcher in state["Catch"]), f"{name} loses its input"


@MACHINE
def test_every_wait_for_a_person_ends_by_a_timeout_of_its_own(path: Path) -> None:
    waits = [
        state for state in all_states(definition(path)).values() if "waitForTaskToken" in str(state.get("Resource"))
    ]
    for state in waits:
        assert {"TimeoutSeconds", "TimeoutSecondsPath"} & set(state)
        assert state["Parameters"]["Payload"]["task_token.$"] == "$$.Task.Token"
        first = state["Catch"][0]["ErrorEquals"]
        assert {"States.Timeout", "States.HeartbeatTimeout"} <= set(first)
    if path.name.startswith("negotiation"):
        assert len(waits) == 5


def kinds_that_customers_decide() -> set[str]:
    """Every word that the code writes as the customer's decision."""
    tree = ast.parse(inspect.getsource(customer))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    words = {ast.literal_eval(call.args[1]) for call in calls if getattr(call.func, "id", "") == "_decided"}
    made = [call for call in calls if getattr(call.func, "id", "") == "Decision"]
    given = [{word.arg: word.value for word in call.keywords} for call in made]
    literal = [one for one in given if isinstance(one["kind"], ast.Constant)]
    return words | {ast.literal_eval(one["kind"]) for one in literal if ast.literal_eval(one["by"]) == "CUSTOMER"}


def test_whatever_may_be_decided_at_a_wait_leads_on() -> None:
    """A word that no branch knows would end in the failure path, and be lost."""
    states = definition(ROOT / "statemachines" / "negotiation.asl.yaml")["States"]
    reached_by_hand = {choice.partition("/")[0] for choice in staff._RETRY}
    may_decide = {
        "CUSTOMER": kinds_that_customers_decide() | {figures.NEW_FIGURES},
        "STAFF": reached_by_hand,
    }
    assert {"SIGNED", "COUNTER", "CALL_ME"} <= may_decide["CUSTOMER"]
    may_decide["ANYBODY"] = may_decide["CUSTOMER"] | may_decide["STAFF"]
    waits = {name: state for name, state in states.items() if "waitForTaskToken" in str(state.get("Resource"))}
    for name, state in waits.items():
        branch = states[state["Next"]]
        if branch["Type"] != "Choice":  # the step that follows reads the decision on the case
            assert state["Next"] == "Apply review"
            continue
        known = {choice["StringEquals"] for choice in branch["Choices"]}
        whose = state["Parameters"]["Payload"]["waits_for"]
        assert may_decide[whose] <= known, f"{name} may end with {may_decide[whose] - known}"


@MACHINE
def test_every_error_name_is_a_class(path: Path) -> None:
    known = {name for name, _ in inspect.getmembers(errors, inspect.isclass)}
    for name, state in all_states(definition(path)).items():
        for rule in [*state.get("Retry", []), *state.get("Catch", [])]:
            ours = {error for error in rule["ErrorEquals"] if not error.startswith(("States.", "Lambda.", "Sandbox."))}
            assert ours <= known, f"{name} names {ours - known}, which no handler can raise"


@MACHINE
def test_every_choice_has_a_default(path: Path) -> None:
    assert all("Default" in state for state in all_states(definition(path)).values() if state["Type"] == "Choice")


def test_a_negotiation_carries_case_ids_and_routing_facts_alone() -> None:
    path = ROOT / "statemachines" / "negotiation.asl.yaml"
    allowed = {
        "case_id.$", "step.$", "reason", "waits_for", "task_token.$", "FunctionName", "Payload",
    }  # fmt: skip
    for name, state in all_states(definition(path)).items():
        given = state.get("Parameters", {})
        assert set(given) | set(given.get("Payload", {})) <= allowed, name


def test_every_end_of_a_negotiation_leaves_the_case_ended_or_staffed() -> None:
    machine = definition(ROOT / "statemachines" / "negotiation.asl.yaml")
    states = machine["States"]
    ends = {name for name, state in states.items() if state["Type"] in ("Succeed", "Fail")}
    before = {end: {name for name, state in states.items() if end in targets(state)} for end in ends}
    # Where an execution stopped before, a case may have its plan or be closed already, and nobody was told of it yet.
    assert before["Plan active"] == {"Was the customer informed"}
    closing = {name for name, state in states.items() if state.get("Resource", "").endswith(":Close")} - {EXPIRED}
    meanwhile = "Did somebody decide meanwhile"
    # Who may not be negotiated with is not written to.
    told = closing - {"Close as excluded"}
    assert all("Inform" in targets(states[name]) for name in (*told, meanwhile, "Has the plan begun"))
    stopped = {
        rule["StringEquals"] for rule in states["Did an execution stop before"]["Choices"] if rule["Next"] == "Inform"
    }
    assert stopped == {"ACTIVE", "CLOSED"}
    assert before["Case closed"] == {"Close as excluded", "Was the customer informed"}
    assert targets(states[EXPIRED]) == {meanwhile, "Record failure"}
    for name, after in (("Was the customer informed", "Case closed"), (meanwhile, "Inform")):
        (rule,) = [rule for rule in states[name]["Choices"] if rule["Next"] == after]
        assert rule["StringEquals"] == "CLOSED"
    assert before["Failed"] == {"Record failure"}
    assert ends == {"Plan active", "Case closed", "Failed"}
    # Where Record failure itself fails, times out, or the execution is aborted, the rule on ended executions sees it.
    rule = RESOURCES["NoticeFailedExecutionFunction"]["Properties"]["Events"]["Ended"]["Properties"]["Pattern"]
    assert rule["detail"]["status"] == ["FAILED", "TIMED_OUT", "ABORTED"]
    assert rule["detail"]["stateMachineArn"] == [{"Ref": "NegotiationStateMachine"}]


@MACHINE
def test_the_template_gives_each_substitution_and_no_more(path: Path) -> None:
    machine = next(
        body
        for body in of_type("AWS::Serverless::StateMachine").values()
        if body["DefinitionUri"] == f"statemachines/{path.name}"
    )
    assert set(machine["DefinitionSubstitutions"]) == substitutions(path)


def test_the_validator_of_the_states_language_accepts_every_file(tmp_path: Path) -> None:
    files = []
    for path in MACHINES:
        target = tmp_path / f"{path.name.removesuffix('.asl.yaml')}.json"
        target.write_text(json.dumps(definition(path)))
        files.append(f"--json-definition={target}")
    validator = ROOT / "node_modules" / ".bin" / "asl-validator"
    done = subprocess.run([str(validator), *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
