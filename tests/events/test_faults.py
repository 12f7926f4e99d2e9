"""The store fails at each place of a command: files are all old or all new, and the messages about them are true."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from esmith.apply.generations import list_generations
from esmith.errors import EsmithError, StoreError
from esmith.events.confirm import find_unconfirmed
from esmith.events.expand import expand_templates
from esmith.events.pending import list_pending
from esmith.events.recover import find_interrupted, recover_all
from esmith.events.rollback import roll_back
from esmith.events.signal import signal_event
from esmith.store.lmdb import commit
from esmith.store.lmdb import transaction as lmdb_transaction
from tests.events.kit import Scene

ERRORS = (errno.ENOSPC, errno.EIO, errno.EROFS, errno.EDQUOT)
PATHS = ("/etc/replaced", "/etc/new", "/etc/removed")
#: More faults than there are places to fail at.
_ENOUGH = 40


class Faults:
    """Makes commits of the store fail.

    :param first: the first commit that fails, from 1.
    :param last: the last one.
    """

    def __init__(self, number: int, first: int, last: int) -> None:
        self.count = 0
        self._number = number
        self._range = range(first, last + 1)

    @contextmanager
    def active(self) -> Iterator[None]:
        """Let them happen."""
        faults = self

        class Commit(commit.Commit):
            def __enter__(self) -> None:
                faults.count += 1
                if faults.count in faults._range:
                    raise OSError(faults._number, os.strerror(faults._number))
                super().__enter__()

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(lmdb_transaction, "Commit", Commit)
            yield

    @property
    def happened(self) -> bool:
        """Whether a commit failed."""
        return self.count >= self._range.start


@contextmanager
def prepared(path: Path) -> Iterator[Scene]:
    """Give a root in which an event has files to replace, make and remove, and a service to restart."""
    with pytest.MonkeyPatch.context() as patch:
        scene = Scene(path, patch)
        with closing(scene.store):
            scene.service("clamd")
            # The setting is read, and the text is the same whatever it is.
            scene.template(
                "/etc/replaced", "{{ '' if A.value | default('') else '' }}old\n", 'services = { clamd = "restart" }'
            )
            scene.template("/etc/removed", "gone\n")
            scene.event("/etc/replaced\n/etc/removed\n", "clamd restart\n")
            scene.signal()
            scene.template("/etc/replaced", "replaced\n", 'services = { clamd = "restart" }')
            scene.template("/etc/removed", "gone\n", 'delete-when = "true"')
            scene.template("/etc/new", "new\n")
            scene.event("\n".join(PATHS), "clamd restart\n")
            scene.carried_out()
            scene.notes.clear()
            yield scene


def texts(scene: Scene) -> dict[str, str]:
    """Return what the files hold that are there."""
    places = {path: scene.path / path.lstrip("/") for path in PATHS}
    return {path: place.read_text() for path, place in places.items() if place.exists()}


def inodes(scene: Scene) -> dict[str, int]:
    """Return the inodes of the files that are there."""
    places = {path: scene.path / path.lstrip("/") for path in PATHS}
    return {path: place.stat().st_ino for path, place in places.items() if place.exists()}


OLD = {"/etc/replaced": "old\n", "/etc/removed": "gone\n"}
NEW = {"/etc/replaced": "replaced\n", "/etc/new": "new\n"}


def signal(scene: Scene) -> None:
    """Signal the event."""
    scene.signal()


def signal_confirm(scene: Scene) -> None:
    """Signal the event on probation, without a process that waits."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("esmith.events.signal.wait_in_background", lambda _layout: None)
        signal_event(scene.session(), "try", confirm=3600)


def expand(scene: Scene) -> None:
    """Expand the templates."""
    expand_templates(scene.session(), list(PATHS))


def recover(scene: Scene) -> None:
    """Finish what is undone."""
    recover_all(scene.session())


def every_fault(
    folder: Path, command: Callable[[Scene], None], number: int, *, lasting: bool
) -> Iterator[tuple[Scene, EsmithError, int]]:
    """Run a command in a root of its own for each commit that may fail, and yield each that failed.

    :param lasting: whether all later commits fail as well.
    """
    for fault in range(1, _ENOUGH):
        with prepared(folder / str(fault)) as scene:
            faults = Faults(number, fault, _ENOUGH if lasting else fault)
            error: EsmithError | None = None
            with faults.active():
                try:
                    command(scene)
                except EsmithError as caught:
                    error = caught
            if not faults.happened:
                assert error is None
                assert texts(scene) == NEW
                assert fault > 3, "an event has a beginning, an end, and something in between"
                return
            if error is None:
                raise AssertionError(f"commit {fault} failed, and nobody noticed")
            yield scene, error, fault
    raise AssertionError("there is no end of faults")


@pytest.mark.parametrize("number", ERRORS, ids=errno.errorcode.get)
@pytest.mark.parametrize("command", [signal, signal_confirm, expand], ids=lambda command: command.__name__)
def test_one_commit_fails(tmp_path: Path, command: Callable[[Scene], None], number: int) -> None:
    """Whichever commit of a command fails: the files are the old ones, and it says so; the next one makes all new."""
    for scene, error, fault in every_fault(tmp_path, command, number, lasting=False):
        message = "\n".join([*scene.notes, str(error)])
        assert isinstance(error, StoreError), fault
        assert texts(scene) == OLD, f"commit {fault}: {message}"
        assert ("no file was changed" in message) != ("was restored" in message), f"commit {fault}: {message}"
        assert "nothing was changed" not in message
        assert find_interrupted(scene.layout, scene.store) == (None, []), "and that is recorded"
        with scene.store.snapshot() as snapshot:
            assert list_pending(snapshot) == {}, f"commit {fault}"
            assert find_unconfirmed(snapshot) is None
        kept = len(list((scene.path / "var/lib/e-smith/generations").iterdir()))
        with scene.store.snapshot() as snapshot:
            assert kept == len(list_generations(snapshot)), "no kept files stay that nobody needs"
        scene.notes.clear()
        command(scene)
        assert texts(scene) == NEW
        assert not any("interrupted" in note for note in scene.notes)


@pytest.mark.parametrize("command", [signal, signal_confirm, expand], ids=lambda command: command.__name__)
def test_all_further_commits_fail(tmp_path: Path, command: Callable[[Scene], None]) -> None:
    """When the restoring cannot be recorded either, the files are the old ones, it says so, and recovering is quiet."""
    unrecorded = 0
    for scene, error, fault in every_fault(tmp_path, command, errno.EIO, lasting=True):
        message = "\n".join([*scene.notes, str(error)])
        assert texts(scene) == OLD, f"commit {fault}: {message}"
        running, interrupted = find_interrupted(scene.layout, scene.store)
        assert running is None
        assert bool(interrupted) == ("run: esmith recover" in message), f"commit {fault}: {message}"
        assert ("no file was changed" in message) != ("was restored" in message), f"commit {fault}: {message}"
        unrecorded += bool(interrupted)
        before = inodes(scene)
        recover(scene)
        assert inodes(scene) == before, "what is restored already is not replaced again"
        assert find_interrupted(scene.layout, scene.store) == (None, [])
        command(scene)
        assert texts(scene) == NEW
    assert unrecorded >= 2, "after the beginning there are more commits"


def test_services_that_read_the_new_files(tmp_path: Path) -> None:
    """A service that read the new files is adjusted once more when the end of the event fails."""
    actions: list[list[str]] = []
    for scene, _, _ in every_fault(tmp_path, signal, errno.EIO, lasting=False):
        actions.append(scene.carried_out())
    assert actions[0] == [], "before the first rename"
    assert actions[-1] == ["clamd restart", "clamd restart"], "the last commit comes after the services"


def back(scene: Scene) -> None:
    """Restore the generation before the last."""
    roll_back(scene.session())


@contextmanager
def two_generations(path: Path) -> Iterator[Scene]:
    """Give a root that has two generations and a setting that was changed between them."""
    with prepared(path) as scene:
        scene.set("configuration", "A", "setting", value="later")
        scene.signal()
        scene.carried_out()
        yield scene


def setting(scene: Scene) -> str | None:
    """Return the setting that was changed between the generations."""
    with scene.store.snapshot() as snapshot:
        return snapshot.prop("configuration", "A", "value")


def test_a_rollback_that_fails(tmp_path: Path) -> None:
    """Whichever commit of a rollback fails: all is as before and it says so, or recovering finishes what it says."""
    for fault in range(1, _ENOUGH):
        with two_generations(tmp_path / str(fault)) as scene:
            faults = Faults(errno.EIO, fault, _ENOUGH)
            with faults.active():
                try:
                    back(scene)
                    message = ""
                except StoreError as error:
                    message = str(error)
            if not faults.happened:
                assert (texts(scene), setting(scene)) == (OLD, None)
                assert fault > 2
                return
            if "nothing was changed" in message:
                assert (texts(scene), setting(scene)) == (NEW, "later")
                assert fault == 1
            elif fault == 2:
                assert "the settings were restored" in message
                assert "the old content of 3 files was restored, but not recorded" in message
                assert (texts(scene), setting(scene)) == (OLD, None)
                assert [one.what for one in find_interrupted(scene.layout, scene.store)[1]] == ["esmith rollback 1"]
            recover(scene)
            assert find_interrupted(scene.layout, scene.store) == (None, [])
            expected = (NEW, "later") if "nothing was changed" in message else (OLD, None)
            assert (texts(scene), setting(scene)) == expected
    raise AssertionError("there is no end of faults")


def test_a_rollback_that_cannot_restore_a_file(tmp_path: Path) -> None:
    """A file that cannot be restored keeps no other from it; the message says what is so, and recovering finishes."""
    with two_generations(tmp_path) as scene:
        (scene.path / "etc/removed").mkdir()
        with pytest.raises(EsmithError, match="cannot be written") as caught:
            back(scene)
        assert "the settings were restored" in caught.value.hint
        assert "esmith recover" in caught.value.hint
        assert (scene.path / "etc/replaced").read_text() == "old\n"
        assert not (scene.path / "etc/new").exists()
        assert setting(scene) is None
        (scene.path / "etc/removed").rmdir()
        recover(scene)
        assert texts(scene) == OLD


def test_a_rollback_needs_its_space_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the space for all of it a rollback does not begin."""

    def full(_descriptor: int, _offset: int, _size: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with two_generations(tmp_path) as scene:
        with monkeypatch.context() as patch:
            patch.setattr(os, "posix_fallocate", full)
            with pytest.raises(StoreError, match="no space left") as caught:
                back(scene)
        assert "nothing was changed" in caught.value.hint
        assert (texts(scene), setting(scene)) == (NEW, "later")


def test_an_unconfirmed_change_that_cannot_be_rolled_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the rollback cannot be recorded the change stays due, and is rolled back as a whole later."""
    with prepared(tmp_path) as scene:
        signal_confirm(scene)
        monkeypatch.setattr("time.time", lambda: 4e9)
        faults = Faults(errno.EIO, 1, _ENOUGH)
        with faults.active(), pytest.raises(StoreError) as caught:
            recover(scene)
        assert "was restored, but not recorded" in str(caught.value)
        assert texts(scene) == OLD
        with scene.store.snapshot() as snapshot:
            assert find_unconfirmed(snapshot) is not None
        recover(scene)
        with scene.store.snapshot() as snapshot:
            assert find_unconfirmed(snapshot) is None
        assert texts(scene) == OLD
