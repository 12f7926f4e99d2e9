"""Schema files that are broken: the file, the word and the cure are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from esmith.errors import ExitCode, SchemaError
from tests.commands import Root
from tests.schema.kit import Desk

#: What a broken file says, and parts of the message.
BROKEN = {
    "unknown word": ('typ = "service"', ["unknown key 'typ'", "did you mean 'type'?"]),
    "unknown word in a property": (
        '[properties.p]\ndefalt = "x"',
        ["[properties.p] unknown key 'defalt'", "'default'?"],
    ),
    "unknown word in the value": ('[value]\nmini = 3\ntype = "integer"', ["[value] unknown key 'mini'", "'min'?"]),
    "other case": ("[properties.p]\nRemoved = true", ["unknown key 'Removed'", "did you mean 'removed'?"]),
    "underscore": ('[properties.p]\nrenamed_from = ["q"]', ["unknown key 'renamed_from'", "'renamed-from'?"]),
    "far from every word": ('xyzzy = "x"', ["unknown key 'xyzzy'", "the keys are type, help"]),
    "unknown type": (
        '[properties.p]\ntype = "bool"',
        ["[properties.p] type must be one of", "not 'bool'", "'enabled/disabled', 'yes/no'"],
    ),
    "a key of an unknown type": ('key = "ip4"', ["key must be one of", "not 'ip4'", "ipv4"]),
    "a key that would need more words": ('key = "choice"', ["key must be one of", "not 'choice'"]),
    "a table for a key": ("[key]", ["key must be one of", "not {}"]),
    "a key of one record": ('key = "ipv4"', ["key is for all records of a type", "@TYPE.toml"]),
    "a number for a text": ("[properties.p]\ndefault = 3", ["[properties.p] default must be a string, not 3"]),
    "a text for a list": ('[properties.p]\nrenamed-from = "q"', ["renamed-from must be a list of strings, not 'q'"]),
    "a text for a number": ('[properties.p]\nmin = "3"', ["min must be a number, not '3'"]),
    "a text for a flag": ('[properties.p]\nremoved = "true"', ["removed must be true or false, not 'true'"]),
    "a text for properties": ('properties = "p"', ["properties must be a table, not 'p'"]),
    "a text for a property": (
        '[properties]\np = "text"',
        ["properties.p must be a table, not 'text'", "write [properties.p]"],
    ),
    "no TOML": ("[properties.p\n", ["cannot be read", "line 1"]),
    "twice": ('type = "a"\ntype = "b"', ["cannot be read", "line 2"]),
    "numbers among values": ('[properties.p]\ntype = "choice"\nvalues = [1, 2]', ["values"]),
    "numbers among names": ("[properties.p]\nrenamed-from = [1]", ["renamed-from"]),
    "numbers among obsolete values": ('[properties.p]\ntype = "list"\nobsolete-values = [1]', ["obsolete-values"]),
    "numbers among replacements": ('[properties.p]\nreplace-values = { "0" = 1 }', ["replace-values"]),
    "numbers among ensured values": ('ensure-from = "t:Name"\n[ensure]\np = 1', ["ensure"]),
    "an empty separator": ('[properties.p]\ntype = "list"\nseparator = ""', ["separator"]),
    "a floor that is not a number": ('[properties.p]\nraise-to = "much"', ["raise-to"]),
    "records of no type": ('[properties.p]\nrefers-to = "accounts"', ["refers-to"]),
    "a flag for a number": ('[properties.p]\ntype = "integer"\nmin = true', ["min"]),
}


@pytest.mark.parametrize(("text", "parts"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_file(desk: Desk, text: str, parts: list[str]) -> None:
    """A mistake in a schema file is an error that names the file, the word, and the nearest known one."""
    path = desk.file("t/rec.toml", text + "\n")
    with pytest.raises(SchemaError) as caught:
        desk.schema.record("t", "rec", None)
    assert caught.value.place == str(path)
    for part in parts:
        assert part in str(caught.value)


def test_a_file_that_is_not_utf8(desk: Desk) -> None:
    """A schema file in another encoding is an error that names it."""
    path = desk.file("t/rec.toml", "")
    path.write_bytes(b'help = "\xe9"\n')
    with pytest.raises(SchemaError, match="cannot be read") as caught:
        desk.schema.record("t", "rec", None)
    assert caught.value.place == str(path)


def test_a_directory_for_a_file(desk: Desk) -> None:
    """A directory where a schema file belongs is an error that names it."""
    path = desk.file("t/rec.toml/x", "")
    with pytest.raises(SchemaError, match="cannot be read") as caught:
        desk.schema.record("t", "rec", None)
    assert caught.value.place == str(path.parent)


def test_the_commands_report_it(root: Root) -> None:
    """With a broken schema file setprop stores nothing and exits with its code; reading and --force go on."""
    path = root.write("/etc/e-smith/db/configuration/rec.toml", "[properties.p]\ndefalt = 1\n")
    root.config("--force", "set", "rec", "service", "p", "old")
    for words in (["setprop", "rec", "p", "new"], ["set", "rec", "x"], ["settype", "rec", "x"]):
        answer = root.config(*words, code=ExitCode.TEMPLATE)
        assert str(path) in answer.err
        assert "did you mean 'default'?" in answer.err
        assert len(answer.err.splitlines()) == 2
    assert root.config("get", "rec").out == "service|p|old\n"
    root.config("setprop", "qpsmtpd", "DNSBL", "enabled")
    root.config("setprop", "--force", "rec", "p", "new")
    assert root.config("getprop", "rec", "p").out == "new\n"
    answer = root.esmith("initialize-databases", code=ExitCode.PARTIAL)
    assert str(path) in answer.err


@pytest.mark.parametrize("name", ["rec.toml~", "rec.toml.rpmnew", "rec.toml.orig", ".rec.toml.swp", "README.md", "rec"])
def test_leftovers_are_no_schema_files(desk: Desk, name: str) -> None:
    """What editors and packages leave in the directory is not read."""
    desk.file(f"t/{name}", "this is not TOML")
    desk.file("t/good.toml", 'type = "service"')
    assert [schema.key for schema in desk.schema.files("t")] == ["good"]
    assert desk.schema.databases() == ["t"]


def test_no_schema_at_all(desk: Desk) -> None:
    """Without a directory of schema files nothing is known, and that is not an error."""
    assert desk.schema.databases() == []
    assert desk.schema.files("t") == []
    assert desk.schema.record("t", "rec", "service") is None


def test_hidden_directories_are_no_databases(desk: Desk) -> None:
    """A hidden directory, such as that of a version control system, and a plain file are not databases."""
    desk.file(".git/config.toml", "x")
    desk.file("README.md", "x")
    desk.file("t/rec.toml", "")
    assert desk.schema.databases() == ["t"]


def test_a_linked_file(desk: Desk, tmp_path: Path) -> None:
    """A schema file may be a symbolic link."""
    target = tmp_path / "elsewhere.toml"
    target.write_text('type = "service"')
    desk.file("t/other.toml", "")
    (desk.path / "etc/e-smith/db/t/rec.toml").symlink_to(target)
    found = desk.schema.record("t", "rec", None)
    assert found is not None
    assert found.type == "service"
