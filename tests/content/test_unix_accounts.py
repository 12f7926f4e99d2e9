"""What the account events do to the unix accounts of a machine.

The programs that would do it are replaced: all that this process can run are scripts of the test, which keep a passwd
and a group file in the test's folder and note how they were called.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ACTION = Path(__file__).parents[2] / "events/actions/unix-accounts"
HOMES = "/home/e-smith/files/users"

pytestmark = pytest.mark.root("unix accounts are only touched as root")

#: Each notes its call, then does what little the action relies on. $D is the folder of the files.
PROGRAMS = {
    "getent": 'g() { grep "^$1:" "$D/$2" || grep "^[^:]*:[^:]*:$1:" "$D/$2" || exit 2; }; g "$2" "$1"',
    "db": 'case $1 in --json) cat "$D/db-$(printf %s "$4" | tr / %)" || exit 1 ;; esac',
    "useradd": 'for n; do :; done; echo "$n:x:5001:5001::/home/e-smith/files/users/$n:/bin/false" >>"$D/passwd"',
    "groupadd": 'for n; do :; done; echo "$n:x:5101:" >>"$D/group"',
    **dict.fromkeys(("install", "setpriv", "usermod", "pkill", "userdel", "groupdel", "gpasswd"), ":"),
}


class Machine:
    """A machine without accounts but those a test gives it.

    :param folder: where its files are.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.programs = folder / "programs"
        self.programs.mkdir()
        self.printed = ""
        for name, body in PROGRAMS.items():
            script = f'#!/bin/sh\nPATH=/usr/bin:/bin\necho {name} "$@" >>"$D/calls"\n{body}\n'
            (self.programs / name).write_text(script)
            (self.programs / name).chmod(0o755)
        for name in ("passwd", "group", "calls"):
            (folder / name).write_text("")

    def has(self, file: str, line: str) -> None:
        """Give it a line of passwd or group."""
        with open(self.folder / file, "a") as stream:
            stream.write(f"{line}\n")

    def record(self, name: str, kind: str, **props: str) -> None:
        """Give it one record."""
        data: dict[str, Any] = {"name": name, "type": kind, "props": props}
        (self.folder / f"db-{name.replace('/', '%')}").write_text(json.dumps(data))
        everything = [json.loads(path.read_text()) for path in sorted(self.folder.glob("db-?*"))]
        (self.folder / "db-").write_text(json.dumps(everything))

    def do(self, task: str, *words: str, code: int = 0) -> list[str]:
        """Run the action, and return the calls that change something; what it prints is in ``printed``."""
        link = self.folder / f"S15{task}"
        link.symlink_to(ACTION)
        environment = {"PATH": str(self.programs), "ESMITH_ROOT": "/", "D": str(self.folder)}
        done = subprocess.run(
            [sys.executable, "-I", str(link), *words], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, done.stdout + done.stderr
        self.printed = done.stdout + done.stderr
        calls = (self.folder / "calls").read_text().splitlines()
        return [call for call in calls if not call.startswith(("getent ", "db --json"))]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Return a machine without accounts."""
    return Machine(tmp_path)


TOM = f"tom:x:5001:5001::{HOMES}/tom:/bin/false"
MAILBOX = [
    f"install -d -m 0755 {HOMES}",
    f"install -d -m 0700 -o 5001 -g 5001 {HOMES}/tom",
    f'setpriv --reuid 5001 --regid 5001 --clear-groups sh -c umask 077 && exec mkdir -p "$@" sh '
    f"{HOMES}/tom/Maildir/cur {HOMES}/tom/Maildir/new {HOMES}/tom/Maildir/tmp",
    "db accounts setprop tom Uid 5001 Gid 5001",
]


def test_a_new_user(machine: Machine) -> None:
    """user-create makes the unix account, the home and, as the user, the mailbox, and notes the numbers."""
    machine.record("tom", "user", FirstName="Tom", LastName="O'Neill: $(x)", Shell="/bin/sh")
    assert machine.do("user-create-unix", "user-create", "tom") == [
        f"useradd --home-dir {HOMES}/tom --no-create-home --shell /bin/sh --comment Tom O'Neill  $(x) --user-group "
        "-- tom",
        *MAILBOX,
    ]


def test_a_new_user_with_numbers(machine: Machine) -> None:
    """The numbers of the record are those of the unix account; a group that is missing is made."""
    machine.record("tom", "user", Uid="5001", Gid="5007")
    assert machine.do("user-create-unix", "user-create", "tom")[:2] == [
        "groupadd --gid 5007 -- tom",
        f"useradd --home-dir {HOMES}/tom --no-create-home --shell /bin/false --comment  --uid 5001 --no-user-group "
        "--gid 5007 -- tom",
    ]


def test_a_user_who_has_an_account(machine: Machine) -> None:
    """user-create again changes no unix account, and completes the home and the mailbox."""
    machine.record("tom", "user")
    machine.has("passwd", TOM)
    assert machine.do("user-create-unix", "user-create", "tom") == MAILBOX


OTHERS = {
    "create": ("user-create-unix", "user", "daemon"),
    "modify": ("user-modify-unix", "user", "daemon"),
    "lock": ("user-lock-passwd", "user", "daemon"),
    "delete": ("user-delete-unix", "user-deleted", "daemon"),
}


@pytest.mark.parametrize(("task", "kind", "name"), OTHERS.values(), ids=OTHERS)
def test_an_account_of_the_system_is_left_alone(machine: Machine, task: str, kind: str, name: str) -> None:
    """A unix account whose home is not that of the user is never changed: the event fails and says why."""
    machine.record(name, kind, FirstName="New")
    machine.has("passwd", "daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin")
    assert machine.do(task, "event", name, code=1) == []
    assert "its home is /usr/sbin" in machine.printed


@pytest.mark.parametrize("name", ["-x", "a b", "a/b", "0", "a;b", ".."])
@pytest.mark.parametrize(("task", "kind"), [("user-create-unix", "user"), ("user-delete-unix", "user-deleted")])
def test_a_name_that_cannot_be(machine: Machine, task: str, kind: str, name: str) -> None:
    """A key that is not a name for a unix account never reaches a program that changes accounts."""
    machine.record(name, kind)
    assert machine.do(task, "event", name, code=1) == []
    assert "cannot be the name of a unix account" in machine.printed


def test_modify_everyone(machine: Machine) -> None:
    """user-modify without a user changes the unix accounts that differ from their records, and only these."""
    machine.record("tom", "user", FirstName="Tom", LastName="Jones", Shell="/bin/sh")
    machine.record("ann", "user", FirstName="Ann")
    machine.record("new", "user")
    machine.record("team", "group")
    machine.has("passwd", TOM)
    machine.has("passwd", f"ann:x:5002:5002:Ann:{HOMES}/ann:/bin/false")
    assert machine.do("user-modify-unix", "user-modify") == ["usermod --comment Tom Jones --shell /bin/sh -- tom"]
    assert machine.printed == "there is no unix account new\n"


def test_delete_a_user(machine: Machine) -> None:
    """user-delete removes the unix account with the home, once the record says so."""
    machine.record("tom", "user-deleted")
    machine.has("passwd", TOM)
    assert machine.do("user-delete-unix", "user-delete", "tom") == [
        "pkill -KILL -U 5001",
        "userdel --remove -- tom",
    ]


@pytest.mark.parametrize("kind", ["user", None], ids=["live", "no-record"])
def test_delete_nobody(machine: Machine, kind: str | None) -> None:
    """Without the record of a user who is being deleted no unix account is removed."""
    if kind:
        machine.record("tom", kind)
    machine.has("passwd", TOM)
    assert machine.do("user-delete-unix", "user-delete", "tom", code=1 if kind else 0) == []


def test_lock_passwords(machine: Machine) -> None:
    """user-lock locks one password; at boot those are locked whose PasswordSet is no, and not where it is unset."""
    for name, props in {"tom": {"PasswordSet": "no"}, "ann": {"PasswordSet": "yes"}, "bob": {}}.items():
        machine.record(name, "user", **props)
        machine.has("passwd", f"{name}:x:5001:5001::{HOMES}/{name}:/bin/false")
    assert machine.do("user-lock-passwd", "bootstrap-console-save") == ["usermod --lock -- tom"]


def test_groups(machine: Machine) -> None:
    """group-create makes the unix group with those members that have unix accounts, and notes its number."""
    machine.record("team", "group", Members="tom, ghost,tom,5001")
    machine.has("passwd", TOM)
    assert machine.do("group-create-unix", "group-create", "team") == [
        "groupadd -- team",
        "db accounts setprop team Gid 5101",
        "gpasswd --members tom team",
    ]


GROUPS = {
    "modify": ("group-modify-unix", "group", {"Gid": "5101"}, ["gpasswd --members tom team"]),
    "modify-another": ("group-modify-unix", "group", {"Gid": "42"}, []),
    "modify-unknown": ("group-modify-unix", "group", {}, []),
    "delete": ("group-delete-unix", "group-deleted", {"Gid": "5101"}, ["groupdel team"]),
    "delete-another": ("group-delete-unix", "group-deleted", {"Gid": "42"}, []),
    "delete-unknown": ("group-delete-unix", "group-deleted", {}, []),
}


@pytest.mark.parametrize(("task", "kind", "props", "calls"), GROUPS.values(), ids=GROUPS)
def test_a_group_of_another_number(
    machine: Machine, task: str, kind: str, props: dict[str, str], calls: list[str]
) -> None:
    """A unix group is changed and removed only when it has the number that the record gives it."""
    machine.record("team", kind, Members="tom", **props)
    machine.has("passwd", TOM)
    machine.has("group", "team:x:5101:")
    assert machine.do(task, "event", "team") == calls


def test_a_program_that_fails(machine: Machine) -> None:
    """When a program fails or is missing the action fails, and says which."""
    machine.record("tom", "user-deleted")
    machine.has("passwd", TOM)
    (machine.programs / "userdel").write_text("#!/bin/sh\nexit 8\n")
    machine.do("user-delete-unix", "user-delete", "tom", code=1)
    assert "userdel --remove -- tom failed with exit status 8" in machine.printed
    (machine.programs / "userdel").unlink()
    (machine.folder / "S15user-delete-unix").unlink()
    machine.do("user-delete-unix", "user-delete", "tom", code=1)
    assert "userdel is missing" in machine.printed
