"""The steps: what is shown, what is left out, and how a failure ends them; the programs they run."""

from __future__ import annotations

import errno
import re
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from esmith.errors import InstallError
from esmith.layout import Layout
from esmith.setup.machine.plan import note_all
from esmith.setup.machine.programs import LOG, ProgramError, Programs
from esmith.setup.machine.progress import Progress
from esmith.setup.machine.steps import Step, run_steps, show_steps


class Desk:
    """A root folder in which programs are run, and what was shown.

    :param path: the folder.
    """

    def __init__(self, path: Path) -> None:
        self.lines: list[str] = []
        self.path = path
        self.progress = Progress(self.lines.append, None)
        self.programs = Programs(Layout(str(path)), self.progress)

    @property
    def log(self) -> Path:
        """The log of what the programs printed."""
        return self.path / LOG.lstrip("/")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Return a desk in an empty folder."""
    return Desk(tmp_path)


def _steps(done: list[str]) -> list[Step]:
    def fail() -> None:
        raise InstallError("no", hint="correct it")

    return [
        Step("one", lambda: ["do one"], lambda: done.append("one")),
        Step("two", lambda: ["do two"], lambda: done.append("two"), lambda: "it is there"),
        Step("three", lambda: ["do three"], fail),
        Step("four", lambda: ["do four"], lambda: done.append("four")),
    ]


def test_steps_end_at_the_first_failure(desk: Desk) -> None:
    """A step that is done is left out, the first that fails ends them, and the message has the command to go on."""
    done: list[str] = []
    with pytest.raises(InstallError) as caught:
        run_steps(_steps(done), desk.progress, "esmith setup --name mail")
    assert done == ["one"]
    assert desk.lines == ["[1/4] one", "[2/4] two", "      already so: it is there", "[3/4] three"]
    assert str(caught.value).splitlines() == [
        "no",
        "  correct it",
        "  step 3 of 4, three: what was done before it stays",
        "  to go on: esmith setup --name mail",
    ]


def test_a_dry_run_only_shows(desk: Desk) -> None:
    """A dry run shows the commands of every step, and does none."""
    done: list[str] = []
    show_steps(_steps(done), desk.progress)
    assert done == []
    assert [line.strip() for line in desk.lines] == [
        *("[1/4] one", "do one", "[2/4] two", "already so: it is there", "[3/4] three", "do three", "[4/4] four"),
        "do four",
    ]


def test_what_programs_print_is_in_the_log(desk: Desk) -> None:
    """The log has each command and what it printed, only root may read it, and what a program reads is not in it."""
    assert desk.programs.run(["sh", "-c", "cat >/dev/null; echo out; echo err >&2"], stdin=b"secret") == "out\nerr\n"
    assert desk.programs.run(["echo", "more words"]) == "more words\n"
    text = desk.log.read_text()
    assert text.startswith("$ sh -c 'cat >/dev/null; echo out; echo err >&2'\nout\nerr\n$ echo 'more words'\n")
    assert "secret" not in text
    assert desk.log.stat().st_mode & 0o777 == 0o600


def test_a_failure_shows_the_end_of_the_output(desk: Desk) -> None:
    """The message of a failure has the exit code and the last lines, without those of the program before."""
    desk.programs.run(["echo", "before"])
    with pytest.raises(ProgramError) as caught:
        desk.programs.run(["sh", "-c", "seq 100; exit 3"], hint="look there")
    assert caught.value.code == 3
    lines = str(caught.value).splitlines()
    assert lines[0] == "sh -c 'seq 100; exit 3' failed with exit code 3; it printed:"
    assert [line.strip() for line in lines[1:]] == [*(str(number) for number in range(89, 101)), "look there"]


@pytest.fixture
def no_space() -> Iterator[None]:
    """Have files take a few bytes and no more, as a disk does that is full, for this process and what it starts."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("no_space")
def test_a_log_that_cannot_be_written(desk: Desk) -> None:
    """Where the log cannot take the command, it is not run, and the message names the log."""
    desk.log.parent.mkdir(parents=True)
    desk.log.write_bytes(b"x" * 20)
    with pytest.raises(InstallError, match="cannot be written: File too large") as caught:
        desk.programs.run(["touch", str(desk.path / "ran")])
    assert caught.value.place == str(desk.log)
    assert not (desk.path / "ran").exists()


@pytest.mark.usefixtures("no_space")
def test_a_log_that_cannot_take_the_output(desk: Desk) -> None:
    """Where the log cannot take all that a failed program printed, its message says so."""
    with pytest.raises(ProgramError) as caught:
        desk.programs.run(["sh", "-c", "trap '' XFSZ; seq 30; exit 3"], hint="look there")
    lines = [line.strip() for line in str(caught.value).splitlines()]
    assert lines[-2:] == [
        "the log cannot hold all it printed: File too large; to see the disk: df /var/log/e-smith",
        "look there",
    ]


def test_what_a_later_step_does_is_not_asked_for(desk: Desk) -> None:
    """What a command says is still to be done is not shown where setup does it; all else is, with its further lines."""
    printed = (
        "/ is ready\n"
        "next: signal-event email-update\n"
        "signal-event: 2 services are not supervised, so their actions are pending (esmith services): clamd, spamd\n"
        "  start their supervisor\n"
        "signal-event: service clamd: not supervised; restart is pending (esmith services)\n"
        "  start its supervisor\n"
        "signal-event: a warning\n"
        "  with its cure\n"
    )
    note_all(desk.progress, printed)
    assert [line.strip() for line in desk.lines] == ["/ is ready", "signal-event: a warning", "with its cure"]


def test_what_the_system_refuses_ends_a_step(desk: Desk) -> None:
    """An error of the system in a step, as on a full disk, is one of the step, with the file, a cure and the way on."""

    def refuse() -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/some/file")

    with pytest.raises(InstallError) as caught:
        run_steps([Step("one", list, refuse)], desk.progress, "esmith setup")
    assert [line.strip() for line in str(caught.value).splitlines()] == [
        "/some/file: No space left on device",
        "free some disk space and try again",
        "step 1 of 1, one: what was done before it stays",
        "to go on: esmith setup",
    ]


def test_a_program_that_is_missing(desk: Desk) -> None:
    """A program that is not installed is named."""
    with pytest.raises(InstallError, match="there is no program no-such-program"):
        desk.programs.run(["no-such-program"])


def test_a_program_that_takes_too_long_is_ended(desk: Desk) -> None:
    """A program that does not end in time is ended, and the message has its command."""
    with pytest.raises(InstallError, match=re.escape("sleep 1000 did not end within 0.3 s")):
        desk.programs.run(["sleep", "1000"], within=0.3)


def test_programs_find_the_commands_of_the_root(desk: Desk) -> None:
    """A program finds the commands of the root first, and gets the root by the environment."""
    folder = desk.path / "sbin/e-smith"
    folder.mkdir(parents=True)
    (folder / "db").write_text('#!/bin/sh\necho "own $ESMITH_ROOT"\n')
    (folder / "db").chmod(0o755)
    assert desk.programs.run(["db"]) == f"own {desk.path}\n"
