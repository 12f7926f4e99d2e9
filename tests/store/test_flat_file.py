"""A flat file as a store: what it holds, and that it is replaced as a whole, with its mode, its owner and its links."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from esmith.errors import EsmithError, RefusedError, StoreError, UsageError
from esmith.store.flat.file import FlatFile
from esmith.store.model import Record
from tests.store.stores import AUTHOR, cells

TEXT = "# a comment\nb=t|p|1\r\na=u\n"
LEFT = "b=t|p|1\r\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a flat file of two records in a directory of its own."""
    path = tmp_path / "own" / "db"
    path.parent.mkdir()
    path.write_bytes(TEXT.encode())
    return path


def put(file: Path, key: str, type: str = "v", **props: str) -> None:
    """Write a record of a flat file in a transaction of its own."""
    with FlatFile(str(file)).transaction(AUTHOR) as transaction:
        transaction.set_type(str(file), key, type)
        for prop, value in props.items():
            transaction.set_prop(str(file), key, prop, value)


def records(file: Path) -> list[Record]:
    """Return what a flat file holds."""
    with FlatFile(str(file)).snapshot() as snapshot:
        return list(snapshot.records(str(file)))


def lines(file: Path) -> str:
    """Return a file without its comments."""
    text = file.read_bytes().decode()
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))


def test_writing(file: Path) -> None:
    """Records are sorted and other lines stay as they are; nothing is left beside the file."""
    put(file, "aa", p="x|y", q="two\nlines", r="C:\\new")
    assert lines(file) == "a=u\naa=v|p|x\\|y|q|two\\nlines|r|C:\\new\n" + LEFT
    assert records(file)[1].props == {"p": "x|y", "q": "two\nlines", "r": "C:\\new"}
    put(file, "z")
    assert records(file)[1].props["r"] == "C:\\new", "the comment that is exact is kept for an untouched record"
    assert os.listdir(file.parent) == ["db"]


def test_bytes_that_are_not_utf8_stay(file: Path) -> None:
    """Bytes of other records that are not UTF-8 are written back as they were."""
    file.write_bytes(b"\xe9=t|\xff|\xe9\n")
    put(file, "a")
    assert file.read_bytes().endswith(b"\na=v\n\xe9=t|\xff|\xe9\n")


def test_a_snapshot(file: Path) -> None:
    """A snapshot has one database, named by the path, and nothing of a journal; later writes are not seen."""
    name = str(file)
    with FlatFile(name).snapshot() as snapshot:
        put(file, "later")
        assert snapshot.databases() == [name]
        assert snapshot.has_database(name)
        assert snapshot.keys(name) == ["a", "b"]
        assert (snapshot.type_of(name, "b"), snapshot.type_of(name, "x")) == ("t", None)
        assert (snapshot.prop(name, "b", "p"), snapshot.prop(name, "b", "x")) == ("1\r", None)
        assert [record.key for record in snapshot.records(name, "t")] == ["b"]
        assert (snapshot.revision(), list(snapshot.revisions())) == (0, [])
        assert (snapshot.state("t", "n"), list(snapshot.states("t"))) == (None, [])


def test_a_transaction(file: Path) -> None:
    """A transaction sees its own changes and lists them; a record given out is a copy."""
    name = str(file)
    with FlatFile(name).transaction(AUTHOR) as transaction:
        transaction.set_type(name, "c", "t")
        transaction.set_prop(name, "c", "p", "1")
        transaction.set_prop(name, "b", "p", "other")
        transaction.set_prop(name, "b", "p", "1\r")
        transaction.delete_record(name, "a")
        transaction.delete_prop(name, "b", "nosuch")
        assert transaction.keys(name) == ["b", "c"]
        record = transaction.record(name, "c")
        assert record is not None
        record.props["p"] = "changed outside"
        assert transaction.prop(name, "c", "p") == "1"
        assert cells(transaction.changes) == {
            (name, "c", "", None, "t"),
            (name, "c", "p", None, "1"),
            (name, "a", "", "u", None),
        }
        with pytest.raises(EsmithError):
            transaction.set_state("table", "name", b"")
    assert lines(file) == LEFT + "c=t|p|1\n"


def test_an_error_changes_nothing(file: Path) -> None:
    """A transaction that ends with an error leaves the file, and leaves no new file."""
    before = file.stat()
    for path in (file, file.with_name("new")):
        with pytest.raises(ZeroDivisionError), FlatFile(str(path)).transaction(AUTHOR) as transaction:
            transaction.set_type(str(path), "k", "v")
            raise ZeroDivisionError
    assert file.stat() == before
    assert os.listdir(file.parent) == ["db"]


def test_nothing_to_change(file: Path) -> None:
    """What is set to what it was does not rewrite the file."""
    before = file.stat()
    put(file, "a", "u")
    with FlatFile(str(file)).transaction(AUTHOR) as transaction:
        transaction.set_type(str(file), "c", "t")
        transaction.delete_record(str(file), "c")
        transaction.create_database(str(file))
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_new_file(tmp_path: Path) -> None:
    """A missing file is an empty database; the first write makes it, readable by its group."""
    file = tmp_path / "new"
    assert records(file) == []
    with FlatFile(str(file)).snapshot() as snapshot:
        assert not snapshot.has_database(str(file))
    with FlatFile(str(file)).transaction(AUTHOR) as transaction:
        assert not transaction.has_database(str(file))
    assert not file.exists()
    umask = os.umask(0o022)
    try:
        put(file, "k")
    finally:
        os.umask(umask)
    assert (lines(file), stat.S_IMODE(file.stat().st_mode)) == ("k=v\n", 0o640)
    with FlatFile(str(tmp_path / "empty")).transaction(AUTHOR) as transaction:
        transaction.create_database("empty")
    assert (tmp_path / "empty").read_text().startswith("# DO NOT MODIFY")


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o660, 0o644, 0o2664])
def test_the_mode_stays(file: Path, mode: int) -> None:
    """The file keeps its mode, whatever the umask."""
    file.chmod(mode)
    umask = os.umask(0o077)
    try:
        put(file, "k")
    finally:
        os.umask(umask)
    assert stat.S_IMODE(file.stat().st_mode) == mode


@pytest.mark.root("only root may give files away")
def test_the_owner_stays(file: Path) -> None:
    """The file keeps its owner and its group."""
    os.chown(file, 12345, 54321)
    put(file, "k")
    assert (file.stat().st_uid, file.stat().st_gid) == (12345, 54321)


def test_a_link(file: Path, tmp_path: Path) -> None:
    """Through a link the file it leads to is replaced; the link stays."""
    link = tmp_path / "link"
    link.symlink_to("own/db")
    put(link, "k")
    assert link.is_symlink()
    assert not file.is_symlink()
    assert [record.key for record in records(file)] == ["a", "b", "k"]
    assert sorted(os.listdir(tmp_path)) == ["link", "own"]
    dangling = tmp_path / "dangling"
    dangling.symlink_to("own/other")
    put(dangling, "k")
    assert [record.key for record in records(tmp_path / "own/other")] == ["k"]
    assert dangling.is_symlink()


def test_what_is_no_flat_file(tmp_path: Path) -> None:
    """A directory, a FIFO or a binary file is refused with its path; it is neither read nor written."""
    os.mkfifo(tmp_path / "fifo")
    binary = tmp_path / "data.mdb"
    binary.write_bytes(b"\0\0k=v\n")
    for path in (tmp_path, tmp_path / "fifo", binary, Path("/dev/null")):
        with pytest.raises(StoreError, match=str(path)):
            put(path, "k")
    for path in (tmp_path, tmp_path / "fifo", binary):
        with pytest.raises(StoreError, match=str(path)):
            records(path)
    assert binary.read_bytes() == b"\0\0k=v\n"


def test_another_text_is_not_overwritten(tmp_path: Path) -> None:
    """A text without any record, named by mistake, is not turned into a database."""
    file = tmp_path / "passwd"
    file.write_text("root:x:0:0\n# x\nmail:x:8:8\n")
    with pytest.raises(StoreError, match="no line has a '='"):
        put(file, "k")
    assert file.read_text() == "root:x:0:0\n# x\nmail:x:8:8\n"
    file.write_text("# only a comment\n\n")
    put(file, "k")
    assert lines(file) == "k=v\n"


@pytest.mark.parametrize(
    ("key", "type", "prop", "value"),
    [
        ("", "v", "p", "x"),
        (" k", "v", "p", "x"),
        ("#k", "v", "p", "x"),
        ("a=b", "v", "p", "x"),
        ("a\nb", "v", "p", "x"),
        ("k", "a|b", "p", "x"),
        ("k", "v", "", "x"),
        ("k", "v", "a|b", "x"),
        ("k", "v", "a\nb", "x"),
        ("k", "v", "p", "a\0b"),
    ],
)
def test_what_would_be_lost_is_refused(file: Path, key: str, type: str, prop: str, value: str) -> None:
    """What could not be found again in the file is refused, and the file stays."""
    with pytest.raises(RefusedError), FlatFile(str(file)).transaction(AUTHOR) as transaction:
        transaction.set_type(str(file), key, type)
        transaction.set_prop(str(file), key, prop, value)
    assert file.read_bytes() == TEXT.encode()


def test_a_property_needs_its_record(file: Path) -> None:
    """A property of a record that does not exist is an error, as in the store."""
    with pytest.raises(UsageError), FlatFile(str(file)).transaction(AUTHOR) as transaction:
        transaction.set_prop(str(file), "nosuch", "p", "v")


@pytest.mark.parametrize("call", ["fsync", "rename", "fchmod"])
def test_a_step_that_fails(file: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    """When the new file cannot be written or put in place, the old one stays and nothing is left beside it."""

    def fail(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(StoreError, match="input/output error"):
        put(file, "k")
    monkeypatch.undo()
    assert file.read_bytes() == TEXT.encode()
    assert os.listdir(file.parent) == ["db"]
    put(file, "k")
    assert len(records(file)) == 3


def test_it_is_durable(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new file is on the disk before it is put in place, and its name before the transaction ends."""
    steps: list[str] = []
    fsync, rename = os.fsync, os.rename

    def record_fsync(descriptor: int) -> None:
        steps.append("directory" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        assert steps[-1] == "directory" or os.fstat(descriptor).st_size > 0
        fsync(descriptor)

    def record_rename(old: str, new: str) -> None:
        steps.append("rename")
        rename(old, new)

    monkeypatch.setattr(os, "fsync", record_fsync)
    monkeypatch.setattr(os, "rename", record_rename)
    put(file, "k")
    assert steps == ["file", "rename", "directory"]
