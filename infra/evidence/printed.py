"""What a sealed agreement says in print: by which layout, for whom, and how it differs from what the terms print."""

import io
import re
from dataclasses import dataclass
from itertools import zip_longest

import pikepdf
from pydantic import TypeAdapter, ValidationError
from pypdf import PdfReader

from accord.billing import Name

_SIGNATORY = re.compile(r"(.+) \(([0-9A-Za-z]{4})\)")
# A seal outside of every page. One with an appearance, or with anything else that a viewer acts on, is more than that.
_UNSEEN = [-9999] * 4
_OF_A_SEAL = {"/F", "/FT", "/P", "/Rect", "/Subtype", "/T", "/Type", "/V"}


@dataclass(frozen=True)
class Signatory:
    """Whom the document names: only the document itself tells it."""

    name: str
    id_last4: str


def layout_of(document: bytes) -> str | None:
    """By which layout a document says that it was made; None where it says none. Raises PdfError."""
    told = _told(document, "/Keywords")
    return told if told is not None and re.fullmatch(r"layout [1-9][0-9]{0,3}", told) else None


def signatory_of(document: bytes) -> Signatory | None:
    """Whom a document says it names; None where that is nobody who could have signed. Raises PdfError."""
    found = _SIGNATORY.fullmatch(_told(document, "/Subject") or "")
    try:
        is_a_name = found is not None and TypeAdapter(Name).validate_python(found[1]) == found[1]
    except ValidationError:
        is_a_name = False
    return Signatory(found[1], found[2]) if found is not None and is_a_name else None


def difference(document: bytes, agreed: bytes) -> str | None:
    """Where a sealed document prints anything else than one without a seal, or more; None where it does not.

    Compared is all that a viewer reads: what is drawn where, with which letters, and what is behind it.
    """
    if print_of(document) == print_of(agreed):
        return None
    found, expected = text_of(document), text_of(agreed)
    if found == expected:
        return "it says the same words, and draws them otherwise or has more in it"
    place = next(at for at, (one, other) in enumerate(zip_longest(found, expected)) if one != other)
    shown = slice(max(0, place - 10), place + 30)
    return f'it says "{found[shown]}" where they say "{expected[shown]}"'


def text_of(document: bytes) -> str:
    """The characters of a document, page after page, without spaces and without the line at the foot of each page.

    Empty where it cannot be read.
    """
    try:
        pages = [page.extract_text().rpartition("\n")[0] for page in PdfReader(io.BytesIO(document)).pages]
        return re.sub(r"\s+", "", "".join(pages))
    except Exception:  # a hostile document fails anywhere in the parser; no other has an empty text
        return ""


def print_of(document: bytes) -> bytes:
    """A document in one form, whoever packed it, without the seal that draws nothing."""
    written = io.BytesIO()
    with pikepdf.open(io.BytesIO(document), attempt_recovery=False) as pdf:
        if _has_a_mere_seal(pdf):
            del pdf.pages[0].obj.Annots
            del pdf.Root.AcroForm, pdf.Root.Perms, pdf.Root.Extensions
        pdf.save(
            written,
            object_stream_mode=pikepdf.ObjectStreamMode.disable,
            stream_decode_level=pikepdf.StreamDecodeLevel.generalized,
            compress_streams=False,
            static_id=True,
        )
    return written.getvalue()


def _told(document: bytes, name: str) -> str | None:
    with pikepdf.open(io.BytesIO(document)) as pdf:
        return str(pdf.docinfo[name]) if name in pdf.docinfo else None


def _has_a_mere_seal(pdf: pikepdf.Pdf) -> bool:
    form, notes = pdf.Root.get("/AcroForm"), pdf.pages[0].obj.get("/Annots")
    if form is None or notes is None or len(form.Fields) != 1 or len(notes) != 1:
        return False
    (field,), (note,) = form.Fields, notes
    return bool(
        form.keys() == {"/Fields", "/SigFlags"}
        and field.objgen == note.objgen != (0, 0)
        and field.keys() <= _OF_A_SEAL
        and field.FT == "/Sig"
        and list(field.Rect) == _UNSEEN
    )
