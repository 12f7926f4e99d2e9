"""What an install keeps, and what it restores, is on the disk before anything depends on it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.apply.kit import only_root
from tests.commands import TIMEOUT_SECONDS
from tests.programs import path_of

_REPOSITORY = Path(__file__).parents[2]
#: What is looked at; the paths that descriptors stand for are shown.
_CALLS = "fsync,fdatasync,linkat,renameat,renameat2,pwrite64,unlinkat,mkdirat,fchmod"
#: Lets the databases, what the engine keeps and the outputs be on file systems of their own, as on a server.
_MOUNTS = """\
set -e
for place in home var; do mkdir -p "$ROOT/$place"; mount -t tmpfs tmpfs "$ROOT/$place"; done
"""
_OFFICE = """\
set -e
root() { "$PYTHON" -IXutf8 -m esmith --root "$ROOT" "$@"; }
mkdir -p "$ROOT"
chmod 755 "$ROOT"
%(mounts)s
root init >/dev/null
templates=$ROOT/etc/e-smith/templates/etc
mkdir "$templates/own" "$templates/mine"
echo old >"$templates/own/10"
echo mine >"$templates/mine/10"
touch "$templates/own/template-begin" "$templates/mine/template-begin"
export ESMITH_ROOT="$ROOT" PATH="$ROOT/sbin/e-smith:$PATH"
expand-template /etc/own
echo new >"$templates/own/10"
echo 'foreign' >"$ROOT/etc/mine"
exec strace -f -y -s 0 -e trace=%(calls)s -o "$ROOT.trace" "$@"
"""


def _traced(tmp_path: Path, mounts: str, *command: str) -> list[str]:
    """Run a command under a new root, in which one output is replaced, and a file of somebody else.

    :param mounts: a script that mounts file systems of the root.
    :return: the system calls, in order, with paths below the root.
    """
    root = tmp_path / "root"
    script = _OFFICE % {"mounts": mounts, "calls": _CALLS}
    done = subprocess.run(
        [path_of("unshare"), "--mount", "sh", "-c", script, "sh", *command],
        env={**os.environ, "ROOT": str(root), "PYTHON": sys.executable},
        cwd=_REPOSITORY,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    if "permission denied" in done.stderr.lower() or "PTRACE" in done.stderr:
        pytest.skip("not possible here: nothing may be mounted or traced")
    trace = Path(f"{root}.trace").read_text()
    assert trace, done.stderr
    return [line.partition(" ")[2].strip().replace(str(root), "") for line in trace.splitlines()]


def _first(calls: list[str], pattern: str, *, after: int = -1) -> int:
    """Return the place of the first call that matches; fail when there is none."""
    found = next((place for place, call in enumerate(calls) if place > after and re.match(pattern, call)), None)
    assert found is not None, f"{pattern} was not called after {after}:\n" + "\n".join(calls)
    return found


pytestmark = [only_root, pytest.mark.program("unshare", "strace")]


@pytest.mark.parametrize("mounts", ["", _MOUNTS], ids=["one file system", "several"])
def test_kept_files_are_durable_before_the_row(tmp_path: Path, mounts: str) -> None:
    """Before the row of a generation is stored, the old file, its second name or its copy, and the directories are."""
    calls = _traced(tmp_path, mounts, "expand-template", "/etc/own", "/etc/mine")
    renamed = _first(calls, r"renameat2?\(\d+</etc>, \"\.?\"?.*</etc>")
    commits = [
        place for place, call in enumerate(calls[:renamed]) if re.match(r"pwrite64\(\d+</home/.*data\.mdb>", call)
    ]
    row = commits[-1]
    kept = r"/var/lib/e-smith/generations/2"
    assert _first(calls, r"fsync\(\d+</var/lib/e-smith/generations>\) += 0") < row
    named = _first(calls, rf"linkat\(\d+</etc>, .*\d+<{kept}>.*\) = {'-1 EXDEV' if mounts else '0'}")
    assert _first(calls, r"fsync\(\d+</etc/own>\) += 0") < named
    if mounts:
        assert _first(calls, rf"fsync\(\d+<{kept}/\d>\) += 0") < row
    synced = _first(calls, rf"fsync\(\d+<{kept}>\) += 0", after=named)
    assert named < synced < row
    assert _first(calls, r"f(data)?sync\(\d+<.*/data\.mdb>\) += 0", after=synced) < renamed


@pytest.mark.parametrize("mounts", ["", _MOUNTS], ids=["one file system", "several"])
def test_backup_copies_are_durable_before_the_file_is_replaced(tmp_path: Path, mounts: str) -> None:
    """Before a file of somebody else is replaced, its backup copy and the new directories above that are stored."""
    calls = _traced(tmp_path, mounts, "expand-template", "/etc/mine")
    renamed = _first(calls, r"renameat2?\(\d+</etc>")
    for place in (
        "/var/lib/e-smith",
        "/var/lib/e-smith/kept",
        "/var/lib/e-smith/kept/etc",
    ):
        assert _first(calls, rf"fsync\(\d+<{place}>\) += 0") < renamed, place
    folder = "/var/lib/e-smith/kept/etc"
    named = _first(calls, rf"renameat2?\(\d+<{folder}>, .*\"mine\.")
    assert _first(calls, rf"fsync\(\d+<{folder}/\.esmith-[^>]*>\) += 0") < named
    assert _first(calls, rf"fsync\(\d+<{folder}>\) += 0", after=named) < renamed


@pytest.mark.parametrize("mounts", ["", _MOUNTS], ids=["one file system", "several"])
def test_restored_files_are_durable_before_the_row_goes(tmp_path: Path, mounts: str) -> None:
    """When an event fails, its old files are stored before the row that says they have to be restored goes."""
    event = 'mkdir "$ROOT/etc/e-smith/events/fails"; cd "$ROOT/etc/e-smith/events/fails"\n'
    event += "printf '/etc/own\\n/etc/mine\\n' >templates2expand\n"
    event += "printf '#!/bin/sh\\nexit 1\\n' >S50fail; chmod 755 S50fail; cd /\n"
    event += "printf '%064d  events/fails/S50fail\n' 0 >>\"$ROOT/var/lib/e-smith/shipped\"\n"
    calls = _traced(tmp_path, mounts, "sh", "-c", f"{event} signal-event fails; true")
    installed = _first(calls, r"\+\+\+ exited with 1 ")
    back = _first(calls, r"renameat2?\(\d+</etc>", after=installed)
    synced = max(place for place, call in enumerate(calls) if re.match(r"fsync\(\d+</etc>\) += 0", call))
    last_back = max(place for place, call in enumerate(calls) if re.match(r"renameat2?\(\d+</etc>", call))
    row = _first(calls, r"pwrite64\(\d+</home/.*data\.mdb>", after=last_back)
    assert back <= last_back < synced < row
    if mounts:
        assert _first(calls, r"fsync\(\d+</etc/\.esmith-[^>]*>\) += 0", after=installed) < back


def test_a_corrected_mode_is_durable(tmp_path: Path) -> None:
    """A mode that an event only corrects is stored when the event says that it is done."""
    event = 'mkdir "$ROOT/etc/e-smith/events/one"; echo /etc/own >"$ROOT/etc/e-smith/events/one/templates2expand"\n'
    event += 'echo old >"$ROOT/etc/e-smith/templates/etc/own/10"; chmod 600 "$ROOT/etc/own"\n'
    calls = _traced(tmp_path, "", "sh", "-c", f"{event} signal-event one; true")
    changed = _first(calls, r"fchmod\(\d+</etc/own>, 0644\) += 0")
    assert _first(calls, r"fsync\(\d+</etc/own>\) += 0", after=changed) < _first(
        calls, r"pwrite64\(\d+</home/.*data\.mdb>", after=changed
    )
