"""Restoring the files of a killed install: durable before the install is forgotten, and with few syncs."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from esmith.apply.commit import commit_plan
from esmith.apply.generations import Generation, list_interrupted
from esmith.apply.restore import restore_since
from esmith.errors import InstallError
from esmith.plan.host import DiskHost
from tests.apply.kit import Bench, staged_files

#: More directories than are synced together.
FOLDERS = 130


def interrupted(bench: Bench) -> tuple[Generation, list[Path]]:
    """Return an install of a new file in each of many directories that was not completed, and the files."""
    paths = [f"/etc/own/{number:03}/file" for number in range(FOLDERS)]
    for path in paths:
        bench.template(path, "old\n")
    bench.apply(*paths)
    for path in paths:
        bench.trees.standard(f"{path}/10a", "new\n")
    generation = commit_plan(bench.plan(*paths), DiskHost(bench.layout), bench.store, "test", bench.notes.append)
    assert generation is not None
    files = [bench.file(path) for path in paths]
    assert {file.read_text() for file in files} == {"new\n"}
    return generation, files


def test_each_directory_is_synced_after_its_renames(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the install is forgotten, each directory was synced once, after the old file had its name again."""
    generation, files = interrupted(bench)
    synced: dict[str, str] = {}
    sync = os.fsync

    def note(descriptor: int) -> None:
        path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        if (path / "file").exists():
            assert str(path) not in synced, "once is enough"
            synced[str(path)] = (path / "file").read_text()
            with bench.store.snapshot() as snapshot:
                assert list_interrupted(snapshot), "it is still to be restored"
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    restored = restore_since(generation.number, bench.layout, bench.store)
    assert synced == {str(file.parent): "old\n" for file in files}
    assert (len(restored.paths), restored.left, restored.missing) == (FOLDERS, {}, [])
    with bench.store.snapshot() as snapshot:
        assert list_interrupted(snapshot) == []


def test_again_after_an_attempt_that_was_killed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an attempt before has restored is synced nevertheless: it may have been killed before it did that."""
    generation, files = interrupted(bench)
    kept = Path(bench.layout.state, "generations", str(generation.number))
    for before, file in zip(generation.before[:5], files[:5], strict=True):
        file.unlink()
        file.hardlink_to(kept / before.stored)
    synced: set[str] = set()
    sync = os.fsync

    def note(descriptor: int) -> None:
        synced.add(os.readlink(f"/proc/self/fd/{descriptor}"))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    restore_since(generation.number, bench.layout, bench.store)
    assert {str(file.parent) for file in files} <= synced
    assert {file.read_text() for file in files} == {"old\n"}
    assert staged_files(bench.path) == []


def test_a_directory_that_cannot_be_synced(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fails in one directory: the error names its file, the rest is restored, and it is tried again."""
    generation, files = interrupted(bench)
    sync = os.fsync

    def fail(descriptor: int) -> None:
        if os.readlink(f"/proc/self/fd/{descriptor}") == str(files[7].parent):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        sync(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(InstallError) as caught:
            restore_since(generation.number, bench.layout, bench.store)
    assert caught.value.place == str(files[7])
    assert {file.read_text() for file in files} == {"old\n"}
    with bench.store.snapshot() as snapshot:
        assert [one.number for one in list_interrupted(snapshot)] == [generation.number]
    assert len(restore_since(generation.number, bench.layout, bench.store).paths) == FOLDERS
    with bench.store.snapshot() as snapshot:
        assert list_interrupted(snapshot) == []
