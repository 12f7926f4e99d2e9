"""What an event asks of one service: all cases of who names it, which files changed, and ``--restart``."""

from __future__ import annotations

import pytest

from esmith.events.asked import asked_by
from esmith.events.definition import Event
from esmith.fragments.metadata import Metadata
from esmith.fragments.rendering import Rendering
from esmith.fragments.tree import Template
from esmith.plan.output import Difference, Output
from esmith.plan.plan import Plan

#: The services in a template's metadata; None when it names none.
Says = dict[str, str] | None
SILENT: Says = None
NONE: Says = {}
#: The service without an action of its own; another service; the service with an action.
PLAIN, OTHER = {"clamd": ""}, {"spamd": ""}
RELOAD, USR1, RESTART, SIGTERM = ({"clamd": action} for action in ("reload", "usr1", "restart", "sigterm"))

File = tuple[Says, bool]

#: The actions of the event for clamd (None: it does not name the service), --restart, the files (the services in the
#: metadata, whether the file changed), and the actions for clamd (None: it is not adjusted).
CASES: dict[str, tuple[list[str] | None, bool, list[File], list[str] | None]] = {
    # No metadata names the service: nobody knows what it reads.
    "no file": (["hup"], False, [], ["hup"]),
    "no metadata": (["hup"], False, [(SILENT, False)], ["hup"]),
    "no metadata, changed": (["hup"], False, [(SILENT, True)], ["hup"]),
    "metadata names none": (["hup"], False, [(NONE, True)], ["hup"]),
    "metadata names another": (["hup"], False, [(OTHER, True)], ["hup"]),
    "several actions of the event": (["usr1", "hup"], False, [], ["usr1", "hup"]),
    "the event's actions as they are written": (["SIGHUP"], False, [], ["SIGHUP"]),
    # The metadata of a file names it: only changes count.
    "named, not changed": (["hup"], False, [(PLAIN, False)], []),
    "named, changed": (["hup"], False, [(PLAIN, True)], ["hup"]),
    "named, several actions of the event": (["usr1", "hup"], False, [(PLAIN, True)], ["usr1", "hup"]),
    "named, another file changed": (["hup"], False, [(PLAIN, False), (OTHER, True)], []),
    "named, a file of none changed": (["hup"], False, [(PLAIN, False), (NONE, True)], []),
    "named, a file without metadata changed": (["hup"], False, [(PLAIN, False), (SILENT, True)], ["hup"]),
    "an action of its own": (["hup"], False, [(RESTART, True)], ["restart"]),
    "an action under its other name": (["hup"], False, [(SIGTERM, True)], ["restart"]),
    "an action of its own, not changed": (["hup"], False, [(RESTART, False), (PLAIN, True)], ["hup"]),
    # Several reasons: the strongest.
    "the same reason twice": (["usr1", "hup"], False, [(PLAIN, True), (PLAIN, True)], ["usr1", "hup"]),
    "a stronger action": (["hup"], False, [(RESTART, True), (PLAIN, True)], ["restart"]),
    "a weaker action": (["hup"], False, [(USR1, True), (PLAIN, True)], ["hup"]),
    "two actions": (["hup"], False, [(USR1, True), (RELOAD, True)], ["reload"]),
    "an action, and a file without metadata": (["hup"], False, [(USR1, True), (SILENT, True)], ["hup"]),
    "several actions of the event, one stronger": (["stop", "hup"], False, [(RESTART, True), (PLAIN, True)], ["stop"]),
    # The event does not name the service.
    "not of the event": (None, False, [(SILENT, True)], None),
    "not of the event, named by what did not change": (None, False, [(PLAIN, False)], None),
    "not of the event, named by what changed": (None, False, [(PLAIN, True)], ["restart"]),
    "not of the event, with an action": (None, False, [(USR1, True)], ["usr1"]),
    "not of the event, two reasons": (None, False, [(USR1, True), (RELOAD, True)], ["reload"]),
    "not of the event, beside a file without metadata": (None, False, [(USR1, True), (SILENT, True)], ["usr1"]),
    # --restart: the actions of the event, whatever changed.
    "always, not changed": (["hup"], True, [(PLAIN, False)], ["hup"]),
    "always, changed": (["hup"], True, [(RESTART, True)], ["hup"]),
    "always, several actions": (["usr1", "hup"], True, [(RESTART, True), (PLAIN, True)], ["usr1", "hup"]),
    "always, not of the event": (None, True, [(USR1, True)], ["usr1"]),
    "always, not of the event, not changed": (None, True, [(USR1, False)], None),
}


def _output(number: int, services: Says, changed: bool) -> Output:
    path = f"/etc/{number}"
    rendering = Rendering(path, Template(path, []), Metadata(services=services))
    difference = Difference.REPLACE if changed else Difference.NONE
    return Output(path, path, rendering, 0o644, None, difference)


@pytest.mark.parametrize(("actions", "always", "files", "asked"), CASES.values(), ids=CASES.keys())
def test_what_is_asked_of_a_service(
    actions: list[str] | None, always: bool, files: list[File], asked: list[str] | None
) -> None:
    """The event's actions when no metadata names the service, else the strongest of the files that changed."""
    event = Event("try", "/events/try", services={} if actions is None else {"clamd": actions})
    plan = Plan([_output(number, *file) for number, file in enumerate(files)])
    assert asked_by(event, plan, always=always).get("clamd") == asked


def test_each_service_is_asked_for_itself() -> None:
    """Every service of the event, and every one that reads a changed file, has its own actions."""
    event = Event("try", "/events/try", services={"clamd": ["hup"], "sshd": ["usr1"]})
    plan = Plan([_output(1, {"clamd": "", "spamd": ""}, True), _output(2, {"clamd": "stop", "dovecot": ""}, False)])
    assert asked_by(event, plan) == {"clamd": ["hup"], "spamd": ["restart"], "sshd": ["usr1"]}
