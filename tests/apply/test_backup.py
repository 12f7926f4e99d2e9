"""Files that somebody else wrote: copied before they are replaced."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tests.apply.kit import Bench, look


def test_a_foreign_file_is_kept(bench: Bench) -> None:
    """A file the engine did not make is copied before it is replaced, and a message says where."""
    bench.foreign("/etc/t", "by hand\n", 0o644)
    bench.template("/etc/t", "text\n")
    bench.apply("/etc/t")
    assert bench.kept() == {"/etc/t": "by hand\n"}
    (note,) = bench.notes
    assert note.startswith("/etc/t was not made by e-smith; a backup copy is /var/lib/e-smith/kept/etc/t.")
    copy = bench.path / note.rpartition(" ")[2].lstrip("/")
    assert look(copy) == ("file", b"by hand\n", 0o600)


def test_an_edited_file_is_kept(bench: Bench) -> None:
    """A file that was edited since the last expansion is copied too; one that was not is just replaced."""
    bench.template("/etc/t", "one\n")
    bench.apply("/etc/t")
    bench.template("/etc/t", "two\n")
    bench.apply("/etc/t")
    assert bench.kept() == {}
    bench.file("/etc/t").write_text("edited\n")
    assert bench.apply("/etc/t") == ["/etc/t: replace"]
    assert bench.kept() == {"/etc/t": "edited\n"}
    assert "was edited by hand" in bench.notes[0]
    assert look(bench.file("/etc/t")) == ("file", b"two\n", 0o644)


def test_an_edit_that_keeps_size_and_time_is_noticed(bench: Bench) -> None:
    """An edit that keeps length and modification time is still noticed."""
    bench.template("/etc/t", "one\n")
    bench.apply("/etc/t")
    place = bench.file("/etc/t")
    status = place.stat()
    copy = place.with_name("copy")
    copy.write_text("ONE\n")
    os.utime(copy, ns=(status.st_atime_ns, status.st_mtime_ns))
    copy.rename(place)
    assert bench.apply("/etc/t") == ["/etc/t: replace"]
    assert bench.kept() == {"/etc/t": "ONE\n"}


def test_an_edit_to_what_it_becomes_is_no_edit(bench: Bench) -> None:
    """A file edited by hand to exactly what it should be is neither kept nor rewritten."""
    bench.template("/etc/t", "one\n")
    bench.apply("/etc/t")
    bench.file("/etc/t").write_text("two\n")
    bench.template("/etc/t", "two\n")
    assert bench.apply("/etc/t") == []
    assert (bench.kept(), bench.notes) == ({}, [])


def test_a_removed_file_is_made_again(bench: Bench) -> None:
    """A file that was removed by hand is created again, and there is nothing to keep."""
    bench.template("/etc/t", "one\n")
    bench.apply("/etc/t")
    bench.file("/etc/t").unlink()
    assert bench.apply("/etc/t") == ["/etc/t: create"]
    assert (bench.kept(), bench.notes) == ({}, [])


@pytest.mark.parametrize("edited", [True, False], ids=["edited", "as installed"])
def test_removal_keeps_what_was_edited(bench: Bench, edited: bool) -> None:
    """A file to be removed is copied when somebody edited it."""
    bench.template("/etc/t", "one\n")
    bench.apply("/etc/t")
    if edited:
        bench.file("/etc/t").write_text("edited\n")
    bench.template("/etc/t", "one\n", 'delete-when = "true"')
    assert bench.apply("/etc/t") == ["/etc/t: remove"]
    assert bench.kept() == ({"/etc/t": "edited\n"} if edited else {})


def test_every_version_is_kept(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files kept within one second do not replace each other."""
    monkeypatch.setattr("time.strftime", lambda *_: "20300101-000000")
    bench.template("/etc/t", "text\n")
    for number in range(3):
        bench.file("/etc/t").write_text(f"edit {number}\n")
        bench.apply("/etc/t")
    folder = Path(bench.layout.state, "kept/etc")
    assert sorted(place.read_text() for place in folder.iterdir()) == ["edit 0\n", "edit 1\n", "edit 2\n"]


def test_what_is_kept_is_private(bench: Bench) -> None:
    """Kept files may hold secrets: nobody but their owner may look at them or into their folder."""
    bench.foreign("/etc/t", "password\n", 0o600)
    bench.template("/etc/t", "text\n")
    old = os.umask(0)
    try:
        bench.apply("/etc/t")
    finally:
        os.umask(old)
    folder = Path(bench.layout.state, "kept/etc")
    (copy,) = folder.iterdir()
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) & 0o077 == 0


def test_nothing_is_replaced_that_cannot_be_kept(bench: Bench) -> None:
    """When the old file cannot be kept, it is not replaced."""
    bench.foreign("/etc/t", "by hand\n")
    Path(bench.layout.state).mkdir(parents=True, exist_ok=True)
    Path(bench.layout.state, "kept").write_text("in the way\n")
    bench.template("/etc/t", "text\n")
    with pytest.raises(Exception, match="kept"):
        bench.apply("/etc/t")
    assert look(bench.file("/etc/t")) == ("file", b"by hand\n", 0o644)
