"""Where the local clock starts: at ten in the morning of a working day, whatever the hour is here."""

from collections.abc import Callable
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import holidays

OPENING = time(10, 0)
BUSINESS_ZONE = ZoneInfo("Asia/Shanghai")


def business_time_offset(
    now: datetime, time_zone: ZoneInfo = BUSINESS_ZONE, is_working_day: Callable[[datetime], bool] | None = None
) -> timedelta:
    """How far business time is from `now` (with an offset) when it starts at 10:00 in `time_zone`.

    On the same calendar day there if that is a working day, else on the next one; so it may be hours back or days
    ahead. Working days are China's weekdays without its holidays unless `is_working_day` says otherwise.
    """
    works = is_working_day or _is_working_day_in_china
    opening = datetime.combine(now.astimezone(time_zone).date(), OPENING, time_zone)
    while not works(opening):
        opening += timedelta(days=1)
    return opening - now


def _is_working_day_in_china(moment: datetime) -> bool:
    return moment.weekday() < 5 and moment.date() not in holidays.country_holidays("CN")
