"""The action network-interfaces: what it writes, and the MTU of the card itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import Root
from tests.documents import HOME

ACTION = HOME / "events/actions/network-interfaces"
IFCFG = "/etc/sysconfig/network-scripts/ifcfg-eth0"
#: Run in namespaces of its own: a card, the system's files about it, and settings that a stand-in for config prints.
INSIDE = """
import os, subprocess, sys
sys.path.insert(0, sys.argv[1])
from tests.page.network import add_card
add_card("eth0", "192.0.2.7", 24)
subprocess.run(["mount", "-t", "sysfs", "sysfs", "/sys"], check=True)
places = sys.argv[3] + ":/usr/bin:/bin" + (":/usr/sbin:/sbin" if len(sys.argv) < 5 else "")
done = subprocess.run([sys.argv[2]], env={"PATH": places, "ESMITH_ROOT": "/"}, stderr=subprocess.DEVNULL)
with open("/sys/class/net/eth0/mtu") as file:
    print(done.returncode, file.read().strip())
"""


def boot(tmp_path: Path, mtu: str, *more: str) -> str:
    """Run the action on a machine with a card eth0 whose MTU is set so, and return what it prints and does.

    :param more: anything, for a machine without the program ip.
    """
    for name, body in {"config": f'case $*:$2 in *Name:Int*) echo eth0 ;; *MTU:Int*) echo "{mtu}" ;; esac'}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
    (tmp_path / "expand-template").write_text("#!/bin/sh\n")
    for name in ("config", "expand-template"):
        (tmp_path / name).chmod(0o755)
    words = ["unshare", "--net", "--mount", sys.executable, "-c", INSIDE, str(HOME), str(ACTION), str(tmp_path), *more]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if "Operation not" in done.stderr:
        pytest.skip(f"not possible here: no network cards are made: {done.stderr.splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    return done.stdout


MTUS = {
    "smaller": ("1492", "0 1492\n"),
    "as it is": ("1500", "0 1500\n"),
    "not set": ("", "0 1500\n"),
    "no number": ("big", "0 1500\n"),
    "too small": (
        "10",
        "the network card eth0 does not take MTU 10; to see what it takes: ip -d link show dev eth0\n11 1500\n",
    ),
}


@pytest.mark.root("the cards of a machine are root's")
@pytest.mark.program("unshare", "ip")
@pytest.mark.parametrize(("mtu", "wanted"), MTUS.values(), ids=MTUS)
def test_the_card_gets_its_mtu(tmp_path: Path, mtu: str, wanted: str) -> None:
    """At a boot the card has the MTU of the setting; one that it does not take leaves a part undone, and says so."""
    assert boot(tmp_path, mtu) == wanted


@pytest.mark.root("the cards of a machine are root's")
@pytest.mark.program("unshare")
def test_without_the_program(tmp_path: Path) -> None:
    """Without the program ip the card keeps its MTU, and the action says which package has it."""
    printed = boot(tmp_path, "1492", "without ip")
    if Path("/bin/ip").exists() or Path("/usr/bin/ip").exists():
        pytest.skip("not possible here: ip is among the programs that the test itself needs")
    assert "apt-get install iproute2" in printed
    assert printed.endswith("11 1500\n")


def test_a_root_folder_changes_no_card(office: Root) -> None:
    """Under a root folder the file is written, and no card of the machine is touched."""
    before = {path: path.read_text() for path in Path("/sys/class/net").glob("*/mtu")}
    office.config("set", "InternalInterface", "interface", "Name", "eth0", "Configuration", "static", "MTU", "1492")
    office.signal("bootstrap-console-save")
    assert "MTU=1492" in office.lines(IFCFG)
    assert {path: path.read_text() for path in Path("/sys/class/net").glob("*/mtu")} == before
