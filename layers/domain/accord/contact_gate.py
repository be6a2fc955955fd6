"""The one gate that every contact passes: whether, and from when, a person may be contacted through a channel.

It fails closed: what no rule allows, an unknown time zone and an unknown channel are refused, with the reason.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from accord.errors import RuleMissingError
from accord.holidays import is_holiday
from accord.policy import Holidays, Policy, QuietHours, RulesOfTheDay
from accord.reach import ContactRecord, Party, Reach, facts_for_third_parties
from accord.zones import zone_of

# What stands against a contact and is no rule of the policy: the person's own word.
OPTED_OUT = "opted_out"
_WEEK = timedelta(days=7)
MESSAGES = ("SMS", "EMAIL")
# Each pass lifts one obstacle (a quiet night, a full day, a full week) and may meet the next one.
_MAX_OBSTACLES = 50


# What a contact is about: our own wish that somebody pays, or an answer to what they did.
Purpose = Literal["COLLECTION", "SERVICE"]


@dataclass(frozen=True)
class Ask:
    """A contact that somebody has in mind. `number` says which of the person's numbers, by its place."""

    channel: str  # SMS, EMAIL or CALL
    purpose: Purpose = "COLLECTION"
    party: Party = "DEBTOR"
    number: str = ""
    wished: bool = False  # the person asked for this very contact within the last week


@dataclass(frozen=True)
class Verdict:
    """What the gate says. Refused for good when neither allowed nor `not_before` a moment (in UTC).

    `rule` names what stands against the contact, `rules` everything that was looked at.
    """

    allowed: bool
    rule: str | None
    not_before: datetime | None
    rules: tuple[str, ...]


@dataclass(frozen=True)
class _Cap:
    """At most so many of what was used at these moments, within so many days in a row."""

    rule: str
    most: int
    days: int
    used: list[datetime]


def may_contact(
    policy: Policy, now: datetime, time_zone: str, ask: Ask, standing: Collection[str], reach: Reach
) -> Verdict:
    """Ask whether the debtor, or about a debtor somebody else, may be contacted now.

    Quiet hours and days are those of the debtor's own time zone. `standing` has the case's stop words, `reach` those of
    the person, what they refused and agreed to, and what left or was tried before over all their accounts.
    Raises ValueError when `now` has no offset.
    """
    if now.tzinfo is None:
        raise ValueError("now: a moment without an offset is no moment")
    zone = zone_of(time_zone)
    if zone is None:
        return Verdict(False, "time_zone", None, ())
    rules = policy.on(now.astimezone(zone).date())
    try:
        return _verdict(rules, now.astimezone(UTC), zone, ask, standing, reach)
    except RuleMissingError as error:
        return Verdict(False, str(error), None, rules.used)


def _verdict(
    rules: RulesOfTheDay, now: datetime, zone: ZoneInfo, ask: Ask, standing: Collection[str], reach: Reach
) -> Verdict:
    against = _against(rules, now, zone, ask, standing, reach)
    if against is not None:
        return Verdict(False, against, None, rules.used)
    holidays: Holidays = rules["contact.holidays"]
    resting = holidays.calendar if ask.channel in holidays.closed_to else None
    quiet: QuietHours = rules["contact.quiet_hours_local"]
    per_week: int = rules["contact.max_contacts_rolling_7_days"]
    despite = frozenset(rules["contact.wish_opens"]) if ask.wished else frozenset()
    caps = [cap for cap in _caps(rules, ask, reach.contacts) if cap.rule not in despite]

    first_rule, moment = None, now
    for _ in range(_MAX_OBSTACLES):
        rule, until = _obstacle(moment, zone, quiet, resting, caps, per_week, reach.contacts)
        if rule is None:
            break
        if until is None:
            return Verdict(False, rule, None, rules.used)
        first_rule, moment = first_rule or rule, until
    else:
        return Verdict(False, first_rule, None, rules.used)
    return Verdict(moment == now, first_rule, None if moment == now else moment, rules.used)


def _against(
    rules: RulesOfTheDay, now: datetime, zone: ZoneInfo, ask: Ask, standing: Collection[str], reach: Reach
) -> str | None:
    """What forbids the contact whatever the hour, or None."""
    if ask.party not in get_args(Party) or ask.purpose not in get_args(Purpose):
        return "contact.channels"  # nobody knows who is asked, or why
    if ask.channel not in rules["contact.channels"]:
        return "contact.channels"
    stops = set(rules["contact.stop_on"])
    if ask.purpose == "SERVICE":
        stops -= set(rules["contact.service_despite"])
    if not stops.isdisjoint({*standing, *reach.stops}):
        return "contact.stop_on"
    if ask.party == "THIRD_PARTY":
        # They are asked by a person, of nothing but where the debtor is, and never again once they refused.
        refused = any(record.party == "THIRD_PARTY" and record.status == "REFUSED" for record in reach.contacts)
        facts = facts_for_third_parties(reach, now, zone)
        allowed = facts.intersection(rules["contact.third_party_allowed_when"])
        return None if ask.channel == "CALL" and allowed and not refused else "contact.third_party_allowed_when"
    against = _refused(rules, ask, reach)
    return None if ask.wished and against in rules["contact.wish_opens"] else against


def _refused(rules: RulesOfTheDay, ask: Ask, reach: Reach) -> str | None:
    """Whether the person refused the channel, or did not agree to it where that takes their express word."""
    if ask.channel in reach.opted_out:
        return OPTED_OUT
    if ask.channel in rules["contact.express_consent"] and ask.channel not in reach.consents:
        return "contact.express_consent"
    return None


def _caps(rules: RulesOfTheDay, ask: Ask, history: Sequence[ContactRecord]) -> list[_Cap]:
    """What the policy caps for a channel, by the debtor's calendar days. A rule whose value is null caps nothing."""
    if ask.channel != "CALL":
        messages = "contact.max_messages_per_day"
        return [_Cap(messages, rules[messages], 1, [record.at for record in history if record.channel in MESSAGES])]
    calls = [record for record in history if record.channel == "CALL"]
    conversations = [call.at for call in calls if call.connected and call.party == "DEBTOR"]
    unanswered = [call.at for call in calls if not call.connected and call.number == ask.number]
    caps = [
        _Cap(rule, rules[rule], days, used)
        for rule, days, used in (
            ("contact.max_connected_voice_per_debtor_per_day", 1, conversations),
            ("contact.max_unanswered_attempts_per_number_per_day", 1, unanswered),
            ("contact.max_calls_rolling_7d_per_debt", 7, [call.at for call in calls]),
        )
        if rules[rule] is not None
    ]
    cooldown = "contact.cooldown_after_conversation_days"
    # The day of the conversation is the first of so many without a call.
    return [*caps, _Cap(cooldown, 1, rules[cooldown], conversations)] if rules[cooldown] else caps


def _obstacle(
    moment: datetime,
    zone: ZoneInfo,
    quiet: QuietHours,
    resting: str | None,
    caps: Sequence[_Cap],
    per_week: int,
    history: Sequence[ContactRecord],
) -> tuple[str | None, datetime | None]:
    """What stands against a contact at a moment, and when that ends; (None, None) when nothing does."""
    local = moment.astimezone(zone)
    for cap in caps:
        if cap.most == 0:
            return cap.rule, None
        days_used = sorted(at.astimezone(zone).date() for at in cap.used)
        counted = [day for day in days_used if timedelta(0) <= local.date() - day < timedelta(days=cap.days)]
        if len(counted) >= cap.most:
            return cap.rule, _at_local(counted[-cap.most] + timedelta(days=cap.days), time(0), zone)
    if per_week == 0:
        return "contact.max_contacts_rolling_7_days", None
    recent = sorted(record.at for record in history if record.at > moment - _WEEK)
    if len(recent) >= per_week:
        return "contact.max_contacts_rolling_7_days", (recent[-per_week] + _WEEK).astimezone(UTC)
    if resting is not None and is_holiday(resting, local.date()):
        return "contact.holidays", _at_local(local.date() + timedelta(days=1), time(0), zone)
    until = _quiet_until(local, quiet, zone)
    return ("contact.quiet_hours_local", until) if until is not None else (None, None)


def _quiet_until(local: datetime, quiet: QuietHours, zone: ZoneInfo) -> datetime | None:
    """When the quiet hours end that a local moment lies in, or None when it lies in none."""
    clock = local.time()
    over_midnight = quiet.start > quiet.end
    if over_midnight and clock >= quiet.start:
        return _at_local(local.date() + timedelta(days=1), quiet.end, zone)
    if clock < quiet.end and (over_midnight or clock >= quiet.start):
        return _at_local(local.date(), quiet.end, zone)
    return None


def _at_local(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """The moment (UTC) that a wall clock shows a time. Where clocks change it may be two: the later, to be sure."""
    moments = (datetime.combine(day, clock, zone).replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    return max(moments)
