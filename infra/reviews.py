"""Writes the register of the texts that were reviewed, word for word: `make reviewed`.

It refuses a text with a threat, a promise or a figure of its own, and other words under a version that was reviewed.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from accord.texts import LANGUAGES
from accord.wording import REGISTER, fingerprint, improper, own_figures, texts_of_record

FILE = Path(__file__).parent.parent / "layers" / "domain" / "accord" / "texts" / f"{REGISTER}.yaml"
HEAD = "# Which texts were reviewed, word for word (SHA-256): no other is sent. `make reviewed` writes this file.\n"


def problems(register: dict[str, str]) -> Iterator[str]:
    """Why the texts as they are cannot be entered."""
    for name, text in texts_of_record():
        if register.get(name, fingerprint(text)) != fingerprint(text):
            yield f"{name}: the words are not those that were reviewed; give it a new version"
        for language, words in said(text):
            for what in (*improper(words, language), *own_figures(words)):
                yield f"{name} ({language}): {what!r} may not stand there"


def said(text: Any, language: str | None = None) -> Iterator[tuple[str, str]]:
    """Each piece of a text with its language."""
    if isinstance(text, str) and language is not None:
        yield language, text
    if isinstance(text, dict):
        for key, part in text.items():
            yield from said(part, key if key in LANGUAGES else language)


def main() -> int:
    register = yaml.safe_load(FILE.read_text(encoding="utf-8"))["reviewed"] if FILE.exists() else {}
    found = list(problems(register))
    for problem in found:
        print(problem, file=sys.stderr)
    if found:
        return 1
    reviewed = register | {name: fingerprint(text) for name, text in texts_of_record()}
    FILE.write_text(HEAD + yaml.safe_dump({"reviewed": reviewed}, sort_keys=True), encoding="utf-8")
    print(f"{len(reviewed)} texts in {FILE.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
