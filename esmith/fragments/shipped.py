"""Which fragments are shipped: what the list says that ``esmith init`` writes (docs/fragments.md#which-language)."""

from __future__ import annotations

import os

from esmith.fragments.tree import METADATA, Fragment, Template
from esmith.functions import cached_property
from esmith.layout import LAYERS
from esmith.shipped import ShippedFiles

#: The layer of the shipped fragments; packages of others put theirs there, too.
_LAYER = LAYERS[-1]


class Shipped(ShippedFiles):
    """The shipped fragments of one root."""

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

    @cached_property
    def _fragments(self) -> frozenset[str]:
        """The shipped fragments by their paths below the layer."""
        paths = (name.removeprefix(_LAYER) for name in self.names if name.startswith(f"{_LAYER}/"))
        return frozenset(path for path in paths if os.path.basename(path) != METADATA)

    @cached_property
    def _places(self) -> frozenset[str]:
        """The paths of the shipped templates."""
        return self._fragments | {os.path.dirname(path) for path in self._fragments}


def _path(fragment: Fragment) -> str:
    return fragment.path.removeprefix(fragment.layer)
