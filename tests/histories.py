"""`make contacts`: random histories of contact through the gate, each held against the rules by a slow oracle.

Whoever keeps asking, at any moment and by any channel, is let through as often as the rules allow and never once more.
The oracle looks at a whole history afterwards and knows nothing of how the gate decides.
"""

import sys
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from exact import Chunk, DisagreementError, command

from accord.contact_gate import Ask, may_contact
from accord.holidays import is_holiday
from accord.policy import Policy, load_policy
from accord.reach import ContactRecord, Reach

ZONES = (
    "Asia/Shanghai", "America/New_York", "Europe/London", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Chatham",
    "America/St_Johns", "Pacific/Apia", "Africa/Casablanca", "Asia/Kolkata", "UTC",
)  # fmt: skip
# Around changes of the clocks, golden weeks, new years, and anywhere.
STARTS = [
    datetime(2026, 3, 6, tzinfo=UTC), datetime(2026, 3, 26, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC),
    datetime(2026, 10, 22, tzinfo=UTC), datetime(2026, 10, 30, tzinfo=UTC), datetime(2026, 12, 28, tzinfo=UTC),
    datetime(2027, 2, 3, tzinfo=UTC), datetime(2027, 6, 15, tzinfo=UTC),
]  # fmt: skip
STANDINGS = ((), (), (), (), ("VULNERABLE",), ("COMPLAINT",), ("PLAN_PERFORMING",), ("DISPUTED",), ("CEASE_CONTACT",))


def random_history(random: Random) -> str:
    """One history. Raises DisagreementError where a contact was let through that a rule forbids, or the gate lied."""
    policy = load_policy(random.choice(("CN", "UK", "US")))
    zone = random.choice(ZONES)
    now = random.choice(STARTS) + timedelta(minutes=random.randrange(7 * 24 * 60))
    reach = Reach(
        cardholder_id="h-1", opted_out=random.choice(((), (), ("SMS",))), consents=random.choice(((), ("EMAIL",)))
    )
    pace = random.choice((60, 300, 1_500, 4_000))  # minutes between two tries, at most
    asked: list[tuple[Ask, tuple[str, ...]]] = []
    for number in range(random.randrange(1, 30)):
        ask = Ask(
            random.choice(("SMS", "EMAIL", "CALL", "CALL")),
            random.choice(("COLLECTION", "COLLECTION", "SERVICE")),
            random.choice(("DEBTOR",) * 9 + ("THIRD_PARTY",)),
            random.choice(("1", "1", "2")),
        )
        standing = random.choice(STANDINGS)
        verdict = may_contact(policy, now, zone, ask, standing, reach)
        if verdict.not_before is not None:
            if verdict.allowed or verdict.not_before <= now:
                raise DisagreementError(f"not before {verdict.not_before}, asked at {now}: that is no wait")
            moment_before = verdict.not_before - timedelta(seconds=1)
            if moment_before > now and may_contact(policy, moment_before, zone, ask, standing, reach).allowed:
                raise DisagreementError(f"not before {verdict.not_before}, asked at {now}: it was open earlier")
            if random.random() < 0.5:  # come back in the very moment that the gate named
                now = verdict.not_before
                again = may_contact(policy, now, zone, ask, standing, reach)
                if not again.allowed:
                    raise DisagreementError(f"not before {now}, and then {again.rule}")
                verdict = again
        if verdict.allowed:
            connected = ask.channel == "CALL" and random.random() < 0.4
            status = "ANSWERED" if connected else random.choice((None, "NO_ANSWER", "FAILED", "WRONG_PERSON"))
            record = ContactRecord(
                contact_id=str(number), channel=ask.channel, at=now, template="t", connected=connected,
                party=ask.party, number=ask.number, status=status if ask.channel == "CALL" else None,
            )  # fmt: skip
            before = reach
            reach = reach.with_contact(record)
            asked.append((ask, standing))
            check(policy, zone, before, record, ask, standing)
        now += timedelta(minutes=random.randrange(1, pace))
    return f"histories of {policy.jurisdiction} with {'a contact' if asked else 'none'}"


def check(policy: Policy, zone: str, before: Reach, made: ContactRecord, ask: Ask, standing: tuple[str, ...]) -> None:
    """Hold a contact that was let through against every rule, by what had happened until then."""
    local = made.at.astimezone(ZoneInfo(zone))
    rules = policy.on(local.date())

    def never(broken: bool, rule: str) -> None:
        if broken:
            raise DisagreementError(f"{rule}: {made} at {local} after {before.contacts}, standing {standing}")

    quiet = rules["contact.quiet_hours_local"]
    never(local.time() >= quiet.start or local.time() < quiet.end, "quiet hours")
    holidays = rules["contact.holidays"]
    never(made.channel in holidays.closed_to and is_holiday(holidays.calendar, local.date()), "a holiday")
    stops = set(rules["contact.stop_on"])
    if ask.purpose == "SERVICE":
        stops -= {"COMPLAINT", "PLAN_PERFORMING"}
    never(bool(stops & set(standing)), "a stop")
    if made.party == "DEBTOR":
        never(made.channel in before.opted_out, "refused")
        never(made.channel in rules["contact.express_consent"] and made.channel not in before.consents, "no consent")
    else:
        never(made.channel != "CALL" or not rules["contact.third_party_allowed_when"], "third parties")
    told = [*before.contacts, made]
    week = [record for record in told if made.at - timedelta(days=7) < record.at]
    never(len(week) > rules["contact.max_contacts_rolling_7_days"], "contacts a week")
    days = [(record, day_of(record, zone)) for record in told]
    today = local.date()
    if made.channel != "CALL":
        messages = [record for record, day in days if day == today and record.channel != "CALL"]
        never(len(messages) > rules["contact.max_messages_per_day"], "messages a day")
        return
    calls = [(record, day) for record, day in days if record.channel == "CALL"]
    at_most(never, rules["contact.max_calls_rolling_7d_per_debt"], [day for _, day in calls], today, 7, "calls a week")
    # The cap on what was answered is asked before the phone rings: whoever was reached that often is left in peace.
    talked = [day for record, day in calls if record.connected and record.party == "DEBTOR" and record is not made]
    most = rules["contact.max_connected_voice_per_debtor_per_day"]
    never(most is not None and talked.count(today) >= most, "conversations a day")
    rang = [
        day for record, day in calls if not record.connected and record.number == made.number and record is not made
    ]
    most = rules["contact.max_unanswered_attempts_per_number_per_day"]
    never(most is not None and rang.count(today) >= most, "unanswered calls a day")
    rest = rules["contact.cooldown_after_conversation_days"]
    never(rest is not None and any((today - day).days < rest for day in talked), "the rest after a conversation")


def at_most(never: Any, most: int | None, on: list[date], today: date, days: int, rule: str) -> None:
    if most is not None:
        never(sum((today - day).days < days for day in on) > most, rule)


def day_of(record: ContactRecord, zone: str) -> date:
    return record.at.astimezone(ZoneInfo(zone)).date()


class Histories(Chunk):
    """A part of the run."""

    def run(self) -> Counter[str]:
        return self.compare(lambda random: random_history)


if __name__ == "__main__":
    sys.exit(command(str(__doc__), Histories, 100_000))
