"""Trains the early-warning card: `make train DATA=uci_credit_card.csv.gz`.

The new card is measured by cross-validation and compared with the shipped one. It takes its place only where no figure
is worse; otherwise the exit status is 1, unless --force, which the card then records. The same data and library
versions give the same card, byte for byte.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from accord.early_warning import SHIPPED, Scorecard, read_card
from accord.errors import CardBrokenError
from infra.data.uci_file import BadFileError
from infra.training.card import FOLDS, ROUNDS, STUMPS, train_card
from infra.training.crossval import PROTOCOL, Measured, cross_validated, of_card
from infra.training.data import Accounts, measured, read_accounts
from infra.training.figures import impact_by_sex

LIBRARIES = ("lightgbm", "numpy", "scikit-learn")
# What is compared, and whether more is better.
COMPARED = {
    "auc": True,
    "auc_not_yet_late": True,
    "ks": True,
    "brier": False,
    "ece": False,
    "impact_ratio_by_sex": True,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, measure, compare, and write the card if it may be written; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="uci_credit_card.csv or .csv.gz")
    parser.add_argument("--force", action="store_true", help="ship the card although it is worse; the card records it")
    parser.add_argument("--out", type=Path, default=SHIPPED, help="the card to compare with and to replace")
    options = parser.parse_args(arguments)
    try:
        shipped = read_card(options.out) if options.out.exists() else None
        accounts = read_accounts(options.data)
    except (BadFileError, CardBrokenError, OSError) as problem:
        print(problem, file=sys.stderr)
        return 2
    fewest = min(int(accounts.missed.sum()), int((1 - accounts.missed).sum()))
    if fewest < FOLDS:
        print(f"{options.data}: {FOLDS} accounts at least must have missed a payment, and {FOLDS} not", file=sys.stderr)
        return 2
    print("cross-validation: the recipe on four fifths, measured on the rest, five times")
    new = trained(accounts, of_card(accounts), datetime.now(UTC).date().isoformat())
    for name in COMPARED:
        print(f"  {name:19} {new.trained['cross_validation'][name]:.4f}")
    worse = worse_than_shipped(new, shipped, accounts)
    if worse and not options.force:
        print("not written, the shipped card is better:", *worse, "FORCE=1 ships it all the same.", sep="\n  ")
        return 1
    if worse:
        new = new.model_copy(update={"trained": new.trained | {"shipped_although": list(worse)}})
    if shipped and same_but_for_the_date(new, shipped):
        print("the shipped card is this one already")
        return 0
    options.out.write_text(as_json(new), encoding="utf-8")
    print(f"written: {options.out}, {options.out.stat().st_size} bytes, {len(new.measures)} measures")
    return 0


def trained(accounts: Accounts, found: Measured, day: str) -> Scorecard:
    """The card of all accounts, with its training record."""
    record = {
        "date": day,
        "data_sha256": accounts.sha256,
        "rows": len(accounts.missed),
        "missed": int(accounts.missed.sum()),
        "split": PROTOCOL,
        "cross_validation": summary(accounts, found)
        | {"auc_by_fold": [each.rounded()["auc"] for each in found.by_fold]},
        "stumps": {"rounds": ROUNDS} | STUMPS,
        "libraries": {name: version(name) for name in LIBRARIES},
    }
    return train_card(measured(accounts.behaviours), accounts.missed, day, record)


def summary(accounts: Accounts, found: Measured) -> dict[str, float]:
    """The figures that are compared, to four decimals: the rest is noise."""
    return found.all_rows.rounded() | {
        "auc_not_yet_late": found.not_yet_late.rounded()["auc"],
        "impact_ratio_by_sex": round(impact_by_sex(accounts, found.chance), 4),
    }


def worse_than_shipped(new: Scorecard, shipped: Scorecard | None, accounts: Accounts) -> list[str]:
    """Each figure in which the new card is worse, as a sentence.

    On the data that the shipped card was trained on, its own cross-validation is what it is measured by: it has seen
    every row. On other data it is measured on the rows themselves.
    """
    if shipped is None:
        return []
    if shipped.trained["data_sha256"] == accounts.sha256 and shipped.trained["split"] == PROTOCOL:
        old = shipped.trained["cross_validation"]
    else:
        old = figures_of_shipped(shipped, accounts)
    return compared(new.trained["cross_validation"], old)


def compared(new: Mapping[str, Any], old: Mapping[str, Any]) -> list[str]:
    """The figures of `new` that are worse than those of `old`; an older record may lack one."""
    return [
        f"{name}: {new[name]:.4f}, the shipped card has {old[name]:.4f}"
        for name, more_is_better in COMPARED.items()
        if name in old and (new[name] < old[name] if more_is_better else new[name] > old[name])
    ]


def figures_of_shipped(shipped: Scorecard, accounts: Accounts) -> dict[str, float]:
    """What the shipped card reaches on accounts that it was not trained on, fold by fold like the new one."""
    chance = np.array([shipped.score(seen).pd for seen in accounts.behaviours])
    found = cross_validated(accounts, lambda _train, test: chance[test])
    return summary(accounts, found)


def same_but_for_the_date(one: Scorecard, other: Scorecard) -> bool:
    def undated(card: Scorecard) -> dict[str, Any]:
        return card.model_dump() | {"version": "", "trained": card.trained | {"date": ""}}

    return undated(one) == undated(other)


def as_json(card: Scorecard) -> str:
    """The card as it lies in the layer: a line a measure, so that a change can be read."""
    lines = []
    for name, value in card.model_dump(mode="json").items():
        if name == "measures":
            rows = [f"  {json.dumps(measure)}: {json.dumps(bins)}" for measure, bins in value.items()]
            lines.append('"measures": {\n' + ",\n".join(rows) + "\n }")
        else:
            lines.append(f"{json.dumps(name)}: {json.dumps(value)}")
    return "{\n " + ",\n ".join(lines) + "\n}\n"


if __name__ == "__main__":
    sys.exit(main())
