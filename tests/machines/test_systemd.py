"""All steps with systemd as the init, of which ``.ci/run`` plays some on Debian 12: ``make test-long`` as root."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.machines import booted
from tests.machines.roots import REPOSITORY


@pytest.mark.long
@pytest.mark.root("only root can make a machine")
@pytest.mark.parametrize("suite", ["bookworm", "trixie"])
def test_all_steps_with_systemd(suite: str) -> None:
    """A machine that systemd boots is installed, tried, booted again, and left as it was before."""
    assert shutil.which("debootstrap"), "the machines are made by debootstrap: apt-get install debootstrap"
    words = [sys.executable, "-m", "tests.machines", "--init", "systemd", suite]
    done = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_control_group_is_that_of_this_process() -> None:
    """A machine's group is made below the group that the tests run in; without cgroup2 the error names the cure."""
    if "cgroup2" not in Path("/proc/self/mountinfo").read_text():
        with pytest.raises(RuntimeError, match="mount -t cgroup2"):
            booted.own_group()
        return
    own = booted.own_group()
    assert str(os.getpid()) in (own / "cgroup.procs").read_text().split()
