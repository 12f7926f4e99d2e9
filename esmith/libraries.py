"""What installs a Python library that is missing."""

from __future__ import annotations

import os
import sys

from esmith.printable import shell_word

#: Where Debian has its Python, and where our Debian package puts us (packaging/debian/build.py).
_DEBIANS = "/usr/bin"
_PACKAGED = "/usr/lib/esmith"


def library_command(library: str, python: str = sys.executable) -> str:
    """Return the command that installs a Python library for a Python, which may be of an environment or of Debian.

    :param library: as pip knows it.
    :param python: the path of the Python; the one that runs now, else.
    """
    import shlex

    directory = os.path.dirname(python)
    # Not sys.prefix: with -S, as the commands run, that of a virtual environment is not known.
    if directory == _DEBIANS:
        # Our Debian package brings all libraries, and looks for none elsewhere.
        own = os.path.abspath(__file__).startswith(f"{_PACKAGED}/")
        return "apt-get install --reinstall esmith" if own else f"apt-get install python3-{shell_word(library.lower())}"
    pip = os.path.join(directory, "pip")
    if os.path.exists(pip):
        return shlex.join([pip, "install", library])
    # An environment may have none of its own; that of another Python installs into it.
    return shlex.join(["python3", "-m", "pip", "--python", python, "install", library])
