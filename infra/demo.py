"""`make demo`: one case from the overdue event to the last instalment, through the real pages, told as a timeline.

Exits with 1 when anything differs from what should have happened. It works at any hour and needs no network.
"""

import hashlib
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console

from accord import clock
from accord.aws.store import CaseStore
from accord.billing import AccountOverdue, parse
from accord.case import Case
from accord.comprehension import questions
from accord.events import ChainedEvent, verify_chain
from accord.money import format_money
from accord.opening import case_id_of
from accord_documents import verify_sealed
from infra.data.accounts import month_before
from infra.local.application import accord_stack
from infra.local.gateway import Gateway
from infra.local.stack import LocalStack
from infra.phone import Phone

BASE_URL = "https://plan.bank.example"
ZONE = ZoneInfo("Asia/Shanghai")
NAME, LAST4, NUMBER = "陈思远", "204X", "+8610000000042"
STATES = ["Identify", "Assess", "Propose", "Invite", "Wait for the customer", "Seal", "Activate", "Plan active"]


def overdue_account(today: date) -> dict[str, Any]:
    """Billing's event. The person is invented; income fell, and a card of ¥24,000 is 52 days late."""
    due = today - timedelta(days=52)
    months = [month_before(due, back) for back in range(4)]
    paid = [(2, 30000), (1, 0), (0, 120000), (0, 150000)]
    return {
        "eventId": "demo-event-1",
        "occurredAt": clock.now().astimezone(ZONE).isoformat(),
        "jurisdiction": "CN",
        "account": {
            "accountId": "demo-account-1",
            "productCode": "STANDARD",
            "currency": "CNY",
            "openedOn": "2021-03-15",
            "creditLimit": 5000000,
            "balance": {"principal": 2400000, "interest": 61200, "penaltyInterest": 18400, "lateFees": 12000},
            "daysPastDue": 52,
            "oldestUnpaidDueDate": due.isoformat(),
            "apr": "0.1825",
            "minimumDue": 249160,
            "history": [
                {"month": month, "billed": 2400000, "paid": amount, "monthsPastDue": late}
                for month, (late, amount) in zip(months, paid, strict=True)
            ],
        },
        "cardholder": {
            "cardholderId": "demo-holder-1",
            "name": NAME,
            "phone": NUMBER,
            "email": "demo@example.com",
            "language": "zh-CN",
            "timeZone": "Asia/Shanghai",
            "idLast4": LAST4,
            "birthDate": "1988-06-01",
            "monthlyIncome": 800000,
            "monthlyEssentialSpend": 450000,
            "dependants": 1,
            "otherDebtPayments": 50000,
            "hardship": "INCOME_REDUCED",
            "flags": [],
        },
    }


class Story:
    """The case as it is told."""

    def __init__(self, console: Console, stack: LocalStack) -> None:
        self.console, self.stack = console, stack
        self.cases = CaseStore(stack.physical_id("CasesTable"), stack.physical_id("EventsTable"))
        self.detail = overdue_account(clock.today("Asia/Shanghai"))
        self.case_id = case_id_of(parse(AccountOverdue, self.detail))
        self.phone = Phone(stack, Gateway(stack), BASE_URL, NUMBER)
        self.told = 0

    def case(self) -> Case:
        return self.cases.get(self.case_id)

    def say(self, text: str) -> None:
        """Something that a person did or saw."""
        self.console.print(f"[bold]{text}[/bold]")

    def tell_events(self) -> None:
        """What the chain has recorded since the last time."""
        for event in list(self.cases.events(self.case_id))[self.told :]:
            at = datetime.fromisoformat(event.at).astimezone(ZONE)
            self.console.print(
                f"  {at:%Y-%m-%d %H:%M:%S}  {event.type:<22} {meaning(event)}", style="cyan", highlight=False
            )
            self.told += 1

    def reach(self, status: str) -> None:
        """Let the workflow go on until the case has a status. Raises AssertionError when it does not get there."""
        self.stack.settle()
        deadline = time.monotonic() + 30
        while self.case().status != status:
            expect(time.monotonic() < deadline, f"the case should be {status}, it is {self.case().status}")
            time.sleep(0.02)
        self.stack.settle()
        self.tell_events()


def meaning(event: ChainedEvent) -> str:
    """An event of the demonstration in a few words."""
    data = event.content["data"]

    def money(minor: int) -> str:
        return format_money(minor, "CNY", "en")

    match event.type:
        case "CaseOpened":
            return f"{money(data['balance'])} owed, {data['daysPastDue']} days past due"
        case "CaseIdentified":
            return f"bucket {data['delinquencyBucket']}, nothing excludes a negotiation"
        case "CaseAssessed":
            return f"can pay {money(data['affordableMonthly'])} a month, confidence {data['confidence'].lower()}"
        case "OfferMade":
            plans = [f"{offer['months']} × {money(offer['regularInstalment'])}" for offer in data["offers"]]
            return f"approved by {data['approvedBy']}: {', '.join(plans)}"
        case "ContactRequested":
            return f"{data['template'].lower()} by {data['channel']}, let through by the contact gate"
        case "ContactDelivered":
            return str(data["outcome"]).lower()
        case "IdentityConfirmed":
            return "by what he knows and what he holds"
        case "OfferChosen":
            return f"one of {len(data['shown'])} that were shown"
        case "CustomerDecided":
            return str(data["kind"]).lower()
        case "AgreementDownloaded":
            return f"PDF {data['documentSha256'][:12]}…, his own copy"
        case "CodeSent":
            return f"one-time code for {data['purpose'].lower()}"
        case "ComprehensionChecked":
            right = sum(answer["right"] == "yes" for answer in data["answers"])
            return f"attempt {data['attempt']}: {right} of {len(data['answers'])} right"
        case "AgreementSigned":
            return f"terms {data['termsHash'][:12]}…, {len(data['consents'])} consents"
        case "AgreementSealed":
            return f"PDF {data['documentSha256'][:12]}…, sealed by the bank's key"
        case "PaymentCounted":
            return money(data["amount"])
        case "InstalmentPaid":
            return f"number {data['number']}, {money(data['left'])} left"
        case "PlanCompleted":
            return f"{money(data['paid'])} paid, {data['inTime']} of {data['instalments']} instalments in time"
        case "PlanActivated":
            total = money(sum(row["amount"] for row in data["schedule"]))
            return f"{len(data['schedule'])} instalments, {total} in all; interest, late fees and collection stop"
        case _:
            return ""


def expect(true: bool, otherwise: str) -> None:
    """Hold the story against what should happen."""
    if not true:
        raise AssertionError(otherwise)


def answer_questions(story: Story) -> None:
    """One answer is wrong at first: it is explained and asked again, and nothing can be signed before."""
    case = story.case()
    offer = case.offer(case.chosen_offer_id)
    if offer is None:
        raise AssertionError("no offer is chosen")
    asked = questions(offer, "zh-CN")
    right = {question.id: question.right for question in asked}
    wrong = next(choice.id for choice in asked[-1].choices if choice.id != asked[-1].right)
    story.phone.send(right | {asked[-1].id: wrong})
    expect(asked[-1].explanation in story.phone.page, "the wrong answer should be explained")
    story.say(f"He gets one of {len(asked)} questions wrong. The page explains it: “{asked[-1].explanation}”")
    story.phone.send(right)
    story.tell_events()


def run(console: Console, stack: LocalStack, copy: Path) -> Story:
    """Tell the story until the plan is active. Raises AssertionError where it goes wrong."""
    story = Story(console, stack)
    story.say("Billing hands over an account that is 52 days past due.")
    stack.put_event(stack.output("BusName"), "billing.cards", "AccountOverdue", story.detail)
    story.reach("INVITED")

    phone = story.phone
    story.say(f"{NAME}'s phone shows: “{phone.messages()[-1]}”")
    phone.open(phone.link())
    expect("24,9" not in phone.page, "the landing page must not show the debt")
    story.say("He opens the link. The page says who writes and why, and nothing of the debt.")
    phone.send({"last4": LAST4})
    phone.send({"code": phone.code()})
    story.say("He proves who he is: the last four of his identity document, then a code by SMS.")
    story.tell_events()

    offers = story.case().offers
    for offer in offers:
        figures = (offer.regular_instalment, offer.total_payable)
        monthly, total = (format_money(minor, "CNY", "zh-CN") for minor in figures)
        expect(monthly in phone.page and total in phone.page, f"the offer of {monthly} a month should be shown")
    story.say(f"{len(offers)} offers stand side by side, none chosen for him. He takes the first.")
    phone.send({"offer": offers[0].offer_id})
    answer_questions(story)

    terms = phone.page
    consents = [part.split('"')[0] for part in terms.split('name="consent-')[1:]]
    story.say("He reads the agreement and ticks each consent; a second code, bound to these very terms, comes by SMS.")
    phone.send({f"consent-{consent}": "yes" for consent in consents})
    phone.send({"name": NAME, "code": phone.code()})
    story.say("He signs with his name and the code.")
    story.reach("ACTIVE")

    phone.open("/my/plan")
    document = phone.download()
    copy.write_bytes(document)
    story.tell_events()
    check(story, document)
    story.say(f"The plan is active. His sealed copy: {copy}")
    return story


def pay(story: Story) -> None:
    """Every instalment is paid on its day; billing posts the payments, and with the last one nothing is owed."""
    agreement = story.case().agreement
    if agreement is None:
        raise AssertionError("the case has no agreement")
    story.say("Month by month he pays what was agreed.")
    for row in agreement.schedule:
        noon = datetime.combine(row.due_date, clock_time(12), ZONE)
        clock.move(noon - datetime.now(UTC))
        payment = {
            "eventId": f"demo-payment-{row.number}", "paymentId": f"demo-payment-{row.number}",
            "accountId": story.detail["account"]["accountId"], "amount": row.amount, "currency": "CNY",
            "postedAt": noon.isoformat(),
        }  # fmt: skip
        story.stack.put_event(story.stack.output("BusName"), "billing.cards", "PaymentPosted", payment)
        story.reach("COMPLETED" if row.number == len(agreement.schedule) else "ACTIVE")
    case = story.case()
    count = verify_chain(story.cases.events(case.case_id), case.head, case.version)
    expect(not story.stack.problems, f"something failed behind the scenes: {story.stack.problems}")
    story.say(f"All is paid to the cent. He owes nothing, and the chain of {count} events is whole.")


def check(story: Story, document: bytes) -> None:
    """The document is sealed and the one that the chain names; the chain is whole; the workflow went its way."""
    case, stack = story.case(), story.stack
    agreement = case.agreement
    if agreement is None:
        raise AssertionError("the case has no agreement")
    expect(hashlib.sha256(document).hexdigest() == agreement.document_sha256, "the copy is not the sealed document")
    root = stack.client("ssm").get_parameter(Name="/accord/seal-certificate")["Parameter"]["Value"]
    verdict = verify_sealed(document, root, clock.now(), agreement.document_sha256)
    expect(verdict.genuine, f"the seal does not hold: {verdict.problem}")
    count = verify_chain(story.cases.events(case.case_id), case.head, case.version)
    total = sum(row.amount for row in agreement.schedule)
    expect(total == case.offers[0].total_payable, "the schedule does not add up")
    history = stack.client("stepfunctions").get_execution_history(
        executionArn=stack.physical_id("NegotiationStateMachine").replace(":stateMachine:", ":execution:")
        + f":{case.case_id}",
        maxResults=1000,
    )["events"]
    entered = [event["stateEnteredEventDetails"]["name"] for event in history if "stateEnteredEventDetails" in event]
    remaining = iter(entered)
    expect(all(state in remaining for state in STATES), f"the execution went another way: {entered}")
    expect(not stack.problems, f"something failed behind the scenes: {stack.problems}")
    story.say(f"The seal is valid, the chain of {count} events is whole, and the schedule adds up to the cent.")


def main() -> int:
    """Run the demonstration; the exit status tells how it went."""
    console = Console(highlight=False, soft_wrap=True)
    copy = Path(tempfile.gettempdir()) / "accord-demo-agreement.pdf"
    began = time.monotonic()
    console.print("Starting the application on this machine. Some ten seconds …", style="dim")
    with accord_stack(BASE_URL) as stack:
        try:
            pay(run(console, stack, copy))
        except AssertionError as error:
            console.print(f"[red]The demonstration failed:[/red] {error}")
            return 1
    console.print(f"[green]All as it should be[/green] after {time.monotonic() - began:.1f} seconds.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
