"""When ``esmith forget`` does nothing, and what it says then."""

from __future__ import annotations

import pytest

from esmith.apply.generations import Generation
from esmith.errors import ExitCode
from tests.cli.kit import CELL, FIRST, LOG, SECOND, traces
from tests.commands import Root
from tests.events.kit import make_event
from tests.store.stores import AUTHOR, last_revision, opened, start_child, wait_ready

WRONG = {
    "no such property": (("configuration", "box", "NoSuch"), ExitCode.USAGE, "there is no such property"),
    "no such record": (("configuration", "nosuch", "Password"), ExitCode.USAGE, "there is no such property"),
    "no such database": (("nosuch", "box", "Password"), ExitCode.USAGE, "there is no such property"),
    "the database left out": (("box", "Password"), ExitCode.USAGE, "first: esmith forget configuration box Password"),
    "record with properties": (("configuration", "box"), ExitCode.USAGE, "name the property"),
    "text file": (("/tmp/x", "box", "Password"), ExitCode.USAGE, "a text file has no journal"),
    "no key": (("configuration",), ExitCode.USAGE, "KEY"),
}


@pytest.mark.parametrize(("words", "code", "says"), WRONG.values(), ids=WRONG.keys())
@pytest.mark.parametrize("option", [(), ("--dry-run",)])
def test_wrong_words(box: Root, words: tuple[str, ...], code: int, says: str, option: tuple[str, ...]) -> None:
    """What cannot be forgotten is refused with the reason, and nothing is changed."""
    with opened(box.path, write=False) as store:
        before = last_revision(store)
    assert says in box.esmith("forget", *option, *words, code=code).err
    with opened(box.path, write=False) as store:
        assert last_revision(store) == before


@pytest.mark.parametrize("option", [(), ("--dry-run",)])
def test_a_change_that_is_not_confirmed(box: Root, option: tuple[str, ...]) -> None:
    """While a change waits to be confirmed it refuses, since that may be rolled back; once confirmed it does not."""
    box.config("setprop", "box", "Port", "9")
    box.signal("--confirm", "1h", "box-update")
    answer = box.esmith("forget", *option, *CELL, code=ExitCode.FAILED)
    assert "signal-event box-update is not confirmed" in answer.err
    assert "esmith confirm" in answer.err
    assert FIRST in str(traces(box, FIRST))
    box.esmith("confirm")
    box.esmith("forget", *option, *CELL)


def test_an_interrupted_event(box: Root) -> None:
    """While an event that was killed has to be taken back it refuses, and names the cure, which helps."""
    with opened(box.path) as store, store.transaction(AUTHOR) as transaction:
        row = Generation(99, "signal-event killed", 0, 1).encode()
        transaction.set_state("generations", "000000000099", row)
    answer = box.esmith("forget", *CELL, code=ExitCode.FAILED)
    assert "signal-event killed was interrupted" in answer.err
    assert "esmith recover" in answer.err
    box.esmith("recover")
    box.esmith("forget", *CELL)
    assert traces(box, FIRST, SECOND) == {}


def test_inside_an_event(box: Root) -> None:
    """An action of an event cannot do it: the event may have to be rolled back."""
    make_event(box.path, "box-update", actions={"S95forget": "esmith forget configuration box Password || exit 0"})
    box.signal("box-update")
    assert "| esmith: an event runs, which could go back to what is forgotten" in box.read(LOG)
    assert FIRST in str(traces(box, FIRST))


def test_a_reader_of_an_older_state(box: Root) -> None:
    """When a process reads an older state all that time, it fails, names the process, and can be run again."""
    reader = start_child("read", str(box.path), "600")
    try:
        wait_ready(reader)
        answer = box.esmith("forget", *CELL, code=ExitCode.STORE)
        assert f"older states are read by process {reader.pid}" in answer.err
        assert "run this again" in answer.err
        assert "free space overwritten" not in answer.out
    finally:
        reader.kill()
        reader.communicate()
    assert "databases: free space overwritten" in box.esmith("forget", *CELL).out
    assert traces(box, FIRST, SECOND) == {}
