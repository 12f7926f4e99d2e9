"""What a plan makes of a place where something is already: all cases of what is there, known and wanted."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from esmith.disk import Directory
from esmith.errors import InstallError
from esmith.plan.output import Difference
from tests.apply.kit import Bench, only_root

PATH = "/etc/t"
NONE, REPLACE, REMOVE = Difference.NONE, Difference.REPLACE, Difference.REMOVE
EDITED, FOREIGN = "edited by hand", "not made by e-smith"

#: What the template makes: its text and what its metadata says.
Template = tuple[str, str]
TEXT: Template = ("text\n", "")
NEW: Template = ("new\n", "")
LINK: Template = ("text\n", 'kind = "symlink"')
NEW_LINK: Template = ("new\n", 'kind = "symlink"')
ABSENT: Template = ("text\n", 'delete-when = "true"')


def _nothing(_place: Path) -> None:
    """Leave what is there."""


def _touch(place: Path) -> None:
    os.utime(place, (1, 1))


def _write(text: str) -> Callable[[Path], None]:
    """Return what puts another file there."""

    def write(place: Path) -> None:
        place.unlink(missing_ok=True)
        place.write_text(text)

    return write


def _link(target: str) -> Callable[[Path], None]:
    """Return what puts another link there."""

    def link(place: Path) -> None:
        place.unlink(missing_ok=True)
        place.symlink_to(target)

    return link


def _same_mark(place: Path) -> None:
    """Write another text of the same length, so that size, time and inode are those of what was installed."""
    status = place.stat()
    with place.open("r+") as file:
        file.write("TEXT\n")
    os.utime(place, ns=(status.st_atime_ns, status.st_mtime_ns))


Case = tuple[Template | None, Callable[[Path], None], Template, Difference, bytes | None, str]

#: What was installed (None: nothing was), what somebody did then, and what is wanted now; how it differs, what is
#: there, and why that was not written by the engine.
CASES: dict[str, Case] = {
    # The engine's own file, not touched: it is not read to find out whether it is right.
    "untouched, same": (TEXT, _nothing, TEXT, NONE, None, ""),
    "untouched, another text": (TEXT, _nothing, NEW, REPLACE, b"text\n", ""),
    "untouched, now a link": (TEXT, _nothing, LINK, REPLACE, b"text\n", ""),
    "untouched, not wanted": (TEXT, _nothing, ABSENT, REMOVE, b"text\n", ""),
    "untouched link, same": (LINK, _nothing, LINK, NONE, None, ""),
    "untouched link, another target": (LINK, _nothing, NEW_LINK, REPLACE, b"text", ""),
    "untouched link, now a file": (LINK, _nothing, TEXT, REPLACE, b"text", ""),
    "untouched link, not wanted": (LINK, _nothing, ABSENT, REMOVE, b"text", ""),
    "untouched by all signs, same": (TEXT, _same_mark, TEXT, NONE, None, ""),
    "untouched by all signs, another text": (TEXT, _same_mark, NEW, REPLACE, b"TEXT\n", ""),
    "untouched by all signs, not what was installed": (TEXT, _same_mark, ("TEXT\n", ""), REPLACE, b"TEXT\n", ""),
    # The engine's own content, but the file may have been written since.
    "touched, same": (TEXT, _touch, TEXT, NONE, None, ""),
    "touched, another text": (TEXT, _touch, NEW, REPLACE, b"text\n", ""),
    "touched, now a link": (TEXT, _touch, LINK, REPLACE, b"text\n", ""),
    "touched, not wanted": (TEXT, _touch, ABSENT, REMOVE, b"text\n", ""),
    "written again, same": (TEXT, _write("text\n"), TEXT, NONE, None, ""),
    # Edited.
    "edited": (TEXT, _write("mine\n"), TEXT, REPLACE, b"mine\n", EDITED),
    "edited to what is wanted now": (TEXT, _write("new\n"), NEW, NONE, None, ""),
    "edited, now a link": (TEXT, _write("mine\n"), LINK, REPLACE, b"mine\n", EDITED),
    "edited, not wanted": (TEXT, _write("mine\n"), ABSENT, REMOVE, b"mine\n", EDITED),
    "a link by a file": (LINK, _write("mine\n"), LINK, REPLACE, b"mine\n", EDITED),
    # No backup copy of a link is made: what it leads to stays.
    "a file by a link": (TEXT, _link("mine"), TEXT, REPLACE, b"mine", ""),
    "a file by a link whose target is the text": (LINK, _link("text\n"), TEXT, REPLACE, b"text\n", ""),
    "a link by another link": (LINK, _link("mine"), LINK, REPLACE, b"mine", ""),
    "a link by the link that is wanted now": (LINK, _link("new"), NEW_LINK, NONE, None, ""),
    "a link by another link, not wanted": (LINK, _link("mine"), ABSENT, REMOVE, b"mine", ""),
    # Never installed, or removed by the engine.
    "foreign": (None, _write("mine\n"), TEXT, REPLACE, b"mine\n", FOREIGN),
    "foreign, same": (None, _write("text\n"), TEXT, NONE, None, ""),
    "foreign, not wanted": (None, _write("mine\n"), ABSENT, REMOVE, b"mine\n", FOREIGN),
    "foreign, same text, but a link is wanted": (None, _write("text"), LINK, REPLACE, b"text", FOREIGN),
    "foreign link": (None, _link("mine"), TEXT, REPLACE, b"mine", ""),
    "foreign link, same": (None, _link("text"), LINK, NONE, None, ""),
    "foreign link, not wanted": (None, _link("mine"), ABSENT, REMOVE, b"mine", ""),
    "was to be absent": (ABSENT, _write("mine\n"), TEXT, REPLACE, b"mine\n", FOREIGN),
    "was to be absent, and is again": (ABSENT, _write("mine\n"), ABSENT, REMOVE, b"mine\n", FOREIGN),
    "was to be absent, same": (ABSENT, _write("text\n"), TEXT, NONE, None, ""),
}


@pytest.mark.parametrize(("installed", "meddle", "wanted", "difference", "old", "foreign"), CASES.values(), ids=CASES)
def test_what_is_there(
    bench: Bench,
    installed: Template | None,
    meddle: Callable[[Path], None],
    wanted: Template,
    difference: Difference,
    old: bytes | None,
    foreign: str,
) -> None:
    """A place is left as it is when it is right; what somebody else wrote there is named, and no link is."""
    if installed is not None:
        bench.template(PATH, *installed)
        bench.apply(PATH)
    meddle(bench.file(PATH))
    bench.trees.place("templates", f"{PATH}/template.toml").unlink(missing_ok=True)
    bench.template(PATH, *wanted)
    output = bench.one(PATH, keep_attributes=True)
    assert (output.difference, output.old, output.foreign) == (difference, old, foreign)


#: What somebody did to the installed file, what is wanted, whether the file is the caller's own; what follows, None
#: for an error.
UNREADABLE: dict[str, tuple[Callable[[Path], None], Template, bool, tuple[Difference, bytes | None, str] | None]] = {
    "untouched, same": (_nothing, TEXT, True, (NONE, None, "")),
    "untouched, another text": (_nothing, NEW, True, (REPLACE, b"", "")),
    "untouched, another text, another's": (_nothing, NEW, False, (REPLACE, b"", "")),
    "untouched, empty": (_nothing, ("", ""), True, (REPLACE, b"", "")),
    "edited": (_write("mine\n"), TEXT, True, (REPLACE, b"", EDITED)),
    "edited, not wanted": (_write("mine\n"), ABSENT, True, (REMOVE, b"", EDITED)),
    "edited, another's": (_write("mine\n"), TEXT, False, None),
    "edited, not wanted, another's": (_write("mine\n"), ABSENT, False, None),
}


@only_root
@pytest.mark.parametrize(("meddle", "wanted", "own", "found"), UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_read(
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
    meddle: Callable[[Path], None],
    wanted: Template,
    own: bool,
    found: tuple[Difference, bytes | None, str] | None,
) -> None:
    """A file that its mode keeps even its owner from reading is replaced; one of somebody else is an error."""

    def take(_directory: Directory, name: str) -> tuple[bytes, os.stat_result]:
        raise PermissionError(13, "Permission denied", name)

    bench.template(PATH, *TEXT)
    bench.apply(PATH)
    meddle(bench.file(PATH))
    if not own:
        os.chown(bench.file(PATH), 5001, 5001)
    bench.template(PATH, *wanted)
    monkeypatch.setattr(Directory, "take", take)
    if found is None:
        with pytest.raises(InstallError, match="Permission denied"):
            bench.one(PATH, keep_attributes=True)
        return
    output = bench.one(PATH, keep_attributes=True)
    assert (output.difference, output.old, output.foreign) == found
