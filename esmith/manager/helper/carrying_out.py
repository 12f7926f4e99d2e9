"""What a job does: it signals events, and when one fails it sets the settings back that were stored for it."""

from __future__ import annotations

import re
import sys
import time
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from esmith.apply.generations import list_interrupted
from esmith.errors import EsmithError, StoreError
from esmith.events.confirm import find_unconfirmed
from esmith.events.pending import list_pending
from esmith.events.session import Session
from esmith.events.signal import signal_event
from esmith.events.unsettled import UNSETTLED
from esmith.manager.helper.operations.commands import event_command
from esmith.manager.helper.settings_of_job import Plan, delete_records, is_part, set_back
from esmith.names import counted
from esmith.services.model import SupervisorError
from esmith.store import open_store
from esmith.store.model import Author

if TYPE_CHECKING:
    from collections.abc import Sequence

    from esmith.events.signal import Result
    from esmith.layout import Layout
    from esmith.manager.helper.jobs import JobFile
    from esmith.store.protocol import Store

#: How often a line of progress is written at most, in seconds.
_EVERY_SECONDS = 0.3
#: The note of a job that was to wait for a confirmation, and does not.
_STAYS = "no file changed, so this is not rolled back by itself; the page Changes can undo it"
#: The name of a step: its place in the order of the event, and what it does.
_STEP = re.compile(r"S\d+(?P<name>.+)")


def empty_result() -> dict[str, Any]:
    """Return the result of what did nothing."""
    return {"files": [], "services": {}, "pending": {}, "notes": [], "left": {}, "actions": []}


def carry_out(layout: Layout, file: JobFile, plan: Plan) -> None:
    """Do what a job is for, and note its end. It raises no error of the engine.

    :raises KeyboardInterrupt: when a signal ended it; the settings are back then, and the end is noted.
    """
    work = _Work(layout, file, plan)
    noted = False
    try:
        file.started()
        work.run()
        noted = True
    finally:
        if not noted:
            work.end_badly()
        work.close()


class _Work:
    """One run of a job."""

    def __init__(self, layout: Layout, file: JobFile, plan: Plan) -> None:
        self._layout = layout
        self._file = file
        self._plan = plan
        self._store: Store | None = None
        self._session: Session | None = None
        self._result = empty_result()
        self._completed: list[list[str]] = []
        self._refused: SupervisorError | None = None
        self._noted = False
        self._facts: list[str] = []
        self._shown = ""
        self._next = 0.0

    def run(self) -> None:
        try:
            self._store = open_store(self._layout, write=True)
            self._session = session = Session(self._layout, self._store, self._file.say)
            session.count = self._count
            if self._plan.first is not None:
                self._facts.append(self._plan.first(session))
            if self._plan.act is not None:
                self._result |= self._plan.act(session)
            for words in self._plan.events:
                self._signal(session, words)
            self._delete()
        except SupervisorError as error:
            # Only an act raises it here: what it did stays, and the action of the service is pending.
            self._refused = error
        except EsmithError as error:
            self._fail(error)
            return
        self._succeed()

    def close(self) -> None:
        if self._store is not None:
            self._store.close()

    def end_badly(self) -> None:
        """Note the end that a signal, or a fault of ours, brought."""
        if self._noted:
            return
        if isinstance(sys.exception(), KeyboardInterrupt):
            self._fail(EsmithError("the job was ended by a signal"))
            return
        if self._session is not None:
            self._session.log.write_output(traceback.format_exc())
        self._fail(EsmithError("a fault of the server-manager; the log of the events says more"))

    def _count(self, what: str, done: int, total: int) -> None:
        now = time.monotonic()
        if what != self._shown or now >= self._next:
            self._shown, self._next = what, now + _EVERY_SECONDS
            self._file.say(progress(what, done, total), "progress")

    def _signal(self, session: Session, words: Sequence[str]) -> None:
        name, *arguments = words
        self._file.say(event_command(words), "step")
        try:
            result = signal_event(session, name, arguments, confirm=self._plan.confirm)
        except SupervisorError as error:
            self._refused = self._refused or error
        else:
            self._add(result)
        self._completed.append(list(words))

    def _add(self, result: Result) -> None:
        found = self._result
        found["files"] += [{"path": one.path, "change": one.difference.value} for one in result.plan.changed]
        found["services"] |= result.services
        found["left"] |= {**result.left, **result.partial}
        found["actions"] += result.actions

    def _delete(self) -> None:
        """Delete the records that go at the end, and with them note that all is done."""
        if not self._plan.deletes or self._store is None:
            return
        delete_records(self._layout, self._store, self._plan, self._file.id)

    def _succeed(self) -> None:
        data = self._finished()
        partial = bool(self._refused or self._result["left"])
        if self._refused is not None:
            data["error"] = error_data(self._refused, settings_back=False, files_back=False)
        self._end("partial" if partial else "done", self._summary(partial=partial), data)

    def _summary(self, *, partial: bool) -> str:
        files, services = len(self._result["files"]), len(self._result["services"])
        text = f"{counted(files, 'file')} changed"
        if services:
            text += f", {counted(services, 'service')} adjusted"
        return f"{text}; not all could be done" if partial else text

    def _finished(self) -> dict[str, Any]:
        """Return what belongs to the end: the result, and the deadline."""
        session, store = self._session, self._store
        assert session is not None and store is not None
        session.keep()
        self._result["notes"] = [*filter(None, self._facts), *self._result["notes"], *session.notes]
        with store.snapshot() as snapshot:
            pending = list_pending(snapshot)
            change = find_unconfirmed(snapshot) if self._plan.confirm is not None else None
        self._result["pending"] = {service: one.actions for service, one in pending.items()}
        wants = self._plan.confirm is not None and self._plan.revision is not None
        if wants and not (change is not None and is_part(self._plan, change)):
            # The engine takes back what an event installed, and this one installed nothing.
            self._result["notes"].append(_STAYS)
            change = None
        return {"result": self._result, "deadline": change.deadline if change is not None else None}

    def _fail(self, error: EsmithError) -> None:
        for text in filter(None, self._facts):
            error.add(text)
        settings = files = False
        if self._store is not None and self._session is not None:
            kept = self._set_back()
            settings = kept == 0
            files = not (self._completed or self._plan.act) and self._has_files_back()
            if kept is not None and self._completed:
                files = self._signal_again(self._session)
        elif self._plan.revision is not None:
            error.add("the settings stay until the server-manager is started again")
        data = {"result": self._result, "error": error_data(error, settings_back=settings, files_back=files)}
        self._end("failed", f"failed: {error.message}", data)

    def _set_back(self) -> int | None:
        """Set the settings back; return how many stay, None when there were none, or it could not be done."""
        if self._plan.revision is None or self._store is None:
            return None
        try:
            kept = set_back(self._store, self._plan, self._file.id, "(its event failed)")
        except EsmithError as error:
            self._file.say(f"the settings could not be set back: {error}")
            return None
        if kept:
            self._file.say(f"{counted(kept, 'setting')} stayed: somebody has changed the same since")
        return kept

    def _has_files_back(self) -> bool:
        assert self._store is not None
        with suppress(StoreError), self._store.snapshot() as snapshot:
            return not list_interrupted(snapshot)
        return False

    def _signal_again(self, session: Session) -> bool:
        """Have the events that were completed make the files of the settings of before again."""
        self._file.say("the files are made once more, from the settings of before")
        for name, *arguments in self._completed:
            self._file.say(event_command([name, *arguments]), "step")
            try:
                signal_event(session, name, arguments)
            except EsmithError as error:
                self._file.say(str(error))
                return False
        return True

    def _end(self, state: str, text: str, data: dict[str, Any]) -> None:
        self._noted = True
        try:
            self._file.end(state, text, **data)
        except OSError:
            # What is done stays done; the row stays as well, and whoever reads the job finds its end by that.
            return
        if self._plan.revision is not None and self._store is not None:
            forget_row(self._store, self._file.id)


def progress(what: str, done: int, total: int) -> str:
    """Return how far an event is, for a reader who does not know the names of steps.

    :param what: the name of a step in its event, as ``S01check-argument``, or what is counted, as ``templates:``.
    :param done: how many ended before it.
    """
    step = _STEP.fullmatch(what)
    return f"step {done + 1:,} of {total:,}: {step['name']}" if step else f"{what} {done:,} of {total:,}"


def forget_row(store: Store, job: str) -> None:
    """Forget what was to be done when the job is killed: its end is noted, durably."""
    with suppress(StoreError), store.transaction(Author.current(["esmith", "manager"])) as transaction:
        UNSETTLED.put(transaction, job, None)


def error_data(error: EsmithError, *, settings_back: bool, files_back: bool) -> dict[str, Any]:
    """Return an error as a job has it."""
    return {
        "message": error.message,
        "place": error.place,
        "hint": error.hint,
        "settings_back": settings_back,
        "files_back": files_back,
    }
