"""Money and rates as whole numbers: minor units of a currency, parts per million a year, and how people read them."""

from decimal import Decimal, InvalidOperation

PPM = 1_000_000  # parts per million: a rate of 1 is 100 % a year

# ISO 4217: how many decimal places a currency's minor unit has. What is not listed is not a currency that we know.
_CODES = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY "
    "COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR "
    "ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK "
    "MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP "
    "SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD YER ZAR "
    "ZMW",
    3: "BHD IQD JOD KWD LYD OMR TND",
}
MINOR_DIGITS = {code: digits for digits, codes in _CODES.items() for code in codes.split()}

_SIGNS = {
    "zh-CN": {"CNY": "¥", "USD": "US$", "GBP": "£", "EUR": "€", "JPY": "JP¥", "HKD": "HK$", "TWD": "NT$"},
    "en": {"CNY": "¥", "USD": "$", "GBP": "£", "EUR": "€", "JPY": "JP¥", "HKD": "HK$", "TWD": "NT$"},
}


def minor_digits(currency: str) -> int:
    """Decimal places of a currency's minor unit. Raises ValueError for a currency that is not in ISO 4217."""
    try:
        return MINOR_DIGITS[currency]
    except KeyError:
        raise ValueError(f"currency: {currency!r} is not a code of ISO 4217, for example CNY") from None


def format_money(minor: int, currency: str, language: str) -> str:
    """An amount in minor units as people read it: `¥1,234.56`. Currencies without a sign of their own keep the code."""
    digits = minor_digits(currency)
    whole, part = divmod(abs(minor), 10**digits)
    sign = _SIGNS[language].get(currency, f"{currency}\u00a0")
    decimals = f".{part:0{digits}}" if digits else ""
    return f"{'-' if minor < 0 else ''}{sign}{whole:,}{decimals}"


def format_rate(ppm: int) -> str:
    """A yearly rate in parts per million as people read it, to a hundredth of a per cent: 182500 is `18.25%`."""
    hundredths = (ppm + 50) // 100
    return f"{hundredths // 100}.{hundredths % 100:02}".rstrip("0").rstrip(".") + "%"


def rate_to_ppm(rate: Decimal | str | int) -> int:
    """A yearly rate (0.1825 is 18.25 %) in whole parts per million, exactly.

    Raises ValueError for what is not a number from 0 to 1, or is finer than one part per million. A float has to come
    as text: its own digits are not those that were meant.
    """
    if not isinstance(rate, Decimal | str | int) or isinstance(rate, bool):
        raise ValueError(f"rate: a decimal, text or whole number is needed, not {type(rate).__name__}")
    try:
        exact = Decimal(rate)
    except InvalidOperation:
        raise ValueError("rate: it is not a decimal number, for example 0.1825") from None
    if not (exact.is_finite() and 0 <= exact <= 1):
        raise ValueError("rate: it must be from 0 to 1; 0.1825 means 18.25 % a year")
    ppm = exact * PPM
    if ppm != ppm.to_integral_value():
        raise ValueError("rate: it has more than six decimal places")
    return int(ppm)
