"""Which files below ``/etc/e-smith`` are shipped: what the list says that ``esmith init`` writes."""

from __future__ import annotations

import os

from esmith.disk import read_file
from esmith.errors import TemplateError
from esmith.functions import cached_property
from esmith.layout import LAYERS, Layout
from esmith.names import without_line

#: The layer of the administrator.
_CUSTOM = LAYERS[0]


def shipped_list(layout: Layout) -> str:
    """Return the list of the shipped files of a root, with their digests, as a path of this disk."""
    return os.path.join(layout.state, "shipped")


def digests_in(data: bytes) -> dict[str, str]:
    """Return what a list of installed files says: the digest of each name, the names below the shipped directory."""
    lines = data.decode(errors="replace").splitlines()
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


class ShippedFiles:
    """The shipped files of one root. The list is read when it is first asked for.

    :param layout: the root.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    @property
    def is_known(self) -> bool:
        """Whether there is a list: none is there before ``esmith init``."""
        return bool(self.names)

    def is_a_contribs(self, path: str) -> bool:
        """Return whether a file below ``/etc/e-smith`` is neither shipped nor the administrator's.

        Without a list of shipped files none is.

        :param path: a path of this disk, perhaps with a line, as the place of an error.
        """
        path = without_line(path)
        base = self._layout.under("/etc/e-smith")
        administrators = (self._layout.layer(_CUSTOM), self._layout.services_custom, self._layout.panels_custom)
        if not self.is_known or not _is_below(path, base) or any(_is_below(path, place) for place in administrators):
            return False
        return os.path.relpath(path, base) not in self.names

    @cached_property
    def names(self) -> frozenset[str]:
        """The shipped files, as paths below ``/etc/e-smith``; none where there is no list.

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


def _is_below(path: str, directory: str) -> bool:
    return path.startswith(directory + os.sep)
