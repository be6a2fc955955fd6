"""The contact gate: the debtor's own hours, counters of several kinds, stop conditions; closed where not sure."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from builders import a_policy, the_policy
from hypothesis import given
from hypothesis import strategies as st

from accord.case import ContactRecord
from accord.contact_gate import Verdict, may_contact
from accord.policy import Policy

SHANGHAI = "Asia/Shanghai"


def at(text: str, zone: str = SHANGHAI) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


NOON = at("2026-03-05 12:00")


def contact(when: datetime, channel: str = "SMS", connected: bool = False) -> ContactRecord:
    return ContactRecord(contact_id="k", channel=channel, at=when, template="invitation", connected=connected)


def gate(
    now: datetime = NOON,
    zone: str = SHANGHAI,
    channel: str = "SMS",
    flags: tuple[str, ...] = (),
    history: tuple[ContactRecord, ...] = (),
    policy: Policy | None = None,
) -> Verdict:
    return may_contact(policy or the_policy(), now, zone, channel, flags, history)


def test_in_daytime_with_nothing_against_it_contact_is_allowed() -> None:
    verdict = gate()
    assert (verdict.allowed, verdict.rule, verdict.not_before) == (True, None, None)
    assert "contact.quiet_hours_local" in verdict.rules


# --- quiet hours -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "local", "allowed_from"),
    [
        (SHANGHAI, "2026-03-05 21:59:59.999999", None),
        (SHANGHAI, "2026-03-05 22:00", "2026-03-06 08:00"),
        (SHANGHAI, "2026-03-06 00:00", "2026-03-06 08:00"),
        (SHANGHAI, "2026-03-06 07:59:59.999999", "2026-03-06 08:00"),
        (SHANGHAI, "2026-03-06 08:00", None),
        ("Asia/Kathmandu", "2026-03-05 22:00", "2026-03-06 08:00"),  # UTC+5:45
        ("Asia/Kolkata", "2026-03-06 07:59", "2026-03-06 08:00"),
        ("America/New_York", "2026-03-07 23:00", "2026-03-08 08:00"),  # the clocks go forward in that night
        ("America/New_York", "2026-10-31 23:00", "2026-11-01 08:00"),  # the clocks go back in that night
        ("Pacific/Apia", "2026-12-31 23:30", "2027-01-01 08:00"),
    ],
)
def test_nobody_is_contacted_in_the_night_of_where_they_live(zone: str, local: str, allowed_from: str | None) -> None:
    verdict = gate(at(local, zone), zone)
    if allowed_from is None:
        assert verdict.allowed
    else:
        assert (verdict.allowed, verdict.rule) == (False, "contact.quiet_hours_local")
        assert verdict.not_before == at(allowed_from, zone)


def test_the_same_moment_is_night_for_one_and_day_for_another() -> None:
    assert gate(NOON, SHANGHAI).allowed
    assert not gate(NOON, "Europe/London").allowed  # four in the morning


def test_where_an_hour_comes_twice_the_second_counts() -> None:
    policy = a_policy(contact__quiet_hours_local={"start": "22:00", "end": "01:30"})
    verdict = gate(at("2026-11-01 00:30", "America/New_York"), "America/New_York", policy=policy)
    assert verdict.not_before == datetime(2026, 11, 1, 6, 30, tzinfo=UTC)  # 01:30 for the second time


def test_quiet_hours_may_lie_within_a_day() -> None:
    policy = a_policy(contact__quiet_hours_local={"start": "12:00", "end": "14:00"})
    assert gate(NOON, policy=policy).not_before == at("2026-03-05 14:00")
    assert gate(at("2026-03-05 23:30"), policy=policy).allowed


# --- counters ----------------------------------------------------------------------------------------------------

TODAYS = tuple(at(f"2026-03-05 {hour:02}:00") for hour in range(8, 12))


@pytest.mark.parametrize(
    ("channel", "history", "rule"),
    [
        ("SMS", [contact(TODAYS[0])], None),
        ("SMS", [contact(TODAYS[0]), contact(TODAYS[1], "EMAIL")], "contact.max_messages_per_day"),
        ("EMAIL", [contact(TODAYS[0]), contact(TODAYS[1])], "contact.max_messages_per_day"),
        ("SMS", [contact(at("2026-03-04 23:59")), contact(at("2026-03-04 12:00"))], None),
        ("SMS", [contact(when, "CALL", connected=True) for when in TODAYS[:3]], None),
        ("CALL", [contact(when) for when in TODAYS], None),
        ("CALL", [contact(when, "CALL", connected=True) for when in TODAYS[:2]], None),
        ("CALL", [contact(when, "CALL", connected=True) for when in TODAYS[:3]],
         "contact.max_connected_voice_per_debtor_per_day"),
        ("CALL", [contact(TODAYS[0], "CALL")] * 5 + [contact(TODAYS[0], "CALL", connected=True)], None),
        ("CALL", [contact(TODAYS[0], "CALL")] * 6, "contact.max_unanswered_attempts_per_number_per_day"),
    ],
)  # fmt: skip
def test_every_counter_of_a_day_counts_its_own_kind(
    channel: str, history: list[ContactRecord], rule: str | None
) -> None:
    verdict = gate(channel=channel, history=tuple(history))
    assert verdict.rule == rule
    if rule is None:
        assert verdict.allowed
    else:  # the day is full: the next one begins at midnight, and its night still has to pass
        assert verdict.not_before == at("2026-03-06 08:00")


def test_a_day_is_the_debtors_own_day() -> None:
    late_yesterday = (contact(at("2026-03-05 07:30")),) * 2  # still the 4th of March in London
    now = at("2026-03-05 18:00")
    assert not gate(now, SHANGHAI, history=late_yesterday).allowed
    assert gate(now, "Europe/London", history=late_yesterday).allowed


def test_seven_contacts_in_any_seven_days_are_enough() -> None:
    history = tuple(contact(at("2026-03-01 15:00") + timedelta(hours=index, days=index // 2)) for index in range(7))
    verdict = gate(at("2026-03-06 12:00"), history=history)
    assert verdict.rule == "contact.max_contacts_rolling_7_days"
    assert verdict.not_before == at("2026-03-08 15:00")
    assert gate(at("2026-03-08 15:00"), history=history).allowed


def test_a_cap_of_none_at_all_is_a_refusal() -> None:
    verdict = gate(policy=a_policy(contact__max_messages_per_day=0))
    assert (verdict.allowed, verdict.not_before, verdict.rule) == (False, None, "contact.max_messages_per_day")


# --- stop conditions and what is not sure ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "flag",
    ["CEASE_CONTACT", "REPRESENTED", "DECEASED", "BANKRUPT", "FRAUD", "DISPUTED", "MORATORIUM", "SOLD", "CLOSED"],
)
def test_a_stop_condition_refuses_every_channel(flag: str) -> None:
    for channel in ("SMS", "EMAIL", "CALL"):
        verdict = gate(channel=channel, flags=("VULNERABLE", flag))
        assert (verdict.allowed, verdict.not_before, verdict.rule) == (False, None, "contact.stop_on")


def test_a_vulnerable_person_may_be_contacted() -> None:
    assert gate(flags=("VULNERABLE",)).allowed


@pytest.mark.parametrize("zone", ["Asia/Nowhere", "", "../etc/passwd", "Asia", "UTC+8", "\ud800"])
def test_an_unknown_time_zone_is_refused(zone: str) -> None:
    assert gate(zone=zone) == Verdict(False, "time_zone", None, ())


@pytest.mark.parametrize("channel", ["FAX", "", "sms"])
def test_an_unknown_channel_is_refused(channel: str) -> None:
    verdict = gate(channel=channel)
    assert (verdict.allowed, verdict.not_before, verdict.rule) == (False, None, "contact.channels")


@pytest.mark.parametrize(
    ("channel", "missing"),
    [
        ("SMS", "contact.quiet_hours_local"),
        ("SMS", "contact.stop_on"),
        ("SMS", "contact.channels"),
        ("SMS", "contact.max_messages_per_day"),
        ("SMS", "contact.max_contacts_rolling_7_days"),
        ("CALL", "contact.max_connected_voice_per_debtor_per_day"),
        ("CALL", "contact.max_unanswered_attempts_per_number_per_day"),
    ],
)
def test_without_a_rule_contact_is_refused(channel: str, missing: str) -> None:
    verdict = gate(channel=channel, policy=a_policy(**{missing.replace(".", "__"): None}))
    assert (verdict.allowed, verdict.not_before) == (False, None)
    assert missing in str(verdict.rule)


def test_a_rule_that_is_not_yet_in_force_allows_nothing() -> None:
    verdict = gate(at("2024-06-03 12:00"))
    assert not verdict.allowed
    assert "in force only from" in str(verdict.rule)


def test_a_moment_without_an_offset_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"^now: "):
        gate(datetime(2026, 3, 5, 12))


# --- any moment, anywhere ----------------------------------------------------------------------------------------

ZONES = st.sampled_from(
    [SHANGHAI, "America/New_York", "Europe/London", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Chatham",
     "America/St_Johns", "Pacific/Apia", "Africa/Casablanca", "Asia/Tehran", "UTC"],
)  # fmt: skip
MOMENTS = st.datetimes(datetime(2026, 2, 1), datetime(2027, 12, 31), timezones=st.just(UTC))
RECORDS = st.builds(
    contact,
    st.datetimes(datetime(2026, 1, 20), datetime(2027, 12, 31), timezones=st.just(UTC)),
    st.sampled_from(["SMS", "EMAIL", "CALL"]),
    st.booleans(),
)


@given(MOMENTS, ZONES, st.sampled_from(["SMS", "CALL"]), st.lists(RECORDS, max_size=3), st.lists(st.integers(0, 240)))
def test_the_gate_opens_when_it_says_and_never_at_night(
    now: datetime, zone: str, channel: str, others: list[ContactRecord], hours_ago: list[int]
) -> None:
    recent = [contact(now - timedelta(hours=hours), channel, connected=bool(hours % 2)) for hours in hours_ago]
    history = (*others, *recent)
    verdict = gate(now, zone, channel, history=history)
    if verdict.not_before is not None:
        assert verdict.not_before > now
        assert not verdict.allowed
        opened = gate(verdict.not_before, zone, channel, history=history)
        assert opened.allowed, "it waits no longer than it has to say"
    else:
        assert verdict.allowed
        assert 8 <= now.astimezone(ZoneInfo(zone)).hour < 22
        assert sum(now - timedelta(days=7) < record.at for record in history) < 7
