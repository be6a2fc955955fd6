"""`accord explain` on real tables: each figure of a case with its rule, and nothing personal."""

from collections.abc import Iterator

import pytest
from integration.web_fixtures import NAME, PHONE, Web, web_on_moto
from typer.testing import CliRunner

from accord.case import Change, ClosedReason, Product, Status
from accord.events import Actor
from accord.texts import texts
from infra.command import explain
from infra.command.app import app

run = CliRunner().invoke


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with web_on_moto() as web:
        yield web


@pytest.fixture(autouse=True)
def the_stack(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tables of a stack that is deployed, as its outputs name them."""
    monkeypatch.setattr(explain, "tables_of", lambda stack: (web.tables["CASES_TABLE"], web.tables["EVENTS_TABLE"]))


@pytest.mark.parametrize(("language", "words"), [("en", "come in a month"), ("zh-CN", "每月收入 ")])
def test_a_case_is_explained_figure_by_figure_with_the_rules(web: Web, language: str, words: str) -> None:
    case = web.invited()
    told = run(app, ["explain", case.case_id, "--language", language])
    assert told.exit_code == 0
    assert words in told.output
    assert case.assessment is not None
    for rule in {line.rule for line in case.assessment.lines if line.rule}:
        assert rule in told.output
    for offer in case.offers:
        assert offer.offer_id in told.output
        assert all(bound.rule in told.output for bound in offer.bounds)
    assert not [secret for secret in (NAME, PHONE) if secret in told.output]


def test_in_chinese_no_heading_and_no_reason_is_a_code(web: Web) -> None:
    reasons = ("VULNERABLE", "FIGURES_DOUBTFUL")
    case = web.invited().model_copy(update={"review_reasons": reasons})
    told = "\n".join(explain.lines(case, "zh-CN"))
    for words in ("第 1 轮  已邀请", "\n识别\n", "\n评估\n", "\n方案 1  ", "不得告知客户", "客户需要特别关怀"):
        assert words in told
    assert not [code for code in (*reasons, case.status, *(offer.product for offer in case.offers)) if code in told]


def test_every_code_that_the_command_shows_has_its_words(web: Web) -> None:
    said = texts("explain")
    assert set(said["statuses"]) == set(Status)
    assert set(said["closed_reasons"]) == set(ClosedReason)
    assert set(said["products"]) == set(Product)
    strange = web.invited().model_copy(update={"review_reasons": ("A_NEW_ONE",)})
    assert "  A_NEW_ONE" in list(explain.lines(strange, "en"))


def test_nothing_unprintable_reaches_the_terminal(web: Web) -> None:
    case = web.invited()
    forged = {"review_reasons": ("类型\x1b[2J",)}
    web.cases.change(
        case.case_id, "forged", lambda case: Change(case.model_copy(update=forged), (), Actor(kind="SYSTEM", id="test"))
    )
    assert "  类型\\x1b[2J" in run(app, ["explain", case.case_id]).output


def test_a_case_that_is_not_there_is_said_in_a_sentence() -> None:
    told = run(app, ["explain", "c-nowhere"])
    assert (told.exit_code, "holds no case c-nowhere" in told.output) == (2, True)
