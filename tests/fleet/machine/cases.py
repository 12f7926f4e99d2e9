"""The cases, one function each, in the order of docs/fleet.md. What one finds wrong it raises as FaultError."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

from tests.documents import Block, blocks
from tests.fleet.machine.places import ADDRESSES, PLACES, UNIT, make_places, place_of, root_of, type_at
from tests.units.kit import PATH, FaultError, pid_of, require, run, show, wait_until

_REPOSITORY = Path(__file__).resolve().parents[3]
_UNIT = "esmith-fleet"
#: Where the document keeps a backup of etcd.
BACKUP = Path("/var/backups/etcd.db")
_agents: dict[str, subprocess.Popen[bytes]] = {}


def typed(heading: str) -> list[str]:
    """Return the blocks of a section of the document.

    :raises FaultError: when there are none, so that the document and this test stay together.
    """
    found = [block.text for block in _document() if block.section == heading]
    require(found, f"docs/fleet.md has no block of shell below {heading!r}")
    return found


def _document() -> list[Block]:
    return [block for block in blocks("sh") if block.document.name == "fleet.md"]


def programs_and_certificates() -> None:
    """Install the programs, and have the first machine make and hand out certificates."""
    (programs,) = typed("1. The programs, on each machine")
    type_at("mail1", programs, str(_REPOSITORY))
    make_places()
    (certificates,) = typed("2. Certificates, on the first one")
    type_at("mail1", certificates)
    require((place_of("mail3") / "root/etcd/etcd").exists(), "mail3 has got no settings of etcd")


def three_etcd_are_healthy() -> None:
    """Start etcd on each machine; each is healthy."""
    start, health = typed("3. etcd, on each machine")
    for name in ADDRESSES:
        type_at(name, start)
    require(oct(Path("/etc/etcd/etcd.key").stat().st_mode & 0o777) == "0o600", "others may read the key of etcd")
    wait_until(lambda: shown_at("mail1", health).count("is healthy") == len(ADDRESSES), "the three are not healthy")


def first_host() -> None:
    """Make the fleet; the agent is a unit that runs."""
    make, start, look = typed("4. The fleet, on the first one")
    type_at("mail1", make)
    type_at("mail1", start)
    wait_until(lambda: "all is well" in shown_at("mail1", look), "esmith fleet status finds something wrong")
    wait_until(lambda: show(_UNIT, "ActiveState") == "active", f"{_UNIT} does not run")


def second_host_joins() -> None:
    """Invite another host, which joins; its agent runs."""
    run("env", f"ESMITH_ROOT={root_of('mail2')}", "esmith", "init", "--domain", "example.com", "--name", "mail2")
    invite, join, event = typed("5. The others join")
    type_at("mail1", invite)
    require(not Path("/root/mail2.token").exists(), "the token is still there")
    type_at("mail2", join)
    start_agent("mail2")
    type_at("mail2", event)


def start_agent(name: str) -> None:
    """Start the agent of a machine whose root is a folder, which no systemd watches."""
    environment = {"PATH": PATH, "HOME": "/root", "LC_ALL": "C.UTF-8", "ESMITH_ROOT": root_of(name)}
    _agents[name] = subprocess.Popen(["esmith", "fleet", "agent"], env=environment, stdin=subprocess.DEVNULL)


def end_agent(name: str) -> None:
    """End that agent, if it runs."""
    agent = _agents.pop(name, None)
    if agent is not None:
        agent.send_signal(signal.SIGTERM)
        agent.wait()


def setting_arrives() -> None:
    """What is set on one host is read on the other, and status names both."""
    here, there = typed("6. See that it works")
    type_at("mail1", here)
    wait_until(lambda: shown_at("mail2", there).startswith("enabled\n"), "the setting does not arrive at mail2")
    require(sorted(_hosts()) == ["mail1", "mail2"], f"status names others: {_hosts()}")


def shown_at(name: str, text: str) -> str:
    """Return what commands print; "" while one of them has something to find."""
    try:
        return type_at(name, text)
    except FaultError:
        return ""


def _hosts() -> dict[str, Any]:
    """Return the hosts by name as ``esmith fleet status --json`` has them."""
    found = json.loads(run("esmith", "fleet", "status", "--json", code=None))
    return {host["host"]: host for host in found["hosts"]}


def agent_is_restarted() -> None:
    """The unit is restarted as another process, and a change of the other host arrives."""
    before = pid_of(_UNIT)
    run("systemctl", "restart", _UNIT)
    wait_until(lambda: pid_of(_UNIT) not in (0, before), f"{_UNIT} was not started again")
    type_at("mail2", "config setprop qpsmtpd DNSBL disabled\n")
    wait_until(
        lambda: run("config", "getprop", "qpsmtpd", "DNSBL") == "disabled\n", "the setting does not arrive at mail1"
    )


def disabled_and_enabled() -> None:
    """Without its agent a change of a shared setting is refused; one for this host is not."""
    run("systemctl", "stop", _UNIT)
    refused = run("config", "setprop", "qpsmtpd", "DNSBL", "enabled", code=None)
    require("fleet" in refused, f"a change without the agent is not refused: {refused}")
    require(run("config", "getprop", "qpsmtpd", "DNSBL") == "disabled\n", "a refused change is there")
    run("systemctl", "start", _UNIT)
    wait_until(lambda: show(_UNIT, "ActiveState") == "active", f"{_UNIT} does not run")


def leaves_and_is_removed() -> None:
    """The other host leaves, then the first one; etcd is taken away."""
    leave, remove = typed("Leaving again")
    type_at("mail2", leave)
    type_at("mail1", leave)
    require(run("config", "getprop", "qpsmtpd", "DNSBL") == "disabled\n", "a host that left has other settings")
    type_at("mail1", remove)


def clean_up() -> None:
    """End what was started, and remove what is left."""
    for name in [*_agents]:
        end_agent(name)
    for name in ADDRESSES:
        run("systemctl", "stop", f"etcd-{name}", code=None)
    run("rm", "-rf", str(PLACES), str(UNIT))
    run("apt-get", "purge", "-y", "etcd-server", "etcd-client", code=None)
    run("rm", "-rf", "/etc/etcd", "/var/lib/etcd", str(BACKUP))
