"""How drafts are shown, and that two people do not write into one."""

from __future__ import annotations

import os
from pathlib import Path

from esmith.errors import ExitCode
from esmith.layout import Layout
from esmith.overrides.drafts import find_drafts, held
from esmith.store.locks import try_flock
from tests.commands import Answer, Root
from tests.overrides.kit import CUSTOM, all_files

NAME = "/etc/clamd.conf/MaxFiles"
MINE = f"{CUSTOM}{NAME}"
DRAFTS = "/var/lib/e-smith/drafts"


def _edit(root: Root, editor: str, *, code: int = 0) -> Answer:
    """Edit the override with a program, where nobody is at a terminal."""
    return root.run("esmith", "overrides", "edit", NAME, env={"VISUAL": "", "EDITOR": editor}, code=code)


def test_the_list_ends_with_the_drafts(root: Root) -> None:
    """A draft is listed with the commands that go on with it and throw it away; to look at it changes nothing."""
    _edit(root, "sed -i 's/ {{.*/ {{/'", code=ExitCode.TEMPLATE)
    before = all_files(root)
    shown = [
        f"not saved yet, a draft: {root.file(DRAFTS)}/edit/templates-custom{NAME}",
        f"  to go on with it: esmith overrides edit {MINE}",
        f"  to throw it away: esmith overrides discard {MINE}",
    ]
    for words in ((), (NAME,)):
        assert root.esmith("overrides", *words).out.splitlines()[-3:] == shown, words
    assert "a draft" not in root.esmith("overrides", "--json").out
    assert all_files(root) == before
    root.custom(NAME, "MaxFiles 7\n")
    lines = root.esmith("overrides").out.splitlines()
    assert lines[-2:] == ["  this draft is older than your file", shown[2]]


def test_a_name_for_a_terminal(root: Root) -> None:
    """A draft whose name has a newline and an escape in it is one line, and no control character is printed."""
    path = root.file(f"{DRAFTS}/edit/templates-custom/etc/clamd.conf") / "10x\nesmith: all is well\x1b[2J"
    path.parent.mkdir(parents=True)
    path.write_text("x\n")
    os.mkfifo(path.with_name("pipe"))
    assert len(find_drafts(Layout(str(root.path)))) == 1
    out = root.esmith("overrides").out
    assert "10x\\nesmith: all is well\\x1b[2J" in out and "\x1b" not in out and len(out.splitlines()) == 3
    custom = Path(root.custom("/etc/clamd.conf/10x\n\x1b[2J", "x\n"))
    assert "\x1b" not in root.esmith("overrides", "diff", str(custom)).out


def test_an_editor_that_fails_leaves_no_draft(root: Root) -> None:
    """An editor that fails before anything is changed leaves nothing; one that has written leaves a draft."""
    answer = _edit(root, "sh -c 'kill -9 $$'", code=ExitCode.USAGE)
    assert "was ended by signal 9" in answer.err and "nothing was changed" in answer.err
    assert not root.file(DRAFTS).exists()
    answer = _edit(root, "sh -c 'echo MaxFiles 9 >$0; exit 3'", code=ExitCode.USAGE)
    assert f"to go on with it: esmith overrides edit {MINE}" in answer.err
    _edit(root, "false", code=ExitCode.USAGE)
    assert root.read(f"{DRAFTS}/edit/templates-custom{NAME}") == "MaxFiles 9\n"
    _edit(root, "true")
    assert root.read(MINE) == "MaxFiles 9\n" and not root.file(DRAFTS).exists()


def test_one_at_a_time(root: Root) -> None:
    """While somebody is at an override nobody else edits, merges or discards it; another one is not in the way."""
    layout = Layout(str(root.path))
    with held(layout, f"templates-custom{NAME}"):
        answer = _edit(root, "sh -c 'echo MaxFiles 9 >$0'", code=ExitCode.BUSY)
        assert f"{MINE}: somebody is editing it at this moment" in answer.err
        root.esmith("overrides", "discard", NAME, code=ExitCode.BUSY)
        with held(layout, f"templates-custom{NAME}x"):
            assert len(os.listdir(root.file(f"{DRAFTS}/held"))) == 2
    assert not root.file(MINE).exists() and not root.file(DRAFTS).exists()


def test_whoever_was_killed_is_in_no_ones_way(root: Root) -> None:
    """A file that an editor's command left when it was killed is not locked any more, and goes."""
    layout = Layout(str(root.path))
    with held(layout, "templates-custom/x"):
        (left,) = root.file(f"{DRAFTS}/held").iterdir()
        descriptor = os.open(left, os.O_RDWR)
        assert not try_flock(descriptor)
        os.close(descriptor)
    left.parent.mkdir(parents=True)
    left.write_bytes(b"")
    with held(layout, "templates-custom/x", make=False):
        assert left.exists()
    assert not root.file(DRAFTS).exists()


def test_an_empty_text_is_called_a_mask(root: Root) -> None:
    """An editor that leaves nothing, as on a full disk, makes a mask: a line warns of that before it is saved."""
    assert "it is empty, so it leaves out what is shipped" in _edit(root, "truncate -s 0").out.splitlines()


def test_what_could_not_be_saved_is_kept(root: Root) -> None:
    """Where the override was changed meanwhile, what was written stays as a draft, which the message names."""
    root.custom(NAME, "MaxFiles 1\n")
    answer = _edit(root, f"sh -c 'echo MaxFiles 2 >{root.file(MINE)}; echo MaxFiles 3 >$0'", code=ExitCode.USAGE)
    assert f"what you wrote is kept as a draft: {root.file(DRAFTS)}/edit/templates-custom{NAME}" in answer.err
    assert root.read(f"{DRAFTS}/edit/templates-custom{NAME}") == "MaxFiles 3\n"
