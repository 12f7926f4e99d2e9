"""``esmith import``: hints about what is stored, the same as from ``set`` and ``setprop``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.commands import Root

#: Each as the program and its words: database, key, type, properties with their values.
RECORDS = {
    "a URL in a list": ["configuration", "qpsmtpd", "service", "RBLList", "http://bl.test/x"],
    "no such account": ["configuration", "qmail", "service", "DoubleBounceTo", "nobodyhere"],
    "no address": ["accounts", "jane", "user", "ForwardAddress", "x@"],
    "a value without properties": ["configuration", "EmailUnknownUser", "nobodyhere"],
    "a misspelt property": ["configuration", "qpsmtpd", "service", "DNSBLL", "enabled"],
    "a misspelt record": ["configuration", "qpsmtp", "service", "status", "enabled"],
    "a misspelt type": ["accounts", "jane", "usr"],
    "a placeholder": ["configuration", "qmail", "service", "DoubleBounceTo", "<who>"],
    "other letters than DNS has": ["domains", "münchen.test", "domain"],
    "names below a domain": ["domains", ".below.test", "domain"],
    "a word of ciphers": ["configuration", "qpsmtpd", "service", "tlsCipher", "HIGH:!aNUL"],
    "the port of another": ["configuration", "imap", "service", "TCPPort", "25", "status", "enabled"],
}


def _hints(root: Root, path: Path, records: list[list[str]]) -> list[str]:
    """Import records of one database, each a line of a file, and return the hints."""
    lines = ["|".join([f"{key}={type}", *values]) for _, key, type, *values in records]
    path.write_text("".join(f"{line}\n" for line in lines))
    answer = root.esmith("import", "--json", str(path))
    findings = json.loads(answer.out)["files"][0]["findings"]
    return [finding["message"] for finding in findings if finding["kind"] == "hint"]


@pytest.mark.parametrize("words", RECORDS.values(), ids=RECORDS)
def test_the_hints_are_those_of_set(root: Root, tmp_path: Path, words: list[str]) -> None:
    """Of a record that is imported there are the hints, and no others, that set gives for the same record."""
    root.config("setprop", "smtpd", "status", "enabled", "TCPPort", "25")
    answer = root.db(words[0], "set", *words[1:])
    assert _hints(root, tmp_path / words[0], [words]) == [line.removeprefix("db: ") for line in answer.err.splitlines()]


def test_hints_are_shown_once_and_not_for_defaults(root: Root, tmp_path: Path) -> None:
    """A hint stands below the report with its file and line; records that are as the schema has them give none."""
    (tmp_path / "configuration").write_text("qpsmtpd=service|status|enabled\nqmail=service|DoubleBounceTo|nobodyhere\n")
    lines = root.esmith("import", str(tmp_path / "configuration")).out.splitlines()
    assert lines.pop() == "next: signal-event bootstrap-console-save"
    assert lines[-1] == (
        f"{tmp_path}/configuration:2: configuration qmail DoubleBounceTo: accounts has no record 'nobodyhere' of type "
        "user, group, pseudonym or system; make one, or correct the name (stored as given)"
    )
    assert lines[-2].startswith(f"{tmp_path}/configuration: 2 records, ")
    assert len(lines) == 2


def test_a_record_may_name_one_of_a_file_that_is_read_later(root: Root, tmp_path: Path) -> None:
    """The configuration is imported first, and yet an account of the other file counts as there."""
    old = tmp_path / "old"
    old.mkdir()
    (old / "configuration").write_text("qmail=service|DoubleBounceTo|jane\n")
    (old / "accounts").write_text("jane=user\n")
    assert "nobody" not in root.esmith("import", str(old)).out
    assert "no record 'jane'" not in root.esmith("import", str(old)).out


def test_many_hints(root: Root, tmp_path: Path) -> None:
    """Twenty are shown, and how many more there are; --json has all of them."""
    path = tmp_path / "accounts"
    records = [["accounts", f"group{number}", "group", "Members", "ghost"] for number in range(23)]
    assert len(_hints(root, path, records)) == 23
    lines = root.esmith("import", str(path)).out.splitlines()
    assert sum("no record 'ghost'" in line for line in lines) == 20
    assert lines[-1] == "... and 3 more hints: --json lists them"


@pytest.mark.parametrize("command", ["import", "initialize-databases"])
def test_a_block_list_that_is_dropped(root: Root, tmp_path: Path, command: str) -> None:
    """It is named with the reason, and so is that none is left; once it is gone there is nothing to report."""
    if command == "import":
        file = tmp_path / "configuration"
        file.write_text("qpsmtpd=service|RHSBL|enabled|SBLList|rhsbl.sorbs.net|RBLList|dnsbl.sorbs.net,zen.test\n")
        words = ["import", str(file)]
    else:
        values = ("RHSBL", "enabled", "SBLList", "rhsbl.sorbs.net", "RBLList", "dnsbl.sorbs.net,zen.test")
        root.config("setprop", "qpsmtpd", *values)
        words = ["initialize-databases"]
    fate = "sorbs.net was closed and holds no data (since 2024-06-05), so it was dropped"
    notes = [
        f"esmith: configuration qpsmtpd RBLList: dnsbl.{fate}",
        f"esmith: configuration qpsmtpd SBLList: rhsbl.{fate}",
        "esmith: configuration qpsmtpd SBLList: the list is empty now; name another block list, or disable RHSBL",
    ]
    assert root.esmith(*words).err.splitlines() == notes
    assert root.config("getprop", "qpsmtpd", "SBLList").out == "\n"
    assert root.esmith("initialize-databases").err == ""
