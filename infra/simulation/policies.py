"""The policies of a simulation: a shipped pack or a file, and where two of them differ."""

import json
from datetime import date
from pathlib import Path
from typing import Any

from accord.policy import Policy, jurisdictions, load_policy
from accord.policy_file import MOST_BYTES
from accord.policy_review import Review, differences, review


class WrongPolicyError(Exception):
    """What was named is no policy that can be simulated; one problem a sentence."""

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def reviewed(told: str, today: date) -> Review:
    """A file that should be a pack, with all that is wrong with it. Raises WrongPolicyError if it cannot be read."""
    file = Path(told)
    if file.is_dir():
        raise WrongPolicyError(f"{told} cannot be read: it is a folder; name the file in it")
    try:
        with file.open("rb") as content:
            # One byte more than a pack may have tells that it has too many.
            return review(content.read(MOST_BYTES + 1), today)
    except FileNotFoundError:
        raise WrongPolicyError(f"{told} cannot be read: there is no such file; check its name") from None
    except PermissionError:
        raise WrongPolicyError(f"{told} cannot be read: you may not read it; ask its owner") from None
    except OSError as error:
        raise WrongPolicyError(f"{told} cannot be read: {error.strerror}") from None


def policy_of(told: str, today: date) -> tuple[Policy, int]:
    """The pack of a jurisdiction (CN) or the one in a YAML file, and how many problems it has although it works.

    Raises WrongPolicyError.
    """
    if told in jurisdictions():
        return load_policy(told), 0
    if not Path(told).exists():
        shipped = ", ".join(jurisdictions())
        raise WrongPolicyError(f"{told}: no shipped policy ({shipped}), and no file; check its name")
    found = reviewed(told, today)
    if found.policy is None:
        problems = (f"{told}:{one.line}: {one.where}: {one.what}; {one.way_out}" for one in found.problems)
        raise WrongPolicyError(*problems)
    return found.policy, len(found.problems)


def with_problems(told: str, count: int, check: str) -> str:
    """What is said of a pack that works and is used, although a check of it finds problems."""
    number = "1 problem" if count == 1 else f"{count} problems"
    return f"{told} has {number} and should not be used as it is; {check} explains what is wrong"


def check_comparable(first: Policy, second: Policy) -> None:
    """Amounts of two policies can be compared in one jurisdiction and currency alone. Raises WrongPolicyError."""
    for what, one, other in (
        ("jurisdiction", first.jurisdiction, second.jurisdiction),
        ("currency", first.currencies[0], second.currencies[0]),
    ):
        if one != other:
            raise WrongPolicyError(f"{what}: A is for {one}, B for {other}: they cannot be compared")


def differing(first: Policy, second: Policy) -> list[tuple[str, str, str]]:
    """Every place of the rules in which two policies differ, with what each says there; sources do not count."""
    return [
        (" · ".join(part for part in (one.key, one.part.removeprefix("value").removeprefix(".")) if part),
         as_text(one.old, "–"), as_text(one.new, "–"))
        for one in differences(first, second)
        if one.part.startswith(("value", "effective"))
    ]  # fmt: skip


def as_text(value: Any, nothing: str) -> str:
    """A rule's value on one line."""
    if value is None:
        return nothing
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
