"""``esmith overrides merge`` and ``accept``."""

from __future__ import annotations

import pytest

from esmith.errors import ExitCode
from tests.commands import Root
from tests.overrides.kit import CUSTOM, found, note_installed, record, ship_older, states
from tests.overrides.test_edit import at_terminal

NAME = "/etc/own.conf/10x"
MINE = f"{CUSTOM}{NAME}"
DRAFT = f"/var/lib/e-smith/drafts/merge/templates-custom{NAME}"
_OLD, _NEW = "a\nb\nc\n", "A\nb\nc\n"


def _outdated(root: Root, mine: str, new: str | None = _NEW) -> None:
    root.write("/etc/e-smith/events/own-update/templates2expand/etc/own.conf", "")
    ship_older(root, "templates/etc/own.conf/20y", "y\n")
    ship_older(root, f"templates{NAME}", _OLD)
    root.custom(NAME, mine)
    record(root)
    ship_older(root, f"templates{NAME}", new)
    note_installed(root, "0.1.0")
    assert states(root) == {NAME: "outdated"}


def test_a_clean_merge_is_saved(root: Root) -> None:
    """The merged text and how the file changes are shown; then the new shipped text is the base."""
    _outdated(root, "a\nb\nmine\n")
    answer = root.esmith("overrides", "merge", NAME)
    assert [line for line in answer.out.splitlines() if line[:3] in ("---", "+++")] == [
        f"--- {MINE}", f"+++ {MINE}", "--- /dev/null", "+++ /etc/own.conf"
    ]  # fmt: skip
    assert root.read(MINE) == "A\nb\nmine\n"
    (one,) = found(root).values()
    assert (one.state, one.base.text) == ("replaces", _NEW.encode())
    assert "has not changed since it was made" in root.esmith("overrides", "merge", NAME).out


def test_a_conflict_goes_to_a_draft(root: Root) -> None:
    """Without a terminal both texts are in a draft, which no event reads; merged there, the next merge saves it."""
    _outdated(root, "mine\nb\nc\n")
    answer = root.esmith("overrides", "merge", NAME, code=ExitCode.FAILED)
    assert f"{root.file(DRAFT)}: has places that both changed" in answer.err
    assert root.read(MINE) == "mine\nb\nc\n"
    text = root.read(DRAFT)
    assert text == "<<<<<<< mine\nmine\n||||||| base\na\n=======\nA\n>>>>>>> shipped\nb\nc\n"
    assert root.esmith("overrides", "merge", NAME, code=ExitCode.FAILED).out == ""
    root.file(DRAFT).write_text("A mine\nb\nc\n")
    root.esmith("overrides", "merge", NAME)
    assert root.read(MINE) == "A mine\nb\nc\n" and not root.file(DRAFT).exists()
    assert states(root) == {NAME: "replaces"}


def test_a_conflict_at_a_terminal(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """At a terminal the editor opens the draft, and what is merged there is saved."""
    _outdated(root, "mine\nb\nc\n")
    delete = "/^[<|=>]/d;/^a$/d"
    assert at_terminal(root, monkeypatch, "merge", (NAME,), delete, "edit\nsave\n") == ExitCode.OK
    assert root.read(MINE) == "mine\nA\nb\nc\n"


def test_what_there_is_nothing_to_merge_of(root: Root) -> None:
    """Of what is not shipped any more, or was not before, nothing is merged: the message names accept."""
    _outdated(root, "mine\n", None)
    answer = root.esmith("overrides", "merge", NAME, code=ExitCode.USAGE)
    assert f"esmith overrides accept {MINE}" in answer.err
    assert root.esmith("overrides", "--outdated", code=ExitCode.FAILED).out.startswith("outdated")
    assert root.esmith("overrides", "accept", NAME).out == f"{MINE} stays as it is\n"
    assert states(root) == {NAME: "adds"}
    assert root.esmith("overrides", "--outdated").out == "no override is outdated\n"


def test_what_was_never_shipped_is_not_merged(root: Root) -> None:
    """An override that only adds is not called one whose shipped text is gone."""
    root.write("/etc/e-smith/events/own-update/templates2expand/etc/own.conf", "")
    root.custom(NAME, "mine\n")
    answer = root.esmith("overrides", "merge", NAME, code=ExitCode.USAGE)
    assert "nothing is shipped in its place" in answer.err and "any more" not in answer.err


def test_a_mask_is_not_merged(root: Root) -> None:
    """What masks the shipped text has no text of its own to merge; it can be accepted."""
    _outdated(root, "")
    assert "masks the shipped text" in root.esmith("overrides", "merge", NAME, code=ExitCode.USAGE).err
    root.esmith("overrides", "accept", NAME)
    assert states(root) == {NAME: "masks"}


def test_accept_leaves_the_text(root: Root) -> None:
    """What was looked at is not outdated, until the shipped text changes again."""
    _outdated(root, "mine\nb\nc\n")
    root.esmith("overrides", "accept", NAME)
    assert (states(root), root.read(MINE)) == ({NAME: "replaces"}, "mine\nb\nc\n")
    ship_older(root, f"templates{NAME}", "Aa\nb\nc\n")
    assert states(root) == {NAME: "outdated"}
