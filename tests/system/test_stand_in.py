"""``esmith init --services``: where there is no qmail, its name leads to Postfix."""

from __future__ import annotations

import os

import pytest

from tests.commands import Root


def _with_postfix(root: Root) -> None:
    root.write("/usr/sbin/postfix", "#!/bin/sh\n", mode=0o755)
    root.esmith("init", "--services", "runit", "/service")


def _links(root: Root) -> dict[str, tuple[str, int]]:
    return {path.name: (os.readlink(path), path.lstat().st_ino) for path in root.file("/service").iterdir()}


def test_the_name_of_qmail_leads_to_postfix(root: Root) -> None:
    """Where there is no qmail, /service/qmail is a link to the directory of Postfix; nothing of qmail is made."""
    _with_postfix(root)
    assert root.file("/service/qmail").readlink() == root.file("/var/service/postfix")
    assert root.file("/etc/service/qmail/run").exists()
    assert not root.file("/var/service/qmail").exists()
    before = _links(root)
    root.esmith("init", "--services", "runit", "/service")
    assert _links(root) == before


def test_a_qmail_that_is_installed_gets_its_name_back(root: Root) -> None:
    """Once qmail is there, its name leads to its own service, and that is not replaced when it is not the queue."""
    _with_postfix(root)
    root.write("/var/qmail/bin/qmail-start", "#!/bin/sh\n", mode=0o755)
    root.esmith("init", "--services", "runit", "/service")
    assert root.file("/service/qmail").readlink() == root.file("/var/service/qmail")
    root.config("setprop", "qpsmtpd", "Queue", "postfix")
    root.esmith("init", "--services", "runit", "/service")
    assert root.file("/service/qmail").readlink() == root.file("/var/service/qmail")
    assert root.file("/service/postfix").readlink() == root.file("/var/service/postfix")


@pytest.mark.parametrize("place", ["/service/qmail/run", "/var/service/qmail/run"])
def test_a_qmail_of_somebody_else_keeps_its_name(root: Root, place: str) -> None:
    """A service directory of qmail that somebody else made is not replaced by a link to Postfix."""
    root.write(place, "#!/bin/sh\n", mode=0o755)
    _with_postfix(root)
    assert not root.file("/service/qmail").is_symlink()
    assert root.read(place) == "#!/bin/sh\n"


def test_the_name_goes_where_services_go_to_systemd(root: Root) -> None:
    """The link goes with the others when systemd starts the services."""
    _with_postfix(root)
    root.esmith("init", "--services", "systemd")
    assert not os.path.lexists(root.file("/etc/service/qmail"))
    assert not os.path.lexists(root.file("/var/service/qmail"))
