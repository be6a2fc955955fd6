"""The file of a policy pack: whatever is in it, it is read as people read it, or it has a problem with its line."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from time import perf_counter

import pytest
import yaml
from builders import TODAY
from loading import ROOT
from typer.testing import CliRunner, Result

from accord.policy import jurisdictions
from accord.policy_file import MOST_BYTES, read_pack
from accord.policy_review import review
from infra.command.app import app

PACKS = ROOT / "layers/domain/accord/policies"
PACK = (PACKS / "cn.yaml").read_text(encoding="utf-8")
BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n"
    for before, name in zip("abcdefghi", "bcdefghij", strict=True)
)


@pytest.mark.parametrize("jurisdiction", jurisdictions())
def test_a_pack_that_ships_is_read_as_yaml_reads_it(jurisdiction: str) -> None:
    content = (PACKS / f"{jurisdiction.lower()}.yaml").read_bytes()
    pack = read_pack(content)
    assert pack.problems == []
    assert pack.content == yaml.safe_load(content)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12), ("-3", -3), ("0", 0), ("'015'", "015"), ("true", True), ("off", False), ("null", None), ("", None),
        ("2026-01-31", date(2026, 1, 31)), ("0o17", "0o17"), ("1.5", Decimal("1.5")), ("=", "="),
        ("400-000-0000", "400-000-0000"), ("M6+", "M6+"),
        ("[a, [b]]", ["a", ["b"]]), ("{no: 1, 7: 2}", {"no": 1, "7": 2}),
    ],
)  # fmt: skip
def test_a_value_is_what_people_read(text: str, value: object) -> None:
    pack = read_pack(f"a: {text}\n")
    assert (pack.content, pack.problems) == ({"a": value}, [])


@pytest.mark.parametrize(
    ("text", "line", "what", "way_out"),
    [
        ("a: 1\nb: 015\n", 2, "015 could be read as another number", "write 15"),
        ("a: 1_000\n", 1, "1_000 could be read", "write 1000"),
        ("a: 1:30\n", 1, "1:30 could be read", 'in quotes: "1:30"'),
        ("a: 0x1F\n", 1, "0x1F could be read", 'in quotes: "0x1F"'),
        (f"a: {'9' * 5_000}\n", 1, "5000 digits", "how many digits"),
        ("a: 2026-02-30\n", 1, "there is no day 2026-02-30", "year-month-day"),
        ("a: 2026-13-01\n", 1, "there is no day 2026-13-01", "year-month-day"),
        ("a: 0000-01-01\n", 1, "there is no day", "year-month-day"),
        ("a: x\nb: &x 1\n", 2, "anchor", "take it out"),
        ("a: &x 1\nb: *x\n", 2, "written elsewhere", "write the part itself"),
        ("&a [*a]\n", 1, "anchor", "take it out"),
        ("a: 1\n<<: {b: 2}\n", 2, "takes over another part", "write what is meant"),
        ("a: !!binary aGk=\n", 1, "tag of YAML", "take it out"),
        ("a: !!python/object/apply:os.system [x]\n", 1, "tag of YAML", "take it out"),
        ("a: 1\n---\nb: 2\n", 2, "second document", "take out the ---"),
        ("? [a]\n: b\n", 1, "as a name", "write a word"),
        ("a: 1\na: 2\n", 2, "it stands on line 1 already", "take one of them out"),
        ('a: "\\0"\n', 1, "no text", "single quotes"),
        ("[" * 5_000, 1, "deep in each other", "close the brackets"),
        ("- " * 5_000, 1, "deep in each other", "close the brackets"),
        ("a: b\n\tc: d\n", 2, "begins with a tab", "with spaces"),
        ("a:\n\tb: c\n", 2, "a tab", "spaces"),
        ("a: @b\n", 1, "cannot begin with @", "in quotes"),
        ("a: b: c\n", 1, "a colon stands where no name ends", "in quotes"),
        ("a: 1\nb\n", 2, "no colon", "a space after the colon"),
        ("a: [1, 2\nb: 3\n", 2, "the list that begins on line 1", "close it with ]"),
        ("a: {b: 2\nc: 3\n", 2, "the map that begins on line 1", "close it with }"),
        ('a: 1\nb: "x\n', 2, "the quotes that open on line 2", "close them"),
        ('a: "\\q"\n', 1, "a \\ in double quotes", "single quotes"),
        ('a: "\\ud800"\n', 1, "a \\ in double quotes", "single quotes"),
        ("a: 'x' y\n", 1, "does not go on", "same column"),
        ("  a: 1\n b: 2\n", 2, "does not go on", "same column"),
        ("a：1\nb: 2\n", 2, "near ：", "a narrow : and a space"),
        ("%YAML 3.0\n---\na: b\n", 1, "cannot be read", "look at this line"),
        ("a: 1\nb: \x00\n", 2, "U+0000 is no text", "UTF-8"),
        (b"a: 1\nb: \xe9\n", 2, "byte 4 of this line is 0xe9", "UTF-8"),
        ("a: 1\nb: 银行\n".encode("gbk"), 2, "not UTF-8", "UTF-8"),
        ("a: 1\n".encode("utf-16"), 1, "it is UTF-16", "UTF-8"),
        ("a: 1\n".encode("utf-32"), 1, "it is UTF-32", "UTF-8"),
        ("a: 1\n".encode("utf-16-le"), 1, "U+0000 is no text", "UTF-8"),
        (b"PK\x03\x04", 1, "Excel", "UTF-8"),
        (b"a" * (MOST_BYTES + 1), 1, "larger than 256 KB", "whether it is a policy pack"),
    ],
)  # fmt: skip
def test_what_could_be_read_otherwise_or_not_at_all_is_told_with_its_line(
    text: str | bytes, line: int, what: str, way_out: str
) -> None:
    found = next(one for one in read_pack(text).problems if what in one.what)
    assert found.line == line
    assert way_out in found.way_out


def test_aliases_upon_aliases_cost_nothing() -> None:
    began = perf_counter()
    found = review(BOMB, TODAY)
    assert perf_counter() - began < 1
    assert {problem.line for problem in found.problems} == set(range(1, 11))


# --- broken packs, as a reader of the commands sees them -----------------------------------------------------------

# Words of the libraries below: whoever reads them learns nothing.
LIBRARY = (
    "Input should", "validation error", "Field required", "Extra inputs", "not permitted", "instance of", "pattern '",
    "codec", "Traceback", "Error", "found character", "while scanning", "while parsing", "expected <", "Datetimes",
    "pydantic", "yaml.", "literal[", "function-", "could not determine", "mapping values", "dictionary", "unicode",
    "[Errno", "[key]", "int()", "tuple", "NoneType",
)  # fmt: skip
CURE = "plan.cure_days:\n    value: 15\n"
HOURS = '{start: "22:00", end: "08:00"}'
BROKEN: tuple[tuple[str, str, str], ...] = (
    ("jurisdiction: CN", "jurisdiction: China", "write two capital letters"),
    ("jurisdiction: CN", "jurisdiction: NO", 'put it in quotes: "NO"'),
    ("jurisdiction: CN", "jurisdiction: [CN]", "a list stands here, where a text"),
    ("jurisdiction: CN\n", "", "jurisdiction: it is missing"),
    ("version: cn-2026.3", "version: 2026-01-01", 'put it in quotes: "2026-01-01"'),
    ("version: cn-2026.3", "version: 1.0", 'put it in quotes: "1.0"'),
    ("value: false\n    citation: 中国人民银行", "value: 0\n    citation: 中国人民银行", "write true or false"),
    ("version: cn-2026.3", "vesion: cn-2026.3", "vesion: nothing of this name belongs here; write version"),
    ("currencies: [CNY]", "currencies: CNY", "write a list"),
    ("currencies: [CNY]", "currencies: [156]", 'put it in quotes: "156"'),
    ("currencies: [CNY]", "currencies: [cny]", "for example CNY"),
    ("time_zone: Asia/Shanghai", "time_zone: /etc/passwd", "is not a time zone"),
    ("time_zone: Asia/Shanghai", "time_zone: ../x", "is not a time zone"),
    (CURE, CURE.replace("15", "0.36"), "a number of days from 0 to 100000"),
    (CURE, CURE.replace("15", '"15"'), "write 15"),
    (CURE, CURE.replace("15", "fifteen"), '"fifteen" stands here'),
    (CURE, CURE.replace("15", "-1"), "within the bounds 0 and 100000"),
    (CURE, CURE.replace("15", ".inf"), "stands here"),
    (CURE, CURE.replace("15", "yes"), "true stands here"),
    (CURE, CURE.replace("15", ""), "nothing stands here"),
    (CURE, CURE.replace("15", "015"), "write 15"),
    (CURE, CURE.replace("15", "15 days"), '"15 days" stands here'),
    (CURE, "plan.cure_days: 15\n  x:\n", "write a map with value, citation, confidence, effective_from"),
    (CURE, CURE + "    citaton: x\n", "citaton: nothing of this name belongs here; write citation"),
    (CURE, "plan.cure_day:\n    value: 15\n", "write plan.cure_days"),
    ("affordability_percent:\n    value: 80", "affordability_percent:\n    value: 75%", "write 75"),
    ("affordability_percent:\n    value: 80", "affordability_percent:\n    value: 0.75", "write 75"),
    ("discount_rate_ppm:\n    value: 60000", "discount_rate_ppm:\n    value: 0.36", "write 360000; 36 per cent"),
    ("discount_rate_ppm:\n    value: 60000", "discount_rate_ppm:\n    value: 7.5", "write 75000"),
    ("discount_rate_ppm:\n    value: 60000", "discount_rate_ppm:\n    value: 6%", "write 60000"),
    ("min_instalment:\n    value: 10000", "min_instalment:\n    value: 1,000", "write 1000; the smallest unit is fen"),
    ("min_instalment:\n    value: 10000", "min_instalment:\n    value: 100.50", "write 10050"),
    (HOURS, "{start: 22:00, end: 08:00}", 'in quotes: "22:00"'),
    (HOURS, '{start: "22", end: "08:00"}', "is no time of day"),
    (HOURS, '{start: "22:00+08:00", end: "08:00"}', "is no time of day"),
    (HOURS, '{strat: "22:00", end: "08:00"}', "strat: nothing of this name belongs here; write start"),
    (HOURS, "22-08", "write a map with start, end"),
    ("max_messages_per_day:\n    value: 2", "max_messages_per_day:\n    value: [2]", "a list stands here"),
    ("review.vulnerable:\n    value: true", "review.vulnerable:\n    value: ja", "write true or false"),
    ("{zh-CN: 示例银行, en: Example Bank}", "{zh-CN: 示例银行, en: 7}", 'put it in quotes: "7"'),
    ("{zh-CN: 示例银行, en: Example Bank}", "{zh-CN: 示例银行, fr: B}", "fr"),
    ("{AMOUNT_ABOVE_LIMIT: LEAD, FOUR_EYES: LEAD}", "{FOUR_EYES: LEADER}", "write LEAD, or write one of these: POLICY"),
    ("value: [SMS, EMAIL, CALL]", "value: [sms]", "in capital letters"),
    ("value: [SMS, EMAIL, CALL]", "value: [SMS，EMAIL]", "narrow commas"),
    ("value: [SMS, EMAIL, CALL]", "value: SMS", "write a list"),
    ("EXPIRED: 14", "EXPIRY: 14", "EXPIRY: \"EXPIRY\" is not known here"),
    ("400-000-0000", "4000000000", 'put it in quotes: "4000000000"'),
    ("effective_from: 2026-01-30", "effective_from: 2026-02-30", "there is no day"),
    ("effective_from: 2026-01-30", "effective_from: 20260130", "write year-month-day"),
    ("effective_from: 2026-01-30", "effective_from: 0", "write year-month-day"),
    ("effective_from: 2026-01-30", "effective_from: 30/01/2026", "write year-month-day"),
    ("effective_from: 2026-01-30", "effective_from: 2026-01-30 10:00:00", "write year-month-day"),
    ("effective_from: 2026-01-30", "effective_from: soon", "write year-month-day"),
    ("confidence: high", "confidence: certain", "write one of these: high, medium, low"),
    ("citation: 个人信息保护法 Art. 24", "citation: {a: b}", "a map stands here, where a text is wanted; write a text"),
    ("citation: 个人信息保护法 Art. 24", "citation: '  '", "nothing stands here; write a text"),
    ("citation: 个人信息保护法 Art. 24", "citation: 24", 'put it in quotes: "24"'),
    ("value: [0, 25, 50, 75, 100]", "value: {a: b}", "a map stands here, where a list"),
    ("{ALL: 12, M6+: 8}", "{ALL: 12, M7: 8}", "M7"),
    ("{ALL: 12, M6+: 8}", "12", "write a map"),
)  # fmt: skip


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [*map(str, arguments)], catch_exceptions=False)


@pytest.mark.parametrize(("old", "new", "said"), BROKEN)
def test_what_is_wrong_is_said_in_words_of_our_own(old: str, new: str, said: str) -> None:
    assert old in PACK
    found = review(PACK.replace(old, new, 1), TODAY).problems
    told = [f"{one.where}: {one.what}; {one.way_out}" for one in found]
    assert any(said in one for one in told), told
    assert not [one for one in told for words in LIBRARY if words in one]


@pytest.mark.parametrize(
    "content",
    [
        PACK.replace(CURE, CURE.replace("15", "9" * 5_000)).encode(),
        PACK.replace("2026-01-30", "2026-02-30").encode(),
        BOMB.encode(),
        PACK.encode("gbk", "ignore"),
        PACK.encode("utf-16"),
        b"\x00" * 1_000,
        b"x" * (MOST_BYTES + 1),
        b"rules: [",
        b"",
    ],
    ids=["digits", "no such day", "aliases", "GBK", "UTF-16", "NUL", "large", "not closed", "empty"],
)
def test_no_command_ends_in_a_crash_whatever_the_file_holds(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "pack.yaml"
    file.write_bytes(content)
    (tmp_path / "portfolio.csv").touch()
    checked = run("policy", "check", file)
    assert checked.exit_code == 1
    assert checked.output.startswith(f"{file}:")
    compared = run("policy", "diff", PACKS / "cn.yaml", file)
    simulated = run("simulate", "--portfolio", tmp_path / "portfolio.csv", "--policy", file)
    assert (compared.exit_code, simulated.exit_code) == (2, 2)
    said = checked.output + compared.output + simulated.output
    assert not [words for words in LIBRARY if words in said]
