"""``esmith import``: the databases of an old server."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from esmith.errors import ExitCode
from tests.commands import Root
from tests.store.stores import last_revision, opened

#: What an old server may have had; only what has a meaning is in it.
CONFIGURATION = """\
# DO NOT MODIFY THIS FILE.
DomainName=old.example
SystemName=oldmail
popd=service|TCPPort|1110|access|public|status|enabled
clamav=service|ArchiveMaxFiles|99|MaxFileSize|20M|status|enabled
mybackup=service|Target|/mnt/x|status|enabled
qpsmtpd=service|DNSBL|enabled|RBLList|zen.example:bl.example|status|enabled
smtpd=service|Proxy|enabled
"""
ACCOUNTS = "admin=system|EmailForward|procmail\njane=user|EmailForward|local|FirstName|Jane\n"
DOMAINS = "old.example=domain|Content|Primary|Description|Old\n"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Return the directory of the old server's databases."""
    path = tmp_path / "old"
    path.mkdir()
    for name, text in (("configuration", CONFIGURATION), ("accounts", ACCOUNTS), ("domains", DOMAINS)):
        (path / name).write_text(text)
    return path


def everything(root: Root) -> str:
    """Return all records of a root."""
    return "".join(root.db(name, "print", code=None).out for name in ("configuration", "accounts", "domains", "own"))


def revision(root: Root) -> int:
    """Return the number of the last revision."""
    with opened(root.path, write=False) as store:
        return last_revision(store)


def test_an_old_server(root: Root, old: Path) -> None:
    """The old server's settings come over the defaults, brought up to date; defaults it does not have are there."""
    answer = root.esmith("import", str(old))
    assert answer.err == ""
    assert root.config("getprop", "qpsmtpd", "DNSBL").out == "enabled\n"
    assert root.config("getprop", "qpsmtpd", "RHSBL").out == "disabled\n", "a default"
    assert root.config("get", "DomainName").out == "old.example\n"
    assert root.db("accounts", "getprop", "jane", "FirstName").out == "Jane\n"
    assert root.config("print", "mybackup").out == "mybackup=service|Target|/mnt/x|status|enabled\n"
    # Migrations; the record of esmith init under the new key does not keep the old one from taking it.
    assert root.config("getprop", "pop3", "TCPPort").out == "1110\n"
    root.config("get", "popd", code=1)
    assert root.config("getprop", "clamav", "MaxFiles").out == "99\n"
    assert root.config("getprop", "smtpd", "Proxy").out == "blocked\n"
    assert root.db("accounts", "getprop", "admin", "EmailForward").out == "local\n"
    lines = answer.out.splitlines()
    assert [line.partition(" records, ")[0] for line in lines[:3]] == [
        f"{old}/accounts: 2",
        f"{old}/configuration: 7",
        f"{old}/domains: 1 record, {lines[2].split()[3]} settings changed",
    ]
    assert lines[3:5] == [
        f"{old}/accounts:1: admin EmailForward: 'procmail' became 'local'",
        f"{old}/configuration:8: smtpd Proxy: 'enabled' became 'blocked'",
    ]
    assert lines[-1] == "next: signal-event bootstrap-console-save"


def test_importing_again_changes_nothing(root: Root, old: Path) -> None:
    """The same files imported once more change nothing, also with --replace, and make no revision."""
    for words in ([], ["--replace"]):
        root.esmith("import", *words, str(old))
        before = everything(root), revision(root)
        answer = root.esmith("import", *words, str(old))
        assert answer.out.count(", 0 settings changed") == 3
        assert root.esmith("initialize-databases").out == ""
        assert (everything(root), revision(root)) == before


def test_an_import_is_one_revision(root: Root, old: Path) -> None:
    """A whole directory is one revision, also what was completed, so one undo takes all of it back."""
    before, number = everything(root), revision(root)
    root.esmith("import", str(old))
    assert revision(root) == number + 1
    (entry,) = json.loads(root.esmith("history", "--json", "--limit", "1").out)
    assert {change["database"] for change in entry["changes"]} == {"configuration", "accounts", "domains"}
    assert entry["command"] == f"esmith import {old}"
    root.esmith("undo", str(entry["revision"]))
    assert everything(root) == before


def test_what_the_files_do_not_have(root: Root, old: Path) -> None:
    """Records the files do not have stay, or go with --replace; a property they do not have goes with its record."""
    root.config("set", "own", "v")
    root.config("setprop", "mybackup", "New", "x")
    root.config("set", "mybackup", "service", "New", "x")
    root.esmith("import", str(old))
    assert root.config("get", "own").out == "v\n"
    root.config("getprop", "mybackup", "New", code=1)
    root.esmith("import", "--replace", str(old))
    root.config("get", "own", code=1)
    assert root.config("getprop", "mybackup", "Target").out == "/mnt/x\n"
    assert root.db("domains", "keys").out == "old.example\n", "the domain of esmith init is gone"
    assert root.db("networks", "keys", code=None).code == 1


def test_a_generated_secret_stays(root: Root, old: Path) -> None:
    """A secret that was made for this server is not made again by every import."""
    secret = root.config("getprop", "horde", "DbPassword").out
    assert len(secret) > 50
    for words in ([], ["--replace"]):
        root.esmith("import", *words, str(old))
        assert root.config("getprop", "horde", "DbPassword").out == secret
    (old / "configuration").write_text(f"{CONFIGURATION}horde=service|DbPassword|{'x' * 57}\n")
    root.esmith("import", str(old))
    assert root.config("getprop", "horde", "DbPassword").out == f"{'x' * 57}\n", "the old server's own comes over"


@pytest.mark.parametrize("words", [[], ["--skip-refused"], ["--replace"]], ids=str)
def test_dry_run(root: Root, old: Path, words: list[str]) -> None:
    """--dry-run says what an import would say, and changes nothing."""
    before, number = everything(root), revision(root)
    dry = root.esmith("import", "--dry-run", *words, str(old))
    assert (everything(root), revision(root)) == (before, number)
    report = root.esmith("import", *words, str(old)).out
    assert f"{dry.out.replace('would change', 'changed')}next: signal-event bootstrap-console-save\n" == report


def test_what_cannot_be_stored(root: Root, old: Path) -> None:
    """One value that cannot be stored keeps everything from being imported; --skip-refused imports the rest."""
    (old / "accounts").write_text(f"{ACCOUNTS}jane2=user|Note|one\\ntwo|City|M\n")
    before = everything(root)
    answer = root.esmith("import", str(old), code=ExitCode.REFUSED)
    assert f"{old}/accounts:3: refused: jane2 Note: a value cannot contain a newline" in answer.out.splitlines()
    assert "nothing was imported" in answer.err
    assert "--skip-refused" in answer.err
    assert everything(root) == before
    answer = root.esmith("import", "--dry-run", "--skip-refused", str(old), code=ExitCode.REFUSED)
    assert "nothing was imported" in answer.err
    assert everything(root) == before
    answer = root.esmith("import", "--skip-refused", str(old), code=ExitCode.REFUSED)
    assert f"{old}/accounts:3: refused: jane2 Note: a value cannot contain a newline" in answer.out.splitlines()
    assert "the rest was imported" in answer.err
    assert root.db("accounts", "print", "jane2").out == "jane2=user|City|M\n"
    assert root.config("get", "DomainName").out == "old.example\n"


def test_what_the_schema_does_not_allow(root: Root, old: Path) -> None:
    """What the schema does not allow is stored, as an administrator's settings are, and named; no secret is shown."""
    secret = "a secret that nobody may see"
    (old / "configuration").write_text(
        f"{CONFIGURATION}imap=service|ConcurrencyLimit|many|status|on\nfetchmail=service|SecondaryMailPassword|{secret}\\n\n"
        f"LocalIP=nowhere\n"
    )
    answer = root.esmith("import", "--skip-refused", str(old), code=ExitCode.REFUSED)
    place = f"{old}/configuration"
    assert f"{place}:9: imap ConcurrencyLimit: stored as it is, but 'many' is not" in answer.out
    assert f"{place}:9: imap status: stored as it is, but 'on' is not one of" in answer.out
    assert f"{place}:11: LocalIP: stored as it is, but 'nowhere'" in answer.out
    assert root.config("getprop", "imap", "ConcurrencyLimit").out == "many\n"
    assert secret not in answer.out + answer.err


def test_secrets_of_another_type(root: Root, old: Path) -> None:
    """A value that may be a secret, since the property is one for another type, is not shown either."""
    root.write("/etc/e-smith/db/own/@box.toml", 'type = "box"\n[properties.Pin]\ntype = "secret"\n')
    root.write("/etc/e-smith/db/own/@line.toml", 'type = "line"\n[properties.Pin]\ntype = "integer"\n')
    (old / "own").write_text("k=line|Pin|hunter2\n")
    answer = root.esmith("import", str(old / "own"))
    assert f"{old}/own:1: k Pin: stored as it is, but the value is not one that the schema allows" in answer.out
    assert "hunter2" not in answer.out + answer.err


def test_json(root: Root, old: Path) -> None:
    """--json prints one object: files with their findings, what was completed, what was left out."""
    (old / "accounts").write_bytes(b"jane=user|City|M\xfcnchen|Note|a\\nb\n")
    (old / "domains").unlink()
    (old / "x.lock").touch()
    answer = root.esmith("import", "--json", str(old), code=ExitCode.REFUSED)
    assert json.loads(answer.out)["imported"] is False
    answer = root.esmith("import", "--json", "--skip-refused", str(old), code=ExitCode.REFUSED)
    data: dict[str, Any] = json.loads(answer.out)
    accounts, configuration = data["files"]
    assert data["imported"] is True
    assert (accounts["file"], accounts["database"], accounts["records"]) == (f"{old}/accounts", "accounts", 1)
    assert accounts["changes"] == 2
    assert accounts["findings"] == [
        {"line": 1, "place": "jane City", "kind": "repaired", "message": "the value is not UTF-8: read as Latin-1"},
        {"line": 1, "place": "jane Note", "kind": "refused", "message": "a value cannot contain a newline"},
    ]
    assert configuration["findings"] == [
        {"line": 8, "place": "smtpd Proxy", "kind": "dropped", "message": "'enabled' became 'blocked'"}
    ]
    assert list(data["completed"]) == ["domains"], "the record of the old server's domain"
    assert data["left_out"] == {f"{old}/x.lock": "a lock file"}
    assert root.db("accounts", "getprop", "jane", "City").out == "München\n"


def test_single_files(root: Root, old: Path) -> None:
    """A file is for the database of its name, or for the one that --database names; it may be a pipe."""
    (old / "copy-of-accounts.txt").write_text("mary=user\n")
    root.esmith("import", "--database", "accounts", str(old / "copy-of-accounts.txt"))
    assert root.db("accounts", "gettype", "mary").out == "user\n"
    root.esmith("import", str(old / "domains"), str(old / "accounts"))
    assert root.db("domains", "gettype", "old.example").out == "domain\n"
    root.run("esmith", "import", "--database", "own", "/dev/stdin", stdin="k=v|p|1\n")
    assert root.db("own", "get", "k").out == "v|p|1\n"


def test_in_place(root: Root, old: Path) -> None:
    """Files copied to the directory of the databases are imported from there; the store's own are left out."""
    directory = root.file("/home/e-smith/db")
    for name in os.listdir(old):
        (directory / name).write_bytes((old / name).read_bytes())
    answer = root.esmith("import", str(directory))
    assert f"{directory}/data.mdb: left out: a file of this store" in answer.out.splitlines()
    assert root.config("get", "DomainName").out == "old.example\n"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ([], ExitCode.USAGE, "Missing argument"),
        (["OLD/nosuch"], ExitCode.USAGE, "there is no such file"),
        (["EMPTY"], ExitCode.USAGE, "holds no database file"),
        (["OLD", "OLD/domains"], ExitCode.OK, ""),
        (["OLD", "EMPTY/../copy/domains"], ExitCode.USAGE, "are for the database domains"),
        (["--database", "x", "OLD"], ExitCode.USAGE, "--database is for a single file"),
        (["--database", "x", "OLD/domains", "OLD/accounts"], ExitCode.USAGE, "--database is for a single file"),
        (["--database", "=x", "OLD/domains"], ExitCode.REFUSED, "1 thing cannot be stored"),
    ],
)
def test_wrong_calls(root: Root, old: Path, tmp_path: Path, words: list[str], code: int, message: str) -> None:
    """A call that names no files, or two for one database, is refused before anything is done."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy/domains").write_text(DOMAINS)
    before = everything(root)
    paths = [word.replace("OLD", str(old)).replace("EMPTY", str(tmp_path / "empty")) for word in words]
    answer = root.esmith("import", *paths, code=code)
    assert message in answer.err
    assert (everything(root) == before) == (code != ExitCode.OK)


def test_a_broken_schema_file(root: Root, old: Path) -> None:
    """When a database cannot be completed nothing is imported, and the message says so."""
    root.write("/etc/e-smith/db/domains/broken.toml", "nonsense = 1\n")
    answer = root.esmith("import", str(old), code=ExitCode.TEMPLATE)
    assert "broken.toml" in answer.err
    assert "nothing was imported" in answer.err
    assert root.config("get", "DomainName").out == "example.com\n"
    root.db("accounts", "get", "mary", code=1)


def test_without_databases(root: Root, old: Path, tmp_path: Path) -> None:
    """Where there is no store yet the message says how to make one."""
    (tmp_path / "bare").mkdir()
    answer = root.esmith("--root", str(tmp_path / "bare"), "import", str(old), code=ExitCode.STORE)
    assert "init" in answer.err
