"""What a preview of the panel shows is what its event then does: the same files, byte for byte, and services."""

from __future__ import annotations

import random
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from esmith.events.preview import Preview, preview_events
from esmith.manager.helper.context import VerbError
from esmith.manager.helper.operations import trying
from esmith.manager.helper.settings_of_job import actor
from esmith.plan.installed import OUTPUTS
from esmith.plan.listed import LISTED, resolved
from esmith.plan.output import Difference
from esmith.services.definition import Services
from esmith.services.model import ServiceStatus, Status
from tests.commands import Root
from tests.events.kit import Recorder, make_event
from tests.manager.verbs.kit import Desk
from tests.manager.verbs.random_changes import form_operation, record_operation
from tests.store.stores import opened

#: Files that settings of the page "E-mail" are in, cheap to make: the event of the short form writes these.
_TEMPLATES = (
    *("/etc/dovecot/dovecot.conf", "/etc/hosts.allow", "/etc/mail/spamassassin/local.cf", "/etc/fetchmail"),
    *("/var/service/qpsmtpd/config/peers/0", "/var/service/qpsmtpd/config/peers/local", "/etc/postfix/main.cf"),
    *("/var/qmail/control/smtproutes", "/var/service/pop3s/peers/0", "/etc/crontab", "/etc/rc.d/init.d/masq"),
)
#: What the event adjusts of their readers.
_SERVICES = ("postfix sighup", "spamd restart", "dovecot sighup", "pop3s sigusr1", "masq adjust")
#: Thousands of files that nobody writes; whether that is so is seen once, at the end.
_SHIPPED = "etc/e-smith"


class Down(Recorder):
    """Records service actions, and knows services that are down."""

    def set_down(self, service: str) -> None:
        """Have a service be down."""
        self._seen[service] = ServiceStatus(Status.DOWN)


class _Seen:
    """Notes the preview of a change, and what is done to services.

    :param supervisor: pretends to do it.
    """

    def __init__(self, supervisor: Down) -> None:
        #: The first one counts: another one with more settings only says which warnings the event settles.
        self.found: Preview | None = None
        self.supervisor = supervisor
        #: How the files looked after the last change.
        self.looks: dict[str, tuple[int, int, int]] = {}

    def __call__(self, *words: Any, **options: Any) -> Preview:
        found = preview_events(*words, **options)
        self.found = self.found or found
        return found


def _change(desk: Desk, seen: _Seen, operation: dict[str, Any]) -> bool:
    """Do a change, and compare what was shown with what is done; return whether it was one."""
    revision, seen.found = desk.revision(), None
    try:
        shown = desk.preview(operation)
    except VerbError as error:
        assert error.kind == "refused" and desk.revision() == revision, (error, operation)
        return False
    before, seen.looks = seen.looks, desk.looks(_SHIPPED)
    assert before in ({}, seen.looks), "a preview changes nothing"
    before = seen.looks
    found = seen.found or Preview()
    down = {name for name in shown["services"] if seen.supervisor.status(name).state is not Status.UP}
    job = desk.apply(operation)
    assert job["state"] == "done", (job, operation)
    seen.looks = desk.looks(_SHIPPED)
    wanted = {file.path: file.difference.value for file in found.files if file.left is None}
    done = {file["path"]: file["change"] for file in job["result"]["files"]}
    contents = {file.path: file.new for file in found.files if file.difference is not Difference.ATTRIBUTES}
    unlike = {path for path in wanted.keys() | done.keys() if wanted.get(path) != done.get(path)}
    unlike |= {path for path in contents.keys() & wanted.keys() if _content(desk.file(path)) != contents[path]}
    if shown["actions_not_shown"]:
        # What actions changed in the databases is in other files, or in them with other values.
        assert unlike <= _of_actions(desk, job, unlike), (unlike, operation)
        return bool(shown["changes"])
    assert unlike == set(), operation
    touched = {path for path, look in seen.looks.items() if before.get(path) != look} | before.keys() - seen.looks
    assert touched == {str(desk.file(path)) for path in wanted}, operation
    # Supervisors are not asked by a preview: what is down is started, and needs no signal.
    services = {name: ["start"] if name in down else words for name, words in shown["services"].items()}
    assert job["result"]["services"] == services and shown["services"] == found.services, operation
    return bool(shown["changes"])


def _of_actions(desk: Desk, job: dict[str, Any], paths: set[str]) -> set[str]:
    """Return those files that were made from a record which the actions of a job have changed."""
    mark = actor("admin", job["id"])
    with opened(desk.path, write=False) as store, store.snapshot() as snapshot:
        changes = [
            change
            for revision in islice(snapshot.revisions(), 20)
            for change in (revision.changes if revision.author.sudo_user == mark else ())
        ]
        marks = {text for one in changes for text in (f'["{one.database}","{one.key}",', f'"{one.database}:')}
        rows = OUTPUTS.rows(snapshot)
        # A file that is not there any more was listed so.
        lists = "".join(row.inputs for row in LISTED.rows(snapshot).values())
        known: dict[str, Any] = {}
        inputs = {
            path: made.inputs if path in rows and (made := resolved(snapshot, rows[path], known)) else lists
            for path in paths
        }
    return {path for path in paths if any(text in inputs[path] for text in marks)}


def _level(desk: Desk, supervisor: Down, event: str) -> None:
    """Have nothing be left to do: each service is up or down as its status says."""
    assert desk.apply({"kind": "event", "event": event, "arguments": []})["state"] == "done"
    services = Services(desk.layout)
    for name in services.names():
        # Those without a record are nobody's to stop.
        if desk.value(services.of(name).record, "status") != "enabled":
            supervisor.set_down(name)


def _shipped(desk: Desk) -> dict[str, tuple[int, int, int]]:
    """Return how the files look that neither a preview nor an event writes."""
    directory = f"{desk.path}/{_SHIPPED}/"
    return {path: look for path, look in desk.looks().items() if path.startswith(directory)}


def _content(place: Path) -> bytes | None:
    if place.is_symlink():
        return str(place.readlink()).encode()
    return place.read_bytes() if place.exists() else None


@pytest.fixture
def seen(office_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> _Seen:
    """What previews found, with the new contents of the files; all services are up."""
    supervisor = Down(office_desk.path / "var/log/order")
    monkeypatch.setattr("esmith.services.find.find_supervisor", lambda _layout, _service: supervisor)
    seen = _Seen(supervisor)
    monkeypatch.setattr(trying, "preview_events", seen)
    return seen


def test_random_changes(office_desk: Desk, seen: _Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty random changes of the page "E-mail", with an event that writes a part of its files and has no actions."""
    # Programs check the same files in both.
    monkeypatch.setattr("esmith.checks.check.check", lambda *_, **__: None)
    office = Root(office_desk.path)
    templates = [one for one in _TEMPLATES if office.file(f"/etc/e-smith/templates{one}").exists()]
    make_event(office_desk.path, "try", templates="\n".join(templates) + "\n", services="\n".join(_SERVICES) + "\n")
    text = office.read("/etc/e-smith/panels/configuration/email.toml")
    office.write(
        "/etc/e-smith/panels-custom/configuration/email.toml", text.replace('event = "email-update"', 'event = "try"')
    )
    _level(office_desk, seen.supervisor, "try")
    shipped = _shipped(office_desk)
    chance = random.Random(1)
    operations = (form_operation(office_desk, "configuration/email", chance) for _ in range(50))
    assert sum(_change(office_desk, seen, operation) for operation in operations) > 15
    assert _shipped(office_desk) == shipped


@pytest.mark.long
def test_many_random_changes(office_desk: Desk, seen: _Seen) -> None:
    """Five hundred random changes of the shipped pages with their own events, also of records that come and go."""
    _level(office_desk, seen.supervisor, "email-update")
    shipped = _shipped(office_desk)
    chance = random.Random(2)
    done: Counter[str] = Counter()
    for _ in range(500):
        panel = chance.choice(("configuration/email", "configuration/wbl", ""))
        operation = form_operation(office_desk, panel, chance) if panel else record_operation(office_desk, chance)
        done[f"{operation['kind']} {operation['panel']}"] += 1
        if _change(office_desk, seen, operation):
            done[f"changed by {operation['kind']}"] += 1
    print(dict(done))
    assert sum(number for what, number in done.items() if what.startswith("changed")) > 150
    assert _shipped(office_desk) == shipped
