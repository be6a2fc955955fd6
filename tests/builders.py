"""Builds accounts, cases and offers for tests: a plausible whole of which a test changes what it is about."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from accord.assessment import assess
from accord.case import (
    Account,
    Balance,
    Case,
    Change,
    Circumstances,
    Decision,
    HistoryMonth,
    Offer,
    Product,
    Status,
)
from accord.identification import identify
from accord.offers import propose
from accord.policy import Policy, load_policy
from accord.reach import ContactRecord, Reach
from accord.schedule import annual_cost_ppm, payments

YUAN = 100
NOW = datetime(2026, 3, 5, 2, 0, tzinfo=UTC)  # 10:00 in Shanghai
TODAY = date(2026, 3, 5)
NOBODY_REACHED = Reach(cardholder_id="holder-1")
TALKED = ContactRecord(contact_id="k-1", channel="CALL", at=NOW, template="call", connected=True)


def a_balance(**changes: int) -> Balance:
    """12,000 yuan owed, in every component."""
    whole = {
        "principal": 11_000 * YUAN,
        "interest": 600 * YUAN,
        "penalty_interest": 150 * YUAN,
        "late_fees": 200 * YUAN,
        "fees": 50 * YUAN,
    }
    return Balance(**(whole | changes))


def a_history(*paid: int) -> tuple[HistoryMonth, ...]:
    """Statement months, newest first, with what was paid in each."""
    months = []
    billed = 12_000 * YUAN
    for back, amount in enumerate(paid):
        year, index = divmod(TODAY.year * 12 + TODAY.month - 2 - back, 12)
        late = max(3 - back, 0)
        months.append(HistoryMonth(month=f"{year}-{index + 1:02}", billed=billed, paid=amount, months_past_due=late))
        billed += amount  # nothing new was spent
    return tuple(months)


def an_account(**changes: Any) -> Account:
    """A card account three months behind (75 days)."""
    late = changes.get("days_past_due", 75)
    whole: dict[str, Any] = {
        "account_id": "A-1001",
        "as_of": TODAY,
        "product_code": "CLASSIC",
        "currency": "CNY",
        "opened_on": date(2019, 5, 1),
        "credit_limit": 20_000 * YUAN,
        "balance": a_balance(),
        "days_past_due": late,
        "oldest_unpaid_due_date": TODAY - timedelta(days=late) if late else None,
        "apr_ppm": 182_500,
        "minimum_due": 1_200 * YUAN,
        "history": a_history(0, 300 * YUAN, 0, 900 * YUAN, 800 * YUAN, 1_000 * YUAN),
    }
    return Account(**(whole | changes))


def circumstances(**changes: Any) -> Circumstances:
    """Everything known: 6,000 yuan come in, 3,600 go out, one child. 800 a month turn out to be affordable."""
    whole: dict[str, Any] = {
        "monthly_income": 6_000 * YUAN,
        "monthly_essential_spend": 3_600 * YUAN,
        "other_debt_payments": 1_200 * YUAN,
        "dependants": 1,
        "savings": 0,
        "told_by": "BILLING",
    }
    return Circumstances(**(whole | changes))


def a_case(**changes: Any) -> Case:
    """A case that was just opened."""
    whole: dict[str, Any] = {
        "case_id": "c-1",
        "account_id": "A-1001",
        "cardholder_id": "P-1",
        "jurisdiction": "CN",
        "time_zone": "Asia/Shanghai",
        "language": "zh-CN",
        "opened_at": NOW,
        "version": 1,
        "account": an_account(),
        "circumstances": circumstances(),
    }
    return Case(**(whole | changes))


def the_policy() -> Policy:
    """The policy pack that ships for China."""
    return load_policy("CN")


def a_policy(**values: Any) -> Policy:
    """The shipped pack with other values: `a_policy(offer__valid_days=3)`. None takes a rule away."""
    policy = the_policy().model_dump()
    for name, value in values.items():
        key = name.replace("__", ".")
        if value is None:
            del policy["rules"][key]
        else:
            policy["rules"][key]["value"] = value
    return Policy.model_validate(policy)


def after(change: Change) -> Case:
    """The case after a change, with its events counted as the store does."""
    return change.case.model_copy(update={"version": change.case.version + len(change.events)})


def an_assessed_case(policy: Policy | None = None, **changes: Any) -> Case:
    """A case that went through identification and assessment."""
    policy = policy or the_policy()
    identified = after(identify(a_case(**changes), policy, NOW))
    return after(assess(identified, policy, TODAY))


def an_offered_case(policy: Policy | None = None, **changes: Any) -> Case:
    """A case with offers that the policy approved."""
    case = after(propose(an_assessed_case(policy, **changes), policy or the_policy(), NOW))
    assert case.status is Status.OFFERED, f"the builder's case came to {case.status}"
    return case


def a_counter_offer(amount: int) -> Decision:
    """The customer says what they could pay a month."""
    return Decision(decision_id="d-1", by="CUSTOMER", kind="COUNTER", at=NOW, amount=amount)


def an_offer(**changes: Any) -> Offer:
    """An approved offer whose figures agree with each other: 24 interest-free instalments unless changed."""
    owed = changes.pop("owed", a_balance())
    waived = changes.pop("waived", Balance(penalty_interest=150 * YUAN, late_fees=200 * YUAN))
    months, rate = changes.pop("months", 24), changes.pop("annual_rate_ppm", 0)
    product = changes.pop("product", Product.REDUCED_RATE if rate else Product.INTEREST_FREE)
    bearing = owed.principal - waived.principal
    financed = owed.total - waived.total
    rows = payments(bearing, financed - bearing, rate, months)
    whole: dict[str, Any] = {
        "offer_id": "c-1-4-1",
        "product": product,
        "currency": "CNY",
        "owed": owed,
        "waived": waived,
        "months": months,
        "annual_rate_ppm": rate,
        "regular_instalment": rows[0].amount,
        "last_instalment": rows[-1].amount,
        "interest": sum(row.interest for row in rows),
        "total_payable": sum(row.amount for row in rows),
        "annual_cost_ppm": annual_cost_ppm(financed, [row.amount for row in rows]),
        "no_new_card": True,
        "first_due_date": date(2026, 3, 31),
        "valid_until": datetime(2026, 3, 19, 2, 0, tzinfo=UTC),
        "policy_version": the_policy().version,
        "rules": (),
        "approved_by": "policy",
    }
    return Offer(**(whole | changes))
