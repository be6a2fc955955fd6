"""Money and rates: whole numbers inside, exact text outside."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.money import MINOR_DIGITS, format_money, format_rate, minor_digits, rate_to_ppm


@pytest.mark.parametrize(
    ("minor", "currency", "language", "text"),
    [
        (123_456, "CNY", "zh-CN", "¥1,234.56"),
        (123_456, "CNY", "en", "¥1,234.56"),
        (5, "CNY", "en", "¥0.05"),
        (0, "CNY", "zh-CN", "¥0.00"),
        (-1, "CNY", "en", "-¥0.01"),
        (1_234_567, "JPY", "en", "JP¥1,234,567"),
        (1_234_567, "KWD", "en", "KWD\u00a01,234.567"),
        (7, "KWD", "zh-CN", "KWD\u00a00.007"),
        (250_000, "USD", "en", "$2,500.00"),
        (250_000, "USD", "zh-CN", "US$2,500.00"),
        (10**13, "CNY", "en", "¥100,000,000,000.00"),
    ],
)
def test_money_is_written_with_the_digits_of_its_currency(minor: int, currency: str, language: str, text: str) -> None:
    assert format_money(minor, currency, language) == text


@given(st.integers(-(10**15), 10**15), st.sampled_from(sorted(MINOR_DIGITS)), st.sampled_from(["zh-CN", "en"]))
def test_what_is_written_is_exactly_the_amount(minor: int, currency: str, language: str) -> None:
    text = format_money(minor, currency, language)
    digits = "".join(char for char in text if char in "-.0123456789")
    assert Decimal(digits).scaleb(minor_digits(currency)) == minor


def test_an_unknown_currency_is_refused_with_an_example() -> None:
    with pytest.raises(ValueError, match="'XAU' is not a code of ISO 4217, for example CNY"):
        minor_digits("XAU")


@pytest.mark.parametrize(
    ("ppm", "text"),
    [(182_500, "18.25%"), (60_000, "6%"), (0, "0%"), (100_000, "10%"), (130_342, "13.03%"), (66_667, "6.67%"),
     (50, "0.01%"), (1_000_000, "100%")],
)  # fmt: skip
def test_a_rate_is_written_to_a_hundredth_of_a_per_cent(ppm: int, text: str) -> None:
    assert format_rate(ppm) == text


@pytest.mark.parametrize(
    ("rate", "ppm"),
    [
        ("0.1825", 182_500),
        (Decimal("0.0876"), 87_600),
        (0, 0),
        (1, 1_000_000),
        ("0.000001", 1),
        ("1.0000000", 1_000_000),
    ],
)
def test_a_yearly_rate_becomes_whole_parts_per_million(rate: Decimal | str | int, ppm: int) -> None:
    assert rate_to_ppm(rate) == ppm


@given(st.integers(0, 1_000_000))
def test_every_part_per_million_survives_being_written_and_read(ppm: int) -> None:
    assert rate_to_ppm(str(Decimal(ppm).scaleb(-6))) == ppm


@pytest.mark.parametrize("rate", ["-0.01", "1.000001", "NaN", "Infinity", "0.0000001", "eighteen", "", "18.25%"])
def test_what_is_no_exact_rate_is_refused(rate: str) -> None:
    with pytest.raises(ValueError, match=r"^rate: "):
        rate_to_ppm(rate)


@pytest.mark.parametrize("rate", [0.1825, True, None])
def test_a_float_is_no_rate(rate: object) -> None:
    with pytest.raises(ValueError, match="a decimal, text or whole number is needed"):
        rate_to_ppm(rate)  # type: ignore[arg-type]  # that is the point
