"""Commands that are killed before a call that writes: all is old or all is new, and nothing is left behind.

``strace`` ends the command by SIGKILL before its N-th call of a kind. The short form tries a few of each kind, the long
form all of them.
"""

from __future__ import annotations

import hashlib
import os
import re
import signal
import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.commands import TIMEOUT_SECONDS, Root, copy_tree
from tests.store.stores import opened

pytestmark = pytest.mark.program("strace")

#: The calls by which something on the disk is another one afterwards.
CALLS = (
    *("rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat", "unlink", "unlinkat"),
    *("mkdir", "mkdirat", "rmdir", "write", "pwrite64", "pwritev", "ftruncate", "fallocate"),
    *("fsync", "fdatasync", "msync", "fchmod", "fchown"),
)
E = "/etc/e-smith"
CONTRIB = {
    f"{E}/templates/etc/contrib/10own": "of a contrib\n",
    f"{E}/events/email-update/templates2expand/etc/contrib": "",
    f"{E}/db/configuration/contrib.toml": 'type = "service"\n\n[properties.status]\ntype = "text"\ndefault = "on"\n',
}
State = tuple[dict[str, bytes], list[str]]


@dataclass
class Case:
    """A command with a root on which it has much to do.

    :param root: the root before it.
    :param words: the command.
    :param old: what the root holds before it.
    :param new: what it holds afterwards.
    :param calls: how often it makes each call.
    """

    root: Root
    words: list[str]
    old: State
    new: State
    calls: Counter[str]


def state(root: Root) -> State:
    """Return the files of a root and its settings."""
    with opened(root.path, write=False) as store, store.snapshot() as snapshot:
        settings = [
            f"{database} {record.key} {record.type} {sorted(record.props.items())}"
            for database in snapshot.databases()
            for record in snapshot.records(database)
        ]
    files = {}
    for folder in ("etc", "sbin", "usr", "var/qmail", "var/service", "home/e-smith/files"):
        for path in (root.path / folder).rglob("*"):
            name = str(path.relative_to(root.path))
            if not path.is_dir():
                files[name] = path.read_bytes()
            elif name.startswith("etc/e-smith"):
                # An empty one may stay where a killed event was about to put files; there it could mean something.
                files[name] = b""
    files["shipped"] = root.file("/var/lib/e-smith/shipped").read_bytes()
    return files, settings


def left_behind(root: Root) -> list[str]:
    """Return the temporary files, copies of checks and old files of no generation below a root."""
    found = [str(path.relative_to(root.path)) for path in root.path.rglob(".esmith-*")]
    with opened(root.path, write=False) as store, store.snapshot() as snapshot:
        known = {str(int(name)) for name, _ in snapshot.states("generations")}
    generations = root.file("/var/lib/e-smith/generations")
    return found + [path.name for path in generations.glob("*") if path.name not in known]


def traced(root: Root, words: list[str], *options: str) -> subprocess.CompletedProcess[str]:
    """Run a command of a root under strace."""
    environment = {**os.environ, "ESMITH_ROOT": str(root.path), "PYTHONDONTWRITEBYTECODE": "1"}
    program = str(root.path / "sbin/e-smith" / words[0])
    return subprocess.run(
        ["strace", "-qq", *options, program, *words[1:]],
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )


def copied(root: Root, path: Path) -> Root:
    """Return a copy of a root."""
    copy_tree(root.path, path)
    return Root(path)


def case_of(root: Root, words: list[str], folder: Path) -> Case:
    """Run a command on a copy of a root, and return what it does."""
    other, trace = copied(root, folder / "new"), folder / "trace"
    done = traced(other, words, "-o", str(trace), "-e", f"trace={','.join(CALLS)}")
    assert done.returncode == 0, done.stderr
    calls = Counter(re.findall(r"^(\w+)\(", trace.read_text(), re.MULTILINE))
    case = Case(root, words, state(root), state(other), calls)
    assert case.old != case.new
    return case


def kill_and_recover(case: Case, folder: Path, call: str, number: int) -> bool:
    """Kill a command before a call, recover, and judge; return whether all is new."""
    subject = f"{call} {number}"
    root = copied(case.root, folder / "killed")
    try:
        done = traced(
            root,
            case.words,
            *("-o", "/dev/null", "-e", f"trace={call}"),
            "-e",
            f"inject={call}:signal=KILL:when={number}",
        )
        assert done.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL), f"{subject}: {done.returncode} {done.stderr}"
        root.esmith("recover")
        found = state(root)
        assert found in (case.old, case.new), f"{subject}: {differences(found, case)}"
        assert left_behind(root) == [], subject
        for path, text in CONTRIB.items():
            assert root.read(path) == text, subject
        root.run(*case.words)
        assert state(root) == case.new, f"{subject}: {differences(state(root), case)}"
        assert left_behind(root) == [], subject
    finally:
        subprocess.run(["rm", "-rf", str(root.path)], check=True)
    return found == case.new


def differences(found: State, case: Case) -> str:
    """Return where a state differs from the old one and from the new one."""
    parts = []
    for name, other in (("old", case.old), ("new", case.new)):
        files = sorted(path for path in found[0].keys() | other[0].keys() if found[0].get(path) != other[0].get(path))
        parts.append(f"{len(files)} files not {name}: {files[:5]}, settings {name}: {found[1] == other[1]}")
    return "; ".join(parts)


def upgrade(root: Root) -> list[str]:
    """Make a root one that an older version set up, with files of a contrib; return the command that upgrades it."""
    for path, text in CONTRIB.items():
        root.write(path, text)
    old = {
        "templates/etc/clamd.conf/template-begin": "# of an older version\n",
        "db/configuration/clamav.toml": "# of an older version\n" + root.read(f"{E}/db/configuration/clamav.toml"),
        "events/email-update/S98older": "#!/bin/sh\nexit 1\n",
        "templates/etc/older.conf/10older": "not shipped any more\n",
    }
    for name, text in old.items():
        root.write(f"{E}/{name}", text)
    manifest = root.file("/var/lib/e-smith/shipped")
    lines = [line for line in manifest.read_text().splitlines() if line.partition("  ")[2] not in old]
    lines += [f"{hashlib.sha256(text.encode()).hexdigest()}  {name}" for name, text in old.items()]
    manifest.write_text("\n".join(sorted(lines, key=lambda line: line.partition("  ")[2])) + "\n")
    root.write(f"{E}/templates/var/qmail/control/queuelifetime", "edited by hand\n")
    subprocess.run(["rm", "-r", str(root.file(f"{E}/services/clamd"))], check=True)
    root.write("/sbin/e-smith/config", root.read("/sbin/e-smith/config") + "\n", mode=0o755)
    root.config("delprop", "qpsmtpd", "DNSBL")
    return ["esmith", "init"]


def old_server(root: Root) -> list[str]:
    """Write the databases of an old server; return the command that imports them."""
    for path, text in CONTRIB.items():
        root.write(path, text)
    folder = root.path / "old"
    folder.mkdir()
    (folder / "configuration").write_text("DomainName=old.example\nqpsmtpd=service|status|enabled\n")
    (folder / "accounts").write_text("".join(f"user{number}=user|EmailForward|local\n" for number in range(40)))
    (folder / "domains").write_text("old.example=domain|Content|Primary\n")
    return ["esmith", "import", str(folder)]


def event(root: Root) -> list[str]:
    """Change settings that files are made from; return the event that makes them."""
    for path, text in CONTRIB.items():
        root.write(path, text)
    root.write("/etc/contrib", "of somebody else\n")
    root.config("setprop", "qmail", "ConcurrencyLocal", "5", "ConcurrencyRemote", "8")
    return ["signal-event", "email-update"]


CASES = {"init": upgrade, "import": old_server, "event": event}


@pytest.mark.parametrize("name", ["init", "import"])
def test_a_kill_before_some_calls(root: Root, tmp_path: Path, name: str) -> None:
    """Killed in the middle or at the end, all is old or all is new after the next command."""
    case = case_of(root, CASES[name](root), tmp_path)
    calls = [call for call in ("renameat", "pwrite64") if case.calls[call]]
    tried = [(call, number) for call in calls for number in (max(case.calls[call] // 2, 1), case.calls[call])]
    found = [kill_and_recover(case, tmp_path, call, number) for call, number in tried]
    assert False in found, "some calls come before the end"


def test_a_rehearsal_after_a_killed_init(root: Root) -> None:
    """A rehearsal, which restores nothing, says that files of the product are old and new; the event restores them."""
    words = upgrade(root)
    inject = ["-o", "/dev/null", "-e", "trace=renameat", "-e", "inject=renameat:signal=KILL:when=6"]
    assert traced(root, words, *inject).returncode in (-signal.SIGKILL, 128 + signal.SIGKILL)
    assert "esmith init was interrupted" in root.signal("--dry-run", "email-update", code=None).err
    assert "esmith init was interrupted; the old content of" in root.signal("email-update", code=None).err
    assert "interrupted" not in root.signal("--dry-run", "email-update", code=None).err


@pytest.mark.long
@pytest.mark.parametrize(("name", "step"), [("init", 1), ("import", 1), ("event", 9)])
def test_a_kill_before_each_call(root: Root, tmp_path: Path, name: str, step: int) -> None:
    """Whichever call that writes a command is killed before, all is old or all is new after the next command."""
    case = case_of(root, CASES[name](root), tmp_path)
    kills = [(call, number) for call, count in case.calls.items() for number in range(1, count + 1)][::step]
    found = Counter(kill_and_recover(case, tmp_path, call, number) for call, number in kills)
    print(f"{name}: {len(kills)} kills, {found[False]} old, {found[True]} new, 0 mixed")
    assert found[False]
    assert found[True]


@pytest.mark.long
def test_a_kill_before_each_call_of_a_first_init(root: Root, tmp_path: Path) -> None:
    """Killed while it sets a root up for the first time, ``esmith init`` run again gives what it gives at once."""
    program = str(root.path / "sbin/e-smith/esmith")
    words = ["strace", "-qq", "-o", "/dev/null"]
    subprocess.run([program, "init", "--root", str(tmp_path / "whole")], capture_output=True, check=True)
    new = state(Root(tmp_path / "whole"))[0]
    for number in range(1, 3000, 100):
        path = tmp_path / str(number)
        inject = ["-e", "trace=fsync", "-e", f"inject=fsync:signal=KILL:when={number}"]
        done = subprocess.run([*words, *inject, program, "init", "--root", str(path)], capture_output=True, check=False)
        again = subprocess.run([program, "init", "--root", str(path)], capture_output=True, text=True, check=False)
        assert again.returncode == 0, again.stderr
        assert state(Root(path))[0].keys() == new.keys()
        assert left_behind(Root(path)) == []
        subprocess.run(["rm", "-rf", str(path)], check=True)
        if done.returncode == 0:
            return
    raise AssertionError("it never ends by itself")
