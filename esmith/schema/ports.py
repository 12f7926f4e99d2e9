"""Services that are to listen at the same port: only one of them would start."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from esmith.schema.load import Schema
    from esmith.store.model import Record
    from esmith.store.protocol import Records


def shared_ports(snapshot: Records, schema: Schema, key: str) -> list[str]:
    """Return a hint for each port of an enabled service that another enabled one listens at, too.

    :param key: the service, a record of the configuration.
    """
    services = {record.key: record for record in snapshot.records("configuration", "service")}
    own = dict(_ports(services.get(key), schema))
    if not own:
        return []
    others: dict[str, list[str]] = {}
    for other, record in services.items():
        for _, port in _ports(record, schema) if other != key else ():
            others.setdefault(port, []).append(other)
    return [
        f"configuration {key} {name}: {port} is the port of {', '.join(others[port])}, too: "
        "only one of them can have it (stored as given)"
        for name, port in own.items()
        if port in others
    ]


def _ports(record: Record | None, schema: Schema) -> Iterator[tuple[str, str]]:
    """Yield the ports of a service, each with its property; none of one that is disabled."""
    if record is None or record.props.get("status") != "enabled":
        return
    known = schema.record("configuration", record.key, record.type)
    for prop in known.properties.values() if known is not None else ():
        if prop.type == "port":
            port = record.props.get(prop.name)
            found = None if port else prop.unstored(port)
            if found is not None:
                port = found[1]
            if port:
                yield prop.name, port
