"""The local clock starts at ten in the morning of a working day in China, whatever the hour is here."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.business_time import business_time_offset

SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize(
    ("now", "starts"),
    [
        ("2026-06-15T03:00:00+08:00", "2026-06-15T10:00:00+08:00"),  # before opening: the same day
        ("2026-06-15T23:30:00+08:00", "2026-06-15T10:00:00+08:00"),  # after closing: the same day
        ("2026-06-14T20:00:00+00:00", "2026-06-15T10:00:00+08:00"),  # a Sunday in London, Monday in Shanghai
        ("2026-06-13T12:00:00+08:00", "2026-06-15T10:00:00+08:00"),  # Saturday
        ("2026-10-01T12:00:00+08:00", "2026-10-08T10:00:00+08:00"),  # the National Day week
    ],
)
def test_business_time_starts_at_ten_on_a_working_day(now: str, starts: str) -> None:
    moment = datetime.fromisoformat(now)
    assert moment + business_time_offset(moment) == datetime.fromisoformat(starts)


@given(st.datetimes(min_value=datetime(2026, 1, 1), max_value=datetime(2030, 12, 31), timezones=st.just(UTC)))
def test_whenever_it_starts_it_is_ten_on_a_weekday_not_far_away(now: datetime) -> None:
    starts = (now + business_time_offset(now)).astimezone(SHANGHAI)
    assert (starts.hour, starts.minute, starts.second) == (10, 0, 0)
    assert starts.weekday() < 5
    assert timedelta(days=-1) < starts - now < timedelta(days=14)


def test_another_calendar_of_working_days_may_be_given() -> None:
    now = datetime.fromisoformat("2026-06-15T12:00:00+01:00")
    offset = business_time_offset(now, ZoneInfo("Europe/London"), lambda day: day.day == 20)
    assert now + offset == datetime.fromisoformat("2026-06-20T10:00:00+01:00")
