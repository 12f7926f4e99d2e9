"""Keys that would break a file are refused when a record is made, and what has one already stays usable."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from esmith.errors import ExitCode, RefusedError
from esmith.perl.service import StoreService
from esmith.perl.sources import TransactionSource
from esmith.schema.check import check_key
from tests.commands import Root
from tests.schema.kit import SHIPPED, Desk
from tests.store.stores import AUTHOR

_NAME = "is not a name without blanks and '/' (nor may it be '.' or '..')"
_DOMAIN = "is not the name of a domain or host, as mail.example.com"

#: Database, key and type, and why the key is refused.
REFUSED = [
    ("accounts", "..", "user", _NAME),
    ("accounts", ".", "group", _NAME),
    ("accounts", "a/b", "user", _NAME),
    ("accounts", "a b", "group", _NAME),
    ("accounts", "g" * 250, "group", "is too long; a name may have 200 bytes"),
    ("accounts", "..", "pseudonym", _NAME),
    ("accounts", "a b@test.com", "pseudonym", "is not an address without blanks, as boss@example.com"),
    ("networks", "300.1.1.1", "network", "is not an IPv4 address"),
    ("networks", "10.0.0.0/8", "network", "is not an IPv4 address"),
    ("domains", "ex ample", "domain", _DOMAIN),
    ("domains", "a/b", "domain", _DOMAIN),
    ("domains", "a:b.com", "domain", _DOMAIN),
    ("hosts", "www example.com", "host", _DOMAIN),
]
#: Database, key and type.
ACCEPTED = [
    ("accounts", "first.last", "user"),
    ("accounts", "a:b", "group"),
    ("accounts", "boss@test.com", "pseudonym"),
    ("accounts", "a/b@test.com", "pseudonym"),
    ("accounts", "..", "user-deleted"),
    ("accounts", "a/b", "url"),
    ("networks", "10.1.0.0", "network"),
    ("domains", "a_b.example", "domain"),
    ("domains", ".example.net", "domain"),
    ("hosts", "*.example.com", "host"),
    ("configuration", "a/b", "service"),
    ("nothing-known", "..", "user"),
]


@pytest.fixture
def shipped(desk: Desk) -> Desk:
    """Return a root with the shipped schema files."""
    desk.ship()
    return desk


@pytest.mark.parametrize(("database", "key", "type", "reason"), REFUSED)
def test_a_key_that_breaks_a_file(shipped: Desk, database: str, key: str, type: str, reason: str) -> None:
    """The shipped schema refuses a key that its templates cannot use, and says what is allowed."""
    with pytest.raises(RefusedError) as caught:
        check_key(shipped.schema, database, key, type)
    assert caught.value.exit_code == ExitCode.REFUSED
    assert caught.value.place == database
    assert caught.value.message.startswith("the key '")
    assert caught.value.message.endswith(reason)


@pytest.mark.parametrize(("database", "key", "type"), ACCEPTED)
def test_a_key_that_breaks_nothing(shipped: Desk, database: str, key: str, type: str) -> None:
    """Odd keys that no file minds, and those of types without any rule, are accepted."""
    check_key(shipped.schema, database, key, type)


def test_the_verbs_that_make_a_record(root: Root) -> None:
    """set, setdefault and settype refuse it, store nothing, and exit as for a value."""
    for verb in ("set", "setdefault"):
        answer = root.db("networks", verb, "300.1.1.1", "network", "Mask", "255.255.255.0", code=ExitCode.REFUSED)
        assert answer.out == ""
        assert answer.err == (
            "db: networks: the key '300.1.1.1' is not an IPv4 address\n"
            f"  to store it anyway: db --force networks {verb} 300.1.1.1 network Mask 255.255.255.0\n"
        )
        root.db("networks", "get", "300.1.1.1", code=1)
    root.db("accounts", "set", "a/b", "url")
    root.db("accounts", "settype", "a/b", "user", code=ExitCode.REFUSED)
    root.db("accounts", "set", "a/b", "user", code=ExitCode.REFUSED)
    assert root.db("accounts", "get", "a/b").out == "url\n"
    root.signal("--dry-run", "email-update")


def test_by_force(root: Root) -> None:
    """--force makes the record anyway, by each verb."""
    root.db("accounts", "set", "--force", "..", "user")
    root.db("accounts", "setdefault", "--force", "a b", "group")
    root.db("accounts", "set", "a/b", "url")
    root.db("accounts", "settype", "--force", "a/b", "user")
    for key, type in (("..", "user"), ("a b", "group"), ("a/b", "user")):
        assert root.db("accounts", "gettype", key).out == f"{type}\n"


def test_a_record_that_is_there_already(root: Root) -> None:
    """A record with such a key is read, changed, replaced, given another type, and deleted as any other."""
    root.db("accounts", "set", "--force", "..", "user", "FirstName", "A")
    assert root.db("accounts", "show", "..").out == "..=user\n    FirstName=A\n"
    root.db("accounts", "setprop", "..", "FirstName", "B")
    root.db("accounts", "delprop", "..", "FirstName")
    root.db("accounts", "setdefault", "..", "user")
    root.db("accounts", "set", "..", "user", "LastName", "C")
    root.db("accounts", "settype", "..", "user")
    root.db("accounts", "settype", "..", "group")
    assert root.db("accounts", "get", "..").out == "group|LastName|C\n"
    root.db("accounts", "settype", "..", "group-deleted")
    root.signal("--dry-run", "email-update")
    root.db("accounts", "settype", "..", "group", code=ExitCode.REFUSED)
    root.db("accounts", "delete", "..")
    root.db("accounts", "get", "..", code=1)
    root.db("accounts", "set", "..", "user", code=ExitCode.REFUSED)


def test_what_a_schema_file_says(desk: Desk) -> None:
    """An administrator's own file rules the keys of its type, also of a record that has a file of its own."""
    desk.file("t/@port.toml", 'type = "port"\nkey = "integer"\n')
    desk.file("t/ssh.toml", 'type = "port"\n')
    check_key(desk.schema, "t", "22", "port")
    for key in ("x", "ssh"):
        with pytest.raises(RefusedError, match="is not a whole number"):
            check_key(desk.schema, "t", key, "port")
    check_key(desk.schema, "t", "ssh", "other")


@pytest.mark.parametrize(
    "request_",
    [
        ["set", "accounts", "a/b", "user"],
        ["add", "accounts", "a/b", "user", "FirstName", "x"],
        ["set_type", "accounts", "c/d", "user"],
        ["set_props", "accounts", "c/d", "", "user", "FirstName", "x"],
        ["replace_type", "accounts", "a/b", None, "user"],
    ],
    ids=str,
)
def test_perl(shipped: Desk, request_: list[str | None]) -> None:
    """What Perl scripts make a record with refuses the key too, and stores nothing."""
    shipped.put("accounts", "c/d", "url")
    name, *arguments = request_
    with shipped.store.transaction(AUTHOR) as transaction:
        service = StoreService(shipped.layout, TransactionSource(transaction), schema=shipped.schema)
        with pytest.raises(RefusedError, match="without blanks") as caught:
            service.handle(name or "", arguments)
    assert caught.value.hint == "correct the script, or store it with: db --force"
    with shipped.store.snapshot() as snapshot:
        assert [(record.key, record.raw) for record in snapshot.records("accounts")] == [("c/d", "url")]


@pytest.mark.parametrize(("database", "type"), [("accounts", "user"), ("domains", "domain")])
def test_a_key_from_perl_that_is_not_utf8(shipped: Desk, database: str, type: str) -> None:
    """A key that is not UTF-8, as a script may give it, is refused by the schema or by the store; nothing breaks."""
    with shipped.store.transaction(AUTHOR) as transaction:
        service = StoreService(shipped.layout, TransactionSource(transaction), schema=shipped.schema)
        with pytest.raises(RefusedError):
            service.handle("replace_type", [database, "caf\udce9", None, type])
    assert shipped.record(database, "caf\udce9".encode("utf-8", "replace").decode()) is None


def test_import(root: Root, tmp_path: Path) -> None:
    """An import stores such a record and reports its key as doubtful, once; other keys it does not mention."""
    path = tmp_path / "accounts"
    path.write_text("a/b=user|FirstName|A|LastName|B\ntom=user\nx y=group\n")
    answer = json.loads(root.esmith("import", "--json", str(path)).out)
    assert [(found["line"], found["place"], found["kind"], found["message"]) for found in findings(answer)] == [
        (1, "a/b", "doubtful", f"stored as it is, but the key 'a/b' {_NAME}"),
        (3, "x y", "doubtful", f"stored as it is, but the key 'x y' {_NAME}"),
    ]
    assert root.db("accounts", "get", "a/b").out == "user|FirstName|A|LastName|B\n"
    root.db("accounts", "delete", "a/b")


def findings(answer: dict[str, object]) -> list[dict[str, object]]:
    """Return what the report of an import says about its one file."""
    return answer["files"][0]["findings"]  # type: ignore[index,no-any-return]


def test_the_documentation_has_every_rule() -> None:
    """docs/schema.md names each shipped file that rules keys, with its type."""
    lines = (SHIPPED.parent / "docs/schema.md").read_text().splitlines()
    rules = {}
    for path in SHIPPED.glob("*/@*.toml"):
        for line in path.read_text().splitlines():
            if line.startswith("key = "):
                rules[f"`{path.parent.name} {path.stem}`"] = line.split('"')[1]
    assert set(rules.values()) == {"account", "domain", "ipv4", "mail-domain", "mailbox"}
    for records, type in rules.items():
        assert [line for line in lines if records in line and f"| `{type}` |" in line], records
