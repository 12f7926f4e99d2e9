"""What else ends in a transaction of a member: taking back, restoring, and what is tried or is no store of a root."""

from __future__ import annotations

from pathlib import Path

from esmith.fleet.replica import checking, overrides
from esmith.store.flat.file import FlatFile
from esmith.store.model import Record
from esmith.store.overlay import Overlay
from esmith.store.protocol import Store
from esmith.store.undo import undo
from tests.fleet.replica.fleet import AUTHOR, THING, Fleet


def _marks(store: Store) -> list[tuple[tuple[str, str, str], str]]:
    with store.snapshot() as snapshot:
        assert checking.faults(snapshot) == []
        return [(cell, mark.kind) for cell, mark in overrides.all_marks(snapshot)]


def test_taking_back_what_was_shared(member: Store, fleet: Fleet) -> None:
    """A revision that changed a layer is taken back in that layer, and one of this host only here."""
    with member.transaction(AUTHOR, "group:g2") as transaction:
        transaction.set_prop(*THING, "p", "near")
        number = transaction.revision() + 1
    undo(member, number, AUTHOR, layer="")
    assert fleet.journal[-1].changes == [("group:g2", *THING, "p", "1")]
    with member.transaction(AUTHOR, "host") as transaction:
        transaction.set_prop(*THING, "p", "own")
        number = transaction.revision() + 1
    assert _marks(member) == [((*THING, "p"), "host")]
    sent = len(fleet.journal)
    undo(member, number, AUTHOR, layer="")
    assert _marks(member) == []
    assert len(fleet.journal) == sent


def test_a_deleted_record_is_taken_back_as_a_whole(member: Store, fleet: Fleet) -> None:
    """A record that was deleted in all layers comes back with its properties, for all."""
    with member.transaction(AUTHOR, "") as transaction:
        transaction.delete_record(*THING)
        number = transaction.revision() + 1
    assert fleet.journal[-1].changes == [("fleet", *THING, "", None)]
    undo(member, number, AUTHOR, layer="")
    assert sorted(fleet.journal[-1].changes) == [("fleet", *THING, "", "v"), ("fleet", *THING, "p", "1")]
    assert _marks(member) == []


def test_settings_that_are_restored_are_of_this_host(member: Store, fleet: Fleet) -> None:
    """A restored backup changes this host only: what differs from the layers goes before them."""
    with member.transaction(AUTHOR) as transaction:
        revisions = list(transaction.revisions())
        transaction.replace_journal(revisions, transaction.revision() + 2)
        transaction.set_record(THING[0], Record(THING[1], "v", {"p": "of the backup", "q": "2"}))
    assert fleet.asked == []
    assert _marks(member) == [((*THING, "p"), "host")]


def test_what_is_only_tried_asks_nobody(member: Store, fleet: Fleet) -> None:
    """Changes on top of a snapshot are no transaction: they have no layer, and no fleet hears of them."""
    with member.snapshot() as snapshot:
        with Overlay(snapshot) as tried:
            tried.set_prop(*THING, "p", "2")
        assert (tried.layer, tried.assigned, tried.notes) == (None, {}, [])
    assert fleet.asked == []


def test_a_flat_file_has_no_layers(tmp_path: Path, fleet: Fleet) -> None:
    """A flat file takes any layer, and keeps what it is given."""
    path = str(tmp_path / "flat")
    with FlatFile(path).transaction(AUTHOR, "fleet") as transaction:
        transaction.set_type(path, "a", "v")
    assert transaction.notes == []
    assert fleet.asked == []
    assert "a=v" in Path(path).read_text()
