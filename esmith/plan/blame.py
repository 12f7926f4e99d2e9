"""Whose fault it is that a template cannot be expanded, and so what it stops (docs/events.md#a-fault-of-a-contrib)."""

from __future__ import annotations

import os

from esmith.errors import EsmithError
from esmith.fragments.shipped import Shipped
from esmith.fragments.tree import Template
from esmith.layout import LAYERS, Layout
from esmith.names import without_line

_CUSTOM = LAYERS[0]


def stops_everything(error: EsmithError, template: str, layout: Layout, shipped: Shipped) -> bool:
    """Return whether a fault stops the whole event.

    It does in a template that is shipped, unless a file of a contrib is at fault. In a root without a list of shipped
    files nothing is known, and each fault does.

    :param error: the fault; its place is the file at fault, perhaps with a line.
    :param template: the path of the template.
    """
    if not shipped.is_known:
        return True
    return shipped.has_template(template) and not is_a_contribs(without_line(error.place), layout, shipped)


def contribs_part(template: Template, layout: Layout, shipped: Shipped) -> str:
    """Return a fragment of a template that is a contrib's; the path of the template when that is not shipped.

    "" when all of it is shipped or the administrator's, or nothing is known of what is shipped.
    """
    if not shipped.is_known:
        return ""
    fragments = [fragment.path for fragment in template.fragments if is_a_contribs(fragment.path, layout, shipped)]
    own = "" if shipped.has_template(template.path) else template.path
    return fragments[-1] if fragments else own


def is_a_contribs(path: str, layout: Layout, shipped: Shipped) -> bool:
    """Return whether a file below ``/etc/e-smith`` is neither shipped nor the administrator's.

    Without a list of shipped files none is.

    :param path: a path of this disk.
    """
    is_ours = not _is_below(path, layout.under("/etc/e-smith")) or _is_below(path, layout.layer(_CUSTOM))
    return shipped.is_known and not is_ours and not shipped.has_file(path)


def _is_below(path: str, directory: str) -> bool:
    return path.startswith(directory + os.sep)
