"""Hard cases from billing's event on: refused or handled with a sentence that says what to do, never a wrong offer."""

import json
from datetime import UTC, date, datetime
from typing import Any

import oracle
import pytest
from billing_events import overdue_detail
from builders import NOW, TODAY, a_policy, an_assessed_case, the_policy

from accord import opening
from accord.agreement import terms_of
from accord.billing import AccountOverdue, parse
from accord.case import Case, Change, Product, TaskReason
from accord.errors import InputRejectedError, RuleMissingError
from accord.money import format_money
from accord.offers import propose
from accord.opening import NEW_ACCOUNT, check_acceptable, open_case
from accord.policy import Policy, jurisdictions, load_policy
from accord.schedule import schedule_of


def opened(detail: dict[str, Any], now: datetime = NOW) -> Case:
    """The case that the event opens. Raises InputRejectedError where it is refused at the door."""
    event = parse(AccountOverdue, detail)
    check_acceptable(event, now)
    return open_case(event, NEW_ACCOUNT, now).case


def proposed(detail: dict[str, Any], policy: Policy | None = None, now: datetime = NOW, **changes: Any) -> Change:
    """What comes of the event: identified, assessed, and proposed to; every offer holds."""
    assessed = an_assessed_case(policy, **(dict(opened(detail, now)) | changes))
    change = propose(assessed, policy or the_policy(), now)
    for offer in change.case.offers:
        rows = schedule_of(offer)
        rate_bears_on = offer.owed.principal - offer.waived.principal if offer.annual_rate_ppm else 0
        exact = oracle.schedule(rate_bears_on, offer.financed - rate_bears_on, offer.annual_rate_ppm, offer.months)
        assert [(row.amount, row.principal, row.interest) for row in rows] == exact
        assert [row.due_date for row in rows] == oracle.due_dates(offer.first_due_date, offer.months)
        assert assessed.assessment is not None
        put_aside = 3 if offer.product is Product.LUMP_SUM else 1
        assert max(row.amount for row in rows) <= assessed.assessment.affordable_monthly * put_aside
        assert min(row.amount for row in rows) > 0
        assert offer.annual_rate_ppm <= assessed.account.apr_ppm
        assert offer.currency == assessed.account.currency
    return change


def refusal(detail: dict[str, Any], now: datetime = NOW) -> dict[str, str]:
    """Why the event is refused, by field."""
    with pytest.raises(InputRejectedError) as refused:
        opened(detail, now)
    return {problem["field"]: problem["problem"] for problem in refused.value.problems}


def owing(**components: int) -> dict[str, Any]:
    return {"balance": {"principal": 0} | components}


# --- the person's figures ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("history", [None, []], ids=["left out", "empty"])
def test_without_a_history_nobody_is_called_willing_and_plans_are_ordinary_ones(history: list[Any] | None) -> None:
    change = proposed(overdue_detail(account={"history": history}))
    assert change.case.assessment is not None
    assert not change.case.assessment.willing
    assert max(offer.months for offer in change.case.offers) == 24


def test_without_history_and_income_the_customer_is_asked() -> None:
    change = proposed(overdue_detail(account={"history": []}, cardholder={"monthlyIncome": None}))
    assert (change.result, change.case.offers) == ({"outcome": "ASK"}, ())
    assert change.case.answer_by is not None
    assert change.case.assessment is not None
    assert "INCOME" in change.case.assessment.questions


@pytest.mark.parametrize("field", ["monthlyIncome", "monthlyEssentialSpend", "otherDebtPayments", "dependants"])
def test_a_negative_figure_of_the_person_is_refused(field: str) -> None:
    refused = refusal(overdue_detail(cardholder={field: -1}))
    assert refused == {f"cardholder.{field}": "should be 0 or more"}


@pytest.mark.parametrize(
    ("income", "doubts"),
    [
        (0, "PAID_ABOVE_INCOME, SPEND_ABOVE_INCOME"),
        (1, "PAID_ABOVE_INCOME, SPEND_ABOVE_INCOME"),
        (300_000, "SPEND_ABOVE_INCOME"),
        (899_999, "SPEND_ABOVE_INCOME"),
    ],
)
def test_who_spends_more_than_comes_in_is_advised_and_not_asked_for_money(income: int, doubts: str) -> None:
    detail = overdue_detail(cardholder={"monthlyIncome": income, "monthlyEssentialSpend": 900_000})
    change = proposed(detail)
    assert change.case.assessment is not None
    assert change.case.assessment.affordable_monthly == 0
    assert (change.result["outcome"], change.result["why"]) == ("NO_AFFORDABLE_OFFER", "BEYOND_MEANS")
    assert [(task.reason, task.facts) for task in change.tasks] == [
        (TaskReason.FIGURES_DOUBTFUL, {"doubts": doubts, "questions": "INCOME, ESSENTIAL_SPEND, SAVINGS"})
    ]
    assert change.case.offers == ()


def test_an_own_amount_does_not_carry_a_plan_where_more_goes_out_than_comes_in() -> None:
    detail = overdue_detail(cardholder={"monthlyIncome": 300_000, "monthlyEssentialSpend": 900_000})
    assert proposed(detail, proposed_monthly=500_000).case.offers == ()


@pytest.mark.parametrize("change", ["none at all", "not in force"])
def test_where_the_policy_names_no_hardships_the_event_is_heard_and_the_plan_denied(
    change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = the_policy().model_dump()
    if change == "none at all":
        del pack["rules"]["assessment.hardship_months"]
    else:
        pack["rules"]["assessment.hardship_months"]["effective_from"] = date(2027, 1, 1)
    policy = Policy.model_validate(pack)
    monkeypatch.setattr("accord.opening.load_policy", lambda _: policy)
    detail = overdue_detail(cardholder={"hardship": "FLOOD"})
    assert opened(detail).circumstances.hardship == "FLOOD"
    with pytest.raises(RuleMissingError, match=r"assessment\.hardship_months"):
        proposed(detail, policy)


# --- rates -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("days", [1, 52, 75, 100, 400])
def test_a_card_without_interest_gets_none(days: int) -> None:
    offers = proposed(overdue_detail(account={"apr": "0", "daysPastDue": days})).case.offers
    assert offers
    assert all(offer.interest == offer.annual_cost_ppm == offer.annual_rate_ppm == 0 for offer in offers)


@pytest.mark.parametrize(("apr", "ppm"), [("0.36", 360_000), ("1", 1_000_000)])
def test_a_dear_card_pays_its_rate_to_the_cent_where_the_policy_keeps_it(apr: str, ppm: int) -> None:
    rules: dict[str, Any] = {"offer__products": {"ALL": ["INSTALMENT"]}, "offer__terms_months": [11, 12]}
    detail = overdue_detail(account={"apr": apr, **owing(principal=1_400_000)})
    assert proposed(detail, a_policy(**rules)).case.offers == (), "dearer than the price ceiling"
    offers = proposed(detail, a_policy(offer__price_ceiling_ppm=ppm, **rules)).case.offers
    assert offers
    for offer in offers:
        amounts = [row.amount for row in schedule_of(offer)]
        assert offer.annual_rate_ppm == ppm
        assert oracle.is_annual_cost(offer.annual_cost_ppm, offer.financed, amounts)
        assert abs(offer.annual_cost_ppm - ppm) <= 12


@pytest.mark.parametrize("apr", ["-0.01", "1.01", "18.25", "0.1234567", "NaN", "Infinity", "eighteen"])
def test_what_is_no_exact_rate_is_refused(apr: str) -> None:
    assert refusal(overdue_detail(account={"apr": apr})).keys() == {"account.apr"}


# --- amounts -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("days", [1, 52, 100, 400])
@pytest.mark.parametrize("component", ["principal", "interest", "lateFees"])
def test_a_debt_of_one_cent_is_not_worth_a_plan(component: str, days: int) -> None:
    change = proposed(overdue_detail(account={"daysPastDue": days, **owing(**{component: 1})}))
    assert (change.result["why"], change.case.offers) == ("WORTH_LESS_THAN_NO_PLAN", ())
    assert len(change.tasks) == 1


def test_two_cents_are_never_three_instalments_even_where_a_plan_costs_nothing() -> None:
    nothing = {"ALL": 0}
    policy = a_policy(
        pricing__cost_of_plan=0,
        pricing__recovery_percent_without_plan=nothing,
        pricing__bulk_sale_percent=nothing,
        offer__min_instalment=0,
    )
    (offer,) = proposed(overdue_detail(account=owing(principal=2)), policy).case.offers
    assert (offer.product, offer.months, offer.total_payable) == (Product.LUMP_SUM, 1, 2)


def test_fees_of_a_cent_are_neither_split_nor_lost() -> None:
    policy = a_policy(waiver__plan_percent={}, waiver__lump_sum_percent={})
    offers = proposed(overdue_detail(account=owing(principal=1_000_000, fees=1)), policy).case.offers
    assert offers
    assert all(sum(row.principal for row in schedule_of(offer)) == 1_000_001 for offer in offers)


@pytest.mark.parametrize("days", [20, 52, 100, 400])
def test_ten_million_are_beyond_an_ordinary_income(days: int) -> None:
    change = proposed(overdue_detail(account={"daysPastDue": days, **owing(principal=10**9)}))
    assert (change.result["why"], change.case.offers) == ("BEYOND_MEANS", ())


def test_ten_million_that_can_be_paid_wait_for_a_person() -> None:
    detail = overdue_detail(account=owing(principal=10**9), cardholder={"monthlyIncome": 10**8})
    change = proposed(detail)
    assert change.result == {"outcome": "REVIEW"}
    assert "AMOUNT_ABOVE_LIMIT" in change.case.review_reasons
    assert change.case.offers
    assert all(offer.approved_by is None for offer in change.case.offers)


def test_the_largest_amount_that_billing_may_hand_over_is_reckoned_to_the_cent() -> None:
    """With its interest it is more than billing could have handed over."""
    detail = overdue_detail(
        account=owing(principal=10**13), cardholder={"monthlyIncome": 10**13, "monthlyEssentialSpend": 0}
    )
    offers = proposed(detail, a_policy(offer__products={"ALL": ["INSTALMENT"]})).case.offers
    assert max(offer.total_payable for offer in offers) > 10**13


@pytest.mark.parametrize(
    ("amount", "problem"), [(-1, "should be 0 or more"), (10**13 + 1, "should be 10000000000000 or less")]
)
def test_an_amount_that_cannot_be_is_refused(amount: int, problem: str) -> None:
    assert problem in refusal(overdue_detail(account=owing(principal=amount)))["account.balance.principal"]


def test_components_that_add_up_to_too_much_are_refused() -> None:
    assert "add up to more than" in refusal(overdue_detail(account=owing(principal=10**13, fees=1)))["account.balance"]


# --- currencies --------------------------------------------------------------------------------------------------


def a_pack_in(currency: str, monkeypatch: pytest.MonkeyPatch, **values: Any) -> Policy:
    """The shipped pack in another currency, which is what intake then knows of the jurisdiction."""
    policy = Policy.model_validate(a_policy(**values).model_dump() | {"currencies": [currency]})
    monkeypatch.setattr(opening, "load_policy", {"CN": policy}.__getitem__)
    return policy


@pytest.mark.parametrize(("currency", "written"), [("JPY", "JP¥1,000,000"), ("KWD", "KWD\u00a01,000.000")])
def test_offers_come_in_whole_minor_units_of_the_currency_and_are_written_with_its_digits(
    monkeypatch: pytest.MonkeyPatch, currency: str, written: str
) -> None:
    """A million yen, which have no minor unit, and a thousand dinars of a thousand fils each."""
    policy = a_pack_in(
        currency,
        monkeypatch,
        offer__min_instalment=1_000,
        assessment__rounding_step=10,
        assessment__protected_floor={"DEFAULT": {"first": 40_000, "further": 10_000}},
        pricing__cost_of_plan=1_000,
    )
    detail = overdue_detail(
        account={"currency": currency, **owing(principal=1_000_000)},
        cardholder={"monthlyIncome": 250_000, "monthlyEssentialSpend": 100_000, "otherDebtPayments": 0},
    )
    change = proposed(detail, policy)
    assert change.case.offers
    for offer in change.case.offers:
        assert format_money(offer.owed.total, offer.currency, "en") == written
        terms = terms_of(change.case, offer, policy, "en", TODAY)
        assert written in json.dumps(terms, ensure_ascii=False)


@pytest.mark.parametrize("currency", ["JPY", "KWD", "XXX"])
def test_a_currency_that_the_policy_does_not_have_is_refused_with_those_that_it_has(currency: str) -> None:
    said = refusal(overdue_detail(account={"currency": currency}))
    assert said == {"account.currency": "not a currency of the CN policy; it allows CNY"}


def test_a_hardship_that_no_policy_knows_is_refused_with_those_that_it_knows() -> None:
    """A misspelt illness would go the way of somebody in good health."""
    said = refusal(overdue_detail(cardholder={"hardship": "ILNESS"}))
    assert said.keys() == {"cardholder.hardship"}
    assert "it knows JOB_LOSS, INCOME_REDUCED, ILLNESS" in said["cardholder.hardship"]
    for known in ("ILLNESS", "OTHER"):
        assert opened(overdue_detail(cardholder={"hardship": known})).circumstances.hardship == known


def test_no_pack_can_have_a_currency_that_is_none() -> None:
    with pytest.raises(ValueError, match='"XXX" is not a code of ISO 4217'):
        Policy.model_validate(the_policy().model_dump() | {"currencies": ["XXX"]})


# --- the calendar ------------------------------------------------------------------------------------------------


def test_a_plan_that_begins_on_the_twenty_ninth_of_february_keeps_the_day() -> None:
    tight = {"monthlyIncome": 600_000}  # a long plan is for those who need one
    detail = overdue_detail(cardholder=tight)
    offers = proposed(detail, now=datetime(2028, 2, 8, 2, 0, tzinfo=UTC)).case.offers
    (longest,) = [offer for offer in offers if offer.months == 60]
    dates = [row.due_date for row in schedule_of(longest)]
    assert dates[0] == date(2028, 2, 29)
    assert (dates[1], dates[12], dates[48]) == (date(2028, 3, 29), date(2029, 2, 28), date(2032, 2, 29))


def test_a_twenty_ninth_of_february_in_billings_dates_is_one_only_in_a_leap_year() -> None:
    leap = overdue_detail(account={"openedOn": "2024-02-29"}, cardholder={"birthDate": "1988-02-29"})
    assert opened(leap).account.opened_on == date(2024, 2, 29)
    wrong = overdue_detail(account={"oldestUnpaidDueDate": "2026-02-29"})
    assert refusal(wrong).keys() == {"account.oldestUnpaidDueDate"}


# --- a policy with a gap -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("jurisdiction", jurisdictions())
def test_whatever_rule_a_policy_lacks_the_proposal_is_the_same_or_none(jurisdiction: str) -> None:
    whole = load_policy(jurisdiction)
    detail = overdue_detail(jurisdiction=jurisdiction, account={"currency": whole.currencies[0]})
    offers = [offer.model_dump(exclude={"rules"}) for offer in proposed(detail, whole).case.offers]
    denied: dict[str, str] = {}
    for key in whole.rules:
        lacking = whole.model_copy(update={"rules": {name: rule for name, rule in whole.rules.items() if name != key}})
        try:
            change = proposed(detail, lacking)
        except RuleMissingError as problem:
            denied[key] = str(problem)
        else:
            assert [offer.model_dump(exclude={"rules"}) for offer in change.case.offers] == offers
    asked_for = {"offer.products", "offer.terms_months", "waiver.plan_percent", "authority.concession",
                 "assessment.affordability_percent", "pricing.discount_rate_ppm", "plan.max_term_months"}  # fmt: skip
    assert offers
    assert asked_for <= set(denied)
    assert denied == {
        key: f"the policy {whole.version} has no rule {key}; add it to the pack with its source" for key in denied
    }


def test_a_rule_that_is_not_in_force_yet_is_denied_with_its_day() -> None:
    pack = the_policy().model_dump()
    pack["rules"]["offer.rates_ppm"]["effective_from"] = date(2027, 1, 1)
    with pytest.raises(RuleMissingError, match=r"offer\.rates_ppm of cn-.* is in force only from 2027-01-01"):
        proposed(overdue_detail(), Policy.model_validate(pack))


def test_a_jurisdiction_without_a_pack_is_refused_with_those_that_have_one() -> None:
    said = refusal(overdue_detail(jurisdiction="KW"))["jurisdiction"]
    assert said == f"no policy pack for it; there is one for {', '.join(jurisdictions())}"
