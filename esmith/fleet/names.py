"""What fleets, hosts, groups and layers may be called; one rule for the rows of the journal, the store and commands."""

from __future__ import annotations

from esmith.errors import UsageError

#: The layer of all hosts, and what the layer of a group begins with.
FLEET, GROUP = "fleet", "group:"
_FIRST = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
_IN_A_NAME, _LONGEST_NAME = _FIRST | {".", "-"}, 63
#: No "-" in the name of a fleet: etcd's users are called FLEET-HOST, and of two fleets none may have the same.
_IN_A_FLEET, _LONGEST_FLEET = _FIRST | {"."}, 32


def is_name(text: object) -> bool:
    """Return whether this can be the name of a fleet, a host or a group.

    That is a lower case letter or a digit, then letters, digits, ``-`` and ``.``; at most 63 characters.
    """
    return isinstance(text, str) and _is_of(text, _IN_A_NAME, _LONGEST_NAME)


def _is_of(text: str, characters: frozenset[str], longest: int) -> bool:
    # A pattern would say it as well; to import those takes longer than a command that changes a setting may.
    return 0 < len(text) <= longest and text[0] in _FIRST and characters.issuperset(text)


def is_layer(text: object) -> bool:
    """Return whether this is a layer that hosts share: ``fleet`` or ``group:NAME``."""
    return isinstance(text, str) and (text == FLEET or (text.startswith(GROUP) and is_name(text[len(GROUP) :])))


def require_fleet_name(name: str) -> None:
    """Refuse what no fleet can be called.

    :raises UsageError: says what it may be.
    """
    if not _is_of(name, _IN_A_FLEET, _LONGEST_FLEET):
        raise UsageError(
            f"{name!r} cannot be the name of a fleet",
            hint="it has 1 to 32 characters, lower-case letters, digits and ., and begins with one of the first two",
        )


def require_host_name(name: str, what: str = "server") -> None:
    """Refuse what no server, or no group, of a fleet can be called.

    :raises UsageError: says what it may be.
    """
    if not is_name(name):
        raise UsageError(
            f"{name!r} cannot be the name of a {what}",
            hint="it has 1 to 63 characters, lower-case letters, digits, - and ., and begins with a letter or a digit",
        )


def groups_of(text: str) -> list[str]:
    """Return the groups of a list with commas.

    :raises UsageError: when one cannot be the name of a group, or is named twice.
    """
    groups = [word.strip() for word in text.split(",") if word.strip()]
    for group in groups:
        require_host_name(group, "group")
        if groups.count(group) > 1:
            raise UsageError(f"the group {group!r} is named twice", hint="name each group once")
    return groups
