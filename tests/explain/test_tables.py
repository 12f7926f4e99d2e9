"""The shipped table of the wiki page, and what each shipped event is for."""

from __future__ import annotations

import tomllib

import pytest

from esmith.explain.described import Descriptions
from esmith.explain.wiki import mentions
from esmith.layout import Layout
from esmith.store.protocol import Snapshot
from tests.explain.page_table import FILE, ROOT, page_text

EVENTS = sorted(path.name for path in (ROOT / "events").iterdir() if path.is_dir() and path.name != "actions")


def test_the_table_is_that_of_the_page() -> None:
    """The table of the product is what the transcripts and docs/page.md give: python -m tests.explain.page_table."""
    assert FILE.read_text() == page_text()


def test_each_setting_of_the_table_is_one(seen: tuple[Layout, Snapshot]) -> None:
    """Each setting that the page is about is one that a schema file knows, but for those that are no more."""
    descriptions = Descriptions(*seen)
    unknown = []
    for name in tomllib.loads(FILE.read_text())["settings"]:
        database, key, *props = name.split(" ")
        if not descriptions.of(database, key.removeprefix("@"), "".join(props))["known"]:
            unknown.append(name)
    assert [name for name in unknown if name != "domains @domain"] == ["configuration imaps ConcurrencyLimitPerIP"]


def test_the_blocks_of_a_setting() -> None:
    """A setting has its blocks in the order of the page; one that the page is not about has none."""
    assert [one["line"] for one in mentions("configuration", "qpsmtpd", "DNSBL")] == [303, 1075]
    assert mentions("configuration", "qpsmtpd", "LogLevel") == []


@pytest.mark.parametrize("name", EVENTS)
def test_a_shipped_event_has_a_line(name: str) -> None:
    """Each shipped event says in one line what it is for."""
    data = tomllib.loads((ROOT / "events" / name / "event.toml").read_text())
    assert list(data) == ["help"]
    assert data["help"].endswith(".") and "\n" not in data["help"]
