"""What is explained of settings, records and services: what reads them, who changed them, what applies them."""

from __future__ import annotations

from typing import Any

import pytest

from esmith.errors import RefusedError, UsageError
from esmith.explain.described import Descriptions
from esmith.explain.named import path_and_line
from esmith.explain.services import explain_service
from esmith.explain.settings import SettingExplainer
from esmith.explain.subject import Subject, subject_of
from esmith.explain.supposed import suppose
from esmith.explain.values import Values, last_changes
from esmith.layout import Layout
from esmith.schema.load import Schema
from esmith.services.definition import Services
from esmith.store import open_store
from esmith.store.protocol import Snapshot, Store
from tests.commands import Root

Seen = tuple[Layout, Snapshot]


def _described(seen: Seen, database: str, key: str, prop: str | None, *, with_readers: bool = True) -> dict[str, Any]:
    explainer = SettingExplainer(*seen, Descriptions(*seen), Services(seen[0]))
    return explainer.describe(database, key, prop, with_readers=with_readers)


def _subject(seen: Seen, *words: str) -> Subject:
    return subject_of(list(words), seen[1], Descriptions(*seen), Services(seen[0]))


def test_a_setting(seen: Seen) -> None:
    """A setting has its help, the values it takes, its default, and where the wiki page is about it."""
    (one,) = _described(seen, "configuration", "qpsmtpd", "DNSBL", with_readers=False)["settings"]
    assert (one["value"], one["default"], one["values"]) == ("enabled", "disabled", ["enabled", "disabled"])
    assert [block["line"] for block in one["page"]] == [303, 1075]
    assert one["help"]


def test_what_reads_it(seen: Seen) -> None:
    """The files that are made from a setting are named with the fragments that read it, not with those around."""
    found = _described(seen, "configuration", "qpsmtpd", "DNSBL")
    (reader,) = found["read_by"]
    assert reader["files"] == ["/var/service/qpsmtpd/config/peers/0"]
    assert [one["path"].rpartition("/")[2] for one in reader["fragments"]] == ["22dnsbl"]
    assert found["applied_by"] == "signal-event email-update"


def test_a_reader_inside_another_template(seen: Seen) -> None:
    """Where a template inside another reads a setting its fragment is named, for each file that it is in."""
    found = _described(seen, "configuration", "DomainName", "")
    readers = {reader["template"]: [one["path"] for one in reader["fragments"]] for reader in found["read_by"]}
    for template in ("/var/qmail/control/virtualdomains", "/var/qmail/control/smtproutes"):
        assert readers[template] == ["/etc/e-smith/templates/var/qmail/is-here"]


def test_a_new_fragment_counts_at_once(office: Root) -> None:
    """A fragment that no event has seen yet is among what reads a setting, and so is one of a file that is not made."""
    office.custom("/etc/clamd.conf/zz", "# {{ qpsmtpd.DNSBL }}\n")
    layout = Layout(str(office.path))
    with open_store(layout).snapshot() as snapshot:
        found = _described((layout, snapshot), "configuration", "qpsmtpd", "DNSBL")
    readers = {reader["template"]: reader["fragments"] for reader in found["read_by"]}
    assert readers["/etc/clamd.conf"] == [
        {"path": "/etc/e-smith/templates-custom/etc/clamd.conf/zz", "layer": "custom"}
    ]
    assert found["services"] == ["clamd"]


def test_a_broken_template_hides_no_other(office: Root) -> None:
    """A template that cannot be expanded is named with its fault, and the others are still found."""
    office.custom("/etc/clamd.conf/zz", "{% if %}\n")
    layout = Layout(str(office.path))
    with open_store(layout).snapshot() as snapshot:
        found = _described((layout, snapshot), "configuration", "qpsmtpd", "DNSBL")
    assert "/etc/clamd.conf" in found["not_known"]
    assert found["read_by"]


def test_an_account_is_applied_by_its_own_event(seen: Seen) -> None:
    """A setting of a user is applied by the event for users, with the name of the user."""
    found = _described(seen, "accounts", "tom", "EmailForward")
    assert found["applied_by"] == "signal-event user-modify tom"
    assert [reader["files"] for reader in found["read_by"]] == [["/home/e-smith/files/users/tom/.qmail"]]


def test_a_list_of_records_counts_for_each(seen: Seen) -> None:
    """A file that lists all domains is one that depends on each of them."""
    found = _described(seen, "domains", "test.com", None)
    assert "/var/service/qpsmtpd/config/goodrcptto" in [reader["template"] for reader in found["read_by"]]


def test_who_changed_it_last(seen: Seen) -> None:
    """The revision of a value is the last one that changed it, whatever came after."""
    cells = [("configuration", "qpsmtpd", "DNSBL"), ("configuration", "qpsmtpd", "RHSBL")]
    found = last_changes(seen[1], cells)
    assert found[cells[0]].author.command == ["config", "setprop", "qpsmtpd", "DNSBL", "enabled"]
    assert found[cells[1]].number == 1
    assert last_changes(seen[1], [("configuration", "qpsmtpd", "NoSuchThing")]) == {}


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("qpsmtpd", "DNSBL"), Subject("configuration", "qpsmtpd", "DNSBL")),
        (("configuration", "qpsmtpd", "DNSBL"), Subject("configuration", "qpsmtpd", "DNSBL")),
        (("accounts", "tom"), Subject("accounts", "tom")),
        (("accounts", "user"), Subject("accounts", "user")),
        (("spamassassin", "TagLevel"), Subject("configuration", "spamassassin", "TagLevel")),
        (("spamassassin", "wbl.global"), Subject("spamassassin", "wbl.global")),
        (("qpsmtpd",), Subject("configuration", "qpsmtpd", service="qpsmtpd")),
        (("DomainName",), Subject("configuration", "DomainName")),
        (
            ("spamassassin",),
            Subject("configuration", "spamassassin", service="spamassassin", others=["db spamassassin show"]),
        ),
    ],
)
def test_what_words_are_about(words: tuple[str, ...], wanted: Subject, seen: Seen) -> None:
    """A record of the configuration database comes before a database of the same name; the other one is named."""
    assert _subject(seen, *words) == wanted


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("qpsmtp",), "did you mean 'qpsmtpd'?"),
        (("DNSBL",), "a property of qpsmtpd"),
        (("tom",), "a record of accounts: esmith explain accounts tom"),
        (("accounts",), "it is a database, and this shows it: db accounts show"),
        (("qpsmtpd", "DNSB"), "did you mean 'DNSBL'?"),
        (("accounts", "tomm"), "did you mean accounts tom?"),
        (("account", "tom"), "did you mean 'accounts'?"),
        (("accounts", "tom", "EmailForwrd"), "did you mean 'EmailForward'?"),
        (("acounts", "tom", "EmailForward"), "did you mean 'accounts'?"),
        (("accounts", "tomm", "EmailForward"), "did you mean 'tom'?"),
        (("zzzzzz",), "config search zzzzzz"),
    ],
)
def test_unknown_names(words: tuple[str, ...], hint: str, seen: Seen) -> None:
    """What is not known is answered with the nearest name, or with what else has that name."""
    with pytest.raises(UsageError) as caught:
        _subject(seen, *words)
    assert hint in caught.value.hint


def test_path_and_line() -> None:
    """A number after the last colon is a line; any other colon belongs to the path."""
    assert path_and_line("/etc/a:12") == ("/etc/a", 12)
    assert path_and_line("/etc/a:b") == ("/etc/a:b", None)
    assert path_and_line("/etc/a:1:2") == ("/etc/a:1", 2)
    assert path_and_line("/etc/a") == ("/etc/a", None)


def _supposed(root: Root, store: Store, value: str) -> dict[str, Any]:
    cell, templates = ("configuration", "qpsmtpd", "DNSBL"), ["/var/service/qpsmtpd/config/peers/0"]
    layout = Layout(str(root.path))
    return suppose(layout, store, Schema(layout), cell, value, templates)


def test_what_would_change(worked: Root, store: Store) -> None:
    """Another value shows its diff; nothing is written, and what is stored stays."""
    before = worked.snapshot("/etc", "/var")
    found = _supposed(worked, store, "disabled")
    assert [one["path"] for one in found["files"]] == ["/var/service/qpsmtpd/config/peers/0"]
    assert "+# dnsbl disabled" in found["files"][0]["diff"]
    assert worked.snapshot("/etc", "/var") == before


def test_the_value_it_has_changes_nothing(worked: Root, store: Store) -> None:
    """The value that is stored already is reported as such."""
    found = _supposed(worked, store, "enabled")
    assert found["same"] and [one for one in found["files"] if not one["anyway"]] == []


def test_a_refused_value(worked: Root, store: Store) -> None:
    """A value that setprop would refuse is refused here, too."""
    with pytest.raises(RefusedError, match="is not one of enabled, disabled"):
        _supposed(worked, store, "maybe")


def _service(seen: Seen, name: str) -> dict[str, Any]:
    descriptions = Descriptions(*seen)
    return explain_service(*seen, Services(seen[0]), name, Values(*seen, descriptions.schema), descriptions.schema)


def test_a_service(seen: Seen) -> None:
    """A service has its record, its state, the files that it reads with the action each needs, and its events."""
    found = _service(seen, "spamd")
    assert (found["record"], found["wanted"], found["state"]) == ("spamd", "up", "not supervised")
    assert {one["template"]: one["action"] for one in found["files"]} == {"/etc/mail/spamassassin/local.cf": "restart"}
    assert found["events"]["email-update"] == ["restart"]
    assert "configuration spamassassin Sensitivity" in found["settings"]


def test_no_variables_among_the_settings_of_a_service(seen: Seen) -> None:
    """Variables of fragments, which are remembered with a file, are not among the settings of a service."""
    for name in ("spamd", "qpsmtpd", "clamd"):
        named = [setting.split() for setting in _service(seen, name)["settings"]]
        keys = {key for database, key, *_ in named if database == "configuration"}
        assert keys.isdisjoint({"_", "line", "loop"})
        assert all(Descriptions(*seen).is_known("configuration", key) for key in keys)


def test_the_status_names_the_service(seen: Seen) -> None:
    """The status of a record names the services that it starts and stops."""
    assert _described(seen, "configuration", "qpsmtpd", "status", with_readers=False)["runs"] == ["qpsmtpd"]
    assert _described(seen, "configuration", "qpsmtpd", "DNSBL", with_readers=False)["runs"] == []
