"""Real programs the tests run: a test names what it needs, and this module knows the Debian packages.

A test says what it cannot run without by a marker, and is skipped where that is not installed::

    @pytest.mark.program("clamconf", "Text::Template")

A name is that of a program, of a module of Perl, or the path of a file. With ESMITH_REQUIRE_DAEMONS=1, which
``.ci/run`` sets where it has installed everything, what is not there fails the test instead.

``python -m tests.programs`` prints the packages of all of them, for ``.ci/run``.
"""

from __future__ import annotations

import glob
import os
import shutil
import subprocess
from functools import cache

import pytest

#: The Debian package of each, in Debian 12 and 13.
PACKAGES = {
    "age": "age",
    "ansible-playbook": "ansible-core",
    "apache2": "apache2-bin",
    "apparmor_parser": "apparmor",
    "bash": "bash",
    "chromedriver": "chromium-driver",
    "chromium": "chromium",
    "clamconf": "clamav-daemon",
    "clamd": "clamav-daemon",
    "clamdscan": "clamdscan",
    "doveconf": "dovecot-core",
    "dovecot": "dovecot-core",
    "dpkg": "dpkg",
    "dpkg-deb": "dpkg",
    "etcd": "etcd-server",
    "etcdctl": "etcd-client",
    "faketime": "faketime",
    "fetchmail": "fetchmail",
    "fish": "fish",
    "freshclam": "clamav-freshclam",
    "ip": "iproute2",
    "localedef": "libc-bin",
    "make": "make",
    "mandoc": "mandoc",
    "mkfs.ext4": "e2fsprogs",
    "openssl": "openssl",
    "perl": "perl-base",
    "pgrep": "procps",
    "pkill": "procps",
    "php": "php-cli",
    "php-fpm": "php-fpm",
    "podchecker": "perl",
    "postconf": "postfix",
    "postmap": "postfix",
    "qpsmtpd-forkserver": "qpsmtpd",
    "rspamadm": "rspamd",
    "rspamc": "rspamd",
    "rspamd": "rspamd",
    "rsync": "rsync",
    "runsvdir": "runit",
    "sa-learn": "spamassassin",
    "setpriv": "util-linux",
    "slapd": "slapd",
    "spamassassin": "spamassassin",
    "spamd": "spamd",
    "strace": "strace",
    "sv": "runit",
    "svc": "daemontools",
    "systemd-analyze": "systemd",
    "svlogd": "runit",
    "svscan": "daemontools",
    "tai64nlocal": "daemontools",
    "unshare": "util-linux",
    "useradd": "passwd",
    "valgrind": "valgrind",
    "zsh": "zsh",
    "/usr/lib/dovecot/imap": "dovecot-imapd",
    "/usr/lib/dovecot/pop3": "dovecot-pop3d",
    "/usr/share/i18n/charmaps/EUC-JP.gz": "locales",
    "/usr/share/i18n/charmaps/ISO-8859-1.gz": "locales",
    "IO::Socket::SSL": "libio-socket-ssl-perl",
    "Mail::DKIM": "libmail-dkim-perl",
    "Mail::DMARC": "libmail-dmarc-perl",
    "Mail::SPF": "libmail-spf-perl",
    "Net::IP": "libnet-ip-perl",
    "Net::LDAP": "libnet-ldap-perl",
    "Text::Template": "libtext-template-perl",
}
#: What no package of Debian has, so that nothing can install it where it is wanted: a file by which each is known.
UNPACKAGED = {"qmail": "/var/qmail/bin/qmail-local"}
#: What Debian installs with its version at the end of the name: php-fpm8.2 in Debian 12, php-fpm8.4 in Debian 13.
_WITH_VERSION = {"php-fpm"}
#: Where programs are that are not in an ordinary user's PATH.
_ELSEWHERE = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"

#: What the test that runs now has named.
_named: set[str] = set()


def names_of(item: pytest.Item) -> list[str]:
    """Return what a test names; a module of Perl is of no use without perl.

    :raises pytest.UsageError: for a name that is not in the table.
    """
    found: dict[str, None] = {}
    for mark in item.iter_markers("program"):
        for name in mark.args:
            if name not in PACKAGES:
                raise pytest.UsageError(f"{item.nodeid} names {name!r}, which is not in PACKAGES of tests/programs.py")
            if "::" in name:
                found["perl"] = None
            found[name] = None
    return list(found)


def require(names: list[str]) -> None:
    """Let a test run that has named these; where one is not there skip it, or fail it where all are required."""
    _named.clear()
    _named.update(names)
    if text := "; ".join(filter(None, map(missing, names))):
        if os.environ.get("ESMITH_REQUIRE_DAEMONS") == "1":
            pytest.fail(text, pytrace=False)
        pytest.skip(text)


def require_daemons(names: list[str]) -> None:
    """Let a test run that drives these; where one is not there skip it, also where all programs are required.

    :param names: names of :data:`UNPACKAGED`.
    """
    if text := "; ".join(missing_daemon(name) for name in names if not os.path.isfile(UNPACKAGED[name])):
        pytest.skip(text)


def missing_daemon(name: str) -> str:
    """Return the message about a program that no package has and that is not there."""
    return f"there is no {name} here: {UNPACKAGED[name]} is missing, and no package of Debian has it"


def missing(name: str) -> str:
    """Return the message about a program, module or file that is not installed, "" when it is."""
    return "" if _find(name) else f"{name} is not installed (Debian package {PACKAGES[name]})"


def path_of(name: str) -> str:
    """Return the path of a program that the test has named; it fails one that has not named it."""
    assert name in _named, f"the test runs {name} and does not say so: it lacks @pytest.mark.program({name!r})"
    path = _find(name)
    assert path is not None, missing(name)
    return path


def is_installed(name: str) -> bool:
    """Return whether a program, a module of Perl or a file is there."""
    return _find(name) is not None


def places() -> dict[str, str]:
    """Return where each that is installed really is, by its name."""
    return {name: os.path.realpath(path) for name in PACKAGES if (path := _find(name))}


def look_again() -> None:
    """Forget which modules of Perl were found: they are there no longer, or again."""
    _find_module.cache_clear()


def _find(name: str) -> str | None:
    if "::" in name:
        return _find_module(name)
    if "/" in name:
        return name if os.path.isfile(name) else None
    if name in _WITH_VERSION:
        return _find_newest(name)
    return shutil.which(name) or shutil.which(name, path=_ELSEWHERE)


def _find_newest(name: str) -> str | None:
    """Return the program whose name ends in the highest version."""
    found = {}
    for path in glob.glob(f"/usr/sbin/{name}[0-9]*"):
        version = path.removeprefix(f"/usr/sbin/{name}").split(".")
        if all(part.isdigit() for part in version) and os.path.isfile(path) and os.access(path, os.X_OK):
            found[tuple(map(int, version))] = path
    return found[max(found)] if found else None


@cache
def _find_module(name: str) -> str | None:
    perl = shutil.which("perl")
    if perl is None:
        return None
    code = f"print $INC{{'{name.replace('::', '/')}.pm'}}"
    done = subprocess.run([perl, f"-M{name}", "-e", code], capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else None


def main() -> None:
    """Print the packages of all of them."""
    print("\n".join(sorted(set(PACKAGES.values()))))


if __name__ == "__main__":
    main()
