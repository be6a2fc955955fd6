"""When an EventBridge schedule fires next: rate(), cron() and at() expressions, in their time zone."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

_UNITS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}
_MONTHS = {
    name: number
    for number, name in enumerate(
        ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"], 1
    )
}
_DAYS = {name: number for number, name in enumerate(["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"], 1)}
_FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("minute", 0, 59, {}), ("hour", 0, 23, {}), ("day of month", 1, 31, {}),
    ("month", 1, 12, _MONTHS), ("day of week", 1, 7, _DAYS), ("year", 1970, 2199, {}),
)  # fmt: skip


def next_firing(expression: str, after: datetime, time_zone: str = "UTC") -> datetime | None:
    """The first firing later than `after` (with an offset), in UTC; None when there is none.

    A rate is counted from `after`. Raises ValueError for an expression that EventBridge would refuse, and for the
    letters L, W and # in cron(), which are not supported here.
    """
    kind, _, body = expression.strip().rstrip(")").partition("(")
    if kind == "rate":
        return (after + _period(body, expression)).astimezone(UTC)
    zone = ZoneInfo(time_zone)
    if kind == "at":
        moment = datetime.fromisoformat(body).replace(tzinfo=zone).astimezone(UTC)
        return moment if moment > after else None
    if kind == "cron":
        return _next_cron(body, expression, after, zone)
    raise ValueError(f"{expression!r} is no rate(), cron() or at() expression")


def _period(body: str, expression: str) -> timedelta:
    match = re.fullmatch(r"([1-9]\d*) (minute|hour|day)(s?)", body)
    if match is None or (match[1] == "1") == bool(match[3]):
        raise ValueError(f"{expression!r}: a rate is a positive number and minute(s), hour(s) or day(s)")
    return int(match[1]) * _UNITS[match[2]]


def _next_cron(body: str, expression: str, after: datetime, zone: ZoneInfo) -> datetime | None:
    parts = body.split()
    if len(parts) != len(_FIELDS) or parts.count("?") != 1 or "?" not in (parts[2], parts[4]):
        raise ValueError(f"{expression!r}: cron() has six fields, with ? as either day of month or day of week")
    minutes, hours, days, months, weekdays, years = (
        _values(part, *field, expression) for part, field in zip(parts, _FIELDS, strict=True)
    )
    day = after.astimezone(zone).date()
    while day.year <= max(years):
        if day.year not in years or day.month not in months:
            day = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
            continue
        if day.day in days and day.isoweekday() % 7 + 1 in weekdays:
            for hour in sorted(hours):
                for minute in sorted(minutes):
                    local = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone)
                    moment = local.astimezone(UTC)
                    # An hour that the change to summer time leaves out does not come back as the same hour.
                    if moment > after and moment.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None):
                        return moment
        day += timedelta(days=1)
    return None


def _values(text: str, name: str, low: int, high: int, names: dict[str, int], expression: str) -> frozenset[int]:
    """The values that one field of a cron expression allows."""
    if text in ("*", "?"):
        return frozenset(range(low, high + 1))
    values: set[int] = set()
    for item in text.upper().split(","):
        match = re.fullmatch(r"(\*|\w+)(?:-(\w+))?(?:/(\d+))?", item)
        try:
            if match is None:
                raise ValueError
            first = low if match[1] == "*" else names.get(match[1]) or int(match[1])
            last = (
                names.get(match[2]) or int(match[2]) if match[2] else (high if match[3] or match[1] == "*" else first)
            )
            step = int(match[3] or 1)
        except ValueError:
            raise ValueError(f"{expression!r}: cannot read {item!r} as {name}") from None
        if not (low <= first <= last <= high and step > 0):
            raise ValueError(f"{expression!r}: {item!r} is outside {low}-{high} for {name}")
        values.update(range(first, last + 1, step))
    return frozenset(values)
