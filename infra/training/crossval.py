"""Cross-validation: the recipe is trained on four fifths and measured on the fifth that it has not seen, five times."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from accord.behaviour import MEASURES, Unit
from infra.training.card import FOLDS, REPEATABLE, SEED, boost, folds, train_card
from infra.training.data import Accounts, Numbers, everything, measured
from infra.training.figures import Figures, figures

PROTOCOL = f"StratifiedKFold({FOLDS}, shuffle=True, random_state={SEED})"
# The best of fifteen settings on this very split (leaves 4, 6, 8, 12, 20; three schedules): the comparison favours it.
FULL_ROUNDS = 600
FULL = REPEATABLE | {
    "num_leaves": 8,
    "learning_rate": 0.02,
    "min_data_in_leaf": 60,
    "feature_fraction": 0.3,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
}


@dataclass(frozen=True)
class Measured:
    """What cross-validation found: the chance of every account from a model that has not seen it."""

    chance: Numbers
    by_fold: tuple[Figures, ...]
    all_rows: Figures  # mean over the folds
    not_yet_late: Figures  # the same, of accounts that are not late yet: the early warning proper


def mean(found: Sequence[Figures]) -> Figures:
    return Figures(*(float(np.mean([getattr(each, name) for each in found])) for name in ("auc", "ks", "brier", "ece")))


def cross_validated(
    accounts: Accounts, chance_of: Callable[[NDArray[np.int64], NDArray[np.int64]], Numbers], seed: int = SEED
) -> Measured:
    """Figures of whatever gives the test rows (second argument) a chance after training on the first."""
    chance = np.zeros(len(accounts.missed))
    early = accounts.not_yet_late
    by_fold, of_early = [], []
    for train, test in folds(accounts.missed, seed):
        chance[test] = chance_of(train, test)
        by_fold.append(figures(accounts.missed[test], chance[test]))
        proper = test[early[test]]
        of_early.append(figures(accounts.missed[proper], chance[proper]))
    return Measured(chance, tuple(by_fold), mean(by_fold), mean(of_early))


def of_card(accounts: Accounts, seed: int = SEED) -> Measured:
    """The card, whole points and calibration included, scored by the code that scores in production."""
    measures = measured(accounts.behaviours)

    def chance_of(train: NDArray[np.int64], test: NDArray[np.int64]) -> Numbers:
        card = train_card(measures[train], accounts.missed[train])
        return np.array([card.score(accounts.behaviours[row]).pd for row in test])

    return cross_validated(accounts, chance_of, seed)


def without_amounts(accounts: Accounts) -> Measured:
    """The recipe with every amount as a share of the limit: a card that would travel to another currency."""
    limits = np.array([seen.limit for seen in accounts.behaviours])
    measures = measured(accounts.behaviours)
    for column, measure in enumerate(MEASURES.values()):
        if measure.unit is Unit.AMOUNT:
            measures[:, column] = measures[:, column] * 1000 // limits

    def chance_of(train: NDArray[np.int64], test: NDArray[np.int64]) -> Numbers:
        return np.asarray(boost(measures[train], accounts.missed[train]).predict(measures[test]))

    return cross_validated(accounts, chance_of)


def of_full_model(accounts: Accounts) -> Measured:
    """A full gradient-boosting model on every raw figure and every measure."""
    columns = everything(accounts.behaviours)

    def chance_of(train: NDArray[np.int64], test: NDArray[np.int64]) -> Numbers:
        model = lgb.train(FULL, lgb.Dataset(columns[train], accounts.missed[train]), FULL_ROUNDS)
        return np.asarray(model.predict(columns[test]))

    return cross_validated(accounts, chance_of)


def of_woe_regression(accounts: Accounts) -> Measured:
    """The classical scorecard: the measures in ten bins each, their weights of evidence in a logistic regression."""
    measures = measured(accounts.behaviours)
    missed = accounts.missed

    def evidence(column: Numbers, train: NDArray[np.int64]) -> Numbers:
        bounds = np.unique(np.quantile(column[train], np.linspace(0, 1, 11)[1:-1]))
        bins = np.searchsorted(bounds, column)
        # Half an account more on both sides, so that no bin is without end.
        bad = np.bincount(bins[train], missed[train], len(bounds) + 1) + 0.5
        good = np.bincount(bins[train], 1 - missed[train], len(bounds) + 1) + 0.5
        return np.asarray(np.log(bad / good)[bins])

    def chance_of(train: NDArray[np.int64], test: NDArray[np.int64]) -> Numbers:
        weights = np.column_stack([evidence(column, train) for column in measures.T])
        model = LogisticRegression(max_iter=1000).fit(weights[train], missed[train])
        return np.asarray(model.predict_proba(weights[test])[:, 1])

    return cross_validated(accounts, chance_of)
