"""Billing's events for tests: one complete sample, with the changes that a test is about."""

import json
from copy import deepcopy
from datetime import datetime, timedelta
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
    detail["account"] |= {"accountId": account_id} | _due_date(detail, account or {}) | (account or {})
    detail["cardholder"] |= {"cardholderId": f"holder-of-{account_id}"} | (cardholder or {})
    for part in (detail["account"], detail["cardholder"]):
        for name in [name for name, value in part.items() if value is None]:
            del part[name]
    return detail


def _due_date(detail: dict[str, Any], account: dict[str, Any]) -> dict[str, str]:
    """The due date that fits the days past due, where a test changes these or the day on which they were told."""
    days = account.get("daysPastDue", detail["account"]["daysPastDue"])
    try:
        due = datetime.fromisoformat(detail["occurredAt"]) - timedelta(days=days)
    except (TypeError, ValueError, OverflowError):  # the test is about just that
        return {}
    return {"oldestUnpaidDueDate": f"{due:%Y-%m-%d}"} if days > 0 and due.year < 2100 else {}


def overdue_event(**changes: Any) -> AccountOverdue:
    """The same, validated."""
    return parse(AccountOverdue, overdue_detail(**changes))
