"""What a field stands for, a setting; and the errors of panels."""

from __future__ import annotations

from esmith.errors import EsmithError, ExitCode, UsageError
from esmith.fields import dataclass

#: Stands in a setting for the key of the record that the form is of.
KEY = "{key}"
#: What refusals name that are about the key of a new record; no field is called so.
KEY_FIELD = "key"

#: Database, key and property; the value of a record without properties has the property "".
Cell = tuple[str, str, str]


class PanelError(EsmithError):
    """A panel file is broken; only that panel is missing."""

    exit_code = ExitCode.TEMPLATE


class NoSuchPanelError(UsageError):
    """There is no panel of that name."""


class NoSuchRecordError(UsageError):
    """The panel has no record of that key."""


@dataclass(frozen=True)
class Setting:
    """One property, or the value of a record without properties.

    :param key: the key of the record; ``{key}`` in it stands for that of the record that the form is of.
    :param prop: "" for the value of a record without properties.
    """

    database: str
    key: str
    prop: str

    def cell(self, key: str | None) -> Cell:
        """Return the cell of the databases.

        :param key: the record that the form is of, None for a form of settings.
        """
        return self.database, self.key.replace(KEY, key or ""), self.prop

    def __str__(self) -> str:
        return " ".join(filter(None, (self.database, self.key, self.prop)))
