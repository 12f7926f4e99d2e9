"""The editor of whoever is at the terminal."""

from __future__ import annotations

from esmith.editor import chosen_editor, installed_editor, run_editor
from esmith.errors import UsageError


def edit_file(path: str, *, at_terminal: bool) -> None:
    """Have a file edited, and wait for the end of that; no shell is started.

    :param path: a path of this disk.
    :param at_terminal: whether somebody is there; else only an editor that was chosen is started: it may be a script.
    :raises UsageError: when there is no editor, it cannot be started, or says that it failed.
    """
    words = _words(at_terminal=at_terminal)
    try:
        status = run_editor(words, path)
    except OSError as error:
        raise UsageError(
            f"the editor {words[0]!r} cannot be started: {error.strerror}",
            hint="set VISUAL or EDITOR to one that is there",
        ) from error
    if status:
        how = f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
        raise UsageError(f"the editor {words[0]!r} {how}")


def _words(*, at_terminal: bool) -> list[str]:
    if words := chosen_editor():
        return words
    if not at_terminal:
        raise UsageError("nobody is at a terminal to edit it", hint="set EDITOR to a program that does")
    if found := installed_editor():
        return [found]
    raise UsageError("there is no editor", hint="set VISUAL or EDITOR to one, or install one: apt install nano")
