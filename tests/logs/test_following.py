"""Following the journal: how journalctl is called, the end by a signal, and what root prepares."""

from __future__ import annotations

import os
import pwd
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from esmith.errors import ServiceError
from esmith.layout import Layout
from esmith.logs import places
from esmith.logs.following import arguments
from tests.logs.kit import entry

#: Follows as whoever runs it: to become another account is for root, and is tried on its own.
_FOLLOW = """
import sys
from esmith.layout import Layout
from esmith.logs import following
following.owner = lambda: None
try:
    following.follow(Layout(sys.argv[1]), ["clamd"])
except Exception as error:
    sys.exit(str(error))
"""


class Machine:
    """A root with a journalctl of the test's own.

    :param folder: where.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "root/var/log").mkdir(parents=True)
        (folder / "bin").mkdir()
        self.current = folder / "root/var/log/clamd/current"

    def journalctl(self, printed: bytes, then: str) -> None:
        """Have it print something, and then do something."""
        (self.folder / "printed").write_bytes(printed)
        program = self.folder / "bin/journalctl"
        program.write_text(f'#!/bin/sh\necho "$@" >{self.folder}/words\ncat {self.folder}/printed\n{then}\n')
        program.chmod(0o755)

    def follow(self, **variables: str) -> subprocess.Popen[str]:
        """Begin to follow."""
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        words = [sys.executable, "-c", _FOLLOW, str(self.folder / "root")]
        return subprocess.Popen(words, env={**os.environ, "PATH": path, **variables}, stderr=subprocess.PIPE, text=True)

    def wait_for(self, text: str) -> None:
        """Wait until the log ends with a text."""
        deadline = time.monotonic() + 60
        while not (self.current.exists() and self.current.read_text().endswith(text)):
            assert time.monotonic() < deadline, f"no {text!r}"
            time.sleep(0.02)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A root with a journalctl of the test's own."""
    return Machine(tmp_path)


def test_it_goes_on_where_it_was(machine: Machine) -> None:
    """Ended by TERM it exits with 0, and the next one begins after the last entry that is in the log."""
    machine.journalctl(entry(1, "one") + entry(2, "two"), "exec sleep 100")
    process = machine.follow()
    machine.wait_for(" two\n")
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    assert "--since=-1day" in (machine.folder / "words").read_text()
    machine.journalctl(entry(3, "three"), "exec sleep 100")
    process = machine.follow()
    machine.wait_for(" three\n")
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    assert "--after-cursor=s=ab;i=2;b=cd;m=1;t=2;x=3 " in (machine.folder / "words").read_text()
    assert [line[26:] for line in machine.current.read_text().splitlines()] == ["one", "two", "three"]


def test_a_journalctl_that_ends_is_a_failure(machine: Machine) -> None:
    """When journalctl ends, so does this, with what it has written; systemd starts it again."""
    machine.journalctl(entry(1, "one"), "exit 3")
    process = machine.follow()
    assert "journalctl has ended with 3" in process.communicate(timeout=60)[1]
    assert process.returncode == 1
    machine.wait_for(" one\n")
    assert ";i=1;" in (machine.folder / "root/var/log/smelog/journal").read_text()


def test_systemd_hears_when_the_logs_are_there(machine: Machine) -> None:
    """Services are started after the logs are there: a message to systemd says so."""
    machine.journalctl(b"", "exec sleep 100")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(machine.folder / "notify"))
        server.settimeout(60)
        process = machine.follow(NOTIFY_SOCKET=str(machine.folder / "notify"))
        assert server.recv(100) == b"READY=1"
    assert machine.current.exists()
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0


def test_only_what_services_print() -> None:
    """journalctl is asked for what the units print, not for what others write about them."""
    words = arguments(["a.service", "b.service"], "")
    assert words[0] == "journalctl"
    assert words[-3:] == ["_TRANSPORT=stdout", "_SYSTEMD_UNIT=a.service", "_SYSTEMD_UNIT=b.service"]
    assert "--all" in words


def _account() -> pwd.struct_passwd:
    return pwd.getpwnam("nobody")


@pytest.mark.root("only root can give a directory away")
def test_a_directory_is_made_and_given(tmp_path: Path) -> None:
    """The directory of a log belongs to the account of the logs; a link of root's is followed, one of others is not."""
    layout = Layout(str(tmp_path))
    for name in ("var/log", "elsewhere", "etc"):
        (tmp_path / name).mkdir(parents=True)
    places.open_directory(layout, "clamd", _account())
    made = (tmp_path / "var/log/clamd").stat()
    assert (made.st_uid, made.st_gid, stat.S_IMODE(made.st_mode)) == (_account().pw_uid, 0, 0o2750)
    (tmp_path / "var/log/spamd").symlink_to(tmp_path / "elsewhere")
    places.open_directory(layout, "spamd", _account())
    assert (tmp_path / "elsewhere").stat().st_uid == _account().pw_uid
    (tmp_path / "var/log/qpsmtpd").symlink_to(tmp_path / "etc")
    os.chown(tmp_path / "var/log/qpsmtpd", _account().pw_uid, -1, follow_symlinks=False)
    with pytest.raises(ServiceError, match="cannot be used for logs"):
        places.open_directory(layout, "qpsmtpd", _account())
    assert (tmp_path / "etc").stat().st_uid == 0


@pytest.mark.root("only root has rights to give up")
def test_no_rights_are_left() -> None:
    """The process that reads the journal has no right of root, and cannot get one back."""
    reader, writer = os.pipe()
    process = os.fork()
    if process == 0:
        try:
            os.close(reader)
            places.READERS = "mail"
            places.give_up_rights(_account())
            try:
                os.setresuid(0, 0, 0)
            except PermissionError:
                os.write(writer, f"{os.getresuid()} {os.getresgid()} {len(os.getgroups())}".encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        printed = pipe.read()
    os.waitpid(process, 0)
    uid, gid = _account().pw_uid, _account().pw_gid
    assert printed == f"{(uid,) * 3} {(gid,) * 3} 1"


def test_without_databases_there_are_logs(tmp_path: Path) -> None:
    """Where no database can be read a log keeps ten older files."""
    assert places.kept_files(Layout(str(tmp_path)), ["clamd"]) == {"clamd": 10}
