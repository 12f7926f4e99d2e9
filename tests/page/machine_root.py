"""The whole page typed at ``/`` of a real machine, in page order: ``python3 -m tests.page.machine_root [BLOCK ...]``.

For a root of Debian (``.ci/bare``) where e-smith is installed and the page's programs are, in a network of its own
(``unshare --net``): it changes the machine. With runit as the supervisor; where no ``runsvdir`` runs it starts one.
Stand-ins are the editor, which types what a transcript says, and ``/sbin/reboot``; after it the event of a boot is
signalled. What is otherwise at such a machine than in a transcript stands in ``machine_root.toml``, with the reason;
docs/page.md has these reasons. It prints a line for each block, ``N passed, N failed``, and exits with 1 when one did.

Standard library only, and the commands that are installed.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.page.network import add_card
from tests.page.running import give_signature, no_reboot, processes, supervisor, wait_for_services
from tests.page.settings import COMMANDS, USERS
from tests.page.transcript import Block, Command, FileEffect, Scene, Transcript, all_transcripts

EXPECTED = Path(__file__).with_name("machine_root.toml")
#: No command of the page takes longer; an event that waits for all services is the longest.
_SECONDS = 180
#: How long a service may take to end and to be started again.
_ENDING_SECONDS = 30
#: With the services running, before the first block.
_EVENTS = ("bootstrap-console-save", "remoteaccess-update", "email-update")
#: Service actions after which the process is another one.
_REPLACING = ("restart", "term")
#: Beside the commands "esmith watch" does what is pending; who comes at that moment says so and waits.
_WATCHER = re.compile(r"(?m)^[a-z-]+: waiting for esmith recover \(process \d+\) to end\n")
_NANO = '#!/bin/sh\nfor file do :; done\ncat "$PAGE_TYPED" >"$file"\n'


@dataclass
class Expected:
    """What is otherwise at a machine than in the transcript of a block.

    :param result: ``works``, ``external`` (it reaches for what is not here), or ``the page errs``.
    :param says: the reason, as docs/page.md has it.
    :param exits: exit codes that a command may have, by its text.
    :param complains: what a command may write to stderr, a regular expression by its text.
    :param seconds: after how many seconds a command is ended, by its text, because it never ends itself.
    :param proofs: further commands, each with a regular expression of what it prints.
    :param besides: paths whose lines depend on what is installed: they are not compared.
    :param services: services that are not adjusted here.
    """

    result: str = "works"
    says: str = ""
    exits: dict[str, list[int]] = field(default_factory=dict)
    complains: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    proofs: dict[str, str] = field(default_factory=dict)
    besides: list[str] = field(default_factory=list)
    services: list[str] = field(default_factory=list)


def expectations() -> dict[str, Expected]:
    """Return what is expected of each block that is otherwise here, by its number."""
    data: dict[str, dict[str, Any]] = tomllib.loads(EXPECTED.read_text())
    return {name: Expected(**table) for name, table in data.items()}


@dataclass(frozen=True)
class Outcome:
    """What a command did."""

    code: int
    out: str
    err: str


class Shell:
    """The administrator's shell, which stays open.

    :param work: a directory for the stand-ins and for what the commands print.
    """

    def __init__(self, work: Path) -> None:
        self._work = work
        self._count = 0
        self.log = work / "log"
        self.log.touch()
        programs = work / "programs"
        programs.mkdir()
        (programs / "nano").write_text(_NANO)
        (programs / "nano").chmod(0o755)
        usual = "/sbin/e-smith:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        environment = {
            "PATH": f"{programs}:{usual}",
            "HOME": "/root",
            "LC_ALL": "C.UTF-8",
            "TERM": "dumb",
            "PAGE_TYPED": str(work / "typed"),
            "PAGE_LOG": str(self.log),
        }
        pipe = subprocess.PIPE
        self._bash = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            stdin=pipe,
            stdout=pipe,
            env=environment,
            cwd="/root",
            text=True,
            bufsize=1,
        )

    def run(self, text: str, typed: str | None = None, seconds: float | None = None) -> Outcome:
        """Type a command, and return what it did.

        :param typed: the text for the editor it opens.
        :param seconds: after how many it is ended, as by Ctrl-C.
        """
        self._count += 1
        script, out, err = (self._work / f"{self._count}.{kind}" for kind in ("sh", "out", "err"))
        script.write_text(f"{text}\n")
        (self._work / "typed").write_text(typed or "")
        assert self._bash.stdin is not None
        assert self._bash.stdout is not None
        self._bash.stdin.write(f". '{script}' </dev/null >'{out}' 2>'{err}'; echo $?\n")
        self._bash.stdin.flush()
        with _ended_after(self._bash.pid, seconds or _SECONDS):
            answer = self._bash.stdout.readline().strip()
        read = {"encoding": "utf-8", "errors": "replace"}
        complaints = err.read_text(**read).replace(f"{script}: ", "")
        return Outcome(int(answer or 1), out.read_text(**read), complaints)

    def close(self) -> None:
        """End the shell."""
        assert self._bash.stdin is not None
        self._bash.stdin.close()
        self._bash.wait(_SECONDS)


@contextlib.contextmanager
def _ended_after(shell: int, seconds: float) -> Iterator[None]:
    """Have what a shell runs ended when it takes too long."""

    def end(_number: int, _frame: object) -> None:
        # The first of a pipeline: the others end when it does.
        for child in Path(f"/proc/{shell}/task/{shell}/children").read_text().split()[:1]:
            os.kill(int(child), signal.SIGINT if seconds == _SECONDS else signal.SIGTERM)

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds, 5)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class Page:
    """Types the blocks of the page.

    :param shell: where.
    """

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._faults: list[str] = []

    def play(self, transcript: Transcript, block: Block, expected: Expected) -> list[str]:
        """Type a block, and return what went otherwise than it should."""
        self._faults = []
        for scene in block.scenes:
            before = processes()
            for command in scene.commands:
                self._type(transcript, command, expected)
            self._look(transcript, scene, expected)
            self._compare_services(scene, before, expected)
        for text, pattern in expected.proofs.items():
            outcome = self._shell.run(text)
            if not re.search(pattern, outcome.out):
                self._faults.append(f"$ {text}\n    prints {outcome.out!r}, not {pattern!r}; stderr: {outcome.err}")
        return self._faults

    def _type(self, transcript: Transcript, command: Command, expected: Expected) -> None:
        first = command.text.split("\n")[0].strip()
        typed = None if command.typed is None else transcript.substituted(command.typed)
        outcome = self._shell.run(transcript.substituted(command.text), typed, expected.seconds.get(first))
        found = []
        if outcome.code not in expected.exits.get(first, [command.code]):
            found.append(
                f"exits {outcome.code}, not {expected.exits.get(first, [command.code])}: {outcome.err[-2000:]}"
            )
        if "Traceback" in outcome.err:
            found.append(f"is a crash: {outcome.err}")
        allowed = expected.complains.get(first)
        complaints = _WATCHER.sub("", outcome.err)
        rest = complaints if allowed is None else re.sub(allowed, "", complaints)
        if command.complains is None and rest.strip():
            found.append(f"complains: {rest[-2000:]}")
        if allowed is None:
            found += [f"does not complain {text!r}: {rest}" for text in command.complains or () if text not in rest]
            missing = [line for line in command.prints or () if line not in outcome.out.splitlines()]
            found += [f"does not print {line!r}: {outcome.out[-2000:]!r}" for line in missing]
        self._faults += [f"{command.place}: $ {command.text}\n    {fault}" for fault in found]

    def _look(self, transcript: Transcript, scene: Scene, expected: Expected) -> None:
        """Look at the files: the new lines are there, those that may not be are not."""
        for effect in scene.files:
            path = transcript.substituted(effect.path)
            if path not in expected.besides:
                self._faults += [f"{effect.place}: {path} {fault}" for fault in file_faults(path, effect)]

    def _compare_services(self, scene: Scene, before: dict[str, int], expected: Expected) -> None:
        """A service that is restarted has another process; nothing is known of one that does not run here."""
        for call in scene.services:
            name, action = call.split()
            if action in _REPLACING and name in before and name not in expected.services:
                # sv returns before the old process has ended.
                deadline = time.monotonic() + _ENDING_SECONDS
                while processes().get(name) in (None, before[name]) and time.monotonic() < deadline:
                    time.sleep(0.2)
                if processes().get(name) in (None, before[name]):
                    self._faults.append(
                        f"service {name} has no new process after {action}; the old one was {before[name]}"
                    )


def file_faults(path: str, effect: FileEffect) -> list[str]:
    """Return what is otherwise in a file than a transcript says about it."""
    if effect.state == "gone":
        return ["is still there"] if os.path.lexists(path) else []
    if effect.state.startswith("-> "):
        target = os.readlink(path) if os.path.islink(path) else "no link"
        return [] if target == effect.state[3:] else [f"leads to {target}"]
    try:
        lines = Path(path).read_text("utf-8", "replace").splitlines()
    except OSError as error:
        return [f"cannot be read: {error.strerror}"]
    found = [f"has no line {line!r}" for line in effect.marked("+") if line not in lines]
    return found + [f"still has the line {line!r}" for line in effect.marked("!") if line in lines]


def make_office(shell: Shell) -> list[str]:
    """Make the small office that the page takes for granted, with its service directories; return what went wrong."""
    commands = [*COMMANDS.splitlines()]
    commands += [f"db accounts set {user} user EmailForward local" for user in USERS]
    commands += [f"signal-event user-create {user}" for user in USERS]
    commands += [f"signal-event group-create {group}" for group in ("group1", "group2")]
    return run_all(shell, [*commands, "signal-event email-update", "esmith init --services runit /service"])


def run_all(shell: Shell, commands: list[str]) -> list[str]:
    """Run commands that have to succeed, and return what went wrong."""
    faults = []
    for command in commands:
        outcome = shell.run(command)
        if outcome.code != 0:
            faults.append(f"$ {command}\n    exits {outcome.code}: {outcome.out}{outcome.err}")
    return faults


def main() -> int:
    """Type the page, or some blocks of it, and return the exit code."""
    parser = argparse.ArgumentParser(description="Type the page at / of this machine.")
    parser.add_argument("blocks", nargs="*", metavar="BLOCK", help="a block: 2, P1; default: all")
    wanted = parser.parse_args().blocks
    if os.geteuid() != 0:
        print("this is for root, in a machine of its own: see .ci/bare", file=sys.stderr)
        return 2
    add_card("eth0", "192.168.1.1", 24)
    blocks = [(transcript, block) for transcript in all_transcripts() for block in transcript.blocks]
    expected, failed, played = expectations(), 0, 0
    with tempfile.TemporaryDirectory() as work, no_reboot(), contextlib.ExitStack() as running:
        shell, began = Shell(Path(work)), time.monotonic()
        faults = make_office(shell)
        give_signature()
        running.enter_context(supervisor())
        wait_for_services()
        faults += run_all(shell, [f"signal-event {event}" for event in _EVENTS])
        is_broken = bool(faults)
        print("\n".join([f"the office: {_verdict(faults, began)}", *faults]), flush=True)
        page = Page(shell)
        for transcript, block in sorted(blocks, key=lambda pair: pair[1].line):
            if wanted and block.name not in wanted:
                continue
            began = time.monotonic()
            faults = page.play(transcript, block, expected.get(block.name, Expected()))
            played, failed = played + 1, failed + bool(faults)
            print(f"block {block.name} (line {block.line}) {block.title}: {_verdict(faults, began)}", flush=True)
            for fault in faults:
                print("    " + fault.replace("\n", "\n    "), flush=True)
        shell.close()
    print(f"{played - failed} passed, {failed} failed")
    return 1 if failed or is_broken else 0


def _verdict(faults: list[str], began: float) -> str:
    return f"{'FAILED' if faults else 'ok'} ({time.monotonic() - began:.0f} s)"


if __name__ == "__main__":
    sys.exit(main())
