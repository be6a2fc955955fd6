"""A complaint is heard at once, makes work for a person, and silences our own wishes."""

from datetime import timedelta

import pytest
from builders import NOBODY_REACHED, NOW, after, an_offered_case, the_policy

from accord.case import Case, Change, Status
from accord.channels import next_way
from accord.complaint import ABOUT, answer_within_days, complain
from accord.errors import DecisionRefusedError
from accord.events import Actor, ContactRequested
from accord.reach import Reach

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
