"""No float anywhere near money: read from the types and from the source of every rule."""

import ast
import dataclasses
import importlib
import inspect
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, get_args, get_type_hints

import pytest
from billing_events import overdue_detail
from builders import an_offered_case
from loading import ROOT
from pydantic import BaseModel

from accord import policy
from accord.billing import AccountOverdue, parse
from accord.errors import InputRejectedError
from accord.policy import Cap

# The early warning makes a probability, which is no money; it leaves that file in whole parts per million alone.
RULES = sorted(path for path in (ROOT / "layers" / "domain" / "accord").glob("*.py") if path.stem != "early_warning")


def module_of(path: Path) -> ModuleType:
    return importlib.import_module(f"accord.{path.stem}" if path.stem != "__init__" else "accord")


def parts(kind: Any) -> Iterator[Any]:
    """A type and everything inside it: tuple[int, float] has a float."""
    yield kind
    for part in get_args(kind):
        yield from parts(part)


def records(module: ModuleType) -> Iterator[type]:
    """The classes of a module that carry values."""
    for kind in vars(module).values():
        if isinstance(kind, type) and kind.__module__ == module.__name__:
            is_tuple = issubclass(kind, tuple) and hasattr(kind, "_fields")
            if is_tuple or issubclass(kind, BaseModel) or dataclasses.is_dataclass(kind):
                yield kind


def test_no_value_of_the_domain_is_a_float() -> None:
    fields = {
        f"{kind.__module__}.{kind.__name__}.{name}": hint
        for path in RULES
        for kind in records(module_of(path))
        for name, hint in get_type_hints(kind, include_extras=True).items()
    }
    assert {
        "accord.case.Balance.principal",
        "accord.case.Bound.allows",
        "accord.case.Worth.expected",
        "accord.policy.Cap.amount",
        "accord.pricing.Prices.discount_ppm",
        "accord.schedule.Payment.amount",
        "accord.search.Candidate.expected",
        "accord.search.Search.without_plan",
    } <= set(fields)
    assert [name for name, hint in fields.items() if float in parts(hint)] == []


def functions(kind: ModuleType | type, module: str) -> Iterator[Callable[..., Any]]:
    """The functions of a module and the methods of its classes, however they are wrapped."""
    for value in vars(kind).values():
        if isinstance(value, property):
            value = value.fget
        value = inspect.unwrap(getattr(value, "__func__", value))
        if isinstance(value, type) and value.__module__ == module and kind is not value:
            yield from functions(value, module)
        elif inspect.isfunction(value) and value.__module__ == module:
            yield value


def test_no_rule_takes_or_gives_a_float() -> None:
    seen, wrong = set(), []
    for path in RULES:
        module = module_of(path)
        for function in functions(module, module.__name__):
            name = f"{module.__name__}.{function.__qualname__}"
            seen.add(name)
            hints = get_type_hints(function, include_extras=True)
            wrong += [f"{name}: {part}" for part, hint in hints.items() if float in parts(hint)]
    assert {
        "accord.authority.least_role",
        "accord.case.Balance.total",  # a property
        "accord.pricing.chances",  # cached
        "accord.pricing.worth_of_instalments",
        "accord.schedule.annual_cost_ppm",
        "accord.search._Plans.made",
    } <= seen
    assert wrong == []


def test_no_value_of_a_policy_is_a_float() -> None:
    kinds = {key: list(every_part(kind)) for key, kind in policy._VALUES.items()}
    assert Cap in kinds["authority.concession"]
    assert int in kinds["pricing.recovery_percent_without_plan"]
    assert [key for key, found in kinds.items() if float in found] == []


def every_part(kind: Any) -> Iterator[Any]:
    """A kind of value and everything inside it, the fields of its records too."""
    for part in parts(kind):
        yield part
        if isinstance(part, type) and issubclass(part, BaseModel):
            for hint in get_type_hints(part, include_extras=True).values():
                yield from every_part(hint)


def leaves(value: Any) -> Iterator[Any]:
    """What a value consists of in the end."""
    if isinstance(value, dict):
        for part in value.values():
            yield from leaves(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from leaves(part)
    else:
        yield value


def test_no_float_comes_out_of_a_proposal() -> None:
    found = list(leaves(an_offered_case().model_dump()))
    assert sum(isinstance(value, int) for value in found) > 100
    assert [value for value in found if isinstance(value, float)] == []


def inexact(tree: ast.AST) -> Iterator[int]:
    """The lines of a source in which a float may come into being: 0.5, float(x), a / b, round(x), a ** -b, math."""
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=float()):
                yield node.lineno
            case ast.Call(func=ast.Name(id="float" | "round")):
                yield node.lineno
            case ast.BinOp(op=ast.Div(), right=right) if not is_text(right):
                yield node.lineno
            case ast.BinOp(op=ast.Pow(), right=ast.UnaryOp(op=ast.USub())):
                yield node.lineno
            case ast.Import(names=names) if {"math", "statistics", "numpy"} & {name.name for name in names}:
                yield node.lineno
            case ast.ImportFrom(module="math" | "statistics" | "numpy"):
                yield node.lineno
            case ast.AugAssign(op=ast.Div()):
                yield node.lineno


def is_text(node: ast.AST) -> bool:
    """Whether a division is none, but a path and a name in it."""
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.stem)
def test_no_rule_makes_a_float(path: Path) -> None:
    assert list(inexact(ast.parse(path.read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize(
    "source",
    [
        "a = 0.5",
        "a = float(b)",
        "a = b / c",
        "a /= 2",
        "a = round(b, 2)",
        "a = b ** -c",
        "import math",
        "from statistics import mean",
    ],
)
def test_a_float_would_be_seen(source: str) -> None:
    assert list(inexact(ast.parse(source))) == [1]


@pytest.mark.parametrize("amount", ["10.0", "10.5", "1e3", "NaN"])
@pytest.mark.parametrize("component", ["principal", "interest", "penaltyInterest", "lateFees", "fees"])
def test_an_amount_that_comes_as_a_float_is_refused_even_where_it_is_whole(component: str, amount: str) -> None:
    balance = {"principal": 100, component: json.loads(amount)}
    with pytest.raises(InputRejectedError, match=rf"account\.balance\.{component}"):
        parse(AccountOverdue, overdue_detail(account={"balance": balance}))
