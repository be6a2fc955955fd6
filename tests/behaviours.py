"""Invented card behaviour for tests: rows in the form of the UCI data set, wide enough to reach every bin."""

import random
from collections.abc import Iterator

STATUSES = ("PAY_0", "PAY_2", "PAY_3", "PAY_4", "PAY_5", "PAY_6")
AMOUNTS = tuple(f"{kind}_AMT{month}" for kind in ("BILL", "PAY") for month in range(1, 7))
COLUMNS = ("ID", "LIMIT_BAL", "SEX", "EDUCATION", "MARRIAGE", "AGE", *STATUSES, *AMOUNTS, "default")


def rows(count: int, seed: int = 7) -> Iterator[dict[str, int]]:
    """So many rows, the same for the same seed. Who is late, or pays little, misses the next payment more often."""
    dice = random.Random(seed)
    for number in range(1, count + 1):
        limit = dice.choice((10_000, 30_000, 50_000, 100_000, 200_000, 500_000))
        habit, thrift = dice.random() * 1.1, dice.choice((0.0, 0.02, 0.05, 0.3, 1.0, 1.0, 1.02))
        late = dice.random() < 0.3
        row = {"ID": number, "LIMIT_BAL": limit, "SEX": dice.randint(1, 2), "EDUCATION": 2, "MARRIAGE": 1}
        row["AGE"] = dice.randint(21, 70)
        for name in STATUSES:
            row[name] = dice.choice((1, 2, 2, 3)) if late and dice.random() < 0.7 else dice.choice((-2, -1, 0))
        bills = [int(limit * habit * dice.choice((0, 0.01, 0.5, 0.9, 1, 1))) for _ in STATUSES]
        for month, bill in enumerate(bills, start=1):
            row[f"BILL_AMT{month}"] = bill - dice.choice((0, 0, 0, 0, 500))
        for month in range(1, 7):
            row[f"PAY_AMT{month}"] = int((bills[month] if month < 6 else bills[5]) * thrift * dice.choice((1, 1, 0.5)))
        risk = 0.1 + 0.5 * (row["PAY_0"] > 0) + 0.2 * (thrift < 0.1)
        row["default"] = int(dice.random() < risk)
        yield row


def as_csv(given: Iterator[dict[str, int]] | list[dict[str, int]]) -> str:
    """The rows as a file with the data set's columns."""
    lines = [",".join(COLUMNS), *(",".join(str(row[name]) for name in COLUMNS) for row in given)]
    return "".join(f"{line}\n" for line in lines)
