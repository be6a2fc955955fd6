"""Billing's events for tests: one complete sample, with the changes that a test is about."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

from accord.billing import AccountOverdue, parse

_SAMPLE = json.loads((Path(__file__).parent / "fixtures" / "account_overdue.json").read_text(encoding="utf-8"))


def overdue_detail(
    event_id: str = "evt-0001",
    account_id: str = "acct-0001",
    account: dict[str, Any] | None = None,
    cardholder: dict[str, Any] | None = None,
    **changes: Any,
) -> dict[str, Any]:
    """The detail of an AccountOverdue event, as JSON has it. A change to None leaves the field out."""
    detail: dict[str, Any] = deepcopy(_SAMPLE) | {"eventId": event_id} | changes
    detail["account"] |= {"accountId": account_id} | (account or {})
    detail["cardholder"] |= {"cardholderId": f"holder-of-{account_id}"} | (cardholder or {})
    for part in (detail["account"], detail["cardholder"]):
        for name in [name for name, value in part.items() if value is None]:
            del part[name]
    return detail


def overdue_event(**changes: Any) -> AccountOverdue:
    """The same, validated."""
    return parse(AccountOverdue, overdue_detail(**changes))
