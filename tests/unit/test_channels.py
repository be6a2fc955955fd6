"""Which way a message takes: what reached the person before, the policy's order, and what the gate opens."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from builders import NOW, a_policy, an_offered_case, the_policy
from hypothesis import given
from hypothesis import strategies as st

from accord.case import Case, Status
from accord.channels import Way, better_moment, history, next_way, request_contact, standing
from accord.contact_gate import Ask, Verdict, may_contact
from accord.policy import Policy, load_policy
from accord.reach import ContactRecord, Reach

BOTH = ("SMS", "CALL", "EMAIL")


def case(**changes: Any) -> Case:
    return an_offered_case().model_copy(update={"reachable_by": BOTH} | changes)


def reached(*told: tuple[str, str | None], **known: Any) -> Reach:
    """One contact a week, the oldest first, each with what its receipt says."""
    records = tuple(
        ContactRecord(contact_id=f"k-{number}", channel=channel, at=at, template="REMINDER", status=status)
        for number, (channel, status) in enumerate(told)
        for at in [NOW - timedelta(weeks=len(told) - number)]
    )
    return Reach(cardholder_id="holder-1", contacts=records, **known)


def way(reach: Reach, of: Case | None = None, jurisdiction: str = "CN") -> Way:
    return next_way(of or case(), reach, "COLLECTION", load_policy(jurisdiction), NOW)


@pytest.mark.parametrize(
    ("told", "channel"),
    [
        ([], "SMS"),  # the first of the policy's list
        ([("SMS", "DELIVERED"), ("EMAIL", "READ")], "EMAIL"),  # what was read
        ([("SMS", "READ"), ("SMS", "READ"), ("EMAIL", "READ")], "SMS"),
        ([("SMS", "FAILED")], "SMS"),  # once may be an accident
        ([("SMS", "FAILED"), ("SMS", "FAILED")], "EMAIL"),
        ([("SMS", "READ"), ("SMS", "WRONG_PERSON"), ("SMS", "FAILED")], "EMAIL"),
        ([("SMS", "FAILED"), ("SMS", "FAILED"), ("EMAIL", "FAILED"), ("EMAIL", "FAILED")], "SMS"),
        ([("SMS", None), ("SMS", "FAILED"), ("SMS", "DELIVERED")], "SMS"),
    ],
)
def test_what_reached_the_person_before_comes_first(told: list[tuple[str, str | None]], channel: str) -> None:
    found = way(reached(*told))
    assert (found.channel, found.verdict.allowed) == (channel, True)


def test_nobody_is_written_to_at_an_address_that_is_not_there() -> None:
    assert way(reached(("EMAIL", "READ")), case(reachable_by=("SMS", "CALL"))).channel == "SMS"


def test_where_the_best_channel_is_closed_the_next_one_is_taken() -> None:
    assert way(reached(opted_out=("SMS",))).channel == "EMAIL"
    assert way(reached(opted_out=("EMAIL",))).channel == "SMS"
    closed = way(reached(opted_out=("EMAIL", "SMS")))
    assert (closed.channel, closed.verdict.rule, closed.verdict.not_before) == ("SMS", "opted_out", None)


def test_an_address_that_needs_consent_is_not_used_before() -> None:
    assert way(reached(opted_out=("SMS",)), jurisdiction="US").verdict.rule == "opted_out"
    assert way(reached(opted_out=("SMS",), consents=("EMAIL",)), jurisdiction="US").channel == "EMAIL"


def test_of_two_channels_that_have_to_wait_the_one_that_opens_first_is_taken() -> None:
    golden_week = NOW.replace(month=10, day=2)
    found = next_way(case(), reached(), "COLLECTION", the_policy(), golden_week)
    assert (found.channel, found.verdict.allowed) == ("EMAIL", True)
    night = golden_week.replace(hour=15)
    found = next_way(case(), reached(), "COLLECTION", the_policy(), night)
    assert (found.channel, found.verdict.not_before) == ("EMAIL", night.replace(day=3, hour=0))


# --- the best time ----------------------------------------------------------------------------------------------


def there(*clocks: str, days_before: int = 9, zone: str = "Asia/Shanghai") -> Reach:
    """Who was there at these local times, one a day."""
    first = (NOW - timedelta(days=days_before)).astimezone(ZoneInfo(zone))
    moments = [
        (first + timedelta(days=day)).replace(hour=int(clock[:2]), minute=int(clock[3:]))
        for day, clock in enumerate(clocks)
    ]
    return reached().model_copy(update={"seen_at": tuple(moment.astimezone(UTC) for moment in moments)})


def better(
    reach: Reach, now: datetime = NOW, days_left: float = 14, of: Case | None = None, **values: Any
) -> str | None:
    """The local time at which a message had better leave than now."""
    found = of or case()
    open_way = Way("SMS", Verdict(True, None, None, ()))
    moment = better_moment(found, reach, open_way, a_policy(**values), now, now + timedelta(days=days_left))
    return moment and f"{moment.astimezone(ZoneInfo(found.time_zone)):%d %H:%M}"


@pytest.mark.parametrize(
    ("clocks", "when"),
    [
        ([], None),
        (["19:10"], None),  # once is no habit
        (["19:10", "07:30"], None),  # nor are two hours that lie apart
        (["19:10", "19:50"], "05 19:00"),
        (["19:55", "20:05"], "05 19:00"),  # either side of the full hour
        (["20:05", "21:55", "20:30"], "05 20:00"),
        (["09:10", "09:20"], "06 09:00"),  # it is past nine: tomorrow
        (["10:10", "10:50"], None),  # it is the hour
        (["23:10", "23:50"], None),  # by night the gate is closed, and now is as good as any hour
        (["22:50", "21:10", "22:30", "21:40"], "05 21:00"),  # of two best hours the one that is open
    ],
)
def test_what_nobody_waits_for_waits_for_the_hour_in_which_they_were_there_before(
    clocks: list[str], when: str | None
) -> None:
    assert better(there(*clocks)) == when


def test_the_hour_is_that_of_the_place_where_the_person_lives() -> None:
    kolkata = case(time_zone="Asia/Kolkata")
    assert better(there("19:10", "19:50", zone="Asia/Kolkata"), of=kolkata) == "05 19:00"


def test_nobody_loses_half_of_the_time_to_decide_by_waiting() -> None:
    evening = there("19:10", "19:50")
    assert better(evening, days_left=0.7) is None  # nine hours of sixteen and a half
    assert better(evening, days_left=0.8) == "05 19:00"


def test_how_long_a_message_waits_is_the_policys_to_say() -> None:
    morning = there("09:10", "09:20")
    assert better(morning, contact__best_time={"seen_times": 2, "wait_hours": 12}) is None
    assert better(morning, contact__best_time={"seen_times": 3, "wait_hours": 24}) is None


def test_a_policy_may_let_no_message_wait() -> None:
    policy = the_policy().model_dump()
    policy["rules"]["contact.best_time"]["value"] = None
    nothing = Policy.model_validate(policy)
    open_way = Way("SMS", Verdict(True, None, None, ()))
    assert better_moment(case(), there("19:10", "19:50"), open_way, nothing, NOW, NOW + timedelta(days=9)) is None


@given(
    hours=st.lists(st.datetimes(datetime(2026, 1, 1), datetime(2026, 3, 1)), max_size=20),
    now=st.datetimes(datetime(2026, 3, 2), datetime(2026, 12, 1)),
    zone=st.sampled_from(["Asia/Shanghai", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]),
    hours_left=st.integers(0, 400),
)
def test_whatever_the_habit_a_message_waits_a_day_at_most_for_an_open_hour_and_leaves_in_it(
    hours: list[datetime], now: datetime, zone: str, hours_left: int
) -> None:
    seen = reached().model_copy(update={"seen_at": tuple(moment.replace(tzinfo=UTC) for moment in sorted(hours))})
    at, of, policy = now.replace(tzinfo=UTC), case(time_zone=zone), the_policy()
    until = at + timedelta(hours=hours_left)
    open_way = Way("SMS", Verdict(True, None, None, ()))
    moment = better_moment(of, seen, open_way, policy, at, until)
    if moment is not None:
        assert at < moment < min(at + timedelta(hours=24), until)
        assert may_contact(policy, moment, zone, Ask("SMS"), (), seen).allowed
        assert better_moment(of, seen, open_way, policy, moment, until) is None


# --- the request ------------------------------------------------------------------------------------------------


def test_a_contact_counts_for_the_case_and_for_the_person() -> None:
    found = way(reached())
    contacted, counted, requested = request_contact(case(), reached(), "INVITATION", ("o-1",), found, NOW)
    assert contacted.contacts == counted.contacts
    assert (requested.channel, requested.contact_id) == ("SMS", contacted.contacts[0].contact_id)


def test_what_an_older_version_kept_in_the_case_alone_counts_too() -> None:
    older = ContactRecord(contact_id="k-old", channel="SMS", at=NOW, template="INVITATION")
    both = history(case(contacts=(older,)), reached(("SMS", None)))
    assert [record.contact_id for record in both.contacts] == ["k-old", "k-0"]
    assert history(case(contacts=(older,)), both) == both


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, set()),
        ({"flags": ("DISPUTED",)}, {"DISPUTED"}),
        ({"complaint": "OPEN"}, {"COMPLAINT"}),
        ({"complaint": "CLOSED"}, set()),
        ({"status": Status.ACTIVE}, {"PLAN_PERFORMING"}),
        ({"status": Status.BREACHED}, set()),
    ],
)
def test_what_holds_for_a_case_is_told_to_the_gate(changes: dict[str, Any], words: set[str]) -> None:
    assert standing(case(**changes)) == words
