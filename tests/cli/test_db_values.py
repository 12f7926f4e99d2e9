"""Values and keys on the command line are stored exactly, or refused (docs/original.md#values-and-names)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from esmith.errors import ExitCode
from tests.commands import Root
from tests.store.stores import bare_root


@pytest.fixture
def bare(tmp_path: Path) -> Root:
    """Return a root with the commands and an empty store."""
    return bare_root(tmp_path / "root")


#: Values that are kept, with what the original made of them where that was something else.
VALUES = {
    "empty": "",
    "blanks around": " both ",  # the original drops the trailing blanks of a record's last property
    "only blanks": "   ",
    "equals sign": "x=y",
    "hash": "#hash",
    "shell": "$x `x` $(x) %s & ; < > * ? ~",
    "quotes": "'\"",
    "tab": "a\tb",
    "option": "--force",
    "short option": "-x",
    "dash": "-",
    "double dash": "--",
    "help": "--help",
    "backslash n": "a\\nb",  # the original turns these two characters into a newline
    "two backslashes n": "a\\\\nb",
    "bar": "a|b",  # the original shifts all properties after it
    "backslash bar": "a\\|b",
    "trailing backslash": "end\\",  # the original joins the next property to it
    "only backslash": "\\",
    "UTF-8": "é日🦑",
    "no-break space": "\xa0x\xa0",
    "line separator": "a\u2028b",
    "right to left": "\u202eabc",
    "zero": "0",
    "jinja": "{{ x }} {% y %} {# z #}",
    "perl": "{ system('x') }",
    "looks like a change": "(none)",
}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
def test_a_value_is_kept_exactly(bare: Root, value: str) -> None:
    """Every way of reading gives the value as it was set; only the raw form escapes '|'."""
    bare.db("t", "set", "k", "v", "last", "z")
    bare.db("t", "setprop", "k", "arms", value, "zz", value)
    raw = value.replace("|", "\\|")
    assert bare.db("t", "getprop", "k", "arms").out == f"{value}\n"
    assert bare.db("t", "show", "k").out == f"k=v\n    arms={value}\n    last=z\n    zz={value}\n"
    assert bare.db("t", "get", "k").out == f"v|arms|{raw}|last|z|zz|{raw}\n"
    data = json.loads(bare.db("t", "--json", "show", "k").out)
    assert data == {"name": "k", "type": "v", "props": {"arms": value, "last": "z", "zz": value}}


#: Types that are kept; the original trims blanks, and takes '|' for properties (see REFUSED).
TYPES = {name: value for name, value in VALUES.items() if "|" not in value}


@pytest.mark.parametrize("value", TYPES.values(), ids=TYPES.keys())
def test_a_type_is_kept_exactly(bare: Root, value: str) -> None:
    """The type, which is the value of a record without properties, is given back as it was set."""
    # settype takes an empty type for a missing one: test_db_usage.py.
    for words in [["set", "k", value], *([["settype", "k", value]] if value else [])]:
        bare.db("t", *words)
        assert bare.db("t", "get", "k").out == f"{value}\n"
        assert bare.db("t", "printtype").out == f"k={value}\n"
        bare.db("t", "set", "k", "other")


#: Keys that are kept, and so are property names of the same form.
NAMES = {
    "zero": "0",
    "short option": "-x",
    "dash": "-",
    "double dash": "--",
    "backslash n": "a\\nb",
    "quotes": '"q"',
    "blank inside": "a b",
    "tab inside": "a\tb",
    "UTF-8": "é日",
    "glob and address": "*@example.com",
    "dot": ".",
    "path": "../../etc/passwd",
    "hash inside": "a#b",
    "looks like a schema file": "@user",
    "long": "k" * 250,
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_a_name_is_kept_exactly(bare: Root, name: str) -> None:
    """A record is found by its key, and a property by its name, exactly as they were given."""
    bare.db("t", "set", name, "v", name, "x")
    assert bare.db("t", "print").out == f"{name}=v|{name}|x\n"
    bare.db("t", "setprop", name, name, "y")
    assert bare.db("t", "getprop", name, name).out == "y\n"
    bare.db("t", "delprop", name, name)
    assert bare.db("t", "get", name).out == "v\n"
    bare.db("t", "delete", name)
    assert bare.db("t", "keys", code=1).out == ""


def test_a_key_with_a_bar(bare: Root) -> None:
    """A key may hold '|', as in the original; a property name may not."""
    bare.db("t", "set", "k|p", "v")
    assert bare.db("t", "get", "k|p").out == "v\n"


def test_keys_are_listed_in_byte_order(bare: Root) -> None:
    """Upper case comes before lower case, and ASCII before the rest, in every listing."""
    for key in ("é", "a", "_", "Foo", "0", "-x"):
        bare.db("t", "set", key, "v", "b", "1", "B", "2", "é", "3")
    order = ["-x", "0", "Foo", "_", "a", "é"]
    assert bare.db("t", "keys").out.splitlines() == order
    assert [line.partition("=")[0] for line in bare.db("t", "print").out.splitlines()] == order
    assert [record["name"] for record in json.loads(bare.db("t", "--json", "show").out)] == order
    assert bare.db("t", "printprop", "a").out == "B=2\nb=1\né=3\n"


#: Words, part of the message, and what the original did.
REFUSED = {
    "newline in a value": (["setprop", "k", "p", "a\nb"], "a newline", "stored it as backslash n"),
    "carriage return in a value": (["setprop", "k", "p", "a\rb"], "a carriage return", "stored it"),
    "newline at the end": (["setprop", "k", "p", "a\n"], "a newline", "stored it as backslash n"),
    "escape sequence": (["setprop", "k", "p", "\x1b[2J"], "control character", "stored it"),
    "invalid UTF-8 in a value": (["setprop", "k", "p", "a\udcff"], "not UTF-8", "stored the bytes"),
    "invalid UTF-8 in a key": (["set", "\udce9", "v"], "not UTF-8", "stored the bytes"),
    "surrogate in UTF-8": (["set", "k", "\udced\udca0\udc80"], "not UTF-8", "stored the bytes"),
    "overlong UTF-8": (["set", "k", "\udcc0\udcaf"], "not UTF-8", "stored the bytes"),
    "newline in a key": (["set", "a\nb", "v"], "a newline", "exit 1"),
    "equals sign in a key": (["set", "k=v", "w"], "contain '='", "wrote it and lost the record"),
    "hash before a key": (["set", "#k", "v"], "begin with '#'", "wrote it and lost the record, exit 0"),
    "blank before a key": (["set", " k", "v"], "begin or end with a blank", "trimmed it"),
    "blank after a key": (["set", "k ", "v"], "begin or end with a blank", "trimmed it"),
    "setdefault of such a key": (["setdefault", "#k", "v"], "begin with '#'", "wrote it and lost the record"),
    "bar in a type": (["set", "k", "a|b|c"], "a type cannot contain '|'", "made a property of it"),
    "bar in a new type": (["settype", "k", "a|b|c"], "a type cannot contain '|'", "made a property of it"),
    "bar in a property name": (["setprop", "k", "a|b", "v"], "cannot contain '|'", "shifted the properties"),
    "empty property name": (["setprop", "k", "", "v"], "cannot be empty", "stored it"),
    "one bad of three": (["setprop", "k", "p", "1", "q", "a\nb", "r", "3"], "a newline", "stored two"),
    "bad in set": (["set", "k", "w", "p", "1", "q", "a\nb"], "a newline", "stored it"),
}


@pytest.mark.parametrize(("words", "message", "_original"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_kept_is_refused(bare: Root, words: list[str], message: str, _original: str) -> None:
    """What could be lost or change its meaning is refused with exit code 3 and one clear line; nothing is changed."""
    bare.db("t", "set", "k", "v", "p", "old")
    answer = bare.db("t", *words, code=ExitCode.REFUSED)
    assert answer.out == ""
    assert message in answer.err
    assert answer.err.startswith("db: ")
    assert len(answer.err.splitlines()) <= 2
    assert bare.db("t", "print").out == "k=v|p|old\n"


def test_invalid_utf8_is_refused_by_reading_too(bare: Root) -> None:
    """An argument that is not UTF-8 is refused by every verb, since no such record can exist."""
    for words in (["get", "\udcff"], ["getprop", "k", "\udcff"], ["print", "\udcff"]):
        assert "not UTF-8" in bare.db("t", *words, code=ExitCode.REFUSED).err


@pytest.mark.parametrize("words", [["get", "a=b"], ["getprop", "#k", "p"], ["show", " k"], ["print", "k\n"]])
def test_names_that_cannot_exist_are_missing(bare: Root, words: list[str]) -> None:
    """Reading a name that could not be stored finds nothing, silently."""
    bare.db("t", "set", "k", "v", "p", "x")
    answer = bare.db("t", *words, code=ExitCode.FAILED)
    assert (answer.out, answer.err) == ("", "")


def test_a_full_command_line(bare: Root) -> None:
    """Hundreds of properties in one command land together."""
    words = [word for number in range(500) for word in (f"prop{number:03}", f"value {number}")]
    bare.db("t", "set", "k", "v", *words)
    expected = "".join(f"prop{number:03}=value {number}\n" for number in range(500))
    assert bare.db("t", "printprop", "k").out == expected
