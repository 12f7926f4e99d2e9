"""Whose fault it is that a template cannot be expanded, and so what it stops (docs/events.md#a-fault-of-a-contrib)."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.errors import EsmithError
    from esmith.fragments.shipped import Shipped
    from esmith.fragments.tree import Template


def stops_everything(error: EsmithError, template: str, shipped: Shipped) -> bool:
    """Return whether a fault stops the whole event.

    It does in a template that is shipped, unless a file of a contrib is at fault. In a root without a list of shipped
    files nothing is known, and each fault does.

    :param error: the fault; its place is the file at fault, perhaps with a line.
    :param template: the path of the template.
    """
    if not shipped.is_known:
        return True
    return shipped.has_template(template) and not shipped.is_a_contribs(error.place)


def contribs_part(template: Template, shipped: Shipped) -> str:
    """Return a fragment of a template that is a contrib's; the path of the template when that is not shipped.

    "" when all of it is shipped or the administrator's, or nothing is known of what is shipped.
    """
    if not shipped.is_known:
        return ""
    fragments = [fragment.path for fragment in template.fragments if shipped.is_a_contribs(fragment.path)]
    own = "" if shipped.has_template(template.path) else template.path
    return fragments[-1] if fragments else own
