"""The versions of this machine's programs: some files are written differently for each.

A program is one of the machine, also under a root that is only a folder, as it is for checks.
"""

from __future__ import annotations

import os

from esmith.environment import PATH, which
from esmith.expressions import expression
from esmith.functions import cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from esmith.fragments.reads import Reads

_VERSION = expression(r"[0-9]{1,9}(\.[0-9]{1,9})+")
#: What may be in the name of a program besides letters and digits.
_BESIDES = dict.fromkeys(map(ord, "._+-"))
_TIMEOUT_SECONDS = 10.0


def version(reads: Reads, warn: Callable[[str], object], program: str, default: str) -> tuple[int, ...]:
    """Return the version of a program as numbers; the function ``version`` of fragments.

    :param reads: where it is noted.
    :param warn: called when the program prints none.
    :param default: what counts then, and when it is not installed, e.g. ``2.3``.
    :raises ValueError: when the program has no plain name, or the default is no version.
    """
    reads.programs.add(program)
    path = find_program(program)
    found = version_of(path) if path else default
    if not found:
        warn(f"{program} --version prints no version: {default} is assumed")
    return tuple(map(int, (found or default).split(".")))


def find_program(name: str) -> str | None:
    """Return the path of a program, None when it is not installed.

    :raises ValueError: when it is no plain name.
    """
    if not (name.isascii() and name[:1].isalnum() and name.translate(_BESIDES).isalnum()):
        raise ValueError(f"{name!r} is not the name of a program")

    return which(name, PATH)


def version_of(path: str) -> str:
    """Return the first version number that a program prints for ``--version``, e.g. ``2.3.19.1``; "" for none.

    :param path: the program. One that does not end within 10 seconds prints none.
    """
    status = os.stat(path)
    return _asked(path, status.st_ino, status.st_size, status.st_mtime_ns)


@cache
def _asked(path: str, *_mark: int) -> str:
    import subprocess

    try:
        done = subprocess.run(
            [path, "--version"],
            cwd="/",
            env={"PATH": PATH, "LANG": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    found = _VERSION.search((done.stdout + b"\n" + done.stderr).decode("utf-8", "replace"))
    return found[0] if found else ""
