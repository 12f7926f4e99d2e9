"""How a member of a fleet is, and what is wrong with it. A server that is in no fleet imports nothing for that."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from esmith.errors import EsmithError
from esmith.layout import Layout
from esmith.names import counted
from esmith.printable import printable
from esmith.store.protocol import Snapshot

_SHOWS = "esmith fleet status"
#: So many names stand in a finding.
_NAMED = 3


def fleet_data(layout: Layout, snapshot: Snapshot) -> dict[str, Any] | None:
    """Return how this member of a fleet is (:func:`esmith.fleet.surface.health.health_data`); None when it is in none.

    What is damaged is its ``damage``, with nothing else there.
    """
    if snapshot.state("fleet", "host") is None:
        return None
    from esmith.fleet.surface.health import health_data

    try:
        return health_data(layout, snapshot)
    except EsmithError as error:
        return {"damage": {"message": error.message, "hint": error.hint}}


def fleet_findings(data: dict[str, Any] | None) -> Iterator[tuple[str, str, str]]:
    """Yield what an administrator has to know of the fleet, the most urgent first: kind, message and command.

    :param data: what :func:`fleet_data` returned.
    """
    if data is None:
        return
    if "damage" in data:
        yield "fleet", data["damage"]["message"], "esmith fleet resync"
        return
    if data["stopped"]["message"]:
        yield "fleet", f"nothing of the fleet is applied here any more: {_reported(data['stopped'])}", _SHOWS
    if not data["agent"]:
        message = "the agent does not run: what other servers change does not come, and no shared setting is changed"
        yield "fleet", message, "esmith services"
    elif data["error"]["message"]:
        yield "fleet", f"shared settings cannot be changed now: {_reported(data['error'])}", _SHOWS
    for one in data["etcd"][:_NAMED]:
        yield "fleet", f"etcd at {printable(one['endpoint'])}: {_reported(one)}", _SHOWS
    if data["differing"]:
        others = _named([printable(name) for name in data["differing"]])
        message = f"at fleet revision {data['revision']} the shared settings here are others than on {others}"
        yield "fleet", message, "esmith fleet resync"
    if data["unsettled"]:
        changes = counted(data["unsettled"], "change")
        yield "unsettled", f"{changes} of which it is not known yet whether the fleet took them", _SHOWS
    if data["local"]:
        names = _named([printable(" ".join(filter(None, cell))) for cell in data["local"]])
        message = f"{counted(len(data['local']), 'setting')} changed with --local and not pushed ({names})"
        yield "local", message, "esmith fleet push"


def _reported(trouble: dict[str, str]) -> str:
    """Return what is wrong with what to do about it, in one line."""
    lines = [trouble["message"], *trouble["hint"].split("\n")]
    return printable("; ".join(filter(None, lines)))


def _named(names: list[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
