"""The pictures of the model card, as SVG: the same figures give the same bytes."""

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import roc_curve

from accord.behaviour import MEASURES, Unit
from accord.early_warning import Scorecard
from infra.training.crossval import Measured
from infra.training.data import Accounts
from infra.training.figures import deciles

INK, ACCENT, QUIET = "#1f2933", "#1d6fa5", "#b0b8c1"
STYLE: dict[str, Any] = {
    "svg.hashsalt": "accord",
    "svg.fonttype": "none",  # text stays text: smaller, and a reader can search it
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": QUIET,
    "text.color": INK,
    "axes.labelcolor": INK,
}
AXIS = {Unit.MONTHS: "months", Unit.SHARE: "‰", Unit.AMOUNT: "NT$"}


def draw(accounts: Accounts, models: Mapping[str, Measured], card: Scorecard, folder: Path) -> None:
    """Write the pictures into a folder. The first of the models is the card."""
    with mpl.rc_context(STYLE):
        _save(_calibration(accounts, next(iter(models.values()))), folder / "early_warning_calibration.svg")
        _save(_roc(accounts, models), folder / "early_warning_roc.svg")
        _save(_points(card), folder / "early_warning_points.svg")


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path, metadata={"Date": None, "Creator": None})
    # The library ends lines with spaces, which a repository does not like.
    text = path.read_text(encoding="utf-8")
    path.write_text("".join(f"{line.rstrip()}\n" for line in text.splitlines()), encoding="utf-8")


def _two(title: str, other: str) -> tuple[Figure, Axes, Axes]:
    figure = Figure(figsize=(8, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.set_title(title)
    right.set_title(other)
    return figure, left, right


def _calibration(accounts: Accounts, found: Measured) -> Figure:
    figure, *panels = _two("all accounts", "not late yet")
    early = accounts.not_yet_late
    for axes, missed, chance in (
        (panels[0], accounts.missed, found.chance),
        (panels[1], accounts.missed[early], found.chance[early]),
    ):
        groups = deciles(missed, chance)
        most = max(max(each.predicted, each.observed) for each in groups) * 1.08
        axes.plot([0, most], [0, most], color=QUIET, linewidth=1)
        axes.plot([each.predicted for each in groups], [each.observed for each in groups], "o", color=ACCENT)
        axes.set(xlabel="predicted chance, by tenth", ylabel="missed the payment", xlim=(0, most), ylim=(0, most))
    return figure


def _roc(accounts: Accounts, models: Mapping[str, Measured]) -> Figure:
    figure, *panels = _two("all accounts", "not late yet")
    early = accounts.not_yet_late
    for number, (name, found) in enumerate(models.items()):
        for axes, missed, chance in (
            (panels[0], accounts.missed, found.chance),
            (panels[1], accounts.missed[early], found.chance[early]),
        ):
            false_alarms, caught, _ = roc_curve(missed, chance)
            step = max(len(caught) // 150, 1)
            color, width = (ACCENT, 2.0) if number == 0 else (INK if number == 1 else QUIET, 1.0)
            axes.plot(false_alarms[::step], caught[::step], color=color, linewidth=width, label=name)
            axes.set(xlabel="false alarms", ylabel="found", xlim=(0, 1), ylim=(0, 1))
    panels[1].legend(frameon=False, loc="lower right")
    return figure


def _points(card: Scorecard) -> Figure:
    figure = Figure(figsize=(8, 9.6), layout="constrained")
    most = max(max(bins.points) for bins in card.measures.values())
    grid = figure.subplots(-(-len(card.measures) // 3), 3)
    for axes, (name, bins) in zip(grid.flat, card.measures.items(), strict=False):
        axes.barh(range(len(bins.points)), bins.points, color=ACCENT, height=0.8)
        axes.set_yticks(range(len(bins.points)), bin_names(bins.upto), fontsize=6)
        axes.set_xlim(0, most)
        axes.set_title(f"{name} ({AXIS[MEASURES[name].unit]})", fontsize=8, loc="left")
    for axes in grid.flat[len(card.measures) :]:
        axes.remove()
    return figure


def bin_names(upto: tuple[int, ...]) -> list[str]:
    """The bins in words: up to 3; 4 to 8; 9 and more."""
    names = [f"up to {upto[0]:,}"]
    for low, high in pairwise(upto):
        names.append(f"{high:,}" if high == low + 1 else f"{low + 1:,} to {high:,}")
    return [*names, f"{upto[-1] + 1:,} and more"]
