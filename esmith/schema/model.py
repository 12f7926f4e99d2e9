"""What a schema file says, as objects. Plain classes, because ``config setprop`` pays for every import."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Property:
    """What one property may hold.

    :param name: its name; ``*`` stands for every other property of the record.
    :param data: its table in the schema file, already checked for unknown words.
    """

    __slots__ = (
        "_table",
        "assigned",
        "besides",
        "block_lists",
        "closed",
        "cures",
        "default",
        "empty",
        "force",
        "generate",
        "help",
        "list",
        "maximum",
        "minimum",
        "name",
        "obsolete_values",
        "programs",
        "raise_to",
        "refers_to",
        "removed",
        "renamed_from",
        "replace_values",
        "separator",
        "type",
        "unset",
        "values",
    )

    def __init__(self, name: str, data: dict[str, Any]) -> None:
        self.name = name
        self._table = data
        self.type: str = data.get("type", "text")
        self.help: str = data.get("help", "")
        self.default: str | None = data.get("default")
        self.unset: str | None = data.get("unset")
        self.force: str | None = data.get("force")
        self.values: list[str] = data.get("values", [])
        self.minimum: float | None = data.get("min")
        self.maximum: float | None = data.get("max")
        self.separator: str = data.get("separator", ",")
        self.empty: bool = data.get("empty", False)
        self.removed: bool = data.get("removed", False)
        self.renamed_from: list[str] = data.get("renamed-from", [])
        self.obsolete_values: list[str] = data.get("obsolete-values", [])
        self.replace_values: dict[str, str] = data.get("replace-values", {})
        self.raise_to: str | None = data.get("raise-to")
        self.refers_to: str = data.get("refers-to", "")
        self.besides: list[str] = data.get("besides", [])
        #: the path of the program that a value needs, and the command that helps where it is missing
        self.programs: dict[str, str] = data.get("programs", {})
        self.cures: dict[str, str] = data.get("cures", {})
        self.generate: int | None = data.get("generate")
        #: who gives it its value when it has none: "free", the engine; "fixed", the engine, and files depend on it
        self.assigned: str = data.get("assigned", "" if self.generate is None else "free")
        #: the list of esmith.patterns that the value, or for "*" the name of the property, becomes an entry of
        self.list: str = data.get("list", "")
        #: whether the entries are block lists of DNS
        self.block_lists: bool = data.get("block-lists", False)
        #: patterns of block lists that are closed, each with what became of it
        self.closed: dict[str, str] = {}

    # What only forms ask for is looked up there: a "setprop" pays for each line above.

    @property
    def label(self) -> str:
        """What a form calls it; "" where it is called by its name."""
        label: str = self._table.get("label", "")
        return label

    @property
    def scope(self) -> str:
        """Whether several machines may share its value: ``shared``, or ``host`` for what is only of this one."""
        scope: str = self._table.get("scope", "shared")
        return scope

    @property
    def shown_if(self) -> str:
        """The setting that it is of use with, as ``SubjectTag=enabled``; "" where it always is."""
        condition: str = self._table.get("shown-if", "")
        return condition

    def unstored(self, stored: str | None) -> tuple[str, str] | None:
        """Return what a property reads as that is missing or empty, after the key of the schema file that says so.

        It reads as ``unset``; without an ``unset`` as ``default``. An empty property does so only where the schema file
        does not say ``empty = true``. The value of a record without properties has only ``unset``: its default is what
        a new server starts with, such as a host name, and not the meaning of a missing one.

        :param stored: what is stored: None, or "".
        :return: None when it reads as what is stored.
        """
        if self.unset is not None:
            return "unset", self.unset
        if self.default is None or not self.name or (stored is not None and self.empty):
            return None
        return "default", self.default

    @property
    def initial(self) -> str | None:
        """What it gets where it is missing, when the databases are initialised; None for nothing, or a new secret."""
        return self.default if self.force is None else self.force

    @property
    def may_be_migrated(self) -> bool:
        """Whether there are values or names of it that a migration changes."""
        return bool(
            self.renamed_from or self.removed or self.replace_values or self.raise_to is not None or self.type == "list"
        )

    @property
    def may_be_written(self) -> bool:
        """Whether it is written where it is missing, or always."""
        return self.force is not None or self.default is not None or self.generate is not None

    @property
    def secret(self) -> bool:
        """Whether the value is masked wherever it is shown for people."""
        return self.type == "secret"


class RecordSchema:
    """What one record, or each record of one type, may hold.

    :param database: the database.
    :param key: the record's key, or ``@type`` when it is for every record of a type.
    :param type: the record's type; None for a record without properties.
    :param value: for a record without properties: what its value may be.
    :param key_rule: for a file of a type: what their keys may be; None when any may.
    """

    __slots__ = (
        "_defaulting",
        "_migrating",
        "create",
        "database",
        "ensure",
        "ensure_from",
        "help",
        "key",
        "key_rule",
        "own_scope",
        "properties",
        "renamed_from",
        "type",
        "value",
    )

    def __init__(self, database: str, key: str, data: dict[str, Any]) -> None:
        self.database = database
        self.key = key
        self.help: str = data.get("help", "")
        self.type: str | None = data.get("type")
        self.create: bool = data.get("create", not key.startswith("@"))
        #: the scope of the record as a whole: "host", "shared", or "" where the file has none
        self.own_scope: str = data.get("scope", "")
        self.renamed_from: list[str] = data.get("renamed-from", [])
        self.ensure_from: str | None = data.get("ensure-from")
        self.ensure: dict[str, str] = data.get("ensure", {})
        self.value: Property | None = Property("", data["value"]) if "value" in data else None
        self.key_rule: Property | None = Property("", {"type": data["key"]}) if "key" in data else None
        self.properties: dict[str, Property] = {
            name: Property(name, table) for name, table in data.get("properties", {}).items()
        }
        self._migrating: list[Property] | None = None
        self._defaulting: list[Property] | None = None

    @property
    def migrating(self) -> list[Property]:
        """The properties that a migration may change. Of each record that is imported these are looked at."""
        if self._migrating is None:
            self._migrating = [prop for prop in self.properties.values() if prop.may_be_migrated]
        return self._migrating

    @property
    def defaulting(self) -> list[Property]:
        """The properties that are written where they are missing, or always."""
        if self._defaulting is None:
            self._defaulting = [prop for prop in self.properties.values() if prop.may_be_written]
        return self._defaulting

    def property(self, name: str) -> Property | None:
        """Return what is known of a property, None when nothing is."""
        return self.properties.get(name) or self.properties.get("*")

    def scope_of(self, name: str) -> str:
        """Return ``host`` where a property is this machine's alone, else ``shared``; "" is the type, or the value."""
        # That a secret is never shared, also one that no file has, is for those who share values.
        known = self.property(name) if name else self.value
        return "host" if self.own_scope == "host" else known.scope if known is not None else "shared"
