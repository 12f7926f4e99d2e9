"""Backups that are damaged, or that somebody made to do harm: nothing of them is used."""

from __future__ import annotations

import gzip
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from esmith.backup import read
from esmith.backup.form import FORMAT, MAGIC, BackupError
from esmith.backup.opening import open_backup
from esmith.errors import UsageError
from tests.backup.kit import CUSTOM, Forged, Small, tree_of

_GOOD = f"/{CUSTOM}/etc/clamd.conf"


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a good backup; nobody changes it."""
    place = tmp_path_factory.mktemp("good")
    small = Small(place / "root")
    small.set("qpsmtpd", DNSBL="enabled")
    small.write(f"{CUSTOM}/etc/clamd.conf/20own")
    return small.backup(place / "backup")


def _file(path: str, **more: object) -> Callable[[Forged], None]:
    def change(forged: Forged) -> None:
        forged.list_file(path, **more)  # type: ignore[arg-type]
        forged.put(f"files{path}", b"x")

    return change


def _link(path: str, target: str) -> Callable[[Forged], None]:
    def change(forged: Forged) -> None:
        forged.list_file(path, "link", mode=0o777, target=target)
        forged.put(f"files{path}", b"", tarfile.SYMTYPE, target)

    return change


def _through_link(forged: Forged) -> None:
    _link(f"{_GOOD}/sub", "/etc/e-smith/templates-custom")(forged)
    _file(f"{_GOOD}/sub/passwd")(forged)


def _other(kind: bytes) -> Callable[[Forged], None]:
    return lambda forged: forged.put(f"files{_GOOD}/odd", b"", kind, "/etc/passwd")


def _database(name: str, text: bytes) -> Callable[[Forged], None]:
    return lambda forged: forged.put(f"databases/{name}", text)


def _journal(*lines: object) -> Callable[[Forged], None]:
    text = "".join(f"{json.dumps(line)}\n" for line in lines).encode()
    return lambda forged: forged.replace("journal/000001", text)


def _head(**more: object) -> dict[str, object]:
    return {"revision": 1, "time": 1, "user": "root", "sudo_user": "", "command": ["x"], "changes": 1} | more


_HOSTILE: dict[str, Callable[[Forged], None]] = {
    "a path that climbs": _file("/etc/e-smith/../passwd"),
    "a path that climbs by its name in the archive": lambda forged: forged.put("files/../../x", b"x"),
    "a place that no backup is of": _file("/etc/passwd"),
    "the databases": _file("/home/e-smith/db/data.mdb"),
    "beside a key": _file("/home/e-smith/dkim_keysx/private"),
    "a temporary name": _file("/etc/e-smith/templates-custom/.esmith-1-2-3"),
    "a NUL": _file("/etc/e-smith/templates-custom/a\0b"),
    "a program that runs as its owner": _file(f"{_GOOD}/suid", mode=0o4755),
    "an owner that is none": _file(f"{_GOOD}/owner", owner="root:x"),
    "another kind": lambda forged: forged.list_file(f"{_GOOD}/odd", "device"),
    "a link out": _link(f"{_GOOD}/passwd", "/etc/passwd"),
    "a link out that climbs": _link(f"{_GOOD}/passwd", "../../../../../passwd"),
    "a key that is a link to a fragment": _link("/home/e-smith/dkim_keys/private", "/etc/e-smith/templates/x"),
    "a file behind a link": _through_link,
    "a file that is there twice": lambda forged: forged.put(f"files{_GOOD}/20own", b"x"),
    "a hard link": _other(tarfile.LNKTYPE),
    "a device": _other(tarfile.CHRTYPE),
    "a pipe": _other(tarfile.FIFOTYPE),
    "a sparse file": _other(tarfile.GNUTYPE_SPARSE),
    "an extended header": _other(tarfile.XHDTYPE),
    "a link that the manifest does not have": _other(tarfile.SYMTYPE),
    "a file that the manifest does not have": lambda forged: forged.put(f"files{_GOOD}/more", b"x"),
    "a file that only the manifest has": lambda forged: forged.list_file(f"{_GOOD}/less"),
    "a member of no kind": lambda forged: forged.put("more", b"x"),
    "an unknown part": lambda forged: forged.manifest["parts"].append("all"),
    "a manifest of another form": lambda forged: forged.manifest.update(files=[{"path": 1}]),
    "a database with a name that leads out": _database("../x", b"a=b\n"),
    "a database of the engine": _database("=journal", b"a=b\n"),
    "a record that is none": _database("other", b"no record\n"),
    "a record that is there twice": _database("other", b"a=b\na=c\n"),
    "a value with a control character": _database("other", b"a=b|c|\x1b[2J\n"),
    "a journal that lacks a change": _journal(_head()),
    "a journal with a change that is none": _journal(_head(), ["configuration", "a", "b", None]),
    "a journal with a value that cannot be": _journal(_head(), ["configuration", "a", "b", None, "a\0b"]),
    "a journal of another revision": _journal(_head(revision=9), ["configuration", "a", "", None, "b"]),
    "a journal with a number that cannot be": _journal(_head(time=-1), ["configuration", "a", "", None, "b"]),
    "a journal without an author": _journal(_head(command=[1]), ["configuration", "a", "", None, "b"]),
    "a newer format": lambda forged: forged.replace("README", f"{MAGIC}{FORMAT + 1}\n".encode()),
}


@pytest.mark.parametrize("name", _HOSTILE)
def test_a_hostile_archive_does_nothing(name: str, good: Path, tmp_path: Path) -> None:
    """An archive with right checksums, and something in it that no backup has, is refused as a whole."""
    forged = Forged(good)
    _HOSTILE[name](forged)
    file = forged.write(tmp_path / "forged")
    small = Small(tmp_path / "root")
    before = tree_of(small.path, "etc", "home", "var")
    with pytest.raises(BackupError) as caught:
        small.restore(file)
    assert caught.value.hint.endswith("nothing was changed")
    assert caught.value.place == str(file)
    assert {path: one for path, one in tree_of(small.path, "etc", "home", "var").items() if "lock.mdb" not in path} == {
        path: one for path, one in before.items() if "lock.mdb" not in path
    }


def test_the_forger_forges(good: Path, tmp_path: Path) -> None:
    """What the tests of hostile archives write is a good backup when nothing is changed, or only what may be."""
    forged = Forged(good)
    _file(f"{_GOOD}/30more")(forged)
    _link(f"{_GOOD}/40out", "/dev/null")(forged)
    forged.replace("journal/000001", forged.data("journal/000001").replace(b'"root"', b'"mary"'))
    small = Small(tmp_path / "root")
    small.restore(forged.write(tmp_path / "forged"))
    assert small.path.joinpath(f"{CUSTOM}/etc/clamd.conf/30more").read_bytes() == b"x"
    assert small.journal()[1][2] == "mary"


@pytest.mark.parametrize("name", ["databases/configuration", "MANIFEST.json", "SHA256SUMS"])
def test_a_wrong_checksum(name: str, good: Path, tmp_path: Path) -> None:
    """A member that is not what the checksums say is noticed."""
    forged = Forged(good)
    data = forged.data(name)
    forged.replace(name, data.replace(b"enabled", b"enAbled") if b"enabled" in data else data.replace(b"a", b"b", 1))
    with pytest.raises(BackupError):
        open_backup(str(forged.write(tmp_path / "forged", sums=False)))


def test_each_cut_is_noticed(good: Path, tmp_path: Path) -> None:
    """A backup that is not whole is refused, wherever it ends; so is one with something behind its end."""
    data = good.read_bytes()
    file = tmp_path / "cut"
    for end in (*range(0, len(data), 97), len(data) - 1, len(data) - 8):
        file.write_bytes(data[:end])
        # The beginning says what it is.
        with pytest.raises(BackupError) as caught:
            open_backup(str(file))
        assert "cut off" in str(caught.value) or end <= len(data) // 2
    for more in (b"x", gzip.compress(b"x")):
        file.write_bytes(data + more)
        with pytest.raises(BackupError):
            open_backup(str(file))


def test_each_flipped_bit_is_noticed(good: Path, tmp_path: Path) -> None:
    """A backup in which a bit is another one is refused, but for bits that the compression does not read."""
    data = bytearray(good.read_bytes())
    whole = gzip.decompress(data)
    file = tmp_path / "flipped"
    for at in range(10, len(data), 23):
        data[at] ^= 16
        file.write_bytes(data)
        try:
            open_backup(str(file)).__exit__(None, None, None)
        except BackupError:
            pass
        else:
            assert gzip.decompress(data) == whole
        data[at] ^= 16


@pytest.mark.parametrize(
    ("limit", "value"),
    [
        ("MOST_MEMBERS", 3),
        ("MOST_BYTES", 500),
        ("LONGEST_MEMBER", 100),
        ("LONGEST_MANIFEST", 10),
        ("LONGEST_BASES", 10),
    ],
)
def test_limits(limit: str, value: int, good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An archive with too many members, or too large ones, is refused while it is read."""
    monkeypatch.setattr(read, limit, value)
    with pytest.raises(BackupError, match=r"too (many|large)"):
        open_backup(str(good))


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "empty"), *((one, "no backup of e-smith") for one in (b"text\n", gzip.compress(b"text")))],
    ids=["empty", "text", "compressed text"],
)
def test_what_is_no_backup(content: bytes, reason: str, tmp_path: Path) -> None:
    """A file that is no backup is called so, and so is one that is not there."""
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(BackupError, match=reason):
        open_backup(str(tmp_path / "file"))
    with pytest.raises(UsageError, match="no such file"):
        open_backup(str(tmp_path / "none"))
    with pytest.raises(BackupError, match="no plain file"):
        open_backup("/dev/zero")


def test_what_is_not_ours_is_not_decompressed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Something that does not begin as a backup is refused before the disk is filled with what is in it."""
    monkeypatch.setattr(read, "MOST_BYTES", 2**20)
    file = tmp_path / "zeros"
    file.write_bytes(gzip.compress(bytes(2**22)))
    with pytest.raises(BackupError, match="it is no backup of e-smith"):
        open_backup(str(file))
