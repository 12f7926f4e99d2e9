"""Where the shipped trees are, and where each goes."""

from __future__ import annotations

import os
from zlib import crc32

from esmith import __version__
from esmith.errors import InstallError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.layout import Layout

#: The directory of the shipped trees in an installed package.
_PACKAGED = "_shipped"
#: The shipped trees that go to ``/etc/e-smith``.
_TREES = ("templates", "templates-default", "events", "db", "services", "checks", "panels")
#: Those of a checkout whose directories show what comes and goes in them; in the others Python puts what it compiled.
_SHOWING = ("templates", "templates-default", "events", "db", "services")
#: The program of an installed package: pip and dpkg put another file there with each version.
PROGRAM = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "__init__.py")
#: Where Debian's perl looks for modules, also with -T: scripts outside of events find ``esmith::ConfigDB`` there.
PERL_MODULES = "/usr/local/lib/site_perl"

#: Where the program is that shells ask at the prompt (:mod:`esmith.prompt.completion`).
COMPLETION = "/usr/share/e-smith/completion"


def shipped_directory() -> str:
    """Return the directory that holds the shipped trees: inside the installed package, or the checkout.

    :raises InstallError: when there is none.
    """
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    for candidate in (os.path.join(package, _PACKAGED), os.path.dirname(package)):
        if os.path.isdir(os.path.join(candidate, "templates")):
            return candidate
    raise InstallError("the shipped templates are missing", place=package, hint="install the package again")


def shipped_trees() -> dict[str, str]:
    """Return where each shipped tree goes; plugins go to a directory of the program that loads them.

    :raises InstallError: when there is none.
    """
    programs = sorted(os.listdir(os.path.join(shipped_directory(), "plugins")))
    plugins = {f"plugins/{program}": f"/usr/share/e-smith/{program}/plugins" for program in programs}
    return {tree: f"/etc/e-smith/{tree}" for tree in _TREES} | plugins


def version_file(layout: Layout) -> str:
    """Return the file that says which version installed the shipped files of a root, as a path of this disk.

    Its lines: the version, what :func:`mark_of_shipped` gave, and the digest of the shipped files.
    """
    return os.path.join(layout.state, "version")


def mark_of_shipped() -> str:
    """Return a mark that is another one when the shipped files of this program are others; it is quick.

    Of a package that is how its first file looks. In a checkout files change one by one, mostly by being replaced, as
    git does it, which the directories show.

    :raises InstallError: when there is none.
    :raises OSError: when one cannot be looked at.
    """
    directory = shipped_directory()
    places = [PROGRAM]
    if os.path.basename(directory) != _PACKAGED:
        places = [place for tree in _SHOWING for place, _, _ in os.walk(os.path.join(directory, tree))]
    looks = [os.stat(place) for place in places]
    total = crc32(b"".join(b"%d %d\n" % (one.st_ino, one.st_mtime_ns) for one in looks))
    return f"{__version__} {len(looks)} {total:08x}"


def shows_other_version(layout: Layout, *, in_checkouts: bool = True) -> bool:
    """Return whether the shipped files of a root may be of another version than this program; it is quick.

    :param in_checkouts: whether the directories of a checkout are looked at, which takes some milliseconds.
    :return: False also for a root where none were ever installed.
    """
    from esmith.disk import read_file

    try:
        # It is looked at before the root is trusted: a pipe of a user in its place is not waited for.
        lines = read_file(version_file(layout)).decode(errors="replace").splitlines()
    except OSError:
        return os.path.exists(os.path.join(layout.state, "shipped"))
    try:
        if not in_checkouts and os.path.basename(shipped_directory()) != _PACKAGED:
            return lines[:1] != [__version__]
        return len(lines) != 3 or lines[1] != mark_of_shipped()
    except (InstallError, OSError):
        return False
