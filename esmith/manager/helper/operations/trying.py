"""Looking at an operation: what would change in the settings, the files and the services. Nothing is changed."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from esmith.errors import UsageError
from esmith.events.definition import load_actions
from esmith.events.preview import preview_events
from esmith.manager.helper.operations.commands import command, event_command, setting_commands
from esmith.manager.helper.operations.conflict import refuse_conflict
from esmith.panels.new_key import STORED
from esmith.schema.masking import Masking
from esmith.store.overlay import Overlay

if TYPE_CHECKING:
    from esmith.events.preview import Preview, PreviewFile
    from esmith.layout import Layout
    from esmith.manager.helper.operations.base import Operation
    from esmith.store.model import Change
    from esmith.store.protocol import Store

#: What an action is sorted by.
_NUMBER = re.compile(r"[SK][0-9]+")
#: Changes nothing: it says what is wrong with the argument of an event.
_ONLY_CHECKS = ("check-argument", "check-certificate")
#: Records and databases that decide whether a browser reaches this machine, and the panel on it.
_REACHING = frozenset(
    ("smanager", "httpd-e-smith", "httpd-admin", "modSSL", "SystemMode", "masq", "sshd", "SystemName", "DomainName")
    + ("LocalIP", "LocalNetmask", "GatewayIP", "ExternalIP", "ExternalNetmask", "InternalInterface")
    + ("ExternalInterface", "dhcpd")
)
_REACHING_DATABASES = frozenset(("networks",))
_REACHING_FILES = ("/etc/httpd/", "/etc/apache2/", "/etc/network/", "/etc/pam.d/", "/etc/ssl/")
_REACHING_SERVICES = ("smanager", "httpd", "apache", "network")


class Tried:
    """An operation that was tried on the databases as they are.

    :param operation: the operation.
    :param store: the databases; reading is enough.
    :raises VerbError: when it is refused, names something that is not there, or conflicts with what others did.
    :raises EsmithError: when it cannot be looked at.
    """

    def __init__(self, operation: Operation, store: Store) -> None:
        self.operation = operation
        self._store = store
        with store.snapshot() as snapshot:
            operation.look(snapshot)
            refuse_conflict(operation, snapshot)
            overlay = Overlay(snapshot)
            #: Hints about the values, as commands print them that have stored these; here nothing is stored yet.
            self.hints = [hint.replace(STORED, "") for hint in operation.change(overlay)]
            #: What would change in the databases.
            self.changes: list[Change] = overlay.changes
            #: The records that go at the end.
            self.deletes = operation.deletes(overlay)
            self._noted = operation.noted(overlay)
            masking = Masking(operation.schema, overlay)
            self.shown = list(masking.changes_data(self.changes, self.changes))
            self._commands = setting_commands(self.changes, operation.schema, overlay)
        #: The events that make them effective, each with its arguments.
        self.events = operation.events(store, self.changes)

    def commands(self, confirm: float | None = None) -> list[str]:
        """Return the commands of a shell that do the same."""
        if not self.operation.has_settings:
            return self.operation.commands()
        events = [event_command(words, confirm) for words in self.events]
        removed = [command("db", database, "delete", key) for database, key, _ in self.deletes]
        return [*self._commands, *self.operation.first_commands(), *events, *removed]

    def data(self, *, checks: bool) -> dict[str, Any]:
        """Return the preview as the wire has it."""
        operation = self.operation
        data: dict[str, Any] = {
            "changes": self.shown,
            "files": [],
            "services": {},
            "warnings": [],
            "faults": [],
            "refused": None,
            "hints": self.hints,
            "events": [words[0] for words in self.events],
            "commands": self.commands(),
            "actions_not_shown": any(_has_actions(operation.layout, words[0]) for words in self.events),
            "notes": [],
        }
        if not operation.has_settings:
            data |= operation.tried(self._store)
        elif self.events:
            names = list(dict.fromkeys(words[0] for words in self.events))
            found = preview_events(operation.layout, self._store, names, unsaved=self.changes, checks=checks)
            if found.warnings and self._noted:
                # About what the event itself settles nobody has to be warned.
                later = preview_events(operation.layout, self._store, names, unsaved=[*self.changes, *self._noted])
                found.warnings = [text for text in found.warnings if text in later.warnings]
            data |= _preview_data(found)
        elif self.changes:
            data["notes"] = ["no file depends on this"]
        data["reaches_panel"] = self._reaches(data)
        left = [file for file in data["files"] if file["left"] is None]
        does = self.changes or left or data["services"] or data["actions_not_shown"]
        data["nothing"] = operation.has_settings and not does
        return data

    def _reaches(self, data: dict[str, Any]) -> bool:
        if self.operation.reaches(self.changes):
            return True
        # Those of a rollback are only there as they are shown.
        cells = [(one["database"], one["key"]) for one in data["changes"]]
        account = self.operation.context.account
        return (
            any(database in _REACHING_DATABASES for database, _ in cells)
            or any(database == "configuration" and key in _REACHING for database, key in cells)
            or any(database == "accounts" and key in (account, "admin") for database, key in cells)
            or any(file["path"].startswith(_REACHING_FILES) for file in data["files"])
            or any(service.startswith(_REACHING_SERVICES) for service in data["services"])
        )


def _preview_data(found: Preview) -> dict[str, Any]:
    return {
        "files": [_file_data(file) for file in found.files],
        "services": found.services,
        "warnings": found.warnings,
        "faults": [{"subject": one.subject, "message": str(one.error), "stops": one.stops} for one in found.faults],
        "refused": None if found.refused is None else str(found.refused),
    }


def _file_data(file: PreviewFile) -> dict[str, Any]:
    verdict = file.verdict
    return {
        "path": file.path,
        "change": file.difference.value,
        "diff": file.diff,
        "secret": file.secret,
        "anyway": file.anyway,
        "left": None if file.left is None else file.left.message,
        "verdict": None
        if verdict is None
        else {"outcome": verdict.outcome.value, "message": "\n".join(filter(None, [verdict.reason, *verdict.lines]))},
    }


def _has_actions(layout: Layout, event: str) -> bool:
    """Return whether an event has actions that may change more than is shown: those of which no file says what."""
    try:
        found = load_actions(layout, event)
    except UsageError:
        return False
    for name in found.actions:
        action = _NUMBER.sub("", name)
        declared = os.path.exists(os.path.join(layout.events, "actions", f"{action}.toml"))
        if not declared and action not in _ONLY_CHECKS:
            return True
    return False
