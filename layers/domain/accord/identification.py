"""Identification: how late and how likely so, what forbids negotiating, who needs extra care, and which treatment."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from accord.case import Account, Case, Change, Identification, Status
from accord.early_warning import EarlyWarning, early_warning, load_card
from accord.events import Actor, CaseIdentified
from accord.policy import Policy, RulesOfTheDay

_STEP = Actor(kind="SYSTEM", id="identify")
_DAYS_A_BUCKET = 30
_LAST_BUCKET = 6
_IN_ORDER = ("NOTHING_OWED", "NOT_OVERDUE", "NOT_AT_RISK")


def bucket(days_past_due: int) -> str:
    """The delinquency bucket: M0 not overdue, M1 1-30 days, … M6 151-180 days, M6+ above (convention of the field)."""
    if days_past_due <= 0:
        return "M0"
    number = (days_past_due + _DAYS_A_BUCKET - 1) // _DAYS_A_BUCKET
    return f"M{number}" if number <= _LAST_BUCKET else f"M{_LAST_BUCKET}+"


def segment(owed: int, rules: RulesOfTheDay) -> str:
    """The segment of an account by what it owes in minor units: the first whose bound lies above, else the last."""
    segments = rules["identification.segments"]
    named = [one.name for one in segments if one.owed_below is None or owed < one.owed_below]
    return str(named[0] if named else segments[-1].name)


def pd_of(account: Account) -> tuple[int | None, tuple[str, ...]]:
    """How likely the account misses its next payment, in parts per million, and why; None where nobody can tell."""
    warning = early_warning(account, load_card())
    if not isinstance(warning, EarlyWarning):
        return None, ()
    return warning.pd_ppm, tuple(reason.code for reason in warning.reasons)


def is_at_risk(pd_ppm: int | None, rules: RulesOfTheDay) -> bool:
    """Whether somebody who is not late yet is offered help. Unknown is not no risk: billing has said that there is."""
    return pd_ppm is None or pd_ppm >= rules["identification.early_contact_pd_ppm"]


def exclusion_of(case: Case, rules: RulesOfTheDay) -> str | None:
    """Why the account may not be negotiated about: its standing, or nothing that is owed and late; else None."""
    standing = [reason for reason in rules["identification.exclusions"] if reason in case.flags]
    if standing:
        return str(standing[0])
    if case.account.balance.total == 0:
        return "NOTHING_OWED"
    if case.account.days_past_due > 0:
        return None
    if not case.at_risk:
        return "NOT_OVERDUE"
    if case.status not in (Status.OPENED, Status.IDENTIFIED):  # help that has begun stays until something is late
        return None
    return None if is_at_risk(pd_of(case.account)[0], rules) else "NOT_AT_RISK"


def identify(case: Case, policy: Policy, now: datetime) -> Change:
    """Who the cardholder is to us now.

    Outcomes: NEGOTIATE; WATCH (with `wait_seconds`: so little late and so unlikely to stay so that it is only watched
    first); CURED and EXCLUDED (the workflow then closes the case). A case that is further already belonged to an
    execution that stopped: the outcome is then its status, or SEALED for a signed agreement that has its document, or
    OFFERED where the customer sees the offers and waits for the message about them; the workflow goes on from there.
    """
    if case.status not in (Status.OPENED, Status.IDENTIFIED):
        # The review that nobody did has all its time again.
        again = case.model_copy(update={"review_escalations": 0})
        return Change(again, (), _STEP, {"outcome": _stands_at(case)})
    zone = ZoneInfo(case.time_zone)
    today = now.astimezone(zone).date()
    identification, days_to_watch = identified(case, policy.on(today), today)
    found = CaseIdentified(**identification.model_dump(), policy_version=policy.version)
    result: dict[str, object] = {"outcome": ending(case, identification) or "NEGOTIATE"}
    if days_to_watch:
        until = datetime.combine(today + timedelta(days=days_to_watch), time(), zone)
        result = {"outcome": "WATCH", "wait_seconds": int((until - now).total_seconds()) + 1}
    after = case.moved(Status.IDENTIFIED, identification=identification)
    return Change(after, (found,), _STEP, result)


def _stands_at(case: Case) -> str:
    if case.status is Status.SIGNED and case.agreement is not None and case.agreement.document_key:
        return "SEALED"
    return Status.OFFERED if case.status is Status.NEGOTIATING and case.untold else case.status


def ending(case: Case, identification: Identification, *, again: bool = False) -> str | None:
    """How the case ends here: EXCLUDED, or CURED where billing said since it came to us that it is in order.

    It did where it is known `again`, or where nothing is late of an account that came to us because something was.
    """
    if identification.exclusion is None:
        return None
    known_late = again or (case.account.days_past_due <= 0 and not case.at_risk)
    return "CURED" if known_late and identification.exclusion in _IN_ORDER else "EXCLUDED"


def identified(case: Case, rules: RulesOfTheDay, today: date) -> tuple[Identification, int]:
    """Who the cardholder is by what is known on a day, and for how many days the account is only watched."""
    exclusion = exclusion_of(case, rules)
    hardships = {case.circumstances.hardship, case.circumstances.hardship_on_record}
    vulnerable = "VULNERABLE" in case.flags or not hardships.isdisjoint(rules["identification.vulnerable_hardships"])
    pd_ppm, reasons = pd_of(case.account)
    days_to_watch = _days_to_watch(case, pd_ppm, today, rules)
    treatment = _treatment(case, exclusion, vulnerable, days_to_watch)
    identification = Identification(
        delinquency_bucket=bucket(case.account.days_past_due),
        segment=segment(case.account.balance.total, rules),
        treatment=treatment,
        exclusion=exclusion,
        vulnerable=vulnerable,
        pd_ppm=pd_ppm,
        pd_reasons=reasons,
        rules=rules.used,
    )
    return identification, days_to_watch if treatment == "SELF_CURE_WATCH" else 0


def _treatment(case: Case, exclusion: str | None, vulnerable: bool, days_to_watch: int) -> str:
    """What is done about the account: care before watching, and help before collection."""
    if exclusion:
        return "NONE"
    if vulnerable:
        return "SPECIALIST_DESK"
    if days_to_watch:
        return "SELF_CURE_WATCH"
    return "NEGOTIATION" if case.account.days_past_due > 0 else "EARLY_CONTACT"


def _days_to_watch(case: Case, pd_ppm: int | None, today: date, rules: RulesOfTheDay) -> int:
    """How many days an account is only watched, because most who are so little late pay by themselves."""
    watch = rules["identification.watch"]
    if case.account.days_past_due <= 0 or pd_ppm is None or pd_ppm >= watch.pd_below_ppm:
        return 0
    since = (today - case.opened_at.astimezone(ZoneInfo(case.time_zone)).date()).days
    days: int = watch.days_past_due_up_to + 1 - (case.account.days_past_due + since)
    return max(0, days)
