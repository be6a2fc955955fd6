"""EventBridge schedule expressions fire when AWS says they do."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.schedules import next_firing


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("expression", "after", "zone", "expected"),
    [
        ("rate(5 minutes)", "2026-06-15T10:00:00+00:00", "UTC", "2026-06-15T10:05:00+00:00"),
        ("rate(1 day)", "2026-06-15T10:00:00+08:00", "UTC", "2026-06-16T10:00:00+08:00"),
        ("cron(30 2 * * ? *)", "2026-06-15T10:00:00+08:00", "Asia/Shanghai", "2026-06-16T02:30:00+08:00"),
        ("cron(0/15 * * * ? *)", "2026-06-15T10:07:00+00:00", "UTC", "2026-06-15T10:15:00+00:00"),
        ("cron(0 18 ? * MON-FRI *)", "2026-06-19T18:00:00+00:00", "UTC", "2026-06-22T18:00:00+00:00"),
        ("cron(0 8 1 * ? *)", "2026-12-01T08:00:00+00:00", "UTC", "2027-01-01T08:00:00+00:00"),
        ("cron(0 0 29 2 ? *)", "2026-06-15T00:00:00+00:00", "UTC", "2028-02-29T00:00:00+00:00"),
        ("cron(0 9 ? JAN,jul 1 *)", "2026-06-15T00:00:00+00:00", "UTC", "2026-07-05T09:00:00+00:00"),
        # An hour that summer time leaves out fires on the next day that has it.
        ("cron(30 1 * * ? *)", "2026-03-28T12:00:00+00:00", "Europe/London", "2026-03-30T01:30:00+01:00"),
        ("at(2026-06-20T09:30:00)", "2026-06-15T00:00:00+00:00", "Asia/Shanghai", "2026-06-20T09:30:00+08:00"),
    ],
)
def test_the_next_firing(expression: str, after: str, zone: str, expected: str) -> None:
    assert next_firing(expression, at(after), zone) == at(expected)


@pytest.mark.parametrize(
    ("expression", "after"),
    [
        ("at(2026-06-10T09:30:00)", "2026-06-15T00:00:00+00:00"),
        ("cron(0 0 1 1 ? 2020)", "2026-06-15T00:00:00+00:00"),
        ("cron(0 0 31 2 ? 2027)", "2026-06-15T00:00:00+00:00"),
    ],
)
def test_what_is_over_fires_no_more(expression: str, after: str) -> None:
    assert next_firing(expression, at(after)) is None


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("every day", "is no rate"),
        ("rate(5 minute)", "a rate is"),
        ("rate(0 days)", "a rate is"),
        ("cron(0 8 * * *)", "six fields"),
        ("cron(0 8 * * * *)", "six fields"),
        ("cron(0 8 L * ? *)", "cannot read 'L' as day of month"),
        ("cron(0 25 * * ? *)", "outside 0-23 for hour"),
        ("cron(0 8 ? * MON#2 *)", "cannot read 'MON#2' as day of week"),
    ],
)
def test_what_cannot_be_read_is_named(expression: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        next_firing(expression, at("2026-06-15T00:00:00+00:00"))


@given(
    st.datetimes(min_value=datetime(2026, 1, 1), max_value=datetime(2027, 12, 31), timezones=st.just(UTC)),
    st.integers(0, 23), st.integers(0, 59), st.sampled_from(["UTC", "Asia/Shanghai", "America/New_York"]),
)  # fmt: skip
def test_a_daily_schedule_fires_within_two_days_and_always_later(
    after: datetime, hour: int, minute: int, zone: str
) -> None:
    firing = next_firing(f"cron({minute} {hour} * * ? *)", after, zone)
    assert firing is not None
    assert timedelta(0) < firing - after <= timedelta(hours=48)
