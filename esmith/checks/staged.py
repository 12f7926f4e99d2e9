"""The tree as it will be: the files of the disk, with those that a plan changes in their place."""

from __future__ import annotations

import os

from esmith.disk import UnusableError
from esmith.fragments.rendering import Kind, Rendering
from esmith.plan.output import Difference, Output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from esmith.layout import Layout


class StagedTree:
    """What a check sees of the configured system.

    :param layout: the root.
    :param outputs: those of a plan; none for what is installed.
    """

    def __init__(self, layout: Layout, outputs: Iterable[Output] = ()) -> None:
        self.layout = layout
        self._disk = layout.disk()
        changed = (output for output in outputs if output.difference is not Difference.NONE and not output.left)
        self.changed = {output.path: output for output in changed}

    def read(self, path: str) -> bytes | None:
        """Return what a file will hold, None when there will be no such file.

        :raises OSError: when it is there and cannot be read.
        """
        output = self.changed.get(path)
        if output is not None:
            return output.rendering.content if output.rendering.kind is Kind.FILE else None
        try:
            return self._disk.read(self.layout.under(path))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except UnusableError:
            if self.is_directory(path):
                return None
            raise

    def exists(self, path: str) -> bool:
        """Return whether there will be a file or directory."""
        output = self.changed.get(path)
        if output is not None:
            return output.rendering.kind is not Kind.ABSENT
        return os.path.exists(self.layout.under(path))

    def is_directory(self, path: str) -> bool:
        """Return whether there will be a directory."""
        return path not in self.changed and os.path.isdir(self.layout.under(path))

    def changed_in(self, directory: str) -> Iterator[Rendering]:
        """Yield what changes in a directory, not below it."""
        for path, output in self.changed.items():
            if os.path.dirname(path) == directory:
                yield output.rendering
