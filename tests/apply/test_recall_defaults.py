"""The defaults of the schema files are part of what is remembered of an output."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.apply.kit import Bench
from tests.apply.test_recall import PATH

OWN = "/configuration/clamd.toml"
OF_TYPE = "/accounts/@user.toml"


def _schema(bench: Bench, name: str, text: str) -> None:
    bench.trees.place("db", name).write_text(text)


def _of(default: str) -> str:
    return f'type = "service"\n[properties.MaxLoad]\ndefault = "{default}"\n'


@pytest.fixture
def office(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Give a root whose template reads defaults, expanded once and remembered."""
    # What is younger than a second is not trusted, which would make every test wait.
    monkeypatch.setattr("esmith.plan.seen.TRUSTED_AGE_NS", -(10**18))
    _schema(bench, OWN, _of("7"))
    _schema(bench, OF_TYPE, 'type = "user"\n[properties.Filter]\nunset = "yes"\n')
    bench.set("configuration", "clamd", "service", status="enabled")
    bench.set("accounts", "zoe", "user")
    bench.template(
        PATH, "{{ clamd.MaxLoad }} {{ db.accounts.zoe.Filter or 'mail' }} {{ db.hosts.www.HostType or 'none' }}\n"
    )
    bench.apply(PATH)
    assert bench.file(PATH).read_text().endswith("7 yes none\n")
    return bench


def test_an_output_with_a_default_is_recalled(office: Bench) -> None:
    """While nothing changed, an output that was made with defaults is not expanded again."""
    assert office.one(PATH).rendering.recalled
    office.set("configuration", "spamd", "service", status="enabled")
    assert office.one(PATH).rendering.recalled


CHANGES: dict[str, tuple[Callable[[Bench], object], str]] = {
    "another default": (lambda bench: _schema(bench, OWN, _of("10")), "10 yes none\n"),
    "another unset": (
        lambda bench: _schema(bench, OF_TYPE, 'type = "user"\n[properties.Filter]\nunset = "no"\n'),
        "7 no none\n",
    ),
    "set": (
        lambda bench: bench.set("configuration", "clamd", "service", status="enabled", MaxLoad="9"),
        "9 yes none\n",
    ),
    "a file of the record's own": (
        lambda bench: _schema(bench, "/accounts/zoe.toml", 'type = "user"\n[properties.Filter]\nunset = "own"\n'),
        "7 own none\n",
    ),
    "the first file of a database": (
        lambda bench: _schema(bench, "/hosts/www.toml", 'type = "host"\n[properties.HostType]\ndefault = "Self"\n'),
        "7 yes Self\n",
    ),
    "another type": (lambda bench: bench.set("accounts", "zoe", "group"), "7 mail none\n"),
}


@pytest.mark.parametrize(("change", "expected"), CHANGES.values(), ids=CHANGES)
def test_whatever_changes_a_default_shows(office: Bench, change: Callable[[Bench], object], expected: str) -> None:
    """After a change to a schema file, or to the property, the event makes what a first event would."""
    change(office)
    assert not office.one(PATH).rendering.recalled
    office.apply(PATH)
    assert office.file(PATH).read_text().endswith(expected)
    assert office.one(PATH).rendering.recalled


def test_a_deleted_property_reads_as_its_default_again(office: Bench) -> None:
    """Once a property is set and deleted again, the file is as before."""
    before = office.file(PATH).read_text()
    office.set("configuration", "clamd", "service", status="enabled", MaxLoad="9")
    office.apply(PATH)
    office.set("configuration", "clamd", "service", status="enabled")
    assert not office.one(PATH).rendering.recalled
    office.apply(PATH)
    assert office.file(PATH).read_text() == before
