"""The policies of a simulation: a shipped pack or a file, and where two of them differ."""

from pathlib import Path
from typing import Any

from pydantic_core import to_jsonable_python

from accord.policy import Policy, jurisdictions, load_policy, read_policy


def policy_of(told: str) -> Policy:
    """The pack of a jurisdiction (CN) or the one in a YAML file. Raises ValueError that says what is wrong."""
    if told in jurisdictions():
        return load_policy(told)
    path = Path(told)
    try:
        policy = read_policy(path.read_text(encoding="utf-8"))
    except OSError as error:
        shipped = ", ".join(jurisdictions())
        raise ValueError(
            f"neither a shipped policy ({shipped}) nor a file that can be read: {error.strerror}"
        ) from None
    except UnicodeDecodeError:
        raise ValueError("the file is not UTF-8") from None
    if policy.jurisdiction not in jurisdictions():
        # A portfolio's rows are checked against the shipped packs, as everywhere in the application.
        raise ValueError(f"jurisdiction: no pack ships for {policy.jurisdiction}, so no account of it would be taken")
    return policy


def check_comparable(first: Policy, second: Policy) -> None:
    """Amounts of two policies can be compared in one jurisdiction and currency alone. Raises ValueError."""
    for what, one, other in (
        ("jurisdiction", first.jurisdiction, second.jurisdiction),
        ("currency", first.currencies[0], second.currencies[0]),
    ):
        if one != other:
            raise ValueError(f"{what}: A is for {one}, B for {other}: they cannot be compared")


def differing(first: Policy, second: Policy) -> list[tuple[str, str, str]]:
    """Every place in which two policies differ, with what each says there; the sources are not compared."""
    before, after = _leaves(first), _leaves(second)
    places = sorted(before.keys() | after.keys())
    return [(at, before.get(at, "–"), after.get(at, "–")) for at in places if before.get(at) != after.get(at)]


def _leaves(policy: Policy) -> dict[str, str]:
    leaves: dict[str, str] = {}

    def walk(value: Any, path: str) -> None:
        if isinstance(value, dict):
            for name, part in value.items():
                walk(part, f"{path} · {name}")
        elif isinstance(value, list) and any(isinstance(part, dict) for part in value):
            for number, part in enumerate(value, start=1):
                walk(part, f"{path} · {number}")
        else:
            leaves[path] = ", ".join(map(str, value)) if isinstance(value, list) else str(value)

    for key, rule in policy.rules.items():
        walk(to_jsonable_python(rule.value), key)
        for name in ("effective_from", "effective_to"):
            if (day := getattr(rule, name)) is not None:
                leaves[f"{key} · {name}"] = day.isoformat()
    return leaves
