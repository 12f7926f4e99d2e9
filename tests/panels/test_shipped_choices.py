"""What the shipped pages write, setting by setting: it is what the same pages of SME Server write."""

from __future__ import annotations

from typing import Any

import pytest

from tests.panels.kit import Desk, Values, cells

#: By page, field and value: what the settings are afterwards, None for one that is not set. Where no database is named
#: before the key, it is configuration.
WRITES: dict[str, dict[tuple[str, Any], dict[str, str | None]]] = {
    "configuration/email": {
        ("pop3-access", "disabled"): {"pop3 status": "disabled", "pop3s status": "disabled"},
        ("pop3-access", "private"): {
            "pop3 status": "enabled",
            "pop3 access": "private",
            "pop3s status": "enabled",
            "pop3s access": "private",
        },
        ("pop3-access", "publicSSL"): {
            "pop3 status": "enabled",
            "pop3 access": "private",
            "pop3s status": "enabled",
            "pop3s access": "public",
        },
        ("imap-access", "disabled"): {
            "imap status": "enabled",
            "imap access": "localhost",
            "imaps status": "disabled",
        },
        ("imap-access", "private"): {
            "imap status": "enabled",
            "imap access": "private",
            "imaps status": "enabled",
            "imaps access": "private",
        },
        ("imap-access", "publicSSL"): {
            "imap status": "enabled",
            "imap access": "private",
            "imaps status": "enabled",
            "imaps access": "public",
        },
        ("webmail-access", "disabled"): {"imp status": "disabled", "horde status": "disabled"},
        ("webmail-access", "localnetworkSSL"): {
            "php status": "enabled",
            "mariadb status": "enabled",
            "imp status": "enabled",
            "imp access": "SSL",
            "horde status": "enabled",
            "horde access": "private",
            "horde HttpsOnly": "yes",
        },
        ("webmail-access", "enabledSSL"): {
            "php status": "enabled",
            "mariadb status": "enabled",
            "imp status": "enabled",
            "imp access": "SSL",
            "horde status": "enabled",
            "horde access": "public",
            "horde HttpsOnly": "yes",
        },
        ("virus-scanning", "disabled"): {"qpsmtpd VirusScan": "disabled"},
        ("spam-filtering", "disabled"): {"spamassassin status": "disabled"},
        ("Sensitivity", "custom"): {"spamassassin Sensitivity": "custom"},
        ("TagLevel", "4"): {"spamassassin TagLevel": "4"},
        ("RejectLevel", "12"): {"spamassassin RejectLevel": "12"},
        ("SortSpam", "enabled"): {"spamassassin SortSpam": "enabled"},
        ("SubjectTag", "enabled"): {"spamassassin SubjectTag": "enabled"},
        ("Subject", "[SPAM]"): {"spamassassin Subject": "[SPAM]"},
        ("executable-content", ("exe-dos", "zip-1")): {
            "mailpatterns/exe-dos Status": "enabled",
            "mailpatterns/zip-1 Status": "enabled",
            "qpsmtpd PatternsScan": "enabled",
        },
        ("retrieval-mode", "standard"): {"fetchmail Method": "standard", "fetchmail status": "disabled"},
        ("retrieval-mode", "etrn"): {"fetchmail Method": "etrn", "fetchmail status": "enabled"},
        ("retrieval-mode", "multidrop"): {"fetchmail Method": "multidrop", "fetchmail status": "enabled"},
        ("smtp-authentication", "disabled"): {
            "qpsmtpd Authentication": "disabled",
            "sqpsmtpd Authentication": "disabled",
        },
        ("smtp-authentication", "publicSSL"): {
            "qpsmtpd Authentication": "disabled",
            "sqpsmtpd Authentication": "enabled",
        },
        ("smtp-authentication", "public"): {
            "qpsmtpd Authentication": "enabled",
            "sqpsmtpd Authentication": "enabled",
        },
        ("SecondaryMailServer", "pop.example.net"): {"fetchmail SecondaryMailServer": "pop.example.net"},
        ("FreqOffice", "every5min"): {"fetchmail FreqOffice": "every5min"},
        ("FreqOutside", "every2hrs"): {"fetchmail FreqOutside": "every2hrs"},
        ("FreqWeekend", "never"): {"fetchmail FreqWeekend": "never"},
        ("SecondaryMailAccount", "office"): {"fetchmail SecondaryMailAccount": "office"},
        ("SecondaryMailPassword", "secret"): {"fetchmail SecondaryMailPassword": "secret"},
        ("SecondaryMailEnvelope", "Received"): {"fetchmail SecondaryMailEnvelope": "Received"},
        ("SecondaryMailEnvelope", None): {"fetchmail SecondaryMailEnvelope": None},
        ("unknown-users", "admin"): {"EmailUnknownUser": "admin"},
        ("internal-mail-server", "192.0.2.9"): {"DelegateMailServer": "192.0.2.9"},
        ("smart-host", "mail.mydomain.com:587"): {"SMTPSmartHost": "mail.mydomain.com:587"},
        ("Userid", "me"): {"smtp-auth-proxy Userid": "me"},
        ("Passwd", "secret"): {"smtp-auth-proxy Passwd": "secret"},
        ("provider-login", "disabled"): {"smtp-auth-proxy status": "disabled"},
    },
    "configuration/wbl": {
        ("DNSBL", "enabled"): {"qpsmtpd DNSBL": "enabled"},
        ("RHSBL", "enabled"): {"qpsmtpd RHSBL": "enabled"},
        ("badhelo", ("spammer.example",)): {"wbl/badhelo spammer.example": "Black"},
        ("badmailfrom", ("@spam.example",)): {"wbl/badmailfrom @spam.example": "Black"},
        ("whitelisthosts", ("198.51.100.7",)): {"wbl/whitelisthosts 198.51.100.7": "White"},
        ("whitelisthelo", ("friend.example",)): {"wbl/whitelisthelo friend.example": "White"},
        ("whitelistsenders", ("a@friend.example",)): {"wbl/whitelistsenders a@friend.example": "White"},
        ("whitelist-from", ("*@friend.example",)): {"spamassassin/wbl.global *@friend.example": "White"},
        ("blacklist-from", ("*@spam.example",)): {"spamassassin/wbl.global *@spam.example": "Black"},
        ("whitelist-to", ("a@example.com",)): {"spamassassin/wbl.global_to a@example.com": "White"},
        ("blacklist-to", ("a@example.com",)): {"spamassassin/wbl.global_to a@example.com": "Black"},
    },
    "configuration/dns": {
        ("Forwarder", "192.0.2.53"): {"dnscache Forwarder": "192.0.2.53"},
        ("Forwarder2", "192.0.2.54"): {"dnscache Forwarder2": "192.0.2.54"},
    },
}
CASES = [(page, field, value) for page, rows in WRITES.items() for field, value in rows]
#: What is stored before, so that it can be deleted.
BEFORE = ("configuration", "fetchmail", "SecondaryMailEnvelope", "Envelope-To")


def _wanted(short: str) -> str:
    """Return database, key and property of what the table names."""
    return short.replace("/", " ", 1) if "/" in short.split(" ")[0] else f"configuration {short}"


@pytest.mark.parametrize(("page", "field", "value"), CASES)
def test_a_value_is_written_where_it_belongs(desk: Desk, page: str, field: str, value: Any) -> None:
    """Each value of a field sets what the table says, and nothing else."""
    on = desk.overlay(BEFORE)
    desk.change(desk.panel(page), on, None, {field: list(value) if isinstance(value, tuple) else value})
    wanted = {_wanted(short): text for short, text in WRITES[page][field, value].items()}
    assert {cell: on.prop(*_cell(cell)) for cell in wanted} == wanted
    changed = set(cells(on.changes)) - {" ".join(BEFORE[:3])} - {"configuration mariadb"}
    assert changed <= set(wanted)
    assert on.type_of("configuration", "mariadb") == ("service" if "configuration mariadb status" in wanted else None)


def _cell(text: str) -> tuple[str, str, str]:
    database, key, *prop = text.split(" ")
    return database, key, "".join(prop)


def test_every_field_is_in_the_table(desk: Desk) -> None:
    """Each field of the pages that are no lists has a row, and each of its choices."""
    for page, rows in WRITES.items():
        panel = desk.panel(page)
        assert {field.name for field in panel.fields()} == {field for field, _ in rows}
        for field, shown in desk.fields(panel, desk.snapshot).items():
            given = [value for name, value in rows if name == field]
            if field.endswith(("-access", "-mode", "-authentication")):
                assert [one["value"] for one in shown["choices"] if one["value"] not in [*given, shown["value"]]] == []


#: By page: the key and the values of a record, and what is stored of it.
RECORDS: dict[str, tuple[str, Values, dict[str, str]]] = {
    "collaboration/users": (
        "mary",
        {"FirstName": "Mary", "LastName": "Ann", "EmailForward": "both", "ForwardAddress": "m@example.net"},
        {
            "accounts mary": "user",
            "accounts mary FirstName": "Mary",
            "accounts mary LastName": "Ann",
            "accounts mary EmailForward": "both",
            "accounts mary ForwardAddress": "m@example.net",
        },
    ),
    "collaboration/groups": (
        "team",
        {"Description": "The team", "Members": ["tom", "jack"]},
        {
            "accounts team": "group",
            "accounts team Description": "The team",
            "accounts team Members": "tom,jack",
        },
    ),
    "collaboration/pseudonyms": (
        "info@test.com",
        {"Account": "tom", "visible": "internal"},
        {
            "accounts info@test.com": "pseudonym",
            "accounts info@test.com Account": "tom",
            "accounts info@test.com Visible": "internal",
        },
    ),
    "configuration/domains": (
        "mail.domain.tld",
        {"Description": "Second"},
        {"domains mail.domain.tld": "domain", "domains mail.domain.tld Description": "Second"},
    ),
    "security/localnetworks": (
        "192.168.7.0",
        {"Mask": "255.255.255.0", "Router": "192.168.1.9"},
        {
            "networks 192.168.7.0": "network",
            "networks 192.168.7.0 Mask": "255.255.255.0",
            "networks 192.168.7.0 Router": "192.168.1.9",
        },
    ),
}


@pytest.mark.parametrize("page", RECORDS)
def test_a_new_record(desk: Desk, page: str) -> None:
    """A new record has its type and the values that were given, and nothing else."""
    key, values, wanted = RECORDS[page]
    on = desk.overlay()
    desk.create(desk.panel(page), on, key, values)
    assert cells(on.changes) == wanted


def test_groups_of_a_user(desk: Desk) -> None:
    """The groups that are ticked for a user are stored in the groups, where the others stay."""
    on = desk.overlay()
    desk.change(desk.panel("collaboration/users"), on, "maillog", {"groups": ["group1", "group2"]})
    assert cells(on.changes) == {
        "accounts group1 Members": "tom,jack,john,maillog",
        "accounts group2 Members": "john,maillog",
    }


def test_a_login_at_the_provider_needs_all_of_it(desk: Desk) -> None:
    """Logging in at the provider is refused without the server, the user ID or the password, beside each of them."""
    panel = desk.panel("configuration/email")
    assert set(desk.refused(panel, desk.overlay(), None, {"provider-login": "enabled"})) == {
        "smart-host",
        "Userid",
        "Passwd",
    }
    on = desk.overlay()
    given = {"provider-login": "enabled", "smart-host": "mail.example.net", "Userid": "me", "Passwd": "secret"}
    desk.change(panel, on, None, given)
    assert on.prop("configuration", "smtp-auth-proxy", "status") == "enabled"
