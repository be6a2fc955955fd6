"""The languages of customers, how a day is written in them, and the texts that lie beside this file as YAML.

An editor may change the texts without a programmer; `make reviewed` enters what may be sent to customers.
"""

from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import yaml

LANGUAGES = ("zh-CN", "en")
_ENGLISH_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def format_date(day: date, language: str) -> str:
    """A day as people read it: 2026年3月5日, 5 March 2026."""
    if language == "zh-CN":
        return f"{day.year}年{day.month}月{day.day}日"
    return f"{day.day} {_ENGLISH_MONTHS[day.month - 1]} {day.year}"


@cache
def texts(name: str) -> Any:
    """The texts of a file, for example `agreement`, by name and language."""
    path = Path(__file__).parent / f"{name}.yaml"
    return yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 - a safe loader, in C if there is one
