"""Rows of docs/original.md#db-and-config, and of defaults, that no other test shows by itself."""

from __future__ import annotations

import pytest

from esmith.errors import ExitCode
from tests.commands import Root

FLAT = "/var/lib/mine/counters"


def test_zero_is_a_name(root: Root) -> None:
    """A database, a key, a property, a type and a value may be 0: each is found again."""
    root.db("0", "set", "0", "0", "0", "0")
    assert root.db("0", "show").out == "0=0\n    0=0\n"
    assert root.db("0", "getprop", "0", "0").out == "0\n"
    root.db("0", "setdefault", "more", "0")
    root.db("0", "set", "other", "x")
    root.db("0", "settype", "other", "0")
    assert root.db("0", "printtype").out == "0=0\nmore=0\nother=0\n"


def test_an_empty_type_is_stored_without_a_warning(root: Root) -> None:
    """The record is there with its properties, and nothing is printed."""
    answer = root.db("t", "set", "k", "", "a", "1")
    assert (answer.out, answer.err) == ("", "")
    assert root.db("t", "getprop", "k", "a").out == "1\n"


@pytest.mark.parametrize("verb", ["printjson", "getjson", "showjson", "setjson"])
def test_verbs_of_the_fork(root: Root, verb: str) -> None:
    """A verb of NethServer is wrong usage; --json with a verb of the original gives the records."""
    answer = root.config(verb, "qpsmtpd", code=ExitCode.USAGE)
    assert (answer.out, answer.err.splitlines()[0]) == ("", "usage:")
    assert root.config("--json", "get", "DomainName").out == '{"name": "DomainName", "type": "example.com"}\n'


def test_lines_of_a_text_file(root: Root) -> None:
    """A line without = is a record, one with blanks at its key is found, and properties are in byte order."""
    path = str(root.write(FLAT, "bare\nb = 1\nraw=t|z|1|a|2\n"))
    assert root.db(path, "get", "bare").out == "\n"
    assert root.db(path, "get", "b ").out == " 1\n"
    assert root.db(path, "get", "raw").out == "t|a|2|z|1\n"
    root.db(path, "delete", "b ")
    assert root.db(path, "keys").out == "bare\nraw\n"


def test_a_text_file_in_the_old_place_is_not_read(root: Root) -> None:
    """A file in /home/e-smith is no database, nor made one by an upgrade; it is left where it is."""
    old = root.write("/home/e-smith/gadgets", "k=v\n")
    root.file("/etc/e-smith/db/gadgets/defaults/made").mkdir(parents=True)
    root.write("/etc/e-smith/db/gadgets/defaults/made/type", "thing\n")
    assert root.db("gadgets", "keys", code=ExitCode.FAILED).err == ""
    root.esmith("initialize-databases")
    assert root.db("gadgets", "keys").out == "made\n"
    assert old.read_text() == "k=v\n"


def test_an_event_is_no_property(root: Root) -> None:
    """What lost its line break is refused, and the message has both commands; --force stores it."""
    words = ("setprop", "qpsmtpd", "DNSBL", "enabled", "signal-event", "email-update")
    answer = root.config(*words, code=ExitCode.USAGE)
    assert "config setprop qpsmtpd DNSBL enabled\n" in answer.err
    assert "signal-event email-update\n" in answer.err
    assert root.config("getprop", "qpsmtpd", "DNSBL").out == "disabled\n"
    root.config("--force", *words)
    assert root.config("getprop", "qpsmtpd", "signal-event").out == "email-update\n"


def test_a_file_for_a_record(root: Root) -> None:
    """A file where the directory of a record belongs gives nothing, and the directories beside it count."""
    root.write("/etc/e-smith/db/gadgets/defaults/plain", "x\n")
    root.write("/etc/e-smith/db/gadgets/defaults/made/type", "thing\n")
    assert root.esmith("initialize-databases").err == ""
    assert root.db("gadgets", "print").out == "made=thing\n"


def test_another_tree_of_defaults_is_not_looked_at(root: Root) -> None:
    """ESMITH_DB_DEFAULTSDIR gives no database its defaults."""
    root.write("/mine/configuration/defaults/farm/type", "service\n")
    root.run("esmith", "initialize-databases", env={"ESMITH_DB_DEFAULTSDIR": str(root.file("/mine"))})
    assert root.config("get", "farm", code=ExitCode.FAILED).out == ""


def test_a_default_with_a_bar(root: Root) -> None:
    """A default of a contrib with a bar in it is stored as it is, and the properties beside it stay."""
    for name, text in {"type": "thing", "a": "x|y", "b": "2"}.items():
        root.write(f"/etc/e-smith/db/gadgets/defaults/made/{name}", f"{text}\n")
    root.esmith("initialize-databases")
    assert root.db("gadgets", "show").out == "made=thing\n    a=x|y\n    b=2\n"
