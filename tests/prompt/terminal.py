"""A shell at a terminal, as somebody who types sees it."""

from __future__ import annotations

import os
import pty
import re
import select
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.commands import Root

#: Far above what any shell takes.
_LIMIT_SECONDS = 20
#: How each shell is started without files of the user, and what makes it know our commands.
_STARTS = {
    "bash": (["--norc", "--noprofile", "-i"], "source {script}"),
    "zsh": (["-f", "-i"], "autoload -Uz compinit; compinit -D -u; source {script}"),
    "fish": (["--no-config", "-i"], "source {script}"),
}
_CODES = re.compile(r"\x1b(\[[0-9;?<>=]*[A-Za-z]|\][^\x07\x1b]*(\x07|\x1b\\)|[()][A-Z0-9]|[=>])|\r|\x0f|\x08 \x08")


class Terminal:
    """A shell that runs at a pseudo-terminal.

    :param descriptor: our end of it.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._shown = ""

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._descriptor, keys.encode())

    def expect(self, text: str) -> str:
        """Wait until a text is shown, and return what was shown since the last one that was waited for."""
        end = time.monotonic() + _LIMIT_SECONDS
        while text not in (plain := _CODES.sub("", self._shown)):
            ready, _, _ = select.select([self._descriptor], [], [], max(end - time.monotonic(), 0))
            assert ready, f"{text!r} is not shown, but {plain!r}"
            self._shown += os.read(self._descriptor, 65536).decode("utf-8", "replace")
        before, _, after = plain.partition(text)
        self._shown = after
        return before + text

    def completes(self, typed: str, shown: str) -> None:
        """Type the beginning of a word and TAB, and wait for what that shows."""
        self.type(f"{typed}\t")
        self.expect(shown)

    def settle(self) -> None:
        """Forget what is typed, and wait until the shell has done all before it."""
        self.type("\x15echo set''tled\r")
        self.expect("settled")


@contextmanager
def shell(name: str, program: str, root: Root, home: Path) -> Iterator[Terminal]:
    """Start a shell that completes the commands of a root.

    :param name: bash, zsh or fish.
    :param program: its path.
    :param home: its working directory, and the home of its user.
    """
    options, load = _STARTS[name]
    script = home / f"script.{name}"
    script.write_text(root.esmith("completion", name).out)
    process_id, descriptor = pty.fork()
    if process_id == 0:
        environment = {
            "PATH": f"{root.path}/sbin/e-smith:{os.environ['PATH']}",
            "HOME": str(home),
            "TERM": "xterm",
            "ESMITH_ROOT": str(root.path),
            "LC_ALL": "C.UTF-8",
        }
        os.chdir(home)
        os.execve(program, [name, *options], environment)
    terminal = Terminal(descriptor)
    try:
        terminal.type(f"{load.format(script=shlex.quote(str(script)))}; echo re''ady\r")
        terminal.expect("ready")
        yield terminal
    finally:
        os.close(descriptor)
        os.kill(process_id, 9)
        os.waitpid(process_id, 0)
