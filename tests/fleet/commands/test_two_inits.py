"""Two ``esmith fleet init`` at once, in one new etcd: one makes the fleet, and the other one hears so."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from esmith.errors import UsageError
from esmith.fleet import place
from esmith.fleet.admin import accounts
from esmith.fleet.admin.first import Plan, init_fleet
from esmith.fleet.etcd.access import Access
from esmith.fleet.etcd.errors import DeniedError
from tests.fleet.cluster import Cluster, Options
from tests.fleet.commands.kit import Server, Town
from tests.store.stores import AUTHOR, opened

pytestmark = pytest.mark.program("etcd")
#: After the first two of them row 1 is written.
_STEPS = ("users of etcd", "journal", "user of this server", "databases")


def _init(town: Town, server: Server, step: Callable[[str], None] = lambda _: None) -> None:
    with opened(server.path) as store:
        init_fleet(server.layout, store, Plan(town.name, server.name, town.cluster.endpoints), AUTHOR, step=step)


def _at(wanted: str, do: Callable[[], object]) -> Callable[[str], None]:
    def step(name: str) -> None:
        if name == wanted:
            do()

    return step


def _users(town: Town, server: Server) -> list[str]:
    with accounts.connect_as_root(place.FleetFiles(server.layout), town.cluster.endpoints) as root:
        return [user for user in root.access.users() if user.startswith(f"{town.name}-")]


def _is_sound(server: Server) -> bool:
    """Return whether a server is a member whose keys and password count, as its settings do."""
    return server.fleet("history", code=None).code == 0 and server.faults() == []


@pytest.mark.parametrize("step", _STEPS)
def test_another_server_makes_the_fleet_meanwhile(town: Town, step: str) -> None:
    """Whoever writes row 1 has the fleet; the other is refused, and has no user in etcd, and no setting changed."""
    one, two = town.lead("one"), town.lead("two")
    refused: list[UsageError] = []

    def other() -> None:
        try:
            _init(town, two)
        except UsageError as error:
            refused.append(error)

    try:
        _init(town, one, _at(step, other))
    except UsageError as error:
        refused.append(error)
    (why,) = refused
    assert "already" in why.message
    assert "esmith fleet invite" in why.hint
    first, loser = (two, one) if step in _STEPS[:2] else (one, two)
    assert _is_sound(first)
    assert loser.revision() == 0
    assert _users(town, first) == [f"{town.name}-{first.name}"]


@pytest.mark.parametrize("step", _STEPS)
def test_the_first_one_is_killed(town: Town, step: str) -> None:
    """After a try that was killed the same server completes it; another server only where no row was written yet."""
    one, two = town.lead("one"), town.lead("two")
    child = os.fork()
    if child == 0:
        try:
            _init(town, one, _at(step, lambda: os.kill(os.getpid(), signal.SIGKILL)))
        finally:
            os._exit(9)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    if step not in _STEPS[:2]:
        with pytest.raises(UsageError, match="which this server did not begin"):
            _init(town, two)
        _init(town, one)
        assert (_is_sound(one), two.revision()) == (True, 0)
        return
    _init(town, two)
    with pytest.raises(UsageError, match="which this server did not begin"):
        _init(town, one)
    assert (_is_sound(two), one.revision()) == (True, 0)


@pytest.mark.parametrize("moment", ["before", "between", "after"])
def test_two_passwords_of_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    """Where each has made a password for etcd's root, one of them counts, and who has the other sees what to do."""
    with Cluster(tmp_path / "new", 1, Options(tls=True)) as new:
        town = Town(new, tmp_path)
        one, two = town.lead("one"), town.lead("two")
        two.path_of(place.ROOT_PASSWORD).write_text("of two\n")
        outcomes: dict[str, DeniedError | None] = {}
        whole = Access.auth_enable

        def attempt(server: Server, step: Callable[[str], None] = lambda _: None) -> None:
            try:
                _init(town, server, step)
                outcomes[server.name] = None
            except DeniedError as error:
                outcomes[server.name] = error

        def enable(access: Access) -> None:
            monkeypatch.setattr(Access, "auth_enable", whole)
            attempt(two)
            whole(access)

        if moment == "between":
            monkeypatch.setattr(Access, "auth_enable", enable)
        attempt(one, _at({"before": "users of etcd", "after": "journal"}.get(moment, ""), lambda: attempt(two)))
        first, loser = (one, two) if moment == "after" else (two, one)
        why = outcomes[loser.name]
        assert outcomes[first.name] is None
        assert why is not None
        assert "esmith fleet invite NAME\nfor one more fleet in that etcd, put the password of its root" in why.hint
        assert str(loser.path_of(place.ROOT_PASSWORD)) in why.hint
        assert (_is_sound(first), loser.revision()) == (True, 0)


def test_two_terminals_of_one_server(town: Town) -> None:
    """Two processes on one server end with one member: the second one waits, and then says that it is there."""
    one = town.lead("one")
    command = [str(one.path / "sbin/e-smith/esmith"), "fleet", *town.init]
    environment = {**os.environ, "ESMITH_ROOT": str(one.path)}
    both = [
        subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    printed = [process.communicate()[1] for process in both]
    assert sorted(process.returncode for process in both) == [0, 2]
    assert any(f"is in the fleet {town.name} already, as one" in text for text in printed)
    assert (_is_sound(one), one.revision()) == (True, 2)
