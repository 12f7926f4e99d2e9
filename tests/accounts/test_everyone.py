"""The unix accounts of all users and groups at once, as after the databases of another server were imported."""

from __future__ import annotations

import os
import shlex
import stat
from pathlib import Path

import pytest

from esmith.accounts.everyone import Everyone, make_everyone
from esmith.errors import ExitCode
from tests.accounts.test_users import HOMES, Desk
from tests.commands import Root

UID = os.getuid()


@pytest.fixture
def desk(root: Root, tmp_path: Path) -> Desk:
    """Return a desk without users."""
    return Desk(root, tmp_path / "machine")


def make(desk: Desk) -> Everyone:
    """Make the accounts of everyone."""
    return make_everyone(desk.layout, desk.store, desk.machine, lambda _text: None)


def test_after_an_import(desk: Desk) -> None:
    """Users and groups get accounts with the numbers of the old server, mailboxes, and the members."""
    desk.record("Bob", "user", Uid="5003", Gid="5203", FirstName="Bob")
    desk.record("mary", "user", Uid="5001", Gid="5001")
    desk.record("sales", "group", Gid="5101", Members="mary,Bob,ghost")
    done = make(desk)
    assert (done.groups, done.users, done.mailboxes) == (["sales"], ["Bob", "mary"], ["Bob", "mary"])
    assert (done.left, done.notes) == ([], [])
    assert desk.machine.calls == [
        "groupadd --gid 5101 -- sales",
        "groupadd --gid 5203 -- Bob",
        f"useradd --home-dir {HOMES}/Bob --no-create-home --shell /bin/false --comment Bob --uid 5003 --no-user-group "
        "--gid Bob -- Bob",
        f"useradd --home-dir {HOMES}/mary --no-create-home --shell /bin/false --comment  --uid 5001 --user-group "
        "-- mary",
        "gpasswd --members mary,Bob sales",
    ]
    for name, number in (("Bob", 5003), ("mary", 5001)):
        status = desk.root.file(f"{HOMES}/{name}/Maildir/new").stat()
        assert stat.S_IMODE(status.st_mode) == 0o700
        assert status.st_uid == (number if UID == 0 else UID)


def test_again(desk: Desk) -> None:
    """The second time no program is started and nothing is written."""
    desk.record("mary", "user", Uid="5001", Gid="5001")
    desk.record("sales", "group", Members="mary")
    make(desk)
    desk.machine.write("group", "mary:x:5001:\nsales:x:5101:mary\n")
    before = desk.machine.calls, desk.props("mary"), desk.props("sales")
    assert make(desk) == Everyone()
    assert (desk.machine.calls, desk.props("mary"), desk.props("sales")) == before


def test_numbers_that_are_taken(desk: Desk) -> None:
    """A number that somebody else has is not used: the system chooses another, and a note has both names."""
    desk.machine.has("passwd", "installer:x:5003:5003::/home/installer:/bin/bash")
    desk.machine.has("group", "installer:x:5003:")
    desk.record("bob", "user", Uid="5003", Gid="5003")
    desk.record("sales", "group", Gid="5003")
    done = make(desk)
    assert done.notes == [
        "group sales: its number 5003 is that of the unix group installer, so it gets another",
        "user bob: its number 5003 is that of the unix account installer, so it gets another",
    ]
    assert done.left == []
    assert "groupadd -- sales" in desk.machine.calls
    assert [call for call in desk.machine.calls if call.startswith("useradd") and "--uid" in call] == []
    assert desk.props("bob")["Uid"] != "5003"


@pytest.mark.parametrize("number", ["0", "33", "499", "-1", "x", "99999999999999999999"])
def test_numbers_of_the_system(desk: Desk, number: str) -> None:
    """A record cannot give a user or a group a number of the system: least of all that of root."""
    desk.machine.has("group", "root:x:0:")
    desk.record("bob", "user", Uid=number, Gid=number)
    desk.record("sales", "group", Gid=number)
    make(desk)
    assert [call for call in desk.machine.calls if "--uid" in call or "--gid" in call] == []


def test_a_name_that_is_taken(desk: Desk) -> None:
    """A user with the name of an account of the system gets none, and the cure says how to get another name."""
    desk.machine.has("passwd", "backup:x:34:34:backup:/var/backups:/usr/sbin/nologin")
    desk.record("backup", "user")
    desk.record("mary", "user")
    done = make(desk)
    assert done.users == ["mary"]
    (line,) = done.left
    assert line.startswith("user backup: there is another unix account of this name, with the home /var/backups;")
    assert line.endswith("\n    signal-event user-create NEW")
    assert "usermod" not in line  # programs of Debian know it by its name
    assert not desk.root.file(f"{HOMES}/backup").exists()


def test_a_group_whose_name_is_taken(desk: Desk) -> None:
    """Another unix group with the name of one is left alone until the record has its number; mail does not need it."""
    desk.machine.has("group", "choir:x:1500:")
    desk.record("choir", "group", Gid="5103", Members="mary")
    desk.record("mary", "user")
    done = make(desk)
    assert not any(call.endswith(" choir") for call in desk.machine.calls)
    assert done.left == []
    (note,) = done.notes
    assert note.startswith("group choir: there is another unix group of this name, of number 1500;")
    assert note.endswith("db accounts setprop choir Gid 1500")
    assert desk.props("choir")["Gid"] == "5103"
    desk.record("choir", "group", Gid="1500")
    assert make(desk).notes == []
    assert "gpasswd --members mary choir" in desk.machine.calls


def test_a_group_of_the_system_gets_no_members(desk: Desk) -> None:
    """Who is in shadow may read all hashes: no record of an old server puts somebody there, whatever number it has."""
    desk.machine.has("group", "shadow:x:42:")
    desk.record("shadow", "group", Gid="42", Members="mary")
    desk.record("mary", "user")
    (note,) = make(desk).notes
    assert note.startswith("group shadow: there is another unix group of this name, of number 42;")
    assert "setprop" not in note
    assert not any(call.startswith("gpasswd") for call in desk.machine.calls)


@pytest.mark.parametrize("name", ["-x", "a b", "a:b", "0"])
def test_names_that_cannot_be(desk: Desk, name: str) -> None:
    """A key that is no name for a unix account reaches no program; the others get theirs."""
    desk.record(name, "user")
    desk.record("mary", "user")
    done = make(desk)
    assert done.users == ["mary"]
    (line,) = done.left
    assert line.startswith(f"user {name}: this cannot be the name of a unix account, so it gets no mail\n")
    assert f"    db accounts settype {shlex.quote(name)} pseudonym\n" in line


def test_a_person_who_has_the_name(desk: Desk) -> None:
    """Where the unix account is that of a person, the cure says how its name becomes free."""
    desk.machine.has("passwd", "mary:x:1000:1000::/home/mary:/bin/bash")
    desk.record("mary", "user")
    assert make(desk).left[0].endswith("to free the name: usermod --login mary-old mary")


def test_a_program_that_fails(desk: Desk) -> None:
    """When an account cannot be made, the others are, and the message has the program."""
    desk.machine.replace(
        "useradd",
        f'for n; do :; done; [ "$n" = bad ] && exit 9; echo "$n:x:5001:5001::{HOMES}/$n:/bin/false" >>'
        f"{desk.machine.folder}/passwd",
    )
    desk.record("bad", "user")
    desk.record("mary", "user")
    done = make(desk)
    assert done.users == ["mary"]
    (line,) = done.left
    assert line.startswith("user bad: useradd ")
    assert "failed with exit status 9" in line


@pytest.mark.root("files are given to others by root only")
def test_a_home_of_another_number(desk: Desk) -> None:
    """A home that was copied with the old number is named, with the command that gives it to the user."""
    desk.record("mary", "user", Uid="5001", Gid="5001")
    make(desk)
    os.chown(desk.root.file(f"{HOMES}/mary"), 5009, 5009)
    (line,) = make(desk).left
    assert line.endswith(
        f"belongs to number 5009, and the unix account has 5001: chown -hR --from=5009 mary: {HOMES}/mary"
    )


@pytest.mark.root("files are given to others by root only")
def test_a_home_that_an_event_made(desk: Desk) -> None:
    """A home of root's, which an event made for a .qmail before there was an account, becomes the user's."""
    home = desk.root.file(f"{HOMES}/mary")
    home.mkdir(mode=0o755)
    desk.record("mary", "user", Uid="5001", Gid="5001")
    assert make(desk).left == []
    status = home.stat()
    assert (status.st_uid, stat.S_IMODE(status.st_mode)) == (5001, 0o700)
    assert (home / "Maildir/new").stat().st_uid == 5001


def test_numbers_of_the_records_come_first(desk: Desk) -> None:
    """Whoever gets a number of the system's choice is made last, so that it is not one that a record has."""
    desk.machine.has("passwd", "installer:x:5001:5001::/home/installer:/bin/bash")
    desk.record("anna", "user", Uid="5001", Gid="5001")
    desk.record("zoe", "user", Uid="5002", Gid="5002")
    desk.record("sales", "group")
    desk.record("team", "group", Gid="5103")
    make(desk)
    made = [call.split()[-1] for call in desk.machine.calls if call.startswith(("useradd", "groupadd"))]
    assert made.index("zoe") < made.index("anna")
    assert made.index("team") < made.index("sales")


def test_each_step_is_printed_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many accounts each step is printed once, and not again for those that were there before."""
    monkeypatch.setattr("esmith.accounts.everyone._STEP", 2)
    printed: list[str] = []
    for number in range(9):
        desk.record(f"a{number}", "user", Uid=str(5001 + number), Gid=str(5001 + number))
        if number == 3:
            make(desk)
    make_everyone(desk.layout, desk.store, desk.machine, printed.append)
    assert printed == ["2 of 5 unix accounts are made", "4 of 5 unix accounts are made"]


def test_by_an_event(root: Root) -> None:
    """bootstrap-console-save makes the accounts of users that were only imported, and goes on where one gets none."""
    root.db("accounts", "set", "mary", "user")
    root.signal("bootstrap-console-save", code=None)
    assert f"{HOMES}/mary" in root.read("/etc/passwd")
    assert root.file(f"{HOMES}/mary/Maildir/new").is_dir()
    assert root.file(f"{HOMES}/mary/.qmail").is_file()
    root.db("accounts", "set", "qpsmtpd", "user")
    answer = root.esmith("accounts", "users-and-groups", code=ExitCode.PARTIAL)
    assert "user qpsmtpd: there is another unix account of this name" in answer.err
    assert root.esmith("accounts", "users-and-groups", "mary", code=None).code == ExitCode.USAGE
