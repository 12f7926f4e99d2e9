"""What the fields of a row may hold: each host checks each row, so that none can make another store what it could not.

Names and values of settings keep the limits of the store (:mod:`esmith.store.limits`).
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode

from esmith.errors import EsmithError
from esmith.fleet.journal.errors import RowError
from esmith.fleet.names import is_layer, is_name
from esmith.store.limits import (
    check_database,
    check_key,
    check_property,
    check_type,
    check_value,
    control_character,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: In bytes. A value in etcd may have 1.5 MB; the changes of a row have half of this at most, the words a little.
LARGEST_ROW = 2**20
#: So many pieces of half a MiB hold what a changeset may have at most.
MOST_BLOBS = 256
#: Revisions have 12 digits in the keys of etcd.
MOST_REVISIONS = 10**12 - 1
MOST_GROUPS = 32
#: In one row. A store has room for some hundred more at once, and a row that none can apply would stop all hosts.
MOST_DATABASES = 256
MOST_HOSTS = 10_000
_LATEST = 2**53
_PUBLIC_BYTES = 32
_MOST_WORDS, _LONGEST_WORD = 10_000, 64 * 1024
_EVENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_TOKEN = re.compile(r"[0-9a-f]{32}")
_HASH = re.compile(r"[0-9a-f]{64}")


def require(is_so: bool, otherwise: str) -> None:
    """Raise a RowError with a reason, unless something is so."""
    if not is_so:
        raise RowError(otherwise)


def check_name(value: Any, what: str) -> None:
    """Refuse what cannot be the name of a fleet, a host or a group.

    :param what: which of them, for the message.
    """
    require(is_name(value), f"{_shown(value)} cannot be its {what}")


def check_number(value: Any) -> None:
    """Refuse what cannot be the number of a row."""
    require(type(value) is int and 0 < value <= MOST_REVISIONS, f"{_shown(value)} cannot be its number")


def check_time(value: Any, what: str) -> None:
    """Refuse what is not a time in seconds since 1970."""
    require(type(value) is int and 0 <= value < _LATEST, f"{_shown(value)} cannot be its {what}")


def check_previous(value: Any) -> None:
    """Refuse what is not a hash, nor empty."""
    require(value == "" or is_hash(value), "the hash of the row before it is no hash")


def is_hash(value: object) -> bool:
    """Return whether this is a hash of a row: 64 hexadecimal digits."""
    return isinstance(value, str) and _HASH.fullmatch(value) is not None


def check_token(value: Any) -> None:
    """Refuse what is not a token."""
    require(isinstance(value, str) and _TOKEN.fullmatch(value) is not None, "its token is not one")


def check_program(value: Any) -> None:
    """Refuse what is not the version of a program."""
    is_one = isinstance(value, str) and value.isascii() and value.isprintable() and 0 < len(value) <= 64
    require(is_one, f"{_shown(value)} cannot be the version of a program")


def check_public(value: Any) -> None:
    """Refuse what is not a public key: 32 bytes in base64, written the one way."""
    require(isinstance(value, str), "its key is not one")
    try:
        key = b64decode(value.encode("ascii"), validate=True)
    except ValueError:
        raise RowError("its key is not one") from None
    require(len(key) == _PUBLIC_BYTES and b64encode(key).decode() == value, "its key is not one")


def check_author(value: Any) -> None:
    """Refuse what is not a user, who called sudo, and the words of a command."""
    is_one = isinstance(value, (list, tuple)) and len(value) == 3 and isinstance(value[2], (list, tuple))
    require(is_one, "its author is not user, who called sudo, and words")
    user, sudo_user, words = value
    require(len(words) <= _MOST_WORDS, "its command has too many words")
    for text in (user, sudo_user, *words):
        # They go to the journals of the hosts, whose fields are joined by NUL, and from there to terminals.
        require(_is_plain(text, _LONGEST_WORD), f"{_shown(text)} cannot be a word of its author")


def check_changes(value: Any) -> None:
    """Refuse what is not a list of changed cells, at least one, or has one that no store could hold.

    A layer of a host is none that hosts share, and stays on that host.
    """
    require(isinstance(value, (list, tuple)) and len(value) > 0, "it changes nothing")
    for change in value:
        require(isinstance(change, (list, tuple)) and len(change) == 5, "a change has not five fields")
        layer, database, key, prop, new = change
        if not (
            isinstance(layer, str) and isinstance(database, str) and isinstance(key, str) and isinstance(prop, str)
        ):
            raise RowError("a change has a field that is not a text")
        if not is_layer(layer):
            own = layer.startswith("host")
            why = "the layer of a host, which no row may name" if own else "no layer that hosts share"
            raise RowError(f"{_shown(layer)} is {why}")
        require(new is None or isinstance(new, str), "a change has a value that is not a text")
        _check_cell(database, key, prop, new)
    is_few = len({change[1] for change in value}) <= MOST_DATABASES
    require(is_few, f"it changes more than {MOST_DATABASES} databases; change fewer at once")


def _check_cell(database: str, key: str, prop: str, new: str | None) -> None:
    try:
        check_database(database)
        check_key(database, key)
        if prop:
            check_property(database, key, prop)
            if new is not None:
                check_value(f"{database} {key} {prop}", new)
        elif new is not None:
            check_type(database, key, new)
    except EsmithError as error:
        where = f"{error.place}: " if error.place else ""
        raise RowError(f"{where}{error.message}") from None


def check_digests(value: Any) -> None:
    """Refuse what is not a list of digests of blobs."""
    require(isinstance(value, (list, tuple)) and 0 < len(value) <= MOST_BLOBS, "its list of blobs is not one")
    require(all(is_hash(one) for one in value), "its list of blobs has what is no digest")


def check_groups(value: Any) -> None:
    """Refuse what is not a list of different groups."""
    require(isinstance(value, (list, tuple)) and len(value) <= MOST_GROUPS, f"it has more than {MOST_GROUPS} groups")
    for one in value:
        check_name(one, "group")
    require(len(set(value)) == len(value), "it has a group twice")


def check_hosts(value: Any) -> None:
    """Refuse what is not a list of different hosts."""
    require(isinstance(value, (list, tuple)) and len(value) <= MOST_HOSTS, "its list of hosts is not one")
    for one in value:
        check_name(one, "host")
    require(len(set(value)) == len(value), "it has a host twice")


def check_event(value: Any) -> None:
    """Refuse what cannot be the name of an event: no option of a command, and no path."""
    is_one = isinstance(value, str) and _EVENT.fullmatch(value) is not None
    require(is_one, f"{_shown(value)} cannot be the name of an event")


def _is_plain(text: object, longest: int) -> bool:
    """Return whether this is a text without control characters that can be written as UTF-8."""
    if not isinstance(text, str) or len(text) > longest or control_character(text) is not None:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(value: object) -> str:
    from esmith.names import shorten

    return shorten(repr(value))
