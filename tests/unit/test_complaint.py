"""A complaint is heard at once, makes work for a person, and silences our own wishes."""

from datetime import datetime, timedelta

import pytest
from builders import NOBODY_REACHED, NOW, after, an_offered_case, the_policy

from accord import staff
from accord.case import Case, Change, Status
from accord.channels import next_way
from accord.complaint import ABOUT, answer_within_days, complain
from accord.errors import DecisionRefusedError
from accord.events import Actor, ContactRequested
from accord.lifecycle import remind
from accord.reach import Reach, Word

CUSTOMER = Actor(kind="CUSTOMER", id="visit-1")
NIGHT = NOW.replace(hour=15)  # 23:00 in Shanghai


def complained(case: Case | None = None, about: str = "CONDUCT", reach: Reach = NOBODY_REACHED) -> Change:
    return complain(case or an_offered_case(), reach, about, the_policy(), CUSTOMER, NOW)


@pytest.mark.parametrize("about", ABOUT)
def test_a_complaint_is_work_for_a_person_with_the_policys_day(about: str) -> None:
    change = complained(about=about)
    (task,) = change.tasks
    assert (task.kind, task.facts, task.due_at) == ("COMPLAINT", {"about": about}, NOW + timedelta(days=15))
    assert change.case.complaint_answer_by == task.due_at
    assert answer_within_days(the_policy(), change.case, NOW) == 15


@pytest.mark.parametrize("status", [Status.INVITED, Status.SIGNED, Status.ACTIVE, Status.CLOSED])
def test_whatever_the_case_is_at_a_message_says_that_it_was_heard(status: Status) -> None:
    change = complained(an_offered_case().model_copy(update={"status": status}))
    requested = change.events[-1]
    assert isinstance(requested, ContactRequested)
    assert (requested.template, requested.offer_ids) == ("COMPLAINT_NOTED", ())
    assert change.reach is not None
    assert change.reach.contacts == change.case.contacts


def test_by_night_the_page_alone_says_it() -> None:
    change = complain(an_offered_case(), NOBODY_REACHED, "OTHER", the_policy(), CUSTOMER, NIGHT)
    assert [type(event).__name__ for event in change.events] == ["ComplaintRaised", "StaffTaskCreated"]
    assert change.case.complaint == "OPEN"


def test_our_own_wishes_are_silent_until_it_is_answered() -> None:
    case = after(complained())
    assert next_way(case, NOBODY_REACHED, "COLLECTION", the_policy(), NOW).verdict.rule == "contact.stop_on"
    assert next_way(case, NOBODY_REACHED, "SERVICE", the_policy(), NOW).verdict.allowed


def test_one_complaint_at_a_time_about_something_on_the_list() -> None:
    with pytest.raises(DecisionRefusedError, match="ALREADY_COMPLAINED"):
        complained(after(complained()))
    with pytest.raises(DecisionRefusedError, match="REASON"):
        complained(about="in their own words")


# --- while it is looked at, and afterwards ----------------------------------------------------------------------


def invited(**changes: object) -> Case:
    return an_offered_case().moved(Status.INVITED, **changes)


def answered(case: Case, outcome: str, now: datetime) -> Change:
    complained_at = complain(case, NOBODY_REACHED, "AMOUNT", the_policy(), CUSTOMER, NOW)
    reach = complained_at.reach or NOBODY_REACHED
    (task,) = complained_at.tasks
    return staff.decide(after(complained_at), task, [task], reach, outcome, "mei", "LEAD", the_policy(), now)


def test_nobodys_time_runs_out_while_a_complaint_of_theirs_is_looked_at() -> None:
    case = invited()
    late = case.offers[0].valid_until + timedelta(days=1)
    assert remind(case, NOBODY_REACHED, the_policy(), late).result == {"outcome": "EXPIRED"}
    assert remind(after(complained(case)), NOBODY_REACHED, the_policy(), late).result == {"outcome": "WAIT"}


def test_it_is_so_whichever_of_their_accounts_they_complained_about() -> None:
    case, word = invited(), Word(kind="COMPLAINT", word="COMPLAINT", account_id="another", at=NOW)
    late = case.offers[0].valid_until + timedelta(days=1)
    assert remind(case, NOBODY_REACHED.hearing(word), the_policy(), late).result == {"outcome": "WAIT"}


def test_offers_that_ran_out_meanwhile_are_worked_out_anew_when_it_is_answered() -> None:
    late = invited().offers[0].valid_until + timedelta(hours=12)
    decision = answered(invited(), "UPHELD", late).case.decision
    assert decision is not None
    assert (decision.by, decision.kind) == ("CUSTOMER", "NEW_FIGURES"), "which leads back to the assessment"
    assert answered(invited(), "UPHELD", NOW).case.decision is None, "they still stand"
    soon = invited().offers[0].valid_until - timedelta(hours=5)
    assert answered(invited(), "UPHELD", soon).case.decision is not None, "hours are no time to decide"
    signed = answered(an_offered_case().model_copy(update={"status": Status.SIGNED}), "UPHELD", late)
    assert signed.case.decision is None


@pytest.mark.parametrize(
    ("outcome", "told"),
    [("UPHELD", True), ("UPHELD_IN_PART", True), ("NOT_UPHELD", True), ("WITHDRAWN_BY_CUSTOMER", False)],
)
def test_who_complained_hears_that_it_was_answered(outcome: str, told: bool) -> None:
    change = answered(invited(), outcome, NOW + timedelta(days=2))
    assert change.case.complaint == "CLOSED"
    sent = [event.template for event in change.events if isinstance(event, ContactRequested)]
    assert sent == (["COMPLAINT_ANSWERED"] if told else [])
