"""``config apply``: settings as a file wants them, shown first, all or none, and nothing the second time."""

from __future__ import annotations

import json
import os
import select
import subprocess
from pathlib import Path

import pytest

from esmith.cli.apply import apply_command
from esmith.errors import ExitCode, RefusedError
from esmith.layout import Layout
from esmith.schema.load import Schema
from esmith.schema.settings import set_properties
from esmith.store import open_store
from esmith.store.model import Author
from tests.commands import TIMEOUT_SECONDS, Root
from tests.events.kit import look_at_files, make_event

SITE = """\
[configuration.qpsmtpd]
type = "service"
DNSBL = "enabled"
[networks."10.9.0.0"]
type = "network"
Mask = "255.255.255.0"
"""


@pytest.fixture
def site(tmp_path: Path) -> str:
    """Return a file that wants two settings."""
    path = tmp_path / "site.toml"
    path.write_text(SITE)
    return str(path)


def _revisions(root: Root) -> int:
    return len(json.loads(root.esmith("history", "--limit", "1000", "--json").out))


def test_it_is_one_change_and_then_none(office: Root, site: str) -> None:
    """All settings are one revision, which is shown with the files; a second run stores nothing, and prints that."""
    before = _revisions(office)
    coloured = office.config("apply", "--dry-run", "--color", "always", site).out
    assert "\n\x1b[32m+dnsbl " in coloured and "DNSBL: \x1b[31mdisabled\x1b[0m -> " in coloured
    shown = office.config("apply", site).out
    assert "configuration qpsmtpd DNSBL: disabled -> enabled\n" in shown
    assert "networks 10.9.0.0 Mask: (none) -> 255.255.255.0\n" in shown
    assert "+++ /var/service/qpsmtpd/config/peers/0\n" in shown
    assert "\nnext: signal-event email-update" in shown
    assert office.db("networks", "print", "10.9.0.0").out == "10.9.0.0=network|Mask|255.255.255.0\n"
    assert _revisions(office) == before + 1
    assert office.config("apply", site).out == "nothing differs\n"
    assert _revisions(office) == before + 1


def test_a_dry_run_changes_nothing(office: Root, site: str) -> None:
    """With --dry-run the same is shown, and no file of the root is another; the settings are not stored."""
    # What each command that reads leaves there: who reads, and that the data file is sound.
    besides = ("/home/e-smith/db/lock.mdb", "/home/e-smith/db/data.verified")
    before = look_at_files(office, besides=besides)
    found = json.loads(office.config("apply", "--dry-run", "--event", "email-update", "--json", site).out)
    assert look_at_files(office, besides=besides) == before
    assert found["changed"] and found["dry_run"] and found["revision"] is None
    assert found["signalled"] == ["email-update"]


def test_what_is_refused_changes_nothing(office: Root, tmp_path: Path) -> None:
    """What the schema refuses is named with its line, all of it, and nothing is stored but with --force."""
    path = tmp_path / "bad.toml"
    path.write_text(SITE.replace("enabled", "maybe") + '[domains.x]\ntype = "domain"\n[acounts.a]\ntype = "user"\n')
    before = _revisions(office)
    answer = office.config("apply", str(path), code=ExitCode.REFUSED)
    assert f"{path}:3: configuration qpsmtpd DNSBL: 'maybe' is not one of enabled, disabled" in answer.err
    assert "did you mean 'accounts'?" in answer.err and "give --force" in answer.err
    assert _revisions(office) == before
    office.config("--force", "apply", str(path))
    assert office.config("getprop", "qpsmtpd", "DNSBL").out == "maybe\n"


def test_the_object(office: Root, site: str) -> None:
    """--json prints one object with the changes, the files, the services and the events."""
    office.config("setprop", "clamav", "MaxFileSize", "25M")
    found = json.loads(office.config("apply", "--json", site).out)
    keys = "changed changes dry_run events faults files hints revision services signalled"
    assert sorted(found) == keys.split()
    assert found["changes"][0] == {
        "database": "configuration",
        "key": "qpsmtpd",
        "property": "DNSBL",
        "old": "disabled",
        "new": "enabled",
    }
    files = {file["path"]: file for file in found["files"]}
    peers = files["/var/service/qpsmtpd/config/peers/0"]
    assert sorted(peers) == ["anyway", "change", "diff", "events", "left", "path", "template"]
    assert peers["change"] == "replace" and "email-update" in peers["events"] and not peers["anyway"]
    assert files["/etc/clamd.conf"]["anyway"] and "clamd" in found["services"]
    assert found["revision"] == _revisions(office)
    again = json.loads(office.config("apply", "--json", site).out)
    assert again["changed"] is False and again["changes"] == again["files"] == []


def test_an_event_is_signalled_when_something_differs(office: Root, site: str) -> None:
    """--event signals it when a setting changed, or a file of it differs, and otherwise not."""
    peers = "/var/service/qpsmtpd/config/peers/0"
    first = json.loads(office.config("apply", "--event", "email-update", "--json", site).out)
    assert first["signalled"] == ["email-update"] and "dnsbl reject" in office.read(peers)
    again = json.loads(office.config("apply", "--event", "email-update", "--json", site).out)
    assert again["signalled"] == [] and again["changed"] is False
    office.file(peers).write_text("by hand\n")
    repaired = json.loads(office.config("apply", "--event", "email-update", "--json", site).out)
    assert repaired["signalled"] == ["email-update"] and repaired["changed"] and repaired["changes"] == []
    assert office.read(peers) != "by hand\n"


def test_an_event_that_fails(office: Root, site: str) -> None:
    """When the event fails its exit code counts, and the message says that the settings are stored."""
    make_event(office.path, "wrong", actions={"S10x": "exit 3"})
    answer = office.config("apply", "--event", "wrong", site, code=ExitCode.ACTION)
    assert "the settings are stored" in answer.err
    assert office.config("getprop", "qpsmtpd", "DNSBL").out == "enabled\n"
    before = _revisions(office)
    answer = office.config("apply", "--event", "nosuch", site, code=ExitCode.USAGE)
    assert "there is no event 'nosuch'" in answer.err and _revisions(office) == before


def test_a_check_comes_first(office: Root, tmp_path: Path) -> None:
    """With --check nothing is stored when a check refuses a file; without it the settings are."""
    office.write(
        "/etc/e-smith/templates/etc/probe/template.toml",
        'services = []\n[check]\ncommand = ["false", "{file}"]\npackage = "coreutils"\n',
        shipped=True,
    )
    office.write("/etc/e-smith/templates/etc/probe/10x", "{{ Probe }}\n", shipped=True)
    make_event(office.path, "probe", templates="/etc/probe\n")
    path = tmp_path / "probe.toml"
    path.write_text('[configuration]\nProbe = "1"\n')
    answer = office.config("apply", "--check", str(path), code=ExitCode.CHECK)
    assert "/etc/probe: false refuses it" in answer.err
    assert office.config("get", "Probe", code=1).out == ""
    office.config("apply", str(path))
    assert office.config("get", "Probe").out == "1\n"


def test_a_broken_template_hinders_no_setting(root: Root, site: str) -> None:
    """Settings are stored where a template is broken; that is shown, with its place."""
    root.custom("/etc/clamd.conf/10x", "{{ broken\n")
    answer = root.config("apply", site)
    assert "templates-custom/etc/clamd.conf/10x:1: " in answer.out
    assert root.config("getprop", "qpsmtpd", "DNSBL").out == "enabled\n"


def test_database_files(office: Root, tmp_path: Path) -> None:
    """A database file, or a directory of them, is applied; db DATABASE apply takes one of any name."""
    target = tmp_path / "export"
    office.esmith("export", "--to", str(target))
    assert office.config("apply", "--prune", str(target)).out == "nothing differs\n"
    file = target / "networks"
    file.write_text(file.read_text().replace("255.255.0.0", "255.0.0.0"))
    assert office.config("apply", str(file)).out.startswith("networks 10.0.0.0 Mask: 255.255.0.0 -> 255.0.0.0\n")
    other = file.rename(tmp_path / "other")
    other.write_text("10.0.0.0=network|Mask|255.255.0.0\n")
    office.db("networks", "apply", str(other))
    assert office.db("networks", "getprop", "10.0.0.0", "Mask").out == "255.255.0.0\n"
    site = tmp_path / "site.toml"
    site.write_text(SITE)
    answer = office.db("networks", "apply", str(site), code=ExitCode.REFUSED)
    assert f"{site}:1: configuration: is about the database 'configuration', not networks" in answer.err
    answer = office.db(str(file), "apply", str(site), code=ExitCode.USAGE)
    assert "is a text file, which apply does not know" in answer.err


def test_secrets_are_hidden(office: Root, tmp_path: Path) -> None:
    """Neither what is shown nor the object has the old or the new value of a secret; only the export has."""
    office.config("setprop", "clamav", "HTTPProxyServer", "p.example.com", "HTTPProxyPassword", "Geheim-1")
    path = tmp_path / "secret.toml"
    path.write_text('[configuration.clamav]\nHTTPProxyPassword = "Geheim-2"\n')
    for words in (["--dry-run"], ["--dry-run", "--json"], ["--json"]):
        answer = office.config("apply", *words, str(path))
        assert "HTTPProxyPassword" in answer.out and "****" in answer.out
        assert "Geheim" not in answer.out + answer.err
    assert 'HTTPProxyPassword = "Geheim-2"' in office.esmith("export", "--toml", "configuration").out


def test_what_changes_meanwhile(office: Root, site: str) -> None:
    """When somebody changes a setting after it was shown, nothing is stored."""
    from esmith.cli.apply import _Apply
    from esmith.schema.wanted_file import read_wanted

    values = apply_command("config", None).read([site])
    assert values is not None
    layout = Layout(str(office.path))
    store = open_store(layout, write=True)
    try:
        work = _Apply(layout, store, read_wanted(site), values)
        work.look()
        with store.transaction(Author("other", "", ["x"])) as transaction:
            set_properties(transaction, Schema(layout), "configuration", "qpsmtpd", {"DNSBL": "enabled"})
        with pytest.raises(RefusedError, match="changed meanwhile"):
            work.carry_out(["config", "apply"])
        with store.snapshot() as snapshot:
            assert snapshot.record("networks", "10.9.0.0") is None
    finally:
        store.close()


def _answered(office: Root, site: str, answer: bytes) -> tuple[int, str]:
    """Return exit code and output of the command at a terminal, where a question is answered."""
    ours, theirs = os.openpty()
    words = [str(office.path / "sbin/e-smith/config"), "apply", site]
    environment = {**os.environ, "ESMITH_ROOT": str(office.path), "NO_COLOR": "1"}
    with subprocess.Popen(words, stdin=theirs, stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        shown = b""
        while b"[y/N]" not in shown:
            assert select.select([ours], [], [], TIMEOUT_SECONDS)[0], shown
            shown += os.read(ours, 4096)
        os.write(ours, answer)
        code = process.wait(TIMEOUT_SECONDS)
    os.close(ours)
    return code, shown.decode()


def test_a_terminal_is_asked(office: Root, site: str) -> None:
    """At a terminal nothing is stored without a yes."""
    code, shown = _answered(office, site, b"n\n")
    assert code == 1 and "DNSBL: disabled -> enabled" in shown
    assert office.config("getprop", "qpsmtpd", "DNSBL").out == "disabled\n"
    assert _answered(office, site, b"y\n")[0] == 0
    assert office.config("getprop", "qpsmtpd", "DNSBL").out == "enabled\n"


def test_a_wrong_call(root: Root) -> None:
    """Without a file the usage message is that of the fourteen verbs; a wrong option has one of its own."""
    assert "apply" not in root.config("apply", code=ExitCode.USAGE).err
    assert "No such option" in root.config("apply", "--wrong", "x", code=ExitCode.USAGE).err
    assert "Usage: config apply [OPTIONS] FILE\n" in root.config("apply", "--help").out
    assert root.config("apply", "/none.toml", code=ExitCode.USAGE).err.startswith("config: /none.toml: there is no")
