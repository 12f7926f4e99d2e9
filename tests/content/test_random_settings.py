"""Whatever valid settings there are, email-update never fails, and every file it makes can be read."""

from __future__ import annotations

import functools
import os
import shlex

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from esmith.errors import RefusedError
from esmith.fragments.rendering import Kind
from esmith.schema.types import refusal
from tests.content.desk import Desk, Trial
from tests.content.formats import complaints
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

_all_programs = os.environ.get("ESMITH_REQUIRE_DAEMONS") == "1"
_in_ci = "CI" in os.environ or _all_programs


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


def _change_something(draw: st.DrawFn, trial: Trial, desk: Desk) -> None:
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


def _check_files(trial: Trial) -> None:
    for output in trial.plan_all().outputs:
        if output.rendering.kind is Kind.FILE:
            assert complaints(output.path, output.rendering.content.decode()) == [], output.path


@settings(
    max_examples=30 if _all_programs else 12,
    phases=[Phase.explicit, Phase.generate],  # to shrink twenty settings takes minutes; the commands are shown instead
    deadline=None,
    database=None,
    derandomize=_in_ci,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_valid_settings_never_break_a_file(desk: Desk, data: st.DataObject) -> None:
    """Up to twenty settings that setprop accepts: email-update is planned, and no file holds a line out of place."""
    with desk.trial() as trial:
        for _ in range(data.draw(st.integers(1, 20))):
            _change_something(data.draw, trial, desk)  # type: ignore[arg-type]
        note("\n".join(shlex.join(words) for words in trial.done))
        _check_files(trial)


@pytest.mark.parametrize("key", ["LocalIP", "ExternalIP", "GatewayIP"])
def test_an_address_that_is_taken_does_not_stop_the_event(desk: Desk, key: str) -> None:
    """An IPv6 address is refused when it is set, or email-update can be planned with it."""
    with desk.trial() as trial:
        try:
            trial.do(f"config set {key} 2001:db8::1")
        except RefusedError:
            return
        _check_files(trial)
