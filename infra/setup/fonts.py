"""Puts the fonts of the documents in place: two checked files, their licence, and the table of what they can draw."""

import hashlib
import json
import struct
import sys
import unicodedata
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "node_modules" / "@expo-google-fonts" / "noto-sans-sc"
FONTS = ROOT / "layers" / "documents" / "fonts"
# A signed document must look the same tomorrow: exactly these files, whatever the package's next version brings.
SHA256 = {
    "400Regular/NotoSansSC_400Regular.ttf": "d45f67f0a7c0ca3f256950777ce6a61cc7ce5f9696d02900cbbaac25f8aa7d16",
    "700Bold/NotoSansSC_700Bold.ttf": "9a38ae0ab28cd5a256f9ea8e00dedc688aac17f7915fcb000572990afa956b96",
    "LICENSE_FONT": "1c05c68c34f9708415aada51f17e1b0092d2cea709bf4a94cd38114f9e73d7d9",
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


def main() -> int:
    """Check, copy, and write coverage.json beside the fonts."""
    files = {Path(name): (PACKAGE / name).read_bytes() for name in SHA256}
    for path, content in files.items():
        if hashlib.sha256(content).hexdigest() != SHA256[path.as_posix()]:
            print(f"{path} is not the file Accord was tested with: run `make clean`, then try again.", file=sys.stderr)
            return 1
    FONTS.mkdir(exist_ok=True)
    for path, content in files.items():
        (FONTS / path.name).write_bytes(content)
    drawn = set.intersection(*(characters(content) for path, content in files.items() if path.suffix == ".ttf"))
    # Control and format characters have no shape of their own (a soft hyphen, say): they hide, so they do not count.
    visible = {code for code in drawn if unicodedata.category(chr(code))[0] != "C"}
    (FONTS / "coverage.json").write_text(json.dumps(ranges(visible), separators=(",", ":")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
