"""Putting the fonts in place: only the very files that documents were tested with."""

from pathlib import Path

import pytest

from infra.setup import fonts


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the npm package's files, and an empty place for what is made of them."""
    for name in fonts.SHA256:
        copy = tmp_path / "package" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes((fonts.PACKAGES / name).read_bytes())
    monkeypatch.setattr(fonts, "PACKAGES", tmp_path / "package")
    monkeypatch.setattr(fonts, "FONTS", tmp_path / "fonts")
    return tmp_path


def test_fonts_and_licences_are_put_in_place(package: Path) -> None:
    """And with that, the table of the domain is the one of these very fonts."""
    assert fonts.main([]) == 0
    made = {file.name for file in (package / "fonts").iterdir()}
    assert made == {
        "NotoSansSC_400Regular.ttf",
        "NotoSansSC_700Bold.ttf",
        "LICENSE_FONT.noto-sans-sc",
        "NotoSans_400Regular.ttf",
        "NotoSans_700Bold.ttf",
        "LICENSE_FONT.noto-sans",
    }


def test_a_table_of_other_fonts_is_refused_until_it_is_written_anew(
    package: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    right, other = fonts.TABLE.read_text(), package / "glyphs.json"
    other.write_text(right.replace("[[32,126]", "[[32,127]", 1))
    assert other.read_text() != right
    monkeypatch.setattr(fonts, "TABLE", other)
    assert fonts.main([]) == 1
    assert "glyphs.json is not what these fonts can draw: run `make glyphs`" in capsys.readouterr().err
    assert fonts.main(["table"]) == 0
    assert other.read_text() == right


def test_another_version_of_a_font_is_refused(package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (package / "package" / "noto-sans-sc" / "700Bold" / "NotoSansSC_700Bold.ttf").open("ab") as font:
        font.write(b"\0")
    assert fonts.main([]) == 1
    assert "NotoSansSC_700Bold.ttf" in capsys.readouterr().err
    assert not (package / "fonts").exists()


def test_ranges_join_neighbours_only() -> None:
    assert fonts.ranges({5, 1, 2, 3, 7, 8}) == [[1, 3], [5, 5], [7, 8]]
