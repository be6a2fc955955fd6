"""Who may give up how much, and what takes two persons."""

from typing import Any

import pytest
from builders import TODAY, YUAN, a_balance, a_policy, an_offer, the_policy

from accord.authority import check_authority, least_role, needs_four_eyes
from accord.case import Balance
from accord.errors import NotApprovedError, RuleMissingError
from accord.policy import Policy

OWED = a_balance(interest=10_000 * YUAN, penalty_interest=5_000 * YUAN, late_fees=2_000 * YUAN)


def role_for(before: int = 0, policy: Policy | None = None, bucket: str = "M3", **waived: int) -> str | None:
    return least_role(Balance(**waived), OWED, bucket, before, (policy or the_policy()).on(TODAY))


@pytest.mark.parametrize(
    ("waived", "role"),
    [
        ({}, "POLICY"),
        ({"interest": 5_000 * YUAN}, "POLICY"),  # half of it, and exactly the amount
        ({"interest": 5_000 * YUAN + 1}, "LEAD"),
        ({"interest": 8_000 * YUAN}, "LEAD"),
        ({"interest": 8_000 * YUAN + 1}, "MANAGER"),  # above 80 %
        ({"penalty_interest": 2_000 * YUAN + 1}, "LEAD"),
        ({"fees": 1}, "LEAD"),  # the policy by itself gives up no fees
        ({"principal": 1}, None),  # that is a write-off
    ],
)
def test_the_least_role_is_the_first_whose_caps_hold_for_every_component(
    waived: dict[str, int], role: str | None
) -> None:
    assert role_for(**waived) == role


def test_what_was_given_up_before_counts_against_the_twelve_months() -> None:
    assert role_for(interest=1_000 * YUAN) == "POLICY"
    assert role_for(before=9_000 * YUAN, interest=1_000 * YUAN) == "POLICY"
    assert role_for(before=9_000 * YUAN + 1, interest=1_000 * YUAN) == "LEAD"
    assert role_for(before=100_000 * YUAN, interest=1_000 * YUAN) == "MANAGER"
    assert role_for(before=10**9, interest=1_000 * YUAN) is None


def test_a_component_that_the_matrix_does_not_name_is_not_given_up() -> None:
    matrix: dict[str, Any] = {"MANAGER": {"late_fees": {"ALL": {"percent": 100, "amount": 10**9}}}}
    policy = a_policy(authority__concession=matrix)
    assert role_for(policy=policy, late_fees=1) == "MANAGER"
    assert role_for(policy=policy, interest=1) is None
    with pytest.raises(RuleMissingError):
        role_for(policy=a_policy(authority__concession=None), late_fees=1)


def test_much_takes_two_persons() -> None:
    rules = the_policy().on(TODAY)
    assert not needs_four_eyes(Balance(interest=20_000 * YUAN), 0, rules)
    assert needs_four_eyes(Balance(interest=20_000 * YUAN, late_fees=1), 0, rules)
    assert needs_four_eyes(Balance(interest=10_000 * YUAN), 10_000 * YUAN + 1, rules), "given up in parts"
    assert not needs_four_eyes(Balance(), 10**9, rules)


@pytest.mark.parametrize(("role", "may"), [("POLICY", False), ("NEGOTIATOR", False), ("LEAD", True), ("MANAGER", True)])
def test_whoever_approves_needs_the_authority_for_every_offer(role: str, may: bool) -> None:
    offers = [an_offer(approver="POLICY"), an_offer(approver="LEAD")]
    if may:
        check_authority(offers, role)
    else:
        with pytest.raises(NotApprovedError, match="authority of LEAD"):
            check_authority(offers, role)


def test_an_unknown_role_approves_nothing() -> None:
    with pytest.raises(NotApprovedError):
        check_authority([an_offer()], "INTERN")
