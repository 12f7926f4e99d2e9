"""The settings of the relay that logs in at the provider: its file, and when mail goes through it."""

from __future__ import annotations

import pytest

from esmith.cli.prompt_files import prompt_files
from esmith.layout import Layout
from esmith.proxy.settings import Settings, read_settings
from esmith.setup import shipped
from tests.commands import Root

FILE = "/etc/smtp-auth-proxy.conf"
ROUTES = "/var/qmail/control/smtproutes"
COMMAND = "/sbin/e-smith/smtp-auth-proxy"


def _enable(office: Root) -> None:
    office.esmith("init", "--services", "runit", "/service")
    office.config("set", "SMTPSmartHost", "mx.isp.test")
    office.config("setprop", "smtp-auth-proxy", "status", "enabled", "Userid", "bob", "Passwd", " a # \"b\\'{{ x }}é")


def _settings(office: Root) -> Settings:
    office.signal("email-update")
    return read_settings(str(office.file(FILE)))


def test_the_file_holds_the_settings(office: Root) -> None:
    """What is set reaches the relay, a password of any characters as it is, and only root may read the file."""
    _enable(office)
    assert _settings(office) == Settings(
        "mx.isp.test", user="bob", password=" a # \"b\\'{{ x }}é", helo="mail.example.com", largest=15_000_000
    )
    assert office.file(FILE).stat().st_mode & 0o777 == 0o600
    office.config("setprop", "smtp-auth-proxy", "PeerPort", "587", "TLS", "unverified", "ProxyPort", "2525")
    office.config("setprop", "smtp-auth-proxy", "CAFile", "/etc/isp.pem", "Debug", "enabled")
    office.config("setprop", "qmail", "MaxMessageSize", "1000", "ConcurrencyRemote", "5")
    found = _settings(office)
    assert (found.port, found.tls, found.listen, found.ca_file) == (587, "unverified", 2525, "/etc/isp.pem")
    assert (found.debug, found.largest, found.connections) == (True, 1000, 5)
    assert office.lines(ROUTES) == [":127.0.0.1:2525"]


def test_a_server_of_its_own(office: Root) -> None:
    """The relay's own server goes before the one for all mail, and a port in a name before PeerPort."""
    _enable(office)
    office.config("setprop", "smtp-auth-proxy", "SMTPSmartHost", "login.isp.test:465")
    found = _settings(office)
    assert (found.server, found.port) == ("login.isp.test", 465)


@pytest.mark.parametrize(
    "words", [["setprop", "smtp-auth-proxy", "status", "disabled"], ["set", "SMTPSmartHost", "off"]]
)
def test_no_password_stays_where_none_is_needed(office: Root, words: list[str]) -> None:
    """When the relay is disabled, or there is no provider, the file with the password is removed."""
    _enable(office)
    office.signal("email-update")
    office.config(*words)
    office.signal("email-update")
    assert not office.file(FILE).exists()
    assert "127.0.0.1" not in office.read(ROUTES)


def test_the_relay_is_not_installed(office: Root) -> None:
    """Mail then goes to its receivers directly; the event and status say so with the cure, until it is installed."""
    _enable(office)
    office.file(COMMAND).unlink()
    shown = office.signal("email-update").err
    assert "smtp-auth-proxy is enabled but not installed, so outgoing mail goes to its receivers directly" in shown
    assert "\n  to see the commands that install it: esmith status\n" in shown
    assert office.lines(ROUTES) == []
    shown = office.esmith("status", "-v", code=None).out
    # The library is there, as in every environment of the tests.
    assert (
        "  /sbin/e-smith/smtp-auth-proxy is not installed: "
        "outgoing mail goes to its receivers directly, and not through the provider\n"
        "  to install it:\n"
        "    esmith init --services runit /service\n"
        "    signal-event email-update\n"
    ) in shown
    office.esmith("init")
    assert "directly" not in office.signal("email-update").err
    assert office.lines(ROUTES) == [":127.0.0.1:26"]
    assert "smtp-auth-proxy is not installed" not in office.esmith("status", "-v", code=None).out


def test_nothing_starts_the_relay(office: Root) -> None:
    """Without a service directory mail goes to its receivers directly; the event and status say so with the cure."""
    office.config("set", "SMTPSmartHost", "mx.isp.test")
    office.config("setprop", "smtp-auth-proxy", "status", "enabled")
    shown = office.signal("email-update").err
    assert "smtp-auth-proxy is enabled but nothing starts it, so outgoing mail goes to its receivers directly" in shown
    commands = "    esmith init --services runit /service\n    signal-event email-update\n"
    assert f"\n  to write its service directory:\n{commands}" in shown
    assert office.lines(ROUTES) == []
    status = (
        "service smtp-auth-proxy: wanted up, is not supervised\n"
        "  nothing starts it: outgoing mail goes to its receivers directly, and not through the provider\n"
        f"  to write its service directory:\n{commands}"
    )
    assert status in office.esmith("status", "-v", code=None).out
    office.esmith("init", "--services", "runit", "/service")
    office.signal("email-update")
    assert office.lines(ROUTES) == [":127.0.0.1:26"]
    assert "nothing starts it" not in office.esmith("status", "-v", code=None).out


def test_init_removes_the_command_when_its_library_is_gone(office: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """An upgrade to a Python without the library takes the command away, so that no mail is routed to it."""
    layout = Layout(str(office.path))
    assert office.file(COMMAND).exists()
    commands = shipped.OPTIONAL_COMMANDS | {"smtp-auth-proxy": ("a:b", ("no_such_package",))}
    monkeypatch.setattr(shipped, "OPTIONAL_COMMANDS", commands)
    assert shipped.ProductFiles(layout, prompt_files(layout)).dropped == [str(office.file(COMMAND))]
    assert str(office.file(COMMAND)) not in shipped.command_files(layout)
