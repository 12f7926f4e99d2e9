"""``esmith forget``: former values of a property are gone from everything that is kept, and it says what is not."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from esmith.cli.forget import _not_reached
from esmith.errors import ExitCode
from esmith.events.forget import Forgotten
from esmith.layout import Layout
from esmith.store.forget import Former
from esmith.store.lmdb.data_file import DataFile
from tests.cli.kit import CELL, FIRST, LOG, NOW, SECOND, traces
from tests.commands import Root
from tests.store.stores import data_file, opened


def history(root: Root, *words: str) -> list[dict[str, Any]]:
    """Return the revisions, the newest first."""
    found = json.loads(root.esmith("history", "--limit", "0", "--json", *words).out)
    assert isinstance(found, list)
    return found


def generations(root: Root) -> list[int]:
    """Return the numbers of the generations, the newest first."""
    return [one["generation"] for one in json.loads(root.esmith("generations", "--json").out)]


def test_nothing_is_left(box: Root) -> None:
    """No file below the root holds a former value any more; the value of today stays where it is in use."""
    before = traces(box, FIRST, SECOND)
    assert {path.partition(".2")[0] for path in before} >= {
        "/home/e-smith/db/data.mdb",
        LOG,
        "/var/lib/e-smith/kept/etc/box.conf",
    }
    assert any(path.startswith("/var/lib/e-smith/generations/") for path in before)
    answer = box.esmith("forget", *CELL)
    assert traces(box, FIRST, SECOND) == {}
    assert NOW not in "".join(json.dumps(revision) for revision in history(box))
    assert box.config("getprop", "box", "Password").out == f"{NOW}\n"
    assert NOW in box.read("/etc/box.conf")
    assert not [value for value in (FIRST, SECOND, NOW) if value in answer.out + answer.err]


def test_the_argument_of_an_event(box: Root) -> None:
    """A value that was an argument of an event is gone from the list of generations, too."""
    box.config("setprop", "box", "Port", "7")
    box.signal("box-update", FIRST)
    assert FIRST in box.esmith("generations").out
    box.esmith("forget", *CELL)
    assert "signal-event box-update ****" in box.esmith("generations").out
    assert traces(box, FIRST) == {}


def test_what_it_says(box: Root) -> None:
    """It prints what was removed where, and what it does not reach."""
    newest = generations(box)[0]
    lines = box.esmith("forget", *CELL).out.splitlines()
    journal, kept, log, dropped, free, rest = lines
    assert journal.startswith("journal: 3 revisions (")
    assert kept.startswith("/var/lib/e-smith/kept/etc/box.conf.2")
    assert kept.endswith(": 2 places overwritten")
    assert log.startswith(f"{LOG}: ")
    assert dropped == f"generations up to {newest - 1}: dropped, so 'esmith rollback' cannot go back to them"
    assert free == "databases: free space overwritten"
    assert rest == "not reached: backups made before, the history of your shell, and what the disk keeps of old files"


def test_a_dry_run(box: Root) -> None:
    """A dry run says the same, but for the free space, and changes nothing."""
    box.esmith("status", "-v", code=None)  # verifies the copied data file, and marks it
    before = {path: path.read_bytes() for path in box.path.rglob("*") if path.is_file() and path.name != "lock.mdb"}
    rehearsed = box.esmith("forget", "--dry-run", *CELL).out.splitlines()
    assert {path: path.read_bytes() for path in before} == before
    assert rehearsed.pop() == "nothing was changed"
    done = box.esmith("forget", *CELL).out.splitlines()
    lines = [line.replace("would be ", "").removesuffix("; what they hold is lost") for line in rehearsed]
    assert lines == [line for line in done if not line.startswith("databases: ")]
    assert any("would be" in line for line in rehearsed)


def test_the_rest_stays(box: Root) -> None:
    """The other settings, the log but for the values, and the files that were kept but for the values are as before."""
    settings, log = box.config("show").out, box.read(LOG)
    (kept,) = box.file("/var/lib/e-smith/kept/etc").glob("box.conf.*")
    box.esmith("forget", *CELL)
    assert box.config("show").out == settings
    assert kept.read_text() == f"# mine: {'*' * len(FIRST)}, {'*' * len(FIRST)}\n"
    after = box.read(LOG)
    assert after.startswith(log.replace(FIRST, "*" * len(FIRST)).replace(SECOND, "*" * len(SECOND)))
    assert after.count("Forgot the former values of configuration box Password\n") == 1
    box.signal("box-update")
    assert box.config("show").out == settings


def test_history(box: Root) -> None:
    """History shows that values were forgotten, in changes and words, and who did it; the numbers stay."""
    numbers = [revision["revision"] for revision in history(box)]
    box.esmith("forget", *CELL)
    note, *others = history(box)
    assert [revision["revision"] for revision in others] == numbers
    assert (note["command"], note["changes"]) == ("esmith forget configuration box Password", [])
    shown = box.esmith("history", "--limit", "0").out
    assert "configuration box Password: (none) -> (forgotten)" in shown
    assert "configuration box Password: (forgotten) -> (forgotten)" in shown
    assert "config setprop box Password (forgotten) Port 2" in shown
    assert "configuration box Port: 1 -> 2" in shown
    assert history(box, "--key", "box", "--limit", "1") == [note]
    assert note not in history(box, "--key", "qpsmtpd")


def test_undo(box: Root) -> None:
    """A revision whose old value is gone cannot be undone, with or without --force; one that made it can."""
    made, *_ = [one["revision"] for one in history(box, "--key", "box")][::-1]
    number = next(one["revision"] for one in history(box) if "Password" in one["command"])
    box.esmith("forget", *CELL)
    before = box.config("show").out
    for words in ([], ["--force"]):
        answer = box.esmith("undo", *words, str(number), code=ExitCode.FAILED)
        assert "configuration box Password: the value before revision" in answer.err
        assert "was forgotten" in answer.err
        assert box.config("show").out == before
    box.esmith("undo", "--force", str(made))
    assert box.config("get", "box", code=1).out == ""


def test_rollback(box: Root) -> None:
    """Generations that hold a former value are gone; going back to a later one sets back all but what was forgotten."""
    newest = generations(box)[0]
    box.esmith("forget", *CELL)
    assert generations(box) == [newest]
    assert os.listdir(box.file("/var/lib/e-smith/generations")) == [str(newest)]
    box.esmith("rollback", str(newest - 1), code=ExitCode.USAGE)
    box.config("setprop", "box", "Password", "l4ter", "Port", "5")
    box.signal("box-update")
    box.esmith("forget", *CELL)
    box.config("setprop", "box", "Port", "6")
    box.signal("box-update")
    box.config("setprop", "box", "Port", "7")
    box.signal("box-update")
    assert box.esmith("rollback").err == ""
    assert box.config("getprop", "box", "Port").out == "6\n"


def test_rollback_past_a_forgotten_value(box: Root) -> None:
    """Where the former value was forgotten but no kept file held it, it stays as it is, and a message says so."""
    box.config("set", "other", "x", "Password", "g0ne0ne", "Note", "1")
    box.config("setprop", "box", "Port", "8")
    box.signal("box-update")
    target = generations(box)[0]
    # What the file was made of is not remembered then, so that all settings go back with it.
    box.esmith("forget", *CELL)
    box.config("setprop", "other", "Password", "st4ys", "Note", "2")
    box.config("setprop", "box", "Port", "9")
    box.signal("box-update")
    box.esmith("forget", "configuration", "other", "Password")
    answer = box.esmith("rollback", str(target))
    assert "configuration other Password: stays as it is, because its value of then was forgotten" in answer.err
    assert box.config("getprop", "other", "Password").out == "st4ys\n"
    assert box.config("getprop", "other", "Note").out == "1\n"
    assert box.config("getprop", "box", "Port").out == "8\n"


def test_a_later_change_is_rolled_back_without_it(box: Root) -> None:
    """A change that is not confirmed is rolled back, but for a value that was forgotten before it was signalled."""
    box.config("set", "other", "x", "Password", "g0ne0ne", "Note", "1")
    box.config("setprop", "box", "Port", "5")
    box.signal("box-update")
    box.config("setprop", "other", "Password", "st4ys", "Note", "2")
    box.config("setprop", "box", "Port", "6")
    box.esmith("forget", "configuration", "other", "Password")
    box.signal("--confirm", "1s", "box-update")
    box.esmith("recover", "--wait")
    assert box.config("getprop", "box", "Port").out == "5\n"
    assert box.config("getprop", "other", "Password").out == "st4ys\n"
    assert box.config("getprop", "other", "Note").out == "1\n"


def test_a_record_without_properties(root: Root) -> None:
    """Without a property it is the value of a record that has none."""
    root.config("set", "RelayPassword", FIRST)
    root.config("set", "RelayPassword", SECOND)
    root.esmith("forget", "configuration", "RelayPassword")
    assert traces(root, FIRST) == {}
    assert root.config("get", "RelayPassword").out == f"{SECOND}\n"
    assert "configuration RelayPassword: (forgotten) -> (forgotten)" in root.esmith("history").out


def test_a_property_that_is_gone(root: Root) -> None:
    """A property that was deleted, or whose record was, can be forgotten."""
    root.config("set", "box", "x", "Password", FIRST)
    root.config("delete", "box")
    root.esmith("forget", *CELL)
    assert traces(root, FIRST) == {}


def test_short_values(box: Root) -> None:
    """A short value, or that of a switch, goes from the journal, but is not looked for in files; a message says so."""
    box.config("setprop", "box", "Password", "abc")
    box.config("setprop", "box", "Password", "enabled")
    box.config("setprop", "box", "Password", NOW)
    before = box.config("show").out
    answer = box.esmith("forget", *CELL)
    assert "not looked for in files: 2 values shorter than 4 characters, or that of a switch" in answer.out
    passwords = [one for revision in history(box) for one in revision["changes"] if one["property"] == "Password"]
    assert {one[side] for one in passwords if one["key"] == "box" for side in ("old", "new")} == {None, "(forgotten)"}
    assert box.config("show").out == before
    assert "config setprop box Password (forgotten)\n" in box.esmith("history").out
    assert "config setprop qpsmtpd" not in box.esmith("history").out


def test_what_it_names(box: Root) -> None:
    """It names generated files that were not made again yet, other properties with the value, and packed logs."""
    box.config("set", "twin", "x", "Password", NOW)
    box.config("setprop", "box", "Password", "n3wer")
    box.write("/var/log/e-smith/events.log.2.gz", "packed")
    box.write("/var/log/e-smith/events.log.1", f"old {FIRST}\n")
    box.write("/etc/.esmith-123-1", f"password {NOW}\n")
    out = box.esmith("forget", *CELL).out
    assert "not reached: /etc/.esmith-123-1 holds a former value" in out
    assert "not reached: /etc/box.conf holds a former value; signal the event that makes it" in out
    assert "not reached: configuration twin Password has or had the same value" in out
    assert "not reached: /var/log/e-smith/events.log.2.gz, which is compressed" in out
    assert "/var/log/e-smith/events.log.1: 1 place overwritten" in out
    box.signal("box-update")
    box.esmith("forget", *CELL)
    assert "/etc/box.conf" not in traces(box, NOW)


def test_digests_go(box: Root) -> None:
    """What outputs were made of is forgotten, since a digest reveals a short value; the next event expands them."""
    with opened(box.path, write=False) as store, store.snapshot() as snapshot:
        assert "Password" in dict(snapshot.states("outputs"))["/etc/box.conf"].decode()
    box.esmith("forget", *CELL)
    with opened(box.path, write=False) as store, store.snapshot() as snapshot:
        rows = dict(snapshot.states("outputs"))
        assert "Password" not in rows["/etc/box.conf"].decode()
        assert "Port" in rows["/etc/port.conf"].decode()
        assert not [row for _, row in snapshot.states("generations") if b"Password" in row]
    assert "0 files changed" in box.signal("-v", "box-update").err


def test_the_data_file_stays_known(box: Root) -> None:
    """Afterwards no command has to verify the data file, and it is sound."""
    box.esmith("forget", *CELL)
    assert DataFile(str(data_file(box))).is_as_marked()
    box.esmith("status", "-v", code=None)


def test_at_the_machine_itself() -> None:
    """Where the log is that of the system, that is named among what is not reached."""
    forgotten = Forgotten(Former(set(), [], set()))
    (line,) = _not_reached(Layout("/"), forgotten)
    assert "the system log (syslog, journald)" in line
    (line,) = _not_reached(Layout(str(Path("/tmp"))), forgotten)
    assert "syslog" not in line
