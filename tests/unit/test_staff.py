"""What staff may decide about a task, when, and what it does to the case."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from builders import (
    NOBODY_REACHED,
    TODAY,
    YUAN,
    a_policy,
    after,
    an_assessed_case,
    an_offer,
    an_offered_case,
    circumstances,
    the_policy,
)
from builders import NOW as MORNING
from unit.test_figures import figures

from accord import customer, staff
from accord.affordability import Log, reckon
from accord.assessment import assess
from accord.billing import AccountOverdue, parse
from accord.calls import CALLED, CALLS
from accord.case import Balance, Case, Change, Decision, Offer, Product, StaffTask, Status, TaskKind, TaskReason
from accord.channels import standing
from accord.contact_gate import Ask, may_contact
from accord.errors import DecisionRefusedError
from accord.events import AccessUnlocked, Actor, CallMade, ContactRequested, PapersSeen
from accord.evidence import doubts
from accord.figures import changes_offers, note_figures, with_figures
from accord.identification import identify
from accord.lifecycle import apply_review, cannot_print, invite, record_failure
from accord.means import ON_PAPERS
from accord.messages import NEW_LINK, purpose_of
from accord.offers import propose
from accord.opening import NEW_ACCOUNT, open_case
from accord.policy import Policy
from accord.reach import ContactRecord
from infra.data import sample

NOW = datetime(2026, 6, 16, 2, 0, tzinfo=UTC)
WAITING = [
    (TaskKind.REVIEW_OFFERS, Status.IN_REVIEW),
    (TaskKind.REACH_BY_HAND, Status.OFFERED),
    (TaskKind.REACH_BY_HAND, Status.ASSESSED),  # the customer is to be asked for their means
    (TaskKind.MISSING_GLYPH, Status.SIGNED),
    (TaskKind.ACCOUNT_STANDING, Status.SIGNED),
]


def a_case(status: Status) -> Case:
    opened = open_case(parse(AccountOverdue, sample.details()[0]), NEW_ACCOUNT, NOW).case
    asked = NOW + timedelta(days=14) if status is Status.ASSESSED else None
    # Something to decide about; no authority and no second person is needed for it.
    offers = (an_offer(approved_by=None, valid_until=asked or NOW + timedelta(days=14)),)
    return opened.model_copy(
        update={"status": status, "answer_by": asked, "offers": offers if status is Status.IN_REVIEW else ()}
    )


def test_where_the_rules_find_no_plan_there_is_nothing_to_approve_and_still_a_person_decides() -> None:
    case = a_case(Status.IN_REVIEW).model_copy(update={"offers": ()})
    found = staff.choices(case, a_task(case, TaskKind.REVIEW_OFFERS), NOW)
    assert {choice.partition("/")[0] for choice in found} == {"REASSESS", "REJECTED"}
    assert {"REASSESS", staff.PAPERS_SEEN} <= set(found)


def test_while_plans_are_worked_out_nobody_waits_for_word_about_reaching_the_customer() -> None:
    case = a_case(Status.ASSESSED).model_copy(update={"answer_by": None})
    assert "GIVE_UP/CANNOT_BE_SOLVED" not in staff.choices(case, a_task(case, TaskKind.REACH_BY_HAND), NOW)


def a_task(case: Case, kind: TaskKind, number: int = 1) -> StaffTask:
    due = NOW + timedelta(days=1)
    task_id, reason = f"t-{kind.lower()}-{number}", TaskReason.REVIEW_OVERDUE
    return StaffTask(task_id=task_id, case_id=case.case_id, kind=kind, created_at=NOW, due_at=due, reason=reason)


def decisions(case: Case, task: StaffTask) -> list[str]:
    """What may be chosen, without the calls, which decide nothing."""
    return [choice for choice in staff.choices(case, task, NOW) if choice not in CALLED]


@pytest.mark.parametrize(("kind", "status"), [one for one in WAITING if one[0] in CALLS])
@pytest.mark.parametrize(("choice", "outcome"), [("CALLED/REACHED", "ANSWERED"), ("CALLED/NOT_REACHED", "NO_ANSWER")])
def test_a_call_on_the_way_to_a_decision_counts_and_leaves_the_task_open(
    kind: TaskKind, status: Status, choice: str, outcome: str
) -> None:
    case, reach = a_case(status), NOBODY_REACHED
    task = a_task(case, kind)
    for calls in (1, 2):
        assert choice in staff.choices(case, task, NOW)
        change = staff.decide(case, task, [task], reach, choice, "staff-7", "LEAD", the_policy(), NOW)
        assert [type(event).__name__ for event in change.events] == ["CallMade"]
        assert (change.tasks, change.case.decision) == ((), None)
        case, reach = after(change), change.reach or reach
        assert [record.status for record in reach.contacts] == [outcome] * calls
        assert len({record.contact_id for record in case.contacts}) == calls


def test_a_call_can_be_recorded_while_a_decision_is_being_taken_up() -> None:
    """The customer came by an earlier link: the case leads back to the invitation as soon as somebody starts it."""
    case = a_case(Status.OFFERED).model_copy(update={"stopped": "run-1"})
    came = case.model_copy(update={"decision": Decision(decision_id="s-1", by="STAFF", kind="RETRY", at=NOW)})
    assert staff.choices(came, a_task(came, TaskKind.REACH_BY_HAND), NOW) == CALLED
    reviewed = a_case(Status.IN_REVIEW).model_copy(update={"decision": came.decision})
    assert staff.choices(reviewed, a_task(reviewed, TaskKind.REVIEW_OFFERS), NOW) == ()


@pytest.mark.parametrize(("kind", "status"), WAITING)
def test_a_decision_stands_on_the_case_and_in_the_chain_and_closes_the_task(kind: TaskKind, status: Status) -> None:
    case = a_case(status)
    task = a_task(case, kind)
    for choice in decisions(case, task):
        papers = choice == staff.PAPERS_SEEN
        change = staff.decide(
            case, task, [task], NOBODY_REACHED, choice, "staff-7", "MANAGER", the_policy(), NOW,
            seen={"savings": 1} if papers else None,
        )  # fmt: skip
        decision = change.case.decision
        assert decision == Decision(
            decision_id=task.task_id,
            by="STAFF",
            kind=choice.partition("/")[0],
            at=NOW,
            staff_id="staff-7",
            reason=choice.partition("/")[2] or None,
        )
        assert change.case.status is case.status
        told = ["PapersSeen"] if papers else []
        assert [type(event).__name__ for event in change.events] == [*told, "StaffDecided", "StaffTaskClosed"]
        assert change.actor.kind == "STAFF"
        (closed,) = change.tasks
        assert (closed.outcome, closed.closed_by, closed.closed_at) == (choice, "staff-7", NOW)


def test_the_workflow_understands_every_decision() -> None:
    kinds = {}
    for kind, status in WAITING:
        case = a_case(status)
        kinds[kind] = {choice.partition("/")[0] for choice in decisions(case, a_task(case, kind))}
    assert kinds == {
        TaskKind.REVIEW_OFFERS: {"APPROVED", "REJECTED", "REASSESS"},
        TaskKind.REACH_BY_HAND: {"RETRY", "GIVE_UP"},
        TaskKind.MISSING_GLYPH: {"RETRY", "GIVE_UP"},
        TaskKind.ACCOUNT_STANDING: {"RETRY", "GIVE_UP"},
    }


@pytest.mark.parametrize("kind", TaskKind)
@pytest.mark.parametrize("status", Status)
def test_where_nothing_waits_a_task_closes_without_a_decision(kind: TaskKind, status: Status) -> None:
    if (kind, status) in WAITING:
        return
    case = a_case(status)
    task = a_task(case, kind)
    assert "APPROVED" not in staff.choices(case, task, NOW)
    assert "RETRY" not in staff.choices(case, task, NOW)
    done = "WITHDRAWN_BY_CUSTOMER" if kind is TaskKind.COMPLAINT else "NO_LONGER_NEEDED"
    change = staff.decide(case, task, [], NOBODY_REACHED, done, "staff-7", "MANAGER", the_policy(), NOW)
    assert change.case == case.model_copy(update={"complaint": change.case.complaint})
    assert change.case.complaint == ("CLOSED" if kind is TaskKind.COMPLAINT else None)
    assert [type(event).__name__ for event in change.events] == ["StaffTaskClosed"]


def test_one_answer_settles_every_open_task_of_an_escalated_review_and_no_other() -> None:
    case = a_case(Status.IN_REVIEW)
    first, second = (a_task(case, TaskKind.REVIEW_OFFERS, number) for number in (1, 2))
    done = a_task(case, TaskKind.REVIEW_OFFERS, 3).model_copy(update={"outcome": "APPROVED"})
    call = a_task(case, TaskKind.CALL_CUSTOMER)
    change = staff.decide(
        case, second, [first, second, done, call], NOBODY_REACHED, "APPROVED", "staff-7", "MANAGER", the_policy(), NOW
    )
    assert [task.task_id for task in change.tasks] == [second.task_id, first.task_id]


def test_a_closed_task_offers_no_choice() -> None:
    case = a_case(Status.IN_REVIEW)
    task = a_task(case, TaskKind.REVIEW_OFFERS).model_copy(update={"outcome": "APPROVED"})
    assert staff.choices(case, task, NOW) == ()
    with pytest.raises(DecisionRefusedError):
        staff.decide(case, task, [], NOBODY_REACHED, "APPROVED", "staff-7", "MANAGER", the_policy(), NOW)


def test_while_a_decision_is_being_taken_up_there_is_no_second() -> None:
    case = a_case(Status.IN_REVIEW)
    task = a_task(case, TaskKind.REVIEW_OFFERS)
    decided = staff.decide(case, task, [], NOBODY_REACHED, "APPROVED", "staff-7", "MANAGER", the_policy(), NOW).case
    other = a_task(case, TaskKind.REVIEW_OFFERS, 2)
    assert staff.choices(decided, other, NOW) == ()


def test_offers_that_ran_out_can_be_rejected_but_not_approved() -> None:
    offer = Offer(
        offer_id="o-1",
        product=Product.LUMP_SUM,
        currency="CNY",
        owed=Balance(principal=100),
        waived=Balance(),
        months=1,
        annual_rate_ppm=0,
        regular_instalment=100,
        last_instalment=100,
        interest=0,
        total_payable=100,
        annual_cost_ppm=0,
        first_due_date=NOW.date(),
        valid_until=NOW,
        policy_version="v",
        rules=(),
        approved_by=None,
    )
    case = a_case(Status.IN_REVIEW).model_copy(update={"offers": (offer,)})
    task = a_task(case, TaskKind.REVIEW_OFFERS)
    assert "APPROVED" in staff.choices(case, task, NOW - timedelta(seconds=1))
    assert "APPROVED" not in staff.choices(case, task, NOW)
    assert "REJECTED/OTHER_SOLUTION" in staff.choices(case, task, NOW)


@pytest.mark.parametrize("choice", ["", "REJECTED", "RETRY", "approved", "APPROVED/NOT_AFFORDABLE"])
def test_a_word_that_is_no_choice_is_refused(choice: str) -> None:
    case = a_case(Status.IN_REVIEW)
    with pytest.raises(DecisionRefusedError):
        staff.decide(
            case,
            a_task(case, TaskKind.REVIEW_OFFERS),
            [],
            NOBODY_REACHED,
            choice,
            "staff-7",
            "MANAGER",
            the_policy(),
            NOW,
        )


# --- figures that were seen on papers -----------------------------------------------------------------------------


def papers_seen(case: Case, role: str = "NEGOTIATOR", **seen: int) -> Change:
    task = a_task(case, TaskKind.REVIEW_OFFERS)
    return staff.decide(
        case, task, [task], NOBODY_REACHED, staff.PAPERS_SEEN, "staff-7", role, the_policy(), NOW, seen=seen
    )


def test_a_night_after_papers_takes_no_doubt_away_that_the_customers_later_word_raised() -> None:
    """Billing says again what it always said; what staff saw is the better record."""
    on_record = in_review(monthly_income=900_000, monthly_essential_spend=400_000)
    seen = papers_seen(on_record, monthly_income=550_000, monthly_essential_spend=390_000).case
    invited = seen.model_copy(update={"decision": None, "status": Status.INVITED})
    word = {"monthly_income": 900_000, "monthly_essential_spend": 200_000}
    told = customer.tell_circumstances(invited, word, "d-1", Actor(kind="CUSTOMER", id="v"), NOW).case
    doubted = {"INCOME_UNLIKE_RECORD", "SPEND_UNLIKE_RECORD"}
    assert doubted <= set(doubts(told, the_policy().on(NOW.date())))
    tonight = figures(account=told.account, circumstances=on_record.circumstances)
    after = note_figures(told, tonight, NOW + timedelta(days=1)).case
    assert not changes_offers(told, tonight)
    assert doubted <= set(doubts(with_figures(after, tonight), the_policy().on(NOW.date())))


@pytest.mark.parametrize(("payments", "cautious"), [(200_000, "other_debt_payments"), (300, "other_unsecured_balance")])
def test_beside_a_balance_that_the_customer_told_what_staff_saw_counts_where_it_leaves_less(
    payments: int, cautious: str
) -> None:
    case = in_review(other_unsecured_balance=400_000, own=("other_unsecured_balance",))
    means = papers_seen(case, other_debt_payments=payments).case.circumstances
    assert (means.other_debt_payments, means.other_unsecured_balance) == (payments, 400_000), "nothing is lost"
    assert means.monthly_income is not None
    month = reckon(means, means.monthly_income, 1_200_000, "most", the_policy().on(NOW.date()), log := Log())
    only = {"other_debt_payments": {"other_unsecured_balance": None}, "other_unsecured_balance": {}}[cautious]
    alone = means.model_copy(update=only | {"seen": ()})
    assert month == reckon(alone, means.monthly_income, 1_200_000, "most", the_policy().on(NOW.date()), Log())
    assert cautious in {line.name for line in log}


def test_figures_seen_on_papers_are_those_of_staff_each_by_itself_and_the_case_is_worked_out_anew() -> None:
    case = in_review(own=("monthly_income", "other_debt_payments"), told_by="CUSTOMER", income_on_record=300_000)
    change = papers_seen(case, monthly_income=650_000, savings=0)
    means = change.case.circumstances
    assert (means.monthly_income, means.told_by, means.income_on_record) == (650_000, "STAFF", 300_000)
    assert (means.savings, means.seen) == (0, ("monthly_income", "savings"))
    tellers = [means.teller(name) for name in ON_PAPERS]
    assert tellers == ["STAFF", "BILLING", "CUSTOMER", "STAFF"]
    assert means.own == case.circumstances.own, "that they told their own figures stays true"
    assert change.events[0] == PapersSeen(fields=("monthly_income", "savings"))
    assert change.actor == Actor(kind="STAFF", id="staff-7")
    assert "650000" not in str(change.events)
    assert change.case.decision is not None
    assert (change.case.decision.kind, change.case.decision.reason) == ("REASSESS", "PAPERS_SEEN")
    assert [closed.outcome for closed in change.tasks] == ["REASSESS/PAPERS_SEEN"]
    assert apply_review(after(change), NOW).result == {"outcome": "REASSESS"}


def in_review(**means: Any) -> Case:
    case = a_case(Status.IN_REVIEW)
    return case.model_copy(update={"circumstances": case.circumstances.model_copy(update=means)})


def test_a_total_that_was_seen_goes_before_categories_that_contradict_it() -> None:
    case = in_review(fixed_costs={"HOUSING": 200_000}, own=("fixed_costs", "monthly_essential_spend"))
    assert papers_seen(case, monthly_essential_spend=250_000).case.circumstances.fixed_costs == {"HOUSING": 200_000}
    less = papers_seen(case, monthly_essential_spend=150_000).case.circumstances
    assert (less.monthly_essential_spend, less.fixed_costs) == (150_000, None)
    assert less.teller("monthly_essential_spend") == "STAFF"


def test_an_income_that_was_seen_counts_in_full_and_the_papers_have_been_seen() -> None:
    policy = a_policy(assessment__evidence=[{"owed_from": 0, "papers": ["INCOME_PROOF"]}])
    stated = circumstances(told_by="CUSTOMER", own=("monthly_income",), income_on_record=1_000 * YUAN)
    case = propose(an_assessed_case(policy, circumstances=stated), policy, MORNING).case
    assert set(case.review_reasons) == {"PAPERS_TO_SEE", "FIGURES_DOUBTFUL"}
    task = a_task(case, TaskKind.REVIEW_OFFERS)
    seen = {"monthly_income": 6_000 * YUAN}
    change = staff.decide(
        case, task, [task], NOBODY_REACHED, staff.PAPERS_SEEN, "mei", "LEAD", policy, MORNING, seen=seen
    )
    again = propose(after(assess(apply_review(after(change), MORNING).case, policy, TODAY)), policy, MORNING)
    assert again.result == {"outcome": "OFFERED"}
    assert again.case.assessment is not None
    assert (again.case.assessment.affordable_monthly, again.case.assessment.confidence) == (860 * YUAN, "HIGH")


@pytest.mark.parametrize("seen", [{}, {"dependants": 1}, {"monthly_income": -1}, {"savings": 1, "hardship": 2}])
def test_what_is_no_figure_of_a_paper_is_not_recorded(seen: dict[str, int]) -> None:
    with pytest.raises(DecisionRefusedError, match="NOTHING_SEEN"):
        papers_seen(in_review(), **seen)


def test_who_has_no_role_of_the_banks_records_no_papers() -> None:
    with pytest.raises(DecisionRefusedError, match="NO_ROLE"):
        papers_seen(in_review(), role="", savings=1)


@pytest.mark.parametrize("kind", [kind for kind in TaskKind if kind is not TaskKind.REVIEW_OFFERS])
def test_papers_are_recorded_for_a_review_alone(kind: TaskKind) -> None:
    for status in Status:
        case = a_case(status)
        assert staff.PAPERS_SEEN not in staff.choices(case, a_task(case, kind), NOW)


# --- a case that stopped -----------------------------------------------------------------------------------------


def a_stopped_case() -> tuple[Case, StaffTask]:
    change = record_failure(a_case(Status.IN_REVIEW), "e-1", NOW)
    return after(change), change.tasks[0]


def test_a_case_that_stopped_can_only_be_started_again() -> None:
    case, task = a_stopped_case()
    assert staff.choices(case, task, NOW) == ("START_AGAIN",)
    with pytest.raises(DecisionRefusedError):
        staff.decide(case, task, [], NOBODY_REACHED, "NO_LONGER_NEEDED", "staff-7", "MANAGER", the_policy(), NOW)
    change = staff.decide(case, task, [], NOBODY_REACHED, "START_AGAIN", "staff-7", "MANAGER", the_policy(), NOW)
    assert change.case.stopped is None
    assert [closed.outcome for closed in change.tasks] == ["START_AGAIN"]


def test_a_start_is_recorded_also_when_the_execution_was_quicker_and_took_the_case_up_or_failed_again() -> None:
    case, task = a_stopped_case()
    taken_up = identify(case.taken_up("e-2"), the_policy(), NOW).case
    assert (taken_up.stopped, taken_up.status) == (None, Status.IN_REVIEW)
    assert staff.choices(taken_up, task, NOW) == ("NO_LONGER_NEEDED",)
    for quicker in (taken_up, record_failure(case, task.task_id, NOW).case):
        change = staff.decide(quicker, task, [], NOBODY_REACHED, "START_AGAIN", "staff-7", "MANAGER", the_policy(), NOW)
        assert change.case.stopped == quicker.stopped
        assert [closed.task_id for closed in change.tasks] == [task.task_id]


def test_an_earlier_failure_is_settled_by_the_task_of_the_last_one() -> None:
    case, first = a_stopped_case()
    again = record_failure(case, "e-2", NOW)
    assert staff.choices(after(again), first, NOW) == ("NO_LONGER_NEEDED",)
    assert staff.choices(after(again), again.tasks[0], NOW) == ("START_AGAIN",)


def test_a_review_may_be_decided_while_the_case_has_stopped() -> None:
    case, _ = a_stopped_case()
    assert "APPROVED" in staff.choices(case, a_task(case, TaskKind.REVIEW_OFFERS), NOW)


# --- unlocking the customer's pages ------------------------------------------------------------------------------

SYSTEM = Actor(kind="SYSTEM", id="customer_web")
NIGHT = MORNING.replace(hour=15)  # 23:00 in Shanghai
ENDED = (Status.CLOSED, Status.BREACHED, Status.COMPLETED)


def locked(lock: int = 1, **changes: Any) -> tuple[Case, StaffTask]:
    """An invited customer's case whose pages are locked, and the task about it."""
    case = after(invite(an_offered_case(), NOBODY_REACHED, the_policy(), MORNING)).model_copy(update=changes)
    change = customer.lock_access(case, lock, SYSTEM, MORNING)
    return after(change), change.tasks[0]


def unlocked(case: Case, task: StaffTask, choice: str = "IDENTITY_CONFIRMED", **changes: Any) -> Change:
    told: dict[str, Any] = {"policy": the_policy(), "now": MORNING} | changes
    return staff.decide(case, task, [task], NOBODY_REACHED, choice, "staff-7", "MANAGER", told["policy"], told["now"])


@pytest.mark.parametrize("lock", [1, 2])
def test_a_confirmed_identity_opens_the_pages_and_asks_for_one_message_with_a_new_link(lock: int) -> None:
    case, task = locked(lock)
    change = unlocked(case, task)
    called, opened, requested, _ = change.events
    assert isinstance(called, CallMade)
    assert opened == AccessUnlocked(lock=lock)
    assert isinstance(requested, ContactRequested)
    assert (requested.template, requested.channel) == ("NEW_LINK", "SMS")
    assert requested.offer_ids == tuple(offer.offer_id for offer in case.offers)
    assert "contact.quiet_hours_local" in requested.rules
    assert requested.contact_id in {contact.contact_id for contact in change.case.contacts}
    assert (change.case.unlocked, change.case.status) == (lock, case.status)
    assert change.result == {"outcome": "IDENTITY_CONFIRMED", "staff_id": "staff-7", "unlocked": lock}
    assert [(closed.task_id, closed.outcome) for closed in change.tasks] == [(task.task_id, "IDENTITY_CONFIRMED")]


@pytest.mark.parametrize("contacts", [5, 6])
def test_the_call_that_opens_the_pages_does_not_bar_its_own_link(contacts: int) -> None:
    """Seven contacts a week are allowed: the link is one of them, and the call that was made counts from then on."""
    case, task = locked()
    reach = NOBODY_REACHED
    for number in range(contacts):
        at = MORNING - timedelta(days=2 + number % 4)
        reach = reach.with_contact(ContactRecord(contact_id=f"k-{number}", channel="EMAIL", at=at, template="REMINDER"))
    case = case.model_copy(update={"contacts": ()})
    change = staff.decide(case, task, [task], reach, "IDENTITY_CONFIRMED", "mei", "LEAD", the_policy(), MORNING)
    assert change.reach is not None
    assert [record.channel for record in change.reach.contacts[contacts:]] == ["SMS", "CALL"]
    link = change.reach.contacts[contacts]
    others = change.reach.besides(link.contact_id)
    assert others.contacts == reach.contacts, "nor when it leaves"
    ask = Ask(link.channel, purpose_of(NEW_LINK))
    assert may_contact(the_policy(), MORNING, case.time_zone, ask, standing(case), others).allowed


def test_where_nothing_can_be_offered_yet_the_new_link_leads_to_no_offer() -> None:
    requested = unlocked(*locked(offers=())).events[2]
    assert isinstance(requested, ContactRequested)
    assert requested.offer_ids == ()


def test_at_an_hour_without_messages_the_pages_stay_locked_and_staff_learn_when_to_try_again() -> None:
    with pytest.raises(DecisionRefusedError, match="MESSAGE_LATER") as refused:
        unlocked(*locked(), now=NIGHT)
    assert refused.value.not_before == NIGHT + timedelta(hours=9)


@pytest.mark.parametrize(
    ("changes", "policy"),
    [({"flags": ("CEASE_CONTACT",)}, the_policy()), ({}, a_policy(contact__quiet_hours_local=None))],
)
def test_where_no_message_may_ever_leave_the_pages_stay_locked(changes: dict[str, Any], policy: Policy) -> None:
    with pytest.raises(DecisionRefusedError, match="MESSAGE_FORBIDDEN") as refused:
        unlocked(*locked(**changes), policy=policy)
    assert refused.value.not_before is None


def test_who_was_not_reached_stays_locked_out_and_somebody_tries_again() -> None:
    case, task = locked()
    change = unlocked(case, task, "NOT_REACHED")
    assert (change.case.unlocked, "unlocked" in change.result) == (case.unlocked, False)
    assert [type(event).__name__ for event in change.events] == ["CallMade", "StaffTaskClosed", "StaffTaskCreated"]
    closed, again = change.tasks
    assert (closed.outcome, again.outcome) == ("NOT_REACHED", None)
    assert (again.kind, again.reason, again.facts) == (task.kind, task.reason, task.facts)
    assert again.task_id != task.task_id
    assert unlocked(after(change), again).case.unlocked == 1


@pytest.mark.parametrize(("choice", "called"), [("NOT_THE_CUSTOMER", ["CallMade"]), ("NO_LONGER_NEEDED", [])])
def test_any_other_answer_leaves_the_pages_locked(choice: str, called: list[str]) -> None:
    case, task = locked()
    change = unlocked(case, task, choice, now=NIGHT)
    assert change.case.model_copy(update={"contacts": case.contacts}) == case
    assert [type(event).__name__ for event in change.events] == [*called, "StaffTaskClosed"]


@pytest.mark.parametrize("status", Status)
def test_the_pages_can_be_opened_again_until_the_case_ends(status: Status) -> None:
    case, task = locked(status=status)
    assert ("IDENTITY_CONFIRMED" in staff.choices(case, task, MORNING)) == (status not in ENDED)
    if status in ENDED:
        assert len(unlocked(case, task, "NOT_REACHED").tasks) == 1  # nobody has to try again
    else:
        assert unlocked(case, task).case.status is status


# --- a name that cannot be printed -------------------------------------------------------------------------------


def unprintable(**changes: Any) -> tuple[Case, StaffTask]:
    """An invited customer's case whose name the documents cannot print, and the task about it."""
    case = after(invite(an_offered_case(), NOBODY_REACHED, the_policy(), MORNING)).model_copy(update=changes)
    change = customer.note_unprintable_name(case, SYSTEM, MORNING)
    return after(change), change.tasks[0]


@pytest.mark.parametrize("status", Status)
def test_before_the_signature_and_after_it_nothing_waits_for_the_task_about_the_name(status: Status) -> None:
    """Signed meanwhile, it must not stand for the task of the seal, whose decision the workflow takes up."""
    case, task = unprintable(status=status)
    assert not staff.resumes(case, task)
    assert staff.choices(case, task, MORNING) == ("REACHED", "NOT_REACHED", "NO_LONGER_NEEDED")
    for choice, called in (("REACHED", ["CallMade"]), ("NO_LONGER_NEEDED", [])):
        change = staff.decide(case, task, [task], NOBODY_REACHED, choice, "staff-7", "LEAD", the_policy(), MORNING)
        assert (change.case.glyph_task, change.case.decision) == ("CLOSED", None)
        assert [type(event).__name__ for event in change.events] == [*called, "StaffTaskClosed"]


def test_who_was_not_reached_about_the_name_is_called_again() -> None:
    case, task = unprintable()
    change = staff.decide(case, task, [task], NOBODY_REACHED, "NOT_REACHED", "staff-7", "LEAD", the_policy(), MORNING)
    closed, again = change.tasks
    assert (closed.outcome, again.outcome, again.reason) == ("NOT_REACHED", None, task.reason)
    assert (again.task_id != task.task_id, change.case.glyph_task) == (True, "OPEN")


@pytest.mark.parametrize("status", ENDED)
def test_when_the_case_has_ended_nobody_is_called_again_about_the_name(status: Status) -> None:
    case, task = unprintable(status=status)
    change = staff.decide(case, task, [task], NOBODY_REACHED, "NOT_REACHED", "staff-7", "LEAD", the_policy(), MORNING)
    assert [closed.outcome for closed in change.tasks] == ["NOT_REACHED"]


def test_the_answer_at_the_seal_settles_the_earlier_task_about_the_name_too() -> None:
    case, early = unprintable(status=Status.SIGNED)
    held = cannot_print(case, MORNING)
    (task,) = held.tasks
    change = staff.decide(
        after(held), task, [early, task], NOBODY_REACHED, "RETRY", "staff-7", "LEAD", the_policy(), MORNING
    )
    assert [(closed.reason, closed.outcome) for closed in change.tasks] == [
        ("GLYPH_MISSING", "RETRY"),
        ("NAME_NOT_PRINTABLE", "RETRY"),
    ]
    assert (change.case.glyph_task, change.case.decision is not None) == ("CLOSED", True)
