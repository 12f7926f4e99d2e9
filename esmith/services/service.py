"""A service as its directory defines it, and when it counts as up."""

from __future__ import annotations

import os

from esmith.environment import PATH, which
from esmith.fields import dataclass, field
from esmith.printable import shell_word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from esmith.layout import Layout
    from esmith.services.question import Question

#: The command that writes the service directories, for the supervisor and the folder that the documents name.
SERVICE_DIRECTORIES = "esmith init --services runit /service"
#: When a service is started with its supervisor: as the status of its record says, in any case, or never.
STARTS = ("status", "always", "never")


def _has_library(name: str) -> bool:
    from importlib.util import find_spec

    return name.isidentifier() and find_spec(name) is not None


@dataclass(frozen=True)
class Probe:
    """When a service counts as up.

    :param up_for: seconds it has to stay up with the same process.
    :param within: seconds it may take until it answers, when there is something to ask.
    :param port: a TCP port of 127.0.0.1 that has to take a connection; 0 for none.
    :param socket: the path of a unix socket that has to take a connection; "" for none.
    :param command: a program and its arguments that have to succeed; empty for none.
    :param package: the Debian package of the program.
    """

    up_for: float = 2.0
    within: float = 60.0
    port: int = 0
    socket: str = ""
    command: tuple[str, ...] = ()
    package: str = ""


@dataclass(frozen=True)
class Ending:
    """How a service ends when it is stopped or restarted.

    :param wait: seconds that a command waits until it has ended.
    :param until: what it completes before it ends, e.g. ``its deliveries are done``; "" when it has to end at once.
    :param within: seconds that this may take; after that something is wrong.
    """

    wait: float = 30.0
    until: str = ""
    within: float = 1800.0


@dataclass(frozen=True)
class Program:
    """The program of a service.

    :param name: its name, or its path, which is taken under the root.
    :param package: the Debian package it is in.
    :param required: whether the service directory is only written where the program is installed.
    :param without: what happens without it, where that is not only that the service does not run.
    :param python: in the place of a Debian package: the Python package with which ``esmith init`` writes the program.
    :param cure: the commands that help where Debian has no package of it.
    """

    name: str = ""
    package: str = ""
    required: bool = False
    without: str = ""
    python: str = ""
    cure: tuple[str, ...] = ()

    def is_installed(self, layout: Layout) -> bool:
        """Return whether the program is there; a name without ``/`` is looked for in the usual directories.

        :param layout: the root that a path is taken under.
        """

        if "/" in self.name:
            return os.path.exists(layout.under(self.name))
        return which(self.name, PATH) is not None

    def install_commands(self) -> list[str]:
        """Return the commands that install it, or another program that does the same, in their order."""
        if self.cure:
            return [*self.cure]
        if self.python:
            from esmith.libraries import library_command

            # Where the library is there already, "esmith init" alone writes the program.
            missing = [] if _has_library(self.python) else [library_command(self.python)]
            return [*missing, SERVICE_DIRECTORIES]
        return [f"apt-get install {shell_word(self.package)}"]


@dataclass(frozen=True)
class Account:
    """The unix account of a service.

    :param name: the user.
    :param others: what the user is called elsewhere.
    :param number: the number of the user in a trial root.
    :param group: the user's group.
    :param group_number: its number in a trial root.
    :param home: the user's home.
    """

    name: str
    others: tuple[str, ...]
    number: int
    group: str
    group_number: int
    home: str


@dataclass(frozen=True)
class Directory:
    """A directory that has to be there before the service starts.

    :param path: where, as the configured system knows it.
    :param owner: its owner; "" for the account of the service, or root when it has none.
    :param group: its group; "" for any.
    :param mode: its permissions in octal.
    """

    path: str
    owner: str
    group: str
    mode: str


@dataclass(frozen=True)
class Queue:
    """The mail queue of a service.

    :param list: a program and its arguments that print an object of JSON for each mail, a line each, with
        ``arrival_time`` in seconds since 1970 and ``queue_name``; empty where the files show it.
    :param package: the Debian package of the program.
    :param messages: patterns of the paths of all mails, each as old as its file.
    :param arriving: which of them the queue has yet to take up: values of ``queue_name``, or patterns.
    :param cure: the commands that show what waits, and try again.
    """

    list: tuple[str, ...] = ()
    package: str = ""
    messages: tuple[str, ...] = ()
    arriving: tuple[str, ...] = ()
    cure: tuple[str, ...] = ()


@dataclass(frozen=True)
class Service:
    """One service.

    :param name: its name, which is that of its directory.
    :param record: its record in the database ``configuration``, whose ``status`` says whether it is to run.
    :param start: when it is started with its supervisor, one of :data:`STARTS`.
    :param chosen_by: the record and the property of the database ``configuration`` that name one of several services
        which do the same; "" when there are no others.
    :param stands_in_for: the service under whose name commands reach this one, where that one is not; "" for none.
    :param program: what it runs.
    :param files: the generated files it cannot start without, each with the event that makes it.
    :param account: its unix account; None for none of its own.
    :param directories: what has to be there before it starts.
    :param probe: when it counts as up.
    :param useful: what shows whether it is of use when it is up.
    :param ending: how it ends.
    :param unit: what systemd calls it.
    :param verbs: verbs of ``systemctl`` for some service actions, in the place of the ordinary ones.
    :param replaces: the units of Debian's packages that start another daemon for the same ports or files.
    :param packages: the Debian packages it needs to be of use, beyond that of its program.
    :param leaves: patterns of the paths of files that it writes for itself, and writes again when they are missing.
    :param queue: its mail queue; None for none.
    """

    name: str
    record: str
    start: str = "status"
    chosen_by: str = ""
    stands_in_for: str = ""
    program: Program = Program()
    files: Mapping[str, str] = field(default_factory=dict)
    account: Account | None = None
    directories: tuple[Directory, ...] = ()
    probe: Probe = Probe()
    useful: tuple[Question, ...] = ()
    ending: Ending = Ending()
    unit: str = ""
    verbs: Mapping[str, str] = field(default_factory=dict)
    replaces: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    leaves: tuple[str, ...] = ()
    queue: Queue | None = None
