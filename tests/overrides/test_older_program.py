"""A root that another build of the program made, with overrides of each kind, brought up to date by this one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import TIMEOUT_SECONDS, Answer, Root
from tests.documents import HOME
from tests.overrides.kit import CUSTOM, states

_PARTS = (
    "esmith",
    "templates",
    "templates-custom",
    "templates-default",
    "events",
    "db",
    "plugins",
    "services",
    "checks",
)
_CLAMD = "templates/etc/clamd.conf"


def _older_program(place: Path) -> Path:
    """Make a copy of the program that ships a few other things."""
    for part in (*_PARTS, "commands"):
        shutil.copytree(HOME / part, place / part, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    (place / _CLAMD / "MaxFiles").write_text("# older\nMaxFiles {{ clamav.MaxFiles }}\n")
    (place / _CLAMD / "Debug").unlink()
    (place / _CLAMD / "Gone").write_text("LogClean no\n")
    run = place / "services/clamd/run"
    run.write_text(run.read_text() + "# older\n")
    return place


def _run(program: Path, root: Path, *words: str) -> Answer:
    """Run ``esmith`` of a program."""
    done = subprocess.run(
        [sys.executable, "-m", "esmith", *words, "--root", str(root)],
        env={**os.environ, "PYTHONPATH": str(program)},
        cwd=program,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return Answer(done.returncode, done.stdout, done.stderr)


@pytest.mark.long
def test_each_kind_after_an_upgrade(tmp_path: Path) -> None:
    """Exactly the overrides that the upgrade touched are outdated, and each program notices files of the other."""
    older, root = _older_program(tmp_path / "older"), Root(tmp_path / "root")
    _run(older, root.path, "init", "--domain", "example.com", "--name", "mail")
    shipped = {name: root.read(f"/etc/e-smith/{_CLAMD}/{name}") for name in ("MaxFiles", "MaxThreads")}
    root.custom("/etc/clamd.conf/MaxFiles", shipped["MaxFiles"] + "# mine\n")
    root.custom("/etc/clamd.conf/MaxThreads", shipped["MaxThreads"])
    root.custom("/etc/clamd.conf/Debug", "Debug yes\n")
    root.custom("/etc/clamd.conf/Gone", "LogClean yes\n")
    root.custom("/etc/clamd.conf/LogTime", "")
    root.custom("/etc/clamd.conf/50mine", "# mine\n")
    root.custom("/etc/clamd.conf/x~", "x\n")
    run = root.read("/etc/e-smith/services/clamd/run")
    root.write("/etc/e-smith/services-custom/clamd/run", run.replace("\n", "\n# mine\n", 1), mode=0o755)
    assert _run(older, root.path, "overrides", "--outdated").err == ""
    assert "another build of version" in _run(HOME, root.path, "overrides").err
    lines = _run(HOME, root.path, "init").out.splitlines()
    assert "the upgrade changed the shipped files: 1 fragment changed, 1 new, 1 removed; 1 file changed" in lines
    outdated = {f"{CUSTOM}/etc/clamd.conf/{name}" for name in ("MaxFiles", "Debug", "Gone")}
    outdated.add("/etc/e-smith/services-custom/clamd/run")
    assert {line.strip().partition(": ")[0] for line in lines if line.startswith("  /etc/")} == outdated
    assert states(root) == {
        "/etc/clamd.conf/50mine": "adds",
        "/etc/clamd.conf/Debug": "outdated",
        "/etc/clamd.conf/Gone": "outdated",
        "/etc/clamd.conf/LogTime": "masks",
        "/etc/clamd.conf/MaxFiles": "outdated",
        "/etc/clamd.conf/MaxThreads": "needless",
        "/etc/clamd.conf/x~": "dead",
        "services-custom/clamd/run": "outdated",
    }
    assert _run(HOME, root.path, "overrides").err == ""
    assert "another build of version" in _run(older, root.path, "overrides").err
    _run(HOME, root.path, "overrides", "merge", "services-custom/clamd/run")
    now = root.read("/etc/e-smith/services/clamd/run")
    assert root.read("/etc/e-smith/services-custom/clamd/run") == now.replace("\n", "\n# mine\n", 1)
    assert root.file("/etc/e-smith/services-custom/clamd/run").stat().st_mode & 0o777 == 0o755
