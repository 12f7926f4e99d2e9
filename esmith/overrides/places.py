"""Where overrides are: the files of the custom layers, and the shipped text at the place of each."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cached_property

from esmith.disk import read_file
from esmith.errors import TemplateError
from esmith.fragments.tree import BEGIN, END, Fragment, NoTemplateError, TemplateTree
from esmith.layout import LAYERS, Layout
from esmith.names import is_leftover

CONFIGURATION = "/etc/e-smith"
#: The layers of the administrator, each with the shipped one behind it, below ``/etc/e-smith``.
CUSTOM = {LAYERS[0]: LAYERS[1], "services-custom": "services"}
#: ``esmith init`` writes it; it is not a fragment.
_README = f"{LAYERS[0]}/README.md"


class Places:
    """The custom layers of one root.

    :param layout: the root.
    :raises UntrustedError: when anything in them is not in the hands of its owners alone.
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        layout.trust.require_trees(*(layout.under(f"{CONFIGURATION}/{layer}") for layer in (*CUSTOM, *CUSTOM.values())))

    def names(self) -> Iterator[str]:
        """Yield the files of the custom layers by their paths below ``/etc/e-smith``, sorted; also those of no use."""
        for layer in CUSTOM:
            yield from self._below(layer)

    def _below(self, name: str) -> Iterator[str]:
        try:
            entries = sorted(os.scandir(self.disk_path(name)), key=lambda entry: entry.name)
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            raise _unreadable(self.disk_path(name), error) from error
        for entry in entries:
            inner = f"{name}/{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                yield from self._below(inner)
            elif inner != _README:
                yield inner

    def disk_path(self, name: str) -> str:
        """Return where a file of ``/etc/e-smith`` is on this disk."""
        return self.layout.under(f"{CONFIGURATION}/{name}")

    def text_of(self, name: str) -> bytes | None:
        """Return what an override holds; nothing for a link that leads to ``/dev/null``, None where that is not known.

        :raises TemplateError: when it cannot be read.
        """
        path = self.disk_path(name)
        if leads_to_nothing(path):
            return b""
        if os.path.islink(path):
            target = os.readlink(path)
            inside = self.layout.under(target) if os.path.isabs(target) else path
            path = inside if os.path.isfile(inside) else path
        if not os.path.isfile(path):
            return None
        return _read(path)

    def shipped_path(self, name: str) -> str:
        """Return what is shipped at the place of an override, as a path below ``/etc/e-smith``; "" for nothing.

        That is the file of the same name. A single file takes the place of a directory of fragments and the other way
        round, and a ``template-begin`` that of the one above its directory.
        """
        layer, _, inner = name.partition("/")
        shipped = f"{CUSTOM[layer]}/{inner}"
        place = self.disk_path(shipped)
        if os.path.isfile(place) or self._fragments(shipped) or leads_to_nothing(place):
            return shipped
        if layer != LAYERS[0]:
            return ""
        above, base = os.path.split(shipped)
        if os.path.isfile(self.disk_path(above)):
            return above
        if base in (BEGIN, END):
            outer = self._shipped_tree.begin_or_end(f"/{os.path.dirname(inner)}".rstrip("/") or "/", base)
            if outer is not None:
                return self.layout.inside(outer.path).removeprefix(f"{CONFIGURATION}/")
        return ""

    def shipped_text(self, path: str) -> bytes | None:
        """Return the shipped text at a path below ``/etc/e-smith``: of a directory that of its fragments in order.

        :param path: as :meth:`shipped_path` gives it; "" gives None.
        :raises TemplateError: when it cannot be read.
        """
        if not path:
            return None
        place = self.layout.under(path) if path.startswith("/") else self.disk_path(path)
        if not os.path.isdir(place):
            return b"" if leads_to_nothing(place) else _read(place) if os.path.isfile(place) else None
        return b"".join(_read(fragment.path) for fragment in self._fragments(path) if not fragment.masked)

    def _fragments(self, path: str) -> list[Fragment]:
        """Return the fragments that are right in a shipped directory, in order; none where it is not a template."""
        if not (path.startswith(f"{LAYERS[1]}/") and os.path.isdir(self.disk_path(path))):
            return []
        try:
            found = self._shipped_tree.find(path.removeprefix(LAYERS[1])).fragments
        except NoTemplateError:
            return []
        return [one for one in found if f"{one.layer}{path.removeprefix(LAYERS[1])}/{one.name}" == one.path]

    @cached_property
    def _shipped_tree(self) -> TemplateTree:
        return TemplateTree(self.layout, (self.layout.layer(LAYERS[1]),))

    def modified(self, name: str) -> float:
        """Return when an override was written, in seconds since 1970."""
        return os.lstat(self.disk_path(name)).st_mtime


def leads_to_nothing(path: str) -> bool:
    """Return whether a path of this disk leads to ``/dev/null``."""
    return os.path.realpath(path) == os.devnull


def counts(name: str) -> bool:
    """Return whether a file of a custom layer can count at all: no backup file does, unless it is a template itself."""
    return not is_leftover(os.path.basename(name))


def _read(path: str) -> bytes:
    try:
        return read_file(path)
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: str, error: OSError) -> TemplateError:
    return TemplateError(
        f"cannot be read: {error.strerror}", place=path, hint="correct its permissions, or run it as root"
    )
