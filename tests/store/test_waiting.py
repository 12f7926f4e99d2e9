"""Writers wait for one another: they say for whom, and not for good."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from esmith.errors import BusyError, ExitCode, StoreError
from esmith.store import waiting
from esmith.store.flat.file import FlatFile
from esmith.store.lmdb.data_file import DataFile
from esmith.store.locks import EVENT, MOST, WRITER, RangeLock, try_flock
from esmith.store.waiting import WriterBusyError, describe
from tests.commands import TIMEOUT_SECONDS, Root
from tests.events.kit import eventually
from tests.store.stores import (
    AUTHOR,
    contents,
    data_file,
    last_revision,
    opened,
    put,
    release,
    shared_root,
    start_child,
    wait_ready,
)

#: Runs a command whose patience is shorter.
_IMPATIENT = """\
import sys
from esmith.store import waiting
waiting.WRITE_TIMEOUT = 1.5
sys.argv = sys.argv[1:]
from esmith.cli.db import config_main, main
from esmith.cli.esmith import main as esmith_main
{"config": config_main, "db": main, "esmith": esmith_main}[sys.argv[0]]()
"""


def impatient(root: Root, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command that waits for another writer only a moment longer than until it says so."""
    return subprocess.run(
        [sys.executable, "-c", _IMPATIENT, *words],
        env={**os.environ, "ESMITH_ROOT": str(root.path)},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )


@pytest.fixture
def bare(tmp_path: Path) -> Root:
    """Return a root with one record."""
    return shared_root(tmp_path / "root")


@pytest.fixture
def holder(bare: Root) -> Iterator[subprocess.Popen[bytes]]:
    """Give a process that has changed something and not committed it."""
    with start_child("hold", str(bare.path), "600") as child:
        try:
            wait_ready(child)
            release(child)
            yield child
        finally:
            child.kill()


@pytest.mark.parametrize("stopped", [False, True])
def test_a_writer_gives_up(bare: Root, holder: subprocess.Popen[bytes], stopped: bool) -> None:
    """Behind one who writes for too long or was stopped, setprop says for whom it waits, and gives up with the cure.

    It has stored nothing, and reading goes on.
    """
    if stopped:
        holder.send_signal(signal.SIGSTOP)
    done = impatient(bare, "db", "t", "setprop", "shared", "a", "b")
    assert done.returncode == ExitCode.BUSY
    lines = done.stderr.splitlines()
    assert [line for line in lines if "waiting for" in line] == lines[:1]
    assert f"(process {holder.pid}) to end" in lines[0]
    assert f"(process {holder.pid}) has been writing for more than 1.5 seconds" in lines[1]
    cure = f"kill -CONT {holder.pid}" if stopped else f"end it with: kill {holder.pid}"
    assert cure in lines[2]
    assert lines[-1].strip() == "nothing was changed"
    assert bare.db("t", "show").out.splitlines() == ["shared=v"]


def test_a_killed_writer_is_not_waited_for(bare: Root, holder: subprocess.Popen[bytes]) -> None:
    """When the writer is killed, also while it is stopped, the next one goes on at once."""
    holder.send_signal(signal.SIGSTOP)
    holder.kill()
    holder.wait(TIMEOUT_SECONDS)
    answer = bare.db("t", "setprop", "shared", "a", "b")
    assert answer.err == ""
    assert bare.db("t", "getprop", "shared", "a").out == "b\n"


def test_a_short_wait_is_not_reported(bare: Root, tmp_path: Path) -> None:
    """Who waits for a moment only says nothing, and stores its change after the other one's."""
    errors = tmp_path / "errors"
    with opened(bare.path) as store:
        with store.transaction(AUTHOR) as transaction:
            transaction.set_type("t", "mine", "v")
            child = start_child("write", str(bare.path), "writer", "1", errors=errors)
            wait_ready(child)
            release(child)
        assert child.wait(TIMEOUT_SECONDS) == 0
        assert last_revision(store) == 3
        assert {record.key for record in contents(store)["t"]} == {"mine", "shared"}
    child.communicate()
    assert "Traceback" not in errors.read_text()


@pytest.mark.program("Text::Template")
def test_a_migrate_fragment_that_sleeps(root: Root) -> None:
    """Behind a Perl migrate fragment that does not end, setprop says which command it is, and gives up."""
    go = root.file("/go")
    fragment = root.file("/etc/e-smith/db/configuration/migrate/10sleeps")
    fragment.parent.mkdir(parents=True, exist_ok=True)
    begun = root.file("/begun")
    fragment.write_text(
        f"{{ open(my $f, '>', '{begun}'); close($f);"
        f" my $n = 0; while (! -e '{go}' && $n++ < 1200) {{ select(undef, undef, undef, 0.05); }} '' }}\n"
    )
    command = [str(root.file("/sbin/e-smith/esmith")), "initialize-databases"]
    environment = {**os.environ, "ESMITH_ROOT": str(root.path)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as slow:
        try:
            eventually(begun.exists, "the fragment runs")
            done = impatient(root, "config", "setprop", "qpsmtpd", "DNSBL", "enabled")
        finally:
            go.touch()
            assert slow.wait(TIMEOUT_SECONDS) == 0
    assert done.returncode == ExitCode.BUSY
    assert f"esmith initialize-databases (process {slow.pid})" in done.stderr
    assert root.config("getprop", "qpsmtpd", "DNSBL").out != "enabled\n"


@pytest.mark.parametrize("work", ["undo", "reserve", "erase"])
def test_everything_that_writes_gives_up(
    bare: Root, holder: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch, work: str
) -> None:
    """Transactions, the space that an event reserves and what "esmith forget" overwrites wait in the same way."""
    monkeypatch.setattr(waiting, "WRITE_TIMEOUT", 0.1)
    with opened(bare.path) as store:
        jobs: dict[str, Callable[[], object]] = {
            "undo": lambda: store.transaction(AUTHOR).__enter__(),
            "reserve": lambda: store.reserve(1000, 1),
            "erase": lambda: store.erase(["a secret"]),
        }
        with pytest.raises(WriterBusyError) as caught:
            jobs[work]()
    assert isinstance(caught.value, BusyError)
    assert isinstance(caught.value, StoreError)
    assert caught.value.place == str(data_file(bare))
    assert holder.poll() is None


def test_a_commit_behind_who_verifies(bare: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """A transaction that cannot commit, because a process that verifies the file was stopped, stores nothing."""
    with opened(bare.path) as store:
        verifier = data_file(bare).open("rb")
        with verifier, monkeypatch.context() as patch:
            patch.setattr(waiting, "WRITE_TIMEOUT", 0.1)
            assert waiting.flock_holder(str(data_file(bare))) is None
            assert try_flock(verifier.fileno())
            assert waiting.flock_holder(str(data_file(bare))) == os.getpid()
            with pytest.raises(WriterBusyError):
                put(store, "t", "second", "v")
            with pytest.raises(WriterBusyError):
                DataFile(str(data_file(bare))).require_sound(thorough=True)
        put(store, "t", "third", "v")
        assert {record.key for record in contents(store)["t"]} == {"shared", "third"}


def test_a_flat_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer of a flat file says which process it waits for, and gives up; the file is as it was."""
    file = tmp_path / "flat"
    file.write_text("a=v\n")
    store = FlatFile(str(file))
    monkeypatch.setattr(waiting, "WRITE_TIMEOUT", 0.1)
    with store.transaction(AUTHOR), pytest.raises(WriterBusyError) as caught:
        store.transaction(AUTHOR).__enter__()
    assert caught.value.place == str(file)
    assert f"(process {os.getpid()})" in caught.value.message
    assert file.read_text() == "a=v\n"
    with store.transaction(AUTHOR) as transaction:
        transaction.set_type(str(file), "b", "v")
    assert "b=v\n" in file.read_text()


def test_the_lock_of_a_range(tmp_path: Path) -> None:
    """A lock has one holder at a time, whose label others read, whatever else is locked or closed of the file."""
    file = tmp_path / "data"
    file.write_bytes(b"x")
    first, second = RangeLock(str(file), WRITER), RangeLock(str(file), WRITER)
    assert first.find_label() is None
    for label in (0, 1, os.getpid(), MOST - 1):
        assert first.take(label)
        assert not second.take(1)
        file.open("r+b").close()
        assert second.find_label() == label
        other = RangeLock(str(file), EVENT)
        assert other.find_label() is None
        assert other.take(7)
        assert second.find_label() == label
        other.release()
        first.release()
        assert second.find_label() is None
    assert second.take(5)
    assert file.read_bytes() == b"x"
    second.release()
    second.release()


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (
            ["/usr/bin/python3.11", "-ISXutf8", "/sbin/e-smith/config", "setprop", "ldap", "Password", "x"],
            "config setprop",
        ),
        (["/usr/bin/python3", "-IXutf8", "-m", "esmith", "--root", "/r", "recover"], "esmith"),
        (["python3", "-ISXutf8", "/sbin/e-smith/signal-event", "user-modify", "alice"], "signal-event user-modify"),
        (["python3", "-ISXutf8", "/sbin/e-smith/db", "/etc/Secret", "set"], "db"),
        (["python3", "-I", "/usr/sbin/esmith-perl-server", "/usr/bin/own-script"], "own-script"),
        (["python3", "-c", "import x"], "python3"),
        (["/usr/bin/\x1b[2J"], "\\x1b[2J"),
        ([], "another command"),
    ],
)
def test_how_a_process_is_named(monkeypatch: pytest.MonkeyPatch, words: list[str], shown: str) -> None:
    """A process is named by its program and the verb: no value, which may be a secret, and nothing unprintable."""
    monkeypatch.setattr(waiting, "_words", lambda _process: words)
    assert describe(123) == f"{shown} (process 123)"
    assert describe(None) == "another command"
