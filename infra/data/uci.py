"""Real card accounts for Accord: rows of the UCI data set become a portfolio file and AccountOverdue events."""

import argparse
import random
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from accord.behaviour import Behaviour
from infra.data.accounts import HARDSHIPS, MONTHS, as_csv, as_event, balance, cardholder, means, month_before
from infra.data.uci_file import PAY, BadFileError, read_rows

ABOUT = """\
Turns rows of "Default of Credit Card Clients" (UCI data set 350, CC BY 4.0, Yeh & Lien 2009, DOI 10.24432/C55S3H) into
portfolio.csv and events.jsonl.

FROM THE DATA SET: credit limit, six months of bills, payments and delays. Money: 1 NT$ = 0.25 yuan, so 25 fen.
BY RULE: days past due = 30 x (months late - 1) + 15, 0 when not late; newest statement = the month before --as-of;
the balance is the newest bill; of it, a month late: interest 1.5 %, penalty interest 0.25 %, late fees 0.5 %, at most
eight months, the rest is principal; minimum due 10 % of the bill; yearly rate 18.25 %.
INVENTED, from --seed, because the data set has none of it: names, phones (+86 100..., which nobody has), e-mails
(example.com), ID digits, birth dates, languages, opening dates; for six in ten income (a fifth to a half of the limit
a month, 3,000 to 40,000 yuan), spending, dependants and other debts; hardship (one in ten) and flags (one in twenty).
SEX, EDUCATION, MARRIAGE, AGE and the default label are never read.
Rows whose newest bill is zero or a credit balance are skipped and counted.
"""
FEN_PER_NTD = 25


def accounts(
    rows: Iterable[dict[str, int]], wanted: int, months_behind: int, seed: int, as_of: date, counts: Counter[str]
) -> Iterator[dict[str, Any]]:
    """AccountOverdue details of the first `wanted` rows so many months behind; every row read is in `counts`."""
    for row in rows:
        if counts["taken"] == wanted:
            return
        counts["read"] += 1
        if row["PAY_0"] < months_behind:
            counts["fewer months behind"] += 1
        elif row["BILL_AMT1"] <= 0:
            counts["nothing owed or a credit balance"] += 1
        else:
            counts["taken"] += 1
            yield account(row, seed, as_of)


def account(row: dict[str, int], seed: int, as_of: date) -> dict[str, Any]:
    """One row as the detail of AccountOverdue. The same row, seed and day give the same detail."""
    dice = random.Random(f"{seed}/{row['ID']}")  # noqa: S311 - invented data, not a secret
    late = max(row["PAY_0"], 0)
    days_past_due = 30 * (late - 1) + 15 if late else 0
    owed = row["BILL_AMT1"] * FEN_PER_NTD
    limit = row["LIMIT_BAL"] * FEN_PER_NTD
    person = cardholder(row["ID"], dice, as_of)
    if dice.random() < 0.6:
        person |= means(min(max(limit * dice.randrange(20, 51) // 100, 300_000), 4_000_000), dice)
    if dice.random() < 0.1:
        person["hardship"] = dice.choice(HARDSHIPS)
    if dice.random() < 0.05:
        person["flags"] = [dice.choice(("VULNERABLE", "VULNERABLE", "REPRESENTED", "DISPUTED", "DECEASED"))]
    return {
        "eventId": f"uci-{row['ID']}-{as_of:%Y%m%d}",
        "occurredAt": datetime(as_of.year, as_of.month, as_of.day, 1, tzinfo=ZoneInfo("Asia/Shanghai")).isoformat(),
        "jurisdiction": "CN",
        "account": {
            "accountId": f"UCI-{row['ID']:06}",
            "productCode": "CREDIT_CARD",
            "currency": "CNY",
            "openedOn": (as_of - timedelta(days=dice.randrange(2 * 365, 15 * 365))).isoformat(),
            "creditLimit": limit,
            "balance": balance(owed, late),
            "daysPastDue": days_past_due,
            "oldestUnpaidDueDate": (as_of - timedelta(days=days_past_due)).isoformat() if late else None,
            "apr": "0.1825",
            "minimumDue": owed // 10,
            "history": [
                {
                    "month": month_before(as_of, number),
                    "billed": row[f"BILL_AMT{number}"] * FEN_PER_NTD,
                    "paid": row[f"PAY_AMT{number}"] * FEN_PER_NTD,
                    "monthsPastDue": max(row[PAY[number - 1]], 0),
                }
                for number in range(1, MONTHS + 1)
            ],
        },
        "cardholder": person,
    }


def behaviour(row: Mapping[str, int]) -> Behaviour:
    """One row as the early warning sees it, in NT$. Billing knows no status below "not late", so -2 and -1 become 0."""
    numbers = range(1, MONTHS + 1)
    return Behaviour(
        row["LIMIT_BAL"],
        tuple(row[f"BILL_AMT{number}"] for number in numbers),
        tuple(row[f"PAY_AMT{number}"] for number in numbers),
        tuple(max(row[status], 0) for status in PAY),
    )


def source_options(parser: argparse.ArgumentParser) -> None:
    """The options that choose accounts, shared with the run on the local stack."""
    parser.add_argument("--source", type=Path, required=True, help="uci_credit_card.csv or .csv.gz")
    parser.add_argument("--rows", type=int, default=300, help="how many accounts (default 300)")
    parser.add_argument("--at-least-months-behind", type=int, default=1, metavar="N", help="0 takes all (default 1)")
    parser.add_argument("--seed", type=int, default=7, help="of what is invented (default 7)")
    parser.add_argument(
        "--as-of",
        type=date.fromisoformat,
        default=datetime.now(ZoneInfo("Asia/Shanghai")).date(),
        help="the day of the events (default today)",
    )


def chosen(options: argparse.Namespace) -> tuple[list[dict[str, Any]], Counter[str]]:
    """The accounts that the options choose, and the counts of rows. Exits with a sentence when the source is wrong."""
    counts: Counter[str] = Counter()
    try:
        details = list(
            accounts(
                read_rows(options.source),
                options.rows,
                options.at_least_months_behind,
                options.seed,
                options.as_of,
                counts,
            )
        )
    except OSError as error:
        sys.exit(f"cannot read {options.source}: {error}")
    except BadFileError as problem:
        sys.exit(str(problem))
    if not details:
        sys.exit(f"no row of {options.source} fits: {dict(counts)}")
    return details, counts


def main(arguments: Sequence[str] | None = None) -> None:
    """Write portfolio.csv and events.jsonl, and print what became of every row read."""
    parser = argparse.ArgumentParser(description=ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter)
    source_options(parser)
    parser.add_argument("--out", type=Path, required=True, help="folder for portfolio.csv and events.jsonl")
    options = parser.parse_args(arguments)
    details, counts = chosen(options)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "portfolio.csv").write_text(as_csv(details), encoding="utf-8")
    (options.out / "events.jsonl").write_text("".join(as_event(detail) + "\n" for detail in details), encoding="utf-8")
    for name, count in counts.items():
        print(f"{count:>7}  {name}")
    print(f"in {options.out}: portfolio.csv, events.jsonl; names, phones, incomes and the like are invented (--help)")


if __name__ == "__main__":
    main()
