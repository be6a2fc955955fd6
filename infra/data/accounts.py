"""Invented cardholders, and accounts written as portfolio files and as events. Everything personal here is made up."""

import csv
import io
import json
import random
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Any

# +86 100…: no mobile number begins with 100, and no local number in Beijing (area code 10) begins with 0. Nobody can
# be reached there.
PHONE_PREFIX = "+86100"
SURNAMES = "王李张刘陈杨黄赵周吴徐孙马朱胡林何高罗郑"
GIVEN = "安宁晓晨子涵雨桐思源嘉文若溪明轩怡然书瑶浩宇静姝"
ENGLISH_NAMES = ("Alex", "Robin", "Sam", "Jamie", "Kim", "Morgan"), ("Marsh", "Field", "Brook", "Hill", "Lake", "Moor")
HARDSHIPS = ("JOB_LOSS", "INCOME_REDUCED", "ILLNESS", "FAMILY_CHANGE", "BUSINESS_FAILED")
MONTHS = 6


def cardholder(number: int, dice: random.Random, as_of: date) -> dict[str, Any]:
    """An invented adult whose means and troubles are unknown."""
    chinese = dice.random() < 0.85
    first, last = ENGLISH_NAMES
    return {
        "cardholderId": f"P-{number:06}",
        "name": dice.choice(SURNAMES) + "".join(dice.sample(GIVEN, dice.choice((1, 2, 2))))
        if chinese
        else f"{dice.choice(first)} {dice.choice(last)}",
        "phone": f"{PHONE_PREFIX}{number:08}",
        "email": f"cardholder{number}@example.com" if dice.random() < 0.7 else None,
        "language": "zh-CN" if chinese else "en",
        "timeZone": "Asia/Shanghai",
        "idLast4": f"{dice.randrange(1000):03}{dice.choice('0123456789X')}",
        "birthDate": (as_of - timedelta(days=dice.randrange(22 * 365, 65 * 365))).isoformat(),
        "monthlyIncome": None,
        "monthlyEssentialSpend": None,
        "dependants": None,
        "otherDebtPayments": None,
        "hardship": None,
        "flags": [],
    }


def means(income: int, dice: random.Random) -> dict[str, Any]:
    """What somebody with this monthly income (minor units) may have told billing of spending and other debts."""
    return {
        "monthlyIncome": income,
        "monthlyEssentialSpend": income * dice.randrange(35, 60) // 100,
        "dependants": dice.choice((0, 0, 1, 1, 2, 3)),
        "otherDebtPayments": income * dice.randrange(0, 15) // 100,
    }


def balance(owed: int, months_late: int) -> dict[str, int]:
    """What is owed by component, in minor units.

    By rule: for each month late, at most eight, 1.5 % is interest, 0.25 % penalty interest and 0.5 % late fees; the
    rest is principal.
    """
    interest, penalty, late_fees = (owed * rate * min(months_late, 8) // 10_000 for rate in (150, 25, 50))
    return {
        "principal": owed - interest - penalty - late_fees,
        "interest": interest,
        "penaltyInterest": penalty,
        "lateFees": late_fees,
        "fees": 0,
    }


def month_before(day: date, months: int) -> str:
    """The calendar month so many months before a day's own: `2026-05`."""
    year, index = divmod(day.year * 12 + day.month - 1 - months, 12)
    return f"{year:04}-{index + 1:02}"


def as_event(detail: dict[str, Any]) -> str:
    """The detail as one line of JSON, unknown values left out."""
    known = detail | {
        part: {k: v for k, v in detail[part].items() if v is not None} for part in ("account", "cardholder")
    }
    return json.dumps(known, ensure_ascii=False)


def as_csv(details: Iterable[dict[str, Any]]) -> str:
    """The accounts as a portfolio file: a column a field, unknown values empty, history newest first."""
    rows = [dict(_flat(detail, "")) for detail in details]
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _flat(node: dict[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in node.items():
        if name == "eventId":
            continue  # a file's rows get theirs from the file and the line
        if name == "history":
            for number, month in enumerate(value, start=1):
                yield from _flat({key: told for key, told in month.items() if key != "month"}, f"history.{number}.")
        elif isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list):
            yield prefix + name, "|".join(value)
        else:
            yield prefix + name, "" if value is None else value
