"""Databases that were copied while an event ran, restored on the same machine and on another, with kept files or not.

The event is a process that is stopped (SIGSTOP) after it has installed its files, when the copy is made as
docs/concepts.md describes it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from esmith.apply import origin
from esmith.events.recover import recover_all
from esmith.layout import Layout
from tests.commands import Root, copy_tree
from tests.events.kit import Killed, Scene, eventually, make_event, start
from tests.store.stores import data_file

PEERS = "/var/service/qpsmtpd/config/peers/0"
LOCAL = "/var/qmail/control/concurrencylocal"
STATE = "/var/lib/e-smith"
GENERATIONS = f"{STATE}/generations"
EVENT = "own"
ACTION = f"/etc/e-smith/events/{EVENT}/S50stop"
#: The action stops the event, its parent, and waits until that goes on: it must not end while a copy is made.
STOP = '#!/bin/sh\nkill -STOP $PPID\ntouch "$ESMITH_ROOT/stopped"\n'


class Halted:
    """An event that is stopped between the install of its files and its end.

    :param root: its root.
    :param backup: the folder for copies.
    """

    def __init__(self, root: Root, backup: Path) -> None:
        self.root = root
        self._backup = backup
        root.write(ACTION, STOP, mode=0o755)
        self._event = start(root, "signal-event", EVENT, errors=backup.with_name("errors"))
        eventually(root.file("/stopped").exists, "the action runs")
        eventually(self._is_stopped, "the event is stopped")
        root.file(ACTION).unlink()
        root.file("/stopped").unlink()

    def copy(self) -> None:
        """Copy the databases as docs/concepts.md says, and the rest of the engine's state as any backup does."""
        source, copy = str(data_file(self.root).parent), str(self._backup / "db")
        command = [sys.executable, "-I", "-m", "lmdb", "copy", "-e", source, copy]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        copy_tree(self.root.file(STATE), self._backup / "state")

    def ends(self, number: signal.Signals) -> None:
        """Let the event end.

        :param number: SIGCONT to let it go on, SIGKILL to kill it.
        """
        self._event.send_signal(number)
        self._event.wait(60)

    def restore(self, root: Root, *paths: str) -> None:
        """Restore the copy of the databases, and of parts of the engine's state.

        :param paths: names below the directory of the state; "." for all of it.
        """
        shutil.copy(self._backup / "db" / "data.mdb", data_file(root))
        for path in paths:
            target = root.file(STATE) / path
            shutil.rmtree(target, ignore_errors=True)
            copy_tree(self._backup / "state" / path, target)

    def _is_stopped(self) -> bool:
        status = Path(f"/proc/{self._event.pid}/stat").read_text()
        return status.rpartition(")")[2].split()[0] == "T"


@pytest.fixture
def halted(office: Root, tmp_path: Path) -> Iterator[Halted]:
    """Return an event that is stopped; the copy of what it is in the midst of is made."""
    make_event(office.path, EVENT, templates=f"{LOCAL}\n{PEERS}\n")
    office.config("setprop", "qmail", "ConcurrencyLocal", "5")
    office.signal(EVENT)
    office.config("setprop", "qmail", "ConcurrencyLocal", "7")
    office.config("setprop", "qpsmtpd", "DNSBL", "enabled")
    (tmp_path / "backup").mkdir()
    event = Halted(office, tmp_path / "backup")
    event.copy()
    yield event
    event.ends(signal.SIGKILL)


def later(root: Root) -> None:
    """Change a file that the stopped event has installed, by a later event."""
    root.config("setprop", "qmail", "ConcurrencyLocal", "9")
    root.signal(EVENT)
    assert root.read(LOCAL) == "9\n"


def another(root: Root, place: Path) -> Root:
    """Return another machine, which is set up, with files that were made there."""
    copy_tree(root.path, place)
    other = Root(place)
    shutil.rmtree(other.file(STATE))
    shutil.rmtree(data_file(other).parent)
    other.esmith("init", "--domain", "example.com", "--name", "mail")
    other.config("setprop", "qmail", "ConcurrencyLocal", "11")
    other.signal(EVENT)
    assert other.read(LOCAL) == "11\n"
    return other


@contextmanager
def unchanged_files(root: Root) -> Iterator[None]:
    """Assert that no file is another one afterwards."""
    before = root.snapshot("/etc", "/var/qmail", "/var/service")
    yield
    assert root.snapshot("/etc", "/var/qmail", "/var/service") == before


def assert_is_over(root: Root) -> None:
    """Assert that what was reported is not reported again, and that the files are those of the settings."""
    assert root.esmith("recover").out == "nothing was left undone\n"
    assert "interrupted" not in root.esmith("status", "-v", code=None).out
    root.signal(EVENT)
    assert root.read(LOCAL) == "7\n"
    assert root.config("getprop", "qmail", "ConcurrencyLocal").out == "7\n"


def test_same_machine_without_kept_files(halted: Halted) -> None:
    """The kept files of the machine say that the event was completed: nothing is restored, and a message says why."""
    root = halted.root
    halted.ends(signal.SIGCONT)
    later(root)
    halted.restore(root)
    with unchanged_files(root):
        printed = root.esmith("recover").out
    assert "recorded as interrupted, but it was completed after this copy of the databases was made" in printed
    assert f"{LOCAL}" in printed
    assert_is_over(root)


def test_same_machine_after_the_kept_files_were_removed(halted: Halted) -> None:
    """The event has failed after the copy, so its kept files are gone: nothing is restored, and a message says so."""
    root = halted.root
    halted.ends(signal.SIGKILL)
    root.esmith("recover")
    later(root)
    later_ones = root.read(PEERS)
    halted.restore(root)
    with unchanged_files(root):
        printed = root.esmith("recover").out
    assert "recorded as interrupted, but its old files are not kept any more" in printed
    assert root.read(PEERS) == later_ones
    assert_is_over(root)


@pytest.mark.parametrize("parts", [("generations",), (".",)], ids=["generations", "all"])
def test_same_machine_with_kept_files(halted: Halted, parts: tuple[str, ...]) -> None:
    """All is as after a crash, so the old files are restored; a newer file is copied first, and a message says so."""
    root = halted.root
    halted.ends(signal.SIGCONT)
    later(root)
    halted.restore(root, *parts)
    printed = root.esmith("recover").out
    assert "signal-event own was interrupted; the old content of" in printed
    assert f"{LOCAL} was changed since it was installed; a backup copy is {STATE}/kept{LOCAL}." in printed
    assert root.read(LOCAL) == "5\n"
    (copy,) = root.file(f"{STATE}/kept{LOCAL}").parent.glob("concurrencylocal.*")
    assert copy.read_text() == "9\n"
    assert_is_over(root)


@pytest.mark.parametrize("parts", [(), ("generations",)], ids=["databases", "generations"])
def test_another_machine(halted: Halted, tmp_path: Path, parts: tuple[str, ...]) -> None:
    """On another machine nothing of the event is restored, with its kept files or without, and a message says why."""
    halted.ends(signal.SIGCONT)
    other = another(halted.root, tmp_path / "other")
    halted.restore(other, *parts)
    with unchanged_files(other):
        printed = other.esmith("recover").out
    assert "recorded as interrupted, but the databases are a copy from another machine" in printed
    assert LOCAL in printed
    assert_is_over(other)


def test_another_machine_signals_first(halted: Halted, tmp_path: Path) -> None:
    """The next event says the same, and makes the files from the settings of the copy."""
    halted.ends(signal.SIGCONT)
    other = another(halted.root, tmp_path / "other")
    halted.restore(other)
    assert "the databases are a copy from another machine" in other.signal(EVENT).err
    assert other.read(LOCAL) == "7\n"
    assert other.signal(EVENT).err == ""


def test_a_rollback_to_files_that_are_not_there(halted: Halted, tmp_path: Path) -> None:
    """On another machine a rollback to a generation of the copy is refused before anything is changed."""
    halted.ends(signal.SIGCONT)
    other = another(halted.root, tmp_path / "other")
    halted.restore(other)
    other.esmith("recover")
    with unchanged_files(other):
        answer = other.esmith("rollback", code=5)
    assert "cannot be taken back: the databases are a copy from another machine" in answer.err
    assert "nothing was changed" in answer.err
    assert other.config("getprop", "qmail", "ConcurrencyLocal").out == "7\n"


def test_a_crash(halted: Halted) -> None:
    """An event that was killed is taken back, without any remark about copies."""
    root = halted.root
    halted.ends(signal.SIGKILL)
    printed = root.esmith("recover").out.splitlines()
    assert len(printed) == 1
    assert printed[0].startswith("signal-event own was interrupted; the old content of ")
    assert root.read(LOCAL) == "5\n"
    assert "enabled" not in root.config("getprop", "qpsmtpd", "RHSBL").out
    assert_is_over(root)


def test_an_image_of_the_whole_disk(halted: Halted, tmp_path: Path) -> None:
    """A copy of everything at one moment is like a crash, wherever it is started: the event is taken back."""
    copy_tree(halted.root.path, tmp_path / "image")
    halted.ends(signal.SIGCONT)
    image = Root(tmp_path / "image")
    printed = image.esmith("recover").out.splitlines()
    assert len(printed) == 1
    assert printed[0].startswith("signal-event own was interrupted; the old content of ")
    assert image.read(LOCAL) == "5\n"
    assert_is_over(image)


def interrupted(scene: Scene) -> None:
    """Leave an event of which only the end is missing."""
    with pytest.MonkeyPatch.context() as patch:
        scene.give_reader()
        scene.set("configuration", "A", "setting", value="second")
        patch.setattr("esmith.events.installation.finish", _killed)
        patch.setattr("esmith.events.installation.Installation._restore", lambda *_: None)
        with pytest.raises(Killed):
            scene.signal()


def _killed(*_arguments: object, **_named: object) -> None:
    raise Killed


def test_after_a_reboot(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine went down in an event: it is taken back although another boot of the kernel runs."""
    interrupted(scene)
    monkeypatch.setattr(origin, "boot", lambda: "another")
    recover_all(scene.session())
    assert scene.file("/etc/t").read_text() == "first\n"
    assert "was interrupted; the old content of 1 file was restored" in scene.notes[-2] + scene.notes[-1]


@pytest.mark.parametrize(("before", "after", "is_restored"), [("a", "b", False), ("a", "a", True), ("", "", True)])
def test_the_id_of_the_system(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, before: str, after: str, *, is_restored: bool
) -> None:
    """Of a machine all of whose state was copied, the id of the system says whether it is the same one."""
    monkeypatch.setattr(Layout, "is_machine", property(lambda _: True))
    monkeypatch.setattr(origin, "_system_id", lambda: before)
    interrupted(scene)
    monkeypatch.setattr(origin, "_system_id", lambda: after)
    recover_all(scene.session())
    assert scene.file("/etc/t").read_text() == ("first\n" if is_restored else "second\n")


def test_an_id_that_every_boot_changes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An id that is mounted over the file for one boot (machine-id(5)) says nothing about the machine."""
    (tmp_path / "machine-id").write_text("one\n")
    monkeypatch.setattr(origin, "_MACHINE_ID", str(tmp_path / "machine-id"))
    assert origin._system_id() == "one"
    real = os.stat

    def mounted(path: str) -> os.stat_result:
        status = real(path)
        if path.endswith("machine-id"):
            return os.stat_result((*status[:2], status.st_dev + 1, *status[3:]))
        return status

    monkeypatch.setattr(os, "stat", mounted)
    assert origin._system_id() == ""


def test_a_machine_has_its_name_from_init(root: Root) -> None:
    """``esmith init`` gives a root a name of its own once, readable only for its owner."""
    place = root.file(f"{STATE}/machine")
    name = place.read_text()
    assert len(name.strip()) == 16
    assert place.stat().st_mode & 0o777 == 0o600
    root.esmith("init")
    assert place.read_text() == name
