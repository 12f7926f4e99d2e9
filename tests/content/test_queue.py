"""Which program queues mail, and what commands report where it is not installed."""

from __future__ import annotations

import pytest

from tests.commands import Root

PEERS = "/var/service/qpsmtpd/config/peers"
CURE = "\n  to have Postfix deliver mail:\n    apt-get install postfix\n"


def _install(root: Root, *paths: str) -> None:
    for path in paths:
        root.write(path, "#!/bin/sh\n", mode=0o755)


def _queues(root: Root) -> list[str]:
    return [line for name in ("0", "local") for line in root.lines(f"{PEERS}/{name}") if line.startswith("queue/")]


@pytest.mark.parametrize(
    ("installed", "setting", "queue"),
    [
        ((), "", "queue/qmail-queue"),
        (("/var/qmail/bin/qmail-queue",), "", "queue/qmail-queue"),
        (("/usr/sbin/postfix",), "", "queue/postfix"),
        (("/usr/sbin/postfix", "/var/qmail/bin/qmail-queue"), "", "queue/qmail-queue"),
        (("/usr/sbin/postfix", "/var/qmail/bin/qmail-queue"), "postfix", "queue/postfix"),
        (("/usr/sbin/postfix",), "qmail", "queue/qmail-queue"),
    ],
)
def test_the_setting_or_else_what_is_installed(
    office: Root, installed: tuple[str, ...], setting: str, queue: str
) -> None:
    """qmail comes before Postfix; the setting comes before both. Postfix's files are there where it is the queue."""
    _install(office, *installed)
    if setting:
        office.config("setprop", "qpsmtpd", "Queue", setting)
    office.signal("email-update")
    assert _queues(office) == [queue, queue]
    assert office.file("/etc/postfix/main.cf").exists() == (queue == "queue/postfix")
    assert office.file("/var/qmail/users/assign").exists()


@pytest.mark.parametrize("setting", ["", "qmail", "postfix"])
def test_without_a_queue_there_is_one_warning(office: Root, setting: str) -> None:
    """Where qpsmtpd is installed and its queue is not, the event succeeds, and one warning has the cure."""
    for name in office.read("/var/service/qpsmtpd/config/plugin_dirs").splitlines():
        if name.startswith("/"):
            office.file(name).mkdir(parents=True, exist_ok=True)
    plugins = {
        line.split()[0] for name in ("0", "local") for line in office.lines(f"{PEERS}/{name}") if line[:1] != "#"
    }
    _install(office, *(f"/usr/share/qpsmtpd/plugins/{name}" for name in {*plugins, "hosts_allow", "tls"}))
    if setting:
        office.config("setprop", "qpsmtpd", "Queue", setting)
    answer = office.signal("email-update")
    assert answer.err.count("put off with 451") == 1
    assert CURE in answer.err
    _install(office, "/usr/sbin/postfix")
    office.config("setprop", "qpsmtpd", "Queue", "postfix")
    assert "451" not in office.signal("email-update").err


def test_a_queue_that_is_not_installed(office: Root) -> None:
    """setprop, esmith services and esmith status name what is missing and the command that helps."""
    answer = office.config("setprop", "qpsmtpd", "Queue", "postfix")
    assert "Queue: postfix needs /usr/sbin/postfix, which is not installed (stored as given)" in answer.err
    assert "apt-get install postfix" in answer.err
    for command in ("services", "status"):
        out = office.esmith(command, *(["-v"] if command == "status" else []), code=None).out
        assert "  /usr/sbin/postfix is not installed: mail that comes in is put off" in out
        assert "    apt-get install postfix\n" in out
        assert "qmail-start" not in out
    _install(office, "/usr/sbin/postfix")
    assert office.config("setprop", "qpsmtpd", "Queue", "postfix").err == ""
    assert "not installed" not in office.esmith("services").out


def test_qmail_that_is_not_installed(office: Root) -> None:
    """Debian has no package of qmail, so what helps is the other queue."""
    answer = office.config("setprop", "qpsmtpd", "Queue", "qmail")
    assert "config setprop qpsmtpd Queue postfix" in answer.err
    out = office.esmith("services").out
    assert "    apt-get install postfix\n    config setprop qpsmtpd Queue postfix\n" in out
    assert "apt-get install qmail" not in out


def test_a_service_of_which_one_is_enough(office: Root) -> None:
    """Without a setting, one that is installed is enough, and in a folder none is missed."""
    assert "not installed" not in office.esmith("services").out
    _install(office, "/var/qmail/bin/qmail-start")
    assert "not installed" not in office.esmith("services").out
