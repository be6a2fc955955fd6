"""How good a probability is: rank order, distance, calibration, and how it falls on groups of people."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import brier_score_loss, roc_auc_score, roc_curve

from infra.training.data import Accounts, Numbers

Rows = NDArray[np.bool_]
FLAGGED = 0.2  # the share of accounts with the highest chance of a missed payment that a bank would contact
DECILES = 10


@dataclass(frozen=True)
class Figures:
    """What is said of one set of probabilities."""

    auc: float  # area under the ROC curve
    ks: float  # Kolmogorov-Smirnov: the largest distance between the two distributions
    brier: float  # mean squared distance from what happened
    ece: float  # mean distance of chance and rate over ten groups of equal size, the chance in order

    def rounded(self) -> dict[str, float]:
        return {name: round(value, 4) for name, value in asdict(self).items()}


@dataclass(frozen=True)
class Decile:
    """One tenth of the accounts in the order of their chance."""

    accounts: int
    predicted: float
    observed: float


def figures(missed: NDArray[np.int64], chance: Numbers) -> Figures:
    """The figures of these probabilities."""
    false_alarms, found, _ = roc_curve(missed, chance)
    gaps = [each.accounts * abs(each.predicted - each.observed) for each in deciles(missed, chance)]
    return Figures(
        float(roc_auc_score(missed, chance)),
        float(np.max(found - false_alarms)),
        float(brier_score_loss(missed, chance)),
        sum(gaps) / len(missed),
    )


def deciles(missed: NDArray[np.int64], chance: Numbers) -> list[Decile]:
    """Ten groups of equal size, the least chance first; what is equal stays in the data's order."""
    groups = np.array_split(np.argsort(chance, kind="stable"), DECILES)
    return [Decile(len(group), float(chance[group].mean()), float(missed[group].mean())) for group in groups]


@dataclass(frozen=True)
class Group:
    """How the cut falls on one group of people."""

    accounts: int
    favourable: float  # the share that is not flagged
    predicted: float  # mean chance
    observed: float  # share that missed the payment
    found: float  # of those who missed it, the share that was flagged
    false_alarms: float  # of those who paid, the share that was flagged


def groups_of(accounts: Accounts) -> Mapping[str, Rows]:
    """Who is compared with whom: sexes, and age bands."""
    sex, age = accounts.sex, accounts.age
    return {
        "men": sex == 1,
        "women": sex == 2,
        "under 30": age < 30,
        "30 to 49": (age >= 30) & (age < 50),
        "50 and over": age >= 50,
    }


def by_group(accounts: Accounts, chance: Numbers) -> dict[str, Group]:
    """The readout of one cut for everybody: the FLAGGED share with the highest chance."""
    flagged = chance > np.quantile(chance, 1 - FLAGGED)
    missed = accounts.missed == 1
    return {
        name: Group(
            int(rows.sum()),
            float(1 - flagged[rows].mean()),
            float(chance[rows].mean()),
            float(missed[rows].mean()),
            float(flagged[rows & missed].mean()),
            float(flagged[rows & ~missed].mean()),
        )
        for name, rows in groups_of(accounts).items()
    }


def impact_ratio(one: Group, other: Group) -> float:
    """The lower favourable share over the higher: 1 is equal, below 0.8 is what the four-fifths rule asks about."""
    return min(one.favourable, other.favourable) / max(one.favourable, other.favourable)


def impact_by_sex(accounts: Accounts, chance: Numbers) -> float:
    """The adverse impact ratio of men and women."""
    groups = by_group(accounts, chance)
    return impact_ratio(groups["men"], groups["women"])
