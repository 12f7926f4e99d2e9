"""One server of the demo: a root folder, its commands as they are typed, and its agent."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from demo.fleet.processes import Process, wait_for
from demo.printing import own, say
from esmith.errors import InstallError
from esmith.layout import Layout
from esmith.store import open_store

if TYPE_CHECKING:
    from esmith.store.protocol import Store

#: What "esmith fleet status" exits with when it has something to say.
FINDINGS = 13


class Host:
    """A server of the demo.

    :param name: its name in the fleet.
    :param folder: the folder of the demo.
    :param is_quiet: whether nothing is shown.
    """

    def __init__(self, name: str, folder: Path, *, is_quiet: bool = False) -> None:
        self.name = name
        self.root = folder / name
        self._is_quiet = is_quiet
        self._variables = {"ESMITH_ROOT": str(self.root)}
        words = [own("esmith"), "fleet", "agent"]
        self.agent = Process(f"the agent of {name}", words, folder / f"{name}-agent.log", self._variables)

    def run(self, *words: str, good: tuple[int, ...] = (0,), tries: int = 1) -> str:
        """Run a command that is not shown, and return what it prints.

        :param tries: how often it is run again when it is refused.
        :raises InstallError: when it fails.
        """
        done = self._run(words, "")
        while done.returncode not in good and (tries := tries - 1):
            done = self._run(words, "")
        if done.returncode not in good:
            raise InstallError(f"{self.name}: {shlex.join(words)} failed:\n{done.stdout}{done.stderr}".rstrip())
        return done.stdout

    def type(
        self,
        *words: str,
        good: tuple[int, ...] = (0,),
        tries: int = 1,
        given: str = "",
        source: str = "",
        into: str = "",
    ) -> str:
        """Run a command and show it with what it prints, as at the prompt of this server.

        :param tries: how often it is typed again when it is refused.
        :param given: its standard input; it is shown as if it were read from the file ``source``.
        :param into: the file that its output is shown to go to.
        :return: its output.
        :raises InstallError: when it fails.
        """
        line = f"{self.name}$ {shlex.join(words)}{f' <{source}' if source else ''}{f' >{into}' if into else ''}"
        done = self._run(words, given)
        printed = (("" if into else done.stdout) + done.stderr).rstrip()
        if not self._is_quiet:
            say(f"{line}\n{printed}" if printed else line)
        if done.returncode in good:
            return done.stdout
        if tries == 1:
            shown = f":\n{done.stderr.rstrip()}" if self._is_quiet else ""
            raise InstallError(f"{self.name}: {shlex.join(words)} ended with {done.returncode}{shown}")
        return self.type(*words, good=good, tries=tries - 1, given=given, source=source, into=into)

    def _run(self, words: tuple[str, ...], given: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, **self._variables}
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

    def revision(self) -> str:
        """Return the fleet revision of its databases, with the hash of the row."""
        with contextlib.closing(open_store(Layout(str(self.root)))) as store:
            return self.revision_in(store)

    @staticmethod
    def revision_in(store: Store) -> str:
        """Return the fleet revision of a store that is open, with the hash of the row; "" for none."""
        with store.snapshot() as snapshot:
            return (snapshot.state("fleet", "revision") or b"").decode()

    def known(self) -> dict[str, Any]:
        """Return what ``esmith fleet status --json`` prints here."""
        found: dict[str, Any] = json.loads(self.run("esmith", "fleet", "status", "--json", good=(0, FINDINGS)))
        return found
