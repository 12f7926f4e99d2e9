"""Following the journal: what one host changes, the others have; what does not fit stops a host, and says why."""

from __future__ import annotations

import json
import threading
from base64 import b64encode

import pytest

from esmith.fleet.agent.connecting import Connector
from esmith.fleet.agent.following import Follower
from esmith.fleet.agent.local import Local
from esmith.fleet.agent.outbox import Outbox
from esmith.fleet.agent.remote import Remote
from esmith.fleet.agent.state import State
from esmith.fleet.etcd.operations import delete, put
from esmith.fleet.journal.chain import Head
from esmith.fleet.journal.keys import SigningKey
from esmith.fleet.journal.row import encode, hash_of
from tests.fleet.agent.kit import Fleet, Host, changed
from tests.fleet.cluster import wait_for

pytestmark = pytest.mark.program("etcd")


class _Connector(Connector):
    """Gives one journal."""

    def __init__(self, remote: Remote) -> None:
        self._one = remote

    def renewed(self, _snapshot: object) -> Remote:
        return self._one


def _value(host: Host) -> str | None:
    return host.prop("configuration", "qpsmtpd", "DNSBL")


def _set(fleet: Fleet, value: str | None) -> int:
    """Have another command of host a set the setting of the tests, and return the fleet revision."""
    return fleet.append(fleet.hosts[0], "changes", changes=tuple(changed(value))).number


def test_a_change_of_one_host_is_on_the_other(fleet: Fleet) -> None:
    """What a command changes on one host, the other one has, with who changed it and the fleet revision."""
    a, b = fleet.hosts
    a.start()
    b.start()
    a.wait(3)
    assert a.commit(changed("enabled"))["outcome"] == "accepted"
    b.wait(4)
    a.wait(4)
    for host in (a, b):
        assert _value(host) == "enabled"
        assert host.history()[0] == "alice@a config setprop qpsmtpd DNSBL enabled (fleet 4)"
        assert host.end() == 0


def test_two_quick_changes(fleet: Fleet) -> None:
    """Of two changes that follow each other at once, both are applied, and the second one counts."""
    _, b = fleet.hosts
    b.start()
    b.wait(3)
    first, second = _set(fleet, "enabled"), _set(fleet, "disabled")
    b.wait(second)
    assert _value(b) == "disabled"
    assert [line.rpartition(" ")[2] for line in b.history()[:2]] == [f"{second})", f"{first})"]


def test_a_delete_reaches_all(fleet: Fleet) -> None:
    """A property that is deleted in the fleet goes on every host, and so does a record."""
    a, b = fleet.hosts
    _set(fleet, "enabled")
    b.start()
    b.wait(4)
    b.wait(_set(fleet, None))
    assert _value(b) is None
    row = ("fleet", "configuration", "qpsmtpd", "", None)
    b.wait(fleet.append(a, "changes", changes=(row,)).number)
    assert b.prop("configuration", "qpsmtpd", "") is None


def test_what_was_missed_is_read(fleet: Fleet) -> None:
    """A host that was away reads what it missed, also when etcd has compacted its own history meanwhile."""
    _, b = fleet.hosts
    b.start()
    b.wait(3)
    b.end()
    for number in range(60):
        last = _set(fleet, f"{number}")
    remote = b.remote()
    remote.etcd.compact(remote.etcd.range("x").revision)
    b.start()
    b.wait(last)
    assert _value(b) == "59"
    # Sixteen rows a transaction.
    assert b.history()[0] == f"fleet esmith fleet agent caught up from {last - 11} (fleet {last})"


def test_a_watch_that_ends_is_begun_again(fleet: Fleet) -> None:
    """A heartbeat notices what a silent watch did not give, and the rows are read."""
    _, b = fleet.hosts
    b.start()
    b.wait(3)
    b.ask("look")
    b.wait(_set(fleet, "enabled"))
    b.ask("look")
    b.wait(_set(fleet, "disabled"))


def test_a_gap_stops(fleet: Fleet) -> None:
    """A row that is missing stops the host, which says so, serves on, and goes on when it is there."""
    a, b = fleet.hosts
    _set(fleet, "enabled")
    remote = a.remote()
    raw = remote.row(4)
    _set(fleet, "disabled")
    remote.etcd.delete(remote.row_key(4))
    b.start()
    status = b.wait_for_status("stopped", "row 4 of the fleet's journal is missing")
    assert "esmith fleet resync" in status["stopped"]["hint"]
    assert b.commit(changed("x"))["outcome"] == "refused"
    assert b.head().number == 3
    wait_for(lambda: b.state("stopped"), "the store to say so")
    assert raw is not None
    remote.etcd.put(remote.row_key(4), raw)
    b.ask("look")
    b.wait_for_status("stopped", "")
    b.wait(5)
    wait_for(lambda: b.state("stopped") is None, "the store to say so")


def test_a_row_that_was_written_again_stops(fleet: Fleet) -> None:
    """A row of the past that is written again, or deleted, is noticed by the hosts that have applied it."""
    a, b = fleet.hosts
    b.start()
    b.wait(_set(fleet, "enabled"))
    b.wait(_set(fleet, "disabled"))
    remote = a.remote()
    base = Head(3, hash_of(remote.row(3) or b""))
    forged = encode(fleet.row(a, "changes", base, changes=tuple(changed("forged"))), a.key)
    kept = remote.row(4) or b""
    remote.etcd.put(remote.row_key(4), forged)
    b.wait_for_status("stopped", "row 4 of the fleet's journal was written again")
    remote.etcd.put(remote.row_key(4), kept)
    b.ask("look")
    b.wait_for_status("stopped", "")
    remote.etcd.delete(remote.row_key(4))
    b.wait_for_status("stopped", "row 4 of the fleet's journal was deleted")
    assert _value(b) == "disabled"


def test_no_moment_is_missed_between_two_watches(fleet: Fleet) -> None:
    """A row of the past that is written again while a host begins its watch again is noticed."""
    a, b = fleet.hosts
    _set(fleet, "enabled")
    last = _set(fleet, "disabled")
    remote = a.remote()
    base = Head(3, hash_of(remote.row(3) or b""))
    forged = encode(fleet.row(a, "changes", base, changes=tuple(changed("forged"))), a.key)
    rounds = []

    class Forged(Remote):
        def head_and_row(self, revision: int) -> tuple[Head, bytes | None, int]:
            rounds.append(revision)
            if len(rounds) == 2:
                self.etcd.put(self.row_key(4), forged)
            return super().head_and_row(revision)

    forging = Forged(remote.etcd, remote.fleet, b.name, b.key)
    state = State()
    outbox = Outbox(str(b.root / "outbox"))
    follower = Follower(
        Local(b.layout),
        state,
        outbox,
        connect=_Connector(forging),
        heartbeat=60.0,
        has_signals=lambda: None,
    )
    thread = threading.Thread(target=follower.run, daemon=True)
    thread.start()
    try:
        assert state.wait_for_revision(last, 60)
        while len(rounds) < 2:
            follower.kick()
            state.sleep(0.01)
        wait_for(lambda: state.stopped.message, "it to be noticed")
    finally:
        state.end()
        follower.kick()
        thread.join()
    assert "row 4 of the fleet's journal was written again" in state.stopped.message


@pytest.mark.parametrize("fault", ["forged", "deleted", "cured"])
def test_the_past_is_looked_at_when_it_begins(fleet: Fleet, fault: str) -> None:
    """A row that was written again or deleted while no agent ran stops the next one, unless it is as it was."""
    a, b = fleet.hosts
    _set(fleet, "enabled")
    b.start()
    b.wait(_set(fleet, "disabled"))
    b.end()
    remote = a.remote()
    base = Head(3, hash_of(remote.row(3) or b""))
    forged = encode(fleet.row(a, "changes", base, changes=tuple(changed("forged"))), a.key)
    kept = remote.row(4) or b""
    remote.etcd.delete(remote.row_key(4))
    if fault != "deleted":
        remote.etcd.put(remote.row_key(4), forged if fault == "forged" else kept)
    b.start()
    if fault == "cured":
        b.wait(_set(fleet, "enabled"))
        return
    why = "written again" if fault == "forged" else "missing"
    b.wait_for_status("stopped", f"row 4 of the fleet's journal {'was' if fault == 'forged' else 'is'} {why}")


def test_a_changed_past_stops(fleet: Fleet) -> None:
    """A host whose own row is another one in etcd stops when it begins, and stays as it is."""
    a, b = fleet.hosts
    b.start()
    b.wait(_set(fleet, "enabled"))
    b.end()
    base = Head(3, hash_of(a.remote().row(3) or b""))
    fleet.write_raw(4, encode(fleet.row(a, "changes", base, changes=tuple(changed("forged"))), a.key))
    b.start()
    b.wait_for_status("stopped", "its past was changed")
    assert _value(b) == "enabled"


def test_an_older_etcd_stops(fleet: Fleet) -> None:
    """A host that has more than etcd, because etcd was restored, stops and sends nothing."""
    a, b = fleet.hosts
    b.start()
    b.wait(_set(fleet, "enabled"))
    remote = a.remote()
    head = f"3 {hash_of(remote.row(3) or b'')}"
    b.end()
    remote.etcd.txn([], [delete(remote.row_key(4)), put(f"/esm/{fleet.name}/head", head)])
    b.start()
    b.wait_for_status("stopped", "etcd was restored from a backup")
    assert "resync" in b.commit(changed("x"))["hint"]
    assert remote.head().number == 3


def test_a_changed_head_stops(fleet: Fleet) -> None:
    """A head that names another row than the last one, so that nobody can write the next, is named by the hosts."""
    a, b = fleet.hosts
    b.start()
    b.wait(3)
    remote = a.remote()
    remote.etcd.put(f"/esm/{fleet.name}/head", f"3 {'0' * 64}")
    b.ask("look")
    b.wait_for_status("stopped", "the head of the fleet's journal is not its row 3")
    remote.etcd.put(f"/esm/{fleet.name}/head", str(b.head()))
    b.ask("look")
    b.wait_for_status("stopped", "")


@pytest.mark.parametrize("fault", ["signature", "layer", "newer"])
def test_a_row_that_does_not_fit_stops(fleet: Fleet, fault: str) -> None:
    """A row with another's signature, one that names a host's layer, and one of a newer version stop the host."""
    a, b = fleet.hosts
    base = a.remote().head()
    raw = encode(fleet.row(a, "changes", base, changes=tuple(changed("enabled"))), a.key)
    data = json.loads(raw.partition(b"\n")[2])
    key = SigningKey.generate() if fault == "signature" else a.key
    if fault == "layer":
        data["changes"][0][0] = "host:b"
    if fault == "newer":
        data["format"] = 2
    body = json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    fleet.write_raw(4, b64encode(key.sign(body)) + b"\n" + body)
    b.start()
    status = b.wait_for_status("stopped", "row 4 of the fleet's journal, by host a, does not fit")
    assert ("upgrade" in status["stopped"]["hint"]) == (fault == "newer")
    assert b.head().number == 3
    assert _value(b) is None


def test_a_foreign_key_stops(fleet: Fleet) -> None:
    """A key among the rows that is none stops the hosts, which name it, until it is gone."""
    a, b = fleet.hosts
    b.start()
    b.wait(3)
    key = f"/esm/{fleet.name}/j/evil\n"
    a.remote().etcd.put(key, "x")
    b.wait_for_status("stopped", "/j/evil\\n")
    a.remote().etcd.delete(key)
    b.ask("look")
    b.wait_for_status("stopped", "")


def test_a_host_that_was_removed_stops(fleet: Fleet) -> None:
    """A host that was removed keeps its settings, changes nothing for the others any more, and says why."""
    a, b = fleet.hosts
    b.start()
    b.wait(_set(fleet, "enabled"))
    fleet.append(a, "remove", name="b")
    b.wait_for_status("stopped", "b is no member of the fleet")
    assert b.commit(changed("x"))["outcome"] == "refused"
    assert _value(b) == "enabled"
    b.end()
    b.set_states({"host": None})
    b.start()
    b.wait_for_status("error", "this host is in no fleet")
