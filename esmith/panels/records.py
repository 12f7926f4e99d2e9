"""A list of records, as a panel file describes it."""

from __future__ import annotations

from esmith.fields import dataclass


@dataclass(frozen=True)
class Action:
    """What may be done to a record besides changing and deleting it.

    :param event: the event that does it, with the key as its argument.
    :param ask: what is asked before; "" for nothing.
    :param password: whether it asks for a new password.
    :param not_for: the keys that it is not offered for.
    """

    name: str
    label: str
    event: str
    ask: str
    password: bool
    not_for: tuple[str, ...]


@dataclass(frozen=True)
class Creation:
    """How a record is made."""

    event: str
    label: str


@dataclass(frozen=True)
class Before:
    """The records of the same database that are deleted before one that they lead to.

    :param type: their type.
    :param prop: the property of theirs that names it.
    :param event: the event that is signalled for each.
    :param kept: what those lead to afterwards that may not be deleted (``Removable=no``); "" when there may be none.
    """

    type: str
    prop: str
    event: str
    kept: str


@dataclass(frozen=True)
class Deletion:
    """How a record is deleted: it gets another type, the event is signalled, and it is removed.

    :param type: the type while the event runs; "" to leave it.
    :param ask: what is asked before, with the key in the place of ``{key}``.
    :param before: what is deleted before it.
    """

    event: str
    type: str
    ask: str
    before: Before | None


@dataclass(frozen=True)
class Records:
    """The list of a panel.

    :param also: single records of other types that are listed too: keys and their types.
    :param modify: the event after a change; "" for none.
    :param modify_of: other events for single keys.
    :param fixed_if: properties with values: records that have one of these may not be changed here.
    :param protected: which may not be deleted: keys, ``PROPERTY=VALUE``, or settings that name one.
    """

    database: str
    type: str
    also: dict[str, str]
    key_label: str
    key_help: str
    columns: tuple[str, ...]
    create: Creation | None
    modify: str
    modify_of: dict[str, str]
    delete: Deletion | None
    protected: tuple[str, ...]
    fixed_if: dict[str, tuple[str, ...]]
    actions: tuple[Action, ...]

    def type_of(self, key: str) -> str:
        """Return the type that a record of the list has."""
        return self.also.get(key, self.type)

    def event_of(self, key: str) -> str:
        """Return the event that is signalled after a record was changed; "" for none."""
        return self.modify_of.get(key, self.modify)
