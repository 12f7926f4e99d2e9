"""The copy of a root in which ``esmith contrib check`` tries a contrib."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from esmith.contrib.check import check_contrib
from esmith.contrib.place import Contrib
from esmith.contrib.staged import StagedLayout, staged
from esmith.errors import InstallError
from esmith.fragments.rendering import Rendering
from esmith.layout import Layout
from esmith.plan.installed import OUTPUTS
from esmith.plan.memory import Memory
from esmith.plan.plan import make_plan
from esmith.plan.remembered import head_of
from esmith.store import open_store
from esmith.store.model import Author
from tests.commands import Root
from tests.contrib.kit import linked, written

#: The engine does not remember what is younger (esmith.looks).
_YOUNG_SECONDS = 2.1
CLAMD = "templates/etc/clamd.conf"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """Return ``etc/e-smith`` of a contrib with one fragment."""
    base = tmp_path / "contrib/root/etc/e-smith"
    written(f"{CLAMD}/80x", "# x\n")(base)
    return base


@contextmanager
def _copy(root: Root, base: Path) -> Iterator[StagedLayout]:
    layout = Layout(str(root.path))
    store = open_store(layout)
    try:
        with store.snapshot() as snapshot, staged(Contrib(str(base.parents[2]), layout), snapshot) as (copy, _):
            yield copy
    finally:
        store.close()


def _names(folder: str) -> set[str]:
    """Return all files below a folder, also behind links."""
    return {
        os.path.relpath(os.path.join(place, name), folder)
        for place, _, names in os.walk(folder, followlinks=True)
        for name in names
    }


def test_the_copy_is_the_root_with_the_contrib(root: Root, base: Path) -> None:
    """It has all files of the root and of the contrib, each with what it holds."""
    with _copy(root, base) as copy:
        real = str(root.file("/etc/e-smith"))
        assert _names(copy.configuration) == _names(real) | {f"{CLAMD}/80x"}
        for name in _names(real):
            assert Path(copy.configuration, name).read_bytes() == Path(real, name).read_bytes()


def test_a_link_stands_for_what_the_contrib_does_not_touch(root: Root, base: Path) -> None:
    """Only directories that the contrib has, too, are made; what is written there is not written to the root."""
    written(f"{CLAMD}/10log", "# mine\n")(base)
    real = root.file("/etc/e-smith") / CLAMD
    (real / "10log").write_text("# ours\n")
    with _copy(root, base) as copy:
        top = Path(copy.configuration)
        assert {path.name for path in top.iterdir() if path.is_symlink()} >= {"db", "services", "checks"}
        own = top / CLAMD
        assert not any(path.is_symlink() for path in (own, *own.parents))
        assert {path.name for path in own.iterdir() if not path.is_symlink()} == {"10log", "80x"}
        assert (own / "10log").read_text() == "# mine\n"
    assert (real / "10log").read_text() == "# ours\n"


def test_the_files_of_an_event_are_no_links(root: Root, base: Path) -> None:
    """In the directory of an event a link says more than that a file is there, so its files are copied."""
    place = "events/email-update/services2adjust"
    written(f"{place}/own", "restart\n")(base)
    with _copy(root, base) as copy:
        others = [path for path in Path(copy.configuration, place).iterdir() if path.name != "own"]
        assert others
        assert not any(path.is_symlink() for path in others)


def test_only_what_the_contrib_changes_is_expanded(office: Root, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the engine remembers of the files of the root counts in a rehearsal, too."""
    # What a test before changed was made again in the office, and is another one to the engine.
    time.sleep(_YOUNG_SECONDS)
    office.signal("email-update")
    found: dict[str, bool] = {}
    recall = Memory.recall

    def noted(self: Memory, path: str, *others: Any) -> Rendering | None:
        rendering = recall(self, path, *others)
        found[path] = rendering is not None
        return rendering

    monkeypatch.setattr(Memory, "recall", noted)
    layout = Layout(str(office.path))
    store = open_store(layout)
    try:
        verdict = check_contrib(str(base.parents[2]), layout, store, rehearses=True, only=["email-update"])
    finally:
        store.close()
    assert [event.exit_code for event in verdict.events] == [0]
    assert not found["/etc/clamd.conf"]
    assert found["/var/qmail/control/locals"] and found["/etc/freshclam.conf"]


def test_revisions_of_the_copy_are_its_own(office: Root, base: Path) -> None:
    """A setting that changes in the copy counts, also where its revision has the number of one of the root."""
    layout, path = Layout(str(office.path)), "/var/qmail/control/databytes"
    store = open_store(layout)
    try:
        with store.snapshot() as snapshot, staged(Contrib(str(base.parents[2]), layout), snapshot) as (copy, copied):
            installed = OUTPUTS.get(snapshot, path)
            known = head_of(installed.inputs) if installed is not None else None
            assert known is not None
            values = itertools.count(1_000_000)
            while True:
                with copied.transaction(Author("test", "", ["test"])) as transaction:
                    transaction.set_prop("configuration", "qmail", "MaxMessageSize", str(next(values)))
                with copied.snapshot() as now:
                    plan = make_plan(copy, now, [path], event="email-update")
                    assert [output.path for output in plan.changed] == [path]
                    if now.revision("configuration") >= known["revisions"]["configuration"]:
                        break
    finally:
        store.close()


def test_a_link_beside_the_contrib_leads_into_the_copy(root: Root, base: Path) -> None:
    """A directory of the root is copied when a link in it leads to what only the contrib brings."""
    linked("events/other-update/S40it", "../actions/it")(root.file("/etc/e-smith"))
    written("events/actions/it", "#!/bin/sh\n", 0o755)(base)
    with _copy(root, base) as copy:
        action = Path(copy.events, "other-update/S40it")
        assert action.read_text() == "#!/bin/sh\n"
        assert copy.inside(str(action.resolve())) == "/etc/e-smith/events/actions/it"


def test_a_file_for_a_directory_is_left_out(root: Root, base: Path) -> None:
    """What cannot be copied, a file or a link where the root has a directory, leaves the directory."""
    written("services", "x\n")(base)
    linked("db", "/elsewhere")(base)
    with _copy(root, base) as copy:
        assert Path(copy.services, "clamd/service.toml").is_file()
        assert Path(copy.schema, "configuration").is_dir()


def test_a_pipe_is_left_out(root: Root, base: Path) -> None:
    """A pipe in the root is not in the copy: who reads it would wait."""
    os.mkfifo(root.file("/etc/e-smith/services/clamd/pipe"))
    with _copy(root, base) as copy:
        assert not Path(copy.services, "clamd/pipe").exists()
        assert Path(copy.services, "clamd/service.toml").is_file()


def test_the_root_stays_as_it_is(root: Root, base: Path) -> None:
    """Making the copy and removing it changes nothing of the root, not even the time of a change of a file."""

    def look() -> dict[str, tuple[int, int, int]]:
        found = {}
        for path in [root.file("/etc/e-smith"), *root.file("/etc/e-smith").rglob("*")]:
            status = path.lstat()
            found[str(path)] = (status.st_ino, status.st_ctime_ns, status.st_nlink)
        return found

    before = look()
    with _copy(root, base) as copy:
        place = copy.configuration
    assert not Path(place).exists()
    assert look() == before


@pytest.mark.plain_user("root may read everything")
def test_what_cannot_be_read_stops_the_copy(root: Root, base: Path) -> None:
    """A file that the user cannot read is named at once, also where the contrib does not touch it."""
    file = root.file("/etc/e-smith/services/clamd/service.toml")
    file.chmod(0)
    try:
        with pytest.raises(InstallError, match="cannot be copied") as caught, _copy(root, base):
            pass
    finally:
        file.chmod(0o644)
    assert caught.value.place == str(file)
