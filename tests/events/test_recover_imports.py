"""What ``esmith recover`` imports when nothing was left undone: all that change files look for that first."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.commands import TIMEOUT_SECONDS, Root

#: Only what was left undone needs these; modules below them count as well.
NEVER = (
    "esmith.fragments",
    "esmith.plan.plan",
    "esmith.schema",
    "esmith.services.service",
    "esmith.checks.views",
    "jinja2",
    "tomllib",
    "subprocess",
    "tempfile",
    "shutil",
    "ctypes",
    "hashlib",
    "json",
)


def test_nothing_was_left_undone(root: Root) -> None:
    """No fragment, plan, schema or service is looked at, and nothing is imported that only these need."""
    done = subprocess.run(
        [sys.executable, "-IS", "-X", "importtime", str(root.path / "sbin/e-smith/esmith"), "recover"],
        capture_output=True,
        text=True,
        env={**os.environ, "ESMITH_ROOT": str(root.path)},
        timeout=TIMEOUT_SECONDS,
        check=True,
    )
    assert done.stdout == "nothing was left undone\n"
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    modules = {line.rpartition("|")[2].strip() for line in lines}
    assert "esmith.events.recover" in modules, "the report is complete"
    assert {one for one in modules if one.startswith(NEVER)} == set()
