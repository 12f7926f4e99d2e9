"""What a plan finds out of date, and what carrying it out does to the files."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from esmith.apply.drift import find_drift
from esmith.errors import InstallError, TemplateError
from tests.apply.kit import Bench, look


def _identity(place: Path) -> tuple[int, int, int]:
    status = place.lstat()
    return status.st_ino, status.st_mtime_ns, status.st_size


def test_create_replace_unchanged(bench: Bench) -> None:
    """A missing output is created, another text replaces it, the same text leaves it alone."""
    bench.template("/etc/t", "one\n")
    assert bench.apply("/etc/t") == ["/etc/t: create"]
    assert look(bench.file("/etc/t")) == ("file", b"one\n", 0o644)
    bench.template("/etc/t", "two\n")
    assert bench.apply("/etc/t") == ["/etc/t: replace"]
    assert look(bench.file("/etc/t")) == ("file", b"two\n", 0o644)
    assert bench.apply("/etc/t") == []


def test_unchanged_outputs_keep_inode_and_time(bench: Bench) -> None:
    """An output that is as it should be is not written again: inode and modification time stay."""
    bench.template("/etc/t", "text\n")
    bench.apply("/etc/t")
    before = _identity(bench.file("/etc/t"))
    bench.apply("/etc/t")
    bench.apply("/etc/t", keep_attributes=True)
    assert _identity(bench.file("/etc/t")) == before


def test_a_file_that_is_right_already_is_taken_over(bench: Bench) -> None:
    """A file that nobody remembers but that holds what it should is left in place and belongs to the engine then."""
    bench.template("/etc/t", "text\n")
    place = bench.foreign("/etc/t", "text\n")
    before = _identity(place)
    assert bench.apply("/etc/t") == []
    assert _identity(place) == before
    bench.template("/etc/t", "new\n")
    bench.apply("/etc/t")
    assert (bench.kept(), bench.notes) == ({}, [])


def test_mode_is_repaired_in_place(bench: Bench) -> None:
    """A mode that somebody changed is set back without writing the file."""
    bench.template("/etc/t", "text\n", 'mode = "0640"')
    bench.apply("/etc/t")
    place = bench.file("/etc/t")
    before = _identity(place)
    place.chmod(0o666)
    assert bench.apply("/etc/t") == ["/etc/t: mode or owner"]
    assert _identity(place) == before
    assert stat.S_IMODE(place.stat().st_mode) == 0o640


def test_a_new_mode_without_a_new_text(bench: Bench) -> None:
    """A mode that the metadata changes is set on the file that is there."""
    bench.template("/etc/t", "text\n")
    bench.apply("/etc/t")
    before = _identity(bench.file("/etc/t"))
    bench.template("/etc/t", "text\n", 'mode = "0600"')
    bench.apply("/etc/t")
    assert _identity(bench.file("/etc/t")) == before
    assert look(bench.file("/etc/t")) == ("file", b"text\n", 0o600)


@pytest.mark.parametrize(
    ("metadata", "keep", "mode"),
    [("", True, 0o604), ("", False, 0o644), ('mode = "0640"', True, 0o640), ('mode = "0640"', False, 0o640)],
    ids=["kept", "an event sets it", "metadata", "metadata, event"],
)
@pytest.mark.parametrize("text", ["old\n", "new\n"], ids=["same text", "new text"])
def test_expand_template_keeps_the_mode_of_a_file(
    bench: Bench, metadata: str, keep: bool, mode: int, text: str
) -> None:
    """expand-template keeps the mode a file has unless the metadata says one; an event sets 0644."""
    bench.foreign("/etc/t", "old\n", 0o604)
    bench.template("/etc/t", text, metadata)
    bench.apply("/etc/t", keep_attributes=keep)
    assert look(bench.file("/etc/t")) == ("file", text.encode(), mode)


def test_missing_parents_are_made(bench: Bench) -> None:
    """The directories of an output are made, readable by everybody whatever the umask is."""
    bench.template("/new/deep/dir/t", "text\n")
    old = os.umask(0o077)
    try:
        bench.apply("/new/deep/dir/t")
    finally:
        os.umask(old)
    assert look(bench.path / "new/deep/dir/t") == ("file", b"text\n", 0o644)
    for name in ("new", "new/deep", "new/deep/dir"):
        assert stat.S_IMODE((bench.path / name).stat().st_mode) == 0o755


@pytest.mark.parametrize("there", ["same\n", "other\n", None], ids=["same text", "other text", "dangling"])
def test_a_link_is_replaced_by_a_file(bench: Bench, there: str | None) -> None:
    """Where a link stands, a regular file takes its place; what the link leads to is untouched in text and mode."""
    place = bench.file("/etc/t")
    target = bench.file("/elsewhere/file")
    if there is not None:
        target.write_text(there)
        target.chmod(0o600)
    place.symlink_to(target)
    before = look(target)
    bench.template("/etc/t", "same\n")
    assert bench.apply("/etc/t") == ["/etc/t: replace"]
    assert look(place) == ("file", b"same\n", 0o644)
    assert look(target) == before
    assert bench.apply("/etc/t") == []


def test_a_file_becomes_a_link_and_back(bench: Bench) -> None:
    """An output may become a link and a file again; a link that leads there already is left alone."""
    bench.template("/etc/t", "/usr/share/x\n", 'kind = "symlink"')
    bench.apply("/etc/t")
    place = bench.file("/etc/t")
    assert look(place) == ("link", b"/usr/share/x", 0)
    before = place.lstat().st_ino
    assert bench.apply("/etc/t") == []
    assert place.lstat().st_ino == before
    bench.template("/etc/t", "/usr/share/y\n", 'kind = "symlink"')
    assert bench.apply("/etc/t") == ["/etc/t: replace"]
    assert look(place) == ("link", b"/usr/share/y", 0)
    bench.template("/etc/t", "text\n", 'kind = "file"')
    bench.apply("/etc/t")
    assert look(place) == ("file", b"text\n", 0o644)


def _turn(place: Path, target: str) -> None:
    """Let a link lead somewhere else."""
    place.unlink()
    place.symlink_to(target)


@pytest.mark.parametrize("how", ["another target", "a file", "removed"])
def test_a_link_that_was_changed_by_hand(bench: Bench, how: str) -> None:
    """Status names a generated link that was changed, the next expansion restores it, and of a link keeps no copy."""
    bench.template("/etc/t", "/usr/share/x\n", 'kind = "symlink"')
    bench.apply("/etc/t")
    place = bench.file("/etc/t")
    assert _drift(bench) == {}
    if how == "another target":
        # Of the same length: what a link leads to has to be compared.
        _turn(place, "/usr/share/y")
    else:
        place.unlink()
        if how == "a file":
            place.write_text("text\n")
    assert _drift(bench) == {"/etc/t": "removed" if how == "removed" else "edited by hand"}
    assert bench.apply("/etc/t") == ["/etc/t: create" if how == "removed" else "/etc/t: replace"]
    assert look(place) == ("link", b"/usr/share/x", 0)
    assert bench.kept() == ({"/etc/t": "text\n"} if how == "a file" else {})
    assert _drift(bench) == {}


def test_a_link_that_was_made_again_is_as_it_was(bench: Bench) -> None:
    """A link that somebody removed and made again with the same target is not reported and not replaced."""
    bench.template("/etc/t", "/usr/share/x\n", 'kind = "symlink"')
    bench.apply("/etc/t")
    place = bench.file("/etc/t")
    spare = bench.file("/etc/spare")
    spare.symlink_to("/usr/share/x")
    spare.rename(place)
    before = place.lstat().st_ino
    assert _drift(bench) == {}
    assert bench.apply("/etc/t") == []
    assert place.lstat().st_ino == before


def test_a_changed_link_whose_template_changed_too(bench: Bench) -> None:
    """A link that was changed by hand gets the new target of its template, whatever it led to."""
    bench.template("/etc/t", "/usr/share/x\n", 'kind = "symlink"')
    bench.apply("/etc/t")
    place = bench.file("/etc/t")
    _turn(place, "/usr/share/z")
    bench.template("/etc/t", "/usr/share/y\n", 'kind = "symlink"')
    output = bench.one("/etc/t")
    assert (output.old, output.rendering.content) == (b"/usr/share/z", b"/usr/share/y")
    bench.apply("/etc/t")
    assert look(place) == ("link", b"/usr/share/y", 0)


def _drift(bench: Bench) -> dict[str, str]:
    with bench.store.snapshot() as snapshot:
        return {path: str(drift) for path, drift in find_drift(bench.layout, snapshot).items()}


@pytest.mark.parametrize("kind", ["directory", "fifo"])
def test_what_is_not_a_file_is_not_replaced(bench: Bench, kind: str) -> None:
    """A directory or a FIFO where an output belongs is an error that names it, and nothing else is done either."""
    place = bench.file("/etc/t")
    if kind == "directory":
        place.mkdir()
    else:
        os.mkfifo(place)
    bench.template("/etc/a", "text\n")
    bench.template("/etc/t", "text\n")
    with pytest.raises(InstallError) as caught:
        bench.apply("/etc/a", "/etc/t")
    assert caught.value.place == str(place)
    assert not bench.file("/etc/a").exists()


def test_a_name_too_long_for_a_file_is_found_before_anything_is_written(bench: Bench) -> None:
    """A key too long to be a file's name is an error of the plan: the other outputs are as they were."""
    bench.set("accounts", "k" * 300, "user")
    bench.template("/etc/a", "text\n")
    bench.template("/home/{key}", "text\n", 'foreach = "accounts:user"')
    with pytest.raises(InstallError, match="k" * 300):
        bench.apply("/etc/a", "/home/{key}")
    assert not bench.file("/etc/a").exists()


def test_two_templates_of_one_output(bench: Bench) -> None:
    """Two templates that make the same file are an error that names both."""
    bench.template("/etc/a", "text\n", 'output = "/etc/c"')
    bench.template("/etc/b", "text\n", 'output = "/etc/c"')
    with pytest.raises(TemplateError, match="/etc/a and /etc/b"):
        bench.plan("/etc/a", "/etc/b")


def test_a_template_asked_for_twice_is_expanded_once(bench: Bench) -> None:
    """A template that two globs name is one output."""
    bench.template("/etc/t", "text\n")
    assert len(bench.plan("/etc/t", "/etc/t").outputs) == 1


def test_removal(bench: Bench) -> None:
    """An output that should not exist is removed, and created again when it should; absence is not a change."""
    bench.template("/etc/t", "text\n", "delete-when = \"DomainName != 'on'\"")
    assert bench.apply("/etc/t") == []
    bench.set("configuration", "DomainName", "on")
    assert bench.apply("/etc/t") == ["/etc/t: create"]
    bench.set("configuration", "DomainName", "off")
    assert bench.apply("/etc/t") == ["/etc/t: remove"]
    assert look(bench.file("/etc/t")) is None
    assert bench.apply("/etc/t") == []
    assert bench.kept() == {}


@pytest.mark.parametrize("there", [None, "mine\n"], ids=["nothing there", "a file there"])
def test_an_output_that_is_skipped_is_left_alone(bench: Bench, there: str | None) -> None:
    """With ``skip-when`` the file is neither made nor touched nor taken for the engine's."""
    if there:
        bench.foreign("/etc/t", there, 0o600)
    before = look(bench.file("/etc/t"))
    bench.template("/etc/t", "text\n", 'skip-when = "not DomainName"')
    assert bench.apply("/etc/t") == []
    assert look(bench.file("/etc/t")) == before
    bench.set("configuration", "DomainName", "on")
    bench.apply("/etc/t")
    assert bench.kept() == ({"/etc/t": there} if there else {})


@pytest.mark.parametrize(
    "metadata", ["", 'output = "/run/{key}"'], ids=["key in the template's path", "key in the output"]
)
def test_outputs_of_records_that_are_gone_are_removed(bench: Bench, metadata: str) -> None:
    """When a record is deleted or gets another type, the file made for it is removed; the others stay."""
    template = "/etc/links" if metadata else "/run/{key}"
    bench.template(template, "{{ record.key }}\n", f'foreach = "accounts:user"\n{metadata}')
    for key in ("tom", "zoe", "max"):
        bench.set("accounts", key, "user")
    bench.apply(template)
    bench.delete("accounts", "tom")
    bench.set("accounts", "zoe", "user-deleted")
    assert bench.apply(template) == ["/run/tom: remove", "/run/zoe: remove"]
    assert sorted(os.listdir(bench.path / "run")) == ["max"]
    assert bench.apply(template) == []


def test_a_plan_changes_nothing(bench: Bench) -> None:
    """Making a plan of all kinds of changes leaves every file and every row as it was."""
    bench.template("/etc/t", "text\n")
    bench.apply("/etc/t")
    bench.template("/etc/t", "new\n")
    bench.template("/new/t", "new\n")
    bench.foreign("/etc/x", "foreign\n")
    bench.template("/etc/x", "new\n", 'delete-when = "true"')
    before = {place: look(place) for place in bench.path.rglob("*") if place.is_file() and "db" not in place.parts}
    assert [output.difference.value for output in bench.plan("/etc/t", "/new/t", "/etc/x").outputs] == [
        "replace",
        "create",
        "remove",
    ]
    after = {place: look(place) for place in bench.path.rglob("*") if place.is_file() and "db" not in place.parts}
    assert after == before
