"""Public holidays, on which some channels rest. A table ships with Accord (`make holidays`) and runs out: then nobody
knows, and the contact gate stays closed.
"""

import json
from datetime import date
from functools import cache
from pathlib import Path

from accord.errors import RuleMissingError

TABLE = Path(__file__).with_suffix(".json")


def is_holiday(calendar: str, day: date) -> bool:
    """Whether a day is a public holiday of a calendar: CN, UK or US.

    Raises RuleMissingError for a year that is not in the table.
    """
    days = _table().get(calendar, {}).get(str(day.year))
    if days is None:
        raise RuleMissingError(f"the holidays of {day.year} in {calendar} are not known")
    return f"{day:%m-%d}" in days


def calendars() -> tuple[str, ...]:
    """The calendars of the table."""
    return tuple(_table())


def last_year(calendar: str) -> int:
    """The last year that the table has."""
    return max(map(int, _table()[calendar]))


@cache
def _table() -> dict[str, dict[str, frozenset[str]]]:
    told = json.loads(TABLE.read_text(encoding="ascii"))
    return {name: {year: frozenset(days) for year, days in years.items()} for name, years in told.items()}
