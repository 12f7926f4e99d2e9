"""After a change of one record, what was made of all others is known to be as it was, by the journal."""

from __future__ import annotations

import pytest

from esmith.plan.since import Since
from tests.apply.kit import AUTHOR, Bench

PEERS = "/etc/peers/{key}"


@pytest.fixture
def office(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Give a root with a file for each of twelve networks, made of its mask and of that of its neighbour."""
    monkeypatch.setattr("esmith.plan.seen.TRUSTED_AGE_NS", -(10**18))
    bench.trees.standard("/etc/template.toml", "services = []\n")
    text = "{{ record.Mask }} {{ db.networks[record.Other | default('none')].Mask | default('no other') }}\n"
    bench.template(PEERS, text, 'foreach = "networks:network"')
    for number in range(12):
        bench.set("networks", f"10.{number}", "network", Mask="8", Other=f"10.{number + 1}")
    bench.apply(PEERS)
    return bench


def _expanded(bench: Bench) -> list[str]:
    return [output.path.rpartition("/")[2] for output in bench.plan(PEERS).outputs if not output.rendering.recalled]


def _set(bench: Bench, key: str, prop: str, value: str) -> None:
    with bench.store.transaction(AUTHOR) as transaction:
        transaction.set_prop("networks", key, prop, value)


def test_what_read_the_record_is_made_again(office: Bench) -> None:
    """The files that were made of a record that changed are expanded: its own and its neighbour's."""
    assert _expanded(office) == []
    _set(office, "10.5", "Mask", "16")
    assert _expanded(office) == ["10.4", "10.5"]
    office.apply(PEERS)
    assert _expanded(office) == []
    assert office.file("/etc/peers/10.4").read_text() == "8 16\n"


def test_a_change_back_is_none(office: Bench) -> None:
    """A property that holds again what it held when the file was made makes nothing new."""
    _set(office, "10.5", "Mask", "16")
    _set(office, "10.5", "Mask", "8")
    assert _expanded(office) == []


@pytest.mark.parametrize(("name", "most"), [("_MOST", 0), ("_MOST", 2), ("_FEW", 0), ("_FEW", 1)])
def test_however_much_changed(office: Bench, monkeypatch: pytest.MonkeyPatch, name: str, most: int) -> None:
    """Where more changed than the journal is asked for, the properties themselves are compared, and give the same."""
    monkeypatch.setattr(f"esmith.plan.since.{name}", most)
    _set(office, "10.5", "Mask", "16")
    _set(office, "10.8", "Unread", "1")
    _set(office, "10.2", "Other", "10.9")
    assert _expanded(office) == ["10.2", "10.4", "10.5"]


def test_the_others_are_not_compared(office: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was remembered of the files of other records is not even parsed."""
    parsed: list[str] = []

    def note(props: str, *_marks: tuple[str, ...]) -> list[list[str]]:
        parsed.append(props)
        return []

    monkeypatch.setattr("esmith.plan.now.rows_at", note)
    monkeypatch.setattr("esmith.plan.now.props_of", note)
    _set(office, "10.5", "Mask", "16")
    office.plan(PEERS)
    assert len(parsed) == 2


@pytest.mark.parametrize("key", ['q"uote', "back\\slash", "ümlaut", "a,b", "[x]", "10.5"])
def test_a_record_is_found_whatever_its_name(office: Bench, key: str) -> None:
    """A file is made again when a record changed that it names by a name with quotes and the like."""
    if key != "10.5":
        office.set("networks", key, "network", Mask="8")
    _set(office, "10.2", "Other", key)
    office.apply(PEERS)
    assert _expanded(office) == []
    _set(office, key, "Mask", "16")
    assert "10.2" in _expanded(office)


def test_a_revision_to_come_is_not_reached(office: Bench) -> None:
    """Of what was made from a later revision than there is, as after a restored copy, nothing is known."""
    with office.store.snapshot() as snapshot:
        last = snapshot.revision()
        since = Since(snapshot)
        assert since.reaches(last)
        assert since.reaches(0)
        assert not since.reaches(last + 1)
        assert since.changed(("networks", "10.5", "Mask"), 0)
        assert not since.changed(("networks", "10.5", "Mask"), last)
