"""What the commands of ``esmith fleet`` print in the same way."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from esmith.cli.agreement import agrees, may_ask
from esmith.cli.changed_settings import change_lines
from esmith.errors import UsageError
from esmith.names import counted

if TYPE_CHECKING:
    from esmith.fleet.admin.membership import Effect
    from esmith.layout import Layout
    from esmith.store.protocol import Snapshot

#: Of the settings that change; more would hide the question.
_SHOWN = 40
#: It is there where systemd starts the services (sd_booted(3)).
_SYSTEMD = "/run/systemd/system"


def may_go_on(question: str, *, yes: bool, has_dry_run: bool = True) -> bool:
    """Ask whether to go on, and return the answer.

    :param yes: whether ``--yes`` was given.
    :param has_dry_run: whether the command has ``--dry-run``.
    :raises UsageError: when nobody can be asked.
    """
    if yes:
        return True
    if not may_ask():
        hint = "see what it would do with --dry-run, and then use --yes" if has_dry_run else "use --yes"
        raise UsageError("nobody can be asked: this is no terminal", hint=hint)
    return agrees(question)


def next_steps(layout: Layout) -> list[str]:
    """Return what starts the agent of a new member."""
    if layout.is_machine:
        has_systemd = os.path.isdir(_SYSTEMD)
        return [
            "to start its agent, now and at each boot:",
            "    esmith init --services systemd" if has_systemd else "    esmith init --services runit",
            "    esmith control esmith-fleet start",
        ]
    return ["to start its agent, in the foreground: esmith fleet agent"]


def effect_lines(layout: Layout, snapshot: Snapshot, effect: Effect) -> Iterator[str]:
    """Yield the settings that change here, each with its old and its new value and where that is from."""
    lines = change_lines(layout, snapshot, list(effect.changes[:_SHOWN]))
    for line, source in zip(lines, effect.sources, strict=False):
        yield f"{line}  ({source})" if source else line
    if len(effect.changes) > _SHOWN:
        yield f"... and {counted(len(effect.changes) - _SHOWN, 'more setting')}"
    yield (
        f"{counted(len(effect.changes), 'setting')} of this server would change"
        if effect.changes
        else ("no setting of this server would change")
    )
