"""``config edit``: what is stored, what is refused, and that nobody's change is overwritten."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands import Answer, Root


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """Return where the text to edit is written; whatever is kept there is removed."""
    folder = tmp_path / "edited"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


def _edit(root: Root, place: Path, editor: str, *words: str, code: int = 0, variable: str = "EDITOR") -> Answer:
    env = {"TMPDIR": str(place), "VISUAL": "", "EDITOR": "", variable: editor}
    return root.run("config", *(words or ("edit", "imap")), code=code, env=env)


def _script(tmp_path: Path, body: str) -> str:
    """Return an editor: a shell script that gets the file as $1."""
    script = tmp_path / "an editor"
    script.write_text(f"#!/bin/sh\n{body}\n")
    script.chmod(0o755)
    return f"'{script}'"


def _kept(place: Path, answer: Answer) -> str:
    """Return the text that is kept, which the message names."""
    (file,) = place.glob("*/*")
    assert str(file) in answer.err
    assert file.stat().st_mode & 0o077 == 0
    return file.read_text()


def test_a_change_is_one_revision(root: Root, place: Path) -> None:
    """Several changes of one text are one revision, which names the command; nothing is left of the text."""
    answer = _edit(root, place, "sed -i -e s/^ConcurrencyLimit.=.*/ConcurrencyLimit=401/ -e /^access/d -e $aX=1")
    assert sorted(answer.out.splitlines()) == [
        "configuration imap ConcurrencyLimit: 400 -> 401",
        "configuration imap X: (none) -> 1",
        "configuration imap access: private -> (none)",
    ]
    assert root.config("getprop", "imap", "ConcurrencyLimit").out == "401\n"
    assert "config edit imap" in root.esmith("history", "--limit", "1").out
    assert list(place.iterdir()) == []


def test_nothing_changes_without_an_edit(root: Root, place: Path) -> None:
    """A text that stays as it is makes no revision."""
    before = root.esmith("history", "--limit", "1").out
    assert _edit(root, place, "true").out == "nothing was changed\n"
    assert root.esmith("history", "--limit", "1").out == before


def test_json(root: Root, place: Path) -> None:
    """With --json the changes are those of esmith history."""
    answer = _edit(root, place, "sed -i s/^TCPPort.=.*/TCPPort=144/", "--json", "edit", "imap")
    change = {"database": "configuration", "key": "imap", "property": "TCPPort", "old": "143", "new": "144"}
    assert json.loads(answer.out) == {"changes": [change]}


def test_a_refused_value_is_kept(root: Root, place: Path) -> None:
    """What the schema refuses is not stored, and the text is kept in a file that the message names."""
    answer = _edit(root, place, "sed -i s/^status.=.*/status=maybe/", code=3)
    assert "'maybe' is not one of enabled, disabled" in answer.err
    assert "status=maybe" in _kept(place, answer)
    assert root.config("getprop", "imap", "status").out == "enabled\n"
    assert _edit(root, place, "sed -i s/^status.=.*/status=maybe/", "--force", "edit", "imap").code == 0


def test_a_change_meanwhile_is_not_overwritten(root: Root, place: Path, tmp_path: Path) -> None:
    """When another command changes the record while it is edited, its change stays, and the message names it."""
    other = f"{root.path}/sbin/e-smith/config setprop imap TCPPort 145"
    editor = _script(tmp_path, f'ESMITH_ROOT={root.path} {other}; echo "X = 1" >> "$1"')
    answer = _edit(root, place, editor, code=1)
    assert "was changed while you edited it, in revision" in answer.err
    assert "X = 1" in _kept(place, answer)
    assert root.config("getprop", "imap", "TCPPort").out == "145\n"
    assert root.config("getprop", "imap", "X", code=1).out == ""


def test_another_record_may_change_meanwhile(root: Root, place: Path, tmp_path: Path) -> None:
    """A change of another record does not keep a text from being stored."""
    other = f"{root.path}/sbin/e-smith/config setprop pop3 TCPPort 111"
    _edit(root, place, _script(tmp_path, f'ESMITH_ROOT={root.path} {other}; echo "X = 1" >> "$1"'))
    assert root.config("getprop", "imap", "X").out == "1\n"


def test_a_secret_is_masked(root: Root, place: Path, tmp_path: Path) -> None:
    """A secret is not in the text, and stays as it is where its mask stays."""
    root.config("set", "box", "vpnbox", "Password", "hunter2", "Port", "1")
    shown = tmp_path / "shown"
    _edit(root, place, _script(tmp_path, f'cp "$1" {shown}; sed -i "s/^Port.*/Port = 2/" "$1"'), "edit", "box")
    assert "hunter2" not in shown.read_text() and "Password = ****" in shown.read_text()
    assert root.config("getprop", "box", "Password").out == "hunter2\n"
    assert root.config("getprop", "box", "Port").out == "2\n"


def test_a_mask_is_not_stored(root: Root, place: Path) -> None:
    """A secret that gets another name is refused and not lost: its mask would be stored in its place."""
    root.config("set", "box", "vpnbox", "Password", "hunter2", "Port", "1")
    answer = _edit(root, place, "sed -i s/^Password/Password2/", "edit", "box", code=2)
    assert "**** stands for a secret, and 'Password2' had none" in answer.err
    assert root.config("getprop", "box", "Password").out == "hunter2\n"


def test_an_interruption_keeps_the_text(root: Root, place: Path, tmp_path: Path) -> None:
    """What was typed is kept, and its file named, when the command is interrupted; a text that is as it was is not."""
    answer = _edit(root, place, _script(tmp_path, 'echo "X = 1" >> "$1"; kill -INT $PPID; sleep 1'), code=130)
    assert "X = 1" in _kept(place, answer)
    shutil.rmtree(next(place.iterdir()))
    answer = _edit(root, place, _script(tmp_path, "kill -INT $PPID; sleep 1"), code=130)
    assert list(place.iterdir()) == []


def test_no_shell_reads_the_editor(root: Root, place: Path, tmp_path: Path) -> None:
    """The variable is split into words, and what a shell would do with them is not done."""
    _edit(root, place, f"true $(touch {tmp_path}/made) ; touch {tmp_path}/made")
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("editor", "message"),
    [
        ("false", "the editor false ended with 1"),
        ("/nowhere/editor", "cannot be started"),
        ("vi 'x", "VISUAL cannot be read"),
    ],
)
def test_an_editor_that_fails(editor: str, message: str, root: Root, place: Path) -> None:
    """An editor that cannot be started, or ends with a failure, changes nothing; VISUAL comes first."""
    answer = root.run(
        "config", "edit", "imap", code=None, env={"TMPDIR": str(place), "VISUAL": editor, "EDITOR": "true"}
    )
    assert answer.code != 0 and message in answer.err
    assert list(place.iterdir()) == []


def test_a_record_that_is_not_there(root: Root, place: Path) -> None:
    """A record that does not exist is answered with the nearest name, and no editor is started."""
    answer = _edit(root, place, "false", "edit", "imapp", code=2)
    assert "did you mean 'imap" in answer.err
