"""``esmith overrides``: what an administrator has of his own over the shipped files."""

from __future__ import annotations

import os
from typing import Any

import click

from esmith.cli.agreement import may_ask
from esmith.cli.json_output import json_text
from esmith.cli.output import print_lines, print_report
from esmith.cli.program import root_option
from esmith.errors import ExitCode, UsageError
from esmith.layout import Layout
from esmith.names import counted, nearest
from esmith.overrides.drafts import Draft, find_drafts
from esmith.overrides.model import DEAD, EDITED, NEEDLESS, OUTDATED, STATES, Override
from esmith.overrides.named import below_configuration, find_named, one_named
from esmith.overrides.places import CONFIGURATION
from esmith.overrides.search import Search
from esmith.plan.diff import unified
from esmith.printable import printable, shell_word
from esmith.store import open_store

_ACTIONS = ("diff", "edit", "merge", "accept", "discard")


@click.command("overrides")
@click.option(
    "--outdated", is_flag=True, help="List only those that are outdated; the exit code is 1 when there are any."
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@click.option("--base", "of_base", is_flag=True, help="With diff: show yours against the text it was made from.")
@click.option("--shipped-change", is_flag=True, help="With diff: show what changed in the shipped text since.")
@click.option("--yes", is_flag=True, help="With edit and merge: save without asking when the check accepts it.")
@click.argument("words", metavar="[diff|edit|merge|accept|discard] [PATH]...", nargs=-1)
@root_option
@click.pass_obj
def overrides_command(
    root: str | None,
    outdated: bool,
    as_json: bool,
    of_base: bool,
    shipped_change: bool,
    yes: bool,
    words: tuple[str, ...],
) -> int:
    """List your files in templates-custom and services-custom, or act on one of them.

    Each replaces a shipped file, adds to those, or masks one. It is outdated when the shipped one changed since yours
    was made from it, needless when it is no different, and dead when nothing reads it. PATH is a file or a directory
    there, or a template; only what is in it is listed.

    \b
    diff PATH               show yours against the shipped text
    edit TEMPLATE FRAGMENT  edit yours, or a copy of the shipped one, and see what it changes before it is saved
    merge PATH              take over what changed in the shipped text
    accept PATH             leave yours as it is: you have looked at the change
    discard PATH            throw away a draft; your file stays as it is

    edit and merge work on a draft, which is a file in /var/lib/e-smith/drafts that no event reads. When it is saved it
    takes the place of your file. As long as it is not, because you left it or something is wrong with it, the list ends
    with it: the same command goes on with it, and discard throws it away.

    \b
    Examples:
      esmith overrides
      esmith overrides diff /etc/clamd.conf/MaxFiles
      esmith overrides edit /etc/clamd.conf MaxFiles
    """
    action, operands = (words[0], words[1:]) if words and words[0] in _ACTIONS else ("", words)
    if not action and words:
        _require_no_action(words[0])
    _require_fitting(action, operands, outdated, as_json, of_base or shipped_change, yes)
    layout = Layout.chosen(root)
    if action == "diff":
        return _diff(layout, operands[0], of_base=of_base, shipped_change=shipped_change)
    if action:
        from esmith.cli.overriding import carry_out

        return carry_out(layout, action, operands, says_yes=yes, may_ask=may_ask())
    return _list(layout, operands, outdated=outdated, as_json=as_json)


def _require_fitting(
    action: str, operands: tuple[str, ...], outdated: bool, as_json: bool, of_diff: bool, yes: bool
) -> None:
    """Refuse options and operands that do not go together.

    :raises UsageError: when they do not.
    """
    most = {"": len(operands), "edit": 2}.get(action, 1)
    if action and not 1 <= len(operands) <= most:
        what = "a TEMPLATE and a FRAGMENT, or the PATH of an override" if action == "edit" else "one PATH"
        raise UsageError(f"{action} takes {what}", hint="esmith overrides lists them")
    if action and (outdated or as_json):
        raise UsageError("--outdated and --json are for the list", hint="leave them out")
    if of_diff and action != "diff":
        raise UsageError("--base and --shipped-change are for diff", hint="esmith overrides diff --base PATH")
    if yes and action not in ("edit", "merge"):
        raise UsageError("--yes is for edit and merge", hint="leave it out")


def _require_no_action(word: str) -> None:
    """Refuse what is an action but for a slip.

    :raises UsageError: with the action.
    """
    close = None if "/" in word or os.path.lexists(word) else nearest(word, _ACTIONS)
    if close:
        raise UsageError(f"there is no action {word!r}", hint=f"did you mean {close!r}?")


def _list(layout: Layout, paths: tuple[str, ...], *, outdated: bool, as_json: bool) -> int:
    with open_store(layout).snapshot() as snapshot:
        search = Search(layout, snapshot)
        drafts = [] if outdated or as_json else _draft_lines(layout, search, paths)
        try:
            found = find_named(search, paths)
        except UsageError:
            if not (drafts and len(paths) == 1):
                raise
            # There is only the draft of one that was never saved.
            found = []
    if outdated:
        found = [one for one in found if one.state == OUTDATED]
    if as_json:
        print_lines([json_text([override_data(one) for one in found])])
    else:
        lines = _lines(found, only_outdated=outdated) if found or not drafts else []
        print_report([*lines, *drafts], cures=True)
    return ExitCode.FAILED if outdated and found else ExitCode.OK


def override_data(one: Override) -> dict[str, Any]:
    """Return an override as it is shown in JSON."""
    return {
        "path": one.path,
        "state": one.state,
        "does": one.does,
        "reason": one.reason,
        "added": one.added,
        "removed": one.removed,
        "shipped": one.shipped_path or None,
        "base": {
            "shipped": one.base.text is not None,
            "version": one.base.version,
            "probable": one.base.probable,
        },
    }


def _lines(found: list[Override], *, only_outdated: bool) -> list[str]:
    if not found:
        return ["no override is outdated"] if only_outdated else ["there are no overrides"]
    width = max(len(one.state) for one in found)
    sizes = [f"+{one.added} -{one.removed}" for one in found]
    longest = max(map(len, sizes))
    lines = []
    for one, size in zip(found, sizes, strict=True):
        lines.append(f"{one.state:<{width}}  {size:<{longest}}  {printable(one.path)}")
        if one.reason:
            lines.append(f"  {printable(one.reason)}{_made_from(one)}")
    counts = {state: sum(one.state == state for one in found) for state in STATES}
    each = ", ".join(f"{state} {counts[state]}" for state in STATES if counts[state])
    lines.append(f"{counted(len(found), 'override')}: {each}")
    if counts[OUTDATED]:
        first = next(one.path for one in found if one.state == OUTDATED)
        lines.append(f"to see what changed: esmith overrides diff --shipped-change {printable(shell_word(first))}")
    if counts[NEEDLESS] or counts[DEAD]:
        lines.append(f"{counted(counts[NEEDLESS] + counts[DEAD], 'file')} can be removed")
    if copies := sum(one.is_copy for one in found):
        lines.append(f"{counted(copies, 'file')} may be a copy that counts: remove it, or give it another name")
    return lines


def _draft_lines(layout: Layout, search: Search, paths: tuple[str, ...]) -> list[str]:
    """Return lines about the drafts that are not saved yet, at some paths and below them."""
    starts = [below_configuration(layout, path).rstrip("/") for path in paths] or ["."]
    lines = []
    for kind, name in find_drafts(layout):
        if starts == ["."] or any(f"{name}/".startswith(f"{start}/") for start in starts):
            draft, path = Draft(layout, kind, name), shell_word(f"{CONFIGURATION}/{name}")
            old = draft.why_old(search.one(name), is_there=os.path.lexists(search.places.disk_path(name)))
            lines.append(f"not saved yet, a draft: {draft.path}")
            lines.append(f"  {old}" if old else f"  to go on with it: esmith overrides {shell_word(kind)} {path}")
            lines.append(f"  to throw it away: esmith overrides discard {path}")
    return [printable(line) for line in lines]


def _made_from(one: Override) -> str:
    """Return a clause about the base of an override, where there is something to say."""
    if one.state != OUTDATED or one.base.text is None:
        return ""
    version = f"that of version {one.base.version}" if one.base.version else "an earlier one"
    return f"; it was probably made from {version}" if one.base.probable else f"; it was made from {version}"


def _diff(layout: Layout, path: str, *, of_base: bool, shipped_change: bool) -> int:
    if of_base and shipped_change:
        raise UsageError("--base and --shipped-change are two questions", hint="give one of them")
    search = Search(layout)
    one = one_named(layout, search, path)
    if one.state == EDITED and one.shipped is None:
        raise UsageError(
            "was edited, and the text that was installed there is not known any more",
            place=one.path,
            hint="the next 'esmith init' replaces it, and keeps a backup copy",
        )
    if shipped_change:
        old, new, names = one.base.text, one.shipped, ("base", one.shipped_path)
    elif of_base:
        old, new, names = one.base.text, one.text, ("base", one.path)
    else:
        shipped = "as it was installed" if one.state == EDITED else one.shipped_path
        old, new, names = one.shipped, one.text, (shipped, one.path)
    lines = unified("", old, new)
    if lines:
        # Both are named, since they are two files.
        lines[0] = f"--- {printable(names[0])}" if old is not None else lines[0]
        lines[1] = f"+++ {printable(names[1])}" if new is not None else lines[1]
    print_lines(lines)
    return ExitCode.OK
