"""What a local network has to be: one that is not local yet, whose router this server reaches itself."""

from __future__ import annotations

from esmith.errors import EsmithError
from esmith.panels.setting import KEY_FIELD
from esmith.schema.check import NotAllowedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from ipaddress import IPv4Network

    from esmith.panels.field import Work

#: The database of local networks; the key of a record is the address of the network.
NETWORKS = "networks"
_CONFIGURATION = "configuration"


def network_faults(work: Work, touched: set[str]) -> dict[str, EsmithError]:
    """Return what is wrong with a local network as it would be stored, by the name of the field.

    :param work: with the values of the form.
    :param touched: the fields that were filled in, ``key`` among them for a new network.
    """
    from ipaddress import ip_address

    key = work.key or ""
    record = work.snapshot.record(NETWORKS, key)
    props = record.props if record is not None else {}
    network = _network(key, props.get("Mask"))
    faults: dict[str, EsmithError] = {}
    if network is not None and touched & {KEY_FIELD, "Mask"}:
        fault = _fault(work, network, key)
        if fault is not None:
            faults[KEY_FIELD if KEY_FIELD in touched else "Mask"] = fault
    router, own = props.get("Router"), list(_own(work))
    if router and "Router" in touched and own and not any(ip_address(router) in one for one in own):
        faults["Router"] = NotAllowedError(f"it is not in the network of this server, {own[0]}")
    return faults


def _fault(work: Work, network: IPv4Network, key: str) -> NotAllowedError | None:
    if str(network.network_address) != key:
        return NotAllowedError(f"it is the address of a machine in the network {network.network_address}")
    if network.prefixlen == 0:
        return NotAllowedError("these are all addresses of the internet")
    others = [_network(one.key, one.props.get("Mask")) for one in work.snapshot.records(NETWORKS) if one.key != key]
    own = work.snapshot.prop(NETWORKS, key, "SystemLocalNetwork") == "yes"
    for other in [*others, *([] if own else _own(work))]:
        if other is not None and network.subnet_of(other):
            return NotAllowedError(f"it is local already, in the network {other}")
    return None


def _own(work: Work) -> Iterator[IPv4Network]:
    """Yield the networks that the server is in itself."""
    snapshot = work.snapshot
    own = _network(snapshot.prop(_CONFIGURATION, "LocalIP", ""), snapshot.prop(_CONFIGURATION, "LocalNetmask", ""))
    if own is not None:
        yield own
    for record in snapshot.records(NETWORKS):
        if record.props.get("SystemLocalNetwork") == "yes":
            found = _network(record.key, record.props.get("Mask"))
            if found is not None and found != own:
                yield found


def _network(address: str | None, mask: str | None) -> IPv4Network | None:
    """Return a network by one of its addresses; None where these are no addresses."""
    from ipaddress import ip_network

    try:
        found = ip_network(f"{address}/{mask}", strict=False) if address and mask else None
    except ValueError:
        return None
    return found if found is not None and found.version == 4 else None
