"""Locked pages: ten wrong tries, a person confirms who is there, and the customer comes in again by a new link."""

import re
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from integration.console import NEGOTIATION, Console, address
from integration.web_fixtures import LAST4, ORIGIN, Browser, Page, Web, web_on_moto
from loading import load_app

from accord.aws.access import FAILURES_PER_CASE, Purpose
from accord.case import Case, ClosedReason, StaffTask, Status
from accord.errors import ServiceUnavailableError
from accord.events import announcement, verify_chain
from accord.lifecycle import close

CONFIRMED = {"choice": "IDENTITY_CONFIRMED"}


class World(SimpleNamespace):
    """The customer's pages, the staff pages and the delivery of messages, on the same tables."""

    web: Web
    console: Console
    delivery: ModuleType

    def locked(self, case: Case, link: str) -> None:
        """Ten wrong tries by that link."""
        browser = self.web.browser()
        for _ in range(FAILURES_PER_CASE[Purpose.IDENTITY]):
            assert browser.post(link, {"last4": "0000"}).status == 403
        assert self.web.app.tries.lock(case.case_id, Purpose.IDENTITY) is not None

    def task(self, case: Case) -> StaffTask:
        """The one open task about the lock."""
        open_tasks = [task for task in self.web.cases.tasks(case.case_id) if task.outcome is None]
        (task,) = (task for task in open_tasks if task.kind == "UNLOCK_ACCESS")
        return task

    def settle(self, task: StaffTask, choice: str = "IDENTITY_CONFIRMED") -> tuple[int, str]:
        """A member of staff records what came of it."""
        status, html, _ = self.console.ask(address(task), {"choice": choice})
        return status, html

    def deliver(self, case: Case) -> str:
        """Deliver the last message that was asked for; the link in the last text message that left."""
        requested = [event for event in self.web.cases.events(case.case_id) if event.type == "ContactRequested"]
        contact = self.delivery.Contact.model_validate(announcement(requested[-1]))
        self.outcome = self.delivery.messenger.deliver(contact, self.web.now)
        found = re.search(r"/c/[\w-]{43}", self.web.sms()[-1]) if self.web.sms() else None
        return found[0] if found else ""

    def comes_in(self, link: str) -> Page:
        """The customer types the last four and the code; the page that this leads to."""
        browser = self.web.browser()
        code = browser.post(link, {"last4": LAST4})
        assert code.path.endswith("/code"), code.text
        return browser.submit(code, code=self.web.last_code())

    def happened(self, case: Case) -> list[str]:
        events = list(self.web.cases.events(case.case_id))
        now = self.web.cases.get(case.case_id)
        verify_chain(events, now.head, now.version)
        return [event.type for event in events]


@pytest.fixture(scope="module")
def made() -> Iterator[World]:
    with web_on_moto() as web, pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEGOTIATION_ARN", NEGOTIATION)
        console = Console(web.cases, ORIGIN)
        yield World(web=web, console=console, delivery=load_app("deliver_contact"))


@pytest.fixture
def world(made: World) -> World:
    made.web.clear()
    return made


def refused(world: World, link: str) -> bool:
    browser: Browser = world.web.browser()
    return browser.post(link, {"last4": LAST4}).status == 403


def test_ten_wrong_tries_a_confirmed_identity_and_the_customer_is_in_again_by_a_new_link(world: World) -> None:
    case = world.web.invited()
    old = world.web.link(case)
    world.locked(case, old)
    assert refused(world, old)
    task = world.task(case)
    html = world.console.ask(address(task))[1]
    assert "The pages are locked after too many failed tries (lock 1 of this case)." in html
    assert "It is the customer: unlock and send a new link" in html
    assert world.settle(task)[0] == 303
    assert world.happened(case)[-3:] == ["AccessUnlocked", "ContactRequested", "StaffTaskClosed"]
    assert refused(world, old)  # it may be in other hands
    assert world.web.app.tries.lock(case.case_id, Purpose.IDENTITY) is None
    new = world.deliver(case)
    assert world.outcome == "SENT"
    assert new != old
    assert "旧链接已失效" in world.web.sms()[-1]
    assert refused(world, old)
    assert world.comes_in(new).path == "/my/offers"


def test_the_same_form_again_changes_nothing_and_leaves_the_new_link_alone(world: World) -> None:
    case = world.web.invited()
    world.locked(case, world.web.link(case))
    task = world.task(case)
    assert [world.settle(task)[0] for _ in range(2)] == [303, 303]
    link = world.deliver(case)
    happened = world.happened(case)
    assert world.settle(task)[0] == 303
    colleague = world.console.ask(address(task), CONFIRMED, arn="arn:aws:iam::123456789012:user/lei")
    assert colleague[0] == 409
    assert world.happened(case) == happened
    world.deliver(case)
    assert len(world.web.sms()) == 1
    assert world.comes_in(link).path == "/my/offers"


def test_a_second_lock_waits_for_its_own_decision(world: World) -> None:
    case = world.web.invited()
    world.locked(case, world.web.link(case))
    first = world.task(case)
    world.settle(first)
    world.web.later(days=1)
    link = world.deliver(case)
    world.locked(case, link)
    assert world.happened(case).count("AccessLocked") == 2
    second = world.task(case)
    assert (second.task_id != first.task_id, second.facts) == (True, {"lock": "2"})
    assert world.settle(first)[0] == 303  # the old form, sent once more
    world.deliver(case)  # the old message, brought once more
    assert world.web.app.tries.lock(case.case_id, Purpose.IDENTITY) == 2
    assert refused(world, link)
    assert world.settle(second)[0] == 303
    assert world.happened(case).count("AccessUnlocked") == 2
    assert world.comes_in(world.deliver(case)).path == "/my/offers"


def test_a_reminder_during_a_second_lock_does_not_lift_it(world: World) -> None:
    case = world.web.invited()
    world.locked(case, world.web.link(case))
    world.settle(world.task(case))
    world.locked(case, world.deliver(case))
    assert world.web.cases.get(case.case_id).unlocked == 1
    requested = [event for event in world.web.cases.events(case.case_id) if event.type == "ContactRequested"]
    reminder = (announcement(requested[-1]) or {}) | {"contactId": "k-reminder", "template": "REMINDER"}
    world.delivery.messenger.deliver(world.delivery.Contact.model_validate(reminder), world.web.now)
    assert world.web.app.tries.lock(case.case_id, Purpose.IDENTITY) == 2


def test_in_the_quiet_hours_nothing_is_unlocked_and_staff_learn_when_it_can_be(world: World) -> None:
    case = world.web.invited()
    old = world.web.link(case)
    world.locked(case, old)
    before = world.happened(case)
    world.web.later(hours=13)  # 23:00 in Shanghai
    status, html = world.settle(world.task(case))
    assert status == 409
    assert "No message may be sent to the customer before 2026-11-25 08:00" in html
    assert "IDENTITY_CONFIRMED" in html  # to be chosen again later
    assert world.happened(case) == before
    assert world.web.app.tries.lock(case.case_id, Purpose.IDENTITY) == 1
    world.web.later(hours=9)
    assert world.settle(world.task(case))[0] == 303
    assert world.comes_in(world.deliver(case)).path == "/my/offers"


def test_where_contact_has_to_stop_nothing_is_unlocked(world: World) -> None:
    case = world.web.invited()
    world.locked(case, world.web.link(case))
    world.web.update(case.case_id, flags=("CEASE_CONTACT",))
    status, html = world.settle(world.task(case))
    assert (status, "No message may be sent to this customer" in html) == (409, True)
    assert world.web.app.tries.lock(case.case_id, Purpose.IDENTITY) == 1


@pytest.mark.parametrize("again", [False, True])
def test_a_stop_between_the_decision_and_the_lock_ends_right(
    world: World, monkeypatch: pytest.MonkeyPatch, again: bool
) -> None:
    """Whether the form is sent again before the message leaves, or only after it."""
    case = world.web.invited()
    old = world.web.link(case)
    world.locked(case, old)
    task = world.task(case)

    def stopped(*_: Any) -> None:
        raise ServiceUnavailableError("the table did not answer")

    with monkeypatch.context() as broken:
        broken.setattr(world.console.app.tries, "lift", stopped)
        assert world.settle(task)[0] == 500
    assert world.web.cases.get(case.case_id).unlocked == 1
    assert world.web.app.tries.lock(case.case_id, Purpose.IDENTITY) == 1
    assert refused(world, old)
    if again:
        assert world.settle(task)[0] == 303
    link = world.deliver(case)
    assert world.settle(task)[0] == 303
    assert refused(world, old)
    assert world.comes_in(link).path == "/my/offers"
    assert world.happened(case).count("AccessLocked") == world.happened(case).count("AccessUnlocked") == 1


def test_who_was_not_reached_stays_locked_out_until_somebody_tries_again(world: World) -> None:
    case = world.web.invited()
    old = world.web.link(case)
    world.locked(case, old)
    first = world.task(case)
    assert world.settle(first, "NOT_REACHED")[0] == 303
    assert refused(world, old)
    assert world.task(case).task_id != first.task_id
    assert world.settle(world.task(case))[0] == 303
    assert world.comes_in(world.deliver(case)).path == "/my/offers"


def test_who_is_not_the_customer_gets_no_link(world: World) -> None:
    case = world.web.invited()
    old = world.web.link(case)
    world.locked(case, old)
    assert world.settle(world.task(case), "NOT_THE_CUSTOMER")[0] == 303
    assert refused(world, old)
    assert world.happened(case).count("ContactRequested") == 1  # the invitation


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"offers": ()}, "/my/income"),
        ({"status": Status.IN_REVIEW}, "/my/plan"),
        ({"status": Status.SIGNED}, "/my/plan"),
    ],
)
def test_the_new_link_leads_to_whatever_the_pages_hold(world: World, changes: dict[str, Any], place: str) -> None:
    case = world.web.invited()
    world.locked(case, world.web.link(case))
    world.web.update(case.case_id, **changes)
    assert world.settle(world.task(case))[0] == 303
    assert world.comes_in(world.deliver(case)).path == place
    assert world.outcome == "SENT"


def test_a_case_that_ended_meanwhile_sends_no_new_link(world: World) -> None:
    case = world.web.invited()
    world.locked(case, world.web.link(case))
    world.settle(world.task(case))
    world.web.change(case.case_id, lambda case: close(case, ClosedReason.WITHDRAWN))
    world.deliver(case)
    assert world.outcome == "OVERTAKEN"
    assert not world.web.sms()
