"""Restoring a backup: all or nothing, on the machine it is of and on another one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from esmith.apply.generations import list_generations, list_interrupted
from esmith.apply.replacing import Replacement
from esmith.backup import LastBackup
from esmith.backup import restore as restoring
from esmith.backup.write import write_backup
from esmith.errors import BusyError, EsmithError, InstallError, StoreError
from esmith.events.confirm import UnconfirmedChange, find_unconfirmed, set_unconfirmed
from esmith.events.lock import EventLock
from esmith.events.recover import recover_all
from esmith.events.rollback import roll_back
from esmith.events.session import Session
from esmith.layout import Layout
from esmith.plan.host import DiskHost
from esmith.store import open_store
from esmith.store.model import Record
from esmith.store.protocol import Store
from esmith.store.undo import undo
from tests.backup.kit import AUTHOR, CUSTOM, KEYS, Small
from tests.commands import Root

_OWN = f"{CUSTOM}/etc/clamd.conf/20own"


@pytest.fixture
def small(tmp_path: Path) -> Small:
    """Return a small root with two revisions, a fragment and a key."""
    found = Small(tmp_path / "root")
    found.set("qpsmtpd", DNSBL="enabled")
    found.set("clamd", status="enabled")
    found.write(_OWN, b"old\n")
    found.write(f"{KEYS}/default/private", b"secret\n", 0o400)
    return found


def test_on_the_same_machine_the_journal_goes_on(small: Small, tmp_path: Path) -> None:
    """Where the journal begins with that of the backup, restoring is one more revision, which can be undone."""
    file, before = small.backup(tmp_path / "one"), small.journal()
    small.set("qpsmtpd", DNSBL="disabled")
    small.set("new", status="enabled")
    changed = small.settings()
    done = small.restore(file)
    assert done.difference.goes_on
    assert [one[0] for one in small.journal()] == [5, 4, 3, 2, 1]
    assert small.journal()[3:] == before
    assert small.settings()["configuration"].keys() == {"qpsmtpd", "clamd"}
    store = open_store(small.layout, write=True)
    undo(store, 5, AUTHOR)
    store.close()
    assert small.settings() == changed


def test_forgotten_values_do_not_make_another_journal(small: Small, tmp_path: Path) -> None:
    """A journal from which values were forgotten since is the same one, and they stay forgotten in it."""
    small.set("horde", DbPassword="tru5tno1")
    small.set("horde", DbPassword="other")
    file = small.backup(tmp_path / "one")
    store = open_store(small.layout, write=True)
    with store.transaction(AUTHOR) as transaction:
        revisions = list(transaction.revisions())
        for revision in revisions:
            for change in revision.changes:
                change.old = "\x02" if change.old == "tru5tno1" else change.old
                change.new = "\x02" if change.new == "tru5tno1" else change.new
        transaction.rewrite(revisions)
    store.close()
    small.set("qpsmtpd", DNSBL="disabled")
    assert small.restore(file).difference.goes_on
    assert "tru5tno1" not in str(small.journal())


def test_on_another_machine_the_journal_is_that_of_the_backup(small: Small, tmp_path: Path) -> None:
    """Another journal is replaced, and the revision that follows is one that no database had, of every database."""
    other = Small(tmp_path / "other")
    for number in range(7):
        other.set("qpsmtpd", DNSBL="disabled", Number=f"{number}")
    other.change(lambda transaction: transaction.set_record("mine", Record("a", "b", {})))
    other.restore(small.backup(tmp_path / "one"))
    assert [one[0] for one in other.journal()] == [10, 2, 1]
    assert other.journal()[0][3:] == (other.journal()[0][3], [])
    assert other.journal()[1:] == small.journal()
    assert {other.revision(name) for name in ("configuration", "mine")} == {10}
    assert other.settings() == {**small.settings(), "mine": {}}
    # What follows is an ordinary revision.
    other.set("new", status="enabled")
    assert other.revision() == other.revision("configuration") == 11


def test_undo_of_a_restored_revision(small: Small, tmp_path: Path) -> None:
    """Revisions of a restored journal can be undone; a number that is missing in it is none."""
    other = Small(tmp_path / "other")
    other.set("x", status="enabled")
    other.restore(small.backup(tmp_path / "one"))
    store = open_store(other.layout, write=True)
    with pytest.raises(EsmithError, match="there is no revision 3"):
        undo(store, 3, AUTHOR)
    undo(store, 2, AUTHOR)
    store.close()
    assert other.settings()["configuration"].keys() == {"qpsmtpd"}


def test_what_was_remembered_is_not_believed(office: Root, tmp_path: Path) -> None:
    """Files that were made at a revision are made again after a restore of other settings with the same number."""
    data, aside = office.file("/home/e-smith/db/data.mdb"), tmp_path / "data.mdb"
    peers = "/var/service/qpsmtpd/config/peers/0"
    shutil.copy(data, aside)
    office.config("setprop", "qpsmtpd", "DNSBL", "enabled")
    number = office.esmith("history", "--limit", "1").out.split()[1]
    office.esmith("backup", str(tmp_path / "one"))
    shutil.copy(aside, data)
    office.config("setprop", "qpsmtpd", "RHSBL", "enabled")
    assert office.esmith("history", "--limit", "1").out.split()[1] == number
    office.signal("email-update")
    assert "# dnsbl disabled" in office.read(peers)
    office.esmith("restore", "--yes", str(tmp_path / "one"))
    office.signal("email-update")
    assert "# dnsbl disabled" not in office.read(peers)
    assert "# rhsbl disabled" in office.read(peers)


def test_a_rollback_does_not_lead_behind_a_restore(small: Small, tmp_path: Path) -> None:
    """After a journal was replaced a rollback gives what was right after the restore, and none what was before."""
    other = Small(tmp_path / "other")
    for value in "abcde":
        other.set("qpsmtpd", DNSBL=value, RHSBL="of the backup")
    file = other.backup(tmp_path / "one")
    small.add_event()
    for value in ("1", "2"):
        small.set("qpsmtpd", DNSBL=value, RHSBL="before")
        small.signal()
    small.restore(file, ["databases"])
    small.set("qpsmtpd", DNSBL="after", RHSBL="after")
    assert small.signal() == "after after\n"
    store = open_store(small.layout, write=True)
    session = Session(small.layout, store, lambda _: None)
    roll_back(session)
    with store.snapshot() as snapshot:
        assert snapshot.prop("configuration", "qpsmtpd", "DNSBL") == "e"
    with pytest.raises(InstallError, match="cannot be taken back"):
        roll_back(session)
    store.close()
    assert small.signal() == "e of the backup\n"


def test_files(small: Small, tmp_path: Path) -> None:
    """Files become those of the backup: new, changed and removed ones, links, modes; also where a file has to go."""
    small.write(f"{CUSTOM}/etc/php.ini/10a")
    small.write(f"{CUSTOM}/etc/mode", b"x", 0o600)
    small.path.joinpath(CUSTOM, "link").symlink_to("/dev/null")
    small.path.joinpath(CUSTOM, "empty").mkdir(mode=0o700)
    file, wanted = small.backup(tmp_path / "one"), small.trees()
    shutil.rmtree(small.path / CUSTOM / "etc/php.ini")
    small.write(f"{CUSTOM}/etc/php.ini", b"a file now")
    small.write(f"{CUSTOM}/etc/other/deep/10b")
    small.path.joinpath(CUSTOM, "etc/mode").chmod(0o644)
    small.path.joinpath(CUSTOM, "link").unlink()
    small.write(f"{CUSTOM}/link", b"no link")
    small.path.joinpath(CUSTOM, "empty").rmdir()
    small.write(_OWN, b"new\n")
    small.path.joinpath(KEYS, "default/private").unlink()
    difference = small.restore(file).difference
    assert small.trees() == wanted
    assert difference.removed == [f"/{CUSTOM}/etc/other/deep/10b", f"/{CUSTOM}/etc/php.ini"]
    assert not small.restore(file).difference


def test_a_directory_in_the_way(small: Small, tmp_path: Path) -> None:
    """Where a directory is in the place of a file nothing is changed, and the message says what to do."""
    file = small.backup(tmp_path / "one")
    small.set("qpsmtpd", DNSBL="disabled")
    small.path.joinpath(_OWN).unlink()
    small.write(f"{_OWN}/deep")
    before = small.settings()
    with pytest.raises(InstallError, match="move it away"):
        small.restore(file)
    assert small.settings() == before
    assert small.path.joinpath(_OWN, "deep").exists()


def test_parts(small: Small, tmp_path: Path) -> None:
    """Only the parts that are named are restored."""
    file, settings = small.backup(tmp_path / "one"), small.settings()
    small.set("qpsmtpd", DNSBL="disabled")
    changed = small.settings()
    small.write(_OWN, b"new\n")
    small.path.joinpath(KEYS, "default/private").unlink()
    small.restore(file, ["keys"])
    assert small.trees(KEYS)[f"{KEYS}/default/private"][1] == b"secret\n"
    assert small.path.joinpath(_OWN).read_bytes() == b"new\n"
    assert small.settings() == changed
    small.restore(file, ["custom"])
    assert small.path.joinpath(_OWN).read_bytes() == b"old\n"
    assert small.settings() == changed
    small.restore(file, ["databases"])
    assert small.settings() == settings


def test_what_was_before_is_a_backup(small: Small, tmp_path: Path) -> None:
    """What there was before is made a backup first, and restoring that gives it back; its folder is private."""
    file = small.backup(tmp_path / "one")
    small.set("qpsmtpd", DNSBL="disabled")
    small.write(_OWN, b"new\n")
    settings, trees = small.settings(), small.trees()
    done = small.restore(file)
    assert small.settings() != settings
    assert Path(done.before).parent.stat().st_mode & 0o777 == 0o700
    small.restore(Path(done.before))
    assert (small.settings(), small.trees()) == (settings, trees)


def test_a_failure_leaves_all_as_it_was(small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the settings cannot be written the old files are restored."""
    file = small.backup(tmp_path / "one")
    small.set("qpsmtpd", DNSBL="disabled")
    small.write(_OWN, b"new\n")
    small.write(f"{CUSTOM}/more/10x")
    settings, trees = small.settings(), small.trees()

    def fail(*_: object) -> None:
        raise StoreError("no space left")

    monkeypatch.setattr(restoring, "mark_stale", fail)
    with pytest.raises(StoreError):
        small.restore(file)
    assert (small.settings(), small.trees()) == (settings, trees)


def _interrupt(small: Small, content: bytes) -> None:
    """Replace the fragment as a command does that is killed before its end."""
    host, store = DiskHost(small.layout), open_store(small.layout, write=True)
    replacement = Replacement(host, store, "esmith init", lambda _: None)
    target = str(small.path / _OWN)
    staged = host.stage(target, content, 0o644, None)
    replacement.begin([target], [], [])
    host.install(staged)
    store.close()


def test_an_interrupted_install_is_not_recovered_over_what_is_restored(small: Small, tmp_path: Path) -> None:
    """What an interrupted install replaced is restored before, never after, also with a backup made meanwhile."""
    _interrupt(small, b"half\n")
    file = small.backup(tmp_path / "one")
    assert small.path.joinpath(_OWN).read_bytes() == b"half\n"
    small.restore(file)
    other = Small(tmp_path / "other")
    other.write(_OWN, b"of another machine\n")
    other.restore(file)
    for one in (small, other):
        assert one.path.joinpath(_OWN).read_bytes() == b"half\n"
        session = Session(one.layout, open_store(one.layout, write=True), lambda _: None)
        with session.store.snapshot() as snapshot:
            assert list_interrupted(snapshot) == []
            assert list_generations(snapshot) == []
        recover_all(session)
        session.store.close()
        assert one.path.joinpath(_OWN).read_bytes() == b"half\n"


def test_an_event_is_waited_for(small: Small, tmp_path: Path) -> None:
    """While an event runs nothing is restored, and nothing is changed when it does not end in time."""
    file = small.backup(tmp_path / "one")
    small.set("qpsmtpd", DNSBL="disabled")
    before = small.settings()
    with EventLock(small.layout, "event email-update", timeout=0, say=print), pytest.raises(BusyError):
        small.restore(file, timeout=0.2)
    assert small.settings() == before
    assert not small.path.joinpath("var/lib/e-smith/backups").exists()


def test_a_change_meanwhile_is_not_lost(small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a setting is changed after the backup of before was made, nothing is restored, and the setting stays."""
    file = small.backup(tmp_path / "one")
    small.write(_OWN, b"new\n")
    small.set("qpsmtpd", DNSBL="disabled")

    def slow(layout: Layout, store: Store, path: str) -> tuple[LastBackup, list[str]]:
        made = write_backup(layout, store, path)
        code = "from esmith.cli.start import config; config()"
        words = [sys.executable, "-c", code, "set", "late", "service"]
        subprocess.run(words, check=True, env={"ESMITH_ROOT": str(small.path)}, timeout=60)
        return made

    monkeypatch.setattr(restoring, "write_backup", slow)
    with pytest.raises(BusyError, match="a setting was changed meanwhile"):
        small.restore(file)
    assert small.settings()["configuration"].keys() == {"qpsmtpd", "clamd", "late"}
    assert small.path.joinpath(_OWN).read_bytes() == b"new\n"


def test_an_unconfirmed_change_does_not_wait_any_more(small: Small, tmp_path: Path) -> None:
    """A change that waits to be confirmed is not rolled back over what was restored, and a note says so."""
    file = small.backup(tmp_path / "one")
    small.set("qpsmtpd", DNSBL="disabled")
    small.change(lambda transaction: set_unconfirmed(transaction, UnconfirmedChange("x", 9e12, 1, 0, 3)))
    assert "the change that waited for 'esmith confirm' does not any more" in small.restore(file).notes
    store = open_store(small.layout)
    with store.snapshot() as snapshot:
        assert find_unconfirmed(snapshot) is None
    store.close()


def test_shipped_files_stay(root: Root, tmp_path: Path) -> None:
    """A file that the backup has as a contrib's, and this version ships, stays as it is, and a message says so."""
    shipped = "/etc/e-smith/templates/etc/clamd.conf/10own"
    root.write(shipped, "of a contrib\n")
    root.esmith("backup", str(tmp_path / "one"))
    root.write(shipped, "shipped\n", shipped=True)
    answer = root.esmith("restore", "--yes", str(tmp_path / "one"))
    assert answer.err == f"esmith: {shipped} is one of this version of e-smith, so it stays as it is\n"
    assert root.read(shipped) == "shipped\n"


@pytest.mark.root("files get owners")
def test_owners_have_other_numbers(small: Small, tmp_path: Path) -> None:
    """Files get the owner of the same name; where nobody has it they are root's, and a note says so."""
    small.write("etc/passwd", b"root:x:0:0::/:/bin/sh\nqpsmtpd:x:453:453::/:/bin/false\nold:x:99:99::/:/bin/false\n")
    small.write("etc/group", b"root:x:0:\nqpsmtpd:x:453:\nold:x:99:\n")
    os.chown(small.path / KEYS / "default/private", 453, 453)
    os.chown(small.path / _OWN, 99, 4711)
    file = small.backup(tmp_path / "one")
    other = Small(tmp_path / "other")
    other.write("etc/passwd", b"root:x:0:0::/:/bin/sh\nqpsmtpd:x:1001:1001::/:/bin/false\n")
    other.write("etc/group", b"root:x:0:\nqpsmtpd:x:1002:\n")
    done = other.restore(file)
    status = other.path.joinpath(KEYS, "default/private").stat()
    assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (1001, 1002, 0o400)
    assert (other.path.joinpath(_OWN).stat().st_uid, other.path.joinpath(_OWN).stat().st_gid) == (0, 0)
    assert done.notes == ["nobody here is called 4711, old, so root has what was theirs"]
    assert not other.restore(file).difference
