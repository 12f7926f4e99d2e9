"""All or nothing: a failed or killed event leaves the old files, and an administrator can restore them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from esmith.apply.commit import commit_plan
from esmith.apply.generations import finish, list_generations
from esmith.events.expand import expand_templates
from esmith.events.session import Session
from esmith.layout import Layout
from esmith.plan.host import DiskHost
from esmith.store import open_store
from esmith.store.model import Author
from tests.apply.kit import Bench
from tests.commands import Root

PEERS = "/var/service/qpsmtpd/config/peers/0"
ACTION = "/etc/e-smith/events/email-update/S50last"


def _fail(office: Root, script: str) -> None:
    office.write(ACTION, f"#!/bin/sh\n{script}\n", mode=0o755, shipped=True)


def test_a_failing_action_puts_the_old_files_back(office: Root) -> None:
    """When an action fails after the files were installed, they are what they were, down to inode and time."""
    office.signal("email-update")
    before = office.snapshot("/etc", "/var/qmail", "/var/service")
    _fail(office, "exit 3")
    office.config("setprop", "qpsmtpd", "DNSBL", "enabled")
    answer = office.signal("email-update", code=7)
    assert "the old content of 1 file was restored" in answer.err
    after = office.snapshot("/etc", "/var/qmail", "/var/service")
    del after[ACTION]
    assert after == before


def test_a_created_file_goes_and_a_removed_one_comes_back(office: Root) -> None:
    """Taking an install back removes what it created, and brings back what it removed and its mode."""
    office.write("/etc/e-smith/templates/etc/created", "new\n")
    office.write("/etc/e-smith/templates/etc/removed/10", "old\n")
    office.write("/etc/e-smith/templates/etc/removed/template-begin", "")
    office.write("/etc/e-smith/templates/etc/removed/template.toml", 'mode = "0600"\n')
    office.expand("/etc/removed")
    office.write("/etc/e-smith/templates/etc/removed/template.toml", 'delete-when = "true"\n')
    office.write("/etc/e-smith/events/both/templates2expand", "/etc/created\n/etc/removed\n")
    office.write("/etc/e-smith/events/both/S50fail", "#!/bin/sh\nexit 1\n", mode=0o755, shipped=True)
    office.signal("both", code=7)
    assert not office.file("/etc/created").exists()
    assert office.read("/etc/removed") == "old\n"
    assert office.file("/etc/removed").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "next_command", [("signal-event", "network-create", "10.0.0.0"), ("esmith", "recover")], ids=str
)
def test_a_killed_event_is_repaired_by_the_next_command(office: Root, next_command: tuple[str, ...]) -> None:
    """An event killed after its install is taken back by the next command, which says so."""
    office.signal("email-update")
    before = office.read(PEERS)
    _fail(office, "kill -9 $PPID")
    office.config("setprop", "qpsmtpd", "DNSBL", "enabled")
    office.signal("email-update", code=None)
    assert office.read(PEERS) != before
    answer = office.run(*next_command)
    assert "signal-event email-update was interrupted" in answer.out + answer.err
    assert office.read(PEERS) == before
    assert "interrupted" not in office.esmith("recover").err + office.esmith("generations").out


def test_a_nested_event_is_taken_back_with_the_outer_one(office: Root) -> None:
    """What an event signalled by an action installed is rolled back too when the outer event fails."""
    office.signal("email-update")
    before = office.read(PEERS)
    office.write("/etc/e-smith/templates/etc/outer", "{{ qpsmtpd.DNSBL }}\n")
    office.write("/etc/e-smith/events/outer/templates2expand", "/etc/outer\n")
    script = "#!/bin/sh\nsignal-event email-update && exit 1\n"
    office.write("/etc/e-smith/events/outer/S50inner", script, mode=0o755, shipped=True)
    office.config("setprop", "qpsmtpd", "DNSBL", "enabled")
    office.signal("outer", code=7)
    assert office.read(PEERS) == before
    assert not office.file("/etc/outer").exists()


def test_rollback_brings_back_files_and_settings(office: Root) -> None:
    """esmith rollback sets files and the settings they were made from back to the generation before."""
    office.signal("email-update")
    before = office.read(PEERS)
    office.config("setprop", "qmail", "ConcurrencyLocal", "5")
    office.signal("email-update")
    office.config("setprop", "qpsmtpd", "DNSBL", "enabled")
    office.signal("email-update")
    office.esmith("rollback")
    assert office.read(PEERS) == before
    assert office.config("getprop", "qpsmtpd", "DNSBL").out == "disabled\n"
    assert office.config("getprop", "qmail", "ConcurrencyLocal").out == "5\n"
    assert office.read("/var/qmail/control/concurrencylocal") == "5\n"
    assert "0 files changed" in office.signal("-v", "email-update").err


def test_generations_are_listed_and_limited(office: Root) -> None:
    """esmith generations lists what was installed, and only the last 20 are kept."""
    layout = Layout(str(office.path))
    store = open_store(layout, write=True)
    for number in range(1, 24):
        with store.transaction(Author("tom", "", ["test"])) as transaction:
            transaction.set_prop("configuration", "qmail", "ConcurrencyLocal", str(number))
        expand_templates(Session(layout, store, print), ["/var/qmail/control/concurrencylocal"])
    store.close()
    listed = json.loads(office.esmith("generations", "--json").out)
    assert len(listed) == 20
    assert listed[0]["files"] == ["/var/qmail/control/concurrencylocal"]
    assert len(list(office.file("/var/lib/e-smith/generations").iterdir())) == 20


def test_an_unknown_generation_is_refused(office: Root) -> None:
    """Going back to a generation that is not kept, or to the last one, is a usage error and changes nothing."""
    before = office.snapshot("/etc", "/var/qmail", "/var/service")
    office.esmith("rollback", "999", code=2)
    newest = json.loads(office.esmith("generations", "--json").out)[0]["generation"]
    office.esmith("rollback", str(newest), code=2)
    assert office.snapshot("/etc", "/var/qmail", "/var/service") == before


@pytest.mark.parametrize(("keep_since", "numbers"), [(None, [6, 5]), (4, [6, 5, 4]), (9, [6, 5])])
def test_the_last_generations_are_kept(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, keep_since: int | None, numbers: list[int]
) -> None:
    """Older generations go with their old files; not those since a change that is still to be confirmed."""
    monkeypatch.setattr("esmith.apply.generations.KEPT", 2)
    for text in "abcdef":
        bench.template("/etc/t", f"{text}\n")
        plan = bench.plan("/etc/t")
        generation = commit_plan(plan, DiskHost(bench.layout), bench.store, "test", bench.notes.append)
        assert generation is not None
        finish(generation, bench.layout, bench.store, keep_since=keep_since)
    with bench.store.snapshot() as snapshot:
        assert [generation.number for generation in list_generations(snapshot)] == numbers
    folders = sorted(entry.name for entry in Path(bench.layout.state, "generations").iterdir())
    assert len(folders) == len(numbers)
