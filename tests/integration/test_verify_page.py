"""The public page that says whether a document is ours: every byte counts, and nothing else is told."""

import hashlib
import re
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from integration.web_fixtures import BOUNDARY, Page, Web, form_of, web_on_moto

from accord.case import Change
from accord.events import Actor, AgreementSealed

DOCUMENT = b"%PDF-1.7\r\n" + bytes(range(256)) * 3 + b"\r\n%%EOF\r\n"


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with web_on_moto() as web:
        case = web.invited()
        digest = hashlib.sha256(DOCUMENT).hexdigest()
        sealed = AgreementSealed(
            document_key=f"agreements/{digest}.pdf", document_sha256=digest, unsealed_sha256="0" * 64,
            terms_hash="1" * 64, chain_head="2" * 64, key_arn="arn",
        )  # fmt: skip
        web.change(case.case_id, lambda case: Change(case, (sealed,), Actor(kind="SYSTEM", id="negotiation")))
        yield web


def sent(web: Web, body: bytes, language: str = "en", **headers: str) -> Page:
    kind = {"content_type": f"multipart/form-data; boundary={BOUNDARY}"} | headers
    return web.browser(language).send("POST", "/verify", body, **kind)


@pytest.mark.parametrize(("language", "words"), [("en", "It is ours, and unchanged"), ("zh-CN", "是我们的原件")])
def test_a_document_as_it_was_sealed_is_ours(web: Web, language: str, words: str) -> None:
    page = sent(web, form_of(DOCUMENT), language)
    assert page.status == 200
    assert words in page.text
    assert not re.search(r"c-[0-9a-f]{24}", page.html), "no case is named"


@settings(max_examples=60, deadline=None)
@given(place=st.integers(0, len(DOCUMENT) - 1), bit=st.integers(0, 7))
def test_a_document_of_which_a_bit_was_changed_is_not(web: Web, place: int, bit: int) -> None:
    changed = bytearray(DOCUMENT)
    changed[place] ^= 1 << bit
    assert "not a document as we sealed it" in sent(web, form_of(bytes(changed))).text


@pytest.mark.parametrize("content", [DOCUMENT + b"\n", DOCUMENT[:-1], b"hello"], ids=["longer", "shorter", "another"])
def test_what_is_longer_or_shorter_or_another_file_is_not(web: Web, content: bytes) -> None:
    assert "not a document as we sealed it" in sent(web, form_of(content)).text


@settings(max_examples=60, deadline=None)
@given(content=st.binary(min_size=1, max_size=300))
def test_a_file_arrives_byte_for_byte(web: Web, content: bytes) -> None:
    """Line breaks of every kind among them."""
    asked: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(web.app.cases, "is_sealed", lambda digest: asked.append(digest) is None)
        sent(web, form_of(content))
    assert asked == [hashlib.sha256(content).hexdigest()]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "choose a file first"),
        (form_of(b""), "choose a file first"),
        (form_of(DOCUMENT, "another"), "choose a file first"),
        (b"--no\r\n\r\nboundary", "choose a file first"),
        (form_of(b"x" * (1024 * 1024 + 10_001)), "too large"),
        (form_of(DOCUMENT).replace(b"form-data;", b"form-data;" + b"(" * 20_000), "choose a file first"),
        (form_of(DOCUMENT).replace(b"form-data;", b"form-data;" + b" a=1;" * 20_000), "choose a file first"),
        (f"--{BOUNDARY}\r\nA: b\r\n\r\n".encode() * 60_000, "too large"),
        (form_of(b"x", "x") * 60_000, "too large"),
        (form_of(b"x", "x").rpartition(b"--")[0] * 6_000, "choose a file first"),
        (form_of(DOCUMENT)[:-30], "choose a file first"),
    ],
    ids=[
        "nothing",
        "an empty file",
        "another field",
        "no form",
        "too long",
        "a head of brackets",
        "a head of settings",
        "parts without end",
        "forms without end",
        "many parts",
        "cut off",
    ],
)
def test_what_is_no_document_is_told(web: Web, body: bytes, words: str) -> None:
    page = sent(web, body)
    assert page.status == 400
    assert words in page.text


@pytest.mark.parametrize(
    "kind",
    [
        "multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=" + "x" * 9_000,
        "multipart/form-data; boundary=\r\n", "multipart/form-data; boundary=\x00", "multipart/form-data; boundary=é",
    ],
)  # fmt: skip
def test_a_form_without_a_boundary_that_can_be_one_is_told(web: Web, kind: str) -> None:
    assert sent(web, form_of(DOCUMENT), content_type=kind).status == 400


def test_parts_in_parts_are_no_form(web: Web) -> None:
    nested = b"x"
    for number in range(1_000):
        head = f"--b{number}\r\nContent-Type: multipart/mixed; boundary=b{number + 1}\r\n\r\n".encode()
        nested = head + nested
    page = sent(web, nested, content_type="multipart/form-data; boundary=b0")
    assert page.status == 400


def test_another_site_cannot_ask(web: Web) -> None:
    assert sent(web, form_of(DOCUMENT), origin="https://elsewhere.example").status == 403
    assert web.browser().send("POST", "/verify", {"document": "x"}).status == 415


def test_the_page_needs_no_visit_and_sets_nothing(web: Web) -> None:
    page = web.browser().get("/verify")
    assert (page.status, page.cookies) == (200, [])
    assert 'enctype="multipart/form-data"' in page.html
