"""``/service`` and ``/etc/service`` are one folder, whatever was there: nothing is lost, and what runs goes on."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from esmith.disk import kernel
from esmith.layout import Layout
from esmith.plan.host import DiskHost
from esmith.services.directory import ServiceDirectory
from esmith.setup import joining
from esmith.setup.folders import join_folders
from tests.commands import Root
from tests.programs import path_of

_DEBIANS = "/etc/runit/runsvdir/default"


def _init(root: Root, *words: str) -> str:
    return root.esmith("init", *words).err


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def _upgraded(root: Root) -> set[str]:
    """Make it as a release left it that did not know ``/etc/service``; return the services of ours."""
    _init(root, "--services", "runit", "/service")
    root.file("/etc/service").unlink()
    root.file(_DEBIANS).mkdir(parents=True)
    root.file(f"{_DEBIANS}/default-syslog").symlink_to("/etc/sv/default-syslog")
    root.file("/etc/service").symlink_to("runit/runsvdir/default")
    return _names(root.file("/service"))


@pytest.mark.parametrize(("folder", "other"), [("/service", "/etc/service"), ("/etc/service", "/service")])
def test_both_names_lead_to_one_folder(root: Root, folder: str, other: str) -> None:
    """Whichever folder is named, the original's commands and Debian's sv find the services."""
    _init(root, "--services", "runit", folder)
    assert root.file(other).resolve() == root.file(folder)
    assert root.file(f"{other}/clamd/run").exists()
    assert _init(root, "--services", "runit", folder) == ""


def test_the_folder_of_debian_is_used(root: Root) -> None:
    """An /etc/service that a package made is the folder, and /service leads there."""
    root.file("/etc/runit/runsvdir/default").mkdir(parents=True)
    root.file("/etc/service").symlink_to("runit/runsvdir/default")
    _init(root, "--services", "runit", "/service")
    assert root.file("/etc/runit/runsvdir/default/clamd").is_symlink()
    assert root.file("/service/clamd/run").exists()


def test_two_folders_become_one(root: Root) -> None:
    """What an older release left in /service is found by Debian's sv as well; what Debian had in its folder stays."""
    ours = _upgraded(root)
    root.file("/service/mine").symlink_to("../var/service/mine")
    note = _init(root, "--services", "runit", "/service")
    assert "/service is a link to /etc/service now, where 'sv' looks; also there: default-syslog" in note
    assert root.file("/service").readlink() == root.file("/etc/service")
    assert root.file("/etc/service").readlink() == Path("runit/runsvdir/default")
    assert _names(root.file(_DEBIANS)) == {*ours, "mine", "default-syslog"}
    assert root.file(f"{_DEBIANS}/mine").readlink() == root.file("/var/service/mine")
    assert root.file(f"{_DEBIANS}/default-syslog").readlink() == Path("/etc/sv/default-syslog")
    for name in ours:
        assert root.file(f"{_DEBIANS}/{name}").resolve() == root.file(f"/var/service/{name}")
    assert not os.path.lexists(root.file(joining.ASIDE))
    assert _init(root, "--services", "runit", "/service") == ""


def test_a_link_of_debian_that_leads_nowhere(root: Root) -> None:
    """/etc/service leads to a directory that is not there yet: it is made, and has the services."""
    ours = _upgraded(root)
    shutil.rmtree(root.file(_DEBIANS))
    _init(root, "--services", "runit", "/service")
    assert _names(root.file(_DEBIANS)) == _names(root.file("/service")) == ours


def _directory_of_its_own(root: Root) -> None:
    root.file("/service/mine").mkdir()
    root.write("/service/mine/run", "#!/bin/sh\n", mode=0o755)


def _leads_elsewhere(root: Root) -> None:
    root.file("/etc/service/clamd").symlink_to("/etc/sv/clamd")


@pytest.mark.parametrize(
    ("disturb", "reason"),
    [
        (_directory_of_its_own, "/service/mine is not a link; move it to /var/service, and make a link to it"),
        (_leads_elsewhere, "/etc/service/clamd leads somewhere else than"),
    ],
)
def test_two_folders_stay_two(root: Root, disturb: Callable[[Root], None], reason: str) -> None:
    """Where one of both would lose something neither is changed, and a note says why, with the cure."""
    _upgraded(root)
    disturb(root)
    before = _names(root.file("/service")), _names(root.file("/etc/service"))
    note = _init(root, "--services", "runit", "/service")
    assert "/etc/service is another folder than /service" in note
    assert reason in note
    assert (_names(root.file("/service")), _names(root.file("/etc/service"))) == before
    assert not root.file("/service").is_symlink()


def test_a_file_system_that_cannot_exchange_names(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both folders stay, both with the services, and a note says so."""
    ours = _upgraded(root)
    monkeypatch.setattr(kernel, "_RENAME_EXCHANGE", 1 << 30)
    layout = Layout(str(root.path))
    notes = join_folders(layout, DiskHost(layout), "/service")
    assert "cannot be made a link" in "".join(notes)
    assert _names(root.file("/service")) == ours
    assert _names(root.file("/etc/service")) == {*ours, "default-syslog"}
    assert not os.path.lexists(root.file(joining.ASIDE))


class _Killed(BaseException):
    """In the place of SIGKILL: nothing catches it."""


def _killed_at(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the call of this number that changes names not happen, nor anything after it."""
    calls = 0

    def count(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*words: Any, **named: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls >= number:
                raise _Killed
            return real(*words, **named)

        return call

    for name in ("symlink", "rename", "unlink", "rmdir"):
        monkeypatch.setattr(os, name, count(getattr(os, name)))
    monkeypatch.setattr("esmith.setup.joining.exchange_names", count(kernel.exchange_names))


def test_killed_halfway(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """After each step /service has every service, and another run brings it to its end."""
    layout, stages, number, killed = Layout(str(root.path)), set[bool](), 0, True
    ours = _upgraded(root)
    while killed:
        number += 1
        shutil.rmtree(root.file("/etc/runit"))
        root.file("/etc/service").unlink()
        if root.file("/service").is_symlink():
            root.file("/service").unlink()
            root.file("/service").mkdir()
        for name in ours - _names(root.file("/service")):
            root.file(f"/service/{name}").symlink_to(root.file(f"/var/service/{name}"))
        root.file(_DEBIANS).mkdir(parents=True)
        root.file(f"{_DEBIANS}/default-syslog").symlink_to("/etc/sv/default-syslog")
        root.file("/etc/service").symlink_to("runit/runsvdir/default")
        with monkeypatch.context() as patched:
            _killed_at(number, patched)
            try:
                join_folders(layout, DiskHost(layout), "/service")
                killed = False
            except _Killed:
                killed = True
        stages.add(root.file("/service").is_symlink())
        assert ours <= _names(root.file("/service"))
        assert "default-syslog" in _names(root.file("/etc/service"))
        join_folders(layout, DiskHost(layout), "/service")
        assert root.file("/service").readlink() == root.file("/etc/service")
        there = {name for name in _names(root.file(_DEBIANS)) if not name.startswith(".esmith-")}
        assert there == {*ours, "default-syslog"}
        assert not os.path.lexists(root.file(joining.ASIDE))
    assert stages == {False, True}
    assert number > 3 * len(ours)


@pytest.mark.program("runsvdir", "sv")
def test_what_runs_goes_on(root: Root) -> None:
    """runsvdir keeps the processes when its folder has become a link, and Debian's sv reaches them there."""
    _upgraded(root)
    for name in _names(root.file("/service")):
        root.file(f"/service/{name}").unlink()
    root.file("/etc/service/default-syslog").unlink()
    sleeper, other = _sleeper(root, "/service", "sleeper"), _sleeper(root, "/etc/service", "other")
    layout = Layout(str(root.path))
    # It starts what is new, as here.
    runsvdir = subprocess.Popen([path_of("runsvdir"), "-P", str(root.file("/service"))])
    try:
        pid = _pid(sleeper)
        join_folders(layout, DiskHost(layout), "/service")
        _pid(other)
        assert _pid(sleeper) == pid
        environment = {**os.environ, "SVDIR": str(root.file("/etc/service"))}
        subprocess.run([path_of("sv"), "term", "sleeper"], env=environment, check=True, stdout=subprocess.DEVNULL)
        assert _pid(sleeper, other_than=pid) != pid
    finally:
        runsvdir.send_signal(1)
        runsvdir.wait(60)


@pytest.mark.program("svscan", "svc")
def test_svscan(root: Root) -> None:
    """svscan would go on with the folder that was, so both stay until it is ended."""
    _upgraded(root)
    for name in _names(root.file("/service")):
        root.file(f"/service/{name}").unlink()
    sleeper = _sleeper(root, "/service", "sleeper")
    svscan = subprocess.Popen([path_of("svscan"), str(root.file("/service"))])
    try:
        deadline = time.monotonic() + 60
        while not ServiceDirectory(str(sleeper)).is_supervised() and time.monotonic() < deadline:
            time.sleep(0.05)
        layout = Layout(str(root.path))
        assert "first end svscan" in "".join(join_folders(layout, DiskHost(layout), "/service"))
        assert _names(root.file("/service")) == {"sleeper"}
        assert _names(root.file("/etc/service")) == {"default-syslog"}
    finally:
        svscan.kill()
        svscan.wait(60)
        subprocess.run([path_of("svc"), "-dx", str(sleeper)], check=True)


@pytest.mark.program("runsvdir")
def test_two_supervisors(root: Root) -> None:
    """Where a runsvdir runs for each folder they stay two: both would start the same services."""
    _upgraded(root)
    for name in _names(root.file("/service")) | {"default-syslog"}:
        for folder in ("/service", "/etc/service"):
            root.file(f"{folder}/{name}").unlink(missing_ok=True)
    started = []
    try:
        for folder, name in (("/service", "ours"), ("/etc/service", "other")):
            directory = _sleeper(root, folder, name)
            started.append(subprocess.Popen([path_of("runsvdir"), "-P", str(root.file(folder))]))
            _pid(directory)
        layout = Layout(str(root.path))
        assert "a runsvdir runs for each of the two" in "".join(join_folders(layout, DiskHost(layout), "/service"))
        assert _names(root.file("/etc/service")) == {"other"}
    finally:
        for runsvdir in started:
            runsvdir.send_signal(1)
            runsvdir.wait(60)


def _sleeper(root: Root, folder: str, name: str) -> Path:
    """Make a service, and a link to it in a folder; return its directory."""
    directory = root.write(f"/var/service/{name}/run", "#!/bin/sh\nexec sleep 600\n", mode=0o755).parent
    root.file(f"{folder}/{name}").symlink_to(directory)
    return directory


def _pid(directory: Path, other_than: int = 0) -> int:
    """Wait until a service runs, and return its process."""
    file = directory / "supervise/pid"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        text = file.read_text() if file.exists() else ""
        if text.strip() and int(text) != other_than:
            return int(text)
        time.sleep(0.05)
    raise AssertionError(f"{directory} does not run")
