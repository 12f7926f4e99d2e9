"""The commands: what they print, whom they ask, what they refuse, and the daily job."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from esmith.accounts.book import User
from esmith.backup import encryption, last
from esmith.backup import restore as restoring
from esmith.backup.form import BackupError
from esmith.backup.last import note_last
from esmith.backup.opening import open_backup
from esmith.backup.restore import restore_passwords
from esmith.backup.schedule import write_scheduled
from esmith.backup.write import write_backup
from esmith.cli import backup as commands
from esmith.errors import ExitCode, UsageError
from esmith.events.session import Session
from esmith.fields import replace
from esmith.plan.host import DiskHost
from esmith.store import open_store
from esmith.store.model import Record
from esmith.store.protocol import Transaction
from tests.backup.kit import CUSTOM, Small, tree_of
from tests.commands import Root

_WEEK = 7 * 86_400


@pytest.fixture
def small(tmp_path: Path) -> Small:
    """Return a small root with a setting and a fragment."""
    found = Small(tmp_path / "root")
    found.set("qpsmtpd", DNSBL="enabled")
    found.write(f"{CUSTOM}/etc/clamd.conf/20own")
    return found


def _run(small: Small, name: str, *words: str, typed: str = "") -> Result:
    command = {"backup": commands.backup_command, "restore": commands.restore_command}[name]
    return CliRunner().invoke(command, words, obj=str(small.path), input=typed, standalone_mode=False)


def _printed(small: Small, name: str, *words: str, typed: str = "") -> str:
    result = _run(small, name, *words, typed=typed)
    if result.exception is not None:
        raise result.exception
    return result.output


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("one", "--to", "two"),
        ("one", "--keep", "3"),
        ("one", "--every", "day"),
        ("--every", "never", "--keep", "3"),
        ("--scheduled", "one"),
        ("--scheduled", "--every", "never"),
        ("-", "--json"),
    ],
)
def test_options_that_do_not_go_together(words: tuple[str, ...], small: Small) -> None:
    """Options that contradict one another are refused, and nothing is written."""
    with pytest.raises(UsageError):
        _printed(small, "backup", *words)
    assert last(small.layout) is None


def test_asking(small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At a terminal restore shows what it would do, and asks; elsewhere it wants --yes. After a no nothing changes."""
    file = str(small.backup(tmp_path / "one"))
    small.set("qpsmtpd", DNSBL="disabled")
    before = small.settings()
    with pytest.raises(UsageError, match="no terminal"):
        _printed(small, "restore", file)
    with pytest.raises(UsageError, match="asks nobody"):
        _printed(small, "restore", "--json", file)
    monkeypatch.setattr(commands, "may_ask", lambda: True)
    assert _run(small, "restore", file, typed="n\n").return_value == ExitCode.FAILED
    assert small.settings() == before
    assert "~ qpsmtpd: DNSBL\nRestore it? [y/N] 1 record and 0 files restored\n" in _printed(
        small, "restore", file, typed="y\n"
    )
    assert small.settings()["configuration"]["qpsmtpd"].props == {"DNSBL": "enabled"}


def test_dry_run_changes_nothing(small: Small, tmp_path: Path) -> None:
    """With --dry-run all is shown, values are not, and not a file is written."""
    file = str(small.backup(tmp_path / "one"))
    small.set("horde", DbPassword="tru5tno1")
    small.write(f"{CUSTOM}/etc/php.ini/10x")
    before = tree_of(small.path, ".")
    data = json.loads(_printed(small, "restore", "--dry-run", "--json", file))
    assert data["records"] == {"configuration": {"added": [], "changed": {}, "removed": ["horde"]}}
    assert data["files"] == {"added": [], "changed": [], "removed": [f"/{CUSTOM}/etc/php.ini/10x"]}
    assert (data["journal"], data["revision"], data["notes"]) == ("goes on", 1, [])
    assert "tru5tno1" not in _printed(small, "restore", "--dry-run", file)
    assert {name: one for name, one in tree_of(small.path, ".").items() if "lock.mdb" not in name} == {
        name: one for name, one in before.items() if "lock.mdb" not in name
    }


def test_a_value_is_called_so(small: Small, tmp_path: Path) -> None:
    """Of a record without properties the value differs, of another one the type."""
    small.change(lambda transaction: transaction.set_type("configuration", "SystemName", "mail"))
    file = str(small.backup(tmp_path / "one"))
    for key in ("SystemName", "qpsmtpd"):
        small.change(lambda transaction, key=key: transaction.set_type("configuration", key, "other"))  # type: ignore[misc]
    shown = _printed(small, "restore", "--dry-run", file)
    assert "~ SystemName: its value\n" in shown
    assert "~ qpsmtpd: its type\n" in shown


def test_json(small: Small, tmp_path: Path) -> None:
    """With --json backup and restore print an object."""
    made = json.loads(_printed(small, "backup", "--json", str(tmp_path / "one")))
    assert made.keys() == {"file", "time", "size", "sha256", "revision", "parts", "encrypted", "removed"}
    assert made["size"] == (tmp_path / "one").stat().st_size
    small.set("x", status="enabled")
    data = json.loads(_printed(small, "restore", "--yes", "--json", str(tmp_path / "one")))
    assert Path(data["before"]).is_file()
    assert data["passwords"] == []


def test_unknown_parts(small: Small, tmp_path: Path) -> None:
    """A part that there is not is refused, with those there are."""
    with pytest.raises(UsageError, match="'all' is no part"):
        _printed(small, "restore", "--only", "all", str(tmp_path / "one"))


def test_signal(small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With --signal the files of the daemons are made from the restored settings at once."""
    small.add_event()
    small.set("qpsmtpd", DNSBL="yes", RHSBL="yes")
    file = str(small.backup(tmp_path / "one"))
    small.set("qpsmtpd", DNSBL="no", RHSBL="no")
    monkeypatch.setattr(commands, "EVENT", "tiny-update")
    assert "signal-event tiny-update: 1 file changed" in _printed(small, "restore", "--yes", "--signal", file)
    assert small.path.joinpath("etc/tiny").read_text() == "yes yes\n"


def test_the_daily_job(root: Root) -> None:
    """The job of cron makes a backup in the folder of the settings."""
    root.esmith("backup", "--every", "day", "--to", "/var/backups/mine", "--keep", "3")
    words = [str(root.file("/etc/cron.daily/esmith-backup"))]
    subprocess.run(words, check=True, env={**os.environ, "ESMITH_ROOT": str(root.path)}, timeout=60)
    assert len(list(root.file("/var/backups/mine").iterdir())) == 1


def test_no_more_by_themselves(small: Small) -> None:
    """After --every never, and as long as nothing was set, the daily job makes no backup."""
    store = open_store(small.layout)
    assert write_scheduled(small.layout, store) is None
    store.close()
    _printed(small, "backup", "--every", "never")
    assert small.settings()["configuration"]["esmith-backup"].props == {"Every": "never"}
    store = open_store(small.layout)
    assert write_scheduled(small.layout, store) is None


def test_once_a_week(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    """A weekly backup is made when there is none yet, or the last one in the folder is a week old."""
    small.change(
        lambda transaction: transaction.set_record(
            "configuration",
            Record("esmith-backup", "configuration", {"Directory": "/to", "Every": "week", "Keep": "2"}),
        )
    )
    store = open_store(small.layout)
    for _ in range(2):
        written = write_scheduled(small.layout, store)
        assert written is not None
        made = written[0]
        assert Path(made.file).parent == small.path / "to"
        note_last(small.layout, DiskHost(small.layout), made)
        assert write_scheduled(small.layout, store) is None
        now = time.time()
        monkeypatch.setattr(time, "time", lambda now=now: now + _WEEK)
    # One that was made elsewhere does not count.
    note_last(small.layout, DiskHost(small.layout), replace(made, time=int(now + _WEEK), file="/root/one"))
    assert write_scheduled(small.layout, store) is not None


class _Machine:
    """The accounts of a machine: mary has one, tom has none yet."""

    def __init__(self) -> None:
        self.hashes: dict[str, str] = {}

    def user(self, name: str) -> User | None:
        """Return mary."""
        home = f"/home/e-smith/files/users/{name}"
        return User(name, 5000, 5000, "", home, "/bin/false") if name == "mary" else None

    def set_hashes(self, hashes: dict[str, str]) -> None:
        """Note them."""
        self.hashes |= hashes


def _set(user: Record, transaction: Transaction) -> None:
    transaction.set_record("accounts", user)


@pytest.fixture
def machine(small: Small, monkeypatch: pytest.MonkeyPatch) -> Iterator[_Machine]:
    """Have the small root be the machine, with two users."""
    made = _Machine()
    monkeypatch.setattr(restoring, "book_of", lambda *_: made)
    monkeypatch.setattr(type(small.layout), "is_machine", property(lambda _: True))
    users = [Record(name, "user", {}) for name in ("mary", "tom")]
    small.change(*(partial(_set, user) for user in users))
    small.write("etc/shadow", b"root:$1$r$rrrrrrrrrrrrrrrrrrrrrr:1::::::\n", 0o600)
    with small.path.joinpath("etc/shadow").open("ab") as file:
        for user in users:
            file.write(f"{user.key}:$1$salt$0123456789012345678901:1::::::\n".encode())
    yield made


def test_passwords_of_accounts_that_are_there(small: Small, machine: _Machine, tmp_path: Path) -> None:
    """Passwords are set where the unix account is there; each of the others is named, with the event that makes it."""
    file = small.backup(tmp_path / "one")
    session = Session(small.layout, open_store(small.layout, write=True), lambda _: None)
    with open_backup(str(file)) as backup:
        lines = restore_passwords(session, backup)
    session.store.close()
    assert machine.hashes == {"mary": "$1$salt$0123456789012345678901"}
    assert lines[0] == "1 password set"
    assert lines[1].startswith("line 2: tom: there is no unix account; to make it: signal-event bootstrap")


def test_a_root_folder_has_no_passwords(small: Small, tmp_path: Path) -> None:
    """In a root folder passwords are left out, with a message."""
    small.change(lambda transaction: transaction.set_record("accounts", Record("mary", "user", {})))
    small.write("etc/shadow", b"mary:$1$salt$0123456789012345678901:1::::::\n", 0o600)
    file = str(small.backup(tmp_path / "one"))
    assert "a root folder has none" in _printed(small, "restore", "--yes", file)


def _key(folder: Path, name: str) -> tuple[str, str]:
    """Make a key of age, and return the file with its private half, and the public one."""
    file = folder / name
    subprocess.run(["age-keygen", "-o", str(file)], check=True, capture_output=True, timeout=60)
    public = next(line for line in file.read_text().splitlines() if "public key: " in line)
    return str(file), public.rpartition(" ")[2]


@pytest.mark.program("age")
def test_encrypted(small: Small, tmp_path: Path) -> None:
    """An encrypted backup is restored with its identity, and with nothing else; it is not replaced without --force."""
    identity, recipient = _key(tmp_path, "key")
    other, _ = _key(tmp_path, "other")
    file = str(tmp_path / "one.age")
    _printed(small, "backup", "--encrypt-to", recipient, file)
    found = last(small.layout)
    assert found is not None
    assert found.encrypted
    small.set("qpsmtpd", DNSBL="disabled")
    for wrong, words in (("encrypted", []), ("cannot decrypt", ["--identity", other])):
        with pytest.raises(BackupError, match=wrong):
            _printed(small, "restore", "--dry-run", *words, file)
    _printed(small, "restore", "--yes", "--identity", identity, file)
    assert small.settings()["configuration"]["qpsmtpd"].props == {"DNSBL": "enabled"}
    with pytest.raises(UsageError, match="is encrypted, so it may be anything"):
        _printed(small, "backup", file)
    before = Path(file).read_bytes()
    with pytest.raises(BackupError, match="cannot encrypt"):
        _printed(small, "backup", "--force", "--encrypt-to", "nobody", file)
    assert Path(file).read_bytes() == before
    with pytest.raises(BackupError, match="not encrypted"):
        open_backup(str(small.backup(tmp_path / "plain")), identity)


def test_without_age(small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the program is missing the message says how to install it, and no file is written."""
    monkeypatch.setattr(encryption, "which", lambda _: None)
    store = open_store(small.layout)
    with pytest.raises(BackupError, match="no program age") as caught:
        write_backup(small.layout, store, str(tmp_path / "one"), recipients=["age1x"])
    assert "apt-get install age" in caught.value.hint
    assert [one.name for one in tmp_path.iterdir()] == ["root"]
