"""Checking staged files with the programs that read them, before any of them is installed (DESIGN section 7).

A check sees a view: a private copy of the directory of the checked file, in which the event's new files stand at their
places among the old ones. So a file that includes another one of the same directory is checked together with it.
"""

from __future__ import annotations

import glob
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from esmith.apply.host import make_directory, trouble
from esmith.apply.plan import Difference, Output, Plan
from esmith.errors import CheckError
from esmith.fragments.metadata import Check
from esmith.fragments.rendering import Kind
from esmith.layout import Layout

#: Where administrative programs are, whatever PATH the caller has.
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_SHOWN_LINES = 6
_LINE_NUMBER = re.compile(r"(?:line |:)(\d+)\b")


def check(plan: Plan, layout: Layout) -> None:
    """Check every output of a plan that says how, if it or another file of its directory changes.

    What could not be checked is noted in the plan.

    :raises CheckError: when a program refuses its file. Nothing was installed.
    """
    changed_directories = {os.path.dirname(output.path) for output in plan.changed}
    for output in plan.outputs:
        wanted = output.rendering.metadata.check
        if wanted is None or output.rendering.kind is not Kind.FILE:
            continue
        if os.path.dirname(output.path) not in changed_directories:
            continue
        if shutil.which(wanted.command[0], path=_PATH) is None:
            missing = f"{wanted.command[0]} is not installed (Debian package {wanted.package})"
            plan.unchecked.append(f"{output.path} was not checked: {missing}")
            continue
        with _view(plan, output, wanted, layout) as directory:
            _run(output, wanted, directory)


@contextmanager
def _view(plan: Plan, output: Output, wanted: Check, layout: Layout) -> Iterator[str]:
    """Make the view of an output's directory and yield its path; it is gone afterwards."""
    place = os.path.join(layout.state, "check")
    try:
        make_directory(place)
        with tempfile.TemporaryDirectory(dir=place) as directory:
            _fill(plan, os.path.dirname(output.path), directory, wanted, layout)
            yield directory
    except OSError as error:
        raise trouble(place, error) from error


def _fill(plan: Plan, inside: str, directory: str, wanted: Check, layout: Layout) -> None:
    real = layout.under(inside)
    beside = [*glob.glob(os.path.join(real, "*")), *(path for pattern in wanted.beside for path in glob.glob(pattern))]
    for path in beside:
        link = os.path.join(directory, os.path.basename(path))
        if not os.path.lexists(link):
            os.symlink(path, link)
    for other in plan.outputs:
        if os.path.dirname(other.path) != inside or other.difference is Difference.NONE:
            continue
        copy = os.path.join(directory, os.path.basename(other.path))
        if os.path.lexists(copy):
            os.unlink(copy)
        if other.rendering.kind is Kind.FILE:
            descriptor = os.open(copy, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with open(descriptor, "wb") as file:
                file.write(other.rendering.content)


def _run(output: Output, wanted: Check, directory: str) -> None:
    file = os.path.join(directory, os.path.basename(output.path))
    argv = [word.replace("{file}", file).replace("{dir}", directory) for word in wanted.command]
    environment = {"PATH": _PATH, "HOME": directory, "LANG": "C.UTF-8"}
    try:
        done = subprocess.run(
            argv,
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=wanted.timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise CheckError(
            f"{argv[0]} did not end within {wanted.timeout} s, so nothing was changed", place=output.path
        ) from error
    text = done.stdout.decode("utf-8", "backslashreplace").replace(f"{directory}/", f"{os.path.dirname(output.path)}/")
    if done.returncode == 0 and not (wanted.fails_on and re.search(wanted.fails_on, text, re.MULTILINE)):
        return
    lines = _telling_lines(text, wanted)
    raise CheckError(
        f"{argv[0]} refuses it, so nothing was changed:",
        place=output.path,
        hint="\n  ".join([*lines, *_origins(output, lines)]),
    )


def _telling_lines(text: str, wanted: Check) -> list[str]:
    lines = [line for line in text.splitlines() if line.strip()]
    if wanted.fails_on:
        lines = [line for line in lines if re.search(wanted.fails_on, line)] or lines
    return lines[:_SHOWN_LINES] or ["(it printed nothing)"]


def _origins(output: Output, lines: list[str]) -> Iterator[str]:
    """Yield which fragment the line numbers of a complaint come from."""
    name = os.path.basename(output.path)
    for line in lines:
        found = _LINE_NUMBER.search(line) if name in line or "line " in line else None
        fragment = output.rendering.fragment_at(int(found.group(1))) if found else None
        if found and fragment is not None:
            yield f"line {found.group(1)} comes from {fragment.path}"
