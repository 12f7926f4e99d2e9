"""A mail server of a small office on a machine of its own: real daemons, supervised, on the generated files.

All is as in production: the root is ``/``, the run scripts are those of ``esmith init --services``. Made up are the
name server the machine asks, the signatures of the virus scanner, and qmail: its queue keeps what it gets, and its
daemon only waits. The system load is what :meth:`MailSystem.load` says. freshclam, which has nowhere to load from, is
off, and so is dovecot where an ordinary user runs the tests: its processes become other users.
"""

from __future__ import annotations

import contextlib
import os
import re
import smtplib
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.commands import Answer
from tests.qpsmtpd.daemon import PATIENCE_SECONDS, QUEUE, Receiver, while_patient
from tests.qpsmtpd.dns import FakeDNS
from tests.system.machine import Machine

#: The server's address in the local network, a client there, and clients elsewhere.
SERVER, LOCAL, OUTSIDE, OTHER = "192.168.1.1", "192.168.1.50", "198.51.100.7", "198.51.100.8"
CONFIG = "/var/service/qpsmtpd/config"
SERVICES = ("clamd", "dovecot", "php-fpm", "qmail", "qpsmtpd", "spamd", "sqpsmtpd")
EICAR = r"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
PASSWORD = "secret of tom"
PHP = ("127.0.0.1", 9000)

#: An ordinary user may write only in directories that are among the prepared ones.
PLACES = """
dev root run service tmp usr/sbin usr/local/bin usr/local/lib/site_perl usr/share/e-smith usr/share/spamassassin
home/e-smith/files/users home/httpd/html
etc/cron.d etc/cron.daily etc/dovecot etc/httpd/conf etc/init.d etc/logrotate.d etc/mail/spamassassin etc/pam.d
etc/rc.d/init.d etc/sysconfig/network-scripts
var/clamav var/lib/qpsmtpd/karma var/log/clamd var/log/qpsmtpd var/log/sqpsmtpd var/qmail/bin var/service
var/spool/qpsmtpd var/spool/spamd var/spool/taken var/tmp
"""
#: The processes that make the machine.
INIT = re.compile(r"inside\.py ")

USERS = ("tom", "jack", "john", "maillog", "mary")
_HOMES = {"admin": "/home/e-smith", "alias": "/var/qmail/alias"}
_ACCOUNTS = {
    "admin": (101, 101),
    "alias": (7790, 2108),
    **{user: (number, number) for number, user in enumerate(USERS, 5001)},
}
_GROUPS = {"admin": 101, "nofiles": 2108, "shared": 500, "www": 102, **{u: n for n, u in enumerate(USERS, 5001)}}

SETUP = """\
{python} -m esmith init --domain example.com --name mail --services runit /service
config set LocalIP 192.168.1.1
config set LocalNetmask 255.255.255.0
config set ExternalIP 203.0.113.5
db domains set test.com domain
db networks set 192.168.1.0 network Mask 255.255.255.0 SystemLocalNetwork yes
for user in tom jack john maillog; do db accounts set $user user EmailForward local; done
db accounts set sales pseudonym Account john
config setprop freshclam status disabled
[ "$(id -u)" = 0 ] || config setprop dovecot status disabled
mkdir -p /etc/e-smith/templates-custom{config}/peers/0
echo '# no need to wait a second for each client' >/etc/e-smith/templates-custom{config}/peers/0/10check_earlytalker
mkdir -p /var/qmail/control
signal-event bootstrap-console-save
signal-event email-update
{python} -m esmith init --services runit /service
"""

FPM = """\
[global]
daemonize = no
error_log = /dev/stderr
[www]
{user}
listen = 127.0.0.1:9000
pm = static
pm.max_children = 1
"""


def prepare(folder: Path) -> Path:
    """Make the folder that is mounted over the host's files: what the machine has before the product is installed."""
    for place in PLACES.split():
        (folder / place).mkdir(parents=True, exist_ok=True)
    _write(folder / "etc/resolv.conf", "nameserver 127.0.0.1\n")
    _write(folder / "etc/hosts", f"127.0.0.1 localhost\n{SERVER} mail.example.com\n")
    _accounts(folder)
    # Half of what spamd reads, a second each time, for the spam of today; tests/daemons and the machines have it.
    _write(folder / "usr/share/spamassassin/72_active.cf", "")
    _write(folder / "var/clamav/test.hdb", "44d88612fea8a8f36de82e1278abb02f:68:Test.EICAR\n")
    _write(folder / "var/clamav/test.ndb", f"Test.Eicar.Body:0:*:{b'EICAR-STANDARD-ANTIVIRUS-TEST-FILE'.hex()}\n")
    _certificate(folder / "home/e-smith/ssl.pem")
    _write(folder / "var/qmail/bin/qmail-queue", QUEUE.format(folder="/var/spool/taken"), 0o755)
    _write(folder / "var/qmail/bin/qmail-start", "#!/bin/sh\nexec sleep infinity\n", 0o755)
    _write(folder / "etc/php-fpm.conf", FPM.format(user="user = www-data\ngroup = www-data" * (os.geteuid() == 0)))
    return folder


def _accounts(folder: Path) -> None:
    passwd, group = Path("/etc/passwd").read_text(), Path("/etc/group").read_text()
    for name, (number, of) in _ACCOUNTS.items():
        home = _HOMES.get(name, f"/home/e-smith/files/users/{name}")
        passwd += f"{name}:x:{number}:{of}::{home}:/bin/false\n"
        (folder / home.lstrip("/")).mkdir(parents=True, exist_ok=True)
        if name in USERS:
            os.chown(folder / home.lstrip("/"), *((number, of) if os.geteuid() == 0 else (-1, -1)))
    group += "".join(f"{name}:x:{number}:\n" for name, number in _GROUPS.items())
    _write(folder / "etc/passwd", passwd)
    _write(folder / "etc/group", group)
    if os.geteuid() == 0:
        words = ["openssl", "passwd", "-6", PASSWORD]
        hashed = subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()
        _write(folder / "etc/shadow", Path("/etc/shadow").read_text() + f"tom:{hashed}:19000:0:99999:7:::\n", 0o640)


def _certificate(folder: Path) -> None:
    folder.mkdir()
    kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"]
    files = ["-keyout", str(folder / "key"), "-out", str(folder / "pem")]
    words = ["openssl", "req", *kind, "-subj", "/CN=mail.example.com", *files]
    subprocess.run(words, check=True, capture_output=True, timeout=60)
    _write(folder / "pem", (folder / "pem").read_text() + (folder / "key").read_text(), 0o600)


def _write(path: Path, text: str, mode: int = 0o644) -> None:
    path.write_text(text)
    path.chmod(mode)


class MailSystem(Receiver):
    """The mail server, its supervisor, and the name server it asks."""

    outside = OUTSIDE

    def __init__(self, machine: Machine, dns: FakeDNS) -> None:
        super().__init__(machine.queue, 25)
        self.machine = machine
        self.dns = dns
        self._undo: list[list[str]] = []
        self._log_start = 0

    def boot(self) -> None:
        """Start the supervisor, as a machine does that is switched on, and wait until every daemon answers."""
        self.machine.start("runsvdir", "-P", "/service")
        self.ready()

    def config(self, *words: str, code: int | None = 0) -> Answer:
        """Run ``config``."""
        return self.machine.run("config", *words, code=code)

    def db(self, *words: str, code: int | None = 0) -> Answer:
        """Run ``db``."""
        return self.machine.run("db", *words, code=code)

    def esmith(self, *words: str, code: int | None = 0) -> Answer:
        """Run ``esmith``."""
        return self.machine.run("esmith", *words, code=code)

    def signal(self, *words: str, code: int | None = 0) -> Answer:
        """Run ``signal-event``, and wait until every daemon answers."""
        answer = self.machine.run("signal-event", *(words or ("email-update",)), code=code)
        self.ready()
        return answer

    def change(self, database: str, record: str, **properties: str) -> None:
        """Change properties until the test ends."""
        for name in properties:
            old = self.db(database, "getprop", record, name, code=None)
            restored = [record, name, old.out.removesuffix("\n")] if old.code == 0 else [record, name]
            self._undo.append([database, "setprop" if old.code == 0 else "delprop", *restored])
        self.db(database, "setprop", record, *(word for pair in properties.items() for word in pair))

    def set(self, record: str, database: str = "configuration", **properties: str) -> None:
        """Change properties until the test ends, signal the event, and nothing else."""
        self.change(database, record, **properties)
        self.signal()

    def forget(self) -> None:
        """Take every change of the test back: settings, fragments, what was queued, what was logged, names."""
        for words in reversed(self._undo):
            self.db(*words)
        custom = self.path("/etc/e-smith/templates-custom")
        changed = bool(self._undo)
        for path in sorted(custom.rglob("*"), reverse=True):
            if path.name in ("10check_earlytalker", "README.md"):
                continue
            if path.is_dir() and not path.is_symlink():
                with contextlib.suppress(OSError):
                    path.rmdir()
            else:
                path.unlink()
                changed = True
        self._undo.clear()
        self.load(0.1)
        if not self.processes("runsvdir"):
            self.boot()
        if changed:
            self.signal()
        self.dns.forget()
        know_the_world(self.dns)
        self._log_start = len(self._logged())
        self.machine.run("find", "/var/spool/taken", "-mindepth", "1", "-delete")

    # files

    def path(self, path: str) -> Path:
        """Return a path of the machine as this process reaches it."""
        return self.machine.path(path)

    def custom(self, path: str, text: str) -> Path:
        """Write a fragment of templates-custom, until the test ends."""
        target = self.path(f"/etc/e-smith/templates-custom{path}")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        return target

    def log(self) -> str:
        """Return what qpsmtpd logged in this test."""
        return self._logged()[self._log_start :].decode(errors="replace")

    def _logged(self) -> bytes:
        return self.log_of("qpsmtpd")

    def log_of(self, service: str) -> bytes:
        """Return the log of a service."""
        log = self.path(f"/var/log/{service}/current")
        return log.read_bytes() if log.exists() else b""

    def load(self, value: float) -> None:
        """Say what the load of the system is."""
        self.machine.load.write_text(f"{value:.2f} {value:.2f} {value:.2f} 1/100 1\n")

    # daemons

    def pids(self) -> dict[str, str]:
        """Return the pid of each service's process."""
        return {name: self.pid(name) for name in SERVICES}

    def pid(self, service: str) -> str:
        """Return the pid of a service's process in the machine, "" when there is none."""
        return self.path(f"/var/service/{service}/supervise/pid").read_text().strip()

    def ready(self) -> None:
        """Wait until every daemon that is to run answers."""
        probes: dict[str, Callable[[], bool]] = {
            "qpsmtpd": lambda: self.greets(25),
            "sqpsmtpd": lambda: self.accepts(465),
            "spamd": lambda: self.answer(("127.0.0.1", 783), b"PING SPAMC/1.2\r\n\r\n").startswith(b"SPAMD"),
            "clamd": self._scanner_answers,
            "php-fpm": lambda: self.accepts(PHP[1]),
        }
        if os.geteuid() == 0:
            probes["dovecot"] = lambda: self.greets(143)
        for name, probe in probes.items():
            if not self.path(f"/service/{name}/down").exists():
                self.eventually(probe, f"{name} answers", name)

    def _scanner_answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(PATIENCE_SECONDS)
            try:
                sock.connect(str(self.path("/var/clamav/clamd.socket")))
                sock.sendall(b"zPING\0")
                return sock.recv(100) == b"PONG\0"
            except OSError:
                return False

    def eventually(self, condition: Callable[[], bool], what: str, service: str = "qpsmtpd") -> None:
        """Wait until something is so; fail the test when it never is."""
        for _ in while_patient():
            if condition():
                return
        raise AssertionError(f"never happened: {what}\n{self.log_of(service)[-4000:].decode(errors='replace')}")

    def accepts(self, port: int) -> bool:
        """Return whether somebody listens at a port of 127.0.0.1."""
        try:
            self.connect(("127.0.0.1", port)).close()
        except OSError:
            return False
        return True

    def greets(self, port: int) -> bool:
        """Return whether the server at a port of 127.0.0.1 says something by itself."""
        return self.answer(("127.0.0.1", port), b"") != b""

    def answer(self, address: tuple[str, int], question: bytes) -> bytes:
        """Return what a server says first, b"" when it does not."""
        try:
            with self.connect(address) as sock:
                sock.sendall(question)
                return sock.recv(4096)
        except OSError:
            return b""

    def connect(self, address: tuple[str, int], source: str = "127.0.0.1") -> socket.socket:
        """Return a connection within the machine."""
        return self.machine.connect(address, source, PATIENCE_SECONDS)

    @contextmanager
    def client(self, source: str | None = None, helo: str = "mx.sender.org") -> Iterator[smtplib.SMTP]:
        """Connect from an address of the machine's network."""
        machine = self.machine

        class Client(smtplib.SMTP):
            def _get_socket(self, _host: str, port: int, timeout: float) -> socket.socket:
                # The name STARTTLS asks for.
                self._host = "mail.example.com"
                return machine.connect((SERVER, port), source or OUTSIDE, timeout)

        smtp = Client(timeout=PATIENCE_SECONDS, local_hostname=helo)
        try:
            yield smtp
        finally:
            smtp.close()

    def power_failure(self) -> None:
        """Kill every process at once."""
        self.machine.kill_all()
        self.eventually(lambda: not self.processes(""), "every process is gone")
        self.machine.fork_commands()

    def processes(self, command: str) -> list[int]:
        """Return the pids of the processes whose command line begins so; not those of the machine itself."""
        found = []
        for entry in self.path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    # One that is ending has no command line any more, but still has its sockets.
                    ended = (entry / "stat").read_bytes().rpartition(b")")[2].split()[0] in (b"Z", b"X")
                    line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                    if not ended and line.startswith(command) and not INIT.search(line):
                        found.append(int(entry.name))
        return found


def know_the_world(dns: FakeDNS) -> None:
    """Give the name server the addresses of the usual clients and senders."""
    dns.host(OUTSIDE, "mx.sender.org")
    dns.host(OTHER, "mx.other.org")
    dns.host(SERVER, "mail.example.com")
    dns.host(LOCAL, "pc50.example.com")
    for domain in ("sender.org", "other.org", "elsewhere.net", "example.com"):
        dns.add(domain, "A", "198.51.100.20")
        dns.add(domain, "MX", f"mx.{domain}")
