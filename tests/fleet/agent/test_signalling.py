"""Events that the fleet asks for: each host runs its own, once, and says what came of it."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.fleet.agent.kit import LATER, Fleet, Host
from tests.fleet.cluster import wait_for

pytestmark = pytest.mark.program("etcd")


def _event(host: Host, name: str, script: str) -> None:
    """Have an event on a host, whose action is a script."""
    action = host.root / f"etc/e-smith/events/{name}/S10act"
    action.parent.mkdir(parents=True)
    action.write_text(f"#!/bin/sh\n{script}\n")
    action.chmod(0o755)


def _answer(host: Host, number: int) -> dict[str, Any]:
    """Return what a host answered to a signal."""
    key = f"/esm/{host.fleet}/a/{host.name}/{number:012d}"
    remote = host.remote()
    found = wait_for(lambda: remote.etcd.range(key).rows, f"the answer of {host.name}")
    answer: dict[str, Any] = json.loads(found[0].value)
    return answer


def test_each_host_answers(fleet: Fleet) -> None:
    """Every host runs the event and answers with its exit code and its last words, made printable."""
    a, b = fleet.hosts
    _event(a, "greet", "printf 'hello \\033[31m from the action\\n'")
    _event(b, "greet", "echo broken >&2; exit 3")
    for host in fleet.hosts:
        host.start()
        host.wait(3)
    number = fleet.append(a, "signal", event="greet", hosts=(), until=LATER).number
    good, bad = _answer(a, number), _answer(b, number)
    assert (good["event"], good["code"]) == ("greet", 0)
    assert bad["code"] == 7
    assert any("broken" in line for line in bad["lines"])
    assert all(line.isprintable() for line in good["lines"] + bad["lines"])
    wait_for(lambda: a.state(f"signal/{number:012d}") is None, "the signal to be done")


def test_only_those_who_are_asked(fleet: Fleet) -> None:
    """A host that is not named runs nothing, and rows after a signal are applied while its event runs."""
    a, b = fleet.hosts
    flag = b.root / "go"
    _event(a, "slow", "exit 1")
    _event(b, "slow", f"until [ -e {flag} ]; do sleep 0.02; done")
    for host in fleet.hosts:
        host.start()
        host.wait(3)
    number = fleet.append(a, "signal", event="slow", hosts=("b",), until=LATER).number
    b.wait(fleet.append(a, "groups", groups=("mx",)).number)
    flag.touch()
    assert _answer(b, number)["code"] == 0
    assert not a.remote().etcd.range(f"/esm/{fleet.name}/a/a/{number:012d}").rows


@pytest.mark.parametrize(
    ("event", "is_late", "why"),
    [
        ("greet", True, "too late"),
        ("nothing-like-it", False, "has no event"),
        ("actions", False, "has no event"),
    ],
)
def test_what_is_not_run(fleet: Fleet, event: str, is_late: bool, why: str) -> None:
    """A signal that comes too late, or names no event of this host, is answered and not run."""
    a, _ = fleet.hosts
    flag = a.root / "ran"
    _event(a, "greet", f"touch {flag}")
    _event(a, "actions", f"touch {flag}")
    a.start()
    a.wait(3)
    number = fleet.append(
        a, "signal", event=event, hosts=("a",), until=int(time.time()) - 10 if is_late else LATER
    ).number
    assert why in _answer(a, number)["error"]
    assert not flag.exists()
