"""Reviewing a policy pack before it is used: what is wrong or doubtful, on which line, and where two packs differ."""

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal, NamedTuple

import yaml
from pydantic import ValidationError

from accord.policy import BUCKETS, KEYS, Policy, Rule, check_value
from accord.policy_contradictions import Finding, check_together
from accord.policy_plausibility import check_plausible
from accord.policy_statutory import check_statutory

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
EXPIRES_WITHIN = timedelta(days=90)

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """What is wrong: the line of the file (from 1), where in the pack, what, and the way out."""

    line: int
    where: str
    what: str
    way_out: str


@dataclass(frozen=True)
class Review:
    """What a pack is worth on a day. `policy` is there when every value fits its key, even if rules contradict."""

    policy: Policy | None
    problems: tuple[Problem, ...]
    expiring: tuple[tuple[str, date], ...] = ()  # rules and their last day, soonest first
    low_confidence: tuple[str, ...] = ()  # rules whose source is weak
    warnings: tuple[Problem, ...] = ()  # what may be meant, but looks like a slip


def review(text: str, today: date) -> Review:
    """Review a pack as it stands in a file, for use on a day."""
    try:
        lines = _Lines(yaml.compose(text, Loader=_Loader))
        pack = yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader, in C if there is one
    except yaml.YAMLError as error:
        return Review(None, (_not_yaml(error),))
    except RecursionError:
        return Review(None, (Problem(1, "the file", "it is nested without end", "write it without anchors"),))
    if not isinstance(pack, dict) or not isinstance(pack.get("rules"), dict):
        what = "it is no pack: a pack has jurisdiction, version, currencies, time_zone and rules"
        return Review(None, (Problem(1, "the file", what, "begin with a copy of a pack that ships with Accord"),))
    wrong = [*lines.twice, *_wrong_head(pack, lines), *_wrong_rules(pack["rules"], lines)]
    policy = None
    if not wrong:
        policy = Policy.model_validate(pack)
        wrong += _at_their_lines([*check_together(policy), *check_statutory(policy)], lines)
        wrong += _denied_on(policy, today, lines)
    wrong += [
        Problem(
            lines.of(("rules",)),
            key,
            "the rule is missing: whatever asks for it is denied",
            "add it with value, citation, confidence and effective_from, as a pack that ships with Accord has it",
        )
        for key in sorted(KEYS - set(pack["rules"]) - {_meant(key) for key in pack["rules"]})
    ]
    problems = _in_order(wrong)
    if policy is None:
        return Review(None, problems)
    ends = [(key, rule.effective_to) for key, rule in policy.rules.items()]
    expiring = sorted(
        ((key, end) for key, end in ends if end is not None and today <= end <= today + EXPIRES_WITHIN),
        key=lambda rule: (rule[1], rule[0]),
    )
    low = (key for key, rule in policy.rules.items() if rule.confidence == "low")
    return Review(
        policy, problems, tuple(expiring), tuple(low), _in_order(_at_their_lines(check_plausible(policy), lines))
    )


def _at_their_lines(found: Iterable[Finding], lines: "_Lines") -> list[Problem]:
    return [Problem(lines.of(("rules", one.key)), one.key, one.what, one.way_out) for one in found]


def _in_order(found: list[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(dict.fromkeys(found), key=lambda problem: (problem.line, problem.where)))


# --- one value at a time -----------------------------------------------------------------------------------------


class _Lines:
    """On which line each part of the file stands, and what stands there twice: YAML would keep the last unasked."""

    def __init__(self, root: yaml.Node | None) -> None:
        self._at: dict[Path, int] = {(): 1}
        self.twice: list[Problem] = []
        if root is not None:
            self._read(root, ())

    def of(self, path: Path) -> int:
        """The line of a part, or of the nearest part around it."""
        return self._at[self.known(path)]

    def known(self, path: Path) -> Path:
        """The path as far as it stands in the file; a bucket may stand there as ALL."""
        found: Path = ()
        for part in path:
            steps = [part, "ALL"] if part in BUCKETS else [part]
            step = next((step for step in steps if (*found, step) in self._at), None)
            if step is None:
                break
            found = (*found, step)
        return found

    def _read(self, node: yaml.Node, path: Path) -> None:
        if isinstance(node, yaml.SequenceNode):
            for number, item in enumerate(node.value):
                self._at[(*path, number)] = item.start_mark.line + 1
                self._read(item, (*path, number))
        if isinstance(node, yaml.MappingNode):
            here: set[Path] = set()
            for name, value in node.value:
                part = (*path, str(name.value))
                line = name.start_mark.line + 1
                if part in here:
                    what = f"it stands on line {self._at[part]} already"
                    self.twice.append(Problem(line, _name(part), what, "take one of them out"))
                here.add(part)
                self._at[part] = line
                self._read(value, part)


def _wrong_head(pack: dict[Any, Any], lines: _Lines) -> Iterator[Problem]:
    """What is wrong beside the rules."""
    try:
        Policy.model_validate(pack | {"rules": {}})
    except ValidationError as error:
        yield from _from_pydantic(error, (), lines)


def _wrong_rules(rules: dict[Any, Any], lines: _Lines) -> Iterator[Problem]:
    for key, rule in rules.items():
        path: Path = ("rules", str(key))
        if key not in KEYS:
            way_out = f"write {_meant(key)}" if _meant(key) else "take it out, or correct its name"
            yield Problem(lines.of(path), str(key), "there is no such rule", way_out)
            continue
        try:
            Rule.model_validate(rule)
        except ValidationError as error:
            yield from _from_pydantic(error, path, lines)
        if isinstance(rule, dict) and "value" in rule:
            try:
                check_value(key, rule["value"])
            except ValidationError as error:
                yield from _from_pydantic(error, (*path, "value"), lines)


def _meant(key: Any) -> str | None:
    """The rule that somebody meant who wrote this; the key itself where it is one."""
    return key if key in KEYS else next(iter(difflib.get_close_matches(str(key), KEYS, n=1)), None)


_WAYS_OUT = {
    "missing": "add it",
    "extra_forbidden": "take it out, or correct its name",
    "int_type": "write a whole number, without quotes or a point",
    "bool_type": "write true or false",
    "bool_parsing": "write true or false",
    "tuple_type": "write a list: [a, b]",
    "dict_type": "write a map: {name: value}",
    "model_type": "write a map: {name: value}",
    "date_from_datetime_parsing": "write a day, for example 2026-01-31",
    "date_parsing": "write a day, for example 2026-01-31",
    "greater_than_equal": "write a number within the bounds",
    "less_than_equal": "write a number within the bounds",
    "literal_error": "write one of these",
    "enum": "write one of these",
    "value_error": "correct it",
}


def _from_pydantic(error: ValidationError, path: Path, lines: _Lines) -> Iterator[Problem]:
    for told in error.errors(include_url=False):
        # A name that is wrong stands as (…, name, "[key]").
        whole: Path = (*path, *(part for part in told["loc"] if part != "[key]"))
        known = lines.known(whole)
        where = known if known[-1:] == ("ALL",) or len(known) == len(whole) else whole
        way_out = _WAYS_OUT.get(told["type"], "see how a pack that ships with Accord says it")
        what = told["msg"].removeprefix("Value error, ")
        yield Problem(lines.of(whole), _name(where), what, way_out)


def _denied_on(policy: Policy, today: date, lines: _Lines) -> Iterator[Problem]:
    for key, rule in policy.rules.items():
        path: Path = ("rules", key)
        if today < rule.effective_from:
            what = f"it is in force only from {rule.effective_from}: on {today} whatever asks for it is denied"
            yield Problem(lines.of((*path, "effective_from")), key, what, "use the pack from that day on")
        if rule.effective_to is not None and rule.effective_to < today:
            what = f"it was in force until {rule.effective_to}: on {today} whatever asks for it is denied"
            yield Problem(lines.of((*path, "effective_to")), key, what, "look its source up again")


def _not_yaml(error: yaml.YAMLError) -> Problem:
    mark = getattr(error, "problem_mark", None)
    what = getattr(error, "problem", None) or str(error)
    line = mark.line + 1 if mark else 1
    return Problem(line, "the file", f"it is not YAML: {what}", "correct this line or the one before")


def _name(path: Path) -> str:
    """A path as people write it, without the word in front that every rule shares."""
    return ".".join(map(str, path[1:] if path[:1] == ("rules",) and len(path) > 1 else path)) or "the file"


# --- two packs ---------------------------------------------------------------------------------------------------


class Difference(NamedTuple):
    """One thing that differs: the rule (or the pack's own field), what of it, and how it was and is."""

    key: str
    kind: Literal["ADDED", "REMOVED", "CHANGED"]
    part: str  # value, value.interest.M4, citation, confidence, effective_from, effective_to
    old: Any  # None where there was nothing
    new: Any


_ABSENT = object()


def differences(old: Policy, new: Policy) -> list[Difference]:
    """What differs between two packs, by key. How it is written does not count: ALL is the same as every bucket."""
    before, after = old.model_dump(mode="json"), new.model_dump(mode="json")
    found = [
        Difference(name, "CHANGED", "", before[name], after[name])
        for name in before
        if name != "rules" and before[name] != after[name]
    ]
    for key in sorted(before["rules"].keys() | after["rules"].keys()):
        was, now = before["rules"].get(key), after["rules"].get(key)
        if was is None:
            found.append(Difference(key, "ADDED", "value", None, now["value"]))
        elif now is None:
            found.append(Difference(key, "REMOVED", "value", was["value"], None))
        else:
            found += [Difference(key, "CHANGED", *part) for part in _parts(was, now, "")]
    return found


def _parts(was: Any, now: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    """The parts that differ, as deep as both are maps."""
    if isinstance(was, dict) and isinstance(now, dict):
        for name in [*was, *(name for name in now if name not in was)]:
            inner = f"{path}.{name}" if path else name
            yield from _parts(was.get(name, _ABSENT), now.get(name, _ABSENT), inner)
    elif was is _ABSENT or now is _ABSENT or was != now:
        yield path, None if was is _ABSENT else was, None if now is _ABSENT else now
