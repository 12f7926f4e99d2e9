"""An older copy of the databases under newer files: messages do not say that somebody edited the files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable

import pytest

from tests.commands import Root

CLAMD, FRESHCLAM = "/etc/clamd.conf", "/etc/freshclam.conf"
STORE = "/home/e-smith/db/data.mdb"
NEWER = "newer than the databases, or edited by hand"
EDITED = "edited by hand"


def _change(root: Root, value: int) -> None:
    root.config("setprop", "clamav", "MaxFiles", str(value))
    root.signal("clamav-update")


def _restored(office: Root, since: Callable[[Root], None]) -> None:
    """Restore a copy of the databases after something was done."""
    _change(office, 2000)
    copy = office.path / "copy.mdb"
    shutil.copyfile(office.file(STORE), copy)
    since(office)
    shutil.copyfile(copy, office.file(STORE))


def _differing(root: Root) -> list[str]:
    found = json.loads(root.esmith("status", "--json", code=None).out)["files"]["differing"]
    return [f"{path}: {what}" for path, what in found.items()]


def _replaced(root: Root) -> str:
    """Return why the next event keeps a backup copy."""
    (line,) = [line for line in root.signal("clamav-update").err.splitlines() if "backup copy" in line]
    return line.removeprefix(f"signal-event: {CLAMD} was ").partition(";")[0]


def _rolled_back_and_changed(root: Root) -> None:
    """Leave as many generations as there were, the last of them another one."""
    root.esmith("rollback")
    _change(root, 3000)


@pytest.mark.parametrize("since", [lambda root: _change(root, 3000), _rolled_back_and_changed], ids=["later", "other"])
def test_files_of_later_events_are_not_called_edited(office: Root, since: Callable[[Root], None]) -> None:
    """Status and the next event say that a file may be newer than a restored copy; afterwards all is well."""
    _restored(office, since)
    assert _differing(office) == [f"{CLAMD}: {NEWER}"]
    assert _replaced(office) == NEWER
    assert _differing(office) == []


def test_what_was_kept_of_later_events_is_removed(office: Root) -> None:
    """The next command removes the old files of events that the databases do not know, but for the mark."""

    def change(root: Root) -> None:
        for value in (3000, 4000, 5000):
            _change(root, value)

    _restored(office, change)
    kept = office.file("/var/lib/e-smith/generations")
    last = sorted((path.name for path in kept.iterdir()), key=int)[-2:]
    assert [len([*(kept / number).iterdir()]) for number in last] == [2, 2]
    office.expand(FRESHCLAM)
    assert [len([*(kept / number).iterdir()]) for number in last] == [1, 1]
    assert _differing(office) == [f"{CLAMD}: {NEWER}"]
    assert _replaced(office) == NEWER


def test_one_that_was_removed_is_still_removed(office: Root) -> None:
    """A file that is not there is no newer one."""
    _restored(office, lambda root: _change(root, 3000))
    office.file(FRESHCLAM).unlink()
    assert _differing(office) == [f"{CLAMD}: {NEWER}", f"{FRESHCLAM}: removed"]


def test_without_a_later_event_a_file_was_edited(office: Root) -> None:
    """Where the copy has all events, and where an event was begun and failed, a file that differs was edited."""

    def edit(root: Root) -> None:
        root.config("setprop", "clamav", "MaxFiles", "3000")
        root.write("/etc/e-smith/events/clamav-update/S50fails", "#!/bin/sh\nexit 1\n", mode=0o755, shipped=True)
        root.signal("clamav-update", code=7)
        root.file("/etc/e-smith/events/clamav-update/S50fails").unlink()
        root.write(CLAMD, root.read(CLAMD) + "MaxThreads 99\n")

    _restored(office, edit)
    assert _differing(office) == [f"{CLAMD}: {EDITED}"]
    assert _replaced(office) == EDITED


def test_without_the_old_files_it_is_not_known(office: Root) -> None:
    """Where the engine's state was lost too, nothing shows that the files are newer."""
    _restored(office, lambda root: _change(root, 3000))
    shutil.rmtree(office.file("/var/lib/e-smith/generations"))
    assert _differing(office) == [f"{CLAMD}: {EDITED}"]
