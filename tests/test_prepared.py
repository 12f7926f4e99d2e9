"""The copies of a prepared root, which the other tests begin with."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from esmith.layout import Layout
from esmith.plan.plan import make_plan
from esmith.store import open_store
from tests.commands import Root, copy_prepared
from tests.offices import settle_office
from tests.reused import Reused


def _seen(folder: Path) -> dict[str, tuple[object, ...]]:
    """Return all that the engine may see of each file below a folder, but for its inode."""
    found: dict[str, tuple[object, ...]] = {}
    for path in [folder, *folder.rglob("*")]:
        status = path.lstat()
        times = () if path.is_symlink() else (status.st_mtime_ns,)
        text = os.readlink(path) if path.is_symlink() else ""
        found[str(path.relative_to(folder))] = (status.st_mode, status.st_uid, status.st_gid, text, *times)
    return found


def test_a_copy_is_as_the_prepared_root(_office: Path, tmp_path: Path) -> None:
    """Modes, owners, links, and times to the nanosecond are those of the root, and so is what the files hold."""
    copy_prepared(_office, tmp_path / "copy")
    assert _seen(tmp_path / "copy") == _seen(_office)
    for path in filter(Path.is_file, _office.rglob("*")):
        if os.access(path, os.R_OK):
            assert (tmp_path / "copy" / path.relative_to(_office)).read_bytes() == path.read_bytes()


def test_a_file_that_nobody_may_read(tmp_path: Path) -> None:
    """A file whose mode keeps even its owner from reading it is copied with what it holds, and keeps the mode."""
    secret = tmp_path / "prepared/secret"
    secret.parent.mkdir()
    secret.write_text("x")
    secret.chmod(0)
    copy_prepared(secret.parent, tmp_path / "copy")
    for path in (secret, tmp_path / "copy/secret"):
        assert path.stat().st_mode & 0o7777 == 0
        path.chmod(0o600)
        assert path.read_text() == "x"


def test_copies_are_apart(tmp_path: Path) -> None:
    """What is written into one copy is in no other one, and not in the prepared root."""
    prepared = tmp_path / "prepared"
    prepared.mkdir()
    (prepared / "file").write_text("as prepared")
    copy_prepared(prepared, tmp_path / "one")
    (tmp_path / "one/file").write_text("changed in place")
    copy_prepared(prepared, tmp_path / "two")
    assert (prepared / "file").read_text() == (tmp_path / "two/file").read_text() == "as prepared"


def _in_place(root: Path) -> None:
    """Change one letter, and give the file the time it had."""
    file = root / "etc/passwd"
    status, text = file.stat(), file.read_bytes()
    with file.open("r+b") as open_file:
        open_file.write(text.replace(b"x", b"y", 1))
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))


def _time(root: Path) -> None:
    os.utime(root / "etc/passwd", (1, 1))


def _mode(root: Path) -> None:
    (root / "etc/passwd").chmod(0o600)
    (root / "etc").chmod(0o711)


def _gone(root: Path) -> None:
    (root / "etc/passwd").unlink()
    shutil.rmtree(root / "etc/e-smith/templates")


def _more(root: Path) -> None:
    (root / "etc/e-smith/events/new/deep").mkdir(parents=True)
    (root / "etc/e-smith/events/new/deep/file").write_text("x")
    (root / "new").symlink_to("/etc")


def _another_kind(root: Path) -> None:
    """A link takes the place of a directory, a directory that of a file, a file that of a link."""
    (root / "etc/e-smith/events").rename(root / "events")
    (root / "etc/e-smith/events").symlink_to(root / "events")
    (root / "etc/passwd").unlink()
    (root / "etc/passwd").mkdir()
    (root / "etc/passwd/file").write_text("x")
    link = next(path for path in root.rglob("*") if path.is_symlink() and path.name != "events")
    link.unlink()
    link.write_text("x")


def _second_name(root: Path) -> None:
    """Another folder has the same file, by which it can be changed."""
    other = root.parent / "other"
    os.link(root / "etc/passwd", other)
    other.write_text("y")


def _nothing(_root: Path) -> None:
    """It is only looked at."""


def _removed(root: Path) -> None:
    shutil.rmtree(root)


def _only_for_root(root: Path) -> None:
    (root / "etc").chmod(0)


def _swapped(root: Path) -> None:
    """Two files have each other's name."""
    (root / "etc/passwd").rename(root / "aside")
    (root / "etc/group").rename(root / "etc/passwd")
    (root / "aside").rename(root / "etc/group")


def _setting(root: Path) -> None:
    Root(root).config("setprop", "qpsmtpd", "DNSBL", "enabled")


CHANGES = (
    *(_nothing, _in_place, _time, _mode, _gone, _more, _another_kind, _second_name, _removed, _only_for_root),
    *(_swapped, _setting),
)


def _contents(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file() and os.access(path, os.R_OK)]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_what_a_test_changed_is_restored(_office: Path, tmp_path: Path) -> None:
    """The next borrower of a copy that is used again sees nothing of what the one before did."""
    place = tmp_path / "place"
    place.mkdir()
    copies = Reused(_office, place)
    seen, contents = _seen(_office), _contents(_office)
    for number, change in enumerate(CHANGES):
        root = tmp_path / f"root{number}"
        copies.lend(root)
        assert _seen(root) == seen, f"before {change.__name__}"
        assert _contents(root) == contents, f"before {change.__name__}"
        change(root)
        copies.take_back(root)
    copies.lend(tmp_path / "last")
    assert (_seen(tmp_path / "last"), _contents(tmp_path / "last")) == (seen, contents)


def test_what_was_not_changed_is_used_again(tmp_path: Path) -> None:
    """A file that nobody changed is the same one, inode and all; one that was changed is another."""
    source, place = tmp_path / "source", tmp_path / "place"
    for folder in (source, place):
        folder.mkdir()
    for name in ("same", "other"):
        (source / name).write_text(name)
    copies = Reused(source, place)
    copies.lend(tmp_path / "one")
    before = {path.name: path.stat().st_ino for path in (tmp_path / "one").iterdir()}
    (tmp_path / "one/other").write_text("OTHER")
    copies.take_back(tmp_path / "one")
    copies.lend(tmp_path / "two")
    assert (tmp_path / "two/same").stat().st_ino == before["same"]
    assert (tmp_path / "two/other").read_text() == "other"


def test_what_comes_back_to_the_place_is_removed(tmp_path: Path) -> None:
    """A process that a test left may make a directory at the place after the copy was taken back."""
    source, place, root = tmp_path / "source", tmp_path / "place", tmp_path / "root"
    for folder in (source, place):
        folder.mkdir()
    (source / "file").write_text("x")
    copies = Reused(source, place)
    copies.lend(root)
    copies.take_back(root)
    (root / "var/lib").mkdir(parents=True)
    copies.lend(root)
    assert [path.name for path in root.iterdir()] == ["file"]


def _recalled(root: Path) -> list[bool]:
    """Return of each of some files whether the engine remembers what it is made of."""
    layout = Layout(str(root))
    store = open_store(layout)
    try:
        with store.snapshot() as snapshot:
            plan = make_plan(layout, snapshot, ["/etc/clamd.conf", "/var/qmail/control/locals"])
    finally:
        store.close()
    return [output.rendering.recalled for output in plan.outputs]


def test_a_settled_copy_remembers(_office: Path, tmp_path: Path) -> None:
    """In a settled copy the engine remembers what it made, for each borrower; all else is as it was prepared."""
    places = [tmp_path / name for name in ("plain", "settled")]
    for place in places:
        place.mkdir()
    plain, settled = Reused(_office, places[0]), Reused(_office, places[1], settle_office)
    plain.lend(tmp_path / "root")
    assert _recalled(tmp_path / "root") == [False, False]
    seen = _as_prepared(_office)
    for _ in range(2):
        settled.lend(places[1] / "root")
        assert _as_prepared(places[1] / "root") == seen
        assert _recalled(places[1] / "root") == [True, True]
        _setting(places[1] / "root")
        Root(places[1] / "root").signal("email-update")
        settled.take_back(places[1] / "root")


def _as_prepared(root: Path) -> dict[str, bytes]:
    """Return the contents of all files but those of the databases and what is kept only to be faster."""
    besides = ("home/e-smith/db/", "var/lib/e-smith/code/")
    return {path: content for path, content in _contents(root).items() if not path.startswith(besides)}


@pytest.mark.root("mounts")
def test_a_mount_is_not_touched(tmp_path: Path) -> None:
    """Where a file system is mounted in the copy, the next borrower gets a new copy; what is mounted is left alone."""
    source, place, mounted = tmp_path / "source", tmp_path / "place", tmp_path / "mounted"
    for folder in (source / "inner", place, mounted):
        folder.mkdir(parents=True)
    copies = Reused(source, place)
    copies.lend(tmp_path / "one")
    subprocess.run(["mount", "-t", "tmpfs", "none", tmp_path / "one/inner"], check=True)
    (tmp_path / "one/inner/file").write_text("x")
    copies.take_back(tmp_path / "one")
    try:
        copies.lend(tmp_path / "two")
        assert not list((tmp_path / "two/inner").iterdir())
        assert [path.read_text() for path in place.glob("*/inner/file")] == ["x"]
    finally:
        for folder in place.glob("*/inner"):
            subprocess.run(["umount", folder], check=True)
