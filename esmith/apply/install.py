"""Carrying out a plan: stage everything, then install everything, then remember it.

Staging is where a disk full or a missing permission shows, and it touches no output yet.
"""

from __future__ import annotations

import os
from dataclasses import replace

from esmith.apply.generations import Also
from esmith.apply.host import Host
from esmith.apply.installed import TABLE, Installed, digest_of, mark_of
from esmith.apply.keep import keep_aside
from esmith.apply.plan import Difference, Output, Plan
from esmith.fragments.rendering import Kind
from esmith.layout import Layout
from esmith.store.model import Author
from esmith.store.protocol import Store


def stage(plan: Plan, host: Host) -> None:
    """Write the new content of every output that needs it beside its target.

    :raises InstallError: when one cannot be written; what was staged is gone again then.
    """
    complete = False
    try:
        for output in plan.changed:
            if output.difference not in (Difference.CREATE, Difference.REPLACE):
                continue
            content = output.rendering.content
            if output.rendering.kind is Kind.SYMLINK:
                output.staged = host.stage_link(output.target, content, output.owner)
            else:
                output.staged = host.stage(output.target, content, output.mode, output.owner)
        complete = True
    finally:
        if not complete:
            discard(plan, host)


def discard(plan: Plan, host: Host) -> None:
    """Remove what was staged and not installed."""
    for output in plan.outputs:
        if output.staged is not None:
            host.discard(output.staged)
            output.staged = None


def install(plan: Plan, host: Host, layout: Layout) -> list[str]:
    """Put every output in place.

    :return: what the administrator should know: files of others that were replaced, and where the old ones are.
    :raises InstallError: when one cannot be put in place.
    """
    notes = []
    directories: set[str] = set()
    try:
        for output in plan.changed:
            if output.foreign:
                copy = keep_aside(layout, host, output.target)
                notes.append(f"{output.path} was {output.foreign}; the old file is kept in {copy}")
            _install_one(output, host)
            directories.add(os.path.dirname(output.target))
    finally:
        discard(plan, host)
        host.sync(directories)
    return notes


def remember(plan: Plan, store: Store, author: Author, also: Also | None = None) -> None:
    """Record in the store what was installed, so that a change by hand shows later.

    :param also: what else is to be written in the same transaction.
    """
    with store.transaction(author) as transaction:
        if also is not None and plan.changed:
            also(transaction)
        for output in plan.outputs:
            if output.rendering.recalled:
                continue
            before = transaction.state(TABLE, output.path)
            row = _row(output, before)
            if row != before:
                transaction.set_state(TABLE, output.path, row)


def _row(output: Output, before: bytes | None) -> bytes | None:
    """Return what to remember of an output; None for one that is gone for good.

    :param before: what was remembered.
    """
    rendering = output.rendering
    nothing = Installed("", "", rendering.template.path)
    if rendering.kind is Kind.LEFT:
        installed = replace(Installed.decode(before) if before else nothing, inputs=output.inputs)
        return installed.encode() if installed.inputs or not installed.is_absent else None
    if rendering.kind is Kind.ABSENT:
        return replace(nothing, inputs=output.inputs).encode() if output.inputs else None
    mark = mark_of(os.lstat(output.target))
    return Installed(digest_of(rendering.content), mark, rendering.template.path, output.inputs).encode()


def _install_one(output: Output, host: Host) -> None:
    if output.staged is not None:
        host.install(output.staged, output.target)
        output.staged = None
    elif output.difference is Difference.REMOVE:
        host.remove(output.target)
    elif output.difference is Difference.ATTRIBUTES:
        host.set_attributes(output.target, output.mode, output.owner)
