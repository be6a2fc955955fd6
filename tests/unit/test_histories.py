"""Random histories through the contact gate agree with a slow oracle; `make contacts` makes a hundred thousand."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from exact import DisagreementError
from histories import Histories

from accord import contact_gate


def test_no_history_has_a_contact_that_a_rule_forbids() -> None:
    seen = Histories(seed=11, first=0, count=400).run()
    assert seen.total() == 400
    assert {kind.split()[2] for kind in seen} == {"CN", "UK", "US"}


def in_utc(day: date, clock: time, _: Any) -> datetime:
    return datetime.combine(day, clock, UTC)


@pytest.mark.parametrize(
    ("part", "instead", "rule"),
    [
        ("_quiet_until", lambda *_: None, "quiet hours"),
        ("_caps", lambda *_: [], "messages a day|calls|a day|the rest"),
        ("is_holiday", lambda *_: False, "a holiday"),
        ("_against", lambda *_: None, "a stop|refused|no consent|third parties"),
        ("_WEEK", timedelta(days=6), "contacts a week"),
        ("_at_local", in_utc, "it was open earlier|that is no wait|and then"),
    ],
)  # fmt: skip
def test_a_gate_that_forgets_a_rule_is_seen(
    monkeypatch: pytest.MonkeyPatch, part: str, instead: Any, rule: str
) -> None:
    monkeypatch.setattr(contact_gate, part, instead)
    with pytest.raises(DisagreementError, match=rule):
        Histories(seed=11, first=0, count=3_000).run()
