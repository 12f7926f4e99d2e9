"""What may come next at the prompt: names of one kind, from the databases and the files of a root, read-only.

Each function below is a kind of :class:`esmith.prompt.declaration.Operand` and of the words of options: it yields
names, each with a note for people, "" for none. Secrets are in none of them.
"""

from __future__ import annotations

import os
import time

from esmith.layout import Layout
from esmith.names import leads_to_directory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from esmith.schema.load import Schema
    from esmith.schema.model import Property
    from esmith.store.protocol import Snapshot, Store

    Names = Iterable[tuple[str, str]]

#: How many revisions are offered, the newest.
_REVISIONS = 20
#: The words of types of values that have few.
_WORDS = {"enabled/disabled": ("enabled", "disabled"), "yes/no": ("yes", "no")}
#: What else may be asked of a service than a service action.
_STATUS = "status"
#: The database that a record is in whose database is not named.
_CONFIGURATION = "configuration"


class Context:
    """What is known of the line so far.

    :param root: the value of ``--root``; None where it was not given.
    :param prefix: what the names have to begin with.
    """

    def __init__(self, root: str | None, prefix: str) -> None:
        self.layout = Layout.chosen(root)
        self.prefix = prefix
        #: The words that are typed already, the last ones of each kind.
        self.given: dict[str, str | None] = {}
        #: All words that are typed, of any kind.
        self.words: list[str | None] = []
        #: The operands that are typed.
        self.operands: list[str | None] = []
        self._snapshot: Snapshot | None = None
        self._store: Store | None = None

    @property
    def snapshot(self) -> Snapshot:
        """The databases, if they can be read at once.

        :raises EsmithError: when there are none, or they may not be read or believed.
        :raises LookupError: when the data file has to be verified first, which takes longer than anybody waits for a
            key; the next command does it.
        """
        if self._snapshot is None:
            from esmith.store import is_verified, open_store

            if not is_verified(self.layout):
                raise LookupError(self.layout.database)
            self._store = open_store(self.layout)
            self._snapshot = self._store.snapshot()
            self._snapshot.__enter__()
        return self._snapshot

    def close(self) -> None:
        """Close the databases."""
        if self._snapshot is not None and self._store is not None:
            self._snapshot.__exit__(None, None, None)
            self._store.close()

    @property
    def schema(self) -> Schema:
        """The schema files; those the store has are not parsed."""
        from esmith.schema.load import Schema
        from esmith.schema.remembered import RememberedFiles

        return Schema(self.layout, RememberedFiles(self.snapshot))

    def word(self, kind: str) -> str:
        """Return what was typed of a kind.

        :raises LookupError: when that is not known.
        """
        found = self.given[kind]
        if found is None:
            raise LookupError(kind)
        return found


def _what(context: Context) -> Names:
    """Yield what the next word of a record or a setting may be: ``accounts alice``, ``qpsmtpd DNSBL``; or a service."""
    _take_what(context)
    if not context.operands:
        context.given["database"] = _CONFIGURATION
        yield from (*_keys(context), *_databases(context), *_services(context))
    elif "prop" not in context.given:
        yield from _properties(context) if "key" in context.given else _keys(context)


def _take_what(context: Context) -> None:
    """Take operands that name a setting for database, key and property, where no operand is named so."""
    if "database" in context.given or not context.operands or None in context.operands:
        return
    words = [word for word in context.operands if word is not None]
    # A record of the configuration comes first.
    if len(words) < 3 and context.snapshot.type_of(_CONFIGURATION, words[0]) is not None:
        words.insert(0, _CONFIGURATION)
    context.given |= zip(("database", "key", "prop"), words, strict=False)


def _databases(context: Context) -> Names:
    return ((name, "") for name in context.snapshot.databases())


def _keys(context: Context) -> Names:
    prefix = context.prefix
    # Not one by one: there may be thousands.
    return [(key, "") for key in context.snapshot.keys(context.word("database")) if key.startswith(prefix)]


def _new_keys(context: Context) -> Names:
    """Yield the keys of the records there are, and those that only a schema file has."""
    yield from _keys(context)
    schema = context.schema
    for key in schema.named(context.word("database")):
        if key.startswith(context.prefix) and (known := schema.file(context.word("database"), key)) is not None:
            yield key, known.help


def _types(context: Context) -> Names:
    database, schema = context.word("database"), context.schema
    own = schema.file(database, context.word("key"))
    types = [own.type] if own is not None and own.type else schema.types(database)
    return ((name, "") for name in types)


def _properties(context: Context) -> Names:
    """Yield the properties that a record has, and those that the schema knows, without those that are typed already."""
    database, key = context.word("database"), context.word("key")
    record = context.snapshot.record(database, key)
    type = record.type if record else context.given.get("type")
    known = context.schema.record(database, key, type)
    helps = {name: prop.help for name, prop in known.properties.items()} if known else {}
    names = dict.fromkeys([*(record.props if record else ()), *helps])
    return ((name, helps.get(name, "")) for name in names if name not in context.words)


def _values(context: Context) -> Names:
    """Yield the values that a property may have, the default first, and the one it has; nothing of a secret."""
    _take_what(context)
    database, key, name = (context.word(kind) for kind in ("database", "key", "prop"))
    schema, stored = context.schema, context.snapshot.prop(database, key, name)
    type = context.snapshot.type_of(database, key) or context.given.get("type")
    known = schema.record(database, key, type)
    prop = known.properties.get(name) if known else None
    if schema.may_be_secret(database, key, name, stored):
        return
    if prop is not None:
        yield from _allowed(context, prop)
    if stored:
        yield stored, "as it is"


def _allowed(context: Context, prop: Property) -> Names:
    if prop.default:
        yield prop.default, "the default"
    for value in (*_WORDS.get(prop.type, ()), *prop.values):
        yield value, ""
    database, _, types = prop.refers_to.partition(":")
    if database:
        for key in _of_types(context, database.strip(), [type.strip() for type in types.split(",")]):
            yield key, ""


def _events(context: Context) -> Names:
    from esmith.events.definition import event_names

    return ((name, "") for name in event_names(context.layout))


def _arguments(context: Context) -> Names:
    """Yield what an event is for: those of the events of users are users, and so on."""
    type = context.word("event").partition("-")[0]
    if type in context.schema.types("accounts"):
        for key in _of_types(context, "accounts", [type]):
            yield key, ""


def _users(context: Context) -> Names:
    return ((key, "") for key in _of_types(context, "accounts", ["user"]))


def _of_types(context: Context, database: str, types: list[str]) -> Iterator[str]:
    """Yield the keys of some types that begin as they have to: of thousands few are looked at."""
    snapshot = context.snapshot
    for key in snapshot.keys(database):
        if key.startswith(context.prefix) and snapshot.type_of(database, key) in types:
            yield key


def _accounts(context: Context) -> Names:
    """Yield the accounts that a task of ``esmith accounts`` may be for."""
    type = str(context.operands[0] if context.operands else "").partition("-")[0]
    return ((key, "") for key in _of_types(context, "accounts", [type]))


def _domains(context: Context) -> Names:
    return ((key, "") for key in context.snapshot.keys("domains"))


def _paths(context: Context) -> Names:
    from esmith.prompt.paths import generated_files

    return ((path, "") for path in generated_files(context.layout, _installed(context), context.prefix))


def _overrides(context: Context) -> Names:
    from esmith.prompt.paths import overrides

    found = overrides(context.layout, _installed(context), context.operands, context.prefix)
    return ((path, "") for path in found)


def _installed(context: Context) -> Iterator[str]:
    for path, _ in context.snapshot.states("outputs"):
        yield path


def _revisions(context: Context) -> Names:
    for entry, _ in zip(context.snapshot.journal(), range(_REVISIONS), strict=False):
        yield str(entry.number), f"{_day(entry.time)}  {entry.author.user}"


def _day(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def _generations(context: Context) -> Names:
    from esmith.apply.generations import list_generations

    for generation in list_generations(context.snapshot):
        yield str(generation.number), generation.what


def _services(context: Context) -> Names:
    names: set[str] = set()
    for directory in (context.layout.services, context.layout.services_custom):
        if os.path.isdir(directory):
            names |= {entry.name for entry in os.scandir(directory) if leads_to_directory(entry)}
    return ((name, "") for name in sorted(names))


def _actions(_context: Context) -> Names:
    from esmith.services.actions import ACTIONS

    return ((name, "") for name in (*ACTIONS, _STATUS))


#: Every kind, with what yields its names.
KINDS: dict[str, Callable[[Context], Names]] = {
    "database": _databases,
    "key": _keys,
    "new-key": _new_keys,
    "type": _types,
    "prop": _properties,
    "val": _values,
    "event": _events,
    "argument": _arguments,
    "user": _users,
    "what": _what,
    "path": _paths,
    "override": _overrides,
    "account": _accounts,
    "domain": _domains,
    "revision": _revisions,
    "generation": _generations,
    "service": _services,
    "action": _actions,
}
