"""What a mail server finds outside: a network, names, and servers that take its mail. Standard library only."""

from __future__ import annotations

import base64
import fcntl
import socket
import socketserver
import ssl
import struct
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path

from tests.qpsmtpd.dns import FakeDNS

#: The network of all that is outside, an address of this machine there, a client, and the servers below.
NETWORK, CLIENT, SERVERS = "198.51.100.1", "198.51.100.7", "198.51.100.20"
SENDERS = "sender.test"
PROVIDER = "smtp.provider.test"
LOGIN = ("office@provider.test", "pass word: \\ %$#")
_SET_FLAGS, _SET_ADDRESS, _SET_NETMASK, _UP = 0x8914, 0x8916, 0x891C, 1


def leads_outside() -> bool:
    """Return whether this machine has a way to other networks."""
    routes = Path("/proc/net/route").read_text().splitlines()[1:]
    return any(line.split()[1] == "00000000" for line in routes)


def join_network() -> None:
    """Bring up the loopback interface, with all addresses of the network outside as this machine's own."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, _SET_FLAGS, struct.pack("16sh14x", b"lo", _UP))
        for request, value in ((_SET_ADDRESS, NETWORK), (_SET_NETMASK, "255.255.255.0")):
            words = (b"lo:9", socket.AF_INET, 0, socket.inet_aton(value))
            fcntl.ioctl(sock, request, struct.pack("16sHH4s8x", *words))


def answer_names() -> FakeDNS | None:
    """Answer for the names outside at port 53 of 127.0.0.1; None where somebody else does so already."""
    udp, tcp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), socket.socket()
    tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        udp.bind(("127.0.0.1", 53))
        tcp.bind(("127.0.0.1", 53))
    except OSError:
        return None
    tcp.listen()
    dns = FakeDNS((udp, tcp))
    know_names(dns)
    return dns


def ask_here() -> str:
    """Have the programs of this machine ask that name server, and return what /etc/resolv.conf had before."""
    file = Path("/etc/resolv.conf")
    before = file.read_text()
    if before != "nameserver 127.0.0.1\n":
        file.write_text("nameserver 127.0.0.1\n")
    return before


def know_names(dns: FakeDNS) -> None:
    """Have a name server know the names outside."""
    dns.host(CLIENT, f"mx.{SENDERS}")
    dns.add(PROVIDER, "A", SERVERS)
    for domain in (SENDERS, "away.test"):
        dns.add(domain, "A", SERVERS)
        dns.add(domain, "MX", f"mx.{domain}")
    dns.add("mx.away.test", "A", SERVERS)


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Make a key and a certificate of the provider's server, and return where they are."""
    key, certificate = folder / "provider.key", folder / "provider.pem"
    kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    names = ["-subj", f"/CN={PROVIDER}", "-addext", f"subjectAltName=DNS:{PROVIDER}"]
    words = ["openssl", "req", *kind, *names, "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(words, check=True, capture_output=True, timeout=60)
    certificate.chmod(0o644)
    return key, certificate


@dataclass(frozen=True)
class Taken:
    """A mail that a server outside has taken: the envelope, the mail, and how it came."""

    recipient: str
    sender: str
    mail: bytes
    encrypted: bool
    login: tuple[str, str] | None
    helo: str


class Sink(socketserver.ThreadingTCPServer):
    """A mail server that takes everything, but for the name ``nosuch``.

    :param port: of :data:`SERVERS`.
    :param certificate: key and certificate; with these it takes mail only encrypted, and after a login.
    """

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, port: int, certificate: tuple[Path, Path] | None = None) -> None:
        super().__init__((SERVERS, port), _Session)
        self.context: ssl.SSLContext | None = None
        self.taken: list[Taken] = []
        if certificate:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(certificate[1], certificate[0])
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop."""
        self.shutdown()
        self.server_close()


class _Session(socketserver.StreamRequestHandler):
    server: Sink
    timeout = 60

    def setup(self) -> None:
        super().setup()
        self.encrypted = False
        self.login: tuple[str, str] | None = None
        self.sender, self.recipients, self.helo = "", list[str](), ""

    def handle(self) -> None:
        self._say("220 sink ESMTP")
        while line := self.rfile.readline(4096):
            text = line.decode("latin-1").strip()
            verb = text.split(" ")[0].upper()
            if verb == "QUIT":
                self._say("221 bye")
                return
            getattr(self, f"_on_{verb.lower()}", self._on_other)(text)

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())

    def _on_other(self, _: str) -> None:
        self._say("502 not known")

    def _on_helo(self, text: str) -> None:
        self.helo = text.partition(" ")[2]
        self._say("250 sink")

    def _on_ehlo(self, text: str) -> None:
        self.helo = text.partition(" ")[2]
        self._say("250-sink")
        if self.server.context:
            self._say("250-AUTH PLAIN" if self.encrypted else "250-STARTTLS")
        self._say("250 8BITMIME" if self.server.context else "250 PIPELINING")

    def _on_starttls(self, _: str) -> None:
        assert self.server.context
        self._say("220 go on")
        self.connection = self.server.context.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
        self.encrypted = True

    def _on_auth(self, text: str) -> None:
        _, user, password = base64.b64decode(text.split()[2]).decode().split("\0")
        self.login = (user, password)
        self._say("235 welcome" if self.login == LOGIN else "535 wrong")

    def _on_mail(self, text: str) -> None:
        allowed = not self.server.context or (self.encrypted and self.login == LOGIN)
        self.sender, self.recipients = text.partition("<")[2].partition(">")[0], []
        self._say("250 ok" if allowed else "530 log in")

    def _on_rcpt(self, text: str) -> None:
        recipient = text.partition("<")[2].partition(">")[0]
        if recipient.startswith("nosuch@"):
            self._say("550 not here")
            return
        self.recipients.append(recipient)
        self._say("250 ok")

    def _on_rset(self, _: str) -> None:
        self.recipients = []
        self._say("250 ok")

    def _on_data(self, _: str) -> None:
        self._say("354 go on")
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        mail = b"".join(lines).replace(b"\r\n", b"\n")
        self.server.taken += [
            Taken(to, self.sender, mail, self.encrypted, self.login, self.helo) for to in self.recipients
        ]
        self._say("250 taken")
