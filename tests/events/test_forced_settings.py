"""Settings that could not be set, but are stored: by ``--force``, by an import, or by an older version."""

from __future__ import annotations

import pytest

from esmith.errors import ExitCode
from esmith.fragments.reads import Reads
from esmith.fragments.settings import refused_settings
from esmith.layout import Layout
from esmith.schema.load import Schema
from tests.commands import Root

#: Each with a bad value, and what is wrong with it. No check of a file refuses any of them.
_SILENT = [
    ("configuration", "qpsmtpd", "TlsBeforeAuth", "*", "'*', which is not one of 0, 1"),
    ("configuration", "smtpd", "Instances", "-1", "'-1', which is too small; the least is 1"),
    ("configuration", "spamassassin", "status", "[x", "'[x', which is not one of enabled, disabled"),
    ("configuration", "masq", "status", "a:b", "'a:b', which is not one of enabled, disabled"),
    ("domains", "test.com", "MailServer", "\\", "'\\\\', which is not"),
]


def _program(database: str) -> str:
    return "config" if database == "configuration" else f"db {database}"


def test_an_event_names_the_settings(office: Root) -> None:
    """When a file is made otherwise from a setting that could not be set, a message says so once, and what to do."""
    office.signal("console-save", code=None)
    for database, key, prop, value, _ in _SILENT:
        office.run("db", "--force", database, "setprop", key, prop, value)
    shown = office.signal("console-save", code=None).err
    for database, key, prop, _, fault in _SILENT:
        assert shown.count(f"the setting {database} {key} {prop} holds {fault}") == 1
        assert f"; change it: {_program(database)} setprop {key} {prop} VALUE" in shown
    assert "the setting" not in office.signal("console-save", code=None).err
    for database, key, prop, _, _ in _SILENT:
        office.run("db", database, "delprop", key, prop)
    assert "the setting" not in office.signal("console-save", code=None).err


@pytest.mark.parametrize(
    ("database", "key", "prop", "fault"),
    [
        ("configuration", "LocalNetmask", "", "is not a netmask"),
        ("networks", "10.0.0.0", "Mask", "is not a netmask"),
    ],
)
def test_an_error_of_a_fragment_names_the_setting(office: Root, database: str, key: str, prop: str, fault: str) -> None:
    """Where a fragment cannot work with such a value the event ends, and the message names the setting."""
    office.db("networks", "set", "10.0.0.0", "network", "Mask", "255.0.0.0")
    verb = ("setprop", key, prop) if prop else ("set", key)
    office.run("db", "--force", database, *verb, "a:b")
    shown = office.signal("email-update", code=ExitCode.TEMPLATE).err
    place = " ".join(filter(None, (database, key, prop)))
    command = f"{_program(database)} {' '.join(verb)} VALUE"
    assert f"the setting {place} holds 'a:b', which {fault}" in shown
    assert f"change it: {command}\n" in shown


def test_a_broken_schema_file_stops_nothing(office: Root) -> None:
    """Of a record whose schema file is broken nothing is known; the other settings are named as ever."""
    office.write("/etc/e-smith/db/configuration/contrib.toml", "[broken\n")
    cells = {("configuration", "contrib", "Word"): "x", ("configuration", "qpsmtpd", "TlsBeforeAuth"): "*"}
    (line,) = refused_settings(Reads(props={**cells}), Schema(Layout(str(office.path))))
    assert "configuration qpsmtpd TlsBeforeAuth" in line


def test_a_record_that_no_file_can_be_made_for(office: Root) -> None:
    """A record whose key would lead elsewhere is left out with its cure, and ends an event only with Strict."""
    office.run("db", "--force", "accounts", "set", "../x", "user")
    office.config("setprop", "qmail", "MaxMessageSize", "12345678")
    shown = office.signal("email-update", code=None).err
    assert shown.count("accounts: the key '../x' cannot be part of a path") == 1
    assert "db accounts delete ../x" in shown
    assert (office.path / "var/qmail/control/databytes").read_text() == "12345678\n"
    office.config("setprop", "esmith", "Strict", "enabled")
    strict = office.signal("email-update", code=ExitCode.TEMPLATE).err
    assert "Strict of esmith is enabled" in strict
