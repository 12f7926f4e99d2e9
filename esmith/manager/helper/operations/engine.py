"""Operations that are no change of settings: an event, going back, a service, finishing what was interrupted."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from esmith.apply.compare import Compared, compare, shown
from esmith.errors import ServiceError, UsageError
from esmith.events.confirm import find_unconfirmed, set_unconfirmed
from esmith.events.definition import event_names
from esmith.events.derive import require_made
from esmith.events.earlier import Earlier, find_earlier
from esmith.events.recover import find_interrupted, recover_all
from esmith.events.rollback import roll_back
from esmith.fields import replace
from esmith.manager.helper.operations import arguments
from esmith.manager.helper.operations.base import Operation, not_found
from esmith.manager.helper.operations.commands import command
from esmith.names import counted
from esmith.plan.diff import hidden
from esmith.schema.masking import Masking
from esmith.services.definition import Services
from esmith.services.find import find_stand_in
from esmith.services.model import StillEndingError
from esmith.services.service import SERVICE_DIRECTORIES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from esmith.events.session import Session
    from esmith.manager.helper.context import Context
    from esmith.schema.remembered import RememberedFiles
    from esmith.store.model import Change
    from esmith.store.protocol import Snapshot, Store

#: The events that do more than make settings effective: the machine would start again.
_NEVER = frozenset(("reboot", "halt", "post-upgrade", "post-install"))
#: Databases whose records events are about.
_RECORDS = ("accounts", "domains", "networks", "hosts")
_SERVICE_ACTIONS = ("start", "stop", "restart")


class EventOperation(Operation):
    """Signals an event."""

    kind = "event"

    def read(self, data: Any) -> dict[str, Any]:
        """Return the arguments, checked."""
        return arguments.take(data, {"event": arguments.named, "arguments": arguments.words})

    def look(self, snapshot: Snapshot) -> None:
        """See that there is such an event, and that each argument is the key of a record."""
        name = self.data["event"]
        if name not in event_names(self.layout) or name in _NEVER:
            raise not_found(f"there is no event {arguments.shown(name)} that is signalled here")
        for word in self.data["arguments"]:
            if all(snapshot.type_of(database, word) is None for database in _RECORDS):
                raise not_found(f"there is no account, domain, network or host {arguments.shown(word)}")

    @property
    def title(self) -> str:
        """What it does."""
        return f"Signal {' '.join([self.data['event'], *self.data['arguments']])}"

    @property
    def what(self) -> str:
        """What it is about."""
        return f"event/{self.data['event']}"

    def events(self, _store: Store, _changes: Sequence[Change]) -> list[list[str]]:
        """Return the event."""
        return [[self.data["event"], *self.data["arguments"]]]


class RollbackOperation(Operation):
    """Rolls back to a generation."""

    kind = "rollback"
    may_confirm = False
    has_settings = False

    def __init__(self, context: Context, data: Any, remembered: RememberedFiles | None = None) -> None:
        super().__init__(context, data, remembered)
        self._agreed: Earlier | None = None

    def read(self, data: Any) -> dict[str, Any]:
        """Return the arguments, checked."""
        found = arguments.take(data, {"generation": arguments.number}, {"files_only": arguments.flag})
        return {**found, "files_only": bool(found["files_only"])}

    def look(self, snapshot: Snapshot) -> None:
        """See that there is such a generation, and one after it."""
        try:
            self._agreed = self._earlier(snapshot)
        except UsageError as error:
            raise not_found(error.message) from error

    def _earlier(self, snapshot: Snapshot) -> Earlier:
        return find_earlier(self.layout, snapshot, self.data["generation"], files_only=self.data["files_only"])

    @property
    def title(self) -> str:
        """What it does."""
        return f"Go back to generation {self.data['generation']}"

    @property
    def what(self) -> str:
        """What it is about."""
        return f"rollback {self.data['generation']}"

    def commands(self) -> list[str]:
        """Return the command that does the same."""
        option = ["--files-only"] if self.data["files_only"] else []
        return [command("esmith", "rollback", *option, str(self.data["generation"]))]

    def tried(self, store: Store) -> dict[str, Any]:
        """Return what would be restored."""
        with store.snapshot() as snapshot:
            earlier = self._earlier(snapshot)
            masked = Masking(self.schema, snapshot)
            later = compare(self.layout, snapshot, earlier.number, None)
            back = {one.path: Compared(one.path, one.new, one.old) for one in later}
            diffs = shown(list(back.values()), snapshot, self.schema)
            changes = list(masked.changes_data(earlier.changes, earlier.changes))
        files = [_restored(path, back.get(path), diffs.get(path, [])) for path in earlier.paths]
        notes = [
            f"{' '.join(filter(None, cell))}: stays, because its value of then was forgotten"
            for cell in earlier.forgotten
        ]
        if earlier.unknown:
            notes.append(f"what {earlier.unknown[0]} was made from is not remembered, so all settings go back")
        return {"changes": changes, "files": files, "services": earlier.services, "notes": notes}

    def act(self, session: Session) -> dict[str, Any]:
        """Go back, unless somebody changed what would be set back meanwhile."""
        back = roll_back(session, self.data["generation"], files_only=self.data["files_only"], shown=self._agreed)
        require_made(session)
        session.say(f"{counted(len(back.paths), 'file')} and {counted(len(back.changes), 'setting')} restored")
        return {"files": [{"path": path, "change": "restored"} for path in back.paths], "services": back.services}


def _restored(path: str, one: Compared | None, diff: list[str]) -> dict[str, Any]:
    secret = diff == [hidden(path)]
    change = "restore" if one is None or one.new is not None else "delete"
    return {"path": path, "change": change, "diff": diff, "secret": secret, "left": None, "verdict": None}


class ServiceOperation(Operation):
    """Starts, stops or restarts a service."""

    kind = "service"
    may_confirm = False
    has_settings = False

    def read(self, data: Any) -> dict[str, Any]:
        """Return the arguments, checked."""
        found = arguments.take(data, {"service": arguments.named, "action": arguments.named})
        if found["action"] not in _SERVICE_ACTIONS:
            raise arguments.wrong(f"the action is none of {', '.join(_SERVICE_ACTIONS)}")
        return found

    def look(self, _snapshot: Snapshot) -> None:
        """See that there is such a service."""
        if self.data["service"] not in Services(self.layout).names():
            raise not_found(f"there is no service {arguments.shown(self.data['service'])}")

    @property
    def title(self) -> str:
        """What it does."""
        return f"{self.data['action'].capitalize()} {self.data['service']}"

    @property
    def what(self) -> str:
        """What it is about."""
        return f"service/{self.data['service']}"

    def commands(self) -> list[str]:
        """Return the command that does the same."""
        return [command("esmith", "control", self.data["service"], self.data["action"])]

    def tried(self, store: Store) -> dict[str, Any]:
        """Return what would be done; the service is not asked."""
        service, action = self.data["service"], self.data["action"]
        notes = []
        with store.snapshot() as snapshot:
            status = snapshot.prop("configuration", Services(self.layout).of(service).record, "status")
        if status == "enabled" and action == "stop":
            notes = ["it is enabled, so the next event that adjusts it starts it again"]
        if status != "enabled" and action != "stop":
            notes = ["it is not enabled, so the next event that adjusts it stops it again"]
        return {"services": {service: [action]}, "notes": notes}

    def act(self, session: Session) -> dict[str, Any]:
        """Carry it out by the supervisor of the service."""
        service, action = self.data["service"], self.data["action"]
        supervisor = session.find_supervisor(service)
        if supervisor is None and (other := find_stand_in(self.layout, service)):
            service, supervisor = other, session.find_supervisor(other)
        if supervisor is None:
            raise ServiceError(
                "no supervisor knows it",
                place=f"service {service}",
                hint=f"write its service directory: {SERVICE_DIRECTORIES}",
            )
        try:
            supervisor.control(service, action)
        except StillEndingError as error:
            session.say(error.message)
        session.say(f"service {service}: is {supervisor.status(service)}")
        return {"services": {service: [action]}}

    def reaches(self, _changes: Sequence[Change]) -> bool:
        """Return whether the panel is served by it."""
        return str(self.data["service"]).startswith(("smanager", "httpd"))


class RecoverOperation(Operation):
    """Finishes what was interrupted, and carries out what is pending."""

    kind = "recover"
    may_confirm = False
    has_settings = False
    title = "Finish what was interrupted"
    what = "recover"

    def read(self, data: Any) -> dict[str, Any]:
        """Return the arguments: there are none."""
        return arguments.take(data, {})

    def commands(self) -> list[str]:
        """Return the command that does the same."""
        return [command("esmith", "recover")]

    def tried(self, store: Store) -> dict[str, Any]:
        """Return what was interrupted."""
        _, installs = find_interrupted(self.layout, store)
        return {"notes": [f"{one.what} was interrupted; its old files are restored" for one in installs]}

    def act(self, session: Session) -> dict[str, Any]:
        """Do it."""
        recover_all(session)
        return {}


class TakeBackOperation(RecoverOperation):
    """Takes the change back that is not confirmed, now. It is a verb of its own, and no operation of the wire."""

    kind = "take-back"
    title = "Take back what is not confirmed"
    what = "take-back"

    def look(self, snapshot: Snapshot) -> None:
        """See that there is one."""
        if find_unconfirmed(snapshot) is None:
            raise not_found("nothing waits to be confirmed")

    def act(self, session: Session) -> dict[str, Any]:
        """Have the deadline be now, and do what is done then."""
        with session.store.transaction(self.context.author("take-back")) as transaction:
            change = find_unconfirmed(transaction)
            if change is not None:
                set_unconfirmed(transaction, replace(change, deadline=time.time()))
        recover_all(session)
        return {}
