"""``make demo-fleet``, and where it has etcd from."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.fleet import programs
from demo.fleet.programs import find_etcd
from esmith.errors import InstallError
from tests.commands import DEFAULT_SIGNALS
from tests.documents import HOME

#: It takes half a minute on a quiet machine.
PATIENCE_SECONDS = 300
DIFFERENCE = "-# dnsbl disabled\n+dnsbl reject naughty reject_type disconnect\n"


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder that is not there yet, with a path that is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="demo-") as place:
        yield Path(place) / "root"


@pytest.mark.program("etcd")
def test_three_servers_share_a_setting(folder: Path) -> None:
    """All three have the difference, a leader is killed, one comes late, and nothing runs afterwards."""
    words = [*DEFAULT_SIGNALS, sys.executable, "-m", "demo.fleet", str(folder)]
    done = subprocess.run(
        words, cwd=HOME, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False, stdin=subprocess.DEVNULL
    )
    shown = done.stdout
    assert done.returncode == 0, shown + done.stderr
    assert shown.count(DIFFERENCE) == 3, shown
    assert re.search(r"^\(killed: etcd[123]\)$", shown, re.MULTILINE), shown
    mail3 = re.findall(r"^mail3\$ config getprop qpsmtpd RHSBL\n(\w+)$", shown, re.MULTILINE)
    assert mail3 == ["enabled", "disabled"], shown
    assert "LogLevel=7  (this host" in shown
    revisions = re.findall(r"^mail[123] +- +(\d+) ", shown, re.MULTILINE)
    assert len(revisions) == 3, shown
    assert len(set(revisions)) == 1, shown
    assert str(folder) in (folder / "README").read_text()
    assert _processes(folder) == []


def _processes(folder: Path) -> list[str]:
    """Return the command lines of the processes that have to do with the folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            variables = (entry / "environ").read_bytes().decode(errors="replace")
        except OSError:
            # It ends meanwhile, or is another user's.
            continue
        if str(folder) in line + variables:
            found.append(line)
    return found


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with all the programs that are found."""
    monkeypatch.setattr(programs, "_PATH", "")
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def _program(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{text}\n")
    (folder / name).chmod(0o755)


def test_without_etcd_and_a_mirror_the_cure_is_named(bare: Path) -> None:
    """Where the package cannot be downloaded, the message says what root types."""
    for _ in range(2):
        with pytest.raises(InstallError) as caught:
            find_etcd(bare / "program")
        assert caught.value.hint == "as root: apt-get update && apt-get install -y etcd-server"
        _program(bare, "apt-get", "exit 100")


def test_the_package_is_unpacked_into_the_folder(bare: Path) -> None:
    """Where etcd is not installed its package is downloaded and unpacked, once, without root."""
    _program(bare, "apt-get", 'echo "$@" >>../asked; touch etcd-server_1_amd64.deb')
    _program(
        bare, "dpkg", '[ "$1 $2" = "-x etcd-server_1_amd64.deb" ] && mkdir -p "$3/usr/bin" && touch "$3/usr/bin/etcd"'
    )
    for _ in range(2):
        assert find_etcd(bare / "program") == str(bare / "program/usr/bin/etcd")
    assert (bare / "asked").read_text() == "download etcd-server\n"
    assert os.path.exists(bare / "program/usr/bin/etcd")


def test_etcd_of_the_machine_comes_first(bare: Path) -> None:
    """Where etcd is installed it is taken."""
    _program(bare, "etcd", "exit 0")
    assert find_etcd(bare / "program") == str(bare / "etcd")
    assert not (bare / "program").exists()
