"""The sample portfolio that ships: invented accounts in every situation that Accord tells apart.

`python -m infra.data.sample` writes samples/portfolio.csv and samples/portfolio_with_errors.csv, always the same.
"""

import random
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from infra.data.accounts import HARDSHIPS, MONTHS, as_csv, balance, cardholder, means, month_before

FOLDER = Path(__file__).parent.parent.parent / "samples"
AS_OF = date(2025, 6, 15)  # past on any machine whose clock is right: intake refuses what claims to be of tomorrow
YUAN = 100
SEED = 7
# One number of days in each delinquency bucket M1 … M6 and M6+, and the edges of some.
DAYS_PAST_DUE = (9, 30, 31, 58, 75, 91, 110, 140, 180, 181, 260)


def details() -> list[dict[str, Any]]:
    """Every account of the sample, in a fixed order."""
    made = []
    for number, (days_past_due, owed, changes) in enumerate(_situations(), start=1):
        dice = random.Random(f"{SEED}/{number}")  # noqa: S311 - invented data, not a secret
        made.append(_account(number, days_past_due, owed, changes, dice))
    return made


def _situations() -> Iterator[tuple[int, int, dict[str, Any]]]:
    """Days past due, amount owed in minor units, and what is known of the cardholder."""
    dice = random.Random(SEED)  # noqa: S311
    for days in DAYS_PAST_DUE:  # means known, means unknown, in hardship
        owed = dice.randrange(3_000, 60_000) * YUAN + dice.randrange(100)
        yield days, owed, means(dice.randrange(5_000, 16_000) * YUAN, dice)
        yield days, owed, {}
        yield days, owed * 2, means(dice.randrange(4_000, 9_000) * YUAN, dice) | {"hardship": dice.choice(HARDSHIPS)}
    for days in (45, 120, 200):  # needs extra care
        yield days, 18_000 * YUAN, means(7_500 * YUAN, dice) | {"flags": ["VULNERABLE"]}
    for flag in ("REPRESENTED", "CEASE_CONTACT"):
        yield 64, 22_000 * YUAN, means(8_000 * YUAN, dice) | {"flags": [flag]}
    for flag in ("DECEASED", "BANKRUPT", "FRAUD", "DISPUTED", "MORATORIUM", "SOLD", "CLOSED"):
        yield 70, 15_000 * YUAN, {"flags": [flag]}
    for owed in (1, 99 * YUAN, 480 * YUAN):  # hardly anything owed
        yield 40, owed, means(6_000 * YUAN, dice)
    for owed in (380_000 * YUAN, 1_200_000 * YUAN):  # more than the policy lets pass without a person
        yield 100, owed, means(45_000 * YUAN, dice)
    for income in (0, 1_800 * YUAN, 2_600 * YUAN):  # nothing left to pay with
        yield 95, 40_000 * YUAN, {**means(income, dice), "dependants": 2, "hardship": "JOB_LOSS"}
    yield 33, 25_000 * YUAN, {**means(6_000 * YUAN, dice), "otherDebtPayments": 5_500 * YUAN}
    for _ in range(4):  # not overdue
        yield 0, 9_000 * YUAN, {}


def _account(
    number: int, days_past_due: int, owed: int, changes: dict[str, Any], dice: random.Random
) -> dict[str, Any]:
    months_late = (days_past_due + 29) // 30
    return {
        "eventId": f"sample-{number}",
        "occurredAt": f"{AS_OF}T01:00:00+08:00",
        "jurisdiction": "CN",
        "account": {
            "accountId": f"S-{number:05}",
            "productCode": dice.choice(("CLASSIC", "GOLD", "PLATINUM")),
            "currency": "CNY",
            "openedOn": (AS_OF - timedelta(days=dice.randrange(2 * 365, 12 * 365))).isoformat(),
            "creditLimit": max(owed * 12 // 10 // (1_000 * YUAN), 1) * 1_000 * YUAN,
            "balance": balance(owed, months_late),
            "daysPastDue": days_past_due,
            "oldestUnpaidDueDate": (AS_OF - timedelta(days=days_past_due)).isoformat() if days_past_due else None,
            "apr": "0.1825",
            "minimumDue": owed // 10,
            "history": [_month(owed, months_late, back, dice) for back in range(1, MONTHS + 1)],
        },
        "cardholder": cardholder(number, dice, AS_OF) | changes,
    }


def _month(owed: int, months_late: int, back: int, dice: random.Random) -> dict[str, Any]:
    """A statement month: nothing or little paid while late, a part of the bill before that."""
    billed = owed * (100 - 2 * back) // 100
    late = max(months_late - back + 1, 0)
    share = dice.choice((0, 0, 2)) if late else dice.randrange(8, 20)
    return {"month": month_before(AS_OF, back), "billed": billed, "paid": billed * share // 100, "monthsPastDue": late}


def portfolio() -> bytes:
    """samples/portfolio.csv."""
    return as_csv(details()).encode()


def portfolio_with_errors() -> bytes:
    """samples/portfolio_with_errors.csv: the first accounts again, most of them broken, each in another way."""
    accounts = details()[:12]
    accounts[1]["account"]["balance"]["principal"] = -5_000
    accounts[2]["jurisdiction"] = "XX"
    accounts[3]["account"]["currency"] = "XAU"
    accounts[4]["account"]["balance"]["interest"] = "123.45"
    accounts[5]["cardholder"]["phone"] = "010-0000"
    accounts[6]["account"]["oldestUnpaidDueDate"] = None
    accounts[7]["cardholder"]["birthDate"] = "1990-02-30"
    accounts[8]["cardholder"]["name"] = "two\nlines"
    accounts[9]["cardholder"]["name"] = "林安"
    lines = as_csv(accounts).encode().replace("林安".encode(), "林安".encode("gb18030")).splitlines(keepends=True)
    return b"".join([*lines[:-1], lines[-1].rpartition(b",")[0].rpartition(b",")[0] + b"\n"])


def main() -> None:
    """Write both files."""
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "portfolio.csv").write_bytes(portfolio())
    (FOLDER / "portfolio_with_errors.csv").write_bytes(portfolio_with_errors())
    print(f"{len(details())} invented accounts in {FOLDER}")


if __name__ == "__main__":
    main()
