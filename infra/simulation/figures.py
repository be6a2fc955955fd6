"""The pictures of a report, as SVG without any text but axes: titles and legends are the page's, in its language."""

import io
import warnings
from collections.abc import Callable, Mapping, Sequence

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

# Okabe and Ito: told apart by colour-blind people too. The order of lightness differs as well, for grey print.
COLOURS = {
    "OFFERED": "#009E73",
    "REVIEW": "#7CC7EE",
    "ASK": "#F0E442",
    "NO_AFFORDABLE_OFFER": "#D55E00",
    "WATCH": "#CC79A7",
    "EXCLUDED": "#9AA0A6",
    "DENIED": "#56504A",
    "OTHER": "#56504A",
    "A": "#0072B2",
    "B": "#E69F00",
    "WITHOUT_PLAN": "#B8BEC4",
    "MORE": "#009E73",
    "LESS": "#D55E00",
}
_INK, _SOFT, _LINE = "#1b2733", "#55626f", "#dfe4e9"
_STYLE = {
    "svg.fonttype": "none",  # the reader's own fonts: small files, and Chinese without a font in them
    "svg.hashsalt": "accord",  # the same figures make the same bytes
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "axes.edgecolor": _SOFT,
    "axes.labelcolor": _SOFT,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": _LINE,
    "grid.linewidth": 0.8,
    "xtick.color": _INK,
    "ytick.color": _SOFT,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "hatch.color": "white",
    "hatch.linewidth": 0.6,
}
# Matplotlib measures with a font of its own and writes its name; the reader's computer chooses better.
_FONTS = "system-ui, 'Noto Sans SC', 'PingFang SC', 'Microsoft YaHei', 'DejaVu Sans', sans-serif"
_HATCH = {"A": None, "B": "////"}
_BAR = 0.38

Shares = Mapping[str, Mapping[str, Mapping[str, int]]]  # side → place on the axis → what → how many
Ranges = Mapping[str, Mapping[str, tuple[float, float, float]]]  # side → place on the axis → least, mean, most


def stacked(counts: Shares, kinds: Sequence[str], x_label: str, y_label: str) -> str:
    """For each place one full bar a side: which share of the accounts came to what."""

    def draw(axes: Axes) -> None:
        places = list(dict.fromkeys(place for side in counts.values() for place in side))
        ticks = []
        for number, place in enumerate(places):
            for side, offset in _offsets(counts):
                told = counts[side].get(place, {})
                total, bottom = sum(told.values()), 0.0
                for kind in kinds:
                    height = 100 * told.get(kind, 0) / total if total else 0
                    axes.bar(number + offset, height, _BAR - 0.03, bottom, color=COLOURS[kind], linewidth=0)
                    bottom += height
                if len(counts) > 1:
                    ticks.append((number + offset, side))
        if ticks:
            axes.set_xticks([at for at, _ in ticks], [side for _, side in ticks], color=_SOFT)
            below = {"textcoords": "offset points", "ha": "center", "va": "top", "color": _INK}
            for number, place in enumerate(places):
                axes.annotate(place, (number, 0), (0, -17), annotation_clip=False, **below)
            axes.set_xlabel(x_label, labelpad=16)
        else:
            axes.set_xticks(range(len(places)), places)
            axes.set_xlabel(x_label)
        axes.set_ylim(0, 100)
        _percent(axes)
        axes.set_ylabel(y_label)

    return _svg(draw)


def ranges(
    values: Ranges, x_label: str, y_label: str, percent: bool, base: Mapping[str, Mapping[str, float]] | None = None
) -> str:
    """For each place a bar a side at the mean with a line from least to most; a grey line where `base` lies."""

    def draw(axes: Axes) -> None:
        places = list(dict.fromkeys(place for side in values.values() for place in side))
        for side, offset in _offsets(values):
            for number, place in enumerate(places):
                if place not in values[side]:
                    continue
                least, mean, most = values[side][place]
                at = number + offset
                axes.bar(at, mean, _BAR - 0.03, color=COLOURS[side], hatch=_HATCH[side], linewidth=0)
                axes.plot([at, at], [least, most], color=_INK, linewidth=1.4, solid_capstyle="butt")
                for end in (least, most):
                    axes.plot([at - 0.06, at + 0.06], [end, end], color=_INK, linewidth=1.4)
                if base is not None:
                    level, half = base[side].get(place, 0), _BAR / 2
                    axes.plot([at - half, at + half], [level, level], color="white", linewidth=4)
                    axes.plot([at - half, at + half], [level, level], color="#5b636b", linewidth=2)
        axes.set_xticks(range(len(places)), places)
        axes.set_ylim(bottom=0)
        _percent(axes) if percent else axes.yaxis.set_major_formatter(FuncFormatter(_plain))
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)

    return _svg(draw)


def steps(counts: Mapping[str, Mapping[int, int]], width: int, x_label: str, y_label: str) -> str:
    """How many accounts in each band of per cent, as an outline a side."""

    def draw(axes: Axes) -> None:
        top = max((percent for side in counts.values() for percent in side), default=0)
        edges = list(range(0, max(100, top) + width + 1, width))
        for side, told in counts.items():
            heights = [sum(told.get(at, 0) for at in range(low, low + width)) for low in edges[:-1]]
            total = sum(heights) or 1
            shares = [100 * height / total for height in heights]
            axes.stairs(
                shares, edges, color=COLOURS[side], linewidth=0, fill=True, alpha=0.22 if len(counts) > 1 else 0.9
            )
            line = "-" if side == "A" else (0, (5, 2))
            axes.stairs(shares, edges, color=COLOURS[side], linewidth=2, linestyle=line)
        axes.set_xlim(0, max(100, top))
        axes.set_ylim(bottom=0)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f} %"))
        _percent(axes)
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)

    return _svg(draw)


def bars(counts: Mapping[str, Mapping[str, int]], places: Sequence[str], x_label: str, y_label: str) -> str:
    """Numbers beside each other, a bar a side for each place."""

    def draw(axes: Axes) -> None:
        for side, offset in _offsets(counts):
            heights = [counts[side].get(place, 0) for place in places]
            at = [number + offset for number in range(len(places))]
            axes.bar(at, heights, _BAR - 0.03, color=COLOURS[side], hatch=_HATCH[side], linewidth=0)
        axes.set_xticks(range(len(places)), places)
        axes.yaxis.set_major_formatter(FuncFormatter(_plain))
        axes.yaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)

    return _svg(draw)


def up_and_down(more: Mapping[str, float], less: Mapping[str, float], x_label: str, y_label: str) -> str:
    """Gains above the line, losses below it, and a dot where both leave it."""

    def draw(axes: Axes) -> None:
        places = list(more)
        axes.bar(range(len(places)), [more[place] for place in places], 0.5, color=COLOURS["MORE"], linewidth=0)
        axes.bar(
            range(len(places)),
            [-less[place] for place in places],
            0.5,
            color=COLOURS["LESS"],
            hatch="////",
            linewidth=0,
        )
        net = [more[place] - less[place] for place in places]
        axes.plot(range(len(places)), net, "D", color=_INK, markersize=6, markeredgecolor="white")
        axes.axhline(0, color=_SOFT, linewidth=1)
        axes.set_xticks(range(len(places)), places)
        axes.yaxis.set_major_formatter(FuncFormatter(_plain))
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)

    return _svg(draw)


def _offsets(sides: Mapping[str, object]) -> list[tuple[str, float]]:
    """Where the bars of each side stand beside a tick."""
    return [(side, (number - (len(sides) - 1) / 2) * _BAR) for number, side in enumerate(sides)]


def _percent(axes: Axes) -> None:
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f} %"))


def _plain(value: float, _: object = None) -> str:
    return f"{value:,.2f}".rstrip("0").rstrip(".")


def _svg(draw: Callable[[Axes], None]) -> str:
    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # of Chinese: it is the reader's font that draws it
        figure = Figure(figsize=(8.2, 3.4), layout="constrained")
        draw(figure.add_subplot())
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    return out.getvalue().replace("'DejaVu Sans', sans-serif", _FONTS)
