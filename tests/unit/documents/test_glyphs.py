"""Which characters the documents can draw."""

import json
import shutil
import string
import subprocess
from pathlib import Path

import pytest
import typst

from accord.glyphs import TABLE, missing_glyphs
from accord_documents.rendering import FONTS

TEMPLATES = Path(FONTS).parent / "accord_documents" / "templates"
# Characters of names that are rare elsewhere and everyday in banking.
EUROPEAN_NAMES = (
    "Łukasz Żółć Kowalčík Ruđer Şeyma Gökçe Žofie Dvořák Erdős Mănescu Ștefan Ğ İpek Ťapák Ņina Ķēniņš Ġorġ"
)
RARE_NAMES = "堃璟喆犇翀赟昇珺祎玥曌垚淼燚頔甦堯䶮㛃"


@pytest.mark.parametrize(
    "text",
    [string.printable.strip(), "¥1,234.56", "张堃璟·喆", RARE_NAMES, "Zoë O’Neill", EUROPEAN_NAMES, "第一行\n第二行"],
)
def test_what_the_fonts_can_draw_is_not_missing(text: str) -> None:
    assert missing_glyphs(text) == set()


@pytest.mark.parametrize(
    "character",
    [
        pytest.param("𡋾", id="rare character beyond the font"),
        pytest.param("\ue863", id="private use, as legacy systems encode rare names"),
        pytest.param("🙂", id="emoji"),
        pytest.param("م", id="script without a font"),
        pytest.param("\u202e", id="direction override, which would turn figures round"),
        pytest.param("\u00ad", id="soft hyphen, which hides"),
        pytest.param("\u200b", id="zero-width space, which hides"),
        pytest.param("\t", id="tab"),
        pytest.param("\x00", id="control"),
        pytest.param("\U0010ffff", id="beyond the last range"),
    ],
)
def test_what_they_cannot_draw_is_named(character: str) -> None:
    assert missing_glyphs(f"张{character}三") == {character}


def test_every_text_of_a_structure_is_looked_at() -> None:
    assert missing_glyphs({"a": ["ok", {"b": "𡋾"}], "c": ("🙂", 3, None, True)}) == {"𡋾", "🙂"}


@pytest.mark.parametrize("template", sorted(TEMPLATES.glob("*.typ")), ids=lambda path: path.name)
def test_the_words_of_the_templates_can_be_drawn(template: Path) -> None:
    assert missing_glyphs(template.read_text(encoding="utf-8")) == set()


@pytest.mark.skipif(not shutil.which("pdffonts"), reason="needs poppler")
def test_the_table_agrees_with_what_is_drawn() -> None:
    """Both weights draw the ends of every fifth range: a box would not come back as the character."""
    ranges = json.loads(TABLE.read_text())
    sample = "".join(chr(code) for pair in ranges[::5] for code in pair if code > 0x3000) + "ŁłćčęşğžřőŚṾ"
    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[FONTS])
    source = (
        '#set text(font: ("Noto Sans SC", "Noto Sans"), fallback: false)\n#sys.inputs.text #strong(sys.inputs.text)'
    )
    pdf = typst.compile(source.encode(), font_paths=fonts, sys_inputs={"text": sample})
    text = subprocess.run(["pdftotext", "-", "-"], input=pdf, capture_output=True, check=True).stdout.decode()
    drawn = {character: text.count(character) for character in sample}
    assert min(drawn.values()) >= 2
