"""Training the early-warning card: what is exported is what was trained, and no worse card is shipped in silence."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from behaviours import as_csv, rows
from loading import ROOT

from accord.behaviour import MEASURES
from accord.early_warning import SHIPPED, load_card
from infra.training import train
from infra.training.card import ROUNDS, STUMPS, as_card, boost, calibration, curves
from infra.training.data import Accounts, measured, read_accounts
from infra.training.figures import by_group, deciles, figures, impact_ratio
from infra.training.model_card import points_part, record_part, with_part

MODEL_CARD = (ROOT / "docs" / "model-card.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "accounts.csv"
    path.write_text(as_csv(rows(1500)))
    return path


@pytest.fixture(scope="module")
def accounts(source: Path) -> Accounts:
    return read_accounts(source)


def test_the_tables_add_up_to_the_booster(accounts: Accounts) -> None:
    measures = measured(accounts.behaviours)
    booster = boost(measures, accounts.missed, rounds=80, min_data_in_leaf=20)
    found = curves(booster)
    total = np.zeros(len(measures))
    for column, curve in enumerate(found):
        total += np.array(curve.values)[np.searchsorted(curve.upto, measures[:, column])]
    assert sum(len(curve.upto) for curve in found) > 20
    np.testing.assert_allclose(total, booster.predict(measures, raw_score=True), atol=1e-9)


def test_a_score_is_the_boosters_tables_rounded_to_points(accounts: Accounts) -> None:
    """Reckoned a second time, from the columns that were trained on instead of from behaviour."""
    measures = measured(accounts.behaviours)
    booster = boost(measures, accounts.missed, rounds=80, min_data_in_leaf=20)
    slope, intercept = 1.1, 0.2
    found = curves(booster)
    card = as_card(found, slope, intercept, "test", {})
    points = np.full(len(measures), card.base)
    even = intercept
    for column, curve in enumerate(found):
        worst = max(curve.values)
        even += slope * worst
        table = np.array([round((worst - value) * slope * 20 / math.log(2)) for value in curve.values])
        points += table[np.searchsorted(curve.upto, measures[:, column])]
    scored = [card.score(seen) for seen in accounts.behaviours]
    assert [warning.points for warning in scored] == points.tolist()
    assert [warning.pd for warning in scored] == [card.pd(int(each)) for each in points]
    # Half a point a measure is all that rounding may cost.
    exact = card.base + 20 / math.log(2) * (
        even - slope * np.asarray(booster.predict(measures, raw_score=True)) - intercept
    )
    assert np.abs(points - exact).max() <= len(MEASURES) / 2
    assert card.even_odds == pytest.approx(card.base + even * 20 / math.log(2), abs=1e-4)
    assert abs(card.even_odds - 500) <= 0.5


def test_calibration_undoes_a_score_that_is_too_sure(accounts: Accounts) -> None:
    slope, intercept = calibration(measured(accounts.behaviours), accounts.missed)
    assert 0 < slope < 1
    assert -2 < intercept < 2


@pytest.fixture(scope="module")
def trained(source: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The card that these data give, as it is written."""
    out = tmp_path_factory.mktemp("trained") / "card.json"
    assert train.main([str(source), "--out", str(out)]) == 0
    return out.read_text()


@pytest.mark.xdist_group("trained")
def test_the_same_data_give_the_same_card_and_it_replaces_itself_without_a_word_of_date(
    source: Path, trained: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "card.json"
    card = json.loads(trained)
    card["version"] = card["trained"]["date"] = "2020-01-01"
    out.write_text(json.dumps(card))
    assert train.main([str(source), "--out", str(out)]) == 0
    assert "this one already" in capsys.readouterr().out
    assert json.loads(out.read_text()) == card


@pytest.mark.xdist_group("trained")
def test_a_worse_card_is_written_only_by_force_and_says_so(
    source: Path, trained: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "card.json"
    better = json.loads(trained)
    better["trained"]["cross_validation"]["auc"] += 0.001
    out.write_text(json.dumps(better))
    assert train.main([str(source), "--out", str(out)]) == 1
    assert "auc: " in capsys.readouterr().out
    assert json.loads(out.read_text()) == better
    assert train.main([str(source), "--out", str(out), "--force"]) == 0
    (told,) = json.loads(out.read_text())["trained"]["shipped_although"]
    assert told.startswith("auc: ")


def test_on_other_data_the_shipped_card_is_measured_on_those_rows(accounts: Accounts) -> None:
    shipped = load_card()
    found = train.figures_of_shipped(shipped, accounts)
    assert shipped.trained["data_sha256"] != accounts.sha256
    assert found["auc"] != shipped.trained["cross_validation"]["auc"]
    new = shipped.model_copy(update={"trained": {"cross_validation": found | {"auc": found["auc"] - 0.01}}})
    (sentence,) = train.worse_than_shipped(new, shipped, accounts)
    assert f"{found['auc']:.4f}" in sentence


@pytest.mark.parametrize(
    ("change", "worse"),
    [
        ({}, []),
        ({"auc": 0.8, "brier": 0.1}, []),
        ({"auc": 0.6999}, ["auc"]),
        ({"brier": 0.1301, "auc": 0.9}, ["brier"]),
        ({"auc_not_yet_late": 0.5}, ["auc_not_yet_late"]),
        ({"ks": 0.43, "ece": 0.0151}, ["ks", "ece"]),
        ({"impact_ratio_by_sex": 0.9499}, ["impact_ratio_by_sex"]),
    ],
)
def test_any_figure_that_is_worse_is_named(change: dict[str, float], worse: list[str]) -> None:
    old = {"auc": 0.7, "auc_not_yet_late": 0.65, "ks": 0.44, "brier": 0.13, "ece": 0.015, "impact_ratio_by_sex": 0.95}
    assert old.keys() == train.COMPARED.keys()
    assert [sentence.split(":")[0] for sentence in train.compared(old | change, old)] == worse


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", as_csv(rows(3)).replace("default", "label")])
def test_a_file_that_is_not_the_data_set_is_a_clear_end(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "other.csv"
    path.write_text(text)
    assert train.main([str(path), "--out", str(tmp_path / "card.json")]) == 2
    assert str(path) in capsys.readouterr().err
    assert not (tmp_path / "card.json").exists()


def test_accounts_that_are_all_alike_teach_nothing(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = source.read_text().splitlines()
    alike = tmp_path / "alike.csv"
    alike.write_text("\n".join([lines[0], *(line for line in lines[1:] if line.endswith(",0"))]) + "\n")
    assert train.main([str(alike), "--out", str(tmp_path / "card.json")]) == 2
    assert "5 accounts at least must have missed a payment" in capsys.readouterr().err


def test_the_shipped_card_is_written_as_training_writes_it() -> None:
    assert train.as_json(load_card()) == SHIPPED.read_text(encoding="utf-8")


def test_a_broken_card_is_not_trained_against(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "card.json"
    out.write_text("{")
    assert train.main([str(source), "--out", str(out)]) == 2
    assert capsys.readouterr().err.startswith(f"{out}: Invalid JSON")
    assert out.read_text() == "{"


def test_figures_of_a_small_example() -> None:
    found = figures(np.tile([0, 0, 1, 1], 10), np.tile([0.1, 0.6, 0.5, 0.9], 10))
    assert found.auc == 0.75
    assert found.ks == 0.5
    assert found.brier == pytest.approx((0.01 + 0.36 + 0.25 + 0.01) / 4)


def test_a_perfect_calibration_has_no_distance_and_a_shift_its_own() -> None:
    missed = np.array([1, 0, 0, 0] * 250)
    order = np.arange(1000) % 4 == 0
    assert order.sum() == missed.sum()
    assert figures(missed, np.full(1000, 0.25)).ece == pytest.approx(0, abs=0.01)
    assert figures(missed, np.full(1000, 0.35)).ece == pytest.approx(0.1, abs=0.01)
    assert [each.accounts for each in deciles(missed, np.linspace(0, 1, 1000))] == [100] * 10


def test_the_impact_ratio_compares_who_is_left_alone() -> None:
    sex, age = np.array([1] * 50 + [2] * 50), np.full(100, 35)
    chance = np.concatenate([np.linspace(0, 1, 50), np.linspace(0, 0.5, 50)])
    accounts = Accounts("", (), (chance > 0.9).astype(np.int64), sex, age)
    with np.errstate(invalid="ignore"), pytest.warns(RuntimeWarning, match="empty slice"):
        groups = by_group(accounts, chance)
    assert groups["women"].favourable == 1.0
    assert groups["men"].favourable == pytest.approx(0.6)
    assert impact_ratio(groups["men"], groups["women"]) == pytest.approx(0.6)


def test_the_card_records_every_figure_that_is_compared_and_every_setting() -> None:
    record = load_card().trained
    assert record["cross_validation"].keys() >= train.COMPARED.keys()
    assert record["stumps"] == {"rounds": ROUNDS} | STUMPS


def test_a_figure_that_an_older_card_does_not_record_keeps_no_new_card_back() -> None:
    new = load_card().trained["cross_validation"]
    assert train.compared(new, {"auc": new["auc"], "brier": new["brier"]}) == []


@pytest.mark.parametrize(("name", "part"), [("points", points_part), ("record", record_part)])
def test_the_model_card_shows_the_shipped_card(name: str, part: Any) -> None:
    assert with_part(MODEL_CARD, name, part(load_card())) == MODEL_CARD, "run make model-card"


def test_the_model_cards_headline_is_the_shipped_cards() -> None:
    found = load_card().trained["cross_validation"]
    row = " | ".join(f"{found[name]:.4f}" for name in ("auc", "ks", "brier", "ece"))
    assert f"| this card | {row} |" in MODEL_CARD, "run make model-card"
    assert f"| this card | {found['auc_not_yet_late']:.4f} |" in MODEL_CARD


def test_a_part_without_its_markers_is_an_error() -> None:
    with pytest.raises(ValueError, match="markers of figures"):
        with_part("<!-- figures -->\n", "figures", ["x"])
