"""Puts the fonts of the documents in place: checked files and their licences.

Noto Sans SC draws the documents; Noto Sans has the Latin letters that it lacks, as in Łukasz or Şeyma. What they can
draw stands in a table of the domain, which has to be theirs; `table` as the argument writes it anew.
"""

import hashlib
import json
import struct
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from accord.glyphs import TABLE

ROOT = Path(__file__).parents[2]
PACKAGES = ROOT / "node_modules" / "@expo-google-fonts"
FONTS = ROOT / "layers" / "documents" / "fonts"
# A signed document must look the same tomorrow: exactly these files, whatever the packages' next versions bring.
SHA256 = {
    "noto-sans-sc/400Regular/NotoSansSC_400Regular.ttf": (
        "d45f67f0a7c0ca3f256950777ce6a61cc7ce5f9696d02900cbbaac25f8aa7d16"
    ),
    "noto-sans-sc/700Bold/NotoSansSC_700Bold.ttf": "9a38ae0ab28cd5a256f9ea8e00dedc688aac17f7915fcb000572990afa956b96",
    "noto-sans-sc/LICENSE_FONT": "1c05c68c34f9708415aada51f17e1b0092d2cea709bf4a94cd38114f9e73d7d9",
    "noto-sans/400Regular/NotoSans_400Regular.ttf": "fe8c022f48d8dd29f17b744d16f9346f4357e16f7d4f7be58b000ae7c291b614",
    "noto-sans/700Bold/NotoSans_700Bold.ttf": "13a813c49624ae3ba3c5c6e72c5ebffc4b9e1e6ea32f421c04069b037c6ad431",
    "noto-sans/LICENSE_FONT": "cee9892f9f0cc8fe882c9e9537ee6a89621d86ee7ceaf70b02e2b2b1c25c061a",
}
# OpenType's cmap: the full Unicode table is the one of platform 3 (Windows), encoding 10, in format 12.
_FULL_UNICODE = (3, 10)


def characters(font: bytes) -> set[int]:
    """The code points that a TrueType font has a glyph for, as its full Unicode character map says."""
    tables = struct.unpack_from(">H", font, 4)[0]
    directory = {font[at : at + 4]: struct.unpack_from(">I", font, at + 8)[0] for at in range(12, 12 + 16 * tables, 16)}
    cmap = directory[b"cmap"]
    for number in range(struct.unpack_from(">H", font, cmap + 2)[0]):
        platform, encoding, offset = struct.unpack_from(">HHI", font, cmap + 4 + 8 * number)
        if (platform, encoding) == _FULL_UNICODE:
            groups = struct.unpack_from(">I", font, cmap + offset + 12)[0]
            spans = struct.iter_unpack(">III", font[cmap + offset + 16 : cmap + offset + 16 + 12 * groups])
            return {code for first, last, _glyph in spans for code in range(first, last + 1)}
    raise ValueError("the font has no full Unicode character map")


def ranges(codes: Iterable[int]) -> list[list[int]]:
    """The code points as [first, last] pairs in order, without overlap."""
    found: list[list[int]] = []
    for code in sorted(codes):
        if found and code == found[-1][1] + 1:
            found[-1][1] = code
        else:
            found.append([code, code])
    return found


def _place(path: Path) -> str:
    """What a file is called beside the others: a font by its own name, a licence by its font's."""
    return path.name if path.suffix == ".ttf" else f"{path.name}.{path.parts[0]}"


def table(files: Mapping[Path, bytes]) -> str:
    """What the fonts can draw, as the domain keeps it."""
    weights: dict[str, list[set[int]]] = {}
    for path, content in files.items():
        if path.suffix == ".ttf":
            weights.setdefault(path.parts[0], []).append(characters(content))
    # Both weights of a family have to have a character, because headings are bold; which family has it is all the same.
    drawn = set().union(*(set.intersection(*family) for family in weights.values()))
    # Control and format characters have no shape of their own (a soft hyphen, say): they hide, so they do not count.
    visible = {code for code in drawn if unicodedata.category(chr(code))[0] != "C"}
    return json.dumps(ranges(visible), separators=(",", ":")) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Check the files, write or check the table, then copy."""
    files = {Path(name): (PACKAGES / name).read_bytes() for name in SHA256}
    for path, content in files.items():
        if hashlib.sha256(content).hexdigest() != SHA256[path.as_posix()]:
            print(f"{path} is not the file Accord was tested with: run `make clean`, then try again.", file=sys.stderr)
            return 1
    if "table" in arguments:
        TABLE.write_text(table(files), encoding="ascii")
    elif TABLE.read_text(encoding="ascii") != table(files):
        print(f"{TABLE.name} is not what these fonts can draw: run `make glyphs` and commit it.", file=sys.stderr)
        return 1
    FONTS.mkdir(exist_ok=True)
    for path, content in files.items():
        (FONTS / _place(path)).write_bytes(content)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
