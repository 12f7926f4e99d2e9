"""esmith remove in a root folder: what goes, what stays, and what was there before e-smith came."""

from __future__ import annotations

import os

import pytest

from esmith.setup.machine.links import FOLDER
from tests.cli.test_esmith import init
from tests.commands import Root

FOREIGN = "/etc/hosts.allow"
CUSTOM = "/etc/e-smith/templates-custom/etc/issue.net"
EDITED = "/var/service/qpsmtpd/config/goodrcptto"


def _files(root: Root) -> set[str]:
    return {"/" + str(path.relative_to(root.path)) for path in root.path.rglob("*") if not path.is_dir()}


def test_what_goes_and_what_stays(office: Root) -> None:
    """Shipped and generated files, commands and service directories go; databases, fragments, backup copies stay."""
    office.write("/usr/sbin/postfix", "#!/bin/sh\n", mode=0o755)
    init(office.path, "--services", "runit", "/service")
    office.signal("email-update")
    office.file("/usr/sbin/postfix").unlink()
    assert os.path.islink(office.file("/service/qmail"))
    office.write(CUSTOM, "mine\n")
    office.write("/etc/e-smith/events/contrib-update/S10mine", "#!/bin/sh\n", mode=0o755)
    office.write("/home/e-smith/files/users/tom/Maildir/new/1", "a mail\n")
    assert os.path.islink(office.file("/service/qpsmtpd"))
    answer = office.esmith("remove")
    left = _files(office)
    stays = ("/home/", "/var/lib/e-smith/", "/etc/e-smith/", "/var/log/")
    assert sorted(path for path in left if not path.startswith(stays)) == ["/etc/group", "/etc/passwd"]
    assert sorted(path for path in left if path.startswith("/etc/e-smith/")) == [
        "/etc/e-smith/events/contrib-update/S10mine",
        # The administrator's.
        "/etc/e-smith/services.toml",
        "/etc/e-smith/templates-custom/README.md",
        CUSTOM,
    ]
    assert {"/home/e-smith/db/data.mdb", "/home/e-smith/files/users/tom/Maildir/new/1"} <= left
    assert not office.file("/sbin/e-smith").exists()
    assert "/home/e-smith/db: the databases" in answer.out


def test_e_smith_comes_back_with_its_settings(office: Root) -> None:
    """After a removal esmith init makes the same server again, with its settings and its fragments."""
    office.config("setprop", "qmail", "ConcurrencyLocal", "7")
    office.signal("email-update")
    before = office.read(EDITED)
    office.esmith("remove")
    assert not office.file(EDITED).exists()
    init(office.path)
    assert office.config("getprop", "qmail", "ConcurrencyLocal").out == "7\n"
    office.signal("email-update")
    assert office.read(EDITED) == before


def test_what_was_there_before_is_restored(root: Root) -> None:
    """A file below /etc that somebody else had there is restored as it was; one that was edited is kept as a copy."""
    root.write(FOREIGN, "ALL: LOCAL\n")
    root.signal("console-save")
    assert "LOCAL\n" not in root.read(FOREIGN)
    root.file(EDITED).write_text("edited\n")
    answer = root.esmith("remove")
    assert root.read(FOREIGN) == "ALL: LOCAL\n"
    (line,) = [line for line in answer.out.splitlines() if EDITED in line]
    assert root.read(line.rpartition(" ")[2]) == "edited\n"


def test_a_copy_of_an_edited_file_of_ours_is_not_restored(root: Root) -> None:
    """The oldest backup copy may be of a generated file that was edited by hand: that one is not restored."""
    root.signal("console-save")
    file = root.file("/etc/dovecot/dovecot.conf")
    file.write_text(file.read_text() + "# edited\n")
    root.config("setprop", "imap", "ConcurrencyLimitPerIP", "13")
    root.signal("email-update")
    assert list(root.file("/var/lib/e-smith/kept/etc/dovecot").iterdir())
    root.esmith("remove")
    assert not file.exists()


def test_a_second_removal_finds_nothing(root: Root) -> None:
    """A removal that was killed is run again; each of its steps leaves alone what is done already."""
    root.signal("console-save")
    root.esmith("remove")
    init(root.path)
    again = root.esmith("remove")
    assert "already so: there are none" in again.out


def test_a_dry_run_of_the_removal(office: Root) -> None:
    """A dry run shows how much would go, and touches nothing."""
    before = _files(office)
    answer = office.esmith("remove", "--dry-run")
    assert "files are removed" in answer.out
    assert _files(office) == before


def test_links_of_others_stay(root: Root) -> None:
    """Links to the commands go with them; a link or a program of somebody else of the same name stays."""
    folder = root.file(FOLDER)
    folder.mkdir(parents=True)
    (folder / "db").symlink_to(root.file("/sbin/e-smith/db"))
    (folder / "config").symlink_to("/usr/bin/env")
    (folder / "esmith").write_text("mine\n")
    root.esmith("remove")
    assert sorted(path.name for path in folder.iterdir()) == ["config", "esmith"]


@pytest.mark.root("a plain user's files have one owner")
def test_the_home_of_a_user_stays(office: Root) -> None:
    """The generated .qmail of a user goes, and nothing else in the home, also where nothing else is."""
    office.signal("user-create", "tom")
    home = office.file("/home/e-smith/files/users/tom")
    assert (home / ".qmail").exists()
    office.esmith("remove")
    assert not (home / ".qmail").exists()
    assert home.is_dir()
