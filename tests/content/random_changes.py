"""Changes of settings that ``setprop`` takes, at random: of records that there are and of new ones."""

from __future__ import annotations

import functools

from hypothesis import strategies as st

from esmith.schema.types import refusal
from tests.content.desk import Desk, Trial
from tests.content.random_values import values

#: Names for new records, by the type of the record.
NEW_KEYS = {
    "user": ["mary", "m.x", "o'neill", "a:b", "ünï"],
    "group": ["staff", "a-b", "g:1"],
    "pseudonym": ["info", "first.last", "info@test.com", "x:y@example.com"],
    "system": ["backup", "root"],
    "ibay": ["web", "primary"],
    "domain": ["example.net", "sub.test.com", "xn--mnchen-3ya.de"],
    "network": ["172.16.0.0", "192.168.4.0", "10.1.2.3"],
    "host": ["www.example.com"],
    "pattern": ["EXE"],
}
DATABASES = ("configuration", "accounts", "domains", "networks", "spamassassin")
#: The records of the configuration that the templates read; DomainName and the like besides.
SERVICES = {"clamav", "clamd", "modSSL", "php", "qmail", "qpsmtpd", "smtp-auth-proxy", "smtpd", "spamassassin"}
SERVICES |= {"sqpsmtpd", "ssmtpd"}
SENDERS = ["*@vonage.com", "a#b@c.com", "*@*.xyz", "user@domain3.com"]


@functools.cache
def _fields(desk: Desk) -> list[tuple[str, str, str]]:
    """Return every (database, file, property) the schema files of the office know."""
    found = []
    for database in DATABASES:
        for file in desk.schema.files(database):
            if database == "configuration" and file.value is None and file.key not in SERVICES:
                continue
            found += [(database, file.key, name) for name in file.properties]
            found += [(database, file.key, "")] * (file.value is not None)
    assert len(found) > 200
    return sorted(found)


def change_something(draw: st.DrawFn, trial: Trial, desk: Desk) -> None:
    """Set one property of one record to a value its type allows, or delete it; make the record if need be."""
    database, key, name = draw(st.sampled_from(_fields(desk)))
    kind = key[1:] if key.startswith("@") else None
    if kind:
        existing = [record.key for record in trial.transaction.records(database, kind)]
        key = draw(st.sampled_from(existing + NEW_KEYS.get(kind, ["new"])))
        if key not in existing:
            trial.do_words(["db", database, "set", key, kind])
    schema = desk.schema.record(database, key, kind)
    assert schema is not None
    if not name:
        assert schema.value is not None
        value = draw(values(schema.value).filter(lambda value: "|" not in value))  # see esmith.store.limits.check_type
        assert refusal(schema.value, value) is None
        trial.do_words(["db", database, "set", key, value])
        return
    if trial.transaction.type_of(database, key) is None:
        trial.do_words(["db", database, "set", key, schema.type or ""])
    prop = schema.properties[name]
    if name == "*":
        name = draw(st.sampled_from(SENDERS))
    if draw(st.integers(0, 4)) == 0:
        trial.do_words(["db", database, "delprop", key, name])
        return
    value = draw(values(prop))
    assert refusal(prop, value) is None, (key, name, value)
    trial.do_words(["db", database, "setprop", key, name, value])
