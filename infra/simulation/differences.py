"""The sections of a report that tell where the second policy differs from the first, and for whom it is better."""

from infra.simulation import figures
from infra.simulation.compare import BETTER, MARKS, MIXED, SAME, UNKNOWN, WORSE
from infra.simulation.policies import differing
from infra.simulation.view import Part, View, plus, table

RULES_SHOWN = 80


def difference(view: View) -> list[Part]:
    """Who gets something else, and for whom it is better."""
    words, told = view.words, view.totals.differences
    changed = told.changed.total()
    gain = {bucket: (told.gain[bucket, "more"], told.gain[bucket, "less"]) for bucket in view.buckets()}
    net = sum(more - less for more, less in gain.values())
    if not changed and not any(map(any, gain.values())):
        return [{"kind": "text", "text": words["nothing_differs"]}]
    sentences = [
        words["d_changed"].format(
            share=words.share(changed, view.decided), number=f"{changed:,}", all=f"{view.decided:,}"
        ),
        words["d_gain"].format(
            gain=words.money(abs(net)), currency=words.currency, direction=words["d_more" if net >= 0 else "d_less"],
            number=f"{sum(n for (_, figure), n in told.gain.items() if figure == 'accounts'):,}",
        ),
    ]  # fmt: skip
    people, banks = (SAME, BETTER, WORSE, MIXED), (SAME, BETTER, WORSE, UNKNOWN)
    verdicts = [
        [words.code(person), *(f"{told.verdicts[person, bank]:,}" for bank in banks)]
        for person in people
        if any(told.verdicts[person, bank] for bank in banks)
    ]
    marks = [[words[mark], *(f"{told.marks[mark, sign]:,}" for sign in (-1, 0, 1))] for mark in MARKS]
    kinds = [*view.kinds()]
    matrix = [[words.code(a), *(f"{told.outcomes[a, b]:,}" for b in kinds)] for a in kinds]
    unit, unit_name = words.scale([amount for pair in gain.values() for amount in pair])
    drawn = [{bucket: pair[part] / unit for bucket, pair in gain.items()} for part in (0, 1)]
    alt = ", ".join(f"{bucket} +{words.money(more)} −{words.money(less)}" for bucket, (more, less) in gain.items())
    by_bucket = [
        [
            *(bucket, f"{told.decided[bucket]:,}", f"{told.changed[bucket]:,}", f"{told.gain[bucket, 'accounts']:,}"),
            *(words.money(more), words.money(-less), plus(words.money(more - less))),
        ]
        for bucket, (more, less) in gain.items()
    ]
    return [
        {"kind": "list", "sentences": sentences},
        table(
            [f"{words['person']} ↓  {words['bank']} →", *map(words.code, banks)],
            verdicts,
            words["d_verdicts"],
        ),
        {"kind": "text", "text": words["d_verdicts_note"]},
        view.figure(
            "p_gain",
            figures.up_and_down(*drawn, words["bucket"], unit_name),
            [
                ("", figures.COLOURS["MORE"], words["more"]),
                ("striped", figures.COLOURS["LESS"], words["less"]),
            ],
            alt,
            words["p_gain_note"],
        ),
        table(
            [
                *(words[name] for name in ("bucket", "accounts", "changed", "reckoned")),
                *(words.in_currency(name) for name in ("more", "less", "remains")),
            ],
            by_bucket,
        ),
        table(
            [words["thing"], words["lower"], words["same"], words["higher"]],
            marks,
            words["d_marks"],
        ),
        table([f"{words['under_a']} ↓  {words['under_b']} →", *map(words.code, kinds)], matrix, words["d_transitions"]),
    ]


def rules(view: View) -> list[Part]:
    """Where the two policies differ."""
    rows = [list(rule) for rule in differing(*view.about.policies)]
    parts = [table([view.words["rule"], "A", "B"], rows[:RULES_SHOWN], words=3)]
    if len(rows) > RULES_SHOWN:
        parts.append({"kind": "text", "text": view.words["r_more"].format(number=len(rows) - RULES_SHOWN)})
    return parts
