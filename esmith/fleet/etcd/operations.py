"""What a transaction compares and does, and what comes back, as values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from esmith.fleet.etcd.wire import encoded

Name = bytes | str


class KeyValue(NamedTuple):
    """A key with its value and the revision of its last change."""

    key: bytes
    value: bytes
    mod_revision: int


class Found(NamedTuple):
    """What a range holds.

    :param revision: etcd's revision when it was read.
    :param more: whether there are more than the limit let through.
    :param total: how many there are in all; of a deletion, how many were deleted.
    """

    rows: Sequence[KeyValue]
    revision: int
    more: bool = False
    total: int = 0


class TxnResult(NamedTuple):
    """What became of a transaction.

    :param succeeded: whether all compares held, so the first list was done and not the second.
    :param revision: etcd's revision afterwards.
    :param responses: an entry an operation.
    """

    succeeded: bool
    revision: int
    responses: Sequence[Found]


class Compare(NamedTuple):
    """One condition of a transaction; made by the functions below."""

    message: dict[str, Any]


class Operation(NamedTuple):
    """One thing a transaction does; made by the functions below."""

    message: dict[str, Any]


def prefix_end(prefix: Name) -> bytes:
    """Return the end of the range of all keys that begin with a prefix (etcd's API guide, "Key ranges").

    >>> prefix_end(b"/a/")
    b'/a0'
    """
    raw = (prefix.encode() if isinstance(prefix, str) else prefix).rstrip(b"\xff")
    return raw[:-1] + bytes([raw[-1] + 1]) if raw else b"\0"


def first_key(prefix: Name) -> bytes:
    """Return the first key that can have a prefix; etcd has no empty keys."""
    return (prefix.encode() if isinstance(prefix, str) else prefix) or b"\0"


def value_is(key: Name, value: Name) -> Compare:
    """Hold when the key is there and has this value."""
    return Compare({"key": encoded(key), "target": "VALUE", "result": "EQUAL", "value": encoded(value)})


def created_is(key: Name, revision: int) -> Compare:
    """Hold when the key was created at this revision; 0: when it is not there."""
    return _number(key, "CREATE", "create_revision", revision)


def modified_is(key: Name, revision: int) -> Compare:
    """Hold when the last change of the key was at this revision; 0: when it is not there."""
    return _number(key, "MOD", "mod_revision", revision)


def version_is(key: Name, version: int) -> Compare:
    """Hold when the key was written this many times since it was created; 0: when it is not there."""
    return _number(key, "VERSION", "version", version)


def _number(key: Name, target: str, field: str, value: int) -> Compare:
    return Compare({"key": encoded(key), "target": target, "result": "EQUAL", field: str(value)})


def put(key: Name, value: Name) -> Operation:
    """Set a key."""
    return Operation({"request_put": {"key": encoded(key), "value": encoded(value)}})


def delete(key: Name, end: Name | None = None) -> Operation:
    """Delete a key, or all from it to before an end."""
    return Operation({"request_delete_range": _range(key, end)})


def get(key: Name, end: Name | None = None, *, limit: int = 0) -> Operation:
    """Read a key, or all from it to before an end."""
    return Operation({"request_range": {**_range(key, end), "limit": str(limit)}})


def _range(key: Name, end: Name | None) -> dict[str, str]:
    return {"key": encoded(key)} | ({"range_end": encoded(end)} if end is not None else {})
