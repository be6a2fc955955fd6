"""Billing's events in any order, any number of times, lead to the same case; tables alone, no workflow runs yet."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import permutations
from types import ModuleType
from typing import Any

import boto3
import pytest
from billing_events import overdue_detail
from hypothesis import given, settings
from hypothesis import strategies as st
from integration.tables import tables_on_moto
from loading import CONTEXT, load_app
from unit.test_portfolio import file_of

from accord import clock, portfolio
from accord.aws.intake import Intake
from accord.aws.payments import PaymentBook, Payments
from accord.aws.people import PeopleStore
from accord.aws.store import CaseStore
from accord.case import Case, Change
from accord.errors import CaseDamagedError, InputRejectedError, PersonNotFoundError
from accord.events import verify_chain

Told = tuple[str, dict[str, Any]]


class Desk:
    """Intake and the first step of the workflow over real tables."""

    def __init__(self, names: dict[str, str]) -> None:
        self.cases = CaseStore(names["CASES_TABLE"], names["EVENTS_TABLE"])
        self.people = PeopleStore(names["PEOPLE_TABLE"])
        machine = boto3.client("stepfunctions").create_state_machine(
            name="negotiation", definition="{}", roleArn="arn:aws:iam::123456789012:role/test"
        )
        book = PaymentBook(names["CASES_TABLE"])
        self.intake = Intake(self.cases, self.people, book, machine["stateMachineArn"])
        self.payments = Payments(self.cases, book)
        self.identify: ModuleType = load_app("identify")
        self.accounts = 0
        self.in_order: dict[Callable[[str], list[Told]], dict[str, Any]] = {}

    def take(self, told: Told, sent_at: str = "2025-12-01T00:00:00Z") -> str:
        desk = self.payments if told[0].startswith("Payment") else self.intake
        return desk.take(json.dumps({"detail-type": told[0], "time": sent_at, "detail": told[1]}))

    def tell_of_a_new_account(self, sentences: Callable[[str], list[Told]], order: list[int]) -> dict[str, Any]:
        """Tell billing's sentences in an order, let the case be identified, and say what it came to."""
        self.accounts += 1
        account = f"a-{self.accounts}"
        told = sentences(account)
        for index in order:
            self.take(told[index])
        case_id = str(self.cases.cases_of(account).open_case_id)  # by the id of the event that came first
        self.identify.handler({"case_id": case_id, "step": "identify"}, CONTEXT)
        case = self.cases.get(case_id)
        chain = list(self.cases.events(case_id))
        assert verify_chain(chain, case.head, case.version) == len(chain)
        assert [event.type for event in chain].count("CaseOpened") == 1
        assert self.cases.cases_of(account).open_case_id == case_id
        volatile = {
            "case_id",
            "account_id",
            "cardholder_id",
            "revision",
            "version",
            "head",
            "head_at",
            "opened_at",
            "told",
            "means_told",
            "late_told",
            "risk_told",
        }
        kept = case.model_dump(mode="json", exclude=volatile)
        del kept["account"]["account_id"]
        kept["counted"] = [paid.removeprefix(account) for paid in case.counted]
        kept["postings"] = [(paid.payment_id.removeprefix(account), paid.void) for paid in case.postings]
        return kept | {"name": self.people.get(case.cardholder_id).name}


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    with pytest.MonkeyPatch.context() as patch, tables_on_moto(patch) as names:
        yield Desk(names)


def overdue(account: str, **cardholder: Any) -> Told:
    told_at = "2025-10-05T09:00:00+08:00"
    return "AccountOverdue", overdue_detail(
        event_id=f"e-{account}", account_id=account, cardholder=cardholder, occurredAt=told_at
    )


def word(account: str, status: str, day: int) -> Told:
    at = f"2025-10-{day:02}T09:00:00Z"
    return "AccountStatusChanged", {"eventId": f"{account}-{day}", "accountId": account, "status": status, "at": at}


def dispute_that_ended(account: str) -> list[Told]:
    return [overdue(account), word(account, "DISPUTED", 26), word(account, "NORMAL", 27)]


def death_after_a_dispute(account: str) -> list[Told]:
    words = [word(account, "DISPUTED", 25), word(account, "NORMAL", 26), word(account, "DECEASED", 27)]
    return [overdue(account), *words]


def flag_of_the_event_itself_that_is_out_of_date(account: str) -> list[Told]:
    return [overdue(account, flags=["DISPUTED", "VULNERABLE"]), word(account, "NORMAL", 27)]


def figures(of: str, day: int, kind: str = "AccountOverdue", **told: Any) -> Told:
    at = f"2025-10-{day:02}T09:00:00+08:00"
    return kind, overdue_detail(event_id=f"{of}-{kind}-{day}", account_id=of, occurredAt=at, **told)


def figures_of_three_nights(account: str) -> list[Told]:
    means = {"monthlyIncome": 900_000, "flags": ["REPRESENTED"]}
    return [
        figures(account, 5, account={"daysPastDue": 40}, cardholder={"monthlyIncome": 500_000}),
        figures(account, 6, account={"daysPastDue": 41, "minimumDue": 7}, cardholder=means),
        figures(account, 7, account={"daysPastDue": 42, "creditLimit": 9_000_000}, cardholder={"language": "en"}),
    ]


def at_risk_and_late_in_turn(account: str) -> list[Told]:
    return [
        figures(account, 5, account={"daysPastDue": 52}),
        figures(account, 6, "AccountAtRisk", account={"daysPastDue": 0, "oldestUnpaidDueDate": None}),
        word(account, "DISPUTED", 28),
        word(account, "NORMAL", 29),
    ]


def trouble_that_was_seen_coming_and_came(account: str) -> list[Told]:
    return [
        figures(account, 5, "AccountAtRisk", account={"daysPastDue": 0, "oldestUnpaidDueDate": None}),
        figures(account, 6, account={"daysPastDue": 40}),
        figures(account, 7, "AccountInOrder", account={"daysPastDue": 0}),
        figures(account, 8, account={"daysPastDue": 31}),
    ]


def flags_that_were_told_while_nothing_was_late(account: str) -> list[Told]:
    return [
        figures(account, 4, "AccountInOrder", account={"daysPastDue": 0}, cardholder={"flags": ["CEASE_CONTACT"]}),
        figures(account, 5, "AccountInOrder", account={"daysPastDue": 0}, cardholder={"flags": ["VULNERABLE"]}),
        figures(account, 6, account={"daysPastDue": 40}),
    ]


def paid(of: str, day: int, amount: int, name: str = "") -> Told:
    at = f"2025-10-{day:02}T12:00:00+08:00"
    told = {"paymentId": f"{of}-{name or day}", "accountId": of, "amount": amount, "currency": "CNY", "postedAt": at}
    return "PaymentPosted", {"eventId": f"{of}-paid-{day}"} | told


def taken_back(of: str, day: int, name: str) -> Told:
    at = f"2025-10-{day:02}T15:00:00+08:00"
    told = {"paymentId": f"{of}-{name}", "reversedAt": at, "reason": "RETURNED"}
    return "PaymentReversed", {"eventId": f"{of}-back-{day}"} | told


def payments_around_the_figures_of_two_nights(account: str) -> list[Told]:
    """One before the newer figures, one after, and one that comes back."""
    return [
        figures(account, 5, account={"daysPastDue": 40}),
        paid(account, 5, 10_000),
        figures(account, 6, account={"daysPastDue": 41}),
        paid(account, 6, 20_000),
        paid(account, 7, 30_000),
        taken_back(account, 8, "7"),
    ]


@pytest.mark.parametrize(
    ("sentences", "excluded"),
    [
        (payments_around_the_figures_of_two_nights, None),
        (trouble_that_was_seen_coming_and_came, None),
        (flags_that_were_told_while_nothing_was_late, None),
        (figures_of_three_nights, None),
        (at_risk_and_late_in_turn, None),
        (dispute_that_ended, None),
        (death_after_a_dispute, "DECEASED"),
        (flag_of_the_event_itself_that_is_out_of_date, None),
    ],
)
@settings(max_examples=6, deadline=None, derandomize=True)
@given(data=st.data())
def test_any_order_and_repetition_of_the_same_events_leads_to_the_same_case(
    desk: Desk, sentences: Callable[[str], list[Told]], excluded: str | None, data: st.DataObject
) -> None:
    each_once = list(range(len(sentences("a"))))
    if sentences not in desk.in_order:
        desk.in_order[sentences] = desk.tell_of_a_new_account(sentences, each_once)
    again = data.draw(st.lists(st.sampled_from(each_once), max_size=4), label="repeated")
    order = data.draw(st.permutations([*each_once, *again]), label="order")
    case = desk.tell_of_a_new_account(sentences, list(order))
    assert case == desk.in_order[sentences]
    assert case["identification"]["exclusion"] == excluded


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_who_is_in_order_last_is_not_negotiated_with_whatever_was_seen_coming_before(
    desk: Desk, order: tuple[int, ...]
) -> None:
    account = f"v-{''.join(map(str, order))}"
    told = trouble_that_was_seen_coming_and_came(account)[:3]
    for index in order:
        desk.take(told[index])
    case_id = desk.cases.cases_of(account).open_case_id
    if case_id is None:
        assert order[0] == 2, "it was in order before a case could be opened"
    else:
        assert desk.identify.handler({"case_id": case_id, "step": "identify"}, CONTEXT)["outcome"] == "CURED"


@pytest.mark.parametrize(("last", "ends"), [("b", "CURED"), ("0", "NEGOTIATE")])
@pytest.mark.parametrize("in_order_first", [False, True])
def test_of_two_sentences_of_one_second_always_the_same_counts(
    desk: Desk, last: str, ends: str, in_order_first: bool
) -> None:
    """That it is late, and that nothing is: the greater id counts, in whatever order they come."""
    account = f"s-{last}-{in_order_first}"
    late = figures(account, 5, account={"daysPastDue": 40})
    kind, detail = figures(account, 5, "AccountInOrder", account={"daysPastDue": 0})
    fine = (kind, detail | {"eventId": f"{last}-{detail['eventId']}"})
    late[1]["eventId"] = f"a-{account}"
    for told in (fine, late) if in_order_first else (late, fine):
        desk.take(told)
    case_id = desk.cases.cases_of(account).open_case_id
    if case_id is None:  # in order already, before a case could be opened
        assert (ends, in_order_first) == ("CURED", True)
    else:
        assert desk.identify.handler({"case_id": case_id, "step": "identify"}, CONTEXT)["outcome"] == ends


def test_an_account_that_is_said_to_be_in_order_while_its_case_is_opened_gets_none(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The word comes after the look for it and before the case stands there."""
    commit = desk.cases._commit

    def after_another_word(before: Case | None, change: Change, key: str) -> None:
        monkeypatch.setattr(desk.cases, "_commit", commit)
        assert desk.take(figures("x-1", 6, "AccountInOrder", account={"daysPastDue": 0})) == "NOTED"
        commit(before, change, key)

    monkeypatch.setattr(desk.cases, "_commit", after_another_word)
    assert desk.take(figures("x-1", 5, account={"daysPastDue": 40})) == "OVERTAKEN"
    assert desk.cases.cases_of("x-1").open_case_id is None


def test_what_was_told_of_the_person_long_before_the_case_does_not_reach_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {"account": {"daysPastDue": 0}, "cardholder": {"flags": ["VULNERABLE"]}}
    assert desk.take(figures("y-1", 5, "AccountInOrder", **told)) == "NOTED"
    later = clock.now() + timedelta(days=31)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert desk.take(figures("y-1", 6, account={"daysPastDue": 40})) == "OPENED"
    case_id = str(desk.cases.cases_of("y-1").open_case_id)
    desk.identify.handler({"case_id": case_id, "step": "identify"}, CONTEXT)
    assert desk.cases.get(case_id).flags == ()


def test_an_open_case_hears_of_a_standing_that_comes_with_another_overdue_event(desk: Desk) -> None:
    """Tonight's portfolio file says of an account under negotiation that its holder has died."""
    assert desk.take(overdue("b-1")) == "OPENED"
    case_id = str(desk.cases.cases_of("b-1").open_case_id)
    tonight = overdue_detail(
        event_id="e-tonight", account_id="b-1", cardholder={"flags": ["DECEASED"]}, occurredAt="2025-10-06T01:00:00Z"
    )
    for _ in range(2):
        assert desk.take(("AccountOverdue", tonight)) == "ALREADY_OPEN"
    assert desk.cases.get(case_id).flags == ("DECEASED",)
    assert [event.type for event in desk.cases.events(case_id)] == [
        "CaseOpened",
        "FiguresTold",
        "AccountStatusRecorded",
    ]


@pytest.mark.parametrize("newer_first", [False, True])
def test_what_billing_said_last_of_a_person_counts_whatever_came_last(desk: Desk, newer_first: bool) -> None:
    account = f"p-{newer_first}"
    told = [
        overdue_detail(event_id=f"{account}-{day}", account_id=account, occurredAt=f"2025-10-{day}T09:00:00+08:00",
                       cardholder={"phone": f"+86100000000{day}"})
        for day in (10, 20)
    ]  # fmt: skip
    for detail in reversed(told) if newer_first else told:
        desk.take(("AccountOverdue", detail))
    assert desk.people.get(f"holder-of-{account}").phone == "+8610000000020"


def row(line: dict[str, str]) -> Told:
    """What screening sends for a row of a portfolio file."""
    data = file_of(line)
    plan = portfolio.plan([data])
    (piece,) = plan.ranges
    (detail,) = portfolio.screen(data[piece.start : piece.end], plan.columns, piece.line, clock.now()).overdue
    return "AccountOverdue", detail


def test_a_corrected_row_of_the_same_night_reaches_the_case_and_the_person(desk: Desk) -> None:
    account = {
        "account.accountId": "r-1",
        "cardholder.cardholderId": "holder-r-1",
        "occurredAt": "2025-11-01T01:00:00Z",
    }
    first = row(account | {"cardholder.flags": ""})
    assert desk.take(first) == "OPENED"
    case_id = str(desk.cases.cases_of("r-1").open_case_id)
    for flags in ("CEASE_CONTACT", "DISPUTED", "DECEASED|VULNERABLE", "FRAUD"):
        assert desk.take(row(account | {"cardholder.flags": flags})) == "ALREADY_OPEN"
    assert desk.cases.get(case_id).flags == ("CEASE_CONTACT", "DECEASED", "VULNERABLE"), "the gravest standing counts"
    corrected = row(account | {"cardholder.flags": "", "cardholder.phone": "+8610000000009"})
    desk.take(corrected, "2025-12-01T00:05:00Z")
    assert desk.people.get("holder-r-1").phone == "+8610000000009"
    version = desk.cases.get(case_id).version
    assert desk.take(first) == "OPENED"
    assert desk.people.get("holder-r-1").phone == "+8610000000009", "what was corrected does not come back"
    assert desk.cases.get(case_id).version == version


@pytest.mark.parametrize("word", ["DECEASED", "BANKRUPT", "MORATORIUM", "REPRESENTED", "CEASE_CONTACT"])
@pytest.mark.parametrize("kind", ["AccountOverdue", "AccountInOrder"])
def test_what_is_true_of_a_person_stands_with_them_until_it_is_taken_back(desk: Desk, word: str, kind: str) -> None:
    holder = f"h-{word}-{kind}"
    late = {"AccountOverdue": {}, "AccountInOrder": {"daysPastDue": 0}}[kind]
    told = figures(f"x-{holder}", 3, kind, account=late, cardholder={"cardholderId": holder, "flags": [word]})
    desk.take(told)
    assert desk.cases.reach(holder).stops == {word}
    silent = figures(f"x-{holder}", 6, kind, account=late, cardholder={"cardholderId": holder})
    desk.take(silent)
    assert desk.cases.reach(holder).stops == {word}, "silence is no word"
    if word in ("REPRESENTED", "CEASE_CONTACT"):
        again = {"cardholderId": holder, "flags": ["CONTACT_AGAIN"]}
        desk.take(figures(f"x-{holder}", 8, kind, account=late, cardholder=again))
        desk.take(told)
        assert desk.cases.reach(holder).stops == set()
    else:
        normal = {
            "eventId": f"n-{holder}",
            "accountId": f"x-{holder}",
            "status": "NORMAL",
            "at": silent[1]["occurredAt"],
        }
        desk.take(("AccountStatusChanged", normal))
        assert desk.cases.reach(holder).stops == set()


@pytest.mark.parametrize("word_on_its_own", [True, False], ids=["word", "row"])
def test_what_is_told_of_a_person_with_one_account_reaches_the_open_case_about_another(
    desk: Desk, word_on_its_own: bool
) -> None:
    holder = {"cardholderId": f"both-{word_on_its_own}"}
    j, k = f"j-{word_on_its_own}", f"k-{word_on_its_own}"
    desk.take(figures(j, 3, cardholder=holder))
    desk.take(figures(k, 3, cardholder=holder))
    case_id = str(desk.cases.cases_of(j).open_case_id)
    bankrupt = figures(k, 5, cardholder=holder | {"flags": ["BANKRUPT"]})
    for _ in range(2):
        desk.take(word(k, "BANKRUPT", 5) if word_on_its_own else bankrupt)
    assert desk.cases.get(case_id).flags == ("BANKRUPT",)
    desk.take(figures(j, 6, cardholder=holder))
    assert desk.cases.get(case_id).flags == ("BANKRUPT",), "the account's own rows do not deny it"
    desk.take(word(k, "NORMAL", 7))
    assert desk.cases.get(case_id).flags == ()
    said = [event for event in desk.cases.events(case_id) if event.type == "AccountStatusRecorded"]
    assert [json.loads(event.body)["data"]["status"] for event in said] == ["BANKRUPT", "NORMAL"]


def test_whose_wish_for_no_contact_ended_is_written_to_about_their_other_account_too(desk: Desk) -> None:
    holder = {"cardholderId": "silent"}
    desk.take(figures("g-1", 3, cardholder=holder | {"flags": ["CEASE_CONTACT"]}))
    desk.take(figures("g-2", 3, cardholder=holder))
    case_id = str(desk.cases.cases_of("g-2").open_case_id)
    desk.identify.handler({"case_id": case_id, "step": "identify"}, CONTEXT)
    assert desk.cases.get(case_id).flags == ("CEASE_CONTACT",)
    desk.take(figures("g-1", 5, cardholder=holder | {"flags": ["CONTACT_AGAIN"]}))
    assert desk.cases.get(case_id).flags == ()


def test_what_forbids_one_account_of_a_person_opens_no_case_a_night_for_the_other(desk: Desk) -> None:
    holder = {"cardholderId": "bankrupt"}
    desk.take(figures("bk-1", 3, cardholder=holder | {"flags": ["BANKRUPT"]}))
    close = load_app("close")
    assert desk.take(figures("bk-2", 3, cardholder=holder)) == "OPENED"
    case_id = str(desk.cases.cases_of("bk-2").open_case_id)
    assert desk.identify.handler({"case_id": case_id, "step": "identify"}, CONTEXT) == {"outcome": "EXCLUDED"}
    close.handler({"case_id": case_id, "step": "close", "reason": "EXCLUDED"}, CONTEXT)
    assert desk.take(figures("bk-2", 4, cardholder=holder)) == "TOO_SOON"
    desk.take(word("bk-1", "NORMAL", 5))
    assert desk.take(figures("bk-2", 6, cardholder=holder)) == "OPENED", "as soon as nothing forbids it any more"


def test_a_death_that_was_told_of_an_account_before_its_first_case_is_told_of_the_person(desk: Desk) -> None:
    holder = {"cardholderId": "dead"}
    desk.take(figures("d-1", 3, cardholder=holder))
    other_case = str(desk.cases.cases_of("d-1").open_case_id)
    desk.take(word("d-2", "DECEASED", 4))
    desk.take(figures("d-2", 5, cardholder=holder))
    assert desk.cases.reach("dead").stops == {"DECEASED"}
    assert desk.cases.get(other_case).flags == ("DECEASED",)


@pytest.mark.parametrize("later", ["SOLD", "CLOSED", "DISPUTED", "FRAUD"])
def test_what_becomes_of_the_account_takes_nothing_off_its_holder(desk: Desk, later: str) -> None:
    holder = {"cardholderId": f"dead-{later}"}
    desk.take(figures(f"l1-{later}", 3, cardholder=holder))
    desk.take(figures(f"l2-{later}", 3, cardholder=holder))
    case_id = str(desk.cases.cases_of(f"l2-{later}").open_case_id)
    desk.take(word(f"l1-{later}", "DECEASED", 4))
    desk.take(word(f"l1-{later}", later, 5))
    desk.take(figures(f"l1-{later}", 6, cardholder=holder | {"flags": [later, "MORATORIUM"]}))
    assert desk.cases.get(case_id).flags == ("MORATORIUM",), "the newest that is true of the person"
    desk.take(word(f"l1-{later}", "NORMAL", 7))
    assert desk.cases.get(case_id).flags == ()


def test_where_billing_names_another_holder_of_an_account_all_hear_and_all_are_let_go(desk: Desk) -> None:
    desk.take(figures("joint", 3, cardholder={"cardholderId": "first"}))
    case_id = str(desk.cases.cases_of("joint").open_case_id)
    second = {"cardholderId": "second", "flags": ["BANKRUPT", "CEASE_CONTACT"]}
    desk.take(figures("joint", 4, cardholder=second))
    assert desk.cases.get(case_id).flags == ("BANKRUPT", "CEASE_CONTACT"), "the case's own account says so"
    assert desk.cases.reach("second").stops == {"BANKRUPT", "CEASE_CONTACT"}
    desk.take(word("joint", "NORMAL", 5))
    desk.take(figures("joint", 6, cardholder={"cardholderId": "first", "flags": ["CONTACT_AGAIN"]}))
    assert desk.cases.reach("second").stops == desk.cases.reach("first").stops == set()
    assert desk.cases.get(case_id).flags == ()


def test_who_is_new_to_an_account_hears_what_was_told_of_it_with_their_first_row(desk: Desk) -> None:
    holder = {"cardholderId": "late"}
    desk.take(figures("new-1", 3, cardholder=holder))
    case_id = str(desk.cases.cases_of("new-1").open_case_id)
    desk.take(word("new-2", "DECEASED", 4))
    desk.take(
        figures(
            "new-2", 5, "AccountInOrder", account={"daysPastDue": 0}, cardholder=holder | {"flags": ["CEASE_CONTACT"]}
        )
    )
    assert desk.cases.get(case_id).flags == ("CEASE_CONTACT", "DECEASED")


def test_a_case_that_is_damaged_keeps_no_other_from_hearing(desk: Desk) -> None:
    holder = {"cardholderId": "unlucky"}
    for account in ("u-1", "u-2", "u-3"):
        desk.take(figures(account, 3, cardholder=holder))
    ids = {account: str(desk.cases.cases_of(account).open_case_id) for account in ("u-1", "u-2", "u-3")}
    db, key = boto3.client("dynamodb"), {"pk": {"S": f"CASE#{ids['u-1']}"}, "sk": {"S": "CASE"}}
    whole = db.get_item(TableName="CasesTable", Key=key)["Item"]
    db.put_item(TableName="CasesTable", Item=whole | {"body": {"S": "{"}})
    with pytest.raises(CaseDamagedError):  # so that it comes again, and at last somebody sees it
        desk.take(word("u-2", "BANKRUPT", 5))
    assert [desk.cases.get(ids[account]).flags for account in ("u-2", "u-3")] == [("BANKRUPT",)] * 2
    db.put_item(TableName="CasesTable", Item=whole)
    desk.take(word("u-2", "BANKRUPT", 5))
    assert desk.cases.get(ids["u-1"]).flags == ("BANKRUPT",)


def test_a_try_that_stops_half_way_loses_no_death(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    holder = {"cardholderId": "half"}
    desk.take(figures("hw-1", 3, cardholder=holder))
    case_id = str(desk.cases.cases_of("hw-1").open_case_id)
    desk.take(word("hw-2", "DECEASED", 4))

    def fails(*_: Any, **__: Any) -> None:
        raise ConnectionError

    for broken in ("change_reach", "open_cases_of"):
        with monkeypatch.context() as patch:
            patch.setattr(desk.cases, broken, fails)
            with pytest.raises(ConnectionError):
                desk.take(figures("hw-2", 5, cardholder=holder))
    desk.take(figures("hw-2", 5, cardholder=holder))
    assert desk.cases.get(case_id).flags == ("DECEASED",)


def test_a_death_stands_although_the_account_was_closed_before_anybody_knew_whose_it_is(desk: Desk) -> None:
    holder = {"cardholderId": "closed"}
    desk.take(figures("cl-1", 3, cardholder=holder))
    case_id = str(desk.cases.cases_of("cl-1").open_case_id)
    desk.take(word("cl-2", "DECEASED", 4))
    desk.take(word("cl-2", "CLOSED", 5))
    desk.take(figures("cl-2", 6, cardholder=holder))
    assert desk.cases.get(case_id).flags == ("DECEASED",)


@pytest.mark.parametrize("flag", ["CEASE_CONTACT", "REPRESENTED"])
def test_who_goes_by_another_id_since_is_left_in_peace_all_the_same(desk: Desk, flag: str) -> None:
    desk.take(figures(f"id-{flag}", 3, cardholder={"cardholderId": f"old-{flag}", "flags": [flag]}))
    desk.take(figures(f"id-{flag}", 4, cardholder={"cardholderId": f"new-{flag}"}))
    assert desk.cases.reach(f"new-{flag}").stops == {flag}


def test_the_damaged_case_of_an_account_keeps_the_persons_others_from_nothing(desk: Desk) -> None:
    holder = {"cardholderId": "own"}
    desk.take(figures("own-1", 3, cardholder=holder))
    desk.take(figures("own-2", 3, cardholder=holder))
    broken, other = (str(desk.cases.cases_of(account).open_case_id) for account in ("own-1", "own-2"))
    db, key = boto3.client("dynamodb"), {"pk": {"S": f"CASE#{broken}"}, "sk": {"S": "CASE"}}
    whole = db.get_item(TableName="CasesTable", Key=key)["Item"]
    db.put_item(TableName="CasesTable", Item=whole | {"body": {"S": "{"}})
    for told in (word("own-1", "BANKRUPT", 5), figures("own-1", 6, cardholder=holder | {"flags": ["CEASE_CONTACT"]})):
        with pytest.raises(CaseDamagedError):
            desk.take(told)
    assert desk.cases.get(other).flags == ("BANKRUPT", "CEASE_CONTACT")


def test_a_word_that_is_said_again_every_night_changes_no_other_case(desk: Desk) -> None:
    holder = {"cardholderId": "again"}
    desk.take(figures("s-1", 3, cardholder=holder))
    case_id = str(desk.cases.cases_of("s-1").open_case_id)
    for night in (4, 5, 6):
        desk.take(figures("s-2", night, cardholder=holder | {"flags": ["REPRESENTED"]}))
    assert desk.cases.get(case_id).revision == 2


def test_the_chain_says_what_ended_although_something_else_stands(desk: Desk) -> None:
    holder = {"cardholderId": "both"}
    desk.take(figures("w-1", 3, cardholder=holder))
    case_id = str(desk.cases.cases_of("w-1").open_case_id)
    for told in (
        word("w-1", "DISPUTED", 4),
        figures("w-2", 5, cardholder=holder | {"flags": ["BANKRUPT"]}),
        word("w-1", "NORMAL", 6),
    ):
        desk.take(told)
    assert desk.cases.get(case_id).flags == ("BANKRUPT",)
    said = [
        event.content["data"]["status"] for event in desk.cases.events(case_id) if event.type == "AccountStatusRecorded"
    ]
    assert said == ["DISPUTED", "BANKRUPT", "NORMAL", "BANKRUPT"]


TELEPHONES = [f"+861000000000{number}" for number in range(4)]
# Corrections of one moment, in the order in which they were sent; the last takes the first one's word back.
SENT = [(0, TELEPHONES[1]), (1, TELEPHONES[2]), (2, TELEPHONES[3]), (3, TELEPHONES[1])]


@settings(max_examples=12, deadline=None, derandomize=True)
@given(order=st.permutations(SENT), again=st.lists(st.sampled_from(SENT), max_size=4))
def test_of_persons_told_at_one_moment_the_one_sent_last_counts_in_any_order_of_arrival(
    desk: Desk, order: list[tuple[int, str]], again: list[tuple[int, str]]
) -> None:
    desk.accounts += 1
    account = f"t-{desk.accounts}"
    for minute, phone in [*order, *again]:
        desk.take(overdue(account, phone=phone), f"2025-12-01T00:0{minute}:00Z")
    assert desk.people.get(f"holder-of-{account}").phone == TELEPHONES[1]


def in_order(account: str, **cardholder: Any) -> Told:
    detail = overdue_detail(
        event_id=f"note-{account}", account_id=account, account={"daysPastDue": 0}, cardholder=cardholder,
        occurredAt="2025-10-06T09:00:00+08:00",
    )  # fmt: skip
    return "AccountInOrder", detail


def test_an_open_case_hears_of_what_billing_says_of_an_account_that_is_no_longer_late(desk: Desk) -> None:
    desk.take(overdue("o-1"))
    case_id = str(desk.cases.cases_of("o-1").open_case_id)
    told = in_order("o-1", phone="+8610000000055", flags=["CEASE_CONTACT", "DECEASED"])
    for _ in range(2):
        assert desk.take(told) == "NOTED"
    assert desk.cases.get(case_id).flags == ("CEASE_CONTACT", "DECEASED")
    assert desk.people.get("holder-of-o-1").phone == "+8610000000055"
    types = [event.type for event in desk.cases.events(case_id)]
    assert types == ["CaseOpened", "FiguresTold", "AccountStatusRecorded", "AccountStatusRecorded"]


def test_an_account_in_order_without_a_case_opens_none_and_keeps_no_person(desk: Desk) -> None:
    assert desk.take(in_order("o-2", flags=["DISPUTED"])) == "NOTED"
    assert desk.cases.cases_of("o-2").open_case_id is None
    with pytest.raises(PersonNotFoundError):
        desk.people.get("holder-of-o-2")
    assert desk.cases.account_status("o-2") == "DISPUTED", "an event without the flag does not forget it"


def test_the_same_event_for_another_cardholder_is_rejected_and_keeps_no_person(desk: Desk) -> None:
    desk.take(overdue("q-1"))
    with pytest.raises(InputRejectedError) as refused:
        desk.take(overdue("q-1", cardholderId="holder-of-nobody"))
    assert [problem["code"] for problem in refused.value.problems] == ["ID_USED_BEFORE"]
    with pytest.raises(PersonNotFoundError):
        desk.people.get("holder-of-nobody")


@pytest.mark.parametrize("digits", [5_000, 100_000])
@pytest.mark.parametrize("sign", ["", "-"])
def test_a_number_without_end_is_refused_by_its_field(desk: Desk, digits: int, sign: str) -> None:
    body = json.dumps({"detail-type": "AccountOverdue", "detail": overdue("l-1", monthlyIncome=-12345)[1]})
    with pytest.raises(InputRejectedError) as refused:
        desk.intake.take(body.replace("-12345", sign + "9" * digits))
    assert [problem["field"] for problem in refused.value.problems] == ["cardholder.monthlyIncome"]


def test_an_event_under_an_id_that_is_not_its_own_changes_no_person(desk: Desk) -> None:
    desk.take(overdue("n-1"))
    told = overdue_detail(event_id="e-n-1", account_id="n-2", occurredAt="2025-10-06T09:00:00+08:00",
                          cardholder={"cardholderId": "holder-of-n-1", "phone": "+8610000000077"})  # fmt: skip
    with pytest.raises(InputRejectedError):
        desk.take(("AccountOverdue", told))
    assert desk.people.get("holder-of-n-1").phone != "+8610000000077"


@pytest.mark.parametrize("order", [("DISPUTED", "NORMAL"), ("NORMAL", "DISPUTED")])
def test_of_two_words_of_the_same_moment_the_graver_counts(desk: Desk, order: tuple[str, str]) -> None:
    account = f"w-{order[0]}"
    desk.take(overdue(account))
    for number, status in enumerate(order):
        told = word(account, status, 27)[1] | {"eventId": f"{account}-{number}"}
        desk.take(("AccountStatusChanged", told))
    assert desk.cases.account_status(account) == "DISPUTED"
