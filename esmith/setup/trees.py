"""Where the shipped trees are, and where each goes."""

from __future__ import annotations

import os

from esmith.errors import InstallError

#: The shipped trees that go to ``/etc/e-smith``.
_TREES = ("templates", "templates-default", "events", "db", "services", "checks")
#: Where Debian's perl looks for modules, also with -T: scripts outside of events find ``esmith::ConfigDB`` there.
PERL_MODULES = "/usr/local/lib/site_perl"

#: Where the program is that shells ask at the prompt (:mod:`esmith.prompt.completion`).
COMPLETION = "/usr/share/e-smith/completion"


def shipped_directory() -> str:
    """Return the directory that holds the shipped trees: inside the installed package, or the checkout.

    :raises InstallError: when there is none.
    """
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    for candidate in (os.path.join(package, "_shipped"), os.path.dirname(package)):
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
