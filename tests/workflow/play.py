"""Plays a scenario on a local stack: billing's event, what people do at which state, and what came of it."""

import builtins
import itertools
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from billing_events import overdue_detail
from werkzeug.test import Client

from accord import clock, customer, errors, staff
from accord.agreement import terms_hash, terms_of
from accord.aws.people import PeopleStore
from accord.aws.store import CaseStore
from accord.billing import AccountOverdue, parse
from accord.case import Case, Change, StaffTask
from accord.comprehension import questions
from accord.events import Actor, announcement
from accord.opening import case_id_of, note_words
from accord.policy import load_policy
from accord.reach import Reach
from infra.local.functions import Function, LambdaContext
from infra.local.gateway import Gateway
from infra.local.stack import LocalStack

SCENARIOS = sorted((Path(__file__).parent / "scenarios").glob("*.yaml"))
HOLDER = Actor(kind="CUSTOMER", id="s-test")
PATIENCE = 25.0  # seconds until a test says that a state was not reached


def scenario(path: Path) -> dict[str, Any]:
    """A scenario file."""
    read: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return read


class Play:
    """One case on a stack."""

    def __init__(self, stack: LocalStack, name: str, told: dict[str, Any]) -> None:
        self.stack, self.told = stack, told
        self.cases = CaseStore(stack.physical_id("CasesTable"), stack.physical_id("EventsTable"))
        self.people = PeopleStore(stack.physical_id("PeopleTable"))
        self.detail = overdue_detail(
            event_id=f"evt-{name}",
            account_id=f"acct-{name}",
            account=told.get("account"),
            cardholder=told.get("cardholder"),
        )
        self.case_id = case_id_of(parse(AccountOverdue, self.detail))
        self._acts = self._runs = 0

    # --- billing and the workflow ------------------------------------------------------------------------------

    def tell(self, detail_type: str, detail: dict[str, Any]) -> None:
        """Billing puts an event on the bus."""
        self.stack.put_event(self.stack.output("BusName"), "billing.cards", detail_type, detail)

    def start(self) -> None:
        """Billing hands the account over."""
        if standing := self.told.get("standing_before"):
            at = clock.now().isoformat()
            account = self.detail["account"]["accountId"]
            self.tell("AccountStatusChanged", {"eventId": "st-1", "accountId": account, "status": standing, "at": at})
            self.stack.settle()
        self.tell(self.told.get("event", "AccountOverdue"), self.detail)

    def start_again(self) -> None:
        """Staff have mended what stopped the execution, and start another one for the case."""
        self._runs += 1
        self.stack.client("stepfunctions").start_execution(
            stateMachineArn=self.stack.physical_id("NegotiationStateMachine"),
            name=self._execution_name(),
            input=json.dumps({"case_id": self.case_id}),
        )

    def case(self) -> Case:
        return self.cases.get(self.case_id)

    def visits(self) -> list[str]:
        """The states that the execution entered, in order; asked so often that no request is made for it."""
        history = self._execution().to_history_output()["events"]
        return [event["stateEnteredEventDetails"]["name"] for event in history if "stateEnteredEventDetails" in event]

    def execution_status(self) -> str:
        return str(self._execution().status)

    def arn_of(self, execution: str) -> str:
        """The ARN of a negotiation's execution."""
        machine = self.stack.physical_id("NegotiationStateMachine")
        return f"{machine.replace(':stateMachine:', ':execution:')}:{execution}"

    def _execution_arn(self) -> str:
        return self.arn_of(self._execution_name())

    def _execution_name(self) -> str:
        return f"{self.case_id}-{self._runs}" if self._runs else self.case_id

    def until(self, what: str, reached: Callable[[], bool]) -> None:
        """Wait for something to become true."""
        deadline = time.monotonic() + PATIENCE
        while not reached():
            assert time.monotonic() < deadline, f"{what} was not reached; the case went {self._so_far()}"
            time.sleep(0.02)

    def _so_far(self) -> str:
        try:
            return f"{self.visits()}, problems: {self.stack.problems[-3:]}"
        except Exception as error:
            return f"nowhere: {error!r}, problems: {self.stack.problems[-3:]}"

    def _execution(self) -> Any:
        """What moto keeps of the execution; StopIteration before it starts."""
        runs = self.stack.executions("NegotiationStateMachine")
        return next(run for run in runs if run.name == self._execution_name())

    def _started(self) -> bool:
        runs = self.stack.executions("NegotiationStateMachine")
        return any(run.name == self._execution_name() for run in runs)

    def wait_at(self, state: str, times: int) -> None:
        """Wait until the execution has entered a state for the n-th time, and its token is kept."""
        self.until("the start", self._started)
        self.until(f"{state!r} ({times})", lambda: self.visits().count(state) >= times)
        if state.startswith("Wait"):
            arn = self._execution_arn()
            self.until(f"waiting at {state!r}", lambda: arn in self.stack.waiting())

    def wait_for_the_end(self) -> None:
        self.until("the start", self._started)
        self.until("the end", lambda: self.execution_status() != "RUNNING")
        self.stack.settle()

    # --- people ------------------------------------------------------------------------------------------------

    def act(self, decide: Callable[[Case], Change]) -> None:
        """One change of the case by a person."""
        self._acts += 1
        self.cases.change(self.case_id, f"act-{self._acts}", decide)

    def open_task(self, kind: str) -> StaffTask:
        return next(task for task in self.cases.tasks(self.case_id) if task.kind == kind and task.outcome is None)

    def do(self, step: dict[str, Any]) -> None:
        """What a person does, by its name in the scenario."""
        getattr(self, step["do"])(**{key: value for key, value in step.items() if key not in ("at", "do")})

    def nothing(self) -> None:
        """Nobody does anything."""

    def sign(self) -> None:
        """Confirm who one is, choose the first offer, answer the questions rightly, sign."""
        self.come()
        case = self.case()
        offer = case.offers[0]
        self.act(lambda case: customer.choose_offer(case, offer.offer_id, HOLDER, clock.now()))
        right = {question.id: question.right for question in questions(offer, case.language)}
        self.act(
            lambda case: customer.answer_questions(
                case, case.chosen_offer_id, case.language, right, HOLDER, clock.now()
            )
        )
        terms = terms_of(self.case(), offer, load_policy(case.jurisdiction), case.language, clock.today(case.time_zone))
        self.act(lambda case: customer.note_code(case, "SIGNATURE", terms_hash(terms), HOLDER))
        self.act(lambda case: customer.sign(case, terms, "d-sign", HOLDER, clock.now()))

    def come(self) -> None:
        """By an earlier link, or having asked for a new one: nobody had told them yet."""
        self.act(
            lambda case: customer.confirm_identity(case, self.cases.reach(case.cardholder_id), HOLDER, clock.now())
        )

    def think_till_late(self) -> None:
        """The customer has looked at the offers and thinks about them until it is late in the evening."""
        self.until("the invitation", lambda: self._happened("ContactDelivered") == 1)
        self.come()
        self.stack.advance(timedelta(hours=11))

    def misunderstand(self) -> None:
        """Choose the first offer, and take a year for a month, three times."""
        self.come()
        offer = self.case().offers[0]
        self.act(lambda case: customer.choose_offer(case, offer.offer_id, HOLDER, clock.now()))
        right = {question.id: question.right for question in questions(offer, self.case().language)}
        wrong = right | {"MONTHS": ""}
        for _ in range(3):
            self.act(
                lambda case: customer.answer_questions(
                    case, case.chosen_offer_id, case.language, wrong, HOLDER, clock.now()
                )
            )

    def explain_on_the_phone(self) -> None:
        """A person calls and explains."""
        self._decide("CALL_CUSTOMER", "REACHED")

    def decline(self) -> None:
        self.act(lambda case: customer.decline(case, "OTHER_HELP", "d-decline", HOLDER, clock.now()))

    def decline_meanwhile(self) -> None:
        """The wait has timed out and the reminder runs: there is no token to resume.

        Where the reminder still left, the day's messages are used up, and the last word comes tomorrow.
        """
        self.decline()
        until_morning = "Wait until informing is allowed"
        self.until(
            "the end of the case",
            lambda: (
                self.execution_status() != "RUNNING"
                or (self.visits()[-1] == until_morning and self._execution_arn() in self.stack.waiting())
            ),
        )
        self.let_the_night_pass()

    def counter(self, amount: int) -> None:
        self.come()
        self.act(lambda case: customer.propose_amount(case, amount, "d-counter", HOLDER, clock.now()))

    def tell_income(self, **figures: int) -> None:
        self.come()
        self.act(lambda case: customer.tell_circumstances(case, figures, "d-income", HOLDER, clock.now()))

    def ask_for_a_person(self) -> None:
        self.come()
        self.act(lambda case: customer.ask_for_person_to_decide(case, "d-person", HOLDER, clock.now()))

    def call_me(self) -> None:
        self.act(lambda case: customer.ask_for_call(case, "d-call", HOLDER, clock.now()))

    def sell_the_account(self) -> None:
        """Billing's word on the account comes while the case is under way.

        It comes after the invitation and a reminder, which is all that a day allows: none is on its way any more.
        """
        self.until("the second delivery", lambda: self._happened("ContactDelivered") == 2)
        self.say_that_it_is_sold()

    def come_in_order(self) -> None:
        """The customer pays what was late, and the next portfolio file says that nothing is."""
        self.tell_figures("AccountInOrder", {"daysPastDue": 0})

    def pay_a_part(self) -> None:
        """The customer pays a part, and the next portfolio file tells what is left."""
        balance = self.detail["account"]["balance"]
        self.tell_figures("AccountOverdue", {"balance": balance | {"principal": balance["principal"] // 2}})

    def tell_figures(self, detail_type: str, account: dict[str, Any]) -> None:
        newer = {"eventId": f"newer-{self.case_id}", "occurredAt": clock.now().isoformat()}
        known = {name: value for name, value in self.detail["account"].items() if name != "oldestUnpaidDueDate"}
        late = account.get("daysPastDue", known["daysPastDue"])
        due = {"oldestUnpaidDueDate": f"{clock.now() - timedelta(days=late):%Y-%m-%d}"} if late else {}
        self.tell(detail_type, self.detail | newer | {"account": known | due | account})
        self.until("the new figures", lambda: self._happened("FiguresTold") == 1)

    def reconsider(self) -> None:
        self._decide("REVIEW_OFFERS", "REASSESS")

    def say_that_it_is_sold(self) -> None:
        account = self.detail["account"]["accountId"]
        sold = {"eventId": f"sold-{account}", "accountId": account, "status": "SOLD", "at": clock.now().isoformat()}
        self.tell("AccountStatusChanged", sold)

    def record_the_death(self) -> None:
        """Billing's word is on the case before anybody can look."""
        self.act(lambda case: note_words(case, "DECEASED", Reach(cardholder_id=case.cardholder_id), "died-just-now"))

    def die_meanwhile(self) -> None:
        """The case has ended and hears nothing any more; the account does. In the morning the message would leave."""
        account = self.detail["account"]["accountId"]
        died = {"eventId": f"died-{account}", "accountId": account, "status": "DECEASED", "at": clock.now().isoformat()}
        self.tell("AccountStatusChanged", died)
        self.stack.settle()
        self.stack.advance(timedelta(hours=10))

    def come_in_order_late(self) -> None:
        """So late in the evening that the word about it waits for the morning."""
        self.stack.settle()
        self.stack.advance(timedelta(hours=12))
        self.come_in_order()

    def be_missed_till_late(self) -> None:
        """The message reached somebody else, so a person looks for the right number, until late in the evening."""
        self.until("the invitation", lambda: self._happened("ContactDelivered") == 1)
        contact = self.case().contacts[-1].contact_id
        receipt = {
            "eventId": f"r-{contact}",
            "contactId": contact,
            "status": "WRONG_PERSON",
            "at": clock.now().isoformat(),
        }
        self.tell("ContactReceipt", receipt)
        self.until("the task", lambda: "REACH_BY_HAND" in self.open_tasks())
        self.stack.advance(timedelta(hours=11))

    def answer_stop(self) -> None:
        """The customer answers the text, as they were told that they may."""
        self.until("the invitation", lambda: self._happened("ContactDelivered") == 1)
        phone = self.detail["cardholder"]["phone"]
        number = max(number for number, message in enumerate(self.stack.messages) if message.to == phone)
        page = Client(Gateway(self.stack))
        assert (
            page.post(f"/outbox/{number}", data={"words": "R"}, headers={"Origin": "http://localhost"}).status_code
            == 303
        )
        self.until("the stop", lambda: self._happened("ContactPreferencesTold") == 1)

    def record_the_sale(self) -> None:
        """Billing's word is on the case before anybody can look."""
        self.cases.record_account_status(self.detail["account"]["accountId"], "SOLD", clock.now())
        self.act(lambda case: note_words(case, "SOLD", Reach(cardholder_id=case.cardholder_id), "sold-just-now"))

    def alter_the_terms(self) -> None:
        """Somebody writes to the case's table, past everything that keeps a chain."""
        table = self.stack.physical_id("CasesTable")
        key = {"pk": {"S": f"CASE#{self.case_id}"}, "sk": {"S": "CASE"}}
        dynamodb = self.stack.client("dynamodb")
        item = dynamodb.get_item(TableName=table, Key=key)["Item"]
        body = json.loads(item["body"]["S"])
        body["agreement"]["terms"] = body["agreement"]["terms"].replace('"months":', '"months":1', 1)
        dynamodb.put_item(TableName=table, Item=item | {"body": {"S": json.dumps(body)}})

    def _happened(self, kind: str) -> int:
        return sum(event.type == kind for event in self.cases.events(self.case_id))

    def let_the_offers_expire(self) -> None:
        """Only the clock runs on: whoever waits is still waiting."""
        clock.move(clock.now() - datetime.now(tz=UTC) + timedelta(days=30))

    def let_the_night_pass(self) -> None:
        """The day's messages are used up; the next one may leave tomorrow at eight."""
        self.stack.advance(timedelta(hours=24))

    def let_the_morning_come(self) -> None:
        self.stack.advance(timedelta(hours=10))

    def approve(self) -> None:
        self._decide("REVIEW_OFFERS", "APPROVED")

    def reject(self, why: str = "NOT_AFFORDABLE") -> None:
        self._decide("REVIEW_OFFERS", f"REJECTED/{why}")

    def retry(self) -> None:
        self._decide(self._waiting_kind(), "RETRY")

    def give_up(self) -> None:
        self._decide(self._waiting_kind(), "GIVE_UP/OTHER_SOLUTION")

    def _waiting_kind(self) -> str:
        if self.case().status != "SIGNED":
            return "REACH_BY_HAND"
        return "ACCOUNT_STANDING" if "ACCOUNT_STANDING" in self.open_tasks() else "MISSING_GLYPH"

    def _decide(self, kind: str, choice: str) -> None:
        task = self.open_task(kind)
        others = self.cases.tasks(self.case_id)
        policy, reach = load_policy(self.case().jurisdiction), self.cases.reach(self.case().cardholder_id)
        self.act(
            lambda case: staff.decide(case, task, others, reach, choice, "staff-7", "MANAGER", policy, clock.now())
        )

    def lift_the_stop(self) -> None:
        """The customer allows contact again, or whatever stood against it is over; billing says so."""
        now, account = clock.now().isoformat(), self.detail["account"]["accountId"]
        again = deepcopy(self.detail) | {"eventId": f"again-{account}", "occurredAt": now}
        again["cardholder"]["flags"] = ["CONTACT_AGAIN"]
        self.tell(self.told.get("event", "AccountOverdue"), again)
        self.tell(
            "AccountStatusChanged", {"eventId": f"n-{account}", "accountId": account, "status": "NORMAL", "at": now}
        )
        self.until("the word", lambda: self.case().flags == ())

    def lift_the_stop_weeks_later(self) -> None:
        """Nothing fires meanwhile: somebody has been at it for so long."""
        clock.move(clock.now() - datetime.now(UTC) + timedelta(days=42))
        self.lift_the_stop()

    def mend_the_name(self, name: str) -> None:
        person = self.people.get(self.detail["cardholder"]["cardholderId"])
        self.people.put(person.model_copy(update={"name": name}), clock.now())

    def hear_another_name(self) -> None:
        """Billing hands over another record of the person, with a character that the fonts cannot draw."""
        self.mend_the_name("王\U000212fe")

    def find_the_task_about_the_name(self) -> None:
        self.until("the task about the name", lambda: "MISSING_GLYPH" in self.open_tasks())

    def call_about_the_name(self) -> None:
        self._decide("MISSING_GLYPH", "REACHED")

    # --- what came of it ---------------------------------------------------------------------------------------

    def published(self) -> list[str]:
        """The events that went to the bus, by type."""
        return [event.type for event in self.cases.events(self.case_id) if announcement(event)]

    def open_tasks(self) -> list[str]:
        return sorted(task.kind for task in self.cases.tasks(self.case_id) if task.outcome is None)


@contextmanager
def broken(stack: LocalStack, *faults: dict[str, Any] | None) -> Iterator[None]:
    """Handlers that raise an error by name a number of times before they work."""
    with_faults = [fault for fault in faults if fault]
    undo: list[Callable[[], None]] = []
    for fault in with_faults:
        undo.append(_break(stack.functions[fault["function"]], _error(fault["error"]), fault["times"]))
    try:
        yield
    finally:
        for repair in undo:
            repair()


@contextmanager
def just_before(play: Play, act: dict[str, str] | None) -> Iterator[None]:
    """Somebody is quicker than a step: they do something once, right before its handler looks."""
    if act is None:
        yield
        return
    function = play.stack.functions[act["function"]]
    function.load()
    works = function._entry
    assert works is not None
    once = iter([getattr(play, act["do"])])

    def overtaken(event: Any, context: LambdaContext) -> Any:
        for do in once:
            do()
        return works(event, context)

    function._entry = overtaken
    yield
    function._entry = works


def _break(function: Function, error: type[Exception], times: int) -> Callable[[], None]:
    """Put an error in front of a handler; what is returned takes it away again."""
    function.load()
    works = function._entry
    assert works is not None
    left = itertools.repeat(error, times)

    def breaks(event: Any, context: LambdaContext) -> Any:
        for kind in left:
            raise kind("broken by the test")
        return works(event, context)

    function._entry = breaks
    return lambda: setattr(function, "_entry", works)


def _error(name: str) -> type[Exception]:
    kind = getattr(errors, name, None) or getattr(builtins, name)
    assert issubclass(kind, Exception)
    return kind


def payload_of(stack: LocalStack, execution_name: str) -> str:
    """Everything that an execution carried, as text."""
    machine = stack.physical_id("NegotiationStateMachine")
    arn = machine.replace(":stateMachine:", ":execution:") + f":{execution_name}"
    history = stack.client("stepfunctions").get_execution_history(executionArn=arn, maxResults=1000)["events"]
    return json.dumps(history, default=str, ensure_ascii=False)
