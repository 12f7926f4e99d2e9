"""The functions and filters a Jinja2 fragment may call besides Jinja2's own (docs/fragments.md lists them)."""

from __future__ import annotations

from esmith.fragments.records import Missing, Records, RecordView, Setting
from esmith.functions import lru_cache, partial

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from esmith.fragments.identity import Identities
    from esmith.fragments.reads import Reads
    from esmith.layout import Layout


def functions(layout: Layout, records: Records, identities: Identities) -> dict[str, Callable[..., Any]]:
    """Return the functions of fragments.

    :param layout: the root that paths are taken under.
    :param records: the databases; looks at the disk and warnings are noted where their reads are.
    :param identities: the users.
    """

    disk = layout.disk()

    def exists(path: str) -> bool:
        records.reads.files.add(path)
        try:
            return disk.exists(layout.under(path))
        except OSError:
            return False

    def read(path: str) -> str | Missing:
        records.reads.files.add(path)
        try:
            text = disk.read(layout.under(path)).decode("utf-8", "replace")
        except OSError as error:
            return records.missing.value(
                f"{path} cannot be read: {error.strerror}", "test exists() first, or use | default('')"
            )
        return text.replace("\r\n", "\n").replace("\r", "\n")

    def glob(pattern: str) -> list[str]:
        records.reads.files.add(pattern)
        return layout.matching(pattern)

    def passwd(name: str) -> Any:
        user = identities.user(str(name))
        records.reads.users[str(name)] = user
        return user or records.missing.value(f"there is no unix account {name!r}", "create the account")

    def warn(text: str) -> str:
        return records.notes.warn(text)

    def version_of(program: str, default: str) -> tuple[int, ...]:
        return _version(records.reads, warn, program, default)

    return {
        "records": records.listing,
        "exists": exists,
        "read": read,
        "glob": glob,
        "passwd": passwd,
        "network_prefixes": network_prefixes,
        "list_lines": partial(_lines, warn),
        "address_fault": _address_fault,
        "name_fault": _name_fault,
        "can_be_unix": _can_be_unix,
        "unix_fault": _unix_fault,
        "renaming": _renaming,
        "mail_domain_fault": _mail_domain_fault,
        "literal": _literal,
        "version": version_of,
        "warn": warn,
    }


def _version(reads: Reads, warn: Callable[[str], object], program: str, default: str) -> tuple[int, ...]:
    from esmith.fragments.programs import version

    return version(reads, warn, program, default)


def _lines(warn: Callable[[str], object], name: str, texts: Iterable[Any]) -> list[str]:
    from esmith.patterns import LISTS
    from esmith.patterns.lists import list_lines

    if name not in LISTS:
        raise ValueError(f"list_lines: there is no list {name!r}; there are {', '.join(LISTS)}")
    return list_lines(name, map(str, texts), warn)


# What only a few templates call is imported when one of them does.


def _address_fault(address: Any) -> str:
    from esmith.schema.addresses import address_fault

    return address_fault(str(address))


def _mail_domain_fault(name: Any) -> str:
    from esmith.schema.addresses import mail_domain_fault

    return mail_domain_fault(str(name))


def _name_fault(name: Any, type: Any) -> str:
    from esmith.schema.account_names import name_fault

    return name_fault(str(name), str(type))


def _can_be_unix(name: Any) -> bool:
    from esmith.schema.account_names import can_be_unix

    return can_be_unix(str(name))


def _unix_fault(name: Any, unix: Any) -> str:
    from esmith.schema.account_names import unix_fault

    return unix_fault(str(name), int(unix.uid), str(unix.home))


def _renaming(name: Any) -> str:
    from esmith.schema.account_names import renaming

    return renaming(str(name))


def _literal(text: Any) -> str:
    from esmith.patterns.entry import quoted

    return quoted(str(text))


def properties(record: RecordView) -> list[tuple[str, str]]:
    """Return a record's properties as (name, value), sorted; the filter ``| properties``."""
    return record.props() if isinstance(record, RecordView) else []


def integer(value: Any, default: Any = None, base: int = 10) -> Any:
    """Return a whole number; the filter ``| int``: Jinja2's, but for the value of a property that is not a number.

    :param default: what such a text gives; not given: the default of the property in its schema file, else 0.
    :param base: of the digits.
    """
    found = _whole(value, default, base)
    return _whole(_default_of(value), 0) if found is None else found


def decimal(value: Any, default: Any = None) -> Any:
    """Return a number with decimals; the filter ``| float``, with the same default as ``| int``."""
    found = _decimal(value, default)
    return _decimal(_default_of(value), 0.0) if found is None else found


def _whole(value: Any, default: Any, base: int = 10) -> Any:
    try:
        return int(value, base) if isinstance(value, str) else int(value)
    except (TypeError, ValueError):
        # "42.23" gives 42, as in Jinja2.
        try:
            return int(float(value))
        except (TypeError, ValueError, OverflowError):
            return default


def _decimal(value: Any, default: Any) -> Any:
    try:
        return float(value)
    except (TypeError, ValueError):
        return default


def _default_of(value: Any) -> str | None:
    return value.default() if isinstance(value, Setting) else None


def _entries(value: Any) -> list[str]:
    from esmith.schema.lists import entries

    return entries(value)


def _shell(value: Any) -> str:
    import shlex

    return shlex.quote(str(value))


#: The filters for every template.
FILTERS: dict[str, Callable[..., Any]] = {
    "entries": _entries,
    "properties": properties,
    "int": integer,
    "float": decimal,
    "shell": _shell,
}


@lru_cache(maxsize=4096)
def _prefixes(network: str, mask: str) -> tuple[str, ...]:
    # Several templates ask for those of the same networks.
    import ipaddress

    from esmith.patterns.clients import prefixes

    return tuple(prefixes(ipaddress.IPv4Network(f"{network}/{mask}", strict=False)))


def network_prefixes(network: str, mask: str) -> list[str]:
    """Return the dotted prefixes that cover a network on octet boundaries, as the original's function does.

    A prefix of fewer than four octets ends in a dot: ``192.168.1.`` for a /24; a /25 gives 128 whole addresses.

    :param network: an IPv4 address in the network.
    :param mask: its netmask.
    :raises ValueError: when they are not an IPv4 address and a netmask.
    """
    return list(_prefixes(str(network), str(mask)))
