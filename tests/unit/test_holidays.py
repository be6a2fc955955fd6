"""The table of holidays is the package's, and lasts for a while."""

from datetime import date

from accord.holidays import TABLE, calendars, is_holiday, last_year
from accord.policy import jurisdictions
from infra.setup.holidays import YEARS, as_text


def test_the_table_that_ships_is_what_the_package_says() -> None:
    assert TABLE.read_text(encoding="ascii") == as_text(), "make holidays"


def test_every_jurisdiction_has_a_calendar_for_all_years() -> None:
    assert set(calendars()) == set(jurisdictions())
    assert {last_year(calendar) for calendar in calendars()} == {YEARS[-1]}


def test_a_weekend_within_a_golden_week_is_a_part_of_it() -> None:
    assert [day for day in range(1, 10) if is_holiday("CN", date(2026, 10, day))] == [1, 2, 3, 4, 5, 6, 7]
