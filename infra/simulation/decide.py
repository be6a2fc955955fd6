"""What a policy decides about an account that billing hands over: the domain's own steps, without a workflow."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from accord.agreement import terms_of
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
    agreements: tuple[dict[str, Any], ...] = ()  # the terms of each offer, as the customer would sign them

    @property
    def offers(self) -> tuple[Offer, ...]:
        """The offers, approved or in review."""
        return self.case.offers


def decide(event: AccountOverdue, policy: Policy, now: datetime, known: AccountCases = NEW_ACCOUNT) -> Outcome:
    """Identify, assess, propose and put into terms under a policy, which need not be the one that is in use.

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
        # An offer that the policy has no words to sign is none.
        agreements = tuple(
            terms_of(proposed.case, offer, policy, case.language, today) for offer in proposed.case.offers
        )
    except RuleMissingError as error:
        return Outcome("DENIED", late, case, str(error))
    return Outcome(proposed.result["outcome"], late, proposed.case, proposed.result.get("why"), agreements)


def _after(change: Change) -> Case:
    """The case after a step, with its events counted as the store does."""
    return change.case.model_copy(update={"version": change.case.version + len(change.events)})
