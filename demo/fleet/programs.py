"""The program etcd: that of the machine, or of Debian's package, unpacked into the folder without root."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from esmith.directories import make_directory
from esmith.errors import InstallError

PACKAGE = "etcd-server"
#: A download may wait for a mirror, in seconds.
_DOWNLOAD_SECONDS = 120
_PATH = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"


def find_etcd(folder: Path) -> str:
    """Return the path of etcd.

    :param folder: where Debian's package is unpacked when the machine has none.
    :raises InstallError: when it cannot be had, with the cure.
    """
    unpacked = folder / "usr/bin/etcd"
    found = shutil.which("etcd", path=f"{os.environ.get('PATH', '')}:{_PATH}")
    if found is None and not unpacked.exists():
        _unpack(folder)
    return found or str(unpacked)


def _unpack(folder: Path) -> None:
    make_directory(str(folder))
    try:
        _run(["apt-get", "download", PACKAGE], folder)
        for package in folder.glob(f"{PACKAGE}_*.deb"):
            _run(["dpkg", "-x", package.name, "."], folder)
    except (OSError, subprocess.SubprocessError) as error:
        raise InstallError(
            "etcd is not installed, and its package could not be downloaded",
            hint=f"as root: apt-get update && apt-get install -y {PACKAGE}",
        ) from error


def _run(words: list[str], folder: Path) -> None:
    subprocess.run(words, cwd=folder, capture_output=True, check=True, timeout=_DOWNLOAD_SECONDS)
