"""What ``esmith init`` says after an upgrade: what changed of the shipped files, and which overrides that outdates."""

from __future__ import annotations

from typing import Any

from esmith.errors import EsmithError
from esmith.layout import Layout
from esmith.names import counted
from esmith.overrides import Override, find
from esmith.overrides.model import OUTDATED
from esmith.overrides.upgrade import Upgrade, counts_of, last_upgrade

#: A longer list is only counted, unless all of it is asked for.
_SHORT = 10


def find_outdated(layout: Layout) -> list[Override]:
    """Return the overrides that are outdated; none where they cannot be looked at, as another command says then."""
    layout.trust.renew()
    try:
        return [one for one in find(layout) if one.state == OUTDATED]
    except EsmithError:
        return []


def upgrade_lines(layout: Layout, upgrade: Upgrade, outdated: list[Override], *, verbose: bool) -> list[str]:
    """Return it for people.

    :param outdated: the overrides that are outdated.
    :param verbose: whether also long lists are shown; where nothing changed now, those of the last upgrade.
    """
    kinds, lines = upgrade.kinds, []
    beginning = "the upgrade changed the shipped files"
    if verbose and not upgrade.counts():
        kinds, beginning = last_upgrade(layout), "the last upgrade changed the shipped files"
    counts = counts_of(kinds)
    if counts:
        lines.append(f"{beginning}: {'; '.join(counts)}")
        items = [f"  {kind} {what}: {name}" for kind, changes in kinds.items() for what, name in changes.items()]
        lines += items if verbose or len(items) <= _SHORT else ["  to list them: esmith init --verbose"]
    if outdated and counts:
        verb, them = ("is", "it") if len(outdated) == 1 else ("are", "them")
        lines.append(
            f"{counted(len(outdated), 'override')} {verb} outdated; to look at {them}: esmith overrides --outdated"
        )
        shown = outdated if verbose or len(outdated) <= _SHORT else outdated[:_SHORT]
        lines += [f"  {one.path}: {one.reason}" for one in shown]
        lines += ["  ..."] * (len(shown) < len(outdated))
    return lines


def upgrade_data(upgrade: Upgrade, outdated: list[Override]) -> dict[str, Any]:
    """Return it as it is shown in JSON."""
    return {
        "upgrade": {kind: changes.names() for kind, changes in upgrade.kinds.items()},
        "outdated": [{"path": one.path, "reason": one.reason} for one in outdated],
    }
