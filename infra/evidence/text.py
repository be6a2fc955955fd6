"""The text of a PDF, as far as it can be compared: every character in its order, without the spaces between."""

import io
import re

from pypdf import PdfReader


def text_of(document: bytes) -> str:
    """The characters of a document, page after page, without spaces and without the line at the foot of each page.

    Empty where it cannot be read.
    """
    try:
        pages = [page.extract_text().rpartition("\n")[0] for page in PdfReader(io.BytesIO(document)).pages]
        return re.sub(r"\s+", "", "".join(pages))
    except Exception:  # a damaged document fails anywhere in the parser; the verdict on its bytes says so
        return ""
