"""The demo's account is one that billing could hand over, on whatever day the demo runs."""

from datetime import timedelta

from accord import clock
from accord.billing import AccountOverdue, parse
from infra import demo


def test_on_every_day_of_four_years_it_is_taken() -> None:
    for days in range(4 * 366):
        clock.move(timedelta(days=days))
        event = parse(AccountOverdue, demo.overdue_account(clock.today("Asia/Shanghai")))
        assert len(event.account.history) == 4
