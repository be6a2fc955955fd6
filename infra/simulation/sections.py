"""The sections of a report that tell what the policies do, side by side."""

from collections.abc import Callable, Iterable

from infra.simulation import figures
from infra.simulation.result import COMPONENTS
from infra.simulation.totals import REJECTS_SHOWN, Side
from infra.simulation.view import OUTCOMES, WITH_OFFERS, Part, View, by_size, plus, signed, table

FIGURES = ("least", "mean", "most")


def summary(view: View) -> list[Part]:
    """The figures that matter most."""
    words, decided = view.words, view.decided
    rows: list[list[str]] = []

    def of_accounts(name: str, count: Callable[[Side], int]) -> None:
        told = [count(side) for side in view.sides.values()]
        cells = [f"{number:,} ({words.share(number, decided)})" for number in told]
        rows.append([name, *cells, *([signed(told[1] - told[0])] if view.two else [])])

    def of_money(name: str, figure: str, source: str = "money") -> None:
        told = []
        cells = []
        for side in view.sides.values():
            sums = _over_buckets(getattr(side, source))
            if f"{figure}_mean" in sums:
                told.append(sums[f"{figure}_mean"])
                cells.append(words.spread(*(sums[f"{figure}_{part}"] for part in FIGURES)))
            else:
                told.append(sums.get(figure, 0))
                cells.append(words.money(told[-1]))
        rows.append([name, *cells, *([plus(words.money(told[1] - told[0]))] if view.two else [])])

    rows.append([words["s_decided"], *[f"{decided:,}"] * len(view.sides), *([""] if view.two else [])])
    of_accounts(words["s_with_offers"], lambda side: side.offers.total())
    for outcome in view.kinds():
        of_accounts(f"· {words.code(outcome)}", lambda side, outcome=outcome: _outcomes(side)[outcome])
    each = [
        sum(number * count for number, count in side.offers.items()) / max(side.offers.total(), 1)
        for side in view.sides.values()
    ]
    rows.append(
        [words["s_offers_each"], *[f"{mean:.2f}" for mean in each]]
        + ([plus(f"{each[1] - each[0]:.2f}".replace("-", "−"))] if view.two else [])
    )
    of_money(words.in_currency("s_owed"), "owed")
    of_money(words.in_currency("s_waived"), "waived")
    of_money(words.in_currency("s_expected"), "expected")
    of_money(words.in_currency("s_without"), "without_plan")
    of_money(words.in_currency("s_everybody"), "expected", "value")
    medians = [_median(_percents(side, "mean")) for side in view.sides.values()]
    rows.append([words["s_share"], *["–" if at is None else f"{at} %" for at in medians]])
    if view.two:
        known = medians[0] is not None and medians[1] is not None
        rows[-1].append(signed(medians[1] - medians[0]) if known else "")
    head = ["", *view.names(), *([words["change"]] if view.two else [])]
    return [table(head, rows, words["mean_range"])]


def outcomes(view: View) -> list[Part]:
    """What becomes of the accounts, by bucket."""
    words, kinds = view.words, [*view.kinds()]
    counts: dict[str, dict[str, dict[str, int]]] = {}
    rows = []
    for name, side in view.sides.items():
        counts[name] = {}
        for bucket in view.buckets():
            told = {kind: side.outcomes[bucket, kind] for kind in kinds}
            counts[name][bucket] = told
    for bucket in view.buckets():
        for name in view.sides:
            told = counts[name][bucket]
            rows.append([bucket, *([name] if view.two else []), f"{sum(told.values()):,}"])
            rows[-1] += [f"{told[kind]:,}" for kind in kinds]
    drawn = {
        name: {f"{bucket} · {sum(told.values()):,}": _as_colours(told) for bucket, told in by_bucket.items()}
        for name, by_bucket in counts.items()
    }
    shown = [kind for kind in (*OUTCOMES, "OTHER") if any(t.get(kind) for b in drawn.values() for t in b.values())]
    with_offers = {
        name: {
            bucket: words.share(sum(told.get(kind, 0) for kind in WITH_OFFERS), sum(told.values()))
            for bucket, told in by.items()
        }
        for name, by in counts.items()
    }
    return [
        view.figure(
            "p_outcomes",
            figures.stacked(drawn, shown, words["bucket_accounts"], words["p_outcomes_y"]),
            [("", figures.COLOURS[kind], words.code(kind)) for kind in shown],
            f"{words['with_offers']}: {_told(with_offers)}",
        ),
        table(
            [words["bucket"], *([words["policy"]] if view.two else []), words["accounts"], *map(words.code, kinds)],
            rows,
            words=2 if view.two else 1,
        ),
    ]


def nothing(view: View) -> list[Part]:
    """Who gets nothing, and why."""
    words = view.words
    keys = by_size(*(side.nothing for side in view.sides.values()))
    keys.sort(key=lambda key: OUTCOMES.index(key[0]) if key[0] in OUTCOMES else len(OUTCOMES))
    rows = []
    for outcome, why in keys:
        told = [side.nothing[outcome, why] for side in view.sides.values()]
        cells = [f"{number:,} ({words.share(number, view.decided)})" for number in told]
        rows.append([words.code(why), words.code(outcome), *cells])
        if view.two:
            rows[-1].append(signed(told[1] - told[0]))
    head = [words["reason"], words["outcome"], *view.names(), *([words["change"]] if view.two else [])]
    return [table(head, rows, words=2)]


def recovery(view: View) -> list[Part]:
    """What the bank may expect of plans, beside no plan."""
    words = view.words
    values: dict[str, dict[str, tuple[float, float, float]]] = {}
    base: dict[str, dict[str, float]] = {}
    rows = []
    for bucket in view.buckets():
        for name, side in view.sides.items():
            owed = side.money[bucket, "owed"]
            if not owed:
                continue
            sums = [side.money[bucket, f"expected_{part}"] for part in FIGURES]
            values.setdefault(name, {})[bucket] = tuple(100 * amount / owed for amount in sums)  # type: ignore[assignment]
            base.setdefault(name, {})[bucket] = 100 * side.money[bucket, "without_plan"] / owed
            rows.append([bucket, *([name] if view.two else []), f"{side.money[bucket, 'accounts']:,}"])
            rows[-1] += [words.money(owed), words.share(side.money[bucket, "without_plan"], owed)]
            rows[-1] += [words.share_spread(*sums, owed), words.spread(*sums)]
    numbers = table(
        [words["bucket"], *([words["policy"]] if view.two else []), words["accounts"], words.in_currency("owed"),
         words["without_plan"], words["expected"], words.in_currency("expected")],
        rows,
        words=2 if view.two else 1,
    )  # fmt: skip
    if not values:
        return [numbers]
    picture = figures.ranges(values, words["bucket"], words["p_recovery_y"], True, base)
    told = {name: {at: f"{mean:.0f} %" for at, (_, mean, _) in by.items()} for name, by in values.items()}
    legend = [*view.legend(), ("line", "#5b636b", words["without_plan"])]
    return [view.figure("p_recovery", picture, legend, _told(told), words["p_recovery_note"]), numbers]


def shares(view: View) -> list[Part]:
    """How much of what is left of a month goes to the plan."""
    words = view.words
    rows = []
    for part in FIGURES:
        medians = [_median(_percents(side, part)) for side in view.sides.values()]
        rows.append([words[f"median_{part}"], *["–" if m is None else f"{m} %" for m in medians]])
    rows.append([words["share_unknown"], *[f"{side.shares['unknown',]:,}" for side in view.sides.values()]])
    numbers = table(["", *view.names()], rows)
    told = {name: _percents(side, "mean") for name, side in view.sides.items()}
    told = {name: percents for name, percents in told.items() if percents}
    if not told:
        return [numbers]
    picture = figures.steps(told, 5, words["p_shares_x"], words["p_outcomes_y"])
    medians_told = "; ".join(f"{name}: {_median(percents)} %" for name, percents in told.items())
    alt = f"{words['median_mean']}: {medians_told}"
    return [view.figure("p_shares", picture, view.legend(), alt, words["p_shares_note"]), numbers]


def waivers(view: View) -> list[Part]:
    """What is given up, by component of the debt."""
    words, rows = view.words, []
    sums: dict[str, dict[str, tuple[int, int, int]]] = {name: {} for name in view.sides}
    for part in COMPONENTS:
        for name, side in view.sides.items():
            owed = side.waived[part, "owed"]
            told = tuple(side.waived[part, f"waived_{figure}"] for figure in FIGURES)
            rows.append([words[part], *([name] if view.two else []), words.money(owed)])
            rows[-1] += [words.spread(*told), words.share_spread(*told, owed)]
            if any(s.waived[part, "waived_most"] for s in view.sides.values()):
                sums[name][words[part]] = told  # type: ignore[assignment]
    numbers = table(
        [words["component"], *([words["policy"]] if view.two else []), words.in_currency("owed"),
         f"{words.in_currency('s_waived')}", words["share"]],
        rows, words["mean_range"], 2 if view.two else 1,
    )  # fmt: skip
    if not any(sums.values()):
        return [numbers]
    unit, unit_name = words.scale([amount for by in sums.values() for told in by.values() for amount in told])
    scaled = {name: {at: _scaled(told, unit) for at, told in by.items()} for name, by in sums.items()}
    picture = figures.ranges(scaled, words["component"], unit_name, False)
    alt = _told({name: {at: words.money(told[1]) for at, told in by.items()} for name, by in sums.items()})
    return [view.figure("p_waivers", picture, view.legend(), alt, words["p_waivers_note"]), numbers]


def terms(view: View) -> list[Part]:
    """How long plans run, and on which terms."""
    words = view.words
    by_months: dict[str, dict[str, int]] = {name: {} for name in view.sides}
    by_product: dict[str, dict[str, int]] = {name: {} for name in view.sides}
    for name, side in view.sides.items():
        for (product, months), number in side.terms.items():
            by_months[name][str(months)] = by_months[name].get(str(months), 0) + number
            by_product[name][product] = by_product[name].get(product, 0) + number
    places = sorted({months for told in by_months.values() for months in told}, key=int)
    parts: list[Part] = []
    if places:
        picture = figures.bars(by_months, places, words["p_terms_x"], words["p_terms_y"])
        alt = _told({name: {at: f"{told.get(at, 0):,}" for at in places} for name, told in by_months.items()})
        parts.append(view.figure("p_terms", picture, view.legend(), alt))
    parts.append(view.counts(words["product"], words["offers"], list(by_product.values()), words.code))
    rates = [{str(rate): number for rate, number in side.rates.items()} for side in view.sides.values()]
    told_rates = view.counts(words["rate"], words["offers"], rates, lambda ppm: words.rate(int(ppm)))
    return [*parts, told_rates]


def groups(view: View) -> list[Part]:
    """Groups of accounts, and why a person looks first."""
    words = view.words
    keys = sorted({(kind, group) for side in view.sides.values() for kind, group, _ in side.groups})
    rows = []
    for kind, group in keys:
        rows.append([words.code(kind), words.code(group)])
        for number, side in enumerate(view.sides.values()):
            told = {outcome: count for (k, g, outcome), count in side.groups.items() if (k, g) == (kind, group)}
            offered, total = sum(told.get(outcome, 0) for outcome in WITH_OFFERS), sum(told.values())
            rows[-1] += [f"{total:,}"] if number == 0 else []
            rows[-1].append(f"{offered:,} ({words.share(offered, total)})")
    names = [f"{words['with_offers']}{', ' + name if view.two else ''}" for name in view.sides]
    reasons = [dict(side.review_reasons) for side in view.sides.values()]
    return [
        table([words["group"], "", words["accounts"], *names], rows, words=2),
        view.counts(words["review_reason"], words["accounts"], reasons, words.review_reason),
    ]


def rows(view: View) -> list[Part]:
    """What the rows came to, and what was wrong with those that were not decided on."""
    words, totals = view.words, view.totals
    kinds = ("decided", "not_at_risk", "rejected", "failed", "blank")
    parts = [table([words["row_counts"], words["lines"]], [[words[kind], f"{totals.lines[kind]:,}"] for kind in kinds])]
    failed = [dict(side.failed) for side in view.sides.values()]
    if any(failed):
        parts.append(view.counts(words["failures"], words["accounts"], failed, str))
    if totals.rejected:
        counted = [
            [field, problem, f"{n:,}"]
            for (field, problem), n in sorted(totals.rejected.items(), key=lambda item: (-item[1], item[0]))
        ]
        parts.append(table([words["field"], words["problem"], words["number"]], counted, words["row_fields"], 2))
        first = [[f"{line:,}", field, problem] for line, field, problem in totals.rejects]
        caption = words["row_first"].format(number=REJECTS_SHOWN)
        parts.append(table([words["line"], words["field"], words["problem"]], first, caption, 3))
    return parts


# --- parts ---------------------------------------------------------------------------------------------------------


def _outcomes(side: Side) -> dict[str, int]:
    counts: dict[str, int] = {outcome: 0 for _, outcome in side.outcomes} | dict.fromkeys(OUTCOMES, 0)
    for (_, outcome), number in side.outcomes.items():
        counts[outcome] += number
    return counts


def _over_buckets(sums: dict[tuple[str, str], int]) -> dict[str, int]:
    told: dict[str, int] = {}
    for (_, figure), amount in sums.items():
        told[figure] = told.get(figure, 0) + amount
    return told


def _percents(side: Side, part: str) -> dict[int, int]:
    return {key[1]: number for key, number in side.shares.items() if key[0] == part}


def _median(percents: dict[int, int]) -> int | None:
    """The least per cent that half the accounts do not exceed."""
    half, so_far = sum(percents.values()) / 2, 0
    for percent in sorted(percents):
        so_far += percents[percent]
        if so_far >= half:
            return percent
    return None


def _as_colours(told: dict[str, int]) -> dict[str, int]:
    """An outcome that has no colour of its own is one of the others."""
    known = {kind: number for kind, number in told.items() if kind in OUTCOMES}
    return known | {"OTHER": sum(told.values()) - sum(known.values())}


def _scaled(told: Iterable[int], unit: int) -> tuple[float, float, float]:
    least, mean, most = (amount / unit for amount in told)
    return least, mean, most


def _told(values: dict[str, dict[str, str]]) -> str:
    """Figures as a sentence, for those who hear the page."""
    return "; ".join(f"{name}: " + ", ".join(f"{at} {told}" for at, told in by.items()) for name, by in values.items())
