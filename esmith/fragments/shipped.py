"""Which fragments are shipped: what the list says that ``esmith init`` writes (docs/fragments.md#which-language)."""

from __future__ import annotations

import os
from functools import cached_property

from esmith.disk import read_file
from esmith.errors import TemplateError
from esmith.fragments.tree import METADATA, Fragment, Template
from esmith.layout import LAYERS, Layout

#: The layer of the shipped fragments; packages of others put theirs there, too.
_LAYER = LAYERS[-1]


def shipped_list(layout: Layout) -> str:
    """Return the list of the shipped files of a root, with their digests, as a path of this disk."""
    return os.path.join(layout.state, "shipped")


def digests_in(data: bytes) -> dict[str, str]:
    """Return what a list of installed files says: the digest of each name, the names below the shipped directory."""
    lines = data.decode(errors="replace").splitlines()
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


class Shipped:
    """The shipped fragments of one root. The list is read when it is first asked for.

    :param layout: the root.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    @property
    def is_known(self) -> bool:
        """Whether there is a list: none is there before ``esmith init``."""
        return bool(self._fragments)

    def has(self, fragment: Fragment) -> bool:
        """Return whether a fragment is shipped; the administrator may have edited it."""
        return os.path.basename(fragment.layer) == _LAYER and _path(fragment) in self._fragments

    def has_place(self, fragment: Fragment, template: Template) -> bool:
        """Return whether a template is shipped at the path of a fragment's own: a directory or a single file.

        :param fragment: one of the fragments of the template, of any layer.
        """
        path = _path(fragment)
        single = path in (template.path, template.source)
        return (path if single else os.path.dirname(path)) in self._places

    def has_template(self, path: str) -> bool:
        """Return whether a template of this path is shipped: a directory or a single file."""
        return path in self._places

    def has_file(self, path: str) -> bool:
        """Return whether a file below ``/etc/e-smith`` is shipped.

        :param path: a path of this disk.
        """
        return os.path.relpath(path, self._layout.under("/etc/e-smith")) in self._names

    @cached_property
    def _fragments(self) -> frozenset[str]:
        """The shipped fragments by their paths below the layer."""
        paths = (name.removeprefix(_LAYER) for name in self._names if name.startswith(f"{_LAYER}/"))
        return frozenset(path for path in paths if os.path.basename(path) != METADATA)

    @cached_property
    def _names(self) -> frozenset[str]:
        """The shipped files.

        :raises TemplateError: when the list cannot be read.
        """
        file = shipped_list(self._layout)
        try:
            return frozenset(digests_in(read_file(file)))
        except (FileNotFoundError, NotADirectoryError):
            return frozenset()
        except OSError as error:
            raise TemplateError(
                f"cannot be read: {error.strerror}", place=file, hint="correct its permissions, or run it as root"
            ) from error

    @cached_property
    def _places(self) -> frozenset[str]:
        """The paths of the shipped templates."""
        return self._fragments | {os.path.dirname(path) for path in self._fragments}


def _path(fragment: Fragment) -> str:
    return fragment.path.removeprefix(fragment.layer)
