"""Reads the state machines and the template as the contract tests look at them."""

import json
import re
from pathlib import Path
from typing import Any

import yaml
from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).resolve().parents[2]
MACHINES = sorted((ROOT / "statemachines").glob("*.asl.yaml"))
TEMPLATE: dict[str, Any] = yaml_parse((ROOT / "template.yaml").read_text(encoding="utf-8"))
RESOURCES: dict[str, dict[str, Any]] = TEMPLATE["Resources"]


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    """The template's resources of a type: logical id to properties."""
    return {name: body.get("Properties", {}) for name, body in RESOURCES.items() if body["Type"] == kind}


def functions() -> dict[str, dict[str, Any]]:
    """The template's functions, logical id to properties."""
    return of_type("AWS::Serverless::Function")


def definition(path: Path) -> dict[str, Any]:
    """A state machine with a likely value for each substitution, as Step Functions would read it."""

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name.endswith("Arn"):
            return f"arn:aws:lambda:us-east-1:123456789012:function:{name.removesuffix('FunctionArn')}"
        return "aws" if name == "Partition" else "7"

    text = re.sub(r"\$\{(\w+)\}", value, path.read_text(encoding="utf-8"))
    parsed: dict[str, Any] = yaml.safe_load(text)
    json.dumps(parsed)  # a definition is JSON in the end: no dates, no other YAML specialities
    return parsed


def substitutions(path: Path) -> set[str]:
    """The names of the substitutions that a state machine's text uses."""
    return set(re.findall(r"\$\{(\w+)\}", path.read_text(encoding="utf-8")))


def all_states(machine: dict[str, Any], within: str = "") -> dict[str, dict[str, Any]]:
    """Every state of a machine, those inside maps and parallels too, by a unique name."""
    found: dict[str, dict[str, Any]] = {}
    for name, state in machine["States"].items():
        found[f"{within}{name}"] = state
        inner = [state[key] for key in ("ItemProcessor", "Iterator") if key in state] + state.get("Branches", [])
        for nested in inner:
            found |= all_states(nested, f"{within}{name} / ")
    return found


def targets(state: dict[str, Any]) -> set[str]:
    """The states that may follow a state."""
    following = [state.get("Next"), state.get("Default")]
    following += [choice["Next"] for choice in state.get("Choices", [])]
    following += [catcher["Next"] for catcher in state.get("Catch", [])]
    return {name for name in following if name}
