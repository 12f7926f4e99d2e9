"""Which layer of a fleet values come from, for people and as data (docs/fleet.md#groups-and-layers)."""

from __future__ import annotations

from esmith.fleet.replica.layers import FLEET, GROUP
from esmith.fleet.replica.member import Membership
from esmith.printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from esmith.fleet.replica.member import Origin
    from esmith.store.protocol import Snapshot

#: What the sources of :class:`esmith.fleet.replica.member.Origin` are called that are no layer others share.
_OWN = {
    "host": "this host, which overrides",
    "local": "this host, which overrides until it is pushed",
    "own": "this host; no layer has it",
}


def layer_words(layer: str) -> str:
    """Return what a layer is called: ``fleet``, ``group mx``, or of this host how it is there."""
    if layer.startswith(GROUP):
        return f"group {layer.removeprefix(GROUP)}"
    return _OWN.get(layer, layer)


def origin_data(snapshot: Snapshot, database: str, key: str) -> dict[str, Any]:
    """Return where each value of a record comes from, as what ``json.dumps`` takes.

    :return: ``name``, ``groups`` of this host, and ``properties``: each with its ``property`` ("" is the type), the
        ``value`` here (null: not set here), its ``layer`` (``host``, ``local``, ``group:NAME``, ``fleet``; ``own`` for
        one of this host that no layer has; empty for one of other groups alone), whether it ``overrides`` the layers,
        and ``layers``: what each has.
    :raises StoreError: when what is known of the fleet is damaged.
    """
    membership = Membership(snapshot)
    return {
        "name": key,
        "groups": membership.groups,
        "properties": [_of(origin) for origin in membership.origins(database, key)],
    }


def _of(origin: Origin) -> dict[str, Any]:
    return {
        "property": origin.cell,
        "value": origin.value,
        # What another group alone has is from nowhere here.
        "layer": "" if origin.value is None and origin.source == "own" else origin.source,
        "overrides": origin.source in ("host", "local"),
        "layers": origin.layers,
    }


def add_origins(snapshot: Snapshot, settings: list[dict[str, Any]]) -> None:
    """Add to settings which layer each comes from, as ``origin``: what :func:`origin_data` has, but for its value.

    Secrets are in no layer, so nothing of them is shown.

    :param settings: each with its ``database``, ``key`` and ``property``.
    """
    membership = Membership(snapshot)
    found: dict[tuple[str, str], dict[str, Origin]] = {}
    for one in settings:
        record = one["database"], one["key"]
        if record not in found:
            found[record] = {origin.cell: origin for origin in membership.origins(*record)}
        origin = found[record].get(one["property"])
        if origin is not None:
            data = _of(origin)
            one["origin"] = {name: data[name] for name in ("layer", "overrides", "layers")}
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
        lines.append(printable(f"{value}  ({layer_words(one['layer'])})" if one["layer"] else value))
        lines += [printable(f"        {text}") for text in hidden_words({**one, "groups": data["groups"]})]
    return lines


def hidden_words(one: dict[str, Any]) -> list[str]:
    """Return what layers have besides the value that counts, the nearest first, a text each.

    :param one: ``layer``, ``layers`` and ``groups``, as :func:`origin_data` has them.
    """
    own = [GROUP + group for group in one["groups"]]
    others = sorted(layer for layer in one["layers"] if layer not in (*own, FLEET))
    found = []
    for layer in (*own, FLEET, *others):
        if layer in one["layers"] and layer != one["layer"]:
            foreign = "; this host is not in that group" if layer in others else ""
            found.append(f"{layer_words(layer)} has {one['layers'][layer]}{foreign}")
    return found
