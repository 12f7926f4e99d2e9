"""Each daemon does its real work from inside what its unit keeps from it."""

from __future__ import annotations

import http.server
import os
import poplib
import smtplib
import socket
import ssl
import threading
import time
from pathlib import Path

from tests.mailserver import world
from tests.system.fastcgi import run_script
from tests.units.kit import FaultError, fragment, journal, pid_of, require, run, show, wait_until

USER, PASSWORD = "units-anna", "Box-of-Units.9"
#: What the setup's signature of a test finds (eicar.org).
_EICAR = r"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
_SIGNATURE = f"{'1' * 32}:77:Units.Mirror\n"
_PROVIDER = 2599


def make_user() -> None:
    """A user with a password, for logins and mail."""
    run("db", "accounts", "set", USER, "user", "FirstName", "Units", "LastName", "Anna", "EmailForward", "local")
    run("signal-event", "user-create", USER)
    run("chpasswd", stdin=f"{USER}:{PASSWORD}\n")


def delete_user() -> None:
    """The user is deleted with all the mail."""
    run("db", "accounts", "settype", USER, "user-deleted")
    run("signal-event", "user-delete", USER)
    run("db", "accounts", "delete", USER)


def clamd_scans_files() -> None:
    """clamd finds a virus in a file that is named by its path, in /tmp and in a home."""
    for folder in ("/tmp", "/home/e-smith/files"):
        file = Path(folder, "units-eicar.txt")
        file.write_text(f"{_EICAR}\n")
        file.chmod(0o644)
        try:
            printed = run("clamdscan", "--config-file=/etc/clamd.conf", str(file), code=1)
        finally:
            file.unlink()
        require("FOUND" in printed, f"clamdscan finds nothing in {file}: {printed}")


def freshclam_loads() -> None:
    """freshclam loads signatures from a mirror into its directory, as its user, and clamd has them."""

    class Mirror(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path.endswith("/units.hdb") else 404)
            self.end_headers()
            self.wfile.write(_SIGNATURE.encode() if self.path.endswith("/units.hdb") else b"")

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    mirror = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mirror)
    threading.Thread(target=mirror.serve_forever, daemon=True).start()
    lines = [line.split() for line in Path("/etc/freshclam.conf").read_text().splitlines()]
    folder = next(Path(words[1]) for words in lines if words[:1] == ["DatabaseDirectory"])
    loaded = folder / "units.hdb"
    began = time.time()
    url = f"DatabaseCustomURL http://127.0.0.1:{mirror.server_port}/units.hdb\n"
    # The official ones are out of reach, and it stops at the first that is.
    url += "".join(f"ExcludeDatabase {name}\n" for name in ("main", "daily", "bytecode"))
    try:
        with fragment("etc/freshclam.conf/99units", url):
            run("signal-event", "email-update")
            run("systemctl", "restart", "freshclam")
            wait_until(loaded.exists, f"there is no {loaded}: {journal('freshclam', began)[-2000:]}")
            require(loaded.owner() == "clamav", f"{loaded} is of {loaded.owner()}")
    finally:
        mirror.shutdown()
        loaded.unlink(missing_ok=True)
        run("signal-event", "email-update")
        run("systemctl", "restart", "freshclam")


def php_runs_pages() -> None:
    """PHP runs a script that writes into /tmp and keeps a session."""
    script = Path("/home/e-smith/files/units.php")
    script.write_text(
        "<?php session_start(); $_SESSION['a'] = 1; session_write_close();"
        " file_put_contents('/tmp/units-php', 'x'); echo PHP_VERSION, file_get_contents('/tmp/units-php');"
    )
    try:
        place = next(iter(sorted(Path("/run/php").glob("php*-fpm.sock"))))
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(30)
            client.connect(str(place))
            printed = run_script(client, str(script))
    finally:
        script.unlink()
        Path("/tmp/units-php").unlink(missing_ok=True)
    require(printed[:1].isdigit() and printed.endswith("x"), f"the script prints {printed!r}")


def apache_answers() -> None:
    """Apache shows the primary site, and goes on with its process after a reload."""
    pid = pid_of("httpd-e-smith")
    run("systemctl", "reload", "httpd-e-smith")
    with socket.create_connection(("127.0.0.1", 80), timeout=30) as client:
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        answer = client.recv(200)
    require(answer.startswith(b"HTTP/1."), f"Apache answers {answer!r}")
    require(pid_of("httpd-e-smith") == pid, "Apache has another process after a reload")


def spamd_learns() -> None:
    """spamd judges by what sa-learn was taught, and writes down what it has used."""
    texts = {kind: f"Subject: {kind}\n\nthe {kind} words unitsword{kind} again\n" for kind in ("spam", "ham")}
    settings = "use_bayes 1\nbayes_min_spam_num 1\nbayes_min_ham_num 1\n"
    folder = Path("/var/spool/spamd/.spamassassin")
    with fragment("etc/mail/spamassassin/local.cf/99bayes", settings):
        run("signal-event", "--restart", "email-update")
        try:
            for kind, text in texts.items():
                for number in range(3):
                    run("sa-learn", f"--{kind}", stdin=f"Message-Id: <{kind}{number}@units.test>\n{text}")
            before = _written(folder)
            wait_until(lambda: "BAYES_" in _symbols(texts["spam"]), "spamd does not judge by what was learnt")
            require(_written(folder) != before, f"spamd has written nothing in {folder}")
        finally:
            run("sa-learn", "--clear")
    run("signal-event", "--restart", "email-update")


def _written(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


def _symbols(text: str) -> str:
    with socket.create_connection(("127.0.0.1", 783), timeout=60) as client:
        content = text.replace("\n", "\r\n").encode()
        client.sendall(b"SYMBOLS SPAMC/1.5\r\nContent-length: %d\r\n\r\n" % len(content) + content)
        client.shutdown(socket.SHUT_WR)
        answer = b""
        while part := client.recv(4096):
            answer += part
    return answer.decode(errors="replace")


def logins() -> None:
    """A user with a real password reads mail by IMAP and POP3, and sends at port 465; a wrong one is refused."""
    imap = socket.create_connection(("127.0.0.1", 143), timeout=60)
    with imap, imap.makefile("rw") as stream:
        stream.readline()
        stream.write(f"a LOGIN {USER} {PASSWORD}\r\nb CREATE units\r\nc LOGOUT\r\n")
        stream.flush()
        answers = stream.read()
    require("a OK" in answers and "b OK" in answers, f"IMAP: {answers}")
    pop = poplib.POP3("127.0.0.1", timeout=60)
    pop.user(USER)
    pop.pass_(PASSWORD)
    pop.quit()
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with smtplib.SMTP_SSL("127.0.0.1", 465, context=context, timeout=60) as client:
        client.login(USER, PASSWORD)
        client.sendmail(f"{USER}@example.com", [f"{USER}@example.com"], "Subject: units\r\n\r\nhello\r\n")
    maildir = Path(f"/home/e-smith/files/users/{USER}/Maildir/new")
    wait_until(lambda: any(maildir.iterdir()), "the mail of a user who has logged in does not arrive")
    with smtplib.SMTP_SSL("127.0.0.1", 465, context=context, timeout=60) as client:
        try:
            client.login(USER, "wrong")
        except smtplib.SMTPException:
            return
    raise FaultError("a wrong password is taken")


def karma_is_written() -> None:
    """qpsmtpd writes down what it knows of a client, in the directory of the plugin karma."""
    folder = Path("/var/lib/qpsmtpd/karma")
    run("config", "setprop", "qpsmtpd", "Karma", "enabled")
    run("signal-event", "email-update")
    try:
        before = _written(folder)
        # A client of this machine may relay, and nothing is noted of it.
        with smtplib.SMTP("192.0.2.1", 25, timeout=60, source_address=("192.0.2.77", 0)) as client:
            client.ehlo("client.units.test")
            client.mail("someone@units.test")
        wait_until(lambda: _written(folder) != before, f"qpsmtpd writes nothing in {folder}")
    finally:
        run("config", "setprop", "qpsmtpd", "Karma", "disabled")
        run("signal-event", "email-update")


def fetchmail_collects() -> None:
    """fetchmail, started as a unit, collects mail by POP3 and hands it to qpsmtpd."""
    new = Path("/home/e-smith/Maildir/new")
    before = len(list(new.iterdir())) if new.is_dir() else 0
    with smtplib.SMTP("127.0.0.1", 25, timeout=60) as client:
        client.sendmail("x@example.org", [f"{USER}@example.com"], "Subject: to be collected\r\n\r\nhello\r\n")
    box = Path(f"/home/e-smith/files/users/{USER}/Maildir")
    wait_until(lambda: [*(box / "new").iterdir(), *(box / "cur").iterdir()], "there is nothing to collect")
    account = f'user "{USER}" pass "{PASSWORD}" is "admin@example.com" here'
    poll = f'poll 127.0.0.1 proto POP3 {account} smtphost 127.0.0.1 sslproto ""\n'
    began = time.time()
    with fragment("etc/fetchmailrc/99units", poll):
        run("signal-event", "email-update")
        run("systemctl", "restart", "fetchmail")
        try:
            wait_until(
                lambda: len(list(new.iterdir())) > before,
                f"nothing is collected: {journal('fetchmail', began)[-2000:]}",
            )
        finally:
            run("systemctl", "stop", "fetchmail")
    run("signal-event", "email-update")


def proxy_hands_on() -> None:
    """The relay takes mail at its port and hands it to the provider's server; its process is not root's."""
    world.join_network()
    provider = world.Sink(_PROVIDER)
    settings = ("TLS", "disabled", "ProxyPort", "2598", "PeerPort", str(_PROVIDER))
    try:
        run("config", "set", "SMTPSmartHost", f"{world.SERVERS}:{_PROVIDER}")
        run("config", "setprop", "smtp-auth-proxy", "status", "enabled", *settings)
        run("signal-event", "email-update")
        wait_until(lambda: show("smtp-auth-proxy", "ActiveState") == "active", "the relay is not up")
        with smtplib.SMTP("127.0.0.1", 2598, timeout=60) as client:
            client.sendmail("x@example.com", ["y@away.test"], "Subject: relayed\r\n\r\nhello\r\n")
        wait_until(lambda: provider.taken, "the provider gets nothing")
        user = os.stat(f"/proc/{pid_of('smtp-auth-proxy')}").st_uid
        require(user != 0, "the relay runs as root")
    finally:
        provider.close()
        run("config", "setprop", "smtp-auth-proxy", "status", "disabled")
        run("config", "delprop", "smtp-auth-proxy", "TLS", "ProxyPort")
        run("config", "setprop", "smtp-auth-proxy", "PeerPort", "25")
        run("config", "set", "SMTPSmartHost", "")
        run("signal-event", "email-update")


def postfix_reloads() -> None:
    """``postfix reload`` has the queue read its files again in the same process, and mail arrives."""
    pid = pid_of("postfix")
    run("postfix", "reload")
    require("is empty" in run("postqueue", "-p") or pid, "postqueue shows nothing")
    require(pid_of("postfix") == pid, "Postfix has another process after a reload")
    run("esmith", "trial-mail")


def nothing_else_may_be_written() -> None:
    """The units that are confined cannot write to /usr, /boot and /etc."""
    for name in ("clamd", "freshclam", "qpsmtpd", "sqpsmtpd", "spamd", "dovecot", "php-fpm", "esmith-logs"):
        for folder in ("/usr", "/etc"):
            entered = ("nsenter", f"--target={pid_of(name)}", "--mount", "touch", f"{folder}/units-test")
            printed = run(*entered, code=1)
            require("Read-only file system" in printed, f"{name} may write to {folder}: {printed}")
