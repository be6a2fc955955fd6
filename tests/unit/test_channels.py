"""Which way a message takes: what reached the person before, the policy's order, and what the gate opens."""

from datetime import timedelta
from typing import Any

import pytest
from builders import NOW, an_offered_case, the_policy

from accord.case import Case, Status
from accord.channels import Way, history, next_way, request_contact, standing
from accord.policy import load_policy
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
