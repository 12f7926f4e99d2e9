"""Real programs the tests run."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from typing import NoReturn

import pytest


def requires_program(name: str, package: str) -> str:
    """Return the path of a real program; without it skip the test, or fail it where daemons are required.

    ``.ci/run`` sets ESMITH_REQUIRE_DAEMONS=1 as root, where a missing program is a failure.

    :param package: the Debian package that has it.
    """
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if path is None:
        _is_missing(name, package)
    return path


def requires_text_template() -> str:
    """Return the path of perl, which has Text::Template; else skip the test, or fail it where daemons are required."""
    requires("Text::Template", "libtext-template-perl")
    return requires_program("perl", "perl")


def requires(name: str, package: str) -> None:
    """Go on where there is a program, or a module of Perl; else as :func:`requires_program`."""
    if "::" not in name:
        requires_program(name, package)
    elif not has_perl_module(name):
        _is_missing(name, package)


@cache
def has_perl_module(name: str) -> bool:
    """Return whether the perl of this machine has a module."""
    perl = shutil.which("perl")
    if perl is None:
        return False
    return subprocess.run([perl, f"-M{name}", "-e", "1"], capture_output=True, check=False).returncode == 0


def _is_missing(name: str, package: str) -> NoReturn:
    text = f"{name} is not installed (Debian package {package})"
    if os.environ.get("ESMITH_REQUIRE_DAEMONS") == "1":
        pytest.fail(text)
    pytest.skip(text)
