"""What is wrong with a row of the journal."""

from __future__ import annotations

from esmith.errors import InstallError, StoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.errors import EsmithError

#: The cure where nothing else is known; whoever has rights in etcd can write rows that no host made.
_HINT = "see docs/fleet.md#a-row-that-does-not-fit; nothing of it was applied"
#: What installs the library that signs. ``esmith.cli`` knows the command for this Python, and sets it as the hint.
LIBRARY = "cryptography"


class RowError(StoreError):
    """A row of the journal does not fit: its form, its place in the chain, its signature, or the rights of its signer.

    :param why: in one clause, e.g. ``its signature is wrong``.
    :param revision: the number of the row; 0 where that is not known.
    :param host: who signed it, as it says itself; "" where that is not known.
    """

    def __init__(self, why: str, *, revision: int = 0, host: str = "", hint: str = _HINT) -> None:
        from esmith.printable import printable

        self.why, self.revision, self.host = printable(why), revision, printable(host)
        subject = f"row {revision} of the fleet's journal" if revision else "a row of the fleet's journal"
        by = f", by host {self.host}," if self.host else ""
        super().__init__(f"{subject}{by} does not fit: {self.why}", hint=hint)

    def at(self, revision: int, host: str = "") -> RowError:
        """Return the same error with the number of the row and its host, where it does not know them itself."""
        return type(self)(self.why, revision=self.revision or revision, host=self.host or host, hint=self.hint)


class NewerRowError(RowError):
    """A row in a format that this version does not know: another host of the fleet has a newer one."""

    def __init__(self, why: str, *, revision: int = 0, host: str = "", hint: str = "upgrade this host") -> None:
        super().__init__(why, revision=revision, host=host, hint=hint)


def library_missing() -> EsmithError:
    """Return the error of a machine without the library that signs and makes certificates."""
    from esmith.libraries import library_command

    return InstallError(
        f"a fleet needs a Python package that is not installed: {LIBRARY}",
        hint=f"to install it: {library_command(LIBRARY)}",
    )
