"""Real daemontools: what differs from runit."""

from __future__ import annotations

import subprocess

import pytest

from esmith.services.daemontools import DaemontoolsSupervisor

from .servers import Server, ServiceTree, eventually

pytestmark = pytest.mark.program("svscan", "svc")


@pytest.mark.usefixtures("daemontools")
def test_svc_exits_0_when_it_could_do_nothing(tree: ServiceTree) -> None:
    """Therefore whatever it writes is taken for a complaint."""
    directory = tree.add("imap")
    svc = subprocess.run(["svc", "-u", directory], capture_output=True, text=True, check=False)
    assert svc.returncode == 0
    assert DaemontoolsSupervisor(tree.folder).complaint(svc.returncode, svc.stderr.strip()) == svc.stderr.strip() != ""


def test_exit_ends_the_supervisor_too(daemontools: Server, tree: ServiceTree) -> None:
    """svscan then starts the service again."""
    tree.add("imap")
    daemontools.start()
    pid = daemontools.ready("imap")
    daemontools.supervisor().control("imap", "exit")
    eventually(lambda: not tree.directory("imap").is_supervised(), "supervise ends")
    eventually(lambda: tree.directory("imap").is_supervised(), "svscan starts another")
    assert daemontools.ready("imap") != pid
