"""What a line of each generated file may look like, written from the manuals of its readers, not from the templates.

``complaints(path, text)`` is all there is to call. A file without complaints can be read by its daemon line by line;
whether the daemon likes the values is asked of the daemon itself, in ``tests/daemons``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator

#: Checks the lines of one file, each without its newline; yields what is wrong.
Check = Callable[[list[str]], Iterator[str]]

MARKERS = ("{{", "}}", "{%", "%}", "{#", "#}")

_ADDRESS = r"(\d{1,3}(\.\d{1,3}){3}|[0-9a-fA-F:]*:[0-9a-fA-F:.]+)"
_PREFIX = r"\d{1,3}\.(\d{1,3}\.){0,2}"
_MAILBOX = r"[^\s@]+@[^\s@]+"


def complaints(path: str, text: str) -> list[str]:
    """Return what is wrong with a generated file; nothing when its reader can read it.

    :param path: where it is generated.
    """
    found = [f"holds {marker}" for marker in MARKERS if marker in text]
    if text and not text.endswith("\n"):
        found.append("the last line does not end")
    lines = text.split("\n")[:-1]
    for number, line in enumerate(lines, 1):
        if any((ord(char) < 32 and char != "\t") or 127 <= ord(char) < 160 for char in line):
            found.append(f"{number}: holds a control character")
        if not line.strip() and path != "/etc/php.ini":
            found.append(f"{number}: is empty")
    return [*found, *FORMATS[path](lines)]


def _each(pattern: str, *, comments: bool = True) -> Check:
    """Return the check that every line is of one form, or a comment."""

    def check(lines: list[str]) -> Iterator[str]:
        for number, line in enumerate(lines, 1):
            if not (comments and line.startswith("#")) and not re.fullmatch(pattern, line):
                yield f"{number}: {line!r}"

    return check


def _one(pattern: str, *, comments: bool = False) -> Check:
    """Return the check that there is one value, of one form."""

    def check(lines: list[str]) -> Iterator[str]:
        values = [line for line in lines if not (comments and line.startswith("#"))]
        if len(values) != 1:
            yield f"{len(values)} values"
        yield from _each(pattern, comments=False)(values)

    return check


def _plugins(lines: list[str]) -> Iterator[str]:
    """A plugin and its arguments a line, in printable ASCII."""
    yield from _each(r"[a-z0-9_]+(/[a-z0-9_-]+)?( [!-~]+)*")(lines)
    names = Counter(line.split()[0] for line in lines if line.strip() and not line.startswith("#"))
    yield from (f"{name} {count} times" for name, count in names.items() if count > 1)


def _assign(lines: list[str]) -> Iterator[str]:
    """The users/assign of qmail-users(5): exact and wildcard assignments, then a dot."""
    if lines[-1:] != ["."]:
        yield "the last line is not a dot"
    for number, line in enumerate(lines[:-1], 1):
        fields = line[1:].split(":")
        if line[:1] not in ("=", "+") or len(fields) != 8 or fields[7] != "":
            yield f"{number}: {line!r}"
            continue
        local, user, uid, gid, home, dash, ext, _ = fields
        if not user or not re.fullmatch(r"[1-9]\d*", uid) or not re.fullmatch(r"[1-9]\d*", gid) or home[:1] != "/":
            yield f"{number}: no account in {line!r}"
        if line[0] == "+" and local and not local.endswith("-"):
            yield f"{number}: wildcard without a dash: {line!r}"
        if (
            (dash, ext) not in (("", ""), ("-", ""))
            and dash != "-"
            and not (dash.startswith("-") and dash.endswith("-"))
        ):
            yield f"{number}: delivers to a strange file: {line!r}"


_YES = "(yes|no)"
_NUMBER = r"\d+"
_SIZE = r"\d+[kKmMgG]?"
_PATH = r"/.*\S"
_ANY = r"\S(.*\S)?"

_CLAMD = {
    "AlertBrokenExecutables": _YES,
    "AlertEncrypted": _YES,
    "DatabaseDirectory": _PATH,
    "Debug": _YES,
    "FixStaleSocket": _YES,
    "Foreground": _YES,
    "HeuristicScanPrecedence": _YES,
    "IdleTimeout": _NUMBER,
    "LeaveTemporaryFiles": _YES,
    "LocalSocket": _PATH,
    "LogClean": _YES,
    "LogTime": _YES,
    "LogVerbose": _YES,
    "MaxConnectionQueueLength": _NUMBER,
    "MaxDirectoryRecursion": _NUMBER,
    "MaxFileSize": _SIZE,
    "MaxFiles": _NUMBER,
    "MaxRecursion": _NUMBER,
    "MaxThreads": _NUMBER,
    "ReadTimeout": _NUMBER,
    "ScanArchive": _YES,
    "ScanHTML": _YES,
    "ScanMail": _YES,
    "ScanOLE2": _YES,
    "ScanPE": _YES,
    "SelfCheck": _NUMBER,
    "StreamMaxLength": _SIZE,
    "TCPAddr": r"\S+",
    "TCPSocket": _NUMBER,
    "TemporaryDirectory": _PATH,
    "User": _ANY,
}
_FRESHCLAM = {
    "Checks": _NUMBER,
    "DNSDatabaseInfo": r"\S+",
    "DatabaseDirectory": _PATH,
    "DatabaseMirror": r"\S+",
    "DatabaseOwner": _ANY,
    "Foreground": _YES,
    "HTTPProxyPassword": r'("(.*)"|[^\s"](.*\S)?)',
    "HTTPProxyPort": _NUMBER,
    "HTTPProxyServer": r"\S+",
    "HTTPProxyUsername": r'("(.*)"|[^\s"](.*\S)?)',
    "LogVerbose": _YES,
    "MaxAttempts": _NUMBER,
    "NotifyClamd": _PATH,
    "OnErrorExecute": r'"/[^"]*"',
    "OnUpdateExecute": r'"/[^"]*"',
}


def _directives(known: dict[str, str], *, repeated: tuple[str, ...] = ()) -> Check:
    """Return the check for ClamAV: a directive a line, its value the rest of the line."""

    def check(lines: list[str]) -> Iterator[str]:
        names: Counter[str] = Counter()
        for number, line in enumerate(lines, 1):
            if line.startswith("#"):
                continue
            name, _, value = line.partition(" ")
            names[name] += 1
            if name not in known or not re.fullmatch(known[name], value):
                yield f"{number}: {line!r}"
        yield from (f"{name} {count} times" for name, count in names.items() if count > 1 and name not in repeated)

    return check


_SCORE = r"-?\d+(\.\d+)?"
_SPAMASSASSIN = {
    "auto_whitelist_file_mode": r"0?[0-7]{3}",
    "auto_whitelist_path": _PATH,
    "bayes_auto_learn": "[01]",
    "bayes_auto_learn_threshold_nonspam": _SCORE,
    "bayes_auto_learn_threshold_spam": _SCORE,
    "bayes_file_mode": r"0?[0-7]{3}",
    "bayes_path": _PATH,
    "blacklist_from": r"\S+",
    "blacklist_to": r"\S+",
    "clear_trusted_networks": "",
    "ok_languages": _ANY,
    "ok_locales": _ANY,
    "pyzor_timeout": r"[1-9]\d*",
    "report_safe": "[012]",
    "required_score": _SCORE,
    "skip_rbl_checks": "[01]",
    "trusted_networks": rf"!?{_ADDRESS}(/\d+)?( !?{_ADDRESS}(/\d+)?)*",
    "use_auto_whitelist": "[01]",
    "use_bayes": "[01]",
    "whitelist_from": r"\S+",
    "whitelist_to": r"\S+",
}


def _local_cf(lines: list[str]) -> Iterator[str]:
    """SpamAssassin: a directive a line; ``#`` starts a comment anywhere unless it is escaped."""
    plugin = ""
    for number, line in enumerate(lines, 1):
        if line.startswith("#"):
            continue
        name, _, value = line.partition(" ")
        if name == "ifplugin" and not plugin:
            plugin = value
        elif line == "endif" and plugin:
            plugin = ""
        elif name not in _SPAMASSASSIN or not re.fullmatch(_SPAMASSASSIN[name], value):
            yield f"{number}: {line!r}"
        if re.search(r"(?<!\\)#", line):
            yield f"{number}: the rest is a comment: {line!r}"
    if plugin:
        yield f"ifplugin {plugin} does not end"


def _php_ini(lines: list[str]) -> Iterator[str]:
    """PHP: sections, comments and settings; in quotes a quote, a backslash and ``${`` have a meaning, outside more."""
    value = r'("(\\.|[^"\\$]|\$(?!\{))*"|[A-Za-z0-9_./-]*|E_ALL & ~E_NOTICE)'
    names: Counter[str] = Counter()
    for number, line in enumerate(lines, 1):
        setting = re.fullmatch(rf"([a-z_.0-9]+) *= ?{value}", line, re.IGNORECASE)
        if setting:
            names[setting[1]] += 1
        elif line and not line.startswith(";") and not re.fullmatch(r"\[[A-Za-z0-9 ]+\]", line):
            yield f"{number}: {line!r}"
    yield from (f"{name} {count} times" for name, count in names.items() if count > 1)


def _below(directory: str, checks: dict[str, Check]) -> dict[str, Check]:
    """Return the checks of the files of a directory; a key of the table holds the names that share one."""
    return {f"{directory}/{name}": check for names, check in checks.items() for name in names.split()}


_HOST = r"[^\s#]+"
#: Of an address, anchored at its beginning.
_PATTERN = r"\^\S+@\S*"

FORMATS: dict[str, Check] = {
    **_below(
        "/var/qmail/control",
        {
            "bouncefrom bouncehost defaultdomain defaulthost doublebouncehost envnoathost helohost me plusdomain": _one(
                _HOST
            ),
            "concurrencylocal concurrencyremote databytes queuelifetime": _one(_NUMBER),
            "badmailfrom": _each(r"\S+"),
            "badrcptto": _each(rf"({_MAILBOX}|{_PATTERN})", comments=False),
            "doublebounceto": _one(_ANY),
            "locals rcpthosts": _each(_HOST, comments=False),
            "smtproutes": _each(r"[^\s:]*:\S+", comments=False),
            "virtualdomains": _each(r"[^\s:]+:.*\S.*", comments=False),
        },
    ),
    "/var/qmail/users/assign": _assign,
    **_below(
        "/var/service/qpsmtpd/config",
        {
            "loglevel memory_threshold tls_before_auth IP require_resolvable_fromhost": _one(r"\d", comments=True),
            "plugin_dirs": _each(_PATH),
            "spool_dir": _one(_PATH, comments=True),
            "smtpgreeting tls_ciphers": _one(_ANY, comments=True),
            "timeout timeoutsmtpd": _one(r"[1-9]\d*"),
            "dnsbl_zones": _each(r"[^\s#:]+(:.*\S)?"),
            "rhsbl_zones": _each(r"[^\s#:]+( .*\S)?"),
            "uribl_zones": _each(r"[^\s#:]+( \d+(,\d+)*)?"),
            "peers/0 peers/local plugins": _plugins,
            "dnsbl_allow norelayclients relayclients": _each(f"({_ADDRESS}|{_PREFIX})"),
            "badhelo signatures_patterns whitelisthelo whitelisthosts whitelistsenders": _each(r"\S+"),
            "badmailfrom": _each(r"\S+( .*\S)?"),
            "badrcptto": _each(rf"({_MAILBOX}|{_PATTERN}|\S+ .*\S)"),
            "badrcptto_patterns": _each(r"\S+ .*\S"),
            "goodrcptto": _each(rf"({_MAILBOX}|@[^\s@]+|postmaster)"),
            "invalid_resolvable_fromhost": _each(r"[0-9.]+/\d+"),
            "subject_prefix": _each(_ANY),
        },
    ),
    "/var/service/qpsmtpd/peers/0": _each(""),
    "/var/service/qpsmtpd/peers/local": _one(r"\+RELAYCLIENT=?"),
    "/var/service/qpsmtpd/runenv": _each(r"[A-Z_]+=[0-9.]+"),
    "/var/service/clamd/env/MEMLIMIT": _one(_NUMBER),
    "/etc/clamd.conf": _directives(_CLAMD),
    "/etc/freshclam.conf": _directives(_FRESHCLAM, repeated=("DatabaseMirror",)),
    "/etc/mail/spamassassin/local.cf": _local_cf,
    "/etc/php.ini": _php_ini,
}
