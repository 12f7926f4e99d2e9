"""Reading what the proxy is to do: ``/etc/smtp-auth-proxy.conf``, a name and a value on each line.

The value is everything after the first blank, as it is: a password may hold any character.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from esmith.errors import ServiceError
from esmith.names import nearest

#: The port of SMTP, where no other is set (RFC 5321).
_SMTP_PORT = 25
#: On this port the connection is encrypted from its first byte (RFC 8314).
SUBMISSIONS_PORT = 465
#: Mail is held in memory, so there is a limit where no other is set.
LARGEST_MAIL_BYTES = 100_000_000
#: What the mails of all clients may take together, where no other limit is set.
MEMORY_BYTES = 256_000_000
#: What a mail takes besides its own bytes: those of its begin and its end.
_BESIDES_BYTES = 16
#: How the connection is protected: encrypted with a certificate that was verified; encrypted; plain.
TLS = ("verified", "unverified", "disabled")


@dataclass(frozen=True)
class Settings:
    """What the proxy is to do.

    :param server: the provider's server.
    :param port: its port.
    :param listen: the port of 127.0.0.1 to listen on; 0 for any that is free.
    :param user: the user name there; "" to log in not at all.
    :param password: its password.
    :param tls: one of :data:`TLS`.
    :param ca_file: a file of certificates to trust instead of the system's; "" for the system's.
    :param helo: how to introduce itself.
    :param largest: how long a mail may be, in bytes.
    :param memory: how many bytes of mail are held at once; at least one of the longest mails.
    :param connections: how many clients are served at once.
    :param timeout: how long to wait for one answer of the provider, in seconds.
    :param debug: whether the dialogue with the provider is logged.
    """

    server: str
    port: int = _SMTP_PORT
    listen: int = 26
    user: str = ""
    password: str = ""
    tls: str = TLS[0]
    ca_file: str = ""
    helo: str = "localhost"
    largest: int = LARGEST_MAIL_BYTES
    memory: int = MEMORY_BYTES
    connections: int = 20
    timeout: float = 300.0
    debug: bool = False


def read_settings(path: str) -> Settings:
    """Return what a settings file says.

    :raises ServiceError: when it cannot be read, or a line is wrong.
    """
    try:
        with open(path, encoding="utf-8", newline="\n") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        hint = "make it with: signal-event email-update"
        raise ServiceError(f"cannot be read: {reason}", place=path, hint=hint) from error
    found: dict[str, Any] = {}
    for number, line in enumerate(text.split("\n"), 1):
        name, _, value = line.partition(" ")
        if name and not name.startswith("#"):
            try:
                field, convert = _KEYS[name]
                found[field] = convert(value)
            except KeyError:
                close = nearest(name, list(_KEYS))
                hint = f"did you mean {close!r}?" if close else f"the names are: {' '.join(_KEYS)}"
                raise ServiceError(f"unknown name {name!r}", place=f"{path}:{number}", hint=hint) from None
            except ValueError as error:
                raise ServiceError(f"{name}: {error}", place=f"{path}:{number}", hint="correct the setting") from None
    if not found.get("server"):
        raise ServiceError(
            "there is no line Server",
            place=path,
            hint="set one: config set SMTPSmartHost NAME\n  and then: signal-event email-update",
        )
    server, port = split_server(found["server"])
    settings = Settings(**{**found, "server": server})
    settings = replace(settings, memory=max(settings.memory, settings.largest + _BESIDES_BYTES))
    return replace(settings, port=port) if port else settings


def split_server(text: str) -> tuple[str, int]:
    """Return the name and the port of ``host``, ``host:port``, ``[address]:port`` or an IPv6 address; 0 for no port."""
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        port = rest.removeprefix(":")
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    else:
        host, port = text, ""
    return host, int(port) if port.isascii() and port.isdecimal() else 0


def _number(value: str) -> int:
    if not (value.isascii() and value.isdecimal()):
        raise ValueError(f"{value!r} is not a number")
    return int(value)


def _port(value: str) -> int:
    number = _number(value)
    if number > 65535:
        raise ValueError(f"{value!r} is not a port")
    return number


def _size(value: str) -> int:
    return min(_number(value) or LARGEST_MAIL_BYTES, LARGEST_MAIL_BYTES)


def _count(value: str) -> int:
    return max(1, _number(value))


def _enabled(value: str) -> bool:
    return value == "enabled"


def _tls(value: str) -> str:
    if value not in TLS:
        raise ValueError(f"{value!r} is none of {', '.join(TLS)}")
    return value


_KEYS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "Listen": ("listen", _port),
    "Server": ("server", str),
    "Port": ("port", _port),
    "TLS": ("tls", _tls),
    "CAFile": ("ca_file", str),
    "Helo": ("helo", str),
    "Userid": ("user", str),
    "Passwd": ("password", str),
    "MaxMessageSize": ("largest", _size),
    "Memory": ("memory", _count),
    "Connections": ("connections", _count),
    "Timeout": ("timeout", _count),
    "Debug": ("debug", _enabled),
}
