"""What ``config`` and ``db`` import: a script calls them hundreds of times."""

from __future__ import annotations

import pytest

from tests.cli.imports import imported_modules
from tests.commands import Root

#: What costs more than it gives on the path of a getprop; modules below these count too.
NEVER_FOR_READING = {"click", "jinja2", "markupsafe", "tomllib", "dataclasses", "typing", "pathlib", "enum", "json"}
#: What only records, faults and the journal need of the store, and what takes longer than to read a property.
NEVER_FOR_A_PROPERTY = {
    *("esmith.store.lmdb.trouble", "esmith.store.lmdb.commit", "esmith.store.journal", "esmith.store.model"),
    *("esmith.names", "contextlib", "re", "functools", "collections", "struct", "fcntl"),
}
#: setprop has to read schema files, which needs tomllib, and that needs some of the others.
NEVER_FOR_WRITING = {"ssl", "click", "jinja2", "markupsafe", "watchdog"}


def imported(root: Root, program: str, *words: str, code: int = 0) -> set[str]:
    """Return the modules that a command of the root imports, as Python itself reports them."""
    modules = imported_modules(root, program, *words, code=code)
    assert "esmith.cli.db" in modules, "the report is complete"
    return modules


def packages(modules: set[str]) -> set[str]:
    """Return the top-level packages of modules."""
    return {module.partition(".")[0] for module in modules}


READS = ["getprop qpsmtpd DNSBL", "get qpsmtpd", "show qpsmtpd", "show", "keys", "gettype qpsmtpd", "printprop qpsmtpd"]


@pytest.mark.parametrize("words", READS)
def test_reading(root: Root, words: str) -> None:
    """Reading a setting imports neither click nor jinja2, nor anything else that takes long, and no schema."""
    modules = imported(root, "config", *words.split())
    assert packages(modules) & NEVER_FOR_READING == set()
    assert not {module for module in modules if module.startswith(("esmith.schema", "esmith.fragments"))}


def test_reading_again(root: Root) -> None:
    """Once the data file was verified, nothing is imported that only verifying it needs."""
    root.config("get", "qpsmtpd")
    assert not imported(root, "config", "getprop", "qpsmtpd", "DNSBL") & {
        "lmdb.verify",
        "esmith.store.lmdb.verify",
        "fcntl",
    }


def test_reading_a_property(root: Root) -> None:
    """Reading a property of a verified file imports nothing that is for records, the journal or faults."""
    root.config("get", "qpsmtpd")
    assert imported(root, "config", "getprop", "qpsmtpd", "DNSBL") & NEVER_FOR_A_PROPERTY == set()


def test_reading_for_a_program(root: Root) -> None:
    """Making text safe for a terminal costs nothing where there is none."""
    assert "esmith.printable" not in imported(root, "config", "getprop", "qpsmtpd", "DNSBL")


@pytest.mark.parametrize("words", ["getprop nosuch p", "get nosuch", "show nosuch"])
def test_reading_what_is_missing(root: Root, words: str) -> None:
    """A missing record is found out as fast."""
    assert packages(imported(root, "config", *words.split(), code=1)) & NEVER_FOR_READING == set()


def test_reading_another_database(root: Root) -> None:
    """``db`` is as frugal as ``config``."""
    assert packages(imported(root, "db", "accounts", "get", "admin")) & NEVER_FOR_READING == set()


@pytest.mark.parametrize(
    "words",
    [
        "setprop qpsmtpd DNSBL enabled",
        "setprop qpsmtpd New x",
        "set new service p v",
        "setprop nosuch p v",
        "delete nosuch",
    ],
)
def test_writing(root: Root, words: str) -> None:
    """Writing a setting imports neither click nor jinja2, and nothing of fragments, events or services."""
    modules = imported(root, "config", *words.split(), code=1 if words.startswith("delete") else 0)
    assert packages(modules) & NEVER_FOR_WRITING == set()
    others = ("esmith.fragments", "esmith.apply", "esmith.events", "esmith.services")
    assert not {module for module in modules if module.startswith(others)}


def test_help_imports_click(root: Root) -> None:
    """The measure above is one: a help page does need click."""
    assert "click" in imported(root, "config", "--help")
