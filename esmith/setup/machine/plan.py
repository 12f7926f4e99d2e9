"""The steps that make a machine a mail server, in their order."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from esmith.errors import ServiceError, UsageError
from esmith.layout import Layout
from esmith.services.find import SYSTEMD_RUNS
from esmith.setup.machine.apt import (
    commands_of_installation,
    install_packages,
    interrupted,
    missing_packages,
)
from esmith.setup.machine.links import FOLDER as LINKS
from esmith.setup.machine.links import make_links, missing_links
from esmith.setup.machine.packages import QUEUES, chosen_queue, packages_of_services, wanted_services
from esmith.setup.machine.programs import Programs, own_command
from esmith.setup.machine.progress import Progress
from esmith.setup.machine.rules import DEBIANS, OURS, is_apart, join_rules
from esmith.setup.machine.signatures import LOAD, load_signatures, official_signatures, remove_tests
from esmith.setup.machine.start import DEBIAN_UNITS, FOLDER, RUNIT, SYSTEMD, start_supervisor, wait_for_services
from esmith.setup.machine.steps import Step
from esmith.setup.mail_trial.trial import Trial
from esmith.setup.supervision import is_started
from esmith.setup.supervision import wanted_services as installed_services
from esmith.store import open_store, store_files

#: What a command says is still to be done, and one of the next steps does.
_NEXT_STEPS = re.compile(r"not supervised[;,]|^next: ")
#: The first event: accounts, the certificate, all files (docs/events.md#the-events).
FIRST_EVENT = "bootstrap-console-save"


@dataclass(frozen=True)
class Choices:
    """What an administrator chose.

    :param domain: the primary domain; None leaves it as it is.
    :param name: the name of the host; likewise.
    :param supervisor: what supervises the services: ``systemd`` or ``runit``.
    :param queue: a key of :data:`esmith.setup.machine.packages.QUEUES`; None for what is there.
    :param without: the services that are left out.
    """

    domain: str | None
    name: str | None
    supervisor: str
    queue: str | None = None
    without: tuple[str, ...] = ()


def note_all(progress: Progress, printed: str) -> None:
    """Show what a command of a step has printed, but for what one of the next steps does.

    :param printed: what that is, without a line where it printed nothing.
    """
    is_left_out = False
    for line in printed.splitlines():
        # Further lines of a message are indented.
        is_left_out = is_left_out if line.startswith("  ") else bool(_NEXT_STEPS.search(line))
        if not is_left_out:
            progress.note(line)


class Setup:
    """Makes the machine a mail server.

    :param layout: the machine.
    :param choices: what an administrator chose.
    :param programs: runs the programs.
    :raises UsageError: when a choice is not possible here.
    """

    def __init__(self, layout: Layout, choices: Choices, programs: Programs) -> None:
        self._layout = layout
        self._choices = choices
        self._programs = programs
        if choices.supervisor == SYSTEMD and not os.path.isdir(SYSTEMD_RUNS):
            raise UsageError(
                "systemd is not the init of this machine, so it can start no services",
                hint="take runit: esmith setup --services runit",
            )
        self._queue = chosen_queue(layout, choices.queue)
        if self._queue == "qmail" and not os.path.exists(layout.under(QUEUES["qmail"])):
            raise UsageError(
                "there is no qmail on this machine, and no package of Debian has it",
                place=QUEUES["qmail"],
                hint="take Postfix for the queue: esmith setup --queue postfix",
            )
        self._services = wanted_services(layout, self._queue, choices.without)
        self._packages = packages_of_services(self._services)
        if choices.supervisor == RUNIT:
            self._packages = sorted({*self._packages, "runit"})

    def steps(self) -> list[Step]:
        """Return the steps."""
        return [
            self._install_packages(),
            *([self._join_rules()] if is_apart(self._layout) else []),
            self._command("the files of e-smith, the databases and the services", self._init_command()),
            Step(
                f"links to the commands in {LINKS}",
                lambda: missing_links(self._layout),
                lambda: make_links(self._layout),
                lambda: "" if missing_links(self._layout) else "all are there",
            ),
            *self._settings(),
            self._command("accounts, a certificate, and all files", ["signal-event", FIRST_EVENT]),
            *([self._signatures()] if any(service.name == "clamd" for service in self._services) else []),
            self._start(),
            Step(
                "a trial of mail",
                lambda: ["esmith trial-mail"],
                self._try_mail,
            ),
        ]

    def _install_packages(self) -> Step:
        def missing() -> list[str]:
            return missing_packages(self._packages)

        return Step(
            "Debian packages",
            lambda: [shlex.join(words) for words in commands_of_installation(self._layout, missing())],
            lambda: install_packages(self._layout, self._programs, self._packages),
            lambda: "" if missing() or interrupted(self._layout) else f"{len(self._packages)} packages are installed",
        )

    def _join_rules(self) -> Step:
        return Step(
            "the directory of SpamAssassin's rules",
            lambda: [f"{OURS} becomes a link to {DEBIANS}"],
            lambda: note_all(self._programs.progress, "\n".join(join_rules(self._layout))),
            lambda: "" if is_apart(self._layout) else "it is Debian's",
        )

    def _init_command(self) -> list[str]:
        choices = self._choices
        words = ["init"]
        words += ["--domain", choices.domain] if choices.domain else []
        words += ["--name", choices.name] if choices.name else []
        words += ["--services", choices.supervisor, *([FOLDER] if choices.supervisor == RUNIT else []), "--take-over"]
        return ["esmith", *words]

    def _command(self, title: str, words: Sequence[str]) -> Step:
        """Return a step that is one of our commands; each changes nothing where all is as it should be."""
        real = [*own_command(), *words[1:]] if words[0] == "esmith" else list(words)
        return Step(
            title, lambda: [shlex.join(words)], lambda: note_all(self._programs.progress, self._programs.run(real))
        )

    def _settings(self) -> list[Step]:
        """Return the steps for settings that were chosen, and are not so yet."""
        wanted = {(name, "status"): "disabled" for name in self._choices.without}
        if self._choices.queue:
            wanted["qpsmtpd", "Queue"] = self._choices.queue

        def different() -> list[list[str]]:
            found = {cell: value for cell, value in wanted.items() if self._stored(*cell) != value}
            return [["config", "setprop", *cell, value] for cell, value in found.items()]

        def change() -> None:
            for words in different():
                self._programs.run(words)

        if not wanted:
            return []
        return [
            Step(
                "settings that were asked for",
                lambda: [shlex.join(words) for words in different()],
                change,
                lambda: "" if different() else "they are set",
            )
        ]

    def _try_mail(self) -> None:
        failed = Trial(self._layout, self._programs, self._programs.progress.note).run()
        if failed:
            raise ServiceError(f"{failed} of the mails did not arrive as they should", hint="the lines above say why")

    def _stored(self, record: str, prop: str) -> str | None:
        if not any(os.path.exists(file) for file in store_files(self._layout)):
            return None
        with open_store(self._layout).snapshot() as snapshot:
            return snapshot.prop("configuration", record, prop)

    def _signatures(self) -> Step:
        def there() -> str:
            if not official_signatures(self._layout):
                return ""
            remove_tests(self._layout)
            return "the official ones are there, and freshclam keeps them up to date"

        def load() -> None:
            self._programs.progress.note(load_signatures(self._layout, self._programs) or "they are loaded")

        return Step("signatures of the virus scanner", lambda: [shlex.join(LOAD)], load, there)

    def _start(self) -> Step:
        supervisor = self._choices.supervisor

        def start() -> None:
            names = self._started()
            start_supervisor(self._layout, self._programs, supervisor)
            wait_for_services(self._layout, names, self._programs)
            self._programs.progress.note(f"up: {', '.join(names)}")

        by_systemd = ["systemctl daemon-reload", shlex.join(["systemctl", "start", *DEBIAN_UNITS])]
        shown = by_systemd if supervisor == SYSTEMD else [f"runsvdir -P {FOLDER}"]
        names = " ".join(service.name for service in self._services)
        return Step(f"the services, under {supervisor}", lambda: [*shown, f"start: {names}"], start)

    def _started(self) -> list[str]:
        """Return the services that are to be up, by what is installed and set now."""
        with open_store(self._layout).snapshot() as snapshot:
            records = snapshot.records("configuration")
            statuses = {record.key: record.props.get("status") for record in records}
        return [service.name for service in installed_services(self._layout) if is_started(service, statuses)]
