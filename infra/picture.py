"""Draws the state machines as Mermaid pictures, from the ASL files themselves, into both READMEs.

Choices become labels on arrows. Retries and the way to Record failure are left out, because every step has them, and
so is the choice that takes a case up again whose execution had failed.
"""

import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
READMES = (ROOT / "README.md", ROOT / "README.zh-CN.md")


def picture(machine: dict[str, Any]) -> str:
    """A state machine as a Mermaid flowchart."""
    states: dict[str, dict[str, Any]] = machine["States"]
    drawn = {name: f"s{number}" for number, name in enumerate(states) if states[name]["Type"] != "Choice"}
    lines = ["flowchart TD"]
    for name, short in drawn.items():
        lines.append(f"    {short}{_shape(name, states[name])}")
    for name, short in drawn.items():
        for label, target in _arrows(name, states):
            if states[target]["Type"] != "Choice":
                lines.append(f"    {short} -->{f'|{label}|' if label else ''} {drawn[target]}")
    lines.append("    classDef waits fill:#fff4d6,stroke:#b07d00,color:#3b2a00")
    lines.append("    classDef ends fill:#e3f3e6,stroke:#2f7d46,color:#0d3018")
    lines.append("    classDef fails fill:#fde5e3,stroke:#b3402f,color:#4a120b")
    return "\n".join(lines)


def _shape(name: str, state: dict[str, Any]) -> str:
    if state["Type"] == "Succeed":
        return f'(["{name}"]):::ends'
    if state["Type"] == "Fail":
        return f'(["{name}"]):::fails'
    if state["Type"] == "Wait" or "waitForTaskToken" in str(state.get("Resource", "")):
        return f'{{{{"{name}"}}}}:::waits'
    return f'["{name}"]'


def _arrows(name: str, states: dict[str, dict[str, Any]]) -> list[tuple[str, str]]:
    """Label and target of each arrow from a state, through the choice that follows it, timeouts of waits included."""
    state = states[name]
    arrows: list[tuple[str, str]] = []
    if "Next" in state:
        following = states[state["Next"]]
        while following["Type"] == "Choice" and states[following["Default"]]["Type"] == "Choice":
            following = states[following["Default"]]  # the first one looks for what is rare
        if following["Type"] == "Choice":
            by_target: dict[str, list[str]] = {}
            for choice in following["Choices"]:
                value = str(choice.get("StringEquals", "yes")).replace("_", " ").lower()
                by_target.setdefault(choice["Next"], []).append(value)
            arrows += [(", ".join(values), target) for target, values in by_target.items()]
        else:
            arrows.append(("", state["Next"]))
    for catcher in state.get("Catch", []):
        if "States.Timeout" in catcher["ErrorEquals"]:
            arrows.append(("nobody in time", catcher["Next"]))
    return arrows


def with_pictures(readme: str) -> str:
    """The README's text with every picture between its markers made anew."""
    for path in sorted((ROOT / "statemachines").glob("*.asl.yaml")):
        name = path.name.removesuffix(".asl.yaml")
        begin, end = f"<!-- picture of {name} -->\n", f"<!-- end of {name} -->"
        if begin in readme:
            before, _, rest = readme.partition(begin)
            _, _, after = rest.partition(end)
            drawn = picture(yaml.safe_load(path.read_text(encoding="utf-8")))
            readme = f"{before}{begin}```mermaid\n{drawn}\n```\n{end}{after}"
    return readme


def main() -> int:
    """Write the pictures into the READMEs."""
    for readme in READMES:
        readme.write_text(with_pictures(readme.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
