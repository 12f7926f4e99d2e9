"""The errors of the engine: one base class that knows its exit code, its place and the cure.

Nothing here imports a module, because ``config getprop`` pays for every import (docs/architecture.md#start-up-time).
"""

from __future__ import annotations


class ExitCode:
    """Every exit code of every command; the table of ``docs/commands.md`` is checked against this class.

    They are plain integers, not an ``enum.IntEnum``, because importing ``enum`` costs a plain ``getprop`` a quarter
    of its time.
    """

    #: Done, or nothing to do.
    OK = 0
    #: A read found no such key, property or database (silently, as the original), or no more exact code fits.
    FAILED = 1
    #: The command line is wrong, or names an event, a revision or a generation that does not exist.
    USAGE = 2
    #: A key, property or value was refused: by a limit of the store or by the schema.
    REFUSED = 3
    #: A template does not exist, or a fragment, its metadata or a schema file is broken. No file was touched.
    TEMPLATE = 4
    #: A generated file could not be written, or its owner does not exist.
    INSTALL = 5
    #: The database cannot be opened, read or written: missing, damaged, no permission, no space.
    STORE = 6
    #: An action of an event failed; the actions after it did not run.
    ACTION = 7
    #: A service could not be adjusted.
    SERVICE = 8
    #: Another event is running, or another command writes, and did not end in time.
    BUSY = 9
    #: The program that reads a generated file refuses it. No file was touched.
    CHECK = 10
    #: Done but for some files, which were left as they were: something is wrong with them that stops nothing else.
    PARTIAL = 11
    #: Something the engine would read or run belongs to somebody else, or others may write it. Nothing was done.
    UNTRUSTED = 12
    #: ``esmith status`` has findings. Nothing was done.
    PENDING = 13


class EsmithError(Exception):
    """What went wrong, where, and what to do about it.

    :param message: what happened, in one line, without the place.
    :param place: file and line, or database, key and property.
    :param hint: the cure, in one line.
    """

    exit_code: int = ExitCode.FAILED

    def __init__(self, message: str, *, place: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.place = place
        self.hint = hint

    def add(self, fact: str) -> None:
        """Add what is so now to the cure; only a caller knows what was changed before the error, and what was restored.

        It gets a line of its own, since the cure may end with a command that is pasted.

        :param fact: a clause, e.g. ``nothing was changed``.
        """
        self.hint = f"{self.hint}\n  {fact}" if self.hint else fact

    def __str__(self) -> str:
        text = f"{self.place}: {self.message}" if self.place else self.message
        return f"{text}\n  {self.hint}" if self.hint else text


class UsageError(EsmithError):
    """The command line, or a name given on it, is wrong."""

    exit_code = ExitCode.USAGE


class RefusedError(EsmithError):
    """A key, property or value that the store or the schema does not accept."""

    exit_code = ExitCode.REFUSED


class SchemaError(EsmithError):
    """A file of ``db/`` is broken."""

    exit_code = ExitCode.TEMPLATE


class TemplateError(EsmithError):
    """A fragment or its metadata is broken, or a template does not exist."""

    exit_code = ExitCode.TEMPLATE


class InstallError(EsmithError):
    """A generated file could not be put in place."""

    exit_code = ExitCode.INSTALL


class UserFileError(InstallError):
    """A generated file could not be read or put in place in a directory that belongs to somebody else.

    It fails alone: the directory may be hostile, and must stop nobody else.
    """


class CheckError(EsmithError):
    """The program that reads a generated file refuses the staged one."""

    exit_code = ExitCode.CHECK


class StoreError(EsmithError):
    """The database could not be opened, read or written."""

    exit_code = ExitCode.STORE
    #: Whether the change may be on the disk although it failed: its last step failed, and so did taking that back.
    is_doubtful = False

    def add_unchanged(self) -> None:
        """Say that nothing was changed, unless that is not known; for a command that is one transaction."""
        if not self.is_doubtful:
            self.add("nothing was changed")


class ServiceError(EsmithError):
    """A service could not be adjusted."""

    exit_code = ExitCode.SERVICE


class BusyError(EsmithError):
    """Another command holds a lock, and did not free it in time."""

    exit_code = ExitCode.BUSY
    #: Where a server of the same fleet was quicker: the number of the fleet's last revision (esmith.store.behind).
    head = 0


class UntrustedError(EsmithError):
    """Something the engine would read or run is not in the hands of its owners alone."""

    exit_code = ExitCode.UNTRUSTED
