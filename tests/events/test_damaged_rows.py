"""Damaged rows in the engine's own tables: whatever is in them, every command ends as it should, and events work."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from esmith.apply.compare import compare, shown
from esmith.apply.drift import count_installed, find_drift
from esmith.apply.generations import GENERATIONS, list_generations
from esmith.apply.left import LEFT, REFUSED, Left, Refused, list_left
from esmith.cli.generations import _lines
from esmith.cli.services import services_lines
from esmith.errors import EsmithError, ExitCode
from esmith.events.affected import TemplateUse
from esmith.events.confirm import UNCONFIRMED, UnconfirmedChange, confirm, find_unconfirmed
from esmith.events.damage import TABLES, find_damaged
from esmith.events.derived import STALE, Stale
from esmith.events.expand import expand_templates
from esmith.events.forget import rehearse_forgetting
from esmith.events.pending import PENDING, PendingAction
from esmith.events.recover import find_interrupted, next_due, recover_all
from esmith.events.rollback import roll_back
from esmith.events.unsettled import UNSETTLED, Unsettled
from esmith.plan.installed import OUTPUTS
from esmith.printable import shown_time
from esmith.schema.load import Schema
from esmith.status.services import services_data
from esmith.store.table import DamagedRowError, decode_json
from esmith.watch.places import installed_outputs
from tests.apply.kit import AUTHOR
from tests.commands import Root
from tests.events.kit import Scene, damage_all
from tests.examples import examples

#: The rows of each table: name -> bytes.
Rows = dict[str, dict[str, bytes]]
SET_ASIDE = "var/lib/e-smith/set-aside"


def fill(scene: Scene) -> Rows:
    """Give a root whose tables all have rows; return them."""
    scene.give_reader()
    scene.template("/etc/other", "{{ A.value }} {{ B.value | default('') }}\n")
    scene.template("/etc/of/{key}", "{{ key }}\n", 'outputs = "a\\n{{ A.value }}"')
    scene.event("/etc/t\n/etc/other\n/etc/of/{key}\n", "clamd sighup\n")
    for value in ("second", "third"):
        scene.set("configuration", "A", "setting", value=value)
        scene.signal()
    with scene.store.transaction(AUTHOR) as transaction:
        PENDING.put(transaction, "clamd", PendingAction(["restart"], 1e9, "signal-event try", 2e9))
        LEFT.put(transaction, "/etc/left", Left("no reason", "/etc/left", 1e9))
        REFUSED.put(transaction, "/etc/t", Refused("try", "signal-event try", 1e9, "sh", "sh refuses it", "0" * 64))
        STALE.put(transaction, "qmail-newu", Stale(["/var/qmail/users/cdb"], "signal-event try", 1e9))
        number = list_generations(transaction)[0].number
        UNCONFIRMED.put(transaction, "pending", UnconfirmedChange("signal-event try", 4e9, number, 1, 2))
        UNSETTLED.put(transaction, "20260101-000000-000-0123456789ab", Unsettled(2, number, [["try"]]))
    with scene.store.snapshot() as snapshot:
        return {table.name: dict(snapshot.states(table.name)) for table in TABLES}


def reset(scene: Scene, rows: Rows) -> None:
    """Write the rows of all tables as they are given, and nothing besides them."""
    with scene.store.transaction(AUTHOR) as transaction:
        for table, wanted in rows.items():
            for name, _ in list(transaction.states(table)):
                transaction.set_state(table, name, None)
            for name, row in wanted.items():
                transaction.set_state(table, name, row)


def look(scene: Scene) -> None:
    """Do what the commands do that only show something."""
    find_interrupted(scene.layout, scene.store)
    with scene.store.snapshot() as snapshot:
        schema = Schema(scene.layout)
        _lines(list_generations(snapshot))
        count_installed(snapshot), find_drift(scene.layout, snapshot), find_damaged(snapshot)
        services_lines(services_data(scene.layout, snapshot, with_all=True))
        list_left(snapshot), TemplateUse.of(scene.layout, snapshot), installed_outputs(scene.layout, snapshot)
        next_due(snapshot), REFUSED.rows(snapshot)
        change = find_unconfirmed(snapshot)
        if change is not None:
            shown_time(change.deadline)
        with suppress(EsmithError):
            shown(compare(scene.layout, snapshot, None, None), snapshot, schema)


COMMANDS: dict[str, Callable[[Scene], object]] = {
    "show": look,
    "signal-event": lambda scene: scene.signal(),
    "expand-template": lambda scene: expand_templates(scene.session(), ["/etc/t"]),
    "recover": lambda scene: recover_all(scene.session()),
    "rollback": lambda scene: roll_back(scene.session()),
    "confirm": lambda scene: confirm(scene.session()),
    "forget": lambda scene: rehearse_forgetting(scene.session(), ("configuration", "A", "value")),
}

_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["", "/", "/etc", "a\0b"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def _damaged(draw: st.DrawFn, rows: Rows) -> Rows:
    """Damage rows: another content, another form, a field more, less or of another type; and other names."""
    found = {table: dict(known) for table, known in rows.items()}
    for _ in range(draw(st.integers(1, 3))):
        table = draw(st.sampled_from(sorted(rows)))
        name = draw(st.sampled_from(sorted(rows[table])))
        row = rows[table][name]
        if draw(st.integers(0, 4)) == 0:
            name = draw(st.binary(min_size=1, max_size=20).map(lambda raw: raw.decode("utf-8", "surrogateescape")))
        found[table][name] = draw(
            st.binary(max_size=60)
            | st.sampled_from([row[:length] for length in range(len(row))])
            | _json.map(lambda data: json.dumps(data).encode())
            | _changed(row)
        )
    return found


@st.composite
def _changed(draw: st.DrawFn, row: bytes) -> bytes:
    """Change one value somewhere in the JSON of a row."""
    head, newline, rest = row.partition(b"\n")
    if newline:
        lines = rest.split(b"\n")
        at = draw(st.integers(0, len(lines) - 1))
        lines[at] = _replaced(draw, lines[at])
        return b"\n".join([head, *lines])
    return _replaced(draw, row)


def _replaced(draw: st.DrawFn, text: bytes) -> bytes:
    try:
        data = json.loads(text)
    except ValueError:
        return text
    place: Any = data
    while isinstance(place, dict | list) and place:
        key = draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        inner = place[key]
        if not isinstance(inner, dict | list) or not inner or draw(st.booleans()):
            if draw(st.integers(0, 3)) == 0:
                del place[key]
            else:
                place[key] = draw(_json)
            break
        place = inner
    return json.dumps(data).encode()


@pytest.mark.parametrize("number", [examples(60), pytest.param(2000, marks=pytest.mark.long)])
def test_no_row_stops_a_command(scene: Scene, number: int) -> None:
    """Whatever is in the rows, no command raises anything but an error of ours, and an event works after it."""
    rows = fill(scene)

    @settings(
        max_examples=number,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def check(data: st.DataObject) -> None:
        scene.notes.clear()
        reset(scene, data.draw(_damaged(rows)))
        with suppress(EsmithError):
            COMMANDS[data.draw(st.sampled_from(sorted(COMMANDS)))](scene)
        scene.signal()
        with scene.store.snapshot() as snapshot:
            assert find_damaged(snapshot) == []
        scene.notes.clear()
        scene.signal()
        assert not any("damaged" in note for note in scene.notes), "it is reported once"

    check()


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_damaged_row_is_set_aside(scene: Scene, table: Any) -> None:
    """The next command that changes files moves it to a file, and says which row it was and what that means."""
    rows = fill(scene)
    name = min(rows[table.name])
    reset(scene, {**rows, table.name: {**rows[table.name], name: b"{\xff"}})
    scene.notes.clear()
    scene.signal()
    assert f"a row of the table {table.name} is damaged ({name}): {table.meaning(name)}" in scene.notes[0]
    assert scene.notes[1] == "1 damaged row of the databases set aside in /var/lib/e-smith/set-aside"
    (file,) = (scene.path / SET_ASIDE).iterdir()
    assert file.name.startswith(f"{table.name}.")
    assert file.read_bytes() == b"{\xff"
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_many_damaged_rows(scene: Scene) -> None:
    """The message names ten of them."""
    rows = fill(scene)
    reset(scene, {**rows, "left": {f"/etc/{number:02d}": b"" for number in range(30)}})
    scene.notes.clear()
    recover_all(scene.session())
    assert [note for note in scene.notes if note.startswith("... and")] == ["... and 20 more damaged rows"]
    assert len(list((scene.path / SET_ASIDE).iterdir())) == 30


def test_a_row_that_cannot_be_set_aside(scene: Scene) -> None:
    """Where the file cannot be made the row stays where it is, a message says so, and the event works."""
    rows = fill(scene)
    (scene.path / SET_ASIDE).write_text("in the way")
    reset(scene, {**rows, "left": {"/etc/x": b""}})
    scene.set("configuration", "A", "setting", value="fourth")
    scene.notes.clear()
    scene.signal()
    assert "the damaged rows could not be set aside: " in scene.notes[1]
    assert scene.file("/etc/t").read_text() == "fourth\n"
    with scene.store.snapshot() as snapshot:
        assert [row.name for row in find_damaged(snapshot)] == ["/etc/x"]


def test_rows_of_other_versions(scene: Scene) -> None:
    """A field that this version does not know is left out, one that an older version did not have gets its default."""
    fill(scene)
    with scene.store.snapshot() as snapshot:
        (generation, *_) = list_generations(snapshot)
    data = json.loads(generation.encode())
    newer = {**data, "color": "blue", "before": [{**before, "size": 1} for before in data["before"]]}
    assert GENERATIONS.read(f"{generation.number:012d}", json.dumps(newer).encode()) == generation
    for name in ("machine", "boot", "token"):
        del data[name]
    for before in data["before"]:
        before.pop("new", None), before.pop("mark", None)
    older = GENERATIONS.read(f"{generation.number:012d}", json.dumps(data).encode())
    assert older is not None
    assert (older.token, older.before[0].new) == ("", None)


@pytest.mark.parametrize(
    "row", [b"", b"[" * 100_000, b"null", b"[]", b'"x"', b"{}", b'{"reason": 1}', b"\xff", b"1" * 5000]
)
def test_what_is_no_row(row: bytes) -> None:
    """What is no JSON, or that of something else, is damaged; nothing else is raised."""
    with pytest.raises(DamagedRowError):
        decode_json(Left, row)


def test_damaged_memory_of_an_output(scene: Scene) -> None:
    """An output whose dependencies are damaged is expanded, and they are remembered as they should be again."""
    rows = fill(scene)
    head, _, _ = rows["outputs"]["/etc/t"].partition(b"\n")
    for rest in (b'{"kind": []}', b"\xff\n\xff", b"{}\n[[1]]", b"[\n["):
        reset(scene, {**rows, "outputs": {**rows["outputs"], "/etc/t": head + b"\n" + rest}})
        scene.signal()
        with scene.store.snapshot() as snapshot:
            assert OUTPUTS.get(snapshot, "/etc/t") == OUTPUTS.read("/etc/t", rows["outputs"]["/etc/t"])


def test_only_one_module_reads_rows() -> None:
    """Every table of the engine is a StateTable that is looked through for damage."""
    import gc

    from esmith.store.table import StateTable

    # Otherwise what was made before the first test is not among the objects (tests/conftest.py).
    gc.unfreeze()
    there = [table for table in gc.get_objects() if isinstance(table, StateTable)]
    gc.freeze()
    assert sorted(map(id, there)) == sorted(map(id, TABLES)), [table.name for table in there]


WORDS = {
    "status": ("esmith", "status", "-v"),
    "status --json": ("esmith", "status", "--json"),
    "generations": ("esmith", "generations"),
    "services": ("esmith", "services", "--all"),
    "diff": ("esmith", "diff"),
    "history": ("esmith", "history"),
    "undo": ("esmith", "undo", "--force", "LAST"),
    "check": ("esmith", "check"),
    "confirm": ("esmith", "confirm"),
    "rollback": ("esmith", "rollback"),
    "recover": ("esmith", "recover"),
    "forget": ("esmith", "forget", "configuration", "qmail", "ConcurrencyLocal"),
    "expand-template": ("expand-template", "/var/qmail/control/concurrencylocal"),
    "signal-event": ("signal-event", "email-update"),
}


def test_commands(office: Root) -> None:
    """With damaged rows in all tables each command ends as it does without them, and an event succeeds."""
    office.config("setprop", "qmail", "ConcurrencyLocal", "5")
    office.signal("email-update")
    last = str(json.loads(office.esmith("history", "--limit", "1", "--json").out)[0]["revision"])
    commands = {name: [last if word == "LAST" else word for word in words] for name, words in WORDS.items()}
    codes = {name: office.run(*words, code=None).code for name, words in commands.items()}
    assert codes["signal-event"] == 0
    for name, words in commands.items():
        damage_all(office)
        answer = office.run(*words, code=None)
        # Where all generations were damaged there is none to compare with, or to go back to.
        usage = {ExitCode.USAGE} if name in ("diff", "rollback") else set()
        if name.startswith("status"):
            usage = {ExitCode.PENDING}
        assert answer.code in {codes[name], *usage}, f"{name}: {answer.err}"
        if name.startswith("status"):
            assert "a row of the table outputs is damaged" in answer.out or '"table": "outputs"' in answer.out
    assert "a row of the table" not in office.signal("email-update").err
