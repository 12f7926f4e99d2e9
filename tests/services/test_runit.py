"""Real runit: what daemontools does not have."""

from __future__ import annotations

import pytest

from esmith.errors import ServiceError
from esmith.services.model import Status

from .servers import Server, ServiceTree, eventually

pytestmark = pytest.mark.program("runsvdir", "sv")


def test_check_script_decides_whether_it_is_up(runit: Server, tree: ServiceTree) -> None:
    """A service whose check script fails is not available, although its process runs: that is an error."""
    directory = tree.add("imap", down=True)
    tree.write(directory, "check", "#!/bin/sh\nexit 1\n", 0o755)
    runit.start()
    with pytest.raises(ServiceError, match="service imap: start failed: sv says: timeout"):
        runit.supervisor(timeout=1).control("imap", "start")
    tree.write(directory, "check", "#!/bin/sh\nexit 0\n", 0o755)
    runit.supervisor().control("imap", "restart")
    assert runit.supervisor().status("imap").state is Status.UP


def test_stop_waits_for_the_finish_script(runit: Server, tree: ServiceTree) -> None:
    """A service is down when its finish script has ended."""
    directory = tree.add("imap")
    tree.write(directory, "finish", "#!/bin/sh\nsleep 0.5\necho done >finished\n", 0o755)
    runit.start()
    runit.supervisor().control("imap", "stop")
    assert tree.read("imap", "finished") == "done\n"


def test_exit_ends_the_supervisor_too(runit: Server, tree: ServiceTree) -> None:
    """runsvdir then starts the service again, as its own documentation says."""
    tree.add("imap")
    runit.start()
    pid = runit.ready("imap")
    runit.supervisor().control("imap", "exit")
    eventually(lambda: runit.ready("imap") != pid, "another process is ready")
