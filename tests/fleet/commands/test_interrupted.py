"""``esmith fleet init`` and ``join``, interrupted at each of their steps."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from esmith.fleet.admin import accounts, first, join
from esmith.fleet.admin.first import Plan, init_fleet
from esmith.fleet.admin.join import Joining
from esmith.fleet.admin.reading import Journal
from tests.fleet.commands.kit import Server, Town
from tests.store.stores import AUTHOR, opened

pytestmark = pytest.mark.program("etcd")


class _StopError(Exception):
    pass


def _before(wanted: str) -> Callable[[str], None]:
    def step(name: str) -> None:
        if name == wanted:
            raise _StopError

    return step


def _after(monkeypatch: pytest.MonkeyPatch, place: object, name: str, times: int = 1) -> None:
    """Have a function raise after it has done its work, as if the process ended there."""
    whole, left = getattr(place, name), [times]

    def stopping(*given: object, **named: object) -> object:
        result = whole(*given, **named)
        left[0] -= 1
        if left[0] == 0:
            raise _StopError
        return result

    monkeypatch.setattr(place, name, stopping)


def _init(town: Town, server: Server, step: Callable[[str], None] = lambda _: None) -> None:
    with opened(server.path) as store:
        init_fleet(server.layout, store, Plan(town.name, server.name, town.cluster.endpoints), AUTHOR, step=step)


@pytest.mark.parametrize("step", ["keys", "users of etcd", "journal", "user of this server", "settings", "databases"])
def test_init_before_each_step(town: Town, step: str) -> None:
    """An init that ended before a step is completed by the next one, with the keys it made, and nothing is twice."""
    one = town.lead()
    before = one.contents()
    with pytest.raises(_StopError):
        _init(town, one, _before(step))
    assert one.contents() == before
    # Meanwhile somebody changes a setting, and deletes one.
    one.set("DNSBL", "enabled")
    one.set("RHSBL", None)
    _init(town, one)
    assert one.faults() == []
    layers = one.contents()["layers"]
    assert "enabled" in str(layers)
    assert "RHSBL" not in str(layers)
    # Only what changed was written again.
    assert one.revision() == (3 if step == "databases" else 2)


@pytest.mark.parametrize(
    ("place", "name"),
    [
        (first, "_make_keys"),
        (accounts, "enable"),
        (accounts, "add_fleet"),
        (accounts, "add_host"),
        (first, "_begun"),
        (first, "_begin"),
        (first, "_share"),
        (first, "become_member"),
    ],
)
def test_init_after_each_part(town: Town, monkeypatch: pytest.MonkeyPatch, place: object, name: str) -> None:
    """An init that ended after a part of its work is completed by the next one."""
    one = town.lead()
    before = one.contents()
    with monkeypatch.context() as patched, pytest.raises(_StopError):
        _after(patched, place, name)
        _init(town, one)
    assert one.contents() == before
    _init(town, one)
    assert one.faults() == []
    assert one.revision() == 2


@pytest.mark.parametrize(
    ("place", "name"),
    [(Joining, "_write_keys"), (Joining, "_read"), (Journal, "append"), (join, "become_member"), (Joining, "_become")],
)
def test_join_after_each_part(town: Town, monkeypatch: pytest.MonkeyPatch, place: object, name: str) -> None:
    """A join that ended at any moment changed nothing here, and is completed with the same token, once."""
    one, two = town.found(), town.server("two")
    invitation = town.invite(one, "two")
    before = two.contents()
    with monkeypatch.context() as patched, opened(two.path) as store, pytest.raises(_StopError):
        _after(patched, place, name)
        Joining(two.layout, store, invitation, AUTHOR).join()
    assert two.contents() == before
    with opened(two.path) as store:
        joining = Joining(two.layout, store, invitation, AUTHOR)
        assert joining.preview().effect.changes == []
        joining.join()
    assert two.faults() == []
    assert (two.revision(), list(two.own().members)) == (4, ["one", "two"])


def test_a_join_goes_on_after_other_rows(town: Town) -> None:
    """A join whose row has landed is completed after others have changed settings, and has these as well."""
    one, two = town.found(), town.server("two")
    invitation = town.invite(one, "two")
    with opened(two.path) as store, pytest.raises(_StopError):
        Joining(two.layout, store, invitation, AUTHOR).join(_before("commit"))
    one.start_agent()
    one.wait_for(4)
    one.set("DNSBL", "enabled")
    two.fleet("join", "--yes", stdin=invitation.text())
    assert (two.get("qpsmtpd", "DNSBL"), two.revision(), two.faults()) == ("enabled", 5, [])
