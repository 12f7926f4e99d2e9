"""How a member of a fleet is, from what it has itself: its store, what its agent wrote, and whether that answers.

Nobody else is asked, so it also works while etcd is away. What the agent wrote is of others in large part: their names,
messages and times are only data, and what does not have the right form is left out.
"""

from __future__ import annotations

import json
import os
import stat
from contextlib import suppress

from esmith.fleet.replica import overrides
from esmith.fleet.replica.asking import Agent, AgentAwayError
from esmith.fleet.replica.member import Membership
from esmith.names import shorten

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from esmith.layout import Layout
    from esmith.store.protocol import Snapshot

#: A file of more bytes is none of the agent's; a thousand servers have a fifth of it.
_MOST_BYTES = 2**20
#: How long the agent has to take a connection, in seconds; the kernel does that for a process that runs.
_SECONDS = 1.0
#: No revision, count or time in seconds is larger; the year of the last is 2242.
_LARGEST = 2**33
#: The longest text of others that is shown, in characters.
_LONGEST = 300
#: The texts, and the numbers, that are known of a server.
_TEXTS, _NUMBERS = ("program", "digest", "stopped", "error"), ("revision", "time", "drift", "pending", "overrides")


def health_data(layout: Layout, snapshot: Snapshot) -> dict[str, Any]:
    """Return how this member is, as what ``json.dumps`` takes.

    :return: ``name`` of the fleet, ``host``, ``groups``, ``revision``; ``agent``, whether it runs; ``stopped`` and
        ``error``, each with ``message`` and ``hint``, empty for nothing; ``etcd``, what is wrong with its servers:
        ``endpoint``, ``message`` and ``hint``; ``unsettled``, how many changes have an outcome that is not known;
        ``local``, the settings that are to be pushed; ``overrides``, how many others this server has
        of its own; ``differing``, the servers that have other settings at the same fleet revision; ``hosts``, what is
        known of each member.
    :raises StoreError: when what is known of the fleet is damaged.
    """
    membership = Membership(snapshot)
    written = read_status(layout)
    marks = list(overrides.all_marks(snapshot))
    hosts = _hosts(membership, written)
    stopped = _trouble(written.get("stopped"))
    kept = membership.text("stopped")
    return {
        "name": membership.name,
        "host": membership.host,
        "groups": membership.groups,
        "revision": membership.revision,
        "agent": agent_runs(layout),
        "stopped": stopped if stopped["message"] or not kept else _trouble(kept),
        "error": _trouble(written.get("error")),
        "etcd": _etcd(written),
        "unsettled": _outbox(layout),
        "local": [list(cell) for cell, mark in marks if mark.kind == overrides.LOCAL],
        "overrides": sum(mark.kind == overrides.HOST for _, mark in marks),
        "differing": _differing(membership, hosts),
        "hosts": hosts,
    }


def agent_runs(layout: Layout) -> bool:
    """Return whether a process waits at the agent's socket. Nothing is sent to it."""
    try:
        Agent(layout.root, _SECONDS).close()
    except AgentAwayError:
        return False
    return True


def read_status(layout: Layout) -> dict[str, Any]:
    """Return what the agent wrote last; empty where that is not there, another user's, or not of its form."""
    try:
        file = os.open(f"{layout.fleet}/status.json", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return {}
    with open(file, "rb") as stream:
        looks = os.fstat(file)
        if not stat.S_ISREG(looks.st_mode) or looks.st_uid not in (0, os.geteuid()) or looks.st_mode & 0o022:
            return {}
        try:
            data = json.loads(stream.read(_MOST_BYTES))
        except (OSError, ValueError, RecursionError):
            return {}
    return data if isinstance(data, dict) else {}


def _etcd(written: dict[str, Any]) -> list[dict[str, str]]:
    """Return what the agent found wrong with the servers of etcd."""
    found = []
    servers = written.get("etcd")
    for one in servers if isinstance(servers, list) else ():
        troubles = one.get("troubles") if isinstance(one, dict) else None
        named = troubles if isinstance(troubles, list) else ()
        found += [{"endpoint": _text(one.get("endpoint")), **_trouble(trouble)} for trouble in named]
    return found


def _outbox(layout: Layout) -> int:
    """Return how many changes were sent of which it is not known whether the fleet took them."""
    try:
        return sum(name.endswith(".json") for name in os.listdir(f"{layout.fleet}/outbox"))
    except OSError:
        return 0


def _hosts(membership: Membership, written: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what is known of each member, those of which nothing is known among them."""
    known: dict[str, dict[str, Any]] = {}
    others = written.get("hosts")
    for one in others if isinstance(others, list) else ():
        if isinstance(one, dict) and isinstance(one.get("host"), str):
            known[one["host"]] = one
    known[membership.host] = {**known.get(membership.host, {}), **written}
    return [_host(name, groups, known.get(name, {})) for name, groups in sorted(membership.members().items())]


def _host(name: str, groups: list[str], known: dict[str, Any]) -> dict[str, Any]:
    data: dict[str, Any] = {"host": name, "groups": groups}
    for key in _NUMBERS:
        data[key] = _number(known.get(key))
    for key in _TEXTS:
        value = known.get(key)
        data[key] = _trouble(value)["message"] if key in ("stopped", "error") else _text(value)
    return data


def _differing(membership: Membership, hosts: list[dict[str, Any]]) -> list[str]:
    """Return the members whose copy of the shared settings differs, though they have the same fleet revision."""
    revision, digest = membership.revision, membership.digest
    return [
        one["host"]
        for one in hosts
        if one["host"] != membership.host and one["revision"] == revision and one["digest"] not in ("", digest)
    ]


def _trouble(value: object) -> dict[str, str]:
    """Return what is wrong, as the agent says it: a text, which may be JSON, or an object with a message and a hint."""
    if isinstance(value, str) and value.startswith("{"):
        with suppress(ValueError, RecursionError):
            value = json.loads(value)
    if isinstance(value, dict):
        return {"message": _text(value.get("message")), "hint": _text(value.get("hint"))}
    return {"message": _text(value), "hint": ""}


def _number(value: object) -> int | None:
    """Return a number that is one of revisions, counts or seconds; None for what cannot be one."""
    is_one = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _LARGEST
    return int(value) if is_one and isinstance(value, int | float) else None


def _text(value: object) -> str:
    return shorten(value, _LONGEST) if isinstance(value, str) else ""
