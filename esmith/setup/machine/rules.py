"""The directory of SpamAssassin's rules, where ours was made before Debian's package was there.

The package has ``/etc/mail/spamassassin`` as a link to ``/etc/spamassassin``, where its own files are. dpkg leaves a
directory that stands there, and then sa-learn and spamassassin do not read the generated file.
"""

from __future__ import annotations

import os
from contextlib import suppress

from esmith.layout import Layout
from esmith.plan.host import trouble
from esmith.setup.product_files import is_generated

OURS, DEBIANS = "/etc/mail/spamassassin", "/etc/spamassassin"
_LINK = "../spamassassin"


def is_apart(layout: Layout) -> bool:
    """Return whether ours is a directory of its own."""
    ours = layout.under(OURS)
    return os.path.isdir(ours) and not os.path.islink(ours)


def join_rules(layout: Layout) -> list[str]:
    """Make ours the link that Debian's package has; files of others move to Debian's directory.

    The generated file goes: the next event writes it at its new place.

    :return: what keeps it from becoming one, for the administrator.
    :raises InstallError: when something cannot be moved.
    """
    ours, debians = layout.under(OURS), layout.under(DEBIANS)
    if not os.path.isdir(debians):
        return []
    try:
        for name in sorted(os.listdir(ours)):
            place, target = f"{ours}/{name}", f"{debians}/{name}"
            if _is_only_ours(place, target):
                os.unlink(place)
            elif not os.path.lexists(target):
                os.rename(place, target)
        if left := sorted(os.listdir(ours)):
            return [
                f"{OURS} stays a directory, because {DEBIANS} has other files of the same names: {', '.join(left)}",
                f"see which ones are wanted, move them to {DEBIANS}, and run it again",
            ]
        # Made before the directory goes: on a full disk that may be the end of it.
        _replace_by_link(ours)
    except OSError as error:
        raise trouble(error.filename or ours, error) from error
    return [f"{OURS} is a link to {DEBIANS} now, as Debian's package has it"]


def _replace_by_link(directory: str) -> None:
    staged = f"{directory}.e-smith-setup"
    with suppress(FileNotFoundError):
        os.unlink(staged)
    os.symlink(_LINK, staged)
    os.rmdir(directory)
    os.rename(staged, directory)


def _is_only_ours(place: str, target: str) -> bool:
    """Return whether a file is generated, or a link of a run script to a file of Debian's."""
    if os.path.islink(place):
        return os.path.realpath(place) == os.path.realpath(target)
    with suppress(OSError), open(place, "rb") as file:
        return is_generated(file.read())
    return False
