"""Bare Debian roots, and a cache of what an installation downloads, so that a machine needs no network.

The cache is the folder that ``ESMITH_CI_CACHE`` names, ``/var/cache/esmith-ci`` otherwise. For each suite of Debian it
has

- ``base.tar``: a bare root (``.ci/bare make``), from which ``.ci/run`` makes its bare Debian as well;
- ``debs``: the Debian packages an installation asks for, with all that these depend on;
- ``lists``: what ``apt-get update`` fetched with them;
- ``wheels``: the Python packages;
- ``holds``: what was asked for when these were filled, so that a change fills them again.

Only filling it uses the network.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
SUITES = {"bookworm": "Debian 12", "trixie": "Debian 13"}
#: What no installation asks for, but what is typed afterwards: the page, the move from SME Server, the fleet.
_ALSO = (
    "postfix",
    "rsync",
    "libtext-template-perl",
    "fetchmail",
    "systemd-sysv",
    "dbus",
    "etcd-server",
    "etcd-client",
)
#: Files that decide what an installation downloads.
_DECIDING = ("pyproject.toml", "services/*/service.toml", "esmith/setup/machine/*.py", "tests/machines/roots.py")
#: How old what apt-get update fetched may be, in seconds: a mirror removes packages that were replaced.
_OLD_SECONDS = 86_400
#: How old a bare root may be, in seconds.
_OLD_BASE_SECONDS = 7 * 86_400
_ENDING_SECONDS = 10
#: So that apt keeps what it downloads, does not wait for a network that is not there, and asks nothing.
_APT = 'APT::Keep-Downloaded-Packages "true";\nAcquire::Retries "0";\nAcquire::Languages "none";\n'
#: A power failure of these machines loses no file that was written, so dpkg need not wait for the disk.
_DPKG = "force-unsafe-io\n"


def cache_of(suite: str) -> Path:
    """Return the folder of the cache for a suite."""
    return Path(os.environ.get("ESMITH_CI_CACHE") or "/var/cache/esmith-ci") / suite


def scratch(name: str) -> Path:
    """Return a new folder on a disk, where device files may be made; the caller removes it."""
    return Path(tempfile.mkdtemp(prefix=f"esmith-{name}-", dir=os.environ.get("ESMITH_CI_ROOTS") or "/var/tmp"))


def remove(root: Path) -> None:
    """Remove a root, and nothing that is mounted in it."""
    subprocess.run(["rm", "-rf", "--one-file-system", str(root)], check=True)


def bare(*words: str | Path, log: Path, variables: dict[str, str] | None = None) -> None:
    """Run ``.ci/bare``; when this process is ended meanwhile, it ends as well.

    :param log: where its output goes.
    :raises subprocess.CalledProcessError: when it fails.
    """
    command = [str(REPOSITORY / ".ci/bare"), *map(str, words)]
    environment = {**os.environ, **(variables or {})}
    with (
        log.open("ab") as out,
        subprocess.Popen(command, stdout=out, stderr=out, env=environment, start_new_session=True) as process,
    ):
        try:
            code = process.wait()
        finally:
            # This process is ended itself.
            if process.returncode is None:
                end_group(process)
    if code != 0:
        raise subprocess.CalledProcessError(code, command)


def end_group(process: subprocess.Popen[bytes]) -> None:
    """End a process and all of the group it leads; debootstrap has some seconds to unmount what it mounted."""
    deadline = time.monotonic() + _ENDING_SECONDS
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        while time.monotonic() < deadline:
            process.poll()
            os.killpg(process.pid, 0)
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)


def make(root: Path, suite: str) -> None:
    """Make a bare root of what the cache holds, with these packages and lists at hand for apt.

    :param root: an empty folder.
    """
    cache = cache_of(suite)
    _unpack(suite, root)
    (root / "etc/apt/apt.conf.d/90machine").write_text(_APT, encoding="utf-8")
    (root / "etc/dpkg/dpkg.cfg.d/90machine").write_text(_DPKG, encoding="utf-8")
    for folder, place in (("debs", "var/cache/apt/archives"), ("lists", "var/lib/apt/lists")):
        if (cache / folder).is_dir():
            _link(cache / folder, root / place)


def make_base(suite: str, root: Path, log: Path) -> None:
    """Make a bare root of a suite, with nothing of the cache at hand; what the cache lacks for that is made first.

    :param root: an empty folder.
    :param log: where the output of what downloads goes.
    :raises subprocess.CalledProcessError: when something cannot be had.
    """
    _fill_base(suite, log)
    _unpack(suite, root)


def fill(suite: str, log: Path) -> None:
    """Fill the cache of a suite, unless it holds what is wanted; of two processes only one does.

    :param log: where the output of what downloads goes.
    :raises subprocess.CalledProcessError: when something cannot be had.
    """
    cache = cache_of(suite)
    holds = cache / "holds"
    wanted = _wanted()
    with _only_one(cache, "fill"):
        if holds.is_file() and holds.read_text() == wanted and time.time() - holds.stat().st_mtime < _OLD_SECONDS:
            return
        _fill_base(suite, log)
        root = scratch(suite)
        try:
            make(root, suite)
            bare("install", root, log=log)
            bare("run", root, "root", "bash", "-euc", _DOWNLOAD, "fill", *_ALSO, log=log)
            _link(root / "var/cache/apt/archives", cache / "debs")
            for folder, place in (("lists", "var/lib/apt/lists"), ("wheels", "root/wheels")):
                shutil.rmtree(cache / folder, ignore_errors=True)
                shutil.copytree(root / place, cache / folder)
            holds.write_text(wanted, encoding="utf-8")
        finally:
            remove(root)


@contextlib.contextmanager
def _only_one(cache: Path, name: str) -> Iterator[None]:
    """Wait until no other process does what has this name with a cache."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"{name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _fill_base(suite: str, log: Path) -> None:
    """Put a bare root into the cache, unless it holds one that is new enough; of two processes only one makes it."""
    cache = cache_of(suite)
    tar = cache / "base.tar"
    with _only_one(cache, "base"):
        if tar.is_file() and time.time() - tar.stat().st_mtime < _OLD_BASE_SECONDS:
            return
        folder = scratch(suite)
        try:
            bare("make", folder / "base", suite, log=log, variables={"ESMITH_CI_DEBS": str(cache / "bootstrap")})
            _pack(folder / "base", tar)
        finally:
            remove(folder)


#: Downloads all that an installation asks for, as it says itself, and wheels of what the product and its build want.
_DOWNLOAD = """
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install -y --no-install-recommends python3-venv
mkdir ~/wheels
wanted='.[proxy,dns,manager,fleet] hatchling>=1.27 editables'
python3 -m pip download --disable-pip-version-check --dest ~/wheels $wanted
python3 -m venv ~/venv
~/venv/bin/pip install --disable-pip-version-check --no-index --find-links ~/wheels .
shown=$(~/venv/bin/esmith setup --dry-run --domain example.com --name mail --services runit)
echo "$shown"
command=$(echo "$shown" | sed -n 's/^ *apt-get install /apt-get install --download-only /p' | head -n 1)
[ -n "$command" ]
eval "$command $*"
"""


def _wanted() -> str:
    """Return what the content of the cache depends on, as a number."""
    files = sorted(path for pattern in _DECIDING for path in REPOSITORY.glob(pattern))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def _pack(root: Path, tar: Path) -> None:
    subprocess.run(["tar", "--create", "--file", f"{tar}.new", "--directory", str(root), "."], check=True)
    os.replace(f"{tar}.new", tar)


def _unpack(suite: str, root: Path) -> None:
    tar = cache_of(suite) / "base.tar"
    subprocess.run(["tar", "--extract", "--file", str(tar), "--directory", str(root)], check=True)


def _link(source: Path, place: Path) -> None:
    """Put the files of a folder into another one, as links of the same file where both are on one disk."""
    place.mkdir(parents=True, exist_ok=True)
    for file in source.iterdir():
        target = place / file.name
        if not file.is_file() or target.exists() or file.name == "lock":
            continue
        try:
            os.link(file, target)
        except OSError:
            shutil.copy2(file, target)
