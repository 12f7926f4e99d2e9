"""What the keys of a template were made of is remembered once, and what its outputs have in common as well."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from esmith.apply.forget import drop_digests, find_generations
from esmith.events.affected import including
from esmith.fragments.expansion import Expansion
from esmith.plan.installed import OUTPUTS, Installed
from esmith.plan.listed import LISTED, Listed, all_reads_of
from tests.apply.kit import AUTHOR, Bench

PEERS = "/etc/peers/{key}"
GATEWAY = ("configuration", "GatewayIP", "")
NETWORKS = "{% for network in records('networks:network') %}{{ network.key }} {{ network.Mask }}\n{% endfor %}"


@pytest.fixture
def office(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Give a root with a template that makes a file for each of twenty networks, expanded once and remembered."""
    # What is younger than a second is not trusted, which would make every test wait.
    monkeypatch.setattr("esmith.plan.seen.TRUSTED_AGE_NS", -(10**18))
    bench.trees.standard("/etc/template.toml", "services = []\n")
    bench.trees.standard("/clients", NETWORKS.replace(" {{ network.Mask }}", "{{ '' if network.Mask else '' }}"))
    bench.template(PEERS, "{{ '0' if key == GatewayIP else 'local' }}\n", "outputs = \"{{ template('/clients') }}\"")
    bench.set("configuration", "GatewayIP", "10.0.7.0")
    for number in range(20):
        bench.set("networks", f"10.0.{number}.0", "network", Mask="255.255.255.0")
    bench.apply(PEERS)
    return bench


def _rows(bench: Bench) -> tuple[dict[str, Installed], Listed]:
    with bench.store.snapshot() as snapshot:
        listed = LISTED.get(snapshot, PEERS)
        assert listed is not None
        return OUTPUTS.rows(snapshot), listed


def _recalled(bench: Bench) -> list[bool]:
    return [output.rendering.recalled for output in bench.plan(PEERS).outputs]


def _write(bench: Bench, change: Callable[[str, Installed], Installed], listed: Listed | None) -> None:
    """Write the rows of the outputs otherwise, and that of their template."""
    rows, _ = _rows(bench)
    with bench.store.transaction(AUTHOR) as transaction:
        for path, row in rows.items():
            OUTPUTS.put(transaction, path, change(path, row))
        LISTED.put(transaction, PEERS, listed)


def test_what_is_remembered_does_not_grow_with_the_square(office: Bench) -> None:
    """No row of an output names another network; what they were all made of stands in the row of the template."""
    rows, listed = _rows(office)
    assert list(listed.keys) == sorted(f"10.0.{number}.0" for number in range(20))
    assert len(listed.common) == 1
    assert all("10.0." not in row.inputs and len(row.inputs) < 30 for row in rows.values())
    assert '"networks"' not in "".join(listed.common.values())


def test_only_what_is_new_is_expanded(office: Bench) -> None:
    """A network more or less, or another mask, leaves the outputs of all others as they are: they are recalled."""
    assert _recalled(office) == [True] * 20
    office.set("networks", "10.0.5.0", "network", Mask="255.255.0.0")
    assert _recalled(office) == [True] * 20
    office.set("networks", "10.1.0.0", "network", Mask="255.255.0.0")
    office.delete("networks", "10.0.3.0")
    assert _recalled(office).count(False) == 2
    assert office.apply(PEERS) == ["/etc/peers/10.1.0.0: create", "/etc/peers/10.0.3.0: remove"]
    assert _recalled(office) == [True] * 20


def test_outputs_that_were_edited_are_made_again(office: Bench) -> None:
    """While the keys are as they were, an output that is not in its place is expanded alone, and depends on all."""
    office.file("/etc/peers/10.0.4.0").write_text("edited\n")
    (output,) = [output for output in office.plan(PEERS).outputs if not output.rendering.recalled]
    assert output.path == "/etc/peers/10.0.4.0"
    assert {GATEWAY, ("networks", "10.0.9.0", "Mask")} <= output.rendering.reads.props.keys()
    assert office.apply(PEERS) == ["/etc/peers/10.0.4.0: replace"]
    assert _recalled(office) == [True] * 20


def test_keys_without_an_output_are_remembered(office: Bench) -> None:
    """Where no key is left nothing is asked again, and a new one is noticed."""
    for number in range(20):
        office.delete("networks", f"10.0.{number}.0")
    assert len(office.apply(PEERS)) == 20
    assert _rows(office)[1].keys == {}
    assert office.apply(PEERS) == []
    office.set("networks", "10.9.0.0", "network", Mask="255.255.0.0")
    assert office.apply(PEERS) == ["/etc/peers/10.9.0.0: create"]


def test_the_warnings_of_keys(office: Bench) -> None:
    """What the making of the keys warns of is shown while it is so, whether outputs are recalled or not."""
    office.trees.standard("/clients", "{{ warn('no mask') if not db.networks['10.0.1.0'].Mask }}10.0.1.0\n10.0.2.0\n")
    office.set("networks", "10.0.1.0", "network")
    for _ in range(3):
        assert office.plan(PEERS).warnings == ["/etc/peers/10.0.1.0: no mask"]
        office.apply(PEERS)
    office.set("networks", "10.0.1.0", "network", Mask="255.255.255.0")
    assert office.plan(PEERS).warnings == []
    assert _recalled(office) == [True] * 2


def _older(_path: str, row: Installed) -> Installed:
    """Return a row as an older version wrote it: its head has all that there is, and the properties those of all."""
    head = {
        "kind": "file",
        "mode": 0o644,
        "owner": "root",
        "group": "root",
        "warnings": [],
        "template": "0" * 24,
        "templates": ["/clients"],
        "revisions": {"configuration": 99, "networks": 99},
        "names": [],
        "listings": {},
        "files": {},
        "programs": {},
        "schemas": {},
        "users": {},
    }
    return Installed(row.digest, row.mark, row.template, f"{json.dumps(head)}\n[]")


@pytest.mark.parametrize(
    "change",
    [
        _older,
        lambda _path, row: Installed(row.digest, row.mark, row.template, "=0123456789abcdef01234567"),
        lambda _path, row: Installed(row.digest, row.mark, row.template, "="),
        lambda _path, row: Installed(row.digest, row.mark, row.template),
    ],
    ids=["an older version", "of what is not there", "of nothing", "nothing"],
)
@pytest.mark.parametrize("with_listed", [True, False])
def test_other_rows_are_taken_for_nothing(
    office: Bench, change: Callable[[str, Installed], Installed], with_listed: bool
) -> None:
    """Rows of an older version, or that lead nowhere, have all expanded; they are as they should be after that."""
    before = _rows(office)
    _write(office, change, before[1] if with_listed else None)
    office.set("configuration", "GatewayIP", "10.0.8.0")
    assert _recalled(office) == [False] * 20
    assert office.apply(PEERS) == ["/etc/peers/10.0.7.0: replace", "/etc/peers/10.0.8.0: replace"]
    office.set("configuration", "GatewayIP", "10.0.7.0")
    office.apply(PEERS)
    assert _recalled(office) == [True] * 20
    assert _rows(office)[1].keys == before[1].keys


def test_an_older_version_takes_nothing_of_it(office: Bench) -> None:
    """What an older version asks of a row (``template`` in its head) stands in none, so it expands everything."""
    rows, listed = _rows(office)
    for text in (*listed.texts, *(row.inputs for row in rows.values())):
        head = text.partition("\n")[0]
        assert head.startswith("=") or "template" not in json.loads(head)


def test_what_an_output_was_made_of(office: Bench) -> None:
    """It counts as made from what it read itself and from what its key was made of, also by templates inside."""
    rows, _ = _rows(office)
    with office.store.snapshot() as snapshot:
        reads = all_reads_of(snapshot, rows["/etc/peers/10.0.1.0"])
        assert including(snapshot, ["/clients"]) == [PEERS]
    assert reads is not None
    assert {GATEWAY, ("networks", "10.0.9.0", "Mask")} <= reads


@pytest.mark.parametrize("cell", [GATEWAY, ("networks", "10.0.9.0", "Mask")], ids=["of outputs", "of keys"])
def test_forgetting_what_they_were_made_of(office: Bench, cell: tuple[str, str, str]) -> None:
    """To forget a value drops what is remembered of it with the template, and the installs whose files may show it."""
    office.set("configuration", "GatewayIP", "10.0.8.0")
    office.apply(PEERS)
    with office.store.snapshot() as snapshot:
        assert find_generations(office.layout, snapshot, ["never stored"], cell) == [1, 2]
        # The files of the second install are kept, and it is known that they saw nothing of this.
        assert find_generations(office.layout, snapshot, ["never stored"], ("networks", "10.0.9.0", "Other")) == []
    with office.store.transaction(AUTHOR) as transaction:
        drop_digests(transaction, cell)
    with office.store.snapshot() as snapshot:
        assert LISTED.get(snapshot, PEERS) is None
    assert _recalled(office) == [False] * 20
    assert office.apply(PEERS) == []


def test_what_stands_for_records_is_remembered(office: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which name each record has is asked again only when something that decides on it has changed."""
    office.template(SWAPPED, "{{ record.key }}\n", 'foreach = "networks:network"\nkey = "{{ record.Alias or \'\' }}"')
    office.set("networks", "10.0.1.0", "network", Mask="1", Alias="a")
    assert office.apply(SWAPPED) == ["/etc/named/a: create"]
    asked: list[str] = []
    original = Expansion.value

    def value(self: Expansion, key: str, text: str) -> str:
        asked.append(key)
        return original(self, key, text)

    monkeypatch.setattr(Expansion, "value", value)
    office.set("networks", "10.0.1.0", "network", Mask="2", Alias="a")
    assert [output.rendering.recalled for output in office.plan(SWAPPED).outputs] == [True]
    assert asked == []
    office.set("networks", "10.0.2.0", "network", Alias="b")
    assert office.apply(SWAPPED) == ["/etc/named/b: create"]
    assert asked.count("key") == 20
    office.set("networks", "10.0.1.0", "other", Alias="a")
    assert office.apply(SWAPPED) == ["/etc/named/a: remove"]


SWAPPED = "/etc/named/{key}"


def test_two_records_that_change_their_names(office: Bench) -> None:
    """A file that stands for another record than before is made of that one; of two with one name the last counts."""
    office.template(SWAPPED, "{{ record.Mask }}\n", 'foreach = "networks:network"\nkey = "{{ record.Alias or \'\' }}"')
    office.set("networks", "10.0.1.0", "network", Mask="1", Alias="a")
    office.set("networks", "10.0.2.0", "network", Mask="2", Alias="b")
    assert office.apply(SWAPPED) == ["/etc/named/a: create", "/etc/named/b: create"]
    office.set("networks", "10.0.1.0", "network", Mask="1", Alias="b")
    office.set("networks", "10.0.2.0", "network", Mask="2", Alias="a")
    office.apply(SWAPPED)
    assert [office.file(f"/etc/named/{name}").read_text() for name in "ab"] == ["2\n", "1\n"]
    office.set("networks", "10.0.1.0", "network", Mask="1", Alias="a")
    assert office.apply(SWAPPED) == ["/etc/named/b: remove"]
    assert office.file("/etc/named/a").read_text() == "2\n"
    assert office.apply(SWAPPED) == []
