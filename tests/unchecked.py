"""What a command says where the program that would check a file is not installed: the one thing a test may overlook."""

from __future__ import annotations

import functools
import os
import re
import tomllib
from pathlib import Path

from tests.programs import is_installed

_TEMPLATES = Path(__file__).resolve().parent.parent / "templates"
_LINE = re.compile(r"(?:signal-event|expand-template): (/\S+(?:, /\S+)*) (?:was|were) not checked: (.*)\n")
_NO_PROGRAM = re.compile(r"(\S+) is not installed \(Debian package (\S+)\)")
#: The lists of plugins are checked by the engine, with the directory that the package qpsmtpd brings.
_PLUGINS = "/usr/share/qpsmtpd/plugins"
_NO_PLUGINS = f"{_PLUGINS} is not there, so whether its plugins are there is not known"
_LISTS = "/var/service/qpsmtpd/config/"


def without_unchecked(text: str) -> str:
    """Return what a command printed without the lines that are there only because a program is not.

    Such a line says that shipped files were not checked, since their checker is not installed. It is left
    out only where that checker really is not installed; every other line stays.
    """
    return "".join(line for line in text.splitlines(keepends=True) if not _may_be_overlooked(line))


def _may_be_overlooked(line: str) -> bool:
    found = _LINE.fullmatch(line)
    if not found:
        return False
    paths, reason = found[1].split(", "), found[2]
    if reason == _NO_PLUGINS:
        return not os.path.isdir(_PLUGINS) and all(path.startswith(_LISTS) for path in paths)
    program = _NO_PROGRAM.fullmatch(reason)
    return bool(
        program
        and all(_checkers().get(path) == (program[1], program[2]) for path in paths)
        and not is_installed(program[1])
    )


@functools.cache
def _checkers() -> dict[str, tuple[str, str]]:
    """Return the program that checks each shipped file, with its Debian package."""
    found = {}
    for file in _TEMPLATES.rglob("template.toml"):
        check = tomllib.loads(file.read_text()).get("check", {})
        if "command" in check:
            found[f"/{file.parent.relative_to(_TEMPLATES)}"] = (check["command"][0], check["package"])
    return found
