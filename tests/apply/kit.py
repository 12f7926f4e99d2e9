"""A root whose templates can be planned and applied in this process."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from esmith.apply.commit import commit_plan
from esmith.apply.generations import finish
from esmith.errors import InstallError
from esmith.layout import Layout
from esmith.plan.host import DiskHost, Staged
from esmith.plan.output import Output
from esmith.plan.plan import Plan, make_plan
from esmith.store import open_store
from esmith.store.model import Author
from tests.fragments.kit import Trees

AUTHOR = Author("tester", "", ["test"])
#: TreeState a test that only root can make.
only_root = pytest.mark.root("only root may give files away")
#: Refuses a file that holds the word "broken", naming the line as compilers do; includes are files beside it.
CHECKER = """\
#!/bin/sh
grep -n broken "$1" | sed "s,^\\([0-9]*\\):.*,$1:\\1 is broken," | grep . && exit 1
for included in $(sed -n 's/^include //p' "$1"); do
    grep -q broken "$(dirname "$1")/$included" && { echo "$included is broken"; exit 1; }
done
exit 0
"""


class Bench:
    """Templates, databases and outputs under one root.

    :param path: the root.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.trees = Trees(path)
        self.layout = Layout(str(path))
        self.store = open_store(self.layout, create=True)
        #: The messages to the administrator.
        self.notes: list[str] = []

    def template(self, path: str, text: str, metadata: str = "") -> None:
        """Write a template of one fragment without header, and its metadata."""
        self.trees.standard(f"{path}/template-begin")
        self.trees.standard(f"{path}/10a", text)
        if metadata:
            self.trees.standard(f"{path}/template.toml", f"{metadata}\n")

    def set(self, database: str, key: str, type: str, **props: str) -> None:
        """Make or replace a record."""
        with self.store.transaction(AUTHOR) as transaction:
            transaction.delete_record(database, key)
            transaction.set_type(database, key, type)
            for name, value in props.items():
                transaction.set_prop(database, key, name, value)

    def delete(self, database: str, key: str) -> None:
        """Delete a record."""
        with self.store.transaction(AUTHOR) as transaction:
            transaction.delete_record(database, key)

    def plan(self, *paths: str, keep_attributes: bool = False) -> Plan:
        """Plan some templates."""
        with self.store.snapshot() as snapshot:
            return make_plan(self.layout, snapshot, paths, keep_attributes=keep_attributes)

    def one(self, path: str, *, keep_attributes: bool = False) -> Output:
        """Plan a template that has one output."""
        (output,) = self.plan(path, keep_attributes=keep_attributes).outputs
        return output

    def apply(self, *paths: str, keep_attributes: bool = False) -> list[str]:
        """Plan some templates and carry the plan out; return what changed, as 'path: what'."""
        plan = self.plan(*paths, keep_attributes=keep_attributes)
        self.carry_out(plan, DiskHost(self.layout))
        return [f"{output.path}: {output.difference.value}" for output in plan.changed]

    def carry_out(self, plan: Plan, host: DiskHost) -> None:
        """Carry out a plan as an event does."""
        generation = commit_plan(plan, host, self.store, "test", self.notes.append)
        if generation is not None:
            finish(generation, self.layout, self.store)

    def file(self, path: str) -> Path:
        """Return where a path of the configured system is; its directory is made."""
        return self.trees.file(path)

    def foreign(self, path: str, text: str, mode: int = 0o644) -> Path:
        """Write a file that the engine did not make."""
        place = self.file(path)
        place.write_text(text)
        place.chmod(mode)
        return place

    def kept(self) -> dict[str, str]:
        """Return the files that were kept as backup copies: their paths without the time, and contents."""
        folder = Path(self.layout.state, "kept")
        files = sorted(place for place in folder.rglob("*") if place.is_file())
        return {f"/{place.relative_to(folder)}".rpartition(".20")[0]: place.read_text() for place in files}


def look(place: Path) -> tuple[str, bytes, int] | None:
    """Return what a path is now: its kind, content and mode; None when there is nothing."""
    try:
        status = place.lstat()
    except FileNotFoundError:
        return None
    if stat.S_ISLNK(status.st_mode):
        return "link", os.fsencode(os.readlink(place)), 0
    return "file", place.read_bytes(), stat.S_IMODE(status.st_mode)


def staged_files(path: Path) -> list[Path]:
    """Return the staged files that were left behind under a root."""
    return list(path.rglob(".esmith-*"))


class FaultyHost(DiskHost):
    """A host that fails at one operation, before doing it.

    :param layout: the root.
    :param fault: the number of the operation to fail at, from 1.
    """

    def __init__(self, layout: Layout, fault: int) -> None:
        super().__init__(layout)
        self._fault = fault
        #: The operations that were asked for.
        self.operations: list[str] = []

    def stage(self, target: str, content: bytes, mode: int, owner: tuple[int, int] | None) -> Staged:
        """Stage a file."""
        self._note("stage", target)
        return super().stage(target, content, mode, owner)

    def stage_link(self, target: str, points_to: bytes, owner: tuple[int, int] | None) -> Staged:
        """Stage a link."""
        self._note("stage_link", target)
        return super().stage_link(target, points_to, owner)

    def install(self, staged: Staged) -> None:
        """Install a staged file."""
        self._note("install", staged.target)
        super().install(staged)

    def remove(self, target: str) -> None:
        """Remove a target."""
        self._note("remove", target)
        super().remove(target)

    def set_attributes(self, target: str, mode: int, owner: tuple[int, int] | None) -> None:
        """Set mode and owner."""
        self._note("set_attributes", target)
        super().set_attributes(target, mode, owner)

    def keep(self, target: str, copy: str) -> None:
        """Make a backup copy of a target."""
        self._note("keep", target)
        super().keep(target, copy)

    def sync(self, directories: set[str]) -> None:
        """Make directories durable."""
        self._note("sync", "")
        super().sync(directories)

    @property
    def failed(self) -> bool:
        """Whether the operation to fail at was reached."""
        return len(self.operations) >= self._fault

    def _note(self, operation: str, target: str) -> None:
        self.operations.append(operation)
        if len(self.operations) == self._fault:
            raise InstallError(f"{operation} fails", place=target)


class SystemFault:
    """Makes one call of the system fail that applying a plan makes: the n-th of all calls of some names.

    :param number: which call, from 1.
    """

    NAMES = ("open", "fchmod", "fchown", "fsync", "rename", "unlink", "chmod", "chown", "mkdir", "symlink", "lchown")

    def __init__(self, number: int) -> None:
        self._number = number
        #: The calls that were made, by name.
        self.calls: list[str] = []

    def patched(self) -> Iterator[None]:
        """Patch :mod:`os` while the generator is suspended."""
        with pytest.MonkeyPatch.context() as patch:
            for name in self.NAMES:
                patch.setattr(os, name, self._wrapper(name))
            yield

    def _wrapper(self, name: str) -> object:
        real = getattr(os, name)

        def call(*arguments: object, **named: object) -> object:
            if "/home/e-smith/db" in str(arguments[0]):
                return real(*arguments, **named)  # the store's own; it has tests of that
            self.calls.append(name)
            if len(self.calls) == self._number:
                raise OSError(28, "No space left on device", arguments[0])
            return real(*arguments, **named)

        return call
