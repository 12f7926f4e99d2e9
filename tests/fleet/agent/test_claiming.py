"""Two machines with one identity: it is noticed, and one of them stops, always the same one."""

from __future__ import annotations

import json
import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from esmith.errors import StoreError
from esmith.fleet.agent.claiming import FILE, Claim, Known, take_over
from esmith.fleet.agent.errors import StoppedError
from esmith.layout import Layout
from tests.fleet.agent.kit import QUICK, Fleet, Host, changed
from tests.fleet.cluster import wait_for

pytestmark = pytest.mark.program("etcd")

_TWO = "runs on two machines"


def _copy(host: Host) -> Host:
    """Return a copy of a machine, with its keys and all its files; it may be as it was at any moment."""
    root = Path(f"{host.root}.copy")
    shutil.copytree(host.root, root, ignore=shutil.ignore_patterns("agent.socket"))
    return replace(host, root=root, pid=0)


def _status_of(host: Host) -> dict[str, object]:
    row = host.remote().own_status()
    found: dict[str, object] = json.loads(row.value) if row else {}
    return found


def test_a_copy_beside_the_first(fleet: Fleet) -> None:
    """A copy that begins beside its original stops, and stays so when it begins again, and all others hear it."""
    a, b = fleet.hosts
    b.start(QUICK)
    b.wait(3)
    wait_for(lambda: _status_of(b).get("revision"), "its status")
    copy = _copy(b)
    fleet.hosts.append(copy)
    copy.start(QUICK)
    copy.wait_for_status("stopped", _TWO)
    answer = copy.commit(changed("copy"))
    assert (answer["outcome"], _TWO in answer["message"]) == ("refused", True)
    assert "leave --here" in answer["hint"]
    number = fleet.append(a, "changes", changes=tuple(changed("enabled"))).number
    b.wait(number)
    assert b.status()["doubled"] == 1
    a.start(QUICK)
    wait_for(lambda: [one["doubled"] for one in a.status()["hosts"] if one["host"] == "b"] == [1], "a to hear it")
    copy.end(signal.SIGKILL)
    copy.start(QUICK)
    copy.wait_for_status("stopped", _TWO)
    assert copy.head().number == 3
    assert b.commit(changed("first"))["outcome"] == "accepted"
    # It is the other way round: the first one leaves, and an administrator has the copy go on.
    b.end()
    take_over(copy.layout, copy.remote())
    copy.ask("look")
    copy.wait_for_status("stopped", "")
    copy.wait(number + 1)
    assert copy.commit(changed("copy"))["outcome"] == "accepted"


def test_of_two_copies_the_first_to_begin_goes_on(fleet: Fleet) -> None:
    """A copy that finds another one alive, on which it does not follow, stops; an administrator may have it go on."""
    _, b = fleet.hosts
    copy = _copy(b)
    fleet.hosts.append(copy)
    b.start(QUICK)
    b.wait(3)
    copy.start(QUICK)
    copy.wait_for_status("stopped", "b")
    copy.wait_for_status("stopped", _TWO)
    b.end()
    take_over(copy.layout, copy.remote())
    copy.ask("look")
    copy.wait_for_status("stopped", "")
    assert copy.commit(changed("enabled"))["outcome"] == "accepted"
    # The one that was first comes back, and is the later one now.
    b.start(QUICK)
    b.wait_for_status("stopped", _TWO)


def test_no_false_alarm(fleet: Fleet) -> None:
    """An agent that begins again goes on at once, killed or not, and one whose machine was set back after a while."""
    _, b = fleet.hosts
    b.start()
    b.wait(3)
    early = (Path(b.layout.fleet) / FILE).read_bytes()
    for number in (signal.SIGKILL, signal.SIGTERM):
        b.end(number)
        b.start()
        assert b.commit(changed(f"{number}"))["outcome"] == "accepted"
        b.wait(b.remote().head().number)
    b.end()
    (Path(b.layout.fleet) / FILE).write_bytes(early)
    b.start(QUICK)
    b.wait_for_status("stopped", "another machine was b last")
    b.wait_for_status("stopped", "")
    assert b.status()["doubled"] == 0
    # So does one whose status is gone, and one that finds a status of its own past: etcd was restored.
    old = b.remote().own_status()
    assert old is not None
    b.end()
    b.start(QUICK)
    b.wait(5)
    b.remote().etcd.delete(f"/esm/{fleet.name}/s/b")
    wait_for(lambda: _status_of(b).get("revision") == 5, "its status")
    b.remote().etcd.put(f"/esm/{fleet.name}/s/b", old.value)
    wait_for(lambda: _status_of(b).get("instance") not in (None, json.loads(old.value)["instance"]), "its status")
    assert b.status()["stopped"] == ""


class _Busy:
    """Stands for the journal in etcd where the other machine puts its status all the time."""

    host = "b"

    def __init__(self, left: int) -> None:
        #: How often it is quicker.
        self.left = left
        self.data: dict[str, object] = {"instance": "other", "barred": ["mine"]}
        self.revision = 7

    def own_status(self) -> SimpleNamespace:
        """Return the status of the other machine."""
        return SimpleNamespace(value=json.dumps(self.data).encode(), mod_revision=self.revision)

    def put_status(self, data: bytes, seen: int) -> tuple[bool, int, SimpleNamespace | None]:
        """Put a status, unless the other machine was quicker."""
        assert seen == self.revision
        self.revision += 1
        if self.left:
            self.left -= 1
            return False, self.revision, self.own_status()
        self.data = json.loads(data)
        return True, self.revision, None


@pytest.mark.parametrize("quicker", [0, 1, 7])
def test_a_machine_that_stops_is_heard(tmp_path: Path, quicker: int) -> None:
    """It says so in the status of the other machine until that is there, however often that one puts another."""
    layout = Layout(str(tmp_path))
    Path(layout.fleet).mkdir(mode=0o700, parents=True)
    Known(("mine",)).save(layout)
    remote = _Busy(quicker)
    claim = Claim(layout, cast("Any", lambda: remote), 10.0)
    for _ in range(3):
        with pytest.raises(StoppedError, match=_TWO):
            claim.require()
    assert remote.data["instance"] == "other"
    assert len(cast("list[str]", remote.data["copies"])) == 1


@pytest.mark.parametrize(
    "status", [b"[1]", b"\xff", b"[" * 9999, b'{"barred": 1}', b'{"barred": {"a": 1}}', b"{" + b" " * 99999 + b"}"]
)
def test_a_status_that_is_none(fleet: Fleet, status: bytes) -> None:
    """Rubbish as the status of a host, which whoever has its rights can write, is written over."""
    _, b = fleet.hosts
    b.remote().etcd.put(f"/esm/{fleet.name}/s/b", status)
    b.start()
    b.wait(3)
    wait_for(lambda: _status_of(b).get("revision") == 3, "its status")


def test_the_numbers_of_a_machine(fleet: Fleet) -> None:
    """Damaged numbers are none, and where they cannot be written nothing is taken for written."""
    layout = fleet.hosts[0].layout
    folder = Path(layout.fleet)
    folder.mkdir(mode=0o700, parents=True)
    for content in ("", "[]", '{"own": 1, "after": "", "other": ""}', '{"own": ["a"]}'):
        (folder / FILE).write_text(content)
        os.chmod(folder / FILE, 0o600)
        assert Known.of(layout) == Known()
    Known(("a", "b"), "c").save(layout)
    assert Known.of(layout) == Known(("a", "b"), "c")
    shutil.rmtree(folder)
    folder.write_text("")
    with pytest.raises(StoreError):
        Known().save(layout)
