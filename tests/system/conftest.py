"""One running mail system for all tests of a worker."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator

import pytest

from tests.qpsmtpd.dns import FakeDNS
from tests.system.machine import Machine, machine_trouble
from tests.system.mail import CONFIG, SERVER, SETUP, MailSystem, know_the_world, prepare


@pytest.fixture(scope="package")
def _running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailSystem]:
    if trouble := machine_trouble():
        if os.environ.get("ESMITH_REQUIRE_DAEMONS") == "1":
            pytest.fail(trouble)
        pytest.skip(trouble)
    folder = tmp_path_factory.mktemp("system")
    try:
        machine = Machine(prepare(folder / "prepared"), folder / "work", ["198.51.100.1", SERVER, "203.0.113.5"])
    except RuntimeError as error:
        # A plain user may not mount an overlay over a directory that has other mounts in it, e.g. /var/log.
        if os.geteuid() != 0 and "cannot mount" in str(error):
            pytest.skip(f"not possible here: file systems are mounted below a directory that is mounted over: {error}")
        raise
    dns = FakeDNS((machine.listen(("127.0.0.1", 53), "SOCK_DGRAM"), machine.listen(("127.0.0.1", 53))))
    know_the_world(dns)
    try:
        script = folder / "work/setup"
        script.write_text(SETUP.format(python=sys.executable, config=CONFIG))
        machine.run("sh", "-eu", str(script))
        machine.fork_commands()
        system = MailSystem(machine, dns)
        system.boot()
        yield system
    finally:
        machine.close()
        dns.close()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def mail(_running: MailSystem) -> Iterator[MailSystem]:
    """Return the running mail system as it was installed; what the test changes is taken back."""
    yield _running
    _running.forget()
