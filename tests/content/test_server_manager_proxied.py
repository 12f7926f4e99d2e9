"""What a browser gets through a real Apache, with the lines that the templates write for the server-manager."""

from __future__ import annotations

import http.client
import os
import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.commands import Root

FILE = "/etc/httpd/conf/httpd.conf"
_SECONDS = 30
_MODULES = ["mpm_prefork", "unixd", "authn_core", "authz_core", "authz_host", "headers", "proxy", "proxy_http"]


class _Behind(BaseHTTPRequestHandler):
    """Stands for all that is behind Apache: it says what it was asked, then goes on when it may."""

    protocol_version = "HTTP/1.1"
    goes_on = threading.Event()

    def do_GET(self) -> None:
        """Answer in two parts."""
        self.send_response(200)
        self.send_header("Service-Worker-Allowed", "/")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self._chunk(f"{self.path}\n{self.headers}".encode())
        if self.path.endswith("/stream"):
            self.goes_on.wait(_SECONDS)
            self._chunk(b"the end")
        self._chunk(b"")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory, _office: Path) -> Iterator[int]:
    """The port of an Apache before something that answers as the server-manager and all other pages."""
    from tests.commands import copy_prepared

    folder = tmp_path_factory.mktemp("apache")
    folder.chmod(0o755)
    copy_prepared(_office, folder / "root")
    root = Root(folder / "root")
    behind = ThreadingHTTPServer(("127.0.0.1", 0), _Behind)
    threading.Thread(target=behind.serve_forever, daemon=True).start()
    process, port = _apache(folder, _site(root, behind.server_port), behind.server_port)
    try:
        yield port
    finally:
        process.terminate()
        process.wait(_SECONDS)
        behind.shutdown()
        behind.server_close()


def _site(root: Root, port: int) -> str:
    """Return the lines of the templates for the site with encryption."""
    root.write("/home/e-smith/ssl.pem/pem", "a certificate\n", mode=0o600)
    root.config("setprop", "smanager", "status", "enabled", "TCPPort", str(port))
    root.expand(FILE)
    found = re.search(r'(?ms)^ *<Location "/server-manager">.*?</IfModule>', root.read(FILE))
    assert found
    return found[0]


def _apache(folder: Path, site: str, behind: int) -> tuple[subprocess.Popen[bytes], int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # Those that are built in have no file.
    modules = [(name, Path(f"/usr/lib/apache2/modules/mod_{name}.so")) for name in _MODULES]
    lines = [f"LoadModule {name}_module {file}" for name, file in modules if file.exists()]
    lines += ["ServerName localhost", f"Listen 127.0.0.1:{port}", f"PidFile {folder}/pid", f"ErrorLog {folder}/log"]
    lines += ["User www-data", "Group www-data"] if os.geteuid() == 0 else []
    lines += [f"<VirtualHost *:{port}>", site, f"ProxyPass /bay http://127.0.0.1:{behind}/bay", "</VirtualHost>"]
    file = folder / "httpd.conf"
    file.write_text("\n".join(lines) + "\n")
    command = ["apache2", "-DFOREGROUND", "-f", str(file)]
    with (folder / "errors").open("wb") as errors:
        # In a session of its own: when it ends, it ends all of its process group.
        process = subprocess.Popen(command, stderr=errors, start_new_session=True)
    end = time.monotonic() + _SECONDS
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return process, port
        except OSError:
            assert process.poll() is None, (folder / "errors").read_text()
            time.sleep(0.02)
    raise AssertionError("apache2 does not answer")


def _get(port: int, path: str, **headers: str) -> tuple[str, dict[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_SECONDS)
    connection.request("GET", path, headers={name.replace("_", "-"): text for name, text in headers.items()})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return text, {name.lower(): value for name, value in answer.getheaders()}


@pytest.mark.program("apache2")
def test_a_session_reaches_its_own_pages_only(proxy: int) -> None:
    """Other pages of the host do not get the cookies of the server-manager, and no service worker for its addresses."""
    cookies = "a=b; __Host-smanager=secret; c=d;__Host-smanager-login=secret; e=f"
    for path in ("/bay/show", "/server-manager/../bay/show", "/server-manager/%2e%2e/bay/server-manager/"):
        text, headers = _get(proxy, path, cookie=cookies)
        assert "/bay/" in text.splitlines()[0]
        assert "secret" not in text
        assert "a=b; c=d; e=f" in text
        assert "service-worker-allowed" not in headers
    assert cookies in _get(proxy, "/server-manager/jobs", cookie=cookies)[0]


@pytest.mark.program("apache2")
def test_the_last_address_is_the_real_one(proxy: int) -> None:
    """What the browser claims stands before what Apache says; the name of the host is the browser's."""
    text, _headers = _get(
        proxy, "/server-manager/", host="a.example:1", x_forwarded_for="10.9.9.9", x_forwarded_host="evil.example"
    )
    assert "\nx-forwarded-for: 10.9.9.9, 127.0.0.1\n" in text.lower()
    assert "\nx-forwarded-host: evil.example, a.example:1\n" in text.lower()
    assert "\nHost: a.example:1\n" in text


@pytest.mark.program("apache2")
def test_progress_comes_as_it_is_made(proxy: int) -> None:
    """The first part of a stream is there while the rest is not made yet."""
    _Behind.goes_on.clear()
    connection = http.client.HTTPConnection("127.0.0.1", proxy, timeout=_SECONDS)
    connection.request("GET", "/server-manager/job/x/stream")
    answer = connection.getresponse()
    assert answer.readline() == b"/server-manager/job/x/stream\n"
    _Behind.goes_on.set()
    assert answer.read().endswith(b"the end")
    connection.close()
