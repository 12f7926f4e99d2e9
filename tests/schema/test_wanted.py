"""A wanted state: what is written as TOML, or as a file of SME Server, is read and made so again, exactly."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from esmith.errors import RefusedError, UsageError
from esmith.schema.wanted import Wanted, apply_wanted
from esmith.schema.wanted_file import read_wanted
from esmith.store.flat.export import flat_text
from esmith.store.model import Record
from esmith.store.overlay import Overlay
from esmith.store.protocol import Store
from esmith.store.toml_text import toml_text
from tests.examples import examples
from tests.schema.kit import Desk
from tests.store import flat
from tests.store.stores import opened

#: Records by database and key.
Databases = dict[str, dict[str, Record]]
#: What means something in TOML, or to us, or in a database file.
_ODD_TEXTS = [
    "",
    "type",
    "a.b",
    "10.0.0.0",
    "x",
    "true",
    "1",
    'say "so"',
    "'",
    "[a]",
    "é",
    "\\n",
    'C:\\"',
    "a\tb",
    "# x",
    "'",
]
_TEXTS = st.sampled_from(_ODD_TEXTS) | st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=5)
_NAMES = st.sampled_from([text for text in _ODD_TEXTS if text and text[0] != "#"])
_RECORDS = st.builds(
    Record, _NAMES, _TEXTS.map(lambda text: text.replace("|", "")), st.dictionaries(_NAMES, _TEXTS, max_size=3)
)


def _stores(records: st.SearchStrategy[Record]) -> st.SearchStrategy[Databases]:
    return st.dictionaries(
        st.sampled_from(["configuration", "accounts", "my.db", "type"]),
        st.lists(records, max_size=4).map(lambda found: {record.key: record for record in found}),
        max_size=2,
    )


_ODD = {"a.b": {"type": Record("type", "", {"type": "x", "a.b": "", "c": 'C:\\n"'})}}


@pytest.fixture(scope="module")
def empty() -> Iterator[Store]:
    """Return a store that holds nothing, and stays so."""
    place = Path(tempfile.mkdtemp(prefix="wanted-"))
    with opened(place, create=True) as store:
        yield store
    shutil.rmtree(place)


def _filled(overlay: Overlay, databases: Databases) -> Overlay:
    for database, records in databases.items():
        for record in records.values():
            overlay.set_record(database, record)
    return overlay


def _contents(overlay: Overlay) -> dict[str, list[Record]]:
    return {name: records for name in overlay.databases() if (records := list(overlay.records(name)))}


def _write(text: str | bytes, name: str) -> str:
    place = Path(tempfile.mkdtemp(prefix="wanted-")) / name
    place.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(place)


def _is_made_so(empty: Store, databases: Databases, others: Databases) -> None:
    with empty.snapshot() as snapshot:
        first = _filled(Overlay(snapshot), databases)
        path = _write(toml_text(first, first.databases()), "all.toml")
        wanted = read_wanted(path)
        shutil.rmtree(Path(path).parent)
        second = Overlay(snapshot)
        apply_wanted(second, None, wanted)
        assert _contents(second) == _contents(first)
        third = _filled(Overlay(snapshot), {name: others[name] for name in others if databases.get(name)})
        apply_wanted(third, None, wanted, prune_records=True)
        assert _contents(third) == _contents(first)
        # Again, nothing differs.
        below = Overlay(third)
        apply_wanted(below, None, wanted, prune_records=True)
        assert below.changes == []


@settings(max_examples=examples(40), deadline=None)
@given(_stores(_RECORDS), _stores(_RECORDS))
@example(_ODD, {})
def test_what_is_exported_is_made_so(empty: Store, databases: Databases, others: Databases) -> None:
    """TOML of any databases, applied to an empty root, gives the same records, and so it does to any with --prune."""
    _is_made_so(empty, databases, others)


@pytest.mark.long
@settings(max_examples=2000, deadline=None)
@given(_stores(flat.RECORDS | _RECORDS), _stores(flat.RECORDS | _RECORDS))
def test_what_is_exported_is_made_so_long(empty: Store, databases: Databases, others: Databases) -> None:
    """The same for 2,000 times any records that can be stored."""
    _is_made_so(empty, databases, others)


@settings(max_examples=examples(20), deadline=None)
@given(
    _stores(_RECORDS).map(lambda found: next(iter(found.values()), {})).filter(bool),
    _stores(_RECORDS).map(lambda found: next(iter(found.values()), {})),
)
def test_a_database_file_is_made_so(empty: Store, records: dict[str, Record], others: dict[str, Record]) -> None:
    """A database file that is exported, applied with --prune to another database, gives the same records."""
    with empty.snapshot() as snapshot:
        first = _filled(Overlay(snapshot), {"own": records})
        path = _write(flat_text(first, "own").data, "own")
        wanted = read_wanted(path)
        shutil.rmtree(Path(path).parent)
        second = _filled(Overlay(snapshot), {"own": others})
        apply_wanted(second, None, wanted, prune=True)
        assert _contents(second) == _contents(first)


def _applied(empty: Store, text: str, name: str = "w.toml", **options: bool) -> dict[str, list[Record]]:
    """Apply a text to a few records, and return all of them then."""
    path = _write(text, name)
    try:
        with empty.snapshot() as snapshot:
            overlay = Overlay(snapshot)
            overlay.set_record("own", Record("a", "t", {"p": "1", "q": "2"}))
            overlay.set_record("own", Record("b", "t", {"p": "1"}))
            overlay.set_record("other", Record("c", "t", {}))
            apply_wanted(overlay, None, read_wanted(path), **options)
            return _contents(overlay)
    finally:
        shutil.rmtree(Path(path).parent)


_A, _B, _C = Record("a", "t", {"p": "1", "q": "2"}), Record("b", "t", {"p": "1"}), Record("c", "t", {})
_NEW = Record("a", "t", {"p": "9", "q": "2"})
_ONLY = Record("a", "t", {"p": "9"})


@pytest.mark.parametrize(
    ("name", "options", "own"),
    [
        ("w.toml", {}, [_NEW, _B]),
        ("w.toml", {"prune": True}, [_ONLY, _B]),
        ("w.toml", {"prune_records": True}, [_ONLY]),
        ("own", {}, [_NEW, _B]),
        ("own", {"prune": True}, [_ONLY]),
    ],
)
def test_what_is_pruned(empty: Store, name: str, options: dict[str, bool], own: list[Record]) -> None:
    """Without an option nothing is deleted; of a database that the file does not name nothing is in any case."""
    text = 'own.a.p = "9"\n' if name.endswith(".toml") else "a=t|p|9\n"
    assert _applied(empty, text, name, **options) == {"own": own, "other": [_C]}


@pytest.fixture
def numbered(desk: Desk) -> Overlay:
    """Return settings with values that the engine gave, whose schema says so."""
    number = 'type = "integer"\nassigned = "fixed"\n'
    desk.file("t/@user.toml", f'type = "user"\n[properties.Uid]\n{number}[properties.State]\nassigned = "free"\n')
    desk.file("t/@system.toml", 'type = "system"\n[properties.Key]\ntype = "secret"\ngenerate = 9\n')
    desk.file("t/Next.toml", '[value]\ntype = "integer"\nassigned = "free"\n')
    overlay = Overlay(desk.store.snapshot().__enter__())
    overlay.set_record("t", Record("tom", "user", {"Uid": "5000", "State": "yes", "Old": "1"}))
    overlay.set_record("t", Record("all", "system", {"Key": "secret", "Old": "1"}))
    overlay.set_record("t", Record("Next", "5001", {}))
    overlay.set_record("t", Record("gone", "user", {}))
    return overlay


@pytest.mark.parametrize("force", [False, True])
def test_what_the_engine_gave_is_not_pruned(desk: Desk, numbered: Overlay, force: bool) -> None:
    """Numbers, states and generated secrets stay where the file does not have them, also with force."""
    wanted = _wanted("[t.tom]\n[t.all]\n")
    apply_wanted(numbered, desk.schema, wanted, prune_records=True, force=force)
    assert list(numbered.records("t")) == [
        Record("Next", "5001", {}),
        Record("all", "system", {"Key": "secret"}),
        Record("tom", "user", {"Uid": "5000", "State": "yes"}),
    ]


def test_what_has_a_default_gets_it(desk: Desk) -> None:
    """To prune gives a property its default, also one that is always so, and deletes only what has none."""
    desk.file("t/@host.toml", 'type = "host"\n[properties.Port]\nforce = "25"\n[properties.On]\ndefault = "yes"\n')
    overlay = Overlay(desk.store.snapshot().__enter__())
    overlay.set_record("t", Record("kept", "host", {"Port": "24", "On": "no", "Other": "1"}))
    apply_wanted(overlay, desk.schema, _wanted("[t.kept]\n"), prune=True)
    assert list(overlay.records("t")) == [Record("kept", "host", {"Port": "25", "On": "yes"})]


@pytest.mark.parametrize("force", [False, True])
def test_what_the_initialisation_makes_is_not_pruned(desk: Desk, force: bool) -> None:
    """The name of the server, its own accounts and the record of its domain stay where the file does not have them."""
    desk.file("t/made.toml", 'type = "service"\n[properties.status]\ndefault = "enabled"\n')
    desk.file("t/Name.toml", '[value]\ndefault = "mail"\n')
    desk.file("t/@host.toml", 'type = "host"\nensure-from = "t:Name"\n')
    desk.file("t/late.toml", 'type = "service"\ncreate = false\n')
    overlay = Overlay(desk.store.snapshot().__enter__())
    made = [Record("Name", "mine", {}), Record("made", "old", {"status": "disabled"}), Record("mine", "host", {})]
    for record in (*made, Record("late", "service", {}), Record("other", "host", {}), Record("kept", "host", {})):
        overlay.set_record("t", record)
    apply_wanted(overlay, desk.schema, _wanted("[t.kept]\n"), prune_records=True, force=force)
    assert list(overlay.records("t")) == sorted([*made, Record("kept", "host", {})], key=lambda record: record.key)


def test_another_number_is_refused(desk: Desk, numbered: Overlay) -> None:
    """A number that files depend on does not become another one but by force; what only is so now may change."""
    wanted = _wanted("[t.tom]\nUid = '6000'\nState = 'no'\n[t.new]\ntype = 'user'\nUid = '7000'\n")
    with pytest.raises(RefusedError, match="not the Uid that tom has: files belong to the number 5000") as caught:
        apply_wanted(numbered, desk.schema, wanted)
    assert str(caught.value).endswith("\n  leave Uid out of the file\n  nothing was changed")
    assert caught.value.place.endswith("w.toml:2: t tom Uid")
    apply_wanted(numbered, desk.schema, wanted, force=True)
    assert [numbered.prop("t", key, "Uid") for key in ("tom", "new")] == ["6000", "7000"]
    assert numbered.prop("t", "tom", "State") == "no"


def _wanted(text: str) -> Wanted:
    path = _write(text, "w.toml")
    try:
        return read_wanted(path)
    finally:
        shutil.rmtree(Path(path).parent)


def test_toml_under_another_name_is_no_database_file(empty: Store) -> None:
    """The head of a table is not read as a record without a type: the file gets a name that ends in .toml."""
    with pytest.raises(RefusedError, match=r"own:2: is a table of TOML\n  give the file a name that ends in .toml"):
        _applied(empty, "# mine\n[own.a]\np = '9'\n", "own")
    assert _applied(empty, "[own.a]=t|p|9\n", "own")["own"][-1] == Record("b", "t", {"p": "1"})


@pytest.mark.parametrize(("text", "name"), [("[own]\n", "w.toml"), ("", "own"), ("# cut off\n", "own")])
def test_a_file_that_was_cut_off_empties_nothing(empty: Store, text: str, name: str) -> None:
    """A file without a record of its database is refused where it would delete all that are there."""
    with pytest.raises(RefusedError, match="has no record, and to prune would delete 2 records"):
        _applied(empty, text, name, prune=True, prune_records=True)
    assert _applied(empty, text, name)["own"] == [_A, _B]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[own.a]\np = 1\n", ":2: own a p: 1 is no string"),
        ("[own.a]\nq='2'\np = true\n", ":3: own a p: true is no string"),
        ("[own.a]\np = 1979-05-27\n", ":2: own a p: 1979-05-27 is no string"),
        ("[own.a]\nPassword = 1234\n", ":2: own a Password: the value is no string"),
        ('[own.a]\np = ["x"]\n', ":2: own a p: is a list"),
        ('[own.a.b]\np = "x"\n', ":1: own a b: is a table in the table of a record"),
        ("own = 'x'\n", ":1: own: 'own' stands in no table"),
        ("[own.a]\n\np = 'x\n", "is not TOML: "),
        ("[own.a]\np = '1'\n[own.a]\nq = '2'\n", "is not TOML: Cannot declare"),
        ("[own.new]\np = '1'\n", ":1: own new: there is no such record, and no type to make it with"),
        ("[own.a]\n\"a|b\" = '1'\n", ":2: own a: property 'a|b': a property name cannot contain '|'"),
        ("[own.a]\np = '''\nx\ny'''\n", ":2: own a p: a value cannot contain a newline"),
        ("[own.' a']\ntype = '1'\n", ":1: own: key ' a': a key cannot begin or end with a blank"),
        ("['o/n'.a]\ntype = '1'\n", ":1: o/n: 'o/n' is a path"),
    ],
)
def test_what_is_no_setting_is_named_with_its_line(empty: Store, text: str, message: str) -> None:
    """What cannot be stored, or is no string, is refused, and the message has the line."""
    with pytest.raises((RefusedError, UsageError)) as caught:
        _applied(empty, text)
    shown = str(caught.value).replace(str(caught.value).partition("w.toml")[0], "")
    assert message in shown and "1234" not in shown
    assert "nothing was changed" in shown or "TOML" in shown


def test_all_faults_are_named(empty: Store) -> None:
    """Everything that is wrong is in one message, each with its line; of many the first."""
    lines = "".join(f"p{number} = {number}\n" for number in range(30))
    with pytest.raises(RefusedError) as caught:
        _applied(empty, f"[own.a]\n{lines}")
    assert all(f"w.toml:{number + 2}: " in str(caught.value) for number in range(20))
    assert "... and 10 more faults" in str(caught.value)


def test_lines_of_database_files(empty: Store, tmp_path: Path) -> None:
    """A line of a database file that cannot be stored is named; so is one that the databases refuse."""
    with pytest.raises(RefusedError, match=r"own:2: a p: a value cannot contain a newline"):
        _applied(empty, "b=t\na=t|p|x\\ny\n", "own")
    with pytest.raises(RefusedError, match=r"own: no line has a '='"):
        _applied(empty, "nothing\n", "own")
    with pytest.raises(UsageError, match="there is no such file"):
        read_wanted(str(tmp_path / "none"))
    with pytest.raises(UsageError, match="there is no such file"):
        read_wanted(str(tmp_path / "none.toml"))
    (tmp_path / "own").write_text("a=t\n")
    (tmp_path / "w.toml").write_text("")
    with pytest.raises(UsageError, match="is TOML in a directory"):
        read_wanted(str(tmp_path))
