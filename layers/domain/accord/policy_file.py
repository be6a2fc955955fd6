"""The file of a policy pack: what stands in it and on which line, and what no pack may hold although YAML has it.

A pack needs maps, lists, text, whole numbers, days, true, false and null. All else that YAML can do would be read
otherwise than people read it (015 is 13, 1:30 is 90), or costs the reader more than the file is worth (aliases).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

import yaml

MOST_BYTES = 256 * 1024  # a pack that ships has 22 KB
_DEEPEST = 20  # no rule that there is has more than eight levels
_MOST_DIGITS = 18  # what fits a number of 64 bits, as in a portfolio
_SHOWN = 60  # so much of a value stands in a message
_THE_FILE = "the file"

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
# What YAML 1.2 calls not printable (5.1), less what stands between lines.
_NOT_TEXT = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_BEGINNINGS = {
    b"\xff\xfe\x00\x00": "it is UTF-32",
    b"\x00\x00\xfe\xff": "it is UTF-32",
    b"\xff\xfe": "it is UTF-16",
    b"\xfe\xff": "it is UTF-16",
    b"\x1f\x8b": "it is compressed with gzip",
    b"PK\x03\x04": "it is a ZIP, Excel or Word file",
}
_AS_UTF_8 = "save it as text in UTF-8"

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """What is wrong: the line of the file (from 1), where in the pack, what, and the way out."""

    line: int
    where: str
    what: str
    way_out: str


@dataclass
class Pack:
    """What stands in a file: the value, where each part of it stands and how a plain value is written there."""

    content: Any = None
    problems: list[Problem] = field(default_factory=list)
    unread: set[Path] = field(default_factory=set)  # parts that have a problem already: their value says nothing
    written: dict[Path, str] = field(default_factory=dict)
    lines: dict[Path, int] = field(default_factory=lambda: {(): 1})

    def line(self, path: Path) -> int:
        """The line of a part, or of the nearest part around it."""
        return self.lines[self.known(path)]

    def known(self, path: Path) -> Path:
        """The path as far as it stands in the file; a bucket may stand there as ALL."""
        found: Path = ()
        for part in path:
            step = next((step for step in (part, "ALL") if (*found, step) in self.lines), None)
            if step is None:
                break
            found = (*found, step)
        return found


def read_pack(content: bytes | str) -> Pack:
    """Read the file of a pack. Whatever is in it: problems, and no exception."""
    text = content if isinstance(content, str) else _text(content)
    if isinstance(text, Problem):
        return Pack(problems=[text])
    strange = _NOT_TEXT.search(text)
    if strange:
        line = text.count("\n", 0, strange.start()) + 1
        what = f"the character U+{ord(strange[0]):04X} is no text"
        return Pack(problems=[Problem(line, _THE_FILE, what, f"take it out, and {_AS_UTF_8}")])
    try:
        refused = list(_refused(text))
        root = None if refused else yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        return Pack(problems=[_not_yaml(error, text.splitlines())])
    pack = Pack(problems=refused)
    if root is not None:
        pack.content = _value(root, (), pack)
    return pack


def name(path: Path) -> str:
    """A path as people write it, without the word in front that every rule shares."""
    parts = path[1:] if path[:1] == ("rules",) and len(path) > 1 else path
    return ".".join(_short(str(part)) for part in parts) or _THE_FILE


def shown(value: Any) -> str:
    """A value in a message: short, on one line."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{_short(value)}"'
    if isinstance(value, list | tuple):
        return "a list"
    return "a map" if isinstance(value, dict) else _short(str(value))


def _short(text: str) -> str:
    text = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text[: _SHOWN + 1])
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


# --- from bytes to text ------------------------------------------------------------------------------------------


def _text(content: bytes) -> str | Problem:
    if len(content) > MOST_BYTES:
        what = f"it is larger than {MOST_BYTES // 1024} KB, more than ten times a pack that ships"
        return Problem(1, _THE_FILE, what, "check whether it is a policy pack")
    for beginning, what in _BEGINNINGS.items():
        if content.startswith(beginning):
            return Problem(1, _THE_FILE, what, _AS_UTF_8)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line, place = before.count(b"\n") + 1, error.start - before.rfind(b"\n")
        what = f"it is not UTF-8: byte {place} of this line is 0x{content[error.start]:02x}, as in GBK or Latin-1"
        return Problem(line, _THE_FILE, what, _AS_UTF_8)


# --- what YAML has and a pack has not ------------------------------------------------------------------------------


def _refused(text: str) -> Iterator[Problem]:
    """By event, before anything is built: an alias costs nothing here."""
    depth, documents = 0, 0
    for event in yaml.parse(text, Loader=_Loader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        anchor, tag = getattr(event, "anchor", None), getattr(event, "tag", None)
        if isinstance(event, yaml.AliasEvent):
            what = f'"*{_short(anchor or "")}" stands for a part that is written elsewhere; a pack has no aliases'
            yield Problem(line, _THE_FILE, what, "write the part itself, or a text that begins with * in quotes")
        elif anchor:
            what = f'"&{_short(anchor)}" is an anchor for aliases; a pack has none'
            yield Problem(line, _THE_FILE, what, "take it out, or put a text that begins with & in quotes")
        if tag:
            what = "a word that begins with ! is a tag of YAML; a pack has none"
            yield Problem(line, _THE_FILE, what, "take it out, or put a text that begins with ! in quotes")
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                yield Problem(line, _THE_FILE, "a second document begins here", "take out the --- between the two")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _DEEPEST:
                what = f"lists and maps stand more than {_DEEPEST} deep in each other"
                yield Problem(line, _THE_FILE, what, "close the brackets before, or take this line out")
                return
        if isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


# --- what is not YAML ----------------------------------------------------------------------------------------------

# By words in what the parser tells: our sentence and the way out; {before} is the line on which it began.
_FAULTS = (
    ("tab character", "the line begins with a tab", "begin it with spaces"),
    ("cannot start any token", "a value cannot begin with {sign}", 'put the value in quotes: "…"'),
    ("mapping values are not allowed", "a colon stands where no name ends", "put a text with a colon in quotes, and "
     "begin all names of one map at the same column"),
    ("expected ':'", "a name has no colon after it", "write name: value, with a space after the colon"),
    ("',' or ']'", "the list that begins on line {before} is not closed", "close it with ], with commas between"),
    ("',' or '}'", "the map that begins on line {before} is not closed", "close it with }}, with commas between"),
    ("end of stream", "the quotes that open on line {before} are not closed", "close them"),
    ("escape", "a \\ in double quotes begins a special character", "use single quotes around a text with \\"),
    ("expected key", "it does not go on from the lines above", "begin all names of one map at the same column, and put "
     "the whole of a text in quotes or none of it"),
    ("document start", "it does not go on from the lines above", "begin all names of one map at the same column"),
    ("block end", "it does not go on from the lines above", "begin all names of one map at the same column"),
    ("'-' indicator", "it does not go on from the list above", "begin each of its lines with - at the same column"),
    ("node content", "a value is missing, or a bracket is not closed", "write what is missing, or take the sign out"),
)  # fmt: skip
_ANY_FAULT = (
    "the line cannot be read",
    "look at this line and the one before: the same spaces before all names of one map, a colon and a space after a "
    "name, and all quotes and brackets closed",
)
# What an input method for Chinese writes, and YAML takes for a letter.
_WIDE = {"：": ":", "，": ",", "［": "[", "］": "]", "｛": "{", "｝": "}"}


def _not_yaml(error: yaml.YAMLError, lines: list[str]) -> Problem:
    told = str(getattr(error, "problem", ""))
    mark = getattr(error, "problem_mark", None)
    began = getattr(error, "context_mark", None) or mark
    line = min(mark.line + 1, max(len(lines), 1)) if mark else 1
    near = "".join(lines[max(line - 2, 0) : line])
    wide = next((sign for sign in _WIDE if sign in near), None)
    if wide is not None:
        what, way_out = f"near {wide} the line cannot be read", f"write a narrow {_WIDE[wide]} and a space"
        return Problem(line, _THE_FILE, f"it is not YAML: {what}", way_out)
    here = lines[mark.line][mark.column :][:1] if mark and mark.line < len(lines) else ""
    fault = "tab character" if here == "\t" else told
    what, way_out = next((ours for words, *ours in _FAULTS if words in fault), _ANY_FAULT)
    told_as = {"before": began.line + 1 if began else line, "sign": here or "this"}
    return Problem(line, _THE_FILE, f"it is not YAML: {what.format(**told_as)}", way_out.format(**told_as))


# --- from text to values -------------------------------------------------------------------------------------------


def _value(node: yaml.Node, path: Path, pack: Pack) -> Any:
    if isinstance(node, yaml.SequenceNode):
        items = []
        for number, item in enumerate(node.value):
            pack.lines[(*path, number)] = item.start_mark.line + 1
            items.append(_value(item, (*path, number), pack))
        return items
    if isinstance(node, yaml.MappingNode):
        return _map(node, path, pack)
    pack.written[path] = node.value
    try:
        return _plain(node.tag.rpartition(":")[2], node.value)
    except ValueError as error:
        what, way_out = error.args
        pack.unread.add(path)
        pack.problems.append(Problem(node.start_mark.line + 1, name(path), what, way_out))
        return None


def _map(node: yaml.MappingNode, path: Path, pack: Pack) -> dict[str, Any]:
    """A map whose names are text, however YAML would read them: `no` is a name too."""
    found: dict[str, Any] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            what, way_out = "a list or a map stands here as a name", "write a word, and the value after the colon"
            pack.problems.append(Problem(line, name(path), what, way_out))
            pack.unread.add(path)
            continue
        part = (*path, key.value)
        if key.tag.endswith(":merge"):
            what, way_out = "<< takes over another part; a pack has no such names", "write what is meant itself"
            pack.problems.append(Problem(line, name(part), what, way_out))
            pack.unread.add(path)
            continue
        if key.value in found:
            # YAML would keep the last unasked.
            what = f"it stands on line {pack.lines[part]} already"
            pack.problems.append(Problem(line, name(part), what, "take one of them out"))
            pack.unread.add(part)
        pack.lines[part] = line
        found[key.value] = _value(value, part, pack)
    return found


def _plain(kind: str, text: str) -> Any:
    """What a single value is. Raises ValueError with what is wrong and the way out."""
    if _NOT_TEXT.search(text):
        raise ValueError("a \\ in it makes a character that is no text", "use single quotes around a text with \\")
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() in ("yes", "true", "on")
    if kind == "timestamp" and _DAY.fullmatch(text):
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise ValueError(f"there is no day {text}", "correct it: year-month-day, for example 2026-01-31") from None
    if kind == "int":
        return _whole(text)
    if kind == "float":
        return _decimal(text)
    return text


def _whole(text: str) -> int:
    if _WHOLE.fullmatch(text):
        if len(text) > _MOST_DIGITS:
            raise ValueError(f"a number of {len(text)} digits is too large", "check how many digits are meant")
        return int(text)
    digits = text.replace("_", "").lstrip("0")
    meant = f"{digits or 0}" if digits.isdecimal() else "digits alone"
    raise ValueError(
        f"{_short(text)} could be read as another number (a 0 in front, _, : and letters have a meaning in YAML)",
        f'write {meant} if a number is meant, else put it in quotes: "{_short(text)}"',
    )


def _decimal(text: str) -> Decimal | str:
    """A number with a point. No rule has one, and a text may look like one (1.2_3, 1:30.5)."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return text
