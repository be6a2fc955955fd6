"""The early warning: the shipped card, its points and reasons, and what it does not say anything about."""

import json
from bisect import bisect_left
from datetime import date
from pathlib import Path
from string import Formatter
from typing import Any

import pytest
from behaviours import rows
from builders import a_history, an_account

from accord.behaviour import MEASURES, Behaviour, Unknown, behaviour_of
from accord.billing import AccountOverdue, parse
from accord.early_warning import (
    MOST_REASONS,
    SHIPPED,
    EarlyWarning,
    Reason,
    early_warning,
    exact,
    load_card,
    read_card,
    sentence,
)
from accord.errors import CardBrokenError
from accord.texts import LANGUAGES, texts
from infra.data import uci

CARD = load_card()
SEEN = [uci.behaviour(row) for row in rows(3000)]
MEASURE = pytest.mark.parametrize("name", CARD.measures)


def test_the_card_is_small_and_has_few_measures() -> None:
    assert SHIPPED.stat().st_size <= 8 * 1024
    assert 1 < len(CARD.measures) <= 20


def test_the_card_tells_how_it_was_trained() -> None:
    trained = CARD.trained
    assert len(trained["data_sha256"]) == 64
    assert trained["rows"] > trained["missed"] > 0
    assert date.fromisoformat(trained["date"])
    assert trained["libraries"].keys() == {"lightgbm", "numpy", "scikit-learn"}
    assert trained["cross_validation"]["auc"] >= 0.778
    assert "shipped_although" not in trained


def test_behaviour_has_no_room_for_who_somebody_is() -> None:
    assert set(Behaviour.__dataclass_fields__) == {"limit", "billed", "paid", "late"}


@MEASURE
def test_every_bin_is_reached_by_some_behaviour(name: str) -> None:
    bins = CARD.measures[name]
    reached = {bisect_left(bins.upto, MEASURES[name].of(seen)) for seen in SEEN}
    assert reached == set(range(len(bins.points)))


@MEASURE
def test_points_follow_the_declared_trend(name: str) -> None:
    points, trend = CARD.measures[name].points, MEASURES[name].trend
    if trend:
        assert list(points) == sorted(points, reverse=trend > 0)
    assert len(set(points)) > 1


def test_a_score_is_the_best_possible_one_less_all_losses() -> None:
    for seen in SEEN[:500]:
        points = CARD.base
        for name, bins in CARD.measures.items():
            points += bins.points[bisect_left(bins.upto, MEASURES[name].of(seen))]
        losses = CARD.losses(seen)
        warning = CARD.score(seen)
        assert warning.points == points == CARD.best - sum(loss.points for loss in losses)
        assert all(loss.points > 0 for loss in losses)
        assert list(warning.reasons) == losses[:MOST_REASONS]
        assert [loss.points for loss in losses] == sorted((loss.points for loss in losses), reverse=True)


def test_what_does_not_apply_is_nobodys_reason() -> None:
    for seen in SEEN:
        codes = {loss.code for loss in CARD.losses(seen)}
        assert not codes & ({"unpaid_in_time", "free_in_time"} if seen.late[0] else {"unpaid_while_late"})
        if not any(late >= 2 for late in seen.late):
            assert "months_since_two_late" not in codes
        if max(seen.billed[1:4]) <= 0:
            assert "smallest_share_paid" not in codes


def test_twenty_points_halve_the_odds() -> None:
    odds = [chance / (1 - chance) for chance in (CARD.pd(480), CARD.pd(500), CARD.pd(520))]
    assert odds[0] / odds[1] == pytest.approx(2)
    assert odds[1] / odds[2] == pytest.approx(2)
    assert CARD.pd(CARD.best) > 0


def test_the_measures_of_a_known_account() -> None:
    """Late by two months, nearly nothing paid; reckoned by hand."""
    seen = Behaviour(20_000, (3913, 3102, 689, 0, 0, 0), (0, 689, 0, 0, 0, 0), (2, 2, 0, 0, 0, 0))
    hand = {
        "months_since_two_late": 0,
        "months_two_late": 2,
        "months_late_in_all": 4,
        "unpaid_while_late": 155,
        "smallest_share_paid": 0,
        "smallest_payment": 0,
        "mean_payment": 114,
        "second_newest_payment": 689,
        "third_newest_payment": 0,
        "newest_charges": 811,
        "largest_charges": 3102,
        "mean_charges": 920,
        "recent_charges": 155,
        "newest_bill": 3913,
        "mean_bill": 1284,
        "swing_of_use": 195,
    }
    assert {name: MEASURES[name].of(seen) for name in hand} == hand


# Whoever owes nothing is not handed over by billing.
@pytest.mark.parametrize("row", [row for row in rows(100) if row["BILL_AMT1"] > 0], ids=lambda row: str(row["ID"]))
def test_an_account_from_billing_and_its_row_of_the_data_set_are_the_same_behaviour(row: dict[str, int]) -> None:
    event = parse(AccountOverdue, uci.account(row, 7, date(2026, 6, 15)))
    seen = behaviour_of(event.as_account(), CARD.minor_units)
    assert seen == uci.behaviour(row)
    assert early_warning(event.as_account(), CARD) == CARD.score(uci.behaviour(row))


GAP = tuple(month for month in a_history(*range(7)) if month.month != "2025-12")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"history": a_history(*range(5))}, Unknown.SHORT_HISTORY),
        ({"history": ()}, Unknown.SHORT_HISTORY),
        ({"history": GAP}, Unknown.HISTORY_WITH_GAPS),
        ({"credit_limit": 0}, Unknown.NO_LIMIT),
        ({"currency": "USD"}, Unknown.OTHER_CURRENCY),
    ],
)
def test_unknown_stays_unknown(changes: dict[str, Any], why: Unknown) -> None:
    assert early_warning(an_account(**changes), CARD) is why


def test_only_the_six_newest_months_count() -> None:
    six = an_account(history=a_history(*range(6)))
    nine = an_account(history=a_history(*range(9)))
    assert isinstance(early_warning(six, CARD), EarlyWarning)
    assert early_warning(six, CARD) == early_warning(nine, CARD)


@pytest.mark.parametrize(
    ("limit", "months"), [(0, 6), (-1, 6), (1000, 5), (1000, 7)], ids=["no limit", "below zero", "five", "seven"]
)
def test_behaviour_needs_a_limit_and_six_months(limit: int, months: int) -> None:
    with pytest.raises(ValueError, match=r"needed|above zero"):
        Behaviour(limit, (0,) * months, (0,) * months, (0,) * months)


@pytest.mark.parametrize("name", MEASURES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_has_words_with_its_value(name: str, language: str) -> None:
    words = texts("early_warning")[name][language]
    assert [field for _, field, _, _ in Formatter().parse(words) if field is not None] == ["value"]


def test_there_are_no_words_for_what_is_not_measured() -> None:
    assert set(texts("early_warning")) == set(MEASURES)


@pytest.mark.parametrize(
    ("reason", "language", "said"),
    [
        (Reason("months_two_late", 3, 8), "en", "Of the last six months, so many were two or more months late: 3"),
        (Reason("months_two_late", 3, 8), "zh-CN", "近六个月中，有3个月的逾期达到两个月或以上"),
        (Reason("swing_of_use", 945, 1), "zh-CN", "近六期账单中，最高与最低金额之差相当于信用额度的94.5%"),
        (Reason("smallest_payment", 1000, 9), "en", "The smallest payment of the last six months: ¥250.00"),
    ],
)
def test_a_reason_speaks_the_customers_language_and_money(reason: Reason, language: str, said: str) -> None:
    assert sentence(reason, CARD.minor_units, "CNY", language) == said


def test_a_reason_is_told_to_the_cent_although_the_card_counts_in_larger_units() -> None:
    account = an_account(history=a_history(49, 24, 24, 24, 24, 24))
    seen = exact(Reason("smallest_payment", 0, 9), account)
    assert sentence(seen, {"CNY": 1}, "CNY", "en") == "The smallest payment of the last six months: ¥0.24"
    unknown = an_account(history=())
    assert exact(seen, unknown) == seen


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"measures": {"age": {"upto": [30], "points": [0, 1]}}}, "no such measure: age"),
        ({"measures": {"newest_bill": {"upto": [3, 3], "points": [0, 1, 2]}}}, "must rise"),
        ({"measures": {"newest_bill": {"upto": [3], "points": [0]}}}, "one number of points more"),
        ({"measures": {"newest_bill": {"upto": [3.5], "points": [0, 1]}}}, "upto"),
        ({"double_odds": 0}, "double_odds"),
        ({"weights": []}, "weights"),
    ],
)
def test_a_card_that_is_wrong_is_not_read(change: dict[str, Any], problem: str, tmp_path: Path) -> None:
    path = tmp_path / "card.json"
    path.write_text(json.dumps(json.loads(SHIPPED.read_text(encoding="utf-8")) | change), encoding="utf-8")
    with pytest.raises(CardBrokenError, match=f"card.json: .*{problem}"):
        read_card(path)


@pytest.mark.parametrize("content", [b"", b'{"name": "early', b"\xff\xfe", b"[]", None])
def test_a_file_that_is_no_card_is_named(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "card.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CardBrokenError, match=f"^{path}: .+"):
        read_card(path)
