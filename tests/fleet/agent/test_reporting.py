"""The status of a host, and what it notices of the others."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from esmith.fleet.agent.children import Children, Ended
from esmith.fleet.agent.counting import Counting, Counts
from esmith.fleet.agent.others import differing, read_statuses
from esmith.fleet.agent.places import STATUS
from esmith.layout import Layout
from esmith.store import open_store
from esmith.store.model import Author
from tests.fleet.agent.kit import Fleet, Host, changed
from tests.fleet.cluster import wait_for

pytestmark = pytest.mark.program("etcd")


def _published(host: Host) -> dict[str, Any]:
    """Return the status that a host has put in etcd; {} before it has put one."""
    rows = host.remote().etcd.range(f"/esm/{host.fleet}/s/{host.name}").rows
    found: dict[str, Any] = json.loads(rows[0].value) if rows else {}
    return found


def test_a_status(fleet: Fleet) -> None:
    """A host says where it is, in etcd and in a file of its own that only it may read."""
    a, b = fleet.hosts
    a.start()
    number = fleet.append(b, "changes", changes=tuple(changed("enabled"))).number
    a.wait(number)
    found = wait_for(lambda: (one := _published(a)).get("revision") == number and one, "the status in etcd")
    assert (found["host"], found["fleet"], found["hash"]) == ("a", fleet.name, a.head().hash)
    assert (found["stopped"], found["error"], found["outbox"], found["overrides"]) == ("", "", 0, 0)
    assert len(found["digest"]) == 64
    file = Path(a.layout.fleet) / STATUS
    own = wait_for(lambda: (one := json.loads(file.read_text()))["revision"] == number and one, "the file")
    assert own["etcd"][0]["answers"]
    assert own["etcd"][0]["endpoint"] == fleet.endpoints[0]
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_replica_that_differs(fleet: Fleet) -> None:
    """Two hosts of one fleet revision whose layers differ name each other."""
    a, b = fleet.hosts
    for host in fleet.hosts:
        host.start()
        host.wait(3)
    published = wait_for(lambda: (one := _published(b)).get("revision") == 3 and one, "the status of b")
    b.end()
    b.remote().etcd.put(f"/esm/{fleet.name}/s/b", json.dumps(published | {"digest": "f" * 64}))
    a.ask("look")
    wait_for(lambda: a.status()["others_differ"] == ["b"], "a to notice it")
    assert [one["host"] for one in a.status()["hosts"]] == ["a", "b"]


def test_the_statuses_of_others_are_data() -> None:
    """What others write as their status is bounded and printable, whatever it is; the rest of it is left out."""
    rows = [
        ("a\x1b[31m", b'{"revision": 1, "digest": "x", "error": {"message": "a\\u001b[2J"}, "evil": "y"}'),
        ("b", b"[1, 2]"),
        ("c", b"\xff"),
        ("d", b'{"revision": true, "time": 1e400, "program": "' + b"p" * 9999 + b'"}'),
        ("e", b"[" * 99999),
    ]
    found = read_statuses(rows)
    assert [one["host"] for one in found] == ["a\\x1b[31m", "b", "c", "d", "e"]
    assert found[0]["error"] == "a\\x1b[2J"
    assert found[3]["program"] == "p" * 300
    assert found[3]["revision"] is None
    assert found[3]["time"] is None
    assert all("evil" not in one for one in found)
    assert differing(found, "b", 1, "y") == ["a\\x1b[31m"]
    assert differing(found, "b", 2, "y") == []


class _Status(Children):
    """Prints what "esmith status" would."""

    printed = b""
    runs = 0

    def run(self, _words: Sequence[str], _seconds: float) -> Ended:
        self.runs += 1
        return Ended(13, self.printed)


def test_counts(tmp_path: Path) -> None:
    """What "esmith status" finds is counted again when the store has changed; what it prints otherwise is not known."""
    layout = Layout(str(tmp_path))
    store = open_store(layout, create=True)
    children = _Status(layout)
    waiting = [{"settings": [["a", "b", "c"], ["a", "b", "d"]]}, {"settings": [["a", "b", "c"]]}]
    data = {"outstanding": {"waiting": waiting}, "files": {"differing": {"/x": "edited"}}, "findings": [1, 2, 3]}
    children.printed = b"warning\n" + json.dumps(data).encode() + b"\n"
    counting = Counting(layout, children, gap=1e-9)
    assert counting.is_due()
    counting.count()
    assert counting.counts == Counts(drift=1, pending=2, findings=3)
    assert not counting.is_due()
    with store.transaction(Author("root", "", ["test"])) as transaction:
        transaction.set_type("configuration", "x", "y")
    store.close()
    assert counting.is_due()
    children.printed = b"Traceback"
    counting.count()
    assert counting.counts == Counts()


def test_away_and_back(fleet: Fleet) -> None:
    """When etcd is away the status says so, with the endpoint; commands are refused in time, and the host goes on."""
    a, _ = fleet.hosts
    a.start()
    a.wait(3)
    a.end()
    _set_endpoints(a, "http://127.0.0.1:1")
    a.start()
    a.wait_for_status("error", "127.0.0.1:1")
    answer = a.commit(changed("x"))
    assert answer["outcome"] == "refused"
    assert "127.0.0.1:1" in answer["message"]
    _set_endpoints(a, fleet.endpoints[0])
    a.ask("look")
    a.wait_for_status("error", "")
    assert a.commit(changed("x"))["outcome"] == "accepted"


def test_endpoints_that_are_not_encrypted(fleet: Fleet) -> None:
    """Only an etcd of this machine is talked to without certificates."""
    a, _ = fleet.hosts
    _set_endpoints(a, "http://192.0.2.1:2379")
    a.start()
    a.wait_for_status("error", "http://192.0.2.1:2379 is not encrypted")


def test_idle_it_uses_no_cpu(fleet: Fleet) -> None:
    """Between two heartbeats an agent of which nobody wants anything wakes no thread but for etcd."""
    a, _ = fleet.hosts
    a.start()
    a.wait(3)
    wait_for(lambda: _published(a).get("revision") == 3, "the status in etcd")
    wait_for(lambda: len({_switches(a) for _ in range(3)}) == 1, "it to be idle")


def _switches(host: Host) -> int:
    """Return how often threads of an agent have gone to sleep, after some quiet; see proc(5), "status"."""
    # What wakes it in this time would wake it for good.
    os.sched_yield()
    time.sleep(0.15)
    total = 0
    for thread in os.listdir(f"/proc/{host.pid}/task"):
        lines = Path(f"/proc/{host.pid}/task/{thread}/status").read_text().splitlines()
        total += sum(int(line.split()[1]) for line in lines if "ctxt_switches" in line)
    return total


def _set_endpoints(host: Host, endpoints: str) -> None:
    store = open_store(host.layout, write=True)
    with store.transaction(Author("root", "", ["test"])) as transaction:
        transaction.set_prop("configuration", "fleet", "Endpoints", endpoints)
    store.close()
