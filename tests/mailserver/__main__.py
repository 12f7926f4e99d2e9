"""Plays the mail cases on this machine: ``python3 -m tests.mailserver [--queue postfix|qmail] [--keep]``.

It runs as root at ``/`` of a machine where e-smith and the daemons are installed and run, with the standard library of
Python alone. It makes accounts and domains, changes settings, is the name server that the machine asks, and takes all
of it back at the end. The machine may have no way to other networks. One line a case is printed, and the count; exit
code 1 when one failed, 2 when nothing could be played.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests.mailserver import world
from tests.mailserver.cases import PORTS
from tests.mailserver.player import Player
from tests.mailserver.server import QUEUES, Server, installed_queue


class _Count:
    """Prints the lines, and counts them."""

    def __init__(self) -> None:
        self.passed = self.failed = 0

    def report(self, passed: bool, name: str, fault: str) -> None:
        """Print one line, and more where something is wrong."""
        self.passed += passed
        self.failed += not passed
        print(f"{'ok  ' if passed else 'FAIL'} {name}{f': {fault}' if fault else ''}", flush=True)


def _play(queue: str, count: _Count, *, keep: bool) -> None:
    with ExitStack() as stack:
        # Units have a /tmp of their own, and smtp-auth-proxy reads a file of these.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mailserver-", dir="/srv")))
        folder.chmod(0o755)
        world.join_network()
        if dns := world.answer_names():
            stack.callback(dns.close)
        stack.callback(Path("/etc/resolv.conf").write_text, world.ask_here())
        key = world.make_certificate(folder)
        sinks = {name: world.Sink(port, key if name == "provider" else None) for name, port in PORTS.items()}
        for sink in sinks.values():
            stack.callback(sink.close)
        server = Server(queue)
        if not keep:
            stack.callback(server.restore)
        server.change(f"setprop qpsmtpd Queue {queue}")
        Player(server, sinks, key[1], count.report).play()


def main() -> int:
    """Play, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python3 -m tests.mailserver", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--queue", choices=sorted(QUEUES), default=installed_queue(), help="the queue to try")
    parser.add_argument("--keep", action="store_true", help="take nothing back at the end")
    options = parser.parse_args()
    if os.geteuid() != 0 or world.leads_outside():
        print("run it as root, on a machine without a way to other networks: unshare --net", file=sys.stderr)
        return 2
    if not options.queue or not os.path.exists(QUEUES[options.queue]):
        print(f"skipped: {QUEUES.get(options.queue, 'a mail queue')} is not there")
        return 0
    count = _Count()
    try:
        _play(options.queue, count, keep=options.keep)
    except (OSError, RuntimeError) as error:
        count.report(False, "the play could not go on", f"{type(error).__name__}: {error}")
    print(f"{count.passed} passed, {count.failed} failed")
    return 1 if count.failed else 0


if __name__ == "__main__":
    sys.exit(main())
