"""Reading the state of a service directory."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest

from esmith.errors import ServiceError
from esmith.services.directory import ServiceDirectory, decode_status
from esmith.services.model import ServiceStatus, Status

_NOW = 1_700_000_000


def _written(pid: int, want: str, *, paused: bool = False, runs: int | None = None, since: int = _NOW - 7) -> bytes:
    written = struct.pack(">QI", 2**62 + 10 + since, 5) + struct.pack("<I", pid) + bytes([paused]) + want.encode()
    return written if runs is None else written + bytes([0, runs])


@pytest.mark.parametrize(
    ("written", "status"),
    [
        (_written(42, "u"), ServiceStatus(Status.UP, 42, 7)),
        (_written(42, "u", runs=1), ServiceStatus(Status.UP, 42, 7)),
        (_written(0x01020304, "u", runs=1), ServiceStatus(Status.UP, 0x01020304, 7)),
        (_written(42, "u", paused=True), ServiceStatus(Status.PAUSED, 42, 7)),
        (_written(42, "d"), ServiceStatus(Status.ENDING, 42, 7)),
        (_written(42, "d", runs=2), ServiceStatus(Status.ENDING, None, 7)),
        (_written(42, "u", runs=2), ServiceStatus(Status.STARTING, None, 7)),
        (_written(0, "u"), ServiceStatus(Status.STARTING, None, 7)),
        (_written(0, "u", runs=0), ServiceStatus(Status.STARTING, None, 7)),
        (_written(0, "d"), ServiceStatus(Status.DOWN, None, 7)),
        (_written(0, "d", runs=0), ServiceStatus(Status.DOWN, None, 7)),
        (_written(42, "u", since=_NOW + 99), ServiceStatus(Status.UP, 42, 0)),
        (b"", ServiceStatus(Status.UNKNOWN)),
        (b"x" * 35, ServiceStatus(Status.UNKNOWN)),
    ],
)
def test_status_file(written: bytes, status: ServiceStatus) -> None:
    """Both formats are read; one that is neither is unknown, and a clock set back gives no negative time."""
    assert decode_status(written, _NOW) == status


def _directory(tmp_path: Path) -> ServiceDirectory:
    (tmp_path / "x" / "supervise").mkdir(parents=True)
    return ServiceDirectory(str(tmp_path / "x"))


def test_a_fifo_that_nobody_reads_is_no_supervisor(tmp_path: Path) -> None:
    """A supervisor that was killed leaves its folder behind, which must not be mistaken for a live one."""
    directory = _directory(tmp_path)
    os.mkfifo(tmp_path / "x" / "supervise" / "ok")
    (tmp_path / "x" / "supervise" / "status").write_bytes(_written(42, "u"))
    assert not directory.is_supervised()
    assert directory.status() == ServiceStatus(Status.UNSUPERVISED)


def test_a_fifo_that_is_read_is_a_supervisor(tmp_path: Path) -> None:
    """The state is what it wrote, or "starting" while it has not written one yet."""
    directory = _directory(tmp_path)
    os.mkfifo(tmp_path / "x" / "supervise" / "ok")
    reader = os.open(tmp_path / "x" / "supervise" / "ok", os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert directory.status().state is Status.STARTING
        (tmp_path / "x" / "supervise" / "status").write_bytes(_written(42, "u"))
        assert directory.status().pid == 42
    finally:
        os.close(reader)


def test_a_copied_service_directory_is_no_supervisor(tmp_path: Path) -> None:
    """A backup may turn the FIFO into a plain file, or leave it out."""
    directory = _directory(tmp_path)
    assert not directory.is_supervised()
    (tmp_path / "x" / "supervise" / "ok").touch()
    assert not directory.is_supervised()


def test_a_folder_of_settings_is_no_service(tmp_path: Path) -> None:
    """Templates make /var/service/NAME/config whether or not the service is installed."""
    (tmp_path / "x" / "config").mkdir(parents=True)
    directory = ServiceDirectory(str(tmp_path / "x"))
    assert not directory.exists
    (tmp_path / "x" / "run").touch()
    assert directory.exists


@pytest.mark.plain_user("root may read everything")
def test_a_forbidden_directory_is_an_error(tmp_path: Path) -> None:
    """Not being allowed to look is reported as such, and not taken for "nothing supervises it"."""
    directory = _directory(tmp_path)
    os.chmod(tmp_path / "x" / "supervise", 0)
    try:
        with pytest.raises(ServiceError, match="run the command as root"):
            directory.status()
    finally:
        os.chmod(tmp_path / "x" / "supervise", 0o700)


def test_starting_with_the_supervisor_is_the_file_down(tmp_path: Path) -> None:
    """It may be asked twice."""
    directory = _directory(tmp_path)
    for wanted in (False, False, True, True):
        directory.start_with_supervisor(wanted)
        assert (tmp_path / "x" / "down").exists() is not wanted


def test_failing_to_say_so_is_an_error(tmp_path: Path) -> None:
    """A service directory that went away is reported with its path."""
    with pytest.raises(ServiceError, match="service x: .*/down"):
        (tmp_path / "x").touch()
        ServiceDirectory(str(tmp_path / "x")).start_with_supervisor(False)
