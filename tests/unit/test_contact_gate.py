"""The contact gate: the debtor's own hours, counters of several kinds, stop conditions; closed where not sure."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from builders import a_policy, the_policy
from hypothesis import given
from hypothesis import strategies as st

from accord.contact_gate import Ask, Verdict, may_contact
from accord.holidays import last_year
from accord.policy import Policy, load_policy
from accord.reach import ContactRecord, Reach, Word

NOON = datetime(2026, 3, 5, 4, 0, tzinfo=UTC)  # in Shanghai, on a Thursday

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
    reach = Reach(cardholder_id="h-1", contacts=history)
    return may_contact(policy or the_policy(), now, zone, Ask(channel), flags, reach)


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
        ("Pacific/Apia", "2026-12-30 23:30", "2026-12-31 08:00"),
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


def test_a_rule_whose_value_is_null_caps_nothing() -> None:
    calls = tuple(contact(when, "CALL", connected=connected) for when in TODAYS for connected in (True, False))
    pack = the_policy().model_dump()
    for key in ("contact.max_connected_voice_per_debtor_per_day", "contact.max_unanswered_attempts_per_number_per_day"):
        pack["rules"][key]["value"] = None
    pack["rules"]["contact.max_contacts_rolling_7_days"]["value"] = 100
    assert not gate(channel="CALL", history=calls).allowed
    assert gate(channel="CALL", history=calls, policy=Policy.model_validate(pack)).allowed


# --- what each jurisdiction asks for -----------------------------------------------------------------------------

NEW_YORK, LONDON, KOLKATA, ST_JOHNS = "America/New_York", "Europe/London", "Asia/Kolkata", "America/St_Johns"
CALLS_A_WEEK, COOLDOWN = "contact.max_calls_rolling_7d_per_debt", "contact.cooldown_after_conversation_days"
NIGHT, CONNECTED = "contact.quiet_hours_local", "contact.max_connected_voice_per_debtor_per_day"
CONTACTS_A_WEEK = "contact.max_contacts_rolling_7_days"


@pytest.mark.parametrize(
    ("jurisdiction", "zone", "local", "allowed_from"),
    [
        ("CN", SHANGHAI, "2026-03-05 21:30", None),
        ("US", NEW_YORK, "2026-03-05 20:59:59", None),
        ("US", NEW_YORK, "2026-03-05 21:00", "2026-03-06 08:00"),
        ("US", NEW_YORK, "2026-03-07 21:30", "2026-03-08 08:00"),  # the clocks go forward in that night
        ("US", NEW_YORK, "2026-10-31 21:30", "2026-11-01 08:00"),  # and back
        ("US", ST_JOHNS, "2026-03-07 21:30", "2026-03-08 08:00"),  # UTC-3:30, on the same nights
        ("US", "Pacific/Honolulu", "2026-03-08 07:59", "2026-03-08 08:00"),
        ("UK", LONDON, "2026-03-28 21:00", "2026-03-29 08:00"),  # the clocks go forward
        ("UK", LONDON, "2026-10-24 23:00", "2026-10-25 08:00"),  # and back
        ("UK", KOLKATA, "2026-03-05 20:30", None),
        ("UK", KOLKATA, "2026-03-05 21:00", "2026-03-06 08:00"),  # UTC+5:30
    ],
)
def test_every_jurisdiction_has_its_night(jurisdiction: str, zone: str, local: str, allowed_from: str | None) -> None:
    verdict = gate(at(local, zone), zone, channel="CALL", policy=load_policy(jurisdiction))
    assert verdict.not_before == (None if allowed_from is None else at(allowed_from, zone))
    assert verdict.allowed == (allowed_from is None)


@pytest.mark.parametrize(
    ("jurisdiction", "zone", "now", "rule", "allowed_from"),
    [
        ("CN", SHANGHAI, "2026-03-02 16:00", None, None),
        ("US", NEW_YORK, "2026-03-02 16:00", COOLDOWN, "2026-03-09 08:00"),  # over the spring change
        ("US", NEW_YORK, "2026-03-08 20:59", COOLDOWN, "2026-03-09 08:00"),  # the seventh day counts whole
        ("US", NEW_YORK, "2026-03-09 07:59", NIGHT, "2026-03-09 08:00"),
        ("US", NEW_YORK, "2026-03-09 08:00", None, None),
        ("US", NEW_YORK, "2026-10-31 09:00", None, None),
        ("US", KOLKATA, "2026-03-08 12:00", COOLDOWN, "2026-03-09 08:00"),
        ("US", ST_JOHNS, "2026-03-08 12:00", COOLDOWN, "2026-03-09 08:00"),
        ("UK", LONDON, "2026-03-02 16:00", CONNECTED, "2026-03-03 08:00"),
        ("UK", LONDON, "2026-03-03 08:00", None, None),
    ],
)
def test_after_a_conversation_the_phone_rests(
    jurisdiction: str, zone: str, now: str, rule: str | None, allowed_from: str | None
) -> None:
    talked = (contact(at("2026-03-02 15:00", zone), "CALL", connected=True),)
    verdict = gate(at(now, zone), zone, channel="CALL", history=talked, policy=load_policy(jurisdiction))
    assert (verdict.rule, verdict.allowed) == (rule, rule is None)
    assert verdict.not_before == (None if allowed_from is None else at(allowed_from, zone))


def test_where_clocks_go_back_the_rest_is_seven_days_of_the_calendar_too() -> None:
    talked = (contact(at("2026-10-26 15:00", NEW_YORK), "CALL", connected=True),)
    verdict = gate(at("2026-11-01 20:00", NEW_YORK), NEW_YORK, "CALL", history=talked, policy=load_policy("US"))
    assert (verdict.rule, verdict.not_before) == (COOLDOWN, at("2026-11-02 08:00", NEW_YORK))


def test_the_rest_of_the_phone_does_not_stop_messages_nor_an_unanswered_call_the_phone() -> None:
    us = load_policy("US")
    now = at("2026-03-05 12:00", NEW_YORK)
    talked = (contact(at("2026-03-02 15:00", NEW_YORK), "CALL", connected=True),)
    rang = (contact(at("2026-03-02 15:00", NEW_YORK), "CALL"),)
    assert gate(now, NEW_YORK, "SMS", history=talked, policy=us).allowed
    assert gate(now, NEW_YORK, "CALL", history=rang, policy=us).allowed


@pytest.mark.parametrize(
    ("jurisdiction", "zone", "days", "rule", "allowed_from"),
    [
        # Every day one call that nobody answered, at 15:00; now it is the 8th at 10:00. The caps of contacts are wide.
        ("US", NEW_YORK, range(2, 8), None, None),
        ("US", NEW_YORK, range(1, 8), None, None),  # the 1st is out of the seven days that end today
        ("US", NEW_YORK, (2, 3, 4, 5, 6, 7, 7), CALLS_A_WEEK, "2026-03-09 08:00"),
        ("US", NEW_YORK, (4, 4, 4, 4, 5, 5, 7, 7), CALLS_A_WEEK, "2026-03-11 08:00"),  # one too many: the second counts
        ("US", KOLKATA, (6, 6, 6, 6, 6, 6, 6), CALLS_A_WEEK, "2026-03-13 08:00"),
        ("CN", SHANGHAI, (2, 3, 4, 5, 6, 7, 7), None, None),
        ("UK", LONDON, (2, 3, 4, 5, 6, 7, 7), None, None),
    ],
)
def test_seven_calls_in_seven_days_of_the_calendar_are_enough_in_the_united_states(
    jurisdiction: str, zone: str, days: list[int], rule: str | None, allowed_from: str | None
) -> None:
    pack = load_policy(jurisdiction).model_dump()
    pack["rules"][CONTACTS_A_WEEK]["value"] = 100
    calls = tuple(contact(at(f"2026-03-{day:02} 15:00", zone), "CALL") for day in days)
    verdict = gate(at("2026-03-08 10:00", zone), zone, "CALL", history=calls, policy=Policy.model_validate(pack))
    assert (verdict.rule, verdict.allowed) == (rule, rule is None)
    assert verdict.not_before == (None if allowed_from is None else at(allowed_from, zone))


@pytest.mark.parametrize("jurisdiction", ["CN", "UK", "US"])
def test_a_moratorium_stops_every_contact_everywhere(jurisdiction: str) -> None:
    for channel in ("SMS", "EMAIL", "CALL"):
        verdict = gate(channel=channel, flags=("MORATORIUM",), policy=load_policy(jurisdiction))
        assert (verdict.allowed, verdict.not_before, verdict.rule) == (False, None, "contact.stop_on")


def test_no_call_at_all_is_a_refusal_for_good() -> None:
    verdict = gate(channel="CALL", policy=a_policy(contact__max_calls_rolling_7d_per_debt=0))
    assert (verdict.allowed, verdict.not_before, verdict.rule) == (False, None, CALLS_A_WEEK)


# --- stop conditions and what is not sure ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "flag",
    ["CEASE_CONTACT", "REPRESENTED", "DECEASED", "BANKRUPT", "FRAUD", "DISPUTED", "MORATORIUM", "SOLD", "CLOSED"],
)
def test_a_stop_condition_refuses_every_channel(flag: str) -> None:
    for channel in ("SMS", "EMAIL", "CALL"):
        verdict = gate(channel=channel, flags=("VULNERABLE", flag))
        assert (verdict.allowed, verdict.not_before, verdict.rule) == (False, None, "contact.stop_on")


@pytest.mark.parametrize("word", ["CEASE_CONTACT", "REPRESENTED", "DECEASED", "BANKRUPT", "MORATORIUM", "COMPLAINT"])
def test_what_was_told_of_the_person_with_another_account_stops_contact_as_well(word: str) -> None:
    told = Word(kind="STANDING", word=word, account_id="another", at=NOON)
    for jurisdiction in ("CN", "UK", "US"):
        reach = Reach(cardholder_id="h").hearing(told)
        policy = load_policy(jurisdiction)
        verdict = may_contact(policy, NOON, "Asia/Shanghai", Ask("SMS"), (), reach)
        assert (verdict.allowed, verdict.rule) == (False, "contact.stop_on")
        assert may_contact(policy, NOON, "Asia/Shanghai", Ask("SMS"), (), Reach(cardholder_id="h")).allowed


@pytest.mark.parametrize("word", ["DISPUTED", "SOLD", "CLOSED", "FRAUD", "NORMAL"])
def test_what_is_true_of_one_account_alone_stops_no_other(word: str) -> None:
    reach = Reach(cardholder_id="h").hearing(Word(kind="STANDING", word=word, account_id="another", at=NOON))
    assert may_contact(the_policy(), NOON, "Asia/Shanghai", Ask("SMS"), (), reach).allowed


@given(order=st.permutations(range(4)))
def test_of_what_is_told_of_a_person_the_newest_counts_in_any_order(order: list[int]) -> None:
    words = ["DECEASED", "NORMAL", "MORATORIUM", "NORMAL"]
    told = [
        Word(kind="STANDING", word=word, account_id="a", at=NOON + timedelta(hours=number))
        for number, word in enumerate(words)
    ]
    reach = Reach(cardholder_id="h")
    for number in order:
        reach = reach.hearing(told[number])
    assert (reach.stops, len(reach.words)) == (frozenset(), 1)


@pytest.mark.parametrize(("party", "purpose"), [("GUARANTOR", "SERVICE"), ("DEBTOR", "ADVERT"), ("", "COLLECTION")])
def test_an_unknown_party_or_purpose_is_refused(party: Any, purpose: Any) -> None:
    ask = Ask("CALL", purpose, party)
    assert not may_contact(the_policy(), NOON, "Asia/Shanghai", ask, (), Reach(cardholder_id="h")).allowed


def test_a_vulnerable_person_may_be_contacted() -> None:
    assert gate(flags=("VULNERABLE",)).allowed


@pytest.mark.parametrize(
    "zone", ["Asia/Nowhere", "", "../etc/passwd", "Asia", "UTC+8", "\ud800", "Factory", "localtime", "posixrules"]
)
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
        ("CALL", "contact.max_calls_rolling_7d_per_debt"),
        ("CALL", "contact.cooldown_after_conversation_days"),
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


# --- holidays ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("jurisdiction", "zone", "channel", "local", "allowed_from"),
    [
        ("CN", SHANGHAI, "SMS", "2026-09-30 21:59", None),
        ("CN", SHANGHAI, "SMS", "2026-10-01 10:00", "2026-10-08 08:00"),  # the whole golden week, its Sunday too
        ("CN", SHANGHAI, "CALL", "2026-10-04 10:00", "2026-10-08 08:00"),
        ("CN", SHANGHAI, "EMAIL", "2026-10-01 10:00", None),
        ("CN", SHANGHAI, "SMS", "2026-02-16 23:00", "2026-02-24 08:00"),  # by night, and then a holiday
        ("US", NEW_YORK, "CALL", "2026-11-26 10:00", "2026-11-27 08:00"),
        ("US", NEW_YORK, "SMS", "2026-11-26 10:00", None),
        ("US", "Pacific/Honolulu", "CALL", "2026-11-25 20:30", None),  # it is the 26th in New York already
        ("UK", LONDON, "CALL", "2026-04-03 10:00", "2026-04-07 08:00"),  # Good Friday to Easter Monday
        ("UK", LONDON, "SMS", "2026-04-03 10:00", None),
    ],
)
def test_on_a_public_holiday_some_channels_rest(
    jurisdiction: str, zone: str, channel: str, local: str, allowed_from: str | None
) -> None:
    verdict = gate(at(local, zone), zone, channel, policy=load_policy(jurisdiction))
    assert verdict.not_before == (None if allowed_from is None else at(allowed_from, zone))
    assert verdict.allowed == (allowed_from is None)


def test_where_the_holidays_are_not_known_nobody_is_contacted() -> None:
    after_the_table = datetime(last_year("CN") + 1, 3, 5, 4, tzinfo=UTC)
    verdict = gate(after_the_table)
    assert (verdict.allowed, verdict.not_before) == (False, None)
    assert "are not known" in str(verdict.rule)


# --- what the person said, and what a contact is about -------------------------------------------------------------


def asked(ask: Ask, standing: tuple[str, ...] = (), policy: Policy | None = None, **reach: Any) -> Verdict:
    now = at("2026-03-05 12:00", NEW_YORK)
    known = Reach(cardholder_id="h-1", **reach)
    return may_contact(policy or load_policy("US"), now, NEW_YORK, ask, standing, known)


def test_a_channel_that_the_person_refused_is_closed_and_no_other() -> None:
    refused = asked(Ask("SMS", "SERVICE"), opted_out=("SMS",))
    assert (refused.allowed, refused.not_before, refused.rule) == (False, None, "opted_out")
    assert asked(Ask("CALL"), opted_out=("SMS",)).allowed


def test_a_channel_that_needs_consent_waits_for_it() -> None:
    assert asked(Ask("EMAIL")).rule == "contact.express_consent"
    agreed = Reach(cardholder_id="h-1").agreeing("EMAIL", NOON)
    assert asked(Ask("EMAIL"), consents=agreed.consents).allowed
    taken_back = agreed.refusing("EMAIL")
    assert (taken_back.opted_out, taken_back.consents) == (("EMAIL",), ())
    assert taken_back.agreeing("EMAIL", NOON).opted_out == ()


@pytest.mark.parametrize("word", ["COMPLAINT", "PLAN_PERFORMING"])
@pytest.mark.parametrize("jurisdiction", ["CN", "UK", "US"])
def test_who_complained_or_keeps_a_plan_is_asked_for_nothing_and_hears_what_became_of_it(
    word: str, jurisdiction: str
) -> None:
    policy = load_policy(jurisdiction)
    assert asked(Ask("SMS", "COLLECTION"), (word,), policy).rule == "contact.stop_on"
    assert asked(Ask("SMS", "SERVICE"), (word,), policy).allowed
    assert asked(Ask("SMS", "SERVICE"), (word, "DECEASED"), policy).rule == "contact.stop_on"


def test_unanswered_calls_are_counted_for_each_number() -> None:
    rang = tuple(contact(TODAYS[0], "CALL").model_copy(update={"number": "1"}) for _ in range(6))
    reach = Reach(cardholder_id="h-1", contacts=rang)
    first, second = (may_contact(the_policy(), NOON, SHANGHAI, Ask("CALL", number=one), (), reach) for one in "12")
    assert first.rule == "contact.max_unanswered_attempts_per_number_per_day"
    assert second.allowed


DAY_BEFORE = at("2026-03-04 10:00")


@pytest.mark.parametrize(
    ("calls", "allowed"),
    [
        ([], False),
        ([(DAY_BEFORE, None)] * 2, False),
        ([(DAY_BEFORE, None)] * 3, True),  # from the next day on
        ([(TODAYS[0], None)] * 3, False),
        ([(DAY_BEFORE, None)] * 3 + [(TODAYS[0], "ANSWERED")], False),
        ([(TODAYS[0], "WRONG_PERSON")], True),
        ([(TODAYS[0], "FAILED")], True),  # the number is not good
    ],
)
def test_somebody_else_is_asked_only_where_the_debtor_cannot_be_reached(
    calls: list[tuple[datetime, str | None]], allowed: bool
) -> None:
    records = tuple(
        contact(when, "CALL", connected=status == "ANSWERED").model_copy(update={"status": status})
        for when, status in calls
    )
    reach = Reach(cardholder_id="h-1", contacts=records)
    ask = Ask("CALL", party="THIRD_PARTY")
    verdict = may_contact(the_policy(), NOON, SHANGHAI, ask, (), reach)
    assert verdict.allowed == allowed
    if not allowed:
        assert verdict.rule == "contact.third_party_allowed_when"
    for jurisdiction in ("UK", "US"):  # in the UK nobody else is asked; in the US where every way to them failed
        other = may_contact(load_policy(jurisdiction), NOON, SHANGHAI, ask, (), reach)
        assert other.allowed == (jurisdiction == "US" and bool(calls) and calls[-1][1] in ("FAILED", "WRONG_PERSON"))
    assert not may_contact(the_policy(), NOON, SHANGHAI, Ask("SMS", party="THIRD_PARTY"), (), reach).allowed
    refused = contact(TODAYS[1], "CALL").model_copy(update={"party": "THIRD_PARTY", "status": "REFUSED"})
    assert not may_contact(the_policy(), NOON, SHANGHAI, ask, (), reach.with_contact(refused)).allowed


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


@given(
    st.sampled_from(["CN", "UK", "US"]),
    MOMENTS,
    ZONES,
    st.sampled_from(["SMS", "CALL"]),
    st.lists(RECORDS, max_size=3),
    st.lists(st.integers(0, 240)),
)
def test_the_gate_opens_when_it_says_and_never_at_night(
    jurisdiction: str, now: datetime, zone: str, channel: str, others: list[ContactRecord], hours_ago: list[int]
) -> None:
    policy = load_policy(jurisdiction)
    recent = [contact(now - timedelta(hours=hours), channel, connected=bool(hours % 2)) for hours in hours_ago]
    history = (*others, *recent)
    verdict = gate(now, zone, channel, history=history, policy=policy)
    if verdict.not_before is not None:
        assert verdict.not_before > now
        assert not verdict.allowed
        opened = gate(verdict.not_before, zone, channel, history=history, policy=policy)
        assert opened.allowed, "it waits no longer than it has to say"
    else:
        assert verdict.allowed
        assert 8 <= now.astimezone(ZoneInfo(zone)).hour < (22 if jurisdiction == "CN" else 21)
        talked = [record.at for record in history if record.channel == "CALL" and record.connected]
        if jurisdiction == "US" and channel == "CALL":
            assert not any(timedelta(0) <= now - moment < timedelta(days=6) for moment in talked)
        assert sum(now - timedelta(days=7) < record.at for record in history) < 7
