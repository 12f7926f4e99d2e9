"""Installing Debian packages, without a question and without a daemon that starts on files that are not ours."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress

from esmith.directories import open_file
from esmith.environment import PATH, clean_environment
from esmith.errors import UsageError
from esmith.layout import Layout
from esmith.plan.host import trouble
from esmith.setup.machine.programs import ProgramError, Programs

#: Asked before a daemon is started: 101 means that it is not allowed (invoke-rc.d(8)). Its second line says whose
#: it is.
POLICY = "/usr/sbin/policy-rc.d"
_OWN_POLICY = b"#!/bin/sh\n# Of esmith setup, while it installs packages. It is removed then.\nexit 101\n"
#: Without these postfix asks what kind of server it is, and writes a main.cf of its own (debconf-set-selections(1)).
ANSWERS = "postfix postfix/main_mailer_type select No configuration\n"
_NO_QUESTIONS = {"DEBIAN_FRONTEND": "noninteractive", "DEBIAN_PRIORITY": "critical", "NEEDRESTART_MODE": "l"}
#: A file of ours that stands where a package has one of its own stays, and nobody is asked (dpkg(1)).
_KEEP = ("--force-confdef", "--force-confold")
_KEEP_FILES = tuple(word for option in _KEEP for word in ("-o", f"Dpkg::Options::={option}"))
#: What apt-get and dpkg print while another of them runs: the daily one, or that of a setup that was killed.
_LOCKED = re.compile("Could not get lock|was locked by another process")
_LOCKED_SECONDS, _LOOK_EVERY = 900.0, 3.0
#: The journal of dpkg; apt-get refuses to do anything while something is in it.
_JOURNAL = "/var/lib/dpkg/updates"
_CORRECT = "correct what it says; when packages are half installed: apt-get --fix-broken install"
#: What completes an installation that was interrupted, in their order.
_COMPLETE = (
    ("dpkg", "--configure", "--pending", *_KEEP),
    ("apt-get", "install", "-y", "--fix-broken", *_KEEP_FILES),
)
_SECONDS = 60


def install_command(packages: Sequence[str]) -> list[str]:
    """Return the command that installs packages."""
    return ["apt-get", "install", "-y", "--no-install-recommends", *_KEEP_FILES, *packages]


def missing_packages(packages: Sequence[str]) -> list[str]:
    """Return those that are not installed.

    :raises UsageError: when this is no Debian.
    """
    program = shutil.which("dpkg-query", path=PATH)
    if program is None or shutil.which("apt-get", path=PATH) is None:
        raise UsageError(
            "this machine has no apt-get, so it is not a Debian",
            hint="on another system install the programs by hand, and signal events as README.md shows",
        )
    done = subprocess.run(
        [program, "--show", "--showformat=${Package} ${db:Status-Status}\n", *packages],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        # What it does not know at all it says there; that is missing as well.
        stderr=subprocess.DEVNULL,
        env={**clean_environment(), "LC_ALL": "C"},
        timeout=_SECONDS,
        check=False,
    )
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    there = {name for name, _, status in (line.partition(" ") for line in lines) if status == "installed"}
    return [package for package in packages if package not in there]


def interrupted(layout: Layout) -> bool:
    """Return whether packages are half installed, as after a power failure."""
    with suppress(FileNotFoundError):
        if os.listdir(layout.under(_JOURNAL)):
            return True
    program = shutil.which("dpkg", path=PATH)
    if program is None:
        return False
    words, environment = [program, "--audit"], {**clean_environment(), "LC_ALL": "C"}
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, env=environment, check=False)
    return bool(done.stdout)


def commands_of_installation(layout: Layout, packages: Sequence[str]) -> list[list[str]]:
    """Return the commands that install packages, after those that complete what was interrupted."""
    before = [[*words] for words in _COMPLETE] if interrupted(layout) else []
    return [*before, install_command(packages)] if packages else before


def install_packages(layout: Layout, programs: Programs, packages: Sequence[str]) -> None:
    """Install packages, and complete what was interrupted; their daemons are not started.

    :raises InstallError: when that is not possible.
    """
    programs.run(["debconf-set-selections"], stdin=ANSWERS.encode())
    with no_daemon_starts(layout):
        if interrupted(layout):
            for words in _COMPLETE:
                # The first leaves what wants packages that are missing, which the second gets.
                with suppress(ProgramError) if words[0] == "dpkg" else nullcontext():
                    _run_alone(programs, words, _CORRECT)
        # What was completed may be all.
        if missing := missing_packages(packages):
            _run_alone(
                programs,
                ["apt-get", "update"],
                "see to it that the machine reaches its Debian mirror: /etc/apt/sources.list",
            )
            _run_alone(programs, install_command(missing), _CORRECT)


def _run_alone(programs: Programs, words: Sequence[str], hint: str) -> None:
    """Run apt-get or dpkg, when no other one runs any more."""
    begin, noted = time.monotonic(), False
    while True:
        try:
            programs.run(words, environment=_NO_QUESTIONS, hint=hint)
            return
        except ProgramError as error:
            if not _LOCKED.search(error.message):
                raise
            if time.monotonic() - begin > _LOCKED_SECONDS:
                error.hint = "another apt-get or dpkg runs and does not end: ps -ef"
                raise
        if not noted:
            programs.progress.note("another apt-get or dpkg runs, and is waited for")
            noted = True
        time.sleep(_LOOK_EVERY)


@contextmanager
def no_daemon_starts(layout: Layout) -> Iterator[None]:
    """Keep Debian's packages from starting daemons meanwhile; where an administrator has a policy, that counts.

    One that an interrupted command of ours left counts as ours, and is removed in the end.

    :raises InstallError: when it cannot be written.
    """
    path = layout.under(POLICY)
    try:
        _write_policy(path)
        is_own = _content(path) == _OWN_POLICY
    except OSError as error:
        raise trouble(path, error) from error
    try:
        yield
    finally:
        if is_own and _content(path) == _OWN_POLICY:
            os.unlink(path)


def _write_policy(path: str) -> None:
    """Write our policy where there is none: whole, or not at all."""
    staged = f"{path}.e-smith-setup"
    with suppress(FileNotFoundError):
        os.unlink(staged)
    with os.fdopen(open_file(staged, os.O_WRONLY | os.O_NOFOLLOW, 0o755), "wb") as file:
        file.write(_OWN_POLICY)
    try:
        with suppress(FileExistsError):
            os.link(staged, path)
    finally:
        os.unlink(staged)


def _content(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read(len(_OWN_POLICY) + 1)
