"""Carrying out a plan: stage everything, then install everything, then remember it.

Staging is where a disk full or a missing permission shows, and it touches no output yet. What fails in a directory of
a user is left out, in each of the steps.
"""

from __future__ import annotations

import os

from esmith.contexts import suppress
from esmith.errors import UserFileError
from esmith.fields import replace
from esmith.fragments.rendering import Kind
from esmith.plan.installed import OUTPUTS, Installed, digest_of
from esmith.plan.listed import LISTED
from esmith.plan.output import Difference, Output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.layout import Layout
    from esmith.plan.host import Host, Staged
    from esmith.plan.plan import Plan
    from esmith.store.protocol import Transaction


def stage(plan: Plan, host: Host) -> None:
    """Write the new content of every output that needs it beside its target.

    :raises InstallError: when one cannot be written; what was staged is gone again then.
    """
    complete = False
    new = [output for output in plan.changed if output.difference in (Difference.CREATE, Difference.REPLACE)]
    try:
        if new:
            host.prepare(output.target for output in new)
        for output in new:
            with plan.leaving(output):
                output.staged = _staged(output, host)
        host.sync_staged()
        complete = True
    finally:
        if not complete:
            discard(plan, host)


def _staged(output: Output, host: Host) -> Staged:
    content = output.rendering.content
    if output.rendering.kind is Kind.SYMLINK:
        return host.stage_link(output.target, content, output.owner)
    return host.stage(output.target, content, output.mode, output.owner)


def discard(plan: Plan, host: Host) -> None:
    """Remove what was staged and not installed."""
    for output in plan.outputs:
        if output.staged is not None:
            # A user may have removed the whole directory meanwhile.
            with suppress(UserFileError):
                host.discard(output.staged)
            output.staged = None


def install(plan: Plan, host: Host, layout: Layout) -> list[str]:
    """Put every output in place.

    :return: what the administrator should know: files of others that were replaced, and where the old ones are.
    :raises InstallError: when one cannot be put in place.
    """
    notes: list[str] = []
    directories: set[str] = set()
    try:
        for output in plan.changed:
            with plan.leaving(output):
                if output.foreign:
                    from esmith.apply.backup import back_up

                    copy = back_up(layout, host, output.target, is_a_users=output.is_a_users)
                    notes.append(f"{output.path} was {output.foreign}; a backup copy is {copy}")
                _install_one(output, host)
                directories.add(os.path.dirname(output.target))
    finally:
        discard(plan, host)
        host.sync(directories)
    return notes


def remember(plan: Plan, transaction: Transaction) -> None:
    """Record in the store what was installed, so that a change by hand shows later."""
    for output in plan.outputs:
        # What was left is as it was before, and so is what is known of it.
        if not (output.rendering.recalled or output.left):
            before = OUTPUTS.get(transaction, output.path)
            after = _installed(output, before)
            if after != before:
                OUTPUTS.put(transaction, output.path, after)
    for path, listed in plan.listed.items():
        if LISTED.get(transaction, path) != listed:
            LISTED.put(transaction, path, listed)


def _installed(output: Output, before: Installed | None) -> Installed | None:
    """Return what to remember of an output; None for one that is gone for good.

    :param before: what was remembered.
    """
    rendering = output.rendering
    nothing = Installed("", "", rendering.template.path)
    if rendering.kind is Kind.LEFT:
        installed = replace(before or nothing, inputs=output.inputs)
        return installed if installed.inputs or not installed.is_absent else None
    if rendering.kind is Kind.ABSENT:
        return replace(nothing, inputs=output.inputs) if output.inputs else None
    return Installed(digest_of(rendering.content), output.mark, rendering.template.path, output.inputs)


def _install_one(output: Output, host: Host) -> None:
    if output.staged is not None:
        host.install(output.staged)
        output.mark, output.staged = output.staged.mark, None
    elif output.difference is Difference.REMOVE:
        host.remove(output.target)
    elif output.difference is Difference.ATTRIBUTES:
        host.set_attributes(output.target, output.mode, output.owner)
