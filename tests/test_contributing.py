"""CONTRIBUTING.md can be followed: what it has a newcomer type works in a copy of the repository."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import TIMEOUT_SECONDS
from tests.documents import HOME, blocks

#: What ``esmith init`` reads, and what the example changes besides.
FOLDERS = (
    "esmith",
    "db",
    "events",
    "plugins",
    "services",
    "checks",
    "commands",
    "templates",
    "templates-custom",
    "templates-default",
)
CHANGED = ("tests/page/drives.toml",)
#: The sections of the worked example, in the order in which they are followed.
SECTIONS = ("A setting", "A fragment", "An event")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Return a copy of the repository whose command ``esmith`` is that of the copy, with a root beside it."""
    for folder in FOLDERS:
        shutil.copytree(HOME / folder, tmp_path / folder, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    for name in CHANGED:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(HOME / name, tmp_path / name)
    programs = tmp_path / ".venv/bin"
    programs.mkdir(parents=True)
    (programs / "esmith").write_text(f'#!/bin/sh\nexec {sys.executable} -m esmith "$@"\n')
    (programs / "esmith").chmod(0o755)
    (tmp_path / "demo-root").mkdir()
    _type(tmp_path, "esmith init --domain example.com --name mail\n")
    return tmp_path


def _type(clone: Path, script: str) -> str:
    """Run commands in a copy, as a newcomer's shell does, and return what they print."""
    root = clone / "demo-root"
    path = f"{clone}/.venv/bin:{root}/sbin/e-smith:{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-euc", script],
        cwd=clone,
        env={"PATH": path, "ESMITH_ROOT": str(root), "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
    return done.stdout


def _blocks(language: str, section: str) -> list[str]:
    """Return the blocks of a section as they are typed."""
    found = [block for block in blocks(language) if block.document.name == "CONTRIBUTING.md"]
    return [block.text for block in found if block.section == section]


def test_the_example_can_be_followed(clone: Path) -> None:
    """A setting, a fragment and an event that are added as written make the file with the setting's value."""
    printed = {section: "".join(_type(clone, block) for block in _blocks("sh", section)) for section in SECTIONS}
    assert "Text=This is the mail server." in printed["A setting"]
    assert "+Authorised users only." in printed["A fragment"]
    assert (clone / "demo-root/etc/issue.net").read_text() == "Authorised users only.\n"
    _type(clone, "config setprop issue Text 'Down on Sunday.'\n")
    assert "+Down on Sunday." in _type(clone, "signal-event --diff issue-update\n")


def test_the_example_of_a_test_is_one() -> None:
    """The test that is shown is Python, and is built as the tests of this repository are."""
    (text,) = _blocks("python", "How to write a test")
    (function,) = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
    assert function.name.startswith("test_")
    assert (ast.get_docstring(function) or "").endswith(".")
