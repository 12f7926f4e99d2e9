"""A service that ends when what it does is done, as qmail does: events do not wait for it. Real supervisors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from esmith.errors import ServiceError
from esmith.events.pending import PENDING, PendingAction, list_pending
from esmith.fields import replace
from esmith.layout import Layout
from esmith.services.definition import Services
from esmith.services.find import find_supervisor
from esmith.services.model import Status, StillEndingError
from esmith.services.service import Ending
from esmith.store import open_store
from esmith.store.model import Author
from tests.commands import Root

from .servers import LATE, Runsvdir, Server, ServiceTree, Svscan, eventually

DEFINITION = '[ending]\nwait = 1\nuntil = "its deliveries are done"\nwithin = 1000\n'
ENDS = "service late: it ends when its deliveries are done, and then "


class Late:
    """A root with a service that ends late, and an event that makes its file.

    :param root: the root.
    :param kind: its supervisor.
    """

    def __init__(self, root: Root, kind: type[Server]) -> None:
        self.root = root
        root.write("/etc/e-smith/services/late/service.toml", DEFINITION)
        root.write("/etc/e-smith/templates-custom/etc/late.conf/10text", "{{ late.Text }}\n")
        root.write("/etc/e-smith/templates-custom/etc/late.conf/template.toml", 'services = { late = "restart" }\n')
        root.write("/etc/e-smith/events/late-update/templates2expand", "/etc/late.conf\n")
        root.write("/etc/e-smith/events/late-update/services2adjust", "late restart\n")
        root.config("set", "late", "service", "status", "enabled", "Text", "one")
        root.run("expand-template", "/etc/late.conf")
        self.tree = ServiceTree(str(root.path))
        self.directory = self.tree.add("late", LATE)
        self.server = kind(self.tree)
        self.server.start()
        self.settle()

    def settle(self) -> None:
        """Have nothing pending, whatever was changed before the process started."""
        store = open_store(Layout(str(self.root.path)), write=True)
        with store.transaction(Author.current(["test"])) as transaction:
            PENDING.put(transaction, "late", None)
        store.close()

    def update(self, text: str, code: int = 0) -> str:
        """Change the file by the event, and return its messages."""
        self.root.config("setprop", "late", "Text", text)
        return self.root.signal("late-update", code=code).err

    def complete(self) -> None:
        """Let the deliveries end."""
        self.tree.write(self.directory, "done", "")

    @property
    def pid(self) -> int | None:
        """The process."""
        return self.tree.directory("late").status().pid

    @property
    def heard(self) -> int:
        """How often it was asked to end."""
        return self.tree.read("late", "heard").count("SIGTERM")

    @property
    def shown(self) -> list[str]:
        """What is shown of it."""
        lines = self.root.esmith("services").out.splitlines()
        start = next(number for number, line in enumerate(lines) if line.startswith("service late:"))
        return [lines[start], *(line for line in lines[start + 1 : start + 3] if line.startswith("  "))]

    def pending(self) -> PendingAction | None:
        """What is pending."""
        store = open_store(Layout(str(self.root.path)))
        with store.snapshot() as snapshot:
            found = list_pending(snapshot).get("late")
        store.close()
        return found

    def age(self, seconds: float) -> None:
        """Have what is pending be older than it is."""
        pending = self.pending()
        assert pending is not None
        older = replace(pending, since=pending.since - seconds, asked=pending.asked - seconds)
        store = open_store(Layout(str(self.root.path)), write=True)
        with store.transaction(Author.current(["test"])) as transaction:
            PENDING.put(transaction, "late", older)
        store.close()


@pytest.fixture(
    params=[
        pytest.param(Runsvdir, id="runit", marks=pytest.mark.program("runsvdir", "sv")),
        pytest.param(Svscan, id="daemontools", marks=pytest.mark.program("svscan", "svc")),
    ]
)
def late(request: pytest.FixtureRequest, root: Root) -> Iterator[Late]:
    """A service that ends late, under each supervisor."""
    made = Late(root, request.param)
    yield made
    made.server.stop()


def test_an_event_does_not_wait(late: Late) -> None:
    """The event asks the service to end, says that it does when its deliveries are done, and exits with 0."""
    before = late.pid
    reported = late.update("two")
    assert f"{ENDS}starts again by itself\n  'esmith services' shows when it has" in reported
    assert late.pid == before
    assert late.root.read("/etc/late.conf").endswith("two\n")
    assert late.shown[0].startswith("service late: wanted up, is up (pid ")
    assert late.shown[1].endswith(": restart (by signal-event late-update)")
    assert late.shown[2].endswith(", and does when its deliveries are done")
    # Another change, and the attempts of every minute, ask for nothing more.
    assert late.update("three") == ""
    assert late.root.esmith("recover").err == ""
    assert (late.pid, late.heard) == (before, 1)


def test_the_new_process_completes_it(late: Late) -> None:
    """When the new process runs, nothing is shown as pending, and the next event does nothing to it."""
    before = late.pid
    late.update("two")
    late.complete()
    eventually(lambda: late.pid not in (None, before), "another process runs")
    after = late.server.ready("late")
    eventually(lambda: len(late.shown) == 1, "nothing is pending")
    late.root.signal("late-update")
    assert (late.pid, late.heard, late.pending()) == (after, 1, None)


def test_a_change_after_the_restart_restarts_again(late: Late) -> None:
    """The process that started by itself has not read what was changed since, so it is asked to end as well."""
    before = late.pid
    late.update("two")
    late.complete()
    eventually(lambda: late.pid not in (None, before), "another process runs")
    late.server.ready("late")
    assert ENDS in late.update("three")
    assert late.heard == 2


def test_a_service_that_never_ends_shows(late: Late) -> None:
    """After the time of service.toml the event exits with 8, and esmith services says that it takes too long."""
    late.update("two")
    late.age(1001)
    reported = late.update("three", code=8)
    assert "service late: it was asked to end 10" in reported
    assert "and has not, in more than 1000 s" in reported
    assert late.shown[2].endswith(" and has not, which takes too long; its log says why")
    data: Any = json.loads(late.root.esmith("services", "--json").out)["late"]["pending"]["ending"]
    assert (data["until"], data["overdue"]) == ("its deliveries are done", True)
    assert late.heard == 1


def test_a_service_that_is_disabled(late: Late) -> None:
    """It is asked once to end, and stays down when it has."""
    late.root.config("setprop", "late", "status", "disabled")
    reported = late.root.signal("late-update").err
    assert f"{ENDS}stays down" in reported
    assert late.root.esmith("recover").err == ""
    assert late.shown[1].endswith(": stop (by signal-event late-update)")
    assert late.heard == 1
    late.complete()
    eventually(lambda: late.shown[0].startswith("service late: wanted down, is down "), "it is down")
    assert len(late.shown) == 1
    late.root.signal("late-update")
    assert (late.pid, late.pending()) == (None, None)


def test_a_service_that_is_enabled_again_meanwhile(late: Late) -> None:
    """It starts again when it has ended."""
    before = late.pid
    late.root.config("setprop", "late", "status", "disabled")
    late.root.signal("late-update")
    late.root.config("setprop", "late", "status", "enabled")
    late.root.signal("late-update")
    late.complete()
    eventually(lambda: late.pid not in (None, before), "another process runs")
    assert late.tree.directory("late").status().state is Status.UP


def test_a_failure_after_the_restart(late: Late) -> None:
    """When the event fails later, the old file is restored, and the process that starts reads that."""
    late.root.write("/etc/e-smith/events/late-update/S95fail", "#!/bin/sh\nexit 1\n", mode=0o755, shipped=True)
    before = late.pid
    reported = late.update("two", code=7)
    assert "restored" in reported
    late.complete()
    eventually(lambda: late.pid not in (None, before), "another process runs")
    assert late.root.read("/etc/late.conf").endswith("one\n")


def test_the_supervisor_says_so(late: Late) -> None:
    """The error of the supervisor names the process; a service without such a time fails as ever."""
    layout = Layout(str(late.root.path))
    supervisor = find_supervisor(layout, "late")
    assert supervisor is not None
    with pytest.raises(StillEndingError) as caught:
        supervisor.control("late", "restart")
    assert (caught.value.pid, caught.value.action) == (late.pid, "restart")
    other = late.server.supervisor(timeout=1)
    with pytest.raises(ServiceError) as failed:
        other.control("late", "restart")
    assert not isinstance(failed.value, StillEndingError)


def test_what_is_shipped(root: Root) -> None:
    """qmail and the relay complete what they do; others have to end at once."""
    services = Services(Layout(str(root.path)))
    late = {name: services.of(name).ending.until for name in services.names() if services.of(name).ending.until}
    assert late == {"qmail": "its deliveries are done", "smtp-auth-proxy": "the mails that have begun are passed on"}
    assert services.of("clamd").ending == Ending(wait=30.0)
