"""Who may give up how much: the bank's authority matrix by role, component and bucket, and what takes two persons."""

from collections.abc import Mapping, Sequence

from accord.case import Balance, Offer
from accord.errors import NotApprovedError
from accord.policy import Cap, RulesOfTheDay

# In the order of their authority. POLICY is what the policy approves by itself.
ROLES = ("POLICY", "NEGOTIATOR", "LEAD", "MANAGER")


def least_role(waived: Balance, owed: Balance, bucket: str, waived_before: int, rules: RulesOfTheDay) -> str | None:
    """The least role that may give up these amounts; None when nobody may.

    `waived_before` (minor units) is what the account was given in the last twelve months.
    """
    total = waived.total
    if total == 0:
        return ROLES[0]
    matrix, cumulative = rules["authority.concession"], rules["authority.cumulative_12_months"]
    for role in ROLES:
        if total + waived_before <= cumulative.get(role, 0) and is_within(matrix.get(role, {}), waived, owed, bucket):
            return role
    return None


def is_within(caps: Mapping[str, Mapping[str, Cap]], waived: Balance, owed: Balance, bucket: str) -> bool:
    """Whether a role's caps, by component and bucket, allow these amounts, whatever was given up before."""
    return all(
        (amount := getattr(waived, part)) == 0
        or (
            (cap := caps.get(part, {}).get(bucket)) is not None
            and amount <= min(getattr(owed, part) * cap.percent // 100, cap.amount)
        )
        for part in Balance.model_fields
    )


def needs_four_eyes(waived: Balance, waived_before: int, rules: RulesOfTheDay) -> bool:
    """Whether two persons have to approve that much, with what the account was given in the last twelve months."""
    return waived.total > 0 and bool(waived.total + waived_before > rules["authority.four_eyes_above"])


def higher(*roles: str) -> str:
    """The one of these roles that has the most authority."""
    return max(roles, key=ROLES.index)


def check_authority(offers: Sequence[Offer], role: str) -> None:
    """Check that a role may approve all of these offers. Raises NotApprovedError that names the role it takes."""
    if role not in ROLES:
        raise NotApprovedError(f"{role} is no role that approves")
    beyond = [offer.approver for offer in offers if ROLES.index(offer.approver) > ROLES.index(role)]
    if beyond:
        raise NotApprovedError(f"it takes the authority of {higher(*beyond)}")
