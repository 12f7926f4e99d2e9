"""``make demo-fleet``: ``python -m demo.fleet FOLDER [--wait]``: three etcd and three servers, in a folder.

Nothing of it needs root, nothing is written outside of the folder, and only 127.0.0.1 is listened on.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import time
from pathlib import Path

import click

from demo.fleet import cluster
from demo.fleet.hosts import FINDINGS, Host, say
from demo.fleet.processes import wait_for
from demo.fleet.programs import find_etcd
from demo.mail.folder import only_one
from esmith.cli.program import run_click
from esmith.directories import make_directory
from esmith.errors import UsageError
from esmith.layout import Layout

FLEET, EVENT = "demo", "email-update"
#: The file that says that all has been set up, and how to look at it.
READ_ME = "README"
#: What a change may be typed again, while another leader is elected.
_TRIES = 10
_AGAIN = """\
Three etcd (etcd/) and three servers that are folders (mail1/, mail2/, mail3/), made by make demo-fleet.

Start them, and leave them running until ^C:   make demo-fleet WAIT=yes
In another window, in the folder of the repository:
  export PATH=$PWD/.venv/bin:$PATH
  export ESMITH_ROOT={folder}/mail1     (or mail2, mail3)
  esmith fleet status
  config show --layers qpsmtpd
"""


class Demo:
    """The demo in one folder.

    :param folder: the folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hosts = [Host(name, folder) for name in cluster.NAMES]
        self.etcd: cluster.Cluster | None = None

    def set_up(self) -> None:
        """Make the servers and the fleet; what is there already is started only."""
        program = find_etcd(self.folder / "program")
        complete = (self.folder / READ_ME).exists()
        if not complete:
            self._make_servers()
        self.etcd = cluster.Cluster(self.folder / "etcd", program)
        say("\n# Three etcd, of which two have to be there; all connections are encrypted")
        self.etcd.start()
        if complete:
            for host in self.hosts:
                host.start_agent()
            return
        self._make_fleet(self.etcd.endpoints)
        (self.folder / READ_ME).write_text(_AGAIN.format(folder=self.folder))

    def _make_servers(self) -> None:
        say("\n# Three servers: folders with templates, events and databases")
        for name in (*cluster.NAMES, "etcd"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        for host in self.hosts:
            host.run("esmith", "init", "--domain", "example.com", "--name", host.name)
            host.run("signal-event", EVENT)
        cluster.make_certificates(self.hosts[0], self.folder / "etcd")

    def _make_fleet(self, endpoints: list[str]) -> None:
        first, *others = self.hosts
        say("\n# The first server makes the fleet, the others join with an invitation")
        first.type("esmith", "fleet", "init", "--name", FLEET, "--host", first.name, "--endpoints", ",".join(endpoints), "--yes")
        first.start_agent()
        for host in others:
            say(f"{first.name}$ esmith fleet invite {host.name} >token")
            token = first.run("esmith", "fleet", "invite", host.name)
            say(f"{host.name}$ esmith fleet join --yes <token")
            say(host.run("esmith", "fleet", "join", "--yes", given=token).rstrip())
            host.start_agent()

    def play(self) -> None:
        """Change settings, with and without a leader, and with a server that is away."""
        assert self.etcd is not None
        first, second, third = self.hosts
        # From the same state every time, so that a second run shows the same changes.
        first.run("config", "setprop", "qpsmtpd", "DNSBL", "disabled", "RHSBL", "disabled")
        self.wait_for_all()
        for host in self.hosts:
            host.run("signal-event", EVENT)
        say("\n# A setting on one server; each server makes its own files of it")
        first.type("config", "setprop", "qpsmtpd", "DNSBL", "enabled")
        self.wait_for_all()
        for host in self.hosts:
            host.type("signal-event", "--diff", EVENT)
        say("\n# The etcd that leads is killed, and another server makes a change")
        say(f"(killed: {self.etcd.kill_leader()})")
        began = time.monotonic()
        second.type("config", "setprop", "qpsmtpd", "RHSBL", "enabled", tries=_TRIES)
        say(f"(accepted {time.monotonic() - began:.1f} s after that)")
        self.wait_for_all()
        first.type("config", "getprop", "qpsmtpd", "RHSBL")
        self.etcd.start()
        say(f"\n# {third.name} is away; {first.name} changes something meanwhile; {third.name} comes again")
        third.agent.end()
        first.type("config", "setprop", "qpsmtpd", "RHSBL", "disabled")
        third.type("config", "getprop", "qpsmtpd", "RHSBL")
        third.start_agent()
        self.wait_for_all()
        third.type("config", "getprop", "qpsmtpd", "RHSBL")
        say("\n# What all of them say")
        second.type("config", "show", "--layers", "qpsmtpd")
        first.type("esmith", "fleet", "status", good=(0, FINDINGS))

    def wait_for_all(self) -> None:
        """Wait until all servers have the same fleet revision."""

    def stop(self) -> None:
        """End all that was started."""
        for host in self.hosts:
            host.agent.end()
        if self.etcd is not None:
            self.etcd.stop()


@click.command("demo-fleet")
@click.argument("folder")
@click.option("--wait", is_flag=True, help="Go on until ^C, so that you can look around.")
def demo_fleet(folder: str, *, wait: bool) -> None:
    """Try a fleet: three etcd and three servers as processes of yours, in a folder."""
    layout = Layout(os.path.abspath(folder))
    try:
        make_directory(layout.root)
    except OSError as error:
        raise UsageError(f"cannot be made: {error.strerror}", place=layout.root) from error
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    demo = Demo(Path(layout.root))
    with only_one(layout):
        try:
            demo.set_up()
            demo.play()
            if wait:
                say(f"\nAll of it runs until you type ^C. In another window: {folder}/{READ_ME} says how to look around.")
                with contextlib.suppress(KeyboardInterrupt):
                    signal.pause()
        finally:
            demo.stop()
            say(f"\nAll of it has ended. {folder}/{READ_ME} says how to look at it again.")


if __name__ == "__main__":
    run_click(demo_fleet, "demo-fleet")
