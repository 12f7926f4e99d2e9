"""The accounts of the system: made where they are missing, and nothing else."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

from esmith.accounts.system import COMPLETE, Made, make_system_accounts, system_accounts
from esmith.layout import Layout
from esmith.plan.host import DiskHost
from tests.accounts.desk import FakeMachine
from tests.commands import Root

ACTION = "/etc/e-smith/events/actions/system-accounts"


def make(root: Root, machine: FakeMachine) -> Made:
    """Make the accounts of the system on a machine, and the directories in a root folder."""
    layout = Layout(str(root.path))
    host = DiskHost(layout)
    made = make_system_accounts(layout, host, machine)
    host.close()
    return made


@pytest.fixture
def machine(tmp_path: Path) -> FakeMachine:
    """Return a machine that has root only."""
    machine = FakeMachine(tmp_path / "machine")
    machine.has("passwd", "root:x:0:0:root:/root:/bin/bash")
    machine.has("group", "root:x:0:")
    return machine


def test_on_a_bare_machine(root: Root, machine: FakeMachine) -> None:
    """Every account and group is made, with SME Server's number where the system may give it, without a login."""
    make(root, machine)
    calls = machine.calls
    assert "groupadd --system --gid 500 -- shared" in calls
    assert (
        "useradd --system --home-dir /home/e-smith --no-create-home --shell /bin/false --comment  --uid 101 "
        "--no-user-group --gid admin -- admin" in calls
    )
    # A number that Debian gives to people is none for the system.
    assert "groupadd --system -- spamd" in calls
    names = {account.name for account in system_accounts(Layout(str(root.path)))}
    assert names >= {"root", "admin", "alias", "spamd", "qpsmtpd", "clamav", "smelog", "smtp-auth-proxy"}
    assert {call.split()[-1] for call in calls if call.startswith("useradd")} == names - {"root"}


def test_again(root: Root, machine: FakeMachine) -> None:
    """The second time nothing is done, and no program is started."""
    make(root, machine)
    before = machine.calls
    assert make(root, machine) == Made()
    assert machine.calls == before


def test_a_number_that_is_taken(root: Root, machine: FakeMachine) -> None:
    """Where SME Server's number belongs to somebody else, the system chooses another."""
    machine.has("passwd", "messagebus:x:101:102::/nonexistent:/usr/sbin/nologin")
    machine.has("group", "ssh:x:101:")
    make(root, machine)
    assert "groupadd --system -- admin" in machine.calls
    assert [call for call in machine.calls if call.endswith(" -- admin") and "--uid" in call] == []


def test_a_person_called_admin(root: Root, machine: FakeMachine) -> None:
    """An account admin of somebody else is left alone, and a warning has the cure; the others are made anyway."""
    machine.has("passwd", "admin:x:1000:1000:Debian:/home/admin:/bin/bash")
    machine.has("group", "admin:x:1000:")
    made = make(root, machine)
    (warning,) = made.warnings
    assert "admin is another one: it has the home /home/admin, and not /home/e-smith" in warning
    assert "usermod --login admin2 admin && esmith accounts" in warning
    assert not [call for call in machine.calls if call.endswith(" -- admin")]
    assert machine.user("spamd") is not None


def test_an_account_with_the_rights_of_root(root: Root, machine: FakeMachine) -> None:
    """An account of a service that is root under another name is a warning."""
    machine.has("passwd", "spamd:x:0:0::/root:/bin/sh")
    (warning,) = make(root, machine).warnings
    assert "spamd is another one: it has the rights of root" in warning


def test_the_directories(root: Root) -> None:
    """The directories of the templates, admin's mailbox and those of services have their modes, whatever the umask."""
    os.umask(0o077)
    root.esmith("accounts")
    modes = {"/home/e-smith": 0o755, "/home/e-smith/files/users": 0o755, "/var/qmail/alias": 0o755}
    modes |= {f"/home/e-smith/Maildir/{name}": 0o700 for name in ("", "cur", "new", "tmp")}
    modes["/var/spool/spamd/.spamassassin"] = 0o2770
    assert {path: stat.S_IMODE(root.file(path).stat().st_mode) for path in modes} == modes
    if os.geteuid() == 0:
        assert root.file("/home/e-smith/Maildir/new").stat().st_uid == 101
        assert root.file("/home/e-smith").stat().st_uid == 0


@pytest.mark.root("only root acts with the rights of others")
def test_admin_puts_a_link_there(root: Root, tmp_path: Path) -> None:
    """A link that admin put into the mailbox is not followed; it is a warning, and the event goes on."""
    (tmp_path / "elsewhere").mkdir()
    new = root.file("/home/e-smith/Maildir/new")
    new.rmdir()
    new.symlink_to(tmp_path / "elsewhere/new")
    os.lchown(new, 101, 101)
    assert "is no directory, or a link to one" in root.esmith("accounts").err
    root.signal("email-update")
    assert not list((tmp_path / "elsewhere").iterdir())


def run_action(root: Root, *, esmith: str, others: str = "") -> str:
    """Run the action with another program in the place of esmith, and return what it prints.

    :param others: where it finds other programs; "" for nowhere.
    """
    path = root.path / "programs"
    path.mkdir(exist_ok=True)
    (path / "esmith").write_text(f"#!/bin/sh\n{esmith}\n")
    (path / "esmith").chmod(0o755)
    environment = {"PATH": f"{path}:{others}" if others else str(path), "ESMITH_ROOT": str(root.path)}
    words = ["/bin/sh", str(root.file(ACTION)), "email-update"]
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=True).stdout


def test_the_action_starts_nothing(root: Root) -> None:
    """When all is there the action finds that out without a program."""
    assert run_action(root, esmith="echo started") == ""


def lose_a_user(root: Root) -> None:
    """Take an account away."""
    root.write("/etc/passwd", root.read("/etc/passwd").replace("spamd:", "spamd2:"))


def lose_a_group(root: Root) -> None:
    """Take a group away."""
    root.write("/etc/group", root.read("/etc/group").replace("shared:", "shared2:"))


def lose_a_directory(root: Root) -> None:
    """Take a directory away."""
    root.file("/home/e-smith/Maildir/new").rmdir()


def lose_the_list(root: Root) -> None:
    """Take the list away."""
    root.file(COMPLETE).unlink()


def add_a_service(root: Root) -> None:
    """Add a service with an account, as a contrib does."""
    file = root.write("/etc/e-smith/services/mailman/service.toml", '[account]\nname = "list"\n')
    # As a package writes it: an old file in a new directory.
    os.utime(file, (1, 1))


LOSSES = [lose_a_user, lose_a_group, lose_a_directory, lose_the_list, add_a_service]


@pytest.mark.parametrize("lose", LOSSES, ids=lambda lose: lose.__name__)
def test_the_action_sees_what_is_missing(root: Root, lose: object) -> None:
    """The action has the accounts made when one, a group, a directory or the list is missing, or a service is new."""
    os.utime(root.file(COMPLETE), (1_000_000_000_0, 1_000_000_000_0) if lose is not add_a_service else (1e9, 1e9))
    lose(root)  # type: ignore[operator]
    assert run_action(root, esmith='echo "esmith $*"') == "esmith accounts\n"


def add_people(root: Root) -> None:
    """Put so many people before the accounts of the system that the shell does not read all lines itself."""
    people = [f"p{number}:x:{number}:{number}::/:/bin/sh\n" for number in range(3000, 3200)]
    root.write("/etc/passwd", "".join(people) + root.read("/etc/passwd"))
    root.write("/etc/group", "".join(people) + root.read("/etc/group"))


def test_many_accounts(root: Root) -> None:
    """Among many accounts those of the system are found, too."""
    add_people(root)
    assert run_action(root, esmith="echo started", others=os.defpath) == ""


@pytest.mark.parametrize("lose", [lose_a_user, lose_a_group], ids=lambda lose: lose.__name__)
def test_one_is_missing_among_many(root: Root, lose: object) -> None:
    """Among many accounts it shows when one of the system is missing; one that only begins like it is another."""
    add_people(root)
    lose(root)  # type: ignore[operator]
    assert run_action(root, esmith='echo "esmith $*"', others=os.defpath) == "esmith accounts\n"


def test_an_event_completes_them(root: Root) -> None:
    """email-update makes what is missing, and says so in the log; what is in the files of accounts stays."""
    root.write("/etc/passwd", "# a comment\nroot:x:0:0:root:/root:/bin/sh\nann:x:101:101::/srv:/bin/sh\n")
    root.signal("email-update")
    lines = root.lines("/etc/passwd")
    assert lines[:3] == ["# a comment", "root:x:0:0:root:/root:/bin/sh", "ann:x:101:101::/srv:/bin/sh"]
    admin = next(line for line in lines if line.startswith("admin:"))
    assert admin.split(":")[2] not in ("0", "101")
    assert any("made the unix accounts admin" in line for line in root.lines("/var/log/e-smith/events.log"))
    assert len(lines) == len(set(lines))
