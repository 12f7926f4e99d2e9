"""Names that mail takes for one: hints when a record gets the name of another one, or one for something else."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.schema.load import Schema
    from esmith.store.protocol import Records

_JUNK_MAIL = "-junkmail"


def spelling_hints(schema: Schema, snapshot: Records, database: str, key: str) -> list[str]:
    """Return hints about a record whose name mail takes for another one's. Nothing is refused.

    Of domains that differ only in capitals or a final dot, one counts (templates/var/qmail/domain-key). The mail of a
    user that is spam goes to USER-junkmail, which so is the name of no account.

    :param snapshot: the databases, with the record.
    """
    type = snapshot.type_of(database, key)
    known = schema.record(database, key, type)
    rule = known.key_rule.type if known is not None and known.key_rule is not None else ""
    if rule == "mail-domain":
        counts = _that_counts(snapshot, database, key, type)
        if counts != key:
            return [f"{database} {key} is for mail the same name as {counts}, whose settings count (stored as given)"]
    if rule in ("account", "mailbox") and key.lower().endswith(_JUNK_MAIL):
        user = key[: -len(_JUNK_MAIL)]
        if user == "admin" or snapshot.type_of(database, user) == "user":
            return [f"{database} {key} gets no mail: the junk mail of {user} has this name (stored as given)"]
    return []


def _that_counts(snapshot: Records, database: str, key: str, type: str | None) -> str:
    name = key.lower().removesuffix(".")
    if snapshot.type_of(database, name) == type:
        return name
    return min(
        other
        for other in snapshot.keys(database)
        if other.lower().removesuffix(".") == name and snapshot.type_of(database, other) == type
    )
