"""The only place that reads the time.

Every rule takes `now` or `today` as an argument; handlers ask here. The local stack moves business time
by an offset, so that a demonstration starts in working hours at any hour of the day.
"""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

_offset = timedelta(0)


def now() -> datetime:
    """The present moment of business, in UTC, to the millisecond (what an event can carry)."""
    moment = datetime.now(UTC) + _offset
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def today(time_zone: str) -> date:
    """The calendar day of business in a time zone, for example `Asia/Shanghai`."""
    return now().astimezone(ZoneInfo(time_zone)).date()


def move(offset: timedelta) -> None:
    """Set how far business time runs ahead of the machine's clock. For the local stack and tests only."""
    global _offset
    _offset = offset
