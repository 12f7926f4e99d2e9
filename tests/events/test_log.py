"""The log of the events: its entries can be distinguished, whatever the texts hold."""

from __future__ import annotations

import re
import syslog
from pathlib import Path

import pytest

from esmith.events.log import EventLog
from esmith.layout import Layout
from tests.events.kit import Scene

ENTRY = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d esmith\[\d+\]: (.*)")


def logged(root: Path) -> list[str]:
    """Return the entries of a root's log, without what each begins with."""
    entries = []
    for line in (root / "var/log/e-smith/events.log").read_text().split("\n")[:-1]:
        found = ENTRY.fullmatch(line)
        assert found, line
        entries.append(found[1])
    return entries


OWN = {
    "plain": ("Processing event: x", ["Processing event: x"]),
    "newline": ("x a\nEvent y ended", ["x a\\nEvent y ended"]),
    "carriage return": ("a\rb\x0bc\x85d\u2028e", ["a\\rb\\x0bc\\x85d\\u2028e"]),
    "escape": ("\x1b[2J\x9b\x7f\u202e", ["\\x1b[2J\\x9b\\x7f\\u202e"]),
    "NUL and surrogates": ("a\0\ud800\udc9b", ["a\\x00\\ud800\\x9b"]),
    "hint": ("place: what\n  the cure\n    more", ["place: what - the cure -   more"]),
    "empty": ("", [""]),
}


@pytest.mark.parametrize(("text", "entries"), OWN.values(), ids=OWN.keys())
def test_a_text_is_one_entry(tmp_path: Path, text: str, entries: list[str]) -> None:
    """A text of ours is one entry, whatever is in it; what is not printable is shown by its code."""
    EventLog(Layout(str(tmp_path))).write(text)
    assert logged(tmp_path) == entries


def test_output_is_marked(tmp_path: Path) -> None:
    """Each line that a program printed is an entry with a mark, so that it cannot be taken for one of ours."""
    EventLog(Layout(str(tmp_path))).write_output("one\tx\nEvent y ended\r\x1b[1mtwo\n\nthree")
    assert logged(tmp_path) == ["| one\tx", "| Event y ended", "| \\x1b[1mtwo", "| ", "| three"]


def test_a_long_entry_is_cut(tmp_path: Path) -> None:
    """An entry that no syslog would take is cut between two characters; each further piece has a mark of its own."""
    log = EventLog(Layout(str(tmp_path)))
    log.write("é" * 1000)
    log.write_output("x" * 2000)
    entries = logged(tmp_path)
    assert max(len(entry.encode()) for entry in entries) <= 900
    first, second = entries[:3], entries[3:]
    assert first[0] + "".join(piece.removeprefix("+ ") for piece in first[1:]) == "é" * 1000
    assert second[0] + "".join(piece.removeprefix("+ ") for piece in second[1:]) == "| " + "x" * 2000
    assert all(piece.startswith("+ ") for piece in [*first[1:], *second[1:]])


def test_the_machine_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Syslog gets the same entries: short, printable, and without what it cannot take."""
    sent: list[str] = []
    monkeypatch.setattr(syslog, "syslog", lambda _priority, text: sent.append(text))
    log = EventLog(Layout("/"))
    log.write("a\0b\nc\ud800")
    log.write_output("y" * 1000)
    assert sent == ["a\\x00b\\nc\\ud800", "| " + "y" * 898, "+ " + "y" * 102]


def test_the_end_of_an_event_names_the_event(scene: Scene) -> None:
    """The log says which event ended, also when a link in its directory leads nowhere; that one is shown."""
    (scene.event() / "S40gone").symlink_to("/nowhere")
    scene.signal()
    assert logged(scene.path)[-1] == "Event try ended: 0 files changed"
    assert [note.rpartition("/")[2] for note in scene.notes] == [
        "S40gone: is a link that leads nowhere, so nothing was run"
    ]
