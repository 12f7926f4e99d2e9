"""The files of qpsmtpd's config directory, as qpsmtpd 0.94 reads them (Qpsmtpd.pm and the plugins)."""

from __future__ import annotations

from esmith.checks.own import one_line
from esmith.checks.own.file import File, Findings, entries
from esmith.checks.own.pairs import pairs
from esmith.checks.staged import StagedTree
from esmith.names import is_number
from esmith.patterns.entry import ADDRESS_SIGNS, GREETING_SIGNS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_READER = "qpsmtpd"
_CONFIG = "/var/service/qpsmtpd/config/"
_INTEGERS = ("databytes", "timeout", "timeoutsmtpd", "size_threshold", "memory_threshold")
_HIGHEST_LOGLEVEL = 8
_MODULE = "::"


def rule_for(path: str) -> Callable[[File], Findings] | None:
    """Return the rule for a file of the config directory; None for one whose format is free."""
    name = path.removeprefix(_CONFIG)
    if not path.startswith(_CONFIG):
        return None
    if name in ("plugins", "logging") or name.startswith("peers/"):
        return _plugins
    if name in _INTEGERS:
        return lambda file: Findings.of(_READER, one_line.integer(file, comments=True))
    if name == "loglevel":
        return lambda file: Findings.of(_READER, one_line.integer(file, comments=True, highest=_HIGHEST_LOGLEVEL))
    rules = {
        "badhelo": _bad_helo,
        "badmailfrom": _bad_addresses,
        "badrcptto": _bad_addresses,
        # The plugin of qpsmtpd 0.94 ignores a pair that blanks separate, and says nothing.
        "badmailfromto": pairs,
        "norelayclients": _no_reinstall_clients,
        "plugin_dirs": _plugin_dirs,
        "relayclients": _reinstall_clients,
        "tls_ciphers": _ciphers,
    }
    rule = rules.get(name)
    return None if rule is None else lambda file: Findings.of(_READER, rule(file))


def _plugins(file: File) -> Findings:
    """Check a list of plugins: qpsmtpd dies of a line it cannot take and of a plugin it does not find."""
    directories, unknown = _directories(file.tree)
    faults = []
    for number, line in file.entries():
        if line.startswith("$include"):
            continue
        words = line.split()
        if not (line and line.isascii() and line.isprintable()):
            faults.append((number, f"{_escaped(line)} has signs that are not printable ASCII"))
        elif any(word.startswith("#") for word in words[1:]):
            faults.append((number, f"{line!r} has a comment at its end, which would be arguments of the plugin"))
        elif not unknown and not _is_there(words[0], directories, file.tree):
            faults.append((number, f"there is no plugin {words[0]} in {', '.join(directories)}"))
    return Findings(_READER, faults, unknown)


def _directories(tree: StagedTree) -> tuple[list[str], str]:
    """Return the plugin directories, and why it is not known what is in them all."""
    directories = entries(tree.read(f"{_CONFIG}plugin_dirs") or b"")
    missing = [directory for directory in directories if not tree.is_directory(directory)]
    if not directories:
        return [], f"{_CONFIG}plugin_dirs names no directory, so whether its plugins are there is not known"
    if missing:
        return directories, f"{', '.join(missing)} is not there, so whether its plugins are there is not known"
    return directories, ""


def _is_there(plugin: str, directories: list[str], tree: StagedTree) -> bool:
    # A number after the name keeps several instances of a plugin apart; a name with :: is that of a Perl module.
    before, mark, number = plugin.rpartition(":")
    name = before if mark and number.isdecimal() else plugin
    return _MODULE in plugin or any(tree.exists(f"{directory.rstrip('/')}/{name}") for directory in directories)


def _plugin_dirs(file: File) -> Iterator[tuple[int, str]]:
    for number, line in file.entries():
        if not line.startswith("/"):
            yield number, f"{line!r} is no absolute path"


def _bad_addresses(file: File) -> Iterator[tuple[int, str]]:
    # A blank ends the pattern; the answer follows.
    firsts = ((number, line.split(maxsplit=1)[0]) for number, line in file.entries())
    yield from _not_compiled((number, text) for number, text in firsts if ADDRESS_SIGNS.search(text))


def _not_compiled(patterns: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Yield the patterns that perl does not compile: the plugin fails of one for every message."""
    # Few files have patterns, and perl is asked once for all of them.
    from esmith.patterns.perl import refusals

    found = list(patterns)
    for (number, text), reason in zip(found, refusals([text for _, text in found]) if found else (), strict=True):
        if reason:
            yield number, f"{text!r} is no regular expression of Perl: {reason}"


def _bad_helo(file: File) -> Iterator[tuple[int, str]]:
    lines = list(file.entries())
    patterns = ((number, line.removeprefix("!")) for number, line in lines if GREETING_SIGNS.search(line))
    yield from _not_compiled(patterns)
    pattern = ""
    for number, line in lines:
        if GREETING_SIGNS.search(line):
            pattern = pattern or line
        elif pattern:
            yield number, f"{line!r} comes after the pattern {pattern!r}, so it is not looked at"


def _reinstall_clients(file: File) -> Iterator[tuple[int, str]]:
    for number, line in file.entries():
        if not (_is_address_or_prefix(line) or _is_network(line)):
            yield number, f"{line!r} is no address, no prefix that ends in a dot and no network such as 192.168.1.0/24"


def _no_reinstall_clients(file: File) -> Iterator[tuple[int, str]]:
    for number, line in file.entries():
        if not _is_address_or_prefix(line):
            yield number, f"{line!r} is no address and no prefix that ends in a dot"


def _ciphers(file: File) -> Iterator[tuple[int, str]]:
    # Python's ssl takes as long to load as all the rest of a check, and this file seldom changes.
    from esmith.schema.ciphers import refusal_of

    # The plugin tls asks for the first line only, and qpsmtpd does not start when OpenSSL knows nothing in it.
    for number, line in list(file.entries())[:1]:
        reason = refusal_of(line)
        if reason:
            yield number, f"{line!r} {reason}"


def _is_address_or_prefix(text: str) -> bool:
    octets = text.removesuffix(".").split(".")
    if text.endswith("."):
        return len(octets) in (1, 2, 3) and all(is_number(octet) and int(octet) < 256 for octet in octets)
    if ":" in text and "/" not in text:
        return not text.strip("0123456789abcdefABCDEF:.")
    import ipaddress

    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_network(text: str) -> bool:
    address, slash, bits = text.partition("/")
    if not (slash and bits.isdigit()):
        return False
    import ipaddress

    try:
        ipaddress.ip_network(f"{address}/{bits}", strict=False)
    except ValueError:
        return False
    return True


def _escaped(line: str) -> str:
    return ascii(line.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))
