"""What is pending or wrong is a line each, with the command that cures it."""

from __future__ import annotations

from typing import Any

import pytest

from esmith.cli.status import summary_lines
from esmith.status.findings import findings_of

#: What ``--json`` has of a root in which nothing is pending.
NOTHING: dict[str, Any] = {
    "revision": 1,
    "files": {"generated": 1, "differing": {}, "left": {}},
    "services": {},
    "outstanding": {"waiting": [], "services": {}, "left": {}, "broken": [], "refused": []},
    "overrides": [],
    "foreign": [],
    "untrusted": [],
    "damaged": [],
    "interrupted": [],
    "stale": {},
    "pending": None,
    "running": None,
    "certificate": None,
    "logs": None,
    "refused": None,
}


SERVICE = {"wanted": "up", "state": "up (pid 1) for 9 s"}
FOUND: dict[str, tuple[dict[str, Any], str, str]] = {
    "untrusted": (
        {"untrusted": [{"path": "/a", "reason": "is mallory's", "cure": "chown root: /a"}]},
        "/a",
        "chown root: /a",
    ),
    "damaged": ({"damaged": [{"table": "left", "row": "x", "meaning": "lost"}]}, "lost", "esmith recover"),
    "interrupted": (
        {"interrupted": [{"command": "signal-event x", "time": "then", "files": ["/a"], "given_up": ""}]},
        "signal-event x at then, to restore the old content of 1 file",
        "esmith recover",
    ),
    "confirm": ({"pending": {"command": "signal-event x", "deadline": "soon"}}, "at soon unless", "esmith confirm"),
    "running": ({"running": "event x (process 1)", "outstanding": None}, "event x (process 1)", ""),
    "stale": (
        {"stale": {"newu": {"makes": ["/cdb"], "command": "signal-event x", "since": "then", "reason": "failed"}}},
        "/cdb since signal-event x, because newu failed",
        "esmith recover",
    ),
    "pending": (
        {"services": {"clamd": {**SERVICE, "pending": {"actions": ["restart"], "since": "", "command": ""}}}},
        "service actions: clamd restart",
        "esmith recover",
    ),
    "service": (
        {"services": {"clamd": {"wanted": "up", "state": "down for 9 s"}}},
        "clamd should be up, and is down for 9 s",
        "esmith services",
    ),
    "defaults": (
        {"outstanding": {"unwritten": [["d", "k", ""], ["d", "k", "p"], ["c", "k", "p"]]}},
        "3 settings still to be written by defaults or migrations (d k, c k p)",
        "signal-event bootstrap-console-save",
    ),
    "account": (
        {"outstanding": {"accounts": [{"type": "user", "names": list("abcd"), "command": "signal-event x"}]}},
        "4 users with no unix account (a, b, c and 1 more), so they get no mail",
        "signal-event x",
    ),
    "left": (
        {"files": {"generated": 1, "differing": {}, "left": {"/a": "is a pipe"}}},
        "/a: is a pipe",
        "esmith status -v",
    ),
    "override": (
        {"overrides": [{"path": "/t/a", "reason": "the shipped one changed"}]},
        "/t/a is outdated: the shipped one changed",
        "esmith overrides diff /t/a",
    ),
    "machine": ({"foreign": [{"place": "p", "message": "m", "cure": "config set x"}]}, "p: m", "config set x"),
    "certificate": ({"certificate": {"path": "/p", "trouble": "has ended", "commands": []}}, "/p: has ended", "esmith"),
    "logs": (
        {"logs": {"trouble": "not copied", "commands": ["systemctl status x"]}},
        "not copied",
        "systemctl status x",
    ),
}


@pytest.mark.parametrize("kind", FOUND)
def test_what_is_found(kind: str) -> None:
    """Each thing that an administrator has to know is one line with its cure."""
    data, message, command = FOUND[kind]
    (one,) = findings_of(NOTHING | data)
    assert one["kind"] == kind
    assert message in one["message"]
    assert one["command"].startswith(command)
    assert summary_lines([one])[0] == "1 finding:"


def test_many_of_a_kind_are_counted() -> None:
    """Of very many edited files the first have a line each, and the others one together."""
    differing = {f"/f{number}": "removed" for number in range(2000)}
    found = findings_of(NOTHING | {"files": {"generated": 1, "differing": differing, "left": {}}})
    assert len(found) == 11
    assert found[-1]["message"] == "1990 other files edited or removed"
