"""docs/json.md says what every command prints with ``--json``."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from esmith.cli.declarations import all_declarations
from tests.commands import Root
from tests.documents import HOME, headings, rows, section

#: The keys of one command, each with its type.
Table = dict[str, str]

_MAY_BE_MISSING = ", may be missing"
_SCALARS: dict[str, Any] = {"text": str, "number": (int, float), "true or false": bool, "null": type(None)}
_OUTER: dict[str, Any] = {"list": list, "object": dict}
_ENTRIES = {"texts": str, "numbers": int, "objects": dict, "lists": list}


def _tables() -> dict[str, Table]:
    """Return the tables of the document by their commands."""
    found = {}
    for _, _, heading in headings(HOME / "docs/json.md"):
        if heading.startswith("`"):
            table = rows(section("json.md", heading))
            found[heading.replace("`", "")] = {row[0].strip("`"): row[1] for row in table}
    return found


def _named(number: int) -> set[str]:
    """Return the commands of a table at the beginning of the document.

    :param number: 0 for those that have no ``--json``, 1 for those whose keys are described elsewhere.
    """
    tables = re.findall(r"(?:^\|.*\n)+", (HOME / "docs/json.md").read_text().partition("\n## ")[0], re.MULTILINE)
    return {name for row in rows(tables[number]) for name in re.findall(r"`([^`]+)`", row[0])}


def test_every_command_has_json_or_a_reason() -> None:
    """Each command has --json and a table of what it prints, or a reason why not; and no other is in the document."""
    with_json: set[str] = set()
    without: set[str] = set()
    for declaration in (found for top in all_declarations() for found in top.all()):
        name = " ".join(declaration.words)
        if declaration.words[0] in ("config", "db") or name == "esmith":
            continue
        has_json = any("--json" in option.names for option in declaration.options)
        (with_json if has_json else without).add(name)
    described = {name for name in _tables() if not name.startswith("config ")}
    assert described | _named(1) == with_json
    assert not described & _named(1)
    assert _named(0) == without


def faults(table: Table, data: Any, place: str = "") -> list[str]:
    """Return how data differs from a table.

    :param place: where in the data it is, as the first column has it.
    """
    if isinstance(data, list):
        return [fault for entry in data for fault in faults(table, entry, f"{place}[]")]
    if not isinstance(data, dict):
        return []
    below = f"{place}." if place else ""
    if any(key.startswith(f"{below}NAME.") for key in table):
        return [fault for value in data.values() for fault in faults(table, value, f"{below}NAME")]
    known = {
        key.removeprefix(below): type
        for key, type in table.items()
        if key.startswith(below) and not re.search(r"[.\[]", key.removeprefix(below))
    }
    if not known:
        # Its keys are in the third column.
        return []
    found = [f"{below}{key} is not in the table" for key in data.keys() - known.keys()]
    for key, type in known.items():
        if key not in data:
            found += [f"{below}{key} is missing"] * (not type.endswith(_MAY_BE_MISSING))
        elif not _is_of(type.removesuffix(_MAY_BE_MISSING), data[key]):
            found.append(f"{below}{key} is {data[key]!r}, and not {type}")
        else:
            found += faults(table, data[key], f"{below}{key}")
    return found


def _is_of(type: str, value: Any) -> bool:
    if type in _SCALARS:
        return isinstance(value, _SCALARS[type]) and (type != "number" or not isinstance(value, bool))
    outer, _, entries = type.partition(" of ")
    if " or " in outer:
        return any(_is_of(one, value) for one in type.split(" or "))
    if not isinstance(value, _OUTER[outer]):
        return False
    each = value.values() if isinstance(value, dict) else value
    return not entries or all(isinstance(entry, _ENTRIES[entries]) for entry in each)


def test_the_comparison_finds_faults() -> None:
    """What is missing, more, or of another type than the table says is found, also deep in a list."""
    table = {"[].a": "text or null", "[].b": "list of objects, may be missing", "[].b[].c": "number"}
    assert faults(table, [{"a": "x"}, {"a": None, "b": [{"c": 1}]}]) == []
    assert faults(table, [{"a": 1}]) == ["[].a is 1, and not text or null"]
    assert faults(table, [{}]) == ["[].a is missing"]
    assert faults(table, [{"a": "", "b": [{"c": True, "d": 0}]}]) == [
        "[].b[].d is not in the table",
        "[].b[].c is True, and not number",
    ]
    assert faults({"NAME.x": "text"}, {"one": {"x": 1}}) == ["NAME.x is 1, and not text"]


@pytest.fixture
def used(office: Root, tmp_path: Path) -> Root:
    """Return an office in which there is something to report."""
    office.config("setprop", "fetchmail", "SecondaryMailPassword", "tru5tno1")
    office.config("setprop", "clamav", "MaxFiles", "1700")
    (tmp_path / "accounts").write_bytes(b"mary=user|City|M\xfcnchen\n")
    (tmp_path / "shadow").write_text("tom:!!:19000:0:99999:7:::\n")
    office.write("/contrib/etc/e-smith/events/phone-update/services2adjust/qpsmtpd", "")
    return office


def test_what_is_printed_is_in_the_tables(used: Root, tmp_path: Path) -> None:
    """Each command prints with --json the keys of its table, each of its type."""
    used.file("/var/qmail/control/me").unlink()
    calls: dict[str, list[str]] = {
        "signal-event": ["clamav-update"],
        "expand-template": ["--dry-run", "/var/qmail/control/me"],
        "esmith initialize-databases": [],
        "esmith services": ["--all"],
        "esmith accounts": [],
        "esmith check": ["/var/qmail/control/databytes", "/etc/crontab"],
        "esmith history": ["--limit", "5"],
        "esmith forget": ["--dry-run", "configuration", "fetchmail", "SecondaryMailPassword"],
        "esmith generations": [],
        "esmith diff": [],
        "esmith confirm": [],
        "esmith recover": [],
        "esmith import": ["--dry-run", str(tmp_path / "accounts")],
        "esmith import-passwords": ["--dry-run", str(tmp_path / "shadow")],
        "esmith contrib": ["check", str(used.file("/contrib"))],
    }
    tables, empty = _tables(), {"esmith confirm", "esmith recover", "esmith initialize-databases"}
    # Needs a supervisor: tests/services/test_control.py. A fleet needs etcd: tests/fleet.
    elsewhere = {
        "config and db",
        "config show --layers",
        "esmith control",
        *(name for name in tables if name.startswith("esmith fleet ")),
    }
    assert tables.keys() - elsewhere == calls.keys()
    for name, words in calls.items():
        program, *begin = name.split(" ")
        answer = used.run(program, *begin, "--json", *words, code=None)
        assert answer.code in (0, 1, 4), f"{name}: {answer.err}"
        data = json.loads(answer.out)
        assert data or name in empty, name
        assert faults(tables[name], data) == [], name


def test_the_verbs(used: Root) -> None:
    """Each verb that reads has the keys that the document names."""
    table = _tables()["config and db"]
    for words in (["show"], ["print", "qpsmtpd"], ["get", "DomainName"]):
        assert faults(table, json.loads(used.config("--json", *words).out)) == []
    assert json.loads(used.config("--json", "getprop", "clamav", "MaxFiles").out) == {
        "name": "clamav",
        "property": "MaxFiles",
        "value": "1700",
    }
    assert json.loads(used.config("--json", "getprop", "clamav", "type").out)["value"] == "service"
    assert json.loads(used.config("--json", "gettype", "clamav").out) == {"name": "clamav", "type": "service"}
    assert {"name": "clamav", "type": "service"} in json.loads(used.config("--json", "printtype").out)
    assert json.loads(used.config("--json", "printprop", "clamav", "MaxFiles", "Nosuch").out) == {
        "name": "clamav",
        "props": {"MaxFiles": "1700"},
    }
    for words in (["getprop", "clamav", "Nosuch"], ["gettype", "nosuch"], ["printprop", "nosuch"], ["printtype", "no"]):
        assert used.config("--json", *words, code=1).out == ""
