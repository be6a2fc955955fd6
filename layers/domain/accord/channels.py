"""Which way a message takes to a person: the best channel that the contact gate opens, when, and the request for it.

The best is the one that reached them before; where none did, the first of the policy's list. What failed twice comes
last. The best time of day is the one at which they were there before, once there is such a habit.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from accord.case import Case, Change, Status
from accord.contact_gate import MESSAGES, Ask, Purpose, Verdict, may_contact
from accord.events import ContactRequested
from accord.messages import purpose_of
from accord.policy import BestTime, Policy
from accord.reach import DID_NOT_ARRIVE, SUCCEEDED, ContactRecord, Reach

_IN_A_PLAN = (Status.ACTIVE, Status.IN_GRACE)
# How far back it is looked whether a channel reaches the person, and from how many failures in a row it does not.
_LOOKED_AT = 5
_GIVEN_UP_AFTER = 2


class Way(NamedTuple):
    """A channel, and what the gate says about it."""

    channel: str
    verdict: Verdict


def standing(case: Case) -> set[str]:
    """The stop words that hold for a case: what billing told of the person and the account, a complaint, a plan."""
    words = set(case.flags)
    if case.complaint == "OPEN":
        words.add("COMPLAINT")
    if case.status in _IN_A_PLAN:
        words.add("PLAN_PERFORMING")
    return words


def history(case: Case, reach: Reach) -> Reach:
    """What left to the person, over all accounts, with what stands in the case alone: older versions kept it there."""
    known = {record.contact_id for record in reach.contacts}
    older = tuple(record for record in case.contacts if record.contact_id not in known)
    return reach.model_copy(update={"contacts": (*older, *reach.contacts)}) if older else reach


def may_reach(case: Case, reach: Reach, ask: Ask, policy: Policy, now: datetime) -> Verdict:
    """What the contact gate says of a contact about a case, with all that is known of the case and the person."""
    return may_contact(policy, now, case.time_zone, ask, standing(case), history(case, reach))


def next_way(case: Case, reach: Reach, purpose: Purpose, policy: Policy, now: datetime) -> Way:
    """The best channel that is open now; else the one that opens first; else the best, with what stands against it."""
    ways = [
        Way(channel, may_reach(case, reach, Ask(channel, purpose), policy, now))
        for channel in _best_first(case, history(case, reach), policy, now)
    ]
    for way in ways:
        if way.verdict.allowed:
            return way
    waiting = [way for way in ways if way.verdict.not_before is not None]
    return min(waiting, key=lambda way: str(way.verdict.not_before), default=ways[0])


def better_moment(
    case: Case, reach: Reach, way: Way, policy: Policy, now: datetime, until: datetime
) -> datetime | None:
    """When a message that could leave now, and that nobody waits for, had better leave; None where now is as good.

    It waits for the best hours of the day (`contact.best_time`). The gate has to be open then as well, and whoever has
    to decide `until` a moment keeps more than half of the time that is left.
    """
    rule, best = _best_time(case, policy, now), best_hours(case, reach, policy, now)
    local = now.astimezone(ZoneInfo(case.time_zone))
    if rule is None or not best or local.hour in best:
        return None
    latest = min(now + timedelta(hours=rule.wait_hours), now + (until - now) // 2)
    moment = local.replace(minute=0, second=0, microsecond=0).astimezone(UTC)
    while (moment := moment + timedelta(hours=1)) < latest:
        is_best = moment.astimezone(local.tzinfo).hour in best
        if is_best and may_reach(case, reach, Ask(way.channel, "COLLECTION"), policy, moment).allowed:
            return moment
    return None


def best_hours(case: Case, reach: Reach, policy: Policy, now: datetime) -> set[int]:
    """The hours of the local day in which the person read, answered or came most often; none where that is no habit.

    An hour beside another counts half for it.
    """
    rule = _best_time(case, policy, now)
    if rule is None:
        return set()
    there = Counter(moment.astimezone(ZoneInfo(case.time_zone)).hour for moment in reach.seen_at)
    beside = {hour: there[(hour - 1) % 24] + there[(hour + 1) % 24] for hour in range(24)}
    habits = [hour for hour in range(24) if there[hour] + beside[hour] >= rule.seen_times]
    weight = {hour: 2 * there[hour] + beside[hour] for hour in habits}
    return {hour for hour in habits if weight[hour] == max(weight.values())}


def _best_time(case: Case, policy: Policy, now: datetime) -> BestTime | None:
    rule: BestTime | None = policy.rule("contact.best_time", now.astimezone(ZoneInfo(case.time_zone)).date())
    return rule


def request_contact(
    case: Case, reach: Reach, template: str, offer_ids: tuple[str, ...], way: Way, now: datetime
) -> tuple[Case, Reach, ContactRequested]:
    """Ask for the message that the gate allowed: the event for its adapter, and where it counts from now on."""
    contact_id = f"{case.case_id}-{case.version + 1}"
    requested = ContactRequested(
        contact_id=contact_id, channel=way.channel, template=template, offer_ids=offer_ids, rules=way.verdict.rules
    )
    record = ContactRecord(
        contact_id=contact_id, channel=way.channel, at=now, template=template, early=case.account.days_past_due <= 0
    )
    contacted = case.model_copy(update={"contacts": (*case.contacts, record)})
    return contacted, history(case, reach).with_contact(record), requested


def acknowledged(
    change: Change, template: str, reach: Reach, policy: Policy, now: datetime, offer_ids: tuple[str, ...] = ()
) -> Change:
    """What the customer did, with a message that it was heard, where one may leave now: the page has said it."""
    known = change.reach if change.reach is not None else reach
    way = next_way(change.case, known, purpose_of(template), policy, now)
    if not way.verdict.allowed:
        return change
    told, counted, requested = request_contact(change.case, known, template, offer_ids, way, now)
    return replace(change, case=told, events=(*change.events, requested), reach=counted)


def noted(change: Change, template: str, reach: Reach, policy: Policy, now: datetime) -> Change:
    """The same for a mere receipt, which must not take the place of news: it leaves only where another message still
    may on the same day.
    """
    after = acknowledged(change, template, reach, policy, now)
    if after.reach is None or next_way(after.case, after.reach, purpose_of(template), policy, now).verdict.allowed:
        return after
    return change


def _best_first(case: Case, reach: Reach, policy: Policy, now: datetime) -> list[str]:
    """The channels by which the person can be written to, the best first; SMS at least, so that somebody says no."""
    today = now.astimezone(ZoneInfo(case.time_zone)).date()
    listed: Sequence[str] = policy.rule("contact.channels", today)
    open_to = [channel for channel in listed if channel in MESSAGES and channel in case.reachable_by]

    def rank(channel: str) -> tuple[bool, int, int]:
        told = [record.status for record in reach.contacts if record.channel == channel and record.status][-_LOOKED_AT:]
        last = told[-_GIVEN_UP_AFTER:]
        given_up = len(last) == _GIVEN_UP_AFTER and all(status in DID_NOT_ARRIVE for status in last)
        return given_up, -sum(status in SUCCEEDED for status in told), listed.index(channel)

    return sorted(open_to, key=rank) or ["SMS"]
