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

from demo.fleet.fleet import TRIES, Fleet, show
from demo.fleet.hosts import FINDINGS
from demo.mail.folder import only_one
from demo.printing import say
from esmith.cli.program import run_click
from esmith.directories import make_directory
from esmith.errors import UsageError
from esmith.layout import Layout

NAMES = ("mail1", "mail2", "mail3")
EVENT = "email-update"
#: What one server has otherwise than the rest.
EXCEPTION = ("configuration", "qpsmtpd", "LogLevel")
#: The file that says that all has been set up, and how to look at it again.
READ_ME = "README"
#: A path of a socket has 107 bytes (unix(7)).
_LONGEST_SOCKET, _SOCKET_BYTES = "/mail1/var/lib/e-smith/fleet/agent.socket", 107
_AGAIN = """\
Three etcd (etcd/) and three servers that are folders (mail1/, mail2/, mail3/), made by make demo-fleet.

Start them, and leave them running until ^C:   make demo-fleet WAIT=yes
In another window, in the folder of the repository:

  export PATH=$PWD/.venv/bin:$PATH
  export ESMITH_ROOT={folder}/mail1     (or mail2, mail3)
  esmith fleet status
  config show --layers qpsmtpd
"""


def usable_folder(path: str) -> Path:
    """Return the folder, made where it is not there.

    :raises UsageError: when its path is too long for a socket, or it cannot be made.
    """
    folder = os.path.abspath(path)
    if len(os.fsencode(folder + _LONGEST_SOCKET)) > _SOCKET_BYTES:
        raise UsageError(
            f"the path is longer than {_SOCKET_BYTES - len(_LONGEST_SOCKET)} bytes, so no socket can be made below it",
            place=folder,
            hint="clone the repository into a folder with a shorter path",
        )
    try:
        make_directory(folder)
    except OSError as error:
        raise UsageError(f"cannot be made: {error.strerror}", place=folder) from error
    return Path(folder)


def set_up(fleet: Fleet) -> None:
    """Make servers and fleet; what was made before is only started.

    :raises InstallError: when a command fails, or etcd cannot be had.
    """
    complete = fleet.folder / READ_ME
    if complete.exists():
        show("Three etcd and three servers, which were here already")
        fleet.start_etcd()
        fleet.start_agents()
        return
    show("Three servers: folders with templates, events and databases")
    for host in fleet.hosts:
        shutil.rmtree(host.root, ignore_errors=True)
        host.type("esmith", "init", "--domain", "example.com", "--name", host.name)
    show("Three etcd, of which two have to be there; all connections are encrypted")
    fleet.make_etcd()
    fleet.start_etcd()
    say("\n".join(fleet.etcd.endpoints))
    show("The first server makes the fleet, the others join with an invitation")
    fleet.make()
    complete.write_text(_AGAIN.format(folder=fleet.folder))


def play(fleet: Fleet) -> None:
    """Change settings: with all there, without the etcd that leads, and with a server that is away.

    :raises InstallError: when a command fails.
    """
    first, second, third = fleet.hosts
    # From the same state every time, so that a second run shows the same changes.
    first.run("config", "setprop", "qpsmtpd", "DNSBL", "disabled", "RHSBL", "disabled", tries=TRIES)
    fleet.wait_for_all()
    for host in fleet.hosts:
        host.run("signal-event", EVENT)
    show("A setting, made on one server, is in the databases of all; each makes its own files of it")
    first.type("config", "setprop", "qpsmtpd", "DNSBL", "enabled")
    fleet.wait_for_all()
    for host in fleet.hosts:
        host.type("signal-event", "--diff", EVENT)
    show("The etcd that leads is killed, and another server changes something")
    say(f"(killed: {fleet.etcd.kill_leader()})")
    began = time.monotonic()
    second.type("config", "setprop", "qpsmtpd", "RHSBL", "enabled", tries=TRIES)
    say(f"(accepted {time.monotonic() - began:.1f} s after that)")
    fleet.wait_for_all()
    first.type("config", "getprop", "qpsmtpd", "RHSBL")
    fleet.etcd.start()
    show(f"{third.name} is away while {first.name} changes something, and comes again")
    third.agent.end()
    first.type("config", "setprop", "qpsmtpd", "RHSBL", "disabled")
    third.type("config", "getprop", "qpsmtpd", "RHSBL")
    third.start_agent()
    fleet.wait_for_all()
    third.type("config", "getprop", "qpsmtpd", "RHSBL")
    show("An exception on one server, where its values come from, and how all are")
    second.type("config", "--host", "setprop", *EXCEPTION[1:], "7")
    second.type("config", "show", "--layers", "qpsmtpd")
    second.type("esmith", "fleet", "drop", *EXCEPTION)
    first.type("esmith", "fleet", "history", "--limit", "3")
    fleet.wait_for_reports()
    first.type("esmith", "fleet", "status", good=(0, FINDINGS))


@click.command("demo-fleet")
@click.argument("folder")
@click.option("--wait", is_flag=True, help="Go on until ^C, so that you can look around.")
def demo_fleet(folder: str, *, wait: bool) -> None:
    """Try a fleet: three etcd and three servers as processes of yours, in a folder."""
    place = usable_folder(folder)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    fleet = Fleet(place, NAMES)
    with only_one(Layout(str(place))):
        try:
            set_up(fleet)
            play(fleet)
            if wait:
                say(f"\nAll of it runs until you type ^C. How to look around is in {folder}/{READ_ME}")
                with contextlib.suppress(KeyboardInterrupt):
                    signal.pause()
        finally:
            fleet.stop()
            again = f" How to look at it again is in {folder}/{READ_ME}" if (place / READ_ME).exists() else ""
            say(f"\nAll that was started has ended.{again}")


if __name__ == "__main__":
    run_click(demo_fleet, "demo-fleet")
