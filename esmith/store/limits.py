"""What may be stored: the characters and lengths of names and values (docs/original.md#values-and-names).

A name or value is stored exactly as given or refused; it is never trimmed, cut or escaped.
"""

from __future__ import annotations

from esmith.errors import RefusedError, UsageError

#: LMDB's limit for a key, in bytes; ours hold the record's key, a NUL and the property's name.
MAX_NAME_BYTES = 511
#: Longest value, in bytes of UTF-8: more than any setting needs, less than what would make a listing unusable.
MAX_VALUE_BYTES = 65_536

_CONTROL_NAMES = {"\n": "a newline", "\r": "a carriage return", "\0": "a NUL"}


def check_database(name: str) -> None:
    """Refuse what cannot be the name of a database.

    :raises UsageError: with the reason.
    """
    if name.startswith("/") or "/" in name:
        raise UsageError(
            f"{name!r} is a path, not the name of a database",
            hint="name a database, e.g. configuration or accounts; 'db PATH show' reads a flat file",
        )
    if not name or name[0] in ".=-" or not name.isascii() or not name.isprintable() or " " in name or len(name) > 100:
        raise UsageError(
            f"{_shown(name)} cannot be the name of a database", hint="use ASCII letters, digits, '.', '_' and '-'"
        )


def no_such_record(database: str, key: str) -> UsageError:
    """Return the error of a property for a record that is missing, with the command that makes the record."""
    import shlex

    command = shlex.join(["db", database, "set", key])
    return UsageError("there is no such record", place=f"{database} {key}", hint=f"make it first: {command} TYPE")


def check_key(database: str, key: str) -> None:
    """Refuse a key that the store or the original's flat files cannot hold.

    :raises RefusedError: with the reason.
    """
    if _is_plain(key) and not ("=" in key or key[0] in " #" or key[-1] == " ") and len(key) < MAX_NAME_BYTES:
        return
    place = f"{database}: key {_shown(key)}"
    _check_text(key, place, "a key")
    if not key:
        raise RefusedError("a key cannot be empty", place=database, hint="name the record")
    if key != key.strip(" \t") or "=" in key or key.startswith("#"):
        raise RefusedError(
            "a key cannot begin or end with a blank, begin with '#', or contain '='",
            place=place,
            hint="the original loses such records; choose another key",
        )
    _check_name_length(key, "", place)


def check_property(database: str, key: str, prop: str) -> None:
    """Refuse a property name that the store or the original's flat files cannot hold.

    :raises RefusedError: with the reason.
    """
    if _is_plain(prop) and "|" not in prop and key.isascii() and len(key) + 1 + len(prop) <= MAX_NAME_BYTES:
        return
    place = f"{database} {key}: property {_shown(prop)}"
    _check_text(prop, place, "a property name")
    if not prop:
        raise RefusedError("a property name cannot be empty", place=f"{database} {key}", hint="name the property")
    if "|" in prop:
        raise RefusedError("a property name cannot contain '|'", place=place, hint="choose another name")
    _check_name_length(key, prop, place)


def check_record(database: str, key: str, type: str, props: dict[str, str]) -> None:
    """Refuse a record of which the store cannot hold the key, the type, or a name or a value of a property.

    :raises RefusedError: as :func:`check_key`, :func:`check_type`, :func:`check_property` and :func:`check_value` do.
    """
    # Nearly all are plain and short, which is seen of all at once; what is left over is looked at one by one.
    names, values = "".join(props), "".join(props.values())
    if (
        _is_plain(key)
        and not ("=" in key or key[0] in " #" or key[-1] == " " or "" in props or "|" in names or "|" in type)
        and f"{type}{names}{values}".isascii()
        and f"{type}{names}{values}".isprintable()
        and len(key) + 1 + len(names) <= MAX_NAME_BYTES
        and len(type) + len(values) <= MAX_VALUE_BYTES
    ):
        return
    check_key(database, key)
    check_type(database, key, type)
    for prop, value in props.items():
        check_property(database, key, prop)
        check_value(f"{database} {key} {prop}", value)


def check_type(database: str, key: str, value: str) -> None:
    """Refuse a record type that cannot be stored.

    :raises RefusedError: with the reason.
    """
    place = f"{database} {key}"
    check_value(place, value)
    if "|" in value:
        raise RefusedError(
            "a type cannot contain '|'",
            place=place,
            hint="give properties as separate words: set KEY TYPE PROP VALUE",
        )


def check_value(place: str, value: str) -> None:
    """Refuse a value that cannot be stored.

    :param place: database, key and property, for the message.
    :raises RefusedError: with the reason.
    """
    if value.isascii() and value.isprintable() and len(value) <= MAX_VALUE_BYTES:
        return
    _check_text(value, place, "a value")
    size = len(value.encode())
    if size > MAX_VALUE_BYTES:
        raise RefusedError(
            f"the value has {size} bytes; at most {MAX_VALUE_BYTES} can be stored",
            place=place,
            hint="keep long texts in a file and store its path",
        )


def control_character(text: str) -> str | None:
    """Return the first control character other than a tab, or None.

    Control characters are those of Unicode's category Cc: NUL, newline, carriage return, escape, DEL, C1.
    """
    if text.isprintable():
        return None
    for char in text:
        code = ord(char)
        if (code < 32 and char != "\t") or 127 <= code < 160:
            return char
    return None


def _shown(name: str) -> str:
    """Return a name for a message; a ``getprop`` has none, and does not pay for it."""
    from esmith.names import shorten

    return repr(shorten(name))


def _is_plain(name: str) -> bool:
    """Return whether a name is one of printable ASCII, as nearly all are: most of the rules below hold for it then."""
    return name != "" and name.isascii() and name.isprintable()


def _check_text(text: str, place: str, what: str) -> None:
    char = control_character(text)
    if char is not None:
        name = {"\n": "a newline", "\r": "a carriage return", "\0": "a NUL"}.get(
            char, f"the control character {char!r}"
        )
        raise RefusedError(f"{what} cannot contain {name}", place=place, hint="give it as one line of plain text")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise RefusedError(
            f"{what} has to be UTF-8",
            place=place.encode("utf-8", "replace").decode(),
            hint="convert it, e.g. with iconv",
        ) from None


def _check_name_length(key: str, prop: str, place: str) -> None:
    size = len(key.encode()) + 1 + len(prop.encode())
    if size > MAX_NAME_BYTES:
        raise RefusedError(
            f"key and property name have {size} bytes together; at most {MAX_NAME_BYTES} can be stored",
            place=place,
            hint="choose shorter names",
        )


def row_key(key: str, prop: str) -> bytes | None:
    """Return the key of a row of a database; None where no such row can exist."""
    try:
        row = f"{key}\0{prop}".encode()
    except UnicodeEncodeError:
        return None
    return row if key and row.count(b"\0") == 1 and len(row) <= MAX_NAME_BYTES else None


def state_key(name: str) -> bytes:
    """Return the key of a row of a state table; empty where no such row can exist."""
    try:
        key = name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return b""
    return key if len(key) <= MAX_NAME_BYTES else b""
