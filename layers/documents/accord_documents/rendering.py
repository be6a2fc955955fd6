"""The agreement as a PDF: signed terms in, accessible and archivable bytes out (PDF/UA-1 and PDF/A-2a).

The same input gives the same bytes. Data reach the typesetter as JSON, so that nothing in them can act as markup.
"""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import typst

from accord.agreement import format_date
from accord.errors import GlyphMissingError
from accord.money import format_money, format_rate
from accord_documents.glyphs import FONTS, missing_glyphs

_TEMPLATES = Path(__file__).parent / "templates"


class Signatory(Protocol):
    """What the document says of the person who signed."""

    @property
    def name(self) -> str: ...
    @property
    def id_last4(self) -> str: ...


@cache
def _fonts() -> typst.Fonts:
    """Our two fonts and no other: what is drawn must not depend on the machine."""
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[FONTS])


def render_agreement(
    terms: Mapping[str, Any], person: Signatory, reference: Mapping[str, str], language: str, signed_at: datetime
) -> bytes:
    """The agreement that was signed, as a PDF without a seal yet.

    `terms` are those of `accord.agreement.terms_of`, byte for byte what was signed. `reference` has case_id, terms_hash
    and chain_head, which bind the document to the chain of events. The time of signing is printed in its own zone.
    Raises GlyphMissingError when a character cannot be drawn, ValueError when there is no template for the language.
    """
    template = _TEMPLATES / f"agreement.{language}.typ"
    if not template.exists():
        raise ValueError(f"language: there is no agreement template for {language}")
    content = _content(terms, person, reference, language, signed_at)
    undrawn = sorted(part for part, value in content.items() if missing_glyphs(value))
    if undrawn:  # names the part, not the character: it may be of somebody's name
        raise GlyphMissingError(f"the fonts cannot draw every character of: {', '.join(undrawn)}")
    return bytes(
        typst.compile(
            template,
            root=_TEMPLATES,
            font_paths=_fonts(),
            ignore_system_fonts=True,
            sys_inputs={"data": json.dumps(content, ensure_ascii=False)},
            pdf_standards=["ua-1", "a-2a"],
        )
    )
