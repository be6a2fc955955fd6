"""Reviewing a policy pack before it is used: what is wrong or doubtful, on which line, and where two packs differ."""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal, NamedTuple

from pydantic import ValidationError

from accord.policy import KEYS, Band, Closed, Policy, Rule, check_value
from accord.policy_contradictions import Finding, check_together
from accord.policy_file import Pack, Path, Problem, name, read_pack, shown
from accord.policy_plausibility import check_plausible
from accord.policy_statutory import STATUTORY, check_statutory

EXPIRES_WITHIN = timedelta(days=90)
# What the law and people ask for and no code follows yet. Whatever comes to be read leaves this list.
UNREAD = frozenset({
    "interest.on_fees",  # plans bear interest on principal alone; billing goes by it outside of plans
    "reage.limits",  # comes with the re-ageing of accounts after a plan's payments
    "retention.recording_years",  # calls are recorded elsewhere; whoever keeps them goes by it
    "retention.impact_assessment_years",  # the bank's own papers
    "tax.forgiveness_report_threshold",  # comes with the report of what was given up
})  # fmt: skip
_MOST_RULES = 10 * len(KEYS)
# What stands in for a field beside the rules that is wrong, so that the rules can be looked at.
_STAND_INS = {"jurisdiction": "XX", "version": "none", "currencies": ("CNY",), "time_zone": "UTC"}


@dataclass(frozen=True)
class Review:
    """What a pack is worth on a day. `policy` is there when every value fits its key, even if rules contradict.

    The rest is said of all rules whose values fit, so that one wrong value hides nothing.
    """

    policy: Policy | None
    problems: tuple[Problem, ...]
    expiring: tuple[tuple[str, date], ...] = ()  # rules and their last day, soonest first
    low_confidence: tuple[str, ...] = ()  # rules whose source is weak
    warnings: tuple[Problem, ...] = ()  # what may be meant, but looks like a slip
    unread: tuple[str, ...] = ()  # rules that say something and that no code follows yet


def review(content: bytes | str, today: date) -> Review:
    """Review a pack as it stands in a file, for use on a day."""
    pack = read_pack(content)
    if pack.problems and pack.content is None:
        return Review(None, tuple(pack.problems))
    if not isinstance(pack.content, dict) or not isinstance(pack.content.get("rules"), dict):
        what = "it is no pack: a pack has jurisdiction, version, currencies, time_zone and rules"
        return Review(None, (Problem(1, "the file", what, "begin with a copy of a pack that ships with Accord"),))
    rules = pack.content["rules"]
    if len(rules) > _MOST_RULES:
        what = f"it has {len(rules)} rules, and {len(KEYS)} are known"
        return Review(None, (Problem(pack.line(("rules",)), "rules", what, "take out what is no rule"),))
    head, wrong_head = _head(pack)
    fitting, wrong_rules = _fitting(pack)
    wrong = [*pack.problems, *wrong_head, *_unknown_law(pack, head), *wrong_rules]
    policy = Policy.model_validate(head | {"rules": fitting})
    found = [
        *_at_their_lines([*check_together(policy), *check_statutory(policy)], pack),
        *_denied_on(policy, today, pack),
        *_missing(pack),
    ]
    ends = [(key, rule.effective_to) for key, rule in policy.rules.items()]
    expiring = sorted(
        ((key, end) for key, end in ends if end is not None and today <= end <= today + EXPIRES_WITHIN),
        key=lambda rule: (rule[1], rule[0]),
    )
    return Review(
        None if wrong else policy,
        _in_order([*wrong, *found]),
        tuple(expiring),
        tuple(key for key, rule in policy.rules.items() if rule.confidence == "low"),
        _in_order(_at_their_lines(check_plausible(policy), pack)),
        tuple(key for key, rule in policy.rules.items() if key in UNREAD and rule.value is not None),
    )


def _at_their_lines(found: Iterable[Finding], pack: Pack) -> list[Problem]:
    return [Problem(pack.line(("rules", one.key)), one.key, one.what, one.way_out) for one in found]


def _in_order(found: list[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(dict.fromkeys(found), key=lambda problem: (problem.line, problem.where)))


# --- one value at a time -----------------------------------------------------------------------------------------


def _head(pack: Pack) -> tuple[dict[str, Any], list[Problem]]:
    """What stands beside the rules, with stand-ins for what is wrong there."""
    head = {key: value for key, value in pack.content.items() if key != "rules"}
    try:
        Policy.model_validate(head | {"rules": {}})
    except ValidationError as error:
        bad = {told["loc"][0] for told in error.errors(include_url=False)}
        fine = {key: value for key, value in head.items() if key not in bad}
        return _STAND_INS | fine, list(_from_pydantic(error, (), pack))
    return head, []


def _unknown_law(pack: Pack, head: Mapping[str, Any]) -> Iterator[Problem]:
    """A jurisdiction that nobody knows may be a slip, and then no rule was compared with the law."""
    where = head["jurisdiction"]
    if where not in STATUTORY and where == pack.content.get("jurisdiction"):
        known = ", ".join(sorted(STATUTORY))
        what = f"the law of {where} is not known here, so no rule is compared with it; known is that of {known}"
        yield Problem(pack.line(("jurisdiction",)), "jurisdiction", what, f"write one of {known}")


def _fitting(pack: Pack) -> tuple[dict[str, Any], list[Problem]]:
    """The rules that can be read, and what is wrong with the others."""
    fitting, wrong = {}, []
    unread = {path[1] for path in pack.unread if path[:1] == ("rules",) and len(path) > 1}
    for key, rule in pack.content["rules"].items():
        found = list(_wrong_rule(key, rule, pack))
        if not found and key not in unread:
            fitting[key] = rule
        wrong += found
    return fitting, wrong


def _wrong_rule(key: str, rule: Any, pack: Pack) -> Iterator[Problem]:
    path: Path = ("rules", key)
    if key not in KEYS:
        meant = _nearest(key, KEYS)
        yield Problem(
            pack.line(path),
            name(path),
            "there is no such rule",
            f"write {meant}" if meant else "take it out, or correct its name",
        )
        return
    try:
        Rule.model_validate(rule)
    except ValidationError as error:
        yield from _from_pydantic(error, path, pack)
    if isinstance(rule, dict) and "value" in rule:
        try:
            check_value(key, rule["value"])
        except ValidationError as error:
            yield from _from_pydantic(error, (*path, "value"), pack)


def _missing(pack: Pack) -> Iterator[Problem]:
    rules = pack.content["rules"]
    for key in sorted(KEYS - set(rules) - {_nearest(key, KEYS) for key in rules}):
        what = "the rule is missing: whatever asks for it is denied"
        way_out = "add it with value, citation, confidence and effective_from, as a pack that ships with Accord has it"
        yield Problem(pack.line(("rules",)), key, what, way_out)


def _nearest(told: str, known: Iterable[str]) -> str | None:
    """The name that somebody meant who wrote this; the name itself where it is one."""
    return told if told in known else next(iter(difflib.get_close_matches(told, known, n=1)), None)


# What stands there and the way out, by pydantic's kind of error; what is no pydantic's says both itself.
_SAID: Mapping[str, tuple[str, str]] = {
    "missing": ("it is missing", "add it"),
    "extra_forbidden": ("nothing of this name belongs here", "{near}take it out, or correct its name"),
    "string_type": ("{found} stands here, where a text is wanted", 'put it in quotes: "{written}"'),
    "bool_type": ("{found} stands here, where true or false is wanted", "write true or false, without quotes"),
    "bool_parsing": ("{found} stands here, where true or false is wanted", "write true or false, without quotes"),
    "tuple_type": ("{found} stands here, where a list is wanted", "write a list: [a, b]"),
    "dict_type": ("{found} stands here, where a map is wanted", "write a map: {{name: value}}"),
    "model_type": ("{found} stands here, where a map is wanted", "write a map with {fields}"),
    "literal_error": ("{found} is not known here", "{near}write one of these: {expected}"),
    "enum": ("{found} is not known here", "{near}write one of these: {expected}"),
}
_NOT_FIT = ("{found} does not belong here", "see how a pack that ships with Accord says it")
_MODELS = {model.__name__: model for parent in (Closed, Band) for model in parent.__subclasses__()}


def _from_pydantic(error: ValidationError, path: Path, pack: Pack) -> Iterator[Problem]:
    for told in error.errors(include_url=False):
        # A name that is wrong stands as (…, name, "[key]").
        whole: Path = (*path, *(part for part in told["loc"] if part != "[key]"))
        known = pack.known(whole)
        if known in pack.unread:
            continue
        where = known if known[-1:] == ("ALL",) or len(known) == len(whole) else whole
        what, way_out = _said(told, whole, pack)
        yield Problem(pack.line(whole), name(where), what, way_out)


def _said(told: Any, path: Path, pack: Pack) -> tuple[str, str]:
    """What is wrong and the way out, in words of our own."""
    context = told.get("ctx", {})
    if told["type"] == "pack":
        return context["what"], context["way_out"]
    expected = re.findall(r"'([^']*)'", str(context.get("expected", "")))
    model = _MODELS.get(context.get("class_name", ""))
    found = told["input"]
    meant = _nearest(str(path[-1]), _names_at(path)) if told["type"] == "extra_forbidden" else None
    if isinstance(found, str):
        meant = meant or _nearest(found, expected)
    parts = {
        "found": shown(found),
        "near": f"write {meant}, or " if meant else "",
        "written": pack.written.get(pack.known(path), ""),
        "expected": ", ".join(expected),
        "fields": ", ".join(model.model_fields) if model else "names",
    }
    what, way_out = _SAID.get(told["type"], _NOT_FIT)
    if told["type"] == "string_type" and isinstance(found, bool):
        what += " (YAML reads yes, no, on and off without quotes as true and false)"
    elif told["type"] == "string_type" and (found is None or isinstance(found, dict | list)):
        way_out = "write a text"
    return what.format(**parts), way_out.format(**parts)


def _names_at(path: Path) -> set[str]:
    """The names that may stand where this one stands; inside of a value, those of any part."""
    if path[:1] != ("rules",):
        return set(Policy.model_fields)
    if len(path) == len(("rules", "key", "name")):
        return set(Rule.model_fields)
    return {part for model in _MODELS.values() if model not in (Policy, Rule) for part in model.model_fields}


def _denied_on(policy: Policy, today: date, pack: Pack) -> Iterator[Problem]:
    for key, rule in policy.rules.items():
        path: Path = ("rules", key)
        if today < rule.effective_from:
            what = f"it is in force only from {rule.effective_from}: on {today} whatever asks for it is denied"
            yield Problem(pack.line((*path, "effective_from")), key, what, "use the pack from that day on")
        if rule.effective_to is not None and rule.effective_to < today:
            what = f"it was in force until {rule.effective_to}: on {today} whatever asks for it is denied"
            yield Problem(pack.line((*path, "effective_to")), key, what, "look its source up again")


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
