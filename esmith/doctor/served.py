"""The certificates that ports serve: a daemon keeps the one it was started with, whatever the file has since."""

from __future__ import annotations

import os
import socket
import ssl
import time
from collections.abc import Iterator

from esmith.doctor.case import Case
from esmith.doctor.finding import Checking, Finding, failing, is_host, listed, ok, skipped, warning
from esmith.printable import shell_word
from esmith.services.certificate import DAYS, PATH
from esmith.services.program import run_for_text

_SECONDS = 5.0
_DAY = 86_400.0
_AGAIN = ("signal-event ssl-update",)


def check_served(case: Case) -> Iterator[Finding]:
    """Shake hands at each port that is encrypted from the first byte, and look at the certificate that it serves."""
    if not case.layout.is_machine:
        return
    wanted = case.ports_to_answer(encrypted=True)
    own, is_readable = _own(case)
    served: dict[bytes, list[str]] = {}
    for port, service in sorted(wanted.items()):
        try:
            served.setdefault(_served_at(port), []).append(f"{port} ({service})")
        except OSError as error:
            # OpenSSL has its own name for what went wrong, and the text of it the line of its source.
            reason = getattr(error, "reason", None) or error.strerror or str(error)
            why = f"mail programs get no encrypted connection: {str(reason).replace('_', ' ').lower()}"
            cures = (f"esmith control {shell_word(service)} restart", f"tail /var/log/{shell_word(service)}/current")
            yield failing(f"port {port} of {service} does not shake hands for TLS", why, *cures)
    for certificate, ports in served.items():
        if certificate in own:
            yield ok(f"{PATH} is what the ports serve: {', '.join(ports)}")
        else:
            yield from _look(case, certificate, ports, is_other=is_readable)


def _own(case: Case) -> tuple[frozenset[bytes], bool]:
    """Return the certificate of the file, none where there is none, and whether the file may be read."""
    try:
        with open(case.layout.under(PATH), encoding="ascii", errors="replace") as file:
            begin, mark, rest = file.read().partition("-----BEGIN CERTIFICATE-----")
        body, end, _ = rest.partition("-----END CERTIFICATE-----")
        return frozenset([ssl.PEM_cert_to_DER_cert(f"{mark}{body}{end}")]), True
    except (OSError, ValueError):
        return frozenset(), os.path.exists(case.layout.under(PATH)) and case.is_root


def _served_at(port: int) -> bytes:
    """Return the certificate of a port of this machine.

    :raises OSError: when it cannot be had in time.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", port), timeout=_SECONDS) as plain,
        context.wrap_socket(plain) as encrypted,
    ):
        found = encrypted.getpeercert(binary_form=True)
    if not found:
        raise OSError("it has no certificate")
    return found


def _look(case: Case, certificate: bytes, ports: list[str], *, is_other: bool) -> Iterator[Finding]:
    """Look at the end and the name of a certificate.

    :param is_other: whether it is another one than that of the file.
    """
    where = f"{'port' if len(ports) == 1 else 'ports'} {listed(ports)}"
    name = f"{case.value('SystemName') or 'mail'}.{case.value('DomainName')}"
    argv = ["openssl", "x509", "-noout", "-enddate", *(["-checkhost", name] if is_host(name) else [])]
    given = ssl.DER_cert_to_PEM_cert(certificate).encode()
    code, printed = run_for_text(argv, package="openssl", timeout=_SECONDS, place=where, given=given)
    end = next((line.partition("=")[2] for line in printed.splitlines() if line.startswith("notAfter=")), "")
    if code not in (0, 1) or not end:
        yield skipped(f"the certificate of {where}", "openssl does not read it")
        return
    left = ssl.cert_time_to_seconds(end) - case.now
    about = f"{where} certificate"
    if left <= 0:
        yield failing(f"{where}: the certificate has ended on {end}", "clients refuse it", *_AGAIN, about=about)
    elif left < DAYS * _DAY:
        date = time.strftime("%Y-%m-%d", time.localtime(case.now + left))
        yield warning(f"{where}: the certificate ends on {date}", "clients refuse it then", *_AGAIN, about=about)
    elif "does NOT match" in printed:
        yield warning(f"{where}: the certificate is not for {name}", "mail programs refuse it", *_AGAIN, about=about)
    elif is_other:
        why = "the daemon was not started again since the file was changed; clients see the old one until it is"
        yield warning(f"{where}: the certificate is not that of {PATH}", why, *_AGAIN, about=about)
    else:
        yield ok(f"{where}: the certificate is valid for longer than two weeks")


CHECKS: dict[str, Checking] = {"certificates of ports": check_served}
