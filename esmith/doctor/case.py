"""What all checks look at: the root, its settings and what else the databases hold, read once.

The checks run side by side, and a snapshot is for one thread. So what they need of the databases is read before.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from threading import Lock
from typing import Any

from esmith.apply.generations import list_interrupted, list_numbers
from esmith.doctor.resolver import Resolver
from esmith.errors import EsmithError
from esmith.events.damage import find_damaged
from esmith.layout import Layout
from esmith.plan.installed import OUTPUTS
from esmith.printable import shell_word
from esmith.schema.defaults import Defaults
from esmith.services.definition import Services
from esmith.services.service import Service
from esmith.services.useful import ports_of
from esmith.setup.supervision import is_started, wanted_services
from esmith.store.memory import Remembered
from esmith.store.model import Record
from esmith.store.protocol import Snapshot

#: Returns what ``esmith services`` shows of each service.
States = Callable[[], Mapping[str, Mapping[str, Any]]]
_DATABASES = ("configuration", "accounts", "domains")


class NoSettingsError(EsmithError):
    """A check needs the databases, and they cannot be opened."""


class Case:
    """What is examined.

    :param layout: the root.
    :param snapshot: its databases; None where they cannot be opened. It is not used later.
    :param trouble: why they cannot be opened.
    :param states: returns what ``esmith services`` shows; called once at most.
    :param resolver: the name server to ask, as ``192.0.2.1`` or ``192.0.2.1:53``; "" for those of the root's
        ``/etc/resolv.conf``, which under a root folder are not asked.
    :param now: seconds since 1970; the present by default.
    """

    def __init__(
        self,
        layout: Layout,
        snapshot: Snapshot | None,
        *,
        trouble: EsmithError | None = None,
        states: States = dict,
        resolver: str = "",
        now: float | None = None,
    ) -> None:
        self.layout = layout
        self.trouble = trouble
        self.now = time.time() if now is None else now
        self.given_resolver = resolver
        self._states = states
        self._lock = Lock()
        self._found_states: Mapping[str, Mapping[str, Any]] | None = None
        self._settings = None if snapshot is None else _read(snapshot)
        #: How many rows of the engine's own tables are damaged.
        self.damaged = len(find_damaged(snapshot)) if snapshot else 0
        #: The generated files that are installed, as paths of the configured system, each with its template.
        self.outputs = _outputs(snapshot) if snapshot else {}
        #: The name of this server in its fleet; "" when it is in none.
        self.fleet_host = _fleet_host(snapshot) if snapshot else ""
        self._generations = None if snapshot is None else frozenset(list_numbers(snapshot))
        #: How many installs are recorded as interrupted; one may still run.
        self.interrupted = len(list_interrupted(snapshot)) if snapshot else 0
        #: When settings were last changed, in seconds since 1970.
        self.revision_time = _last_change(snapshot) if snapshot else 0.0

    @property
    def settings(self) -> Remembered:
        """The databases ``configuration``, ``accounts`` and ``domains``.

        :raises NoSettingsError: when they cannot be opened.
        """
        if self._settings is None:
            raise NoSettingsError("the databases cannot be opened")
        return self._settings

    @property
    def generations(self) -> frozenset[int]:
        """The numbers of the generations that the databases know.

        :raises NoSettingsError: when they cannot be opened.
        """
        if self._generations is None:
            raise NoSettingsError("the databases cannot be opened")
        return self._generations

    @property
    def is_root(self) -> bool:
        """Whether the user may look at everything."""
        return os.geteuid() == 0

    def pasted(self, path: str) -> str:
        """Return a path of the configured system as a cure has it: where it is on this disk, quoted for the shell."""
        return shell_word(self.layout.under(path))

    def value(self, record: str) -> str:
        """Return the value of a record without properties, "" for none."""
        return self.settings.type_of("configuration", record) or ""

    def prop(self, record: str, name: str) -> str:
        """Return a property of the database ``configuration`` as templates read it, "" for none."""
        found = self.settings.record("configuration", record)
        stored = found.props.get(name) if found else None
        if stored:
            return stored
        default = self._defaults.record("configuration", record, found.type if found else None).find(name, stored)
        return (default.value if default else None) or stored or ""

    def is_enabled(self, record: str) -> bool:
        """Return whether the status of a record says that it is to run."""
        return self.prop(record, "status") == "enabled"

    def users(self) -> list[Record]:
        """Return the records of users."""
        return list(self.settings.records("accounts", "user"))

    @cached_property
    def statuses(self) -> dict[str, str | None]:
        """The ``status`` of each record of the database ``configuration``."""
        return {record.key: record.props.get("status") for record in self.settings.records("configuration")}

    @cached_property
    def services(self) -> Sequence[Service]:
        """The services that are started by us, whether they are enabled or not; none that is defined wrongly.

        One that is, is found by the check of the services.
        """
        try:
            return wanted_services(self.layout)
        except EsmithError:
            pass
        found, defined = [], Services(self.layout)
        for name in defined.names():
            with suppress(EsmithError):
                found.append(defined.of(name))
        return found

    @cached_property
    def running(self) -> Sequence[Service]:
        """Those of :attr:`services` that are to run."""
        return [service for service in self.services if is_started(service, self.statuses)]

    def states(self) -> Mapping[str, Mapping[str, Any]]:
        """Return what ``esmith services`` shows of each service; the first check that asks waits for it.

        :raises NoSettingsError: when the databases cannot be opened.
        """
        with self._lock:
            if self._settings is None:
                raise NoSettingsError("the databases cannot be opened")
            if self._found_states is None:
                self._found_states = self._states()
            return self._found_states

    def ports_to_answer(self, *, encrypted: bool = False) -> dict[int, str]:
        """Return the TCP ports at which services that are up are to answer, each with the service.

        :param encrypted: only those that are encrypted from the first byte.
        :raises NoSettingsError: when the databases cannot be opened.
        """
        states, found = self.states(), dict[int, str]()
        for service in self.running:
            # A service that is down is expected to be silent.
            if states.get(service.name, {}).get("state", "").startswith("up "):
                ports = ports_of(self.layout, service, encrypted=encrypted)
                found |= dict.fromkeys(ports, service.name)
        return found

    @cached_property
    def resolver(self) -> Resolver:
        """The name server.

        :raises EsmithError: when it cannot be asked, or none answers.
        """
        if not self.layout.is_machine and not self.given_resolver:
            raise EsmithError(
                "under a folder no name server is asked, unless it is named: esmith doctor --resolver ADDRESS"
            )
        return Resolver(self.given_resolver, self.layout.under("/etc/resolv.conf"))

    @cached_property
    def _defaults(self) -> Defaults:
        return Defaults(self.layout)


def _read(snapshot: Snapshot) -> Remembered:
    settings = Remembered(snapshot)
    for name in _DATABASES:
        settings.texts(name)
    return settings


def _fleet_host(snapshot: Snapshot) -> str:
    return (snapshot.state("fleet", "host") or b"").decode("utf-8", "replace")


def _outputs(snapshot: Snapshot) -> dict[str, str]:
    return {path: one.template for path, one in OUTPUTS.rows(snapshot).items() if not one.is_absent}


def _last_change(snapshot: Snapshot) -> float:
    """Return when settings were last changed, in seconds since 1970; 0 for never."""
    return next((float(entry.time) for entry in snapshot.journal()), 0.0)
