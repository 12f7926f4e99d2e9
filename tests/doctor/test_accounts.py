"""Accounts and directories, with a root folder in the place of the machine."""

from __future__ import annotations

import os
import shutil

import pytest

from esmith.accounts.book import Book
from esmith.accounts.folder import Folder
from esmith.doctor import accounts, directories
from esmith.layout import Layout
from esmith.plan.host import RecordingHost
from esmith.services.definition import Services
from tests.commands import Root
from tests.doctor.kit import bad, case_of, defined, found_in, make_case, shown


@pytest.fixture
def folder_book(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the accounts be those of the root folder."""

    def book(layout: Layout, _host: object) -> Book:
        return Folder(layout, RecordingHost(layout))

    monkeypatch.setattr(accounts, "book_of", book)
    monkeypatch.setattr(directories, "book_of", book)


@pytest.mark.usefixtures("folder_book")
def test_users(office: Root) -> None:
    """A home of somebody else, a mailbox that is open, another number and another shell: each with those affected."""
    office.esmith("accounts", "users-and-groups")
    users = office.file("/home/e-smith/files/users")
    office.db("accounts", "setprop", "tom", "Shell", "/bin/bash", "Uid", "777")
    office.db("accounts", "delprop", "jack", "Uid")
    own = {"tom": 5001, "jack": 5002}
    (users / "jack/Maildir").chmod(0o755)
    shutil.rmtree(users / "maillog")
    for name, number in own.items():
        if os.getuid() == 0:
            for path in (users / name, *(users / name).rglob("*")):
                os.chown(path, number, number)
        else:
            text = office.read("/etc/passwd").replace(f":{number}:{number}:", f":{os.getuid()}:{os.getgid()}:")
            office.write("/etc/passwd", text)
    found = found_in(make_case(office, machine=True), "accounts")
    assert "failing: 1 user with no home, or no mailbox: maillog" in found
    assert "warning: 1 user with a mailbox that others may enter: jack" in found
    assert "warning: 1 user with another number than the record: tom" in found
    assert "warning: 1 user with another shell than the record: tom" in found


@pytest.mark.usefixtures("folder_book")
def test_a_foreign_owner(office: Root) -> None:
    """A mailbox that belongs to another number is failing, and so is an account that is another one."""
    office.esmith("accounts", "users-and-groups")
    office.write("/etc/passwd", office.read("/etc/passwd").replace("files/users/jack", "jack"))
    os.chmod(office.file("/home/e-smith/files/users/john"), 0o755)
    case = make_case(office, machine=True)
    book = Folder(case.layout, RecordingHost(case.layout))
    user = book.user("john")
    assert user is not None
    if os.getuid() == 0:
        os.chown(office.file("/home/e-smith/files/users/john"), user.uid + 1, -1)
    found = bad(case, "accounts")
    assert "failing: 1 user with a unix account that is another one: jack" in shown(found)
    (owner,) = [one for one in found if "another owner" in one.what]
    assert "john" in owner.what


@pytest.mark.usefixtures("folder_book")
def test_accounts_of_the_system(root: Root) -> None:
    """An account of the system that is missing, or has another home, is named; one of a disabled service is not."""
    lines = [line for line in root.lines("/etc/passwd") if not line.startswith(("smelog:", "clamav:"))]
    text = "\n".join(lines).replace("/var/qmail/alias", "/home/alias") + "\n"
    root.write("/etc/passwd", text)
    names = list(map(Services(Layout(str(root.path))).of, ("clamd", "qmail")))
    case = case_of(root, *names)
    case.__dict__["running"] = names[1:]
    found = found_in(case, "accounts")
    assert "failing: there is no unix account smelog" in found
    assert "failing: the unix account alias has the home /home/alias, and not /var/qmail/alias" in found
    assert not any("clamav" in line for line in found)


@pytest.mark.usefixtures("folder_book")
def test_directories(root: Root) -> None:
    """A directory that is missing, has another mode or is open to all is found; one of two services is found once."""
    text = '[directories."/var/lib/a"]\nmode = "0750"\n[directories."/var/lib/b"]\nowner = "root"\n'
    one, two = defined(root, "one", text), defined(root, "two", text)
    root.file("/var/lib/a").mkdir(mode=0o777)
    root.file("/var/lib/a").chmod(0o777)
    found = [line for line in found_in(case_of(root, one, two), "directories") if "/var/lib/" in line]
    if os.getuid() != 0:
        found = [line for line in found if "belongs to" not in line]
    assert found == [
        "failing: /var/lib/a has the mode 0777, and not 0750",
        "failing: there is no directory /var/lib/b",
    ]


@pytest.mark.root("only root gives a directory away")
@pytest.mark.usefixtures("folder_book")
def test_a_directory_of_another_owner(root: Root) -> None:
    """A directory that belongs to somebody else is failing, with the command that gives it back."""
    service = defined(root, "one", '[directories."/var/lib/a"]\nowner = "qpsmtpd"\n')
    root.file("/var/lib/a").mkdir()
    (found,) = [one for one in bad(case_of(root, service), "directories") if "/var/lib/a" in one.what]
    assert found.what == "/var/lib/a belongs to root, and not to qpsmtpd"
    assert found.cure == (f"chown qpsmtpd {root.path}/var/lib/a", "esmith control one restart")


@pytest.mark.usefixtures("folder_book")
def test_a_group_without_a_unix_group(office: Root) -> None:
    """A group of the database that no unix group belongs to is a warning, with the event that makes it."""
    office.esmith("accounts", "users-and-groups")
    office.db("accounts", "set", "crew", "group", "Members", "tom")
    found = [one for one in bad(make_case(office, machine=True), "accounts") if "group" in one.what]
    assert shown(found) == ["warning: 1 group with no unix group: crew"]
    assert list(found[0].cure) == ["signal-event group-create crew"]
