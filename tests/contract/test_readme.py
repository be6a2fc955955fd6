"""The READMEs are true: their pictures are today's, what they link to exists, and both languages say the same."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from contract.definitions import ROOT

from accord.billing import AccountOverdue, parse
from accord.opening import check_acceptable
from infra.local.application import BUS
from infra.local.stack import REGION
from infra.picture import READMES, with_pictures

README = pytest.mark.parametrize("path", READMES, ids=lambda path: path.name)


@README
def test_the_pictures_of_the_flow_are_those_of_the_state_machines(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("```mermaid") == 2
    assert with_pictures(text) == text, "run: python -m infra.picture"


@README
def test_whatever_is_linked_is_there(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    linked = re.findall(r"\]\(([^)#]+)\)", text) + re.findall(r'src="([^"]+)"', text)
    missing = [target for target in linked if not target.startswith("http") and not (ROOT / target).exists()]
    assert linked
    assert not missing


@README
def test_every_command_of_make_that_is_named_exists(path: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", path.read_text(encoding="utf-8"), re.MULTILINE))
    assert {"run", "test", "demo"} <= named
    assert not [target for target in named if not re.search(rf"^{target}:", makefile, re.MULTILINE)]


def test_both_languages_have_the_same_parts() -> None:
    shapes = []
    for path in READMES:
        text = path.read_text(encoding="utf-8")
        code = re.findall(r"```(?!mermaid).*?```", text, re.DOTALL)
        tables = [line.count("|") for line in text.splitlines() if line.startswith("|")]
        shapes.append((len(re.findall(r"^#+ ", text, re.MULTILINE)), len(code), tables))
    assert shapes[0] == shapes[1]


def test_both_languages_show_the_same_commands_for_the_local_stack_as_it_is() -> None:
    commands = []
    for path in READMES:
        blocks = re.findall(r"(?<=\n)```\n([^`]*)```\n", path.read_text(encoding="utf-8"), re.DOTALL)
        commands.append([line.split("#")[0].strip() for block in blocks for line in block.splitlines()])
    assert commands[0] == commands[1]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for text in ("\n".join(commands[0]), makefile):
        assert set(re.findall(r"AWS_DEFAULT_REGION=(\S+)", text)) == {REGION}


def test_the_sample_event_would_be_taken_in() -> None:
    (entry,) = json.loads((ROOT / "samples" / "account_overdue.json").read_text(encoding="utf-8"))
    assert (entry["EventBusName"], entry["DetailType"]) == (BUS, "AccountOverdue")
    check_acceptable(parse(AccountOverdue, json.loads(entry["Detail"])), datetime(2026, 11, 24, tzinfo=UTC))
