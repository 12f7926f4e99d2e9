"""What a preview of the panel shows is what its event then does: the same files, byte for byte, and services."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from esmith.events.preview import Preview, preview_events
from esmith.manager.helper.context import VerbError
from esmith.manager.helper.operations import trying
from esmith.plan.output import Difference
from esmith.services.definition import Services
from esmith.services.model import ServiceStatus, Status
from tests.commands import Root
from tests.events.kit import Recorder, make_event
from tests.manager.verbs.kit import Desk

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
_TEXTS = ("", "x", "mail.example.com", "[Spam]", "two words", "user@example.com", "192.168.1.7", "{{ 1 }}", "$(id)")


class Down(Recorder):
    """Records service actions, and knows services that are down."""

    def set_down(self, service: str) -> None:
        """Have a service be down."""
        self._seen[service] = ServiceStatus(Status.DOWN)


class _Seen:
    """Notes the last preview, and what is done to services.

    :param supervisor: pretends to do it.
    """

    def __init__(self, supervisor: Down) -> None:
        self.found = Preview()
        self.supervisor = supervisor
        #: How the files looked after the last change.
        self.looks: dict[str, tuple[int, int, int]] = {}

    def __call__(self, *words: Any, **options: Any) -> Preview:
        self.found = preview_events(*words, **options)
        return self.found


def _values(desk: Desk, panel: str, chance: random.Random) -> dict[str, Any]:
    """Return values for some fields of a page: most of them possible, some not."""
    form = desk.call("panel", panel=panel)
    fields = [one for section in form["sections"] for one in section["fields"] if one["widget"] != "note"]
    return {one["name"]: _value(one, chance) for one in chance.sample(fields, chance.randint(1, 3))}


def _value(field: dict[str, Any], chance: random.Random) -> Any:
    choices = [one["value"] for one in field["choices"]]
    if field["widget"] == "choice":
        return chance.choice([*choices, *choices, None])
    if field["widget"] == "checks":
        return chance.sample(choices, chance.randint(0, len(choices)))
    if field["widget"] == "lines":
        return chance.sample(_TEXTS, 2)
    if field["widget"] == "number":
        return str(chance.randint(0, 12))
    return chance.choice([*_TEXTS, None])


def _change(desk: Desk, seen: _Seen, panel: str, chance: random.Random) -> bool:
    """Do a random change, and compare what was shown with what is done; return whether it was one."""
    values = _values(desk, panel, chance)
    revision = desk.revision()
    operation = {"kind": "form", "panel": panel, "values": values, "revision": revision}
    try:
        shown = desk.preview(operation)
    except VerbError as error:
        assert error.kind == "refused" and desk.revision() == revision
        return False
    before, seen.looks = seen.looks, desk.looks(_SHIPPED)
    assert before in ({}, seen.looks), "a preview changes nothing"
    before = seen.looks
    found = seen.found
    down = {name for name in shown["services"] if seen.supervisor.status(name).state is not Status.UP}
    job = desk.apply(operation)
    assert job["state"] == "done", (job, values)
    wanted = {file.path: file.difference.value for file in found.files if file.left is None}
    assert {file["path"]: file["change"] for file in job["result"]["files"]} == wanted, values
    for file in found.files:
        if file.difference is not Difference.ATTRIBUTES and not file.left:
            assert _content(desk.file(file.path)) == file.new, (file.path, values)
    seen.looks = desk.looks(_SHIPPED)
    touched = {path for path, look in seen.looks.items() if before.get(path) != look} | before.keys() - seen.looks
    assert touched == {str(desk.file(path)) for path in wanted}, values
    # Supervisors are not asked by a preview: what is down is started, and needs no signal.
    services = {name: ["start"] if name in down else words for name, words in shown["services"].items()}
    assert job["result"]["services"] == services and shown["services"] == found.services, values
    return bool(shown["changes"])


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
    chance, shipped = random.Random(1), _shipped(office_desk)
    assert sum(_change(office_desk, seen, "configuration/email", chance) for _ in range(50)) > 15
    assert _shipped(office_desk) == shipped


@pytest.mark.long
def test_many_random_changes(office_desk: Desk, seen: _Seen) -> None:
    """Five hundred random changes of the shipped pages with their own events."""
    _level(office_desk, seen.supervisor, "email-update")
    chance, shipped = random.Random(2), _shipped(office_desk)
    panels = ("configuration/email", "configuration/email", "configuration/wbl")
    changed = sum(_change(office_desk, seen, chance.choice(panels), chance) for _ in range(500))
    print(changed, "of 500 changed something")
    assert changed > 150
    assert _shipped(office_desk) == shipped
