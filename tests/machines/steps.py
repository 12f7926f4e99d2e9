"""The steps: what is played in the machines, one function each. What one finds wrong it raises as StepError."""

from __future__ import annotations

import re
import shlex
import time
from pathlib import Path

from tests.machines.files import compared, listing, of_packages
from tests.machines.machine import Machine

#: How long a machine may take from a bare root to the first mail that was read, in seconds.
FIRST_MAIL_SECONDS = 300
#: How the mail server is installed: the README's one command. No systemd runs in these machines.
INSTALL = ("make", "mailserver", "DOMAIN=example.com", "NAME=mail", "SETUP=--services runit")
#: Starts what a machine with runit starts at boot: the supervisor, in the folder that setup links the services into.
BOOT = "exec runsvdir -P /service"
#: How much of a log is shown.
_SHOWN = 4000


class StepError(Exception):
    """A step did not do what it should; the text says what."""


class Play:
    """What the steps of one machine share.

    :param machine: the machine; it is switched on.
    :param logs: where the output of commands goes.
    """

    def __init__(self, machine: Machine, logs: Path) -> None:
        self.machine = machine
        self.logs = logs
        self.before: dict[str, str] = {}

    def run(self, *words: str, seconds: float = 600, code: int | None = 0) -> str:
        """Run a command in the machine, and return what it printed.

        :param seconds: how long it may take.
        :param code: the exit code it must have; None for any.
        :raises StepError: when it has another one.
        """
        log = self.logs / f"{len(list(self.logs.iterdir())):02}-{Path(words[0]).name}"
        began = time.monotonic()
        result = self.machine.run(words, log, seconds=seconds)
        text = log.read_text(encoding="utf-8", errors="replace")
        if code not in (None, result):
            took = f"after {time.monotonic() - began:.0f} s"
            raise StepError(f"{shlex.join(words)}: exit code {result} {took}\n{text[-_SHOWN:]}")
        return text

    def boot(self) -> None:
        """Switch the machine on as it is after a power failure, and start what starts at boot."""
        self.machine.switch_off()
        self.machine.switch_on()
        self.machine.start(("sh", "-c", BOOT), self.logs / "runsvdir")

    def daemon_logs(self) -> str:
        """Return the last lines of the logs of the machine."""
        parts = []
        for pattern in ("var/log/*/current", "var/log/mail*", "var/log/e-smith*", "var/log/esmith*"):
            for file in sorted(self.machine.root.glob(pattern)):
                if file.is_file() and (lines := file.read_text(encoding="utf-8", errors="replace").splitlines()):
                    parts += [f"-- /{file.relative_to(self.machine.root)}", *lines[-5:]]
        return "\n".join(parts)


def install(play: Play) -> str:
    """Install by the one command; its last step is the trial of mail. Says how long the first read mail took."""
    play.before = listing(play.machine.root)
    began = time.monotonic()
    play.run(*INSTALL)
    took = time.monotonic() - began
    if took > FIRST_MAIL_SECONDS:
        raise StepError(f"the first mail was read {took:.0f} s after the bare root, {FIRST_MAIL_SECONDS} s are allowed")
    return f"first mail read {took:.0f} s after the bare root"


def install_again(play: Play) -> str:
    """Install once more: nothing that is there is made again, and the mail still works."""
    before = listing(play.machine.root / "etc")
    play.run(*INSTALL)
    if lines := compared(
        before, listing(play.machine.root / "etc"), ["/ld.so.cache", "/passwd*", "/*shadow*", "/group*"]
    ):
        raise StepError("the second installation changed files of /etc:\n" + "\n".join(lines))
    return ""


def mail(play: Play) -> str:
    """Play the mail cases."""
    return _summary(play.run("python3", "-m", "tests.mailserver", seconds=900))


def page(play: Play) -> str:
    """Type every block of the page."""
    return _summary(play.run("python3", "-m", "tests.page.machine_root", seconds=900))


def reboot(play: Play) -> str:
    """Kill all processes, start what boots, and read mail again."""
    play.boot()
    began = time.monotonic()
    while True:
        try:
            play.run("esmith", "trial-mail")
            return f"mail read {time.monotonic() - began:.0f} s after the boot"
        except StepError:
            if time.monotonic() - began > 60:
                raise
            time.sleep(1)


def move(play: Play) -> str:
    """Move an SME Server here: all commands of docs/sme-server.md, with a made-up old server."""
    play.run("apt-get", "install", "-y", "--no-install-recommends", "rsync", "libtext-template-perl")
    return _summary(play.run("python3", "-m", "tests.moved", seconds=900))


def remove(play: Play) -> str:
    """Take the mail server away, and compare all files with those before it was installed."""
    text = play.run("make", "uninstall-mailserver")
    root = play.machine.root
    owned = of_packages(root)
    after = {path: what for path, what in listing(root).items() if path in play.before or path not in owned}
    if lines := compared(play.before, after, STAYS):
        raise StepError("not as before the installation:\n" + "\n".join(lines[:100]) + f"\n{text[-_SHOWN:]}")
    return ""


#: What stays after a removal, or is there because Debian's packages stay.
STAYS: tuple[str, ...] = ("/home/e-smith*", "/etc/e-smith*", "/var/lib/e-smith*")


def _summary(text: str) -> str:
    """Return the last line that says how many passed and failed."""
    found = re.findall(r"(?m)^.*\d+ passed.*$", text)
    return found[-1].strip() if found else "it did not say how many passed"
