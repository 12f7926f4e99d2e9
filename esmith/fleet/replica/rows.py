"""Names of the rows of a member's tables in the store: ``DATABASE NUL KEY``, and ``DATABASE NUL KEY NUL PROP``.

The store takes names of at most :data:`esmith.store.limits.MAX_NAME_BYTES` bytes, and a database with a long key or
property has more. Such a name is its digest, behind a character that no name of a database begins with; what it stands
for is then in the value of the row, before the rest of it.
"""

from __future__ import annotations

from esmith.store.limits import MAX_NAME_BYTES

_LONG = "\1"


def name_of(*parts: str) -> str:
    """Return the name of a row.

    :param parts: the database, the key, and perhaps the property.
    """
    name = "\0".join(parts)
    encoded = name.encode()
    if len(encoded) <= MAX_NAME_BYTES:
        return name
    from esmith.digests import sha256

    return _LONG + sha256(encoded).hexdigest()


def value_of(parts: tuple[str, ...], value: bytes) -> bytes:
    """Return what is stored in a row.

    :param parts: as for :func:`name_of`.
    """
    name = name_of(*parts)
    if not name.startswith(_LONG):
        return value
    return b"\0".join(part.encode() for part in parts) + b"\0" + value


def read(name: str, value: bytes, count: int) -> tuple[tuple[str, ...], bytes]:
    """Return the parts that a row is about, and its value.

    :param count: how many parts there are: 2 or 3.
    :raises ValueError: when the row is damaged.
    """
    if name.startswith(_LONG):
        fields = value.split(b"\0", count)
        parts, value = tuple(str(part, "utf-8") for part in fields[:-1]), fields[-1]
    else:
        parts = tuple(name.split("\0"))
    if len(parts) != count:
        raise ValueError("a name of a row has another number of parts")
    return parts, value
