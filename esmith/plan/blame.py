"""Whose fault it is that a template cannot be expanded, and so what it stops (docs/events.md#a-fault-of-a-contrib)."""

from __future__ import annotations

import os
import re

from esmith.errors import EsmithError
from esmith.fragments.shipped import Shipped
from esmith.layout import LAYERS, Layout

_CUSTOM = LAYERS[0]
_LINE = re.compile(r":\d+\Z")


def stops_everything(error: EsmithError, template: str, layout: Layout, shipped: Shipped) -> bool:
    """Return whether a fault stops the whole event.

    It does in a template that is shipped, unless a file of a contrib is at fault. In a root without a list of shipped
    files nothing is known, and each fault does.

    :param error: the fault; its place is the file at fault, perhaps with a line.
    :param template: the path of the template.
    """
    if not shipped.is_known:
        return True
    if not shipped.has_template(template):
        return False
    return not is_a_contribs(_LINE.sub("", error.place), layout, shipped)


def is_a_contribs(path: str, layout: Layout, shipped: Shipped) -> bool:
    """Return whether a file below ``/etc/e-smith`` is neither shipped nor the administrator's.

    :param path: a path of this disk.
    """
    above = layout.under("/etc/e-smith") + os.sep
    custom = layout.layer(_CUSTOM) + os.sep
    return path.startswith(above) and not path.startswith(custom) and not shipped.has_file(path)
