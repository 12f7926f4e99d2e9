"""One run of a command: what it acts on and where its messages go.

``signal-event``, ``expand-template``, ``esmith recover``, ``confirm``, ``rollback`` and ``forget`` each take a
:class:`Session` and what is asked for. A command that only tries (``--dry-run``) takes a :class:`RecordingSession` and
goes the same way; nothing is changed then. How files are installed is in :mod:`esmith.events.installation`.
"""

from __future__ import annotations

import time

from esmith.events import LOCK_TIMEOUT
from esmith.events.lock import EventLock
from esmith.events.log import EventLog, SilentLog
from esmith.fields import dataclass, field
from esmith.private import KeptTables, keep_all
from esmith.tables import find_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from typing import ClassVar

    from esmith.layout import Layout
    from esmith.plan.plan import Plan
    from esmith.services.model import Supervisor
    from esmith.store.protocol import Store


@dataclass
class Session:
    """One run of a command that changes files, settings or services.

    :param layout: the root.
    :param store: the databases, opened for writing.
    :param say: called with messages while the command runs: whom it waits for, what fragments warn of.
    :param timeout: how long to wait for another event, in seconds.
    """

    layout: Layout
    store: Store
    say: Callable[[str], None]
    timeout: float = LOCK_TIMEOUT
    #: Called with what is done now, and how much of how much that is; None where nobody waits at a terminal.
    count: Callable[[str, int, int], None] | None = field(default=None, init=False)
    #: What is carried out, with all of its arguments, for the list of generations; "" where that says no more.
    command: str = field(default="", init=False)
    #: What the administrator should know of this run.
    notes: list[str] = field(default_factory=list, init=False)
    #: The files of contribs that count for nothing in this run, each with what is wrong.
    skipped: dict[str, str] = field(default_factory=dict, init=False)
    log: EventLog = field(init=False)
    _lock: EventLock | None = field(default=None, init=False, repr=False)

    #: When it began, in nanoseconds since 1970.
    started_ns: int = field(default_factory=time.time_ns, init=False)
    #: Whether it had anything to say so far.
    has_spoken: bool = field(default=False, init=False)

    #: Called with a plan before any of it is installed: what was there can be looked up until then.
    look: Callable[[Plan], None] | None = field(default=None, init=False)

    #: Whether nothing is changed.
    records: ClassVar[bool] = False

    def __post_init__(self) -> None:
        self.log = EventLog(self.layout)
        find_in(KeptTables(self.layout.kept_code))
        shown = self.say

        def say(text: str) -> None:
            self.has_spoken = True
            shown(text)

        self.say = say

    def keep(self) -> None:
        """Keep for the next command what this one compiled and read, so that it need not."""
        keep_all(self.layout.kept_code)

    def found_nothing(self, plan: Plan) -> bool:
        """Return whether there was nothing to do or to say, and a plan has nothing that is certain only for now."""
        if self.records or self.has_spoken or self.skipped or plan.looked_at is None:
            return False
        return not (plan.changed or plan.left or plan.faults or plan.left_out)

    def report(self, text: str) -> None:
        """Log what the administrator should know, note it, and show it."""
        self.log.write(text)
        self.notes.append(text)
        self.say(text)

    def skip(self, file: str, wrong: str, hint: str = "") -> None:
        """Report, once, a file of a contrib that counts for nothing.

        :param wrong: what is wrong with it, and what comes of that.
        :param hint: the cure; "" where it is in what is wrong.
        """
        if file not in self.skipped:
            self.skipped[file] = wrong
            self.report(f"{file}: {wrong}\n  {hint}" if hint else f"{file}: {wrong}")

    def lock(self, what: str) -> EventLock:
        """Return the lock of the root, which is not taken yet.

        :param what: what it is held for, shown to those who wait.
        """
        lock = EventLock(self.layout, what, timeout=self.timeout, say=self.say)
        self._lock = lock
        return lock

    @property
    def action_environment(self) -> dict[str, str]:
        """What an action needs in its environment while the lock is held; nothing when it is not."""
        return self._lock.environment if self._lock is not None else {}

    def find_supervisor(self, service: str) -> Supervisor | None:
        """Return the supervisor of a service, None when nothing knows the service."""
        from esmith.services.find import find_supervisor

        return find_supervisor(self.layout, service)

    def secrets(self) -> Collection[str]:
        """Return the secrets of the databases, which nothing that checks say may hold."""
        from esmith.checks.hiding import stored_secrets

        return stored_secrets(self.layout, self.store)

    def preview(self, plan: Plan) -> None:
        """Look at a plan before it is checked; only a rehearsal shows it then."""
        if self.look is not None:
            self.look(plan)


@dataclass
class RecordingSession(Session):
    """A rehearsal: the same steps, of which nothing is changed or logged, and no action is run.

    What actions would change in the databases does not show in the files, but for ``initialize-databases``:
    :mod:`esmith.events.foreseen`.

    :param store: the databases; reading is enough.
    :param show: called with the plan before it is checked, so that also what is refused can be looked at.
    """

    show: Callable[[Plan], None] | None = None

    records: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self.log = SilentLog(self.layout)

    def keep(self) -> None:
        """Keep nothing."""

    def find_supervisor(self, service: str) -> Supervisor | None:
        """Return a supervisor that pretends to do what is asked, None when nothing knows the service."""
        from esmith.services.recording import RecordingSupervisor

        real = super().find_supervisor(service)
        return RecordingSupervisor(real=real) if real else None

    def preview(self, plan: Plan) -> None:
        """Show the plan."""
        if self.show is not None:
            self.show(plan)
