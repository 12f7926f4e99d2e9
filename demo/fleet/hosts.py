"""One server of the demo: a root folder, its commands as they are typed, and its agent."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from demo.fleet.processes import Process, wait_for
from esmith.cli.output import print_report
from esmith.errors import InstallError

#: What "esmith fleet status" exits with when it has something to say.
FINDINGS = 13


def say(text: str) -> None:
    """Print lines, with nothing in them that a terminal would obey."""
    print_report(text.splitlines())
    sys.stdout.flush()


def own(name: str) -> str:
    """Return a command of the environment that this runs in."""
    return os.path.join(os.path.dirname(sys.executable), name)


class Host:
    """A server of the demo.

    :param name: its name in the fleet.
    :param folder: the folder of the demo.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.root = folder / name
        self.variables = {"ESMITH_ROOT": str(self.root)}
        words = [own("esmith"), "fleet", "agent"]
        self.agent = Process(f"the agent of {name}", words, folder / f"{name}-agent.log", self.variables)

    def run(self, *words: str, given: str = "", good: tuple[int, ...] = (0,)) -> str:
        """Run a command that is not shown, and return what it prints.

        :raises InstallError: when it fails.
        """
        done = self._run(words, given)
        if done.returncode not in good:
            raise InstallError(f"{self.name}: {shlex.join(words)} failed:\n{done.stdout}{done.stderr}".rstrip())
        return done.stdout

    def type(self, *words: str, good: tuple[int, ...] = (0,), tries: int = 1) -> None:
        """Run a command and show it with what it prints, as at the prompt of this server.

        :param tries: how often it is typed again when it is refused.
        :raises InstallError: when it fails.
        """
        say(f"{self.name}$ {shlex.join(words)}")
        done = self._run(words)
        if printed := (done.stdout + done.stderr).rstrip():
            say(printed)
        if done.returncode in good:
            return
        if tries == 1:
            raise InstallError(f"{self.name}: {shlex.join(words)} ended with {done.returncode}")
        self.type(*words, good=good, tries=tries - 1)

    def _run(self, words: tuple[str, ...], given: str = "") -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, **self.variables}
        return subprocess.run(
            [own(words[0]), *words[1:]], input=given, env=environment, capture_output=True, text=True, check=False
        )

    def start_agent(self) -> None:
        """Start the agent, and wait until commands can reach it.

        :raises InstallError: when it ends.
        """
        self.agent.start()

        def answers() -> bool:
            self.agent.check()
            return (self.root / "var/lib/e-smith/fleet/agent.socket").is_socket()

        wait_for(answers, f"the agent of {self.name}")

    def known(self) -> dict[str, Any]:
        """Return what ``esmith fleet status --json`` prints here."""
        found: dict[str, Any] = json.loads(self.run("esmith", "fleet", "status", "--json", good=(0, FINDINGS)))
        return found
