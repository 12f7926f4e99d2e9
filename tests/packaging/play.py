"""Plays the life of the Debian package at / of a machine: ``python3 -m tests.packaging.play OLD.deb NEW.deb``.

As root, in a bare Debian that is thrown away afterwards, and with nothing but the standard library: installed, used,
upgraded, removed, installed again, purged. One line a step, and the exit code is 1 when one failed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.machines.files import compared, listing

CUSTOM = "/etc/e-smith/templates-custom/var/qmail/control/queuelifetime"
GENERATED = "/var/qmail/control/queuelifetime"
SHIPPED = "/etc/e-smith/templates/var/qmail/control/queuelifetime"
DATABASE = "/home/e-smith/db/data.mdb"
#: Where whoever reads the databases has an entry, and the time of it changes (lmdb.h, "Reader Lock Table").
READERS = "/home/e-smith/db/lock.mdb"
MAIL = "/home/e-smith/files/users/mary/Maildir/new/1.letter"
#: What has to be left, and what may be: the administrator's, users' and accounts', and what programs of Debian keep.
_STAYS = ("/home/", "/etc/e-smith/templates-custom/", "/var/lib/e-smith/", "/var/log/", "/var/cache/", "/var/lib/dpkg/")
_STAYS_PURGED = ("/home/", "/etc/e-smith/templates-custom/", "/var/lib/e-smith/kept/", "/var/log/", "/var/cache/")
_ACCOUNTS = ("/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow", "/etc/subuid", "/etc/subgid")
_LOOKED_AT = ("/etc", "/usr", "/var", "/home", "/service", "/opt", "/root/.cache")


class Play:
    """The steps, and how many of them failed."""

    def __init__(self, old: str, new: str) -> None:
        self.old, self.new = os.path.abspath(old), os.path.abspath(new)
        self.passed = self.failed = 0
        self._before: set[str] = set()

    def run(self) -> int:
        """Play all steps, and return the exit code."""
        self._before = files()
        steps: list[tuple[str, Callable[[], str]]] = [
            ("the old version is installed", lambda: self.installed(self.old)),
            ("settings, a fragment and mail of the administrator", self.used),
            ("the upgrade asks nothing", lambda: self.installed(self.new)),
            ("the upgrade keeps settings, fragment and mail", self.kept),
            ("a dry run of setup and removal changes nothing", self.unchanged),
            ("the removal", lambda: dpkg("--remove", "esmith")),
            ("the removal leaves what is not the package's", self.kept_without_commands),
            ("the removal leaves nothing else", lambda: self.left(_STAYS)),
            ("the new version is installed on what is left", lambda: self.installed(self.new)),
            ("settings, fragment and mail count again", self.kept),
            ("the purge", lambda: dpkg("--purge", "esmith")),
            ("the purge leaves databases, fragments and mail", self.kept_without_commands),
            ("the purge leaves nothing else", lambda: self.left(_STAYS_PURGED)),
        ]
        for title, step in steps:
            trouble = step()
            self.failed += bool(trouble)
            self.passed += not trouble
            print(f"{'FAILED' if trouble else 'ok    '} {title}", *trouble.splitlines(), sep="\n         ", flush=True)
        print(f"{self.passed} passed, {self.failed} failed")
        return 1 if self.failed else 0

    def installed(self, package: str) -> str:
        """Install a package; nobody is there to answer a question."""
        if trouble := dpkg("--install", package):
            return trouble
        wanted = output("dpkg-deb", "--field", package, "Version")
        there = output("dpkg-query", "--show", "--showformat=${Version}", "esmith")
        return "" if wanted == there else f"version {there} is installed, and not {wanted}"

    def used(self) -> str:
        """Use it as an administrator does."""
        for words in (
            ["config", "set", "DomainName", "play.example"],
            ["config", "setprop", "qmail", "ConcurrencyLocal", "7"],
        ):
            if trouble := run(*words):
                return trouble
        write(CUSTOM, "172800\n")
        write(MAIL, "From: somebody\n\nText\n")
        # A change of a shipped file by hand is lost by an upgrade, and kept as a backup copy; nobody is asked.
        write(SHIPPED, "")
        return run("signal-event", "email-update")

    def kept(self) -> str:
        """Return which parts that belong to the administrator are not as they were, "" for none."""
        if trouble := run("signal-event", "email-update"):
            return trouble
        wrong = [] if output("config", "get", "DomainName") == "play.example" else ["the setting DomainName"]
        wrong += [] if output("config", "getprop", "qmail", "ConcurrencyLocal") == "7" else ["the setting of qmail"]
        wrong += [] if "172800" in read(GENERATED) else [GENERATED]
        return self._missing(wrong)

    def unchanged(self) -> str:
        """Return which files a dry run changed, of all that there are; "" for none."""
        before = listing(Path("/"))
        setup = ["esmith", "setup", "--dry-run", "--domain", "other.example", "--name", "other", "--services", "runit"]
        trouble = run(*setup) or run("esmith", "remove", "--dry-run")
        return trouble or "\n".join(compared(before, listing(Path("/")), [READERS]))

    def kept_without_commands(self) -> str:
        """Return what is not as it has to be after a removal, "" when all is."""
        gone = ["/sbin/e-smith", "/usr/sbin/esmith", "/usr/lib/esmith", "/etc/e-smith/templates", GENERATED]
        return self._missing([f"{path} is still there" for path in gone if os.path.lexists(path)])

    def _missing(self, wrong: list[str]) -> str:
        wrong += [] if "172800" in read(CUSTOM) else [CUSTOM]
        wrong += [path for path in (DATABASE, MAIL) if not os.path.exists(path)]
        return "\n".join(wrong)

    def left(self, stays: Iterable[str]) -> str:
        """Return files that were not there before and are now, without those that are to stay."""
        new = sorted(files() - self._before)
        return "\n".join(path for path in new if not path.startswith(tuple(stays)) and path not in _ACCOUNTS)


def files() -> set[str]:
    """Return all files and links of the machine."""
    found: set[str] = set()
    for top in _LOOKED_AT:
        for directory, _, names in os.walk(top):
            if "/__pycache__" not in directory and not directory.startswith("/var/lib/dpkg"):
                found.update(f"{directory}/{name}" for name in names if not name.endswith("~") and name != ".pwd.lock")
    # useradd keeps the state before in these (passwd(5)).
    return {path for path in found if not (path.endswith("-") and path[:-1] in _ACCOUNTS)}


def dpkg(*words: str) -> str:
    """Run dpkg, and return what went wrong, "" when nothing did."""
    return run("dpkg", *words)


def run(*words: str) -> str:
    """Run a program without input, and return what went wrong, "" when nothing did."""
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else f"{' '.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}"


def output(*words: str) -> str:
    """Return what a program prints, without the line end."""
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return done.stdout.rstrip("\n")


def read(path: str) -> str:
    """Return the text of a file, "" for none."""
    try:
        with open(path) as file:
            return file.read()
    except FileNotFoundError:
        return ""


def write(path: str, text: str) -> None:
    """Write a file, with its directories."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)


if __name__ == "__main__":
    if len(sys.argv) != 3 or os.geteuid() != 0:
        sys.exit(f"{(__doc__ or '').strip()}")
    sys.exit(Play(sys.argv[1], sys.argv[2]).run())
