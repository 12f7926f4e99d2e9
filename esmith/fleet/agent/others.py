"""The statuses of the other hosts of the fleet, and whether their replicas are the same as this one's."""

from __future__ import annotations

import json

from esmith.printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

#: What is taken of a status, with the type it has to have; others write it, so it is data and bounded.
_TEXTS = ("program", "digest", "stopped", "error")
_NUMBERS = ("revision", "time", "drift", "pending", "findings", "overrides", "doubled")
_LONGEST = 300


def read_statuses(rows: Iterable[tuple[str, bytes]]) -> list[dict[str, Any]]:
    """Return the statuses of hosts, by name; what is in no order is left out.

    :param rows: name and status of each.
    """
    found = []
    for host, value in rows:
        try:
            data = json.loads(value)
        except (ValueError, RecursionError):
            data = {}
        found.append(status_of(host, data if isinstance(data, dict) else {}))
    return sorted(found, key=lambda one: str(one["host"]))


def status_of(host: str, data: dict[str, Any]) -> dict[str, Any]:
    """Return what is taken of the status of a host; what in it is in no order is left out."""
    one: dict[str, Any] = {"host": printable(host)[:_LONGEST]}
    one |= {name: _text(data.get(name)) for name in _TEXTS}
    one |= {name: _number(data.get(name)) for name in _NUMBERS}
    return one


def differing(hosts: list[dict[str, Any]], own: str, revision: int, digest: str) -> list[str]:
    """Return the hosts of the same fleet revision whose layers have another digest.

    :param own: name of this host.
    """
    same = [one for one in hosts if one["revision"] == revision and one["host"] != own and one["digest"]]
    return [str(one["host"]) for one in same if one["digest"] != digest] if digest else []


def _text(value: object) -> str:
    if isinstance(value, dict):
        value = value.get("message")
    return printable(value)[:_LONGEST] if isinstance(value, str) else ""


def _number(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 2**53 else None
