"""Which layer of a fleet values come from, for people and as data (docs/fleet.md#groups-and-layers)."""

from __future__ import annotations

from esmith.fleet.names import FLEET, GROUP
from esmith.fleet.replica.member import Membership
from esmith.fleet.replica.scope import Scopes
from esmith.printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from esmith.fleet.replica.member import Origin
    from esmith.layout import Layout
    from esmith.store.protocol import Snapshot

#: What the sources of :class:`esmith.fleet.replica.member.Origin` are called that are no layer others share.
_OWN = {
    "host": "this host, which overrides",
    "local": "this host, which overrides until it is pushed",
    "own": "this host; no layer has it",
}


def origin_words(one: dict[str, Any]) -> str:
    """Return where a value comes from, in words.

    :param one: ``layer`` and ``scope``, as :func:`origin_data` has them.
    """
    if one["layer"] == "own" and one["scope"] == "host":
        return "this host; it belongs to one machine"
    return layer_words(one["layer"])


def layer_words(layer: str) -> str:
    """Return what a layer is called: ``fleet``, ``group mx``, or of this host how it is there."""
    if layer.startswith(GROUP):
        return f"group {layer.removeprefix(GROUP)}"
    return _OWN.get(layer, layer)


def origin_data(layout: Layout, snapshot: Snapshot, database: str, key: str) -> dict[str, Any]:
    """Return where each value of a record comes from, as what ``json.dumps`` takes.

    :return: ``name``, ``groups`` of this host, and ``properties``: each with its ``property`` ("" is the type), the
        ``value`` here (null: not set here), its ``layer`` (``host``, ``local``, ``group:NAME``, ``fleet``; ``own`` for
        one of this host that no layer has; empty for one of other groups alone), its ``scope`` (``host``: it belongs
        to one machine; or ``shared``), whether it ``overrides`` the layers, and ``layers``: what each has.
    :raises StoreError: when what is known of the fleet is damaged.
    """
    membership, scopes = Membership(snapshot), Scopes(layout, snapshot)
    return {
        "name": key,
        "groups": membership.groups,
        "properties": [
            _of(origin, scopes.is_host(database, key, origin.cell))
            for origin in membership.origins(database, key, scopes)
        ],
    }


def _of(origin: Origin, is_host: bool) -> dict[str, Any]:
    return {
        "property": origin.cell,
        "value": origin.value,
        # What another group alone has is from nowhere here.
        "layer": "" if origin.value is None and origin.source == "own" else origin.source,
        "scope": "host" if is_host else "shared",
        "overrides": origin.source in ("host", "local"),
        "layers": origin.layers,
    }


def add_origins(layout: Layout, snapshot: Snapshot, settings: list[dict[str, Any]]) -> None:
    """Add to settings which layer each comes from, as ``origin``: what :func:`origin_data` has, but for its value.

    Secrets are in no layer, so nothing of them is shown.

    :param settings: each with its ``database``, ``key`` and ``property``.
    """
    membership, scopes = Membership(snapshot), Scopes(layout, snapshot)
    found: dict[tuple[str, str], dict[str, Origin]] = {}
    for one in settings:
        record = one["database"], one["key"]
        if record not in found:
            found[record] = {origin.cell: origin for origin in membership.origins(*record, scopes)}
        origin = found[record].get(one["property"])
        if origin is not None:
            data = _of(origin, scopes.is_host(*record, origin.cell))
            one["origin"] = {name: data[name] for name in ("layer", "scope", "overrides", "layers")}
            one["origin"]["groups"] = membership.groups


def origin_lines(data: dict[str, Any]) -> list[str]:
    """Return the lines that show what :func:`origin_data` returned.

    As ``show`` prints it, with the layer behind each value and what other layers have below it. A value is data: what
    is not printable in it is shown by its code.
    """
    lines = []
    for one in data["properties"]:
        name = f"    {one['property']}" if one["property"] else data["name"]
        value = f"{name}={one['value']}" if one["value"] is not None else f"{name} is not set here"
        lines.append(printable(f"{value}  ({origin_words(one)})" if one["layer"] else value))
        lines += [printable(f"        {text}") for text in hidden_words({**one, "groups": data["groups"]})]
    return lines


def hidden_words(one: dict[str, Any]) -> list[str]:
    """Return what layers have besides the value that counts, the nearest first, a text each.

    :param one: ``layer``, ``scope``, ``layers`` and ``groups``, as :func:`origin_data` has them.
    """
    own = [GROUP + group for group in one["groups"]]
    others = sorted(layer for layer in one["layers"] if layer not in (*own, FLEET))
    found = []
    for layer in (*own, FLEET, *others):
        if layer in one["layers"] and layer != one["layer"]:
            unread = "; this host is not in that group" if layer in others else ""
            unread = "; it belongs to one machine, so nobody takes it" if one["scope"] == "host" else unread
            found.append(f"{layer_words(layer)} has {one['layers'][layer]}{unread}")
    return found
