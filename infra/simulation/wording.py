"""How the report says words, amounts and shares, in the reader's language."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from accord.money import format_rate, minor_digits
from accord.texts import texts as explanations

_FOLDER = Path(__file__).parent
# How a language groups large amounts on an axis.
_UNITS = {
    "en": ((10**9, "billion"), (10**6, "million"), (10**3, "thousand"), (1, "")),
    "zh-CN": ((10**8, "亿"), (10**4, "万"), (1, "")),
}


@cache
def texts() -> dict[str, dict[str, str]]:
    """Every word of the report by name and language."""
    loaded: dict[str, dict[str, str]] = yaml.safe_load((_FOLDER / "texts.yaml").read_text(encoding="utf-8"))
    return loaded


class Words:
    """The words of one language, and the figures of one currency."""

    def __init__(self, language: str, currency: str) -> None:
        self.language, self.currency = language, currency
        self._unit = 10 ** minor_digits(currency)

    def __getitem__(self, name: str) -> Any:
        return texts()[name][self.language]

    def code(self, code: str) -> str:
        """A code of the application in words; one that has none yet stands as it is."""
        return texts()[code][self.language] if code in texts() else code

    def review_reason(self, code: str) -> str:
        """Why a person looks first, in the words that staff know; a reason that has none yet stands as it is."""
        told: str = explanations("explain")["review"].get(code, {}).get(self.language, code)
        return told[0].upper() + told[1:]

    def money(self, minor: int) -> str:
        """An amount to whole units of the currency: `1,234,568`."""
        sign, whole = ("−" if minor < 0 else ""), (abs(minor) + self._unit // 2) // self._unit
        return f"{sign if whole else ''}{whole:,}"

    def in_currency(self, name: str) -> str:
        """A heading with the currency: `Owed (CNY)`."""
        return f"{self[name]} ({self.currency})"

    def scale(self, amounts: list[int]) -> tuple[int, str]:
        """By how many minor units an axis counts, and what that is called: `CNY million`."""
        most = max(map(abs, amounts), default=0)
        size, name = next(unit for unit in _UNITS[self.language] if most >= unit[0] * self._unit or unit[0] == 1)
        chinese = f"{self.currency}（{name}）" if name else self.currency
        return size * self._unit, chinese if self.language == "zh-CN" else f"{self.currency} {name}".strip()

    @staticmethod
    def share(part: int, whole: int) -> str:
        """A share in per cent, to a tenth: `12.3 %`; a dash where there is nothing to share."""
        return f"{100 * part / whole:.1f} %" if whole else "–"

    def spread(self, least: int, mean: int, most: int) -> str:
        """Three amounts: `mean (least – most)`."""
        return _range(*map(self.money, (least, mean, most)))

    def share_spread(self, least: int, mean: int, most: int, whole: int) -> str:
        """Three amounts as shares of another."""
        return _range(*(self.share(amount, whole) for amount in (least, mean, most)))

    @staticmethod
    def rate(ppm: int) -> str:
        """A yearly rate: `18.25%`."""
        return format_rate(ppm)


def _range(least: str, mean: str, most: str) -> str:
    return mean if least == mean == most else f"{mean} ({least} – {most})"
