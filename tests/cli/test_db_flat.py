"""``db`` on the path of a flat file: databases of scripts (docs/sme-server.md#databases-of-your-own-scripts)."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from esmith.errors import ExitCode
from tests.cli.test_db_imports import NEVER_FOR_READING, imported, packages
from tests.cli.test_db_table import READS, SEEDED, WRITES
from tests.cli.test_db_values import TYPES, VALUES
from tests.commands import Root
from tests.store.stores import bare_root
from tests.store.test_permissions import modes, powerless, run

SEED = "".join(f"{key}={raw}\n" for key, raw in SEEDED.items())


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Root:
    """Return a root with the commands; the tests here write to files of their own only."""
    return bare_root(tmp_path_factory.mktemp("flat") / "root")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a flat file with the seed of the contract's table."""
    path = tmp_path / "own.db"
    path.write_text(SEED)
    return path


def records(file: Path) -> str:
    """Return a file without its comments."""
    lines = file.read_bytes().decode().splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("#"))


ROWS = [row for row in READS if row[0] == "t"]


@pytest.mark.parametrize(("words", "code", "out"), [row[1:] for row in ROWS], ids=lambda cell: str(cell)[:40])
def test_reading(bare: Root, file: Path, words: str, code: int, out: str) -> None:
    """Every reading verb prints the bytes of the contract's table, and nothing is written."""
    before = file.stat()
    answer = bare.db(str(file), *("" if word == "''" else word for word in words.split()), code=code)
    assert (answer.out, answer.err) == (out, "")
    assert file.stat().st_mtime_ns == before.st_mtime_ns
    assert os.listdir(file.parent) == [file.name]


@pytest.mark.parametrize("missing", ["nosuch", "nosuch/file", "own.db/below"])
@pytest.mark.parametrize("words", sorted({row[1] for row in READS if row[0] == "nosuch"}))
def test_reading_a_missing_file(bare: Root, file: Path, missing: str, words: str) -> None:
    """A missing file is an empty database: exit 1 without a word, but for printprop with properties named."""
    code = ExitCode.OK if words == "printprop Squid arms" else ExitCode.FAILED
    answer = bare.db(str(file.parent / missing), *words.split(), code=code)
    assert (answer.out, answer.err) == ("", "")


@pytest.mark.parametrize(("words", "code", "changed"), WRITES, ids=lambda cell: str(cell)[:40])
def test_writing(bare: Root, file: Path, words: str, code: int, changed: dict[str, str | None]) -> None:
    """Every writing verb changes exactly what the table says, and prints nothing."""
    answer = bare.db(str(file), *("" if word == "''" else word for word in words.split()), code=code)
    assert (answer.out, answer.err) == ("", "")
    expected = {key: raw for key, raw in (SEEDED | changed).items() if raw is not None}
    assert records(file) == "".join(sorted((f"{key}={raw}\n" for key, raw in expected.items()), key=str.encode))
    assert file.read_text().startswith("# DO NOT MODIFY") == bool(changed), "what changes nothing writes nothing"
    assert os.listdir(file.parent) == [file.name]


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        ("set k v p w", 0, "k=v|p|w\n"),
        ("setdefault k v p w", 0, "k=v|p|w\n"),
        ("settype k v", 1, None),
        ("setprop k p v", 0, None),
        ("delete k", 1, None),
        ("delprop k p", 0, None),
    ],
)
def test_writing_a_missing_file(bare: Root, tmp_path: Path, words: str, code: int, text: str | None) -> None:
    """``set`` and ``setdefault`` make the file; the others make none."""
    answer = bare.db(str(tmp_path / "new"), *words.split(), code=code)
    assert (answer.out, answer.err) == ("", "")
    assert os.listdir(tmp_path) == (["new"] if text else [])
    assert text is None or records(tmp_path / "new") == text


@pytest.mark.parametrize("value", [*VALUES.values(), "two\nlines", "a\r\nb", "\x1b[2J"])
def test_a_value_is_kept_exactly(bare: Root, file: Path, value: str) -> None:
    """A value is read back as it was set, also one of several lines; other records stay as they were."""
    bare.db(str(file), "set", "k", "v", "arms", value, "zz", value)
    assert bare.db(str(file), "getprop", "k", "arms").out == f"{value}\n"
    assert bare.db(str(file), "show", "k").out == f"k=v\n    arms={value}\n    zz={value}\n"
    assert bare.db(str(file), "delete", "k").err == ""
    assert records(file) == SEED


@pytest.mark.parametrize("value", TYPES.values(), ids=TYPES.keys())
def test_a_type_is_kept_exactly(bare: Root, file: Path, value: str) -> None:
    """A type is read back as it was set."""
    bare.db(str(file), "set", "k", value)
    assert bare.db(str(file), "get", "k").out == f"{value}\n"


def test_what_the_original_wrote(bare: Root, file: Path) -> None:
    """A value of several lines is printed as the original prints it; bytes that are not UTF-8 come out as they are."""
    file.write_bytes(b"Haiku=poem|words|Damian\\nGod damn\nk=\xe9\n")
    assert bare.db(str(file), "show", "Haiku").out == "Haiku=poem\n    words=Damian\nGod damn\n"
    assert bare.db(str(file), "print").out == "Haiku=poem|words|Damian\nGod damn\nk=\udce9\n"


@pytest.mark.parametrize(
    "words", [["set", "#k", "v"], ["set", "a=b", "v"], ["set", "k", "a|b"], ["setprop", "Squid", "a|b", "v"]]
)
def test_what_would_be_lost_is_refused(bare: Root, file: Path, words: list[str]) -> None:
    """What could not be found again in the file is refused with its path, and nothing is changed."""
    answer = bare.db(str(file), *words, code=ExitCode.REFUSED)
    assert str(file) in answer.err
    assert len(answer.err.splitlines()) <= 2
    assert file.read_text() == SEED


def test_no_schema(root: Root, tmp_path: Path) -> None:
    """What a flat file may hold is known to nobody: nothing is checked, whatever its name is."""
    file = tmp_path / "configuration"
    answer = root.db(str(file), "set", "qpsmtpd", "service", "DNSBL", "maybe", "DNSB", "<x>")
    assert answer.err == ""
    assert root.db(str(file), "getprop", "qpsmtpd", "DNSBL").out == "maybe\n"
    assert root.config("getprop", "qpsmtpd", "DNSBL").out == "disabled\n"


def test_json_and_help(bare: Root, file: Path) -> None:
    """--json and usage errors are those of every database."""
    assert json.loads(bare.db(str(file), "--json", "show", "Foo").out) == {"name": "Foo", "type": "Bar"}
    assert bare.db(str(file), "get", code=ExitCode.USAGE).err == "/sbin/e-smith/db dbfile get key\n"


@pytest.mark.parametrize(
    "path",
    [
        "/home/e-smith/db/t",
        "/home/e-smith/../e-smith//db/t",
        "//home/e-smith/db/t",
        "ROOT/home/e-smith/db/t",
        "LINK/t",
        "../db/t",
        "./t",
    ],
)
def test_paths_of_databases(tmp_path: Path, path: str) -> None:
    """A path to the directory of the databases means the database of that name, however it is written."""
    root = bare_root(tmp_path / "root")
    (tmp_path / "link").symlink_to(root.file("/home/e-smith/db"))
    name = path.replace("ROOT", str(root.path)).replace("LINK", str(tmp_path / "link"))
    root.db("t", "set", "k", "v")
    assert root.db(name, "get", "k").out == "v\n"
    root.db(name, "set", "k", "w")
    assert root.db("t", "get", "k").out == "w\n"
    assert sorted(os.listdir(root.file("/home/e-smith/db"))) == ["data.mdb", "data.verified", "lock.mdb"]


def test_the_data_file_is_safe(tmp_path: Path) -> None:
    """The store's own file is never taken for a flat file, also not that of another root."""
    root, other = bare_root(tmp_path / "root"), bare_root(tmp_path / "other")
    other.db("t", "set", "k", "v")
    root.db(f"{root.path}/home/e-smith/db/data.mdb", "set", "k", "v")
    assert root.db("data.mdb", "get", "k").out == "v\n"
    answer = root.db(f"{other.path}/home/e-smith/db/data.mdb", "set", "k", "v", code=ExitCode.STORE)
    assert "is not a flat database file" in answer.err
    assert other.db("t", "get", "k").out == "v\n"


def test_relative_paths(tmp_path: Path) -> None:
    """A path without a slash in front is below the directory of the databases, and never leaves the root."""
    root = bare_root(tmp_path / "root")
    root.db("../own", "set", "k", "v")
    assert records(root.file("/home/e-smith/own")) == "k=v\n"
    root.db("../../../../../../own", "set", "k", "v")
    assert records(root.file("/own")) == "k=v\n"
    answer = root.db("no/such", "set", "k", "v", code=ExitCode.STORE)
    assert f"{root.path}/home/e-smith/db/no/such: no such file or directory" in answer.err


def test_dbpath(bare: Root, tmp_path: Path) -> None:
    """DBPATH goes before every name, also before that of config; the directory of the databases stays that."""
    env = {"DBPATH": str(tmp_path)}
    bare.run("config", "set", "k", "v", env=env)
    bare.run("db", "/t", "set", "k", "w", env=env)
    assert records(tmp_path / "configuration") == "k=v\n"
    assert records(tmp_path / "t") == "k=w\n"
    assert bare.config("get", "k", code=1).out == ""
    bare.run("db", "t", "set", "own", "x", env={"DBPATH": "/home/e-smith/db"})
    assert bare.db("t", "get", "own").out == "x\n"
    assert bare.run("db", "t", "get", "own", env={"DBPATH": ""}).out == "x\n"


def test_no_root_is_needed(bare: Root, tmp_path: Path) -> None:
    """A flat file needs no databases under the root."""
    env = {"ESMITH_ROOT": str(tmp_path)}
    bare.run("db", f"{tmp_path}/own", "set", "k", "v", env=env)
    assert bare.run("db", f"{tmp_path}/own", "get", "k", env=env).out == "v\n"


@pytest.mark.program("setpriv")
def test_without_permission(bare: Root) -> None:
    """Where the directory may not be written, or the file not be read, a command says so; the file stays."""
    folder = bare.file("/own")
    folder.mkdir()
    file = folder / "db"
    file.write_text(SEED)
    for path, mode, words in (
        ("/own", 0o500, ["set", "k", "v"]),
        ("/own/db", 0, ["keys"]),
        ("/own/db", 0, ["set", "k", "v"]),
    ):
        with modes(bare, {path: mode}):
            code, out, err = run(bare, "db", str(file), *words)
        assert (code, out) == (ExitCode.STORE, "")
        assert f"{file}: permission denied" in err
    assert file.read_text() == SEED
    assert os.listdir(folder) == ["db"]
    if powerless():
        os.chown(file, 12345, 12345)
        file.chmod(0o644)
        assert run(bare, "db", str(file), "set", "k", "v")[0] == ExitCode.OK, "root keeps the owner"
        assert file.stat().st_uid == 12345


def test_imports(root: Root, file: Path) -> None:
    """Reading a flat file needs neither click nor the store's database engine, nor the schema."""
    modules = imported(root, "db", str(file), "getprop", "Squid", "arms")
    assert packages(modules) & NEVER_FOR_READING == set()
    assert packages(modules) & {"lmdb"} == set()
    assert not {module for module in modules if module.startswith("esmith.schema")}
    assert "esmith.store.flat.path" not in imported(root, "config", "getprop", "qpsmtpd", "DNSBL")
