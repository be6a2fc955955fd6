"""What makes a name: it stands in messages and contracts and is signed with, so it is seen, letter by letter."""

import re
import unicodedata

from pydantic_core import PydanticCustomError

# Nobody sees these, so nobody could sign with them: fillers, blanks, variation selectors, reserved invisible ones.
# The rest of what is not seen is Unicode's category Cf.
_INVISIBLE = re.compile(
    r"[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff]"
)
_LETTERS = frozenset({"Lu", "Ll", "Lt", "Lo"})
# Hebrew with points, Thai and Tibetan put up to three marks on one letter; what has more is no writing.
_MOST_MARKS = 3

# Eighty characters that older systems in China could write only with a private code: GBK and GB 18030-2000 have them
# at FE50 to FEA0, which were U+E815 to U+E864. These are their codes since, in that order, as GB 18030-2022 has them.
_ONCE_PRIVATE = (
    "\u2e81\U00020087\U00020089\U000200cc\u2e84\u3473\u3447\u2e88\u2e8b\u9fb4\u359e\u361a\u360e\u2e8c\u2e97\u396e"
    "\u3918\u9fb5\u39cf\u39df\u3a73\u39d0\u9fb6\u9fb7\u3b4e\u3c6e\u3ce0\u2ea7\U000215d7\u9fb8\u2eaa\u4056"
    "\u415f\u2eae\u4337\u2eb3\u2eb6\u2eb7\U0002298f\u43b1\u43ac\u2ebb\u43dd\u44d6\u4661\u464c\u9fb9\u4723"
    "\u4729\u477c\u478d\u2eca\u4947\u497a\u497d\u4982\u4983\u4985\u4986\u499f\u499b\u49b7\u49b6\u9fba"
    "\U000241fe\u4ca3\u4c9f\u4ca0\u4ca1\u4c77\u4ca2\u4d13\u4d14\u4d15\u4d16\u4d17\u4d18\u4d19\u4dae\u9fbb"
)
# The radicals among them are parts of characters and no letters: who has one in a name has a slip in the records.
_REAL = {
    private: character
    for private, character in enumerate(_ONCE_PRIVATE, start=0xE815)
    if unicodedata.category(character) == "Lo"
}


def without_private_codes(name: str) -> str:
    """The name with the real character wherever an older system wrote a private code for it."""
    return name.translate(_REAL)


def signable(value: str) -> str:
    """The name in its one form (NFC). Raises PydanticCustomError, with a code, for what nobody could sign with."""
    name = unicodedata.normalize("NFC", without_private_codes(value))
    categories = {unicodedata.category(character) for character in name}
    if categories & {"Cc", "Zl", "Zp"}:
        raise PydanticCustomError("CONTROL_CHARACTER", "holds a control character")
    if "Cf" in categories or _INVISIBLE.search(name):
        raise PydanticCustomError(
            "INVISIBLE_CHARACTER",
            "holds a character that nobody sees: a zero-width space, a direction mark, a filler, a variation selector",
        )
    if any(not _is_character(character) for character in name):
        raise PydanticCustomError("NO_CHARACTER", "holds a code that stands for no character, or for a private one")
    # A modifier alone is a letter to Unicode, and to nobody else.
    if not any(unicodedata.category(character) in _LETTERS or _is_rare_han(character) for character in name):
        raise PydanticCustomError("NO_LETTER", "should have a letter: nobody could sign with this name")
    if _marks_in_a_row(name) > _MOST_MARKS:
        raise PydanticCustomError("STACKED_MARKS", "has more than three accents or other marks on one letter")
    return name


def _is_character(character: str) -> bool:
    return unicodedata.category(character) not in ("Cn", "Co", "Cs") or _is_rare_han(character)


def _is_rare_han(character: str) -> bool:
    """Han of the planes 2 and 3, as far as Unicode has given them out: the newest are in not every Python's tables."""
    return 0x20000 <= ord(character) <= 0x3347F and (ord(character) & 0xFFFF) < 0xFFFE


def _marks_in_a_row(name: str) -> int:
    """The most marks that stand on one letter, those counted that are part of a composed letter."""
    most = row = 0
    for character in unicodedata.normalize("NFD", name):
        row = row + 1 if unicodedata.category(character) in ("Mn", "Me") else 0
        most = max(most, row)
    return most
