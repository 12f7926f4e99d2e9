"""How browsers reach the server-manager: what the web server is to pass on, from whom, and when nothing of it."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.commands import Root

FILE = "/etc/httpd/conf/httpd.conf"
#: The lines that name it in the site with and in the one without encryption.
_PASS = "ProxyPass /server-manager http://127.0.0.1:982/server-manager flushpackets=on disablereuse=on"
_COOKIE = (
    'RequestHeader edit* Cookie "(^|;) *__Host-smanager[^;]*" "" "expr=! %{REQUEST_URI} =~ m#^/server-manager(/|$)#"'
)
_REDIRECT = "RewriteRule ^/server-manager(/.*)?$ https://%{SERVER_NAME}/server-manager$1 [R,L]"


@pytest.fixture
def site(root: Root) -> Root:
    """Return a root with a certificate, a local network and the server-manager."""
    root.write("/home/e-smith/ssl.pem/pem", "a certificate\n", mode=0o600)
    root.config("set", "LocalIP", "192.168.1.1")
    root.config("set", "LocalNetmask", "255.255.255.0")
    root.db("networks", "set", "10.0.0.0", "network", "Mask", "255.255.0.0")
    root.config("setprop", "smanager", "status", "enabled")
    return root


def _lines(root: Root) -> list[str]:
    """Return the lines of the file that are about it, those in its <Location> among them."""
    root.expand(FILE)
    text = root.read(FILE)
    found = re.findall(r"(?ms)^ *<Location \"/server-manager\">.*?</Location>|^[^\n]*/server-manager[^\n]*$", text)
    return [line.strip() for part in found for line in part.splitlines()]


def test_it_is_passed_on(site: Root) -> None:
    """With encryption it is passed on for local networks; without, the browser is sent to where it is encrypted."""
    assert _lines(site) == [
        _REDIRECT,
        '<Location "/server-manager">',
        "Require local",
        "Require ip 192.168.1.1/255.255.255.0",
        "Require ip 10.0.0.0/255.255.0.0",
        "ProxyPreserveHost On",
        "ProxyAddHeaders On",
        "</Location>",
        _PASS,
        _COOKIE,
    ]


def test_who_may_reach_it(site: Root) -> None:
    """The setting opens it to all, or to the machine itself alone; ports are those of the settings."""
    site.config("setprop", "smanager", "access", "public", "TCPPort", "1982")
    site.config("setprop", "modSSL", "TCPPort", "8443")
    lines = _lines(site)
    assert [line for line in lines if line.startswith("Require")] == []
    assert lines[0] == _REDIRECT.replace("SERVER_NAME}/", "SERVER_NAME}:8443/")
    assert lines[-2] == _PASS.replace("982", "1982")
    site.config("setprop", "smanager", "access", "localhost")
    assert [line for line in _lines(site) if line.startswith("Require")] == ["Require local"]


@pytest.mark.parametrize(
    "words",
    [("smanager", "status", "disabled"), ("modSSL", "status", "disabled")],
    ids=["disabled", "no encryption"],
)
def test_nothing_is_passed_on(site: Root, words: tuple[str, str, str]) -> None:
    """Where it is disabled, or nothing is encrypted, there is nothing of it."""
    site.config("setprop", *words)
    assert _lines(site) == []


@pytest.mark.parametrize("path", ["/home/e-smith/ssl.pem/pem", "/sbin/e-smith/esmith-manager"])
def test_what_is_missing(site: Root, path: str) -> None:
    """Without a certificate, or where it is not installed, there is nothing of it either."""
    site.file(path).unlink()
    assert _lines(site) == []


@pytest.mark.program("apache2")
def test_apache_reads_it(site: Root) -> None:
    """Apache accepts the file, and its module passes on what the lines say."""
    _lines(site)
    # In a root folder the certificate is not where Apache would look for it, so the lines stand by themselves.
    done = subprocess.run(
        ["apache2", "-t", "-f", str(site.file(FILE))], capture_output=True, text=True, timeout=60, check=False
    )
    assert "Syntax OK" in done.stderr


def test_its_pam_file(root: Root) -> None:
    """The file of PAM asks for password and account as other logins do, and for nothing else."""
    root.expand("/etc/pam.d/server-manager")
    rules = [line for line in root.lines("/etc/pam.d/server-manager") if not line.startswith("#")]
    assert rules == ["@include common-auth", "@include common-account"] or rules == [
        "auth       include      system-auth",
        "account    include      system-auth",
    ]


def test_events(root: Root) -> None:
    """The event about access writes both files, and starts the helper without ever restarting it."""
    place = root.file("/etc/e-smith/events/remoteaccess-update")
    assert {FILE, "/etc/pam.d/server-manager"} <= set((place / "templates2expand/LIST").read_text().split("\n"))
    adjusted = dict(line.split() for line in (place / "services2adjust/LIST").read_text().splitlines() if line)
    assert (adjusted["smanager-helper"], adjusted["smanager"]) == ("start", "restart")
