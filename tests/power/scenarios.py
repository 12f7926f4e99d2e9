"""The commands whose power losses are tried, and what has to be so afterwards."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from esmith.errors import EsmithError
from tests.commands import TIMEOUT_SECONDS, Root, copy_tree
from tests.power.calls import record
from tests.power.disk import Disk
from tests.power.observed import (
    TREES,
    Observed,
    Violation,
    differences,
    has_backup_of_before,
    observe,
    recover,
    torn_backups,
    trust_databases,
)
from tests.power.older import make_older
from tests.power.replay import Replay
from tests.power.states import Moment, State, build, moment_of, states_of
from tests.power.without import KILLED
from tests.store.stores import last_revision, opened


@dataclass(frozen=True)
class Scenario:
    """Commands, one after the other.

    :param commands: each with its words; a word ``{root}`` is the path of the root.
    :param prepare: makes the root ready before; what it does is durable.
    :param shipped: whether the shipped trees count, too.
    :param only_last: whether only what the last command leaves is right, also when it did not end.
    :param text: what one of the files has to hold, wherever it is.
    :param keeps_before: whether what was before the last command has to be a backup, when it is changed.
    """

    commands: list[list[str]]
    prepare: Callable[[Root], object] = lambda _: None
    shipped: bool = False
    only_last: bool = False
    text: str = ""
    keeps_before: bool = False


def _flat_files(root: Root) -> None:
    """Write the files that are to be imported."""
    root.write("/tmp/accounts", "".join(f"user{n}=user|FirstName|F{n}|LastName|L{n}\n" for n in range(60)))
    root.write("/tmp/domains", "one.example.com=domain|Description|One\ntwo.example.com=domain|Description|Two\n")


def _before_rollback(root: Root) -> None:
    root.db("domains", "set", "kept.example.com", "domain")
    root.signal("email-update")


def _edited(root: Root) -> None:
    """Edit a file by hand that the event replaces, and change the mode of one that stays."""
    root.write("/var/qmail/control/rcpthosts", EDITED)
    root.file("/var/qmail/control/locals").chmod(0o600)


def _killed_event(root: Root) -> None:
    """Let an event be killed when it has installed some of its files."""
    root.db("domains", "set", "new.example.com", "domain")
    words = [sys.executable, "-m", "tests.power.without", "end", str(root.path / "sbin/e-smith/signal-event")]
    env = {**os.environ, "ESMITH_ROOT": str(root.path)}
    done = subprocess.run([*words, "email-update"], env=env, timeout=TIMEOUT_SECONDS, capture_output=True, check=False)
    assert done.returncode == KILLED, done.stderr


def _backed_up(root: Root) -> None:
    """Make a backup that the next one replaces."""
    root.file("/root/backups").mkdir(parents=True)
    root.esmith("backup", str(root.file(_BACKUP)))
    root.custom("/etc/clamd.conf/20own", "# mine\n")


def _of_another(root: Root) -> None:
    """Make a backup of another office: settings, the journal, fragments and a key differ."""
    data, aside = root.file("/home/e-smith/db/data.mdb"), root.path.parent / "data.mdb"
    shutil.copy(data, aside)
    for number in range(2):
        root.custom(f"/etc/clamd.conf/2{number}own", f"# of the backup {number}\n")
        root.custom(f"/etc/new{number}/10text", "new\n")
    root.write("/home/e-smith/dkim_keys/default/private", "secret\n", mode=0o400)
    root.db("domains", "set", "theirs.example.com", "domain")
    root.file("/root/backups").mkdir(parents=True)
    root.esmith("backup", str(root.file(_BACKUP)))
    root.file("/var/lib/e-smith/last-backup").unlink()
    shutil.copy(aside, data)
    root.db("domains", "set", "ours.example.com", "domain")
    root.custom("/etc/clamd.conf/21own", "# other\n")
    root.custom("/etc/clamd.conf/29own", "# another\n")
    shutil.rmtree(root.file("/etc/e-smith/templates-custom/etc/new0"))
    root.file("/home/e-smith/dkim_keys/default/private").unlink()


_BACKUP = "/root/backups/one.tar.gz"
#: What an administrator wrote into a generated file.
EDITED = "by-hand.example.com\n"
#: What a check writes is in a view of its own, and strace records it as if it were on the disk.
_UNCHECKED = 'check = { off = "its view of the root is not the disk" }\n'
_ADD = ["db", "domains", "set", "new.example.com", "domain", "Description", "New"]
_SETPROP = ["config", "setprop", "qpsmtpd", "DNSBL", "enabled", "LogLevel", "7"]
_FORWARD = ["db", "accounts", "setprop", "jack", "EmailForward", "forward", "ForwardAddress", "jack@example.org"]
_BACKUP_TO = ["esmith", "backup", "--to", "{root}/root/backups/daily", "--keep", "1"]
_EVENT = ["signal-event", "email-update"]

SCENARIOS = {
    "setprop": Scenario([_SETPROP, _FORWARD, ["config", "setprop", "qpsmtpd", "DNSBL", "disabled", "LogLevel", "6"]]),
    "undo": Scenario([_SETPROP, ["esmith", "undo", "{last}"]]),
    "event": Scenario([_FORWARD, _ADD, _EVENT]),
    "files edited by hand": Scenario([_EVENT], prepare=_edited, text=EDITED),
    "rollback": Scenario([_ADD, _FORWARD, _EVENT, ["esmith", "rollback"]], prepare=_before_rollback),
    "expand-template": Scenario([_ADD, ["expand-template", "/var/qmail/control/rcpthosts"]]),
    "import": Scenario([["esmith", "import", "{root}/tmp/accounts"]], prepare=_flat_files),
    "import of two files": Scenario(
        [["esmith", "import", "{root}/tmp/accounts", "{root}/tmp/domains"]], prepare=_flat_files
    ),
    "recover": Scenario([["esmith", "recover"]], prepare=_killed_event, only_last=True),
    "backup": Scenario([["esmith", "backup", f"{{root}}{_BACKUP}"], _BACKUP_TO], prepare=_backed_up),
    "restore": Scenario([["esmith", "restore", "--yes", f"{{root}}{_BACKUP}"]], prepare=_of_another, keeps_before=True),
    "init": Scenario([["esmith", "init"]], prepare=make_older, shipped=True),
}


@dataclass
class Run:
    """A scenario that was played and recorded.

    :param moments: when the power may fail.
    :param expected: what the root held before the first command, and after each.
    :param disk: the disk, as it is after the last command.
    :param shared: directories that no command changes.
    """

    scenario: Scenario
    moments: list[Moment] = field(default_factory=list)
    expected: list[Observed] = field(default_factory=list)
    disk: Disk = field(default_factory=Disk)
    shared: dict[str, Path] = field(default_factory=dict)


def play(scenario: Scenario, office: Path, folder: Path, without: str = "") -> Run:
    """Play a scenario on a copy of a root.

    :param folder: an empty folder; the copy is ``played`` in it, and ``base`` holds what was there before.
    :param without: a sync that is left out, a name of tests.power.without.
    """
    played, base = folder / "played", folder / "base"
    copy_tree(office, played)
    root = Root(played)
    root.custom("/etc/httpd/conf/httpd.conf/template.toml", _UNCHECKED)
    scenario.prepare(root)
    copy_tree(played, base)
    run = Run(scenario, disk=Disk.of(base))
    if not scenario.shipped:
        run.shared = {inside: base / inside for inside in TREES}
    replay = Replay(run.disk, str(played))
    run.expected.append(observe(played, shipped=scenario.shipped))
    for number, words in enumerate(scenario.commands):
        for _ in replay.run(record(_command(root, words, without), played, folder / "calls")):
            run.moments.append(moment_of(run.disk, number, between=True))
        run.expected.append(observe(played, shipped=scenario.shipped))
        run.moments.append(moment_of(run.disk, number + 1, between=False))
    return run


def _command(root: Root, words: list[str], without: str) -> list[str]:
    with opened(root.path, write=False) as store:
        last = last_revision(store)
    words = [word.format(root=root.path, last=last) for word in words]
    script = str(root.path / "sbin/e-smith" / words[0])
    return (
        [sys.executable, "-m", "tests.power.without", without, script, *words[1:]] if without else [script, *words[1:]]
    )


def violations(run: Run, folder: Path, *, sample: int, most: int, enough: int = 100) -> tuple[int, list[Violation]]:
    """Recover the states that a power loss may leave, and return how many were tried, and the violations.

    :param folder: a folder of the test.
    :param sample: how many states of moments with many pending changes.
    :param most: how many states in all.
    :param enough: after so many violations no more are looked for.
    """
    found: list[Violation] = []
    tried = 0
    for state in states_of(run.moments, sample, most, random.Random(1)):
        faults = _faults(run, state, folder / "crashed")
        tried += 1
        if faults:
            found.append(Violation(str(state), faults))
        if len(found) >= enough:
            break
    return tried, found


def _faults(run: Run, state: State, root: Path) -> list[str]:
    build(state.nodes(), root, run.shared)
    try:
        if state.is_loose:
            trust_databases(root)
        faults = recover(root)
        if not faults and run.scenario.text:
            faults = _require_text(run.scenario.text, root)
        found = observe(root, shipped=run.scenario.shipped)
        if run.scenario.keeps_before and not differences(found, run.expected[-1:]) and not has_backup_of_before(root):
            faults.append("what was before is lost")
        return [*faults, *torn_backups(root)] or differences(found, _allowed(run, state))
    except (EsmithError, UnicodeDecodeError) as error:
        return [f"the databases cannot be read: {error}"]
    finally:
        shutil.rmtree(root)


def _require_text(text: str, root: Path) -> list[str]:
    for directory, _, names in os.walk(root):
        if any(text.encode() == Path(directory, name).read_bytes() for name in names if name != "data.mdb"):
            return []
    return ["what was written by hand is lost"]


def _allowed(run: Run, state: State) -> list[Observed]:
    """Return what a root may hold: what the ended commands left, or also what the one leaves that had begun."""
    if run.scenario.only_last:
        return run.expected[-1:]
    last = state.moment.commands + state.moment.between
    return run.expected[state.moment.commands : last + 1]
