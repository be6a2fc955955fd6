"""Measures everything that docs/model-card.md says: `make model-card DATA=uci_credit_card.csv.gz`.

What stands between the markers is written anew, and so are the pictures; the words around them are a person's.
"""

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from accord.behaviour import MEASURES
from accord.early_warning import Scorecard, load_card
from accord.errors import CardBrokenError
from accord.texts import texts
from infra.data.uci_file import BadFileError
from infra.training.crossval import Measured, of_card, of_full_model, of_woe_regression, without_amounts
from infra.training.data import Accounts, Numbers, read_accounts
from infra.training.figures import FLAGGED, Decile, by_group, deciles, figures, impact_ratio
from infra.training.pictures import AXIS, bin_names, draw

DOCS = Path(__file__).parents[2] / "docs"
OTHER_SEEDS = (1, 2, 3)  # of other splits, to see how much luck is in the first
NAMES = ("this card", "full gradient boosting", "WoE regression")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, draw and write; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="uci_credit_card.csv or .csv.gz")
    options = parser.parse_args(arguments)
    try:
        card = load_card()
        accounts = read_accounts(options.data)
    except (BadFileError, CardBrokenError, OSError) as problem:
        print(problem, file=sys.stderr)
        return 2
    if card.trained["data_sha256"] != accounts.sha256:
        print("the shipped card was trained on other data: make train first", file=sys.stderr)
        return 1
    models = dict(zip(NAMES, (of_card(accounts), of_full_model(accounts), of_woe_regression(accounts)), strict=True))
    path = DOCS / "model-card.md"
    text = path.read_text(encoding="utf-8")
    for name, lines in {
        "figures": figures_part(accounts, models),
        "calibration": calibration_part(accounts, models[NAMES[0]]),
        "fairness": fairness_part(accounts, models[NAMES[0]]),
        "points": points_part(card),
        "record": record_part(card),
    }.items():
        text = with_part(text, name, lines)
    path.write_text(text, encoding="utf-8")
    draw(accounts, models, card, DOCS / "pictures")
    print(f"written: {path}")
    return 0


def with_part(text: str, name: str, lines: Iterable[str]) -> str:
    """The text with what stands between a part's markers replaced. Raises ValueError where the markers are missing."""
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"the markers of {name} are missing")
    return before + begin + "".join(f"{line}\n" for line in lines) + end + after


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]


def figures_part(accounts: Accounts, models: Mapping[str, Measured]) -> list[str]:
    """The headline, fold by fold, and the early warning proper."""
    early = accounts.not_yet_late
    head = ("", "AUC", "KS", "Brier", "ECE")
    lines = []
    for title, which in (("All accounts", "all_rows"), ("Not late yet: the early warning proper", "not_yet_late")):
        rows = [
            (name, *(f"{value:.4f}" for value in getattr(each, which).rounded().values()))
            for name, each in models.items()
        ]
        lines += [f"**{title}** ({_of(early if which == 'not_yet_late' else early | True, accounts.missed)})", ""]
        lines += [*table(head, rows), ""]
    card, full, woe = models.values()
    lines += [
        f"The card is {_distance(card.all_rows.auc - full.all_rows.auc)} the full model and "
        f"{_distance(card.all_rows.auc - woe.all_rows.auc)} the regression in AUC.",
        "",
        "Fold by fold, AUC of all accounts:",
        "",
        *table(
            ("", *(f"fold {number}" for number in range(1, len(card.by_fold) + 1))),
            [(name, *(f"{fold.auc:.4f}" for fold in each.by_fold)) for name, each in models.items()],
        ),
        "",
    ]
    others = [of_card(accounts, seed) for seed in OTHER_SEEDS]
    said = ", ".join(f"{each.all_rows.auc:.4f} ({each.not_yet_late.auc:.4f} not late yet)" for each in others)
    lines += [f"The card on other splits (random_state {', '.join(map(str, OTHER_SEEDS))}): {said}.", ""]
    shares = without_amounts(accounts)
    lines += [
        "With every amount as a share of the limit, so that the card would travel to another currency, the recipe "
        f"reaches {shares.all_rows.auc:.4f} ({shares.not_yet_late.auc:.4f} not late yet).",
        "",
    ]
    last = deciles(accounts.missed[early], card.chance[early])[-1]
    base = float(accounts.missed[early].mean())
    lines.append(
        f"Of the tenth of the not yet late with the highest chance, {last.observed:.1%} missed the next payment; of "
        f"all of them, {base:.1%}. So most people who would be contacted would have paid."
    )
    return lines


def _of(rows: NDArray[np.bool_], missed: NDArray[np.int64]) -> str:
    return f"{int(rows.sum()):,} accounts, {missed[rows].mean():.1%} missed the payment"


def _distance(difference: float) -> str:
    return f"{abs(difference):.4f} {'above' if difference >= 0 else 'below'}"


def calibration_part(accounts: Accounts, found: Measured) -> list[str]:
    """Chance and rate by tenth, for everybody and for the not yet late."""
    early = accounts.not_yet_late

    def row(number: int, every: Decile, proper: Decile) -> tuple[str, ...]:
        return str(number), *(f"{value:.3f}" for each in (every, proper) for value in (each.predicted, each.observed))

    def pooled(missed: NDArray[np.int64], chance: Numbers) -> str:
        return f"{figures(missed, chance).ece:.4f}"

    pairs = zip(
        deciles(accounts.missed, found.chance), deciles(accounts.missed[early], found.chance[early]), strict=True
    )
    return [
        *table(
            ("tenth", "all: predicted", "missed", "not late yet: predicted", "missed"),
            [row(number, *pair) for number, pair in enumerate(pairs, start=1)],
        ),
        "",
        f"Mean distance over the ten groups of all folds together: {pooled(accounts.missed, found.chance)} for all, "
        f"{pooled(accounts.missed[early], found.chance[early])} for the not yet late.",
    ]


def fairness_part(accounts: Accounts, found: Measured) -> list[str]:
    """One cut for everybody, and how it falls on men, women and ages."""
    groups = by_group(accounts, found.chance)
    rows = [
        (
            name,
            f"{group.accounts:,}",
            *(
                f"{value:.3f}"
                for value in (group.favourable, group.predicted, group.observed, group.found, group.false_alarms)
            ),
        )
        for name, group in groups.items()
    ]
    ratios = [("men", "women"), ("under 30", "30 to 49"), ("50 and over", "30 to 49")]
    return [
        f"The cut flags the {FLAGGED:.0%} of all accounts with the highest chance. Favourable is not to be flagged.",
        "",
        *table(
            ("", "accounts", "favourable", "mean chance", "missed", "flagged of those who missed", "of those who paid"),
            rows,
        ),
        "",
        "Adverse impact ratio, the lower favourable share over the higher: "
        + "; ".join(f"{one} and {other} {impact_ratio(groups[one], groups[other]):.3f}" for one, other in ratios)
        + ". Below 0.8 is what the four-fifths rule asks about.",
    ]


def points_part(card: Scorecard) -> list[str]:
    """The card itself: a table a measure, with the sentence that a reason says."""
    lines = [
        f"A score is {card.base} and the points of {len(card.measures)} tables; the best possible one is {card.best}. "
        f"{card.double_odds} points more halve the odds of a missed payment, which are even at "
        f"{card.even_odds:.1f} points.",
    ]
    for name, bins in card.measures.items():
        sentence = texts("early_warning")[name]["en"].format(value="…")
        lines += ["", f"**{name}** ({AXIS[MEASURES[name].unit]}). “{sentence}”", ""]
        lines += table(bin_names(bins.upto), [[str(points) for points in bins.points]])
    return lines


def record_part(card: Scorecard) -> list[str]:
    """What the card's own JSON says of its training."""
    return table(("", ""), [(name, f"`{value}`") for name, value in card.trained.items()])


if __name__ == "__main__":
    sys.exit(main())
