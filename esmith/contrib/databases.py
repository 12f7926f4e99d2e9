"""The defaults, forced values and migrations of a contrib."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from esmith.contrib.fragments import check_code
from esmith.contrib.migrated import migrated_type
from esmith.contrib.place import Contrib
from esmith.errors import EsmithError
from esmith.fragments.perl.migrations import no_migration
from esmith.schema.initialize import ADD_TYPE
from esmith.schema.load import Schema
from esmith.store import limits

if TYPE_CHECKING:
    from esmith.fragments.perl.engine import Perl
    from esmith.store.protocol import Snapshot

_BASE = "/etc/e-smith/db"


def check_databases(contrib: Contrib, perl: Perl, snapshot: Snapshot) -> None:
    """Look at everything below ``db``."""
    for path in contrib.files(_BASE):
        database, _, rest = path.removeprefix(f"{_BASE}/").partition("/")
        kind, _, name = rest.partition("/")
        if kind == "migrate":
            _check_migration(contrib, perl, path, name)
        elif kind in ("defaults", "force"):
            _check_value(contrib, snapshot, database, path, name)
        elif not path.endswith(".toml"):
            contrib.note(path, "is neither below defaults, force nor migrate, so it is not used")


def _check_migration(contrib: Contrib, perl: Perl, path: str, name: str) -> None:
    if "/" in name:
        contrib.note(path, "is in a directory below migrate, so it is not run")
        return
    text = contrib.read(path)
    reason = no_migration(path, text)
    if reason:
        contrib.fails(path, f"{reason}, so it migrates nothing")
    elif b"{" in text:
        check_code(contrib, perl, path, text)


def _check_value(contrib: Contrib, snapshot: Snapshot, database: str, path: str, name: str) -> None:
    key, _, prop = name.partition("/")
    if not prop or "/" in prop:
        contrib.fails(path, "is not at KEY/PROPERTY, so initialize-databases refuses it or leaves it out")
        return
    try:
        value = contrib.read(path).decode().removesuffix("\n")
        limits.check_key(database, key)
        if prop == "type":
            limits.check_type(database, key, value)
        else:
            limits.check_property(database, key, prop)
            limits.check_value(f"{database} {key} {prop}", value)
    except UnicodeDecodeError:
        contrib.fails(path, "is not UTF-8; convert it, e.g. with iconv")
        return
    except EsmithError as error:
        contrib.fails(path, error.message)
        return
    if prop != "type" and not _has_type(contrib, snapshot, database, key):
        contrib.fails(path, f"the record {key} has no type, so it is skipped; {ADD_TYPE}", certain=False)


def _has_type(contrib: Contrib, snapshot: Snapshot, database: str, key: str) -> bool:
    """Return whether something gives a record a type: a file, a schema file, a migrate fragment, or what is stored."""
    types = [os.path.join(_BASE, database, kind, key, "type") for kind in ("defaults", "force")]
    return (
        any(contrib.is_file(one) for one in (*types, os.path.join(_BASE, database, f"{key}.toml")))
        or snapshot.type_of(database, key) is not None
        or Schema(contrib.here).record(database, key, None) is not None
        or migrated_type(contrib, database, key) is not None
    )
