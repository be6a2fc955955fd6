"""Numbers of speed, measured by `make bench`; never part of `make test`, where a busy machine would make them lie."""

from datetime import UTC, datetime
from pathlib import Path

import behaviours
import boto3
import pytest
from agreements import a_person, agreed_terms, reference_of
from billing_events import overdue_event
from moto import mock_aws
from pytest_benchmark.fixture import BenchmarkFixture
from workflow.play import Play

from accord.assessment import assess
from accord.case import Case
from accord.early_warning import load_card
from accord.events import GENESIS, Actor, CaseClosed, link, verify_chain
from accord.identification import identify
from accord.offers import propose
from accord.opening import NEW_ACCOUNT, open_case
from accord.policy import Policy, load_policy
from accord.pricing import _kept, chances
from accord.schedule import _annuity_factor, annual_cost_ppm, payments
from accord.search import search
from accord_documents import KmsSealProvider, render_agreement, seal, self_signed_certificate, subject_name
from infra.data import sample, uci
from infra.local.application import accord_stack
from infra.simulation.run import simulate

NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
TODAY = NOW.date()


def test_an_annuity_of_sixty_instalments(benchmark: BenchmarkFixture) -> None:
    rows = benchmark(payments, 3_000_000, 0, 87_600, 60)
    assert rows[0].amount == 61_926


def test_the_same_with_fees_beside_it(benchmark: BenchmarkFixture) -> None:
    rows = benchmark(payments, 3_000_000, 200_003, 87_600, 60)
    assert sum(row.principal for row in rows) == 3_200_003


def test_the_yearly_cost_of_sixty_instalments(benchmark: BenchmarkFixture) -> None:
    amounts = [row.amount for row in payments(3_000_000, 0, 87_600, 60)]
    assert benchmark(annual_cost_ppm, 3_000_000, amounts) == 87_600


def test_a_score_from_raw_fields_to_reasons(benchmark: BenchmarkFixture) -> None:
    card, row = load_card(), next(behaviours.rows(1))
    assert benchmark(lambda: card.score(uci.behaviour(row))).reasons


def test_assessment(benchmark: BenchmarkFixture) -> None:
    policy = load_policy("CN")
    case = identify(open_case(overdue_event(), NEW_ACCOUNT, NOW).case, policy, NOW).case
    assert benchmark(assess, case, policy, TODAY).result == {"outcome": "ASSESSED"}


def a_case_to_propose_to() -> tuple[Case, Policy]:
    """Assessed, and with more than three hundred plans to consider, each of them priced."""
    policy = load_policy("CN")
    case = assess(identify(open_case(overdue_event(), NEW_ACCOUNT, NOW).case, policy, NOW).case, policy, TODAY).case
    assert case.identification is not None
    assert case.assessment is not None
    assert search(case, case.identification, case.assessment, policy.on(TODAY)).considered >= 300
    return case, policy


def test_a_proposal(benchmark: BenchmarkFixture) -> None:
    case, policy = a_case_to_propose_to()
    assert benchmark(propose, case, policy, NOW).result == {"outcome": "OFFERED"}


def test_a_proposal_by_a_process_that_has_made_none(benchmark: BenchmarkFixture) -> None:
    case, policy = a_case_to_propose_to()

    def forget() -> None:
        for remembered in (chances, _kept, _annuity_factor):
            remembered.cache_clear()

    change = benchmark.pedantic(propose, args=(case, policy, NOW), setup=forget, rounds=200)
    assert change.result == {"outcome": "OFFERED"}


@pytest.mark.parametrize("policies", [1, 2])
def test_simulating_a_portfolio_on_all_cores(benchmark: BenchmarkFixture, tmp_path: Path, policies: int) -> None:
    """Divide 2,160 by the seconds: accounts a second; a simulation's start-up, a second or two, is in it."""
    header, *rows = sample.portfolio().splitlines(keepends=True)
    late = [row for row in rows if b",0,,0.1825," not in row]  # without those who are not overdue
    path = tmp_path / "portfolio.csv"
    path.write_bytes(header + b"".join(late) * 40)
    day = datetime(2025, 6, 15, 4, 0, tzinfo=UTC)
    totals = benchmark.pedantic(simulate, (path, (load_policy("CN"),) * policies, day), rounds=3)
    assert totals.lines == {"decided": 2_160}


def test_verifying_a_chain_of_a_hundred_events(benchmark: BenchmarkFixture) -> None:
    chain, head = [], GENESIS
    for number in range(1, 101):
        event = link("c-1", "a-1", number, head, NOW, Actor(kind="SYSTEM", id="bench"), CaseClosed(reason="EXPIRED"))
        chain.append(event)
        head = event.hash
    assert benchmark(verify_chain, chain) == 100


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_typesetting_an_agreement(benchmark: BenchmarkFixture, language: str) -> None:
    terms = agreed_terms(language)
    document = benchmark(render_agreement, terms, a_person(), reference_of(terms), language, NOW)
    assert document.startswith(b"%PDF")


def test_sealing_an_agreement(benchmark: BenchmarkFixture) -> None:
    terms = agreed_terms("zh-CN")
    document = render_agreement(terms, a_person(), reference_of(terms), "zh-CN", NOW)
    with mock_aws():
        kms = boto3.client("kms", region_name="eu-central-1")
        key = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
        certificate = self_signed_certificate(kms, key, subject_name("Example Bank", "CN"), NOW)
        sealed = benchmark(seal, document, KmsSealProvider(kms, key, certificate), NOW)
    assert len(sealed) > len(document)


def test_fifty_cases_from_event_to_invitation(benchmark: BenchmarkFixture) -> None:
    """Divide 50 by the seconds: cases a second, delivery of the messages included."""
    with accord_stack("https://plan.bank.example") as stack:
        warm = Play(stack, "warm", {})
        warm.start()
        stack.settle()
        number = iter(range(10**6))

        def fifty() -> None:
            for _ in range(50):
                Play(stack, f"bench-{next(number)}", {}).start()
            stack.settle(60)

        benchmark.pedantic(fifty, rounds=3)
        assert warm.case().status == "INVITED"
