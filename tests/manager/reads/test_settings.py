"""Every setting: each record of each database is a form, in which nothing of a secret is."""

from __future__ import annotations

from typing import Any

from tests.commands import Root
from tests.manager.reads.kit import ask, refused
from tests.store.stores import opened, put

SECRET = "kept-by-tom-99"
MARKUP = "<script>alert(1)</script>{{ 7 * 7 }}"


def _fields(form: dict[str, Any]) -> dict[str, dict[str, Any]]:
    (section,) = form["sections"]
    return {field["name"]: field for field in section["fields"]}


def _fill(root: Root) -> None:
    with opened(root.path) as store:
        put(store, "configuration", "smtp-auth-proxy", "service", {"status": "enabled", "Passwd": SECRET})
        put(
            store,
            "configuration",
            "qpsmtpd",
            "service",
            {"MaxScannerSize": "often", "Own": MARKUP, "DbPassword": SECRET},
        )
        put(store, "configuration", "ApiToken", SECRET)
        put(store, "own", MARKUP, "own", {MARKUP: MARKUP})
        for number in range(120):
            put(store, "accounts", f"user{number:03d}", "user", {"FirstName": "Ann"})


def test_every_setting(root: Root) -> None:
    """Databases, their records in pages, and each record as a form: what is known, and what is stored besides."""
    _fill(root)
    names = {one["name"]: one["records"] for one in ask(root, "databases")["databases"]}
    assert names["own"] == 1
    assert {"configuration", "hosts"} <= names.keys()

    page = ask(root, "database", database="accounts", query="user1", page=2, size=8)
    assert (page["found"], page["page"], page["pages"]) == (20, 2, 3)
    assert page["total"] >= 120
    assert [one["key"] for one in page["keys"]] == [f"user{number}" for number in range(108, 116)]
    assert ask(root, "database", database="accounts", page=10**6)["keys"][-1]["type"]
    assert "user" in [one["type"] for one in page["types"]]
    assert refused(root, "database", database="nosuch") == "not-found"

    form = ask(root, "setting", database="configuration", key="qpsmtpd")
    fields = _fields(form)
    assert (form["exists"], form["type"]) == (True, "service")
    assert fields["status"]["widget"] == "choice"
    assert [one["value"] for one in fields["status"]["choices"]] == ["enabled", "disabled"]
    assert fields["status"]["unset"] == "disabled"
    assert fields["Own"]["value"] == MARKUP
    assert fields["Own"]["unset"] is not None
    assert fields["MaxScannerSize"]["value"] == "often"
    assert fields["RBLList"]["widget"] == "text"
    assert _fields(ask(root, "setting", database="own", key=MARKUP))[MARKUP]["value"] == MARKUP

    plain = ask(root, "setting", database="configuration", key="DomainName")
    assert (plain["type"], _fields(plain)[""]["value"]) == (None, "example.com")
    assert _fields(plain)[""]["unset"] is None


def test_a_new_record(root: Root) -> None:
    """A record that is not there yet has a form as well: of its type, of what its key means, or an empty one."""
    form = ask(root, "setting", database="accounts", key=None, type="user")
    assert (form["key"], form["exists"], form["type"]) == (None, False, "user")
    assert "FirstName" in _fields(form)
    assert all(field["value"] is None for field in _fields(form).values())
    unknown = ask(root, "setting", database="configuration", key="nobody-knows")
    assert (unknown["exists"], unknown["type"], _fields(unknown)) == (False, None, {})
    assert "service" in [one["type"] for one in unknown["types"]]


def test_no_secret_leaves(root: Root) -> None:
    """A form shows only that there is a secret, also one that only its name makes one, and the value of a record."""
    _fill(root)
    for key, prop in (("smtp-auth-proxy", "Passwd"), ("qpsmtpd", "DbPassword"), ("ApiToken", "")):
        form = ask(root, "setting", database="configuration", key=key)
        field = _fields(form)[prop]
        assert (field["widget"], field["is_set"], field["value"]) == ("secret", True, None)
        assert SECRET not in str(form)
    page = ask(root, "database", database="configuration", size=500)
    assert {"key": "ApiToken", "type": "****"} in page["keys"]
    assert ask(root, "database", database="configuration", query=SECRET)["found"] == 0
    assert ask(root, "search", query=SECRET)["results"] == []


def test_each_stored_record_is_a_form(root: Root) -> None:
    """Of each record that is stored every property has a field, whose value is the stored one where it is shown."""
    with opened(root.path) as store, store.snapshot() as snapshot:
        records = [(name, record) for name in snapshot.databases() for record in snapshot.records(name)]
    assert len(records) > 60
    shown = 0
    for database, record in records:
        fields = _fields(ask(root, "setting", database=database, key=record.key))
        # One of a type whose records have properties has none yet.
        values = record.props or ({"": record.type} if "" in fields else {})
        assert values.keys() <= fields.keys(), record.key
        for name, stored in values.items():
            field = fields[name]
            assert field["settings"] == [" ".join(filter(None, (database, record.key, name)))]
            if field["widget"] == "secret":
                assert field["is_set"] == bool(stored)
            else:
                assert field["value"] == stored or field["custom"] == (stored or "(empty)"), (record.key, name)
                shown += 1
    assert shown > 150
