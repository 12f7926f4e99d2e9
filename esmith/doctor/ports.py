"""Ports: whether our services listen where they should and nowhere else, and whether somebody else does."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from esmith.doctor.case import Case
from esmith.doctor.finding import FOLDER, Checking, Finding, failing, ok, skipped, warning
from esmith.names import counted
from esmith.printable import printable, shell_word
from esmith.processes import command_of
from esmith.services.holders import listeners, listening_ports

_WEB = "httpd-e-smith"
_PORT = re.compile("[1-9][0-9]{0,4}")
#: The record that closes a port, the one whose ``TCPPort`` it is, the service that has it, and the event that takes it.
_DOORS = (
    ("qpsmtpd", "smtpd", "qpsmtpd", "email-update"),
    ("sqpsmtpd", "ssmtpd", "sqpsmtpd", "email-update"),
    ("imap", "imap", "dovecot", "email-update"),
    ("imaps", "imaps", "dovecot", "email-update"),
    ("pop3", "pop3", "dovecot", "email-update"),
    ("pop3s", "pop3s", "dovecot", "email-update"),
    (_WEB, _WEB, _WEB, "remoteaccess-update"),
    ("modSSL", "modSSL", _WEB, "remoteaccess-update"),
)


def check_listening(case: Case) -> Iterator[Finding]:
    """Compare the ports at which services are to answer with those at which somebody listens."""
    if not case.layout.is_machine:
        yield skipped("ports", FOLDER)
        return
    wanted = case.ports_to_answer()
    silent = sorted(wanted.keys() - listening_ports(wanted))
    for port in silent:
        yield failing(
            f"nobody listens at port {port}, where {wanted[port]} is to answer",
            "clients get no connection, though the service is up",
            f"esmith control {shell_word(wanted[port])} restart",
            f"tail /var/log/{shell_word(wanted[port])}/current",
        )
    if not silent:
        yield ok(f"{counted(len(wanted), 'port')}: {', '.join(map(str, sorted(wanted))) or 'none'}")


def check_strangers(case: Case) -> Iterator[Finding]:
    """Look for processes that listen at ports of ours."""
    if not case.layout.is_machine:
        return
    if not case.is_root:
        yield skipped("who listens at our ports", "only root sees the processes of other users")
        return
    for data in case.states().values():
        for holder in data.get("holders", []):
            why = "our service cannot have the port, and clients talk to something else"
            yield failing(holder["found"], why, *holder["commands"])


def check_closed(case: Case) -> Iterator[Finding]:
    """Look for ports that the settings close, and at which somebody listens nevertheless."""
    if not case.layout.is_machine:
        return
    wanted, states = case.ports_to_answer(), case.states()
    closed = {
        int(number): (record, service, event)
        for record, of, service, event in _DOORS
        if not case.is_enabled(record) and _PORT.fullmatch(number := case.prop(of, "TCPPort"))
    }
    found = listening_ports(closed) - wanted.keys() if closed else set()
    holders = listeners(found) if found and case.is_root else {}
    for port in sorted(found):
        record, service, event = closed[port]
        data = states.get(service, {})
        if data.get("wanted") == "down" and data.get("state", "").startswith("up "):
            # The check of the services says so.
            continue
        pid = min(holders[port]) if port in holders else 0
        program = os.path.basename((command_of(pid) or [""])[0].split(" ")[0].rstrip(":")) if pid else ""
        if service == _WEB and program not in ("", "apache2"):
            # Another web server that the administrator runs.
            continue
        by = f" by {printable(program)} (process {pid})" if program else ""
        yield warning(
            f"port {port} is open{by}, and the settings say that {record} is disabled",
            "whoever reaches it talks to what was to be switched off",
            f"signal-event --restart {shell_word(event)}",
            f"ss -ltnp 'sport = :{port}'",
            about=f"port {port} is open",
        )
    if closed and not found:
        yield ok(f"{counted(len(closed), 'port')} closed by the settings: {', '.join(map(str, sorted(closed)))}")


CHECKS: dict[str, Checking] = {
    "ports": check_listening,
    "closed ports": check_closed,
    "who listens at our ports": check_strangers,
}
