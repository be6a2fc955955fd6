"""Payments on the local stack: each counts once for the account's case, and what is not right is named and kept."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from billing_events import overdue_detail
from integration.test_intake import case_of, rejected, tell

from accord import clock
from accord.aws.payments import KeptPayment, PaymentBook
from accord.aws.store import CaseStore
from accord.errors import ServiceUnavailableError
from infra.local.application import accord_stack
from infra.local.stack import LocalStack

pytestmark = pytest.mark.xdist_group("payments")


@pytest.fixture(scope="module")
def stack() -> Iterator[LocalStack]:
    with accord_stack("https://plan.bank.example") as stack:
        yield stack


@pytest.fixture
def cases(stack: LocalStack) -> CaseStore:
    return CaseStore(stack.physical_id("CasesTable"), stack.physical_id("EventsTable"))


def paid(account: str, **changes: Any) -> dict[str, Any]:
    at = clock.now().isoformat()
    whole = {
        "eventId": f"paid-{account}", "paymentId": f"p-{account}", "accountId": account, "amount": 400_000,
        "currency": "CNY", "postedAt": at,
    }  # fmt: skip
    return whole | changes


def back(account: str) -> dict[str, Any]:
    at = clock.now().isoformat()
    return {"eventId": f"back-{account}", "paymentId": f"p-{account}", "reversedAt": at, "reason": "RETURNED"}


def opened(stack: LocalStack, account: str) -> str:
    detail = overdue_detail(event_id=f"e-{account}", account_id=account)
    tell(stack, detail)
    stack.settle()
    return case_of(detail)


def test_a_payment_leads_to_offers_for_what_is_left(stack: LocalStack, cases: CaseStore) -> None:
    case_id = opened(stack, "pay-1")
    before = cases.get(case_id)
    tell(stack, paid("pay-1"), "PaymentPosted")
    stack.settle()
    after = cases.get(case_id)
    assert after.account.balance.total == before.account.balance.total - 400_000
    assert {offer.owed.total for offer in after.offers} == {after.account.balance.total}
    assert [event.type for event in cases.events(case_id)].count("PaymentCounted") == 1


@pytest.mark.parametrize(
    "order", [("paid", "paid", "back", "back"), ("back", "paid", "back"), ("paid", "back", "paid")]
)
def test_a_payment_that_comes_back_leaves_the_debt_as_it_was(
    stack: LocalStack, cases: CaseStore, order: tuple[str, ...]
) -> None:
    account = f"pay-{''.join(word[0] for word in order)}"
    case_id = opened(stack, account)
    owed = cases.get(case_id).account.balance
    told = {"paid": (paid(account), "PaymentPosted"), "back": (back(account), "PaymentReversed")}
    for word in order:
        tell(stack, *told[word])
        stack.settle()
    case = cases.get(case_id)
    assert case.account.balance == owed
    assert [posting.void for posting in case.postings] == [True]


def test_what_was_paid_before_the_case_opened_counts_when_it_opens(stack: LocalStack, cases: CaseStore) -> None:
    detail = overdue_detail(event_id="e-pay-2", account_id="pay-2")
    tell(stack, paid("pay-2"), "PaymentPosted")
    tell(stack, paid("pay-2", paymentId="p-old", postedAt="2020-01-01T00:00:00Z"), "PaymentPosted")
    stack.settle()
    tell(stack, detail)
    stack.settle()
    case = cases.get(case_of(detail))
    assert [posting.payment_id for posting in case.postings] == ["p-pay-2"]
    assert case.account.balance.total == sum(detail["account"]["balance"].values()) - 400_000


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"amount": 0}, "amount"),
        ({"amount": -5}, "amount"),
        ({"amount": "400000"}, "amount"),
        ({"currency": "yuan"}, "currency"),
        ({"postedAt": "2025-11-24T09:00:00"}, "postedAt"),
        ({"postedAt": "2099-01-01T00:00:00Z"}, "postedAt"),
        ({"paymentId": ""}, "paymentId"),
        ({"amount": 400_001}, "paymentId"),  # the id had another amount before
        ({"accountId": "pay-4"}, "paymentId"),
    ],
)
def test_what_is_wrong_with_a_payment_is_named_and_nothing_is_lost(
    stack: LocalStack, changes: dict[str, Any], field: str
) -> None:
    tell(stack, paid("pay-3", postedAt="2025-11-24T09:00:00Z"), "PaymentPosted")
    stack.settle()
    rejected(stack)
    wrong = paid("pay-3", postedAt="2025-11-24T09:00:00Z") | changes
    tell(stack, wrong, "PaymentPosted")
    stack.settle()
    (message,) = rejected(stack)
    assert [problem["field"] for problem in message["rejected"]["problems"]] == [field]
    assert json.loads(message["event"])["detail"] == wrong


def test_a_burst_of_payments_is_absorbed_and_each_counts_once(stack: LocalStack, cases: CaseStore) -> None:
    case_id = opened(stack, "pay-5")
    owed = cases.get(case_id).account.balance.total
    for number in range(40):
        tell(stack, paid("pay-5", eventId=f"b-{number}", paymentId=f"b-{number % 20}", amount=1_000), "PaymentPosted")
    stack.settle()
    case = cases.get(case_id)
    assert len(case.postings) == 20
    assert case.newer is None or case.newer.account.balance.total == owed - 20_000
    assert (case.newer.account if case.newer else case.account).balance.total == owed - 20_000


def test_who_posts_and_who_takes_back_at_once_never_lose_that_it_came_back(stack: LocalStack) -> None:
    """Between keeping a payment by its id and keeping it beside the account the other one may come."""
    book = PaymentBook(stack.physical_id("CasesTable"))
    payment = KeptPayment("p-race", "pay-6", 5, "CNY", clock.now())
    write, stopped = book._beside_account, []

    def stop(kept: KeptPayment) -> KeptPayment:
        stopped.append(kept)
        raise ServiceUnavailableError("between the two")

    book._beside_account = stop  # type: ignore[method-assign]
    with pytest.raises(ServiceUnavailableError):
        book.keep(payment)
    book._beside_account = write  # type: ignore[method-assign]
    assert book.take_back("p-race") is not None
    write(stopped[0])  # the first one goes on, and does not know
    assert [kept.taken_back for kept in book.of_account("pay-6")] == [True]
    assert book.keep(payment).taken_back
