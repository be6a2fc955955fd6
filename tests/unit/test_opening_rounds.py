"""A new round of an account knows how its last plan ended."""

from datetime import timedelta

import pytest
from billing_events import overdue_event
from builders import NOW

from accord.opening import AccountCases, End, open_case


@pytest.mark.parametrize(("how", "known"), [("COMPLETED", "COMPLETED"), ("BREACHED", "BREACHED"), ("DECLINED", None)])
def test_a_new_round_knows_how_the_last_plan_ended(how: str, known: str | None) -> None:
    before = AccountCases(open_case_id=None, rounds=1, last_end=End(how, NOW - timedelta(days=400)))
    case = open_case(overdue_event(), before, NOW).case
    assert (case.round, case.plan_before) == (2, known)
