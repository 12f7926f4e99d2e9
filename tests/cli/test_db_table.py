"""Every cell of the table of docs/original.md#verbs-and-exit-codes: what each verb prints, changes and answers.

Where this version differs from the original on purpose, the row says why.
"""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

import pytest

from esmith.errors import ExitCode
from tests.commands import Root
from tests.store.stores import bare_root, data_file

#: The seed of the table. Haiku's value has a newline there, which is refused now.
SEED = [
    ["set", "Foo", "Bar"],
    ["set", "Squid", "cephalopod", "arms", "10", "species", "Loligo"],
    ["set", "Octopus", "cephalopod", "species", "", "arms", "8"],
    ["set", "Haiku", "poem", "words", "Damian God damn"],
    ["set", "empty", ""],
    ["set", "onlyprops", "", "a", "1"],
]
SEEDED = {
    "Foo": "Bar",
    "Haiku": "poem|words|Damian God damn",
    "Octopus": "cephalopod|arms|8|species|",
    "Squid": "cephalopod|arms|10|species|Loligo",
    "empty": "",
    "onlyprops": "|a|1",
}
PRINT = "".join(f"{key}={raw}\n" for key, raw in SEEDED.items())
SHOW = """\
Foo=Bar
Haiku=poem
    words=Damian God damn
Octopus=cephalopod
    arms=8
    species=
Squid=cephalopod
    arms=10
    species=Loligo
empty=
onlyprops=
"""
TYPES = "Foo=Bar\nHaiku=poem\nOctopus=cephalopod\nSquid=cephalopod\nempty=\nonlyprops=\n"

OK, NO, USAGE, REFUSED = ExitCode.OK, ExitCode.FAILED, ExitCode.USAGE, ExitCode.REFUSED


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Root:
    """Return a root with the table's seed in the database t, and an empty database; not to be changed."""
    root = bare_root(tmp_path_factory.mktemp("seeded") / "root")
    for words in SEED:
        root.db("t", *words)
    root.db("void", "set", "k", "v")
    root.db("void", "delete", "k")
    return root


@pytest.fixture
def table(seeded: Root, tmp_path: Path) -> Root:
    """Return a root with the table's seed for one test."""
    root = bare_root(tmp_path / "root")
    shutil.copy(data_file(seeded), data_file(root))
    return root


@pytest.fixture
def bare(tmp_path: Path) -> Root:
    """Return a root with the commands and an empty store."""
    return bare_root(tmp_path / "root")


#: Database, words, exit code, standard output. Standard error is empty in every row.
READS = [
    # keys
    ("t", "keys", OK, "Foo\nHaiku\nOctopus\nSquid\nempty\nonlyprops\n"),
    ("t", "keys extra arguments", OK, "Foo\nHaiku\nOctopus\nSquid\nempty\nonlyprops\n"),
    ("nosuch", "keys", NO, ""),
    ("void", "keys", NO, ""),
    # print
    ("t", "print", OK, PRINT),
    ("nosuch", "print", NO, ""),
    ("void", "print", NO, ""),
    ("t", "print Squid", OK, "Squid=cephalopod|arms|10|species|Loligo\n"),
    ("t", "print empty", OK, "empty=\n"),
    ("t", "print onlyprops", OK, "onlyprops=|a|1\n"),
    ("t", "print Nosuch", NO, ""),
    ("nosuch", "print Squid", NO, ""),
    ("t", "print ''", NO, ""),
    # show
    ("t", "show", OK, SHOW),
    ("nosuch", "show", NO, ""),
    ("void", "show", NO, ""),
    ("t", "show Squid", OK, "Squid=cephalopod\n    arms=10\n    species=Loligo\n"),
    ("t", "show Octopus", OK, "Octopus=cephalopod\n    arms=8\n    species=\n"),
    ("t", "show Foo", OK, "Foo=Bar\n"),
    ("t", "show onlyprops", OK, "onlyprops=\n"),
    ("t", "show Nosuch", NO, ""),
    ("nosuch", "show Squid", NO, ""),
    # get
    ("t", "get Squid", OK, "cephalopod|arms|10|species|Loligo\n"),
    ("t", "get Foo", OK, "Bar\n"),
    ("t", "get empty", OK, "\n"),
    ("t", "get Squid extra", OK, "cephalopod|arms|10|species|Loligo\n"),
    ("t", "get Nosuch", NO, ""),
    ("t", "get squid", NO, ""),
    ("nosuch", "get Squid", NO, ""),
    # printtype
    ("t", "printtype", OK, TYPES),
    ("nosuch", "printtype", NO, ""),
    ("void", "printtype", NO, ""),
    ("t", "printtype Squid", OK, "Squid=cephalopod\n"),
    ("t", "printtype Nosuch", NO, ""),
    ("nosuch", "printtype Squid", NO, ""),
    # gettype
    ("t", "gettype Squid", OK, "cephalopod\n"),
    ("t", "gettype Foo", OK, "Bar\n"),
    ("t", "gettype empty", OK, "\n"),
    ("t", "gettype onlyprops", NO, ""),
    ("t", "gettype Nosuch", NO, ""),
    ("nosuch", "gettype Squid", NO, ""),
    # printprop
    ("t", "printprop Squid", OK, "arms=10\nspecies=Loligo\n"),
    ("t", "printprop onlyprops", OK, "a=1\n"),
    ("t", "printprop Foo", NO, ""),
    ("t", "printprop empty", NO, ""),
    ("t", "printprop Nosuch", NO, ""),
    ("nosuch", "printprop Squid", NO, ""),
    ("t", "printprop Squid species arms", OK, "species=Loligo\narms=10\n"),
    ("t", "printprop Squid species nosuch arms", OK, "species=Loligo\narms=10\n"),
    ("t", "printprop Octopus species", OK, "species=\n"),
    ("t", "printprop Squid nosuch", OK, ""),
    ("t", "printprop Nosuch arms", OK, ""),
    ("nosuch", "printprop Squid arms", OK, ""),
    # getprop
    ("t", "getprop Squid arms", OK, "10\n"),
    ("t", "getprop Octopus species", OK, "\n"),
    ("t", "getprop onlyprops a", OK, "1\n"),
    ("t", "getprop Squid nosuch", NO, ""),
    ("t", "getprop Nosuch arms", NO, ""),
    ("nosuch", "getprop Squid arms", NO, ""),
    # Changed: the type of a record that has no property "type"; the original exits 1.
    ("t", "getprop Squid type", OK, "cephalopod\n"),
    ("t", "getprop Nosuch type", NO, ""),
    # Changed: 0 is an ordinary name; in the original it counts as missing.
    ("0", "keys", NO, ""),
    ("t", "get 0", NO, ""),
    ("t", "getprop Squid 0", NO, ""),
]


@pytest.mark.parametrize(("database", "words", "code", "out"), READS, ids=lambda cell: str(cell)[:40])
def test_reading(seeded: Root, database: str, words: str, code: int, out: str) -> None:
    """A reading verb prints exactly the table's bytes; what is missing is exit 1 without a word."""
    arguments = ["" if word == "''" else word for word in words.split()]
    answer = seeded.db(database, *arguments, code=code)
    assert (answer.out, answer.err) == (out, "")


#: Words, exit code, and the records that change: their raw form, or None for gone. Nothing is printed in any row.
WRITES: list[tuple[str, int, dict[str, str | None]]] = [
    # set
    ("set New type", OK, {"New": "type"}),
    ("set New type p v q w", OK, {"New": "type|p|v|q|w"}),
    ("set New type q w p v", OK, {"New": "type|p|v|q|w"}),
    ("set Squid mollusc", OK, {"Squid": "mollusc"}),
    ("set Squid mollusc eyes 2", OK, {"Squid": "mollusc|eyes|2"}),
    ("set Foo ''", OK, {"Foo": ""}),
    ("set Foo '' p v", OK, {"Foo": "|p|v"}),
    # setdefault
    ("setdefault New type p v", OK, {"New": "type|p|v"}),
    ("setdefault Squid mollusc eyes 2", OK, {}),
    ("setdefault empty type p v", OK, {}),
    # settype
    ("settype Squid mollusc", OK, {"Squid": "mollusc|arms|10|species|Loligo"}),
    ("settype onlyprops type", OK, {"onlyprops": "type|a|1"}),
    ("settype Nosuch type", NO, {}),
    # setprop
    ("setprop Squid arms 8", OK, {"Squid": "cephalopod|arms|8|species|Loligo"}),
    ("setprop Squid eyes 2", OK, {"Squid": "cephalopod|arms|10|eyes|2|species|Loligo"}),
    ("setprop Squid arms 8 eyes 2 species x", OK, {"Squid": "cephalopod|arms|8|eyes|2|species|x"}),
    ("setprop Squid arms 1 arms 2", OK, {"Squid": "cephalopod|arms|2|species|Loligo"}),
    ("setprop Squid arms ''", OK, {"Squid": "cephalopod|arms||species|Loligo"}),
    ("setprop Foo p v", OK, {"Foo": "Bar|p|v"}),
    ("setprop Nosuch arms 8", OK, {}),
    # delete
    ("delete Squid", OK, {"Squid": None}),
    ("delete Foo", OK, {"Foo": None}),
    ("delete Nosuch", NO, {}),
    # delprop
    ("delprop Squid arms", OK, {"Squid": "cephalopod|species|Loligo"}),
    ("delprop Squid arms species", OK, {"Squid": "cephalopod"}),
    ("delprop Squid nosuch arms", OK, {"Squid": "cephalopod|species|Loligo"}),
    ("delprop Squid nosuch", OK, {}),
    ("delprop Nosuch arms", OK, {}),
    # A property called "type" is an ordinary one, and hides the record's type from getprop.
    ("setprop Squid type x", OK, {"Squid": "cephalopod|arms|10|species|Loligo|type|x"}),
    # Changed: 0 is an ordinary key, property and type; in the original it counts as missing.
    ("set 0 v 0 w", OK, {"0": "v|0|w"}),
    ("setdefault New 0", OK, {"New": "0"}),
    ("setprop Squid 0 x", OK, {"Squid": "cephalopod|0|x|arms|10|species|Loligo"}),
]


@pytest.mark.parametrize(("words", "code", "changed"), WRITES, ids=lambda cell: str(cell)[:40])
def test_writing(table: Root, words: str, code: int, changed: dict[str, str | None]) -> None:
    """A writing verb changes exactly what the table says, and prints nothing."""
    answer = table.db("t", *("" if word == "''" else word for word in words.split()), code=code)
    assert (answer.out, answer.err) == ("", "")
    expected = {key: raw for key, raw in (SEEDED | changed).items() if raw is not None}
    lines = sorted((f"{key}={raw}" for key, raw in expected.items()), key=str.encode)
    assert table.db("t", "print").out.splitlines() == lines


#: Words on a database that does not exist, exit code, and what it holds afterwards; None when it still does not exist.
NEW_DATABASES: list[tuple[str, int, str | None]] = [
    ("set k v p w", OK, "k=v|p|w\n"),
    ("setdefault k v p w", OK, "k=v|p|w\n"),
    ("settype k v", NO, None),
    ("setprop k p v", OK, None),
    ("delete k", NO, None),
    ("delprop k p", OK, None),
]


@pytest.mark.parametrize(("words", "code", "records"), NEW_DATABASES, ids=lambda cell: str(cell)[:40])
def test_writing_to_a_new_database(bare: Root, words: str, code: int, records: str | None) -> None:
    """``set`` and ``setdefault`` make the database; the others make none."""
    answer = bare.db("new", *words.split(), code=code)
    assert (answer.out, answer.err) == ("", "")
    assert bare.db("new", "print", code=None).out == (records or "")
    assert ("database new:" in bare.esmith("status", "-v", code=None).out) == (records is not None)


def test_the_property_type_hides_the_type(bare: Root) -> None:
    """Once there is a property called type, getprop prints it; gettype prints the type still."""
    bare.db("t", "set", "k", "v", "type", "x")
    assert bare.db("t", "getprop", "k", "type").out == "x\n"
    assert bare.db("t", "gettype", "k").out == "v\n"
    assert bare.db("t", "show", "k").out == "k=v\n    type=x\n"


def test_config_is_db_configuration(bare: Root) -> None:
    """``config`` does what ``db configuration`` does, read and written."""
    bare.config("set", "k", "v", "p", "1")
    bare.db("configuration", "setprop", "k", "p", "2")
    for words in ("keys", "print", "show", "printtype", "get k", "getprop k p", "printprop k", "print nosuch"):
        answers = [run(*words.split(), code=None) for run in (bare.config, partial(bare.db, "configuration"))]
        assert answers[0] == answers[1]
    assert bare.config("get", "k").out == "v|p|2\n"
