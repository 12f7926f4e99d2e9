"""The steps of the demo, which are those of ``esmith setup`` as far as a plain user can have them."""

from __future__ import annotations

import os
import secrets
import shlex
from collections.abc import Callable, Collection, Sequence

from demo.mail.folder import Person, free_ports
from demo.mail.own_files import SIGNATURES, OwnFiles, Passwords, settings_of
from esmith.directories import make_directory
from esmith.errors import InstallError, ServiceError
from esmith.layout import Layout
from esmith.services.definition import Services
from esmith.services.service import Service
from esmith.setup.machine.apt import missing_packages
from esmith.setup.machine.packages import ShippedLayout, packages_of_services
from esmith.setup.machine.plan import FIRST_EVENT, note_all
from esmith.setup.machine.programs import Programs, own_command
from esmith.setup.machine.service_files import remove_service_directories, remove_service_links
from esmith.setup.machine.signatures import write_tests
from esmith.setup.machine.start import FOLDER, RUNIT, start_supervisor, wait_for_services
from esmith.setup.machine.steps import Step
from esmith.setup.machine.stop import stop_all
from esmith.setup.mail_trial.trial import Trial

DOMAIN, NAME = "example.com", "mail"
#: What takes mail, looks at it and shows it; and what is left out of the folder.
_STARTED = ("clamd", "dovecot", "qpsmtpd", "spamd")
_LEFT_OUT = ("cvm-unix-local", "fetchmail", "freshclam", "httpd-e-smith", "php-fpm", "pop3", "pop3s", "sqpsmtpd")
_USER = "mary"
#: After the first event, which makes the certificate and all files.
_COMMANDS = (
    ["signal-event", FIRST_EVENT],
    ["db", "accounts", "set", _USER, "user", "FirstName", "Mary", "LastName", "Smith"],
    ["signal-event", "user-create", _USER],
)
_WITHOUT_ROOT = """\
A plain user cannot have all of it:
  Postfix and qmail  their master becomes other users; here var/qmail/bin/qmail-queue delivers at once, by the same
                     .qmail files and the same delivery program, and what is for elsewhere stays in var/spool/not-sent
  accounts           useradd needs root; all daemons and mailboxes are yours, passwords are in etc/dovecot/users, and
                     nobody can log in to send mail: the machine's passwords are root's
  ports 25, 143      ports below 1024 are root's; here they are others, on 127.0.0.1 only
And left out, to be quick: POP3, web pages, and all signatures of viruses but a test.
All of it, on a Debian of its own: make mailserver (docs/mail-server.md)"""


def stop(layout: Layout) -> bool:
    """End all daemons of the folder, and remove what runit would start them by, so that no event waits for them.

    :return: whether there were some.
    :raises ServiceError: when one does not end.
    """
    was_there = stop_all(layout)
    remove_service_links(layout, [FOLDER])
    remove_service_directories(layout)
    return was_there


def _started_by_debian(services: Sequence[Service], packages: Collection[str]) -> list[str]:
    """Return the units of packages, of those that want the ports or files of services; each is named like its package.

    :param packages: those that count.
    """
    ours = [service for service in services if service.program.package in packages]
    return [
        unit
        for service in ours
        for unit in service.replaces
        if service.program.package.startswith(unit.partition(".")[0])
    ]


class MailDemo:
    """The demo in one folder.

    :param layout: the folder.
    :param programs: runs the programs.
    :param person: who runs it.
    """

    def __init__(self, layout: Layout, programs: Programs, person: Person) -> None:
        self._layout = layout
        self._programs = programs
        self._note = programs.progress.note
        self._smtp, self._imap, self._imaps, self._spamd = free_ports(4)
        self._person = person
        self._passwords = Passwords(layout)
        self._password = secrets.token_hex(4)

    def steps(self) -> list[Step]:
        """Return the steps."""
        return [
            self._step("the programs, as Debian packages", self._look_for_packages),
            self._step("a root in the folder: the files of e-smith, and the databases", self._make_root),
            self._step("what a plain user has to have otherwise", self._arrange),
            self._step("a certificate, all files, and a user", self._generate),
            self._step("the services, under runit", self._start),
            self._step("a trial of mail", self._try_mail),
        ]

    def _step(self, title: str, run: Callable[[], None]) -> Step:
        return Step(title, list, run)

    def _look_for_packages(self) -> None:
        """Look for the programs.

        :raises InstallError: when some are missing.
        """
        defined = Services(ShippedLayout(self._layout.root))
        services = [defined.of(name) for name in _STARTED]
        packages = packages_of_services(services, ("openssl", "runit"))
        missing = missing_packages(packages)
        if missing:
            cures = [f"as root: apt-get install --no-install-recommends {' '.join(missing)}"]
            if units := _started_by_debian(services, missing):
                cures.append("Debian starts some of these at once, at their usual ports; to have that undone, as root:")
                cures.append(f"systemctl disable --now {' '.join(units)}")
            raise InstallError(f"missing: {' '.join(missing)}", hint="\n  ".join(cures))
        self._note(f"{len(packages)} packages are installed")

    def _make_root(self) -> None:
        # What a demo left that was killed.
        stop(self._layout)
        self._programs.run([*own_command(), "init", "--domain", DOMAIN, "--name", NAME])

    def _arrange(self) -> None:
        self._note("settings:")
        for words in settings_of(self._layout, (self._smtp, self._imap, self._imaps), _LEFT_OUT):
            self._note(f"$ {shlex.join(words)}")
            self._programs.run(words)
        values = {
            "ROOT": self._layout.root,
            "USER": self._person.name,
            "GROUP": self._person.group,
            "SPAMD": str(self._spamd),
        }
        self._note("fragments and files as an administrator adds them, three programs in the place of qmail's, and")
        self._note("a copy of clamd, since AppArmor lets Debian's write in few folders only:")
        for path in OwnFiles(self._layout, values).write():
            self._note(os.path.relpath(self._layout.under(path)))
        for path in (SIGNATURES, "/var/tmp"):
            make_directory(self._layout.under(path))
        write_tests(self._layout.under(SIGNATURES))

    def _generate(self) -> None:
        for words in _COMMANDS:
            self._note(f"$ {shlex.join(words)}")
            note_all(self._programs.progress, self._programs.run(words))
        self._passwords.set(_USER, self._password)

    def _start(self) -> None:
        self._programs.run([*own_command(), "init", "--services", RUNIT, FOLDER])
        start_supervisor(self._layout, self._programs, RUNIT)
        wait_for_services(self._layout, _STARTED, self._programs)
        self._note(f"up: {', '.join(_STARTED)}")

    def _try_mail(self) -> None:
        failed = Trial(self._layout, self._programs, self._note, self._passwords.set).run()
        if failed:
            raise ServiceError(f"{failed} of the mails did not arrive as they should", hint="the lines above say why")

    def summary(self) -> list[str]:
        """Return what a plain user cannot have and why, and how to look around."""
        root = os.path.relpath(self._layout.root)
        return [
            *_WITHOUT_ROOT.splitlines(),
            f"To look around in {root}:",
            f"  export ESMITH_ROOT={self._layout.root} PATH={self._layout.commands}:$PATH",
            "  expand-template --explain /var/service/qpsmtpd/config/peers/0",
            f"  cat {root}/etc/dovecot/dovecot.conf {root}/home/e-smith/files/users/{_USER}/.qmail",
            f"  less {root}/var/log/qpsmtpd/current",
        ]

    def running(self) -> list[str]:
        """Return how to read and send mail while the daemons run."""
        return [
            f"on 127.0.0.1: SMTP at port {self._smtp}, IMAP at port {self._imap}, and encrypted at port {self._imaps}",
            f"a mailbox: {_USER}@{DOMAIN}, user {_USER}, password {self._password}",
        ]
