"""Pages of the journal: each revision is on one of them, what is looked for is found, and no secret is."""

from __future__ import annotations

from typing import Any

import pytest

from esmith.layout import Layout
from esmith.manager.helper.context import Context
from esmith.manager.helper.looks import journal
from esmith.manager.helper.looks.journal import Query
from esmith.store.model import Author, Change, Revision
from tests.commands import Root
from tests.manager.reads.kit import ADDRESS, ask
from tests.store.stores import opened

SECRET = "kept-by-tom-99"
#: As many as there are, with a gap: 6 and 7 do not exist.
NUMBERS = [1, 2, 3, 4, 5, 8, 9, 10, 11, 12]


def _revision(number: int, root: Root) -> Revision:
    key = "qpsmtpd" if number % 2 else "clamd"
    author = Author("root", "", ["config", "setprop", key, "Own", str(number)])
    changes = [Change("configuration", key, "Own", None, str(number))]
    if number == 3:
        author = Author("root", "tom", ["config", "setprop", "smtp-auth-proxy", "Passwd", SECRET])
        changes = [Change("configuration", "smtp-auth-proxy", "Passwd", "", SECRET)]
    if number == 4:
        author = Context(Layout.chosen(str(root.path)), "jane", ADDRESS).author("configuration/email")
    if number == 5:
        changes = [Change("accounts", f"user{at}", "FirstName", None, f"Ann{at}") for at in range(60)]
    return Revision(number, 1700000000 + number, author, changes)


@pytest.fixture
def recorded(root: Root) -> Root:
    """Return a root with a journal of its own."""
    with opened(root.path) as store, store.transaction(Author("root", "", ["restore"])) as transaction:
        transaction.replace_journal([_revision(number, root) for number in NUMBERS], 20)
    return root


def _numbers(page: dict[str, Any]) -> list[int]:
    return [one["revision"] for one in page["revisions"]]


def test_pages(recorded: Root) -> None:
    """Page after page each revision comes once, the newest first, also where numbers are missing."""
    seen: list[int] = []
    before = None
    for _ in range(10):
        page = ask(recorded, "history", before=before, size=2)
        assert len(page["revisions"]) <= 2
        seen += _numbers(page)
        before = page["next"]
        if before is None:
            break
    assert seen == [20, *NUMBERS[::-1]]
    assert _numbers(ask(recorded, "history", before=8, size=1)) == [5]
    assert _numbers(ask(recorded, "history", before=1)) == []
    assert _numbers(ask(recorded, "history", before=2**62, size=1)) == [20]


def _journal(root: Root, *authors: Author) -> None:
    changes = [Change("accounts", "una", "Uid", None, "5000")]
    revisions = [Revision(at, 1700000000 + at, author, changes) for at, author in enumerate(authors, 1)]
    with opened(root.path) as store, store.transaction(Author("root", "", ["restore"])) as transaction:
        transaction.replace_journal(revisions, len(revisions) + 1)


def test_what_a_job_has_made(root: Root) -> None:
    """What actions of a job have changed is under the revision that it was for; alone where that is another one's."""
    form = Author("jane", "", ["server-manager", "collaboration/users una", "from", ADDRESS])
    action = Author("root", "jane, job 0af", ["db", "accounts", "setprop", "una", "Uid", "5000"])
    other = Author("root", "jane, job 0b0", ["db", "accounts", "setprop", "una", "Gid", "5000"])
    command = Author("root", "", ["config", "set", "a", "b"])
    _journal(root, form, action, action, command, other, other, form)
    page = ask(root, "history", size=2, fold=True)
    assert [(one["revision"], [made["revision"] for made in one["folded"]]) for one in page["revisions"]] == [
        (8, []),
        (7, []),
    ]
    page = ask(root, "history", size=3, fold=True, before=page["next"])
    assert [(one["revision"], [made["revision"] for made in one["folded"]]) for one in page["revisions"]] == [
        (5, [6]),
        (4, []),
        (1, [2, 3]),
    ]
    assert page["next"] is None
    assert _numbers(ask(root, "history", before=4, size=2)) == [3, 2]
    assert _numbers(ask(root, "history", query="user:root", fold=True)) == [8, 6, 5, 4, 3, 2]


def test_no_secret_is_shown_or_found(recorded: Root) -> None:
    """A secret is masked in the change and in the command, and whoever looks for it finds nothing."""
    (one,) = ask(recorded, "history", query="smtp-auth-proxy")["revisions"]
    assert one["changes"][0]["new"] == "****"
    assert one["command"] == "config setprop smtp-auth-proxy Passwd ****"
    for word in (SECRET, SECRET[:6], SECRET.upper()):
        assert _numbers(ask(recorded, "history", query=word)) == []
    assert SECRET not in str(ask(recorded, "history", size=100, changes=1000))


def test_what_was_done_in_the_panel(recorded: Root) -> None:
    """A revision that was made in the browser says account, page and address; one of a command has none of that."""
    (one,) = ask(recorded, "history", query="user:jane")["revisions"]
    assert (one["user"], one["panel"]) == ("jane", {"page": "configuration/email", "address": ADDRESS})
    assert all(one["panel"] is None for one in ask(recorded, "history", query="user:root")["revisions"])


def test_looking_for_something(recorded: Root) -> None:
    """Database, key, user and words are looked for; the changes that fit are shown, and the others counted."""
    assert _numbers(ask(recorded, "history", query="key:clamd")) == [12, 10, 8, 4, 2]
    assert _numbers(ask(recorded, "history", query="database:accounts")) == [5]
    assert _numbers(ask(recorded, "history", query="database:accounts key:clamd")) == []
    assert _numbers(ask(recorded, "history", query="user:tom")) == [3]
    assert _numbers(ask(recorded, "history", query="SETPROP clamd own")) == [12, 10, 8, 2]
    (one,) = ask(recorded, "history", query="ann47")["revisions"]
    assert [change["key"] for change in one["changes"]] == ["user47"]
    assert one["more"] == 59
    (one,) = ask(recorded, "history", before=6, size=1, changes=7)["revisions"]
    assert (len(one["changes"]), one["more"]) == (7, 53)


def test_a_page_does_not_look_at_all(recorded: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is rare is found in several pages, each of which looks at a few revisions and says where it ended."""
    monkeypatch.setattr(journal, "MOST_LOOKED_AT", 3)
    page = ask(recorded, "history", query="user:tom")
    assert _numbers(page) == []
    pages = 1
    while page["next"] is not None and not page["revisions"]:
        page = ask(recorded, "history", query="user:tom", before=page["next"])
        pages += 1
    assert (_numbers(page), pages) == ([3], 3)


def test_what_a_query_asks_for() -> None:
    """Names with a colon that mean nothing are words, and so is one without a value."""
    query = Query.of("key:a:b Bad:x user: WORD")
    assert (query.key, query.user, query.words) == ("a:b", "", ["bad:x", "user:", "word"])
    assert Query.of("  ").is_empty
