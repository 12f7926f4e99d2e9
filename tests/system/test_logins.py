"""Logins of SMTP, from the client's command to cvm-unix and the shadow file; and certificates that daemons take."""

from __future__ import annotations

import contextlib
import smtplib
import ssl
import subprocess
from collections.abc import Iterator
from errno import EACCES
from pathlib import Path

import pytest

from tests.system.machine import needs_mail_system
from tests.system.mail import LOCAL, PASSWORD, MailSystem

pytestmark = [needs_mail_system, pytest.mark.root("only root reads the shadow file")]


@contextlib.contextmanager
def _encrypted(mail: MailSystem) -> Iterator[smtplib.SMTP]:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with mail.client(LOCAL, helo="pc50.example.com") as smtp:
        smtp.connect("mail.example.com", 25)
        smtp.starttls(context=context)
        smtp.ehlo()
        yield smtp


@pytest.fixture
def passwords(mail: MailSystem) -> Iterator[MailSystem]:
    """The machine with a password of root, that of tom, and jack who needs none."""
    shadow = mail.path("/etc/shadow")
    before = shadow.read_text()
    of_tom = next(line for line in before.splitlines() if line.startswith("tom:"))
    lines = [line for line in before.splitlines() if not line.startswith(("root:", "jack:"))]
    lines += [of_tom.replace("tom:", "root:", 1), "jack::19000:0:99999:7:::"]
    shadow.write_text("\n".join(lines) + "\n")
    yield mail
    shadow.write_text(before)


@pytest.mark.parametrize("method", ["PLAIN", "LOGIN"])
def test_a_user_logs_in_and_sends_to_everybody(passwords: MailSystem, method: str) -> None:
    """With the password of his unix account a user logs in after STARTTLS, and may then send to other domains."""
    with _encrypted(passwords) as smtp:
        assert method in smtp.esmtp_features["auth"].split()
        smtp.user, smtp.password = "tom", PASSWORD
        code, _text = smtp.auth(method, getattr(smtp, f"auth_{method.lower()}"))
        assert code == 235
        assert (
            smtp.sendmail(
                "tom@example.com", ["friend@elsewhere.net"], "Subject: x\nFrom: tom@example.com\nDate: now\n\nx\n"
            )
            == {}
        )
    assert passwords.queued()[-1].recipients == ["friend@elsewhere.net"]


@pytest.mark.parametrize(
    ("user", "password"),
    [("tom", "wrong"), ("jack", "x"), ("root", PASSWORD), ("nobody-at-all", PASSWORD)],
)
def test_who_may_not_log_in(passwords: MailSystem, user: str, password: str) -> None:
    """A wrong password, an account that needs none, root with his own password, and an unknown name are refused."""
    with _encrypted(passwords) as smtp:
        smtp.user, smtp.password = user, password
        with pytest.raises(smtplib.SMTPAuthenticationError):
            smtp.auth("PLAIN", smtp.auth_plain)


def test_only_qpsmtpd_asks(mail: MailSystem) -> None:
    """No other account reaches the socket of cvm-unix, where it could try passwords without end."""
    connect = "socket.socket(socket.AF_UNIX).connect_ex('/var/lib/cvm/cvm-unix-local.socket')"
    for user, group, code in (("nobody", "nogroup", EACCES), ("tom", "tom", EACCES), ("qpsmtpd", "qpsmtpd", 0)):
        words = ["setpriv", f"--reuid={user}", f"--regid={group}", "--init-groups", "python3", "-c"]
        assert mail.machine.run(*words, f"import socket; print({connect})").out == f"{code}\n"


def _shown(mail: MailSystem, port: int, greeting: bytes = b"", command: bytes = b"") -> bytes:
    """Return the certificate that a server shows."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with mail.connect(("127.0.0.1", port)) as sock:
        for line in filter(None, (greeting, command)):
            sock.recv(4096)
            sock.sendall(line)
        if command:
            sock.recv(4096)
        with context.wrap_socket(sock) as encrypted:
            return encrypted.getpeercert(binary_form=True) or b""


def _all_shown(mail: MailSystem) -> set[bytes]:
    return {
        _shown(mail, 25, b"EHLO pc50.example.com\r\n", b"STARTTLS\r\n"),
        _shown(mail, 465),
        _shown(mail, 993),
        _shown(mail, 995),
        _shown(mail, 443),
    }


def _make(folder: Path, name: str = "mail.example.com") -> dict[str, str]:
    """Return a new key and certificate, as PEM."""
    kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"]
    names = ["-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"]
    files = ["-keyout", str(folder / "key"), "-out", str(folder / "certificate")]
    subprocess.run(["openssl", "req", *kind, *names, *files], check=True, capture_output=True, timeout=60)
    return {part: (folder / part).read_text() for part in ("key", "certificate")}


@pytest.mark.program("apache2")
def test_all_daemons_take_a_new_certificate(mail: MailSystem, tmp_path: Path) -> None:
    """After the hook of an ACME client each port shows the new certificate; no process is new, no connection lost."""
    pem = mail.path("/home/e-smith/ssl.pem/pem")
    before = pem.read_text()
    new = _make(tmp_path)
    lineage = mail.path("/var/tmp/lineage")
    lineage.mkdir()
    (lineage / "privkey.pem").write_text(new["key"])
    (lineage / "fullchain.pem").write_text(new["certificate"])
    pids = mail.pids()
    try:
        with mail.connect(("127.0.0.1", 143)) as client, mail.connect(("127.0.0.1", 25)) as smtp:
            assert client.recv(4096).startswith(b"* OK")
            assert smtp.recv(4096).startswith(b"220")
            hook = "/usr/share/e-smith/acme/plugins/deploy-hook"
            mail.machine.run(hook, env={"RENEWED_LINEAGE": "/var/tmp/lineage", "RENEWED_DOMAINS": "mail.example.com"})
            wanted = {ssl.PEM_cert_to_DER_cert(new["certificate"])}
            mail.eventually(lambda: _all_shown(mail) == wanted, "every port shows the new certificate")
            client.sendall(b"a NOOP\r\n")
            assert client.recv(4096).startswith(b"a OK")
            smtp.sendall(b"NOOP\r\n")
            assert smtp.recv(4096).startswith(b"250")
        assert mail.pids() == pids
        assert pem.stat().st_mode & 0o777 == 0o600
    finally:
        pem.write_text(before)
        mail.machine.run("signal-event", "ssl-update")
        for path in lineage.iterdir():
            path.unlink()
        lineage.rmdir()


def test_a_bad_certificate_is_refused(mail: MailSystem, tmp_path: Path) -> None:
    """ssl-update fails where the key is not that of the certificate; no daemon reads the file, and it says why."""
    pem = mail.path("/home/e-smith/ssl.pem/pem")
    before = pem.read_text()
    shown = _shown(mail, 993)
    (tmp_path / "other").mkdir()
    pem.write_text(_make(tmp_path)["key"] + _make(tmp_path / "other")["certificate"])
    try:
        answer = mail.machine.run("signal-event", "ssl-update", code=None)
        assert answer.code == 7
        assert "/home/e-smith/ssl.pem/pem: the private key is not that of its first certificate" in answer.err
        assert _shown(mail, 993) == shown
    finally:
        pem.write_text(before)
