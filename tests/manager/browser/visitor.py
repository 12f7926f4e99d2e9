"""Somebody who speaks HTTP to the server-manager and does not need a browser: exact bytes, and cookies as he likes."""

from __future__ import annotations

import html
import http.client
import re
import socket
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from tests.manager.browser.site import ACCOUNT, PASSWORD

#: The cookie of a session.
COOKIE = "__Host-smanager"
_FORM = "application/x-www-form-urlencoded"
_SECONDS = 60


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: dict[str, str]
    text: str


@dataclass
class Visitor:
    """One who visits a site.

    :param address: of the site, without a path.
    :param cookies: what is sent with each request, and what the site has set.
    """

    address: str
    cookies: dict[str, str] = field(default_factory=dict)

    @property
    def host(self) -> str:
        """Name and port of the site."""
        return urlsplit(self.address).netloc

    def ask(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Reply:
        """Send a request and return what comes back; redirections are not followed."""
        connection = http.client.HTTPConnection(self.host, timeout=_SECONDS)
        try:
            sent = (
                {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} if self.cookies else {}
            )
            connection.request(method, path, body, {**sent, **(headers or {})})
            answer = connection.getresponse()
            for name, value in answer.getheaders():
                if name.lower() == "set-cookie":
                    cookie, _, content = value.partition(";")[0].partition("=")
                    self.cookies[cookie] = content
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(answer.status, found, answer.read().decode("utf-8", "replace"))
        finally:
            connection.close()

    def get(self, path: str, headers: dict[str, str] | None = None) -> Reply:
        """Ask for a page."""
        return self.ask("GET", path, None, headers)

    def post(self, path: str, values: dict[str, str], headers: dict[str, str] | None = None) -> Reply:
        """Post a form as a browser does that shows a page of this site."""
        sent = {"Content-Type": _FORM, "Origin": self.address, "Sec-Fetch-Site": "same-origin", **(headers or {})}
        sent = {name: value for name, value in sent.items() if value}
        return self.ask("POST", path, urlencode(values).encode(), sent)

    def token(self, path: str) -> str:
        """Return the token in the forms of a page."""
        found = re.search(r'name="csrf" value="([^"]*)"', self.get(path).text)
        assert found, f"{path} has no form"
        return html.unescape(found[1])

    def log_in(self, account: str = ACCOUNT, password: str = PASSWORD) -> Reply:
        """Log in by the form."""
        token = self.token("/server-manager/login")
        return self.post("/server-manager/login", {"csrf": token, "account": account, "password": password})

    def send(self, raw: bytes, seconds: float = _SECONDS) -> bytes:
        """Send bytes as they are, and return what comes back until the other side closes."""
        host, _, port = self.host.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=seconds) as sock:
            try:
                sock.sendall(raw)
                sock.shutdown(socket.SHUT_WR)
            except OSError:
                # It has closed already, and what it answered may still be read.
                pass
            answer = b""
            try:
                while more := sock.recv(65536):
                    answer += more
            except ConnectionResetError:
                pass
            return answer
