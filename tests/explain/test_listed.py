"""Which settings are not as shipped, and finding a word."""

from __future__ import annotations

from pathlib import Path

import pytest

from esmith.explain.listed import Listed, Listing
from esmith.layout import Layout
from esmith.schema.load import Schema
from tests.store.stores import opened, put

SCHEMA = """\
type = "service"
help = "A Box in the cellar."
[properties.status]
type = "enabled/disabled"
default = "enabled"
unset = "disabled"
[properties.Level]
default = "3"
help = "How loud."
[properties.Place]
help = "Where it is."
[properties.Mode]
unset = "slow"
[properties.Password]
type = "secret"
[properties.Key]
type = "secret"
generate = 8
[properties.Fixed]
force = "a"
[properties.Gone]
removed = true
"""
DEFAULTS = {"status": "enabled", "Level": "3", "Fixed": "a", "Key": "x7x7x7x7"}


@pytest.fixture
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """Return a root with one schema file, and no records."""
    path = tmp_path_factory.mktemp("listed")
    file = path / "etc/e-smith/db/configuration/box.toml"
    file.parent.mkdir(parents=True)
    file.write_text(SCHEMA)
    return Layout(str(path))


def _all(
    layout: Layout, props: dict[str, str], *, words: list[str] | None = None, changed: bool = True
) -> list[Listed]:
    with opened(Path(layout.root), create=True) as store:
        put(store, "configuration", "box", "service", props)
        with store.snapshot() as snapshot:
            listing = Listing(layout, snapshot, Schema(layout), "configuration")
            return list(listing.all(only_changed=changed) if words is None else listing.matching(words))


def test_the_defaults_are_not_changed(layout: Layout) -> None:
    """A record with its defaults has nothing that is changed: neither a secret made by chance nor what is forced."""
    assert _all(layout, DEFAULTS) == []


@pytest.mark.parametrize(
    ("props", "name", "default"),
    [
        ({"Level": "4"}, "Level", "3"),
        ({"Level": ""}, "Level", "3"),
        ({"Place": "cellar"}, "Place", None),
        ({"Mode": "fast"}, "Mode", None),
        ({"Fixed": "b"}, "Fixed", None),
        ({"Unknown": "1"}, "Unknown", None),
        ({"Password": "hunter2"}, "Password", None),
    ],
)
def test_what_is_changed(props: dict[str, str], name: str, default: str | None, layout: Layout) -> None:
    """What differs from its default is changed, and so is what has none, or what no schema file knows."""
    (found,) = _all(layout, DEFAULTS | props)
    assert (found.prop, found.default, found.known) == (name, default, name != "Unknown")
    assert found.value == ("****" if name == "Password" else props[name])


def test_a_missing_property_that_reads_as_another_value(layout: Layout) -> None:
    """A missing property is changed where it does not read as its default; one that does is not."""
    (found,) = _all(layout, {name: value for name, value in DEFAULTS.items() if name not in ("status", "Level")})
    assert (found.prop, found.value, found.reads_as, found.default) == ("status", None, "disabled", "enabled")


def test_the_value_that_is_unset_is_not_changed(layout: Layout) -> None:
    """What is stored as it would be read without is not changed."""
    assert _all(layout, {**DEFAULTS, "Mode": "slow"}) == []


def test_all_settings(layout: Layout) -> None:
    """The whole list has what is not set as well, but nothing that is no longer used."""
    names = [one.prop for one in _all(layout, DEFAULTS, changed=False)]
    assert names == sorted(["status", "Level", "Place", "Mode", "Password", "Key", "Fixed"])


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["loud"], ["Level"]),
        (["BOX", "how"], ["Level"]),
        (["cellar"], ["", "Place"]),
        (["hunter2"], []),
        (["nothing"], []),
        (["gone"], []),
        (["place"], ["Place"]),
    ],
)
def test_finding_a_word(words: list[str], names: list[str], layout: Layout) -> None:
    """A word is found in names, help and values, in any case; the values of secrets are not looked at."""
    found = _all(layout, {**DEFAULTS, "Place": "in the cellar", "Password": "hunter2"}, words=words)
    assert [one.prop for one in found] == names


def test_a_record_that_is_not_there_is_found(layout: Layout) -> None:
    """What a schema file describes is found though no record of it is stored."""
    with opened(Path(layout.root), create=True) as store, store.snapshot() as snapshot:
        found = list(Listing(layout, snapshot, Schema(layout), "configuration").matching(["loud"]))
    assert [(one.key, one.prop, one.value) for one in found] == [("box", "Level", None)]
