"""Links in the place of directories, and the mode and owner of directories."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from esmith.backup.opening import open_backup
from esmith.backup.write import write_backup
from esmith.errors import InstallError
from esmith.overrides.record import record_installed
from esmith.overrides.search import Search
from esmith.plan.host import DiskHost
from esmith.store import open_store
from tests.backup.kit import CUSTOM, KEYS, Small

_OWN = f"{CUSTOM}/etc/clamd.conf/20own"


@pytest.fixture
def small(tmp_path: Path) -> Small:
    """Return a small root with a fragment and a key; its tree of fragments is shipped."""
    found = Small(tmp_path / "root")
    found.set("qpsmtpd", DNSBL="enabled")
    found.write("var/lib/e-smith/shipped", b"0  templates-custom/README.md\n0  events/a-update/S10a\n")
    found.write(_OWN, b"old\n")
    found.write(f"{KEYS}/default/private", b"secret\n", 0o400)
    return found


def _notes(small: Small, file: Path) -> list[str]:
    store = open_store(small.layout)
    _, notes = write_backup(small.layout, store, str(file))
    store.close()
    return notes


def _move(small: Small, place: str) -> Path:
    """Have a link in the place of a directory, which is moved elsewhere; return where it is now."""
    elsewhere = small.path / "elsewhere"
    (small.path / place).rename(elsewhere)
    (small.path / place).symlink_to(elsewhere)
    return elsewhere


@pytest.mark.parametrize("place", [CUSTOM, KEYS, "etc/e-smith"])
def test_a_link_in_the_place_of_a_tree(small: Small, tmp_path: Path, place: str) -> None:
    """What a link leads to that is in the place of a tree is in the backup, and so in that of before a restore."""
    plain = small.backup(tmp_path / "plain")
    elsewhere = _move(small, place)
    assert _notes(small, tmp_path / "linked") == []
    files = [open_backup(str(tmp_path / name)).manifest.files for name in ("plain", "linked")]
    assert [[file.path for file in one] for one in files] == [[file.path for file in files[0]]] * 2
    changed = small.path / (f"{KEYS}/default/private" if place == KEYS else _OWN)
    before = changed.read_bytes()
    changed.chmod(0o600)
    changed.write_bytes(b"new\n")
    done = small.restore(plain)
    assert changed.read_bytes() == before
    assert (small.path / place).is_symlink()
    small.restore(Path(done.before))
    assert changed.read_bytes() == b"new\n"
    assert changed.resolve().is_relative_to(elsewhere)
    other = Small(tmp_path / "other")
    other.restore(tmp_path / "linked")
    assert other.path.joinpath(_OWN).read_bytes() == b"old\n"
    assert not other.path.joinpath(place).is_symlink()


@pytest.mark.parametrize("place", [CUSTOM, "etc/e-smith/events/a-update"])
@pytest.mark.parametrize("fault", ["nowhere", "a loop", "a file", "anybody may write it"])
def test_a_link_that_is_not_followed(small: Small, tmp_path: Path, place: str, fault: str) -> None:
    """A link in the place of a directory that is not followed is named; nothing is restored behind it."""
    small.write("etc/e-smith/events/a-update/S20mine")
    plain = small.backup(tmp_path / "plain")
    elsewhere = _move(small, place)
    if fault == "anybody may write it":
        elsewhere.chmod(0o777)
        behind = next(path for path in sorted(elsewhere.rglob("*")) if path.is_file())
        behind.write_bytes(b"new\n")
    else:
        link = small.path / place
        link.unlink()
        link.symlink_to({"nowhere": "missing", "a loop": link.name, "a file": str(small.write("a file"))}[fault])
    notes = _notes(small, tmp_path / "linked")
    assert len(notes) == 1
    assert notes[0].startswith(f"/{place} is left out")
    with pytest.raises(InstallError):
        small.restore(plain)
    if fault == "anybody may write it":
        assert behind.read_bytes() == b"new\n"


def test_a_link_inside_a_tree(small: Small, tmp_path: Path) -> None:
    """Where a directory of the backup is a link now nothing is replaced behind that."""
    plain = small.backup(tmp_path / "plain")
    small.path.joinpath(CUSTOM, "etc").rename(small.path / CUSTOM / "other")
    small.path.joinpath(CUSTOM, "etc").symlink_to("other")
    small.path.joinpath(_OWN).write_bytes(b"new\n")
    with pytest.raises(InstallError, match="would be replaced behind it"):
        small.restore(plain)
    assert small.path.joinpath(_OWN).read_bytes() == b"new\n"


def test_modes_of_directories(small: Small, tmp_path: Path) -> None:
    """Directories get the mode of the backup, and keep a sticky bit; those of e-smith itself stay as they are."""
    small.write("etc/e-smith/events/a-update/S20mine")
    tree, shipped = small.path / CUSTOM / "etc", small.path / "etc/e-smith/events/a-update"
    tree.chmod(0o1750)
    file = small.backup(tmp_path / "one")
    tree.chmod(0o1755)
    shipped.chmod(0o700)
    assert [one.path for one in small.restore(file).difference.changed] == [f"/{CUSTOM}/etc"]
    assert (tree.stat().st_mode & 0o7777, shipped.stat().st_mode & 0o7777) == (0o1750, 0o700)
    assert not small.restore(file).difference


@pytest.mark.root("directories get owners")
def test_owners_of_directories(small: Small, tmp_path: Path) -> None:
    """Directories get their owners again, those that are made and those that are there, also one inside another."""
    small.write("etc/passwd", b"root:x:0:0::/:/bin/sh\nqpsmtpd:x:453:453::/:/bin/false\n")
    small.write("etc/group", b"root:x:0:\nqpsmtpd:x:453:\n")
    other = Small(tmp_path / "other")
    for name in ("etc/passwd", "etc/group"):
        other.write(name, small.path.joinpath(name).read_bytes())
    places = (KEYS, f"{KEYS}/default")
    for place in places:
        small.path.joinpath(place).chmod(0o750)
        os.chown(small.path / place, 453, 453)
    file = small.backup(tmp_path / "one")

    def owners(root: Small) -> list[tuple[int, int, int]]:
        found = [root.path.joinpath(place).stat() for place in places]
        return [(one.st_uid, one.st_gid, one.st_mode & 0o777) for one in found]

    other.restore(file)
    assert owners(other) == [(453, 453, 0o750)] * 2
    for place in places:
        os.chown(other.path / place, 0, 0)
    assert [one.path for one in other.restore(file).difference.changed] == [f"/{place}" for place in places]
    assert owners(other) == [(453, 453, 0o750)] * 2
    assert not other.restore(file).difference


def test_what_overrides_were_made_from(small: Small, tmp_path: Path) -> None:
    """On a machine whose shipped files are newer than the backup, what an override was made from is only probable."""
    file = small.backup(tmp_path / "one")
    other = Small(tmp_path / "other")
    other.write("etc/e-smith/templates/etc/clamd.conf/20own", b"shipped\n")
    record_installed(other.layout, DiskHost(other.layout), "2.0")
    other.restore(file)
    fragment = _OWN.removeprefix("etc/e-smith/")
    assert Search(other.layout).one(fragment).base.probable
    other.write(_OWN, b"saved since\n")
    assert not Search(other.layout).one(fragment).base.probable
