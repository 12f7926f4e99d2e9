"""The daily purge of junk mail: what is old goes, and nothing else."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from tests.commands import Root

ACTION = "/etc/e-smith/events/actions/purge-junkmail-folders"
USERS = "/home/e-smith/files/users"
TOM = f"{USERS}/tom/Maildir/.junkmail"
ADMIN = "/home/e-smith/Maildir/.junkmail"
DAY = 86400


def purge(root: Root, *, code: int = 0) -> str:
    """Run the purge as cron does, and return what it printed."""
    done = subprocess.run(
        [root.file(ACTION)],
        env={**os.environ, "ESMITH_ROOT": str(root.path), "PATH": f"{root.path}/sbin/e-smith:{os.environ['PATH']}"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return (done.stdout + done.stderr).decode()


def mail(root: Root, path: str, days: float) -> Path:
    """Write a message that is so many days old."""
    return age(root.write(path, "Subject: spam\n"), days)


def age(path: Path, days: float) -> Path:
    """Make a file or a link so many days old."""
    then = time.time() - days * DAY
    os.utime(path, (then, then), follow_symlinks=False)
    return path


@pytest.mark.parametrize(
    ("setting", "limit"), [("60", 60), ("1", 1), (None, 90), ("0", None)], ids=["60", "1", "as-delivered", "off"]
)
def test_old_junk_mail_is_deleted(office: Root, setting: str | None, limit: int | None) -> None:
    """Junk mail of admin and users older than MessageRetentionTime days is deleted; 0 deletes nothing."""
    if setting is not None:
        office.config("setprop", "spamassassin", "MessageRetentionTime", setting)
    folders = [f"{home}/{name}" for home in (TOM, ADMIN, f"{USERS}/john/Maildir/.junkmail") for name in _FOLDERS]
    young = [mail(office, f"{folder}/young", (limit or 9999) - 0.1) for folder in folders]
    old = [mail(office, f"{folder}/old", (limit or 9999) + 0.1) for folder in folders]
    assert purge(office) == ""
    assert all(path.exists() for path in young)
    assert [path.exists() for path in old] == [limit is None] * len(old)


_FOLDERS = ("new", "tmp", "cur")


def test_nothing_but_old_junk_mail_is_deleted(office: Root) -> None:
    """Other folders, directories, links and the folders of those who are not users stay, however old."""
    office.db("accounts", "set", "web", "ibay")
    stays = [
        mail(office, path, 1000)
        for path in (
            f"{USERS}/tom/Maildir/cur/inbox",
            f"{USERS}/tom/Maildir/.sent/cur/letter",
            f"{TOM}/maildirfolder",
            f"{TOM}/cur/folder/inside",
            f"{USERS}/web/Maildir/.junkmail/cur/old",
        )
    ]
    target = mail(office, "/home/e-smith/precious", 1000)
    link = office.file(f"{TOM}/cur/link")
    link.symlink_to(target)
    age(link, 1000)
    age(office.file(f"{TOM}/cur/folder"), 1000)
    gone = mail(office, f"{TOM}/cur/old", 1000)
    assert purge(office) == ""
    assert all(path.exists() for path in [*stays, target, link])
    assert not gone.exists()


@pytest.mark.parametrize("place", ["", "/Maildir", "/Maildir/.junkmail", "/Maildir/.junkmail/cur"])
def test_no_link_leads_the_purge_elsewhere(office: Root, place: str) -> None:
    """A user who puts a link in place of a folder cannot have another's mail deleted."""
    precious = mail(office, f"{USERS}/john/Maildir/.junkmail/cur/precious", 80)
    tom = office.file(f"{USERS}/tom{place}")
    tom.parent.mkdir(parents=True, exist_ok=True)
    if tom.exists():
        tom.rename(tom.with_name("moved"))
    tom.symlink_to(office.file(f"{USERS}/john{place}"))
    office.config("setprop", "spamassassin", "MessageRetentionTime", "81")
    purge(office)
    assert precious.exists()
    # John's own turn would delete it now: without john, only the link leads there.
    office.config("setprop", "spamassassin", "MessageRetentionTime", "60")
    office.db("accounts", "settype", "john", "user-deleted")
    purge(office)
    assert precious.exists()


def test_a_retention_that_is_no_number(office: Root) -> None:
    """A MessageRetentionTime that is not a number of days deletes nothing and says so."""
    office.run("config", "--force", "setprop", "spamassassin", "MessageRetentionTime", "-5")
    old = mail(office, f"{TOM}/cur/old", 1000)
    assert "'-5', which is no number of days" in purge(office, code=1)
    assert old.exists()


def test_cron_runs_it_daily(office: Root) -> None:
    """The file for cron is a script that runs the purge with the commands on its PATH."""
    path = office.file("/etc/cron.daily/purge-junkmail-folders")
    assert path.stat().st_mode & 0o777 == 0o755
    old = mail(office, f"{TOM}/cur/old", 1000)
    subprocess.run([path], env={"PATH": "/usr/bin:/bin", "ESMITH_ROOT": str(office.path)}, check=True)
    assert not old.exists()
