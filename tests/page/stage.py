"""Where a transcript is played: one shell, on a machine of its own (as root) or over a root folder."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests import forks
from tests.commands import copy_tree
from tests.page.shims import DANGEROUS, PLACED, write_program, write_shims

#: Every service the page or an event touches; all are supervised.
SERVICES = [
    "clamd",
    "dovecot",
    "fetchmail",
    "freshclam",
    "httpd-e-smith",
    "imap",
    "imaps",
    "php-fpm",
    "pop3",
    "pop3s",
    "qmail",
    "qpsmtpd",
    "smtp-auth-proxy",
    "spamd",
    "sqpsmtpd",
]
#: Absolute paths in the page's shell commands that belong to the configured system.
_PATHS = re.compile(
    r"(?<![\w./])/(?=(?:etc/(?:e-smith|mail|init\.d|cron\.daily|clamd\.conf|php\.ini)|var/(?:qmail|service|spool|log|lib)"
    r"|service|home|root|sbin/e-smith|usr/bin/yum|usr/share/qpsmtpd|dev/nul)\b)"
)


@dataclass(frozen=True)
class Outcome:
    """What a command did."""

    code: int
    out: str
    err: str


class Stage:
    """A shell that stays open from command to command, as an administrator's does.

    :param work: a directory for what the stage keeps.
    :param first_pid: where the made-up pids of its services start.
    :param forked: whether the engine's commands are forked by a server (tests/forks.py), or started for real.
    :param checked: whether programs check the files (tests/remembered.py); commands that are forked can do without.
    """

    def __init__(self, work: Path, first_pid: int = 1000, *, forked: bool = True, checked: bool = True) -> None:
        self.work = work
        self._forked = forked
        self._checked = checked
        self.log = work / "log"
        self.services = work / "services"
        self._count = 0
        (work / "desk").mkdir(parents=True)
        for file in (self.log, self.services):
            file.touch()
        # Above every pid the office's services got, so that a restart shows.
        (work / "counter").write_text(str(first_pid))
        self._shell = self._open()
        self._hold_services()

    def _open(self) -> subprocess.Popen[str]:
        """Start the shell."""
        raise NotImplementedError

    def path(self, path: str) -> Path:
        """Return where an absolute path of the stage can be reached from here."""
        raise NotImplementedError

    def localised(self, text: str) -> str:
        """Return a command as it has to be typed on this stage."""
        raise NotImplementedError

    def _home(self) -> str:
        """Return the home directory of who types."""
        raise NotImplementedError

    def run(self, text: str, typed: str | None = None) -> Outcome:
        """Type a command, and return what it did.

        :param typed: the text for the editor it opens.
        """
        self._count += 1
        script, out, err = (self.work / f"{self._count}.{kind}" for kind in ("sh", "out", "err"))
        script.write_text(self.localised(text) + "\n")
        # A script that is typed runs on the stage, as a command does.
        typed = self.localised(typed) if typed and typed.startswith("#!") else typed
        (self.work / "typed").write_text(typed or "")
        code = self._send(f". '{script}' </dev/null >'{out}' 2>'{err}'; echo $?")
        decode = {"encoding": "utf-8", "errors": "replace"}
        return Outcome(int(code), out.read_text(**decode), err.read_text(**decode).replace(f"{script}: ", ""))

    def take(self, log: Path) -> list[str]:
        """Return the lines of a log, and empty it."""
        lines = log.read_text().splitlines()
        log.write_text("")
        return lines

    def close(self) -> None:
        """End the shell, and with it everything that ran on the stage."""
        assert self._shell.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._shell.stdin.close()
        self._shell.wait(timeout=60)

    def _send(self, line: str) -> str:
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._shell.stdin.write(line + "\n")
            self._shell.stdin.flush()
        answer = self._shell.stdout.readline()
        if not answer:
            assert self._shell.stderr is not None
            raise RuntimeError(f"the shell is gone: {self._shell.stderr.read()}")
        return answer.strip()

    def _hold_services(self) -> None:
        """Supervise the services as far as the engine can see: a FIFO open for reading, and the stand-in for sv."""
        folder = self.localised("/service")
        lines = [f"cd '{self.work}/desk'"]
        for name in SERVICES:
            fifo = f"{folder}/{name}/supervise/ok"
            # The file "stat" is how the engine knows runsv.
            lines.append(f"mkdir -p '{folder}/{name}/supervise'; touch '{folder}/{name}/supervise/stat'")
            lines.append(f"rm -f '{fifo}'; mkfifo '{fifo}'; exec {{held}}<>'{fifo}'")
        setup = self.work / "hold.sh"
        setup.write_text("\n".join(lines) + "\n")
        self._send(f". '{setup}'; echo $?")

    def _environment(self, path: str, service: str) -> dict[str, str]:
        return {
            "PATH": path,
            "HOME": self._home(),
            "LC_ALL": "C.UTF-8",
            "PAGE_LOG": str(self.log),
            "PAGE_SERVICES": str(self.services),
            "PAGE_SERVICE": service,
            "PAGE_COUNTER": str(self.work / "counter"),
            "PAGE_TYPED": str(self.work / "typed"),
            **({} if self._checked else {"ESMITH_ACCEPT_CHECKS": "1"}),
        }

    def _start(self, *command: str, env: dict[str, str]) -> subprocess.Popen[str]:
        pipes = subprocess.PIPE
        return subprocess.Popen(command, stdin=pipes, stdout=pipes, stderr=pipes, text=True, env=env, bufsize=1)


class FolderStage(Stage):
    """A stage over a root folder: ESMITH_ROOT names it, and the page's absolute paths are taken below it.

    :param root: the folder; it is changed.
    """

    def __init__(
        self, root: Path, work: Path, first_pid: int = 1000, *, forked: bool = True, checked: bool = True
    ) -> None:
        self.root = root
        (root / "dev").mkdir(exist_ok=True)
        for path, text in PLACED.items():
            write_program(self.path(path), text)
        super().__init__(work, first_pid, forked=forked, checked=checked)

    def path(self, path: str) -> Path:
        """Return the path below the root folder."""
        return self.root / path.lstrip("/")

    def localised(self, text: str) -> str:
        """Return the command with the root folder before the paths that its shell commands name."""
        return "\n".join(self._localised_line(line) for line in text.split("\n"))

    def close(self) -> None:
        """End the shell, and restore the root's own commands."""
        super().close()
        for script in (self.work / "commands").glob("*"):
            shutil.copy2(script, self.root / "sbin/e-smith")

    def _home(self) -> str:
        # Nobody but root may enter /root, and what programs leave in a home does not belong to the page.
        home = self.work / "home"
        home.mkdir(exist_ok=True)
        return str(home)

    def _localised_line(self, line: str) -> str:
        words = line.split(" ", 1)
        if words[0].rsplit("/", 1)[-1] in ("expand-template", "db", "config"):
            # These take the paths of their operands under the root by themselves.
            words[0] = _PATHS.sub(f"{self.root}/", words[0])
            return " ".join(words)
        return _PATHS.sub(f"{self.root}/", line)

    def _open(self) -> subprocess.Popen[str]:
        write_shims(self.work / "shims", chown=True)
        path = f"{self.work}/shims:{self.root}/sbin/e-smith:/usr/sbin:/usr/bin:/sbin:/bin:{self.work}/fallback"
        env = {**self._environment(path, str(self.root / "service")), "ESMITH_ROOT": str(self.root)}
        if self._forked:
            forks.install_clients(self.root / "sbin/e-smith", self.work / "commands", env)
        return self._start("bash", "--noprofile", "--norc", env=env)


class MachineStage(Stage):
    """A stage that is a machine: the page's absolute paths are the real ones, ESMITH_ROOT is not set.

    :param prepared: the root folder whose files are mounted over the machine; it is not changed.
    """

    def __init__(self, prepared: Path, work: Path, *, forked: bool = True, checked: bool = True) -> None:
        self._prepared = prepared
        self._wait: Callable[[], None] | None = None
        super().__init__(work, forked=forked, checked=checked)

    def path(self, path: str) -> Path:
        """Return the path as this process reaches it: through the namespace of the shell."""
        return Path(f"/proc/{self.pid}/root{path}")

    def localised(self, text: str) -> str:
        """Return the command unchanged."""
        return text

    def close(self) -> None:
        """End the shell and the machine with it, and wait until nothing of it is left."""
        super().close()
        if self._wait:
            self._wait()
            self._wait = None

    def _home(self) -> str:
        return "/root"

    def _open(self) -> subprocess.Popen[str]:
        layer = self.work / "prepared"
        copy_tree(self._prepared, layer)
        for path, text in PLACED.items():
            write_program(layer / path.lstrip("/"), text)
        for name in DANGEROUS:
            write_program(layer / "usr/sbin" / name, '#!/bin/sh\necho "$(basename "$0")" "$@" >> "$PAGE_LOG"\n')
        write_program(layer / "usr/bin/systemctl", '#!/bin/sh\necho systemctl "$@" >> "$PAGE_LOG"\n')
        write_shims(self.work / "shims", chown=False)
        path = f"{self.work}/shims:/sbin/e-smith:/usr/sbin:/usr/bin:/sbin:/bin:{self.work}/fallback"
        env = self._environment(path, "/service")
        if self._forked:
            forks.install_clients(layer / "sbin/e-smith", self.work / "commands", env, self.work / "server")
        unshare = ("unshare", "-m", "-u", "-n", "-i", "-p", "--fork", "--kill-child")
        script = str(Path(__file__).with_name("machine.py"))
        return self._start(*unshare, sys.executable, "-IS", script, str(layer), str(self.work), env=env)

    def _hold_services(self) -> None:
        self._send("echo $?")
        children = Path(f"/proc/{self._shell.pid}/task/{self._shell.pid}/children").read_text().split()
        self.pid = children[0]
        if self._forked:
            self._wait = forks.serve_in_machine(int(self.pid), self.work / "server", self._environment("", ""))
        super()._hold_services()
