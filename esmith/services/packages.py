"""The Debian packages of the machine that installed files."""

from __future__ import annotations

from esmith.environment import PATH, which

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_SECONDS = 10


def packages_of(files: Sequence[str]) -> dict[str, str]:
    """Return the package of each file that one has: dpkg-query(1). None where that is not Debian.

    :param files: absolute paths.
    """
    import subprocess

    program = which("dpkg-query", PATH)
    if program is None:
        return {}
    try:
        ended = subprocess.run(
            [program, "--search", *files],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return {}
    found = {}
    for line in ended.stdout.decode("utf-8", "replace").splitlines():
        package, _, path = line.partition(": ")
        if path in files and not package.startswith("diversion "):
            found[path] = package
    return found
