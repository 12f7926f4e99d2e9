"""Staging: everything is written beside its target, ready to be renamed, before anything is installed."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import stat
from pathlib import Path

import pytest

from esmith.apply.install import install, stage
from esmith.errors import InstallError
from esmith.layout import Layout
from esmith.plan.host import DiskHost, RecordingHost, Staged, trouble
from tests.apply.kit import Bench, look, staged_files


def _host(path: Path) -> DiskHost:
    return DiskHost(Layout(str(path)))


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o000, 0o711], ids=oct)
@pytest.mark.parametrize("umask", [0o000, 0o077], ids=["no umask", "strict umask"])
def test_mode_and_owner_come_before_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int, umask: int
) -> None:
    """A staged file is nobody's but its maker's and empty until owner and mode are set; only then is it filled."""
    seen: list[tuple[str, int, int]] = []

    def watch(name: str) -> None:
        real = getattr(os, name)

        def call(descriptor: int, *arguments: int) -> None:
            status = os.fstat(descriptor)
            if stat.S_ISREG(status.st_mode):
                seen.append((name, status.st_size, stat.S_IMODE(status.st_mode)))
            real(descriptor, *arguments)

        monkeypatch.setattr(os, name, call)

    for name in ("fchmod", "fchown", "fsync"):
        watch(name)
    old = os.umask(umask)
    try:
        host = _host(tmp_path)
        host.prepare([str(tmp_path / "t")])
        seen.clear()
        staged = host.stage(str(tmp_path / "t"), b"content", mode, (os.getuid(), os.getgid()))
    finally:
        os.umask(old)
    assert seen == [("fchown", 0, 0o600), ("fchmod", 0, 0o600), ("fsync", 7, mode)]
    assert stat.S_IMODE(os.stat(tmp_path / staged.name).st_mode) == mode
    assert not (tmp_path / "t").exists()


def test_a_staged_file_stands_beside_its_target(tmp_path: Path) -> None:
    """A staged file is in the directory of its target, under a hidden name, so that renaming it is atomic."""
    staged = _host(tmp_path).stage(str(tmp_path / "dir/t"), b"x", 0o644, None)
    assert (tmp_path / "dir" / staged.name).read_bytes() == b"x"
    assert staged.name.startswith(".esmith-")


def test_a_staged_file_is_never_written_through_a_link(tmp_path: Path) -> None:
    """A link that somebody puts where a staged file will be is not followed: what it leads to is untouched."""
    victim = tmp_path / "victim"
    victim.write_text("precious\n")
    host = _host(tmp_path)
    first = host.stage(str(tmp_path / "first"), b"content", 0o644, None).name
    before, _, number = first.rpartition("-")
    for next_one in range(1, 4):
        (tmp_path / f"{before}-{int(number) + next_one}").symlink_to(victim)
    with contextlib.suppress(InstallError):
        host.stage(str(tmp_path / "second"), b"content", 0o600, None)
    assert look(victim) == ("file", b"precious\n", 0o644)


def test_what_a_killed_event_left_is_swept(bench: Bench) -> None:
    """Staged files that a killed event left behind are gone after the next one that writes there."""
    bench.foreign("/etc/.esmith-1-1", "left\n")
    bench.template("/etc/t", "text\n")
    bench.apply("/etc/t")
    assert staged_files(bench.path) == []


def test_everything_is_staged_before_anything_is_installed(bench: Bench) -> None:
    """All outputs of a plan are staged first, then all are installed, in the order of the plan."""
    bench.template("/etc/a", "text\n")
    bench.template("/etc/b", "/etc/a\n", 'kind = "symlink"')
    bench.template("/etc/c", "text\n", 'delete-when = "true"')
    bench.template("/etc/d", "text\n")
    bench.template("/etc/e", "text\n")
    bench.foreign("/etc/c", "foreign\n")
    bench.foreign("/etc/d", "foreign\n")
    bench.foreign("/etc/e", "text\n", 0o600)
    host = RecordingHost(bench.layout)
    plan = bench.plan("/etc/a", "/etc/b", "/etc/c", "/etc/d", "/etc/e")
    stage(plan, host)
    install(plan, host, bench.layout)
    assert host.operations == [
        ("stage", "/etc/a"),
        ("stage_link", "/etc/b"),
        ("stage", "/etc/d"),
        ("install", "/etc/a"),
        ("install", "/etc/b"),
        ("keep", "/etc/c"),
        ("remove", "/etc/c"),
        ("keep", "/etc/d"),
        ("install", "/etc/d"),
        ("set_attributes", "/etc/e"),
    ]
    assert look(bench.file("/etc/a")) is None
    assert look(bench.file("/etc/c")) == ("file", b"foreign\n", 0o644)


class _Refusing(RecordingHost):
    """A host that cannot put one file in place."""

    def install(self, staged: Staged) -> None:
        """Refuse it for one target."""
        if staged.target.endswith("/etc/b"):
            raise InstallError("no room", place=staged.target)
        super().install(staged)


def test_what_is_not_installed_is_discarded(bench: Bench) -> None:
    """When a file cannot be put in place, what was staged for it and those after it is removed, and no more."""
    for name in "abc":
        bench.template(f"/etc/{name}", "text\n")
    host = _Refusing(bench.layout)
    plan = bench.plan("/etc/a", "/etc/b", "/etc/c")
    stage(plan, host)
    del host.operations[:]
    with pytest.raises(InstallError, match="no room"):
        install(plan, host, bench.layout)
    assert host.operations == [("install", "/etc/a"), ("discard", "/etc/b"), ("discard", "/etc/c")]


def test_a_text_that_does_not_fit_leaves_nothing_behind(bench: Bench) -> None:
    """When the system refuses to write the whole text, no staged file stays and no output has changed."""
    bench.foreign("/etc/a", "old\n")
    bench.template("/etc/a", "new\n")
    bench.template("/etc/big", "0123456789" * 1000)
    plan = bench.plan("/etc/a", "/etc/big")
    host = DiskHost(bench.layout)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(InstallError) as caught:
            stage(plan, host)
    finally:
        host.close()
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.place == str(bench.file("/etc/big"))
    assert staged_files(bench.path) == []
    assert look(bench.file("/etc/a")) == ("file", b"old\n", 0o644)


def test_a_parent_that_is_a_file(bench: Bench) -> None:
    """A file where a directory is needed is an error, and the outputs before it are as they were."""
    bench.foreign("/etc/file", "in the way\n")
    bench.template("/etc/a", "text\n")
    bench.template("/etc/file/t", "text\n")
    with pytest.raises(InstallError, match="/etc/file/t"):
        bench.apply("/etc/a", "/etc/file/t")
    assert look(bench.file("/etc/a")) is None
    assert staged_files(bench.path) == []


def test_a_file_in_the_place_of_a_directory(bench: Bench) -> None:
    """A file where a directory has to be is named, with what to do; nothing is changed."""
    bench.file("/etc/mail").write_text("a file\n")
    bench.template("/etc/mail/deep/local.cf", "x\n")
    with pytest.raises(InstallError) as caught:
        bench.apply("/etc/mail/deep/local.cf")
    hint = f"{bench.file('/etc/mail')} is in the way: a directory has to be there; move it"
    assert caught.value.hint == hint
    assert bench.file("/etc/mail").read_text() == "a file\n"


def test_a_directory_is_never_reported_as_in_the_way(tmp_path: Path) -> None:
    """Where the directory of a file is there, something else is wrong, and the directory is not to be moved."""
    assert trouble(str(tmp_path / "a"), FileExistsError(errno.EEXIST, "File exists")).hint == ""
