"""The report: what a simulation came to, as one HTML file that needs no network."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader

from infra.simulation import differences, figures, sections
from infra.simulation.policies import differing
from infra.simulation.totals import Totals
from infra.simulation.view import SIDES, About, Part, View
from infra.simulation.wording import Words

__all__ = ["About", "report"]


def report(totals: Totals, about: About, language: str) -> str:
    """The whole page."""
    words = Words(language, about.policies[0].currencies[0])
    view = View(totals, about, words)
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("report.html").render(
        language=language,
        title=words["title_two" if view.two else "title"],
        words=words,
        facts=_facts(view),
        warnings=_warnings(view),
        sections=[{"heading": words[name], "parts": parts} for name, parts in _sections(view)],
    )


def _sections(view: View) -> list[tuple[str, list[Part]]]:
    """Heading and parts of each, in the order of the page."""
    compared = (
        [("h_difference", differences.difference(view)), ("h_rules", differences.rules(view))] if view.two else []
    )
    return [
        ("h_summary", sections.summary(view)),
        *compared,
        ("h_outcomes", sections.outcomes(view)),
        ("h_nothing", sections.nothing(view)),
        ("h_recovery", sections.recovery(view)),
        ("h_shares", sections.shares(view)),
        ("h_waivers", sections.waivers(view)),
        ("h_terms", sections.terms(view)),
        ("h_groups", sections.groups(view)),
        ("h_rows", sections.rows(view)),
        ("h_method", [{"kind": "list", "sentences": view.words["method"]}]),
    ]


def _facts(view: View) -> list[tuple[str, str, str | None]]:
    """What was simulated: name, fact, and the colour that stands for it."""
    words, about = view.words, view.about
    facts: list[tuple[str, str, str | None]] = [
        (words["file"], about.file, None),
        (words["as_of"], about.now.isoformat(timespec="minutes"), None),
        (words["lines"], f"{view.totals.lines.total():,}", None),
    ]
    for side, name, policy in zip(SIDES, about.names, about.policies, strict=False):
        told = f"{name} ({words['version']} {policy.version})"
        facts.append((side if view.two else words["policy"], told, figures.COLOURS[side]))
    return facts


def _warnings(view: View) -> list[str]:
    """What a reader has to know before any figure."""
    words, lines = view.words, view.totals.lines
    told = [f"{words[kind]}: {lines[kind]:,}" for kind in ("failed", "rejected") if lines[kind]]
    for name, side in view.sides.items():
        if side.denied:
            told.append(f"{f'{name}: ' if view.two else ''}{words['DENIED']}: {side.denied:,}")
    if view.two and any(rule.startswith("pricing.") for rule, _, _ in differing(*view.about.policies)):
        told.append(words["r_pricing"])
    return told
