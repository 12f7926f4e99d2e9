"""Copying entries into logs: each once, and the files as svlogd keeps them."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esmith.logs import files
from esmith.logs.files import LogFile
from tests.logs.kit import UNITS, Logs, entries, entry


def test_each_unit_has_its_log(tmp_path: Path) -> None:
    """An entry goes to the log of its unit; one of another unit goes nowhere, and what is no entry is passed over."""
    logs = Logs(tmp_path)
    copying = logs.begin()
    data = entry(1, "one") + b"not JSON\n" + entry(2, "two", UNITS[1]) + entry(3, "three", "ssh.service")
    for byte in data:
        copying.take(bytes([byte]))
    copying.close()
    assert (logs.texts(), logs.texts(UNITS[1])) == (["one"], ["two"])
    assert ";i=3;" in logs.cursor()


@settings(max_examples=150)
@given(data=st.data())
def test_killed_at_any_byte_each_line_is_there_once(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """However often it is killed, also in the middle of a line or of a rotation, each line is in the log once."""
    logs = Logs(tmp_path_factory.mktemp("logs"))
    texts = data.draw(
        st.lists(st.text(st.characters(codec="ascii", categories=["L"]), min_size=1, max_size=9), max_size=30)
    )
    all_entries = entries(texts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "BYTES", data.draw(st.sampled_from([60, 200, 5000])))
        for _ in range(data.draw(st.integers(0, 4))):
            done = _done(logs, all_entries)
            copying = logs.begin(keep=0)
            _let_fail(patch, data.draw(st.integers(0, 40)), data.draw(st.booleans()))
            try:
                for line in all_entries[done : done + data.draw(st.integers(0, 30))]:
                    copying.take(line)
                    if data.draw(st.integers(0, 4)) == 0:
                        copying.save()
            except OSError:
                pass
            patch.undo()
            patch.setattr(files, "BYTES", 200)
        copying = logs.begin(keep=0)
        for line in all_entries[_done(logs, all_entries) :]:
            copying.take(line)
        copying.close()
    assert logs.texts() == texts


@pytest.mark.parametrize("size", [50, 80])
def test_killed_near_the_end_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """Entries are not added again that are in a nearly full file, or in one begun after the state was written."""
    monkeypatch.setattr(files, "BYTES", size)
    logs = Logs(tmp_path)
    all_entries = entries(["one", "two", "three"])
    logs.begin().take(b"".join(all_entries))
    copying = logs.begin()
    copying.take(b"".join(all_entries[_done(logs, all_entries) :]))
    copying.close()
    assert logs.texts() == ["one", "two", "three"]


def _done(logs: Logs, all_entries: list[bytes]) -> int:
    """Return how many entries journalctl would leave out, of those after the cursor."""
    cursor = logs.cursor().encode()
    return next((number + 1 for number, line in enumerate(all_entries) if cursor and cursor in line), 0)


def _let_fail(patch: pytest.MonkeyPatch, calls: int, partial: bool) -> None:
    """Have the disk be full after some calls, the last of which may write a part."""
    left = [calls]
    write, rename = os.write, os.rename

    def limited(file: int, text: bytes) -> int:
        left[0] -= 1
        if left[0] == 0 and partial:
            return write(file, text[: len(text) // 2])
        if left[0] < 0:
            raise OSError(28, "No space left on device")
        return write(file, text)

    def renamed(*words: object, **named: object) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(28, "No space left on device")
        rename(*words, **named)  # type: ignore[arg-type]

    patch.setattr(os, "write", limited)
    patch.setattr(os, "rename", renamed)


def test_what_others_wrote_stays(tmp_path: Path) -> None:
    """Lines of another logger stay before ours, and a line without its end gets it."""
    logs = Logs(tmp_path)
    file = tmp_path / UNITS[0] / "current"
    file.write_text("old line\nhalf")
    copying = logs.begin()
    copying.take(entry(1, "one"))
    copying.save()
    file.write_text(file.read_text() + "@foreign")
    copying = logs.begin()
    copying.take(entry(2, "two"))
    copying.close()
    assert logs.read().startswith("old line\nhalf\n@")
    assert " one\n@foreign\n@" in logs.read()
    assert logs.read().endswith(" two\n")


def test_files_are_as_those_of_svlogd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full file gets the time as its name and is marked complete; only the newest of these stay."""
    monkeypatch.setattr(files, "BYTES", 100)
    logs = Logs(tmp_path)
    copying = logs.begin(keep=2)
    for line in entries(["x" * 60] * 6):
        copying.take(line)
    folder = tmp_path / UNITS[0]
    *older, current = sorted(path.name for path in folder.iterdir())
    assert current == "current"
    assert len(older) == 2
    assert all(len(name) == 27 and name.endswith(".s") for name in older)
    assert {stat.S_IMODE((folder / name).stat().st_mode) for name in older} == {0o744}
    assert stat.S_IMODE((folder / "current").stat().st_mode) == 0o644
    copying.close()
    assert stat.S_IMODE((folder / "current").stat().st_mode) == 0o744
    assert len(logs.texts()) == 3


@pytest.mark.parametrize("kind", ["link", "fifo", "folder"])
def test_no_name_leads_elsewhere(tmp_path: Path, kind: str) -> None:
    """A link, a pipe or a directory in the place of the log is taken aside, and not written to."""
    logs = Logs(tmp_path)
    place, other = tmp_path / UNITS[0] / "current", tmp_path / "other"
    other.write_text("mine\n")
    if kind == "link":
        place.symlink_to(other)
    elif kind == "fifo":
        os.mkfifo(place)
    else:
        place.mkdir()
    copying = logs.begin()
    copying.take(entry(1, "one"))
    copying.close()
    assert other.read_text() == "mine\n"
    assert logs.read().endswith(" one\n")


def test_a_state_that_is_no_state(tmp_path: Path) -> None:
    """A damaged state is as none: the copying begins again."""
    logs = Logs(tmp_path)
    for text in ("", "[]", '{"cursor": "--vacuum", "marks": {}}', '{"cursor": "s=1;i=1", "marks": {"a": 5}}'):
        (tmp_path / "home/journal").write_text(text)
        assert logs.cursor() == ""
        logs.begin().close()


def test_a_shorter_file_is_no_fault(tmp_path: Path) -> None:
    """Where somebody has emptied the log, the next entry is its first line."""
    logs = Logs(tmp_path)
    copying = logs.begin()
    copying.take(entry(1, "one"))
    copying.save()
    os.truncate(tmp_path / UNITS[0] / "current", 0)
    copying = logs.begin()
    copying.take(entry(2, "two"))
    copying.close()
    assert logs.texts() == ["two"]


def test_a_directory_that_is_gone(tmp_path: Path) -> None:
    """A directory that was removed is an error: root makes it again when systemd starts this again."""
    folder = tmp_path / "gone"
    folder.mkdir()
    directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    folder.rmdir()
    with pytest.raises(FileNotFoundError):
        LogFile(directory, keep=1)


@pytest.mark.program("svlogd")
def test_svlogd_and_this_go_on_with_the_same_file(tmp_path: Path) -> None:
    """From systemd to runit and back: the lines are in one file, which nobody takes for one that is not complete."""
    logs = Logs(tmp_path)
    copying = logs.begin()
    copying.take(entry(1, "one"))
    copying.close()
    program = shutil.which("svlogd") or ""
    subprocess.run([program, "-t", str(tmp_path / UNITS[0])], input=b"by svlogd\n", check=True, timeout=60)
    copying = logs.begin()
    copying.take(entry(2, "two"))
    copying.close()
    assert logs.texts() == ["one", "by svlogd", "two"]
    assert {path.name for path in (tmp_path / UNITS[0]).iterdir()} - {"lock"} == {"current"}
