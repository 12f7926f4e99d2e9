"""The watcher: waits, lets things settle, compares, and reports or acts."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from esmith.apply.drift import Drift, DriftKind, find_drift
from esmith.errors import BusyError, EsmithError
from esmith.events.affected import TemplateUse, find_affected
from esmith.events.lock import is_held
from esmith.events.recover import next_due, recover_all
from esmith.events.rehearse import rehearse
from esmith.events.session import Session
from esmith.events.signal import signal_event
from esmith.layout import Layout
from esmith.names import counted, is_leftover
from esmith.plan.installed import fingerprint_of
from esmith.store import open_store
from esmith.store.protocol import Snapshot, Store
from esmith.watch.places import installed_outputs, places, trees
from esmith.watch.source import Kind, Notice, Source
from esmith.watch.trees import TreeState

#: How long nothing must happen before it is looked at, and how long that is put off at most, in seconds.
QUIET_SECONDS = 0.5
LONGEST_SECONDS = 3.0
#: How often is looked at what cannot be watched, and at most tried again what failed, in seconds.
RETRY_SECONDS = 60.0
#: How long to wait for an event that began at the same moment, in seconds.
_LOCK_SECONDS = 5.0
_SHOWN_FILES = 5
#: What the next event does about a file that was changed by hand.
_NEXT = {
    DriftKind.EDITED: "; the next event replaces it",
    DriftKind.NEWER: "; the next event replaces it",
    DriftKind.REMOVED: "; the next event makes it again",
}


class Watcher:
    """Watches one root.

    :param layout: the root.
    :param source: what wakes it.
    :param say: called with each report, of one or several lines.
    :param event: the event to signal when a fragment was saved and is sound; "" for none.
    :param clock: seconds, for how long things take.
    :param now: seconds since 1970.
    """

    def __init__(
        self,
        layout: Layout,
        source: Source,
        *,
        say: Callable[[str], None],
        event: str = "",
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._layout = layout
        self._source = source
        self._say = say
        self._event = event
        self._clock = clock
        self._now = now
        self._first: float | None = None
        self._last = 0.0
        self._writing: set[str] = set()
        self._reported_writing = False
        self._held = False
        self._marks: TreeState | None = None
        self._known = TemplateUse()
        self._outputs: list[str] = []
        self._drift: dict[str, tuple[Drift, str]] = {}
        self._due: float | None = None
        self._not_before = 0.0
        self._recovered = ""
        self._troubles: set[str] = set()
        self._new_troubles: set[str] = set()
        self._unwatched = False
        self._wants_event = False

    def run(self) -> None:
        """Watch until the source says to stop."""
        self.look()
        self._report(f"watching {self._layout.root}")
        while True:
            notices = self._source.wait(self.timeout())
            if any(notice.kind is Kind.STOP for notice in notices):
                return
            for notice in notices:
                self._take(notice)
            if self._is_time():
                self.look()

    def timeout(self) -> float | None:
        """Return after how many seconds there is something to do when nothing happens; None for never."""
        if self._held:
            return RETRY_SECONDS
        if self._first is not None:
            if self._reported_writing:
                return RETRY_SECONDS
            end = self._first + LONGEST_SECONDS
            return max((end if self._writing else min(self._last + QUIET_SECONDS, end)) - self._clock(), 0.0)
        if self._due is not None:
            return min(max(max(self._due, self._not_before) - self._now(), 0.0), RETRY_SECONDS)
        return RETRY_SECONDS if self._unwatched or self._troubles else None

    def _take(self, notice: Notice) -> None:
        if is_leftover(os.path.basename(notice.path)):
            return
        self._last = self._clock()
        if self._first is None:
            self._first = self._last
        if notice.kind is Kind.LOST:
            self._writing.clear()
        elif notice.kind is Kind.DONE:
            # A directory that is gone takes what was written in it along.
            gone = {path for path in self._writing if path == notice.path or not os.path.lexists(path)}
            self._writing -= gone
        elif notice.path.startswith(tuple(f"{tree}/" for tree in trees(self._layout))):
            self._writing.add(notice.path)

    def _is_time(self) -> bool:
        """Return whether things have settled. A file that is still being written is waited for."""
        if self._first is None or self._held and not self._writing:
            return True
        now = self._clock()
        late = now >= self._first + LONGEST_SECONDS
        if late:
            # A time or a size that is set by name comes as writing, but nobody closes the file afterwards.
            self._writing = {path for path in self._writing if self._source.is_open(path)}
        if self._writing:
            if late and not self._reported_writing:
                self._reported_writing = True
                self._report(
                    f"{self._layout.inside(min(self._writing))} is still open for writing; waiting for its end"
                )
            return False
        return late or now >= self._last + QUIET_SECONDS

    def look(self) -> None:
        """Compare everything with its state before, report what differs, and do what is due."""
        self._new_troubles = set()
        self._layout.trust.renew()
        try:
            self._held = is_held(self._layout)
            if self._held:
                # When it ends, the file of the lock changes, which is watched.
                self._first = self._first or self._clock()
                return
            self._first = None
            self._reported_writing = False
            marks = self._watch()
            store = open_store(self._layout)
            try:
                self._compare(store, marks)
            finally:
                store.close()
            self._act()
        except EsmithError as error:
            self._trouble(str(error))
        except BrokenPipeError:
            raise
        except OSError as error:
            # Something vanished between being found and being read, or may not be read.
            self._trouble(f"{error.filename or 'the system'}: {error.strerror}")
        self._troubles = self._new_troubles

    def _watch(self) -> TreeState:
        """Have the right directories watched and return the state of the trees as it is with all of them watched."""
        while True:
            marks = TreeState.take(trees(self._layout))
            added, troubles = self._source.watch(places(self._layout, marks, self._outputs))
            if not added:
                break
        self._unwatched = bool(troubles)
        for text in troubles:
            self._trouble(text)
        for directory, reason in marks.unreadable.items():
            self._trouble(f"{self._layout.inside(directory)} cannot be read: {reason}")
        return marks

    def _compare(self, store: Store, marks: TreeState) -> None:
        with store.snapshot() as snapshot:
            outputs = installed_outputs(self._layout, snapshot)
            if outputs != self._outputs:
                self._outputs = outputs
                marks = self._watch()
            changed = marks.changed_since(self._marks) if self._marks else []
            # What is written in a directory that was made this moment was begun before it could be watched.
            opened = {path for path in changed if path in marks.files and self._source.is_open(path)}
            if opened:
                self._writing |= opened
                self._first = self._clock()
                return
            if changed:
                self._show(store, snapshot, changed, marks)
            elif self._marks is None:
                self._learn(snapshot)
            self._marks = marks
            self._look_at_outputs(snapshot)
            self._due = next_due(snapshot)

    def _learn(self, snapshot: Snapshot) -> TemplateUse:
        """Return the templates somebody uses now or used at the last look; what is gone is still reported."""
        now = TemplateUse.of(self._layout, snapshot)
        both = TemplateUse({**self._known.events, **now.events}, self._known.installed | now.installed, now.includes)
        for path, others in self._known.includes.items():
            both.includes.setdefault(path, set()).update(others)
        self._known = now
        self._known.includes = both.includes
        return both

    def _show(self, store: Store, snapshot: Snapshot, changed: list[str], marks: TreeState) -> None:
        known = self._learn(snapshot)
        rehearsal = rehearse(self._layout, store, find_affected(self._layout, known, changed), known)
        for path, others in rehearsal.includes.items():
            self._known.includes.setdefault(path, set()).update(others)
        gone = [path for path in changed if path not in marks.files]
        saved = [path for path in changed if path in marks.files]
        heads = [f"{word} {self._names(paths)}" for word, paths in (("saved", saved), ("removed", gone)) if paths]
        lines = ["; ".join(heads), *(f"  {line}" for line in rehearsal.lines)]
        if self._event and not rehearsal.sound:
            lines.append(f"  event {self._event} is not signalled")
        self._wants_event = bool(self._event) and rehearsal.sound
        self._report("\n".join(lines))

    def _names(self, paths: list[str]) -> str:
        shown = ", ".join(self._layout.inside(path) for path in paths[:_SHOWN_FILES])
        more = len(paths) - _SHOWN_FILES
        return f"{shown} and {counted(more, 'more file')}" if more > 0 else shown

    def _look_at_outputs(self, snapshot: Snapshot) -> None:
        """Report outputs that were changed by hand since the last look."""
        found = {path: (drift, self._mark(path)) for path, drift in find_drift(self._layout, snapshot).items()}
        for path, (drift, mark) in found.items():
            if self._drift.get(path) != (drift, mark):
                self._report(f"{path}: {drift}{_NEXT.get(drift.kind, '')}")
        self._drift = found

    def _mark(self, path: str) -> str:
        try:
            return fingerprint_of(os.lstat(self._layout.under(path)))
        except OSError:
            return ""

    def _act(self) -> None:
        """Carry out what is due, and signal the event that saved fragments ask for."""
        due = self._due is not None and self._now() >= max(self._due, self._not_before)
        if not due and not self._wants_event:
            return
        store = open_store(self._layout, write=True)
        try:
            if due:
                self._recover(store)
            if self._wants_event:
                self._signal(store)
            with store.snapshot() as snapshot:
                self._due = next_due(snapshot)
        finally:
            store.close()
        self._first = self._first or self._clock()

    def _recover(self, store: Store) -> None:
        """Do what is due; what fails is tried again, but not at once, and is reported once as long as it lasts."""
        self._not_before = self._now() + RETRY_SECONDS
        lines: list[str] = []
        try:
            recover_all(Session(self._layout, store, lines.append, timeout=_LOCK_SECONDS))
        except EsmithError as error:
            lines.append(str(error))
        text = "\n".join(lines)
        if text and text != self._recovered:
            self._report(text)
        self._recovered = text

    def _signal(self, store: Store) -> None:
        self._wants_event = False
        lines: list[str] = []
        try:
            result = signal_event(Session(self._layout, store, lines.append, timeout=_LOCK_SECONDS), self._event)
        except BusyError:
            self._wants_event = True
            return
        except EsmithError as error:
            self._report("\n".join([f"event {self._event} failed", *lines, str(error)]))
            return
        lines += [f"service {name}: {' '.join(actions)}" for name, actions in result.services.items()]
        files = counted(len(result.plan.changed), "file")
        self._report("\n".join([f"event {self._event} done, {files} changed", *(f"  {line}" for line in lines)]))

    def _trouble(self, text: str) -> None:
        """Report what is wrong, once as long as it lasts."""
        if text not in self._troubles | self._new_troubles:
            self._report(text)
        self._new_troubles.add(text)

    def _report(self, text: str) -> None:
        stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self._now()))
        self._say(f"{stamp} {text}")
