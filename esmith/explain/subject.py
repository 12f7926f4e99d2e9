"""What the words after ``esmith explain`` are about: a setting, a record, a service, or several of these."""

from __future__ import annotations

import shlex

from esmith.errors import UsageError
from esmith.fields import dataclass, field
from esmith.names import nearest, shorten
from esmith.printable import shell_word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.explain.described import Descriptions
    from esmith.services.definition import Services
    from esmith.store.protocol import Snapshot

CONFIGURATION = "configuration"
#: How many names a hint shows.
_SHOWN = 5


@dataclass
class Subject:
    """What some words are about.

    :param database: the database of a record or setting; "" for none.
    :param key: the record.
    :param prop: the property; None for the record as a whole.
    :param service: a service; "" for none.
    :param others: what the words could have meant besides, as commands to type.
    """

    database: str = ""
    key: str = ""
    prop: str | None = None
    service: str = ""
    others: list[str] = field(default_factory=list)


def subject_of(words: list[str], snapshot: Snapshot, descriptions: Descriptions, services: Services) -> Subject:
    """Return what words are about.

    One word is a record of the configuration database, a service, or both. Two are such a record with a property, else
    a database with a record. Three are database, record and property. Where two things are meant by the same words the
    first counts, and the other one is named.

    :raises UsageError: when there is nothing of that name; with near names.
    """
    if len(words) == 1:
        return _one(words[0], snapshot, descriptions, services)
    if len(words) == 2:
        return _two(words[0], words[1], snapshot, descriptions)
    database, key, prop = words
    _require_database(database, snapshot, descriptions)
    _require_record(database, key, snapshot, descriptions)
    return Subject(database, key, _property(database, key, prop, descriptions))


def _one(word: str, snapshot: Snapshot, descriptions: Descriptions, services: Services) -> Subject:
    is_record = descriptions.is_known(CONFIGURATION, word)
    # A record may have another name than its service: sqpsmtpd is one of both.
    is_service = word in services.names() or snapshot.type_of(CONFIGURATION, word) == "service"
    if not (is_record or is_service):
        raise UsageError(
            f"there is no record and no service {shorten(word)!r}", hint=_near(word, snapshot, descriptions, services)
        )
    others = [f"db {shell_word(word)} show"] if is_record and snapshot.has_database(word) else []
    found = Subject(others=others, service=word if is_service else "")
    if is_record:
        found.database, found.key = CONFIGURATION, word
    return found


def _two(first: str, second: str, snapshot: Snapshot, descriptions: Descriptions) -> Subject:
    is_record = descriptions.is_known(CONFIGURATION, first)
    is_database = first in _databases(snapshot, descriptions)
    in_database = is_database and descriptions.is_known(first, second)
    if is_record and second in descriptions.properties(CONFIGURATION, first):
        others = (
            [f"esmith explain {CONFIGURATION} {shell_word(first)} {shell_word(second)}"]
            if first == CONFIGURATION
            else []
        )
        return Subject(CONFIGURATION, first, second, others=others)
    if in_database:
        return Subject(first, second)
    if is_record and (not is_database or first == CONFIGURATION):
        return Subject(CONFIGURATION, first, _property(CONFIGURATION, first, second, descriptions))
    if is_database:
        near = _near_property(first, second, descriptions) if is_record else ""
        close = nearest(second, _keys(first, snapshot, descriptions))
        hint = f"did you mean {first} {close}?" if close else near or f"the records: db {shell_word(first)} keys"
        raise UsageError(f"{first} has no record {shorten(second)!r}", hint=hint)
    known = [*_keys(CONFIGURATION, snapshot, descriptions), *_databases(snapshot, descriptions)]
    close = nearest(first, known)
    found = _found_in(first, snapshot, descriptions)
    hint = f"did you mean {close!r}?" if close else "the databases: " + ", ".join(_databases(snapshot, descriptions))
    if found:
        hint = f"it is a record of {found}: esmith explain {shlex.join([found, first, second])}"
    raise UsageError(f"there is no record and no database {shorten(first)!r}", hint=hint)


def _property(database: str, key: str, prop: str, descriptions: Descriptions) -> str:
    """Return the name of a property that a record has or may have.

    :raises UsageError: when it may not have it.
    """
    record = descriptions.record_schema(database, key)
    known = descriptions.properties(database, key)
    if prop in known or (record is not None and record.property(prop) is not None):
        return prop
    close = nearest(prop, known)
    names = [key] if database == CONFIGURATION else [database, key]
    name = " ".join(names)
    hint = f"did you mean {close!r}?" if close else f"all it has: esmith explain {shlex.join(names)}"
    raise UsageError(f"{name} has no property {shorten(prop)!r}", hint=hint)


def _near_property(key: str, prop: str, descriptions: Descriptions) -> str:
    close = nearest(prop, descriptions.properties(CONFIGURATION, key))
    return f"did you mean {key} {close}?" if close else ""


def _require_database(database: str, snapshot: Snapshot, descriptions: Descriptions) -> None:
    known = _databases(snapshot, descriptions)
    if database not in known:
        close = nearest(database, known)
        hint = f"did you mean {close!r}?" if close else f"the databases: {', '.join(known)}"
        raise UsageError(f"there is no database {shorten(database)!r}", hint=hint)


def _require_record(database: str, key: str, snapshot: Snapshot, descriptions: Descriptions) -> None:
    if not descriptions.is_known(database, key):
        close = nearest(key, _keys(database, snapshot, descriptions))
        hint = f"did you mean {close!r}?" if close else f"the records: db {shell_word(database)} keys"
        raise UsageError(f"{database} has no record {shorten(key)!r}", hint=hint)


def _databases(snapshot: Snapshot, descriptions: Descriptions) -> list[str]:
    return sorted({*snapshot.databases(), *descriptions.schema.databases()})


def _keys(database: str, snapshot: Snapshot, descriptions: Descriptions) -> list[str]:
    return sorted({*snapshot.keys(database), *descriptions.schema.named(database)})


def _near(word: str, snapshot: Snapshot, descriptions: Descriptions, services: Services) -> str:
    """Return a hint: the records that have a property of this name, else the nearest name of anything."""
    keys = _keys(CONFIGURATION, snapshot, descriptions)
    having = [key for key in keys if word in descriptions.properties(CONFIGURATION, key)]
    if having:
        more = f" and {len(having) - _SHOWN} more" if len(having) > _SHOWN else ""
        named = shlex.join([having[0], word])
        return f"it is a property of {', '.join(having[:_SHOWN])}{more}: esmith explain {named}"
    if word in _databases(snapshot, descriptions):
        return f"it is a database, and this shows it: db {shell_word(word)} show"
    found = _found_in(word, snapshot, descriptions)
    if found:
        return f"it is a record of {found}: esmith explain {shlex.join([found, word])}"
    close = nearest(word, [*keys, *services.names()])
    if close:
        return f"did you mean {close!r}?"
    return f"look for it: config search {shell_word(word)}" if word.isprintable() and word else ""


def _found_in(key: str, snapshot: Snapshot, descriptions: Descriptions) -> str:
    """Return the first database that has a record; "" for none."""
    return next((name for name in _databases(snapshot, descriptions) if descriptions.is_known(name, key)), "")
