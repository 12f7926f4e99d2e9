"""Health and services: what is pending or wrong with its cure, and what may be done to a service."""

from __future__ import annotations

from typing import Any

import pytest

from esmith.manager.helper.verbs import services
from tests.commands import Root
from tests.manager.reads.kit import ask


def _finding(root: Root, area: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = ask(root, "health")["findings"]
    (one,) = [finding for finding in found if finding["area"] == area]
    return one


def test_findings(office: Root) -> None:
    """What waits for an event has a button that signals it; the commands name the root; the worst comes first."""
    office.config("setprop", "qpsmtpd", "DNSBL", "enabled")
    one = _finding(office, "settings")
    assert (one["by"], one["severity"]) == ("status", "warning")
    event = one["operation"]["event"]
    assert one["operation"] == {"kind": "event", "event": event, "arguments": []}
    assert one["cure"] == [f"signal-event --root {office.path} {event}"]
    office.signal("--confirm", "10m", "email-update", code=None)
    one = _finding(office, "confirm")
    assert one["what"].endswith("unless it is confirmed")
    assert one["operation"] == {"kind": "confirm"}
    office.esmith("confirm")
    office.write("/etc/e-smith/db/configuration/clamav.toml", "[properties\n")
    assert ask(office, "health")["findings"][0]["severity"] == "failing"


def test_the_doctor(office: Root) -> None:
    """The doctor's findings come with those of the status, with why they matter and how many are well."""
    found = ask(office, "health", doctor=True)
    of_doctor = [one for one in found["findings"] if one["by"] == "doctor"]
    assert {one["severity"] for one in of_doctor} <= {"failing", "warning", "skipped"}
    assert all(one["what"] and one["why"] for one in of_doctor)
    assert found["counts"]["ok"] > 0
    assert not found["overdue"]
    assert ask(office, "health")["counts"] is None


STATES: dict[str, tuple[str, str, list[str]]] = {
    "up (pid 12) for 3 s": ("up", "(pid 12) for 3 s", ["restart", "stop"]),
    "down for 9 s": ("down", "for 9 s", ["start"]),
    "paused (pid 12) for 3 s": ("paused", "(pid 12) for 3 s", ["restart", "stop"]),
    "not supervised": ("not supervised", "", []),
    "not looked at: /x is mallory's": ("not looked at", "/x is mallory's", []),
    "it did not answer": ("unknown", "it did not answer", ["restart", "stop"]),
    "": ("", "", []),
}


@pytest.mark.parametrize("state", STATES)
def test_services(root: Root, monkeypatch: pytest.MonkeyPatch, state: str) -> None:
    """Of each service its state, what is wrong with it, what is pending, and the service actions that make sense."""
    pending = {"actions": ["restart"], "since": "then", "command": "signal-event x"}
    useless = {
        "question": "",
        "means": "no mail is scanned",
        "found": "nobody answers",
        "commands": ["esmith services"],
        "log": ["<b>"],
    }
    data = {
        "clamd": {"wanted": "up", "state": state, "pending": pending, "useless": [useless]},
        "qpsmtpd": {"wanted": "down", "state": state},
    }
    monkeypatch.setattr(services, "services_data", lambda _layout, _snapshot: data)
    clamd, qpsmtpd = ask(root, "services")["services"]
    actual, detail, actions = STATES[state]
    assert (clamd["actual"], clamd["actions"]) == (actual, actions)
    assert clamd["detail"] == "; ".join(filter(None, [detail, "of no use: no mail is scanned: nobody answers"]))
    assert clamd["pending"] == "restart since then (by signal-event x)"
    assert clamd["problems"][0]["cure"] == [f"esmith --root {root.path} services"]
    assert clamd["problems"][0]["log"] == ["<b>"]
    # What is to be down is not started; its status is changed.
    assert qpsmtpd["actions"] == [one for one in actions if one == "stop"]
    assert (qpsmtpd["detail"], qpsmtpd["pending"]) == (detail, None)
