"""How old the last backup is."""

from __future__ import annotations

import pytest

from esmith.backup.last import LastBackup, note_last
from esmith.doctor import backups
from esmith.layout import Layout
from esmith.plan.host import DiskHost
from tests.commands import Root
from tests.doctor.kit import NOW, bad, examined, make_case, shown

GONE = "is not there any more"


@pytest.mark.parametrize(
    ("every", "days", "expected"),
    [
        ("day", 1.5, ""),
        ("day", 3, "warning: the last backup is 3 days old"),
        ("day", 5, "failing: the last backup is 5 days old"),
        ("week", 7.5, ""),
        ("week", 9, "warning: the last backup is 9 days old"),
        ("never", 29, ""),
        ("never", 90, "warning: the last backup is 90 days old"),
    ],
)
def test_the_age(root: Root, every: str, days: float, expected: str) -> None:
    """The age that is well depends on how often one is made; where none is made by itself it is never failing."""
    layout = Layout(str(root.path))
    file = root.write("/var/backups/e-smith/x.tar.gz", "x")
    root.config("set", "esmith-backup", "configuration", "Every", every)
    host = DiskHost(layout)
    note_last(layout, host, LastBackup(str(file), int(NOW - days * 86_400), 1, "0" * 64, 1, ["databases"]))
    host.close()
    assert shown(bad(make_case(root, now=NOW), "backups")) == ([expected] if expected else [])
    file.unlink()
    (found,) = bad(make_case(root, now=NOW), "backups")
    assert found.what.endswith(GONE) == (not expected)


def test_there_is_none(root: Root) -> None:
    """Without any it is a warning where one is to be made each day, and else skipped with what makes one."""
    (found,) = bad(make_case(root), "backups")
    assert (found.severity, found.cure) == (
        "skipped",
        ("esmith backup --every day --to /var/backups/e-smith",),
    )
    root.config("set", "esmith-backup", "configuration", "Every", "day")
    assert shown(bad(make_case(root), "backups")) == ["warning: a backup is to be made each day, and none was made yet"]


def test_backups_of_before_a_restore(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """How much they take is shown, and is a warning when it is much."""
    for name in "ab":
        root.write(f"/var/lib/e-smith/backups/{name}", "x" * 2000)
    found = [one.what for _, one in examined(make_case(root), "backups").findings()]
    assert "2 backups of before a restore in /var/lib/e-smith/backups: 3 kB" in found
    monkeypatch.setattr(backups, "_MANY_BYTES", 3999)
    shown_now = shown(bad(make_case(root), "backups"))
    assert "warning: 2 backups of before a restore in /var/lib/e-smith/backups take 0 MB" in shown_now
