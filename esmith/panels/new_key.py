"""Whether a new record may be called so."""

from __future__ import annotations

from esmith.names import is_number
from esmith.schema.account_names import can_be_unix, name_fault
from esmith.schema.check import RECEIVERS, NotAllowedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.panels.records import Records
    from esmith.schema.load import Schema
    from esmith.store.protocol import Snapshot

#: The accounts that get a unix account of their name.
_UNIX = ("user", "group")
#: How a command says that it stores a name nevertheless.
STORED = " (stored as given)"
#: The setting that says how many characters the name of such an account may have.
_LIMIT = ("configuration", "maxAcctNameLength")


def check_new_key(records: Records, schema: Schema, snapshot: Snapshot, key: str) -> None:
    """Check the key of a record that is about to be made: what would be a hint for a command is refused here.

    The rule of its type (``key`` in the schema file) is checked when it is made.

    :raises NotAllowedError: with the reason.
    """
    if not key.strip():
        raise NotAllowedError("a name is needed here")
    stored = snapshot.type_of(records.database, key)
    if stored is not None:
        raise NotAllowedError(f"there is one of this name already, of type {stored}")
    if records.database != "accounts" or records.type not in RECEIVERS:
        return
    fault = name_fault(key, records.type)
    if fault:
        raise NotAllowedError(f"it would get no mail: {fault}")
    if key != key.lower():
        raise NotAllowedError("small letters are needed here", hint=key.lower())
    domain = key.rpartition("@")[2] if "@" in key else ""
    if domain and snapshot.type_of("domains", domain) != "domain":
        raise NotAllowedError(f"{domain} is no domain of this server", hint="add it on the page Domains first")
    if records.type not in _UNIX:
        return
    if not can_be_unix(key):
        raise NotAllowedError(
            "no unix account can be called so: letters a to z, digits, '.', '_', '+' and '-' are allowed, at most 32,"
            " and not only digits"
        )
    most = _most_characters(schema, snapshot)
    if most is not None and len(key) > most:
        raise NotAllowedError(f"it has {len(key)} characters; {most} are allowed ({' '.join(_LIMIT)})")


def check_made_key(records: Records, schema: Schema, snapshot: Snapshot, key: str) -> None:
    """Check the key of a domain that was just made: what would be a hint for a command is refused here.

    :raises NotAllowedError: with the reason.
    """
    if records.database != "domains":
        return
    from esmith.schema.check import name_hints
    from esmith.schema.spellings import spelling_hints

    hints = name_hints(schema, records.database, key, records.type)
    hints += spelling_hints(schema, snapshot, records.database, key)
    if hints:
        raise NotAllowedError(hints[0].removeprefix(f"{records.database} ").removesuffix(STORED))


def _most_characters(schema: Schema, snapshot: Snapshot) -> int | None:
    stored = snapshot.type_of(*_LIMIT)
    if stored is None:
        known = schema.file(*_LIMIT)
        value = known.value.unset if known is not None and known.value is not None else None
        stored = value or ""
    return int(stored) if is_number(stored) else None
