"""A full disk: the command fails with its exit code and says why, and the old values are kept."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from esmith.errors import ExitCode
from tests import forks
from tests.commands import Root
from tests.store.stores import REPOSITORY, shrink

pytestmark = [
    pytest.mark.root("only root may mount a disk"),
    pytest.mark.program("unshare"),
]

Step = list[Any]
GETPROP: Step = ["run", "config", "getprop", "qpsmtpd", "DNSBL"]
ENABLE: Step = ["run", "config", "setprop", "qpsmtpd", "DNSBL", "enabled", "RHSBL", "enabled"]
#: More than the free pages inside the data file can take.
LARGE: Step = ["run", "config", "setprop", "qpsmtpd", "DNSBL", "enabled", "Note", "x" * 60_000]
UPDATE: Step = ["run", "signal-event", "email-update"]
DIGEST: Step = ["digest", "etc", "var/qmail", "var/service", "home/e-smith/files"]


def play(
    root: Root, tmp_path: Path, *steps: Step, size: str = "16m", kind: str = "tmpfs", timeout: int = 300
) -> list[Any]:
    """Carry out steps on a copy of a root on a small disk; return what each gave."""
    shrink(root)
    disk = tmp_path / "disk"
    disk.mkdir()
    program = str(REPOSITORY / "tests/store/full_disk.py")
    words = [forks.memory, str(root.path), str(disk), size, kind]
    done = subprocess.run(
        [*("unshare", "--mount", sys.executable, "-ISXutf8", program, sysconfig.get_path("purelib")), *words],
        input=json.dumps(steps),
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    if kind == "ext4" and "loop" in done.stderr:
        pytest.skip("not possible here: there is no loop device to mount a file as a disk")
    if done.returncode and "mount" in done.stderr and "permi" in done.stderr.lower():
        pytest.skip("not possible here: this root may not mount a disk (a container without CAP_SYS_ADMIN)")
    assert done.returncode == 0, done.stderr
    assert not os.listdir(disk), "the disk is seen by nobody else"
    found = json.loads(done.stdout)
    assert isinstance(found, list)
    for answer in found:
        assert not isinstance(answer, dict) or "Traceback" not in answer["err"], answer["err"]
    return found


def assert_no_space(answer: dict[str, Any], code: int) -> None:
    """Assert that a command failed for want of space, and says so in few lines."""
    assert answer["code"] == code, answer
    assert "space" in answer["err"]
    assert len(answer["err"].splitlines()) <= 3
    assert answer["out"] == ""


@pytest.mark.parametrize("leave", [0, 4096, 16_384])
def test_setprop(root: Root, tmp_path: Path, leave: int) -> None:
    """A setprop that does not fit changes nothing, says that there is no space, and works when there is again."""
    free, failed, old, _, worked, new = play(root, tmp_path, ["fill", leave], LARGE, GETPROP, ["free"], LARGE, GETPROP)
    assert free == leave
    assert_no_space(failed, ExitCode.STORE)
    assert (old["code"], old["out"]) == (0, "disabled\n"), "reading goes on, and sees the old value"
    assert (worked["code"], new["out"]) == (0, "enabled\n")


def test_many_small_settings(root: Root, tmp_path: Path) -> None:
    """On a full disk each setprop either is stored or fails with its exit code; the journal agrees."""
    steps: list[Step] = [["run", "config", "setprop", "qpsmtpd", "Large", "x" * 60_000]]
    steps += [["run", "config", "delprop", "qpsmtpd", "Large"], ["run", "config", "setprop", "qpsmtpd", "Note", ""]]
    steps += [["fill", 0]]
    for number in range(60):
        steps += [["run", "config", "setprop", "qpsmtpd", "Note", str(number), f"Note{number}", "x" * 300]]
        steps += [["run", "config", "getprop", "qpsmtpd", "Note"]]
    found = play(root, tmp_path, *steps, ["run", "esmith", "history", "--limit", "0", "--json"])
    expected, stored = "\n", 0
    for number, (written, read) in enumerate(zip(found[4:-1:2], found[5:-1:2], strict=True)):
        if written["code"] == 0:
            expected, stored = f"{number}\n", stored + 1
        else:
            assert_no_space(written, ExitCode.STORE)
        assert read["out"] == expected
    assert 0 < stored < 60, "some fit into free pages of the file, and then no more do"
    revisions = json.loads(found[-1]["out"])
    assert len([revision for revision in revisions if revision["command"].startswith("config ")]) == 3 + stored


@pytest.mark.parametrize("leave", [0, 65_536])
def test_signal_event(office: Root, tmp_path: Path, leave: int) -> None:
    """An event whose files do not fit touches none of them, and is made up for when there is space again."""
    office.custom("/etc/clamd.conf/90large", "# large\n" * 40_000)
    before, set_, _, failed, after, _, worked, changed = play(
        office, tmp_path, DIGEST, ENABLE, ["fill", leave], UPDATE, DIGEST, ["free"], UPDATE, DIGEST
    )
    assert set_["code"] == 0
    assert_no_space(failed, ExitCode.INSTALL)
    assert after == before, "no generated file was changed, none was left behind"
    assert worked["code"] == 0, worked
    assert changed != before


@pytest.mark.parametrize("leave", [8192, 28_672])
def test_signal_event_that_almost_fits(office: Root, tmp_path: Path, leave: int) -> None:
    """An event that fails at its end for want of space leaves all files old or all new; the next one is complete."""
    old, _, _, failed, after, _, worked, new, again, last = play(
        office, tmp_path, DIGEST, ENABLE, ["fill", leave], UPDATE, DIGEST, ["free"], UPDATE, DIGEST, UPDATE, DIGEST
    )
    if failed["code"]:
        assert failed["code"] in (ExitCode.INSTALL, ExitCode.STORE)
        assert_no_space(failed, failed["code"])
    assert after in (old, new)
    assert (after == new) or failed["code"], "success means that the files are new"
    assert (worked["code"], again["code"]) == (0, 0), worked
    assert new == last


def test_expand_template(office: Root, tmp_path: Path) -> None:
    """A template whose file does not fit leaves the old file."""
    before, _, _, failed, after = play(
        office,
        tmp_path,
        ["digest", "etc"],
        ["run", "config", "setprop", "clamav", "MaxFileSize", "16M"],
        ["fill", 0],
        ["run", "expand-template", "/etc/clamd.conf"],
        ["digest", "etc"],
    )
    assert_no_space(failed, ExitCode.INSTALL)
    assert after == before


def test_init(root: Root, tmp_path: Path) -> None:
    """``esmith init`` on a full disk fails and leaves a root that works; run again it is completed."""
    found = play(
        root,
        tmp_path,
        ["remove", "etc/e-smith/events/email-update/templates2expand/LIST"],
        ["fill", 0],
        ["run", "esmith", "init"],
        GETPROP,
        ["free"],
        ["run", "esmith", "init"],
        UPDATE,
    )
    assert_no_space(found[2], ExitCode.INSTALL)
    assert found[3]["out"] == "disabled\n"
    assert (found[5]["code"], found[6]["code"]) == (0, 0), found[6]


@pytest.mark.parametrize("step", [GETPROP, ENABLE], ids=["getprop", "setprop"])
def test_without_a_lock_file(root: Root, tmp_path: Path, step: Step) -> None:
    """Where the lock file is missing and cannot be made, a command says so instead of being killed by SIGBUS."""
    found = play(root, tmp_path, ["remove", "home/e-smith/db/lock.mdb"], ["fill", 0], step, ["free"], step, GETPROP)
    assert_no_space(found[2], ExitCode.STORE)
    assert found[4]["code"] == 0, "and works when there is space"
    assert found[5]["out"] in ("enabled\n", "disabled\n")


@pytest.mark.parametrize("leave", [0, 4096])
def test_flat_file(root: Root, tmp_path: Path, leave: int) -> None:
    """A flat file that does not fit stays as it was, with nothing beside it; a new one is not made."""
    root.write("/home/e-smith/own/db", "k=v|p|old\n", mode=0o640)
    digest: Step = ["digest", "home/e-smith/own"]
    write: Step = ["run", "db", "../own/db", "setprop", "k", "p", "new", "Note", "x" * 60_000]
    before, _, failed, new, after, read, _, worked = play(
        root,
        tmp_path,
        digest,
        ["fill", leave],
        write,
        ["run", "db", "../own/new", "set", "k", "x" * 60_000],
        digest,
        ["run", "db", "../own/db", "getprop", "k", "p"],
        ["free"],
        write,
    )
    assert_no_space(failed, ExitCode.STORE)
    assert_no_space(new, ExitCode.STORE)
    assert after == before
    assert read["out"] == "old\n"
    assert worked["code"] == 0


def test_export_and_import(root: Root, tmp_path: Path) -> None:
    """An export that does not fit leaves the file of the last one; an import that does not fit changes nothing."""
    root.esmith("export", "configuration", "--to", str(root.file("/old")))
    root.write("/large", "k=v|p|" + "x" * 60_000 + "\n")
    there = f"{tmp_path}/disk/root"
    digest: Step = ["digest", "old"]
    found = play(
        root,
        tmp_path,
        digest,
        ["fill", 0],
        ["run", "esmith", "export", "configuration", "--to", f"{there}/old"],
        ["run", "esmith", "import", "--database", "configuration", f"{there}/large"],
        digest,
        GETPROP,
    )
    assert_no_space(found[2], ExitCode.STORE)
    assert_no_space(found[3], ExitCode.STORE)
    assert found[4] == found[0]
    assert found[5]["out"] == "disabled\n"
