"""Roots that may not be written or read: a clear message, the exit code, nothing lost."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from esmith.errors import ExitCode
from tests.commands import TIMEOUT_SECONDS, Root, copy_file
from tests.store.stores import data_file
from tests.unchecked import without_unchecked

pytestmark = pytest.mark.program("setpriv")


def powerless() -> list[str]:
    """Return the words before a command that take from root the right to ignore modes; nobody else has it."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]


@contextmanager
def modes(root: Root, changes: dict[str, int]) -> Iterator[None]:
    """Give files and directories of a root other modes for a while."""
    before = {path: root.file(path).stat().st_mode for path in changes}
    for path, mode in changes.items():
        root.file(path).chmod(mode)
    try:
        yield
    finally:
        for path, mode in before.items():
            root.file(path).chmod(mode)


def run(root: Root, program: str, *words: str) -> tuple[int, str, str]:
    """Run a command that has to respect modes; return its exit code and what it printed."""
    done = subprocess.run(
        [*powerless(), str(root.path / "sbin/e-smith" / program), *words],
        capture_output=True,
        env={**os.environ, "ESMITH_ROOT": str(root.path)},
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    out, err = done.stdout.decode(), without_unchecked(done.stderr.decode())
    assert "Traceback" not in err, err
    # A message and its cure; that of a damaged file has four lines.
    assert len(err.splitlines()) <= 5, err
    return done.returncode, out, err


DATABASE = "/home/e-smith/db"
GETPROP = ("config", "getprop", "qpsmtpd", "DNSBL")
SETPROP = ("config", "setprop", "qpsmtpd", "DNSBL", "enabled", "RHSBL", "enabled")

#: Modes of the store, and which commands must fail; those that do not must do their work.
CASES = [
    pytest.param({f"{DATABASE}/data.mdb": 0}, [GETPROP, SETPROP], id="data file unreadable"),
    pytest.param({f"{DATABASE}/data.mdb": 0o400}, [SETPROP], id="data file read-only"),
    pytest.param({f"{DATABASE}/lock.mdb": 0}, [GETPROP, SETPROP], id="lock file unreadable"),
    pytest.param({f"{DATABASE}/lock.mdb": 0o400}, [GETPROP, SETPROP], id="lock file read-only"),
    pytest.param({DATABASE: 0}, [GETPROP, SETPROP], id="directory closed"),
    pytest.param({DATABASE: 0o500}, [], id="directory read-only"),
    pytest.param({"/home/e-smith": 0}, [GETPROP, SETPROP], id="directory above closed"),
]


@pytest.mark.parametrize(("changes", "failing"), CASES)
def test_the_store(root: Root, changes: dict[str, int], failing: list[tuple[str, ...]]) -> None:
    """Without permission a command exits with the store's code, says so and who may; the values are kept."""
    with modes(root, changes):
        for command in (GETPROP, SETPROP):
            code, _, err = run(root, *command)
            if command in failing:
                assert code == ExitCode.STORE
                assert "permission denied" in err
                assert "run the command as root, or as the owner" in err
            else:
                assert (code, err) == (0, "")
    stored = "enabled" if SETPROP not in failing else "disabled"
    assert root.config("getprop", "qpsmtpd", "DNSBL").out == f"{stored}\n"
    assert root.config("getprop", "qpsmtpd", "RHSBL").out == f"{stored}\n"


def test_a_directory_without_a_lock_file_that_may_not_be_written(root: Root) -> None:
    """Where the lock file is missing and may not be made, reading and writing are refused."""
    data_file(root).with_name("lock.mdb").unlink()
    with modes(root, {DATABASE: 0o500}):
        for command in (GETPROP, SETPROP):
            code, _, err = run(root, *command)
            assert code == ExitCode.STORE
            assert "permission denied" in err


@pytest.fixture(scope="module")
def owned(_fresh: Path, tmp_path_factory: pytest.TempPathFactory) -> Root:
    """Return a root whose files were all made by somebody who has no rights but those of an owner.

    It is shared, not copied: nobody but root could copy the files that are closed to everybody.
    """
    path = tmp_path_factory.mktemp("owned") / "root"
    shutil.copytree(_fresh, path, symlinks=True)
    root = Root(path)
    assert run(root, "signal-event", "email-update")[::2] == (0, "")
    return root


@pytest.mark.parametrize("place", ["/var/qmail/control", "/var/lib/e-smith", "/etc"])
def test_an_event(owned: Root, place: str) -> None:
    """An event that may not write one of its files touches none of them, says which, and works later."""
    level = str(int(owned.config("getprop", "qpsmtpd", "LogLevel").out) % 8 + 1)
    owned.config("setprop", "qpsmtpd", "LogLevel", level)
    owned.config("setprop", "qmail", "MaxMessageSize", f"{level}000000")
    owned.config("setprop", "clamav", "MaxFileSize", f"{level}M")
    owned.file("/var/lib/e-smith/event.lock").unlink(missing_ok=True)
    before = owned.snapshot("/etc", "/var/qmail", "/var/service/qpsmtpd/config")
    with modes(owned, {place: 0o500}):
        code, out, err = run(owned, "signal-event", "email-update")
    assert code == ExitCode.INSTALL
    assert str(owned.file(place)) in err
    assert "run it as root, or as the owner" in err
    assert out == ""
    assert owned.snapshot("/etc", "/var/qmail", "/var/service/qpsmtpd/config") == before
    assert run(owned, "signal-event", "email-update")[::2] == (0, "")
    assert owned.read("/var/qmail/control/databytes") == f"{level}000000\n"
    assert owned.lines("/var/service/qpsmtpd/config/loglevel")[-1] == level


def test_an_event_by_somebody_who_is_not_root(owned: Root) -> None:
    """Who owns the root folder may signal events again and again, also over files that are closed to everybody."""
    owned.config("setprop", "qpsmtpd", "access", "private")
    assert run(owned, "signal-event", "email-update")[::2] == (0, "")
    closed = owned.file("/var/service/qpsmtpd/peers/0")
    assert closed.stat().st_mode & 0o777 == 0
    inode = closed.stat().st_ino
    assert run(owned, "signal-event", "email-update")[::2] == (0, "")
    assert closed.stat().st_ino == inode, "an unchanged file is not rewritten"


@pytest.fixture
def closed(root: Root) -> Path:
    """Return a generated file of mode 0000, which was installed by somebody who may not read it himself."""
    root.write("/etc/e-smith/templates/etc/closed", "{{ qpsmtpd.LogLevel }}\n", shipped=True)
    root.write("/etc/e-smith/templates/etc/template.toml", 'mode = "0000"\n', shipped=True)
    root.write("/etc/e-smith/events/try/templates2expand", "/etc/closed\n")
    assert run(root, "signal-event", "try")[0] == 0
    return root.file("/etc/closed")


def _differing(root: Root) -> dict[str, str]:
    """Return the lines of ``esmith status`` about files that were changed by hand."""
    code, out, _ = run(root, "esmith", "status", "--json")
    assert code in (ExitCode.OK, ExitCode.PENDING)
    found: dict[str, str] = json.loads(out)["files"]["differing"]
    return found


def test_a_file_that_may_not_be_read(root: Root, closed: Path) -> None:
    """What cannot be compared is judged by size and time: the same is not reported, and is not written again."""
    assert _differing(root) == {}
    inode = closed.stat().st_ino
    assert run(root, "signal-event", "try")[0] == 0
    assert closed.stat().st_ino == inode
    status = closed.stat()
    os.utime(closed, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert _differing(root) == {"/etc/closed": "cannot be read: Permission denied"}


def test_a_file_that_may_not_be_read_in_a_copy_of_the_root(root: Root, closed: Path) -> None:
    """A copy of a root has other inodes; its closed files count as they were by their size and time."""
    copy = closed.with_name("copy")
    copy_file(str(closed), str(copy))
    copy.rename(closed)
    assert _differing(root) == {}
    other = closed.with_name("other")
    other.write_text("longer than it was\n")
    status = closed.stat()
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.chmod(0)
    other.rename(closed)
    assert _differing(root) == {"/etc/closed": "cannot be read: Permission denied"}


@pytest.mark.root("only root may give files away")
def test_a_file_of_another_user_that_may_not_be_read(root: Root, closed: Path) -> None:
    """A closed file that is somebody else's is not replaced unseen: the event says so and leaves it."""
    closed.unlink()
    closed.write_text("of another\n")
    closed.chmod(0)
    os.chown(closed, 12345, 12345)
    code, _, err = run(root, "signal-event", "try")
    assert code == ExitCode.INSTALL
    assert str(closed) in err
    assert "run it as root, or as the owner" in err
    assert closed.stat().st_uid == 12345
    assert closed.read_text() == "of another\n"


def test_init_where_nothing_may_be_made(tmp_path: Path, root: Root) -> None:
    """``esmith init`` of a root that may not be made or written says so."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    for path in (closed, closed / "new"):
        code, _, err = run(root, "esmith", "--root", str(path), "init")
        assert code in (ExitCode.USAGE, ExitCode.INSTALL)
        assert "ermission denied" in err
    assert list(closed.iterdir()) == []


def test_a_foreign_user(root: Root) -> None:
    """The databases, which hold passwords, are closed to other users; a file of another user is not opened."""
    if os.geteuid() == 0:
        os.chown(data_file(root), 12345, 12345)
        code, _, err = run(root, *GETPROP)
        assert code == ExitCode.UNTRUSTED
        assert f"{data_file(root)}: belongs to the user 12345" in err
        assert f"chown root: {data_file(root)}" in err
    assert data_file(root).stat().st_mode & 0o077 == 0
