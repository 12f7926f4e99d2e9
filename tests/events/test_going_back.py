"""A rollback takes back the files of a generation and the settings that they were made from, and no others."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esmith.apply.generations import list_generations
from esmith.errors import EsmithError
from esmith.events.earlier import find_earlier
from esmith.events.rollback import RolledBack, roll_back
from esmith.events.signal import signal_event
from esmith.fields import replace
from esmith.plan.installed import OUTPUTS
from esmith.plan.plan import make_plan
from tests.events.kit import Scene, make_event
from tests.examples import examples
from tests.store.stores import AUTHOR

#: What each template reads is in records that no other one reads.
TEMPLATES = {
    "/etc/switch": "{{ Sw.left | default('') if Sw.way | default('') == '1' else Sw.right | default('') }}\n",
    "/etc/list": "{% for one in records('people:user') %}{{ one.key }} {{ one.Name | default('') }}\n{% endfor %}",
    "/etc/names": "{% for name, value in db.names['all'] | properties %}{{ name }}\n{% endfor %}",
    "/mail/{key}": "{{ Mail.To | default('nobody') }}\n",
    "/etc/hosts.d/{key}": "made\n",
}
METADATA = {
    "/mail/{key}": 'foreach = "homes:user"\n',
    "/etc/hosts.d/{key}": "outputs = '''{% for one in records('hosts') %}{{ one.Alias | default }}\n{% endfor %}'''\n",
}
#: The events, and the templates of each.
EVENTS = {"one": ["/etc/switch", "/etc/list", "/mail/{key}"], "two": ["/etc/names", "/etc/hosts.d/{key}", "/etc/list"]}
#: By the beginning of a cell, the templates that may read it: none where it is not here.
READERS = {
    ("configuration", "Sw"): {"/etc/switch"},
    ("configuration", "Mail"): {"/mail/{key}"},
    ("people",): {"/etc/list"},
    ("names", "all"): {"/etc/names"},
    ("homes",): {"/mail/{key}"},
    ("hosts",): {"/etc/hosts.d/{key}"},
}
#: Of these no template reads the property, though it reads others of the record.
UNREAD = {("people", "Note"), ("homes", "Note"), ("hosts", "Note")}
CELLS = [
    ("configuration", "Sw", "way"),
    ("configuration", "Sw", "left"),
    ("configuration", "Sw", "right"),
    ("configuration", "Mail", "To"),
    ("configuration", "Other", "value"),
    *(("people", key, prop) for key in "ab" for prop in ("Name", "Note")),
    *(("homes", key, "Note") for key in "ab"),
    *(("hosts", key, prop) for key in "ab" for prop in ("Alias", "Note")),
    *(("names", "all", prop) for prop in "pq"),
]
#: A property, or a record, with the value it gets, None for none; or an event.
Step = tuple[tuple[str, ...], str | None] | str
CHANGES = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(CELLS), st.sampled_from("12")),
        st.tuples(st.sampled_from(CELLS), st.none()),
        st.tuples(st.sampled_from([cell[:2] for cell in CELLS if cell[0] != "configuration"]), st.none()),
    ),
    max_size=4,
)


def steps_of(rounds: int) -> st.SearchStrategy[list[Step]]:
    """Return what draws changes and an event in turns, and some changes after them."""
    both = st.builds(lambda changes, event: [*changes, event], CHANGES, st.sampled_from(sorted(EVENTS)))
    many = st.lists(both, min_size=2, max_size=rounds)
    return st.builds(lambda parts, last: [*(step for part in parts for step in part), *last], many, CHANGES)


@contextmanager
def made() -> Iterator[Scene]:
    """Give a root with the templates and events, of which the engine trusts the times from the beginning."""
    folder = Path(tempfile.mkdtemp())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("esmith.plan.seen.TRUSTED_AGE_NS", -(10**18))
        scene = Scene(folder / "root", patch)
        with closing(scene.store):
            for path, text in TEMPLATES.items():
                scene.template(path, text, METADATA.get(path, ""))
            for name, paths in EVENTS.items():
                make_event(scene.path, name, templates="\n".join(paths))
            scene.set("configuration", "Sw", "switch", way="1", left="l", right="r")
            scene.set("configuration", "Mail", "service")
            # Of the very first file of a template nobody knows whether its record or its template came later.
            scene.set("homes", "z", "user")
            scene.set("configuration", "Other", "service")
            for name in EVENTS:
                signal_event(scene.session(), name)
            yield scene
    shutil.rmtree(folder)


def change(scene: Scene, cell: tuple[str, ...], value: str | None) -> None:
    """Set or delete a property, or delete a record."""
    database, key, *props = cell
    with scene.store.transaction(AUTHOR) as transaction:
        if not props:
            transaction.delete_record(database, key)
        elif value is None:
            transaction.delete_prop(database, key, *props)
        else:
            if transaction.type_of(database, key) is None:
                transaction.set_type(database, key, "user")
            transaction.set_prop(database, key, props[0], value)


def stored(scene: Scene) -> dict[tuple[str, str, str], str]:
    """Return all settings."""
    with scene.store.snapshot() as snapshot:
        found = {}
        for database in snapshot.databases():
            for record in snapshot.records(database):
                found[database, record.key, ""] = record.type
                found |= {(database, record.key, prop): value for prop, value in record.props.items()}
        return found


def texts(scene: Scene) -> dict[str, str]:
    """Return all files that are made, with their text."""
    files = [path for place in ("etc/hosts.d", "mail") for path in (scene.path / place).glob("*")]
    files += [scene.path / name.lstrip("/") for name in TEMPLATES if "{" not in name]
    return {f"/{path.relative_to(scene.path)}": path.read_text() for path in files if path.exists()}


def numbers(scene: Scene) -> list[int]:
    """Return the numbers of the generations, the newest first."""
    with scene.store.snapshot() as snapshot:
        return [generation.number for generation in list_generations(snapshot)]


def readers(cell: tuple[str, str, str]) -> set[str]:
    """Return the templates that may have read a cell."""
    if (cell[0], cell[2]) in UNREAD:
        return set()
    return next((found for place, found in READERS.items() if cell[: len(place)] == place), set())


def template_of(path: str) -> str:
    """Return the template of a file."""
    return next(name for name in TEMPLATES if path == name or ("{" in name and path.startswith(name.split("{")[0])))


@given(steps=steps_of(4), data=st.data())
@settings(max_examples=examples(40), deadline=None)
def test_any_rollback(steps: list[Step], data: st.DataObject) -> None:
    """All files are those of the generation, an event changes none that was restored, other settings are as before."""
    _play(steps, data)


@pytest.mark.long
@given(steps=steps_of(8), data=st.data())
@settings(max_examples=examples(3000), deadline=None)
def test_any_rollback_of_many_steps(steps: list[Step], data: st.DataObject) -> None:
    """The same after more steps."""
    _play(steps, data)


def _play(steps: list[Step], data: st.DataObject) -> None:
    with made() as scene:
        past = {numbers(scene)[0]: texts(scene)}
        for step in steps:
            if isinstance(step, str):
                signal_event(scene.session(), step)
                past[numbers(scene)[0]] = texts(scene)
            else:
                change(scene, *step)
        earlier = [number for number in numbers(scene)[1:] if number in past]
        if not earlier:
            return
        number = data.draw(st.sampled_from(earlier))
        before = stored(scene)
        with scene.store.snapshot() as snapshot:
            shown = find_earlier(scene.layout, snapshot, number)
        back = roll_back(scene.session(), number, shown=shown)
        assert texts(scene) == past[number]
        assert (sorted(back.paths), back.unknown) == (shown.paths, [])
        _compare_settings(scene, before, back)
        with scene.store.snapshot() as snapshot:
            assert {change.cell for change in back.changes} == shown.cells
            plan = make_plan(scene.layout, snapshot, TEMPLATES)
        assert {output.path for output in plan.changed}.isdisjoint(back.paths)


def _compare_settings(scene: Scene, before: dict[tuple[str, str, str], str], back: RolledBack) -> None:
    """See that only those changed that restored files read, or that belong to a record that came or went."""
    after, restored = stored(scene), {template_of(path) for path in back.paths}
    differing = {cell for cell in before.keys() | after.keys() if before.get(cell) != after.get(cell)}
    records = {cell for cell in differing if not cell[2] and None in (before.get(cell), after.get(cell))}
    whole = {cell[:2] for cell in records if readers(cell) & restored}
    for cell in differing:
        assert readers(cell) & restored or cell[:2] in whole, cell


def test_a_setting_that_was_changed_twice() -> None:
    """It gets the value that the restored file was made from, also where it was changed again after the last event."""
    with made() as scene:
        for value in "45":
            change(scene, ("configuration", "Mail", "To"), value)
            signal_event(scene.session(), "one")
        change(scene, ("configuration", "Mail", "To"), "6")
        back = roll_back(scene.session())
        assert [(one.old, one.new) for one in back.changes] == [("6", "4")]


def test_a_mode_between_contents() -> None:
    """A rollback over installs that set only the mode, between some that changed the content, restores the file."""
    with made() as scene:
        for value in "45":
            scene.file("/etc/switch").chmod(0o640)
            signal_event(scene.session(), "one")
            change(scene, ("configuration", "Sw", "left"), value)
            signal_event(scene.session(), "one")
        roll_back(scene.session(), numbers(scene)[-1])
        assert scene.file("/etc/switch").read_text() == "l\n"
        assert scene.file("/etc/switch").stat().st_nlink == 1


def test_a_setting_that_no_event_had_made_effective() -> None:
    """A setting is restored that was changed before the generation, when its file was only made by a later one."""
    with made() as scene:
        change(scene, ("configuration", "Sw", "left"), "new")
        change(scene, ("names", "all", "p"), "1")
        signal_event(scene.session(), "two")
        signal_event(scene.session(), "one")
        back = roll_back(scene.session())
        assert back.paths == ["/etc/switch"]
        assert [(one.cell, one.new) for one in back.changes] == [(("configuration", "Sw", "left"), "l")]


def test_nothing_is_done_that_was_not_shown() -> None:
    """When a setting is changed after it was shown what would be restored, nothing is done."""
    with made() as scene:
        change(scene, ("configuration", "Mail", "To"), "4")
        signal_event(scene.session(), "one")
        with scene.store.snapshot() as snapshot:
            shown = find_earlier(scene.layout, snapshot)
        change(scene, ("configuration", "Mail", "To"), "5")
        before = stored(scene), texts(scene)
        with pytest.raises(EsmithError, match="were changed since this was shown"):
            roll_back(scene.session(), shown=shown)
        assert (stored(scene), texts(scene)) == before


def test_a_file_of_which_nothing_is_remembered() -> None:
    """Where it is not known what a file was made from, all settings that changed since go back, and it is named."""
    with made() as scene:
        with scene.store.transaction(AUTHOR) as transaction:
            row = OUTPUTS.get(transaction, "/etc/switch")
            assert row is not None
            OUTPUTS.put(transaction, "/etc/switch", replace(row, inputs=""))
        change(scene, ("configuration", "Sw", "left"), "new")
        change(scene, ("configuration", "Other", "value"), "1")
        signal_event(scene.session(), "one")
        back = roll_back(scene.session())
        assert back.unknown == ["/etc/switch"]
        assert sorted(one.prop for one in back.changes) == ["left", "value"]


def test_files_only() -> None:
    """With only the files no setting changes, and none is among what was done."""
    with made() as scene:
        change(scene, ("configuration", "Mail", "To"), "4")
        signal_event(scene.session(), "one")
        before = stored(scene)
        back = roll_back(scene.session(), files_only=True)
        assert (stored(scene), back.changes, back.paths) == (before, [], ["/mail/z"])
