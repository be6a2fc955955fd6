"""The case: one negotiation about one account, its parts, its statuses and the moves allowed between them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, NamedTuple

from pydantic import Field

from accord.errors import MoveNotAllowedError
from accord.events import GENESIS, Actor, CaseEvent, StaffTaskCreated
from accord.reach import ContactRecord, Reach
from accord.value import MinorUnits, Value


class Status(StrEnum):
    OPENED = "OPENED"
    IDENTIFIED = "IDENTIFIED"
    ASSESSED = "ASSESSED"
    OFFERED = "OFFERED"
    IN_REVIEW = "IN_REVIEW"
    INVITED = "INVITED"
    NEGOTIATING = "NEGOTIATING"
    SIGNED = "SIGNED"
    ACTIVE = "ACTIVE"
    IN_GRACE = "IN_GRACE"
    BREACHED = "BREACHED"
    COMPLETED = "COMPLETED"
    CLOSED = "CLOSED"


class ClosedReason(StrEnum):
    EXCLUDED = "EXCLUDED"
    NO_AFFORDABLE_OFFER = "NO_AFFORDABLE_OFFER"
    DECLINED = "DECLINED"
    EXPIRED = "EXPIRED"
    CURED = "CURED"
    REPLACED = "REPLACED"
    TRANSFERRED = "TRANSFERRED"
    WITHDRAWN = "WITHDRAWN"


# The one table of allowed moves. A change that stays in its status is always allowed.
MOVES: Mapping[Status, frozenset[Status]] = {
    Status.OPENED: frozenset({Status.IDENTIFIED, Status.CLOSED}),
    Status.IDENTIFIED: frozenset({Status.ASSESSED, Status.CLOSED}),
    # Straight to the customer where their own figures are asked for before anything can be offered.
    Status.ASSESSED: frozenset({Status.OFFERED, Status.IN_REVIEW, Status.INVITED, Status.NEGOTIATING, Status.CLOSED}),
    Status.OFFERED: frozenset({Status.INVITED, Status.NEGOTIATING, Status.ASSESSED, Status.CLOSED}),
    Status.IN_REVIEW: frozenset({Status.OFFERED, Status.ASSESSED, Status.CLOSED}),
    Status.INVITED: frozenset({Status.NEGOTIATING, Status.ASSESSED, Status.CLOSED}),
    Status.NEGOTIATING: frozenset({Status.SIGNED, Status.ASSESSED, Status.CLOSED}),
    Status.SIGNED: frozenset({Status.ACTIVE, Status.CLOSED}),
    Status.ACTIVE: frozenset({Status.IN_GRACE, Status.BREACHED, Status.COMPLETED, Status.CLOSED}),
    Status.IN_GRACE: frozenset({Status.ACTIVE, Status.BREACHED, Status.COMPLETED, Status.CLOSED}),
    Status.BREACHED: frozenset({Status.CLOSED}),
    Status.COMPLETED: frozenset(),
    Status.CLOSED: frozenset(),
}

# In these the account is free for a new case (round n + 1).
ENDED = frozenset({Status.BREACHED, Status.COMPLETED, Status.CLOSED})


class Balance(Value):
    """What is owed, by component: they are waived and allocated apart (Art. 70(1): the structure of the debt)."""

    principal: MinorUnits = 0
    interest: MinorUnits = 0
    penalty_interest: MinorUnits = 0
    late_fees: MinorUnits = 0
    fees: MinorUnits = 0

    @property
    def total(self) -> int:
        return self.principal + self.interest + self.penalty_interest + self.late_fees + self.fees


class HistoryMonth(Value):
    """One statement month as billing saw it, newest first in lists."""

    month: str = Field(pattern=r"^\d{4}-\d{2}$")
    billed: int  # may be negative: a credit balance
    paid: MinorUnits
    months_past_due: Annotated[int, Field(ge=0, le=120)]


class Account(Value):
    """The card account as billing handed it over."""

    account_id: str
    as_of: date  # the day of these figures, where the cardholder lives
    product_code: str
    currency: str
    opened_on: date
    credit_limit: MinorUnits
    balance: Balance
    days_past_due: int
    oldest_unpaid_due_date: date | None
    apr_ppm: int  # yearly rate in parts per million: 18.25 % is 182_500
    minimum_due: MinorUnits
    history: tuple[HistoryMonth, ...] = ()


class Circumstances(Value):
    """What is known of the person's means, in minor units a month. None means unknown, never zero."""

    monthly_income: MinorUnits | None = None
    monthly_essential_spend: MinorUnits | None = None
    other_debt_payments: MinorUnits | None = None
    dependants: int | None = None
    hardship: str | None = None
    hardship_months: int | None = None  # how long it is expected to last
    region: str | None = None  # a key of the policy's tables; None is its DEFAULT
    fixed_costs: dict[str, MinorUnits] | None = None  # a category: HOUSING, UTILITIES …; priority debts too
    flexible_costs: dict[str, MinorUnits] | None = None  # food_housekeeping, communications_leisure, personal
    other_unsecured_balance: MinorUnits | None = None  # what is owed to other creditors without security
    savings: MinorUnits | None = None  # what could be drawn at once
    told_by: str = "BILLING"  # the income: BILLING has it on record, the CUSTOMER stated it, or STAFF saw papers
    own: tuple[str, ...] = ()  # which of these the customer told; the others are on record
    seen: tuple[str, ...] = ()  # which of these staff saw on papers, whoever told them before
    on_papers: dict[str, MinorUnits] = Field(default_factory=dict)  # what they saw before the customer told another
    shown: tuple[str, ...] = ()  # the papers that were asked for when staff saw them
    # Of which of what staff saw billing told another figure since; `hardship` where another was told after the income,
    # `hardship_on_record` where billing told another than the customer after they told theirs.
    told_since: tuple[str, ...] = ()
    # What billing has where somebody told another figure.
    income_on_record: MinorUnits | None = None
    spend_on_record: MinorUnits | None = None
    debts_on_record: MinorUnits | None = None
    dependants_on_record: int | None = None
    hardship_on_record: str | None = None

    def teller(self, name: str) -> str:
        """Who told a figure: BILLING has it on record, the CUSTOMER stated it, or STAFF saw papers."""
        if name == "monthly_income":
            return self.told_by
        return "STAFF" if name in self.seen else "CUSTOMER" if name in self.own else "BILLING"


# Of which figures the record is kept where somebody tells another, and where.
ON_RECORD: Mapping[str, str] = {
    "monthly_income": "income_on_record",
    "monthly_essential_spend": "spend_on_record",
    "other_debt_payments": "debts_on_record",
    "dependants": "dependants_on_record",
    "hardship": "hardship_on_record",
}


# When billing said something, when it sent that, and in which event: of two words the greater one counts.
Told = tuple[datetime, datetime, str]


class Figures(Value):
    """What billing says of an account that is negotiated about."""

    told_at: datetime
    sent_at: datetime
    event_id: str
    # Which event told each of the means: one that is silent takes nothing back.
    means_told: dict[str, Told] = Field(default_factory=dict)
    late_told: Told | None = None  # the newest word that something is late
    risk_told: Told | None = None  # the newest word that something may become late
    at_risk: bool
    account: Account
    billed: Balance | None = None  # what billing told, where payments were taken off that it may not have known of
    counted: tuple[str, ...] = ()  # the ids of those payments
    circumstances: Circumstances
    time_zone: str
    language: str
    reachable_by: tuple[str, ...]


class Identification(Value):
    """Who the cardholder is to us now."""

    delinquency_bucket: str  # M0, M1 … M6, M6+
    segment: str = "STANDARD"
    treatment: str = "NEGOTIATION"  # NONE, SELF_CURE_WATCH, EARLY_CONTACT, NEGOTIATION or SPECIALIST_DESK
    exclusion: str | None  # why no negotiation: DECEASED, BANKRUPT, …
    vulnerable: bool
    pd_ppm: int | None = None  # how likely the next payment is missed; None where billing's history does not tell
    pd_reasons: tuple[str, ...] = ()  # what weighs most in that, the heaviest first
    rules: tuple[str, ...]


class AssessmentLine(Value):
    """One logged step of the affordability calculation."""

    name: str  # a word of the domain: income, essential_spend, …
    amount: int
    rule: str | None = None  # the policy key that set it
    by: str | None = None  # who told it: BILLING, CUSTOMER or STAFF; None where nobody did


class Assessment(Value):
    """What the person can really pay a month, and how sure we are."""

    affordable_monthly: MinorUnits | None  # the cautious end: what is offered reckons with it; None when nobody knows
    affordable_most: MinorUnits | None = None  # the other end; None where nobody knows how far it goes
    stressed_monthly: MinorUnits | None = None  # what would be affordable if part of the income were gone
    savings_available: MinorUnits | None = None  # what a lump sum may draw on too; None when not known
    disposable_income: int | None  # None when income or spending is unknown
    band: str = "FULL"  # UNKNOWN, NONE, TOKEN, PARTIAL or FULL: what the affordable amount comes to
    confidence: str  # HIGH, MEDIUM or LOW
    exceeds_ability: bool | None  # Art. 70, first precondition: the debt exceeds the ability to pay; None: not known
    willing: bool | None  # Art. 70, second precondition: still willing to repay; None: nothing speaks for or against
    willingness: str = "MEDIUM"  # HIGH, MEDIUM or LOW, from behaviour towards this debt alone
    hardship: str | None = None
    hardship_months: int | None = None
    questions: tuple[str, ...]  # what to ask the customer: INCOME, ESSENTIAL_SPEND, …
    evidence: tuple[str, ...] = ()  # the papers that the amount and the hardship ask for
    doubts: tuple[str, ...] = ()  # figures that a person has to look at first
    lines: tuple[AssessmentLine, ...]
    lines_at_best: tuple[AssessmentLine, ...] = ()  # the steps to the other end of the range
    rules: tuple[str, ...]


class Product(StrEnum):
    """What the bank may offer."""

    INSTALMENT = "INSTALMENT"  # at the card's own rate
    REDUCED_RATE = "REDUCED_RATE"
    INTEREST_FREE = "INTEREST_FREE"  # 停息挂账, the interest freeze: the balance bears nothing more
    LUMP_SUM = "LUMP_SUM"


class Bound(Value):
    """What set one figure of an offer: the rule, and the amount, number or rate that it allowed."""

    figure: str  # MONTHLY, MONTHS, RATE, NOT_CHEAPER …: explain.yaml has a sentence for each
    rule: str
    allows: int


class Worth(Value):
    """What the bank may expect of an offer, in minor units of today. Never told to a customer."""

    expected: int
    without_plan: int  # the best of waiting and of selling the debt


class Offer(Value):
    """One plan the bank stands by until `valid_until`. Every figure that is quoted comes from here."""

    offer_id: str
    product: Product
    currency: str
    owed: Balance
    waived: Balance
    months: int
    annual_rate_ppm: int
    regular_instalment: MinorUnits
    last_instalment: MinorUnits
    interest: MinorUnits  # over the whole plan
    total_payable: MinorUnits
    annual_cost_ppm: int  # one annual rate from the cash flows
    no_new_card: bool = False  # whether no credit card may be applied for until all is paid: Art. 70(4)
    first_due_date: date
    valid_until: datetime
    policy_version: str
    rules: tuple[str, ...]
    best_at: tuple[str, ...] = ()  # LOWEST_MONTHLY, LOWEST_TOTAL, SOONEST_FREE, OWN_AMOUNT
    bounds: tuple[Bound, ...] = ()
    worth: Worth | None = None
    resilient: bool = True  # still affordable if part of the income were gone
    stressed_monthly: MinorUnits | None = None  # what would be affordable then; None where that was not reckoned
    own_amount: MinorUnits | None = None  # what the customer had named a month when it was made
    approver: str = "POLICY"  # the least role whose authority the concession is within
    four_eyes: bool = False  # two persons have to approve
    approved_by: str | None  # "policy", a staff member's id, or None while in review

    @property
    def financed(self) -> int:
        """What is left to repay after the waiver, before any interest."""
        return self.owed.total - self.waived.total


class Instalment(NamedTuple):
    """One due amount of a schedule. A named tuple, since schedules are long and made often."""

    number: int
    due_date: date
    amount: MinorUnits
    principal: MinorUnits
    interest: MinorUnits


class Posting(Value):
    """A payment that billing posted to the account."""

    payment_id: str
    amount: MinorUnits
    posted_at: datetime
    void: bool = False  # taken back since


class Pause(Value):
    """Days in which nothing of a plan falls due, from `since` until before `until`."""

    since: date
    until: date | None = None  # None: it has no end yet


class Plan(Value):
    """The life of a signed plan, beside the agreement and the payments."""

    begun_on: date
    told_as_paid: int = 0  # so many instalments were told as paid
    pauses: tuple[Pause, ...] = ()


class Comprehension(Value):
    """What was asked about the chosen offer and what was answered."""

    offer_id: str
    attempts: int
    passed_at: datetime | None
    answers: tuple[dict[str, str], ...]  # of the last attempt: question, answer, right


class Agreement(Value):
    """The signed terms and, once sealed, the document.

    Whatever was agreed is read from the terms, whose hash stands in the chain; a copy beside them could say otherwise.
    """

    offer_id: str
    terms: str  # the canonical JSON of the terms that were shown and signed, byte for byte
    terms_hash: str  # its SHA-256
    signed_at: datetime
    drawing_sha256: str | None = None  # of the signature that was drawn by hand, which lies with the documents
    document_key: str | None = None
    document_sha256: str | None = None

    @property
    def agreed(self) -> dict[str, Any]:
        """The terms, parsed."""
        parsed: dict[str, Any] = json.loads(self.terms)
        return parsed

    @property
    def language(self) -> str:
        """The language that was signed in."""
        return str(self.agreed["language"])

    @property
    def schedule(self) -> tuple[Instalment, ...]:
        """The schedule that was signed."""
        return tuple(
            Instalment(**row | {"due_date": date.fromisoformat(row["due_date"])}) for row in self.agreed["schedule"]
        )


class Decision(Value):
    """What the customer or a member of staff decided while the workflow waited, until the workflow takes it up."""

    decision_id: str
    by: str  # CUSTOMER or STAFF: which wait it answers
    kind: str
    at: datetime
    amount: MinorUnits | None = None  # of a counter-offer: what the customer could pay a month
    staff_id: str | None = None  # who decided, when it was staff
    reason: str | None = None  # why, where staff reject or give up


class Case(Value):
    """One negotiation about one account.

    `version` is the number of its events and `head` the hash of the last; `revision` counts every change.
    """

    case_id: str
    account_id: str
    cardholder_id: str
    round: int = 1
    jurisdiction: str
    time_zone: str
    language: str
    status: Status = Status.OPENED
    closed_reason: ClosedReason | None = None
    revision: int = 0
    version: int = 0
    head: str = GENESIS
    head_at: datetime | None = None  # when its last event happened: of two clocks one is behind
    opened_at: datetime
    at_risk: bool = False  # billing, or the early warning, sees trouble coming and nothing is late yet
    account: Account
    figures_at: datetime | None = None  # when billing told these figures of the account
    billed: Balance | None = None  # what billing told, where payments were taken off that it may not have known of
    counted: tuple[str, ...] = ()  # the ids of those payments
    postings: tuple[Posting, ...] = ()  # every payment that billing posted since the case is open
    plan: Plan | None = None  # from its beginning on
    told: Told | None = None  # the newest word of billing's
    means_told: dict[str, Told] = Field(default_factory=dict)  # the newest word on each of the means
    late_told: Told | None = None  # the newest word that something is late
    risk_told: Told | None = None  # the newest word that something may become late
    newer: Figures | None = None  # what billing told since the last assessment, until the next
    plan_before: str | None = None  # how the account's last plan ended: COMPLETED or BREACHED
    waived_before: MinorUnits = 0  # given up to the account in the twelve months before this case
    flags: tuple[str, ...] = ()  # VULNERABLE, REPRESENTED, CEASE_CONTACT and account statuses
    circumstances: Circumstances
    identification: Identification | None = None
    assessment: Assessment | None = None
    offers: tuple[Offer, ...] = ()
    offers_before: tuple[Offer, ...] = ()  # approved earlier; they stand aside while a person reviews newer ones
    why_no_offer: str | None = None  # where the search for plans lost the last one
    offers_beyond_means: bool = False  # by what the customer told since; the offers stand, because they were promised
    review_reasons: tuple[str, ...] = ()
    review_escalations: int = 0
    asked_again: bool = False  # the offers are worked out by what the customer told or asked for on the page
    untold: bool = False  # nobody has told the customer yet what stands now, nor have they seen it
    rejected_for: str | None = None  # why staff rejected the last offers in review, until the customer was told
    human_review: bool = False  # the customer asked that a person decides, not the rules alone (PIPL Art. 24)
    came: bool = False  # the customer has been on the pages, so that what is offered since is theirs to see at once
    advice_due: bool = False  # staff have an open task to advise on offers that may be beyond the means
    answer_due: bool = False  # the customer answered a text, and staff have not closed the task to call them yet
    call_promised_at: datetime | None = None  # when the customer was promised one last, because of what they did
    call_arranged: bool = False  # the customer was promised a call, and staff have not closed the task for it yet
    own_language: bool = False  # the customer chose it on the page
    begin_doubt: str | None = None  # why a person has to say whether the signed plan should still begin
    begin_despite: tuple[str, ...] = ()  # such doubts that staff settled
    most_owed_since: MinorUnits = 0  # the most that billing told of since the signature
    glyph_task: str | None = None  # OPEN or CLOSED, once staff were told that the name cannot be printed
    answer_by: datetime | None = None  # until when the question of income stands, where nothing can be offered yet
    reachable_by: tuple[str, ...] = ("SMS", "CALL")  # the channels for which billing gave a number or an address
    complaint: str | None = None  # OPEN while a complaint is looked at, then CLOSED
    complaint_answer_by: datetime | None = None  # until when the customer was promised an answer to it
    reminders: int = 0
    contacts: tuple[ContactRecord, ...] = ()
    left: tuple[str, ...] = ()  # the ids of those messages that left
    decision: Decision | None = None
    first_approver: str | None = None  # of offers that two persons approve: who was the first
    proposed_monthly: MinorUnits | None = None  # the customer's own word: what they could pay a month
    chosen_offer_id: str | None = None
    comprehension: Comprehension | None = None
    code_for: str | None = None  # the hash of the terms for which the last signing code was sent
    agreement: Agreement | None = None
    execution: str | None = None  # the one that took the case up last
    executions_before: tuple[str, ...] = ()  # those that it was taken over from
    stopped: str | None = None  # the execution that failed, until another one takes the case up
    copy_missing: bool = (
        False  # the sealed document cannot be handed over, and staff have not closed the task for it yet
    )
    unlocked: int = 0  # up to which of the pages' locks staff have let the person in again

    @property
    def given_up(self) -> bool:
        """Whether staff decided to end the case, and no step has heard it yet."""
        return self.decision is not None and self.decision.kind == "GIVE_UP"

    @property
    def decide_by(self) -> datetime | None:
        """Until when there is something to decide: the last offer, or the question of income where there is no offer.
        None where nothing is asked.
        """
        return max((offer.valid_until for offer in self.offers), default=self.answer_by)

    def offer(self, offer_id: str | None) -> Offer | None:
        """The offer of that id, or None."""
        return next((offer for offer in self.offers if offer.offer_id == offer_id), None)

    def taken_up(self, execution: str) -> "Case":
        """This case in the hands of an execution, whoever had it before."""
        before = self.executions_before
        if self.execution is not None:
            before = (*before, self.execution)
        return self.model_copy(
            update={
                "execution": execution,
                "executions_before": tuple(name for name in dict.fromkeys(before) if name != execution),
                "stopped": None,
            }
        )

    def moved(self, to: Status, **changes: Any) -> "Case":
        """This case in status `to` with `changes`. Raises MoveNotAllowedError where the table has no such move."""
        if to is not self.status and to not in MOVES[self.status]:
            raise MoveNotAllowedError(f"{self.status} to {to}")
        return self.model_copy(update={"status": to, **changes})


class TaskKind(StrEnum):
    """Work for a person."""

    REVIEW_OFFERS = "REVIEW_OFFERS"
    CALL_CUSTOMER = "CALL_CUSTOMER"
    UNLOCK_ACCESS = "UNLOCK_ACCESS"
    ADVISE_CUSTOMER = "ADVISE_CUSTOMER"
    REACH_BY_HAND = "REACH_BY_HAND"
    MISSING_GLYPH = "MISSING_GLYPH"
    ACCOUNT_STANDING = "ACCOUNT_STANDING"
    FAILED_STEP = "FAILED_STEP"
    CHECK_DOCUMENT = "CHECK_DOCUMENT"
    COMPLAINT = "COMPLAINT"
    UNMATCHED_PAYMENT = "UNMATCHED_PAYMENT"


class TaskReason(StrEnum):
    """Why a person is needed. The pages of staff have a sentence for each, in every language of staff."""

    OFFERS_NEED_REVIEW = "OFFERS_NEED_REVIEW"
    REVIEW_OVERDUE = "REVIEW_OVERDUE"
    SECOND_APPROVAL = "SECOND_APPROVAL"
    NO_AFFORDABLE_OFFER = "NO_AFFORDABLE_OFFER"
    NO_PLAN_POSSIBLE = "NO_PLAN_POSSIBLE"  # it is not for want of means
    OFFERS_BEYOND_MEANS = "OFFERS_BEYOND_MEANS"  # what was promised stands, and by what is known now it is too much
    MEANS_UNKNOWN = "MEANS_UNKNOWN"  # no affordable offer by what is known, and something is not
    FIGURES_DOUBTFUL = "FIGURES_DOUBTFUL"  # no affordable offer, and doubts that may hide means
    CUSTOMER_ASKED_FOR_CALL = "CUSTOMER_ASKED_FOR_CALL"
    AMOUNT_DISPUTED = "AMOUNT_DISPUTED"
    NOT_UNDERSTOOD = "NOT_UNDERSTOOD"  # the questions about the plan were answered wrongly again and again
    ACCESS_LOCKED = "ACCESS_LOCKED"
    CONTACT_REFUSED = "CONTACT_REFUSED"
    OUTCOME_UNTOLD = "OUTCOME_UNTOLD"  # the plan began, or a person decided, and no message may say so
    MESSAGE_TOO_LATE = "MESSAGE_TOO_LATE"
    MESSAGE_REJECTED = "MESSAGE_REJECTED"
    MESSAGE_IN_DOUBT = "MESSAGE_IN_DOUBT"
    OPTED_OUT = "OPTED_OUT"  # the telephone takes no texts: the customer answered one with a stop
    REPLIED = "REPLIED"  # the customer answered a message in their own words
    WRONG_PERSON = "WRONG_PERSON"  # somebody else has the number or the address
    MESSAGE_STUCK = "MESSAGE_STUCK"  # it failed again and again, and lies in the dead letters
    CUSTOMER_DATA_MISSING = "CUSTOMER_DATA_MISSING"
    EMAIL_MISSING = "EMAIL_MISSING"
    NAME_NOT_PRINTABLE = "NAME_NOT_PRINTABLE"  # noticed before anybody signs
    GLYPH_MISSING = "GLYPH_MISSING"  # noticed at the seal: it is signed
    STANDING_CHANGED = "STANDING_CHANGED"
    BEGINS_LATE = "BEGINS_LATE"  # the day of the first payment has come before the plan could begin
    LESS_OWED = "LESS_OWED"  # billing said after the offers were made that less is owed
    STEP_FAILED = "STEP_FAILED"
    COMPLAINT_MADE = "COMPLAINT_MADE"
    DOCUMENT_MISSING = "DOCUMENT_MISSING"  # gone, or not the one that was sealed
    OTHER_CURRENCY_PAID = "OTHER_CURRENCY_PAID"
    PAID_TOO_MUCH = "PAID_TOO_MUCH"  # with it the plan was completed, and something is left
    PAID_AFTER_END = "PAID_AFTER_END"
    PAID_BACK_AFTERWARDS = "PAID_BACK_AFTERWARDS"  # an agreement, or the end of a plan, had counted on it


# What else is told of each reason: codes and ids, never personal data. The sentences name exactly these.
TASK_FACTS: Mapping[TaskReason, frozenset[str]] = {
    TaskReason.OFFERS_NEED_REVIEW: frozenset({"review_reasons"}),
    TaskReason.REVIEW_OVERDUE: frozenset(),
    TaskReason.SECOND_APPROVAL: frozenset(),
    TaskReason.NO_AFFORDABLE_OFFER: frozenset(),
    TaskReason.NO_PLAN_POSSIBLE: frozenset({"why_none"}),
    TaskReason.OFFERS_BEYOND_MEANS: frozenset(),
    TaskReason.MEANS_UNKNOWN: frozenset({"questions"}),
    TaskReason.FIGURES_DOUBTFUL: frozenset({"doubts", "questions"}),
    TaskReason.CUSTOMER_ASKED_FOR_CALL: frozenset(),
    TaskReason.AMOUNT_DISPUTED: frozenset(),
    TaskReason.NOT_UNDERSTOOD: frozenset({"questions"}),
    TaskReason.ACCESS_LOCKED: frozenset({"lock"}),
    TaskReason.CONTACT_REFUSED: frozenset({"rule"}),
    TaskReason.OUTCOME_UNTOLD: frozenset({"rule"}),
    TaskReason.MESSAGE_TOO_LATE: frozenset({"rule"}),
    TaskReason.MESSAGE_REJECTED: frozenset({"error"}),
    TaskReason.MESSAGE_IN_DOUBT: frozenset(),
    TaskReason.OPTED_OUT: frozenset(),
    TaskReason.REPLIED: frozenset(),
    TaskReason.MESSAGE_STUCK: frozenset(),
    TaskReason.WRONG_PERSON: frozenset(),
    TaskReason.CUSTOMER_DATA_MISSING: frozenset(),
    TaskReason.EMAIL_MISSING: frozenset(),
    TaskReason.NAME_NOT_PRINTABLE: frozenset(),
    TaskReason.GLYPH_MISSING: frozenset(),
    TaskReason.STANDING_CHANGED: frozenset({"standing"}),
    TaskReason.BEGINS_LATE: frozenset({"first_due"}),
    TaskReason.LESS_OWED: frozenset(),
    TaskReason.STEP_FAILED: frozenset({"execution"}),
    TaskReason.COMPLAINT_MADE: frozenset({"about"}),
    TaskReason.DOCUMENT_MISSING: frozenset(),
    TaskReason.OTHER_CURRENCY_PAID: frozenset({"payment", "amount"}),
    TaskReason.PAID_TOO_MUCH: frozenset({"payment", "amount"}),
    TaskReason.PAID_AFTER_END: frozenset({"payment", "amount"}),
    TaskReason.PAID_BACK_AFTERWARDS: frozenset({"payment", "amount"}),
}


class StaffTask(Value):
    """One piece of work for a person, open until its outcome is recorded."""

    task_id: str
    case_id: str
    kind: TaskKind
    created_at: datetime
    due_at: datetime
    reason: TaskReason
    facts: dict[str, str] = Field(default_factory=dict)  # those of TASK_FACTS; several codes stand as "A, B"
    outcome: str | None = None
    closed_by: str | None = None
    closed_at: datetime | None = None


@dataclass(frozen=True)
class DamagedTask:
    """What stands in a task's place and is not what Accord wrote there."""

    case_id: str
    task_id: str


# Within which time a person should have done it.
DUE_WITHIN: Mapping[TaskKind, timedelta] = {
    TaskKind.REVIEW_OFFERS: timedelta(days=1),
    TaskKind.CALL_CUSTOMER: timedelta(days=1),
    TaskKind.UNLOCK_ACCESS: timedelta(days=1),
    TaskKind.ADVISE_CUSTOMER: timedelta(days=2),
    TaskKind.REACH_BY_HAND: timedelta(days=2),
    TaskKind.MISSING_GLYPH: timedelta(days=2),
    TaskKind.ACCOUNT_STANDING: timedelta(days=1),
    TaskKind.FAILED_STEP: timedelta(hours=4),
    TaskKind.CHECK_DOCUMENT: timedelta(days=1),
    TaskKind.UNMATCHED_PAYMENT: timedelta(days=2),
    TaskKind.COMPLAINT: timedelta(days=15),  # the policy says for how long, where it knows the person's law
}


def new_task(
    case: Case,
    kind: TaskKind,
    now: datetime,
    reason: TaskReason,
    facts: Mapping[str, str] | None = None,
    within: timedelta | None = None,
) -> tuple[StaffTask, StaffTaskCreated]:
    """A task for staff and the event that announces it.

    It is due in the time that its kind allows, unless `within` says otherwise. Raises ValueError when the facts are
    not those of the reason.
    """
    told = dict(facts or {})
    if told.keys() != TASK_FACTS[reason]:
        raise ValueError(f"{reason} takes the facts {sorted(TASK_FACTS[reason])}, not {sorted(told)}")
    due_at = now + (DUE_WITHIN[kind] if within is None else within)
    task_id = f"{case.case_id}-{kind.lower().replace('_', '-')}-{case.version + 1}"
    task = StaffTask(
        task_id=task_id,
        case_id=case.case_id,
        kind=kind,
        created_at=now,
        due_at=due_at,
        reason=reason,
        facts=told,
    )
    return task, StaffTaskCreated(task_id=task_id, kind=kind, due_at=due_at)


@dataclass(frozen=True)
class Change:
    """What one step does to a case: the new case, the events that say so, tasks to put, and what the step returns."""

    case: Case
    events: tuple[CaseEvent, ...]
    actor: Actor
    result: dict[str, Any] = field(default_factory=dict)
    tasks: tuple[StaffTask, ...] = ()
    reach: Reach | None = None  # where a contact counts over all the person's accounts
