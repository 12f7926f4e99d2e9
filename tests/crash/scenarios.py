"""The commands that are attacked, each with the root it is attacked in and with what an administrator runs next."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.commands import Root, copy_tree
from tests.crash.services import supervise
from tests.crash.trees import BACKUP
from tests.documents import HOME

#: What is run next: the same command again, ``esmith recover``, or an event that has other files.
SAME, RECOVER, EVENT = "same", "recover", "event"
_OTHER = "crash-other"


@dataclass(frozen=True)
class Command:
    """A command line, without the root: that is in the environment.

    :param script: the name of the script.
    :param words: its arguments.
    """

    script: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class Scenario:
    """A command and the root it is run in.

    :param name: what the table calls it.
    :param command: the command.
    :param prepare: makes the root in a folder out of the office; returns it.
    :param next: what is run after an attack, in turns.
    :param is_quick: whether the command is short, so that more of its runs fit into the quick form.
    :param has_few: whether a small sample is enough in the quick form: other commands share most of its steps.
    :param first: what is run in the root itself, once, before all else.
    """

    name: str
    command: Command
    prepare: Callable[[Path, Path], Path]
    next: tuple[str, ...] = (SAME, RECOVER, EVENT)
    is_quick: bool = False
    has_few: bool = False
    first: tuple[Command, ...] = ()

    def command_of(self, what: str) -> Command:
        """Return the command that is run next."""
        return {SAME: self.command, RECOVER: _RECOVER, EVENT: Command("signal-event", (_OTHER,))}[what]


_RECOVER = Command("esmith", ("recover",))


def make_office(folder: Path, office: Path) -> Path:
    """Return the root all but the fresh one begin as: an office whose services are supervised."""
    root = Root(folder / "office")
    copy_tree(office, root.path)
    root.custom("/etc/crash-other/10text", "other\n")
    root.write(f"/etc/e-smith/events/{_OTHER}/templates2expand", "/etc/crash-other\n")
    root.write("/var/qmail/bin/qmail-newu", _NEWU, mode=0o755)
    root.write(
        "/etc/passwd", root.read("/etc/passwd") + "jill:x:5005:5005::/home/e-smith/files/users/jill:/bin/false\n"
    )
    root.write("/etc/group", root.read("/etc/group") + "jill:x:5005:\n")
    for event in ("email-update", _OTHER):
        root.signal(event)
    supervise(root.path)
    return root.path


#: As the program of qmail: a file made of another one, first under another name.
_NEWU = """\
#!/bin/sh
cd "${ESMITH_ROOT%/}/var/qmail/users" || exit 1
sed 's/^/made of /' assign > cdb.tmp && mv cdb.tmp cdb
"""


#: They change settings that several services and files depend on, and that the made file depends on.
_CHANGES = (
    Command("config", ("setprop", "qpsmtpd", "DNSBL", "enabled", "MaxScannerSize", "2000000")),
    Command("config", ("setprop", "clamav", "MaxFiles", "1234")),
    Command("config", ("set", "DomainName", "test.com")),
    Command("db", ("accounts", "setprop", "jack", "EmailForward", "both", "ForwardAddress", "jack@example.org")),
    Command("db", ("accounts", "set", "jill", "user", "EmailForward", "local")),
    Command("db", ("accounts", "delete", "boss@test.com")),
    Command("db", ("accounts", "set", "chief@test.com", "pseudonym", "Account", "jack")),
)


def _changed(root: Root) -> Root:
    for change in _CHANGES:
        root.run(change.script, *change.words)
    return root


def _copied(folder: Path, office: Path, name: str) -> Root:
    root = Root(folder / name)
    copy_tree(office, root.path)
    return root


def _event(folder: Path, office: Path) -> Path:
    return _copied(folder, office, "event").path


def _setprop(folder: Path, office: Path) -> Path:
    return _copied(folder, office, "setprop").path


def _undo(folder: Path, office: Path) -> Path:
    root = _copied(folder, office, "undo")
    root.config("setprop", "qpsmtpd", "DNSBL", "enabled", "RHSBL", "enabled")
    return root.path


def _rollback(folder: Path, office: Path) -> Path:
    root = _changed(_copied(folder, office, "rollback"))
    # The services have the new files, so a rollback adjusts them.
    root.signal("email-update")
    return root.path


def _import(folder: Path, office: Path) -> Path:
    root = _copied(folder, office, "import")
    place = root.path / "root-of-old"
    place.mkdir()
    root.esmith("export", "--to", str(place))
    for name, old, new in (("configuration", "DNSBL|disabled", "DNSBL|enabled"), ("accounts", "jack=", "jill=")):
        file = place / name
        file.write_text(file.read_text().replace(old, new))
    return root.path


def _fresh(folder: Path, _office: Path) -> Path:
    root = folder / "fresh"
    root.mkdir()
    return root


def _upgrade(folder: Path, office: Path) -> Path:
    """Return the office as an older version made it: other fragments, one more and one fewer."""
    old = folder / "old-version"
    old.mkdir()
    for name in (
        "esmith",
        "templates",
        "templates-custom",
        "events",
        "db",
        "plugins",
        "services",
        "checks",
        "commands",
    ):
        shutil.copytree(HOME / name, old / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    for path in ("etc/clamd.conf", "etc/freshclam.conf", "etc/Muttrc", "etc/crontab"):
        fragments = sorted(one for one in (old / "templates" / path).iterdir() if one.suffix != ".toml")
        for fragment in fragments[:3]:
            fragment.write_text(fragment.read_text().rstrip("\n") + "\n# of the older version\n")
        (old / "templates" / path / "99older").write_text("# a fragment of the older version\n")
    fragments[-1].unlink()
    root = _copied(folder, office, "upgrade")
    code = "import sys; sys.path.insert(0, sys.argv.pop(1)); from esmith.cli.esmith import main; main()"
    subprocess.run(
        [sys.executable, "-c", code, str(old), "--root", str(root.path), "init"],
        check=True,
        capture_output=True,
        cwd="/",
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    # Where the package is has not changed.
    shutil.copytree(office / "sbin/e-smith", root.file("/sbin/e-smith"), dirs_exist_ok=True)
    # What a contrib has put into the shipped tree has to survive.
    root.write("/etc/e-smith/templates/etc/clamd.conf/95contrib", "# of a contrib\n")
    root.signal("email-update")
    return root.path


def _expand(folder: Path, office: Path) -> Path:
    return _changed(_copied(folder, office, "expand")).path


def _backup(folder: Path, office: Path) -> Path:
    root = _copied(folder, office, "backup")
    place = root.file("/root/backups")
    place.mkdir(parents=True)
    root.esmith("backup", f"{place}{BACKUP}")
    root.custom("/etc/clamd.conf/20own", "# mine\n")
    return _changed(root).path


def _restore(folder: Path, office: Path) -> Path:
    """Return an office with a backup of another one: records, files and the journal differ."""
    root = _copied(folder, office, "restore")
    data, aside = root.file("/home/e-smith/db/data.mdb"), folder / "data.mdb"
    shutil.copy(data, aside)
    for number in range(3):
        root.custom(f"/etc/clamd.conf/2{number}own", f"# of the backup {number}\n")
        root.custom(f"/etc/new{number}/10text", "new\n")
    root.write("/home/e-smith/dkim_keys/default/private", "secret\n", mode=0o400)
    _changed(root)
    root.esmith("backup", f"{root.path}/restored.tar.gz")
    shutil.copy(aside, data)
    root.config("setprop", "clamav", "MaxFiles", "99")
    root.db("accounts", "set", "other", "user", "EmailForward", "local")
    root.custom("/etc/clamd.conf/21own", "# other\n")
    root.custom("/etc/clamd.conf/29own", "# another\n")
    for path in ("new0", "new1", "clamd.conf/22own"):
        shutil.rmtree(root.file(f"/etc/e-smith/templates-custom/etc/{path}"), ignore_errors=True)
    root.file("/home/e-smith/dkim_keys/default/private").unlink()
    root.signal("email-update")
    return root.path


SCENARIOS = (
    Scenario(
        "signal-event",
        Command("signal-event", ("email-update",)),
        _event,
        # In a copy the engine remembers nothing of the files; the first event changes that, as on any machine.
        first=(Command("signal-event", ("email-update",)), *_CHANGES),
    ),
    Scenario(
        "setprop",
        Command("config", ("setprop", "qpsmtpd", "DNSBL", "enabled", "RHSBL", "enabled")),
        _setprop,
        is_quick=True,
    ),
    Scenario("undo", Command("esmith", ("undo", "{revision}")), _undo, is_quick=True),
    Scenario("rollback", Command("esmith", ("rollback",)), _rollback),
    Scenario("import", Command("esmith", ("import", "{root}/root-of-old")), _import, is_quick=True),
    # The upgrade is the same command with more before it, and has the larger sample.
    Scenario(
        "init",
        Command("esmith", ("init", "--domain", "example.com", "--name", "mail")),
        _fresh,
        next=(SAME,),
        has_few=True,
    ),
    Scenario("upgrade", Command("esmith", ("init",)), _upgrade),
    Scenario(
        "expand-template",
        Command("expand-template", ("/etc/clamd.conf", "/var/qmail/control/locals", "/var/qmail/control/me")),
        _expand,
        # It installs files as an event does.
        has_few=True,
    ),
    # What a killed one leaves in the folder is removed by the next one.
    Scenario(
        "backup",
        Command("esmith", ("backup", f"{{root}}/root/backups{BACKUP}")),
        _backup,
        next=(SAME,),
        is_quick=True,
        has_few=True,
    ),
    Scenario("restore", Command("esmith", ("restore", "--yes", "{root}/restored.tar.gz")), _restore, has_few=True),
)
