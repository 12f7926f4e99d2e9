"""The names of a mail server as setup accepts them: more strictly than the databases, since other servers look them up.

One that is stored already is not looked at: it may have come from another server.
"""

from __future__ import annotations

from esmith.errors import RefusedError
from esmith.names import shorten
from esmith.schema.check import check_record
from esmith.schema.load import Schema

#: The longest name in the DNS, without the dot at its end (RFC 1035, 2.3.4).
_LONGEST = 253


def check_name(schema: Schema, key: str, value: str, option: str) -> None:
    """Check a name that an administrator gave.

    :param key: ``DomainName``, which has to have a dot, or ``SystemName``, which cannot have any.
    :param option: the option of setup that has it, for the cure.
    :raises RefusedError: when it cannot be such a name.
    """
    place = f"configuration {key}"
    if not value:
        raise RefusedError("the name is empty", place=place, hint=f"name one: {option} {_example(key)}")
    plain = value.rstrip(".").lower()
    if plain != value and plain:
        raise RefusedError(
            f"{shorten(value)!r} has capitals, or a dot at its end", place=place, hint=f"write: {option} {plain}"
        )
    check_record(schema, "configuration", key, value, {})
    if "_" in value:
        raise RefusedError(
            f"{value!r} has an underscore, which names of hosts cannot have",
            place=place,
            hint=f"letters, digits and hyphens are possible: {option} {_example(key)}",
        )
    host, _, domain = value.partition(".")
    if key == "DomainName" and not domain:
        raise RefusedError(
            f"{value!r} has no dot, so no other server finds it", place=place, hint=f"as here: {option} {value}.com"
        )
    if key == "SystemName" and domain:
        raise RefusedError(
            f"{value!r} has a dot; the name of the host is without the domain",
            place=place,
            hint=f"as here: {option} {host}",
        )


def check_length(domain: str, name: str) -> None:
    """Check the whole name of the server.

    :raises RefusedError: when the DNS can have no such name.
    """
    length = len(f"{name}.{domain}")
    if length > _LONGEST:
        raise RefusedError(
            f"the name of the server has {length} characters, and {_LONGEST} are possible", hint="take shorter names"
        )


def doubt(domain: str, name: str) -> str:
    """Return what is to be known of a domain that begins with the name of the host; "" for any other.

    Whoever gives the name of the server as the domain gets mail for user@mail.example.com only.
    """
    host, _, rest = domain.partition(".")
    if host != name or "." not in rest:
        return ""
    return (
        f"the domain {domain} begins with the name of the host: the server is {name}.{domain}, and gets mail for "
        f"NAME@{domain}; for mail to NAME@{rest}: --domain {rest}"
    )


def _example(key: str) -> str:
    return "example.com" if key == "DomainName" else "mail"
