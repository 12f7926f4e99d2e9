"""The three machines of docs/fleet.md on one machine: what each has of its own, and its shell."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tests.units.kit import PATH, FaultError

#: Where the other two machines have their files.
PLACES = Path("/var/tmp/fleet")
#: The document's machines, by their addresses there.
ADDRESSES = {"mail1": "10.0.0.1", "mail2": "10.0.0.2", "mail3": "10.0.0.3"}
#: What each of the others has of its own, below its place.
_OWN = ("/etc/etcd", "/etc/default", "/var/lib/etcd", "/root")
_SECONDS = 120
#: Copies to another machine, which is a folder here: scp [-r] [-p] SOURCE root@ADDRESS:PATH.
_SCP = """\
#!/bin/sh
set -eu
while [ $# -gt 2 ]; do shift; done
case $2 in
{cases}esac
cp -rp "$1" "$place/${{2#*:}}"
"""
#: Its etcd is in the place of the unit of Debian's package, with the same settings and the files of this machine.
_SYSTEMCTL = """\
#!/bin/sh
set -eu
case $1 in
start) ;;
stop | restart) exec /usr/bin/systemctl "$1" etcd-{name} ;;
*) exit 0 ;;
esac
exec systemd-run --quiet --collect --unit=etcd-{name} --uid=etcd --property=Type=notify --no-block \\
    --setenv={setting} \\
    --property=EnvironmentFile={place}/etc/default/etcd \\
    --property=BindPaths="{place}/etc/etcd:/etc/etcd {place}/var/lib/etcd:/var/lib/etcd" /usr/bin/etcd
"""
#: All connections of this machine have its first address, and etcd takes another server only from its own.
_ONE_ADDRESS = "ETCD_EXPERIMENTAL_PEER_SKIP_CLIENT_SAN_VERIFICATION=true"
UNIT = Path("/run/systemd/system/etcd.service.d")


def make_places() -> None:
    """Make the folders of the other two machines, and the programs by which one reaches another."""
    cases = []
    for name, address in ADDRESSES.items():
        place = place_of(name)
        for path in _OWN:
            (place / path.lstrip("/")).mkdir(parents=True, exist_ok=True)
            Path(path).mkdir(parents=True, exist_ok=True)
        shutil.chown(place / "var/lib/etcd", "etcd", "etcd")
        (place / "var/lib/etcd").chmod(0o700)
        cases.append(f"root@{address}:*) place={place} ;;\n")
        if name != "mail1":
            _write(place / "bin/systemctl", _SYSTEMCTL.format(name=name, place=place, setting=_ONE_ADDRESS))
    _write(UNIT / "address.conf", f"[Service]\nEnvironment={_ONE_ADDRESS}\n")
    subprocess.run(["systemctl", "daemon-reload"], check=True)
    _write(PLACES / "bin/scp", _SCP.format(cases="".join(cases)))


def place_of(name: str) -> Path:
    """Return the folder of a machine."""
    return PLACES / name


def root_of(name: str) -> str:
    """Return the root of a machine's e-smith."""
    return "/" if name == "mail1" else str(place_of(name) / "esmith")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def type_at(name: str, text: str, folder: str = "/") -> str:
    """Type commands at a machine, and return what they print; the first that fails ends it.

    :param folder: where the shell is.
    :raises FaultError: when one failed.
    """
    place = place_of(name)
    words = ["sh", "-euc", f"cd {folder}\n{text}"]
    path = f"{PLACES}/bin:{PATH}"
    if name != "mail1":
        binds = "\n".join(f"mount --bind {place}{own} {own}" for own in _OWN)
        words = ["unshare", "--mount", "sh", "-euc", f'{binds}\ncd {folder}\nexec sh -euc "$1"', "sh", text]
        path = f"{place}/bin:{path}"
    environment = {**os.environ, "PATH": path, "HOME": "/root", "LC_ALL": "C.UTF-8", "ESMITH_ROOT": root_of(name)}
    done = subprocess.run(
        words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=_SECONDS, check=False
    )
    printed = done.stdout.decode(errors="replace")
    if done.returncode != 0:
        raise FaultError(f"{name}: exit code {done.returncode} of\n{text}{printed[-3000:]}")
    return printed
