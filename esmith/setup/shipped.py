"""Installing the shipped templates, events, schema files, services, checks and plugins, and the commands, under a root.

``templates-custom`` is the administrator's: only its README is ever written, and only where there is none.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator, Mapping

from esmith.apply.replacing import Replacement, missing_directories
from esmith.errors import InstallError
from esmith.layout import Layout
from esmith.libraries import library_command
from esmith.perl.modules import perl_modules
from esmith.plan.host import DiskHost, Staged
from esmith.setup.product_files import Manifest, back_up_replaced, content_of, mode_of
from esmith.setup.trees import PERL_MODULES, shipped_directory, shipped_trees
from esmith.shipped import digests_in, shipped_list

CUSTOM_README = "templates-custom/README.md"
#: The commands scripts call in ``/sbin/e-smith``, each with the function behind it.
COMMANDS = {
    "config": "esmith.cli.db:config_main",
    "db": "esmith.cli.db:main",
    "signal-event": "esmith.cli.signal_event:main",
    "expand-template": "esmith.cli.expand_template:main",
    "esmith": "esmith.cli.esmith:main",
    "esmith-perl-server": "esmith.cli.perl_server:main",
    "esmith-logs": "esmith.cli.logs:main",
}
#: Those that need packages which the engine does without, each with these. They are written where the packages are
#: installed, so that a template can ask whether there is such a command.
OPTIONAL_COMMANDS = {
    "smtp-auth-proxy": ("esmith.cli.smtp_auth_proxy:main", ("aiosmtpd", "attr", "public")),
    "esmith-manager": (
        "esmith.cli.manager:main",
        ("starlette", "uvicorn", "anyio", "h11", "argon2", "_argon2_cffi_bindings"),
    ),
}
_PACKAGES = ("esmith", "lmdb", "click", "jinja2", "markupsafe", "watchdog")
#: The kernel cuts a longer first line.
_LONGEST_INTERPRETER = 120
#: How many more objects there are when a command first looks for garbage; Python itself does after 700.
_GARBAGE_AFTER = 50_000


def shipped_commands() -> dict[str, str]:
    """Return the shipped commands that are files of their own, each with its file: ``commands/NAME.py``.

    :raises InstallError: when the shipped trees are missing.
    """
    directory = os.path.join(shipped_directory(), "commands")
    files = (name for name in sorted(os.listdir(directory)) if name.endswith(".py"))
    return {name.removesuffix(".py").replace("_", "-"): os.path.join(directory, name) for name in files}


class ProductFiles:
    """The files of the product, compared with those of a root.

    :param layout: the root.
    :param described: those that are made of the declarations of the commands, each with its content, by their paths on
        this disk: completion and manual pages.
    :raises InstallError: when a file cannot be read.
    """

    def __init__(self, layout: Layout, described: Mapping[str, bytes]) -> None:
        self._layout = layout
        #: Those that differ, each with its content and its mode, by their paths on this disk.
        self.new: dict[str, tuple[bytes, int]] = {}
        #: Those that only an older version shipped.
        self.dropped: list[str] = []
        #: Those of both that somebody else wrote or changed, each with the reason to keep a backup copy.
        self.kept: dict[str, str] = {}
        commands = command_files(layout)
        made = {path: (content, mode_of(content)) for path, content in described.items()}
        self._compare(commands | perl_modules_of(layout) | made)
        optional = (os.path.join(layout.commands, name) for name in OPTIONAL_COMMANDS)
        self.dropped += [
            path for path in optional if path not in commands and path not in self.dropped and os.path.lexists(path)
        ]

    def replace(self, host: DiskHost, replacement: Replacement) -> list[str]:
        """Replace the files that differ, and remove those that are not shipped any more.

        One that somebody else wrote or changed is kept as a backup copy before.

        :return: notes for the administrator about backup copies.
        :raises InstallError: when a file cannot be written; the caller restores the old ones.
        """
        layout = self._layout
        if not (self.new or self.dropped):
            return []
        # Where a directory takes the place of a file there is no room beside the new files yet.
        blocked = {path for path in self.new if any(path.startswith(f"{file}/") for file in self.dropped)}
        staged: list[Staged] = []
        try:
            host.prepare(self.new.keys() - blocked)
            # Each is in the list as soon as it is staged, also when the next one fails.
            staged.extend(host.stage(path, *self.new[path], None) for path in self.new if path not in blocked)
            host.sync_staged()
            replacement.begin([*self.new], self.dropped, missing_directories([*self.new]))
            notes = [back_up_replaced(layout, host, path, reason) for path, reason in sorted(self.kept.items())]
            for path in self.dropped:
                host.remove(path)
            while staged:
                host.install(staged[-1])
                staged.pop()
            for path in self.new:
                if path in blocked:
                    host.install(host.stage(path, *self.new[path], None))
        finally:
            for one in staged:
                host.discard(one)
        host.sync({os.path.dirname(path) for path in [*self.new, *self.dropped]})
        return notes

    def _compare(self, made: dict[str, tuple[bytes, int]]) -> None:
        """Compare the shipped trees, and the files that are made here, with what is there.

        :param made: the latter, each with its content and its mode, by their paths on this disk.
        """
        layout, source = self._layout, shipped_directory()
        manifest = Manifest(shipped_list(layout))
        wanted = {name: content_of(os.path.join(source, name)) or b"" for name in _shipped_files(source)}
        modes = {name: mode_of(content) for name, content in wanted.items()}
        for path, (content, mode) in made.items():
            wanted[layout.inside(path)], modes[layout.inside(path)] = content, mode
        # A manifest of an older version has only the trees; what is there for the rest is of that version.
        knows_all = not manifest.digests or any(name.startswith("/") for name in manifest.digests)
        for name in sorted(wanted.keys() | manifest.digests.keys()):
            target = _target(layout, name)
            new, old = wanted.get(name), content_of(target)
            if name == CUSTOM_README and old is not None or new is old is None:
                continue
            if old == new and _mode(target) == modes[name]:
                continue
            # Also one that somebody else put where a file is shipped now, and all when the list of digests is lost.
            if old not in (None, new) and (knows_all or not name.startswith("/")):
                assert old is not None
                if reason := manifest.reason_to_keep(name, old):
                    self.kept[target] = reason
            if new is None:
                self.dropped.append(target)
            else:
                self.new[target] = new, modes[name]
        content = manifest.text(wanted)
        if content_of(manifest.file) != content:
            self.new[manifest.file] = content, 0o644


def shipped_digests() -> dict[str, str]:
    """Return the digests of the files that this version ships in its trees, each by its name in the manifest.

    :raises InstallError: when a file cannot be read, or the shipped trees are missing.
    """
    source = shipped_directory()
    return digests_in(
        Manifest.text({name: content_of(os.path.join(source, name)) or b"" for name in _shipped_files(source)})
    )


def installed_product_files(layout: Layout) -> dict[str, str]:
    """Return the files that ``esmith init`` has installed, as paths of this disk, each with its name in the manifest.

    The README of templates-custom belongs to the administrator, and is not among them.

    :raises InstallError: when the manifest cannot be read, or the shipped trees are missing.
    """
    names = Manifest(shipped_list(layout)).digests
    return {_target(layout, name): name for name in names if name != CUSTOM_README}


def command_files(layout: Layout) -> dict[str, tuple[bytes, int]]:
    """Return the commands in ``/sbin/e-smith``, scripts of the Python that runs now, each with its mode.

    They start faster than what pip makes of an entry point: ``-I`` and ``-S`` leave out what a script of root should
    not read anyway (PYTHON* variables, the user's own packages, ``.pth`` files). One that is interrupted while it
    still imports what it needs ends without a traceback. Garbage is looked for less often than Python does by itself:
    an import makes none, and a command has ended before there is much.

    :raises InstallError: when a package is missing.
    """
    places = [os.path.dirname(os.path.dirname(_origin(package))) for package in _PACKAGES]
    commands = COMMANDS | dict.fromkeys(shipped_commands(), "esmith.cli.shipped:main")
    for name, (function, packages) in OPTIONAL_COMMANDS.items():
        origins = [_find(package) for package in packages]
        if all(origins):
            commands[name] = function
            places += [os.path.dirname(os.path.dirname(origin)) for origin in origins]
    return {
        os.path.join(layout.commands, name): (_script(function, places), 0o755) for name, function in commands.items()
    }


def script_of(function: str, argument: str) -> bytes:
    """Return a script as one of :func:`command_files`, that calls a function with a text.

    :param function: its module and its name, with a colon between.
    :raises InstallError: when a package is missing.
    """
    return _script(function, [os.path.dirname(os.path.dirname(_origin(package))) for package in _PACKAGES], argument)


def _script(function: str, places: list[str], argument: str | None = None) -> bytes:
    module, _, call = function.partition(":")
    search = list(dict.fromkeys(places))
    load = f"try:\n    from {module} import {call}\nexcept KeyboardInterrupt:\n    sys.exit(130)\n"
    begin = f"import gc\nimport sys\n\ngc.set_threshold({_GARBAGE_AFTER})\nsys.path += {search!r}\n"
    given = "" if argument is None else repr(argument)
    return f"{_interpreter_line()}{begin}{load}\n{call}({given})\n".encode()


def perl_modules_of(layout: Layout) -> dict[str, tuple[bytes, int]]:
    """Return the Perl modules, where perl looks for them, each with its mode.

    Within an event actions find them in the package itself, over PERL5LIB, whatever root it is.

    :raises InstallError: when one cannot be read.
    """
    source = perl_modules()
    found = {}
    for directory, _, files in os.walk(source):
        for name in files:
            path = os.path.join(directory, name)
            target = layout.under(os.path.join(PERL_MODULES, os.path.relpath(path, source)))
            found[target] = content_of(path) or b"", 0o644
    return found


def _interpreter_line() -> str:
    """Return the first lines of a script: ``#!``, or a detour over sh where the kernel could not read that."""
    python = sys.executable
    if " " not in python and len(python) < _LONGEST_INTERPRETER:
        return f"#!{python} -ISXutf8\n"
    return f"#!/bin/sh\n'''exec' {shlex.quote(python)} -ISXutf8 \"$0\" \"$@\"\n'''\n"


def _origin(package: str) -> str:
    origin = _find(package)
    if not origin:
        raise InstallError(f"the Python package {package} is missing", hint=library_command(package))
    return origin


def _find(package: str) -> str:
    """Return the first file of an installed package, "" when there is none."""
    from importlib.util import find_spec

    spec = find_spec(package)
    return os.path.abspath(spec.origin) if spec is not None and spec.origin else ""


def _shipped_files(source: str) -> Iterator[str]:
    """Yield the names of the shipped files, below the shipped directory; a link yields what it leads to."""
    yield CUSTOM_README
    for tree in shipped_trees():
        for directory, folders, files in os.walk(os.path.join(source, tree), followlinks=True):
            # Python puts there what it compiles, when it likes.
            folders[:] = [name for name in folders if name != "__pycache__"]
            for name in files:
                yield os.path.relpath(os.path.join(directory, name), source)


def _target(layout: Layout, name: str) -> str:
    """Return where a file of the product goes; one of a tree of older versions went to ``/etc/e-smith``.

    :param name: its name in the manifest: its path in the shipped directory, or in the configured system.
    """
    if name.startswith("/"):
        return layout.under(name)
    for tree, place in shipped_trees().items():
        if name.startswith(f"{tree}/"):
            return layout.under(place + name.removeprefix(tree))
    return os.path.join(layout.configuration, name)


def _mode(path: str) -> int:
    """Return the mode of a file, or of what a link leads to."""
    return os.stat(path).st_mode & 0o7777
