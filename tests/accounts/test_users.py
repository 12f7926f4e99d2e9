"""What the actions of users and groups do to the unix accounts of a machine; its programs note how they are called."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from esmith.accounts.users import TASKS, Accounts
from esmith.errors import InstallError, RefusedError
from esmith.layout import Layout
from esmith.store import open_store
from esmith.store.model import Author
from tests.accounts.desk import FakeMachine
from tests.commands import Root

HOMES = "/home/e-smith/files/users"
#: Who runs the tests owns what they make: giving it away is for root.
UID, GID = os.getuid(), os.getgid()
TOM = f"tom:x:5001:5001::{HOMES}/tom:/bin/false"


class Desk:
    """A root folder for the records and the homes, and a machine for the accounts."""

    def __init__(self, root: Root, folder: Path) -> None:
        self.root = root
        self.layout = Layout(str(root.path))
        self.store = open_store(self.layout, write=True)
        self.machine = FakeMachine(folder)
        self.shown: list[str] = []

    def record(self, name: str, kind: str, **props: str) -> None:
        """Store a record as --force does."""
        with self.store.transaction(Author("", "", [])) as transaction:
            transaction.set_type("accounts", name, kind)
            for prop, value in props.items():
                transaction.set_prop("accounts", name, prop, value)

    def props(self, name: str) -> dict[str, str]:
        """Return the properties of a record."""
        with self.store.snapshot() as snapshot:
            record = snapshot.record("accounts", name)
        return dict(record.props) if record else {}

    def do(self, task: str, name: str | None = None) -> list[str]:
        """Do a task, and return the calls of programs."""
        Accounts(self.layout, self.store, self.machine, self.shown.append).do(task, name)
        return self.machine.calls


@pytest.fixture
def desk(root: Root, tmp_path: Path) -> Desk:
    """Return a desk without users."""
    return Desk(root, tmp_path / "machine")


def test_a_new_user(desk: Desk) -> None:
    """user-create makes the unix account, the home and the mailbox, and notes the numbers."""
    desk.record("tom", "user", FirstName="Tom", LastName="O'Neill: $(x)", Shell="/bin/sh")
    assert desk.do("user-create-unix", "tom") == [
        f"useradd --home-dir {HOMES}/tom --no-create-home --shell /bin/sh --comment Tom O'Neill  $(x) --user-group "
        "-- tom"
    ]
    props = desk.props("tom")
    assert (props["Uid"], props["Gid"]) == ("5001", "5001")
    home = desk.root.file(f"{HOMES}/tom")
    for path in (home, *(home / "Maildir" / name for name in ("", "cur", "new", "tmp"))):
        status = path.stat()
        assert stat.S_IMODE(status.st_mode) == 0o700
        assert (status.st_uid, status.st_gid) == ((5001, 5001) if UID == 0 else (UID, status.st_gid))


def test_a_new_user_with_numbers(desk: Desk) -> None:
    """The numbers of the record are those of the unix account; a group that is missing is made."""
    desk.record("tom", "user", Uid="5001", Gid="5007")
    assert desk.do("user-create-unix", "tom") == [
        "groupadd --gid 5007 -- tom",
        f"useradd --home-dir {HOMES}/tom --no-create-home --shell /bin/false --comment  --uid 5001 --no-user-group "
        "--gid tom -- tom",
    ]


def test_a_number_that_is_taken(desk: Desk) -> None:
    """A user whose number another account has gets another, which is noted, and it is shown."""
    desk.machine.has("passwd", "installer:x:1000:1000::/home/installer:/bin/bash")
    desk.machine.has("group", "installer:x:1000:")
    desk.record("tom", "user", Uid="1000", Gid="1000")
    (call,) = desk.do("user-create-unix", "tom")
    assert "--uid" not in call
    assert desk.props("tom")["Uid"] == "5001"
    assert "user tom: its number 1000 is that of the unix account installer, so it gets another" in desk.shown


def test_a_unix_group_of_the_name(desk: Desk) -> None:
    """A user does not get into a group that is called as he is, such as one that gives rights."""
    desk.machine.has("group", "sudo:x:27:")
    desk.machine.has("group", "shared:x:500:")
    desk.record("sudo", "user", Gid="27")
    (call,) = desk.do("user-create-unix", "sudo")
    assert call.endswith("--no-user-group --gid shared -- sudo")
    assert "of number 27, so the user is in the group shared" in desk.shown[0]


def test_a_user_with_a_plus(desk: Desk) -> None:
    """Debian 13 takes a plus in a name where it is asked for."""
    desk.record("x+y", "user")
    (call,) = desk.do("user-create-unix", "x+y")
    assert call.startswith("useradd --badname ")
    assert call.endswith(" -- x+y")


@pytest.mark.parametrize("number", ["0", "42", "499", "60001", "4294967295", "x"])
def test_a_new_user_with_numbers_of_the_system(desk: Desk, number: str) -> None:
    """A record makes nobody root, or one of a group of the system: such numbers are as none."""
    desk.machine.has("group", f"shadow:x:{number if number.isdigit() else 42}:")
    desk.record("tom", "user", Uid=number, Gid=number)
    assert desk.do("user-create-unix", "tom") == [
        f"useradd --home-dir {HOMES}/tom --no-create-home --shell /bin/false --comment  --user-group -- tom"
    ]
    desk.record("team", "group", Gid=number)
    assert desk.do("group-create-unix", "team")[-1] == "groupadd -- team"


def test_a_user_who_has_an_account(desk: Desk) -> None:
    """user-create again changes no unix account, and completes the home and the mailbox; mail stays."""
    desk.record("tom", "user")
    desk.machine.has("passwd", f"tom:x:{UID}:{GID}::{HOMES}/tom:/bin/false")
    mail = desk.root.file(f"{HOMES}/tom/Maildir/new/1.mail")
    mail.parent.mkdir(parents=True)
    mail.write_text("a mail")
    mail.parents[2].chmod(0o755)
    assert desk.do("user-create-unix", "tom") == []
    assert stat.S_IMODE(mail.parents[2].stat().st_mode) == 0o700
    assert mail.read_text() == "a mail"
    assert (mail.parents[1] / "cur").is_dir()


def test_a_link_in_the_place_of_a_home(desk: Desk, tmp_path: Path) -> None:
    """A link in the place of a user's Maildir is not followed: nothing is made where it leads."""
    desk.record("tom", "user")
    desk.machine.has("passwd", f"tom:x:5001:5001::{HOMES}/tom:/bin/false")
    home = desk.root.file(f"{HOMES}/tom")
    home.mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (home / "Maildir").symlink_to(tmp_path / "elsewhere")
    if UID == 0:
        for path in (home, home / "Maildir"):
            os.chown(path, 5001, 5001, follow_symlinks=False)
        with pytest.raises(InstallError, match="is no directory, or a link to one"):
            desk.do("user-create-unix", "tom")
        assert not list((tmp_path / "elsewhere").iterdir())


OTHERS = {
    "create": ("user-create-unix", "user"),
    "modify": ("user-modify-unix", "user"),
    "lock": ("user-lock-passwd", "user"),
    "delete": ("user-delete-unix", "user-deleted"),
}


@pytest.mark.parametrize(("task", "kind"), OTHERS.values(), ids=OTHERS)
def test_an_account_of_the_system_is_left_alone(desk: Desk, task: str, kind: str) -> None:
    """A unix account whose home is not that of the user is never changed: the action fails and says why."""
    desk.record("daemon", kind, FirstName="New")
    desk.machine.has("passwd", "daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin")
    with pytest.raises(RefusedError, match="its home is /usr/sbin"):
        desk.do(task, "daemon")
    assert desk.machine.calls == []


@pytest.mark.parametrize("name", ["-x", "a b", "a/b", "0", "a;b", ".."])
@pytest.mark.parametrize(("task", "kind"), [("user-create-unix", "user"), ("user-delete-unix", "user-deleted")])
def test_a_name_that_cannot_be(desk: Desk, task: str, kind: str, name: str) -> None:
    """A key that is not a name for a unix account never reaches a program that changes accounts."""
    desk.record(name, kind)
    with pytest.raises(RefusedError, match="cannot be the name of a unix account"):
        desk.do(task, name)
    assert desk.machine.calls == []


def test_modify_everyone(desk: Desk) -> None:
    """user-modify without a user changes the unix accounts that differ from their records, and only these."""
    desk.record("tom", "user", FirstName="Tom", LastName="Jones", Shell="/bin/sh")
    desk.record("ann", "user", FirstName="Ann")
    desk.record("new", "user")
    desk.record("team", "group")
    desk.machine.has("passwd", TOM)
    desk.machine.has("passwd", f"ann:x:5002:5002:Ann:{HOMES}/ann:/bin/false")
    assert desk.do("user-modify-unix") == ["usermod --comment Tom Jones --shell /bin/sh -- tom"]
    assert desk.shown == ["there is no unix account new; to make it: signal-event user-create new"]


@pytest.mark.parametrize("task", ["user-modify-unix", "user-lock-passwd"])
def test_one_strange_account_stops_nobody_else(desk: Desk, task: str) -> None:
    """Changing everyone leaves out, and shows, a user who is called as an account of the system, or has an odd name."""
    for name in ("$(x)", "daemon", "tom"):
        desk.record(name, "user", FirstName="Tom", PasswordSet="no")
    desk.machine.has("passwd", "daemon:x:1:1::/usr/sbin:/bin/false")
    desk.machine.has("passwd", TOM)
    (call,) = desk.do(task)
    assert call.endswith(" -- tom")
    (line,) = desk.shown
    assert line.startswith("the unix account daemon is not this user's: its home is /usr/sbin")


def test_modify_admin(desk: Desk) -> None:
    """user-modify admin does nothing: admin is an account of the system."""
    assert desk.do("user-modify-unix", "admin") == []


def test_delete_a_user(desk: Desk) -> None:
    """user-delete ends what the user runs, and removes the unix account with the home, once the record says so."""
    desk.record("tom", "user-deleted")
    desk.machine.has("passwd", TOM)
    assert desk.do("user-delete-unix", "tom") == ["pkill -KILL -U 5001", "userdel --remove -- tom"]


def test_the_crontab_goes_with_the_user(desk: Desk) -> None:
    """A crontab of a deleted user is removed: the next user of the name and the number does not get it."""
    crontabs = Path(desk.machine.crontabs)
    crontabs.mkdir()
    for name in ("tom", "mary"):
        (crontabs / name).write_text("* * * * * id\n")
    desk.machine.has("passwd", TOM)
    desk.record("tom", "user-deleted")
    desk.do("user-delete-unix", "tom")
    assert os.listdir(crontabs) == ["mary"]


def test_a_group_whose_number_is_taken(desk: Desk) -> None:
    """A new group whose number another group of the machine has gets another one, as every user and group does."""
    desk.machine.has("group", "containers:x:5007:")
    desk.record("staff", "group", Gid="5007", Members="")
    assert desk.do("group-create-unix", "staff") == ["groupadd -- staff"]
    assert desk.shown == ["group staff: its number 5007 is that of the unix group containers, so it gets another"]
    assert desk.props("staff")["Gid"] == "5101"


def test_a_user_who_goes_on(desk: Desk) -> None:
    """While the user starts something again it is ended and tried again, and not without end."""
    desk.record("tom", "user-deleted")
    desk.machine.has("passwd", TOM)
    desk.machine.replace("userdel", f"echo userdel >>{desk.machine.folder}/calls; exit 8")
    with pytest.raises(InstallError, match="userdel --remove -- tom failed with exit status 8"):
        desk.do("user-delete-unix", "tom")
    assert desk.machine.calls == ["pkill -KILL -U 5001", "userdel"] * 5


def test_delete_a_live_user(desk: Desk) -> None:
    """A user whose record does not say that it is being deleted keeps the unix account."""
    desk.record("tom", "user")
    desk.machine.has("passwd", TOM)
    with pytest.raises(RefusedError, match="no account tom of type user-deleted"):
        desk.do("user-delete-unix", "tom")
    assert desk.machine.calls == []


def test_delete_nobody(desk: Desk) -> None:
    """Without the record no unix account is removed."""
    desk.machine.has("passwd", TOM)
    assert desk.do("user-delete-unix", "tom") == []


def test_lock_passwords(desk: Desk) -> None:
    """user-lock locks one password; at boot those are locked whose PasswordSet is no, and not where it is unset."""
    props: dict[str, dict[str, str]] = {"tom": {"PasswordSet": "no"}, "ann": {"PasswordSet": "yes"}, "bob": {}}
    for name in props:
        desk.record(name, "user", **props[name])
        desk.machine.has("passwd", f"{name}:x:5001:5001::{HOMES}/{name}:/bin/false")
    assert desk.do("user-lock-passwd") == ["usermod --lock -- tom"]
    assert desk.do("user-lock-passwd", "bob")[1:] == ["usermod --lock -- bob"]


def test_groups(desk: Desk) -> None:
    """group-create makes the unix group with those members that have unix accounts, and notes its number."""
    desk.record("team", "group", Members="tom, ghost,tom,5001")
    desk.machine.has("passwd", TOM)
    assert desk.do("group-create-unix", "team") == ["groupadd -- team", "gpasswd --members tom team"]
    assert desk.props("team")["Gid"] == "5101"


GROUPS = {
    "modify": ("group-modify-unix", "group", {"Gid": "5101"}, ["gpasswd --members tom team"]),
    "modify-another": ("group-modify-unix", "group", {"Gid": "42"}, []),
    "modify-unknown": ("group-modify-unix", "group", {}, []),
    "delete": ("group-delete-unix", "group-deleted", {"Gid": "5101"}, ["groupdel team"]),
    "delete-another": ("group-delete-unix", "group-deleted", {"Gid": "42"}, []),
    "delete-unknown": ("group-delete-unix", "group-deleted", {}, []),
}


@pytest.mark.parametrize(("task", "kind", "props", "calls"), GROUPS.values(), ids=GROUPS)
def test_a_group_of_another_number(desk: Desk, task: str, kind: str, props: dict[str, str], calls: list[str]) -> None:
    """A unix group is changed and removed only when it has the number that the record gives it."""
    desk.record("team", kind, Members="tom", **props)
    desk.machine.has("passwd", TOM)
    desk.machine.has("group", "team:x:5101:")
    assert desk.do(task, "team") == calls


def test_a_group_that_is_another(desk: Desk) -> None:
    """group-create of a name that is a unix group already, of a number the record does not know, is refused."""
    desk.record("team", "group")
    desk.machine.has("group", "team:x:42:")
    with pytest.raises(RefusedError, match="there is a unix group team already, of number 42"):
        desk.do("group-create-unix", "team")


@pytest.mark.parametrize(("task", "kind"), [("group-modify-unix", "group"), ("group-delete-unix", "group-deleted")])
def test_a_group_of_the_system_is_left_alone(desk: Desk, task: str, kind: str) -> None:
    """A record that names a group of the system, with its number, changes nothing about it, and nobody gets into it."""
    desk.record("shadow", kind, Members="tom", Gid="42")
    desk.machine.has("passwd", TOM)
    desk.machine.has("group", "shadow:x:42:")
    assert desk.do(task, "shadow") == []
    desk.record("shadow", "group", Members="tom", Gid="42")
    with pytest.raises(RefusedError, match="there is a unix group shadow already, of number 42"):
        desk.do("group-create-unix", "shadow")


def test_a_program_that_fails(desk: Desk) -> None:
    """When a program fails or is missing the action fails, and says which and what to do."""
    desk.record("team", "group")
    desk.machine.replace("groupadd", "exit 4")
    with pytest.raises(InstallError, match="groupadd -- team failed with exit status 4"):
        desk.do("group-create-unix", "team")
    (desk.machine.programs / "groupadd").unlink()
    with pytest.raises(InstallError, match="groupadd is missing\n.*apt-get install passwd"):
        desk.do("group-create-unix", "team")


def test_each_task_has_its_action(desk: Desk) -> None:
    """Each task is the name of a shipped action, which calls it for the account it is given."""
    shipped: Callable[[str], Path] = lambda name: desk.root.file(f"/etc/e-smith/events/actions/{name}")  # noqa: E731
    assert {name for name in TASKS if shipped(name).is_file()} == set(TASKS)
    desk.root.db("accounts", "set", "mary", "user")
    desk.root.signal("user-create", "mary")
    assert f"mary:x:5000:5000::{HOMES}/mary:/bin/false" in desk.root.lines("/etc/passwd")
    assert "mary:x:5000:" in desk.root.lines("/etc/group")
