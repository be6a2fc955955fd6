"""The agreement as a PDF: signed terms in, accessible and archivable bytes out (PDF/UA-1 and PDF/A-2a).

The same input gives the same bytes. Data reach the typesetter as JSON, so that nothing in them can act as markup.
"""

import io
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import pikepdf
import typst

from accord.case import Balance
from accord.drawing import strokes
from accord.errors import GlyphMissingError
from accord.glyphs import missing_glyphs
from accord.money import format_money, format_rate
from accord.texts import format_date

# What a document says it was made by. Whoever checks one typesets it anew and compares: another typesetter, font,
# template or order of what is printed is another layout.
LAYOUT = "layout 1"
# Beside the package: layers/documents/fonts here, python/fonts in the Lambda layer.
FONTS = Path(__file__).parent.parent / "fonts"
_TEMPLATES = Path(__file__).parent / "templates"


class Signatory(Protocol):
    """What the document says of the person who signed."""

    @property
    def name(self) -> str: ...
    @property
    def id_last4(self) -> str: ...


@cache
def _fonts() -> typst.Fonts:
    """Our own fonts and no other: what is drawn must not depend on the machine."""
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[FONTS])


def render_agreement(
    terms: Mapping[str, Any],
    person: Signatory,
    reference: Mapping[str, str],
    language: str,
    signed_at: datetime,
    drawing: str = "",
) -> bytes:
    """The agreement that was signed, as a PDF without a seal yet; with the signature that was drawn, where one was.

    `terms` are those of `accord.agreement.terms_of`, byte for byte what was signed. `reference` has case_id, terms_hash
    and chain_head, which bind the document to the chain of events. The time of signing is printed in its own zone.
    Raises GlyphMissingError when a character cannot be drawn, ValueError when there is no template for the language.
    """
    template = _TEMPLATES / f"agreement.{language}.typ"
    if not template.exists():
        raise ValueError(f"language: there is no agreement template for {language}")
    content = _content(terms, person, reference, language, signed_at)
    undrawn = sorted(part for part, value in content.items() if missing_glyphs(value))
    content["drawing"] = strokes(drawing) if drawing else []
    if undrawn:  # names the part, not the character: it may be of somebody's name
        raise GlyphMissingError(f"the fonts cannot draw every character of: {', '.join(undrawn)}")
    return _packed(
        typst.compile(
            template,
            root=_TEMPLATES,
            font_paths=_fonts(),
            ignore_system_fonts=True,
            sys_inputs={"data": json.dumps(content, ensure_ascii=False)},
            pdf_standards=["ua-1", "a-2a"],
        )
    )


def _packed(pdf: bytes) -> bytes:
    """The same document with its objects compressed: those that tell a screen reader of each cell are two fifths of it.

    The typesetter cannot do that yet. Nothing that the objects say is changed; the same input gives the same bytes.
    """
    packed = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf)) as document:
        document.save(packed, object_stream_mode=pikepdf.ObjectStreamMode.generate, deterministic_id=True)
    return packed.getvalue()


def _content(
    terms: Mapping[str, Any], person: Signatory, reference: Mapping[str, str], language: str, signed_at: datetime
) -> dict[str, Any]:
    """What the template prints, ready to be read; whole numbers only where it draws or counts."""

    def money(minor: int) -> str:
        return format_money(minor, terms["currency"], language)

    def day(iso: str) -> str:
        return format_date(date.fromisoformat(iso), language)

    balances = [terms["total_payable"]]
    for row in terms["schedule"]:
        balances.append(balances[-1] - row["amount"])
    moment = signed_at.astimezone(UTC)
    signed_on = format_date(signed_at.date(), language)
    return {
        "layout": LAYOUT,
        "title": terms["title"],
        "institution": terms["institution"],
        "name": person.name,
        "id_last4": person.id_last4,
        "account": terms["account_id"],
        "signed_on": signed_on,
        "signed_at": f"{signed_on} {signed_at:%H:%M} (UTC{signed_at.isoformat()[-6:]})",
        # PDF keeps this as the time of making: the same signing, the same bytes.
        "moment": {part: getattr(moment, part) for part in ("year", "month", "day", "hour", "minute", "second")},
        "at_once": terms["months"] == 1,
        "bears_interest": terms["interest"] > 0,
        "months": terms["months"],
        "instalment": money(terms["regular_instalment"]),
        "last_instalment": money(terms["last_instalment"]),
        "first_due": day(terms["first_due_date"]),
        "last_due": day(terms["last_due_date"]),
        "owed_as_of": day(terms["owed_as_of"]),
        "owed": money(terms["owed"]["total"]),
        "waived": money(terms["waived"]["total"]),
        "financed": money(terms["financed"]),
        "interest": money(terms["interest"]),
        "total": money(terms["total_payable"]),
        "annual_cost": format_rate(terms["annual_cost_ppm"]),
        "balances": balances,
        "debt": [
            {
                "component": component,
                "owed": money(owed),
                "waived": money(terms["waived"][component]),
                "left": money(owed - terms["waived"][component]),
            }
            for component in Balance.model_fields
            if (owed := terms["owed"][component])
        ],
        "schedule": [
            {
                "number": str(row["number"]),
                "due": day(row["due_date"]),
                "amount": money(row["amount"]),
                "interest": money(row["interest"]),
                "left": money(left),
            }
            for row, left in zip(terms["schedule"], balances[1:], strict=True)
        ],
        "cards": terms["cards"],
        "clauses": terms["clauses"],
        "consents": [terms["consent_texts"][consent["id"]] for consent in terms["consents"]],
        "versions": f"{terms['policy_version']} · {terms['texts']} · {terms['offer_id']}",
        **reference,
    }
