"""Every size of free space: a command does all or nothing, and its message is true."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from esmith.errors import ExitCode
from tests.commands import Root
from tests.store.test_full_disk import play

pytestmark = [
    pytest.mark.root("only root may mount a disk"),
    pytest.mark.program("unshare"),
]

PAGE = 4096
#: What is tried when not every size is: a tenth of them or less.
STEP = 23 * PAGE
#: Outputs that no program of this machine checks: its time and what it says are not the matter here.
PEERS, ROUTES = "/var/service/qpsmtpd/config/peers/0", "/var/qmail/control/smtproutes"
LOCAL, REMOTE = "/var/qmail/control/concurrencylocal", "/var/qmail/control/concurrencyremote"
NEW = "/etc/own/new.conf"

Found = dict[str, Any]


@pytest.fixture
def changed(office: Root) -> Root:
    """Return a small office with two generations, with settings that change files, and two files edited by hand."""
    office.config("setprop", "qmail", "ConcurrencyLocal", "5")
    office.signal("email-update")
    office.config("setprop", "qpsmtpd", "DNSBL", "enabled", "RHSBL", "enabled")
    office.config("set", "SMTPSmartHost", "relay.example.com")
    office.config("setprop", "qmail", "ConcurrencyLocal", "7", "ConcurrencyRemote", "8")
    office.write(f"/etc/e-smith/templates{NEW}", "new\n" * 5000)
    for path in (PEERS, REMOTE):
        office.write(path, office.read(path) + "# by hand\n" * 2000)
    return office


def contents(look: Found) -> tuple[dict[str, str], str]:
    """Return what files hold and what is set."""
    return {path: content for path, (content, _) in look["files"].items()}, look["settings"]


def judge(found: Found, new: tuple[dict[str, str], str]) -> None:
    """Assert that all is old or all is new, that the exit code and the message agree, and that the next run ends it."""
    old, after, done, again = contents(found["before"]), contents(found["after"]), found["done"], found["again"]
    subject = f"{found['free']} bytes: {done['err']}"
    if done["code"] == 0:
        assert after == new, subject
        assert found["after"] == found["last"], f"{subject}: the next one installs nothing"
    else:
        assert done["code"] in (ExitCode.INSTALL, ExitCode.STORE), subject
        assert after == old, subject
        assert "space" in done["err"], subject
        assert found["after"]["files"] == found["before"]["files"], f"{subject}: not even the inodes changed"
    assert "Traceback" not in done["err"], subject
    if again is not None:
        assert again["code"] == 0, f"{subject}: {again['err']}"
        assert ("interrupted" in again["err"]) == ("esmith recover" in done["err"]), f"{subject}: {again['err']}"
    assert contents(found["last"]) == new, subject


def judge_init(found: Found, new: tuple[dict[str, str], str]) -> None:
    """Assert that all is old or all is new, that the message says how to go on, and that the next run ends it."""
    old, after, done = contents(found["before"]), contents(found["after"]), found["done"]
    subject = f"{found['free']} bytes: {done['err']}"
    if done["code"] == 0:
        assert after == new, subject
    else:
        assert after == old, subject
        assert "space" in done["err"], subject
        assert "run it again" in done["err"], subject
        assert found["again"]["code"] == 0, found["again"]
    assert contents(found["last"]) == new, subject


def scan(
    root: Root, tmp_path: Path, kind: str, step: int, command: list[str], judged: Callable[[Found, Any], None]
) -> None:
    """Run a command with each size of free space and judge what it did."""
    again = command[0] != "esmith"
    steps = [["scan", command, 0, step, 2 if step > PAGE else 8, again]]
    (found,) = play(root, tmp_path, *steps, size="40m", kind=kind, timeout=3000)
    assert found[-1]["free"] is None
    assert found[-1]["done"]["code"] == 0, found[-1]["done"]["err"]
    new = contents(found[-1]["after"])
    assert new != contents(found[-1]["before"]), "the command has something to do"
    for one in found:
        judged(one, new)
    codes = {one["done"]["code"] for one in found}
    assert codes - {0}, "with no space at all it fails"
    assert len(found) < 1000


def last_revision(root: Root) -> str:
    """Return the number of the last revision."""
    return str(json.loads(root.esmith("history", "--limit", "1", "--json").out)[0]["revision"])


def prepare_init(root: Root) -> None:
    """Leave a shipped file out, edit another, and delete a setting, so that ``init`` has something to do."""
    root.file("/etc/e-smith/events/email-update/templates2expand/LIST").unlink()
    root.write("/etc/e-smith/templates/etc/clamd.conf/template-begin", "# by hand\n" * 1000)
    root.write("/sbin/e-smith/config", root.read("/sbin/e-smith/config") + "\n", mode=0o755)
    root.config("delprop", "qpsmtpd", "DNSBL")


COMMANDS = {
    "signal-event": ["signal-event", "email-update"],
    "expand-template": ["expand-template", PEERS, ROUTES, LOCAL, REMOTE, NEW],
    "setprop": ["config", "setprop", "qpsmtpd", "DNSBL", "disabled", "Note", "x" * 60_000],
    "init": ["esmith", "init"],
    "rollback": ["esmith", "rollback"],
    "undo": ["esmith", "undo"],
}
SIZES = [
    pytest.param("tmpfs", STEP, id="some"),
    pytest.param("tmpfs", PAGE, id="all", marks=pytest.mark.long),
    pytest.param("ext4", PAGE, id="all-ext4", marks=[pytest.mark.long, pytest.mark.program("mkfs.ext4")]),
]


@pytest.mark.parametrize(("kind", "step"), SIZES)
@pytest.mark.parametrize("name", COMMANDS)
def test_sizes(changed: Root, tmp_path: Path, name: str, kind: str, step: int) -> None:
    """With each size of free space a command does all or nothing, says so, and the next run completes it."""
    command = COMMANDS[name]
    if name == "undo":
        command = [*command, last_revision(changed)]
    if name == "init":
        prepare_init(changed)
    scan(changed, tmp_path, kind, step, command, judge_init if name == "init" else judge)
