"""What history shows of revisions: a large one is masked as a small one is, with less work."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esmith.layout import Layout
from esmith.schema import masking
from esmith.schema.load import Schema
from esmith.schema.masking import Masking
from esmith.store import journal, open_store
from esmith.store.journal import Entry
from esmith.store.model import FORGOTTEN, Author, Change, Revision
from tests.commands import Root
from tests.examples import examples
from tests.store.parted import Table
from tests.store.stores import opened, put

#: Few texts, so that commands have values, parts of them, types and names of properties.
VALUES = st.sampled_from(
    [
        "",
        "user",
        "vpn",
        "hunter2",
        "x hunter2 y",
        "enabled",
        "a\tb",
        "\\t",
        "é\u200b",
        "no",
        FORGOTTEN,
        None,
        "Password",
    ]
)
CHANGES = st.lists(
    st.builds(
        Change,
        st.sampled_from(["accounts", "configuration"]),
        st.sampled_from(["alice", "password", "qpsmtpd", "horde"]),
        st.sampled_from(["", "Password", "Secret", "Note", "DbPassword"]),
        VALUES,
        VALUES,
    ),
    max_size=6,
)
WORDS = st.lists(
    st.sampled_from(
        ["esmith", "import", "/a/hunter2/x", "hunter2", "", "Password", "users", "vpn", "a\\tb", "Note", "no"]
    ),
    max_size=5,
)


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """Return a root with a few schema files and records."""
    path: Path = tmp_path_factory.mktemp("masking")
    for name, text in {
        "accounts/@vpn": 'type = "vpn"\n[properties.Secret]\ntype = "secret"\n',
        "accounts/@user": 'type = "user"\n[properties.Note]\n',
        "configuration/horde": 'type = "service"\n[properties.Note]\ntype = "secret"\n',
    }.items():
        file = path / f"etc/e-smith/db/{name}.toml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    with opened(path, create=True) as store:
        put(store, "accounts", "alice", "user", {"Note": "x"})
        put(store, "configuration", "password", "hunter2")
    return Layout(str(path))


@given(changes=CHANGES, words=WORDS)
@settings(max_examples=examples(200), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_large_revision_is_masked_as_a_small_one(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, changes: list[Change], words: list[str]
) -> None:
    """What is looked at of a large revision, also of one in parts, never changes what is shown of it."""
    revision = Revision(1, 0, Author("me", "", words), changes)
    entry = Entry(1, journal.encode(revision))
    with monkeypatch.context() as patch:
        patch.setattr(journal, "LONGEST_ROW", 30)
        in_parts = Table().entry(revision)
    store = open_store(layout)
    shown = []
    with store.snapshot() as snapshot:
        for few, one in ((10**9, entry), (0, entry), (0, in_parts)):
            with monkeypatch.context() as patch:
                patch.setattr(masking, "_FEW", few)
                shown.append(Masking(Schema(layout), snapshot).revision_data(one))
    store.close()
    assert shown[0] == shown[1] == shown[2]


def test_json_of_many_changes(root: Root) -> None:
    """The JSON of history is one list, however it is written."""
    for number in range(3):
        root.db("accounts", "set", f"user{number}", "user", "Note", f"é{number}")
    found = json.loads(root.esmith("history", "--json", "--limit", "4").out)
    assert [len(revision["changes"]) for revision in found[:3]] == [2, 2, 2]
    assert len(found[3]["changes"]) > 20
    assert root.esmith("history", "--json", "--database", "nosuch").out == "[]\n"
