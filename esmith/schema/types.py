"""The types a property may have, and what each accepts (db/README.md#properties)."""

from __future__ import annotations

from esmith.names import in_dns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from esmith.schema.model import Property

#: What always fits into the name of a file, as .qmail-NAME-default; and the longest name DNS has (RFC 1035).
_ACCOUNT_BYTES = 200
_DOMAIN_BYTES = 253
_LABEL_BYTES = 63
_LARGEST_PORT = 65535
_IPV6_LITERAL = "has an IPv6 address in brackets, and qmail knows only IPv4 ones"
#: Up to here each whole number is a float of its own.
_EXACT = 2.0**53
_UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30}


def refusal(prop: Property, value: str) -> str | None:
    """Return why a property does not accept a value, None when it does.

    The reason reads after the value: ``'maybe' is not one of enabled, disabled``.
    """
    if value == "" and (prop.empty or prop.default == ""):
        return None
    if value in prop.values:
        return None
    return TYPES[prop.type](prop, value)


def _choice(*fixed: str) -> Callable[[Property, str], str | None]:
    def check(prop: Property, value: str) -> str | None:
        allowed = fixed or prop.values
        return None if value in allowed else f"is not one of {', '.join(word or repr('') for word in allowed)}"

    return check


def _by_value(check: Callable[[str], str | None]) -> Callable[[Property, str], str | None]:
    """Return the check of a type that accepts the same values for every property."""
    return lambda _prop, value: check(value)


def _integer(prop: Property, value: str) -> str | None:
    # -0 is a number to Python, and none to the programs.
    if not _are_digits(value) and not (_is_whole(value) and value.strip("-0")):
        return f"is not a whole number{_in_full(value)}"
    # A float may have any number of digits, and the limits of schema files are small enough to be exact.
    return _outside(float(value), prop.minimum, prop.maximum)


def _in_full(value: str) -> str:
    """Return how a size such as 10M is written as a number of bytes; "" for anything else."""
    size = _bytes_of(value)
    return "" if size is None or size > _EXACT else f"; {value} bytes are {size:.0f}"


def _number(prop: Property, value: str) -> str | None:
    whole, point, fraction = value.partition(".")
    if not _is_whole(whole) or (point and not _are_digits(fraction)):
        return "is not a number"
    return _range(prop, float(value))


def _port(value: str) -> str | None:
    if not _is_whole(value):
        return "is not a whole number"
    return _outside(float(value), 1, _LARGEST_PORT)


def _range(prop: Property, number: float) -> str | None:
    return _outside(number, prop.minimum, prop.maximum)


def _outside(number: float, minimum: float | None, maximum: float | None, unit: str = "") -> str | None:
    if minimum is not None and number < minimum:
        return f"is too small; the least is {minimum}{unit}"
    if maximum is not None and number > maximum:
        return f"is too large; the most is {maximum}{unit}"
    return None


def _size(prop: Property, value: str) -> str | None:
    size = _bytes_of(value)
    if size is None:
        return "is not a size such as 15M, 500k or 25000000"
    return _outside(size, prop.minimum, prop.maximum, " bytes")


def _bytes_of(value: str) -> float | None:
    """Return how many bytes a size such as 15M is; None for what is none. A float may have any number of digits."""
    unit = value[-1:].lower() if value[-1:].lower() in _UNITS else ""
    digits = value.removesuffix(value[-1:]) if unit else value
    return float(digits) * _UNITS[unit] if _are_digits(digits) else None


def _list(prop: Property, value: str) -> str | None:
    return None if all(part.strip() for part in value.split(prop.separator)) else "has an empty entry"


def _host(value: str) -> str | None:
    if _is_ip(value, 6):
        return None
    return _not_a_host(value, "is not a host name or an IP address, as mail.example.com")


def _host_and_port(value: str) -> str | None:
    if "://" in value:
        return "is a URL; give the name alone, also with a port, as mail.example.com:587"
    host, colon, port = value.partition(":")
    if _is_ip(value.strip("[]"), 6) or port.count(":") > 1:
        return "is an IPv6 address, or holds one; give a host name or an IPv4 address: colons begin a port here"
    if colon and not (port.isascii() and port.isdecimal() and 0 < float(port) <= _LARGEST_PORT):
        return f"has no port from 1 to {_LARGEST_PORT} after the colon"
    if host.startswith("[") and host.endswith("]") and not _is_ip(host[1:-1], 4):
        return "has brackets, which are for IPv4 addresses; give a host name without them"
    return _not_a_host(
        host.strip("[]"), "is not a host name or an IPv4 address, nor one with a port, as example.com:587"
    )


def _hostname(value: str) -> str | None:
    if _is_ip(value, 4) or _is_ip(value, 6):
        return "is an address; a name such as mail.example.com is needed"
    return _not_a_host(value, "is not a host name, as mail.example.com")


def _not_a_host(value: str, otherwise: str) -> str | None:
    """Return why a value is neither a host name nor an IPv4 address.

    :param otherwise: the reason where there is no better one.
    """
    if not value.isascii() and _is_domain(value):
        name = in_dns(value)
        return f"has letters that DNS does not know; its name there is {name}" if name else otherwise
    if _looks_like_ipv4(value) and not _is_ip(value, 4):
        return "is not an IPv4 address"
    return None if _is_host(value) and len(value) <= _DOMAIN_BYTES else otherwise


def _is_ip(value: str, version: int) -> bool:
    # fe80::1%eth0 is one of a single network card: no file of a server can do with it.
    if "%" in value:
        return False
    # Most values are names, and ipaddress takes longer to import than the rest of the command.
    if ":" not in value and not _looks_like_ipv4(value):
        return False
    import ipaddress

    try:
        return ipaddress.ip_address(value).version == version
    except ValueError:
        return False


def _address(value: str) -> str | None:
    return None if _is_ip(value, 4) or _is_ip(value, 6) else "is not an IP address"


def _ipv4(value: str) -> str | None:
    if _is_ip(value, 6):
        return "is an IPv6 address; only IPv4 is possible here"
    return None if _is_ip(value, 4) else "is not an IPv4 address"


def _netmask(value: str) -> str | None:
    import ipaddress

    try:
        if ipaddress.ip_network(f"0.0.0.0/{value}").netmask != ipaddress.ip_address(value):
            raise ValueError
    except ValueError:
        return "is not a netmask such as 255.255.255.0"
    return None


def _domain(value: str) -> str | None:
    fits = _bytes(value) <= _DOMAIN_BYTES
    return None if fits and _is_domain(value) else "is not the name of a domain or host, as mail.example.com"


def _account(value: str) -> str | None:
    if _is_one_word(value) and "/" not in value and value not in (".", ".."):
        return None if _bytes(value) <= _ACCOUNT_BYTES else f"is too long; a name may have {_ACCOUNT_BYTES} bytes"
    return "is not a name without blanks and '/' (nor may it be '.' or '..')"


def _mailbox(value: str) -> str | None:
    if "@" not in value:
        return _account(value)
    if not _is_one_word(value):
        return "is not an address without blanks, as boss@example.com"
    return _IPV6_LITERAL if _is_ipv6_literal(value.rpartition("@")[2]) else None


def domain_refusal(value: str) -> str | None:
    """Return why the domain of an address, also an IPv4 address in brackets, leads nowhere; None when it may."""
    if not value:
        return "has no domain after the @"
    if _is_ipv6_literal(value):
        return _IPV6_LITERAL
    if value.startswith("[") and value.endswith("]"):
        return None if _is_ip(value[1:-1], 4) else "has brackets, which are for IPv4 addresses"
    return _not_a_host(value, "has a domain that is no host name")


def _is_ipv6_literal(domain: str) -> bool:
    return domain.startswith("[") and ":" in domain


# Expressions (re) would take as long to import as everything else a "setprop" needs.


def _are_digits(value: str) -> bool:
    return value.isascii() and value.isdecimal()


def _is_whole(value: str) -> bool:
    return _are_digits(value.removeprefix("-"))


def _looks_like_ipv4(value: str) -> bool:
    return value != "" and not value.strip("0123456789.")


def _is_domain(value: str) -> bool:
    """Return whether it is made of letters, digits, "_", "-" and dots.

    A leading dot stands for all names below it in control/rcpthosts (qmail-smtpd(8)), "*." for those in a DNS zone.
    """
    name = value.removeprefix("*") if value.startswith("*.") else value
    name = name.removeprefix(".")
    return name != "" and name[0] != "." and all(char.isalnum() or char in "_-." for char in name)


def _is_host(value: str) -> bool:
    """Return whether it is made of labels of ASCII letters, digits, "_" and "-", and may end with a dot."""
    return value.isascii() and all(map(_is_label, value.removesuffix(".").split(".")))


def _is_label(label: str) -> bool:
    fits = 0 < len(label) <= _LABEL_BYTES
    return fits and "-" not in (label[0], label[-1]) and all(char.isalnum() or char in "_-" for char in label)


def _is_one_word(value: str) -> bool:
    return value.split() == [value]


def _bytes(value: str) -> int:
    return len(value.encode("utf-8", "replace"))  # scripts may give what is no UTF-8; the store refuses that


def _path(value: str) -> str | None:
    return None if value.startswith("/") else "is not an absolute path"


def _ciphers(value: str) -> str | None:
    from esmith.schema.ciphers import refusal_of

    return refusal_of(value)


def _text(_value: str) -> str | None:
    return None


#: Every type a schema file may name.
TYPES: dict[str, Callable[[Property, str], str | None]] = {
    "enabled/disabled": _choice("enabled", "disabled"),
    "yes/no": _choice("yes", "no"),
    "choice": _choice(),
    "integer": _integer,
    "number": _number,
    "port": _by_value(_port),
    "size": _size,
    "list": _list,
    "host": _by_value(_host),
    "host:port": _by_value(_host_and_port),
    "hostname": _by_value(_hostname),
    "address": _by_value(_address),
    "ipv4": _by_value(_ipv4),
    "netmask": _by_value(_netmask),
    "domain": _by_value(_domain),
    "mail-domain": _by_value(_domain),
    "account": _by_value(_account),
    "mailbox": _by_value(_mailbox),
    "path": _by_value(_path),
    "ciphers": _by_value(_ciphers),
    # What is wrong with one, esmith.schema.check asks elsewhere: it depends on what is here.
    "delivery": _by_value(_text),
    "text": _by_value(_text),
    "secret": _by_value(_text),
}
