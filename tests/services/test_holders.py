"""Processes that hold the ports of our services."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys

import pytest

from esmith.layout import Layout
from esmith.services import holders
from esmith.services.definition import Services
from esmith.services.holders import Holder, find_holders, listeners
from esmith.services.service import Probe, Service
from esmith.services.useful import ports_of
from tests.commands import Root

_CHILD = "import os, sys, time; sys.stdout.write('x'); sys.stdout.flush(); time.sleep(60)"


@pytest.fixture
def taken() -> socket.socket:
    """A socket that listens at a free port, of this process."""
    sock = socket.create_server(("127.0.0.1", 0))
    sock.set_inheritable(True)
    return sock


def _service(port: int, *replaces: str) -> Service:
    return Service("mine", "mine", probe=Probe(port=port), replaces=replaces)


def test_a_stranger_is_named_with_a_cure(taken: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who listens at a port of ours is named by port, process and program, with the command that ends it."""
    port = taken.getsockname()[1]
    monkeypatch.setattr(holders, "unit_of", lambda _pid: "")
    found = find_holders(Layout("/"), [(_service(port), None)])
    assert [(one.port, one.pid, one.service) for one in found] == [(port, os.getpid(), "mine")]
    assert str(found[0]).startswith(f"port {port} of mine is taken by ")
    assert f"(process {os.getpid()})" in str(found[0])
    assert found[0].cure == f"kill {os.getpid()}"


def test_a_unit_is_stopped_as_a_unit(taken: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    """What systemd has started it would start again; a unit that a service replaces is named as that elsewhere."""
    port = taken.getsockname()[1]
    monkeypatch.setattr(holders, "unit_of", lambda _pid: "other.service")
    found = find_holders(Layout("/"), [(_service(port), None)])
    assert found[0].cure == "systemctl disable --now other.service"
    assert "of other.service)" in str(found[0])
    assert find_holders(Layout("/"), [(_service(port, "other.service"), None)]) == []


def test_the_service_itself_is_no_stranger(taken: socket.socket) -> None:
    """Neither its process nor one that this has started is named."""
    port = taken.getsockname()[1]
    assert find_holders(Layout("/"), [(_service(port), os.getpid())]) == []
    assert find_holders(Layout("/"), [(_service(port), os.getppid())]) == []


def test_of_several_the_first_is_named(taken: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    """A child that has the socket too is not who is to be ended."""
    monkeypatch.setattr(holders, "unit_of", lambda _pid: "")
    port = taken.getsockname()[1]
    words = [sys.executable, "-c", _CHILD]
    with subprocess.Popen(words, stdout=subprocess.PIPE, pass_fds=[taken.fileno()]) as child:
        assert child.stdout is not None
        child.stdout.read(1)
        assert listeners([port]) == {port: {os.getpid(), child.pid}}
        assert [one.pid for one in find_holders(Layout("/"), [(_service(port), None)])] == [os.getpid()]
        child.send_signal(signal.SIGKILL)


def test_a_folder_has_no_processes(taken: socket.socket, root: Root) -> None:
    """Under a root that is only a folder nobody is named, whatever runs on the machine."""
    assert find_holders(Layout(str(root.path)), [(_service(taken.getsockname()[1]), None)]) == []


def test_ports_are_those_of_the_files(office: Root) -> None:
    """The ports of the shipped services are what their generated files say; of a missing file there are none."""
    layout = Layout(str(office.path))
    services = Services(layout)
    assert ports_of(layout, services.of("spamd")) == {783}
    assert ports_of(layout, services.of("dovecot")) == {110, 143}
    office.config("setprop", "smtpd", "TCPPort", "2525")
    office.signal("email-update")
    assert ports_of(layout, services.of("qpsmtpd")) == {2525}
    office.file("/var/service/qpsmtpd/runenv").unlink()
    assert ports_of(layout, services.of("qpsmtpd")) == set()


def test_the_unit_of_a_process() -> None:
    """This process is of the unit that the control groups of the kernel say, or of none."""
    with open("/proc/self/cgroup", encoding="ascii") as file:
        has_unit = ".service" in file.read()
    assert bool(holders.unit_of(os.getpid())) == has_unit
    assert holders.unit_of(2**22 + 1) == ""


def test_how_one_is_shown() -> None:
    """The line has all that an administrator looks for."""
    line = "port 25 of qpsmtpd is taken by exim4 (process 7)"
    assert str(Holder(25, 7, "exim4", "", "qpsmtpd")) == line
