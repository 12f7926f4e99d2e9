"""Installing the shipped templates, events, schema files, services, checks and plugins, and the commands, under a root.

``templates-custom`` is the administrator's: only its README is ever written, and only where there is none.
"""

from __future__ import annotations

import importlib.util
import os
import shlex
import sys
from collections.abc import Iterator

from esmith.errors import InstallError
from esmith.layout import Layout
from esmith.perl.modules import perl_modules
from esmith.plan.host import Host
from esmith.setup.product_files import Manifest, back_up_edited, content_of, install_product_file, write_file

#: The shipped trees that go to ``/etc/e-smith``.
_TREES = ("templates", "events", "db", "services", "checks")
CUSTOM_README = "templates-custom/README.md"
#: The commands scripts call in ``/sbin/e-smith``, each with the function behind it.
COMMANDS = {
    "config": "esmith.cli.db:config_main",
    "db": "esmith.cli.db:main",
    "signal-event": "esmith.cli.signal_event:main",
    "expand-template": "esmith.cli.expand_template:main",
    "esmith": "esmith.cli.esmith:main",
    "esmith-perl-server": "esmith.cli.perl_server:main",
}
#: Where Debian's perl looks for modules, also with -T: scripts outside of events find ``esmith::ConfigDB`` there.
PERL_MODULES = "/usr/local/lib/site_perl/esmith"
_PACKAGES = ("esmith", "lmdb", "click", "jinja2", "markupsafe", "watchdog")
#: The kernel cuts a longer first line.
_LONGEST_INTERPRETER = 120


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


def shipped_commands() -> dict[str, str]:
    """Return the shipped commands that are files of their own, each with its file: ``commands/NAME.py``.

    :raises InstallError: when the shipped trees are missing.
    """
    directory = os.path.join(shipped_directory(), "commands")
    files = (name for name in sorted(os.listdir(directory)) if name.endswith(".py"))
    return {name.removesuffix(".py").replace("_", "-"): os.path.join(directory, name) for name in files}


def install_shipped(layout: Layout, host: Host) -> list[str]:
    """Copy the shipped files that differ to the root, and remove those that only an older version shipped.

    A shipped file that was changed by hand is kept as a backup copy before it is replaced or removed.

    :return: notes for the administrator about backup copies.
    :raises InstallError: when a file cannot be written.
    """
    source = shipped_directory()
    manifest = Manifest(os.path.join(layout.state, "shipped"))
    wanted = {name: content_of(os.path.join(source, name)) or b"" for name in _shipped_files(source)}
    notes: list[str] = []
    directories: set[str] = set()
    for name in sorted(wanted.keys() | manifest.digests.keys()):
        target = _target(layout, name)
        new, old = wanted.get(name), content_of(target)
        if old == new or (name == CUSTOM_README and old is not None):
            continue
        keep = old is not None and name in manifest.digests and not manifest.is_ours(name, old)
        if new is not None:
            notes.append(install_product_file(layout, host, target, new, keep=keep))
        else:
            notes.append(back_up_edited(layout, host, target) if keep else "")
            host.remove(target)
        directories.add(os.path.dirname(target))
    host.sync({directory for directory in directories if os.path.isdir(directory)})
    manifest.replace(host, wanted)
    return list(filter(None, notes))


def install_commands(layout: Layout, host: Host) -> None:
    """Write the commands to ``/sbin/e-smith``, as scripts of the Python that runs now.

    They start faster than what pip makes of an entry point: ``-I`` and ``-S`` leave out what a script of root should
    not read anyway (PYTHON* variables, the user's own packages, ``.pth`` files).

    :raises InstallError: when one cannot be written.
    """
    places = [os.path.dirname(os.path.dirname(_origin(package))) for package in _PACKAGES]
    search = list(dict.fromkeys(places))
    commands = COMMANDS | dict.fromkeys(shipped_commands(), "esmith.cli.shipped:main")
    for name, function in commands.items():
        module, _, call = function.partition(":")
        body = f"import sys\n\nsys.path += {search!r}\nfrom {module} import {call}\n\n{call}()\n"
        write_file(host, os.path.join(layout.commands, name), (_interpreter_line() + body).encode(), 0o755)


def install_perl_modules(layout: Layout, host: Host) -> None:
    """Copy the Perl modules to where perl looks for them.

    Within an event actions find them in the package itself, over PERL5LIB, whatever root it is.

    :raises InstallError: when one cannot be written.
    """
    source = perl_modules()
    for directory, _, files in os.walk(os.path.join(source, "esmith")):
        for name in files:
            path = os.path.join(directory, name)
            target = layout.under(os.path.join(PERL_MODULES, os.path.relpath(path, os.path.join(source, "esmith"))))
            write_file(host, target, content_of(path) or b"", 0o644)


def _interpreter_line() -> str:
    """Return the first lines of a script: ``#!``, or a detour over sh where the kernel could not read that."""
    python = sys.executable
    if " " not in python and len(python) < _LONGEST_INTERPRETER:
        return f"#!{python} -ISXutf8\n"
    return f"#!/bin/sh\n'''exec' {shlex.quote(python)} -ISXutf8 \"$0\" \"$@\"\n'''\n"


def _origin(package: str) -> str:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise InstallError(f"the Python package {package} is missing", hint=f"pip install {package}")
    return os.path.abspath(spec.origin)


def _shipped_files(source: str) -> Iterator[str]:
    """Yield the names of the shipped files, below the shipped directory; a link yields what it leads to."""
    yield CUSTOM_README
    for tree in shipped_trees():
        for directory, _, files in os.walk(os.path.join(source, tree), followlinks=True):
            for name in files:
                yield os.path.relpath(os.path.join(directory, name), source)


def _target(layout: Layout, name: str) -> str:
    """Return where a shipped file goes; one of a tree of older versions went to ``/etc/e-smith``."""
    for tree, place in shipped_trees().items():
        if name.startswith(f"{tree}/"):
            return layout.under(place + name.removeprefix(tree))
    return os.path.join(layout.configuration, name)
