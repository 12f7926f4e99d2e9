"""Making a backup: what is in it, and what happens to the file."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from esmith.backup import last, write
from esmith.backup.keep import write_to_folder
from esmith.backup.last import NAME, note_last
from esmith.backup.opening import open_backup
from esmith.backup.write import Archive, write_backup, write_stream
from esmith.errors import StoreError, UsageError
from esmith.plan.host import DiskHost
from esmith.store import open_store
from esmith.store.model import Record
from tests.backup.kit import CUSTOM, KEYS, Small, members_of
from tests.commands import Root


@pytest.fixture
def small(tmp_path: Path) -> Small:
    """Return a small root with a setting, a fragment and a key."""
    found = Small(tmp_path / "root")
    found.set("qpsmtpd", DNSBL="enabled")
    found.write(f"{CUSTOM}/etc/clamd.conf/20own")
    found.write(f"{KEYS}/default/private", b"secret\n", 0o400)
    return found


def test_it_can_be_looked_into_without_us(small: Small, tmp_path: Path) -> None:
    """A backup is a tar archive with settings as text, a journal as JSON, files, and sums that sha256sum can check."""
    file = small.backup(tmp_path / "one.tar.gz")
    members = members_of(file)
    assert b"qpsmtpd=service|DNSBL|enabled\n" in members["databases/configuration"]
    head = json.loads(members["journal/000001"].splitlines()[0])
    assert head == {"revision": 1, "time": head["time"], "user": "root", "sudo_user": "", "changes": 2} | {
        "command": ["config", "set"]
    }
    assert members[f"files/{CUSTOM}/etc/clamd.conf/20own"] == b"x\n"
    assert members[f"files/{KEYS}/default/private"] == b"secret\n"
    lines = (line.partition("  ") for line in members.pop("SHA256SUMS").decode().splitlines())
    assert {name: digest for digest, _, name in lines} == {
        name: hashlib.sha256(data).hexdigest() for name, data in members.items()
    }


def test_nobody_else_reads_it(small: Small, tmp_path: Path) -> None:
    """A backup has the mode 0600 whatever the umask."""
    os.umask(0)
    assert small.backup(tmp_path / "one").stat().st_mode & 0o777 == 0o600


def test_what_is_no_backup_is_not_replaced(small: Small, tmp_path: Path) -> None:
    """A backup takes the place of another one; what else has the name stays, unless --force is given for a file."""
    file = small.backup(tmp_path / "one")
    small.set("clamd", status="enabled")
    small.backup(file)
    assert b"clamd" in members_of(file)["databases/configuration"]
    store = open_store(small.layout)
    other = tmp_path / "other"
    other.write_text("mine")
    with pytest.raises(UsageError, match="no backup of e-smith"):
        write_backup(small.layout, store, str(other))
    assert other.read_text() == "mine"
    write_backup(small.layout, store, str(other), force=True)
    (tmp_path / "link").symlink_to(other)
    with pytest.raises(UsageError, match="no plain file"):
        write_backup(small.layout, store, str(tmp_path / "link"), force=True)


@pytest.mark.parametrize("step", ["add", "close"])
def test_a_full_disk_leaves_no_half_file(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """When the disk is full the file of before stays, and nothing else is left."""
    (tmp_path / "to").mkdir()
    file = small.backup(tmp_path / "to" / "one")
    before = file.read_bytes()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Archive, step, full)
    with pytest.raises(StoreError, match="no space left"):
        small.backup(file)
    assert [one.name for one in (tmp_path / "to").iterdir()] == ["one"]
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("limit", "value"),
    [
        ("MOST_MEMBERS", 8),
        ("MOST_BYTES", 500),
        ("LONGEST_MEMBER", 100),
        ("LONGEST_MANIFEST", 10),
        ("LONGEST_BASES", 10),
    ],
)
def test_what_could_not_be_restored_is_no_backup(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    """Where a backup would be refused when it is read none is made, and the file of before stays."""
    file = small.backup(tmp_path / "one")
    before = file.read_bytes()
    monkeypatch.setattr(write, limit, value)
    with pytest.raises(StoreError, match="could not be restored"):
        small.backup(file)
    assert file.read_bytes() == before


def test_leavings_of_killed_ones_go(small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a killed backup left in a folder goes with the next one, that of another machine only when it is old."""
    rename, waiting = os.rename, []

    def note(old: str, new: str, **more: int) -> None:
        waiting.append(old)
        rename(old, new, **more)

    monkeypatch.setattr(os, "rename", note)
    small.backup(tmp_path / "one")
    mark = waiting[0].rpartition(".")[2]
    own, foreign, old = (tmp_path / f".esmith-999999999-1-{end}" for end in (f"1.{mark}", "1.0123456789abcdef", "2"))
    for file in (own, foreign, old):
        file.write_text("half")
    day = time.time() - 90_000
    os.utime(old, (day, day))
    small.backup(tmp_path / "two")
    assert [file.exists() for file in (own, foreign, old)] == [False, True, False]


def test_a_stream(small: Small, tmp_path: Path) -> None:
    """What goes to standard output is a backup as well."""
    stream = io.BytesIO()
    store = open_store(small.layout)
    assert write_stream(small.layout, store, stream, []) == []
    (tmp_path / "one").write_bytes(stream.getvalue())
    with open_backup(str(tmp_path / "one")) as backup:
        assert backup.databases == ["configuration"]


def test_it_is_of_one_moment(small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What others write while a backup is made is not in it, neither in the settings nor in the journal."""
    add = Archive.add
    written: list[str] = []

    def slow(self: Archive, name: str, data: bytes, like: object = None) -> None:
        if name.startswith("databases/") and not written:
            written.append(name)
            code = "from esmith.cli.start import config; config()"
            words = [sys.executable, "-c", code, "set", "late", "service", "status", "enabled"]
            subprocess.run(words, check=True, env={"ESMITH_ROOT": str(small.path)}, timeout=60)
        add(self, name, data, like)  # type: ignore[arg-type]

    monkeypatch.setattr(Archive, "add", slow)
    members = members_of(small.backup(tmp_path / "one"))
    assert written
    assert not any(b"late" in data for name, data in members.items() if name.startswith(("databases", "journal")))
    assert small.revision() == 2


def test_what_is_in_it(root: Root, tmp_path: Path) -> None:
    """Shipped and generated files are not in it; what somebody added is, wherever that is below /etc/e-smith."""
    root.custom("/etc/clamd.conf/20own", "# mine\n")
    root.write("/etc/e-smith/templates/etc/clamd.conf/95contrib", "# a contrib\n")
    root.write("/etc/e-smith/events/contrib-update/S10it", "#!/bin/sh\n", mode=0o755)
    root.write("/etc/e-smith/services-custom/clamd/service.toml", "")
    root.write("/etc/e-smith/templates-custom/.esmith-1-2-3", "half")
    root.file("/etc/e-smith/templates-custom/etc/freshclam.conf").symlink_to("/dev/null")
    root.file("/etc/e-smith/templates-custom/etc/passwd").symlink_to("/etc/passwd")
    os.mkfifo(root.file("/etc/e-smith/templates-custom/pipe"))
    answer = root.esmith("backup", str(tmp_path / "one"))
    assert answer.err.splitlines() == [
        "esmith: /etc/e-smith/templates-custom/etc/passwd is left out: it is a link that leads elsewhere",
        "esmith: /etc/e-smith/templates-custom/pipe is left out: is not a regular file",
    ]
    with open_backup(str(tmp_path / "one")) as backup:
        files = {file.path: file for file in backup.manifest.files}
    custom = "/etc/e-smith/templates-custom"
    names = {path.removeprefix("/etc/e-smith/") for path, file in files.items() if file.kind != "directory"}
    assert names - {"templates-custom/README.md", "services.toml"} == {
        "templates-custom/etc/clamd.conf/20own",
        "templates-custom/etc/freshclam.conf",
        "templates/etc/clamd.conf/95contrib",
        "events/contrib-update/S10it",
        "services-custom/clamd/service.toml",
    }
    assert files[f"{custom}/etc/freshclam.conf"].target == "/dev/null"
    assert files["/etc/e-smith/events/contrib-update/S10it"].mode == 0o755


def test_passwords(small: Small, tmp_path: Path) -> None:
    """Of /etc/shadow it has the lines of users, and of nobody else."""
    small.change(
        lambda transaction: transaction.set_record("accounts", Record("mary", "user", {})),
        lambda transaction: transaction.set_record("accounts", Record("admin", "system", {})),
    )
    small.write("etc/shadow", b"root:$6$r:1::::::\nmary:$6$m:1::::::\nmarya:$6$x:1::::::\nadmin:$6$a:1::::::\n", 0o600)
    assert members_of(small.backup(tmp_path / "one"))["passwords"] == b"mary:$6$m:1::::::\n"


def test_last(small: Small, tmp_path: Path) -> None:
    """The last good backup is known with its file, time, size, digest and revision; a damaged note counts as none."""
    assert last(small.layout) is None
    store = open_store(small.layout)
    made, _ = write_backup(small.layout, store, str(tmp_path / "one"))
    note_last(small.layout, DiskHost(small.layout), made)
    data = (tmp_path / "one").read_bytes()
    assert (made.size, made.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert last(small.layout) == made
    assert (made.file, made.revision, made.encrypted) == (str(tmp_path / "one"), 1, False)
    small.write(f"var/lib/e-smith/{NAME}", b"{", 0o600)
    assert last(small.layout) is None


def test_keep_removes_only_its_own(small: Small, tmp_path: Path) -> None:
    """In a folder the last N backups of this server stay, and so do those of others and what only has such a name."""
    small.change(
        lambda transaction: transaction.set_type("configuration", "SystemName", "mail"),
        lambda transaction: transaction.set_type("configuration", "DomainName", "example.com"),
    )
    folder = tmp_path / "to"
    folder.mkdir(mode=0o700)
    names = [f"esmith-mail.example.com-2026010{day}-000000.tar.gz" for day in (1, 2, 3)]
    for name in names:
        small.backup(folder / name)
    others = ["esmith-mail.example.com-20260101-000001.tar.gz", "notes", "esmith-other-20260101-000000.tar.gz"]
    for name in others:
        (folder / name).write_text("mine")
    store = open_store(small.layout)
    made, _, removed = write_to_folder(small.layout, store, str(folder), 2, [])
    assert removed == names[:2]
    assert re.fullmatch(r"esmith-mail\.example\.com-\d{8}-\d{6}\.tar\.gz", Path(made.file).name)
    assert {one.name for one in folder.iterdir()} == {*others, names[2], Path(made.file).name}
    _, _, removed = write_to_folder(small.layout, store, str(tmp_path / "new"), 1, [])
    assert removed == []
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700


def test_keep_does_not_count_the_future(small: Small, tmp_path: Path) -> None:
    """Backups with a time that is still to come, from a clock that was wrong, neither count nor go."""
    store, folder = open_store(small.layout), tmp_path / "to"
    folder.mkdir()
    made, _, _ = write_to_folder(small.layout, store, str(folder), None, [])
    begin = made.file.removesuffix(".tar.gz").rpartition("-")[0].rpartition("-")[0]
    names = [f"{begin}-{time}.tar.gz" for time in ("20200101-000000", "20200102-000000", "20990101-000000")]
    for name in names:
        shutil.copy(made.file, name)
    Path(made.file).unlink()
    _, _, removed = write_to_folder(small.layout, store, str(folder), 2, [])
    assert removed == [Path(names[0]).name]
    assert Path(names[1]).exists()
    assert Path(names[2]).exists()
