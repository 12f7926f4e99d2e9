"""Drafts of overrides: what they were begun from, and that they undo nothing that came later."""

from __future__ import annotations

import os

import pytest

from esmith.errors import ExitCode, UsageError
from esmith.layout import Layout
from esmith.overrides.drafts import EDITED, Draft
from esmith.overrides.search import Search
from tests.commands import Answer, Root
from tests.overrides.kit import CUSTOM, note_installed, record, ship_older, states
from tests.overrides.test_edit import at_terminal_with

NAME = "/etc/own.conf/10x"
MINE = f"{CUSTOM}{NAME}"
SHIPPED = f"templates{NAME}"
DRAFTS = "/var/lib/e-smith/drafts"


@pytest.fixture
def root(root: Root) -> Root:
    """Return a root with a small template, and an override in it."""
    root.write("/etc/e-smith/events/own-update/templates2expand/etc/own.conf", "")
    ship_older(root, SHIPPED, "a\nb\nc\n")
    root.custom(NAME, "mine\nb\nc\n")
    return root


def _edit(root: Root, change: str, *, code: int = 0) -> Answer:
    """Edit the override by a command of sed."""
    return root.run("esmith", "overrides", "edit", NAME, env={"VISUAL": "", "EDITOR": f"sed -i {change}"}, code=code)


def _conflict(root: Root) -> None:
    """Leave a draft of a merge that has no marks any more."""
    record(root)
    ship_older(root, SHIPPED, "A\nb\nc\n")
    note_installed(root, "0.1.0")
    root.esmith("overrides", "merge", NAME, code=ExitCode.FAILED)
    root.file(f"{DRAFTS}/merge/templates-custom{NAME}").write_text("A mine\nb\nc\n")


def test_an_old_draft_is_not_saved_over_a_newer_text(root: Root) -> None:
    """An override that was changed since its draft was begun keeps the change; the draft is named, and can go."""
    draft = root.file(f"{DRAFTS}/edit/templates-custom{NAME}")
    _edit(root, "s/mine/{{/", code=ExitCode.TEMPLATE)
    root.custom(NAME, "newer\nb\nc\n")
    answer = _edit(root, "s/{{/x/", code=ExitCode.USAGE)
    assert f"{draft}: this draft is older than your file" in answer.err
    assert (root.read(MINE), draft.read_text()) == ("newer\nb\nc\n", "{{\nb\nc\n")
    assert answer.err.splitlines()[-1].endswith(f": esmith overrides discard {MINE}")
    assert root.esmith("overrides", "discard", MINE).out == f"the draft {draft} is thrown away\n"
    assert root.read(MINE) == "newer\nb\nc\n" and not root.file(DRAFTS).exists()
    assert "there is no draft" in root.esmith("overrides", "discard", MINE, code=ExitCode.USAGE).err
    _edit(root, "s/newer/newest/")
    assert root.read(MINE) == "newest\nb\nc\n"


def test_a_draft_of_which_nothing_is_known_is_not_saved(root: Root) -> None:
    """A draft that an earlier version left, without what it was begun from, is refused, too."""
    _edit(root, "s/mine/{{/", code=ExitCode.TEMPLATE)
    root.file(f"{DRAFTS}/begun/edit/templates-custom{NAME}").unlink()
    assert "it is not known what this draft was begun from" in _edit(root, "s/{{/x/", code=ExitCode.USAGE).err
    assert root.read(MINE) == "mine\nb\nc\n"


@pytest.mark.parametrize("changed", ["your file", "the shipped text"])
def test_an_old_merge_does_not_count(root: Root, changed: str) -> None:
    """A merge that was begun before either side changed again is not saved, and the override stays outdated."""
    _conflict(root)
    if changed == "your file":
        root.custom(NAME, "by hand\nb\nc\n")
    else:
        ship_older(root, SHIPPED, "A 3\nb\nc\n")
    text = root.read(MINE)
    answer = root.esmith("overrides", "merge", NAME, code=ExitCode.USAGE)
    assert f"this draft is older than {changed}\n" in answer.err
    assert (root.read(MINE), states(root)) == (text, {NAME: "outdated"})


@pytest.mark.parametrize("action", ["edit", "accept"])
def test_drafts_go_with_what_they_were_begun_from(root: Root, action: str) -> None:
    """Once an override is saved, or accepted as it is, no draft of it is left, whichever command began that."""
    _conflict(root)
    draft = root.file(f"{DRAFTS}/merge/templates-custom{NAME}")
    answer = root.esmith("overrides", "accept", NAME) if action == "accept" else _edit(root, "s/mine/other/")
    assert f"the draft {draft} is thrown away" in answer.out
    assert not root.file(DRAFTS).exists()


def test_a_merge_whose_draft_is_taken_away_masks_nothing(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """A draft that is gone after it was edited is no empty text."""
    _conflict(root)
    root.file(f"{DRAFTS}/merge/templates-custom{NAME}").write_text("<<<<<<< mine\n>>>>>>> shipped\n")
    with pytest.raises(UsageError, match="the draft is gone"):
        at_terminal_with(root, monkeypatch, "merge", (NAME,), "rm", "edit\nsave\n")
    assert root.read(MINE) == "mine\nb\nc\n"


def test_a_draft_is_written_whole(root: Root) -> None:
    """A draft that holds the text already stays the same file; another text is a new file in its place."""
    layout = Layout(str(root.path))
    draft, one = Draft(layout, EDITED, f"templates-custom{NAME}"), Search(layout).one(f"templates-custom{NAME}")
    draft.write(b"x\n", one, is_there=True)
    with open(draft.path, "rb") as before:
        draft.write(b"x\n", one, is_there=True)
        assert os.stat(draft.path).st_ino == os.fstat(before.fileno()).st_ino
        draft.write(b"y\n", one, is_there=True)
        assert before.read() == b"x\n" and draft.read() == b"y\n"
    assert os.listdir(os.path.dirname(draft.path)) == ["10x"]


def test_a_second_mistake_is_not_passed_because_of_the_first(root: Root) -> None:
    """Beside a file that is refused already a sound change is saved, and one more mistake in it is not."""
    locals_ = "/var/qmail/control/locals"
    root.custom(f"{locals_}/90other", "not one host\n")
    words = ("esmith", "overrides", "edit", locals_, "95mine")
    answer = root.run(*words, env={"VISUAL": "", "EDITOR": "sh -c 'echo good.example > $0'"})
    assert "this is wrong already, also without it:" in answer.out
    answer = root.run(*words, env={"VISUAL": "", "EDITOR": "sh -c 'echo two hosts > $0'"}, code=ExitCode.CHECK)
    assert "'two hosts' is not one host name" in answer.err
    assert str(root.file(f"{DRAFTS}/edit/templates-custom{locals_}/95mine")) in answer.err
    assert root.read(f"{CUSTOM}{locals_}/95mine") == "good.example\n"
