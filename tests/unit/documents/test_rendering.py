"""The agreement as a PDF: what it says, to whom it is readable, and that nothing in it is left to chance."""

import hashlib
import io
import json
import re
import shutil
import subprocess
from datetime import date
from typing import Any

import pikepdf
import pytest
from agreements import SIGNED_AT, a_person, agreed_terms, reference_of

from accord.errors import GlyphMissingError
from accord.money import format_money, format_rate
from accord.texts import format_date
from accord_documents import render_agreement
from accord_documents.rendering import LAYOUT
from infra.evidence.printed import Signatory, layout_of, print_of, signatory_of

PLANS = [
    pytest.param("zh-CN", 24, 60_000, id="zh reduced rate"),
    pytest.param("en", 60, 60_000, id="en five years"),
    pytest.param("zh-CN", 12, 0, id="zh interest-free"),
    pytest.param("en", 1, 0, id="en one payment"),
    pytest.param("zh-CN", 1, 0, id="zh one payment"),
]
A4_WIDTH, MARGIN = 595.28, 53.86  # in points
needs_poppler = pytest.mark.skipif(not shutil.which("pdftotext"), reason="needs poppler")


def rendered(terms: dict[str, Any], **person: Any) -> bytes:
    return render_agreement(terms, a_person(**person), reference_of(terms), terms["language"], SIGNED_AT)


DRAWING = "50,100 55,60 60,100 70,140;300,20 500,190 600,0"


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_a_drawn_signature_stands_above_the_seal_and_is_told_to_who_does_not_see_it(language: str) -> None:
    """The standards for archives and for screen readers still hold: the typesetter refuses what breaks them."""
    terms = agreed_terms(language)
    drawn = render_agreement(terms, a_person(), reference_of(terms), language, SIGNED_AT, DRAWING)
    plain = rendered(terms)
    words = {"en": "drawing the signature below", "zh-CN": "手写下方签名"}[language]
    assert without_spaces(words) in words_of(drawn)
    assert without_spaces(words) not in words_of(plain)
    assert 0 < len(drawn) - len(plain) < 10_000
    assert drawn == render_agreement(terms, a_person(), reference_of(terms), language, SIGNED_AT, DRAWING)


def poppler(tool: str, pdf: bytes) -> str:
    return subprocess.run([tool, "-"], input=pdf, capture_output=True, check=True).stdout.decode()


def text_of(pdf: bytes, *options: str) -> str:
    command = ["pdftotext", *options, "-", "-"]
    return subprocess.run(command, input=pdf, capture_output=True, check=True).stdout.decode()


def words_of(pdf: bytes, *options: str) -> str:
    """The document's text without any space: where lines break does not matter."""
    return without_spaces(text_of(pdf, *options))


def without_spaces(text: str) -> str:
    return "".join(text.split())


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize(
    "name", ["张堃璟·喆", 'Ann  "Marie" <W> (b)', "W" * 100, "Ưở" * 50, "阿依古丽·" * 20, "王 (0001)"]
)
def test_the_evidence_reads_back_exactly_for_whom_and_by_which_layout(name: str, language: str) -> None:
    """Every space of it: the document is typeset anew with this name, and compared."""
    pdf = rendered(agreed_terms(language), name=name)
    assert signatory_of(pdf) == Signatory(name, "123X")
    assert layout_of(pdf) == LAYOUT


def fixed_terms(language: str, months: int, rate: int) -> dict[str, Any]:
    """Terms whose words no change of the agreement's texts changes."""
    terms = agreed_terms(language, months, rate)
    words = {"title": "信用卡", "institution": "银行 Bank", "policy_version": "p-1", "texts": "t-1", "offer_id": "o-1"}
    cards = [{"id": "help", "title": "帮助", "text": "电话 1"}]
    clauses = [{"id": name, "title": name, "paragraphs": ["一。", "A b."]} for name in ("debt", "repayment")]
    return (
        terms | words | {"cards": cards, "clauses": clauses, "consent_texts": {"c": "同意"}, "consents": [{"id": "c"}]}
    )


def test_whatever_is_printed_otherwise_is_another_layout() -> None:
    """Change the layout's number with this digest: a document is judged by what its own layout prints."""
    digest = hashlib.sha256()
    for plan in PLANS:
        language, *_ = plan.values
        terms = fixed_terms(*plan.values)
        reference = {"case_id": "c-1", "terms_hash": "0123456789abcdef" * 4, "chain_head": "0f1e2d3c" * 8}
        digest.update(print_of(render_agreement(terms, a_person(), reference, language, SIGNED_AT, DRAWING)))
    assert (LAYOUT, digest.hexdigest()) == (
        "layout 1",
        "50237cd99b915b581be91082151b8ca9477d587e8c995cc93866f01dae824513",
    )


@needs_poppler
@pytest.mark.parametrize(("language", "months", "rate"), PLANS)
def test_the_first_page_says_what_a_person_needs_to_know(language: str, months: int, rate: int) -> None:
    terms = agreed_terms(language, months, rate)
    first_page = words_of(rendered(terms), "-l", "1")
    amounts = [terms["regular_instalment"], terms["last_instalment"], terms["total_payable"], terms["waived"]["total"]]
    told = [format_money(amount, "CNY", language) for amount in amounts]
    told += [format_date(date.fromisoformat(terms[f"{which}_due_date"]), language) for which in ("first", "last")]
    told += [format_rate(terms["annual_cost_ppm"]), terms["phone"], terms["institution"], "张堃璟·喆"]
    told += [text for card in terms["cards"] for text in (card["title"], card["text"])]
    if months > 1:
        told.append(str(months))
    assert [words for words in told if without_spaces(words) not in first_page] == []


@needs_poppler
@pytest.mark.parametrize(("language", "months", "rate"), PLANS)
def test_the_agreement_says_everything_that_was_signed(language: str, months: int, rate: int) -> None:
    terms = agreed_terms(language, months, rate)
    text = words_of(rendered(terms))
    said = [paragraph for clause in terms["clauses"] for paragraph in (clause["title"], *clause["paragraphs"])]
    said += terms["consent_texts"].values()
    said += [format_money(amount, "CNY", language) for amount in terms["owed"].values() if amount]
    assert [words for words in said if without_spaces(words) not in text] == []


@needs_poppler
@pytest.mark.parametrize(("language", "months", "rate"), PLANS)
def test_every_instalment_stands_in_the_schedule(language: str, months: int, rate: int) -> None:
    terms = agreed_terms(language, months, rate)
    lines = {without_spaces(line) for line in text_of(rendered(terms), "-layout").splitlines()}
    left = terms["total_payable"]
    for row in terms["schedule"]:
        left -= row["amount"]
        figures = [row["amount"], *([row["interest"]] if terms["interest"] else []), left]
        due = format_date(date.fromisoformat(row["due_date"]), language)
        line = str(row["number"]) + due + "".join(format_money(figure, "CNY", language) for figure in figures)
        assert without_spaces(line) in lines
    assert left == 0


@needs_poppler
def test_it_is_bound_to_the_case_the_terms_and_the_chain() -> None:
    terms = agreed_terms("en")
    text = words_of(rendered(terms))
    for reference in (*reference_of(terms).values(), terms["policy_version"], terms["offer_id"]):
        assert reference in text


@needs_poppler
def test_the_time_of_signing_is_printed_in_its_own_zone() -> None:
    assert "2026年3月6日12:05(UTC+08:00)" in words_of(rendered(agreed_terms("zh-CN")))


def test_the_same_agreement_gives_the_same_bytes() -> None:
    assert rendered(agreed_terms("zh-CN")) == rendered(json.loads(json.dumps(agreed_terms("zh-CN"), sort_keys=True)))


def test_other_figures_give_another_document() -> None:
    assert rendered(agreed_terms("en", 24)) != rendered(agreed_terms("en", 25))


@needs_poppler
@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_it_is_tagged_archivable_and_carries_its_fonts(language: str) -> None:
    pdf = rendered(agreed_terms(language))
    about = poppler("pdfinfo", pdf)
    assert "Tagged:          yes" in about
    assert "Metadata Stream: yes" in about
    for claim in (b"<pdfaid:part>2</", b"<pdfaid:conformance>A</", b"<pdfuaid:part>1</"):
        assert claim in pdf
    with pikepdf.open(io.BytesIO(pdf)) as document:
        assert document.Root.Lang == {"zh-CN": "zh-CN", "en": "en-GB"}[language]
    fonts = poppler("pdffonts", pdf).splitlines()[2:]
    assert fonts
    for font in fonts:
        assert "NotoSans" in font
        assert font.split()[-5:-2] == ["yes", "yes", "yes"]  # embedded, a subset, with text behind it


def test_the_chart_has_words_for_who_cannot_see_it() -> None:
    with pikepdf.open(io.BytesIO(rendered(agreed_terms("en")))) as document:
        dictionaries = [item for item in document.objects if isinstance(item, pikepdf.Dictionary)]
        described = [str(item.Alt) for item in dictionaries if "/Alt" in item]
    assert any("is zero on 29 February 2028" in words for words in described)


def test_a_plan_over_five_years_is_small_enough_for_an_old_phone() -> None:
    """150 KB with the seal, which takes 6 to 10; with the longest drawn signature, which takes 10."""
    assert len(rendered(agreed_terms("zh-CN", 60))) < 130_000


@needs_poppler
@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize(
    "name", ["Łukasz Żółć-Kowalčík", "Şeyma Gökçeoğlu", "Žofie Dvořáková", "Erdős Pál", "Łucja 王璟"]
)
def test_european_names_are_printed_letter_by_letter(name: str, language: str) -> None:
    text = words_of(rendered(agreed_terms(language), name=name))
    assert text.count(without_spaces(name)) == 3


@needs_poppler
@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize(
    "name",
    ["W" * 100, "龘" * 100, "王" + "M" * 99, "Ưở" * 50, "Щ" * 100, "ョー" * 50, "W." * 50, "阿依古丽·" * 20],
    ids=lambda name: name[:2],
)
def test_the_longest_name_and_account_stay_on_the_page_and_whole(name: str, language: str) -> None:
    terms = agreed_terms(language) | {"account_id": "W" * 64}
    pdf = rendered(terms, name=name)
    assert words_of(pdf).count(name) == 3
    assert "W" * 64 in words_of(pdf)
    ends = re.findall(r'<word xMin="[\d.]+" yMin="[\d.]+" xMax="([\d.]+)"', text_of(pdf, "-bbox"))
    assert max(map(float, ends)) <= A4_WIDTH - MARGIN + 6  # a Chinese full stop may hang over


@needs_poppler
@pytest.mark.parametrize("name", ['#read("layout.typ")', "*Ann* _Lee_ $x$ <b>", '"]} #panic()', "\\u{0}`raw`@ref"])
def test_a_name_cannot_act_as_markup(name: str) -> None:
    assert without_spaces(name) in words_of(rendered(agreed_terms("en"), name=name))


def test_a_name_that_cannot_be_drawn_stops_the_document_without_being_told() -> None:
    with pytest.raises(GlyphMissingError, match="name") as raised:
        rendered(agreed_terms("zh-CN"), name="王𡋾")
    assert "王" not in str(raised.value)
    assert "𡋾" not in str(raised.value)


def test_a_clause_that_cannot_be_drawn_stops_the_document() -> None:
    terms = agreed_terms("zh-CN")
    terms["clauses"][0]["paragraphs"].append("🙂")
    with pytest.raises(GlyphMissingError, match="clauses"):
        rendered(terms)


def test_a_language_without_a_template_is_named() -> None:
    terms = agreed_terms("en")
    with pytest.raises(ValueError, match="no agreement template for fr"):
        render_agreement(terms, a_person(), reference_of(terms), "fr", SIGNED_AT)
