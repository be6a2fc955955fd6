"""The staff pages behind API Gateway: what they show, what they refuse, and that a decision is recorded once."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from string import Formatter
from typing import Any, get_args
from zoneinfo import ZoneInfo

import boto3
import pytest
from botocore.exceptions import ClientError
from integration.console import NEGOTIATION, Console, address
from integration.tables import tables_on_moto
from loading import ROOT
from markupsafe import escape

from accord import clock, staff, wording
from accord.affordability import Step
from accord.assessment import assess
from accord.aws import executions
from accord.aws.store import CaseStore
from accord.billing import AccountOverdue, Flag, parse
from accord.case import (
    TASK_FACTS,
    AssessmentLine,
    Balance,
    Bound,
    Case,
    Change,
    Circumstances,
    Decision,
    Offer,
    Product,
    StaffTask,
    Status,
    TaskKind,
    TaskReason,
    Worth,
    new_task,
)
from accord.events import EVENT_TYPES, Actor, ReviewRequested, StaffTaskCreated, verify_chain
from accord.evidence import DOUBTS
from accord.identification import identify
from accord.lifecycle import arrange_call, record_failure
from accord.means import ON_PAPERS
from accord.money import format_money
from accord.opening import NEW_ACCOUNT, open_case
from accord.policy import load_policy
from accord.reach import ContactRecord
from accord.texts import texts as explanations
from infra.data import sample

NOW = datetime.now(UTC).replace(microsecond=0)
ORIGIN = "https://accord.example.com"
APPROVE = {"choice": "APPROVED", "offers": "o-1"}


@pytest.fixture(scope="module")
def world() -> Iterator[Console]:
    with pytest.MonkeyPatch.context() as patch, tables_on_moto(patch) as names:
        patch.setenv("PUBLIC_BASE_URL", f"{ORIGIN}/prod")
        patch.setenv("NEGOTIATION_ARN", NEGOTIATION)
        yield Console(CaseStore(names["CASES_TABLE"], names["EVENTS_TABLE"]), ORIGIN)


@pytest.fixture
def console(world: Console) -> Iterator[Console]:
    yield world
    db = boto3.client("dynamodb")
    for table, keys in (("CasesTable", ("pk", "sk")), ("EventsTable", ("case_id", "seq"))):
        for item in db.scan(TableName=table)["Items"]:
            db.delete_item(TableName=table, Key={key: item[key] for key in keys})


def in_review(store: CaseStore, number: int = 0, due: datetime = NOW + timedelta(hours=8)) -> tuple[Case, StaffTask]:
    """A case whose offers wait for a person, and the task that says so."""
    opening = open_case(parse(AccountOverdue, sample.details()[number]), NEW_ACCOUNT, NOW)
    store.open(opening, "open")
    task = StaffTask(
        task_id=f"{opening.case.case_id}-review-offers-2",
        case_id=opening.case.case_id,
        kind=TaskKind.REVIEW_OFFERS,
        created_at=NOW,
        due_at=due,
        reason=TaskReason.OFFERS_NEED_REVIEW,
        facts={"review_reasons": "AMOUNT_ABOVE_LIMIT, VULNERABLE"},
    )
    offer = Offer(
        offer_id="o-1",
        product=Product.INTEREST_FREE,
        currency="CNY",
        owed=opening.case.account.balance,
        waived=Balance(late_fees=opening.case.account.balance.late_fees),
        months=36,
        annual_rate_ppm=0,
        regular_instalment=27_777,
        last_instalment=27_805,
        interest=0,
        total_payable=1_000_000,
        annual_cost_ppm=0,
        first_due_date=NOW.date(),
        valid_until=NOW + timedelta(days=14),
        policy_version="cn-1",
        rules=(),
        approved_by=None,
    )

    def propose(case: Case) -> Change:
        reviewed = case.model_copy(
            update={"status": Status.IN_REVIEW, "offers": (offer,), "review_reasons": ("AMOUNT_ABOVE_LIMIT",)}
        )
        created = StaffTaskCreated(task_id=task.task_id, kind=task.kind, due_at=task.due_at)
        events = (ReviewRequested(reasons=("AMOUNT_ABOVE_LIMIT",)), created)
        return Change(reviewed, events, Actor(kind="SYSTEM", id="negotiation"), tasks=(task,))

    store.change(opening.case.case_id, "propose", propose)
    return store.get(opening.case.case_id), task


CN = load_policy("CN")


def assessed() -> Iterator[AssessmentLine]:
    """Every line that assessing the sample's accounts logs."""
    policy = load_policy("CN")
    for detail in sample.details():
        case = identify(open_case(parse(AccountOverdue, detail), NEW_ACCOUNT, NOW).case, policy, NOW).case
        assessment = assess(case, policy, NOW.date()).case.assessment
        assert assessment is not None
        yield from assessment.lines


def test_the_task_list_shows_the_most_urgent_first_and_says_what_is_overdue(console: Console) -> None:
    later = in_review(console.store, 0)[1]
    sooner = in_review(console.store, 1, due=NOW - timedelta(hours=1))[1]
    status, html, _ = console.ask("/ops")
    assert status == 200
    assert html.index(sooner.case_id) < html.index(later.case_id)
    assert html.count("· overdue") == 1


def test_an_empty_list_says_so(console: Console) -> None:
    assert "Nothing waits for a person." in console.ask("/ops")[1]


def test_a_case_shows_its_figures_its_record_and_no_personal_data(console: Console) -> None:
    case, _ = in_review(console.store)
    status, html, headers = console.ask(f"/ops/cases/{case.case_id}")
    assert status == 200
    assert "The record is whole: 3 events, unaltered." in html
    assert "¥277.77" in html
    assert "the amount is above what the policy approves by itself" in html
    assert "Review asked for" in html
    owed = format_money(case.account.balance.total, "CNY", "en")
    assert f"balance <b>{owed}</b>" in html  # never in minor units, where nobody expects them
    assert f"Times are those of {case.time_zone}." in html
    person = sample.details()[0]["cardholder"]
    for name in ("name", "phone", "email", "idLast4", "birthDate"):
        assert person[name] not in html.replace(case.case_id, "")
    assert headers["cache-control"] == "no-store"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


PROOF = {
    "en": ("Our reminders that demonstrably arrived", "what a court in China asks for", "none"),
    "zh-CN": ("有送达凭证的催收", "两次有效催收", "无"),
}


@pytest.mark.parametrize("language", PROOF)
@pytest.mark.parametrize(
    ("days", "proven", "enough"), [((), (), False), ((31,), (31,), False), ((61, 45, 31, 1), (61, 31, 1), True)]
)
def test_a_case_in_china_shows_which_reminders_can_be_proven_to_a_court(
    console: Console, language: str, days: tuple[int, ...], proven: tuple[int, ...], enough: bool
) -> None:
    case = reminded(console.store, days)
    page = console.ask(f"/ops/cases/{case.case_id}", query={"lang": language})[1]
    title, court, none = PROOF[language]
    row = re.search(rf"<dt>{title}[^<]*</dt><dd>([^<]*)</dd>", page)
    assert row is not None
    shown = re.findall(r"\d{4}-\d\d-\d\d \d\d:\d\d", row[1])
    assert shown == [
        f"{(NOW - timedelta(days=ago)).astimezone(ZoneInfo(case.time_zone)):%Y-%m-%d %H:%M}" for ago in proven
    ]
    assert (court in row[1], none == row[1]) == (enough, not proven)


@pytest.mark.parametrize("language", PROOF)
@pytest.mark.parametrize("jurisdiction", ["UK", "US"])
def test_what_a_court_in_china_asks_for_is_not_told_of_other_cases(
    console: Console, jurisdiction: str, language: str
) -> None:
    case = reminded(console.store, (61, 31), jurisdiction)
    status, page, _ = console.ask(f"/ops/cases/{case.case_id}", query={"lang": language})
    assert status == 200
    assert not any(words in page for words in PROOF[language][:2])


def reminded(store: CaseStore, days: tuple[int, ...], jurisdiction: str = "CN") -> Case:
    """A case with invitations that arrived so many days ago, and one that did not."""
    case, _ = in_review(store)
    sent = dict.fromkeys(days, "DELIVERED") | {90: "FAILED"}
    contacts = tuple(
        ContactRecord(
            contact_id=f"{case.case_id}-{ago}",
            channel="SMS",
            at=NOW - timedelta(days=ago),
            template="INVITATION",
            status=status,
        )
        for ago, status in sent.items()
    )
    changes = {"contacts": contacts, "jurisdiction": jurisdiction}
    system = Actor(kind="SYSTEM", id="negotiation")
    store.change(case.case_id, "reminded", lambda now: Change(now.model_copy(update=changes), (), system))
    return store.get(case.case_id)


@pytest.mark.parametrize(
    ("language", "title", "words"),
    [
        ("en", "Why these figures", ("a month are affordable", "may be ¥1,000.00 at most", "worth ¥777.77 today")),
        ("zh-CN", "这些数字的由来", ("每月可负担", "最多 ¥1,000.00", "今天预计价值 ¥777.77")),
    ],
)
def test_staff_read_why_each_figure_is_what_it_is(
    console: Console, language: str, title: str, words: tuple[str, ...]
) -> None:
    case, task = in_review(console.store)
    bound = Bound(figure="MONTHLY", rule="assessment.affordability_percent", allows=100_000)
    worth = Worth(expected=77_777, without_plan=1)
    offer = case.offers[0].model_copy(update={"bounds": (bound,), "best_at": ("SOONEST_FREE",), "worth": worth})
    opened = case.model_copy(update={"status": Status.OPENED})
    assessment = assess(identify(opened, load_policy("CN"), NOW).case, load_policy("CN"), NOW.date())
    changes = {"offers": (offer,), "assessment": assessment.case.assessment}
    system = Actor(kind="SYSTEM", id="negotiation")
    console.store.change(case.case_id, "why", lambda now: Change(now.model_copy(update=changes), (), system))
    page = console.ask(f"/ops/cases/{case.case_id}", query={"lang": language})[1]
    assert page.count('<details class="why">') == 2
    assert page.count(title) == 2
    for said in words:
        assert said in page
    assert "assessment.affordability_percent" in page
    assert escape(load_policy("CN").rules["assessment.affordability_percent"].citation) in page
    assert words[1] in console.ask(address(task), query={"lang": language})[1], "who approves reads it too"
    person = sample.details()[0]["cardholder"]
    for name in ("name", "phone", "email", "idLast4", "birthDate"):
        assert person[name] not in page.replace(case.case_id, "")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("body", {"S": "[]"}, "The record is broken: event 2 (ReviewRequested"),
        ("body", {"N": "7"}, "The record is broken: event 2: "),
        ("body", {"S": "[" * 100_000}, "The record is broken: event 2 (ReviewRequested"),
        (
            "body",
            {"S": '{"actor": {"kind": "SYSTEM", "id": "\\ud800"}, "data": {}}'},
            "The record is broken: event 2 (",
        ),
        ("at", {"S": "yesterday"}, "The record is broken: event 2 (ReviewRequested"),
        ("at", {"S": "<b>"}, "The record is broken: event 2 (ReviewRequested, &lt;b&gt;)"),
        ("type", {"S": "<b>"}, "The record is broken: event 2 (&lt;b&gt;"),
    ],
)
def test_a_tampered_record_is_shown_and_named(console: Console, name: str, value: dict[str, str], said: str) -> None:
    case, _ = in_review(console.store)
    boto3.client("dynamodb").update_item(
        TableName="EventsTable",
        Key={"case_id": {"S": case.case_id}, "seq": {"N": "2"}},
        UpdateExpression="SET #name = :value",
        ExpressionAttributeNames={"#name": name},
        ExpressionAttributeValues={":value": value},
    )
    status, html, _ = console.ask(f"/ops/cases/{case.case_id}")
    assert status == 200
    assert said in html


@pytest.mark.parametrize("body", [None, {"N": "1"}, {"L": []}, {"NULL": True}, {"S": "{}"}, {"S": "no JSON"}])
def test_a_case_that_is_damaged_says_so_on_its_page_and_its_tasks(console: Console, body: Any) -> None:
    _, task = in_review(console.store)
    key = {"pk": {"S": f"CASE#{task.case_id}"}, "sk": {"S": "CASE"}}
    boto3.client("dynamodb").put_item(TableName="CasesTable", Item=key | ({"body": body} if body else {}))
    for path in (f"/ops/cases/{task.case_id}", f"/ops/tasks/{task.case_id}/{task.task_id}"):
        status, text = console.ask(path)[:2]
        assert status == 409
        assert f"{task.case_id} is damaged" in text


def test_approval_is_recorded_under_the_staff_id_and_stands_on_the_case(console: Console) -> None:
    case, task = in_review(console.store)
    assert "Approve these offers" in console.ask(address(task))[1]
    status, _, headers = console.ask(address(task), APPROVE)
    assert status == 303
    assert headers["location"] == f"{ORIGIN}/prod/ops/cases/{case.case_id}"
    after = console.store.get(case.case_id)
    assert after.decision is not None
    assert (after.decision.kind, after.decision.by, after.decision.staff_id) == ("APPROVED", "STAFF", "mei")
    chain = list(console.store.events(case.case_id))
    assert verify_chain(chain, after.head, after.version) == 5
    assert [event.type for event in chain[-2:]] == ["StaffDecided", "StaffTaskClosed"]
    assert chain[-1].content["actor"] == {"kind": "STAFF", "id": "mei"}
    assert console.store.open_tasks("REVIEW_OFFERS") == []
    assert "This task is closed." in console.ask(address(task))[1]
    assert "The decision is recorded" in console.ask(f"/ops/cases/{case.case_id}")[1]


def test_the_same_form_twice_is_recorded_once(console: Console) -> None:
    case, task = in_review(console.store)
    answers = [console.ask(address(task), APPROVE)[0] for _ in range(2)]
    assert answers == [303, 303]
    assert console.store.get(case.case_id).version == 5


@pytest.mark.parametrize("choice", ["APPROVED", "REJECTED/NOT_AFFORDABLE"])
def test_nobody_decides_about_offers_that_were_worked_out_anew_since_the_page_was_shown(
    console: Console, choice: str
) -> None:
    case, task = in_review(console.store)
    shown = re.search(r'name="offers" value="([^"]*)"', console.ask(address(task))[1])
    assert shown is not None

    def propose_anew(case: Case) -> Change:
        dearer = case.offers[0].model_copy(update={"offer_id": "o-2", "total_payable": 2_000_000})
        return Change(case.model_copy(update={"offers": (dearer,)}), (), Actor(kind="SYSTEM", id="propose"))

    console.store.change(case.case_id, "propose anew", propose_anew)
    status, html, _ = console.ask(address(task), {"choice": choice, "offers": shown[1]})
    assert status == 409
    assert "worked out anew since this page was shown" in html
    assert console.store.get(case.case_id).decision is None
    assert console.ask(address(task), {"choice": choice, "offers": "o-2"})[0] == 303


def test_a_second_person_learns_that_another_decided(console: Console) -> None:
    case, task = in_review(console.store)
    console.ask(address(task), APPROVE)
    changes = {"arn": "arn:aws:sts::123456789012:assumed-role/Staff/lei"}
    status, html, _ = console.ask(address(task), {"choice": "REJECTED/NOT_AFFORDABLE"}, **changes)
    assert status == 409
    assert "Someone else decided" in html
    assert "mei" in html
    decision = console.store.get(case.case_id).decision
    assert decision is not None
    assert decision.kind == "APPROVED"


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "", "https://accord.example.com.evil.example"])
def test_a_form_from_elsewhere_changes_nothing(console: Console, origin: str) -> None:
    case, task = in_review(console.store)
    status, _, _ = console.ask(address(task), APPROVE, headers={"origin": origin})
    assert status == 403
    assert console.store.get(case.case_id).version == case.version


@pytest.mark.parametrize("form", ["", "choice=", "other=1", "choice=" + "A" * 5000, "\xff\x00=%zz"])
def test_a_form_without_a_choice_changes_nothing(console: Console, form: str) -> None:
    case, task = in_review(console.store)
    assert console.ask(address(task), form)[0] == 400
    assert console.store.get(case.case_id).version == case.version


@pytest.mark.parametrize("choice", ["RETRY", "approved", "<script>alert(1)</script>"])
def test_a_choice_that_is_not_open_changes_nothing(console: Console, choice: str) -> None:
    case, task = in_review(console.store)
    status, html, _ = console.ask(address(task), {"choice": choice})
    assert status == 409
    assert "<script>" not in html
    assert console.store.get(case.case_id).version == case.version


@pytest.mark.parametrize("arn", [None, "", "arn:aws:iam::123456789012:user/"])
def test_without_a_member_of_staff_nothing_is_shown(console: Console, arn: str | None) -> None:
    case, _ = in_review(console.store)
    status, html, _ = console.ask(f"/ops/cases/{case.case_id}", arn=arn)
    assert status == 403
    assert case.account_id not in html


@pytest.mark.parametrize(
    "path",
    ["/ops/cases/none", "/ops/cases/c%20x", "/ops/cases/" + "c" * 3000, "/ops/tasks/none/none", "/ops/assets/x.js"],
)
def test_what_does_not_exist_is_not_found(console: Console, path: str) -> None:
    assert console.ask(path)[0] == 404


def damage(sk: str, case_id: str, name: str, value: Any) -> None:
    """Write something else into an attribute of an item of the case."""
    boto3.client("dynamodb").update_item(
        TableName="CasesTable",
        Key={"pk": {"S": f"CASE#{case_id}"}, "sk": {"S": sk}},
        UpdateExpression="SET #name = :value",
        ExpressionAttributeNames={"#name": name},
        ExpressionAttributeValues={":value": value},
    )


OTHERS_TASK = StaffTask(
    task_id="t", case_id="c", kind=TaskKind.REVIEW_OFFERS, created_at=NOW, due_at=NOW, reason=TaskReason.SECOND_APPROVAL
)


@pytest.mark.parametrize(
    "body",
    [{"N": "1"}, {"L": []}, {"NULL": True}, {"S": "{}"}, {"S": "no JSON"}, {"S": OTHERS_TASK.model_dump_json()}],
)
@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_a_task_that_is_damaged_is_named_and_keeps_no_other_from_being_seen_and_decided(
    console: Console, body: Any, language: str
) -> None:
    (_, damaged), (_, other) = in_review(console.store, 0), in_review(console.store, 1)
    damage(f"TASK#{damaged.task_id}", damaged.case_id, "body", body)
    said = {"en": "The task {} of the case {} is damaged", "zh-CN": "案件 {1} 的任务 {0} 已损坏"}[language]
    for path in ("/ops", f"/ops/cases/{damaged.case_id}"):
        status, page, _ = console.ask(path, query={"lang": language})
        assert status == 200
        assert said.format(damaged.task_id, damaged.case_id) in page
    assert other.case_id in console.ask("/ops")[1]
    assert console.ask(address(other), APPROVE)[0] == 303
    assert console.ask(address(damaged))[0] == 409
    assert console.ask(address(damaged), APPROVE)[0] == 409
    assert "Nothing waits" not in console.ask("/ops")[1]


def test_a_task_whose_facts_are_not_those_of_its_reason_is_damaged(console: Console) -> None:
    _, task = in_review(console.store)
    damage(f"TASK#{task.task_id}", task.case_id, "body", {"S": task.model_copy(update={"facts": {}}).model_dump_json()})
    assert f"The task {task.task_id} of the case" in console.ask("/ops")[1]


def test_a_damaged_task_beside_it_keeps_nobody_from_deciding(console: Console) -> None:
    case, review, failure = stopped(console.store)
    damage(f"TASK#{failure.task_id}", case.case_id, "body", {"N": "7"})
    assert console.ask(address(review), APPROVE)[0] == 303
    assert console.store.get(case.case_id).decision is not None


class StepFunctions:
    """Step Functions as far as the console asks: which executions run, and which were started."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *running: str, failure: str = "") -> None:
        self.running, self.failure = set(running), failure
        self.started: list[tuple[str, str]] = []
        monkeypatch.setattr(executions, "client", lambda service: self)

    def describe_execution(self, executionArn: str) -> dict[str, str]:
        machine, _, name = executionArn.rpartition(":")
        assert machine == NEGOTIATION.replace(":stateMachine:", ":execution:")
        return {"status": "RUNNING" if name in self.running else "FAILED"}

    def start_execution(self, stateMachineArn: str, name: str, input: str) -> None:
        assert stateMachineArn == NEGOTIATION
        if self.failure:
            raise ClientError({"Error": {"Code": self.failure, "Message": ""}}, "StartExecution")
        self.started.append((name, json.loads(input)["case_id"]))


def stopped(store: CaseStore) -> tuple[Case, StaffTask, StaffTask]:
    """A case in review whose execution failed: the case, the task of the review, the task of the failure."""
    case, review = in_review(store)
    store.change(case.case_id, "failure", lambda case: record_failure(case, "e-1", NOW))
    (failure,) = (task for task in store.tasks(case.case_id) if task.kind is TaskKind.FAILED_STEP)
    return case, review, failure


@pytest.mark.parametrize(("language", "words"), [("en", "has stopped"), ("zh-CN", "协商流程已中止")])
def test_the_pages_say_when_no_execution_waits(console: Console, language: str, words: str) -> None:
    case, review, _ = stopped(console.store)
    query = {"lang": language}
    assert words in console.ask(f"/ops/cases/{case.case_id}", query=query)[1]
    assert words in console.ask(address(review), query=query)[1]
    assert console.ask(address(review), APPROVE)[0] == 303
    told = console.ask(f"/ops/cases/{case.case_id}", query=query)[1]
    assert told.count(words) == 2, "once for the case, once for the decision"
    assert "Look again in a moment" not in told
    assert "请稍后再看" not in told


def test_the_cause_is_mended_starts_the_negotiation_once(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    case, _, failure = stopped(console.store)
    machine = StepFunctions(monkeypatch)
    page = console.ask(address(failure))[1]
    assert "start the negotiation again" in page
    assert "It is no longer needed" not in page
    assert [console.ask(address(failure), {"choice": "START_AGAIN"})[0] for _ in range(2)] == [303, 303]
    assert machine.started == [(failure.task_id, case.case_id)]
    assert console.store.get(case.case_id).stopped is None
    assert console.store.open_tasks("FAILED_STEP") == []


def test_what_was_redriven_meanwhile_is_not_started_beside_itself(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, failure = stopped(console.store)
    machine = StepFunctions(monkeypatch, "e-1")
    assert console.ask(address(failure), {"choice": "START_AGAIN"})[0] == 303
    assert machine.started == []


def test_nor_is_one_started_beside_that_which_took_the_case_up_before_the_word_of_the_failure_came(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, _, failure = stopped(console.store)
    store = console.store
    system = Actor(kind="SYSTEM", id="negotiation")
    store.change(case.case_id, "up", lambda case: Change(case.model_copy(update={"execution": "by-hand"}), (), system))
    machine = StepFunctions(monkeypatch, "by-hand")
    assert console.ask(address(failure), {"choice": "START_AGAIN"})[0] == 303
    assert machine.started == []
    assert store.get(case.case_id).stopped is None


@pytest.mark.parametrize("failure", ["AccessDeniedException", "ThrottlingException", "StateMachineDoesNotExist"])
def test_where_the_negotiation_cannot_be_started_the_task_stays_open_and_says_so(
    console: Console, monkeypatch: pytest.MonkeyPatch, failure: str
) -> None:
    case, _, task = stopped(console.store)
    StepFunctions(monkeypatch, failure=failure)
    status, page, _ = console.ask(address(task), {"choice": "START_AGAIN"})
    assert status == 503
    assert "could not be started again" in page
    assert [open_task.task_id for open_task in console.store.open_tasks("FAILED_STEP")] == [task.task_id]
    assert console.store.get(case.case_id).stopped == "e-1"


def test_the_pages_speak_chinese_too(console: Console) -> None:
    _, task = in_review(console.store)
    for changes in ({"query": {"lang": "zh-CN"}}, {"headers": {"accept-language": "zh-CN,zh;q=0.9"}}):
        html = console.ask(address(task), **changes)[1]
        assert '<html lang="zh-CN">' in html
        assert "批准这些方案" in html
        assert "Approve" not in html
    chosen = console.ask("/ops", query={"lang": "zh-CN"})[1]
    assert f"{address(task)}?lang=zh-CN" in chosen


@pytest.fixture
def at_local_hour() -> Iterator[Callable[[int], datetime]]:
    """Move business time to an hour in Shanghai, on a day without a holiday."""

    def move(hour: int) -> datetime:
        there = datetime(2026, 3, 5, hour, 30, tzinfo=ZoneInfo("Asia/Shanghai"))
        clock.move(there - datetime.now(UTC))
        return there

    yield move
    clock.move(timedelta(0))


def to_be_called(store: CaseStore, now: datetime) -> tuple[Case, StaffTask]:
    """A customer with approved offers who asked for a call, and was there twice in the evening."""
    case, _ = in_review(store)

    def ask(case: Case) -> Change:
        valid = {"approved_by": "mei", "valid_until": now + timedelta(days=9)}
        offers = tuple(offer.model_copy(update=valid) for offer in case.offers)
        asked = Decision(decision_id="d-1", by="CUSTOMER", kind="CALL_ME", at=now)
        invited = case.model_copy(update={"status": Status.NEGOTIATING, "offers": offers, "decision": asked})
        change = arrange_call(invited, now)
        evenings = [now.replace(hour=19) - timedelta(days=days) for days in (1, 2)]
        reach = store.reach(case.cardholder_id).seeing(evenings[0]).seeing(evenings[1])
        return replace(change, reach=reach)

    store.change(case.case_id, "call", ask)
    (task,) = [task for task in store.tasks(case.case_id) if task.kind == TaskKind.CALL_CUSTOMER]
    assert isinstance(task, StaffTask)
    return store.get(case.case_id), task


def test_a_call_has_a_script_in_the_customers_language_with_approved_figures_alone(
    console: Console, at_local_hour: Callable[[int], datetime]
) -> None:
    case, task = to_be_called(console.store, at_local_hour(10))
    page = console.ask(address(task))[1]
    assert "You may call the customer now." in page
    assert "The customer was there most often at 19:00–20:00." in page
    assert f'<q lang="{case.language}">您好，这里是示例银行。请问是……本人吗？' in page
    assert f"分36期，每月{format_money(27_777, 'CNY', 'zh-CN')}" in page
    console.ask(address(task), {"choice": "REACHED"})
    assert console.store.reach(case.cardholder_id).contacts[-1].status == "ANSWERED"
    assert "Called by a person" in console.ask(f"/ops/cases/{case.case_id}")[1]
    assert "<q" not in console.ask(address(task))[1], "the call is over"


def test_a_call_for_a_task_that_stays_open_is_recorded_once_for_each_form(
    console: Console, at_local_hour: Callable[[int], datetime]
) -> None:
    now = at_local_hour(10)
    case, _ = in_review(console.store)
    held = Actor(kind="SYSTEM", id="negotiation")

    def hold(case: Case) -> Change:
        task, created = new_task(case, TaskKind.ACCOUNT_STANDING, now, TaskReason.LESS_OWED)
        return Change(case.model_copy(update={"status": Status.SIGNED}), (created,), held, tasks=(task,))

    console.store.change(case.case_id, "hold", hold)
    (task,) = [one for one in console.store.tasks(case.case_id) if one.kind == TaskKind.ACCOUNT_STANDING]
    assert isinstance(task, StaffTask)
    for calls in (1, 2):
        page = console.ask(address(task))[1]
        (sheet,) = re.findall(r'name="sheet" value="([0-9a-f]+)"', page)
        for _ in "twice":
            status, _, told = console.ask(address(task), {"choice": "CALLED/NOT_REACHED", "sheet": sheet})
            assert (status, told["location"]) == (303, f"{ORIGIN}/prod{address(task)}")
        assert len(console.store.reach(case.cardholder_id).contacts) == calls
    assert console.ask(address(task), {"choice": "RETRY"})[0] == 303, "and then it is decided"


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "The wording of this script has not been reviewed. Do not call with other words."),
        ("zh-CN", "本话术尚未经审核，也不得用其他措辞致电"),
    ],
)
def test_a_call_whose_script_nobody_reviewed_has_a_page_without_one_and_can_still_be_recorded(
    console: Console,
    at_local_hour: Callable[[int], datetime],
    monkeypatch: pytest.MonkeyPatch,
    language: str,
    words: str,
) -> None:
    case, task = to_be_called(console.store, at_local_hour(10))
    monkeypatch.setattr(wording, "_reviewed", dict)
    status, page, _ = console.ask(address(task), query={"lang": language})
    assert status == 200
    assert words in page
    assert "<q" not in page
    assert "You may call the customer now." not in page
    assert "现在可以致电客户" not in page
    assert console.ask(address(task), {"choice": "REACHED"})[0] == 303
    assert console.store.reach(case.cardholder_id).contacts[-1].status == "ANSWERED"


def test_while_nobody_may_be_called_the_page_says_why_and_from_when_and_shows_no_script(
    console: Console, at_local_hour: Callable[[int], datetime]
) -> None:
    _, task = to_be_called(console.store, at_local_hour(23))
    page = console.ask(address(task))[1]
    assert "Do not call yet: it is within the quiet hours where the customer is. You may from 2026-03-06 08:00." in page
    assert "<q" not in page


def test_whoever_must_not_be_called_at_all_is_not(console: Console, at_local_hour: Callable[[int], datetime]) -> None:
    case, task = to_be_called(console.store, at_local_hour(10))
    console.store.change(
        case.case_id,
        "flag",
        lambda case: Change(case.model_copy(update={"flags": ("REPRESENTED",)}), (), Actor(kind="SYSTEM", id="x")),
    )
    page = console.ask(address(task))[1]
    assert "Do not call: contact about this account has to stop." in page
    assert "<q" not in page


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "the amount is above what the policy approves by itself, the person needs extra care."),
        ("zh-CN", "需人工审批的原因：金额超出政策自动批准的上限、客户需要特别关怀。"),
    ],
)
def test_why_a_task_is_there_is_said_in_the_readers_language(console: Console, language: str, words: str) -> None:
    _, task = in_review(console.store)
    for path in ("/ops", address(task)):
        html = console.ask(path, query={"lang": language})[1]
        assert words in html
        assert "AMOUNT_ABOVE_LIMIT" not in html


def test_a_code_that_has_no_word_yet_stands_for_itself(console: Console) -> None:
    page = console.app.Page.__new__(console.app.Page)
    page.language = "en"
    known = page.fact("rule", "contact.quiet_hours_local")
    assert known == "it is within the quiet hours where the customer is"
    assert page.fact("rule", "contact.new_rule") == "contact.new_rule"
    assert page.fact("execution", "c-1, again") == "c-1, again"


@pytest.mark.parametrize("reason", TaskReason)
def test_every_reason_of_a_task_has_a_sentence_that_names_exactly_its_facts(
    console: Console, reason: TaskReason
) -> None:
    sentences = console.app.TEXTS["task_reasons"][reason]
    assert set(sentences) == set(console.app.LANGUAGES)
    for sentence in sentences.values():
        assert {name for _, name, _, _ in Formatter().parse(sentence) if name is not None} == TASK_FACTS[reason]


def test_every_word_is_there_in_both_languages(console: Console) -> None:
    texts = console.app.TEXTS
    groups = {name: entries for name, entries in texts.items() if "en" not in entries}
    words = [entry for name, entry in texts.items() if name not in groups]
    words += [entry for entries in groups.values() for entry in entries.values()]
    assert all(set(entry) == {"en", "zh-CN"} and all(entry.values()) for entry in words)
    assert set(groups["kinds"]) == set(groups["guidance"]) == set(TaskKind)
    assert set(groups["task_reasons"]) == set(TaskReason)
    # Two let pass and one asks for a better hour: they forbid nothing.
    forbid_nothing = {"contact.service_despite", "contact.wish_opens", "contact.best_time"}
    rules = {rule for rule in load_policy("CN").rules if rule.startswith("contact.")} - forbid_nothing
    refusing = rules | {"time_zone", "opted_out"}
    assert set(groups["rules"]) == refusing
    assert set(groups["statuses"]) == set(Status)
    assert set(groups["products"]) == set(Product)
    assert set(groups["standings"]) == set(get_args(Flag)) - {"NORMAL"}
    assert set(groups["events"]) == set(EVENT_TYPES)
    case, task = in_review(console.store)
    every = {
        choice
        for kind in TaskKind
        for status in Status
        for choice in staff.choices(
            case.model_copy(update={"status": status}), task.model_copy(update={"kind": kind}), NOW
        )
    } | {staff.START_AGAIN}
    assert set(groups["choices"]) == every | {"REASSESS"}  # where the offers in review have run out
    assert set(groups["lines"]) == set(get_args(Step)) >= {line.name for line in assessed()}
    assert set(groups["bands"]) == {"UNKNOWN", "NONE", "TOKEN", "PARTIAL", "FULL"}
    said = explanations("explain")
    assert set(said["doubts"]) == DOUBTS
    papers = {paper for rule in CN.rules["assessment.evidence"].value for paper in rule.papers}
    assert set(said["papers"]) >= papers
    case = identify(case.model_copy(update={"status": Status.OPENED, "circumstances": Circumstances()}), CN, NOW).case
    found = assess(case, CN, NOW.date()).case.assessment
    assert found is not None
    assert set(said["questions"]) == set(found.questions)
    assert set(groups["figures"]) == set(ON_PAPERS)
    refused = {"not_open", "offers_changed", "message_later", "message_forbidden", "no_role", "nothing_seen"}
    assert refused <= set(texts)
    used = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "functions/ops_web/templates").iterdir())
    assert set(re.findall(r"page\.text\('(\w+)'", used)) <= set(texts)


SEEN = {"choice": "REASSESS/PAPERS_SEEN"}
PAPERS = {
    "en": ("Figures seen on papers", "Give a whole amount in CNY", "Give at least one figure"),
    "zh-CN": ("凭材料核实的数据", "以 CNY 为单位的整数金额", "请至少填写一项"),
}


@pytest.mark.parametrize("language", PAPERS)
def test_a_reviewer_who_saw_papers_records_the_figures_and_all_is_worked_out_anew(
    console: Console, language: str
) -> None:
    case, task = in_review(console.store)
    query = {"lang": language}
    page = console.ask(address(task), query=query)[1]
    assert PAPERS[language][0] in page
    assert not re.search(r'type="radio"[^>]*value="REASSESS/PAPERS_SEEN"', page), "it has a form of its own"
    form = SEEN | {"monthly_income": " 6,500 ", "savings": "０", "other_debt_payments": ""}
    assert [console.ask(address(task), form, query=query)[0] for _ in range(2)] == [303, 303]
    after = console.store.get(case.case_id)
    means = after.circumstances
    assert (means.monthly_income, means.savings, means.told_by) == (650_000, 0, "STAFF")
    assert means.other_debt_payments == case.circumstances.other_debt_payments
    assert after.decision is not None
    assert (after.decision.kind, after.decision.staff_id) == ("REASSESS", "mei")
    chain = list(console.store.events(case.case_id))
    assert verify_chain(chain, after.head, after.version) == 6
    assert [event.type for event in chain[-3:]] == ["PapersSeen", "StaffDecided", "StaffTaskClosed"]
    assert chain[-3].content["data"] == {"fields": ["monthly_income", "savings"]}
    assert chain[-3].content["actor"] == {"kind": "STAFF", "id": "mei"}
    assert not any("650000" in event.body for event in chain[-3:])
    assert PAPERS[language][0] not in console.ask(address(task), query=query)[1]
    other = console.ask(address(task), form | {"savings": "1"}, query=query)
    assert other[0] == 409, "other figures were not recorded, and nobody is told that they were"


@pytest.mark.parametrize("language", PAPERS)
@pytest.mark.parametrize("typed", ["6500.50", "-1", "abc", "1 2 3 x", "9" * 12, "<b>"])
def test_a_figure_that_cannot_be_read_is_named_at_its_field_and_nothing_is_recorded(
    console: Console, language: str, typed: str
) -> None:
    case, task = in_review(console.store)
    form = SEEN | {"monthly_income": "6500", "savings": typed}
    status, page, _ = console.ask(address(task), form, query={"lang": language})
    assert status == 422
    assert page.count(PAPERS[language][1]) == 1
    assert re.search(r'name="savings"[^>]*aria-invalid="true"[^>]*aria-describedby="savings-problem"', page)
    assert 'value="6500"' in page, "what could be read need not be typed again"
    assert f'value="{escape(typed)}"' in page
    assert console.store.get(case.case_id) == case


@pytest.mark.parametrize("language", PAPERS)
def test_at_least_one_figure_has_to_be_recorded(console: Console, language: str) -> None:
    case, task = in_review(console.store)
    status, page, _ = console.ask(address(task), SEEN, query={"lang": language})
    assert (status, PAPERS[language][2] in page) == (422, True)
    assert console.store.get(case.case_id) == case


def test_a_currency_without_minor_units_has_whole_amounts_too(console: Console) -> None:
    case, task = in_review(console.store)
    yen = case.account.model_copy(update={"currency": "JPY"})
    system = Actor(kind="SYSTEM", id="x")
    console.store.change(case.case_id, "yen", lambda case: Change(case.model_copy(update={"account": yen}), (), system))
    assert console.ask(address(task), SEEN | {"monthly_income": "300000"})[0] == 303
    assert console.store.get(case.case_id).circumstances.monthly_income == 300_000


def test_who_has_no_role_of_the_banks_records_no_papers(console: Console) -> None:
    case, task = in_review(console.store)
    nobody = {"arn": "arn:aws:sts::123456789012:assumed-role/Staff/lei"}
    status, page, _ = console.ask(address(task), SEEN | {"savings": "1"}, **nobody)
    assert (status, "takes the role of a negotiator" in page) == (409, True)
    assert console.store.get(case.case_id) == case


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "en",
            ("was paid to this card than comes in, more is spent", "First ask the customer about: income, essential"),
        ),
        ("zh-CN", ("对本卡的还款高于收入、必要支出高于收入", "请先向客户了解：收入、必要支出")),
    ],
)
def test_who_advises_reads_which_figures_do_not_fit_and_what_to_ask(
    console: Console, language: str, words: tuple[str, ...]
) -> None:
    case, _ = in_review(console.store)
    facts = {"doubts": "PAID_ABOVE_INCOME, SPEND_ABOVE_INCOME", "questions": "INCOME, ESSENTIAL_SPEND"}

    def advise(case: Case) -> Change:
        task, created = new_task(case, TaskKind.ADVISE_CUSTOMER, NOW, TaskReason.FIGURES_DOUBTFUL, facts)
        return Change(case, (created,), Actor(kind="SYSTEM", id="propose"), tasks=(task,))

    console.store.change(case.case_id, "advise", advise)
    page = console.ask("/ops", query={"lang": language})[1]
    assert all(said in page for said in words)


@pytest.mark.parametrize("why", ["NO_PRODUCT", "BEYOND_AUTHORITY", "WORTH_LESS_THAN_NO_PLAN"])
def test_nobody_is_said_to_be_able_to_pay_because_the_policy_has_no_plan(console: Console, why: str) -> None:
    for language, claim in (("en", "could pay"), ("zh-CN", "有还款能力")):
        assert claim not in console.app.TEXTS["task_reasons"]["NO_PLAN_POSSIBLE"][language]
        within = {"en": "within the person's means", "zh-CN": "客户负担得起"}[language]
        assert (within in console.app.TEXTS["why_none"][why][language]) == (why == "WORTH_LESS_THAN_NO_PLAN")


def test_the_review_shows_which_figures_are_doubtful(console: Console) -> None:
    case, task = in_review(console.store)
    assessment = assess(identify(case.model_copy(update={"status": Status.OPENED}), CN, NOW).case, CN, NOW.date())
    found = assessment.case.assessment
    assert found is not None
    doubted = found.model_copy(update={"doubts": ("DEBTS_UNLIKE_RECORD",)})
    system = Actor(kind="SYSTEM", id="x")
    console.store.change(
        case.case_id, "doubt", lambda case: Change(case.model_copy(update={"assessment": doubted}), (), system)
    )
    assert "far from what is on record" in console.ask(address(task))[1]


def test_logs_name_ids_only(console: Console, caplog: pytest.LogCaptureFixture) -> None:
    _, task = in_review(console.store)
    console.ask(address(task), APPROVE)
    lines = [record.__dict__ for record in caplog.records]
    assert [line["msg"] for line in lines] == ["task settled", "page served"]
    assert (lines[0]["staff_id"], lines[0]["outcome"]) == ("mei", "APPROVED")
    person = sample.details()[0]["cardholder"]
    assert not any(person[name] in str(lines) for name in ("name", "phone", "email"))
