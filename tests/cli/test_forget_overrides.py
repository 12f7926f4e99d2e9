"""``esmith forget`` and overrides: what they were made from, and their drafts, hold a former value no more."""

from __future__ import annotations

import os
from pathlib import Path

from esmith.digests import sha256
from esmith.errors import ExitCode
from esmith.layout import Layout
from esmith.plan.host import DiskHost
from esmith.setup.bases import Base, Bases
from tests.cli.kit import CELL, FIRST, NOW, SECOND, traces
from tests.commands import Root

STATE = "/var/lib/e-smith"
OTHER = "templates-custom/etc/clamd.conf/MaxFiles"


def _known(root: Root) -> Bases:
    """Note bases of two overrides and earlier texts, some of which hold a password that somebody put there."""
    layout = Layout(str(root.path))
    bases, host = Bases(layout), DiskHost(layout)
    bases.record("templates-custom/etc/box.conf/10x", Base(f"password {FIRST}\n".encode()))
    bases.record(OTHER, Base(b"MaxFiles 7\n"))
    bases.remember_earlier("templates/etc/clamd.conf/User", f"User {SECOND}\n".encode(), "0.1")
    bases.remember_earlier("templates/etc/clamd.conf/User", b"User x\n", "0.1")
    bases.write(host)
    host.close()
    return bases


def _draft(root: Root, kind: str, text: str) -> Path:
    """Leave a draft, with what it was begun from."""
    path = root.write(f"{STATE}/drafts/{kind}/templates-custom/etc/box.conf/10x", text)
    root.write(f"{STATE}/drafts/begun/{kind}/templates-custom/etc/box.conf/10x", "- -\n")
    return path


def test_nothing_of_overrides_is_left(box: Root) -> None:
    """No base, earlier text or draft holds a former value any more; the others, and the index, stay as they are."""
    _known(box)
    _draft(box, "edit", f"password {FIRST}\n")
    quiet = _draft(box, "merge", "password new\n")
    rehearsed = box.esmith("forget", "--dry-run", *CELL).out
    kept = traces(box, FIRST, SECOND)
    assert sum("/bases/" in path for path in kept) == 2 and sum("/drafts/" in path for path in kept) == 1
    out = box.esmith("forget", *CELL).out
    assert traces(box, FIRST, SECOND) == {}
    for path in (path for path in kept if "/bases/" in path):
        assert f"{path}: 1 place would be overwritten, and it is removed" in rehearsed
        assert f"{path}: 1 place overwritten, and it is removed" in out
        assert not box.file(path).exists()
    bases = Bases(Layout(str(box.path)))
    assert bases.find("templates-custom/etc/box.conf/10x") is None
    assert bases.find(OTHER) == Base(b"MaxFiles 7\n")
    assert [one.text for one in bases.earlier("templates/etc/clamd.conf/User")] == [b"User x\n"]
    assert quiet.read_text() == "password new\n"
    assert not [value for value in (FIRST, SECOND, NOW) if value in out]


def test_a_draft_with_asterisks_is_not_saved(box: Root) -> None:
    """A draft in which a value was overwritten stays to be looked at, and no edit goes on with it and saves it."""
    draft = _draft(box, "edit", f"password {FIRST}\n")
    out = box.esmith("forget", *CELL).out
    assert f"{STATE}/drafts/edit/templates-custom/etc/box.conf/10x: 1 place overwritten; look at this draft" in out
    assert draft.read_text() == f"password {'*' * len(FIRST)}\n"
    words = ("esmith", "overrides", "edit", "/etc/box.conf", "10x")
    answer = box.run(*words, env={"VISUAL": "", "EDITOR": "true"}, code=ExitCode.USAGE)
    assert "it is not known what this draft was begun from" in answer.err


def test_what_is_shipped_as_it_is_stays(box: Root) -> None:
    """A base that is still shipped, to the byte, stays: it says nothing of this machine, whatever word is in it."""
    text = box.file("/etc/e-smith/templates/etc/clamd.conf/MaxFiles").read_bytes()
    box.config("setprop", "box", "Password", "MaxFiles")
    box.config("setprop", "box", "Password", NOW)
    layout = Layout(str(box.path))
    bases, host = Bases(layout), DiskHost(layout)
    bases.record(OTHER, Base(text))
    bases.write(host)
    host.close()
    os.symlink("/etc/passwd", box.file(f"{STATE}/bases/{'0' * 64}"))
    os.mkfifo(box.file(f"{STATE}/bases/{'1' * 64}"))
    assert sha256(text).hexdigest() not in box.esmith("forget", *CELL).out
    assert Bases(layout).find(OTHER) == Base(text)
