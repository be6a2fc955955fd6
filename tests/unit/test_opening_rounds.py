"""A new round of an account knows how its last plan ended."""

from datetime import timedelta

import pytest
from billing_events import overdue_event
from builders import NOW

from accord.opening import AccountCases, End, open_case


@pytest.mark.parametrize("known", ["COMPLETED", "BREACHED", None])
def test_a_new_round_knows_how_the_last_plan_ended(known: str | None) -> None:
    """Whatever came after it: offers that were declined undo no plan that was kept."""
    ended = End("DECLINED", NOW - timedelta(days=400))
    before = AccountCases(open_case_id=None, rounds=2, last_end=ended, last_plan=known)
    case = open_case(overdue_event(), before, NOW).case
    assert (case.round, case.plan_before) == (3, known)
