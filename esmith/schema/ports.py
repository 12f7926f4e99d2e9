"""Services that are to listen at the same port: only one of them would start."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.schema.load import Schema
    from esmith.store.model import Record
    from esmith.store.protocol import Transaction


def shared_ports(transaction: Transaction, schema: Schema, key: str) -> list[str]:
    """Return a hint when another enabled service has the TCP port of one that is enabled.

    :param key: the service, a record of the configuration.
    """
    services = {record.key: record for record in transaction.records("configuration", "service")}
    port = _port(services.get(key), schema)
    others = [other for other, record in services.items() if other != key and port and _port(record, schema) == port]
    if not others:
        return []
    why = f"{port} is the port of {', '.join(others)}, too: only one of them can have it"
    return [f"configuration {key} TCPPort: {why} (stored as given)"]


def _port(record: Record | None, schema: Schema) -> str | None:
    """Return the port of a service, None where it is disabled or has none."""
    if record is None or record.props.get("status") != "enabled":
        return None
    port = record.props.get("TCPPort")
    known = None if port else schema.record("configuration", record.key, record.type)
    found = known.properties["TCPPort"].unstored(port) if known and "TCPPort" in known.properties else None
    return found[1] if found else port
