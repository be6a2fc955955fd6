"""The audit command: every kind of tampering with a chain is found, and the first broken event is named."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from accord import audit
from accord.errors import ChainBrokenError
from accord.events import GENESIS, Actor, CaseClosed, ChainedEvent, ReviewRequested, chain_hash, link

START = datetime(2026, 6, 15, 2, 0, tzinfo=UTC)
LENGTH = 6


def chain(reason: str = "AMOUNT", case_id: str = "c-1") -> list[ChainedEvent]:
    events: list[ChainedEvent] = []
    for number in range(1, LENGTH + 1):
        event = CaseClosed(reason="DECLINED") if number == LENGTH else ReviewRequested(reasons=(f"{reason}_{number}",))
        prev = events[-1].hash if events else GENESIS
        actor = Actor(kind="STAFF", id="staff-1")
        events.append(link(case_id, "A-1001", number, prev, START + timedelta(seconds=number), actor, event))
    return events


def record(events: list[ChainedEvent]) -> audit.Record:
    return audit.Record(case_id="c-1", head=chain()[-1].hash, count=LENGTH, events=tuple(events))


def edited(event: ChainedEvent, *, rehash: bool) -> ChainedEvent:
    content = event.content
    content["data"]["reasons"] = ["NOTHING"]
    body = rfc8785.dumps(content)
    return event.model_copy(update={"body": body.decode(), **({"hash": chain_hash(body)} if rehash else {})})


def broken(events: list[ChainedEvent]) -> str:
    with pytest.raises(ChainBrokenError) as found:
        audit.verdict(record(events))
    return str(found.value)


def test_an_untouched_chain_is_whole() -> None:
    assert audit.verdict(record(chain())).startswith(f"whole: {LENGTH} events")


def test_an_edited_event_is_named() -> None:
    events = chain()
    events[2] = edited(events[2], rehash=False)
    assert broken(events).startswith(
        "event 3 (ReviewRequested, 2026-06-15T02:00:03.000Z): the body does not have the hash"
    )


def test_an_edited_event_with_a_new_hash_shows_at_the_next() -> None:
    events = chain()
    events[2] = edited(events[2], rehash=True)
    assert broken(events).startswith("event 4")


def test_a_deleted_event_shows_at_its_place() -> None:
    events = chain()
    del events[2]
    assert broken(events) == (
        "event 3: it is missing; event 4 (ReviewRequested, 2026-06-15T02:00:04.000Z) stands in its place"
    )


def test_two_swapped_events_show_at_the_first() -> None:
    events = chain()
    events[1], events[3] = events[3], events[1]
    assert broken(events).startswith("event 2")


def test_a_cut_end_shows_against_the_case() -> None:
    assert broken(chain()[:-2]) == f"the chain ends at event {LENGTH - 2}, the case counts {LENGTH}"


def test_no_events_at_all_show_against_the_case() -> None:
    assert broken([]) == f"the chain ends at event 0, the case counts {LENGTH}"


def test_an_event_added_at_the_end_shows_against_the_case() -> None:
    events = chain()
    actor = Actor(kind="STAFF", id="x")
    events.append(link("c-1", "A-1001", LENGTH + 1, events[-1].hash, START, actor, CaseClosed(reason="EXPIRED")))
    assert "the case counts" in broken(events)


def test_a_chain_rewritten_from_the_start_shows_against_the_case() -> None:
    assert "the case names" in broken(chain(reason="FORGED"))


def test_a_chain_of_another_case_does_not_pass_for_this_one() -> None:
    others = chain(case_id="c-2")
    claim = audit.Record(case_id="c-1", head=others[-1].hash, count=LENGTH, events=tuple(others))
    with pytest.raises(ChainBrokenError, match="another case"):
        audit.verdict(claim)


@pytest.mark.parametrize("changes", [{"type": "CaseOpened"}, {"at": "2026-01-01T00:00:00.000Z"}, {"seq": 9}])
def test_what_stands_beside_the_body_must_agree_with_it(changes: dict[str, object]) -> None:
    events = chain()
    events[1] = events[1].model_copy(update=changes)
    assert broken(events).startswith("event 2")


@pytest.mark.parametrize("body", ["{", "[]", '{"a":1e999}', '{ "seq":1}', '"text"'])
def test_a_body_that_is_no_canonical_object_is_named_even_with_a_right_hash(body: str) -> None:
    events = chain()
    events[3] = events[3].model_copy(update={"body": body, "hash": chain_hash(body.encode())})
    assert broken(events).startswith("event 4")
    assert list(audit.timeline(record(events)))[4].endswith("(unreadable)")


def test_a_body_in_another_form_is_named_though_it_says_the_same() -> None:
    events = chain()
    events[3] = events[3].model_copy(update={"body": json.dumps(events[3].content, indent=1)})
    assert broken(events) == "event 4 (ReviewRequested, 2026-06-15T02:00:04.000Z): the body is not in canonical form"


@given(where=st.integers(0, LENGTH - 1), data=st.data())
def test_any_changed_character_of_any_body_is_found_there(where: int, data: st.DataObject) -> None:
    events = chain()
    body = events[where].body
    index = data.draw(st.integers(0, len(body) - 1))
    letter = data.draw(st.characters(min_codepoint=32, max_codepoint=126).filter(lambda new: new != body[index]))
    events[where] = events[where].model_copy(update={"body": body[:index] + letter + body[index + 1 :]})
    assert broken(events).startswith(f"event {where + 1} ")


# --- the command -----------------------------------------------------------------------------------------------


def written(path: Path, events: list[ChainedEvent], *, claim: bool) -> Path:
    lines = [event.model_dump_json() for event in events]
    if claim:
        lines.insert(0, json.dumps({"case_id": "c-1", "head": chain()[-1].hash, "count": LENGTH}))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_the_command_prints_the_timeline_and_says_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path / "events.jsonl", chain(), claim=True)
    assert audit.main(["verify", "--file", str(file)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == LENGTH + 2
    assert "CaseClosed" in lines[-2]
    assert "reason=DECLINED" in lines[-2]
    assert lines[-1].startswith("whole")


def test_the_command_ends_with_1_and_names_the_broken_event(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    events = chain()
    events[4] = edited(events[4], rehash=False)
    file = written(tmp_path / "events.jsonl", events, claim=True)
    assert audit.main(["verify", "--file", str(file)]) == 1
    assert "BROKEN: event 5 (ReviewRequested" in capsys.readouterr().out


def test_a_file_without_the_claim_says_what_it_cannot_show(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path / "events.jsonl", chain()[:-1], claim=False)
    assert audit.main(["verify", "--file", str(file)]) == 0
    assert "a cut end would not show" in capsys.readouterr().out


def test_what_is_exported_without_the_claim_is_read_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a case that is lost there is none: what was found of it is the events alone."""
    found = audit.Record(case_id="c-1", lost="no such case", events=tuple(chain()))
    file = tmp_path / "events.jsonl"
    file.write_text("".join(f"{line}\n" for line in audit.lines_of(found)), encoding="utf-8")
    assert audit.main(["export", "--file", str(file)]) == 0
    assert capsys.readouterr().out == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("text", ["", "not json\n", "[]\n", '{"case_id": "c-1"}\n', "\xff"])
def test_an_unreadable_file_ends_with_2(tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(text.encode("latin-1"))
    assert audit.main(["verify", "--file", str(path)]) == 2
    told = capsys.readouterr().err
    assert "cannot tell" in told
    assert "Error" not in told


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"body": 5}, "its body is no text"),
        ({"body": None}, "its body is no text"),
        ({"hash": ...}, "it has no hash"),
        ({"type": ...}, "it has no type"),
        ({"seq": 3.5}, "its seq is no whole number"),
        ({"seq": "3"}, "its seq is no whole number"),
        ({"seq": True}, "its seq is no whole number"),
        ({"note": "x"}, "it has note, which no event has"),
    ],
)
def test_a_damaged_event_of_a_file_is_broken_and_named(
    tmp_path: Path, change: dict[str, Any], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path / "events.jsonl", chain(), claim=True)
    lines = file.read_text(encoding="utf-8").splitlines()
    event = json.loads(lines[3]) | change
    lines[3] = json.dumps({name: value for name, value in event.items() if value is not ...}, default=lambda _: "")
    file.write_text("\n".join(lines), encoding="utf-8")
    assert audit.main(["verify", "--file", str(file)]) == 1
    assert f"BROKEN: event {change.get('seq', 3)}: {problem}" in capsys.readouterr().out


def test_a_missing_file_ends_with_2(tmp_path: Path) -> None:
    assert audit.main(["verify", "--file", str(tmp_path / "none.jsonl")]) == 2


def test_without_tables_the_command_says_how_to_name_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CASES_TABLE", raising=False)
    assert audit.main(["verify", "c-1"]) == 2
    assert "--cases-table" in capsys.readouterr().err


def test_export_and_verify_fit_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path / "events.jsonl", chain(), claim=True)
    assert audit.main(["export", "--file", str(file)]) == 0
    assert capsys.readouterr().out == file.read_text(encoding="utf-8")


# --- what a terminal would obey ----------------------------------------------------------------------------------

ODD = {
    "\x1b[2J": "\\x1b[2J",  # clears the screen
    "\n  whole: 6 events": "\\n  whole: 6 events",  # would stand as a verdict of its own
    "\r": "\\r",
    "\x7f": "\\x7f",
    "\x9b": "\\x9b",
    "\u202e": "\\u202e",  # turns the reading direction
    "\u2028": "\\u2028",
    "\ud800": "\\ud800",
    "\U000e0041": "\\U000e0041",
}


def tampered(path: Path, event: dict[str, Any], claim: dict[str, Any]) -> Path:
    """A file whose third event and whose claim somebody changed."""
    lines = [json.loads(event.model_dump_json()) for event in chain()]
    lines[2] |= event
    lines.insert(0, {"case_id": "c-1", "head": chain()[-1].hash, "count": LENGTH} | claim)
    path.write_text("\n".join(map(json.dumps, lines)) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("place", ["type", "at", "case_id", "seq", "actor", "fact", "claimed case", "claimed head"])
@pytest.mark.parametrize("odd", ODD)
def test_nothing_unprintable_reaches_the_terminal(
    tmp_path: Path, place: str, odd: str, capsys: pytest.CaptureFixture[str]
) -> None:
    body = chain()[2].body
    file = tampered(
        tmp_path / "events.jsonl",
        {
            "type": {"type": f"类型\u3000{odd}"},
            "at": {"at": odd},
            "case_id": {"case_id": odd},
            "seq": {"seq": odd},
            "actor": {"body": body.replace("staff-1", f"类型\u3000{json.dumps(odd)[1:-1]}")},
            "fact": {"body": body.replace('"reasons":', f'"类型\u3000{json.dumps(odd)[1:-1]}":')},
        }.get(place, {}),
        {"claimed case": {"case_id": f"类型\u3000{odd}"}, "claimed head": {"head": odd}}.get(place, {}),
    )
    assert audit.main(["verify", "--file", str(file)]) == 1
    told = capsys.readouterr().out
    assert all(char.isprintable() for char in told.replace("\n", "").replace("\u3000", ""))
    assert [line.split(":")[0] for line in told.splitlines()[LENGTH + 1 :]] == ["BROKEN"]
    unreadable = odd == "\ud800" and place in ("actor", "fact")
    hidden = place in ("case_id", "claimed head") or unreadable
    assert hidden or ODD[odd] in told, "it is shown by its number"
    assert "类型\u3000" in told or place not in ("type", "claimed case"), "Chinese stays as it is, its wide space too"


@pytest.mark.parametrize("odd", ODD)
def test_an_export_shows_nothing_unprintable_and_stays_the_same_record(
    tmp_path: Path, odd: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tampered(tmp_path / "events.jsonl", {"type": f"类型\u3000{odd}"}, {"case_id": odd})
    found = audit.read_file(file)
    assert audit.main(["export", "--file", str(file)]) == 0
    exported = capsys.readouterr().out
    assert all(char.isprintable() for char in exported.replace("\n", "").replace("\u3000", ""))
    assert "类型\u3000" in exported
    (tmp_path / "again.jsonl").write_text(exported, encoding="utf-8")
    assert audit.read_file(tmp_path / "again.jsonl") == found


def test_a_problem_of_the_file_itself_shows_nothing_unprintable(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit.main(["verify", "--file", str(tmp_path / "\x1b[2J")]) == 2
    assert "\\x1b[2J" in capsys.readouterr().err


def test_a_line_break_within_a_text_of_json_ends_no_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path / "events.jsonl", chain(), claim=True)
    claim, rest = file.read_text(encoding="utf-8").split("\n", 1)
    file.write_text(claim.replace("c-1", "c-1\u2028") + "\n" + rest, encoding="utf-8")
    assert audit.main(["verify", "--file", str(file)]) == 1
    assert "BROKEN: events of another case" in capsys.readouterr().out
