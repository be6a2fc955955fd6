"""Links, codes, sessions and claims on the access table: every limit holds, also against guesses at the same moment."""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from threading import Lock
from typing import Any

import boto3
import pytest
from integration.tables import tables_on_moto

from accord.aws import clients
from accord.aws.access import (
    CODE_FOR,
    CODES_PER_HOUR,
    DRAFT_FOR,
    FAILURES_PER_CASE,
    IDLE_FOR,
    LINK_FOR,
    SESSION_FOR,
    TRIES_PER_CODE,
    Claim,
    Codes,
    Deliveries,
    Link,
    Links,
    Purpose,
    Sessions,
    Tries,
    csrf_token,
    fingerprint,
)
from accord.errors import ServiceUnavailableError

NOW = datetime(2026, 6, 15, 2, 0, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
BUSY_FOR = 2 * MINUTE
OUTSIDE, INSIDE = Purpose.IDENTITY, Purpose.SIGNATURE


@pytest.fixture(scope="module")
def world() -> Iterator[tuple[str, str]]:
    """The access table and the key of codes; made once, because making them is most of a test's time."""
    with pytest.MonkeyPatch.context() as environment, tables_on_moto(environment) as tables:
        key = boto3.client("kms").create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
        yield tables["ACCESS_TABLE"], key["KeyMetadata"]["KeyId"]


@pytest.fixture
def table(world: tuple[str, str]) -> Iterator[str]:
    """The table, empty."""
    yield world[0]
    for item in stored(world[0]):
        clients.client("dynamodb").delete_item(TableName=world[0], Key={"pk": item["pk"]})


@pytest.fixture
def links(table: str) -> Links:
    return Links(table)


@pytest.fixture
def codes(table: str, world: tuple[str, str]) -> Codes:
    """The codes of a case that has a link."""
    Links(table).issue("c-1", "holder-1", NOW, NOW)
    return Codes(table, world[1])


@pytest.fixture
def tries(table: str) -> Tries:
    return Tries(table)


@pytest.fixture
def sessions(table: str) -> Sessions:
    return Sessions(table)


@pytest.fixture
def deliveries(table: str) -> Deliveries:
    return Deliveries(table)


def stored(table: str) -> list[dict[str, Any]]:
    return list(clients.client("dynamodb").scan(TableName=table)["Items"])


def asked(codes: Codes, now: datetime = NOW, bound_to: str = "", purpose: Purpose = Purpose.IDENTITY) -> str:
    code = codes.new("c-1", purpose, "holder", bound_to, now)
    assert code is not None
    return code


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


def accepted(codes: Codes, code: str, now: datetime = NOW, **changes: Any) -> bool:
    asks = {"case_id": "c-1", "purpose": Purpose.IDENTITY, "holder": "holder", "bound_to": "", "code": code, "now": now}
    return codes.accept(**asks | changes)


# --- links -----------------------------------------------------------------------------------------------------


def test_a_link_names_its_case_for_seven_days(links: Links) -> None:
    locator = links.issue("c-1", "holder-1", NOW, NOW)
    assert links.find(locator, NOW + LINK_FOR - SECOND) == Link("c-1", "holder-1")
    assert links.find(locator, NOW + LINK_FOR) is None


def test_a_link_lives_as_long_as_the_offers_that_it_leads_to(links: Links) -> None:
    offers_until = NOW + LINK_FOR * 2
    locator = links.issue("c-1", "holder-1", NOW, offers_until)
    assert links.find(locator, offers_until - SECOND) == Link("c-1", "holder-1")
    assert links.find(locator, offers_until) is None


def test_a_new_link_ends_the_one_before(links: Links) -> None:
    first, second = links.issue("c-1", "holder-1", NOW, NOW), links.issue("c-1", "holder-1", NOW, NOW)
    assert links.find(first, NOW) is None
    assert links.find(second, NOW) == Link("c-1", "holder-1")


def test_a_link_of_one_case_leaves_that_of_another_alone(links: Links) -> None:
    first, second = links.issue("c-1", "holder-1", NOW, NOW), links.issue("c-2", "holder-2", NOW, NOW)
    assert links.find(first, NOW) == Link("c-1", "holder-1")
    assert links.find(second, NOW) == Link("c-2", "holder-2")


@pytest.mark.parametrize("locator", ["", "x", "a" * 43, "../../etc", "-" * 5000])
def test_an_unknown_link_names_nothing(links: Links, locator: str) -> None:
    assert links.find(locator, NOW) is None


def test_a_locator_has_256_bits_and_is_kept_as_a_hash_alone(links: Links, table: str) -> None:
    locator = links.issue("c-1", "holder-1", NOW, NOW)
    assert len(locator) == 43
    assert locator not in str(stored(table))
    assert fingerprint(locator) in str(stored(table))


# --- codes -----------------------------------------------------------------------------------------------------


def test_the_right_code_is_accepted_once(codes: Codes) -> None:
    code = asked(codes)
    assert accepted(codes, code)
    assert not accepted(codes, code)


def test_a_code_has_six_digits_and_is_never_stored(codes: Codes, table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accord.aws.access.secrets.randbelow", lambda _: 4711)
    assert asked(codes) == "004711"
    assert "004711" not in str(stored(table))


def test_a_code_is_good_for_five_minutes(codes: Codes) -> None:
    code = asked(codes)
    assert not accepted(codes, code, NOW + CODE_FOR)
    assert accepted(codes, code, NOW + CODE_FOR - SECOND)


@pytest.mark.parametrize(
    "changes",
    [
        {"holder": "another browser"},
        {"bound_to": "other terms"},
        {"purpose": Purpose.SIGNATURE},
        {"case_id": "c-2"},
    ],
)
def test_a_code_is_good_only_for_what_it_was_asked_for(codes: Codes, links: Links, changes: dict[str, Any]) -> None:
    links.issue("c-2", "holder-2", NOW, NOW)
    code = asked(codes)
    assert not accepted(codes, code, **changes)
    assert accepted(codes, code)


def test_a_new_code_ends_the_one_before(codes: Codes) -> None:
    first = asked(codes)
    second = asked(codes, NOW + SECOND)
    assert first == second or not accepted(codes, first)
    assert accepted(codes, second)


def test_after_five_wrong_tries_the_right_code_is_refused_too(codes: Codes) -> None:
    code = asked(codes)
    for _ in range(TRIES_PER_CODE):
        assert not accepted(codes, wrong(code))
    assert not accepted(codes, code)


def no_answer(*_: Any) -> str:
    raise ServiceUnavailableError("the key service does not answer")


def test_what_could_not_be_compared_is_no_try(codes: Codes, tries: Tries, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our own outage neither uses the code up nor locks anybody out."""
    code = asked(codes)

    with monkeypatch.context() as patch:
        patch.setattr(codes, "_mac", no_answer)
        for _ in range(TRIES_PER_CODE + 1):
            with pytest.raises(ServiceUnavailableError):
                accepted(codes, code)
    assert accepted(codes, code)
    assert [tries.begin("c-1", OUTSIDE) for _ in range(FAILURES_PER_CASE[OUTSIDE])] == [True] * 10


def test_a_code_that_could_not_be_made_is_none_of_the_three(codes: Codes, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(codes, "_mac", no_answer)
        for _ in range(CODES_PER_HOUR + 1):
            with pytest.raises(ServiceUnavailableError):
                codes.new("c-1", Purpose.IDENTITY, "holder", "", NOW)
    assert [codes.new("c-1", Purpose.IDENTITY, "holder", "", NOW) is not None for _ in range(4)] == [True] * 3 + [False]


@pytest.mark.parametrize("after", [False, True])
def test_a_right_code_that_could_not_be_used_is_as_good_as_before(
    codes: Codes, tries: Tries, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    """The write that uses it up fails, before or after it took effect."""
    code, update = asked(codes), codes._table.update

    def failing(pk: str, change: str, *told: Any, **more: Any) -> Any:
        if change != "SET used_at = :now":
            return update(pk, change, *told, **more)
        if after:
            update(pk, change, *told, **more)
        raise ServiceUnavailableError("throttled")

    with monkeypatch.context() as patch:
        patch.setattr(codes._table, "update", failing)
        for _ in range(TRIES_PER_CODE + 1):
            with pytest.raises(ServiceUnavailableError):
                accepted(codes, code)
    assert accepted(codes, code)
    assert [tries.begin("c-1", OUTSIDE) for _ in range(FAILURES_PER_CASE[OUTSIDE])] == [True] * 10


def test_three_codes_an_hour_and_a_fourth_when_the_first_is_an_hour_old(codes: Codes) -> None:
    for minute in range(CODES_PER_HOUR):
        asked(codes, NOW + minute * MINUTE)
    assert codes.new("c-1", Purpose.IDENTITY, "holder", "", NOW + 59 * MINUTE) is None
    assert codes.new("c-1", Purpose.IDENTITY, "holder", "", NOW + 60 * MINUTE) is not None
    assert codes.new("c-1", Purpose.IDENTITY, "holder", "", NOW + 60 * MINUTE) is None


def test_codes_to_sign_are_counted_apart_from_codes_to_come_in(codes: Codes) -> None:
    for _ in range(CODES_PER_HOUR):
        asked(codes)
    assert codes.new("c-1", Purpose.SIGNATURE, "holder", "terms", NOW) is not None


def test_nobody_gets_a_code_for_a_case_without_a_link(codes: Codes) -> None:
    assert codes.new("c-9", Purpose.IDENTITY, "holder", "", NOW) is None


def test_ten_wrong_tries_lock_the_case_for_good(codes: Codes, tries: Tries) -> None:
    for hours in range(FAILURES_PER_CASE[OUTSIDE] // TRIES_PER_CODE):
        now = NOW + timedelta(hours=hours)
        code = asked(codes, now)
        for _ in range(TRIES_PER_CODE):
            assert not accepted(codes, wrong(code), now)
    assert tries.lock("c-1", OUTSIDE) == 1
    later = NOW + timedelta(days=3)
    assert not accepted(codes, asked(codes, later), later)


def test_who_holds_the_link_and_knows_the_document_guesses_a_code_less_than_once_in_a_hundred_thousand() -> None:
    """Every failed look counts for the case for good, whatever it was at: fifteen looks, each at one of a million."""
    chance = 1 - (1 - Fraction(1, 1_000_000)) ** sum(FAILURES_PER_CASE.values())
    assert chance <= Fraction(15, 1_000_000)


def test_the_tries_outside_and_inside_are_counted_apart(codes: Codes, tries: Tries) -> None:
    while tries.begin("c-1", OUTSIDE):
        pass
    assert (tries.lock("c-1", OUTSIDE), tries.lock("c-1", INSIDE)) == (1, None)
    code = asked(codes, bound_to="terms", purpose=INSIDE)
    for _ in range(FAILURES_PER_CASE[INSIDE] - 1):
        assert not accepted(codes, wrong(code), purpose=INSIDE, bound_to="terms")
    assert accepted(codes, code, purpose=INSIDE, bound_to="terms")
    assert tries.begin("c-1", INSIDE)
    assert not tries.begin("c-1", INSIDE)
    assert tries.lock("c-1", INSIDE) == 1


def test_a_lifted_lock_gives_new_tries_at_both_doors(links: Links, tries: Tries) -> None:
    locked(links, tries)
    while tries.begin("c-1", INSIDE):
        pass
    tries.lift("c-1", 1)
    assert (tries.lock("c-1", OUTSIDE), tries.lock("c-1", INSIDE)) == (None, None)
    assert [tries.begin("c-1", INSIDE) for _ in range(6)] == [True] * FAILURES_PER_CASE[INSIDE] + [False]
    assert (tries.lock("c-1", OUTSIDE), tries.lock("c-1", INSIDE)) == (None, 2)


@pytest.mark.parametrize("purpose", Purpose)
def test_a_code_that_did_not_leave_is_none_of_the_three_and_waits_for_nobody(codes: Codes, purpose: Purpose) -> None:
    for second in range(3 * CODES_PER_HOUR):
        now = NOW + second * 5 * MINUTE
        asked(codes, now, purpose=purpose)
        codes.did_not_leave("c-1", purpose, now)
        assert codes.waits_for("c-1", purpose, "holder", now) is None
    later = NOW + 45 * MINUTE
    for second in range(CODES_PER_HOUR):
        asked(codes, later + second * SECOND, purpose=purpose)
    assert codes.new("c-1", purpose, "holder", "", later + 3 * SECOND) is None


def test_while_nothing_leaves_a_code_is_made_three_times_in_five_minutes(codes: Codes) -> None:
    for second in range(CODES_PER_HOUR):
        asked(codes, NOW + second * SECOND)
        codes.did_not_leave("c-1", OUTSIDE, NOW + second * SECOND)
    assert codes.new("c-1", OUTSIDE, "holder", "", NOW + 4 * MINUTE) is None
    assert codes.new("c-1", OUTSIDE, "holder", "", NOW + 5 * MINUTE) is not None


def test_a_code_that_did_not_leave_takes_nothing_from_the_one_that_did(codes: Codes) -> None:
    asked(codes, NOW)
    code = asked(codes, NOW + SECOND)
    codes.did_not_leave("c-1", OUTSIDE, NOW)
    assert accepted(codes, code, NOW + SECOND)


def test_a_new_link_does_not_forget_failed_tries(codes: Codes, tries: Tries, links: Links) -> None:
    for _ in range(FAILURES_PER_CASE[OUTSIDE]):
        assert tries.begin("c-1", OUTSIDE)
    links.issue("c-1", "holder-1", NOW, NOW)
    assert tries.lock("c-1", OUTSIDE) == 1
    assert not tries.begin("c-1", OUTSIDE)


def test_right_tries_and_codes_that_were_not_in_force_count_for_nothing(codes: Codes, tries: Tries) -> None:
    for hour in range(12):
        now = NOW + timedelta(hours=hour)
        assert not accepted(codes, "000000", now)  # none was asked for
        code = asked(codes, now)
        assert not accepted(codes, code, now, holder="somebody else")
        assert accepted(codes, code, now)
        assert not accepted(codes, code, now)
    assert tries.lock("c-1", OUTSIDE) is None


def test_a_code_waits_only_for_the_browser_that_asked_and_until_it_is_used(codes: Codes) -> None:
    assert codes.waits_for("c-1", Purpose.IDENTITY, "holder", NOW) is None
    code = asked(codes, bound_to="terms")
    assert codes.waits_for("c-1", Purpose.IDENTITY, "holder", NOW) == "terms"
    assert codes.waits_for("c-1", Purpose.IDENTITY, "other", NOW) is None
    assert codes.waits_for("c-1", Purpose.IDENTITY, "holder", NOW + CODE_FOR) is None
    assert accepted(codes, code, bound_to="terms")
    assert codes.waits_for("c-1", Purpose.IDENTITY, "holder", NOW) is None


# --- locks -----------------------------------------------------------------------------------------------------


def locked(links: Links, tries: Tries) -> str:
    """A locator of a case that has no tries left."""
    locator = links.issue("c-1", "holder-1", NOW, NOW)
    while tries.begin("c-1", OUTSIDE):
        pass
    return locator


def test_a_lifted_lock_gives_ten_new_tries_and_ends_the_link(links: Links, tries: Tries) -> None:
    locator = locked(links, tries)
    assert tries.lock("c-1", OUTSIDE) == 1
    tries.lift("c-1", 1)
    assert tries.lock("c-1", OUTSIDE) is None
    assert links.find(locator, NOW) is None
    assert [tries.begin("c-1", OUTSIDE) for _ in range(FAILURES_PER_CASE[OUTSIDE] + 1)] == [True] * FAILURES_PER_CASE[
        OUTSIDE
    ] + [False]
    assert tries.lock("c-1", OUTSIDE) == 2


def test_lifting_a_lock_again_touches_neither_a_later_link_nor_a_later_lock(links: Links, tries: Tries) -> None:
    locked(links, tries)
    tries.lift("c-1", 1)
    tries.begin("c-1", OUTSIDE)
    locator = links.issue("c-1", "holder-1", NOW, NOW)
    tries.lift("c-1", 1)
    assert links.find(locator, NOW) == Link("c-1", "holder-1")
    while tries.begin("c-1", OUTSIDE):
        pass
    tries.lift("c-1", 1)
    assert tries.lock("c-1", OUTSIDE) == 2
    tries.lift("c-1", 2)
    assert tries.lock("c-1", OUTSIDE) is None
    tries.lift("c-1", 1)  # an old form, sent once more
    locked(links, tries)
    assert tries.lock("c-1", OUTSIDE) == 3


def test_lifting_a_lock_of_a_case_without_a_link_leaves_nothing_behind(tries: Tries, table: str) -> None:
    tries.lift("c-9", 1)
    assert stored(table) == []
    assert tries.lock("c-9", OUTSIDE) is None


def test_a_lock_lifted_by_many_at_once_is_lifted_once(
    links: Links, tries: Tries, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked(links, tries)
    with in_parallel(monkeypatch) as pool:
        list(pool.map(lambda _: tries.lift("c-1", 1), range(20)))
    while tries.begin("c-1", OUTSIDE):
        pass
    assert tries.lock("c-1", OUTSIDE) == 2


def in_parallel(monkeypatch: pytest.MonkeyPatch) -> ThreadPoolExecutor:
    """Threads whose single calls are atomic, as DynamoDB's are, and interleave between the calls."""
    lock = Lock()

    def one_at_a_time(original: Any) -> Any:
        def locked(*args: Any, **kwargs: Any) -> Any:
            with lock:
                return original(*args, **kwargs)

        return locked

    for service in ("dynamodb", "kms"):
        used = clients.client(service)
        monkeypatch.setattr(used, "_make_api_call", one_at_a_time(used._make_api_call))
    return ThreadPoolExecutor(8)


def test_guesses_at_the_same_moment_share_the_tries_of_one_code(codes: Codes, monkeypatch: pytest.MonkeyPatch) -> None:
    code = asked(codes)
    looked_at: list[str] = []
    original = Codes._mac

    def counted(self: Codes, case_id: str, purpose: str, salt: str, guess: str) -> str:
        looked_at.append(guess)
        return original(self, case_id, purpose, salt, guess)

    monkeypatch.setattr(Codes, "_mac", counted)
    guesses = [f"{guess:06d}" for guess in range(100) if f"{guess:06d}" != code]
    random.Random(7).shuffle(guesses)
    with in_parallel(monkeypatch) as pool:
        assert not any(pool.map(lambda guess: accepted(codes, guess), guesses))
    assert len(looked_at) == TRIES_PER_CODE
    assert not accepted(codes, code)


def test_the_right_code_sent_many_times_at_once_opens_one_door(
    codes: Codes, tries: Tries, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = asked(codes)
    with in_parallel(monkeypatch) as pool:
        assert sum(pool.map(lambda _: accepted(codes, code), range(20))) == 1
    assert tries.lock("c-1", OUTSIDE) is None


def test_tries_taken_at_the_same_moment_never_exceed_ten(
    codes: Codes, tries: Tries, monkeypatch: pytest.MonkeyPatch
) -> None:
    with in_parallel(monkeypatch) as pool:
        assert sum(pool.map(lambda _: tries.begin("c-1", OUTSIDE), range(50))) == FAILURES_PER_CASE[OUTSIDE]


def test_codes_asked_for_at_the_same_moment_are_three(codes: Codes, monkeypatch: pytest.MonkeyPatch) -> None:
    with in_parallel(monkeypatch) as pool:
        got = list(pool.map(lambda _: codes.new("c-1", Purpose.IDENTITY, "holder", "", NOW), range(20)))
    assert sum(code is not None for code in got) == CODES_PER_HOUR


# --- sessions --------------------------------------------------------------------------------------------------


def test_a_session_ends_after_ten_idle_minutes(sessions: Sessions) -> None:
    session_id = sessions.open("c-1", "en", NOW)
    assert sessions.find(session_id, NOW + IDLE_FOR - SECOND) is not None
    assert sessions.find(session_id, NOW + 2 * IDLE_FOR) is None


def test_a_visit_keeps_a_session_awake_but_no_longer_than_thirty_minutes(sessions: Sessions) -> None:
    session_id = sessions.open("c-1", "en", NOW)
    for minutes in range(5, 30, 5):
        found = sessions.find(session_id, NOW + minutes * MINUTE)
        assert found is not None
        assert found.case_id == "c-1"
    assert sessions.find(session_id, NOW + SESSION_FOR) is None


def test_what_was_typed_is_taken_only_of_a_visit_that_ended_by_its_time_and_for_a_day(sessions: Sessions) -> None:
    idle, old, left = (sessions.open("c-1", "en", NOW) for _ in range(3))
    assert sessions.find_ended(idle, NOW + IDLE_FOR - SECOND) is None, "it goes on"
    found = sessions.find_ended(idle, NOW + IDLE_FOR)
    assert found is not None
    assert found.case_id == "c-1"
    for minutes in range(5, 30, 5):
        assert sessions.find(old, NOW + minutes * MINUTE) is not None
        assert sessions.find_ended(old, NOW + minutes * MINUTE) is None
    assert sessions.find_ended(old, NOW + SESSION_FOR) is not None
    assert sessions.find_ended(old, NOW + DRAFT_FOR) is None
    session = sessions.find(left, NOW)
    assert session is not None
    sessions.end(session)
    assert sessions.find_ended(left, NOW + IDLE_FOR) is None


def test_a_visit_that_an_older_version_stored_has_ended(sessions: Sessions, table: str) -> None:
    session_id = sessions.open("c-1", "en", NOW)
    (item,) = [item for item in stored(table) if item["pk"]["S"].startswith("SESSION#")]
    del item["ends_at"]
    clients.client("dynamodb").put_item(TableName=table, Item=item)
    assert sessions.find(session_id, NOW) is None
    assert sessions.find_ended(session_id, NOW) is not None


def test_a_session_remembers_the_language_and_ends_when_told(sessions: Sessions) -> None:
    session_id = sessions.open("c-1", "en", NOW)
    session = sessions.find(session_id, NOW)
    assert session is not None
    assert session.language == "en"
    sessions.speak(session, "zh-CN")
    spoken = sessions.find(session_id, NOW)
    assert spoken is not None
    assert spoken.language == "zh-CN"
    sessions.end(session)
    assert sessions.find(session_id, NOW) is None
    sessions.speak(session, "en")  # too late, and nothing comes back to life
    assert sessions.find(session_id, NOW) is None


def test_a_session_id_is_random_kept_as_a_hash_and_makes_its_own_form_token(sessions: Sessions, table: str) -> None:
    first, second = sessions.open("c-1", "en", NOW), sessions.open("c-1", "en", NOW)
    assert first != second
    assert first not in str(stored(table))
    assert csrf_token(first) != csrf_token(second)
    assert csrf_token(first) not in str(stored(table))


def test_everything_in_the_table_expires(codes: Codes, sessions: Sessions, deliveries: Deliveries, table: str) -> None:
    asked(codes)
    sessions.open("c-1", "en", NOW)
    deliveries.claim("k-1", NOW, BUSY_FOR)
    kinds = {item["pk"]["S"].split("#")[0]: item for item in stored(table)}
    assert set(kinds) == {"LINK", "CASE", "CODE", "SESSION", "CONTACT"}
    assert all(int(item["expires_at"]["N"]) > NOW.timestamp() for item in kinds.values())


# --- claims ----------------------------------------------------------------------------------------------------


def test_a_message_can_be_claimed_once(deliveries: Deliveries) -> None:
    assert deliveries.claim("k-1", NOW, BUSY_FOR) is Claim.OURS
    assert deliveries.claim("k-1", NOW + MINUTE, BUSY_FOR) is Claim.BUSY
    assert deliveries.claim("k-1", NOW + 3 * MINUTE, BUSY_FOR) is Claim.DOUBTFUL
    assert deliveries.claim("k-2", NOW, BUSY_FOR) is Claim.OURS


def test_a_claim_that_was_given_back_can_be_taken_again(deliveries: Deliveries) -> None:
    assert deliveries.claim("k-1", NOW, BUSY_FOR) is Claim.OURS
    deliveries.give_back("k-1")
    assert deliveries.claim("k-1", NOW, BUSY_FOR) is Claim.OURS


def test_of_many_who_claim_at_once_one_sends(deliveries: Deliveries, monkeypatch: pytest.MonkeyPatch) -> None:
    with in_parallel(monkeypatch) as pool:
        claims = list(pool.map(lambda _: deliveries.claim("k-1", NOW, BUSY_FOR), range(20)))
    assert claims.count(Claim.OURS) == 1
