"""Portfolio files: what a row becomes, what is refused and how that is said, and that no line is lost."""

import csv
import io
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord import portfolio
from accord.billing import AccountOverdue, parse
from accord.errors import InputRejectedError

NOW = datetime(2026, 6, 15, 2, tzinfo=UTC)
ROW = {
    "occurredAt": "2026-06-15T01:00:00+08:00",
    "jurisdiction": "CN",
    "account.accountId": "A-1001",
    "account.productCode": "GOLD",
    "account.currency": "CNY",
    "account.openedOn": "2019-03-02",
    "account.creditLimit": "5000000",
    "account.balance.principal": "1200000",
    "account.balance.interest": "30000",
    "account.balance.penaltyInterest": "",
    "account.balance.lateFees": "5000",
    "account.balance.fees": "0",
    "account.daysPastDue": "45",
    "account.oldestUnpaidDueDate": "2026-05-01",
    "account.apr": "0.1825",
    "account.minimumDue": "61750",
    "cardholder.cardholderId": "P-1001",
    "cardholder.name": "林小雨",
    "cardholder.phone": "+8610000000001",
    "cardholder.email": "",
    "cardholder.language": "zh-CN",
    "cardholder.timeZone": "Asia/Shanghai",
    "cardholder.idLast4": "123X",
    "cardholder.birthDate": "1988-02-29",
    "cardholder.monthlyIncome": "",
    "cardholder.flags": "VULNERABLE|REPRESENTED",
    "history.1.billed": "1235000",
    "history.1.paid": "0",
    "history.1.monthsPastDue": "1",
    "history.2.billed": "-2000",
    "history.2.paid": "10000",
    "history.2.monthsPastDue": "0",
}


def line_of(values: list[str], encoding: str = "utf-8") -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(values)
    return out.getvalue().encode(encoding)


def file_of(*rows: dict[str, str]) -> bytes:
    return line_of(list(ROW)) + b"".join(line_of(list((ROW | row).values())) for row in rows)


def screened(data: bytes) -> portfolio.Screening:
    plan = portfolio.plan([data])
    (piece,) = plan.ranges
    return portfolio.screen(data[piece.start : piece.end], plan.columns, piece.line, NOW)


def problems_of(**changes: str) -> list[tuple[str, str]]:
    result = screened(file_of(changes))
    assert result.counts() == {"overdue": 0, "atRisk": 0, "notAtRisk": 0, "rejected": 1, "blank": 0}
    return [(reject["field"], reject["problem"]) for reject in result.rejects]


def file_problems(data: bytes) -> list[tuple[str, str]]:
    with pytest.raises(InputRejectedError) as refused:
        portfolio.plan([data])
    return [(problem["field"], problem["problem"]) for problem in refused.value.problems]


def test_a_row_becomes_the_event_that_billing_would_have_sent() -> None:
    (detail,) = screened(file_of({})).overdue
    event = parse(AccountOverdue, detail)
    assert event.account.balance.principal == 1_200_000
    assert event.account.balance.penalty_interest == 0
    assert event.account.oldest_unpaid_due_date == date(2026, 5, 1)
    assert event.as_account().apr_ppm == 182_500
    assert event.cardholder.name == "林小雨"
    assert event.cardholder.email is None
    assert event.cardholder.monthly_income is None
    assert event.cardholder.flags == ("VULNERABLE", "REPRESENTED")


def test_history_is_newest_first_and_its_first_month_is_the_one_before_the_event() -> None:
    (detail,) = screened(file_of({"occurredAt": "2026-01-02T01:00:00+08:00"})).overdue
    assert [(month["month"], month["billed"]) for month in detail["account"]["history"]] == [
        ("2025-12", 1_235_000),
        ("2025-11", -2_000),
    ]


def test_a_month_without_any_figure_is_left_out_and_the_others_keep_their_place() -> None:
    gap = {"history.1.billed": "", "history.1.paid": "", "history.1.monthsPastDue": ""}
    (detail,) = screened(file_of(gap)).overdue
    assert [month["month"] for month in detail["account"]["history"]] == ["2026-04"]


def test_a_half_told_month_is_refused_by_its_column() -> None:
    gap = {"history.1.billed": "", "history.1.paid": "", "history.1.monthsPastDue": ""}
    assert problems_of(**gap, **{"history.2.paid": ""}) == [("history.2.paid", "it is missing")]


def test_an_account_that_is_not_overdue_is_counted_and_not_sent() -> None:
    result = screened(
        file_of({"account.daysPastDue": "0", "account.oldestUnpaidDueDate": ""}, {"account.accountId": "a-2"})
    )
    assert result.counts() == {"overdue": 1, "atRisk": 0, "notAtRisk": 1, "rejected": 0, "blank": 0}


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("account.balance.principal", "-1"),
        ("account.balance.principal", "1200.00"),
        ("account.balance.principal", "1,200"),
        ("account.balance.principal", "１２００"),
        ("account.balance.principal", ""),
        ("account.currency", "XAU"),
        ("account.currency", "yuan"),
        ("account.accountId", "A 1"),
        ("account.apr", "18.25"),
        ("account.apr", "NaN"),
        ("account.openedOn", "02/03/2019"),
        ("account.openedOn", "2026-06-31"),
        ("account.openedOn", "1551484800"),
        ("occurredAt", "1781484800"),
        ("account.openedOn", "2027-01-01"),
        ("account.oldestUnpaidDueDate", "2026-07-01"),
        ("account.daysPastDue", "-3"),
        ("jurisdiction", "ZZ"),
        ("occurredAt", "2026-06-15T01:00:00"),
        ("cardholder.phone", "13800138000"),
        ("cardholder.birthDate", "1990-02-30"),
        ("cardholder.timeZone", "Asia/Nowhere"),
        ("cardholder.idLast4", "12"),
        ("cardholder.name", "a\x07b"),
        ("history.1.billed", "1.5"),
        ("history.2.monthsPastDue", "-1"),
    ],
)
def test_a_wrong_value_is_refused_by_its_column_and_never_repeated(column: str, value: str) -> None:
    problems = problems_of(**{column: value})
    assert [field for field, _ in problems] == [column]
    assert len(value) < 3 or value not in problems[0][1]


def test_a_past_due_account_needs_its_due_date() -> None:
    assert problems_of(**{"account.oldestUnpaidDueDate": ""}) == [
        ("account.oldestUnpaidDueDate", "it is required when daysPastDue is above 0")
    ]


def test_every_wrong_field_of_a_row_is_named_at_once() -> None:
    problems = problems_of(**{"account.creditLimit": "lots", "cardholder.phone": "none", "history.2.billed": "x"})
    assert {field for field, _ in problems} == {"account.creditLimit", "cardholder.phone", "history.2.billed"}


def test_a_flag_that_does_not_exist_is_refused() -> None:
    ((field, _),) = problems_of(**{"cardholder.flags": "VULNERABLE|RICH"})
    assert field == "cardholder.flags.1"


def test_a_field_in_another_encoding_is_named_and_the_other_rows_go_on() -> None:
    data = file_of({}, {"account.accountId": "A-1002"})
    result = screened(data.replace("林小雨".encode(), "林小雨".encode("gbk"), 1))
    assert result.rejects == [{"line": 2, "field": "cardholder.name", "code": "NOT_UTF8", "problem": "it is not UTF-8"}]
    assert [detail["account"]["accountId"] for detail in result.overdue] == ["A-1002"]


def test_a_row_with_too_few_fields_is_refused() -> None:
    result = screened(file_of({}) + b"A-1,CN\n")
    problem = f"it has 2 fields, the header has {len(ROW)}"
    assert result.rejects == [{"line": 3, "field": "row", "code": "NOT_CSV", "problem": problem}]
    assert len(result.overdue) == 1


def test_a_line_break_inside_a_field_is_refused_clearly_and_touches_no_other_row() -> None:
    result = screened(file_of({"cardholder.name": "lin\nxiaoyu"}, {"account.accountId": "A-1002"}))
    assert [reject["line"] for reject in result.rejects] == [2, 3]
    assert "a field must not hold a line break" in result.rejects[0]["problem"]
    assert [detail["account"]["accountId"] for detail in result.overdue] == ["A-1002"]


def test_an_endless_row_is_refused_alone() -> None:
    result = screened(file_of({"cardholder.name": "x" * 20_000}, {}))
    problem = "it is longer than 16,384 bytes"
    assert result.rejects == [{"line": 2, "field": "row", "code": "TOO_LONG", "problem": problem}]
    assert len(result.overdue) == 1


def test_quotes_commas_crlf_and_a_byte_order_mark_are_plain_csv() -> None:
    data = file_of({"cardholder.name": 'Lin "Rain", Xiaoyu'}).replace(b"\n", b"\r\n")
    (detail,) = screened(b"\xef\xbb\xbf" + data).overdue
    assert detail["cardholder"]["name"] == 'Lin "Rain", Xiaoyu'


def test_blank_lines_are_counted() -> None:
    assert screened(file_of({}) + b"\n\n").counts() == {
        "overdue": 1,
        "atRisk": 0,
        "notAtRisk": 0,
        "rejected": 0,
        "blank": 2,
    }


def test_a_missing_column_is_named() -> None:
    data = file_of({}).replace(b"account.creditLimit", b"account.limit").replace(b"history.2.paid", b"history.2.pd")
    assert file_problems(data) == [
        ("account.creditLimit", "the column is missing"),
        ("history.2.paid", "the column is missing"),
    ]


def test_an_optional_column_may_be_missing_and_an_unknown_one_is_told() -> None:
    data = file_of({}).replace(b"cardholder.monthlyIncome", b"cardholder.mood")
    assert portfolio.plan([data]).ignored_columns == ("cardholder.mood",)
    assert len(screened(data).overdue) == 1


@pytest.mark.parametrize("cell", ["zhang.san@example.com", "13800000000", "张三", "Smith", "cardholder.mood li"])
def test_a_cell_that_slipped_into_the_header_is_told_by_its_place_alone(cell: str) -> None:
    data = file_of({}).replace(b"cardholder.monthlyIncome", cell.encode())
    plan = portfolio.plan([data])
    (told,) = plan.ignored_columns
    place = int(told.removeprefix("column "))
    assert data.decode().splitlines()[0].split(",")[place - 1].strip('"') == cell
    assert cell not in plan.columns
    assert len(screened(data).overdue) == 1


def test_a_column_that_stands_twice_is_refused() -> None:
    data = file_of({}).replace(b"cardholder.monthlyIncome", b"cardholder.phone")
    assert file_problems(data) == [("cardholder.phone", "the column stands there more than once")]


def test_a_file_without_a_header_is_refused_without_repeating_its_first_row() -> None:
    row = line_of(list((ROW | {"cardholder.email": ROW["cardholder.phone"]}).values()))
    problems = file_problems(row + row)
    assert [field for field, _ in problems] == ["file"]
    assert "names none of the columns" in problems[0][1]
    assert ROW["cardholder.phone"] not in str(problems)


@pytest.mark.parametrize(
    ("data", "field", "word"),
    [
        (b"", "file", "empty"),
        (b"\n\n", "file", "empty"),
        (b"\x1f\x8b\x08\x00rest", "file", "gzip"),
        (b"PK\x03\x04rest", "file", "Excel"),
        ("occurredAt,jurisdiction\n".encode("utf-16"), "file", "UTF-16"),
        ("occurredAt,jurisdiction\n".encode("utf-32"), "file", "UTF-32"),
        *[
            (line_of(list(ROW), encoding), "file", encoding.upper()[:6])
            for encoding in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
        ],
        (line_of(list(ROW)).replace(b",", b";"), "file", "semicolons: save it with commas"),
        (b"\xef\xbb\xbf" + line_of([f'"{name}"' for name in ROW]).replace(b'""",', b'"";'), "file", "semicolons"),
        ("\t".join(ROW).encode(), "file", "tabs: save it with commas"),
        (b"\xef\xbb\xbf", "file", "empty"),
        (b"\xef\xbb\xbf\n", "file", "empty"),
        (b"\xef\xbb\xbf%PDF-1.7\n", "file", "PDF"),
        (file_of({}).replace(b"\n", b"\r"), "file", "carriage returns alone"),
        (b"sep=;\n" + file_of({}), "file", "sep="),
        (b"\xef\xbb\xbf\xef\xbb\xbfsep=,\r\n" + file_of({}), "file", "sep="),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "file", "PDF"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "file", "old Excel"),
        (b"GIF89a\x00\x01\x00rest", "file", "no text"),
        (b"account;balance\n", "file", "none of the columns"),
        ("账户,余额\n".encode("gbk"), "header", "not UTF-8"),
        (b'"occurredAt,jurisdiction\n', "header", "CSV"),
        (b"x," * 20_000, "header", "longer"),
    ],
)
def test_a_file_that_is_no_portfolio_is_refused_with_the_way_out(data: bytes, field: str, word: str) -> None:
    ((named, problem),) = file_problems(data)
    assert named == field
    assert word in problem


def test_marks_of_the_byte_order_are_no_part_of_the_first_column() -> None:
    for marks in (1, 2):
        assert portfolio.plan([b"\xef\xbb\xbf" * marks + file_of({})]).columns == tuple(ROW)


def test_a_header_alone_is_a_night_without_accounts() -> None:
    assert portfolio.plan([file_of()]).ranges == ()


@given(
    rows=st.lists(st.sampled_from([b"a,b\n", b"\n", b"longer,row,here\n"]), max_size=30),
    unterminated=st.booleans(),
    size=st.integers(1, 50),
    lines_a_range=st.integers(1, 7),
)
def test_ranges_cover_every_byte_and_line_once_in_order(
    rows: list[bytes], unterminated: bool, size: int, lines_a_range: int
) -> None:
    header = line_of(list(ROW))
    body = b"".join(rows) + (b"last" if unterminated else b"")
    data = header + body
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(portfolio, "LINES_A_RANGE", lines_a_range)
        plan = portfolio.plan(data[start : start + size] for start in range(0, len(data), size))
    assert b"".join(data[piece.start : piece.end] for piece in plan.ranges) == body
    line = 2
    for piece in plan.ranges:
        assert piece.line == line
        screening = portfolio.screen(data[piece.start : piece.end], plan.columns, piece.line, NOW)
        assert sum(screening.counts().values()) == piece.lines <= lines_a_range
        line += piece.lines
    assert plan.lines == line - 2 == len(rows) + unterminated


def test_a_file_beyond_the_limit_asks_to_be_split(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portfolio, "LINES_A_RANGE", 1)
    monkeypatch.setattr(portfolio, "MAX_RANGES", 2)
    ((_, problem),) = file_problems(file_of({}, {}, {}))
    assert "split it" in problem


def event_ids(data: bytes) -> list[str]:
    return [detail["eventId"] for detail in screened(data).overdue]


def test_the_same_row_is_the_same_event_in_every_file_wherever_it_stands() -> None:
    one, other = {"account.accountId": "a-1"}, {"account.accountId": "a-2"}
    first = event_ids(file_of(one, other))
    assert len(set(first)) == 2
    assert event_ids(file_of(other, one)) == first[::-1]
    assert event_ids(file_of({"account.currency": "XXX"}, one, other)) == first, "a file that was corrected"
    assert event_ids(file_of(one, other).replace(b"\n", b"\r\n")) == first


def test_a_row_that_says_something_new_of_the_account_is_another_event() -> None:
    (before,) = event_ids(file_of({}))
    for change in ({"account.daysPastDue": "46"}, {"occurredAt": "2026-06-16T01:00:00+08:00"}):
        assert event_ids(file_of(change)) != [before]


@pytest.mark.parametrize(
    "change",
    [
        {"cardholder.flags": "DECEASED"},
        {"cardholder.flags": ""},
        {"cardholder.monthlyIncome": "800000"},
        {"cardholder.timeZone": "Asia/Urumqi"},
        {"cardholder.language": "en"},
        {"cardholder.cardholderId": "P-1002"},
    ],
)
def test_a_row_that_says_something_new_of_flags_or_means_is_another_event(change: dict[str, str]) -> None:
    (before,) = event_ids(file_of({}))
    assert event_ids(file_of(change)) != [before]


@pytest.mark.parametrize(
    ("column", "value"),
    [("name", "林大雨"), ("phone", "+8610000000009"), ("email", "a@b.example"), ("idLast4", "9999"),
     ("birthDate", "1990-01-01")],
)  # fmt: skip
def test_an_event_id_tells_nothing_of_the_person(column: str, value: str) -> None:
    (before,) = event_ids(file_of({}))
    assert event_ids(file_of({f"cardholder.{column}": value})) == [before]


def test_rows_of_one_account_and_moment_that_name_two_persons_are_rejected_and_the_others_go_on() -> None:
    other = {"account.accountId": "a-2", "cardholder.cardholderId": "P-2"}
    later = {"occurredAt": "2026-06-15T02:00:00+08:00"}
    phone = {"cardholder.phone": "+8610000000009"}
    result = screened(file_of({}, other, phone, phone | later))
    problem = "the lines 2, 4 tell the same account at the same moment, and contradict each other here"
    assert [(told["line"], told["field"], told["problem"]) for told in result.rejects] == [
        (2, "cardholder.phone", problem),
        (4, "cardholder.phone", problem),
    ]
    assert result.counts() == {"overdue": 2, "atRisk": 0, "notAtRisk": 0, "rejected": 2, "blank": 0}


def test_rows_that_give_one_cardholder_two_telephones_are_rejected_whatever_the_account() -> None:
    other = {"account.accountId": "a-2", "cardholder.phone": "+8610000000009"}
    result = screened(file_of({}, other, {"account.accountId": "a-3", "cardholder.cardholderId": "p-3"}))
    problem = "the lines 2, 3 tell the same cardholder at the same moment, and contradict each other here"
    assert [(told["line"], told["field"], told["problem"]) for told in result.rejects] == [
        (2, "cardholder.phone", problem),
        (3, "cardholder.phone", problem),
    ]
    assert len(result.overdue) == 1


def test_rows_that_give_one_account_two_cardholders_are_rejected() -> None:
    result = screened(file_of({}, {"cardholder.cardholderId": "P-9"}))
    assert [(told["line"], told["field"]) for told in result.rejects] == [
        (2, "cardholder.cardholderId"),
        (3, "cardholder.cardholderId"),
    ]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("account.balance.principal", "100"),
        ("account.daysPastDue", "0"),
        ("account.apr", "0.1"),
        ("history.1.billed", "7"),
        ("cardholder.timeZone", "Europe/London"),
        ("cardholder.language", "en"),
        ("jurisdiction", "UK"),
    ],
)
def test_rows_of_one_account_and_moment_that_say_two_things_are_rejected(column: str, value: str) -> None:
    due = {"account.oldestUnpaidDueDate": ""} if column == "account.daysPastDue" else {}
    currency = {"account.currency": "GBP"} if column == "jurisdiction" else {}
    result = screened(file_of({}, {column: value} | due | currency))
    assert {told["line"] for told in result.rejects} == {2, 3}
    named = "history" if column.startswith("history") else column
    assert named in {told["field"] for told in result.rejects}
    assert (result.overdue, result.at_risk, result.in_order) == ([], [], [])


def test_what_a_row_leaves_out_contradicts_nothing() -> None:
    result = screened(file_of({"cardholder.monthlyIncome": "500000"}, {"cardholder.monthlyIncome": ""}))
    assert (len(result.overdue), result.rejects) == (2, [])


def test_rows_of_one_account_and_moment_that_differ_in_flags_are_both_sent() -> None:
    result = screened(file_of({}, {"cardholder.flags": "DECEASED"}, {}))
    assert [detail["cardholder"]["flags"] for detail in result.overdue].count(["DECEASED"]) == 1
    assert len({detail["eventId"] for detail in result.overdue}) == 2


def test_rows_out_of_all_bounds_are_read_few_at_a_time() -> None:
    padding = b"x" * (portfolio.MAX_LINE_BYTES - 1) + b"\n"
    lines = 70
    plan = portfolio.plan([line_of(list(ROW)), *[padding] * lines])
    assert all(piece.end - piece.start <= portfolio.MAX_RANGE_BYTES for piece in plan.ranges)
    assert sum(piece.lines for piece in plan.ranges) == lines == plan.lines


@pytest.mark.parametrize("length", [portfolio.MAX_LINE_BYTES + 1, 5 * portfolio.MAX_LINE_BYTES])
@pytest.mark.parametrize("chunk", [100_000, portfolio.MAX_LINE_BYTES])
@pytest.mark.parametrize("end", [b"\n", b""], ids=["in the middle", "at the end"])
def test_a_line_out_of_all_bounds_is_rejected_by_its_number_and_the_others_go_on(
    length: int, chunk: int, end: bytes
) -> None:
    rows = [line_of(list((ROW | {"account.accountId": f"a-{row}"}).values())) for row in range(3)]
    after = rows[2] if end else b""
    data = file_of() + rows[0] + rows[1] + b"x" * (length - len(end)) + end + after
    plan = portfolio.plan(data[start : start + chunk] for start in range(0, len(data), chunk))
    screened = [portfolio.screen(data[r.start : r.end], plan.columns, r.line, NOW) for r in plan.ranges]
    assert [reject for part in screened for reject in part.rejects] == [
        {"line": 4, "field": "row", "code": "TOO_LONG", "problem": "it is longer than 16,384 bytes"}
    ]
    accounts = [detail["account"]["accountId"] for part in screened for detail in part.overdue]
    assert accounts == (["a-0", "a-1", "a-2"] if after else ["a-0", "a-1"])
    assert portfolio.summarise(plan.lines, [part.counts() for part in screened])["outcome"] == "COMPLETE"
    assert max(piece.end - piece.start for piece in plan.ranges) < portfolio.MAX_LINE_BYTES


def test_the_summary_is_complete_only_when_every_line_is_in_a_count() -> None:
    done = {"overdue": 2, "atRisk": 0, "notAtRisk": 1, "rejected": 1, "blank": 0}
    assert portfolio.summarise(8, [done, done])["outcome"] == "COMPLETE"
    assert portfolio.summarise(9, [done, done])["outcome"] == "INCOMPLETE"
    failed = portfolio.summarise(8, [done, {"failedFromLine": 6}])
    assert failed["outcome"] == "INCOMPLETE"
    assert failed["failedFromLines"] == [6]
    assert failed["overdue"] == 2
