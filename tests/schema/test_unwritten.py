"""What ``initialize-databases`` would change is found without changing anything."""

from __future__ import annotations

from esmith.schema.unwritten import find_unwritten, has_fragments
from tests.schema.kit import Desk
from tests.store.stores import AUTHOR, contents

FILES = {
    "t/Name.toml": '[value]\ntype = "text"\ndefault = "one"\n',
    "t/rec.toml": """
type = "service"
[properties.Default]
default = "d"
[properties.Forced]
force = "f"
[properties.Raised]
type = "integer"
raise-to = "15"
[properties.Gone]
removed = true
[properties.New]
renamed-from = ["Old"]
""",
    "u/@named.toml": 'type = "named"\nensure-from = "t:Name"\n[ensure]\nPrimary = "yes"\n',
}


def _cells(desk: Desk) -> list[tuple[str, str, str, str | None]]:
    with desk.store.snapshot() as snapshot:
        found = find_unwritten(desk.layout, snapshot)
    return sorted((*change.cell, change.new) for change in found)


def test_it_is_what_initialize_databases_does(desk: Desk) -> None:
    """Each change that the command makes is found before it, and none after it; looking stores nothing."""
    for name, text in FILES.items():
        desk.file(name, text)
    desk.initialize()
    assert _cells(desk) == []
    desk.put("t", "Name", "two")
    desk.put("t", "rec", "service", {"Forced": "mine", "Raised": "5", "Gone": "x", "Old": "o"})
    with desk.store.transaction(AUTHOR) as transaction:
        transaction.delete_prop("t", "rec", "Default")
    before, revision = contents(desk.store), desk.revision()
    found = _cells(desk)
    assert (contents(desk.store), desk.revision()) == (before, revision)
    assert [(key, prop) for _, key, prop, _ in found] == [
        *(("rec", name) for name in ("Default", "Forced", "Gone", "New", "Old", "Raised")),
        ("two", ""),
        ("two", "Primary"),
    ]
    done, _ = desk.initialize()
    assert sorted((*change.cell, change.new) for change in done) == found
    assert _cells(desk) == []


def test_migrate_fragments_are_not_run(desk: Desk) -> None:
    """A migrate fragment of a contrib is known of, and not run: what it would change is not found."""
    desk.file("t/rec.toml", FILES["t/rec.toml"])
    desk.initialize()
    assert not has_fragments(desk.layout)
    desk.file("t/migrate/10x", '{ $DB->get("rec")->set_prop("Forced2", "x"); die; }\n')
    assert has_fragments(desk.layout)
    assert _cells(desk) == []
