"""The simulation decides as the application does, and adds up the same whatever the order and the pieces."""

import inspect
import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest
from billing_events import overdue_event
from builders import TODAY, a_policy
from loading import ROOT

from accord import offers
from accord.assessment import assess
from accord.billing import AccountAtRisk, AccountOverdue, parse
from accord.case import Balance, Product
from accord.identification import identify
from accord.offers import propose
from accord.opening import NEW_ACCOUNT, STANDINGS, open_case
from accord.policy import Policy, load_policy
from accord.portfolio import read_header, screen
from accord.search import Lost, search
from accord.texts import LANGUAGES
from accord.texts import texts as explanations
from infra.command import policy_effect
from infra.data import sample
from infra.data.accounts import as_csv
from infra.simulation.compare import BETTER, MIXED, SAME, UNKNOWN, WORSE, change_of, compare
from infra.simulation.policies import WrongPolicyError, check_comparable, differing, policy_of
from infra.simulation.report import About, report
from infra.simulation.result import COMPONENTS, Plan, Result, result_of
from infra.simulation.run import Job, count, simulate, survey
from infra.simulation.spread import spread
from infra.simulation.totals import Totals
from infra.simulation.view import OUTCOMES
from infra.simulation.wording import Words, texts

NOW = datetime(2025, 6, 15, 4, 0, tzinfo=UTC)
CN = load_policy("CN")
ACCOUNTS = [parse(AccountOverdue, detail) for detail in sample.details() if detail["account"]["daysPastDue"]]


def generous() -> Policy:
    """More interest waived, longer and cheaper plans approved by the policy itself, and less of a month taken."""
    return a_policy(
        assessment__affordability_percent=50,
        offer__price_floor_percent={"ORDINARY": 50, "PERSONALISED": 50},
        waiver__plan_percent={"interest": {"ALL": 50}, "late_fees": {"ALL": 100}},
    )


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample, with the broken rows of the other sample and a blank line amidst it."""
    header, *rows = sample.portfolio().splitlines(keepends=True)
    broken = sample.portfolio_with_errors().splitlines(keepends=True)[1:]
    path = tmp_path_factory.mktemp("simulation") / "portfolio.csv"
    path.write_bytes(b"".join([header, *rows[:30], b"\n", *broken, *rows[30:]]))
    return path


# --- one account -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("event", ACCOUNTS, ids=lambda event: event.event_id)
def test_an_account_comes_to_what_the_steps_of_the_workflow_make_of_it(event: AccountOverdue) -> None:
    told = result_of(event, CN, NOW)
    today = NOW.date()
    identified = identify(open_case(event, NEW_ACCOUNT, NOW).case, CN, NOW)
    if identified.result["outcome"] != "NEGOTIATE":
        assert (told.outcome, told.plans) == (identified.result["outcome"], ())
        assert told.why == identified.case.identification.exclusion
        return
    assessed = assess(identified.case, CN, today).case
    proposed = propose(assessed, CN, NOW)
    assert told.outcome == proposed.result["outcome"]
    assert told.review_reasons == proposed.case.review_reasons
    assert [(plan.product, plan.months, plan.total, sum(plan.waived)) for plan in told.plans] == [
        (offer.product, offer.months, offer.total_payable, offer.waived.total) for offer in proposed.case.offers
    ]
    found = search(assessed, assessed.identification, assessed.assessment, CN.on(today))
    assert told.without_plan == found.without_plan
    assert [plan.expected for plan in told.plans] == [pick.candidate.expected for pick in found.picks]


def test_the_sample_has_every_outcome() -> None:
    assert {result_of(event, CN, NOW).outcome for event in ACCOUNTS} >= {
        "OFFERED", "REVIEW", "ASK", "NO_AFFORDABLE_OFFER", "EXCLUDED",
    }  # fmt: skip


def test_the_share_is_of_what_is_left_of_a_month_and_unknown_where_that_is() -> None:
    plans = result_of(overdue_event(), CN, NOW.replace(year=2026)).plans
    assert plans
    for plan in plans:
        assert (plan.share_percent is None) == (plan.product == Product.LUMP_SUM)
        assert plan.share_percent is None or 0 < plan.share_percent <= 80
    unknown = {"monthlyIncome": None, "monthlyEssentialSpend": None}
    falling = [
        {"month": f"2025-{10 - back:02}", "billed": 2_491_600 + back * 150_000, "paid": 180_000, "monthsPastDue": 1}
        for back in range(6)
    ]
    told = overdue_event(cardholder=unknown, account={"history": falling})
    asked = result_of(told, CN, NOW.replace(year=2026)).plans
    assert asked
    assert {plan.share_percent for plan in asked} == {None}


def test_mean_is_between_least_and_most() -> None:
    assert spread([5, 1, 4]) == (1, 3, 5)
    assert spread([7]) == (7, 7, 7)


# --- two policies on one account ---------------------------------------------------------------------------------


def a_plan(**changes: Any) -> Plan:
    plan = Plan("INTEREST_FREE", 12, 0, 10_000, 12, (0,) * len(COMPONENTS), 120_000, 100_000, 30)
    return plan._replace(**changes)


def an_outcome(*plans: Plan, without_plan: int | None = 50_000) -> Result:
    return Result("M3", None, None, None, "OFFERED" if plans else "ASK", plans=plans, without_plan=without_plan)


ONCE = a_plan(product="LUMP_SUM", monthly=None, months=1)


@pytest.mark.parametrize(
    ("first", "second", "person", "bank", "gain"),
    [
        (an_outcome(a_plan()), an_outcome(a_plan()), SAME, SAME, 0),
        (an_outcome(a_plan()), an_outcome(a_plan(monthly=9_000, expected=90_000)), BETTER, WORSE, -10_000),
        (an_outcome(a_plan()), an_outcome(a_plan(total=130_000, expected=99_999)), WORSE, WORSE, -1),
        (an_outcome(a_plan()), an_outcome(a_plan(monthly=9_000, free_after=14)), MIXED, SAME, 0),
        (an_outcome(a_plan()), an_outcome(a_plan(expected=100_001)), SAME, BETTER, 1),
        (an_outcome(), an_outcome(a_plan()), BETTER, BETTER, 50_000),
        (an_outcome(a_plan()), an_outcome(), WORSE, WORSE, -50_000),
        (an_outcome(), an_outcome(), SAME, SAME, 0),
        (an_outcome(without_plan=None), an_outcome(a_plan()), BETTER, UNKNOWN, None),
        (an_outcome(without_plan=None), an_outcome(without_plan=None), SAME, SAME, None),
        (an_outcome(ONCE), an_outcome(ONCE, a_plan()), BETTER, SAME, 0),
    ],
)  # fmt: skip
def test_better_for_the_person_and_for_the_bank_are_told_apart(
    first: Result, second: Result, person: str, bank: str, gain: int | None
) -> None:
    told = compare(first, second)
    assert (told.person, told.bank, told.gain) == (person, bank, gain)


PAPERS = [{"owed_from": 0, "papers": ["INCOME_PROOF"]}]
HELP = dict.fromkeys(LANGUAGES, "-")


@pytest.mark.parametrize(
    ("rule", "value", "change"),
    [
        ("offer__ordinary_max_months", 7, "other offers"),
        ("offer__first_due_after_days", 60, "other offers"),
        ("offer__valid_days", 60, "other offers"),
        ("plan__no_new_card_undertaking", False, "other offers"),
        ("plan__breach_after_missed", 3, "other terms in the agreement"),
        ("plan__breach_after_days_past_due", 31, "other terms in the agreement"),
        ("plan__cure_days", 16, "other terms in the agreement"),
        ("plan__grace_days", 4, "other terms in the agreement"),
        ("plan__tolerance", 1_001, "other terms in the agreement"),
        ("institution__phone", "1", "other terms in the agreement"),
        ("support__free_help", HELP, "other terms in the agreement"),
        ("assessment__evidence", PAPERS, "another outcome"),
        ("review__financed_above", 0, "another outcome"),
        ("offer__products", {"ALL": []}, "another outcome"),
        ("plan__grace_days", None, "another outcome"),
        ("pricing__cost_of_plan", 3_001, None),
        ("reminders__max_count", 0, None),
    ],
)
def test_whatever_a_person_is_offered_or_would_sign_is_compared(rule: str, value: Any, change: str | None) -> None:
    event, now = overdue_event(), NOW.replace(year=2026)
    assert result_of(event, CN, now).outcome == "OFFERED"
    assert change_of(result_of(event, CN, now), result_of(event, a_policy(**{rule: value}), now)) == change


def test_what_else_is_asked_of_a_person_is_compared() -> None:
    told = {change_of(result_of(e, CN, NOW), result_of(e, a_policy(offer__valid_days=60), NOW)) for e in ACCOUNTS}
    assert told == {None, "other offers", "another time to answer"}
    fewer = a_policy(review__financed_above=0), a_policy(review__financed_above=0, assessment__evidence=PAPERS)
    told = {change_of(*(result_of(event, policy, NOW) for policy in fewer)) for event in ACCOUNTS}
    assert told == {None, "other reasons for a review", "other papers to show"}


def test_another_version_alone_is_no_change() -> None:
    other = CN.model_copy(update={"version": "cn-other"})
    lacking = [policy.model_copy(update={"rules": {}}) for policy in (CN, other)]
    for first, second in ((CN, other), lacking):
        assert {change_of(result_of(e, first, NOW), result_of(e, second, NOW)) for e in ACCOUNTS} == {None}


@pytest.mark.parametrize("rule", [{"offer__first_due_after_days": 60}, {"plan__cure_days": 16}])
def test_both_commands_count_the_same_accounts_that_get_something_else(file: Path, rule: dict[str, int]) -> None:
    other = a_policy(**rule)
    changed = simulate(file, (CN, other), NOW, processes=1).differences.changed
    assert changed.total() > 0
    told = policy_effect.compare(file.read_bytes().splitlines(keepends=True), CN, other, NOW).changed
    assert changed == Counter(bucket for (bucket, _), ids in told.items() for _ in ids)


# --- a file ------------------------------------------------------------------------------------------------------


def test_rows_are_counted_as_the_screening_of_portfolios_counts_them(file: Path) -> None:
    header, _, rest = file.read_bytes().partition(b"\n")
    screening = screen(rest, read_header(header), 2, NOW)
    totals = simulate(file, (CN,), NOW, processes=1)
    assert totals.lines == {
        "decided": len(screening.overdue) + len(screening.at_risk),
        "not_at_risk": len(screening.in_order),
        "blank": screening.blank,
        "rejected": screening.rejected,
    }
    assert screening.rejected >= 9
    assert sorted(totals.rejects) == sorted(
        (told["line"], told["field"], told["problem"]) for told in screening.rejects
    )
    assert totals.rejected.total() == len(screening.rejects)


def test_totals_are_those_of_the_accounts_one_by_one(file: Path) -> None:
    header, _, rest = file.read_bytes().partition(b"\n")
    screening = screen(rest, read_header(header), 2, NOW)
    events = [parse(AccountOverdue, detail) for detail in screening.overdue]
    events += [parse(AccountAtRisk, detail) for detail in screening.at_risk]
    outcomes = [result_of(event, CN, NOW) for event in events]
    (side,) = simulate(file, (CN,), NOW, processes=1).sides
    assert side.outcomes.total() == len(outcomes)
    for bucket, outcome in {(told.bucket, told.outcome) for told in outcomes}:
        assert side.outcomes[bucket, outcome] == sum(
            (told.bucket, told.outcome) == (bucket, outcome) for told in outcomes
        )
    offered = [told for told in outcomes if told.plans]
    for figure, amount in {
        "owed": sum(sum(told.owed) for told in offered),
        "without_plan": sum(told.without_plan or 0 for told in offered),
        "expected_least": sum(min(plan.expected for plan in told.plans) for told in offered),
        "expected_most": sum(max(plan.expected for plan in told.plans) for told in offered),
        "waived_most": sum(max(sum(plan.waived) for plan in told.plans) for told in offered),
    }.items():
        assert sum(n for (_, name), n in side.money.items() if name == figure) == amount
    assert side.terms.total() == sum(len(told.plans) for told in offered)
    assert side.nothing.total() == len(outcomes) - len(offered)
    assert side.shares["unknown",] == sum(all(p.share_percent is None for p in told.plans) for told in offered)


@pytest.mark.parametrize("lines_a_range", [1, 7, 1_000])
def test_the_pieces_of_a_file_make_no_difference(file: Path, lines_a_range: int) -> None:
    policies = (CN, generous())
    whole = simulate(file, policies, NOW, processes=1)
    assert simulate(file, policies, NOW, processes=1, lines_a_range=lines_a_range) == whole
    assert whole.differences.changed.total() > 0


def test_the_order_of_the_pieces_makes_no_difference(file: Path) -> None:
    header, *lines = file.read_bytes().splitlines(keepends=True)
    job = Job(read_header(header), (CN, generous()), NOW)
    pieces = [count(job, lines[at : at + 10], at + 2) for at in range(0, len(lines), 10)]
    totals = [Totals([type(side)() for side in pieces[0].sides]) for _ in range(2)]
    for piece in pieces:
        totals[0].add(piece)
    for piece in reversed(pieces):
        totals[1].add(piece)
    assert totals[0] == totals[1]


def test_a_policy_against_itself_makes_no_difference(file: Path) -> None:
    totals = simulate(file, (CN, CN), NOW, processes=1)
    assert totals.sides[0] == totals.sides[1]
    told = totals.differences
    assert told.verdicts == {(SAME, SAME): totals.lines["decided"]}
    assert told.changed.total() == 0
    assert all(first == second for first, second in told.outcomes)
    assert not any(amount for (_, figure), amount in told.gain.items() if figure != "accounts")


def test_every_account_has_one_verdict(file: Path) -> None:
    totals = simulate(file, (CN, generous()), NOW, processes=1)
    assert totals.differences.verdicts.total() == totals.differences.outcomes.total() == totals.lines["decided"]
    net = sum(
        n if figure == "more" else -n for (_, figure), n in totals.differences.gain.items() if figure != "accounts"
    )
    values = [sum(n for (_, figure), n in side.value.items() if figure == "expected_mean") for side in totals.sides]
    assert net == values[1] - values[0]


def test_the_broken_rows_that_are_shown_are_the_first_and_few(tmp_path: Path) -> None:
    header = sample.portfolio().partition(b"\n")[0]
    path = tmp_path / "broken.csv"
    path.write_bytes(header + b"\n" + b"nothing\n" * 250)
    totals = simulate(path, (CN,), NOW, processes=1, lines_a_range=60)
    assert totals.lines["rejected"] == totals.rejected.total() == 250
    assert [line for line, _, _ in totals.rejects] == list(range(2, 102))


def test_an_account_that_a_policy_lacks_a_rule_for_is_denied_and_hides_no_other(file: Path) -> None:
    poorer = a_policy(offer__valid_days=None)
    totals = simulate(file, (CN, poorer), NOW, processes=1)
    poor = totals.sides[1]
    assert 0 < poor.denied < totals.lines["decided"]  # who is excluded, or nothing is found for, needs no such rule
    (reason,) = {why for outcome, why in poor.nothing if outcome == "DENIED"}
    assert reason.startswith(f"the policy {CN.version} has no rule offer.valid_days")
    assert totals.sides[0].denied == 0
    assert totals.differences.verdicts[WORSE, UNKNOWN] > 0
    assert f"B: {texts()['DENIED']['en']}: {poor.denied}" in page(file, (CN, poorer))


def test_an_account_that_fails_is_counted_without_anything_personal(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails_now_and_then(event: AccountOverdue, policy: Policy, now: datetime) -> Result:
        if event.account.account_id.endswith("7"):
            raise ZeroDivisionError(event.cardholder.name)
        return result_of(event, policy, now)

    monkeypatch.setattr("infra.simulation.run.result_of", fails_now_and_then)
    totals = simulate(file, (CN, CN), NOW, processes=1)
    assert totals.lines["failed"] > 0
    assert totals.sides[0].failed == totals.sides[1].failed == {"ZeroDivisionError": totals.lines["failed"]}
    assert totals.sides[0].outcomes.total() == totals.lines["decided"] > 0


@pytest.mark.parametrize(("bound", "counted"), [(1_000_000, "not_at_risk"), (0, "decided")])
def test_who_is_not_late_counts_where_a_policy_finds_them_at_risk(tmp_path: Path, bound: int, counted: str) -> None:
    path = tmp_path / "portfolio.csv"
    path.write_text(as_csv([one for one in sample.details() if not one["account"]["daysPastDue"]]), encoding="utf-8")
    never = a_policy(identification__early_contact_pd_ppm=1_000_000)
    other = a_policy(identification__early_contact_pd_ppm=bound)
    totals = simulate(path, (never, other), NOW, processes=1)
    assert totals.lines == {counted: 4}
    if counted == "decided":
        assert totals.sides[0].nothing == {("EXCLUDED", "NOT_AT_RISK"): 4}
        assert ("EXCLUDED", "NOT_AT_RISK") not in totals.sides[1].nothing


def test_rows_of_another_jurisdiction_than_the_policys_are_rejected_by_name(file: Path) -> None:
    header, *lines = file.read_bytes().splitlines(keepends=True)
    elsewhere = CN.model_copy(update={"jurisdiction": "TW"})
    totals = count(Job(read_header(header), (elsewhere,), NOW), lines[:5], 2)
    assert totals.rejected == {("jurisdiction", "the policy is for TW"): 5}


def test_the_newest_event_that_is_not_of_the_future_is_the_day_of_a_file(tmp_path: Path) -> None:
    header, *rows = sample.portfolio().splitlines(keepends=True)
    later, future = (rows[1].replace(b"2025-06-15T", day) for day in (b"2025-08-02T", b"2093-01-01T"))
    path = tmp_path / "portfolio.csv"
    path.write_bytes(b"".join([header, rows[0], later, b"torn\n", future]))
    told = survey(path, datetime(2026, 1, 1, tzinfo=UTC))
    assert told.lines == 4
    assert told.newest == datetime.fromisoformat("2025-08-02T01:00:00+08:00")


def test_a_file_whose_events_have_no_time_has_no_day(tmp_path: Path) -> None:
    path = tmp_path / "portfolio.csv"
    path.write_bytes(sample.portfolio().partition(b"\n")[0] + b"\n")
    assert survey(path).newest is None
    assert survey(path).lines == 0


# --- policies ----------------------------------------------------------------------------------------------------


def test_a_code_is_the_shipped_policy_and_a_file_is_read(tmp_path: Path) -> None:
    source = ROOT / "layers" / "domain" / "accord" / "policies" / "cn.yaml"
    path = tmp_path / "b.yaml"
    text = source.read_text(encoding="utf-8")
    path.write_text(text.replace("PERSONALISED: 75", "PERSONALISED: 60"), encoding="utf-8")
    assert policy_of("CN", TODAY) == (CN, 0)
    policy, problems = policy_of(str(path), TODAY)
    assert problems == 0
    assert differing(CN, policy) == [("offer.price_floor_percent · PERSONALISED", "75", "60")]


REST = "version: a\ncurrencies: [CNY]\ntime_zone: Asia/Shanghai\nrules:"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("jurisdiction: [", "YAML"),
        (f"jurisdiction: CN\n{REST} {{no.such: {{}}}}", "b.yaml:5: no.such: there is no such rule"),
        (f"jurisdiction: XX\n{REST} {{}}", "the law of XX is not known"),
    ],
)  # fmt: skip
def test_a_wrong_policy_is_refused_with_its_problems(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "b.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(WrongPolicyError, match=problem):
        policy_of(str(path), TODAY)


def test_policies_of_two_currencies_are_not_compared() -> None:
    check_comparable(CN, generous())
    with pytest.raises(WrongPolicyError, match="currency: A is for CNY, B for USD"):
        check_comparable(CN, CN.model_copy(update={"currencies": ("USD",)}))


def test_a_difference_is_told_where_it_lies() -> None:
    other = a_policy(pricing__bulk_sale_percent={"ALL": 12, "M6+": 9})
    assert differing(CN, other) == [("pricing.bulk_sale_percent · M6+", "8", "9")]
    assert differing(CN, CN) == []


# --- the report --------------------------------------------------------------------------------------------------


def page(file: Path, policies: tuple[Policy, ...], language: str = "en") -> str:
    names = ("CN", "b.yaml")[: len(policies)]
    return report(simulate(file, policies, NOW, processes=1), About("<portfolio>.csv", NOW, names, policies), language)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("policies", [(CN,), (CN, generous())], ids=["A", "AB"])
def test_the_report_needs_no_network_and_every_picture_is_told(
    file: Path, policies: tuple[Policy, ...], language: str
) -> None:
    html = page(file, policies, language)
    assert f'<html lang="{language}">' in html
    sources = re.findall(r'(?:src|href)="([^"]{0,30})', html)
    assert len(sources) == (6 if len(policies) == 2 else 5)
    assert all(source.startswith("data:image/svg+xml;base64,") for source in sources)
    assert len(re.findall(r'<div class="scroll"><img [^>]*alt="[^"]{20,}"', html)) == len(sources)
    assert "&lt;portfolio&gt;.csv" in html
    assert ("b.yaml" in html) == (len(policies) == 2)


def test_the_report_of_the_same_simulation_is_the_same(file: Path) -> None:
    assert page(file, (CN, generous())) == page(file, (CN, generous()))


def test_the_report_says_what_two_policies_decide_alike(file: Path) -> None:
    assert texts()["nothing_differs"]["en"] in page(file, (CN, CN))
    assert texts()["nothing_differs"]["en"] not in page(file, (CN, generous()))


def test_the_report_warns_where_worth_is_reckoned_in_two_ways(file: Path) -> None:
    pricier = a_policy(pricing__cost_of_plan=90_000)
    assert texts()["r_pricing"]["en"] in page(file, (CN, pricier))
    assert texts()["r_pricing"]["en"] not in page(file, (CN, generous()))


def test_an_empty_portfolio_has_a_report_too(tmp_path: Path) -> None:
    path = tmp_path / "portfolio.csv"
    path.write_bytes(sample.portfolio().partition(b"\n")[0] + b"\n")
    assert "<h1>" in page(path, (CN, CN))


def test_every_text_is_there_in_both_languages_with_the_same_gaps() -> None:
    for name, by_language in texts().items():
        assert set(by_language) == set(LANGUAGES), name
        told = [by_language[language] for language in LANGUAGES]
        assert all(told), name
        if isinstance(told[0], str):
            assert len({frozenset(re.findall(r"\{(\w+)\}", text)) for text in told}) == 1, name
        else:
            assert len({len(sentences) for sentences in told}) == 1


def test_every_code_has_words() -> None:
    codes = {*OUTCOMES, *get_args(Lost), *STANDINGS, *Product, *Balance.model_fields}
    codes |= {SAME, BETTER, WORSE, MIXED, UNKNOWN}
    codes |= {"INCOME_UNKNOWN", "NOT_AT_RISK", "NOT_OVERDUE", "NOTHING_OWED"}
    assert codes <= set(texts())
    assert Words("en", "CNY").code("NOT_YET_NAMED") == "NOT_YET_NAMED"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_for_a_review_that_the_offers_give_has_words(language: str) -> None:
    given = set(re.findall(r'reasons\.append\("(\w+)"\)', inspect.getsource(offers))) | {"NO_PLAN_FOUND"}
    assert given == set(explanations("explain")["review"])
    words = Words(language, "CNY")
    assert not {words.review_reason(reason) for reason in given} & given
    assert words.review_reason("NOT_YET_NAMED") == "NOT_YET_NAMED"


def test_amounts_are_told_in_whole_units_and_axes_in_handy_ones() -> None:
    words = Words("en", "CNY")
    assert [words.money(amount) for amount in (123_456_789, -150, -49, 50, 0)] == ["1,234,568", "−2", "0", "1", "0"]
    assert words.scale([250_000_000]) == (100_000_000, "CNY million")
    assert Words("zh-CN", "CNY").scale([250_000_000]) == (1_000_000, "CNY（万）")
    assert words.scale([]) == (100, "CNY")
    assert words.share(1, 0) == "–"
