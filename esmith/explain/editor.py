"""Having a text edited: the administrator's editor, on a file in a directory that only he may enter."""

from __future__ import annotations

import os
import shutil
import tempfile

from esmith.editor import chosen_editor, installed_editor, run_editor
from esmith.errors import EsmithError, UsageError


class EditedFile:
    """A text in a file of its own, to be edited once or several times.

    :param name: what its file is called.
    :param text: the text.
    :raises EsmithError: when it cannot be written.
    """

    def __init__(self, name: str, text: str) -> None:
        try:
            self._directory = tempfile.mkdtemp(prefix="esmith-edit-")
            self.path = os.path.join(self._directory, name)
            with open(self.path, "x", encoding="utf-8", opener=_private) as file:
                file.write(text)
        except OSError as error:
            raise EsmithError(f"the text to edit cannot be written: {error.strerror}") from error

    def edit(self) -> str:
        """Run the editor, and return the text when it has ended.

        :raises UsageError: when no editor is found, or its variable cannot be read.
        :raises EsmithError: when the editor fails, or the text cannot be read.
        """
        command = editor()
        try:
            code = run_editor(command, self.path)
        except OSError as error:
            raise EsmithError(f"the editor {command[0]} cannot be started: {error.strerror}") from error
        if code:
            raise EsmithError(f"the editor {command[0]} ended with {code}")
        try:
            with open(self.path, encoding="utf-8") as file:
                return file.read()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise EsmithError(f"the edited text cannot be read: {reason}", place=self.path) from error

    def holds_other(self, text: str) -> bool:
        """Return whether the file holds something else than a text; False where it cannot be read."""
        try:
            with open(self.path, "rb") as opened:
                return opened.read() != text.encode()
        except OSError:
            return False

    def remove(self) -> None:
        """Remove the file and its directory, with what the editor left there."""
        shutil.rmtree(self._directory, ignore_errors=True)


def editor() -> list[str]:
    """Return the editor with its arguments: that of VISUAL, else of EDITOR, else what is there.

    :raises UsageError: when there is none, or the variable cannot be read.
    """
    if words := chosen_editor():
        return words
    found = installed_editor()
    if found is None:
        raise UsageError("there is no editor", hint="name one, as in: EDITOR=nano config edit qpsmtpd")
    return [found]


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)
