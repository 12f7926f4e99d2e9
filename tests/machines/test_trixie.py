"""All steps on Debian 13, of which ``.ci/run`` plays the first: ``make test-long`` as root."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from tests.machines.roots import REPOSITORY


@pytest.mark.long
@pytest.mark.root("only root can make a machine")
def test_all_steps_on_debian_13() -> None:
    """On Debian 13 the mail server is installed, tried, upgraded, moved to and removed as on Debian 12."""
    assert shutil.which("debootstrap"), "the machines are made by debootstrap: apt-get install debootstrap"
    words = [sys.executable, "-m", "tests.machines", "trixie"]
    done = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
