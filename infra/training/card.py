"""The recipe: boosted stumps become a card of whole points.

A booster of trees with one split each is a sum of step functions, one a measure. Merged by measure they are tables of
bins. The points of a bin are its distance from the measure's worst bin in log-odds, times 20 / ln 2, rounded to the
nearest whole number; neighbouring bins with equal points are one bin.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from accord.behaviour import MEASURES
from accord.early_warning import Bins, Scorecard
from infra.training.data import Numbers

ROUNDS = 600
SEED = 7
# Of every booster here: the same rows give the same one, bit for bit.
REPEATABLE: dict[str, Any] = {
    "objective": "binary",
    "seed": SEED,
    "deterministic": True,
    "force_col_wise": True,
    "num_threads": 1,
    "verbose": -1,
}
STUMPS = REPEATABLE | {
    "num_leaves": 2,
    "learning_rate": 0.15,
    "max_bin": 32,
    "min_data_in_leaf": 200,
    "lambda_l2": 1.0,
    "monotone_constraints": [measure.trend for measure in MEASURES.values()],
}
DOUBLE_ODDS = 20
EVEN_NEAR = 500  # the base is chosen so that even odds lie at 500 points, to the nearest whole one
FOLDS = 5
# One new Taiwan dollar in minor units. The yuan's figure is the sample data's own rate, see infra/data/uci.py.
MINOR_UNITS = {"TWD": 100, "CNY": 25}
TARGET = "the payment of the next month is missed (in the data: default in October 2005)"


@dataclass(frozen=True)
class Curve:
    """One measure's step function: values[i] is the log-odds of what is above upto[i - 1] and at most upto[i]."""

    upto: tuple[int, ...]
    values: tuple[float, ...]


def boost(measures: Numbers, missed: NDArray[np.int64], rounds: int = ROUNDS, **settings: Any) -> lgb.Booster:
    """Boosted stumps on the measures' columns."""
    return lgb.train(STUMPS | settings, lgb.Dataset(measures, missed), rounds)


def curves(booster: lgb.Booster) -> list[Curve]:
    """The booster as one step function a column; their sum is its raw score, to the last digits of a float's sum."""
    steps: list[dict[int, float]] = [defaultdict(float) for _ in range(booster.num_feature())]
    start = [0.0] * booster.num_feature()
    for tree in booster.dump_model()["tree_info"]:
        root = tree["tree_structure"]
        if "split_feature" not in root:  # a tree that found nothing to split is a constant
            start[0] += root["leaf_value"]
            continue
        column = root["split_feature"]
        below, above = root["left_child"]["leaf_value"], root["right_child"]["leaf_value"]
        start[column] += below
        # Measures are whole numbers, so "at most 3.5" is "at most 3".
        steps[column][math.floor(root["threshold"])] += above - below
    found = []
    for first, jumps in zip(start, steps, strict=True):
        upto = tuple(sorted(jumps))
        values = [first]
        for bound in upto:
            values.append(values[-1] + jumps[bound])
        found.append(Curve(upto, tuple(values)))
    return found


def as_card(found: Sequence[Curve], slope: float, intercept: float, version: str, trained: dict[str, Any]) -> Scorecard:
    """The step functions as a card whose log-odds are slope x their sum + intercept, rounded to points."""
    factor = DOUBLE_ODDS / math.log(2)
    even = intercept
    measures = {}
    for name, curve in zip(MEASURES, found, strict=True):
        worst = max(curve.values)
        even += slope * worst
        points = [round((worst - value) * slope * factor) for value in curve.values]
        kept = [i for i in range(len(curve.upto)) if points[i] != points[i + 1]]
        if kept:  # a measure with one bin says nothing
            measures[name] = Bins(
                upto=tuple(curve.upto[i] for i in kept), points=(*(points[i] for i in kept), points[-1])
            )
    base = round(EVEN_NEAR - even * factor)
    return Scorecard(
        name="early_warning",
        version=version,
        target=TARGET,
        minor_units=MINOR_UNITS,
        base=base,
        even_odds=round(base + even * factor, 4),
        double_odds=DOUBLE_ODDS,
        measures=measures,
        trained=trained,
    )


def folds(missed: NDArray[np.int64], seed: int = SEED) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Rows to train on and rows to measure on, five times: each row is measured once."""
    split = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    return list(split.split(np.zeros(len(missed)), missed))


def calibration(measures: Numbers, missed: NDArray[np.int64]) -> tuple[float, float]:
    """Slope and intercept that make probabilities of the booster's raw score, from rows that it was not trained on."""
    unseen = np.zeros(len(missed))
    for train, test in folds(missed):
        unseen[test] = np.asarray(boost(measures[train], missed[train]).predict(measures[test], raw_score=True))
    # No penalty to speak of: two parameters and thousands of rows.
    fitted = LogisticRegression(C=1e9).fit(unseen.reshape(-1, 1), missed)
    return float(fitted.coef_[0][0]), float(fitted.intercept_[0])


def train_card(
    measures: Numbers, missed: NDArray[np.int64], version: str = "", trained: dict[str, Any] | None = None
) -> Scorecard:
    """The whole recipe on these rows."""
    slope, intercept = calibration(measures, missed)
    return as_card(curves(boost(measures, missed)), slope, intercept, version, trained or {})
