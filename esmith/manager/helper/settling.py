"""Jobs that were killed: what was interrupted is restored, and then all they were for is there, or nothing of it.

The generations say whether the event had been completed. Then what follows it is done as well; else the settings go
back. Whoever reads a job does this, and the helper when it starts.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from esmith.errors import BusyError, EsmithError
from esmith.events.confirm import find_unconfirmed
from esmith.events.recover import recover_all
from esmith.events.session import Session
from esmith.events.signal import signal_event
from esmith.events.unsettled import BACK, DONE, STORED, UNSETTLED, completed_since
from esmith.manager.helper import jobs
from esmith.manager.helper.carrying_out import empty_result, error_data, forget_row
from esmith.manager.helper.opened import opened
from esmith.manager.helper.settings_of_job import Plan, delete_records, set_back
from esmith.names import counted
from esmith.store import open_store
from esmith.store.model import Author

if TYPE_CHECKING:
    from esmith.events.unsettled import Unsettled
    from esmith.layout import Layout
    from esmith.store.protocol import Store

#: How long an event that runs is waited for, in seconds.
_PATIENCE = 20.0
_KILLED = "the job was killed before its end"


def settle_jobs(layout: Layout) -> list[str]:
    """Settle all jobs that were killed, and return their ids. The helper calls it when it starts.

    :raises EsmithError: when the databases cannot be opened.
    """
    settled = []
    for id in jobs.job_ids(layout):
        # Where the disk is full, the end is noted at another time.
        with suppress(OSError, BusyError):
            if _has_no_end(layout, id) and settle_job(layout, id):
                settled.append(id)
    _forget_rows(layout)
    return settled


def read_job(layout: Layout, id: str, after: int = 0) -> dict[str, Any]:
    """Return a job as the wire has it; one that was killed is settled first.

    :raises FileNotFoundError: when there is none.
    :raises EsmithError: when the databases cannot be opened.
    """
    if _has_no_end(layout, id):
        # One that cannot be settled now, since an event runs or the disk is full, looks as if it ran still.
        with suppress(BusyError, OSError):
            settle_job(layout, id)
    data = jobs.job_data(layout, id, after)
    if data["confirm"] is not None:
        deadline = _deadline(layout, data["confirm"]["deadline"], data["revision"])
        data["confirm"] = {"deadline": deadline} if deadline is not None else None
    return data


def list_jobs(layout: Layout, most: int) -> list[dict[str, Any]]:
    """Return the newest jobs as the wire has them, without their lines; those that were killed are settled first."""
    found = []
    for id in jobs.job_ids(layout)[:most]:
        with suppress(FileNotFoundError):
            data = read_job(layout, id)
            del data["lines"]
            found.append(data)
    return found


def running_jobs(layout: Layout) -> list[str]:
    """Return the ids of the jobs that run, the newest first. Nothing is settled, and no database is opened."""
    found = []
    for id in jobs.job_ids(layout):
        with suppress(FileNotFoundError):
            # Only what is locked is read.
            if jobs.is_running(layout, id) and _has_no_end(layout, id):
                found.append(id)
    return found


def _has_no_end(layout: Layout, id: str) -> bool:
    return all(line["kind"] != "end" for line in jobs.read_lines(layout, id)[-1:])


def _deadline(layout: Layout, deadline: float, revision: int | None) -> float | None:
    """Return when the change of a job is rolled back unless it is confirmed; None when it does not wait any more.

    :param deadline: the one it began with: that of a change that came later counts for both.
    :param revision: the revision of its settings.
    """
    with opened(layout) as snapshot:
        change = find_unconfirmed(snapshot)
    if change is None:
        return None
    first = change.settings_from
    is_part = revision is not None and first is not None and first < revision <= change.settings_to
    return change.deadline if is_part or change.deadline == deadline else None


def settle_job(layout: Layout, id: str) -> bool:
    """Settle a job if it was killed, and note its end; return whether that was so.

    :raises FileNotFoundError: when there is none.
    :raises BusyError: when an event runs that does not end soon.
    :raises EsmithError: when the databases cannot be opened.
    """
    file = jobs.JobFile.seize(layout, id)
    if file is None:
        return False
    try:
        if not _has_no_end(layout, id):
            return False
        store = open_store(layout, write=True)
        try:
            _Settling(layout, store, file).settle()
        finally:
            store.close()
    finally:
        file.close()
    return True


class _Settling:
    """Settles one job.

    :param file: its file, which is locked.
    """

    def __init__(self, layout: Layout, store: Store, file: jobs.JobFile) -> None:
        self._store = store
        self._file = file
        self._lines = jobs.read_lines(layout, file.id)
        self._session = Session(layout, store, file.say, timeout=_PATIENCE)

    def settle(self) -> None:
        with self._store.snapshot() as snapshot:
            row = UNSETTLED.get(snapshot, self._file.id)
        error = self._recover()
        state, text, settings_back = self._decide(row)
        data: dict[str, Any] = {"result": empty_result() | {"notes": [text]}}
        if row is not None:
            data["revision"] = row.revision
        if state != "done" or error is not None:
            shown = error or EsmithError(_KILLED, hint=text)
            data["error"] = error_data(shown, settings_back=settings_back, files_back=error is None)
        self._file.end(state, text, **data)
        if row is not None:
            forget_row(self._store, self._file.id)

    def _recover(self) -> EsmithError | None:
        """Restore what was interrupted, and return what could not be done.

        :raises BusyError: when an event runs that does not end soon.
        """
        try:
            recover_all(self._session)
        except BusyError:
            raise
        except EsmithError as error:
            return error
        return None

    def _decide(self, row: Unsettled | None) -> tuple[str, str, bool]:
        """Do what is to be done of the settings; return the state, what happened, and whether they are back."""
        if row is None:
            return self._without_settings()
        if row.phase == BACK:
            return "lost", f"{_KILLED}; its settings are as they were before", True
        completed = row.phase == DONE or self._are_completed(row)
        plan = Plan(self._author(), row.events, row.deletes, row.revision, row.generation)
        if completed is None:
            return "lost", f"{_KILLED}, too long ago to know whether its event was completed; the settings stay", False
        try:
            if completed:
                if row.phase == STORED and row.deletes:
                    delete_records(self._session.layout, self._store, plan, self._file.id)
                return "done", "the event was completed, but the job was killed before it could say what it did", False
            kept = set_back(self._store, plan, self._file.id, "(its job was killed)")
            self._signal_again(row)
        except EsmithError as error:
            return "lost", f"{_KILLED}; its settings stay, for they could not be set back: {error.message}", False
        if kept:
            return "lost", f"{_KILLED}; {counted(kept, 'setting')} stayed, for the same was changed since", False
        return "lost", f"{_KILLED}; its settings are as they were before", True

    def _signal_again(self, row: Unsettled) -> None:
        """Have the events that were completed, where one of them was not, make the files of before again.

        :raises EsmithError: when one fails.
        """
        for words in row.events:
            with self._store.snapshot() as snapshot:
                is_completed = completed_since(snapshot, row.generation, words)
            if is_completed:
                signal_event(self._session, words[0], words[1:])

    def _without_settings(self) -> tuple[str, str, bool]:
        if any(line["kind"] == "stored" for line in self._lines):
            return "lost", f"{_KILLED}; what became of its settings was noted in a row that is damaged or gone", False
        return "lost", f"{_KILLED}; no setting had been changed", False

    def _are_completed(self, row: Unsettled) -> bool | None:
        """Return whether all events of a job were completed, as far as files show it; None when that is not known.

        The last one decides: each is signalled when the one before it was completed, which may have left it no file.
        """
        if not row.events:
            # The settings are all there is.
            return True
        with self._store.snapshot() as snapshot:
            return completed_since(snapshot, row.generation, row.events[-1])

    def _author(self) -> Author:
        begin = self._lines[0] if self._lines else {}
        account, address = str(begin.get("account", "")), str(begin.get("address", ""))
        return Author(account, "", ["server-manager", str(begin.get("what", self._file.id)), "from", address])


def _forget_rows(layout: Layout) -> None:
    """Forget the rows of jobs whose end is noted, or whose files are gone."""
    with opened(layout) as snapshot:
        names = UNSETTLED.names(snapshot)
    old = [name for name in names if not jobs.exists(layout, name) or not _has_no_end(layout, name)]
    if not old:
        return
    store = open_store(layout, write=True)
    try:
        for name in old:
            forget_row(store, name)
    finally:
        store.close()
