"""Opening a case: billing's event becomes a case, a person, and the first event of a chain."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import get_args
from zoneinfo import ZoneInfo

from accord.billing import AccountAtRisk, AccountOverdue, AccountStatus
from accord.case import Case, Change, ClosedReason
from accord.errors import InputRejectedError, RuleMissingError
from accord.events import AccountStatusRecorded, Actor, CaseOpened
from accord.figures import figures_of
from accord.identification import exclusion_of
from accord.policy import Policy, jurisdictions, load_policy
from accord.reach import Reach, Word
from accord.zones import zone_of

# What billing may say of an account's standing; of an account one holds at a time, and of a case also its holder's.
GRAVEST_FIRST: tuple[str, ...] = get_args(AccountStatus)
# Civil Code of China Art. 17; England and nearly all of the United States have the same age.
_OF_AGE = 18
STANDINGS = frozenset(GRAVEST_FIRST) - {"NORMAL"}
# Of these, what is true of the account's holder and not of the account; and what takes it back.
_OF_THE_HOLDER = ("DECEASED", "BANKRUPT", "MORATORIUM")
TOLD_OF_THE_HOLDER = (*_OF_THE_HOLDER, "NORMAL")
# Told with an account and true of its holder, until another word takes it back.
_UNTIL_TAKEN_BACK = ("REPRESENTED", "CEASE_CONTACT")
_TAKES_BACK = "CONTACT_AGAIN"
# What stays true of an account or its holder, whether there is a case to hear it or not. All cases of theirs hear it.
HEARD_WITHOUT_A_CASE = STANDINGS.union(_UNTIL_TAKEN_BACK, [_TAKES_BACK])


@dataclass(frozen=True)
class End:
    """How a case ended (its closed reason, or its last status where a plan had begun), and when."""

    how: str
    at: datetime


@dataclass(frozen=True)
class AccountCases:
    """Which cases an account has had."""

    open_case_id: str | None
    rounds: int
    last_end: End | None
    last_case_id: str | None = None  # the one that ended last
    last_plan: str | None = None  # how the last plan ended, COMPLETED or BREACHED, whatever came after it
    waivers: tuple[tuple[datetime, int], ...] = ()  # when a plan began, and what it gave up in minor units
    holders: frozenset[str] = frozenset()  # cardholder ids of its cases, and of whom something was told without one

    def waived_since(self, moment: datetime) -> int:
        """What was given up in plans that began after a moment."""
        return sum(amount for at, amount in self.waivers if at > moment)


NEW_ACCOUNT = AccountCases(open_case_id=None, rounds=0, last_end=None)


def case_id_of(event: AccountOverdue) -> str:
    """The id of the case that this event opens: the same event always names the same case."""
    key = f"{event.account.account_id}\n{event.event_id}".encode()
    return f"c-{hashlib.sha256(key).hexdigest()[:24]}"


def check_acceptable(event: AccountOverdue, now: datetime, judging: Sequence[Policy] = ()) -> None:
    """Refuse what is well formed but not ours to negotiate. Raises InputRejectedError that names the fields.

    The pack that ships for the jurisdiction says what is known, or those of `judging` where others are tried out.
    """
    today = (now + timedelta(hours=14)).date()  # the latest date that it is anywhere on Earth
    check_told_by_now("occurredAt", event.occurred_at, now)
    problems: list[dict[str, str]] = []

    def refuse(field: str, code: str, problem: str) -> None:
        problems.append({"field": field, "code": code, "problem": problem})

    if event.jurisdiction not in jurisdictions():
        refuse("jurisdiction", "NOT_SERVED", f"no policy pack for it; there is one for {', '.join(jurisdictions())}")
    else:
        policies = [one for one in judging if one.jurisdiction == event.jurisdiction]
        policies = policies or [load_policy(event.jurisdiction)]
        policy, hardship = policies[0], event.cardholder.hardship
        if event.account.currency not in policy.currencies:
            allowed = ", ".join(policy.currencies)
            refuse(
                "account.currency",
                "NOT_SERVED",
                f"not a currency of the {policy.jurisdiction} policy; it allows {allowed}",
            )
        known = _hardships(policies, today)
        if hardship is not None and known and hardship not in known:
            refuse(
                "cardholder.hardship",
                "UNKNOWN_HARDSHIP",
                f"not a hardship of the {policy.jurisdiction} policy; it knows {', '.join(known)}",
            )
    if zone_of(event.cardholder.time_zone) is None:
        refuse(
            "cardholder.timeZone",
            "UNKNOWN_TIME_ZONE",
            "not a time zone of the IANA database, for example Asia/Shanghai",
        )
    late = event.account.days_past_due > 0
    if late and isinstance(event, AccountAtRisk):
        refuse("account.daysPastDue", "OVERDUE_ALREADY", "it is overdue already; send AccountOverdue")
    if not late and not isinstance(event, AccountAtRisk):
        refuse(
            "account.daysPastDue",
            "NOT_OVERDUE",
            "0 is not overdue; send AccountAtRisk for an account that may become so",
        )
    due = event.account.oldest_unpaid_due_date
    if due is not None and due > today:
        refuse("account.oldestUnpaidDueDate", "IN_THE_FUTURE", "lies in the future")
    newest = event.account.history[0].month if event.account.history else ""
    if newest > f"{event.occurred_at + timedelta(hours=14):%Y-%m}":
        refuse("account.history", "IN_THE_FUTURE", f"the month {newest} lies after occurredAt")
    if event.account.opened_on > today:
        refuse("account.openedOn", "IN_THE_FUTURE", "lies in the future")
    born = event.cardholder.birth_date
    if born > today:
        refuse("cardholder.birthDate", "IN_THE_FUTURE", "lies in the future")
    elif (today.year - born.year, today.month, today.day) < (_OF_AGE, born.month, born.day):
        refuse("cardholder.birthDate", "NOT_OF_AGE", f"the person is under {_OF_AGE}: no agreement would bind them")
    if problems:
        raise InputRejectedError(problems)


def _hardships(policies: Sequence[Policy], today: date) -> tuple[str, ...]:
    """The hardships that a policy has words for. One that is misspelt would cost somebody the care they need.

    Without the rule nobody knows which words there are: the assessment denies the plan then, and says what is missing.
    """
    words: list[str] = []
    for policy in policies:
        try:
            words += policy.rule("assessment.hardship_months", today)
        except RuleMissingError:
            return ()
    return (*dict.fromkeys(words), "OTHER")


def check_told_by_now(field: str, told_at: datetime, now: datetime) -> None:
    """Refuse what claims to come from the future: nothing that is true later could ever overtake it.

    A day is allowed for clocks that differ. Raises InputRejectedError.
    """
    if told_at > now + timedelta(days=1):
        raise InputRejectedError.of(field, "IN_THE_FUTURE", "lies in the future")


def open_case(event: AccountOverdue, known: AccountCases, now: datetime, sent_at: datetime | None = None) -> Change:
    """A new case from an event that `check_acceptable` let pass; `known` are the account's cases before it.

    `sent_at` is when the event was sent; now, where it came past the bus.
    """
    figures = figures_of(event, sent_at or now)
    account = figures.account
    case = Case(
        case_id=case_id_of(event),
        account_id=account.account_id,
        cardholder_id=event.cardholder.cardholder_id,
        round=known.rounds + 1,
        jurisdiction=event.jurisdiction,
        time_zone=event.cardholder.time_zone,
        language=event.cardholder.language,
        opened_at=now,
        at_risk=figures.at_risk,
        plan_before=known.last_plan,
        waived_before=known.waived_since(now - timedelta(days=365)),
        account=account,
        figures_at=figures.told_at,
        reachable_by=figures.reachable_by,
        told=(figures.told_at, figures.sent_at, figures.event_id),
        means_told=figures.means_told,
        late_told=figures.late_told,
        risk_told=figures.risk_told,
        flags=tuple(sorted(set(event.cardholder.flags) - {"NORMAL", _TAKES_BACK})),
        circumstances=figures.circumstances,
    )
    opened = CaseOpened(
        round=case.round,
        jurisdiction=case.jurisdiction,
        currency=account.currency,
        balance=account.balance.total,
        days_past_due=account.days_past_due,
    )
    return Change(case, (opened,), Actor(kind="BILLING", id=event.event_id), {"case_id": case.case_id})


def is_too_soon(case: Case, last_end: End | None, policy: Policy, now: datetime) -> bool:
    """Whether a new round has to wait: billing hands an account over night by night, and who declined is left in peace.

    What was excluded may come at once when the reason has gone.
    """
    if last_end is None:
        return False
    rules = policy.on(now.astimezone(ZoneInfo(case.time_zone)).date())
    if last_end.how == ClosedReason.EXCLUDED and exclusion_of(case, rules) is None:
        return False
    return now < last_end.at + timedelta(days=rules["negotiation.new_round_after_days"][last_end.how])


def standing_of(event: AccountOverdue) -> str | None:
    """What the event says of the account's standing, of several the gravest; None when it says nothing."""
    return min(STANDINGS.intersection(event.cardholder.flags), key=GRAVEST_FIRST.index, default=None)


def with_words(case: Case, standing: str | None, reach: Reach, flags: Iterable[str] = ()) -> Case:
    """The case with what is known by now of its account and, with whichever account it was told, of its person.

    `standing` is the account's present one, None where it is nothing special. Of `flags`, and of what the case has,
    that stays which no other word takes back.
    """
    stays = {*case.flags, *flags} - STANDINGS - {"NORMAL", _TAKES_BACK, *_UNTIL_TAKEN_BACK}
    known = stays | (reach.stops - {"COMPLAINT"}) | ({standing} if standing else set())
    return case.model_copy(update={"flags": tuple(sorted(known))})


def with_flags_told(reach: Reach, event: AccountOverdue) -> Reach:
    """What is known of a person after an event's flags."""
    flags = set(event.cardholder.flags)
    for name in _UNTIL_TAKEN_BACK:
        word = name if name in flags else _TAKES_BACK if _TAKES_BACK in flags else None
        if word is not None:
            told = Word(kind=name, word=word, account_id=event.account.account_id, at=event.occurred_at)
            reach = reach.hearing(told, lighter={_TAKES_BACK})
    for standing in sorted(flags.intersection(_OF_THE_HOLDER), key=GRAVEST_FIRST.index)[:1]:
        reach = with_standing_told(reach, event.account.account_id, standing, event.occurred_at)
    return reach


def with_words_of(reach: Reach, other: Reach, account_id: str) -> Reach:
    """What is known of a person after what was told with an account of theirs while it was another's."""
    for word in other.words:
        if word.account_id == account_id and word.kind in _UNTIL_TAKEN_BACK:
            reach = reach.hearing(word, lighter={_TAKES_BACK})
    return reach


def with_standing_told(reach: Reach, account_id: str, standing: str, at: datetime) -> Reach:
    """What is known of a person after a word on the standing of one of their accounts; NORMAL takes one back.

    What is true of the account alone takes nothing back: it is closed, or sold, because its holder died.
    """
    if standing not in TOLD_OF_THE_HOLDER:
        return reach
    lighter = GRAVEST_FIRST[GRAVEST_FIRST.index(standing) + 1 :]
    return reach.hearing(Word(kind="STANDING", word=standing, account_id=account_id, at=at), lighter)


def note_words(case: Case, standing: str | None, reach: Reach, event_id: str, flags: Iterable[str] = ()) -> Change:
    """What billing says reaches a case that is under way: who asks for no contact, say, is heard at once.

    What an event does not repeat stays: a row without a flag takes nothing back. `standing`, `reach` and `flags` as in
    `with_words`: the newest that was ever said, which need not be what the event said, since events may overtake.
    """
    after = with_words(case, standing, reach, flags)
    before, now = set(case.flags), set(after.flags)
    words = sorted(now - before)
    for kind, taken_back in ((STANDINGS, "NORMAL"), (frozenset(_UNTIL_TAKEN_BACK), _TAKES_BACK)):
        if (before - now) & kind and not (now - before) & kind:
            words += [taken_back, *sorted(now & kind)]  # what still stands is said again
    recorded = tuple(AccountStatusRecorded(status=word) for word in words)
    return Change(after, recorded, Actor(kind="BILLING", id=event_id))
