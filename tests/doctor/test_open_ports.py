"""Ports that the settings open or close, and the certificates that they serve."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from esmith.doctor import ports, served
from esmith.doctor.case import Case
from esmith.layout import Layout
from esmith.services.certificate import PATH
from esmith.services.definition import Services
from esmith.services.useful import ports_of
from tests.commands import Root
from tests.doctor.kit import bad, case_of, defined, shown

_UP: dict[str, object] = {"state": "up (pid 7) for 60 s", "wanted": "up"}
_DAY = 86_400.0


def test_each_port_that_is_open_is_known(office: Root) -> None:
    """The ports that are to answer are those that the settings open, moved ones as well, and none that they close."""
    layout = Layout(str(office.path))
    services = Services(layout)

    def known(*, encrypted: bool = False) -> dict[str, set[int]]:
        names = ("dovecot", "qpsmtpd", "sqpsmtpd", "httpd-e-smith", "smtp-auth-proxy")
        return {name: ports_of(layout, services.of(name), encrypted=encrypted) for name in names}

    office.write(PATH, "")
    office.write("/etc/smtp-auth-proxy.conf", "Listen 26\nServer smtp.example.net\n")
    for record in ("imap", "pop3", "pop3s"):
        office.config("setprop", record, "status", "enabled")
    office.config("setprop", "imaps", "status", "enabled", "TCPPort", "9993")
    office.run("expand-template", "/etc/dovecot/dovecot.conf", "/etc/httpd/conf/httpd.conf")
    assert known() == {
        "dovecot": {110, 143, 995, 9993},
        "qpsmtpd": {25},
        "sqpsmtpd": {465},
        "httpd-e-smith": {80, 443},
        "smtp-auth-proxy": {26},
    }
    assert known(encrypted=True)["dovecot"] == {995, 9993}
    for record in ("imap", "imaps", "pop3", "modSSL"):
        office.config("setprop", record, "status", "disabled")
    office.run("expand-template", "/etc/dovecot/dovecot.conf", "/etc/httpd/conf/httpd.conf")
    assert (known()["dovecot"], known()["httpd-e-smith"]) == ({995}, {80})


def test_a_port_that_is_to_be_closed(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that the settings close, and at which somebody listens, is a warning; another web server is none."""
    for record in ("pop3", "pop3s", "httpd-e-smith"):
        root.config("setprop", record, "status", "disabled")
    listening = {110, 80}
    monkeypatch.setattr(ports, "listening_ports", lambda wanted: listening & set(wanted))
    monkeypatch.setattr(ports, "listeners", lambda found: dict.fromkeys(found, {7}))
    monkeypatch.setattr(ports, "command_of", lambda _pid: ["/usr/bin/\x1b[2Jother: x"])
    monkeypatch.setattr(Case, "is_root", True)
    found = [one for one in bad(case_of(root, states={"dovecot": _UP}), "ports") if one.severity == "warning"]
    assert [one.what for one in found] == [
        "port 110 is open by \\x1b[2Jother (process 7), and the settings say that pop3 is disabled"
    ]
    assert found[0].cure[0] == "signal-event --restart email-update"
    listening.clear()
    assert bad(case_of(root, states={"dovecot": _UP}), "ports") == []


def _make(folder: Path, name: str, *, days: int = 100) -> Path:
    """Return a file with a key and a certificate of our own making."""
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    words += ["-days", str(days), "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"]
    key, certificate, both = (folder / f"{name}.{end}" for end in ("key", "crt", "pem"))
    subprocess.run([*words, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    both.write_text(key.read_text() + certificate.read_text())
    return both


@contextmanager
def _server(certificate: Path | None) -> Iterator[int]:
    """Run a server on a free port, which shakes hands for TLS with a certificate, or says nothing; yield its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    client, _ = server.accept()
                    if certificate is None:
                        held.append(client)
                        continue
                    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                    context.load_cert_chain(certificate)
                    with suppress(OSError), context.wrap_socket(client, server_side=True) as encrypted:
                        encrypted.recv(1)

        held: list[socket.socket] = []
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join(60)
        for client in held:
            client.close()


def _found(root: Root, port: int, *, days: float = 0.0) -> list[str]:
    text = f'[useful.tls]\nport = {port}\nencrypted = true\ndialogue = [["", "x"]]\n'
    case = case_of(root, defined(root, "demo", text), states={"demo": _UP})
    case.now = time.time() + days * _DAY
    return [line.replace(str(port), "PORT") for line in shown(served.check_served(case)) if not line.startswith("ok")]


@pytest.mark.program("openssl")
def test_what_a_port_serves(root: Root, tmp_path: Path) -> None:
    """It has to be the certificate of the file; another one is looked at: its end, its name, and that it is another."""
    mine, other = _make(tmp_path, "mail.example.com"), _make(tmp_path, "other.example.com")
    with _server(mine) as port:
        assert _found(root, port) == []
        root.write(PATH, mine.read_text())
        assert _found(root, port, days=95) == []
        root.write(PATH, other.read_text())
        (changed,) = _found(root, port)
        assert changed == f"warning: port PORT (demo): the certificate is not that of {PATH}"
        assert _found(root, port, days=95)[0].startswith("warning: port PORT (demo): the certificate ends on 20")
        assert _found(root, port, days=101)[0].startswith("failing: port PORT (demo): the certificate has ended on ")
    root.file(PATH).unlink()
    with _server(other) as port:
        assert _found(root, port) == ["warning: port PORT (demo): the certificate is not for mail.example.com"]


def test_a_port_that_does_not_shake_hands(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """A port at which nobody answers the handshake in time, or nobody listens, is failing."""
    monkeypatch.setattr(served, "_SECONDS", 0.2)
    with _server(None) as port:
        assert _found(root, port) == ["failing: port PORT of demo does not shake hands for TLS"]
    assert _found(root, port) == ["failing: port PORT of demo does not shake hands for TLS"]
