"""Writes the table of public holidays that the contact gate looks at, from the package `holidays`: `make holidays`.

The table ships instead of the package: a date is a few bytes, the package nine megabytes in every function.
"""

import json
from datetime import date, timedelta

import holidays

from accord.holidays import TABLE

YEARS = range(2024, 2037)
# China as the State Council announces it, days in lieu included, as far as it is known; England's bank holidays; the
# federal holidays of the United States.
CALENDARS = {"CN": ("CN", None), "UK": ("GB", "ENG"), "US": ("US", None)}


def table() -> dict[str, dict[str, list[str]]]:
    """Month and day of each public holiday, by calendar and year."""
    found: dict[str, dict[str, list[str]]] = {}
    for name, (country, part) in CALENDARS.items():
        calendar = holidays.country_holidays(country, subdiv=part, years=YEARS)
        days = set(calendar)
        days |= (
            _weekends_beside(days, calendar.weekend_workdays) if calendar.weekend_workdays else _weekends_within(days)
        )
        found[name] = {str(year): sorted(f"{day:%m-%d}" for day in days if day.year == year) for year in YEARS}
    return found


def _weekends_within(days: set[date]) -> set[date]:
    """Saturdays and Sundays between two holidays: Easter has no gap."""
    within = set()
    for day in days:
        gap = [day + timedelta(days=ahead) for ahead in (1, 2) if (day + timedelta(days=ahead)).weekday() >= 5]
        gap = [one for one in gap if one not in days]
        if gap and gap[0] == day + timedelta(days=1) and gap[-1] + timedelta(days=1) in days:
            within |= set(gap)
    return within


def _weekends_beside(days: set[date], worked: set[date]) -> set[date]:
    """Saturdays and Sundays that touch a holiday: where weekends are worked in lieu, the others belong to the rest that
    is announced, and the package leaves them out.
    """
    beside: set[date] = set()
    for step in (timedelta(days=1), timedelta(days=-1)):
        for day in days:
            following = day + step
            while following.weekday() >= 5 and following not in worked and following not in days:
                beside.add(following)
                following += step
    return beside


def as_text() -> str:
    """The table as it stands in the file: a year a line, so that a change of one is seen."""
    lines = [
        f' "{name}": {{\n' + ",\n".join(f'  "{year}": {json.dumps(days)}' for year, days in by_year.items()) + "\n }"
        for name, by_year in table().items()
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    TABLE.write_text(as_text(), encoding="ascii")
    print(f"{len(CALENDARS)} calendars, {YEARS[0]} to {YEARS[-1]}, in {TABLE}")
