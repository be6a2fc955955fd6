"""Identification: how late, whether something forbids negotiating, who needs extra care."""

import pytest
from builders import TODAY, a_balance, a_case, a_policy, an_account, circumstances, the_policy

from accord.case import Change, Status
from accord.errors import RuleMissingError
from accord.events import CaseIdentified
from accord.identification import bucket, identify


@pytest.mark.parametrize(
    ("days", "name"),
    [(-3, "M0"), (0, "M0"), (1, "M1"), (30, "M1"), (31, "M2"), (60, "M2"), (61, "M3"), (90, "M3"), (91, "M4"),
     (150, "M5"), (151, "M6"), (180, "M6"), (181, "M6+"), (4_000, "M6+")],
)  # fmt: skip
def test_the_bucket_follows_from_the_days_past_due(days: int, name: str) -> None:
    assert bucket(days) == name


def identified(**changes: object) -> Change:
    return identify(a_case(**changes), the_policy(), TODAY)


def test_an_overdue_account_is_negotiated() -> None:
    change = identified()
    assert change.result == {"outcome": "NEGOTIATE"}
    assert change.case.status is Status.IDENTIFIED
    assert change.case.identification is not None
    assert change.case.identification.delinquency_bucket == "M3"
    (event,) = change.events
    assert isinstance(event, CaseIdentified)
    assert (event.exclusion, event.policy_version) == (None, "cn-2026.2")
    assert "identification.exclusions" in event.rules


@pytest.mark.parametrize("flag", ["DECEASED", "BANKRUPT", "FRAUD", "DISPUTED", "MORATORIUM", "SOLD", "CLOSED"])
def test_an_account_in_another_procedure_is_excluded_with_the_reason(flag: str) -> None:
    change = identified(flags=("VULNERABLE", flag))
    assert change.result == {"outcome": "EXCLUDED"}
    assert change.case.identification is not None
    assert change.case.identification.exclusion == flag
    assert change.case.status is Status.IDENTIFIED  # closing is the next step's


@pytest.mark.parametrize(
    ("account", "reason"),
    [
        (
            an_account(balance=a_balance(principal=0, interest=0, penalty_interest=0, late_fees=0, fees=0)),
            "NOTHING_OWED",
        ),
        (an_account(days_past_due=0), "NOT_OVERDUE"),
    ],
)
def test_without_a_debt_that_is_late_there_is_nothing_to_negotiate(account: object, reason: str) -> None:
    change = identified(account=account)
    assert change.result == {"outcome": "EXCLUDED"}
    assert change.case.identification is not None
    assert change.case.identification.exclusion == reason


@pytest.mark.parametrize(
    ("changes", "vulnerable"),
    [
        ({}, False),
        ({"flags": ("VULNERABLE",)}, True),
        ({"circumstances": circumstances(hardship="ILLNESS")}, True),
        ({"circumstances": circumstances(hardship="JOB_LOSS")}, False),
        ({"flags": ("REPRESENTED",)}, False),
    ],
)
def test_who_needs_extra_care_is_noted(changes: dict[str, object], vulnerable: bool) -> None:
    change = identified(**changes)
    assert change.result == {"outcome": "NEGOTIATE"}
    assert change.case.identification is not None
    assert change.case.identification.vulnerable is vulnerable


def test_without_the_rule_nobody_is_identified() -> None:
    with pytest.raises(RuleMissingError, match=r"identification\.exclusions"):
        identify(a_case(), a_policy(identification__exclusions=None), TODAY)


@pytest.mark.parametrize("status", [status for status in Status if status not in (Status.OPENED, Status.IDENTIFIED)])
def test_a_case_that_is_further_already_goes_on_where_it_stands(status: Status) -> None:
    case = a_case(status=status)
    change = identify(case, the_policy(), TODAY)
    assert (change.result, change.case, change.events) == ({"outcome": status.value}, case, ())
