"""What a policy decides about an account that billing hands over: the domain's own steps, without a workflow."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from accord.assessment import assess
from accord.billing import AccountOverdue
from accord.case import Case, Change, Offer
from accord.errors import RuleMissingError
from accord.identification import bucket, identify
from accord.offers import propose
from accord.opening import NEW_ACCOUNT, AccountCases, open_case
from accord.policy import Policy


@dataclass(frozen=True)
class Outcome:
    """What became of an account. `case` is the case as the last step left it."""

    outcome: str  # EXCLUDED, WATCH, OFFERED, REVIEW, ASK, NO_AFFORDABLE_OFFER; DENIED where the policy lacks a rule
    bucket: str
    case: Case
    why: str | None = None  # there is no offer: what the policy lacks, or where the search for plans ended

    @property
    def offers(self) -> tuple[Offer, ...]:
        """The offers, approved or in review."""
        return self.case.offers

    def is_like(self, other: "Outcome") -> bool:
        """Whether the customer would get the same: outcome, reasons, the terms of every offer and who approves it."""
        return self._compared() == other._compared()

    def _compared(self) -> tuple[object, ...]:
        terms = [(o.product, o.months, o.annual_rate_ppm, o.waived, o.regular_instalment, o.total_payable, o.approver)
                 for o in self.offers]  # fmt: skip
        return self.outcome, self.why, sorted(self.case.review_reasons), terms


def decide(event: AccountOverdue, policy: Policy, now: datetime, known: AccountCases = NEW_ACCOUNT) -> Outcome:
    """Identify, assess and propose under a policy, which need not be the one that is in use.

    `known` are the account's cases before; `now` has an offset.
    """
    case = open_case(event, known, now).case
    today = now.astimezone(ZoneInfo(case.time_zone)).date()
    late = bucket(case.account.days_past_due)
    try:
        identified = identify(case, policy, now)
        if identified.result["outcome"] != "NEGOTIATE":
            return Outcome(identified.result["outcome"], late, identified.case)
        case = _after(identified)
        case = _after(assess(case, policy, today))
        proposed = propose(case, policy, now)
    except RuleMissingError as error:
        return Outcome("DENIED", late, case, str(error))
    return Outcome(proposed.result["outcome"], late, proposed.case, proposed.result.get("why"))


def _after(change: Change) -> Case:
    """The case after a step, with its events counted as the store does."""
    return change.case.model_copy(update={"version": change.case.version + len(change.events)})
