"""The steps: what is played in the machines, one function each. What one finds wrong it raises as StepError."""

from __future__ import annotations

import difflib
import os
import re
import shlex
import signal
import subprocess
import time
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path

from tests.machines.booted import BootedMachine
from tests.machines.damages import DAMAGES, play_damages
from tests.machines.faults import FAULTS, play_faults
from tests.machines.files import compared, listing
from tests.machines.machine import Machine, fresh_machine
from tests.machines.previous import unpack_previous
from tests.machines.roots import REPOSITORY
from tests.mailserver import SETTINGS

#: How long a machine may take from a bare root to the first mail that was read, in seconds.
FIRST_MAIL_SECONDS = 300
#: When an installation hangs, in seconds.
_INSTALL_SECONDS = 900
#: How the mail server is installed: the README's one command, which takes systemd where that is the init, else runit.
INSTALL = ("make", "mailserver", "DOMAIN=example.com", "NAME=mail")
#: Starts what boots, where no systemd runs: the commands of the units.
BOOT = ("python3", "-m", "tests.system.boot")
#: Installs the previous release as its README says, in the place of all that is there, and uses it as an administrator.
#: On Debian 13 its event writes no file, since its dovecot.conf is not one of dovecot 2.4.
_INSTALL_PREVIOUS = """
rm -rf /home/e-smith /etc/e-smith /var/lib/e-smith
cd /root/previous
python3 -m venv --clear /opt/esmith
/opt/esmith/bin/pip install --quiet .
/opt/esmith/bin/esmith init --domain example.com --name mail --services runit /service
config setprop qmail ConcurrencyLocal 7
config setprop spamassassin Sensitivity custom TagLevel 6
mkdir -p /etc/e-smith/templates-custom/etc/mail/spamassassin/local.cf
echo 'score SARE_ADULT2 20.000' >/etc/e-smith/templates-custom/etc/mail/spamassassin/local.cf/20localscores
signal-event email-update || [ "$?" = 10 -a "$1" = trixie ]
"""
#: What the administrator of the previous release finds after the upgrade, as commands that succeed.
_KEPT = """
[ "$(config getprop qmail ConcurrencyLocal) $(config getprop spamassassin TagLevel)" = "7 6" ]
grep -x 'score SARE_ADULT2 20.000' /etc/e-smith/templates-custom/etc/mail/spamassassin/local.cf/20localscores
grep -x 'score SARE_ADULT2 20.000' /etc/mail/spamassassin/local.cf
grep -x 'required_score 5.99' /etc/mail/spamassassin/local.cf
"""
#: A process that has ended and was not waited for counts as gone: the first one of these machines waits for none.
_DEMO = """
cp -r /root/wheels /home/plain/wheels
chown -R plain: /home/plain/wheels
cd /home/plain/src
runuser -u plain -- env HOME=/home/plain PIP_FIND_LINKS=/home/plain/wheels make demo-mail
! pgrep --euid plain --runstates R,S,D --list-full
"""
#: What every trial of mail changes below /etc, since it makes a user and deletes it; and what Python compiled.
_CHANGES_AGAIN = ("/passwd*", "/*shadow*", "/group*", "/sub?id*", "/.pwd.lock", "*/__pycache__/*")
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
        #: Whether the step of the units has left a service disabled, for the boot to leave it so.
        self.has_played_units = False

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
        """Have systemd boot the machine as on a server; another one is switched on as after a power failure."""
        if isinstance(self.machine, BootedMachine):
            self.machine.reboot()
            return
        self.machine.switch_off()
        self.machine.switch_on()
        self.run(*BOOT)

    def daemon_logs(self) -> str:
        """Return the last lines of the logs of the machine."""
        parts = []
        if self.machine.supervisor == "systemd":
            parts += self.run("journalctl", "--no-pager", "--lines=60", code=None).splitlines()
        for pattern in ("var/log/*/current", "var/log/mail*", "var/log/e-smith*", "var/log/esmith*"):
            for file in sorted(self.machine.root.glob(pattern)):
                if file.is_file() and (lines := file.read_text(encoding="utf-8", errors="replace").splitlines()):
                    parts += [f"-- /{file.relative_to(self.machine.root)}", *lines[-5:]]
        return "\n".join(parts)


def install(play: Play) -> str:
    """Install by the one command; its last step is the trial of mail. Says how long the first read mail took."""
    log = play.logs / "install"
    began = time.monotonic()
    process = play.machine.start(INSTALL, log)
    looking = 0.0
    while process.poll() is None and not play.before and time.monotonic() - began < _INSTALL_SECONDS:
        # The packages are installed, and nothing else: what a removal has to come back to.
        if re.search(r"(?m)^\[2/", log.read_text(encoding="utf-8", errors="replace")):
            _signal_all(process, signal.SIGSTOP)
            looks = time.monotonic()
            found = listing(play.machine.root)
            play.before = {path: what for path, what in found.items() if not f"{path}/".startswith("/opt/esmith/")}
            looking = time.monotonic() - looks
            _signal_all(process, signal.SIGCONT)
        time.sleep(0.02)
    while (code := process.poll()) is None and time.monotonic() - began < _INSTALL_SECONDS:
        # nsenter(1) stops itself when it sees that its child was stopped, also when both go on already.
        os.killpg(process.pid, signal.SIGCONT)
        time.sleep(0.1)
    if code is None:
        os.killpg(process.pid, signal.SIGKILL)
        code = process.wait()
    took = time.monotonic() - began - looking
    if code != 0:
        text = log.read_text(encoding="utf-8", errors="replace")
        raise StepError(f"{shlex.join(INSTALL)}: exit code {code} after {took:.0f} s\n{text[-_SHOWN:]}")
    if took > FIRST_MAIL_SECONDS:
        raise StepError(f"the first mail was read {took:.0f} s after the bare root, {FIRST_MAIL_SECONDS} s are allowed")
    return f"first mail read {took:.0f} s after the bare root"


def _signal_all(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Send a signal to all processes of an installation: setup has its programs in process groups of their own.

    They share a session (setsid(2)). One that was begun meanwhile is found by looking again.
    """
    done: set[int] = set()
    while new := _of_session(process.pid) - done:
        for pid in new:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        done |= new


def _of_session(leader: int) -> set[int]:
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        # It may have ended.
        with suppress(FileNotFoundError, ProcessLookupError):
            # Behind the name: state, parent, process group, session (proc(5)).
            if int(path.read_text(errors="replace").rpartition(")")[2].split()[3]) == leader:
                found.add(int(path.parent.name))
    return found


def faults(play: Play) -> str:
    """Make faults: esmith services names each, esmith doctor cures other damage, and nothing is named without one."""
    began = time.monotonic()
    wrong = play_damages(play)
    took = time.monotonic() - began
    if wrong := wrong + play_faults(play):
        raise StepError("\n".join(wrong))
    return f"{len(FAULTS)} faults, {len(DAMAGES)} damages ({took:.0f} s)"


def install_again(play: Play) -> str:
    """Install once more: nothing that is there is made again, mail works, and a new process copies the logs."""
    before, copying = listing(play.machine.root / "etc"), _copies_logs(play)
    play.run(*INSTALL)
    if copying and _copies_logs(play) in (copying, "0"):
        raise StepError("esmith-logs was not started again, so it would go on with the program of before an upgrade")
    if lines := compared(before, listing(play.machine.root / "etc"), _CHANGES_AGAIN):
        raise StepError("the second installation changed files of /etc:\n" + "\n".join(lines))
    return ""


def _copies_logs(play: Play) -> str:
    """Return the pid of what copies the logs from the journal, "" where nothing has to."""
    if play.machine.supervisor != "systemd":
        return ""
    return play.run("systemctl", "show", "--value", "--property=MainPID", "esmith-logs").strip()


def mail(play: Play) -> str:
    """Play the mail cases, typed with a strict umask: files are the same with any other. They take all back."""
    before = play.run("sh", "-euc", SETTINGS)
    summary = _summary(play.run("sh", "-c", "umask 077 && exec python3 -m tests.mailserver", seconds=1800))
    if (after := play.run("sh", "-euc", SETTINGS)) != before:
        lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="")
        raise StepError("\n".join(["settings and accounts are not as before:", *lines]))
    return summary


def page(play: Play) -> str:
    """Type every block of the page."""
    play.run("apt-get", "install", "-y", "--no-install-recommends", "fetchmail")
    return _typed(play.run("python3", "-m", "tests.page.machine_root", seconds=1800, code=None))


def _typed(text: str) -> str:
    """Return how many blocks of the page passed.

    :raises StepError: when one failed, with what is otherwise.
    """
    summary = _summary(text)
    # Of 106 blocks only those that are otherwise, wherever they are.
    others = [line for line in text.splitlines() if not re.search(r": ok(?: \(\d+ s\))?$", line) and line != summary]
    if others or not summary.endswith(", 0 failed"):
        raise StepError("\n".join([*others, summary])[-_SHOWN:])
    return summary


def units(play: Play) -> str:
    """Play what systemd does with our units, and each daemon's work from inside its unit."""
    play.run("apt-get", "install", "-y", "--no-install-recommends", "fetchmail")
    play.has_played_units = True
    try:
        return _summary(play.run("python3", "-m", "tests.units", seconds=1800))
    finally:
        # So that the removal finds what was there before.
        play.run("apt-get", "purge", "-y", "fetchmail")


def page_of_units(play: Play) -> str:
    """Type every block of the page where systemd starts the services; after a removal it is installed again."""
    if not (play.machine.root / "opt/esmith").exists():
        play.run(*INSTALL)
    play.run("apt-get", "install", "-y", "--no-install-recommends", "fetchmail")
    return _typed(play.run("python3", "-m", "tests.units.page", seconds=1800, code=None))


def reboot(play: Play) -> str:
    """Kill all processes, start what boots, and read mail again; with systemd, look at what it did at the boot."""
    play.boot()
    began = time.monotonic()
    if play.machine.supervisor == "systemd" and play.has_played_units:
        play.run("python3", "-m", "tests.units", "booted")
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
    return _summary(play.run("python3", "-m", "tests.moved", seconds=1800))


def remove(play: Play) -> str:
    """Take the mail server away, and compare all files with those when only packages were installed."""
    text = play.run("make", "uninstall-mailserver")
    root = play.machine.root
    if lines := _of_removal(compared(play.before, listing(root), (*STAYS, *OF_SYSTEMD, *_OF_FRESHCLAM))):
        raise StepError("not as before the installation:\n" + "\n".join(lines[:200]) + f"\n{text[-_SHOWN:]}")
    return ""


def upgrade(play: Play) -> str:
    """Install the previous release with settings and a fragment, upgrade by the one command, find these again."""
    which = unpack_previous(REPOSITORY, play.machine.root / "root/previous")
    play.run("bash", "-euc", _INSTALL_PREVIOUS, "previous", play.machine.suite)
    play.run(*INSTALL)
    play.run("bash", "-euxc", _KEPT)
    return which


def package(play: Play) -> str:
    """Play the life of the Debian package on a bare machine: installed, upgraded, removed, installed again, purged."""
    with fresh_machine(play.machine.suite, play.logs) as machine:
        bare = Play(machine, play.logs)
        which = unpack_previous(REPOSITORY, machine.root / "root/previous")
        bare.run("apt-get", "install", "-y", "--no-install-recommends", "openssl")
        bare.run("make", ".venv/installed-deb")
        for name, words in (("old", ("--version", "0.0.1", "--source", "/root/previous")), ("new", ())):
            bare.run(".venv/bin/python", "packaging/debian/build.py", "--output", f"/root/{name}", *words)
        old, new = (next((machine.root / "root" / name).glob("*.deb")).name for name in ("old", "new"))
        played = bare.run("python3", "-m", "tests.packaging.play", f"/root/old/{old}", f"/root/new/{new}")
        return f"{_summary(played)}, {which}"


def demo(play: Play) -> str:
    """Run ``make demo-mail`` as a plain user; none of the user's processes is left. Says when its mail was read."""
    text = play.run("bash", "-euc", _DEMO)
    return next((line.strip() for line in text.splitlines() if line.startswith("      mail: ")), "")


#: What stays after a removal: what docs/mail-server.md names, accounts, and what Debian's programs made themselves.
STAYS: tuple[str, ...] = (
    "/home/e-smith*",
    "/etc/e-smith*",
    # Of Debian's package: its group is that of the virus scanner.
    "/var/spool/qpsmtpd",
    "/var/lib/e-smith*",
    "/var/log*",
    "/var/spool/postfix*",
    "/var/lib/postfix*",
    "/var/lib/dovecot*",
    *(f"/etc{pattern}" for pattern in _CHANGES_AGAIN),
)
#: What freshclam leaves that is stopped while it downloads.
_OF_FRESHCLAM = ("/var/clamav", "/var/clamav/tmp.*")
#: What "esmith init" had begun to write when the files before were listed.
_BEGUN: tuple[str, ...] = (
    *("/usr/local/lib/site_perl*", "/usr/local/share/*", "/usr/share/fish*"),
    *("/usr/sbin/e-smith*", "/usr/share/e-smith*", "*/.esmith-*"),
)


#: What systemd keeps of units.
OF_SYSTEMD: tuple[str, ...] = ("/var/lib/systemd/*", "/var/tmp/systemd-private-*")


def _of_removal(lines: list[str]) -> list[str]:
    """Return the differences without those files that are gone since they had only been begun."""
    return [line for line in lines if not any(fnmatchcase(line, f"- {pattern}") for pattern in _BEGUN)]


def _summary(text: str) -> str:
    """Return the last line that says how many passed and failed."""
    found = re.findall(r"(?m)^.*\d+ passed.*$", text)
    return found[-1].strip() if found else "it did not say how many passed"
