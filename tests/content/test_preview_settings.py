"""The preview of random settings is what email-update then does: the same files, with the same text."""

from __future__ import annotations

import os
import shlex
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from esmith.errors import ExitCode
from esmith.events.preview import preview
from esmith.layout import Layout
from esmith.store.model import Change
from esmith.store.overlay import Overlay, apply_changes
from tests.commands import Root, content_of
from tests.content.desk import EVENT, Desk, Trial
from tests.content.random_changes import change_something
from tests.examples import examples
from tests.store.stores import AUTHOR, opened

#: Where the files of templates are, and what is written there besides.
_FOLDERS = ("/etc", "/home", "/usr/share", "/var")
_BESIDES = ("/home/e-smith/db/", "/var/lib/e-smith/", "/var/log/")
#: What actions make, which a preview does not show (docs/events.md#what-actions-make-of-files).
_BY_ACTIONS = (
    "/home/e-smith/dkim_keys/",
    "/home/e-smith/ssl.pem/",
    "/var/qmail/users/cdb",
    "/var/service/qpsmtpd/ssl/",
)
_SETTINGS = settings(
    phases=[Phase.explicit, Phase.generate],  # each example goes on where the last one ended
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


class _Files:
    """The generated files of a root; one that looks as it did is not read again.

    :param root: the root.
    """

    def __init__(self, root: Root) -> None:
        self._root = root
        self._read: dict[str, tuple[tuple[int, ...], bytes]] = {}

    def texts(self) -> dict[str, bytes]:
        """Return what the files hold, and what the links hold, by their paths."""
        found: dict[str, bytes] = {}
        for folder in _FOLDERS:
            for directory, _, names in os.walk(self._root.file(folder)):
                path = directory.removeprefix(str(self._root.path))
                for name in names if not f"{path}/".startswith(_BESIDES) else ():
                    if not f"{path}/{name}".startswith(_BY_ACTIONS):
                        found[f"{path}/{name}"] = self._text(f"{directory}/{name}")
        return found

    def _text(self, place: str) -> bytes:
        status = os.lstat(place)
        looks = (status.st_ctime_ns, status.st_ino, status.st_size)
        if self._read.get(place, ((), b""))[0] != looks:
            is_link = stat.S_ISLNK(status.st_mode)
            self._read[place] = looks, os.fsencode(os.readlink(place)) if is_link else content_of(Path(place))
        return self._read[place][1]


def _preview_and_do(office: Root, files: _Files, desk: Desk, data: st.DataObject) -> None:
    """Draw some settings, preview them, save them, signal the event, and compare."""
    # What is drawn must not depend on what earlier examples left: it is drawn for the desk, where nothing is kept.
    with desk.store.snapshot() as snapshot:
        trial = Trial(desk, Overlay(snapshot))
        for _ in range(data.draw(st.integers(1, 6))):
            change_something(data.draw, trial, desk)  # type: ignore[arg-type]
        changes = trial.transaction.changes
    note("\n".join(shlex.join(words) for words in trial.done))
    layout = Layout(str(office.path))
    with opened(office.path) as store:
        before = files.texts()
        found = preview(layout, store, unsaved=changes, events=[EVENT])
        assert found.faults == []
        with store.transaction(AUTHOR) as transaction:
            apply_changes(transaction, changes)
            changes = transaction.changes
    answer = office.run("signal-event", EVENT, env={"ESMITH_ACCEPT_CHECKS": "1"}, code=None)
    if answer.code == ExitCode.CHECK:
        # A check without a program refuses a file: so does the preview, and the settings are taken back.
        assert files.texts() == before
        with opened(office.path) as store:
            with store.transaction(AUTHOR) as transaction:
                apply_changes(transaction, [Change(*one.cell, one.new, one.old) for one in changes])
            assert preview(layout, store, unsaved=changes, events=[EVENT], checks=True).refused is not None
        return
    assert answer.code in (ExitCode.OK, ExitCode.PARTIAL), answer.err
    after = files.texts()
    really = {path: after.get(path) for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    seen = {file.path: file.new for file in found.files if file.new != file.old}
    assert seen == really
    assert {path: before.get(path) for path in really} == {
        file.path: file.old for file in found.files if file.new != file.old
    }


@pytest.fixture
def files(office: Root) -> _Files:
    """Return the generated files of the office."""
    return _Files(office)


@settings(_SETTINGS, max_examples=examples(20))
@given(data=st.data())
def test_the_preview_is_what_the_event_does(office: Root, files: _Files, desk: Desk, data: st.DataObject) -> None:
    """For random settings that setprop takes, the preview names exactly the files that change, with their text."""
    _preview_and_do(office, files, desk, data)


@pytest.mark.long
@settings(_SETTINGS, max_examples=1000, derandomize=False)
@given(data=st.data())
def test_the_preview_is_what_the_event_does_long(office: Root, files: _Files, desk: Desk, data: st.DataObject) -> None:
    """The same for 1,000 times some settings, one after the other."""
    _preview_and_do(office, files, desk, data)
