"""A time zone by its name, where somebody can live in it."""

from zoneinfo import ZoneInfo

# They stand in the database, or beside it, and are where nobody lives: "not set", and whatever this machine is set to.
_NO_ZONES = ("Factory", "localtime", "posixrules")


def zone_of(name: str) -> ZoneInfo | None:
    """The time zone of that name; None where there is none, or where the name says that nobody has set one."""
    if name in _NO_ZONES:
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # no zone of the database, no name of a zone, or a folder of them
        return None
