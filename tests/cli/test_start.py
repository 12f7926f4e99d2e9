"""The commands that pip makes: ^C while they still import what they need."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from esmith.cli import start
from tests.commands import TIMEOUT_SECONDS
from tests.documents import HOME

_SCRIPTS: dict[str, str] = tomllib.loads((HOME / "pyproject.toml").read_text())["project"]["scripts"]


@pytest.mark.parametrize("name", _SCRIPTS)
def test_an_early_interruption_is_quiet(name: str, tmp_path: Path) -> None:
    """^C that comes while a command imports ends it with 130 and no traceback, whatever command it is."""
    module, _, function = _SCRIPTS[name].partition(":")
    (tmp_path / "sitecustomize.py").write_text(_INTERRUPTING)
    code = f"import sys; sys.argv = [{name!r}]; from {module} import {function}; {function}()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{HOME}"},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert (done.returncode, done.stderr) == (130, "")


#: ^C comes when the first module after those of the script is imported.
_INTERRUPTING = """\
import sys

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name.startswith("esmith.") and name not in ("esmith.cli", "esmith.cli.start"):
            raise KeyboardInterrupt
        return None

sys.meta_path.insert(0, Interrupting())
"""


@pytest.mark.parametrize("name", _SCRIPTS)
def test_each_command_has_its_function(name: str) -> None:
    """Each command of pyproject.toml is a function of its name, or one that goes by the name of the process."""
    function = _SCRIPTS[name].partition(":")[2]
    assert function == ("shipped" if name == "qpsmtpd-print-dns" else name.replace("-", "_"))
    assert callable(getattr(start, function))
