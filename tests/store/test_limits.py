"""What cannot be stored is refused with a reason, and nothing is cut."""

from __future__ import annotations

import shutil
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from esmith.errors import EsmithError, ExitCode, RefusedError, UsageError
from esmith.store.limits import MAX_NAME_BYTES, MAX_VALUE_BYTES, control_character
from esmith.store.model import Record
from esmith.store.protocol import Store, Transaction
from tests.commands import Root
from tests.store.stores import AUTHOR, contents, last_revision, opened, put

#: One or two characters of every class of control characters, with what the message calls them.
CONTROLS = {
    "nul": ("\0", "a NUL"),
    "start of heading": ("\x01", r"the control character '\x01'"),
    "bell": ("\a", r"the control character '\x07'"),
    "backspace": ("\b", r"the control character '\x08'"),
    "newline": ("\n", "a newline"),
    "vertical tab": ("\v", r"the control character '\x0b'"),
    "form feed": ("\f", r"the control character '\x0c'"),
    "carriage return": ("\r", "a carriage return"),
    "escape": ("\x1b", r"the control character '\x1b'"),
    "unit separator": ("\x1f", r"the control character '\x1f'"),
    "delete": ("\x7f", r"the control character '\x7f'"),
    "c1 first": ("\x80", r"the control character '\x80'"),
    "c1 next line": ("\x85", r"the control character '\x85'"),
    "c1 last": ("\x9f", r"the control character '\x9f'"),
}

Write = Callable[[Transaction, str], None]
PLACES: dict[str, tuple[str, Write]] = {
    "key": ("a key", lambda transaction, text: transaction.set_type("t", text, "v")),
    "type": ("a value", lambda transaction, text: transaction.set_type("t", "k", text)),
    "property": ("a property name", lambda transaction, text: transaction.set_prop("t", "k", text, "v")),
    "value": ("a value", lambda transaction, text: transaction.set_prop("t", "k", "p", text)),
}


def attempt(store: Store, write: Write, text: str) -> EsmithError | None:
    """Write a text somewhere; return the refusal."""
    try:
        with store.transaction(AUTHOR) as transaction:
            write(transaction, text)
    except EsmithError as error:
        return error
    return None


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", CONTROLS)
def test_control_characters_are_refused(store: Store, place: str, name: str) -> None:
    """Each class of control characters is refused in keys, types, property names and values, by its name."""
    put(store, "t", "k", "v", {"p": "old"})
    before = contents(store), last_revision(store)
    char, shown = CONTROLS[name]
    what, write = PLACES[place]
    for text in (char, f"a{char}b", f"a{char}", f"{char}b", f"é{char}"):
        error = attempt(store, write, text)
        assert isinstance(error, RefusedError)
        assert error.message == f"{what} cannot contain {shown}"
        assert char not in str(error).replace("\n  ", ""), "the message itself must not hold the character"
    assert (contents(store), last_revision(store)) == before


def test_the_control_characters_are_those_of_unicode() -> None:
    """Exactly the characters of category Cc are refused, but for the tab."""
    found = {chr(code) for code in range(0x110000) if control_character(chr(code)) is not None}
    assert found == {chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) == "Cc"} - {"\t"}


@pytest.mark.parametrize("text", ["\t", "a\tb", "\u200b", "\u2028", "\xa0", "🦑", "a b", "%s", "\\n"])
@pytest.mark.parametrize("place", ["type", "value"])
def test_other_characters_are_stored(store: Store, place: str, text: str) -> None:
    """A tab, invisible and wide characters are not control characters and are stored exactly."""
    put(store, "t", "k", "v")
    assert attempt(store, PLACES[place][1], text) is None
    record = contents(store)["t"][0]
    assert (record.type if place == "type" else record.props["p"]) == text


@pytest.mark.parametrize("place", PLACES)
def test_lone_surrogates_are_refused(store: Store, place: str) -> None:
    """What is not UTF-8 is refused everywhere, in a message that is UTF-8."""
    put(store, "t", "k", "v")
    what, write = PLACES[place]
    error = attempt(store, write, "a\udcffb")
    assert isinstance(error, RefusedError)
    assert error.message == f"{what} has to be UTF-8"
    assert str(error).encode()


@pytest.mark.parametrize(
    ("key", "prop"),
    [
        pytest.param("k" * 510, "", id="key"),
        pytest.param("k", "p" * 509, id="property"),
        pytest.param("k" * 300, "p" * 210, id="both"),
        pytest.param("é" * 255, "", id="key of two-byte characters"),
        pytest.param("k" * 3, "日" * 169, id="property of three-byte characters"),
    ],
)
def test_names_up_to_511_bytes(store: Store, key: str, prop: str) -> None:
    """Key and property name, with the byte between them, may have 511 bytes together; one more is refused."""
    assert len(f"{key}\0{prop}".encode()) == MAX_NAME_BYTES == 511
    put(store, "t", key, "v", {prop: "x"} if prop else {})
    before = contents(store)
    assert before["t"][0].props == ({prop: "x"} if prop else {})
    for longer in ((f"{key}k", prop), (key, f"{prop}p" if prop else "pp")):
        with pytest.raises(RefusedError, match="at most 511 can be stored") as caught:
            put(store, "t", longer[0], "v", {longer[1]: "x"} if longer[1] else {})
        assert len(str(caught.value)) < 1000
    assert contents(store) == before


@pytest.mark.parametrize("char", ["v", "é", "🦑"])
def test_values_up_to_65536_bytes(store: Store, char: str) -> None:
    """A value may have 65536 bytes of UTF-8; one more is refused, and the old value stays."""
    longest = char * (MAX_VALUE_BYTES // len(char.encode()))
    assert len(longest.encode()) == 65_536
    put(store, "t", "k", longest, {"p": longest})
    for type, props in ((longest + "v", {}), ("v", {"p": longest + "v"})):
        with pytest.raises(RefusedError, match="the value has 65537 bytes; at most 65536 can be stored"):
            put(store, "t", "k", type, props)
    record = contents(store)["t"][0]
    assert (record.type, record.props) == (longest, {"p": longest})


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("", "a key cannot be empty"),
        (" k", "begin or end with a blank"),
        ("k ", "begin or end with a blank"),
        ("\tk", "begin or end with a blank"),
        ("#k", "begin with '#'"),
        ("k=v", "contain '='"),
        ("=", "contain '='"),
    ],
)
def test_keys_the_flat_files_lose_are_refused(store: Store, key: str, reason: str) -> None:
    """A key that the original's files cannot hold is refused; it could not be exported."""
    with pytest.raises(RefusedError, match=reason):
        put(store, "t", key, "v")
    assert contents(store) == {}


@pytest.mark.parametrize("key", ["0", "k|p", "a b", "k#", '"q"', "-x", "\\n", "é", "a/b", ".", "..", "@user", "a\tb"])
def test_other_keys_are_stored(store: Store, key: str) -> None:
    """Every other key is stored as it is."""
    put(store, "t", key, "v", {"p": "x"})
    assert [(record.key, record.props) for record in contents(store)["t"]] == [(key, {"p": "x"})]


@pytest.mark.parametrize("prop", ["", "a|b", "|"])
def test_property_names_the_flat_files_lose_are_refused(store: Store, prop: str) -> None:
    """An empty property name, or one with '|', is refused."""
    with pytest.raises(RefusedError, match="a property name cannot"):
        put(store, "t", "k", "v", {prop: "x"})
    assert contents(store) == {}


def test_a_type_with_a_bar_is_refused(store: Store) -> None:
    """A type cannot hold '|', which would read as properties; the message says how to give those."""
    with pytest.raises(RefusedError, match=r"a type cannot contain '\|'") as caught:
        put(store, "t", "k", "service|status|enabled")
    assert "set KEY TYPE PROP VALUE" in caught.value.hint


@pytest.mark.parametrize("name", ["", ".hidden", "=journal", "-x", "a b", "é", "a\tb", "a/b", "/etc/db", "../x"])
def test_names_that_no_database_may_have(store: Store, name: str) -> None:
    """A path, an odd name, or a name of the store's own tables is refused as a database."""
    with pytest.raises(UsageError):
        put(store, name, "k", "v")
    assert contents(store) == {}


#: What the commands say to names and values of every kind they refuse: words after the database, code, message.
COMMANDS = [
    pytest.param(["set", "k" * 600, "v"], ExitCode.REFUSED, "at most 511", id="600-byte key"),
    pytest.param(["set", "é" * 300, "v"], ExitCode.REFUSED, "at most 511", id="600-byte key, two bytes each"),
    pytest.param(["setprop", "k", "p" * 600, "v"], ExitCode.REFUSED, "at most 511", id="600-byte property"),
    pytest.param(["setprop", "k", "p", "v" * 65_537], ExitCode.REFUSED, "at most 65536", id="long value"),
    pytest.param(["set", "k", "v" * 65_537], ExitCode.REFUSED, "at most 65536", id="long type"),
    pytest.param(["settype", "k", "v" * 65_537], ExitCode.REFUSED, "at most 65536", id="long new type"),
    pytest.param(["setprop", "k", "p", "a\nb"], ExitCode.REFUSED, "a newline", id="newline in value"),
    pytest.param(["set", "a\nb", "v"], ExitCode.REFUSED, "a newline", id="newline in key"),
    pytest.param(["setprop", "k", "a\nb", "v"], ExitCode.REFUSED, "a newline", id="newline in property"),
    pytest.param(["settype", "k", "a\rb"], ExitCode.REFUSED, "a carriage return", id="return in type"),
    pytest.param(["setprop", "k", "p", "\x1b[31m"], ExitCode.REFUSED, r"'\x1b'", id="escape in value"),
    pytest.param(["setprop", "k", "p", "a\udcffb"], ExitCode.REFUSED, "not UTF-8", id="invalid UTF-8 in value"),
    pytest.param(["set", "\udcff", "v"], ExitCode.REFUSED, "not UTF-8", id="invalid UTF-8 in key"),
    pytest.param(["setprop", "k", "", "v"], ExitCode.REFUSED, "cannot be empty", id="empty property"),
]


@pytest.fixture(scope="module")
def settled(_fresh: Path, tmp_path_factory: pytest.TempPathFactory) -> Root:
    """Return a root that the tests below share, since they must not change it."""
    path = tmp_path_factory.mktemp("settled") / "root"
    shutil.copytree(_fresh, path, symlinks=True)
    root = Root(path)
    root.config("set", "k", "v", "p", "old")
    return root


@pytest.mark.parametrize("force", [[], ["--force"]], ids=["", "forced"])
@pytest.mark.parametrize(("words", "code", "message"), COMMANDS)
def test_commands_refuse_and_change_nothing(
    settled: Root, words: list[str], code: int, message: str, force: list[str]
) -> None:
    """Each refusal is a line or two on stderr with its exit code; --force does not lift it; nothing is changed."""
    # The configuration database has schema files, which are looked for by key and by type.
    answer = settled.config(*force, *words, code=code)
    assert answer.out == ""
    assert message in answer.err
    assert len(answer.err.splitlines()) <= 2
    with opened(settled.path, write=False) as store, store.snapshot() as snapshot:
        assert snapshot.record("configuration", "k") == Record("k", "v", {"p": "old"})
        assert [revision.author.command[0] for revision in snapshot.revisions()][:2] == ["config", "esmith"]


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["set", "k" * 510, "v"], id="longest key"),
        pytest.param(["set", "k", "v" * 300], id="text of 300 bytes as a type"),
        pytest.param(["set", "k", "v" * 65_536], id="longest type"),
    ],
)
def test_commands_store_what_the_limits_allow(root: Root, words: list[str]) -> None:
    """A name or value within the limits is stored, though no schema file could have so long a name."""
    root.config(*words)
    assert root.config("print", words[1]).out == f"{words[1]}={words[2]}\n"


def test_a_database_name_of_600_bytes_is_refused(root: Root) -> None:
    """A database name that is too long is refused as a name, not reported as a trouble of the data file."""
    answer = root.db("d" * 600, "set", "k", "v", code=ExitCode.USAGE)
    assert "data.mdb" not in answer.err
    assert len(answer.err.splitlines()) <= 2
